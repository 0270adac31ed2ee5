/* SPDX-License-Identifier: MIT */

#include "daemon/check-internal.h"

#include <assert.h>

#include "daemon/enrollment.h"
#include "ipc/rfc3339.h"

const char *check_outcome_to_string(CheckOutcome outcome) {
        static const char *const names[_CHECK_OUTCOME_MAX] = {
                [CHECK_OK] = "ok",
                [CHECK_WARNING] = "warning",
                [CHECK_FAILED] = "failed",
                [CHECK_SKIPPED] = "skipped",
        };

        return (unsigned) outcome < _CHECK_OUTCOME_MAX ? names[outcome] : NULL;
}

/* Telling --------------------------------------------------------------------------------------------- */

void check_tell(const Check *c, uint64_t begun_us, const char *step, CheckOutcome outcome, const char *text,
                const char *advice) {
        const CheckResult result = { .step = step,
                                     .outcome = outcome,
                                     .text = text,
                                     .advice = advice,
                                     .duration_us = boottime_us() - begun_us };

        c->func(c->userdata, &result);
}

void check_tell_diagnosis(const Check *c, uint64_t begun_us, const char *step, CheckOutcome outcome,
                          const Diagnosis *d) {
        check_tell(c, begun_us, step, outcome, d->text, d->advice);
}

static void tell_stage(const Check *c, MqttStage stage, uint64_t duration_us, CheckOutcome outcome,
                       const char *text, const char *advice) {
        const CheckTarget *t = &c->targets[c->target];
        const CheckResult result = { .step = mqtt_stage_to_string(stage),
                                     .service = cloud_service_to_string(t->service),
                                     .transport = route_transport_to_string(t->transport),
                                     .outcome = outcome,
                                     .text = text,
                                     .advice = advice,
                                     .duration_us = duration_us };

        c->func(c->userdata, &result);
}

/* Ways to the cloud ----------------------------------------------------------------------------------- */

/* Over each transport that is configured. */
static void add_targets(Check *c, CloudService service, const char *host, uint16_t port) {
        RouteTransport order[_ROUTE_TRANSPORT_MAX];
        unsigned n = route_order_get((RouteOrder) c->c.config->network.transports, order);

        for (unsigned i = 0; host && i < n; i++) {
                CheckTarget *t = &c->targets[c->n_targets];

                assert(c->n_targets < CHECK_TARGETS_MAX);
                c->n_targets++;
                *t = (CheckTarget){ .service = service, .port = port, .transport = order[i] };
                (void) snprintf(t->host, sizeof(t->host), "%s", host);
        }
}

bool check_has_hub(const Check *c) {
        return config_has_hub(c->c.config, getenv("CREDENTIALS_DIRECTORY"));
}

static void add_broker(Check *c) {
        const char *host = c->broker.strings[AIO_SETTING_HOST];
        CheckTarget *t = &c->targets[c->n_targets];

        if (!host)
                return;
        c->n_targets++;
        *t = (CheckTarget){
                .service = CLOUD_BROKER,
                .port = c->broker.settings.port,
                .transport = ROUTE_MQTT,
        };
        (void) snprintf(t->host, sizeof(t->host), "%s", host);
}

static void find_targets(Check *c) {
        const Config *config = c->c.config;
        LinkStatus status;

        c->n_targets = c->target = 0;
        hub_link_get_status(c->c.link, &status);
        if (status.host)
                add_targets(c, CLOUD_HUB, status.host, status.port);
        else if (check_has_hub(c))
                add_targets(c, CLOUD_HUB, c->credential.host,
                            c->credential.port ?: (uint16_t) config->hub.port);
        if (enrollment_is_configured(config))
                add_targets(c, CLOUD_PROVISIONING, config->provisioning.endpoint,
                            (uint16_t) config->provisioning.port);
        add_broker(c);
}

static int start_probe(Check *c) {
        Route *route = hub_link_get_route(c->c.link);
        const CheckTarget *t = &c->targets[c->target];
        MqttEndpoint endpoint = {
                .host = az_span_create_from_str((char *) t->host),
                .ca_file = c->c.config->hub.trusted_ca_file,
                .certificate_file = c->credential.certificate_file,
                .private_key_file = c->credential.private_key_file,
                .private_key_password_file = c->credential.private_key_password_file,
        };
        int r;

        if (t->service == CLOUD_BROKER)
                check_broker_fill_endpoint(c, &endpoint);
        else
                route_fill_endpoint(route, t->transport, t->service, t->port,
                                    endpoint.certificate_file != NULL, &endpoint);
        r = mqtt_probe_start(c->probe, &endpoint, NULL, MQTT_STAGE_WEBSOCKET, boottime_us());
        route_forget_secret(route);
        return r;
}

static void describe_certificate(const MqttCertificate *s, char *ret, size_t size) {
        char to[RFC3339_SIZE];

        (void) snprintf(ret, size, "certificate of %s, issued by %s, valid until %s", s->subject, s->issuer,
                        rfc3339_format(to, (uint64_t) s->not_after_s * USEC_PER_SEC));
}

/* The proxy that a target is reached through; NULL: none. */
static const char *get_proxy(const Check *c, const CheckTarget *t) {
        return t->service == CLOUD_BROKER ? NULL : route_get_proxy(hub_link_get_route(c->c.link));
}

/* What there is to say of a stage that went well; false: nothing. */
static bool describe_stage(const Check *c, MqttStage stage, const MqttReport *report, char *ret,
                           size_t size) {
        const CheckTarget *t = &c->targets[c->target];
        const char *proxy = get_proxy(c, t);
        char certificate[CHECK_TEXT_MAX];

        switch (stage) {
        case MQTT_STAGE_NAME:
                (void) snprintf(ret, size, "%s'%s' has %u address%s", proxy ? "The proxy " : "",
                                proxy ?: t->host, report->n_addresses, report->n_addresses == 1 ? "" : "es");
                return true;
        case MQTT_STAGE_TCP:
                (void) snprintf(ret, size, "Connected to %s", report->address);
                return true;
        case MQTT_STAGE_PROXY:
                (void) snprintf(ret, size, "The proxy connects to '%s'", t->host);
                return true;
        case MQTT_STAGE_TLS:
                describe_certificate(&report->server, certificate, sizeof(certificate));
                (void) snprintf(ret, size, "%s, %s; %s", report->tls_version, report->tls_cipher,
                                certificate);
                return true;
        case MQTT_STAGE_WEBSOCKET:
                (void) snprintf(ret, size, "'%s' speaks WebSocket", t->host);
                return true;
        case MQTT_STAGE_IDENTITY: /* it has steps of its own */
        case MQTT_STAGE_SIGN:
        case _MQTT_STAGE_MAX:
                break;
        }
        return false;
}

/* While the link is up, no other way than its own is needed. */
static bool is_spare(const Check *c, const CheckTarget *t) {
        if (t->service == CLOUD_BROKER || hub_link_get_state(c->c.link) != LINK_ONLINE)
                return false;
        return t->service != CLOUD_HUB || t->transport != route_get_transport(hub_link_get_route(c->c.link));
}

static void tell_failure(const Check *c, const MqttProbeEvent *event) {
        const Route *route = hub_link_get_route(c->c.link);
        const CheckTarget *t = &c->targets[c->target];
        const DiagnosisContext context = {
                .service = t->service,
                .host = t->host,
                .port = t->service == CLOUD_BROKER ? t->port : route_get_port(route, t->transport, t->port),
                .transport = route_transport_to_string(t->transport),
                .proxy = get_proxy(c, t),
                .boottime_us = boottime_us(),
                .realtime_us = realtime_us(),
        };
        char advice[CHECK_TEXT_MAX];
        Diagnosis d;

        diagnosis_from_open_failed(&d, &context, event->report, event->error, event->text);
        if (!is_spare(c, t)) {
                tell_stage(c, event->stage, event->duration_us, CHECK_FAILED, d.text, d.advice);
                return;
        }
        (void) snprintf(advice, sizeof(advice), "The link is up and does without: %s. %s",
                        t->service == CLOUD_HUB ? "this matters only where its own way is blocked"
                                                : "this matters when the device is provisioned again",
                        d.advice);
        tell_stage(c, event->stage, event->duration_us, CHECK_WARNING, d.text, advice);
}

static void tell_event(const Check *c, const MqttProbeEvent *event) {
        char text[CHECK_TEXT_MAX * 2];

        if (event->error < 0)
                tell_failure(c, event);
        else if (describe_stage(c, event->stage, event->report, text, sizeof(text)))
                tell_stage(c, event->stage, event->duration_us, CHECK_OK, text, NULL);
}

/* The link -------------------------------------------------------------------------------------------- */

static CheckOutcome link_outcome(LinkState state) {
        switch (state) {
        case LINK_ONLINE:
        case LINK_RENEWING:
                return CHECK_OK;
        case LINK_CONNECTING:
        case LINK_PROVISIONING:
                return CHECK_WARNING;
        case LINK_STOPPED:
        case LINK_WAITING:
        case _LINK_STATE_MAX:
                break;
        }
        return CHECK_FAILED;
}

/* What is over has no secrets any more. */
static void end(Check *c) {
        credential_done(&c->credential);
        broker_settings_done(&c->broker);
        c->is_probing = false;
        c->state = CHECK_IDLE;
}

/* A second CONNECT of this device would end the first one: what a cloud says to it is known of the link
 * alone.
 */
static void tell_link(Check *c, CloudService service, const LinkStatus *status, bool is_last) {
        char text[CHECK_TEXT_MAX], since[RFC3339_SIZE];
        CheckResult result = {
                .step = "link",
                .service = cloud_service_to_string(service),
                .outcome = link_outcome(status->state),
                .text = text,
                .is_last = is_last,
        };

        (void) rfc3339_format(since, realtime_us() - (boottime_us() - status->since_us));
        if (result.outcome == CHECK_OK)
                (void) snprintf(text, sizeof(text),
                                "%s since %s; it was left alone, so nothing was asked by MQTT",
                                link_state_to_string(status->state), since);
        else
                (void) snprintf(text, sizeof(text), "%s since %s%s%s", link_state_to_string(status->state),
                                since, status->last_error ? ": " : "", status->last_error ?: "");
        if (result.outcome != CHECK_OK)
                result.advice = "'aziot why' tells what was tried, and when the next attempt is made.";
        if (is_last)
                end(c);
        c->func(c->userdata, &result);
}

static void tell_links(Check *c) {
        bool has_broker = broker_is_configured(c->c.broker);
        LinkStatus status;

        if (check_has_hub(c)) {
                hub_link_get_status(c->c.link, &status);
                tell_link(c, CLOUD_HUB, &status, !has_broker);
        }
        if (has_broker) {
                broker_link_get_status(broker_get_link(c->c.broker), &status);
                tell_link(c, CLOUD_BROKER, &status, true);
        }
}

/* The order ------------------------------------------------------------------------------------------- */

void check_disk_done(Check *c) {
        if (c->state != CHECK_DISK)
                return; /* it was stopped */
        check_disk_tell(c);
        find_targets(c);
        c->state = CHECK_NETWORK;
        check_dispatch(c);
}

/* Begins with the next target that a probe can be started for. False: there is none. */
static bool next_target(Check *c) {
        int r;

        for (; c->target < c->n_targets; c->target++) {
                r = start_probe(c);
                if (r >= 0)
                        return true;
                tell_stage(c, MQTT_STAGE_NAME, 0, CHECK_FAILED, strerror(-r), NULL);
        }
        return false;
}

static void check_network(Check *c) {
        MqttProbeEvent event;

        for (;;) {
                if (!c->is_probing && !next_target(c)) {
                        tell_links(c);
                        return;
                }
                c->is_probing = true;
                mqtt_probe_dispatch(c->probe, boottime_us());
                if (!mqtt_probe_next_event(c->probe, &event))
                        return;
                tell_event(c, &event);
                if (event.is_last) {
                        c->is_probing = false;
                        c->target++;
                }
        }
}

void check_dispatch(Check *c) {
        switch (c->state) {
        case CHECK_LOCAL:
                check_local(c);
                c->state = CHECK_DISK;
                check_disk_begin(c);
                break;
        case CHECK_NETWORK:
                check_network(c);
                break;
        case CHECK_IDLE:
        case CHECK_DISK:
        case _CHECK_STATE_MAX:
                break;
        }
}

int check_start(Check *c, CheckFunc func, void *userdata) {
        if (c->state != CHECK_IDLE || c->disk.is_busy)
                return CHECK_BUSY;
        c->func = func;
        c->userdata = userdata;
        c->state = CHECK_LOCAL;
        return 0;
}

void check_stop(Check *c) {
        mqtt_probe_stop(c->probe);
        end(c);
}

/* Life ------------------------------------------------------------------------------------------------ */

int check_new(Check **ret, const CheckConfig *config) {
        _cleanup_(check_freep) Check *c = NULL;
        int r;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (Check){ .c = *config, .credential = CREDENTIAL_NULL };
        c->state_dir = strdup(config->state_dir);
        if (!c->state_dir)
                return -ENOMEM;
        r = mqtt_probe_new(&c->probe);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

Check *check_free(Check *c) {
        if (!c)
                return NULL;
        if (c->disk.is_busy) {
                c->state = CHECK_IDLE;
                disk_drain(c->c.disk);
        }
        c->probe = mqtt_probe_free(c->probe);
        credential_done(&c->credential);
        broker_settings_done(&c->broker);
        free(c->state_dir);
        free(c);
        return NULL;
}

int check_get_fd(const Check *c) {
        return mqtt_probe_get_fd(c->probe);
}

uint64_t check_deadline_us(const Check *c) {
        return mqtt_probe_deadline_us(c->probe);
}
