/* SPDX-License-Identifier: MIT */

/*
 * Any text as the parameters of a method that has a parameter of every kind. Whatever is decoded can be read
 * to its last byte, and a field that is refused has a name.
 */

#include <assert.h>

#include "../unit/ipc-example.h"
#include "util/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const IpcMethod *find_kinds(void) {
        for (size_t i = 0; i < example_interface.n_methods; i++)
                if (strcmp(example_interface.methods[i].name, "Kinds") == 0)
                        return example_interface.methods + i;
        return NULL;
}

static void check_struct(const IpcStruct *type, const uint8_t *out);

static void check_text(az_span text) {
        assert(az_span_is_valid_utf8(text));
}

static void check_field(const IpcField *field, const void *at) {
        if (field->kind == IPC_FIELD_STRING || field->kind == IPC_FIELD_OBJECT)
                check_text(*(const az_span *) at);
        if (field->kind == IPC_FIELD_MAP) {
                const IpcMap *map = at;

                for (size_t i = 0; i < map->n_items; i++) {
                        check_text(map->items[i].key);
                        check_text(map->items[i].value);
                }
        }
        if (field->kind == IPC_FIELD_STRINGS) {
                const IpcStrings *strings = at;

                for (size_t i = 0; i < strings->n_items; i++)
                        check_text(strings->items[i]);
        }
        if (field->kind == IPC_FIELD_STRUCT)
                check_struct(field->type, at);
        if (field->kind == IPC_FIELD_OPTIONAL) {
                const uint8_t *optional = *(const uint8_t *const *) at;

                if (optional)
                        check_struct(field->type, optional);
        }
        if (field->kind == IPC_FIELD_STRUCTS) {
                const IpcStructs *structs = at;

                for (size_t i = 0; i < structs->n_items; i++)
                        check_struct(field->type, (const uint8_t *) structs->items + i * field->type->size);
        }
}

static void check_struct(const IpcStruct *type, const uint8_t *out) {
        for (size_t i = 0; i < type->n_fields; i++)
                check_field(type->fields + i, out + type->fields[i].offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const IpcStruct *type = find_kinds()->params;
        _cleanup_(freep) uint8_t *out = malloc(type->size);
        _cleanup_(ipc_document_done) IpcDocument document = IPC_DOCUMENT_NULL;
        IpcFieldPath path;
        int r;

        if (ipc_document_parse(&document, az_span_create((uint8_t *) data, (int32_t) size)) != 0)
                return 0;

        for (IpcUnknown unknown = IPC_UNKNOWN_REFUSE; unknown <= IPC_UNKNOWN_IGNORE_DOTTED; unknown++) {
                r = ipc_struct_decode(type, &document, 0, unknown, out, &path);
                assert(r == 0 || r == IPC_FIELD_INVALID);
                if (r == 0)
                        check_struct(type, out);
                else
                        assert(strlen(path.text) < sizeof(path.text));
        }
        return 0;
}
