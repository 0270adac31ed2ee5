/* SPDX-License-Identifier: MIT */
#include "cli/value.h"

#include <azure/core/az_json.h>

static bool is_space(uint8_t c) {
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

az_span value_trim(az_span text) {
        int32_t start = 0, end = az_span_size(text);

        while (start < end && is_space(az_span_ptr(text)[start]))
                start++;
        while (end > start && is_space(az_span_ptr(text)[end - 1]))
                end--;
        return az_span_slice(text, start, end);
}

ValueKind value_kind(az_span text) {
        az_span value = value_trim(text);

        if (az_span_size(value) == 0)
                return VALUE_EMPTY;
        if (az_result_failed(az_json_validate(value)))
                return VALUE_NOT_JSON;
        return az_span_ptr(value)[0] == '{' ? VALUE_OBJECT : VALUE_OTHER;
}
