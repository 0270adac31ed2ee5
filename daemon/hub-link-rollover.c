/* SPDX-License-Identifier: MIT */

/*
 * Keys, certificates and authorities change while the link is up. The directories of all their files are
 * watched; what is new is tried by a probe, which disturbs nobody, before the link is renewed for its sake;
 * what the hub then refuses is not used again until the files change: rollover.h. What was accepted last
 * stays in memory, so that a file that is broken or gone ends no link.
 */

#include "daemon/hub-link-internal.h"

#include <sys/epoll.h>

/* After a probe that says nothing about what it tried, because the network failed. */
#define PROBE_AGAIN_US (60 * USEC_PER_SEC)

/* What is used ----------------------------------------------------------------------------------------- */

const char *hub_link_get_key(const HubLink *link) {
        const HubLinkRollover *r = &link->rollover;

        return r->choice.use == ROLLOVER_PROVEN ? r->proven_key : link->credential.key;
}

/* Whether that is what was proven last: a key that is read again, a certificate and authorities as read. */
static bool is_proven(const HubLink *link, const uint8_t files[static MQTT_FILES_DIGEST_SIZE]) {
        const HubLinkRollover *r = &link->rollover;

        return r->choice.has_proven && memcmp(files, r->proven_files, sizeof(r->proven_files)) == 0 &&
               strcmp(link->credential.key ?: "", r->proven_key ?: "") == 0;
}

void hub_link_rollover_opened(HubLink *link, const MqttReport *report) {
        HubLinkRollover *r = &link->rollover;

        rollover_opened(&r->choice, r->choice.use == ROLLOVER_PROVEN || is_proven(link, report->files));
        if (report->own.subject[0] != '\0')
                expiry_set(&r->expiry, report->own.not_after_s);
}

static void set_proven_key(HubLinkRollover *r, const char *key) {
        char *copy = key ? strdup(key) : NULL;

        if (key && !copy)
                return; /* the one before may do */
        if (r->proven_key)
                explicit_bzero(r->proven_key, strlen(r->proven_key));
        free(r->proven_key);
        r->proven_key = copy;
}

void hub_link_rollover_live(HubLink *link) {
        HubLinkRollover *r = &link->rollover;
        bool is_first = !r->choice.has_proven;

        if (rollover_accepted(&r->choice)) {
                memcpy(r->proven_files, link->report.files, sizeof(r->proven_files));
                set_proven_key(r, link->credential.key);
                mqtt_link_proven(link->mqtt);
                if (!is_first) {
                        log_message(link->log, MSG_IDENTITY_CHANGED,
                                    "What the files of the identity hold now is in use");
                        hub_link_tell(link, HISTORY_IDENTITY_CHANGED, NULL);
                        hub_link_pass_on_assignment(link);
                }
        }
        if (r->choice.use == ROLLOVER_FILES)
                hub_link_remove_notice(link, PROBLEM_CREDENTIALS_ROLLED_BACK);
}

void hub_link_forget_changes(HubLink *link) {
        HubLinkRollover *r = &link->rollover;

        mqtt_probe_stop(r->probe);
        r->changed_us = UINT64_MAX;
        r->is_told = false;
}

void hub_link_forget_proven(HubLink *link) {
        HubLinkRollover *r = &link->rollover;

        hub_link_forget_changes(link);
        r->choice = (Rollover){};
        hub_link_remove_notice(link, PROBLEM_CREDENTIALS_ROLLED_BACK);
}

/* What is refused -------------------------------------------------------------------------------------- */

/* Whether the reason may lie in what the device proves itself with, or trusts. */
static bool concerns_credentials(Problem problem) {
        static const Problem problems[] = {
                PROBLEM_IDENTITY_MISSING,
                PROBLEM_IDENTITY_FILE,
                PROBLEM_SIGNING,
                PROBLEM_TRUST_FILE,
                PROBLEM_TLS_PROTOCOL,
                PROBLEM_TLS_RESET,
                PROBLEM_CERTIFICATE_UNTRUSTED,
                PROBLEM_CERTIFICATE_SELF_SIGNED,
                PROBLEM_OWN_CERTIFICATE_EXPIRED,
                PROBLEM_OWN_CERTIFICATE_REFUSED,
                PROBLEM_CONNACK_CLOSED,
                PROBLEM_DEVICE_UNKNOWN,
                PROBLEM_KEY_REFUSED,
                PROBLEM_NOT_AUTHORIZED,
        };

        for (size_t i = 0; i < ELEMENTSOF(problems); i++)
                if (problems[i] == problem)
                        return true;
        return false;
}

static void tell(HubLink *link, Problem problem, const char *detail, LogMessage message, HistoryEvent event) {
        const ProblemInfo *info = problem_get_info(problem);
        DiagnosisContext context = hub_link_context(link);
        Diagnosis d;

        diagnosis_make(&d, &context, problem, 0, detail);
        hub_link_add_notice(link, problem, 0, detail);
        (void) log_full(link->log, message, 0, LOG_FACTS(.hub = link->credential.host, .problem = info->word),
                        "%s", d.text);
        hub_link_tell(link, event,
                      &(HistoryFacts){ .problem = info->word,
                                       .layer = layer_to_string(info->layer),
                                       .host = d.host,
                                       .text = d.text });
}

/* Once for each change of the files. */
static void tell_that_held(HubLink *link, const Diagnosis *cause) {
        if (link->rollover.is_told)
                return;
        link->rollover.is_told = true;
        tell(link, PROBLEM_CREDENTIALS_ROLLED_BACK, cause->detail[0] != '\0' ? cause->detail : cause->text,
             MSG_CREDENTIALS_ROLLED_BACK, HISTORY_IDENTITY_ROLLED_BACK);
}

void hub_link_hold(HubLink *link, const Diagnosis *cause) {
        rollover_hold(&link->rollover.choice);
        tell_that_held(link, cause);
}

bool hub_link_roll_back(HubLink *link, const Diagnosis *cause) {
        Rollover *choice = &link->rollover.choice;
        RolloverUse before = choice->use;
        bool is_at_once;

        if (!concerns_credentials(cause->problem))
                return false;
        is_at_once = rollover_refused(choice);
        if (before == ROLLOVER_FILES && choice->use == ROLLOVER_PROVEN)
                tell_that_held(link, cause);
        return is_at_once;
}

bool hub_link_reopen(HubLink *link, const MqttReport *report, const Diagnosis *cause) {
        hub_link_rollover_opened(link, report);
        return hub_link_roll_back(link, cause) &&
               hub_link_open(link, hub_link_span(link->string_to_sign)) >= 0;
}

/* What has changed ------------------------------------------------------------------------------------- */

void hub_link_watch_files(HubLink *link) {
        const Config *c = link->config;
        const char *const paths[] = {
                c->hub.connection_string_file,
                c->hub.key_file,
                c->hub.certificate_file,
                c->hub.private_key_file,
                c->hub.private_key_password_file,
                c->hub.trusted_ca_file,
                c->provisioning.key_file,
                c->provisioning.group_key_file,
                c->network.proxy_credential_file,
                /* Those that systemd keeps are not in the configuration. */
                link->credential.secret_file,
                link->credential.certificate_file,
                link->credential.private_key_file,
                link->credential.private_key_password_file,
        };
        int r;

        r = file_watch_set(link->rollover.watch, paths, ELEMENTSOF(paths));
        if (r < 0)
                (void) log_errno(link->log, MSG_IDENTITY_UNWATCHED, r,
                                 "Cannot watch the files of the identity: %m, ignoring");
}

/*
 * To a hub, a device that was provisioned has the key or certificate that it was provisioned with (DPS, "How
 * to roll X.509 device certificates").
 */
static void use_what_is_new(HubLink *link) {
        const Provisioning *p = &link->provisioning;

        rollover_changed(&link->rollover.choice);
        if (p->assignment.hub && !assignment_is_of(&p->assignment, &p->enrollment.owner))
                (void) hub_link_reprovision(link);
        else
                hub_link_reconnect(link);
}

static void begin_probe(HubLink *link) {
        MqttEndpoint endpoint;
        int r;

        hub_link_fill_endpoint(link, route_get_transport(link->route), &endpoint);
        endpoint.use_proven = false;
        mqtt_probe_stop(link->rollover.probe);
        r = mqtt_probe_start(link->rollover.probe, &endpoint, NULL, MQTT_STAGE_TLS, boottime_us());
        route_forget_secret(link->route);
        if (r < 0) {
                (void) log_errno(link->log, MSG_IDENTITY_UNTRIED, r,
                                 "Cannot try the new files: %m, trying again in a minute");
                link->rollover.changed_us = boottime_us() + PROBE_AGAIN_US;
        }
}

static void judge_probe(HubLink *link, const MqttProbeEvent *event) {
        HubLinkRollover *r = &link->rollover;
        DiagnosisContext context = hub_link_context(link);
        Diagnosis cause;

        if (event->error == 0 && is_proven(link, event->report->files)) {
                if (r->choice.use == ROLLOVER_PROVEN)
                        log_message(link->log, MSG_IDENTITY_RESTORED,
                                    "The files of the identity hold again what is in use");
                rollover_changed(&r->choice);
                hub_link_remove_notice(link, PROBLEM_CREDENTIALS_ROLLED_BACK);
                return;
        }
        if (event->error == 0) {
                log_message(link->log, MSG_IDENTITY_TRYING,
                            "The files of the identity have changed, connecting anew");
                use_what_is_new(link);
                return;
        }
        diagnosis_from_open_failed(&cause, &context, event->report, event->error, event->text);
        if (concerns_credentials(cause.problem)) {
                hub_link_hold(link, &cause);
                return;
        }
        log_message(link->log, MSG_IDENTITY_UNTRIED,
                    "Cannot try the new files yet, trying again in a minute: %s", cause.text);
        r->changed_us = boottime_us() + PROBE_AGAIN_US;
}

static bool can_take_change(const HubLink *link) {
        return link->state == LINK_ONLINE || hub_link_is_waiting(link);
}

/* A link that is up is not given up for what is not known to be good; without one there is nothing to lose.
 */
static void take_change(HubLink *link) {
        Diagnosis cause;
        int r = HUB_LINK_OTHER;

        link->rollover.changed_us = UINT64_MAX;
        if (link->has_identity)
                r = hub_link_refresh_identity(link, &cause);
        hub_link_watch_files(link);
        if (r == CONFIG_INVALID)
                hub_link_hold(link, &cause);
        else if (r == HUB_LINK_OTHER)
                hub_link_reconnect(link);
        else if (link->state == LINK_ONLINE)
                begin_probe(link);
        else
                use_what_is_new(link);
}

static void warn_of_expiry(HubLink *link) {
        Expiry *e = &link->rollover.expiry;

        if (expiry_is_due(e, realtime_us()))
                tell(link, PROBLEM_OWN_CERTIFICATE_EXPIRES, NULL, MSG_CERTIFICATE_EXPIRES,
                     HISTORY_CERTIFICATE_EXPIRES);
        else if (e->n_warned == 0)
                hub_link_remove_notice(link, PROBLEM_OWN_CERTIFICATE_EXPIRES);
}

void hub_link_run_rollover(HubLink *link) {
        HubLinkRollover *r = &link->rollover;
        uint64_t now_us = boottime_us();
        MqttProbeEvent event;

        if (file_watch_dispatch(r->watch, now_us)) {
                mqtt_probe_stop(r->probe); /* of what they held before */
                r->changed_us = now_us;
                r->is_told = false;
        }
        mqtt_probe_dispatch(r->probe, now_us);
        while (mqtt_probe_next_event(r->probe, &event))
                if (event.is_last && link->state == LINK_ONLINE)
                        judge_probe(link, &event);
                else if (event.is_last) /* there is no link that it would spare */
                        r->changed_us = now_us;
        if (r->changed_us <= now_us && can_take_change(link))
                take_change(link);
        warn_of_expiry(link);
}

uint64_t hub_link_rollover_deadline_us(const HubLink *link) {
        const HubLinkRollover *r = &link->rollover;
        uint64_t wait_us = expiry_wait_us(&r->expiry, realtime_us()), now_us = boottime_us();
        uint64_t deadline_us = MIN(file_watch_deadline_us(r->watch), mqtt_probe_deadline_us(r->probe));

        if (r->changed_us > now_us || can_take_change(link)) /* else the link is what is waited for */
                deadline_us = MIN(deadline_us, r->changed_us);
        return wait_us == UINT64_MAX ? deadline_us : MIN(deadline_us, now_us + wait_us);
}

/* Life ------------------------------------------------------------------------------------------------ */

static int add_fd(int epoll_fd, int fd) {
        struct epoll_event event = { .events = EPOLLIN };

        return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int hub_link_rollover_init(HubLink *link) {
        HubLinkRollover *r = &link->rollover;
        int e;

        r->changed_us = UINT64_MAX;
        r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        e = r->epoll_fd < 0 ? -errno : file_watch_new(&r->watch);
        if (e >= 0)
                e = mqtt_probe_new(&r->probe);
        if (e >= 0)
                e = add_fd(r->epoll_fd, file_watch_get_fd(r->watch));
        if (e >= 0)
                e = add_fd(r->epoll_fd, mqtt_probe_get_fd(r->probe));
        if (e >= 0)
                e = add_fd(r->epoll_fd, mqtt_link_get_fd(link->mqtt));
        return e;
}

void hub_link_rollover_done(HubLink *link) {
        HubLinkRollover *r = &link->rollover;

        r->probe = mqtt_probe_free(r->probe);
        r->watch = file_watch_free(r->watch);
        set_proven_key(r, NULL);
        r->epoll_fd = close_fd(r->epoll_fd);
}
