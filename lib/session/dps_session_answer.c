/* SPDX-License-Identifier: MIT */
#include <session/dps_session_internal.h>

#include <azure/core/az_json.h>

typedef az_iot_provisioning_client_received_topic received_topic;
typedef az_iot_provisioning_client_register_response response;

az_result _az_dps_session_parse_topic(az_dps_session const *s, az_span topic, received_topic *out_topic) {
        az_result r;

        if (az_span_size(topic) == 0)
                return AZ_ERROR_IOT_TOPIC_NO_MATCH;
        r = az_iot_provisioning_client_parse_received_topic(&s->_internal.client, topic, out_topic);
        if (az_result_failed(r))
                return r;
        if (az_span_size(out_topic->request_id) == 0 ||
            !az_span_is_content_equal(out_topic->request_id, s->_internal.request_id))
                return AZ_ERROR_IOT_TOPIC_NO_MATCH;
        return AZ_OK;
}

/*
 * Copies a name, escapes undone, and a NUL. Returns its length; 0: there is none, or it is too long, or has
 * what no name may have that becomes part of a topic or goes to a resolver.
 */
static size_t copy_name(char *buffer, size_t max, az_span json_text) {
        az_span text;

        if (az_span_size(json_text) == 0 || (size_t) az_span_size(json_text) > max)
                return 0;
        text = az_json_string_unescape(json_text, az_span_create((uint8_t *) buffer, (int32_t) max));
        for (int32_t i = 0; i < az_span_size(text); i++) {
                uint8_t c = az_span_ptr(text)[i];

                if (c <= ' ' || c > '~')
                        return 0;
        }
        buffer[az_span_size(text)] = '\0';
        return (size_t) az_span_size(text);
}

static az_dps_session_trigger fail(_az_dps_input *in, az_dps_loss loss, az_error_class error_class) {
        in->error.loss = loss;
        in->error.error_class = error_class;
        return AZ_DPS_ON_FAILED;
}

static az_dps_session_trigger break_protocol(_az_dps_input *in) {
        return fail(in, AZ_DPS_LOSS_PROTOCOL, AZ_ERROR_CLASS_PROTOCOL);
}

static az_dps_session_trigger take_assigning(az_dps_session *s, response const *answer, _az_dps_input *in) {
        if (az_span_size(answer->operation_id) > 0)
                s->_internal.operation_id_len = copy_name(
                        s->_internal.operation_id, AZ_DPS_SESSION_OPERATION_ID_MAX, answer->operation_id);
        if (s->_internal.operation_id_len == 0)
                return break_protocol(in);
        return AZ_DPS_ON_ASSIGNING;
}

static az_dps_session_trigger take_assigned(az_dps_session *s, response const *answer, _az_dps_input *in) {
        az_iot_provisioning_client_registration_state const *state = &answer->registration_state;

        if (copy_name(s->_internal.hub, AZ_DPS_SESSION_NAME_MAX, state->assigned_hub_hostname) == 0 ||
            copy_name(s->_internal.device_id, AZ_DPS_SESSION_NAME_MAX, state->device_id) == 0)
                return break_protocol(in);
        in->payload = state->payload;
        in->substatus = state->substatus;
        return AZ_DPS_ON_ASSIGNED;
}

/* The request was refused. */
static az_dps_session_trigger take_refusal(az_dps_session *s, az_error_class error_class, _az_dps_input *in) {
        (void) fail(in, AZ_DPS_LOSS_ANSWER, error_class);
        if (az_error_class_is_transient(error_class))
                return AZ_DPS_ON_RETRY;
        if (s->_internal.state == AZ_DPS_SESSION_POLLING && error_class == AZ_ERROR_CLASS_IDENTITY)
                return AZ_DPS_ON_RESTART; /* it has forgotten the operation */
        return AZ_DPS_ON_FAILED;
}

/* The registration has failed, which the service says with a success. */
static az_dps_session_trigger take_failure(az_error_class error_class, _az_dps_input *in) {
        (void) fail(in, AZ_DPS_LOSS_ASSIGNMENT, error_class);
        return az_error_class_is_transient(error_class) ? AZ_DPS_ON_RESTART : AZ_DPS_ON_FAILED;
}

/*
 * The code knows more than the status, if it has six digits; one of three is a status itself. Where neither
 * knows, the service has no place for the device.
 */
static az_error_class class_of(response const *answer) {
        uint32_t status = (uint32_t) answer->status, code = answer->registration_state.extended_error_code;
        az_error_class error_class = AZ_ERROR_CLASS_NONE;

        if (_az_session_is_within(100000, code, 999999))
                error_class = az_error_class_of_status(status, code);
        else if (_az_session_is_within(100, code, 999))
                error_class = az_error_class_of_status(code, 0);
        if (error_class == AZ_ERROR_CLASS_NONE)
                error_class = az_error_class_of_status(status, 0);
        return error_class == AZ_ERROR_CLASS_NONE ? AZ_ERROR_CLASS_IDENTITY : error_class;
}

static az_dps_session_trigger judge(az_dps_session *s, response const *answer, _az_dps_input *in) {
        if (answer->status >= AZ_IOT_STATUS_BAD_REQUEST)
                return take_refusal(s, class_of(answer), in);
        switch (answer->operation_status) {
        case AZ_IOT_PROVISIONING_STATUS_UNASSIGNED:
        case AZ_IOT_PROVISIONING_STATUS_ASSIGNING:
                return take_assigning(s, answer, in);
        case AZ_IOT_PROVISIONING_STATUS_ASSIGNED:
                return take_assigned(s, answer, in);
        case AZ_IOT_PROVISIONING_STATUS_FAILED:
                return take_failure(class_of(answer), in);
        case AZ_IOT_PROVISIONING_STATUS_DISABLED:
                break;
        }
        return fail(in, AZ_DPS_LOSS_DISABLED, AZ_ERROR_CLASS_FORBIDDEN);
}

az_dps_session_trigger _az_dps_session_take_answer(az_dps_session *s, az_span topic, az_span payload,
                                                   received_topic const *parsed, _az_dps_input *in) {
        response answer = { .operation_status = AZ_IOT_PROVISIONING_STATUS_FAILED };
        az_result r;

        r = az_iot_provisioning_client_parse_received_topic_and_payload(&s->_internal.client, topic, payload,
                                                                        &answer);
        answer.status = parsed->status;
        in->error = (az_dps_error){
                .status = parsed->status,
                .retry_after_s = parsed->retry_after_seconds,
                .code = answer.registration_state.extended_error_code,
                .message = answer.registration_state.error_message,
                .tracking_id = answer.registration_state.error_tracking_id,
                .timestamp = answer.registration_state.error_timestamp,
        };
        /* What a server behind the service says when that is down need not be JSON. */
        if (az_result_failed(r) && answer.status < AZ_IOT_STATUS_BAD_REQUEST)
                return break_protocol(in);
        return judge(s, &answer, in);
}
