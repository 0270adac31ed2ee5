/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A JSON text, read once into a list of tokens, and the memory for what is decoded from it. Whoever wants a
 * value walks the tokens: nothing is scanned twice, and the bytes of a value are the bytes that came. One
 * document serves message after message without allocating.
 *
 *      for (uint32_t i = object + 1; i < document->tokens[object].next; i = document->tokens[i + 1].next)
 *              the member's name is token i, its value token i + 1
 *      for (uint32_t i = array + 1; i < document->tokens[array].next; i = document->tokens[i].next)
 *              the element is token i
 */

#include <stddef.h>
#include <stdint.h>

#include <azure/core/az_json.h>
#include <azure/core/az_span.h>

#include "ipc/arena.h"

/* A condition of ipc_document_parse(): the text is not JSON, or is nested more than IPC_DEPTH_MAX deep. */
#define IPC_DOCUMENT_MALFORMED 1

/* In place of a token: the value is absent. */
#define IPC_TOKEN_NONE UINT32_MAX

typedef struct IpcToken {
        uint32_t offset, size; /* the value in the text; a string without its quotes */
        uint32_t next;         /* the token behind this value and all that is in it */
        az_json_token_kind kind;
} IpcToken;

typedef struct IpcDocument {
        az_span text;
        IpcToken *tokens; /* token 0 is the outermost value */
        uint32_t n_tokens, n_allocated;
        IpcArena arena;
} IpcDocument;

#define IPC_DOCUMENT_NULL ((IpcDocument){ .arena = { .blocks = NULL } })

/* Reads 'text', which must stay where it is while the document is used. What was decoded before is gone. */
int ipc_document_parse(IpcDocument *document, az_span text);

/* Gives back what only a large message needed. */
void ipc_document_reset(IpcDocument *document);

void ipc_document_done(IpcDocument *document);

/* The bytes of a value as they came. */
static inline az_span ipc_document_get_text(const IpcDocument *document, uint32_t token) {
        const IpcToken *t = document->tokens + token;

        return az_span_slice(document->text, (int32_t) t->offset, (int32_t) (t->offset + t->size));
}

/* The text of a string or name with its escapes undone; its pointer is never NULL. -ENOMEM */
int ipc_document_get_string(IpcDocument *document, uint32_t token, az_span *ret);
