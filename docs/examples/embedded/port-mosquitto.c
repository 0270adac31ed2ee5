/* SPDX-License-Identifier: MIT */

/*
 * port.h on libmosquitto. Its socket is waited for by poll(); what its callbacks are told waits in a list for
 * mqtt_wait(), since one read may bring several packets.
 */

#define _POSIX_C_SOURCE 200809L

#include "port.h"

#include <errno.h>
#include <mosquitto.h>
#include <poll.h>
#include <stdlib.h>

/* Something that happened and was not told yet; of a message both strings are behind it. */
typedef struct Happened Happened;
struct Happened {
        MqttEvent event;
        Happened *next;
};

struct Mqtt {
        struct mosquitto *mosquitto;
        Happened *first, **last, *told;
        bool is_connected, is_over;
        MqttEvent end; /* if it is over: what is told last */
        size_t n_unacknowledged;
        int mids[MQTT_FILTERS_MAX]; /* libmosquitto has one QoS for a SUBSCRIBE, so each filter has its own */
        MqttEvent subscribed;
        size_t n_answers;
};

static void over(Mqtt *mqtt, MqttEvent event) {
        if (!mqtt->is_over)
                mqtt->end = event;
        mqtt->is_over = true;
}

static void happened(Mqtt *mqtt, MqttEvent event) {
        size_t topic_size = (size_t) az_span_size(event.topic), size = (size_t) az_span_size(event.payload);
        Happened *h = malloc(sizeof(*h) + topic_size + size);
        az_span text;

        if (!h) {
                over(mqtt, (MqttEvent){ .type = MQTT_LOST, .loss = AZ_HUB_LOSS_PROTOCOL });
                return;
        }
        *h = (Happened){ event, NULL };
        text = az_span_create((uint8_t *) (h + 1), (int32_t) (topic_size + size));
        h->event.topic = az_span_slice(text, 0, (int32_t) topic_size);
        h->event.payload = az_span_slice_to_end(text, (int32_t) topic_size);
        az_span_copy(az_span_copy(text, event.topic), event.payload);
        *mqtt->last = h;
        mqtt->last = &h->next;
}

static az_hub_loss loss_of(const Mqtt *mqtt, int error) {
        switch (error) {
        case MOSQ_ERR_EAI:
                return AZ_HUB_LOSS_NAME;
        case MOSQ_ERR_TLS:
        case MOSQ_ERR_TLS_HANDSHAKE:
                return mqtt->is_connected ? AZ_HUB_LOSS_CLOSED : AZ_HUB_LOSS_TLS;
        case MOSQ_ERR_CONN_LOST:
                return AZ_HUB_LOSS_CLOSED;
        case MOSQ_ERR_KEEPALIVE:
                return AZ_HUB_LOSS_KEEP_ALIVE;
        case MOSQ_ERR_NO_CONN:
        case MOSQ_ERR_NOMEM:
                return AZ_HUB_LOSS_TCP;
        case MOSQ_ERR_ERRNO:
                return errno == EPROTO ? AZ_HUB_LOSS_TLS : AZ_HUB_LOSS_TCP;
        default:
                return AZ_HUB_LOSS_PROTOCOL;
        }
}

static void lost(Mqtt *mqtt, int error) {
        over(mqtt, (MqttEvent){ .type = MQTT_LOST, .loss = loss_of(mqtt, error) });
}

static void on_connect(struct mosquitto *mosquitto, void *userdata, int code, int flags) {
        Mqtt *mqtt = userdata;

        (void) mosquitto;
        mqtt->is_connected = code == 0;
        if (mqtt->is_connected)
                happened(mqtt, (MqttEvent){ .type = MQTT_CONNECTED, .session_present = flags & 1 });
        else
                over(mqtt, (MqttEvent){ .type = MQTT_REFUSED, .connack_code = (uint8_t) code });
}

static void on_disconnect(struct mosquitto *mosquitto, void *userdata, int error) {
        (void) mosquitto;
        lost(userdata, error);
}

static void on_subscribe(struct mosquitto *mosquitto, void *userdata, int mid, int n_granted,
                         const int *granted) {
        Mqtt *mqtt = userdata;

        (void) mosquitto;
        for (size_t i = 0; i < mqtt->subscribed.n_codes; i++)
                if (mqtt->mids[i] == mid && n_granted == 1) {
                        mqtt->subscribed.codes[i] = (uint8_t) granted[0];
                        mqtt->n_answers++;
                }
        if (mqtt->n_answers == mqtt->subscribed.n_codes)
                happened(mqtt, mqtt->subscribed);
}

static void on_publish(struct mosquitto *mosquitto, void *userdata, int mid) {
        Mqtt *mqtt = userdata;

        (void) mosquitto;
        (void) mid;
        mqtt->n_unacknowledged--;
}

static void on_message(struct mosquitto *mosquitto, void *userdata, const struct mosquitto_message *message) {
        (void) mosquitto;
        happened(userdata, (MqttEvent){ .type = MQTT_MESSAGE,
                                        .topic = az_span_create_from_str(message->topic),
                                        .payload = az_span_create(message->payload, message->payloadlen) });
}

static int connect_tls(Mqtt *mqtt, const MqttSettings *settings) {
        struct mosquitto *m = mqtt->mosquitto;
        int error;

        error = settings->ca_file ? MOSQ_ERR_SUCCESS : mosquitto_int_option(m, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
        if (error == MOSQ_ERR_SUCCESS)
                error = mosquitto_tls_set(m, settings->ca_file, NULL, settings->certificate_file,
                                          settings->private_key_file, NULL);
        if (error != MOSQ_ERR_SUCCESS)
                return MOSQ_ERR_TLS; /* no such file, or not what it should be */

        error = mosquitto_username_pw_set(m, settings->user_name, settings->password);
        if (error != MOSQ_ERR_SUCCESS)
                return error;
        return mosquitto_connect(m, settings->host, settings->port, settings->keep_alive_s);
}

Mqtt *mqtt_open(const MqttSettings *settings) {
        Mqtt *mqtt = calloc(1, sizeof(*mqtt));
        int error;

        if (!mqtt)
                return NULL;
        mqtt->last = &mqtt->first;
        mosquitto_lib_init();
        mqtt->mosquitto = mosquitto_new(settings->client_id, settings->clean_session, mqtt);
        if (!mqtt->mosquitto)
                return mqtt_close(mqtt);
        mosquitto_connect_with_flags_callback_set(mqtt->mosquitto, on_connect);
        mosquitto_disconnect_callback_set(mqtt->mosquitto, on_disconnect);
        mosquitto_subscribe_callback_set(mqtt->mosquitto, on_subscribe);
        mosquitto_publish_callback_set(mqtt->mosquitto, on_publish);
        mosquitto_message_callback_set(mqtt->mosquitto, on_message);

        error = connect_tls(mqtt, settings);
        if (error != MOSQ_ERR_SUCCESS)
                lost(mqtt, error);
        return mqtt;
}

Mqtt *mqtt_close(Mqtt *mqtt) {
        if (!mqtt)
                return NULL;
        if (mqtt->is_connected && !mqtt->is_over)
                (void) mosquitto_disconnect(mqtt->mosquitto);
        mosquitto_destroy(mqtt->mosquitto);
        for (Happened *h = mqtt->first, *next; h; h = next) {
                next = h->next;
                free(h);
        }
        free(mqtt->told);
        free(mqtt);
        mosquitto_lib_cleanup();
        return NULL;
}

void mqtt_subscribe(Mqtt *mqtt, const az_hub_session_filter *filters, size_t n_filters) {
        mqtt->subscribed = (MqttEvent){ .type = MQTT_SUBSCRIBED, .n_codes = n_filters };
        mqtt->n_answers = 0;
        for (size_t i = 0; i < n_filters; i++) {
                int error = mosquitto_subscribe(mqtt->mosquitto, &mqtt->mids[i],
                                                (const char *) az_span_ptr(filters[i].topic_filter),
                                                filters[i].qos);

                if (error != MOSQ_ERR_SUCCESS) {
                        lost(mqtt, error);
                        return;
                }
        }
}

bool mqtt_publish(Mqtt *mqtt, az_span topic, az_span payload, int qos) {
        int error;

        mqtt->n_unacknowledged++; /* before, since on_publish() may be called within */
        error = mosquitto_publish(mqtt->mosquitto, NULL, (const char *) az_span_ptr(topic),
                                  az_span_size(payload), az_span_ptr(payload), qos, false);
        if (error != MOSQ_ERR_SUCCESS)
                mqtt->n_unacknowledged--;
        return error == MOSQ_ERR_SUCCESS;
}

size_t mqtt_unacknowledged(Mqtt *mqtt) {
        return mqtt->n_unacknowledged;
}

/* Waits for the socket and lets libmosquitto do what there is to be done. */
static void turn(Mqtt *mqtt, int timeout_ms) {
        struct mosquitto *m = mqtt->mosquitto;
        struct pollfd p = { mosquitto_socket(m), POLLIN, 0 };
        int error = MOSQ_ERR_SUCCESS;

        if (mosquitto_want_write(m))
                p.events |= POLLOUT;
        (void) poll(&p, 1, timeout_ms);
        if (p.revents & ~POLLOUT)
                error = mosquitto_loop_read(m, 1);
        if (error == MOSQ_ERR_SUCCESS && p.revents & POLLOUT)
                error = mosquitto_loop_write(m, 1);
        if (error == MOSQ_ERR_SUCCESS)
                error = mosquitto_loop_misc(m); /* the keep-alive */
        if (error != MOSQ_ERR_SUCCESS)
                lost(mqtt, error);
}

void mqtt_wait(Mqtt *mqtt, int timeout_ms, MqttEvent *ret) {
        free(mqtt->told);
        mqtt->told = NULL;

        if (!mqtt->first && !mqtt->is_over)
                turn(mqtt, timeout_ms);
        if (!mqtt->first) {
                *ret = mqtt->is_over ? mqtt->end : (MqttEvent){ .type = MQTT_NOTHING };
                return;
        }
        mqtt->told = mqtt->first;
        mqtt->first = mqtt->told->next;
        if (!mqtt->first)
                mqtt->last = &mqtt->first;
        *ret = mqtt->told->event;
}
