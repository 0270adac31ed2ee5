/* SPDX-License-Identifier: MIT */

#include "ipc/user.h"

#include "ipc/limits.h"
#include "tests/unit/unit.h"

/* Any time but 0. */
#define START   UINT64_C(77000000)
#define SECOND  (UINT64_C(1000) * 1000)
#define CALLER  1
#define WATCHER 2

typedef struct Fixture {
        IpcUsers users;
        IpcUser *caller, *watcher;
} Fixture;

static void fixture_init(Fixture *f) {
        *f = (Fixture){};
        f->caller = ipc_users_get(&f->users, CALLER, START);
        f->watcher = ipc_users_get(&f->users, WATCHER, START);
        ipc_users_connected(&f->users, f->caller);
        ipc_users_connected(&f->users, f->watcher);
}

START_TEST(user_is_found_again_while_its_past_matters) {
        Fixture f;

        fixture_init(&f);
        ck_assert_ptr_eq(ipc_users_get(&f.users, CALLER, START), f.caller);
        ck_assert_uint_eq(f.users.n_connected, 2);

        /* Who hangs up does not get rid of what it has used, until that has worn off. */
        ipc_users_took(&f.users, f.caller, SECOND, 1, START);
        ipc_users_disconnected(&f.users, f.caller);
        ck_assert_uint_eq(f.users.n_connected, 1);
        (void) ipc_users_get(&f.users, 3, START + SECOND);
        ck_assert_ptr_eq(ipc_users_get(&f.users, CALLER, START + SECOND), f.caller);
        (void) ipc_users_get(&f.users, 4, START + 200 * SECOND);
        for (const IpcUser *user = f.users.first; user; user = user->next)
                ck_assert_uint_ne(user->uid, CALLER);
        ipc_users_done(&f.users);
}
END_TEST

/* Who takes so much every 'every_us' is busy in the end; many tiny turns are as bad. */
static const struct {
        uint64_t us_per_turn, every_us;
        bool is_busy;
} uses[] = {
        { 20, 3000, false }, { 20, 200, true }, { 100, 110, true }, { 1, 25, true }, { 1, 1000, false }
};

START_TEST(who_takes_much_is_busy_and_soon_no_more) {
        uint64_t now_us = START;
        Fixture f;

        fixture_init(&f);
        for (; now_us < START + 3 * SECOND; now_us += uses[_i].every_us)
                ipc_users_took(&f.users, f.caller, uses[_i].us_per_turn, 1, now_us);
        ck_assert(ipc_user_is_busy(&f.users, f.caller, now_us) == uses[_i].is_busy);
        ck_assert(!ipc_user_is_busy(&f.users, f.watcher, now_us));
        ck_assert(!ipc_user_is_busy(&f.users, f.caller, now_us + 2 * SECOND));
        ck_assert(!ipc_user_is_busy(&f.users, f.caller, now_us + 20000 * SECOND));
        ipc_users_done(&f.users);
}
END_TEST

/* All of them call without a break, and none takes a part that would be much. */
START_TEST(many_users_do_not_starve_who_is_busy) {
        enum {
                N = 60
        };
        IpcUsers users = {};
        IpcUser *all[N];
        uint64_t now_us = START;
        unsigned n_busy = 0;

        for (unsigned i = 0; i < N; i++)
                all[i] = ipc_users_get(&users, i, now_us);
        for (unsigned i = 1; now_us < START + 3 * SECOND; i = i % (N - 1) + 1) {
                now_us += 100;
                ipc_users_took(&users, all[i], 90, 1, now_us);
                if (i == 1)
                        ipc_users_took(&users, all[0], 2, 1, now_us);
        }
        for (unsigned i = 1; i < N; i++)
                n_busy += ipc_user_is_busy(&users, all[i], now_us);
        ck_assert_uint_eq(n_busy, N - 1);
        ck_assert(!ipc_user_is_busy(&users, all[0], now_us)); /* who takes little is still served first */
        ipc_users_done(&users);
}
END_TEST

/* Calls without a break, beside somebody who calls now and then: how much of ten seconds they get. */
static uint64_t used_in_ten_seconds(Fixture *f, uint64_t took_us, uint64_t watch_us) {
        uint64_t used_us = 0, watched_us = 0;

        for (uint64_t now_us = START; now_us < START + 10 * SECOND;) {
                uint64_t until_us = ipc_users_pause_until_us(&f->users, f->caller, now_us);

                ck_assert_uint_le(until_us, now_us + IPC_PAUSE_MAX_US);
                if (watch_us > 0 && now_us >= watched_us + watch_us) {
                        ipc_users_took(&f->users, f->watcher, 10, 1, now_us);
                        watched_us = now_us;
                }
                if (until_us > 0) {
                        now_us = watch_us > 0 ? MIN(until_us, watched_us + watch_us) : until_us;
                        continue;
                }
                now_us += took_us;
                used_us += took_us;
                ipc_users_took(&f->users, f->caller, took_us, 1, now_us);
        }
        return used_us;
}

START_TEST(long_calls_get_little_of_the_time_while_others_call) {
        Fixture f;

        fixture_init(&f);
        ck_assert_uint_le(used_in_ten_seconds(&f, 700, 10000),
                          10 * SECOND / IPC_LONG_SHARE + IPC_LONG_FREE_US + 700);
        ck_assert(ipc_user_is_busy(&f.users, f.caller, START + 10 * SECOND));
        ipc_users_done(&f.users);
}
END_TEST

START_TEST(nobody_pauses_for_short_calls_or_for_nobody) {
        Fixture f;

        fixture_init(&f);
        ck_assert_uint_ge(used_in_ten_seconds(&f, IPC_LONG_US - 1, 10000), 99 * SECOND / 10);
        ipc_users_done(&f.users);
        fixture_init(&f);
        ck_assert_uint_ge(used_in_ten_seconds(&f, 700, 0), 99 * SECOND / 10);
        ipc_users_done(&f.users);
}
END_TEST

START_TEST(who_calls_now_and_then_costs_others_little) {
        Fixture f;

        fixture_init(&f);
        ck_assert_uint_ge(used_in_ten_seconds(&f, 700, SECOND), 9 * SECOND);
        ipc_users_done(&f.users);
}
END_TEST

START_TEST(what_was_done_alone_is_not_paid_for_later) {
        uint64_t now_us = START;
        Fixture f;

        fixture_init(&f);
        for (; now_us < START + 3600 * SECOND; now_us += SECOND)
                ipc_users_took(&f.users, f.caller, SECOND, 1, now_us);
        ipc_users_took(&f.users, f.caller, SECOND, 1, now_us);
        ipc_users_took(&f.users, f.watcher, 10, 1, now_us);
        ck_assert_uint_gt(ipc_users_pause_until_us(&f.users, f.caller, now_us), 0);
        now_us += IPC_PAUSE_MAX_US;
        ipc_users_took(&f.users, f.watcher, 10, 1, now_us);
        ck_assert_uint_eq(ipc_users_pause_until_us(&f.users, f.caller, now_us), 0);
        ipc_users_done(&f.users);
}
END_TEST

START_TEST(on_a_slow_machine_an_ordinary_call_is_not_long) {
        uint64_t now_us = START;
        Fixture f;

        fixture_init(&f);
        for (; now_us < START + SECOND; now_us += 1000) {
                ipc_users_took(&f.users, f.watcher, IPC_LONG_US, 1, now_us);
                ipc_users_took(&f.users, f.caller, 3 * IPC_LONG_US, 1, now_us);
                ck_assert_uint_eq(ipc_users_pause_until_us(&f.users, f.caller, now_us), 0);
        }
        ipc_users_took(&f.users, f.caller, 100 * IPC_LONG_US, 1, now_us);
        ck_assert_uint_gt(ipc_users_pause_until_us(&f.users, f.caller, now_us), 0);
        ipc_users_done(&f.users);
}
END_TEST

START_TEST(a_few_long_calls_are_free) {
        Fixture f;

        fixture_init(&f);
        ipc_users_took(&f.users, f.watcher, 10, 1, START);
        ipc_users_took(&f.users, f.caller, IPC_LONG_FREE_US, 1, START);
        ck_assert_uint_eq(ipc_users_pause_until_us(&f.users, f.caller, START), 0);
        ipc_users_took(&f.users, f.caller, 1000, 1, START);
        ck_assert_uint_gt(ipc_users_pause_until_us(&f.users, f.caller, START), START);
        ipc_users_took(&f.users, f.watcher, 10, 1, START + 999 * IPC_LONG_SHARE);
        ck_assert_uint_eq(ipc_users_pause_until_us(&f.users, f.caller, START + 999 * IPC_LONG_SHARE),
                          START + 1000 * IPC_LONG_SHARE);
        ck_assert_uint_eq(ipc_users_pause_until_us(&f.users, f.caller, START + 1000 * IPC_LONG_SHARE), 0);
        /* Of turns in which it called nothing nobody pauses. */
        ipc_users_took(&f.users, f.caller, 10000, 0, START + 1000 * IPC_LONG_SHARE);
        ck_assert_uint_eq(ipc_users_pause_until_us(&f.users, f.caller, START + 1000 * IPC_LONG_SHARE), 0);
        ipc_users_done(&f.users);
}
END_TEST

static Suite *user_suite(void) {
        Suite *suite = suite_create("ipc-user");
        TCase *t;

        t = tcase_create("user");
        tcase_add_test(t, user_is_found_again_while_its_past_matters);
        tcase_add_loop_test(t, who_takes_much_is_busy_and_soon_no_more, 0, ELEMENTSOF(uses));
        tcase_add_test(t, long_calls_get_little_of_the_time_while_others_call);
        tcase_add_test(t, nobody_pauses_for_short_calls_or_for_nobody);
        tcase_add_test(t, many_users_do_not_starve_who_is_busy);
        tcase_add_test(t, who_calls_now_and_then_costs_others_little);
        tcase_add_test(t, what_was_done_alone_is_not_paid_for_later);
        tcase_add_test(t, on_a_slow_machine_an_ordinary_call_is_not_long);
        tcase_add_test(t, a_few_long_calls_are_free);
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(user_suite)
