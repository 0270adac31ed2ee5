/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The format of a segment file of the outbox, as bytes; no I/O.
 *
 * A segment is a header, alone in its first 4 KiB because it is what everything else depends on, and records,
 * each 8-aligned. All numbers are little-endian. Every checksum is seeded with the salt that was drawn when
 * the segment was prepared: what an earlier use left behind, and what a message's author wrote into the
 * message, is never taken for a record.
 *
 *      header                                  record
 *       0  8  magic "AZIOSEG2"                  0  4  CRC-32C of the bytes 4..63, salted
 *       8  4  CRC-32C of the bytes 12..47,      4  4  CRC-32C of properties and body, salted
 *             seeded with the version           8  4  bytes of the body
 *      12  4  outbox id                        12  2  bytes of the properties
 *      16  8  salt                             14  1  flags
 *      24  8  generation                       15  1  the caller's flags
 *      32  8  first sequence                   16  8  sequence
 *      40  8  bytes of the file                24  4  boot
 *                                              28  4  distance to the one appended before, 0: not known
 *                                              32  8  CLOCK_BOOTTIME, microseconds
 *                                              40  8  CLOCK_REALTIME, microseconds
 *                                              48  4  seconds to live, 0: for ever
 *                                              52  4  position in its batch, from 0
 *                                              56  4  whose message it is: a uid, or SEGMENT_NO_OWNER
 *                                              60  4  zero
 *                                              64     properties, body, zeros up to a multiple of 8
 *
 * The distance tells a sequence that was never used from a message that is missing. The records of a batch
 * have consecutive sequences and lie in one segment.
 *
 * A filler is a header alone, without content or content checksum. It takes the place of bytes that recovery
 * found damaged, or, at the end of the header's block, stands for messages that were in an earlier segment.
 * Its sequence is the last one that is known to be lost, so that each loss is found once.
 *
 * Version 1 ("AZIOSEG1", seed 0) has no owner: its records are 8 bytes shorter. It is read, and written only
 * where a segment of version 1 is mended.
 */

#include <azure/core/az_span.h>

#include "util/util.h"

#define SEGMENT_HEADER_BYTES 4096U
#define SEGMENT_RECORD_BYTES 64U /* before the content; no version has more */
#define SEGMENT_RECORD_ALIGN 8U

/* The version of new segments. */
#define SEGMENT_VERSION 2U

#define SEGMENT_NO_OWNER UINT32_MAX

/* Offsets are kept in 32 bits, and recovery reads a segment as a whole. */
#define SEGMENT_BYTES_MAX (16U * 1024U * 1024U)

/* What fits into the integers of the IPC; a higher one is not ours. */
#define SEGMENT_SEQUENCE_MAX ((uint64_t) INT64_MAX)

/* Flags of a record. */
#define SEGMENT_MORE   0x01U /* the next record belongs to the same batch */
#define SEGMENT_FILLER 0x02U

typedef struct SegmentHeader {
        unsigned version; /* from 1 to SEGMENT_VERSION */
        uint32_t outbox_id;
        uint64_t salt;
        uint64_t generation;     /* rises with each use of a segment: the order of the log */
        uint64_t first_sequence; /* no record of the segment has a lower one, and all earlier uses' have */
        uint64_t n_bytes;
} SegmentHeader;

/* How long a record of a version is before its content. */
uint32_t segment_record_bytes(unsigned version);

/* Where a filler may be, or else zeros; records begin behind the header's block. */
uint32_t segment_first_offset(unsigned version);

/* Writes SEGMENT_HEADER_BYTES. */
void segment_header_format(const SegmentHeader *h, uint8_t *out);

/* 'bytes' begins a file. Returns false if it does not begin with a header of ours, whole and unchanged. */
bool segment_header_parse(SegmentHeader *ret, az_span bytes);
/* Whether it begins with that of a later version of the format. */
bool segment_header_is_newer(az_span bytes);

typedef struct SegmentRecord {
        uint64_t sequence;
        uint32_t boot;
        uint64_t previous; /* the sequence appended before it; 0: not known */
        uint64_t boottime_us;
        uint64_t realtime_us;
        uint32_t ttl_s;
        uint32_t batch_index;
        uint32_t owner;
        uint8_t flags;
        uint8_t user_flags;
        az_span properties; /* at most 65,535 bytes */
        az_span body;
} SegmentRecord;

/* What a record with so many bytes of content occupies. */
size_t segment_record_size(unsigned version, size_t n_properties, size_t n_body);

/* Writes segment_record_size() bytes for the segment that has this header. */
void segment_record_format(const SegmentRecord *r, const SegmentHeader *h, uint8_t *out);

/* Writes a filler, segment_record_bytes(), for 'n' bytes of which they are the first. */
void segment_filler_format(uint64_t lost_sequence, uint32_t n, const SegmentHeader *h, uint8_t *out);

typedef enum SegmentRecordState {
        SEGMENT_RECORD_WHOLE,       /* *ret and *ret_size are filled in */
        SEGMENT_RECORD_SHORT,       /* *ret_size bytes are needed to tell */
        SEGMENT_RECORD_BAD_CONTENT, /* the header is whole, *ret_size may be trusted, the content is not */
        SEGMENT_RECORD_NONE,        /* no record begins here */
} SegmentRecordState;

/*
 * Looks for a record of the segment at the start of 'bytes'. The spans of *ret point into it.
 * A sequence below 'lowest_sequence' (unless it is a filler's) or above SEGMENT_SEQUENCE_MAX, or a size that
 * no segment has room for, is no record.
 */
SegmentRecordState segment_record_parse(SegmentRecord *ret, size_t *ret_size, az_span bytes,
                                        const SegmentHeader *h, uint64_t lowest_sequence);

/* The same for bytes that segment_record_format() wrote in this process: nothing is checked. Returns the
 * size. */
size_t segment_record_view(SegmentRecord *ret, const uint8_t *bytes, unsigned version);

typedef enum SegmentItemType {
        SEGMENT_ITEM_RECORD, /* a record of a whole batch */
        SEGMENT_ITEM_FILLER, /* all up to its sequence is known to be lost, if it was not seen */
        SEGMENT_ITEM_BAD,    /* bytes that hold nothing whole, though a whole batch follows: damaged */
        SEGMENT_ITEM_END,    /* nothing whole from here on: the tail */
} SegmentItemType;

typedef struct SegmentItem {
        SegmentItemType type;
        uint32_t offset, size; /* in the segment; END has no size */
        SegmentRecord record;
} SegmentItem;

/* Goes through the records of a segment that is in memory as a whole. Members are segment_scan_next()'s own.
 */
typedef struct SegmentScan {
        az_span bytes;
        SegmentHeader header;
        uint64_t lowest_sequence; /* the next record has at least this one */
        uint32_t offset;
        uint32_t batch_end; /* up to here everything has been checked */
} SegmentScan;

/* Begins at the start. 'bytes' is the file, 'h' its header. */
void segment_scan_init(SegmentScan *s, const SegmentHeader *h, az_span bytes);

/* Finds the next item. END comes last, and again if asked again. */
SegmentItem segment_scan_next(SegmentScan *s);
