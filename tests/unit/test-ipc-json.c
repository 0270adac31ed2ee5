/* SPDX-License-Identifier: MIT */

#include "ipc-test.h"
#include "ipc/json.h"

static void assert_json(const IpcJson *json, const char *expected) {
        az_span text;

        ck_assert_int_eq(ipc_json_get(json, &text), 0);
        assert_span(text, expected);
}

START_TEST(values_are_separated_and_named) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "min", INT64_MIN);
        ipc_json_bool(&json, "yes", true);
        ipc_json_null(&json, "nothing");
        ipc_json_cstring(&json, "absent", NULL);
        ipc_json_begin_array(&json, "list");
        ipc_json_int(&json, NULL, 1);
        ipc_json_begin(&json, NULL);
        ipc_json_end(&json);
        ipc_json_begin_array(&json, NULL);
        ipc_json_end_array(&json);
        ipc_json_end_array(&json);
        ipc_json_raw(&json, "raw", AZ_SPAN_FROM_STR("{\"n\":9007199254740993,\"x\":1.10}"));
        ipc_json_raw(&json, "none", AZ_SPAN_EMPTY);
        ipc_json_cstring(&json, "text", "");
        ipc_json_end(&json);
        assert_json(&json, "{\"min\":-9223372036854775808,\"yes\":true,\"nothing\":null,\"absent\":null,"
                           "\"list\":[1,{},[]],\"raw\":{\"n\":9007199254740993,\"x\":1.10},\"none\":null,"
                           "\"text\":\"\"}");
}
END_TEST

static const struct {
        az_span text;
        const char *json;
} strings[] = {
        { AZ_SPAN_LITERAL_FROM_STR("plain"), "\"plain\"" },
        { AZ_SPAN_LITERAL_FROM_STR("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"" },
        { AZ_SPAN_LITERAL_FROM_STR("\n\t\x7f"), "\"\\u000a\\u0009\x7f\"" },
        { AZ_SPAN_LITERAL_FROM_STR("a\0b"), "\"a\\u0000b\"" },
        { AZ_SPAN_LITERAL_FROM_STR("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
          "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"" },
        /* Not UTF-8: each byte that belongs to no character becomes U+FFFD. */
        { AZ_SPAN_LITERAL_FROM_STR("a\xff"), "\"a\xef\xbf\xbd\"" },
        { AZ_SPAN_LITERAL_FROM_STR("\xc3"), "\"\xef\xbf\xbd\"" },
        { AZ_SPAN_LITERAL_FROM_STR("\xe2\x82x"), "\"\xef\xbf\xbd\xef\xbf\xbdx\"" },
        { AZ_SPAN_LITERAL_FROM_STR("\xc0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
};

START_TEST(bytes_are_base64) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        uint8_t many[300] = {};
        char expected[512];

        ipc_json_begin(&json, NULL);
        ipc_json_base64(&json, "none", AZ_SPAN_EMPTY);
        ipc_json_base64(&json, "one", AZ_SPAN_FROM_STR("\xff"));
        ipc_json_base64(&json, "more", AZ_SPAN_FROM_BUFFER(many));
        ipc_json_end(&json);
        (void) snprintf(expected, sizeof(expected), "{\"none\":\"\",\"one\":\"/w==\",\"more\":\"%0*d\"}", 400,
                        0);
        for (char *p = strstr(expected, "more"); *p; p++)
                if (*p == '0')
                        *p = 'A';
        assert_json(&json, expected);
}
END_TEST

START_TEST(entry_has_a_name_that_is_escaped) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_entry(&json, AZ_SPAN_FROM_STR("a"), AZ_SPAN_FROM_STR("1"));
        ipc_json_entry(&json, AZ_SPAN_FROM_STR("\"\xff\""), AZ_SPAN_FROM_STR(""));
        ipc_json_end(&json);
        assert_json(&json, "{\"a\":\"1\",\"\\\"\xef\xbf\xbd\\\"\":\"\"}");
}
END_TEST

START_TEST(string_is_escaped_and_made_utf8) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_string(&json, NULL, strings[_i].text);
        assert_json(&json, strings[_i].json);
}
END_TEST

START_TEST(large_object_leaves_the_small_buffer) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        az_span text;

        ipc_json_begin_array(&json, NULL);
        for (int i = 0; i < 1000; i++)
                ipc_json_int(&json, NULL, 1);
        ipc_json_end_array(&json);
        ck_assert_int_eq(ipc_json_get(&json, &text), 0);
        ck_assert_int_eq(az_span_size(text), 2001);
        ck_assert_mem_eq(az_span_ptr(text), "[1,1,1", 6);
        ck_assert_mem_eq(az_span_ptr(text) + 1997, "1,1]", 4);

        ipc_json_done(&json);
        ipc_json_begin(&json, NULL);
        ipc_json_end(&json);
        assert_json(&json, "{}");
}
END_TEST

static Suite *json_suite(void) {
        Suite *suite = suite_create("ipc-json");
        TCase *t = tcase_create("ipc_json");

        tcase_add_test(t, values_are_separated_and_named);
        tcase_add_test(t, bytes_are_base64);
        tcase_add_test(t, entry_has_a_name_that_is_escaped);
        tcase_add_loop_test(t, string_is_escaped_and_made_utf8, 0, ELEMENTSOF(strings));
        tcase_add_test(t, large_object_leaves_the_small_buffer);
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(json_suite)
