/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of the runner share: a scripted server, a runner, and a clock that can be put forward. */

#include <mqtt/runner.h>

#include "tests/peer/peer.h"
#include "tests/unit/unit-span.h"

/* Reason codes (MQTT 5.0, 2.4). */
enum {
        NO_MATCHING_SUBSCRIBERS = 0x10,
        UNSUPPORTED_VERSION = 0x84,
        NOT_AUTHORIZED = 0x87,
        SERVER_UNAVAILABLE = 0x88,
        SHUTTING_DOWN = 0x8B,
        TAKEN_OVER = 0x8E,
        PACKET_TOO_LARGE = 0x95,
        QUOTA_EXCEEDED = 0x97,
};

/* A server, a client, and a clock that can be put forward. */
typedef struct World {
        Peer *peer;
        MqttRunner *runner;
        MqttRunnerConfig config;
        uint64_t ahead_us;
        char dir[32], path[64];
} World;

extern World world;

void set_up(void);
void tear_down(void);

uint64_t now_us(const World *w);

/* Makes the runner that the configuration asks for; starts it; both, and waits for its connection. */
void make(World *w);
void start(World *w);
void make_connected(World *w);

/* One turn of a loop that serves both. */
void turn(World *w);

/* Waits for the next event; fails the test if it is of another type. */
MqttRunnerEvent next(World *w);
MqttRunnerEvent expect(World *w, MqttRunnerEventType type);

/* Runs until the server has seen so many packets of the type; no event may come. */
const PeerPacket *expect_packet(World *w, PeerPacketType type, size_t n);

/* Runs for a moment; no event may come. */
void expect_nothing(World *w);

/* Lets the server close, and waits until the runner is connected again. */
void reconnect(World *w);

int publish(World *w, const char *topic, uint64_t token);
void expect_published(World *w, uint64_t token, az_broker_result result, uint8_t reason_code);
void subscribe(World *w, const char *filter, uint64_t token);
void expect_subscribed(World *w, uint64_t token, az_broker_result result);

/* As who rotates credentials does it: all at once. */
void replace_file(const char *path, const char *text);

az_span property_of(const PeerPacket *packet, PeerPropertyId id);
uint32_t number_of(const PeerPacket *packet, PeerPropertyId id);
