/* SPDX-License-Identifier: MIT */

/*
 * The input is a script for one clock: a line is a timestamp that it hears, or 'w' and by how many
 * milliseconds the wall clock moves, forth or back. What is parsed reads the same when it is written again;
 * the clock rises with each tick, stays within its drift, and is where it was after an error.
 */

#include <stdlib.h>

#include <aio/hlc.h>

#include "fuzz-script.h"

#define START_MS INT64_C(1700000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

static void check_text(const aio_hlc *hlc) {
        static uint8_t buffer[2 * 1024 * 1024];
        aio_hlc again;
        az_span text;

        check(aio_hlc_format(hlc, AZ_SPAN_FROM_BUFFER(buffer), &text) == AZ_OK);
        check(az_span_size(text) <= AIO_HLC_SIZE_MAX(az_span_size(hlc->node_id)));
        check(aio_hlc_parse(text, &again) == AZ_OK);
        check(aio_hlc_compare(hlc, &again) == 0);
}

static void tick(aio_hlc_clock *clock, uint64_t wall_ms, aio_hlc *last) {
        aio_hlc next;

        if (aio_hlc_clock_tick(clock, wall_ms, &next) != AZ_OK)
                return;
        check(aio_hlc_compare(last, &next) < 0);
        check(next.wall_ms <= wall_ms + AIO_HLC_MAX_DRIFT_DEFAULT_MS);
        check(next.wall_ms >= wall_ms);
        *last = next;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_span rest = az_span_create((uint8_t *) data, (int32_t) size);
        aio_hlc last = { 0, 0, AZ_SPAN_FROM_STR("self") }, heard;
        int64_t wall_ms = START_MS;
        aio_hlc_clock clock;

        check(aio_hlc_clock_init(&clock, last.node_id, AIO_HLC_MAX_DRIFT_DEFAULT_MS) == AZ_OK);
        while (az_span_size(rest) > 0) {
                az_span line = script_next(&rest, '\n');

                if (az_span_size(line) > 0 && az_span_ptr(line)[0] == 'w') {
                        wall_ms += script_number(az_span_slice_to_end(line, 1));
                } else if (aio_hlc_parse(line, &heard) == AZ_OK) {
                        aio_hlc_clock before = clock;
                        aio_hlc now = { 0, 0, AZ_SPAN_EMPTY }, then = now;

                        check_text(&heard);
                        if (aio_hlc_clock_update(&clock, &heard, (uint64_t) wall_ms) != AZ_OK) {
                                aio_hlc_clock after = clock;

                                check(aio_hlc_clock_tick(&before, (uint64_t) wall_ms, &then) ==
                                      aio_hlc_clock_tick(&after, (uint64_t) wall_ms, &now));
                                check(aio_hlc_compare(&now, &then) == 0);
                        }
                }
                if (wall_ms < 1)
                        wall_ms = 1;
                tick(&clock, (uint64_t) wall_ms, &last);
        }
        return 0;
}
