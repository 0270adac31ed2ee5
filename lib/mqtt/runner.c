/* SPDX-License-Identifier: MIT */

/*
 * The session decides, the link does, the runner passes between them what one says to the other. An input of
 * the session is followed by runner_settle(), so that nothing of it waits. What the caller is to hear goes
 * into a ring that has room for how each message and request may come out; as long as something is in it, the
 * link is asked for nothing and no timer runs. What passes through in numbers does not go by the ring: a
 * message of the link is the caller's event.
 */

#include <mqtt/runner-internal.h>

#include <assert.h>
#include <sys/epoll.h>
#include <sys/random.h>

DEFINE_CLEANUP(MqttRunner *, mqtt_runner_free)

static const char *const event_types[_MQTT_RUNNER_EVENT_MAX] = {
        [MQTT_RUNNER_CONNECTED] = "connected",
        [MQTT_RUNNER_DISCONNECTED] = "disconnected",
        [MQTT_RUNNER_RENEWING] = "renewing",
        [MQTT_RUNNER_SESSION_LOST] = "session-lost",
        [MQTT_RUNNER_REAUTHENTICATED] = "reauthenticated",
        [MQTT_RUNNER_MESSAGE] = "message",
        [MQTT_RUNNER_TOO_LARGE] = "too-large",
        [MQTT_RUNNER_PUBLISHED] = "published",
        [MQTT_RUNNER_SUBSCRIBED] = "subscribed",
        [MQTT_RUNNER_UNSUBSCRIBED] = "unsubscribed",
        [MQTT_RUNNER_ROOM] = "room",
        [MQTT_RUNNER_STOPPED] = "stopped",
};

const char *mqtt_runner_event_type_to_string(MqttRunnerEventType type) {
        return (unsigned) type < _MQTT_RUNNER_EVENT_MAX ? event_types[type] : NULL;
}

/* Making ---------------------------------------------------------------------------------------------- */

static int set_up_memory(MqttRunner *r) {
        az_broker_session_memory *m = &r->memory;

        m->n_in_flight = r->config.window;
        m->n_waiting = r->config.n_waiting;
        m->n_requests = MQTT_RUNNER_REQUESTS_MAX;
        m->n_filters = MQTT_RUNNER_FILTERS_MAX;
        m->in_flight = calloc(m->n_in_flight, sizeof(*m->in_flight));
        m->waiting = calloc(m->n_waiting, sizeof(*m->waiting));
        m->requests = calloc(m->n_requests, sizeof(*m->requests));
        m->filters = calloc(m->n_filters, sizeof(*m->filters));
        if (!m->in_flight || !m->waiting || !m->requests || !m->filters)
                return -ENOMEM;

        /* What has come out and was not popped, and then, at a stop, all that has not. */
        r->events.n_ring = 2 * (m->n_in_flight + m->n_waiting) + m->n_requests + RUNNER_EVENTS_SPARE;
        r->events.ring = calloc(r->events.n_ring, sizeof(*r->events.ring));
        if (!r->events.ring)
                return -ENOMEM;
        return mqtt_message_store_new(&r->store, (uint32_t) (2 * (m->n_in_flight + m->n_waiting) + 1));
}

static int set_up_session(MqttRunner *r) {
        const MqttRunnerConfig *c = &r->config;
        az_broker_session_options options = az_broker_session_options_default();

        options.random_seed = c->random_seed;
        while (options.random_seed == 0)
                if (getrandom(&options.random_seed, sizeof(options.random_seed), 0) < 0)
                        return -errno;
        options.clean_start = c->clean_start;
        options.resubscribes = c->resubscribes;
        options.never_gives_up = c->never_gives_up;
        options.has_token = c->token_file != NULL;
        options.token_retries = c->token_retries;
        options.rival_links = c->rival_links;
        options.when_full = c->when_full;
        options.connect_timeout_s = c->connect_timeout_s;
        return az_result_failed(az_broker_session_init(&r->session, &options, &r->memory)) ? -EINVAL : 0;
}

/* Makes a directory that nobody else can look into. */
static int make_dir(char **ret) {
        const char *parent = getenv("XDG_RUNTIME_DIR");
        _cleanup_(freep) char *path = NULL;

        if (asprintf(&path, "%s/aziot-mqtt-XXXXXX", parent && parent[0] == '/' ? parent : "/tmp") < 0)
                return -ENOMEM;
        if (!mkdtemp(path))
                return -errno;
        *ret = TAKE_PTR(path);
        return 0;
}

static int set_up_link(MqttRunner *r) {
        MqttLinkConfig config = {
                .runtime_dir = r->config.runtime_dir,
                .max_packet_bytes = r->config.max_packet_bytes,
                .window = r->config.window,
                .receive_max = r->config.receive_max,
        };
        struct epoll_event event = { .events = EPOLLIN };
        int e;

        if (!config.runtime_dir) {
                e = make_dir(&r->made_dir);
                if (e < 0)
                        return e;
                config.runtime_dir = r->made_dir;
        }
        e = mqtt_link_new(&r->link, &config);
        if (e < 0)
                return e;
        r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (r->epoll_fd < 0 || epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, mqtt_link_get_fd(r->link), &event) < 0)
                return -errno;
        return runner_watch_files(r);
}

int mqtt_runner_new(MqttRunner **ret, const MqttRunnerConfig *config) {
        _cleanup_(mqtt_runner_freep) MqttRunner *r = NULL;
        int e;

        r = malloc(sizeof(*r));
        if (!r)
                return -ENOMEM;
        *r = (MqttRunner){ .epoll_fd = -1 };

        e = runner_config_copy(r, config);
        if (e < 0)
                return e;
        e = set_up_memory(r);
        if (e < 0)
                return e;
        e = set_up_session(r);
        if (e < 0)
                return e;
        e = set_up_link(r);
        if (e < 0)
                return e;
        *ret = TAKE_PTR(r);
        return 0;
}

MqttRunner *mqtt_runner_free(MqttRunner *r) {
        if (!r)
                return NULL;
        (void) file_watch_free(r->token_watch);
        (void) file_watch_free(r->file_watch);
        (void) close_fd(r->epoll_fd);
        (void) mqtt_link_free(r->link);
        if (r->made_dir)
                (void) rmdir(r->made_dir);
        free(r->made_dir);
        (void) mqtt_message_store_free(r->store);
        mqtt_filter_set_done(&r->filters);
        free(r->events.ring);
        free(r->memory.in_flight);
        free(r->memory.waiting);
        free(r->memory.requests);
        free(r->memory.filters);
        runner_config_done(r);
        free(r);
        return NULL;
}

/* Running --------------------------------------------------------------------------------------------- */

int mqtt_runner_get_fd(const MqttRunner *r) {
        return r->epoll_fd;
}

uint64_t mqtt_runner_deadline_us(const MqttRunner *r) {
        uint64_t deadline_us = mqtt_link_deadline_us(r->link);

        deadline_us = MIN(deadline_us, az_broker_session_deadline_us(&r->session));
        return MIN(deadline_us, runner_files_deadline_us(r));
}

static bool has_events(const MqttRunner *r) {
        return r->events.first != r->events.end;
}

int mqtt_runner_dispatch(MqttRunner *r, uint64_t now_us) {
        int e;

        r->now_us = now_us;
        e = mqtt_link_dispatch(r->link, now_us);
        if (e < 0)
                return e;
        if (has_events(r))
                return 0;
        runner_dispatch_files(r);
        runner_feed(r, az_broker_session_timeout(&r->session, now_us));
        return 0;
}

int mqtt_runner_start(MqttRunner *r, uint64_t now_us) {
        r->now_us = now_us;
        if (has_events(r) || az_result_failed(az_broker_session_start(&r->session, now_us)))
                return -EALREADY;
        (void) runner_settle(r);
        return 0;
}

int mqtt_runner_stop(MqttRunner *r, bool ends_session, uint64_t now_us) {
        r->now_us = now_us;
        if (az_result_failed(az_broker_session_stop(&r->session, ends_session, now_us)))
                return -EALREADY;
        (void) runner_settle(r);
        return 0;
}

void mqtt_runner_reconnect_now(MqttRunner *r, uint64_t now_us) {
        r->now_us = now_us;
        if (has_events(r))
                return;
        runner_feed(r, az_broker_session_reconnect_now(&r->session, now_us));
}

void mqtt_runner_renew(MqttRunner *r, uint64_t now_us) {
        r->now_us = now_us;
        if (az_broker_session_get_status(&r->session).state == AZ_BROKER_SESSION_LIVE)
                runner_feed(r, az_broker_session_renew(&r->session, now_us));
}

void mqtt_runner_hint(MqttRunner *r, uint64_t now_us) {
        mqtt_link_hint(r->link, now_us);
        mqtt_runner_reconnect_now(r, now_us);
}

/* Events ---------------------------------------------------------------------------------------------- */

MqttRunnerEvent *runner_add_event(MqttRunner *r, MqttRunnerEventType type) {
        MqttRunnerEvent *e;

        /* The beginning of the ring is in the cache, and what is never reached is never in memory. */
        if (!has_events(r))
                r->events.first = r->events.end = 0;
        assert(r->events.end - r->events.first < r->events.n_ring);
        e = &r->events.ring[r->events.end++ % r->events.n_ring];
        *e = (MqttRunnerEvent){ .type = type };
        return e;
}

/* What an event points to lives until the next one. */
static void forget_popped(MqttRunner *r) {
        if (r->popped)
                mqtt_message_store_remove_message(r->store, r->popped);
        if (az_span_size(r->popped_filter) > 0)
                mqtt_filter_set_forget(&r->filters, r->popped_filter);
        r->popped = NULL;
        r->popped_filter = AZ_SPAN_EMPTY;
}

static void pop(MqttRunner *r, MqttRunnerEvent *ret) {
        *ret = r->events.ring[r->events.first++ % r->events.n_ring];
        if (ret->type == MQTT_RUNNER_PUBLISHED)
                r->popped = ret->published.message;
        else if (ret->type == MQTT_RUNNER_SUBSCRIBED)
                r->popped_filter = ret->subscribed.filter;
        else if (ret->type == MQTT_RUNNER_UNSUBSCRIBED)
                r->popped_filter = ret->unsubscribed.filter;
}

bool mqtt_runner_next_event(MqttRunner *r, MqttRunnerEvent *ret) {
        MqttEvent event;

        forget_popped(r);
        for (;;) {
                if (has_events(r)) {
                        pop(r, ret);
                        return true;
                }
                if (!mqtt_link_next_event(r->link, &event)) {
                        runner_pump(r);
                        if (!has_events(r))
                                return false;
                        continue;
                }
                if (runner_on_traffic(r, &event, ret))
                        return true;
                runner_on_link(r, &event);
        }
}

void mqtt_runner_get_status(const MqttRunner *r, MqttRunnerStatus *ret) {
        *ret = (MqttRunnerStatus){
                .session = az_broker_session_get_status(&r->session),
                .next_attempt_us = UINT64_MAX,
                .renew_us = UINT64_MAX,
                .n_unacknowledged = r->n_unacknowledged,
        };
        if (ret->session.state == AZ_BROKER_SESSION_BACKOFF)
                ret->next_attempt_us = az_broker_session_deadline_us(&r->session);
        if (ret->session.live_since_us > 0)
                ret->renew_us = r->renew_us;
        mqtt_link_get_traffic(r->link, &ret->traffic);
}
