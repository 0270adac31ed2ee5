/* SPDX-License-Identifier: MIT */
#include <azure/iot/az_iot_sas_internal.h>

#include <azure/core/az_log_internal.h>

az_result _az_iot_sas_end_signature(_az_iot_text *text, uint64_t expires_unix_s, az_span *out_signature) {
        _az_iot_text_append(text, AZ_SPAN_FROM_STR("\n"));
        _az_iot_text_append_u64(text, expires_unix_s);
        if (text->is_full)
                return AZ_ERROR_NOT_ENOUGH_SPACE;

        *out_signature = _az_iot_text_written(text);
        _az_log_write(AZ_LOG_IOT_SAS_TOKEN, *out_signature);
        return AZ_OK;
}

_az_iot_text _az_iot_sas_begin_password(char *buffer, size_t size) {
        _az_iot_text text = _az_iot_text_begin(buffer, size);

        _az_iot_text_append(&text, AZ_SPAN_FROM_STR("SharedAccessSignature sr="));
        return text;
}

az_result _az_iot_sas_end_password(_az_iot_text *text, az_span base64_signature, uint64_t expires_unix_s,
                                   az_span key_name, size_t *out_length) {
        _az_iot_text_append(text, AZ_SPAN_FROM_STR("&sig="));
        _az_iot_text_append_encoded(text, base64_signature);
        _az_iot_text_append(text, AZ_SPAN_FROM_STR("&se="));
        _az_iot_text_append_u64(text, expires_unix_s);
        if (az_span_size(key_name) > 0) {
                _az_iot_text_append(text, AZ_SPAN_FROM_STR("&skn="));
                _az_iot_text_append(text, key_name);
        }
        return _az_iot_text_end(text, out_length);
}
