/* SPDX-License-Identifier: MIT */

#include "daemon/route-file.h"

#include <assert.h>
#include <inttypes.h>

#include "daemon/state-json.h"

typedef struct MemoryFields {
        int worked;
        int64_t preferred_failed_s;
} MemoryFields;

static const char *const transport_words[] = { [ROUTE_MQTT] = "mqtt", [ROUTE_WEBSOCKET] = "websocket", NULL };

static const IpcField memory_fields[] = {
        { "worked", IPC_FIELD_ENUM, offsetof(MemoryFields, worked), .names = transport_words },
        { "preferredFailed", IPC_FIELD_INT, offsetof(MemoryFields, preferred_failed_s), .max = INT64_MAX },
};
static const IpcStruct memory_struct = IPC_STRUCT(MemoryFields, memory_fields);

int route_memory_format(const RouteMemory *memory, char **ret) {
        assert(memory->worked >= 0);
        if (asprintf(ret, "{\"worked\":\"%s\",\"preferredFailed\":%" PRId64 "}",
                     route_transport_to_string(memory->worked), memory->preferred_failed_s) < 0)
                return -ENOMEM;
        return 0;
}

int route_memory_parse(RouteMemory *ret, az_span text) {
        _cleanup_(ipc_document_done) IpcDocument document = IPC_DOCUMENT_NULL;
        MemoryFields fields;
        int r;

        r = state_json_decode(&memory_struct, &document, text, &fields);
        if (r != 0)
                return r;
        *ret = (RouteMemory){ .worked = (RouteTransport) fields.worked,
                              .preferred_failed_s = fields.preferred_failed_s };
        return 0;
}
