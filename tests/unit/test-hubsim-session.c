/* SPDX-License-Identifier: MIT */

#include "hubsim/session.h"

#include "unit.h"

static const struct {
        uint16_t keep_alive_s;
        uint64_t silence_ms;
} rows[] = {
        { 0, 1767000 }, { 1, 1500 }, { 60, 90000 }, { 1178, 1767000 }, { 1177, 1765500 }, { 65535, 1767000 },
};

START_TEST(silence_is_borne_for_one_and_a_half_keep_alives_and_never_longer_than_the_hub_does) {
        ck_assert_uint_eq(session_silence_max_us(rows[_i].keep_alive_s), rows[_i].silence_ms * USEC_PER_MSEC);
}
END_TEST

static Suite *hubsim_session_suite(void) {
        Suite *s = suite_create("hubsim-session");
        TCase *t = tcase_create("session_silence_max_us");

        tcase_add_loop_test(
                t, silence_is_borne_for_one_and_a_half_keep_alives_and_never_longer_than_the_hub_does, 0,
                ELEMENTSOF(rows));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_session_suite)
