/* SPDX-License-Identifier: MIT */
#ifndef _az_IOT_ADU_CLIENT_H
#define _az_IOT_ADU_CLIENT_H

/*
 * Device Update for IoT Hub: the JSON that an update agent reports and is sent, as properties of the
 * component "deviceUpdate".
 *
 * The agent reports itself (az_iot_adu_client_get_agent_state_payload()). When the service wants an update it
 * changes the writable property "service": the agent parses that, answers whether it accepts, downloads what
 * the file URLs name, installs it and reports the result. It has to keep the workflow's id and retry time
 * stamp: a request that comes again with both as they were was carried out already.
 *
 * Downloading and installing are the agent's. So is what makes an update safe: it has to verify the signature
 * of the manifest (JSON Web Signature, RS256) before it believes a word of it, and the SHA-256 of each file
 * before it uses the file. Nothing here does either.
 *
 * Every function calls the precondition callback (azure/core/az_precondition.h) when a pointer is NULL that
 * may not be, a span is not well formed, or a count is beyond its array.
 *
 * Source: Device Update for IoT Hub documentation, "Device Update for IoT Hub and IoT Plug and Play" and
 * "Device Update update manifest".
 */

#include <azure/core/az_json.h>
#include <azure/iot/az_iot_hub_client.h>

_az_BEGIN_DECLS

/* How much the structs below hold; what is more gives NOT_ENOUGH_SPACE. */
#define _az_IOT_ADU_CLIENT_MAX_DEVICE_CUSTOM_PROPERTIES 5
#define _az_IOT_ADU_CLIENT_MAX_INSTRUCTIONS_STEPS       2
#define _az_IOT_ADU_CLIENT_MAX_FILE_COUNT_PER_STEP      2
#define _az_IOT_ADU_CLIENT_MAX_TOTAL_FILE_COUNT         2
#define _az_IOT_ADU_CLIENT_MAX_FILE_HASH_COUNT          2

/* The model that the device's own model has to extend, or announce as its model id. */
#define AZ_IOT_ADU_CLIENT_AGENT_MODEL_ID "dtmi:azure:iot:deviceUpdateContractModel;2"

/* The agent's version, as the service knows it. */
#define AZ_IOT_ADU_CLIENT_AGENT_VERSION "DU;agent/1.0.0"

/* The component's name. */
#define AZ_IOT_ADU_CLIENT_PROPERTIES_COMPONENT_NAME "deviceUpdate"

/* The device properties that tell the service which updates fit, comma-separated, unless options say more. */
#define AZ_IOT_ADU_CLIENT_AGENT_DEFAULT_COMPATIBILITY_PROPERTIES "manufacturer,model"

/* What the agent says to a request. */
typedef enum {
        AZ_IOT_ADU_CLIENT_REQUEST_DECISION_ACCEPT = 200,
        AZ_IOT_ADU_CLIENT_REQUEST_DECISION_REJECT = 406,
} az_iot_adu_client_request_decision;

/* What the agent is doing. */
typedef enum {
        AZ_IOT_ADU_CLIENT_AGENT_STATE_IDLE = 0, /* ready for a request; a result may be reported */
        AZ_IOT_ADU_CLIENT_AGENT_STATE_DEPLOYMENT_IN_PROGRESS = 6,
        AZ_IOT_ADU_CLIENT_AGENT_STATE_FAILED = 255,
} az_iot_adu_client_agent_state;

/* What the service wants. */
typedef enum {
        AZ_IOT_ADU_CLIENT_SERVICE_ACTION_APPLY_DEPLOYMENT = 3,
        AZ_IOT_ADU_CLIENT_SERVICE_ACTION_CANCEL = 255,
} az_iot_adu_client_service_action;

/* What an update is called. */
typedef struct {
        az_span provider;
        az_span name;
        az_span version;
} az_iot_adu_update_id;

/* Further properties of the device that tell which updates fit. */
typedef struct {
        az_span names[_az_IOT_ADU_CLIENT_MAX_DEVICE_CUSTOM_PROPERTIES];
        az_span values[_az_IOT_ADU_CLIENT_MAX_DEVICE_CUSTOM_PROPERTIES];
        int32_t count;
} az_iot_adu_device_custom_properties;

/* What the agent reports of the device. */
typedef struct {
        az_span manufacturer;
        az_span model;
        az_iot_adu_device_custom_properties *custom_properties; /* NULL: none */
        az_span adu_version;                                    /* AZ_IOT_ADU_CLIENT_AGENT_VERSION */
        az_span delivery_optimization_agent_version;            /* empty: there is no such agent */
        az_span update_id; /* of what is installed: {"provider":"…","name":"…","version":"…"}, not escaped;
                              empty: not known */
} az_iot_adu_client_device_properties;

/* How a step went. */
typedef struct {
        int32_t result_code; /* 700 is success */
        int32_t extended_result_code;
        az_span result_details; /* text for people, may be empty */
} az_iot_adu_client_step_result;

/* How an update went. */
typedef struct {
        int32_t result_code; /* 700 is success */
        int32_t extended_result_code;
        az_span result_details; /* text for people, may be empty */
        int32_t step_results_count;
        az_iot_adu_client_step_result step_results[_az_IOT_ADU_CLIENT_MAX_INSTRUCTIONS_STEPS];
} az_iot_adu_client_install_result;

/* Which deployment it is about. */
typedef struct {
        az_iot_adu_client_service_action action;
        az_span id;
        az_span retry_timestamp; /* empty: this is the first try */
} az_iot_adu_client_workflow;

/* Where a file is. */
typedef struct {
        az_span id;
        az_span url;
} az_iot_adu_client_file_url;

/* What the service asks for. */
typedef struct {
        az_iot_adu_client_workflow workflow;
        az_span update_manifest;           /* escaped JSON: az_json_string_unescape() */
        az_span update_manifest_signature; /* JSON Web Signature of the unescaped manifest */
        az_iot_adu_client_file_url file_urls[_az_IOT_ADU_CLIENT_MAX_TOTAL_FILE_COUNT];
        uint32_t file_urls_count;
} az_iot_adu_client_update_request;

/* What the handler of a step is told. */
typedef struct {
        az_span installed_criteria; /* what tells that the step has been done already */
} az_iot_adu_client_update_manifest_instructions_step_handler_properties;

/* A step of an update. */
typedef struct {
        az_span handler;                                           /* e.g. "microsoft/swupdate:1" */
        az_span files[_az_IOT_ADU_CLIENT_MAX_FILE_COUNT_PER_STEP]; /* their ids */
        uint32_t files_count;
        az_iot_adu_client_update_manifest_instructions_step_handler_properties handler_properties;
} az_iot_adu_client_update_manifest_instructions_step;

/* The steps, in their order. */
typedef struct {
        az_iot_adu_client_update_manifest_instructions_step steps[_az_IOT_ADU_CLIENT_MAX_INSTRUCTIONS_STEPS];
        uint32_t steps_count;
} az_iot_adu_client_update_manifest_instructions;

/* A digest of a file. */
typedef struct {
        az_span hash_type;  /* "sha256" */
        az_span hash_value; /* base64 */
} az_iot_adu_client_update_manifest_file_hash;

/* A file of an update. */
typedef struct {
        az_span id;
        az_span file_name;
        int64_t size_in_bytes;
        az_iot_adu_client_update_manifest_file_hash hashes[_az_IOT_ADU_CLIENT_MAX_FILE_HASH_COUNT];
        uint32_t hashes_count;
} az_iot_adu_client_update_manifest_file;

/* What an update consists of. */
typedef struct {
        az_span manifest_version;
        az_iot_adu_update_id update_id;
        az_iot_adu_client_update_manifest_instructions instructions;
        az_iot_adu_client_update_manifest_file files[_az_IOT_ADU_CLIENT_MAX_TOTAL_FILE_COUNT];
        uint32_t files_count;
        az_span create_date_time;
} az_iot_adu_client_update_manifest;

/* What az_iot_adu_client_init() may be told. */
typedef struct {
        az_span device_compatibility_properties; /* names of device properties, comma-separated */
} az_iot_adu_client_options;

/* An update agent; its members are private. */
typedef struct {
        struct {
                az_iot_adu_client_options options;
        } _internal;
} az_iot_adu_client;

/* Returns options with AZ_IOT_ADU_CLIENT_AGENT_DEFAULT_COMPATIBILITY_PROPERTIES. */
AZ_NODISCARD az_iot_adu_client_options az_iot_adu_client_options_default(void);

/* Returns device properties with AZ_IOT_ADU_CLIENT_AGENT_VERSION and nothing else. */
AZ_NODISCARD az_iot_adu_client_device_properties az_iot_adu_client_device_properties_default(void);

/*
 * Initializes 'client'. It keeps the span of the options: what it points to must outlive it.
 *
 *   options  NULL for the default
 *
 * Always AZ_OK.
 */
AZ_NODISCARD az_result az_iot_adu_client_init(az_iot_adu_client *client, az_iot_adu_client_options *options);

/* Tells whether 'component_name', as az_iot_hub_client_properties_get_next_component_property() tells it, is
 * that of Device Update. Name it in the component_names of the hub client's options. */
AZ_NODISCARD bool az_iot_adu_client_is_component_device_update(az_iot_adu_client *client,
                                                               az_span component_name);

/*
 * Writes the reported properties that tell the service of the agent, a JSON object with the component
 * "deviceUpdate". Publish it (az_iot_hub_client_properties_get_reported_publish_topic()) once connected and
 * whenever the state changes.
 *
 *   workflow  NULL: the agent has none
 *   last_install_result  NULL: there was none
 *   ref_json_writer  just initialized
 *
 * Errors: those of az_json_writer_append_string(), as NOT_ENOUGH_SPACE. What was written is then of no use.
 */
AZ_NODISCARD az_result az_iot_adu_client_get_agent_state_payload(
        az_iot_adu_client *client, az_iot_adu_client_device_properties *device_properties,
        az_iot_adu_client_agent_state agent_state, az_iot_adu_client_workflow *workflow,
        az_iot_adu_client_install_result *last_install_result, az_json_writer *ref_json_writer);

/*
 * Parses a request of the service, the writable property "service" of the component "deviceUpdate".
 *
 *   ref_json_reader  on the property's name, as az_iot_hub_client_properties_get_next_component_property()
 *                    left it; then it is moved to the last token of the property's value, from where that
 *                    function goes on. Or at the beginning of the component's object, which may be all of the
 *                    text; then it is moved to the object's end
 *   update_request  spans into the reader's buffer, texts with their escapes; written only on success. What
 *                   is missing or null is empty or 0, and a file whose URL is null is left out. The action
 *                   may be a number up to 255 that az_iot_adu_client_service_action does not name: reject it
 *
 * ITEM_NOT_FOUND: the reader is on the name of another property, or there is no request. NOT_ENOUGH_SPACE:
 * there are more files than the struct holds: reject the request. NOT_SUPPORTED: a text straddles chunks.
 * UNEXPECTED_CHAR: a value is of another kind. JSON_INVALID_STATE: the reader stands elsewhere. Others: those
 * of az_json_reader_next_token().
 */
AZ_NODISCARD az_result
az_iot_adu_client_parse_service_properties(az_iot_adu_client *client, az_json_reader *ref_json_reader,
                                           az_iot_adu_client_update_request *update_request);

/*
 * Writes the response to a request, a JSON object to be reported.
 *
 *   version  of the writable properties: az_iot_hub_client_properties_get_properties_version()
 *   ref_json_writer  just initialized
 *
 * Errors: as of az_iot_adu_client_get_agent_state_payload().
 */
AZ_NODISCARD az_result az_iot_adu_client_get_service_properties_response(
        az_iot_adu_client *client, int32_t version, az_iot_adu_client_request_decision status,
        az_json_writer *ref_json_writer);

/*
 * Parses the manifest of an update.
 *
 *   ref_json_reader  just initialized with the manifest, unescaped and its signature verified, or at the
 *                    beginning of its object; then it is moved to the object's end
 *   update_manifest  spans into the reader's buffer, texts with their escapes; written only on success. What
 *                    is missing or null is empty or 0
 *
 * NOT_ENOUGH_SPACE: there are more steps, files or digests than the struct holds: the update cannot be
 * installed. NOT_SUPPORTED: a text straddles chunks. UNEXPECTED_CHAR: a value is of another kind, or a size
 * is no number from 0 to 2^63 - 1. JSON_INVALID_STATE: the reader stands elsewhere. Others: those of
 * az_json_reader_next_token().
 */
AZ_NODISCARD az_result
az_iot_adu_client_parse_update_manifest(az_iot_adu_client *client, az_json_reader *ref_json_reader,
                                        az_iot_adu_client_update_manifest *update_manifest);

_az_END_DECLS

#endif
