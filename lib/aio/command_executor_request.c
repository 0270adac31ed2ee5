/* SPDX-License-Identifier: MIT */

/* What becomes of a message that is for an executor: a request to be executed, a repeat, or a refusal. */

#include <aio/command_executor_internal.h>

#include <aio/aio_internal.h>
#include <aio/client_internal.h>

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
        az_result const r = _aio_message_read(client, &executor->endpoint, out_received, out_error);

        if (az_result_failed(r))
                return r;
        return _aio_message_check(client, &executor->_internal.serializer, out_received, out_error);
}

/* A task of the message that is being dealt with; NULL: there is no memory. */
static aio_task *begin(aio_command_executor *executor) {
        aio_client *client = executor->endpoint._internal.client;
        az_mqtt_message const *message = &client->_internal.message;
        uint32_t const expiry_s =
                message->has_message_expiry ? message->message_expiry_s : _aio_EXPIRY_DEFAULT_S;
        aio_task *task = _aio_task_take(client, &executor->endpoint);

        if (!task)
                return NULL;
        task->expires_us = client->_internal.time.now_us + expiry_s * _aio_USEC_PER_SEC;
        executor->_internal.n_tasks++;
        client->_internal.n_open++;
        return task;
}

/* There is no memory for it after all. The message is a peer, so that it is not acknowledged by that. */
static void abandon(aio_task *task) {
        aio_client *client = task->endpoint->_internal.client;

        _aio_executor_of(task)->_internal.n_tasks--;
        client->_internal.n_open--;
        _aio_task_leave(client, task);
        _aio_task_free(client, task);
}

/* Answers with an error. Without memory for a task the answer is not kept, and the message acknowledged at
 * once. */
static void refuse(aio_command_executor *executor, aio_error const *error, bool is_repeatable) {
        aio_client *client = executor->endpoint._internal.client;
        az_mqtt_message const *message = &client->_internal.message;
        _aio_answer const what = { .status = aio_error_to_status(error) };
        aio_task *task = begin(executor);
        aio_error unused;

        if (task && az_result_succeeded(
                            _aio_task_take_answer(task, message, &what, client->_internal.time, &unused))) {
                if (is_repeatable)
                        _aio_task_hash(client, task);
                _aio_task_publish(task);
                return;
        }
        if (task)
                abandon(task);
        client->_internal.has_publish = az_result_succeeded(_aio_answer_write(
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
        _aio_executor_dispatch(executor, client->_internal.time.now_us);
        return true;
}

/* The message is a repeat: it ends with what it repeats, which is answered once more if it has ended. */
static void join(aio_task *original) {
        aio_command_executor *executor = _aio_executor_of(original);
        aio_client *client = executor->endpoint._internal.client;
        aio_task *repeat;

        if (original->state == _AIO_TASK_DONE) {
                uint32_t const expiry_s = _aio_task_remaining_s(original, client->_internal.time.now_us);

                if (expiry_s == 0)
                        return;
                _aio_list_remove(&client->_internal.done, original);
                _aio_timer_unset(&client->_internal.task_timers, &original->timer);
                client->_internal.n_done--;
                executor->_internal.n_tasks++;
                client->_internal.n_open++;
                original->response->message_expiry_s = expiry_s;
                _aio_task_publish(original);
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
