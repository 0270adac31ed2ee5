/* SPDX-License-Identifier: MIT */
#include <aio/command_executor_internal.h>

#include <aio/aio_internal.h>
#include <aio/client_internal.h>

static az_result write_reserved(void const *what, aio_metadata_writer *writer, az_span source_id,
                                aio_hlc const *timestamp) {
        _aio_answer const *a = what;
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

uint32_t _aio_task_remaining_s(aio_task const *task, uint64_t now_us) {
        if (now_us >= task->expires_us)
                return 0;
        return (uint32_t) ((task->expires_us - now_us + _aio_USEC_PER_SEC - 1) / _aio_USEC_PER_SEC);
}

az_result _aio_answer_write(aio_command_executor const *executor, az_mqtt_message const *request,
                            _aio_answer const *what, aio_time time, az_mqtt_message *out_message,
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
                if (az_span_size(what->response->payload) > 0)
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
                .message_expiry_s = _aio_EXPIRY_DEFAULT_S,
        };
        return _aio_message_write(client, &draft, out_message, out_error);
}

/* What the program says of an error is to reach the invoker, whatever it is made of. */
static void clean_texts(az_mqtt_message *copy) {
        static const char *const keys[] = {
                AIO_METADATA_STATUS_MESSAGE,
                AIO_METADATA_APPLICATION_ERROR_CODE,
                AIO_METADATA_APPLICATION_ERROR_PAYLOAD,
        };

        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
                az_span value;

                if (az_result_succeeded(aio_metadata_find(copy, _aio_span_of(keys[i]), &value)))
                        _aio_text_clean(value);
        }
}

az_result _aio_task_take_answer(aio_task *task, az_mqtt_message const *request, _aio_answer const *what,
                                aio_time time, aio_error *out_error) {
        aio_client *client = task->endpoint->_internal.client;
        aio_topic_token *tokens;
        az_mqtt_message message;
        az_result r;

        r = _aio_answer_write(_aio_executor_of(task), request, what, time, &message, out_error);
        if (az_result_failed(r))
                return r;
        if (request->has_message_expiry)
                message.message_expiry_s = _aio_task_remaining_s(task, time.now_us);
        task->response = _aio_message_copy(client, &message, NULL, 0, &tokens);
        if (!task->response) {
                *out_error = _aio_capacity_error();
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        }
        clean_texts(task->response);
        _aio_arena_give(&client->_internal.arena, task->request);
        task->request = NULL;
        return AZ_OK;
}
