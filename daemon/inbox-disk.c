/* SPDX-License-Identifier: MIT */

/*
 * The jobs. One message is stored at a time, so that they are on disk in the order in which they came.
 */

#include "daemon/inbox-internal.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/file.h"

/* A condition of read_run(): the file is not the message that was written. */
#define READ_DAMAGED 1

/* A file that cannot be read is set aside after a minute, so that it does not hold up the others for ever. */
#define READ_TRIES_MAX 30U

/* Any thread ------------------------------------------------------------------------------------------ */

void inbox_name_file(char ret[static INBOX_NAME_MAX], uint64_t sequence) {
        (void) snprintf(ret, INBOX_NAME_MAX, INBOX_NAME, sequence);
}

int inbox_write_id(int fd, const uint8_t *slot, uint32_t offset) {
        return fd < 0 ? 0 : disk_write_at(fd, slot, INBOX_ID_SLOT_BYTES, offset);
}

int inbox_read_file(int directory_fd, const char *name, uint8_t **ret, size_t *ret_n) {
        _cleanup_(freep) uint8_t *bytes = NULL;
        _cleanup_(close_fdp) int fd = -1;
        struct stat st;
        int r;

        fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;

        *ret = NULL;
        *ret_n = 0;
        if (!S_ISREG(st.st_mode) || st.st_size > (off_t) INBOX_FILE_MAX)
                return 0; /* not ours: no bytes */

        bytes = malloc(MAX((size_t) st.st_size, (size_t) 1));
        if (!bytes)
                return -ENOMEM;
        r = disk_read_at(fd, bytes, (size_t) st.st_size, 0);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(bytes);
        *ret_n = (size_t) st.st_size;
        return 0;
}

void inbox_set_aside(Inbox *inbox, const char *name) {
        char where[160];

        aside_move(inbox->directory_fd, &inbox->aside_used, name, where, sizeof(where));
        inbox->n_damaged++;
        log_message(inbox->log, MSG_INBOX_LOST,
                    "'%s/%s' is damaged: a message from the cloud is lost; the file is %s", inbox->directory,
                    name, where);
}

/* Storing --------------------------------------------------------------------------------------------- */

static void store_run(DiskJob *job) {
        InboxEntry *entry = (InboxEntry *) job;
        const Inbox *inbox = entry->inbox;
        char name[INBOX_NAME_MAX];
        int r;

        inbox_name_file(name, entry->sequence);
        r = file_replace(inbox->directory_fd, name, az_span_create(entry->copy->bytes, (int32_t) entry->size),
                         AZ_SPAN_EMPTY);
        /* The message does not depend on it: at the worst a repeat is not recognized after a restart. */
        if (r >= 0 && entry->is_named)
                (void) inbox_write_id(inbox->ids_fd, entry->id_slot, entry->id_offset);
        entry->result = r;
}

static void store_done(DiskJob *job) {
        InboxEntry *entry = (InboxEntry *) job;
        Inbox *inbox = entry->inbox;

        if (entry->result < 0) {
                entry->state = INBOX_WAITING;
                inbox_storage_failed(inbox, -entry->result, "store a message from the cloud");
        } else {
                inbox->storage_error = 0;
                if (entry->is_named)
                        inbox_ids_add(&inbox->ids, &entry->id, entry->sequence);
                entry->is_owed = entry->copy->n_acks == 0;
                inbox_release_copy(entry);
                TAILQ_REMOVE(&inbox->waiting, entry, link);
                inbox_add_stored(inbox, entry);
        }
        inbox_store_next(inbox);
        inbox_give_next(inbox);
}

/* Numbered only now: after a late start what is in the directory comes first. */
static void entry_seal(InboxEntry *entry) {
        uint8_t *content = entry->copy->bytes + INBOX_FILE_HEADER_BYTES;
        int32_t bag_size = (int32_t) entry->copy->bag_size;
        InboxFile file = {
                .received_us = entry->received_us,
                .expires_us = entry->expires_us,
                .id = entry->id,
                .is_named = entry->is_named,
                .bag = az_span_create(content, bag_size),
                .payload = az_span_create(content + bag_size, (int32_t) entry->size - bag_size -
                                                                      (int32_t) INBOX_FILE_HEADER_BYTES),
        };

        file.sequence = entry->sequence = ++entry->inbox->last_sequence;
        inbox_file_format(&file, entry->copy->bytes);
}

void inbox_store(InboxEntry *entry) {
        Inbox *inbox = entry->inbox;

        assert(entry->state == INBOX_WAITING);

        if (entry->sequence == 0)
                entry_seal(entry);
        entry->state = INBOX_STORING;
        entry->id_offset = inbox_ids_format_next(&inbox->ids, &entry->id, entry->sequence, entry->id_slot);
        entry->job = (DiskJob){ .run = store_run, .done = store_done };
        disk_submit(inbox->disk, &entry->job);
}

/* Reading --------------------------------------------------------------------------------------------- */

/* Survives the daemon, not a power cut: it is only a hint to the program. */
static void mark_given(int directory_fd, const char *name) {
        _cleanup_(close_fdp) int fd = openat(directory_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        const uint8_t given = 1;

        if (fd >= 0)
                (void) disk_write_at(fd, &given, sizeof(given), INBOX_FILE_GIVEN_OFFSET);
}

static void read_run(DiskJob *job) {
        InboxEntry *entry = (InboxEntry *) job;
        int directory_fd = entry->inbox->directory_fd;
        char name[INBOX_NAME_MAX];
        InboxFile file;
        size_t n = 0;

        inbox_name_file(name, entry->sequence);
        entry->result = inbox_read_file(directory_fd, name, &entry->bytes, &n);
        if (entry->result < 0)
                return;
        if (n != entry->size || !inbox_file_parse(&file, az_span_create(entry->bytes, (int32_t) n)) ||
            file.sequence != entry->sequence)
                entry->result = READ_DAMAGED;
        else if (!file.was_given)
                mark_given(directory_fd, name);
}

static void read_failed(InboxEntry *entry) {
        Inbox *inbox = entry->inbox;
        char name[INBOX_NAME_MAX];

        inbox_name_file(name, entry->sequence);
        if (entry->result == READ_DAMAGED || ++entry->n_failures > READ_TRIES_MAX) {
                inbox_set_aside(inbox, name);
                inbox_free_entry(entry);
                return;
        }
        if (entry->n_failures == 1)
                log_errno(inbox->log, MSG_INBOX_DISK, entry->result,
                          "Failed to read '%s/%s': %m, retrying every %u s", inbox->directory, name,
                          (unsigned) (INBOX_RETRY_US / USEC_PER_SEC));
        inbox->read_retry_us = inbox->now.boottime_us + INBOX_RETRY_US;
        inbox_return(entry);
}

static void read_done(DiskJob *job) {
        InboxEntry *entry = (InboxEntry *) job;
        _cleanup_(freep) uint8_t *bytes = TAKE_PTR(entry->bytes);
        Inbox *inbox = entry->inbox;
        InboxFile file;

        if (entry->taker)
                entry->taker->is_promised = false;

        if (entry->result != 0)
                read_failed(entry);
        else if (!entry->taker)
                inbox_return(entry);
        else if (inbox_file_parse(&file, az_span_create(bytes, (int32_t) entry->size)))
                inbox_give(entry, &file);
        inbox_give_next(inbox);
        inbox_store_next(inbox); /* there may be room */
}

void inbox_read(InboxEntry *entry, InboxTaker *taker) {
        assert(entry->state == INBOX_STORED);

        entry->state = INBOX_READING;
        entry->taker = taker;
        taker->is_promised = true;
        entry->job = (DiskJob){ .run = read_run, .done = read_done };
        disk_submit(entry->inbox->disk, &entry->job);
}

/* Removing -------------------------------------------------------------------------------------------- */

static void remove_run(DiskJob *job) {
        InboxEntry *entry = (InboxEntry *) job;
        char name[INBOX_NAME_MAX];

        inbox_name_file(name, entry->sequence);
        entry->result = unlinkat(entry->inbox->directory_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static void remove_done(DiskJob *job) {
        InboxEntry *entry = (InboxEntry *) job;
        void *token = TAKE_PTR(entry->token);
        Inbox *inbox = entry->inbox;
        int error = -entry->result;

        if (error == 0) {
                inbox->storage_error = 0;
                if (entry->taker)
                        entry->taker->n_unsettled--;
                inbox_free_entry(entry);
        } else {
                inbox_storage_failed(inbox, error, "remove a message from the cloud");
                entry->state = INBOX_TAKEN;
                if (!entry->taker)
                        inbox_return(entry);
        }
        if (token)
                inbox->ops->settled(inbox->userdata, token, error);
        inbox_store_next(inbox);
        inbox_give_next(inbox);
}

void inbox_remove(InboxEntry *entry) {
        assert(entry->state == INBOX_STORED || entry->state == INBOX_TAKEN);

        entry->state = INBOX_REMOVING;
        entry->job = (DiskJob){ .run = remove_run, .done = remove_done };
        disk_submit(entry->inbox->disk, &entry->job);
}
