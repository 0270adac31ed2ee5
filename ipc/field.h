/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Field tables: the parameters of a method as rows, decoded into a plain struct before the method's handler
 * runs. A field that is unknown, missing, given twice, of another type or out of range is refused by name, so
 * that a handler starts with what its struct says.
 *
 *      typedef struct GreetParams {
 *              az_span name;
 *              int64_t times;
 *      } GreetParams;
 *
 *      static const IpcField greet_fields[] = {
 *              { "name",  IPC_FIELD_STRING, offsetof(GreetParams, name),  .min = 1, .max = 128 },
 *              { "times", IPC_FIELD_INT,    offsetof(GreetParams, times), IPC_FIELD_NULLABLE, .absent = 1 },
 *      };
 *      static const IpcStruct greet_params = IPC_STRUCT(GreetParams, greet_fields);
 *
 * The tables and the interface files say the same; a unit test compares them.
 *
 * Everything decoded points into the message or into memory of the decoder and is valid until the handler
 * returns: what is needed longer must be copied.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <azure/core/az_span.h>

#include "ipc/document.h"

/* What the interface file says → what the struct has. Absent and null are the same. */
typedef enum IpcFieldKind {
        IPC_FIELD_BOOL,   /* bool           → bool        absent: .absent */
        IPC_FIELD_INT,    /* int            → int64_t     absent: .absent */
        IPC_FIELD_ENUM,   /* (one, two)     → int         index into .names; absent: .absent */
        IPC_FIELD_STRING, /* string         → az_span     escapes undone, may hold a NUL; absent: pointer NULL
                           */
        IPC_FIELD_OBJECT, /* object         → az_span     the JSON text, byte for byte; absent: pointer NULL
                           */
        IPC_FIELD_MAP,    /* [string]string → IpcMap      absent: .items NULL */
        IPC_FIELD_STRINGS, /* []string       → IpcStrings  absent: .items NULL */
        IPC_FIELD_STRUCT,  /* (a: int)       → the struct of .type itself, never nullable */
        IPC_FIELD_OPTIONAL, /* ?(a: int)      → const pointer to the struct of .type, always nullable; absent:
                               NULL */
        IPC_FIELD_STRUCTS, /* [](a: int)     → IpcStructs  of .type; absent: .items NULL */
        IPC_FIELD_TOKEN,   /* object         → uint32_t    for the wire codec; absent: IPC_TOKEN_NONE */
        _IPC_FIELD_KIND_MAX,
} IpcFieldKind;

/* How a field is treated. */
typedef enum IpcFieldFlags {
        IPC_FIELD_NULLABLE = 1 << 0, /* it may be absent or null: '?' in the interface file */
} IpcFieldFlags;

typedef struct IpcField IpcField;

/* A struct and its fields, at most 64 of them. */
typedef struct IpcStruct {
        const IpcField *fields;
        size_t n_fields;
        size_t size;
} IpcStruct;

/* The initializer of an IpcStruct from a C type and the array of its fields. */
#define IPC_STRUCT(type, rows) \
        { .fields = (rows), .n_fields = sizeof(rows) / sizeof((rows)[0]), .size = sizeof(type) }

struct IpcField {
        const char *name;
        IpcFieldKind kind;
        size_t offset;
        unsigned flags;

        /* Inclusive bounds of an int's value, a string's bytes, an array's or map's elements; both 0: none.
         */
        int64_t min, max;
        /* What an absent bool, int or enum is set to. */
        int64_t absent;
        /* IPC_FIELD_ENUM: its values, ended by NULL. */
        const char *const *names;
        /* IPC_FIELD_STRUCT, IPC_FIELD_OPTIONAL, IPC_FIELD_STRUCTS. */
        const IpcStruct *type;
};

/* One member of a map; neither pointer is ever NULL. */
typedef struct IpcMapEntry {
        az_span key, value;
} IpcMapEntry;

/* At most IPC_MAP_MAX entries in the order of the message, no key twice. */
typedef struct IpcMap {
        const IpcMapEntry *items;
        size_t n_items;
} IpcMap;

/* At most IPC_ARRAY_MAX. */
typedef struct IpcStrings {
        const az_span *items;
        size_t n_items;
} IpcStrings;

/* At most IPC_ARRAY_MAX: an array of the C struct that the table describes, to be cast. */
typedef struct IpcStructs {
        const void *items;
        size_t n_items;
} IpcStructs;

/* Tells an absent string or object from an empty one. */
static inline bool ipc_is_absent(az_span span) {
        return az_span_ptr(span) == NULL;
}

/* For the wire codec, the server and the client. What to do with a field that the table does not have. */
typedef enum IpcUnknown {
        IPC_UNKNOWN_REFUSE, /* "A service SHOULD reject method call parameters containing fields ..." */
        IPC_UNKNOWN_IGNORE, /* "Clients SHOULD ignore undeclared fields in replies" */
        IPC_UNKNOWN_IGNORE_DOTTED, /* a vendor's extension: its name has a '.' */
} IpcUnknown;

/* A condition of ipc_struct_decode(): a field is not what the table says. */
#define IPC_FIELD_INVALID 1

/* Names a field from the outermost struct on, as in "messages[2].properties"; a long one is cut. */
typedef struct IpcFieldPath {
        char text[128];
} IpcFieldPath;

/*
 * Decodes the object at 'token', IPC_TOKEN_NONE: one without members, into the struct at 'out', which needs
 * no initialization and is undefined after a failure. 0; IPC_FIELD_INVALID and 'path' says which; -ENOMEM.
 */
int ipc_struct_decode(const IpcStruct *type, IpcDocument *document, uint32_t token, IpcUnknown unknown,
                      void *out, IpcFieldPath *path);
