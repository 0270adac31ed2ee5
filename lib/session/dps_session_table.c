/* SPDX-License-Identifier: MIT */
#include <session/dps_session_internal.h>

#define ROW(from, on, to, event) \
        { AZ_DPS_SESSION_##from, AZ_DPS_ON_##on, AZ_DPS_SESSION_##to, AZ_DPS_EVENT_##event }

/* clang-format off */
static const az_dps_session_transition transitions[] = {
        ROW(STOPPED,             START,          SIGNING,             SIGN),
        ROW(STOPPED,             CERTIFICATE,    CONNECTING,          CONNECT),
        ROW(SIGNING,             SIGNED,         CONNECTING,          CONNECT),
        ROW(CONNECTING,          CONNECTED,      SUBSCRIBING,         SUBSCRIBE),
        ROW(SUBSCRIBING,         SUBACK,         REGISTERING,         PUBLISH),

        ROW(REGISTERING,         ASSIGNING,      WAITING_TO_POLL,     WAIT),
        ROW(WAITING_TO_POLL,     TIMEOUT,        POLLING,             PUBLISH),
        ROW(POLLING,             ASSIGNING,      WAITING_TO_POLL,     WAIT),
        ROW(POLLING,             ASSIGNED,       STOPPED,             ASSIGNED),
        ROW(REGISTERING,         ASSIGNED,       STOPPED,             ASSIGNED),

        ROW(POLLING,             RETRY,          WAITING_TO_POLL,     WAIT),
        ROW(POLLING,             RESTART,        WAITING_TO_REGISTER, WAIT),
        ROW(REGISTERING,         RETRY,          WAITING_TO_REGISTER, WAIT),
        ROW(REGISTERING,         RESTART,        WAITING_TO_REGISTER, WAIT),
        ROW(WAITING_TO_REGISTER, TIMEOUT,        REGISTERING,         PUBLISH),

        ROW(SIGNING,             LOST,           BACKOFF,             LOST),
        ROW(CONNECTING,          LOST,           BACKOFF,             LOST),
        ROW(SUBSCRIBING,         LOST,           BACKOFF,             LOST),
        ROW(REGISTERING,         LOST,           BACKOFF,             LOST),
        ROW(WAITING_TO_REGISTER, LOST,           BACKOFF,             LOST),
        ROW(POLLING,             LOST,           BACKOFF,             LOST),
        ROW(WAITING_TO_POLL,     LOST,           BACKOFF,             LOST),
        ROW(SIGNING,             TIMEOUT,        BACKOFF,             LOST),
        ROW(CONNECTING,          TIMEOUT,        BACKOFF,             LOST),
        ROW(CONNECTING,          REFUSED,        BACKOFF,             LOST),
        ROW(SUBSCRIBING,         TIMEOUT,        BACKOFF,             LOST),
        ROW(REGISTERING,         TIMEOUT,        BACKOFF,             LOST),
        ROW(POLLING,             TIMEOUT,        BACKOFF,             LOST),

        ROW(BACKOFF,             TIMEOUT,        SIGNING,             SIGN),
        ROW(BACKOFF,             CERTIFICATE,    CONNECTING,          CONNECT),
        ROW(BACKOFF,             CLOCK_CHANGED,  SIGNING,             SIGN),

        ROW(STOPPED,             CLOCK_UNSET,    BACKOFF,             LOST),
        ROW(BACKOFF,             CLOCK_UNSET,    BACKOFF,             LOST),

        ROW(SUBSCRIBING,         SUBACK_REFUSED, STOPPED,             FAILED),
        ROW(SIGNING,             FAILED,         STOPPED,             FAILED),
        ROW(CONNECTING,          FAILED,         STOPPED,             FAILED),
        ROW(SUBSCRIBING,         FAILED,         STOPPED,             FAILED),
        ROW(REGISTERING,         FAILED,         STOPPED,             FAILED),
        ROW(WAITING_TO_REGISTER, FAILED,         STOPPED,             FAILED),
        ROW(POLLING,             FAILED,         STOPPED,             FAILED),
        ROW(WAITING_TO_POLL,     FAILED,         STOPPED,             FAILED),
        ROW(BACKOFF,             FAILED,         STOPPED,             FAILED),

        ROW(STOPPED,             STOP,           STOPPED,             DISCONNECT),
        ROW(SIGNING,             STOP,           STOPPED,             DISCONNECT),
        ROW(CONNECTING,          STOP,           STOPPED,             DISCONNECT),
        ROW(SUBSCRIBING,         STOP,           STOPPED,             DISCONNECT),
        ROW(REGISTERING,         STOP,           STOPPED,             DISCONNECT),
        ROW(WAITING_TO_REGISTER, STOP,           STOPPED,             DISCONNECT),
        ROW(POLLING,             STOP,           STOPPED,             DISCONNECT),
        ROW(WAITING_TO_POLL,     STOP,           STOPPED,             DISCONNECT),
        ROW(BACKOFF,             STOP,           STOPPED,             DISCONNECT),
};
/* clang-format on */

#define N_TRANSITIONS (sizeof(transitions) / sizeof(transitions[0]))

az_dps_session_transition const *_az_dps_session_find_transition(az_dps_session_state from,
                                                                 az_dps_session_trigger on) {
        for (size_t i = 0; i < N_TRANSITIONS; i++) {
                if (transitions[i].from == from && transitions[i].on == on)
                        return &transitions[i];
        }
        return NULL;
}

az_dps_session_transition const *az_dps_session_transitions(size_t *out_n) {
        *out_n = N_TRANSITIONS;
        return transitions;
}
