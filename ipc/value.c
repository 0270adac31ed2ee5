/* SPDX-License-Identifier: MIT */
#include "ipc/value.h"

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

/* Whether 'value' is one JSON value of at most that depth. */
static bool is_json(az_span value, int32_t max_depth) {
        az_json_reader reader;
        az_result r;

        r = az_json_reader_init(&reader, value, NULL);
        while (az_result_succeeded(r)) {
                bool opens;

                r = az_json_reader_next_token(&reader);
                opens = reader.token.kind == AZ_JSON_TOKEN_BEGIN_OBJECT ||
                        reader.token.kind == AZ_JSON_TOKEN_BEGIN_ARRAY;
                if (opens && reader.current_depth >= max_depth)
                        return false;
        }
        return r == AZ_ERROR_JSON_READER_DONE;
}

ValueKind value_kind(az_span text, int32_t max_depth) {
        az_span value = value_trim(text);

        if (az_span_size(value) == 0)
                return VALUE_EMPTY;
        if (!is_json(value, max_depth))
                return VALUE_NOT_JSON;
        return az_span_ptr(value)[0] == '{' ? VALUE_OBJECT : VALUE_OTHER;
}
