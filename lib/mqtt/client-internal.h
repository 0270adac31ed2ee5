/* SPDX-License-Identifier: MIT */
#pragma once

/* What the files of the client share. */

#include <mqtt/client.h>
#include <mqtt/properties.h>

/* A QoS 1 message under way. */
typedef struct MqttSent {
        uint64_t token;
        size_t n_bytes;
        int packet_id;
        bool is_acknowledged;
} MqttSent;

struct MqttClient {
        struct mosquitto *mosquitto;
        MqttGate *gate;
        MqttEventList *events;
        uint64_t epoch;
        bool is_v5;
        bool is_connected;
        bool is_reading;
        uint8_t refused_code; /* of CONNACK */

        MqttSent sent[MQTT_WINDOW_LIMIT]; /* ring, by number */
        uint64_t sent_first;              /* the oldest without PUBACK */
        uint64_t sent_end;
        unsigned window;
        size_t n_sent_bytes;      /* of those without PUBACK */
        size_t n_queued_bytes;    /* QoS 0, since the queue was last empty */
        uint16_t *last_packet_id; /* the link's, of MQTT 5 */

        int subscribe_ids[MQTT_FILTERS_MAX]; /* 0: answered */
        uint8_t subscribe_codes[MQTT_FILTERS_MAX];
        size_t n_filters, n_subscribes_open;

        char *topic; /* NUL-terminated copy, reused */
        size_t topic_size;

        /* Of MQTT 5. */
        MqttProperties properties;
        uint16_t keep_alive_s;
        uint32_t server_max_packet_bytes; /* 0: no limit */
};

/* Gives the errno, negative, of what a function of libmosquitto returned. */
int mqtt_error_from_mosquitto(int rc);

/* NULL stays behind for an empty span. -EINVAL: it has a NUL. */
int mqtt_string_from_span(char **ret, az_span s);

/* Sets what libmosquitto calls while it reads and writes. */
void mqtt_client_set_callbacks(MqttClient *c);

/* Sets the client up, and gives it what CONNECT says; its properties are in c->properties then. */
int mqtt_client_set_up(MqttClient *c, const MqttConnect *connect, unsigned receive_max);
