/* SPDX-License-Identifier: MIT */

#include "interface-check.h"
#include "ipc-example.h"
#include "ipc/connection.h"
#include "unit.h"

START_TEST(files_and_tables_agree) {
        static const IpcInterface *const interfaces[] = { &ipc_service_interface, &example_interface };

        char difference[256];

        ck_assert_ptr_null(interface_find_difference(interfaces[_i], difference));
}
END_TEST

/* The check itself: a table, and files that differ from it in one thing each. */

typedef struct Params {
        int64_t n;
        int color;
        az_span text;
} Params;

static const char *const colors[] = { "red", "green", NULL };

static const IpcField fields[] = {
        { "n", IPC_FIELD_INT, offsetof(Params, n), IPC_FIELD_NULLABLE },
        { "color", IPC_FIELD_ENUM, offsetof(Params, color), .names = colors },
        { "text", IPC_FIELD_STRING, offsetof(Params, text) },
};
static const IpcStruct params = IPC_STRUCT(Params, fields);
static const IpcMethod methods[] = { { "Do", .params = &params, .flags = IPC_METHOD_PARK } };

#define DO(parameters) "method Do(" parameters ") -> ()\n"
#define ERRORS         "error TooManyTakers (limit: int)\n"

static const char *const matching[] = {
        "interface a.b\n" DO("n: ?int, color: (red, green), text: string") ERRORS,
        "# x (\ninterface a.b\n" ERRORS "type Color (red, # )\n green)\n"
        "method Do(n: ?int, color: Color,text:string)->(x: [](y: int))",
};

static const struct {
        const char *description, *difference;
} differing[] = {
        { "interface a.c\n" DO("n: ?int, color: (red, green), text: string") ERRORS, "the file is of a.c" },
        { "interface a.b\n" DO("n: ?int, color: (red, green), text: string"),
          "Do parks, and there is no error TooManyTakers" },
        { "interface a.b\n" DO("n: ?int, color: (red, green), text: string") "method Undo() -> ()\n" ERRORS,
          "method Undo is only in the file" },
        { "interface a.b\n" ERRORS, "the file has 0 methods, the table 1" },
        { "interface a.b\n" DO("n: int, color: (red, green), text: string") ERRORS,
          "Do.n: nullable in one alone" },
        { "interface a.b\n" DO("n: ?int, color: (red, green), text: ?string") ERRORS,
          "Do.text: nullable in one alone" },
        { "interface a.b\n" DO("n: ?bool, color: (red, green), text: string") ERRORS,
          "Do.n: the file has bool" },
        { "interface a.b\n" DO("n: ?int, color: (red), text: string") ERRORS,
          "Do.color: 'green' is only in the table" },
        { "interface a.b\n" DO("n: ?int, color: (red, green, blue), text: string") ERRORS,
          "Do.color: 'blue' is not value 2 of the table" },
        { "interface a.b\n" DO("n: ?int, color: (green, red), text: string") ERRORS,
          "Do.color: 'green' is not value 0 of the table" },
        { "interface a.b\n" DO("n: ?int, color: string, text: string") ERRORS,
          "Do.color: the file has string" },
        { "interface a.b\n" DO("n: ?int, color: (red, green), text: []string") ERRORS,
          "Do.text: the file has []string" },
        { "interface a.b\n" DO("n: ?int, color: (red, green), text: (a: int)") ERRORS,
          "Do.text: the table has another kind" },
        { "interface a.b\n" DO("n: ?int, color: (red, green), text: (a, b)") ERRORS,
          "Do.text: an enum in the file alone" },
        { "interface a.b\n" DO("n: ?int, color: (red, green)") ERRORS, "Do.text is only in the table" },
        { "interface a.b\n" DO("n: ?int, color: (red, green), text: string, x: int") ERRORS,
          "Do.x is not the next of the table" },
        { "interface a.b\n" DO("color: (red, green), n: ?int, text: string") ERRORS,
          "Do.color is not the next of the table" },
        { "interface a.b\n" DO("n: ?int, color: Color, text: string") ERRORS, "Do.color: no type 'Color'" },
        { "interface a.b\n" DO("n: ?int, color: (red, green), text: string") ERRORS "}",
          "a member expected at: }" },
        { "interface a.b\nmethod Do(n: ?int", "')' expected at: " },
};

static const char *find_difference(const char *description, char buffer[static 256]) {
        return interface_find_difference(&(IpcInterface){ "a.b", description, methods, ELEMENTSOF(methods) },
                                         buffer);
}

START_TEST(check_accepts_what_agrees) {
        char difference[256];

        ck_assert_ptr_null(find_difference(matching[_i], difference));
}
END_TEST

START_TEST(check_finds_each_difference) {
        char difference[256];

        ck_assert_ptr_nonnull(find_difference(differing[_i].description, difference));
        ck_assert_str_eq(difference, differing[_i].difference);
}
END_TEST

static Suite *interfaces_suite(void) {
        Suite *suite = suite_create("ipc-interfaces");
        TCase *t;

        t = tcase_create("interfaces");
        tcase_add_loop_test(t, files_and_tables_agree, 0, 2);
        suite_add_tcase(suite, t);

        t = tcase_create("interface_find_difference");
        tcase_add_loop_test(t, check_accepts_what_agrees, 0, ELEMENTSOF(matching));
        tcase_add_loop_test(t, check_finds_each_difference, 0, ELEMENTSOF(differing));
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(interfaces_suite)
