/* SPDX-License-Identifier: MIT */

#include "daemon/drop-report-file.h"

#include "daemon/state-json.h"

typedef struct CountsFields {
        az_span since;
        int64_t n[_OUTBOX_DROP_CAUSE_MAX];
} CountsFields;

typedef struct MemoryFields {
        az_span since;
        CountsFields reported[_PRIORITY_MAX];
        az_span message_id, body;
} MemoryFields;

#define COUNT(word, cause) \
        { word, IPC_FIELD_INT, offsetof(CountsFields, n[cause]), .max = INT64_MAX }

/* The words are those of outbox_drop_cause_to_string(). */
static const IpcField counts_fields[] = {
        { "since", IPC_FIELD_STRING, offsetof(CountsFields, since) },
        COUNT("expired", OUTBOX_DROP_EXPIRED),
        COUNT("overflow", OUTBOX_DROP_OLDER),
        COUNT("damaged", OUTBOX_DROP_DAMAGED),
        COUNT("unsendable", OUTBOX_DROP_UNSENDABLE),
        COUNT("poison", OUTBOX_DROP_POISON),
        COUNT("refused", OUTBOX_DROP_REFUSED),
};
static const IpcStruct counts_struct = IPC_STRUCT(CountsFields, counts_fields);

static const IpcField memory_fields[] = {
        { "since", IPC_FIELD_STRING, offsetof(MemoryFields, since) },
        { "normal", IPC_FIELD_STRUCT, offsetof(MemoryFields, reported[PRIORITY_NORMAL]),
          .type = &counts_struct },
        { "high", IPC_FIELD_STRUCT, offsetof(MemoryFields, reported[PRIORITY_HIGH]), .type = &counts_struct },
        { "messageId", IPC_FIELD_STRING, offsetof(MemoryFields, message_id), IPC_FIELD_NULLABLE },
        { "body", IPC_FIELD_STRING, offsetof(MemoryFields, body), IPC_FIELD_NULLABLE },
};
static const IpcStruct memory_struct = IPC_STRUCT(MemoryFields, memory_fields);

void drop_memory_clear_report(DropMemory *memory) {
        free(memory->message_id);
        free(memory->body);
        memory->message_id = memory->body = NULL;
}

void drop_memory_done(DropMemory *memory) {
        drop_memory_clear_report(memory);
        *memory = DROP_MEMORY_NULL;
}

int drop_memory_set_report(DropMemory *memory, az_span message_id, az_span body) {
        drop_memory_clear_report(memory);
        memory->message_id =
                strndup((const char *) az_span_ptr(message_id), (size_t) az_span_size(message_id));
        memory->body = strndup((const char *) az_span_ptr(body), (size_t) az_span_size(body));
        if (memory->message_id && memory->body)
                return 0;
        drop_memory_clear_report(memory);
        return -ENOMEM;
}

static void format_counts(IpcJson *json, const char *name, const DropCounts *counts) {
        ipc_json_begin(json, name);
        ipc_json_cstring(json, "since", counts->since);
        for (OutboxDropCause cause = 0; cause < OUTBOX_DROP_HUB_MAX; cause++)
                ipc_json_int(json, outbox_drop_cause_to_string(cause), counts->n[cause]);
        ipc_json_end(json);
}

int drop_memory_format(const DropMemory *memory, char **ret) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "since", memory->since);
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                format_counts(&json, priority_names[p], &memory->reported[p]);
        if (memory->body) {
                ipc_json_cstring(&json, "messageId", memory->message_id);
                ipc_json_cstring(&json, "body", memory->body);
        }
        ipc_json_end(&json);
        return state_json_take(&json, ret);
}

static bool copy_time(char ret[static RFC3339_SIZE], az_span text) {
        uint64_t time_us;

        if (az_span_size(text) >= (int32_t) RFC3339_SIZE ||
            (az_span_size(text) > 0 && rfc3339_parse(text, &time_us) < 0))
                return false;
        az_span_to_str(ret, (int32_t) RFC3339_SIZE, text);
        return true;
}

int drop_memory_parse(DropMemory *ret, az_span text) {
        _cleanup_(ipc_document_done) IpcDocument document = IPC_DOCUMENT_NULL;
        _cleanup_(drop_memory_done) DropMemory memory = DROP_MEMORY_NULL;
        MemoryFields fields;
        int r;

        r = state_json_decode(&memory_struct, &document, text, &fields);
        if (r != 0)
                return r;
        if (!copy_time(memory.since, fields.since) ||
            ipc_is_absent(fields.body) != ipc_is_absent(fields.message_id))
                return STATE_JSON_INVALID;
        for (Priority p = 0; p < _PRIORITY_MAX; p++) {
                if (!copy_time(memory.reported[p].since, fields.reported[p].since))
                        return STATE_JSON_INVALID;
                memcpy(memory.reported[p].n, fields.reported[p].n, sizeof(memory.reported[p].n));
        }
        if (!ipc_is_absent(fields.body)) {
                r = drop_memory_set_report(&memory, fields.message_id, fields.body);
                if (r < 0)
                        return r;
        }
        *ret = memory;
        memory = DROP_MEMORY_NULL;
        return 0;
}
