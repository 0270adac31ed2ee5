/* SPDX-License-Identifier: MIT */

#include "cli/reply.h"

#include "tests/unit/unit.h"

static const char reply[] =
        "{\"text\":\"a \\\"b\\\"\",\"n\":-7,\"yes\":true,\"no\":false,\"null\":null,"
        "\"in\":{\"text\":\"c\"},\"list\":[{\"n\":1,\"x\":[{}]},{\"n\":2},{\"n\":3}],\"e\":[]}";

START_TEST(members_are_found_by_their_path) {
        static const struct {
                const char *path, *text;
                int64_t number;
                bool is_true;
        } rows[] = {
                { "text", "a \"b\"", 99, false }, { "in.text", "c", 99, false }, { "n", NULL, -7, false },
                { "yes", NULL, 99, true },        { "no", NULL, 99, false },     { "null", NULL, 99, false },
                { "missing", NULL, 99, false },   { "list", NULL, 99, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *text = reply_get_text(reply, strlen(reply), rows[i].path);

                ck_assert_pstr_eq(text, rows[i].text);
                ck_assert_int_eq(reply_get_number(reply, strlen(reply), rows[i].path, 99), rows[i].number);
                ck_assert_int_eq(reply_is_true(reply, strlen(reply), rows[i].path), rows[i].is_true);
        }
}
END_TEST

/* Up to 2, then stops. */
static int add(void *userdata, const char *element, size_t size) {
        int64_t *sum = userdata, n = reply_get_number(element, size, "n", 0);

        *sum = *sum * 10 + n;
        return n == 2 ? 5 : 0;
}

START_TEST(each_object_of_an_array_is_visited_until_the_function_has_enough) {
        int64_t sum = 0;

        ck_assert_int_eq(reply_for_each(reply, strlen(reply), "list", add, &sum), 5);
        ck_assert_int_eq(sum, 12);
        sum = 0;
        ck_assert_int_eq(reply_for_each(reply, strlen(reply), "e", add, &sum), 0);
        ck_assert_int_eq(reply_for_each(reply, strlen(reply), "in", add, &sum), 0);
        ck_assert_int_eq(reply_for_each(reply, strlen(reply), "missing", add, &sum), 0);
        ck_assert_int_eq(reply_for_each("{\"list\":[1]}", 12, "list", add, &sum), 0);
        ck_assert_int_eq(sum, 0);
}
END_TEST

START_TEST(texts_of_an_array_are_joined) {
        static const struct {
                const char *array, *separator, *joined;
        } rows[] = {
                { "[]", " ", "" },
                { "[\"read\"]", " ", "read" },
                { "[\"read\",\"send\"]", ", ", "read, send" },
                { "[\"\",\"\",\"\",\"\"]", " --- ", " ---  ---  --- " },
                { "[\"a\\\\*\",\"b\",1]", " ", "a\\* b" },
                { "\"read\"", " ", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *json = NULL, *joined = NULL;

                ck_assert_int_gt(asprintf(&json, "{\"a\":%s}", rows[i].array), 0);
                joined = reply_join_texts(json, strlen(json), "a", rows[i].separator);
                ck_assert_pstr_eq(joined, rows[i].joined);
        }
}
END_TEST

/* Up to "b", then stops. */
static int join(void *userdata, const char *name, const char *text) {
        char *joined = userdata;

        (void) snprintf(joined + strlen(joined), 64 - strlen(joined), "%s=%s;", name, text);
        return strcmp(name, "b") == 0 ? 5 : 0;
}

START_TEST(each_text_of_an_object_is_visited_until_the_function_has_enough) {
        static const struct {
                const char *object, *joined;
                int result;
        } rows[] = {
                { "{}", "", 0 },
                { "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}", "a=1;b=2;", 5 },
                { "{\"a\\n\":\"\\\"\",\"n\":7,\"o\":{\"x\":\"y\"},\"e\":\"\"}", "a\n=\";e=;", 0 },
                { "[\"a\"]", "", 0 },
                { "null", "", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *json = NULL;
                char joined[64] = "";

                ck_assert_int_gt(asprintf(&json, "{\"o\":%s}", rows[i].object), 0);
                ck_assert_int_eq(reply_for_each_text(json, strlen(json), "o", join, joined), rows[i].result);
                ck_assert_str_eq(joined, rows[i].joined);
        }
}
END_TEST

static Suite *reply_suite(void) {
        Suite *s = suite_create("cli-reply");
        TCase *t = tcase_create("reply");

        tcase_add_test(t, members_are_found_by_their_path);
        tcase_add_test(t, texts_of_an_array_are_joined);
        tcase_add_test(t, each_object_of_an_array_is_visited_until_the_function_has_enough);
        tcase_add_test(t, each_text_of_an_object_is_visited_until_the_function_has_enough);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(reply_suite)
