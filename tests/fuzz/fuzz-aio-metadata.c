/* SPDX-License-Identifier: MIT */

/*
 * The input is the payload of a message, and on further lines its user properties, "key=value". What is
 * reserved is not among what the program sees, and what the program sees it may send again; a status that an
 * executor sends because of the error comes back as that error.
 */

#include <stdlib.h>

#include <aio/metadata.h>

#include "fuzz-script.h"

#define PROPERTIES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

static bool is_same(az_span a, az_span b) {
        return az_span_is_content_equal(a, b) && (az_span_ptr(a) == NULL) == (az_span_ptr(b) == NULL);
}

/* Sends the error on, as an executor would that has made the call for somebody else, and reads it again. */
static void check_error(const aio_error *error, az_span source_id) {
        static uint8_t scratch[256];
        az_mqtt_user_property properties[AIO_METADATA_RESPONSE_MAX];
        aio_hlc timestamp = { 1, 2, AZ_SPAN_FROM_STR("node") };
        aio_status status = aio_error_to_status(error), read;
        az_mqtt_message message = { 0 };
        aio_metadata_writer writer;
        aio_metadata metadata;
        aio_error again;

        aio_metadata_writer_init(&writer, properties, AIO_METADATA_RESPONSE_MAX,
                                 AZ_SPAN_FROM_BUFFER(scratch));
        check(aio_metadata_write_response(&writer, source_id, &timestamp, &status) == AZ_OK);
        aio_metadata_writer_finish(&writer, &message);
        aio_metadata_read(&message, &metadata);
        check(aio_metadata_check_version(&metadata, &again) == AZ_OK);
        check(aio_metadata_get_status(&metadata, &read, &again) == AZ_OK);
        check(aio_error_from_status(&read, AZ_SPAN_EMPTY, &again) == AZ_ERROR_CANCELED);
        check(again.is_remote && read.code == status.code);
        check(is_same(again.property_name, status.property_name));
        check(is_same(again.property_value, status.property_value));
        check(is_same(metadata.source_id, source_id));
}

static void check_status(const aio_metadata *metadata, az_span payload) {
        aio_status status;
        aio_error error;

        if (aio_metadata_get_status(metadata, &status, &error) == AZ_OK &&
            aio_error_from_status(&status, payload, &error) == AZ_OK) {
                check(status.code == 200 || status.code == 204);
                return;
        }
        check(error.kind != AIO_ERROR_NONE && !error.is_shallow);
        check(aio_error_kind_to_string(error.kind) != NULL);
        check_error(&error, AZ_SPAN_FROM_STR("me"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_mqtt_user_property properties[PROPERTIES_MAX], stripped[PROPERTIES_MAX], sent[PROPERTIES_MAX];
        az_span rest = az_span_create((uint8_t *) data, (int32_t) size), payload = script_next(&rest, '\n'),
                value;
        az_mqtt_message message = { .payload = payload, .user_properties = properties };
        aio_metadata_writer writer;
        aio_metadata metadata;
        aio_error error;
        aio_hlc timestamp;
        int32_t n_stripped;

        while (az_span_size(rest) > 0 && message.n_user_properties < PROPERTIES_MAX) {
                az_span line = script_next(&rest, '\n'), key = script_next(&line, '=');

                properties[message.n_user_properties++] = (az_mqtt_user_property){ key, line };
                check(aio_metadata_find(&message, key, &value) == AZ_OK);
        }

        aio_metadata_read(&message, &metadata);
        if (aio_metadata_check_version(&metadata, &error) != AZ_OK)
                check(error.kind == AIO_ERROR_UNSUPPORTED_VERSION);
        if (aio_metadata_get_timestamp(&metadata, &timestamp, &error) == AZ_OK)
                check(az_span_size(timestamp.node_id) > 0);
        check_status(&metadata, payload);

        n_stripped = aio_metadata_strip(&message, stripped);
        for (int32_t i = 0; i < n_stripped; i++)
                check(!aio_metadata_is_reserved(stripped[i].key));
        aio_metadata_writer_init(&writer, sent, PROPERTIES_MAX, AZ_SPAN_EMPTY);
        if (aio_metadata_write_user(&writer, stripped, n_stripped, &error) == AZ_OK) {
                aio_metadata_writer_finish(&writer, &message);
                check(message.n_user_properties == n_stripped);
        } else {
                check(error.kind == AIO_ERROR_INVALID_CONFIGURATION); /* no text, or without key */
        }
        return 0;
}
