/* SPDX-License-Identifier: MIT */
#pragma once

/* What the files of the gate call of each other. */

#include <mqtt/gate.h>

/* The largest TLS record. */
#define MQTT_GATE_RECORD_BYTES 16384U

/* Room in which our own packets fit when libmosquitto has filled the record. */
#define MQTT_GATE_OWN_BYTES 1024U

/* The place of a message in the ring. */
_unused_ static inline MqttHeld *mqtt_gate_held(const MqttGate *g, uint64_t sequence) {
        return &g->held[sequence % g->config.receive_max];
}

/* What becomes of an inbound packet. */
typedef enum MqttVerdict {
        MQTT_VERDICT_PASS,
        MQTT_VERDICT_DROP,
        MQTT_VERDICT_WAIT,
        MQTT_VERDICT_LOST, /* of the connection: the fault says why */
} MqttVerdict;

/* True if the packet is above config.max_packet_bytes. */
bool mqtt_gate_is_too_large(const MqttGate *g, const MqttHeader *h);

/* Gives a message its place in the ring, if it is of QoS 1. */
MqttVerdict mqtt_gate_add_held(MqttGate *g, const MqttHeader *h);

/* Judges a packet of MQTT 5 of which so much is there as has to be looked at. */
MqttVerdict mqtt_gate_judge_v5(MqttGate *g, const MqttHeader *h, MqttFault *fault);

/* Puts our own packets in, if the outbound flow is at a packet boundary. */
void mqtt_gate_put_own(MqttGate *g);

/* CONNACK, PUBACK and bytes came; a QoS 1 message left; bytes left. */
void mqtt_gate_on_connack(MqttGate *g);
void mqtt_gate_on_puback(MqttGate *g);
void mqtt_gate_on_received(MqttGate *g, uint64_t now_us);
void mqtt_gate_on_published(MqttGate *g, uint64_t now_us);
void mqtt_gate_on_sent(MqttGate *g, uint64_t now_us);
