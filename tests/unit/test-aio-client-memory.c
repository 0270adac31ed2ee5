/* SPDX-License-Identifier: MIT */

/* What the client builds on: blocks in the memory of the caller, and timers in the order of their time. */

#include <aio/client_arena.h>
#include <aio/client_timer.h>
#include <string.h>

#include "unit-span.h"

static uint32_t draw(uint32_t *random) {
        *random = *random * 1664525 + 1013904223;
        return *random >> 8;
}

/* Whether all bytes of a block are still what was written there. */
static bool holds(const uint8_t *block, uint32_t size, uint8_t mark) {
        for (uint32_t i = 0; i < size; i++) {
                if (block[i] != mark)
                        return false;
        }
        return true;
}

typedef struct {
        _Alignas(16) uint8_t bytes[4096];
} Memory;

START_TEST(blocks_are_aligned_and_do_not_overlap) {
        static const uint32_t sizes[] = { 1, 15, 16, 17, 100, 0 };
        uint8_t *blocks[ELEMENTSOF(sizes)];
        _aio_arena arena;
        Memory m;

        /* Wherever the memory begins. */
        _aio_arena_init(&arena, az_span_create(m.bytes + _i, (int32_t) sizeof(m.bytes) - _i));
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                blocks[i] = _aio_arena_take(&arena, sizes[i]);
                ck_assert_ptr_nonnull(blocks[i]);
                ck_assert_uint_eq((uintptr_t) blocks[i] % _aio_ARENA_ALIGNMENT, 0);
                memset(blocks[i], (int) i, sizes[i]);
        }
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                ck_assert(holds(blocks[i], sizes[i], (uint8_t) i));
                _aio_arena_give(&arena, blocks[i]);
        }
        ck_assert_uint_eq(arena.n_used_bytes, 0);
}
END_TEST

static const struct {
        int32_t n_bytes;
        uint32_t size;
        bool fits;
} takes[] = {
        { 0, 1, false },
        { 16, 1, false },
        { 31, 1, false },
        { 32, 16, true },
        { 32, 17, false },
        { 64, 48, true },
        { 64, 49, false },
        { 4096, 4080, true },
        { 4096, 4081, false },
        { 4096, UINT32_MAX, false },
        { 4096, UINT32_MAX - 15, false },
};

START_TEST(block_fits_if_there_is_room_for_it_and_its_header) {
        _aio_arena arena;
        Memory m;
        void *block;

        _aio_arena_init(&arena, az_span_create(m.bytes, takes[_i].n_bytes));
        block = _aio_arena_take(&arena, takes[_i].size);
        ck_assert(!!block == takes[_i].fits);
        _aio_arena_give(&arena, block);
}
END_TEST

/* In whatever order they are given back, all of the memory is one block again in the end. */
START_TEST(neighbours_that_are_free_grow_together) {
        struct {
                uint8_t *block;
                uint32_t size;
                uint8_t mark;
        } blocks[24] = { 0 };
        uint32_t random = (uint32_t) _i;
        _aio_arena arena;
        Memory m;

        _aio_arena_init(&arena, AZ_SPAN_FROM_BUFFER(m.bytes));
        for (int turn = 0; turn < 2000; turn++) {
                size_t const i = draw(&random) % ELEMENTSOF(blocks);

                ck_assert(!blocks[i].block || holds(blocks[i].block, blocks[i].size, blocks[i].mark));
                _aio_arena_give(&arena, blocks[i].block);
                blocks[i].size = draw(&random) % 400;
                blocks[i].mark = (uint8_t) turn;
                blocks[i].block = _aio_arena_take(&arena, blocks[i].size);
                if (blocks[i].block)
                        memset(blocks[i].block, blocks[i].mark, blocks[i].size);
        }
        for (size_t i = 0; i < ELEMENTSOF(blocks); i++)
                _aio_arena_give(&arena, blocks[i].block);
        ck_assert_uint_eq(arena.n_used_bytes, 0);
        ck_assert_ptr_nonnull(_aio_arena_take(&arena, sizeof(m.bytes) - 16));
}
END_TEST

START_TEST(first_timer_is_the_earliest_whatever_is_set_and_unset) {
        _aio_timer timers[50] = { 0 };
        uint64_t due_us[ELEMENTSOF(timers)];
        uint32_t random = (uint32_t) _i;
        _aio_timers all = { 0 };

        memset(due_us, 0xFF, sizeof(due_us));
        for (int turn = 0; turn < 2000; turn++) {
                size_t const i = draw(&random) % ELEMENTSOF(timers);
                uint64_t earliest_us = UINT64_MAX;

                due_us[i] = draw(&random) % 3 == 0 ? UINT64_MAX : draw(&random) % 1000;
                if (due_us[i] == UINT64_MAX && draw(&random) % 2)
                        _aio_timer_unset(&all, &timers[i]);
                else
                        _aio_timer_set(&all, &timers[i], due_us[i]);
                for (size_t k = 0; k < ELEMENTSOF(timers); k++)
                        earliest_us = due_us[k] < earliest_us ? due_us[k] : earliest_us;
                ck_assert_uint_eq(_aio_timers_due_us(&all), earliest_us);
        }
}
END_TEST

START_TEST(timers_come_in_their_order) {
        _aio_timer timers[300] = { 0 };
        uint32_t random = (uint32_t) _i;
        _aio_timers all = { 0 };
        uint64_t last_us = 0;

        for (size_t i = 0; i < ELEMENTSOF(timers); i++)
                _aio_timer_set(&all, &timers[i], draw(&random) % 1000);
        for (size_t i = 0; i < ELEMENTSOF(timers); i++) {
                ck_assert_uint_ge(_aio_timers_due_us(&all), last_us);
                last_us = _aio_timers_due_us(&all);
                _aio_timer_unset(&all, all.first);
        }
        ck_assert_uint_eq(_aio_timers_due_us(&all), UINT64_MAX);
}
END_TEST

static Suite *memory_suite(void) {
        Suite *s = suite_create("aio-client-memory");
        TCase *t = tcase_create("_aio_arena");

        tcase_add_loop_test(t, blocks_are_aligned_and_do_not_overlap, 0, 16);
        tcase_add_loop_test(t, block_fits_if_there_is_room_for_it_and_its_header, 0, ELEMENTSOF(takes));
        tcase_add_loop_test(t, neighbours_that_are_free_grow_together, 0, 8);
        suite_add_tcase(s, t);

        t = tcase_create("_aio_timers");
        tcase_add_loop_test(t, first_timer_is_the_earliest_whatever_is_set_and_unset, 0, 8);
        tcase_add_loop_test(t, timers_come_in_their_order, 0, 8);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(memory_suite)
