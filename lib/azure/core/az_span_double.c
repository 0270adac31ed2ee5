/* SPDX-License-Identifier: MIT */

/*
 * Doubles to text and back, without libc, whose functions follow the locale.
 *
 * They go through integers of any size, so every result is exact, and nothing depends on the rounding mode
 * or on how wide the machine computes.
 *
 * Text to double: the digits are an integer N with a power of ten, N * 10^e. N * 5^e, or (N << k) / 5^-e with
 * k so large that the quotient has more than 64 bits, is computed exactly; 2^e is only a matter of the
 * exponent. The 64 highest bits, and whether anything is left below them, decide how to round. Dividing by
 * 5^-e is dividing by 5^13, which fits a word, as often as it takes.
 *
 * Double to text: the digits of the fraction come one by one from multiplying by ten, until what they say is
 * nearer to the number than to its neighbours (Steele and White, "How to print floating-point numbers
 * accurately", 1990).
 */

#include <azure/core/az_span.h>

#include <azure/core/az_precondition_internal.h>
#include <azure/core/az_span_internal.h>

/*
 * Doubles and the middles between them have at most 767 significant digits; of what comes behind, only
 * whether it is zero matters.
 */
#define DIGITS_MAX 768

/* A decimal exponent that no number of digits makes up for. */
#define EXPONENT_FAR INT64_C(100000000000)

/* As 0.DIGITS * 10^point: all that is beyond the first is infinite, and below the second zero. */
#define POINT_MAX 309
#define POINT_MIN (-323)

/* Dividing by 5^(DIGITS_MAX + 1 - POINT_MIN), which has 2536 bits, takes 66 more and the rest of a word. */
#define BIG_WORDS 84

#define MANTISSA_BITS  52
#define MANTISSA_MASK  ((UINT64_C(1) << MANTISSA_BITS) - 1)
#define EXPONENT_BIAS  1075 /* a double is an integer times 2^(exponent - 1075) */
#define EXPONENT_LIMIT 2047 /* infinity and NaN */

/* Those that fit a word. */
#define POWERS_OF_FIVE_MAX 13

static uint32_t const powers_of_five[POWERS_OF_FIVE_MAX + 1] = {
        1, 5, 25, 125, 625, 3125, 15625, 78125, 390625, 1953125, 9765625, 48828125, 244140625, 1220703125,
};

/* An integer: the words in use, lowest first; the last of them is not 0. */
typedef struct {
        uint32_t words[BIG_WORDS];
        int32_t n_words;
} big;

static void big_multiply_add(big *b, uint32_t factor, uint32_t summand) {
        uint64_t carry = summand;

        for (int32_t i = 0; i < b->n_words; i++) {
                carry += (uint64_t) b->words[i] * factor;
                b->words[i] = (uint32_t) carry;
                carry >>= 32;
        }
        if (carry > 0)
                b->words[b->n_words++] = (uint32_t) carry;
}

static void big_trim(big *b) {
        while (b->n_words > 0 && b->words[b->n_words - 1] == 0)
                b->n_words--;
}

/* Divides and returns the remainder. */
static uint32_t big_divide(big *b, uint32_t divisor) {
        uint64_t rest = 0;

        for (int32_t i = b->n_words - 1; i >= 0; i--) {
                rest = rest << 32 | b->words[i];
                b->words[i] = (uint32_t) (rest / divisor);
                rest %= divisor;
        }
        big_trim(b);
        return (uint32_t) rest;
}

static void big_shift_left_words(big *b, int32_t n) {
        memmove(b->words + n, b->words, (size_t) b->n_words * sizeof(b->words[0]));
        memset(b->words, 0, (size_t) n * sizeof(b->words[0]));
        b->n_words += n;
}

static int32_t big_count_bits(big const *b) {
        int32_t n = (b->n_words - 1) * 32;

        for (uint32_t top = b->words[b->n_words - 1]; top > 0; top >>= 1)
                n++;
        return n;
}

static void big_add(big *b, big const *summand) {
        uint64_t carry = 0;

        for (int32_t i = 0; i < summand->n_words || carry > 0; i++) {
                if (i == b->n_words)
                        b->words[b->n_words++] = 0;
                carry += (uint64_t) b->words[i] + (i < summand->n_words ? summand->words[i] : 0);
                b->words[i] = (uint32_t) carry;
                carry >>= 32;
        }
}

static int32_t big_compare(big const *a, big const *b) {
        if (a->n_words != b->n_words)
                return a->n_words < b->n_words ? -1 : 1;
        for (int32_t i = a->n_words - 1; i >= 0; i--)
                if (a->words[i] != b->words[i])
                        return a->words[i] < b->words[i] ? -1 : 1;
        return 0;
}

static bool is_digit(az_span text, int32_t index) {
        return index < az_span_size(text) && az_span_ptr(text)[index] >= '0' &&
               az_span_ptr(text)[index] <= '9';
}

/* Why there is no digit at 'index'. */
static az_result digit_missing(az_span text, int32_t index) {
        return index < az_span_size(text) ? AZ_ERROR_UNEXPECTED_CHAR : AZ_ERROR_UNEXPECTED_END;
}

/* Reads '+' or '-'; returns the index behind it. */
static int32_t parse_sign(az_span text, int32_t index, bool *out_negative) {
        uint8_t c = index < az_span_size(text) ? az_span_ptr(text)[index] : 0;

        *out_negative = c == '-';
        return c == '-' || c == '+' ? index + 1 : index;
}

/* The number digits * 10^exponent; if 'inexact' it is larger by less than 10^exponent. */
typedef struct {
        bool negative;
        bool inexact;
        int32_t n_digits;
        int64_t exponent;
        big digits;
} decimal;

/* Reads digits, behind the point or before it; returns the index behind them. */
static int32_t parse_digits(az_span text, int32_t index, bool fraction, decimal *d) {
        for (; is_digit(text, index); index++) {
                uint32_t digit = (uint32_t) (az_span_ptr(text)[index] - '0');
                bool leading_zero = d->n_digits == 0 && digit == 0;

                if (!leading_zero && d->n_digits == DIGITS_MAX) {
                        d->inexact = d->inexact || digit > 0;
                        d->exponent += fraction ? 0 : 1;
                        continue;
                }
                if (!leading_zero) {
                        big_multiply_add(&d->digits, 10, digit);
                        d->n_digits++;
                }
                d->exponent -= fraction ? 1 : 0;
        }
        return index;
}

/* Reads what stands behind the 'e'. */
static az_result parse_exponent(az_span text, int32_t index, int64_t *out_exponent) {
        bool negative;
        int64_t exponent = 0;

        index = parse_sign(text, index, &negative);
        if (!is_digit(text, index))
                return digit_missing(text, index);
        for (; is_digit(text, index); index++)
                if (exponent < EXPONENT_FAR)
                        exponent = exponent * 10 + (az_span_ptr(text)[index] - '0');
        if (index < az_span_size(text))
                return AZ_ERROR_UNEXPECTED_CHAR;

        *out_exponent = negative ? -exponent : exponent;
        return AZ_OK;
}

static az_result parse_decimal(az_span text, decimal *d) {
        int32_t size = az_span_size(text);
        int32_t first, index, n_points = 0;
        int64_t exponent;
        az_result result;

        first = parse_sign(text, 0, &d->negative);
        index = parse_digits(text, first, false, d);
        if (index < size && az_span_ptr(text)[index] == '.') {
                n_points = 1;
                index = parse_digits(text, index + 1, true, d);
        }
        if (index - first == n_points)
                return digit_missing(text, index);
        if (index == size)
                return AZ_OK;
        if (az_span_ptr(text)[index] != 'e' && az_span_ptr(text)[index] != 'E')
                return AZ_ERROR_UNEXPECTED_CHAR;

        result = parse_exponent(text, index + 1, &exponent);
        if (az_result_succeeded(result))
                d->exponent += exponent;
        return result;
}

/* Returns the 64 highest bits, with zeros behind a shorter number; the 'n_bits' of the number are known. */
static uint64_t big_get_top(big const *b, int32_t n_bits, bool *ref_inexact) {
        uint64_t top = 0;
        int32_t n_below = n_bits - 64;

        for (int32_t i = b->n_words - 1; i >= 0; i--) {
                int32_t shift = i * 32 - n_below; /* of this word within 'top' */

                if (shift >= 0) {
                        top |= (uint64_t) b->words[i] << shift;
                } else if (shift > -32) {
                        top |= b->words[i] >> -shift;
                        *ref_inexact = *ref_inexact || b->words[i] << (32 + shift) != 0;
                } else {
                        *ref_inexact = *ref_inexact || b->words[i] != 0;
                }
        }
        return top;
}

/* Turns n * 10^exponent into n * 2^(returned exponent); 'n' has more than 64 bits if it is cut off. */
static int32_t scale_by_power_of_ten(big *n, int32_t exponent, bool *ref_inexact) {
        int32_t n_fives = exponent < 0 ? -exponent : exponent;
        int32_t exponent2 = exponent;

        if (exponent < 0) {
                int32_t n_missing = n_fives * 7 / 3 + 66 - big_count_bits(n); /* 5 is less than 2^(7/3) */

                if (n_missing > 0) {
                        big_shift_left_words(n, (n_missing + 31) / 32);
                        exponent2 -= (n_missing + 31) / 32 * 32;
                }
        }

        for (int32_t step; n_fives > 0; n_fives -= step) {
                step = n_fives < POWERS_OF_FIVE_MAX ? n_fives : POWERS_OF_FIVE_MAX;
                if (exponent > 0)
                        big_multiply_add(n, powers_of_five[step], 0);
                else if (big_divide(n, powers_of_five[step]) != 0)
                        *ref_inexact = true;
        }
        return exponent2;
}

/* Rounds top * 2^exponent, where the highest bit of 'top' is set, to the bits of a double. */
static uint64_t round_to_double(uint64_t top, int32_t exponent, bool inexact) {
        int32_t biased = exponent + (64 - (MANTISSA_BITS + 1)) + EXPONENT_BIAS;
        int32_t n_dropped = 64 - (MANTISSA_BITS + 1);
        uint64_t kept, dropped, half;

        if (biased < 1) { /* subnormal: fewer bits are kept */
                n_dropped += 1 - biased;
                biased = 1;
        }
        if (n_dropped > 64)
                return 0;

        kept = n_dropped == 64 ? 0 : top >> n_dropped;
        dropped = n_dropped == 64 ? top : top & ((UINT64_C(1) << n_dropped) - 1);
        half = UINT64_C(1) << (n_dropped - 1);
        if (dropped > half || (dropped == half && (inexact || (kept & 1) != 0)))
                kept++;

        /* The highest bit of a normal mantissa, or the carry out of a subnormal one, adds 1 to 'biased'. */
        return kept + ((uint64_t) (biased - 1) << MANTISSA_BITS);
}

/* Returns the bits of the nearest double, without sign; infinite ones have EXPONENT_LIMIT or more. */
static uint64_t decimal_to_double(decimal *d) {
        int64_t point = d->n_digits + d->exponent;
        int32_t exponent, n_bits;
        uint64_t top;

        if (d->n_digits == 0 || point < POINT_MIN)
                return 0;
        if (point > POINT_MAX)
                return (uint64_t) EXPONENT_LIMIT << MANTISSA_BITS;

        exponent = (int32_t) d->exponent;
        if (d->inexact) { /* one more digit stands for all that were left out */
                big_multiply_add(&d->digits, 10, 1);
                exponent--;
        }
        d->inexact = false;
        exponent = scale_by_power_of_ten(&d->digits, exponent, &d->inexact);
        n_bits = big_count_bits(&d->digits);
        top = big_get_top(&d->digits, n_bits, &d->inexact);
        return round_to_double(top, exponent + n_bits - 64, d->inexact);
}

az_result az_span_atod(az_span source, double *out_number) {
        decimal d;
        uint64_t bits;
        az_result result;

        _az_PRECONDITION_VALID_SPAN(source, 0);
        _az_PRECONDITION_NOT_NULL(out_number);

        d.inexact = false;
        d.n_digits = 0;
        d.exponent = 0;
        d.digits.n_words = 0;
        result = parse_decimal(source, &d);
        if (az_result_failed(result))
                return result;

        bits = decimal_to_double(&d);
        if (bits >> MANTISSA_BITS >= EXPONENT_LIMIT)
                return AZ_ERROR_UNEXPECTED_CHAR;
        bits |= d.negative ? UINT64_C(1) << 63 : 0;
        memcpy(out_number, &bits, sizeof(bits));
        return AZ_OK;
}

static void big_set_shifted(big *b, uint64_t number, int32_t shift) {
        b->words[0] = (uint32_t) number;
        b->words[1] = (uint32_t) (number >> 32);
        b->n_words = 2;
        big_multiply_add(b, 1U << shift / 2, 0);
        big_multiply_add(b, 1U << (shift - shift / 2), 0);
        big_trim(b);
}

#define INTEGER_DIGITS_MAX  16 /* 2^53 - 1 */
#define FRACTION_DIGITS_MAX 15

/*
 * Writes the shortest digits that tell fraction / 2^n_bits, a multiple of 2^-n_bits, from its neighbours, at
 * most 'max_digits' of them; returns how many. 'narrow': the neighbour below is half as far away as the one
 * above. For more than SHORT_FRACTION_BITS, of which a digit and the next one are never both within reach:
 * half the way to a neighbour is far less than half a unit of the last digit.
 *
 * The middle between two neighbours has more decimal digits than either, so it is never met; and the last
 * digit carries into no other, for then the one before it would have been the last.
 */
static int32_t format_fraction(uint8_t *digits, int32_t max_digits, uint64_t fraction, int32_t n_bits,
                               bool narrow) {
        int32_t n_words = (n_bits + 2 + 31) / 32; /* so many hold what is less than 1 */
        int32_t shift = n_words * 32 - n_bits;
        big rest, below, above, sum;

        big_set_shifted(&rest, fraction, shift);
        big_set_shifted(&above, 1, shift - 1); /* half the way to the neighbours */
        big_set_shifted(&below, 1, narrow ? shift - 2 : shift - 1);

        for (int32_t i = 0; i < max_digits; i++) {
                uint32_t digit = 0;
                bool low, high;

                big_multiply_add(&rest, 10, 0);
                big_multiply_add(&below, 10, 0);
                big_multiply_add(&above, 10, 0);
                if (rest.n_words > n_words) {
                        digit = rest.words[n_words];
                        rest.n_words = n_words;
                        big_trim(&rest);
                }

                sum = rest;
                big_add(&sum, &above);
                low = big_compare(&rest, &below) < 0;
                high = sum.n_words > n_words;
                digits[i] = (uint8_t) ('0' + digit + (high ? 1 : 0));
                if (low || high)
                        return i + 1;
        }
        return max_digits;
}

/* So many bits are left of a word when there is room for ten times as much, and for half of a half. */
#define SHORT_FRACTION_BITS 58

/* The same for at most SHORT_FRACTION_BITS, as all numbers from 2^-6 on have them: in one word. */
static int32_t format_short_fraction(uint8_t *digits, int32_t max_digits, uint64_t fraction, int32_t n_bits,
                                     bool narrow) {
        uint64_t one = UINT64_C(1) << (n_bits + 2), rest = fraction << 2;
        uint64_t above = 2, below = narrow ? 1 : 2; /* half the way to the neighbours */

        for (int32_t i = 0; i < max_digits; i++) {
                uint64_t digit;
                bool low, high;

                rest *= 10;
                below *= 10;
                above *= 10;
                digit = rest >> (n_bits + 2);
                rest &= one - 1;

                low = rest < below;
                high = rest + above >= one;
                if (low && high) /* the nearer of the two, or the even one */
                        high = rest > one / 2 || (rest == one / 2 && digit % 2 == 1);
                digits[i] = (uint8_t) ('0' + digit + (high ? 1 : 0));
                if (low || high)
                        return i + 1;
        }
        return max_digits;
}

/* 'pad': write exactly 'fractional_digits' digits behind the point, otherwise none but those that matter. */
static az_result write_double(az_span destination, double source, int32_t fractional_digits, bool pad,
                              az_span *out_span) {
        uint8_t text[1 + INTEGER_DIGITS_MAX + 1 + FRACTION_DIGITS_MAX], digits[FRACTION_DIGITS_MAX];
        uint8_t *end = text;
        uint64_t bits, mantissa, integer, fraction;
        int32_t exponent, n_bits, size, n_digits = 0;
        bool narrow;
        az_span rest;
        az_result result;

        _az_PRECONDITION_VALID_SPAN(destination, 0);
        _az_PRECONDITION(fractional_digits >= 0);
        _az_PRECONDITION_NOT_NULL(out_span);

        if (fractional_digits > FRACTION_DIGITS_MAX)
                fractional_digits = FRACTION_DIGITS_MAX;

        memcpy(&bits, &source, sizeof(bits));
        exponent = (int32_t) (bits >> MANTISSA_BITS & EXPONENT_LIMIT);
        mantissa = (bits & MANTISSA_MASK) | (exponent > 0 ? MANTISSA_MASK + 1 : 0);
        n_bits = EXPONENT_BIAS - (exponent > 0 ? exponent : 1); /* behind the binary point */
        if (n_bits < 0)
                return AZ_ERROR_NOT_SUPPORTED;

        integer = n_bits <= MANTISSA_BITS ? mantissa >> n_bits : 0;
        fraction = n_bits <= MANTISSA_BITS ? mantissa & ((UINT64_C(1) << n_bits) - 1) : mantissa;
        narrow = mantissa == MANTISSA_MASK + 1 && exponent > 1;
        if (fraction > 0)
                n_digits =
                        n_bits <= SHORT_FRACTION_BITS
                                ? format_short_fraction(digits, fractional_digits, fraction, n_bits, narrow)
                                : format_fraction(digits, fractional_digits, fraction, n_bits, narrow);
        while (n_digits > 0 && digits[n_digits - 1] == '0')
                n_digits--;

        if (bits >> 63 != 0 && (integer > 0 || n_digits > 0))
                *end++ = '-';
        result = az_span_u64toa(_az_span_of(end, INTEGER_DIGITS_MAX), integer, &rest);
        if (az_result_failed(result))
                return result;
        end = az_span_ptr(rest);
        while (pad && n_digits < fractional_digits)
                digits[n_digits++] = '0';
        if (n_digits > 0) {
                *end++ = '.';
                memcpy(end, digits, (size_t) n_digits);
                end += n_digits;
        }

        size = (int32_t) (end - text);
        if (az_span_size(destination) < size)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        memcpy(az_span_ptr(destination), text, (size_t) size);
        *out_span = _az_span_from(destination, size);
        return AZ_OK;
}

az_result az_span_dtoa(az_span destination, double source, int32_t fractional_digits, az_span *out_span) {
        return write_double(destination, source, fractional_digits, false, out_span);
}

az_result az_span_dtoa_with_fractional(az_span destination, double source, int32_t fractional_digits,
                                       az_span *out_span) {
        return write_double(destination, source, fractional_digits, true, out_span);
}
