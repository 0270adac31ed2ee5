/* SPDX-License-Identifier: MIT */

#include <aio/telemetry.h>

#include "daemon/broker-internal.h"
#include "daemon/broker-record.h"
#include "daemon/telemetry-message.h"

typedef struct SendParams {
        az_span topic;
        IpcMap tokens;
        BrokerMessage message;
        bool retain, persist;
        int64_t expiry_s;
        int stage;
        int64_t timeout_s;
        int priority;
} SendParams;

/* What lib/aio calls it, and what the program does. */
static const struct {
        const char *property, *field;
} fields[] = {
        { AIO_PROPERTY_TOPIC_PATTERN, "topic" },
        { AIO_PROPERTY_TOPIC_FILTER, "topic" },
        { AIO_PROPERTY_SHARE_NAME, "shareName" },
        { AIO_PROPERTY_METADATA, "message.metadata" },
        { AIO_PROPERTY_CLOUD_EVENT, "message.cloudEvent" },
        { AIO_PROPERTY_MESSAGE_EXPIRY, "expirySeconds" },
        { "persist", "persist" },
};

int broker_refuse_error(Broker *b, IpcCall *call, const aio_error *error) {
        const char *field = "tokens";
        char reason[256];

        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (az_span_is_content_equal(error->property_name,
                                             az_span_create_from_str((char *) fields[i].property)))
                        field = fields[i].field;
        (void) snprintf(reason, sizeof(reason), "%.*s%s%.*s", (int) az_span_size(error->message),
                        (const char *) az_span_ptr(error->message), strcmp(field, "tokens") == 0 ? ": " : "",
                        strcmp(field, "tokens") == 0 ? (int) MIN(az_span_size(error->property_name), 64) : 0,
                        (const char *) az_span_ptr(error->property_name));
        return sender_error_invalid(&b->sender, call, field, reason);
}

void broker_write_refusal(IpcJson *json, int reason_code) {
        if (reason_code == 0)
                return;
        ipc_json_int(json, "reasonCode", reason_code);
        ipc_json_cstring(json, "reasonText", mqtt_reason_to_string((uint8_t) reason_code));
}

/* The message as it will be published; its spans lie in the content and in the memory of the client. */
static az_result make_message(Broker *b, const SendParams *p, const BrokerContent *content,
                              az_mqtt_message *ret, aio_error *ret_error) {
        aio_telemetry_sender_options options = {
                .topic_pattern = p->topic,
                .topic_namespace = broker_link_get_namespace(b->link),
        };
        aio_topic_token tokens[IPC_MAP_MAX];
        aio_telemetry telemetry = {
                .payload = content->payload,
                .tokens = broker_tokens(&p->tokens, tokens),
                .user_properties = content->user_properties,
                .n_user_properties = content->n_user_properties,
                .cloud_event = content->has_cloud_event ? &content->cloud_event : NULL,
                .content_type = content->content_type,
                .has_timeout = p->expiry_s > 0,
                .timeout_us = (uint64_t) p->expiry_s * USEC_PER_SEC,
                .retain = p->retain,
                .persist = p->persist,
        };
        aio_telemetry_sender sender;
        aio_event publish;
        az_result r;

        r = aio_telemetry_sender_init(&sender, broker_link_get_client(b->link), &options, ret_error);
        if (az_result_succeeded(r))
                r = aio_telemetry_sender_send(&sender, &telemetry, 0, broker_link_time(), &publish,
                                              ret_error);
        if (r == AZ_ERROR_CLOCK) {
                broker_link_reset_clock(b->link);
                r = aio_telemetry_sender_send(&sender, &telemetry, 0, broker_link_time(), &publish,
                                              ret_error);
        }
        if (az_result_failed(r))
                return r;

        *ret = publish.as.publish.message;
        /* Unless told, it is good for as long as it takes. */
        ret->has_message_expiry = p->expiry_s > 0;
        ret->content_type = content->content_type;
        ret->has_payload_format = true;
        ret->payload_format = content->payload_format;
        return AZ_OK;
}

static int send_content(Broker *b, IpcCall *call, SenderClient *client, const SendParams *p,
                        const BrokerContent *content) {
        uint8_t record[BROKER_RECORD_MAX];
        OutboxMessage stored = { .body = content->payload, .ttl_s = (uint32_t) p->expiry_s };
        SendRequest request = {
                .messages = &stored,
                .n = 1,
                .priority = (Priority) p->priority,
                .stage = (Stage) p->stage,
                .timeout_s = p->timeout_s,
                .reply = sender_reply_sequence,
        };
        az_mqtt_message message;
        aio_error error = {};
        int r;

        if (az_result_failed(make_message(b, p, content, &message, &error))) {
                sender_count_refused(call, client);
                return broker_refuse_error(b, call, &error);
        }
        if (!broker_allows(b, call, ACCESS_BROKER_SEND, message.topic, &r)) {
                sender_count_refused(call, client);
                return r;
        }
        if (!broker_record_format(&message, AZ_SPAN_FROM_BUFFER(record), &stored.properties)) {
                sender_count_refused(call, client);
                return sender_error_invalid(&b->sender, call, "message.metadata",
                                            "topic and metadata exceed 8 KiB");
        }
        return sender_send(&b->sender, call, client, &request);
}

int broker_send(IpcCall *call, const void *params, void *userdata) {
        BrokerContent content = {};
        BrokerProblem problem = {};
        const SendParams *p = params;
        SenderClient *client;
        Broker *b = userdata;
        int r;

        r = sender_get_client(&b->sender, call, &client);
        if (r < 0)
                return r;
        r = broker_content_make(&p->message, &content, &problem);
        if (r == 0)
                r = send_content(b, call, client, p, &content);
        else if (r > 0) {
                sender_count_refused(call, client);
                r = r == BROKER_INVALID
                            ? sender_error_invalid(&b->sender, call, problem.field, problem.reason)
                            : sender_refuse_size(&b->sender, call);
        }
        broker_content_done(&content);
        return r;
}

static const IpcField send_fields[] = {
        { "topic", IPC_FIELD_STRING, offsetof(SendParams, topic), .min = 1, .max = BROKER_TOPIC_MAX },
        { "tokens", IPC_FIELD_MAP, offsetof(SendParams, tokens), IPC_FIELD_NULLABLE,
          .max = BROKER_TOKENS_MAX },
        { "message", IPC_FIELD_STRUCT, offsetof(SendParams, message), .type = &broker_message_struct },
        { "retain", IPC_FIELD_BOOL, offsetof(SendParams, retain), IPC_FIELD_NULLABLE },
        { "persist", IPC_FIELD_BOOL, offsetof(SendParams, persist), IPC_FIELD_NULLABLE },
        { "expirySeconds", IPC_FIELD_INT, offsetof(SendParams, expiry_s), IPC_FIELD_NULLABLE, .min = 1,
          .max = TELEMETRY_TTL_MAX_S, .absent = 0 },
        { "stage", IPC_FIELD_ENUM, offsetof(SendParams, stage), IPC_FIELD_NULLABLE, .names = stage_names,
          .absent = STAGE_ACCEPTED },
        { "timeoutSeconds", IPC_FIELD_INT, offsetof(SendParams, timeout_s), IPC_FIELD_NULLABLE, .min = 1,
          .max = SENDER_TIMEOUT_MAX_S, .absent = SENDER_TIMEOUT_DEFAULT_S },
        { "priority", IPC_FIELD_ENUM, offsetof(SendParams, priority), IPC_FIELD_NULLABLE,
          .names = priority_names, .absent = PRIORITY_NORMAL },
};
const IpcStruct broker_send_struct = IPC_STRUCT(SendParams, send_fields);
