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

static unsigned touch(az_span text) {
        unsigned sum = 0;

        for (int32_t i = 0; i < az_span_size(text); i++)
                sum += az_span_ptr(text)[i];
        return sum;
}

static unsigned touch_struct(const IpcStruct *type, const uint8_t *out);

static unsigned touch_field(const IpcField *field, const uint8_t *at) {
        unsigned sum = 0;

        if (field->kind == IPC_FIELD_STRING || field->kind == IPC_FIELD_OBJECT)
                return touch(*(const az_span *) (const void *) at);
        if (field->kind == IPC_FIELD_MAP) {
                const IpcMap *map = (const void *) at;

                for (size_t i = 0; i < map->n_items; i++)
                        sum += touch(map->items[i].key) + touch(map->items[i].value);
        }
        if (field->kind == IPC_FIELD_STRINGS) {
                const IpcStrings *strings = (const void *) at;

                for (size_t i = 0; i < strings->n_items; i++)
                        sum += touch(strings->items[i]);
        }
        if (field->kind == IPC_FIELD_STRUCT)
                sum += touch_struct(field->type, at);
        if (field->kind == IPC_FIELD_STRUCTS) {
                const IpcStructs *structs = (const void *) at;

                for (size_t i = 0; i < structs->n_items; i++)
                        sum += touch_struct(field->type,
                                            (const uint8_t *) structs->items + i * field->type->size);
        }
        return sum;
}

static unsigned touch_struct(const IpcStruct *type, const uint8_t *out) {
        unsigned sum = 0;

        for (size_t i = 0; i < type->n_fields; i++)
                sum += touch_field(type->fields + i, out + type->fields[i].offset);
        return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const IpcStruct *type = find_kinds()->params;
        _cleanup_(freep) uint8_t *out = malloc(type->size);
        _cleanup_(ipc_document_done) IpcDocument document = IPC_DOCUMENT_NULL;
        volatile unsigned sum = 0;
        IpcFieldPath path;
        int r;

        if (ipc_document_parse(&document, az_span_create((uint8_t *) data, (int32_t) size)) != 0)
                return 0;

        for (IpcUnknown unknown = IPC_UNKNOWN_REFUSE; unknown <= IPC_UNKNOWN_IGNORE_DOTTED; unknown++) {
                r = ipc_struct_decode(type, &document, 0, unknown, out, &path);
                assert(r == 0 || r == IPC_FIELD_INVALID);
                if (r == 0)
                        sum += touch_struct(type, out);
                else
                        assert(strlen(path.text) < sizeof(path.text));
        }
        return 0;
}
