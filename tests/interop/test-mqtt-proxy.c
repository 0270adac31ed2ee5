/* SPDX-License-Identifier: MIT */

/* Through an HTTP proxy: a real one, and one that plays a script. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "drive.h"
#include "fake-server.h"
#include "program.h"
#include "tests/unit/unit-span.h"

#define PROXY "/usr/bin/tinyproxy"

static Pki pki;
static char ca_file[PATH_MAX];
static pid_t proxy_pid;
static uint16_t proxy_port;

/* ---- The proxies ---- */

/* It wants "device" and "secret", and connects to no port but 'connect_port'; 0: to each. */
static void proxy_start(uint16_t connect_port) {
        char path[PATH_MAX];
        FILE *f = fopen(pki_path(&pki, "tinyproxy.conf", path), "we");

        proxy_port = program_find_port();
        fprintf(f,
                "Port %u\nListen 127.0.0.1\nMaxClients 10\nLogFile \"%s/tinyproxy.log\"\nLogLevel Critical\n"
                "BasicAuth device secret\n",
                proxy_port, pki.dir);
        if (connect_port > 0)
                fprintf(f, "ConnectPort %u\n", connect_port);
        (void) fclose(f);
        proxy_pid = program_start(PROXY, "-dc", path, proxy_port);
}

static void set_up(void) {
        pki_make(&pki);
        (void) pki_path(&pki, "ca.pem", ca_file);
        drive_distrust_system();
}

static void tear_down(void) {
        pki_remove(&pki);
}

/* Reads a request to its end. */
static void read_request(int fd, char *ret, size_t size) {
        size_t n = 0;

        while (n < size - 1 && recv(fd, ret + n, 1, 0) == 1) {
                ret[++n] = '\0';
                if (n >= 4 && strcmp(ret + n - 4, "\r\n\r\n") == 0)
                        return;
        }
        ck_abort_msg("There is no request but '%s'", ret);
}

/* What a scripted proxy says to CONNECT; then it is the host itself. */
typedef struct Answer {
        const char *request; /* what it expects, or NULL */
        const char *text;
        bool is_dribbled, is_open;
} Answer;

static void script_proxy(FakeServer *s, int fd) {
        const Answer *answer = s->userdata;
        char request[4096] = "";

        read_request(fd, request, sizeof(request));
        if (answer->request)
                ck_assert_str_eq(request, answer->request);
        for (size_t i = 0, n = strlen(answer->text); i < n; i += answer->is_dribbled ? 1 : n)
                (void) send(fd, answer->text + i, answer->is_dribbled ? 1 : n, MSG_NOSIGNAL);
        if (answer->is_open)
                fake_script_tls(s, fd);
}

static void script_silent(FakeServer *s, int fd) {
        char byte;

        while (recv(fd, &byte, 1, 0) == 1)
                ;
}

static MqttEndpoint endpoint_through(uint16_t port) {
        return (MqttEndpoint){ .host = AZ_SPAN_FROM_STR("localhost"),
                               .port = 8883,
                               .ca_file = ca_file,
                               .proxy_host = "127.0.0.1",
                               .proxy_port = port };
}

static MqttEvent open_at(MqttLink *l, const MqttEndpoint *endpoint, MqttEventType type) {
        ck_assert_int_eq(mqtt_link_open(l, endpoint, NULL, boottime_us()), 0);
        return drive_expect(l, type);
}

static void expect_failure(MqttLink *l, const MqttEndpoint *endpoint, MqttStage stage, MqttProblem problem,
                           const char *text) {
        MqttEvent e = open_at(l, endpoint, MQTT_EVENT_OPEN_FAILED);

        ck_assert_str_eq(mqtt_stage_to_string(e.open_failed.stage), mqtt_stage_to_string(stage));
        ck_assert_str_eq(mqtt_problem_to_string(e.open_failed.report->problem),
                         mqtt_problem_to_string(problem));
        ck_assert_msg(strstr(e.open_failed.text, text), "'%s' is not in '%s'", text, e.open_failed.text);
}

/* ---- The real one ---- */

START_TEST(a_connection_goes_through_tinyproxy) {
        FakeServer s = { .pki = &pki, .script = fake_script_mqtt };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint;
        const MqttReport *report;
        char address[64];

        fake_server_start(&s);
        proxy_start(0);
        endpoint = endpoint_through(proxy_port);
        endpoint.port = s.port;
        endpoint.proxy_user = AZ_SPAN_FROM_STR("device");
        endpoint.proxy_password = AZ_SPAN_FROM_STR("secret");
        report = open_at(l, &endpoint, MQTT_EVENT_OPENED).opened.report;
        ck_assert_int_eq(report->problem, MQTT_PROBLEM_NONE);
        ck_assert_int_eq(report->http_status, 200);
        ck_assert_str_eq(report->host, "localhost");
        ck_assert_str_eq(report->proxy, "127.0.0.1");
        (void) snprintf(address, sizeof(address), "127.0.0.1:%u", proxy_port);
        ck_assert_str_eq(report->address, address);
        ck_assert_uint_ne(report->stage_us[MQTT_STAGE_PROXY], MQTT_STAGE_NOT_RUN);
        ck_assert_str_eq(report->server.subject, "CN=server");
        (void) mqtt_link_free(l);
        program_stop(proxy_pid);
        fake_server_stop(&s);
}
END_TEST

static const struct {
        const char *user, *password;
        const char *host;
        uint16_t connect_port; /* what the proxy allows */
        int status;
        MqttProblem problem;
        const char *text;
} refusals[] = {
        { "", "", "localhost", 0, 407, MQTT_PROBLEM_PROXY_AUTHENTICATION, "wants a user and password" },
        { "device", "wrong", "localhost", 0, 401, MQTT_PROBLEM_PROXY_AUTHENTICATION,
          "does not accept the user and password: 'HTTP/1.0 401" },
        { "device", "secret", "localhost", 1, 403, MQTT_PROBLEM_PROXY_REFUSED,
          "does not connect to 'localhost' port 8883: 'HTTP/1.1 403" },
        { "device", "secret", "localhost", 0, 500, MQTT_PROBLEM_PROXY_REFUSED, "500" },
        { "device", "secret", "no-such-host.invalid", 0, 500, MQTT_PROBLEM_PROXY_REFUSED, "500" },
};

START_TEST(what_tinyproxy_refuses_is_said_so) {
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint;

        proxy_start(refusals[_i].connect_port);
        endpoint = endpoint_through(proxy_port);
        endpoint.host = str(refusals[_i].host);
        endpoint.proxy_user = str(refusals[_i].user);
        endpoint.proxy_password = str(refusals[_i].password);
        expect_failure(l, &endpoint, MQTT_STAGE_PROXY, refusals[_i].problem, refusals[_i].text);
        (void) mqtt_link_free(l);
        program_stop(proxy_pid);
}
END_TEST

/* ---- Scripts ---- */

#define OK "HTTP/1.1 200 OK\r\n\r\n"

static const struct {
        const char *host, *user, *password;
        const char *request;
} requests[] = {
        { "localhost", "", "",
          "CONNECT localhost:8883 HTTP/1.1\r\n"
          "Host: localhost:8883\r\n\r\n" },
        { "::1", "", "",
          "CONNECT [::1]:8883 HTTP/1.1\r\n"
          "Host: [::1]:8883\r\n\r\n" },
        /* RFC 7617, section 2. */
        { "localhost", "Aladdin", "open sesame",
          "CONNECT localhost:8883 HTTP/1.1\r\n"
          "Host: localhost:8883\r\n"
          "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n" },
        { "localhost", "device", "",
          "CONNECT localhost:8883 HTTP/1.1\r\n"
          "Host: localhost:8883\r\n"
          "Proxy-Authorization: Basic ZGV2aWNlOg==\r\n\r\n" },
};

START_TEST(the_proxy_is_asked_as_rfc_9110_says) {
        Answer answer = { .request = requests[_i].request, .text = "HTTP/1.1 503 Busy\r\n\r\n" };
        FakeServer s = { .pki = &pki, .script = script_proxy, .userdata = &answer };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint;

        fake_server_start(&s);
        endpoint = endpoint_through(s.port);
        endpoint.host = str(requests[_i].host);
        endpoint.proxy_user = str(requests[_i].user);
        endpoint.proxy_password = str(requests[_i].password);
        expect_failure(l, &endpoint, MQTT_STAGE_PROXY, MQTT_PROBLEM_PROXY_REFUSED, "'HTTP/1.1 503 Busy'");
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

/* Nobody here can resolve the name. */
START_TEST(the_name_is_resolved_by_the_proxy) {
        Answer answer = { .text = OK, .is_open = true, .is_dribbled = _i == 1 };
        FakeServer s = { .pki = &pki, .certificate = "other", .script = script_proxy, .userdata = &answer };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint;

        fake_server_start(&s);
        endpoint = endpoint_through(s.port);
        endpoint.host = AZ_SPAN_FROM_STR("other.example");
        (void) open_at(l, &endpoint, MQTT_EVENT_OPENED);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

static const struct {
        FakeScript script;
        Answer answer;
        MqttStage stage;
        MqttProblem problem;
        const char *text;
} answers[] = {
        { script_silent, {}, MQTT_STAGE_PROXY, MQTT_PROBLEM_TIMEOUT, "did not answer within 0.2 s" },
        { script_proxy, { .text = "" }, MQTT_STAGE_PROXY, MQTT_PROBLEM_RESET, "broke the connection" },
        { script_proxy,
          { .text = "SSH-2.0-OpenSSH_9.2\r\n" },
          MQTT_STAGE_PROXY,
          MQTT_PROBLEM_PROXY_ANSWER,
          "does not speak HTTP" },
        { script_proxy,
          { .text = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n" },
          MQTT_STAGE_PROXY,
          MQTT_PROBLEM_PROXY_AUTHENTICATION,
          "wants a user and password: 'HTTP/1.1 407 Proxy Authentication Required'" },
        { script_proxy,
          { .text = "HTTP/1.1 302 Found\r\n\r\n" },
          MQTT_STAGE_PROXY,
          MQTT_PROBLEM_PROXY_REFUSED,
          "'HTTP/1.1 302 Found'" },
        { script_proxy,
          { .text = "HTTP/1.1 200 OK\r\n" },
          MQTT_STAGE_PROXY,
          MQTT_PROBLEM_RESET,
          "broke the connection" },
        /* The rest is the host's. */
        { script_proxy, { .text = OK }, MQTT_STAGE_TLS, MQTT_PROBLEM_RESET, "TLS handshake" },
        { script_proxy,
          { .text = OK "220 mail.example" },
          MQTT_STAGE_TLS,
          MQTT_PROBLEM_NOT_TLS,
          "does not speak TLS: '220 mail.example'" },
};

START_TEST(a_proxy_that_does_not_do_it_is_said_so) {
        Answer answer = answers[_i].answer;
        FakeServer s = { .pki = &pki, .script = answers[_i].script, .userdata = &answer };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint;

        fake_server_start(&s);
        endpoint = endpoint_through(s.port);
        endpoint.proxy_timeout_us = 200 * USEC_PER_MSEC;
        expect_failure(l, &endpoint, answers[_i].stage, answers[_i].problem, answers[_i].text);
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
}
END_TEST

START_TEST(an_answer_without_end_is_refused) {
        Answer answer = { .text = malloc(20000) };
        FakeServer s = { .pki = &pki, .script = script_proxy, .userdata = &answer };
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint;

        (void) snprintf((char *) answer.text, 20000, "HTTP/1.1 200 OK\r\nX: %019900d", 0);
        fake_server_start(&s);
        endpoint = endpoint_through(s.port);
        expect_failure(l, &endpoint, MQTT_STAGE_PROXY, MQTT_PROBLEM_PROXY_ANSWER, "does not speak HTTP");
        (void) mqtt_link_free(l);
        fake_server_stop(&s);
        free((char *) answer.text);
}
END_TEST

START_TEST(a_way_to_the_proxy_that_fails_names_the_proxy) {
        MqttEndpoint endpoint = endpoint_through(program_find_port());
        MqttLink *l = drive_new(&pki, NULL);
        MqttEvent e;

        expect_failure(l, &endpoint, MQTT_STAGE_TCP, MQTT_PROBLEM_REFUSED,
                       "Cannot connect to the proxy '127.0.0.1' port");
        endpoint.proxy_host = "no-such-proxy.invalid";
        e = open_at(l, &endpoint, MQTT_EVENT_OPEN_FAILED);
        ck_assert_int_eq(e.open_failed.stage, MQTT_STAGE_NAME);
        ck_assert_ptr_nonnull(strstr(e.open_failed.text, "Cannot resolve the proxy 'no-such-proxy.invalid'"));
        (void) mqtt_link_free(l);
}
END_TEST

START_TEST(a_link_does_not_wait_for_a_silent_proxy_when_it_is_freed) {
        FakeServer s = { .pki = &pki, .script = script_silent };
        MqttLink *l = drive_new(&pki, NULL);
        uint64_t begin_us = boottime_us();
        MqttEndpoint endpoint;

        fake_server_start(&s);
        endpoint = endpoint_through(s.port);
        ck_assert_int_eq(mqtt_link_open(l, &endpoint, NULL, boottime_us()), 0);
        drive_expect_nothing(l, 100);
        (void) mqtt_link_free(l);
        ck_assert_uint_lt(boottime_us() - begin_us, 5 * USEC_PER_SEC);
        fake_server_stop(&s);
}
END_TEST

static const MqttEndpoint bad_endpoints[] = {
        { .host = AZ_SPAN_LITERAL_FROM_STR("h"), .port = 1, .proxy_host = "", .proxy_port = 1 },
        { .host = AZ_SPAN_LITERAL_FROM_STR("h"), .port = 1, .proxy_host = "p", .proxy_port = 0 },
        { .host = AZ_SPAN_LITERAL_FROM_STR("h"), .port = 1, .proxy_host = "p\r\nX: y", .proxy_port = 1 },
        { .host = AZ_SPAN_LITERAL_FROM_STR("h HTTP/1.1"), .port = 1, .proxy_host = "p", .proxy_port = 1 },
        { .host = AZ_SPAN_LITERAL_FROM_STR("h"),
          .port = 1,
          .proxy_host = "p",
          .proxy_port = 1,
          .proxy_user = AZ_SPAN_LITERAL_FROM_STR("a:b") },
};

START_TEST(what_http_cannot_say_is_refused) {
        MqttLink *l = drive_new(&pki, NULL);

        ck_assert_int_eq(mqtt_link_open(l, &bad_endpoints[_i], NULL, 0), -EINVAL);
        (void) mqtt_link_free(l);
}
END_TEST

/* ---- Secrets ---- */

/* True if the text is in the memory that this process can write to. */
static bool is_in_memory(const char *text) {
        static char bytes[1024 * 1024];
        int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
        FILE *maps = fopen("/proc/self/maps", "re");
        bool is_found = false;
        char line[512];

        while (!is_found && fgets(line, sizeof(line), maps)) {
                /* "55d0c8a00000-55d0c8a21000 rw-p 00000000 ..."; what is larger is a sanitizer's. */
                char *end_text;
                unsigned long begin = strtoul(line, &end_text, 16),
                              end = strtoul(end_text + 1, &end_text, 16);
                ssize_t n;

                if (strncmp(end_text, " rw", 3) != 0 || end - begin > 256UL * 1024 * 1024)
                        continue;
                for (; !is_found && begin < end; begin += (size_t) n - strlen(text)) {
                        n = pread(fd, bytes, MIN(sizeof(bytes), end - begin), (off_t) begin);
                        if (n <= (ssize_t) strlen(text))
                                break;
                        is_found = memmem(bytes, (size_t) n, text, strlen(text)) != NULL;
                }
        }
        explicit_bzero(bytes, sizeof(bytes));
        (void) fclose(maps);
        (void) close(fd);
        return is_found;
}

/* Of a proxy that takes the request and says nothing; nor does it read it here. */
START_TEST(the_password_is_wiped) {
        const char *encoded = "ZGV2aWNlOmEgcGFzc3dvcmQgdGhhdCBpcyBub3Qgc28gc2hvcnQ=";
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        MqttLink *l = drive_new(&pki, NULL);
        MqttEndpoint endpoint;

        ck_assert_int_eq(bind(fd, (struct sockaddr *) &address, size), 0);
        ck_assert_int_eq(listen(fd, 1), 0);
        ck_assert_int_eq(getsockname(fd, (struct sockaddr *) &address, &size), 0);
        endpoint = endpoint_through(ntohs(address.sin_port));
        endpoint.proxy_user = AZ_SPAN_FROM_STR("device");
        endpoint.proxy_password = AZ_SPAN_FROM_STR("a password that is not so short");
        endpoint.proxy_timeout_us = USEC_PER_MSEC;
        ck_assert_int_eq(mqtt_link_open(l, &endpoint, NULL, boottime_us()), 0);
        ck_assert(is_in_memory(encoded));
        ck_assert_int_eq(drive_expect(l, MQTT_EVENT_OPEN_FAILED).open_failed.stage, MQTT_STAGE_PROXY);
        (void) mqtt_link_free(l);
        ck_assert(!is_in_memory(encoded));
        (void) close(fd);
}
END_TEST

static Suite *proxy_suite(void) {
        Suite *s = suite_create("mqtt-proxy");
        TCase *t = tcase_create("proxy");

        tcase_add_unchecked_fixture(t, set_up, tear_down);
        tcase_set_timeout(t, 30);
        tcase_add_test(t, a_connection_goes_through_tinyproxy);
        tcase_add_loop_test(t, what_tinyproxy_refuses_is_said_so, 0, ELEMENTSOF(refusals));
        tcase_add_loop_test(t, the_proxy_is_asked_as_rfc_9110_says, 0, ELEMENTSOF(requests));
        tcase_add_loop_test(t, the_name_is_resolved_by_the_proxy, 0, 2);
        tcase_add_loop_test(t, a_proxy_that_does_not_do_it_is_said_so, 0, ELEMENTSOF(answers));
        tcase_add_test(t, an_answer_without_end_is_refused);
        tcase_add_test(t, a_way_to_the_proxy_that_fails_names_the_proxy);
        tcase_add_test(t, a_link_does_not_wait_for_a_silent_proxy_when_it_is_freed);
        tcase_add_test(t, the_password_is_wiped);
        tcase_add_loop_test(t, what_http_cannot_say_is_refused, 0, ELEMENTSOF(bad_endpoints));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(proxy_suite)
