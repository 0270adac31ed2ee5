/* SPDX-License-Identifier: MIT */

#include "daemon/telemetry-message.h"

#include "tests/unit/unit.h"

#define S(literal) AZ_SPAN_LITERAL_FROM_STR(literal)

#define BYTES_128                                                          \
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" \
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID_128 BYTES_128
#define ID_129 BYTES_128 "0"

static const IpcMapEntry plain[] = { { S("line"), S("3") }, { S("plant"), S("north") } };
static const IpcMapEntry hostile[] = { { S("a b"), S("yes & no") }, { S("\xC3\xBC/#+"), S("%=?") } };
static const IpcMapEntry empty_name[] = { { S(""), S("x") } };
static const IpcMapEntry empty_value[] = { { S("x"), AZ_SPAN_LITERAL_EMPTY } };
static const IpcMapEntry system_name[] = { { S("$.mid"), S("x") } };
static const IpcMapEntry reserved_name[] = { { S("iothub-x"), S("x") } };

static const struct {
        TelemetryMessage message;
        int result;
        const char *field; /* of an invalid one */
        const char *bag, *body;
} messages[] = {
        { { .body = S("{\"n\":9007199254740993,\"x\":1.10}") },
          0,
          NULL,
          "%24.ct=application%2Fjson&%24.ce=utf-8",
          "{\"n\":9007199254740993,\"x\":1.10}" },
        { { .body = S("{}"), .content_type = S("application/x") },
          0,
          NULL,
          "%24.ct=application%2Fx&%24.ce=utf-8",
          "{}" },
        { { .text = S("hello") }, 0, NULL, "", "hello" },
        { { .data = S("AAEC") }, 0, NULL, "", "\0\1\2" },
        { { .data = S("") }, 0, NULL, "", "" },
        { { .text = S("") }, 0, NULL, "", "" },
        { { .text = S("t"), .message_id = S("m-1"), .correlation_id = S("c/1"), .component = S("thermo") },
          0,
          NULL,
          "%24.mid=m-1&%24.cid=c%2F1&%24.sub=thermo",
          "t" },
        { { .text = S("t"), .properties = { plain, ELEMENTSOF(plain) } },
          0,
          NULL,
          "line=3&plant=north",
          "t" },
        { { .text = S("t"), .properties = { hostile, ELEMENTSOF(hostile) } },
          0,
          NULL,
          "a%20b=yes%20%26%20no&%C3%BC%2F%23%2B=%25%3D%3F",
          "t" },
        { { .text = S("t"), .message_id = S(ID_128) }, 0, NULL, "%24.mid=" ID_128, "t" },
        { { .text = S("t"), .message_id = S(ID_129) }, TELEMETRY_INVALID, "messageId", NULL, NULL },
        { { .text = S("t"), .message_id = S("a b") }, TELEMETRY_INVALID, "messageId", NULL, NULL },
        { { .text = S("t"), .message_id = S("") }, TELEMETRY_INVALID, "messageId", NULL, NULL },
        { { .text = S("t"), .content_type = S("") }, TELEMETRY_INVALID, "contentType", NULL, NULL },
        { { .body = AZ_SPAN_LITERAL_EMPTY }, TELEMETRY_INVALID, "body", NULL, NULL },
        { { .body = S("{}"), .text = S("t") }, TELEMETRY_INVALID, "body", NULL, NULL },
        { { .data = S("A") }, TELEMETRY_INVALID, "data", NULL, NULL },
        { { .data = S("AAEC\n") }, TELEMETRY_INVALID, "data", NULL, NULL },
        { { .text = S("t"), .properties = { empty_name, 1 } }, TELEMETRY_INVALID, "properties", NULL, NULL },
        { { .text = S("t"), .properties = { empty_value, 1 } }, TELEMETRY_INVALID, "properties", NULL, NULL },
        { { .text = S("t"), .properties = { system_name, 1 } }, TELEMETRY_INVALID, "properties", NULL, NULL },
        { { .text = S("t"), .properties = { reserved_name, 1 } },
          TELEMETRY_INVALID,
          "properties",
          NULL,
          NULL },
};

START_TEST(a_message_becomes_bag_and_body_or_is_refused_by_field) {
        size_t bound = telemetry_message_bound(&messages[_i].message);
        uint8_t *memory = malloc(bound), *p = memory;
        TelemetryProblem problem = {};
        OutboxMessage m = {};

        ck_assert_int_eq(telemetry_message_compose(&messages[_i].message, &p, &m, &problem),
                         messages[_i].result);
        if (messages[_i].result != 0) {
                ck_assert_str_eq(problem.field, messages[_i].field);
        } else {
                ck_assert_uint_eq((size_t) az_span_size(m.properties), strlen(messages[_i].bag));
                ck_assert_mem_eq(az_span_ptr(m.properties), messages[_i].bag, strlen(messages[_i].bag));
                ck_assert_mem_eq(az_span_ptr(m.body), messages[_i].body, (size_t) az_span_size(m.body));
                ck_assert_int_eq(m.flags & TELEMETRY_HAS_MESSAGE_ID,
                                 az_span_size(messages[_i].message.message_id) > 0);
                ck_assert_uint_le((size_t) (p - memory), bound);
        }
        free(memory);
}
END_TEST

static int compose_sized(size_t n_body, size_t n_value) {
        _cleanup_(freep) uint8_t *bytes = malloc(n_body + n_value + 1), *memory = NULL;
        IpcMapEntry entry = { S("v"), AZ_SPAN_EMPTY };
        TelemetryMessage message = {};
        TelemetryProblem problem;
        OutboxMessage m;
        uint8_t *p;

        memset(bytes, 'x', n_body + n_value + 1);
        message.text = az_span_create(bytes, (int32_t) n_body);
        entry.value = az_span_create(bytes, (int32_t) n_value);
        if (n_value > 0)
                message.properties = (IpcMap){ &entry, 1 };

        p = memory = malloc(telemetry_message_bound(&message));
        return telemetry_message_compose(&message, &p, &m, &problem);
}

static const struct {
        size_t n_body, n_value;
        int result;
} sizes[] = {
        { TELEMETRY_MESSAGE_MAX, 0, 0 },
        { TELEMETRY_MESSAGE_MAX + 1, 0, TELEMETRY_TOO_LARGE },
        { TELEMETRY_MESSAGE_MAX - 101, 100, 0 }, /* the name "v" counts too */
        { TELEMETRY_MESSAGE_MAX - 100, 100, TELEMETRY_TOO_LARGE },
        { 1, TELEMETRY_BAG_MAX - 2, 0 }, /* "v=" and the value */
        { 1, TELEMETRY_BAG_MAX - 1, TELEMETRY_INVALID },
};

START_TEST(the_limits_of_body_and_bag_hold_to_the_byte) {
        ck_assert_int_eq(compose_sized(sizes[_i].n_body, sizes[_i].n_value), sizes[_i].result);
}
END_TEST

static Suite *telemetry_message_suite(void) {
        Suite *s = suite_create("telemetry-message");
        TCase *t = tcase_create("compose");

        tcase_add_loop_test(t, a_message_becomes_bag_and_body_or_is_refused_by_field, 0,
                            ELEMENTSOF(messages));
        tcase_add_loop_test(t, the_limits_of_body_and_bag_hold_to_the_byte, 0, ELEMENTSOF(sizes));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(telemetry_message_suite)
