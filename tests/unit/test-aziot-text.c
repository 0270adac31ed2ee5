/* SPDX-License-Identifier: MIT */

#include "ipc/aziot.h"
#include "unit.h"

#define DOCUMENT "{ \"a\": {\"b\":[1, 2] , \"c\":1.10}, \"\\u0064\":\"x\\ny\", \"e\":null }"

static const struct {
        const char *json, *path, *value;
        int result;
} finds[] = {
        { DOCUMENT, "a", "{\"b\":[1, 2] , \"c\":1.10}", 0 },
        { DOCUMENT, "a.b", "[1, 2]", 0 },
        { DOCUMENT, "a.c", "1.10", 0 },
        { DOCUMENT, "d", "\"x\\ny\"", 0 },
        { DOCUMENT, "e", "null", 0 },
        { DOCUMENT, "f", NULL, AZIOT_ABSENT },
        { DOCUMENT, "", NULL, AZIOT_ABSENT },
        { DOCUMENT, "a.x", NULL, AZIOT_ABSENT },
        { DOCUMENT, "a.b.c", NULL, AZIOT_ABSENT },
        { "{}", "a", NULL, AZIOT_ABSENT },
        { "", "a", NULL, -EINVAL },
        { "[]", "a", NULL, -EINVAL },
        { "{\"b\":", "a", NULL, -EINVAL },
        { "{\"b\" 1}", "a", NULL, -EINVAL },
};

START_TEST(member_is_found_by_its_path) {
        const char *value = NULL;
        size_t size = 0;

        ck_assert_int_eq(
                aziot_json_find(finds[_i].json, strlen(finds[_i].json), finds[_i].path, &value, &size),
                finds[_i].result);
        if (finds[_i].value) {
                ck_assert_uint_eq(size, strlen(finds[_i].value));
                ck_assert_mem_eq(value, finds[_i].value, size);
        } else {
                ck_assert_ptr_null(value);
        }
}
END_TEST

static const struct {
        const char *value;
        size_t buffer_size;
        int result;
        const char *text;
} texts[] = {
        { "\"x\\ny\\u00e9\"", 16, 0, "x\ny\xc3\xa9" },
        { "\"\"", 1, 0, "" },
        { "\"abc\"", 4, 0, "abc" },
        { "\"abc\"", 3, -ENOSPC, NULL },
        { "1", 16, -EINVAL, NULL },
        { "\"a", 16, -EINVAL, NULL },
        { "", 16, -EINVAL, NULL },
        { "\"\"", 0, -EINVAL, NULL },
};

START_TEST(text_of_a_string) {
        char buffer[16];

        ck_assert_int_eq(
                aziot_json_get_text(texts[_i].value, strlen(texts[_i].value), buffer, texts[_i].buffer_size),
                texts[_i].result);
        if (texts[_i].text)
                ck_assert_str_eq(buffer, texts[_i].text);
}
END_TEST

START_TEST(time_is_microseconds_since_1970) {
        uint64_t realtime_us = 0;

        ck_assert_int_eq(aziot_parse_time("2026-11-22T01:45:10.25Z", &realtime_us), 0);
        ck_assert_uint_eq(realtime_us, 1795311910250000);
        ck_assert_int_eq(aziot_parse_time("yesterday", &realtime_us), -EINVAL);
}
END_TEST

START_TEST(failures_are_explained) {
        static const struct {
                int result;
                const char *text;
        } rows[] = {
                { 0, "Success" },
                { AZIOT_GONE, "It has ended already" },
                { AZIOT_ABSENT, "There is no such member" },
                { -ECONNRESET, "aziotd at /x/socket closed the connection; its log says why" },
                { -ETIME, "aziotd at /x/socket did not answer in time" },
                { -EBADMSG, "What listens at /x/socket is not aziotd" },
                { -EACCES, "You may not connect to /x/socket: only root and the group 'aziot' may" },
                { -ENOENT, "There is no socket at /x/socket: aziotd is not running, or listens elsewhere" },
                { -ECONNREFUSED, "Nobody listens at /x/socket: aziotd is not running" },
                { -EMSGSIZE, "Message too long" },
        };
        Aziot *a;

        ck_assert_int_eq(aziot_new(&a, "/x/socket"), 0);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                ck_assert_str_eq(aziot_explain(a, rows[i].result), rows[i].text);
        ck_assert_ptr_null(aziot_free(a));
}
END_TEST

START_TEST(path_of_the_socket) {
        char path[109];
        Aziot *a;

        memset(path, 'x', sizeof(path));
        path[108] = 0;
        ck_assert_int_eq(aziot_new(&a, path), -ENAMETOOLONG);
        path[107] = 0;
        ck_assert_int_eq(aziot_new(&a, path), 0);
        aziot_free(a);

        ck_assert_int_eq(setenv("AZIOT_SOCKET", "/from/environment", 1), 0);
        ck_assert_int_eq(aziot_new(&a, NULL), 0);
        ck_assert_ptr_nonnull(strstr(aziot_explain(a, -ETIME), " /from/environment "));
        aziot_free(a);

        ck_assert_int_eq(unsetenv("AZIOT_SOCKET"), 0);
        ck_assert_int_eq(aziot_new(&a, NULL), 0);
        ck_assert_ptr_nonnull(strstr(aziot_explain(a, -ETIME), " /run/aziotd/socket "));
        aziot_free(a);
        ck_assert_ptr_null(aziot_free(NULL));
}
END_TEST

static Suite *text_suite(void) {
        Suite *suite = suite_create("aziot-text");
        TCase *t = tcase_create("text");

        tcase_add_loop_test(t, member_is_found_by_its_path, 0, ELEMENTSOF(finds));
        tcase_add_loop_test(t, text_of_a_string, 0, ELEMENTSOF(texts));
        tcase_add_test(t, time_is_microseconds_since_1970);
        tcase_add_test(t, failures_are_explained);
        tcase_add_test(t, path_of_the_socket);
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(text_suite)
