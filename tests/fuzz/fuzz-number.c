/* SPDX-License-Identifier: MIT */

/*
 * The input is a number, or not: strtod(), in the C locale, judges what az_span_atod() makes of it, and
 * strtoull() what the functions for integers do.
 */

#include <errno.h>
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

/* What 'write' writes is the text without what it may do without: '+' and zeros in front. */
#define CHECK_INTEGER(type, read, write, input, fits, negative, digits)                  \
        do {                                                                             \
                type number = 42;                                                        \
                az_result result = read(input, &number);                                 \
                uint8_t buffer[32];                                                      \
                az_span rest;                                                            \
                                                                                         \
                check((result == AZ_OK) == (fits) && (result == AZ_OK || number == 42)); \
                if (result != AZ_OK)                                                     \
                        break;                                                           \
                check(write(AZ_SPAN_FROM_BUFFER(buffer), number, &rest) == AZ_OK);       \
                *az_span_ptr(rest) = '\0';                                               \
                check((buffer[0] == '-') == (negative));                                 \
                check(strcmp((char *) buffer + (buffer[0] == '-'), digits) == 0);        \
        } while (0)

static void check_integers(const char *text, az_span input) {
        bool negative = text[0] == '-', is_integer, is_small;
        const char *digits = text + (text[0] == '-' || text[0] == '+');
        uint64_t magnitude;

        errno = 0;
        magnitude = strtoull(digits, NULL, 10);
        is_integer = digits[0] != '\0' && digits[strspn(digits, "0123456789")] == '\0' &&
                     strlen(text) == (size_t) az_span_size(input);
        is_small = is_integer && errno == 0;
        digits += strspn(digits, "0");
        if (*digits == '\0') {
                digits = "0";
                negative = false;
        }

        CHECK_INTEGER(uint64_t, az_span_atou64, az_span_u64toa, input, is_small && text[0] != '-', false,
                      digits);
        CHECK_INTEGER(uint32_t, az_span_atou32, az_span_u32toa, input,
                      is_small && text[0] != '-' && magnitude <= UINT32_MAX, false, digits);
        CHECK_INTEGER(int64_t, az_span_atoi64, az_span_i64toa, input,
                      is_small && magnitude <= (uint64_t) INT64_MAX + negative, negative, digits);
        CHECK_INTEGER(int32_t, az_span_atoi32, az_span_i32toa, input,
                      is_small && magnitude <= (uint64_t) INT32_MAX + negative, negative, digits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char text[2048], *end;
        double number = 42, expected;
        az_result result;

        if (size >= sizeof(text))
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        check_integers(text, az_span_create((uint8_t *) data, (int32_t) size));

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
