/* SPDX-License-Identifier: MIT */
#include <aio/telemetry.h>

#include <aio/aio_internal.h>
#include <aio/client_internal.h>
#include <azure/core/az_precondition_internal.h>

/* The filter is to be one that is not shared: the name of the group is an option of its own. */
static az_result check_filter(aio_telemetry_receiver_options const *options, aio_error *out_error) {
        az_span const share_name = options->share_name;

        if (!aio_topic_filter_is_valid(options->topic_filter) ||
            az_span_find(options->topic_filter, AZ_SPAN_FROM_STR("$share/")) == 0) {
                *out_error = _aio_error_configuration(AZ_SPAN_FROM_STR(AIO_PROPERTY_TOPIC_FILTER),
                                                      options->topic_filter,
                                                      AZ_SPAN_FROM_STR("The filter is not valid"));
                return AZ_ERROR_ARG;
        }
        if (az_span_size(share_name) > 0 &&
            (!aio_topic_is_valid(share_name) || az_span_find(share_name, AZ_SPAN_FROM_STR("/")) >= 0)) {
                *out_error =
                        _aio_error_configuration(AZ_SPAN_FROM_STR(AIO_PROPERTY_SHARE_NAME), share_name,
                                                 AZ_SPAN_FROM_STR("A share name is one level of a topic"));
                return AZ_ERROR_ARG;
        }
        return AZ_OK;
}

az_result aio_telemetry_receiver_start(aio_telemetry_receiver *out_receiver, aio_client *client,
                                       aio_telemetry_receiver_options const *options, aio_error *out_error) {
        az_result r;

        _az_PRECONDITION_NOT_NULL(out_receiver);
        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(options);
        _az_PRECONDITION_NOT_NULL(out_error);

        *out_receiver = (aio_telemetry_receiver){
                .endpoint = { .kind = AIO_ENDPOINT_TELEMETRY_RECEIVER, .context = options->context },
        };
        out_receiver->_internal.serializer =
                options->serializer ? *options->serializer : aio_serializer_any(AZ_SPAN_EMPTY, 0);
        out_receiver->_internal.is_manual_ack = options->is_manual_ack;
        if (az_span_size(options->topic_filter) > 0)
                r = check_filter(options, out_error);
        else
                r = aio_topic_pattern_init(&out_receiver->endpoint._internal.pattern,
                                           AZ_SPAN_FROM_STR(AIO_PROPERTY_TOPIC_PATTERN),
                                           options->topic_pattern, options->topic_namespace, options->tokens,
                                           out_error);
        if (az_result_failed(r))
                return r;
        return _aio_endpoint_start(&out_receiver->endpoint, client, options->topic_filter,
                                   options->share_name, out_error);
}

static az_result check(aio_telemetry_receiver *receiver, aio_received *out_received, aio_error *out_error) {
        aio_client *client = receiver->endpoint._internal.client;
        az_result const r = _aio_message_read(client, &receiver->endpoint, out_received, out_error);

        if (az_result_failed(r))
                return r;
        return _aio_message_check(client, &receiver->_internal.serializer, out_received, out_error);
}

bool _aio_telemetry_receiver_take(aio_telemetry_receiver *receiver, aio_event *out_event) {
        aio_client *client = receiver->endpoint._internal.client;
        aio_event event = { .type = AIO_EVENT_TELEMETRY };
        aio_error error;

        if (az_result_failed(check(receiver, &event.as.telemetry.received, &error))) {
                _aio_message_ignore(&receiver->endpoint, &error, out_event);
                return true;
        }
        event.as.telemetry.receiver = receiver;
        if (receiver->_internal.is_manual_ack && client->_internal.message.qos > 0) {
                aio_task *task = _aio_task_take(client, &receiver->endpoint);

                if (!task) {
                        client->_internal.is_unacknowledged = true;
                        error = _aio_shallow(AIO_ERROR_INVALID_STATE, AZ_ERROR_NOT_ENOUGH_SPACE,
                                             AZ_SPAN_FROM_STR(AIO_PROPERTY_CAPACITY),
                                             AZ_SPAN_FROM_STR("Too many messages wait to be acknowledged"));
                        _aio_message_ignore(&receiver->endpoint, &error, out_event);
                        return true;
                }
                task->state = _AIO_TASK_UNACKED;
                event.as.telemetry.ack_id = _aio_task_id(client, task);
        }
        *out_event = event;
        return true;
}

void aio_telemetry_receiver_ack(aio_client *client, uint64_t ack_id) {
        aio_task *task;

        _az_PRECONDITION_NOT_NULL(client);

        task = _aio_task_find(client, ack_id);
        if (!task || task->state != _AIO_TASK_UNACKED)
                return;
        _aio_task_leave(client, task);
        _aio_task_free(client, task);
}

void _aio_telemetry_receiver_stopped(aio_telemetry_receiver *receiver) {
        aio_client *client = receiver->endpoint._internal.client;

        for (uint32_t i = 0; i < client->_internal.memory.n_tasks; i++) {
                aio_task *task = &client->_internal.memory.tasks[i];

                if (task->state == _AIO_TASK_UNACKED && task->endpoint == &receiver->endpoint)
                        aio_telemetry_receiver_ack(client, _aio_task_id(client, task));
        }
}

void aio_telemetry_receiver_stop(aio_telemetry_receiver *receiver) {
        _az_PRECONDITION_NOT_NULL(receiver);

        (void) _aio_endpoint_stop(&receiver->endpoint);
}
