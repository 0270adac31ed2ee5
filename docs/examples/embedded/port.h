/* SPDX-License-Identifier: MIT */
#ifndef PORT_H
#define PORT_H

/*
 * One MQTT 3.1.1 connection over TLS: all that the programs here want of an MQTT client. To use another one,
 * write these six functions for it; port-mosquitto.c and port-paho.c are two ways to do so.
 *
 * The session decides when to connect, and with what; a connection that failed or was lost is closed and
 * another one opened. So a port never connects again by itself and never keeps a message for later.
 *
 * Everything happens on one thread, and everything that happened is told by mqtt_wait() alone.
 */

#include <stdbool.h>

#include <session/hub_session.h>

/* A connection. */
typedef struct Mqtt Mqtt;

/* What mqtt_open() is told. Strings may be gone when it returns; NULL: there is none. */
typedef struct MqttSettings {
        const char *host; /* the certificate of the server must be for this name */
        int port;
        const char *ca_file;          /* PEM; NULL: whom the system trusts */
        const char *certificate_file; /* PEM, with its chain */
        const char *private_key_file;
        const char *client_id;
        const char *user_name;
        const char *password;
        int keep_alive_s;
        bool clean_session;
} MqttSettings;

/* The longest SUBSCRIBE. */
#define MQTT_FILTERS_MAX AZ_HUB_SESSION_FILTERS_MAX

/* What happened. */
typedef enum MqttEventType {
        MQTT_NOTHING,
        MQTT_CONNECTED,
        MQTT_REFUSED,    /* CONNACK with another code than 0; the connection is over */
        MQTT_SUBSCRIBED, /* SUBACK */
        MQTT_MESSAGE,
        MQTT_LOST, /* the connection is over */
} MqttEventType;

typedef struct MqttEvent {
        MqttEventType type;
        bool session_present;            /* CONNECTED */
        uint8_t connack_code;            /* REFUSED */
        az_hub_loss loss;                /* LOST: one of NAME, TCP, TLS, CLOSED, KEEP_ALIVE and PROTOCOL */
        uint8_t codes[MQTT_FILTERS_MAX]; /* SUBSCRIBED: for each filter the QoS that was granted, or 0x80 */
        size_t n_codes;
        az_span topic, payload; /* MESSAGE: they live until the next call of mqtt_wait() */
} MqttEvent;

/*
 * Opens a connection: name, TCP, TLS, CONNECT. How that ended is told by mqtt_wait(), as CONNECTED, REFUSED
 * or LOST. May block for some seconds.
 *
 * Returns NULL if there is no memory.
 */
Mqtt *mqtt_open(const MqttSettings *settings);

/* Ends a connection, with DISCONNECT if it stands, and returns NULL. Does nothing for NULL. */
Mqtt *mqtt_close(Mqtt *mqtt);

/* Subscribes to up to MQTT_FILTERS_MAX filters; the answer is SUBSCRIBED, or LOST. */
void mqtt_subscribe(Mqtt *mqtt, const az_hub_session_filter *filters, size_t n_filters);

/*
 * Sends a message, at once or with the next mqtt_wait().
 *
 *   topic  followed by a NUL
 *
 * false: it will not be sent; if the connection is lost that is told as well.
 */
bool mqtt_publish(Mqtt *mqtt, az_span topic, az_span payload, int qos);

/* How many messages of QoS 1 were sent and are not acknowledged yet. */
size_t mqtt_unacknowledged(Mqtt *mqtt);

/*
 * Waits until something happens, but not longer than so many milliseconds, and tells what it was.
 *
 * Messages are acknowledged by then: neither libmosquitto nor Paho waits for the application.
 */
void mqtt_wait(Mqtt *mqtt, int timeout_ms, MqttEvent *ret);

#endif
