/* SPDX-License-Identifier: MIT */

#include "daemon/json-object.h"

static int compare_names(az_span a, az_span b) {
        size_t n = (size_t) MIN(az_span_size(a), az_span_size(b));
        int order = n > 0 ? memcmp(az_span_ptr(a), az_span_ptr(b), n) : 0;

        return order != 0 ? order : az_span_size(a) - az_span_size(b);
}

static int compare_members(const void *a, const void *b) {
        const JsonMember *const *left = a, *const *right = b;

        return compare_names((*left)->name, (*right)->name);
}

static int compare_with_name(const void *name, const void *member) {
        return compare_names(*(const az_span *) name, (*(const JsonMember *const *) member)->name);
}

static size_t count_members(const IpcDocument *document, uint32_t object) {
        size_t n = 0;

        for (uint32_t i = object + 1; i < document->tokens[object].next; i = document->tokens[i + 1].next)
                n++;
        return n;
}

int json_object_read(IpcDocument *document, uint32_t token, JsonObject *ret) {
        const JsonMember **sorted;
        JsonMember *members;
        size_t n = 0;
        int r;

        *ret = (JsonObject){};
        if (json_value_kind(document, token) != AZ_JSON_TOKEN_BEGIN_OBJECT)
                return 0;

        ret->n = count_members(document, token);
        members = ipc_arena_alloc(&document->arena, ret->n, sizeof(*members));
        sorted = ipc_arena_alloc(&document->arena, ret->n, sizeof(*sorted));
        if (!members || !sorted)
                return -ENOMEM;

        for (uint32_t i = token + 1; n < ret->n; i = document->tokens[i + 1].next) {
                r = ipc_document_get_string(document, i, &members[n].name);
                if (r < 0)
                        return r;
                members[n].token = i + 1;
                sorted[n] = &members[n];
                n++;
        }

        qsort(sorted, n, sizeof(*sorted), compare_members);
        for (size_t i = 1; i < n && !ret->duplicate; i++)
                if (compare_names(sorted[i - 1]->name, sorted[i]->name) == 0)
                        ret->duplicate = sorted[i];
        ret->members = members;
        ret->sorted = sorted;
        return 0;
}

const JsonMember *json_object_find(const JsonObject *object, az_span name) {
        const JsonMember **found;

        if (object->n == 0)
                return NULL;
        found = bsearch(&name, object->sorted, object->n, sizeof(*object->sorted), compare_with_name);
        return found ? *found : NULL;
}

az_span json_value_text(const IpcDocument *document, uint32_t token) {
        az_span text = ipc_document_get_text(document, token);

        if (document->tokens[token].kind != AZ_JSON_TOKEN_STRING)
                return text;
        return az_span_create(az_span_ptr(text) - 1, az_span_size(text) + 2);
}
