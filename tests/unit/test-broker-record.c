/* SPDX-License-Identifier: MIT */

#include "daemon/broker-record.h"

#include "tests/unit/unit.h"

#define TEXT(literal) AZ_SPAN_LITERAL_FROM_STR(literal)

static const az_mqtt_user_property two[] = { { TEXT("k"), TEXT("1") }, { TEXT("k"), TEXT("") } };

static const az_mqtt_message messages[] = {
        { .topic = TEXT("t") },
        { .topic = TEXT("a/b"), .retain = true },
        { .topic = TEXT("t"), .has_payload_format = true, .payload_format = 1 },
        { .topic = TEXT("t"), .has_message_expiry = true, .message_expiry_s = 0xfffefdfc },
        { .topic = TEXT("t"), .content_type = TEXT("application/json") },
        { .topic = TEXT("t"), .content_type = TEXT("") },
        { .topic = TEXT("t"), .user_properties = two, .n_user_properties = 2 },
        { .topic = TEXT("t"),
          .retain = true,
          .has_payload_format = true,
          .has_message_expiry = true,
          .message_expiry_s = 1,
          .content_type = TEXT("x"),
          .user_properties = two,
          .n_user_properties = 2 },
};

static void assert_same(az_span a, az_span b) {
        ck_assert_int_eq(az_span_ptr(a) == NULL, az_span_ptr(b) == NULL);
        ck_assert(az_span_is_content_equal(a, b));
}

START_TEST(a_message_comes_back_as_it_was) {
        az_mqtt_user_property properties[BROKER_RECORD_PROPERTIES_MAX];
        const az_mqtt_message *m = &messages[_i];
        az_mqtt_message back;
        uint8_t bytes[256];
        az_span record;

        ck_assert(broker_record_format(m, AZ_SPAN_FROM_BUFFER(bytes), &record));
        ck_assert(broker_record_parse(record, &back, properties));
        assert_same(back.topic, m->topic);
        ck_assert_uint_eq(back.qos, 1);
        ck_assert_int_eq(back.retain, m->retain);
        ck_assert_int_eq(back.has_payload_format, m->has_payload_format);
        ck_assert_uint_eq(back.payload_format, m->payload_format);
        ck_assert_int_eq(back.has_message_expiry, m->has_message_expiry);
        ck_assert_uint_eq(back.message_expiry_s, m->message_expiry_s);
        assert_same(back.content_type, m->content_type);
        ck_assert_int_eq(back.n_user_properties, m->n_user_properties);
        for (int32_t i = 0; i < m->n_user_properties; i++) {
                assert_same(back.user_properties[i].key, m->user_properties[i].key);
                assert_same(back.user_properties[i].value, m->user_properties[i].value);
        }
}
END_TEST

START_TEST(a_record_needs_all_of_its_room) {
        az_span whole, record;
        uint8_t bytes[256];

        ck_assert(broker_record_format(&messages[_i], AZ_SPAN_FROM_BUFFER(bytes), &whole));
        for (int32_t n = 0; n < az_span_size(whole); n++)
                ck_assert(!broker_record_format(&messages[_i], az_span_create(bytes, n), &record));
}
END_TEST

static const struct {
        const char *bytes;
        int32_t size;
} strange[] = {
        { "", 0 },
        { "\x02\x00\x00\x01t", 5 },         /* another version */
        { "\x01\x00\x00\x02t", 5 },         /* a topic that is cut */
        { "\x01\x00\x00\x01t\x04", 6 },     /* an unknown property */
        { "\x01\x00\x00\x01t\x02\x00", 7 }, /* a number that is cut */
        { "\x01\x00\x00\x01t\x26\x00\x01k", 9 },
};

START_TEST(what_is_no_record_is_refused) {
        az_mqtt_user_property properties[BROKER_RECORD_PROPERTIES_MAX];
        az_mqtt_message m;

        ck_assert(!broker_record_parse(az_span_create((uint8_t *) strange[_i].bytes, strange[_i].size), &m,
                                       properties));
}
END_TEST

static const struct {
        bool has_expiry;
        uint32_t expiry_s;
        uint64_t age_us;
        uint32_t left_s;
} ages[] = {
        { true, 10, 0, 10 },         { true, 10, 999999, 10 },  { true, 10, 1000000, 9 },
        { true, 10, 9999999, 1 },    { true, 10, 10000000, 1 }, { true, 10, UINT64_MAX, 1 },
        { false, 0, UINT64_MAX, 0 },
};

START_TEST(the_expiry_is_what_is_left) {
        az_mqtt_message m = { .has_message_expiry = ages[_i].has_expiry,
                              .message_expiry_s = ages[_i].expiry_s };

        broker_record_age(&m, ages[_i].age_us);
        ck_assert_uint_eq(m.message_expiry_s, ages[_i].left_s);
}
END_TEST

static Suite *broker_record_suite(void) {
        Suite *s = suite_create("broker-record");
        TCase *t = tcase_create("broker-record");

        tcase_add_loop_test(t, a_message_comes_back_as_it_was, 0, ELEMENTSOF(messages));
        tcase_add_loop_test(t, a_record_needs_all_of_its_room, 0, ELEMENTSOF(messages));
        tcase_add_loop_test(t, what_is_no_record_is_refused, 0, ELEMENTSOF(strange));
        tcase_add_loop_test(t, the_expiry_is_what_is_left, 0, ELEMENTSOF(ages));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(broker_record_suite)
