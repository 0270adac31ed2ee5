/* SPDX-License-Identifier: MIT */
#include <session/broker_session.h>

#include <session/session_internal.h>

static const char *const states[_AZ_BROKER_SESSION_STATE_MAX] = {
        [AZ_BROKER_SESSION_STOPPED] = "stopped",   [AZ_BROKER_SESSION_CONNECTING] = "connecting",
        [AZ_BROKER_SESSION_LIVE] = "live",         [AZ_BROKER_SESSION_REAUTHENTICATING] = "reauthenticating",
        [AZ_BROKER_SESSION_DRAINING] = "draining", [AZ_BROKER_SESSION_CLOSING] = "closing",
        [AZ_BROKER_SESSION_BACKOFF] = "backoff",   [AZ_BROKER_SESSION_STOPPING] = "stopping",
};

static const char *const triggers[_AZ_BROKER_ON_MAX] = {
        [AZ_BROKER_ON_START] = "start",
        [AZ_BROKER_ON_STOP] = "stop",
        [AZ_BROKER_ON_CONNECTED] = "connected",
        [AZ_BROKER_ON_SESSION_GONE] = "session-gone",
        [AZ_BROKER_ON_LOST] = "lost",
        [AZ_BROKER_ON_GIVE_UP] = "give-up",
        [AZ_BROKER_ON_TIMEOUT] = "timeout",
        [AZ_BROKER_ON_RENEW] = "renew",
        [AZ_BROKER_ON_DRAINED] = "drained",
        [AZ_BROKER_ON_CLOSED] = "closed",
        [AZ_BROKER_ON_RECONNECT_NOW] = "reconnect-now",
        [AZ_BROKER_ON_TOKEN_CHANGED] = "token-changed",
        [AZ_BROKER_ON_REAUTHENTICATED] = "reauthenticated",
};

static const char *const event_types[_AZ_BROKER_EVENT_TYPE_MAX] = {
        [AZ_BROKER_EVENT_CONNECT] = "connect",
        [AZ_BROKER_EVENT_LIVE] = "live",
        [AZ_BROKER_EVENT_REAUTHENTICATE] = "reauthenticate",
        [AZ_BROKER_EVENT_REAUTHENTICATED] = "reauthenticated",
        [AZ_BROKER_EVENT_DRAIN] = "drain",
        [AZ_BROKER_EVENT_LOST] = "lost",
        [AZ_BROKER_EVENT_DISCONNECT] = "disconnect",
        [AZ_BROKER_EVENT_STOPPED] = "stopped",
        [AZ_BROKER_EVENT_PUBLISHED] = "published",
        [AZ_BROKER_EVENT_ANSWERED] = "answered",
};

static const char *const losses[_AZ_BROKER_LOSS_MAX] = {
        [AZ_BROKER_LOSS_NONE] = "none",
        [AZ_BROKER_LOSS_FILE] = "file",
        [AZ_BROKER_LOSS_NAME] = "name",
        [AZ_BROKER_LOSS_TCP] = "tcp",
        [AZ_BROKER_LOSS_TLS] = "tls",
        [AZ_BROKER_LOSS_TIMEOUT] = "timeout",
        [AZ_BROKER_LOSS_REFUSED] = "refused",
        [AZ_BROKER_LOSS_DISCONNECTED] = "disconnected",
        [AZ_BROKER_LOSS_CLOSED] = "closed",
        [AZ_BROKER_LOSS_KEEP_ALIVE] = "keep-alive",
        [AZ_BROKER_LOSS_PUBACK] = "puback",
        [AZ_BROKER_LOSS_PROTOCOL] = "protocol",
        [AZ_BROKER_LOSS_REAUTHENTICATION] = "reauthentication",
        [AZ_BROKER_LOSS_RIVAL] = "rival",
        [AZ_BROKER_LOSS_SESSION] = "session",
        [AZ_BROKER_LOSS_LOCAL] = "local",
};

static const char *const results[_AZ_BROKER_RESULT_MAX] = {
        [AZ_BROKER_RESULT_OK] = "ok",           [AZ_BROKER_RESULT_REFUSED] = "refused",
        [AZ_BROKER_RESULT_EXPIRED] = "expired", [AZ_BROKER_RESULT_DROPPED] = "dropped",
        [AZ_BROKER_RESULT_STOPPED] = "stopped",
};

char const *az_broker_session_state_to_string(az_broker_session_state state) {
        return _az_session_name_in(states, _AZ_BROKER_SESSION_STATE_MAX, (size_t) state);
}

char const *az_broker_session_trigger_to_string(az_broker_session_trigger trigger) {
        return _az_session_name_in(triggers, _AZ_BROKER_ON_MAX, (size_t) trigger);
}

char const *az_broker_event_type_to_string(az_broker_event_type type) {
        return _az_session_name_in(event_types, _AZ_BROKER_EVENT_TYPE_MAX, (size_t) type);
}

char const *az_broker_loss_to_string(az_broker_loss loss) {
        return _az_session_name_in(losses, _AZ_BROKER_LOSS_MAX, (size_t) loss);
}

char const *az_broker_result_to_string(az_broker_result result) {
        return _az_session_name_in(results, _AZ_BROKER_RESULT_MAX, (size_t) result);
}
