/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Between the messages of io.aziotd.broker and those of lib/aio: what a program sends, as lib/aio wants it,
 * and what came, as a program reads it.
 */

#include <aio/client.h>
#include <aio/cloud_event.h>

#include "ipc/field.h"
#include "ipc/json.h"

/* No broker of Azure IoT Operations takes more in one message than a hub, and an answer has to fit into a
 * reply. */
#define BROKER_PAYLOAD_MAX (256U * 1024U)
/* Each is kept with the message wherever that waits; SDKs send some ten of their own. */
#define BROKER_PAIRS_MAX 64U
/* MQTT allows 64 KiB; each is copied on the stack, and topics of real systems have some tens of bytes. */
#define BROKER_TOPIC_MAX 1024U
/* Of a topic: no pattern that a person wrote has as many. */
#define BROKER_TOKENS_MAX 32U

/* The C side of type CloudEvent. */
typedef struct BrokerCloudEvent {
        az_span source, id, specversion, type, subject, time, dataschema;
} BrokerCloudEvent;

/* The C side of type Message; fields that are absent have the pointer NULL. */
typedef struct BrokerMessage {
        az_span body, text, data, content_type;
        int64_t format_indicator; /* -1: absent */
        IpcStructs metadata;      /* of az_mqtt_user_property */
        const BrokerCloudEvent *cloud_event;
} BrokerMessage;

extern const IpcStruct broker_message_struct;

/* What it comes to; its spans point into the BrokerMessage, and to 'decoded'. */
typedef struct BrokerContent {
        az_span payload, content_type; /* absent: none */
        uint8_t payload_format;
        const az_mqtt_user_property *user_properties;
        int32_t n_user_properties;
        bool has_cloud_event;
        aio_cloud_event cloud_event;
        uint8_t *decoded; /* of 'data' */
} BrokerContent;

void broker_content_done(BrokerContent *content);

/* Conditions of broker_content_make(); positive. */
enum {
        BROKER_INVALID = 1, /* see BrokerProblem */
        BROKER_TOO_LARGE,   /* above BROKER_PAYLOAD_MAX */
};

/* The field that is at fault. */
typedef struct BrokerProblem {
        const char *field, *reason;
} BrokerProblem;

/* Makes the content of a message, NULL: an empty one. 0, or a condition; -ENOMEM. */
int broker_content_make(const BrokerMessage *message, BrokerContent *ret, BrokerProblem *ret_problem);

/* Reads tokens from a map into 'tokens', which has room for IPC_MAP_MAX. */
aio_topic_tokens broker_tokens(const IpcMap *map, aio_topic_token *tokens);

/*
 * Writes what came as members of the open object: 'body', 'text' or 'data', 'contentType', 'formatIndicator',
 * 'metadata', 'cloudEvent', 'sender' and 'timestamp', which the types Received, Request and Response have.
 */
void broker_received_write(IpcJson *json, const aio_received *received);

/* Writes tokens as the member 'tokens'. */
void broker_tokens_write(IpcJson *json, aio_topic_tokens tokens);
