/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of the hub session share: a device, inputs by name, and ways to a state. */

#include <session/hub_session.h>

#include "unit-span.h"

#define SIGNATURE "skva+5dc1tXqjwbBB10W6Aon9alCD10WBtVPwNr3U1Q="
#define UNIX_S    UINT64_C(1893452400) /* wall time when the clock of a script shows 0 */
#define NEVER     UINT32_MAX
#define NO_EVENT  _AZ_HUB_EVENT_TYPE_MAX

/* An input and what it brings. */
typedef enum {
        START,
        STOP,
        SIGNED,
        SIGNED_SHORT, /* with a signature that is too short */
        SIGNED_LONG,
        CONNECTED, /* arg: session present */
        REFUSED,   /* arg: code of CONNACK */
        SUBACK,    /* arg: the QoS of cloud-to-device messages, or another code for them */
        LOST,      /* arg: az_hub_loss */
        TIMEOUT,
        RENEW,
        DRAINED,
        CLOSED,
        RECONNECT_NOW,
        SET_CLOCK, /* arg: by how many seconds the wall clock is ahead of UNIX_S plus the script's from now on
                    */
        METHOD,
        C2D,
        TWIN,
        _END
} Input;

/* One input at a time, and what has to come of it. */
typedef struct {
        Input input;
        int arg;
        uint32_t at_s; /* when it comes */
        az_result result;
        az_hub_event_type event;
        az_hub_session_state state;
        uint32_t deadline_s, latest_s; /* the deadline after it, or the range that chance chooses it from */
} Step;

typedef struct {
        const char *name;
        az_credential credential;
        uint32_t token_lifetime_s; /* 0: the default, here and below */
        uint16_t splay_s;
        uint64_t build_unix_s;
        int clock_s; /* what SET_CLOCK would set, from the beginning */
        Step steps[16];
} Script;

/* clang-format off */
#define S(state) AZ_HUB_SESSION_##state
#define E(event) AZ_HUB_EVENT_##event
#define L(loss)  AZ_HUB_LOSS_##loss

/* When a link is renewed whose token of 3600 s was made then. */
#define RENEWAL(signed_s) (signed_s) + 2700, (signed_s) + 3060

/* From nothing to a live link. */
#define UNTIL_SIGNED     { START,  0, 0, AZ_OK, E(SIGN),    S(SIGNING),    120 }, \
                         { SIGNED, 0, 1, AZ_OK, E(CONNECT), S(CONNECTING), 31 }
#define UNTIL_SUBSCRIBED UNTIL_SIGNED, \
                         { CONNECTED, 0, 2, AZ_OK, E(SUBSCRIBE), S(SUBSCRIBING), 32 }
#define UNTIL_LIVE       UNTIL_SUBSCRIBED, \
                         { SUBACK, 1, 3, AZ_OK, E(LIVE), S(LIVE), RENEWAL(0) }
/* clang-format on */

/* Runs a new session through the script. */
void run_script(const Script *script);

/* The pump-17 of hub-lab. */
const az_iot_hub_client *client(void);

/* The default, with a seed. */
az_hub_session_options options(void);

/* Initializes a session of the client, with all features. */
void init(az_hub_session *s);

/* Both clocks, of a script that has come to this second. */
az_hub_session_time at(uint32_t second);

az_result feed(az_hub_session *s, Input input, int arg, az_hub_session_time time);

/* Pops the one event that there has to be. */
az_hub_event pop(az_hub_session *s);

/* Gives the input at 'second', and returns its event. */
az_hub_event give(az_hub_session *s, Input input, int arg, uint32_t second);

az_hub_session_state state_of(const az_hub_session *s);

/* Brings a new session to 'state' at second 0. */
void init_in(az_hub_session *s, az_hub_session_state state);
