/* SPDX-License-Identifier: MIT */
#include <azure/core/az_log_internal.h>
#include <azure/core/az_precondition_internal.h>
#include <azure/iot/az_iot_provisioning_client.h>
#include <azure/iot/az_iot_text_internal.h>

/* The service checks the signature over the resource as it stands in the password, whatever its case. */
static void append_resource(_az_iot_text *text, az_iot_provisioning_client const *client) {
        _az_iot_text_append_encoded(text, client->_internal.id_scope);
        _az_iot_text_append(text, AZ_SPAN_FROM_STR("%2fregistrations%2f"));
        _az_iot_text_append_encoded(text, client->_internal.registration_id);
}

az_result az_iot_provisioning_client_sas_get_signature(az_iot_provisioning_client const *client,
                                                       uint64_t token_expiration_epoch_time,
                                                       az_span signature, az_span *out_signature) {
        _az_iot_text text;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION(token_expiration_epoch_time > 0);
        _az_PRECONDITION_VALID_SPAN(signature, 0);
        _az_PRECONDITION_NOT_NULL(out_signature);

        text = _az_iot_text_begin(az_span_ptr(signature), (size_t) az_span_size(signature));
        append_resource(&text, client);
        _az_iot_text_append(&text, AZ_SPAN_FROM_STR("\n"));
        _az_iot_text_append_u64(&text, token_expiration_epoch_time);
        if (text.is_full)
                return AZ_ERROR_NOT_ENOUGH_SPACE;

        *out_signature = _az_iot_text_written(&text);
        _az_log_write(AZ_LOG_IOT_SAS_TOKEN, *out_signature);
        return AZ_OK;
}

az_result az_iot_provisioning_client_sas_get_password(az_iot_provisioning_client const *client,
                                                      az_span base64_hmac_sha256_signature,
                                                      uint64_t token_expiration_epoch_time, az_span key_name,
                                                      char *mqtt_password, size_t mqtt_password_size,
                                                      size_t *out_mqtt_password_length) {
        _az_iot_text text;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_VALID_SPAN(base64_hmac_sha256_signature, 1);
        _az_PRECONDITION(token_expiration_epoch_time > 0);
        _az_PRECONDITION_VALID_SPAN(key_name, 0);
        _az_PRECONDITION_NOT_NULL(mqtt_password);

        text = _az_iot_text_begin(mqtt_password, mqtt_password_size);
        _az_iot_text_append(&text, AZ_SPAN_FROM_STR("SharedAccessSignature sr="));
        append_resource(&text, client);
        _az_iot_text_append(&text, AZ_SPAN_FROM_STR("&sig="));
        _az_iot_text_append_encoded(&text, base64_hmac_sha256_signature);
        _az_iot_text_append(&text, AZ_SPAN_FROM_STR("&se="));
        _az_iot_text_append_u64(&text, token_expiration_epoch_time);
        if (az_span_size(key_name) > 0) {
                _az_iot_text_append(&text, AZ_SPAN_FROM_STR("&skn="));
                _az_iot_text_append(&text, key_name);
        }
        return _az_iot_text_end(&text, out_mqtt_password_length);
}
