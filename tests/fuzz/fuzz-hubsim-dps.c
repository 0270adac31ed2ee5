/* SPDX-License-Identifier: MIT */

/* What a stranger may say to the provisioning service: a line with a topic, a filter or a user name, and a
 * body. */

#include <assert.h>
#include <azure/core/az_json.h>

#include "hubsim/auth.h"
#include "hubsim/dps-auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_within(az_span part, az_span whole) {
        return az_span_size(part) == 0 ||
               (az_span_ptr(part) >= az_span_ptr(whole) &&
                az_span_ptr(part) + az_span_size(part) <= az_span_ptr(whole) + az_span_size(whole));
}

static void check_line(az_span line) {
        static const char *const hosts[] = { "localhost", NULL };
        MqttConnect connect = { .has_user_name = true, .user_name = line };
        DpsUserName user;
        DpsTopic topic;

        if (dps_topic_parse(line, &topic) >= 0) {
                assert(is_within(topic.request_id, line) && az_span_size(topic.request_id) > 0);
                assert(is_within(topic.operation_id, line));
                assert((az_span_size(topic.operation_id) > 0) == topic.is_poll);
        }
        if (dps_user_name_parse(line, &user) >= 0) {
                assert(is_within(user.scope, line) && is_within(user.registration_id, line));
                assert(dps_is_meant(&connect, hosts) || host_is_ours(user.scope, hosts));
        }
}

static void check_body(az_span text) {
        char again[REGISTRATION_ID_SIZE];
        DpsBody body;

        if (dps_body_parse(text, &body) < 0)
                return;
        assert(az_result_succeeded(az_json_validate(text)));
        assert(registration_id_parse(az_span_create_from_str(body.registration_id), again));
        assert(strcmp(body.registration_id, again) == 0); /* it was folded already */
        if (az_span_size(body.payload) > 0)
                assert(is_within(body.payload, text) && az_result_succeeded(az_json_validate(body.payload)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const uint8_t *newline = memchr(data, '\n', size);
        az_span input = az_span_create((uint8_t *) data, (int32_t) size);
        int32_t n = newline ? (int32_t) (newline - data) : (int32_t) size;

        check_line(az_span_slice(input, 0, n));
        if (newline)
                check_body(az_span_slice_to_end(input, n + 1));
        return 0;
}
