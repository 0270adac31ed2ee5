/* SPDX-License-Identifier: MIT */

/*
 * A request is a task from when it comes until its response is forgotten:
 *
 *      QUEUED --place--> OFFERED --popped--> EXECUTING --respond--> ANSWERED --popped--> SENT --PUBACK-->
 * DONE |                  |                    |                   ^                    |   ^            | |
 * expired          | expired, late      | expired, late     |                    |   |     repeat | v v v |
 * v   |            | (end)          (end) or ANSWERED         GONE --popped, with a response +---+- ANSWERED
 * <+ |                                   expired: (end)
 *                                                +--popped, without--> (end)
 *
 * A request that is refused begins as ANSWERED. Only from OFFERED to the end of EXECUTING it takes one of the
 * places that the executor's concurrency allows. A repeat is a task of its own, on a list of the task that it
 * repeats, and ends with it.
 */

#include <aio/command_executor.h>

#include <aio/aio_internal.h>
#include <aio/client_internal.h>

#include <stddef.h>

#define USEC_PER_SEC UINT64_C(1000000)

/* How long the answer to a request is good for that does not say. */
#define EXPIRY_DEFAULT_S 10

/* What an invoker reads whose request nobody executes. */
#define DECLINED "The request was dropped by the application"

static aio_command_executor *executor_of(aio_task const *task) {
        return (aio_command_executor *) (void *) task->endpoint;
}

static az_result init(aio_command_executor *executor, aio_client *client,
                      aio_command_executor_options const *options, aio_error *out_error) {
        az_result r;

        if (az_span_size(options->command_name) == 0) {
                *out_error = _aio_error_configuration(AZ_SPAN_FROM_STR(AIO_PROPERTY_COMMAND_NAME),
                                                      options->command_name,
                                                      AZ_SPAN_FROM_STR("A command has a name"));
                return AZ_ERROR_ARG;
        }
        if (executor->_internal.execution_timeout_us == 0) {
                *out_error = _aio_error_configuration(AZ_SPAN_FROM_STR(AIO_PROPERTY_EXECUTION_TIMEOUT),
                                                      AZ_SPAN_FROM_STR("PT0S"),
                                                      AZ_SPAN_FROM_STR("An execution takes some time"));
                return AZ_ERROR_ARG;
        }
        r = aio_topic_pattern_init(
                &executor->endpoint._internal.pattern, AZ_SPAN_FROM_STR(AIO_PROPERTY_REQUEST_TOPIC_PATTERN),
                options->request_topic_pattern, options->topic_namespace, options->tokens, out_error);
        if (az_result_failed(r))
                return r;
        return _aio_endpoint_start(&executor->endpoint, client, AZ_SPAN_EMPTY, options->share_name,
                                   out_error);
}

az_result aio_command_executor_start(aio_command_executor *out_executor, aio_client *client,
                                     aio_command_executor_options const *options, aio_error *out_error) {
        az_result r;

        *out_executor = (aio_command_executor){
                .endpoint = { .kind = AIO_ENDPOINT_COMMAND_EXECUTOR, .context = options->context },
        };
        out_executor->_internal.command_name = options->command_name;
        out_executor->_internal.concurrency = options->concurrency;
        out_executor->_internal.execution_timeout_us =
                options->has_execution_timeout ? options->execution_timeout_us : AIO_TIMEOUT_DEFAULT_US;
        out_executor->_internal.serializer =
                options->serializer ? *options->serializer : aio_serializer_any(AZ_SPAN_EMPTY, 0);
        out_executor->_internal.response_serializer = options->response_serializer
                                                              ? *options->response_serializer
                                                              : out_executor->_internal.serializer;
        r = init(out_executor, client, options, out_error);
        if (az_result_failed(r))
                out_error->command_name = options->command_name;
        return r;
}

/* ---- Responses ---- */

typedef struct {
        aio_status status;
        aio_response const *response; /* NULL: it is an error, without a payload */
} answer;

static az_result write_reserved(void const *what, aio_metadata_writer *writer, az_span source_id,
                                aio_hlc const *timestamp) {
        answer const *a = what;
        az_result r = AZ_OK;

        if (a->response && _aio_is_present(a->response->application_error_code))
                r = aio_metadata_write(writer, AZ_SPAN_FROM_STR(AIO_METADATA_APPLICATION_ERROR_CODE),
                                       a->response->application_error_code);
        if (az_result_succeeded(r) && a->response && _aio_is_present(a->response->application_error_payload))
                r = aio_metadata_write(writer, AZ_SPAN_FROM_STR(AIO_METADATA_APPLICATION_ERROR_PAYLOAD),
                                       a->response->application_error_payload);
        if (az_result_failed(r))
                return r;
        return aio_metadata_write_response(writer, source_id, timestamp, &a->status);
}

/* How many seconds the invoker still waits, the one that has begun counted. */
static uint32_t remaining_s(aio_task const *task, uint64_t now_us) {
        if (now_us >= task->expires_us)
                return 0;
        return (uint32_t) ((task->expires_us - now_us + USEC_PER_SEC - 1) / USEC_PER_SEC);
}

/* Writes the answer to 'request', in the memory of the client. */
static az_result write_answer(aio_command_executor const *executor, az_mqtt_message const *request,
                              answer const *what, aio_time time, az_mqtt_message *out_message,
                              aio_error *out_error) {
        aio_client *client = executor->endpoint._internal.client;
        _aio_draft draft = {
                .scratch = client->_internal.memory.scratch,
                .wall_ms = time.wall_ms,
                .cloud_event_type = AIO_CLOUD_EVENT_TYPE_RESPONSE,
                .write_reserved = write_reserved,
                .what = what,
        };

        if (what->response) {
                draft.serializer = &executor->_internal.response_serializer;
                draft.payload = what->response->payload;
                draft.content_type = what->response->content_type;
                draft.has_payload_format = what->response->has_payload_format;
                draft.payload_format = what->response->payload_format;
                draft.user_properties = what->response->user_properties;
                draft.n_user_properties = what->response->n_user_properties;
                draft.cloud_event = what->response->cloud_event;
        }
        *out_message = (az_mqtt_message){
                .topic = request->response_topic,
                .correlation_data = request->correlation_data,
                .qos = 1,
                .has_message_expiry = true,
                .message_expiry_s = EXPIRY_DEFAULT_S,
        };
        return _aio_message_write(client, &draft, out_message, out_error);
}

/* Gives a task the answer to 'request', which may be its own. */
static az_result take_answer(aio_task *task, az_mqtt_message const *request, answer const *what,
                             aio_time time, aio_error *out_error) {
        aio_client *client = task->endpoint->_internal.client;
        aio_topic_token *tokens;
        az_mqtt_message message;
        az_result r;

        r = write_answer(executor_of(task), request, what, time, &message, out_error);
        if (az_result_failed(r))
                return r;
        if (request->has_message_expiry)
                message.message_expiry_s = remaining_s(task, time.now_us);
        task->response = _aio_message_copy(client, &message, NULL, 0, &tokens);
        if (!task->response) {
                *out_error = _aio_capacity_error();
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        }
        _aio_arena_give(&client->_internal.arena, task->request);
        task->request = NULL;
        return AZ_OK;
}

static void publish(aio_task *task) {
        task->state = _AIO_TASK_ANSWERED;
        _aio_list_append(&task->endpoint->_internal.client->_internal.answered, task);
}

/* ---- The life of a request ---- */

/* It has come to its end, and is kept for repeats until it expires, if it has a response. */
static void complete(aio_task *task, uint64_t now_us) {
        aio_endpoint *endpoint = task->endpoint;
        aio_client *client = endpoint->_internal.client;
        aio_command_executor *executor = executor_of(task);

        _aio_task_leave(client, task);
        while (task->repeats) {
                aio_task *repeat = task->repeats;

                task->repeats = repeat->next;
                repeat->next = NULL;
                _aio_task_leave(client, repeat);
                _aio_task_free(client, repeat);
        }
        executor->_internal.n_tasks--;
        client->_internal.n_open--;
        if (task->response && task->is_hashed && now_us < task->expires_us) {
                task->state = _AIO_TASK_DONE;
                _aio_timer_set(&client->_internal.task_timers, &task->timer, task->expires_us);
                _aio_list_append(&client->_internal.done, task);
                client->_internal.n_done++;
        } else {
                _aio_task_free(client, task);
        }
        _aio_endpoint_settle(endpoint);
}

/* Offers requests to the program, as long as there are places. */
static void dispatch(aio_command_executor *executor, uint64_t now_us) {
        aio_client *client = executor->endpoint._internal.client;

        while (executor->_internal.queued.first &&
               (executor->_internal.concurrency == 0 ||
                executor->_internal.n_executing < executor->_internal.concurrency)) {
                aio_task *task = executor->_internal.queued.first;
                uint64_t const left_us = task->expires_us > now_us ? task->expires_us - now_us : 0;
                uint64_t const limit_us = executor->_internal.execution_timeout_us;

                _aio_list_remove(&executor->_internal.queued, task);
                _aio_list_append(&client->_internal.offered, task);
                task->state = _AIO_TASK_OFFERED;
                executor->_internal.n_executing++;
                _aio_timer_set(&client->_internal.task_timers, &task->timer,
                               now_us + (left_us < limit_us ? left_us : limit_us));
        }
}

/* Takes it from where it waits. True: the program has it. */
static bool withdraw(aio_task *task) {
        aio_command_executor *executor = executor_of(task);
        aio_client *client = executor->endpoint._internal.client;
        bool const is_executing = task->state == _AIO_TASK_EXECUTING;

        _aio_timer_unset(&client->_internal.task_timers, &task->timer);
        if (task->state == _AIO_TASK_QUEUED) {
                _aio_list_remove(&executor->_internal.queued, task);
                return false;
        }
        if (!is_executing)
                _aio_list_remove(&client->_internal.offered, task);
        executor->_internal.n_executing--;
        return is_executing;
}

/* It is not executed any more, and answered so; without an error it is not answered. */
static void give_up(aio_task *task, aio_error const *error, aio_gone why, aio_time time) {
        aio_client *client = task->endpoint->_internal.client;
        answer what = { .response = NULL };
        bool const is_known = withdraw(task);
        aio_error unused;

        if (error) {
                what.status = aio_error_to_status(error);
                /* Where there is not even memory for that, the invoker has to wait until its request expires.
                 */
                (void) take_answer(task, task->request, &what, time, &unused);
        }
        if (is_known) {
                task->state = _AIO_TASK_GONE;
                task->gone = why;
                _aio_list_append(&client->_internal.gone, task);
        } else if (task->response) {
                publish(task);
        } else {
                complete(task, time.now_us);
        }
}

void _aio_task_on_timer(aio_client *client, _aio_timer *timer, aio_time time) {
        aio_task *task = (aio_task *) (void *) ((uint8_t *) timer - offsetof(aio_task, timer));
        aio_command_executor *executor = executor_of(task);
        aio_error error;

        if (task->state == _AIO_TASK_DONE) {
                _aio_list_remove(&client->_internal.done, task);
                client->_internal.n_done--;
                _aio_task_free(client, task);
        } else if (time.now_us >= task->expires_us) {
                give_up(task, NULL, AIO_GONE_EXPIRED, time);
                dispatch(executor, time.now_us);
        } else {
                error = _aio_timeout_error(client, AZ_SPAN_FROM_STR(AIO_TIMEOUT_EXECUTION),
                                           executor->_internal.execution_timeout_us);
                give_up(task, &error, AIO_GONE_TIMEOUT, time);
                dispatch(executor, time.now_us);
        }
}

void _aio_task_published(aio_client *client, uint64_t id, uint64_t now_us) {
        aio_task *task = _aio_task_find(client, id);

        if (task && task->state == _AIO_TASK_SENT)
                complete(task, now_us);
}

/* ---- Requests that come ---- */

/* A header that is missing or wrong, without its value: what it holds may be any bytes. */
static aio_error header_error(aio_error_kind kind, char const *name, char const *message) {
        return (aio_error){ .kind = kind,
                            .property_name = _aio_span_of(name),
                            .message = _aio_span_of(message) };
}

/* Whether it can be answered at all. */
static bool is_answerable(az_mqtt_message const *message, aio_error *out_error) {
        if (!_aio_is_present(message->response_topic)) {
                *out_error = header_error(AIO_ERROR_MISSING_HEADER, AIO_HEADER_RESPONSE_TOPIC,
                                          "The request has no response topic");
                return false;
        }
        if (!aio_topic_is_valid(message->response_topic)) {
                *out_error = header_error(AIO_ERROR_INVALID_HEADER, AIO_HEADER_RESPONSE_TOPIC,
                                          "The response topic is not valid");
                out_error->property_value = message->response_topic;
                return false;
        }
        if (message->has_message_expiry && message->message_expiry_s == 0) {
                *out_error =
                        header_error(AIO_ERROR_TIMEOUT, AIO_HEADER_MESSAGE_EXPIRY, "The request has expired");
                return false;
        }
        return true;
}

/* Whether it can be told from others, and for how long it is good. */
static bool is_identified(az_mqtt_message const *message, aio_error *out_error) {
        if (!_aio_is_present(message->correlation_data)) {
                *out_error = header_error(AIO_ERROR_MISSING_HEADER, AIO_HEADER_CORRELATION_DATA,
                                          "The request has no correlation data");
                return false;
        }
        if (az_span_size(message->correlation_data) != AIO_UUID_SIZE) {
                *out_error = header_error(AIO_ERROR_INVALID_HEADER, AIO_HEADER_CORRELATION_DATA,
                                          "The correlation data are not the 16 bytes of a UUID");
                return false;
        }
        if (!message->has_message_expiry) {
                *out_error = header_error(AIO_ERROR_MISSING_HEADER, AIO_HEADER_MESSAGE_EXPIRY,
                                          "The request has no message expiry");
                return false;
        }
        return true;
}

static az_result check(aio_command_executor *executor, aio_received *out_received, aio_error *out_error) {
        aio_client *client = executor->endpoint._internal.client;
        az_result r;

        r = _aio_message_read(client, &executor->endpoint, out_received, out_error);
        if (az_result_failed(r))
                return r;
        r = aio_metadata_check_version(&out_received->metadata, out_error);
        if (az_result_failed(r))
                return r;
        r = _aio_message_take_timestamp(client, out_received, out_error);
        if (az_result_failed(r))
                return r;
        r = aio_serializer_check(&executor->_internal.serializer, &out_received->message, out_error);
        if (az_result_failed(r))
                return r;
        return aio_serializer_validate(&executor->_internal.serializer, out_received->message.payload,
                                       out_error);
}

/* A task of the message that is being dealt with; NULL: there is no memory. */
static aio_task *begin(aio_command_executor *executor) {
        aio_client *client = executor->endpoint._internal.client;
        az_mqtt_message const *message = &client->_internal.message;
        uint32_t const expiry_s = message->has_message_expiry ? message->message_expiry_s : EXPIRY_DEFAULT_S;
        aio_task *task = _aio_task_take(client, &executor->endpoint);

        if (!task)
                return NULL;
        task->expires_us = client->_internal.time.now_us + expiry_s * USEC_PER_SEC;
        executor->_internal.n_tasks++;
        client->_internal.n_open++;
        return task;
}

/* There is no memory for it after all. The message is a peer, so that it is not acknowledged by that. */
static void abandon(aio_task *task) {
        aio_client *client = task->endpoint->_internal.client;

        executor_of(task)->_internal.n_tasks--;
        client->_internal.n_open--;
        _aio_task_leave(client, task);
        _aio_task_free(client, task);
}

/* Answers with an error. Without memory for a task the answer is not kept, and the message acknowledged at
 * once. */
static void refuse(aio_command_executor *executor, aio_error const *error, bool is_repeatable) {
        aio_client *client = executor->endpoint._internal.client;
        az_mqtt_message const *message = &client->_internal.message;
        answer const what = { .status = aio_error_to_status(error) };
        aio_task *task = begin(executor);
        aio_error unused;

        if (task && az_result_succeeded(take_answer(task, message, &what, client->_internal.time, &unused))) {
                if (is_repeatable)
                        _aio_task_hash(client, task);
                publish(task);
                return;
        }
        if (task)
                abandon(task);
        client->_internal.has_publish = az_result_succeeded(write_answer(
                executor, message, &what, client->_internal.time, &client->_internal.publish, &unused));
}

/* The program's properties come first in the copy, so that they can be told apart without another array. */
static bool accept(aio_command_executor *executor, aio_received const *received) {
        aio_client *client = executor->endpoint._internal.client;
        az_mqtt_user_property *properties = client->_internal.memory.user_properties;
        az_mqtt_message message = received->message;
        int32_t n = received->n_user_properties;
        aio_task *task = begin(executor);

        if (!task)
                return false;
        for (int32_t i = 0; i < message.n_user_properties; i++) {
                if (aio_metadata_is_reserved(message.user_properties[i].key))
                        properties[n++] = message.user_properties[i];
        }
        message.user_properties = properties;
        message.n_user_properties = n;
        task->request = _aio_message_copy(client, &message, received->tokens.tokens,
                                          received->tokens.n_tokens, &task->tokens);
        if (!task->request) {
                abandon(task);
                return false;
        }
        task->n_tokens = received->tokens.n_tokens;
        task->n_user_properties = received->n_user_properties;
        _aio_task_hash(client, task);
        task->state = _AIO_TASK_QUEUED;
        _aio_list_append(&executor->_internal.queued, task);
        _aio_timer_set(&client->_internal.task_timers, &task->timer, task->expires_us);
        dispatch(executor, client->_internal.time.now_us);
        return true;
}

/* The message is a repeat: it ends with what it repeats, which is answered once more if it has ended. */
static void join(aio_task *original) {
        aio_command_executor *executor = executor_of(original);
        aio_client *client = executor->endpoint._internal.client;
        aio_task *repeat;

        if (original->state == _AIO_TASK_DONE) {
                uint32_t const expiry_s = remaining_s(original, client->_internal.time.now_us);

                if (expiry_s == 0)
                        return;
                _aio_list_remove(&client->_internal.done, original);
                _aio_timer_unset(&client->_internal.task_timers, &original->timer);
                client->_internal.n_done--;
                executor->_internal.n_tasks++;
                client->_internal.n_open++;
                original->response->message_expiry_s = expiry_s;
                publish(original);
        }
        repeat = _aio_task_take(client, &executor->endpoint);
        if (!repeat) /* then it is acknowledged at once */
                return;
        repeat->state = _AIO_TASK_REPEAT;
        repeat->next = original->repeats;
        original->repeats = repeat;
}

bool _aio_command_executor_take(aio_command_executor *executor, aio_event *out_event) {
        aio_client *client = executor->endpoint._internal.client;
        az_mqtt_message const *message = &client->_internal.message;
        aio_received received;
        aio_task *original;
        aio_error error;

        if (is_answerable(message, &error)) {
                if (!is_identified(message, &error)) {
                        refuse(executor, &error, false);
                } else {
                        original = _aio_task_find_request(client, &executor->endpoint, message);
                        if (original) {
                                join(original);
                                return false;
                        }
                        if (az_result_failed(check(executor, &received, &error))) {
                                refuse(executor, &error, true);
                        } else {
                                if (accept(executor, &received))
                                        return false;
                                error = _aio_capacity_error();
                                refuse(executor, &error, false);
                        }
                }
        }
        error.command_name = executor->_internal.command_name;
        _aio_message_ignore(&executor->endpoint, &error, out_event);
        return true;
}

/* ---- What the program does ---- */

static az_result respond(aio_client *client, uint64_t id, answer const *what, aio_time time,
                         aio_error *out_error) {
        aio_task *task = _aio_task_find(client, id);
        az_result r;

        if (!task || task->state != _AIO_TASK_EXECUTING || time.now_us >= task->timer.due_us) {
                *out_error = _aio_shallow(AIO_ERROR_INVALID_STATE, AZ_ERROR_ITEM_NOT_FOUND,
                                          AZ_SPAN_FROM_STR("request"),
                                          AZ_SPAN_FROM_STR("The request is not waited for any more"));
                return AZ_ERROR_ITEM_NOT_FOUND;
        }
        r = take_answer(task, task->request, what, time, out_error);
        if (az_result_failed(r)) {
                out_error->command_name = executor_of(task)->_internal.command_name;
                return r;
        }
        (void) withdraw(task);
        publish(task);
        dispatch(executor_of(task), time.now_us);
        return AZ_OK;
}

az_result aio_command_executor_respond(aio_client *client, uint64_t id, aio_response const *response,
                                       aio_time time, aio_error *out_error) {
        answer what = { .response = response };

        what.status.code = az_span_size(response->payload) > 0 ? AIO_STATUS_OK : AIO_STATUS_NO_CONTENT;
        if (_aio_is_present(response->application_error_code) &&
            az_span_size(response->application_error_code) == 0) {
                *out_error = _aio_error_configuration(
                        AZ_SPAN_FROM_STR(AIO_METADATA_APPLICATION_ERROR_CODE), AZ_SPAN_EMPTY,
                        AZ_SPAN_FROM_STR("The code of an application error is not empty"));
                return AZ_ERROR_ARG;
        }
        return respond(client, id, &what, time, out_error);
}

az_result aio_command_executor_fail(aio_client *client, uint64_t id, az_span message, aio_time time,
                                    aio_error *out_error) {
        aio_error const error = { .kind = AIO_ERROR_EXECUTION,
                                  .message =
                                          az_span_size(message) > 0 ? message : AZ_SPAN_FROM_STR(DECLINED) };
        answer const what = { .status = aio_error_to_status(&error) };

        return respond(client, id, &what, time, out_error);
}

void aio_command_executor_stop(aio_command_executor *executor, aio_time time) {
        aio_client *client = executor->endpoint._internal.client;
        aio_error const error = { .kind = AIO_ERROR_EXECUTION, .message = AZ_SPAN_FROM_STR(DECLINED) };

        if (!_aio_endpoint_stop(&executor->endpoint))
                return;
        for (uint32_t i = 0; i < client->_internal.memory.n_tasks; i++) {
                aio_task *task = &client->_internal.memory.tasks[i];

                if (task->endpoint == &executor->endpoint &&
                    (task->state == _AIO_TASK_QUEUED || task->state == _AIO_TASK_OFFERED ||
                     task->state == _AIO_TASK_EXECUTING))
                        give_up(task, &error, AIO_GONE_STOPPED, time);
        }
}

void _aio_command_executor_stopped(aio_command_executor *executor) {
        aio_client *client = executor->endpoint._internal.client;

        for (uint32_t i = 0; i < client->_internal.memory.n_tasks; i++) {
                aio_task *task = &client->_internal.memory.tasks[i];

                if (task->state == _AIO_TASK_DONE && task->endpoint == &executor->endpoint) {
                        _aio_list_remove(&client->_internal.done, task);
                        client->_internal.n_done--;
                        _aio_task_free(client, task);
                }
        }
}

/* ---- Events ---- */

static void make_request(aio_client *client, aio_task *task, aio_event *out_event) {
        aio_received *received = &out_event->as.request.received;

        *out_event = (aio_event){ .type = AIO_EVENT_REQUEST };
        out_event->as.request.executor = executor_of(task);
        out_event->as.request.id = _aio_task_id(client, task);
        out_event->as.request.deadline_us = task->timer.due_us;
        received->message = *task->request;
        received->user_properties = task->request->user_properties;
        received->n_user_properties = task->n_user_properties;
        received->tokens = (aio_topic_tokens){ task->tokens, task->n_tokens };
        aio_metadata_read(task->request, &received->metadata);
        received->has_timestamp = az_result_succeeded(
                aio_metadata_get_timestamp(&received->metadata, &received->timestamp, &(aio_error){ 0 }));
}

bool _aio_task_next_event(aio_client *client, aio_event *out_event) {
        aio_task *task;

        task = client->_internal.gone.first;
        if (task) {
                _aio_list_remove(&client->_internal.gone, task);
                *out_event = (aio_event){ .type = AIO_EVENT_REQUEST_GONE };
                out_event->as.request_gone.executor = executor_of(task);
                out_event->as.request_gone.id = _aio_task_id(client, task);
                out_event->as.request_gone.why = task->gone;
                if (task->response)
                        publish(task);
                else
                        complete(task, UINT64_MAX);
                return true;
        }
        task = client->_internal.answered.first;
        if (task) {
                _aio_list_remove(&client->_internal.answered, task);
                task->state = _AIO_TASK_SENT;
                *out_event = (aio_event){ .type = AIO_EVENT_PUBLISH };
                out_event->as.publish.message = *task->response;
                out_event->as.publish.token = _aio_token(_AIO_TOKEN_RESPONSE, _aio_task_id(client, task));
                return true;
        }
        task = client->_internal.offered.first;
        if (task) {
                _aio_list_remove(&client->_internal.offered, task);
                task->state = _AIO_TASK_EXECUTING;
                make_request(client, task, out_event);
                return true;
        }
        return false;
}
