/* SPDX-License-Identifier: MIT */
#include <aio/metadata.h>

#include <aio/aio_internal.h>
#include <azure/core/az_precondition_internal.h>

void aio_metadata_writer_init(aio_metadata_writer *out_writer, az_mqtt_user_property *properties,
                              int32_t max_properties, az_span scratch) {
        aio_metadata_writer writer = { { properties, 0, max_properties, scratch } };

        _az_PRECONDITION_NOT_NULL(out_writer);
        _az_PRECONDITION(max_properties == 0 || (max_properties > 0 && properties != NULL));
        _az_PRECONDITION_VALID_SPAN(scratch, 0);

        *out_writer = writer;
}

void aio_metadata_writer_finish(aio_metadata_writer const *writer, az_mqtt_message *ref_message) {
        _az_PRECONDITION_NOT_NULL(writer);
        _az_PRECONDITION_NOT_NULL(ref_message);

        ref_message->user_properties = writer->_internal.properties;
        ref_message->n_user_properties = writer->_internal.n_properties;
}

az_result aio_metadata_write(aio_metadata_writer *ref_writer, az_span key, az_span value) {
        az_mqtt_user_property property = { key, value };

        _az_PRECONDITION_NOT_NULL(ref_writer);
        _az_PRECONDITION_VALID_SPAN(key, 0);
        _az_PRECONDITION_VALID_SPAN(value, 0);

        if (ref_writer->_internal.n_properties == ref_writer->_internal.max_properties)
                return AZ_ERROR_NOT_ENOUGH_SPACE;

        ref_writer->_internal.properties[ref_writer->_internal.n_properties++] = property;
        return AZ_OK;
}

bool aio_metadata_is_reserved(az_span key) {
        az_span const prefix = AZ_SPAN_FROM_STR("__");

        _az_PRECONDITION_VALID_SPAN(key, 0);

        return (az_span_size(key) >= az_span_size(prefix) &&
                az_span_is_content_equal(az_span_slice(key, 0, az_span_size(prefix)), prefix)) ||
               az_span_is_content_equal(key, AZ_SPAN_FROM_STR(AIO_METADATA_PARTITION)) ||
               az_span_is_content_equal(key, AZ_SPAN_FROM_STR(AIO_METADATA_HIGH_PRIORITY));
}

az_result aio_metadata_write_user(aio_metadata_writer *ref_writer, az_mqtt_user_property const *properties,
                                  int32_t n_properties, aio_error *out_error) {
        _az_PRECONDITION_NOT_NULL(ref_writer);
        _az_PRECONDITION(n_properties == 0 || (n_properties > 0 && properties != NULL));
        _az_PRECONDITION_NOT_NULL(out_error);

        for (int32_t i = 0; i < n_properties; i++)
                if (az_span_size(properties[i].key) == 0 || aio_metadata_is_reserved(properties[i].key) ||
                    !_aio_is_string(properties[i].key) || !_aio_is_string(properties[i].value))
                        return _aio_refuse(
                                out_error, AZ_SPAN_FROM_STR(AIO_PROPERTY_METADATA), properties[i].key,
                                AZ_SPAN_FROM_STR(
                                        "the key is reserved or empty, or it or its value is no text"));
        if (n_properties > ref_writer->_internal.max_properties - ref_writer->_internal.n_properties) {
                *out_error = _aio_error_no_room(AZ_SPAN_FROM_STR(AIO_PROPERTY_METADATA));
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        }

        for (int32_t i = 0; i < n_properties; i++)
                ref_writer->_internal.properties[ref_writer->_internal.n_properties++] = properties[i];
        return AZ_OK;
}

/* Takes what was made in the scratch off it. */
static void keep(aio_metadata_writer *writer, az_span text) {
        writer->_internal.scratch = _az_span_from(writer->_internal.scratch, az_span_size(text));
}

static az_result write_hlc(aio_metadata_writer *writer, az_span key, aio_hlc const *hlc) {
        az_span text;
        az_result r;

        r = aio_hlc_format(hlc, writer->_internal.scratch, &text);
        if (az_result_failed(r))
                return r;

        keep(writer, text);
        return aio_metadata_write(writer, key, text);
}

/* What all messages have. */
static az_result write_common(aio_metadata_writer *writer, az_span source_id, aio_hlc const *timestamp) {
        az_result r;

        r = write_hlc(writer, AZ_SPAN_FROM_STR(AIO_METADATA_TIMESTAMP), timestamp);
        if (az_result_succeeded(r))
                r = aio_metadata_write(writer, AZ_SPAN_FROM_STR(AIO_METADATA_SOURCE_ID), source_id);
        if (az_result_succeeded(r))
                r = aio_metadata_write(writer, AZ_SPAN_FROM_STR(AIO_METADATA_PROTOCOL_VERSION),
                                       AZ_SPAN_FROM_STR(AIO_PROTOCOL_VERSION));
        return r;
}

/* Takes back what was written since, if 'r' is an error. */
static az_result all_or_nothing(aio_metadata_writer *writer, aio_metadata_writer before, az_result r) {
        if (az_result_failed(r))
                *writer = before;
        return r;
}

az_result aio_metadata_write_telemetry(aio_metadata_writer *ref_writer, az_span source_id,
                                       aio_hlc const *timestamp, bool is_persistent) {
        aio_metadata_writer before;
        az_result r;

        _az_PRECONDITION_NOT_NULL(ref_writer);
        _az_PRECONDITION_VALID_SPAN(source_id, 0);
        _az_PRECONDITION_NOT_NULL(timestamp);

        before = *ref_writer;
        r = write_common(ref_writer, source_id, timestamp);
        if (az_result_succeeded(r) && is_persistent)
                r = aio_metadata_write(ref_writer, AZ_SPAN_FROM_STR(AIO_METADATA_PERSISTENCE),
                                       AZ_SPAN_FROM_STR("true"));
        return all_or_nothing(ref_writer, before, r);
}

static az_result write_high_priority(aio_metadata_writer *writer) {
        return aio_metadata_write(writer, AZ_SPAN_FROM_STR(AIO_METADATA_HIGH_PRIORITY), _aio_PRESENT_EMPTY);
}

az_result aio_metadata_write_request(aio_metadata_writer *ref_writer, az_span source_id,
                                     aio_hlc const *timestamp, aio_hlc const *fencing_token) {
        aio_metadata_writer before;
        az_result r;

        _az_PRECONDITION_NOT_NULL(ref_writer);
        _az_PRECONDITION_VALID_SPAN(source_id, 0);
        _az_PRECONDITION_NOT_NULL(timestamp);

        before = *ref_writer;
        r = write_common(ref_writer, source_id, timestamp);
        if (az_result_succeeded(r))
                r = aio_metadata_write(ref_writer, AZ_SPAN_FROM_STR(AIO_METADATA_PARTITION), source_id);
        if (az_result_succeeded(r))
                r = write_high_priority(ref_writer);
        if (az_result_succeeded(r) && fencing_token)
                r = write_hlc(ref_writer, AZ_SPAN_FROM_STR(AIO_METADATA_FENCING_TOKEN), fencing_token);
        return all_or_nothing(ref_writer, before, r);
}

static az_result write_status_code(aio_metadata_writer *writer, int32_t code) {
        az_span scratch = writer->_internal.scratch, rest, text;
        az_result r;

        r = az_span_i32toa(scratch, code, &rest);
        if (az_result_failed(r))
                return r;

        text = az_span_slice(scratch, 0, az_span_size(scratch) - az_span_size(rest));
        keep(writer, text);
        return aio_metadata_write(writer, AZ_SPAN_FROM_STR(AIO_METADATA_STATUS), text);
}

static az_result write_present(aio_metadata_writer *writer, az_span key, az_span value) {
        return _aio_is_present(value) ? aio_metadata_write(writer, key, value) : AZ_OK;
}

/* What an invoker looks at if the status is an error. */
static az_result write_failure(aio_metadata_writer *writer, aio_status const *status) {
        az_result r;

        r = aio_metadata_write(writer, AZ_SPAN_FROM_STR(AIO_METADATA_STATUS_MESSAGE),
                               _aio_present(status->message));
        if (az_result_succeeded(r))
                r = aio_metadata_write(writer, AZ_SPAN_FROM_STR(AIO_METADATA_IS_APPLICATION_ERROR),
                                       status->is_application_error ? AZ_SPAN_FROM_STR("true")
                                                                    : AZ_SPAN_FROM_STR("false"));
        if (az_result_succeeded(r))
                r = write_present(writer, AZ_SPAN_FROM_STR(AIO_METADATA_PROPERTY_NAME),
                                  status->property_name);
        if (az_result_succeeded(r))
                r = write_present(writer, AZ_SPAN_FROM_STR(AIO_METADATA_PROPERTY_VALUE),
                                  status->property_value);
        if (az_result_succeeded(r))
                r = write_present(writer, AZ_SPAN_FROM_STR(AIO_METADATA_REQUEST_PROTOCOL_VERSION),
                                  status->request_protocol_version);
        if (az_result_succeeded(r))
                r = write_present(writer, AZ_SPAN_FROM_STR(AIO_METADATA_SUPPORTED_MAJORS),
                                  status->supported_majors);
        return r;
}

az_result aio_metadata_write_response(aio_metadata_writer *ref_writer, az_span source_id,
                                      aio_hlc const *timestamp, aio_status const *status) {
        aio_metadata_writer before;
        az_result r;

        _az_PRECONDITION_NOT_NULL(ref_writer);
        _az_PRECONDITION_VALID_SPAN(source_id, 0);
        _az_PRECONDITION_NOT_NULL(timestamp);
        _az_PRECONDITION_NOT_NULL(status);

        before = *ref_writer;
        r = write_common(ref_writer, source_id, timestamp);
        if (az_result_succeeded(r))
                r = write_status_code(ref_writer, status->code);
        if (az_result_succeeded(r) && status->code != AIO_STATUS_OK && status->code != AIO_STATUS_NO_CONTENT)
                r = write_failure(ref_writer, status);
        if (az_result_succeeded(r))
                r = write_high_priority(ref_writer);
        return all_or_nothing(ref_writer, before, r);
}
