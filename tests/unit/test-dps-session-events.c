/* SPDX-License-Identifier: MIT */

/* What the events of a registration carry, and what it takes from options and answers. */

#include "dps-session-fixture.h"

/* The way to an assignment ------------------------------------------------------------------------------ */

START_TEST(connect_carries_the_names_and_a_token) {
        az_dps_event event;
        az_dps_session s;

        init(&s);
        event = give(&s, START, 0, 100);
        ck_assert_uint_eq(event.as.sign.expires_unix_s, UNIX_S + 100 + 3600);
        ck_assert(!event.as.sign.clock_is_unset);

        ck_assert_int_eq(feed(&s, SIGNED, 0, at(101)), AZ_OK);
        ck_assert(az_dps_session_next_event(&s, &event));
        ck_assert_span_eq(event.as.connect.host, HOST);
        ck_assert_span_eq(event.as.connect.client_id, "pump-17");
        ck_assert_span_eq(event.as.connect.user_name, SCOPE "/registrations/pump-17/api-version=2019-03-31");
        ck_assert_str_eq((char *) az_span_ptr(event.as.connect.password),
                         "SharedAccessSignature sr=" SCOPE "%2fregistrations%2fpump-17"
                         "&sig=JkxOusYpleBJvCL9hzL1mVsyTpRJp3YYgPA19nB%2Bi6s%3D"
                         "&se=1893456100&skn=registration");
        ck_assert_uint_eq(event.as.connect.keep_alive_s, 60);
        ck_assert(event.as.connect.clean_session);
}
END_TEST

START_TEST(the_text_to_sign_is_of_the_same_resource) {
        az_dps_event event;
        az_dps_session s;

        init(&s);
        ck_assert_int_eq(feed(&s, START, 0, at(0)), AZ_OK);
        ck_assert(az_dps_session_next_event(&s, &event));
        ck_assert_span_eq(event.as.sign.string_to_sign, SCOPE "%2fregistrations%2fpump-17\n1893456000");
}
END_TEST

START_TEST(a_certificate_has_no_password) {
        az_dps_session_options o = options();
        az_dps_event event;
        az_dps_session s;

        o.credential = AZ_CREDENTIAL_X509;
        ck_assert_int_eq(az_dps_session_init(&s, str(HOST), str(SCOPE), str("pump-17"), &o), AZ_OK);
        event = give(&s, START, 0, 0);
        ck_assert_int_eq(event.type, AZ_DPS_EVENT_CONNECT);
        ck_assert_int_eq(az_span_size(event.as.connect.password), 0);
        ck_assert_str_eq((char *) az_span_ptr(event.as.connect.password), "");
}
END_TEST

START_TEST(the_password_is_forgotten_once_it_was_popped) {
        az_dps_event event;
        az_dps_session s;

        init_in(&s, AZ_DPS_SESSION_SIGNING);
        ck_assert_int_eq(feed(&s, SIGNED, 0, at(1)), AZ_OK);
        ck_assert(az_dps_session_next_event(&s, &event));
        ck_assert_ptr_nonnull(memmem(s._internal.credential, sizeof(s._internal.credential), "JkxOus", 6));
        ck_assert(!az_dps_session_next_event(&s, &event));
        ck_assert_ptr_null(memmem(s._internal.credential, sizeof(s._internal.credential), "JkxOus", 6));
}
END_TEST

START_TEST(each_request_has_an_id_of_its_own) {
        az_dps_event event;
        az_dps_session s;
        char first[128];

        init_in(&s, AZ_DPS_SESSION_SUBSCRIBING);
        event = give(&s, SUBACK, 0, 1);
        ck_assert_span_eq(az_span_slice(event.as.publish.topic, 0, 44),
                          "$dps/registrations/PUT/iotdps-register/?$rid");
        ck_assert_span_eq(event.as.publish.payload, "{\"registrationId\":\"pump-17\"}");
        ck_assert_uint_eq(event.as.publish.qos, 1);
        ck_assert_uint_eq(strlen(s._internal.topic), (size_t) az_span_size(event.as.publish.topic));
        az_span_to_str(first, sizeof(first), s._internal.request_id);

        (void) give_answer(&s, "202", ASSIGNING, 2);
        event = give(&s, TIMEOUT, 0, 5);
        ck_assert_ptr_nonnull(strstr(s._internal.topic, "&operationId=" OPERATION));
        ck_assert_int_eq(az_span_size(event.as.publish.payload), 0);
        ck_assert(!az_span_is_content_equal(s._internal.request_id, str(first)));
}
END_TEST

START_TEST(the_filter_is_that_of_all_answers) {
        az_dps_event event;
        az_dps_session s;

        init_in(&s, AZ_DPS_SESSION_CONNECTING);
        event = give(&s, CONNECTED, 0, 1);
        ck_assert_span_eq(event.as.subscribe.filter.topic_filter, "$dps/registrations/res/#");
        ck_assert_uint_eq(event.as.subscribe.filter.qos, 1);
}
END_TEST

START_TEST(an_assignment_carries_hub_device_payload_and_substatus) {
        az_dps_event event;
        az_dps_session s;

        init_in(&s, AZ_DPS_SESSION_POLLING);
        event = give_answer(&s, "200",
                            "{\"status\":\"assigned\",\"registrationState\":{"
                            "\"assignedHub\":\"hub-lab.azure-devices.net\",\"deviceId\":\"a\\u002bb\","
                            "\"payload\":{\"region\": \"weu\"},\"substatus\":\"initialAssignment\"}}",
                            8);
        ck_assert_span_eq(event.as.assigned.hub, "hub-lab.azure-devices.net");
        ck_assert_span_eq(event.as.assigned.device_id, "a+b");
        ck_assert_str_eq((char *) az_span_ptr(event.as.assigned.device_id), "a+b");
        ck_assert_span_eq(event.as.assigned.payload, "{\"region\": \"weu\"}");
        ck_assert_span_eq(event.as.assigned.substatus, "initialAssignment");
        ck_assert_int_eq(az_dps_session_get_status(&s).last_error.loss, AZ_DPS_LOSS_NONE);
}
END_TEST

/* Failures -------------------------------------------------------------------------------------------- */

START_TEST(a_failure_carries_all_that_the_service_said) {
        az_dps_session_status status;
        az_dps_error error;
        az_dps_session s;

        init_in(&s, AZ_DPS_SESSION_REGISTERING);
        error = give_answer(&s, "401&retry-after=60",
                            "{\"errorCode\":401002,\"trackingId\":\"8c0d\",\"message\":\"Unauthorized\","
                            "\"timestampUtc\":\"2026-03-09T07:15:30.5Z\"}",
                            8)
                        .as.failed.error;
        ck_assert_int_eq(error.loss, AZ_DPS_LOSS_ANSWER);
        ck_assert_int_eq(error.error_class, AZ_ERROR_CLASS_CREDENTIAL);
        ck_assert_int_eq((int) error.status, 401);
        ck_assert_uint_eq(error.code, 401002);
        ck_assert_uint_eq(error.retry_after_s, 60);
        ck_assert_span_eq(error.message, "Unauthorized");
        ck_assert_span_eq(error.tracking_id, "8c0d");
        ck_assert_span_eq(error.timestamp, "2026-03-09T07:15:30.5Z");

        status = az_dps_session_get_status(&s);
        ck_assert_int_eq(status.state, AZ_DPS_SESSION_STOPPED);
        ck_assert_int_eq(status.last_error.loss, AZ_DPS_LOSS_ANSWER);
        ck_assert_uint_eq(status.last_error.code, 401002);
        ck_assert_int_eq(az_span_size(status.last_error.message), 0);
        ck_assert_uint_eq(status.n_failures, 1);
        ck_assert_uint_eq(status.run_end_us, 300 * USEC_PER_SEC);
}
END_TEST

START_TEST(a_failure_says_where_it_happened_and_a_loss_too) {
        az_dps_session s;

        for (az_dps_session_state from = AZ_DPS_SESSION_SIGNING; from < AZ_DPS_SESSION_BACKOFF; from++) {
                az_dps_event event;

                init_in(&s, from);
                event = give(&s, LOST, AZ_DPS_LOSS_PROTOCOL, 10);
                ck_assert_int_eq(event.type, AZ_DPS_EVENT_FAILED);
                ck_assert_int_eq(event.as.failed.from, from);
                init_in(&s, from);
                event = give(&s, LOST, AZ_DPS_LOSS_TCP, 10);
                ck_assert_int_eq(event.type, AZ_DPS_EVENT_LOST);
                ck_assert_int_eq(event.as.lost.from, from);
                ck_assert_uint_eq(event.as.lost.delay_us + 10 * USEC_PER_SEC, az_dps_session_deadline_us(&s));
        }
}
END_TEST

/* What the class of a loss is, which recovery judges by. */
static const struct {
        az_dps_session_state in;
        Input input;
        int arg;
        const char *status, *payload;
        az_error_class error_class;
} errors[] = {
        { S(SIGNING), LOST, L(SIGNING), NULL, NULL, AZ_ERROR_CLASS_LOCAL },
        { S(SIGNING), LOST, L(TIMEOUT), NULL, NULL, AZ_ERROR_CLASS_LOCAL },
        { S(CONNECTING), LOST, L(NAME), NULL, NULL, AZ_ERROR_CLASS_NETWORK },
        { S(CONNECTING), LOST, L(TCP), NULL, NULL, AZ_ERROR_CLASS_NETWORK },
        { S(CONNECTING), LOST, L(TLS), NULL, NULL, AZ_ERROR_CLASS_NETWORK },
        { S(CONNECTING), LOST, L(TIMEOUT), NULL, NULL, AZ_ERROR_CLASS_NETWORK },
        { S(SUBSCRIBING), LOST, L(TIMEOUT), NULL, NULL, AZ_ERROR_CLASS_TIMEOUT },
        { S(POLLING), LOST, L(TIMEOUT), NULL, NULL, AZ_ERROR_CLASS_TIMEOUT },
        { S(POLLING), LOST, L(CLOSED), NULL, NULL, AZ_ERROR_CLASS_SERVICE },
        { S(POLLING), LOST, L(KEEP_ALIVE), NULL, NULL, AZ_ERROR_CLASS_NETWORK },
        { S(POLLING), LOST, L(PROTOCOL), NULL, NULL, AZ_ERROR_CLASS_PROTOCOL },
        { S(CONNECTING), REFUSED, 1, NULL, NULL, AZ_ERROR_CLASS_PROTOCOL },
        { S(CONNECTING), REFUSED, 2, NULL, NULL, AZ_ERROR_CLASS_IDENTITY },
        { S(CONNECTING), REFUSED, 3, NULL, NULL, AZ_ERROR_CLASS_SERVICE },
        { S(CONNECTING), REFUSED, 4, NULL, NULL, AZ_ERROR_CLASS_CREDENTIAL },
        { S(CONNECTING), REFUSED, 5, NULL, NULL, AZ_ERROR_CLASS_CREDENTIAL },
        { S(SUBSCRIBING), SUBACK, 0x80, NULL, NULL, AZ_ERROR_CLASS_PROTOCOL },
        { S(REGISTERING), ANSWER, 0, "400", "{\"errorCode\":400012}", AZ_ERROR_CLASS_CALLER },
        { S(REGISTERING), ANSWER, 0, "401", "", AZ_ERROR_CLASS_CREDENTIAL },
        { S(REGISTERING), ANSWER, 0, "404", "{}", AZ_ERROR_CLASS_IDENTITY },
        { S(REGISTERING), ANSWER, 0, "429", "{\"errorCode\":200000}", AZ_ERROR_CLASS_THROTTLED },
        { S(REGISTERING), ANSWER, 0, "503", "{", AZ_ERROR_CLASS_SERVICE },
        { S(REGISTERING), ANSWER, 0, "400", "{\"errorCode\":401}", AZ_ERROR_CLASS_CREDENTIAL },
        { S(REGISTERING), ANSWER, 0, "503", "{\"errorCode\":7}", AZ_ERROR_CLASS_SERVICE },
        { S(POLLING), ANSWER, 0, "404", "{}", AZ_ERROR_CLASS_IDENTITY },
        { S(POLLING), ANSWER, 0, "200", "{\"status\":\"disabled\"}", AZ_ERROR_CLASS_FORBIDDEN },
        { S(POLLING), ANSWER, 0, "200", "{\"status\":\"failed\"}", AZ_ERROR_CLASS_IDENTITY },
        { S(POLLING), ANSWER, 0, "200",
          "{\"status\":\"failed\",\"registrationState\":{\"errorCode\":429001}}", AZ_ERROR_CLASS_THROTTLED },
        { S(POLLING), ANSWER, 0, "200", "{\"status\":\"assigned\"}", AZ_ERROR_CLASS_PROTOCOL },
};

START_TEST(an_error_has_a_class) {
        az_dps_event event;
        az_dps_session s;

        init_in(&s, errors[_i].in);
        event = errors[_i].input == ANSWER ? give_answer(&s, errors[_i].status, errors[_i].payload, 10)
                                           : give(&s, errors[_i].input, errors[_i].arg, 10);
        ck_assert_int_eq(az_dps_session_get_status(&s).last_error.error_class, errors[_i].error_class);
        ck_assert_int_eq(az_dps_session_get_status(&s).last_error.connack_code,
                         errors[_i].input == REFUSED ? errors[_i].arg : 0);
        ck_assert_int_ne(event.type, AZ_DPS_EVENT_ASSIGNED);
}
END_TEST

START_TEST(delays_double_while_it_is_lost_and_begin_anew_with_the_next_run) {
        az_dps_session_options o = options();
        uint64_t delay_us, us = 1;
        az_dps_session s;

        o.run_timeout_s = 3600;
        ck_assert_int_eq(az_dps_session_init(&s, str(HOST), str(SCOPE), str("pump-17"), &o), AZ_OK);
        (void) give(&s, START, 0, 0);
        for (uint64_t least_s = 1; least_s <= 256; least_s *= 2) {
                az_hub_session_time time = { .now_us = us, .unix_s = UNIX_S };

                ck_assert_int_eq(az_dps_session_lost(&s, AZ_DPS_LOSS_TCP, time), AZ_OK);
                delay_us = pop(&s).as.lost.delay_us;
                ck_assert_uint_ge(delay_us, MIN(MAX(least_s, 2), 150) * USEC_PER_SEC);
                ck_assert_uint_le(delay_us, MIN(2 * least_s, 300) * USEC_PER_SEC);
                us += delay_us;
                time.now_us = us;
                ck_assert_int_eq(az_dps_session_timeout(&s, time), AZ_OK);
                ck_assert_int_eq(pop(&s).type, AZ_DPS_EVENT_SIGN);
        }
        ck_assert_uint_eq(az_dps_session_get_status(&s).n_failures, 9);

        (void) give(&s, STOP, 0, 0);
        (void) give(&s, START, 0, 4000);
        ck_assert_uint_eq(az_dps_session_get_status(&s).n_failures, 0);
        ck_assert_int_eq(az_dps_session_get_status(&s).last_error.loss, AZ_DPS_LOSS_NONE);
        ck_assert_uint_eq(give(&s, LOST, AZ_DPS_LOSS_TCP, 4001).as.lost.delay_us, 2 * USEC_PER_SEC);
}
END_TEST

START_TEST(throttling_is_as_long_as_the_longest_delay_if_that_is_short) {
        az_dps_session_options o = options();
        az_dps_session s;

        o.backoff_max_s = 4;
        ck_assert_int_eq(az_dps_session_init(&s, str(HOST), str(SCOPE), str("pump-17"), &o), AZ_OK);
        (void) give(&s, START, 0, 0);
        (void) give(&s, SIGNED, 0, 0);
        ck_assert_uint_le(give(&s, REFUSED, 3, 0).as.lost.delay_us, 4 * USEC_PER_SEC);
}
END_TEST

/* Messages -------------------------------------------------------------------------------------------- */

static const struct {
        const char *topic;
        az_result result;
} strange[] = {
        { "", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "x", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "$iothub/twin/res/200/?$rid=1", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "$dps/registrations/res/200/?$rid=1", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "$dps/registrations/res/200/?$rid=", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "$dps/registrations/res/200/?", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "$dps/registrations/res/200", AZ_ERROR_UNEXPECTED_END },
        { "$dps/registrations/res/2x0/?$rid=1", AZ_ERROR_UNEXPECTED_CHAR },
};

START_TEST(a_message_that_is_no_answer_to_the_last_request_is_ignored) {
        az_dps_event event;
        az_dps_session s;

        init_in(&s, AZ_DPS_SESSION_POLLING);
        ck_assert_int_eq(az_dps_session_message(&s, str(strange[_i].topic), str(ASSIGNED), at(4)),
                         strange[_i].result);
        ck_assert(!az_dps_session_next_event(&s, &event));
        ck_assert_int_eq(state_of(&s), AZ_DPS_SESSION_POLLING);
}
END_TEST

START_TEST(an_answer_counts_once_and_not_for_the_next_request) {
        az_dps_event event;
        az_dps_session s;
        char topic[128], id[16];

        init_in(&s, AZ_DPS_SESSION_REGISTERING);
        az_span_to_str(id, sizeof(id), s._internal.request_id);
        (void) snprintf(topic, sizeof(topic), "$dps/registrations/res/202/?$rid=%s", id);
        ck_assert_int_eq(az_dps_session_message(&s, str(topic), str(ASSIGNING), at(1)), AZ_OK);
        (void) pop(&s);
        ck_assert_int_eq(az_dps_session_message(&s, str(topic), str(ASSIGNED), at(1)),
                         AZ_ERROR_IOT_TOPIC_NO_MATCH);
        ck_assert_int_eq(
                az_dps_session_message(&s, str("$dps/registrations/res/200/?"), str(ASSIGNED), at(1)),
                AZ_ERROR_IOT_TOPIC_NO_MATCH);
        (void) give(&s, TIMEOUT, 0, 4);
        ck_assert_int_eq(az_dps_session_message(&s, str(topic), str(ASSIGNED), at(5)),
                         AZ_ERROR_IOT_TOPIC_NO_MATCH);
        ck_assert(!az_dps_session_next_event(&s, &event));
        ck_assert_int_eq(state_of(&s), AZ_DPS_SESSION_POLLING);
}
END_TEST

#define CHARS_16 "0123456789abcdef"
#define CHARS_256                                                                                          \
        CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 \
                CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16

#define WITH_OPERATION(id) "{\"operationId\":\"" id "\",\"status\":\"assigning\"}"
#define WITH_NAMES(hub, device) \
        "{\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":" hub ",\"deviceId\":" device "}}"

static const char *const impossible[] = {
        WITH_OPERATION("a b"),
        WITH_OPERATION("a\\u0000b"),
        WITH_OPERATION("\xc3\xa4"),
        WITH_OPERATION(CHARS_256),
        WITH_NAMES("null", "\"d\""),
        WITH_NAMES("\"h\"", "\"\""),
        WITH_NAMES("\"h\\n\"", "\"d\""),
        WITH_NAMES("\"h\"", "\"d\\u007f\""),
        WITH_NAMES("\"" CHARS_256 "\"", "\"d\""),
        WITH_NAMES("\"h\"", "\"" CHARS_256 "\""),
};

START_TEST(names_that_cannot_be_are_not_taken) {
        az_dps_event event;
        az_dps_session s;

        init_in(&s, AZ_DPS_SESSION_POLLING);
        event = give_answer(&s, "200", impossible[_i], 4);
        ck_assert_int_eq(event.type, AZ_DPS_EVENT_FAILED);
        ck_assert_int_eq(event.as.failed.error.loss, AZ_DPS_LOSS_PROTOCOL);
}
END_TEST

/* Initialization -------------------------------------------------------------------------------------- */

static const struct {
        const char *id;
        az_result result;
        const char *client_id;
} ids[] = {
        { "pump-17", AZ_OK, "pump-17" },
        { "PUMP-17", AZ_OK, "pump-17" },
        { "a", AZ_OK, "a" },
        { "0", AZ_OK, "0" },
        { "-", AZ_OK, "-" },
        { "Az09-._:Z-", AZ_OK, "az09-._:z-" },
        { "", AZ_ERROR_ARG, NULL },
        { "pump.", AZ_ERROR_ARG, NULL },
        { "pump_", AZ_ERROR_ARG, NULL },
        { "pump:", AZ_ERROR_ARG, NULL },
        { "pump 17", AZ_ERROR_ARG, NULL },
        { "pump/17", AZ_ERROR_ARG, NULL },
        { "pump@17", AZ_ERROR_ARG, NULL },
        { "pump[17", AZ_ERROR_ARG, NULL },
        { "pump`17", AZ_ERROR_ARG, NULL },
        { "pump{17", AZ_ERROR_ARG, NULL },
        { "p\xc3\xbcmp", AZ_ERROR_ARG, NULL },
        { CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16, AZ_OK,
          CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 },
        { CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 CHARS_16 "0", AZ_ERROR_ARG, NULL },
};

START_TEST(a_registration_id_is_checked_and_in_lower_case) {
        az_dps_session_options o = options();
        az_dps_session s;

        o.credential = AZ_CREDENTIAL_X509;
        ck_assert_int_eq(az_dps_session_init(&s, str(HOST), str(SCOPE), str(ids[_i].id), &o), ids[_i].result);
        if (ids[_i].client_id)
                ck_assert_span_eq(give(&s, START, 0, 0).as.connect.client_id, ids[_i].client_id);
}
END_TEST

static az_result init_with(const az_dps_session_options *o) {
        az_dps_session s;

        return az_dps_session_init(&s, str(HOST), str(SCOPE), str("d"), o);
}

#define CHECK_OPTION(name, value, result)                \
        do {                                             \
                az_dps_session_options o = options();    \
                                                         \
                o.name = (value);                        \
                ck_assert_int_eq(init_with(&o), result); \
        } while (0)

START_TEST(options_have_a_range) {
        CHECK_OPTION(random_seed, 0, AZ_ERROR_ARG);
        CHECK_OPTION(credential, _AZ_CREDENTIAL_MAX, AZ_ERROR_ARG);
        CHECK_OPTION(token_lifetime_s, 299, AZ_ERROR_ARG);
        CHECK_OPTION(token_lifetime_s, 300, AZ_OK);
        CHECK_OPTION(token_lifetime_s, 86400, AZ_OK);
        CHECK_OPTION(token_lifetime_s, 86401, AZ_ERROR_ARG);
        CHECK_OPTION(keep_alive_s, 0, AZ_ERROR_ARG);
        CHECK_OPTION(keep_alive_s, 1177, AZ_OK);
        CHECK_OPTION(keep_alive_s, 1178, AZ_ERROR_ARG);
        CHECK_OPTION(sign_timeout_s, 0, AZ_ERROR_ARG);
        CHECK_OPTION(step_timeout_s, 0, AZ_ERROR_ARG);
        CHECK_OPTION(run_timeout_s, 0, AZ_ERROR_ARG);
        CHECK_OPTION(run_timeout_s, 1, AZ_OK);
        CHECK_OPTION(poll_delay_s, 1, AZ_ERROR_ARG);
        CHECK_OPTION(poll_delay_s, 2, AZ_OK);
        CHECK_OPTION(backoff_min_s, 0, AZ_ERROR_ARG);
        CHECK_OPTION(backoff_min_s, 301, AZ_ERROR_ARG);
        CHECK_OPTION(backoff_max_s, 1, AZ_OK);
        CHECK_OPTION(user_agent, str("aziotd%2F1"), AZ_OK);
        CHECK_OPTION(user_agent, str(CHARS_256 CHARS_256), AZ_ERROR_NOT_ENOUGH_SPACE);
        CHECK_OPTION(custom_payload, str("{"), AZ_ERROR_UNEXPECTED_END);
        CHECK_OPTION(custom_payload, str("{}}"), AZ_ERROR_UNEXPECTED_CHAR);
}
END_TEST

START_TEST(host_and_id_scope_are_there_and_not_too_long) {
        az_dps_session_options o = options();
        az_dps_session s;

        ck_assert_int_eq(az_dps_session_init(&s, AZ_SPAN_EMPTY, str(SCOPE), str("d"), &o), AZ_ERROR_ARG);
        ck_assert_int_eq(az_dps_session_init(&s, str(HOST), AZ_SPAN_EMPTY, str("d"), &o), AZ_ERROR_ARG);
        ck_assert_int_eq(az_dps_session_init(&s, str(HOST), str(CHARS_256 CHARS_256), str("d"), &o),
                         AZ_ERROR_NOT_ENOUGH_SPACE);
        /* It would fit into the user name, but not into the token, where its bytes are percent-encoded. */
        ck_assert_int_eq(az_dps_session_init(&s, str(HOST),
                                             str("////////////////////////////////////////"
                                                 "////////////////////////////////////////"
                                                 "////////////////////////////////////////"
                                                 "////////////////////////////////////////"
                                                 "////////////////////////////////////////"),
                                             str("d"), &o),
                         AZ_ERROR_NOT_ENOUGH_SPACE);
}
END_TEST

/* The text of a JSON string, with its quotes, of so many bytes. */
static az_span string_of(size_t size, char *buffer) {
        memset(buffer, 'x', size);
        buffer[0] = buffer[size - 1] = '"';
        return az_span_create((uint8_t *) buffer, (int32_t) size);
}

START_TEST(a_custom_payload_goes_into_the_request) {
        az_dps_session_options o = options();
        char payload[2048], room[2048 + 192], id[] = "d";
        az_dps_event event;
        az_dps_session s;

        o.credential = AZ_CREDENTIAL_X509;
        o.custom_payload = string_of(512, payload);
        ck_assert_int_eq(init_with(&o), AZ_OK);
        o.custom_payload = string_of(768, payload);
        ck_assert_int_eq(init_with(&o), AZ_ERROR_NOT_ENOUGH_SPACE);

        o.custom_payload = string_of(sizeof(payload), payload);
        o.body_buffer = AZ_SPAN_FROM_BUFFER(room);
        ck_assert_int_eq(az_dps_session_init(&s, str(HOST), str(SCOPE), str(id), &o), AZ_OK);
        memset(payload, 0, sizeof(payload)); /* neither is needed any more */
        id[0] = '\0';
        (void) give(&s, START, 0, 0);
        (void) give(&s, CONNECTED, 0, 0);
        event = give(&s, SUBACK, 0, 0);
        ck_assert_int_eq(az_span_size(event.as.publish.payload), 33 + 2048);
        ck_assert_span_eq(az_span_slice(event.as.publish.payload, 0, 35),
                          "{\"registrationId\":\"d\",\"payload\":\"xx");
}
END_TEST

START_TEST(the_longest_names_and_their_payload_fit) {
        az_dps_session_options o = options();
        char id[AZ_DPS_SESSION_REGISTRATION_ID_MAX + 1] = "", payload[512];
        az_dps_session s;

        memset(id, ':', sizeof(id) - 2); /* three bytes each in the token */
        id[sizeof(id) - 2] = 'z';
        o.custom_payload = string_of(512, payload);
        ck_assert_int_eq(az_dps_session_init(&s, str(HOST), str(SCOPE), str(id), &o), AZ_OK);
        ck_assert_int_eq(give(&s, START, 0, 0).type, AZ_DPS_EVENT_SIGN);
        ck_assert_int_eq(give(&s, SIGNED, 0, 0).type, AZ_DPS_EVENT_CONNECT);
}
END_TEST

static Suite *dps_session_events_suite(void) {
        Suite *s = suite_create("dps-session-events");
        TCase *t;

        t = tcase_create("the way to an assignment");
        tcase_add_test(t, connect_carries_the_names_and_a_token);
        tcase_add_test(t, the_text_to_sign_is_of_the_same_resource);
        tcase_add_test(t, a_certificate_has_no_password);
        tcase_add_test(t, the_password_is_forgotten_once_it_was_popped);
        tcase_add_test(t, each_request_has_an_id_of_its_own);
        tcase_add_test(t, the_filter_is_that_of_all_answers);
        tcase_add_test(t, an_assignment_carries_hub_device_payload_and_substatus);
        suite_add_tcase(s, t);

        t = tcase_create("failures");
        tcase_add_test(t, a_failure_carries_all_that_the_service_said);
        tcase_add_test(t, a_failure_says_where_it_happened_and_a_loss_too);
        tcase_add_loop_test(t, an_error_has_a_class, 0, ELEMENTSOF(errors));
        tcase_add_test(t, delays_double_while_it_is_lost_and_begin_anew_with_the_next_run);
        tcase_add_test(t, throttling_is_as_long_as_the_longest_delay_if_that_is_short);
        suite_add_tcase(s, t);

        t = tcase_create("messages");
        tcase_add_loop_test(t, a_message_that_is_no_answer_to_the_last_request_is_ignored, 0,
                            ELEMENTSOF(strange));
        tcase_add_test(t, an_answer_counts_once_and_not_for_the_next_request);
        tcase_add_loop_test(t, names_that_cannot_be_are_not_taken, 0, ELEMENTSOF(impossible));
        suite_add_tcase(s, t);

        t = tcase_create("initialization");
        tcase_add_loop_test(t, a_registration_id_is_checked_and_in_lower_case, 0, ELEMENTSOF(ids));
        tcase_add_test(t, options_have_a_range);
        tcase_add_test(t, host_and_id_scope_are_there_and_not_too_long);
        tcase_add_test(t, a_custom_payload_goes_into_the_request);
        tcase_add_test(t, the_longest_names_and_their_payload_fit);
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(dps_session_events_suite)
