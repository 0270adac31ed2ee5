/* SPDX-License-Identifier: MIT */

#include "daemon/hub-link-internal.h"

az_hub_session_time hub_link_time(void) {
        return (az_hub_session_time){ .now_us = boottime_us(), .unix_s = realtime_us() / USEC_PER_SEC };
}

az_span hub_link_span(const char *s) {
        return s ? az_span_create_from_str((char *) s) : AZ_SPAN_EMPTY;
}

static uint64_t online_us(const HubLink *link, uint64_t now_us) {
        return link->online_since_us > 0 ? now_us - link->online_since_us : 0;
}

void hub_link_set_state(HubLink *link, LinkState state, uint64_t next_attempt_us) {
        bool is_online = link_state_is_up(state);

        if (link->state != state) {
                log_debug(link->log, "Link: %s -> %s", link_state_to_string(link->state),
                          link_state_to_string(state));
                link->since_us = boottime_us();
                if (is_online != (link->online_since_us > 0)) {
                        link->counts.online_us += online_us(link, link->since_us);
                        link->online_since_us = is_online ? link->since_us : 0;
                }
        }
        link->state = state;
        link->next_attempt_us = next_attempt_us;
        link->ops->on_status(link->userdata);
}

bool hub_link_is_waiting(const HubLink *link) {
        return link->state == LINK_WAITING ||
               (link->state == LINK_PROVISIONING && link->next_attempt_us != UINT64_MAX);
}

/* Life ------------------------------------------------------------------------------------------------ */

int hub_link_new(HubLink **ret, const HubLinkEnvironment *environment, const HubLinkOps *ops,
                 void *userdata) {
        MqttLinkConfig mqtt_config = {
                .runtime_dir = environment->runtime_dir,
                .is_wanted = ops->is_wanted,
                .userdata = userdata,
        };
        _cleanup_(hub_link_freep) HubLink *link = NULL;
        int r;

        link = malloc(sizeof(*link));
        if (!link)
                return -ENOMEM;
        *link = (HubLink){
                .config = environment->config,
                .log = environment->log,
                .ops = ops,
                .userdata = userdata,
                .credential = CREDENTIAL_NULL,
                .since_us = boottime_us(),
                .next_attempt_us = UINT64_MAX,
                .end = LINK_END_OTHER,
                .clock_offset_us = hub_link_clock_offset_us(),
                .rollover = { .epoll_fd = -1 },
        };

        STAILQ_INIT(&link->answers);

        r = state_file_new(&link->provisioning.file, environment->disk, environment->state_dir,
                           ASSIGNMENT_FILE);
        if (r >= 0)
                r = mqtt_link_new(&link->mqtt, &mqtt_config);
        if (r >= 0)
                r = hub_link_rollover_init(link);
        if (r < 0)
                return r;
        r = route_new(&link->route, link->config, getenv("CREDENTIALS_DIRECTORY"), link->log);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(link);
        return 0;
}

static void provisioning_done(Provisioning *p) {
        p->file = state_file_free(p->file);
        assignment_done(&p->result.assignment);
        assignment_done(&p->assignment);
        enrollment_done(&p->enrollment);
        free(p->body);
}

HubLink *hub_link_free(HubLink *link) {
        if (!link)
                return NULL;

        hub_link_drop_answers(link);
        hub_link_rollover_done(link);
        link->mqtt = mqtt_link_free(link->mqtt);
        provisioning_done(&link->provisioning);
        link->route = route_free(link->route);
        credential_done(&link->credential);
        free(link->model_id);
        free(link->string_to_sign);
        free(link);
        return NULL;
}

void hub_link_start(HubLink *link) {
        if (hub_link_load_identity(link))
                hub_link_run_recovery(
                        link, az_recovery_start(&link->recovery, link->credential.host, boottime_us()));
}

void hub_link_stop(HubLink *link) {
        hub_link_forget_traffic(link);
        if (!link->has_identity) {
                hub_link_set_state(link, LINK_STOPPED, UINT64_MAX);
                return;
        }
        az_recovery_stop(&link->recovery);
        hub_link_run_recovery(link, AZ_OK);
}

/* Of the session that has the word. */
static uint64_t session_deadline_us(const HubLink *link) {
        if (hub_link_is_provisioning(link))
                return az_dps_session_deadline_us(&link->provisioning.session);
        if (az_recovery_get_status(&link->recovery).state == AZ_RECOVERY_HUB)
                return az_hub_session_deadline_us(&link->session);
        return UINT64_MAX;
}

static void run_due(HubLink *link, uint64_t now_us) {
        if (az_recovery_deadline_us(&link->recovery) <= now_us)
                hub_link_run_recovery(link, az_recovery_timeout(&link->recovery, now_us));
        if (session_deadline_us(link) > now_us)
                return;
        if (hub_link_is_provisioning(link))
                hub_link_run_provisioning(
                        link, az_dps_session_timeout(&link->provisioning.session, hub_link_time()));
        else
                hub_link_run_session(link, az_hub_session_timeout(&link->session, hub_link_time()));
}

int hub_link_dispatch(HubLink *link) {
        MqttEvent event;
        int r;

        hub_link_run_rollover(link);
        if (!link->has_identity) {
                if (link->next_attempt_us <= boottime_us())
                        hub_link_start(link);
                return 0;
        }

        run_due(link, boottime_us());
        r = mqtt_link_dispatch(link->mqtt, boottime_us());
        if (r < 0)
                return r;
        while (mqtt_link_next_event(link->mqtt, &event)) {
                route_note(link->route, &event);
                if (hub_link_is_provisioning(link))
                        hub_link_provisioning_event(link, &event);
                else
                        hub_link_session_event(link, &event);
        }
        if (hub_link_take_config(link))
                return 0;
        hub_link_grant_wish(link);
        hub_link_flush_answers(link);
        if (az_hub_session_get_status(&link->session).state == AZ_HUB_SESSION_DRAINING &&
            hub_link_is_drained(link))
                hub_link_run_session(link, az_hub_session_drained(&link->session, hub_link_time()));
        return 0;
}

Route *hub_link_get_route(HubLink *link) {
        return link->route;
}

int hub_link_get_fd(const HubLink *link) {
        return link->rollover.epoll_fd;
}

uint64_t hub_link_deadline_us(const HubLink *link) {
        uint64_t deadline_us = hub_link_rollover_deadline_us(link);

        if (!link->has_identity)
                return MIN(deadline_us, link->next_attempt_us);
        deadline_us = MIN(deadline_us, session_deadline_us(link));
        deadline_us = MIN(deadline_us, az_recovery_deadline_us(&link->recovery));
        return MIN(deadline_us, mqtt_link_deadline_us(link->mqtt));
}

LinkState hub_link_get_state(const HubLink *link) {
        return link->state;
}

static uint64_t wall_time_s(int64_t time_s) {
        return time_s > 0 ? (uint64_t) time_s : 0;
}

void hub_link_get_counts(const HubLink *link, LinkCounts *ret) {
        MqttTraffic traffic;

        mqtt_link_get_traffic(link->mqtt, &traffic);
        *ret = link->counts;
        ret->n_received_bytes = traffic.n_received;
        ret->n_sent_bytes = traffic.n_sent;
        ret->online_us += online_us(link, boottime_us());
        ret->certificate_expires_s = wall_time_s(link->rollover.expiry.not_after_s);
        if (link->is_open)
                ret->server_certificate_expires_s = wall_time_s(link->report.server.not_after_s);
}

bool hub_link_has_identity(const HubLink *link) {
        return link->has_identity;
}

void hub_link_get_status(const HubLink *link, LinkStatus *ret) {
        *ret = (LinkStatus){
                .state = link->state,
                .since_us = link->since_us,
                .device_id = link->credential.device_id,
                .module_id = link->credential.module_id,
                .host = link->credential.host,
                .port = link->port,
                .peer = link->has_identity ? hub_link_get_host(link) : NULL,
                .last_error = link->record.last.problem != PROBLEM_NONE ? link->record.last.text : NULL,
                .next_attempt_us = link->next_attempt_us,
        };
}

int hub_link_get_provisioning(const HubLink *link, HubLinkProvisioning *ret) {
        const Provisioning *p = &link->provisioning;

        if (!hub_link_is_enrolled(link))
                return HUB_LINK_NOT_ENROLLED;
        *ret = (HubLinkProvisioning){
                .endpoint = link->config->provisioning.endpoint,
                .id_scope = link->config->provisioning.id_scope ?: "",
                .registration_id = p->enrollment.owner.registration_id,
                .is_running = hub_link_is_provisioning(link) || p->is_wished,
                .n_runs = p->n_runs,
                .last_error = p->error[0] ? p->error : NULL,
                .next_run_us = az_recovery_deadline_us(&link->recovery),
                .assignment = p->assignment.hub ? &p->assignment : NULL,
        };
        return 0;
}
