/* SPDX-License-Identifier: MIT */
#include <aio/command_executor.h>
#include <string.h>

#include "aio-executor-fixture.h"

/* ---- Start ---- */

static const struct {
        const char *name, *request, *share, *name_space;
        bool has_timeout;
        const char *events, *error;
} starts[] = {
        { .name = "test", .request = "plant/{id}/test", .events = "subscribe plant/+/test" },
        { .name = "test", .request = "test", .share = "g", .events = "subscribe $share/g/test" },
        { .name = "test", .request = "test", .name_space = "n/s", .events = "subscribe n/s/test" },
        { .request = "test", .error = "commandName" },
        { .name = "", .request = "test", .error = "commandName" },
        { .name = "test", .error = "requestTopicPattern" },
        { .name = "test", .request = "mock/{in/valid}", .error = "requestTopicPattern" },
        { .name = "test", .request = "test", .share = "a/b", .error = "ShareName" },
        { .name = "test", .request = "test", .name_space = "{x}", .error = "TopicNamespace" },
        { .name = "test", .request = "test", .has_timeout = true, .error = "executionTimeout" },
};

START_TEST(executor_subscribes_or_says_which_option_is_at_fault) {
        aio_command_executor_options const options = {
                .command_name = span_of(starts[_i].name),
                .request_topic_pattern = span_of(starts[_i].request),
                .share_name = span_of(starts[_i].share),
                .topic_namespace = span_of(starts[_i].name_space),
                .has_execution_timeout = starts[_i].has_timeout,
        };
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        ck_assert_int_eq(aio_command_executor_start(&executor, &f.client, &options, &f.error),
                         starts[_i].error ? AZ_ERROR_ARG : AZ_OK);
        if (starts[_i].error) {
                ck_assert_int_eq(f.error.kind, AIO_ERROR_INVALID_CONFIGURATION);
                ck_assert(f.error.is_shallow && !f.error.is_remote);
                ck_assert_span_eq(f.error.property_name, starts[_i].error);
        }
        ck_assert_str_eq(fixture_pump(&f), starts[_i].events ? starts[_i].events : "");
}
END_TEST

/* ---- One request ---- */

START_TEST(request_is_answered_and_then_acknowledged) {
        az_mqtt_user_property own[] = { { AZ_SPAN_FROM_STR("k"), AZ_SPAN_FROM_STR("v") } };
        aio_cloud_event const event = { .source = AZ_SPAN_FROM_STR("urn:x") };
        aio_response response = { .payload = AZ_SPAN_FROM_STR("[8]"),
                                  .user_properties = own,
                                  .n_user_properties = 1,
                                  .cloud_event = &event };
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        start(&f, &executor);
        ck_assert_str_eq(receive(&f, (Message){ .keys = { "__srcId", "a", "__unexpected", "a", "__ts" },
                                                .values = { "them", "1", "x", "2", "1790000000005:0:n" },
                                                .content_type = "application/json",
                                                .expiry_s = 3 }),
                         "request {}");
        ck_assert_span_eq(f.request.metadata.source_id, "them");
        ck_assert_int_eq(f.request.n_user_properties, 2);
        ck_assert_span_eq(f.request.user_properties[0].value, "1");
        ck_assert_span_eq(f.request.user_properties[1].value, "2");
        ck_assert_int_eq(f.request.tokens.n_tokens, 1);
        ck_assert_span_eq(f.request.tokens.tokens[0].key, "id");
        ck_assert_span_eq(f.request.tokens.tokens[0].value, "7");
        ck_assert_uint_eq(f.request.timestamp.wall_ms, UINT64_C(1790000000005));
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_requests, 1);

        ck_assert_int_eq(aio_command_executor_respond(&f.client, f.request_id, &response, f.time, &f.error),
                         AZ_OK);
        ck_assert_str_eq(fixture_pump(&f), "publish " RESPONSE " 200 [8]");
        ck_assert_uint_eq(f.published.qos, 1);
        ck_assert_uint_eq(f.published.message_expiry_s, 3);
        ck_assert_span_eq(f.published.correlation_data, CORRELATION);
        ck_assert_span_eq(f.published.content_type, "application/json");
        ck_assert_str_eq(fixture_property(&f, "k"), "v");
        ck_assert_str_eq(fixture_property(&f, "type"), "ms.aio.rpc.response");
        ck_assert_str_eq(fixture_property(&f, "__srcId"), CLIENT_ID);
        ck_assert_str_eq(fixture_property(&f, "__protVer"), "1.0");
        ck_assert_str_eq(fixture_property(&f, "$high_priority"), "");
        /* Later than the request. */
        ck_assert_str_eq(fixture_property(&f, "__ts"), "001790000000005:00002:node");
        ck_assert_ptr_null(fixture_property(&f, "__unexpected"));
        ck_assert_str_eq(fixture_puback(&f, _i ? 0x80 : 0), "ack 0");
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_requests, 0);
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_responses, 1);
}
END_TEST

static const struct {
        aio_response response;
        az_result result;
        aio_error_kind kind;
        const char *events, *code, *payload;
} answers[] = {
        { { .payload = AZ_SPAN_LITERAL_FROM_STR("1") },
          AZ_OK,
          AIO_ERROR_NONE,
          "publish " RESPONSE " 200 1",
          NULL,
          NULL },
        { { .has_payload_format = true }, AZ_OK, AIO_ERROR_NONE, "publish " RESPONSE " 204", NULL, NULL },
        { { .application_error_code = AZ_SPAN_LITERAL_FROM_STR("E\n7"),
            .application_error_payload = AZ_SPAN_LITERAL_FROM_STR("\xC2\x85too \xEF\xBF\xBF hot\xFF") },
          AZ_OK,
          AIO_ERROR_NONE,
          "publish " RESPONSE " 204",
          "E 7",
          "  too     hot " },
        { { .application_error_code = AZ_SPAN_LITERAL_FROM_STR("") },
          AZ_ERROR_ARG,
          AIO_ERROR_INVALID_CONFIGURATION,
          "",
          NULL,
          NULL },
        { { .application_error_payload = AZ_SPAN_LITERAL_FROM_STR("x") },
          AZ_ERROR_ARG,
          AIO_ERROR_INVALID_CONFIGURATION,
          "",
          NULL,
          NULL },
        { { .payload = AZ_SPAN_LITERAL_FROM_STR("{") },
          AZ_ERROR_UNEXPECTED_CHAR,
          AIO_ERROR_INVALID_PAYLOAD,
          "",
          NULL,
          NULL },
        { { .cloud_event = &(aio_cloud_event){ .type = AZ_SPAN_LITERAL_FROM_STR("x") } },
          AZ_ERROR_ARG,
          AIO_ERROR_INVALID_CONFIGURATION,
          "",
          NULL,
          NULL },
};

START_TEST(response_is_published_or_says_what_is_at_fault) {
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        start(&f, &executor);
        receive(&f, (Message){ 0 });
        ck_assert_int_eq(aio_command_executor_respond(&f.client, f.request_id, &answers[_i].response, f.time,
                                                      &f.error),
                         answers[_i].result);
        ck_assert_int_eq(f.error.kind, answers[_i].kind);
        ck_assert_str_eq(fixture_pump(&f), answers[_i].events);
        if (answers[_i].code) {
                ck_assert_str_eq(fixture_property(&f, "AppErrCode"), answers[_i].code);
                ck_assert_str_eq(fixture_property(&f, "AppErrPayload"), answers[_i].payload);
        }
        if (az_result_failed(answers[_i].result)) {
                ck_assert(f.error.is_shallow);
                /* It still waits for its response. */
                ck_assert_int_eq(respond(&f, f.request_id, "1"), AZ_OK);
                ck_assert_str_eq(fixture_pump(&f), "publish " RESPONSE " 200 1");
        }
        ck_assert_int_eq(respond(&f, f.request_id, "1"), AZ_ERROR_ITEM_NOT_FOUND);
        ck_assert_int_eq(f.error.kind, AIO_ERROR_INVALID_STATE);
}
END_TEST

START_TEST(command_that_fails_or_is_declined_is_an_execution_error) {
        static const char *const messages[] = { "it\tbroke", "" };
        static const char *const heard[] = { "it broke", "The request was dropped by the application" };
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        start(&f, &executor);
        receive(&f, (Message){ 0 });
        ck_assert_int_eq(
                aio_command_executor_fail(&f.client, f.request_id, str(messages[_i]), f.time, &f.error),
                AZ_OK);
        ck_assert_str_eq(fixture_pump(&f), "publish " RESPONSE " 500");
        ck_assert_str_eq(fixture_property(&f, "__apErr"), "true");
        ck_assert_str_eq(fixture_property(&f, "__stMsg"), heard[_i]);
        ck_assert_str_eq(fixture_puback(&f, 0), "ack 0");
}
END_TEST

/* ---- Requests that are refused ---- */

static const struct {
        Message message;
        bool has_no_response_topic, has_no_correlation;
        const char *events, *name, *value;
} refusals[] = {
        { { 0 }, .has_no_response_topic = true, .events = "ignored missing header (Response Topic); ack 0" },
        { { .response_topic = "//invalid" },
          .events = "ignored invalid header (Response Topic //invalid); ack 0" },
        { { .response_topic = "a/#" }, .events = "ignored invalid header (Response Topic a/#); ack 0" },
        { { 0 },
          .has_no_correlation = true,
          .name = "Correlation Data",
          .events = "ignored missing header (Correlation Data); publish " RESPONSE " 400" },
        { { .correlation = "NotGuid" },
          .name = "Correlation Data",
          .events = "ignored invalid header (Correlation Data); publish " RESPONSE " 400" },
        { { .expiry_s = -1 },
          .name = "Message Expiry",
          .events = "ignored missing header (Message Expiry); publish " RESPONSE " 400" },
        { { .keys = { "__protVer" }, .values = { "123456.0" } },
          .events = "ignored unsupported version; publish " RESPONSE " 505" },
        { { .keys = { "__protVer" }, .values = { "x" } },
          .events = "ignored unsupported version; publish " RESPONSE " 505" },
        { { .keys = { "__ts" }, .values = { "NotValid" } },
          .name = "__ts",
          .value = "NotValid",
          .events = "ignored invalid header (__ts NotValid); publish " RESPONSE " 400" },
        { { .keys = { "__ts" }, .values = { "1790000099999:0:x" } },
          .name = "MaxClockDrift",
          .events = "ignored invalid state (MaxClockDrift); publish " RESPONSE " 503" },
        { { .content_type = "raw/0" },
          .name = "Content Type",
          .value = "raw/0",
          .events = "ignored invalid header (Content Type raw/0); publish " RESPONSE " 415" },
        { { .payload = "{" }, .events = "ignored invalid payload; publish " RESPONSE " 400" },
};

START_TEST(request_that_is_not_as_it_should_be_is_refused) {
        Message message = request(refusals[_i].message);
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        start(&f, &executor);
        if (refusals[_i].has_no_response_topic)
                message.response_topic = NULL;
        if (refusals[_i].has_no_correlation)
                message.correlation = NULL;
        ck_assert_str_eq(fixture_receive(&f, &message), refusals[_i].events);
        ck_assert_span_eq(f.error.command_name, "test");
        if (f.n_published == 0)
                return;
        if (message.correlation)
                ck_assert_span_eq(f.published.correlation_data, message.correlation);
        else
                ck_assert_ptr_null(az_span_ptr(f.published.correlation_data));
        ck_assert_uint_eq(f.published.message_expiry_s, 10);
        if (refusals[_i].name)
                ck_assert_str_eq(fixture_property(&f, "__propName"), refusals[_i].name);
        else
                ck_assert_ptr_null(fixture_property(&f, "__propName"));
        if (refusals[_i].value)
                ck_assert_str_eq(fixture_property(&f, "__propVal"), refusals[_i].value);
        ck_assert(!fixture_property(&f, "__apErr") || strcmp(fixture_property(&f, "__apErr"), "false") == 0);
        ck_assert_str_eq(fixture_puback(&f, 0), "ack 0");
}
END_TEST

START_TEST(version_that_is_refused_is_told) {
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        start(&f, &executor);
        receive(&f, (Message){ .keys = { "__protVer" }, .values = { "9.1" } });
        ck_assert_str_eq(fixture_property(&f, "__requestProtVer"), "9.1");
        ck_assert_str_eq(fixture_property(&f, "__supProtMajVer"), "1");
        ck_assert_str_eq(fixture_property(&f, "__protVer"), "1.0");
}
END_TEST

START_TEST(refusal_is_a_response_that_is_repeated_too) {
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        start(&f, &executor);
        receive(&f, (Message){ .payload = "{" });
        ck_assert_str_eq(fixture_puback(&f, 0), "ack 0");
        ck_assert_str_eq(receive(&f, (Message){ .payload = "{" }), "publish " RESPONSE " 400");
        ck_assert_str_eq(fixture_puback(&f, 0), "ack 1");
}
END_TEST

START_TEST(request_with_format_bytes_or_on_another_topic_is_no_error) {
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        start(&f, &executor);
        ck_assert_str_eq(receive(&f, (Message){ .is_bytes = true }), "request {}");
        ck_assert_str_eq(receive(&f, (Message){ .topic = "plant/7/other" }), "ack 1");
}
END_TEST

/* ---- Repeats ---- */

START_TEST(repeat_of_a_finished_request_is_answered_as_the_first) {
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        start(&f, &executor);
        execute(&f, (Message){ .expiry_s = 10 }, "1");
        fixture_wait(&f, 2500);
        ck_assert_str_eq(receive(&f, (Message){ 0 }), "publish " RESPONSE " 200 1");
        ck_assert_uint_eq(f.published.message_expiry_s, 8);
        ck_assert_str_eq(fixture_puback(&f, 0), "ack 1");
        ck_assert_str_eq(receive(&f, (Message){ 0 }), "publish " RESPONSE " 200 1");
        ck_assert_str_eq(fixture_puback(&f, 0), "ack 2");
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_requests, 0);
}
END_TEST

START_TEST(repeat_of_a_request_under_way_ends_with_it) {
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        start(&f, &executor);
        ck_assert_str_eq(receive(&f, (Message){ 0 }), "request {}");
        ck_assert_str_eq(receive(&f, (Message){ 0 }), "");
        ck_assert_int_eq(respond(&f, f.request_id, "1"), AZ_OK);
        ck_assert_str_eq(fixture_pump(&f), "publish " RESPONSE " 200 1");
        ck_assert_str_eq(receive(&f, (Message){ 0 }), "");
        ck_assert_str_eq(fixture_puback(&f, 0), "ack 0; ack 2; ack 1");
}
END_TEST

/* Correlation data and response topic, both, name a request; the payload and the topic do not. */
static const Message others[] = {
        { .response_topic = "response/other" },
        { .correlation = "0123456789abcdeF" },
};

START_TEST(request_that_differs_is_executed) {
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        start(&f, &executor);
        execute(&f, (Message){ 0 }, "1");
        execute(&f, others[_i], "2");
}
END_TEST

START_TEST(response_is_forgotten_when_the_request_expires) {
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        start(&f, &executor);
        execute(&f, (Message){ .expiry_s = 10 }, "1");
        ck_assert_uint_eq(aio_client_deadline_us(&f.client), f.time.now_us + 10000000);
        fixture_wait(&f, 9999);
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_responses, 1);
        fixture_wait(&f, 1);
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_responses, 0);
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_evicted, 0);
        ck_assert_uint_eq(aio_client_deadline_us(&f.client), UINT64_MAX);
        execute(&f, (Message){ .expiry_s = 10 }, "2");
}
END_TEST

/* The timer is late: nothing is sent that has expired. */
START_TEST(repeat_of_an_expired_request_is_acknowledged) {
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        start(&f, &executor);
        execute(&f, (Message){ .expiry_s = 1 }, "1");
        f.time.now_us += 1000000;
        ck_assert_str_eq(receive(&f, (Message){ 0 }), "ack 1");
}
END_TEST

START_TEST(each_executor_answers_a_request_of_both) {
        aio_command_executor a, b;
        Fixture f;
        uint64_t first;

        fixture_init(&f);
        start(&f, &a);
        start_with(&f, &b, "plant/7/{x}", 0, 0);
        ck_assert_str_eq(receive(&f, (Message){ 0 }), "request {}; request {}");
        first = f.request_id;
        ck_assert_int_eq(respond(&f, first, "1"), AZ_OK);
        fixture_pump(&f);
        ck_assert_str_eq(fixture_puback(&f, 0), "");
        ck_assert_int_eq(respond(&f, UINT64_C(1) << 32 | (first & 1 ? 0 : 1), "2"), AZ_OK);
        fixture_pump(&f);
        ck_assert_str_eq(fixture_puback(&f, 0), "ack 0");
}
END_TEST

/* The connection was lost while one was executed; the request comes again, and so do acknowledgements. */
START_TEST(late_acknowledgement_names_the_delivery_that_it_is_for) {
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        start(&f, &executor);
        ck_assert_str_eq(receive(&f, (Message){ 0 }), "request {}");
        ck_assert_int_eq(respond(&f, f.request_id, "1"), AZ_OK);
        ck_assert_str_eq(fixture_pump(&f), "publish " RESPONSE " 200 1");
        ck_assert_int_eq(aio_client_published(&f.client, f.tokens_out[0], AZ_ERROR_CANCELED, 0, f.time),
                         AZ_OK);
        ck_assert_str_eq(fixture_pump(&f), "ack 0");
        ck_assert_str_eq(receive(&f, (Message){ 0 }), "publish " RESPONSE " 200 1");
        ck_assert_str_eq(fixture_puback(&f, 0), "ack 1");
}
END_TEST

START_TEST(response_for_which_there_is_no_room_comes_again) {
        char correlation[17];
        aio_command_executor executor;
        Fixture f;

        fixture_init(&f);
        start(&f, &executor);
        for (int i = 0; i < 2; i++) {
                ck_assert_str_eq(receive(&f, numbered(correlation, i)), "request {}");
                ck_assert_int_eq(respond(&f, f.request_id, "1"), AZ_OK);
                if (i == 0)
                        fixture_pump(&f);
                ck_assert_int_eq(aio_client_published(&f.client, f.tokens_out[0], AZ_ERROR_NOT_ENOUGH_SPACE,
                                                      0, f.time),
                                 AZ_OK);
                ck_assert_str_eq(fixture_pump(&f), "");
        }
        aio_client_room(&f.client);
        ck_assert_str_eq(fixture_pump(&f), "publish " RESPONSE " 200 1; publish " RESPONSE " 200 1");
        ck_assert_str_eq(fixture_puback(&f, 0), "ack 1");
}
END_TEST

/* ---- Memory ---- */

START_TEST(oldest_response_makes_room_for_a_request) {
        char correlation[17];
        aio_command_executor executor;
        Fixture f;

        fixture_init_with(&f, 2, sizeof(f.blocks));
        start(&f, &executor);
        for (int i = 0; i < 3; i++)
                execute(&f, numbered(correlation, i), "1");
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_responses, 2);
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_evicted, 1);
        /* A repeat of the last two is known, and needs a task of its own: the other of them. */
        ck_assert_str_eq(receive(&f, numbered(correlation, 2)), "publish " RESPONSE " 200 1");
        ck_assert_str_eq(fixture_puback(&f, 0), "ack 3");
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_evicted, 2);
        execute(&f, numbered(correlation, 0), "1");
}
END_TEST

START_TEST(oldest_responses_make_room_for_bytes) {
        static const char payload[] =
                "\"0123456789012345678901234567890123456789012345678901234567890123456789\"";
        char correlation[17];
        aio_command_executor executor;
        uint32_t n_used_bytes;
        Fixture f;

        fixture_init_with(&f, 8, 3000);
        start(&f, &executor);
        for (int i = 0; i < 20; i++)
                execute(&f, numbered(correlation, i), payload);
        ck_assert_uint_gt(aio_client_get_status(&f.client).n_evicted, 12);
        ck_assert_uint_lt(aio_client_get_status(&f.client).n_responses, 8);
        n_used_bytes = aio_client_get_status(&f.client).n_used_bytes;
        ck_assert_uint_le(n_used_bytes, 3000);
        fixture_wait(&f, 10000);
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_responses, 0);
        aio_command_executor_stop(&executor, f.time);
        fixture_pump(&f);
        fixture_unsuback(&f, 0);
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_used_bytes, 0);
}
END_TEST

/* Without a task, and without bytes. */
START_TEST(request_without_memory_is_refused_at_once) {
        static char large[4000];
        char correlation[17];
        aio_command_executor executor;
        Message m;
        Fixture f;

        fixture_init_with(&f, _i == 0 ? 1 : 8, 2000);
        start(&f, &executor);
        if (_i == 0) {
                ck_assert_str_eq(receive(&f, (Message){ 0 }), "request {}");
                m = numbered(correlation, 0);
        } else {
                memset(large, ' ', sizeof(large) - 1);
                large[0] = '1';
                m = (Message){ .payload = large };
                receive(&f, (Message){ .topic = "else" });
        }
        ck_assert_str_eq(receive(&f, m),
                         _i == 0 ? "ignored invalid state (Capacity); publish " RESPONSE " 503; ack 1"
                                 : "ignored invalid state (Capacity); publish " RESPONSE " 503");
        ck_assert_str_eq(fixture_property(&f, "__propName"), "Capacity");
        ck_assert_str_eq(fixture_puback(&f, 0), _i == 0 ? "" : "ack 1");
}
END_TEST

START_TEST(response_without_memory_is_refused_and_another_is_not) {
        static char large[4000];
        aio_command_executor executor;
        Fixture f;

        fixture_init_with(&f, 8, 2000);
        start(&f, &executor);
        memset(large, ' ', sizeof(large) - 1);
        large[0] = '1';
        ck_assert_str_eq(receive(&f, (Message){ 0 }), "request {}");
        ck_assert_int_eq(respond(&f, f.request_id, large), AZ_ERROR_NOT_ENOUGH_SPACE);
        ck_assert_span_eq(f.error.property_name, AIO_PROPERTY_CAPACITY);
        ck_assert_str_eq(fixture_pump(&f), "");
        ck_assert_int_eq(respond(&f, f.request_id, "1"), AZ_OK);
        ck_assert_str_eq(fixture_pump(&f), "publish " RESPONSE " 200 1");
}
END_TEST

static Suite *executor_suite(void) {
        Suite *s = suite_create("aio-command-executor");
        TCase *t = tcase_create("requests");

        tcase_add_loop_test(t, executor_subscribes_or_says_which_option_is_at_fault, 0, ELEMENTSOF(starts));
        tcase_add_loop_test(t, request_is_answered_and_then_acknowledged, 0, 2);
        tcase_add_loop_test(t, response_is_published_or_says_what_is_at_fault, 0, ELEMENTSOF(answers));
        tcase_add_loop_test(t, command_that_fails_or_is_declined_is_an_execution_error, 0, 2);
        tcase_add_loop_test(t, request_that_is_not_as_it_should_be_is_refused, 0, ELEMENTSOF(refusals));
        tcase_add_test(t, version_that_is_refused_is_told);
        tcase_add_test(t, refusal_is_a_response_that_is_repeated_too);
        tcase_add_test(t, request_with_format_bytes_or_on_another_topic_is_no_error);
        suite_add_tcase(s, t);

        t = tcase_create("repeats");
        tcase_add_test(t, repeat_of_a_finished_request_is_answered_as_the_first);
        tcase_add_test(t, repeat_of_a_request_under_way_ends_with_it);
        tcase_add_loop_test(t, request_that_differs_is_executed, 0, ELEMENTSOF(others));
        tcase_add_test(t, response_is_forgotten_when_the_request_expires);
        tcase_add_test(t, repeat_of_an_expired_request_is_acknowledged);
        tcase_add_test(t, each_executor_answers_a_request_of_both);
        tcase_add_test(t, late_acknowledgement_names_the_delivery_that_it_is_for);
        tcase_add_test(t, response_for_which_there_is_no_room_comes_again);
        suite_add_tcase(s, t);

        t = tcase_create("memory");
        tcase_add_test(t, oldest_response_makes_room_for_a_request);
        tcase_add_test(t, oldest_responses_make_room_for_bytes);
        tcase_add_loop_test(t, request_without_memory_is_refused_at_once, 0, 2);
        tcase_add_test(t, response_without_memory_is_refused_and_another_is_not);
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(executor_suite)
