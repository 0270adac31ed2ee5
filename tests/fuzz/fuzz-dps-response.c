/* SPDX-License-Identifier: MIT */

/*
 * The input is an answer of the Device Provisioning Service: its topic, a line feed, its payload. What is
 * parsed must be parts of the two, and an answer that is taken must be JSON to its end.
 */

#include <stdlib.h>

#include <azure/az_core.h>
#include <azure/az_iot.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

/* What is empty is nowhere, or somewhere within. */
static void check_within(az_span part, az_span whole) {
        check(az_span_ptr(part) == NULL ||
              (az_span_ptr(part) >= az_span_ptr(whole) &&
               az_span_ptr(part) + az_span_size(part) <= az_span_ptr(whole) + az_span_size(whole)));
        check(az_span_ptr(part) != NULL || az_span_size(part) == 0);
}

static void check_state(const az_iot_provisioning_client_registration_state *state, az_span payload) {
        check_within(state->assigned_hub_hostname, payload);
        check_within(state->device_id, payload);
        check_within(state->error_message, payload);
        check_within(state->error_tracking_id, payload);
        check_within(state->error_timestamp, payload);
        check_within(state->payload, payload);
        check_within(state->substatus, payload);
        check(az_span_size(state->payload) == 0 || az_json_validate(state->payload) == AZ_OK);
        check((int) state->error_code >= 0 && (int) state->error_code <= 999);
}

static void check_answer(const az_iot_provisioning_client *client, az_span topic, az_span payload) {
        az_iot_provisioning_client_register_response answer;
        az_iot_provisioning_client_received_topic parsed;
        az_result r, of_topic;

        of_topic = az_iot_provisioning_client_parse_received_topic(client, topic, &parsed);
        r = az_iot_provisioning_client_parse_received_topic_and_payload(client, topic, payload, &answer);
        check(r == AZ_OK || r == AZ_ERROR_IOT_TOPIC_NO_MATCH || r == AZ_ERROR_UNEXPECTED_CHAR ||
              r == AZ_ERROR_UNEXPECTED_END || r == AZ_ERROR_JSON_NESTING_OVERFLOW ||
              r == AZ_ERROR_NOT_SUPPORTED || r == AZ_ERROR_ITEM_NOT_FOUND);
        if (of_topic != AZ_OK) {
                check(r == of_topic);
                return;
        }
        check_within(parsed.request_id, topic);
        if (r != AZ_OK)
                return;

        check(answer.status == parsed.status && (int) answer.status >= 0 && (int) answer.status <= 999);
        check(answer.retry_after_seconds == parsed.retry_after_seconds);
        check(answer.operation_status <= AZ_IOT_PROVISIONING_STATUS_DISABLED);
        check(az_span_size(payload) == 0 || az_json_validate(payload) == AZ_OK);
        check(az_span_size(payload) > 0 || answer.status >= AZ_IOT_STATUS_BAD_REQUEST);
        check_within(answer.operation_id, payload);
        check_state(&answer.registration_state, payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_iot_provisioning_client client;
        az_span input;
        int32_t n;

        if (size > 65535)
                return 0;
        input = az_span_create((uint8_t *) data, (int32_t) size);
        n = az_span_find(input, AZ_SPAN_FROM_STR("\n"));
        if (n <= 0)
                return 0;
        check(az_iot_provisioning_client_init(&client, AZ_SPAN_FROM_STR("h"), AZ_SPAN_FROM_STR("s"),
                                              AZ_SPAN_FROM_STR("d"), NULL) == AZ_OK);
        check_answer(&client, az_span_slice(input, 0, n), az_span_slice_to_end(input, n + 1));
        return 0;
}
