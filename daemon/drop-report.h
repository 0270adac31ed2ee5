/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Tells the cloud what it will never get: when the link is up again and all that waited has been sent, one
 * message of telemetry says how many messages were dropped since the last one, by cause
 * (OutboxDropCause, [Outbox] ReportDrops=):
 *
 *      {"dropped":{"expired":12,"refused":3},"ofHighPriority":{"expired":1},"since":"2026-…","until":"2026-…"}
 *
 * with the application property "aziotd" that is "dropped". Each dropped message is in one report. The report
 * is written down, then put into the outbox, then crossed out: after a crash in between it is put there
 * again, with the same bytes and the same message id.
 */

#include "daemon/log.h"
#include "daemon/outboxes.h"

typedef struct DropReport DropReport;

/* Reads what is remembered. All must outlive it. -ENOMEM. */
int drop_report_new(DropReport **ret, Outboxes *outboxes, Disk *disk, const char *state_dir, const Log *log);
/* Lets the disk finish what it has begun. */
DropReport *drop_report_free(DropReport *report);
DEFINE_CLEANUP(DropReport *, drop_report_free)

/*
 * Goes on with what is to be done; call it once a turn. 'is_recovered': the link is up, and nothing waits to
 * be sent for the first time over it. The deadline is UINT64_MAX unless something is put off.
 */
void drop_report_run_due(DropReport *report, bool is_recovered, const OutboxTime *now);
uint64_t drop_report_deadline_us(const DropReport *report);
