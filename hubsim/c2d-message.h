/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Makes a cloud-to-device message of what the back end sends: its limits, and the topic by which a device
 * learns its properties. Pure; the time is an argument.
 *
 *      devices/{id}/messages/devicebound/%24.to=%2Fdevices%2F{id}%2Fmessages%2FdeviceBound&%24.mid=m1&line=3
 *
 * Source: "Receive cloud-to-device messages" in "Communicate with an IoT hub using the MQTT protocol";
 * "Understand cloud-to-device messaging from an IoT hub".
 */

#include "hubsim/c2d-queue.h"
#include "ipc/field.h"

#define C2D_TTL_DEFAULT_S 3600
#define C2D_TTL_MAX_S     (2 * 24 * 3600)

typedef struct C2dRequest {
        const char *device;
        az_span body;
        az_span message_id, correlation_id, user_id, content_type, content_encoding; /* empty: none */
        IpcMap properties;
        uint64_t ttl_s; /* 0: the hub's own, which the topic does not tell */
        C2dAck ack;     /* _C2D_ACK_INVALID: the topic does not tell */
} C2dRequest;

/* Ways to write a topic that devices have to put up with; all false is how the hub writes it. */
typedef struct C2dForm {
        bool bare_keys;     /* "a&b=1" for a property without a value, instead of "a=&b=1" */
        bool question_mark; /* before the first property */
} C2dForm;

/* A condition of c2d_message_new(): body and properties have more than 64 KiB together. */
#define C2D_TOO_LARGE 1

/* 'wall_us' is CLOCK_REALTIME. */
int c2d_message_new(const C2dRequest *request, C2dForm form, uint64_t wall_us, C2dMessage **ret);
