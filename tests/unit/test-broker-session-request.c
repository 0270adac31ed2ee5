/* SPDX-License-Identifier: MIT */

/* What is subscribed to. Filters are letters. */

#include "broker-session-fixture.h"

#include <string.h>

typedef struct {
        World w;
        size_t n_sent;
        char told[256];
} Story;

static void tell(Story *st, const char *text) {
        size_t n = strlen(st->told);

        (void) snprintf(st->told + n, sizeof(st->told) - n, "%s", text);
}

static void tell_answers(Story *st) {
        az_broker_event event;
        char text[32];

        while (az_broker_session_next_event(&st->w.s, &event)) {
                const char *sign = event.as.answered.request.type == AZ_BROKER_SUBSCRIBE ? "" : "-";

                if (event.type != E(ANSWERED))
                        continue;
                (void) snprintf(text, sizeof(text), "%s:%s%c%s ",
                                az_broker_result_to_string(event.as.answered.result), sign,
                                (char) event.as.answered.request.filter,
                                event.as.answered.is_again ? "!" : "");
                if (!event.as.answered.is_again)
                        ck_assert_uint_eq(event.as.answered.request.token,
                                          event.as.answered.request.filter + 1000);
                tell(st, text);
        }
}

/* Sends what there is to be sent, in one batch. */
static void send_next(Story *st) {
        az_broker_request requests[16];
        size_t n = az_broker_session_next_requests(&st->w.s, requests, ELEMENTSOF(requests));

        if (n == 0)
                return;
        tell(st, requests[0].type == AZ_BROKER_SUBSCRIBE ? "[" : "[-");
        for (size_t i = 0; i < n; i++)
                tell(st, (char[]){ (char) requests[i].filter, '\0' });
        tell(st, "] ");
        az_broker_session_requests_sent(&st->w.s, n);
        st->n_sent = n;
}

static void answer(Story *st, char how) {
        uint8_t codes[16] = { 0 };

        /* '?' refuses the first. */
        codes[0] = how == '?' ? NOT_AUTHORIZED : GRANTED_QOS_1;
        if (az_broker_session_answered(&st->w.s, codes, st->n_sent) != AZ_OK)
                tell(st, "unasked ");
        tell_answers(st);
}

static void ask(Story *st, az_broker_request_type type, char filter) {
        const az_broker_request request = {
                .type = type,
                .filter = (uint64_t) filter,
                .token = (uint64_t) filter + 1000,
        };

        if (az_broker_session_request(&st->w.s, &request) != AZ_OK)
                tell(st, "full ");
}

/*
 * A letter is subscribed to, '-' ends the subscription of the one behind it; '!' is an answer that grants
 * everything, '?' one that refuses the first; '(' is the end of the connection, ')' the next one, '|' one
 * without the session; '.' the end of the session.
 */
static void run(Story *st, const char *plot) {
        (void) give(&st->w, START, 0, 0);
        for (const char *c = plot; *c; c++) {
                if (*c == '(') {
                        (void) give(&st->w, LOST, L(TCP), 0);
                } else if (*c == ')' || *c == '|') {
                        if (state_of(&st->w) == S(BACKOFF))
                                (void) give(&st->w, RECONNECT_NOW, 0, 0);
                        (void) give(&st->w, *c == ')' ? CONNECTED : CONNECTED_TO_NEW, 0, 0);
                } else if (*c == '!' || *c == '?') {
                        answer(st, *c);
                } else if (*c == '.') {
                        ck_assert_int_eq(feed(&st->w, STOP, 0, 0), AZ_OK);
                        tell_answers(st);
                        (void) feed(&st->w, CLOSED, 0, 0);
                        tell_answers(st);
                } else if (*c == '-') {
                        ask(st, AZ_BROKER_UNSUBSCRIBE, *++c);
                } else {
                        ask(st, AZ_BROKER_SUBSCRIBE, *c);
                }
                send_next(st);
        }
}

/* Four requests may wait for their answer, three filters may be subscribed to. */
static const struct {
        const char *name, *plot, *told;
} stories[] = {
        { "granted", ")a!", "[a] ok:a " },
        { "refused", ")a?", "[a] refused:a " },
        { "what was asked for before there is a connection goes out together", "ab)!", "[ab] ok:a ok:b " },
        { "of each only one is refused", "ab)?", "[ab] refused:a ok:b " },
        { "one batch at a time", ")ab!!", "[a] ok:a [b] ok:b " },
        { "in their order", ")ab-a!c!!!", "[a] ok:a [b] ok:b [-a] ok:-a [c] ok:c " },
        { "not granted at once, asked again after a loss", ")a()!", "[a] [a] ok:a " },
        { "so is the end of a subscription", ")a!-a()!", "[a] ok:a [-a] [-a] ok:-a " },
        { "what is granted stays, if the session does", ")a!()", "[a] ok:a " },
        { "in a new session, what was granted is asked for anew", ")ab!!(|!", "[a] ok:a [b] ok:b [ab] " },
        { "and before anything else", ")a!(b|!!", "[a] ok:a [a] [b] ok:b " },
        { "not what has ended", ")ab!!-a!(|!", "[a] ok:a [b] ok:b [-a] ok:-a [b] " },
        { "once more if that connection is lost, too", ")a!(|()!", "[a] ok:a [a] [a] " },
        { "what is refused then is told, and not asked for again", ")ab!!(|?(|",
          "[a] ok:a [b] ok:b [ab] "
          "refused:a! [b] " },
        { "twice the same is one", ")a!a!(|", "[a] ok:a [a] ok:a [a] " },
        { "no more requests than there is room for", "-a-b-c-d-e)", "full [-abcd] " },
        { "no more filters than there is room for", "abcd)!", "full [abc] ok:a ok:b ok:c " },
        { "nor when they are granted", ")a!b!c!d", "[a] ok:a [b] ok:b [c] ok:c full " },
        { "a stop gives back what was not answered", ")a!b-c.", "[a] ok:a [b] stopped:b stopped:-c " },
        { "and forgets the rest", ")a!.", "[a] ok:a " },
        { "an answer to nothing is none", ")!", "unasked " },
        { "nor is a second one", ")a!!", "[a] ok:a unasked " },
};

START_TEST(requests_come_out_as_told) {
        az_broker_session_options o = options();
        Story st = { .told = "" };

        o.resubscribes = true;
        init(&st.w, &o);
        run(&st, stories[_i].plot);
        ck_assert_msg(strcmp(st.told, stories[_i].told) == 0, "%s:\n%s, not\n%s", stories[_i].name, st.told,
                      stories[_i].told);
}
END_TEST

START_TEST(messages_wait_for_filters_of_a_new_session) {
        const az_broker_publish p = { .token = 1, .qos = 1, .expires_us = UINT64_MAX };
        az_broker_session_options o = options();
        Story st = { .told = "" };
        az_broker_next_publish next;

        o.resubscribes = true;
        init(&st.w, &o);
        run(&st, ")a!(|");
        ck_assert_int_eq(az_broker_session_publish(&st.w.s, &p), AZ_OK);
        ck_assert_msg(!az_broker_session_next_publish(&st.w.s, 0, &next), "the answer to it would be lost");
        ck_assert(!az_broker_session_is_idle(&st.w.s));
        answer(&st, '!');
        ck_assert(az_broker_session_next_publish(&st.w.s, 0, &next));
}
END_TEST

static Suite *broker_session_request_suite(void) {
        Suite *suite = suite_create("broker-session-request");
        TCase *t = tcase_create("request");

        tcase_add_loop_test(t, requests_come_out_as_told, 0, ELEMENTSOF(stories));
        tcase_add_test(t, messages_wait_for_filters_of_a_new_session);
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(broker_session_request_suite)
