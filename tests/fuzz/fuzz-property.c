/* SPDX-License-Identifier: MIT */

/*
 * The input is the property bag of a topic. Each property that is read must be found by its name, and what is
 * read plus its separators must be as long as the input. What percent-encoding a part has, it has again when
 * it was undone and done.
 */

#include <stdlib.h>

#include <azure/az_iot.h>
#include <azure/core/az_span_internal.h>

#define INPUT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

static void check_encoding(az_span text) {
        uint8_t decoded[INPUT_MAX], encoded[3 * INPUT_MAX], again[INPUT_MAX];
        int32_t n_decoded = -1, n_encoded = -1, n_again = -1;
        az_span plain;

        if (_az_span_url_decode(AZ_SPAN_FROM_BUFFER(decoded), text, &n_decoded) != AZ_OK) {
                check(n_decoded == -1);
                return;
        }
        check(n_decoded >= 0 && n_decoded <= az_span_size(text));
        plain = az_span_create(decoded, n_decoded);
        check(_az_span_url_encode(AZ_SPAN_FROM_BUFFER(encoded), plain, &n_encoded) == AZ_OK);
        check(n_encoded == _az_span_url_encoded_size(plain));
        check(_az_span_url_decode(AZ_SPAN_FROM_BUFFER(again), az_span_create(encoded, n_encoded), &n_again) ==
              AZ_OK);
        check(az_span_is_content_equal(az_span_create(again, n_again), plain));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_iot_message_properties properties;
        az_span name, value, found;
        size_t n_read = 0, n_separators = 0;
        az_result r;

        if (size > INPUT_MAX) /* finding is linear */
                return 0;
        check(az_iot_message_properties_init(&properties, az_span_create((uint8_t *) data, (int32_t) size),
                                             (int32_t) size) == AZ_OK);

        while ((r = az_iot_message_properties_next(&properties, &name, &value)) == AZ_OK) {
                n_read += (size_t) az_span_size(name) + (size_t) az_span_size(value);
                if (az_span_ptr(value))
                        n_read++; /* '=' */
                check_encoding(name);
                check_encoding(value);
                if (az_span_size(name) > 0)
                        check(az_iot_message_properties_find(&properties, name, &found) == AZ_OK);
        }
        check(r == AZ_ERROR_IOT_END_OF_PROPERTIES);

        for (size_t i = 0; i < size; i++)
                n_separators += data[i] == '&';
        check(n_read + n_separators == size);
        return 0;
}
