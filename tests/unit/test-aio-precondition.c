/* SPDX-License-Identifier: MIT */
#include <aio/cloud_event.h>
#include <aio/serializer.h>
#include <aio/time.h>
#include <aio/topic.h>

#include "unit-precondition.h"

static az_span out;
static aio_error error;
static const aio_hlc timestamp;
static aio_hlc_clock hlc_clock;
static aio_metadata_writer writer;
static const az_mqtt_user_property property;
static const aio_topic_tokens none;
static const az_span empty;
static uint8_t uuid[AIO_UUID_SIZE];

START_TEST(a_time_is_written_to_and_read_from_something) {
        az_span room = AZ_SPAN_FROM_BUFFER(some_bytes);
        uint64_t number;
        int64_t wall_ms;
        az_result r;

        CHECK_FAILS(r = aio_expiry_from_timeout(1, NULL));
        CHECK_FAILS(r = aio_duration_format(1, span_nowhere, &out));
        CHECK_FAILS(r = aio_duration_format(1, room, NULL));
        CHECK_FAILS(r = aio_duration_parse(span_negative, &number));
        CHECK_FAILS(r = aio_duration_parse(room, NULL));
        CHECK_FAILS(r = aio_rfc3339_format(1, span_nowhere, &out));
        CHECK_FAILS(r = aio_rfc3339_format(1, room, NULL));
        CHECK_FAILS(r = aio_rfc3339_parse(span_negative, &wall_ms));
        CHECK_FAILS(r = aio_rfc3339_parse(room, NULL));
        CHECK_FAILS(aio_uuid_from_random(NULL));
        CHECK_FAILS(r = aio_uuid_format(NULL, room, &out));
        CHECK_FAILS(r = aio_uuid_format(uuid, span_nowhere, &out));
        CHECK_FAILS(r = aio_uuid_format(uuid, room, NULL));
        (void) r;
}
END_TEST

START_TEST(a_clock_is_there_and_has_a_node) {
        az_span room = AZ_SPAN_FROM_BUFFER(some_bytes);
        aio_hlc hlc;
        az_result r;
        int order;

        CHECK_FAILS(r = aio_hlc_parse(span_negative, &hlc));
        CHECK_FAILS(r = aio_hlc_parse(room, NULL));
        CHECK_FAILS(r = aio_hlc_format(NULL, room, &out));
        CHECK_FAILS(r = aio_hlc_format(&timestamp, span_nowhere, &out));
        CHECK_FAILS(r = aio_hlc_format(&timestamp, room, NULL));
        CHECK_FAILS(order = aio_hlc_compare(NULL, &timestamp));
        CHECK_FAILS(order = aio_hlc_compare(&timestamp, NULL));
        CHECK_FAILS(r = aio_hlc_clock_init(NULL, room, 1));
        CHECK_FAILS(r = aio_hlc_clock_init(&hlc_clock, span_nowhere, 1));
        CHECK_FAILS(r = aio_hlc_clock_tick(NULL, 1, &hlc));
        CHECK_FAILS(r = aio_hlc_clock_tick(&hlc_clock, 1, NULL));
        CHECK_FAILS(r = aio_hlc_clock_update(NULL, &timestamp, 1));
        CHECK_FAILS(r = aio_hlc_clock_update(&hlc_clock, NULL, 1));
        (void) r;
        (void) order;
}
END_TEST

START_TEST(an_error_is_made_of_something) {
        aio_status status;
        aio_error_kind kind;
        az_result r;

        CHECK_FAILS(r = aio_error_kind_from_string(span_nowhere, &kind));
        CHECK_FAILS(r = aio_error_kind_from_string(str("timeout"), NULL));
        CHECK_FAILS(status = aio_error_to_status(NULL));
        status = (aio_status){ .code = 200 };
        CHECK_FAILS(r = aio_error_from_status(NULL, AZ_SPAN_EMPTY, &error));
        CHECK_FAILS(r = aio_error_from_status(&status, span_negative, &error));
        CHECK_FAILS(r = aio_error_from_status(&status, AZ_SPAN_EMPTY, NULL));
        (void) r;
}
END_TEST

START_TEST(a_pattern_is_of_texts) {
        az_span room = AZ_SPAN_FROM_BUFFER(some_bytes);
        aio_topic_response_options options = { 0 };
        aio_topic_pattern pattern;
        int32_t n_tokens;
        az_result r;
        bool is;

        CHECK_FAILS(r = aio_topic_pattern_init(NULL, str("p"), str("a"), empty, none, &error));
        CHECK_FAILS(r = aio_topic_pattern_init(&pattern, empty, str("a"), empty, none, &error));
        CHECK_FAILS(r = aio_topic_pattern_init(&pattern, str("p"), span_nowhere, empty, none, &error));
        CHECK_FAILS(r = aio_topic_pattern_init(&pattern, str("p"), str("a"), span_negative, none, &error));
        CHECK_FAILS(r = aio_topic_pattern_init(&pattern, str("p"), str("a"), empty, none, NULL));
        CHECK_FAILS(r = aio_topic_pattern_init_response(NULL, &options, &error));
        CHECK_FAILS(r = aio_topic_pattern_init_response(&pattern, NULL, &error));
        CHECK_FAILS(r = aio_topic_pattern_init_response(&pattern, &options, NULL));
        ck_assert_int_eq(aio_topic_pattern_init(&pattern, str("p"), str("a"), empty, none, &error), AZ_OK);
        CHECK_FAILS(r = aio_topic_pattern_resolve(NULL, none, room, &out, &error));
        CHECK_FAILS(r = aio_topic_pattern_resolve(&pattern, none, span_nowhere, &out, &error));
        CHECK_FAILS(r = aio_topic_pattern_resolve(&pattern, none, room, NULL, &error));
        CHECK_FAILS(r = aio_topic_pattern_resolve(&pattern, none, room, &out, NULL));
        CHECK_FAILS(r = aio_topic_pattern_filter(NULL, empty, room, &out, &error));
        CHECK_FAILS(r = aio_topic_pattern_filter(&pattern, span_nowhere, room, &out, &error));
        CHECK_FAILS(r = aio_topic_pattern_filter(&pattern, empty, span_negative, &out, &error));
        CHECK_FAILS(r = aio_topic_pattern_filter(&pattern, empty, room, NULL, &error));
        CHECK_FAILS(r = aio_topic_pattern_filter(&pattern, empty, room, &out, NULL));
        CHECK_FAILS(is = aio_topic_pattern_matches(NULL, room));
        CHECK_FAILS(is = aio_topic_pattern_matches(&pattern, span_nowhere));
        CHECK_FAILS(r = aio_topic_pattern_extract(NULL, room, NULL, 0, &n_tokens));
        CHECK_FAILS(r = aio_topic_pattern_extract(&pattern, span_nowhere, NULL, 0, &n_tokens));
        CHECK_FAILS(r = aio_topic_pattern_extract(&pattern, room, NULL, 1, &n_tokens));
        CHECK_FAILS(r = aio_topic_pattern_extract(&pattern, room, NULL, 0, NULL));
        CHECK_FAILS(r = aio_topic_tokens_find(none, span_nowhere, &out));
        CHECK_FAILS(r = aio_topic_tokens_find(none, room, NULL));
        CHECK_FAILS(is = aio_topic_is_valid(span_nowhere));
        CHECK_FAILS(is = aio_topic_filter_is_valid(span_nowhere));
        CHECK_FAILS(is = aio_topic_filter_matches(span_nowhere, room));
        CHECK_FAILS(is = aio_topic_filter_matches(room, span_nowhere));
        CHECK_FAILS(is = aio_topic_filter_covers(span_nowhere, room));
        CHECK_FAILS(is = aio_topic_filter_covers(room, span_nowhere));
        (void) r;
        (void) is;
}
END_TEST

START_TEST(metadata_are_written_to_something) {
        az_mqtt_user_property properties[1];
        az_mqtt_message message = { 0 };
        aio_status status = { .code = 200 };
        az_span room = AZ_SPAN_FROM_BUFFER(some_bytes);
        az_result r;

        CHECK_FAILS(aio_metadata_writer_init(NULL, properties, 1, room));
        CHECK_FAILS(aio_metadata_writer_init(&writer, NULL, 1, room));
        CHECK_FAILS(aio_metadata_writer_init(&writer, properties, -1, room));
        CHECK_FAILS(aio_metadata_writer_init(&writer, properties, 1, span_nowhere));
        aio_metadata_writer_init(&writer, properties, 1, room);
        CHECK_FAILS(aio_metadata_writer_finish(NULL, &message));
        CHECK_FAILS(aio_metadata_writer_finish(&writer, NULL));
        CHECK_FAILS(r = aio_metadata_write(NULL, room, room));
        CHECK_FAILS(r = aio_metadata_write(&writer, span_nowhere, room));
        CHECK_FAILS(r = aio_metadata_write(&writer, room, span_nowhere));
        CHECK_FAILS(r = aio_metadata_write_user(NULL, &property, 1, &error));
        CHECK_FAILS(r = aio_metadata_write_user(&writer, NULL, 1, &error));
        CHECK_FAILS(r = aio_metadata_write_user(&writer, &property, -1, &error));
        CHECK_FAILS(r = aio_metadata_write_user(&writer, &property, 1, NULL));
        CHECK_FAILS(r = aio_metadata_write_telemetry(NULL, room, &timestamp, false));
        CHECK_FAILS(r = aio_metadata_write_telemetry(&writer, span_nowhere, &timestamp, false));
        CHECK_FAILS(r = aio_metadata_write_telemetry(&writer, room, NULL, false));
        CHECK_FAILS(r = aio_metadata_write_request(NULL, room, &timestamp, NULL));
        CHECK_FAILS(r = aio_metadata_write_request(&writer, span_nowhere, &timestamp, NULL));
        CHECK_FAILS(r = aio_metadata_write_request(&writer, room, NULL, NULL));
        CHECK_FAILS(r = aio_metadata_write_response(NULL, room, &timestamp, &status));
        CHECK_FAILS(r = aio_metadata_write_response(&writer, span_nowhere, &timestamp, &status));
        CHECK_FAILS(r = aio_metadata_write_response(&writer, room, NULL, &status));
        CHECK_FAILS(r = aio_metadata_write_response(&writer, room, &timestamp, NULL));
        (void) r;
}
END_TEST

START_TEST(metadata_are_read_from_something) {
        az_mqtt_message bare = { 0 }, message = { .user_properties = &property, .n_user_properties = 1 };
        az_span room = AZ_SPAN_FROM_BUFFER(some_bytes);
        aio_metadata metadata = { 0 };
        aio_status status;
        aio_hlc hlc;
        int32_t n;
        az_result r;
        bool is;

        CHECK_FAILS(aio_metadata_read(NULL, &metadata));
        CHECK_FAILS(aio_metadata_read(&bare, NULL));
        CHECK_FAILS(r = aio_metadata_check_version(NULL, &error));
        CHECK_FAILS(r = aio_metadata_check_version(&metadata, NULL));
        CHECK_FAILS(r = aio_metadata_get_timestamp(NULL, &hlc, &error));
        CHECK_FAILS(r = aio_metadata_get_timestamp(&metadata, NULL, &error));
        CHECK_FAILS(r = aio_metadata_get_timestamp(&metadata, &hlc, NULL));
        CHECK_FAILS(r = aio_metadata_get_status(NULL, &status, &error));
        CHECK_FAILS(r = aio_metadata_get_status(&metadata, NULL, &error));
        CHECK_FAILS(r = aio_metadata_get_status(&metadata, &status, NULL));
        CHECK_FAILS(is = aio_metadata_is_reserved(span_nowhere));
        CHECK_FAILS(n = aio_metadata_strip(NULL, NULL));
        CHECK_FAILS(n = aio_metadata_strip(&message, NULL));
        CHECK_FAILS(r = aio_metadata_find(NULL, room, &out));
        CHECK_FAILS(r = aio_metadata_find(&bare, span_nowhere, &out));
        CHECK_FAILS(r = aio_metadata_find(&bare, room, NULL));
        (void) r;
        (void) is;
        (void) n;
}
END_TEST

START_TEST(an_event_and_a_payload_are_of_something) {
        aio_serializer serializer = aio_serializer_raw();
        az_span room = AZ_SPAN_FROM_BUFFER(some_bytes);
        aio_cloud_event_defaults defaults = { 0 };
        az_mqtt_message message = { 0 };
        aio_cloud_event event = { 0 };
        az_result r;

        CHECK_FAILS(r = aio_cloud_event_write(NULL, &event, &defaults, &error));
        CHECK_FAILS(r = aio_cloud_event_write(&writer, NULL, &defaults, &error));
        CHECK_FAILS(r = aio_cloud_event_write(&writer, &event, NULL, &error));
        CHECK_FAILS(r = aio_cloud_event_write(&writer, &event, &defaults, NULL));
        CHECK_FAILS(r = aio_cloud_event_read(NULL, &event, &error));
        CHECK_FAILS(r = aio_cloud_event_read(&message, NULL, &error));
        CHECK_FAILS(r = aio_cloud_event_read(&message, &event, NULL));
        CHECK_FAILS(r = aio_serializer_check(NULL, &message, &error));
        CHECK_FAILS(r = aio_serializer_check(&serializer, NULL, &error));
        CHECK_FAILS(r = aio_serializer_check(&serializer, &message, NULL));
        CHECK_FAILS(r = aio_serializer_validate(NULL, room, &error));
        CHECK_FAILS(r = aio_serializer_validate(&serializer, span_nowhere, &error));
        CHECK_FAILS(r = aio_serializer_validate(&serializer, room, NULL));
        CHECK_FAILS(r = aio_serialize(NULL, &room, room, &out, &error));
        CHECK_FAILS(r = aio_serialize(&serializer, NULL, room, &out, &error));
        CHECK_FAILS(r = aio_serialize(&serializer, &room, span_nowhere, &out, &error));
        CHECK_FAILS(r = aio_serialize(&serializer, &room, room, NULL, &error));
        CHECK_FAILS(r = aio_serialize(&serializer, &room, room, &out, NULL));
        CHECK_FAILS(r = aio_deserialize(NULL, room, &out, &error));
        CHECK_FAILS(r = aio_deserialize(&serializer, span_nowhere, &out, &error));
        CHECK_FAILS(r = aio_deserialize(&serializer, room, NULL, &error));
        CHECK_FAILS(r = aio_deserialize(&serializer, room, &out, NULL));
        CHECK_FAILS(aio_serializer_describe(NULL, &message));
        CHECK_FAILS(aio_serializer_describe(&serializer, NULL));
        (void) r;
}
END_TEST

static Suite *aio_precondition_suite(void) {
        Suite *s = suite_create("aio-precondition");
        TCase *t = tcase_create("aio");

        tcase_add_checked_fixture(t, expect_failures, NULL);
        tcase_add_test(t, a_time_is_written_to_and_read_from_something);
        tcase_add_test(t, a_clock_is_there_and_has_a_node);
        tcase_add_test(t, an_error_is_made_of_something);
        tcase_add_test(t, a_pattern_is_of_texts);
        tcase_add_test(t, metadata_are_written_to_something);
        tcase_add_test(t, metadata_are_read_from_something);
        tcase_add_test(t, an_event_and_a_payload_are_of_something);
        suite_add_tcase(s, t);
        return s;
}

PRECONDITION_MAIN(aio_precondition_suite)
