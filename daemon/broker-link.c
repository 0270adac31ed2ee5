/* SPDX-License-Identifier: MIT */

#include "daemon/broker-link-internal.h"

#include <sys/epoll.h>

/* Settings that cannot be used are looked at again after this time. */
#define SETTINGS_AGAIN_US (60 * USEC_PER_SEC)

/* After the runner could not work for want of something here. */
#define RUNNER_AGAIN_US (10 * USEC_PER_SEC)

int broker_link_new(BrokerLink **ret, const BrokerLinkEnvironment *environment, const BrokerLinkOps *ops,
                    void *userdata) {
        _cleanup_(broker_link_freep) BrokerLink *link = NULL;

        link = malloc(sizeof(*link));
        if (!link)
                return -ENOMEM;
        *link = (BrokerLink){
                .config = environment->config,
                .log = environment->log,
                .ops = ops,
                .userdata = userdata,
                .settings_us = UINT64_MAX,
                .since_us = boottime_us(),
                .next_attempt_us = UINT64_MAX,
        };
        TAILQ_INIT(&link->filters);
        link->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (link->epoll_fd < 0)
                return -errno;
        link->runtime_dir = strdup(environment->runtime_dir);
        if (!link->runtime_dir)
                return -ENOMEM;

        *ret = TAKE_PTR(link);
        return 0;
}

BrokerLink *broker_link_free(BrokerLink *link) {
        if (!link)
                return NULL;

        link->runner = mqtt_runner_free(link->runner);
        broker_link_free_client(link);
        broker_settings_done(&link->settings);
        close_fd(link->epoll_fd);
        free(link->runtime_dir);
        free(link);
        return NULL;
}

/* The runner ------------------------------------------------------------------------------------------ */

static void free_runner(BrokerLink *link) {
        MqttRunnerStatus status;

        if (!link->runner)
                return;
        mqtt_runner_get_status(link->runner, &status);
        link->traffic.n_received += status.traffic.n_received;
        link->traffic.n_sent += status.traffic.n_sent;
        link->runner = mqtt_runner_free(link->runner);
        link->is_open = link->is_accepted = false;
        link->n_published = 0;
        if (link->ops->on_lost)
                link->ops->on_lost(link->userdata);
}

static MqttRunnerConfig runner_config(const BrokerLink *link) {
        const aio_settings *s = &link->settings.settings;
        char *const *strings = link->settings.strings;
        MqttRunnerConfig c = mqtt_runner_config_default();

        c.host = strings[AIO_SETTING_HOST];
        c.port = s->port;
        c.no_tls = !s->tls;
        c.client_id = link->client_id;
        c.clean_start = s->clean_start && link->generation == 1;
        c.session_expiry_s = s->session_expiry_s;
        c.keep_alive_s = s->keep_alive_s;
        c.receive_max = s->receive_maximum;
        c.ca_file = strings[AIO_SETTING_CA_FILE];
        c.certificate_file = strings[AIO_SETTING_CERTIFICATE_FILE];
        c.private_key_file = strings[AIO_SETTING_KEY_FILE];
        c.private_key_password_file = strings[AIO_SETTING_KEY_PASSWORD_FILE];
        c.token_file = strings[AIO_SETTING_TOKEN_FILE];
        c.user_name = strings[AIO_SETTING_USER_NAME];
        c.password_file = strings[AIO_SETTING_PASSWORD_FILE];
        c.resubscribes = true;
        c.never_gives_up = true;
        c.runtime_dir = link->runtime_dir;
        return c;
}

static int start_runner(BrokerLink *link) {
        struct epoll_event event = { .events = EPOLLIN };
        MqttRunnerConfig config;
        int r;

        link->generation++;
        config = runner_config(link);
        r = mqtt_runner_new(&link->runner, &config);
        if (r < 0)
                return r;
        if (epoll_ctl(link->epoll_fd, EPOLL_CTL_ADD, mqtt_runner_get_fd(link->runner), &event) < 0)
                return -errno;
        r = mqtt_runner_start(link->runner, boottime_us());
        if (r < 0)
                return r;
        broker_link_subscribe_all(link);
        return 0;
}

/* It will be tried again. */
static void fail(BrokerLink *link, Problem problem, int error, const char *detail, uint64_t delay_us) {
        DiagnosisContext context = broker_link_context(link);
        Diagnosis cause;

        diagnosis_make(&cause, &context, problem, error, detail);
        link->settings_us = context.boottime_us + delay_us;
        broker_link_record(link, &cause, false, delay_us);
        broker_link_update_state(link);
}

/* Settings -------------------------------------------------------------------------------------------- */

static const char *first_message(const ConfigMessages *messages, char *buffer, size_t size) {
        return messages->n > 0 ? config_message_format(&messages->messages[0], buffer, size) : "";
}

/* Whether the client can go on with the new ones. */
static bool is_same_client(const BrokerLink *link, const BrokerSettings *settings) {
        return !link->has_client || (strcmp(link->client_id, settings->strings[AIO_SETTING_CLIENT_ID]) == 0 &&
                                     strcmp(link->topic_namespace, settings->topic_namespace ?: "") == 0);
}

/* False: there are none that can be used; what there was stays. */
static bool load_settings(BrokerLink *link) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(broker_settings_done) BrokerSettings settings = BROKER_SETTINGS_NULL;
        BrokerSettings old = link->settings;
        char text[1024];
        int r;

        r = broker_settings_load(&settings, link->config, getenv("CREDENTIALS_DIRECTORY"), &messages);
        if (r != 0) {
                fail(link, r < 0 ? PROBLEM_LOCAL : PROBLEM_BROKER_SETTINGS, MIN(r, 0),
                     r < 0 ? strerror(-r) : first_message(&messages, text, sizeof(text)), SETTINGS_AGAIN_US);
                return false;
        }
        if (!is_same_client(link, &settings)) {
                log_message(
                        link->log, MSG_CONFIG_REMARK,
                        "Another client id or namespace at the broker needs a restart: the settings of the "
                        "broker stay as they are");
                return true;
        }
        link->settings = settings;
        settings = old; /* to be released */
        return true;
}

/* From nothing to a runner that runs. */
static void begin(BrokerLink *link) {
        int r = 0;

        link->settings_us = UINT64_MAX;
        if (!load_settings(link))
                return;
        if (!link->has_client)
                r = broker_link_make_client(link);
        if (r >= 0)
                r = start_runner(link);
        if (r < 0) {
                if (!link->has_client)
                        broker_link_free_client(link);
                free_runner(link);
                fail(link, PROBLEM_LOCAL, r, strerror(-r), RUNNER_AGAIN_US);
        }
}

void broker_link_stopped(BrokerLink *link) {
        free_runner(link);
        if (link->after_stop == AFTER_STOP_NOTHING) {
                link->is_started = false;
                link->is_renewing = false;
        } else
                link->settings_us = 0; /* with the next dispatch */
        broker_link_update_state(link);
}

/* Stops the runner, for another one; what is there to be told of the old one comes first. */
static void restart(BrokerLink *link) {
        link->after_stop = AFTER_STOP_START;
        link->is_renewing = link_state_is_up(link->state);
        (void) mqtt_runner_stop(link->runner, false, boottime_us());
}

static void take_config(BrokerLink *link) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(broker_settings_done) BrokerSettings settings = BROKER_SETTINGS_NULL;
        int r;

        link->is_outdated = false;
        if (!link->runner) {
                link->settings_us = 0;
                return;
        }
        r = broker_settings_load(&settings, link->config, getenv("CREDENTIALS_DIRECTORY"), &messages);
        if (r == 0 && !broker_settings_are_equal(&settings, &link->settings))
                restart(link);
}

/* Life ------------------------------------------------------------------------------------------------ */

void broker_link_start(BrokerLink *link) {
        link->is_started = true;
        link->after_stop = AFTER_STOP_START;
        link->settings_us = 0;
}

void broker_link_stop(BrokerLink *link) {
        link->after_stop = AFTER_STOP_NOTHING;
        link->settings_us = UINT64_MAX;
        if (!link->runner || mqtt_runner_stop(link->runner, false, boottime_us()) < 0)
                link->is_started = link->runner && link->is_started;
        broker_link_update_state(link);
}

void broker_link_reconnect(BrokerLink *link) {
        if (!link->is_started || link->after_stop == AFTER_STOP_NOTHING)
                return;
        if (!link->runner)
                link->settings_us = 0;
        else if (link_state_is_up(link->state))
                restart(link);
        else
                mqtt_runner_reconnect_now(link->runner, boottime_us());
}

void broker_link_renew(BrokerLink *link) {
        if (link->runner)
                mqtt_runner_renew(link->runner, boottime_us());
}

void broker_link_configure(BrokerLink *link) {
        link->is_outdated = true;
}

void broker_link_network_changed(BrokerLink *link) {
        if (link->runner)
                mqtt_runner_hint(link->runner, boottime_us());
}

int broker_link_get_fd(const BrokerLink *link) {
        return link->epoll_fd;
}

static uint64_t expiry_deadline_us(const BrokerLink *link, uint64_t now_us) {
        uint64_t wait_us = expiry_wait_us(&link->expiry, realtime_us());

        return wait_us == UINT64_MAX ? UINT64_MAX : now_us + wait_us;
}

uint64_t broker_link_deadline_us(const BrokerLink *link) {
        uint64_t deadline_us = link->is_outdated ? 0 : link->settings_us;

        if (!link->is_started)
                return UINT64_MAX;
        if (link->runner)
                deadline_us = MIN(deadline_us, mqtt_runner_deadline_us(link->runner));
        if (link->has_client)
                deadline_us = MIN(deadline_us, aio_client_deadline_us(&link->client));
        return MIN(deadline_us, expiry_deadline_us(link, boottime_us()));
}

/* The runner is of no use any more: out of memory, or of descriptors. */
static void runner_failed(BrokerLink *link, int error) {
        free_runner(link);
        if (link->after_stop == AFTER_STOP_NOTHING)
                link->is_started = false;
        else
                fail(link, PROBLEM_LOCAL, error, strerror(-error), RUNNER_AGAIN_US);
}

void broker_link_dispatch(BrokerLink *link) {
        int r;

        if (!link->is_started)
                return;
        if (link->is_outdated)
                take_config(link);
        if (!link->runner && link->settings_us <= boottime_us())
                begin(link);

        if (link->has_client && aio_client_deadline_us(&link->client) <= boottime_us())
                aio_client_timeout(&link->client, broker_link_time());
        broker_link_pump(link);
        if (link->runner) {
                r = mqtt_runner_dispatch(link->runner, boottime_us());
                if (r < 0)
                        runner_failed(link, r);
                broker_link_take_events(link);
        }
        broker_link_check_expiry(link);
        broker_link_update_state(link);
}
