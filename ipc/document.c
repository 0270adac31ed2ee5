/* SPDX-License-Identifier: MIT */
#include "ipc/document.h"

#include <assert.h>

#include "ipc/limits.h"
#include "util/util.h"

/* 256 tokens are a message of some kilobytes; a list that grew beyond is freed after its message. */
#define N_TOKENS_KEPT 256U

static int document_add_token(IpcDocument *document, const az_json_token *token) {
        if (document->n_tokens == document->n_allocated) {
                uint32_t n = MAX(2 * document->n_allocated, N_TOKENS_KEPT);
                IpcToken *tokens;

                tokens = realloc(document->tokens, n * sizeof(*tokens));
                if (!tokens)
                        return -ENOMEM;

                document->tokens = tokens;
                document->n_allocated = n;
        }

        document->tokens[document->n_tokens] = (IpcToken){
                .offset = (uint32_t) (az_span_ptr(token->slice) - az_span_ptr(document->text)),
                .size = (uint32_t) az_span_size(token->slice),
                .next = document->n_tokens + 1,
                .kind = token->kind,
        };
        document->n_tokens++;
        return 0;
}

/* The closing brace: now the extent of the value is known. */
static void document_close(IpcDocument *document, uint32_t opened, const az_json_token *token) {
        IpcToken *t = document->tokens + opened;
        uint32_t end = (uint32_t) (az_span_ptr(token->slice) - az_span_ptr(document->text)) + 1;

        t->size = end - t->offset;
        t->next = document->n_tokens;
}

static int document_read(IpcDocument *document, az_json_reader *reader) {
        uint32_t open[IPC_DEPTH_MAX];
        size_t n_open = 0;
        az_result result;
        int r;

        for (result = az_json_reader_next_token(reader); az_result_succeeded(result);
             result = az_json_reader_next_token(reader)) {
                az_json_token_kind kind = reader->token.kind;

                if (kind == AZ_JSON_TOKEN_END_OBJECT || kind == AZ_JSON_TOKEN_END_ARRAY) {
                        assert(n_open > 0);
                        document_close(document, open[--n_open], &reader->token);
                        continue;
                }
                if (kind == AZ_JSON_TOKEN_BEGIN_OBJECT || kind == AZ_JSON_TOKEN_BEGIN_ARRAY) {
                        if (n_open == ELEMENTSOF(open))
                                return IPC_DOCUMENT_MALFORMED;
                        open[n_open++] = document->n_tokens;
                }
                r = document_add_token(document, &reader->token);
                if (r < 0)
                        return r;
        }

        return result == AZ_ERROR_JSON_READER_DONE ? 0 : IPC_DOCUMENT_MALFORMED;
}

int ipc_document_parse(IpcDocument *document, az_span text) {
        az_json_reader reader;

        ipc_arena_reset(&document->arena);
        document->text = text;
        document->n_tokens = 0;

        if (az_result_failed(az_json_reader_init(&reader, text, NULL)))
                return IPC_DOCUMENT_MALFORMED;

        return document_read(document, &reader);
}

void ipc_document_reset(IpcDocument *document) {
        ipc_arena_reset(&document->arena);
        document->text = AZ_SPAN_EMPTY;
        document->n_tokens = 0;
        if (document->n_allocated > N_TOKENS_KEPT) {
                free(document->tokens);
                document->tokens = NULL;
                document->n_allocated = 0;
        }
}

void ipc_document_done(IpcDocument *document) {
        ipc_arena_done(&document->arena);
        free(document->tokens);
        *document = IPC_DOCUMENT_NULL;
}

int ipc_document_get_string(IpcDocument *document, uint32_t token, az_span *ret) {
        az_span text = ipc_document_get_text(document, token);
        uint8_t *buffer;

        if (!memchr(az_span_ptr(text), '\\', (size_t) az_span_size(text))) {
                *ret = text;
                return 0;
        }

        buffer = ipc_arena_alloc(&document->arena, (size_t) az_span_size(text), 1);
        if (!buffer)
                return -ENOMEM;

        *ret = az_json_string_unescape(text, az_span_create(buffer, az_span_size(text)));
        return 0;
}
