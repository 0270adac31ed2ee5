/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Opens what a power cut has left of a state directory with the daemon's own code, and looks whether
 * everything holds that somebody had been told by then.
 *
 * What was told stands in the notes, which power_notes.py makes of the log; each line is about one thing, and
 * its moments are indexes of entries of the log, or - for never:
 *
 *      message LANE N SEQUENCE ACCEPTED DURABLE ACKED     telemetry; LANE is its Priority
 *      c2d N RECEIVED ACKED GIVEN SETTLING SETTLED        a message from the cloud
 *      reported KEY VALUE TOLD                            a call of Report was answered
 *      sent KEY VALUE SENT ACCEPTED                       a patch that the hub was sent, and has accepted
 *      interval SECONDS                                   SyncIntervalSec=, if the daemon has it
 */

#include "util/util.h"

/* What can be wrong. */
typedef enum PowerRule {
        POWER_UNREADABLE,       /* a store that cannot be opened, used, or was set aside */
        POWER_LOST_DURABLE,     /* a message that was durable and not acknowledged by the hub */
        POWER_LOST_ACCEPTED,    /* the same, accepted longer ago than the sync interval */
        POWER_CHANGED,          /* a message that is not what was sent */
        POWER_ORDER,            /* messages out of order, or twice */
        POWER_NUMBER,           /* a sequence that names two messages */
        POWER_LOST_C2D,         /* a message from the cloud that was acknowledged and not settled */
        POWER_SETTLED_AGAIN,    /* one that was settled, though others were stored and acknowledged since */
        POWER_REPEAT_NOT_KNOWN, /* a repeat of a stored message that is taken for a new one */
        POWER_LOST_REPORT,      /* a reported property whose call was answered */
        POWER_REPORT_REGRESSED, /* a property that would be sent again older than the hub has it */
        _POWER_RULE_MAX,
} PowerRule;

extern const char *const power_rule_names[_POWER_RULE_MAX];

typedef struct PowerCheck PowerCheck;

/* 'times_us' are those of the entries. 0, or a negative errno: the notes are no notes. */
int power_check_new(PowerCheck **ret, const char *notes_path, uint64_t outbox_max_bytes,
                    const uint64_t *times_us, uint64_t n_times);
PowerCheck *power_check_free(PowerCheck *c);
DEFINE_CLEANUP(PowerCheck *, power_check_free)

/* The daemon has opened its outbox, and what was accepted before begins to wait anew for its sync. */
void power_check_opened(PowerCheck *c, uint64_t time_us);

/* Of what the entry 'index' of the log has made of the directory; 'what' says so in words. */
void power_check_image(PowerCheck *c, const char *directory, uint64_t index, uint64_t time_us,
                       const char *what);

/*
 * The power has failed there for good and left this image, which is checked, too: what is lost and was not
 * promised is not expected any more.
 */
void power_check_cut(PowerCheck *c, const char *directory, uint64_t index, uint64_t time_us);

/* Prints how often each rule was broken, and what else was seen; returns the number of broken rules. */
unsigned power_check_report(const PowerCheck *c);
