/* SPDX-License-Identifier: MIT */
#ifndef _az_DPS_SESSION_H
#define _az_DPS_SESSION_H

/*
 * The registration of a device with the Device Provisioning Service (DPS) as a state machine: sign, connect,
 * subscribe, register, poll until it is assigned to a hub.
 *
 * It does no I/O, reads no clock and allocates nothing. The caller tells what happened (an input), pops what
 * is to be done about it (an event), and calls az_dps_session_timeout() when az_dps_session_deadline_us() has
 * passed:
 *
 *      STOPPED --start--> SIGNING --signed--> CONNECTING --connected--> SUBSCRIBING
 *                            ^                                               | suback
 *                            | timeout                                       v
 *      any of them --lost--> BACKOFF     WAITING_TO_REGISTER --timeout--> REGISTERING
 *      ... or no answer ---> BACKOFF              ^                        | assigning
 *                                                 | retry, restart         v
 *      REGISTERING, POLLING ----------------------+------- POLLING <--> WAITING_TO_POLL
 *              | assigned
 *              v
 *           STOPPED                          any of them --failed, stop--> STOPPED
 *
 * A run begins with az_dps_session_start() and ends with exactly one of ASSIGNED, FAILED and, after
 * az_dps_session_stop(), DISCONNECT. What may pass by itself is tried again within the run: without network,
 * without an answer or with a server that is busy, the attempt is LOST and the next begins anew; an answer
 * that says "later" (429, 5xx, 409) is followed by the same request after the retry-after that it brought,
 * or else after a back-off (session/retry.h); when the service has forgotten the operation (404), or the
 * assignment failed for a passing reason, the device registers again. Everything else, and whatever does not
 * fit into the time of the run (five minutes), is FAILED. The caller decides when to begin the next run:
 * session/recovery.h does.
 *
 * No request is published before SUBACK, or else its answer is lost; none comes sooner than two seconds after
 * the answer before it, because the service allows a device five in ten seconds. Each request has an id of
 * its own, and an answer to another is ignored. The operation id is remembered: an answer that lacks it does
 * not break the row.
 *
 * With a certificate (an option) there is nothing to sign: where a row leads to SIGN, CERTIFICATE leads
 * straight to CONNECTING, and the password is empty. While the wall clock shows a time before the build date
 * (an option), a run does not begin: BACKOFF with AZ_DPS_LOSS_CLOCK, for five minutes at most, before the
 * time of the run. Tell az_dps_session_clock_changed() when the clock was set.
 *
 * az_dps_session_transitions() has every row, and docs/link-states.md draws them.
 *
 * Each input makes at most one event. Pop it before the next input. What an event points to lives until the
 * next call that takes the session as other than const; the texts of an answer, which are those of
 * az_dps_error and the payload and substatus of ASSIGNED, belong to the caller of az_dps_session_message().
 *
 * Every input can return, besides AZ_OK and what its comment says, and changes nothing when it does:
 *
 * AZ_ERROR_NOT_SUPPORTED: there is no such transition from this state. After a loss or the end of a run this
 * is late news of the old connection, to be ignored; otherwise the peer broke the protocol, and
 * az_dps_session_lost(AZ_DPS_LOSS_PROTOCOL) is the answer.
 *
 * AZ_ERROR_NOT_ENOUGH_SPACE: an event waits to be popped.
 *
 * Pointers must not be NULL.
 *
 * The session cannot tell the news of two connections apart: a signature, a connection or a loss that belongs
 * to an attempt which was stopped or lost must be dropped by the caller.
 *
 * Source: DPS documentation, "Communicate with your DPS using the MQTT protocol", "Quotas and limits".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <azure/core/az_result.h>
#include <azure/core/az_span.h>
#include <azure/iot/az_iot_provisioning_client.h>
#include <session/credential.h>
#include <session/error_class.h>
#include <session/hub_session.h>

_az_BEGIN_DECLS

/* Where the session is. */
typedef enum {
        AZ_DPS_SESSION_STOPPED,             /* no run */
        AZ_DPS_SESSION_SIGNING,             /* waits for the signature of a token */
        AZ_DPS_SESSION_CONNECTING,          /* waits for the transport and CONNACK */
        AZ_DPS_SESSION_SUBSCRIBING,         /* waits for SUBACK */
        AZ_DPS_SESSION_REGISTERING,         /* waits for the answer to a registration request */
        AZ_DPS_SESSION_WAITING_TO_REGISTER, /* connected, until the time of the next one */
        AZ_DPS_SESSION_POLLING,             /* waits for the answer to the question where it stands */
        AZ_DPS_SESSION_WAITING_TO_POLL,     /* connected, until the time of the next one */
        AZ_DPS_SESSION_BACKOFF,             /* not connected, until the time of the next attempt */
        _AZ_DPS_SESSION_STATE_MAX
} az_dps_session_state;

/* What went wrong. */
typedef enum {
        AZ_DPS_LOSS_NONE,       /* nothing did */
        AZ_DPS_LOSS_SIGNING,    /* no signature: key, token or signer failed */
        AZ_DPS_LOSS_NAME,       /* the host name did not resolve */
        AZ_DPS_LOSS_TCP,        /* no connection, or the network broke it */
        AZ_DPS_LOSS_TLS,        /* handshake or certificate failed */
        AZ_DPS_LOSS_TIMEOUT,    /* no answer in time; to CONNECT: of class NETWORK */
        AZ_DPS_LOSS_REFUSED,    /* CONNACK with another code than 0: scope, credential, or too busy (3) */
        AZ_DPS_LOSS_SUBSCRIBE,  /* SUBACK did not grant the filter */
        AZ_DPS_LOSS_CLOSED,     /* the service closed the connection, or reset it */
        AZ_DPS_LOSS_KEEP_ALIVE, /* the link is half-open: not a byte came, nor the answer to a ping */
        AZ_DPS_LOSS_PROTOCOL,   /* the service sent what it must not, or the caller cannot go on */
        AZ_DPS_LOSS_ANSWER,     /* the service refused the request: status and code say why */
        AZ_DPS_LOSS_ASSIGNMENT, /* it found no hub for the device: the code says why */
        AZ_DPS_LOSS_DISABLED,   /* the enrollment is disabled, until an operator enables it */
        AZ_DPS_LOSS_DEADLINE,   /* the run took too long; the service was at work to the end */
        AZ_DPS_LOSS_CLOCK,      /* the wall clock shows a time before the build date */
        _AZ_DPS_LOSS_MAX
} az_dps_loss;

/* All that is known of what went wrong. The spans are parts of the answer; empty: it does not say. */
typedef struct {
        az_dps_loss loss;
        az_error_class error_class; /* what to do about it */
        uint8_t connack_code;       /* if REFUSED */
        az_iot_status status;       /* of the answer, as in HTTP; AZ_IOT_STATUS_UNKNOWN: there was none */
        uint32_t code;              /* of six digits; 0: none */
        uint32_t retry_after_s;     /* what the service asked for; 0: nothing */
        az_span message;            /* escapes of JSON are not undone */
        az_span tracking_id;        /* what Microsoft's support asks for */
        az_span timestamp;
} az_dps_error;

/* Each is followed by its default. */
typedef struct {
        uint64_t random_seed; /* from the system's random source; 0 is refused, so that it is not forgotten */
        az_credential credential;  /* AZ_CREDENTIAL_SAS */
        az_span user_agent;        /* empty; percent-encoded by the caller */
        az_span custom_payload;    /* empty: one JSON value for the allocation, e.g. {"modelId":"dtmi:..."} */
        az_span body_buffer;       /* empty: room for the request's body if custom_payload is larger than 512
                                      bytes: 192 more than that; must outlive the session */
        uint32_t token_lifetime_s; /* 3600; from 300 to 86400 */
        uint16_t keep_alive_s;     /* 60; from 1 to AZ_HUB_SESSION_KEEP_ALIVE_MAX_S */
        uint16_t sign_timeout_s;   /* 120: signing, and whatever the caller does before it answers */
        uint16_t step_timeout_s;   /* 30: from CONNECT to CONNACK, from each packet to its answer */
        uint16_t run_timeout_s;    /* 300: from the first attempt to the end of the run */
        uint16_t poll_delay_s;     /* 3; from 2 up: between polls if the service does not say */
        uint32_t backoff_min_s;    /* 1 */
        uint32_t backoff_max_s;    /* 300 */
        uint64_t build_unix_s;     /* 0: no wall clock that is right shows a time before this one */
} az_dps_session_options;

/* What the caller has to do. */
typedef enum {
        /* Sign and answer with az_dps_session_signed(), or az_dps_session_lost(AZ_DPS_LOSS_SIGNING). */
        AZ_DPS_EVENT_SIGN,
        /* Connect and answer with az_dps_session_connected(), _refused() or _lost(). */
        AZ_DPS_EVENT_CONNECT,
        /* Subscribe and answer with az_dps_session_suback(). */
        AZ_DPS_EVENT_SUBSCRIBE,
        /* Publish. The answer comes as a message. */
        AZ_DPS_EVENT_PUBLISH,
        /* Nothing, but keep the connection: the next request comes by itself. */
        AZ_DPS_EVENT_WAIT,
        /* The attempt is lost: drop what is left of the connection. The next one comes by itself. */
        AZ_DPS_EVENT_LOST,
        /* The run has ended: the device belongs to a hub. Keep this, and end the connection with DISCONNECT.
         */
        AZ_DPS_EVENT_ASSIGNED,
        /* The run has ended without that. If there is a connection, end it with DISCONNECT. */
        AZ_DPS_EVENT_FAILED,
        /* The run was stopped. If there is a connection, end it with DISCONNECT. */
        AZ_DPS_EVENT_DISCONNECT,
        _AZ_DPS_EVENT_TYPE_MAX
} az_dps_event_type;

/* 'as' has a member for each type but DISCONNECT. */
typedef struct {
        az_dps_event_type type;
        union {
                struct {
                        az_span string_to_sign; /* wants base64(HMAC-SHA256(key, string_to_sign)) */
                        uint64_t expires_unix_s;
                        bool clock_is_unset; /* it is before the build date still; an attempt all the same */
                } sign;
                struct {
                        az_span host;      /* as it was given to az_dps_session_init() */
                        az_span client_id; /* these three are followed by a NUL */
                        az_span user_name;
                        az_span password; /* of a certificate: "" */
                        uint16_t keep_alive_s;
                        bool clean_session;  /* always true: the service keeps no sessions */
                        bool clock_is_unset; /* as with SIGN, which a certificate does without */
                } connect;
                struct {
                        az_hub_session_filter filter;
                } subscribe;
                struct {
                        az_span topic; /* followed by a NUL */
                        az_span payload;
                        uint8_t qos; /* always 1 */
                } publish;
                struct {
                        az_dps_error error; /* loss NONE: nothing is wrong, it takes its time */
                        uint64_t delay_us;  /* >= 2 s */
                } wait;
                struct {
                        az_dps_error error;
                        az_dps_session_state from; /* where it was lost */
                        uint64_t delay_us;         /* until the next attempt, > 0 */
                } lost;
                struct {
                        az_span hub; /* host name; these two are followed by a NUL */
                        az_span device_id;
                        az_span payload; /* of the allocation: the text of a JSON value; empty: none */
                        /* How that came about: "initialAssignment", "deviceDataMigrated" (the twin, too),
                         * "deviceDataReset" (the twin is new), "reprovisionedToInitialAssignment". */
                        az_span substatus;
                } assigned;
                struct {
                        az_dps_error error;
                        az_dps_session_state from;
                } failed;
        } as;
} az_dps_event;

/* What a status page shows. */
typedef struct {
        az_dps_session_state state;
        az_dps_error last_error; /* that LOST, WAIT or FAILED brought last, without its spans */
        uint32_t n_failures;     /* in this run, or in the last one */
        uint64_t run_end_us;     /* when this run, or the last one, is over; 0: it has not begun yet */
} az_dps_session_status;

/* The longest registration id. */
#define AZ_DPS_SESSION_REGISTRATION_ID_MAX 128

/* Room for id scope, registration id and API version, and a user agent of some 300 bytes. */
#define AZ_DPS_SESSION_USER_NAME_MAX 511

/* Room for a token: an id scope and a registration id of which each byte is percent-encoded, the rest. */
#define AZ_DPS_SESSION_CREDENTIAL_MAX 767

/* Room for what the service names an operation: 59 bytes in practice. */
#define AZ_DPS_SESSION_OPERATION_ID_MAX 255

/* Room for a topic with a request id and an operation id. */
#define AZ_DPS_SESSION_TOPIC_MAX 351

/* Room for a registration id and 512 bytes of a custom payload. */
#define AZ_DPS_SESSION_BODY_MAX 704

/* Room for a host name (DNS has none longer), or a device id (128 bytes, some of them escaped). */
#define AZ_DPS_SESSION_NAME_MAX 255

/* Lives wherever the caller puts it, and stays there; its members are private. */
typedef struct {
        struct {
                az_iot_provisioning_client client;
                az_dps_session_options options;
                az_dps_session_state state;
                uint64_t deadline_us;
                uint64_t random;
                az_dps_event event;
                bool has_event;
                uint64_t expires_unix_s; /* of the last token */
                uint64_t clock_until_us; /* 0: the clock is not waited for */
                uint64_t run_end_us;     /* 0: the first attempt has not begun */
                uint32_t n_failures;
                uint32_t n_requests; /* counted from a number drawn at random */
                az_span request_id;  /* of the last request: that number; empty: it was answered */
                az_dps_error last_error;
                az_span body;
                size_t user_name_len;
                size_t credential_len;
                size_t operation_id_len; /* 0: there is none */
                char registration_id[AZ_DPS_SESSION_REGISTRATION_ID_MAX + 1];
                char user_name[AZ_DPS_SESSION_USER_NAME_MAX + 1];
                char credential[AZ_DPS_SESSION_CREDENTIAL_MAX + 1]; /* the text to sign, later the password */
                char operation_id[AZ_DPS_SESSION_OPERATION_ID_MAX + 1];
                char request_id_room[10];
                char topic[AZ_DPS_SESSION_TOPIC_MAX + 1];
                char hub[AZ_DPS_SESSION_NAME_MAX + 1];
                char device_id[AZ_DPS_SESSION_NAME_MAX + 1];
                uint8_t body_room[AZ_DPS_SESSION_BODY_MAX];
        } _internal;
} az_dps_session;

/* Returns the defaults that the comments of az_dps_session_options name, and no seed. */
AZ_NODISCARD az_dps_session_options az_dps_session_options_default(void);

/*
 * Initializes 's', STOPPED.
 *
 *   host  of the service, "global.azure-devices-provisioning.net"; must outlive 's'
 *   id_scope  must outlive 's'
 *   registration_id  1 to 128 letters, digits, '-', '.', '_' and ':', the last one a letter, a digit or '-';
 *           copied, in lower case, as the service compares it: keys of a group are derived from that, too
 *   options  copied; the user agent must outlive 's', the custom payload need not
 *
 * AZ_ERROR_ARG: host or id scope is empty, the registration id is not as above, or an option is out of range.
 * AZ_ERROR_NOT_ENOUGH_SPACE: id scope or user agent is too long, or the custom payload for the body_buffer.
 * AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_END, AZ_ERROR_JSON_NESTING_OVERFLOW: the custom payload is
 * not JSON.
 */
AZ_NODISCARD az_result az_dps_session_init(az_dps_session *s, az_span host, az_span id_scope,
                                           az_span registration_id, az_dps_session_options const *options);

/* Begins a run (SIGN, or CONNECT with a certificate; LOST while the clock is waited for). */
AZ_NODISCARD az_result az_dps_session_start(az_dps_session *s, az_hub_session_time time);

/* Ends the run from any state (DISCONNECT, in place of an event that waits). */
void az_dps_session_stop(az_dps_session *s);

/*
 * Takes the answer to SIGN (CONNECT).
 *
 *   base64_signature  of 44 bytes, as every HMAC-SHA256 has
 *
 * AZ_ERROR_ARG: it has another size; nothing changed.
 */
AZ_NODISCARD az_result az_dps_session_signed(az_dps_session *s, az_span base64_signature,
                                             az_hub_session_time time);

/* The service accepted CONNECT (SUBSCRIBE). */
AZ_NODISCARD az_result az_dps_session_connected(az_dps_session *s, az_hub_session_time time);

/*
 * The service refused CONNECT (LOST for code 3, "server unavailable", otherwise FAILED: what was refused
 * would be again).
 *
 *   connack_code  not 0
 *
 * AZ_ERROR_ARG: it is 0; nothing changed.
 */
AZ_NODISCARD az_result az_dps_session_refused(az_dps_session *s, uint8_t connack_code,
                                              az_hub_session_time time);

/* The service answered SUBSCRIBE (PUBLISH if it granted the one filter, with whatever QoS, else FAILED). */
AZ_NODISCARD az_result az_dps_session_suback(az_dps_session *s, uint8_t const *codes, size_t n_codes,
                                             az_hub_session_time time);

/*
 * Takes a message of the service (WAIT, ASSIGNED or FAILED).
 *
 *   topic, payload  may be empty; see above for how long they are needed
 *
 * AZ_ERROR_IOT_TOPIC_NO_MATCH: not an answer, one to another request, or one that came before; count and
 * ignore it.
 * AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_END: a topic that the service does not make; the same.
 */
AZ_NODISCARD az_result az_dps_session_message(az_dps_session *s, az_span topic, az_span payload,
                                              az_hub_session_time time);

/*
 * The connection, or the attempt to have one, is lost (LOST, or FAILED if it is PROTOCOL).
 *
 *   loss  SIGNING, NAME, TCP, TLS, TIMEOUT, CLOSED, KEEP_ALIVE or PROTOCOL
 *
 * AZ_ERROR_ARG: another, which the session finds itself; nothing changed.
 */
AZ_NODISCARD az_result az_dps_session_lost(az_dps_session *s, az_dps_loss loss, az_hub_session_time time);

/*
 * The deadline has passed (PUBLISH, or after BACKOFF SIGN or CONNECT; otherwise LOST; FAILED if the run is
 * over). A call before it does nothing.
 */
AZ_NODISCARD az_result az_dps_session_timeout(az_dps_session *s, az_hub_session_time time);

/* The wall clock was set, by however much; in any state. Begins a run that waits for it (SIGN, or CONNECT
 * with a certificate) if the clock is right now; otherwise does nothing. */
AZ_NODISCARD az_result az_dps_session_clock_changed(az_dps_session *s, az_hub_session_time time);

/* Pops the event of the last input; false: there is none. */
AZ_NODISCARD bool az_dps_session_next_event(az_dps_session *s, az_dps_event *out_event);

/* When to call az_dps_session_timeout(), in CLOCK_BOOTTIME microseconds; UINT64_MAX: never, there is no run.
 */
AZ_NODISCARD uint64_t az_dps_session_deadline_us(az_dps_session const *s);

/* Returns the status. */
AZ_NODISCARD az_dps_session_status az_dps_session_get_status(az_dps_session const *s);

/* What moves the machine. */
typedef enum {
        AZ_DPS_ON_START,
        AZ_DPS_ON_STOP,
        AZ_DPS_ON_SIGNED,
        AZ_DPS_ON_CERTIFICATE, /* in place of what leads to SIGN, with a certificate */
        AZ_DPS_ON_CONNECTED,
        AZ_DPS_ON_REFUSED,
        AZ_DPS_ON_SUBACK,
        AZ_DPS_ON_SUBACK_REFUSED,
        AZ_DPS_ON_ASSIGNING, /* an answer: the service is at work */
        AZ_DPS_ON_ASSIGNED,  /* an answer: it is done */
        AZ_DPS_ON_RETRY,     /* an answer: the same request again, later */
        AZ_DPS_ON_RESTART,   /* an answer: register again, later */
        AZ_DPS_ON_LOST,
        AZ_DPS_ON_TIMEOUT,
        /* In place of the others that lead on: the run is over, or would be before the wait is; what went
         * wrong does not pass; or the service said so. */
        AZ_DPS_ON_FAILED,
        AZ_DPS_ON_CLOCK_UNSET, /* in place of what leads to SIGN, while the clock is waited for */
        AZ_DPS_ON_CLOCK_CHANGED,
        _AZ_DPS_ON_MAX
} az_dps_session_trigger;

/* In state 'from', 'on' leads to 'to' and makes 'event'. */
typedef struct {
        az_dps_session_state from;
        az_dps_session_trigger on;
        az_dps_session_state to;
        az_dps_event_type event;
} az_dps_session_transition;

/* Returns the rows of the machine, for documentation and tests. No two have the same 'from' and 'on'. */
AZ_NODISCARD az_dps_session_transition const *az_dps_session_transitions(size_t *out_n);

/* Names for logs and status: lower case, of one word or hyphenated; NULL: no such constant. */
AZ_NODISCARD char const *az_dps_session_state_to_string(az_dps_session_state state);
AZ_NODISCARD char const *az_dps_session_trigger_to_string(az_dps_session_trigger trigger);
AZ_NODISCARD char const *az_dps_event_type_to_string(az_dps_event_type type);
AZ_NODISCARD char const *az_dps_loss_to_string(az_dps_loss loss);

_az_END_DECLS

#endif
