/* SPDX-License-Identifier: MIT */

/* The input is the topic of a message from the hub. What is parsed must be parts of it that make it up again.
 */

#include <stdlib.h>
#include <string.h>

#include <azure/az_iot.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_iot_hub_client client;
        az_iot_hub_client_method_request request;
        az_span topic;
        const uint8_t *p;
        az_result r;

        if (size == 0 || size > 65535) /* MQTT has no other topics */
                return 0;
        topic = az_span_create((uint8_t *) data, (int32_t) size);
        check(az_iot_hub_client_init(&client, AZ_SPAN_FROM_STR("h"), AZ_SPAN_FROM_STR("d"), NULL) == AZ_OK);

        r = az_iot_hub_client_methods_parse_received_topic(&client, topic, &request);
        check(r == AZ_OK || r == AZ_ERROR_IOT_TOPIC_NO_MATCH || r == AZ_ERROR_UNEXPECTED_CHAR);
        if (r != AZ_OK)
                return 0;

        p = data + strlen("$iothub/methods/POST/");
        check(az_span_size(request.name) > 0 && az_span_ptr(request.name) == p);
        p += az_span_size(request.name);
        check(memcmp(p, "/?$rid=", strlen("/?$rid=")) == 0);
        p += strlen("/?$rid=");
        check(az_span_size(request.request_id) > 0 && az_span_ptr(request.request_id) == p);
        check(p + az_span_size(request.request_id) == data + size);
        return 0;
}
