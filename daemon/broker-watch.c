/* SPDX-License-Identifier: MIT */

/*
 * A watch is a receiver of lib/aio and the call that it answers. Each message becomes the text of a reply at
 * once, since its bytes are gone afterwards; the reply waits while the program has not read those before it,
 * and the message is acknowledged when the kernel has all of it. The broker sends no more than its Receive
 * Maximum ahead of that, so what waits is bounded, within WAITING_MAX. A message has to be acknowledged by
 * every watch that has it: when those of all are too many, the one that is furthest behind ends.
 *
 * The receiver outlives its call until the broker has answered the end of the subscription.
 */

#include <aio/telemetry.h>

#include "daemon/broker-internal.h"
#include "ipc/interfaces.h"

#define ERROR_NAME(name) "io.aziotd.broker." name

/* A program that has so much to read is not one that watches. */
#define WAITING_MAX (16U * 1024U * 1024U)

/* A message on its way to the program. */
typedef struct Delivery {
        STAILQ_ENTRY(Delivery) entry;
        uint64_t ack_id;
        size_t size;
        uint8_t text[]; /* the reply */
} Delivery;

typedef STAILQ_HEAD(DeliveryQueue, Delivery) DeliveryQueue;

struct Watch {
        TAILQ_ENTRY(Watch) entry;
        Broker *broker;
        IpcCall *call; /* NULL: it is over */
        aio_telemetry_receiver receiver;
        char *filter;        /* as it was subscribed to, without the group */
        char *topic, *share; /* of the call, for the receiver; 'share' NULL: none */
        aio_topic_token *tokens;
        DeliveryQueue waiting; /* to be given to the connection */
        DeliveryQueue given;   /* which has not written all of them */
        size_t n_waiting_bytes;
        unsigned n_unacknowledged; /* of both */
};

typedef struct WatchParams {
        az_span topic;
        IpcMap tokens;
        az_span share_name;
} WatchParams;

static bool delivery_has_ack(const Delivery *d) {
        return d->ack_id != 0; /* else it is of QoS 0 */
}

static void queue_pop(Watch *w, DeliveryQueue *queue) {
        Delivery *d = STAILQ_FIRST(queue);

        STAILQ_REMOVE_HEAD(queue, entry);
        w->n_unacknowledged -= delivery_has_ack(d);
        w->broker->n_unacknowledged -= delivery_has_ack(d);
        free(d);
}

static void queue_acknowledge(Watch *w, DeliveryQueue *queue) {
        aio_client *client = broker_link_get_client(w->broker->link);

        while (!STAILQ_EMPTY(queue)) {
                aio_telemetry_receiver_ack(client, STAILQ_FIRST(queue)->ack_id);
                queue_pop(w, queue);
        }
}

static Watch *watch_free(Watch *w) {
        if (!w)
                return NULL;

        while (!STAILQ_EMPTY(&w->waiting))
                queue_pop(w, &w->waiting);
        while (!STAILQ_EMPTY(&w->given))
                queue_pop(w, &w->given);
        free(w->filter);
        free(w->topic);
        free(w->share);
        free(w->tokens);
        free(w);
        return NULL;
}
DEFINE_CLEANUP(Watch *, watch_free)

static void watch_remove(Watch *w) {
        TAILQ_REMOVE(&w->broker->watches, w, entry);
        watch_free(w);
}

void broker_watch_free_all(Broker *b) {
        while (!TAILQ_EMPTY(&b->watches))
                watch_remove(TAILQ_FIRST(&b->watches));
}

/* Nobody reads it any more; STOPPED will follow. What was not written is acknowledged, too. */
static void watch_end(Watch *w) {
        w->call = NULL;
        w->broker->counts.n_watches--;
        queue_acknowledge(w, &w->waiting);
        queue_acknowledge(w, &w->given);
        aio_telemetry_receiver_stop(&w->receiver);
}

static void on_gone(IpcCall *call, void *userdata) {
        watch_end(userdata);
}

/* To the program -------------------------------------------------------------------------------------- */

static void write_received(IpcJson *json, const aio_received *received) {
        const az_mqtt_message *message = &received->message;

        ipc_json_begin(json, NULL);
        ipc_json_begin(json, "message");
        ipc_json_string(json, "topic", message->topic);
        if (received->tokens.n_tokens > 0)
                broker_tokens_write(json, received->tokens);
        broker_received_write(json, received);
        if (message->has_message_expiry)
                ipc_json_int(json, "expirySeconds", message->message_expiry_s);
        ipc_json_bool(json, "retained", message->retain);
        ipc_json_bool(json, "redelivered", message->dup);
        ipc_json_end(json);
        ipc_json_end(json);
}

static Delivery *delivery_new(const aio_received *received, uint64_t ack_id) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Delivery *d;
        az_span text;

        write_received(&json, received);
        if (ipc_json_get(&json, &text) < 0)
                return NULL;
        d = malloc(sizeof(*d) + (size_t) az_span_size(text));
        if (!d)
                return NULL;
        *d = (Delivery){ .ack_id = ack_id, .size = (size_t) az_span_size(text) };
        memcpy(d->text, az_span_ptr(text), d->size);
        return d;
}

static size_t get_unsent(const Watch *w) {
        return ipc_connection_get_unsent(ipc_call_get_connection(w->call));
}

/* Gives the connection as much as it takes without waiting for long. */
static void give(Watch *w) {
        Delivery *d;

        while (w->call && (d = STAILQ_FIRST(&w->waiting)) && get_unsent(w) < IPC_OUTPUT_PAUSE) {
                STAILQ_REMOVE_HEAD(&w->waiting, entry);
                w->n_waiting_bytes -= d->size;
                STAILQ_INSERT_TAIL(&w->given, d, entry);
                w->broker->counts.n_given++;
                (void) ipc_call_reply_continues(w->call, az_span_create(d->text, (int32_t) d->size));
        }
}

/* What was given is acknowledged when all of it is written. */
static void acknowledge(Watch *w) {
        if (get_unsent(w) == 0)
                queue_acknowledge(w, &w->given);
}

void broker_watch_run(Broker *b) {
        Watch *w;

        for (w = TAILQ_FIRST(&b->watches); w; w = TAILQ_NEXT(w, entry)) {
                if (!w->call)
                        continue;
                acknowledge(w);
                give(w);
        }
}

/* Ends the call by an error, in place of the next message. */
static void refuse(Watch *w, const char *name) {
        IpcCall *call = w->call;

        watch_end(w);
        (void) ipc_call_error(call, name, AZ_SPAN_EMPTY);
}

/* Those that read do so at the end of this turn: they get it now. If that does not help, somebody does not.
 */
static void make_room(Broker *b) {
        Watch *w, *last = NULL;

        for (w = TAILQ_FIRST(&b->watches); w; w = TAILQ_NEXT(w, entry)) {
                if (!w->call)
                        continue;
                ipc_connection_flush(ipc_call_get_connection(w->call));
                acknowledge(w);
                give(w);
                if (!last || w->n_unacknowledged > last->n_unacknowledged)
                        last = w;
        }
        if (last && b->n_unacknowledged >= BROKER_UNACKNOWLEDGED_MAX)
                refuse(last, ERROR_NAME("TooSlow"));
}

static void on_telemetry(const aio_event *event) {
        Watch *w = event->as.telemetry.receiver->endpoint.context;
        Delivery *d;

        if (!w->call) {
                aio_telemetry_receiver_ack(broker_link_get_client(w->broker->link),
                                           event->as.telemetry.ack_id);
                return;
        }
        d = delivery_new(&event->as.telemetry.received, event->as.telemetry.ack_id);
        if (!d) {
                refuse(w, "io.aziotd.device.OutOfMemory");
                return;
        }
        STAILQ_INSERT_TAIL(&w->waiting, d, entry);
        w->n_waiting_bytes += d->size;
        w->n_unacknowledged += delivery_has_ack(d);
        w->broker->n_unacknowledged += delivery_has_ack(d);
        give(w);
        if (w->call && w->n_waiting_bytes > WAITING_MAX)
                refuse(w, ERROR_NAME("TooSlow"));
        if (w->broker->n_unacknowledged >= BROKER_UNACKNOWLEDGED_MAX)
                make_room(w->broker);
}

static void reply_refused(Watch *w, uint8_t reason_code) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        IpcCall *call = w->call;

        w->call = NULL;
        w->broker->counts.n_watches--;
        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "reasonCode", reason_code);
        ipc_json_cstring(&json, "reasonText", mqtt_reason_to_string(reason_code));
        ipc_json_end(&json);
        (void) ipc_call_error_json(call, ERROR_NAME("SubscriptionRefused"), &json);
}

static void on_started(Watch *w, const aio_error *error) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        if (error->kind != AIO_ERROR_NONE) {
                if (w->call)
                        reply_refused(w, error->mqtt_reason);
                watch_remove(w); /* it is the last event */
                return;
        }
        if (!w->call)
                return;
        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "filter", w->filter);
        ipc_json_end(&json);
        (void) ipc_call_reply_continues_json(w->call, &json);
}

void broker_watch_event(Broker *b, const aio_event *event) {
        if (event->type == AIO_EVENT_TELEMETRY)
                on_telemetry(event);
        else if (event->type == AIO_EVENT_STARTED)
                on_started(event->as.endpoint.endpoint->context, &event->as.endpoint.error);
        else if (event->type == AIO_EVENT_STOPPED)
                watch_remove(event->as.endpoint.endpoint->context);
}

void broker_watch_update_access(Broker *b, IpcConnection *connection) {
        const IpcPeer *peer = ipc_connection_get_peer(connection);
        Watch *w, *next;
        int r;

        for (w = TAILQ_FIRST(&b->watches); w; w = next) {
                next = TAILQ_NEXT(w, entry);
                if (!w->call || ipc_call_get_connection(w->call) != connection ||
                    !access_find_denial(&b->p.config->access, peer, ACCESS_BROKER_WATCH,
                                        az_span_create_from_str(w->filter)))
                        continue;
                IpcCall *call = w->call;

                ipc_call_set_on_gone(call, NULL, NULL);
                watch_end(w);
                (void) broker_allows(b, call, ACCESS_BROKER_WATCH, az_span_create_from_str(w->filter), &r);
        }
}

/* The method ------------------------------------------------------------------------------------------ */

static char *copy_text(az_span text) {
        return strndup((const char *) az_span_ptr(text), (size_t) az_span_size(text));
}

/* Both texts of a token lie behind the array. */
static aio_topic_token *copy_tokens(const IpcMap *map) {
        size_t size = map->n_items * sizeof(aio_topic_token);
        aio_topic_token *tokens;
        az_span rest;

        for (size_t i = 0; i < map->n_items; i++)
                size += (size_t) az_span_size(map->items[i].key) + (size_t) az_span_size(map->items[i].value);
        tokens = malloc(MAX(size, (size_t) 1));
        if (!tokens)
                return NULL;
        rest = az_span_create((uint8_t *) (tokens + map->n_items),
                              (int32_t) (size - map->n_items * sizeof(aio_topic_token)));
        for (size_t i = 0; i < map->n_items; i++) {
                const IpcMapEntry *e = &map->items[i];

                tokens[i].key = az_span_slice(rest, 0, az_span_size(e->key));
                rest = az_span_copy(rest, e->key);
                tokens[i].value = az_span_slice(rest, 0, az_span_size(e->value));
                rest = az_span_copy(rest, e->value);
        }
        return tokens;
}

/* A topic with wildcards is a filter: the namespace belongs to it. */
static bool is_filter(az_span topic) {
        return memchr(az_span_ptr(topic), '+', (size_t) az_span_size(topic)) ||
               memchr(az_span_ptr(topic), '#', (size_t) az_span_size(topic));
}

static int join_namespace(az_span namespace, az_span filter, char **ret) {
        int r;

        r = asprintf(ret, "%.*s%s%.*s", (int) az_span_size(namespace), (const char *) az_span_ptr(namespace),
                     az_span_size(namespace) > 0 ? "/" : "", (int) az_span_size(filter),
                     (const char *) az_span_ptr(filter));
        if (r >= 0)
                return 0;
        *ret = NULL;
        return -ENOMEM;
}

static aio_telemetry_receiver_options options_of(Watch *w, const WatchParams *p) {
        az_span topic = az_span_create_from_str(w->topic);
        bool has_wildcards = is_filter(p->topic);
        aio_telemetry_receiver_options options = { .is_manual_ack = true, .context = w };

        if (has_wildcards)
                options.topic_filter = topic;
        else {
                options.topic_pattern = topic;
                options.topic_namespace = broker_link_get_namespace(w->broker->link);
                options.tokens = (aio_topic_tokens){ w->tokens, (int32_t) p->tokens.n_items };
        }
        if (w->share)
                options.share_name = az_span_create_from_str(w->share);
        return options;
}

/* The filter that it comes to, which the rules are asked of. 0; -ENOMEM; BROKER_INVALID. */
static int find_filter(const aio_telemetry_receiver_options *options, char **ret, aio_error *ret_error) {
        uint8_t buffer[2 * BROKER_TOPIC_MAX];
        aio_topic_pattern pattern;
        az_span filter = options->topic_filter;
        az_result r = AZ_OK;

        if (az_span_size(filter) == 0) {
                r = aio_topic_pattern_init(&pattern, AZ_SPAN_FROM_STR(AIO_PROPERTY_TOPIC_PATTERN),
                                           options->topic_pattern, options->topic_namespace, options->tokens,
                                           ret_error);
                if (az_result_succeeded(r))
                        r = aio_topic_pattern_filter(&pattern, AZ_SPAN_EMPTY, AZ_SPAN_FROM_BUFFER(buffer),
                                                     &filter, ret_error);
        }
        if (az_result_failed(r))
                return BROKER_INVALID;
        *ret = copy_text(filter);
        return *ret ? 0 : -ENOMEM;
}

static int watch_new(Broker *b, const WatchParams *p, Watch **ret) {
        _cleanup_(watch_freep) Watch *w = NULL;
        int r = 0;

        w = malloc(sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = (Watch){ .broker = b };
        STAILQ_INIT(&w->waiting);
        STAILQ_INIT(&w->given);
        if (is_filter(p->topic))
                r = join_namespace(broker_link_get_namespace(b->link), p->topic, &w->topic);
        else
                w->topic = copy_text(p->topic);
        if (!ipc_is_absent(p->share_name))
                w->share = copy_text(p->share_name);
        w->tokens = copy_tokens(&p->tokens);
        if (r < 0 || !w->topic || !w->tokens || (!ipc_is_absent(p->share_name) && !w->share))
                return -ENOMEM;
        *ret = TAKE_PTR(w);
        return 0;
}

int broker_watch(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(watch_freep) Watch *w = NULL;
        aio_telemetry_receiver_options options;
        const WatchParams *p = params;
        aio_error error = {};
        Broker *b = userdata;
        int r;

        r = watch_new(b, p, &w);
        if (r < 0)
                return r;
        options = options_of(w, p);
        r = find_filter(&options, &w->filter, &error);
        if (r == -ENOMEM)
                return r;
        if (r == BROKER_INVALID)
                return broker_refuse_error(b, call, &error);
        if (!broker_allows(b, call, ACCESS_BROKER_WATCH, az_span_create_from_str(w->filter), &r))
                return r;
        if (az_result_failed(aio_telemetry_receiver_start(&w->receiver, broker_link_get_client(b->link),
                                                          &options, &error)))
                return broker_refuse_error(b, call, &error);

        w->call = call;
        ipc_call_set_on_gone(call, on_gone, w);
        TAILQ_INSERT_TAIL(&b->watches, w, entry);
        b->counts.n_watches++;
        TAKE_PTR(w);
        return IPC_DEFERRED;
}

static const IpcField watch_fields[] = {
        { "topic", IPC_FIELD_STRING, offsetof(WatchParams, topic), .min = 1, .max = BROKER_TOPIC_MAX },
        { "tokens", IPC_FIELD_MAP, offsetof(WatchParams, tokens), IPC_FIELD_NULLABLE,
          .max = BROKER_TOKENS_MAX },
        { "shareName", IPC_FIELD_STRING, offsetof(WatchParams, share_name), IPC_FIELD_NULLABLE, .min = 1,
          .max = BROKER_TOPIC_MAX },
};
const IpcStruct broker_watch_struct = IPC_STRUCT(WatchParams, watch_fields);
