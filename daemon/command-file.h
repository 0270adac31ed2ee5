/* SPDX-License-Identifier: MIT */
#pragma once

/* What programs serve over the broker, as the JSON of a state file (state-file.h). No I/O. */

#include "daemon/command-server.h"
#include "ipc/document.h"

/* One that was served. */
typedef struct CommandRecord {
        CommandOffer offer;
        uid_t uid;
} CommandRecord;

/* Formats all that 'server' serves, NUL-terminated, to be freed. -ENOMEM */
int command_file_format(const CommandServer *server, char **ret);

/*
 * Parses it. *ret_records is to be freed; what it points to besides lives in 'document', which is empty
 * before. STATE_JSON_INVALID: it is not what was formatted. -ENOMEM
 */
int command_file_parse(IpcDocument *document, az_span text, CommandRecord **ret_records, size_t *ret_n);
