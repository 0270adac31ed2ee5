/* SPDX-License-Identifier: MIT */
#include <azure/iot/az_iot_provisioning_client.h>

#include <azure/core/az_json.h>
#include <azure/core/az_precondition_internal.h>
#include <azure/iot/az_iot_text_internal.h>

az_iot_provisioning_client_options az_iot_provisioning_client_options_default(void) {
        return (az_iot_provisioning_client_options){
                .user_agent = AZ_SPAN_EMPTY,
        };
}

az_result az_iot_provisioning_client_init(az_iot_provisioning_client *client, az_span global_device_hostname,
                                          az_span id_scope, az_span registration_id,
                                          az_iot_provisioning_client_options const *options) {
        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_VALID_SPAN(global_device_hostname, 1);
        _az_PRECONDITION_VALID_SPAN(id_scope, 1);
        _az_PRECONDITION_VALID_SPAN(registration_id, 1);

        *client = (az_iot_provisioning_client){
                ._internal = {
                        .global_device_endpoint = global_device_hostname,
                        .id_scope = id_scope,
                        .registration_id = registration_id,
                        .options = options ? *options : az_iot_provisioning_client_options_default(),
                },
        };
        return AZ_OK;
}

az_result az_iot_provisioning_client_get_user_name(az_iot_provisioning_client const *client,
                                                   char *mqtt_user_name, size_t mqtt_user_name_size,
                                                   size_t *out_mqtt_user_name_length) {
        _az_iot_text text;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(mqtt_user_name);

        text = _az_iot_text_begin(mqtt_user_name, mqtt_user_name_size);
        _az_iot_text_append(&text, client->_internal.id_scope);
        _az_iot_text_append(&text, AZ_SPAN_FROM_STR("/registrations/"));
        _az_iot_text_append(&text, client->_internal.registration_id);
        _az_iot_text_append(&text, AZ_SPAN_FROM_STR("/api-version=" AZ_IOT_PROVISIONING_SERVICE_VERSION));
        if (az_span_size(client->_internal.options.user_agent) > 0) {
                _az_iot_text_append(&text, AZ_SPAN_FROM_STR("&ClientVersion="));
                _az_iot_text_append(&text, client->_internal.options.user_agent);
        }
        return _az_iot_text_end(&text, out_mqtt_user_name_length);
}

az_result az_iot_provisioning_client_get_client_id(az_iot_provisioning_client const *client,
                                                   char *mqtt_client_id, size_t mqtt_client_id_size,
                                                   size_t *out_mqtt_client_id_length) {
        _az_iot_text text;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(mqtt_client_id);

        text = _az_iot_text_begin(mqtt_client_id, mqtt_client_id_size);
        _az_iot_text_append(&text, client->_internal.registration_id);
        return _az_iot_text_end(&text, out_mqtt_client_id_length);
}

az_result az_iot_provisioning_client_register_get_publish_topic_with_request_id(
        az_iot_provisioning_client const *client, az_span request_id, char *mqtt_topic,
        size_t mqtt_topic_size, size_t *out_mqtt_topic_length) {
        _az_iot_text text;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_VALID_SPAN(request_id, 1);
        _az_PRECONDITION_NOT_NULL(mqtt_topic);

        text = _az_iot_text_begin(mqtt_topic, mqtt_topic_size);
        _az_iot_text_append(&text, AZ_SPAN_FROM_STR("$dps/registrations/PUT/iotdps-register/?$rid="));
        _az_iot_text_append(&text, request_id);
        return _az_iot_text_end(&text, out_mqtt_topic_length);
}

az_result az_iot_provisioning_client_query_status_get_publish_topic_with_request_id(
        az_iot_provisioning_client const *client, az_span request_id, az_span operation_id, char *mqtt_topic,
        size_t mqtt_topic_size, size_t *out_mqtt_topic_length) {
        _az_iot_text text;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_VALID_SPAN(request_id, 1);
        _az_PRECONDITION_VALID_SPAN(operation_id, 1);
        _az_PRECONDITION_NOT_NULL(mqtt_topic);

        text = _az_iot_text_begin(mqtt_topic, mqtt_topic_size);
        _az_iot_text_append(&text,
                            AZ_SPAN_FROM_STR("$dps/registrations/GET/iotdps-get-operationstatus/?$rid="));
        _az_iot_text_append(&text, request_id);
        _az_iot_text_append(&text, AZ_SPAN_FROM_STR("&operationId="));
        _az_iot_text_append(&text, operation_id);
        return _az_iot_text_end(&text, out_mqtt_topic_length);
}

az_result az_iot_provisioning_client_register_get_publish_topic(az_iot_provisioning_client const *client,
                                                                char *mqtt_topic, size_t mqtt_topic_size,
                                                                size_t *out_mqtt_topic_length) {
        return az_iot_provisioning_client_register_get_publish_topic_with_request_id(
                client, AZ_SPAN_FROM_STR("1"), mqtt_topic, mqtt_topic_size, out_mqtt_topic_length);
}

az_result az_iot_provisioning_client_query_status_get_publish_topic(az_iot_provisioning_client const *client,
                                                                    az_span operation_id, char *mqtt_topic,
                                                                    size_t mqtt_topic_size,
                                                                    size_t *out_mqtt_topic_length) {
        return az_iot_provisioning_client_query_status_get_publish_topic_with_request_id(
                client, AZ_SPAN_FROM_STR("1"), operation_id, mqtt_topic, mqtt_topic_size,
                out_mqtt_topic_length);
}

az_iot_provisioning_client_payload_options az_iot_provisioning_client_payload_options_default(void) {
        return (az_iot_provisioning_client_payload_options){ ._internal = { .unused = false } };
}

static az_result write_members(az_json_writer *writer, az_span registration_id, az_span custom_payload) {
        az_result r;

        r = az_json_writer_append_begin_object(writer);
        if (az_result_failed(r))
                return r;
        r = az_json_writer_append_property_name(writer, AZ_SPAN_FROM_STR("registrationId"));
        if (az_result_failed(r))
                return r;
        r = az_json_writer_append_string(writer, registration_id);
        if (az_result_failed(r))
                return r;

        if (az_span_size(custom_payload) > 0) {
                r = az_json_writer_append_property_name(writer, AZ_SPAN_FROM_STR("payload"));
                if (az_result_failed(r))
                        return r;
                r = az_json_writer_append_json_text(writer, custom_payload);
                if (az_result_failed(r))
                        return r;
        }
        return az_json_writer_append_end_object(writer);
}

static az_result write_request(az_iot_provisioning_client const *client, az_span custom_payload,
                               uint8_t *buffer, size_t size, size_t *out_length) {
        az_json_writer writer;
        az_result r;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_VALID_SPAN(custom_payload, 0);
        _az_PRECONDITION_NOT_NULL(buffer);

        r = az_json_writer_init(&writer,
                                az_span_create(buffer, size < INT32_MAX ? (int32_t) size : INT32_MAX), NULL);
        if (az_result_failed(r))
                return r;
        r = write_members(&writer, client->_internal.registration_id, custom_payload);
        if (az_result_failed(r))
                return r;
        if (out_length)
                *out_length = (size_t) writer.total_bytes_written;
        return AZ_OK;
}

az_result az_iot_provisioning_client_register_get_request_payload(
        az_iot_provisioning_client const *client, az_span custom_payload_property,
        az_iot_provisioning_client_payload_options const *options, uint8_t *mqtt_payload,
        size_t mqtt_payload_size, size_t *out_mqtt_payload_length) {
        _az_PRECONDITION_NOT_NULL(options);
        (void) options;

        return write_request(client, custom_payload_property, mqtt_payload, mqtt_payload_size,
                             out_mqtt_payload_length);
}

az_result az_iot_provisioning_client_get_request_payload(
        az_iot_provisioning_client const *client, az_span custom_payload_property,
        az_iot_provisioning_client_payload_options const *options, uint8_t *mqtt_payload,
        size_t mqtt_payload_size, size_t *out_mqtt_payload_length) {
        _az_PRECONDITION(options == NULL);
        (void) options;

        return write_request(client, custom_payload_property, mqtt_payload, mqtt_payload_size,
                             out_mqtt_payload_length);
}
