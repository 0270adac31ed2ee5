/* SPDX-License-Identifier: MIT */

#include "daemon/drop-report.h"

#include <inttypes.h>

#include "daemon/drop-report-file.h"
#include "daemon/state-file.h"
#include "daemon/state-json.h"
#include "daemon/telemetry-message.h"

/* A device that drops messages all the time says so this often. */
#define REPORT_INTERVAL_US (60 * USEC_PER_SEC)

/* After the disk or the outbox has refused. */
#define REPORT_RETRY_US (10 * USEC_PER_SEC)

typedef enum ReportState {
        REPORT_NONE,
        REPORT_COMPOSED, /* is to be written down */
        REPORT_WRITTEN,  /* is to be put into the outbox */
        REPORT_ACCEPTED, /* is in the outbox; when it is synced there, it is to be crossed out */
} ReportState;

struct DropReport {
        Outboxes *outboxes;
        const Log *log;
        StateFile *file;
        DropMemory memory;
        ReportState state;
        uint64_t sequence; /* of the report, when it is ACCEPTED */
        uint64_t now_us;
        uint64_t not_before_us; /* nothing is done before */
        bool is_put_off;        /* and something is to be done */
        bool is_failing;        /* the last write did; it was logged */
};

/* Composing ------------------------------------------------------------------------------------------- */

static bool is_same_counting(const DropCounts *a, const DropCounts *b) {
        return strcmp(a->since, b->since) == 0;
}

/* What was dropped and not reported. After a power cut there may seem to be less than was reported. */
static DropCounts count_news(const DropReport *report, Priority priority) {
        const DropCounts *reported = &report->memory.reported[priority];
        DropCounts news = {};
        OutboxStats stats;

        outbox_get_stats(outboxes_get(report->outboxes, priority), &stats);
        (void) rfc3339_format(news.since, stats.counted_since_us);
        for (OutboxDropCause cause = 0; cause < OUTBOX_DROP_HUB_MAX; cause++) {
                news.n[cause] = (int64_t) stats.n_dropped[cause];
                if (is_same_counting(&news, reported))
                        news.n[cause] = MAX(news.n[cause], reported->n[cause]) - reported->n[cause];
        }
        return news;
}

static int64_t sum_counts(const DropCounts *counts) {
        int64_t sum = 0;

        for (OutboxDropCause cause = 0; cause < OUTBOX_DROP_HUB_MAX; cause++)
                sum += counts->n[cause];
        return sum;
}

static void add_counts(DropCounts *counts, const DropCounts *more) {
        for (OutboxDropCause cause = 0; cause < OUTBOX_DROP_HUB_MAX; cause++)
                counts->n[cause] += more->n[cause];
}

static void write_counts(IpcJson *json, const char *name, const DropCounts *counts) {
        ipc_json_begin(json, name);
        for (OutboxDropCause cause = 0; cause < OUTBOX_DROP_HUB_MAX; cause++)
                if (counts->n[cause] > 0)
                        ipc_json_int(json, outbox_drop_cause_to_string(cause), counts->n[cause]);
        ipc_json_end(json);
}

static void write_body(const DropReport *report, const DropCounts news[static _PRIORITY_MAX],
                       const char *until, IpcJson *json) {
        const char *since =
                report->memory.since[0] != '\0' ? report->memory.since : news[PRIORITY_NORMAL].since;
        DropCounts sums = {};

        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                add_counts(&sums, &news[p]);
        ipc_json_begin(json, NULL);
        write_counts(json, "dropped", &sums);
        if (sum_counts(&news[PRIORITY_HIGH]) > 0)
                write_counts(json, "ofHighPriority", &news[PRIORITY_HIGH]);
        ipc_json_cstring(json, "since", since);
        ipc_json_cstring(json, "until", until);
        ipc_json_end(json);
}

static void note_reported(DropCounts *reported, const DropCounts *news) {
        if (is_same_counting(reported, news))
                add_counts(reported, news);
        else
                *reported = *news;
}

static int compose(DropReport *report, const DropCounts news[static _PRIORITY_MAX], uint64_t realtime) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        char until[RFC3339_SIZE], id[64];
        az_span body;
        int n, r;

        write_body(report, news, rfc3339_format(until, realtime), &json);
        n = snprintf(id, sizeof(id), "%s-dropped-%" PRIu64,
                     outbox_get_id(outboxes_get(report->outboxes, PRIORITY_NORMAL)), realtime);
        r = ipc_json_get(&json, &body);
        if (r >= 0)
                r = drop_memory_set_report(&report->memory, az_span_create((uint8_t *) id, n), body);
        if (r < 0)
                return r;

        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                note_reported(&report->memory.reported[p], &news[p]);
        memcpy(report->memory.since, until, sizeof(until));
        report->state = REPORT_COMPOSED;
        return 0;
}

/* The way of a report --------------------------------------------------------------------------------- */

static void put_off(DropReport *report, uint64_t delay_us) {
        report->not_before_us = report->now_us + delay_us;
        report->is_put_off = true;
}

static void on_written(void *userdata, int error) {
        DropReport *report = userdata;

        if (error < 0) {
                if (!report->is_failing)
                        log_errno(report->log, MSG_STATE_UNWRITTEN, error,
                                  "Failed to write '" DROP_REPORT_FILE "': %m, retrying");
                report->is_failing = true;
                put_off(report, REPORT_RETRY_US);
                return;
        }
        report->is_failing = false;
        if (report->state == REPORT_COMPOSED)
                report->state = REPORT_WRITTEN;
        else {
                report->state = REPORT_NONE;
                report->not_before_us = report->now_us + REPORT_INTERVAL_US;
        }
}

static void write_file(DropReport *report) {
        char *text;
        int r;

        r = drop_memory_format(&report->memory, &text);
        if (r < 0)
                on_written(report, r);
        else
                state_file_write(report->file, text, on_written, report);
}

/* Puts it into the outbox; what is in the file and no message is crossed out without. */
static void accept_report(DropReport *report, const OutboxTime *now) {
        static const IpcMapEntry mark = { AZ_SPAN_LITERAL_FROM_STR("aziotd"),
                                          AZ_SPAN_LITERAL_FROM_STR("dropped") };
        const TelemetryMessage message = {
                .body = az_span_create_from_str(report->memory.body),
                .message_id = az_span_create_from_str(report->memory.message_id),
                .properties = { .items = &mark, .n_items = 1 },
                .ttl_s = TELEMETRY_TTL_MAX_S,
        };
        _cleanup_(freep) uint8_t *memory = malloc(telemetry_message_bound(&message));
        uint8_t *end = memory;
        TelemetryProblem problem;
        OutboxMessage composed = {};
        int r = -ENOMEM;

        report->sequence = 0;
        if (memory)
                r = telemetry_message_compose(&message, &end, &composed, &problem);
        composed.owner = geteuid();
        if (r == 0 && outboxes_append(report->outboxes, PRIORITY_NORMAL, &composed, 1, NULL, now,
                                      &report->sequence) != 0)
                r = -EAGAIN;
        if (r < 0) {
                put_off(report, REPORT_RETRY_US);
                return;
        }
        log_message(report->log, MSG_DROPS_REPORTED,
                    "Reporting to the cloud what was dropped, as message '%s'", report->memory.message_id);
        drop_memory_clear_report(&report->memory);
        report->state = REPORT_ACCEPTED;
}

void drop_report_run_due(DropReport *report, bool is_recovered, const OutboxTime *now) {
        bool waits_for_link = report->state == REPORT_NONE || report->state == REPORT_WRITTEN;
        DropCounts news[_PRIORITY_MAX];
        int64_t n_news = 0;

        report->now_us = now->boottime_us;
        report->is_put_off = false;
        if (state_file_is_busy(report->file) || (waits_for_link && !is_recovered))
                return;
        for (Priority p = 0; p < _PRIORITY_MAX && report->state == REPORT_NONE; p++) {
                news[p] = count_news(report, p);
                n_news += sum_counts(&news[p]);
        }
        if (report->state == REPORT_NONE && n_news == 0)
                return;
        if (now->boottime_us < report->not_before_us) {
                report->is_put_off = true;
                return;
        }

        if (report->state == REPORT_NONE && compose(report, news, now->realtime_us) < 0)
                put_off(report, REPORT_RETRY_US);
        if (report->state == REPORT_COMPOSED)
                write_file(report);
        if (report->state == REPORT_WRITTEN)
                accept_report(report, now);
        if (report->state == REPORT_ACCEPTED &&
            outbox_request_sync(outboxes_get(report->outboxes, PRIORITY_NORMAL), report->sequence) != 0)
                write_file(report);
}

uint64_t drop_report_deadline_us(const DropReport *report) {
        return report->is_put_off ? report->not_before_us : UINT64_MAX;
}

/* Life ------------------------------------------------------------------------------------------------ */

static int read_memory(DropReport *report) {
        _cleanup_(freep) char *text = NULL;
        int r;

        r = state_file_read(report->file, &text);
        if (r == STATE_FILE_NONE)
                return 0;
        if (r == 0 && (r = drop_memory_parse(&report->memory, az_span_create_from_str(text))) > 0)
                r = STATE_FILE_DAMAGED;
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                log_errno(report->log, MSG_STATE_UNREADABLE, r,
                          "Failed to read '" DROP_REPORT_FILE "' in the state directory: %m, ignoring");
        if (r > 0)
                state_file_set_aside(report->file, report->log, r, "what was dropped may be reported again");
        if (report->memory.body)
                report->state = REPORT_WRITTEN;
        return 0;
}

/* A refusal alone writes no cursor: those that were counted and reported before a kill, and whose count it
 * cost, are not counted again. */
static void forget_refusals(DropReport *report) {
        for (Priority p = 0; p < _PRIORITY_MAX; p++) {
                int64_t *reported = &report->memory.reported[p].n[OUTBOX_DROP_REFUSED];
                OutboxStats stats;

                outbox_get_stats(outboxes_get(report->outboxes, p), &stats);
                *reported = MIN(*reported, (int64_t) stats.n_dropped[OUTBOX_DROP_REFUSED]);
        }
}

int drop_report_new(DropReport **ret, Outboxes *outboxes, Disk *disk, const char *state_dir, const Log *log) {
        _cleanup_(drop_report_freep) DropReport *report = NULL;
        int r;

        report = malloc(sizeof(*report));
        if (!report)
                return -ENOMEM;
        *report = (DropReport){ .outboxes = outboxes, .log = log };

        r = state_file_new(&report->file, disk, state_dir, DROP_REPORT_FILE);
        if (r >= 0)
                r = read_memory(report);
        if (r < 0)
                return r;
        forget_refusals(report);

        *ret = TAKE_PTR(report);
        return 0;
}

DropReport *drop_report_free(DropReport *report) {
        if (!report)
                return NULL;

        report->file = state_file_free(report->file);
        drop_memory_done(&report->memory);
        free(report);
        return NULL;
}
