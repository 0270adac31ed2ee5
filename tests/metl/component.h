/* SPDX-License-Identifier: MIT */
#pragma once

/* What a test case is about: executors, invokers, receivers and senders, and what they do. */

#include <aio/command_executor.h>
#include <aio/command_invoker.h>
#include <aio/telemetry.h>

#include "world.h"

typedef enum ComponentKind {
        COMPONENT_EXECUTOR,
        COMPONENT_INVOKER,
        COMPONENT_RECEIVER,
        COMPONENT_SENDER,
} ComponentKind;

struct Component {
        ComponentKind kind;
        const cJSON *options;
        aio_serializer in, out;
        union {
                aio_endpoint *endpoint; /* of all but a sender */
                aio_telemetry_sender *sender;
        };
        bool is_started, is_stopped;
        aio_error error;    /* of making, starting or stopping it */
        unsigned n_handled; /* requests that were executed, or telemetry that came */
        Entry *n_by_payload;
};

/* A request that is executed, which a step may hold up. */
struct Execution {
        Execution *next;
        Component *executor;
        uint64_t id;
        aio_received received;
        const cJSON *step;  /* the next one */
        bool has_signalled; /* in this step */
        bool is_gone;       /* it was responded to, or need not be */
        az_span payload;    /* of the response */
};

/* An invocation, or telemetry that is sent. */
struct Call {
        Call *next;
        uint64_t index;
        bool is_done;
        aio_error error;
        az_span payload; /* of the response */
        az_mqtt_user_property *user_properties;
        int32_t n_user_properties;
};

/* Telemetry that came. */
struct Telemetry {
        Telemetry *next;
        az_span payload, source_id;
        az_mqtt_user_property *user_properties;
        int32_t n_user_properties;
        aio_topic_tokens tokens;
        bool has_cloud_event;
        aio_cloud_event cloud_event;
};

/* Makes and starts what the prologue names, in order, as far as it goes; an error is in the component. */
void components_start(World *w, ComponentKind kind);

/* Stops them; the first error, if any. */
aio_error components_stop(World *w);

/* The first error of starting them, if any. */
aio_error components_error(const World *w);

/* News from the client. */
void component_on_event(World *w, const aio_event *event);

/* Executor: a request has come, or is gone; an event is counted down, or has been. */
void executor_start_request(World *w, const aio_event *event);
void executor_forget_request(World *w, uint64_t id);
void executor_signal(World *w, const char *event);
bool executor_is_over(const World *w, const char *event);

/* Invoker and sender: what an action says. */
void invoker_invoke(World *w, const cJSON *action);
void sender_send(World *w, const cJSON *action);

/* The pairs of a mapping, as metadata and as tokens. Those that are null are left out. */
az_mqtt_user_property *properties_of(World *w, const cJSON *map, int32_t *ret_n);
aio_topic_tokens tokens_of(World *w, const cJSON *map);

/* Finds a value of metadata; without a pointer: there is none. */
az_span properties_find(const az_mqtt_user_property *properties, int32_t n, const char *key);
