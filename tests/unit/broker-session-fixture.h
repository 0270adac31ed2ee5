/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of the broker session share: its memory, inputs by name, and ways to a state. */

#include <session/broker_session.h>

#include "unit.h"

#define NO_EVENT _AZ_BROKER_EVENT_TYPE_MAX
#define NEVER    UINT32_MAX

/* Reason codes (MQTT 5.0, 2.4). */
enum {
        GRANTED_QOS_1 = 0x01,
        NO_MATCHING_SUBSCRIBERS = 0x10,
        UNSPECIFIED_ERROR = 0x80,
        MALFORMED_PACKET = 0x81,
        BAD_USER_NAME = 0x86,
        NOT_AUTHORIZED = 0x87,
        SERVER_BUSY = 0x89,
        SHUTTING_DOWN = 0x8B,
        TAKEN_OVER = 0x8E,
        PACKET_TOO_LARGE = 0x95,
        QUOTA_EXCEEDED = 0x97,
};

/* An input and what it brings. */
typedef enum {
        START,
        STOP,      /* arg: ends the session */
        CONNECTED, /* session present */
        CONNECTED_TO_NEW,
        LOST, /* arg: L(), or one with a reason code: R(), D() */
        TIMEOUT,
        RENEW,
        DRAINED,
        CLOSED,
        RECONNECT_NOW,
        TOKEN_CHANGED,
        REAUTHENTICATED,
        _END
} Input;

/* One input at a time, and what has to come of it. */
typedef struct {
        Input input;
        int arg;
        uint32_t at_ms; /* when it comes */
        az_result result;
        az_broker_event_type event;
        az_broker_session_state state;
        uint32_t deadline_ms, latest_ms; /* the deadline after it, or the range that chance chooses it from */
} Step;

/* clang-format off */
#define S(state)     AZ_BROKER_SESSION_##state
#define E(event)     AZ_BROKER_EVENT_##event
#define L(loss)      AZ_BROKER_LOSS_##loss
#define R(code)      (AZ_BROKER_LOSS_REFUSED | (code) << 8)
#define D(code)      (AZ_BROKER_LOSS_DISCONNECTED | (code) << 8)

/* From nothing to a live link, of a client without certificate. */
#define UNTIL_LIVE { START,     0, 0, AZ_OK, E(CONNECT), S(CONNECTING), 30000 }, \
                   { CONNECTED, 0, 0, AZ_OK, E(LIVE),    S(LIVE),       NEVER }
/* clang-format on */

/* A session and its memory, small so that its ends are reached. */
typedef struct {
        az_broker_session s;
        az_broker_publish_slot in_flight[3];
        az_broker_publish_slot waiting[4];
        az_broker_request_slot requests[4];
        az_broker_filter_slot filters[3];
        size_t window;        /* of CONNACK; 0: 3 */
        uint64_t renew_in_ms; /* of CONNACK; 0: never */
} World;

/* The default, with a seed and a token. */
az_broker_session_options options(void);

void init(World *w, const az_broker_session_options *o);

uint64_t ms(uint32_t n);

az_result feed(World *w, Input input, int arg, uint64_t now_us);

/* Pops the one event that there has to be. */
az_broker_event pop(World *w);

/* Gives the input at 'at_ms', and returns its event. */
az_broker_event give(World *w, Input input, int arg, uint32_t at_ms);

az_broker_session_state state_of(const World *w);

/* Brings a new session to 'state' at 0. */
void init_in(World *w, az_broker_session_state state);

/* Feeds the steps, up to the first without an input, to the session. */
void run_steps(World *w, const char *name, const Step *steps, size_t n_steps);
