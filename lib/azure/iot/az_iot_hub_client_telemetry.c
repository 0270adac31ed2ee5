/* SPDX-License-Identifier: MIT */
#include <azure/core/az_precondition_internal.h>
#include <azure/iot/az_iot_hub_client.h>
#include <azure/iot/az_iot_text_internal.h>

az_result az_iot_hub_client_telemetry_get_publish_topic(az_iot_hub_client const *client,
                                                        az_iot_message_properties const *properties,
                                                        char *mqtt_topic, size_t mqtt_topic_size,
                                                        size_t *out_mqtt_topic_length) {
        _az_iot_text text;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(mqtt_topic);

        text = _az_iot_text_begin(mqtt_topic, mqtt_topic_size);
        _az_iot_text_append(&text, AZ_SPAN_FROM_STR("devices/"));
        _az_iot_text_append(&text, client->_internal.device_id);
        if (az_span_size(client->_internal.options.module_id) > 0) {
                _az_iot_text_append(&text, AZ_SPAN_FROM_STR("/modules/"));
                _az_iot_text_append(&text, client->_internal.options.module_id);
        }
        _az_iot_text_append(&text, AZ_SPAN_FROM_STR("/messages/events/"));
        if (properties)
                _az_iot_text_append(&text, az_span_slice(properties->_internal.properties_buffer, 0,
                                                         properties->_internal.properties_written));
        return _az_iot_text_end(&text, out_mqtt_topic_length);
}
