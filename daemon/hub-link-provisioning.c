/* SPDX-License-Identifier: MIT */

/*
 * A run of the Device Provisioning Service: its session and the connection meet, as hub-link-session.c has it
 * for the hub. The recovery hears how the run ended when the connection to the service is gone, because the
 * hub gets the same one: until then 'result' keeps it.
 *
 *      recovery PROVISION → session start ... ASSIGNED, FAILED → DISCONNECT → the connection is gone →
 *      recovery assigned, failed
 */

#include "daemon/hub-link-internal.h"

#include <assert.h>

#include "daemon/az-errno.h"
#include "daemon/wall-clock.h"

/* Of a request, besides the payload; see az_dps_session_options. */
#define BODY_SLACK 192U

/* Attempts of a run that do not reach the service, before a hub that is known gets its turn again. */
#define UNREACHED_MAX 2U

/* The end of a run ------------------------------------------------------------------------------------ */

static void log_assigned(const HubLink *link, const Assignment *before, const Assignment *now) {
        if (!before->hub)
                log_message(link->log, MSG_ASSIGNED, "The provisioning service assigns '%s' at '%s'",
                            now->device_id, now->hub);
        else if (assignment_is_same(before, now))
                log_message(link->log, MSG_ASSIGNED, "The provisioning service still assigns '%s' at '%s'",
                            now->device_id, now->hub);
        else
                log_message(link->log, MSG_ASSIGNED,
                            "The provisioning service assigns '%s' at '%s', no longer '%s' at '%s': what "
                            "waits to be sent goes there",
                            now->device_id, now->hub, before->device_id, before->hub);
}

static void assigned(HubLink *link) {
        Provisioning *p = &link->provisioning;
        bool is_same = p->assignment.hub && assignment_is_same(&p->assignment, &p->result.assignment);

        log_assigned(link, &p->assignment, &p->result.assignment);
        assignment_done(&p->assignment);
        p->assignment = p->result.assignment;
        p->result.assignment = ASSIGNMENT_NULL;
        if (!is_same && !hub_link_use_assignment(link)) {
                hub_link_forget_identity(link);
                return;
        }
        hub_link_keep_assignment(link);
        hub_link_tell(link, HISTORY_PROVISIONED, &(HistoryFacts){ .host = p->assignment.hub });
        hub_link_run_recovery(link, az_recovery_assigned(&link->recovery, is_same, boottime_us()));
}

/* The connection is gone: the recovery decides. */
static void finish_run(HubLink *link) {
        Provisioning *p = &link->provisioning;
        ProvisioningResult *result = &p->result;

        hub_link_close(link);
        result->is_there = false;
        p->n_runs++;
        p->error[0] = '\0';
        if (result->error_class == AZ_ERROR_CLASS_NONE) {
                assigned(link);
                return;
        }
        (void) snprintf(p->error, sizeof(p->error), "%s", link->cause.text);
        p->failed_clock_us = hub_link_clock_offset_us();
        hub_link_run_recovery(link,
                              az_recovery_failed(&link->recovery, result->error_class, result->retry_after_s,
                                                 hub_link_clock_is_plausible(), boottime_us()));
}

static void end_run(HubLink *link, az_error_class error_class, uint32_t retry_after_s) {
        ProvisioningResult *result = &link->provisioning.result;

        result->is_there = true;
        result->error_class = error_class;
        result->retry_after_s = retry_after_s;
        if (mqtt_link_disconnect(link->mqtt, NULL, boottime_us()) < 0)
                finish_run(link); /* else MQTT_LOST_ASKED follows */
}

/* What the session asks for --------------------------------------------------------------------------- */

static void session_lost(HubLink *link, const Diagnosis *cause) {
        link->cause = *cause;
        hub_link_run_provisioning(link,
                                  az_dps_session_lost(&link->provisioning.session,
                                                      problem_to_dps_loss(cause->problem), hub_link_time()));
}

static void session_failed(HubLink *link, Problem problem, int error) {
        DiagnosisContext context = hub_link_context(link);
        Diagnosis cause;

        diagnosis_make(&cause, &context, problem, error, strerror(-error));
        session_lost(link, &cause);
}

static void open_transport(HubLink *link, az_span string_to_sign) {
        int r;

        hub_link_set_state(link, LINK_PROVISIONING, UINT64_MAX);
        if (!hub_link_prepare_identity(link))
                return;
        r = hub_link_open(link, string_to_sign);
        if (r < 0)
                session_failed(link, PROBLEM_LOCAL, r);
}

static void send_connect(HubLink *link) {
        int r;

        r = hub_link_connect(link);
        if (r < 0)
                session_failed(link, PROBLEM_LOCAL, r);
}

static void do_connect(HubLink *link, const az_dps_event *event) {
        link->connect = (MqttConnect){
                .client_id = event->as.connect.client_id,
                .user_name = event->as.connect.user_name,
                .password = event->as.connect.password,
                .keep_alive_s = event->as.connect.keep_alive_s,
                .clean_session = event->as.connect.clean_session,
        };
        if (link->is_open)
                send_connect(link);
        else
                open_transport(link, AZ_SPAN_EMPTY);
}

static void do_subscribe(HubLink *link, const az_dps_event *event) {
        MqttFilter filter = { event->as.subscribe.filter.topic_filter, event->as.subscribe.filter.qos };
        int r;

        r = mqtt_link_subscribe(link->mqtt, &filter, 1);
        if (r < 0)
                session_failed(link, PROBLEM_LOCAL, r);
}

static void do_publish(HubLink *link, const az_dps_event *event) {
        int r;

        r = mqtt_link_publish(link->mqtt, event->as.publish.topic, event->as.publish.payload,
                              event->as.publish.qos, 0);
        if (r < 0)
                session_failed(link, PROBLEM_LOCAL, r);
}

/* The service asks for patience, which may be the last that is heard of it for a while. */
static void do_wait(HubLink *link, const az_dps_event *event) {
        DiagnosisContext context = hub_link_context(link);
        Diagnosis cause;

        if (event->as.wait.error.loss != AZ_DPS_LOSS_NONE &&
            diagnosis_from_dps_error(&cause, &context, &event->as.wait.error,
                                     az_dps_session_get_status(&link->provisioning.session).state))
                hub_link_record(link, &cause, event->as.wait.delay_us);
        hub_link_set_state(link, LINK_PROVISIONING, UINT64_MAX);
}

/* A hub that is known need not stand still for as long as the service cannot be reached. */
static bool gives_up(const HubLink *link, const az_dps_error *error) {
        return az_recovery_get_status(&link->recovery).state == AZ_RECOVERY_REPROVISIONING &&
               error->error_class == AZ_ERROR_CLASS_NETWORK &&
               az_dps_session_get_status(&link->provisioning.session).n_failures >= UNREACHED_MAX;
}

static void do_lost(HubLink *link, const az_dps_event *event) {
        DiagnosisContext context = hub_link_context(link);

        hub_link_close(link);
        (void) diagnosis_from_dps_error(&link->cause, &context, &event->as.lost.error, event->as.lost.from);
        if (gives_up(link, &event->as.lost.error)) {
                az_dps_session_stop(&link->provisioning.session);
                end_run(link, AZ_ERROR_CLASS_NETWORK, 0);
                return;
        }
        hub_link_record(link, &link->cause, event->as.lost.delay_us);
        hub_link_set_state(link, LINK_PROVISIONING, boottime_us() + event->as.lost.delay_us);
}

static void do_assigned(HubLink *link, const az_dps_event *event) {
        const AssignmentAnswer answer = { event->as.assigned.hub, event->as.assigned.device_id,
                                          event->as.assigned.substatus, event->as.assigned.payload };
        DiagnosisContext context = hub_link_context(link);
        Provisioning *p = &link->provisioning;
        int r;

        assignment_done(&p->result.assignment);
        r = assignment_make(&p->result.assignment, &p->enrollment.owner, &answer, realtime_us());
        if (r == 0) {
                end_run(link, AZ_ERROR_CLASS_NONE, 0);
                return;
        }
        diagnosis_make(&link->cause, &context, r < 0 ? PROBLEM_LOCAL : PROBLEM_PROVISIONING_PROTOCOL,
                       MIN(r, 0), r < 0 ? strerror(-r) : "it named no hub or no device that there can be");
        end_run(link, r < 0 ? AZ_ERROR_CLASS_LOCAL : AZ_ERROR_CLASS_PROTOCOL, 0);
}

static void do_failed(HubLink *link, const az_dps_event *event) {
        DiagnosisContext context = hub_link_context(link);

        (void) diagnosis_from_dps_error(&link->cause, &context, &event->as.failed.error,
                                        event->as.failed.from);
        end_run(link, event->as.failed.error.error_class, event->as.failed.error.retry_after_s);
}

static void session_event(HubLink *link, const az_dps_event *event) {
        switch (event->type) {
        case AZ_DPS_EVENT_SIGN:
                open_transport(link, event->as.sign.string_to_sign);
                break;
        case AZ_DPS_EVENT_CONNECT:
                do_connect(link, event);
                break;
        case AZ_DPS_EVENT_SUBSCRIBE:
                do_subscribe(link, event);
                break;
        case AZ_DPS_EVENT_PUBLISH:
                do_publish(link, event);
                break;
        case AZ_DPS_EVENT_WAIT:
                do_wait(link, event);
                break;
        case AZ_DPS_EVENT_LOST:
                do_lost(link, event);
                break;
        case AZ_DPS_EVENT_ASSIGNED:
                do_assigned(link, event);
                break;
        case AZ_DPS_EVENT_FAILED:
                do_failed(link, event);
                break;
        case AZ_DPS_EVENT_DISCONNECT: /* whoever stopped the session ends the connection */
                break;
        case _AZ_DPS_EVENT_TYPE_MAX:
                assert(false);
        }
}

void hub_link_run_provisioning(HubLink *link, az_result input) {
        az_dps_event event;

        if (az_result_failed(input))
                log_debug(link->log, "The registration ignores what came: %s",
                          strerror(-az_result_to_errno(input)));
        while (az_dps_session_next_event(&link->provisioning.session, &event))
                session_event(link, &event);
}

/* The beginning of a run ------------------------------------------------------------------------------ */

static az_result session_setup(HubLink *link) {
        az_dps_session_options options = az_dps_session_options_default();
        Provisioning *p = &link->provisioning;
        const Config *c = link->config;
        size_t n_payload = p->enrollment.payload ? strlen(p->enrollment.payload) : 0;

        free(p->body);
        p->body = malloc(n_payload + BODY_SLACK);
        if (!p->body)
                return AZ_ERROR_OUT_OF_MEMORY;

        options.random_seed = hub_link_random();
        options.credential = link->credential.kind;
        options.user_agent = HUB_LINK_USER_AGENT;
        options.custom_payload = hub_link_span(p->enrollment.payload);
        options.body_buffer = az_span_create(p->body, (int32_t) (n_payload + BODY_SLACK));
        options.token_lifetime_s = (uint32_t) c->hub.token_lifetime_s;
        options.keep_alive_s = (uint16_t) c->hub.keep_alive_s;
        options.build_unix_s = wall_clock_build_s();
        options.sign_timeout_s = hub_link_open_timeout_s(link);
        options.step_timeout_s = hub_link_connect_timeout_s(link);
        return az_dps_session_init(&p->session, hub_link_span(c->provisioning.endpoint),
                                   hub_link_span(p->enrollment.owner.id_scope),
                                   hub_link_span(p->enrollment.owner.registration_id), &options);
}

void hub_link_provision(HubLink *link) {
        DiagnosisContext context = hub_link_context(link);
        az_result result;

        hub_link_set_state(link, LINK_PROVISIONING, UINT64_MAX);
        log_message(link->log, MSG_PROVISIONING_STARTED,
                    "Asking the provisioning service '%s' for the hub of '%s'",
                    link->config->provisioning.endpoint, link->provisioning.enrollment.owner.registration_id);

        /* Another payload, or what proves it, counts from the next run on. */
        if (!hub_link_prepare_identity(link))
                return;
        result = session_setup(link);
        if (az_result_failed(result)) {
                diagnosis_make(&link->cause, &context, PROBLEM_LOCAL, az_result_to_errno(result),
                               "the request does not fit");
                end_run(link, AZ_ERROR_CLASS_LOCAL, 0);
                return;
        }
        hub_link_run_provisioning(link, az_dps_session_start(&link->provisioning.session, hub_link_time()));
}

/* What the connection reports ------------------------------------------------------------------------- */

static void on_open_failed(HubLink *link, const MqttEvent *event) {
        DiagnosisContext context = hub_link_context(link);
        Diagnosis cause;

        diagnosis_from_open_failed(&cause, &context, event->open_failed.report, event->open_failed.error,
                                   event->open_failed.text);
        if (!hub_link_reopen(link, event->open_failed.report, &cause))
                session_lost(link, &cause);
}

static void on_lost(HubLink *link, const MqttEvent *event) {
        DiagnosisContext context = hub_link_context(link);
        Diagnosis cause;

        diagnosis_from_lost(&cause, &context, event->lost.cause, event->lost.error, event->lost.text);
        session_lost(link, &cause);
}

static void on_message(HubLink *link, const MqttEvent *event) {
        hub_link_run_provisioning(
                link, az_dps_session_message(&link->provisioning.session, event->message.publish.topic,
                                             event->message.publish.payload, hub_link_time()));
        mqtt_link_ack(link->mqtt, event->message.ack);
}

void hub_link_provisioning_event(HubLink *link, const MqttEvent *event) {
        az_dps_session *s = &link->provisioning.session;

        if (link->provisioning.result.is_there) { /* the connection is being ended */
                if (event->type == MQTT_EVENT_LOST)
                        finish_run(link);
                return;
        }

        switch (event->type) {
        case MQTT_EVENT_OPENED:
                link->is_open = true;
                link->report = *event->opened.report;
                hub_link_rollover_opened(link, &link->report);
                if (az_dps_session_get_status(s).state == AZ_DPS_SESSION_CONNECTING)
                        send_connect(link);
                else
                        hub_link_run_provisioning(
                                link, az_dps_session_signed(s, event->opened.signature, hub_link_time()));
                break;
        case MQTT_EVENT_OPEN_FAILED:
                on_open_failed(link, event);
                break;
        case MQTT_EVENT_CONNACK:
                link->is_accepted = event->connack.code == 0;
                hub_link_run_provisioning(
                        link, link->is_accepted
                                      ? az_dps_session_connected(s, hub_link_time())
                                      : az_dps_session_refused(s, event->connack.code, hub_link_time()));
                break;
        case MQTT_EVENT_SUBACK:
                hub_link_run_provisioning(link,
                                          az_dps_session_suback(s, event->suback.codes, event->suback.n_codes,
                                                                hub_link_time()));
                break;
        case MQTT_EVENT_PUBACK: /* the answer counts */
                break;
        case MQTT_EVENT_MESSAGE:
                on_message(link, event);
                break;
        case MQTT_EVENT_LOST:
                on_lost(link, event);
                break;
        case MQTT_EVENT_UNSUBACK: /* of MQTT 5, which we do not speak here */
        case MQTT_EVENT_REFUSED:
        case MQTT_EVENT_AUTH:
        case _MQTT_EVENT_MAX:
                assert(false);
        }
}
