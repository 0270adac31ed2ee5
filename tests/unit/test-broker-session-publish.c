/* SPDX-License-Identifier: MIT */

/* What is published and how it comes out. Tokens of messages are letters: a story is a line of them. */

#include "broker-session-fixture.h"

#include <string.h>

typedef struct {
        World w;
        uint64_t handles[128]; /* by token */
        uint16_t next_packet_id;
        char told[128]; /* what has happened, as it happened */
        size_t n_told;
} Story;

static void tell(Story *st, const char *text, uint64_t token) {
        st->n_told += (size_t) snprintf(st->told + st->n_told, sizeof(st->told) - st->n_told, "%s%c ", text,
                                        (char) token);
}

static void tell_results(Story *st) {
        static const char *const results[_AZ_BROKER_RESULT_MAX] = { "ok:", "refused:", "expired:", "dropped:",
                                                                    "stopped:" };
        az_broker_event event;

        while (az_broker_session_next_event(&st->w.s, &event)) {
                if (event.type == E(PUBLISHED))
                        tell(st, results[event.as.published.result], event.as.published.token);
                else if (event.type == E(STOPPED))
                        tell(st, "end", '.');
        }
}

/* Sends what there is to be sent: '+' anew, '*' again. */
static void send_all(Story *st, uint64_t now_us) {
        az_broker_next_publish next;
        size_t n_told;

        do {
                n_told = st->n_told;
                while (az_broker_session_next_publish(&st->w.s, now_us, &next)) {
                        char id[16] = "";

                        if (next.is_resend)
                                (void) snprintf(id, sizeof(id), "*%u", next.packet_id);
                        else
                                ck_assert_uint_eq(next.packet_id, 0);
                        tell(st, next.is_resend ? id : "+", next.token);
                        st->handles[next.token] = next.handle;
                        az_broker_session_sent(&st->w.s,
                                               next.is_resend ? next.packet_id : ++st->next_packet_id);
                        tell_results(st);
                }
                tell_results(st);
        } while (st->n_told > n_told);
}

static void puback(Story *st, char token, uint8_t reason_code) {
        if (az_broker_session_puback(&st->w.s, st->handles[(int) token], reason_code) == AZ_OK)
                tell_results(st);
        else
                tell(st, "unknown:", (uint64_t) token);
}

static void publish(Story *st, char token, uint8_t qos, uint32_t expires_ms) {
        const az_broker_publish p = { .token = (uint64_t) token, .qos = qos, .expires_us = ms(expires_ms) };

        if (az_broker_session_publish(&st->w.s, &p) != AZ_OK)
                tell(st, "full:", (uint64_t) token);
        tell_results(st);
}

/*
 * One letter of a plot is one thing that happens: a letter is published, a digit is a message of QoS 0, '('
 * is the end of the connection and ')' the next one, '|' one without the session, '!' a PUBACK for the
 * message behind it, '?' one that refuses, '~' a message that cannot be sent, '.' the end of the session.
 * Capital letters expire at 1 ms; it is 0, and 2 ms after '@'.
 */
static void run(Story *st, const char *plot) {
        uint32_t now_ms = 0;

        (void) give(&st->w, START, 0, 0);
        for (const char *c = plot; *c; c++) {
                if (*c == '(') {
                        (void) give(&st->w, LOST, L(TCP), now_ms);
                } else if (*c == ')' || *c == '|') {
                        if (state_of(&st->w) == S(BACKOFF))
                                (void) give(&st->w, RECONNECT_NOW, 0, now_ms);
                        (void) give(&st->w, *c == ')' ? CONNECTED : CONNECTED_TO_NEW, 0, now_ms);
                } else if (*c == '!') {
                        puback(st, *++c, NO_MATCHING_SUBSCRIBERS);
                } else if (*c == '?') {
                        puback(st, *++c, QUOTA_EXCEEDED);
                } else if (*c == '~') {
                        az_broker_session_unsendable(&st->w.s, PACKET_TOO_LARGE);
                        tell_results(st);
                        continue;
                } else if (*c == '@') {
                        now_ms = 2;
                } else if (*c == '.') {
                        ck_assert_int_eq(feed(&st->w, STOP, true, 0), AZ_OK);
                        tell_results(st);
                        (void) feed(&st->w, CLOSED, 0, 0);
                        tell_results(st);
                } else {
                        publish(st, *c, (uint8_t) !(*c >= '0' && *c <= '9'),
                                *c >= 'A' && *c <= 'Z' ? 1 : NEVER);
                }
                if (c[1] != '~')
                        send_all(st, ms(now_ms));
        }
}

/* Three may be in flight, four may wait. */
static const struct {
        const char *name;
        size_t window;
        az_broker_when_full when_full;
        const char *plot, *told;
} stories[] = {
        { "in order, each acknowledged", 0, 0, ")ab!a!b", "+a +b ok:a ok:b " },
        { "what waits is sent when there is a connection", 0, 0, "ab)!b!a", "+a +b ok:b ok:a " },
        { "no more under way than the window", 2, 0, ")abc!a!b!c", "+a +b ok:a +c ok:b ok:c " },
        { "no more under way than there is memory for", 9, 0, ")abcd!a", "+a +b +c ok:a +d " },
        { "a hole is room only when the first is acknowledged", 0, 0, ")abcd!b!a", "+a +b +c ok:b ok:a +d " },
        { "a refusal is a result", 0, 0, ")ab?a!b", "+a +b refused:a ok:b " },
        { "a PUBACK counts once", 0, 0, ")a!a!a", "+a ok:a unknown:a " },
        { "sent again in order, with its packet id, before what waited", 0, 0, ")abc(d)!a",
          "+a +b +c *1a *2b *3c ok:a +d " },
        { "what was acknowledged is not sent again", 0, 0, ")abc!b()", "+a +b +c ok:b *1a *3c " },
        { "a PUBACK of before the loss is late", 0, 0, ")ab(!a)", "+a +b ok:a *2b " },
        { "twice lost, three times sent", 0, 0, ")a()()!a", "+a *1a *1a ok:a " },
        { "sent again within the window of the new connection", 1, 0, ")a(b)!a!b", "+a *1a ok:a +b ok:b " },
        { "as new in a new session", 0, 0, ")ab(c|!a!b!c", "+a +b +a +b +c ok:a ok:b ok:c " },
        { "again with the id of the last time", 0, 0, ")a(|()!a", "+a +a *2a ok:a " },
        { "QoS 0 is sent once, in its turn", 0, 0, "a1b)(c)", "+a +1 ok:1 +b *1a *3b +c " },
        { "QoS 0 does not wait for memory, only for the window", 0, 0, ")abc1!a", "+a +b +c ok:a +1 ok:1 " },
        { "one that waited for too long is not sent", 0, 0, "AbC@)", "expired:A +b expired:C " },
        { "one that was sent in time is sent again later", 0, 0, ")A(@)!A", "+A *1A ok:A " },
        { "one that is too late for a new session is not sent in it", 0, 0, ")Ab(@|!b",
          "+A +b expired:A +b ok:b " },
        { "one that cannot be sent is told", 0, 0, ")a()~", "+a refused:a " },
        { "room is for as many as wait", 0, 0, "abcde)", "full:e +a +b +c " },
        { "without policy there is room again when one is sent", 0, 0, "abcde)f", "full:e +a +b +c " },
        { "the newest is dropped", 0, AZ_BROKER_WHEN_FULL_DROP_NEWEST, "abcdef)!a",
          "dropped:e dropped:f +a +b +c ok:a +d " },
        { "the oldest is dropped that was never sent", 0, AZ_BROKER_WHEN_FULL_DROP_OLDEST, ")ab(cdefg)!a!b",
          "+a +b dropped:c *1a *2b +d ok:a +e ok:b +f " },
        { "a stop gives back what is left, in order", 0, 0, ")abcde!b.",
          "+a +b +c ok:b stopped:a stopped:c "
          "stopped:d stopped:e end. " },
        { "a stop without a connection does so, too", 0, 0, "ab.", "stopped:a stopped:b end. " },
        { "nothing is taken after it", 0, 0, "a.b", "stopped:a end. full:b " },
};

START_TEST(messages_come_out_as_told) {
        az_broker_session_options o = options();
        Story st = { .w.window = stories[_i].window };

        o.when_full = stories[_i].when_full;
        o.resubscribes = true;
        init(&st.w, &o);
        run(&st, stories[_i].plot);
        ck_assert_msg(strcmp(st.told, stories[_i].told) == 0, "%s:\n%s, not\n%s", stories[_i].name, st.told,
                      stories[_i].told);
}
END_TEST

START_TEST(nothing_is_sent_while_a_link_is_renewed) {
        az_broker_session_options o = options();
        Story st = { .w.window = 0 };
        az_broker_next_publish next;

        init(&st.w, &o);
        run(&st, ")a");
        (void) give(&st.w, RENEW, 0, 0);
        ck_assert(!az_broker_session_is_idle(&st.w.s));
        publish(&st, 'b', 1, NEVER);
        ck_assert(!az_broker_session_next_publish(&st.w.s, 0, &next));
        puback(&st, 'a', 0);
        ck_assert(az_broker_session_is_idle(&st.w.s));
        (void) give(&st.w, DRAINED, 0, 0);
        (void) give(&st.w, CLOSED, 0, 0);
        (void) give(&st.w, CONNECTED, 0, 0);
        send_all(&st, 0);
        ck_assert_str_eq(st.told, "+a ok:a +b ");
}
END_TEST

START_TEST(a_message_is_sent_while_a_new_token_is_judged) {
        az_broker_session_options o = options();
        Story st = { .w.window = 0 };

        init(&st.w, &o);
        run(&st, ")");
        (void) give(&st.w, TOKEN_CHANGED, 0, 0);
        publish(&st, 'a', 1, NEVER);
        send_all(&st, 0);
        ck_assert_str_eq(st.told, "+a ");
}
END_TEST

START_TEST(only_qos_0_and_1_are_taken) {
        const az_broker_publish p = { .token = 'a', .qos = 2, .expires_us = UINT64_MAX };
        World w = { 0 };

        init_in(&w, S(LIVE));
        ck_assert_int_eq(az_broker_session_publish(&w.s, &p), AZ_ERROR_ARG);
}
END_TEST

/*
 * Random things happen, from fixed seeds. Whatever they are: what is published comes out exactly once,
 * nothing is sent out of its order on a connection, and no more is under way than may be.
 */
typedef struct {
        World w;
        uint64_t random, n_published, n_out;
        uint64_t sent_last;              /* on this connection */
        uint64_t handles[64], handle_of; /* what is under way, oldest first */
        size_t n_under_way;
        bool is_out[4096];
} Chaos;

static uint64_t draw(Chaos *c, uint64_t n) {
        c->random = c->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (c->random >> 33) % n;
}

static void check_results(Chaos *c) {
        az_broker_event event;

        while (az_broker_session_next_event(&c->w.s, &event)) {
                if (event.type != E(PUBLISHED))
                        continue;
                ck_assert_uint_lt(event.as.published.token, c->n_published);
                ck_assert_msg(!c->is_out[event.as.published.token], "it has come out before");
                c->is_out[event.as.published.token] = true;
                c->n_out++;
        }
}

static void send_some(Chaos *c) {
        az_broker_next_publish next;

        while (draw(c, 4) > 0 && az_broker_session_next_publish(&c->w.s, 0, &next)) {
                ck_assert_msg(!c->is_out[next.token], "it has come out before");
                ck_assert_msg(next.token + 1 > c->sent_last, "out of order");
                c->sent_last = next.token + 1;
                az_broker_session_sent(&c->w.s, 1);
                c->handles[c->n_under_way++] = next.handle;
                ck_assert_uint_le(c->n_under_way, ELEMENTSOF(c->w.in_flight));
        }
        check_results(c);
}

static void acknowledge_one(Chaos *c) {
        size_t i = (size_t) draw(c, c->n_under_way);

        ck_assert_int_eq(az_broker_session_puback(&c->w.s, c->handles[i], draw(c, 2) ? 0 : UNSPECIFIED_ERROR),
                         AZ_OK);
        c->handles[i] = c->handles[--c->n_under_way];
        check_results(c);
}

static void reconnect(Chaos *c) {
        (void) feed(&c->w, LOST, L(TCP), 0);
        check_results(c);
        c->n_under_way = 0;
        c->sent_last = 0;
        (void) feed(&c->w, RECONNECT_NOW, 0, 0);
        check_results(c);
        (void) feed(&c->w, draw(c, 3) ? CONNECTED : CONNECTED_TO_NEW, 0, 0);
        check_results(c);
}

START_TEST(each_message_comes_out_exactly_once) {
        az_broker_session_options o = options();
        Chaos c = { .random = (uint64_t) _i + 1 };

        o.resubscribes = true;
        o.rival_links = 0;
        o.when_full = AZ_BROKER_WHEN_FULL_DROP_OLDEST;
        init(&c.w, &o);
        (void) give(&c.w, START, 0, 0);
        (void) give(&c.w, CONNECTED, 0, 0);
        while (c.n_published < ELEMENTSOF(c.is_out)) {
                const az_broker_publish p = { .token = c.n_published, .qos = 1, .expires_us = UINT64_MAX };

                if (draw(&c, 2)) {
                        c.n_published++;
                        ck_assert_int_eq(az_broker_session_publish(&c.w.s, &p), AZ_OK);
                        check_results(&c);
                } else if (draw(&c, 10) == 0) {
                        reconnect(&c);
                } else if (draw(&c, 2)) {
                        send_some(&c);
                } else if (c.n_under_way > 0) {
                        acknowledge_one(&c);
                }
        }
        (void) feed(&c.w, STOP, 0, 0);
        check_results(&c);
        (void) feed(&c.w, CLOSED, 0, 0);
        check_results(&c);
        ck_assert_uint_eq(c.n_out, c.n_published);
}
END_TEST

static Suite *broker_session_publish_suite(void) {
        Suite *suite = suite_create("broker-session-publish");
        TCase *t = tcase_create("publish");

        tcase_add_loop_test(t, messages_come_out_as_told, 0, ELEMENTSOF(stories));
        tcase_add_test(t, nothing_is_sent_while_a_link_is_renewed);
        tcase_add_test(t, a_message_is_sent_while_a_new_token_is_judged);
        tcase_add_test(t, only_qos_0_and_1_are_taken);
        tcase_add_loop_test(t, each_message_comes_out_exactly_once, 0, 20);
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(broker_session_publish_suite)
