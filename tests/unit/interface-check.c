/* SPDX-License-Identifier: MIT */

/*
 * A parser for the interface definition language, as small as it can be: it reads one description from front
 * to back and compares as it goes. A named type is compared where it is used, by reading its definition
 * again.
 */

#include "interface-check.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>

#define NAME_MAX_SIZE 64

/* The first difference ends it all. */
typedef struct Check {
        jmp_buf end;
        char *difference;
} Check;

/* Where we are in a description. */
typedef struct Idl {
        Check *check;
        const char *text; /* all of it */
        const char *at;
} Idl;

_printf_(2, 3) _Noreturn static void fail(const Idl *idl, const char *format, ...) {
        va_list args;

        va_start(args, format);
        /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start() stands one line above */
        (void) vsnprintf(idl->check->difference, 256, format, args);
        va_end(args);
        longjmp(idl->check->end, 1);
}

#define require(idl, condition, ...)            \
        do {                                    \
                if (!(condition))               \
                        fail(idl, __VA_ARGS__); \
        } while (0)

static void skip_space(Idl *idl) {
        while (isspace((unsigned char) *idl->at) || *idl->at == '#')
                if (*idl->at == '#')
                        idl->at += strcspn(idl->at, "\n");
                else
                        idl->at++;
}

static bool accept_text(Idl *idl, const char *text) {
        skip_space(idl);
        if (strncmp(idl->at, text, strlen(text)) != 0)
                return false;

        idl->at += strlen(text);
        return true;
}

static void expect_text(Idl *idl, const char *text) {
        require(idl, accept_text(idl, text), "'%s' expected at: %.40s", text, idl->at);
}

/* A name or keyword; false if there is none. */
static bool accept_name(Idl *idl, char name[static NAME_MAX_SIZE]) {
        size_t n;

        skip_space(idl);
        for (n = 0; isalnum((unsigned char) idl->at[n]) || idl->at[n] == '_' || idl->at[n] == '.' ||
                    idl->at[n] == '-';)
                n++;
        /* "->" is no name, and ends none. */
        if (n == 0 || n >= NAME_MAX_SIZE || idl->at[0] == '-')
                return false;

        (void) snprintf(name, NAME_MAX_SIZE, "%.*s", (int) n, idl->at);
        idl->at += n;
        return true;
}

static void expect_name(Idl *idl, char name[static NAME_MAX_SIZE]) {
        require(idl, accept_name(idl, name), "a name expected at: %.40s", idl->at);
}

/* Moves behind a "(...)". */
static void skip_parentheses(Idl *idl) {
        expect_text(idl, "(");
        while (!accept_text(idl, ")")) {
                skip_space(idl);
                require(idl, *idl->at, "')' expected at the end");
                if (*idl->at == '(')
                        skip_parentheses(idl);
                else
                        idl->at++;
        }
}

/* Moves behind one member and says what it was: its keyword and its name. False: there are no more. */
static bool next_member(Idl *idl, char keyword[static NAME_MAX_SIZE], char name[static NAME_MAX_SIZE]) {
        if (!accept_name(idl, keyword))
                return false;

        expect_name(idl, name);
        return true;
}

static void skip_member(Idl *idl, const char *keyword) {
        skip_parentheses(idl);
        if (strcmp(keyword, "method") == 0) {
                expect_text(idl, "->");
                skip_parentheses(idl);
        }
}

/* The definition of a named type or an error, at its parenthesis; false if there is none. */
static bool find_member(const Idl *in, const char *keyword, const char *name, Idl *ret) {
        char k[NAME_MAX_SIZE], n[NAME_MAX_SIZE];
        Idl idl = { .check = in->check, .text = in->text, .at = in->text };

        expect_text(&idl, "interface");
        expect_name(&idl, n);
        while (next_member(&idl, k, n)) {
                if (strcmp(k, keyword) == 0 && strcmp(n, name) == 0) {
                        *ret = idl;
                        return true;
                }
                skip_member(&idl, k);
        }
        return false;
}

static void check_struct(Idl *idl, const IpcStruct *type, const char *where);

static void check_enum(Idl *idl, const IpcField *field, const char *where) {
        char name[NAME_MAX_SIZE];
        size_t n = 0;

        expect_text(idl, "(");
        do {
                expect_name(idl, name);
                require(idl, field->names[n] && strcmp(field->names[n], name) == 0,
                        "%s: '%s' is not value %zu of the table", where, name, n);
                n++;
        } while (accept_text(idl, ","));
        expect_text(idl, ")");
        require(idl, !field->names[n], "%s: '%s' is only in the table", where, field->names[n]);
}

/* At a "(...)" the first name tells: a struct has a ':' behind it, an enum has not. */
static bool is_enum(Idl idl) {
        char name[NAME_MAX_SIZE];

        expect_text(&idl, "(");
        return accept_name(&idl, name) && !accept_text(&idl, ":");
}

/* An enum or a struct, inline or by the name of its type. */
static void check_composite(Idl *idl, const IpcField *field, IpcFieldKind if_struct, const char *where) {
        char name[NAME_MAX_SIZE];
        Idl definition = *idl, *at = idl;

        if (accept_name(idl, name)) {
                require(idl, find_member(idl, "type", name, &definition), "%s: no type '%s'", where, name);
                at = &definition;
        }

        if (is_enum(*at)) {
                require(idl, if_struct != IPC_FIELD_STRUCTS, "%s: there is no array of enums", where);
                require(idl, field->kind == IPC_FIELD_ENUM, "%s: an enum in the file alone", where);
                check_enum(at, field, where);
        } else {
                require(idl, field->kind == if_struct, "%s: the table has another kind", where);
                check_struct(at, field->type, where);
        }
}

/* The types that are keywords; longer ones first where one begins like another. */
static const struct {
        const char *idl;
        IpcFieldKind kind;
} simple_types[] = {
        { "[string]string", IPC_FIELD_MAP }, { "[]string", IPC_FIELD_STRINGS },
        { "bool", IPC_FIELD_BOOL },          { "int", IPC_FIELD_INT },
        { "string", IPC_FIELD_STRING },      { "object", IPC_FIELD_OBJECT },
};

static void check_type(Idl *idl, const IpcField *field, const char *where) {
        bool nullable = accept_text(idl, "?");

        require(idl, nullable == ((field->flags & IPC_FIELD_NULLABLE) != 0), "%s: nullable in one alone",
                where);
        for (size_t i = 0; i < ELEMENTSOF(simple_types); i++)
                if (accept_text(idl, simple_types[i].idl)) {
                        require(idl, field->kind == simple_types[i].kind, "%s: the file has %s", where,
                                simple_types[i].idl);
                        return;
                }

        if (accept_text(idl, "[]"))
                check_composite(idl, field, IPC_FIELD_STRUCTS, where);
        else
                check_composite(idl, field, nullable ? IPC_FIELD_OPTIONAL : IPC_FIELD_STRUCT, where);
}

static void check_struct(Idl *idl, const IpcStruct *type, const char *where) {
        char name[NAME_MAX_SIZE], path[256];
        size_t n = 0;

        expect_text(idl, "(");
        while (accept_name(idl, name)) {
                (void) snprintf(path, sizeof(path), "%s.%s", where, name);
                expect_text(idl, ":");
                require(idl, n < type->n_fields && strcmp(type->fields[n].name, name) == 0,
                        "%s is not the next of the table", path);
                check_type(idl, type->fields + n, path);
                n++;
                if (!accept_text(idl, ","))
                        break;
        }
        expect_text(idl, ")");
        require(idl, n == type->n_fields, "%s.%s is only in the table", where, type->fields[n].name);
}

static const IpcStruct no_params = { .n_fields = 0 };

static const IpcMethod *find_method(const IpcInterface *interface, const char *name) {
        for (size_t i = 0; i < interface->n_methods; i++)
                if (strcmp(interface->methods[i].name, name) == 0)
                        return interface->methods + i;
        return NULL;
}

static void check_interface(Idl *idl, const IpcInterface *interface) {
        char keyword[NAME_MAX_SIZE], name[NAME_MAX_SIZE];
        size_t n_methods = 0;
        Idl ignored;

        expect_text(idl, "interface");
        expect_name(idl, name);
        require(idl, strcmp(name, interface->name) == 0, "the file is of %s", name);

        while (next_member(idl, keyword, name)) {
                const IpcMethod *method = find_method(interface, name);

                if (strcmp(keyword, "method") != 0) {
                        skip_member(idl, keyword);
                        continue;
                }

                require(idl, method, "method %s is only in the file", name);
                check_struct(idl, method->params ?: &no_params, name);
                expect_text(idl, "->");
                skip_parentheses(idl);
                require(idl,
                        !(method->flags & IPC_METHOD_PARK) ||
                                find_member(idl, "error", "TooManyTakers", &ignored),
                        "%s parks, and there is no error TooManyTakers", name);
                n_methods++;
        }
        skip_space(idl);
        require(idl, *idl->at == 0, "a member expected at: %.40s", idl->at);
        require(idl, n_methods == interface->n_methods, "the file has %zu methods, the table %zu", n_methods,
                interface->n_methods);
}

const char *interface_find_difference(const IpcInterface *interface, char buffer[static 256]) {
        Check check = { .difference = buffer };
        Idl idl = { .check = &check, .text = interface->description, .at = interface->description };

        if (setjmp(check.end) != 0)
                return check.difference;

        check_interface(&idl, interface);
        return NULL;
}
