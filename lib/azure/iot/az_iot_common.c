/* SPDX-License-Identifier: MIT */
#include <azure/iot/az_iot_common.h>

#include <azure/core/az_log_internal.h>
#include <azure/core/az_precondition_internal.h>
#include <azure/core/az_span_internal.h>
#include <azure/iot/az_iot_text_internal.h>

int32_t az_iot_calculate_retry_delay(int32_t operation_msec, int16_t attempt, int32_t min_retry_delay_msec,
                                     int32_t max_retry_delay_msec, int32_t random_jitter_msec) {
        int64_t delay;

        _az_PRECONDITION(operation_msec >= 0 && attempt >= 0 && min_retry_delay_msec >= 0 &&
                         max_retry_delay_msec >= 0 && random_jitter_msec >= 0);

        /* 31 doublings of at least 1 pass every maximum, and of INT32_MAX still fit into 64 bits. */
        delay = min_retry_delay_msec * (INT64_C(1) << (attempt < 31 ? attempt : 31));
        if (delay > max_retry_delay_msec)
                delay = max_retry_delay_msec;

        if (delay + random_jitter_msec <= max_retry_delay_msec)
                delay += random_jitter_msec;
        else if (random_jitter_msec <= max_retry_delay_msec / 4)
                delay -= random_jitter_msec;

        delay -= operation_msec;
        _az_log_write(AZ_LOG_IOT_RETRY, AZ_SPAN_EMPTY);
        return delay > 0 ? (int32_t) delay : 0;
}

az_result az_iot_message_properties_init(az_iot_message_properties *properties, az_span buffer,
                                         int32_t written_length) {
        _az_PRECONDITION_NOT_NULL(properties);
        _az_PRECONDITION_VALID_SPAN(buffer, 0);
        _az_PRECONDITION_RANGE(0, written_length, az_span_size(buffer));

        *properties = (az_iot_message_properties){
                ._internal = { .properties_buffer = buffer, .properties_written = written_length },
        };
        return AZ_OK;
}

az_result az_iot_message_properties_append(az_iot_message_properties *properties, az_span name,
                                           az_span value) {
        int32_t n_written;
        int64_t n_needed;
        uint8_t *p;

        _az_PRECONDITION_NOT_NULL(properties);
        _az_PRECONDITION_VALID_SPAN(name, 1);
        _az_PRECONDITION_VALID_SPAN(value, 1);

        n_written = properties->_internal.properties_written;
        n_needed = (int64_t) az_span_size(name) + az_span_size(value) + (n_written > 0 ? 2 : 1);
        if (n_needed > az_span_size(properties->_internal.properties_buffer) - n_written)
                return AZ_ERROR_NOT_ENOUGH_SPACE;

        p = az_span_ptr(properties->_internal.properties_buffer) + n_written;
        if (n_written > 0)
                *p++ = '&';
        memcpy(p, az_span_ptr(name), (size_t) az_span_size(name));
        p += az_span_size(name);
        *p++ = '=';
        memcpy(p, az_span_ptr(value), (size_t) az_span_size(value));
        properties->_internal.properties_written = n_written + (int32_t) n_needed;
        return AZ_OK;
}

bool _az_iot_topic_read_property(az_span *ref_topic, az_span *out_name, az_span *out_value) {
        uint8_t *p = az_span_ptr(*ref_topic), *ampersand, *equals;
        int32_t size = az_span_size(*ref_topic), n_pair, n_name;

        for (; size > 0 && *p == '&'; size--)
                p++;
        if (size == 0)
                return false;

        ampersand = memchr(p, '&', (size_t) size);
        n_pair = ampersand ? (int32_t) (ampersand - p) : size;
        equals = memchr(p, '=', (size_t) n_pair);
        n_name = equals ? (int32_t) (equals - p) : n_pair;

        *out_name = _az_span_of(p, n_name);
        *out_value = equals ? _az_span_of(equals + 1, n_pair - n_name - 1) : AZ_SPAN_EMPTY;
        *ref_topic = _az_span_of(p + n_pair, size - n_pair);
        return true;
}

static az_span get_written(az_iot_message_properties const *properties) {
        return _az_span_of(az_span_ptr(properties->_internal.properties_buffer),
                           properties->_internal.properties_written);
}

az_result az_iot_message_properties_find(az_iot_message_properties *properties, az_span name,
                                         az_span *out_value) {
        az_span rest, candidate, value;

        _az_PRECONDITION_NOT_NULL(properties);
        _az_PRECONDITION_VALID_SPAN(name, 1);
        _az_PRECONDITION_NOT_NULL(out_value);

        rest = get_written(properties);
        while (_az_iot_topic_read_property(&rest, &candidate, &value)) {
                if (az_span_is_content_equal(candidate, name)) {
                        *out_value = value;
                        return AZ_OK;
                }
        }
        return AZ_ERROR_ITEM_NOT_FOUND;
}

az_result az_iot_message_properties_next(az_iot_message_properties *properties, az_span *out_name,
                                         az_span *out_value) {
        az_span rest;

        _az_PRECONDITION_NOT_NULL(properties);
        _az_PRECONDITION_NOT_NULL(out_name);
        _az_PRECONDITION_NOT_NULL(out_value);

        rest = _az_span_from(get_written(properties), properties->_internal.next_property_index);
        if (!_az_iot_topic_read_property(&rest, out_name, out_value))
                return AZ_ERROR_IOT_END_OF_PROPERTIES;
        properties->_internal.next_property_index =
                properties->_internal.properties_written - az_span_size(rest);
        return AZ_OK;
}
