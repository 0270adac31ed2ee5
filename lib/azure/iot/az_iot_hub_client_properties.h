/* SPDX-License-Identifier: MIT */
#ifndef _az_IOT_HUB_CLIENT_PROPERTIES_H
#define _az_IOT_HUB_CLIENT_PROPERTIES_H

/*
 * Plug and Play properties in JSON: writing reported ones, and reading those that the hub sent.
 *
 * A property belongs to a component of the model, or to the model itself, which is called the default
 * component. Properties of a component stand in an object with the component's name and a marker:
 *
 *      {"serial":"A7","thermostat":{"__t":"c","temperature":21.5}}
 *
 * Source: "IoT Plug and Play conventions", sections on properties.
 */

#include <azure/core/az_json.h>
#include <azure/iot/az_iot_hub_client.h>

_az_BEGIN_DECLS

/*
 * Begin and end the reported properties of a component: write "thermostat":{"__t":"c" and, at the end, }.
 * Between them the caller appends names and values, or responses. The writer has to stand in an object.
 *
 *   component_name  not empty; not looked for in the options of 'client'
 *
 * Errors: those of az_json_writer_append_property_name(), as NOT_ENOUGH_SPACE. What was written is then of no
 * use.
 */
AZ_NODISCARD az_result az_iot_hub_client_properties_writer_begin_component(az_iot_hub_client const *client,
                                                                           az_json_writer *ref_json_writer,
                                                                           az_span component_name);
AZ_NODISCARD az_result az_iot_hub_client_properties_writer_end_component(az_iot_hub_client const *client,
                                                                         az_json_writer *ref_json_writer);

/*
 * Begin and end the response to a writable property: write
 * "target":{"ac":200,"av":7,"ad":"applied","value": and, at the end, }. Between them the caller appends the
 * value that is now in force, whole if it is an object.
 *
 *   property_name  not empty
 *   status_code  200 done, 202 in progress, 203 the device's own default, 400 invalid, 500 failed
 *   version  of the change that is answered: az_iot_hub_client_properties_get_properties_version(); 0 with
 *            203
 *   description  UTF-8 text for people; empty: "ad" is left out
 *
 * Errors: as of az_iot_hub_client_properties_writer_begin_component().
 */
AZ_NODISCARD az_result az_iot_hub_client_properties_writer_begin_response_status(
        az_iot_hub_client const *client, az_json_writer *ref_json_writer, az_span property_name,
        int32_t status_code, int32_t version, az_span description);
AZ_NODISCARD az_result az_iot_hub_client_properties_writer_end_response_status(
        az_iot_hub_client const *client, az_json_writer *ref_json_writer);

/*
 * Reads the version of the writable properties, "$version", which their responses name.
 *
 *   ref_json_reader  just initialized with the payload. It is moved: initialize it again before reading
 *                    properties
 *   message_type  of the message: GET_RESPONSE or WRITABLE_UPDATED
 *   out_version  written only on success
 *
 * ITEM_NOT_FOUND: there is none. UNEXPECTED_CHAR: the payload has another form, or the version is no number
 * from -2^31 to 2^31 - 1. JSON_INVALID_STATE: the reader was moved before. Others: those of
 * az_json_reader_next_token(). Drop the message, and ask for all properties.
 */
AZ_NODISCARD az_result az_iot_hub_client_properties_get_properties_version(
        az_iot_hub_client const *client, az_json_reader *ref_json_reader,
        az_iot_hub_client_properties_message_type message_type, int32_t *out_version);

/* Who sets a property. */
typedef enum {
        AZ_IOT_HUB_CLIENT_PROPERTY_REPORTED_FROM_DEVICE, /* the device; the hub gives back what it reported */
        AZ_IOT_HUB_CLIENT_PROPERTY_WRITABLE,             /* the cloud */
} az_iot_hub_client_property_type;

/*
 * Moves the reader to the name of the next property, and tells its component.
 *
 * The caller looks at the name, moves to the value and reads it, and moves on behind it, whether the property
 * is of interest or not:
 *
 *      while ((r = az_iot_hub_client_properties_get_next_component_property(
 *                      &client, &reader, message_type, AZ_IOT_HUB_CLIENT_PROPERTY_WRITABLE, &component)) ==
 *             AZ_OK) {
 *              bool is_target = az_json_token_is_text_equal(&reader.token, AZ_SPAN_FROM_STR("target"));
 *
 *              r = az_json_reader_next_token(&reader);
 *              if (az_result_succeeded(r) && is_target)
 *                      r = az_json_token_get_double(&reader.token, &target);
 *              if (az_result_succeeded(r))
 *                      r = az_json_reader_skip_children(&reader);
 *              if (az_result_succeeded(r))
 *                      r = az_json_reader_next_token(&reader);
 *              if (az_result_failed(r))
 *                      return r;
 *      }
 *
 * The last step may be left out: a reader on the last token of the value is moved on. Of a reader that was
 * not moved at all the property is told again. "$version" and the marker "__t" are passed over, and so is a
 * component that is no object, as null where the cloud removed it.
 *
 *   client  its options name the components of the model. An object by another name is a property of the
 *           default component
 *   ref_json_reader  at first just initialized with the payload; then as described
 *   message_type  of the message: GET_RESPONSE or WRITABLE_UPDATED, the same in each call
 *   property_type  WRITABLE, or of a GET_RESPONSE also REPORTED_FROM_DEVICE, the same in each call
 *   out_component_name  one of the client's names, or empty: the default component. The same variable in each
 *                       call, which the caller must not modify: it is written only where a component begins
 *                       or ends
 *
 * IOT_END_OF_PROPERTIES: there are no more; the next call says so again. JSON_INVALID_STATE: the reader
 * stands elsewhere, as on or in an object or array that was not skipped. UNEXPECTED_CHAR: the payload is not
 * an object, or of a GET_RESPONSE its "desired" or "reported" is none. Others: those of
 * az_json_reader_next_token(). Drop the message, and ask for all properties.
 */
AZ_NODISCARD az_result az_iot_hub_client_properties_get_next_component_property(
        az_iot_hub_client const *client, az_json_reader *ref_json_reader,
        az_iot_hub_client_properties_message_type message_type, az_iot_hub_client_property_type property_type,
        az_span *out_component_name);

_az_END_DECLS

#endif
