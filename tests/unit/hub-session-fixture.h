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
        RECONNECT_NOW,
        METHOD,
        C2D,
        TWIN,
        _END
} Input;

/* The pump-17 of hub-lab. */
const az_iot_hub_client *client(void);

/* The default, with a seed. */
az_hub_session_options options(void);

/* Initializes a session of the client, with all features. */
void init(az_hub_session *s);

/* Both clocks, of a script that has come to this second. */
az_hub_session_time at(uint32_t second);

az_result feed(az_hub_session *s, Input input, unsigned arg, az_hub_session_time time);

/* Pops the one event that there has to be. */
az_hub_event pop(az_hub_session *s);

/* Gives the input at 'second', and returns its event. */
az_hub_event give(az_hub_session *s, Input input, unsigned arg, uint32_t second);

az_hub_session_state state_of(const az_hub_session *s);

/* Brings a new session to 'state' at second 0. */
void init_in(az_hub_session *s, az_hub_session_state state);
