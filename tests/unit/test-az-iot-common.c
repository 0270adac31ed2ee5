/* SPDX-License-Identifier: MIT */
#include <azure/az_iot.h>

#include "unit-properties.h"

static const struct {
        int status;
        bool succeeded, retriable;
} statuses[] = {
        { AZ_IOT_STATUS_UNKNOWN, false, false }, /* azure-sdk-for-c says: succeeded */
        { AZ_IOT_STATUS_OK, true, false },
        { AZ_IOT_STATUS_ACCEPTED, true, false },
        { AZ_IOT_STATUS_NO_CONTENT, true, false },
        { 399, true, false },
        { AZ_IOT_STATUS_BAD_REQUEST, false, false },
        { AZ_IOT_STATUS_UNAUTHORIZED, false, false },
        { AZ_IOT_STATUS_FORBIDDEN, false, false },
        { AZ_IOT_STATUS_NOT_FOUND, false, false },
        { AZ_IOT_STATUS_NOT_ALLOWED, false, false },
        { AZ_IOT_STATUS_NOT_CONFLICT, false, false },
        { AZ_IOT_STATUS_PRECONDITION_FAILED, false, false },
        { AZ_IOT_STATUS_REQUEST_TOO_LARGE, false, false },
        { AZ_IOT_STATUS_UNSUPPORTED_TYPE, false, false },
        { AZ_IOT_STATUS_THROTTLED, false, true },
        { AZ_IOT_STATUS_CLIENT_CLOSED, false, false },
        { AZ_IOT_STATUS_SERVER_ERROR, false, true },
        { 501, false, true },
        { AZ_IOT_STATUS_BAD_GATEWAY, false, true },         /* azure-sdk-for-c says: final */
        { AZ_IOT_STATUS_SERVICE_UNAVAILABLE, false, true }, /* the same */
        { AZ_IOT_STATUS_TIMEOUT, false, true },             /* the same */
        { 599, false, true },
        { 600, false, false },
        { -1, false, false },
};

START_TEST(status_is_classified) {
        ck_assert_int_eq(az_iot_status_succeeded((az_iot_status) statuses[_i].status),
                         statuses[_i].succeeded);
        ck_assert_int_eq(az_iot_status_retriable((az_iot_status) statuses[_i].status),
                         statuses[_i].retriable);
}
END_TEST

static const struct {
        int32_t operation_msec;
        int16_t attempt;
        int32_t min_msec, max_msec, jitter_msec;
        int32_t expected_msec;
} delays[] = {
        /* What azure-sdk-for-c promises. */
        { 5, 1, 500, 100000, 1234, 2229 },
        { 5000, 1, 500, 100000, 4321, 321 },
        { 10000, 1, 500, 100000, 4321, 0 },
        { 5, 5, 500, 10000, 4321, 9995 },

        { 0, 0, 1000, 100000, 0, 1000 },
        { 0, 1, 1000, 100000, 0, 2000 },
        { 0, 6, 1000, 100000, 5000, 69000 },
        { 0, 7, 1000, 100000, 0, 100000 },

        /* Jitter at the maximum, and where it would pass it. */
        { 0, 7, 1000, 100000, 5000, 95000 },
        { 0, 20, 1000, 100000, 1, 99999 },
        { 0, 0, 98000, 100000, 2000, 100000 },
        { 0, 0, 98000, 100000, 2001, 95999 },
        { 0, 7, 1000, 100000, 25000, 75000 },
        { 0, 7, 1000, 100000, 25001, 100000 },

        /* Where a product of 32 bits overflows. */
        { 0, 22, 1000, 100000, 0, 100000 },
        { 0, 29, 1000, 100000, 0, 100000 },
        { 0, 30, 1000, 100000, 0, 100000 },
        { 0, 31, 1000, 100000, 0, 100000 },
        { 0, INT16_MAX, 1, INT32_MAX, 0, INT32_MAX },
        { 0, INT16_MAX, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX },
        { INT32_MAX, 0, 0, 0, INT32_MAX, 0 },
        { 0, INT16_MAX, 0, 100000, 7, 7 },
};

START_TEST(retry_delay_is_calculated) {
        ck_assert_int_eq(az_iot_calculate_retry_delay(delays[_i].operation_msec, delays[_i].attempt,
                                                      delays[_i].min_msec, delays[_i].max_msec,
                                                      delays[_i].jitter_msec),
                         delays[_i].expected_msec);
}
END_TEST

START_TEST(retry_delay_never_shrinks_nor_leaves_its_limits) {
        int32_t last_msec = 0;

        for (int16_t attempt = 0; attempt < INT16_MAX; attempt++) {
                int32_t msec = az_iot_calculate_retry_delay(0, attempt, 1000, 100000, 0);

                ck_assert_int_ge(msec, last_msec);
                ck_assert_int_le(msec, 100000);
                last_msec = msec;
        }
}
END_TEST

static const struct {
        const char *text;
        const char *name;  /* to find */
        const char *value; /* NULL: not found */
} searches[] = {
        { "", "a", NULL },        { "a=1", "a", "1" },
        { "a=1&b=2", "b", "2" },  { "a=1&b=2", "c", NULL },
        { "ab=1&b=2", "b", "2" }, { "b=a&a=2", "a", "2" }, /* a value is no name */
        { "a=1&a=2", "a", "1" },  { "a=", "a", "" },
        { "a", "a", "" },         { "a&b=1", "a", "" }, /* azure-sdk-for-c sees one name "a&b" */
        { "a&b=1", "b", "1" },    { "a&b=1", "a&b", NULL },
        { "a=1=2", "a", "1=2" },  { "&&a=1&&", "a", "1" },
        { "=1", "a", NULL },      { "a=1&", "a", "1" },
        { "A=1", "a", NULL },     { "%24.mid=m-1&line=3", AZ_IOT_MESSAGE_PROPERTIES_MESSAGE_ID, "m-1" },
        { "a&a=2", "a", "" },     { "a=&a=2", "a", "" }, /* the first counts, whatever it holds */
};

START_TEST(property_is_found) {
        az_iot_message_properties properties;
        az_span text = str(searches[_i].text), value = AZ_SPAN_EMPTY;
        az_result r;

        ck_assert_int_eq(az_iot_message_properties_init(&properties, text, az_span_size(text)), AZ_OK);
        r = az_iot_message_properties_find(&properties, str(searches[_i].name), &value);
        if (!searches[_i].value) {
                ck_assert_int_eq(r, AZ_ERROR_ITEM_NOT_FOUND);
                return;
        }
        ck_assert_int_eq(r, AZ_OK);
        ck_assert_span_eq(value, searches[_i].value);
}
END_TEST

static const struct {
        const char *text;
        const char *read; /* "name>value;" of each; a NULL value is "name;" */
} iterations[] = {
        { "", "" },
        { "a=1", "a>1;" },
        { "a=1&b=2&c=3", "a>1;b>2;c>3;" },
        { "a&b=1", "a;b>1;" },
        { "a=&b", "a>;b;" },
        { "&a=1&&b=2&", "a>1;b>2;" },
        { "=v&n=", ">v;n>;" },
        { "a==&b", "a>=;b;" },
        { "&", "" },
        { "=", ">;" },
};

START_TEST(properties_are_read_in_order) {
        az_iot_message_properties properties;
        az_span text = str(iterations[_i].text), name, value;
        char read[64];

        ck_assert_int_eq(az_iot_message_properties_init(&properties, text, az_span_size(text)), AZ_OK);
        ck_assert_int_eq(read_properties(&properties, read, sizeof(read)), AZ_ERROR_IOT_END_OF_PROPERTIES);
        ck_assert_str_eq(read, iterations[_i].read);
        ck_assert_int_eq(az_iot_message_properties_next(&properties, &name, &value),
                         AZ_ERROR_IOT_END_OF_PROPERTIES);
}
END_TEST

START_TEST(properties_beyond_the_written_length_are_not_seen) {
        az_iot_message_properties properties;
        az_span value;

        ck_assert_int_eq(az_iot_message_properties_init(&properties, str("a=1&b=2"), 3), AZ_OK);
        ck_assert_int_eq(az_iot_message_properties_find(&properties, str("b"), &value),
                         AZ_ERROR_ITEM_NOT_FOUND);
}
END_TEST

START_TEST(finding_does_not_move_the_reading) {
        az_iot_message_properties properties;
        az_span name, value;

        ck_assert_int_eq(az_iot_message_properties_init(&properties, str("a=1&b=2"), 7), AZ_OK);
        ck_assert_int_eq(az_iot_message_properties_next(&properties, &name, &value), AZ_OK);
        ck_assert_int_eq(az_iot_message_properties_find(&properties, str("b"), &value), AZ_OK);
        ck_assert_int_eq(az_iot_message_properties_next(&properties, &name, &value), AZ_OK);
        ck_assert_span_eq(name, "b");
}
END_TEST

/* Each size of the buffer from none to enough, at the end of its block so that the sanitizer sees a write
 * past it.
 */
START_TEST(append_needs_exactly_its_size) {
        static const char expected[] = "a=1&name=value";
        _cleanup_(freep) uint8_t *block = malloc(strlen(expected) + 1);

        for (size_t size = 0; size <= strlen(expected); size++) {
                uint8_t *buffer = block + strlen(expected) + 1 - size;
                az_iot_message_properties properties;
                az_span name, value;
                az_result r;

                ck_assert_int_eq(az_iot_message_properties_init(&properties,
                                                                az_span_create(buffer, (int32_t) size), 0),
                                 AZ_OK);
                r = az_iot_message_properties_append(&properties, str("a"), str("1"));
                ck_assert_int_eq(r, size < 3 ? AZ_ERROR_NOT_ENOUGH_SPACE : AZ_OK);
                if (r != AZ_OK)
                        continue;
                r = az_iot_message_properties_append(&properties, str("name"), str("value"));
                if (size == strlen(expected)) {
                        ck_assert_int_eq(r, AZ_OK);
                        ck_assert_mem_eq(buffer, expected, size);
                        continue;
                }
                /* What was there before stays as it was. */
                ck_assert_int_eq(r, AZ_ERROR_NOT_ENOUGH_SPACE);
                ck_assert_int_eq(az_iot_message_properties_next(&properties, &name, &value), AZ_OK);
                ck_assert_int_eq(az_iot_message_properties_next(&properties, &name, &value),
                                 AZ_ERROR_IOT_END_OF_PROPERTIES);
        }
}
END_TEST

START_TEST(append_goes_on_behind_what_is_written) {
        uint8_t buffer[32] = "x=0";
        az_iot_message_properties properties;

        ck_assert_int_eq(az_iot_message_properties_init(&properties, AZ_SPAN_FROM_BUFFER(buffer), 3), AZ_OK);
        ck_assert_int_eq(az_iot_message_properties_append(&properties, str("y"), str("1")), AZ_OK);
        ck_assert_str_eq((char *) buffer, "x=0&y=1");
}
END_TEST

START_TEST(port_and_keep_alive_are_as_in_the_sdk) {
        ck_assert_int_eq(AZ_IOT_DEFAULT_MQTT_CONNECT_PORT, 8883);
        ck_assert_int_eq(AZ_IOT_DEFAULT_MQTT_CONNECT_KEEPALIVE_SECONDS, 240);
}
END_TEST

static Suite *az_iot_common_suite(void) {
        Suite *s = suite_create("az-iot-common");
        TCase *t;

        t = tcase_create("az_iot_status");
        tcase_add_loop_test(t, status_is_classified, 0, ELEMENTSOF(statuses));
        tcase_add_test(t, port_and_keep_alive_are_as_in_the_sdk);
        suite_add_tcase(s, t);

        t = tcase_create("az_iot_calculate_retry_delay");
        tcase_add_loop_test(t, retry_delay_is_calculated, 0, ELEMENTSOF(delays));
        tcase_add_test(t, retry_delay_never_shrinks_nor_leaves_its_limits);
        suite_add_tcase(s, t);

        t = tcase_create("az_iot_message_properties");
        tcase_add_loop_test(t, property_is_found, 0, ELEMENTSOF(searches));
        tcase_add_loop_test(t, properties_are_read_in_order, 0, ELEMENTSOF(iterations));
        tcase_add_test(t, properties_beyond_the_written_length_are_not_seen);
        tcase_add_test(t, finding_does_not_move_the_reading);
        tcase_add_test(t, append_needs_exactly_its_size);
        tcase_add_test(t, append_goes_on_behind_what_is_written);
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(az_iot_common_suite)
