/* SPDX-License-Identifier: MIT */

/* GetLogLevel, SetLogLevel: how much is logged. */

#include "daemon/device-internal.h"

typedef struct SetLogLevelParams {
        int level;
} SetLogLevelParams;

/* Of these LOG_ERR is the first. */
static const char *const level_names[] = { "err", "warning", "notice", "info", "debug", NULL };

#define AS_CONFIGURED (-1)

static const IpcField set_log_level_fields[] = {
        { "level", IPC_FIELD_ENUM, offsetof(SetLogLevelParams, level), IPC_FIELD_NULLABLE,
          .absent = AS_CONFIGURED, .names = level_names },
};
const IpcStruct device_set_log_level_struct = IPC_STRUCT(SetLogLevelParams, set_log_level_fields);

int device_get_log_level(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const Device *d = userdata;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "level", level_names[d->log->max_level - LOG_ERR]);
        ipc_json_cstring(&json, "configured", level_names[d->config->log.level - LOG_ERR]);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

int device_set_log_level(IpcCall *call, const void *params, void *userdata) {
        const IpcPeer *peer = ipc_connection_get_peer(ipc_call_get_connection(call));
        const SetLogLevelParams *p = params;
        Device *d = userdata;

        d->log->max_level = p->level == AS_CONFIGURED ? d->config->log.level : p->level + LOG_ERR;
        (void) log_full(d->log, MSG_LOG_LEVEL, 0, LOG_FACTS(.uid = &peer->uid, .unit = peer->unit),
                        "The log level is '%s' now, for uid %u", level_names[d->log->max_level - LOG_ERR],
                        peer->uid);
        return ipc_call_reply(call, AZ_SPAN_EMPTY);
}
