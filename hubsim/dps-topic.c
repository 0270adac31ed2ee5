/* SPDX-License-Identifier: MIT */

#include "hubsim/dps-topic.h"

#include <azure/core/az_json.h>
#include <ctype.h>

#include "hubsim/percent.h"

bool registration_id_parse(az_span text, char ret[static REGISTRATION_ID_SIZE]) {
        int32_t n = az_span_size(text);

        if (n == 0 || n >= (int32_t) REGISTRATION_ID_SIZE)
                return false;
        for (int32_t i = 0; i < n; i++) {
                uint8_t c = az_span_ptr(text)[i];

                if (!isalnum(c) && !memchr(i == n - 1 ? "----" : "-._:", c, 4))
                        return false;
                ret[i] = (char) tolower(c);
        }
        ret[n] = '\0';
        return true;
}

int dps_topic_parse(az_span topic, DpsTopic *ret) {
        az_span rest = topic;
        DpsTopic t = {};

        if (span_skip_prefix(&rest, AZ_SPAN_FROM_STR("$dps/registrations/GET/iotdps-get-operationstatus/?")))
                t.is_poll = true;
        else if (!span_skip_prefix(&rest, AZ_SPAN_FROM_STR("$dps/registrations/PUT/iotdps-register/?")))
                return -EBADMSG;

        while (az_span_size(rest) > 0) {
                az_span value = span_take_until(&rest, '&');
                az_span name = span_take_until(&value, '=');

                if (span_equals(name, "$rid"))
                        t.request_id = value;
                else if (span_equals(name, "operationId"))
                        t.operation_id = value;
        }
        if (az_span_size(t.request_id) == 0 || (az_span_size(t.operation_id) > 0) != t.is_poll)
                return -EBADMSG;

        *ret = t;
        return 0;
}

static bool read_registration_id(az_json_reader *reader, char ret[static REGISTRATION_ID_SIZE]) {
        char text[REGISTRATION_ID_SIZE];
        int32_t n;

        return az_result_succeeded(az_json_reader_next_token(reader)) &&
               az_result_succeeded(az_json_token_get_string(&reader->token, text, sizeof(text), &n)) &&
               registration_id_parse(az_span_create((uint8_t *) text, n), ret);
}

/* Takes the value of the member whose name has just been read; false: it is not what it should be. */
static bool read_member(az_json_reader *reader, DpsBody *body) {
        az_json_token name = reader->token;
        az_span value;

        if (az_json_token_is_text_equal(&name, AZ_SPAN_FROM_STR("registrationId")))
                return read_registration_id(reader, body->registration_id);

        if (az_result_failed(az_json_reader_read_value_text(reader, &value)))
                return false;
        if (az_json_token_is_text_equal(&name, AZ_SPAN_FROM_STR("payload")))
                body->payload = value;
        else if (az_json_token_is_text_equal(&name, AZ_SPAN_FROM_STR("csr")))
                body->has_csr = true;
        return true;
}

int dps_body_parse(az_span text, DpsBody *ret) {
        az_json_reader reader;
        DpsBody body = {};

        /* First whether all of it is JSON: a reader stops behind the object. */
        if (az_result_failed(az_json_validate(text)) ||
            az_result_failed(az_json_reader_init(&reader, text, NULL)) ||
            az_result_failed(az_json_reader_next_token(&reader)) ||
            reader.token.kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                return -EBADMSG;

        while (az_result_succeeded(az_json_reader_next_token(&reader)) &&
               reader.token.kind == AZ_JSON_TOKEN_PROPERTY_NAME)
                if (!read_member(&reader, &body))
                        return -EBADMSG;
        if (body.registration_id[0] == '\0')
                return -EBADMSG;

        *ret = body;
        return 0;
}
