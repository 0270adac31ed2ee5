/* SPDX-License-Identifier: MIT */
#include <session/dps_session_internal.h>

#include <session/retry.h>

az_dps_session_options az_dps_session_options_default(void) {
        return (az_dps_session_options){
                .credential = AZ_CREDENTIAL_SAS,
                .token_lifetime_s = 3600,
                .keep_alive_s = 60,
                .sign_timeout_s = 120,
                .step_timeout_s = 30,
                .run_timeout_s = 300,
                .poll_delay_s = 3,
                .backoff_min_s = 1,
                .backoff_max_s = 300,
        };
}

static bool options_are_valid(az_dps_session_options const *options) {
        return options->random_seed != 0 && (unsigned) options->credential < _AZ_CREDENTIAL_MAX &&
               _az_session_is_within(300, options->token_lifetime_s, 86400) &&
               _az_session_is_within(1, options->keep_alive_s, AZ_HUB_SESSION_KEEP_ALIVE_MAX_S) &&
               options->sign_timeout_s > 0 && options->step_timeout_s > 0 && options->run_timeout_s > 0 &&
               options->poll_delay_s >= 2 &&
               _az_session_is_within(1, options->backoff_min_s, options->backoff_max_s);
}

static bool is_letter_or_digit(uint8_t c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Copies the id in lower case; false: it is none. */
static bool write_registration_id(az_dps_session *s, az_span id) {
        int32_t n = az_span_size(id);
        uint8_t c = '\0';

        if (n < 1 || n > AZ_DPS_SESSION_REGISTRATION_ID_MAX)
                return false;
        for (int32_t i = 0; i < n; i++) {
                c = az_span_ptr(id)[i];
                if (c >= 'A' && c <= 'Z')
                        c = (uint8_t) (c + ('a' - 'A'));
                if (!is_letter_or_digit(c) && c != '-' && c != '.' && c != '_' && c != ':')
                        return false;
                s->_internal.registration_id[i] = (char) c;
        }
        return is_letter_or_digit(c) || c == '-';
}

static az_result write_body(az_dps_session *s) {
        az_iot_provisioning_client_payload_options const payload_options =
                az_iot_provisioning_client_payload_options_default();
        az_span room = s->_internal.options.body_buffer;
        size_t len;
        az_result r;

        if (az_span_size(room) == 0)
                room = AZ_SPAN_FROM_BUFFER(s->_internal.body_room);
        r = az_iot_provisioning_client_register_get_request_payload(
                &s->_internal.client, s->_internal.options.custom_payload, &payload_options,
                az_span_ptr(room), (size_t) az_span_size(room), &len);
        if (az_result_failed(r))
                return r;
        s->_internal.body = az_span_slice(room, 0, (int32_t) len);
        return AZ_OK;
}

/* Writes what stays the same for all attempts, and sees that what does not will fit. */
static az_result write_identity(az_dps_session *s, az_span host, az_span id_scope) {
        az_iot_provisioning_client_options const client_options = {
                .user_agent = s->_internal.options.user_agent,
        };
        az_result r;

        r = az_iot_provisioning_client_init(&s->_internal.client, host, id_scope,
                                            az_span_create_from_str(s->_internal.registration_id),
                                            &client_options);
        if (az_result_failed(r))
                return r;
        r = az_iot_provisioning_client_get_user_name(&s->_internal.client, s->_internal.user_name,
                                                     sizeof(s->_internal.user_name),
                                                     &s->_internal.user_name_len);
        if (az_result_failed(r))
                return r;
        if (s->_internal.options.credential == AZ_CREDENTIAL_SAS)
                r = az_iot_provisioning_client_sas_get_password(
                        &s->_internal.client, _az_SIGNATURE_LONGEST, UINT64_MAX, _az_DPS_KEY_NAME,
                        s->_internal.credential, sizeof(s->_internal.credential), NULL);
        if (az_result_failed(r))
                return r;
        return write_body(s);
}

az_result az_dps_session_init(az_dps_session *s, az_span host, az_span id_scope, az_span registration_id,
                              az_dps_session_options const *options) {
        if (!options_are_valid(options) || az_span_size(host) == 0 || az_span_size(id_scope) == 0)
                return AZ_ERROR_ARG;

        *s = (az_dps_session){
                ._internal = {
                        .options = *options,
                        .state = AZ_DPS_SESSION_STOPPED,
                        .deadline_us = UINT64_MAX,
                        .random = options->random_seed,
                },
        };
        if (!write_registration_id(s, registration_id))
                return AZ_ERROR_ARG;
        /* Not 0: what this program asked for before it was started again may still be answered. */
        s->_internal.n_requests = (uint32_t) az_retry_draw(&s->_internal.random);
        return write_identity(s, host, id_scope);
}
