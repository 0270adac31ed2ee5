/* SPDX-License-Identifier: MIT */

#include <mqtt/attempt.h>

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <mqtt/tcp.h>

void mqtt_shared_unlock_unref(MqttShared *s) {
        bool is_last = --s->n_refs == 0;

        (void) pthread_mutex_unlock(&s->lock);
        if (!is_last)
                return;
        s->tls_cache = mqtt_tls_cache_free(s->tls_cache);
        (void) close_fd(s->wake_fd);
        (void) pthread_mutex_destroy(&s->lock);
        free(s);
}

int mqtt_shared_new(MqttShared **ret, int wake_fd) {
        MqttShared *s;
        int r;

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (MqttShared){ .lock = PTHREAD_MUTEX_INITIALIZER, .n_refs = 1, .wake_fd = -1 };

        r = mqtt_tls_cache_new(&s->tls_cache);
        if (r >= 0) {
                s->wake_fd = fcntl(wake_fd, F_DUPFD_CLOEXEC, 3);
                r = s->wake_fd < 0 ? -errno : 0;
        }
        if (r < 0) {
                (void) pthread_mutex_lock(&s->lock);
                mqtt_shared_unlock_unref(s);
                return r;
        }
        *ret = s;
        return 0;
}

static void attempt_destroy_sign(MqttAttempt *a) {
        if (a->sign.destroy)
                a->sign.destroy(a->sign.userdata);
        a->sign = (MqttSignJob){};
}

MqttAttempt *mqtt_attempt_free(MqttAttempt *a) {
        if (!a)
                return NULL;
        attempt_destroy_sign(a);
        mqtt_stream_done(&a->result.stream);
        explicit_bzero(a->result.signature, sizeof(a->result.signature));
        (void) close_fd(a->cancel_fd);
        free(a->sign_input);
        free(a->ca_file);
        free(a->host);
        free(a);
        return NULL;
}

static char *span_to_string(az_span s) {
        return strndup((const char *) az_span_ptr(s), (size_t) az_span_size(s));
}

static int attempt_copy_endpoint(MqttAttempt *a, const MqttEndpoint *endpoint) {
        size_t n_host = (size_t) az_span_size(endpoint->host);

        if (n_host == 0 || memchr(az_span_ptr(endpoint->host), '\0', n_host) || endpoint->port == 0)
                return -EINVAL;
        a->host = span_to_string(endpoint->host);
        if (!a->host)
                return -ENOMEM;
        if (endpoint->ca_file) {
                a->ca_file = strdup(endpoint->ca_file);
                if (!a->ca_file)
                        return -ENOMEM;
        }
        (void) snprintf(a->port, sizeof(a->port), "%u", endpoint->port);
        a->timeout_us[MQTT_STAGE_SIGN] = mqtt_timeout_or(endpoint->sign_timeout_us, 30);
        a->timeout_us[MQTT_STAGE_NAME] = mqtt_timeout_or(endpoint->name_timeout_us, 10);
        a->timeout_us[MQTT_STAGE_TCP] = mqtt_timeout_or(endpoint->tcp_timeout_us, 15);
        a->timeout_us[MQTT_STAGE_TLS] = mqtt_timeout_or(endpoint->tls_timeout_us, 15);
        return 0;
}

static int attempt_copy_sign_input(MqttAttempt *a) {
        size_t n = (size_t) az_span_size(a->sign.input);

        if (n == 0)
                return 0;
        a->sign_input = malloc(n);
        if (!a->sign_input)
                return -ENOMEM;
        memcpy(a->sign_input, az_span_ptr(a->sign.input), n);
        a->sign.input = az_span_create(a->sign_input, (int32_t) n);
        return 0;
}

int mqtt_attempt_new(MqttAttempt **ret, MqttShared *shared, const MqttEndpoint *endpoint,
                     const MqttSignJob *sign, uint64_t now_us) {
        _cleanup_(mqtt_attempt_freep) MqttAttempt *a = NULL;
        int r;

        a = malloc(sizeof(*a));
        if (!a) {
                if (sign && sign->destroy)
                        sign->destroy(sign->userdata);
                return -ENOMEM;
        }
        *a = (MqttAttempt){
                .shared = shared,
                .cancel_fd = -1,
                .result = { .stream = MQTT_STREAM_NULL },
                .sign = sign ? *sign : (MqttSignJob){},
                .stage = sign ? MQTT_STAGE_SIGN : MQTT_STAGE_NAME,
                .last_stage = _MQTT_STAGE_MAX,
        };
        for (size_t i = 0; i < _MQTT_STAGE_MAX; i++)
                a->stage_us[i] = UINT64_MAX;
        r = attempt_copy_sign_input(a);
        if (r < 0)
                return r;
        r = attempt_copy_endpoint(a, endpoint);
        if (r < 0)
                return r;
        a->deadline_us = now_us + a->timeout_us[a->stage];
        a->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (a->cancel_fd < 0)
                return -errno;
        *ret = TAKE_PTR(a);
        return 0;
}

static void eventfd_signal(int fd) {
        (void) eventfd_write(fd, 1); /* fails only when it is readable already */
}

void mqtt_attempt_get_stages(const MqttAttempt *a, uint64_t ret_stage_us[static _MQTT_STAGE_MAX]) {
        memcpy(ret_stage_us, a->stage_us, sizeof(a->stage_us));
        if (a->entered_us > 0)
                ret_stage_us[a->stage] = boottime_us() - a->entered_us;
}

/* ---- In the worker ---- */

static int attempt_enter(MqttAttempt *a, MqttStage stage) {
        bool is_cancelled;

        (void) pthread_mutex_lock(&a->shared->lock);
        is_cancelled = a->is_cancelled;
        if (!is_cancelled) {
                uint64_t now_us = boottime_us();

                if (a->entered_us > 0)
                        a->stage_us[a->stage] = now_us - a->entered_us;
                a->stage = stage;
                a->entered_us = now_us;
                a->deadline_us = a->entered_us + a->timeout_us[stage];
                eventfd_signal(a->shared->wake_fd);
        }
        (void) pthread_mutex_unlock(&a->shared->lock);
        return is_cancelled ? -ECANCELED : 0;
}

static int attempt_sign(MqttAttempt *a) {
        MqttOpenResult *result = &a->result;
        int r;

        if (!a->sign.sign)
                return 0;
        r = attempt_enter(a, MQTT_STAGE_SIGN);
        if (r < 0)
                return r;
        r = a->sign.sign(a->sign.userdata, a->sign.input, result->signature, sizeof(result->signature));
        if (r < 0)
                (void) snprintf(result->text, sizeof(result->text), "Cannot sign with the device's key: %s",
                                strerror(-r));
        return r;
}

static int error_from_gai(int code) {
        switch (code) {
        case EAI_SYSTEM:
                return errno != 0 ? -errno : -EIO;
        case EAI_MEMORY:
                return -ENOMEM;
        case EAI_AGAIN:
                return -EAGAIN;
        default:
                return -EHOSTUNREACH;
        }
}

static void addrinfo_freep(struct addrinfo **list) {
        if (*list)
                freeaddrinfo(*list);
}

static int attempt_resolve(MqttAttempt *a, struct addrinfo **ret) {
        const struct addrinfo hints = { .ai_family = AF_UNSPEC,
                                        .ai_socktype = SOCK_STREAM,
                                        .ai_flags = AI_NUMERICSERV };
        int r;

        r = attempt_enter(a, MQTT_STAGE_NAME);
        if (r < 0)
                return r;
        r = getaddrinfo(a->host, a->port, &hints, ret);
        if (r == 0)
                return 0;
        (void) snprintf(a->result.text, sizeof(a->result.text), "Cannot resolve '%s': %s", a->host,
                        r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
        return error_from_gai(r);
}

static int attempt_connect_tcp(MqttAttempt *a, const struct addrinfo *addresses) {
        int r;

        r = attempt_enter(a, MQTT_STAGE_TCP);
        if (r < 0)
                return r;
        r = mqtt_tcp_connect(addresses, a->cancel_fd, &a->result.stream.fd);
        if (r < 0)
                (void) snprintf(a->result.text, sizeof(a->result.text), "Cannot connect to '%s' port %s: %s",
                                a->host, a->port, strerror(-r));
        return r;
}

static int attempt_wait_handshake(MqttAttempt *a, int want) {
        struct pollfd fds[] = {
                { .fd = a->cancel_fd, .events = POLLIN },
                { .fd = a->result.stream.fd, .events = want == MQTT_TLS_WANT_WRITE ? POLLOUT : POLLIN },
        };

        if (poll(fds, ELEMENTSOF(fds), -1) < 0)
                return errno == EINTR ? 0 : -errno;
        return fds[0].revents != 0 ? -ECANCELED : 0;
}

static int attempt_connect_tls(MqttAttempt *a) {
        _cleanup_(SSL_CTX_freep) SSL_CTX *ctx = NULL;
        MqttOpenResult *result = &a->result;
        int r;

        r = attempt_enter(a, MQTT_STAGE_TLS);
        if (r < 0)
                return r;
        r = mqtt_tls_cache_get(a->shared->tls_cache, a->ca_file, &ctx, result->text, sizeof(result->text));
        if (r < 0)
                return r;
        r = mqtt_tls_session_new(&result->stream.ssl, ctx, a->host, result->stream.fd);
        if (r < 0)
                return r;

        for (;;) {
                r = mqtt_tls_handshake(result->stream.ssl, a->host, result->text, sizeof(result->text));
                if (r <= 0)
                        return r;
                r = attempt_wait_handshake(a, r);
                if (r < 0)
                        return r;
        }
}

static int attempt_run(MqttAttempt *a) {
        _cleanup_(addrinfo_freep) struct addrinfo *addresses = NULL;
        int r;

        r = attempt_sign(a);
        if (r < 0 || a->last_stage == MQTT_STAGE_SIGN)
                return r;
        r = attempt_resolve(a, &addresses);
        if (r < 0 || a->last_stage == MQTT_STAGE_NAME)
                return r;
        r = attempt_connect_tcp(a, addresses);
        if (r < 0 || a->last_stage == MQTT_STAGE_TCP)
                return r;
        return attempt_connect_tls(a);
}

static void *attempt_thread(void *userdata) {
        MqttAttempt *a = userdata;
        MqttShared *s = a->shared;
        bool is_orphan;

        (void) pthread_setname_np(pthread_self(), "mqtt-connect");
        a->result.error = attempt_run(a);
        attempt_destroy_sign(a);

        (void) pthread_mutex_lock(&s->lock);
        a->result.stage = a->stage;
        mqtt_attempt_get_stages(a, a->result.stage_us);
        a->is_done = true;
        is_orphan = a->is_orphan;
        eventfd_signal(s->wake_fd);
        if (!is_orphan) {
                (void) pthread_mutex_unlock(&s->lock);
                return NULL;
        }
        (void) mqtt_attempt_free(a);
        mqtt_shared_unlock_unref(s);
        return NULL;
}

/* The worker blocks all signals: they are for the program's own threads. */
int mqtt_attempt_start(MqttAttempt *a) {
        sigset_t all, before;
        int r;

        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&a->thread, NULL, attempt_thread, a);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        a->is_started = r == 0;
        return -r;
}

void mqtt_attempt_cancel(MqttAttempt *a) {
        (void) pthread_mutex_lock(&a->shared->lock);
        a->is_cancelled = true;
        (void) pthread_mutex_unlock(&a->shared->lock);
        eventfd_signal(a->cancel_fd);
}

bool mqtt_attempt_is_done(const MqttAttempt *a) {
        bool is_done;

        (void) pthread_mutex_lock(&a->shared->lock);
        is_done = a->is_done;
        (void) pthread_mutex_unlock(&a->shared->lock);
        return is_done;
}

/* A worker in one of the other two stages polls 'cancel_fd', and a cancelled one enters none. */
bool mqtt_attempt_ends_soon(const MqttAttempt *a) {
        return a->is_done || a->stage == MQTT_STAGE_TCP || a->stage == MQTT_STAGE_TLS;
}
