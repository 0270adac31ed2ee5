/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A scripted MQTT 5 server for tests: real packets over TCP on 127.0.0.1, for one client, in the thread of
 * the test, which watches its fd beside that of the client and calls peer_dispatch(). It never blocks and
 * reads no clock.
 *
 * Left alone it is a server that works: it accepts CONNECT, says whether it has the session, acknowledges
 * each PUBLISH, SUBSCRIBE and UNSUBSCRIBE, answers PINGREQ and AUTH, closes after DISCONNECT. What the client
 * is to receive, the test sends; nothing is passed on by itself. A test takes away from that: peer_script()
 * says what becomes of the next packets of a type, peer_ignore() that nothing does.
 *
 * It is strict: a client that sends what MQTT 5.0 does not allow (a malformed packet, a packet identifier
 * that is in use, a PUBACK nobody waits for or out of order, more than the Receive Maximum) ends the program
 * with a line that says what it was.
 *
 *      Peer *p = peer_new();
 *
 *      peer_script(p, PEER_PUBLISH, (PeerAnswer) { .action = PEER_DROP });
 *      ... connect the client to 127.0.0.1, port peer_get_port(p), and let it publish ...
 *      ck_assert_uint_eq(peer_count(p, PEER_PUBLISH), 1);
 *      peer_close(p);
 */

#include <azure/core/az_mqtt_message.h>

#include "util/util.h"

/* As in the first byte of a packet (MQTT 5.0, 2.1.2). */
typedef enum PeerPacketType {
        PEER_CONNECT = 1,
        PEER_CONNACK = 2,
        PEER_PUBLISH = 3,
        PEER_PUBACK = 4,
        PEER_SUBSCRIBE = 8,
        PEER_SUBACK = 9,
        PEER_UNSUBSCRIBE = 10,
        PEER_UNSUBACK = 11,
        PEER_PINGREQ = 12,
        PEER_PINGRESP = 13,
        PEER_DISCONNECT = 14,
        PEER_AUTH = 15,
        _PEER_PACKET_TYPE_MAX = 16,
} PeerPacketType;

/* The identifiers of MQTT 5.0, 2.2.2.2. */
typedef enum PeerPropertyId {
        PEER_PAYLOAD_FORMAT = 1,
        PEER_MESSAGE_EXPIRY = 2,
        PEER_CONTENT_TYPE = 3,
        PEER_RESPONSE_TOPIC = 8,
        PEER_CORRELATION_DATA = 9,
        PEER_SUBSCRIPTION_ID = 11,
        PEER_SESSION_EXPIRY = 17,
        PEER_ASSIGNED_CLIENT_ID = 18,
        PEER_SERVER_KEEP_ALIVE = 19,
        PEER_AUTHENTICATION_METHOD = 21,
        PEER_AUTHENTICATION_DATA = 22,
        PEER_REQUEST_PROBLEM_INFORMATION = 23,
        PEER_WILL_DELAY = 24,
        PEER_REQUEST_RESPONSE_INFORMATION = 25,
        PEER_RESPONSE_INFORMATION = 26,
        PEER_SERVER_REFERENCE = 28,
        PEER_REASON_STRING = 31,
        PEER_RECEIVE_MAXIMUM = 33,
        PEER_TOPIC_ALIAS_MAXIMUM = 34,
        PEER_TOPIC_ALIAS = 35,
        PEER_MAXIMUM_QOS = 36,
        PEER_RETAIN_AVAILABLE = 37,
        PEER_USER_PROPERTY = 38,
        PEER_MAXIMUM_PACKET_SIZE = 39,
        PEER_WILDCARD_AVAILABLE = 40,
        PEER_SUBSCRIPTION_ID_AVAILABLE = 41,
        PEER_SHARED_AVAILABLE = 42,
} PeerPropertyId;

typedef struct PeerProperty {
        PeerPropertyId id;
        uint32_t number; /* of those that are one */
        az_span value;   /* text, bytes, or the value of a User Property */
        az_span key;     /* of a User Property */
} PeerProperty;

typedef struct PeerFilter {
        az_span filter;
        uint8_t options; /* the byte of MQTT 5.0, 3.8.3.1; 0 in an UNSUBSCRIBE */
} PeerFilter;

/* A packet that the client sent. All spans lie in it. */
typedef struct PeerPacket {
        PeerPacketType type;
        unsigned connection; /* over which it came: 1 is the first */
        uint8_t flags;       /* of its first byte */
        uint16_t id;
        uint8_t reason;          /* PUBACK, DISCONNECT, AUTH: its reason code */
        az_mqtt_message message; /* PUBLISH: it; CONNECT: the Last Will, without a topic if there is none */

        /* CONNECT */
        bool clean_start;
        uint16_t keep_alive_s;
        az_span client_id;
        az_span user_name, password; /* without a pointer: not there */

        PeerFilter *filters; /* SUBSCRIBE, UNSUBSCRIBE */
        size_t n_filters;
        PeerProperty *properties; /* in their order */
        size_t n_properties;
        PeerProperty *will_properties;
        size_t n_will_properties;

        uint8_t *bytes; /* behind the fixed header, as they came */
        size_t n_bytes;
} PeerPacket;

/* Finds the first property with this id; NULL: there is none. */
const PeerProperty *peer_packet_find(const PeerPacket *packet, PeerPropertyId id);

/* Gives the value of a User Property with this key; without a pointer: there is none. */
az_span peer_message_find(const az_mqtt_message *m, const char *key);

typedef enum PeerAction {
        PEER_ANSWER, /* as a server does, with this reason code */
        PEER_DROP,   /* nothing */
        PEER_CLOSE,  /* the connection is closed instead */
} PeerAction;

typedef enum PeerSession {
        PEER_SESSION_AS_KEPT, /* present if there is one and the client wants no clean start */
        PEER_SESSION_ABSENT,
        PEER_SESSION_PRESENT,
} PeerSession;

/* What becomes of a packet. {0} is success. */
typedef struct PeerAnswer {
        PeerAction action;
        uint8_t reason;                 /* of each filter, if there are several */
        PeerSession session;            /* CONNECT */
        const PeerProperty *properties; /* of the answer; they live until it is sent */
        size_t n_properties;
} PeerAnswer;

typedef struct Peer Peer;

/* Makes a server that listens. What fails here ends the program. */
Peer *peer_new(void);
Peer *peer_free(Peer *p);
DEFINE_CLEANUP(Peer *, peer_free)

/* Returns the port at which it listens. */
uint16_t peer_get_port(const Peer *p);

/* Watch it for reading; it becomes readable whenever peer_dispatch() has something to do. */
int peer_get_fd(const Peer *p);

/* Accepts, reads, answers and writes as far as that goes without waiting. */
void peer_dispatch(Peer *p);

/* Has the client a connection whose CONNECT was answered with success? */
bool peer_is_connected(const Peer *p);

/* How many connections have been accepted, by TCP alone. */
unsigned peer_n_connections(const Peer *p);

/* What came, since the beginning and over all connections: how much of a type, and the i-th of it or NULL. It
 * lives as long as the peer. */
size_t peer_count(const Peer *p, PeerPacketType type);
const PeerPacket *peer_get(const Peer *p, PeerPacketType type, size_t i);

/* Says what becomes of the next packet of this type for which nothing is said yet. */
void peer_script(Peer *p, PeerPacketType type, PeerAnswer answer);

/* Answers no packet of this type any more, or again; what is scripted comes first. For peer_answer(). */
void peer_ignore(Peer *p, PeerPacketType type, bool is_ignored);

/* Says which properties each CONNACK has from now on for which no other is scripted. They live as long as the
 * peer. PEER_RECEIVE_MAXIMUM among them is held against the client. */
void peer_set_connack(Peer *p, const PeerProperty *properties, size_t n);

/* Answers a packet of the present connection by hand: PUBACK to PUBLISH, and so on. */
void peer_answer(Peer *p, const PeerPacket *packet, PeerAnswer answer);

/*
 * Sends a PUBLISH. With QoS 1 'id' is its packet identifier, 0: the next one; returns it. 'm->dup' is sent as
 * it stands, and properties behind those of 'm' if there are any.
 */
uint16_t peer_publish(Peer *p, const az_mqtt_message *m, uint16_t id);
uint16_t peer_publish_with(Peer *p, const az_mqtt_message *m, uint16_t id, const PeerProperty *properties,
                           size_t n);

/* Sends AUTH or DISCONNECT. The connection stays. */
void peer_send(Peer *p, PeerPacketType type, uint8_t reason, const PeerProperty *properties, size_t n);

/* Sends bytes, whatever they are. */
void peer_send_bytes(Peer *p, const void *bytes, size_t n);

/* Closes the connection, in order or by a reset. The session stays. */
void peer_close(Peer *p);
void peer_reset(Peer *p);

/* Forgets the session, as a server does that lost its state. */
void peer_forget_session(Peer *p);

/* Reads nothing more from the client, or again. */
void peer_stop_reading(Peer *p, bool is_stopped);

/* Refuses connections, or no more: the port stays the same. */
void peer_refuse(Peer *p, bool is_refused);
