/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One attempt to open a connection, and the worker thread that makes it, stage by stage.
 *
 * Who owns what. An attempt belongs to the transport until its worker was joined. The worker writes 'result'
 * without a lock while 'is_done' is false; after that it is the transport's. What both look at is in the
 * section 'under the lock'. A worker that cannot be interrupted (the resolver, a sign job) when the transport
 * is freed becomes an orphan: it frees its attempt itself, and its reference on MqttShared.
 */

#include <netdb.h>
#include <pthread.h>

#include <mqtt/tls-context.h>
#include <mqtt/tls-session.h>
#include <mqtt/transport.h>

/* What attempts share with each other and with the transport. */
typedef struct MqttShared {
        pthread_mutex_t lock;
        unsigned n_refs; /* under the lock: the transport and each orphan */
        int wake_fd;     /* an eventfd */
        MqttTlsCache *tls_cache;
        MqttTlsSessions *tls_sessions;
} MqttShared;

/* 'wake_fd' is duplicated. */
int mqtt_shared_new(MqttShared **ret, int wake_fd);

/* Called with the lock held. */
void mqtt_shared_unlock_unref(MqttShared *s);

typedef struct MqttAttempt {
        MqttShared *shared;
        pthread_t thread;
        bool is_started;
        int cancel_fd; /* readable: the worker is to stop */

        char *host;
        MqttTlsFiles files;
        char *secret_file; /* or NULL */
        bool no_tls;
        bool use_proven;
        char *proxy_host;          /* or NULL */
        char *proxy_authorization; /* or NULL; wiped */
        char proxy_port[sizeof("65535")];
        char port[sizeof("65535")];
        char *websocket_path; /* or NULL */
        uint64_t timeout_us[_MQTT_STAGE_MAX];
        unsigned user_timeout_ms;
        int64_t clock_offset_us; /* the caller's clock against CLOCK_BOOTTIME */
        MqttStage last_stage;    /* the attempt ends with it */
        MqttSignJob sign;
        uint8_t *sign_input;

        /* The worker's. */
        MqttOpenResult result;
        uint64_t stage_begin_us;
        bool is_session_offered;    /* in this MQTT_STAGE_TLS */
        bool is_session_refused;    /* in the one before it */
        SSL_CTX *ctx;               /* from MQTT_STAGE_IDENTITY on */
        struct addrinfo *addresses; /* from MQTT_STAGE_NAME on */

        /* Under the lock. */
        MqttReport report; /* as of when the worker last entered a stage */
        uint64_t deadline_us;
        bool is_cancelled;
        bool is_done;
        bool is_orphan;
} MqttAttempt;

/* The sign job's userdata is given away, whatever is returned. */
int mqtt_attempt_new(MqttAttempt **ret, MqttShared *shared, const MqttEndpoint *endpoint,
                     const MqttSignJob *sign, uint64_t now_us);
MqttAttempt *mqtt_attempt_free(MqttAttempt *a);
DEFINE_CLEANUP(MqttAttempt *, mqtt_attempt_free)

/* Starts the worker. */
int mqtt_attempt_start(MqttAttempt *a);

/* Tells the worker to stop. */
void mqtt_attempt_cancel(MqttAttempt *a);

bool mqtt_attempt_is_done(const MqttAttempt *a);

/* Gives the report of an attempt that is not done, as far as it came. */
void mqtt_attempt_get_report(const MqttAttempt *a, MqttReport *ret);

/* Under the lock, of a cancelled attempt: its worker ends without delay. */
bool mqtt_attempt_ends_soon(const MqttAttempt *a);

/* ---- For the worker ---- */

/* Begins a stage and its time limit. -ECANCELED. */
int mqtt_attempt_enter(MqttAttempt *a, MqttStage stage);

/* Says what is wrong, and gives 'error' for the caller to pass on. */
_printf_(4, 5) int mqtt_attempt_fail(MqttAttempt *a, MqttProblem problem, int error, const char *format, ...);

/* Waits until the socket polls ready for 'events'; may return earlier. -ECANCELED. */
int mqtt_attempt_wait(MqttAttempt *a, short events);

/* Notes which address is tried, so that it is known when time runs out. */
void mqtt_attempt_set_address(MqttAttempt *a, const char *address);

/* What an errno of the network is. */
MqttProblem mqtt_problem_from_errno(int error);
