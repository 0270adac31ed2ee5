/* SPDX-License-Identifier: MIT */

/* The command "limit". */

#include "hubsim/client-internal.h"

typedef struct LimitsReply {
        int64_t values[13];
} LimitsReply;

#define ROW(member, place) \
        { member, IPC_FIELD_INT, offsetof(LimitsReply, values) + (place) * sizeof(int64_t), .max = INT64_MAX }

static const IpcField limits_reply_fields[] = {
        ROW("d2cPerSecond", 0),       ROW("d2cBacklogSeconds", 1),    ROW("connectsPerSecond", 2),
        ROW("twinReadsPerSecond", 3), ROW("twinUpdatesPerSecond", 4), ROW("deviceTwinPerSecond", 5),
        ROW("c2dPerSecond", 6),       ROW("methodsPerSecond", 7),     ROW("registrationsPerMinute", 8),
        ROW("messagesPerDay", 9),     ROW("messageBlockBytes", 10),   ROW("quotaConnack", 11),
        ROW("messagesToday", 12),
};
static const IpcStruct limits_reply = IPC_STRUCT(LimitsReply, limits_reply_fields);

/* What stands on the command line, in the order of the fields above. */
static const char *const names[] = {
        "d2c-per-second",           "d2c-backlog-seconds",    "connects-per-second", "twin-reads-per-second",
        "twin-updates-per-second",  "device-twin-per-second", "c2d-per-second",      "methods-per-second",
        "registrations-per-minute", "messages-per-day",       "message-block-bytes", "quota-connack",
        "messages-today", /* which is no limit */
};

int client_limit_list(const ClientOptions *options) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        LimitsReply answer;

        ipc_json_begin(&json, NULL);
        ipc_json_end(&json);
        if (client_call_and_decode(options, &client, PREFIX "GetLimits", &json, &limits_reply, &answer) < 0)
                return EXIT_FAILURE;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                printf("%s %lld\n", names[i], (long long) answer.values[i]);
        return EXIT_SUCCESS;
}

static int call(const ClientOptions *options, const char *method, const char *member, unsigned long value) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        az_span reply;

        ipc_json_begin(&json, NULL);
        if (member)
                ipc_json_int(&json, member, (int64_t) value);
        ipc_json_end(&json);
        return client_call(options, &client, method, &json, &reply) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int client_limit_set(const ClientOptions *options, const char *name, unsigned long value) {
        for (size_t i = 0; i < ELEMENTSOF(names) - 1; i++)
                if (strcmp(names[i], name) == 0)
                        return call(options, PREFIX "SetLimits", limits_reply_fields[i].name, value);
        fprintf(stderr, "aziot-hubsim: unknown limit: %s\nTry 'aziot-hubsim limit'.\n", name);
        return 2;
}

int client_limit_reset(const ClientOptions *options) {
        return call(options, PREFIX "ResetQuota", NULL, 0);
}
