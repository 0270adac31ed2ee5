/* SPDX-License-Identifier: MIT */

#include <mqtt/properties.h>

#include <mqtt_protocol.h>

#include "unit-span.h"

static MqttProperties properties;

static void set_up(void) {
        ck_assert_int_eq(mqtt_properties_init(&properties), 0);
}

static void tear_down(void) {
        mqtt_properties_done(&properties);
}

#define TEXT(s) AZ_SPAN_LITERAL_FROM_STR(s)

static const az_mqtt_user_property users[] = { { TEXT("twice"), TEXT("2") },
                                               { TEXT("twice"), TEXT("1") },
                                               { TEXT(""), TEXT("") },
                                               { TEXT("e"), TEXT("\xc3\xa9") } };

/* Each comes back as it was, but for what libmosquitto cannot send. */
static const struct {
        const char *name;
        az_mqtt_message message;
        size_t n_bytes;
} messages[] = {
        { "nothing", { .has_payload_format = false }, 0 },
        { "payload format 0", { .has_payload_format = true, .payload_format = 0 }, 2 },
        { "payload format 1", { .has_payload_format = true, .payload_format = 1 }, 2 },
        { "expiry 0", { .has_message_expiry = true, .message_expiry_s = 0 }, 5 },
        { "expiry", { .has_message_expiry = true, .message_expiry_s = UINT32_MAX }, 5 },
        { "content type", { .content_type = TEXT("a/b") }, 6 },
        { "response topic", { .response_topic = TEXT("a/b") }, 6 },
        { "correlation data", { .correlation_data = TEXT("\0\xff\n") }, 6 },
        { "empty correlation data", { .correlation_data = TEXT("") }, 3 },
        { "user properties", { .user_properties = users, .n_user_properties = ELEMENTSOF(users) }, 35 },
        { "all",
          { .has_payload_format = true,
            .has_message_expiry = true,
            .message_expiry_s = 7,
            .content_type = TEXT("c"),
            .response_topic = TEXT("r"),
            .correlation_data = TEXT("d"),
            .user_properties = users,
            .n_user_properties = 2 },
          41 },
};

static void assert_span(az_span got, az_span expected) {
        ck_assert(az_span_is_content_equal(got, expected));
        ck_assert(!az_span_ptr(got) == !az_span_ptr(expected));
}

START_TEST(a_message_comes_back_as_it_was) {
        const az_mqtt_message *expected = &messages[_i].message;
        az_mqtt_message got = {};
        mosquitto_property *list, *copy = NULL;

        ck_assert_int_eq(mqtt_properties_add_message(&properties, expected), 0);
        ck_assert_uint_eq(properties.n_bytes, messages[_i].n_bytes);
        list = TAKE_PTR(properties.list);
        /* As libmosquitto does with what is published. */
        ck_assert_int_eq(mosquitto_property_check_all(0x30, list), MOSQ_ERR_SUCCESS);
        ck_assert_int_eq(mosquitto_property_copy_all(&copy, list), MOSQ_ERR_SUCCESS);

        ck_assert_int_eq(mqtt_properties_read_message(&properties, copy, &got), 0);
        ck_assert(got.has_payload_format == expected->has_payload_format);
        ck_assert_uint_eq(got.payload_format, expected->payload_format);
        ck_assert(got.has_message_expiry == expected->has_message_expiry);
        ck_assert_uint_eq(got.message_expiry_s, expected->message_expiry_s);
        assert_span(got.content_type, expected->content_type);
        assert_span(got.response_topic, expected->response_topic);
        assert_span(got.correlation_data, expected->correlation_data);
        ck_assert_int_eq(got.n_user_properties, expected->n_user_properties);
        for (int32_t i = 0; i < got.n_user_properties; i++) {
                assert_span(got.user_properties[i].key, expected->user_properties[i].key);
                assert_span(got.user_properties[i].value, expected->user_properties[i].value);
        }
        mosquitto_property_free_all(&copy);
        mosquitto_property_free_all(&list);
}
END_TEST

START_TEST(an_empty_content_type_or_response_topic_is_left_out) {
        const az_mqtt_message message = { .content_type = TEXT(""), .response_topic = TEXT("") };

        ck_assert_int_eq(mqtt_properties_add_message(&properties, &message), 0);
        ck_assert_ptr_null(properties.list);
}
END_TEST

static const az_mqtt_user_property odd_users[] = {
        { TEXT("\xff"), TEXT("") }, { TEXT("k"), TEXT("\xc3") },         { TEXT("k"), TEXT("a\nb") },
        { TEXT("a\0b"), TEXT("") }, { TEXT("k"), TEXT("\xef\xbf\xbf") },
};

static const struct {
        const char *name;
        az_mqtt_message message;
} refused[] = {
        { "payload format 2", { .has_payload_format = true, .payload_format = 2 } },
        { "content type is not UTF-8", { .content_type = TEXT("\xff") } },
        { "NUL in the content type", { .content_type = TEXT("a\0b") } },
        { "line break in the response topic", { .response_topic = TEXT("a\nb") } },
        { "key is not UTF-8", { .user_properties = &odd_users[0], .n_user_properties = 1 } },
        { "value is not UTF-8", { .user_properties = &odd_users[1], .n_user_properties = 1 } },
        { "line break in a value", { .user_properties = &odd_users[2], .n_user_properties = 1 } },
        { "NUL in a key", { .user_properties = &odd_users[3], .n_user_properties = 1 } },
        { "non-character in a value", { .user_properties = &odd_users[4], .n_user_properties = 1 } },
};

START_TEST(text_that_a_server_may_not_like_is_refused) {
        ck_assert_msg(mqtt_properties_add_message(&properties, &refused[_i].message) == -EINVAL, "%s",
                      refused[_i].name);
}
END_TEST

static uint8_t large[2 * MQTT_SECRET_MAX];
static az_mqtt_user_property many[MQTT_USER_PROPERTIES_MAX + 1];

/* Either of these many bytes of everything, or so many user properties with so many bytes each. */
static const struct {
        const char *name;
        int32_t n_content_type, n_response_topic, n_correlation_data, n_users, n_key, n_value;
        int result;
} sizes[] = {
        { "just fits: content type", 8189, 0, 0, 0, 0, 0, 0 },
        { "content type", 8190, 0, 0, 0, 0, 0, -EMSGSIZE },
        { "response topic", 0, 8190, 0, 0, 0, 0, -EMSGSIZE },
        { "correlation data", 0, 0, 8190, 0, 0, 0, -EMSGSIZE },
        { "more than MQTT can say", 0, 0, 65536, 0, 0, 0, -EMSGSIZE },
        { "together", 3000, 3000, 3000, 0, 0, 0, -EMSGSIZE },
        { "just fits: key", 0, 0, 0, 1, 8187, 0, 0 },
        { "key", 0, 0, 0, 1, 8188, 0, -EMSGSIZE },
        { "just fits: value", 0, 0, 0, 1, 0, 8187, 0 },
        { "value", 0, 0, 0, 1, 1, 8187, -EMSGSIZE },
        { "as many as may be", 0, 0, 0, 256, 1, 1, 0 },
        { "many", 0, 0, 0, 257, 1, 1, -EMSGSIZE },
        { "a negative number", 0, 0, 0, -1, 1, 1, -EMSGSIZE },
};

START_TEST(more_than_the_limits_is_refused) {
        az_mqtt_message message = { .user_properties = many, .n_user_properties = sizes[_i].n_users };

        memset(large, 'x', sizeof(large));
        for (size_t i = 0; i < ELEMENTSOF(many); i++)
                many[i] = (az_mqtt_user_property){ az_span_create(large, sizes[_i].n_key),
                                                   az_span_create(large, sizes[_i].n_value) };
        if (sizes[_i].n_content_type > 0)
                message.content_type = az_span_create(large, sizes[_i].n_content_type);
        if (sizes[_i].n_response_topic > 0)
                message.response_topic = az_span_create(large, sizes[_i].n_response_topic);
        if (sizes[_i].n_correlation_data > 0)
                message.correlation_data = az_span_create(large, sizes[_i].n_correlation_data);
        ck_assert_msg(mqtt_properties_add_message(&properties, &message) == sizes[_i].result, "%s",
                      sizes[_i].name);
}
END_TEST

START_TEST(a_secret_may_be_larger_than_other_properties) {
        ck_assert_int_eq(mqtt_properties_add_secret(&properties, az_span_create(large, MQTT_SECRET_MAX)), 0);
        ck_assert_int_eq(mqtt_properties_add_secret(&properties, az_span_create(large, MQTT_SECRET_MAX + 1)),
                         -EMSGSIZE);
}
END_TEST

static Suite *properties_suite(void) {
        Suite *s = suite_create("mqtt-properties");
        TCase *t = tcase_create("properties");

        tcase_add_checked_fixture(t, set_up, tear_down);
        tcase_add_loop_test(t, a_message_comes_back_as_it_was, 0, ELEMENTSOF(messages));
        tcase_add_test(t, an_empty_content_type_or_response_topic_is_left_out);
        tcase_add_loop_test(t, text_that_a_server_may_not_like_is_refused, 0, ELEMENTSOF(refused));
        tcase_add_loop_test(t, more_than_the_limits_is_refused, 0, ELEMENTSOF(sizes));
        tcase_add_test(t, a_secret_may_be_larger_than_other_properties);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        return unit_run(properties_suite());
}
