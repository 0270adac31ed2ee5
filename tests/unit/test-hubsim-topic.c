/* SPDX-License-Identifier: MIT */

#include "hubsim/topic.h"

#include "unit.h"

static az_span str(const char *text) {
        return az_span_create_from_str((char *) text);
}

static const struct {
        const char *topic;
        int result;
        TopicKind kind;
        const char *properties, *request_id;
        unsigned status;
} topics[] = {
        { "devices/pump-17/messages/events/", 0, TOPIC_TELEMETRY, "", "", 0 },
        { "devices/pump-17/messages/events/a=b&%24.mid=1", 0, TOPIC_TELEMETRY, "a=b&%24.mid=1", "", 0 },
        { "devices/pump-17/messages/events/?a=b", 0, TOPIC_TELEMETRY, "?a=b", "", 0 },
        { "$iothub/methods/res/200/?$rid=1f", 0, TOPIC_METHOD_RESPONSE, "", "1f", 200 },
        { "$iothub/methods/res/65535/?$rid=x&y/z", 0, TOPIC_METHOD_RESPONSE, "", "x&y/z", 65535 },
        { "$iothub/twin/GET/?$rid=7", 0, TOPIC_TWIN_GET, "", "7", 0 },
        { "$iothub/twin/PATCH/properties/reported/?$rid=7", 0, TOPIC_TWIN_PATCH, "", "7", 0 },

        { "devices/pump-17/messages/events", -EBADMSG, 0, "", "", 0 },
        { "devices/pump-18/messages/events/", -EBADMSG, 0, "", "", 0 },
        { "devices/pump-170/messages/events/", -EBADMSG, 0, "", "", 0 },
        { "devices/PUMP-17/messages/events/", -EBADMSG, 0, "", "", 0 },
        { "devices/pump-17/messages/devicebound/", -EBADMSG, 0, "", "", 0 },
        { "x/devices/pump-17/messages/events/", -EBADMSG, 0, "", "", 0 },
        { "$iothub/methods/res/65536/?$rid=1", -EBADMSG, 0, "", "", 0 },
        { "$iothub/methods/res/4294967496/?$rid=1", -EBADMSG, 0, "", "", 0 },
        { "$iothub/methods/res/-1/?$rid=1", -EBADMSG, 0, "", "", 0 },
        { "$iothub/methods/res//?$rid=1", -EBADMSG, 0, "", "", 0 },
        { "$iothub/methods/res/200/?$rid=", -EBADMSG, 0, "", "", 0 },
        { "$iothub/methods/res/200/?rid=1", -EBADMSG, 0, "", "", 0 },
        { "$iothub/methods/POST/reboot/?$rid=1", -EBADMSG, 0, "", "", 0 },
        { "$iothub/twin/GET", -EBADMSG, 0, "", "", 0 },
        { "weather", -EBADMSG, 0, "", "", 0 },
        { "", -EBADMSG, 0, "", "", 0 },
};

START_TEST(topic_is_taken_apart_or_refused) {
        Topic t;

        ck_assert_int_eq(topic_parse(str(topics[_i].topic), str("pump-17"), &t), topics[_i].result);
        if (topics[_i].result < 0)
                return;
        ck_assert_int_eq(t.kind, topics[_i].kind);
        ck_assert(az_span_is_content_equal(t.properties, str(topics[_i].properties)));
        ck_assert(az_span_is_content_equal(t.request_id, str(topics[_i].request_id)));
        ck_assert_uint_eq(t.status, topics[_i].status);
}
END_TEST

static const struct {
        const char *filter;
        bool allowed;
} filters[] = {
        { "$iothub/methods/POST/#", true },
        { "$iothub/twin/res/#", true },
        { "$iothub/twin/PATCH/properties/desired/#", true },
        { "$iothub/credentials/res/#", true },
        { "devices/pump-17/messages/devicebound/#", true },
        { "devices/+/messages/devicebound/#", true },
        { "devices/pump-18/messages/devicebound/#", false },
        { "devices/pump-17/messages/devicebound/", false },
        { "devices/pump-17/messages/events/#", false },
        { "$iothub/methods/POST/reboot/#", false },
        { "$iothub/methods/#", false },
        { "$dps/registrations/res/#", false },
        { "#", false },
        { "+/+", false },
};

START_TEST(filter_is_allowed_or_not) {
        ck_assert_msg(topic_filter_is_allowed(str(filters[_i].filter), str("pump-17")) == filters[_i].allowed,
                      "%s", filters[_i].filter);
}
END_TEST

static const struct {
        const char *bag;
        int result; /* of the first call */
        const char *name, *value, *system_name;
} properties[] = {
        { "alert=yes", 1, "alert", "yes", NULL },
        { "alert=yes%20%26%20no", 1, "alert", "yes & no", NULL },
        { "sp%20ace=%C3%BC%2F%23%2B", 1, "sp ace", "\xC3\xBC/#+", NULL },
        { "%24.mid=m1", 1, "$.mid", "m1", "message-id" },
        { "$.mid=m1", 1, "$.mid", "m1", "message-id" },
        { "%24.ct=application%2Fjson", 1, "$.ct", "application/json", "content-type" },
        { "$.sub=thermostat", 1, "$.sub", "thermostat", "dt-subject" },
        { "?a=b", 1, "?a", "b", NULL },
        { "a=", 1, "a", "", NULL },
        { "a=%e2%82%ac", 1, "a", "\xE2\x82\xAC", NULL },
        { "", 0, "", "", NULL },
        { "a", -EBADMSG, "", "", NULL },
        { "=b", -EBADMSG, "", "", NULL },
        { "&a=b", -EBADMSG, "", "", NULL },
        { "a=b&", -EBADMSG, "", "", NULL },
        { "a=b=c", -EBADMSG, "", "", NULL },
        { "a=b c", -EBADMSG, "", "", NULL },
        { "a=b/c", -EBADMSG, "", "", NULL },
        { "a=%", -EBADMSG, "", "", NULL },
        { "a=%4", -EBADMSG, "", "", NULL },
        { "a=%4g", -EBADMSG, "", "", NULL },
        { "a=%ff", -EBADMSG, "", "", NULL },
};

START_TEST(property_is_decoded_or_refused) {
        az_span bag = str(properties[_i].bag), scratch;
        uint8_t buffer[64];
        Property p;

        scratch = az_span_create(buffer, az_span_size(bag));
        ck_assert_int_eq(topic_property_next(&bag, &scratch, &p), properties[_i].result);
        if (properties[_i].result <= 0)
                return;
        ck_assert(az_span_is_content_equal(p.name, str(properties[_i].name)));
        ck_assert(az_span_is_content_equal(p.value, str(properties[_i].value)));
        ck_assert_pstr_eq(p.system_name, properties[_i].system_name);
        ck_assert_int_eq(topic_property_next(&bag, &scratch, &p), 0);
}
END_TEST

START_TEST(properties_come_in_order) {
        az_span bag = str("a=1&b=%32&c="), scratch;
        uint8_t buffer[12];
        Property p[3];

        scratch = AZ_SPAN_FROM_BUFFER(buffer);
        for (size_t i = 0; i < 3; i++)
                ck_assert_int_eq(topic_property_next(&bag, &scratch, &p[i]), 1);
        ck_assert_int_eq(topic_property_next(&bag, &scratch, &p[0]), 0);
        ck_assert(az_span_is_content_equal(p[1].name, str("b")));
        ck_assert(az_span_is_content_equal(p[1].value, str("2")));
        ck_assert(az_span_is_content_equal(p[2].name, str("c")));
}
END_TEST

static Suite *hubsim_topic_suite(void) {
        Suite *s = suite_create("hubsim-topic");
        TCase *t = tcase_create("topic_parse");

        tcase_add_loop_test(t, topic_is_taken_apart_or_refused, 0, ELEMENTSOF(topics));
        suite_add_tcase(s, t);

        t = tcase_create("topic_filter_is_allowed");
        tcase_add_loop_test(t, filter_is_allowed_or_not, 0, ELEMENTSOF(filters));
        suite_add_tcase(s, t);

        t = tcase_create("topic_property_next");
        tcase_add_loop_test(t, property_is_decoded_or_refused, 0, ELEMENTSOF(properties));
        tcase_add_test(t, properties_come_in_order);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_topic_suite)
