/* SPDX-License-Identifier: MIT */
#include <aio/time.h>

#include <aio/aio_internal.h>
#include <azure/core/az_precondition_internal.h>

#define USEC_PER_SEC UINT64_C(1000000)

az_result aio_expiry_from_timeout(uint64_t timeout_us, uint32_t *out_expiry_s) {
        uint64_t expiry_s = timeout_us / USEC_PER_SEC + (timeout_us % USEC_PER_SEC > 0 ? 1 : 0);

        _az_PRECONDITION_NOT_NULL(out_expiry_s);

        if (expiry_s == 0 || expiry_s > UINT32_MAX)
                return AZ_ERROR_ARG;

        *out_expiry_s = (uint32_t) expiry_s;
        return AZ_OK;
}

az_result aio_duration_format(uint64_t duration_us, az_span destination, az_span *out_text) {
        _aio_text text = _aio_text_begin(destination);
        uint64_t fraction = duration_us % USEC_PER_SEC;
        int32_t n_digits = 6;

        _az_PRECONDITION_VALID_SPAN(destination, 0);
        _az_PRECONDITION_NOT_NULL(out_text);

        _aio_text_append(&text, AZ_SPAN_FROM_STR("PT"));
        _aio_text_append_u64(&text, duration_us / USEC_PER_SEC, 1);
        if (fraction > 0) {
                for (; fraction % 10 == 0; fraction /= 10)
                        n_digits--;
                _aio_text_append(&text, AZ_SPAN_FROM_STR("."));
                _aio_text_append_u64(&text, fraction, n_digits);
        }
        _aio_text_append(&text, AZ_SPAN_FROM_STR("S"));
        return _aio_text_end(&text, out_text);
}

/* The designators, in the order in which they may stand. */
static const struct {
        char letter;
        bool is_time; /* stands behind 'T' */
        uint32_t seconds;
} units[] = {
        { 'W', false, 604800 }, { 'D', false, 86400 }, { 'H', true, 3600 },
        { 'M', true, 60 },      { 'S', true, 1 },
};
#define N_UNITS (sizeof(units) / sizeof(units[0]))

/* Finds a designator behind those that were used; N_UNITS: it is none, or it may not stand here. */
static size_t find_unit(uint8_t letter, size_t first, bool is_time) {
        size_t i = first;

        while (i < N_UNITS && !(units[i].letter == (char) letter && units[i].is_time == is_time))
                i++;
        return i;
}

/*
 * Reads the digits of a fraction, as parts of 10^9, which are exact for every microsecond of a day; more of
 * them are cut off. 'out_is_there': there was a fraction.
 */
static az_result read_fraction(az_span *ref_text, uint64_t *out_fraction_ns, bool *out_is_there) {
        uint64_t fraction_ns = 0, weight = 100000000;
        uint8_t c;

        *out_is_there = _aio_skip(ref_text, '.') || _aio_skip(ref_text, ',');
        if (*out_is_there) {
                if (az_span_size(*ref_text) == 0)
                        return AZ_ERROR_UNEXPECTED_END;
                if (!_aio_is_digit(az_span_ptr(*ref_text)[0]))
                        return AZ_ERROR_UNEXPECTED_CHAR;
        }
        while (*out_is_there && az_span_size(*ref_text) > 0 && _aio_is_digit(c = az_span_ptr(*ref_text)[0])) {
                fraction_ns += weight * (uint64_t) (c - '0');
                weight /= 10;
                *ref_text = _az_span_from(*ref_text, 1);
        }
        *out_fraction_ns = fraction_ns;
        return AZ_OK;
}

/*
 * Reads one number with its designator and adds it. 'ref_unit': the first designator that may stand here, and
 * then the one behind that which did. 'out_is_last': nothing may follow, as behind a fraction.
 */
static az_result read_part(az_span *ref_text, bool is_time, size_t *ref_unit, uint64_t *ref_duration_us,
                           bool *out_is_last) {
        uint64_t number, fraction_ns, fraction_us, unit_us;
        az_result r;

        r = _aio_read_u64(ref_text, &number);
        if (az_result_succeeded(r))
                r = read_fraction(ref_text, &fraction_ns, out_is_last);
        if (az_result_failed(r))
                return r;
        if (az_span_size(*ref_text) == 0)
                return AZ_ERROR_UNEXPECTED_END;
        *ref_unit = find_unit(az_span_ptr(*ref_text)[0], *ref_unit, is_time);
        if (*ref_unit == N_UNITS)
                return AZ_ERROR_UNEXPECTED_CHAR;
        *ref_text = _az_span_from(*ref_text, 1);

        unit_us = units[*ref_unit].seconds * USEC_PER_SEC;
        fraction_us = fraction_ns * units[*ref_unit].seconds / 1000;
        if (number > UINT64_MAX / unit_us || fraction_us > UINT64_MAX - *ref_duration_us ||
            number * unit_us > UINT64_MAX - *ref_duration_us - fraction_us)
                return AZ_ERROR_UNEXPECTED_CHAR;
        *ref_duration_us += number * unit_us + fraction_us;
        *out_is_last = *out_is_last || units[*ref_unit].letter == 'W'; /* weeks stand alone */
        (*ref_unit)++;
        return AZ_OK;
}

az_result aio_duration_parse(az_span text, uint64_t *out_duration_us) {
        uint64_t duration_us = 0;
        bool is_time = false, is_last = false;
        size_t unit = 0;
        az_result r;

        _az_PRECONDITION_VALID_SPAN(text, 0);
        _az_PRECONDITION_NOT_NULL(out_duration_us);

        if (!_aio_skip(&text, 'P'))
                return az_span_size(text) == 0 ? AZ_ERROR_UNEXPECTED_END : AZ_ERROR_UNEXPECTED_CHAR;
        do {
                is_time = is_time || _aio_skip(&text, 'T');
                r = read_part(&text, is_time, &unit, &duration_us, &is_last);
                if (az_result_failed(r))
                        return r;
        } while (az_span_size(text) > 0 && !is_last);
        if (az_span_size(text) > 0)
                return AZ_ERROR_UNEXPECTED_CHAR;

        *out_duration_us = duration_us;
        return AZ_OK;
}
