/* SPDX-License-Identifier: MIT */

/* The command "messages". */

#include "hubsim/client-internal.h"

int client_messages_list(const ClientOptions *options, const char *device) {
        return client_call_and_print(options, PREFIX "ListMessages", device);
}

int client_messages_feedback(const ClientOptions *options, const char *device) {
        return client_call_and_print(options, PREFIX "Feedback", device);
}

typedef struct SendReply {
        az_span message_id;
} SendReply;

static const IpcField send_reply_fields[] = {
        { "messageId", IPC_FIELD_STRING, offsetof(SendReply, message_id) },
};
static const IpcStruct send_reply = IPC_STRUCT(SendReply, send_reply_fields);

static void add_properties(IpcJson *json, const char *const *properties) {
        ipc_json_begin(json, "properties");
        for (; *properties; properties++) {
                const char *equals = strchr(*properties, '=');
                int32_t n = (int32_t) (equals ? equals - *properties : (ptrdiff_t) strlen(*properties));

                ipc_json_entry(json, az_span_create((uint8_t *) *properties, n),
                               az_span_create_from_str((char *) (equals ? equals + 1 : "")));
        }
        ipc_json_end(json);
}

int client_messages_send(const ClientOptions *options, const ClientMessage *message) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        SendReply answer;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "device", message->device);
        ipc_json_cstring(&json, "body", message->body);
        ipc_json_cstring(&json, "messageId", message->message_id);
        ipc_json_cstring(&json, "correlationId", message->correlation_id);
        ipc_json_cstring(&json, "userId", message->user_id);
        ipc_json_cstring(&json, "contentType", message->content_type);
        ipc_json_cstring(&json, "contentEncoding", message->content_encoding);
        add_properties(&json, message->properties);
        if (message->ttl_s > 0)
                ipc_json_int(&json, "ttlSeconds", (int64_t) message->ttl_s);
        ipc_json_cstring(&json, "ack", message->ack);
        ipc_json_end(&json);
        if (client_call_and_decode(options, &client, PREFIX "SendMessage", &json, &send_reply, &answer) < 0)
                return EXIT_FAILURE;

        client_print_span(answer.message_id);
        printf("\n");
        return EXIT_SUCCESS;
}

typedef struct PurgeReply {
        int64_t count;
} PurgeReply;

static const IpcField purge_reply_fields[] = {
        { "count", IPC_FIELD_INT, offsetof(PurgeReply, count) },
};
static const IpcStruct purge_reply = IPC_STRUCT(PurgeReply, purge_reply_fields);

int client_messages_purge(const ClientOptions *options, const char *device) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        PurgeReply answer;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "device", device);
        ipc_json_end(&json);
        if (client_call_and_decode(options, &client, PREFIX "PurgeMessages", &json, &purge_reply, &answer) <
            0)
                return EXIT_FAILURE;

        printf("%lld\n", (long long) answer.count);
        return EXIT_SUCCESS;
}
