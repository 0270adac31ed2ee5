/* SPDX-License-Identifier: MIT */

#include "component.h"

az_mqtt_user_property *properties_of(World *w, const cJSON *map, int32_t *ret_n) {
        size_t n_max = (size_t) cJSON_GetArraySize(map);
        az_mqtt_user_property *properties = world_keep(w, (n_max + 1) * sizeof(*properties));
        const cJSON *pair;

        *ret_n = 0;
        for (pair = json_first(map); pair; pair = pair->next)
                if (cJSON_IsString(pair))
                        properties[(*ret_n)++] = (az_mqtt_user_property){
                                span_of(pair->string),
                                span_of(pair->valuestring),
                        };
        return properties;
}

aio_topic_tokens tokens_of(World *w, const cJSON *map) {
        aio_topic_tokens tokens = {};
        const az_mqtt_user_property *pairs = properties_of(w, map, &tokens.n_tokens);
        aio_topic_token *copy = world_keep(w, ((size_t) tokens.n_tokens + 1) * sizeof(*copy));

        for (int32_t i = 0; i < tokens.n_tokens; i++)
                copy[i] = (aio_topic_token){ pairs[i].key, pairs[i].value };
        tokens.tokens = copy;
        return tokens;
}

az_span properties_find(const az_mqtt_user_property *properties, int32_t n, const char *key) {
        return peer_message_find(&(az_mqtt_message){ .user_properties = properties, .n_user_properties = n },
                                 key);
}

/* Making and starting */

static az_result refuse(void *context, az_span payload) {
        return AZ_ERROR_UNEXPECTED_CHAR;
}

/* A payload of the test cases is a text, whatever its content type: it is not looked at. */
static void make_serializers(World *w, Component *c) {
        const cJSON *s = json_find(c->options, "serializer"),
                    *accepted = json_find(s, "accept-content-types");
        const cJSON *item;
        az_span *types = world_keep(w, ((size_t) cJSON_GetArraySize(accepted) + 1) * sizeof(*types));

        c->out = (aio_serializer){
                .content_type = json_span(s, "out-content-type"),
                .payload_format = json_is_true(s, "indicate-character-data"),
        };
        c->in = (aio_serializer){
                .content_type = c->out.content_type,
                .accepts_utf8 = json_is_true(s, "allow-character-data"),
                .accepted = types,
                .validate = json_is_true(s, "fail-deserialization") ? refuse : NULL,
        };
        for (item = json_first(accepted); item; item = item->next)
                types[c->in.n_accepted++] = span_of(item->valuestring);
}

/* 'executor-id', 'idempotent' and 'cache-ttl' are of the past: tokens have no meaning, and every request is
 * remembered until it expires. */
static az_result start_executor(World *w, Component *c) {
        aio_command_executor *executor = world_keep(w, sizeof(*executor));
        const aio_command_executor_options options = {
                .command_name = json_span(c->options, "command-name"),
                .request_topic_pattern = json_span(c->options, "request-topic"),
                .topic_namespace = json_span(c->options, "topic-namespace"),
                .tokens = tokens_of(w, json_find(c->options, "topic-token-map")),
                .serializer = &c->in,
                .response_serializer = &c->out,
                .has_execution_timeout = json_has(c->options, "execution-timeout"),
                .execution_timeout_us = json_number(c->options, "execution-timeout"),
                .concurrency = (uint32_t) json_number(c->options, "execution-concurrency"),
                .context = c,
        };

        c->endpoint = &executor->endpoint;
        return aio_command_executor_start(executor, &w->client, &options, &c->error);
}

static az_result start_invoker(World *w, Component *c) {
        aio_command_invoker *invoker = world_keep(w, sizeof(*invoker));
        const aio_command_invoker_options options = {
                .command_name = json_span(c->options, "command-name"),
                .request_topic_pattern = json_span(c->options, "request-topic"),
                .response_topic_pattern = json_span(c->options, "response-topic-pattern"),
                .response_topic_prefix = json_span(c->options, "response-topic-prefix"),
                .response_topic_suffix = json_span(c->options, "response-topic-suffix"),
                .topic_namespace = json_span(c->options, "topic-namespace"),
                .tokens = tokens_of(w, json_find(c->options, "topic-token-map")),
                .serializer = &c->out,
                .response_serializer = &c->in,
                .context = c,
        };

        c->endpoint = &invoker->endpoint;
        return aio_command_invoker_start(invoker, &w->client, &options, &c->error);
}

static az_result start_receiver(World *w, Component *c) {
        aio_telemetry_receiver *receiver = world_keep(w, sizeof(*receiver));
        const aio_telemetry_receiver_options options = {
                .topic_pattern = json_span(c->options, "telemetry-topic"),
                .topic_namespace = json_span(c->options, "topic-namespace"),
                .tokens = tokens_of(w, json_find(c->options, "topic-token-map")),
                .serializer = &c->in,
                .context = c,
        };

        c->endpoint = &receiver->endpoint;
        return aio_telemetry_receiver_start(receiver, &w->client, &options, &c->error);
}

static az_result start_sender(World *w, Component *c) {
        const aio_telemetry_sender_options options = {
                .topic_pattern = json_span(c->options, "telemetry-topic"),
                .topic_namespace = json_span(c->options, "topic-namespace"),
                .tokens = tokens_of(w, json_find(c->options, "topic-token-map")),
                .serializer = &c->out,
        };

        c->sender = world_keep(w, sizeof(*c->sender));
        c->is_started = true;
        return aio_telemetry_sender_init(c->sender, &w->client, &options, &c->error);
}

static bool is_started(World *w, const void *userdata) {
        const Component *c = userdata;

        return c->is_started;
}

static void component_start(World *w, Component *c) {
        static az_result (*const start[])(World *, Component *) = {
                [COMPONENT_EXECUTOR] = start_executor,
                [COMPONENT_INVOKER] = start_invoker,
                [COMPONENT_RECEIVER] = start_receiver,
                [COMPONENT_SENDER] = start_sender,
        };

        make_serializers(w, c);
        if (az_result_failed(start[c->kind](w, c))) {
                c->error = world_keep_error(w, &c->error);
                c->is_stopped = true;
                return;
        }
        c->error = (aio_error){};
        world_await(w, is_started, c, "the answer to a subscription");
}

void components_start(World *w, ComponentKind kind) {
        const cJSON *options, *all = json_find(w->prologue, "components");

        w->components = world_keep(w, (size_t) cJSON_GetArraySize(all) * sizeof(*w->components));
        for (options = json_first(all); options; options = options->next) {
                Component *c = &w->components[w->n_components++];

                *c = (Component){ .kind = kind, .options = options };
                component_start(w, c);
                if (c->error.kind != AIO_ERROR_NONE)
                        return;
        }
}

aio_error components_error(const World *w) {
        for (size_t i = 0; i < w->n_components; i++)
                if (w->components[i].error.kind != AIO_ERROR_NONE)
                        return w->components[i].error;
        return (aio_error){};
}

static bool is_stopped(World *w, const void *userdata) {
        const Component *c = userdata;

        return c->is_stopped;
}

static void component_stop(World *w, Component *c) {
        if (c->kind == COMPONENT_SENDER || c->is_stopped)
                return;
        if (c->kind == COMPONENT_EXECUTOR)
                aio_command_executor_stop((aio_command_executor *) c->endpoint, world_time(w));
        else if (c->kind == COMPONENT_INVOKER)
                aio_command_invoker_stop((aio_command_invoker *) c->endpoint);
        else
                aio_telemetry_receiver_stop((aio_telemetry_receiver *) c->endpoint);
        world_await(w, is_stopped, c, "the end of a subscription");
}

aio_error components_stop(World *w) {
        for (size_t i = 0; i < w->n_components; i++) {
                w->components[i].error = (aio_error){};
                component_stop(w, &w->components[i]);
        }
        return components_error(w);
}

/* Calls */

static Call *call_new(World *w, uint64_t index) {
        Call *call = world_keep(w, sizeof(*call));

        call->index = index;
        if (w->last_call)
                w->last_call->next = call;
        else
                w->calls = call;
        w->last_call = call;
        return call;
}

/* The call is on its way, or it has ended already. */
static void call_begin(World *w, Call *call, az_result result, const aio_event *wish,
                       const aio_error *error) {
        if (az_result_succeeded(result)) {
                world_carry(w, wish);
                return;
        }
        call->is_done = true;
        call->error = world_keep_error(w, error);
}

/* The component that has this name, or the only one. */
static Component *find_component(World *w, const cJSON *action, const char *key) {
        const char *name = json_text(action, key);

        for (size_t i = 0; i < w->n_components; i++) {
                const char *its_name = json_text(w->components[i].options, key);

                if (w->n_components == 1 || (name && its_name && strcmp(name, its_name) == 0))
                        return &w->components[i];
        }
        fail("there is no '%s' of that name: %s", key, name ?: "null");
}

void invoker_invoke(World *w, const cJSON *action) {
        Component *c = find_component(w, action, "command-name");
        aio_request request = {
                .payload = json_span(action, "request-value"),
                .tokens = tokens_of(w, json_find(action, "topic-token-map")),
                .has_timeout = json_has(action, "timeout"),
                .timeout_us = json_number(action, "timeout"),
                .context = call_new(w, json_number(action, "invocation-index")),
        };
        aio_event wish;
        aio_error error;
        az_result r;
        uint64_t id;

        request.user_properties = properties_of(w, json_find(action, "metadata"), &request.n_user_properties);
        r = aio_command_invoker_invoke((aio_command_invoker *) c->endpoint, &request, world_time(w), &id,
                                       &wish, &error);
        call_begin(w, request.context, r, &wish, &error);
}

void sender_send(World *w, const cJSON *action) {
        Component *c = find_component(w, action, "telemetry-name");
        const cJSON *event = json_find(action, "cloud-event");
        const aio_cloud_event cloud_event = {
                .spec_version = json_span(event, "spec-version"),
                .id = json_span(event, "id"),
                .source = json_span(event, "source"),
                .type = json_span(event, "type"),
                .subject = json_span(event, "subject"),
                .time = json_span(event, "time"),
                .data_schema = json_span(event, "data-schema"),
        };
        Call *call = call_new(w, w->last_call ? w->last_call->index + 1 : 0);
        aio_telemetry telemetry = {
                .payload = json_span(action, "telemetry-value"),
                .tokens = tokens_of(w, json_find(action, "topic-token-map")),
                .cloud_event = cJSON_IsObject(event) ? &cloud_event : NULL,
                .has_timeout = json_has(action, "timeout"),
                .timeout_us = json_number(action, "timeout"),
                .is_qos_0 = json_has(action, "qos") && json_number(action, "qos") == 0,
        };
        aio_event wish;
        aio_error error;
        az_result r;

        telemetry.user_properties =
                properties_of(w, json_find(action, "metadata"), &telemetry.n_user_properties);
        r = aio_telemetry_sender_send(c->sender, &telemetry, call->index, world_time(w), &wish, &error);
        call_begin(w, call, r, &wish, &error);
}

/* News */

static az_mqtt_user_property *keep_properties(World *w, const aio_received *received) {
        az_mqtt_user_property *copy =
                world_keep(w, ((size_t) received->n_user_properties + 1) * sizeof(*copy));

        for (int32_t i = 0; i < received->n_user_properties; i++)
                copy[i] = (az_mqtt_user_property){
                        world_keep_span(w, received->user_properties[i].key),
                        world_keep_span(w, received->user_properties[i].value),
                };
        return copy;
}

static void end_call(World *w, Call *call, const aio_error *error, const aio_received *received) {
        call->is_done = true;
        call->error = world_keep_error(w, error);
        if (!received)
                return;
        call->payload = world_keep_span(w, received->message.payload);
        call->user_properties = keep_properties(w, received);
        call->n_user_properties = received->n_user_properties;
}

static void end_send(World *w, uint64_t token, const aio_error *error) {
        for (Call *call = w->calls; call; call = call->next)
                if (call->index == token)
                        end_call(w, call, error, NULL);
}

static void keep_cloud_event(World *w, Telemetry *t, const az_mqtt_message *m) {
        aio_cloud_event *e = &t->cloud_event;
        aio_error error;

        t->has_cloud_event = az_result_succeeded(aio_cloud_event_read(m, e, &error));
        if (!t->has_cloud_event)
                return;
        *e = (aio_cloud_event){
                .spec_version = world_keep_span(w, e->spec_version),
                .id = world_keep_span(w, e->id),
                .source = world_keep_span(w, e->source),
                .type = world_keep_span(w, e->type),
                .subject = world_keep_span(w, e->subject),
                .time = world_keep_span(w, e->time),
                .data_schema = world_keep_span(w, e->data_schema),
                .data_content_type = world_keep_span(w, e->data_content_type),
        };
}

static void keep_telemetry(World *w, Component *c, const aio_received *received) {
        Telemetry *t = world_keep(w, sizeof(*t));
        aio_topic_token *tokens = world_keep(w, ((size_t) received->tokens.n_tokens + 1) * sizeof(*tokens));

        c->n_handled++;
        for (int32_t i = 0; i < received->tokens.n_tokens; i++)
                tokens[i] = (aio_topic_token){
                        world_keep_span(w, received->tokens.tokens[i].key),
                        world_keep_span(w, received->tokens.tokens[i].value),
                };
        *t = (Telemetry){
                .payload = world_keep_span(w, received->message.payload),
                .source_id = world_keep_span(w, received->metadata.source_id),
                .user_properties = keep_properties(w, received),
                .n_user_properties = received->n_user_properties,
                .tokens = { tokens, received->tokens.n_tokens },
        };
        keep_cloud_event(w, t, &received->message);
        if (w->last_telemetry)
                w->last_telemetry->next = t;
        else
                w->telemetries = t;
        w->last_telemetry = t;
}

static void note_endpoint(World *w, const aio_event *event) {
        Component *c = event->as.endpoint.endpoint->context;

        c->is_started = true;
        c->is_stopped |= event->type == AIO_EVENT_STOPPED || event->as.endpoint.error.kind != AIO_ERROR_NONE;
        if (c->error.kind == AIO_ERROR_NONE)
                c->error = world_keep_error(w, &event->as.endpoint.error);
}

void component_on_event(World *w, const aio_event *event) {
        switch (event->type) {
        case AIO_EVENT_STARTED:
        case AIO_EVENT_STOPPED:
                note_endpoint(w, event);
                break;
        case AIO_EVENT_SENT:
                end_send(w, event->as.sent.token, &event->as.sent.error);
                break;
        case AIO_EVENT_TELEMETRY:
                keep_telemetry(w, event->as.telemetry.receiver->endpoint.context,
                               &event->as.telemetry.received);
                break;
        case AIO_EVENT_REQUEST:
                executor_start_request(w, event);
                break;
        case AIO_EVENT_REQUEST_GONE:
                executor_forget_request(w, event->as.request_gone.id);
                break;
        case AIO_EVENT_RESPONSE:
                end_call(w, event->as.response.context, &event->as.response.error,
                         &event->as.response.received);
                break;
        case AIO_EVENT_IGNORED:
        case AIO_EVENT_SUBSCRIBE:
        case AIO_EVENT_UNSUBSCRIBE:
        case AIO_EVENT_PUBLISH:
        case AIO_EVENT_ACK:
        case _AIO_EVENT_TYPE_MAX:
                break;
        }
}
