/* SPDX-License-Identifier: MIT */

/*
 * Preloaded into aziotd, it swallows every AZIOT_TEST_SWALLOW-th message on its way to the hub, and gives
 * MQTT the one before it once more, so that the hub acknowledges something and nobody else can tell. With it
 * tests/chaos/soak has to fail, or it would not notice a daemon that loses messages by itself.
 */

#include <dlfcn.h>
#include <mosquitto.h>
#include <stdlib.h>
#include <string.h>

typedef int (*Publish)(struct mosquitto *, int *, const char *, int, const void *, int, bool,
                       const mosquitto_property *);

/* The message before this one. */
static char *last_topic;
static void *last_payload;
static int n_last_payload;
static unsigned long n_messages;

static void remember(const char *topic, const void *payload, int n_payload) {
        free(last_topic);
        free(last_payload);
        last_topic = strdup(topic);
        last_payload = malloc((size_t) n_payload + 1);
        if (last_payload)
                memcpy(last_payload, payload, (size_t) n_payload);
        n_last_payload = n_payload;
}

int mosquitto_publish_v5(struct mosquitto *mosq, int *mid, const char *topic, int payloadlen,
                         const void *payload, int qos, bool retain, const mosquitto_property *properties) {
        const char *text = getenv("AZIOT_TEST_SWALLOW");
        unsigned long every = text ? strtoul(text, NULL, 10) : 0;
        void *found = dlsym(RTLD_NEXT, "mosquitto_publish_v5");
        Publish publish;

        memcpy(&publish, &found, sizeof(publish));
        if (!topic || !strstr(topic, "/messages/events/") || every == 0)
                return publish(mosq, mid, topic, payloadlen, payload, qos, retain, properties);
        if (++n_messages % every == 0 && last_topic && last_payload)
                return publish(mosq, mid, last_topic, n_last_payload, last_payload, qos, retain, properties);
        remember(topic, payload, payloadlen);
        return publish(mosq, mid, topic, payloadlen, payload, qos, retain, properties);
}
