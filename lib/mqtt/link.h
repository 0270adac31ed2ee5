/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * MqttLink: one MQTT 3.1.1 connection after another, over TLS, for a program that has an event loop of its
 * own.
 *
 *      mqtt_link_open()       a worker thread reads files, signs, resolves, connects and does the TLS
 *                             handshake
 *        → MQTT_EVENT_OPENED or MQTT_EVENT_OPEN_FAILED
 *      mqtt_link_connect()    sends CONNECT                  → MQTT_EVENT_CONNACK
 *      mqtt_link_subscribe()  sends SUBSCRIBE packets        → MQTT_EVENT_SUBACK
 *      mqtt_link_publish()    QoS 1                          → MQTT_EVENT_PUBACK
 *      mqtt_link_ack()        answers MQTT_EVENT_MESSAGE with its PUBACK, when the caller says so
 *      mqtt_link_disconnect() sends DISCONNECT, then closes  → MQTT_EVENT_LOST
 *
 * The caller watches one fd (mqtt_link_get_fd()) and one deadline (mqtt_link_deadline_us()); when either is
 * due it calls mqtt_link_dispatch() and then pops events until there are none:
 *
 *      (void) mqtt_link_dispatch(l, boottime_us());
 *      while (mqtt_link_next_event(l, &event))
 *              ...
 *
 * Nothing here blocks, nothing reconnects by itself, nothing is retried: what was not acknowledged when
 * MQTT_EVENT_LOST comes is the caller's to send again. While events wait to be popped nothing more is read
 * from the server. All functions belong to one thread; only MqttSignJob runs in another.
 *
 * Functions return a negative errno (never to be judged by the caller, except as documented), 0, or a
 * documented positive condition. The process ignores SIGPIPE from mqtt_link_new() on (libmosquitto does so
 * anyway): restore it before exec. libmosquitto's inner wake-up socket pair is not close-on-exec: a child
 * must close what it inherits.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <azure/core/az_span.h>
#include <mqtt/report.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct MqttLink MqttLink;

/* 256 KiB of a hub message, 16 KiB for its topic (the property bag) and header: no hub sends more. */
#define MQTT_PACKET_BYTES_DEFAULT (272U * 1024U)
/* QoS 1 messages under way at once. libmosquitto walks lists of this length for each packet: keep it small.
 */
#define MQTT_WINDOW_DEFAULT 64U
#define MQTT_WINDOW_LIMIT   256U
/*
 * Inbound QoS 1 messages not acknowledged yet; with so many the server is not read any more, which ends the
 * connection if it lasts longer than a keep-alive. A hub has at most 50 cloud-to-device messages.
 */
#define MQTT_RECEIVE_DEFAULT 256U
/* Filters in one mqtt_link_subscribe(). A hub allows 5 per device. */
#define MQTT_FILTERS_MAX 16U

typedef struct MqttLinkConfig {
        const char *runtime_dir;   /* of mode 0700 and ours, for the private socket; /proc must be mounted */
        uint32_t max_packet_bytes; /* a larger inbound packet ends the connection; 0: the default */
        unsigned window;           /* 1..256; 0: the default */
        unsigned receive_max;      /* 1..65535; 0: the default */
        /*
         * Whether the caller has something else to do, which then does not wait for more than a few packets:
         * mqtt_link_dispatch() asks often. NULL: it never has.
         */
        bool (*is_wanted)(void *userdata);
        void *userdata;
} MqttLinkConfig;

/*
 * Makes a link that is closed. Neither 'config' nor its string is kept.
 * -EPERM: 'runtime_dir' belongs to another user or lets others in. -EINVAL: a number is out of its range.
 */
int mqtt_link_new(MqttLink **ret, const MqttLinkConfig *config);

/*
 * Closes at once and frees. Waits for a worker in a TCP connect or TLS handshake, which ends in milliseconds;
 * one that reads files, or sits in the resolver or a sign job, is left behind and frees itself. Takes NULL,
 * returns NULL.
 */
MqttLink *mqtt_link_free(MqttLink *l);

/* Returns an epoll fd: watch it for EPOLLIN, level-triggered. It stays the same for the life of the link. */
int mqtt_link_get_fd(const MqttLink *l);

/* Returns when mqtt_link_dispatch() must be called at the latest, in CLOCK_BOOTTIME; UINT64_MAX: no timer. */
uint64_t mqtt_link_deadline_us(const MqttLink *l);

/*
 * Moves bytes in both directions and runs what is due; a bounded amount of work: when more is left the fd
 * stays readable. A broken connection is not an error of this function but MQTT_EVENT_LOST. Negative: this
 * link cannot work any more (epoll or eventfd failed); free it.
 */
int mqtt_link_dispatch(MqttLink *l, uint64_t now_us);

/*
 * Signs 'input' with a key. Runs in the worker thread and may block (a PKCS#11 token, a TPM): what is behind
 * 'userdata' must be this job's alone. Writes the signature as NUL-terminated text.
 * Negative errno: no signature; the attempt fails in MQTT_STAGE_SIGN.
 */
typedef int (*MqttSignFunc)(void *userdata, az_span input, char *ret_signature, size_t size);

/* Fits base64 of an RSA-4096 signature. */
#define MQTT_SIGNATURE_MAX 768U

typedef struct MqttSignJob {
        MqttSignFunc sign;
        void (*destroy)(void *userdata); /* or NULL; called once, in either thread, when the job is over */
        void *userdata;
        az_span input; /* copied */
} MqttSignJob;

/* Spans and strings are copied. Of the limits, each for its own stage, 0 means the default. */
typedef struct MqttEndpoint {
        az_span host; /* a name (sent as SNI) or an IP address; the certificate must be for it */
        uint16_t port;
        const char *websocket_path; /* MQTT over WebSocket, "/$iothub/websocket"; NULL: over TLS directly */
        const char *proxy_host;     /* an HTTP proxy, which resolves 'host' and connects to it; NULL: none */
        uint16_t proxy_port;
        az_span proxy_user, proxy_password; /* for Basic authentication, or empty; our copies are wiped */
        const char *ca_file;          /* PEM; its certificates are trusted besides the system's; or NULL */
        const char *certificate_file; /* PEM, ours, followed by the intermediate ones; NULL: we have none */
        const char *private_key_file; /* PEM, of our certificate; NULL: it is in 'certificate_file' */
        const char *private_key_password_file; /* its first line; NULL: the key is not encrypted */
        /* Use what mqtt_link_proven() was last said of, if ever, whatever the files hold now. */
        bool use_proven;
        uint64_t identity_timeout_us;  /* 10 s */
        uint64_t sign_timeout_us;      /* 30 s */
        uint64_t name_timeout_us;      /* 10 s */
        uint64_t tcp_timeout_us;       /* 15 s, for all addresses of the name together */
        uint64_t proxy_timeout_us;     /* 15 s, for its answer */
        uint64_t tls_timeout_us;       /* 15 s */
        uint64_t websocket_timeout_us; /* 15 s, for the server's answer */
        /* 60 s; for so long the peer's TCP may leave unacknowledged what an open connection has sent */
        uint64_t user_timeout_us;
} MqttEndpoint;

/*
 * Starts an attempt; 'sign' may be NULL. Exactly one MQTT_EVENT_OPENED or MQTT_EVENT_OPEN_FAILED follows,
 * unless mqtt_link_close() comes first. At most two workers are alive: if two abandoned ones still sit in the
 * resolver, the attempt waits for one of them within its first stage's limit. The sign job's userdata is
 * given away by this call, whatever it returns. -EBUSY: an attempt or a connection exists; close it first.
 * -EINVAL: a host is empty or has characters that no host has, a port is 0, 'proxy_user' has a colon, or
 * 'websocket_path' does not begin with a slash or has characters that no path has.
 */
int mqtt_link_open(MqttLink *l, const MqttEndpoint *endpoint, const MqttSignJob *sign, uint64_t now_us);

/*
 * Spans are copied. Our copies of the password are wiped as soon as CONNECT has left; libmosquitto frees its
 * own with the connection.
 */
typedef struct MqttConnect {
        az_span client_id;
        az_span user_name;     /* may be empty: not sent */
        az_span password;      /* may be empty: not sent */
        uint16_t keep_alive_s; /* 5..65535 */
        bool clean_session;
        uint64_t connack_timeout_us; /* 30 s; from this call to the CONNACK; enforced here, by MQTT_EVENT_LOST
                                      */
        uint64_t ping_timeout_us;    /* 15 s; from PINGREQ to the next inbound byte */
        uint64_t puback_timeout_us;  /* 60 s without any PUBACK while QoS 1 messages are under way */
} MqttConnect;

/* Sends CONNECT, after MQTT_EVENT_OPENED. -ENOTCONN: not opened. -EINVAL: a NUL or a number out of its range.
 */
int mqtt_link_connect(MqttLink *l, const MqttConnect *connect, uint64_t now_us);

typedef struct MqttFilter {
        az_span filter;
        uint8_t qos; /* 0 or 1 */
} MqttFilter;

/*
 * Sends one SUBSCRIBE per filter. One MQTT_EVENT_SUBACK follows once all of them are answered; the time limit
 * for that is the caller's. -ENOTCONN: before CONNACK. -EBUSY: the last call is not answered yet.
 */
int mqtt_link_subscribe(MqttLink *l, const MqttFilter *filters, size_t n_filters);

/* Condition of mqtt_link_publish(): try again after the next MQTT_EVENT_PUBACK (QoS 0: after the next
 * dispatch). */
#define MQTT_WINDOW_FULL 1

/*
 * Sends a message. 'topic' and 'payload' are copied. QoS 1: 'token' comes back in MQTT_EVENT_PUBACK. The
 * window is counted from the oldest message without PUBACK, and holds at most 1 MiB (but always one message).
 * 0: under way. MQTT_WINDOW_FULL: nothing was sent. -ENOTCONN: before CONNACK or after the loss.
 * -EINVAL: the topic is empty, not UTF-8, or has a wildcard or NUL; the QoS is neither 0 nor 1.
 */
int mqtt_link_publish(MqttLink *l, az_span topic, az_span payload, uint8_t qos, uint64_t token);

/* Returns how many QoS 1 messages fit into the window now, if they are small; 0 without a connection. */
unsigned mqtt_link_window_free(const MqttLink *l);

/* Names an inbound message of one connection. Of a QoS 0 message: nothing to acknowledge. */
typedef struct MqttAck {
        uint64_t epoch;
        uint64_t sequence;
} MqttAck;

/*
 * Lets the PUBACK of this message go. PUBACKs leave in the order in which the messages came: this one waits
 * for those before it. Of an earlier connection, of QoS 0, a second time: does nothing.
 */
void mqtt_link_ack(MqttLink *l, MqttAck ack);

/*
 * Sends DISCONNECT behind all that is under way, flushes, waits for the server to close, within 2 s; then
 * comes MQTT_EVENT_LOST with MQTT_LOST_ASKED. In between come only the events that are queued already.
 * -ENOTCONN: there is no connection (an attempt is ended by mqtt_link_close()).
 */
int mqtt_link_disconnect(MqttLink *l, uint64_t now_us);

/*
 * What the files of the endpoint held when the present connection was opened is to be kept until this is said
 * of another connection: MqttEndpoint.use_proven comes back to it. Does nothing without a connection.
 */
void mqtt_link_proven(MqttLink *l);

/*
 * Tells that the network may have changed. A server that the connection still reaches is known by its answer
 * to a PINGREQ, which leaves now; without a byte from it within 5 s comes MQTT_EVENT_LOST with
 * MQTT_LOST_PING_TIMEOUT. Of a link that is not connected: does nothing.
 */
void mqtt_link_hint(MqttLink *l, uint64_t now_us);

/* Bytes over the network, those of TLS included. */
typedef struct MqttTraffic {
        uint64_t n_received, n_sent;
} MqttTraffic;

/* Of all connections since the link was made, but not of attempts that led to none. */
void mqtt_link_get_traffic(const MqttLink *l, MqttTraffic *ret);

/* Finds out which address the connection has on this machine. -ENOTCONN: there is none. */
int mqtt_link_get_local(const MqttLink *l, struct sockaddr_storage *ret);

/* Ends the attempt or the connection at once and drops all events not yet popped; no event follows. */
void mqtt_link_close(MqttLink *l);

/* Why a connection is over. */
typedef enum MqttLost {
        MQTT_LOST_ASKED,   /* mqtt_link_disconnect() is done */
        MQTT_LOST_CLOSED,  /* the server closed */
        MQTT_LOST_NETWORK, /* reset, unreachable, TLS failure */
        MQTT_LOST_REFUSED, /* CONNACK said no; MQTT_EVENT_CONNACK came before */
        /* The server refused our certificate, or wants one: with TLS 1.3 that comes after the handshake. */
        MQTT_LOST_CLIENT_CERTIFICATE,
        MQTT_LOST_CONNACK_TIMEOUT, /* no CONNACK */
        MQTT_LOST_PING_TIMEOUT,    /* no byte after PINGREQ */
        MQTT_LOST_PUBACK_TIMEOUT,  /* no PUBACK */
        MQTT_LOST_PROTOCOL,        /* the server sent what MQTT does not allow */
        MQTT_LOST_TOO_LARGE,       /* a packet above max_packet_bytes */
        MQTT_LOST_INTERNAL,        /* out of memory or fds */
        _MQTT_LOST_MAX,
} MqttLost;

/* Gives the name in lower case with hyphens: "ping-timeout". */
const char *mqtt_lost_to_string(MqttLost lost);

typedef enum MqttEventType {
        MQTT_EVENT_OPENED,
        MQTT_EVENT_OPEN_FAILED,
        MQTT_EVENT_CONNACK,
        MQTT_EVENT_SUBACK,
        MQTT_EVENT_PUBACK,
        MQTT_EVENT_MESSAGE,
        MQTT_EVENT_LOST, /* exactly once per connection, as its last event; not after mqtt_link_close() */
        _MQTT_EVENT_MAX,
} MqttEventType;

/* Spans and strings live until the next call of mqtt_link_next_event(). */
typedef struct MqttEvent {
        MqttEventType type;
        union {
                struct {
                        az_span signature; /* empty without a sign job */
                        const MqttReport *report;
                } opened;
                struct {
                        MqttStage stage;
                        int error;        /* negative errno */
                        const char *text; /* for a person: what failed, with which host, and why */
                        const MqttReport *report;
                } open_failed;
                struct {
                        uint8_t code; /* 0: accepted; otherwise MQTT_EVENT_LOST follows */
                        bool session_present;
                } connack;
                struct {
                        const uint8_t *codes; /* one per filter: the granted QoS, or 0x80: refused */
                        size_t n_codes;
                } suback;
                struct {
                        uint64_t token;
                } puback;
                struct {
                        az_span topic;
                        az_span payload;
                        uint8_t qos;
                        bool dup;
                        MqttAck ack;
                } message;
                struct {
                        MqttLost cause;
                        int error; /* negative errno, or 0 */
                        const char *text;
                        /* All that was to be sent has left, a QoS 1 message without PUBACK among it. */
                        bool is_puback_owed;
                } lost;
        };
} MqttEvent;

/* Pops the next event; false: none is left. */
bool mqtt_link_next_event(MqttLink *l, MqttEvent *ret);

#ifdef __cplusplus
}
#endif
