/* SPDX-License-Identifier: MIT */
#include <azure/iot/az_iot_hub_client_properties.h>

#include <azure/core/az_precondition_internal.h>
#include <azure/iot/az_iot_json_internal.h>

static az_iot_hub_client_properties_message_type type_of(az_iot_hub_client_twin_response_type twin_type) {
        switch (twin_type) {
        case AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_GET:
                return AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_GET_RESPONSE;
        case AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_DESIRED_PROPERTIES:
                return AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_WRITABLE_UPDATED;
        case AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_REPORTED_PROPERTIES:
                return AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_ACKNOWLEDGEMENT;
        case AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_REQUEST_ERROR:
                break;
        }
        return AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_ERROR;
}

az_result az_iot_hub_client_properties_parse_received_topic(
        az_iot_hub_client const *client, az_span received_topic,
        az_iot_hub_client_properties_message *out_message) {
        az_iot_hub_client_twin_response response;
        az_result r;

        _az_PRECONDITION_NOT_NULL(out_message);

        r = az_iot_hub_client_twin_parse_received_topic(client, received_topic, &response);
        if (az_result_failed(r))
                return r;

        *out_message = (az_iot_hub_client_properties_message){
                .message_type = type_of(response.response_type),
                .status = response.status,
                .request_id = response.request_id,
        };
        return AZ_OK;
}

az_result az_iot_hub_client_properties_document_get_publish_topic(az_iot_hub_client const *client,
                                                                  az_span request_id, char *mqtt_topic,
                                                                  size_t mqtt_topic_size,
                                                                  size_t *out_mqtt_topic_length) {
        return az_iot_hub_client_twin_document_get_publish_topic(client, request_id, mqtt_topic,
                                                                 mqtt_topic_size, out_mqtt_topic_length);
}

az_result az_iot_hub_client_properties_get_reported_publish_topic(az_iot_hub_client const *client,
                                                                  az_span request_id, char *mqtt_topic,
                                                                  size_t mqtt_topic_size,
                                                                  size_t *out_mqtt_topic_length) {
        return az_iot_hub_client_twin_patch_get_publish_topic(client, request_id, mqtt_topic, mqtt_topic_size,
                                                              out_mqtt_topic_length);
}

az_result az_iot_hub_client_properties_writer_begin_component(az_iot_hub_client const *client,
                                                              az_json_writer *ref_json_writer,
                                                              az_span component_name) {
        _az_iot_json json = { ref_json_writer, AZ_OK };

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(ref_json_writer);
        _az_PRECONDITION_VALID_SPAN(component_name, 1);

        _az_iot_json_begin_named(&json, component_name);
        _az_iot_json_append_text(&json, AZ_SPAN_FROM_STR("__t"), AZ_SPAN_FROM_STR("c"));
        return json.result;
}

az_result az_iot_hub_client_properties_writer_end_component(az_iot_hub_client const *client,
                                                            az_json_writer *ref_json_writer) {
        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(ref_json_writer);

        return az_json_writer_append_end_object(ref_json_writer);
}

az_result az_iot_hub_client_properties_writer_begin_response_status(az_iot_hub_client const *client,
                                                                    az_json_writer *ref_json_writer,
                                                                    az_span property_name,
                                                                    int32_t status_code, int32_t version,
                                                                    az_span description) {
        _az_iot_json json = { ref_json_writer, AZ_OK };

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(ref_json_writer);
        _az_PRECONDITION_VALID_SPAN(property_name, 1);
        _az_PRECONDITION_VALID_SPAN(description, 0);

        _az_iot_json_begin_named(&json, property_name);
        _az_iot_json_append_int32(&json, AZ_SPAN_FROM_STR("ac"), status_code);
        _az_iot_json_append_int32(&json, AZ_SPAN_FROM_STR("av"), version);
        if (az_span_size(description) > 0)
                _az_iot_json_append_text(&json, AZ_SPAN_FROM_STR("ad"), description);
        _az_iot_json_append_name(&json, AZ_SPAN_FROM_STR("value"));
        return json.result;
}

az_result az_iot_hub_client_properties_writer_end_response_status(az_iot_hub_client const *client,
                                                                  az_json_writer *ref_json_writer) {
        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(ref_json_writer);

        return az_json_writer_append_end_object(ref_json_writer);
}

static bool is_start(az_json_reader const *reader) {
        return reader->current_depth == 0 &&
               (reader->token.kind == AZ_JSON_TOKEN_NONE || reader->token.kind == AZ_JSON_TOKEN_BEGIN_OBJECT);
}

/*
 * Moves from the begin of an object to the value of its member 'name'. ITEM_NOT_FOUND: it has none, and the
 * reader stands on its end. UNEXPECTED_CHAR: it is no object.
 */
static az_result find_member(az_json_reader *reader, az_span name) {
        if (reader->token.kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                return AZ_ERROR_UNEXPECTED_CHAR;

        for (;;) {
                bool found;
                az_result r = az_json_reader_next_token(reader);

                if (az_result_failed(r))
                        return r;
                if (reader->token.kind == AZ_JSON_TOKEN_END_OBJECT)
                        return AZ_ERROR_ITEM_NOT_FOUND;
                found = az_json_token_is_text_equal(&reader->token, name);
                r = found ? az_json_reader_next_token(reader) : az_json_reader_skip_children(reader);
                if (found || az_result_failed(r))
                        return r;
        }
}

/* Moves from the start to the begin of the object that properties of this type are members of. */
static az_result find_properties(az_json_reader *reader,
                                 az_iot_hub_client_properties_message_type message_type,
                                 az_iot_hub_client_property_type property_type) {
        az_result r = AZ_OK;

        if (reader->token.kind == AZ_JSON_TOKEN_NONE)
                r = az_json_reader_next_token(reader);
        if (az_result_succeeded(r) && message_type == AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_GET_RESPONSE)
                r = find_member(reader, property_type == AZ_IOT_HUB_CLIENT_PROPERTY_WRITABLE
                                                ? AZ_SPAN_FROM_STR("desired")
                                                : AZ_SPAN_FROM_STR("reported"));
        if (az_result_succeeded(r) && reader->token.kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                r = AZ_ERROR_UNEXPECTED_CHAR;
        return r;
}

az_result az_iot_hub_client_properties_get_properties_version(
        az_iot_hub_client const *client, az_json_reader *ref_json_reader,
        az_iot_hub_client_properties_message_type message_type, int32_t *out_version) {
        az_result r;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(ref_json_reader);
        _az_PRECONDITION(message_type == AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_GET_RESPONSE ||
                         message_type == AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_WRITABLE_UPDATED);
        _az_PRECONDITION_NOT_NULL(out_version);

        if (!is_start(ref_json_reader))
                return AZ_ERROR_JSON_INVALID_STATE;
        r = find_properties(ref_json_reader, message_type, AZ_IOT_HUB_CLIENT_PROPERTY_WRITABLE);
        if (az_result_succeeded(r))
                r = find_member(ref_json_reader, AZ_SPAN_FROM_STR("$version"));
        if (az_result_failed(r))
                return r;
        if (ref_json_reader->token.kind != AZ_JSON_TOKEN_NUMBER)
                return AZ_ERROR_UNEXPECTED_CHAR;
        return az_json_token_get_int32(&ref_json_reader->token, out_version);
}

/* Finds the name among those of the components; false: 'out_component_name' is as it was. */
static bool find_component(az_iot_hub_client const *client, az_json_token const *name,
                           az_span *out_component_name) {
        for (int32_t i = 0; i < client->_internal.options.component_names_length; i++) {
                if (az_json_token_is_text_equal(name, client->_internal.options.component_names[i])) {
                        *out_component_name = client->_internal.options.component_names[i];
                        return true;
                }
        }
        return false;
}

/*
 * Looks at the name of a member. Passes over what is no property, to its last token, and into a component;
 * then *out_found is false.
 */
static az_result look_at_name(az_iot_hub_client const *client, az_json_reader *reader, bool in_component,
                              az_span *ref_component_name, bool *out_found) {
        az_result r;

        *out_found = false;
        if (!in_component && find_component(client, &reader->token, ref_component_name)) {
                r = az_json_reader_next_token(reader);
                if (az_result_failed(r) || reader->token.kind == AZ_JSON_TOKEN_BEGIN_OBJECT)
                        return r;
                *ref_component_name = AZ_SPAN_EMPTY;
                return az_json_reader_skip_children(reader);
        }
        if (az_json_token_is_text_equal(&reader->token, in_component ? AZ_SPAN_FROM_STR("__t")
                                                                     : AZ_SPAN_FROM_STR("$version")))
                return az_json_reader_skip_children(reader);
        *out_found = true;
        return AZ_OK;
}

az_result az_iot_hub_client_properties_get_next_component_property(
        az_iot_hub_client const *client, az_json_reader *ref_json_reader,
        az_iot_hub_client_properties_message_type message_type, az_iot_hub_client_property_type property_type,
        az_span *out_component_name) {
        bool is_response = message_type == AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_GET_RESPONSE, found;
        az_result r = AZ_OK;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_NOT_NULL(ref_json_reader);
        _az_PRECONDITION(is_response ||
                         (message_type == AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_WRITABLE_UPDATED &&
                          property_type == AZ_IOT_HUB_CLIENT_PROPERTY_WRITABLE));
        _az_PRECONDITION_NOT_NULL(out_component_name);

        if (is_start(ref_json_reader)) {
                *out_component_name = AZ_SPAN_EMPTY;
                r = find_properties(ref_json_reader, message_type, property_type);
                if (az_result_succeeded(r))
                        r = az_json_reader_next_token(ref_json_reader);
                else if (r == AZ_ERROR_ITEM_NOT_FOUND)
                        r = AZ_ERROR_IOT_END_OF_PROPERTIES;
        }

        for (; az_result_succeeded(r); r = az_json_reader_next_token(ref_json_reader)) {
                /* 0: among the members of the default component, 1: of a component */
                int32_t level = ref_json_reader->current_depth - (is_response ? 2 : 1);

                switch (ref_json_reader->token.kind) {
                case AZ_JSON_TOKEN_PROPERTY_NAME:
                        if (level != (az_span_size(*out_component_name) > 0 ? 1 : 0))
                                return AZ_ERROR_JSON_INVALID_STATE;
                        r = look_at_name(client, ref_json_reader, level == 1, out_component_name, &found);
                        if (az_result_failed(r) || found)
                                return r;
                        break;
                case AZ_JSON_TOKEN_END_OBJECT:
                        if (level < 0)
                                return AZ_ERROR_IOT_END_OF_PROPERTIES;
                        if (level == 0) /* of the component; or of a value outside, where there is none */
                                *out_component_name = AZ_SPAN_EMPTY;
                        break;
                case AZ_JSON_TOKEN_END_ARRAY:
                case AZ_JSON_TOKEN_STRING:
                case AZ_JSON_TOKEN_NUMBER:
                case AZ_JSON_TOKEN_TRUE:
                case AZ_JSON_TOKEN_FALSE:
                case AZ_JSON_TOKEN_NULL:
                        break;
                case AZ_JSON_TOKEN_NONE:
                case AZ_JSON_TOKEN_BEGIN_OBJECT:
                case AZ_JSON_TOKEN_BEGIN_ARRAY:
                        return AZ_ERROR_JSON_INVALID_STATE;
                }
        }
        return r;
}
