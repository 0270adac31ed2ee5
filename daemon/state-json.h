/* SPDX-License-Identifier: MIT */
#pragma once

/* The JSON of a state file (state-file.h): between its text and a struct. No I/O. */

#include "ipc/field.h"
#include "ipc/json.h"

/* Copies the finished text of 'json', NUL-terminated, to be freed by the caller. -ENOMEM. */
int state_json_take(const IpcJson *json, char **ret);

/* Condition of state_json_decode(): it is not what was formatted. */
#define STATE_JSON_INVALID 1

/* Decodes 'text' to 'out'; what it points to lives as long as 'document'. 0; INVALID; -ENOMEM. */
int state_json_decode(const IpcStruct *type, IpcDocument *document, az_span text, void *out);
