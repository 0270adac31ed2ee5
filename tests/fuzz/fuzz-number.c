/* SPDX-License-Identifier: MIT */

/* The input is a number, or not: strtod(), in the C locale, judges what az_span_atod() makes of it. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <azure/core/az_span.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

/* What is written with all digits that fit is the number again, or one digit less than 15 behind the point is
 * off. */
static void check_written(double number) {
        uint8_t buffer[64];
        az_span text = AZ_SPAN_FROM_BUFFER(buffer), rest;
        double again = 0;
        az_result result = az_span_dtoa(text, number, 15, &rest);

        check(result == (fabs(number) < 0x1p53 ? AZ_OK : AZ_ERROR_NOT_SUPPORTED));
        if (az_result_failed(result))
                return;
        text = az_span_slice(text, 0, az_span_size(text) - az_span_size(rest));
        check(az_span_atod(text, &again) == AZ_OK);
        check(again == number || (fabs(again) < fabs(number) && fabs(number) - fabs(again) < 1.0000001e-15));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char text[2048], *end;
        double number = 42, expected;
        az_result result;

        if (size >= sizeof(text))
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';

        result = az_span_atod(az_span_create((uint8_t *) data, (int32_t) size), &number);
        if (strspn(text, "0123456789+-.eE") != size) { /* strtod() knows more */
                check(result == AZ_ERROR_UNEXPECTED_CHAR);
                return 0;
        }

        expected = strtod(text, &end);
        if (size == 0 || *end != '\0' || !isfinite(expected)) {
                check(az_result_failed(result) && number == 42);
                return 0;
        }
        check(result == AZ_OK && number == expected && signbit(number) == signbit(expected));
        check_written(number);
        return 0;
}
