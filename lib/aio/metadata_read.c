/* SPDX-License-Identifier: MIT */
#include <aio/metadata.h>

#include <aio/aio_internal.h>
#include <azure/core/az_precondition_internal.h>

/* The reserved keys, and where their values go. */
static const struct {
        az_span key;
        size_t offset;
} keys[] = {
        { AZ_SPAN_LITERAL_FROM_STR(AIO_METADATA_TIMESTAMP), offsetof(aio_metadata, timestamp) },
        { AZ_SPAN_LITERAL_FROM_STR(AIO_METADATA_SOURCE_ID), offsetof(aio_metadata, source_id) },
        { AZ_SPAN_LITERAL_FROM_STR(AIO_METADATA_PROTOCOL_VERSION), offsetof(aio_metadata, protocol_version) },
        { AZ_SPAN_LITERAL_FROM_STR(AIO_METADATA_STATUS), offsetof(aio_metadata, status) },
        { AZ_SPAN_LITERAL_FROM_STR(AIO_METADATA_STATUS_MESSAGE), offsetof(aio_metadata, status_message) },
        { AZ_SPAN_LITERAL_FROM_STR(AIO_METADATA_IS_APPLICATION_ERROR),
          offsetof(aio_metadata, is_application_error) },
        { AZ_SPAN_LITERAL_FROM_STR(AIO_METADATA_PROPERTY_NAME), offsetof(aio_metadata, property_name) },
        { AZ_SPAN_LITERAL_FROM_STR(AIO_METADATA_PROPERTY_VALUE), offsetof(aio_metadata, property_value) },
        { AZ_SPAN_LITERAL_FROM_STR(AIO_METADATA_SUPPORTED_MAJORS), offsetof(aio_metadata, supported_majors) },
        { AZ_SPAN_LITERAL_FROM_STR(AIO_METADATA_REQUEST_PROTOCOL_VERSION),
          offsetof(aio_metadata, request_protocol_version) },
        { AZ_SPAN_LITERAL_FROM_STR(AIO_METADATA_FENCING_TOKEN), offsetof(aio_metadata, fencing_token) },
        { AZ_SPAN_LITERAL_FROM_STR(AIO_METADATA_PARTITION), offsetof(aio_metadata, partition) },
        { AZ_SPAN_LITERAL_FROM_STR(AIO_METADATA_HIGH_PRIORITY), offsetof(aio_metadata, high_priority) },
};

static az_span *find_member(aio_metadata *metadata, az_span key) {
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
                if (az_span_is_content_equal(key, keys[i].key))
                        return (az_span *) (void *) ((uint8_t *) metadata + keys[i].offset);
        return NULL;
}

void aio_metadata_read(az_mqtt_message const *message, aio_metadata *out_metadata) {
        aio_metadata metadata = { 0 };

        _az_PRECONDITION_NOT_NULL(message);
        _az_PRECONDITION_NOT_NULL(out_metadata);

        for (int32_t i = 0; i < message->n_user_properties; i++) {
                az_span *member = find_member(&metadata, message->user_properties[i].key);

                if (member && !_aio_is_present(*member))
                        *member = _aio_present(message->user_properties[i].value);
        }
        *out_metadata = metadata;
}

/* Reads an integer of 16 bits and the '.' behind it, or the end. */
static bool read_version_part(az_span *ref_text, bool is_last, uint64_t *out_number) {
        return az_result_succeeded(_aio_read_u64(ref_text, out_number)) && *out_number <= UINT16_MAX &&
               (is_last ? az_span_size(*ref_text) == 0 : _aio_skip(ref_text, '.'));
}

az_result aio_metadata_check_version(aio_metadata const *metadata, aio_error *out_error) {
        az_span text;
        uint64_t major, minor;

        _az_PRECONDITION_NOT_NULL(metadata);
        _az_PRECONDITION_NOT_NULL(out_error);

        text = metadata->protocol_version;
        if (!_aio_is_present(text) ||
            (read_version_part(&text, false, &major) && read_version_part(&text, true, &minor) && major == 1))
                return AZ_OK;

        *out_error = (aio_error){
                .kind = AIO_ERROR_UNSUPPORTED_VERSION,
                .message = AZ_SPAN_FROM_STR("the version of the protocol is not supported"),
                .protocol_version = metadata->protocol_version,
                .supported_majors = AZ_SPAN_FROM_STR(AIO_PROTOCOL_SUPPORTED_MAJORS),
        };
        return AZ_ERROR_NOT_SUPPORTED;
}

az_result aio_metadata_get_timestamp(aio_metadata const *metadata, aio_hlc *out_timestamp,
                                     aio_error *out_error) {
        az_result r;

        _az_PRECONDITION_NOT_NULL(metadata);
        _az_PRECONDITION_NOT_NULL(out_timestamp);
        _az_PRECONDITION_NOT_NULL(out_error);

        if (!_aio_is_present(metadata->timestamp))
                return AZ_ERROR_ITEM_NOT_FOUND;
        r = aio_hlc_parse(metadata->timestamp, out_timestamp);
        if (az_result_failed(r))
                *out_error = aio_hlc_to_error(r, metadata->timestamp);
        return r;
}

static az_result read_status_code(az_span text, int32_t *out_code) {
        uint64_t code;
        az_result r;

        r = _aio_read_u64(&text, &code);
        if (az_result_failed(r))
                return r;
        if (az_span_size(text) > 0 || code > INT32_MAX)
                return AZ_ERROR_UNEXPECTED_CHAR;

        *out_code = (int32_t) code;
        return AZ_OK;
}

az_result aio_metadata_get_status(aio_metadata const *metadata, aio_status *out_status,
                                  aio_error *out_error) {
        aio_status status = { 0 };
        az_result r;

        _az_PRECONDITION_NOT_NULL(metadata);
        _az_PRECONDITION_NOT_NULL(out_status);
        _az_PRECONDITION_NOT_NULL(out_error);

        if (!_aio_is_present(metadata->status)) {
                *out_error = (aio_error){ .kind = AIO_ERROR_MISSING_HEADER,
                                          .message = AZ_SPAN_FROM_STR("the response has no status"),
                                          .property_name = AZ_SPAN_FROM_STR(AIO_METADATA_STATUS) };
                return AZ_ERROR_ITEM_NOT_FOUND;
        }
        r = read_status_code(metadata->status, &status.code);
        if (az_result_failed(r)) {
                *out_error = (aio_error){ .kind = AIO_ERROR_INVALID_HEADER,
                                          .cause = r,
                                          .message = AZ_SPAN_FROM_STR("the status is not a number"),
                                          .property_name = AZ_SPAN_FROM_STR(AIO_METADATA_STATUS),
                                          .property_value = metadata->status };
                return r;
        }

        status.is_application_error = az_span_size(metadata->is_application_error) > 0 &&
                                      !az_span_is_content_equal_ignoring_case(metadata->is_application_error,
                                                                              AZ_SPAN_FROM_STR("false"));
        status.message = metadata->status_message;
        status.property_name = metadata->property_name;
        status.property_value = metadata->property_value;
        status.request_protocol_version = metadata->request_protocol_version;
        status.supported_majors = metadata->supported_majors;
        *out_status = status;
        return AZ_OK;
}

int32_t aio_metadata_strip(az_mqtt_message const *message, az_mqtt_user_property *destination) {
        int32_t n = 0;

        _az_PRECONDITION_NOT_NULL(message);
        _az_PRECONDITION(message->n_user_properties == 0 || destination != NULL);

        for (int32_t i = 0; i < message->n_user_properties; i++)
                if (!aio_metadata_is_reserved(message->user_properties[i].key))
                        destination[n++] = message->user_properties[i];
        return n;
}

az_result aio_metadata_find(az_mqtt_message const *message, az_span key, az_span *out_value) {
        _az_PRECONDITION_NOT_NULL(message);
        _az_PRECONDITION_VALID_SPAN(key, 0);
        _az_PRECONDITION_NOT_NULL(out_value);

        for (int32_t i = 0; i < message->n_user_properties; i++)
                if (az_span_is_content_equal(message->user_properties[i].key, key)) {
                        *out_value = _aio_present(message->user_properties[i].value);
                        return AZ_OK;
                }
        return AZ_ERROR_ITEM_NOT_FOUND;
}
