/* SPDX-License-Identifier: MIT */
#include <session/broker_session_internal.h>

#define ROW(from, on, to, event) \
        { AZ_BROKER_SESSION_##from, AZ_BROKER_ON_##on, AZ_BROKER_SESSION_##to, AZ_BROKER_EVENT_##event }

/* clang-format off */
static const az_broker_session_transition transitions[] = {
        ROW(STOPPED,          START,           CONNECTING,       CONNECT),
        ROW(CONNECTING,       CONNECTED,       LIVE,             LIVE),
        ROW(CONNECTING,       SESSION_GONE,    STOPPING,         DISCONNECT),

        ROW(LIVE,             TOKEN_CHANGED,   REAUTHENTICATING, REAUTHENTICATE),
        ROW(REAUTHENTICATING, REAUTHENTICATED, LIVE,             REAUTHENTICATED),

        ROW(LIVE,             TIMEOUT,         DRAINING,         DRAIN),
        ROW(LIVE,             RENEW,           DRAINING,         DRAIN),
        ROW(REAUTHENTICATING, RENEW,           DRAINING,         DRAIN),
        ROW(DRAINING,         DRAINED,         CLOSING,          DISCONNECT),
        ROW(DRAINING,         TIMEOUT,         CLOSING,          DISCONNECT),
        ROW(CLOSING,          CLOSED,          CONNECTING,       CONNECT),

        ROW(CONNECTING,       TIMEOUT,         BACKOFF,          LOST),
        ROW(CONNECTING,       LOST,            BACKOFF,          LOST),
        ROW(LIVE,             LOST,            BACKOFF,          LOST),
        ROW(REAUTHENTICATING, TIMEOUT,         BACKOFF,          LOST),
        ROW(REAUTHENTICATING, LOST,            BACKOFF,          LOST),
        ROW(DRAINING,         LOST,            BACKOFF,          LOST),
        ROW(CLOSING,          LOST,            BACKOFF,          LOST),
        ROW(CLOSING,          TIMEOUT,         BACKOFF,          LOST),

        ROW(BACKOFF,          TIMEOUT,         CONNECTING,       CONNECT),
        ROW(BACKOFF,          RECONNECT_NOW,   CONNECTING,       CONNECT),
        ROW(BACKOFF,          TOKEN_CHANGED,   CONNECTING,       CONNECT),
        ROW(BACKOFF,          RENEW,           CONNECTING,       CONNECT),

        ROW(CONNECTING,       GIVE_UP,         STOPPED,          STOPPED),
        ROW(LIVE,             GIVE_UP,         STOPPED,          STOPPED),
        ROW(REAUTHENTICATING, GIVE_UP,         STOPPED,          STOPPED),
        ROW(DRAINING,         GIVE_UP,         STOPPED,          STOPPED),
        ROW(CLOSING,          GIVE_UP,         STOPPED,          STOPPED),

        ROW(CONNECTING,       STOP,            STOPPED,          STOPPED),
        ROW(LIVE,             STOP,            STOPPING,         DISCONNECT),
        ROW(REAUTHENTICATING, STOP,            STOPPING,         DISCONNECT),
        ROW(DRAINING,         STOP,            STOPPING,         DISCONNECT),
        ROW(CLOSING,          STOP,            STOPPED,          STOPPED),
        ROW(BACKOFF,          STOP,            STOPPED,          STOPPED),
        ROW(STOPPING,         CLOSED,          STOPPED,          STOPPED),
        ROW(STOPPING,         LOST,            STOPPED,          STOPPED),
        ROW(STOPPING,         TIMEOUT,         STOPPED,          STOPPED),
};
/* clang-format on */

#define N_TRANSITIONS (sizeof(transitions) / sizeof(transitions[0]))

az_broker_session_transition const *_az_broker_session_find_transition(az_broker_session_state from,
                                                                       az_broker_session_trigger on) {
        for (size_t i = 0; i < N_TRANSITIONS; i++) {
                if (transitions[i].from == from && transitions[i].on == on)
                        return &transitions[i];
        }
        return NULL;
}

az_broker_session_transition const *az_broker_session_transitions(size_t *out_n) {
        *out_n = N_TRANSITIONS;
        return transitions;
}
