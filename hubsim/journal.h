/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The log on disk of what has arrived: one JSON object a line, the oldest first, each with its arrival
 * number. The numbers rise by one and go on after a restart. Nothing is synced: a line survives this program
 * being killed, not a power cut.
 *
 *      {"number":7,"time":"2026-03-01T12:00:00.000000Z","device":"demo",...}
 */

#include "hubsim/buffer.h"

typedef struct Journal Journal;

/*
 * Opens or creates 'path' and cuts off a line that was being written when its writer died. -EBUSY: another
 * process has it open; -EBADMSG: it is no such file.
 */
int journal_open(const char *path, Journal **ret);
Journal *journal_free(Journal *journal);
DEFINE_CLEANUP(Journal *, journal_free)

/* The number that the next line gets that is not written yet. */
uint64_t journal_get_next(const Journal *journal);

/* Adds a line for the next flush. 'members' is a JSON object; its members stand behind the journal's own
 * three. */
int journal_append(Journal *journal, uint64_t realtime_us, const char *device, az_span members);

/* Writes what was added. On failure all of it is forgotten and its numbers are free again. */
int journal_flush(Journal *journal);

/*
 * Appends to 'out' the lines from number 'since' on, those of 'device' alone if it is not NULL, separated by
 * commas, until it holds 'max' bytes, but one line at least. '*ret_next' is where to go on:
 * journal_get_next() at the end.
 */
int journal_read(Journal *journal, uint64_t since, const char *device, size_t max, IpcBuffer *out,
                 uint64_t *ret_next);
