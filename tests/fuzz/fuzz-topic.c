/* SPDX-License-Identifier: MIT */

/*
 * The input is the topic of a message from the hub, which is of one kind at the most. What is parsed must be
 * parts of it, of a method's topic such that make it up again.
 */

#include <stdlib.h>
#include <string.h>

#include <azure/az_iot.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

/* Returns what is behind 'text', with which 'rest' has to begin. */
static az_span skip(az_span rest, const char *text) {
        az_span prefix = az_span_create_from_str((char *) text);

        check(az_span_size(rest) >= az_span_size(prefix));
        check(az_span_is_content_equal(az_span_slice(rest, 0, az_span_size(prefix)), prefix));
        return az_span_slice_to_end(rest, az_span_size(prefix));
}

/* Returns what is behind 'part', which has to be the beginning of 'rest' and not only look like it. */
static az_span pass(az_span rest, az_span part) {
        check(az_span_ptr(part) == az_span_ptr(rest) && az_span_size(part) <= az_span_size(rest));
        return az_span_slice_to_end(rest, az_span_size(part));
}

static bool is_within(az_span part, az_span whole) {
        return az_span_ptr(part) >= az_span_ptr(whole) &&
               az_span_ptr(part) + az_span_size(part) <= az_span_ptr(whole) + az_span_size(whole);
}

static az_result parse_method(const az_iot_hub_client *client, az_span topic) {
        az_iot_hub_client_command_request command;
        az_iot_hub_client_method_request method;
        az_span rest;
        az_result r;

        r = az_iot_hub_client_methods_parse_received_topic(client, topic, &method);
        check(az_iot_hub_client_commands_parse_received_topic(client, topic, &command) == r);
        if (r != AZ_OK)
                return r;

        rest = pass(skip(topic, "$iothub/methods/POST/"), method.name);
        rest = pass(skip(rest, "/?$rid="), method.request_id);
        check(az_span_size(method.name) > 0 && az_span_size(method.request_id) > 0);
        check(az_span_size(rest) == 0);

        rest = method.name;
        if (az_span_size(command.component_name) > 0)
                rest = skip(pass(rest, command.component_name), "*");
        check(az_span_size(pass(rest, command.command_name)) == 0);
        return AZ_OK;
}

static az_result parse_c2d(const az_iot_hub_client *client, az_span topic) {
        az_iot_hub_client_c2d_request request;
        az_span name, value;
        az_result r;

        r = az_iot_hub_client_c2d_parse_received_topic(client, topic, &request);
        if (r != AZ_OK)
                return r;

        (void) skip(topic, "devices/d/messages/devicebound/");
        while (az_iot_message_properties_next(&request.properties, &name, &value) == AZ_OK)
                check(is_within(name, topic) && (az_span_size(value) == 0 || is_within(value, topic)));
        return AZ_OK;
}

static az_result parse_twin(const az_iot_hub_client *client, az_span topic) {
        az_iot_hub_client_twin_response response;
        az_iot_hub_client_properties_message message;
        az_result r;

        r = az_iot_hub_client_twin_parse_received_topic(client, topic, &response);
        check(az_iot_hub_client_properties_parse_received_topic(client, topic, &message) == r);
        if (r != AZ_OK)
                return r;

        check((int) message.message_type == (int) response.response_type);
        check(message.status == response.status);
        check(az_span_is_content_equal(message.request_id, response.request_id));
        check(az_span_size(response.version) == 0 || is_within(response.version, topic));
        if (response.response_type == AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_DESIRED_PROPERTIES) {
                (void) skip(topic, "$iothub/twin/PATCH/properties/desired/?");
                check(az_span_size(response.request_id) == 0 && response.status == AZ_IOT_STATUS_OK);
                return AZ_OK;
        }
        (void) skip(topic, "$iothub/twin/res/");
        check(az_span_size(response.request_id) > 0 && is_within(response.request_id, topic));
        check((int) response.status >= 0 && (int) response.status <= 999);
        return AZ_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static az_result (*const parsers[])(const az_iot_hub_client *client, az_span topic) = {
                parse_method,
                parse_c2d,
                parse_twin,
        };
        az_iot_hub_client client;
        az_span topic;
        int n_matches = 0;

        if (size == 0 || size > 65535) /* MQTT has no other topics */
                return 0;
        topic = az_span_create((uint8_t *) data, (int32_t) size);
        check(az_iot_hub_client_init(&client, AZ_SPAN_FROM_STR("h"), AZ_SPAN_FROM_STR("d"), NULL) == AZ_OK);

        for (size_t i = 0; i < sizeof(parsers) / sizeof(parsers[0]); i++) {
                az_result r = parsers[i](&client, topic);

                check(r == AZ_OK || r == AZ_ERROR_IOT_TOPIC_NO_MATCH || r == AZ_ERROR_UNEXPECTED_CHAR ||
                      r == AZ_ERROR_UNEXPECTED_END || r == AZ_ERROR_ITEM_NOT_FOUND);
                n_matches += r != AZ_ERROR_IOT_TOPIC_NO_MATCH;
        }
        check(n_matches <= 1); /* a topic is of one kind */
        return 0;
}
