/* SPDX-License-Identifier: MIT */
#include <session/dps_session.h>

#include <session/session_internal.h>

static const char *const states[_AZ_DPS_SESSION_STATE_MAX] = {
        [AZ_DPS_SESSION_STOPPED] = "stopped",
        [AZ_DPS_SESSION_SIGNING] = "signing",
        [AZ_DPS_SESSION_CONNECTING] = "connecting",
        [AZ_DPS_SESSION_SUBSCRIBING] = "subscribing",
        [AZ_DPS_SESSION_REGISTERING] = "registering",
        [AZ_DPS_SESSION_WAITING_TO_REGISTER] = "waiting-to-register",
        [AZ_DPS_SESSION_POLLING] = "polling",
        [AZ_DPS_SESSION_WAITING_TO_POLL] = "waiting-to-poll",
        [AZ_DPS_SESSION_BACKOFF] = "backoff",
};

static const char *const triggers[_AZ_DPS_ON_MAX] = {
        [AZ_DPS_ON_START] = "start",
        [AZ_DPS_ON_STOP] = "stop",
        [AZ_DPS_ON_SIGNED] = "signed",
        [AZ_DPS_ON_CERTIFICATE] = "certificate",
        [AZ_DPS_ON_CONNECTED] = "connected",
        [AZ_DPS_ON_REFUSED] = "refused",
        [AZ_DPS_ON_SUBACK] = "suback",
        [AZ_DPS_ON_SUBACK_REFUSED] = "suback-refused",
        [AZ_DPS_ON_ASSIGNING] = "assigning",
        [AZ_DPS_ON_ASSIGNED] = "assigned",
        [AZ_DPS_ON_RETRY] = "retry",
        [AZ_DPS_ON_RESTART] = "restart",
        [AZ_DPS_ON_LOST] = "lost",
        [AZ_DPS_ON_TIMEOUT] = "timeout",
        [AZ_DPS_ON_FAILED] = "failed",
        [AZ_DPS_ON_CLOCK_UNSET] = "clock-unset",
        [AZ_DPS_ON_CLOCK_CHANGED] = "clock-changed",
};

static const char *const event_types[_AZ_DPS_EVENT_TYPE_MAX] = {
        [AZ_DPS_EVENT_SIGN] = "sign",
        [AZ_DPS_EVENT_CONNECT] = "connect",
        [AZ_DPS_EVENT_SUBSCRIBE] = "subscribe",
        [AZ_DPS_EVENT_PUBLISH] = "publish",
        [AZ_DPS_EVENT_WAIT] = "wait",
        [AZ_DPS_EVENT_LOST] = "lost",
        [AZ_DPS_EVENT_ASSIGNED] = "assigned",
        [AZ_DPS_EVENT_FAILED] = "failed",
        [AZ_DPS_EVENT_DISCONNECT] = "disconnect",
};

static const char *const losses[_AZ_DPS_LOSS_MAX] = {
        [AZ_DPS_LOSS_NONE] = "none",
        [AZ_DPS_LOSS_SIGNING] = "signing",
        [AZ_DPS_LOSS_NAME] = "name",
        [AZ_DPS_LOSS_TCP] = "tcp",
        [AZ_DPS_LOSS_TLS] = "tls",
        [AZ_DPS_LOSS_TIMEOUT] = "timeout",
        [AZ_DPS_LOSS_REFUSED] = "refused",
        [AZ_DPS_LOSS_SUBSCRIBE] = "subscribe",
        [AZ_DPS_LOSS_CLOSED] = "closed",
        [AZ_DPS_LOSS_KEEP_ALIVE] = "keep-alive",
        [AZ_DPS_LOSS_PROTOCOL] = "protocol",
        [AZ_DPS_LOSS_ANSWER] = "answer",
        [AZ_DPS_LOSS_ASSIGNMENT] = "assignment",
        [AZ_DPS_LOSS_DISABLED] = "disabled",
        [AZ_DPS_LOSS_DEADLINE] = "deadline",
        [AZ_DPS_LOSS_CLOCK] = "clock",
};

char const *az_dps_session_state_to_string(az_dps_session_state state) {
        return _az_session_name_in(states, _AZ_DPS_SESSION_STATE_MAX, (size_t) state);
}

char const *az_dps_session_trigger_to_string(az_dps_session_trigger trigger) {
        return _az_session_name_in(triggers, _AZ_DPS_ON_MAX, (size_t) trigger);
}

char const *az_dps_event_type_to_string(az_dps_event_type type) {
        return _az_session_name_in(event_types, _AZ_DPS_EVENT_TYPE_MAX, (size_t) type);
}

char const *az_dps_loss_to_string(az_dps_loss loss) {
        return _az_session_name_in(losses, _AZ_DPS_LOSS_MAX, (size_t) loss);
}
