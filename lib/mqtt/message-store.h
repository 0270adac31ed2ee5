/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Copies of messages, each in one piece of memory that is used again for the next: once as many have been
 * stored as are on their way at a time, storing allocates nothing.
 */

#include <azure/core/az_mqtt_message.h>

#include "util/util.h"

typedef struct MqttStoredMessage {
        az_mqtt_message message; /* the first member; all of its spans lie in 'bytes' */
        uint64_t token;
        uint64_t stored_us;
        uint8_t *bytes;
        size_t size;
        uint32_t next_free;
} MqttStoredMessage;

typedef struct MqttMessageStore MqttMessageStore;

/* -ENOMEM. */
int mqtt_message_store_new(MqttMessageStore **ret, uint32_t n_messages);
MqttMessageStore *mqtt_message_store_free(MqttMessageStore *s);
DEFINE_CLEANUP(MqttMessageStore *, mqtt_message_store_free)

/* Whether there is no place for another message. */
bool mqtt_message_store_is_full(const MqttMessageStore *s);

/* Copies a message into a store that is not full; 'ret_index' names it. -ENOMEM. */
int mqtt_message_store_add(MqttMessageStore *s, const az_mqtt_message *message, uint32_t *ret_index);

/* Gives a message that is stored. */
MqttStoredMessage *mqtt_message_store_get(MqttMessageStore *s, uint32_t index);

/* Frees the place; what it held stays readable until the next message is added. */
void mqtt_message_store_remove(MqttMessageStore *s, uint32_t index);

/* The same for a message of the store. */
void mqtt_message_store_remove_message(MqttMessageStore *s, const az_mqtt_message *message);

/* How many bytes a copy of the message takes. */
size_t mqtt_message_size(const az_mqtt_message *message);

/* Copies a message into so many bytes, which are aligned for anything. */
void mqtt_message_copy(az_mqtt_message *ret, const az_mqtt_message *message, uint8_t *bytes);
