/* SPDX-License-Identifier: MIT */

/*
 * The life of a link with each of its allocations failing in turn: it must say so, give everything back and
 * not hang. Those of libmosquitto and OpenSSL cannot be reached.
 */

#include <poll.h>
#include <sys/socket.h>

#include <mqtt/link.h>

#include "failing-memory.h"
#include "fake-server.h"

#define ALLOCATIONS_MAX 1000

/* As a proxy does that then is the host itself. */
static void answer_connect(int fd) {
        static const char answer[] = "HTTP/1.1 200 OK\r\n\r\n";
        char last[4] = "", byte;

        while (memcmp(last, "\r\n\r\n", sizeof(last)) != 0 && recv(fd, &byte, 1, 0) == 1) {
                memmove(last, last + 1, sizeof(last) - 1);
                last[sizeof(last) - 1] = byte;
        }
        (void) send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
}

/* Answers what it reads; sends a message behind SUBACK. */
static void answer(SSL *ssl, const FakePacket *packet, bool is_v5) {
        static const uint8_t connack[] = { 0x20, 2, 0, 0 }, connack_v5[] = { 0x20, 3, 0, 0, 0 };
        static const uint8_t message[] = { 0x32, 7, 0, 1, 't', 0, 9, 'h', 'i' };
        static const uint8_t message_v5[] = { 0x32, 15, 0,   1, 't', 0,   9,   7,  0x26,
                                              0,    1,  'k', 0, 1,   'v', 'h', 'i' };
        static const uint8_t auth[] = { 0xf0, 0 };
        const uint8_t *id = packet->body + (packet->type == 3 ? 3 : 0);
        const uint8_t suback[] = { 0x90, 3, id[0], id[1], 1 }, suback_v5[] = { 0x90, 4, id[0], id[1], 0, 1 };
        const uint8_t puback[] = { 0x40, 2, id[0], id[1] };
        const uint8_t puback_v5[] = { 0x40, 8, id[0], id[1], 0x10, 4, 0x1f, 0, 1, 'r' };
        const uint8_t unsuback[] = { 0xb0, 4, id[0], id[1], 0, 0 };

#define ANSWER(v3, v5) (void) fake_server_write(ssl, is_v5 ? v5 : v3, is_v5 ? sizeof(v5) : sizeof(v3))
        switch (packet->type) {
        case 1:
                ANSWER(connack, connack_v5);
                break;
        case 3:
                ANSWER(puback, puback_v5);
                break;
        case 8:
                ANSWER(suback, suback_v5);
                ANSWER(message, message_v5);
                break;
        case 10:
                (void) fake_server_write(ssl, unsuback, sizeof(unsuback));
                break;
        case 15:
                (void) fake_server_write(ssl, auth, sizeof(auth));
                break;
        default:
                break;
        }
#undef ANSWER
}

static void script(FakeServer *s, int fd) {
        FakePacket *packet;
        bool is_v5 = false;
        SSL *ssl;

        is_exempt = true;
        packet = malloc(sizeof(*packet));
        answer_connect(fd);
        ssl = fake_server_open_tls(s, fd);
        while (ssl && fake_server_read(ssl, packet)) {
                if (packet->type == 1)
                        is_v5 = packet->body[6] == MQTT_VERSION_5;
                answer(ssl, packet, is_v5);
        }
        SSL_free(ssl);
        free(packet);
}

typedef struct Run {
        MqttLink *link;
        const Pki *pki;
        uint16_t port;
        unsigned n_destroyed;
        bool is_v5;
        unsigned n_left; /* SUBACK, PUBACK, message; of MQTT 5 also AUTH and UNSUBACK */
        bool is_over;
} Run;

static int run_sign(void *userdata, az_span input, char *ret_signature, size_t size) {
        (void) snprintf(ret_signature, size, "signature");
        return 0;
}

static void run_destroy(void *userdata) {
        Run *run = userdata;

        __atomic_add_fetch(&run->n_destroyed, 1, __ATOMIC_SEQ_CST);
}

static int run_open(Run *run) {
        char input[] = "input", path[PATH_MAX], secret[PATH_MAX];
        const MqttEndpoint endpoint = { .host = AZ_SPAN_FROM_STR("localhost"),
                                        .port = 8883,
                                        .proxy_host = "localhost",
                                        .proxy_port = run->port,
                                        .proxy_user = AZ_SPAN_FROM_STR("user"),
                                        .proxy_password = AZ_SPAN_FROM_STR("password"),
                                        .secret_file = pki_path(run->pki, "none.pem", secret),
                                        .ca_file = pki_path(run->pki, "ca.pem", path) };
        const MqttSignJob job = { .sign = run_sign,
                                  .destroy = run_destroy,
                                  .userdata = run,
                                  .input = az_span_create_from_str(input) };

        return mqtt_link_open(run->link, &endpoint, &job, boottime_us());
}

static const az_mqtt_user_property user = { AZ_SPAN_LITERAL_FROM_STR("k"), AZ_SPAN_LITERAL_FROM_STR("v") };

static int run_connect(Run *run, const MqttEvent *opened) {
        static const az_mqtt_message will_message = { .topic = AZ_SPAN_LITERAL_FROM_STR("w"),
                                                      .user_properties = &user,
                                                      .n_user_properties = 1 };
        static const MqttWill will = { .message = &will_message };
        MqttConnect connect = { .client_id = AZ_SPAN_LITERAL_FROM_STR("d"),
                                .user_name = AZ_SPAN_LITERAL_FROM_STR("u"),
                                .password = AZ_SPAN_LITERAL_FROM_STR("p"),
                                .keep_alive_s = 60 };

        if (run->is_v5) {
                connect.version = MQTT_VERSION_5;
                connect.authentication_method = AZ_SPAN_FROM_STR("M");
                connect.authentication_data = opened->opened.secret;
                connect.user_properties = &user;
                connect.n_user_properties = 1;
                connect.will = &will;
        }
        return mqtt_link_connect(run->link, &connect, boottime_us());
}

static int run_publish(Run *run) {
        const az_mqtt_message message = { .topic = AZ_SPAN_LITERAL_FROM_STR("t"),
                                          .payload = AZ_SPAN_LITERAL_FROM_STR("x"),
                                          .qos = 1,
                                          .user_properties = &user,
                                          .n_user_properties = run->is_v5 ? 1 : 0 };
        int r;

        r = mqtt_link_publish_message(run->link, &message, false, NULL, 1);
        if (r < 0 || !run->is_v5)
                return r;
        return mqtt_link_reauthenticate(run->link, AZ_SPAN_FROM_STR("M"), AZ_SPAN_FROM_STR("x"));
}

static int run_step(Run *run, const MqttEvent *e) {
        static const MqttFilter filter = { AZ_SPAN_LITERAL_FROM_STR("t"), 1 };
        int r = 0;

        switch (e->type) {
        case MQTT_EVENT_OPENED:
                return run_connect(run, e);
        case MQTT_EVENT_CONNACK:
                return mqtt_link_subscribe(run->link, &filter, 1);
        case MQTT_EVENT_SUBACK:
                r = run_publish(run);
                break;
        case MQTT_EVENT_MESSAGE:
                mqtt_link_ack(run->link, e->message.ack);
                break;
        case MQTT_EVENT_AUTH:
                r = mqtt_link_unsubscribe(run->link, &filter.filter, 1);
                break;
        case MQTT_EVENT_UNSUBACK:
        case MQTT_EVENT_PUBACK:
                break;
        case MQTT_EVENT_OPEN_FAILED:
        case MQTT_EVENT_LOST:
        case MQTT_EVENT_REFUSED:
        case _MQTT_EVENT_MAX:
                run->is_over = true;
                return 0;
        }
        if (r < 0 || --run->n_left > 0)
                return r;
        return mqtt_link_disconnect(run->link, NULL, boottime_us());
}

static void run_events(Run *run) {
        uint64_t end_us = boottime_us() + 10 * USEC_PER_SEC;
        MqttEvent e;
        int r = 0;

        while (r == 0 && !run->is_over) {
                struct pollfd fd = { .fd = mqtt_link_get_fd(run->link), .events = POLLIN };

                must(boottime_us() < end_us, "nothing happens any more");
                (void) poll(&fd, 1, 1000);
                r = mqtt_link_dispatch(run->link, boottime_us());
                while (r == 0 && mqtt_link_next_event(run->link, &e))
                        r = run_step(run, &e);
        }
}

/* True if everything went well. */
static bool run_all(const Pki *pki, uint16_t port, bool is_v5) {
        Run run = { .pki = pki, .port = port, .is_v5 = is_v5, .n_left = is_v5 ? 5 : 3 };
        const MqttLinkConfig config = { .runtime_dir = pki->dir };
        unsigned n_destroyed;

        if (mqtt_link_new(&run.link, &config) < 0)
                return false;
        if (run_open(&run) == 0)
                run_events(&run);
        run.link = mqtt_link_free(run.link);
        n_destroyed = __atomic_load_n(&run.n_destroyed, __ATOMIC_SEQ_CST);
        must(n_destroyed == 1, "the sign job was not destroyed once");
        return run.n_left == 0;
}

static void fail_each(const Pki *pki, uint16_t port, bool is_v5) {
        fails_at = 0;
        must(run_all(pki, port, is_v5), "although none does");
        for (fails_at = 1; fails_at < ALLOCATIONS_MAX; fails_at++) {
                n_allocations = 0;
                must(!run_all(pki, port, is_v5) || n_allocations < fails_at, "and nobody notices");
                if (n_allocations < fails_at)
                        break;
        }
        must(fails_at > 10, "too soon for the end");
}

int main(void) {
        Pki pki;
        FakeServer s = { .pki = &pki, .script = script };
        unsigned n_fds;

        is_exempt = true;
        pki_make(&pki);
        fake_server_start(&s);
        n_fds = count_fds();
        is_exempt = false;
        fail_each(&pki, s.port, false);
        fail_each(&pki, s.port, true);
        is_exempt = true;
        fake_server_stop(&s);
        must(count_fds() <= n_fds, "fds are left");
        pki_remove(&pki);
        printf("ok 1 - each of %d allocations fails once\n1..1\n", fails_at - 1);
        return EXIT_SUCCESS;
}
