/* SPDX-License-Identifier: MIT */
#include <azure/core/az_precondition_internal.h>
#include <azure/iot/az_iot_hub_client.h>
#include <azure/iot/az_iot_sas_internal.h>

static void append_resource(_az_iot_text *text, az_iot_hub_client const *client) {
        _az_iot_text_append_encoded(text, client->_internal.iot_hub_hostname);
        _az_iot_text_append(text, AZ_SPAN_FROM_STR("%2Fdevices%2F"));
        _az_iot_text_append_encoded(text, client->_internal.device_id);
        if (az_span_size(client->_internal.options.module_id) > 0) {
                _az_iot_text_append(text, AZ_SPAN_FROM_STR("%2Fmodules%2F"));
                _az_iot_text_append_encoded(text, client->_internal.options.module_id);
        }
}

az_result az_iot_hub_client_sas_get_signature(az_iot_hub_client const *client,
                                              uint64_t token_expiration_epoch_time, az_span signature,
                                              az_span *out_signature) {
        _az_iot_text text;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION(token_expiration_epoch_time > 0);
        _az_PRECONDITION_VALID_SPAN(signature, 0);
        _az_PRECONDITION_NOT_NULL(out_signature);

        text = _az_iot_text_begin(az_span_ptr(signature), (size_t) az_span_size(signature));
        append_resource(&text, client);
        return _az_iot_sas_end_signature(&text, token_expiration_epoch_time, out_signature);
}

az_result az_iot_hub_client_sas_get_password(az_iot_hub_client const *client,
                                             uint64_t token_expiration_epoch_time,
                                             az_span base64_hmac_sha256_signature, az_span key_name,
                                             char *mqtt_password, size_t mqtt_password_size,
                                             size_t *out_mqtt_password_length) {
        _az_iot_text text;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION(token_expiration_epoch_time > 0);
        _az_PRECONDITION_VALID_SPAN(base64_hmac_sha256_signature, 1);
        _az_PRECONDITION_VALID_SPAN(key_name, 0);
        _az_PRECONDITION_NOT_NULL(mqtt_password);

        text = _az_iot_sas_begin_password(mqtt_password, mqtt_password_size);
        append_resource(&text, client);
        return _az_iot_sas_end_password(&text, base64_hmac_sha256_signature, token_expiration_epoch_time,
                                        key_name, out_mqtt_password_length);
}
