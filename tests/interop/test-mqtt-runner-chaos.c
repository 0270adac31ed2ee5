/* SPDX-License-Identifier: MIT */

/*
 * A server that closes, resets, keeps acknowledgements back and forgets the session, and a program that
 * publishes, subscribes and acknowledges all along, at random, from fixed seeds. The server ends the test if
 * it is sent what MQTT does not allow: a packet id that is under way, a PUBACK out of order, too many
 * messages.
 */

#include "runner-world.h"

#define N_STEPS    1500
#define TOKENS_MAX 2000

/* What the program knows. */
typedef struct Program {
        uint64_t random;
        uint64_t n_published; /* so many tokens are given away */
        unsigned n_out[TOKENS_MAX];
        MqttAck held[64];
        size_t n_held;
        unsigned n_received, n_connected, n_subscribed, n_asked;
} Program;

static uint64_t draw(Program *p, uint64_t n) {
        p->random = p->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (p->random >> 33) % n;
}

static void take(World *w, Program *p, const MqttRunnerEvent *event) {
        if (event->type == MQTT_RUNNER_PUBLISHED) {
                ck_assert_uint_lt(event->published.token, p->n_published);
                ck_assert_int_eq(event->published.result, AZ_BROKER_RESULT_OK);
                ck_assert_uint_eq(++p->n_out[event->published.token], 1);
        } else if (event->type == MQTT_RUNNER_MESSAGE) {
                p->n_received++;
                if (p->n_held == ELEMENTSOF(p->held))
                        mqtt_runner_ack(w->runner, p->held[--p->n_held]);
                p->held[p->n_held++] = event->message.ack;
        } else if (event->type == MQTT_RUNNER_SUBSCRIBED || event->type == MQTT_RUNNER_UNSUBSCRIBED) {
                p->n_subscribed++;
        } else if (event->type == MQTT_RUNNER_DISCONNECTED) {
                w->ahead_us += event->disconnected.delay_us;
        } else if (event->type == MQTT_RUNNER_CONNECTED) {
                p->n_connected++;
        }
        ck_assert_int_ne(event->type, MQTT_RUNNER_STOPPED);
}

/* One turn, and all that comes of it. */
static void run(World *w, Program *p) {
        MqttRunnerEvent event;

        turn(w);
        while (mqtt_runner_next_event(w->runner, &event))
                take(w, p, &event);
}

static void publish_one(World *w, Program *p) {
        az_mqtt_message message = { .topic = str("out"), .qos = 1 };
        char text[16];

        (void) snprintf(text, sizeof(text), "%u", (unsigned) p->n_published);
        message.payload = str(text);
        if (mqtt_runner_publish(w->runner, &message, p->n_published, now_us(w)) == 0)
                p->n_published++;
}

static void ask_one(World *w, Program *p) {
        static const char *const texts[] = { "in/0", "in/1", "in/2", "in/#" };
        const MqttFilter filter = { .filter = str(texts[draw(p, ELEMENTSOF(texts))]), .qos = 1 };
        int r;

        r = draw(p, 3) ? mqtt_runner_subscribe(w->runner, &filter, 1)
                       : mqtt_runner_unsubscribe(w->runner, filter.filter, 1);
        p->n_asked += r == 0;
}

static void acknowledge_one(World *w, Program *p) {
        size_t i;

        if (p->n_held == 0)
                return;
        i = (size_t) draw(p, p->n_held);
        mqtt_runner_ack(w->runner, p->held[i]);
        p->held[i] = p->held[--p->n_held];
}

/* What the server does to the connection, if it has one. */
static void harm(World *w, Program *p) {
        static const PeerPacketType types[] = { PEER_PUBLISH, PEER_SUBSCRIBE, PEER_UNSUBSCRIBE };
        const az_mqtt_message message = { .topic = str("in/1"), .payload = str("x"), .qos = 1 };

        if (!peer_is_connected(w->peer))
                return;
        switch (draw(p, 12)) {
        case 0:
                peer_close(w->peer);
                return;
        case 1:
                peer_reset(w->peer);
                return;
        case 2:
                peer_forget_session(w->peer);
                peer_close(w->peer);
                return;
        case 3:
                peer_send(w->peer, PEER_DISCONNECT, SHUTTING_DOWN, NULL, 0);
                peer_close(w->peer);
                return;
        case 4:
        case 5:
        case 6:
                /* It comes with the next connection, if at all. */
                peer_script(w->peer, types[draw(p, ELEMENTSOF(types))],
                            (PeerAnswer){ .action = draw(p, 2) ? PEER_CLOSE : PEER_DROP });
                return;
        default:
                (void) peer_publish(w->peer, &message, 0);
        }
}

/* Each payload has come, and the first time in order. */
static void check_order(World *w, const Program *p) {
        bool has_come[TOKENS_MAX] = { false };
        unsigned expected = 0;

        for (size_t i = 0; i < peer_count(w->peer, PEER_PUBLISH); i++) {
                az_span payload = peer_get(w->peer, PEER_PUBLISH, i)->message.payload;
                uint32_t number;

                ck_assert_int_eq(az_span_atou32(payload, &number), AZ_OK);
                if (has_come[number])
                        continue;
                ck_assert_uint_eq(number, expected);
                has_come[number] = true;
                expected++;
        }
        ck_assert_uint_eq(expected, p->n_published);
}

static bool is_done(const Program *p) {
        for (uint64_t i = 0; i < p->n_published; i++)
                if (p->n_out[i] == 0)
                        return false;
        return p->n_subscribed == p->n_asked;
}

START_TEST(nothing_is_lost_and_everything_in_order) {
        Program p = { .random = (uint64_t) _i + 1 };
        uint64_t until_us;

        world.config.resubscribes = true;
        world.config.rival_links = 0;
        world.config.window = 5;
        world.config.n_waiting = 20;
        world.config.receive_max = 10;
        make_connected(&world);
        for (unsigned i = 0; i < N_STEPS; i++) {
                uint64_t what = draw(&p, 20);

                if (what < 8)
                        publish_one(&world, &p);
                else if (what < 10)
                        ask_one(&world, &p);
                else if (what < 13)
                        acknowledge_one(&world, &p);
                else if (what < 15)
                        harm(&world, &p);
                else
                        run(&world, &p);
        }

        /* What was kept back is asked for again by a new connection only. */
        until_us = boottime_us() + 20 * USEC_PER_SEC;
        for (unsigned i = 1; !is_done(&p); i++) {
                ck_assert_msg(boottime_us() < until_us, "it does not come to an end");
                if (i % 50 == 0 && peer_is_connected(world.peer))
                        peer_close(world.peer);
                run(&world, &p);
        }
        check_order(&world, &p);
        ck_assert_uint_gt(p.n_connected, 5);
        ck_assert_uint_gt(p.n_received, 5);
}
END_TEST

static Suite *mqtt_runner_chaos_suite(void) {
        Suite *s = suite_create("mqtt-runner-chaos");
        TCase *t = tcase_create("chaos");

        tcase_add_checked_fixture(t, set_up, tear_down);
        tcase_add_loop_test(t, nothing_is_lost_and_everything_in_order, 0, 10);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(mqtt_runner_chaos_suite)
