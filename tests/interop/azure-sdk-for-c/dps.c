/* SPDX-License-Identifier: MIT */

/* A device that provisions itself with a key of an enrollment group. */

#include "firmware-sign.h"

static az_result init(az_iot_provisioning_client *client, az_iot_provisioning_client_options const *options) {
        return az_iot_provisioning_client_init(
                client, AZ_SPAN_FROM_STR("global.azure-devices-provisioning.net"),
                AZ_SPAN_FROM_STR("0ne00ABCDEF"), AZ_SPAN_FROM_STR("pump-17"), options);
}

static void answer(char const *name, az_iot_provisioning_client const *client, char const *topic,
                   char const *payload) {
        az_iot_provisioning_client_register_response response;
        az_result rc = az_iot_provisioning_client_parse_received_topic_and_payload(
                client, az_span_create_from_str((char *) topic), az_span_create_from_str((char *) payload),
                &response);
        if (az_result_failed(rc)) {
                say_rc(name, rc);
                return;
        }
        printf("%s: status %d operation %d retry %u complete %d id [%.*s]\n", name, (int) response.status,
               (int) response.operation_status, (unsigned) response.retry_after_seconds,
               az_iot_provisioning_client_operation_complete(response.operation_status),
               SPAN(response.operation_id));
        az_iot_provisioning_client_registration_state const *const state = &response.registration_state;
        printf("%s.state: hub [%.*s] device [%.*s] error %d extended %u message [%.*s] tracking [%.*s] "
               "payload [%.*s]\n",
               name, SPAN(state->assigned_hub_hostname), SPAN(state->device_id), (int) state->error_code,
               (unsigned) state->extended_error_code, SPAN(state->error_message),
               SPAN(state->error_tracking_id), SPAN(state->payload));
        printf("%s.time: [%.*s]\n", name, SPAN(state->error_timestamp));
}

static void answer_fails(char const *name, az_iot_provisioning_client const *client, char const *payload) {
        az_iot_provisioning_client_register_response response;
        az_result rc = az_iot_provisioning_client_parse_received_topic_and_payload(
                client, AZ_SPAN_FROM_STR("$dps/registrations/res/200/?$rid=1"),
                az_span_create_from_str((char *) payload), &response);
        say_str(name, az_result_failed(rc) ? "failed" : "accepted");
}

static void connect_fields(void) {
        az_iot_provisioning_client client;
        az_iot_provisioning_client named;
        az_iot_provisioning_client_options options;
        char text[256];
        size_t length;

        if (az_result_failed(init(&client, NULL)))
                return;
        say_str("dps.version", AZ_IOT_PROVISIONING_SERVICE_VERSION);
        say_str("dps.subscribe", AZ_IOT_PROVISIONING_CLIENT_REGISTER_SUBSCRIBE_TOPIC);
        say_rc("dps.user-name.rc",
               az_iot_provisioning_client_get_user_name(&client, text, sizeof(text), &length));
        say_str("dps.user-name", text);
        say_int("dps.user-name-length", (long long) length);
        say_rc("dps.client-id.rc",
               az_iot_provisioning_client_get_client_id(&client, text, sizeof(text), &length));
        say_str("dps.client-id", text);
        say_rc("dps.user-name.small", az_iot_provisioning_client_get_user_name(&client, text, 20, &length));

        options = az_iot_provisioning_client_options_default();
        say_int("dps.options.user-agent-size", az_span_size(options.user_agent));
        options.user_agent = AZ_SPAN_FROM_STR("contoso-pump%2F3.1");
        if (az_result_succeeded(init(&named, &options)) &&
            az_result_succeeded(az_iot_provisioning_client_get_user_name(&named, text, sizeof(text), NULL))) {
                say_str("dps.user-name.agent", text);
        }
}

static void passwords(void) {
        az_iot_provisioning_client client;
        uint8_t buffer[256];
        uint8_t key_buffer[64];
        char text[256];
        size_t length;
        az_span to_sign = AZ_SPAN_FROM_BUFFER(buffer);
        az_span signature;

        if (az_result_failed(init(&client, NULL)))
                return;
        if (az_result_succeeded(
                    az_iot_provisioning_client_sas_get_signature(&client, EXPIRY, to_sign, &to_sign))) {
                int32_t lf = az_span_find(to_sign, AZ_SPAN_FROM_STR("\n"));
                say("dps.to-sign-uri", az_span_slice(to_sign, 0, lf));
                say("dps.to-sign-epoch", az_span_slice_to_end(to_sign, lf + 1));
        }
        signature = hmac_base64(AZ_SPAN_FROM_STR("AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="), to_sign,
                                AZ_SPAN_FROM_BUFFER(key_buffer));
        say("dps.signature", signature);
        if (az_result_succeeded(az_iot_provisioning_client_sas_get_password(&client, signature, EXPIRY,
                                                                            AZ_SPAN_FROM_STR("registration"),
                                                                            text, sizeof(text), &length))) {
                say_str("dps.password", text);
                say_int("dps.password-length", (long long) length);
        }
        if (az_result_succeeded(az_iot_provisioning_client_sas_get_password(
                    &client, signature, EXPIRY, AZ_SPAN_EMPTY, text, sizeof(text), &length))) {
                say_str("dps.password.no-policy", text);
        }
        say_rc("dps.password.small",
               az_iot_provisioning_client_sas_get_password(
                       &client, signature, EXPIRY, AZ_SPAN_FROM_STR("registration"), text, 40, &length));

        say("dps.derived",
            hmac_base64(AZ_SPAN_FROM_STR("8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/"
                                         "lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw=="),
                        AZ_SPAN_FROM_STR("sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6"),
                        AZ_SPAN_FROM_BUFFER(key_buffer)));
        say("dps.derived-own", hmac_base64(AZ_SPAN_FROM_STR("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIj"
                                                            "JCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="),
                                           AZ_SPAN_FROM_STR("pump-17"), AZ_SPAN_FROM_BUFFER(key_buffer)));
}

static void requests(void) {
        az_iot_provisioning_client client;
        az_iot_provisioning_client_payload_options payload_options =
                az_iot_provisioning_client_payload_options_default();
        uint8_t payload[256];
        char text[256];
        size_t length;

        if (az_result_failed(init(&client, NULL)))
                return;
        if (az_result_succeeded(az_iot_provisioning_client_register_get_publish_topic(
                    &client, text, sizeof(text), &length))) {
                say_str("dps.register", text);
                say_int("dps.register-length", (long long) length);
        }
        if (az_result_succeeded(az_iot_provisioning_client_query_status_get_publish_topic(
                    &client, AZ_SPAN_FROM_STR("5.0f3b6c8d2a1e4f70"), text, sizeof(text), &length))) {
                say_str("dps.query", text);
        }
        say_rc("dps.register.small",
               az_iot_provisioning_client_register_get_publish_topic(&client, text, 20, &length));

        if (az_result_succeeded(az_iot_provisioning_client_register_get_request_payload(
                    &client, AZ_SPAN_EMPTY, &payload_options, payload, sizeof(payload), &length))) {
                say("dps.payload", az_span_create(payload, (int32_t) length));
        }
        if (az_result_succeeded(az_iot_provisioning_client_register_get_request_payload(
                    &client, AZ_SPAN_FROM_STR("{\"modelId\":\"dtmi:contoso:Pump;1\",\"site\":\"north\"}"),
                    &payload_options, payload, sizeof(payload), &length))) {
                say("dps.payload.custom", az_span_create(payload, (int32_t) length));
        }
        if (az_result_succeeded(az_iot_provisioning_client_get_request_payload(
                    &client, AZ_SPAN_FROM_STR("{\"a\":1}"), NULL, payload, sizeof(payload), &length))) {
                say("dps.payload.old", az_span_create(payload, (int32_t) length));
        }
        say_rc("dps.payload.small", az_iot_provisioning_client_register_get_request_payload(
                                            &client, AZ_SPAN_EMPTY, &payload_options, payload, 10, &length));
}

static void answers(void) {
        az_iot_provisioning_client client;

        if (az_result_failed(init(&client, NULL)))
                return;
        answer("dps.accepted", &client, "$dps/registrations/res/202/?$rid=1&retry-after=3",
               "{\"operationId\":\"5.0f3b6c8d2a1e4f70.7d1f1c6e\",\"status\":\"assigning\"}");
        answer("dps.working", &client, "$dps/registrations/res/202/?$rid=1&retry-after=12",
               "{\"operationId\":\"5.0f3b\",\"status\":\"assigning\",\"registrationState\":{"
               "\"registrationId\":"
               "\"pump-17\",\"status\":\"assigning\"}}");
        answer("dps.no-retry", &client, "$dps/registrations/res/202/?$rid=1",
               "{\"operationId\":\"5.0f3b\",\"status\":\"unassigned\"}");
        answer("dps.assigned", &client, "$dps/registrations/res/200/?$rid=1",
               "{\"operationId\":\"5.0f3b\",\"status\":\"assigned\",\"registrationState\":{\n"
               "\"registrationId\":\"pump-17\",\"assignedHub\":\"hub-lab.azure-devices.net\",\"deviceId\":"
               "\"pump-17b\","
               "\"status\":\"assigned\",\"substatus\":\"initialAssignment\","
               "\"createdDateTimeUtc\":\"2026-03-09T07:15:30.1234567Z\","
               "\"lastUpdatedDateTimeUtc\":\"2026-03-09T07:15:31.0000001Z\","
               "\"etag\":\"IjAwMDA0MmY3\",\"symmetricKey\":{\"enrollmentGroupId\":\"pumps\"},"
               "\"payload\":{\"region\":\"weu\",\"sampleSeconds\":30}}}");
        answer("dps.assigned-null", &client, "$dps/registrations/res/200/?$rid=1",
               "{\"operationId\":\"5.0f3b\",\"status\":\"assigned\",\"registrationState\":{"
               "\"assignedHub\":\"h.net\",\"deviceId\":\"d\",\"payload\":null}}");
        answer("dps.failed", &client, "$dps/registrations/res/200/?$rid=1",
               "{\"operationId\":\"5.0f3b\",\"status\":\"failed\",\"registrationState\":{\"registrationId\":"
               "\"pump-17\","
               "\"status\":\"failed\",\"errorCode\":400207,\"errorMessage\":\"Custom allocation failed with "
               "status code: "
               "500\",\"lastUpdatedDateTimeUtc\":\"2026-03-09T07:15:33.0000000Z\"}}");
        answer("dps.disabled", &client, "$dps/registrations/res/200/?$rid=1",
               "{\"operationId\":\"5.0f3b\",\"status\":\"disabled\",\"registrationState\":{"
               "\"registrationId\":\"pump-17\","
               "\"status\":\"disabled\"}}");
        answer("dps.unauthorized", &client, "$dps/registrations/res/401/?$rid=1",
               "{\"errorCode\":401002,\"trackingId\":\"8c0d2c1e-77a1-4d6f-a0f1-4b7d9a3e5c10\",\"message\":"
               "\"Unauthorized\","
               "\"timestampUtc\":\"2026-03-09T07:15:30.5000000Z\"}");
        answer("dps.throttled", &client, "$dps/registrations/res/429/?$rid=1&retry-after=5",
               "{\"errorCode\":429001,\"trackingId\":\"t\",\"message\":\"m\",\"timestampUtc\":\"u\"}");
}

static void odd_answers(void) {
        az_iot_provisioning_client client;

        if (az_result_failed(init(&client, NULL)))
                return;
        answer("dps.no-match", &client, "$iothub/twin/res/200/?$rid=1", "{}");
        answer("dps.neither", &client, "$dps/registrations/res/200/?$rid=1", "{\"status\":\"assigned\"}");
        answer("dps.word", &client, "$dps/registrations/res/200/?$rid=1",
               "{\"operationId\":\"5\",\"status\":\"lost\"}");
        answer("dps.null-hub", &client, "$dps/registrations/res/200/?$rid=1",
               "{\"operationId\":\"5\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":null,"
               "\"deviceId\":"
               "\"d\"}}");
        answer_fails("dps.payload-string", &client,
                     "{\"operationId\":\"5\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":"
                     "\"h.net\",\"deviceId\":"
                     "\"d\",\"payload\":\"text\"}}");
        answer_fails("dps.payload-array", &client,
                     "{\"operationId\":\"5\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":"
                     "\"h.net\",\"deviceId\":"
                     "\"d\",\"payload\":[1,2]}}");
        answer_fails("dps.state-null", &client,
                     "{\"operationId\":\"5\",\"status\":\"assigning\",\"registrationState\":null}");
        answer_fails("dps.hub-only", &client,
                     "{\"operationId\":\"5\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":"
                     "\"h.net\"}}");
        answer_fails("dps.truncated", &client,
                     "{\"operationId\":\"5\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":"
                     "\"h.net\",\"deviceId\":"
                     "\"d\"}");
        answer_fails("dps.not-json", &client, "operationId");
}

#ifndef AZ_NO_PRECONDITION_CHECKING

/* The firmware's own mistakes. */
static void broken(void) {
        static az_iot_provisioning_client client;
        static az_iot_provisioning_client_payload_options options;
        static az_span const none = AZ_SPAN_LITERAL_EMPTY;
        static az_span const some = AZ_SPAN_LITERAL_FROM_STR("some");
        static char text[256];
        static uint8_t payload[256];

        options = az_iot_provisioning_client_payload_options_default();
        (void) !init(&client, NULL);
        SAY_BROKEN("dps.empty-scope", az_iot_provisioning_client_init(&client, some, none, some, NULL));
        SAY_BROKEN("dps.empty-operation", az_iot_provisioning_client_query_status_get_publish_topic(
                                                  &client, none, text, sizeof(text), NULL));
        SAY_BROKEN("dps.old-options", az_iot_provisioning_client_get_request_payload(
                                              &client, none, &options, payload, sizeof(payload), NULL));
}

#endif

int main(void) {
#ifndef AZ_NO_PRECONDITION_CHECKING
        az_precondition_failed_set_callback(on_precondition_failed);
        broken();
#endif
        connect_fields();
        passwords();
        requests();
        answers();
        odd_answers();
        return 0;
}
