/* SPDX-License-Identifier: MIT */

/*
 * Between the runner and the client. A runner that is stopped gives back what was not answered, and forgets
 * all subscriptions: those that the client wants are kept here, and the next runner gets them. What the
 * client had published comes to its end then; messages of the outbox are handed out again.
 *
 * An acknowledgement belongs to the runner that brought the message: its generation is in the epoch.
 */

#include "daemon/broker-link-internal.h"

#include <sys/random.h>

#include "daemon/az-errno.h"
#include "daemon/broker-message.h"
#include "daemon/command-caller.h"
#include "daemon/message-token.h"

/*
 * As many as the largest Receive Maximum needs, since the client outlives a change of it: each request that
 * the broker sends ahead is a task, and comes again on the next connection; responses are kept for repeats
 * where there is room. And what programs that watch have not read, each for itself.
 */
#define N_TASKS (2U * BROKER_RECEIVE_MAX + BROKER_UNACKNOWLEDGED_MAX)

/* Requests and responses, until they expire; what is not used is never touched. */
#define BLOCKS_BYTES (8U * 1024U * 1024U)

/* A topic and a response topic, and what the client needs besides. */
#define SCRATCH_BYTES (4U * BROKER_TOPIC_MAX + AIO_CLIENT_SCRATCH_SIZE(AIO_UUID_TEXT_SIZE))

#define USER_PROPERTIES_MAX (MQTT_USER_PROPERTIES_MAX + AIO_METADATA_RESPONSE_MAX + AIO_CLOUD_EVENT_MAX)

/* Of a topic: as many as it has levels, within reason. */
#define TOKENS_MAX 64U

/* How far the wall clock may be put back before the clock of the client is made anew. */
#define CLOCK_BACK_US ((int64_t) (AIO_HLC_MAX_DRIFT_DEFAULT_MS * USEC_PER_MSEC / 2))

aio_time broker_link_time(void) {
        return (aio_time){ .now_us = boottime_us(), .wall_ms = realtime_us() / USEC_PER_MSEC };
}

/* The client ------------------------------------------------------------------------------------------ */

static void fill_random(void *context, uint8_t *bytes, size_t n_bytes) {
        /* It can only fail before the system's random source is seeded, and then it waits. */
        while (getrandom(bytes, n_bytes, 0) != (ssize_t) n_bytes)
                ;
}

static int64_t clock_offset_us(void) {
        return (int64_t) (realtime_us() - boottime_us());
}

void broker_link_reset_clock(BrokerLink *link) {
        uint8_t bytes[AIO_UUID_SIZE];
        az_span node;

        fill_random(NULL, bytes, sizeof(bytes));
        aio_uuid_from_random(bytes);
        (void) !aio_uuid_format(bytes, AZ_SPAN_FROM_BUFFER(link->node), &node);
        (void) !aio_hlc_clock_init(&link->clock, node, AIO_HLC_MAX_DRIFT_DEFAULT_MS);
        link->clock_offset_us = clock_offset_us();
}

void broker_link_clock_changed(BrokerLink *link) {
        int64_t offset_us = clock_offset_us();

        if (link->has_client && offset_us < link->clock_offset_us - CLOCK_BACK_US)
                broker_link_reset_clock(link);
        else
                link->clock_offset_us = MAX(link->clock_offset_us, offset_us);
}

static bool allocate(aio_client_memory *m, uint32_t n_tasks) {
        m->n_tasks = n_tasks;
        m->tasks = calloc(n_tasks, sizeof(*m->tasks));
        m->n_invocations = COMMAND_INVOCATIONS_MAX;
        m->invocations = calloc(COMMAND_INVOCATIONS_MAX, sizeof(*m->invocations));
        m->n_user_properties = USER_PROPERTIES_MAX;
        m->user_properties = calloc(USER_PROPERTIES_MAX, sizeof(*m->user_properties));
        m->n_tokens = TOKENS_MAX;
        m->tokens = calloc(TOKENS_MAX, sizeof(*m->tokens));
        m->scratch = az_span_create(malloc(SCRATCH_BYTES), (int32_t) SCRATCH_BYTES);
        m->blocks = az_span_create(calloc(1, BLOCKS_BYTES), (int32_t) BLOCKS_BYTES);
        return m->tasks && m->invocations && m->user_properties && m->tokens && az_span_ptr(m->scratch) &&
               az_span_ptr(m->blocks);
}

static void release(aio_client_memory *m) {
        free(m->tasks);
        free(m->invocations);
        free(m->user_properties);
        free(m->tokens);
        free(az_span_ptr(m->scratch));
        free(az_span_ptr(m->blocks));
        *m = (aio_client_memory){};
}

int broker_link_make_client(BrokerLink *link) {
        aio_client_options options = { .clock = &link->clock, .random = fill_random };
        az_result result;

        link->client_id = strdup(link->settings.strings[AIO_SETTING_CLIENT_ID]);
        link->topic_namespace = strdup(link->settings.topic_namespace ?: "");
        if (!link->client_id || !link->topic_namespace || !allocate(&link->memory, N_TASKS))
                return -ENOMEM;
        broker_link_reset_clock(link);
        options.client_id = az_span_create_from_str(link->client_id);
        result = aio_client_init(&link->client, &options, &link->memory);
        if (az_result_failed(result))
                return az_result_to_errno(result);
        link->has_client = true;
        return 0;
}

void broker_link_free_client(BrokerLink *link) {
        Filter *f;

        while ((f = TAILQ_FIRST(&link->filters))) {
                TAILQ_REMOVE(&link->filters, f, entry);
                free(f);
        }
        release(&link->memory);
        free(link->client_id);
        free(link->topic_namespace);
}

aio_client *broker_link_get_client(BrokerLink *link) {
        return link->has_client ? &link->client : NULL;
}

az_span broker_link_get_namespace(const BrokerLink *link) {
        return az_span_create_from_str(link->topic_namespace);
}

/* Subscriptions --------------------------------------------------------------------------------------- */

static az_span filter_text(const Filter *f) {
        return az_span_create((uint8_t *) f->text, f->size);
}

static void filter_free(BrokerLink *link, Filter *f) {
        TAILQ_REMOVE(&link->filters, f, entry);
        free(f);
}

static Filter *find_pending(BrokerLink *link, uint64_t token) {
        Filter *f;

        TAILQ_FOREACH (f, &link->filters, entry)
                if (f->is_pending && f->token == token)
                        return f;
        return NULL;
}

/* The subscription that stands; there is one at most. */
static Filter *find_live(BrokerLink *link, az_span text) {
        Filter *f;

        TAILQ_FOREACH (f, &link->filters, entry)
                if (!f->is_pending && az_span_is_content_equal(filter_text(f), text))
                        return f;
        return NULL;
}

static void answer(BrokerLink *link, uint64_t token, bool is_unsubscribe, az_result result,
                   uint8_t reason_code) {
        if (is_unsubscribe)
                aio_client_unsubscribed(&link->client, token, result, reason_code);
        else
                aio_client_subscribed(&link->client, token, result, reason_code);
}

/* 0; negative: it cannot be asked for now, and will be by the next runner. */
static int request(BrokerLink *link, const Filter *f) {
        const MqttFilter filter = { .filter = filter_text(f), .qos = 1 };
        uint64_t token = f->is_pending ? f->token : RUNNER_TOKEN_FILTER;

        if (!link->runner)
                return -ENOTCONN;
        return f->is_pending && f->is_unsubscribe
                       ? mqtt_runner_unsubscribe(link->runner, filter.filter, token)
                       : mqtt_runner_subscribe(link->runner, &filter, token);
}

static void wish_subscription(BrokerLink *link, az_span text, uint64_t token, bool is_unsubscribe) {
        size_t size = (size_t) az_span_size(text);
        Filter *f = find_live(link, text);
        int r;

        if (is_unsubscribe && f)
                filter_free(link, f);
        f = malloc(sizeof(*f) + size);
        if (!f) {
                answer(link, token, is_unsubscribe, AZ_ERROR_OUT_OF_MEMORY, 0);
                return;
        }
        *f = (Filter){ .is_pending = true, .is_unsubscribe = is_unsubscribe, .token = token };
        f->size = (int32_t) size;
        memcpy(f->text, az_span_ptr(text), size);
        TAILQ_INSERT_TAIL(&link->filters, f, entry);

        r = request(link, f);
        if (r == 0 || r == -ENOTCONN)
                return;
        filter_free(link, f);
        answer(link, token, is_unsubscribe,
               r == MQTT_RUNNER_FULL ? AZ_ERROR_NOT_ENOUGH_SPACE : AZ_ERROR_OUT_OF_MEMORY, 0);
}

void broker_link_subscribe_all(BrokerLink *link) {
        Filter *f;

        TAILQ_FOREACH (f, &link->filters, entry)
                (void) request(link, f);
}

static void log_refused(const BrokerLink *link, az_span filter, uint8_t reason_code) {
        log_message(link->log, MSG_BROKER_SUBSCRIPTION,
                    "The broker refused the subscription to '%.*s': %s (0x%02x)", (int) az_span_size(filter),
                    (const char *) az_span_ptr(filter), mqtt_reason_to_string(reason_code), reason_code);
}

static void on_answered(BrokerLink *link, uint64_t token, az_broker_result result, uint8_t reason_code,
                        az_span text) {
        Filter *f = find_pending(link, token), *live;
        bool is_unsubscribe;

        if (result == AZ_BROKER_RESULT_STOPPED)
                return; /* the next runner is asked */
        if (!f) {
                if (reason_code >= 0x80)
                        log_refused(link, text, reason_code);
                return;
        }
        is_unsubscribe = f->is_unsubscribe;
        live = find_live(link, filter_text(f));
        if (is_unsubscribe || live || reason_code >= 0x80)
                filter_free(link, f);
        else
                f->is_pending = false;
        answer(link, token, is_unsubscribe, AZ_OK, reason_code);
}

/* Messages to the broker ------------------------------------------------------------------------------ */

/* The numbers of a token without the bit of the client. */
static uint64_t runner_token(uint64_t token) {
        return token_sequence(token) | (token_priority(token) == PRIORITY_HIGH ? RUNNER_TOKEN_HIGH : 0);
}

static uint64_t outbox_token(uint64_t token) {
        return token_make(token & RUNNER_TOKEN_HIGH ? PRIORITY_HIGH : PRIORITY_NORMAL,
                          token & ~RUNNER_TOKEN_HIGH);
}

unsigned broker_link_window_free(const BrokerLink *link) {
        if (link->state != LINK_ONLINE || link->n_published >= MQTT_WINDOW_DEFAULT)
                return 0;
        return MQTT_WINDOW_DEFAULT - link->n_published;
}

int broker_link_publish(BrokerLink *link, const az_mqtt_message *message, uint64_t token) {
        int r;

        if (!link->runner)
                return BROKER_LINK_FULL;
        r = mqtt_runner_publish(link->runner, message, runner_token(token), boottime_us());
        if (r == 0)
                link->n_published++;
        if (r == MQTT_RUNNER_FULL || r == -ENOTCONN)
                return BROKER_LINK_FULL;
        return r == -EINVAL || r == -EMSGSIZE ? BROKER_LINK_UNSENDABLE : r;
}

static az_result result_of(az_broker_result result) {
        static const az_result results[_AZ_BROKER_RESULT_MAX] = {
                [AZ_BROKER_RESULT_OK] = AZ_OK,
                [AZ_BROKER_RESULT_REFUSED] = AZ_OK, /* the reason code says it */
                [AZ_BROKER_RESULT_EXPIRED] = AZ_ERROR_CANCELED,
                [AZ_BROKER_RESULT_DROPPED] = AZ_ERROR_NOT_ENOUGH_SPACE,
                [AZ_BROKER_RESULT_STOPPED] = AZ_ERROR_CANCELED,
        };
        return results[result];
}

static void on_published(BrokerLink *link, const MqttRunnerEvent *e) {
        BrokerPublished published = {
                .token = outbox_token(e->published.token),
                .result = e->published.result,
                .reason_code = e->published.reason_code,
                .reason = mqtt_reason_to_string(e->published.reason_code),
                .message = e->published.message,
        };

        if (e->published.token & AIO_TOKEN_BIT) {
                (void) !aio_client_published(&link->client, e->published.token,
                                             result_of(e->published.result), e->published.reason_code,
                                             broker_link_time());
                return;
        }
        /* Of those that come back with a stop all is told by on_lost(). */
        if (e->published.result == AZ_BROKER_RESULT_STOPPED)
                return;
        link->n_published--;
        link->ops->on_published(link->userdata, &published);
}

/* The client's wishes --------------------------------------------------------------------------------- */

static uint64_t ack_epoch(const BrokerLink *link, uint64_t epoch) {
        return link->generation << 32 | epoch;
}

void broker_link_carry(BrokerLink *link, const aio_event *wish) {
        MqttAck ack;
        int r = -ENOTCONN;

        if (wish->type == AIO_EVENT_SUBSCRIBE)
                wish_subscription(link, wish->as.subscribe.filter, wish->as.subscribe.token, false);
        else if (wish->type == AIO_EVENT_UNSUBSCRIBE)
                wish_subscription(link, wish->as.unsubscribe.filter, wish->as.unsubscribe.token, true);
        else if (wish->type == AIO_EVENT_PUBLISH) {
                if (link->runner)
                        r = mqtt_runner_publish(link->runner, &wish->as.publish.message,
                                                wish->as.publish.token, boottime_us());
                if (r != 0)
                        (void) !aio_client_published(&link->client, wish->as.publish.token,
                                                     r == MQTT_RUNNER_FULL ? AZ_ERROR_NOT_ENOUGH_SPACE
                                                                           : AZ_ERROR_CANCELED,
                                                     0, broker_link_time());
        } else if (link->runner && wish->as.ack.ack.epoch >> 32 == link->generation) {
                ack = (MqttAck){ .epoch = (uint32_t) wish->as.ack.ack.epoch,
                                 .sequence = wish->as.ack.ack.sequence };
                mqtt_runner_ack(link->runner, ack);
        }
}

void broker_link_pump(BrokerLink *link) {
        aio_event event;

        while (link->has_client && aio_client_next_event(&link->client, &event)) {
                if (event.type <= AIO_EVENT_WISHES_LAST)
                        broker_link_carry(link, &event);
                else if (link->ops->on_client_event)
                        link->ops->on_client_event(link->userdata, &event);
        }
}

/* What the runner tells ------------------------------------------------------------------------------- */

static void on_connected(BrokerLink *link, const MqttRunnerEvent *e) {
        bool was_planned = link->is_renewing;

        link->report = *e->connected.report;
        if (link->report.own.subject[0] != '\0')
                expiry_set(&link->expiry, link->report.own.not_after_s);
        link->is_open = link->is_accepted = true;
        link->is_renewing = false;
        broker_link_record_live(link, was_planned);
        broker_link_update_state(link);
        if (link->ops->on_live)
                link->ops->on_live(link->userdata);
}

static void on_disconnected(BrokerLink *link, const MqttRunnerEvent *e) {
        DiagnosisContext context;
        Diagnosis cause;

        link->is_accepted = e->disconnected.was_connected;
        context = broker_link_context(link);
        diagnosis_from_broker_loss(&cause, &context, e->disconnected.loss, e->disconnected.reason_code,
                                   e->disconnected.report, e->disconnected.text);
        if (e->disconnected.report)
                link->report = *e->disconnected.report;
        link->is_open = link->is_accepted = link->is_renewing = false;
        broker_link_record(link, &cause, e->disconnected.was_connected, e->disconnected.delay_us);
        broker_link_update_state(link);
}

static void on_message(BrokerLink *link, const MqttRunnerEvent *e) {
        aio_ack ack = { .epoch = ack_epoch(link, e->message.ack.epoch), .sequence = e->message.ack.sequence };

        link->counts.n_received++;
        /* All events were popped, so there is room. */
        (void) !aio_client_received(&link->client, &e->message.message, ack, broker_link_time());
}

static void on_event(BrokerLink *link, const MqttRunnerEvent *e) {
        switch (e->type) {
        case MQTT_RUNNER_CONNECTED:
                on_connected(link, e);
                break;
        case MQTT_RUNNER_DISCONNECTED:
                on_disconnected(link, e);
                break;
        case MQTT_RUNNER_RENEWING:
                link->is_renewing = true;
                broker_link_update_state(link);
                break;
        case MQTT_RUNNER_SESSION_LOST:
                broker_link_record_session_lost(link);
                aio_client_session_lost(&link->client);
                break;
        case MQTT_RUNNER_REAUTHENTICATED:
                broker_link_record_token(link);
                break;
        case MQTT_RUNNER_MESSAGE:
                on_message(link, e);
                break;
        case MQTT_RUNNER_TOO_LARGE:
                log_message(link->log, MSG_MESSAGE_MALFORMED,
                            "A message from the broker has %u bytes, more than can be passed on, dropping it",
                            e->too_large.n_bytes);
                break;
        case MQTT_RUNNER_PUBLISHED:
                on_published(link, e);
                break;
        case MQTT_RUNNER_SUBSCRIBED:
                on_answered(link, e->subscribed.token, e->subscribed.result, e->subscribed.reason_code,
                            e->subscribed.filter);
                break;
        case MQTT_RUNNER_UNSUBSCRIBED:
                on_answered(link, e->unsubscribed.token, e->unsubscribed.result, e->unsubscribed.reason_code,
                            e->unsubscribed.filter);
                break;
        case MQTT_RUNNER_ROOM:
                aio_client_room(&link->client);
                break;
        case MQTT_RUNNER_STOPPED:
                broker_link_stopped(link);
                break;
        case _MQTT_RUNNER_EVENT_MAX:
                break;
        }
}

void broker_link_take_events(BrokerLink *link) {
        MqttRunnerEvent event;

        while (link->runner && mqtt_runner_next_event(link->runner, &event)) {
                on_event(link, &event);
                broker_link_pump(link);
        }
}
