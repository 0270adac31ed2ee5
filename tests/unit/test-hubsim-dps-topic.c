/* SPDX-License-Identifier: MIT */

#include "hubsim/dps-topic.h"

#include "unit.h"

#define REGISTER "$dps/registrations/PUT/iotdps-register/?"
#define POLL     "$dps/registrations/GET/iotdps-get-operationstatus/?"

static az_span str(const char *text) {
        return az_span_create_from_str((char *) text);
}

static const struct {
        const char *topic;
        int result;
        bool is_poll;
        const char *request_id, *operation_id;
} topics[] = {
        { REGISTER "$rid=1", 0, false, "1", "" },
        { REGISTER "$rid=7b4f%2D1&x=y", 0, false, "7b4f%2D1", "" },
        { POLL "$rid=2&operationId=5.0f3b.7d1f", 0, true, "2", "5.0f3b.7d1f" },
        { POLL "operationId=5.0f3b&$rid=2", 0, true, "2", "5.0f3b" },
        { POLL "$rid=a=b&operationId=c=d", 0, true, "a=b", "c=d" },
        { REGISTER, -EBADMSG, false, "", "" },
        { REGISTER "$rid=", -EBADMSG, false, "", "" },
        { REGISTER "rid=1", -EBADMSG, false, "", "" },
        { REGISTER "$rid=1&operationId=5", -EBADMSG, false, "", "" },
        { POLL "$rid=1", -EBADMSG, false, "", "" },
        { POLL "$rid=1&operationId=", -EBADMSG, false, "", "" },
        { POLL "operationId=5", -EBADMSG, false, "", "" },
        { "$dps/registrations/PUT/iotdps-register/$rid=1", -EBADMSG, false, "", "" },
        { "$dps/registrations/PUT/iotdps-register", -EBADMSG, false, "", "" },
        { "$dps/registrations/GET/iotdps-register/?$rid=1", -EBADMSG, false, "", "" },
        { "x" REGISTER "$rid=1", -EBADMSG, false, "", "" },
        { "$dps/registrations/res/200/?$rid=1", -EBADMSG, false, "", "" },
        { "", -EBADMSG, false, "", "" },
};

START_TEST(topic_is_taken_apart_or_refused) {
        DpsTopic t;

        ck_assert_int_eq(dps_topic_parse(str(topics[_i].topic), &t), topics[_i].result);
        if (topics[_i].result < 0)
                return;
        ck_assert(t.is_poll == topics[_i].is_poll);
        ck_assert(az_span_is_content_equal(t.request_id, str(topics[_i].request_id)));
        ck_assert(az_span_is_content_equal(t.operation_id, str(topics[_i].operation_id)));
}
END_TEST

static const struct {
        const char *body;
        int result;
        const char *registration_id, *payload;
        bool has_csr;
} bodies[] = {
        { "{\"registrationId\":\"pump-17\"}", 0, "pump-17", "", false },
        { " {\"registrationId\" : \"Pump-17\" , \"payload\" : { \"a\" : 1.10 } } ", 0, "pump-17",
          "{ \"a\" : 1.10 }", false },
        { "{\"payload\":[\"}\"],\"registrationId\":\"p\"}", 0, "p", "[\"}\"]", false },
        { "{\"registrationId\":\"p\",\"payload\":\"x\\u0041\"}", 0, "p", "\"x\\u0041\"", false },
        { "{\"registrationId\":\"\\u0070-1\",\"payload\":null}", 0, "p-1", "null", false },
        { "{\"registrationId\":\"p\",\"csr\":\"MII=\"}", 0, "p", "", true },
        { "{\"registrationId\":\"p\",\"tpm\":{\"registrationId\":\"q\",\"payload\":7}}", 0, "p", "", false },
        { "{\"registrationId\":\"p\",\"Payload\":7}", 0, "p", "", false },
        { "", -EBADMSG, NULL, NULL, false },
        { " ", -EBADMSG, NULL, NULL, false },
        { "{}", -EBADMSG, NULL, NULL, false },
        { "null", -EBADMSG, NULL, NULL, false },
        { "[{\"registrationId\":\"p\"}]", -EBADMSG, NULL, NULL, false },
        { "\"registrationId\"", -EBADMSG, NULL, NULL, false },
        { "{\"registrationid\":\"p\"}", -EBADMSG, NULL, NULL, false },
        { "{\"registrationId\":null}", -EBADMSG, NULL, NULL, false },
        { "{\"registrationId\":[\"p\"]}", -EBADMSG, NULL, NULL, false },
        { "{\"registrationId\":\"\"}", -EBADMSG, NULL, NULL, false },
        { "{\"registrationId\":\"p\\u0000\"}", -EBADMSG, NULL, NULL, false },
        { "{\"registrationId\":\"p\"", -EBADMSG, NULL, NULL, false },
        { "{\"registrationId\":\"p\"}x", -EBADMSG, NULL, NULL, false },
        { "{\"registrationId\":\"p\",\"payload\":}", -EBADMSG, NULL, NULL, false },
        { "{\"registrationId\":\"p\",\"payload\":01}", -EBADMSG, NULL, NULL, false },
};

START_TEST(body_is_taken_apart_or_refused) {
        DpsBody b;

        ck_assert_int_eq(dps_body_parse(str(bodies[_i].body), &b), bodies[_i].result);
        if (bodies[_i].result < 0)
                return;
        ck_assert_str_eq(b.registration_id, bodies[_i].registration_id);
        ck_assert(az_span_is_content_equal(b.payload, str(bodies[_i].payload)));
        ck_assert(b.has_csr == bodies[_i].has_csr);
}
END_TEST

static const struct {
        const char *text;
        const char *id; /* NULL: it is none */
} ids[] = {
        { "pump-17", "pump-17" },
        { "PUMP_17.a:B", "pump_17.a:b" },
        { "7", "7" },
        { "pump-", "pump-" },
        { "pump.", NULL },
        { "pump_", NULL },
        { "pump:", NULL },
        { "a b", NULL },
        { "a/b", NULL },
        { "a+b", NULL },
        { "\xC3\xBC", NULL },
        { "", NULL },
};

START_TEST(registration_id_is_folded_or_refused) {
        char id[REGISTRATION_ID_SIZE];

        ck_assert(registration_id_parse(str(ids[_i].text), id) == (ids[_i].id != NULL));
        if (ids[_i].id)
                ck_assert_str_eq(id, ids[_i].id);
}
END_TEST

START_TEST(registration_id_has_128_characters) {
        char text[130], id[REGISTRATION_ID_SIZE];

        memset(text, 'A', sizeof(text));
        ck_assert(registration_id_parse(az_span_create((uint8_t *) text, 128), id));
        ck_assert_uint_eq(strlen(id), 128);
        ck_assert(!registration_id_parse(az_span_create((uint8_t *) text, 129), id));
}
END_TEST

static Suite *hubsim_dps_topic_suite(void) {
        Suite *s = suite_create("hubsim-dps-topic");
        TCase *t = tcase_create("dps_topic_parse");

        tcase_add_loop_test(t, topic_is_taken_apart_or_refused, 0, ELEMENTSOF(topics));
        suite_add_tcase(s, t);

        t = tcase_create("dps_body_parse");
        tcase_add_loop_test(t, body_is_taken_apart_or_refused, 0, ELEMENTSOF(bodies));
        suite_add_tcase(s, t);

        t = tcase_create("registration_id_parse");
        tcase_add_loop_test(t, registration_id_is_folded_or_refused, 0, ELEMENTSOF(ids));
        tcase_add_test(t, registration_id_has_128_characters);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_dps_topic_suite)
