/* SPDX-License-Identifier: MIT */
#include <aio/telemetry.h>

#include <aio/aio_internal.h>
#include <aio/client_internal.h>
#include <azure/core/az_precondition_internal.h>

az_result aio_telemetry_sender_init(aio_telemetry_sender *out_sender, aio_client *client,
                                    aio_telemetry_sender_options const *options, aio_error *out_error) {
        _az_PRECONDITION_NOT_NULL(out_sender);
        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(options);
        _az_PRECONDITION_NOT_NULL(out_error);

        *out_sender = (aio_telemetry_sender){ { .client = client } };
        out_sender->_internal.serializer = options->serializer ? *options->serializer : aio_serializer_raw();
        return aio_topic_pattern_init(&out_sender->_internal.pattern,
                                      AZ_SPAN_FROM_STR(AIO_PROPERTY_TOPIC_PATTERN), options->topic_pattern,
                                      options->topic_namespace, options->tokens, out_error);
}

static az_result write_reserved(void const *what, aio_metadata_writer *writer, az_span source_id,
                                aio_hlc const *timestamp) {
        aio_telemetry const *telemetry = what;

        return aio_metadata_write_telemetry(writer, source_id, timestamp, telemetry->persist);
}

static az_result write(aio_telemetry_sender *sender, aio_telemetry const *telemetry, aio_time time,
                       az_mqtt_message *out_message, aio_error *out_error) {
        aio_client *client = sender->_internal.client;
        _aio_draft draft = {
                .serializer = &sender->_internal.serializer,
                .payload = telemetry->payload,
                .content_type = telemetry->content_type,
                .has_payload_format = telemetry->has_payload_format,
                .payload_format = telemetry->payload_format,
                .user_properties = telemetry->user_properties,
                .n_user_properties = telemetry->n_user_properties,
                .cloud_event = telemetry->cloud_event,
                .cloud_event_type = AIO_CLOUD_EVENT_TYPE_TELEMETRY,
                .wall_ms = time.wall_ms,
                .write_reserved = write_reserved,
                .what = telemetry,
        };
        az_result r;

        *out_message = (az_mqtt_message){ .qos = telemetry->is_qos_0 ? 0 : 1, .retain = telemetry->retain };
        if (telemetry->persist && !telemetry->retain) {
                *out_error = _aio_shallow(AIO_ERROR_INVALID_CONFIGURATION, AZ_ERROR_ARG,
                                          AZ_SPAN_FROM_STR("persist"),
                                          AZ_SPAN_FROM_STR("Only what is retained can be kept on disk"));
                return AZ_ERROR_ARG;
        }
        r = _aio_message_set_expiry(client, out_message, telemetry->has_timeout, telemetry->timeout_us,
                                    AIO_PROPERTY_MESSAGE_EXPIRY, out_error);
        if (az_result_failed(r))
                return r;
        r = aio_topic_pattern_resolve(&sender->_internal.pattern, telemetry->tokens,
                                      client->_internal.memory.scratch, &out_message->topic, out_error);
        if (az_result_failed(r))
                return r;
        draft.scratch = _az_span_from(client->_internal.memory.scratch, az_span_size(out_message->topic));
        return _aio_message_write(client, &draft, out_message, out_error);
}

az_result aio_telemetry_sender_send(aio_telemetry_sender *sender, aio_telemetry const *telemetry,
                                    uint64_t token, aio_time time, aio_event *out_publish,
                                    aio_error *out_error) {
        az_mqtt_message message;
        az_result r;

        _az_PRECONDITION_NOT_NULL(sender);
        _az_PRECONDITION_NOT_NULL(telemetry);
        _az_PRECONDITION_NOT_NULL(out_publish);
        _az_PRECONDITION_NOT_NULL(out_error);

        r = write(sender, telemetry, time, &message, out_error);
        if (az_result_failed(r))
                return r;
        *out_publish = (aio_event){ .type = AIO_EVENT_PUBLISH };
        out_publish->as.publish.message = message;
        out_publish->as.publish.token = _aio_token(_AIO_TOKEN_SENT, token & _aio_TOKEN_VALUE_MAX);
        return AZ_OK;
}
