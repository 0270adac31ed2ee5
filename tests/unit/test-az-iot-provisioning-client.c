/* SPDX-License-Identifier: MIT */
#include <azure/az_iot.h>

#include "unit-span.h"

#define HOST  "global.azure-devices-provisioning.net"
#define SCOPE "0ne00ABCDEF"
#define EPOCH UINT64_C(1893456000)
/* HMAC-SHA256 of the first text to be signed below, in base64; the key is the bytes 1 to 32. */
#define SIGNATURE "JkxOusYpleBJvCL9hzL1mVsyTpRJp3YYgPA19nB+i6s="
#define OPERATION "5.0f3b6c8d2a1e4f70.7d1f1c6e-2c4a-4f0e-9a55-0b6d5f2c1a90"

static az_span optional_str(const char *text) {
        return text ? str(text) : AZ_SPAN_EMPTY;
}

/* Texts ----------------------------------------------------------------------------------------------- */

typedef enum {
        USER_NAME,
        CLIENT_ID,
        TO_SIGN,
        PASSWORD,
        REGISTER,
        REGISTER_WITH_ID,
        QUERY,
        QUERY_WITH_ID,
        BODY,
        BODY_DEPRECATED,
} Text;

/* What one row of the table below makes of these. */
typedef struct {
        const char *scope, *id, *user_agent, *payload;
} Identity;

static az_result write_body(Text text, const az_iot_provisioning_client *client, az_span payload,
                            char *buffer, size_t size, size_t *length) {
        az_iot_provisioning_client_payload_options options =
                az_iot_provisioning_client_payload_options_default();

        if (text == BODY_DEPRECATED)
                return az_iot_provisioning_client_get_request_payload(client, payload, NULL,
                                                                      (uint8_t *) buffer, size, length);
        return az_iot_provisioning_client_register_get_request_payload(client, payload, &options,
                                                                       (uint8_t *) buffer, size, length);
}

/* The two kinds without a NUL get one, for the table's sake: 'size' has room for it. */
static az_result write_bytes(Text text, const az_iot_provisioning_client *client, az_span payload,
                             char *buffer, size_t size, size_t *length) {
        size_t room = size > 0 ? size - 1 : 0;
        az_span to_sign;
        az_result r;

        if (text == TO_SIGN) {
                r = az_iot_provisioning_client_sas_get_signature(
                        client, EPOCH, az_span_create((uint8_t *) buffer, (int32_t) room), &to_sign);
                if (r == AZ_OK) {
                        ck_assert_ptr_eq(az_span_ptr(to_sign), buffer);
                        *length = (size_t) az_span_size(to_sign);
                }
        } else
                r = write_body(text, client, payload, buffer, room, length);
        if (r == AZ_OK)
                buffer[*length] = '\0';
        return r;
}

static az_result write_text(Text text, const az_iot_provisioning_client *client, az_span payload,
                            char *buffer, size_t size, size_t *length) {
        switch (text) {
        case USER_NAME:
                return az_iot_provisioning_client_get_user_name(client, buffer, size, length);
        case CLIENT_ID:
                return az_iot_provisioning_client_get_client_id(client, buffer, size, length);
        case PASSWORD:
                return az_iot_provisioning_client_sas_get_password(client, str(SIGNATURE), EPOCH,
                                                                   str("registration"), buffer, size, length);
        case REGISTER:
                return az_iot_provisioning_client_register_get_publish_topic(client, buffer, size, length);
        case REGISTER_WITH_ID:
                return az_iot_provisioning_client_register_get_publish_topic_with_request_id(
                        client, str("2f"), buffer, size, length);
        case QUERY:
                return az_iot_provisioning_client_query_status_get_publish_topic(client, str(OPERATION),
                                                                                 buffer, size, length);
        case QUERY_WITH_ID:
                return az_iot_provisioning_client_query_status_get_publish_topic_with_request_id(
                        client, str("2f"), str(OPERATION), buffer, size, length);
        case TO_SIGN:
        case BODY:
        case BODY_DEPRECATED:
                return write_bytes(text, client, payload, buffer, size, length);
        }
        return AZ_ERROR_NOT_IMPLEMENTED;
}

static const struct {
        Text text;
        Identity identity;
        const char *expected;
} texts[] = {
        { USER_NAME, { SCOPE, "pump-17" }, SCOPE "/registrations/pump-17/api-version=2019-03-31" },
        { USER_NAME,
          { SCOPE, "pump-17", "azsdk-c%2F1.6.0-beta.1" },
          SCOPE "/registrations/pump-17/api-version=2019-03-31&ClientVersion=azsdk-c%2F1.6.0-beta.1" },
        { USER_NAME, { "s", "a:b" }, "s/registrations/a:b/api-version=2019-03-31" },

        { CLIENT_ID, { SCOPE, "pump-17" }, "pump-17" },
        { CLIENT_ID, { SCOPE, "a:b_c.d-" }, "a:b_c.d-" },

        { TO_SIGN, { SCOPE, "pump-17" }, SCOPE "%2fregistrations%2fpump-17\n1893456000" },
        { TO_SIGN, { SCOPE, "a:b" }, SCOPE "%2fregistrations%2fa%3Ab\n1893456000" },
        { TO_SIGN, { "s/1", "d" }, "s%2F1%2fregistrations%2fd\n1893456000" },

        { PASSWORD,
          { SCOPE, "pump-17" },
          "SharedAccessSignature sr=" SCOPE "%2fregistrations%2fpump-17"
          "&sig=JkxOusYpleBJvCL9hzL1mVsyTpRJp3YYgPA19nB%2Bi6s%3D&se=1893456000&skn=registration" },
        { PASSWORD,
          { SCOPE, "a:b" },
          "SharedAccessSignature sr=" SCOPE "%2fregistrations%2fa%3Ab"
          "&sig=JkxOusYpleBJvCL9hzL1mVsyTpRJp3YYgPA19nB%2Bi6s%3D&se=1893456000&skn=registration" },

        { REGISTER, { SCOPE, "pump-17" }, "$dps/registrations/PUT/iotdps-register/?$rid=1" },
        { REGISTER_WITH_ID, { SCOPE, "pump-17" }, "$dps/registrations/PUT/iotdps-register/?$rid=2f" },
        { QUERY,
          { SCOPE, "pump-17" },
          "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1&operationId=" OPERATION },
        { QUERY_WITH_ID,
          { SCOPE, "pump-17" },
          "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2f&operationId=" OPERATION },

        { BODY, { SCOPE, "pump-17" }, "{\"registrationId\":\"pump-17\"}" },
        { BODY,
          { SCOPE, "pump-17", NULL, "{\"modelId\":\"dtmi:contoso:Pump;1\"}" },
          "{\"registrationId\":\"pump-17\",\"payload\":{\"modelId\":\"dtmi:contoso:Pump;1\"}}" },
        { BODY,
          { SCOPE, "pump-17", NULL, "[ 1.50, null ]" },
          "{\"registrationId\":\"pump-17\",\"payload\":[ 1.50, null ]}" },
        { BODY, { SCOPE, "d", NULL, "\"text\"" }, "{\"registrationId\":\"d\",\"payload\":\"text\"}" },
        { BODY, { SCOPE, "a\"b" }, "{\"registrationId\":\"a\\\"b\"}" },
        { BODY_DEPRECATED,
          { SCOPE, "pump-17", NULL, "{\"a\":1}" },
          "{\"registrationId\":\"pump-17\",\"payload\":{\"a\":1}}" },
};

static az_iot_provisioning_client client_of(const Identity *identity) {
        az_iot_provisioning_client_options options = az_iot_provisioning_client_options_default();
        az_iot_provisioning_client client;

        options.user_agent = optional_str(identity->user_agent);
        ck_assert_int_eq(az_iot_provisioning_client_init(&client, str(HOST), str(identity->scope),
                                                         str(identity->id), &options),
                         AZ_OK);
        return client;
}

/* Each size of the buffer from none to enough, at the end of its block so that the sanitizer sees a write
 * past it. */
START_TEST(text_is_written_whole_or_not_at_all) {
        az_iot_provisioning_client client = client_of(&texts[_i].identity);
        az_span payload = optional_str(texts[_i].identity.payload);
        size_t needed = strlen(texts[_i].expected) + 1;
        _cleanup_(freep) char *block = malloc(needed + 1);

        for (size_t size = 0; size <= needed + 1; size++) {
                char *buffer = block + needed + 1 - size;
                size_t length = 12345;

                if (size < needed) {
                        ck_assert_int_eq(write_text(texts[_i].text, &client, payload, buffer, size, &length),
                                         AZ_ERROR_NOT_ENOUGH_SPACE);
                        ck_assert_uint_eq(length, 12345);
                        continue;
                }
                ck_assert_int_eq(write_text(texts[_i].text, &client, payload, buffer, size, &length), AZ_OK);
                ck_assert_uint_eq(length, needed - 1);
                ck_assert_str_eq(buffer, texts[_i].expected);
        }
}
END_TEST

START_TEST(the_length_may_be_left_out) {
        az_iot_provisioning_client client = client_of(&(Identity){ SCOPE, "pump-17" });
        char buffer[256];

        for (Text text = USER_NAME; text <= BODY_DEPRECATED; text++) {
                memset(buffer, 0, sizeof(buffer));
                if (text == TO_SIGN)
                        continue; /* has no length */
                if (text == BODY || text == BODY_DEPRECATED)
                        ck_assert_int_eq(
                                write_body(text, &client, AZ_SPAN_EMPTY, buffer, sizeof(buffer), NULL),
                                AZ_OK);
                else
                        ck_assert_int_eq(
                                write_text(text, &client, AZ_SPAN_EMPTY, buffer, sizeof(buffer), NULL),
                                AZ_OK);
                ck_assert_uint_gt(strlen(buffer), 0);
        }
}
END_TEST

START_TEST(a_size_beyond_that_of_spans_is_enough) {
        az_iot_provisioning_client client = client_of(&(Identity){ "s", "d" });
        char buffer[32] = "";

        ck_assert_int_eq(az_iot_provisioning_client_get_client_id(&client, buffer, SIZE_MAX, NULL), AZ_OK);
        ck_assert_str_eq(buffer, "d");
        ck_assert_int_eq(write_body(BODY, &client, AZ_SPAN_EMPTY, buffer, SIZE_MAX, NULL), AZ_OK);
        ck_assert_str_eq(buffer, "{\"registrationId\":\"d\"}");
}
END_TEST

START_TEST(without_options_there_is_no_user_agent) {
        az_iot_provisioning_client client;
        char buffer[256];

        ck_assert_int_eq(
                az_iot_provisioning_client_init(&client, str(HOST), str(SCOPE), str("pump-17"), NULL), AZ_OK);
        ck_assert_int_eq(az_iot_provisioning_client_get_user_name(&client, buffer, sizeof(buffer), NULL),
                         AZ_OK);
        ck_assert_str_eq(buffer, SCOPE "/registrations/pump-17/api-version=2019-03-31");
}
END_TEST

START_TEST(without_a_key_name_none_is_written) {
        az_iot_provisioning_client client = client_of(&(Identity){ "s", "d" });
        char buffer[128];

        ck_assert_int_eq(az_iot_provisioning_client_sas_get_password(&client, str("c2ln"), UINT64_MAX,
                                                                     AZ_SPAN_EMPTY, buffer, sizeof(buffer),
                                                                     NULL),
                         AZ_OK);
        ck_assert_str_eq(buffer,
                         "SharedAccessSignature sr=s%2fregistrations%2fd&sig=c2ln&se=18446744073709551615");
}
END_TEST

static const struct {
        const char *id, *payload;
        az_result result;
} bad_bodies[] = {
        { "d", "{", AZ_ERROR_UNEXPECTED_END },      { "d", "{}x", AZ_ERROR_UNEXPECTED_CHAR },
        { "d", "nope", AZ_ERROR_UNEXPECTED_CHAR },  { "d", " ", AZ_ERROR_UNEXPECTED_END },
        { "\xff", NULL, AZ_ERROR_UNEXPECTED_CHAR },
};

START_TEST(a_body_that_would_not_be_json_is_refused) {
        az_iot_provisioning_client client = client_of(&(Identity){ SCOPE, bad_bodies[_i].id });
        char buffer[256];

        ck_assert_int_eq(
                write_body(BODY, &client, optional_str(bad_bodies[_i].payload), buffer, sizeof(buffer), NULL),
                bad_bodies[_i].result);
}
END_TEST

/* Answers --------------------------------------------------------------------------------------------- */

#define RES      "$dps/registrations/res/"
#define OK_TOPIC RES "200/?$rid=1"
#define WAIT_3   RES "202/?$rid=1&retry-after=3"
#define REFUSED  RES "401/?$rid=1"

#define STATUS(status) AZ_IOT_PROVISIONING_STATUS_##status

/* Assigned, as the service writes it. */
#define DATES                                                                                              \
        "\"createdDateTimeUtc\":\"2026-03-09T07:15:30.1Z\",\"lastUpdatedDateTimeUtc\":\"2026-03-09T07:15:" \
        "31.0Z\""
#define ASSIGNED_WITH(payload)                                                                             \
        "{\"operationId\":\"" OPERATION "\",\"status\":\"assigned\",\"registrationState\":{"               \
        "\"x509\":{\"enrollmentGroupId\":\"g\"},\"registrationId\":\"pump-17\"," DATES ","                 \
        "\"assignedHub\":\"hub-lab.azure-devices.net\",\"deviceId\":\"pump-17a\",\"status\":\"assigned\"," \
        "\"substatus\":\"initialAssignment\",\"etag\":\"IjA=\"" payload "}}"

#define STATE(members) "{\"status\":\"assigned\",\"registrationState\":{" members "}}"

static const struct {
        const char *topic, *payload;
        struct {
                int status, operation_status;
                unsigned retry_after_s;
                const char *operation_id, *hub, *device;
                int code;
                unsigned long extended_code;
                const char *message, *tracking_id, *timestamp, *payload,
                        *substatus; /* NULL: empty, as all texts */
        } expected;
} answers[] = {
        { WAIT_3,
          "{\"operationId\":\"" OPERATION "\",\"status\":\"assigning\"}",
          { 202, STATUS(ASSIGNING), 3, OPERATION } },
        { RES "202/?retry-after=10&$rid=1", "{\"status\":\"unassigned\"}", { 202, STATUS(UNASSIGNED), 10 } },
        { OK_TOPIC,
          ASSIGNED_WITH(""),
          { 200, STATUS(ASSIGNED), 0, OPERATION, "hub-lab.azure-devices.net", "pump-17a",
            .timestamp = "2026-03-09T07:15:31.0Z", .substatus = "initialAssignment" } },
        { OK_TOPIC,
          "{\"operationId\":\"5\",\"status\":\"failed\",\"registrationState\":{\"registrationId\":\"d\","
          "\"status\":\"failed\",\"errorCode\":400207,\"errorMessage\":\"Custom allocation failed with "
          "status "
          "code: 500\",\"lastUpdatedDateTimeUtc\":\"2026-03-09T07:15:33.0Z\"}}",
          { 200, STATUS(FAILED), 0, "5", NULL, NULL, 400, 400207,
            "Custom allocation failed with status code: 500", NULL, "2026-03-09T07:15:33.0Z" } },
        { OK_TOPIC,
          "{\"operationId\":\"5\",\"status\":\"disabled\",\"registrationState\":{\"registrationId\":\"d\","
          "\"status\":\"disabled\"}}",
          { 200, STATUS(DISABLED), 0, "5" } },
        { OK_TOPIC, "{\"status\":\"blacklisted\"}", { 200, STATUS(DISABLED) } },
        { REFUSED,
          "{\"errorCode\":401002,\"trackingId\":\"8c0d2c1e\",\"message\":\"Unauthorized\","
          "\"timestampUtc\":\"2026-03-09T07:15:30.5Z\"}",
          { 401, STATUS(FAILED), 0, NULL, NULL, NULL, 401, 401002, "Unauthorized", "8c0d2c1e",
            "2026-03-09T07:15:30.5Z" } },
        { RES "429/?$rid=1&retry-after=20",
          "{\"errorCode\":429001}",
          { 429, STATUS(FAILED), 20, .code = 429, .extended_code = 429001 } },

        /* An error is one with any body or none. */
        { RES "503/?$rid=1", "", { 503, STATUS(FAILED), .code = 503 } },
        { RES "500/?$rid=1", "{}", { 500, STATUS(FAILED), .code = 500 } },
        { RES "500/?$rid=1", "{\"message\":\"m\"}", { 500, STATUS(FAILED), .code = 500, .message = "m" } },
        { RES "429/?$rid=1",
          "{\"operationId\":\"5\",\"status\":\"assigning\"}",
          { 429, STATUS(ASSIGNING), 0, "5", .code = 429 } },
        { OK_TOPIC, "{\"errorCode\":400012}", { 200, STATUS(FAILED), .code = 400, .extended_code = 400012 } },

        /* Codes that have not six digits. */
        { REFUSED, "{\"errorCode\":401}", { 401, STATUS(FAILED), .code = 401, .extended_code = 401 } },
        { REFUSED, "{\"errorCode\":99}", { 401, STATUS(FAILED), .extended_code = 99 } },
        { REFUSED, "{\"errorCode\":4010}", { 401, STATUS(FAILED), .extended_code = 4010 } },
        { REFUSED, "{\"errorCode\":4010020}", { 401, STATUS(FAILED), .extended_code = 4010020 } },
        { REFUSED, "{\"errorCode\":4294967295}", { 401, STATUS(FAILED), .extended_code = 4294967295UL } },
        { REFUSED, "{\"errorCode\":0}", { 401, STATUS(FAILED), .code = 401 } },
        { REFUSED, "{\"errorCode\":null}", { 401, STATUS(FAILED), .code = 401 } },

        /* What is null is not there; neither is what is not. */
        { OK_TOPIC, "{\"status\":\"assigned\",\"registrationState\":null}", { 200, STATUS(ASSIGNED) } },
        { OK_TOPIC, "{\"status\":\"assigned\"}", { 200, STATUS(ASSIGNED) } },
        { OK_TOPIC, STATE(""), { 200, STATUS(ASSIGNED) } },
        { OK_TOPIC, STATE("\"assignedHub\":\"h\""), { 200, STATUS(ASSIGNED), .hub = "h" } },
        { OK_TOPIC, STATE("\"deviceId\":\"d\""), { 200, STATUS(ASSIGNED), .device = "d" } },
        { OK_TOPIC,
          STATE("\"assignedHub\":null,\"deviceId\":null,\"errorCode\":null,\"errorMessage\":null,"
                "\"payload\":null"),
          { 200, STATUS(ASSIGNED) } },
        { WAIT_3, "{\"operationId\":null,\"status\":\"assigning\"}", { 202, STATUS(ASSIGNING), 3 } },

        /* The payload of the allocation is of any kind. */
        { OK_TOPIC,
          STATE("\"payload\":{\"a\":[1,{}]}"),
          { 200, STATUS(ASSIGNED), .payload = "{\"a\":[1,{}]}" } },
        { OK_TOPIC, STATE("\"payload\": [ 1 , 2 ] "), { 200, STATUS(ASSIGNED), .payload = "[ 1 , 2 ]" } },
        { OK_TOPIC,
          STATE("\"payload\":\"te\\u0078t\""),
          { 200, STATUS(ASSIGNED), .payload = "\"te\\u0078t\"" } },
        { OK_TOPIC, STATE("\"payload\":-1.50e3"), { 200, STATUS(ASSIGNED), .payload = "-1.50e3" } },
        { OK_TOPIC, STATE("\"payload\":false"), { 200, STATUS(ASSIGNED), .payload = "false" } },
        { OK_TOPIC, STATE("\"payload\":{}"), { 200, STATUS(ASSIGNED), .payload = "{}" } },

        /* Members elsewhere, under other names, with escapes. */
        { OK_TOPIC,
          "{\"x\":{\"status\":\"failed\",\"registrationState\":{\"deviceId\":\"no\"}},"
          "\"status\":\"assigned\",\"registrationState\":{\"y\":[{\"deviceId\":\"no\"}],"
          "\"deviceId\":\"yes\"},\"z\":1,\"deviceId\":\"no\",\"Status\":\"failed\"}",
          { 200, STATUS(ASSIGNED), .device = "yes" } },
        { OK_TOPIC,
          " { \"stat\\u0075s\" : \"\\u0061ssigned\" , \"registrationState\" : { \"deviceId\" : "
          "\"a\\u002bb\" } } ",
          { 200, STATUS(ASSIGNED), .device = "a\\u002bb" } },
        { OK_TOPIC,
          "{\"registrationState\":{\"deviceId\":\"d\"},\"status\":\"assigned\"}",
          { 200, STATUS(ASSIGNED), .device = "d" } },
        { OK_TOPIC, "{\"status\":\"assigning\",\"status\":\"assigned\"}", { 200, STATUS(ASSIGNED) } },

        /* Topics */
        { RES "200/?", "{\"status\":\"assigning\"}", { 200, STATUS(ASSIGNING) } },
        { RES "202/?$rid=1&retry-after=4294967295",
          "{\"status\":\"assigning\"}",
          { 202, STATUS(ASSIGNING), 4294967295U } },
        { RES "202/?$rid=1&x=y&&z", "{\"status\":\"assigning\"}", { 202, STATUS(ASSIGNING) } },
};

START_TEST(answer_is_parsed) {
        az_iot_provisioning_client client = client_of(&(Identity){ SCOPE, "pump-17" });
        az_iot_provisioning_client_register_response a;

        ck_assert_int_eq(az_iot_provisioning_client_parse_received_topic_and_payload(
                                 &client, str(answers[_i].topic), str(answers[_i].payload), &a),
                         AZ_OK);
        ck_assert_int_eq((int) a.status, answers[_i].expected.status);
        ck_assert_int_eq((int) a.operation_status, answers[_i].expected.operation_status);
        ck_assert_uint_eq(a.retry_after_seconds, answers[_i].expected.retry_after_s);
        ck_assert_span_eq(a.operation_id, answers[_i].expected.operation_id ?: "");
        ck_assert_span_eq(a.registration_state.assigned_hub_hostname, answers[_i].expected.hub ?: "");
        ck_assert_span_eq(a.registration_state.device_id, answers[_i].expected.device ?: "");
        ck_assert_int_eq((int) a.registration_state.error_code, answers[_i].expected.code);
        ck_assert_uint_eq(a.registration_state.extended_error_code, answers[_i].expected.extended_code);
        ck_assert_span_eq(a.registration_state.error_message, answers[_i].expected.message ?: "");
        ck_assert_span_eq(a.registration_state.error_tracking_id, answers[_i].expected.tracking_id ?: "");
        ck_assert_span_eq(a.registration_state.error_timestamp, answers[_i].expected.timestamp ?: "");
        ck_assert_span_eq(a.registration_state.substatus, answers[_i].expected.substatus ?: "");
        ck_assert_span_eq(a.registration_state.payload, answers[_i].expected.payload ?: "");
}
END_TEST

#define DEEP "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["

static const struct {
        const char *topic, *payload;
        az_result result;
} bad_answers[] = {
        { OK_TOPIC, "", AZ_ERROR_UNEXPECTED_END },
        { OK_TOPIC, "  ", AZ_ERROR_UNEXPECTED_END },
        { OK_TOPIC, "[]", AZ_ERROR_UNEXPECTED_CHAR },
        { OK_TOPIC, "\"assigned\"", AZ_ERROR_UNEXPECTED_CHAR },
        { OK_TOPIC, "null", AZ_ERROR_UNEXPECTED_CHAR },
        { OK_TOPIC, "<html>", AZ_ERROR_UNEXPECTED_CHAR },
        { RES "503/?$rid=1", "<html>", AZ_ERROR_UNEXPECTED_CHAR },
        { OK_TOPIC, "{\"status\":\"assigned\"}x", AZ_ERROR_UNEXPECTED_CHAR },
        { OK_TOPIC, "{\"status\":\"assigned\"}{}", AZ_ERROR_UNEXPECTED_CHAR },
        { OK_TOPIC, "{\"status\":\"assigned\",}", AZ_ERROR_UNEXPECTED_CHAR },
        { OK_TOPIC, "{\"status\":\"assigned\",\"x\":" DEEP, AZ_ERROR_JSON_NESTING_OVERFLOW },

        { OK_TOPIC, "{}", AZ_ERROR_ITEM_NOT_FOUND },
        { OK_TOPIC, "{\"operationId\":\"5\"}", AZ_ERROR_ITEM_NOT_FOUND },
        { OK_TOPIC, "{\"status\":null}", AZ_ERROR_ITEM_NOT_FOUND },
        { OK_TOPIC, "{\"status\":\"promoted\"}", AZ_ERROR_NOT_SUPPORTED },
        { OK_TOPIC, "{\"status\":\"Assigned\"}", AZ_ERROR_NOT_SUPPORTED },
        { OK_TOPIC, "{\"status\":\"\"}", AZ_ERROR_NOT_SUPPORTED },

        { OK_TOPIC, "{\"status\":2}", AZ_ERROR_UNEXPECTED_CHAR },
        { OK_TOPIC, "{\"status\":\"assigned\",\"operationId\":5}", AZ_ERROR_UNEXPECTED_CHAR },
        { OK_TOPIC, "{\"status\":\"assigned\",\"operationId\":{}}", AZ_ERROR_UNEXPECTED_CHAR },
        { OK_TOPIC, "{\"status\":\"assigned\",\"registrationState\":[]}", AZ_ERROR_UNEXPECTED_CHAR },
        { OK_TOPIC, "{\"status\":\"assigned\",\"registrationState\":\"\"}", AZ_ERROR_UNEXPECTED_CHAR },
        { OK_TOPIC, STATE("\"deviceId\":1"), AZ_ERROR_UNEXPECTED_CHAR },
        { OK_TOPIC, STATE("\"assignedHub\":true"), AZ_ERROR_UNEXPECTED_CHAR },
        { OK_TOPIC, STATE("\"errorCode\":\"400207\""), AZ_ERROR_UNEXPECTED_CHAR },
        { OK_TOPIC, STATE("\"errorCode\":-1"), AZ_ERROR_UNEXPECTED_CHAR },
        { OK_TOPIC, STATE("\"errorCode\":1.5"), AZ_ERROR_UNEXPECTED_CHAR },
        { OK_TOPIC, STATE("\"errorCode\":4294967296"), AZ_ERROR_UNEXPECTED_CHAR },

        { RES "", "{}", AZ_ERROR_UNEXPECTED_END },
        { RES "200", "{}", AZ_ERROR_UNEXPECTED_END },
        { RES "200/$rid=1", "{}", AZ_ERROR_UNEXPECTED_CHAR },
        { RES "2000/?$rid=1", "{}", AZ_ERROR_UNEXPECTED_CHAR },
        { RES "20x/?$rid=1", "{}", AZ_ERROR_UNEXPECTED_CHAR },
        { RES "202/?$rid=1&retry-after=", "{\"status\":\"assigning\"}", AZ_ERROR_UNEXPECTED_END },
        { RES "202/?$rid=1&retry-after=soon", "{\"status\":\"assigning\"}", AZ_ERROR_UNEXPECTED_CHAR },
        { RES "202/?$rid=1&retry-after=4294967296", "{\"status\":\"assigning\"}", AZ_ERROR_UNEXPECTED_CHAR },

        { "$dps/registrations/res", "{}", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "$dps/registrations/PUT/iotdps-register/?$rid=1", "{}", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "$iothub/twin/res/200/?$rid=1", "{}", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "x/" OK_TOPIC, "{}", AZ_ERROR_IOT_TOPIC_NO_MATCH }, /* azure-sdk-for-c takes it for an answer */
};

START_TEST(what_is_no_answer_is_refused_and_nothing_is_written) {
        az_iot_provisioning_client client = client_of(&(Identity){ SCOPE, "pump-17" });
        az_iot_provisioning_client_register_response a = { .retry_after_seconds = 12345 };

        ck_assert_int_eq(az_iot_provisioning_client_parse_received_topic_and_payload(
                                 &client, str(bad_answers[_i].topic), str(bad_answers[_i].payload), &a),
                         bad_answers[_i].result);
        ck_assert_uint_eq(a.retry_after_seconds, 12345);
}
END_TEST

START_TEST(a_cut_answer_is_refused_wherever_it_is_cut) {
        const char *whole = ASSIGNED_WITH(",\"payload\":{\"region\":\"weu\",\"n\":[1,true,null]}");
        az_iot_provisioning_client client = client_of(&(Identity){ SCOPE, "pump-17" });
        az_iot_provisioning_client_register_response a;

        for (size_t n = 0; n < strlen(whole); n++) {
                _cleanup_(freep) char *cut = malloc(n + 1); /* ends where it is cut */

                memcpy(cut, whole, n);
                ck_assert_int_eq(
                        az_iot_provisioning_client_parse_received_topic_and_payload(
                                &client, str(OK_TOPIC), az_span_create((uint8_t *) cut, (int32_t) n), &a),
                        AZ_ERROR_UNEXPECTED_END);
        }
}
END_TEST

static const struct {
        const char *topic;
        az_result result;
        int status;
        const char *request_id;
        unsigned retry_after_s;
} topics[] = {
        { OK_TOPIC, AZ_OK, 200, "1" },
        { RES "202/?$rid=2f&retry-after=3", AZ_OK, 202, "2f", 3 },
        { RES "429/?retry-after=3&$rid=a/b?c", AZ_OK, 429, "a/b?c", 3 },
        { RES "500/?", AZ_OK, 500, "" },
        { RES "500/?$rid=", AZ_OK, 500, "" },
        { RES "500/?$rid", AZ_OK, 500, "" },
        { RES "200", AZ_ERROR_UNEXPECTED_END },
        { RES "200/?$rid=1&retry-after=x", AZ_ERROR_UNEXPECTED_CHAR },
        { "devices/d/messages/devicebound/", AZ_ERROR_IOT_TOPIC_NO_MATCH },
};

START_TEST(topic_alone_is_parsed) {
        az_iot_provisioning_client client = client_of(&(Identity){ SCOPE, "pump-17" });
        az_iot_provisioning_client_received_topic topic = { .request_id = str("kept") };

        ck_assert_int_eq(
                az_iot_provisioning_client_parse_received_topic(&client, str(topics[_i].topic), &topic),
                topics[_i].result);
        ck_assert_int_eq((int) topic.status, topics[_i].status);
        ck_assert_span_eq(topic.request_id, topics[_i].request_id ?: "kept");
        ck_assert_uint_eq(topic.retry_after_seconds, topics[_i].retry_after_s);
}
END_TEST

START_TEST(three_of_five_statuses_are_final) {
        ck_assert(!az_iot_provisioning_client_operation_complete(STATUS(UNASSIGNED)));
        ck_assert(!az_iot_provisioning_client_operation_complete(STATUS(ASSIGNING)));
        ck_assert(az_iot_provisioning_client_operation_complete(STATUS(ASSIGNED)));
        ck_assert(az_iot_provisioning_client_operation_complete(STATUS(FAILED)));
        ck_assert(az_iot_provisioning_client_operation_complete(STATUS(DISABLED)));
}
END_TEST

/* Hooks ----------------------------------------------------------------------------------------------- */

static struct {
        unsigned n;
        az_log_classification classification;
        char text[2][128];
} logged;

static void on_log(az_log_classification classification, az_span message) {
        logged.classification = classification;
        az_span_to_str(logged.text[logged.n++ % 2], sizeof(logged.text[0]), message);
}

START_TEST(answers_and_what_is_signed_are_logged) {
        az_iot_provisioning_client client = client_of(&(Identity){ "s", "d" });
        az_iot_provisioning_client_register_response a;
        uint8_t buffer[64];
        az_span to_sign;

        az_log_set_message_callback(on_log);
        ck_assert_int_eq(az_iot_provisioning_client_parse_received_topic_and_payload(
                                 &client, str(WAIT_3), str("{\"status\":\"assigning\"}"), &a),
                         AZ_OK);
        ck_assert_uint_eq(logged.n, 2);
        ck_assert_str_eq(logged.text[0], WAIT_3);
        ck_assert_str_eq(logged.text[1], "{\"status\":\"assigning\"}");
        ck_assert_int_eq(logged.classification, AZ_LOG_MQTT_RECEIVED_PAYLOAD);

        ck_assert_int_eq(az_iot_provisioning_client_sas_get_signature(&client, 7, AZ_SPAN_FROM_BUFFER(buffer),
                                                                      &to_sign),
                         AZ_OK);
        ck_assert_int_eq(logged.classification, AZ_LOG_IOT_SAS_TOKEN);
        ck_assert_str_eq(logged.text[0], "s%2fregistrations%2fd\n7");
        az_log_set_message_callback(NULL);
}
END_TEST

static Suite *az_iot_provisioning_client_suite(void) {
        Suite *s = suite_create("az-iot-provisioning-client");
        TCase *t;

        t = tcase_create("texts");
        tcase_add_loop_test(t, text_is_written_whole_or_not_at_all, 0, ELEMENTSOF(texts));
        tcase_add_test(t, the_length_may_be_left_out);
        tcase_add_test(t, a_size_beyond_that_of_spans_is_enough);
        tcase_add_test(t, without_options_there_is_no_user_agent);
        tcase_add_test(t, without_a_key_name_none_is_written);
        tcase_add_loop_test(t, a_body_that_would_not_be_json_is_refused, 0, ELEMENTSOF(bad_bodies));
        suite_add_tcase(s, t);

        t = tcase_create("answers");
        tcase_add_loop_test(t, answer_is_parsed, 0, ELEMENTSOF(answers));
        tcase_add_loop_test(t, what_is_no_answer_is_refused_and_nothing_is_written, 0,
                            ELEMENTSOF(bad_answers));
        tcase_add_test(t, a_cut_answer_is_refused_wherever_it_is_cut);
        tcase_add_loop_test(t, topic_alone_is_parsed, 0, ELEMENTSOF(topics));
        tcase_add_test(t, three_of_five_statuses_are_final);
        suite_add_tcase(s, t);

        t = tcase_create("hooks");
        tcase_add_test(t, answers_and_what_is_signed_are_logged);
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(az_iot_provisioning_client_suite)
