/* SPDX-License-Identifier: MIT */
#include "ipc/field.h"

#include <assert.h>

#include "ipc/limits.h"
#include "util/util.h"

typedef struct Decoder {
        IpcDocument *document;
        IpcUnknown unknown;
        IpcFieldPath *path;
} Decoder;

static int struct_decode(Decoder *d, const IpcStruct *type, uint32_t object, uint8_t *out);

/* The innermost name comes first, when the field is refused, and the outer ones are put before it on the way
 * back: naming costs nothing while all is well. */
static int refuse(Decoder *d, const char *name, size_t size) {
        size = MIN(size, sizeof(d->path->text) - 1);
        memcpy(d->path->text, name, size);
        d->path->text[size] = 0;
        return IPC_FIELD_INVALID;
}

static int refuse_in(Decoder *d, const char *name) {
        char *text = d->path->text;
        size_t max = sizeof(d->path->text) - 1, dot = text[0] != '[', n_name = strlen(name);
        size_t n_outer = MIN(n_name + dot, max), n_inner = MIN(strlen(text), max - n_outer);

        memmove(text + n_outer, text, n_inner);
        memset(text, '.', n_outer);
        memcpy(text, name, MIN(n_name, n_outer));
        text[n_outer + n_inner] = 0;
        return IPC_FIELD_INVALID;
}

static int refuse_in_element(Decoder *d, size_t index) {
        char name[32];

        (void) snprintf(name, sizeof(name), "[%zu]", index);
        return refuse_in(d, name);
}

static int refuse_field(Decoder *d, const IpcField *field) {
        return refuse(d, field->name, strlen(field->name));
}

static bool field_allows(const IpcField *field, int64_t value) {
        if (field->min == 0 && field->max == 0)
                return true;

        return value >= field->min && (field->max == 0 || value <= field->max);
}

static const IpcToken *decoder_get(const Decoder *d, uint32_t token) {
        return d->document->tokens + token;
}

static bool decoder_is(const Decoder *d, uint32_t token, az_json_token_kind kind) {
        return decoder_get(d, token)->kind == kind;
}

static int decode_bool(Decoder *d, const IpcField *field, uint32_t token, void *out) {
        bool value = decoder_is(d, token, AZ_JSON_TOKEN_TRUE);

        if (!value && !decoder_is(d, token, AZ_JSON_TOKEN_FALSE))
                return refuse_field(d, field);

        memcpy(out, &value, sizeof(value));
        return 0;
}

static int decode_int(Decoder *d, const IpcField *field, uint32_t token, void *out) {
        int64_t value;

        if (!decoder_is(d, token, AZ_JSON_TOKEN_NUMBER) ||
            az_result_failed(az_span_atoi64(ipc_document_get_text(d->document, token), &value)) ||
            !field_allows(field, value))
                return refuse_field(d, field);

        memcpy(out, &value, sizeof(value));
        return 0;
}

static int decode_string(Decoder *d, const IpcField *field, uint32_t token, void *out) {
        az_span value;
        int r;

        if (!decoder_is(d, token, AZ_JSON_TOKEN_STRING))
                return refuse_field(d, field);

        r = ipc_document_get_string(d->document, token, &value);
        if (r < 0)
                return r;
        if (!field_allows(field, az_span_size(value)))
                return refuse_field(d, field);

        memcpy(out, &value, sizeof(value));
        return 0;
}

static int decode_enum(Decoder *d, const IpcField *field, uint32_t token, void *out) {
        az_span text;
        int r;

        if (!decoder_is(d, token, AZ_JSON_TOKEN_STRING))
                return refuse_field(d, field);

        r = ipc_document_get_string(d->document, token, &text);
        if (r < 0)
                return r;

        for (int i = 0; field->names[i]; i++)
                if (az_span_is_content_equal(text, az_span_create_from_str((char *) field->names[i]))) {
                        memcpy(out, &i, sizeof(i));
                        return 0;
                }

        return refuse_field(d, field);
}

static int decode_object(Decoder *d, const IpcField *field, uint32_t token, void *out) {
        az_span text;

        if (!decoder_is(d, token, AZ_JSON_TOKEN_BEGIN_OBJECT))
                return refuse_field(d, field);

        text = ipc_document_get_text(d->document, token);
        memcpy(out, &text, sizeof(text));
        return 0;
}

static int decode_token(Decoder *d, const IpcField *field, uint32_t token, void *out) {
        if (!decoder_is(d, token, AZ_JSON_TOKEN_BEGIN_OBJECT))
                return refuse_field(d, field);

        memcpy(out, &token, sizeof(token));
        return 0;
}

static bool map_has(const IpcMapEntry *entries, size_t n, az_span key) {
        for (size_t i = 0; i < n; i++)
                if (az_span_is_content_equal(entries[i].key, key))
                        return true;
        return false;
}

static int decode_map(Decoder *d, const IpcField *field, uint32_t token, void *out) {
        uint32_t end = decoder_get(d, token)->next;
        IpcMapEntry *entries;
        size_t n = 0;
        int r;

        if (!decoder_is(d, token, AZ_JSON_TOKEN_BEGIN_OBJECT))
                return refuse_field(d, field);
        for (uint32_t i = token + 1; i < end; i = decoder_get(d, i + 1)->next)
                n++;
        if (n > IPC_MAP_MAX || !field_allows(field, (int64_t) n))
                return refuse_field(d, field);

        entries = ipc_arena_alloc(&d->document->arena, n, sizeof(*entries));
        if (!entries)
                return -ENOMEM;

        n = 0;
        for (uint32_t i = token + 1; i < end; i = decoder_get(d, i + 1)->next) {
                if (!decoder_is(d, i + 1, AZ_JSON_TOKEN_STRING))
                        return refuse_field(d, field);
                r = ipc_document_get_string(d->document, i, &entries[n].key);
                if (r < 0)
                        return r;
                r = ipc_document_get_string(d->document, i + 1, &entries[n].value);
                if (r < 0)
                        return r;
                if (map_has(entries, n, entries[n].key))
                        return refuse_field(d, field);
                n++;
        }

        memcpy(out, &(IpcMap){ .items = entries, .n_items = n }, sizeof(IpcMap));
        return 0;
}

/* Counts the elements of an array; IPC_FIELD_INVALID if it is none or has too many or too few. */
static int array_count(Decoder *d, const IpcField *field, uint32_t token, size_t *ret) {
        size_t n = 0;

        if (!decoder_is(d, token, AZ_JSON_TOKEN_BEGIN_ARRAY))
                return refuse_field(d, field);
        for (uint32_t i = token + 1; i < decoder_get(d, token)->next; i = decoder_get(d, i)->next)
                n++;
        if (n > IPC_ARRAY_MAX || !field_allows(field, (int64_t) n))
                return refuse_field(d, field);

        *ret = n;
        return 0;
}

static int decode_strings(Decoder *d, const IpcField *field, uint32_t token, void *out) {
        const IpcField element = { .name = field->name };
        az_span *items;
        size_t n;
        int r;

        r = array_count(d, field, token, &n);
        if (r != 0)
                return r;
        items = ipc_arena_alloc(&d->document->arena, n, sizeof(*items));
        if (!items)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                /* A string has nothing inside: its elements are the tokens behind. */
                r = decode_string(d, &element, token + 1 + (uint32_t) i, items + i);
                if (r != 0)
                        return r;
        }

        memcpy(out, &(IpcStrings){ .items = items, .n_items = n }, sizeof(IpcStrings));
        return 0;
}

static int decode_struct(Decoder *d, const IpcField *field, uint32_t token, void *out) {
        int r;

        if (!decoder_is(d, token, AZ_JSON_TOKEN_BEGIN_OBJECT))
                return refuse_field(d, field);

        r = struct_decode(d, field->type, token, out);
        return r == IPC_FIELD_INVALID ? refuse_in(d, field->name) : r;
}

static int decode_optional(Decoder *d, const IpcField *field, uint32_t token, void *out) {
        void *item = ipc_arena_alloc(&d->document->arena, 1, field->type->size);

        if (!item)
                return -ENOMEM;
        memcpy(out, &item, sizeof(item));
        return decode_struct(d, field, token, item);
}

static int decode_structs(Decoder *d, const IpcField *field, uint32_t token, void *out) {
        uint32_t at = token + 1;
        uint8_t *items;
        size_t n;
        int r;

        r = array_count(d, field, token, &n);
        if (r != 0)
                return r;
        items = ipc_arena_alloc(&d->document->arena, n, field->type->size);
        if (!items)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                if (!decoder_is(d, at, AZ_JSON_TOKEN_BEGIN_OBJECT))
                        return refuse_field(d, field);
                r = struct_decode(d, field->type, at, items + i * field->type->size);
                if (r == IPC_FIELD_INVALID) {
                        (void) refuse_in_element(d, i);
                        return refuse_in(d, field->name);
                }
                if (r < 0)
                        return r;
                at = decoder_get(d, at)->next;
        }

        memcpy(out, &(IpcStructs){ .items = items, .n_items = n }, sizeof(IpcStructs));
        return 0;
}

static int (*const decoders[_IPC_FIELD_KIND_MAX])(Decoder *, const IpcField *, uint32_t, void *) = {
        [IPC_FIELD_BOOL] = decode_bool,         [IPC_FIELD_INT] = decode_int,
        [IPC_FIELD_ENUM] = decode_enum,         [IPC_FIELD_STRING] = decode_string,
        [IPC_FIELD_OBJECT] = decode_object,     [IPC_FIELD_MAP] = decode_map,
        [IPC_FIELD_STRINGS] = decode_strings,   [IPC_FIELD_STRUCT] = decode_struct,
        [IPC_FIELD_OPTIONAL] = decode_optional, [IPC_FIELD_STRUCTS] = decode_structs,
        [IPC_FIELD_TOKEN] = decode_token,
};

/* What is not all zeroes when it is absent. */
static void field_clear(const IpcField *field, void *out) {
        if (field->kind == IPC_FIELD_INT)
                memcpy(out, &field->absent, sizeof(int64_t));
        else if (field->kind == IPC_FIELD_ENUM)
                memcpy(out, &(int){ (int) field->absent }, sizeof(int));
        else if (field->kind == IPC_FIELD_BOOL)
                memcpy(out, &(bool){ field->absent != 0 }, sizeof(bool));
        else if (field->kind == IPC_FIELD_TOKEN)
                memcpy(out, &(uint32_t){ IPC_TOKEN_NONE }, sizeof(uint32_t));
}

static void struct_clear(const IpcStruct *type, uint8_t *out) {
        memset(out, 0, type->size);
        for (size_t i = 0; i < type->n_fields; i++)
                field_clear(type->fields + i, out + type->fields[i].offset);
}

/* Clients tend to write fields in the order of the interface file: begin to look behind the last one. */
static size_t struct_find(const IpcStruct *type, az_span name, size_t expected) {
        for (size_t i = 0; i < type->n_fields; i++) {
                size_t f = (expected + i) % type->n_fields;

                if (strlen(type->fields[f].name) == (size_t) az_span_size(name) &&
                    memcmp(type->fields[f].name, az_span_ptr(name), (size_t) az_span_size(name)) == 0)
                        return f;
        }
        return SIZE_MAX;
}

static bool decoder_ignores(const Decoder *d, az_span name) {
        switch (d->unknown) {
        case IPC_UNKNOWN_REFUSE:
                return false;
        case IPC_UNKNOWN_IGNORE:
                return true;
        case IPC_UNKNOWN_IGNORE_DOTTED:
                return memchr(az_span_ptr(name), '.', (size_t) az_span_size(name)) != NULL;
        }
        return false;
}

/* One member: its name is token 'token', its value the next. */
static int member_decode(Decoder *d, const IpcStruct *type, uint32_t token, uint8_t *out, size_t *expected,
                         uint64_t *seen) {
        const IpcField *field;
        az_span name;
        size_t i;
        int r;

        r = ipc_document_get_string(d->document, token, &name);
        if (r < 0)
                return r;

        i = struct_find(type, name, *expected);
        if (i == SIZE_MAX && decoder_ignores(d, name))
                return 0;
        if (i == SIZE_MAX || *seen & UINT64_C(1) << i)
                return refuse(d, (const char *) az_span_ptr(name), (size_t) az_span_size(name));

        *expected = i + 1;
        *seen |= UINT64_C(1) << i;
        field = type->fields + i;
        if (decoder_is(d, token + 1, AZ_JSON_TOKEN_NULL) && field->flags & IPC_FIELD_NULLABLE)
                return 0;

        return decoders[field->kind](d, field, token + 1, out + field->offset);
}

static int struct_decode(Decoder *d, const IpcStruct *type, uint32_t object, uint8_t *out) {
        uint32_t end = object == IPC_TOKEN_NONE ? 0 : decoder_get(d, object)->next;
        uint64_t seen = 0;
        size_t expected = 0;
        int r;

        assert(type->n_fields <= 64);

        struct_clear(type, out);
        for (uint32_t i = object + 1; i < end; i = decoder_get(d, i + 1)->next) {
                r = member_decode(d, type, i, out, &expected, &seen);
                if (r != 0)
                        return r;
        }

        for (size_t i = 0; i < type->n_fields; i++)
                if (!(type->fields[i].flags & IPC_FIELD_NULLABLE) && !(seen & UINT64_C(1) << i))
                        return refuse_field(d, type->fields + i);
        return 0;
}

int ipc_struct_decode(const IpcStruct *type, IpcDocument *document, uint32_t token, IpcUnknown unknown,
                      void *out, IpcFieldPath *path) {
        Decoder d = { .document = document, .unknown = unknown, .path = path };

        if (token != IPC_TOKEN_NONE && !decoder_is(&d, token, AZ_JSON_TOKEN_BEGIN_OBJECT))
                return refuse(&d, "", 0);

        return struct_decode(&d, type, token, out);
}
