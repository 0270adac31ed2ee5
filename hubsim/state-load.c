/* SPDX-License-Identifier: MIT */

#include "hubsim/state-internal.h"

#include <azure/core/az_json.h>
#include <cjson/cJSON.h>

#include "hubsim/c2d.h"
#include "hubsim/hub.h"
#include "hubsim/log.h"

DEFINE_CLEANUP(cJSON *, cJSON_Delete)

/* Up to it a double counts in ones. */
#define NUMBER_MAX 9007199254740992.0

/* A line whose members are looked up one by one; a missing one is remembered. */
typedef struct Line {
        const cJSON *object;
        bool is_bad;
} Line;

static const char *take_string(Line *line, const char *name) {
        const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line->object, name));

        line->is_bad |= !text;
        return text ? text : "";
}

static uint64_t take_number(Line *line, const char *name) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(line->object, name);

        line->is_bad |= !cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > NUMBER_MAX;
        return line->is_bad ? 0 : (uint64_t) item->valuedouble;
}

static bool take_bool(Line *line, const char *name) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(line->object, name);

        line->is_bad |= !cJSON_IsBool(item);
        return cJSON_IsTrue(item);
}

static int load_session(Hub *hub, Device *device, Line *line) {
        const cJSON *filters = cJSON_GetObjectItemCaseSensitive(line->object, "filters"),
                    *qos = cJSON_GetObjectItemCaseSensitive(line->object, "qos"), *filter;
        int i = 0;

        device->was_connected = take_bool(line, "known");
        device->has_stored_session = take_bool(line, "stored");
        device_forget_subscriptions(device);
        cJSON_ArrayForEach(filter, filters) {
                const cJSON *granted = cJSON_GetArrayItem(qos, i++);
                int r;

                if (!cJSON_IsString(filter) || !cJSON_IsNumber(granted))
                        return -EBADMSG;
                r = device_subscribe(device, filter->valuestring, strlen(filter->valuestring),
                                     granted->valueint > 0);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int load_message(Hub *hub, Device *device, Line *line) {
        _cleanup_(c2d_message_freep) C2dMessage *m = NULL;
        const char *ack = take_string(line, "ack"), *topic = take_string(line, "topic"),
                   *data = take_string(line, "data");
        C2d *c;
        int r;

        r = c2d_get(hub, device, &c);
        if (r < 0)
                return r;
        m = malloc(sizeof(*m));
        if (!m)
                return -ENOMEM;
        *m = (C2dMessage){
                .number = take_number(line, "number"),
                .message_id = strdup(take_string(line, "messageId")),
                .enqueued_us = take_number(line, "enqueued"),
                .expires_us = take_number(line, "expires"),
                .was_delivered = take_bool(line, "delivered"),
                .n_deliveries = (unsigned) take_number(line, "deliveryCount"),
        };
        if (!m->message_id)
                return -ENOMEM;
        while (m->ack < _C2D_ACK_MAX && strcmp(c2d_ack_names[m->ack], ack) != 0)
                m->ack++;
        if (m->ack == _C2D_ACK_MAX || m->number == 0 || c2d_queue_is_full(&c->queue))
                return -EBADMSG;
        r = buffer_append(&m->topic, topic, strlen(topic));
        if (r < 0)
                return r;
        r = buffer_append_decoded(&m->payload, az_span_create_from_str((char *) data));
        if (r < 0)
                return r;

        c2d_queue_add(&c->queue, TAKE_PTR(m));
        return 0;
}

static C2dMessage *find_message(const Device *device, uint64_t number) {
        return device->c2d ? c2d_queue_find(&device->c2d->queue, number) : NULL;
}

static int load_change(Hub *hub, Device *device, Line *line) {
        C2dMessage *m = find_message(device, take_number(line, "number"));

        if (!m)
                return -EBADMSG;
        m->was_delivered = take_bool(line, "delivered");
        m->n_deliveries = (unsigned) take_number(line, "deliveryCount");
        return 0;
}

static int load_gone(Hub *hub, Device *device, Line *line) {
        C2dMessage *m = find_message(device, take_number(line, "number"));
        FeedbackRecord record = { .device = device };

        if (m)
                c2d_message_free(c2d_queue_remove(&device->c2d->queue, m));
        if (!cJSON_HasObjectItem(line->object, "status"))
                return 0;
        record.message_id = (char *) take_string(line, "messageId");
        record.status = c2d_status_from_string(take_string(line, "status"));
        record.time_us = take_number(line, "time");
        if (record.status < 0)
                return -EBADMSG;
        return feedback_add(&hub->feedback, &record);
}

static int load_heard(Hub *hub, Device *device, Line *line) {
        feedback_clear(&hub->feedback, device);
        return 0;
}

/* By the name of the line's first member, which says whose it is. */
static const struct {
        const char *kind;
        bool is_of_all; /* null instead of a device */
        int (*load)(Hub *hub, Device *device, Line *line);
} kinds[] = {
        { "session", false, load_session }, { "message", false, load_message },
        { "change", false, load_change },   { "gone", false, load_gone },
        { "heard", true, load_heard },
};

static int load_line(Hub *hub, const char *text, size_t size) {
        _cleanup_(cJSON_Deletep) cJSON *object = NULL;
        Line line;
        int r;

        /* cJSON alone would take much that is not JSON. */
        if (az_result_failed(az_json_validate(az_span_create((uint8_t *) text, (int32_t) size))))
                return -EBADMSG;
        object = cJSON_ParseWithLength(text, size);
        line = (Line){ .object = object };
        for (size_t i = 0; object && object->child && i < ELEMENTSOF(kinds); i++) {
                const char *id = cJSON_GetStringValue(object->child);
                Device *device = id ? registry_find(hub->registry, id, strlen(id)) : NULL;

                if (strcmp(object->child->string, kinds[i].kind) != 0)
                        continue;
                if (!id && !kinds[i].is_of_all)
                        return -EBADMSG;
                if (id && !device)
                        return 0; /* it is no longer in devices.json */
                r = kinds[i].load(hub, device, &line);
                return r < 0 ? r : line.is_bad ? -EBADMSG : 0;
        }
        return -EBADMSG;
}

int state_load(Hub *hub, const char *path, const char *text, size_t size) {
        size_t n = 1;

        /* Behind the last newline is what was being written when this program was killed. */
        for (const char *end; (end = memchr(text, '\n', size)); n++) {
                int r;

                r = load_line(hub, text, (size_t) (end - text));
                if (r < 0) {
                        log_event(NULL, 0, "%s: line %zu is damaged", path, n);
                        return r;
                }
                size -= (size_t) (end + 1 - text);
                text = end + 1;
        }
        return 0;
}
