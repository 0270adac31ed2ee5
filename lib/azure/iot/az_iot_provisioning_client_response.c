/* SPDX-License-Identifier: MIT */
#include <azure/core/az_json.h>
#include <azure/core/az_log_internal.h>
#include <azure/core/az_precondition_internal.h>
#include <azure/iot/az_iot_provisioning_client.h>
#include <azure/iot/az_iot_text_internal.h>

typedef az_iot_provisioning_client_received_topic answer_topic;
typedef az_iot_provisioning_client_register_response answer;

static az_result parse_topic(az_span topic, answer_topic *out_topic) {
        answer_topic parsed = { .request_id = AZ_SPAN_LITERAL_EMPTY };
        az_iot_message_properties bag;
        az_span rest = topic, name, value;
        az_result r;

        if (!_az_iot_topic_skip_prefix(&rest, AZ_SPAN_FROM_STR("$dps/registrations/res/")))
                return AZ_ERROR_IOT_TOPIC_NO_MATCH;
        r = _az_iot_topic_read_status(&rest, &parsed.status);
        if (az_result_failed(r))
                return r;

        r = az_iot_message_properties_init(&bag, rest, az_span_size(rest));
        while (az_result_succeeded(r) &&
               az_result_succeeded(az_iot_message_properties_next(&bag, &name, &value))) {
                if (az_span_is_content_equal(name, AZ_SPAN_FROM_STR("$rid")))
                        parsed.request_id = value;
                else if (az_span_is_content_equal(name, AZ_SPAN_FROM_STR("retry-after")))
                        r = az_span_atou32(value, &parsed.retry_after_seconds);
        }
        if (az_result_failed(r))
                return r;
        *out_topic = parsed;
        return AZ_OK;
}

/* What a member of the answer is, and where it goes. */
typedef struct {
        az_span name;
        enum {
                TEXT,
                ERROR_CODE,
                STATUS,
                VALUE,
                STATE
        } kind;
        size_t offset;
} member;

#define MEMBER(name, kind, place) \
        { AZ_SPAN_LITERAL_FROM_STR(name), kind, offsetof(answer, place) }

static const member members_of_answer[] = {
        MEMBER("operationId", TEXT, operation_id),
        MEMBER("status", STATUS, operation_status),
        MEMBER("registrationState", STATE, registration_state),
        MEMBER("errorCode", ERROR_CODE, registration_state.extended_error_code),
        MEMBER("message", TEXT, registration_state.error_message),
        MEMBER("trackingId", TEXT, registration_state.error_tracking_id),
        MEMBER("timestampUtc", TEXT, registration_state.error_timestamp),
};

static const member members_of_state[] = {
        MEMBER("assignedHub", TEXT, registration_state.assigned_hub_hostname),
        MEMBER("deviceId", TEXT, registration_state.device_id),
        MEMBER("errorCode", ERROR_CODE, registration_state.extended_error_code),
        MEMBER("errorMessage", TEXT, registration_state.error_message),
        MEMBER("lastUpdatedDateTimeUtc", TEXT, registration_state.error_timestamp),
        MEMBER("payload", VALUE, registration_state.payload),
        MEMBER("substatus", TEXT, registration_state.substatus),
};

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static bool is_text(az_json_token const *token, az_span text) {
        /* An escape takes more room than what it means. */
        return token->size >= az_span_size(text) && az_json_token_is_text_equal(token, text);
}

static member const *find_member(member const *members, size_t n_members, az_json_token const *name) {
        for (size_t i = 0; i < n_members; i++) {
                if (is_text(name, members[i].name))
                        return &members[i];
        }
        return NULL;
}

static az_result read_status_word(az_json_token const *word,
                                  az_iot_provisioning_client_operation_status *out_status) {
        static const struct {
                az_span word;
                az_iot_provisioning_client_operation_status status;
        } words[] = {
                { AZ_SPAN_LITERAL_FROM_STR("assigning"), AZ_IOT_PROVISIONING_STATUS_ASSIGNING },
                { AZ_SPAN_LITERAL_FROM_STR("assigned"), AZ_IOT_PROVISIONING_STATUS_ASSIGNED },
                { AZ_SPAN_LITERAL_FROM_STR("failed"), AZ_IOT_PROVISIONING_STATUS_FAILED },
                { AZ_SPAN_LITERAL_FROM_STR("disabled"), AZ_IOT_PROVISIONING_STATUS_DISABLED },
                { AZ_SPAN_LITERAL_FROM_STR("unassigned"), AZ_IOT_PROVISIONING_STATUS_UNASSIGNED },
                { AZ_SPAN_LITERAL_FROM_STR("blacklisted"), AZ_IOT_PROVISIONING_STATUS_DISABLED },
        };

        if (word->kind != AZ_JSON_TOKEN_STRING)
                return AZ_ERROR_UNEXPECTED_CHAR;
        for (size_t i = 0; i < N_ELEMENTS(words); i++) {
                if (is_text(word, words[i].word)) {
                        *out_status = words[i].status;
                        return AZ_OK;
                }
        }
        return AZ_ERROR_NOT_SUPPORTED;
}

/* Reads the value that the reader is at, which is neither null nor the registration state. */
static az_result read_value(az_json_reader *reader, member const *to, answer *response) {
        void *place = (uint8_t *) response + to->offset;

        switch (to->kind) {
        case TEXT:
                if (reader->token.kind != AZ_JSON_TOKEN_STRING)
                        return AZ_ERROR_UNEXPECTED_CHAR;
                *(az_span *) place = reader->token.slice;
                return AZ_OK;
        case ERROR_CODE:
                if (reader->token.kind != AZ_JSON_TOKEN_NUMBER)
                        return AZ_ERROR_UNEXPECTED_CHAR;
                return az_json_token_get_uint32(&reader->token, place);
        case STATUS:
                return read_status_word(&reader->token, place);
        case VALUE:
                return az_json_reader_read_value_text(reader, place);
        case STATE:
                break;
        }
        return AZ_ERROR_UNEXPECTED_CHAR;
}

#define STATUS_NOT_READ ((az_iot_provisioning_client_operation_status) -1)

/* Each token is read once, the registration state in the course of the answer that it is part of. */
static az_result parse_payload(az_span payload, answer *response) {
        bool in_state = false;
        az_json_reader reader;
        az_result r;

        r = az_json_reader_init(&reader, payload, NULL);
        if (az_result_succeeded(r))
                r = az_json_reader_next_token(&reader);
        if (az_result_succeeded(r) && reader.token.kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                r = AZ_ERROR_UNEXPECTED_CHAR;

        while (az_result_succeeded(r) && az_result_succeeded(r = az_json_reader_next_token(&reader))) {
                member const *to;

                if (reader.token.kind == AZ_JSON_TOKEN_END_OBJECT) {
                        in_state = false; /* of the answer: nothing may follow */
                        continue;
                }
                to = in_state ? find_member(members_of_state, N_ELEMENTS(members_of_state), &reader.token)
                              : find_member(members_of_answer, N_ELEMENTS(members_of_answer), &reader.token);
                r = az_json_reader_next_token(&reader);
                if (az_result_failed(r) || reader.token.kind == AZ_JSON_TOKEN_NULL)
                        continue;
                if (!to)
                        r = az_json_reader_skip_children(&reader);
                else if (to->kind == STATE && reader.token.kind == AZ_JSON_TOKEN_BEGIN_OBJECT)
                        in_state = true;
                else
                        r = read_value(&reader, to, response);
        }
        return r == AZ_ERROR_JSON_READER_DONE ? AZ_OK : r;
}

/* "six-digit" codes begin with the three digits of a status. */
static az_iot_status status_of(uint32_t extended_error_code) {
        if (extended_error_code >= 100000 && extended_error_code <= 999999)
                return (az_iot_status) (extended_error_code / 1000);
        if (extended_error_code >= 100 && extended_error_code <= 999)
                return (az_iot_status) extended_error_code;
        return AZ_IOT_STATUS_UNKNOWN;
}

/* The members are read: what do they say together? */
static az_result judge(answer *response) {
        bool is_refused = response->status >= AZ_IOT_STATUS_BAD_REQUEST;
        uint32_t code = response->registration_state.extended_error_code;

        response->registration_state.error_code =
                is_refused && code == 0 ? response->status : status_of(code);
        if (response->operation_status != STATUS_NOT_READ)
                return AZ_OK;
        if (!is_refused && code == 0)
                return AZ_ERROR_ITEM_NOT_FOUND;
        response->operation_status = AZ_IOT_PROVISIONING_STATUS_FAILED;
        return AZ_OK;
}

az_result az_iot_provisioning_client_parse_received_topic(
        az_iot_provisioning_client const *client, az_span received_topic,
        az_iot_provisioning_client_received_topic *out_topic) {
        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_VALID_SPAN(received_topic, 1);
        _az_PRECONDITION_NOT_NULL(out_topic);
        (void) client;

        return parse_topic(received_topic, out_topic);
}

az_result az_iot_provisioning_client_parse_received_topic_and_payload(
        az_iot_provisioning_client const *client, az_span received_topic, az_span received_payload,
        az_iot_provisioning_client_register_response *out_response) {
        answer response = { .operation_status = STATUS_NOT_READ };
        answer_topic parsed;
        az_result r;

        _az_PRECONDITION_NOT_NULL(client);
        _az_PRECONDITION_VALID_SPAN(received_topic, 1);
        _az_PRECONDITION_VALID_SPAN(received_payload, 0);
        _az_PRECONDITION_NOT_NULL(out_response);
        (void) client;

        r = parse_topic(received_topic, &parsed);
        if (r == AZ_ERROR_IOT_TOPIC_NO_MATCH)
                return r;
        _az_log_write(AZ_LOG_MQTT_RECEIVED_TOPIC, received_topic);
        _az_log_write(AZ_LOG_MQTT_RECEIVED_PAYLOAD, received_payload);
        if (az_result_failed(r))
                return r;

        response.status = parsed.status;
        response.retry_after_seconds = parsed.retry_after_seconds;
        if (az_span_size(received_payload) > 0 || response.status < AZ_IOT_STATUS_BAD_REQUEST)
                r = parse_payload(received_payload, &response);
        if (az_result_succeeded(r))
                r = judge(&response);
        if (az_result_failed(r))
                return r;
        *out_response = response;
        return AZ_OK;
}
