/* SPDX-License-Identifier: MIT */

#include "daemon/broker-message.h"

#include <azure/core/az_base64.h>

#include "ipc/limits.h"
#include "ipc/value.h"
#include "util/util.h"

/* A body lies three objects deep in its reply. */
#define BODY_DEPTH_MAX (IPC_DEPTH_MAX - 3)

/* If each byte of a text is escaped, it is still within IPC_MESSAGE_MAX. */
#define TEXT_MAX (64 * 1024)

static const IpcField pair_fields[] = {
        { "key", IPC_FIELD_STRING, offsetof(az_mqtt_user_property, key) },
        { "value", IPC_FIELD_STRING, offsetof(az_mqtt_user_property, value) },
};
static const IpcStruct pair_struct = IPC_STRUCT(az_mqtt_user_property, pair_fields);

static const IpcField cloud_event_fields[] = {
        { "source", IPC_FIELD_STRING, offsetof(BrokerCloudEvent, source) },
        { "id", IPC_FIELD_STRING, offsetof(BrokerCloudEvent, id), IPC_FIELD_NULLABLE },
        { "specversion", IPC_FIELD_STRING, offsetof(BrokerCloudEvent, specversion), IPC_FIELD_NULLABLE },
        { "type", IPC_FIELD_STRING, offsetof(BrokerCloudEvent, type), IPC_FIELD_NULLABLE },
        { "subject", IPC_FIELD_STRING, offsetof(BrokerCloudEvent, subject), IPC_FIELD_NULLABLE },
        { "time", IPC_FIELD_STRING, offsetof(BrokerCloudEvent, time), IPC_FIELD_NULLABLE },
        { "dataschema", IPC_FIELD_STRING, offsetof(BrokerCloudEvent, dataschema), IPC_FIELD_NULLABLE },
};
static const IpcStruct cloud_event_struct = IPC_STRUCT(BrokerCloudEvent, cloud_event_fields);

static const IpcField message_fields[] = {
        { "body", IPC_FIELD_OBJECT, offsetof(BrokerMessage, body), IPC_FIELD_NULLABLE },
        { "text", IPC_FIELD_STRING, offsetof(BrokerMessage, text), IPC_FIELD_NULLABLE },
        { "data", IPC_FIELD_STRING, offsetof(BrokerMessage, data), IPC_FIELD_NULLABLE },
        { "contentType", IPC_FIELD_STRING, offsetof(BrokerMessage, content_type), IPC_FIELD_NULLABLE },
        { "formatIndicator", IPC_FIELD_INT, offsetof(BrokerMessage, format_indicator), IPC_FIELD_NULLABLE,
          .min = 0, .max = 1, .absent = -1 },
        { "metadata", IPC_FIELD_STRUCTS, offsetof(BrokerMessage, metadata), IPC_FIELD_NULLABLE,
          .max = BROKER_PAIRS_MAX, .type = &pair_struct },
        { "cloudEvent", IPC_FIELD_OPTIONAL, offsetof(BrokerMessage, cloud_event), IPC_FIELD_NULLABLE,
          .type = &cloud_event_struct },
};
const IpcStruct broker_message_struct = IPC_STRUCT(BrokerMessage, message_fields);

/* From a program --------------------------------------------------------------------------------------- */

void broker_content_done(BrokerContent *c) {
        free(c->decoded);
        c->decoded = NULL;
}

static int refuse(BrokerProblem *ret, const char *field, const char *reason) {
        *ret = (BrokerProblem){ field, reason };
        return BROKER_INVALID;
}

static int decode_data(az_span data, BrokerContent *ret, BrokerProblem *ret_problem) {
        int32_t size = az_base64_get_max_decoded_size(az_span_size(data)), n = 0;

        ret->decoded = malloc((size_t) size + 1);
        if (!ret->decoded)
                return -ENOMEM;
        if (az_span_size(data) > 0 &&
            az_result_failed(az_base64_decode(az_span_create(ret->decoded, size), data, &n)))
                return refuse(ret_problem, "data", "it is not base64");
        ret->payload = az_span_create(ret->decoded, n);
        return 0;
}

static int make_payload(const BrokerMessage *m, BrokerContent *ret, BrokerProblem *ret_problem) {
        if (!ipc_is_absent(m->body) + !ipc_is_absent(m->text) + !ipc_is_absent(m->data) > 1)
                return refuse(ret_problem, "body", "only one of 'body', 'text' and 'data' may be set");

        if (!ipc_is_absent(m->data)) {
                ret->content_type = AZ_SPAN_FROM_STR("application/octet-stream");
                return decode_data(m->data, ret, ret_problem);
        }
        if (!ipc_is_absent(m->body)) {
                ret->payload = m->body;
                ret->content_type = AZ_SPAN_FROM_STR("application/json");
                ret->payload_format = 1;
        } else if (!ipc_is_absent(m->text)) {
                ret->payload = m->text;
                ret->payload_format = 1;
        }
        return 0;
}

int broker_content_make(const BrokerMessage *m, BrokerContent *ret, BrokerProblem *ret_problem) {
        int r;

        *ret = (BrokerContent){};
        if (!m)
                return 0;
        r = make_payload(m, ret, ret_problem);
        if (r != 0)
                return r;
        if (az_span_size(ret->payload) > (int32_t) BROKER_PAYLOAD_MAX)
                return BROKER_TOO_LARGE;

        if (!ipc_is_absent(m->content_type))
                ret->content_type = m->content_type;
        if (m->format_indicator >= 0)
                ret->payload_format = (uint8_t) m->format_indicator;
        if (ret->payload_format == 1 && !az_span_is_valid_utf8(ret->payload))
                return refuse(ret_problem, "formatIndicator", "the bytes are not UTF-8");
        ret->user_properties = m->metadata.items;
        ret->n_user_properties = (int32_t) m->metadata.n_items;
        if (m->cloud_event) {
                ret->has_cloud_event = true;
                ret->cloud_event = (aio_cloud_event){
                        .spec_version = m->cloud_event->specversion,
                        .id = m->cloud_event->id,
                        .source = m->cloud_event->source,
                        .type = m->cloud_event->type,
                        .subject = m->cloud_event->subject,
                        .time = m->cloud_event->time,
                        .data_schema = m->cloud_event->dataschema,
                };
        }
        return 0;
}

aio_topic_tokens broker_tokens(const IpcMap *map, aio_topic_token *tokens) {
        for (size_t i = 0; i < map->n_items; i++)
                tokens[i] = (aio_topic_token){ map->items[i].key, map->items[i].value };
        return (aio_topic_tokens){ tokens, (int32_t) map->n_items };
}

/* To a program ----------------------------------------------------------------------------------------- */

static void write_payload(IpcJson *json, az_span payload) {
        if (az_span_size(payload) == 0)
                return;
        if (value_kind(payload, BODY_DEPTH_MAX) == VALUE_OBJECT)
                ipc_json_raw(json, "body", value_trim(payload));
        else if (az_span_size(payload) <= TEXT_MAX && az_span_is_valid_utf8(payload))
                ipc_json_string(json, "text", payload);
        else
                ipc_json_base64(json, "data", payload);
}

static void write_text(IpcJson *json, const char *name, az_span text) {
        if (!ipc_is_absent(text))
                ipc_json_string(json, name, text);
}

static bool read_cloud_event(const az_mqtt_message *message, aio_cloud_event *ret) {
        aio_error ignored;

        return az_result_succeeded(aio_cloud_event_read(message, ret, &ignored));
}

static bool is_of_cloud_event(az_span key) {
        static const char *const names[] = { "source",  "id",   "specversion", "type",
                                             "subject", "time", "dataschema" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (az_span_is_content_equal(key, az_span_create_from_str((char *) names[i])))
                        return true;
        return false;
}

static void write_metadata(IpcJson *json, const aio_received *received, bool has_event) {
        ipc_json_begin_array(json, "metadata");
        for (int32_t i = 0; i < received->n_user_properties; i++) {
                const az_mqtt_user_property *p = &received->user_properties[i];

                if (has_event && is_of_cloud_event(p->key))
                        continue;
                ipc_json_begin(json, NULL);
                ipc_json_string(json, "key", p->key);
                ipc_json_string(json, "value", p->value);
                ipc_json_end(json);
        }
        ipc_json_end_array(json);
}

static void write_cloud_event(IpcJson *json, const aio_cloud_event *e) {
        ipc_json_begin(json, "cloudEvent");
        write_text(json, "source", e->source);
        write_text(json, "id", e->id);
        write_text(json, "specversion", e->spec_version);
        write_text(json, "type", e->type);
        write_text(json, "subject", e->subject);
        write_text(json, "time", e->time);
        write_text(json, "dataschema", e->data_schema);
        ipc_json_end(json);
}

void broker_received_write(IpcJson *json, const aio_received *received) {
        const az_mqtt_message *message = &received->message;
        aio_cloud_event event;
        bool has_event = read_cloud_event(message, &event);

        write_payload(json, message->payload);
        write_text(json, "contentType", message->content_type);
        if (message->has_payload_format)
                ipc_json_int(json, "formatIndicator", message->payload_format);
        write_metadata(json, received, has_event);
        if (has_event)
                write_cloud_event(json, &event);
        write_text(json, "sender", received->metadata.source_id);
        write_text(json, "timestamp", received->metadata.timestamp);
}

void broker_tokens_write(IpcJson *json, aio_topic_tokens tokens) {
        ipc_json_begin(json, "tokens");
        for (int32_t i = 0; i < tokens.n_tokens; i++)
                ipc_json_entry(json, tokens.tokens[i].key, tokens.tokens[i].value);
        ipc_json_end(json);
}
