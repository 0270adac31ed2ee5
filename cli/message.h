/* SPDX-License-Identifier: MIT */
#pragma once

/* From the command line of `aziot send` to the parameters of io.aziotd.telemetry.Send. */

#include <azure/core/az_span.h>

#include "ipc/json.h"

typedef enum BodyKind {
        BODY_GUESS, /* a JSON object is a body, everything else is text */
        BODY_TEXT,
        BODY_DATA, /* any bytes; they travel in base64 */
        _BODY_KIND_MAX,
} BodyKind;

/* Strings are NULL and numbers negative where the command line says nothing. */
typedef struct MessageOptions {
        BodyKind kind;
        const char *content_type;
        const char *message_id;
        const char *component;
        const char *stage;
        const char **properties; /* "key=value" each */
        size_t n_properties;
        int64_t ttl_s;
        int64_t timeout_s;
} MessageOptions;

#define MESSAGE_OPTIONS_NULL ((MessageOptions){ .ttl_s = -1, .timeout_s = -1 })

/*
 * Adds "key=value" to the properties. -EINVAL: it has no key, no '=', or is not UTF-8. -EEXIST: the key is
 * there already. Returns -ENOMEM.
 */
int message_options_add_property(MessageOptions *options, const char *property);
void message_options_done(MessageOptions *options);

/*
 * Writes the parameters of a Send of 'body'; a JSON object is copied byte for byte. -EILSEQ: as text it would
 * have to be UTF-8 and is not. Returns -ENOMEM. Whether the writer has room shows in ipc_json_get().
 */
int message_write(IpcJson *json, const MessageOptions *options, az_span body);
