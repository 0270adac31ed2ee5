/* SPDX-License-Identifier: MIT */
#include "cli/message.h"
#include "tests/unit/unit.h"

#define CALL(message) "{\"message\":{" message "}}"

static const struct {
        BodyKind kind;
        const char *body;
        const char *parameters;
} bodies[] = {
        { BODY_GUESS, "{\"n\":9007199254740993,\"x\":1.10}",
          CALL("\"body\":{\"n\":9007199254740993,\"x\":1.10}") },
        { BODY_GUESS, " {\"a\" : 1 }\t", CALL("\"body\":{\"a\" : 1 }") },
        { BODY_GUESS, "{\"a\":1} {\"b\":2}", CALL("\"text\":\"{\\\"a\\\":1} {\\\"b\\\":2}\"") },
        { BODY_GUESS, "{\"a\":1", CALL("\"text\":\"{\\\"a\\\":1\"") },
        { BODY_GUESS, "[1]", CALL("\"text\":\"[1]\"") },
        { BODY_GUESS, "21.5", CALL("\"text\":\"21.5\"") },
        { BODY_GUESS, " padded ", CALL("\"text\":\" padded \"") },
        { BODY_GUESS, "gr\xc3\xbc\xc3\x9f", CALL("\"text\":\"gr\xc3\xbc\xc3\x9f\"") },
        { BODY_GUESS, "", CALL("\"text\":\"\"") },
        { BODY_TEXT, "{}", CALL("\"text\":\"{}\"") },
        { BODY_DATA, "{}", CALL("\"data\":\"e30=\"") },
        { BODY_DATA, "\xff\xfe", CALL("\"data\":\"//4=\"") },
        { BODY_DATA, "", CALL("\"data\":\"\"") },
};

static void assert_written(const MessageOptions *options, const char *body, const char *parameters) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        az_span written;

        ck_assert_int_eq(message_write(&json, options, az_span_create_from_str((char *) body)), 0);
        ck_assert_int_eq(ipc_json_get(&json, &written), 0);
        ck_assert_mem_eq(az_span_ptr(written), parameters,
                         MIN((size_t) az_span_size(written), strlen(parameters)));
        ck_assert_uint_eq((size_t) az_span_size(written), strlen(parameters));
}

START_TEST(a_body_travels_as_what_it_is) {
        MessageOptions options = MESSAGE_OPTIONS_NULL;

        options.kind = bodies[_i].kind;
        assert_written(&options, bodies[_i].body, bodies[_i].parameters);
}
END_TEST

START_TEST(text_that_is_not_utf8_is_refused) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        MessageOptions options = MESSAGE_OPTIONS_NULL;

        ck_assert_int_eq(message_write(&json, &options, AZ_SPAN_FROM_STR("\xff")), -EILSEQ);
}
END_TEST

START_TEST(each_option_has_its_field) {
        _cleanup_(message_options_done) MessageOptions options = MESSAGE_OPTIONS_NULL;

        options.content_type = "text/plain";
        options.message_id = "m-1";
        options.component = "pump";
        options.stage = "durable";
        options.ttl_s = 0;
        options.timeout_s = 5;
        ck_assert_int_eq(message_options_add_property(&options, "a=b=c"), 0);
        ck_assert_int_eq(message_options_add_property(&options, "\"ü\"="), 0);
        assert_written(
                &options, "x",
                "{\"message\":{\"text\":\"x\",\"contentType\":\"text/plain\",\"messageId\":\"m-1\","
                "\"component\":\"pump\",\"properties\":{\"a\":\"b=c\",\"\\\"ü\\\"\":\"\"},\"ttlSeconds\":0},"
                "\"stage\":\"durable\",\"timeoutSeconds\":5}");
}
END_TEST

static const struct {
        const char *property;
        int result;
} properties[] = {
        { "new=1", 0 },       { "old", -EINVAL },    { "=1", -EINVAL }, { "", -EINVAL },
        { "old=2", -EEXIST }, { "\xff=1", -EINVAL }, { "ol=2", 0 },     { "older=2", 0 },
};

START_TEST(a_property_is_key_and_value_and_there_once) {
        _cleanup_(message_options_done) MessageOptions options = MESSAGE_OPTIONS_NULL;

        ck_assert_int_eq(message_options_add_property(&options, "old=1"), 0);
        ck_assert_int_eq(message_options_add_property(&options, properties[_i].property),
                         properties[_i].result);
}
END_TEST

static Suite *cli_message_suite(void) {
        Suite *s = suite_create("cli-message");
        TCase *t = tcase_create("message_write");

        tcase_add_loop_test(t, a_body_travels_as_what_it_is, 0, ELEMENTSOF(bodies));
        tcase_add_test(t, text_that_is_not_utf8_is_refused);
        tcase_add_test(t, each_option_has_its_field);
        suite_add_tcase(s, t);

        t = tcase_create("message_options_add_property");
        tcase_add_loop_test(t, a_property_is_key_and_value_and_there_once, 0, ELEMENTSOF(properties));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(cli_message_suite)
