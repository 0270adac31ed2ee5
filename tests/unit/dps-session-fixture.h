/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of the registration share: a device, inputs by name, and ways to a state. */

#include <session/dps_session.h>

#include "unit-span.h"

#define HOST         "global.azure-devices-provisioning.net"
#define SCOPE        "0ne00ABCDEF"
#define SIGNATURE    "JkxOusYpleBJvCL9hzL1mVsyTpRJp3YYgPA19nB+i6s="
#define USEC_PER_SEC UINT64_C(1000000)
#define UNIX_S       UINT64_C(1893452400) /* wall time when the clock of a script shows 0 */
#define NEVER        UINT32_MAX
#define NO_EVENT     _AZ_DPS_EVENT_TYPE_MAX

#define OPERATION "5.0f3b6c8d2a1e4f70.7d1f1c6e"

/* An input and what it brings. */
typedef enum {
        START,
        STOP,
        SIGNED,
        SIGNED_SHORT, /* with a signature that is too short */
        CONNECTED,
        REFUSED, /* arg: code of CONNACK */
        SUBACK,  /* arg: the code */
        SUBACK_TWO,
        LOST, /* arg: az_dps_loss */
        TIMEOUT,
        SET_CLOCK, /* arg: by how many seconds the wall clock is ahead of UNIX_S plus the script's from now on
                    */
        ANSWER,    /* to the last request; see 'topic' and 'payload' of the step */
        _END
} Input;

/* One input at a time, and what has to come of it. */
typedef struct {
        Input input;
        int arg;
        uint32_t at_s; /* when it comes */
        az_result result;
        az_dps_event_type event;
        az_dps_session_state state;
        uint32_t deadline_s, latest_s; /* the deadline after it, or the range that chance chooses it from */
        az_dps_loss loss;              /* of WAIT, LOST and FAILED */
        const char *status;            /* of an ANSWER: that of its topic, and what follows "$rid=..." */
        const char *payload;
} Step;

typedef struct {
        const char *name;
        az_credential credential;
        uint64_t build_unix_s;
        int clock_s; /* what SET_CLOCK would set, from the beginning */
        Step steps[20];
} Script;

/* clang-format off */
#define S(state) AZ_DPS_SESSION_##state
#define E(event) AZ_DPS_EVENT_##event
#define L(loss)  AZ_DPS_LOSS_##loss

#define ASSIGNING "{\"operationId\":\"" OPERATION "\",\"status\":\"assigning\"}"
#define ASSIGNED  "{\"operationId\":\"" OPERATION "\",\"status\":\"assigned\",\"registrationState\":{" \
                  "\"assignedHub\":\"hub-lab.azure-devices.net\",\"deviceId\":\"pump-17a\"}}"

/* From nothing to where the device has registered, or begun to poll. */
#define UNTIL_SIGNED     { START,  0, 0, AZ_OK, E(SIGN),    S(SIGNING),    120 }, \
                         { SIGNED, 0, 1, AZ_OK, E(CONNECT), S(CONNECTING), 31 }
#define UNTIL_SUBSCRIBED UNTIL_SIGNED, \
                         { CONNECTED, 0, 2, AZ_OK, E(SUBSCRIBE), S(SUBSCRIBING), 32 }
#define UNTIL_REGISTERED UNTIL_SUBSCRIBED, \
                         { SUBACK, 1, 3, AZ_OK, E(PUBLISH), S(REGISTERING), 33 }
#define UNTIL_WAITING    UNTIL_REGISTERED, \
                         { ANSWER, 0, 4, AZ_OK, E(WAIT), S(WAITING_TO_POLL), 7, 0, L(NONE), \
                           "202", ASSIGNING }
#define UNTIL_POLLED     UNTIL_WAITING, \
                         { TIMEOUT, 0, 7, AZ_OK, E(PUBLISH), S(POLLING), 37 }
/* clang-format on */

/* Runs a new session through the script. */
void run_script(const Script *script);

/* The default, with a seed. */
az_dps_session_options options(void);

/* Initializes a session of pump-17. */
void init(az_dps_session *s);

/* Both clocks, of a script that has come to this second. */
az_hub_session_time at(uint32_t second);

/* All inputs but ANSWER. */
az_result feed(az_dps_session *s, Input input, int arg, az_hub_session_time time);

/* Answers the last request: 'status' as in a Step. */
az_result answer(az_dps_session *s, const char *status, const char *payload, az_hub_session_time time);

/* Pops the one event that there has to be. */
az_dps_event pop(az_dps_session *s);

/* Gives the input at 'second', and returns its event. */
az_dps_event give(az_dps_session *s, Input input, int arg, uint32_t second);

/* The same with an answer. */
az_dps_event give_answer(az_dps_session *s, const char *status, const char *payload, uint32_t second);

az_dps_session_state state_of(const az_dps_session *s);

/* Brings a new session to 'state' at second 0, WAITING_TO_POLL and POLLING at 3. */
void init_in(az_dps_session *s, az_dps_session_state state);
