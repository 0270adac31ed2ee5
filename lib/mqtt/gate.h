/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The frame gate between libmosquitto ("local") and the stream ("network"). It knows fixed headers and
 * lengths, little more of MQTT, and does no I/O:
 *
 *      network → mqtt_gate_network_space/_fed()  … mqtt_gate_local_pending/_sent()   → local
 *      local   → mqtt_gate_local_space/_fed()    … mqtt_gate_network_pending/_sent() → network
 *
 * What it adds: a limit on inbound packets; PUBACKs that wait until they are released, and leave in order;
 * PINGREQ and the watch over its answer; the watch over PUBACKs for what we publish. Small packets gather in
 * one buffer, so that they leave in one TLS record.
 *
 * Of MQTT 5 it does what libmosquitto cannot: it writes other packet ids and DUP into what leaves, sends AUTH
 * and takes it out of what comes, tells of UNSUBACK's codes and of DISCONNECT, and drops messages that are
 * too large. What it tells, it tells in order: behind the events of all that came before.
 *
 * Bounded: 16 KiB inbound, 17 KiB and an AUTH outbound, bodies stream through. "No space" means: stop reading
 * that side.
 */

#include <mqtt/event.h>
#include <mqtt/fault.h>
#include <mqtt/flow.h>
#include <mqtt/ids.h>

typedef struct MqttGateConfig {
        uint32_t max_packet_bytes; /* inbound, with its header */
        unsigned receive_max; /* inbound QoS 1 messages not released; then the network side is not read */
        uint64_t keep_alive_us;
        uint64_t ping_timeout_us;
        uint64_t puback_timeout_us;
        bool is_v5;
        bool has_authentication; /* CONNECT has an authentication method */
        MqttEventList *events;   /* of MQTT 5 */
} MqttGateConfig;

/* An inbound QoS 1 message whose PUBACK has not left. */
typedef struct MqttHeld {
        uint16_t packet_id; /* 0: its PUBACK has not come from libmosquitto yet */
        uint8_t reason_code;
        bool is_dup;
        bool is_released;
        bool is_refused; /* libmosquitto does not see it */
} MqttHeld;

/* An inbound packet that is being dropped. */
typedef struct MqttDropping {
        uint32_t n_before_id, n_after_id; /* bytes still to be cut */
        bool has_id;                      /* and the packet id of the newest in the ring between them */
} MqttDropping;

typedef enum MqttPing {
        MQTT_PING_OFF, /* no CONNACK yet */
        MQTT_PING_IDLE,
        MQTT_PING_WANTED, /* PINGREQ waits for a packet boundary or for the network */
        MQTT_PING_SENT,
} MqttPing;

typedef struct MqttGate {
        MqttGateConfig config;
        MqttFlow in, out;
        bool is_publish_out;    /* the packet in 'out' is a QoS 1 PUBLISH */
        bool is_secret_out;     /* CONNECT or AUTH, with a secret, is in the buffer: to be wiped */
        bool is_disconnect_out; /* DISCONNECT has passed */

        MqttIds ids;         /* of MQTT 5 */
        bool is_id_out;      /* the packet id is next, behind the present body */
        uint32_t n_after_id; /* of the packet, behind it */
        uint8_t *auth;       /* an AUTH that waits for a packet boundary and for room, or NULL */
        size_t n_auth;
        MqttDropping dropping;

        MqttHeld *held;          /* ring of receive_max, by sequence */
        uint64_t held_first;     /* the oldest whose PUBACK has not left */
        uint64_t held_next_id;   /* the next to get its packet id from libmosquitto's PUBACK */
        uint64_t held_next_told; /* the next that libmosquitto will tell of */
        uint64_t held_end;       /* the next inbound QoS 1 message */

        MqttPing ping;
        bool is_ping_queued;
        uint64_t ping_timeout_us; /* of this ping */
        uint64_t ping_end;        /* PINGREQ has left when out.n_passed is here */
        uint64_t ping_due_us;     /* UINT64_MAX: no timer */

        uint64_t n_unacked;     /* QoS 1 messages sent without PUBACK */
        uint64_t n_owed;        /* those of them that had left when all had */
        uint64_t puback_us;     /* since when a PUBACK is awaited */
        uint64_t puback_due_us; /* UINT64_MAX: no timer */
} MqttGate;

#define MQTT_GATE_NULL ((MqttGate){})

/* -ENOMEM. */
int mqtt_gate_init(MqttGate *g, const MqttGateConfig *config, uint64_t now_us);
void mqtt_gate_done(MqttGate *g);

/* Gives room to read from the network into; 0 bytes: do not read now. */
size_t mqtt_gate_network_space(MqttGate *g, uint8_t **ret);

/* True if mqtt_gate_network_space() has none. */
bool mqtt_gate_is_full(const MqttGate *g);

/*
 * Takes 'n' bytes that were read. -EPROTO, -EMSGSIZE: the server broke the rules, 'fault' says how;
 * -ECONNRESET: it said DISCONNECT. That is said when all that came before was taken by
 * mqtt_gate_local_sent(), by mqtt_gate_resume() if need be.
 */
int mqtt_gate_network_fed(MqttGate *g, size_t n, uint64_t now_us, MqttFault *fault);

/* Goes on where enough packets were ready, too many messages held, or a fault not said yet. As above. */
int mqtt_gate_resume(MqttGate *g, MqttFault *fault);

/* Gives the bytes to write to libmosquitto, a few packets at a time; then tell how many were taken. */
size_t mqtt_gate_local_pending(const MqttGate *g, const uint8_t **ret);
void mqtt_gate_local_sent(MqttGate *g, size_t n);

/* The same for the way out. -EPROTO: libmosquitto sent what is no MQTT. */
size_t mqtt_gate_local_space(MqttGate *g, uint8_t **ret);
int mqtt_gate_local_fed(MqttGate *g, size_t n, uint64_t now_us, MqttFault *fault);
size_t mqtt_gate_network_pending(const MqttGate *g, const uint8_t **ret);
void mqtt_gate_network_sent(MqttGate *g, size_t n, uint64_t now_us);

/* True if the last inbound packet is not complete. */
bool mqtt_gate_is_mid_packet(const MqttGate *g);

/* True if a message has left for which the server owes a PUBACK. */
bool mqtt_gate_is_puback_owed(const MqttGate *g);

/* Gives the sequence (they count from 0) and the DUP flag of the QoS 1 message that libmosquitto tells of. */
uint64_t mqtt_gate_tell(MqttGate *g, bool *ret_is_dup);

/*
 * Lets the PUBACK of message 'sequence' go, after those before it; with a reason code, if it is not 0 and we
 * speak MQTT 5. Unknown or released before: does nothing.
 */
void mqtt_gate_release(MqttGate *g, uint64_t sequence, uint8_t reason_code);

/* Sends AUTH at the next packet boundary. -EBUSY: one is waiting. -ENOMEM. */
int mqtt_gate_send_auth(MqttGate *g, uint8_t reason_code, az_span method, az_span data);

/* Wants an answer to a PINGREQ within 'timeout_us' from now. Before CONNACK: does nothing. */
void mqtt_gate_ping(MqttGate *g, uint64_t timeout_us, uint64_t now_us);

/* The server wants to hear from us in this time, instead of config.keep_alive_us. */
void mqtt_gate_set_keep_alive(MqttGate *g, uint64_t keep_alive_us);

/* When to call mqtt_gate_run_due(); it may then find that traffic has put the matter off. UINT64_MAX: never.
 */
uint64_t mqtt_gate_deadline_us(const MqttGate *g);

/* Queues a PINGREQ if it is time. -ETIMEDOUT: the server is silent, 'fault' says since what. */
int mqtt_gate_run_due(MqttGate *g, uint64_t now_us, MqttFault *fault);
