/* SPDX-License-Identifier: MIT */

/* MQTT over WebSocket: stock mosquitto is the judge, and a server that plays a script does what is wrong. */

#include <openssl/evp.h>
#include <poll.h>
#include <sys/socket.h>

#include "drive.h"
#include "fake-server.h"
#include "program.h"
#include "tests/unit/unit-span.h"

#define BROKER "/usr/sbin/mosquitto"
#define PROXY  "/usr/bin/tinyproxy"

#define PATH "/$iothub/websocket?iothub-no-client-cert=true"

static Pki pki;
static char ca_file[PATH_MAX];
static pid_t broker_pid, proxy_pid;
static uint16_t broker_port, proxy_port;

static FILE *file_create(const char *name, char path[static PATH_MAX]) {
        FILE *f = fopen(pki_path(&pki, name, path), "we");

        ck_assert_ptr_nonnull(f);
        return f;
}

static void set_up(void) {
        char path[PATH_MAX];
        FILE *f;

        pki_make(&pki);
        (void) pki_path(&pki, "ca.pem", ca_file);
        drive_distrust_system();

        broker_port = program_find_port();
        f = file_create("mosquitto.conf", path);
        /* Version 2.0.11 does not start without a listener that is no WebSocket. */
        fprintf(f,
                "allow_anonymous true\nmax_queued_messages 0\nlog_dest none\nuser root\n"
                "listener %u 127.0.0.1\n"
                "listener %u 127.0.0.1\nprotocol websockets\ncertfile %s/server.pem\nkeyfile %s/server.key\n",
                program_find_port(), broker_port, pki.dir, pki.dir);
        (void) fclose(f);
        broker_pid = program_start(BROKER, "-c", path, broker_port);

        proxy_port = program_find_port();
        f = file_create("tinyproxy.conf", path);
        fprintf(f, "Port %u\nListen 127.0.0.1\nLogFile \"%s/tinyproxy.log\"\nLogLevel Critical\n", proxy_port,
                pki.dir);
        (void) fclose(f);
        proxy_pid = program_start(PROXY, "-dc", path, proxy_port);
}

static void tear_down(void) {
        program_stop(proxy_pid);
        program_stop(broker_pid);
        pki_remove(&pki);
}

static MqttEndpoint endpoint_of(uint16_t port) {
        return (MqttEndpoint){ .host = AZ_SPAN_FROM_STR("localhost"),
                               .port = port,
                               .websocket_path = PATH,
                               .ca_file = ca_file };
}

static MqttEvent open_at(MqttLink *l, const MqttEndpoint *endpoint, MqttEventType type) {
        ck_assert_int_eq(mqtt_link_open(l, endpoint, NULL, boottime_us()), 0);
        return drive_expect(l, type);
}

static void send_connect(MqttLink *l) {
        const MqttConnect connect = { .client_id = AZ_SPAN_FROM_STR("device"),
                                      .keep_alive_s = 60,
                                      .clean_session = true };

        ck_assert_int_eq(mqtt_link_connect(l, &connect, boottime_us()), 0);
}

/* ---- Mosquitto ---- */

/* Publishes payloads and gets them back, each whole and in order. */
static void there_and_back(MqttLink *l) {
        static const unsigned lengths[] = { 0, 1, 90, 100, 110, 300, 16350, 16376, 16384, 60000 };
        const MqttFilter filter = { AZ_SPAN_FROM_STR("there/and/back"), 1 };
        unsigned n_received = 0, n_acknowledged = 0;
        uint8_t payload[60000];

        ck_assert_int_eq(mqtt_link_subscribe(l, &filter, 1), 0);
        (void) drive_expect(l, MQTT_EVENT_SUBACK);
        for (size_t i = 0; i < sizeof(payload); i++)
                payload[i] = (uint8_t) (i * 31);
        for (size_t i = 0; i < ELEMENTSOF(lengths); i++)
                ck_assert_int_eq(mqtt_link_publish(l, filter.filter,
                                                   az_span_create(payload, (int32_t) lengths[i]), 1, i),
                                 0);
        while (n_received < ELEMENTSOF(lengths) || n_acknowledged < ELEMENTSOF(lengths)) {
                MqttEvent e = drive_next(l);

                if (e.type == MQTT_EVENT_PUBACK) {
                        ck_assert_uint_eq(e.puback.token, n_acknowledged++);
                        continue;
                }
                ck_assert_int_eq(e.type, MQTT_EVENT_MESSAGE);
                ck_assert_int_eq(az_span_size(e.message.publish.payload), (int) lengths[n_received]);
                ck_assert_mem_eq(az_span_ptr(e.message.publish.payload), payload, lengths[n_received]);
                mqtt_link_ack(l, e.message.ack);
                n_received++;
        }
}

START_TEST(messages_of_any_size_go_to_mosquitto_and_back) {
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint = endpoint_of(broker_port);
        const MqttReport *report;

        if (_i == 1) {
                endpoint.proxy_host = "localhost";
                endpoint.proxy_port = proxy_port;
        }
        report = open_at(l, &endpoint, MQTT_EVENT_OPENED).opened.report;
        ck_assert_int_eq(report->problem, MQTT_PROBLEM_NONE);
        ck_assert_int_eq(report->stage, MQTT_STAGE_WEBSOCKET);
        ck_assert_int_eq(report->http_status, 101);
        ck_assert_uint_ne(report->stage_us[MQTT_STAGE_WEBSOCKET], MQTT_STAGE_NOT_RUN);
        send_connect(l);
        ck_assert_uint_eq(drive_expect(l, MQTT_EVENT_CONNACK).connack.code, 0);
        there_and_back(l);
        ck_assert_int_eq(mqtt_link_disconnect(l, NULL, boottime_us()), 0);
        drive_expect_lost(l, MQTT_LOST_ASKED, "disconnected");
        (void) mqtt_link_free(l);
}
END_TEST

/* ---- A server that plays a script ---- */

static void read_bytes(SSL *ssl, void *bytes, size_t n) {
        for (size_t i = 0; i < n; i++)
                ck_assert_int_eq(SSL_read(ssl, (uint8_t *) bytes + i, 1), 1);
}

/* Reads the request and formats the value of Sec-WebSocket-Accept for it. */
static void read_request(SSL *ssl, char request[static 2048], char accept[static 64]) {
        char text[128], *key;
        uint8_t digest[20];
        size_t n = 0;

        do
                read_bytes(ssl, request + n++, 1);
        while (n < 4 || memcmp(request + n - 4, "\r\n\r\n", 4) != 0);
        request[n] = '\0';
        key = strstr(request, "Sec-WebSocket-Key: ");
        ck_assert_ptr_nonnull(key);
        (void) snprintf(text, sizeof(text), "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key + 19);
        ck_assert_int_eq(EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL), 1);
        (void) EVP_EncodeBlock((uint8_t *) accept, digest, sizeof(digest));
}

/* What a script sends when it was asked: the first '*' becomes the value of Sec-WebSocket-Accept. */
typedef struct Answer {
        const char *head;
        const uint8_t *frames; /* sent once a frame with CONNECT has come */
        size_t n_frames;
        const uint8_t *expected; /* then comes this frame, without its mask */
        size_t n_expected;
} Answer;

#define SWITCHING                              \
        "HTTP/1.1 101 Switching Protocols\r\n" \
        "Upgrade: websocket\r\n"               \
        "Connection: Upgrade\r\n"              \
        "Sec-WebSocket-Accept: *\r\n"          \
        "Sec-WebSocket-Protocol: mqtt\r\n\r\n"

/* Reads a frame and takes its mask off; its length is in its second byte. */
static void read_frame(SSL *ssl, uint8_t frame[static 256]) {
        uint8_t mask[4];

        read_bytes(ssl, frame, 2);
        ck_assert_uint_eq(frame[1] & 0x80, 0x80);
        frame[1] &= 0x7f;
        ck_assert_uint_lt(frame[1], 126);
        read_bytes(ssl, mask, 4);
        read_bytes(ssl, frame + 2, frame[1]);
        for (size_t i = 0; i < frame[1]; i++)
                frame[2 + i] ^= mask[i % 4];
}

static void play(SSL *ssl, const Answer *answer) {
        const char *star = strchr(answer->head, '*');
        char request[2048], accept[64];
        uint8_t frame[256];

        read_request(ssl, request, accept);
        ck_assert_ptr_nonnull(strstr(request, "GET " PATH " HTTP/1.1\r\nHost: localhost:"));
        ck_assert_ptr_nonnull(strstr(request, "\r\nSec-WebSocket-Version: 13\r\n"));
        ck_assert_ptr_nonnull(strstr(request, "\r\nSec-WebSocket-Protocol: mqtt\r\n"));
        if (star) {
                (void) fake_server_write(ssl, answer->head, (size_t) (star - answer->head));
                (void) fake_server_write(ssl, accept, strlen(accept));
        }
        (void) fake_server_write(ssl, star ? star + 1 : answer->head, strlen(star ? star + 1 : answer->head));
        if (!answer->frames)
                return;
        read_frame(ssl, frame);
        ck_assert_uint_eq(frame[0], 0x82);
        ck_assert_uint_eq(frame[2], 0x10);
        (void) fake_server_write(ssl, answer->frames, answer->n_frames);
        if (!answer->expected)
                return;
        read_frame(ssl, frame);
        ck_assert_mem_eq(frame, answer->expected, answer->n_expected);
}

static void script_websocket(FakeServer *s, int fd) {
        const Answer *answer = s->userdata;
        SSL *ssl = fake_server_open_tls(s, fd);

        if (!ssl)
                return;
        play(ssl, answer);
        if (answer->frames)
                fake_server_read_to_end(ssl);
        fake_server_close_tls(ssl);
}

/* What is behind the handshake is no TLS. */
static void script_noise(FakeServer *s, int fd) {
        SSL *ssl = fake_server_open_tls(s, fd);

        ck_assert_ptr_nonnull(ssl);
        ck_assert_int_eq(send(fd, "noise", 5, MSG_NOSIGNAL), 5);
        fake_server_read_to_end(ssl);
        SSL_free(ssl);
}

static const struct {
        FakeScript script;
        const char *head;
        MqttProblem problem;
        int status;
        const char *text;
} refusals[] = {
        { fake_script_tls, NULL, MQTT_PROBLEM_TIMEOUT, 0, "did not open a WebSocket within 0.2 s" },
        { script_websocket, "HTTP/1.1 403 Ip Forbidden\r\n\r\n", MQTT_PROBLEM_WEBSOCKET_REFUSED, 403,
          "does not open a WebSocket at '" PATH "': 'HTTP/1.1 403 Ip Forbidden'" },
        { script_websocket, "HTTP/1.1 200 OK\r\n\r\n", MQTT_PROBLEM_WEBSOCKET_REFUSED, 200, "200 OK" },
        { script_websocket, "SSH-2.0-x\r\n", MQTT_PROBLEM_WEBSOCKET_ANSWER, 0, "does not speak HTTP" },
        { script_websocket, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
          MQTT_PROBLEM_WEBSOCKET_ANSWER, 101, "does not upgrade the connection" },
        { script_websocket, "HTTP/1.1 101 Switch", MQTT_PROBLEM_RESET, 0,
          "does not open a WebSocket: the server closed the connection" },
        { script_websocket, "", MQTT_PROBLEM_RESET, 0, "the server closed the connection" },
        { script_noise, NULL, MQTT_PROBLEM_RESET, 0, "does not open a WebSocket: wrong version number" },
};

START_TEST(a_server_that_does_not_open_a_websocket_is_said_so) {
        Answer answer = { .head = refusals[_i].head };
        FakeServer s = { .pki = &pki, .script = refusals[_i].script, .userdata = &answer };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint;
        MqttEvent e;

        fake_server_start(&s);
        endpoint = endpoint_of(s.port);
        endpoint.websocket_timeout_us = 200 * USEC_PER_MSEC;
        e = open_at(l, &endpoint, MQTT_EVENT_OPEN_FAILED);
        ck_assert_int_eq(e.open_failed.stage, MQTT_STAGE_WEBSOCKET);
        ck_assert_str_eq(mqtt_problem_to_string(e.open_failed.report->problem),
                         mqtt_problem_to_string(refusals[_i].problem));
        ck_assert_int_eq(e.open_failed.report->http_status, refusals[_i].status);
        ck_assert_msg(strstr(e.open_failed.text, refusals[_i].text), "%s", e.open_failed.text);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })
#define CONNACK    0x82, 4, 0x20, 2, 0, 0

static const struct {
        Answer answer;
        bool is_connected; /* CONNACK came before */
        MqttLost cause;
        const char *text;
} ends[] = {
        { { SWITCHING, BYTES(CONNACK, 0x88, 5, 0x03, 0xe9, 'b', 'y', 'e'), BYTES(0x88, 2, 0x03, 0xe8) },
          true,
          MQTT_LOST_CLOSED,
          "the server closed the WebSocket (1001: bye)" },
        { { SWITCHING, BYTES(0x88, 0), BYTES(0x88, 2, 0x03, 0xe8) },
          false,
          MQTT_LOST_CLOSED,
          "the server closed the WebSocket" },
        { { SWITCHING, BYTES(CONNACK, 0x81, 2, 'h', 'i'), BYTES(0x88, 2, 0x03, 0xea) },
          true,
          MQTT_LOST_PROTOCOL,
          "the server broke the WebSocket protocol: it sent a text frame" },
        { { SWITCHING, BYTES(0x82, 0x84, 0, 0, 0, 0, 0x20, 2, 0, 0), BYTES(0x88, 2, 0x03, 0xea) },
          false,
          MQTT_LOST_PROTOCOL,
          "it sent a masked frame" },
        { { SWITCHING, BYTES(0x82, 2, 0xf0, 0), NULL, 0 }, false, MQTT_LOST_PROTOCOL, "the server sent" },
};

START_TEST(what_ends_a_websocket_is_said_after_what_came_before) {
        Answer answer = ends[_i].answer;
        FakeServer s = { .pki = &pki, .script = script_websocket, .userdata = &answer };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint;

        fake_server_start(&s);
        endpoint = endpoint_of(s.port);
        (void) open_at(l, &endpoint, MQTT_EVENT_OPENED);
        send_connect(l);
        if (ends[_i].is_connected)
                (void) drive_expect(l, MQTT_EVENT_CONNACK);
        drive_expect_lost(l, ends[_i].cause, ends[_i].text);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

static const Answer lively[] = {
        /* Fragments, in the middle of a packet, around a ping. */
        { SWITCHING, BYTES(0x02, 1, 0x20, 0x89, 2, 'h', 'i', 0x00, 2, 2, 0, 0x80, 1, 0),
          BYTES(0x8a, 2, 'h', 'i') },
        { SWITCHING, BYTES(0x82, 0, 0x8a, 0, 0x89, 0, CONNACK), BYTES(0x8a, 0) },
        { SWITCHING "\x89", BYTES(0, CONNACK), BYTES(0x8a, 0) }, /* a ping right behind the head */
};

START_TEST(frames_are_no_packets_and_pings_are_answered) {
        Answer answer = lively[_i];
        FakeServer s = { .pki = &pki, .script = script_websocket, .userdata = &answer };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint;

        fake_server_start(&s);
        endpoint = endpoint_of(s.port);
        (void) open_at(l, &endpoint, MQTT_EVENT_OPENED);
        send_connect(l);
        (void) drive_expect(l, MQTT_EVENT_CONNACK);
        drive_expect_nothing(l, 50);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

#define BULK_MESSAGES 4U
#define BULK_BYTES    100000U

/* The MQTT of all messages of the test below. */
static uint8_t *bulk_new(size_t *ret_n) {
        static const uint8_t head[] = { 0x30, 0xa3, 0x8d, 0x06, 0, 1, 't' };
        uint8_t *bytes = malloc(BULK_MESSAGES * (sizeof(head) + BULK_BYTES)), *end = bytes;

        for (unsigned i = 0; i < BULK_MESSAGES; i++) {
                memcpy(end, head, sizeof(head));
                end += sizeof(head);
                for (unsigned j = 0; j < BULK_BYTES; j++)
                        *end++ = (uint8_t) (i + j * 31);
        }
        *ret_n = (size_t) (end - bytes);
        return bytes;
}

/* Reads a frame of any length; true: it is a pong, and not taken. */
static bool read_bulk(SSL *ssl, uint8_t *bytes, size_t size, size_t *ret_n) {
        uint8_t head[4] = {}, mask[4] = {};

        read_bytes(ssl, head, 2);
        *ret_n = head[1] & 0x7f;
        if (*ret_n == 126) {
                read_bytes(ssl, head + 2, 2);
                *ret_n = (size_t) (head[2] << 8 | head[3]);
        }
        read_bytes(ssl, mask, 4);
        ck_assert_uint_le(*ret_n, size);
        for (size_t i = 0; i < *ret_n;) {
                int n = SSL_read(ssl, bytes + i, (int) (*ret_n - i));

                ck_assert_int_gt(n, 0);
                i += (size_t) n;
        }
        for (size_t i = 0; i < *ret_n; i++)
                bytes[i] ^= mask[i % 4];
        ck_assert(head[0] == 0x82 || head[0] == 0x8a);
        return head[0] == 0x8a;
}

/* Accepts the connection, pings, reads nothing for a while, then everything. */
static void script_slow(FakeServer *s, int fd) {
        const Answer answer = { SWITCHING, BYTES(CONNACK, 0x89, 1, 'p'), NULL, 0 };
        const int n_buffer = 8192;
        SSL *ssl = fake_server_open_tls(s, fd);
        unsigned *n_pongs = s->userdata;
        size_t n_expected, n_read = 0;
        uint8_t *expected = bulk_new(&n_expected), *bytes = calloc(n_expected, 1);

        (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &n_buffer, sizeof(n_buffer));
        play(ssl, &answer);
        (void) poll(NULL, 0, 300);
        while (n_read < n_expected) {
                size_t n;

                if (read_bulk(ssl, bytes + n_read, n_expected - n_read, &n))
                        ++*n_pongs;
                else
                        n_read += n;
        }
        ck_assert_mem_eq(bytes, expected, n_expected);
        free(expected);
        free(bytes);
        fake_server_close_tls(ssl);
}

/* More than the socket takes: frames leave in parts, with the pong between two of them. */
START_TEST(frames_are_whole_however_slowly_they_leave) {
        unsigned n_pongs = 0;
        FakeServer s = { .pki = &pki, .script = script_slow, .userdata = &n_pongs };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint;
        size_t n;
        uint8_t *bulk = bulk_new(&n), *message = bulk + 7;

        fake_server_start(&s);
        endpoint = endpoint_of(s.port);
        (void) open_at(l, &endpoint, MQTT_EVENT_OPENED);
        send_connect(l);
        (void) drive_expect(l, MQTT_EVENT_CONNACK);
        for (unsigned i = 0; i < BULK_MESSAGES; i++, message += BULK_BYTES + 7)
                ck_assert_int_eq(mqtt_link_publish(l, AZ_SPAN_FROM_STR("t"),
                                                   az_span_create(message, (int32_t) BULK_BYTES), 0, 0),
                                 0);
        (void) drive_expect(l, MQTT_EVENT_LOST);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
        ck_assert_uint_eq(n_pongs, 1);
        free(bulk);
}
END_TEST

START_TEST(a_path_that_http_cannot_say_is_refused) {
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint = endpoint_of(1);

        endpoint.websocket_path = "/a b";
        ck_assert_int_eq(mqtt_link_open(l, &endpoint, NULL, 0), -EINVAL);
        (void) mqtt_link_free(l);
}
END_TEST

static Suite *websocket_suite(void) {
        Suite *s = suite_create("mqtt-websocket-link");
        TCase *t = tcase_create("websocket");

        tcase_add_unchecked_fixture(t, set_up, tear_down);
        tcase_set_timeout(t, 30);
        tcase_add_loop_test(t, messages_of_any_size_go_to_mosquitto_and_back, 0, 2);
        tcase_add_loop_test(t, a_server_that_does_not_open_a_websocket_is_said_so, 0, ELEMENTSOF(refusals));
        tcase_add_loop_test(t, what_ends_a_websocket_is_said_after_what_came_before, 0, ELEMENTSOF(ends));
        tcase_add_loop_test(t, frames_are_no_packets_and_pings_are_answered, 0, ELEMENTSOF(lively));
        tcase_add_test(t, frames_are_whole_however_slowly_they_leave);
        tcase_add_test(t, a_path_that_http_cannot_say_is_refused);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(websocket_suite)
