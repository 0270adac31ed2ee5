/* SPDX-License-Identifier: MIT */

#include "daemon/link-record.h"

#define COPY_TEXT(to, from) ((void) snprintf(to, sizeof(to), "%.*s", (int) sizeof(to) - 1, (from) ?: ""))

/* The transport was used for this, so that how it ended tells something of it. */
static bool is_of_transport(const Diagnosis *d) {
        Layer layer = problem_get_info(d->problem)->layer;

        return d->transport[0] && layer >= LAYER_NAME && layer <= LAYER_SUBSCRIPTION;
}

/* The entry of this transport becomes the first; if there is none it takes the place of the last one. */
static void tried(LinkRecord *r, const LinkTried *entry) {
        size_t i = 0;

        while (i < LINK_TRIED_MAX - 1 && strcmp(r->tried[i].transport, entry->transport) != 0)
                i++;
        memmove(r->tried + 1, r->tried, i * sizeof(r->tried[0]));
        r->tried[0] = *entry;
}

void link_record_failed(LinkRecord *r, const Diagnosis *diagnosis) {
        LinkTried entry = { .boottime_us = diagnosis->boottime_us, .problem = diagnosis->problem };
        bool was_online = r->online_since_us > 0;

        r->last = *diagnosis;
        if (!r->is_failing) {
                r->is_failing = true;
                r->failing_since_us = diagnosis->boottime_us;
                r->n_failed = 0;
        }
        r->online_since_us = 0;
        if (!was_online)
                r->n_failed++;
        if (is_of_transport(diagnosis)) {
                COPY_TEXT(entry.transport, diagnosis->transport);
                COPY_TEXT(entry.address, diagnosis->address);
                tried(r, &entry);
        }
}

void link_record_live(LinkRecord *r, const DiagnosisContext *context) {
        LinkTried entry = { .boottime_us = context->boottime_us, .problem = PROBLEM_NONE };
        const MqttReport *report = context->report;

        r->is_failing = false;
        r->failing_since_us = 0;
        r->n_failed = 0;
        if (r->online_since_us == 0)
                r->online_since_us = context->boottime_us;

        r->connection =
                (LinkConnection){ .boottime_us = context->boottime_us, .is_resumed = report->is_resumed };
        COPY_TEXT(r->connection.transport, context->transport);
        COPY_TEXT(r->connection.proxy, context->proxy);
        COPY_TEXT(r->connection.address, report->address);
        COPY_TEXT(r->connection.tls_version, report->tls_version);
        COPY_TEXT(r->connection.tls_cipher, report->tls_cipher);

        COPY_TEXT(entry.transport, context->transport);
        COPY_TEXT(entry.address, report->address);
        tried(r, &entry);
}

static LinkNotice *find_notice(LinkRecord *r, Problem problem) {
        for (size_t i = 0; i < LINK_NOTICES_MAX; i++)
                if (r->notices[i].problem == problem)
                        return &r->notices[i];
        return NULL;
}

void link_record_notice(LinkRecord *r, const Diagnosis *diagnosis) {
        LinkNotice *notice = find_notice(r, diagnosis->problem) ?: find_notice(r, PROBLEM_NONE);

        if (!notice)
                notice = &r->notices[0];
        *notice = (LinkNotice){ .problem = diagnosis->problem, .boottime_us = diagnosis->boottime_us };
        COPY_TEXT(notice->text, diagnosis->text);
        COPY_TEXT(notice->advice, diagnosis->advice);
}

bool link_record_forget_notice(LinkRecord *r, Problem problem) {
        LinkNotice *notice = find_notice(r, problem);

        if (notice)
                *notice = (LinkNotice){};
        return notice;
}
