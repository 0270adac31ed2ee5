/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Writes one JSON object, the parameters of a call or a reply, with little ceremony: commas and escapes come
 * by themselves, a failed allocation is remembered and told at the end, objects up to 256 bytes need none.
 *
 *      _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
 *
 *      ipc_json_begin(&json, NULL);
 *      ipc_json_int(&json, "sequence", sequence);
 *      ipc_json_end(&json);
 *      return ipc_call_reply_json(call, &json);
 *
 * 'name' is the member's name inside an object, NULL for the outermost value and inside an array. Names are
 * ours and need no escaping. A text that is absent (pointer NULL) is written as null.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <azure/core/az_span.h>

typedef struct IpcJson {
        uint8_t *data; /* NULL: still in 'small' */
        size_t size, allocated;
        int error;
        bool separate; /* the next value needs a comma before it */
        uint8_t small[256];
} IpcJson;

#define IPC_JSON_NULL ((IpcJson){ .data = NULL })

/* Begins an object ('{') or an array ('['), and ends whichever is open. */
void ipc_json_begin(IpcJson *json, const char *name);
void ipc_json_end(IpcJson *json);
void ipc_json_begin_array(IpcJson *json, const char *name);
void ipc_json_end_array(IpcJson *json);

/* Bytes that are not UTF-8 become U+FFFD. An entry is a member whose name is not ours: it is escaped, too. */
void ipc_json_begin_entry(IpcJson *json, az_span name);
void ipc_json_string(IpcJson *json, const char *name, az_span text);
void ipc_json_entry(IpcJson *json, az_span name, az_span text);
void ipc_json_cstring(IpcJson *json, const char *name, const char *text);
void ipc_json_int(IpcJson *json, const char *name, int64_t value);
void ipc_json_bool(IpcJson *json, const char *name, bool value);
void ipc_json_null(IpcJson *json, const char *name);

/* Bytes as base64 (RFC 4648, section 4); none at all are the empty text. */
void ipc_json_base64(IpcJson *json, const char *name, az_span bytes);

/* JSON text, copied as it is: it must be valid and hold no NUL. */
void ipc_json_raw(IpcJson *json, const char *name, az_span text);

/* The text so far; -ENOMEM if any of it is missing. It is valid until the next call on 'json'. */
int ipc_json_get(const IpcJson *json, az_span *ret);

/* Frees what it holds and makes it IPC_JSON_NULL, ready for the next object. */
void ipc_json_done(IpcJson *json);
