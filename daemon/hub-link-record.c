/* SPDX-License-Identifier: MIT */

/*
 * What went wrong is told in one place: to the session that has to go on, to the log, to the history, and to
 * who asks.
 */

#include "daemon/hub-link-internal.h"

#include <inttypes.h>

DiagnosisContext hub_link_context(const HubLink *link) {
        return (DiagnosisContext){
                .service = hub_link_is_provisioning(link) ? CLOUD_PROVISIONING : CLOUD_HUB,
                .host = hub_link_get_host(link),
                .port = route_get_port(link->route, route_get_transport(link->route),
                                       hub_link_get_port(link)),
                .proxy = route_get_proxy(link->route),
                .transport = route_transport_to_string(route_get_transport(link->route)),
                .report = &link->report,
                .is_open = link->is_open,
                .is_accepted = link->is_accepted,
                .reach = link->ops->get_reach ? link->ops->get_reach(link->userdata) : NETWORK_REACHES_OUT,
                .boottime_us = boottime_us(),
                .realtime_us = realtime_us(),
        };
}

void hub_link_session_lost(HubLink *link, const Diagnosis *cause) {
        link->cause = *cause;
        hub_link_run_session(link, az_hub_session_lost(&link->session, problem_get_info(cause->problem)->loss,
                                                       hub_link_time()));
}

void hub_link_session_failed(HubLink *link, Problem problem, int error, const char *detail) {
        DiagnosisContext context = hub_link_context(link);
        Diagnosis cause;

        diagnosis_make(&cause, &context, problem, error, detail);
        hub_link_session_lost(link, &cause);
}

void hub_link_tell(const HubLink *link, HistoryEvent event, const HistoryFacts *facts) {
        if (link->ops->on_event)
                link->ops->on_event(link->userdata, event, facts);
}

void hub_link_tell_live(const HubLink *link, HistoryEvent event) {
        const HistoryFacts facts = {
                .transport = hub_link_context(link).transport,
                .host = link->credential.host,
                .address = link->report.address,
                .is_resumed = link->report.is_resumed,
        };

        hub_link_tell(link, event, &facts);
}

/* A connection that was never there has no transport. */
static void tell_failure(const HubLink *link, const Diagnosis *d, bool was_online) {
        const HistoryFacts facts = {
                .problem = problem_to_string(d->problem),
                .layer = layer_to_string(problem_get_info(d->problem)->layer),
                .transport = d->address[0] != '\0' ? d->transport : NULL,
                .host = d->host,
                .address = d->address,
                .text = d->text,
        };

        hub_link_tell(link, was_online ? HISTORY_LOST : HISTORY_FAILED, &facts);
}

void hub_link_record(HubLink *link, const Diagnosis *diagnosis, uint64_t delay_us) {
        bool was_online = link_state_is_up(link->state);
        /* Once is enough to be told what to do. */
        bool is_repeated = link->record.is_failing && diagnosis->problem == link->record.last.problem;
        /* What is waited for, such as the time, is not told each time that it is looked for. */
        bool is_known = is_repeated && link->state == LINK_WAITING;
        char retry[32] = "";

        tell_failure(link, diagnosis, was_online);
        if (is_known) {
                link->record.last = *diagnosis;
                return;
        }
        link_record_failed(&link->record, diagnosis);
        (was_online ? link->counts.n_lost : link->counts.n_failed)[diagnosis->problem]++;
        if (delay_us > 0)
                (void) snprintf(retry, sizeof(retry), ", retrying in %.1f s",
                                (double) delay_us / USEC_PER_SEC);
        (void) log_full(
                link->log, was_online ? MSG_LINK_LOST : MSG_CONNECT_FAILED, 0,
                LOG_FACTS(.hub = link->credential.host, .problem = problem_to_string(diagnosis->problem)),
                "%s%s%s%s", diagnosis->text, retry, is_repeated ? "" : ". ",
                is_repeated ? "" : diagnosis->advice);
}

const LinkRecord *hub_link_get_record(const HubLink *link) {
        return &link->record;
}

void hub_link_add_notice(HubLink *link, Problem problem, int error, const char *detail) {
        DiagnosisContext context = hub_link_context(link);
        Diagnosis notice;

        diagnosis_make(&notice, &context, problem, error, detail);
        link_record_notice(&link->record, &notice);
        link->ops->on_status(link->userdata);
}

void hub_link_remove_notice(HubLink *link, Problem problem) {
        if (link_record_forget_notice(&link->record, problem))
                link->ops->on_status(link->userdata);
}

int64_t hub_link_clock_offset_us(void) {
        return (int64_t) (realtime_us() - boottime_us());
}

/* What was done about it depends on what the link was at: see hub_link_clock_changed(). */
void hub_link_note_clock(HubLink *link, LinkState before) {
        int64_t step_us = hub_link_clock_offset_us() - link->clock_offset_us;
        uint64_t minutes = (uint64_t) llabs(step_us) / USEC_PER_SEC / 60;
        const char *done = "nothing had to be done about it";
        char text[128];

        if (llabs(step_us) < CLOCK_STEP_US)
                return;
        link->clock_offset_us += step_us;
        if (before == LINK_ONLINE && link->state == LINK_RENEWING)
                done = "the connection is made anew, because of its token";
        else if (before == LINK_WAITING && link->state != LINK_WAITING)
                done = "the next attempt was made at once";
        (void) snprintf(text, sizeof(text), "%s by %" PRIu64 " h %" PRIu64 " min: %s",
                        step_us > 0 ? "forward" : "back", minutes / 60, minutes % 60, done);
        hub_link_add_notice(link, PROBLEM_CLOCK_STEPPED, 0, text);
        hub_link_tell(link, HISTORY_CLOCK_STEPPED, &(HistoryFacts){ .text = text });
}
