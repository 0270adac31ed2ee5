/* SPDX-License-Identifier: MIT */
#ifndef _az_BROKER_SESSION_H
#define _az_BROKER_SESSION_H

/*
 * The session of a client with an MQTT 5 broker (Azure IoT Operations) as a state machine: connect, keep the
 * session over losses, publish in order, subscribe until it is granted, prove oneself anew, stop.
 *
 * It does no I/O, reads no clock, allocates nothing and sees no bytes of a message. The caller tells what
 * happened (an input), pops what is to be done about it (an event), asks what is to be sent
 * (az_broker_session_next_publish(), _next_requests()), and calls az_broker_session_timeout() when
 * az_broker_session_deadline_us() has passed:
 *
 *      STOPPED --start--> CONNECTING --connected--> LIVE <--reauthenticated-- REAUTHENTICATING
 *                         ^  ^     |  lost           |  |  \--token-changed------^     | lost
 *                         |  |     v                 |  |                              |
 *                         |  +-- BACKOFF <----lost---+--|------------------------------+
 *                         |                             | renew, timeout
 *                         +-- closed -- CLOSING <-- drained, timeout -- DRAINING
 *
 *      any --stop--> STOPPING --closed--> STOPPED         any --gives up--> STOPPED
 *
 * The session outlives its connections. The first CONNECT has the clean start that the options ask for, each
 * later one has none. What was sent and not acknowledged is sent again after a loss, in its order, with its
 * packet id and DUP (MQTT 5.0, 4.4); what was not sent waits behind it. A CONNACK that says that the
 * broker has lost the session ends it (AZ_BROKER_LOSS_SESSION), or, by an option, begins a new one: all
 * filters are subscribed again, and then what was not acknowledged is sent as new, which may repeat it.
 *
 * Some reason codes mean that the next attempt will fare no better (az_broker_verdict_of_connack(),
 * az_broker_verdict_of_disconnect()). With these the session gives up: STOPPED, is_fatal. By an option it
 * does not, and waits for longer (30 s to 10 min) instead. "Not authorized" (0x87) of a client with a token
 * is tried again a few times first, as each attempt is to be made with the token as it then is in its file.
 *
 * The session also gives up when link after link is closed within 10 s of its CONNACK, with no failed attempt
 * in between: probably another client has the same identifier, and the broker lets the last one win
 * (AZ_BROKER_LOSS_RIVAL).
 *
 * az_broker_session_transitions() has every row, and docs/link-states.md draws them.
 *
 * Each input makes at most one event; pop it before the next input. When the session is STOPPED, what had not
 * come to its end is popped first, each with AZ_BROKER_RESULT_STOPPED, and AZ_BROKER_EVENT_STOPPED last.
 *
 * Every input can return, besides AZ_OK and what its comment says, and changes nothing when it does:
 *
 * AZ_ERROR_NOT_SUPPORTED: there is no such transition from this state. After a stop or a loss this is late
 * news of the old connection, to be ignored; otherwise the peer broke the protocol, and
 * az_broker_session_lost(AZ_BROKER_LOSS_PROTOCOL) is the answer.
 *
 * AZ_ERROR_NOT_ENOUGH_SPACE: an event waits to be popped.
 *
 * Pointers must not be NULL. 'now_us' is CLOCK_BOOTTIME in microseconds, or any clock that never goes back.
 *
 * Acknowledging received messages in their order is not here: whoever has the packets does that
 * (mqtt_link_ack() in <mqtt/link.h>).
 *
 * Sources: MQTT 5.0; Azure IoT Operations SDKs, session client and connection settings.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <azure/core/az_result.h>

_az_BEGIN_DECLS

/* Where the session is. */
typedef enum {
        AZ_BROKER_SESSION_STOPPED,
        AZ_BROKER_SESSION_CONNECTING, /* waits for the transport and CONNACK */
        AZ_BROKER_SESSION_LIVE,
        AZ_BROKER_SESSION_REAUTHENTICATING, /* live, and waits for the answer to AUTH */
        AZ_BROKER_SESSION_DRAINING,         /* live, to be renewed: waits for what is under way */
        AZ_BROKER_SESSION_CLOSING,          /* waits for the end of a connection, to make the next */
        AZ_BROKER_SESSION_BACKOFF,          /* waits for the time of the next attempt */
        AZ_BROKER_SESSION_STOPPING,         /* waits for the end of the last connection */
        _AZ_BROKER_SESSION_STATE_MAX
} az_broker_session_state;

/*
 * Why the link, or the attempt to have one, was lost. The next attempt follows at once after the first loss
 * of a link that was live; otherwise delays double from the first number of the options to the second, and
 * the upper half of each is random (session/retry.h). They begin anew after a link that lived for 10 s.
 */
typedef enum {
        AZ_BROKER_LOSS_NONE,         /* it never was */
        AZ_BROKER_LOSS_FILE,         /* a certificate, key, token or password cannot be read or used */
        AZ_BROKER_LOSS_NAME,         /* the host name did not resolve */
        AZ_BROKER_LOSS_TCP,          /* no connection, or the network broke it */
        AZ_BROKER_LOSS_TLS,          /* handshake or certificate failed */
        AZ_BROKER_LOSS_TIMEOUT,      /* no answer in time */
        AZ_BROKER_LOSS_REFUSED,      /* CONNACK with a reason code of 0x80 or above, which comes along */
        AZ_BROKER_LOSS_DISCONNECTED, /* the broker sent DISCONNECT; its reason code comes along */
        AZ_BROKER_LOSS_CLOSED,       /* the broker closed the connection and said nothing */
        AZ_BROKER_LOSS_KEEP_ALIVE,   /* not a byte came, nor the answer to a ping */
        AZ_BROKER_LOSS_PUBACK,       /* it answers pings but acknowledges nothing */
        AZ_BROKER_LOSS_PROTOCOL,     /* the broker sent what it must not */
        /* The new token was refused, or not answered. The next attempt follows at once with the token of
         * then.
         */
        AZ_BROKER_LOSS_REAUTHENTICATION,
        AZ_BROKER_LOSS_RIVAL,   /* link after link was closed within 10 s: another has this client id */
        AZ_BROKER_LOSS_SESSION, /* the broker has lost the session; only in STOPPED */
        AZ_BROKER_LOSS_LOCAL,   /* the caller wants for memory, descriptors or the like */
        _AZ_BROKER_LOSS_MAX
} az_broker_loss;

/* What a reason code of a CONNACK or DISCONNECT says of the next attempt. */
typedef enum {
        AZ_BROKER_VERDICT_RETRY,
        AZ_BROKER_VERDICT_FATAL,
        AZ_BROKER_VERDICT_CREDENTIAL, /* "not authorized": fatal, but another token may do */
} az_broker_verdict;

/* 0x87 is CREDENTIAL. FATAL are 81 to 86, 8A, 8C, 90, 95, 99 to 9D; all else is RETRY. */
AZ_NODISCARD az_broker_verdict az_broker_verdict_of_connack(uint8_t reason_code);

/* 0x87 is CREDENTIAL. FATAL are 81, 82, 8E, 8F, 90, 94, 95, 99, 9A, 9B, 9D, 9E, A1, A2; all else is RETRY. */
AZ_NODISCARD az_broker_verdict az_broker_verdict_of_disconnect(uint8_t reason_code);

/* What becomes of a message when all room for waiting ones is taken. */
typedef enum {
        AZ_BROKER_WHEN_FULL_REJECT, /* az_broker_session_publish() refuses it */
        AZ_BROKER_WHEN_FULL_DROP_NEWEST,
        AZ_BROKER_WHEN_FULL_DROP_OLDEST, /* of those that were never sent */
        _AZ_BROKER_WHEN_FULL_MAX
} az_broker_when_full;

/* Each is followed by its default. */
typedef struct {
        uint64_t random_seed; /* from the system's random source; 0 is refused, so that it is not forgotten */
        bool clean_start;     /* false; of the first CONNECT: whether the broker drops what it has of us */
        bool resubscribes;    /* false: a session that the broker has lost is fatal; true: a new one begins */
        bool never_gives_up;  /* false: a fatal loss leads to STOPPED; true: to BACKOFF, for longer */
        bool has_token;       /* false: 0x87 is fatal at once; true: see token_retries */
        uint8_t token_retries; /* 5, 1 to 60 s apart; refusals of a token in a row that are not fatal yet */
        uint8_t rival_links;   /* 5 links in a row that lived for less than 10 s are RIVAL; 0: never */
        az_broker_when_full when_full;     /* AZ_BROKER_WHEN_FULL_REJECT */
        uint32_t backoff_min_ms;           /* 64: the first wait is one to two times this */
        uint32_t backoff_max_ms;           /* 60000 */
        uint16_t connect_timeout_s;        /* 30: from CONNECT, transport included, to CONNACK */
        uint16_t reauthenticate_timeout_s; /* 30: from AUTH to its answer */
} az_broker_session_options;

/* How a message, a subscription or its end came out. */
typedef enum {
        AZ_BROKER_RESULT_OK,      /* acknowledged; QoS 0: handed over to be sent */
        AZ_BROKER_RESULT_REFUSED, /* by a reason code of 0x80 or above, which comes along */
        AZ_BROKER_RESULT_EXPIRED, /* not sent before its time was over */
        AZ_BROKER_RESULT_DROPPED, /* there was no room */
        AZ_BROKER_RESULT_STOPPED, /* the session was stopped or gave up; it may have been received */
        _AZ_BROKER_RESULT_MAX
} az_broker_result;

/* What a request asks for. */
typedef enum {
        AZ_BROKER_SUBSCRIBE,
        AZ_BROKER_UNSUBSCRIBE
} az_broker_request_type;

/* A message to be published, as its publisher gives it. */
typedef struct {
        uint64_t token;      /* the caller's name for it */
        uint64_t expires_us; /* from here on it is not sent for the first time in a session; UINT64_MAX: never
                              */
        uint8_t qos;         /* 0 or 1 */
} az_broker_publish;

/* A filter to be subscribed to, or no more. */
typedef struct {
        az_broker_request_type type;
        uint64_t filter; /* the caller's name for the filter: what subscribe and unsubscribe have in common */
        uint64_t token;  /* the caller's name for this request */
} az_broker_request;

/* The caller's memory for a message; here and below, the members are private. */
typedef struct {
        az_broker_publish _publish;
        uint16_t _packet_id;
        uint8_t _state;
} az_broker_publish_slot;

/* For a request. */
typedef struct {
        az_broker_request _request;
        uint8_t _reason_code;
} az_broker_request_slot;

/* For a filter that is subscribed to. */
typedef struct {
        uint64_t _filter;
        uint8_t _state;
        uint8_t _reason_code;
} az_broker_filter_slot;

/*
 * The memory of a session: it belongs to the caller, outlives the session and stays where it is.
 *
 *   in_flight  messages that were sent and not acknowledged; 1 to 65535. The least of this, the window and
 *              the broker's Receive Maximum is how many are under way at once
 *   waiting  messages that were not sent yet; at least 1
 *   requests  subscribe and unsubscribe that are not answered; at least 1
 *   filters  that are subscribed to; at least 1
 */
typedef struct {
        az_broker_publish_slot *in_flight;
        size_t n_in_flight;
        az_broker_publish_slot *waiting;
        size_t n_waiting;
        az_broker_request_slot *requests;
        size_t n_requests;
        az_broker_filter_slot *filters;
        size_t n_filters;
} az_broker_session_memory;

/* What the caller has to do, or wants to know. */
typedef enum {
        /* Read what credentials there are, connect, and answer with az_broker_session_connected() or _lost().
         */
        AZ_BROKER_EVENT_CONNECT,
        /* The link is up: ask what there is to send. */
        AZ_BROKER_EVENT_LIVE,
        /* Read the token and send it by AUTH; answer with az_broker_session_reauthenticated() or _lost(). */
        AZ_BROKER_EVENT_REAUTHENTICATE,
        AZ_BROKER_EVENT_REAUTHENTICATED,
        /* The link is to be renewed: let what is under way finish, and answer with
         * az_broker_session_drained(). DISCONNECT comes after 5 s in any case. */
        AZ_BROKER_EVENT_DRAIN,
        /* The link is down: drop what is left of the connection. The next attempt comes by itself. */
        AZ_BROKER_EVENT_LOST,
        /* Send DISCONNECT, and answer with az_broker_session_closed() when the connection is gone, within 5
         * s.
         */
        AZ_BROKER_EVENT_DISCONNECT,
        /* It is over: drop what is left of the connection or the attempt. az_broker_session_start() begins
         * anew. */
        AZ_BROKER_EVENT_STOPPED,
        AZ_BROKER_EVENT_PUBLISHED, /* how a message came out: forget it */
        AZ_BROKER_EVENT_ANSWERED,  /* how a request came out */
        _AZ_BROKER_EVENT_TYPE_MAX
} az_broker_event_type;

typedef struct {
        az_broker_event_type type;
        union {
                struct {
                        bool clean_start;
                } connect;
                struct {
                        bool session_present;
                        bool is_session_lost; /* it was not the first connection, and the session is a new one
                                               */
                } live;
                struct {
                        az_broker_loss loss;
                        uint8_t reason_code;          /* if REFUSED or DISCONNECTED, otherwise 0 */
                        az_broker_session_state from; /* where it was lost */
                        bool is_fatal;                /* it would be, without never_gives_up */
                        uint64_t delay_us;            /* until the next attempt; 0: at once */
                } lost;
                struct {
                        bool ends_session; /* with Session Expiry Interval 0: the broker is to forget us */
                } disconnect;
                struct {
                        bool is_fatal; /* the session gave up; otherwise it was asked to stop */
                        az_broker_loss loss;
                        uint8_t reason_code;
                } stopped;
                struct {
                        uint64_t token;
                        az_broker_result result;
                        uint8_t reason_code; /* of the PUBACK; 0x10: nobody has subscribed */
                } published;
                struct {
                        az_broker_request request;
                        az_broker_result result;
                        uint8_t reason_code; /* of the SUBACK (the granted QoS, or 0x80 and above) or UNSUBACK
                                              */
                        bool is_again;       /* nobody asked: it was refused when subscribed to anew */
                } answered;
        } as;
} az_broker_event;

/* What a status page shows. */
typedef struct {
        az_broker_session_state state;
        az_broker_loss last_loss;
        uint8_t last_reason_code;
        uint32_t n_failures;    /* losses since the start, or since a link lived for 10 s */
        uint64_t live_since_us; /* 0 unless LIVE, REAUTHENTICATING or DRAINING */
        size_t n_waiting;       /* messages that were not sent yet */
        size_t n_in_flight;     /* that were, and are not acknowledged */
} az_broker_session_status;

/* What moves the machine. */
typedef enum {
        AZ_BROKER_ON_START,
        AZ_BROKER_ON_STOP,
        AZ_BROKER_ON_CONNECTED,
        AZ_BROKER_ON_SESSION_GONE, /* connected, without the session, and that is fatal */
        AZ_BROKER_ON_LOST,
        AZ_BROKER_ON_GIVE_UP, /* lost, and that is fatal */
        AZ_BROKER_ON_TIMEOUT,
        AZ_BROKER_ON_RENEW,
        AZ_BROKER_ON_DRAINED,
        AZ_BROKER_ON_CLOSED,
        AZ_BROKER_ON_RECONNECT_NOW,
        AZ_BROKER_ON_TOKEN_CHANGED,
        AZ_BROKER_ON_REAUTHENTICATED,
        _AZ_BROKER_ON_MAX
} az_broker_session_trigger;

/* In state 'from', 'on' leads to 'to' and makes 'event'. */
typedef struct {
        az_broker_session_state from;
        az_broker_session_trigger on;
        az_broker_session_state to;
        az_broker_event_type event;
} az_broker_session_transition;

/* Ordinary losses, refused tokens and fatal losses back off each on a scale of their own. */
#define _az_BROKER_SESSION_BACKOFFS 3

/* Lives wherever the caller puts it, and stays there; its members are private. */
typedef struct {
        struct {
                az_broker_session_options options;
                az_broker_session_memory memory;
                az_broker_session_state state;
                uint64_t deadline_us;
                uint64_t random;
                az_broker_event event;
                bool has_event;
                bool was_connected;  /* since the start: the broker should have the session */
                bool is_token_stale; /* of the present connection or attempt; so is the next */
                bool is_renewal_due;
                bool is_stop_fatal;
                uint64_t renew_us;
                uint64_t connected_us;
                uint32_t n_failures[_az_BROKER_SESSION_BACKOFFS];
                uint32_t n_short; /* links in a row that were closed within seconds */
                az_broker_loss last_loss;
                uint8_t last_reason_code;
                struct {
                        uint64_t first, next, end; /* next: to be sent on this connection */
                        size_t n_open;             /* without PUBACK */
                        size_t n_sent;             /* of these, on this connection */
                        size_t window;
                } in_flight;
                struct {
                        uint64_t first, end;
                } waiting;
                struct {
                        uint64_t first, end;
                        size_t n_sent;     /* from 'first' on, in the packets that are under way */
                        size_t n_answered; /* from 'first' on */
                } requests;
                struct {
                        size_t n;
                        size_t n_again; /* to be subscribed to anew */
                        size_t n_sent;  /* of these, in the packets that are under way */
                        size_t n_refused;
                } filters;
        } _internal;
} az_broker_session;

/* Returns the defaults that the comments of az_broker_session_options name, and no seed. */
AZ_NODISCARD az_broker_session_options az_broker_session_options_default(void);

/*
 * Initializes 's', STOPPED.
 *
 *   options, memory  copied; what 'memory' points to is not
 *
 * AZ_ERROR_ARG: an option or a number of slots is out of range.
 */
AZ_NODISCARD az_result az_broker_session_init(az_broker_session *s, az_broker_session_options const *options,
                                              az_broker_session_memory const *memory);

/* Begins the first attempt (CONNECT). */
AZ_NODISCARD az_result az_broker_session_start(az_broker_session *s, uint64_t now_us);

/*
 * Ends the session (DISCONNECT if there is a connection, otherwise STOPPED).
 *
 *   ends_session  the broker is to forget it (Session Expiry Interval 0): subscriptions, and what waits for
 * us
 */
AZ_NODISCARD az_result az_broker_session_stop(az_broker_session *s, bool ends_session, uint64_t now_us);

/* What the broker said in its CONNACK, and what the caller knows of the connection. */
typedef struct {
        bool session_present;
        size_t window; /* the broker's Receive Maximum, and no more than the caller can have under way; >= 1
                        */
        uint64_t renew_us; /* when the connection is to be renewed (DRAIN); UINT64_MAX: not at all */
} az_broker_session_connack;

/* The broker accepted CONNECT (LIVE; DISCONNECT if it has lost the session and that is fatal). */
AZ_NODISCARD az_result az_broker_session_connected(az_broker_session *s,
                                                   az_broker_session_connack const *connack, uint64_t now_us);

/*
 * The link, or the attempt, is lost (LOST; STOPPED if that is fatal; in STOPPING: STOPPED).
 *
 *   loss  not NONE, RIVAL or SESSION, which the session finds itself
 *   reason_code  if REFUSED or DISCONNECTED; otherwise 0
 *
 * AZ_ERROR_ARG: one of these; nothing changed.
 */
AZ_NODISCARD az_result az_broker_session_lost(az_broker_session *s, az_broker_loss loss, uint8_t reason_code,
                                              uint64_t now_us);

/*
 * The deadline has passed (CONNECT after BACKOFF; DRAIN or REAUTHENTICATE when LIVE; DISCONNECT when
 * DRAINING; STOPPED when STOPPING; otherwise LOST). A call before it does nothing.
 */
AZ_NODISCARD az_result az_broker_session_timeout(az_broker_session *s, uint64_t now_us);

/*
 * The token in its file is another (REAUTHENTICATE when LIVE; CONNECT in BACKOFF when the last one was
 * refused). Otherwise there is no event: the next CONNECT has it, or AUTH follows as soon as it may.
 */
AZ_NODISCARD az_result az_broker_session_token_changed(az_broker_session *s, uint64_t now_us);

/* The broker accepted the new token (REAUTHENTICATED). */
AZ_NODISCARD az_result az_broker_session_reauthenticated(az_broker_session *s, uint64_t now_us);

/*
 * A credential that only a new connection takes has changed: certificate, key, trusted certificates or
 * password (DRAIN when LIVE or REAUTHENTICATING; CONNECT in BACKOFF). Otherwise there is no event: the next
 * CONNECT has it, or DRAIN follows as soon as it may.
 */
AZ_NODISCARD az_result az_broker_session_renew(az_broker_session *s, uint64_t now_us);

/* Nothing is under way any more (DISCONNECT, in CLOSING). */
AZ_NODISCARD az_result az_broker_session_drained(az_broker_session *s, uint64_t now_us);

/* The connection that DISCONNECT asked to end is gone (CONNECT; in STOPPING: STOPPED). */
AZ_NODISCARD az_result az_broker_session_closed(az_broker_session *s, uint64_t now_us);

/* Ends BACKOFF at once (CONNECT); the failures stay counted. */
AZ_NODISCARD az_result az_broker_session_reconnect_now(az_broker_session *s, uint64_t now_us);

/* Pops the next event; false: there is none. */
AZ_NODISCARD bool az_broker_session_next_event(az_broker_session *s, az_broker_event *out_event);

/* When to call az_broker_session_timeout(); UINT64_MAX: never. */
AZ_NODISCARD uint64_t az_broker_session_deadline_us(az_broker_session const *s);

/* ---- Messages ---- */

/*
 * Queues a message, in any state but STOPPED and STOPPING. PUBLISHED follows, sooner or later.
 *
 * AZ_ERROR_NOT_SUPPORTED: STOPPED or STOPPING. AZ_ERROR_ARG: its QoS is neither 0 nor 1.
 * AZ_ERROR_NOT_ENOUGH_SPACE: with REJECT, there is no room; az_broker_session_has_room() says when there is.
 * With the other two policies it is always taken, and then the event says which was dropped.
 */
AZ_NODISCARD az_result az_broker_session_publish(az_broker_session *s, az_broker_publish const *publish);

/* Whether there is room for a message that waits. */
AZ_NODISCARD bool az_broker_session_has_room(az_broker_session const *s);

/* A message that is to be sent now. */
typedef struct {
        uint64_t token;
        uint64_t handle;    /* names it in az_broker_session_puback(), over all connections; QoS 0: nothing */
        bool is_resend;     /* it was sent before in this session: with DUP, and with its packet id */
        uint16_t packet_id; /* that of az_broker_session_sent(), if 'is_resend'; otherwise 0 */
} az_broker_next_publish;

/*
 * Says which message is to be sent next. Send it and call az_broker_session_sent(); or leave it (the same
 * will be next). False: none for now, as nothing waits, the window is full, or the link is not LIVE. When a
 * message has expired it is an event instead: pop it and ask again.
 */
AZ_NODISCARD bool az_broker_session_next_publish(az_broker_session *s, uint64_t now_us,
                                                 az_broker_next_publish *out_next);

/*
 * The message that az_broker_session_next_publish() named was sent (QoS 0: PUBLISHED).
 *
 *   packet_id  with which; QoS 0: 0
 */
void az_broker_session_sent(az_broker_session *s, uint16_t packet_id);

/* It cannot be sent over this connection, nor any other: it is too large, for example (PUBLISHED, REFUSED).
 */
void az_broker_session_unsendable(az_broker_session *s, uint8_t reason_code);

/*
 * The broker acknowledged a message (PUBLISHED).
 *
 * AZ_ERROR_ITEM_NOT_FOUND: none of that handle is under way.
 */
AZ_NODISCARD az_result az_broker_session_puback(az_broker_session *s, uint64_t handle, uint8_t reason_code);

/* Whether nothing that was sent on this connection waits for an answer. */
AZ_NODISCARD bool az_broker_session_is_idle(az_broker_session const *s);

/* ---- Subscriptions ---- */

/*
 * Queues a request, in any state but STOPPED and STOPPING. It is sent when the session is LIVE, again after
 * each loss until it is answered; ANSWERED follows. Requests are sent in their order. A filter that is
 * subscribed to stays so until it is unsubscribed from, whatever happens to the broker's session (if that is
 * not fatal); twice is once.
 *
 * AZ_ERROR_NOT_SUPPORTED: STOPPED or STOPPING. AZ_ERROR_NOT_ENOUGH_SPACE: no slot is free for the request, or
 * none for its filter.
 */
AZ_NODISCARD az_result az_broker_session_request(az_broker_session *s, az_broker_request const *request);

/*
 * Says which requests are to be sent next, in one packet or several: all of one type. Send them and call
 * az_broker_session_requests_sent(); or leave them. 0: none for now; as long as those that were sent are not
 * answered there are none.
 */
AZ_NODISCARD size_t az_broker_session_next_requests(az_broker_session *s, az_broker_request *out_requests,
                                                    size_t max);

/* The first 'n' of the requests that az_broker_session_next_requests() named were sent. */
void az_broker_session_requests_sent(az_broker_session *s, size_t n);

/*
 * The broker answered all requests that were sent (ANSWERED for each, in order; not for filters that are
 * subscribed to anew, unless they are refused).
 *
 *   reason_codes  one for each
 *
 * AZ_ERROR_ARG: as many were not sent; the peer broke the protocol.
 */
AZ_NODISCARD az_result az_broker_session_answered(az_broker_session *s, uint8_t const *reason_codes,
                                                  size_t n);

/* ---- For status, documentation and tests ---- */

/* Returns the status. */
AZ_NODISCARD az_broker_session_status az_broker_session_get_status(az_broker_session const *s);

/* Returns the rows of the machine. No two have the same 'from' and 'on'. */
AZ_NODISCARD az_broker_session_transition const *az_broker_session_transitions(size_t *out_n);

/* Names for logs and status: lower case, of one word or hyphenated; NULL: no such constant. */
AZ_NODISCARD char const *az_broker_session_state_to_string(az_broker_session_state state);
AZ_NODISCARD char const *az_broker_session_trigger_to_string(az_broker_session_trigger trigger);
AZ_NODISCARD char const *az_broker_event_type_to_string(az_broker_event_type type);
AZ_NODISCARD char const *az_broker_loss_to_string(az_broker_loss loss);
AZ_NODISCARD char const *az_broker_result_to_string(az_broker_result result);

_az_END_DECLS

#endif
