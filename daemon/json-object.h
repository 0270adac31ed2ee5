/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The members of a JSON object as a list and by name: "\u0061" and "a" are the same name. Values stay the
 * bytes that they are in the text.
 */

#include "ipc/document.h"
#include "util/util.h"

typedef struct JsonMember {
        az_span name;   /* escapes undone */
        uint32_t token; /* its value */
} JsonMember;

/* All memory is the document's. */
typedef struct JsonObject {
        const JsonMember *members; /* in the order of the text */
        const JsonMember **sorted; /* by name */
        size_t n;
        const JsonMember *duplicate; /* a second member of the same name; NULL: there is none */
} JsonObject;

/* Reads the object at 'token'; a token that is IPC_TOKEN_NONE or no object has no members. 0; -ENOMEM. */
int json_object_read(IpcDocument *document, uint32_t token, JsonObject *ret);

/* NULL: there is no such member. */
const JsonMember *json_object_find(const JsonObject *object, az_span name);

/* What 'token' is; NONE for IPC_TOKEN_NONE. */
static inline az_json_token_kind json_value_kind(const IpcDocument *document, uint32_t token) {
        return token == IPC_TOKEN_NONE ? AZ_JSON_TOKEN_NONE : document->tokens[token].kind;
}

/* The bytes of a value, with the quotes of a string. */
az_span json_value_text(const IpcDocument *document, uint32_t token);
