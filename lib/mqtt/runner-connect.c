/* SPDX-License-Identifier: MIT */

#include <mqtt/runner-internal.h>

#include <assert.h>
#include <stdarg.h>

#include <mqtt/secret.h>

/*
 * A connection is renewed when a tenth of its certificate's life is left, between these: late enough for
 * whoever renews the certificate in time, early enough for a few attempts.
 */
#define RENEWAL_MARGIN_MIN_S 5
#define RENEWAL_MARGIN_MAX_S 3600

/* That of <mqtt/link.h>. */
#define KEEP_ALIVE_MIN_S 5U

void runner_set_text(MqttRunner *r, const char *format, ...) {
        va_list args;

        va_start(args, format);
        (void) vsnprintf(r->text, sizeof(r->text), format, args);
        va_end(args);
}

static void lose(MqttRunner *r, az_broker_loss loss, uint8_t reason_code) {
        runner_feed(r, az_broker_session_lost(&r->session, loss, reason_code, r->now_us));
}

/* What the session asks for ---------------------------------------------------------------------------- */

static void open_link(MqttRunner *r, bool clean_start) {
        const MqttRunnerConfig *c = &r->config;
        const MqttEndpoint endpoint = {
                .host = az_span_create_from_str((char *) c->host),
                .port = c->port,
                .no_tls = c->no_tls,
                .ca_file = c->ca_file,
                .ca_only = c->ca_file != NULL,
                .certificate_file = c->certificate_file,
                .private_key_file = c->private_key_file,
                .private_key_password_file = c->private_key_password_file,
                .secret_file = c->token_file ?: c->password_file,
        };
        int e;

        r->clean_start = clean_start;
        r->is_connected = r->has_report = false;
        r->text[0] = '\0';
        runner_note_files(r);
        mqtt_link_close(r->link);
        e = mqtt_link_open(r->link, &endpoint, NULL, r->now_us);
        if (e >= 0)
                return;
        runner_set_text(r, "Cannot begin to connect to %s: %s", c->host, strerror(-e));
        lose(r, AZ_BROKER_LOSS_LOCAL, 0);
}

static void report_live(MqttRunner *r, const az_broker_event *event) {
        MqttRunnerEvent *e;

        r->is_connected = true;
        r->n_unacknowledged = 0;
        if (event->as.live.is_session_lost)
                (void) runner_add_event(r, MQTT_RUNNER_SESSION_LOST);
        e = runner_add_event(r, MQTT_RUNNER_CONNECTED);
        e->connected.session_present = event->as.live.session_present;
        e->connected.server = &r->server;
        e->connected.report = &r->report;
}

/* Of what the session finds itself, the link has no text, or none that says it. */
static void explain(MqttRunner *r, az_broker_loss loss) {
        if (loss == AZ_BROKER_LOSS_TIMEOUT && r->text[0] == '\0')
                runner_set_text(r, "No answer of %s in time", r->config.host);
        else if (loss == AZ_BROKER_LOSS_SESSION)
                runner_set_text(r, "%s has lost the session", r->config.host);
        else if (loss == AZ_BROKER_LOSS_RIVAL)
                runner_set_text(
                        r, "%s closes one connection after another: probably another client is '%s', too",
                        r->config.host, r->config.client_id);
}

static void report_lost(MqttRunner *r, const az_broker_event *event) {
        MqttRunnerEvent *e;

        explain(r, event->as.lost.loss);
        e = runner_add_event(r, MQTT_RUNNER_DISCONNECTED);
        e->disconnected.loss = event->as.lost.loss;
        e->disconnected.reason_code = event->as.lost.reason_code;
        e->disconnected.was_connected = r->is_connected;
        e->disconnected.is_fatal = event->as.lost.is_fatal;
        e->disconnected.delay_us = event->as.lost.delay_us;
        e->disconnected.text = r->text;
        e->disconnected.report = r->has_report && !r->is_connected ? &r->report : NULL;
        r->is_connected = false;
        mqtt_link_close(r->link);
}

static void report_stopped(MqttRunner *r, const az_broker_event *event) {
        MqttRunnerEvent *e = runner_add_event(r, MQTT_RUNNER_STOPPED);

        explain(r, event->as.stopped.loss);
        e->stopped.is_fatal = event->as.stopped.is_fatal;
        e->stopped.loss = event->as.stopped.loss;
        e->stopped.reason_code = event->as.stopped.reason_code;
        e->stopped.text = event->as.stopped.is_fatal ? r->text : "";
        r->is_connected = r->is_room_wanted = false;
        mqtt_link_close(r->link);
        mqtt_filter_set_hold_none(&r->filters);
}

static void disconnect(MqttRunner *r, bool ends_session) {
        const MqttDisconnect d = { .has_session_expiry = ends_session, .session_expiry_s = 0 };

        if (mqtt_link_disconnect(r->link, &d, r->now_us) == 0)
                return;
        runner_feed(r, az_broker_session_closed(&r->session, r->now_us));
}

/* Sends the token as it is now; 'send' is how. */
static void send_token(MqttRunner *r, int (*send)(MqttLink *l, az_span method, az_span data)) {
        az_span method = az_span_create_from_str((char *) r->config.token_method);
        uint8_t *token = NULL;
        size_t n = 0;
        int e;

        e = mqtt_secret_read(r->config.token_file, &token, &n, r->text, sizeof(r->text));
        if (e >= 0) {
                runner_note_token(r, az_span_create(token, (int32_t) n));
                e = send(r->link, method, az_span_create(token, (int32_t) n));
                (void) mqtt_secret_free(token, n);
                if (e >= 0)
                        return;
                runner_set_text(r, "Cannot send the token: %s", strerror(-e));
        }
        lose(r, AZ_BROKER_LOSS_FILE, 0);
}

static void act(MqttRunner *r, const az_broker_event *event) {
        switch (event->type) {
        case AZ_BROKER_EVENT_CONNECT:
                open_link(r, event->as.connect.clean_start);
                return;
        case AZ_BROKER_EVENT_LIVE:
                report_live(r, event);
                return;
        case AZ_BROKER_EVENT_REAUTHENTICATE:
                send_token(r, mqtt_link_reauthenticate);
                return;
        case AZ_BROKER_EVENT_REAUTHENTICATED:
                (void) runner_add_event(r, MQTT_RUNNER_REAUTHENTICATED);
                return;
        case AZ_BROKER_EVENT_DRAIN:
                (void) runner_add_event(r, MQTT_RUNNER_RENEWING);
                runner_check_drained(r);
                return;
        case AZ_BROKER_EVENT_LOST:
                report_lost(r, event);
                return;
        case AZ_BROKER_EVENT_DISCONNECT:
                disconnect(r, event->as.disconnect.ends_session);
                return;
        case AZ_BROKER_EVENT_STOPPED:
                report_stopped(r, event);
                return;
        case AZ_BROKER_EVENT_PUBLISHED:
                runner_on_published(r, event);
                return;
        case AZ_BROKER_EVENT_ANSWERED:
                runner_on_answered(r, event);
                return;
        case _AZ_BROKER_EVENT_TYPE_MAX:
                return;
        }
}

bool runner_settle(MqttRunner *r) {
        az_broker_event event;
        bool has_acted = false;

        for (; az_broker_session_next_event(&r->session, &event); has_acted = true)
                act(r, &event);
        return has_acted;
}

void runner_feed(MqttRunner *r, az_result result) {
        assert(result != AZ_ERROR_ARG && result != AZ_ERROR_NOT_ENOUGH_SPACE);
        (void) runner_settle(r);
}

/* What the link says ----------------------------------------------------------------------------------- */

static az_broker_loss loss_of_problem(MqttProblem problem) {
        switch (problem) {
        case MQTT_PROBLEM_LOCAL:
                return AZ_BROKER_LOSS_LOCAL;
        case MQTT_PROBLEM_SIGNING:
        case MQTT_PROBLEM_IDENTITY_FILE:
        case MQTT_PROBLEM_TRUST_FILE:
        case MQTT_PROBLEM_SECRET_FILE:
                return AZ_BROKER_LOSS_FILE;
        case MQTT_PROBLEM_NAME_UNKNOWN:
        case MQTT_PROBLEM_NAME_SERVER:
                return AZ_BROKER_LOSS_NAME;
        case MQTT_PROBLEM_TIMEOUT:
                return AZ_BROKER_LOSS_TIMEOUT;
        case MQTT_PROBLEM_NOT_TLS:
        case MQTT_PROBLEM_NOT_TLS_BUT_HTTP:
        case MQTT_PROBLEM_TLS_PROTOCOL:
        case MQTT_PROBLEM_CERTIFICATE_UNTRUSTED:
        case MQTT_PROBLEM_CERTIFICATE_SELF_SIGNED:
        case MQTT_PROBLEM_CERTIFICATE_NAME:
        case MQTT_PROBLEM_CERTIFICATE_EXPIRED:
        case MQTT_PROBLEM_CERTIFICATE_NOT_YET_VALID:
        case MQTT_PROBLEM_CLIENT_CERTIFICATE:
                return AZ_BROKER_LOSS_TLS;
        case MQTT_PROBLEM_NONE:
        case MQTT_PROBLEM_UNREACHABLE:
        case MQTT_PROBLEM_REFUSED:
        case MQTT_PROBLEM_RESET:
        case MQTT_PROBLEM_PROXY_AUTHENTICATION:
        case MQTT_PROBLEM_PROXY_REFUSED:
        case MQTT_PROBLEM_PROXY_ANSWER:
        case MQTT_PROBLEM_WEBSOCKET_REFUSED:
        case MQTT_PROBLEM_WEBSOCKET_ANSWER:
        case _MQTT_PROBLEM_MAX:
                break;
        }
        return AZ_BROKER_LOSS_TCP;
}

static const az_broker_loss losses[_MQTT_LOST_MAX] = {
        [MQTT_LOST_ASKED] = AZ_BROKER_LOSS_CLOSED,
        [MQTT_LOST_CLOSED] = AZ_BROKER_LOSS_CLOSED,
        [MQTT_LOST_NETWORK] = AZ_BROKER_LOSS_TCP,
        [MQTT_LOST_REFUSED] = AZ_BROKER_LOSS_REFUSED,
        [MQTT_LOST_CLIENT_CERTIFICATE] = AZ_BROKER_LOSS_TLS,
        [MQTT_LOST_CONNACK_TIMEOUT] = AZ_BROKER_LOSS_TIMEOUT,
        [MQTT_LOST_PING_TIMEOUT] = AZ_BROKER_LOSS_KEEP_ALIVE,
        [MQTT_LOST_PUBACK_TIMEOUT] = AZ_BROKER_LOSS_PUBACK,
        [MQTT_LOST_PROTOCOL] = AZ_BROKER_LOSS_PROTOCOL,
        [MQTT_LOST_TOO_LARGE] = AZ_BROKER_LOSS_PROTOCOL,
        [MQTT_LOST_DISCONNECT] = AZ_BROKER_LOSS_DISCONNECTED,
        [MQTT_LOST_SECOND_CONNACK] = AZ_BROKER_LOSS_REAUTHENTICATION,
        [MQTT_LOST_INTERNAL] = AZ_BROKER_LOSS_LOCAL,
};

/* A password is a line of text; a token is bytes. */
static az_span password_of(az_span secret) {
        int32_t n = az_span_size(secret);

        if (n > 0 && az_span_ptr(secret)[n - 1] == '\n')
                n--;
        return az_span_slice(secret, 0, n);
}

/* When a connection with this certificate is to be renewed; the certificate knows nothing of CLOCK_BOOTTIME.
 */
static uint64_t renewal_us(const MqttRunner *r, const MqttReport *report) {
        int64_t now_s = (int64_t) (realtime_us() / USEC_PER_SEC);
        int64_t life_s = report->own.not_after_s - report->own.not_before_s, margin_s, left_s;

        if (!r->config.certificate_file || r->config.no_tls || report->own.not_after_s == 0)
                return UINT64_MAX;
        margin_s = MAX(RENEWAL_MARGIN_MIN_S, MIN(life_s / 10, RENEWAL_MARGIN_MAX_S));
        left_s = report->own.not_after_s - now_s;
        /* A file that has no better certificate yet is told of when it has. */
        return left_s > margin_s ? r->now_us + (uint64_t) (left_s - margin_s) * USEC_PER_SEC : UINT64_MAX;
}

static void on_opened(MqttRunner *r, const MqttEvent *event) {
        const MqttRunnerConfig *c = &r->config;
        az_span secret = event->opened.secret;
        MqttConnect connect = {
                .version = MQTT_VERSION_5,
                .client_id = az_span_create_from_str((char *) c->client_id),
                .keep_alive_s = MAX(c->keep_alive_s, KEEP_ALIVE_MIN_S),
                .clean_session = r->clean_start,
                .session_expiry_s = c->session_expiry_s,
                .user_properties = c->user_properties,
                .n_user_properties = c->n_user_properties,
                .will = c->will,
        };
        int e;

        r->report = *event->opened.report;
        r->has_report = true;
        r->renew_us = renewal_us(r, event->opened.report);
        if (c->user_name)
                connect.user_name = az_span_create_from_str((char *) c->user_name);
        if (c->token_file) {
                runner_note_token(r, secret);
                connect.authentication_method = az_span_create_from_str((char *) c->token_method);
                connect.authentication_data = secret;
        } else if (c->password_file) {
                connect.password = password_of(secret);
        }
        e = mqtt_link_connect(r->link, &connect, r->now_us);
        if (e >= 0)
                return;
        runner_set_text(r, "Cannot make CONNECT: %s", strerror(-e));
        lose(r, e == -ENOMEM ? AZ_BROKER_LOSS_LOCAL : AZ_BROKER_LOSS_FILE, 0);
}

static void on_open_failed(MqttRunner *r, const MqttEvent *event) {
        r->report = *event->open_failed.report;
        r->has_report = true;
        runner_set_text(r, "%s", event->open_failed.text);
        lose(r, loss_of_problem(event->open_failed.report->problem), 0);
}

static void on_connack(MqttRunner *r, const MqttEvent *event) {
        const MqttServer *server = &event->connack.server;
        az_broker_session_connack connack = {
                .session_present = event->connack.session_present,
                .window = MIN(server->receive_max, r->config.window),
                .renew_us = r->renew_us,
        };

        /* MQTT_EVENT_LOST says it once more. */
        if (event->connack.code != 0)
                return;
        r->server = *server;
        r->server.assigned_client_id = r->server.reason_string = r->server.authentication_data =
                AZ_SPAN_EMPTY;
        runner_feed(r, az_broker_session_connected(&r->session, &connack, r->now_us));
}

static void on_auth(MqttRunner *r, const MqttEvent *event) {
        switch (event->auth.reason_code) {
        case MQTT_AUTH_SUCCESS:
                runner_feed(r, az_broker_session_reauthenticated(&r->session, r->now_us));
                return;
        case MQTT_AUTH_CONTINUE:
                send_token(r, mqtt_link_continue_authentication);
                return;
        default: /* MQTT 5.0, 3.15.2.1 */
                runner_set_text(r, "The broker sent an AUTH with the reason code 0x%02x",
                                event->auth.reason_code);
                lose(r, AZ_BROKER_LOSS_PROTOCOL, 0);
        }
}

static void on_lost(MqttRunner *r, const MqttEvent *event) {
        if (event->lost.cause == MQTT_LOST_ASKED) {
                runner_feed(r, az_broker_session_closed(&r->session, r->now_us));
                return;
        }
        if (event->lost.reason_string[0] != '\0')
                runner_set_text(r, "%s: %s", event->lost.text, event->lost.reason_string);
        else
                runner_set_text(r, "%s", event->lost.text);
        lose(r, losses[event->lost.cause], event->lost.reason_code);
}

void runner_on_link(MqttRunner *r, const MqttEvent *event) {
        switch ((int) event->type) {
        case MQTT_EVENT_OPENED:
                on_opened(r, event);
                return;
        case MQTT_EVENT_OPEN_FAILED:
                on_open_failed(r, event);
                return;
        case MQTT_EVENT_CONNACK:
                on_connack(r, event);
                return;
        case MQTT_EVENT_AUTH:
                on_auth(r, event);
                return;
        case MQTT_EVENT_LOST:
                on_lost(r, event);
                return;
        default:
                return;
        }
}
