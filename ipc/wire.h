/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The messages of Varlink (UAPI.20 "Varlink IPC", section "Wire Protocol"), without their NUL and without
 * I/O: calls and replies from text, replies to text.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <azure/core/az_span.h>

#include "ipc/document.h"

/*
 * A condition of the parsers: the message breaks the protocol, "there is no well-defined reply for such
 * messages"; close the connection. That is: not JSON, not an object, a member twice, unknown or of the wrong
 * type, no method, more than one of 'more', 'oneway' and 'upgrade'.
 */
#define IPC_WIRE_MALFORMED 1

typedef struct IpcWireCall {
        az_span method;
        uint32_t parameters; /* the object, or IPC_TOKEN_NONE */
        bool more, oneway, upgrade;
} IpcWireCall;

typedef struct IpcWireReply {
        az_span error;       /* empty: success */
        uint32_t parameters; /* the object, or IPC_TOKEN_NONE */
        bool continues;
} IpcWireReply;

/* 0, IPC_WIRE_MALFORMED, -ENOMEM. The document is that of 'message' from then on. */
int ipc_wire_parse_call(IpcDocument *document, az_span message, IpcWireCall *ret);
int ipc_wire_parse_reply(IpcDocument *document, az_span message, IpcWireReply *ret);

/*
 * Writes a reply and its NUL and returns their size; 'out' NULL only measures.
 *
 *   error       full name of an error, NULL for success
 *   parameters  JSON object; empty: {}
 */
size_t ipc_wire_format_reply(uint8_t *out, const char *error, bool continues, az_span parameters);
