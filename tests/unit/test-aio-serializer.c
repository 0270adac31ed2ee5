/* SPDX-License-Identifier: MIT */
#include <aio/serializer.h>

#include "aio-check.h"

#define TEXT(text) AZ_SPAN_LITERAL_FROM_STR(text)

/* One of the program: a number, as decimal digits. */
static az_result write_number(void *context, const void *value, az_span destination, az_span *out_payload) {
        int32_t number = *(const int32_t *) value;
        az_span rest;
        az_result r;

        if (number < 0)
                return AZ_ERROR_ARG;
        r = az_span_i32toa(destination, number, &rest);
        if (az_result_failed(r))
                return r;
        *out_payload = az_span_slice(destination, 0, az_span_size(destination) - az_span_size(rest));
        return AZ_OK;
}

static az_result read_number(void *context, az_span payload, void *out_value) {
        (*(int32_t *) context)++;
        return az_span_atoi32(payload, out_value);
}

static az_result validate_number(void *context, az_span payload) {
        int32_t number;

        return az_span_atoi32(payload, &number);
}

enum {
        RAW,
        JSON,
        EMPTY,
        ANY,
        CUSTOM,
        STRICT
};

static const az_span strict_accepted[] = { TEXT("text/x"), TEXT("text/y; v=1") };
static const az_span custom_accepted[] = { TEXT(""), TEXT("text/x") };

static aio_serializer serializer_of(int kind, int32_t *n_calls) {
        switch (kind) {
        case RAW:
                return aio_serializer_raw();
        case JSON:
                return aio_serializer_json();
        case EMPTY:
                return aio_serializer_empty();
        case ANY:
                return aio_serializer_any(of("text/plain"), 1);
        default:
                return (aio_serializer){ .content_type = of("text/z"),
                                         .accepted = kind == CUSTOM ? custom_accepted : strict_accepted,
                                         .n_accepted = 2,
                                         .validate = validate_number,
                                         .serialize = write_number,
                                         .deserialize = read_number,
                                         .context = n_calls };
        }
}

static const struct {
        int kind;
        const char *content_type;
        int format; /* -1: absent */
        const char *refused;
} received[] = {
        { RAW, NULL, -1, NULL },
        { RAW, NULL, 0, NULL },
        { RAW, "application/octet-stream", 0, NULL },
        { RAW, "application/octet-stream", 1, "Payload Format Indicator" },
        { RAW, "application/json", 0, "Content Type" },
        { JSON, NULL, -1, NULL },
        { JSON, "application/json", 1, NULL },
        { JSON, "application/json", 0, NULL },
        { JSON, "application/json; charset=utf-8", 1, NULL },
        { JSON, "application/json;", 1, NULL },
        { JSON, "application/jsonx", 1, "Content Type" },
        { JSON, "Application/json", 1, "Content Type" },
        { JSON, "application/json+x", 1, "Content Type" },
        { JSON, "raw/0", 1, "Content Type" },
        { JSON, "", 1, "Content Type" },
        { EMPTY, NULL, 0, NULL },
        { EMPTY, "application/json", 0, "Content Type" },
        { ANY, "application/json", 1, NULL },
        { ANY, NULL, 0, NULL },
        { CUSTOM, NULL, 0, NULL },
        { CUSTOM, "", 0, NULL },
        { CUSTOM, "text/x", 0, NULL },
        { CUSTOM, "text/z", 0, "Content Type" },
        { CUSTOM, ";", 0, "Content Type" },
        { STRICT, NULL, 0, "Content Type" },
        { STRICT, "text/x", 0, NULL },
        { STRICT, "text/x;v=2", 0, NULL },
        { STRICT, "text/y; v=1", 0, NULL },
        { STRICT, "text/y", 0, "Content Type" },
        { STRICT, "text/y; v=2", 0, "Content Type" },
};

START_TEST(a_message_is_of_an_accepted_kind) {
        aio_serializer serializer = serializer_of(received[_i].kind, NULL);
        az_mqtt_message message = { .content_type = of(received[_i].content_type),
                                    .has_payload_format = received[_i].format >= 0,
                                    .payload_format = received[_i].format == 1 };
        aio_error error;
        az_result r = aio_serializer_check(&serializer, &message, &error);

        ck_assert_int_eq(r, received[_i].refused ? AZ_ERROR_NOT_SUPPORTED : AZ_OK);
        if (received[_i].refused) {
                ck_assert_int_eq(error.kind, AIO_ERROR_INVALID_HEADER);
                ck_assert_int_eq(aio_error_to_status(&error).code, 415);
                CHECK_SPAN(error.property_name, received[_i].refused);
                if (strcmp(received[_i].refused, "Content Type") == 0)
                        CHECK_SPAN(error.property_value,
                                   received[_i].content_type ? received[_i].content_type : "");
                else
                        CHECK_SPAN(error.property_value, "1");
        }
}
END_TEST

static const struct {
        int kind;
        const char *payload;
        az_result cause; /* AZ_OK: it is right */
} payloads[] = {
        { RAW, "", AZ_OK },
        { RAW, "\xff", AZ_OK },
        { JSON, "{\"a\":[1]}", AZ_OK },
        { JSON, "\"x\"", AZ_OK },
        { JSON, "", AZ_ERROR_UNEXPECTED_END },
        { JSON, "{", AZ_ERROR_UNEXPECTED_END },
        { JSON, "nope", AZ_ERROR_UNEXPECTED_CHAR },
        { JSON, "1 2", AZ_ERROR_UNEXPECTED_CHAR },
        { EMPTY, "", AZ_OK },
        { EMPTY, "x", AZ_ERROR_UNEXPECTED_CHAR },
        { ANY, "x", AZ_OK },
        { CUSTOM, "12", AZ_OK },
        { CUSTOM, "x", AZ_ERROR_UNEXPECTED_CHAR },
};

static void check_payload_error(const aio_error *error, az_result cause, bool is_shallow) {
        ck_assert_int_eq(error->kind, AIO_ERROR_INVALID_PAYLOAD);
        ck_assert_int_eq(error->cause, cause);
        ck_assert_int_eq(error->is_shallow, is_shallow);
}

START_TEST(a_payload_is_of_its_format) {
        aio_serializer serializer = serializer_of(payloads[_i].kind, NULL);
        bool is_right = payloads[_i].cause == AZ_OK;
        az_result expected = is_right ? AZ_OK : AZ_ERROR_UNEXPECTED_CHAR;
        az_span text = of(payloads[_i].payload), made;
        aio_error error;

        ck_assert_int_eq(aio_serializer_validate(&serializer, text, &error), expected);
        if (!is_right)
                check_payload_error(&error, payloads[_i].cause, false);
        if (serializer.serialize)
                return;

        ck_assert_int_eq(aio_serialize(&serializer, &text, AZ_SPAN_EMPTY, &made, &error), expected);
        if (is_right)
                ck_assert_ptr_eq(az_span_ptr(made), az_span_ptr(text));
        else
                check_payload_error(&error, payloads[_i].cause, true);
        ck_assert_int_eq(aio_deserialize(&serializer, text, &made, &error), expected);
        if (is_right)
                ck_assert_ptr_eq(az_span_ptr(made), az_span_ptr(text));
        else
                check_payload_error(&error, payloads[_i].cause, false);
}
END_TEST

START_TEST(a_program_may_bring_its_own) {
        int32_t n_calls = 0, number = 42, negative = -1, read = 0;
        aio_serializer serializer = serializer_of(CUSTOM, &n_calls);
        char buffer[2];
        az_span payload;
        aio_error error;

        ck_assert_int_eq(aio_serialize(&serializer, &number, AZ_SPAN_FROM_BUFFER(buffer), &payload, &error),
                         AZ_OK);
        CHECK_SPAN(payload, "42");
        ck_assert_int_eq(aio_deserialize(&serializer, payload, &read, &error), AZ_OK);
        ck_assert_int_eq(read, 42);
        ck_assert_int_eq(n_calls, 1);
        ck_assert_int_eq(aio_deserialize(&serializer, of("x"), &read, &error), AZ_ERROR_UNEXPECTED_CHAR);
        check_payload_error(&error, AZ_ERROR_UNEXPECTED_CHAR, false);

        ck_assert_int_eq(aio_serialize(&serializer, &negative, AZ_SPAN_FROM_BUFFER(buffer), &payload, &error),
                         AZ_ERROR_UNEXPECTED_CHAR);
        check_payload_error(&error, AZ_ERROR_ARG, true);
        number = 420;
        ck_assert_int_eq(aio_serialize(&serializer, &number, AZ_SPAN_FROM_BUFFER(buffer), &payload, &error),
                         AZ_ERROR_NOT_ENOUGH_SPACE);
        check_payload_error(&error, AZ_ERROR_NOT_ENOUGH_SPACE, true);
}
END_TEST

static const struct {
        int kind;
        const char *content_type;
        uint8_t format;
} sent[] = {
        { RAW, "application/octet-stream", 0 },
        { JSON, "application/json", 1 },
        { EMPTY, NULL, 0 },
        { ANY, "text/plain", 1 },
        { CUSTOM, "text/z", 0 },
};

START_TEST(a_message_says_what_it_is) {
        aio_serializer serializer = serializer_of(sent[_i].kind, NULL);
        az_mqtt_message message = { 0 };

        aio_serializer_describe(&serializer, &message);
        CHECK_SPAN(message.content_type, sent[_i].content_type);
        ck_assert(message.has_payload_format);
        ck_assert_uint_eq(message.payload_format, sent[_i].format);
}
END_TEST

static Suite *aio_serializer_suite(void) {
        Suite *s = suite_create("aio-serializer");
        TCase *t = tcase_create("aio_serializer");

        tcase_add_loop_test(t, a_message_is_of_an_accepted_kind, 0, ELEMENTSOF(received));
        tcase_add_loop_test(t, a_payload_is_of_its_format, 0, ELEMENTSOF(payloads));
        tcase_add_test(t, a_program_may_bring_its_own);
        tcase_add_loop_test(t, a_message_says_what_it_is, 0, ELEMENTSOF(sent));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(aio_serializer_suite)
