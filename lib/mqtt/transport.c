/* SPDX-License-Identifier: MIT */

/*
 * Time limits are kept in one place, by the loop's thread in mqtt_transport_take(): the worker only says
 * which stage it enters. An attempt out of time is reported and abandoned; its worker notices when it enters
 * the next stage, or at once where it polls, because 'cancel_fd' becomes readable.
 */

#include <mqtt/transport.h>

#include <assert.h>
#include <signal.h>

#include <mqtt/attempt.h>
#include <mqtt/secret.h>

#define WORKERS_MAX 2U

struct MqttTransport {
        MqttShared *shared;
        MqttAttempt *workers[WORKERS_MAX]; /* started and not joined yet */
        MqttAttempt *current;              /* among the workers, or waiting for one to end */
};

int mqtt_transport_new(MqttTransport **ret, int wake_fd) {
        _cleanup_(freep) MqttTransport *t = NULL;
        int r;

        /* A worker that hangs in a resolver may outlive us: at exit, it must not lose OpenSSL. */
        (void) OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);
        (void) signal(SIGPIPE, SIG_IGN);

        t = malloc(sizeof(*t));
        if (!t)
                return -ENOMEM;
        *t = (MqttTransport){};
        r = mqtt_shared_new(&t->shared, wake_fd);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

MqttTransport *mqtt_transport_free(MqttTransport *t) {
        if (!t)
                return NULL;
        mqtt_transport_abandon(t);

        for (size_t i = 0; i < WORKERS_MAX; i++) {
                MqttAttempt *a = t->workers[i];
                bool is_orphan;

                if (!a)
                        continue;
                (void) pthread_mutex_lock(&t->shared->lock);
                is_orphan = a->is_orphan = !mqtt_attempt_ends_soon(a);
                if (is_orphan) {
                        t->shared->n_refs++;
                        (void) pthread_detach(a->thread);
                }
                (void) pthread_mutex_unlock(&t->shared->lock);
                if (!is_orphan) {
                        (void) pthread_join(a->thread, NULL);
                        (void) mqtt_attempt_free(a);
                }
        }

        (void) pthread_mutex_lock(&t->shared->lock);
        mqtt_shared_unlock_unref(t->shared);
        free(t);
        return NULL;
}

/* Joins and frees the abandoned workers that have ended. */
static void transport_reap(MqttTransport *t) {
        for (size_t i = 0; i < WORKERS_MAX; i++) {
                MqttAttempt *a = t->workers[i];

                if (!a || a == t->current || !mqtt_attempt_is_done(a))
                        continue;
                (void) pthread_join(a->thread, NULL);
                t->workers[i] = mqtt_attempt_free(a);
        }
}

/* Starts the current attempt if it waits and a worker is free. */
static int transport_start_waiting(MqttTransport *t) {
        int r;

        if (!t->current || t->current->is_started)
                return 0;
        for (size_t i = 0; i < WORKERS_MAX; i++) {
                if (t->workers[i])
                        continue;
                r = mqtt_attempt_start(t->current);
                if (r >= 0)
                        t->workers[i] = t->current;
                return r;
        }
        return 0;
}

int mqtt_transport_open_until(MqttTransport *t, const MqttEndpoint *endpoint, const MqttSignJob *sign,
                              MqttStage last_stage, uint64_t now_us) {
        int r;

        assert(!t->current);

        r = mqtt_attempt_new(&t->current, t->shared, endpoint, sign, now_us);
        if (r < 0)
                return r;
        t->current->last_stage = last_stage;
        transport_reap(t);
        r = transport_start_waiting(t);
        if (r < 0)
                t->current = mqtt_attempt_free(t->current);
        return r;
}

int mqtt_transport_open(MqttTransport *t, const MqttEndpoint *endpoint, const MqttSignJob *sign,
                        uint64_t now_us) {
        return mqtt_transport_open_until(t, endpoint, sign, _MQTT_STAGE_MAX, now_us);
}

void mqtt_transport_get_report(const MqttTransport *t, MqttReport *ret) {
        mqtt_attempt_get_report(t->current, ret);
}

void mqtt_transport_abandon(MqttTransport *t) {
        MqttAttempt *a = TAKE_PTR(t->current);

        if (!a)
                return;
        if (!a->is_started) {
                (void) mqtt_attempt_free(a);
                return;
        }
        mqtt_attempt_cancel(a);
        transport_reap(t);
}

void mqtt_open_result_done(MqttOpenResult *r) {
        mqtt_stream_done(&r->stream);
        r->secret = mqtt_secret_free(r->secret, r->n_secret);
        explicit_bzero(r->signature, sizeof(r->signature));
}

void mqtt_transport_keep_session(MqttTransport *t, const MqttStream *stream) {
        if (!stream->ssl)
                return;
        mqtt_tls_sessions_keep(t->shared->tls_sessions, stream->ssl);
}

uint64_t mqtt_transport_deadline_us(const MqttTransport *t) {
        uint64_t deadline_us = UINT64_MAX;

        if (!t->current)
                return deadline_us;
        (void) pthread_mutex_lock(&t->shared->lock);
        if (!t->current->is_done)
                deadline_us = t->current->deadline_us;
        (void) pthread_mutex_unlock(&t->shared->lock);
        return deadline_us;
}

void mqtt_transport_set_proven(MqttTransport *t, const MqttStream *stream) {
        if (!stream->ssl)
                return;
        mqtt_tls_cache_set_proven(t->shared->tls_cache, SSL_get_SSL_CTX(stream->ssl));
}

static void format_timeout(const MqttAttempt *a, MqttStage stage, char *ret, size_t size) {
        const char *proxy = a->proxy_host ? "the proxy " : "", *peer = a->proxy_host ?: a->host;
        double limit_s = mqtt_seconds(a->timeout_us[stage]);

        switch (stage) {
        case MQTT_STAGE_IDENTITY:
                (void) snprintf(ret, size, "Reading the certificates took longer than %g s", limit_s);
                break;
        case MQTT_STAGE_SIGN:
                (void) snprintf(ret, size, "Signing with the device's key took longer than %g s", limit_s);
                break;
        case MQTT_STAGE_NAME:
                (void) snprintf(ret, size, "Cannot resolve %s'%s': no answer within %g s", proxy, peer,
                                limit_s);
                break;
        case MQTT_STAGE_TCP:
                (void) snprintf(ret, size, "Cannot connect to %s'%s' port %s: no answer within %g s", proxy,
                                peer, a->proxy_host ? a->proxy_port : a->port, limit_s);
                break;
        case MQTT_STAGE_TLS:
                (void) snprintf(ret, size, "TLS handshake with '%s' did not end within %g s", a->host,
                                limit_s);
                break;
        case MQTT_STAGE_PROXY:
                (void) snprintf(ret, size, "The proxy '%s' port %s did not answer within %g s", a->proxy_host,
                                a->proxy_port, limit_s);
                break;
        case MQTT_STAGE_WEBSOCKET:
                (void) snprintf(ret, size, "The server '%s' port %s did not open a WebSocket within %g s",
                                a->host, a->port, limit_s);
                break;
        case _MQTT_STAGE_MAX:
                break;
        }
}

static MqttProblem problem_from_timeout(MqttStage stage) {
        if (stage == MQTT_STAGE_SIGN)
                return MQTT_PROBLEM_SIGNING;
        return stage == MQTT_STAGE_NAME ? MQTT_PROBLEM_NAME_SERVER : MQTT_PROBLEM_TIMEOUT;
}

/* The attempt is over before its worker: 'error' says why. */
static void transport_give_up(MqttTransport *t, int error, MqttOpenResult *ret) {
        *ret = (MqttOpenResult){ .error = error, .stream = MQTT_STREAM_NULL };
        mqtt_attempt_get_report(t->current, &ret->report);
        if (error == -ETIMEDOUT) {
                ret->report.problem = problem_from_timeout(ret->report.stage);
                ret->report.stage_us[ret->report.stage] = t->current->timeout_us[ret->report.stage];
                format_timeout(t->current, ret->report.stage, ret->text, sizeof(ret->text));
        } else {
                ret->report.problem = MQTT_PROBLEM_LOCAL;
                (void) snprintf(ret->text, sizeof(ret->text), "Cannot start a thread: %s", strerror(-error));
        }
        mqtt_transport_abandon(t);
}

static void transport_collect(MqttTransport *t, MqttOpenResult *ret) {
        MqttAttempt *a = TAKE_PTR(t->current);

        *ret = a->result;
        a->result.stream = MQTT_STREAM_NULL;
        a->result.secret = NULL;
        if (ret->error < 0)
                mqtt_stream_done(&ret->stream);
        if (ret->error < 0 && ret->text[0] == '\0')
                (void) snprintf(ret->text, sizeof(ret->text), "Cannot open a connection to '%s': %s", a->host,
                                strerror(-ret->error));
        transport_reap(t);
}

bool mqtt_transport_take(MqttTransport *t, uint64_t now_us, MqttOpenResult *ret) {
        bool is_done, is_due;
        int r;

        transport_reap(t);
        r = transport_start_waiting(t);
        if (!t->current)
                return false;

        (void) pthread_mutex_lock(&t->shared->lock);
        is_done = t->current->is_done;
        is_due = now_us >= t->current->deadline_us;
        /* It enters no further stage: the report is to be of the one whose time is over. */
        t->current->is_cancelled = is_due && !is_done;
        (void) pthread_mutex_unlock(&t->shared->lock);

        if (is_done)
                transport_collect(t, ret);
        else if (r < 0)
                transport_give_up(t, r, ret);
        else if (is_due)
                transport_give_up(t, -ETIMEDOUT, ret);
        else
                return false;
        return true;
}
