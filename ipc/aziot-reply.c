/* SPDX-License-Identifier: MIT */

/* From the replies of the daemon to the structs of aziot.h. */

#include "ipc/aziot-internal.h"

#include <azure/core/az_base64.h>

/* A text in the arena with a NUL behind it; NULL if it is absent, and if there is no memory, which is marked.
 */
static const char *take_text(Aziot *a, az_span text) {
        size_t size = (size_t) az_span_size(text);
        char *copy;

        if (ipc_is_absent(text))
                return NULL;
        copy = ipc_arena_alloc(&a->document.arena, size + 1, 1);
        if (!copy) {
                a->is_out_of_memory = true;
                return NULL;
        }
        memcpy(copy, az_span_ptr(text), size);
        return copy;
}

/* Decodes an object of the last reply. -EBADMSG: it is not what the table says. */
static int decode(Aziot *a, const IpcStruct *type, uint32_t token, void *out) {
        IpcFieldPath path;
        int r;

        a->is_out_of_memory = false;
        r = ipc_struct_decode(type, &a->document, token, IPC_UNKNOWN_IGNORE, out, &path);
        return r == IPC_FIELD_INVALID ? -EBADMSG : r;
}

static int is_complete(const Aziot *a) {
        return a->is_out_of_memory ? -ENOMEM : 0;
}

static az_span parameters_text(const Aziot *a, const IpcWireReply *wire) {
        return wire->parameters == IPC_TOKEN_NONE ? AZ_SPAN_FROM_STR("{}")
                                                  : ipc_document_get_text(&a->document, wire->parameters);
}

/* Errors ---------------------------------------------------------------------------------------------- */

int aziot_read_error(Aziot *a, const IpcWireReply *wire) {
        az_span parameters = parameters_text(a, wire);
        char text[AZIOT_ERROR_TEXT_SIZE];

        aziot_format_error(wire->error, parameters, text);
        a->is_out_of_memory = false;
        a->error = (AziotError){
                .name = take_text(a, wire->error),
                .parameters = take_text(a, parameters),
                .parameters_size = (size_t) az_span_size(parameters),
                .text = take_text(a, az_span_create_from_str(text)),
        };
        return is_complete(a) < 0 ? -ENOMEM : AZIOT_REFUSED;
}

/* Calls ----------------------------------------------------------------------------------------------- */

typedef struct Numbers {
        int64_t number, other;
} Numbers;

static const IpcField send_fields[] = { { "sequence", IPC_FIELD_INT, offsetof(Numbers, number) } };
static const IpcField send_batch_fields[] = { { "lastSequence", IPC_FIELD_INT, offsetof(Numbers, number) } };
static const IpcField flush_fields[] = {
        { "accepted", IPC_FIELD_INT, offsetof(Numbers, number) },
        { "refused", IPC_FIELD_INT, offsetof(Numbers, other) },
};
static const IpcField report_fields[] = {
        { "version", IPC_FIELD_INT, offsetof(Numbers, number), IPC_FIELD_NULLABLE, .absent = -1 },
};

/* By kind of call; one without fields has no numbers. */
static const IpcStruct numbers[_CALL_KIND_MAX] = {
        [CALL_SEND] = IPC_STRUCT(Numbers, send_fields),
        [CALL_SEND_BATCH] = IPC_STRUCT(Numbers, send_batch_fields),
        [CALL_FLUSH] = IPC_STRUCT(Numbers, flush_fields),
        [CALL_REPORT] = IPC_STRUCT(Numbers, report_fields),
};

static int read_numbers(Aziot *a, CallKind kind, uint32_t token) {
        Numbers n = { -1, -1 };
        int r = 0;

        if (numbers[kind].fields)
                r = decode(a, &numbers[kind], token, &n);
        if (r < 0)
                return r;

        a->reply.sequence = kind == CALL_SEND || kind == CALL_SEND_BATCH ? n.number : -1;
        a->reply.version = kind == CALL_REPORT ? n.number : -1;
        a->n_accepted = kind == CALL_FLUSH ? (uint64_t) n.number : 0;
        a->n_refused = kind == CALL_FLUSH ? (uint64_t) n.other : 0;
        return 0;
}

static int read_twin(Aziot *a, uint32_t token);

int aziot_read_reply(Aziot *a, CallKind kind, const IpcWireReply *wire) {
        az_span parameters = parameters_text(a, wire);
        int r;

        if (!ipc_is_absent(wire->error))
                return aziot_read_error(a, wire);

        a->is_out_of_memory = false;
        a->reply = (AziotReply){
                .parameters = take_text(a, parameters),
                .parameters_size = (size_t) az_span_size(parameters),
                .continues = wire->continues,
        };
        r = is_complete(a);
        if (r == 0 && kind == CALL_TWIN)
                r = read_twin(a, wire->parameters);
        if (r == 0 && kind == CALL_STATUS)
                r = aziot_read_status(a, wire->parameters, &a->status);
        return r < 0 ? r : read_numbers(a, kind, wire->parameters);
}

/* Direct methods -------------------------------------------------------------------------------------- */

typedef struct Call {
        az_span id, name, component, payload, payload_text, deadline;
} Call;

static const IpcField call_fields[] = {
        { "id", IPC_FIELD_STRING, offsetof(Call, id) },
        { "name", IPC_FIELD_STRING, offsetof(Call, name) },
        { "component", IPC_FIELD_STRING, offsetof(Call, component), IPC_FIELD_NULLABLE },
        { "payload", IPC_FIELD_OBJECT, offsetof(Call, payload), IPC_FIELD_NULLABLE },
        { "payloadText", IPC_FIELD_STRING, offsetof(Call, payload_text), IPC_FIELD_NULLABLE },
        { "deadline", IPC_FIELD_STRING, offsetof(Call, deadline) },
};
static const IpcStruct call_type = IPC_STRUCT(Call, call_fields);

static const IpcField taken_call_fields[] = { { "call", IPC_FIELD_STRUCT, 0, .type = &call_type } };
static const IpcStruct taken_call_type = IPC_STRUCT(Call, taken_call_fields);

/* Take replies null when there was nothing in time. */
static int read_offer(Aziot *a, const char *name, uint32_t token, az_span *ret) {
        const IpcField fields[] = { { name, IPC_FIELD_OBJECT, 0, IPC_FIELD_NULLABLE } };
        const IpcStruct type = IPC_STRUCT(az_span, fields);
        int r;

        r = decode(a, &type, token, ret);
        return r < 0 ? r : ipc_is_absent(*ret) ? AZIOT_NOTHING : 0;
}

/* A wall-clock time on the clock that does not jump; one that is not understood has passed. */
static uint64_t deadline_us(const char *time) {
        uint64_t then_us, now_us = realtime_us();

        if (!time || aziot_parse_time(time, &then_us) < 0 || then_us < now_us)
                then_us = now_us;
        return boottime_us() + (then_us - now_us);
}

int aziot_read_method(Aziot *a, uint32_t token, AziotMethodCall *ret) {
        az_span offer, payload;
        const char *deadline;
        Call call;
        int r;

        r = read_offer(a, "call", token, &offer);
        if (r == 0)
                r = decode(a, &taken_call_type, token, &call);
        if (r != 0)
                return r;

        payload = ipc_is_absent(call.payload) ? call.payload_text : call.payload;
        deadline = take_text(a, call.deadline);
        *ret = (AziotMethodCall){
                .id = take_text(a, call.id),
                .name = take_text(a, call.name),
                .component = take_text(a, call.component),
                .payload = take_text(a, payload),
                .payload_size = (size_t) az_span_size(payload),
                .deadline_us = deadline_us(deadline),
                .deadline = deadline,
        };
        return is_complete(a);
}

/* Messages from the cloud ----------------------------------------------------------------------------- */

typedef struct Message {
        az_span id, body, text, data, content_type, content_encoding, message_id, correlation_id, user_id;
        IpcMap properties;
        az_span enqueued, expires;
        bool redelivered;
} Message;

static const IpcField message_fields[] = {
        { "id", IPC_FIELD_STRING, offsetof(Message, id) },
        { "body", IPC_FIELD_OBJECT, offsetof(Message, body), IPC_FIELD_NULLABLE },
        { "text", IPC_FIELD_STRING, offsetof(Message, text), IPC_FIELD_NULLABLE },
        { "data", IPC_FIELD_STRING, offsetof(Message, data), IPC_FIELD_NULLABLE },
        { "contentType", IPC_FIELD_STRING, offsetof(Message, content_type), IPC_FIELD_NULLABLE },
        { "contentEncoding", IPC_FIELD_STRING, offsetof(Message, content_encoding), IPC_FIELD_NULLABLE },
        { "messageId", IPC_FIELD_STRING, offsetof(Message, message_id), IPC_FIELD_NULLABLE },
        { "correlationId", IPC_FIELD_STRING, offsetof(Message, correlation_id), IPC_FIELD_NULLABLE },
        { "userId", IPC_FIELD_STRING, offsetof(Message, user_id), IPC_FIELD_NULLABLE },
        { "properties", IPC_FIELD_MAP, offsetof(Message, properties), IPC_FIELD_NULLABLE },
        { "enqueued", IPC_FIELD_STRING, offsetof(Message, enqueued) },
        { "expires", IPC_FIELD_STRING, offsetof(Message, expires), IPC_FIELD_NULLABLE },
        { "redelivered", IPC_FIELD_BOOL, offsetof(Message, redelivered), IPC_FIELD_NULLABLE },
};
static const IpcStruct message_type = IPC_STRUCT(Message, message_fields);

static const IpcField taken_message_fields[] = { { "message", IPC_FIELD_STRUCT, 0, .type = &message_type } };
static const IpcStruct taken_message_type = IPC_STRUCT(Message, taken_message_fields);

/* Undoes base64; absent if it is none. */
static az_span decode_data(Aziot *a, az_span data) {
        int32_t size = az_base64_get_max_decoded_size(az_span_size(data)), n = 0;
        uint8_t *bytes;

        if (ipc_is_absent(data))
                return data;
        bytes = ipc_arena_alloc(&a->document.arena, (size_t) size + 1, 1);
        if (!bytes) {
                a->is_out_of_memory = true;
                return AZ_SPAN_EMPTY;
        }
        if (az_span_size(data) > 0 &&
            az_result_failed(az_base64_decode(az_span_create(bytes, size), data, &n)))
                return AZ_SPAN_EMPTY;
        return az_span_create(bytes, n);
}

static const AziotProperty *read_properties(Aziot *a, const IpcMap *map) {
        AziotProperty *properties = ipc_arena_alloc(&a->document.arena, map->n_items, sizeof(*properties));

        if (!properties)
                a->is_out_of_memory = true;
        for (size_t i = 0; properties && i < map->n_items; i++)
                properties[i] = (AziotProperty){
                        take_text(a, map->items[i].key),
                        take_text(a, map->items[i].value),
                };
        return properties;
}

int aziot_read_message(Aziot *a, uint32_t token, AziotCloudMessage *ret) {
        az_span offer, body;
        Message m;
        int r;

        r = read_offer(a, "message", token, &offer);
        if (r == 0)
                r = decode(a, &taken_message_type, token, &m);
        if (r != 0)
                return r;

        body = !ipc_is_absent(m.body) ? m.body : !ipc_is_absent(m.text) ? m.text : decode_data(a, m.data);
        *ret = (AziotCloudMessage){
                .id = take_text(a, m.id),
                .body = take_text(a, body),
                .body_size = (size_t) az_span_size(body),
                .is_json_object = !ipc_is_absent(m.body),
                .content_type = take_text(a, m.content_type),
                .content_encoding = take_text(a, m.content_encoding),
                .message_id = take_text(a, m.message_id),
                .correlation_id = take_text(a, m.correlation_id),
                .user_id = take_text(a, m.user_id),
                .properties = read_properties(a, &m.properties),
                .n_properties = m.properties.n_items,
                .enqueued = take_text(a, m.enqueued),
                .expires = take_text(a, m.expires),
                .redelivered = m.redelivered,
                .json = take_text(a, offer),
                .json_size = (size_t) az_span_size(offer),
        };
        if (is_complete(a) == 0 && ipc_is_absent(body))
                return -EBADMSG;
        return is_complete(a);
}

/* Work of any interface ------------------------------------------------------------------------------- */

int aziot_read_work(Aziot *a, uint32_t token, AziotWork *ret, const char **ret_id) {
        static const IpcField fields[] = { { "id", IPC_FIELD_STRING, 0 } };
        static const IpcStruct type = IPC_STRUCT(az_span, fields);
        const IpcToken *tokens = a->document.tokens;
        az_span id, text;
        int r;

        /* The one member is the offer, whatever its name. */
        if (token == IPC_TOKEN_NONE || tokens[token].next < token + 3)
                return -EBADMSG;
        if (tokens[token + 2].kind == AZ_JSON_TOKEN_NULL)
                return AZIOT_NOTHING;
        if (tokens[token + 2].kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                return -EBADMSG;
        r = decode(a, &type, token + 2, &id);
        if (r < 0)
                return r;

        text = ipc_document_get_text(&a->document, token + 2);
        *ret_id = take_text(a, id);
        *ret = (AziotWork){ .json = take_text(a, text), .json_size = (size_t) az_span_size(text) };
        return is_complete(a);
}

/* The twin -------------------------------------------------------------------------------------------- */

typedef struct Twin {
        az_span desired, reported, as_of;
        int64_t desired_version, reported_version;
        bool complete, stale;
} Twin;

static const IpcField twin_fields[] = {
        { "desired", IPC_FIELD_OBJECT, offsetof(Twin, desired) },
        { "reported", IPC_FIELD_OBJECT, offsetof(Twin, reported) },
        { "desiredVersion", IPC_FIELD_INT, offsetof(Twin, desired_version), IPC_FIELD_NULLABLE,
          .absent = -1 },
        { "reportedVersion", IPC_FIELD_INT, offsetof(Twin, reported_version), IPC_FIELD_NULLABLE,
          .absent = -1 },
        { "stale", IPC_FIELD_BOOL, offsetof(Twin, stale) },
        { "asOf", IPC_FIELD_STRING, offsetof(Twin, as_of), IPC_FIELD_NULLABLE },
};
static const IpcStruct twin_type = IPC_STRUCT(Twin, twin_fields);

static const IpcField update_fields[] = {
        { "desired", IPC_FIELD_OBJECT, offsetof(Twin, desired) },
        { "version", IPC_FIELD_INT, offsetof(Twin, desired_version) },
        { "complete", IPC_FIELD_BOOL, offsetof(Twin, complete) },
        { "stale", IPC_FIELD_BOOL, offsetof(Twin, stale), IPC_FIELD_NULLABLE },
};
static const IpcStruct update_type = IPC_STRUCT(Twin, update_fields);

static int read_twin(Aziot *a, uint32_t token) {
        az_span json;
        Twin t;
        int r;

        r = decode(a, &twin_type, token, &t);
        if (r < 0)
                return r;

        json = ipc_document_get_text(&a->document, token);
        a->twin = (AziotTwin){
                .desired = take_text(a, t.desired),
                .desired_size = (size_t) az_span_size(t.desired),
                .reported = take_text(a, t.reported),
                .reported_size = (size_t) az_span_size(t.reported),
                .desired_version = t.desired_version,
                .reported_version = t.reported_version,
                .stale = t.stale,
                .as_of = take_text(a, t.as_of),
                .json = take_text(a, json),
                .json_size = (size_t) az_span_size(json),
        };
        return is_complete(a);
}

int aziot_read_twin_update(Aziot *a, uint32_t token, AziotTwinUpdate *ret) {
        az_span json;
        Twin t;
        int r;

        r = decode(a, &update_type, token, &t);
        if (r < 0)
                return r;

        json = ipc_document_get_text(&a->document, token);
        *ret = (AziotTwinUpdate){
                .desired = take_text(a, t.desired),
                .desired_size = (size_t) az_span_size(t.desired),
                .version = t.desired_version,
                .complete = t.complete,
                .stale = t.stale,
                .json = take_text(a, json),
                .json_size = (size_t) az_span_size(json),
        };
        return is_complete(a);
}

/* The device ------------------------------------------------------------------------------------------ */

typedef struct Link {
        az_span state, since, hub, last_error, next_attempt;
} Link;

typedef struct Dropped {
        int64_t expired, overflow, damaged, unsendable, poison, refused;
} Dropped;

/* The part of the outbox that has one priority. */
typedef struct OutboxPart {
        az_span priority;
        int64_t messages;
} OutboxPart;

typedef struct Outbox {
        int64_t messages, bytes, capacity_messages, capacity_bytes;
        az_span oldest;
        Dropped dropped;
        az_span counted_since, reason;
        IpcStructs priorities;
} Outbox;

typedef struct Inbox {
        int64_t messages, bytes, capacity_messages, capacity_bytes;
        bool stalled;
        az_span reason;
        int64_t expired, damaged, repeated;
} Inbox;

typedef struct Status {
        az_span device_id, module_id, model_id;
        Link link;
        Outbox outbox;
        Inbox inbox;
} Status;

static const IpcField link_fields[] = {
        { "state", IPC_FIELD_STRING, offsetof(Link, state) },
        { "since", IPC_FIELD_STRING, offsetof(Link, since) },
        { "hub", IPC_FIELD_STRING, offsetof(Link, hub), IPC_FIELD_NULLABLE },
        { "lastError", IPC_FIELD_STRING, offsetof(Link, last_error), IPC_FIELD_NULLABLE },
        { "nextAttempt", IPC_FIELD_STRING, offsetof(Link, next_attempt), IPC_FIELD_NULLABLE },
};
static const IpcStruct link_type = IPC_STRUCT(Link, link_fields);

static const IpcField dropped_fields[] = {
        { "expired", IPC_FIELD_INT, offsetof(Dropped, expired) },
        { "overflow", IPC_FIELD_INT, offsetof(Dropped, overflow) },
        { "damaged", IPC_FIELD_INT, offsetof(Dropped, damaged) },
        { "unsendable", IPC_FIELD_INT, offsetof(Dropped, unsendable) },
        { "poison", IPC_FIELD_INT, offsetof(Dropped, poison) },
        { "refused", IPC_FIELD_INT, offsetof(Dropped, refused), IPC_FIELD_NULLABLE },
};
static const IpcStruct dropped_type = IPC_STRUCT(Dropped, dropped_fields);

static const IpcField outbox_part_fields[] = {
        { "priority", IPC_FIELD_STRING, offsetof(OutboxPart, priority) },
        { "messages", IPC_FIELD_INT, offsetof(OutboxPart, messages) },
};
static const IpcStruct outbox_part_type = IPC_STRUCT(OutboxPart, outbox_part_fields);

static const IpcField outbox_fields[] = {
        { "messages", IPC_FIELD_INT, offsetof(Outbox, messages) },
        { "bytes", IPC_FIELD_INT, offsetof(Outbox, bytes) },
        { "capacityMessages", IPC_FIELD_INT, offsetof(Outbox, capacity_messages), IPC_FIELD_NULLABLE },
        { "capacityBytes", IPC_FIELD_INT, offsetof(Outbox, capacity_bytes) },
        { "oldest", IPC_FIELD_STRING, offsetof(Outbox, oldest), IPC_FIELD_NULLABLE },
        { "dropped", IPC_FIELD_STRUCT, offsetof(Outbox, dropped), .type = &dropped_type },
        { "countedSince", IPC_FIELD_STRING, offsetof(Outbox, counted_since), IPC_FIELD_NULLABLE },
        { "reason", IPC_FIELD_STRING, offsetof(Outbox, reason), IPC_FIELD_NULLABLE },
        { "priorities", IPC_FIELD_STRUCTS, offsetof(Outbox, priorities), IPC_FIELD_NULLABLE,
          .type = &outbox_part_type },
};
static const IpcStruct outbox_type = IPC_STRUCT(Outbox, outbox_fields);

static const IpcField inbox_fields[] = {
        { "messages", IPC_FIELD_INT, offsetof(Inbox, messages) },
        { "bytes", IPC_FIELD_INT, offsetof(Inbox, bytes) },
        { "capacityMessages", IPC_FIELD_INT, offsetof(Inbox, capacity_messages) },
        { "capacityBytes", IPC_FIELD_INT, offsetof(Inbox, capacity_bytes) },
        { "stalled", IPC_FIELD_BOOL, offsetof(Inbox, stalled) },
        { "reason", IPC_FIELD_STRING, offsetof(Inbox, reason), IPC_FIELD_NULLABLE },
        { "expired", IPC_FIELD_INT, offsetof(Inbox, expired) },
        { "damaged", IPC_FIELD_INT, offsetof(Inbox, damaged) },
        { "repeated", IPC_FIELD_INT, offsetof(Inbox, repeated) },
};
static const IpcStruct inbox_type = IPC_STRUCT(Inbox, inbox_fields);

static const IpcField status_fields[] = {
        { "deviceId", IPC_FIELD_STRING, offsetof(Status, device_id), IPC_FIELD_NULLABLE },
        { "moduleId", IPC_FIELD_STRING, offsetof(Status, module_id), IPC_FIELD_NULLABLE },
        { "modelId", IPC_FIELD_STRING, offsetof(Status, model_id), IPC_FIELD_NULLABLE },
        { "link", IPC_FIELD_STRUCT, offsetof(Status, link), .type = &link_type },
        { "outbox", IPC_FIELD_STRUCT, offsetof(Status, outbox), .type = &outbox_type },
        { "inbox", IPC_FIELD_STRUCT, offsetof(Status, inbox), .type = &inbox_type },
};
static const IpcStruct status_type = IPC_STRUCT(Status, status_fields);

static void read_link(Aziot *a, const Link *link, AziotLink *ret) {
        *ret = (AziotLink){
                .state = take_text(a, link->state),
                .is_online = az_span_is_content_equal(link->state, AZ_SPAN_FROM_STR("online")) ||
                             az_span_is_content_equal(link->state, AZ_SPAN_FROM_STR("renewing")),
                .since = take_text(a, link->since),
                .hub = take_text(a, link->hub),
                .last_error = take_text(a, link->last_error),
                .next_attempt = take_text(a, link->next_attempt),
        };
}

static int64_t count_high(const Outbox *outbox) {
        const OutboxPart *parts = outbox->priorities.items;
        int64_t n = 0;

        for (size_t i = 0; i < outbox->priorities.n_items; i++)
                if (az_span_is_content_equal(parts[i].priority, AZ_SPAN_FROM_STR("high")))
                        n += parts[i].messages;
        return n;
}

static void read_outbox(Aziot *a, const Outbox *outbox, AziotOutbox *ret) {
        *ret = (AziotOutbox){
                .n_messages = outbox->messages,
                .n_bytes = outbox->bytes,
                .capacity_messages = outbox->capacity_messages,
                .capacity_bytes = outbox->capacity_bytes,
                .n_high_messages = count_high(outbox),
                .oldest = take_text(a, outbox->oldest),
                .n_expired = outbox->dropped.expired,
                .n_overflow = outbox->dropped.overflow,
                .n_damaged = outbox->dropped.damaged,
                .n_unsendable = outbox->dropped.unsendable,
                .n_poison = outbox->dropped.poison,
                .n_refused = outbox->dropped.refused,
                .counted_since = take_text(a, outbox->counted_since),
                .reason = take_text(a, outbox->reason),
        };
}

static void read_inbox(Aziot *a, const Inbox *inbox, AziotInbox *ret) {
        *ret = (AziotInbox){
                .n_messages = inbox->messages,
                .n_bytes = inbox->bytes,
                .capacity_messages = inbox->capacity_messages,
                .capacity_bytes = inbox->capacity_bytes,
                .stalled = inbox->stalled,
                .reason = take_text(a, inbox->reason),
                .n_expired = inbox->expired,
                .n_damaged = inbox->damaged,
                .n_repeated = inbox->repeated,
        };
}

int aziot_read_status(Aziot *a, uint32_t token, AziotStatus *ret) {
        az_span json;
        Status s;
        int r;

        r = decode(a, &status_type, token, &s);
        if (r < 0)
                return r;

        json = ipc_document_get_text(&a->document, token);
        *ret = (AziotStatus){
                .device_id = take_text(a, s.device_id),
                .module_id = take_text(a, s.module_id),
                .model_id = take_text(a, s.model_id),
                .json = take_text(a, json),
                .json_size = (size_t) az_span_size(json),
        };
        read_link(a, &s.link, &ret->link);
        read_outbox(a, &s.outbox, &ret->outbox);
        read_inbox(a, &s.inbox, &ret->inbox);
        return is_complete(a);
}
