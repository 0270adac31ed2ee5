/* SPDX-License-Identifier: MIT */
#include <session/recovery_internal.h>
#include <session/session_internal.h>

/* A condition, or ANY; a set of classes, or 0. */
#define ROW(from, on, classes, when, to, event, pace)                                                      \
        {                                                                                                  \
                AZ_RECOVERY_##from, AZ_RECOVERY_ON_##on, classes, AZ_RECOVERY_IF_##when, AZ_RECOVERY_##to, \
                        AZ_RECOVERY_EVENT_##event, AZ_RECOVERY_PACE_##pace                                 \
        }

#define BIT(name) _az_ERROR_CLASS_BIT(AZ_ERROR_CLASS_##name)

/* clang-format off */

/* Of a hub. The identity was looked at and is not taken. */
#define REFUSED    (BIT(CREDENTIAL) | BIT(IDENTITY))
/* It may be another hub that the device belongs to. */
#define MOVED      (REFUSED | BIT(NETWORK) | BIT(TIMEOUT) | BIT(SERVICE) | BIT(FORBIDDEN) | BIT(PROTOCOL))
/* No other hub would help. */
#define OURS       (BIT(LOCAL) | BIT(THROTTLED) | BIT(CONFLICT) | BIT(CALLER) | BIT(TOO_LARGE))

/* Of a run of DPS. It was not reached. */
#define UNREACHED  (BIT(LOCAL) | BIT(NETWORK))
/* It may be different in a while: transient, or an enrollment that is yet to come. */
#define TRANSIENT  (BIT(TIMEOUT) | BIT(SERVICE) | BIT(THROTTLED) | BIT(CONFLICT) | BIT(IDENTITY) | BIT(PROTOCOL))
/* It will not, unless people do something about it. */
#define HOPELESS   (BIT(CREDENTIAL) | BIT(FORBIDDEN) | BIT(CALLER) | BIT(TOO_LARGE))

static const az_recovery_transition transitions[] = {
        ROW(STOPPED,        START,            0,                ANY,              HUB,            CONNECT,        NONE),
        ROW(STOPPED,        START_UNASSIGNED, 0,                PROVISIONABLE,    PROVISIONING,   PROVISION,      NONE),

        ROW(PROVISIONING,   ASSIGNED,         0,                ANY,              HUB,            CONNECT,        SLOW),
        ROW(PROVISIONING,   ASSIGNED_SAME,    0,                ANY,              HUB,            CONNECT,        SLOW),
        ROW(PROVISIONING,   FAILED,           UNREACHED,        ANY,              WAITING,        WAIT,           SOON),
        ROW(PROVISIONING,   FAILED,           TRANSIENT,        ANY,              WAITING,        WAIT,           SLOW),
        ROW(PROVISIONING,   FAILED,           BIT(CREDENTIAL),  OTHER_CREDENTIAL, WAITING,        NEW_CREDENTIAL, SLOW),
        ROW(PROVISIONING,   FAILED,           BIT(CREDENTIAL),  CLOCK_DOUBTFUL,   WAITING,        WAIT,           SLOW),
        ROW(PROVISIONING,   FAILED,           HOPELESS,         ANY,              WAITING,        WAIT,           SLOWEST),

        ROW(WAITING,        TIMEOUT,          0,                ANY,              PROVISIONING,   PROVISION,      NONE),
        ROW(WAITING,        PROVISION_NOW,    0,                ANY,              PROVISIONING,   PROVISION,      NONE),

        ROW(HUB,            HUB_LOST,         REFUSED,          REFUSED_THRICE,   REPROVISIONING, PROVISION,      NONE),
        ROW(HUB,            HUB_LOST,         MOVED,            FAILING_LONG,     REPROVISIONING, PROVISION,      NONE),
        ROW(HUB,            HUB_LOST,         BIT(CREDENTIAL),  REFUSED_TWICE,    HUB,            NEW_CREDENTIAL, NONE),
        ROW(HUB,            HUB_LOST,         MOVED | OURS,     ANY,              HUB,            BACK_OFF,       NONE),
        ROW(HUB,            PROVISION_NOW,    0,                PROVISIONABLE,    REPROVISIONING, PROVISION,      NONE),

        ROW(REPROVISIONING, ASSIGNED,         0,                ANY,              HUB,            CONNECT,        SLOW),
        ROW(REPROVISIONING, ASSIGNED_SAME,    0,                ANY,              HUB,            RESUME,         SLOW),
        ROW(REPROVISIONING, FAILED,           BIT(CREDENTIAL),  REFUSED_BY_BOTH,  HUB,            NEW_CREDENTIAL, SLOW),
        ROW(REPROVISIONING, FAILED,           BIT(CREDENTIAL),  CLOCK_DOUBTFUL,   HUB,            RESUME,         SLOW),
        ROW(REPROVISIONING, FAILED,           HOPELESS,         ANY,              HUB,            RESUME,         SLOWEST),
        ROW(REPROVISIONING, FAILED,           UNREACHED | TRANSIENT, ANY,         HUB,            RESUME,         SLOW),

        ROW(STOPPED,        STOP,             0,                ANY,              STOPPED,        STOP,           NONE),
        ROW(PROVISIONING,   STOP,             0,                ANY,              STOPPED,        STOP,           NONE),
        ROW(WAITING,        STOP,             0,                ANY,              STOPPED,        STOP,           NONE),
        ROW(HUB,            STOP,             0,                ANY,              STOPPED,        STOP,           NONE),
        ROW(REPROVISIONING, STOP,             0,                ANY,              STOPPED,        STOP,           NONE),
};
/* clang-format on */

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

az_recovery_transition const *_az_recovery_find_transition(az_recovery_transition const *after,
                                                           az_recovery_state from, az_recovery_trigger on,
                                                           az_error_class error_class) {
        for (size_t i = after ? (size_t) (after - transitions) + 1 : 0; i < N_OF(transitions); i++) {
                if (transitions[i].from != from || transitions[i].on != on)
                        continue;
                if (error_class == AZ_ERROR_CLASS_NONE ||
                    (transitions[i].classes & _az_ERROR_CLASS_BIT(error_class)) != 0)
                        return &transitions[i];
        }
        return NULL;
}

az_recovery_transition const *az_recovery_transitions(size_t *out_n) {
        *out_n = N_OF(transitions);
        return transitions;
}

/* SERVICE, not NETWORK, where the hub was there to say it; a filter that it refuses is not for this device.
 */
static const az_error_class loss_classes[_AZ_HUB_LOSS_MAX] = {
        [AZ_HUB_LOSS_NONE] = AZ_ERROR_CLASS_NONE,
        [AZ_HUB_LOSS_SIGNING] = AZ_ERROR_CLASS_LOCAL,
        [AZ_HUB_LOSS_NAME] = AZ_ERROR_CLASS_NETWORK,
        [AZ_HUB_LOSS_TCP] = AZ_ERROR_CLASS_NETWORK,
        [AZ_HUB_LOSS_TLS] = AZ_ERROR_CLASS_NETWORK,
        [AZ_HUB_LOSS_TIMEOUT] = AZ_ERROR_CLASS_TIMEOUT,
        [AZ_HUB_LOSS_REFUSED] = AZ_ERROR_CLASS_PROTOCOL, /* CONNACK says */
        [AZ_HUB_LOSS_SUBSCRIBE] = AZ_ERROR_CLASS_FORBIDDEN,
        [AZ_HUB_LOSS_CLOSED] = AZ_ERROR_CLASS_SERVICE,
        [AZ_HUB_LOSS_KEEP_ALIVE] = AZ_ERROR_CLASS_TIMEOUT,
        [AZ_HUB_LOSS_PROTOCOL] = AZ_ERROR_CLASS_PROTOCOL,
        [AZ_HUB_LOSS_PUBLISH] = AZ_ERROR_CLASS_CALLER,
        [AZ_HUB_LOSS_THROTTLED] = AZ_ERROR_CLASS_THROTTLED,
        [AZ_HUB_LOSS_DUPLICATE] = AZ_ERROR_CLASS_CONFLICT,
        [AZ_HUB_LOSS_CLOCK] = AZ_ERROR_CLASS_LOCAL,
        [AZ_HUB_LOSS_LOCAL] = AZ_ERROR_CLASS_LOCAL,
};

az_error_class az_error_class_of_hub_loss(az_hub_loss loss, uint8_t connack_code) {
        if (loss == AZ_HUB_LOSS_REFUSED)
                return az_error_class_of_connack(connack_code);
        return (size_t) loss < N_OF(loss_classes) ? loss_classes[loss] : AZ_ERROR_CLASS_PROTOCOL;
}

static const char *const states[_AZ_RECOVERY_STATE_MAX] = {
        [AZ_RECOVERY_STOPPED] = "stopped",
        [AZ_RECOVERY_HUB] = "hub",
        [AZ_RECOVERY_PROVISIONING] = "provisioning",
        [AZ_RECOVERY_WAITING] = "waiting",
        [AZ_RECOVERY_REPROVISIONING] = "reprovisioning",
};

static const char *const event_types[_AZ_RECOVERY_EVENT_TYPE_MAX] = {
        [AZ_RECOVERY_EVENT_BACK_OFF] = "back-off",   [AZ_RECOVERY_EVENT_NEW_CREDENTIAL] = "new-credential",
        [AZ_RECOVERY_EVENT_PROVISION] = "provision", [AZ_RECOVERY_EVENT_CONNECT] = "connect",
        [AZ_RECOVERY_EVENT_RESUME] = "resume",       [AZ_RECOVERY_EVENT_WAIT] = "wait",
        [AZ_RECOVERY_EVENT_STOP] = "stop",
};

static const char *const triggers[_AZ_RECOVERY_ON_MAX] = {
        [AZ_RECOVERY_ON_START] = "start",       [AZ_RECOVERY_ON_START_UNASSIGNED] = "start-unassigned",
        [AZ_RECOVERY_ON_STOP] = "stop",         [AZ_RECOVERY_ON_HUB_LOST] = "hub-lost",
        [AZ_RECOVERY_ON_ASSIGNED] = "assigned", [AZ_RECOVERY_ON_ASSIGNED_SAME] = "assigned-same",
        [AZ_RECOVERY_ON_FAILED] = "failed",     [AZ_RECOVERY_ON_PROVISION_NOW] = "provision-now",
        [AZ_RECOVERY_ON_TIMEOUT] = "timeout",
};

static const char *const conditions[_AZ_RECOVERY_IF_MAX] = {
        [AZ_RECOVERY_IF_ANY] = "any",
        [AZ_RECOVERY_IF_CLOCK_DOUBTFUL] = "clock-doubtful",
        [AZ_RECOVERY_IF_OTHER_CREDENTIAL] = "other-credential",
        [AZ_RECOVERY_IF_REFUSED_BY_BOTH] = "refused-by-both",
        [AZ_RECOVERY_IF_REFUSED_TWICE] = "refused-twice",
        [AZ_RECOVERY_IF_PROVISIONABLE] = "provisionable",
        [AZ_RECOVERY_IF_REFUSED_THRICE] = "refused-thrice",
        [AZ_RECOVERY_IF_FAILING_LONG] = "failing-long",
};

static const char *const paces[_AZ_RECOVERY_PACE_MAX] = {
        [AZ_RECOVERY_PACE_NONE] = "none",
        [AZ_RECOVERY_PACE_SOON] = "soon",
        [AZ_RECOVERY_PACE_SLOW] = "slow",
        [AZ_RECOVERY_PACE_SLOWEST] = "slowest",
};

char const *az_recovery_state_to_string(az_recovery_state state) {
        return _az_session_name_in(states, N_OF(states), (size_t) state);
}

char const *az_recovery_event_type_to_string(az_recovery_event_type type) {
        return _az_session_name_in(event_types, N_OF(event_types), (size_t) type);
}

char const *az_recovery_trigger_to_string(az_recovery_trigger trigger) {
        return _az_session_name_in(triggers, N_OF(triggers), (size_t) trigger);
}

char const *az_recovery_condition_to_string(az_recovery_condition condition) {
        return _az_session_name_in(conditions, N_OF(conditions), (size_t) condition);
}

char const *az_recovery_pace_to_string(az_recovery_pace pace) {
        return _az_session_name_in(paces, N_OF(paces), (size_t) pace);
}
