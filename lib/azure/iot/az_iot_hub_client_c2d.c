/* SPDX-License-Identifier: MIT */
#include <azure/core/az_log_internal.h>
#include <azure/core/az_precondition_internal.h>
#include <azure/iot/az_iot_hub_client.h>
#include <azure/iot/az_iot_text_internal.h>

az_result az_iot_hub_client_c2d_parse_received_topic(az_iot_hub_client const *client, az_span received_topic,
                                                     az_iot_hub_client_c2d_request *out_request) {
        az_span rest = received_topic;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_VALID_SPAN(received_topic, 1);
        _az_PRECONDITION_NOT_NULL(out_request);

        if (!_az_iot_topic_skip_prefix(&rest, AZ_SPAN_FROM_STR("devices/")) ||
            !_az_iot_topic_skip_prefix(&rest, client->_internal.device_id) ||
            !_az_iot_topic_skip_prefix(&rest, AZ_SPAN_FROM_STR("/messages/devicebound/")))
                return AZ_ERROR_IOT_TOPIC_NO_MATCH;
        _az_log_write(AZ_LOG_MQTT_RECEIVED_TOPIC, received_topic);

        if (az_span_size(rest) > 0 && az_span_ptr(rest)[0] == '?')
                rest = az_span_slice_to_end(rest, 1);
        return az_iot_message_properties_init(&out_request->properties, rest, az_span_size(rest));
}
