/* SPDX-License-Identifier: MIT */

#include <mqtt/attempt.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/eventfd.h>

#include <mqtt/proxy.h>
#include <mqtt/stages.h>
#include <mqtt/upgrade.h>

void mqtt_shared_unlock_unref(MqttShared *s) {
        bool is_last = --s->n_refs == 0;

        (void) pthread_mutex_unlock(&s->lock);
        if (!is_last)
                return;
        s->tls_cache = mqtt_tls_cache_free(s->tls_cache);
        s->tls_sessions = mqtt_tls_sessions_free(s->tls_sessions);
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
        if (r >= 0)
                r = mqtt_tls_sessions_new(&s->tls_sessions);
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
        mqtt_open_result_done(&a->result);
        if (a->addresses)
                freeaddrinfo(a->addresses);
        SSL_CTX_free(a->ctx);
        (void) close_fd(a->cancel_fd);
        free(a->sign_input);
        mqtt_tls_files_done(&a->files);
        free(a->host);
        free(a->proxy_host);
        free(a->websocket_path);
        free(a->secret_file);
        if (a->proxy_authorization)
                explicit_bzero(a->proxy_authorization, strlen(a->proxy_authorization));
        free(a->proxy_authorization);
        free(a);
        return NULL;
}

static char *span_to_string(az_span s) {
        return strndup((const char *) az_span_ptr(s), (size_t) az_span_size(s));
}

/* It goes into HTTP heads as it is. */
static bool is_host(const char *s, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (s[i] <= ' ' || s[i] > '~')
                        return false;
        return n > 0;
}

static int attempt_copy_proxy(MqttAttempt *a, const MqttEndpoint *endpoint) {
        az_span user = endpoint->proxy_user;

        if (!endpoint->proxy_host)
                return 0;
        if (!is_host(endpoint->proxy_host, strlen(endpoint->proxy_host)) || endpoint->proxy_port == 0 ||
            (az_span_size(user) > 0 && memchr(az_span_ptr(user), ':', (size_t) az_span_size(user))))
                return -EINVAL;
        a->proxy_host = strdup(endpoint->proxy_host);
        if (!a->proxy_host)
                return -ENOMEM;
        (void) snprintf(a->proxy_port, sizeof(a->proxy_port), "%u", endpoint->proxy_port);
        (void) snprintf(a->report.proxy, sizeof(a->report.proxy), "%s", a->proxy_host);
        if (az_span_size(user) == 0)
                return 0;
        a->proxy_authorization = mqtt_proxy_basic_new(user, endpoint->proxy_password);
        return a->proxy_authorization ? 0 : -ENOMEM;
}

static void attempt_copy_limits(MqttAttempt *a, const MqttEndpoint *endpoint) {
        uint64_t user_timeout_us = mqtt_timeout_or(endpoint->user_timeout_us, 60);

        a->user_timeout_ms = (unsigned) MIN(user_timeout_us / USEC_PER_MSEC, (uint64_t) INT32_MAX);
        a->timeout_us[MQTT_STAGE_IDENTITY] = mqtt_timeout_or(endpoint->identity_timeout_us, 10);
        a->timeout_us[MQTT_STAGE_SIGN] = mqtt_timeout_or(endpoint->sign_timeout_us, 30);
        a->timeout_us[MQTT_STAGE_NAME] = mqtt_timeout_or(endpoint->name_timeout_us, 10);
        a->timeout_us[MQTT_STAGE_TCP] = mqtt_timeout_or(endpoint->tcp_timeout_us, 15);
        a->timeout_us[MQTT_STAGE_PROXY] = mqtt_timeout_or(endpoint->proxy_timeout_us, 15);
        a->timeout_us[MQTT_STAGE_TLS] = mqtt_timeout_or(endpoint->tls_timeout_us, 15);
        a->timeout_us[MQTT_STAGE_WEBSOCKET] = mqtt_timeout_or(endpoint->websocket_timeout_us, 15);
}

static int attempt_copy_endpoint(MqttAttempt *a, const MqttEndpoint *endpoint) {
        const MqttTlsFiles files = {
                .ca = (char *) endpoint->ca_file,
                .certificate = (char *) endpoint->certificate_file,
                .private_key = (char *) endpoint->private_key_file,
                .password = (char *) endpoint->private_key_password_file,
                .ca_only = endpoint->ca_only,
        };
        size_t n_host = (size_t) az_span_size(endpoint->host);
        int r;

        if (!is_host((const char *) az_span_ptr(endpoint->host), n_host) || endpoint->port == 0)
                return -EINVAL;
        if (endpoint->websocket_path && (endpoint->no_tls || !mqtt_upgrade_is_path(endpoint->websocket_path)))
                return -EINVAL;
        if (endpoint->ca_only && !endpoint->ca_file)
                return -EINVAL;
        a->host = span_to_string(endpoint->host);
        if (!a->host)
                return -ENOMEM;
        if (endpoint->websocket_path) {
                a->websocket_path = strdup(endpoint->websocket_path);
                if (!a->websocket_path)
                        return -ENOMEM;
        }
        if (endpoint->secret_file) {
                a->secret_file = strdup(endpoint->secret_file);
                if (!a->secret_file)
                        return -ENOMEM;
        }
        r = mqtt_tls_files_copy(&a->files, &files);
        if (r < 0)
                return r;
        a->no_tls = endpoint->no_tls;
        a->use_proven = endpoint->use_proven;
        (void) snprintf(a->port, sizeof(a->port), "%u", endpoint->port);
        (void) snprintf(a->report.host, sizeof(a->report.host), "%s", a->host);
        attempt_copy_limits(a, endpoint);
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
                .last_stage = _MQTT_STAGE_MAX,
                .clock_offset_us = (int64_t) (now_us - boottime_us()),
        };
        for (size_t i = 0; i < _MQTT_STAGE_MAX; i++)
                a->report.stage_us[i] = MQTT_STAGE_NOT_RUN;
        r = attempt_copy_sign_input(a);
        if (r < 0)
                return r;
        r = attempt_copy_endpoint(a, endpoint);
        if (r < 0)
                return r;
        r = attempt_copy_proxy(a, endpoint);
        if (r < 0)
                return r;
        a->result.report = a->report;
        /* If there is no worker for it: that is what they all are in. */
        a->report.stage = sign ? MQTT_STAGE_SIGN : MQTT_STAGE_NAME;
        a->deadline_us = now_us + a->timeout_us[a->report.stage];
        a->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (a->cancel_fd < 0)
                return -errno;
        *ret = TAKE_PTR(a);
        return 0;
}

static void eventfd_signal(int fd) {
        (void) eventfd_write(fd, 1); /* fails only when it is readable already */
}

/* ---- In the worker ---- */

/* Notes how long the stage took that ends now. */
static void attempt_end_stage(MqttAttempt *a, uint64_t now_us) {
        if (a->stage_begin_us != 0)
                a->result.report.stage_us[a->result.report.stage] = now_us - a->stage_begin_us;
        a->stage_begin_us = now_us;
}

int mqtt_attempt_enter(MqttAttempt *a, MqttStage stage) {
        uint64_t now_us = boottime_us();
        bool is_cancelled;

        attempt_end_stage(a, now_us);
        a->result.report.stage = stage;
        (void) pthread_mutex_lock(&a->shared->lock);
        is_cancelled = a->is_cancelled;
        if (!is_cancelled) {
                a->report = a->result.report;
                a->deadline_us = now_us + (uint64_t) a->clock_offset_us + a->timeout_us[stage];
                eventfd_signal(a->shared->wake_fd);
        }
        (void) pthread_mutex_unlock(&a->shared->lock);
        return is_cancelled ? -ECANCELED : 0;
}

int mqtt_attempt_fail(MqttAttempt *a, MqttProblem problem, int error, const char *format, ...) {
        va_list arguments;

        a->result.report.problem = problem;
        va_start(arguments, format);
        (void) vsnprintf(a->result.text, sizeof(a->result.text), format, arguments);
        va_end(arguments);
        return error;
}

int mqtt_attempt_wait(MqttAttempt *a, short events) {
        struct pollfd fds[] = {
                { .fd = a->cancel_fd, .events = POLLIN },
                { .fd = a->result.stream.fd, .events = events },
        };

        if (poll(fds, ELEMENTSOF(fds), -1) < 0)
                return errno == EINTR ? 0 : -errno;
        return fds[0].revents != 0 ? -ECANCELED : 0;
}

void mqtt_attempt_set_address(MqttAttempt *a, const char *address) {
        char *own = a->result.report.address;

        (void) snprintf(own, sizeof(a->result.report.address), "%s", address);
        (void) pthread_mutex_lock(&a->shared->lock);
        memcpy(a->report.address, own, sizeof(a->report.address));
        (void) pthread_mutex_unlock(&a->shared->lock);
}

static void *attempt_thread(void *userdata) {
        MqttAttempt *a = userdata;
        MqttShared *s = a->shared;
        bool is_orphan;

        (void) pthread_setname_np(pthread_self(), "mqtt-connect");
        a->result.error = mqtt_stages_run(a);
        attempt_end_stage(a, boottime_us());
        if (a->result.error < 0 && a->result.report.problem == MQTT_PROBLEM_NONE)
                a->result.report.problem = MQTT_PROBLEM_LOCAL;
        attempt_destroy_sign(a);

        (void) pthread_mutex_lock(&s->lock);
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

void mqtt_attempt_get_report(const MqttAttempt *a, MqttReport *ret) {
        (void) pthread_mutex_lock(&a->shared->lock);
        *ret = a->report;
        (void) pthread_mutex_unlock(&a->shared->lock);
}

/* From MQTT_STAGE_TCP on a worker polls 'cancel_fd', and a cancelled one enters no further stage. */
bool mqtt_attempt_ends_soon(const MqttAttempt *a) {
        return a->is_done || a->report.stage >= MQTT_STAGE_TCP;
}
