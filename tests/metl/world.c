/* SPDX-License-Identifier: MIT */

#include "world.h"

#include <poll.h>
#include <stdarg.h>

#include "component.h"
#include "interop/must.h"

#define START_US (1000 * USEC_PER_SEC)
#define START_MS UINT64_C(1700000000000)
#define NODE     "metl"
/* Nothing that a case waits for takes longer; keep-alives would go on for ever. */
#define AWAIT_US (600 * USEC_PER_SEC)
/* The kernel may need a moment until bytes that were written can be read: before the next thing is done, and,
 * on a machine that is busy, before time passes. */
#define GRACE_MS      2
#define LONG_GRACE_MS 50
#define N_TASKS       64
#define N_CALLS       64
#define N_PROPERTIES  64
#define N_TOKENS      16
#define N_BYTES       65536

struct Kept {
        struct Kept *next;
        max_align_t bytes[];
};

_Noreturn void fail(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start() stands one line above */
        (void) vprintf(format, ap);
        va_end(ap);
        (void) putchar('\n');
        (void) fflush(stdout);
        _exit(EXIT_FAILURE);
}

void *world_keep(World *w, size_t n_bytes) {
        struct Kept *kept = calloc(1, sizeof(*kept) + n_bytes + 1);

        must(kept != NULL, "out of memory");
        kept->next = w->kept;
        w->kept = kept;
        return kept->bytes;
}

az_span world_keep_span(World *w, az_span span) {
        size_t n = (size_t) az_span_size(span);
        uint8_t *copy;

        if (!az_span_ptr(span))
                return AZ_SPAN_EMPTY;
        copy = world_keep(w, n);
        if (n > 0)
                memcpy(copy, az_span_ptr(span), n);
        return az_span_create(copy, az_span_size(span));
}

aio_error world_keep_error(World *w, const aio_error *error) {
        aio_error copy = *error;

        copy.message = world_keep_span(w, error->message);
        copy.command_name = world_keep_span(w, error->command_name);
        copy.property_name = world_keep_span(w, error->property_name);
        copy.property_value = world_keep_span(w, error->property_value);
        copy.protocol_version = world_keep_span(w, error->protocol_version);
        copy.supported_majors = world_keep_span(w, error->supported_majors);
        return copy;
}

Entry *world_find(World *w, Entry **list, uint64_t number) {
        Entry *e;

        for (e = *list; e; e = e->next)
                if (e->number == number)
                        return e;
        e = world_keep(w, sizeof(*e));
        *e = (Entry){ .next = *list, .number = number };
        *list = e;
        return e;
}

aio_time world_time(const World *w) {
        return (aio_time){ .now_us = w->protocol_us, .wall_ms = START_MS + w->protocol_us / USEC_PER_MSEC };
}

/* Not random, so that a case goes the same way each time: splitmix64. */
void world_random(World *w, uint8_t *bytes, size_t n) {
        for (size_t i = 0; i < n; i++) {
                uint64_t z = w->random += UINT64_C(0x9e3779b97f4a7c15);

                z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
                z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
                bytes[i] = (uint8_t) (z ^ z >> 31);
        }
}

static void random_bytes(void *context, uint8_t *bytes, size_t n) {
        world_random(context, bytes, n);
}

static void script_acks(Peer *p, PeerPacketType type, const cJSON *acks) {
        const cJSON *ack;

        for (ack = json_first(acks); ack; ack = ack->next) {
                const char *kind = cJSON_GetStringValue(ack);
                PeerAnswer answer = {
                        .action = strcmp(kind, "drop") == 0 ? PEER_DROP : PEER_ANSWER,
                        .reason = strcmp(kind, "fail") == 0 ? 0x80 : 0,
                };

                peer_script(p, type, answer);
        }
}

static Peer *make_peer(const cJSON *prologue) {
        const cJSON *acks = json_find(prologue, "push-acks");
        Peer *p = peer_new();

        script_acks(p, PEER_PUBLISH, json_find(acks, "publish"));
        script_acks(p, PEER_SUBSCRIBE, json_find(acks, "subscribe"));
        script_acks(p, PEER_UNSUBSCRIBE, json_find(acks, "unsubscribe"));
        return p;
}

static void make_client(World *w) {
        const aio_client_options options = {
                .client_id = w->client_id,
                .clock = &w->clock,
                .random = random_bytes,
                .random_context = w,
        };
        const aio_client_memory memory = {
                .tasks = world_keep(w, N_TASKS * sizeof(aio_task)),
                .n_tasks = N_TASKS,
                .invocations = world_keep(w, N_CALLS * sizeof(aio_invocation)),
                .n_invocations = N_CALLS,
                .user_properties = world_keep(w, N_PROPERTIES * sizeof(az_mqtt_user_property)),
                .n_user_properties = N_PROPERTIES,
                .tokens = world_keep(w, N_TOKENS * sizeof(aio_topic_token)),
                .n_tokens = N_TOKENS,
                .scratch = az_span_create(world_keep(w, N_BYTES), N_BYTES),
                .blocks = az_span_create(world_keep(w, N_BYTES), N_BYTES),
        };

        if (az_result_failed(
                    aio_hlc_clock_init(&w->clock, AZ_SPAN_FROM_STR(NODE), AIO_HLC_MAX_DRIFT_DEFAULT_MS)) ||
            az_result_failed(aio_client_init(&w->client, &options, &memory)))
                fail("the client cannot be made");
}

static void make_runner(World *w) {
        MqttRunnerConfig config = mqtt_runner_config_default();

        config.host = "127.0.0.1";
        config.port = peer_get_port(w->peer);
        config.no_tls = true;
        config.client_id = (const char *) az_span_ptr(w->client_id);
        config.clean_start = true;
        config.random_seed = 1;
        if (mqtt_runner_new(&w->runner, &config) < 0)
                fail("the runner cannot be made");
        if (mqtt_runner_start(w->runner, w->link_us) < 0)
                fail("the runner does not start");
}

World *world_new(const cJSON *test) {
        World *w = calloc(1, sizeof(*w));
        const cJSON *event;

        must(w != NULL, "out of memory");
        w->prologue = json_find(test, "prologue");
        w->epilogue = json_find(test, "epilogue");
        w->link_us = w->protocol_us = START_US;
        w->client_id = json_span(json_find(w->prologue, "mqtt-config"), "client-id");
        if (az_span_size(w->client_id) == 0)
                w->client_id = AZ_SPAN_FROM_STR("metl-client");
        for (event = json_first(json_find(w->prologue, "countdown-events")); event; event = event->next) {
                Entry *e = world_keep(w, sizeof(*e));

                *e = (Entry){ .next = w->events,
                              .name = event->string,
                              .value = (uint64_t) event->valuedouble };
                w->events = e;
        }
        w->peer = make_peer(w->prologue);
        make_client(w);
        make_runner(w);
        return w;
}

World *world_free(World *w) {
        if (!w)
                return NULL;
        w->runner = mqtt_runner_free(w->runner);
        w->peer = peer_free(w->peer);
        while (w->kept) {
                struct Kept *next = w->kept->next;

                free(w->kept);
                w->kept = next;
        }
        free(w);
        return NULL;
}

/* Between client and runner */

static az_result result_of(az_broker_result result) {
        return result == AZ_BROKER_RESULT_OK || result == AZ_BROKER_RESULT_REFUSED ? AZ_OK
                                                                                   : AZ_ERROR_CANCELED;
}

void world_carry(World *w, const aio_event *wish) {
        int r = 0;

        if (wish->type == AIO_EVENT_SUBSCRIBE) {
                MqttFilter filter = { .filter = wish->as.subscribe.filter, .qos = 1 };

                r = mqtt_runner_subscribe(w->runner, &filter, wish->as.subscribe.token);
        } else if (wish->type == AIO_EVENT_UNSUBSCRIBE)
                r = mqtt_runner_unsubscribe(w->runner, wish->as.unsubscribe.filter,
                                            wish->as.unsubscribe.token);
        else if (wish->type == AIO_EVENT_PUBLISH)
                r = mqtt_runner_publish(w->runner, &wish->as.publish.message, wish->as.publish.token,
                                        w->link_us);
        else
                mqtt_runner_ack(w->runner, (MqttAck){ wish->as.ack.ack.epoch, wish->as.ack.ack.sequence });
        if (r != 0)
                fail("the runner refuses a wish: %d", r);
}

static bool drain_client(World *w) {
        bool did_something = false;
        aio_event event;

        while (aio_client_next_event(&w->client, &event)) {
                did_something = true;
                if (event.type <= AIO_EVENT_WISHES_LAST)
                        world_carry(w, &event);
                else
                        component_on_event(w, &event);
        }
        return did_something;
}

static void take_event(World *w, const MqttRunnerEvent *e) {
        az_result r = AZ_OK;

        switch (e->type) {
        case MQTT_RUNNER_MESSAGE:
                r = aio_client_received(&w->client, &e->message.message,
                                        (aio_ack){ e->message.ack.epoch, e->message.ack.sequence },
                                        world_time(w));
                break;
        case MQTT_RUNNER_PUBLISHED:
                r = aio_client_published(&w->client, e->published.token, result_of(e->published.result),
                                         e->published.reason_code, world_time(w));
                break;
        case MQTT_RUNNER_SUBSCRIBED:
                aio_client_subscribed(&w->client, e->subscribed.token, result_of(e->subscribed.result),
                                      e->subscribed.reason_code);
                break;
        case MQTT_RUNNER_UNSUBSCRIBED:
                aio_client_unsubscribed(&w->client, e->unsubscribed.token, result_of(e->unsubscribed.result),
                                        e->unsubscribed.reason_code);
                break;
        case MQTT_RUNNER_STOPPED:
                if (e->stopped.is_fatal)
                        fail("the session gave up: %s", e->stopped.text);
                w->is_stopped = true;
                break;
        case MQTT_RUNNER_CONNECTED:
        case MQTT_RUNNER_DISCONNECTED:
        case MQTT_RUNNER_RENEWING:
        case MQTT_RUNNER_SESSION_LOST:
        case MQTT_RUNNER_REAUTHENTICATED:
        case MQTT_RUNNER_TOO_LARGE:
        case MQTT_RUNNER_ROOM:
        case _MQTT_RUNNER_EVENT_MAX:
                break;
        }
        if (az_result_failed(r))
                fail("the client takes no input: 0x%x", (unsigned) r);
}

static bool drain_runner(World *w) {
        bool did_something = false;
        MqttRunnerEvent event;

        while (mqtt_runner_next_event(w->runner, &event)) {
                did_something = true;
                take_event(w, &event);
                (void) drain_client(w);
        }
        return did_something;
}

/* Time */

static bool is_readable(const World *w, int timeout_ms) {
        struct pollfd fds[] = {
                { .fd = mqtt_runner_get_fd(w->runner), .events = POLLIN },
                { .fd = peer_get_fd(w->peer), .events = POLLIN },
        };

        return poll(fds, ELEMENTSOF(fds), timeout_ms) > 0;
}

/* How long until the next deadline; UINT64_MAX: there is none. */
static uint64_t time_left_us(const World *w) {
        uint64_t link_us = mqtt_runner_deadline_us(w->runner);
        uint64_t protocol_us = aio_client_deadline_us(&w->client);
        uint64_t left_us = UINT64_MAX;

        if (link_us != UINT64_MAX)
                left_us = link_us > w->link_us ? link_us - w->link_us : 0;
        if (protocol_us <= w->protocol_us)
                return 0;
        if (protocol_us != UINT64_MAX && w->n_frozen == 0)
                left_us = MIN(left_us, protocol_us - w->protocol_us);
        return left_us;
}

static bool turn(World *w) {
        bool did_something = false;

        peer_dispatch(w->peer);
        if (mqtt_runner_dispatch(w->runner, w->link_us) < 0)
                fail("the runner does not work any more");
        did_something |= drain_runner(w);
        aio_client_timeout(&w->client, world_time(w));
        did_something |= drain_client(w);
        return did_something;
}

void world_settle(World *w) {
        while (turn(w) || is_readable(w, GRACE_MS) || time_left_us(w) == 0)
                ;
}

/* A connect worker is at it, for which the time does not matter that goes on here. */
static bool is_connecting(const World *w) {
        MqttRunnerStatus status;

        mqtt_runner_get_status(w->runner, &status);
        return status.session.state == AZ_BROKER_SESSION_CONNECTING;
}

static void advance(World *w, uint64_t duration_us, bool is_asleep) {
        w->link_us += duration_us;
        if (is_asleep || w->n_frozen == 0)
                w->protocol_us += duration_us;
}

/* For when things are settled: waits a moment for something to do, or else lets time pass, at most so much.
 * Returns how much passed. */
static uint64_t step(World *w, uint64_t limit_us, bool is_asleep) {
        uint64_t duration_us;

        if (is_readable(w, LONG_GRACE_MS) || is_connecting(w))
                return 0;
        duration_us = MIN(time_left_us(w), limit_us);
        advance(w, duration_us, is_asleep);
        return duration_us;
}

void world_await(World *w, Condition is_met, const void *userdata, const char *what) {
        uint64_t passed_us = 0;

        for (;;) {
                world_settle(w);
                if (is_met(w, userdata))
                        return;
                if (passed_us >= AWAIT_US)
                        fail("waits in vain for %s", what);
                passed_us += step(w, AWAIT_US - passed_us, false);
        }
}

void world_sleep(World *w, uint64_t duration_us) {
        world_settle(w);
        while (duration_us > 0) {
                duration_us -= step(w, duration_us, true);
                world_settle(w);
        }
}
