/* SPDX-License-Identifier: MIT */

/* What went wrong is told in one place: to the session that has to go on, to the log, and to who asks. */

#include "daemon/hub-link-internal.h"

#include <inttypes.h>

DiagnosisContext hub_link_context(const HubLink *link) {
        return (DiagnosisContext){
                .service = CLOUD_HUB,
                .host = link->credential.host,
                .port = link->port,
                .transport = "mqtt",
                .report = &link->report,
                .is_accepted = link->is_accepted,
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

void hub_link_record(HubLink *link, const Diagnosis *diagnosis, uint64_t delay_us) {
        bool was_online = link->state == HUB_LINK_ONLINE || link->state == HUB_LINK_RENEWING;
        /* What is waited for, such as the time, is not told each time that it is looked for. */
        bool is_known = link->state == HUB_LINK_WAITING && diagnosis->problem == link->last.problem;
        char word[64];

        link->last = *diagnosis;
        if (is_known)
                return;
        (void) snprintf(word, sizeof(word), "AZIOT_PROBLEM=%s", problem_to_string(diagnosis->problem));
        (void) log_full(link->log, was_online ? LOG_NOTICE : LOG_WARNING, 0,
                        FIELDS("MESSAGE_ID=" MSG_LINK_DOWN, link->hub_field, word), "%s, retrying in %.1f s",
                        diagnosis->text, (double) delay_us / USEC_PER_SEC);
}
