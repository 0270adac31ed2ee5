/* SPDX-License-Identifier: MIT */
#include <mqtt/message-store.h>

#include "tests/unit/unit-span.h"

#define N_MESSAGES 3

static MqttMessageStore *store;

static void set_up(void) {
        ck_assert_int_eq(mqtt_message_store_new(&store, N_MESSAGES), 0);
}

static void tear_down(void) {
        store = mqtt_message_store_free(store);
}

static uint32_t add(const az_mqtt_message *message) {
        uint32_t index;

        ck_assert_int_eq(mqtt_message_store_add(store, message, &index), 0);
        return index;
}

static uint32_t add_payload(size_t size) {
        uint8_t *bytes = calloc(1, size);
        const az_mqtt_message message = { .topic = str("t"),
                                          .payload = az_span_create(bytes, (int32_t) size) };
        uint32_t index;

        ck_assert_ptr_nonnull(bytes);
        index = add(&message);
        free(bytes);
        return index;
}

static bool is_absent(az_span span) {
        return az_span_ptr(span) == NULL;
}

START_TEST(a_copy_has_all_that_the_message_has) {
        char topic[] = "a/b", payload[] = "{}", type[] = "text/plain", response[] = "r", data[] = "\001\002",
             key[] = "k", value[] = "v";
        az_mqtt_user_property properties[] = { { str(key), str(value) }, { str(key), str("") } };
        az_mqtt_message message = {
                .topic = str(topic),
                .payload = str(payload),
                .qos = 1,
                .retain = true,
                .has_message_expiry = true,
                .message_expiry_s = 7,
                .has_payload_format = true,
                .payload_format = 1,
                .content_type = str(type),
                .response_topic = str(response),
                .correlation_data = str(data),
                .user_properties = properties,
                .n_user_properties = ELEMENTSOF(properties),
        };
        const az_mqtt_message *copy = &mqtt_message_store_get(store, add(&message))->message;

        /* Nothing of it is the original. */
        topic[0] = payload[0] = type[0] = response[0] = data[0] = key[0] = value[0] = '?';
        ck_assert_span_eq(copy->topic, "a/b");
        ck_assert_span_eq(copy->payload, "{}");
        ck_assert_uint_eq(copy->qos, 1);
        ck_assert(copy->retain);
        ck_assert_uint_eq(copy->message_expiry_s, 7);
        ck_assert_uint_eq(copy->payload_format, 1);
        ck_assert_span_eq(copy->content_type, "text/plain");
        ck_assert_span_eq(copy->response_topic, "r");
        ck_assert_span_eq(copy->correlation_data, "\001\002");
        ck_assert_int_eq(copy->n_user_properties, 2);
        ck_assert_span_eq(copy->user_properties[0].key, "k");
        ck_assert_span_eq(copy->user_properties[0].value, "v");
        ck_assert_span_eq(copy->user_properties[1].value, "");
}
END_TEST

START_TEST(absent_and_empty_are_not_the_same) {
        const az_mqtt_message message = { .topic = str("t"), .content_type = str("") };
        const az_mqtt_message *copy = &mqtt_message_store_get(store, add(&message))->message;

        ck_assert(is_absent(copy->payload));
        ck_assert(is_absent(copy->response_topic));
        ck_assert(!is_absent(copy->content_type));
        ck_assert_int_eq(az_span_size(copy->content_type), 0);
}
END_TEST

START_TEST(it_is_full_and_then_it_is_not) {
        uint32_t indexes[N_MESSAGES];

        for (unsigned i = 0; i < N_MESSAGES; i++) {
                ck_assert(!mqtt_message_store_is_full(store));
                indexes[i] = add_payload(10);
        }
        ck_assert(mqtt_message_store_is_full(store));
        mqtt_message_store_remove_message(store, &mqtt_message_store_get(store, indexes[1])->message);
        ck_assert(!mqtt_message_store_is_full(store));
        ck_assert_uint_eq(add_payload(10), indexes[1]);
        ck_assert(mqtt_message_store_is_full(store));
}
END_TEST

START_TEST(memory_of_the_usual_size_is_used_again_and_more_is_given_back) {
        uint32_t index = add_payload(100);
        const MqttStoredMessage *m = mqtt_message_store_get(store, index);
        const uint8_t *bytes = m->bytes;

        mqtt_message_store_remove(store, index);
        ck_assert_uint_eq(add_payload(120), index);
        ck_assert_ptr_eq(m->bytes, bytes);

        mqtt_message_store_remove(store, index);
        ck_assert_uint_eq(add_payload(100000), index);
        mqtt_message_store_remove(store, index);
        ck_assert_ptr_null(m->bytes);
}
END_TEST

static Suite *mqtt_message_store_suite(void) {
        Suite *s = suite_create("mqtt-message-store");
        TCase *t = tcase_create("store");

        tcase_add_checked_fixture(t, set_up, tear_down);
        tcase_add_test(t, a_copy_has_all_that_the_message_has);
        tcase_add_test(t, absent_and_empty_are_not_the_same);
        tcase_add_test(t, it_is_full_and_then_it_is_not);
        tcase_add_test(t, memory_of_the_usual_size_is_used_again_and_more_is_given_back);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(mqtt_message_store_suite)
