/* SPDX-License-Identifier: MIT */
#ifndef _az_IOT_HUB_CLIENT_H
#define _az_IOT_HUB_CLIENT_H

/*
 * IoT Hub over MQTT 3.1.1: what a device or module puts into CONNECT, and the topics it publishes to and
 * hears. Works with any MQTT client. Buffers and preconditions: az_iot_common.h.
 *
 * Source: IoT Hub documentation, "Communicate with an IoT hub using the MQTT protocol".
 */

#include <azure/iot/az_iot_common.h>

_az_BEGIN_DECLS

/* What azure-sdk-for-c suggests; with 1 the hub acknowledges each message that it has stored. */
enum {
        AZ_HUB_CLIENT_DEFAULT_MQTT_TELEMETRY_QOS = 0,
};

/*
 * Path of MQTT over WebSockets (port 443, sub-protocol "mqtt"); the second one where the device has no
 * certificate, so that the hub does not ask for it.
 */
#define AZ_IOT_HUB_CLIENT_WEB_SOCKET_PATH "/$iothub/websocket"
#define AZ_IOT_HUB_CLIENT_WEB_SOCKET_PATH_NO_X509_CLIENT_CERT \
        AZ_IOT_HUB_CLIENT_WEB_SOCKET_PATH "?iothub-no-client-cert=true"

/* What az_iot_hub_client_init() may be told. Each span may be empty. */
typedef struct {
        az_span module_id;        /* the identity is a module of the device */
        az_span user_agent;       /* shown in the hub's diagnostic logs; percent-encoded by the caller */
        az_span model_id;         /* DTMI of the Plug and Play model, as it is */
        az_span *component_names; /* of the model; an array that outlives the client, as what it names */
        int32_t component_names_length;
} az_iot_hub_client_options;

/* The identity of a device or module at its hub; its members are private. */
typedef struct {
        struct {
                az_span iot_hub_hostname;
                az_span device_id;
                az_iot_hub_client_options options;
        } _internal;
} az_iot_hub_client;

/* Returns options with the user agent of this library and nothing else. */
AZ_NODISCARD az_iot_hub_client_options az_iot_hub_client_options_default(void);

/*
 * Initializes 'client'. It keeps the spans, of the options too: what they point to must outlive it.
 *
 *   iot_hub_hostname  e.g. "hub-lab.azure-devices.net"; not empty
 *   device_id  not empty
 *   options  NULL for the default
 *
 * Always AZ_OK.
 */
AZ_NODISCARD az_result az_iot_hub_client_init(az_iot_hub_client *client, az_span iot_hub_hostname,
                                              az_span device_id, az_iot_hub_client_options const *options);

/*
 * Writes the user name of CONNECT, "{host}/{device}[/{module}]/?api-version=2020-09-30", then
 * "&DeviceClientType=" and "&model-id=" where the options have them; the model id is percent-encoded.
 *
 *   mqtt_user_name_size  1024 is enough unless the user agent or the model id is very long
 *   out_mqtt_user_name_length  may be NULL
 *
 * NOT_ENOUGH_SPACE. Differs from azure-sdk-for-c, which hangs for some sizes that are too small.
 */
AZ_NODISCARD az_result az_iot_hub_client_get_user_name(az_iot_hub_client const *client, char *mqtt_user_name,
                                                       size_t mqtt_user_name_size,
                                                       size_t *out_mqtt_user_name_length);

/*
 * Writes the client id of CONNECT, "{device}[/{module}]".
 *
 *   mqtt_client_id_size  258 is always enough
 *   out_mqtt_client_id_length  may be NULL
 *
 * NOT_ENOUGH_SPACE.
 */
AZ_NODISCARD az_result az_iot_hub_client_get_client_id(az_iot_hub_client const *client, char *mqtt_client_id,
                                                       size_t mqtt_client_id_size,
                                                       size_t *out_mqtt_client_id_length);

/*
 * Writes the text that the device's key has to sign: the percent-encoded resource, a line feed, the expiry.
 * Base64 of its HMAC-SHA256, with the base64-decoded key, goes to az_iot_hub_client_sas_get_password().
 *
 *   token_expiration_epoch_time  seconds since 1970 UTC, > 0
 *   signature  the buffer; no NUL is written
 *   out_signature  its first bytes
 *
 * NOT_ENOUGH_SPACE.
 */
AZ_NODISCARD az_result az_iot_hub_client_sas_get_signature(az_iot_hub_client const *client,
                                                           uint64_t token_expiration_epoch_time,
                                                           az_span signature, az_span *out_signature);

/*
 * Writes the password of CONNECT,
 * "SharedAccessSignature sr={resource}&sig={signature}&se={expiry}[&skn={key name}]".
 *
 *   token_expiration_epoch_time  the one that was signed
 *   base64_hmac_sha256_signature  not empty; percent-encoded here
 *   key_name  policy that the key is of, written as it is; empty for the key of a device or module
 *   out_mqtt_password_length  may be NULL
 *
 * NOT_ENOUGH_SPACE. The password is a secret until it expires: wipe the buffer when CONNECT is sent.
 */
AZ_NODISCARD az_result az_iot_hub_client_sas_get_password(az_iot_hub_client const *client,
                                                          uint64_t token_expiration_epoch_time,
                                                          az_span base64_hmac_sha256_signature,
                                                          az_span key_name, char *mqtt_password,
                                                          size_t mqtt_password_size,
                                                          size_t *out_mqtt_password_length);

/*
 * Writes the topic of a telemetry message,
 * "devices/{device}[/modules/{module}]/messages/events/{properties}".
 *
 *   properties  NULL for none
 *   out_mqtt_topic_length  may be NULL
 *
 * NOT_ENOUGH_SPACE.
 */
AZ_NODISCARD az_result az_iot_hub_client_telemetry_get_publish_topic(
        az_iot_hub_client const *client, az_iot_message_properties const *properties, char *mqtt_topic,
        size_t mqtt_topic_size, size_t *out_mqtt_topic_length);

/* Filter of direct method requests, to be subscribed with QoS 0. */
#define AZ_IOT_HUB_CLIENT_METHODS_SUBSCRIBE_TOPIC "$iothub/methods/POST/#"

/* A direct method request. */
typedef struct {
        az_span request_id; /* opaque: give it back with the answer */
        az_span name;
} az_iot_hub_client_method_request;

/*
 * Parses the topic of a direct method request, "$iothub/methods/POST/{name}/?$rid={id}".
 *
 *   received_topic  not empty
 *   out_request  two spans into 'received_topic'; written only on success
 *
 * TOPIC_NO_MATCH: another kind of topic. UNEXPECTED_CHAR: a method topic without name or id; drop the
 * message. Differs from azure-sdk-for-c, which finds the prefix anywhere in the topic.
 */
AZ_NODISCARD az_result
az_iot_hub_client_methods_parse_received_topic(az_iot_hub_client const *client, az_span received_topic,
                                               az_iot_hub_client_method_request *out_request);

/*
 * Writes the topic of the answer to a direct method request, "$iothub/methods/res/{status}/?$rid={id}".
 *
 *   request_id  of the request, not empty
 *   status  what the caller in the cloud sees, as in HTTP
 *   out_mqtt_topic_length  may be NULL
 *
 * NOT_ENOUGH_SPACE. The payload has to be JSON or empty, or else the hub drops the connection.
 */
AZ_NODISCARD az_result az_iot_hub_client_methods_response_get_publish_topic(az_iot_hub_client const *client,
                                                                            az_span request_id,
                                                                            uint16_t status, char *mqtt_topic,
                                                                            size_t mqtt_topic_size,
                                                                            size_t *out_mqtt_topic_length);

/* Filter of command requests, which are direct method requests. */
#define AZ_IOT_HUB_CLIENT_COMMANDS_SUBSCRIBE_TOPIC AZ_IOT_HUB_CLIENT_METHODS_SUBSCRIBE_TOPIC

/* A Plug and Play command request: a direct method called "{component}*{command}" or "{command}". */
typedef struct {
        az_span request_id;     /* opaque: give it back with the answer */
        az_span component_name; /* empty: the default component */
        az_span command_name;   /* empty if the method's name ends with its first '*' */
} az_iot_hub_client_command_request;

/*
 * Parses the topic of a command request: as az_iot_hub_client_methods_parse_received_topic(), and splits the
 * name at its first '*'. A name that begins with '*' is that of a command of the default component.
 *
 *   received_topic  not empty
 *   out_request  spans into 'received_topic'; written only on success
 *
 * TOPIC_NO_MATCH, UNEXPECTED_CHAR: as there.
 */
AZ_NODISCARD az_result
az_iot_hub_client_commands_parse_received_topic(az_iot_hub_client const *client, az_span received_topic,
                                                az_iot_hub_client_command_request *out_request);

/* The same as az_iot_hub_client_methods_response_get_publish_topic(). */
AZ_NODISCARD az_result az_iot_hub_client_commands_response_get_publish_topic(
        az_iot_hub_client const *client, az_span request_id, uint16_t status, char *mqtt_topic,
        size_t mqtt_topic_size, size_t *out_mqtt_topic_length);

/* Filter of cloud-to-device messages, to be subscribed with QoS 1. A module has none. */
#define AZ_IOT_HUB_CLIENT_C2D_SUBSCRIBE_TOPIC "devices/+/messages/devicebound/#"

/* A cloud-to-device message. */
typedef struct {
        az_iot_message_properties properties; /* percent-encoded; of two with one name the first counts */
} az_iot_hub_client_c2d_request;

/*
 * Parses the topic of a cloud-to-device message, "devices/{device}/messages/devicebound/{properties}".
 *
 *   received_topic  not empty
 *   out_request  its properties lie in 'received_topic', less a '?' before the first, which the hub's
 *                documentation shows and hubs do not send; written only on success
 *
 * TOPIC_NO_MATCH: another kind of topic, or of another device. Differs from azure-sdk-for-c, which finds
 * "/messages/devicebound/" anywhere in the topic and leaves the '?' in the first name.
 *
 * PUBACK tells the hub that the message is done: acknowledge when nothing can lose it any more. The hub gives
 * a message again that is not acknowledged within a minute.
 */
AZ_NODISCARD az_result az_iot_hub_client_c2d_parse_received_topic(az_iot_hub_client const *client,
                                                                  az_span received_topic,
                                                                  az_iot_hub_client_c2d_request *out_request);

/* Filters of the hub's answers about the twin and of changes of desired properties, both with QoS 0. */
#define AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_SUBSCRIBE_TOPIC "$iothub/twin/res/#"
#define AZ_IOT_HUB_CLIENT_TWIN_PATCH_SUBSCRIBE_TOPIC    "$iothub/twin/PATCH/properties/desired/#"

/* What a message about the twin is. */
typedef enum {
        AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_GET = 1,                 /* the twin, as the payload */
        AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_DESIRED_PROPERTIES = 2,  /* a change, as the payload */
        AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_REPORTED_PROPERTIES = 3, /* a patch was taken */
        AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_REQUEST_ERROR = 4,       /* the payload may say more */
} az_iot_hub_client_twin_response_type;

/* A message about the twin. */
typedef struct {
        az_span request_id; /* of the request that it answers; empty if DESIRED_PROPERTIES */
        az_iot_hub_client_twin_response_type response_type;
        az_iot_status
                status;  /* 200 if DESIRED_PROPERTIES; may be a number that az_iot_status does not name */
        az_span version; /* decimal; of DESIRED_ and REPORTED_PROPERTIES only, empty where it is missing */
} az_iot_hub_client_twin_response;

/*
 * Parses the topic of an answer about the twin, "$iothub/twin/res/{status}/?$rid={id}[&$version={version}]",
 * or of a change of desired properties, "$iothub/twin/PATCH/properties/desired/?$version={version}".
 *
 * The status decides what an answer is: from 400 on REQUEST_ERROR, 204 REPORTED_PROPERTIES, any other GET.
 *
 *   received_topic  not empty
 *   out_response  spans into 'received_topic'; written only on success
 *
 * TOPIC_NO_MATCH: another kind of topic. UNEXPECTED_CHAR, UNEXPECTED_END: the status is not three digits with
 * "/?" behind them, or what follows "desired/" does not begin with '?'. ITEM_NOT_FOUND: an answer without
 * $rid. Drop the message. Differs from azure-sdk-for-c, which finds the prefixes anywhere in the topic,
 * refuses a change without $version, and fails a precondition if the topic ends behind "{status}/".
 */
AZ_NODISCARD az_result
az_iot_hub_client_twin_parse_received_topic(az_iot_hub_client const *client, az_span received_topic,
                                            az_iot_hub_client_twin_response *out_response);

/*
 * Writes the topic that asks for the twin, "$iothub/twin/GET/?$rid={id}". The payload is empty.
 *
 *   request_id  chosen by the caller, letters and digits, not empty; comes back in the answer
 *   out_mqtt_topic_length  may be NULL
 *
 * NOT_ENOUGH_SPACE. The answer is lost unless its filter was granted before.
 */
AZ_NODISCARD az_result az_iot_hub_client_twin_document_get_publish_topic(az_iot_hub_client const *client,
                                                                         az_span request_id, char *mqtt_topic,
                                                                         size_t mqtt_topic_size,
                                                                         size_t *out_mqtt_topic_length);

/*
 * Writes the topic of a patch of reported properties, "$iothub/twin/PATCH/properties/reported/?$rid={id}".
 * The payload is a JSON object without names that begin with '$'; null removes what it names.
 *
 * Parameters and results as of az_iot_hub_client_twin_document_get_publish_topic().
 */
AZ_NODISCARD az_result az_iot_hub_client_twin_patch_get_publish_topic(az_iot_hub_client const *client,
                                                                      az_span request_id, char *mqtt_topic,
                                                                      size_t mqtt_topic_size,
                                                                      size_t *out_mqtt_topic_length);

/*
 * Filters of messages about properties, as Plug and Play calls the twin: answers, and changes of writable
 * properties; both with QoS 0.
 */
#define AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_SUBSCRIBE_TOPIC AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_SUBSCRIBE_TOPIC
#define AZ_IOT_HUB_CLIENT_PROPERTIES_WRITABLE_UPDATES_SUBSCRIBE_TOPIC \
        AZ_IOT_HUB_CLIENT_TWIN_PATCH_SUBSCRIBE_TOPIC

/* What a message about properties is; az_iot_hub_client_properties.h reads the payload of the first two. */
typedef enum {
        AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_GET_RESPONSE = 1,     /* all of them, as the payload */
        AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_WRITABLE_UPDATED = 2, /* a change, as the payload */
        AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_ACKNOWLEDGEMENT = 3,  /* reported properties were taken */
        AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_ERROR = 4,            /* the payload may say more */
} az_iot_hub_client_properties_message_type;

/* A message about properties. */
typedef struct {
        az_iot_hub_client_properties_message_type message_type;
        az_iot_status status; /* 200 if WRITABLE_UPDATED; may be a number that az_iot_status does not name */
        az_span request_id;   /* of the request that it answers; empty if WRITABLE_UPDATED */
} az_iot_hub_client_properties_message;

/*
 * Parses the topic of a message about properties: as az_iot_hub_client_twin_parse_received_topic(), under the
 * names of Plug and Play.
 *
 *   received_topic  not empty
 *   out_message  a span into 'received_topic'; written only on success
 *
 * Results as there.
 */
AZ_NODISCARD az_result
az_iot_hub_client_properties_parse_received_topic(az_iot_hub_client const *client, az_span received_topic,
                                                  az_iot_hub_client_properties_message *out_message);

/* The same as az_iot_hub_client_twin_document_get_publish_topic(): the topic that asks for all properties. */
AZ_NODISCARD az_result az_iot_hub_client_properties_document_get_publish_topic(
        az_iot_hub_client const *client, az_span request_id, char *mqtt_topic, size_t mqtt_topic_size,
        size_t *out_mqtt_topic_length);

/* The same as az_iot_hub_client_twin_patch_get_publish_topic(): the topic of a patch of reported properties.
 */
AZ_NODISCARD az_result az_iot_hub_client_properties_get_reported_publish_topic(
        az_iot_hub_client const *client, az_span request_id, char *mqtt_topic, size_t mqtt_topic_size,
        size_t *out_mqtt_topic_length);

_az_END_DECLS

#endif
