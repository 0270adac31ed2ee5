/* SPDX-License-Identifier: MIT */
#include <session/hub_session.h>

#include <session/session_internal.h>

static const char *const states[_AZ_HUB_SESSION_STATE_MAX] = {
        [AZ_HUB_SESSION_STOPPED] = "stopped",
        [AZ_HUB_SESSION_SIGNING] = "signing",
        [AZ_HUB_SESSION_CONNECTING] = "connecting",
        [AZ_HUB_SESSION_SUBSCRIBING] = "subscribing",
        [AZ_HUB_SESSION_LIVE] = "live",
        [AZ_HUB_SESSION_DRAINING] = "draining",
        [AZ_HUB_SESSION_CLOSING] = "closing",
        [AZ_HUB_SESSION_BACKOFF] = "backoff",
};

static const char *const triggers[_AZ_HUB_ON_MAX] = {
        [AZ_HUB_ON_START] = "start",
        [AZ_HUB_ON_START_SPLAYED] = "start-splayed",
        [AZ_HUB_ON_STOP] = "stop",
        [AZ_HUB_ON_SIGNED] = "signed",
        [AZ_HUB_ON_CONNECTED] = "connected",
        [AZ_HUB_ON_REFUSED] = "refused",
        [AZ_HUB_ON_SUBACK] = "suback",
        [AZ_HUB_ON_SUBACK_REFUSED] = "suback-refused",
        [AZ_HUB_ON_LOST] = "lost",
        [AZ_HUB_ON_TIMEOUT] = "timeout",
        [AZ_HUB_ON_RENEW] = "renew",
        [AZ_HUB_ON_DRAINED] = "drained",
        [AZ_HUB_ON_CLOSED] = "closed",
        [AZ_HUB_ON_RECONNECT_NOW] = "reconnect-now",
        [AZ_HUB_ON_CLOCK_CHANGED] = "clock-changed",
        [AZ_HUB_ON_CLOCK_UNSET] = "clock-unset",
        [AZ_HUB_ON_CERTIFICATE] = "certificate",
        [AZ_HUB_ON_METHOD] = "method",
        [AZ_HUB_ON_C2D] = "c2d",
        [AZ_HUB_ON_TWIN] = "twin",
};

static const char *const event_types[_AZ_HUB_EVENT_TYPE_MAX] = {
        [AZ_HUB_EVENT_SIGN] = "sign",
        [AZ_HUB_EVENT_CONNECT] = "connect",
        [AZ_HUB_EVENT_SUBSCRIBE] = "subscribe",
        [AZ_HUB_EVENT_LIVE] = "live",
        [AZ_HUB_EVENT_METHOD] = "method",
        [AZ_HUB_EVENT_C2D] = "c2d",
        [AZ_HUB_EVENT_TWIN] = "twin",
        [AZ_HUB_EVENT_WAIT] = "wait",
        [AZ_HUB_EVENT_DRAIN] = "drain",
        [AZ_HUB_EVENT_LOST] = "lost",
        [AZ_HUB_EVENT_DISCONNECT] = "disconnect",
};

static const char *const losses[_AZ_HUB_LOSS_MAX] = {
        [AZ_HUB_LOSS_NONE] = "none",
        [AZ_HUB_LOSS_SIGNING] = "signing",
        [AZ_HUB_LOSS_NAME] = "name",
        [AZ_HUB_LOSS_TCP] = "tcp",
        [AZ_HUB_LOSS_TLS] = "tls",
        [AZ_HUB_LOSS_TIMEOUT] = "timeout",
        [AZ_HUB_LOSS_REFUSED] = "refused",
        [AZ_HUB_LOSS_SUBSCRIBE] = "subscribe",
        [AZ_HUB_LOSS_CLOSED] = "closed",
        [AZ_HUB_LOSS_KEEP_ALIVE] = "keep-alive",
        [AZ_HUB_LOSS_PROTOCOL] = "protocol",
        [AZ_HUB_LOSS_PUBLISH] = "publish",
        [AZ_HUB_LOSS_THROTTLED] = "throttled",
        [AZ_HUB_LOSS_DUPLICATE] = "duplicate",
        [AZ_HUB_LOSS_CLOCK] = "clock",
        [AZ_HUB_LOSS_LOCAL] = "local",
};

char const *az_hub_session_state_to_string(az_hub_session_state state) {
        return _az_session_name_in(states, _AZ_HUB_SESSION_STATE_MAX, (size_t) state);
}

char const *az_hub_session_trigger_to_string(az_hub_session_trigger trigger) {
        return _az_session_name_in(triggers, _AZ_HUB_ON_MAX, (size_t) trigger);
}

char const *az_hub_event_type_to_string(az_hub_event_type type) {
        return _az_session_name_in(event_types, _AZ_HUB_EVENT_TYPE_MAX, (size_t) type);
}

char const *az_hub_loss_to_string(az_hub_loss loss) {
        return _az_session_name_in(losses, _AZ_HUB_LOSS_MAX, (size_t) loss);
}
