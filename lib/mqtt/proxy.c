/* SPDX-License-Identifier: MIT */

#include <mqtt/proxy.h>

#include <openssl/evp.h>
#include <poll.h>
#include <sys/socket.h>

#include <mqtt/http.h>

/* RFC 9110 has 407; tinyproxy answers 401 if the user or password is wrong. */
#define STATUS_UNAUTHORIZED                  401
#define STATUS_PROXY_AUTHENTICATION_REQUIRED 407

static const char basic[] = "Basic ";

char *mqtt_proxy_basic_new(az_span user, az_span password) {
        size_t n_user = (size_t) az_span_size(user), n_password = (size_t) az_span_size(password);
        size_t n_plain = n_user + 1 + n_password, prefix = sizeof(basic) - 1;
        uint8_t *plain = malloc(n_plain);
        /* EVP_EncodeBlock() ends its text with a NUL. */
        char *text = malloc(prefix + (n_plain + 2) / 3 * 4 + 1);

        if (plain && text) {
                if (n_user > 0)
                        memcpy(plain, az_span_ptr(user), n_user);
                plain[n_user] = ':';
                if (n_password > 0)
                        memcpy(plain + n_user + 1, az_span_ptr(password), n_password);
                memcpy(text, basic, prefix);
                (void) EVP_EncodeBlock((uint8_t *) text + prefix, plain, (int) n_plain);
                explicit_bzero(plain, n_plain);
        } else {
                free(text);
                text = NULL;
        }
        free(plain);
        return text;
}

static void request_freep(char **request) {
        if (*request)
                explicit_bzero(*request, strlen(*request));
        free(*request);
}

/* RFC 9110: the target is "host:port", also for a port of its own. Returns the length, also of what is cut.
 */
static int request_format(const MqttAttempt *a, char *ret, size_t size) {
        const char *left = strchr(a->host, ':') ? "[" : "", *right = strchr(a->host, ':') ? "]" : "";
        const char *authorization = a->proxy_authorization;

        return snprintf(ret, size,
                        "CONNECT %s%s%s:%s HTTP/1.1\r\n"
                        "Host: %s%s%s:%s\r\n"
                        "%s%s%s"
                        "\r\n",
                        left, a->host, right, a->port, left, a->host, right, a->port,
                        authorization ? "Proxy-Authorization: " : "", authorization ?: "",
                        authorization ? "\r\n" : "");
}

/* asprintf() would leave the password in memory that it gives back while the text grows. */
static char *request_new(const MqttAttempt *a) {
        char first[1];
        size_t size = (size_t) request_format(a, first, sizeof(first)) + 1;
        char *request = malloc(size);

        if (request)
                (void) request_format(a, request, size);
        return request;
}

static int proxy_broken(MqttAttempt *a, int error) {
        return mqtt_attempt_fail(a, mqtt_problem_from_errno(error), error,
                                 "The proxy '%s' port %s broke the connection: %s", a->proxy_host,
                                 a->proxy_port, strerror(-error));
}

static int proxy_send(MqttAttempt *a, const char *request) {
        size_t n_left = strlen(request);

        while (n_left > 0) {
                ssize_t n = send(a->result.stream.fd, request, n_left, MSG_NOSIGNAL);
                int r;

                if (n < 0 && errno != EAGAIN)
                        return proxy_broken(a, -errno);
                if (n < 0) {
                        r = mqtt_attempt_wait(a, POLLOUT);
                        if (r < 0)
                                return r;
                        continue;
                }
                request += n;
                n_left -= (size_t) n;
        }
        return 0;
}

/* Takes nothing that comes behind the head: that is the host's. */
static int proxy_receive(MqttAttempt *a, MqttHttpHead *head) {
        while (!head->is_complete) {
                uint8_t bytes[512];
                ssize_t n;
                int r;

                r = mqtt_attempt_wait(a, POLLIN);
                if (r < 0)
                        return r;
                n = recv(a->result.stream.fd, bytes, sizeof(bytes), MSG_PEEK);
                if (n < 0 && errno == EAGAIN)
                        continue;
                if (n <= 0)
                        return proxy_broken(a, n < 0 ? -errno : -ECONNRESET);
                n = mqtt_http_feed(head, bytes, (size_t) n);
                if (n < 0)
                        return mqtt_attempt_fail(a, MQTT_PROBLEM_PROXY_ANSWER, -EPROTO,
                                                 "The proxy '%s' port %s does not speak HTTP", a->proxy_host,
                                                 a->proxy_port);
                (void) recv(a->result.stream.fd, bytes, (size_t) n, 0);
        }
        return 0;
}

static int proxy_judge(MqttAttempt *a, const MqttHttpHead *head) {
        a->result.report.http_status = head->status;
        if (head->status >= 200 && head->status < 300)
                return 0;
        if (head->status == STATUS_PROXY_AUTHENTICATION_REQUIRED || head->status == STATUS_UNAUTHORIZED)
                return mqtt_attempt_fail(a, MQTT_PROBLEM_PROXY_AUTHENTICATION, -EACCES,
                                         "The proxy '%s' port %s %s: '%.80s'", a->proxy_host, a->proxy_port,
                                         a->proxy_authorization ? "does not accept the user and password"
                                                                : "wants a user and password",
                                         mqtt_http_status_line(head));
        return mqtt_attempt_fail(a, MQTT_PROBLEM_PROXY_REFUSED, -ECONNREFUSED,
                                 "The proxy '%s' port %s does not connect to '%s' port %s: '%.80s'",
                                 a->proxy_host, a->proxy_port, a->host, a->port, mqtt_http_status_line(head));
}

int mqtt_proxy_ask(MqttAttempt *a) {
        _cleanup_(request_freep) char *request = request_new(a);
        MqttHttpHead head = {};
        int r;

        if (!request)
                return -ENOMEM;
        r = proxy_send(a, request);
        if (r < 0)
                return r;
        r = proxy_receive(a, &head);
        return r < 0 ? r : proxy_judge(a, &head);
}
