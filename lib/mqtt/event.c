/* SPDX-License-Identifier: MIT */

#include <mqtt/event.h>

#include <assert.h>

/* Marks, not limits: a batch of packets that was begun below them is finished. */
#define EVENTS_FULL      128U
#define EVENT_BYTES_FULL (64U * 1024U)

struct MqttEventNode {
        MqttEventNode *next;
        size_t n_bytes;
        MqttEvent event;
        uint8_t bytes[];
};

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
                l->reserve = node_new(MQTT_TEXT_MAX);
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

static MqttEventNode *list_append_reserve(MqttEventList *l, MqttEventType type, const char *text) {
        MqttEventNode *n = TAKE_PTR(l->reserve);

        assert(n);
        n->event.type = type;
        (void) snprintf((char *) n->bytes, n->n_bytes, "%s", text);
        list_append(l, n);
        return n;
}

void mqtt_event_list_add_open_failed(MqttEventList *l, MqttStage stage, int error, const char *text) {
        MqttEventNode *n = list_append_reserve(l, MQTT_EVENT_OPEN_FAILED, text);

        n->event.open_failed.stage = stage;
        n->event.open_failed.error = error;
        n->event.open_failed.text = (const char *) n->bytes;
}

void mqtt_event_list_add_lost(MqttEventList *l, const MqttFault *fault) {
        MqttEventNode *n = list_append_reserve(l, MQTT_EVENT_LOST, fault->text);

        n->event.lost.cause = fault->cause;
        n->event.lost.error = fault->error;
        n->event.lost.text = (const char *) n->bytes;
        n->event.lost.is_puback_owed = fault->is_puback_owed;
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
