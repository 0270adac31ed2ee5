/* SPDX-License-Identifier: MIT */

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include <azure/core/az_span.h>

#include "unit-span.h"

/*
 * 'call' writes to 'destination', sets 'rest' to what is left of it, and writes 'expected' there or, if there
 * is not enough room for all of it, nothing.
 */
#define CHECK_WRITTEN(call, expected)                                                     \
        do {                                                                              \
                int32_t length = (int32_t) strlen(expected);                              \
                                                                                          \
                for (int32_t size = 0; size <= length + 1; size++) {                      \
                        char room[64];                                                    \
                        az_span destination = ROOM(room, size), rest = AZ_SPAN_EMPTY;     \
                        bool fits = size >= length;                                       \
                                                                                          \
                        ck_assert_int_eq(call, fits ? AZ_OK : AZ_ERROR_NOT_ENOUGH_SPACE); \
                        ck_assert_ptr_eq(az_span_ptr(rest), fits ? room + length : NULL); \
                        ck_assert_int_eq(az_span_size(rest), fits ? size - length : 0);   \
                        ck_assert_untouched(room, fits ? length : 0);                     \
                        ck_assert(!fits || memcmp(room, expected, (size_t) length) == 0); \
                }                                                                         \
        } while (0)

/* What each type makes of a text: its value, or '!' if it does not fit, or '.' if digits are missing. */
static const struct {
        const char *text, *u64, *i64, *u32, *i32;
} integers[] = {
        { "0", "0", "0", "0", "0" },
        { "-0", "!", "0", "!", "0" },
        { "+7", "7", "7", "7", "7" },
        { "007", "7", "7", "7", "7" },
        { "-1", "!", "-1", "!", "-1" },
        { "2147483647", "2147483647", "2147483647", "2147483647", "2147483647" },
        { "2147483648", "2147483648", "2147483648", "2147483648", "!" },
        { "-2147483648", "!", "-2147483648", "!", "-2147483648" },
        { "-2147483649", "!", "-2147483649", "!", "!" },
        { "4294967295", "4294967295", "4294967295", "4294967295", "!" },
        { "4294967296", "4294967296", "4294967296", "!", "!" },
        { "9223372036854775807", "9223372036854775807", "9223372036854775807", "!", "!" },
        { "9223372036854775808", "9223372036854775808", "!", "!", "!" },
        { "-9223372036854775808", "!", "-9223372036854775808", "!", "!" },
        { "-9223372036854775809", "!", "!", "!", "!" },
        { "18446744073709551615", "18446744073709551615", "!", "!", "!" },
        { "18446744073709551616", "!", "!", "!", "!" },
        { "18446744073709551625", "!", "!", "!", "!" },
        { "99999999999999999999999", "!", "!", "!", "!" },
        { "", ".", ".", ".", "." },
        { "+", ".", ".", ".", "." },
        { "-", "!", ".", "!", "." },
        { "1 ", "!", "!", "!", "!" },
        { " 1", "!", "!", "!", "!" },
        { "1.0", "!", "!", "!", "!" },
        { "1e3", "!", "!", "!", "!" },
        { "+-1", "!", "!", "!", "!" },
        { "--1", "!", "!", "!", "!" },
        { "0x1", "!", "!", "!", "!" },
        { "/", "!", "!", "!", "!" },
        { ":", "!", "!", "!", "!" },
};

/* Reads 'text', writes the number back and compares that with 'expected'. */
#define CHECK_INTEGER(type, atoi, toa, text, expected)                                   \
        do {                                                                             \
                type number = 42;                                                        \
                az_result result = atoi(text, &number);                                  \
                                                                                         \
                ck_assert_int_eq(result, expected[0] == '!'   ? AZ_ERROR_UNEXPECTED_CHAR \
                                         : expected[0] == '.' ? AZ_ERROR_UNEXPECTED_END  \
                                                              : AZ_OK);                  \
                ck_assert(result == AZ_OK || number == 42);                              \
                if (result == AZ_OK)                                                     \
                        CHECK_WRITTEN(toa(destination, number, &rest), expected);        \
        } while (0)

START_TEST(integers_are_read_and_written_within_their_type) {
        az_span text = str(integers[_i].text);

        CHECK_INTEGER(uint64_t, az_span_atou64, az_span_u64toa, text, integers[_i].u64);
        CHECK_INTEGER(int64_t, az_span_atoi64, az_span_i64toa, text, integers[_i].i64);
        CHECK_INTEGER(uint32_t, az_span_atou32, az_span_u32toa, text, integers[_i].u32);
        CHECK_INTEGER(int32_t, az_span_atoi32, az_span_i32toa, text, integers[_i].i32);
}
END_TEST

#define ZEROS_10  "0000000000"
#define ZEROS_100 ZEROS_10 ZEROS_10 ZEROS_10 ZEROS_10 ZEROS_10 ZEROS_10 ZEROS_10 ZEROS_10 ZEROS_10 ZEROS_10
#define ZEROS_800 ZEROS_100 ZEROS_100 ZEROS_100 ZEROS_100 ZEROS_100 ZEROS_100 ZEROS_100 ZEROS_100

static const struct {
        const char *text;
        double number;
} doubles[] = {
        { "0", 0.0 },
        { "-0", -0.0 },
        { "-0.0e5", -0.0 },
        { "1", 1.0 },
        { "+1.5", 1.5 },
        { "1.", 1.0 },
        { ".5", 0.5 },
        { "-.5e1", -5.0 },
        { "00012.50", 12.5 },
        { "1e0", 1.0 },
        { "1E+2", 100.0 },
        { "1e-2", 0.01 },
        { "0.1", 0.1 },
        { "3.141592653589793238462643383279", 0x1.921FB54442D18p+1 },
        { "123456789012345678901234567890", 0x1.8EE90FF6C373Ep+96 },
        /* Halfway between two doubles: to even; a digit more, wherever it is: up. */
        { "9007199254740993", 0x1.0p+53 },
        { "9007199254740993.0", 0x1.0p+53 },
        { "9007199254740993"
          "." ZEROS_800 "1",
          0x1.0000000000001p+53 },
        { "9007199254740995", 0x1.0000000000002p+53 },
        { "9007199254740992.999999999999999", 0x1.0p+53 },
        { "1.00000000000000011102230246251565404236316680908203125", 0x1.0p+0 },
        { "1.00000000000000011102230246251565404236316680908203124", 0x1.0p+0 },
        { "1.00000000000000011102230246251565404236316680908203126", 0x1.0000000000001p+0 },
        { "1.00000000000000033306690738754696212708950042724609375", 0x1.0000000000002p+0 },
        { "0.500000000000000166533453693773481063544750213623046875", 0x1.0000000000002p-1 },
        /* The largest, and where infinity begins. */
        { "1.7976931348623157e308", DBL_MAX },
        { "1.7976931348623158e308", DBL_MAX },
        { "179769313486231580793728971405301e276", DBL_MAX },
        { "0.00000017976931348623157e315", DBL_MAX },
        /* The smallest: normal, subnormal, nothing. */
        { "2.2250738585072014e-308", DBL_MIN },
        { "2.2250738585072011e-308", 0x0.FFFFFFFFFFFFFp-1022 },
        { "2.2250738585072012e-308", DBL_MIN },
        { "6.631236846766476e-316", 0x0.0000008p-1022 },
        { "3.237883913302901e-319", 0x0.000000000FFFFp-1022 },
        { "5e-324", 0x1p-1074 },
        { "4.9e-324", 0x1p-1074 },
        { "2.4703282292062328e-324", 0x1p-1074 },
        { "2.4703282292062327e-324", 0.0 },
        { "7.4109846876186982e-324", 0x1p-1073 }, /* halfway between the first two */
        { "1e-400", 0.0 },
        { "-1e-99999999999999999999", -0.0 },
        { "0e99999999999999999999", 0.0 },
        { "0." ZEROS_800 "1e801", 1.0 },
        { "1" ZEROS_800 "e-800", 1.0 },
        { "1" ZEROS_800 ".5e-800", 1.0 },
};

/* -0.0 is not 0.0 here. */
static bool is_same_double(double a, double b) {
        /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
        return a == b && signbit(a) == signbit(b);
}

START_TEST(doubles_are_read_to_the_nearest) {
        double number = 42;

        ck_assert_int_eq(az_span_atod(str(doubles[_i].text), &number), AZ_OK);
        ck_assert_msg(is_same_double(number, doubles[_i].number), "%s is %a", doubles[_i].text, number);
}
END_TEST

static const struct {
        const char *text;
        az_result result;
} no_doubles[] = {
        { "", AZ_ERROR_UNEXPECTED_END },
        { "-", AZ_ERROR_UNEXPECTED_END },
        { ".", AZ_ERROR_UNEXPECTED_END },
        { "1e", AZ_ERROR_UNEXPECTED_END },
        { "1e-", AZ_ERROR_UNEXPECTED_END },
        { "e5", AZ_ERROR_UNEXPECTED_CHAR },
        { ".e5", AZ_ERROR_UNEXPECTED_CHAR },
        { " 1", AZ_ERROR_UNEXPECTED_CHAR },
        { "1 ", AZ_ERROR_UNEXPECTED_CHAR },
        { "1,5", AZ_ERROR_UNEXPECTED_CHAR },
        { "1.5.", AZ_ERROR_UNEXPECTED_CHAR },
        { "1e5.", AZ_ERROR_UNEXPECTED_CHAR },
        { "1ex", AZ_ERROR_UNEXPECTED_CHAR },
        { "--1", AZ_ERROR_UNEXPECTED_CHAR },
        { "1-", AZ_ERROR_UNEXPECTED_CHAR },
        { "0x10", AZ_ERROR_UNEXPECTED_CHAR },
        { "nan", AZ_ERROR_UNEXPECTED_CHAR },
        { "inf", AZ_ERROR_UNEXPECTED_CHAR },
        { "-Infinity", AZ_ERROR_UNEXPECTED_CHAR },
        { "1e309", AZ_ERROR_UNEXPECTED_CHAR },
        { "1.7976931348623159e308", AZ_ERROR_UNEXPECTED_CHAR },
        { "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587"
          "207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845817711"
          "531764475730270069855571366959622842914819860834936475292719074168444365510704342711559699508093"
          "042880177904174497792",
          AZ_ERROR_UNEXPECTED_CHAR }, /* halfway between the largest and the next power of two */
        { "-1e99999999999999999999", AZ_ERROR_UNEXPECTED_CHAR },
        { "1" ZEROS_800, AZ_ERROR_UNEXPECTED_CHAR },
};

START_TEST(what_is_no_finite_double_is_refused) {
        double number = 42;

        ck_assert_int_eq(az_span_atod(str(no_doubles[_i].text), &number), no_doubles[_i].result);
        ck_assert_double_eq(number, 42);
}
END_TEST

/* xorshift64*, from a fixed seed. */
static uint64_t next_random(uint64_t *state) {
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        return *state * UINT64_C(2685821657736338717);
}

static double random_double(uint64_t *state) {
        uint64_t bits = next_random(state);
        double number;

        memcpy(&number, &bits, sizeof(number));
        return number;
}

START_TEST(random_text_is_read_as_strtod_reads_it) {
        uint64_t state = 1;

        for (int i = 0; i < 100000; i++) {
                int n_digits = 1 + (int) (next_random(&state) % 40);
                char text[64];
                double number = 42, expected;
                az_result result;

                for (int k = 0; k < n_digits; k++)
                        text[k] = (char) ('0' + next_random(&state) % 10);
                if (n_digits > 1)
                        text[next_random(&state) % (unsigned) n_digits] = '.';
                (void) snprintf(text + n_digits, sizeof(text) - (size_t) n_digits, "e%d",
                                (int) (next_random(&state) % 700) - 370);

                expected = strtod(text, NULL);
                result = az_span_atod(str(text), &number);
                ck_assert_msg(isinf(expected) ? result == AZ_ERROR_UNEXPECTED_CHAR
                                              : result == AZ_OK && is_same_double(number, expected),
                              "%s is %a", text, number);
        }
}
END_TEST

START_TEST(random_doubles_survive_their_text) {
        uint64_t state = 2;

        for (int i = 0; i < 100000; i++) {
                double number = random_double(&state), read = 42;
                char text[64];

                if (!isfinite(number))
                        continue;
                (void) snprintf(text, sizeof(text), "%.17g", number);
                ck_assert_int_eq(az_span_atod(str(text), &read), AZ_OK);
                ck_assert_msg(is_same_double(read, number), "%s is %a", text, read);
        }
}
END_TEST

/* The exact middle between a random double and its neighbour, which may have 767 digits. */
START_TEST(halfway_goes_to_the_even_neighbour) {
        uint64_t state = 3;

        for (int i = 0; i < 2000; i++) {
                double low = fabs(random_double(&state)), high = nextafter(low, INFINITY), read = 42;
                long double middle = ((long double) low + (long double) high) / 2;
                uint64_t bits;
                char text[1200];
                int n;

                if (!isfinite(high))
                        continue;
                n = snprintf(text, sizeof(text), "%.1100Lf", middle);
                memcpy(&bits, &low, sizeof(bits));
                if (n >= (int) sizeof(text) - 1) /* too large to be written so */
                        continue;

                ck_assert_int_eq(az_span_atod(str(text), &read), AZ_OK);
                ck_assert(is_same_double(read, bits % 2 == 0 ? low : high));
                text[n - 1] = '1'; /* it was the last of many zeros */
                ck_assert_int_eq(az_span_atod(str(text), &read), AZ_OK);
                ck_assert(is_same_double(read, high));
        }
}
END_TEST

static const struct {
        double number;
        int32_t n_digits;
        const char *text, *padded;
} formats[] = {
        { 0.0, 2, "0", "0.00" },
        { -0.0, 2, "0", "0.00" },
        { 1.0, 0, "1", "1" },
        { 1.0, 2, "1", "1.00" },
        { -1.5, 3, "-1.5", "-1.500" },
        { 21.5, 0, "21", "21" },
        { 0.29, 2, "0.29", "0.29" }, /* the double is a little less */
        { 0.3, 15, "0.3", "0.300000000000000" },
        { 1.1, 15, "1.1", "1.100000000000000" },
        { 1.999, 2, "1.99", "1.99" },
        { -1.999, 2, "-1.99", "-1.99" },
        { 0.999999999999999, 15, "0.999999999999999", "0.999999999999999" },
        { 0.99999999999999989, 15, "0.999999999999999", "0.999999999999999" },
        { 0.1 + 0.2, 15, "0.3", "0.300000000000000" }, /* 0.30000000000000004 */
        { 1.0 / 3.0, 15, "0.333333333333333", "0.333333333333333" },
        { 2.0 / 3.0, 15, "0.666666666666666", "0.666666666666666" },
        { 1e-15, 15, "0.000000000000001", "0.000000000000001" },
        { 1e-16, 15, "0", "0.000000000000000" },
        { -1e-16, 15, "0", "0.000000000000000" },
        { 5e-324, 15, "0", "0.000000000000000" },
        { 0.1, 99, "0.1", "0.100000000000000" }, /* 15 at most */
        { 1234567.0625, 3, "1234567.062", "1234567.062" },
        { 100.0, 1, "100", "100.0" },
        { 10.01, 1, "10", "10.0" },
        { 4503599627370495.5, 15, "4503599627370495.5", "4503599627370495.500000000000000" },
        { 9007199254740991.0, 15, "9007199254740991", "9007199254740991.000000000000000" },
        { -9007199254740991.0, 0, "-9007199254740991", "-9007199254740991" },
        { 0x1p-3, 15, "0.125", "0.125000000000000" },
        { 0x1p-20, 15, "0.000000953674316", "0.000000953674316" },
};

START_TEST(doubles_are_written_short_and_cut) {
        double number = formats[_i].number;

        CHECK_WRITTEN(az_span_dtoa(destination, number, formats[_i].n_digits, &rest), formats[_i].text);
        CHECK_WRITTEN(az_span_dtoa_with_fractional(destination, number, formats[_i].n_digits, &rest),
                      formats[_i].padded);
}
END_TEST

static const double not_written[] = {
        9007199254740992.0, -9007199254740992.0, 1e300, INFINITY, -INFINITY, NAN
};

START_TEST(what_has_no_exact_integer_part_is_not_written) {
        char buffer[64] = "unchanged";
        az_span rest = AZ_SPAN_EMPTY;

        ck_assert_int_eq(az_span_dtoa(AZ_SPAN_FROM_BUFFER(buffer), not_written[_i], 2, &rest),
                         AZ_ERROR_NOT_SUPPORTED);
        ck_assert_str_eq(buffer, "unchanged");
        ck_assert_ptr_null(az_span_ptr(rest));
}
END_TEST

/* printf with the fewest digits that strtod reads back, cut after 15. */
static void format_by_libc(double number, char *ret_text, size_t size) {
        size_t length;

        for (int n_digits = 0;; n_digits++) {
                (void) snprintf(ret_text, size, "%.*f", n_digits, number);
                if (is_same_double(strtod(ret_text, NULL), number))
                        break;
        }
        if (strchr(ret_text, '.') == NULL)
                return;
        length = (size_t) (strchr(ret_text, '.') - ret_text) + 16;
        if (strlen(ret_text) > length)
                ret_text[length] = '\0';
        length = strlen(ret_text);
        while (ret_text[length - 1] == '0')
                length--;
        if (ret_text[length - 1] == '.')
                length--;
        ret_text[length] = '\0';
}

/* Turns what a function wrote, and said is left of it, into a string. */
static const char *written(char *buffer, az_span rest) {
        *az_span_ptr(rest) = '\0';
        return buffer;
}

START_TEST(random_doubles_are_written_as_printf_would) {
        uint64_t state = 4;

        for (int i = 0; i < 20000; i++) {
                double number = (double) (next_random(&state) >> 11) * 0x1p-53;
                char text[64], expected[64];
                az_span rest;

                number = ldexp(number, (int) (next_random(&state) % 73) - 20); /* 2^-73 to 2^53 */
                format_by_libc(number, expected, sizeof(expected));
                ck_assert_int_eq(az_span_dtoa(AZ_SPAN_FROM_BUFFER(text), number, 15, &rest), AZ_OK);
                ck_assert_str_eq(written(text, rest), expected);
        }
}
END_TEST

/* Up to 15 digits behind the point, of which many may be zeros. */
START_TEST(short_decimals_are_written_as_they_were_read) {
        uint64_t state = 5;

        for (int i = 0; i < 20000; i++) {
                int n_digits = 1 + (int) (next_random(&state) % 15);
                uint64_t digits = next_random(&state) % (uint64_t) pow(10, n_digits);
                double number = 42;
                char text[32], expected[32];
                az_span rest;

                digits >>= next_random(&state) % 40;
                if (digits % 10 == 0) /* it would be left out */
                        digits++;
                (void) snprintf(expected, sizeof(expected), "0.%0*" PRIu64, n_digits, digits);
                ck_assert_int_eq(az_span_atod(str(expected), &number), AZ_OK);
                ck_assert_int_eq(az_span_dtoa(AZ_SPAN_FROM_BUFFER(text), number, 15, &rest), AZ_OK);
                ck_assert_str_eq(written(text, rest), expected);
        }
}
END_TEST

static Suite *number_suite(void) {
        Suite *s = suite_create("az-span-number");
        TCase *t;

        t = tcase_create("az_span_atou64");
        tcase_add_loop_test(t, integers_are_read_and_written_within_their_type, 0, ELEMENTSOF(integers));
        suite_add_tcase(s, t);

        t = tcase_create("az_span_atod");
        tcase_add_loop_test(t, doubles_are_read_to_the_nearest, 0, ELEMENTSOF(doubles));
        tcase_add_loop_test(t, what_is_no_finite_double_is_refused, 0, ELEMENTSOF(no_doubles));
        tcase_add_test(t, random_text_is_read_as_strtod_reads_it);
        tcase_add_test(t, random_doubles_survive_their_text);
        if (LDBL_MANT_DIG > DBL_MANT_DIG)
                tcase_add_test(t, halfway_goes_to_the_even_neighbour);
        tcase_set_timeout(t, 60);
        suite_add_tcase(s, t);

        t = tcase_create("az_span_dtoa");
        tcase_add_loop_test(t, doubles_are_written_short_and_cut, 0, ELEMENTSOF(formats));
        tcase_add_loop_test(t, what_has_no_exact_integer_part_is_not_written, 0, ELEMENTSOF(not_written));
        tcase_add_test(t, random_doubles_are_written_as_printf_would);
        tcase_add_test(t, short_decimals_are_written_as_they_were_read);
        tcase_set_timeout(t, 60);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(number_suite)
