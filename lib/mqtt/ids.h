/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Packet ids of MQTT 5. libmosquitto begins at 1 with each connection, but what is sent again after a
 * reconnect keeps the id it had, and no other may take it meanwhile. So each id of libmosquitto's ("local")
 * has one on the network, and the gate writes the one over the other.
 */

#include <mqtt/flow.h>
#include <mqtt/link.h>

/* PUBLISH, SUBSCRIBE and one UNSUBSCRIBE. */
#define MQTT_IDS_MAX (MQTT_WINDOW_LIMIT + MQTT_FILTERS_MAX + 1U)

/* One packet that waits for its answer, or for being sent. */
typedef struct MqttId {
        uint16_t local, network;
        uint8_t type;      /* MqttPacketType: PUBLISH, SUBSCRIBE, UNSUBSCRIBE */
        uint8_t n_filters; /* of UNSUBSCRIBE */
        bool is_resend;
} MqttId;

typedef struct MqttIds {
        MqttId ids[MQTT_IDS_MAX]; /* in the order in which libmosquitto sends them */
        unsigned n;
        unsigned n_out; /* the first of them, that have passed the gate */
} MqttIds;

/* Chooses an id that no open packet has, behind 'last', the one chosen last. */
uint16_t mqtt_ids_choose(const MqttIds *ids, uint16_t last);

/* True if an open packet has this id on the network, or is of this type. */
bool mqtt_ids_has_network(const MqttIds *ids, uint16_t network);
bool mqtt_ids_has_type(const MqttIds *ids, MqttPacketType type);

/* Adds a packet that libmosquitto is about to send. */
void mqtt_ids_add(MqttIds *ids, const MqttId *id);

/* Gives the packet that passes next; NULL: libmosquitto sends another type than what was added. */
const MqttId *mqtt_ids_next_out(const MqttIds *ids, MqttPacketType type);

/* That packet has passed. */
void mqtt_ids_passed(MqttIds *ids);

/* Takes the packet out to which the server's answer belongs. False: none. */
bool mqtt_ids_take(MqttIds *ids, MqttPacketType type, uint16_t network, MqttId *ret);
