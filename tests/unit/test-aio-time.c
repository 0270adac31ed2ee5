/* SPDX-License-Identifier: MIT */
#include <aio/time.h>
#include <aio/uuid.h>

#include "aio-check.h"

static const struct {
        uint64_t timeout_us;
        az_result result;
        uint32_t expiry_s;
} expiries[] = {
        { 1, AZ_OK, 1 },
        { 500, AZ_OK, 1 },
        { 1000000, AZ_OK, 1 },
        { 1000001, AZ_OK, 2 },
        { AIO_TIMEOUT_DEFAULT_US, AZ_OK, 10 },
        { UINT32_MAX * UINT64_C(1000000), AZ_OK, UINT32_MAX },
        { UINT32_MAX * UINT64_C(1000000) + 1, AZ_ERROR_ARG, 0 },
        { UINT64_MAX, AZ_ERROR_ARG, 0 },
        { 0, AZ_ERROR_ARG, 0 },
};

START_TEST(an_expiry_is_the_next_whole_second) {
        uint32_t expiry_s = 0;

        ck_assert_int_eq(aio_expiry_from_timeout(expiries[_i].timeout_us, &expiry_s), expiries[_i].result);
        ck_assert_uint_eq(expiry_s, expiries[_i].expiry_s);
}
END_TEST

static const struct {
        uint64_t duration_us;
        const char *text;
} durations[] = {
        { 0, "PT0S" },
        { 1, "PT0.000001S" },
        { 500000, "PT0.5S" },
        { 1000000, "PT1S" },
        { 10000000, "PT10S" },
        { 60000000, "PT60S" },
        { 1234500000, "PT1234.5S" },
        { UINT64_MAX, "PT18446744073709.551615S" },
};

START_TEST(a_duration_is_written_in_seconds_and_read_again) {
        int32_t size = (int32_t) strlen(durations[_i].text);
        char buffer[AIO_DURATION_SIZE_MAX];
        uint64_t duration_us;
        az_span text;

        ck_assert_int_eq(aio_duration_format(durations[_i].duration_us, ROOM(buffer, size), &text), AZ_OK);
        CHECK_SPAN(text, durations[_i].text);
        ck_assert_int_eq(aio_duration_parse(text, &duration_us), AZ_OK);
        ck_assert_uint_eq(duration_us, durations[_i].duration_us);
        ck_assert_int_eq(aio_duration_format(durations[_i].duration_us, ROOM(buffer, size - 1), &text),
                         AZ_ERROR_NOT_ENOUGH_SPACE);
}
END_TEST

static const struct {
        const char *text;
        az_result result;
        uint64_t duration_us;
} duration_texts[] = {
        { "PT1M", AZ_OK, 60000000 },
        { "PT1M30.5S", AZ_OK, 90500000 },
        { "PT0,25H", AZ_OK, 900000000 },
        { "P1DT12H", AZ_OK, 129600000000 },
        { "P2W", AZ_OK, 1209600000000 },
        { "P1.5D", AZ_OK, 129600000000 },
        { "PT1H0M0S", AZ_OK, 3600000000 },
        { "PT0.1234567S", AZ_OK, 123456 },
        { "PT0.00000000000001S", AZ_OK, 0 },
        { "PT0.016666666666H", AZ_OK, 59999997 },
        { "", AZ_ERROR_UNEXPECTED_END, 0 },
        { "P", AZ_ERROR_UNEXPECTED_END, 0 },
        { "PT", AZ_ERROR_UNEXPECTED_END, 0 },
        { "P1", AZ_ERROR_UNEXPECTED_END, 0 },
        { "P1DT", AZ_ERROR_UNEXPECTED_END, 0 },
        { "PT1.", AZ_ERROR_UNEXPECTED_END, 0 },
        { "10S", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "P10S", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "P1M", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "P1Y", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "PT1D", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "PT1S1M", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "PT1S1S", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "P1W1D", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "P1D1W", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "PT1.5M1S", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "PT.5S", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "PT1.S", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "PT-1S", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "-PT1S", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "PTT1S", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "PT1S ", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "pt1s", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "PT18446744073709.551616S", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "PT18446744073710S", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "P213503982DT8H1M49.551615S", AZ_OK, UINT64_MAX },
        { "P213503982DT8H1M49.551616S", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "P18446744073709551616W", AZ_ERROR_UNEXPECTED_CHAR, 0 },
};

START_TEST(a_duration_is_as_ISO_8601_says) {
        uint64_t duration_us = 0;

        ck_assert_int_eq(aio_duration_parse(of(duration_texts[_i].text), &duration_us),
                         duration_texts[_i].result);
        ck_assert_uint_eq(duration_us, duration_texts[_i].duration_us);
}
END_TEST

static const struct {
        uint64_t wall_ms;
        const char *text;
} times[] = {
        { 0, "1970-01-01T00:00:00Z" },
        { 999, "1970-01-01T00:00:00Z" },
        { 951782399000, "2000-02-28T23:59:59Z" },
        { 951782400000, "2000-02-29T00:00:00Z" },
        { 951868800000, "2000-03-01T00:00:00Z" },
        { 1709164800000, "2024-02-29T00:00:00Z" },
        { 1795381199000, "2026-11-22T20:59:59Z" },
        { 4107542400000, "2100-03-01T00:00:00Z" },
        { 253402300799000, "9999-12-31T23:59:59Z" },
        { UINT64_MAX, "9999-12-31T23:59:59Z" },
};

START_TEST(a_time_is_written_in_whole_seconds) {
        char buffer[AIO_RFC3339_SIZE + 1];
        az_span text;

        ck_assert_int_eq(aio_rfc3339_format(times[_i].wall_ms, ROOM(buffer, AIO_RFC3339_SIZE), &text), AZ_OK);
        CHECK_SPAN(text, times[_i].text);
        ck_assert_untouched(buffer, AIO_RFC3339_SIZE);
        ck_assert_int_eq(aio_rfc3339_format(times[_i].wall_ms, ROOM(buffer, AIO_RFC3339_SIZE - 1), &text),
                         AZ_ERROR_NOT_ENOUGH_SPACE);
}
END_TEST

/* The calendar repeats after 400 years. */
START_TEST(each_day_of_the_calendar_is_written_and_read_again) {
        for (uint64_t wall_ms = 0; wall_ms < UINT64_C(146097) * 86400000; wall_ms += 86400000) {
                char buffer[AIO_RFC3339_SIZE];
                int64_t parsed_ms;
                az_span text;

                if (aio_rfc3339_format(wall_ms, AZ_SPAN_FROM_BUFFER(buffer), &text) != AZ_OK ||
                    aio_rfc3339_parse(text, &parsed_ms) != AZ_OK || parsed_ms != (int64_t) wall_ms)
                        ck_abort_msg("%.*s", AIO_RFC3339_SIZE, buffer);
        }
}
END_TEST

static const struct {
        const char *text;
        az_result result;
        int64_t wall_ms;
} time_texts[] = {
        { "1955-11-12T22:04:00Z", AZ_OK, -446090160000 },
        { "0000-01-01T00:00:00Z", AZ_OK, -62167219200000 },
        { "2026-11-22T21:00:00.123456Z", AZ_OK, 1795381200123 },
        { "2026-11-22T21:00:00.9Z", AZ_OK, 1795381200900 },
        { "2026-11-22t21:00:00z", AZ_OK, 1795381200000 },
        { "2026-11-22T22:30:00+01:30", AZ_OK, 1795381200000 },
        { "2026-11-22T13:00:00-08:00", AZ_OK, 1795381200000 },
        { "1990-12-31T23:59:60Z", AZ_OK, 662688000000 },
        { "1990-12-31T15:59:60-08:00", AZ_OK, 662688000000 },
        { "1990-12-31T23:58:60Z", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2026-11-22T21:00:61Z", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "", AZ_ERROR_UNEXPECTED_END, 0 },
        { "2026-11-22", AZ_ERROR_UNEXPECTED_END, 0 },
        { "2026-11-22T21:00:00", AZ_ERROR_UNEXPECTED_END, 0 },
        { "2026-11-22T21:00:00.", AZ_ERROR_UNEXPECTED_END, 0 },
        { "2026-11-22T21:00:00+01", AZ_ERROR_UNEXPECTED_END, 0 },
        { "2026-11-22T21:00:00+01:0", AZ_ERROR_UNEXPECTED_END, 0 },
        { "2026-11-22T21:00:00 01:00", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "not a time", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2026-11-22 21:00:00Z", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2026-11-22T21:00:00.Z", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2026-11-22T21:00:00Z ", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2026-11-22T21:00Z", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2026-11-22T24:00:00Z", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2026-11-22T21:60:00Z", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2026-11-22T21:00:00+24:00", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2026-11-22T21:00:00+00:60", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2026-11-31T21:00:00Z", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2025-02-29T21:00:00Z", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2100-02-29T21:00:00Z", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2026-00-01T21:00:00Z", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2026-13-01T21:00:00Z", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2026-12-00T21:00:00Z", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2026-12-32T21:00:00Z", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "12026-12-01T21:00:00Z", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2026\r12-01T21:00:00Z", AZ_ERROR_UNEXPECTED_CHAR, 0 },
};

START_TEST(a_time_is_as_RFC_3339_says) {
        int64_t wall_ms = 0;

        ck_assert_int_eq(aio_rfc3339_parse(of(time_texts[_i].text), &wall_ms), time_texts[_i].result);
        ck_assert_int_eq(wall_ms, time_texts[_i].wall_ms);
}
END_TEST

static const struct {
        uint8_t random;
        const char *text;
} uuids[] = {
        { 0x00, "00000000-0000-4000-8000-000000000000" },
        { 0xFF, "ffffffff-ffff-4fff-bfff-ffffffffffff" },
        { 0xA5, "a5a5a5a5-a5a5-45a5-a5a5-a5a5a5a5a5a5" },
};

START_TEST(a_UUID_says_its_version) {
        uint8_t bytes[AIO_UUID_SIZE];
        char buffer[AIO_UUID_TEXT_SIZE + 1];
        az_span text;

        memset(bytes, uuids[_i].random, sizeof(bytes));
        aio_uuid_from_random(bytes);
        ck_assert_int_eq(aio_uuid_format(bytes, ROOM(buffer, AIO_UUID_TEXT_SIZE), &text), AZ_OK);
        CHECK_SPAN(text, uuids[_i].text);
        ck_assert_untouched(buffer, AIO_UUID_TEXT_SIZE);
        ck_assert_int_eq(aio_uuid_format(bytes, ROOM(buffer, AIO_UUID_TEXT_SIZE - 1), &text),
                         AZ_ERROR_NOT_ENOUGH_SPACE);
        ck_assert_untouched(buffer, 0);
}
END_TEST

static Suite *aio_time_suite(void) {
        Suite *s = suite_create("aio-time");
        TCase *t = tcase_create("aio_duration");

        tcase_add_loop_test(t, an_expiry_is_the_next_whole_second, 0, ELEMENTSOF(expiries));
        tcase_add_loop_test(t, a_duration_is_written_in_seconds_and_read_again, 0, ELEMENTSOF(durations));
        tcase_add_loop_test(t, a_duration_is_as_ISO_8601_says, 0, ELEMENTSOF(duration_texts));
        suite_add_tcase(s, t);

        t = tcase_create("aio_rfc3339");
        tcase_add_loop_test(t, a_time_is_written_in_whole_seconds, 0, ELEMENTSOF(times));
        tcase_add_test(t, each_day_of_the_calendar_is_written_and_read_again);
        tcase_add_loop_test(t, a_time_is_as_RFC_3339_says, 0, ELEMENTSOF(time_texts));
        suite_add_tcase(s, t);

        t = tcase_create("aio_uuid");
        tcase_add_loop_test(t, a_UUID_says_its_version, 0, ELEMENTSOF(uuids));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(aio_time_suite)
