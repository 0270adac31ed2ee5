/* SPDX-License-Identifier: MIT */

#include "daemon/rollover.h"

#include "tests/unit/unit.h"

/*
 * What happens, letter by letter, and what the next attempt takes:
 *
 *      n p   an attempt with something new, with what was proven     A   it is accepted
 *      X     it is refused                                           !   which sends back at once
 *      b     the files cannot be read, which does not send back      B   the same, and it does
 *      c     the files change                                        h   they are held back
 */
static const struct {
        const char *story;
        RolloverUse use;
        bool has_proven;
} stories[] = {
        { "", ROLLOVER_FILES, false },
        { "nX", ROLLOVER_FILES, false },
        { "nXnXnA", ROLLOVER_FILES, true },
        { "b", ROLLOVER_FILES, false },
        { "h", ROLLOVER_FILES, false }, /* there is nothing else */
        { "nApA", ROLLOVER_FILES, true },
        { "nApX", ROLLOVER_FILES, true },
        { "nAnA", ROLLOVER_FILES, true },
        { "nAnX!", ROLLOVER_PROVEN, true },
        { "nAnX!pA", ROLLOVER_PROVEN, true },
        { "nAnX!pAc", ROLLOVER_FILES, true },
        { "nAnX!pAcnA", ROLLOVER_FILES, true },
        { "nAnX!pX!", ROLLOVER_FILES, true },
        { "nAnX!pX!nX", ROLLOVER_PROVEN, true }, /* by turns, and not at once */
        { "nAnX!pX!nXpX", ROLLOVER_FILES, true },
        { "nAnX!pX!nXpA", ROLLOVER_PROVEN, true },
        { "nAnX!pX!nXpAcnX!", ROLLOVER_PROVEN, true },
        { "nAnX!pX!nA", ROLLOVER_FILES, true }, /* the hub was told of the new one later */
        { "nAB", ROLLOVER_PROVEN, true },
        { "nABpA", ROLLOVER_PROVEN, true },
        { "nABpX!", ROLLOVER_FILES, true },
        { "nABpX!bpX", ROLLOVER_FILES, true },
        { "nAh", ROLLOVER_PROVEN, true },
        { "nAhpAcpA", ROLLOVER_FILES, true },
};

START_TEST(each_story_ends_as_it_should) {
        Rollover r = {};

        for (const char *s = stories[_i].story; *s; s++)
                switch (*s) {
                case 'n':
                case 'p':
                        ck_assert_int_eq(r.use == ROLLOVER_PROVEN && *s == 'n', false);
                        rollover_opened(&r, *s == 'p');
                        break;
                case 'A':
                        ck_assert_int_eq(rollover_accepted(&r), s[-1] == 'n');
                        break;
                case 'X':
                        ck_assert_int_eq(rollover_refused(&r), s[1] == '!');
                        break;
                case 'b':
                case 'B':
                        rollover_opened(&r, false);
                        ck_assert_int_eq(rollover_refused(&r), *s == 'B');
                        break;
                case 'c':
                        rollover_changed(&r);
                        break;
                case 'h':
                        rollover_hold(&r);
                        break;
                default:
                        ck_assert_int_eq(*s, '!');
                }
        ck_assert_int_eq(r.use, stories[_i].use);
        ck_assert_int_eq(r.has_proven, stories[_i].has_proven);
}
END_TEST

static Suite *rollover_suite(void) {
        Suite *s = suite_create("rollover");
        TCase *t = tcase_create("rollover");

        tcase_add_loop_test(t, each_story_ends_as_it_should, 0, ELEMENTSOF(stories));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(rollover_suite)
