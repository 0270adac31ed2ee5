/* SPDX-License-Identifier: MIT */
#include <aio/hlc.h>

#include "aio-check.h"

static const struct {
        const char *text;
        az_result result;
        uint64_t wall_ms, counter;
        const char *node_id;
} texts[] = {
        { "001696374425000:00001:Client1", AZ_OK, 1696374425000, 1, "Client1" },
        { "1696374425000:1:StateStore", AZ_OK, 1696374425000, 1, "StateStore" },
        { "0:0:n", AZ_OK, 0, 0, "n" },
        { "18446744073709551615:18446744073709551615:n", AZ_OK, UINT64_MAX, UINT64_MAX, "n" },
        { "1:2: a\xc3\xb6", AZ_OK, 1, 2, " a\xc3\xb6" },
        { "", AZ_ERROR_UNEXPECTED_END, 0, 0, NULL },
        { "1", AZ_ERROR_UNEXPECTED_END, 0, 0, NULL },
        { "1:", AZ_ERROR_UNEXPECTED_END, 0, 0, NULL },
        { "1:2", AZ_ERROR_UNEXPECTED_END, 0, 0, NULL },
        { "1:2:", AZ_ERROR_UNEXPECTED_END, 0, 0, NULL },
        { "NotValid", AZ_ERROR_UNEXPECTED_CHAR, 0, 0, NULL },
        { ":1:n", AZ_ERROR_UNEXPECTED_CHAR, 0, 0, NULL },
        { "1::n", AZ_ERROR_UNEXPECTED_CHAR, 0, 0, NULL },
        { "1:2:n:m", AZ_ERROR_UNEXPECTED_CHAR, 0, 0, NULL },
        { "1:2:n:", AZ_ERROR_UNEXPECTED_CHAR, 0, 0, NULL },
        { "1.5:2:n", AZ_ERROR_UNEXPECTED_CHAR, 0, 0, NULL },
        { "-1:2:n", AZ_ERROR_UNEXPECTED_CHAR, 0, 0, NULL },
        { "+1:2:n", AZ_ERROR_UNEXPECTED_CHAR, 0, 0, NULL },
        { " 1:2:n", AZ_ERROR_UNEXPECTED_CHAR, 0, 0, NULL },
        { "1:2 :n", AZ_ERROR_UNEXPECTED_CHAR, 0, 0, NULL },
        { "18446744073709551616:2:n", AZ_ERROR_UNEXPECTED_CHAR, 0, 0, NULL },
        { "1:18446744073709551616:n", AZ_ERROR_UNEXPECTED_CHAR, 0, 0, NULL },
};

START_TEST(a_timestamp_has_three_parts) {
        aio_hlc hlc = { 0 };

        ck_assert_int_eq(aio_hlc_parse(of(texts[_i].text), &hlc), texts[_i].result);
        ck_assert_uint_eq(hlc.wall_ms, texts[_i].wall_ms);
        ck_assert_uint_eq(hlc.counter, texts[_i].counter);
        CHECK_SPAN(hlc.node_id, texts[_i].node_id);
}
END_TEST

static const struct {
        aio_hlc hlc;
        const char *text;
} formats[] = {
        { { 1696374425000, 1, AZ_SPAN_LITERAL_FROM_STR("Client1") }, "001696374425000:00001:Client1" },
        { { 0, 0, AZ_SPAN_LITERAL_FROM_STR("n") }, "000000000000000:00000:n" },
        { { 1234567890123456, 123456, AZ_SPAN_LITERAL_FROM_STR("n") }, "1234567890123456:123456:n" },
        { { UINT64_MAX, UINT64_MAX, AZ_SPAN_LITERAL_FROM_STR("n") },
          "18446744073709551615:18446744073709551615:n" },
};

START_TEST(a_timestamp_is_padded_with_zeros) {
        char buffer[AIO_HLC_SIZE_MAX(1) + 6];
        int32_t size = (int32_t) strlen(formats[_i].text);
        az_span text;

        ck_assert_int_eq(aio_hlc_format(&formats[_i].hlc, az_span_create((uint8_t *) buffer, size), &text),
                         AZ_OK);
        CHECK_SPAN(text, formats[_i].text);
        ck_assert_int_eq(
                aio_hlc_format(&formats[_i].hlc, az_span_create((uint8_t *) buffer, size - 1), &text),
                AZ_ERROR_NOT_ENOUGH_SPACE);
}
END_TEST

/* From the earliest to the latest. */
static const aio_hlc ordered[] = {
        { 1, 9, AZ_SPAN_LITERAL_FROM_STR("z") },  { 2, 0, AZ_SPAN_LITERAL_FROM_STR("z") },
        { 2, 1, AZ_SPAN_LITERAL_FROM_STR("a") },  { 2, 1, AZ_SPAN_LITERAL_FROM_STR("aa") },
        { 2, 1, AZ_SPAN_LITERAL_FROM_STR("b") },  { 2, 10, AZ_SPAN_LITERAL_FROM_STR("a") },
        { 10, 0, AZ_SPAN_LITERAL_FROM_STR("a") },
};

START_TEST(timestamps_have_an_order) {
        for (size_t i = 0; i < ELEMENTSOF(ordered); i++) {
                int order = aio_hlc_compare(&ordered[_i], &ordered[i]);

                ck_assert_int_eq((order > 0) - (order < 0), (_i > (int) i) - (_i < (int) i));
        }
}
END_TEST

#define PEER AZ_SPAN_LITERAL_FROM_STR("peer")
#define SELF AZ_SPAN_LITERAL_FROM_STR("self")

static const struct {
        uint64_t last_ms, last_counter; /* what the clock had */
        aio_hlc other;
        uint64_t wall_ms;
        az_result result;
        uint64_t next_ms, next_counter;
} updates[] = {
        /* the wall clock leads */
        { 100, 5, { 90, 7, PEER }, 200, AZ_OK, 200, 0 },
        { 100, 5, { 100, 7, PEER }, 101, AZ_OK, 101, 0 },
        /* both are ahead of it, equally */
        { 100, 5, { 100, 7, PEER }, 100, AZ_OK, 100, 8 },
        { 100, 5, { 100, 4, PEER }, 50, AZ_OK, 100, 6 },
        /* the clock leads */
        { 100, 5, { 90, 7, PEER }, 100, AZ_OK, 100, 6 },
        { 100, 5, { 90, 7, PEER }, 10, AZ_OK, 100, 6 },
        /* the peer leads */
        { 100, 5, { 110, 7, PEER }, 105, AZ_OK, 110, 8 },
        { 100, 5, { 110, 7, PEER }, 110, AZ_OK, 110, 8 },
        /* its own echo, however wrong */
        { 100, 5, { 900000, 7, SELF }, 105, AZ_OK, 100, 5 },
        /* as far ahead as allowed, and further */
        { 100, 5, { 60105, 7, PEER }, 105, AZ_OK, 60105, 8 },
        { 100, 5, { 60106, 7, PEER }, 105, AZ_ERROR_CLOCK, 100, 5 },
        { 100, 5, { UINT64_MAX, 7, PEER }, 105, AZ_ERROR_CLOCK, 100, 5 },
        { 100000, 5, { 90, 7, PEER }, 40000, AZ_OK, 100000, 6 },
        { 100000, 5, { 90, 7, PEER }, 39999, AZ_ERROR_CLOCK, 100000, 5 },
        /* a peer in the past never matters */
        { 100000, 5, { 0, 0, PEER }, 200000, AZ_OK, 200000, 0 },
        /* the counter */
        { 100, 5, { 100, 1073741822, PEER }, 100, AZ_OK, 100, 1073741823 },
        { 100, 5, { 100, 1073741823, PEER }, 100, AZ_ERROR_NOT_ENOUGH_SPACE, 100, 5 },
        { 100, 5, { 99, 1073741823, PEER }, 100, AZ_OK, 100, 6 },
        { 100, 5, { 110, UINT64_MAX, PEER }, 100, AZ_ERROR_NOT_ENOUGH_SPACE, 100, 5 },
        { 100, 2147483647, { 100, 1, PEER }, 100, AZ_ERROR_NOT_ENOUGH_SPACE, 100, 2147483647 },
        { 100, 2147483647, { 100, UINT64_MAX, PEER }, 101, AZ_OK, 101, 0 },
};

START_TEST(a_clock_moves_past_what_it_hears_or_stays_as_it_was) {
        aio_hlc_clock clock;
        aio_hlc next = { 0 };

        ck_assert_int_eq(aio_hlc_clock_init(&clock, of("self"), AIO_HLC_MAX_DRIFT_DEFAULT_MS), AZ_OK);
        clock._internal.last.wall_ms = updates[_i].last_ms;
        clock._internal.last.counter = updates[_i].last_counter;

        ck_assert_int_eq(aio_hlc_clock_update(&clock, &updates[_i].other, updates[_i].wall_ms),
                         updates[_i].result);
        /* A tick in the same millisecond shows where the clock is, by one more. */
        if (updates[_i].next_counter == AIO_HLC_COUNTER_MAX) {
                ck_assert_int_eq(aio_hlc_clock_tick(&clock, updates[_i].next_ms, &next),
                                 AZ_ERROR_NOT_ENOUGH_SPACE);
                return;
        }
        ck_assert_int_eq(aio_hlc_clock_tick(&clock, updates[_i].next_ms, &next), AZ_OK);
        ck_assert_uint_eq(next.wall_ms, updates[_i].next_ms);
        ck_assert_uint_eq(next.counter, updates[_i].next_counter + 1);
        CHECK_SPAN(next.node_id, "self");
}
END_TEST

START_TEST(a_peer_does_not_use_the_counter_up) {
        const aio_hlc far = { 60000, AIO_HLC_COUNTER_MAX / 2 - 1, PEER },
                      further = { 60000, AIO_HLC_COUNTER_MAX - 1, PEER };
        aio_hlc_clock clock;
        aio_hlc next;

        ck_assert_int_eq(aio_hlc_clock_init(&clock, of("self"), AIO_HLC_MAX_DRIFT_DEFAULT_MS), AZ_OK);
        ck_assert_int_eq(aio_hlc_clock_update(&clock, &further, 0), AZ_ERROR_NOT_ENOUGH_SPACE);
        ck_assert_int_eq(aio_hlc_clock_tick(&clock, 0, &next), AZ_OK);
        ck_assert_int_eq(aio_hlc_clock_update(&clock, &far, 0), AZ_OK);
        ck_assert_int_eq(aio_hlc_clock_tick(&clock, 0, &next), AZ_OK);
}
END_TEST

static const struct {
        uint64_t wall_ms;
        az_result result;
        uint64_t next_ms, next_counter;
} ticks[] = {
        { 100000, AZ_OK, 100000, 0 }, { 100000, AZ_OK, 100000, 1 }, { 100001, AZ_OK, 100001, 0 },
        { 90000, AZ_OK, 100001, 1 },  { 40001, AZ_OK, 100001, 2 },  { 40000, AZ_ERROR_CLOCK, 0, 0 },
        { 100001, AZ_OK, 100001, 3 }, { 100002, AZ_OK, 100002, 0 },
};

START_TEST(ticks_never_go_back) {
        aio_hlc_clock clock;

        ck_assert_int_eq(aio_hlc_clock_init(&clock, of("self"), AIO_HLC_MAX_DRIFT_DEFAULT_MS), AZ_OK);
        for (size_t i = 0; i < ELEMENTSOF(ticks); i++) {
                aio_hlc hlc = { 0 };

                ck_assert_int_eq(aio_hlc_clock_tick(&clock, ticks[i].wall_ms, &hlc), ticks[i].result);
                ck_assert_uint_eq(hlc.wall_ms, ticks[i].next_ms);
                ck_assert_uint_eq(hlc.counter, ticks[i].next_counter);
        }
}
END_TEST

static const struct {
        const char *node_id;
        az_result result;
} nodes[] = {
        { "c6a0cbbd-3ea5-4b6b-a6b2-1bd5fd1b2a40", AZ_OK },
        { "", AZ_ERROR_ARG },
        { "a:b", AZ_ERROR_ARG },
        { "\xff", AZ_ERROR_ARG },
};

START_TEST(a_node_is_a_text_without_colons) {
        aio_hlc_clock clock;

        ck_assert_int_eq(aio_hlc_clock_init(&clock, of(nodes[_i].node_id), 0), nodes[_i].result);
}
END_TEST

static const struct {
        az_result result;
        aio_error_kind kind;
        const char *name, *value;
} errors[] = {
        { AZ_ERROR_UNEXPECTED_CHAR, AIO_ERROR_INVALID_HEADER, "__ts", "NotValid" },
        { AZ_ERROR_UNEXPECTED_END, AIO_ERROR_INVALID_HEADER, "__ts", "NotValid" },
        { AZ_ERROR_CLOCK, AIO_ERROR_INVALID_STATE, "MaxClockDrift", NULL },
        { AZ_ERROR_NOT_ENOUGH_SPACE, AIO_ERROR_INVALID_STATE, "Counter", NULL },
};

START_TEST(each_failure_is_an_error) {
        aio_error error = aio_hlc_to_error(errors[_i].result, of("NotValid"));

        ck_assert_int_eq(error.kind, errors[_i].kind);
        ck_assert_int_eq(error.cause, errors[_i].result);
        ck_assert(!error.is_shallow && !error.is_remote);
        CHECK_SPAN(error.property_name, errors[_i].name);
        CHECK_SPAN(error.property_value, errors[_i].value);
}
END_TEST

static Suite *aio_hlc_suite(void) {
        Suite *s = suite_create("aio-hlc");
        TCase *t = tcase_create("aio_hlc");

        tcase_add_loop_test(t, a_timestamp_has_three_parts, 0, ELEMENTSOF(texts));
        tcase_add_loop_test(t, a_timestamp_is_padded_with_zeros, 0, ELEMENTSOF(formats));
        tcase_add_loop_test(t, timestamps_have_an_order, 0, ELEMENTSOF(ordered));
        tcase_add_loop_test(t, each_failure_is_an_error, 0, ELEMENTSOF(errors));
        suite_add_tcase(s, t);

        t = tcase_create("aio_hlc_clock");
        tcase_add_loop_test(t, a_clock_moves_past_what_it_hears_or_stays_as_it_was, 0, ELEMENTSOF(updates));
        tcase_add_test(t, a_peer_does_not_use_the_counter_up);
        tcase_add_test(t, ticks_never_go_back);
        tcase_add_loop_test(t, a_node_is_a_text_without_colons, 0, ELEMENTSOF(nodes));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(aio_hlc_suite)
