/* SPDX-License-Identifier: MIT */

/*
 * A message is copied when it is published and forgotten once the caller has popped how it came out: the
 * session says when to send it. What comes in is passed on as it is.
 */

#include <mqtt/runner-internal.h>

/* MQTT 5.0, 2.4: what we say of a message that cannot be sent. */
#define REASON_TOPIC_FILTER_INVALID   0x8FU
#define REASON_PACKET_TOO_LARGE       0x95U
#define REASON_PAYLOAD_FORMAT_INVALID 0x99U
#define REASON_QOS_NOT_SUPPORTED      0x9BU

/* Messages -------------------------------------------------------------------------------------------- */

void runner_on_published(MqttRunner *r, const az_broker_event *event) {
        const MqttStoredMessage *stored =
                mqtt_message_store_get(r->store, (uint32_t) event->as.published.token);
        MqttRunnerEvent *e = runner_add_event(r, MQTT_RUNNER_PUBLISHED);

        e->published.token = stored->token;
        e->published.message = &stored->message;
        e->published.result = event->as.published.result;
        e->published.reason_code = event->as.published.reason_code;
        e->published.reason_string = AZ_SPAN_EMPTY;
}

static bool is_valid(const az_mqtt_message *message) {
        az_span topic = message->topic;

        if (az_span_size(topic) <= 0 || az_span_size(topic) > UINT16_MAX || message->qos > 1)
                return false;
        for (int32_t i = 0; i < az_span_size(topic); i++) {
                uint8_t c = az_span_ptr(topic)[i];

                if (c == '\0' || c == '+' || c == '#')
                        return false;
        }
        return true;
}

/* Room for how it comes out has to be there, even if nobody pops events. */
static bool has_event_room(const MqttRunner *r) {
        return r->events.end - r->events.first < r->memory.n_waiting + r->memory.n_in_flight;
}

static int queue_message(MqttRunner *r, const az_mqtt_message *message, uint64_t token) {
        az_broker_publish publish = { .qos = message->qos, .expires_us = UINT64_MAX };
        MqttStoredMessage *stored;
        uint32_t index;
        int e;

        e = mqtt_message_store_add(r->store, message, &index);
        if (e < 0)
                return e;
        stored = mqtt_message_store_get(r->store, index);
        stored->token = token;
        stored->stored_us = r->now_us;
        publish.token = index;
        if (message->has_message_expiry)
                publish.expires_us = r->now_us + message->message_expiry_s * USEC_PER_SEC;
        if (az_result_succeeded(az_broker_session_publish(&r->session, &publish)))
                return 0;
        mqtt_message_store_remove(r->store, index);
        return MQTT_RUNNER_FULL;
}

static bool is_open(const MqttRunner *r) {
        az_broker_session_state state = az_broker_session_get_status(&r->session).state;

        return state != AZ_BROKER_SESSION_STOPPED && state != AZ_BROKER_SESSION_STOPPING;
}

int mqtt_runner_publish(MqttRunner *r, const az_mqtt_message *message, uint64_t token, uint64_t now_us) {
        int e;

        if (!is_valid(message))
                return -EINVAL;
        if (message->n_user_properties > (int32_t) MQTT_USER_PROPERTIES_MAX)
                return -EMSGSIZE;
        if (!is_open(r))
                return -ENOTCONN;
        r->now_us = now_us;
        e = has_event_room(r) && !mqtt_message_store_is_full(r->store) ? queue_message(r, message, token)
                                                                       : MQTT_RUNNER_FULL;
        if (e == MQTT_RUNNER_FULL)
                r->is_room_wanted = true;
        if (e != 0)
                return e;
        (void) runner_settle(r);
        runner_pump(r);
        return 0;
}

/* What a message is sent with that has waited. */
static az_mqtt_message message_of_now(const MqttRunner *r, const MqttStoredMessage *stored) {
        az_mqtt_message message = stored->message;
        uint64_t waited_s = (r->now_us - stored->stored_us) / USEC_PER_SEC;

        if (message.has_message_expiry)
                message.message_expiry_s -= (uint32_t) MIN(waited_s, message.message_expiry_s);
        return message;
}

static int send_message(MqttRunner *r, const az_broker_next_publish *next) {
        const MqttStoredMessage *stored = mqtt_message_store_get(r->store, (uint32_t) next->token);
        az_mqtt_message message = next->is_resend ? stored->message : message_of_now(r, stored);
        uint16_t packet_id = next->packet_id;
        int e;

        e = mqtt_link_publish_message(r->link, &message, next->is_resend, &packet_id, next->handle);
        switch (e) {
        case 0:
                az_broker_session_sent(&r->session, packet_id);
                return 0;
        case -EINVAL:
                az_broker_session_unsendable(&r->session, REASON_PAYLOAD_FORMAT_INVALID);
                return 0;
        case -EMSGSIZE:
                az_broker_session_unsendable(&r->session, REASON_PACKET_TOO_LARGE);
                return 0;
        case -EOPNOTSUPP:
                az_broker_session_unsendable(&r->session, REASON_QOS_NOT_SUPPORTED);
                return 0;
        default:
                return e;
        }
}

/* Until the window is full, or what is to be told of it has no room. */
static void send_messages(MqttRunner *r) {
        az_broker_next_publish next;

        while (has_event_room(r)) {
                if (!az_broker_session_next_publish(&r->session, r->now_us, &next)) {
                        /* One that has expired: there may be another. */
                        if (!runner_settle(r))
                                return;
                        continue;
                }
                if (send_message(r, &next) != 0)
                        return;
                (void) runner_settle(r);
        }
}

static void on_puback(MqttRunner *r, const MqttEvent *event) {
        if (az_result_failed(
                    az_broker_session_puback(&r->session, event->puback.token, event->puback.reason_code)))
                return;
        (void) runner_settle(r);
        /* Nothing else was in the ring: events of the link are taken when it is empty. */
        r->events.ring[r->events.first % r->events.n_ring].published.reason_string =
                event->puback.reason_string;
        runner_check_drained(r);
}

/* Subscriptions --------------------------------------------------------------------------------------- */

static int request(MqttRunner *r, az_broker_request_type type, const MqttFilter *filter, uint64_t token) {
        az_broker_request request = { .type = type, .token = token };
        size_t index;
        int e;

        if (!mqtt_filter_is_valid(filter))
                return -EINVAL;
        if (!is_open(r))
                return -ENOTCONN;
        if (!has_event_room(r))
                return MQTT_RUNNER_FULL;
        e = mqtt_filter_set_request(&r->filters, filter, type == AZ_BROKER_SUBSCRIBE, &index);
        if (e < 0)
                return e;
        request.filter = index;
        if (az_result_failed(az_broker_session_request(&r->session, &request))) {
                mqtt_filter_set_unrequest(&r->filters, index);
                return MQTT_RUNNER_FULL;
        }
        runner_pump(r);
        return 0;
}

int mqtt_runner_subscribe(MqttRunner *r, const MqttFilter *filter, uint64_t token) {
        return request(r, AZ_BROKER_SUBSCRIBE, filter, token);
}

int mqtt_runner_unsubscribe(MqttRunner *r, az_span filter, uint64_t token) {
        const MqttFilter f = { .filter = filter };

        return request(r, AZ_BROKER_UNSUBSCRIBE, &f, token);
}

static int send_subscribe(MqttRunner *r, const az_broker_request *requests, size_t n) {
        MqttFilter filters[MQTT_FILTERS_MAX];

        for (size_t i = 0; i < n; i++)
                filters[i] = *mqtt_filter_set_get(&r->filters, requests[i].filter);
        return mqtt_link_subscribe(r->link, filters, n);
}

static int send_unsubscribe(MqttRunner *r, const az_broker_request *requests, size_t n) {
        az_span filters[MQTT_FILTERS_MAX];

        for (size_t i = 0; i < n; i++)
                filters[i] = mqtt_filter_set_get(&r->filters, requests[i].filter)->filter;
        return mqtt_link_unsubscribe(r->link, filters, n);
}

static int send_some(MqttRunner *r, const az_broker_request *requests, size_t n) {
        return requests[0].type == AZ_BROKER_SUBSCRIBE ? send_subscribe(r, requests, n)
                                                       : send_unsubscribe(r, requests, n);
}

/* Whether it will never be sent. */
static bool is_hopeless(int error) {
        return error == -EINVAL || error == -EMSGSIZE;
}

static void send_requests(MqttRunner *r) {
        az_broker_request requests[MQTT_FILTERS_MAX];
        uint8_t reason_code;
        size_t n;
        int e;

        while ((n = az_broker_session_next_requests(&r->session, requests, ELEMENTSOF(requests))) > 0) {
                e = send_some(r, requests, n);
                if (is_hopeless(e) && n > 1) {
                        n = 1; /* one of them is, and none was sent */
                        e = send_some(r, requests, n);
                }
                if (e < 0 && !is_hopeless(e))
                        return;
                az_broker_session_requests_sent(&r->session, n);
                if (e == 0)
                        return;
                reason_code = e == -EMSGSIZE ? REASON_PACKET_TOO_LARGE : REASON_TOPIC_FILTER_INVALID;
                runner_feed(r, az_broker_session_answered(&r->session, &reason_code, n));
        }
}

static void answered_subscribe(MqttRunner *r, const az_broker_event *event) {
        size_t index = event->as.answered.request.filter;
        MqttRunnerEvent *e = runner_add_event(r, MQTT_RUNNER_SUBSCRIBED);

        e->subscribed.token = event->as.answered.request.token;
        e->subscribed.result = event->as.answered.result;
        e->subscribed.reason_code = event->as.answered.reason_code;
        e->subscribed.is_again = event->as.answered.is_again;
        e->subscribed.filter = mqtt_filter_set_get(&r->filters, index)->filter;
        if (event->as.answered.is_again)
                mqtt_filter_set_hold(&r->filters, index, false);
        else if (event->as.answered.result == AZ_BROKER_RESULT_OK)
                mqtt_filter_set_hold(&r->filters, index, true);
}

static void answered_unsubscribe(MqttRunner *r, const az_broker_event *event) {
        size_t index = event->as.answered.request.filter;
        MqttRunnerEvent *e = runner_add_event(r, MQTT_RUNNER_UNSUBSCRIBED);

        e->unsubscribed.token = event->as.answered.request.token;
        e->unsubscribed.result = event->as.answered.result;
        e->unsubscribed.reason_code = event->as.answered.reason_code;
        e->unsubscribed.filter = mqtt_filter_set_get(&r->filters, index)->filter;
        if (event->as.answered.result == AZ_BROKER_RESULT_OK)
                mqtt_filter_set_hold(&r->filters, index, false);
}

void runner_on_answered(MqttRunner *r, const az_broker_event *event) {
        if (event->as.answered.request.type == AZ_BROKER_SUBSCRIBE)
                answered_subscribe(r, event);
        else
                answered_unsubscribe(r, event);
        /* The event points to the filter; its request goes on until it is popped, and the next one, too. */
        if (event->as.answered.is_again)
                mqtt_filter_set_keep(&r->filters, event->as.answered.request.filter);
}

static void on_answer(MqttRunner *r, const uint8_t *codes, size_t n) {
        az_result result = az_broker_session_answered(&r->session, codes, n);

        if (az_result_failed(result)) {
                runner_set_text(r, "The broker answered something that was not asked");
                result = az_broker_session_lost(&r->session, AZ_BROKER_LOSS_PROTOCOL, 0, r->now_us);
        }
        runner_feed(r, result);
        runner_check_drained(r);
}

/* Both ------------------------------------------------------------------------------------------------ */

/* Requests before messages: what answers a message is to find its subscription. */
void runner_pump(MqttRunner *r) {
        send_requests(r);
        send_messages(r);
        if (!r->is_room_wanted || !has_event_room(r) || !az_broker_session_has_room(&r->session))
                return;
        r->is_room_wanted = false;
        (void) runner_add_event(r, MQTT_RUNNER_ROOM);
}

void runner_check_drained(MqttRunner *r) {
        if (az_broker_session_get_status(&r->session).state != AZ_BROKER_SESSION_DRAINING ||
            !az_broker_session_is_idle(&r->session) || r->n_unacknowledged > 0)
                return;
        runner_feed(r, az_broker_session_drained(&r->session, r->now_us));
}

static void on_message(MqttRunner *r, const MqttEvent *event, MqttRunnerEvent *ret) {
        *ret = (MqttRunnerEvent){ .type = MQTT_RUNNER_MESSAGE };
        ret->message.message = event->message.publish;
        ret->message.ack = event->message.ack;
        if (event->message.publish.qos == 0)
                return;
        r->ack_epoch = event->message.ack.epoch;
        r->n_unacknowledged++;
}

bool runner_on_traffic(MqttRunner *r, const MqttEvent *event, MqttRunnerEvent *ret) {
        switch ((int) event->type) {
        case MQTT_EVENT_MESSAGE:
                on_message(r, event, ret);
                return true;
        case MQTT_EVENT_REFUSED:
                *ret = (MqttRunnerEvent){ .type = MQTT_RUNNER_TOO_LARGE };
                ret->too_large.n_bytes = event->refused.n_bytes;
                return true;
        case MQTT_EVENT_PUBACK:
                on_puback(r, event);
                return false;
        case MQTT_EVENT_SUBACK:
                on_answer(r, event->suback.codes, event->suback.n_codes);
                return false;
        case MQTT_EVENT_UNSUBACK:
                on_answer(r, event->unsuback.codes, event->unsuback.n_codes);
                return false;
        default:
                return false;
        }
}

static void count_ack(MqttRunner *r, MqttAck ack) {
        if (ack.epoch != r->ack_epoch || r->n_unacknowledged == 0)
                return;
        r->n_unacknowledged--;
        runner_check_drained(r);
}

void mqtt_runner_ack(MqttRunner *r, MqttAck ack) {
        mqtt_link_ack(r->link, ack);
        count_ack(r, ack);
}

void mqtt_runner_ack_with_reason(MqttRunner *r, MqttAck ack, uint8_t reason_code) {
        mqtt_link_ack_with_reason(r->link, ack, reason_code);
        count_ack(r, ack);
}
