/* SPDX-License-Identifier: MIT */

#include <mqtt/message-store.h>

#include <assert.h>

#define NO_INDEX UINT32_MAX

/* Memory for a message of the usual size stays for the next one, that for a large one does not. */
#define KEPT_BYTES (8U * 1024U)

/* So that a message that is a little larger than the last one fits as well. */
#define ROUNDED_TO 256U

struct MqttMessageStore {
        uint32_t n_messages;
        uint32_t first_free;
        uint32_t n_used; /* those from here on were never used */
        MqttStoredMessage messages[];
};

int mqtt_message_store_new(MqttMessageStore **ret, uint32_t n_messages) {
        MqttMessageStore *s;

        s = malloc(sizeof(*s) + n_messages * sizeof(s->messages[0]));
        if (!s)
                return -ENOMEM;
        *s = (MqttMessageStore){ .n_messages = n_messages, .first_free = NO_INDEX };
        *ret = s;
        return 0;
}

MqttMessageStore *mqtt_message_store_free(MqttMessageStore *s) {
        if (!s)
                return NULL;
        for (uint32_t i = 0; i < s->n_used; i++)
                free(s->messages[i].bytes);
        free(s);
        return NULL;
}

bool mqtt_message_store_is_full(const MqttMessageStore *s) {
        return s->first_free == NO_INDEX && s->n_used == s->n_messages;
}

static void add_size(size_t *n, az_span span) {
        *n += (size_t) az_span_size(span);
}

size_t mqtt_message_size(const az_mqtt_message *message) {
        size_t n = (size_t) message->n_user_properties * sizeof(az_mqtt_user_property);

        add_size(&n, message->topic);
        add_size(&n, message->payload);
        add_size(&n, message->content_type);
        add_size(&n, message->response_topic);
        add_size(&n, message->correlation_data);
        for (int32_t i = 0; i < message->n_user_properties; i++) {
                add_size(&n, message->user_properties[i].key);
                add_size(&n, message->user_properties[i].value);
        }
        return n;
}

/* What is absent stays absent, what is empty stays empty. */
static az_span copy_span(az_span span, uint8_t **p) {
        uint8_t *copy = *p;
        size_t n = (size_t) az_span_size(span);

        if (!az_span_ptr(span))
                return AZ_SPAN_EMPTY;
        if (n > 0)
                memcpy(copy, az_span_ptr(span), n);
        *p += n;
        return az_span_create(copy, az_span_size(span));
}

void mqtt_message_copy(az_mqtt_message *ret, const az_mqtt_message *message, uint8_t *bytes) {
        az_mqtt_user_property *properties = (az_mqtt_user_property *) (void *) bytes;
        uint8_t *p = bytes + (size_t) message->n_user_properties * sizeof(*properties);

        assert(bytes);

        *ret = *message;
        ret->topic = copy_span(message->topic, &p);
        ret->payload = copy_span(message->payload, &p);
        ret->content_type = copy_span(message->content_type, &p);
        ret->response_topic = copy_span(message->response_topic, &p);
        ret->correlation_data = copy_span(message->correlation_data, &p);
        ret->user_properties = properties;
        for (int32_t i = 0; i < message->n_user_properties; i++)
                properties[i] = (az_mqtt_user_property){
                        .key = copy_span(message->user_properties[i].key, &p),
                        .value = copy_span(message->user_properties[i].value, &p),
                };
}

/* Takes a place in the store. */
static uint32_t take_index(MqttMessageStore *s) {
        uint32_t index = s->first_free;

        if (index != NO_INDEX) {
                s->first_free = s->messages[index].next_free;
                return index;
        }
        index = s->n_used++;
        s->messages[index] = (MqttStoredMessage){ .bytes = NULL };
        return index;
}

static void give_index(MqttMessageStore *s, uint32_t index) {
        s->messages[index].next_free = s->first_free;
        s->first_free = index;
}

static int reserve(MqttStoredMessage *m, size_t n) {
        uint8_t *bytes;

        if (n <= m->size)
                return 0;
        n = (n + ROUNDED_TO - 1) / ROUNDED_TO * ROUNDED_TO;
        bytes = malloc(n);
        if (!bytes)
                return -ENOMEM;
        free(m->bytes);
        m->bytes = bytes;
        m->size = n;
        return 0;
}

int mqtt_message_store_add(MqttMessageStore *s, const az_mqtt_message *message, uint32_t *ret_index) {
        uint32_t index;
        int r;

        assert(!mqtt_message_store_is_full(s));

        index = take_index(s);
        r = reserve(&s->messages[index], mqtt_message_size(message) + 1);
        if (r < 0) {
                give_index(s, index);
                return r;
        }
        mqtt_message_copy(&s->messages[index].message, message, s->messages[index].bytes);
        *ret_index = index;
        return 0;
}

MqttStoredMessage *mqtt_message_store_get(MqttMessageStore *s, uint32_t index) {
        assert(index < s->n_used);
        return &s->messages[index];
}

void mqtt_message_store_remove(MqttMessageStore *s, uint32_t index) {
        MqttStoredMessage *m = mqtt_message_store_get(s, index);

        if (m->size > KEPT_BYTES) {
                free(m->bytes);
                m->bytes = NULL;
                m->size = 0;
        }
        give_index(s, index);
}

void mqtt_message_store_remove_message(MqttMessageStore *s, const az_mqtt_message *message) {
        const MqttStoredMessage *m = (const MqttStoredMessage *) (const void *) message;

        assert(m >= s->messages && m < s->messages + s->n_used);
        mqtt_message_store_remove(s, (uint32_t) (m - s->messages));
}
