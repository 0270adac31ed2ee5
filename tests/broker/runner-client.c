/* SPDX-License-Identifier: MIT */

/*
 * usage: runner-client [NAME=VALUE...]
 *
 * A program that talks to a broker with MqttRunner, for tests: its settings come from the environment
 * (AIO_…), and whatever happens becomes a line of standard output.
 *
 *      publish=TOPIC     publishes {"n":0}, {"n":1}… until standard input ends, then waits for the rest
 *      rate=N            so many in a second (200)
 *      qos=0             without acknowledgement
 *      subscribe=FILTER  prints what comes, "message PAYLOAD"
 *      hold=N            acknowledges N at once (1) or 100 ms after the last one, the newest first
 *      resubscribes=1    goes on when the broker has lost the session
 *      speed=N           lets the runner's time pass N times as fast (1)
 *
 * Exit code 0: it was told to end, and all that it published came to an end.
 */

#include <inttypes.h>
#include <poll.h>

#include <aio/settings.h>
#include <mqtt/runner.h>

#include "util/util.h"

DEFINE_CLEANUP(MqttRunner *, mqtt_runner_free)

#define HOLD_MAX 64

typedef struct Client {
        MqttRunner *runner;
        const char *publish, *subscribe;
        uint64_t rate, qos, hold, speed, resubscribes;

        uint64_t epoch_us, next_publish_us, release_us;
        uint64_t n_published, n_settled, n_failed;
        MqttAck held[HOLD_MAX];
        size_t n_held;
        bool is_full, is_ending, is_stopping, is_stopped, is_failed;
} Client;

/* ---- time ---- */

static uint64_t client_now_us(const Client *c) {
        return c->epoch_us + (boottime_us() - c->epoch_us) * c->speed;
}

/* In real time. */
static uint64_t client_real_us(const Client *c, uint64_t us) {
        return us == UINT64_MAX || us <= c->epoch_us
                       ? us
                       : c->epoch_us + (us - c->epoch_us + c->speed - 1) / c->speed;
}

/* ---- settings ---- */

static az_span get_variable(void *userdata, char const *name) {
        char *value = getenv(name);

        (void) userdata;
        return value ? az_span_create_from_str(value) : AZ_SPAN_EMPTY;
}

/* Of the environment, whose values end in NUL. */
static const char *text_of(az_span value) {
        return az_span_size(value) > 0 ? (const char *) az_span_ptr(value) : NULL;
}

static int read_settings(MqttRunnerConfig *config) {
        aio_settings s;
        aio_error error;
        az_result r;

        aio_settings_init(&s);
        r = aio_settings_read_environment(&s, get_variable, NULL, &error);
        if (az_result_succeeded(r))
                r = aio_settings_check(&s, AIO_SETTINGS_ENVIRONMENT, &error);
        if (az_result_failed(r)) {
                (void) fprintf(stderr, "%.*s: %.*s\n", az_span_size(error.property_name),
                               (char *) az_span_ptr(error.property_name), az_span_size(error.message),
                               (char *) az_span_ptr(error.message));
                return -EINVAL;
        }
        config->host = text_of(s.host);
        config->port = s.port;
        config->no_tls = !s.tls;
        config->client_id = text_of(s.client_id);
        config->clean_start = s.clean_start;
        config->session_expiry_s = s.session_expiry_s;
        config->keep_alive_s = s.keep_alive_s;
        config->ca_file = text_of(s.ca_file);
        config->certificate_file = text_of(s.certificate_file);
        config->private_key_file = text_of(s.key_file);
        config->private_key_password_file = text_of(s.key_password_file);
        config->token_file = text_of(s.token_file);
        config->user_name = text_of(s.user_name);
        config->password_file = text_of(s.password_file);
        return 0;
}

static bool read_argument(Client *c, const char *argument) {
        const struct {
                const char *name;
                const char **text;
                uint64_t *number;
        } rows[] = {
                { "publish=", &c->publish, NULL }, { "rate=", NULL, &c->rate },
                { "qos=", NULL, &c->qos },         { "subscribe=", &c->subscribe, NULL },
                { "hold=", NULL, &c->hold },       { "resubscribes=", NULL, &c->resubscribes },
                { "speed=", NULL, &c->speed },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *value = argument + strlen(rows[i].name);

                if (strncmp(argument, rows[i].name, strlen(rows[i].name)) != 0)
                        continue;
                if (rows[i].text)
                        *rows[i].text = value;
                else
                        *rows[i].number = strtoull(value, NULL, 10);
                return true;
        }
        return false;
}

/* ---- what it does ---- */

static int client_publish(Client *c) {
        char payload[32];
        az_mqtt_message message = { .qos = (uint8_t) c->qos };
        int r;

        if (!c->publish)
                return 0;
        message.topic = az_span_create_from_str((char *) c->publish);
        while (!c->is_ending && !c->is_full && boottime_us() >= c->next_publish_us) {
                (void) snprintf(payload, sizeof(payload), "{\"n\":%" PRIu64 "}", c->n_published);
                message.payload = az_span_create_from_str(payload);
                r = mqtt_runner_publish(c->runner, &message, c->n_published, client_now_us(c));
                if (r < 0 && r != -ENOTCONN)
                        return r;
                /* -ENOTCONN: it has given up, and MQTT_RUNNER_STOPPED follows. */
                c->is_full = r != 0;
                if (r != 0)
                        continue;
                c->n_published++;
                c->next_publish_us += USEC_PER_SEC / c->rate;
        }
        return 0;
}

static void client_release(Client *c) {
        while (c->n_held > 0)
                mqtt_runner_ack(c->runner, c->held[--c->n_held]);
        c->release_us = UINT64_MAX;
}

static void client_on_message(Client *c, const MqttRunnerEvent *event) {
        (void) printf("message %.*s\n", az_span_size(event->message.message.payload),
                      (char *) az_span_ptr(event->message.message.payload));
        c->held[c->n_held++] = event->message.ack;
        c->release_us = boottime_us() + 100 * USEC_PER_MSEC;
        if (c->n_held == c->hold)
                client_release(c);
}

static void client_on_published(Client *c, const MqttRunnerEvent *event) {
        c->n_settled++;
        if (event->published.result != AZ_BROKER_RESULT_OK) {
                c->n_failed++;
                (void) printf("failed %" PRIu64 " result %d reason 0x%02x\n", event->published.token,
                              (int) event->published.result, event->published.reason_code);
        }
}

/* Each event is a line, its name first. */
static void client_on_event(Client *c, const MqttRunnerEvent *event) {
        switch (event->type) {
        case MQTT_RUNNER_MESSAGE:
                client_on_message(c, event);
                return;
        case MQTT_RUNNER_PUBLISHED:
                client_on_published(c, event);
                return;
        case MQTT_RUNNER_ROOM:
                c->is_full = false;
                return;
        case MQTT_RUNNER_CONNECTED:
                (void) printf("connected session-present %d\n", event->connected.session_present);
                return;
        case MQTT_RUNNER_DISCONNECTED:
                (void) printf("disconnected 0x%02x %s\n", event->disconnected.reason_code,
                              event->disconnected.text);
                return;
        case MQTT_RUNNER_STOPPED:
                c->is_stopped = true;
                c->is_failed = event->stopped.is_fatal;
                (void) printf("stopped 0x%02x %s\n", event->stopped.reason_code, event->stopped.text);
                return;
        case MQTT_RUNNER_SUBSCRIBED:
                (void) printf("subscribed 0x%02x\n", event->subscribed.reason_code);
                return;
        case MQTT_RUNNER_RENEWING:
        case MQTT_RUNNER_SESSION_LOST:
        case MQTT_RUNNER_REAUTHENTICATED:
        case MQTT_RUNNER_TOO_LARGE:
        case MQTT_RUNNER_UNSUBSCRIBED:
        case _MQTT_RUNNER_EVENT_MAX:
                (void) printf("%s\n", mqtt_runner_event_type_to_string(event->type));
                return;
        }
}

/* Standard input has ended, and nothing is under way. */
static bool client_is_done(const Client *c) {
        return c->is_ending && !c->is_stopping && c->n_settled == c->n_published;
}

static int client_end(Client *c) {
        char buffer[64];
        struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

        if (!c->is_ending && poll(&input, 1, 0) > 0 && read(STDIN_FILENO, buffer, sizeof(buffer)) <= 0) {
                c->is_ending = true;
                (void) printf("published %" PRIu64 "\n", c->n_published);
        }
        if (!client_is_done(c))
                return 0;
        c->is_stopping = true;
        return mqtt_runner_stop(c->runner, false, client_now_us(c));
}

static uint64_t client_deadline_us(const Client *c) {
        uint64_t deadline_us = client_real_us(c, mqtt_runner_deadline_us(c->runner));

        if (client_is_done(c))
                return 0;
        if (c->publish && !c->is_ending && !c->is_full)
                deadline_us = MIN(deadline_us, c->next_publish_us);
        return MIN(deadline_us, c->release_us);
}

static void client_pop(Client *c) {
        MqttRunnerEvent event;

        while (mqtt_runner_next_event(c->runner, &event))
                client_on_event(c, &event);
}

static int client_turn(Client *c) {
        struct pollfd fds[] = { { .fd = mqtt_runner_get_fd(c->runner), .events = POLLIN },
                                { .fd = c->is_ending ? -1 : STDIN_FILENO, .events = POLLIN } };
        int r;

        (void) fflush(stdout);
        (void) poll(fds, ELEMENTSOF(fds), poll_timeout_ms(client_deadline_us(c)));
        r = mqtt_runner_dispatch(c->runner, client_now_us(c));
        client_pop(c);
        if (r < 0 || c->is_stopped)
                return r;
        if (boottime_us() >= c->release_us)
                client_release(c);
        r = client_publish(c);
        if (r >= 0)
                r = client_end(c);
        client_pop(c);
        return r;
}

static int client_start(Client *c) {
        MqttRunnerConfig config = mqtt_runner_config_default();
        MqttFilter filter = { .qos = 1 };
        int r;

        config.resubscribes = c->resubscribes != 0;
        r = read_settings(&config);
        if (r < 0)
                return r;
        r = mqtt_runner_new(&c->runner, &config);
        if (r < 0)
                return r;
        c->epoch_us = c->next_publish_us = boottime_us();
        c->release_us = UINT64_MAX;
        r = mqtt_runner_start(c->runner, c->epoch_us);
        if (r < 0 || !c->subscribe)
                return r;
        filter.filter = az_span_create_from_str((char *) c->subscribe);
        return mqtt_runner_subscribe(c->runner, &filter, 0);
}

int main(int argc, char **argv) {
        Client c = { .rate = 200, .qos = 1, .hold = 1, .speed = 1 };
        _cleanup_(mqtt_runner_freep) MqttRunner *runner = NULL;
        int r;

        for (int i = 1; i < argc; i++)
                if (!read_argument(&c, argv[i]) || c.hold < 1 || c.hold > HOLD_MAX || c.speed < 1 ||
                    c.rate < 1) {
                        (void) fprintf(stderr, "runner-client: '%s' is not for it\n", argv[i]);
                        return 2;
                }
        r = client_start(&c);
        runner = c.runner;
        while (r >= 0 && !c.is_stopped)
                r = client_turn(&c);
        if (r < 0)
                (void) fprintf(stderr, "runner-client: %s\n", strerror(-r));
        return r < 0 || c.is_failed || c.n_failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
