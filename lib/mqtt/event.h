/* SPDX-License-Identifier: MIT */
#pragma once

/* The queue of events that wait to be popped. Each owns the bytes that its spans point to. */

#include <mqtt/fault.h>
#include <mqtt/link.h>

typedef struct MqttEventNode MqttEventNode;

typedef struct MqttEventList {
        MqttEventNode *first;
        MqttEventNode *last;
        MqttEventNode *popped;  /* what mqtt_event_list_pop() gave out last */
        MqttEventNode *reserve; /* for the last event of a connection: losing it must not fail */
        size_t n_events;
        size_t n_bytes;
        bool out_of_memory; /* an event could not be queued: the connection has to end */
} MqttEventList;

/* Prepares for a new connection: allocates the reserve, unless it is there. -ENOMEM. */
int mqtt_event_list_reserve(MqttEventList *l);

/* Drops what is queued. What was popped last lives on, because its receiver may be the one who clears. */
void mqtt_event_list_clear(MqttEventList *l);

/* Frees everything. */
void mqtt_event_list_done(MqttEventList *l);

/*
 * Queues an event and gives the room of 'n_bytes' that lives as long as it.
 * NULL: out of memory, also noted in 'out_of_memory'.
 */
MqttEvent *mqtt_event_list_add(MqttEventList *l, MqttEventType type, size_t n_bytes, uint8_t **ret_bytes);

/* Queues MQTT_EVENT_MESSAGE with a copy of all that the message points to. NULL: as above. */
MqttEvent *mqtt_event_list_add_message(MqttEventList *l, const az_mqtt_message *message);

/* Copies a span into the room of an event, and moves on behind it. What is absent stays absent. */
az_span mqtt_event_copy_span(az_span span, uint8_t **bytes);

/* Queues MQTT_EVENT_OPEN_FAILED or MQTT_EVENT_LOST from the reserve. 'report' is copied. */
void mqtt_event_list_add_open_failed(MqttEventList *l, const MqttReport *report, int error, const char *text);
void mqtt_event_list_add_lost(MqttEventList *l, const MqttFault *fault);

/* Pops the first event; it lives until the next pop. NULL: empty. */
MqttEvent *mqtt_event_list_pop(MqttEventList *l);

/* True if enough waits that no more should be read from the server. */
bool mqtt_event_list_is_full(const MqttEventList *l);
