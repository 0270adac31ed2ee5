/* SPDX-License-Identifier: MIT */

/* Where the provisioning service sent the device: kept on disk, and used without asking again. */

#include "daemon/hub-link-internal.h"

void hub_link_load_assignment(HubLink *link) {
        _cleanup_(assignment_done) Assignment a = ASSIGNMENT_NULL;
        Provisioning *p = &link->provisioning;
        _cleanup_(freep) char *text = NULL;
        int r;

        if (p->assignment.hub && assignment_is_of(&p->assignment, &p->enrollment.owner))
                return;
        assignment_done(&p->assignment);
        r = state_file_read(p->file, &text);
        if (r == STATE_FILE_NONE)
                return;
        if (r == 0 && (r = assignment_parse(&a, hub_link_span(text))) > 0)
                r = STATE_FILE_DAMAGED;
        if (r > 0) {
                state_file_set_aside(p->file, link->log, r, "asking the provisioning service again");
                return;
        }
        if (r < 0) {
                log_errno(link->log, MSG_STATE_UNREADABLE, r,
                          "Failed to read '" ASSIGNMENT_FILE "': %m, ignoring");
                return;
        }
        if (!assignment_is_of(&a, &p->enrollment.owner)) {
                log_message(link->log, MSG_ASSIGNMENT_FOREIGN,
                            "The hub '%s' was assigned to another id scope, registration id, key or "
                            "certificate than this device has now: asking the provisioning service again",
                            a.hub);
                return;
        }
        p->assignment = a;
        a = ASSIGNMENT_NULL;
}

static void on_kept(void *userdata, int error) {
        HubLink *link = userdata;

        if (error < 0)
                log_errno(link->log, MSG_STATE_UNWRITTEN, error,
                          "Failed to write '" ASSIGNMENT_FILE
                          "': %m; after a restart the provisioning service is asked again");
        if (link->provisioning.is_dirty)
                hub_link_keep_assignment(link);
}

void hub_link_keep_assignment(HubLink *link) {
        Provisioning *p = &link->provisioning;
        char *text;
        int r;

        p->is_dirty = state_file_is_busy(p->file);
        if (p->is_dirty)
                return;
        r = assignment_format(&p->assignment, &text);
        if (r < 0)
                on_kept(link, r);
        else
                state_file_write(p->file, text, on_kept, link);
}

void hub_link_pass_on_assignment(HubLink *link) {
        Provisioning *p = &link->provisioning;
        char *fingerprint;

        if (!p->assignment.hub || assignment_is_of(&p->assignment, &p->enrollment.owner))
                return;
        fingerprint = strdup(p->enrollment.owner.fingerprint);
        if (!fingerprint)
                return; /* the service will be asked */
        free(p->assignment.owner.fingerprint);
        p->assignment.owner.fingerprint = fingerprint;
        hub_link_keep_assignment(link);
}
