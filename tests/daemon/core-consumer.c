/* SPDX-License-Identifier: MIT */

/*
 * A stranger's program on libaziot-core, in the words that C99 and C++17 have in common: something of each of
 * its parts. test_core_library.py compiles it as both and knows what it prints.
 */

#include <aio/hlc.h>
#include <aio/topic.h>
#include <azure/az_core.h>
#include <azure/az_iot.h>
#include <inttypes.h>
#include <session/hub_session.h>
#include <session/retry.h>
#include <stdio.h>
#include <stdlib.h>

static void check(az_result result) {
        if (az_result_failed(result)) {
                printf("failed: %" PRIx32 "\n", result);
                exit(EXIT_FAILURE);
        }
}

static void print(az_span text) {
        char line[256];

        az_span_to_str(line, sizeof(line), text);
        puts(line);
}

static void print_body(void) {
        uint8_t buffer[64];
        az_json_writer writer;

        check(az_json_writer_init(&writer, AZ_SPAN_FROM_BUFFER(buffer), NULL));
        check(az_json_writer_append_begin_object(&writer));
        check(az_json_writer_append_property_name(&writer, AZ_SPAN_FROM_STR("temperature")));
        check(az_json_writer_append_double(&writer, 21.5, 2));
        check(az_json_writer_append_end_object(&writer));
        print(az_json_writer_get_bytes_used_in_destination(&writer));
}

static void print_topic(az_iot_hub_client const *client) {
        az_iot_message_properties properties;
        uint8_t buffer[64];
        char topic[128];

        check(az_iot_message_properties_init(&properties, AZ_SPAN_FROM_BUFFER(buffer), 0));
        check(az_iot_message_properties_append(&properties,
                                               AZ_SPAN_FROM_STR(AZ_IOT_MESSAGE_PROPERTIES_CONTENT_TYPE),
                                               AZ_SPAN_FROM_STR("application%2Fjson")));
        check(az_iot_hub_client_telemetry_get_publish_topic(client, &properties, topic, sizeof(topic), NULL));
        puts(topic);
}

static void print_text_to_sign(az_iot_hub_client const *client) {
        az_hub_session_options options = az_hub_session_options_default();
        az_hub_session_time now = { 1000000, 1800000000 };
        az_hub_session session;
        az_hub_event event;

        options.random_seed = 1;
        check(az_hub_session_init(&session, client, &options));
        check(az_hub_session_start(&session, now));
        if (!az_hub_session_next_event(&session, &event) || event.type != AZ_HUB_EVENT_SIGN)
                check(AZ_ERROR_ITEM_NOT_FOUND);
        print(event.as.sign.string_to_sign);
        puts(az_hub_session_state_to_string(az_hub_session_get_status(&session).state));
}

static void print_broker_topic(void) {
        aio_topic_token token = { AZ_SPAN_FROM_STR("line"), AZ_SPAN_FROM_STR("7") };
        aio_topic_tokens none = { NULL, 0 }, tokens = { &token, 1 };
        aio_topic_pattern pattern;
        uint8_t buffer[64];
        aio_error error;
        az_span topic;

        check(aio_topic_pattern_init(&pattern, AZ_SPAN_FROM_STR(AIO_PROPERTY_TOPIC_PATTERN),
                                     AZ_SPAN_FROM_STR("press/{line}"), AZ_SPAN_FROM_STR("plant"), none,
                                     &error));
        check(aio_topic_pattern_resolve(&pattern, tokens, AZ_SPAN_FROM_BUFFER(buffer), &topic, &error));
        print(topic);
}

static void print_timestamp(void) {
        uint8_t buffer[AIO_HLC_SIZE_MAX(6)];
        aio_hlc_clock clock;
        aio_hlc timestamp;
        az_span text;

        check(aio_hlc_clock_init(&clock, AZ_SPAN_FROM_STR("device"), AIO_HLC_MAX_DRIFT_DEFAULT_MS));
        check(aio_hlc_clock_tick(&clock, UINT64_C(1800000000000), &timestamp));
        check(aio_hlc_format(&timestamp, AZ_SPAN_FROM_BUFFER(buffer), &text));
        print(text);
}

int main(void) {
        static az_span const host = AZ_SPAN_LITERAL_FROM_STR("hub-lab.azure-devices.net");
        az_retry_policy policy = { 1, 100 };
        az_iot_hub_client client;

        check(az_iot_hub_client_init(&client, host, AZ_SPAN_FROM_STR("device"), NULL));
        print_body();
        print_topic(&client);
        print_text_to_sign(&client);
        printf("%d ms\n", az_iot_calculate_retry_delay(0, 3, 1000, 100000, 0));
        printf("%" PRIu64 " us\n", az_retry_delay_us(&policy, 1, 0));
        print_broker_topic();
        print_timestamp();
        return EXIT_SUCCESS;
}
