/* SPDX-License-Identifier: MIT */
#include <aio/command_invoker.h>
#include <string.h>

#include "aio-client-fixture.h"

/* ---- Start ---- */

static const struct {
        const char *name, *request, *response, *prefix, *suffix, *name_space;
        const char *events, *error;
} starts[] = {
        { .name = "test", .request = "mock/test", .events = "subscribe clients/me/mock/test" },
        { .name = "test",
          .request = "mock/test",
          .prefix = "response",
          .events = "subscribe response/mock/test" },
        { .name = "test",
          .request = "mock/test",
          .suffix = "response",
          .events = "subscribe mock/test/response" },
        { .name = "test",
          .request = "mock/{x}",
          .prefix = "p",
          .suffix = "s",
          .events = "subscribe p/mock/+/s" },
        { .name = "test", .request = "mock/{x}", .response = "my/{x}/{y}", .events = "subscribe my/+/+" },
        { .name = "test", .request = "mock", .name_space = "n", .events = "subscribe n/clients/me/mock" },
        { .request = "mock/test", .error = "commandName" },
        { .name = "", .request = "mock/test", .error = "commandName" },
        { .name = "test", .error = "requestTopicPattern" },
        { .name = "test", .request = "mock/{in/valid}/test", .error = "requestTopicPattern" },
        { .name = "test", .request = "mock", .prefix = "prefix/{in/valid}", .error = "responseTopicPrefix" },
        { .name = "test", .request = "mock", .suffix = "#", .error = "responseTopicSuffix" },
        { .name = "test", .request = "mock", .response = "a//b", .error = "responseTopicPattern" },
        { .name = "test", .request = "mock", .name_space = "invalid/{modelId}", .error = "TopicNamespace" },
};

static az_span span_of(const char *text) {
        return text ? str(text) : AZ_SPAN_EMPTY;
}

START_TEST(invoker_subscribes_or_says_which_option_is_at_fault) {
        aio_command_invoker_options const options = {
                .command_name = span_of(starts[_i].name),
                .request_topic_pattern = span_of(starts[_i].request),
                .response_topic_pattern = span_of(starts[_i].response),
                .response_topic_prefix = span_of(starts[_i].prefix),
                .response_topic_suffix = span_of(starts[_i].suffix),
                .topic_namespace = span_of(starts[_i].name_space),
        };
        aio_command_invoker invoker;
        Fixture f;

        fixture_init(&f);
        ck_assert_int_eq(aio_command_invoker_start(&invoker, &f.client, &options, &f.error),
                         starts[_i].error ? AZ_ERROR_ARG : AZ_OK);
        if (starts[_i].error) {
                ck_assert_int_eq(f.error.kind, AIO_ERROR_INVALID_CONFIGURATION);
                ck_assert(f.error.is_shallow && !f.error.is_remote);
                ck_assert_span_eq(f.error.property_name, starts[_i].error);
                ck_assert(az_span_is_content_equal(f.error.command_name, options.command_name));
        }
        ck_assert_str_eq(fixture_pump(&f), starts[_i].events ? starts[_i].events : "");
}
END_TEST

/* ---- Requests ---- */

/* {} in response to {} at plant/{id}/test. */
static void start(Fixture *f, aio_command_invoker *invoker) {
        aio_serializer const json = aio_serializer_json();
        aio_command_invoker_options const options = {
                .command_name = AZ_SPAN_FROM_STR("test"),
                .request_topic_pattern = AZ_SPAN_FROM_STR("plant/{id}/test"),
                .response_topic_prefix = AZ_SPAN_FROM_STR("response"),
                .serializer = &json,
        };

        fixture_start_invoker(f, invoker, &options);
}

static aio_topic_token seven[] = { { AZ_SPAN_LITERAL_FROM_STR("id"), AZ_SPAN_LITERAL_FROM_STR("7") } };

static az_result invoke(Fixture *f, aio_command_invoker *invoker, aio_request request, uint64_t *id) {
        aio_event publish;
        az_result r;

        if (az_span_size(request.payload) == 0)
                request.payload = AZ_SPAN_FROM_STR("{}");
        if (!request.tokens.tokens)
                request.tokens = (aio_topic_tokens){ seven, 1 };
        r = aio_command_invoker_invoke(invoker, &request, f->time, id, &publish, &f->error);
        f->log[0] = '\0';
        if (az_result_succeeded(r))
                fixture_carry(f, &publish);
        return r;
}

START_TEST(request_has_all_that_belongs_to_it) {
        aio_cloud_event const event = { .source = AZ_SPAN_FROM_STR("urn:x") };
        aio_hlc const fencing = { .wall_ms = 1, .counter = 2, .node_id = AZ_SPAN_FROM_STR("n") };
        aio_command_invoker invoker;
        uint64_t id;
        Fixture f;

        fixture_init(&f);
        start(&f, &invoker);
        ck_assert_int_eq(invoke(&f, &invoker,
                                (aio_request){ .cloud_event = &event,
                                               .fencing_token = &fencing,
                                               .has_timeout = true,
                                               .timeout_us = 1500000 },
                                &id),
                         AZ_OK);
        ck_assert_str_eq(f.log, "publish plant/7/test {}");
        ck_assert_uint_eq(f.published.qos, 1);
        ck_assert_uint_eq(f.published.message_expiry_s, 2);
        ck_assert_span_eq(f.published.response_topic, "response/plant/7/test");
        ck_assert_span_eq(f.published.content_type, "application/json");
        ck_assert_int_eq(az_span_size(f.published.correlation_data), 16);
        ck_assert_uint_eq(az_span_ptr(f.published.correlation_data)[6] >> 4, 4); /* a UUID of version 4 */
        ck_assert_str_eq(fixture_property(&f, "__srcId"), CLIENT_ID);
        ck_assert_str_eq(fixture_property(&f, "__protVer"), "1.0");
        ck_assert_str_eq(fixture_property(&f, "$partition"), CLIENT_ID);
        ck_assert_str_eq(fixture_property(&f, "$high_priority"), "");
        ck_assert_str_eq(fixture_property(&f, "__ts"), "001790000000000:00000:node");
        ck_assert_str_eq(fixture_property(&f, "__ft"), "000000000000001:00002:n");
        ck_assert_str_eq(fixture_property(&f, "type"), "ms.aio.rpc.request");
        ck_assert_str_eq(fixture_property(&f, "subject"), "plant/7/test");
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_invocations, 1);
}
END_TEST

static aio_topic_token invalid[] = { { AZ_SPAN_LITERAL_FROM_STR("id"),
                                       AZ_SPAN_LITERAL_FROM_STR("Invalid#") } };
static aio_topic_token other[] = { { AZ_SPAN_LITERAL_FROM_STR("x"), AZ_SPAN_LITERAL_FROM_STR("y") } };
static az_mqtt_user_property reserved[] = { { AZ_SPAN_LITERAL_FROM_STR("__ts"),
                                              AZ_SPAN_LITERAL_FROM_STR("0") } };
static aio_cloud_event no_source;

static const struct {
        aio_request request;
        az_result result;
        aio_error_kind kind;
        const char *name, *value;
} refusals[] = {
        { { .tokens = { other, 1 } }, AZ_ERROR_ARG, AIO_ERROR_INVALID_CONFIGURATION, "id", "" },
        { { .tokens = { invalid, 1 } }, AZ_ERROR_ARG, AIO_ERROR_INVALID_CONFIGURATION, "id", "Invalid#" },
        { { .has_timeout = true }, AZ_ERROR_ARG, AIO_ERROR_INVALID_CONFIGURATION, "commandTimeout", "PT0S" },
        { { .has_timeout = true, .timeout_us = UINT64_MAX },
          AZ_ERROR_ARG,
          AIO_ERROR_INVALID_CONFIGURATION,
          "commandTimeout",
          "PT18446744073709.551615S" },
        { { .user_properties = reserved, .n_user_properties = 1 },
          AZ_ERROR_ARG,
          AIO_ERROR_INVALID_CONFIGURATION,
          "Metadata",
          "__ts" },
        { { .cloud_event = &no_source },
          AZ_ERROR_ARG,
          AIO_ERROR_INVALID_CONFIGURATION,
          "CloudEvent",
          "source" },
        { { .payload = AZ_SPAN_LITERAL_FROM_STR("[") },
          AZ_ERROR_UNEXPECTED_CHAR,
          AIO_ERROR_INVALID_PAYLOAD,
          "",
          "" },
};

START_TEST(refused_request_names_what_is_at_fault_and_is_no_invocation) {
        aio_command_invoker invoker;
        uint64_t id = 0;
        Fixture f;

        fixture_init(&f);
        start(&f, &invoker);
        ck_assert_int_eq(invoke(&f, &invoker, refusals[_i].request, &id), refusals[_i].result);
        ck_assert_int_eq(f.error.kind, refusals[_i].kind);
        ck_assert(f.error.is_shallow && !f.error.is_remote);
        ck_assert_span_eq(f.error.property_name, refusals[_i].name);
        ck_assert_span_eq(f.error.property_value, refusals[_i].value);
        ck_assert_span_eq(f.error.command_name, "test");
        ck_assert_uint_eq(id, 0);
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_invocations, 0);
        ck_assert_uint_eq(aio_client_deadline_us(&f.client), UINT64_MAX);
}
END_TEST

START_TEST(invoker_that_is_not_started_invokes_nothing) {
        aio_command_invoker_options const options = {
                .command_name = AZ_SPAN_FROM_STR("test"),
                .request_topic_pattern = AZ_SPAN_FROM_STR("plant/{id}/test"),
        };
        aio_command_invoker invoker;
        uint64_t id;
        Fixture f;

        fixture_init(&f);
        ck_assert_int_eq(aio_command_invoker_start(&invoker, &f.client, &options, &f.error), AZ_OK);
        ck_assert_int_eq(invoke(&f, &invoker, (aio_request){ 0 }, &id), AZ_ERROR_NOT_SUPPORTED);
        ck_assert_int_eq(f.error.kind, AIO_ERROR_INVALID_STATE);
        fixture_pump(&f);
        /* SUBSCRIBE is under way, and comes before the request. */
        ck_assert_int_eq(invoke(&f, &invoker, (aio_request){ 0 }, &id), AZ_OK);
        ck_assert_str_eq(fixture_suback(&f, 0x83), "response mqtt error; started mqtt error");
        ck_assert_int_eq(invoke(&f, &invoker, (aio_request){ 0 }, &id), AZ_ERROR_NOT_SUPPORTED);
}
END_TEST

/* ---- Responses ---- */

/* To the last request; of the rest there are defaults. */
static const char *respond(Fixture *f, Message message) {
        char correlation[17] = { 0 };

        if (f->n_published > 0)
                memcpy(correlation, az_span_ptr(f->published.correlation_data), 16);
        if (!message.topic)
                message.topic = "response/plant/7/test";
        if (!message.payload)
                message.payload = "{}";
        if (!message.correlation)
                message.correlation = correlation;
        return fixture_receive(f, &message);
}

#define STATUS(...) .keys = { "__stat", __VA_ARGS__ }

static const struct {
        Message message;
        const char *events;
} responses[] = {
        { { STATUS(0), .values = { "200" } }, "response {}; ack 0" },
        { { STATUS(0), .values = { "204" }, .payload = "" }, "response ; ack 0" },
        { { STATUS(0), .values = { "204" } }, "response invalid payload; ack 0" },
        { { STATUS(0), .values = { "200" }, .expiry_s = -1, .content_type = "application/json" },
          "response {}; ack 0" },
        { { STATUS("__x", "own"), .values = { "200", "y", "z" } }, "response {}; ack 0" },
        { { STATUS("__protVer"), .values = { "200", "1.9" } }, "response {}; ack 0" },
        { { STATUS("__protVer"), .values = { "200", "2.0" } }, "response unsupported version; ack 0" },
        { { STATUS("__protVer"), .values = { "200", "x" } }, "response unsupported version; ack 0" },
        { { .keys = { 0 } }, "response missing header (__stat); ack 0" },
        { { STATUS(0), .values = { "ok" } }, "response invalid header (__stat ok); ack 0" },
        { { STATUS("__ts"), .values = { "200", "x" } }, "response invalid header (__ts x); ack 0" },
        { { STATUS(0), .values = { "200" }, .content_type = "text/plain" },
          "response invalid header (Content Type text/plain); ack 0" },
        { { STATUS(0), .values = { "200" }, .payload = "{" }, "response invalid payload; ack 0" },
        { { STATUS(0), .values = { "400" } }, "response invalid payload remote; ack 0" },
        { { STATUS("__propName"), .values = { "400", "h" } }, "response missing header remote (h); ack 0" },
        { { STATUS("__propName", "__propVal"), .values = { "400", "h", "v" } },
          "response invalid header remote (h v); ack 0" },
        { { STATUS("__propName", "__propVal"), .values = { "408", "ExecutionTimeout", "PT1S" } },
          "response timeout remote (ExecutionTimeout PT1S); ack 0" },
        { { STATUS("__propName", "__propVal"), .values = { "415", "Content Type", "x/y" } },
          "response invalid header remote (Content Type x/y); ack 0" },
        { { STATUS("__propName", "__propVal"), .values = { "418", "a", "b" } },
          "response unknown error remote (a b); ack 0" },
        { { STATUS("__propName", "__propVal"), .values = { "422", "a", "b" } },
          "response unknown error remote (a b); ack 0" },
        { { STATUS("__apErr"), .values = { "500", "true" } }, "response execution error remote; ack 0" },
        { { STATUS("__propName"), .values = { "500", "n" } },
          "response internal logic error remote (n); ack 0" },
        { { STATUS(0), .values = { "500" } }, "response unknown error remote; ack 0" },
        { { STATUS("__propName"), .values = { "503", "n" } }, "response invalid state remote (n); ack 0" },
        { { STATUS("__requestProtVer", "__supProtMajVer"), .values = { "505", "9.0", "1 2" } },
          "response unsupported version remote; ack 0" },
};

START_TEST(response_is_what_the_command_returned_or_an_error) {
        aio_command_invoker invoker;
        uint64_t id;
        Fixture f;
        int here = 1;

        fixture_init(&f);
        start(&f, &invoker);
        ck_assert_int_eq(invoke(&f, &invoker, (aio_request){ .context = &here }, &id), AZ_OK);
        ck_assert_str_eq(respond(&f, responses[_i].message), responses[_i].events);
        ck_assert_ptr_eq(f.context, &here);
        if (f.error.kind != AIO_ERROR_NONE)
                ck_assert_span_eq(f.error.command_name, "test");
        ck_assert_uint_eq(aio_client_get_status(&f.client).n_invocations, 0);
        ck_assert_uint_eq(aio_client_deadline_us(&f.client), UINT64_MAX);
        /* The same once more: nobody waits. The PUBACK may come now. */
        ck_assert_str_eq(respond(&f, responses[_i].message),
                         "ignored invalid header (Correlation Data); ack 1");
        ck_assert_str_eq(fixture_puback(&f, 0x80), "");
}
END_TEST

START_TEST(version_that_was_refused_is_told) {
        aio_command_invoker invoker;
        uint64_t id;
        Fixture f;

        fixture_init(&f);
        start(&f, &invoker);
        ck_assert_int_eq(invoke(&f, &invoker, (aio_request){ 0 }, &id), AZ_OK);
        respond(&f, (Message){ STATUS("__requestProtVer", "__supProtMajVer", "__stMsg"),
                               .values = { "505", "9.0", "1 2", "no" } });
        ck_assert_span_eq(f.error.protocol_version, "9.0");
        ck_assert_span_eq(f.error.supported_majors, "1 2");
        ck_assert_span_eq(f.error.message, "no");
}
END_TEST

START_TEST(response_that_nobody_waits_for_is_acknowledged) {
        aio_command_invoker invoker;
        Fixture f;

        fixture_init(&f);
        start(&f, &invoker);
        ck_assert_str_eq(
                respond(&f, (Message){ .correlation = "0123456789abcdef", STATUS(0), .values = { "200" } }),
                "ignored invalid header (Correlation Data); ack 0");
        ck_assert_str_eq(fixture_receive(&f, &(Message){ .topic = "response/plant/7/test" }),
                         "ignored invalid header (Correlation Data); ack 1");
        ck_assert_str_eq(fixture_receive(&f, &(Message){ .topic = "response/plant/7" }), "ack 2");
}
END_TEST

/* Two invokers on one filter: each response is of one of them. */
START_TEST(response_finds_its_invoker) {
        aio_command_invoker a, b;
        uint64_t id;
        Fixture f;

        fixture_init(&f);
        start(&f, &a);
        start(&f, &b);
        ck_assert_int_eq(invoke(&f, _i ? &a : &b, (aio_request){ 0 }, &id), AZ_OK);
        ck_assert_str_eq(respond(&f, (Message){ STATUS(0), .values = { "200" } }), "response {}; ack 0");
}
END_TEST

START_TEST(responses_come_in_any_order) {
        char correlations[4][17] = { { 0 } };
        aio_command_invoker invoker;
        int contexts[4];
        uint64_t id;
        Fixture f;

        fixture_init(&f);
        start(&f, &invoker);
        for (int i = 0; i < 4; i++) {
                ck_assert_int_eq(invoke(&f, &invoker, (aio_request){ .context = &contexts[i] }, &id), AZ_OK);
                memcpy(correlations[i], az_span_ptr(f.published.correlation_data), 16);
        }
        ck_assert_int_eq(invoke(&f, &invoker, (aio_request){ 0 }, &id), AZ_ERROR_NOT_ENOUGH_SPACE);
        ck_assert_int_eq(f.error.kind, AIO_ERROR_INVALID_STATE);
        ck_assert_span_eq(f.error.property_name, AIO_PROPERTY_CAPACITY);
        for (int i = 3; i >= 0; i--) {
                respond(&f, (Message){ .correlation = correlations[i], STATUS(0), .values = { "200" } });
                ck_assert_ptr_eq(f.context, &contexts[i]);
        }
        ck_assert_int_eq(invoke(&f, &invoker, (aio_request){ 0 }, &id), AZ_OK);
}
END_TEST

/* ---- Other ends ---- */

START_TEST(response_that_does_not_come_in_time_is_an_error) {
        aio_command_invoker invoker;
        uint64_t id;
        Fixture f;

        fixture_init(&f);
        start(&f, &invoker);
        ck_assert_int_eq(
                invoke(&f, &invoker, (aio_request){ .has_timeout = true, .timeout_us = 2000000 }, &id),
                AZ_OK);
        ck_assert_int_eq(invoke(&f, &invoker, (aio_request){ 0 }, &id), AZ_OK);
        ck_assert_uint_eq(aio_client_deadline_us(&f.client), f.time.now_us + 2000000);
        ck_assert_str_eq(fixture_wait(&f, 1999), "");
        ck_assert_str_eq(fixture_wait(&f, 1), "response timeout (commandTimeout PT2S)");
        ck_assert(!f.error.is_shallow);
        ck_assert_str_eq(fixture_wait(&f, 8000), "response timeout (commandTimeout PT10S)");
        ck_assert_uint_eq(aio_client_deadline_us(&f.client), UINT64_MAX);
}
END_TEST

START_TEST(request_that_is_refused_fails_at_once_and_the_next_succeeds) {
        aio_command_invoker invoker;
        uint64_t id;
        Fixture f;

        fixture_init(&f);
        start(&f, &invoker);
        ck_assert_int_eq(invoke(&f, &invoker, (aio_request){ 0 }, &id), AZ_OK);
        ck_assert_str_eq(fixture_puback(&f, 0x80), "response mqtt error");
        ck_assert_uint_eq(f.error.mqtt_reason, 0x80);
        ck_assert_int_eq(invoke(&f, &invoker, (aio_request){ 0 }, &id), AZ_OK);
        ck_assert_str_eq(fixture_puback(&f, 0), "");
        ck_assert_str_eq(respond(&f, (Message){ STATUS(0), .values = { "200" } }), "response {}; ack 0");
}
END_TEST

START_TEST(session_that_is_lost_ends_all_invocations) {
        aio_command_invoker invoker;
        uint64_t id;
        Fixture f;

        fixture_init(&f);
        start(&f, &invoker);
        ck_assert_int_eq(invoke(&f, &invoker, (aio_request){ 0 }, &id), AZ_OK);
        ck_assert_int_eq(invoke(&f, &invoker, (aio_request){ 0 }, &id), AZ_OK);
        aio_client_session_lost(&f.client);
        ck_assert_str_eq(fixture_pump(&f), "response mqtt error; response mqtt error");
}
END_TEST

START_TEST(invocation_that_is_cancelled_has_no_response) {
        aio_command_invoker invoker;
        uint64_t id;
        Fixture f;

        fixture_init(&f);
        start(&f, &invoker);
        ck_assert_int_eq(invoke(&f, &invoker, (aio_request){ 0 }, &id), AZ_OK);
        ck_assert_int_eq(aio_command_invoker_cancel(&f.client, id), AZ_OK);
        ck_assert_int_eq(aio_command_invoker_cancel(&f.client, id), AZ_ERROR_ITEM_NOT_FOUND);
        ck_assert_int_eq(aio_command_invoker_cancel(&f.client, UINT64_MAX), AZ_ERROR_ITEM_NOT_FOUND);
        ck_assert_str_eq(fixture_wait(&f, 20000), "");
        ck_assert_str_eq(respond(&f, (Message){ STATUS(0), .values = { "200" } }),
                         "ignored invalid header (Correlation Data); ack 0");
}
END_TEST

START_TEST(invoker_that_stops_cancels_what_is_under_way) {
        aio_command_invoker invoker;
        uint64_t id;
        Fixture f;

        fixture_init(&f);
        start(&f, &invoker);
        ck_assert_int_eq(invoke(&f, &invoker, (aio_request){ 0 }, &id), AZ_OK);
        aio_command_invoker_stop(&invoker);
        aio_command_invoker_stop(&invoker);
        ck_assert_str_eq(fixture_pump(&f), "response cancellation; unsubscribe response/plant/+/test");
        ck_assert_int_eq(invoke(&f, &invoker, (aio_request){ 0 }, &id), AZ_ERROR_NOT_SUPPORTED);
        ck_assert_str_eq(fixture_unsuback(&f, 0x80), "stopped mqtt error");
        ck_assert_span_eq(f.error.command_name, "test");
}
END_TEST

static Suite *invoker_suite(void) {
        Suite *s = suite_create("aio-command-invoker");
        TCase *t = tcase_create("requests");

        tcase_add_loop_test(t, invoker_subscribes_or_says_which_option_is_at_fault, 0, ELEMENTSOF(starts));
        tcase_add_test(t, request_has_all_that_belongs_to_it);
        tcase_add_loop_test(t, refused_request_names_what_is_at_fault_and_is_no_invocation, 0,
                            ELEMENTSOF(refusals));
        tcase_add_test(t, invoker_that_is_not_started_invokes_nothing);
        suite_add_tcase(s, t);

        t = tcase_create("responses");
        tcase_add_loop_test(t, response_is_what_the_command_returned_or_an_error, 0, ELEMENTSOF(responses));
        tcase_add_test(t, version_that_was_refused_is_told);
        tcase_add_test(t, response_that_nobody_waits_for_is_acknowledged);
        tcase_add_loop_test(t, response_finds_its_invoker, 0, 2);
        tcase_add_test(t, responses_come_in_any_order);
        tcase_add_test(t, response_that_does_not_come_in_time_is_an_error);
        tcase_add_test(t, request_that_is_refused_fails_at_once_and_the_next_succeeds);
        tcase_add_test(t, session_that_is_lost_ends_all_invocations);
        tcase_add_test(t, invocation_that_is_cancelled_has_no_response);
        tcase_add_test(t, invoker_that_stops_cancels_what_is_under_way);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(invoker_suite)
