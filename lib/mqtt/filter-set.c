/* SPDX-License-Identifier: MIT */

#include <mqtt/filter-set.h>

#include <assert.h>
#include <mosquitto.h>

/* MQTT 5.0, 4.8.2. */
#define SHARED_PREFIX AZ_SPAN_FROM_STR("$share/")

void mqtt_filter_set_done(MqttFilterSet *s) {
        for (size_t i = 0; i < s->n_entries; i++)
                free(s->entries[i].text);
        free(s->entries);
        *s = (MqttFilterSet){ .entries = NULL };
}

static bool is_shared(az_span filter) {
        return az_span_size(filter) >= az_span_size(SHARED_PREFIX) &&
               memcmp(az_span_ptr(filter), az_span_ptr(SHARED_PREFIX),
                      (size_t) az_span_size(SHARED_PREFIX)) == 0;
}

bool mqtt_filter_is_valid(const MqttFilter *filter) {
        const char *text = (const char *) az_span_ptr(filter->filter);
        size_t n = (size_t) az_span_size(filter->filter);

        /* MQTT 5.0, 3.8.3.1: "It is a Protocol Error to set the No Local bit to 1 on a Shared Subscription".
         */
        return n > 0 && n <= UINT16_MAX && filter->qos <= 1 && filter->retain_handling < _MQTT_RETAIN_MAX &&
               !(filter->no_local && is_shared(filter->filter)) &&
               mosquitto_validate_utf8(text, (int) n) == MOSQ_ERR_SUCCESS &&
               mosquitto_sub_topic_check2(text, n) == MOSQ_ERR_SUCCESS;
}

static bool find(const MqttFilterSet *s, az_span filter, size_t *ret_index) {
        for (size_t i = 0; i < s->n_entries; i++) {
                if (!az_span_is_content_equal(s->entries[i].filter.filter, filter))
                        continue;
                *ret_index = i;
                return true;
        }
        return false;
}

static bool is_unused(const MqttFilterEntry *entry) {
        return entry->n_requests == 0 && !entry->is_held;
}

/* Finds a place for one more. */
static int find_place(MqttFilterSet *s, MqttFilterEntry **ret) {
        MqttFilterEntry *grown;

        for (size_t i = 0; i < s->n_entries; i++) {
                if (!is_unused(&s->entries[i]))
                        continue;
                *ret = &s->entries[i];
                return 0;
        }
        grown = reallocarray(s->entries, s->n_entries + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        s->entries = grown;
        *ret = &grown[s->n_entries++];
        **ret = (MqttFilterEntry){ .text = NULL };
        return 0;
}

static int add(MqttFilterSet *s, az_span filter, size_t *ret_index) {
        MqttFilterEntry *entry;
        char *text;
        int r;

        r = find_place(s, &entry);
        if (r < 0)
                return r;
        text = strndup((const char *) az_span_ptr(filter), (size_t) az_span_size(filter));
        if (!text)
                return -ENOMEM;
        free(entry->text);
        *entry = (MqttFilterEntry){
                .text = text,
                .filter.filter = az_span_create((uint8_t *) text, az_span_size(filter)),
        };
        *ret_index = (size_t) (entry - s->entries);
        return 0;
}

int mqtt_filter_set_request(MqttFilterSet *s, const MqttFilter *filter, bool takes_options,
                            size_t *ret_index) {
        MqttFilterEntry *entry;
        size_t index;
        int r;

        if (!find(s, filter->filter, &index)) {
                r = add(s, filter->filter, &index);
                if (r < 0)
                        return r;
        }
        entry = &s->entries[index];
        entry->n_requests++;
        if (takes_options) {
                az_span text = entry->filter.filter;

                entry->filter = *filter;
                entry->filter.filter = text;
        }
        *ret_index = index;
        return 0;
}

void mqtt_filter_set_keep(MqttFilterSet *s, size_t index) {
        assert(index < s->n_entries && s->entries[index].text);
        s->entries[index].n_requests++;
}

void mqtt_filter_set_unrequest(MqttFilterSet *s, size_t index) {
        assert(index < s->n_entries && s->entries[index].n_requests > 0);
        s->entries[index].n_requests--;
}

void mqtt_filter_set_forget(MqttFilterSet *s, az_span filter) {
        size_t index;

        if (find(s, filter, &index))
                mqtt_filter_set_unrequest(s, index);
}

void mqtt_filter_set_hold(MqttFilterSet *s, size_t index, bool is_held) {
        assert(index < s->n_entries && s->entries[index].text);
        s->entries[index].is_held = is_held;
}

void mqtt_filter_set_hold_none(MqttFilterSet *s) {
        for (size_t i = 0; i < s->n_entries; i++)
                s->entries[i].is_held = false;
}

const MqttFilter *mqtt_filter_set_get(const MqttFilterSet *s, size_t index) {
        assert(index < s->n_entries && s->entries[index].text);
        return &s->entries[index].filter;
}
