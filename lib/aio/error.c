/* SPDX-License-Identifier: MIT */
#include <aio/error.h>

#include <aio/aio_internal.h>
#include <aio/metadata.h>
#include <azure/core/az_precondition_internal.h>

static char const *const kinds[_AIO_ERROR_KIND_MAX] = {
        [AIO_ERROR_NONE] = "none",
        [AIO_ERROR_MISSING_HEADER] = "missing header",
        [AIO_ERROR_INVALID_HEADER] = "invalid header",
        [AIO_ERROR_INVALID_PAYLOAD] = "invalid payload",
        [AIO_ERROR_TIMEOUT] = "timeout",
        [AIO_ERROR_CANCELLATION] = "cancellation",
        [AIO_ERROR_INVALID_CONFIGURATION] = "invalid configuration",
        [AIO_ERROR_INVALID_STATE] = "invalid state",
        [AIO_ERROR_INTERNAL_LOGIC] = "internal logic error",
        [AIO_ERROR_UNKNOWN] = "unknown error",
        [AIO_ERROR_EXECUTION] = "execution error",
        [AIO_ERROR_MQTT] = "mqtt error",
        [AIO_ERROR_UNSUPPORTED_VERSION] = "unsupported version",
};

char const *aio_error_kind_to_string(aio_error_kind kind) {
        return (size_t) kind < _AIO_ERROR_KIND_MAX ? kinds[kind] : NULL;
}

az_result aio_error_kind_from_string(az_span name, aio_error_kind *out_kind) {
        _az_PRECONDITION_VALID_SPAN(name, 0);
        _az_PRECONDITION_NOT_NULL(out_kind);

        for (int kind = AIO_ERROR_NONE + 1; kind < _AIO_ERROR_KIND_MAX; kind++)
                if (az_span_is_content_equal(name, az_span_create_from_str((char *) kinds[kind]))) {
                        *out_kind = (aio_error_kind) kind;
                        return AZ_OK;
                }
        return AZ_ERROR_ITEM_NOT_FOUND;
}

static bool is_about_media_type(az_span property_name) {
        return az_span_is_content_equal(property_name, AZ_SPAN_FROM_STR(AIO_HEADER_CONTENT_TYPE)) ||
               az_span_is_content_equal(property_name, AZ_SPAN_FROM_STR(AIO_HEADER_PAYLOAD_FORMAT));
}

static int32_t status_of(aio_error const *error) {
        switch (error->kind) {
        case AIO_ERROR_NONE:
                return AIO_STATUS_OK;
        case AIO_ERROR_INVALID_HEADER:
                return is_about_media_type(error->property_name) ? AIO_STATUS_UNSUPPORTED_MEDIA_TYPE
                                                                 : AIO_STATUS_BAD_REQUEST;
        case AIO_ERROR_MISSING_HEADER:
        case AIO_ERROR_INVALID_PAYLOAD:
                return AIO_STATUS_BAD_REQUEST;
        case AIO_ERROR_TIMEOUT:
                return AIO_STATUS_TIMEOUT;
        case AIO_ERROR_INVALID_STATE:
                return AIO_STATUS_UNAVAILABLE;
        case AIO_ERROR_UNSUPPORTED_VERSION:
                return AIO_STATUS_VERSION_NOT_SUPPORTED;
        case AIO_ERROR_CANCELLATION:
        case AIO_ERROR_INVALID_CONFIGURATION:
        case AIO_ERROR_INTERNAL_LOGIC:
        case AIO_ERROR_UNKNOWN:
        case AIO_ERROR_EXECUTION:
        case AIO_ERROR_MQTT:
        case _AIO_ERROR_KIND_MAX:
                return AIO_STATUS_INTERNAL;
        }
        return AIO_STATUS_INTERNAL;
}

aio_status aio_error_to_status(aio_error const *error) {
        aio_status status = { 0 };

        _az_PRECONDITION_NOT_NULL(error);

        status.code = status_of(error);
        if (status.code == AIO_STATUS_OK)
                return status;

        status.message = error->message;
        status.is_application_error = error->kind == AIO_ERROR_EXECUTION;
        if (error->kind == AIO_ERROR_UNSUPPORTED_VERSION) {
                status.request_protocol_version = error->protocol_version;
                status.supported_majors = error->supported_majors;
        } else if (error->kind != AIO_ERROR_INVALID_PAYLOAD) {
                /* 400 with a name would be a header; a missing one has no value that could make it invalid.
                 */
                status.property_name = error->property_name;
                if (error->kind != AIO_ERROR_MISSING_HEADER)
                        status.property_value = error->property_value;
        }
        return status;
}

static aio_error_kind kind_of(aio_status const *status) {
        switch (status->code) {
        case AIO_STATUS_BAD_REQUEST:
                if (!_aio_is_present(status->property_name))
                        return AIO_ERROR_INVALID_PAYLOAD;
                return _aio_is_present(status->property_value) ? AIO_ERROR_INVALID_HEADER
                                                               : AIO_ERROR_MISSING_HEADER;
        case AIO_STATUS_TIMEOUT:
                return AIO_ERROR_TIMEOUT;
        case AIO_STATUS_UNSUPPORTED_MEDIA_TYPE:
                return AIO_ERROR_INVALID_HEADER;
        case AIO_STATUS_INTERNAL:
                if (status->is_application_error)
                        return AIO_ERROR_EXECUTION;
                return _aio_is_present(status->property_name) ? AIO_ERROR_INTERNAL_LOGIC : AIO_ERROR_UNKNOWN;
        case AIO_STATUS_UNAVAILABLE:
                return AIO_ERROR_INVALID_STATE;
        case AIO_STATUS_VERSION_NOT_SUPPORTED:
                return AIO_ERROR_UNSUPPORTED_VERSION;
        default:
                return AIO_ERROR_UNKNOWN;
        }
}

az_result aio_error_from_status(aio_status const *status, az_span payload, aio_error *out_error) {
        aio_error error = { 0 };

        _az_PRECONDITION_NOT_NULL(status);
        _az_PRECONDITION_VALID_SPAN(payload, 0);
        _az_PRECONDITION_NOT_NULL(out_error);

        if (status->code == AIO_STATUS_OK ||
            (status->code == AIO_STATUS_NO_CONTENT && az_span_size(payload) == 0))
                return AZ_OK;

        if (status->code == AIO_STATUS_NO_CONTENT) {
                error.kind = AIO_ERROR_INVALID_PAYLOAD;
                error.message = AZ_SPAN_FROM_STR("the response has status 204, no content, and a payload");
        } else {
                error.kind = kind_of(status);
                error.is_remote = true;
                error.message = status->message;
                error.property_name = status->property_name;
                error.property_value = status->property_value;
                if (error.kind == AIO_ERROR_UNSUPPORTED_VERSION) {
                        error.protocol_version = status->request_protocol_version;
                        error.supported_majors = status->supported_majors;
                }
        }
        *out_error = error;
        return AZ_ERROR_CANCELED;
}
