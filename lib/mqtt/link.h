/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * MqttLink: one MQTT 3.1.1 or MQTT 5 connection after another, over TLS or plain TCP, for a program that has
 * an event loop of its own.
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
 * and with MQTT 5 also
 *
 *      mqtt_link_publish_message()  with properties, or once more what was sent before a reconnect
 *      mqtt_link_unsubscribe()                               → MQTT_EVENT_UNSUBACK
 *      mqtt_link_reauthenticate()   sends AUTH               → MQTT_EVENT_AUTH
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

#include <azure/core/az_mqtt_message.h>
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
/* Filters in one mqtt_link_subscribe() or mqtt_link_unsubscribe(). A hub allows 5 per device. */
#define MQTT_FILTERS_MAX 16U
/*
 * Properties of a message, in either direction: so many user properties, and so many bytes for all properties
 * as they are on the wire. libmosquitto handles each in memory of its own and compares each with each.
 */
#define MQTT_USER_PROPERTIES_MAX  256U
#define MQTT_PROPERTIES_BYTES_MAX (8U * 1024U)
/* Of an inbound message of MQTT 5. */
#define MQTT_TOPIC_BYTES_MAX (4U * 1024U)
/* What a file with a secret may hold: MQTT sends no more as authentication data or password. */
#define MQTT_SECRET_MAX 65535U

typedef struct MqttLinkConfig {
        const char *runtime_dir; /* of mode 0700 and ours, for the private socket; /proc must be mounted */
        /* A larger inbound packet ends the connection (a message of MQTT 5: MQTT_EVENT_REFUSED); 0: default
         */
        uint32_t max_packet_bytes;
        unsigned window;      /* 1..256; 0: the default */
        unsigned receive_max; /* 1..65535; 0: the default */
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
        /*
         * MQTT over TCP as it is, for a broker in one's own cluster; everybody on the way can read and write
         * along. No certificate is read or asked for. Not together with 'websocket_path'.
         */
        bool no_tls;
        /* PEM; its certificates are trusted besides the system's. Of a directory all files count, but for
         * those that begin with a dot, as in a volume of Kubernetes. NULL: there is none. */
        const char *ca_file;
        bool ca_only;                 /* trust nothing but 'ca_file' */
        const char *certificate_file; /* PEM, ours, followed by the intermediate ones; NULL: we have none */
        const char *private_key_file; /* PEM, of our certificate; NULL: it is in 'certificate_file' */
        const char *private_key_password_file; /* its first line; NULL: the key is not encrypted */
        /*
         * Read anew for each attempt; its bytes, as they are, come with MQTT_EVENT_OPENED, for CONNECT: a
         * token (K8S-SAT), a password. At least 1 and at most MQTT_SECRET_MAX bytes. NULL: none.
         */
        const char *secret_file;
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
 * -EINVAL: a host is empty or has characters that no host has, a port is 0, 'proxy_user' has a colon,
 * 'websocket_path' does not begin with a slash or has characters that no path has, or comes with 'no_tls', or
 * 'ca_only' comes without 'ca_file'.
 */
int mqtt_link_open(MqttLink *l, const MqttEndpoint *endpoint, const MqttSignJob *sign, uint64_t now_us);

/* MqttConnect.version. */
#define MQTT_VERSION_3_1_1 4U
#define MQTT_VERSION_5     5U

/* MQTT 5: a session that never ends by itself. */
#define MQTT_SESSION_EXPIRY_NEVER UINT32_MAX

/* What the server publishes if we are gone without DISCONNECT (MQTT 5.0, 3.1.2.5). */
typedef struct MqttWill {
        const az_mqtt_message *message;
        uint32_t delay_s; /* so much later, unless we are back by then */
} MqttWill;

/*
 * Spans are copied. Our copies of the password are wiped as soon as CONNECT has left; libmosquitto frees its
 * own, and those of the authentication data, with the connection.
 */
typedef struct MqttConnect {
        az_span client_id;     /* MQTT 5 with a clean session: may be empty, then the server chooses */
        az_span user_name;     /* may be empty: not sent */
        az_span password;      /* may be empty: not sent */
        uint16_t keep_alive_s; /* 5..65535; MQTT 5: the server's own, if it tells one, counts instead */
        bool clean_session;    /* MQTT 5: Clean Start */
        uint8_t version;       /* 0: 3.1.1 */
        /* All of MQTT 5. What its CONNECT says as Receive Maximum is MqttLinkConfig.receive_max. */
        uint32_t session_expiry_s;     /* 0: the session ends with the connection */
        az_span authentication_method; /* "K8S-SAT"; or empty: none */
        az_span authentication_data;   /* at most MQTT_SECRET_MAX bytes */
        const az_mqtt_user_property *user_properties;
        int32_t n_user_properties;
        const MqttWill *will; /* NULL: none */

        uint64_t connack_timeout_us; /* 30 s; from this call to the CONNACK; enforced here, by MQTT_EVENT_LOST
                                      */
        uint64_t ping_timeout_us;    /* 15 s; from PINGREQ to the next inbound byte */
        uint64_t puback_timeout_us;  /* 60 s without any PUBACK while QoS 1 messages are under way */
} MqttConnect;

/*
 * Sends CONNECT, after MQTT_EVENT_OPENED. -ENOTCONN: not opened. -EINVAL: a NUL, a number out of its range,
 * text that is not UTF-8 or has control characters, or something of MQTT 5 with another version. -EMSGSIZE:
 * more properties than MQTT_USER_PROPERTIES_MAX or MQTT_PROPERTIES_BYTES_MAX, or a secret above
 * MQTT_SECRET_MAX.
 */
int mqtt_link_connect(MqttLink *l, const MqttConnect *connect, uint64_t now_us);

/* Which retained messages come with a subscription (MQTT 5.0, 3.8.3.1). */
typedef enum MqttRetainHandling {
        MQTT_RETAIN_SEND,
        MQTT_RETAIN_SEND_IF_NEW, /* if there was no subscription with this filter */
        MQTT_RETAIN_NEVER,
        _MQTT_RETAIN_MAX,
} MqttRetainHandling;

typedef struct MqttFilter {
        az_span filter;
        uint8_t qos; /* 0 or 1 */
        /* MQTT 5. */
        bool no_local; /* not what we publish ourselves; never with a shared subscription */
        bool retain_as_published;
        MqttRetainHandling retain_handling;
} MqttFilter;

/*
 * Sends one SUBSCRIBE per filter. One MQTT_EVENT_SUBACK follows once all of them are answered; the time limit
 * for that is the caller's. -ENOTCONN: before CONNACK. -EBUSY: the last call is not answered yet. -EINVAL: a
 * filter that MQTT does not allow, or something of MQTT 5 with another version.
 */
int mqtt_link_subscribe(MqttLink *l, const MqttFilter *filters, size_t n_filters);

/*
 * Sends one UNSUBSCRIBE for all filters, MQTT_EVENT_UNSUBACK follows. Errors as above; -EOPNOTSUPP: the
 * connection is not MQTT 5.
 */
int mqtt_link_unsubscribe(MqttLink *l, const az_span *filters, size_t n_filters);

/* Condition of mqtt_link_publish(): try again after the next MQTT_EVENT_PUBACK (QoS 0: after the next
 * dispatch). */
#define MQTT_WINDOW_FULL 1

/*
 * Sends a message. 'topic' and 'payload' are copied. QoS 1: 'token' comes back in MQTT_EVENT_PUBACK. The
 * window is counted from the oldest message without PUBACK, and holds at most 1 MiB (but always one message);
 * with MQTT 5 also no more messages than the server's Receive Maximum.
 * 0: under way. MQTT_WINDOW_FULL: nothing was sent. -ENOTCONN: before CONNACK or after the loss.
 * -EINVAL: the topic is empty, not UTF-8, or has a wildcard or NUL; the QoS is neither 0 nor 1.
 * -EMSGSIZE: with MQTT 5, larger than the server takes. -EOPNOTSUPP: with MQTT 5, above its Maximum QoS.
 */
int mqtt_link_publish(MqttLink *l, az_span topic, az_span payload, uint8_t qos, uint64_t token);

/*
 * The same with all that a message of MQTT 5 has; message->dup does not matter.
 *
 *   is_resend  it was sent on an earlier connection of this session, and no PUBACK came: it carries DUP now,
 *              and MQTT wants those messages again first, in their order (MQTT 5.0, 4.4)
 *   packet_id  of QoS 1; in: 0, or of what is sent again, the packet id it had (MQTT-4.4.0-1; an id that is
 *              not known any more is 0); out, on success: the packet id it has. New ones go round through all
 *              connections of the link. NULL: the caller never sends again
 *
 * An empty content type or response topic is left out: libmosquitto cannot send it. With a server that has no
 * retained messages 'retain' is left out.
 * As above, and -EINVAL: text that is not UTF-8 or has control characters, over which a server may break the
 * connection (MQTT 5.0, 1.5.4); the payload format is neither 0 nor 1; or 'packet_id' is under way.
 * -EMSGSIZE: also above MQTT_USER_PROPERTIES_MAX, MQTT_PROPERTIES_BYTES_MAX. -EOPNOTSUPP: also properties,
 * 'is_resend' or 'packet_id' when the connection is not MQTT 5.
 */
int mqtt_link_publish_message(MqttLink *l, const az_mqtt_message *message, bool is_resend,
                              uint16_t *packet_id, uint64_t token);

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
 * The same with a reason code of MQTT 5, 0x80 and above: "not processed, do not send it again". To MQTT 3.1.1
 * it says nothing.
 */
void mqtt_link_ack_with_reason(MqttLink *l, MqttAck ack, uint8_t reason_code);

/* The reason codes of AUTH (MQTT 5.0, 3.15.2.1). */
#define MQTT_AUTH_SUCCESS        0x00U
#define MQTT_AUTH_CONTINUE       0x18U
#define MQTT_AUTH_REAUTHENTICATE 0x19U

/*
 * Sends AUTH with a new secret on the connection that is there. MQTT_EVENT_AUTH says that the server took it
 * (MQTT_AUTH_SUCCESS) or wants more (MQTT_AUTH_CONTINUE); a server that does not take it ends the connection:
 * MQTT_LOST_DISCONNECT, MQTT_LOST_SECOND_CONNACK, or it just closes. 'method' is that of CONNECT. Spans are
 * copied, and the copies wiped once they have left. The time limit is the caller's.
 * -ENOTCONN: before CONNACK. -EBUSY: an AUTH is still leaving. -EOPNOTSUPP: the connection is not MQTT 5 or
 * CONNECT had no method. -EINVAL: 'method' is empty or not UTF-8. -EMSGSIZE: above MQTT_SECRET_MAX, or larger
 * than the server takes.
 */
int mqtt_link_reauthenticate(MqttLink *l, az_span method, az_span data);

/* Answers MQTT_AUTH_CONTINUE, which may also come before CONNACK; otherwise as above. */
int mqtt_link_continue_authentication(MqttLink *l, az_span method, az_span data);

/* What MQTT 5's DISCONNECT says. */
typedef struct MqttDisconnect {
        uint8_t reason_code; /* 0x00 normal, 0x04: publish the will… */
        bool has_session_expiry;
        uint32_t session_expiry_s; /* replaces that of CONNECT; 0: the session ends now */
} MqttDisconnect;

/*
 * Sends DISCONNECT behind all that is under way, flushes, waits for the server to close, within 2 s; then
 * comes MQTT_EVENT_LOST with MQTT_LOST_ASKED. In between come only the events that are queued already.
 * 'disconnect' NULL: normal, and all there is in MQTT 3.1.1.
 * -ENOTCONN: there is no connection (an attempt is ended by mqtt_link_close()).
 */
int mqtt_link_disconnect(MqttLink *l, const MqttDisconnect *disconnect, uint64_t now_us);

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
        MQTT_LOST_DISCONNECT,      /* MQTT 5: the server said DISCONNECT, and why */
        MQTT_LOST_SECOND_CONNACK,  /* MQTT 5: mosquitto's word for a re-authentication that failed */
        MQTT_LOST_INTERNAL,        /* out of memory or fds */
        _MQTT_LOST_MAX,
} MqttLost;

/* Gives the name in lower case with hyphens: "ping-timeout". */
const char *mqtt_lost_to_string(MqttLost lost);

/* Gives the name of a reason code as in MQTT 5.0, 2.4: "Session taken over"; "unknown". */
const char *mqtt_reason_to_string(uint8_t reason_code);

typedef enum MqttEventType {
        MQTT_EVENT_OPENED,
        MQTT_EVENT_OPEN_FAILED,
        MQTT_EVENT_CONNACK,
        MQTT_EVENT_SUBACK,
        MQTT_EVENT_UNSUBACK,
        MQTT_EVENT_PUBACK,
        MQTT_EVENT_MESSAGE,
        MQTT_EVENT_REFUSED,
        MQTT_EVENT_AUTH,
        MQTT_EVENT_LOST, /* exactly once per connection, as its last event; not after mqtt_link_close() */
        _MQTT_EVENT_MAX,
} MqttEventType;

/* What an MQTT 5 server says of itself in CONNACK, or what MQTT 5 means if it says nothing. */
typedef struct MqttServer {
        uint16_t receive_max;      /* 65535 */
        uint16_t keep_alive_s;     /* that of CONNECT; so it is if the server says 0 */
        uint32_t max_packet_bytes; /* 0: no limit */
        uint8_t max_qos;           /* 2 */
        bool has_no_retain;
        bool has_session_expiry; /* the server's own counts, not that of CONNECT */
        uint32_t session_expiry_s;
        az_span assigned_client_id;  /* empty: that of CONNECT */
        az_span reason_string;       /* or empty */
        az_span authentication_data; /* or empty */
} MqttServer;

/* Spans and strings live until the next call of mqtt_link_next_event(). */
typedef struct MqttEvent {
        MqttEventType type;
        union {
                struct {
                        az_span signature; /* empty without a sign job */
                        az_span secret;    /* empty without a secret file; wiped when it dies */
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
                        MqttServer server; /* of MQTT 5 */
                } connack;
                struct {
                        const uint8_t *codes; /* one per filter: the granted QoS, or ≥ 0x80: refused */
                        size_t n_codes;
                } suback;
                struct {
                        const uint8_t
                                *codes; /* one per filter: 0x00, 0x11: there was none, ≥ 0x80: refused */
                        size_t n_codes;
                } unsuback;
                struct {
                        uint64_t token;
                        /* Of MQTT 5. ≥ 0x80: refused. 0x10: nobody has subscribed. */
                        uint8_t reason_code;
                        az_span reason_string; /* or empty */
                } puback;
                struct {
                        az_mqtt_message publish;
                        MqttAck ack;
                } message;
                /*
                 * MQTT 5: a message that libmosquitto cannot handle was dropped, and one of QoS 1 is answered
                 * with this reason code when its turn comes: if it ended the connection, it would come again
                 * for ever. "Quota exceeded" (0x97): it is larger than max_packet_bytes, or above
                 * MQTT_TOPIC_BYTES_MAX or MQTT_PROPERTIES_BYTES_MAX. "Topic Name invalid" (0x90): the topic
                 * has control characters. (Those in the text of properties arrive as spaces.)
                 */
                struct {
                        uint8_t reason_code;
                        uint32_t n_bytes;
                } refused;
                struct {
                        uint8_t reason_code; /* MQTT_AUTH_… */
                        az_span method;
                        az_span data;
                        az_span reason_string; /* all three may be empty */
                } auth;
                struct {
                        MqttLost cause;
                        int error; /* negative errno, or 0 */
                        const char *text;
                        /* All that was to be sent has left, a QoS 1 message without PUBACK among it. */
                        bool is_puback_owed;
                        /*
                         * Of MQTT_LOST_DISCONNECT, MQTT_LOST_SECOND_CONNACK and, with MQTT 5,
                         * MQTT_LOST_REFUSED: the server's. Otherwise 0 and "".
                         */
                        uint8_t reason_code;
                        const char *reason_string; /* may be cut; what is not printable is '?' */
                } lost;
        };
} MqttEvent;

/* Pops the next event; false: none is left. */
bool mqtt_link_next_event(MqttLink *l, MqttEvent *ret);

#ifdef __cplusplus
}
#endif
