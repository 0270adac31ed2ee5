/* SPDX-License-Identifier: MIT */

#include "daemon/telemetry-message.h"

#include <azure/core/az_base64.h>
#include <azure/core/az_span_internal.h>
#include <azure/iot/az_iot_common.h>

#define SPAN(literal) AZ_SPAN_LITERAL_FROM_STR(literal)

static const IpcField message_fields[] = {
        { "body", IPC_FIELD_OBJECT, offsetof(TelemetryMessage, body), IPC_FIELD_NULLABLE },
        { "text", IPC_FIELD_STRING, offsetof(TelemetryMessage, text), IPC_FIELD_NULLABLE },
        { "data", IPC_FIELD_STRING, offsetof(TelemetryMessage, data), IPC_FIELD_NULLABLE },
        { "contentType", IPC_FIELD_STRING, offsetof(TelemetryMessage, content_type), IPC_FIELD_NULLABLE },
        { "contentEncoding", IPC_FIELD_STRING, offsetof(TelemetryMessage, content_encoding),
          IPC_FIELD_NULLABLE },
        { "component", IPC_FIELD_STRING, offsetof(TelemetryMessage, component), IPC_FIELD_NULLABLE },
        { "messageId", IPC_FIELD_STRING, offsetof(TelemetryMessage, message_id), IPC_FIELD_NULLABLE },
        { "correlationId", IPC_FIELD_STRING, offsetof(TelemetryMessage, correlation_id), IPC_FIELD_NULLABLE },
        { "properties", IPC_FIELD_MAP, offsetof(TelemetryMessage, properties), IPC_FIELD_NULLABLE },
        { "ttlSeconds", IPC_FIELD_INT, offsetof(TelemetryMessage, ttl_s), IPC_FIELD_NULLABLE, .min = 1,
          .max = TELEMETRY_TTL_MAX_S, .absent = 0 },
};
const IpcStruct telemetry_message_struct = IPC_STRUCT(TelemetryMessage, message_fields);

/* The fields that become system properties. */
static const struct {
        az_span wire_name;
        const char *field;
        size_t offset;
        uint32_t max_size;
} system_properties[] = {
        { SPAN(AZ_IOT_MESSAGE_PROPERTIES_MESSAGE_ID), "messageId", offsetof(TelemetryMessage, message_id),
          TELEMETRY_ID_MAX },
        { SPAN(AZ_IOT_MESSAGE_PROPERTIES_CORRELATION_ID), "correlationId",
          offsetof(TelemetryMessage, correlation_id), TELEMETRY_ID_MAX },
        { SPAN(AZ_IOT_MESSAGE_PROPERTIES_CONTENT_TYPE), "contentType",
          offsetof(TelemetryMessage, content_type), TELEMETRY_BAG_MAX },
        { SPAN(AZ_IOT_MESSAGE_PROPERTIES_CONTENT_ENCODING), "contentEncoding",
          offsetof(TelemetryMessage, content_encoding), TELEMETRY_BAG_MAX },
        { SPAN(AZ_IOT_MESSAGE_COMPONENT_NAME), "component", offsetof(TelemetryMessage, component),
          TELEMETRY_BAG_MAX },
};

/* What content type and encoding need at most when they come from us, encoded. */
#define DEFAULTS_BOUND 64U

static const az_span *system_property(const TelemetryMessage *message, size_t i) {
        return (const az_span *) (const void *) ((const uint8_t *) message + system_properties[i].offset);
}

/* A property bag under construction; 'size' counts what the hub counts. */
typedef struct Bag {
        const uint8_t *start;
        az_span rest;
        uint32_t size;
} Bag;

/* Room for the bag: every byte of a value may become three, each pair has a '&', a '=' and a name. */
static size_t bag_bound(const TelemetryMessage *message) {
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(system_properties); i++)
                n += 16 + 3 * (size_t) az_span_size(*system_property(message, i));
        for (size_t i = 0; i < message->properties.n_items; i++)
                n += 2 + 3 * (size_t) az_span_size(message->properties.items[i].key) +
                     3 * (size_t) az_span_size(message->properties.items[i].value);
        return MIN(n + DEFAULTS_BOUND, (size_t) TELEMETRY_BAG_MAX);
}

size_t telemetry_message_bound(const TelemetryMessage *message) {
        return bag_bound(message) + (size_t) az_span_size(message->data);
}

static bool bag_put(Bag *bag, az_span text) {
        if (az_span_size(bag->rest) < az_span_size(text))
                return false;
        bag->rest = az_span_copy(bag->rest, text);
        return true;
}

static bool bag_put_encoded(Bag *bag, az_span text) {
        int32_t n;

        if (az_result_failed(_az_span_url_encode(bag->rest, text, &n)))
                return false;
        bag->rest = az_span_slice_to_end(bag->rest, n);
        return true;
}

/* 'wire_name' is written as it is; 'name' is encoded. One of them is empty. */
static bool bag_append(Bag *bag, az_span wire_name, az_span name, az_span value) {
        bool is_first = az_span_ptr(bag->rest) == bag->start;

        bag->size += (uint32_t) az_span_size(name) + (uint32_t) az_span_size(value);
        return (is_first || bag_put(bag, AZ_SPAN_FROM_STR("&"))) && bag_put(bag, wire_name) &&
               bag_put_encoded(bag, name) && bag_put(bag, AZ_SPAN_FROM_STR("=")) &&
               bag_put_encoded(bag, value);
}

static int invalid(TelemetryProblem *ret, const char *field, const char *reason) {
        *ret = (TelemetryProblem){ .field = field, .reason = reason };
        return TELEMETRY_INVALID;
}

static bool span_starts_with(az_span span, az_span prefix) {
        return az_span_size(span) >= az_span_size(prefix) &&
               az_span_is_content_equal(az_span_slice(span, 0, az_span_size(prefix)), prefix);
}

/* "A case-sensitive string (up to 128 characters long) of ASCII 7-bit alphanumeric characters plus ..." */
static bool message_id_is_valid(az_span id) {
        for (int32_t i = 0; i < az_span_size(id); i++) {
                char c = (char) az_span_ptr(id)[i];
                bool is_alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

                if (!is_alnum && (c == '\0' || !strchr("-:.+%_#*?!(),=@;$'", c)))
                        return false;
        }
        return true;
}

static int system_properties_compose(const TelemetryMessage *message, Bag *bag, TelemetryProblem *ret) {
        if (!ipc_is_absent(message->message_id) && !message_id_is_valid(message->message_id))
                return invalid(ret, "messageId",
                               "only ASCII letters, digits and -:.+%_#*?!(),=@;$' are allowed");

        for (size_t i = 0; i < ELEMENTSOF(system_properties); i++) {
                az_span value = *system_property(message, i);

                if (ipc_is_absent(value))
                        continue;
                if (az_span_size(value) == 0)
                        return invalid(ret, system_properties[i].field, "it is empty");
                if ((uint32_t) az_span_size(value) > system_properties[i].max_size)
                        return invalid(ret, system_properties[i].field, "it is too long");
                if (!bag_append(bag, system_properties[i].wire_name, AZ_SPAN_EMPTY, value))
                        return invalid(ret, system_properties[i].field,
                                       "the properties exceed 8 KiB, percent-encoded");
        }
        return 0;
}

static int application_properties_compose(const TelemetryMessage *message, Bag *bag, TelemetryProblem *ret) {
        for (size_t i = 0; i < message->properties.n_items; i++) {
                az_span name = message->properties.items[i].key, value = message->properties.items[i].value;

                if (az_span_size(name) == 0)
                        return invalid(ret, "properties", "a name is empty");
                if (az_span_size(value) == 0)
                        return invalid(ret, "properties", "a value is empty");
                if (span_starts_with(name, AZ_SPAN_FROM_STR("$")) ||
                    span_starts_with(name, AZ_SPAN_FROM_STR("iothub-")))
                        return invalid(ret, "properties",
                                       "names that begin with '$' or 'iothub-' are the hub's");
                if (!bag_append(bag, AZ_SPAN_EMPTY, name, value))
                        return invalid(ret, "properties", "the properties exceed 8 KiB, percent-encoded");
        }
        return 0;
}

static int body_compose(const TelemetryMessage *message, uint8_t *memory, az_span *ret_body,
                        TelemetryProblem *ret_problem) {
        int n_bodies =
                !ipc_is_absent(message->body) + !ipc_is_absent(message->text) + !ipc_is_absent(message->data);
        int32_t n = 0;

        if (n_bodies != 1)
                return invalid(ret_problem, "body", "exactly one of 'body', 'text' and 'data' must be set");

        if (ipc_is_absent(message->data)) {
                *ret_body = ipc_is_absent(message->body) ? message->text : message->body;
                return 0;
        }

        if (az_span_size(message->data) > 0 &&
            az_result_failed(
                    az_base64_decode(az_span_create(memory, az_span_size(message->data)), message->data, &n)))
                return invalid(ret_problem, "data", "it is not base64 (RFC 4648, section 4)");
        *ret_body = az_span_create(memory, n);
        return 0;
}

int telemetry_message_compose(const TelemetryMessage *message, uint8_t **memory, OutboxMessage *ret,
                              TelemetryProblem *ret_problem) {
        TelemetryMessage m = *message;
        Bag bag = { .start = *memory, .rest = az_span_create(*memory, (int32_t) bag_bound(message)) };
        uint8_t *end;
        az_span body;
        int r;

        /* What routing on the body asks for: "content type application/json, content encoding UTF-8". */
        if (!ipc_is_absent(m.body) && ipc_is_absent(m.content_type))
                m.content_type = AZ_SPAN_FROM_STR("application/json");
        if (!ipc_is_absent(m.body) && ipc_is_absent(m.content_encoding))
                m.content_encoding = AZ_SPAN_FROM_STR("utf-8");

        r = system_properties_compose(&m, &bag, ret_problem);
        if (r != 0)
                return r;
        r = application_properties_compose(&m, &bag, ret_problem);
        if (r != 0)
                return r;

        end = az_span_ptr(bag.rest);
        r = body_compose(&m, end, &body, ret_problem);
        if (r != 0)
                return r;
        if (bag.size + (uint32_t) az_span_size(body) > TELEMETRY_MESSAGE_MAX)
                return TELEMETRY_TOO_LARGE;

        *ret = (OutboxMessage){
                .properties = az_span_create(*memory, (int32_t) (end - *memory)),
                .body = body,
                .ttl_s = (uint32_t) m.ttl_s,
                .flags = ipc_is_absent(m.message_id) ? 0 : TELEMETRY_HAS_MESSAGE_ID,
        };
        *memory = end + az_span_size(m.data);
        return 0;
}
