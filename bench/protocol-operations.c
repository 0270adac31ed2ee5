/* SPDX-License-Identifier: MIT */

#include "protocol-operations.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A span as a program makes one at run time, through the function and its precondition. */
#define SPAN(text) az_span_create((uint8_t *) (text), (int32_t) sizeof(text) - 1)

static const char host[] = "contoso.azure-devices.net";
static const char device_id[] = "dev1";
static const char signature[] = "cS1eHM/lDjsRsrZV9508wOFrgmZk4g8FNg8NwHVSiSQ=";
static const uint64_t expiry_s = 1893456000;

static const char c2d_topic[] = "devices/dev1/messages/devicebound/"
                                "%24.mid=8d5e0a1c-7a6b-4a57-a0a5-2b9e1d0c3f11"
                                "&%24.to=%2Fdevices%2Fdev1%2Fmessages%2FdeviceBound&abc=123&prio=high";
static const char method_topic[] = "$iothub/methods/POST/rebootDevice/?$rid=1a2b";
static const char command_topic[] = "$iothub/methods/POST/thermostat1*getMaxMinReport/?$rid=1a2b";
static const char twin_answer_topic[] = "$iothub/twin/res/204/?$rid=7f3&$version=42";
static const char twin_patch_topic[] = "$iothub/twin/PATCH/properties/desired/?$version=43";
static const char twin_json[] =
        "{\"desired\":{\"thermostat1\":{\"__t\":\"c\",\"targetTemperature\":23.5},\"telemetryInterval\":30,"
        "\"led\":{\"r\":1,\"g\":2,\"b\":3},\"$version\":7},\"reported\":{\"thermostat1\":{\"__t\":\"c\","
        "\"targetTemperature\":{\"value\":23.5,\"ac\":200,\"av\":6,\"ad\":\"ok\"}},"
        "\"manufacturer\":\"Contoso\",\"$version\":12}}";
static const char operation_id[] = "4.d0a671905ea5b2c8.42d78160-4c78-479e-8be7-61d5e55dac0d";
static const char assigned_topic[] = "$dps/registrations/res/200/?$rid=1";
static const char assigned_json[] =
        "{\"operationId\":\"4.d0a671905ea5b2c8.42d78160-4c78-479e-8be7-61d5e55dac0d\",\"status\":"
        "\"assigned\","
        "\"registrationState\":{\"x509\":{},\"registrationId\":\"registrationId\","
        "\"createdDateTimeUtc\":\"2020-04-10T03:11:13.0276997Z\",\"assignedHub\":\"contoso.azure-devices."
        "net\","
        "\"deviceId\":\"my-device-id1\",\"status\":\"assigned\",\"substatus\":\"initialAssignment\","
        "\"lastUpdatedDateTimeUtc\":\"2020-04-10T03:11:13.2096201Z\","
        "\"etag\":\"IjYxMDA4ZDQ2LTAwMDAtMDEwMC0wMDAwLTVlOGZlM2QxMDAwMCI=\"}}";
static const char assigning_topic[] = "$dps/registrations/res/202/?$rid=1&retry-after=3";
static const char assigning_json[] =
        "{\"operationId\":\"4.d0a671905ea5b2c8.42d78160-4c78-479e-8be7-61d5e55dac0d\","
        "\"status\":\"assigning\"}";
static const char telemetry_json[] =
        "{\"seq\":1000000042,\"deviceId\":\"dev1\",\"ts\":\"2026-01-01T00:00:00.000Z\",\"temperature\":21.53,"
        "\"humidity\":48.2,\"pressure\":1013.25,\"status\":\"ok\",\"tags\":[\"a\",\"b\",\"c\"],"
        "\"gps\":{\"lat\":52.3702,\"lon\":4.8952,\"alt\":3},\"note\":\""
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefgh\"}";

static inline void must(az_result result) {
        if (az_result_failed(result)) {
                fprintf(stderr, "An operation failed: 0x%" PRIx32 "\n", (uint32_t) result);
                abort();
        }
}

static void append_three_properties(az_iot_message_properties *properties) {
        must(az_iot_message_properties_append(properties, SPAN("%24.ct"), SPAN("application%2Fjson")));
        must(az_iot_message_properties_append(properties, SPAN("%24.ce"), SPAN("utf-8")));
        must(az_iot_message_properties_append(properties, SPAN("alert"), SPAN("false")));
}

void bench_init(Bench *b) {
        az_iot_hub_client_options options;

        *b = (Bench){
                .options = az_iot_hub_client_options_default(),
                .payload_options = az_iot_provisioning_client_payload_options_default(),
                .attempt = 3,
        };
        must(az_iot_hub_client_init(&b->hub, SPAN(host), SPAN(device_id), &b->options));

        b->component_names[0] = SPAN("thermostat1");
        options = b->options;
        options.user_agent = SPAN("azsdk-c%2F1.6.0");
        options.model_id = SPAN("dtmi:com:example:TemperatureController;1");
        options.component_names = b->component_names;
        options.component_names_length = 1;
        must(az_iot_hub_client_init(&b->component_hub, SPAN(host), SPAN(device_id), &options));

        must(az_iot_provisioning_client_init(&b->dps, SPAN("global.azure-devices-provisioning.net"),
                                             SPAN("0ne00000001"), SPAN("registrationId"), NULL));

        must(az_iot_message_properties_init(&b->three_properties,
                                            AZ_SPAN_FROM_BUFFER(b->three_properties_buffer), 0));
        append_three_properties(&b->three_properties);
}

/* Writes text as printf() does, with spans for '%.*s'. */
#define SHOW(b, ...) (void) snprintf((b)->text, sizeof((b)->text), __VA_ARGS__)
#define SHOWN(span)  az_span_size(span), (const char *) az_span_ptr(span)

static void show_nothing(Bench *b) {
        b->text[0] = '\0';
}

static void run_nothing(Bench *b) {
}

static void run_hub_init(Bench *b) {
        must(az_iot_hub_client_init(&b->new_client, SPAN(host), SPAN(device_id), &b->options));
}

static void show_hub_init(Bench *b) {
        must(az_iot_hub_client_get_client_id(&b->new_client, b->text, sizeof(b->text), NULL));
}

static void run_user_name(Bench *b) {
        must(az_iot_hub_client_get_user_name(&b->hub, b->text, sizeof(b->text), &b->n_text));
}

static void run_user_name_of_component(Bench *b) {
        must(az_iot_hub_client_get_user_name(&b->component_hub, b->text, sizeof(b->text), &b->n_text));
}

static void run_client_id(Bench *b) {
        must(az_iot_hub_client_get_client_id(&b->hub, b->text, sizeof(b->text), &b->n_text));
}

static void run_sas_signature(Bench *b) {
        must(az_iot_hub_client_sas_get_signature(&b->hub, expiry_s, AZ_SPAN_FROM_BUFFER(b->buffer),
                                                 &b->value));
}

static void show_value(Bench *b) {
        SHOW(b, "%.*s", SHOWN(b->value));
}

static void run_sas_password(Bench *b) {
        must(az_iot_hub_client_sas_get_password(&b->hub, expiry_s, SPAN(signature), AZ_SPAN_EMPTY, b->text,
                                                sizeof(b->text), &b->n_text));
}

static void run_telemetry_topic(Bench *b) {
        must(az_iot_hub_client_telemetry_get_publish_topic(&b->hub, NULL, b->text, sizeof(b->text),
                                                           &b->n_text));
}

static void run_telemetry_topic_with_properties(Bench *b) {
        must(az_iot_message_properties_init(&b->properties, AZ_SPAN_FROM_BUFFER(b->buffer), 0));
        append_three_properties(&b->properties);
        must(az_iot_hub_client_telemetry_get_publish_topic(&b->hub, &b->properties, b->text, sizeof(b->text),
                                                           &b->n_text));
}

static void run_telemetry_topic_with_built_properties(Bench *b) {
        must(az_iot_hub_client_telemetry_get_publish_topic(&b->hub, &b->three_properties, b->text,
                                                           sizeof(b->text), &b->n_text));
}

static void run_c2d(Bench *b) {
        must(az_iot_hub_client_c2d_parse_received_topic(&b->hub, SPAN(c2d_topic), &b->c2d));
}

static void show_c2d(Bench *b) {
        az_span name, value;

        must(az_iot_message_properties_next(&b->c2d.properties, &name, &value));
        SHOW(b, "%.*s=%.*s", SHOWN(name), SHOWN(value));
}

static void run_c2d_and_find(Bench *b) {
        must(az_iot_hub_client_c2d_parse_received_topic(&b->hub, SPAN(c2d_topic), &b->c2d));
        must(az_iot_message_properties_find(&b->c2d.properties, SPAN("prio"), &b->value));
}

static void run_method(Bench *b) {
        must(az_iot_hub_client_methods_parse_received_topic(&b->hub, SPAN(method_topic), &b->method));
}

static void show_method(Bench *b) {
        SHOW(b, "%.*s %.*s", SHOWN(b->method.name), SHOWN(b->method.request_id));
}

static void run_method_answer(Bench *b) {
        must(az_iot_hub_client_methods_response_get_publish_topic(&b->hub, SPAN("1a2b"), 200, b->text,
                                                                  sizeof(b->text), &b->n_text));
}

static void run_command(Bench *b) {
        must(az_iot_hub_client_commands_parse_received_topic(&b->hub, SPAN(command_topic), &b->command));
}

static void show_command(Bench *b) {
        SHOW(b, "%.*s %.*s %.*s", SHOWN(b->command.component_name), SHOWN(b->command.command_name),
             SHOWN(b->command.request_id));
}

static void run_command_answer(Bench *b) {
        must(az_iot_hub_client_commands_response_get_publish_topic(&b->hub, SPAN("1a2b"), 200, b->text,
                                                                   sizeof(b->text), &b->n_text));
}

static void run_twin_answer(Bench *b) {
        must(az_iot_hub_client_twin_parse_received_topic(&b->hub, SPAN(twin_answer_topic), &b->twin));
}

static void run_twin_patch(Bench *b) {
        must(az_iot_hub_client_twin_parse_received_topic(&b->hub, SPAN(twin_patch_topic), &b->twin));
}

static void show_twin(Bench *b) {
        SHOW(b, "type %d status %d id '%.*s' version %.*s", b->twin.response_type, b->twin.status,
             SHOWN(b->twin.request_id), SHOWN(b->twin.version));
}

static void run_twin_get_topic(Bench *b) {
        must(az_iot_hub_client_twin_document_get_publish_topic(&b->hub, SPAN("7f3"), b->text, sizeof(b->text),
                                                               &b->n_text));
}

static void run_twin_report_topic(Bench *b) {
        must(az_iot_hub_client_twin_patch_get_publish_topic(&b->hub, SPAN("7f3"), b->text, sizeof(b->text),
                                                            &b->n_text));
}

static void run_properties(Bench *b) {
        must(az_iot_hub_client_properties_parse_received_topic(&b->component_hub, SPAN(twin_patch_topic),
                                                               &b->properties_message));
}

static void show_properties(Bench *b) {
        SHOW(b, "type %d status %d id '%.*s'", b->properties_message.message_type,
             b->properties_message.status, SHOWN(b->properties_message.request_id));
}

#define GET_RESPONSE AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_GET_RESPONSE
#define WRITABLE     AZ_IOT_HUB_CLIENT_PROPERTY_WRITABLE

/* The version first, then each writable property of the document. */
static void run_properties_iteration(Bench *b) {
        az_json_reader *reader = &b->reader;
        az_span component;

        must(az_json_reader_init(reader, SPAN(twin_json), NULL));
        must(az_iot_hub_client_properties_get_properties_version(&b->component_hub, reader, GET_RESPONSE,
                                                                 &b->number));
        must(az_json_reader_init(reader, SPAN(twin_json), NULL));
        b->n_properties = 0;
        while (az_result_succeeded(az_iot_hub_client_properties_get_next_component_property(
                &b->component_hub, reader, GET_RESPONSE, WRITABLE, &component))) {
                must(az_json_reader_next_token(reader));
                if (reader->token.kind == AZ_JSON_TOKEN_BEGIN_OBJECT)
                        must(az_json_reader_skip_children(reader));
                must(az_json_reader_next_token(reader));
                b->n_properties++;
        }
}

static void show_properties_iteration(Bench *b) {
        SHOW(b, "%d of version %" PRId32, b->n_properties, b->number);
}

static void run_dps_user_name(Bench *b) {
        must(az_iot_provisioning_client_get_user_name(&b->dps, b->text, sizeof(b->text), &b->n_text));
}

static void run_dps_register_topic(Bench *b) {
        must(az_iot_provisioning_client_register_get_publish_topic(&b->dps, b->text, sizeof(b->text),
                                                                   &b->n_text));
}

static void run_dps_payload(Bench *b) {
        must(az_iot_provisioning_client_register_get_request_payload(
                &b->dps, AZ_SPAN_EMPTY, &b->payload_options, b->buffer, sizeof(b->buffer), &b->n_text));
}

static void show_buffer(Bench *b) {
        SHOW(b, "%.*s", (int) b->n_text, (const char *) b->buffer);
}

static void run_dps_query_topic(Bench *b) {
        must(az_iot_provisioning_client_query_status_get_publish_topic(&b->dps, SPAN(operation_id), b->text,
                                                                       sizeof(b->text), &b->n_text));
}

static void run_dps_assigned(Bench *b) {
        must(az_iot_provisioning_client_parse_received_topic_and_payload(&b->dps, SPAN(assigned_topic),
                                                                         SPAN(assigned_json), &b->answer));
}

static void show_dps_assigned(Bench *b) {
        SHOW(b, "status %d: %.*s at %.*s", b->answer.operation_status,
             SHOWN(b->answer.registration_state.device_id),
             SHOWN(b->answer.registration_state.assigned_hub_hostname));
}

static void run_dps_assigning(Bench *b) {
        must(az_iot_provisioning_client_parse_received_topic_and_payload(&b->dps, SPAN(assigning_topic),
                                                                         SPAN(assigning_json), &b->answer));
}

static void show_dps_assigning(Bench *b) {
        SHOW(b, "status %d, again in %" PRIu32 " s", b->answer.operation_status,
             b->answer.retry_after_seconds);
}

static void run_retry_delay(Bench *b) {
        b->number = az_iot_calculate_retry_delay(50, b->attempt, 1000, 100000, 500);
}

static void show_number(Bench *b) {
        SHOW(b, "%" PRId32, b->number);
}

static void run_json_read(Bench *b) {
        must(az_json_reader_init(&b->reader, SPAN(telemetry_json), NULL));
        while (az_result_succeeded(az_json_reader_next_token(&b->reader))) {
        }
}

static void show_reader(Bench *b) {
        az_result result = az_json_reader_next_token(&b->reader);

        SHOW(b, "%s, depth %" PRId32 ", token %d", result == AZ_ERROR_JSON_READER_DONE ? "done" : "an error",
             b->reader.current_depth, b->reader.token.kind);
}

static void run_json_write(Bench *b) {
        az_json_writer w;

        must(az_json_writer_init(&w, AZ_SPAN_FROM_BUFFER(b->buffer), NULL));
        must(az_json_writer_append_begin_object(&w));
        must(az_json_writer_append_property_name(&w, SPAN("seq")));
        must(az_json_writer_append_int32(&w, 1000000042));
        must(az_json_writer_append_property_name(&w, SPAN("deviceId")));
        must(az_json_writer_append_string(&w, SPAN("dev1")));
        must(az_json_writer_append_property_name(&w, SPAN("temperature")));
        must(az_json_writer_append_double(&w, 21.53, 2));
        must(az_json_writer_append_property_name(&w, SPAN("status")));
        must(az_json_writer_append_string(&w, SPAN("ok")));
        must(az_json_writer_append_end_object(&w));
        b->value = az_json_writer_get_bytes_used_in_destination(&w);
}

const Operation protocol_operations[] = {
        { "null", run_nothing, show_nothing, "" },
        { "hub_init", run_hub_init, show_hub_init, "dev1" },
        { "hub_get_user_name", run_user_name, NULL,
          "contoso.azure-devices.net/dev1/?api-version=2020-09-30&DeviceClientType=azsdk-c%2F1.6.0-beta.1" },
        { "hub_get_user_name_pnp_ua", run_user_name_of_component, NULL,
          "contoso.azure-devices.net/dev1/?api-version=2020-09-30&DeviceClientType=azsdk-c%2F1.6.0"
          "&model-id=dtmi%3Acom%3Aexample%3ATemperatureController%3B1" },
        { "hub_get_client_id", run_client_id, NULL, "dev1" },
        { "hub_sas_get_signature", run_sas_signature, show_value,
          "contoso.azure-devices.net%2Fdevices%2Fdev1\n1893456000" },
        { "hub_sas_get_password", run_sas_password, NULL,
          "SharedAccessSignature sr=contoso.azure-devices.net%2Fdevices%2Fdev1"
          "&sig=cS1eHM%2FlDjsRsrZV9508wOFrgmZk4g8FNg8NwHVSiSQ%3D&se=1893456000" },
        { "telemetry_topic_0props", run_telemetry_topic, NULL, "devices/dev1/messages/events/" },
        { "telemetry_topic_3props_build", run_telemetry_topic_with_properties, NULL,
          "devices/dev1/messages/events/%24.ct=application%2Fjson&%24.ce=utf-8&alert=false" },
        { "telemetry_topic_3props_prebuilt", run_telemetry_topic_with_built_properties, NULL,
          "devices/dev1/messages/events/%24.ct=application%2Fjson&%24.ce=utf-8&alert=false" },
        { "c2d_parse", run_c2d, show_c2d, "%24.mid=8d5e0a1c-7a6b-4a57-a0a5-2b9e1d0c3f11" },
        { "c2d_parse+find_prop", run_c2d_and_find, show_value, "high" },
        { "methods_parse", run_method, show_method, "rebootDevice 1a2b" },
        { "methods_response_topic", run_method_answer, NULL, "$iothub/methods/res/200/?$rid=1a2b" },
        { "commands_parse", run_command, show_command, "thermostat1 getMaxMinReport 1a2b" },
        { "commands_response_topic", run_command_answer, NULL, "$iothub/methods/res/200/?$rid=1a2b" },
        { "twin_parse_response", run_twin_answer, show_twin, "type 3 status 204 id '7f3' version 42" },
        { "twin_parse_patch", run_twin_patch, show_twin, "type 2 status 200 id '' version 43" },
        { "twin_document_topic", run_twin_get_topic, NULL, "$iothub/twin/GET/?$rid=7f3" },
        { "twin_patch_topic", run_twin_report_topic, NULL,
          "$iothub/twin/PATCH/properties/reported/?$rid=7f3" },
        { "properties_parse", run_properties, show_properties, "type 2 status 200 id ''" },
        { "properties_iterate_doc(320B)", run_properties_iteration, show_properties_iteration,
          "3 of version 7" },
        { "dps_get_user_name", run_dps_user_name, NULL,
          "0ne00000001/registrations/registrationId/api-version=2019-03-31" },
        { "dps_register_topic", run_dps_register_topic, NULL,
          "$dps/registrations/PUT/iotdps-register/?$rid=1" },
        { "dps_request_payload", run_dps_payload, show_buffer, "{\"registrationId\":\"registrationId\"}" },
        { "dps_query_topic", run_dps_query_topic, NULL,
          "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1"
          "&operationId=4.d0a671905ea5b2c8.42d78160-4c78-479e-8be7-61d5e55dac0d" },
        { "dps_parse_assigned(490B)", run_dps_assigned, show_dps_assigned,
          "status 2: my-device-id1 at contoso.azure-devices.net" },
        { "dps_parse_assigning", run_dps_assigning, show_dps_assigning, "status 1, again in 3 s" },
        { "calculate_retry_delay", run_retry_delay, show_number, "8450" },
        { "az_json_read_300B", run_json_read, show_reader, "done, depth 0, token 2" },
        { "az_json_write_4fields", run_json_write, show_value,
          "{\"seq\":1000000042,\"deviceId\":\"dev1\",\"temperature\":21.53,\"status\":\"ok\"}" },
};
const size_t n_protocol_operations = sizeof(protocol_operations) / sizeof(protocol_operations[0]);
