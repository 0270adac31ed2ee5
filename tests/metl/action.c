/* SPDX-License-Identifier: MIT */

#include "action.h"

#include <aio/uuid.h>

#include "check.h"

const char *action_source_id(World *w, const cJSON *index) {
        char *text = world_keep(w, 32);

        (void) snprintf(text, 32, "metl-source-%d", index->valueint);
        return text;
}

/* What a message of the peer consists of */

typedef struct Draft {
        az_mqtt_message message;
        az_mqtt_user_property *properties; /* with room for all that may be added */
} Draft;

static void add(Draft *d, const char *key, az_span value) {
        if (az_span_ptr(value))
                d->properties[d->message.n_user_properties++] =
                        (az_mqtt_user_property){ span_of(key), value };
}

/* The wall clock of the peer goes as ours does. */
static void add_timestamp(World *w, Draft *d) {
        char *text = world_keep(w, 64);

        if (az_span_ptr(peer_message_find(&d->message, AIO_METADATA_TIMESTAMP)))
                return;
        (void) snprintf(text, 64, "%015llu:00000:peer", (unsigned long long) world_time(w).wall_ms);
        add(d, AIO_METADATA_TIMESTAMP, span_of(text));
}

static Draft draft_message(World *w, const cJSON *action) {
        const cJSON *metadata = json_find(action, "metadata"), *source = json_find(action, "source-index");
        uint64_t expiry_us = json_number(action, "message-expiry");
        Draft d = {
                .message = {
                        .topic = json_span(action, "topic"),
                        .payload = json_span(action, "payload"),
                        .qos = (uint8_t) json_number(action, "qos"),
                        .has_message_expiry = json_has(action, "message-expiry"),
                        .message_expiry_s = (uint32_t) ((expiry_us + USEC_PER_SEC - 1) / USEC_PER_SEC),
                        .has_payload_format = json_has(action, "format-indicator"),
                        .payload_format = (uint8_t) json_number(action, "format-indicator"),
                        .content_type = json_span(action, "content-type"),
                        .response_topic = json_span(action, "response-topic"),
                },
                .properties = world_keep(w, ((size_t) cJSON_GetArraySize(metadata) + 10) * sizeof(*d.properties)),
        };
        const cJSON *pair;

        d.message.user_properties = d.properties;
        for (pair = json_first(metadata); pair; pair = pair->next)
                add(&d, pair->string, span_of(pair->valuestring));
        if (cJSON_IsNumber(source))
                add(&d, AIO_METADATA_SOURCE_ID, span_of(action_source_id(w, source)));
        add_timestamp(w, &d);
        return d;
}

static bool is_connected(World *w, const void *userdata) {
        return peer_is_connected(w->peer);
}

/* A packet index stands for the packet identifier that it was first sent with. */
static void send_message(World *w, const cJSON *action, const az_mqtt_message *m) {
        const cJSON *index = json_find(action, "packet-index");
        Entry *packet =
                cJSON_IsNumber(index) ? world_find(w, &w->packets, (uint64_t) index->valuedouble) : NULL;
        uint16_t id;

        world_await(w, is_connected, NULL, "the connection");
        id = peer_publish(w->peer, m, packet ? (uint16_t) packet->value : 0);
        if (packet)
                packet->value = id;
}

/* The correlation data of this number: those that were seen, or else new ones. */
static az_span find_correlation(World *w, const cJSON *index) {
        Entry *e;

        if (!cJSON_IsNumber(index))
                return AZ_SPAN_EMPTY;
        e = world_find(w, &w->correlations, (uint64_t) index->valuedouble);
        if (!az_span_ptr(e->bytes)) {
                e->bytes = az_span_create(world_keep(w, AIO_UUID_SIZE), AIO_UUID_SIZE);
                world_random(w, az_span_ptr(e->bytes), AIO_UUID_SIZE);
        }
        return e->bytes;
}

static void receive_request(World *w, const cJSON *action) {
        const cJSON *index = json_find(action, "correlation-index");
        Draft d = draft_message(w, action);

        if (json_has(action, "correlation-id") && cJSON_IsNumber(index))
                world_find(w, &w->correlations, (uint64_t) index->valuedouble)->bytes =
                        json_span(action, "correlation-id");
        d.message.correlation_data = json_has(action, "correlation-id") ? json_span(action, "correlation-id")
                                                                        : find_correlation(w, index);
        send_message(w, action, &d.message);
}

static void receive_response(World *w, const cJSON *action) {
        Draft d = draft_message(w, action);

        add(&d, AIO_METADATA_STATUS, json_span(action, "status"));
        add(&d, AIO_METADATA_STATUS_MESSAGE, json_span(action, "status-message"));
        add(&d, AIO_METADATA_IS_APPLICATION_ERROR, json_span(action, "is-application-error"));
        add(&d, AIO_METADATA_PROPERTY_NAME, json_span(action, "invalid-property-name"));
        add(&d, AIO_METADATA_PROPERTY_VALUE, json_span(action, "invalid-property-value"));
        d.message.correlation_data = find_correlation(w, json_find(action, "correlation-index"));
        send_message(w, action, &d.message);
}

static void receive_telemetry(World *w, const cJSON *action) {
        Draft d = draft_message(w, action);

        send_message(w, action, &d.message);
}

/* Waiting */

static bool has_published(World *w, const void *userdata) {
        return peer_count(w->peer, PEER_PUBLISH) > w->n_publishes;
}

/* In a request this finds out what its correlation data are, in a response it has to be those of the request.
 */
static void await_publish(World *w, const cJSON *action) {
        const cJSON *index = json_find(action, "correlation-index");
        const az_mqtt_message *m;
        Entry *e;

        world_await(w, has_published, NULL, "a publication");
        m = &peer_get(w->peer, PEER_PUBLISH, w->n_publishes++)->message;
        if (!index)
                return;
        if (cJSON_IsNull(index)) {
                if (az_span_ptr(m->correlation_data))
                        fail("await publish: it has correlation data");
                return;
        }
        e = world_find(w, &w->correlations, (uint64_t) index->valuedouble);
        if (w->components[0].kind == COMPONENT_EXECUTOR &&
            !az_span_is_content_equal(m->correlation_data, e->bytes))
                fail("await publish: it is of another request than of correlation-index %d", index->valueint);
        e->bytes = m->correlation_data;
}

static bool has_acknowledged(World *w, const void *userdata) {
        return peer_count(w->peer, PEER_PUBACK) > w->n_acks;
}

static void await_acknowledgement(World *w, const cJSON *action) {
        const cJSON *index = json_find(action, "packet-index");
        uint16_t id;

        world_await(w, has_acknowledged, NULL, "an acknowledgement");
        id = peer_get(w->peer, PEER_PUBACK, w->n_acks++)->id;
        if (cJSON_IsNumber(index) && world_find(w, &w->packets, (uint64_t) index->valuedouble)->value != id)
                fail("await acknowledgement: it is of another packet than packet-index %d", index->valueint);
}

static bool is_done(World *w, const void *userdata) {
        const Call *call = userdata;

        return call->is_done;
}

/* The last one of this number. */
static const Call *find_call(World *w, uint64_t index) {
        const Call *found = NULL;

        for (const Call *call = w->calls; call; call = call->next)
                if (call->index == index)
                        found = call;
        if (!found)
                fail("await: there is no call %llu", (unsigned long long) index);
        return found;
}

static void await_invocation(World *w, const cJSON *action) {
        const Call *call = find_call(w, json_number(action, "invocation-index"));

        world_await(w, is_done, call, "the end of an invocation");
        check_error("await invocation", json_find(action, "catch"), &call->error);
        check_payload("await invocation", action, "response-value", call->payload);
        check_metadata("await invocation", json_find(action, "metadata"), call->user_properties,
                       call->n_user_properties);
}

static void await_send(World *w, const cJSON *action) {
        const Call *call = find_call(w, w->n_sends++);

        world_await(w, is_done, call, "the end of a send");
        check_error("await send", json_find(action, "catch"), &call->error);
}

aio_error action_try(World *w, const cJSON *action) {
        action_run(w, action);
        world_await(w, is_done, w->last_call, "the end of the first use");
        return w->last_call->error;
}

/* The rest */

static bool is_over(World *w, const void *userdata) {
        return executor_is_over(w, userdata);
}

static void synchronize(World *w, const cJSON *action) {
        const char *signal = json_text(action, "signal-event"), *wait = json_text(action, "wait-event");

        if (signal)
                executor_signal(w, signal);
        if (wait)
                world_await(w, is_over, wait, "an event");
}

static void break_connection(World *w, const cJSON *action) {
        peer_close(w->peer);
}

static void go_to_sleep(World *w, const cJSON *action) {
        world_sleep(w, json_number(action, "duration"));
}

static void freeze(World *w, const cJSON *action) {
        w->n_frozen++;
}

static void unfreeze(World *w, const cJSON *action) {
        if (w->n_frozen == 0)
                fail("unfreeze time: it is not frozen");
        w->n_frozen--;
}

static const struct {
        const char *name;
        void (*run)(World *w, const cJSON *action);
} actions[] = {
        { "receive request", receive_request },
        { "receive response", receive_response },
        { "receive telemetry", receive_telemetry },
        { "invoke command", invoker_invoke },
        { "send telemetry", sender_send },
        { "await publish", await_publish },
        { "await acknowledgement", await_acknowledgement },
        { "await invocation", await_invocation },
        { "await send", await_send },
        { "disconnect", break_connection },
        { "freeze time", freeze },
        { "unfreeze time", unfreeze },
        { "sleep", go_to_sleep },
        { "sync", synchronize },
};

void action_run(World *w, const cJSON *action) {
        const char *name = json_text(action, "action");

        for (size_t i = 0; i < ELEMENTSOF(actions); i++)
                if (strcmp(actions[i].name, name) == 0) {
                        actions[i].run(w, action);
                        world_settle(w);
                        return;
                }
        fail("there is no action '%s'", name);
}
