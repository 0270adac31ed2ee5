/* SPDX-License-Identifier: MIT */
#include <aio/command_invoker.h>

#include <aio/aio_internal.h>
#include <aio/client_internal.h>
#include <azure/core/az_precondition_internal.h>

#include <stddef.h>

enum {
        INVOCATION_FREE,
        INVOCATION_PENDING, /* waits for its response */
        INVOCATION_ENDED    /* RESPONSE is to be popped */
};

static az_result check_name(az_span command_name, aio_error *out_error) {
        if (az_span_size(command_name) > 0)
                return AZ_OK;
        *out_error = _aio_error_configuration(AZ_SPAN_FROM_STR(AIO_PROPERTY_COMMAND_NAME), command_name,
                                              AZ_SPAN_FROM_STR("A command has a name"));
        return AZ_ERROR_ARG;
}

static az_result init(aio_command_invoker *invoker, aio_client *client,
                      aio_command_invoker_options const *options, aio_error *out_error) {
        aio_topic_response_options const response = {
                .request_pattern = options->request_topic_pattern,
                .client_id = client->_internal.options.client_id,
                .response_pattern = options->response_topic_pattern,
                .prefix = options->response_topic_prefix,
                .suffix = options->response_topic_suffix,
                .topic_namespace = options->topic_namespace,
                .tokens = options->tokens,
        };
        az_result r;

        r = check_name(options->command_name, out_error);
        if (az_result_failed(r))
                return r;
        r = aio_topic_pattern_init(
                &invoker->_internal.request_pattern, AZ_SPAN_FROM_STR(AIO_PROPERTY_REQUEST_TOPIC_PATTERN),
                options->request_topic_pattern, options->topic_namespace, options->tokens, out_error);
        if (az_result_failed(r))
                return r;
        r = aio_topic_pattern_init_response(&invoker->endpoint._internal.pattern, &response, out_error);
        if (az_result_failed(r))
                return r;
        return _aio_endpoint_start(&invoker->endpoint, client, AZ_SPAN_EMPTY, AZ_SPAN_EMPTY, out_error);
}

az_result aio_command_invoker_start(aio_command_invoker *out_invoker, aio_client *client,
                                    aio_command_invoker_options const *options, aio_error *out_error) {
        az_result r;

        _az_PRECONDITION_NOT_NULL(out_invoker);
        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(options);
        _az_PRECONDITION_NOT_NULL(out_error);

        *out_invoker = (aio_command_invoker){
                .endpoint = { .kind = AIO_ENDPOINT_COMMAND_INVOKER, .context = options->context },
        };
        out_invoker->_internal.command_name = options->command_name;
        out_invoker->_internal.serializer = options->serializer ? *options->serializer : aio_serializer_raw();
        out_invoker->_internal.response_serializer = options->response_serializer
                                                             ? *options->response_serializer
                                                             : out_invoker->_internal.serializer;
        r = init(out_invoker, client, options, out_error);
        if (az_result_failed(r))
                out_error->command_name = options->command_name;
        return r;
}

void aio_command_invoker_stop(aio_command_invoker *invoker) {
        _az_PRECONDITION_NOT_NULL(invoker);

        if (_aio_endpoint_stop(&invoker->endpoint))
                _aio_invocations_end(invoker->endpoint._internal.client, invoker, AIO_ERROR_CANCELLATION,
                                     AZ_OK, 0);
}

/* ---- The invocations of a client ---- */

void _aio_invocations_init(aio_client *client) {
        aio_client_memory const *memory = &client->_internal.memory;

        for (uint32_t i = memory->n_invocations; i > 0; i--) {
                memory->invocations[i - 1] = (aio_invocation){
                        .hashed_first = _aio_NONE,
                        .next = client->_internal.free_invocations,
                };
                client->_internal.free_invocations = &memory->invocations[i - 1];
        }
}

static uint32_t index_of(aio_client const *client, aio_invocation const *invocation) {
        return (uint32_t) (invocation - client->_internal.memory.invocations);
}

static aio_invocation *find_by_id(aio_client const *client, uint64_t id) {
        uint32_t const index = (uint32_t) id;
        aio_invocation *invocation;

        if (index >= client->_internal.memory.n_invocations)
                return NULL;
        invocation = &client->_internal.memory.invocations[index];
        return invocation->state != INVOCATION_FREE && invocation->generation == id >> 32 ? invocation : NULL;
}

/* The chain of a correlation: its bytes are random, those of a UUID that are not are not among these. */
static uint32_t *chain_of(aio_client const *client, uint8_t const *correlation) {
        uint32_t const hash = (uint32_t) correlation[0] << 24 | (uint32_t) correlation[1] << 16 |
                              (uint32_t) correlation[2] << 8 | correlation[3];

        return &client->_internal.memory.invocations[hash % client->_internal.memory.n_invocations]
                        .hashed_first;
}

static aio_invocation *find_by_correlation(aio_client const *client, az_span correlation) {
        aio_client_memory const *memory = &client->_internal.memory;

        if (az_span_size(correlation) != AIO_UUID_SIZE || memory->n_invocations == 0)
                return NULL;
        for (uint32_t i = *chain_of(client, az_span_ptr(correlation)); i != _aio_NONE;
             i = memory->invocations[i].hashed_next) {
                if (memcmp(memory->invocations[i].correlation, az_span_ptr(correlation), AIO_UUID_SIZE) == 0)
                        return &memory->invocations[i];
        }
        return NULL;
}

static aio_invocation *begin(aio_command_invoker *invoker, aio_request const *request, aio_time time) {
        aio_client *client = invoker->endpoint._internal.client;
        aio_client_options const *options = &client->_internal.options;
        aio_invocation *invocation = client->_internal.free_invocations;
        uint32_t *chain;

        client->_internal.free_invocations = invocation->next;
        client->_internal.n_invocations++;
        invocation->state = INVOCATION_PENDING;
        invocation->generation = _aio_next_generation(invocation->generation);
        invocation->next = NULL;
        invocation->invoker = invoker;
        invocation->context = request->context;
        invocation->timeout_us = request->has_timeout ? request->timeout_us : AIO_TIMEOUT_DEFAULT_US;

        options->random(options->random_context, invocation->correlation, sizeof(invocation->correlation));
        aio_uuid_from_random(invocation->correlation);
        chain = chain_of(client, invocation->correlation);
        invocation->hashed_next = *chain;
        *chain = index_of(client, invocation);
        _aio_timer_set(&client->_internal.invocation_timers, &invocation->timer,
                       time.now_us + invocation->timeout_us);
        return invocation;
}

/* It is not found any more, and not waited for. */
static void detach(aio_client *client, aio_invocation *invocation) {
        aio_client_memory const *memory = &client->_internal.memory;
        uint32_t *p = chain_of(client, invocation->correlation);

        while (*p != index_of(client, invocation))
                p = &memory->invocations[*p].hashed_next;
        *p = invocation->hashed_next;
        _aio_timer_unset(&client->_internal.invocation_timers, &invocation->timer);
        client->_internal.n_invocations--;
}

static void release(aio_client *client, aio_invocation *invocation) {
        invocation->state = INVOCATION_FREE;
        invocation->next = client->_internal.free_invocations;
        client->_internal.free_invocations = invocation;
}

static void end(aio_client *client, aio_invocation *invocation, aio_error_kind kind, az_result result,
                uint8_t reason_code) {
        detach(client, invocation);
        invocation->state = INVOCATION_ENDED;
        invocation->ended = kind;
        invocation->result = result;
        invocation->reason_code = reason_code;
        invocation->next = NULL;
        if (client->_internal.ended_last)
                client->_internal.ended_last->next = invocation;
        else
                client->_internal.ended_first = invocation;
        client->_internal.ended_last = invocation;
}

void _aio_invocations_end(aio_client *client, aio_command_invoker const *invoker, aio_error_kind kind,
                          az_result result, uint8_t reason_code) {
        for (uint32_t i = 0; i < client->_internal.memory.n_invocations; i++) {
                aio_invocation *invocation = &client->_internal.memory.invocations[i];

                if (invocation->state == INVOCATION_PENDING && (!invoker || invocation->invoker == invoker))
                        end(client, invocation, kind, result, reason_code);
        }
}

void _aio_invocation_unpublished(aio_client *client, uint64_t id, az_result result, uint8_t reason_code) {
        aio_invocation *invocation = find_by_id(client, id);

        if (invocation && invocation->state == INVOCATION_PENDING)
                end(client, invocation, AIO_ERROR_MQTT, result, reason_code);
}

void _aio_invocation_on_timer(aio_client *client, _aio_timer *timer) {
        aio_invocation *invocation =
                (aio_invocation *) (void *) ((uint8_t *) timer - offsetof(aio_invocation, timer));

        end(client, invocation, AIO_ERROR_TIMEOUT, AZ_OK, 0);
}

az_result aio_command_invoker_cancel(aio_client *client, uint64_t id) {
        aio_invocation *invocation;

        _az_PRECONDITION_NOT_NULL(client);

        invocation = find_by_id(client, id);
        if (!invocation || invocation->state != INVOCATION_PENDING)
                return AZ_ERROR_ITEM_NOT_FOUND;
        detach(client, invocation);
        release(client, invocation);
        return AZ_OK;
}

static void make_response(aio_client const *client, aio_invocation const *invocation, aio_event *out_event) {
        *out_event = (aio_event){ .type = AIO_EVENT_RESPONSE };
        out_event->as.response.invoker = invocation->invoker;
        out_event->as.response.id = _aio_id(invocation->generation, index_of(client, invocation));
        out_event->as.response.context = invocation->context;
}

bool _aio_invocation_next_event(aio_client *client, aio_event *out_event) {
        aio_invocation *invocation = client->_internal.ended_first;
        aio_error *error = &out_event->as.response.error;

        if (!invocation)
                return false;
        client->_internal.ended_first = invocation->next;
        if (!invocation->next)
                client->_internal.ended_last = NULL;
        make_response(client, invocation, out_event);
        if (invocation->ended == AIO_ERROR_TIMEOUT)
                *error = _aio_timeout_error(client, AZ_SPAN_FROM_STR(AIO_PROPERTY_COMMAND_TIMEOUT),
                                            invocation->timeout_us);
        else if (invocation->ended == AIO_ERROR_MQTT)
                *error = _aio_mqtt_error(invocation->result, invocation->reason_code);
        else
                *error = (aio_error){ .kind = AIO_ERROR_CANCELLATION,
                                      .message = AZ_SPAN_FROM_STR("The invoker was stopped") };
        error->command_name = invocation->invoker->_internal.command_name;
        release(client, invocation);
        return true;
}

/* ---- Requests ---- */

static az_result write_reserved(void const *what, aio_metadata_writer *writer, az_span source_id,
                                aio_hlc const *timestamp) {
        aio_request const *request = what;

        return aio_metadata_write_request(writer, source_id, timestamp, request->fencing_token);
}

static az_result write_topics(aio_command_invoker const *invoker, aio_request const *request,
                              az_span *ref_scratch, az_mqtt_message *ref_message, aio_error *out_error) {
        az_result r;

        r = aio_topic_pattern_resolve(&invoker->_internal.request_pattern, request->tokens, *ref_scratch,
                                      &ref_message->topic, out_error);
        if (az_result_failed(r))
                return r;
        *ref_scratch = _az_span_from(*ref_scratch, az_span_size(ref_message->topic));
        r = aio_topic_pattern_resolve(&invoker->endpoint._internal.pattern, request->tokens, *ref_scratch,
                                      &ref_message->response_topic, out_error);
        if (az_result_failed(r))
                return r;
        *ref_scratch = _az_span_from(*ref_scratch, az_span_size(ref_message->response_topic));
        return AZ_OK;
}

static az_result write(aio_command_invoker *invoker, aio_request const *request, aio_time time,
                       az_mqtt_message *ref_message, aio_error *out_error) {
        aio_client *client = invoker->endpoint._internal.client;
        _aio_draft draft = {
                .serializer = &invoker->_internal.serializer,
                .payload = request->payload,
                .content_type = request->content_type,
                .has_payload_format = request->has_payload_format,
                .payload_format = request->payload_format,
                .user_properties = request->user_properties,
                .n_user_properties = request->n_user_properties,
                .cloud_event = request->cloud_event,
                .cloud_event_type = AIO_CLOUD_EVENT_TYPE_REQUEST,
                .scratch = client->_internal.memory.scratch,
                .wall_ms = time.wall_ms,
                .write_reserved = write_reserved,
                .what = request,
        };
        az_result r;

        r = _aio_message_set_expiry(client, ref_message, request->has_timeout, request->timeout_us,
                                    AIO_PROPERTY_COMMAND_TIMEOUT, out_error);
        if (az_result_failed(r))
                return r;
        r = write_topics(invoker, request, &draft.scratch, ref_message, out_error);
        if (az_result_failed(r))
                return r;
        return _aio_message_write(client, &draft, ref_message, out_error);
}

/* Whether a request may be sent: after SUBSCRIBE was, so that the response finds somebody. */
static az_result check_state(aio_command_invoker const *invoker, aio_error *out_error) {
        aio_endpoint const *endpoint = &invoker->endpoint;
        bool const is_subscribing = endpoint->_internal.state == AIO_ENDPOINT_STARTING &&
                                    !endpoint->_internal.has_wish && !endpoint->_internal.wants_stop;

        if (!is_subscribing && endpoint->_internal.state != AIO_ENDPOINT_STARTED) {
                *out_error = _aio_shallow(AIO_ERROR_INVALID_STATE, AZ_ERROR_NOT_SUPPORTED,
                                          AZ_SPAN_FROM_STR("invoker"),
                                          AZ_SPAN_FROM_STR("The invoker is not started"));
                return AZ_ERROR_NOT_SUPPORTED;
        }
        if (!endpoint->_internal.client->_internal.free_invocations) {
                *out_error = _aio_shallow(AIO_ERROR_INVALID_STATE, AZ_ERROR_NOT_ENOUGH_SPACE,
                                          AZ_SPAN_FROM_STR(AIO_PROPERTY_CAPACITY),
                                          AZ_SPAN_FROM_STR("Too many invocations are under way"));
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        }
        return AZ_OK;
}

az_result aio_command_invoker_invoke(aio_command_invoker *invoker, aio_request const *request, aio_time time,
                                     uint64_t *out_id, aio_event *out_publish, aio_error *out_error) {
        az_mqtt_message message = { .qos = 1 };
        aio_invocation *invocation;
        az_result r;

        _az_PRECONDITION_NOT_NULL(invoker);
        _az_PRECONDITION_NOT_NULL(request);
        _az_PRECONDITION_NOT_NULL(out_id);
        _az_PRECONDITION_NOT_NULL(out_publish);
        _az_PRECONDITION_NOT_NULL(out_error);

        r = check_state(invoker, out_error);
        if (az_result_succeeded(r))
                r = write(invoker, request, time, &message, out_error);
        if (az_result_failed(r)) {
                out_error->command_name = invoker->_internal.command_name;
                return r;
        }
        invocation = begin(invoker, request, time);
        message.correlation_data = _az_span_of(invocation->correlation, sizeof(invocation->correlation));

        *out_id = _aio_id(invocation->generation, index_of(invoker->endpoint._internal.client, invocation));
        *out_publish = (aio_event){ .type = AIO_EVENT_PUBLISH };
        out_publish->as.publish.message = message;
        out_publish->as.publish.token = _aio_token(_AIO_TOKEN_INVOCATION, *out_id);
        return AZ_OK;
}

/* ---- Responses ---- */

/* In the order of the Azure IoT Operations SDKs. */
static az_result check(aio_command_invoker *invoker, aio_received *out_received, aio_error *out_error) {
        aio_client *client = invoker->endpoint._internal.client;
        aio_serializer const *serializer = &invoker->_internal.response_serializer;
        aio_status status;
        az_result r;

        r = _aio_message_read(client, &invoker->endpoint, out_received, out_error);
        if (az_result_failed(r))
                return r;
        r = aio_metadata_get_status(&out_received->metadata, &status, out_error);
        if (az_result_failed(r))
                return r;
        r = aio_error_from_status(&status, out_received->message.payload, out_error);
        if (az_result_failed(r))
                return r;
        return _aio_message_check(client, status.code == AIO_STATUS_NO_CONTENT ? NULL : serializer,
                                  out_received, out_error);
}

bool _aio_command_invoker_take(aio_command_invoker *invoker, aio_event *out_event) {
        aio_client *client = invoker->endpoint._internal.client;
        az_span const correlation = client->_internal.message.correlation_data;
        aio_invocation *invocation = find_by_correlation(client, correlation);

        /* Of another one, whose filter is the same; it may have had its turn. */
        if (invocation ? invocation->invoker != invoker : client->_internal.is_response_taken)
                return false;
        client->_internal.is_response_taken = true;
        if (!invocation) {
                aio_error error = { .kind = AIO_ERROR_INVALID_HEADER,
                                    .property_name = AZ_SPAN_FROM_STR(AIO_HEADER_CORRELATION_DATA),
                                    .command_name = invoker->_internal.command_name,
                                    .message = AZ_SPAN_FROM_STR("Nobody waits for this response") };

                _aio_message_ignore(&invoker->endpoint, &error, out_event);
                return true;
        }
        make_response(client, invocation, out_event);
        if (az_result_failed(
                    check(invoker, &out_event->as.response.received, &out_event->as.response.error))) {
                out_event->as.response.error.is_shallow = false;
                out_event->as.response.error.command_name = invoker->_internal.command_name;
        }
        detach(client, invocation);
        release(client, invocation);
        return true;
}
