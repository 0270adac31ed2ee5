/* SPDX-License-Identifier: MIT */

#include "program.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <time.h>

/* ---- settings ---- */

static az_span get_variable(void *userdata, const char *name) {
        char *value = getenv(name);

        (void) userdata;
        return value ? az_span_create_from_str(value) : AZ_SPAN_EMPTY;
}

/* A value of the environment ends in NUL. */
static const char *text_of(az_span value) {
        return az_span_size(value) > 0 ? (const char *) az_span_ptr(value) : NULL;
}

static void read_settings(aio_settings *s) {
        aio_error error;
        az_result r;

        aio_settings_init(s);
        r = aio_settings_read_environment(s, get_variable, NULL, &error);
        if (az_result_succeeded(r))
                r = aio_settings_check(s, AIO_SETTINGS_ENVIRONMENT, &error);
        if (az_result_succeeded(r))
                return;
        (void) fprintf(stderr, "%.*s: %.*s\n", az_span_size(error.property_name),
                       (const char *) az_span_ptr(error.property_name), az_span_size(error.message),
                       (const char *) az_span_ptr(error.message));
        exit(2);
}

static MqttRunner *new_runner(const aio_settings *s) {
        MqttRunnerConfig config = mqtt_runner_config_default();
        MqttRunner *runner;
        int r;

        config.host = text_of(s->host);
        config.port = s->port;
        config.no_tls = !s->tls;
        config.ca_file = text_of(s->ca_file);
        config.client_id = text_of(s->client_id);
        config.clean_start = s->clean_start;
        config.session_expiry_s = s->session_expiry_s;
        config.keep_alive_s = s->keep_alive_s;
        config.token_file = text_of(s->token_file);
        config.user_name = text_of(s->user_name);
        config.password_file = text_of(s->password_file);
        config.certificate_file = text_of(s->certificate_file);
        config.private_key_file = text_of(s->key_file);
        config.private_key_password_file = text_of(s->key_password_file);
        config.receive_max = PROGRAM_IN_FLIGHT_MAX;
        config.window = PROGRAM_IN_FLIGHT_MAX;
        r = mqtt_runner_new(&runner, &config);
        if (r < 0) {
                (void) fprintf(stderr, "cannot set up the session: %s\n", strerror(-r));
                exit(1);
        }
        return runner;
}

/* ---- setting up ---- */

static void fill_random(void *context, uint8_t *bytes, size_t n_bytes) {
        (void) context;
        if (getrandom(bytes, n_bytes, 0) != (ssize_t) n_bytes)
                abort();
}

static az_result init_client(Program *p) {
        const aio_client_options options = {
                .client_id = p->client_id,
                .clock = &p->clock,
                .random = fill_random,
        };
        const aio_client_memory memory = {
                .tasks = p->tasks,
                .n_tasks = sizeof(p->tasks) / sizeof(p->tasks[0]),
                .invocations = p->invocations,
                .n_invocations = sizeof(p->invocations) / sizeof(p->invocations[0]),
                .user_properties = p->user_properties,
                .n_user_properties = sizeof(p->user_properties) / sizeof(p->user_properties[0]),
                .tokens = p->tokens,
                .n_tokens = sizeof(p->tokens) / sizeof(p->tokens[0]),
                .scratch = AZ_SPAN_FROM_BUFFER(p->scratch),
                .blocks = AZ_SPAN_FROM_BUFFER(p->blocks),
        };
        uint8_t uuid[AIO_UUID_SIZE];
        az_span node;
        az_result r;

        fill_random(NULL, uuid, sizeof(uuid));
        aio_uuid_from_random(uuid);
        r = aio_uuid_format(uuid, AZ_SPAN_FROM_BUFFER(p->node), &node);
        if (az_result_succeeded(r))
                r = aio_hlc_clock_init(&p->clock, node, AIO_HLC_MAX_DRIFT_DEFAULT_MS);
        if (az_result_succeeded(r))
                r = aio_client_init(&p->client, &options, &memory);
        return r;
}

void program_init(Program *p) {
        aio_settings settings;
        sigset_t signals;

        read_settings(&settings);
        p->client_id = settings.client_id;
        p->runner = new_runner(&settings);
        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGINT);
        (void) sigaddset(&signals, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &signals, NULL);
        p->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
        if (p->signal_fd < 0 || az_result_failed(init_client(p)))
                abort();
}

/* ---- the loop ---- */

static uint64_t clock_us(clockid_t clock) {
        struct timespec t;

        (void) clock_gettime(clock, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

aio_time program_time(void) {
        return (aio_time){ .now_us = clock_us(CLOCK_BOOTTIME), .wall_ms = clock_us(CLOCK_REALTIME) / 1000 };
}

/* Carries out a wish of the client. */
static void carry(Program *p, const aio_event *wish) {
        uint64_t now_us = program_time().now_us;
        int r = 0;

        if (wish->type == AIO_EVENT_SUBSCRIBE) {
                const MqttFilter filter = { .filter = wish->as.subscribe.filter, .qos = 1 };

                r = mqtt_runner_subscribe(p->runner, &filter, wish->as.subscribe.token);
        } else if (wish->type == AIO_EVENT_UNSUBSCRIBE)
                r = mqtt_runner_unsubscribe(p->runner, wish->as.unsubscribe.filter,
                                            wish->as.unsubscribe.token);
        else if (wish->type == AIO_EVENT_PUBLISH)
                r = mqtt_runner_publish(p->runner, &wish->as.publish.message, wish->as.publish.token, now_us);
        else
                mqtt_runner_ack(p->runner, (MqttAck){ wish->as.ack.ack.epoch, wish->as.ack.ack.sequence });

        /* More at once than the session holds, which the size of the client's memory does not allow. */
        if (r != 0 && r != -ENOTCONN) {
                (void) fprintf(stderr, "the session does not take it: %s\n",
                               r == MQTT_RUNNER_FULL ? "it is full" : strerror(-r));
                abort();
        }
}

static void pump(Program *p) {
        aio_event event;

        while (aio_client_next_event(&p->client, &event)) {
                if (event.type <= AIO_EVENT_WISHES_LAST)
                        carry(p, &event);
                else
                        p->on_event(p, &event);
        }
}

void program_publish(Program *p, const aio_event *publish) {
        carry(p, publish);
}

static az_result result_of(az_broker_result result) {
        return result == AZ_BROKER_RESULT_OK || result == AZ_BROKER_RESULT_REFUSED ? AZ_OK
                                                                                   : AZ_ERROR_CANCELED;
}

static az_result tell_client(Program *p, const MqttRunnerEvent *e) {
        switch ((int) e->type) {
        case MQTT_RUNNER_MESSAGE:
                return aio_client_received(&p->client, &e->message.message,
                                           (aio_ack){ e->message.ack.epoch, e->message.ack.sequence },
                                           program_time());
        case MQTT_RUNNER_PUBLISHED:
                return aio_client_published(&p->client, e->published.token, result_of(e->published.result),
                                            e->published.reason_code, program_time());
        case MQTT_RUNNER_SUBSCRIBED:
                aio_client_subscribed(&p->client, e->subscribed.token, result_of(e->subscribed.result),
                                      e->subscribed.reason_code);
                return AZ_OK;
        case MQTT_RUNNER_UNSUBSCRIBED:
                aio_client_unsubscribed(&p->client, e->unsubscribed.token, result_of(e->unsubscribed.result),
                                        e->unsubscribed.reason_code);
                return AZ_OK;
        case MQTT_RUNNER_SESSION_LOST:
                aio_client_session_lost(&p->client);
                return AZ_OK;
        default:
                return AZ_OK;
        }
}

static void take_event(Program *p, const MqttRunnerEvent *e) {
        if (e->type == MQTT_RUNNER_DISCONNECTED)
                (void) fprintf(stderr, "%s, trying again\n", e->disconnected.text);
        else if (e->type == MQTT_RUNNER_STOPPED) {
                p->has_ended = true;
                p->has_failed |= e->stopped.is_fatal;
                if (e->stopped.is_fatal)
                        (void) fprintf(stderr, "%s\n", e->stopped.text);
        }
        if (az_result_failed(tell_client(p, e)))
                abort(); /* events were left */
        pump(p);
}

void program_end(Program *p) {
        if (p->is_ending)
                return;
        p->is_ending = true;
        (void) mqtt_runner_stop(p->runner, true, program_time().now_us);
}

static int turn(Program *p) {
        struct pollfd fds[] = {
                { .fd = mqtt_runner_get_fd(p->runner), .events = POLLIN },
                { .fd = p->signal_fd, .events = POLLIN },
        };
        uint64_t due_us = mqtt_runner_deadline_us(p->runner), client_us = aio_client_deadline_us(&p->client);
        uint64_t now_us = program_time().now_us;
        struct timespec timeout;
        MqttRunnerEvent event;
        int r;

        if (client_us < due_us)
                due_us = client_us;
        due_us = due_us > now_us ? due_us - now_us : 0;
        timeout = (struct timespec){ .tv_sec = (time_t) (due_us / 1000000 % INT32_MAX),
                                     .tv_nsec = (long) (due_us % 1000000) * 1000 };
        if (ppoll(fds, 2, &timeout, NULL) < 0 && errno != EINTR)
                return -errno;
        if (fds[1].revents & POLLIN)
                program_end(p);

        r = mqtt_runner_dispatch(p->runner, program_time().now_us);
        if (r < 0)
                return r;
        while (mqtt_runner_next_event(p->runner, &event))
                take_event(p, &event);
        aio_client_timeout(&p->client, program_time());
        pump(p);
        return 0;
}

void program_start(Program *p) {
        (void) mqtt_runner_start(p->runner, program_time().now_us);
}

int program_run(Program *p) {
        int r = 0;

        program_start(p);
        pump(p);
        while (r >= 0 && !p->has_ended)
                r = turn(p);
        if (r < 0)
                (void) fprintf(stderr, "the session does not work any more: %s\n", strerror(-r));
        (void) mqtt_runner_free(p->runner);
        return r < 0 || p->has_failed ? 1 : 0;
}

void program_complain(Program *p, const char *what, const aio_error *error) {
        p->has_failed = true;
        (void) fprintf(stderr, "%s: %s: %.*s\n", what, aio_error_kind_to_string(error->kind),
                       az_span_size(error->message), (const char *) az_span_ptr(error->message));
}

unsigned program_number(const char *text, unsigned max) {
        char *end;
        unsigned long n = strtoul(text, &end, 10);

        if (*end || n < 1 || n > max) {
                (void) fprintf(stderr, "%s is no number from 1 to %u\n", text, max);
                exit(2);
        }
        return (unsigned) n;
}
