/* SPDX-License-Identifier: MIT */
#include <aio/serializer.h>

#include <aio/aio_internal.h>
#include <azure/core/az_json.h>
#include <azure/core/az_precondition_internal.h>

static az_result validate_json(void *context, az_span payload) {
        return az_json_validate(payload);
}

static az_result validate_empty(void *context, az_span payload) {
        return az_span_size(payload) == 0 ? AZ_OK : AZ_ERROR_UNEXPECTED_CHAR;
}

aio_serializer aio_serializer_raw(void) {
        return (aio_serializer){ .content_type = AZ_SPAN_FROM_STR("application/octet-stream") };
}

aio_serializer aio_serializer_json(void) {
        return (aio_serializer){ .content_type = AZ_SPAN_FROM_STR("application/json"),
                                 .payload_format = 1,
                                 .accepts_utf8 = true,
                                 .validate = validate_json };
}

aio_serializer aio_serializer_empty(void) {
        return (aio_serializer){ .validate = validate_empty };
}

aio_serializer aio_serializer_any(az_span content_type, uint8_t payload_format) {
        return (aio_serializer){ .content_type = content_type,
                                 .payload_format = payload_format,
                                 .accepts_utf8 = true,
                                 .accepts_any = true };
}

/* Compares a Content Type with an accepted one, empty for none. */
static bool is_accepted_as(az_span content_type, az_span accepted) {
        az_span rest = content_type;
        bool is_last;

        return az_span_is_content_equal(content_type, accepted) ||
               (az_span_size(accepted) > 0 &&
                az_span_is_content_equal(_aio_split(&rest, ';', &is_last), accepted));
}

static bool accepts_content_type(aio_serializer const *serializer, az_span content_type) {
        if (serializer->accepts_any)
                return true;
        if (serializer->n_accepted == 0)
                return !_aio_is_present(content_type) ||
                       (_aio_is_present(serializer->content_type) &&
                        is_accepted_as(content_type, serializer->content_type));
        for (int32_t i = 0; i < serializer->n_accepted; i++)
                if (is_accepted_as(content_type, serializer->accepted[i]))
                        return true;
        return false;
}

static az_result refuse(aio_error *out_error, az_span name, az_span value, az_span message) {
        *out_error = (aio_error){ .kind = AIO_ERROR_INVALID_HEADER,
                                  .message = message,
                                  .property_name = name,
                                  .property_value = value };
        return AZ_ERROR_NOT_SUPPORTED;
}

az_result aio_serializer_check(aio_serializer const *serializer, az_mqtt_message const *message,
                               aio_error *out_error) {
        _az_PRECONDITION_NOT_NULL(serializer);
        _az_PRECONDITION_NOT_NULL(message);
        _az_PRECONDITION_NOT_NULL(out_error);

        if (!accepts_content_type(serializer, message->content_type))
                return refuse(out_error, AZ_SPAN_FROM_STR(AIO_HEADER_CONTENT_TYPE),
                              _aio_present(message->content_type),
                              AZ_SPAN_FROM_STR("the content type is not accepted"));
        if (message->has_payload_format && message->payload_format != 0 && !serializer->accepts_utf8)
                return refuse(out_error, AZ_SPAN_FROM_STR(AIO_HEADER_PAYLOAD_FORMAT), AZ_SPAN_FROM_STR("1"),
                              AZ_SPAN_FROM_STR("the payload is text, which is not accepted"));
        return AZ_OK;
}

/* Turns what a function of a serializer returned into an error. */
static az_result judge(az_result r, bool is_shallow, aio_error *out_error) {
        if (az_result_succeeded(r))
                return AZ_OK;

        *out_error = (aio_error){ .kind = AIO_ERROR_INVALID_PAYLOAD,
                                  .is_shallow = is_shallow,
                                  .cause = r,
                                  .message = AZ_SPAN_FROM_STR("the payload is not of its format") };
        return AZ_ERROR_UNEXPECTED_CHAR;
}

az_result aio_serializer_validate(aio_serializer const *serializer, az_span payload, aio_error *out_error) {
        _az_PRECONDITION_NOT_NULL(serializer);
        _az_PRECONDITION_VALID_SPAN(payload, 0);
        _az_PRECONDITION_NOT_NULL(out_error);

        if (!serializer->validate)
                return AZ_OK;
        return judge(serializer->validate(serializer->context, payload), false, out_error);
}

az_result aio_serialize(aio_serializer const *serializer, void const *value, az_span destination,
                        az_span *out_payload, aio_error *out_error) {
        az_span payload;
        az_result r;

        _az_PRECONDITION_NOT_NULL(serializer);
        _az_PRECONDITION_NOT_NULL(value);
        _az_PRECONDITION_VALID_SPAN(destination, 0);
        _az_PRECONDITION_NOT_NULL(out_payload);
        _az_PRECONDITION_NOT_NULL(out_error);

        if (serializer->serialize) {
                r = serializer->serialize(serializer->context, value, destination, &payload);
        } else {
                payload = *(az_span const *) value;
                r = serializer->validate ? serializer->validate(serializer->context, payload) : AZ_OK;
        }
        if (az_result_failed(judge(r, true, out_error)))
                return serializer->serialize && r == AZ_ERROR_NOT_ENOUGH_SPACE ? r : AZ_ERROR_UNEXPECTED_CHAR;

        *out_payload = payload;
        return AZ_OK;
}

az_result aio_deserialize(aio_serializer const *serializer, az_span payload, void *out_value,
                          aio_error *out_error) {
        az_result r;

        _az_PRECONDITION_NOT_NULL(serializer);
        _az_PRECONDITION_VALID_SPAN(payload, 0);
        _az_PRECONDITION_NOT_NULL(out_value);
        _az_PRECONDITION_NOT_NULL(out_error);

        if (serializer->deserialize)
                return judge(serializer->deserialize(serializer->context, payload, out_value), false,
                             out_error);
        r = aio_serializer_validate(serializer, payload, out_error);
        if (az_result_failed(r))
                return r;

        *(az_span *) out_value = payload;
        return AZ_OK;
}

void aio_serializer_describe(aio_serializer const *serializer, az_mqtt_message *ref_message) {
        _az_PRECONDITION_NOT_NULL(serializer);
        _az_PRECONDITION_NOT_NULL(ref_message);

        ref_message->content_type = serializer->content_type;
        ref_message->has_payload_format = true;
        ref_message->payload_format = serializer->payload_format;
}
