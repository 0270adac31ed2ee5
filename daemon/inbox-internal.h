/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files of the inbox share; nobody else includes it.
 *
 *      inbox.c          life cycle, what comes from the hub, time, what is counted
 *      inbox-disk.c     storing, reading and removing a file: the jobs of the disk thread
 *      inbox-recover.c  what inbox_open() finds in the directory
 *      inbox-take.c     takers: giving and settling
 */

#include <inttypes.h>
#include <sys/queue.h>

#include "daemon/aside.h"
#include "daemon/inbox-file.h"
#include "daemon/inbox.h"

/* Names of files in the directory. */
#define INBOX_PREFIX   "message-"
#define INBOX_NAME     INBOX_PREFIX "%012" PRIu64
#define INBOX_IDS_NAME "ids"
#define INBOX_NAME_MAX 64U

/* Far below what the integers of the IPC end at: the numbers behind it last for ever. */
#define INBOX_SEQUENCE_MAX (UINT64_C(1) << 62)

/* A disk that refused is tried again so often while it is needed. */
#define INBOX_RETRY_US (2 * USEC_PER_SEC)

typedef enum InboxState {
        INBOX_WAITING,  /* in memory alone */
        INBOX_STORING,  /* belongs to the disk thread */
        INBOX_STORED,   /* on disk; nobody has it */
        INBOX_READING,  /* belongs to the disk thread; for 'taker' */
        INBOX_TAKEN,    /* by 'taker' */
        INBOX_REMOVING, /* belongs to the disk thread */
        _INBOX_STATE_MAX,
} InboxState;

/* A message that is not safe yet: its file, and what the hub is to be told once it is. */
typedef struct InboxCopy {
        uint64_t delivered_us; /* last, CLOCK_BOOTTIME */
        MqttAck acks[INBOX_DELIVERIES_MAX];
        unsigned n_acks; /* on this connection */
        uint32_t bag_size;
        uint8_t bytes[]; /* the header is written last */
} InboxCopy;

typedef struct InboxEntry InboxEntry;
struct InboxEntry {
        DiskJob job; /* one at a time: each but the states' own has none under way */
        TAILQ_ENTRY(InboxEntry) link;
        Inbox *inbox;
        InboxState state;
        bool is_named, was_given, is_counted; /* as expired */
        bool is_owed;      /* stored, but its connection was gone: the hub is bound to send it again */
        uint64_t sequence; /* 0: it was not tried to store it */
        uint64_t received_us, expires_us;
        uint32_t size;       /* of the file */
        unsigned n_failures; /* of reading it, one after the other */
        InboxId id;
        InboxCopy *copy;   /* WAITING, STORING */
        InboxTaker *taker; /* READING, TAKEN, REMOVING; NULL: it is gone */
        void *token;       /* REMOVING: whose settled() it is; NULL: nobody's */

        /* The job's. */
        uint8_t *bytes; /* what was read */
        uint8_t id_slot[INBOX_ID_SLOT_BYTES];
        uint32_t id_offset;
        int result;
};

typedef TAILQ_HEAD(InboxEntries, InboxEntry) InboxEntries;

struct InboxTaker {
        TAILQ_ENTRY(InboxTaker) link;
        Inbox *inbox;
        void *userdata;
        bool is_waiting;
        bool is_promised; /* a message is being read for it */
        uint64_t until_us;
        unsigned n_unsettled;
};

struct Inbox {
        InboxConfig config;
        char *directory;
        const InboxOps *ops;
        void *userdata;
        const Log *log;
        Disk *disk;
        int directory_fd; /* -1: it could not be opened */
        int ids_fd;       /* -1: what came last is not remembered over a restart */
        AsideUsed aside_used;

        InboxEntries waiting; /* WAITING and STORING; by sequence, as is the next */
        InboxEntries stored;
        TAILQ_HEAD(InboxTakers, InboxTaker) takers; /* who began to wait first is the first */
        uint64_t n_waiting, n_waiting_bytes, n_stored, n_stored_bytes;
        uint64_t last_sequence;
        InboxIds ids;

        InboxTime now;          /* the last that was passed in */
        uint64_t retry_us;      /* when to try again what the disk refused; 0: it did not */
        uint64_t read_retry_us; /* the same for reading, which only holds up what is given */
        int storage_error;      /* errno; 0: the last try worked */
        uint64_t expiry_us;     /* CLOCK_REALTIME: nothing expires before */
        uint64_t reconnect_us;  /* UINT64_MAX: there is no need */
        bool is_stalled;        /* was logged */
        uint64_t n_repeated, n_expired, n_damaged;
};

/* inbox.c */
void inbox_add_stored(Inbox *inbox, InboxEntry *entry);
void inbox_free_entry(InboxEntry *entry);
void inbox_release_copy(InboxEntry *entry);
void inbox_store_next(Inbox *inbox);
bool inbox_is_expired(const Inbox *inbox, const InboxEntry *entry);
void inbox_note_expiry(Inbox *inbox, const InboxEntry *entry);
/* The disk refused: 'what' is for the log, which hears of it once. */
void inbox_storage_failed(Inbox *inbox, int error, const char *what);

/* inbox-disk.c */
int inbox_write_id(int fd, const uint8_t *slot, uint32_t offset);
int inbox_read_file(int directory_fd, const char *name, uint8_t **ret, size_t *ret_n);
void inbox_name_file(char ret[static INBOX_NAME_MAX], uint64_t sequence);
void inbox_set_aside(Inbox *inbox, const char *name);
void inbox_store(InboxEntry *entry);
void inbox_read(InboxEntry *entry, InboxTaker *taker);
void inbox_remove(InboxEntry *entry);

/* inbox-recover.c */
int inbox_recover(Inbox *inbox);

/* inbox-take.c */
void inbox_give_next(Inbox *inbox);
void inbox_give(InboxEntry *entry, const InboxFile *file);
void inbox_return(InboxEntry *entry);
