/* SPDX-License-Identifier: MIT */
#ifndef _az_IOT_PROVISIONING_CLIENT_H
#define _az_IOT_PROVISIONING_CLIENT_H

/*
 * The Device Provisioning Service (DPS) over MQTT 3.1.1: what a device puts into CONNECT, the topics and the
 * body of its requests, and the answers. Works with any MQTT client. Buffers and preconditions:
 * az_iot_common.h.
 *
 * A registration, once connected (clean session) and subscribed to
 * AZ_IOT_PROVISIONING_CLIENT_REGISTER_SUBSCRIBE_TOPIC, and not before SUBACK has come, or else the answer is
 * lost: publish the request of az_iot_provisioning_client_register_get_publish_topic(); while the answer is
 * not az_iot_provisioning_client_operation_complete(), wait for its retry_after_seconds (3 if that is 0) and
 * publish, with an empty body, to az_iot_provisioning_client_query_status_get_publish_topic().
 * session/dps_session.h is all of this as a state machine.
 *
 * Source: DPS documentation, "Communicate with your DPS using the MQTT protocol".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <azure/core/az_result.h>
#include <azure/core/az_span.h>
#include <azure/iot/az_iot_common.h>

_az_BEGIN_DECLS

/* The version of the service's API that the user name asks for. */
#define AZ_IOT_PROVISIONING_SERVICE_VERSION "2019-03-31"

/* What az_iot_provisioning_client_init() may be told. */
typedef struct {
        az_span user_agent; /* shown in the service's logs; percent-encoded by the caller; may be empty */
} az_iot_provisioning_client_options;

/* The identity of a device at its provisioning service; its members are private. */
typedef struct {
        struct {
                az_span global_device_endpoint;
                az_span id_scope;
                az_span registration_id;
                az_iot_provisioning_client_options options;
        } _internal;
} az_iot_provisioning_client;

/* Returns options without a user agent. */
AZ_NODISCARD az_iot_provisioning_client_options az_iot_provisioning_client_options_default(void);

/*
 * Initializes 'client'. It keeps the spans, of the options too: what they point to must outlive it.
 *
 *   global_device_hostname  where to connect to, "global.azure-devices-provisioning.net"; not empty
 *   id_scope  names the service, e.g. "0ne00ABCDEF"; not empty
 *   registration_id  1 to 128 letters, digits, '-', '.', '_' and ':', the last one a letter, a digit or '-';
 *           lower-case letters, because the service compares it without regard to case, but signs it as it is
 *   options  NULL for the default
 *
 * Always AZ_OK.
 */
AZ_NODISCARD az_result az_iot_provisioning_client_init(az_iot_provisioning_client *client,
                                                       az_span global_device_hostname, az_span id_scope,
                                                       az_span registration_id,
                                                       az_iot_provisioning_client_options const *options);

/*
 * Writes the user name of CONNECT, "{id scope}/registrations/{registration id}/api-version=2019-03-31", then
 * "&ClientVersion=" and the user agent where there is one.
 *
 *   out_mqtt_user_name_length  may be NULL
 *
 * NOT_ENOUGH_SPACE.
 */
AZ_NODISCARD az_result az_iot_provisioning_client_get_user_name(az_iot_provisioning_client const *client,
                                                                char *mqtt_user_name,
                                                                size_t mqtt_user_name_size,
                                                                size_t *out_mqtt_user_name_length);

/*
 * Writes the client id of CONNECT, which is the registration id.
 *
 *   mqtt_client_id_size  129 is always enough
 *   out_mqtt_client_id_length  may be NULL
 *
 * NOT_ENOUGH_SPACE.
 */
AZ_NODISCARD az_result az_iot_provisioning_client_get_client_id(az_iot_provisioning_client const *client,
                                                                char *mqtt_client_id,
                                                                size_t mqtt_client_id_size,
                                                                size_t *out_mqtt_client_id_length);

/*
 * Writes the text that the device's key has to sign: the percent-encoded resource, a line feed, the expiry.
 * Base64 of its HMAC-SHA256, with the base64-decoded key, goes to
 * az_iot_provisioning_client_sas_get_password(). The key is that of an individual enrollment, or the one
 * derived for this device from that of a group: base64 of HMAC-SHA256 of the registration id.
 *
 *   token_expiration_epoch_time  seconds since 1970 UTC, > 0
 *   signature  the buffer; no NUL is written
 *   out_signature  its first bytes
 *
 * NOT_ENOUGH_SPACE.
 */
AZ_NODISCARD az_result az_iot_provisioning_client_sas_get_signature(az_iot_provisioning_client const *client,
                                                                    uint64_t token_expiration_epoch_time,
                                                                    az_span signature,
                                                                    az_span *out_signature);

/*
 * Writes the password of CONNECT,
 * "SharedAccessSignature sr={resource}&sig={signature}&se={expiry}[&skn={key name}]". With a certificate the
 * password is empty instead.
 *
 *   base64_hmac_sha256_signature  not empty; percent-encoded here
 *   token_expiration_epoch_time  the one that was signed; comes first in the function of the hub client
 *   key_name  written as it is; the service asks for "registration"; may be empty
 *   out_mqtt_password_length  may be NULL
 *
 * NOT_ENOUGH_SPACE. The password is a secret until it expires: wipe the buffer when CONNECT is sent.
 */
AZ_NODISCARD az_result az_iot_provisioning_client_sas_get_password(az_iot_provisioning_client const *client,
                                                                   az_span base64_hmac_sha256_signature,
                                                                   uint64_t token_expiration_epoch_time,
                                                                   az_span key_name, char *mqtt_password,
                                                                   size_t mqtt_password_size,
                                                                   size_t *out_mqtt_password_length);

/* Filter of all answers, to be subscribed with QoS 0 or 1. */
#define AZ_IOT_PROVISIONING_CLIENT_REGISTER_SUBSCRIBE_TOPIC "$dps/registrations/res/#"

/*
 * Where the registration stands. Each span is part of the answer, as it stands there: escapes of JSON are not
 * undone (az_json_string_unescape() does). Each is empty where the answer has no such member, or null.
 */
typedef struct {
        az_span assigned_hub_hostname;
        az_span device_id;            /* may differ from the registration id */
        az_iot_status error_code;     /* the first three digits of the next */
        uint32_t extended_error_code; /* of six digits; 0: none */
        az_span error_message;
        az_span error_tracking_id; /* what Microsoft's support asks for */
        az_span error_timestamp;   /* of the error, or of the last change of the registration */
        az_span payload;           /* of the allocation: the text of a JSON value, a string with its quotes */
        az_span substatus;         /* extension: how it came to be assigned, e.g. "deviceDataReset" */
} az_iot_provisioning_client_registration_state;

/* How far the registration has come. */
typedef enum {
        AZ_IOT_PROVISIONING_STATUS_UNASSIGNED, /* ask again */
        AZ_IOT_PROVISIONING_STATUS_ASSIGNING,  /* ask again */
        AZ_IOT_PROVISIONING_STATUS_ASSIGNED,   /* connect to the hub as the device */
        AZ_IOT_PROVISIONING_STATUS_FAILED,     /* the codes in the registration state say why */
        AZ_IOT_PROVISIONING_STATUS_DISABLED,   /* the enrollment is, until an operator enables it */
} az_iot_provisioning_client_operation_status;

/* An answer of the service. */
typedef struct {
        az_span operation_id; /* ask with it; empty in an answer that ends in an error */
        az_iot_status status; /* of the request, as in HTTP; that of the registration is the next */
        az_iot_provisioning_client_operation_status operation_status;
        uint32_t retry_after_seconds; /* before the next request; 0: the service does not say */
        az_iot_provisioning_client_registration_state registration_state;
} az_iot_provisioning_client_register_response;

/*
 * Parses an answer, "$dps/registrations/res/{status}/?$rid={id}[&retry-after={seconds}]" and its JSON.
 *
 *   received_topic  not empty
 *   received_payload  may be empty if the topic's status is an error
 *   out_response  spans into 'received_payload'; written only on success
 *
 * AZ_OK if the request was refused, too: then operation_status is FAILED, 'status' and the error members say
 * why, and az_iot_status_retriable(status) whether to ask again.
 *
 * TOPIC_NO_MATCH: another kind of topic. Otherwise it is no answer that the service makes, drop it:
 * UNEXPECTED_CHAR, UNEXPECTED_END: the topic is malformed, or the payload is not JSON, not an object, or has
 * a member of the wrong kind. JSON_NESTING_OVERFLOW: it nests too deeply. NOT_SUPPORTED: a registration
 * status that this library does not know. ITEM_NOT_FOUND: neither an error nor a registration status.
 *
 * Differs from azure-sdk-for-c, which
 *   - finds the prefix anywhere in the topic;
 *   - takes broken or cut JSON when the members that it needs come first;
 *   - fails if the registration state is null, if only one of hub and device is there, if one is null, or if
 *     the payload of the allocation is a string, a number, a boolean or an array;
 *   - fails if there is neither an operation id nor an error code, e.g. in an error without a body;
 *   - divides an error code by 1000, whatever its length: here one of three digits is the status itself, and
 *     of other lengths than three and six it is AZ_IOT_STATUS_UNKNOWN;
 *   - says UNEXPECTED_CHAR of a registration status that it does not know, and does not know "blacklisted",
 *     the old word for disabled.
 */
AZ_NODISCARD az_result az_iot_provisioning_client_parse_received_topic_and_payload(
        az_iot_provisioning_client const *client, az_span received_topic, az_span received_payload,
        az_iot_provisioning_client_register_response *out_response);

/* Extension. What the topic of an answer says by itself. */
typedef struct {
        az_iot_status status;
        az_span request_id; /* of the request; part of the topic */
        uint32_t retry_after_seconds;
} az_iot_provisioning_client_received_topic;

/*
 * Extension. Parses the topic of an answer alone, to tell whose answer it is. A request has its id from one
 * of the two functions below whose names end in _with_request_id, otherwise it is "1".
 *
 *   received_topic  not empty
 *   out_topic  a span into 'received_topic'; written only on success
 *
 * TOPIC_NO_MATCH: another kind of topic. UNEXPECTED_CHAR, UNEXPECTED_END: it is malformed; drop the message.
 */
AZ_NODISCARD az_result az_iot_provisioning_client_parse_received_topic(
        az_iot_provisioning_client const *client, az_span received_topic,
        az_iot_provisioning_client_received_topic *out_topic);

/* Says whether the registration has ended, one way or another. */
AZ_NODISCARD AZ_INLINE bool az_iot_provisioning_client_operation_complete(
        az_iot_provisioning_client_operation_status operation_status) {
        return operation_status > AZ_IOT_PROVISIONING_STATUS_ASSIGNING;
}

/*
 * Writes the topic of a registration request, "$dps/registrations/PUT/iotdps-register/?$rid=1".
 *
 *   out_mqtt_topic_length  may be NULL
 *
 * NOT_ENOUGH_SPACE.
 */
AZ_NODISCARD az_result az_iot_provisioning_client_register_get_publish_topic(
        az_iot_provisioning_client const *client, char *mqtt_topic, size_t mqtt_topic_size,
        size_t *out_mqtt_topic_length);

/*
 * Writes the topic that asks where a registration stands,
 * "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1&operationId={operation id}".
 *
 *   operation_id  of the answer to the registration request, not empty
 *   out_mqtt_topic_length  may be NULL
 *
 * NOT_ENOUGH_SPACE.
 */
AZ_NODISCARD az_result az_iot_provisioning_client_query_status_get_publish_topic(
        az_iot_provisioning_client const *client, az_span operation_id, char *mqtt_topic,
        size_t mqtt_topic_size, size_t *out_mqtt_topic_length);

/*
 * Extension. The same two topics with a request id of the caller's in place of 1, which the answer repeats:
 * with a fresh one for each request no late answer is taken for another.
 *
 *   request_id  not empty
 */
AZ_NODISCARD az_result az_iot_provisioning_client_register_get_publish_topic_with_request_id(
        az_iot_provisioning_client const *client, az_span request_id, char *mqtt_topic,
        size_t mqtt_topic_size, size_t *out_mqtt_topic_length);
AZ_NODISCARD az_result az_iot_provisioning_client_query_status_get_publish_topic_with_request_id(
        az_iot_provisioning_client const *client, az_span request_id, az_span operation_id, char *mqtt_topic,
        size_t mqtt_topic_size, size_t *out_mqtt_topic_length);

/* What to choose for the body of a registration request: nothing yet. */
typedef struct {
        struct {
                bool unused;
        } _internal;
} az_iot_provisioning_client_payload_options;

/* Returns the default options. */
AZ_NODISCARD az_iot_provisioning_client_payload_options
az_iot_provisioning_client_payload_options_default(void);

/*
 * Writes the body of a registration request, {"registrationId":"{id}"[,"payload":{custom payload}]}.
 *
 *   custom_payload_property  one JSON value for the allocation, copied as it is; may be empty
 *   options  not NULL
 *   mqtt_payload  no NUL is written
 *   out_mqtt_payload_length  may be NULL
 *
 * NOT_ENOUGH_SPACE. UNEXPECTED_CHAR, UNEXPECTED_END, JSON_NESTING_OVERFLOW: the custom payload is no JSON, or
 * the registration id no UTF-8.
 */
AZ_NODISCARD az_result az_iot_provisioning_client_register_get_request_payload(
        az_iot_provisioning_client const *client, az_span custom_payload_property,
        az_iot_provisioning_client_payload_options const *options, uint8_t *mqtt_payload,
        size_t mqtt_payload_size, size_t *out_mqtt_payload_length);

/*
 * Deprecated: the same, but for 'options', which must be NULL.
 */
AZ_NODISCARD az_result az_iot_provisioning_client_get_request_payload(
        az_iot_provisioning_client const *client, az_span custom_payload_property,
        az_iot_provisioning_client_payload_options const *options, uint8_t *mqtt_payload,
        size_t mqtt_payload_size, size_t *out_mqtt_payload_length);

_az_END_DECLS

#endif
