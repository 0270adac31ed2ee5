/* SPDX-License-Identifier: MIT */

/* What a stranger may send to the simulator before and after it is known: packets, and the topics in them. */

#include <assert.h>

#include "hubsim/auth.h"
#include "hubsim/fault-words.h"
#include "hubsim/mqtt-codec.h"
#include "hubsim/telemetry.h"
#include "hubsim/topic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_connect(const MqttConnect *connect) {
        static const char *const hosts[] = { "localhost", NULL };
        SasToken token;
        UserName user;

        (void) user_name_parse(connect->user_name, &user);
        if (sas_token_parse(connect->password, &token) >= 0) {
                (void) sas_token_covers(&token, hosts, connect->client_id);
                (void) sas_token_is_signed_with(&token, "AQIDBAUGBwgJCgsMDQ4PEA==");
        }
}

static void check_publish(const MqttPublish *publish) {
        DeviceFault fault;
        Topic topic;

        assert(az_span_is_valid_utf8(publish->message.topic));
        if (topic_parse(publish->message.topic, AZ_SPAN_FROM_STR("demo"), &topic) >= 0) {
                (void) telemetry_properties_are_valid(topic.properties);
                (void) fault_words_parse(topic.properties, 0, &fault);
        }
}

static void check_filters(MqttFilters *filters) {
        az_span filter;
        unsigned qos;

        while (mqtt_filter_next(filters, &filter, &qos))
                (void) topic_filter_is_allowed(filter, AZ_SPAN_FROM_STR("demo"));
        assert(az_span_size(filters->filters) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_span input = az_span_create((uint8_t *) data, (int32_t) size);
        MqttPacket packet;
        int n;

        while ((n = mqtt_parse(input, &packet)) > 0) {
                assert(n <= az_span_size(input));
                if (packet.type == MQTT_CONNECT)
                        check_connect(&packet.connect);
                else if (packet.type == MQTT_PUBLISH)
                        check_publish(&packet.publish);
                else if (packet.type == MQTT_SUBSCRIBE || packet.type == MQTT_UNSUBSCRIBE)
                        check_filters(&packet.filters);
                input = az_span_slice_to_end(input, n);
        }
        return 0;
}
