/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * MqttRunner: a session with an MQTT 5 broker (Azure IoT Operations) for a program that has an event loop of
 * its own. It is az_broker_session (<session/broker_session.h>) and MqttLink (<mqtt/link.h>) together, with
 * the files that the client proves itself with, and copies of what is published for as long as it may have to
 * be sent again.
 *
 *      mqtt_runner_new()          → a runner that is stopped
 *      mqtt_runner_start()        connects, and again after each loss   → MQTT_RUNNER_CONNECTED,
 * _DISCONNECTED mqtt_runner_publish()      at any time, connected or not         → MQTT_RUNNER_PUBLISHED
 *      mqtt_runner_subscribe()    at any time                           → MQTT_RUNNER_SUBSCRIBED
 *                                                                       → MQTT_RUNNER_MESSAGE
 *      mqtt_runner_ack()          answers MQTT_RUNNER_MESSAGE when the program is done with it
 *      mqtt_runner_stop()                                               → MQTT_RUNNER_STOPPED
 *
 * The caller watches one fd (mqtt_runner_get_fd()) and one deadline (mqtt_runner_deadline_us()); when either
 * is due it calls mqtt_runner_dispatch(), and then pops events until there are none, also after calling any
 * other function (which may have made events, or bytes to be sent, that the fd tells of):
 *
 *      (void) mqtt_runner_dispatch(r, boottime_us());
 *      while (mqtt_runner_next_event(r, &event))
 *              ...
 *      timeout = mqtt_runner_deadline_us(r) - boottime_us()
 *
 * What is promised. Messages are sent in the order of the calls. One of QoS 1 is PUBLISHED when the broker
 * has acknowledged it, and until then it is sent again after each loss: it may arrive twice, and it is not
 * lost as long as this process lives. Subscriptions last until they are ended. A broker that has lost the
 * session (it was restarted without its state, or we were away for longer than 'session_expiry_s') ends the
 * runner, as in Azure's own SDKs, since messages to us may be lost; or, with 'resubscribes', a new session
 * begins, and MQTT_RUNNER_SESSION_LOST says so.
 *
 * Credentials. All files are read anew for each attempt. Their directories are watched: it does not matter
 * whether a file is written to, replaced, or behind a symbolic link that is made to lead elsewhere (as
 * Kubernetes does). What happens within half a second is one change. A new token ('token_file') is told to
 * the broker on the connection that is there, by AUTH; if it is not taken, by a new connection. For any other
 * file a new connection is made, once what is under way is done, and nothing is lost. The same is done some
 * time before the client's certificate ends.
 *
 * Time is an argument: 'now_us' never goes back, and is CLOCK_BOOTTIME in microseconds or a clock that a test
 * makes of it (resolving, connecting and TLS are limited by the real one). Nothing here blocks, but for
 * reading a token that has changed. All functions belong to one thread. For the rest see <mqtt/link.h>:
 * SIGPIPE is ignored from mqtt_runner_new() on.
 *
 * Functions return a negative errno, 0, or a documented positive condition.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <azure/core/az_mqtt_message.h>
#include <azure/core/az_span.h>
#include <mqtt/link.h>
#include <mqtt/report.h>
#include <session/broker_session.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct MqttRunner MqttRunner;

/* The name of a Kubernetes service account token as authentication method, which Azure IoT Operations takes.
 */
#define MQTT_RUNNER_TOKEN_METHOD "K8S-SAT"

/* Subscriptions at once, and calls of subscribe and unsubscribe that are not answered. */
#define MQTT_RUNNER_FILTERS_MAX  1024U
#define MQTT_RUNNER_REQUESTS_MAX 256U

/* Each is followed by its default. Strings may be NULL where nothing else is said; all is copied. */
typedef struct MqttRunnerConfig {
        const char *host; /* a name or an IP address; required */
        uint16_t port;    /* 8883 */
        bool no_tls;      /* false; true: over TCP as it is, everybody on the way can read and write along */

        const char *client_id;      /* required */
        bool clean_start;           /* false; of the first connection: the broker forgets what it has of us */
        uint32_t session_expiry_s;  /* 3600: how long the broker keeps the session when we are away */
        uint16_t keep_alive_s;      /* 60; less than 5 is 5, 0 is refused */
        uint16_t receive_max;       /* 1024: messages that the broker sends ahead of our acknowledgements */
        uint16_t connect_timeout_s; /* 30: for an attempt as a whole */
        uint32_t max_packet_bytes;  /* 272 KiB: larger messages to us are dropped (MQTT_RUNNER_TOO_LARGE) */
        const az_mqtt_user_property *user_properties; /* of CONNECT */
        int32_t n_user_properties;
        const MqttWill *will;

        /* All paths are absolute. A file that ends in a line feed loses it, but for 'token_file'. */
        const char *ca_file;          /* PEM, or a directory of such files; NULL: what the system trusts */
        const char *certificate_file; /* PEM: ours, and the intermediate ones */
        const char *private_key_file; /* PEM; NULL: it is in 'certificate_file' */
        const char *private_key_password_file;
        const char *token_file;   /* its bytes go out as they are; not together with 'password_file' */
        const char *token_method; /* MQTT_RUNNER_TOKEN_METHOD; the authentication method of the token */
        const char *user_name;
        const char *password_file;

        /* Outbound: so many messages wait to be sent, each in a copy; and so many are under way at once. */
        uint16_t n_waiting;            /* 1024 */
        uint16_t window;               /* 64; 1 to MQTT_WINDOW_LIMIT */
        az_broker_when_full when_full; /* AZ_BROKER_WHEN_FULL_REJECT */

        bool resubscribes;     /* false: a session that the broker has lost is fatal */
        bool never_gives_up;   /* false: what will not mend itself is fatal; see az_broker_session_options */
        uint8_t token_retries; /* 5: refusals of a token in a row that are not fatal yet */
        uint8_t rival_links;   /* 5: links in a row that are cut off within 10 s; 0: never a rival */
        uint64_t random_seed;  /* 0: from the system; of the delays between attempts */

        /* For the private socket of <mqtt/link.h>, of mode 0700 and ours; NULL: one is made in
         * $XDG_RUNTIME_DIR or /tmp, and removed with the runner. */
        const char *runtime_dir;
} MqttRunnerConfig;

/* Returns the defaults that the comments name. */
MqttRunnerConfig mqtt_runner_config_default(void);

/*
 * Makes a runner that is stopped.
 * -EINVAL: something required is missing, a number is out of its range, a path is not absolute, token and
 * user name come together, or a key or password without what it belongs to. -EMSGSIZE: will or user
 * properties are larger than <mqtt/link.h> allows. -EPERM: 'runtime_dir' belongs to another user or lets
 * others in.
 */
int mqtt_runner_new(MqttRunner **ret, const MqttRunnerConfig *config);

/*
 * Closes at once, as if the process had ended (the broker sends the will, and keeps the session for a time),
 * and frees. Takes NULL, returns NULL.
 */
MqttRunner *mqtt_runner_free(MqttRunner *r);

/* Returns an fd: watch it for EPOLLIN, level-triggered. It stays the same for the life of the runner. */
int mqtt_runner_get_fd(const MqttRunner *r);

/* Returns when mqtt_runner_dispatch() must be called at the latest; UINT64_MAX: no timer. */
uint64_t mqtt_runner_deadline_us(const MqttRunner *r);

/*
 * Moves bytes and runs what is due; a bounded amount of work: when more is left the fd stays readable.
 * Negative: this runner cannot work any more (out of memory or fds); free it. What the network or the broker
 * does is never that, but MQTT_RUNNER_DISCONNECTED or MQTT_RUNNER_STOPPED.
 */
int mqtt_runner_dispatch(MqttRunner *r, uint64_t now_us);

/* Begins, without subscriptions. -EALREADY: it is not stopped, or MQTT_RUNNER_STOPPED was not popped yet. */
int mqtt_runner_start(MqttRunner *r, uint64_t now_us);

/*
 * Ends the connection; MQTT_RUNNER_STOPPED follows, and before it everything that was not answered comes back
 * with AZ_BROKER_RESULT_STOPPED. A program that cares for its messages waits for their PUBLISHED first.
 *
 *   ends_session  the broker is to forget us now: subscriptions, and what waits for us. The SDKs do so
 *
 * -EALREADY: it is stopped, or stopping.
 */
int mqtt_runner_stop(MqttRunner *r, bool ends_session, uint64_t now_us);

/* Makes the next attempt now, if one is waited for. */
void mqtt_runner_reconnect_now(MqttRunner *r, uint64_t now_us);

/*
 * Makes a new connection in place of the one that is there, in the same session and once what is under way is
 * done: the broker sends again what was not acknowledged. Without a connection: does nothing.
 */
void mqtt_runner_renew(MqttRunner *r, uint64_t now_us);

/* Tells that the network may have changed: asks the broker for a sign of life, or tries again now. */
void mqtt_runner_hint(MqttRunner *r, uint64_t now_us);

/* Condition of mqtt_runner_publish(), _subscribe() and _unsubscribe(). */
#define MQTT_RUNNER_FULL 1

/*
 * Publishes a message, which is copied. 'token' comes back in MQTT_RUNNER_PUBLISHED, exactly once. A message
 * with an expiry that is not sent by then is not sent at all, and one that waited is sent with what is left.
 *
 * 0: it will be PUBLISHED. MQTT_RUNNER_FULL: nothing was taken; MQTT_RUNNER_ROOM follows when there is room
 * (with the policies that drop, only when MQTT_RUNNER_PUBLISHED of that many are not popped yet).
 * -ENOTCONN: the runner is stopped, or stopping (MQTT_RUNNER_STOPPED may wait). -EINVAL: the topic is empty
 * or has a wildcard; the QoS is neither 0 nor 1. -EMSGSIZE: larger than <mqtt/link.h> allows. (What turns out
 * later, as it depends on the broker, is PUBLISHED with AZ_BROKER_RESULT_REFUSED: 0x95, larger than it takes;
 * 0x99, text that is not UTF-8; 0x9B, a QoS that it does not have.)
 */
int mqtt_runner_publish(MqttRunner *r, const az_mqtt_message *message, uint64_t token, uint64_t now_us);

/*
 * Subscribes; 'token' comes back in MQTT_RUNNER_SUBSCRIBED. A filter is one subscription, however often it is
 * subscribed to: the last options count, and the first unsubscribe ends it.
 *
 * MQTT_RUNNER_FULL: MQTT_RUNNER_REQUESTS_MAX are not answered yet, or there are MQTT_RUNNER_FILTERS_MAX.
 * -ENOTCONN: the runner is stopped, or stopping. -EINVAL: a filter that MQTT does not allow.
 */
int mqtt_runner_subscribe(MqttRunner *r, const MqttFilter *filter, uint64_t token);

/* The reverse: MQTT_RUNNER_UNSUBSCRIBED. A filter that is not subscribed to is one with the broker, too. */
int mqtt_runner_unsubscribe(MqttRunner *r, az_span filter, uint64_t token);

/*
 * Lets the PUBACK of this message go. They leave in the order in which the messages came: this one waits for
 * those before it. Of an earlier connection (then the broker sends it again), of QoS 0, a second time: does
 * nothing.
 */
void mqtt_runner_ack(MqttRunner *r, MqttAck ack);

/* The same with a reason code of 0x80 or above: "not processed, do not send it again". */
void mqtt_runner_ack_with_reason(MqttRunner *r, MqttAck ack, uint8_t reason_code);

typedef enum MqttRunnerEventType {
        MQTT_RUNNER_CONNECTED,
        MQTT_RUNNER_DISCONNECTED,    /* the connection or the attempt is lost; the next comes by itself */
        MQTT_RUNNER_RENEWING,        /* it is taken down on purpose; MQTT_RUNNER_CONNECTED follows */
        MQTT_RUNNER_SESSION_LOST,    /* with 'resubscribes', before MQTT_RUNNER_CONNECTED */
        MQTT_RUNNER_REAUTHENTICATED, /* the broker has the new token */
        MQTT_RUNNER_MESSAGE,
        MQTT_RUNNER_TOO_LARGE, /* a message to us was dropped, and the broker told so (0x97) */
        MQTT_RUNNER_PUBLISHED,
        MQTT_RUNNER_SUBSCRIBED,
        MQTT_RUNNER_UNSUBSCRIBED,
        MQTT_RUNNER_ROOM, /* after MQTT_RUNNER_FULL of mqtt_runner_publish() */
        MQTT_RUNNER_STOPPED,
        _MQTT_RUNNER_EVENT_MAX,
} MqttRunnerEventType;

/* Gives the name in lower case with hyphens: "session-lost". */
const char *mqtt_runner_event_type_to_string(MqttRunnerEventType type);

/* Spans and strings live until the next call of mqtt_runner_next_event() or mqtt_runner_dispatch(). */
typedef struct MqttRunnerEvent {
        MqttRunnerEventType type;
        union {
                struct {
                        bool session_present;
                        const MqttServer *server; /* what the broker said of itself */
                        const MqttReport *report; /* how the connection was opened */
                } connected;
                struct {
                        az_broker_loss loss;
                        uint8_t reason_code;      /* of the broker, if REFUSED or DISCONNECTED */
                        bool was_connected;       /* false: an attempt that failed */
                        bool is_fatal;            /* it would be, without 'never_gives_up' */
                        uint64_t delay_us;        /* until the next attempt */
                        const char *text;         /* for a person */
                        const MqttReport *report; /* of the attempt, if it failed before CONNECT; or NULL */
                } disconnected;
                struct {
                        az_mqtt_message message;
                        MqttAck ack;
                } message;
                struct {
                        uint32_t n_bytes;
                } too_large;
                struct {
                        uint64_t token;
                        az_broker_result result;
                        uint8_t reason_code;            /* of the PUBACK; 0x10: nobody has subscribed */
                        az_span reason_string;          /* of the broker, or empty */
                        const az_mqtt_message *message; /* our copy */
                } published;
                struct {
                        uint64_t token;
                        az_broker_result result;
                        uint8_t reason_code; /* 0, 1: the QoS; 0x80 and above: refused */
                        bool is_again; /* nobody asked, 'token' is 0: refused when subscribed to anew in a new
                                          session */
                        az_span filter;
                } subscribed;
                struct {
                        uint64_t token;
                        az_broker_result result;
                        uint8_t reason_code; /* 0x11: there was no such subscription */
                        az_span filter;
                } unsubscribed;
                struct {
                        bool is_fatal; /* the runner gave up; otherwise it was asked to stop */
                        az_broker_loss loss;
                        uint8_t reason_code;
                        const char *text; /* for a person; "" unless fatal */
                } stopped;
        };
} MqttRunnerEvent;

/* Pops the next event; false: none is left. */
bool mqtt_runner_next_event(MqttRunner *r, MqttRunnerEvent *ret);

/* What a status page shows. */
typedef struct MqttRunnerStatus {
        az_broker_session_status session;
        uint64_t next_attempt_us; /* in BACKOFF; otherwise UINT64_MAX */
        uint64_t renew_us;       /* when the connection is renewed, for its certificate ends; or UINT64_MAX */
        size_t n_unacknowledged; /* messages to us */
        MqttTraffic traffic;
} MqttRunnerStatus;

/* Tells how things stand. */
void mqtt_runner_get_status(const MqttRunner *r, MqttRunnerStatus *ret);

#ifdef __cplusplus
}
#endif
