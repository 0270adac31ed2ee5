/* SPDX-License-Identifier: MIT */

/* Messages to the cloud: from AziotMessage to the parameters of Send, SendBatch and Flush. */

#include "ipc/aziot-internal.h"

#include <sys/random.h>

#include "ipc/value.h"

/* A body lies in the call, its parameters and the message; in a batch in an array, too. */
#define BODY_DEPTH_MAX (IPC_DEPTH_MAX - 4)

static const char *const stages[] = { "accepted", "durable", "delivered" };

/* Only objects travel as JSON; the hub shall see the others as JSON all the same. */
static void write_json_value(IpcJson *json, const AziotMessage *m, az_span value) {
        ipc_json_string(json, "text", value);
        if (!m->content_type)
                ipc_json_cstring(json, "contentType", "application/json");
        if (!m->content_encoding)
                ipc_json_cstring(json, "contentEncoding", "utf-8");
}

static int write_body(IpcJson *json, const AziotMessage *m) {
        az_span body = m->body_size > 0 ? az_span_create((uint8_t *) m->body, (int32_t) m->body_size)
                                        : AZ_SPAN_FROM_STR("");
        bool is_text = m->body_kind != AZIOT_BODY_DATA && az_span_is_valid_utf8(body);
        ValueKind kind = VALUE_NOT_JSON;

        if (is_text && m->body_kind != AZIOT_BODY_TEXT)
                kind = value_kind(body, BODY_DEPTH_MAX);

        if (kind == VALUE_OBJECT)
                ipc_json_raw(json, "body", value_trim(body));
        else if (kind == VALUE_OTHER && m->body_kind == AZIOT_BODY_JSON)
                write_json_value(json, m, value_trim(body));
        else if (m->body_kind == AZIOT_BODY_JSON)
                return -EINVAL;
        else if (is_text)
                ipc_json_string(json, "text", body);
        else if (m->body_kind == AZIOT_BODY_TEXT)
                return -EILSEQ;
        else
                ipc_json_base64(json, "data", body);
        return 0;
}

static int write_text(IpcJson *json, const char *name, const char *text) {
        az_span span = text ? az_span_create_from_str((char *) text) : AZ_SPAN_EMPTY;

        if (!text)
                return 0;
        if (!az_span_is_valid_utf8(span))
                return -EILSEQ;
        ipc_json_string(json, name, span);
        return 0;
}

static int write_properties(IpcJson *json, const AziotMessage *m) {
        if (m->n_properties == 0)
                return 0;
        ipc_json_begin(json, "properties");
        for (size_t i = 0; i < m->n_properties; i++) {
                az_span key = az_span_create_from_str((char *) m->properties[i].key);
                az_span value = az_span_create_from_str((char *) m->properties[i].value);

                if (!az_span_is_valid_utf8(key) || !az_span_is_valid_utf8(value))
                        return -EILSEQ;
                ipc_json_entry(json, key, value);
        }
        ipc_json_end(json);
        return 0;
}

/* 128 bits in hexadecimal. */
static int make_message_id(char ret[33]) {
        uint8_t bytes[16];

        if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t) sizeof(bytes))
                return -errno;
        for (size_t i = 0; i < sizeof(bytes); i++)
                (void) snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
        return 0;
}

static int write_message(IpcJson *json, const char *name, const AziotMessage *m, unsigned flags) {
        const char *message_id = m->message_id;
        char made_id[33];
        int r;

        if (m->body_size > IPC_MESSAGE_MAX)
                return -EMSGSIZE;
        if (!message_id && flags & AZIOT_REPEAT) {
                r = make_message_id(made_id);
                if (r < 0)
                        return r;
                message_id = made_id;
        }

        ipc_json_begin(json, name);
        r = write_body(json, m);
        if (r == 0)
                r = write_text(json, "contentType", m->content_type);
        if (r == 0)
                r = write_text(json, "contentEncoding", m->content_encoding);
        if (r == 0)
                r = write_text(json, "component", m->component);
        if (r == 0)
                r = write_text(json, "messageId", message_id);
        if (r == 0)
                r = write_text(json, "correlationId", m->correlation_id);
        if (r == 0)
                r = write_properties(json, m);
        if (m->ttl_s > 0)
                ipc_json_int(json, "ttlSeconds", m->ttl_s);
        ipc_json_end(json);
        return r;
}

/* The rest of the parameters, and of the request. */
static int finish(Aziot *a, IpcJson *json, Request *request, AziotStage stage) {
        if (stage < AZIOT_ACCEPTED || stage > AZIOT_DELIVERED)
                return -EINVAL;

        request->waits_for_stage = stage != AZIOT_ACCEPTED;
        ipc_json_cstring(json, "stage", stages[stage]);
        if (request->waits_for_stage)
                ipc_json_int(json, "timeoutSeconds", aziot_timeout_s(a));
        ipc_json_end(json);
        return 0;
}

static void write_priority(IpcJson *json, unsigned flags) {
        if (flags & AZIOT_HIGH_PRIORITY)
                ipc_json_cstring(json, "priority", "high");
}

static int write_send(Aziot *a, IpcJson *json, const AziotMessage *message, AziotStage stage,
                      Request *request) {
        int r;

        request->kind = CALL_SEND;
        request->method = "io.aziotd.telemetry.Send";
        ipc_json_begin(json, NULL);
        write_priority(json, request->flags);
        r = write_message(json, "message", message, request->flags);
        return r < 0 ? r : finish(a, json, request, stage);
}

static int write_send_batch(Aziot *a, IpcJson *json, const AziotMessage *messages, size_t n_messages,
                            AziotStage stage, Request *request) {
        int r = 0;

        request->kind = CALL_SEND_BATCH;
        request->method = "io.aziotd.telemetry.SendBatch";
        ipc_json_begin(json, NULL);
        write_priority(json, request->flags);
        ipc_json_begin_array(json, "messages");
        for (size_t i = 0; i < n_messages && r == 0; i++)
                r = write_message(json, NULL, &messages[i], request->flags);
        ipc_json_end_array(json);
        return r < 0 ? r : finish(a, json, request, stage);
}

static int write_flush(Aziot *a, IpcJson *json, AziotStage stage, Request *request) {
        request->kind = CALL_FLUSH;
        request->method = "io.aziotd.telemetry.Flush";
        ipc_json_begin(json, NULL);
        return finish(a, json, request, stage);
}

/* What programs call ---------------------------------------------------------------------------------- */

_public_ int aziot_send(Aziot *a, const AziotMessage *message, AziotStage stage, unsigned flags,
                        uint64_t *ret_sequence) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Request request = { .flags = flags & ~(unsigned) AZIOT_ONEWAY };
        int r;

        r = write_send(a, &json, message, stage, &request);
        if (r == 0)
                r = aziot_request(a, &request, &json);
        if (r == 0 && ret_sequence)
                *ret_sequence = (uint64_t) a->reply.sequence;
        return r;
}

_public_ int aziot_send_start(Aziot *a, const AziotMessage *message, AziotStage stage, unsigned flags,
                              void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Request request = { .flags = flags, .userdata = userdata };
        int r;

        r = write_send(a, &json, message, stage, &request);
        return r < 0 ? r : aziot_request_start(a, &request, &json);
}

_public_ int aziot_send_batch(Aziot *a, const AziotMessage *messages, size_t n_messages, AziotStage stage,
                              unsigned flags, uint64_t *ret_last_sequence) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Request request = { .flags = flags & ~(unsigned) AZIOT_ONEWAY };
        int r;

        r = write_send_batch(a, &json, messages, n_messages, stage, &request);
        if (r == 0)
                r = aziot_request(a, &request, &json);
        if (r == 0 && ret_last_sequence)
                *ret_last_sequence = (uint64_t) a->reply.sequence;
        return r;
}

_public_ int aziot_send_batch_start(Aziot *a, const AziotMessage *messages, size_t n_messages,
                                    AziotStage stage, unsigned flags, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Request request = { .flags = flags, .userdata = userdata };
        int r;

        r = write_send_batch(a, &json, messages, n_messages, stage, &request);
        return r < 0 ? r : aziot_request_start(a, &request, &json);
}

_public_ int aziot_flush(Aziot *a, AziotStage stage, uint64_t *ret_accepted, uint64_t *ret_refused) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Request request = {};
        int r;

        r = write_flush(a, &json, stage, &request);
        if (r == 0)
                r = aziot_request(a, &request, &json);
        if (r == 0 && ret_accepted)
                *ret_accepted = a->n_accepted;
        if (r == 0 && ret_refused)
                *ret_refused = a->n_refused;
        return r;
}

_public_ int aziot_flush_start(Aziot *a, AziotStage stage, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Request request = { .userdata = userdata };
        int r;

        r = write_flush(a, &json, stage, &request);
        return r < 0 ? r : aziot_request_start(a, &request, &json);
}
