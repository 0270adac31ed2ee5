/* SPDX-License-Identifier: MIT */
#include <session/hub_session_internal.h>

#define ROW(from, on, to, event) \
        { AZ_HUB_SESSION_##from, AZ_HUB_ON_##on, AZ_HUB_SESSION_##to, AZ_HUB_EVENT_##event }

/* clang-format off */
static const az_hub_session_transition transitions[] = {
        ROW(STOPPED,     START,          SIGNING,     SIGN),
        ROW(STOPPED,     START_SPLAYED,  BACKOFF,     WAIT),
        ROW(SIGNING,     SIGNED,         CONNECTING,  CONNECT),
        ROW(CONNECTING,  CONNECTED,      SUBSCRIBING, SUBSCRIBE),
        ROW(SUBSCRIBING, SUBACK,         LIVE,        LIVE),

        ROW(SUBSCRIBING, METHOD,         SUBSCRIBING, METHOD),
        ROW(SUBSCRIBING, C2D,            SUBSCRIBING, C2D),
        ROW(SUBSCRIBING, TWIN,           SUBSCRIBING, TWIN),
        ROW(LIVE,        METHOD,         LIVE,        METHOD),
        ROW(LIVE,        C2D,            LIVE,        C2D),
        ROW(LIVE,        TWIN,           LIVE,        TWIN),
        ROW(DRAINING,    METHOD,         DRAINING,    METHOD),
        ROW(DRAINING,    C2D,            DRAINING,    C2D),
        ROW(DRAINING,    TWIN,           DRAINING,    TWIN),

        ROW(LIVE,        TIMEOUT,        DRAINING,    DRAIN),
        ROW(LIVE,        RENEW,          DRAINING,    DRAIN),
        ROW(LIVE,        CLOCK_CHANGED,  DRAINING,    DRAIN),
        ROW(DRAINING,    DRAINED,        CLOSING,     DISCONNECT),
        ROW(DRAINING,    TIMEOUT,        CLOSING,     DISCONNECT),
        ROW(CLOSING,     CLOSED,         SIGNING,     SIGN),

        ROW(SIGNING,     TIMEOUT,        BACKOFF,     LOST),
        ROW(SIGNING,     LOST,           BACKOFF,     LOST),
        ROW(CONNECTING,  TIMEOUT,        BACKOFF,     LOST),
        ROW(CONNECTING,  LOST,           BACKOFF,     LOST),
        ROW(CONNECTING,  REFUSED,        BACKOFF,     LOST),
        ROW(SUBSCRIBING, TIMEOUT,        BACKOFF,     LOST),
        ROW(SUBSCRIBING, LOST,           BACKOFF,     LOST),
        ROW(SUBSCRIBING, SUBACK_REFUSED, BACKOFF,     LOST),
        ROW(LIVE,        LOST,           BACKOFF,     LOST),
        ROW(DRAINING,    LOST,           BACKOFF,     LOST),
        ROW(CLOSING,     LOST,           BACKOFF,     LOST),
        ROW(CLOSING,     TIMEOUT,        BACKOFF,     LOST),

        ROW(BACKOFF,     TIMEOUT,        SIGNING,     SIGN),
        ROW(BACKOFF,     RECONNECT_NOW,  SIGNING,     SIGN),
        ROW(BACKOFF,     CLOCK_CHANGED,  SIGNING,     SIGN),

        ROW(STOPPED,     CLOCK_UNSET,    BACKOFF,     LOST),
        ROW(CLOSING,     CLOCK_UNSET,    BACKOFF,     LOST),
        ROW(BACKOFF,     CLOCK_UNSET,    BACKOFF,     LOST),

        ROW(STOPPED,     CERTIFICATE,    CONNECTING,  CONNECT),
        ROW(CLOSING,     CERTIFICATE,    CONNECTING,  CONNECT),
        ROW(BACKOFF,     CERTIFICATE,    CONNECTING,  CONNECT),

        ROW(STOPPED,     STOP,           STOPPED,     DISCONNECT),
        ROW(SIGNING,     STOP,           STOPPED,     DISCONNECT),
        ROW(CONNECTING,  STOP,           STOPPED,     DISCONNECT),
        ROW(SUBSCRIBING, STOP,           STOPPED,     DISCONNECT),
        ROW(LIVE,        STOP,           STOPPED,     DISCONNECT),
        ROW(DRAINING,    STOP,           STOPPED,     DISCONNECT),
        ROW(CLOSING,     STOP,           STOPPED,     DISCONNECT),
        ROW(BACKOFF,     STOP,           STOPPED,     DISCONNECT),
};
/* clang-format on */

#define N_TRANSITIONS (sizeof(transitions) / sizeof(transitions[0]))

az_hub_session_transition const *_az_hub_session_find_transition(az_hub_session_state from,
                                                                 az_hub_session_trigger on) {
        for (size_t i = 0; i < N_TRANSITIONS; i++) {
                if (transitions[i].from == from && transitions[i].on == on)
                        return &transitions[i];
        }
        return NULL;
}

az_hub_session_transition const *az_hub_session_transitions(size_t *out_n) {
        *out_n = N_TRANSITIONS;
        return transitions;
}
