/* SPDX-License-Identifier: MIT */

#include "daemon/broker-link-internal.h"

static az_broker_session_state session_state(const BrokerLink *link) {
        MqttRunnerStatus status;

        mqtt_runner_get_status(link->runner, &status);
        return status.session.state;
}

static LinkState find_state(const BrokerLink *link) {
        if (!link->is_started)
                return LINK_STOPPED;
        if (!link->runner)
                return LINK_WAITING;
        switch (session_state(link)) {
        case AZ_BROKER_SESSION_STOPPED:
                return LINK_STOPPED;
        case AZ_BROKER_SESSION_CONNECTING:
        case AZ_BROKER_SESSION_CLOSING:
                return link->is_renewing ? LINK_RENEWING : LINK_CONNECTING;
        case AZ_BROKER_SESSION_LIVE:
        case AZ_BROKER_SESSION_REAUTHENTICATING:
                return LINK_ONLINE;
        case AZ_BROKER_SESSION_DRAINING:
                return LINK_RENEWING;
        case AZ_BROKER_SESSION_BACKOFF:
                return LINK_WAITING;
        case AZ_BROKER_SESSION_STOPPING:
                return link->state; /* it is told when it is done */
        case _AZ_BROKER_SESSION_STATE_MAX:
                break;
        }
        return LINK_STOPPED;
}

static uint64_t find_next_attempt_us(const BrokerLink *link) {
        MqttRunnerStatus status;

        if (!link->runner)
                return link->settings_us;
        mqtt_runner_get_status(link->runner, &status);
        return status.next_attempt_us;
}

static uint64_t online_us(const BrokerLink *link, uint64_t now_us) {
        return link->online_since_us > 0 ? now_us - link->online_since_us : 0;
}

static void tell_status(const BrokerLink *link) {
        if (link->ops->on_status)
                link->ops->on_status(link->userdata);
}

void broker_link_update_state(BrokerLink *link) {
        uint64_t next_attempt_us = find_next_attempt_us(link);
        LinkState state = find_state(link);
        bool is_up = link_state_is_up(state);

        if (state == link->state && next_attempt_us == link->next_attempt_us)
                return;
        if (state != link->state) {
                log_debug(link->log, "Link to the broker: %s -> %s", link_state_to_string(link->state),
                          link_state_to_string(state));
                link->since_us = boottime_us();
                if (is_up != (link->online_since_us > 0)) {
                        link->counts.link.online_us += online_us(link, link->since_us);
                        link->online_since_us = is_up ? link->since_us : 0;
                }
        }
        link->state = state;
        link->next_attempt_us = next_attempt_us;
        tell_status(link);
}

DiagnosisContext broker_link_context(const BrokerLink *link) {
        return (DiagnosisContext){
                .service = CLOUD_BROKER,
                .host = link->settings.strings[AIO_SETTING_HOST],
                .port = link->settings.settings.port,
                .transport = "mqtt",
                .report = &link->report,
                .is_open = link->is_open,
                .is_accepted = link->is_accepted,
                .reach = link->ops->get_reach ? link->ops->get_reach(link->userdata) : NETWORK_REACHES_OUT,
                .boottime_us = boottime_us(),
                .realtime_us = realtime_us(),
        };
}

static void tell_event(const BrokerLink *link, HistoryEvent event, const HistoryFacts *facts) {
        if (link->ops->on_event)
                link->ops->on_event(link->userdata, event, facts);
}

static HistoryFacts facts_of(const Diagnosis *d) {
        return (HistoryFacts){
                .problem = problem_to_string(d->problem),
                .layer = layer_to_string(problem_get_info(d->problem)->layer),
                .transport = d->address[0] != '\0' ? d->transport : NULL,
                .host = d->host,
                .address = d->address,
                .text = d->text,
        };
}

static LogFacts log_facts(const BrokerLink *link, Problem problem) {
        return (LogFacts){
                .broker = link->settings.strings[AIO_SETTING_HOST],
                .problem = problem == PROBLEM_NONE ? NULL : problem_to_string(problem),
        };
}

void broker_link_record(BrokerLink *link, const Diagnosis *diagnosis, bool was_connected, uint64_t delay_us) {
        bool is_repeated = link->record.is_failing && diagnosis->problem == link->record.last.problem;
        HistoryFacts facts = facts_of(diagnosis);
        LogFacts log = log_facts(link, diagnosis->problem);
        char retry[32] = "";

        tell_event(link, was_connected ? HISTORY_LOST : HISTORY_FAILED, &facts);
        link_record_failed(&link->record, diagnosis);
        (was_connected ? link->counts.link.n_lost : link->counts.link.n_failed)[diagnosis->problem]++;
        if (delay_us > 0)
                (void) snprintf(retry, sizeof(retry), ", retrying in %.1f s",
                                (double) delay_us / USEC_PER_SEC);
        (void) log_full(link->log, was_connected ? MSG_BROKER_LOST : MSG_BROKER_FAILED, 0, &log, "%s%s%s%s",
                        diagnosis->text, retry, is_repeated ? "" : ". ",
                        is_repeated ? "" : diagnosis->advice);
}

void broker_link_record_live(BrokerLink *link, bool was_planned) {
        DiagnosisContext context = broker_link_context(link);
        LogFacts log = log_facts(link, PROBLEM_NONE);
        const HistoryFacts facts = {
                .transport = context.transport,
                .host = context.host,
                .address = link->report.address,
                .is_resumed = link->report.is_resumed,
        };

        link_record_live(&link->record, &context);
        if (was_planned)
                link->counts.link.n_renewed++;
        else
                link->counts.link.n_connected++;
        tell_event(link, was_planned ? HISTORY_RENEWED : HISTORY_CONNECTED, &facts);
        (void) log_full(link->log, was_planned ? MSG_LINK_RENEWED : MSG_BROKER_UP, 0, &log,
                        was_planned ? "The connection to the broker '%s' was renewed"
                                    : "The link to the broker '%s' is up as '%s'",
                        context.host, link->client_id);
}

static void tell_notice(BrokerLink *link, Problem problem, LogMessage message, HistoryEvent event) {
        DiagnosisContext context = broker_link_context(link);
        LogFacts log = log_facts(link, problem);
        Diagnosis notice;
        HistoryFacts facts;

        diagnosis_make(&notice, &context, problem, 0, NULL);
        facts = facts_of(&notice);
        link_record_notice(&link->record, &notice);
        (void) log_full(link->log, message, 0, &log, "%s", notice.text);
        tell_event(link, event, &facts);
        tell_status(link);
}

void broker_link_record_session_lost(BrokerLink *link) {
        link->counts.n_sessions_lost++;
        tell_notice(link, PROBLEM_BROKER_SESSION_LOST, MSG_BROKER_SESSION_LOST, HISTORY_SESSION_LOST);
}

void broker_link_record_token(BrokerLink *link) {
        const HistoryFacts facts = {
                .host = link->settings.strings[AIO_SETTING_HOST],
                .text = "The broker has taken the new token",
        };
        LogFacts log = log_facts(link, PROBLEM_NONE);

        link->counts.n_reauthenticated++;
        tell_event(link, HISTORY_RENEWED, &facts);
        (void) log_full(link->log, MSG_BROKER_TOKEN, 0, &log, "%s", facts.text);
}

void broker_link_check_expiry(BrokerLink *link) {
        if (expiry_is_due(&link->expiry, realtime_us()))
                tell_notice(link, PROBLEM_OWN_CERTIFICATE_EXPIRES, MSG_CERTIFICATE_EXPIRES,
                            HISTORY_CERTIFICATE_EXPIRES);
}

LinkState broker_link_get_state(const BrokerLink *link) {
        return link->state;
}

void broker_link_get_status(const BrokerLink *link, LinkStatus *ret) {
        const char *host = link->settings.strings[AIO_SETTING_HOST];

        *ret = (LinkStatus){
                .state = link->state,
                .since_us = link->since_us,
                .device_id = link->client_id,
                .host = host,
                .port = link->settings.settings.port,
                .peer = host,
                .last_error = link->record.last.problem != PROBLEM_NONE ? link->record.last.text : NULL,
                .next_attempt_us = link->next_attempt_us,
        };
}

void broker_link_get_counts(const BrokerLink *link, BrokerLinkCounts *ret) {
        MqttRunnerStatus status = {};

        *ret = link->counts;
        if (link->runner)
                mqtt_runner_get_status(link->runner, &status);
        ret->link.online_us += online_us(link, boottime_us());
        ret->link.n_received_bytes = link->traffic.n_received + status.traffic.n_received;
        ret->link.n_sent_bytes = link->traffic.n_sent + status.traffic.n_sent;
        ret->link.certificate_expires_s = (uint64_t) MAX(link->report.own.not_after_s, INT64_C(0));
        if (link->is_open)
                ret->link.server_certificate_expires_s =
                        (uint64_t) MAX(link->report.server.not_after_s, INT64_C(0));
}

const LinkRecord *broker_link_get_record(const BrokerLink *link) {
        return &link->record;
}

void broker_link_add_notice(BrokerLink *link, Problem problem, int error, const char *detail) {
        DiagnosisContext context = broker_link_context(link);
        Diagnosis notice;

        diagnosis_make(&notice, &context, problem, error, detail);
        link_record_notice(&link->record, &notice);
        tell_status(link);
}

void broker_link_remove_notice(BrokerLink *link, Problem problem) {
        if (link_record_forget_notice(&link->record, problem))
                tell_status(link);
}
