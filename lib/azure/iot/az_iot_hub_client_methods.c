/* SPDX-License-Identifier: MIT */
#include <azure/core/az_log_internal.h>
#include <azure/core/az_precondition_internal.h>
#include <azure/iot/az_iot_hub_client.h>
#include <azure/iot/az_iot_text_internal.h>

az_result az_iot_hub_client_methods_parse_received_topic(az_iot_hub_client const *client,
                                                         az_span received_topic,
                                                         az_iot_hub_client_method_request *out_request) {
        az_span const separator = AZ_SPAN_FROM_STR("/?$rid=");
        az_span rest = received_topic;
        az_span request_id;
        int32_t name_size;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_VALID_SPAN(received_topic, 1);
        _az_PRECONDITION_NOT_NULL(out_request);

        if (!_az_iot_topic_skip_prefix(&rest, AZ_SPAN_FROM_STR("$iothub/methods/POST/")))
                return AZ_ERROR_IOT_TOPIC_NO_MATCH;
        _az_log_write(AZ_LOG_MQTT_RECEIVED_TOPIC, received_topic);

        name_size = az_span_find(rest, separator);
        if (name_size <= 0)
                return AZ_ERROR_UNEXPECTED_CHAR;
        request_id = az_span_slice_to_end(rest, name_size + az_span_size(separator));
        if (az_span_size(request_id) == 0)
                return AZ_ERROR_UNEXPECTED_CHAR;

        *out_request = (az_iot_hub_client_method_request){
                .request_id = request_id,
                .name = az_span_slice(rest, 0, name_size),
        };
        return AZ_OK;
}

az_result az_iot_hub_client_methods_response_get_publish_topic(az_iot_hub_client const *client,
                                                               az_span request_id, uint16_t status,
                                                               char *mqtt_topic, size_t mqtt_topic_size,
                                                               size_t *out_mqtt_topic_length) {
        _az_iot_text text;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_VALID_SPAN(request_id, 1);
        _az_PRECONDITION_NOT_NULL(mqtt_topic);

        text = _az_iot_text_begin(mqtt_topic, mqtt_topic_size);
        _az_iot_text_append(&text, AZ_SPAN_FROM_STR("$iothub/methods/res/"));
        _az_iot_text_append_u64(&text, status);
        _az_iot_text_append(&text, AZ_SPAN_FROM_STR("/?$rid="));
        _az_iot_text_append(&text, request_id);
        return _az_iot_text_end(&text, out_mqtt_topic_length);
}
