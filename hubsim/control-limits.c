/* SPDX-License-Identifier: MIT */

/* What the hub allows in a time. */

#include "hubsim/control-internal.h"

#include "hubsim/mqtt-codec.h"

/* More than any hub allows. */
#define LIMIT_VALUE_MAX 1000000000

typedef struct LimitsParams {
        int64_t values[_LIMIT_MAX];
} LimitsParams;

#define ROW(name, kind, maximum)                                                                \
        {                                                                                       \
                name, IPC_FIELD_INT, offsetof(LimitsParams, values) + (kind) * sizeof(int64_t), \
                        IPC_FIELD_NULLABLE, .min = 0, .max = (maximum), .absent = -1            \
        }

static const IpcField limits_fields[] = {
        ROW("d2cPerSecond", LIMIT_D2C, LIMIT_VALUE_MAX),
        ROW("d2cBacklogSeconds", LIMIT_D2C_BACKLOG, 3600),
        ROW("connectsPerSecond", LIMIT_CONNECTS, LIMIT_VALUE_MAX),
        ROW("twinReadsPerSecond", LIMIT_TWIN_READS, LIMIT_VALUE_MAX),
        ROW("twinUpdatesPerSecond", LIMIT_TWIN_UPDATES, LIMIT_VALUE_MAX),
        ROW("deviceTwinPerSecond", LIMIT_TWIN_PER_DEVICE, LIMIT_VALUE_MAX),
        ROW("c2dPerSecond", LIMIT_C2D, LIMIT_VALUE_MAX),
        ROW("methodsPerSecond", LIMIT_METHODS, LIMIT_VALUE_MAX),
        ROW("registrationsPerMinute", LIMIT_REGISTRATIONS, LIMIT_VALUE_MAX),
        ROW("messagesPerDay", LIMIT_DAY, LIMIT_VALUE_MAX),
        ROW("messageBlockBytes", LIMIT_BLOCK, LIMIT_VALUE_MAX),
        ROW("quotaConnack", LIMIT_QUOTA_CONNACK, _MQTT_CONNACK_CODE_MAX - 1),
};
const IpcStruct control_limits_params = IPC_STRUCT(LimitsParams, limits_fields);

int control_on_set_limits(IpcCall *call, const void *params, void *userdata) {
        const LimitsParams *p = params;
        Control *control = userdata;

        for (size_t i = 0; i < _LIMIT_MAX; i++)
                if (p->values[i] >= 0)
                        control->hub->limits.values[i] = (uint64_t) p->values[i];
        return ipc_call_reply(call, AZ_SPAN_EMPTY);
}

int control_on_get_limits(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Control *control = userdata;
        Limits *limits = &control->hub->limits;

        (void) limits_are_used_up(limits, hub_realtime_us(control->hub)); /* the day may be another one */
        ipc_json_begin(&json, NULL);
        for (size_t i = 0; i < _LIMIT_MAX; i++)
                ipc_json_int(&json, limit_names[i], (int64_t) limits->values[i]);
        ipc_json_int(&json, "messagesToday", (int64_t) limits->n_today);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

int control_on_reset_quota(IpcCall *call, const void *params, void *userdata) {
        Control *control = userdata;

        limits_reset_day(&control->hub->limits);
        return ipc_call_reply(call, AZ_SPAN_EMPTY);
}
