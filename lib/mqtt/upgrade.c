/* SPDX-License-Identifier: MIT */

#include <mqtt/upgrade.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <poll.h>
#include <strings.h>

#define STATUS_SWITCHING_PROTOCOLS 101

/* The name by which RFC 6455 makes sure that the server means it. */
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#define SUBPROTOCOL "mqtt"

/* Base64 of a SHA-1, and a NUL. */
#define ACCEPT_SIZE 29

bool mqtt_upgrade_is_path(const char *path) {
        if (path[0] != '/')
                return false;
        while (*path > ' ' && *path <= '~' && *path != '#')
                path++;
        return *path == '\0';
}

/* ---- The request ---- */

static int key_make(char ret[static MQTT_UPGRADE_KEY_SIZE]) {
        uint8_t nonce[16];

        if (RAND_bytes(nonce, sizeof(nonce)) != 1)
                return -EIO;
        (void) EVP_EncodeBlock((uint8_t *) ret, nonce, sizeof(nonce));
        return 0;
}

static int request_new(const MqttAttempt *a, const char *key, char **ret) {
        bool is_ipv6 = strchr(a->host, ':') != NULL, is_usual_port = strcmp(a->port, "443") == 0;
        int n = asprintf(ret,
                         "GET %s HTTP/1.1\r\n"
                         "Host: %s%s%s%s%s\r\n"
                         "Upgrade: websocket\r\n"
                         "Connection: Upgrade\r\n"
                         "Sec-WebSocket-Key: %s\r\n"
                         "Sec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Protocol: " SUBPROTOCOL "\r\n"
                         "\r\n",
                         a->websocket_path, is_ipv6 ? "[" : "", a->host, is_ipv6 ? "]" : "",
                         is_usual_port ? "" : ":", is_usual_port ? "" : a->port, key);

        if (n < 0)
                *ret = NULL;
        return n < 0 ? -ENOMEM : 0;
}

/* ---- The answer ---- */

static bool accept_make(const char *key, char ret[static ACCEPT_SIZE]) {
        char text[MQTT_UPGRADE_KEY_SIZE + sizeof(GUID)];
        uint8_t digest[EVP_MAX_MD_SIZE];
        unsigned n;
        int n_text = snprintf(text, sizeof(text), "%s%s", key, GUID);

        if (EVP_Digest(text, (size_t) n_text, digest, &n, EVP_sha1(), NULL) != 1)
                return false;
        (void) EVP_EncodeBlock((uint8_t *) ret, digest, (int) n);
        return true;
}

const char *mqtt_upgrade_find_fault(const MqttHttpHead *head, const char *key) {
        char accept[ACCEPT_SIZE];
        const char *value;

        if (mqtt_http_find(head, "Upgrade", &value) != 1 || strcasecmp(value, "websocket") != 0)
                return "its answer does not upgrade to websocket";
        if (!mqtt_http_has_token(head, "Connection", "upgrade"))
                return "its answer does not upgrade the connection";
        if (!accept_make(key, accept) || mqtt_http_find(head, "Sec-WebSocket-Accept", &value) != 1 ||
            strcmp(value, accept) != 0)
                return "its answer is not to this request (Sec-WebSocket-Accept)";
        if (mqtt_http_find(head, "Sec-WebSocket-Extensions", &value) > 0)
                return "it uses an extension that was not asked for";
        if (mqtt_http_find(head, "Sec-WebSocket-Protocol", &value) != 1 || strcmp(value, SUBPROTOCOL) != 0)
                return "it does not speak the subprotocol mqtt";
        return NULL;
}

static int upgrade_judge(MqttAttempt *a, const MqttHttpHead *head, const char *key) {
        const char *what;

        a->result.report.http_status = head->status;
        if (head->status != STATUS_SWITCHING_PROTOCOLS)
                return mqtt_attempt_fail(
                        a, MQTT_PROBLEM_WEBSOCKET_REFUSED, -ECONNREFUSED,
                        "The server '%s' port %s does not open a WebSocket at '%.80s': '%.80s'", a->host,
                        a->port, a->websocket_path, mqtt_http_status_line(head));
        what = mqtt_upgrade_find_fault(head, key);
        if (what)
                return mqtt_attempt_fail(a, MQTT_PROBLEM_WEBSOCKET_ANSWER, -EPROTO,
                                         "The server '%s' port %s does not open a WebSocket: %s", a->host,
                                         a->port, what);
        return 0;
}

/* ---- Both over TLS ---- */

/* 0: try again, the socket is ready. */
static int upgrade_wait(MqttAttempt *a, int result, int saved_errno) {
        int error = SSL_get_error(a->result.stream.ssl, result), r;
        char reason[MQTT_TEXT_MAX / 2];
        bool is_about_us;

        if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
                return mqtt_attempt_wait(a, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT);
        r = mqtt_tls_failure(error, saved_errno, &is_about_us, reason, sizeof(reason));
        if (!is_about_us && mqtt_tls_hear_verdict(a->result.stream.ssl, reason, sizeof(reason)) < 0)
                is_about_us = true;
        if (!a->result.stream.is_own_wanted)
                is_about_us = false;
        return mqtt_attempt_fail(a, is_about_us ? MQTT_PROBLEM_CLIENT_CERTIFICATE : MQTT_PROBLEM_RESET, r,
                                 "The server '%s' port %s does not open a WebSocket: %s", a->host, a->port,
                                 reason);
}

static int upgrade_send(MqttAttempt *a, const char *request) {
        size_t n_left = strlen(request);

        while (n_left > 0) {
                int n, r;

                ERR_clear_error();
                errno = 0;
                n = SSL_write(a->result.stream.ssl, request, (int) n_left);
                if (n > 0) {
                        request += n;
                        n_left -= (size_t) n;
                        continue;
                }
                r = upgrade_wait(a, n, errno);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Takes nothing that comes behind the head: those are frames. */
static int upgrade_receive(MqttAttempt *a, MqttHttpHead *head) {
        while (!head->is_complete) {
                uint8_t bytes[512];
                ssize_t n_head;
                int n, r;

                ERR_clear_error();
                errno = 0;
                n = SSL_peek(a->result.stream.ssl, bytes, sizeof(bytes));
                if (n <= 0) {
                        r = upgrade_wait(a, n, errno);
                        if (r < 0)
                                return r;
                        continue;
                }
                n_head = mqtt_http_feed(head, bytes, (size_t) n);
                if (n_head < 0)
                        return mqtt_attempt_fail(
                                a, MQTT_PROBLEM_WEBSOCKET_ANSWER, -EPROTO,
                                "The server '%s' port %s does not open a WebSocket: it does not speak HTTP",
                                a->host, a->port);
                (void) SSL_read(a->result.stream.ssl, bytes, (int) n_head);
        }
        return 0;
}

int mqtt_upgrade_ask(MqttAttempt *a) {
        _cleanup_(freep) char *request = NULL;
        char key[MQTT_UPGRADE_KEY_SIZE];
        MqttHttpHead head = {};
        int r;

        r = key_make(key);
        if (r < 0)
                return r;
        r = request_new(a, key, &request);
        if (r < 0)
                return r;
        r = upgrade_send(a, request);
        if (r < 0)
                return r;
        r = upgrade_receive(a, &head);
        if (r < 0)
                return r;
        r = upgrade_judge(a, &head, key);
        return r < 0 ? r : mqtt_websocket_new(&a->result.stream.websocket);
}
