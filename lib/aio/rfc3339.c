/* SPDX-License-Identifier: MIT */
#include <aio/time.h>

#include <aio/aio_internal.h>
#include <azure/core/az_precondition_internal.h>

#define MSEC_PER_SEC 1000
#define SEC_PER_DAY  86400
#define WALL_MS_MAX  UINT64_C(253402300799000) /* the last second of the year 9999 */

typedef struct {
        int64_t year;
        int64_t month, day; /* from 1 on */
} date;

/*
 * Days since 1970-01-01 of a date of the Gregorian calendar, and back. The year is counted from March on, so
 * that the leap day is its last, and days from 0000-03-01: 146097 in each 400 years, 719468 until 1970. The
 * first day of the m-th month from March is (153 m + 2) / 5.
 */
static int64_t days_of(date d) {
        int64_t year = d.month > 2 ? d.year : d.year - 1;
        int64_t month = (d.month + 9) % 12;
        int64_t era = (year >= 0 ? year : year - 399) / 400;
        int64_t of_era = year - era * 400;

        return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + d.day - 1 -
               719468;
}

static date date_of(int64_t days) {
        int64_t since = days + 719468; /* not negative: no date before 1970 is written */
        int64_t era = since / 146097, of_era = since % 146097;
        int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
        int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
        int64_t month = (5 * of_year + 2) / 153;
        date d = { era * 400 + year, month < 10 ? month + 3 : month - 9,
                   of_year - (153 * month + 2) / 5 + 1 };

        if (d.month <= 2)
                d.year++;
        return d;
}

static bool is_date(date d) {
        date next = { d.month == 12 ? d.year + 1 : d.year, d.month % 12 + 1, 1 };
        date first = { d.year, d.month, 1 };

        return d.month >= 1 && d.month <= 12 && d.day >= 1 && d.day <= days_of(next) - days_of(first);
}

az_result aio_rfc3339_format(uint64_t wall_ms, az_span destination, az_span *out_text) {
        uint64_t wall_s = (wall_ms < WALL_MS_MAX ? wall_ms : WALL_MS_MAX) / MSEC_PER_SEC;
        uint64_t of_day = wall_s % SEC_PER_DAY;
        date d = date_of((int64_t) (wall_s / SEC_PER_DAY));
        _aio_text text = _aio_text_begin(destination);

        _az_PRECONDITION_VALID_SPAN(destination, 0);
        _az_PRECONDITION_NOT_NULL(out_text);

        _aio_text_append_u64(&text, (uint64_t) d.year, 4);
        _aio_text_append(&text, AZ_SPAN_FROM_STR("-"));
        _aio_text_append_u64(&text, (uint64_t) d.month, 2);
        _aio_text_append(&text, AZ_SPAN_FROM_STR("-"));
        _aio_text_append_u64(&text, (uint64_t) d.day, 2);
        _aio_text_append(&text, AZ_SPAN_FROM_STR("T"));
        _aio_text_append_u64(&text, of_day / 3600, 2);
        _aio_text_append(&text, AZ_SPAN_FROM_STR(":"));
        _aio_text_append_u64(&text, of_day / 60 % 60, 2);
        _aio_text_append(&text, AZ_SPAN_FROM_STR(":"));
        _aio_text_append_u64(&text, of_day % 60, 2);
        _aio_text_append(&text, AZ_SPAN_FROM_STR("Z"));
        return _aio_text_end(&text, out_text);
}

/* Reads exactly 'n_digits' digits, then 'end' if it is not 0, and moves 'ref_text' behind them. */
static az_result read_field(az_span *ref_text, int32_t n_digits, uint8_t end, int64_t *out_number) {
        int64_t number = 0;

        for (int32_t i = 0; i < n_digits + (end != 0); i++) {
                uint8_t c;

                if (az_span_size(*ref_text) == 0)
                        return AZ_ERROR_UNEXPECTED_END;
                c = az_span_ptr(*ref_text)[0];
                if (i < n_digits ? !_aio_is_digit(c) : c != end && !(c == 't' && end == 'T'))
                        return AZ_ERROR_UNEXPECTED_CHAR;
                if (i < n_digits)
                        number = 10 * number + (c - '0');
                *ref_text = _az_span_from(*ref_text, 1);
        }
        *out_number = number;
        return AZ_OK;
}

/* Reads ".123456", if it is there. */
static az_result read_milliseconds(az_span *ref_text, int64_t *out_ms) {
        int64_t ms = 0, weight = 100;

        if (_aio_skip(ref_text, '.')) {
                if (az_span_size(*ref_text) == 0)
                        return AZ_ERROR_UNEXPECTED_END;
                if (!_aio_is_digit(az_span_ptr(*ref_text)[0]))
                        return AZ_ERROR_UNEXPECTED_CHAR;
                while (az_span_size(*ref_text) > 0 && _aio_is_digit(az_span_ptr(*ref_text)[0])) {
                        ms += weight * (az_span_ptr(*ref_text)[0] - '0');
                        weight /= 10;
                        *ref_text = _az_span_from(*ref_text, 1);
                }
        }
        *out_ms = ms;
        return AZ_OK;
}

/* Reads "Z", "+01:00" or "-01:00", with which the text has to end. */
static az_result read_offset(az_span text, int64_t *out_offset_s) {
        int64_t hours = 0, minutes = 0, sign = 1;
        az_result r;

        if (az_span_size(text) == 0)
                return AZ_ERROR_UNEXPECTED_END;
        if (!_aio_skip(&text, 'Z') && !_aio_skip(&text, 'z')) {
                if (_aio_skip(&text, '-'))
                        sign = -1;
                else if (!_aio_skip(&text, '+'))
                        return AZ_ERROR_UNEXPECTED_CHAR;
                r = read_field(&text, 2, ':', &hours);
                if (az_result_succeeded(r))
                        r = read_field(&text, 2, 0, &minutes);
                if (az_result_failed(r))
                        return r;
        }
        if (az_span_size(text) > 0 || hours > 23 || minutes > 59)
                return AZ_ERROR_UNEXPECTED_CHAR;

        *out_offset_s = sign * (hours * 3600 + minutes * 60);
        return AZ_OK;
}

az_result aio_rfc3339_parse(az_span text, int64_t *out_wall_ms) {
        enum {
                YEAR,
                MONTH,
                DAY,
                HOUR,
                MINUTE,
                SECOND,
                N_FIELDS
        };
        static const struct {
                int32_t n_digits;
                uint8_t end;
        } fields[N_FIELDS] = { { 4, '-' }, { 2, '-' }, { 2, 'T' }, { 2, ':' }, { 2, ':' }, { 2, 0 } };
        int64_t field[N_FIELDS], ms, offset_s, wall_s;
        date d;
        az_result r;

        _az_PRECONDITION_VALID_SPAN(text, 0);
        _az_PRECONDITION_NOT_NULL(out_wall_ms);

        for (int i = 0; i < N_FIELDS; i++) {
                r = read_field(&text, fields[i].n_digits, fields[i].end, &field[i]);
                if (az_result_failed(r))
                        return r;
        }
        r = read_milliseconds(&text, &ms);
        if (az_result_succeeded(r))
                r = read_offset(text, &offset_s);
        if (az_result_failed(r))
                return r;
        d = (date){ field[YEAR], field[MONTH], field[DAY] };
        if (!is_date(d) || field[HOUR] > 23 || field[MINUTE] > 59 || field[SECOND] > 60)
                return AZ_ERROR_UNEXPECTED_CHAR;

        wall_s =
                days_of(d) * SEC_PER_DAY + field[HOUR] * 3600 + field[MINUTE] * 60 + field[SECOND] - offset_s;
        if (field[SECOND] == 60 && wall_s % SEC_PER_DAY != 0)
                return AZ_ERROR_UNEXPECTED_CHAR; /* a leap second is the last one of a day in UTC */

        *out_wall_ms = wall_s * MSEC_PER_SEC + ms;
        return AZ_OK;
}
