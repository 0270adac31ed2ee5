/* SPDX-License-Identifier: MIT */

#include "daemon/config-nearest.h"

#include <limits.h>

#include "tests/unit/unit.h"

static az_span text(const char *s) {
        return az_span_create_from_str((char *) s);
}

#define LETTERS_16 "abcdefghijklmnop"
#define LETTERS_64 LETTERS_16 LETTERS_16 LETTERS_16 LETTERS_16

static const struct {
        const char *a, *b;
        unsigned distance;
} distances[] = {
        { "", "", 0 },
        { "Host", "Host", 0 },
        { "host", "HOST", 0 },
        { "", "Host", 4 },
        { "Host", "Hosts", 1 },
        { "Host", "Hst", 1 },
        { "Host", "Most", 1 },
        { "Hots", "Host", 1 },
        { "oHst", "Host", 1 },
        { "KeepAlive", "KeepAliveSec", 3 },
        { "ca", "abc", 3 },
        { "kitten", "sitting", 3 },
        { "abc", "xyz", 3 },
        { LETTERS_64, LETTERS_64, 0 },
        { LETTERS_64, "", 64 },
        { LETTERS_64 "x", LETTERS_64, UINT_MAX },
        { "", LETTERS_64 "x", UINT_MAX },
};

START_TEST(two_names_differ_by_so_many_letters) {
        ck_assert_uint_eq(config_name_distance(text(distances[_i].a), text(distances[_i].b)),
                          distances[_i].distance);
        ck_assert_uint_eq(config_name_distance(text(distances[_i].b), text(distances[_i].a)),
                          distances[_i].distance);
}
END_TEST

static const char *const names[] = { "Host", "Port", "KeepAliveSec", "KeyFile", "MaxBytes" };

static const struct {
        const char *written, *nearest;
} meant[] = {
        { "Hots", "Host" },
        { "host", "Host" },
        { "KeepAlive", "KeepAliveSec" },
        { "KeepaliveTimeout", "KeepAliveSec" },
        { "Prt", "Port" },
        { "maxbyte", "MaxBytes" },
        { "Post", "Host" }, /* as near as Port: the first one */
        { "Colour", NULL },
        { "x", NULL },
        { LETTERS_64 "Host", NULL },
};

START_TEST(the_nearest_name_is_found_unless_none_is_near) {
        ConfigNearest nearest;

        config_nearest_init(&nearest, text(meant[_i].written));
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                config_nearest_try(&nearest, names[i]);
        ck_assert_pstr_eq(nearest.name, meant[_i].nearest);
}
END_TEST

static Suite *config_nearest_suite(void) {
        Suite *s = suite_create("config-nearest");
        TCase *t = tcase_create("nearest");

        tcase_add_loop_test(t, two_names_differ_by_so_many_letters, 0, ELEMENTSOF(distances));
        tcase_add_loop_test(t, the_nearest_name_is_found_unless_none_is_near, 0, ELEMENTSOF(meant));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(config_nearest_suite)
