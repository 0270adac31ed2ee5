/* SPDX-License-Identifier: MIT */

#include <mqtt/stages.h>

#include <netdb.h>
#include <poll.h>

#include <mqtt/certificate.h>
#include <mqtt/proxy.h>
#include <mqtt/secret.h>
#include <mqtt/tcp.h>
#include <mqtt/upgrade.h>

static int read_secret(MqttAttempt *a) {
        MqttOpenResult *result = &a->result;
        int r;

        r = mqtt_secret_read(a->secret_file, &result->secret, &result->n_secret, result->text,
                             sizeof(result->text));
        if (r < 0)
                result->report.problem = MQTT_PROBLEM_SECRET_FILE;
        return r;
}

static int read_tls_files(MqttAttempt *a) {
        MqttTlsCache *cache = a->shared->tls_cache;
        MqttReport *report = &a->result.report;
        MqttTlsContext context;
        MqttProblem problem = MQTT_PROBLEM_LOCAL;
        int r = -ENOENT;

        if (a->use_proven)
                r = mqtt_tls_cache_get_proven(cache, &context);
        if (r < 0)
                r = mqtt_tls_cache_get(cache, &a->files, &context, &problem, a->result.text,
                                       sizeof(a->result.text));
        if (r < 0) {
                report->problem = problem;
                return r;
        }
        a->ctx = context.ctx;
        memcpy(report->files, context.files, sizeof(report->files));
        mqtt_certificate_describe(SSL_CTX_get0_certificate(a->ctx), &report->own);
        return 0;
}

static int run_identity(MqttAttempt *a) {
        int r = a->no_tls ? 0 : read_tls_files(a);

        return r < 0 || !a->secret_file ? r : read_secret(a);
}

static int run_sign(MqttAttempt *a) {
        MqttOpenResult *result = &a->result;
        int r;

        r = a->sign.sign(a->sign.userdata, a->sign.input, result->signature, sizeof(result->signature));
        if (r < 0)
                return mqtt_attempt_fail(a, MQTT_PROBLEM_SIGNING, r, "Cannot sign with the device's key: %s",
                                         strerror(-r));
        return 0;
}

static int error_from_gai(int code, int saved_errno, MqttProblem *ret_problem) {
        switch (code) {
        case EAI_SYSTEM:
                *ret_problem = MQTT_PROBLEM_LOCAL;
                return saved_errno != 0 ? -saved_errno : -EIO;
        case EAI_MEMORY:
                *ret_problem = MQTT_PROBLEM_LOCAL;
                return -ENOMEM;
        case EAI_AGAIN:
                *ret_problem = MQTT_PROBLEM_NAME_SERVER;
                return -EAGAIN;
        case EAI_FAIL:
                *ret_problem = MQTT_PROBLEM_NAME_SERVER;
                return -EHOSTUNREACH;
        default:
                *ret_problem = MQTT_PROBLEM_NAME_UNKNOWN;
                return -EHOSTUNREACH;
        }
}

static int run_name(MqttAttempt *a) {
        const struct addrinfo hints = { .ai_family = AF_UNSPEC,
                                        .ai_socktype = SOCK_STREAM,
                                        .ai_flags = AI_NUMERICSERV };
        MqttProblem problem;
        int r, error;

        r = getaddrinfo(a->proxy_host ?: a->host, a->proxy_host ? a->proxy_port : a->port, &hints,
                        &a->addresses);
        if (r != 0) {
                error = error_from_gai(r, errno, &problem);
                return mqtt_attempt_fail(a, problem, error, "Cannot resolve %s'%s': %s",
                                         a->proxy_host ? "the proxy " : "", a->proxy_host ?: a->host,
                                         r == EAI_SYSTEM ? strerror(-error) : gai_strerror(r));
        }
        for (const struct addrinfo *i = a->addresses; i; i = i->ai_next)
                a->result.report.n_addresses++;
        return 0;
}

MqttProblem mqtt_problem_from_errno(int error) {
        switch (-error) {
        case ECONNREFUSED:
                return MQTT_PROBLEM_REFUSED;
        case ECONNRESET:
        case EPIPE:
                return MQTT_PROBLEM_RESET;
        case ETIMEDOUT:
                return MQTT_PROBLEM_TIMEOUT;
        case EACCES: /* a firewall says so, here or on the way */
        case EPERM:
        case EADDRNOTAVAIL:
        case EAFNOSUPPORT:
        case EHOSTUNREACH:
        case ENETDOWN:
        case ENETUNREACH:
                return MQTT_PROBLEM_UNREACHABLE;
        default:
                return MQTT_PROBLEM_LOCAL;
        }
}

/* Called by mqtt_tcp_connect() with each address. */
static void on_address(void *userdata, const struct sockaddr *address, socklen_t size) {
        char host[56], port[sizeof("65535")]; /* INET6_ADDRSTRLEN and a scope */
        char text[sizeof(((MqttReport *) NULL)->address)];

        if (getnameinfo(address, size, host, sizeof(host), port, sizeof(port),
                        NI_NUMERICHOST | NI_NUMERICSERV) != 0)
                return;
        (void) snprintf(text, sizeof(text), address->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
        mqtt_attempt_set_address(userdata, text);
}

static int run_tcp(MqttAttempt *a) {
        const MqttTcpJob job = { .addresses = a->addresses,
                                 .cancel_fd = a->cancel_fd,
                                 .user_timeout_ms = a->user_timeout_ms,
                                 .on_address = on_address,
                                 .userdata = a };
        int r;

        r = mqtt_tcp_connect(&job, &a->result.stream.fd);
        if (r < 0)
                return mqtt_attempt_fail(a, mqtt_problem_from_errno(r), r,
                                         "Cannot connect to %s'%s' port %s: %s",
                                         a->proxy_host ? "the proxy " : "", a->proxy_host ?: a->host,
                                         a->proxy_host ? a->proxy_port : a->port, strerror(-r));
        return 0;
}

static int run_tls(MqttAttempt *a) {
        MqttOpenResult *result = &a->result;
        int r;

        r = mqtt_tls_session_new(&result->stream.ssl, a->ctx, a->host, result->stream.fd);
        if (r < 0)
                return r;
        a->is_session_offered = !a->is_session_refused &&
                                mqtt_tls_sessions_offer(a->shared->tls_sessions, result->stream.ssl);

        for (;;) {
                r = mqtt_tls_handshake(result->stream.ssl, a->host, &result->report, result->text,
                                       sizeof(result->text));
                result->stream.is_own_wanted = result->report.is_own_wanted;
                if (r <= 0)
                        return r;
                r = mqtt_attempt_wait(a, r == MQTT_TLS_WANT_WRITE ? POLLOUT : POLLIN);
                if (r < 0)
                        return r;
        }
}

static bool stage_is_needed(const MqttAttempt *a, MqttStage stage) {
        switch (stage) {
        case MQTT_STAGE_SIGN:
                return a->sign.sign != NULL;
        case MQTT_STAGE_PROXY:
                return a->proxy_host != NULL;
        case MQTT_STAGE_WEBSOCKET:
                return a->websocket_path != NULL;
        case MQTT_STAGE_TLS:
                return !a->no_tls;
        case MQTT_STAGE_IDENTITY:
        case MQTT_STAGE_NAME:
        case MQTT_STAGE_TCP:
        case _MQTT_STAGE_MAX:
                break;
        }
        return true;
}

/*
 * With TLS 1.3 the server judges our certificate when the handshake is over here. Most send a session ticket
 * then; one that says nothing for so long has nothing against it.
 */
#define VERDICT_TIMEOUT_MS 1000

/* For an attempt that ends here: whoever goes on hears it in time. */
static int hear_verdict(MqttAttempt *a) {
        struct pollfd fds[] = {
                { .fd = a->cancel_fd, .events = POLLIN },
                { .fd = a->result.stream.fd, .events = POLLIN },
        };
        SSL *ssl = a->result.stream.ssl;
        char reason[MQTT_TEXT_MAX / 2];
        int r;

        if (SSL_version(ssl) != TLS1_3_VERSION || !a->result.stream.is_own_wanted ||
            poll(fds, ELEMENTSOF(fds), VERDICT_TIMEOUT_MS) <= 0)
                return 0;
        if (fds[0].revents != 0)
                return -ECANCELED;
        r = mqtt_tls_hear_verdict(ssl, reason, sizeof(reason));
        if (r == 0)
                return 0;
        return mqtt_attempt_fail(a, MQTT_PROBLEM_CLIENT_CERTIFICATE, r, "TLS handshake with '%s' failed: %s",
                                 a->host, reason);
}

/*
 * A server that does not want a session of TLS goes on without. But if it breaks off, or something in between
 * does, that must not be the end of the attempt: it begins again at TCP, without a session.
 */
static bool session_is_to_blame(MqttAttempt *a, MqttStage stage, int error) {
        if (stage != MQTT_STAGE_TLS || !a->is_session_offered || error == -ECANCELED)
                return false;
        mqtt_stream_done(&a->result.stream);
        a->result.report.problem = MQTT_PROBLEM_NONE;
        a->result.text[0] = '\0';
        a->is_session_offered = false;
        a->is_session_refused = true;
        return true;
}

int mqtt_stages_run(MqttAttempt *a) {
        static int (*const runs[_MQTT_STAGE_MAX])(MqttAttempt * a) = {
                [MQTT_STAGE_IDENTITY] = run_identity,
                [MQTT_STAGE_SIGN] = run_sign,
                [MQTT_STAGE_NAME] = run_name,
                [MQTT_STAGE_TCP] = run_tcp,
                [MQTT_STAGE_PROXY] = mqtt_proxy_ask,
                [MQTT_STAGE_TLS] = run_tls,
                [MQTT_STAGE_WEBSOCKET] = mqtt_upgrade_ask,
        };

        for (MqttStage stage = 0; stage < _MQTT_STAGE_MAX && stage <= a->last_stage; stage++) {
                int r;

                if (!stage_is_needed(a, stage))
                        continue;
                r = mqtt_attempt_enter(a, stage);
                if (r < 0)
                        return r;
                r = runs[stage](a);
                if (r < 0 && session_is_to_blame(a, stage, r))
                        stage = MQTT_STAGE_NAME; /* and on with MQTT_STAGE_TCP */
                else if (r < 0)
                        return r;
        }
        /* Only a probe has a last stage. */
        if (a->last_stage < _MQTT_STAGE_MAX && a->result.report.stage == MQTT_STAGE_TLS)
                return hear_verdict(a);
        return 0;
}
