/* SPDX-License-Identifier: MIT */

#include "daemon/broker-message.h"

#include "ipc/document.h"
#include "tests/unit/unit-span.h"

/* What a program sends ---------------------------------------------------------------------------------- */

typedef struct Made {
        IpcDocument document;
        BrokerMessage message;
        BrokerContent content;
        BrokerProblem problem;
        int result;
} Made;

static void make(Made *m, const char *text) {
        IpcFieldPath path;

        *m = (Made){ .document = IPC_DOCUMENT_NULL };
        ck_assert_int_eq(ipc_document_parse(&m->document, str(text)), 0);
        ck_assert_int_eq(ipc_struct_decode(&broker_message_struct, &m->document, 0, IPC_UNKNOWN_REFUSE,
                                           &m->message, &path),
                         0);
        m->result = broker_content_make(&m->message, &m->content, &m->problem);
}

static void made_done(Made *m) {
        broker_content_done(&m->content);
        ipc_document_done(&m->document);
}

static const struct {
        const char *message, *payload, *content_type; /* NULL: absent */
        uint8_t payload_format;
} contents[] = {
        { "{}", "", NULL, 0 },
        { "{\"body\":{ \"n\": 1.10 }}", "{ \"n\": 1.10 }", "application/json", 1 },
        { "{\"text\":\"41\\n\"}", "41\n", NULL, 1 },
        { "{\"data\":\"/w==\"}", "\xff", "application/octet-stream", 0 },
        { "{\"data\":\"\"}", "", "application/octet-stream", 0 },
        { "{\"text\":\"a\",\"contentType\":\"text/csv\",\"formatIndicator\":0}", "a", "text/csv", 0 },
        { "{\"data\":\"YQ==\",\"formatIndicator\":1}", "a", "application/octet-stream", 1 },
};

START_TEST(content_is_what_the_program_wrote) {
        _cleanup_(made_done) Made m;

        make(&m, contents[_i].message);
        ck_assert_int_eq(m.result, 0);
        ck_assert_span_eq(m.content.payload, contents[_i].payload);
        ck_assert_int_eq(ipc_is_absent(m.content.content_type), contents[_i].content_type == NULL);
        ck_assert_span_eq(m.content.content_type, contents[_i].content_type ?: "");
        ck_assert_uint_eq(m.content.payload_format, contents[_i].payload_format);
        ck_assert(!m.content.has_cloud_event);
}
END_TEST

static const struct {
        const char *message, *field;
} problems[] = {
        { "{\"body\":{},\"text\":\"\"}", "body" },
        { "{\"text\":\"\",\"data\":\"\"}", "body" },
        { "{\"data\":\"%\"}", "data" },
        { "{\"data\":\"/w==\",\"formatIndicator\":1}", "formatIndicator" },
};

START_TEST(what_is_wrong_is_named) {
        _cleanup_(made_done) Made m;

        make(&m, problems[_i].message);
        ck_assert_int_eq(m.result, BROKER_INVALID);
        ck_assert_str_eq(m.problem.field, problems[_i].field);
}
END_TEST

START_TEST(no_message_is_an_empty_one) {
        BrokerContent content;
        BrokerProblem problem;

        ck_assert_int_eq(broker_content_make(NULL, &content, &problem), 0);
        ck_assert_int_eq(az_span_size(content.payload), 0);
        ck_assert(ipc_is_absent(content.content_type));
}
END_TEST

START_TEST(a_large_message_is_refused) {
        _cleanup_(freep) uint8_t *bytes = calloc(1, BROKER_PAYLOAD_MAX + 1);
        BrokerMessage message = { .text = az_span_create(bytes, BROKER_PAYLOAD_MAX + 1),
                                  .format_indicator = -1 };
        BrokerContent content;
        BrokerProblem problem;

        ck_assert_int_eq(broker_content_make(&message, &content, &problem), BROKER_TOO_LARGE);
        message.text = az_span_create(bytes, BROKER_PAYLOAD_MAX);
        ck_assert_int_eq(broker_content_make(&message, &content, &problem), 0);
}
END_TEST

START_TEST(metadata_keeps_its_order_and_events_their_attributes) {
        _cleanup_(made_done) Made m;

        make(&m, "{\"metadata\":[{\"key\":\"k\",\"value\":\"1\"},{\"key\":\"k\",\"value\":\"2\"}],"
                 "\"cloudEvent\":{\"source\":\"/line3\",\"type\":\"t\"}}");
        ck_assert_int_eq(m.result, 0);
        ck_assert_int_eq(m.content.n_user_properties, 2);
        ck_assert_span_eq(m.content.user_properties[0].value, "1");
        ck_assert_span_eq(m.content.user_properties[1].value, "2");
        ck_assert(m.content.has_cloud_event);
        ck_assert_span_eq(m.content.cloud_event.source, "/line3");
        ck_assert_span_eq(m.content.cloud_event.type, "t");
        ck_assert(ipc_is_absent(m.content.cloud_event.id));
}
END_TEST

/* What has come ------------------------------------------------------------------------------------------ */

#define PAIR(key, value) \
        { AZ_SPAN_LITERAL_FROM_STR(key), AZ_SPAN_LITERAL_FROM_STR(value) }

static const az_mqtt_user_property event_properties[] = {
        PAIR("specversion", "1.0"), PAIR("id", "7"), PAIR("source", "/a"), PAIR("type", "t"), PAIR("k", "v"),
};
/* There is no 'type'. */
static const az_mqtt_user_property half_an_event[] = {
        PAIR("specversion", "1.0"),
        PAIR("id", "7"),
        PAIR("source", "/a"),
};

static const struct {
        az_mqtt_message message;
        const char *json;
} received[] = {
        { { .payload = AZ_SPAN_LITERAL_EMPTY }, "{\"metadata\":[]}" },
        { { .payload = AZ_SPAN_LITERAL_FROM_STR(" {\"n\":1.10}\n"),
            .content_type = AZ_SPAN_LITERAL_FROM_STR("application/json"),
            .has_payload_format = true,
            .payload_format = 1 },
          "{\"body\":{\"n\":1.10},\"contentType\":\"application/"
          "json\",\"formatIndicator\":1,\"metadata\":[]}" },
        { { .payload = AZ_SPAN_LITERAL_FROM_STR("[1]\n") }, "{\"text\":\"[1]\\u000a\",\"metadata\":[]}" },
        { { .payload = AZ_SPAN_LITERAL_FROM_STR("\xff") }, "{\"data\":\"/w==\",\"metadata\":[]}" },
        { { .user_properties = event_properties, .n_user_properties = 5 },
          "{\"metadata\":[{\"key\":\"k\",\"value\":\"v\"}],\"cloudEvent\":{\"source\":\"/a\",\"id\":\"7\","
          "\"specversion\":\"1.0\",\"type\":\"t\"}}" },
        { { .user_properties = half_an_event, .n_user_properties = 3 },
          "{\"metadata\":[{\"key\":\"specversion\",\"value\":\"1.0\"},{\"key\":\"id\",\"value\":\"7\"},"
          "{\"key\":\"source\",\"value\":\"/a\"}]}" },
};

START_TEST(what_came_is_written) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        aio_received r = {
                .message = received[_i].message,
                .user_properties = received[_i].message.user_properties,
                .n_user_properties = received[_i].message.n_user_properties,
        };
        az_span text;

        ipc_json_begin(&json, NULL);
        broker_received_write(&json, &r);
        ipc_json_end(&json);
        ck_assert_int_eq(ipc_json_get(&json, &text), 0);
        ck_assert_span_eq(text, received[_i].json);
}
END_TEST

static Suite *broker_message_suite(void) {
        Suite *suite = suite_create("broker-message");
        TCase *t;

        t = tcase_create("broker_content_make");
        tcase_add_loop_test(t, content_is_what_the_program_wrote, 0, ELEMENTSOF(contents));
        tcase_add_loop_test(t, what_is_wrong_is_named, 0, ELEMENTSOF(problems));
        tcase_add_test(t, no_message_is_an_empty_one);
        tcase_add_test(t, a_large_message_is_refused);
        tcase_add_test(t, metadata_keeps_its_order_and_events_their_attributes);
        suite_add_tcase(suite, t);

        t = tcase_create("broker_received_write");
        tcase_add_loop_test(t, what_came_is_written, 0, ELEMENTSOF(received));
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(broker_message_suite)
