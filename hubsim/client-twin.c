/* SPDX-License-Identifier: MIT */

/* The command "twin". */

#include "hubsim/client-internal.h"

#include <azure/core/az_json.h>

typedef struct VersionReply {
        int64_t version;
} VersionReply;

static const IpcField version_reply_fields[] = {
        { "version", IPC_FIELD_INT, offsetof(VersionReply, version) },
};
static const IpcStruct version_reply = IPC_STRUCT(VersionReply, version_reply_fields);

int client_twin_get(const ClientOptions *options, const char *device) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        az_span reply;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "device", device);
        ipc_json_end(&json);
        if (client_call(options, &client, PREFIX "GetTwin", &json, &reply) < 0)
                return EXIT_FAILURE;

        client_print_span(reply);
        printf("\n");
        return EXIT_SUCCESS;
}

int client_twin_change(const ClientOptions *options, const char *device, bool replace, const char *object) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        az_span text = az_span_create_from_str((char *) object);
        VersionReply answer;

        if (az_result_failed(az_json_validate(text)))
                return client_fail(-EBADMSG, object);

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "device", device);
        ipc_json_raw(&json, replace ? "desired" : "patch", text);
        ipc_json_end(&json);
        if (client_call_and_decode(options, &client,
                                   replace ? PREFIX "ReplaceDesired" : PREFIX "UpdateDesired", &json,
                                   &version_reply, &answer) < 0)
                return EXIT_FAILURE;

        printf("%lld\n", (long long) answer.version);
        return EXIT_SUCCESS;
}
