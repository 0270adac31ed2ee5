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
#include <aio/command_executor_internal.h>
#include <azure/core/az_precondition_internal.h>

#include <stddef.h>

/* The longest text of a user property (MQTT 5.0, 1.5.4). */
#define TEXT_MAX 65535

/* What an invoker reads whose request nobody executes. */
#define DECLINED "The request was dropped by the application"

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

        _az_PRECONDITION_NOT_NULL(out_executor);
        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(options);
        _az_PRECONDITION_NOT_NULL(out_error);

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

/* ---- The life of a request ---- */

void _aio_task_publish(aio_task *task) {
        task->state = _AIO_TASK_ANSWERED;
        _aio_list_append(&task->endpoint->_internal.client->_internal.answered, task);
}

/* It has come to its end, and is kept for repeats until it expires, if it has a response. */
static void complete(aio_task *task, uint64_t now_us) {
        aio_endpoint *endpoint = task->endpoint;
        aio_client *client = endpoint->_internal.client;
        aio_command_executor *executor = _aio_executor_of(task);

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

void _aio_executor_dispatch(aio_command_executor *executor, uint64_t now_us) {
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
        aio_command_executor *executor = _aio_executor_of(task);
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
        _aio_answer what = { .response = NULL };
        bool const is_known = withdraw(task);
        aio_error unused;

        if (error) {
                what.status = aio_error_to_status(error);
                /* Without memory even for that the invoker has to wait until its request expires. */
                if (az_result_failed(_aio_task_take_answer(task, task->request, &what, time, &unused)))
                        task->response = NULL;
        }
        if (is_known) {
                task->state = _AIO_TASK_GONE;
                task->gone = why;
                _aio_list_append(&client->_internal.gone, task);
        } else if (task->response) {
                _aio_task_publish(task);
        } else {
                complete(task, time.now_us);
        }
}

void _aio_task_on_timer(aio_client *client, _aio_timer *timer, aio_time time) {
        aio_task *task = (aio_task *) (void *) ((uint8_t *) timer - offsetof(aio_task, timer));
        aio_command_executor *executor = _aio_executor_of(task);
        aio_error error;

        if (task->state == _AIO_TASK_DONE) {
                _aio_list_remove(&client->_internal.done, task);
                client->_internal.n_done--;
                _aio_task_free(client, task);
        } else if (time.now_us >= task->expires_us) {
                give_up(task, NULL, AIO_GONE_EXPIRED, time);
                _aio_executor_dispatch(executor, time.now_us);
        } else {
                error = _aio_timeout_error(client, AZ_SPAN_FROM_STR(AIO_TIMEOUT_EXECUTION),
                                           executor->_internal.execution_timeout_us);
                give_up(task, &error, AIO_GONE_TIMEOUT, time);
                _aio_executor_dispatch(executor, time.now_us);
        }
}

void _aio_task_postpone(aio_client *client, uint64_t id) {
        aio_task *task = _aio_task_find(client, id);

        if (!task || task->state != _AIO_TASK_SENT)
                return;
        client->_internal.is_full = true;
        _aio_task_publish(task);
}

void _aio_task_published(aio_client *client, uint64_t id, uint64_t now_us) {
        aio_task *task = _aio_task_find(client, id);

        if (task && task->state == _AIO_TASK_SENT)
                complete(task, now_us);
}

/* ---- What the program does ---- */

static az_result respond(aio_client *client, uint64_t id, _aio_answer const *what, aio_time time,
                         aio_error *out_error) {
        aio_task *task = _aio_task_find(client, id);
        az_result r;

        if (!task || task->state != _AIO_TASK_EXECUTING || time.now_us >= task->timer.due_us) {
                *out_error = _aio_shallow(AIO_ERROR_INVALID_STATE, AZ_ERROR_ITEM_NOT_FOUND,
                                          AZ_SPAN_FROM_STR("request"),
                                          AZ_SPAN_FROM_STR("The request is not waited for any more"));
                return AZ_ERROR_ITEM_NOT_FOUND;
        }
        r = _aio_task_take_answer(task, task->request, what, time, out_error);
        if (az_result_failed(r)) {
                out_error->command_name = _aio_executor_of(task)->_internal.command_name;
                return r;
        }
        (void) withdraw(task);
        _aio_task_publish(task);
        _aio_executor_dispatch(_aio_executor_of(task), time.now_us);
        return AZ_OK;
}

static bool is_error_code_wrong(aio_response const *response) {
        az_span const code = response->application_error_code, payload = response->application_error_payload;

        if (!_aio_is_present(code))
                return _aio_is_present(payload);
        return az_span_size(code) == 0 || az_span_size(code) > TEXT_MAX || az_span_size(payload) > TEXT_MAX;
}

az_result aio_command_executor_respond(aio_client *client, uint64_t id, aio_response const *response,
                                       aio_time time, aio_error *out_error) {
        _aio_answer what = { .response = response };

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(response);
        _az_PRECONDITION_NOT_NULL(out_error);

        what.status.code = az_span_size(response->payload) > 0 ? AIO_STATUS_OK : AIO_STATUS_NO_CONTENT;
        if (is_error_code_wrong(response)) {
                *out_error = _aio_error_configuration(
                        AZ_SPAN_FROM_STR(AIO_METADATA_APPLICATION_ERROR_CODE), AZ_SPAN_EMPTY,
                        AZ_SPAN_FROM_STR(
                                "An application error has a code, and texts of at most 65535 bytes"));
                return AZ_ERROR_ARG;
        }
        return respond(client, id, &what, time, out_error);
}

az_result aio_command_executor_fail(aio_client *client, uint64_t id, az_span message, aio_time time,
                                    aio_error *out_error) {
        aio_error error = { .kind = AIO_ERROR_EXECUTION, .message = AZ_SPAN_FROM_STR(DECLINED) };
        _aio_answer what = { .response = NULL };

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_VALID_SPAN(message, 0);
        _az_PRECONDITION_NOT_NULL(out_error);

        if (az_span_size(message) > 0)
                error.message =
                        az_span_size(message) > TEXT_MAX ? az_span_slice(message, 0, TEXT_MAX) : message;
        what.status = aio_error_to_status(&error);
        return respond(client, id, &what, time, out_error);
}

void aio_command_executor_stop(aio_command_executor *executor, aio_time time) {
        aio_error const error = { .kind = AIO_ERROR_EXECUTION, .message = AZ_SPAN_FROM_STR(DECLINED) };
        aio_client *client;

        _az_PRECONDITION_NOT_NULL(executor);

        client = executor->endpoint._internal.client;
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
        out_event->as.request.executor = _aio_executor_of(task);
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
                out_event->as.request_gone.executor = _aio_executor_of(task);
                out_event->as.request_gone.id = _aio_task_id(client, task);
                out_event->as.request_gone.why = task->gone;
                if (task->response)
                        _aio_task_publish(task);
                else
                        complete(task, UINT64_MAX);
                return true;
        }
        task = client->_internal.is_full ? NULL : client->_internal.answered.first;
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
