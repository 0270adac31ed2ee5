/* SPDX-License-Identifier: MIT */

/*
 * port.h on Eclipse Paho, by its synchronous client, which has no thread of its own as long as it is given no
 * callbacks. Connecting and subscribing block until they are answered; the answer waits for mqtt_wait(),
 * which then receives what comes, pings, and notices acknowledgements.
 */

#include "port.h"

#include <MQTTClient.h>
#include <stdio.h>
#include <stdlib.h>

struct Mqtt {
        MQTTClient client;
        bool is_connected, tls_failed;
        MqttEvent pending;           /* for the next mqtt_wait() */
        MQTTClient_message *message; /* the last one that was told */
        char *topic;
};

static void lost(Mqtt *mqtt, az_hub_loss loss) {
        mqtt->is_connected = false;
        mqtt->pending = (MqttEvent){ .type = MQTT_LOST, .loss = loss };
}

static int on_tls_error(const char *text, size_t size, void *userdata) {
        Mqtt *mqtt = userdata;

        (void) text;
        (void) size;
        mqtt->tls_failed = true;
        return 0;
}

static void connect_tls(Mqtt *mqtt, const MqttSettings *settings) {
        MQTTClient_SSLOptions tls = MQTTClient_SSLOptions_initializer;
        MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer;
        int code;

        tls.trustStore = settings->ca_file;
        tls.disableDefaultTrustStore = settings->ca_file != NULL;
        tls.keyStore = settings->certificate_file;
        tls.privateKey = settings->private_key_file;
        tls.sslVersion = MQTT_SSL_VERSION_TLS_1_2;
        tls.verify = 1; /* the name in the certificate */
        tls.ssl_error_cb = on_tls_error;
        tls.ssl_error_context = mqtt;

        options.ssl = &tls;
        options.MQTTVersion = MQTTVERSION_3_1_1;
        options.keepAliveInterval = settings->keep_alive_s;
        options.cleansession = settings->clean_session;
        options.reliable = 0; /* or else one message at a time */
        options.username = settings->user_name;
        options.password = settings->password;

        code = MQTTClient_connect(mqtt->client, &options);
        if (code == MQTTCLIENT_SUCCESS) {
                mqtt->is_connected = true;
                mqtt->pending = (MqttEvent){ .type = MQTT_CONNECTED,
                                             .session_present = options.returned.sessionPresent };
        } else if (code > 0)
                mqtt->pending = (MqttEvent){ .type = MQTT_REFUSED, .connack_code = (uint8_t) code };
        else
                lost(mqtt, mqtt->tls_failed ? AZ_HUB_LOSS_TLS : AZ_HUB_LOSS_TCP);
}

Mqtt *mqtt_open(const MqttSettings *settings) {
        Mqtt *mqtt = calloc(1, sizeof(*mqtt));
        char uri[512];

        if (!mqtt)
                return NULL;
        snprintf(uri, sizeof(uri), "ssl://%s:%d", settings->host, settings->port);
        if (MQTTClient_create(&mqtt->client, uri, settings->client_id, MQTTCLIENT_PERSISTENCE_NONE, NULL) !=
            MQTTCLIENT_SUCCESS)
                return mqtt_close(mqtt);
        connect_tls(mqtt, settings);
        return mqtt;
}

static void forget_message(Mqtt *mqtt) {
        if (!mqtt->message)
                return;
        MQTTClient_freeMessage(&mqtt->message);
        MQTTClient_free(mqtt->topic);
}

Mqtt *mqtt_close(Mqtt *mqtt) {
        if (!mqtt)
                return NULL;
        forget_message(mqtt);
        if (mqtt->is_connected)
                MQTTClient_disconnect(mqtt->client, 0);
        MQTTClient_destroy(&mqtt->client);
        free(mqtt);
        return NULL;
}

void mqtt_subscribe(Mqtt *mqtt, const az_hub_session_filter *filters, size_t n_filters) {
        char *names[MQTT_FILTERS_MAX] = { 0 };
        int qos[MQTT_FILTERS_MAX] = { 0 };

        for (size_t i = 0; i < n_filters; i++) {
                names[i] = (char *) az_span_ptr(filters[i].topic_filter);
                qos[i] = filters[i].qos;
        }
        if (MQTTClient_subscribeMany(mqtt->client, (int) n_filters, names, qos) != MQTTCLIENT_SUCCESS) {
                lost(mqtt, AZ_HUB_LOSS_CLOSED);
                return;
        }
        mqtt->pending = (MqttEvent){ .type = MQTT_SUBSCRIBED, .n_codes = n_filters };
        for (size_t i = 0; i < n_filters; i++)
                mqtt->pending.codes[i] = (uint8_t) qos[i]; /* what was granted */
}

bool mqtt_publish(Mqtt *mqtt, az_span topic, az_span payload, int qos) {
        return MQTTClient_publish(mqtt->client, (const char *) az_span_ptr(topic), az_span_size(payload),
                                  az_span_ptr(payload), qos, 0, NULL) == MQTTCLIENT_SUCCESS;
}

size_t mqtt_unacknowledged(Mqtt *mqtt) {
        MQTTClient_deliveryToken *tokens = NULL;
        size_t n = 0;

        if (MQTTClient_getPendingDeliveryTokens(mqtt->client, &tokens) != MQTTCLIENT_SUCCESS || !tokens)
                return 0;
        while (tokens[n] != -1)
                n++;
        MQTTClient_free(tokens);
        return n;
}

void mqtt_wait(Mqtt *mqtt, int timeout_ms, MqttEvent *ret) {
        int topic_size, code;

        forget_message(mqtt);
        *ret = mqtt->pending;
        mqtt->pending = (MqttEvent){ .type = MQTT_NOTHING };
        if (ret->type != MQTT_NOTHING)
                return;

        code = MQTTClient_receive(mqtt->client, &mqtt->topic, &topic_size, &mqtt->message,
                                  timeout_ms < 0 ? 0 : (unsigned long) timeout_ms);
        if (mqtt->message) {
                ret->type = MQTT_MESSAGE;
                ret->topic = az_span_create((uint8_t *) mqtt->topic, topic_size);
                ret->payload = az_span_create(mqtt->message->payload, mqtt->message->payloadlen);
        } else if (code != MQTTCLIENT_SUCCESS || !MQTTClient_isConnected(mqtt->client)) {
                lost(mqtt, AZ_HUB_LOSS_CLOSED);
                *ret = mqtt->pending;
        }
}
