/* SPDX-License-Identifier: MIT */

#include "daemon/command-file.h"

#include "daemon/state-json.h"

/* A token is a pair of texts, as in aio_topic_token. */
static const IpcField token_fields[] = {
        { "key", IPC_FIELD_STRING, offsetof(aio_topic_token, key) },
        { "value", IPC_FIELD_STRING, offsetof(aio_topic_token, value) },
};
static const IpcStruct token_struct = IPC_STRUCT(aio_topic_token, token_fields);

typedef struct Row {
        int64_t user;
        az_span topic, share_name;
        IpcStructs tokens;
} Row;

static const IpcField row_fields[] = {
        { "user", IPC_FIELD_INT, offsetof(Row, user), .max = UINT32_MAX },
        { "topic", IPC_FIELD_STRING, offsetof(Row, topic), .min = 1 },
        { "shareName", IPC_FIELD_STRING, offsetof(Row, share_name), IPC_FIELD_NULLABLE },
        { "tokens", IPC_FIELD_STRUCTS, offsetof(Row, tokens), .type = &token_struct },
};
static const IpcStruct row_struct = IPC_STRUCT(Row, row_fields);

static const IpcField file_fields[] = {
        { "commands", IPC_FIELD_STRUCTS, 0, .max = COMMAND_SERVICES_MAX, .type = &row_struct },
};
static const IpcStruct file_struct = IPC_STRUCT(IpcStructs, file_fields);

static void write_row(IpcJson *json, const CommandOffer *offer, uid_t uid) {
        ipc_json_begin(json, NULL);
        ipc_json_int(json, "user", uid);
        ipc_json_string(json, "topic", offer->topic);
        if (az_span_size(offer->share_name) > 0)
                ipc_json_string(json, "shareName", offer->share_name);
        ipc_json_begin_array(json, "tokens");
        for (int32_t i = 0; i < offer->tokens.n_tokens; i++) {
                ipc_json_begin(json, NULL);
                ipc_json_string(json, "key", offer->tokens.tokens[i].key);
                ipc_json_string(json, "value", offer->tokens.tokens[i].value);
                ipc_json_end(json);
        }
        ipc_json_end_array(json);
        ipc_json_end(json);
}

int command_file_format(const CommandServer *server, char **ret) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        CommandOffer offer;
        uid_t uid;

        ipc_json_begin(&json, NULL);
        ipc_json_begin_array(&json, "commands");
        for (size_t i = 0; command_server_get_service(server, i, &offer, &uid); i++)
                write_row(&json, &offer, uid);
        ipc_json_end_array(&json);
        ipc_json_end(&json);
        return state_json_take(&json, ret);
}

int command_file_parse(IpcDocument *document, az_span text, CommandRecord **ret_records, size_t *ret_n) {
        IpcStructs structs;
        CommandRecord *records;
        const Row *rows;
        int r;

        r = state_json_decode(&file_struct, document, text, &structs);
        if (r != 0)
                return r;
        records = calloc(MAX(structs.n_items, (size_t) 1), sizeof(*records));
        if (!records)
                return -ENOMEM;

        rows = structs.items;
        for (size_t i = 0; i < structs.n_items; i++)
                records[i] = (CommandRecord){
                        .uid = (uid_t) rows[i].user,
                        .offer = { .topic = rows[i].topic,
                                   .share_name = rows[i].share_name,
                                   .tokens = { rows[i].tokens.items, (int32_t) rows[i].tokens.n_items } },
                };
        *ret_records = records;
        *ret_n = structs.n_items;
        return 0;
}
