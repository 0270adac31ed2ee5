/* SPDX-License-Identifier: MIT */
#include <aio/hlc.h>

#include <aio/aio_internal.h>
#include <aio/metadata.h>
#include <azure/core/az_precondition_internal.h>

/* A peer that counts further is not followed: there would be nothing left for the messages that we send. */
#define PEER_COUNTER_MAX (AIO_HLC_COUNTER_MAX / 2)

az_result aio_hlc_parse(az_span text, aio_hlc *out_hlc) {
        aio_hlc hlc;
        az_result r;

        _az_PRECONDITION_VALID_SPAN(text, 0);
        _az_PRECONDITION_NOT_NULL(out_hlc);

        r = _aio_read_u64(&text, &hlc.wall_ms);
        if (az_result_failed(r))
                return r;
        if (!_aio_skip(&text, ':'))
                return az_span_size(text) == 0 ? AZ_ERROR_UNEXPECTED_END : AZ_ERROR_UNEXPECTED_CHAR;
        r = _aio_read_u64(&text, &hlc.counter);
        if (az_result_failed(r))
                return r;
        if (!_aio_skip(&text, ':'))
                return az_span_size(text) == 0 ? AZ_ERROR_UNEXPECTED_END : AZ_ERROR_UNEXPECTED_CHAR;
        if (az_span_size(text) == 0)
                return AZ_ERROR_UNEXPECTED_END;
        if (az_span_find(text, AZ_SPAN_FROM_STR(":")) >= 0)
                return AZ_ERROR_UNEXPECTED_CHAR;

        hlc.node_id = text;
        *out_hlc = hlc;
        return AZ_OK;
}

az_result aio_hlc_format(aio_hlc const *hlc, az_span destination, az_span *out_text) {
        _aio_text text = _aio_text_begin(destination);

        _az_PRECONDITION_NOT_NULL(hlc);
        _az_PRECONDITION_VALID_SPAN(destination, 0);
        _az_PRECONDITION_NOT_NULL(out_text);

        _aio_text_append_u64(&text, hlc->wall_ms, 15);
        _aio_text_append(&text, AZ_SPAN_FROM_STR(":"));
        _aio_text_append_u64(&text, hlc->counter, 5);
        _aio_text_append(&text, AZ_SPAN_FROM_STR(":"));
        _aio_text_append(&text, hlc->node_id);
        return _aio_text_end(&text, out_text);
}

static int compare_spans(az_span a, az_span b) {
        int32_t size_a = az_span_size(a), size_b = az_span_size(b);
        int32_t common = size_a < size_b ? size_a : size_b;
        int order = common > 0 ? memcmp(az_span_ptr(a), az_span_ptr(b), (size_t) common) : 0;

        return order != 0 ? order : (size_a > size_b) - (size_a < size_b);
}

int aio_hlc_compare(aio_hlc const *a, aio_hlc const *b) {
        _az_PRECONDITION_NOT_NULL(a);
        _az_PRECONDITION_NOT_NULL(b);

        if (a->wall_ms != b->wall_ms)
                return a->wall_ms < b->wall_ms ? -1 : 1;
        if (a->counter != b->counter)
                return a->counter < b->counter ? -1 : 1;
        return compare_spans(a->node_id, b->node_id);
}

az_result aio_hlc_clock_init(aio_hlc_clock *out_clock, az_span node_id, uint64_t max_drift_ms) {
        aio_hlc_clock clock = { { { 0, 0, node_id }, max_drift_ms } };

        _az_PRECONDITION_NOT_NULL(out_clock);
        _az_PRECONDITION_VALID_SPAN(node_id, 0);

        if (az_span_size(node_id) == 0 || az_span_find(node_id, AZ_SPAN_FROM_STR(":")) >= 0 ||
            !az_span_is_valid_utf8(node_id))
                return AZ_ERROR_ARG;

        *out_clock = clock;
        return AZ_OK;
}

/* Moves the clock past its last timestamp and one of a peer, or 0 and 0 for none. */
static az_result move(aio_hlc_clock *clock, uint64_t other_ms, uint64_t other_counter, uint64_t wall_ms) {
        aio_hlc next = clock->_internal.last;

        if (wall_ms > next.wall_ms && wall_ms > other_ms) {
                clock->_internal.last.wall_ms = wall_ms;
                clock->_internal.last.counter = 0;
                return AZ_OK;
        }

        if (next.wall_ms == other_ms) {
                if (other_counter > next.counter)
                        next.counter = other_counter;
        } else if (next.wall_ms < other_ms) {
                next.wall_ms = other_ms;
                next.counter = other_counter;
        }
        if (next.counter >= AIO_HLC_COUNTER_MAX)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        next.counter++;
        if (next.wall_ms > wall_ms && next.wall_ms - wall_ms > clock->_internal.max_drift_ms)
                return AZ_ERROR_CLOCK;

        clock->_internal.last = next;
        return AZ_OK;
}

az_result aio_hlc_clock_tick(aio_hlc_clock *ref_clock, uint64_t wall_ms, aio_hlc *out_hlc) {
        az_result r;

        _az_PRECONDITION_NOT_NULL(ref_clock);
        _az_PRECONDITION_NOT_NULL(out_hlc);

        r = move(ref_clock, 0, 0, wall_ms);
        if (az_result_failed(r))
                return r;

        *out_hlc = ref_clock->_internal.last;
        return AZ_OK;
}

az_result aio_hlc_clock_update(aio_hlc_clock *ref_clock, aio_hlc const *other, uint64_t wall_ms) {
        _az_PRECONDITION_NOT_NULL(ref_clock);
        _az_PRECONDITION_NOT_NULL(other);

        if (az_span_is_content_equal(other->node_id, ref_clock->_internal.last.node_id))
                return AZ_OK;
        /* A clock that follows it has the rest to count with until the wall clock has come up. */
        if (other->counter >= PEER_COUNTER_MAX && other->wall_ms >= wall_ms &&
            other->wall_ms >= ref_clock->_internal.last.wall_ms)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        return move(ref_clock, other->wall_ms, other->counter, wall_ms);
}

aio_error aio_hlc_to_error(az_result result, az_span text) {
        aio_error error = { .kind = AIO_ERROR_INVALID_STATE, .cause = result };

        _az_PRECONDITION_VALID_SPAN(text, 0);

        if (result == AZ_ERROR_CLOCK) {
                error.property_name = AZ_SPAN_FROM_STR("MaxClockDrift");
                error.message = AZ_SPAN_FROM_STR("the timestamp is too far ahead of the clock");
        } else if (result == AZ_ERROR_NOT_ENOUGH_SPACE) {
                error.property_name = AZ_SPAN_FROM_STR("Counter");
                error.message = AZ_SPAN_FROM_STR("the counter of the clock is used up");
        } else {
                error.kind = AIO_ERROR_INVALID_HEADER;
                error.property_name = AZ_SPAN_FROM_STR(AIO_METADATA_TIMESTAMP);
                error.message = AZ_SPAN_FROM_STR("the timestamp is malformed");
                error.property_value = text;
        }
        return error;
}
