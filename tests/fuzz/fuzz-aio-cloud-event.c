/* SPDX-License-Identifier: MIT */

/*
 * The input is the content type of a message (an empty line: none), and on further lines its user properties,
 * "key=value". An event that is read can be written, and reads the same then. Beside it, what it is made of:
 * each value is read as a time and as a duration, too.
 */

#include <stdlib.h>

#include <aio/cloud_event.h>
#include <aio/time.h>

#include "fuzz-script.h"

#define PROPERTIES_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

static void check_same(az_span a, az_span b) {
        check(az_span_is_content_equal(a, b));
}

static void check_event(const aio_cloud_event *event, az_span content_type) {
        aio_cloud_event_defaults defaults = { .type = AZ_SPAN_FROM_STR(AIO_CLOUD_EVENT_TYPE_TELEMETRY),
                                              .topic = AZ_SPAN_FROM_STR("topic"),
                                              .content_type = content_type };
        uint8_t scratch[AIO_CLOUD_EVENT_SCRATCH_SIZE];
        az_mqtt_user_property properties[AIO_CLOUD_EVENT_MAX];
        az_mqtt_message message = { .content_type = content_type };
        aio_metadata_writer writer;
        aio_cloud_event again;
        aio_error error;

        aio_metadata_writer_init(&writer, properties, AIO_CLOUD_EVENT_MAX, AZ_SPAN_FROM_BUFFER(scratch));
        check(aio_cloud_event_write(&writer, event, &defaults, &error) == AZ_OK);
        aio_metadata_writer_finish(&writer, &message);
        check(aio_cloud_event_read(&message, &again, &error) == AZ_OK);
        check_same(again.id, event->id);
        check_same(again.source, event->source);
        check_same(again.type, event->type);
        check_same(again.subject, az_span_ptr(event->subject) ? event->subject : defaults.topic);
        check_same(again.data_schema, event->data_schema);
        check_same(again.data_content_type, event->data_content_type);
}

static void check_time(az_span text) {
        uint8_t buffer[AIO_DURATION_SIZE_MAX];
        uint64_t duration_us, duration_again_us;
        int64_t wall_ms, again_ms;
        az_span again;

        if (aio_duration_parse(text, &duration_us) == AZ_OK) {
                check(aio_duration_format(duration_us, AZ_SPAN_FROM_BUFFER(buffer), &again) == AZ_OK);
                check(aio_duration_parse(again, &duration_again_us) == AZ_OK);
                check(duration_us == duration_again_us);
        }
        if (aio_rfc3339_parse(text, &wall_ms) == AZ_OK && wall_ms >= 0 &&
            wall_ms < INT64_C(253402300800000)) {
                check(aio_rfc3339_format((uint64_t) wall_ms, AZ_SPAN_FROM_BUFFER(buffer), &again) == AZ_OK);
                check(aio_rfc3339_parse(again, &again_ms) == AZ_OK);
                check(again_ms == wall_ms - wall_ms % 1000);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_mqtt_user_property properties[PROPERTIES_MAX];
        az_span rest = az_span_create((uint8_t *) data, (int32_t) size),
                content_type = script_next(&rest, '\n');
        az_mqtt_message message = { .user_properties = properties,
                                    .content_type =
                                            az_span_size(content_type) > 0 ? content_type : AZ_SPAN_EMPTY };
        aio_cloud_event event;
        aio_error error;
        az_result r;

        while (az_span_size(rest) > 0 && message.n_user_properties < PROPERTIES_MAX) {
                az_span line = script_next(&rest, '\n'), key = script_next(&line, '=');

                properties[message.n_user_properties++] = (az_mqtt_user_property){ key, line };
                check_time(line);
        }

        r = aio_cloud_event_read(&message, &event, &error);
        if (r == AZ_OK)
                check_event(&event, message.content_type);
        else if (r != AZ_ERROR_ITEM_NOT_FOUND)
                check(az_span_size(error.property_name) > 0);
        return 0;
}
