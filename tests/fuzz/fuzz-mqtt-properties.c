/* SPDX-License-Identifier: MIT */

/*
 * The input is a message's properties, a line each: its first letter says which, and what is behind it is the
 * value; that of a user property is behind its key and a '='. What is taken comes back as it was, and is what
 * libmosquitto takes.
 */

#include <mqtt/properties.h>

#include "fuzz-script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define USERS_MAX ((int32_t) MQTT_USER_PROPERTIES_MAX + 10)

static void check(bool condition) {
        if (!condition)
                abort();
}

static void parse(az_span rest, az_mqtt_message *m, az_mqtt_user_property *users) {
        while (az_span_size(rest) > 0) {
                az_span line = script_next(&rest, '\n'), value;

                if (az_span_size(line) == 0)
                        continue;
                value = az_span_slice_to_end(line, 1);
                switch (*az_span_ptr(line)) {
                case 'f':
                        m->has_payload_format = true;
                        m->payload_format = (uint8_t) script_number(value);
                        break;
                case 'e':
                        m->has_message_expiry = true;
                        m->message_expiry_s = (uint32_t) script_number(value);
                        break;
                case 'c':
                        m->content_type = value;
                        break;
                case 'r':
                        m->response_topic = value;
                        break;
                case 'd':
                        m->correlation_data = value;
                        break;
                case 'u':
                        if (m->n_user_properties < USERS_MAX) {
                                users[m->n_user_properties].key = script_next(&value, '=');
                                users[m->n_user_properties++].value = value;
                        }
                        break;
                default:
                        break;
                }
        }
}

static void check_equal(const az_mqtt_message *a, const az_mqtt_message *b) {
        check(a->has_payload_format == b->has_payload_format && a->payload_format == b->payload_format);
        check(a->has_message_expiry == b->has_message_expiry && a->message_expiry_s == b->message_expiry_s);
        check(az_span_is_content_equal(a->content_type, b->content_type));
        check(az_span_is_content_equal(a->response_topic, b->response_topic));
        check(az_span_is_content_equal(a->correlation_data, b->correlation_data));
        check(a->n_user_properties == b->n_user_properties);
        for (int32_t i = 0; i < a->n_user_properties; i++) {
                check(az_span_is_content_equal(a->user_properties[i].key, b->user_properties[i].key));
                check(az_span_is_content_equal(a->user_properties[i].value, b->user_properties[i].value));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static az_mqtt_user_property users[USERS_MAX];
        az_mqtt_message in = { .user_properties = users }, out = {};
        MqttProperties made, read;
        mosquitto_property *copy = NULL;

        if (size > 64U * 1024U)
                return 0;
        check(mqtt_properties_init(&made) == 0 && mqtt_properties_init(&read) == 0);
        parse(az_span_create((uint8_t *) data, (int32_t) size), &in, users);
        if (mqtt_properties_add_message(&made, &in) == 0) {
                check(made.n_bytes <= MQTT_PROPERTIES_BYTES_MAX);
                check(mosquitto_property_check_all(0x30, made.list) == MOSQ_ERR_SUCCESS);
                check(mosquitto_property_copy_all(&copy, made.list) == MOSQ_ERR_SUCCESS);
                check(mqtt_properties_read_message(&read, copy, &out) == 0);
                check_equal(&in, &out);
        }
        mosquitto_property_free_all(&copy);
        mqtt_properties_done(&made);
        mqtt_properties_done(&read);
        return 0;
}
