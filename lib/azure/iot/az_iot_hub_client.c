/* SPDX-License-Identifier: MIT */
#include <azure/iot/az_iot_hub_client.h>

#include <azure/core/az_version.h>
#include <azure/core/az_precondition_internal.h>
#include <azure/iot/az_iot_text_internal.h>

az_iot_hub_client_options az_iot_hub_client_options_default(void) {
        return (az_iot_hub_client_options){
                .user_agent = AZ_SPAN_FROM_STR("azsdk-c%2F" AZ_SDK_VERSION_STRING),
        };
}

az_result az_iot_hub_client_init(az_iot_hub_client *client, az_span iot_hub_hostname, az_span device_id,
                                 az_iot_hub_client_options const *options) {
        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_VALID_SPAN(iot_hub_hostname, 1);
        _az_PRECONDITION_VALID_SPAN(device_id, 1);

        client->_internal.iot_hub_hostname = iot_hub_hostname;
        client->_internal.device_id = device_id;
        if (options)
                client->_internal.options = *options;
        else
                client->_internal.options = az_iot_hub_client_options_default();
        return AZ_OK;
}

static void append_client_id(_az_iot_text *text, az_iot_hub_client const *client) {
        _az_iot_text_append(text, client->_internal.device_id);
        if (az_span_size(client->_internal.options.module_id) > 0) {
                _az_iot_text_append(text, AZ_SPAN_FROM_STR("/"));
                _az_iot_text_append(text, client->_internal.options.module_id);
        }
}

az_result az_iot_hub_client_get_user_name(az_iot_hub_client const *client, char *mqtt_user_name,
                                          size_t mqtt_user_name_size, size_t *out_mqtt_user_name_length) {
        _az_iot_text text;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(mqtt_user_name);

        text = _az_iot_text_begin(mqtt_user_name, mqtt_user_name_size);
        _az_iot_text_append(&text, client->_internal.iot_hub_hostname);
        _az_iot_text_append(&text, AZ_SPAN_FROM_STR("/"));
        append_client_id(&text, client);
        _az_iot_text_append(&text, AZ_SPAN_FROM_STR("/?api-version=2020-09-30"));
        if (az_span_size(client->_internal.options.user_agent) > 0) {
                _az_iot_text_append(&text, AZ_SPAN_FROM_STR("&DeviceClientType="));
                _az_iot_text_append(&text, client->_internal.options.user_agent);
        }
        if (az_span_size(client->_internal.options.model_id) > 0) {
                _az_iot_text_append(&text, AZ_SPAN_FROM_STR("&model-id="));
                _az_iot_text_append_encoded(&text, client->_internal.options.model_id);
        }
        return _az_iot_text_end(&text, out_mqtt_user_name_length);
}

az_result az_iot_hub_client_get_client_id(az_iot_hub_client const *client, char *mqtt_client_id,
                                          size_t mqtt_client_id_size, size_t *out_mqtt_client_id_length) {
        _az_iot_text text;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(mqtt_client_id);

        text = _az_iot_text_begin(mqtt_client_id, mqtt_client_id_size);
        append_client_id(&text, client);
        return _az_iot_text_end(&text, out_mqtt_client_id_length);
}
