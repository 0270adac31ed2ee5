/* SPDX-License-Identifier: MIT */
#include <aio/client.h>

#include <aio/aio_internal.h>
#include <aio/client_internal.h>
#include <azure/core/az_precondition_internal.h>

az_result aio_client_init(aio_client *out_client, aio_client_options const *options,
                          aio_client_memory const *memory) {
        _az_PRECONDITION_NOT_NULL(out_client);
        _az_PRECONDITION_NOT_NULL(options);
        _az_PRECONDITION_NOT_NULL(memory);

        if (az_span_size(options->client_id) == 0 || !options->clock || !options->random)
                return AZ_ERROR_ARG;

        memset(out_client, 0, sizeof(*out_client));
        out_client->_internal.options = *options;
        out_client->_internal.memory = *memory;
        _aio_arena_init(&out_client->_internal.arena, memory->blocks);
        _aio_tasks_init(out_client);
        _aio_invocations_init(out_client);
        return AZ_OK;
}

/* ---- Errors ---- */

az_span _aio_span_of(char const *text) {
        return az_span_create_from_str((char *) text);
}

aio_error _aio_shallow(aio_error_kind kind, az_result cause, az_span property_name, az_span message) {
        return (aio_error){
                .kind = kind,
                .is_shallow = true,
                .cause = cause,
                .property_name = property_name,
                .message = message,
        };
}

aio_error _aio_capacity_error(void) {
        return _aio_shallow(AIO_ERROR_INVALID_STATE, AZ_ERROR_NOT_ENOUGH_SPACE,
                            AZ_SPAN_FROM_STR(AIO_PROPERTY_CAPACITY),
                            AZ_SPAN_FROM_STR("The memory of the client is too small"));
}

aio_error _aio_mqtt_error(az_result cause, uint8_t reason_code) {
        return (aio_error){
                .kind = AIO_ERROR_MQTT,
                .cause = cause,
                .mqtt_reason = reason_code,
                .message = reason_code >= 0x80 ? AZ_SPAN_FROM_STR("The broker refused it")
                                               : AZ_SPAN_FROM_STR("The session could not carry it out"),
        };
}

az_span _aio_duration(aio_client *client, uint64_t duration_us) {
        az_span text = AZ_SPAN_EMPTY;

        if (az_result_failed(
                    aio_duration_format(duration_us, AZ_SPAN_FROM_BUFFER(client->_internal.duration), &text)))
                return AZ_SPAN_EMPTY; /* no: every duration fits */
        return text;
}

aio_error _aio_timeout_error(aio_client *client, az_span name, uint64_t timeout_us) {
        return (aio_error){
                .kind = AIO_ERROR_TIMEOUT,
                .property_name = name,
                .property_value = _aio_duration(client, timeout_us),
                .message = AZ_SPAN_FROM_STR("It took too long"),
        };
}

/* ---- Inputs ---- */

az_result aio_client_received(aio_client *client, az_mqtt_message const *message, aio_ack ack,
                              aio_time time) {
        aio_task *peers;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(message);

        peers = &client->_internal.peers;
        if (client->_internal.has_message || client->_internal.has_publish || client->_internal.has_news ||
            client->_internal.n_acks > 0)
                return AZ_ERROR_NOT_ENOUGH_SPACE;

        client->_internal.has_message = true;
        client->_internal.message = *message;
        client->_internal.time = time;
        client->_internal.is_unacknowledged = false;
        client->_internal.is_response_taken = false;
        peers->needs_ack = message->qos > 0;
        peers->ack = ack;
        peers->peer_next = peers->peer_previous = peers;
        client->_internal.matches = _aio_endpoints_find(client, message->topic);
        return AZ_OK;
}

az_result aio_client_published(aio_client *client, uint64_t token, az_result result, uint8_t reason_code,
                               aio_time time) {
        uint64_t const value = token & _aio_TOKEN_VALUE_MAX;
        aio_event *news;

        _az_PRECONDITION_NOT_NULL(client);

        news = &client->_internal.news;
        if (!(token & AIO_TOKEN_BIT))
                return AZ_OK;
        if (az_result_succeeded(result))
                client->_internal.is_full = false;
        switch ((_aio_token_kind) (token >> 61 & 3)) {
        case _AIO_TOKEN_SENT:
                if (client->_internal.has_news)
                        return AZ_ERROR_NOT_ENOUGH_SPACE;
                client->_internal.has_news = true;
                *news = (aio_event){ .type = AIO_EVENT_SENT };
                news->as.sent.token = value;
                if (!_aio_is_accepted(result, reason_code))
                        news->as.sent.error = _aio_mqtt_error(result, reason_code);
                return AZ_OK;
        case _AIO_TOKEN_INVOCATION:
                if (!_aio_is_accepted(result, reason_code))
                        _aio_invocation_unpublished(client, value, result, reason_code);
                return AZ_OK;
        case _AIO_TOKEN_RESPONSE:
                if (result == AZ_ERROR_NOT_ENOUGH_SPACE)
                        _aio_task_postpone(client, value);
                else
                        _aio_task_published(client, value, time.now_us);
                return AZ_OK;
        case _AIO_TOKEN_NOBODY:
                return AZ_OK;
        }
        return AZ_OK;
}

void aio_client_room(aio_client *client) {
        _az_PRECONDITION_NOT_NULL(client);

        client->_internal.is_full = false;
}

void aio_client_session_lost(aio_client *client) {
        _az_PRECONDITION_NOT_NULL(client);

        _aio_invocations_end(client, NULL, AIO_ERROR_MQTT, AZ_ERROR_CANCELED, 0);
}

void aio_client_timeout(aio_client *client, aio_time time) {
        _az_PRECONDITION_NOT_NULL(client);

        while (_aio_timers_due_us(&client->_internal.invocation_timers) <= time.now_us)
                _aio_invocation_on_timer(client, client->_internal.invocation_timers.first);
        while (_aio_timers_due_us(&client->_internal.task_timers) <= time.now_us)
                _aio_task_on_timer(client, client->_internal.task_timers.first, time);
}

/* ---- Outputs ---- */

static bool take(aio_endpoint *endpoint, aio_event *out_event) {
        switch (endpoint->kind) {
        case AIO_ENDPOINT_TELEMETRY_RECEIVER:
                return _aio_telemetry_receiver_take((aio_telemetry_receiver *) (void *) endpoint, out_event);
        case AIO_ENDPOINT_COMMAND_INVOKER:
                return _aio_command_invoker_take((aio_command_invoker *) (void *) endpoint, out_event);
        case AIO_ENDPOINT_COMMAND_EXECUTOR:
                return _aio_command_executor_take((aio_command_executor *) (void *) endpoint, out_event);
        case _AIO_ENDPOINT_KIND_MAX:
                break;
        }
        return false;
}

/* Everyone has seen the message: who is still busy with it acknowledges it. */
static bool end_message(aio_client *client, aio_event *out_event) {
        aio_task *peers = &client->_internal.peers;
        bool const is_last = peers->peer_next == peers;

        client->_internal.has_message = false;
        if (client->_internal.is_unacknowledged) {
                for (aio_task *t = peers->peer_next; t != peers; t = t->peer_next)
                        t->needs_ack = false;
                peers->needs_ack = false;
        }
        peers->peer_next->peer_previous = peers->peer_previous;
        peers->peer_previous->peer_next = peers->peer_next;
        if (!is_last || !peers->needs_ack)
                return false;
        *out_event = (aio_event){ .type = AIO_EVENT_ACK };
        out_event->as.ack.ack = peers->ack;
        return true;
}

static bool next_ack(aio_client *client, aio_event *out_event) {
        aio_client_memory const *memory = &client->_internal.memory;

        if (client->_internal.n_acks == 0)
                return false;
        *out_event = (aio_event){ .type = AIO_EVENT_ACK };
        out_event->as.ack.ack = memory->tasks[client->_internal.acks_first].due_ack;
        client->_internal.acks_first = (client->_internal.acks_first + 1) % memory->n_tasks;
        client->_internal.n_acks--;
        return true;
}

static bool next_publish(aio_client *client, aio_event *out_event) {
        if (!client->_internal.has_publish)
                return false;
        client->_internal.has_publish = false;
        *out_event = (aio_event){ .type = AIO_EVENT_PUBLISH };
        out_event->as.publish.message = client->_internal.publish;
        out_event->as.publish.token = _aio_token(_AIO_TOKEN_NOBODY, 0);
        return true;
}

static bool next_news(aio_client *client, aio_event *out_event) {
        if (!client->_internal.has_news)
                return false;
        client->_internal.has_news = false;
        *out_event = client->_internal.news;
        return true;
}

/* What is due, whatever the message brings. An endpoint's STOPPED is its last event. */
static bool next_due(aio_client *client, aio_event *out_event) {
        return next_ack(client, out_event) || next_publish(client, out_event) ||
               next_news(client, out_event) || _aio_task_next_event(client, out_event) ||
               _aio_invocation_next_event(client, out_event) || _aio_endpoint_next_event(client, out_event);
}

bool aio_client_next_event(aio_client *client, aio_event *out_event) {
        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(out_event);

        for (;;) {
                aio_endpoint *endpoint = client->_internal.matches;

                if (next_due(client, out_event))
                        return true;
                if (!client->_internal.has_message)
                        return false;
                if (!endpoint) {
                        if (end_message(client, out_event))
                                return true;
                        continue;
                }
                client->_internal.matches = endpoint->_internal.next_match;
                if (take(endpoint, out_event))
                        return true;
        }
}

uint64_t aio_client_deadline_us(aio_client const *client) {
        uint64_t tasks_us, invocations_us;

        _az_PRECONDITION_NOT_NULL(client);

        tasks_us = _aio_timers_due_us(&client->_internal.task_timers);
        invocations_us = _aio_timers_due_us(&client->_internal.invocation_timers);
        return tasks_us < invocations_us ? tasks_us : invocations_us;
}

aio_client_status aio_client_get_status(aio_client const *client) {
        _az_PRECONDITION_NOT_NULL(client);

        return (aio_client_status){
                .n_invocations = client->_internal.n_invocations,
                .n_requests = client->_internal.n_open,
                .n_responses = client->_internal.n_done,
                .n_used_bytes = client->_internal.arena.n_used_bytes,
                .n_evicted = client->_internal.n_evicted,
        };
}

/* ---- Names ---- */

static char const *name_in(char const *const *names, size_t n_names, size_t index) {
        return index < n_names ? names[index] : NULL;
}

char const *aio_event_type_to_string(aio_event_type type) {
        static char const *const names[_AIO_EVENT_TYPE_MAX] = {
                [AIO_EVENT_SUBSCRIBE] = "subscribe", [AIO_EVENT_UNSUBSCRIBE] = "unsubscribe",
                [AIO_EVENT_PUBLISH] = "publish",     [AIO_EVENT_ACK] = "ack",
                [AIO_EVENT_STARTED] = "started",     [AIO_EVENT_STOPPED] = "stopped",
                [AIO_EVENT_SENT] = "sent",           [AIO_EVENT_TELEMETRY] = "telemetry",
                [AIO_EVENT_REQUEST] = "request",     [AIO_EVENT_REQUEST_GONE] = "request-gone",
                [AIO_EVENT_RESPONSE] = "response",   [AIO_EVENT_IGNORED] = "ignored",
        };

        return name_in(names, _AIO_EVENT_TYPE_MAX, (size_t) type);
}

char const *aio_endpoint_state_to_string(aio_endpoint_state state) {
        static char const *const names[_AIO_ENDPOINT_STATE_MAX] = {
                [AIO_ENDPOINT_STOPPED] = "stopped",
                [AIO_ENDPOINT_STARTING] = "starting",
                [AIO_ENDPOINT_STARTED] = "started",
                [AIO_ENDPOINT_STOPPING] = "stopping",
        };

        return name_in(names, _AIO_ENDPOINT_STATE_MAX, (size_t) state);
}

char const *aio_gone_to_string(aio_gone gone) {
        static char const *const names[_AIO_GONE_MAX] = {
                [AIO_GONE_EXPIRED] = "expired",
                [AIO_GONE_TIMEOUT] = "timeout",
                [AIO_GONE_STOPPED] = "stopped",
        };

        return name_in(names, _AIO_GONE_MAX, (size_t) gone);
}
