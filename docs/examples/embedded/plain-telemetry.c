/* SPDX-License-Identifier: MIT */

/*
 * Five messages by azure/iot alone, as code for the Azure SDK for Embedded C looks: it makes user name,
 * password and topic, and the program does all the rest, here with Paho. What it lacks is what lib/session is
 * for: when something fails it ends.
 *
 *      AZIOT_HOST=localhost AZIOT_PORT=8883 AZIOT_CA_FILE=ca.pem AZIOT_DEVICE_ID=demo AZIOT_KEY_FILE=key \
 *              ./plain-telemetry
 */

#include <MQTTClient.h>
#include <azure/az_core.h>
#include <azure/az_iot.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "secure-element.h"

#define N_MESSAGES         5
#define TOKEN_LIFETIME_S   3600
#define ACKNOWLEDGEMENT_MS 10000

static void fail(const char *what, int code) {
        fprintf(stderr, "%s: %d\n", what, code);
        exit(EXIT_FAILURE);
}

static void check(az_result result, const char *what) {
        if (az_result_failed(result))
                fail(what, result);
}

static char *setting(const char *name) {
        char *value = getenv(name);

        if (!value)
                fail(name, 0);
        return value;
}

static void make_password(const az_iot_hub_client *client, char *password, size_t size) {
        uint64_t expires = (uint64_t) time(NULL) + TOKEN_LIFETIME_S;
        uint8_t text[512], signature[SECURE_ELEMENT_SIGNATURE_SIZE];
        az_span text_to_sign;

        check(az_iot_hub_client_sas_get_signature(client, expires, AZ_SPAN_FROM_BUFFER(text), &text_to_sign),
              "text");
        if (!secure_element_sign(setting("AZIOT_KEY_FILE"), text_to_sign, AZ_SPAN_FROM_BUFFER(signature)))
                fail("signature", 0);
        check(az_iot_hub_client_sas_get_password(client, expires, AZ_SPAN_FROM_BUFFER(signature),
                                                 AZ_SPAN_EMPTY, password, size, NULL),
              "password");
}

static void connect_mqtt(MQTTClient mqtt, const az_iot_hub_client *client) {
        MQTTClient_SSLOptions tls = MQTTClient_SSLOptions_initializer;
        MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer;
        char user_name[512], password[512];
        int code;

        check(az_iot_hub_client_get_user_name(client, user_name, sizeof(user_name), NULL), "user name");
        make_password(client, password, sizeof(password));

        tls.trustStore = getenv("AZIOT_CA_FILE"); /* NULL: whom the system trusts */
        tls.verify = 1;
        options.ssl = &tls;
        options.MQTTVersion = MQTTVERSION_3_1_1;
        options.keepAliveInterval = AZ_IOT_DEFAULT_MQTT_CONNECT_KEEPALIVE_SECONDS;
        options.cleansession = 0;
        options.username = user_name;
        options.password = password;
        code = MQTTClient_connect(mqtt, &options);
        if (code != MQTTCLIENT_SUCCESS)
                fail("connect", code);
}

static void send_message(MQTTClient mqtt, const az_iot_hub_client *client, int n) {
        az_iot_message_properties properties;
        uint8_t buffer[128];
        char topic[256], body[32];
        MQTTClient_deliveryToken token;
        int code, length;

        check(az_iot_message_properties_init(&properties, AZ_SPAN_FROM_BUFFER(buffer), 0), "properties");
        check(az_iot_message_properties_append(&properties,
                                               AZ_SPAN_FROM_STR(AZ_IOT_MESSAGE_PROPERTIES_CONTENT_TYPE),
                                               AZ_SPAN_FROM_STR("application%2Fjson")),
              "content type");
        check(az_iot_message_properties_append(&properties, AZ_SPAN_FROM_STR("kind"),
                                               AZ_SPAN_FROM_STR("counter")),
              "property");
        check(az_iot_hub_client_telemetry_get_publish_topic(client, &properties, topic, sizeof(topic), NULL),
              "topic");

        length = snprintf(body, sizeof(body), "{\"n\":%d}", n);
        code = MQTTClient_publish(mqtt, topic, length, body, 1, 0, &token);
        if (code == MQTTCLIENT_SUCCESS)
                code = MQTTClient_waitForCompletion(mqtt, token, ACKNOWLEDGEMENT_MS);
        if (code != MQTTCLIENT_SUCCESS)
                fail("publish", code);
        printf("sent %s\n", body);
}

int main(void) {
        const char *port = getenv("AZIOT_PORT");
        char uri[512], client_id[256];
        az_iot_hub_client client;
        MQTTClient mqtt;
        int code;

        check(az_iot_hub_client_init(&client, az_span_create_from_str(setting("AZIOT_HOST")),
                                     az_span_create_from_str(setting("AZIOT_DEVICE_ID")), NULL),
              "client");
        check(az_iot_hub_client_get_client_id(&client, client_id, sizeof(client_id), NULL), "client id");

        snprintf(uri, sizeof(uri), "ssl://%s:%s", setting("AZIOT_HOST"), port ? port : "8883");
        code = MQTTClient_create(&mqtt, uri, client_id, MQTTCLIENT_PERSISTENCE_NONE, NULL);
        if (code != MQTTCLIENT_SUCCESS)
                fail("create", code);
        connect_mqtt(mqtt, &client);
        for (int n = 1; n <= N_MESSAGES; n++)
                send_message(mqtt, &client, n);

        MQTTClient_disconnect(mqtt, ACKNOWLEDGEMENT_MS);
        MQTTClient_destroy(&mqtt);
        return EXIT_SUCCESS;
}
