/* SPDX-License-Identifier: MIT */

/*
 * The life of a link with each of its allocations failing in turn: it must say so, give everything back and
 * not hang. Those of libmosquitto and OpenSSL cannot be reached. Without libcheck, which allocates too; the
 * linker puts the functions below in the way (--wrap).
 */

#include <dirent.h>
#include <poll.h>
#include <sys/socket.h>

#include <mqtt/link.h>

#include "fake-server.h"

#define ALLOCATIONS_MAX 1000

static _Thread_local bool is_exempt;
static int n_allocations, fails_at;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static bool allocation_fails(void) {
        return !is_exempt && __atomic_add_fetch(&n_allocations, 1, __ATOMIC_SEQ_CST) == fails_at;
}

void *__wrap_malloc(size_t size) {
        return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
        return allocation_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size) {
        return allocation_fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *s) {
        return allocation_fails() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n) {
        return allocation_fails() ? NULL : __real_strndup(s, n);
}

static void must(bool ok, const char *what) {
        if (ok)
                return;
        printf("not ok 1 - allocation %d fails: %s\n1..1\n", fails_at, what);
        exit(EXIT_FAILURE);
}

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

/* Answers CONNECT, SUBSCRIBE, sends a message, acknowledges one, reads DISCONNECT. */
static void script(FakeServer *s, int fd) {
        static const uint8_t message[] = { 0x32, 7, 0, 1, 't', 0, 9, 'h', 'i' };
        FakePacket *packet;
        SSL *ssl;

        is_exempt = true;
        packet = malloc(sizeof(*packet));
        answer_connect(fd);
        ssl = fake_server_accept_mqtt(s, fd);
        while (ssl && fake_server_read(ssl, packet)) {
                const uint8_t *id = packet->body + (packet->type == 3 ? 3 : 0);
                const uint8_t suback[] = { 0x90, 3, id[0], id[1], 1 }, puback[] = { 0x40, 2, id[0], id[1] };

                if (packet->type == 8)
                        (void) fake_server_write(ssl, suback, sizeof(suback));
                if (packet->type == 8)
                        (void) fake_server_write(ssl, message, sizeof(message));
                if (packet->type == 3)
                        (void) fake_server_write(ssl, puback, sizeof(puback));
        }
        SSL_free(ssl);
        free(packet);
}

typedef struct Run {
        MqttLink *link;
        const Pki *pki;
        uint16_t port;
        unsigned n_destroyed;
        unsigned n_left; /* SUBACK, PUBACK, message */
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
        char input[] = "input", path[PATH_MAX];
        const MqttEndpoint endpoint = { .host = AZ_SPAN_FROM_STR("localhost"),
                                        .port = 8883,
                                        .proxy_host = "localhost",
                                        .proxy_port = run->port,
                                        .proxy_user = AZ_SPAN_FROM_STR("user"),
                                        .proxy_password = AZ_SPAN_FROM_STR("password"),
                                        .ca_file = pki_path(run->pki, "ca.pem", path) };
        const MqttSignJob job = { .sign = run_sign,
                                  .destroy = run_destroy,
                                  .userdata = run,
                                  .input = az_span_create_from_str(input) };

        return mqtt_link_open(run->link, &endpoint, &job, boottime_us());
}

static int run_step(Run *run, const MqttEvent *e) {
        static const MqttConnect connect = { .client_id = AZ_SPAN_LITERAL_FROM_STR("d"),
                                             .user_name = AZ_SPAN_LITERAL_FROM_STR("u"),
                                             .password = AZ_SPAN_LITERAL_FROM_STR("p"),
                                             .keep_alive_s = 60 };
        static const MqttFilter filter = { AZ_SPAN_LITERAL_FROM_STR("t"), 1 };

        switch (e->type) {
        case MQTT_EVENT_OPENED:
                return mqtt_link_connect(run->link, &connect, boottime_us());
        case MQTT_EVENT_CONNACK:
                return mqtt_link_subscribe(run->link, &filter, 1);
        case MQTT_EVENT_SUBACK:
                run->n_left--;
                return mqtt_link_publish(run->link, AZ_SPAN_FROM_STR("t"), AZ_SPAN_FROM_STR("x"), 1, 1);
        case MQTT_EVENT_MESSAGE:
                mqtt_link_ack(run->link, e->message.ack);
                run->n_left--;
                break;
        case MQTT_EVENT_PUBACK:
                run->n_left--;
                break;
        case MQTT_EVENT_OPEN_FAILED:
        case MQTT_EVENT_LOST:
        case MQTT_EVENT_UNSUBACK: /* of MQTT 5, which we do not speak here */
        case MQTT_EVENT_REFUSED:
        case MQTT_EVENT_AUTH:
        case _MQTT_EVENT_MAX:
                run->is_over = true;
                return 0;
        }
        return run->n_left == 0 ? mqtt_link_disconnect(run->link, NULL, boottime_us()) : 0;
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
static bool run_all(const Pki *pki, uint16_t port) {
        Run run = { .pki = pki, .port = port, .n_left = 3 };
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

static unsigned count_fds(void) {
        DIR *d = opendir("/proc/self/fd");
        unsigned n = 0;

        while (readdir(d))
                n++;
        (void) closedir(d);
        return n;
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
        must(run_all(&pki, s.port), "although none does");
        for (fails_at = 1; fails_at < ALLOCATIONS_MAX; fails_at++) {
                n_allocations = 0;
                must(!run_all(&pki, s.port) || n_allocations < fails_at, "and nobody notices");
                if (n_allocations < fails_at)
                        break;
        }
        must(fails_at > 10, "too soon for the end");
        is_exempt = true;
        fake_server_stop(&s);
        must(count_fds() <= n_fds, "fds are left");
        pki_remove(&pki);
        printf("ok 1 - each of %d allocations fails once\n1..1\n", fails_at - 1);
        return EXIT_SUCCESS;
}
