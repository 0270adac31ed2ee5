/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files of the outbox share; nobody else includes it.
 *
 *      outbox.c          life cycle, events, deadlines, what is counted
 *      outbox-append.c   appending, and the cache of what was appended last
 *      outbox-log.c      the segments in use: looking up, dropping, giving back
 *      outbox-prepare.c  making the next segment ready
 *      outbox-sync.c     making messages durable
 *      outbox-read.c     handing out, acknowledging, reading a backlog ahead
 *      outbox-recover.c  what outbox_open() finds in the directory
 *
 * Where the messages are, by sequence:
 *
 *      head                 read_sequence                  next_sequence
 *       |   handed out: window   |     not handed out yet      |
 *       +------------------------+------------+----------------+
 *                                       cache.after: the rest is in memory too
 */

#include <inttypes.h>

#include "daemon/outbox-cursor.h"
#include "daemon/outbox-owners.h"
#include "daemon/outbox-window.h"
#include "daemon/outbox.h"
#include "daemon/segment.h"

/* Names of files in the directory. */
#define SEGMENT_PREFIX     "segment-"
#define SEGMENT_NAME       SEGMENT_PREFIX "%04u"
#define SEGMENT_NUMBERS    10000U
#define SEGMENT_NEW_SUFFIX ".new"
#define CURSOR_NAME        "cursor"
#define OUTBOX_NAME_MAX    64U

/* Segments have a file descriptor each; max_bytes may be this many times 16 MiB: 4 GiB. */
#define OUTBOX_SEGMENTS_MAX 256U

/* What was appended last is sent from memory: seconds of a busy device, not a second copy of the log. */
#define CACHE_BYTES_MAX (1024U * 1024U)

/* How much of a backlog is read at a time; the largest record fits. */
#define CHUNK_BYTES (384U * 1024U)

/* Small segments waste their ends and a spare one; this one holds the largest message three times. */
#define SEGMENT_BYTES_DEFAULT_MIN (UINT64_C(1024) * 1024)

/* The age of the cursor on disk bounds the duplicates after a crash; each write wears the flash. */
#define CURSOR_INTERVAL_US USEC_PER_SEC
/* The first one after a start, so that who is killed again and again gets on all the same. */
#define CURSOR_FIRST_US (100 * USEC_PER_MSEC)

/* A disk that refused is tried again so often while it is needed. */
#define STORAGE_RETRY_US (2 * USEC_PER_SEC)

/* After a minute of tries what cannot be read is dropped, so that it does not hold up the rest for ever. */
#define READ_TRIES_MAX 30U

/*
 * The gap after a reboot. A power cut may have lost the newest messages although the hub had them; their
 * sequences must not name other messages. No disk takes this many in the half minute before data is written
 * back.
 */
#define SEQUENCE_GAP (UINT64_C(1) << 24)

typedef enum SegmentState {
        SEGMENT_ABSENT,    /* has no file yet */
        SEGMENT_FREE,      /* has a file with nothing in it that is needed */
        SEGMENT_UNUSABLE,  /* has a file that the disk does not give: left alone until the next start */
        SEGMENT_PREPARING, /* belongs to the prepare job */
        SEGMENT_READY,     /* is the next to be active */
        SEGMENT_ACTIVE,    /* is appended to: the last of the log */
        SEGMENT_SEALED,    /* is an earlier one of the log, or the last one after a failed sync */
} SegmentState;

typedef struct OutboxSegment {
        SegmentState state;
        unsigned number; /* of the file name */
        int fd;
        uint32_t tail; /* offset behind the last record */
        SegmentHeader header;
        uint64_t last_sequence; /* 0: has no record */
        uint64_t n_live;        /* messages that are neither acknowledged nor dropped */
        uint64_t live_bytes;
        OwnerUses owners;    /* of those messages */
        uint64_t freed_head; /* of a free one: the cursor on disk has to be here before it is used again */
        uint64_t expires_boottime_us; /* when the last record of this boot expires; UINT64_MAX: never */
        uint64_t expires_realtime_us; /* the same for records of earlier boots */
        bool is_damaged;              /* found by recovery; not appended to */
        bool is_unreadable;           /* so too, but it may become readable: nothing is written over it */
        uint64_t unsynced_first, unsynced_last; /* the sequences whose sync failed; last 0: none */
} OutboxSegment;

/* One batch as it was written. */
typedef struct CacheBlock CacheBlock;
struct CacheBlock {
        CacheBlock *next;
        uint64_t last_sequence;
        size_t n_bytes;
        uint8_t bytes[];
};

typedef struct OutboxCache {
        CacheBlock *first, *last;
        size_t n_bytes;
        uint64_t after; /* every record above this sequence is here */
} OutboxCache;

typedef struct OutboxReader {
        uint64_t read_sequence; /* the last one handed out or passed over */
        uint64_t realtime_us;   /* of that one or of the next: what the stats call the oldest */
        CacheBlock *block;      /* where in the cache; NULL: look from its start */
        size_t block_offset;
        uint32_t position;   /* in the chunk that the read job left */
        bool is_stale;       /* the chunk that is being read begins too late */
        bool is_waiting;     /* for another try of a read that failed */
        unsigned n_failures; /* of the chunk, one after the other */
} OutboxReader;

typedef struct PrepareJob {
        DiskJob job;
        Outbox *outbox;
        OutboxSegment *segment; /* NULL: not under way */
        int directory_fd;
        unsigned number;
        int fd;
        bool is_new; /* the file is to be created */
        bool waits_for_cursor;
        SegmentHeader header;
        int result;
        int error; /* of the last job; 0: it worked */
} PrepareJob;

typedef struct SyncJob {
        DiskJob job;
        Outbox *outbox;
        bool is_busy;
        int fd;
        uint64_t last_sequence;
        int error;
        uint64_t took_us;
} SyncJob;

typedef struct ReadJob {
        DiskJob job;
        Outbox *outbox;
        bool is_busy;
        OutboxSegment *segment;
        int fd;
        uint64_t generation; /* of the segment; 0: what the buffer holds is of no use */
        uint32_t offset;     /* in the segment */
        uint32_t n_bytes;
        uint8_t *buffer; /* CHUNK_BYTES; the reader's while the job is not busy */
        int error;
} ReadJob;

typedef struct CursorJob {
        DiskJob job;
        Outbox *outbox;
        bool is_busy;
        int directory_fd;
        int fd;
        uint32_t offset;
        uint8_t slot[CURSOR_SLOT_BYTES];
        uint64_t lowest; /* what the slot says */
        bool syncs;
        int result;
        int error; /* of the last job; 0: it worked */
} CursorJob;

typedef struct OutboxEvents {
        OutboxEvent *items;
        size_t first, n, n_allocated;
} OutboxEvents;

struct Outbox {
        OutboxConfig config;
        char *directory;
        Disk *disk;
        int directory_fd;
        uint32_t id;
        char id_text[9];

        OutboxSegment *segments;
        size_t n_segments;
        size_t n_segments_max; /* what max_bytes allows; after it was lowered there may be more */
        OutboxSegment **log;   /* those that are active or sealed, the oldest first */
        size_t n_log;
        OutboxSegment *ready;
        uint64_t generation; /* of the segment prepared last */

        uint64_t head;
        uint64_t last_sequence; /* of the last message appended */
        uint64_t next_sequence;
        uint64_t synced_sequence; /* up to here every sync has been answered */
        uint64_t wanted_sequence; /* up to here one is under way, or will be */
        uint64_t sync_due_us;     /* when what is behind that is to be synced */
        OutboxWindow window;
        OutboxReader reader;
        OutboxCache cache;
        uint64_t n_doomed; /* so many messages that were not handed out will be dropped instead */

        PrepareJob prepare;
        SyncJob sync;
        ReadJob read;
        CursorJob cursor;
        uint64_t cursor_generation;
        uint64_t cursor_synced_lowest; /* a cursor that says so would survive a power cut */
        bool cursor_is_dirty;

        OutboxTime now; /* the last that was passed in */
        uint64_t cursor_due_us;
        uint64_t retry_us; /* when to try again what failed; UINT64_MAX: nothing did */
        bool was_refused;  /* outbox_append() was, and event SPACE is due when it works again */
        int storage_errno;
        int append_error; /* of the last write of messages; 0: it worked */
        OutboxEvents events;
        OutboxTraffic traffic;
        uint64_t n_dropped[_OUTBOX_DROP_CAUSE_MAX]; /* those that are doomed among them */
        uint64_t counted_since_us;
};

/* outbox.c */
void outbox_sync_cursor(Outbox *o);
void outbox_add_event(Outbox *o, const OutboxEvent *event);
void outbox_add_dropped(Outbox *o, uint64_t first, uint64_t last, OutboxDropCause cause);
void outbox_add_space(Outbox *o);
void outbox_add_error(Outbox *o, int error, const char *text);
void outbox_add_damaged(Outbox *o, const char *format, ...) _printf_(2, 3);

/* outbox-append.c */
void cache_remove_first(Outbox *o);
void cache_trim(Outbox *o);

/* outbox-log.c */
OutboxSegment *outbox_active(const Outbox *o);
OutboxSegment *outbox_find_segment(const Outbox *o, uint64_t sequence);
uint64_t outbox_count_live(const Outbox *o);
void segment_free(OutboxSegment *segment, uint64_t head);
int segment_reserve(OutboxSegment *segment, uint32_t owner);
void segment_count(OutboxSegment *segment, uint32_t owner, uint64_t n_bytes); /* after segment_reserve() */
void segment_forget(OutboxSegment *segment, const WindowEntry *entry);
void segment_forget_unseen(OutboxSegment *segment, uint64_t n);
void segment_forget_all(OutboxSegment *segment);
void segment_note_expiry(OutboxSegment *segment, const SegmentRecord *record, uint64_t boot);
bool record_is_expired(const SegmentRecord *record, const OutboxTime *now);
/* As of OutboxRecord. */
uint64_t record_age_us(const SegmentRecord *record, const OutboxTime *now);
/* Free segments that there is no room for, or of another size: they go once the cursor is synced. */
bool outbox_has_surplus(const Outbox *o);
void outbox_delete_surplus(Outbox *o);
void outbox_release(Outbox *o);
void outbox_drop_segment(Outbox *o, const OutboxSegment *segment, OutboxDropCause cause);
void outbox_drop_expired_segments(Outbox *o);
void outbox_doom(Outbox *o, uint64_t n);

/* outbox-prepare.c */
void outbox_prepare(Outbox *o);
void outbox_prepare_now(Outbox *o);

/* outbox-sync.c */
void outbox_sync(Outbox *o);
void outbox_begin_interval(Outbox *o); /* before something is added that is not synced */
uint64_t outbox_sync_deadline_us(const Outbox *o);
void outbox_sync_due(Outbox *o);
void outbox_add_synced(Outbox *o, uint64_t last);

/* outbox-read.c */
void outbox_advance(Outbox *o);
void outbox_retry_read(Outbox *o);

/* outbox-recover.c */
void outbox_fill_table(Outbox *o); /* with absent segments, as many as there may be */
int outbox_recover(Outbox *o);
