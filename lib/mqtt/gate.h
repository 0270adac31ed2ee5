/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The frame gate between libmosquitto ("local") and the TLS stream ("network"). It knows fixed headers and
 * lengths, no more of MQTT, and does no I/O:
 *
 *      network → mqtt_gate_network_space/_fed()  … mqtt_gate_local_pending/_sent()   → local
 *      local   → mqtt_gate_local_space/_fed()    … mqtt_gate_network_pending/_sent() → network
 *
 * What it adds: a limit on inbound packets; PUBACKs that wait until they are released, and leave in order;
 * PINGREQ and the watch over its answer; the watch over PUBACKs for what we publish. Small packets gather in
 * one buffer, so that they leave in one TLS record.
 *
 * Bounded: 16 KiB inbound, 17 KiB outbound, bodies stream through. "No space" means: stop reading that side.
 */

#include <mqtt/fault.h>

typedef struct MqttGateConfig {
        uint32_t max_packet_bytes; /* inbound, with its header */
        unsigned receive_max; /* inbound QoS 1 messages not released; then the network side is not read */
        uint64_t keep_alive_us;
        uint64_t ping_timeout_us;
        uint64_t puback_timeout_us;
} MqttGateConfig;

/* One direction: bytes[begin..ready) may go on, [ready..end) is the begin of a packet not understood yet. */
typedef struct MqttFlow {
        uint8_t *bytes;
        size_t size;
        size_t begin, ready, end;
        uint32_t n_body;   /* bytes of the packet at 'ready' that are still to come */
        unsigned n_ready;  /* packets that have begun in front of 'ready'; few, of the inbound ones */
        uint64_t n_passed; /* bytes that have ever left */
        uint64_t moved_us; /* when bytes last came (inbound) or left (outbound) on the network side */
} MqttFlow;

/* An inbound QoS 1 message whose PUBACK has not left. */
typedef struct MqttHeld {
        uint16_t packet_id; /* 0: its PUBACK has not come from libmosquitto yet */
        bool is_dup;
        bool is_released;
} MqttHeld;

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
        bool is_connect_out;    /* CONNECT, with the password, is in the buffer: to be wiped */
        bool is_disconnect_out; /* DISCONNECT has passed */

        MqttHeld *held;        /* ring of receive_max, by sequence */
        uint64_t held_first;   /* the oldest whose PUBACK has not left */
        uint64_t held_next_id; /* the next to get its packet id from libmosquitto's PUBACK */
        uint64_t held_end;     /* the next inbound QoS 1 message */

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
 * Takes 'n' bytes that were read. -EPROTO, -EMSGSIZE: the server broke the rules, 'fault' says how; it is
 * said when all that came before was taken by mqtt_gate_local_sent(), by mqtt_gate_resume() if need be.
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

/* The DUP flag of the inbound QoS 1 message 'sequence' (they count from 0), which must not be released yet.
 */
bool mqtt_gate_is_dup(const MqttGate *g, uint64_t sequence);

/* Lets the PUBACK of message 'sequence' go, after those before it. Unknown or released before: does nothing.
 */
void mqtt_gate_release(MqttGate *g, uint64_t sequence);

/* Wants an answer to a PINGREQ within 'timeout_us' from now. Before CONNACK: does nothing. */
void mqtt_gate_ping(MqttGate *g, uint64_t timeout_us, uint64_t now_us);

/* When to call mqtt_gate_run_due(); it may then find that traffic has put the matter off. UINT64_MAX: never.
 */
uint64_t mqtt_gate_deadline_us(const MqttGate *g);

/* Queues a PINGREQ if it is time. -ETIMEDOUT: the server is silent, 'fault' says since what. */
int mqtt_gate_run_due(MqttGate *g, uint64_t now_us, MqttFault *fault);
