/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The format of the history file, as bytes; no I/O.
 *
 * A header, then HISTORY_RECORDS records of the same size, in no order: what tells it is their sequence. All
 * numbers are little-endian. Every checksum is seeded with the salt that was drawn when the file was made, so
 * that nothing else is ever taken for a record. What happened again is written as a new record with a new
 * sequence at another place, and keeps the first sequence and time: whatever becomes of a write, the old
 * record holds until the new one does. Of those with the same first sequence the last one counts.
 *
 *      header                                  record
 *       0  8  magic "AZIOHIS1"                  0  4  CRC-32C of all behind it, salted
 *       8  4  CRC-32C of all behind it          4  4  count: how often it happened
 *      12  4  bytes of a record                 8  8  sequence
 *      16  4  salt                             16  8  sequence when it happened first
 *      20     zeros                            24  8  boot
 *                                              32  8  CLOCK_BOOTTIME, microseconds, the last time
 *                                              40  8  CLOCK_REALTIME, microseconds, the last time
 *                                              48  8  CLOCK_REALTIME, microseconds, the first time
 *                                              56  1  1: resumed
 *                                              57     seven texts, each with its NUL, then zeros
 */

#include <azure/core/az_span.h>

#include "util/util.h"

#define HISTORY_RECORD_BYTES 512U
#define HISTORY_HEADER_BYTES HISTORY_RECORD_BYTES

/* A month of a device that is online and renews its token each hour folds into far less; 128 KiB on disk. */
#define HISTORY_RECORDS    256U
#define HISTORY_FILE_BYTES (HISTORY_HEADER_BYTES + HISTORY_RECORDS * HISTORY_RECORD_BYTES)

/* The texts of a record. */
typedef enum HistoryText {
        HISTORY_TEXT_EVENT,
        HISTORY_TEXT_PROBLEM,
        HISTORY_TEXT_LAYER,
        HISTORY_TEXT_TRANSPORT,
        HISTORY_TEXT_HOST,
        HISTORY_TEXT_ADDRESS,
        HISTORY_TEXT_REASON, /* for a person; has what room the others leave, 128 bytes at least */
        _HISTORY_TEXT_MAX,
} HistoryText;

/* All texts together, with their NULs. */
#define HISTORY_TEXT_BYTES (HISTORY_RECORD_BYTES - 57U)

typedef struct HistoryRecord {
        uint64_t sequence, first_sequence;
        uint32_t count;
        uint64_t boot, boottime_us, realtime_us, first_realtime_us;
        bool is_resumed;
        const char *texts[_HISTORY_TEXT_MAX]; /* "": none */
} HistoryRecord;

/* Writes HISTORY_HEADER_BYTES. */
void history_header_format(uint8_t *out, uint32_t salt);
/* False: it is not the header of a history that this program can read. */
bool history_header_parse(az_span bytes, uint32_t *ret_salt);
/* Whether it begins with that of a later version of the format. */
bool history_header_is_newer(az_span bytes);

/*
 * Writes HISTORY_RECORD_BYTES. A text that is NULL is empty; one that is too long is cut at a character, and
 * what would move the cursor of a terminal becomes a space.
 */
void history_record_format(const HistoryRecord *record, uint32_t salt, uint8_t *out);
/* False: there is none, or it is damaged. The texts of *ret are in 'bytes'. */
bool history_record_parse(az_span bytes, uint32_t salt, HistoryRecord *ret);
