/* SPDX-License-Identifier: MIT */
#include <azure/iot/az_iot_common.h>

#include <azure/core/az_log_internal.h>
#include <azure/core/az_precondition_internal.h>

int32_t az_iot_calculate_retry_delay(int32_t operation_msec, int16_t attempt, int32_t min_retry_delay_msec,
                                     int32_t max_retry_delay_msec, int32_t random_jitter_msec) {
        int64_t delay;

        _az_PRECONDITION(operation_msec >= 0 && attempt >= 0 && min_retry_delay_msec >= 0 &&
                         max_retry_delay_msec >= 0 && random_jitter_msec >= 0);

        /* 31 doublings of at least 1 pass every maximum, and of INT32_MAX still fit into 64 bits. */
        delay = (int64_t) min_retry_delay_msec << (attempt < 31 ? attempt : 31);
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
        az_span rest;
        int64_t needed;

        _az_PRECONDITION_NOT_NULL(properties);
        _az_PRECONDITION_VALID_SPAN(name, 1);
        _az_PRECONDITION_VALID_SPAN(value, 1);

        rest = az_span_slice_to_end(properties->_internal.properties_buffer,
                                    properties->_internal.properties_written);
        needed = (int64_t) az_span_size(name) + 1 + az_span_size(value);
        if (properties->_internal.properties_written > 0)
                needed++;
        if (needed > az_span_size(rest))
                return AZ_ERROR_NOT_ENOUGH_SPACE;

        if (properties->_internal.properties_written > 0)
                rest = az_span_copy_u8(rest, '&');
        rest = az_span_copy(rest, name);
        rest = az_span_copy_u8(rest, '=');
        az_span_copy(rest, value);
        properties->_internal.properties_written += (int32_t) needed;
        return AZ_OK;
}

/* Reads the property at *index of the written part, and moves *index behind it; false: there is none. */
static bool read_property(az_iot_message_properties const *properties, int32_t *index, az_span *out_name,
                          az_span *out_value) {
        az_span written = az_span_slice(properties->_internal.properties_buffer, 0,
                                        properties->_internal.properties_written);
        az_span pair;
        int32_t equals;

        while (*index < az_span_size(written)) {
                az_span rest = az_span_slice_to_end(written, *index);
                int32_t end = az_span_find(rest, AZ_SPAN_FROM_STR("&"));

                pair = end < 0 ? rest : az_span_slice(rest, 0, end);
                *index += az_span_size(pair) + 1;
                if (az_span_size(pair) == 0)
                        continue;

                equals = az_span_find(pair, AZ_SPAN_FROM_STR("="));
                *out_name = equals < 0 ? pair : az_span_slice(pair, 0, equals);
                *out_value = equals < 0 ? AZ_SPAN_EMPTY : az_span_slice_to_end(pair, equals + 1);
                return true;
        }
        return false;
}

az_result az_iot_message_properties_find(az_iot_message_properties *properties, az_span name,
                                         az_span *out_value) {
        az_span candidate, value;
        int32_t index = 0;

        _az_PRECONDITION_NOT_NULL(properties);
        _az_PRECONDITION_VALID_SPAN(name, 1);
        _az_PRECONDITION_NOT_NULL(out_value);

        while (read_property(properties, &index, &candidate, &value)) {
                if (az_span_is_content_equal(candidate, name)) {
                        *out_value = value;
                        return AZ_OK;
                }
        }
        return AZ_ERROR_ITEM_NOT_FOUND;
}

az_result az_iot_message_properties_next(az_iot_message_properties *properties, az_span *out_name,
                                         az_span *out_value) {
        _az_PRECONDITION_NOT_NULL(properties);
        _az_PRECONDITION_NOT_NULL(out_name);
        _az_PRECONDITION_NOT_NULL(out_value);

        if (!read_property(properties, &properties->_internal.next_property_index, out_name, out_value))
                return AZ_ERROR_IOT_END_OF_PROPERTIES;
        return AZ_OK;
}
