/* SPDX-License-Identifier: MIT */
#ifndef _az_HUB_SESSION_H
#define _az_HUB_SESSION_H

/*
 * The link of a device to its IoT Hub as a state machine: sign, connect, subscribe, live; lost, back off,
 * again.
 *
 * It does no I/O, reads no clock and allocates nothing. The caller tells what happened (an input), pops what
 * is to be done about it (an event), and calls az_hub_session_timeout() when az_hub_session_deadline_us() has
 * passed:
 *
 *      STOPPED --start--> SIGNING --signed--> CONNECTING --connected--> SUBSCRIBING --suback--> LIVE
 *                         ^     ^                 |  refused, timeout         |  refused      |    |
 *                         |     |                 v  lost                     v          lost v    | timeout,
 *                         |     +-- timeout --- BACKOFF <---------------------+---------------+    | renew
 *                         |                                                                        v
 *                         +---- closed ---- CLOSING <--- drained, timeout --- DRAINING <-----------+
 *
 * A hub drops a link whose token has expired, and takes a new token only with a new connection. So the link
 * is renewed before: after 75 to 85 % of the life of the token, but at least a minute before it ends, what is
 * under way may finish (DRAIN, at most 5 s), the connection is ended (DISCONNECT, at most 5 s), and the next
 * attempt begins at once. That is no loss: nothing is counted, and nothing waits. A link that is lost in
 * those seconds is, but the next attempt follows within a tenth of a second.
 *
 * With a certificate (an option) there is nothing to sign and no token that ends: where a row leads to SIGN,
 * CERTIFICATE leads straight to CONNECTING, the password is empty, and a link that is live has no deadline.
 * The certificate is the caller's, who shows it in the TLS handshake. When there is a new one,
 * az_hub_session_renew() takes the link over to it.
 *
 * A token is dated by the wall clock, and a wrong clock makes tokens that the hub refuses. To a wrong clock
 * the hub's certificate is not valid either, whatever the device proves itself with. While it shows a time
 * before the build date (an option), attempts wait for it: BACKOFF with AZ_HUB_LOSS_CLOCK, for five minutes
 * at most. Tell az_hub_session_clock_changed() when the clock was set.
 *
 * az_hub_session_transitions() has every row, and docs/link-states.md draws them. The session never gives up:
 * only az_hub_session_stop() ends it.
 *
 * Each input makes at most one event. Pop it before the next input. What an event points to lives until the
 * next call that takes the session as other than const; what METHOD, C2D and TWIN point to belongs to the
 * caller of az_hub_session_message().
 *
 * Every input can return, besides AZ_OK and what its comment says, and changes nothing when it does:
 *
 * AZ_ERROR_NOT_SUPPORTED: there is no such transition from this state. After a stop or a loss this is late
 * news of the old connection, to be ignored; otherwise the peer broke the protocol, and
 * az_hub_session_lost(AZ_HUB_LOSS_PROTOCOL) is the answer.
 *
 * AZ_ERROR_NOT_ENOUGH_SPACE: an event waits to be popped.
 *
 * Pointers must not be NULL.
 *
 * The session cannot tell the answers of two attempts apart: a signature, a connection or a loss that belongs
 * to an attempt which was stopped or lost must be dropped by the caller.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <azure/core/az_result.h>
#include <azure/core/az_span.h>
#include <azure/iot/az_iot_hub_client.h>
#include <session/credential.h>

_az_BEGIN_DECLS

/* Where the session is. */
typedef enum {
        AZ_HUB_SESSION_STOPPED,
        AZ_HUB_SESSION_SIGNING,     /* waits for the signature of a new token */
        AZ_HUB_SESSION_CONNECTING,  /* waits for the transport and CONNACK */
        AZ_HUB_SESSION_SUBSCRIBING, /* waits for SUBACK; messages may come already */
        AZ_HUB_SESSION_LIVE,
        AZ_HUB_SESSION_DRAINING, /* the link is up and to be renewed: waits for what is under way */
        AZ_HUB_SESSION_CLOSING,  /* waits for the end of a connection, to make the next */
        AZ_HUB_SESSION_BACKOFF,  /* waits for the time of the next attempt */
        _AZ_HUB_SESSION_STATE_MAX
} az_hub_session_state;

/*
 * Why the link, or the attempt to have one, was lost; and how long the next attempt waits. Delays double with
 * each loss of their kind, up to the last number, and the upper half of each is random (session/retry.h).
 * They begin anew after a link that lived for a minute. Where nothing else is said, the two options decide,
 * which are 1 s and 100 s unless they are changed.
 */
typedef enum {
        AZ_HUB_LOSS_NONE,    /* it never was */
        AZ_HUB_LOSS_SIGNING, /* no signature: key, token or signer failed */
        AZ_HUB_LOSS_NAME,    /* the host name did not resolve */
        AZ_HUB_LOSS_TCP,     /* no connection, or the network broke it */
        AZ_HUB_LOSS_TLS,     /* handshake or certificate failed */
        AZ_HUB_LOSS_TIMEOUT, /* no answer in time */
        /* CONNACK with another code than 0. 3 ("server unavailable") is treated as THROTTLED; 4 and 5 ("bad
         * user name or password", "not authorized") are answered with one new token after the ordinary delay,
         * unless a certificate was refused; otherwise 30 s to an hour: people repair keys and enrollments. */
        AZ_HUB_LOSS_REFUSED,
        AZ_HUB_LOSS_SUBSCRIBE, /* SUBACK did not grant each filter */
        AZ_HUB_LOSS_CLOSED,    /* the hub closed the connection, or reset it */
        /* The link is half-open: not a byte of the hub came for as long as the keep-alive, nor the answer to
         * a ping. What was sent into the link proves nothing. */
        AZ_HUB_LOSS_KEEP_ALIVE,
        AZ_HUB_LOSS_PROTOCOL, /* the hub sent what it must not */
        /* The hub closed the connection when it was sent a message, and has acknowledged none over it. Not
         * counted as CLOSED: that message may be to blame. */
        AZ_HUB_LOSS_PUBLISH,
        /* It does so time and again, or answers pings but acknowledges nothing for a minute: the device is
         * out of quota, or the hub overloaded. From 10 s up. */
        AZ_HUB_LOSS_THROTTLED,
        /* Three links in a row were CLOSED within 10 s of CONNACK. A hub lets the last connection of an
         * identity win: probably another device or program has the same. From 60 s to 10 min. */
        AZ_HUB_LOSS_DUPLICATE,
        AZ_HUB_LOSS_CLOCK, /* the wall clock shows a time before the build date; up to 60 s */
        AZ_HUB_LOSS_LOCAL, /* the caller wants for memory, descriptors or the like: no hub's matter; up to 4 s
                            */
        _AZ_HUB_LOSS_MAX
} az_hub_loss;

/* What to subscribe to; a set of bits. */
enum {
        AZ_HUB_SESSION_METHODS = 1 << 0, /* direct methods, QoS 0 */
        AZ_HUB_SESSION_C2D = 1 << 1,     /* cloud-to-device messages, QoS 1; left out for a module */
        AZ_HUB_SESSION_TWIN = 1 << 2,    /* answers about the twin and changes of it, QoS 0; two filters */
};

/* An IoT Hub serves five subscriptions per device. */
#define AZ_HUB_SESSION_FILTERS_MAX 5

/* The longest keep-alive, in seconds, that an IoT Hub honours. */
#define AZ_HUB_SESSION_KEEP_ALIVE_MAX_S 1177

/* A subscription. */
typedef struct {
        az_span topic_filter; /* followed by a NUL */
        uint8_t qos;
} az_hub_session_filter;

/* Each is followed by its default. */
typedef struct {
        uint64_t random_seed; /* from the system's random source; 0 is refused, so that it is not forgotten */
        az_credential credential;     /* AZ_CREDENTIAL_SAS */
        uint32_t features;            /* all */
        uint32_t token_lifetime_s;    /* 3600; from 300 to 86400 */
        uint16_t keep_alive_s;        /* 60; from 1 to AZ_HUB_SESSION_KEEP_ALIVE_MAX_S */
        uint16_t sign_timeout_s;      /* 120: signing, and whatever the caller does before it answers */
        uint16_t connect_timeout_s;   /* 30: from CONNECT, transport included, to CONNACK */
        uint16_t subscribe_timeout_s; /* 30: from SUBSCRIBE to SUBACK */
        uint32_t backoff_min_s;       /* 1 */
        uint32_t backoff_max_s;       /* 100 */
        uint16_t splay_s;             /* 0: the first attempt waits for up to so long, at random */
        uint64_t build_unix_s;        /* 0: no wall clock that is right shows a time before this one */
} az_hub_session_options;

/* The two clocks of an input. */
typedef struct {
        uint64_t now_us; /* CLOCK_BOOTTIME in microseconds */
        uint64_t unix_s; /* CLOCK_REALTIME in seconds: dates the token that a move to SIGNING asks for */
} az_hub_session_time;

/* What the caller has to do. */
typedef enum {
        /* Sign and answer with az_hub_session_signed(), or az_hub_session_lost(AZ_HUB_LOSS_SIGNING). */
        AZ_HUB_EVENT_SIGN,
        /* Connect and answer with az_hub_session_connected(), _refused() or _lost(). */
        AZ_HUB_EVENT_CONNECT,
        /* Subscribe, in one packet, and answer with az_hub_session_suback(). */
        AZ_HUB_EVENT_SUBSCRIBE,
        /* The link is up: publish. */
        AZ_HUB_EVENT_LIVE,
        /* The cloud calls a method. Answer while this link lives. */
        AZ_HUB_EVENT_METHOD,
        /* A cloud-to-device message. Acknowledge it when nothing can lose it any more. */
        AZ_HUB_EVENT_C2D,
        /* An answer about the twin, or a change of its desired properties. */
        AZ_HUB_EVENT_TWIN,
        /* Nothing yet: the first attempt comes by itself. */
        AZ_HUB_EVENT_WAIT,
        /* The link is to be renewed: begin nothing new, let what is under way finish (PUBACKs, answers), and
         * answer with az_hub_session_drained(). DISCONNECT comes after 5 s in any case. */
        AZ_HUB_EVENT_DRAIN,
        /* The link is down: drop what is left of the connection. The next attempt comes by itself. */
        AZ_HUB_EVENT_LOST,
        /* Send DISCONNECT if there is a connection, and drop it. STOPPED: that was all. CLOSING: the link is
         * renewed; answer with az_hub_session_closed() when the connection is gone, within 5 s. */
        AZ_HUB_EVENT_DISCONNECT,
        _AZ_HUB_EVENT_TYPE_MAX
} az_hub_event_type;

/* 'as' has a member for each type but DRAIN and DISCONNECT. */
typedef struct {
        az_hub_event_type type;
        union {
                struct {
                        az_span string_to_sign; /* wants base64(HMAC-SHA256(key, string_to_sign)) */
                        uint64_t expires_unix_s;
                        bool clock_is_unset; /* it is before the build date still; an attempt all the same */
                } sign;
                struct {
                        az_span client_id; /* these three are followed by a NUL */
                        az_span user_name;
                        az_span password; /* of a certificate: "" */
                        uint16_t keep_alive_s;
                        bool clean_session;  /* always false: the hub keeps what it has queued */
                        bool clock_is_unset; /* as with SIGN, which a certificate does without */
                } connect;
                struct {
                        az_hub_session_filter const *filters;
                        size_t n_filters;
                } subscribe;
                struct {
                        bool session_present;
                } live;
                struct {
                        az_span name;
                        az_span request_id;
                        az_span payload;
                } method;
                struct {
                        az_iot_hub_client_c2d_request request; /* reading its properties moves it on */
                        az_span payload;
                } c2d;
                struct {
                        az_iot_hub_client_twin_response response;
                        az_span payload;
                } twin;
                struct {
                        uint64_t delay_us; /* > 0 */
                } wait;
                struct {
                        az_hub_loss loss;
                        uint8_t connack_code;      /* if REFUSED */
                        az_hub_session_state from; /* where it was lost */
                        uint64_t delay_us;         /* until the next attempt, > 0 */
                } lost;
        } as;
} az_hub_event;

/* What a status page shows. */
typedef struct {
        az_hub_session_state state;
        az_hub_loss last_loss;
        uint8_t last_connack_code; /* if last_loss is REFUSED */
        uint32_t n_failures;       /* losses since the start, or since a link lived for a minute */
        uint64_t live_since_us;    /* 0 unless LIVE or DRAINING */
} az_hub_session_status;

/* Room for "{device}/{module}" of 128 bytes each, the hub's limit. */
#define AZ_HUB_SESSION_CLIENT_ID_MAX 257

/* Room for host, client id and API version (547 bytes), user agent and encoded model id. */
#define AZ_HUB_SESSION_USER_NAME_MAX 1023

/* Room for a token: a host of 255 bytes, two ids of 128 of which each byte is percent-encoded, the rest. */
#define AZ_HUB_SESSION_CREDENTIAL_MAX 1535

/* Ordinary losses, throttling, refusals, rivals and the clock back off each on a scale of their own. */
#define _az_HUB_SESSION_BACKOFFS 6

/* Lives wherever the caller puts it, and stays there; its members are private. */
typedef struct {
        struct {
                az_iot_hub_client const *client;
                az_hub_session_options options;
                az_hub_session_state state;
                uint64_t deadline_us;
                uint64_t random;
                az_hub_event event;
                bool has_event;
                bool session_present;
                az_hub_session_filter filters[AZ_HUB_SESSION_FILTERS_MAX];
                size_t n_filters;
                az_hub_session_time begun; /* the last attempt: when its token was made, if there is one */
                uint64_t expires_unix_s;   /* these two are of the last token */
                uint64_t renew_us;
                uint64_t connected_us;
                uint64_t live_since_us;
                uint64_t clock_until_us; /* 0: the clock is not waited for */
                uint32_t n_short;        /* links in a row that the hub closed within seconds */
                uint32_t n_failures[_az_HUB_SESSION_BACKOFFS];
                az_hub_loss last_loss;
                uint8_t last_connack_code;
                size_t client_id_len;
                size_t user_name_len;
                size_t credential_len;
                char client_id[AZ_HUB_SESSION_CLIENT_ID_MAX + 1];
                char user_name[AZ_HUB_SESSION_USER_NAME_MAX + 1];
                char credential[AZ_HUB_SESSION_CREDENTIAL_MAX + 1]; /* the text to sign, later the password */
        } _internal;
} az_hub_session;

/* Returns the defaults that the comments of az_hub_session_options name, with all features and no seed. */
AZ_NODISCARD az_hub_session_options az_hub_session_options_default(void);

/*
 * Initializes 's', STOPPED.
 *
 *   client  must outlive 's'
 *   options  copied
 *
 * AZ_ERROR_ARG: an option is out of range, or C2D alone was asked for and the identity is a module.
 * AZ_ERROR_NOT_ENOUGH_SPACE: the names of 'client' are longer than a hub allows.
 */
AZ_NODISCARD az_result az_hub_session_init(az_hub_session *s, az_iot_hub_client const *client,
                                           az_hub_session_options const *options);

/* Begins the first attempt (SIGN, or CONNECT with a certificate; WAIT if there is a splay). */
AZ_NODISCARD az_result az_hub_session_start(az_hub_session *s, az_hub_session_time time);

/* Ends the session from any state (DISCONNECT, in place of an event that waits), and forgets its failures. */
void az_hub_session_stop(az_hub_session *s);

/*
 * Takes the answer to SIGN (CONNECT).
 *
 *   base64_signature  of 44 bytes, as every HMAC-SHA256 has
 *
 * AZ_ERROR_ARG: it has another size; nothing changed.
 */
AZ_NODISCARD az_result az_hub_session_signed(az_hub_session *s, az_span base64_signature,
                                             az_hub_session_time time);

/* The hub accepted CONNECT (SUBSCRIBE). */
AZ_NODISCARD az_result az_hub_session_connected(az_hub_session *s, bool session_present,
                                                az_hub_session_time time);

/*
 * The hub refused CONNECT (LOST).
 *
 *   connack_code  not 0
 *
 * AZ_ERROR_ARG: it is 0; nothing changed.
 */
AZ_NODISCARD az_result az_hub_session_refused(az_hub_session *s, uint8_t connack_code,
                                              az_hub_session_time time);

/* The hub answered SUBSCRIBE with one code per filter (LIVE if each was granted with its QoS, else LOST). */
AZ_NODISCARD az_result az_hub_session_suback(az_hub_session *s, uint8_t const *codes, size_t n_codes,
                                             az_hub_session_time time);

/*
 * The link, or the attempt, is lost (LOST).
 *
 *   loss  not NONE, REFUSED, SUBSCRIBE, DUPLICATE or CLOCK, which the session finds itself
 *
 * AZ_ERROR_ARG: one of these; nothing changed.
 */
AZ_NODISCARD az_result az_hub_session_lost(az_hub_session *s, az_hub_loss loss, az_hub_session_time time);

/*
 * The deadline has passed (SIGN, or CONNECT with a certificate, after BACKOFF; DRAIN when LIVE; DISCONNECT
 * when DRAINING; otherwise LOST). A call before it does nothing.
 */
AZ_NODISCARD az_result az_hub_session_timeout(az_hub_session *s, az_hub_session_time time);

/* Renews a link that is LIVE now, instead of later (DRAIN). */
AZ_NODISCARD az_result az_hub_session_renew(az_hub_session *s, az_hub_session_time time);

/* Nothing is under way any more (DISCONNECT, in CLOSING). */
AZ_NODISCARD az_result az_hub_session_drained(az_hub_session *s, az_hub_session_time time);

/* The connection that DISCONNECT asked to end in CLOSING is gone, in whichever way (SIGN, or CONNECT). */
AZ_NODISCARD az_result az_hub_session_closed(az_hub_session *s, az_hub_session_time time);

/* Ends BACKOFF at once (SIGN, or CONNECT); the failures stay counted. */
AZ_NODISCARD az_result az_hub_session_reconnect_now(az_hub_session *s, az_hub_session_time time);

/*
 * The wall clock was set, by however much; in any state. Renews a link that is LIVE sooner, or now (DRAIN),
 * if its token has less of its life left than was thought, or has more than one and a half. Ends BACKOFF
 * (SIGN, or CONNECT) after a TLS failure or the refusal of a token if the step is of more than a minute, and
 * after CLOCK if the clock is right now. Otherwise does nothing. (An attempt that is under way is left alone:
 * if its token is no good the hub refuses it, and the next one is made with the new time.)
 */
AZ_NODISCARD az_result az_hub_session_clock_changed(az_hub_session *s, az_hub_session_time time);

/*
 * Takes a message of the hub (METHOD, C2D or TWIN). Accepted from CONNACK on, before SUBACK too: a hub that
 * has kept the session sends what waited at once.
 *
 *   topic, payload  may be empty; see the events for how long they are needed
 *
 * AZ_ERROR_IOT_TOPIC_NO_MATCH: not a topic of a feature; count and ignore it. AZ_ERROR_UNEXPECTED_CHAR,
 * AZ_ERROR_UNEXPECTED_END, AZ_ERROR_ITEM_NOT_FOUND: a topic that a hub does not make; count and ignore it.
 */
AZ_NODISCARD az_result az_hub_session_message(az_hub_session *s, az_span topic, az_span payload);

/* Pops the event of the last input; false: there is none. */
AZ_NODISCARD bool az_hub_session_next_event(az_hub_session *s, az_hub_event *out_event);

/* When to call az_hub_session_timeout(), in CLOCK_BOOTTIME microseconds; UINT64_MAX: never. */
AZ_NODISCARD uint64_t az_hub_session_deadline_us(az_hub_session const *s);

/* Returns the status. */
AZ_NODISCARD az_hub_session_status az_hub_session_get_status(az_hub_session const *s);

/* What moves the machine. */
typedef enum {
        AZ_HUB_ON_START,
        AZ_HUB_ON_START_SPLAYED, /* a start that waits first */
        AZ_HUB_ON_STOP,
        AZ_HUB_ON_SIGNED,
        AZ_HUB_ON_CONNECTED,
        AZ_HUB_ON_REFUSED,
        AZ_HUB_ON_SUBACK,
        AZ_HUB_ON_SUBACK_REFUSED,
        AZ_HUB_ON_LOST,
        AZ_HUB_ON_TIMEOUT,
        AZ_HUB_ON_RENEW,
        AZ_HUB_ON_DRAINED,
        AZ_HUB_ON_CLOSED,
        AZ_HUB_ON_RECONNECT_NOW,
        AZ_HUB_ON_CLOCK_CHANGED,
        AZ_HUB_ON_CLOCK_UNSET, /* in place of what leads to SIGN, while the clock is waited for */
        AZ_HUB_ON_CERTIFICATE, /* in place of what leads to SIGN, where there is nothing to sign */
        AZ_HUB_ON_METHOD,
        AZ_HUB_ON_C2D,
        AZ_HUB_ON_TWIN,
        _AZ_HUB_ON_MAX
} az_hub_session_trigger;

/* In state 'from', 'on' leads to 'to' and makes 'event'. */
typedef struct {
        az_hub_session_state from;
        az_hub_session_trigger on;
        az_hub_session_state to;
        az_hub_event_type event;
} az_hub_session_transition;

/* Returns the rows of the machine, for documentation and tests. No two have the same 'from' and 'on'. */
AZ_NODISCARD az_hub_session_transition const *az_hub_session_transitions(size_t *out_n);

/* Names for logs and status: lower case, of one word or hyphenated; NULL: no such constant. */
AZ_NODISCARD char const *az_hub_session_state_to_string(az_hub_session_state state);
AZ_NODISCARD char const *az_hub_session_trigger_to_string(az_hub_session_trigger trigger);
AZ_NODISCARD char const *az_hub_event_type_to_string(az_hub_event_type type);
AZ_NODISCARD char const *az_hub_loss_to_string(az_hub_loss loss);

_az_END_DECLS

#endif
