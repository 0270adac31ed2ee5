/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * From a message as a program sends it (io.aziotd.telemetry.Message) to what the outbox keeps: the property
 * bag, percent-encoded as it will stand in the MQTT topic, and the bytes of the body. Everything that a hub
 * would answer by closing the connection is refused here, with the field and the reason.
 * Source: IoT Hub, "Device-to-cloud messages" and "Create and read IoT Hub messages".
 */

#include "daemon/outbox.h"
#include "ipc/field.h"

/* The hub's limit: body, values of system properties, names and values of application properties. */
#define TELEMETRY_MESSAGE_MAX (256U * 1024U)
/* MQTT allows 64 KiB of topic; nobody routes by more than this, and each message's is built on the stack. */
#define TELEMETRY_BAG_MAX (8U * 1024U)
/* The hub's limit on a message id; correlation ids get the same. */
#define TELEMETRY_ID_MAX 128U
/* Ten years: beyond any buffer that is still of use. */
#define TELEMETRY_TTL_MAX_S (10 * 365 * 24 * 3600)

/* OutboxMessage.flags: the program named the message; otherwise a "$.mid" is added when it is sent. */
#define TELEMETRY_HAS_MESSAGE_ID 0x01U

/* The C side of type Message; fields that are absent have the pointer NULL. */
typedef struct TelemetryMessage {
        az_span body;
        az_span text;
        az_span data;
        az_span content_type;
        az_span content_encoding;
        az_span component;
        az_span message_id;
        az_span correlation_id;
        IpcMap properties;
        int64_t ttl_s;
} TelemetryMessage;

extern const IpcStruct telemetry_message_struct;

/* Conditions of telemetry_message_compose(); positive. */
enum {
        TELEMETRY_INVALID = 1, /* see TelemetryProblem */
        TELEMETRY_TOO_LARGE,   /* above TELEMETRY_MESSAGE_MAX */
};

typedef struct TelemetryProblem {
        const char *field;
        const char *reason;
} TelemetryProblem;

/* How much memory telemetry_message_compose() needs at most for this message. */
size_t telemetry_message_bound(const TelemetryMessage *message);

/*
 * Composes at *memory, of at least telemetry_message_bound() bytes, and moves it behind what was written.
 * ret->body points there or into 'message'. 0, or a condition of above, of which TELEMETRY_INVALID sets
 * *ret_problem.
 */
int telemetry_message_compose(const TelemetryMessage *message, uint8_t **memory, OutboxMessage *ret,
                              TelemetryProblem *ret_problem);
