/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Topic filters by number, with their options, for as long as a request names them or they are held; their
 * text stays until another filter takes their place.
 */

#include <mqtt/link.h>

#include "util/util.h"

/* A filter, or a place that is free. */
typedef struct MqttFilterEntry {
        char *text;
        MqttFilter filter;
        unsigned n_requests;
        bool is_held;
} MqttFilterEntry;

/* {} is an empty set. */
typedef struct MqttFilterSet {
        MqttFilterEntry *entries;
        size_t n_entries;
} MqttFilterSet;

void mqtt_filter_set_done(MqttFilterSet *s);

/* Whether MQTT allows the filter with these options. */
bool mqtt_filter_is_valid(const MqttFilter *filter);

/*
 * Finds a filter by its text or adds it, for one more request. With 'takes_options' its options are replaced.
 * -ENOMEM.
 */
int mqtt_filter_set_request(MqttFilterSet *s, const MqttFilter *filter, bool takes_options,
                            size_t *ret_index);

/* One request more, or less. */
void mqtt_filter_set_keep(MqttFilterSet *s, size_t index);
void mqtt_filter_set_unrequest(MqttFilterSet *s, size_t index);

/* One request less of the filter whose text mqtt_filter_set_get() gave. */
void mqtt_filter_set_forget(MqttFilterSet *s, az_span filter);

/* Holds it, or no more. */
void mqtt_filter_set_hold(MqttFilterSet *s, size_t index, bool is_held);

/* Holds none any more. */
void mqtt_filter_set_hold_none(MqttFilterSet *s);

/* Gives a filter with its options. */
const MqttFilter *mqtt_filter_set_get(const MqttFilterSet *s, size_t index);
