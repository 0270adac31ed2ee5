/* SPDX-License-Identifier: MIT */

#include "check.h"

#include <strings.h>

#include <aio/metadata.h>

#include "action.h"

static bool span_is(az_span span, const char *text) {
        return az_span_ptr(span) && az_span_is_content_equal(span, span_of(text));
}

static void fail_text(const char *where, const char *key, const char *expected, az_span actual) {
        if (!az_span_ptr(actual))
                fail("%s: %s is absent, not '%s'", where, key, expected ?: "");
        fail("%s: %s is '%.*s', not %s%s%s", where, key, az_span_size(actual),
             (const char *) az_span_ptr(actual), expected ? "'" : "", expected ?: "absent",
             expected ? "'" : "");
}

/* An empty one is as good as none where 'expected' is null. */
static void check_value(const char *where, const char *key, const cJSON *expected, az_span actual) {
        const char *text = cJSON_GetStringValue(expected);

        if (!expected || (cJSON_IsNull(expected) && !az_span_ptr(actual)))
                return;
        if (!text || !span_is(actual, text))
                fail_text(where, key, text, actual);
}

void check_text(const char *where, const cJSON *expected, const char *key, az_span actual) {
        check_value(where, key, json_find(expected, key), actual);
}

void check_payload(const char *where, const cJSON *expected, const char *key, az_span actual) {
        /* There is no telling an absent payload from an empty one in MQTT. */
        check_text(where, expected, key,
                   az_span_size(actual) > 0  ? actual
                   : json_has(expected, key) ? AZ_SPAN_FROM_STR("")
                                             : AZ_SPAN_EMPTY);
}

void check_metadata(const char *where, const cJSON *expected, const az_mqtt_user_property *actual,
                    int32_t n) {
        const cJSON *pair;

        for (pair = json_first(expected); pair; pair = pair->next)
                check_value(where, pair->string, pair, properties_find(actual, n, pair->string));
}

static void check_number(const char *where, const cJSON *expected, const char *key, bool is_there,
                         uint64_t actual) {
        const cJSON *item = json_find(expected, key);

        if (!item || (cJSON_IsNull(item) && !is_there))
                return;
        if (!is_there)
                fail("%s: %s is absent", where, key);
        if (cJSON_IsNull(item) || (uint64_t) item->valuedouble != actual)
                fail("%s: %s is %llu", where, key, (unsigned long long) actual);
}

/* Errors */

static const struct {
        const char *key;
        size_t offset;
        bool is_name; /* it counts without case, and only what is behind its last dot */
} supplements[] = {
        { "header-name", offsetof(aio_error, property_name), false },
        { "header-value", offsetof(aio_error, property_value), false },
        { "timeout-name", offsetof(aio_error, property_name), true },
        { "timeout-value", offsetof(aio_error, property_value), false },
        { "property-name", offsetof(aio_error, property_name), true },
        { "property-value", offsetof(aio_error, property_value), false },
        { "command-name", offsetof(aio_error, command_name), false },
        { "protocol-version", offsetof(aio_error, protocol_version), false },
        { "supported-protocols", offsetof(aio_error, supported_majors), false },
};

static bool name_is(az_span name, const char *expected) {
        const char *text = (const char *) az_span_ptr(name);
        const char *dot = text ? memrchr(text, '.', (size_t) az_span_size(name)) : NULL;
        az_span last = dot ? az_span_slice_to_end(name, (int32_t) (dot + 1 - text)) : name;

        return text && az_span_is_content_equal_ignoring_case(last, span_of(expected));
}

static void check_supplemental(const char *where, const cJSON *expected, const aio_error *error) {
        for (size_t i = 0; i < ELEMENTSOF(supplements); i++) {
                const char *text = json_text(expected, supplements[i].key);
                az_span actual = *(const az_span *) ((const char *) error + supplements[i].offset);

                if (text && !(supplements[i].is_name ? name_is(actual, text) : span_is(actual, text)))
                        fail_text(where, supplements[i].key, text, actual);
        }
}

static void check_flag(const char *where, const cJSON *expected, const char *key, bool actual) {
        if (json_has(expected, key) && json_is_true(expected, key) != actual)
                fail("%s: %s is %s", where, key, actual ? "true" : "false");
}

void check_error(const char *where, const cJSON *catch, const aio_error *error) {
        const char *kind = aio_error_kind_to_string(error->kind), *expected = json_text(catch, "error-kind");

        if (!catch && error->kind == AIO_ERROR_NONE)
                return;
        if (error->kind == AIO_ERROR_NONE)
                fail("%s: no error, but '%s' is expected", where, expected);
        if (!catch || strcmp(kind, expected) != 0)
                fail("%s: error '%s' (%.*s: %.*s: %.*s), not '%s'", where, kind,
                     az_span_size(error->property_name), (const char *) az_span_ptr(error->property_name),
                     az_span_size(error->property_value), (const char *) az_span_ptr(error->property_value),
                     az_span_size(error->message), (const char *) az_span_ptr(error->message),
                     expected ?: "none");
        check_flag(where, catch, "is-shallow", error->is_shallow);
        check_flag(where, catch, "is-remote", error->is_remote);
        check_text(where, catch, "message", error->message);
        check_supplemental(where, json_find(catch, "supplemental"), error);
}

/* What was published */

static bool correlates(World *w, const az_mqtt_message *m, const cJSON *index) {
        az_span bytes;

        if (cJSON_IsNull(index))
                return !az_span_ptr(m->correlation_data);
        bytes = world_find(w, &w->correlations, (uint64_t) index->valuedouble)->bytes;
        return az_span_ptr(bytes) && az_span_is_content_equal(bytes, m->correlation_data);
}

/* Requests and responses are found by their correlation data, the last one that has them; telemetry by its
 * order.
 */
static const az_mqtt_message *find_published(World *w, const cJSON *expected, size_t i) {
        const cJSON *index = json_find(expected, "correlation-index");
        const PeerPacket *packet;
        const az_mqtt_message *found = NULL;

        if (!index) {
                packet = peer_get(w->peer, PEER_PUBLISH, i);
                return packet ? &packet->message : NULL;
        }
        for (size_t k = 0; (packet = peer_get(w->peer, PEER_PUBLISH, k)); k++)
                if (correlates(w, &packet->message, index))
                        found = &packet->message;
        return found;
}

static void check_application_error(const char *where, const cJSON *expected, const az_mqtt_message *m) {
        az_span actual = peer_message_find(m, AIO_METADATA_IS_APPLICATION_ERROR);

        check_flag(where, expected, "is-application-error",
                   az_span_size(actual) > 0 &&
                           !az_span_is_content_equal_ignoring_case(actual, AZ_SPAN_FROM_STR("false")));
}

static void check_status(const char *where, const cJSON *expected, const az_mqtt_message *m) {
        const cJSON *item = json_find(expected, "command-status");
        az_span actual = peer_message_find(m, AIO_METADATA_STATUS);
        char number[16];

        (void) snprintf(number, sizeof(number), "%d", item ? item->valueint : 0);
        if (cJSON_IsNumber(item) && !span_is(actual, number))
                fail_text(where, "command-status", number, actual);
        if (cJSON_IsNull(item) && az_span_ptr(actual))
                fail_text(where, "command-status", NULL, actual);
}

static void check_message(World *w, const cJSON *expected, size_t i) {
        const az_mqtt_message *m = find_published(w, expected, i);
        char where[64];

        (void) snprintf(where, sizeof(where), "published-messages[%zu]", i);
        if (!m)
                fail("%s: there is no such message", where);
        check_text(where, expected, "topic", m->topic);
        check_payload(where, expected, "payload", m->payload);
        check_text(where, expected, "content-type", m->content_type);
        check_number(where, expected, "format-indicator", m->has_payload_format, m->payload_format);
        check_metadata(where, json_find(expected, "metadata"), m->user_properties, m->n_user_properties);
        check_status(where, expected, m);
        check_application_error(where, expected, m);
        check_text(where, expected, "source-id", peer_message_find(m, AIO_METADATA_SOURCE_ID));
        check_number(where, expected, "expiry", m->has_message_expiry, m->message_expiry_s);
}

/* What was received */

static void check_cloud_event(const char *where, const cJSON *expected, const Telemetry *t) {
        const aio_cloud_event *e = &t->cloud_event;

        if (!expected)
                return;
        if (cJSON_IsNull(expected) == t->has_cloud_event)
                fail("%s: there is %s cloud event", where, t->has_cloud_event ? "a" : "no");
        check_text(where, expected, "source", e->source);
        check_text(where, expected, "type", e->type);
        check_text(where, expected, "spec-version", e->spec_version);
        check_text(where, expected, "id", e->id);
        check_text(where, expected, "time", e->time);
        check_text(where, expected, "data-content-type", e->data_content_type);
        check_text(where, expected, "subject", e->subject);
        check_text(where, expected, "data-schema", e->data_schema);
}

static void check_source(World *w, const char *where, const cJSON *expected, const Telemetry *t) {
        const cJSON *index = json_find(expected, "source-index");
        const char *id = cJSON_IsNumber(index) ? action_source_id(w, index) : NULL;

        if (id && !span_is(t->source_id, id))
                fail_text(where, "source-index", id, t->source_id);
        if (cJSON_IsNull(index) && az_span_ptr(t->source_id))
                fail_text(where, "source-index", NULL, t->source_id);
}

static void check_telemetry(World *w, const cJSON *expected, const Telemetry *t, size_t i) {
        const cJSON *token;
        char where[64];
        az_span value;

        (void) snprintf(where, sizeof(where), "received-telemetries[%zu]", i);
        if (!t)
                fail("%s: there is no such telemetry", where);
        check_payload(where, expected, "telemetry-value", t->payload);
        check_metadata(where, json_find(expected, "metadata"), t->user_properties, t->n_user_properties);
        for (token = json_first(json_find(expected, "topic-tokens")); token; token = token->next) {
                if (az_result_failed(aio_topic_tokens_find(t->tokens, span_of(token->string), &value)))
                        value = AZ_SPAN_EMPTY;
                check_value(where, token->string, token, value);
        }
        check_cloud_event(where, json_find(expected, "cloud-event"), t);
        check_source(w, where, expected, t);
}

/* Epilogue */

static void check_subscriptions(World *w) {
        const cJSON *expected;

        for (expected = json_first(json_find(w->epilogue, "subscribed-topics")); expected;
             expected = expected->next) {
                const PeerPacket *packet;
                bool is_there = false;

                for (size_t i = 0; (packet = peer_get(w->peer, PEER_SUBSCRIBE, i)); i++)
                        for (size_t k = 0; k < packet->n_filters; k++)
                                is_there |= span_is(packet->filters[k].filter, expected->valuestring);
                if (!is_there)
                        fail("subscribed-topics: not '%s'", expected->valuestring);
        }
}

/* 'single' is of the first component, 'each' of those that it names by their number. */
static void check_counts(const World *w, const char *single, const char *each) {
        const cJSON *expected;

        if (w->n_components > 0)
                check_number("epilogue", w->epilogue, single, true, w->components[0].n_handled);
        for (expected = json_first(json_find(w->epilogue, each)); expected; expected = expected->next) {
                size_t i = (size_t) strtoul(expected->string, NULL, 10);

                if (i >= w->n_components || w->components[i].n_handled != (unsigned) expected->valueint)
                        fail("%s: of %s it is %u", each, expected->string,
                             i < w->n_components ? w->components[i].n_handled : 0);
        }
}

void check_epilogue(World *w, ComponentKind kind) {
        const cJSON *expected;
        const Telemetry *t = w->telemetries;
        size_t i = 0;

        check_subscriptions(w);
        check_number("epilogue", w->epilogue, "publication-count", true, peer_count(w->peer, PEER_PUBLISH));
        check_number("epilogue", w->epilogue, "acknowledgement-count", true,
                     peer_count(w->peer, PEER_PUBACK));
        if (kind == COMPONENT_EXECUTOR)
                check_counts(w, "execution-count", "execution-counts");
        if (kind == COMPONENT_RECEIVER)
                check_counts(w, "telemetry-count", "telemetry-counts");
        for (expected = json_first(json_find(w->epilogue, "published-messages")); expected;
             expected = expected->next)
                check_message(w, expected, i++);
        i = 0;
        for (expected = json_first(json_find(w->epilogue, "received-telemetries")); expected;
             expected = expected->next) {
                check_telemetry(w, expected, t, i++);
                t = t ? t->next : NULL;
        }
}
