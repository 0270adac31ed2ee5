/* SPDX-License-Identifier: MIT */

#include "daemon/hub-link-internal.h"

#include "daemon/az-errno.h"
#include "daemon/method-router.h"

/* As many as there can be calls at a time. */
#define ANSWERS_MAX METHOD_CALLS_MAX

unsigned hub_link_window_free(const HubLink *link) {
        return link->state == LINK_ONLINE ? mqtt_link_window_free(link->mqtt) : 0;
}

int hub_link_publish(HubLink *link, az_span bag, az_span message_id, az_span body, uint64_t token) {
        az_iot_message_properties properties;
        uint8_t buffer[TOPIC_SIZE];
        char topic[TOPIC_SIZE];
        az_result result;
        size_t n;
        int r;

        if (az_span_size(bag) > (int32_t) TELEMETRY_BAG_MAX)
                return HUB_LINK_UNSENDABLE;

        (void) az_span_copy(AZ_SPAN_FROM_BUFFER(buffer), bag);
        result = az_iot_message_properties_init(&properties, AZ_SPAN_FROM_BUFFER(buffer), az_span_size(bag));
        if (az_result_succeeded(result) && az_span_size(message_id) > 0)
                result = az_iot_message_properties_append(
                        &properties, AZ_SPAN_FROM_STR(AZ_IOT_MESSAGE_PROPERTIES_MESSAGE_ID), message_id);
        if (az_result_succeeded(result))
                result = az_iot_hub_client_telemetry_get_publish_topic(&link->client, &properties, topic,
                                                                       sizeof(topic), &n);
        if (az_result_failed(result))
                return HUB_LINK_UNSENDABLE;

        r = mqtt_link_publish(link->mqtt, az_span_create((uint8_t *) topic, (int32_t) n), body, 1, token);
        if (r == 0) {
                link->n_in_flight++;
                close_watch_published(&link->close_watch, token, boottime_us());
        }
        return r == -EINVAL ? HUB_LINK_UNSENDABLE : r;
}

const az_iot_hub_client *hub_link_get_client(const HubLink *link) {
        return &link->client;
}

int hub_link_publish_twin(HubLink *link, az_span topic, az_span payload) {
        return mqtt_link_publish(link->mqtt, topic, payload, 0, 0);
}

void hub_link_ack(HubLink *link, MqttAck ack) {
        mqtt_link_ack(link->mqtt, ack);
}

void hub_link_fail(HubLink *link, int error) {
        hub_link_session_failed(link, PROBLEM_LOCAL, -abs(error), strerror(abs(error)));
}

static int answer_keep(HubLink *link, az_span topic, az_span payload) {
        size_t n_topic = (size_t) az_span_size(topic), n_payload = (size_t) az_span_size(payload);
        Answer *answer;

        if (link->n_answers == ANSWERS_MAX)
                return -ENOBUFS;
        answer = malloc(sizeof(*answer) + n_topic + n_payload);
        if (!answer)
                return -ENOMEM;

        answer->topic = az_span_create(answer->bytes, (int32_t) n_topic);
        answer->payload = az_span_create(answer->bytes + n_topic, (int32_t) n_payload);
        (void) az_span_copy(answer->topic, topic);
        (void) az_span_copy(answer->payload, payload);
        STAILQ_INSERT_TAIL(&link->answers, answer, entry);
        link->n_answers++;
        return 0;
}

static void answer_drop(HubLink *link, Answer *answer) {
        STAILQ_REMOVE_HEAD(&link->answers, entry);
        link->n_answers--;
        free(answer);
}

void hub_link_flush_answers(HubLink *link) {
        Answer *answer;
        int r;

        while ((answer = STAILQ_FIRST(&link->answers))) {
                r = mqtt_link_publish(link->mqtt, answer->topic, answer->payload, 0, 0);
                if (r == MQTT_WINDOW_FULL || r == -ENOMEM)
                        return;
                if (r < 0)
                        log_errno(link->log, MSG_METHOD_UNANSWERED, r,
                                  "The answer to a method did not leave: %m, ignoring");
                answer_drop(link, answer);
        }
}

void hub_link_drop_answers(HubLink *link) {
        while (!STAILQ_EMPTY(&link->answers))
                answer_drop(link, STAILQ_FIRST(&link->answers));
}

bool hub_link_is_drained(const HubLink *link) {
        return link->n_in_flight == 0 && link->n_answers == 0 &&
               (!link->ops->is_drained || link->ops->is_drained(link->userdata));
}

void hub_link_forget_traffic(HubLink *link) {
        LinkEnd end = link->end;

        hub_link_drop_answers(link);
        link->n_in_flight = 0;
        link->end = LINK_END_OTHER;
        link->ops->on_lost(link->userdata, end);
}

int hub_link_answer_method(HubLink *link, az_span request_id, uint16_t status, az_span payload) {
        char text[TOPIC_SIZE];
        az_result result;
        az_span topic;
        size_t n;
        int r;

        result = az_iot_hub_client_methods_response_get_publish_topic(&link->client, request_id, status, text,
                                                                      sizeof(text), &n);
        if (az_result_failed(result))
                return az_result_to_errno(result);

        topic = az_span_create((uint8_t *) text, (int32_t) n);
        if (link->n_answers > 0)
                return answer_keep(link, topic, payload);
        r = mqtt_link_publish(link->mqtt, topic, payload, 0, 0);
        /* The caller waits for it as long as the link lives, so it is tried again. */
        return r == MQTT_WINDOW_FULL || r == -ENOMEM ? answer_keep(link, topic, payload) : r;
}
