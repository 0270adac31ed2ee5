/* SPDX-License-Identifier: MIT */
#include <azure/core/az_log_internal.h>
#include <azure/core/az_precondition_internal.h>
#include <azure/iot/az_iot_hub_client.h>
#include <azure/iot/az_iot_text_internal.h>

/* Returns the value of a property of the bag; empty: it has none. */
static az_span find_value(az_span bag, az_span name) {
        az_iot_message_properties properties;
        az_span value;

        if (az_result_failed(az_iot_message_properties_init(&properties, bag, az_span_size(bag))) ||
            az_result_failed(az_iot_message_properties_find(&properties, name, &value)))
                return AZ_SPAN_EMPTY;
        return value;
}

static az_iot_hub_client_twin_response_type type_of(az_iot_status status) {
        if (status >= AZ_IOT_STATUS_BAD_REQUEST)
                return AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_REQUEST_ERROR;
        return status == AZ_IOT_STATUS_NO_CONTENT ? AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_REPORTED_PROPERTIES
                                                  : AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_GET;
}

static az_result parse_answer(az_span rest, az_iot_hub_client_twin_response *out_response) {
        az_iot_hub_client_twin_response response = { .version = AZ_SPAN_LITERAL_EMPTY };
        az_result r;

        r = _az_iot_topic_read_status(&rest, &response.status);
        if (az_result_failed(r))
                return r;
        response.request_id = find_value(rest, AZ_SPAN_FROM_STR("$rid"));
        if (az_span_size(response.request_id) == 0)
                return AZ_ERROR_ITEM_NOT_FOUND;
        response.response_type = type_of(response.status);
        if (response.response_type == AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_REPORTED_PROPERTIES)
                response.version = find_value(rest, AZ_SPAN_FROM_STR("$version"));

        *out_response = response;
        return AZ_OK;
}

static az_result parse_change(az_span rest, az_iot_hub_client_twin_response *out_response) {
        if (az_span_size(rest) == 0)
                return AZ_ERROR_UNEXPECTED_END;
        if (!_az_iot_topic_skip_prefix(&rest, AZ_SPAN_FROM_STR("?")))
                return AZ_ERROR_UNEXPECTED_CHAR;

        *out_response = (az_iot_hub_client_twin_response){
                .request_id = AZ_SPAN_EMPTY,
                .response_type = AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_DESIRED_PROPERTIES,
                .status = AZ_IOT_STATUS_OK,
                .version = find_value(rest, AZ_SPAN_FROM_STR("$version")),
        };
        return AZ_OK;
}

az_result az_iot_hub_client_twin_parse_received_topic(az_iot_hub_client const *client, az_span received_topic,
                                                      az_iot_hub_client_twin_response *out_response) {
        az_span rest = received_topic;
        bool is_answer;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_VALID_SPAN(received_topic, 1);
        _az_PRECONDITION_NOT_NULL(out_response);

        is_answer = _az_iot_topic_skip_prefix(&rest, AZ_SPAN_FROM_STR("$iothub/twin/res/"));
        if (!is_answer &&
            !_az_iot_topic_skip_prefix(&rest, AZ_SPAN_FROM_STR("$iothub/twin/PATCH/properties/desired/")))
                return AZ_ERROR_IOT_TOPIC_NO_MATCH;
        _az_log_write(AZ_LOG_MQTT_RECEIVED_TOPIC, received_topic);

        return is_answer ? parse_answer(rest, out_response) : parse_change(rest, out_response);
}

static az_result write_topic(az_span beginning, az_span request_id, char *mqtt_topic, size_t mqtt_topic_size,
                             size_t *out_mqtt_topic_length) {
        _az_iot_text text = _az_iot_text_begin(mqtt_topic, mqtt_topic_size);

        _az_iot_text_append(&text, beginning);
        _az_iot_text_append(&text, request_id);
        return _az_iot_text_end(&text, out_mqtt_topic_length);
}

az_result az_iot_hub_client_twin_document_get_publish_topic(az_iot_hub_client const *client,
                                                            az_span request_id, char *mqtt_topic,
                                                            size_t mqtt_topic_size,
                                                            size_t *out_mqtt_topic_length) {
        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_VALID_SPAN(request_id, 1);
        _az_PRECONDITION_NOT_NULL(mqtt_topic);

        return write_topic(AZ_SPAN_FROM_STR("$iothub/twin/GET/?$rid="), request_id, mqtt_topic,
                           mqtt_topic_size, out_mqtt_topic_length);
}

az_result az_iot_hub_client_twin_patch_get_publish_topic(az_iot_hub_client const *client, az_span request_id,
                                                         char *mqtt_topic, size_t mqtt_topic_size,
                                                         size_t *out_mqtt_topic_length) {
        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_VALID_SPAN(request_id, 1);
        _az_PRECONDITION_NOT_NULL(mqtt_topic);

        return write_topic(AZ_SPAN_FROM_STR("$iothub/twin/PATCH/properties/reported/?$rid="), request_id,
                           mqtt_topic, mqtt_topic_size, out_mqtt_topic_length);
}
