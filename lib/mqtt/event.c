/* SPDX-License-Identifier: MIT */

#include <mqtt/event.h>

#include <assert.h>

#include <mqtt/message-store.h>

/* Marks, not limits: a batch of packets that was begun below them is finished. */
#define EVENTS_FULL      128U
#define EVENT_BYTES_FULL (64U * 1024U)

struct MqttEventNode {
        MqttEventNode *next;
        size_t n_bytes;
        MqttEvent event;
        _Alignas(max_align_t) uint8_t bytes[];
};

/* What the reserve has room for. */
typedef struct LastWords {
        MqttReport report;
        char text[MQTT_TEXT_MAX];
        char reason_string[MQTT_REASON_MAX];
} LastWords;

static MqttEventNode *node_new(size_t n_bytes) {
        MqttEventNode *n = malloc(sizeof(*n) + n_bytes);

        if (n)
                *n = (MqttEventNode){ .n_bytes = n_bytes };
        return n;
}

static void list_append(MqttEventList *l, MqttEventNode *n) {
        if (l->last)
                l->last->next = n;
        else
                l->first = n;
        l->last = n;
        l->n_events++;
        l->n_bytes += n->n_bytes;
}

int mqtt_event_list_reserve(MqttEventList *l) {
        l->out_of_memory = false;
        if (!l->reserve)
                l->reserve = node_new(sizeof(LastWords));
        return l->reserve ? 0 : -ENOMEM;
}

void mqtt_event_list_clear(MqttEventList *l) {
        MqttEventNode *popped = TAKE_PTR(l->popped);

        while (mqtt_event_list_pop(l))
                ;
        free(l->reserve);
        *l = (MqttEventList){ .popped = popped };
}

void mqtt_event_list_done(MqttEventList *l) {
        mqtt_event_list_clear(l);
        (void) mqtt_event_list_pop(l);
}

MqttEvent *mqtt_event_list_add(MqttEventList *l, MqttEventType type, size_t n_bytes, uint8_t **ret_bytes) {
        MqttEventNode *n = node_new(n_bytes);

        if (!n) {
                l->out_of_memory = true;
                return NULL;
        }
        n->event.type = type;
        list_append(l, n);
        if (ret_bytes)
                *ret_bytes = n->bytes;
        return &n->event;
}

az_span mqtt_event_copy_span(az_span span, uint8_t **bytes) {
        size_t n = (size_t) az_span_size(span);
        az_span copy = az_span_create(*bytes, (int32_t) n);

        if (!az_span_ptr(span))
                return AZ_SPAN_EMPTY;
        if (n > 0)
                memcpy(*bytes, az_span_ptr(span), n);
        *bytes += n;
        return copy;
}

MqttEvent *mqtt_event_list_add_message(MqttEventList *l, const az_mqtt_message *message) {
        uint8_t *bytes;
        MqttEvent *e;

        e = mqtt_event_list_add(l, MQTT_EVENT_MESSAGE, mqtt_message_size(message), &bytes);
        if (e)
                mqtt_message_copy(&e->message.publish, message, bytes);
        return e;
}

static MqttEvent *list_append_reserve(MqttEventList *l, MqttEventType type, const char *text,
                                      LastWords **ret_words) {
        MqttEventNode *n = TAKE_PTR(l->reserve);

        assert(n);
        n->event.type = type;
        *ret_words = (LastWords *) n->bytes;
        (void) snprintf((*ret_words)->text, sizeof((*ret_words)->text), "%s", text);
        list_append(l, n);
        return &n->event;
}

void mqtt_event_list_add_open_failed(MqttEventList *l, const MqttReport *report, int error,
                                     const char *text) {
        LastWords *words;
        MqttEvent *e = list_append_reserve(l, MQTT_EVENT_OPEN_FAILED, text, &words);

        words->report = *report;
        e->open_failed.stage = report->stage;
        e->open_failed.error = error;
        e->open_failed.text = words->text;
        e->open_failed.report = &words->report;
}

void mqtt_event_list_add_lost(MqttEventList *l, const MqttFault *fault) {
        LastWords *words;
        MqttEvent *e = list_append_reserve(l, MQTT_EVENT_LOST, fault->text, &words);

        e->lost.cause = fault->cause;
        e->lost.error = fault->error;
        e->lost.text = words->text;
        e->lost.is_puback_owed = fault->is_puback_owed;
        e->lost.reason_code = fault->reason_code;
        e->lost.reason_string =
                memcpy(words->reason_string, fault->reason_string, sizeof(words->reason_string));
}

/* A signature is half a password. */
static void node_free(MqttEventNode *n) {
        if (n && n->event.type == MQTT_EVENT_OPENED)
                explicit_bzero(n->bytes, n->n_bytes);
        free(n);
}

MqttEvent *mqtt_event_list_pop(MqttEventList *l) {
        MqttEventNode *n = l->first;

        node_free(l->popped);
        l->popped = n;
        if (!n)
                return NULL;

        l->first = n->next;
        if (!l->first)
                l->last = NULL;
        l->n_events--;
        l->n_bytes -= n->n_bytes;
        return &n->event;
}

bool mqtt_event_list_is_full(const MqttEventList *l) {
        return l->n_events >= EVENTS_FULL || l->n_bytes >= EVENT_BYTES_FULL;
}
