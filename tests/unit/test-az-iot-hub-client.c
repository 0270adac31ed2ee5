/* SPDX-License-Identifier: MIT */
#include <azure/az_iot.h>

#include "unit-properties.h"

#define HOST  "hub-lab.azure-devices.net"
#define EPOCH UINT64_C(1893456000)
/* HMAC-SHA256 of the first text to be signed below, in base64; the key is the bytes 1 to 32. */
#define SIGNATURE  "skva+5dc1tXqjwbBB10W6Aon9alCD10WBtVPwNr3U1Q="
#define MODEL      "dtmi:contoso:Pump;1"
#define MODEL_TEXT "dtmi%3Acontoso%3APump%3B1"

static az_span optional_str(const char *text) {
        return text ? str(text) : AZ_SPAN_EMPTY;
}

/* What one row of the table below makes of these. */
typedef struct {
        const char *host, *device, *module, *user_agent, *model;
} Identity;

typedef enum {
        USER_NAME,
        CLIENT_ID,
        TO_SIGN,
        PASSWORD,
        TELEMETRY,
        METHOD_RESPONSE,
        COMMAND_RESPONSE,
        TWIN_DOCUMENT,
        TWIN_PATCH
} Text;

static az_result write_text(Text text, const az_iot_hub_client *client, char *buffer, size_t size,
                            size_t *length) {
        az_iot_message_properties properties;
        az_span to_sign;
        az_result r;

        switch (text) {
        case USER_NAME:
                return az_iot_hub_client_get_user_name(client, buffer, size, length);
        case CLIENT_ID:
                return az_iot_hub_client_get_client_id(client, buffer, size, length);
        case TO_SIGN:
                /* The one without a NUL; give it one, for the table's sake. */
                r = az_iot_hub_client_sas_get_signature(
                        client, EPOCH, az_span_create((uint8_t *) buffer, size > 0 ? (int32_t) size - 1 : 0),
                        &to_sign);
                if (r != AZ_OK)
                        return r;
                ck_assert_ptr_eq(az_span_ptr(to_sign), buffer);
                *length = (size_t) az_span_size(to_sign);
                buffer[*length] = '\0';
                return AZ_OK;
        case PASSWORD:
                return az_iot_hub_client_sas_get_password(client, EPOCH, str(SIGNATURE), AZ_SPAN_EMPTY,
                                                          buffer, size, length);
        case TELEMETRY:
                ck_assert_int_eq(az_iot_message_properties_init(&properties, str("%24.mid=7&a=b"), 13),
                                 AZ_OK);
                return az_iot_hub_client_telemetry_get_publish_topic(client, &properties, buffer, size,
                                                                     length);
        case METHOD_RESPONSE:
                return az_iot_hub_client_methods_response_get_publish_topic(client, str("1f"), 404, buffer,
                                                                            size, length);
        case COMMAND_RESPONSE:
                return az_iot_hub_client_commands_response_get_publish_topic(client, str("1f"), 200, buffer,
                                                                             size, length);
        case TWIN_DOCUMENT:
                return az_iot_hub_client_twin_document_get_publish_topic(client, str("g1"), buffer, size,
                                                                         length);
        case TWIN_PATCH:
                return az_iot_hub_client_twin_patch_get_publish_topic(client, str("r2"), buffer, size,
                                                                      length);
        }
        return AZ_ERROR_NOT_IMPLEMENTED;
}

static const struct {
        Text text;
        Identity identity;
        const char *expected;
} texts[] = {
        { USER_NAME, { HOST, "pump-17" }, HOST "/pump-17/?api-version=2020-09-30" },
        { USER_NAME,
          { HOST, "pump-17", NULL, "azsdk-c%2F1.6.0-beta.1", MODEL },
          HOST
          "/pump-17/?api-version=2020-09-30&DeviceClientType=azsdk-c%2F1.6.0-beta.1&model-id=" MODEL_TEXT },
        { USER_NAME, { HOST, "pump-17", "logger" }, HOST "/pump-17/logger/?api-version=2020-09-30" },
        { USER_NAME,
          { HOST, "pump-17", "logger", "agent" },
          HOST "/pump-17/logger/?api-version=2020-09-30&DeviceClientType=agent" },
        /* azure-sdk-for-c hangs in the buffers of 32 to 41 bytes that this is tried with below. */
        { USER_NAME, { "h.net", "dev", NULL, NULL, "m" }, "h.net/dev/?api-version=2020-09-30&model-id=m" },

        { CLIENT_ID, { HOST, "pump-17" }, "pump-17" },
        { CLIENT_ID, { HOST, "pump-17", "logger" }, "pump-17/logger" },
        { CLIENT_ID, { HOST, "pump#17@site" }, "pump#17@site" },

        { TO_SIGN, { HOST, "pump-17" }, HOST "%2Fdevices%2Fpump-17\n1893456000" },
        { TO_SIGN,
          { HOST, "pump-17", "logger" },
          HOST "%2Fdevices%2Fpump-17%2Fmodules%2Flogger\n1893456000" },
        { TO_SIGN, { HOST, "pump#17@site" }, HOST "%2Fdevices%2Fpump%2317%40site\n1893456000" },
        { TO_SIGN, { "localhost:8883", "d" }, "localhost%3A8883%2Fdevices%2Fd\n1893456000" },

        { PASSWORD,
          { HOST, "pump-17" },
          "SharedAccessSignature sr=" HOST "%2Fdevices%2Fpump-17"
          "&sig=skva%2B5dc1tXqjwbBB10W6Aon9alCD10WBtVPwNr3U1Q%3D&se=1893456000" },
        { PASSWORD,
          { HOST, "pump-17", "logger" },
          "SharedAccessSignature sr=" HOST "%2Fdevices%2Fpump-17%2Fmodules%2Flogger"
          "&sig=skva%2B5dc1tXqjwbBB10W6Aon9alCD10WBtVPwNr3U1Q%3D&se=1893456000" },

        { TELEMETRY, { HOST, "pump-17" }, "devices/pump-17/messages/events/%24.mid=7&a=b" },
        { TELEMETRY,
          { HOST, "pump-17", "logger" },
          "devices/pump-17/modules/logger/messages/events/%24.mid=7&a=b" },

        { METHOD_RESPONSE, { HOST, "pump-17" }, "$iothub/methods/res/404/?$rid=1f" },
        { COMMAND_RESPONSE, { HOST, "pump-17" }, "$iothub/methods/res/200/?$rid=1f" },
        { TWIN_DOCUMENT, { HOST, "pump-17" }, "$iothub/twin/GET/?$rid=g1" },
        { TWIN_DOCUMENT, { HOST, "pump-17", "logger" }, "$iothub/twin/GET/?$rid=g1" },
        { TWIN_PATCH, { HOST, "pump-17" }, "$iothub/twin/PATCH/properties/reported/?$rid=r2" },
        { TWIN_PATCH, { HOST, "pump-17", "logger" }, "$iothub/twin/PATCH/properties/reported/?$rid=r2" },
};

static az_iot_hub_client client_of(const Identity *identity) {
        az_iot_hub_client_options options = az_iot_hub_client_options_default();
        az_iot_hub_client client;

        options.module_id = optional_str(identity->module);
        options.user_agent = optional_str(identity->user_agent);
        options.model_id = optional_str(identity->model);
        ck_assert_int_eq(
                az_iot_hub_client_init(&client, str(identity->host), str(identity->device), &options), AZ_OK);
        return client;
}

/* Each size of the buffer from none to enough, at the end of its block so that the sanitizer sees a write
 * past it.
 */
START_TEST(text_is_written_whole_or_not_at_all) {
        az_iot_hub_client client = client_of(&texts[_i].identity);
        size_t needed = strlen(texts[_i].expected) + 1;
        _cleanup_(freep) char *block = malloc(needed + 1);

        for (size_t size = 0; size <= needed + 1; size++) {
                char *buffer = block + needed + 1 - size;
                size_t length = 12345;

                if (size < needed) {
                        ck_assert_int_eq(write_text(texts[_i].text, &client, buffer, size, &length),
                                         AZ_ERROR_NOT_ENOUGH_SPACE);
                        ck_assert_uint_eq(length, 12345);
                        continue;
                }
                ck_assert_int_eq(write_text(texts[_i].text, &client, buffer, size, &length), AZ_OK);
                ck_assert_uint_eq(length, needed - 1);
                ck_assert_str_eq(buffer, texts[_i].expected);
        }
}
END_TEST

START_TEST(the_length_may_be_left_out) {
        az_iot_hub_client client = client_of(&(Identity){ HOST, "pump-17" });
        char buffer[256];

        ck_assert_int_eq(az_iot_hub_client_get_user_name(&client, buffer, sizeof(buffer), NULL), AZ_OK);
        ck_assert_int_eq(az_iot_hub_client_get_client_id(&client, buffer, sizeof(buffer), NULL), AZ_OK);
        ck_assert_int_eq(
                az_iot_hub_client_telemetry_get_publish_topic(&client, NULL, buffer, sizeof(buffer), NULL),
                AZ_OK);
        ck_assert_str_eq(buffer, "devices/pump-17/messages/events/");
        ck_assert_int_eq(az_iot_hub_client_twin_document_get_publish_topic(&client, str("1"), buffer,
                                                                           sizeof(buffer), NULL),
                         AZ_OK);
}
END_TEST

START_TEST(a_size_beyond_that_of_spans_is_enough) {
        az_iot_hub_client client = client_of(&(Identity){ "h", "d" });
        char buffer[2];

        ck_assert_int_eq(az_iot_hub_client_get_client_id(&client, buffer, SIZE_MAX, NULL), AZ_OK);
        ck_assert_str_eq(buffer, "d");
}
END_TEST

START_TEST(without_options_the_user_agent_is_ours) {
        az_iot_hub_client client;
        char buffer[256];

        ck_assert_int_eq(az_iot_hub_client_init(&client, str(HOST), str("pump-17"), NULL), AZ_OK);
        ck_assert_int_eq(az_iot_hub_client_get_user_name(&client, buffer, sizeof(buffer), NULL), AZ_OK);
        ck_assert_str_eq(buffer,
                         HOST "/pump-17/?api-version=2020-09-30&DeviceClientType=azsdk-c%2F1.6.0-beta.1");
}
END_TEST

START_TEST(a_policy_is_named_last) {
        az_iot_hub_client client = client_of(&(Identity){ "h", "d" });
        char buffer[128];

        ck_assert_int_eq(az_iot_hub_client_sas_get_password(&client, UINT64_MAX, str("c2ln"), str("device"),
                                                            buffer, sizeof(buffer), NULL),
                         AZ_OK);
        ck_assert_str_eq(
                buffer,
                "SharedAccessSignature sr=h%2Fdevices%2Fd&sig=c2ln&se=18446744073709551615&skn=device");
}
END_TEST

static const struct {
        const char *topic;
        az_result result;
        const char *name, *request_id;
} topics[] = {
        { "$iothub/methods/POST/reboot/?$rid=1f", AZ_OK, "reboot", "1f" },
        { "$iothub/methods/POST/r/?$rid=1", AZ_OK, "r", "1" },
        { "$iothub/methods/POST/pump*start/?$rid=1", AZ_OK, "pump*start", "1" },
        { "$iothub/methods/POST/a/b/?$rid=1", AZ_OK, "a/b", "1" },
        { "$iothub/methods/POST/a%20b/?$rid=0x-Z_~", AZ_OK, "a%20b", "0x-Z_~" },
        { "$iothub/methods/POST/?/?$rid=1", AZ_OK, "?", "1" },
        { "$iothub/methods/POST/a/?$rid=1/?$rid=2", AZ_OK, "a", "1/?$rid=2" },

        { "$iothub/methods/POST/", AZ_ERROR_UNEXPECTED_CHAR },
        { "$iothub/methods/POST/reboot", AZ_ERROR_UNEXPECTED_CHAR },
        { "$iothub/methods/POST/reboot/", AZ_ERROR_UNEXPECTED_CHAR },
        { "$iothub/methods/POST/reboot/?$rid", AZ_ERROR_UNEXPECTED_CHAR },
        { "$iothub/methods/POST/reboot/?$rid=", AZ_ERROR_UNEXPECTED_CHAR },
        { "$iothub/methods/POST/reboot?$rid=1", AZ_ERROR_UNEXPECTED_CHAR },
        { "$iothub/methods/POST//?$rid=1", AZ_ERROR_UNEXPECTED_CHAR },
        { "$iothub/methods/POST/?$rid=1", AZ_ERROR_UNEXPECTED_CHAR },

        { "$iothub/methods/POST", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "$iothub/methods/post/reboot/?$rid=1", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "$iothub/methods/res/200/?$rid=1", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "$iothub/twin/res/200/?$rid=1", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "x", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        /* azure-sdk-for-c takes both for a method request. */
        { "x/$iothub/methods/POST/reboot/?$rid=1", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "devices/d/messages/devicebound/a=$iothub/methods/POST/b/?$rid=1", AZ_ERROR_IOT_TOPIC_NO_MATCH },
};

START_TEST(method_topic_is_parsed) {
        az_iot_hub_client client = client_of(&(Identity){ HOST, "pump-17" });
        az_iot_hub_client_method_request request = { .name = str("kept"), .request_id = str("kept") };

        ck_assert_int_eq(
                az_iot_hub_client_methods_parse_received_topic(&client, str(topics[_i].topic), &request),
                topics[_i].result);
        ck_assert_span_eq(request.name, topics[_i].name ?: "kept");
        ck_assert_span_eq(request.request_id, topics[_i].request_id ?: "kept");
}
END_TEST

static const struct {
        const char *topic;
        az_result result;
        const char *component, *command, *request_id;
} commands[] = {
        { "$iothub/methods/POST/pump*start/?$rid=1f", AZ_OK, "pump", "start", "1f" },
        { "$iothub/methods/POST/reboot/?$rid=1", AZ_OK, "", "reboot", "1" },
        { "$iothub/methods/POST/a*b*c/?$rid=1", AZ_OK, "a", "b*c", "1" },
        { "$iothub/methods/POST/*start/?$rid=1", AZ_OK, "", "*start", "1" },
        { "$iothub/methods/POST/*/?$rid=1", AZ_OK, "", "*", "1" },
        { "$iothub/methods/POST/pump*/?$rid=1", AZ_OK, "pump", "", "1" },
        { "$iothub/methods/POST/start/?$rid=a*b", AZ_OK, "", "start", "a*b" },

        { "$iothub/methods/POST/pump*start", AZ_ERROR_UNEXPECTED_CHAR },
        { "$iothub/twin/res/200/?$rid=1", AZ_ERROR_IOT_TOPIC_NO_MATCH },
};

START_TEST(command_topic_is_parsed) {
        az_iot_hub_client client = client_of(&(Identity){ HOST, "pump-17" });
        az_iot_hub_client_command_request request = {
                .component_name = str("kept"),
                .command_name = str("kept"),
                .request_id = str("kept"),
        };

        ck_assert_int_eq(
                az_iot_hub_client_commands_parse_received_topic(&client, str(commands[_i].topic), &request),
                commands[_i].result);
        ck_assert_span_eq(request.component_name, commands[_i].component ?: "kept");
        ck_assert_span_eq(request.command_name, commands[_i].command ?: "kept");
        ck_assert_span_eq(request.request_id, commands[_i].request_id ?: "kept");
}
END_TEST

#define C2D "devices/pump-17/messages/devicebound/"

static const struct {
        const char *topic;
        const char *read; /* "name>value;" of each property, "name;" of one without '='; NULL: no match */
} messages[] = {
        { C2D, "" },
        { C2D "%24.mid=c2d-0041&%24.to=%2Fdevices%2Fpump-17%2Fmessages%2FdeviceBound&line=3",
          "%24.mid>c2d-0041;%24.to>%2Fdevices%2Fpump-17%2Fmessages%2FdeviceBound;line>3;" },
        { C2D "a&b=&c=1", "a;b>;c>1;" },
        { C2D "a=1&a=2", "a>1;a>2;" },
        { C2D "?prop1&prop2=&prop3=a%20string", "prop1;prop2>;prop3>a%20string;" },
        { C2D "??a=1", "?a>1;" },
        { C2D "a=1&?b=2", "a>1;?b>2;" },
        { C2D "?", "" },
        { C2D "/a=1", "/a>1;" },

        { "devices/pump-17/messages/devicebound", NULL },
        { "devices/pump-17/messages/deviceBound/a=1", NULL },
        { "devices/pump-18/messages/devicebound/a=1", NULL },
        { "devices/pump-177/messages/devicebound/a=1", NULL },
        { "devices/pump-1/messages/devicebound/a=1", NULL },
        { "devices/PUMP-17/messages/devicebound/a=1", NULL },
        { "devices//messages/devicebound/a=1", NULL },
        { "devices/pump-17/modules/m/messages/devicebound/a=1", NULL },
        { "devices/pump-17/messages/events/a=1", NULL },
        { "devices/pump-17", NULL },
        { "devices/", NULL },
        { "x", NULL },
        { "$iothub/methods/POST/reboot/?$rid=1", NULL },
        /* azure-sdk-for-c takes both for a message. */
        { "x/" C2D "a=1", NULL },
        { "/messages/devicebound/a=1", NULL },
};

START_TEST(c2d_topic_is_parsed) {
        az_iot_hub_client client = client_of(&(Identity){ HOST, "pump-17" });
        az_iot_hub_client_c2d_request request;
        char read[128];

        ck_assert_int_eq(az_iot_message_properties_init(&request.properties, str("kept"), 4), AZ_OK);
        ck_assert_int_eq(
                az_iot_hub_client_c2d_parse_received_topic(&client, str(messages[_i].topic), &request),
                messages[_i].read ? AZ_OK : AZ_ERROR_IOT_TOPIC_NO_MATCH);
        ck_assert_int_eq(read_properties(&request.properties, read, sizeof(read)),
                         AZ_ERROR_IOT_END_OF_PROPERTIES);
        ck_assert_str_eq(read, messages[_i].read ?: "kept;");
}
END_TEST

#define RES  "$iothub/twin/res/"
#define WISH "$iothub/twin/PATCH/properties/desired/"

#define TYPE(type) AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_##type

static const struct {
        const char *topic;
        az_result result;
        az_iot_hub_client_twin_response_type type;
        int status;
        const char *request_id, *version;
} twin_topics[] = {
        { RES "200/?$rid=1f", AZ_OK, TYPE(GET), 200, "1f", "" },
        { RES "202/?$rid=1", AZ_OK, TYPE(GET), 202, "1", "" },
        { RES "200/?$rid=1&$version=7", AZ_OK, TYPE(GET), 200, "1", "" },
        { RES "204/?$rid=1&$version=12", AZ_OK, TYPE(REPORTED_PROPERTIES), 204, "1", "12" },
        { RES "204/?$version=12&$rid=1", AZ_OK, TYPE(REPORTED_PROPERTIES), 204, "1", "12" },
        { RES "204/?$rid=1", AZ_OK, TYPE(REPORTED_PROPERTIES), 204, "1", "" },
        { RES "204/?$rid=1&$version=", AZ_OK, TYPE(REPORTED_PROPERTIES), 204, "1", "" },
        { RES "400/?$rid=1", AZ_OK, TYPE(REQUEST_ERROR), 400, "1", "" },
        { RES "413/?$rid=1&$version=3", AZ_OK, TYPE(REQUEST_ERROR), 413, "1", "" },
        { RES "429/?$rid=1", AZ_OK, TYPE(REQUEST_ERROR), 429, "1", "" },
        { RES "503/?$rid=1", AZ_OK, TYPE(REQUEST_ERROR), 503, "1", "" },
        { RES "999/?$rid=1", AZ_OK, TYPE(REQUEST_ERROR), 999, "1", "" },
        { RES "000/?$rid=1", AZ_OK, TYPE(GET), 0, "1", "" },
        { RES "200/?$rid=a/b?c", AZ_OK, TYPE(GET), 200, "a/b?c", "" },
        { WISH "?$version=9223372036854775807", AZ_OK, TYPE(DESIRED_PROPERTIES), 200, "",
          "9223372036854775807" },
        { WISH "?$version=5&$rid=1", AZ_OK, TYPE(DESIRED_PROPERTIES), 200, "", "5" },
        { WISH "?$version=", AZ_OK, TYPE(DESIRED_PROPERTIES), 200, "", "" },
        { WISH "?", AZ_OK, TYPE(DESIRED_PROPERTIES), 200, "", "" },

        { RES "200/?$rid=", AZ_ERROR_ITEM_NOT_FOUND },
        { RES "200/?$rid", AZ_ERROR_ITEM_NOT_FOUND },
        { RES "200/?", AZ_ERROR_ITEM_NOT_FOUND },
        { RES "204/?$version=3", AZ_ERROR_ITEM_NOT_FOUND },
        { RES "200/?rid=1", AZ_ERROR_ITEM_NOT_FOUND },
        { RES "", AZ_ERROR_UNEXPECTED_END },
        { RES "20", AZ_ERROR_UNEXPECTED_END },
        { RES "200", AZ_ERROR_UNEXPECTED_END },
        { RES "200/", AZ_ERROR_UNEXPECTED_END },
        { RES "2x0/?$rid=1", AZ_ERROR_UNEXPECTED_CHAR },
        { RES "+20/?$rid=1", AZ_ERROR_UNEXPECTED_CHAR },
        { RES "20/?$rid=1", AZ_ERROR_UNEXPECTED_CHAR },
        { RES "2000/?$rid=1", AZ_ERROR_UNEXPECTED_CHAR },
        { RES "4294967496/?$rid=1", AZ_ERROR_UNEXPECTED_CHAR },
        { RES "200?$rid=1", AZ_ERROR_UNEXPECTED_CHAR },
        { RES "200//$rid=1", AZ_ERROR_UNEXPECTED_CHAR },
        { WISH "", AZ_ERROR_UNEXPECTED_END },
        { WISH "$version=5", AZ_ERROR_UNEXPECTED_CHAR },
        { WISH "x/?$version=5", AZ_ERROR_UNEXPECTED_CHAR },

        { "$iothub/twin/res", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "$iothub/twin/PATCH/properties/desired", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "$iothub/twin/PATCH/properties/reported/?$rid=1", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "$iothub/twin/GET/?$rid=1", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "$iothub/methods/POST/reboot/?$rid=1", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "x", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        /* azure-sdk-for-c takes both for answers. */
        { "x/" RES "200/?$rid=1", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "devices/d/messages/devicebound/a=" RES "200/?$rid=1", AZ_ERROR_IOT_TOPIC_NO_MATCH },
};

START_TEST(twin_topic_is_parsed) {
        az_iot_hub_client client = client_of(&(Identity){ HOST, "pump-17" });
        az_iot_hub_client_twin_response response = { .request_id = str("kept"), .version = str("kept") };

        ck_assert_int_eq(
                az_iot_hub_client_twin_parse_received_topic(&client, str(twin_topics[_i].topic), &response),
                twin_topics[_i].result);
        ck_assert_int_eq(response.response_type, twin_topics[_i].type);
        ck_assert_int_eq((int) response.status, twin_topics[_i].status);
        ck_assert_span_eq(response.request_id, twin_topics[_i].request_id ?: "kept");
        ck_assert_span_eq(response.version, twin_topics[_i].version ?: "kept");
}
END_TEST

static struct {
        az_log_classification classification;
        char text[128];
} logged;

static void on_log(az_log_classification classification, az_span message) {
        logged.classification = classification;
        az_span_to_str(logged.text, sizeof(logged.text), message);
}

START_TEST(topics_and_what_is_signed_are_logged) {
        az_iot_hub_client client = client_of(&(Identity){ "h", "d" });
        az_iot_hub_client_method_request request;
        uint8_t buffer[64];
        az_span to_sign;

        az_log_set_message_callback(on_log);
        ck_assert_int_eq(az_iot_hub_client_methods_parse_received_topic(
                                 &client, str("$iothub/methods/POST/m/?$rid=1"), &request),
                         AZ_OK);
        ck_assert_int_eq(logged.classification, AZ_LOG_MQTT_RECEIVED_TOPIC);
        ck_assert_str_eq(logged.text, "$iothub/methods/POST/m/?$rid=1");

        ck_assert_int_eq(
                az_iot_hub_client_sas_get_signature(&client, 7, AZ_SPAN_FROM_BUFFER(buffer), &to_sign),
                AZ_OK);
        ck_assert_int_eq(logged.classification, AZ_LOG_IOT_SAS_TOKEN);
        ck_assert_str_eq(logged.text, "h%2Fdevices%2Fd\n7");

        ck_assert_int_eq(az_iot_calculate_retry_delay(0, 0, 1, 1, 0), 1);
        ck_assert_int_eq(logged.classification, AZ_LOG_IOT_RETRY);
        az_log_set_message_callback(NULL);
}
END_TEST

static Suite *az_iot_hub_client_suite(void) {
        Suite *s = suite_create("az-iot-hub-client");
        TCase *t;

        t = tcase_create("texts");
        tcase_add_loop_test(t, text_is_written_whole_or_not_at_all, 0, ELEMENTSOF(texts));
        tcase_add_test(t, the_length_may_be_left_out);
        tcase_add_test(t, a_size_beyond_that_of_spans_is_enough);
        tcase_add_test(t, without_options_the_user_agent_is_ours);
        tcase_add_test(t, a_policy_is_named_last);
        suite_add_tcase(s, t);

        t = tcase_create("az_iot_hub_client_methods_parse_received_topic");
        tcase_add_loop_test(t, method_topic_is_parsed, 0, ELEMENTSOF(topics));
        suite_add_tcase(s, t);

        t = tcase_create("az_iot_hub_client_commands_parse_received_topic");
        tcase_add_loop_test(t, command_topic_is_parsed, 0, ELEMENTSOF(commands));
        suite_add_tcase(s, t);

        t = tcase_create("az_iot_hub_client_c2d_parse_received_topic");
        tcase_add_loop_test(t, c2d_topic_is_parsed, 0, ELEMENTSOF(messages));
        suite_add_tcase(s, t);

        t = tcase_create("az_iot_hub_client_twin_parse_received_topic");
        tcase_add_loop_test(t, twin_topic_is_parsed, 0, ELEMENTSOF(twin_topics));
        suite_add_tcase(s, t);

        t = tcase_create("hooks");
        tcase_add_test(t, topics_and_what_is_signed_are_logged);
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(az_iot_hub_client_suite)
