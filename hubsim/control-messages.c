/* SPDX-License-Identifier: MIT */

/* Cloud-to-device messages: what a back end does with them. */

#include "hubsim/control-internal.h"

#include "hubsim/c2d.h"
#include "hubsim/timestamp.h"
#include "hubsim/uuid.h"

/* "A case-sensitive string of up to 128 characters", and so for the others. */
#define PROPERTY_MAX 1024

typedef struct SendMessageParams {
        az_span device, body, data;
        az_span message_id, correlation_id, user_id, content_type, content_encoding;
        IpcMap properties;
        int64_t ttl_s;
        int ack;
} SendMessageParams;

static const IpcField send_message_fields[] = {
        CONTROL_DEVICE_FIELD(SendMessageParams),
        { "body", IPC_FIELD_STRING, offsetof(SendMessageParams, body), IPC_FIELD_NULLABLE },
        { "data", IPC_FIELD_STRING, offsetof(SendMessageParams, data), IPC_FIELD_NULLABLE },
        { "messageId", IPC_FIELD_STRING, offsetof(SendMessageParams, message_id), IPC_FIELD_NULLABLE,
          .max = 128 },
        { "correlationId", IPC_FIELD_STRING, offsetof(SendMessageParams, correlation_id), IPC_FIELD_NULLABLE,
          .max = PROPERTY_MAX },
        { "userId", IPC_FIELD_STRING, offsetof(SendMessageParams, user_id), IPC_FIELD_NULLABLE,
          .max = PROPERTY_MAX },
        { "contentType", IPC_FIELD_STRING, offsetof(SendMessageParams, content_type), IPC_FIELD_NULLABLE,
          .max = PROPERTY_MAX },
        { "contentEncoding", IPC_FIELD_STRING, offsetof(SendMessageParams, content_encoding),
          IPC_FIELD_NULLABLE, .max = PROPERTY_MAX },
        { "properties", IPC_FIELD_MAP, offsetof(SendMessageParams, properties), IPC_FIELD_NULLABLE },
        { "ttlSeconds", IPC_FIELD_INT, offsetof(SendMessageParams, ttl_s), IPC_FIELD_NULLABLE, .min = 1,
          .max = C2D_TTL_MAX_S },
        { "ack", IPC_FIELD_ENUM, offsetof(SendMessageParams, ack), IPC_FIELD_NULLABLE, .names = c2d_ack_names,
          .absent = _C2D_ACK_INVALID },
};
const IpcStruct control_send_message_params = IPC_STRUCT(SendMessageParams, send_message_fields);

/* Sends it with the body and the message id that were found. */
static int send_message(IpcCall *call, const SendMessageParams *p, Control *control, az_span body,
                        az_span message_id) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Device *device = control_find_device(control, p->device);
        C2dRequest request = {
                .body = body,
                .message_id = message_id,
                .correlation_id = p->correlation_id,
                .user_id = p->user_id,
                .content_type = p->content_type,
                .content_encoding = p->content_encoding,
                .properties = p->properties,
                .ttl_s = (uint64_t) p->ttl_s,
                .ack = (C2dAck) p->ack,
        };
        unsigned code;
        int r;

        if (control->hub->is_basic)
                return control_reply_service_error(call, 403010);
        if (!device)
                return control_reply_service_error(call, 404001);
        code = hub_meter(control->hub, LIMIT_C2D, body);
        if (code > 0)
                return control_reply_service_error(call, code);
        request.device = device->id;
        r = c2d_send(control->hub, device, &request);
        if (r < 0)
                return r;
        if (r > 0)
                return control_reply_service_error(call, (unsigned) r);

        ipc_json_begin(&json, NULL);
        ipc_json_string(&json, "messageId", message_id);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

int control_on_send_message(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_buffer_done) IpcBuffer data = IPC_BUFFER_NULL;
        const SendMessageParams *p = params;
        az_span body = p->body, message_id = p->message_id;
        char random_id[UUID_SIZE];
        int r;

        if (!ipc_is_absent(p->data)) {
                r = ipc_is_absent(p->body) ? buffer_append_decoded(&data, p->data) : -EBADMSG;
                if (r == -EBADMSG)
                        return ipc_call_error_invalid_parameter(call, "data");
                if (r < 0)
                        return r;
                body = buffer_span(&data);
        }
        if (ipc_is_absent(message_id)) {
                r = uuid_make(random_id);
                if (r < 0)
                        return r;
                message_id = az_span_create_from_str(random_id);
        }
        return send_message(call, p, userdata, body, message_id);
}

static void add_time(IpcJson *json, const char *name, uint64_t realtime_us) {
        char text[TIMESTAMP_SIZE];

        timestamp_format(realtime_us, 3, text);
        ipc_json_cstring(json, name, text);
}

static void add_message(IpcJson *json, const C2dMessage *m) {
        ipc_json_begin(json, NULL);
        ipc_json_int(json, "number", (int64_t) m->number);
        ipc_json_cstring(json, "messageId", m->message_id);
        ipc_json_cstring(json, "state", m->delivery == 0 ? "enqueued" : "invisible");
        ipc_json_int(json, "deliveryCount", m->n_deliveries);
        add_time(json, "enqueued", m->enqueued_us);
        add_time(json, "expires", m->expires_us);
        ipc_json_cstring(json, "ack", c2d_ack_names[m->ack]);
        ipc_json_int(json, "size", (int64_t) ipc_buffer_size(&m->payload));
        ipc_json_end(json);
}

int control_on_list_messages(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const DeviceParams *p = params;
        Control *control = userdata;
        Device *device = control_find_device(control, p->device);

        if (!device)
                return control_reply_service_error(call, 404001);

        ipc_json_begin(&json, NULL);
        ipc_json_begin_array(&json, "messages");
        if (device->c2d)
                for (const C2dMessage *m = device->c2d->queue.first; m; m = m->next)
                        add_message(&json, m);
        ipc_json_end_array(&json);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

int control_on_purge_messages(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const DeviceParams *p = params;
        Control *control = userdata;
        Device *device = control_find_device(control, p->device);
        int n;

        if (!device)
                return control_reply_service_error(call, 404001);

        n = c2d_purge(control->hub, device);
        if (n < 0)
                return n;
        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "count", n);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

static const IpcField feedback_fields[] = {
        { "device", IPC_FIELD_STRING, offsetof(DeviceParams, device), IPC_FIELD_NULLABLE, .min = 1,
          .max = 128 },
};
const IpcStruct control_feedback_params = IPC_STRUCT(DeviceParams, feedback_fields);

static void add_record(IpcJson *json, const FeedbackRecord *record) {
        ipc_json_begin(json, NULL);
        ipc_json_cstring(json, "device", record->device->id);
        ipc_json_cstring(json, "messageId", record->message_id);
        ipc_json_cstring(json, "status", c2d_status_to_string(record->status));
        add_time(json, "time", record->time_us);
        ipc_json_end(json);
}

int control_on_feedback(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const DeviceParams *p = params;
        Control *control = userdata;
        const Device *device = ipc_is_absent(p->device) ? NULL : control_find_device(control, p->device);
        int r;

        if (!device && !ipc_is_absent(p->device))
                return control_reply_service_error(call, 404001);

        ipc_json_begin(&json, NULL);
        ipc_json_begin_array(&json, "records");
        for (const FeedbackRecord *record = control->hub->feedback.first; record; record = record->next)
                if (!device || record->device == device)
                        add_record(&json, record);
        ipc_json_end_array(&json);
        ipc_json_end(&json);
        r = state_clear_feedback(control->hub->state, device);
        if (r < 0)
                return r;
        feedback_clear(&control->hub->feedback, device);
        return ipc_call_reply_json(call, &json);
}
