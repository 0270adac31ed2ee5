/* SPDX-License-Identifier: MIT */

#include "daemon/suspect.h"

#include "tests/unit/unit.h"

#define MINUTE_US (60 * USEC_PER_SEC)

/*
 * What happened, as a text: "1" message 1 was published, "+1" acknowledged, "a" is one of high priority; the
 * connection ended "C" by the hub, "B" broken, "O" otherwise. 'convicted' is how often.
 */
static const struct {
        const char *story;
        SuspectPermit permit;
        unsigned convicted;
} stories[] = {
        /* All is well. */
        { "", SUSPECT_ANY, 0 },
        { "1 2 3 +1", SUSPECT_ANY, 0 },
        { "1 2 C", SUSPECT_ANY, 0 },

        /* Twice at the front, however the connections ended: it is sent alone. */
        { "1 2 C 1 2 C", SUSPECT_ITSELF, 0 },
        { "1 B 1 B", SUSPECT_ITSELF, 0 },
        { "1 C 1 C 1", SUSPECT_NOTHING, 0 },
        { "1 C 1 C 1 +1", SUSPECT_ANY, 0 },
        { "1 C 1 C 1 B 1 B", SUSPECT_ITSELF, 0 },

        /* Not the same message, something acknowledged in between, no evidence. */
        { "1 C 2 C", SUSPECT_ANY, 0 },
        { "1 2 C 1 2 +1 C", SUSPECT_ANY, 0 },
        { "1 C 1 +1 2 C 2 +2 C", SUSPECT_ANY, 0 },
        { "1 O 1 O 1 O", SUSPECT_ANY, 0 },
        { "C C C", SUSPECT_ANY, 0 },

        /* Alone, and the hub closed: another one goes first. */
        { "1 C 1 C 1 C", SUSPECT_ANOTHER, 0 },
        { "1 C 1 C 1 C 2", SUSPECT_NOTHING, 0 },
        { "1 B 1 B 1 B 1 B 1 B", SUSPECT_ANOTHER, 0 },
        { "1 C 1 C 1 C 2 +2", SUSPECT_ITSELF, 0 },
        { "1 C 1 C 1 C 2 +2 1", SUSPECT_NOTHING, 0 },
        { "1 C 1 C 1 C 2 +2 1 +1", SUSPECT_ANY, 0 },

        /* On trial. */
        { "1 C 1 C 1 C 2 +2 1 C", SUSPECT_ANY, 1 },
        { "1 C 1 C 1 C 2 +2 1 B", SUSPECT_ITSELF, 0 },
        { "1 C 1 C 1 C 2 +2 1 O", SUSPECT_ANOTHER, 0 },
        { "1 C 1 C 1 C 2 +2 C", SUSPECT_ANOTHER, 0 },

        /* A hub that only ever resets convicts nobody, but others get through. */
        { "1 B 1 B 1 B 1 B 1 B 2 +2 1 B 1 B 3 +3 1 B 1 B", SUSPECT_ANOTHER, 0 },

        /* The hub takes no message at all: throttled, or its daily quota is used up. */
        { "1 C 1 C 1 C 2 C", SUSPECT_ITSELF, 0 },
        { "1 C 1 C 1 C 2 C 1 C 2 C 1 C 2 C 1 C 2 C 1 C 2 C", SUSPECT_ITSELF, 0 },

        /* There is no other message: sent again without comparison, it is not convicted. */
        { "1 C 1 C 1 C 1 C 1 C 1 C", SUSPECT_ANOTHER, 0 },

        /* An alarm that gets through says nothing of the message behind it, nor that of the alarm. */
        { "a 1 +a C b 1 +b C", SUSPECT_ITSELF, 0 },
        { "a 1 +1 C a 1 +1 C", SUSPECT_ITSELF, 0 },
        { "a 1 +a C b 1 +b C 1 C c +c 1 C", SUSPECT_ANY, 1 },
        { "a 1 +a C 1 +1 C", SUSPECT_ANY, 0 },
        { "a 1 +a +1 C a 1 +a +1 C", SUSPECT_ANY, 0 },

        /* Two at the front: the one of high priority first; if it is not that one, the other. */
        { "a 1 C a 1 C", SUSPECT_ITSELF, 0 },
        { "a 1 C a 1 C a +a 1 C 1 C 1 C 2 +2 1 C", SUSPECT_ANY, 1 },
        { "1 C a 1 C 1 C a +a 1 C", SUSPECT_ANY, 1 },

        /* Two of them. */
        { "1 C 1 C 1 C 3 +3 1 C 2 C 2 C 2 C 4 +4 2 C", SUSPECT_ANY, 2 },
};

static uint64_t token_of(char c) {
        if (c >= 'a' && c <= 'z')
                return token_make(PRIORITY_HIGH, (uint64_t) c - 'a' + 1);
        return c >= '1' && c <= '9' ? token_make(PRIORITY_NORMAL, (uint64_t) c - '0') : 0;
}

static unsigned tell(Suspect *s, const char *story) {
        unsigned convicted = 0;

        for (const char *p = story; *p; p++) {
                if (*p == '+')
                        suspect_acked(s, token_of(*++p));
                else if (token_of(*p) > 0)
                        suspect_published(s, token_of(*p));
                else if (*p == 'C')
                        convicted += suspect_lost(s, LINK_END_CLOSED, MINUTE_US);
                else if (*p == 'B')
                        convicted += suspect_lost(s, LINK_END_BROKEN, MINUTE_US);
                else if (*p == 'O')
                        convicted += suspect_lost(s, LINK_END_OTHER, MINUTE_US);
        }
        return convicted;
}

START_TEST(each_story_ends_as_it_says) {
        Suspect s = {};

        ck_assert_uint_eq(tell(&s, stories[_i].story), stories[_i].convicted);
        ck_assert_int_eq(suspect_permit(&s), stories[_i].permit);
}
END_TEST

START_TEST(without_another_message_it_is_tried_again_at_growing_intervals) {
        Suspect s = {};

        tell(&s, "1 C 1 C 1 C");
        ck_assert(!suspect_is_due(&s, 2 * MINUTE_US - 1));
        ck_assert(suspect_is_due(&s, 2 * MINUTE_US));
        tell(&s, "1 C");
        ck_assert_uint_eq(suspect_deadline_us(&s), 3 * MINUTE_US);
        for (unsigned i = 0; i < 20; i++)
                tell(&s, "1 C");
        ck_assert_uint_eq(suspect_deadline_us(&s), 61 * MINUTE_US);
}
END_TEST

START_TEST(nothing_is_due_unless_a_suspect_is_withheld) {
        static const char *const quiet[] = { "", "1", "1 C 1 C", "1 C 1 C 1", "1 C 1 C 1 C 2" };

        for (size_t i = 0; i < ELEMENTSOF(quiet); i++) {
                Suspect s = {};

                tell(&s, quiet[i]);
                ck_assert_uint_eq(suspect_deadline_us(&s), UINT64_MAX);
        }
}
END_TEST

START_TEST(a_suspect_that_is_gone_is_forgotten) {
        Suspect s = {};

        tell(&s, "1 C 1 C 1 C");
        suspect_forget(&s);
        ck_assert_int_eq(suspect_permit(&s), SUSPECT_ANY);
        ck_assert_uint_eq(suspect_deadline_us(&s), UINT64_MAX);
}
END_TEST

static Suite *suspect_suite(void) {
        Suite *s = suite_create("suspect");
        TCase *t = tcase_create("suspect");

        tcase_add_loop_test(t, each_story_ends_as_it_says, 0, ELEMENTSOF(stories));
        tcase_add_test(t, without_another_message_it_is_tried_again_at_growing_intervals);
        tcase_add_test(t, nothing_is_due_unless_a_suspect_is_withheld);
        tcase_add_test(t, a_suspect_that_is_gone_is_forgotten);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(suspect_suite)
