/* SPDX-License-Identifier: MIT */

/* Settings from a connection string. */

#include <aio/settings_internal.h>
#include <azure/core/az_precondition_internal.h>
#include <azure/core/az_span_internal.h>

static bool is_space(uint8_t c) {
        return c == ' ' || (c >= '\t' && c <= '\r');
}

static az_span trim(az_span text) {
        int32_t from = 0, to = az_span_size(text);

        while (from < to && is_space(az_span_ptr(text)[from]))
                from++;
        while (to > from && is_space(az_span_ptr(text)[to - 1]))
                to--;
        return az_span_slice(text, from, to);
}

/* Finds the '=' behind the key that the text begins with; -1: there is none before the next ';'. */
static int32_t find_equals(az_span text) {
        for (int32_t i = 0; i < az_span_size(text); i++)
                if (az_span_ptr(text)[i] == '=')
                        return i;
                else if (az_span_ptr(text)[i] == ';')
                        return -1;
        return -1;
}

/* Finds the end of the value that the text begins with: the next ';' with a key behind it, or its own end. */
static int32_t find_end(az_span text) {
        for (int32_t i = 0; i < az_span_size(text); i++)
                if (az_span_ptr(text)[i] == ';' && find_equals(_az_span_from(text, i + 1)) >= 0)
                        return i;
        return az_span_size(text);
}

/* What stands behind the last value, or before the next key, and is no more than ';' belongs to neither. */
static az_span trim_semicolons(az_span value) {
        int32_t size = az_span_size(value);

        while (size > 0 && az_span_ptr(value)[size - 1] == ';')
                size--;
        return az_span_slice(value, 0, size);
}

static az_result set_by_key(aio_settings *ref_settings, az_span key, az_span value, aio_error *out_error) {
        for (int i = 0; i < _AIO_SETTING_MAX; i++) {
                char const *name = aio_setting_name((aio_setting) i, AIO_SETTINGS_CONNECTION_STRING);

                if (name && az_span_is_content_equal_ignoring_case(key, _aio_settings_text(name)))
                        return aio_settings_set(ref_settings, (aio_setting) i, AIO_SETTINGS_CONNECTION_STRING,
                                                value, out_error);
        }
        return AZ_OK;
}

az_result aio_settings_read_connection_string(aio_settings *ref_settings, az_span text,
                                              aio_error *out_error) {
        az_span rest, value;
        int32_t equals, end;
        az_result r;

        _az_PRECONDITION_NOT_NULL(ref_settings);
        _az_PRECONDITION_VALID_SPAN(text, 0);
        _az_PRECONDITION_NOT_NULL(out_error);

        for (rest = trim(text); az_span_size(rest) > 0; rest = _az_span_from(value, end)) {
                /* Behind a value there is always a key: find_end() has seen it. */
                rest = _az_span_from(rest, az_span_ptr(rest)[0] == ';');
                equals = find_equals(rest);
                if (equals < 0)
                        return _aio_settings_refuse(out_error, AIO_PROPERTY_CONNECTION_STRING, AZ_SPAN_EMPTY,
                                                    "it does not begin with a key and '='");

                value = _az_span_from(rest, equals + 1);
                end = find_end(value);
                r = set_by_key(ref_settings, trim(az_span_slice(rest, 0, equals)),
                               trim_semicolons(az_span_slice(value, 0, end)), out_error);
                if (az_result_failed(r))
                        return r;
        }
        return AZ_OK;
}
