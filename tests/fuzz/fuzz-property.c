/* SPDX-License-Identifier: MIT */

/*
 * The input is the property bag of a topic. Each property that is read must be found by its name, and what is
 * read plus its separators must be as long as the input.
 */

#include <stdlib.h>

#include <azure/az_iot.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_iot_message_properties properties;
        az_span name, value, found;
        size_t n_read = 0, n_separators = 0;
        az_result r;

        if (size > 4096) /* finding is linear */
                return 0;
        check(az_iot_message_properties_init(&properties, az_span_create((uint8_t *) data, (int32_t) size),
                                             (int32_t) size) == AZ_OK);

        while ((r = az_iot_message_properties_next(&properties, &name, &value)) == AZ_OK) {
                n_read += (size_t) az_span_size(name) + (size_t) az_span_size(value);
                if (az_span_ptr(value))
                        n_read++; /* '=' */
                if (az_span_size(name) > 0)
                        check(az_iot_message_properties_find(&properties, name, &found) == AZ_OK);
        }
        check(r == AZ_ERROR_IOT_END_OF_PROPERTIES);

        for (size_t i = 0; i < size; i++)
                n_separators += data[i] == '&';
        check(n_read + n_separators == size);
        return 0;
}
