/* SPDX-License-Identifier: MIT */

/*
 * Who is subscribed to what, and whom a message is for.
 *
 * Filters that have the same number of levels and wildcards in the same places have the same shape, and of
 * these there are few, as most endpoints come from a handful of patterns. An endpoint is found by the hash of
 * the levels that are no wildcards: for each shape the topic has one, and one chain of endpoints to be looked
 * through. So what a message costs depends on the number of shapes, and not on that of endpoints.
 */

#include <aio/client_internal.h>

#include <aio/aio_internal.h>
#include <azure/core/az_precondition_internal.h>

/* So many levels of a topic go into its hash. */
#define LEVELS_MAX 32

typedef struct {
        uint32_t hashes[LEVELS_MAX];
        int32_t n;
} levels;

static uint32_t hash_of(az_span level) {
        uint32_t hash = UINT32_C(2166136261); /* FNV-1a */

        for (int32_t i = 0; i < az_span_size(level); i++)
                hash = (hash ^ az_span_ptr(level)[i]) * UINT32_C(16777619);
        return hash;
}

static bool is_wildcard(az_span level, char wildcard) {
        return az_span_size(level) == 1 && az_span_ptr(level)[0] == (uint8_t) wildcard;
}

static levels split_topic(az_span topic) {
        levels l = { .n = 0 };
        bool is_last = false;

        while (!is_last) {
                az_span const level = _aio_split(&topic, '/', &is_last);

                if (l.n < LEVELS_MAX)
                        l.hashes[l.n] = hash_of(level);
                l.n++;
        }
        return l;
}

static _aio_shape shape_of(az_span filter) {
        _aio_shape shape = { .literals = 0 };
        bool is_last = false;

        while (!is_last) {
                az_span const level = _aio_split(&filter, '/', &is_last);

                if (is_last && is_wildcard(level, '#')) {
                        shape.is_open = true;
                        return shape;
                }
                if (shape.n_levels < LEVELS_MAX && !is_wildcard(level, '+'))
                        shape.literals |= UINT32_C(1) << shape.n_levels;
                shape.n_levels++;
        }
        return shape;
}

static bool is_same_shape(_aio_shape a, _aio_shape b) {
        return a.literals == b.literals && a.n_levels == b.n_levels && a.is_open == b.is_open;
}

static bool fits(_aio_shape shape, int32_t n_levels) {
        return shape.is_open ? n_levels >= shape.n_levels : n_levels == shape.n_levels;
}

/* Of the levels that are no wildcards in filters of this shape. */
static uint32_t hash_levels(levels const *l, _aio_shape shape) {
        uint32_t hash = 0;

        for (int32_t i = 0; i < l->n && i < shape.n_levels && i < LEVELS_MAX; i++) {
                if (shape.literals & (UINT32_C(1) << i))
                        hash = (hash + l->hashes[i]) * UINT32_C(2654435761) + (uint32_t) i;
        }
        return hash ^ (hash >> 16);
}

/* The filter without "$share/GROUP/". */
static az_span topic_filter_of(az_span filter) {
        int32_t n_slashes = 0, i = 0;

        if (az_span_find(filter, AZ_SPAN_FROM_STR("$share/")) != 0)
                return filter;
        while (n_slashes < 2 && i < az_span_size(filter)) {
                if (az_span_ptr(filter)[i++] == '/')
                        n_slashes++;
        }
        return _az_span_from(filter, i);
}

static aio_endpoint **bucket_of(aio_client *client, uint32_t hash) {
        return &client->_internal.buckets[hash % _aio_BUCKETS];
}

static void index_add(aio_client *client, aio_endpoint *endpoint) {
        az_span const filter = topic_filter_of(endpoint->_internal.filter);
        levels const l = split_topic(filter);
        aio_endpoint **bucket, *e = client->_internal.shapes;

        endpoint->_internal.shape = shape_of(filter);
        endpoint->_internal.hash = hash_levels(&l, endpoint->_internal.shape);
        bucket = bucket_of(client, endpoint->_internal.hash);
        endpoint->_internal.next_hashed = *bucket;
        *bucket = endpoint;

        while (e && !is_same_shape(e->_internal.shape, endpoint->_internal.shape))
                e = e->_internal.next_shape;
        if (!e) {
                endpoint->_internal.next_shape = client->_internal.shapes;
                client->_internal.shapes = endpoint;
        }
        endpoint->_internal.is_indexed = true;
}

/* If the shape was found by this endpoint, it is to be found by another. */
static void shape_hand_over(aio_client *client, aio_endpoint *endpoint) {
        aio_endpoint **p = &client->_internal.shapes, *e = client->_internal.endpoints;

        while (*p && *p != endpoint)
                p = &(*p)->_internal.next_shape;
        if (!*p)
                return;
        *p = endpoint->_internal.next_shape;
        while (e && (!e->_internal.is_indexed || e == endpoint ||
                     !is_same_shape(e->_internal.shape, endpoint->_internal.shape)))
                e = e->_internal.next;
        if (!e)
                return;
        e->_internal.next_shape = client->_internal.shapes;
        client->_internal.shapes = e;
}

static void index_remove(aio_client *client, aio_endpoint *endpoint) {
        aio_endpoint **p = bucket_of(client, endpoint->_internal.hash);

        if (!endpoint->_internal.is_indexed)
                return;
        while (*p != endpoint)
                p = &(*p)->_internal.next_hashed;
        *p = endpoint->_internal.next_hashed;
        shape_hand_over(client, endpoint);
        endpoint->_internal.is_indexed = false;

        for (p = &client->_internal.matches; *p; p = &(*p)->_internal.next_match) {
                if (*p == endpoint) {
                        *p = endpoint->_internal.next_match;
                        return;
                }
        }
}

static bool matches(aio_endpoint const *endpoint, az_span topic) {
        if (endpoint->_internal.is_filter)
                return aio_topic_filter_matches(endpoint->_internal.filter, topic);
        return aio_topic_pattern_matches(&endpoint->_internal.pattern, topic);
}

aio_endpoint *_aio_endpoints_find(aio_client *client, az_span topic) {
        aio_endpoint *first = NULL, **last = &first;
        levels const l = split_topic(topic);

        for (aio_endpoint *s = client->_internal.shapes; s; s = s->_internal.next_shape) {
                uint32_t hash;

                if (!fits(s->_internal.shape, l.n))
                        continue;
                hash = hash_levels(&l, s->_internal.shape);
                for (aio_endpoint *e = *bucket_of(client, hash); e; e = e->_internal.next_hashed) {
                        if (e->_internal.hash != hash ||
                            !is_same_shape(e->_internal.shape, s->_internal.shape) || !matches(e, topic))
                                continue;
                        *last = e;
                        last = &e->_internal.next_match;
                }
        }
        *last = NULL;
        return first;
}

static void make_due(aio_endpoint *endpoint) {
        aio_client *client = endpoint->_internal.client;

        if (endpoint->_internal.is_due)
                return;
        endpoint->_internal.is_due = true;
        endpoint->_internal.next_due = NULL;
        if (client->_internal.due_last)
                client->_internal.due_last->_internal.next_due = endpoint;
        else
                client->_internal.due_first = endpoint;
        client->_internal.due_last = endpoint;
}

static void wish(aio_endpoint *endpoint) {
        endpoint->_internal.token = AIO_TOKEN_BIT | ++endpoint->_internal.client->_internal.last_token;
        endpoint->_internal.has_wish = true;
        make_due(endpoint);
}

/* The filter, in a block of its own. */
static az_result take_filter(aio_endpoint *endpoint, aio_client *client, az_span filter, az_span share_name,
                             aio_error *out_error) {
        az_span text;
        az_result r;

        if (az_span_size(filter) > 0) {
                _aio_text t = _aio_text_begin(client->_internal.memory.scratch);

                if (az_span_size(share_name) > 0) {
                        _aio_text_append(&t, AZ_SPAN_FROM_STR("$share/"));
                        _aio_text_append(&t, share_name);
                        _aio_text_append(&t, AZ_SPAN_FROM_STR("/"));
                }
                _aio_text_append(&t, filter);
                r = _aio_text_end(&t, &text);
        } else {
                r = aio_topic_pattern_filter(&endpoint->_internal.pattern, share_name,
                                             client->_internal.memory.scratch, &text, out_error);
                if (r == AZ_ERROR_ARG)
                        return r;
        }
        if (az_result_succeeded(r))
                endpoint->_internal.filter_block = _aio_block_take(client, (uint32_t) az_span_size(text));
        if (!endpoint->_internal.filter_block) {
                *out_error = _aio_capacity_error();
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        }
        memcpy(endpoint->_internal.filter_block, az_span_ptr(text), (size_t) az_span_size(text));
        endpoint->_internal.filter = _az_span_of(endpoint->_internal.filter_block, az_span_size(text));
        endpoint->_internal.is_filter = az_span_size(filter) > 0;
        return AZ_OK;
}

az_result _aio_endpoint_start(aio_endpoint *ref_endpoint, aio_client *client, az_span filter,
                              az_span share_name, aio_error *out_error) {
        az_result r;

        ref_endpoint->_internal.client = client;
        r = take_filter(ref_endpoint, client, filter, share_name, out_error);
        if (az_result_failed(r))
                return r;

        ref_endpoint->_internal.next = client->_internal.endpoints;
        if (client->_internal.endpoints)
                client->_internal.endpoints->_internal.previous = ref_endpoint;
        client->_internal.endpoints = ref_endpoint;
        index_add(client, ref_endpoint);
        ref_endpoint->_internal.state = AIO_ENDPOINT_STARTING;
        wish(ref_endpoint);
        return AZ_OK;
}

static void finish(aio_endpoint *endpoint) {
        aio_client *client = endpoint->_internal.client;

        if (endpoint->_internal.previous)
                endpoint->_internal.previous->_internal.next = endpoint->_internal.next;
        else
                client->_internal.endpoints = endpoint->_internal.next;
        if (endpoint->_internal.next)
                endpoint->_internal.next->_internal.previous = endpoint->_internal.previous;

        switch (endpoint->kind) {
        case AIO_ENDPOINT_TELEMETRY_RECEIVER:
                _aio_telemetry_receiver_stopped((aio_telemetry_receiver *) (void *) endpoint);
                break;
        case AIO_ENDPOINT_COMMAND_EXECUTOR:
                _aio_command_executor_stopped((aio_command_executor *) (void *) endpoint);
                break;
        case AIO_ENDPOINT_COMMAND_INVOKER:
        case _AIO_ENDPOINT_KIND_MAX:
                break;
        }
        _aio_arena_give(&client->_internal.arena, endpoint->_internal.filter_block);
        endpoint->_internal.filter_block = NULL;
        endpoint->_internal.filter = AZ_SPAN_EMPTY;
        endpoint->_internal.state = AIO_ENDPOINT_STOPPED;
        endpoint->_internal.has_news = true;
        make_due(endpoint);
}

/* Whether another endpoint needs the same subscription. */
static bool is_shared(aio_endpoint const *endpoint) {
        aio_endpoint const *e = *bucket_of(endpoint->_internal.client, endpoint->_internal.hash);

        while (e && (e == endpoint || e->_internal.wants_stop ||
                     !az_span_is_content_equal(e->_internal.filter, endpoint->_internal.filter)))
                e = e->_internal.next_hashed;
        return e != NULL;
}

/* Takes no more messages. A session that the broker kept may have brought some before the SUBACK. */
static void end(aio_endpoint *endpoint) {
        endpoint->_internal.state = AIO_ENDPOINT_STOPPING;
        endpoint->_internal.is_unsubscribed = endpoint->_internal.is_refused || is_shared(endpoint);
        index_remove(endpoint->_internal.client, endpoint);
        if (!endpoint->_internal.is_unsubscribed)
                wish(endpoint);
        _aio_endpoint_settle(endpoint);
}

bool _aio_endpoint_stop(aio_endpoint *ref_endpoint) {
        if (ref_endpoint->_internal.state == AIO_ENDPOINT_STOPPED || ref_endpoint->_internal.wants_stop)
                return false;
        ref_endpoint->_internal.wants_stop = true;
        index_remove(ref_endpoint->_internal.client, ref_endpoint);
        if (ref_endpoint->_internal.state == AIO_ENDPOINT_STARTED)
                end(ref_endpoint);
        return true;
}

void _aio_endpoint_settle(aio_endpoint *ref_endpoint) {
        aio_command_executor const *executor;

        if (ref_endpoint->_internal.state != AIO_ENDPOINT_STOPPING ||
            !ref_endpoint->_internal.is_unsubscribed)
                return;
        executor = (aio_command_executor const *) (void const *) ref_endpoint;
        if (ref_endpoint->kind == AIO_ENDPOINT_COMMAND_EXECUTOR && executor->_internal.n_tasks > 0)
                return;
        finish(ref_endpoint);
}

static aio_endpoint *find_waiting(aio_client *client, uint64_t token, aio_endpoint_state state) {
        aio_endpoint *e = client->_internal.endpoints;

        while (e && (e->_internal.token != token || e->_internal.state != state || e->_internal.has_wish))
                e = e->_internal.next;
        return e && !e->_internal.is_unsubscribed ? e : NULL;
}

void aio_client_subscribed(aio_client *client, uint64_t token, az_result result, uint8_t reason_code) {
        aio_endpoint *endpoint;

        _az_PRECONDITION_NOT_NULL(client);

        endpoint = find_waiting(client, token, AIO_ENDPOINT_STARTING);
        if (!endpoint)
                return;
        if (!_aio_is_accepted(result, reason_code)) {
                if (endpoint->kind == AIO_ENDPOINT_COMMAND_INVOKER)
                        _aio_invocations_end(client, (aio_command_invoker *) (void *) endpoint,
                                             AIO_ERROR_MQTT, result, reason_code);
                endpoint->_internal.is_refused = true;
                if (!endpoint->_internal.wants_stop)
                        endpoint->_internal.error = _aio_mqtt_error(result, reason_code);
                end(endpoint);
                return;
        }
        if (endpoint->_internal.wants_stop) {
                end(endpoint);
                return;
        }
        endpoint->_internal.state = AIO_ENDPOINT_STARTED;
        endpoint->_internal.has_news = true;
        make_due(endpoint);
}

void aio_client_unsubscribed(aio_client *client, uint64_t token, az_result result, uint8_t reason_code) {
        aio_endpoint *endpoint;

        _az_PRECONDITION_NOT_NULL(client);

        endpoint = find_waiting(client, token, AIO_ENDPOINT_STOPPING);
        if (!endpoint)
                return;
        if (!_aio_is_accepted(result, reason_code))
                endpoint->_internal.error = _aio_mqtt_error(result, reason_code);
        endpoint->_internal.is_unsubscribed = true;
        _aio_endpoint_settle(endpoint);
}

static az_span command_name_of(aio_endpoint const *endpoint) {
        if (endpoint->kind == AIO_ENDPOINT_COMMAND_INVOKER)
                return ((aio_command_invoker const *) (void const *) endpoint)->_internal.command_name;
        if (endpoint->kind == AIO_ENDPOINT_COMMAND_EXECUTOR)
                return ((aio_command_executor const *) (void const *) endpoint)->_internal.command_name;
        return AZ_SPAN_EMPTY;
}

static void pop_due(aio_client *client) {
        aio_endpoint *endpoint = client->_internal.due_first;

        client->_internal.due_first = endpoint->_internal.next_due;
        if (!client->_internal.due_first)
                client->_internal.due_last = NULL;
        endpoint->_internal.is_due = false;
}

bool _aio_endpoint_next_event(aio_client *client, aio_event *out_event) {
        aio_endpoint *endpoint = client->_internal.due_first;
        bool was_refused;

        if (!endpoint)
                return false;
        was_refused = endpoint->_internal.is_refused && !endpoint->_internal.wants_stop;
        *out_event = (aio_event){ .type = AIO_EVENT_SUBSCRIBE };
        if (endpoint->_internal.has_news) {
                endpoint->_internal.has_news = false;
                out_event->type = endpoint->_internal.state == AIO_ENDPOINT_STOPPED && !was_refused
                                          ? AIO_EVENT_STOPPED
                                          : AIO_EVENT_STARTED;
                out_event->as.endpoint.endpoint = endpoint;
                out_event->as.endpoint.error = endpoint->_internal.error;
                if (endpoint->_internal.error.kind != AIO_ERROR_NONE)
                        out_event->as.endpoint.error.command_name = command_name_of(endpoint);
        } else {
                endpoint->_internal.has_wish = false;
                if (endpoint->_internal.state == AIO_ENDPOINT_STOPPING)
                        out_event->type = AIO_EVENT_UNSUBSCRIBE;
                out_event->as.subscribe.filter = endpoint->_internal.filter;
                out_event->as.subscribe.token = endpoint->_internal.token;
        }
        if (!endpoint->_internal.has_wish)
                pop_due(client);
        return true;
}

aio_endpoint_state aio_endpoint_get_state(aio_endpoint const *endpoint) {
        _az_PRECONDITION_NOT_NULL(endpoint);

        return endpoint->_internal.state;
}

az_span aio_endpoint_get_filter(aio_endpoint const *endpoint) {
        _az_PRECONDITION_NOT_NULL(endpoint);

        return endpoint->_internal.filter;
}
