/* SPDX-License-Identifier: MIT */
#include <azure/core/az_log_internal.h>
#include <azure/core/az_precondition_internal.h>
#include <azure/iot/az_iot_hub_client.h>
#include <azure/iot/az_iot_text_internal.h>

/* Reads $rid and $version, of each the first; one that is missing stays empty. */
static void read_properties(az_span rest, az_span *ref_request_id, az_span *ref_version) {
        az_span name, value;

        while (_az_iot_topic_read_property(&rest, &name, &value)) {
                if (az_span_is_content_equal(name, AZ_SPAN_FROM_STR("$rid"))) {
                        if (az_span_ptr(*ref_request_id) == NULL)
                                *ref_request_id = value;
                } else if (az_span_is_content_equal(name, AZ_SPAN_FROM_STR("$version"))) {
                        if (az_span_ptr(*ref_version) == NULL)
                                *ref_version = value;
                }
        }
}

static az_iot_hub_client_twin_response_type type_of(az_iot_status status) {
        if (status >= AZ_IOT_STATUS_BAD_REQUEST)
                return AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_REQUEST_ERROR;
        return status == AZ_IOT_STATUS_NO_CONTENT ? AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_REPORTED_PROPERTIES
                                                  : AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_GET;
}

static az_result parse_answer(az_span rest, az_iot_hub_client_twin_response *out_response) {
        az_span request_id = AZ_SPAN_EMPTY, version = AZ_SPAN_EMPTY;
        az_iot_hub_client_twin_response_type type;
        az_iot_status status;
        az_result r;

        r = _az_iot_topic_read_status(&rest, &status);
        if (az_result_failed(r))
                return r;
        read_properties(rest, &request_id, &version);
        if (az_span_size(request_id) == 0)
                return AZ_ERROR_ITEM_NOT_FOUND;

        type = type_of(status);
        if (type != AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_REPORTED_PROPERTIES)
                version = AZ_SPAN_EMPTY;
        *out_response = (az_iot_hub_client_twin_response){
                .request_id = request_id,
                .response_type = type,
                .status = status,
                .version = version,
        };
        return AZ_OK;
}

static az_result parse_change(az_span rest, az_iot_hub_client_twin_response *out_response) {
        az_span no_request_id = AZ_SPAN_EMPTY, version = AZ_SPAN_EMPTY;

        if (az_span_size(rest) == 0)
                return AZ_ERROR_UNEXPECTED_END;
        if (!_az_iot_topic_skip_prefix(&rest, AZ_SPAN_FROM_STR("?")))
                return AZ_ERROR_UNEXPECTED_CHAR;

        read_properties(rest, &no_request_id, &version);
        *out_response = (az_iot_hub_client_twin_response){
                .request_id = AZ_SPAN_EMPTY,
                .response_type = AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_DESIRED_PROPERTIES,
                .status = AZ_IOT_STATUS_OK,
                .version = version,
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
