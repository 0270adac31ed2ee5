/* SPDX-License-Identifier: MIT */

/* What inbox_open() finds. Whatever it is, the inbox works afterwards, with what could be read. */

#include "daemon/inbox-internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/file.h"

static int recover_directory(Inbox *inbox) {
        _cleanup_(close_fdp) int fd = -1;
        int r;

        r = file_open_directory(inbox->directory, &fd);
        if (r < 0)
                return r;
        /* The daemon may have been killed before it did: a repeat of what is here is acknowledged at once. */
        if (fsync(fd) < 0 && errno != EROFS)
                return -errno;

        inbox->directory_fd = TAKE_FD(fd);
        return 0;
}

/* Ids ------------------------------------------------------------------------------------------------- */

static void ids_say(const Inbox *inbox, const char *what, const char *where) {
        log_message(inbox->log, MSG_STATE_DAMAGED,
                    "'%s/" INBOX_IDS_NAME "' %s: messages from the cloud may be given out twice; %s",
                    inbox->directory, what, where);
}

static void ids_open(Inbox *inbox) {
        inbox->ids_fd =
                openat(inbox->directory_fd, INBOX_IDS_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (inbox->ids_fd < 0)
                log_errno(inbox->log, MSG_STATE_UNREADABLE, errno,
                          "Failed to open '%s/" INBOX_IDS_NAME "': %m, ignoring", inbox->directory);
}

/* Sets aside what is not whole, and leaves in 'bytes' what is to be written in its place. */
static void ids_check(Inbox *inbox, uint8_t bytes[static INBOX_IDS_BYTES], size_t n) {
        az_span file = az_span_create(bytes, (int32_t) n);
        char where[160];
        int r;

        r = inbox_ids_parse(&inbox->ids, file);
        /* A file that was cut has lost ids, unless it had not got any yet. */
        if (r == 0 && (n == INBOX_IDS_BYTES || inbox->ids.n_added == 0))
                return;

        if (r == INBOX_IDS_NEWER) {
                aside_move_newer(inbox->directory_fd, INBOX_IDS_NAME, where, sizeof(where));
                ids_say(inbox, "was written by a newer aziotd", where);
                inbox->ids_fd = close_fd(inbox->ids_fd);
                ids_open(inbox);
        } else {
                aside_copy(inbox->directory_fd, &inbox->aside_used, INBOX_IDS_NAME, file, where,
                           sizeof(where));
                ids_say(inbox, "is damaged", where);
        }
        if (r != 0)
                memset(bytes, 0, INBOX_IDS_BYTES);
}

/* Without the file everything works, but that repeats are not recognized after the next restart. */
static void recover_ids(Inbox *inbox) {
        uint8_t bytes[INBOX_IDS_BYTES] = {}, before[INBOX_IDS_BYTES];
        ssize_t n;

        ids_open(inbox);
        if (inbox->ids_fd < 0)
                return;
        n = pread(inbox->ids_fd, bytes, sizeof(bytes), 0);
        if (n < 0) {
                log_errno(inbox->log, MSG_STATE_UNREADABLE, errno,
                          "Failed to read '%s/" INBOX_IDS_NAME "': %m, ignoring", inbox->directory);
                inbox->ids_fd = close_fd(inbox->ids_fd);
                return;
        }

        memcpy(before, bytes, sizeof(before));
        ids_check(inbox, bytes, (size_t) n);
        /* All of it, so that a disk that is full later does not matter. */
        if (inbox->ids_fd >= 0 && (n < (ssize_t) sizeof(bytes) || memcmp(before, bytes, sizeof(bytes)) != 0))
                (void) disk_write_at(inbox->ids_fd, bytes, sizeof(bytes), 0);
}

/* The daemon may have been killed between a message and its id. */
static void ids_catch_up(Inbox *inbox, const InboxFile *file) {
        uint8_t slot[INBOX_ID_SLOT_BYTES];
        uint32_t offset;

        if (!file->is_named || file->sequence <= inbox->ids.sequence || inbox_ids_has(&inbox->ids, &file->id))
                return;
        offset = inbox_ids_format_next(&inbox->ids, &file->id, file->sequence, slot);
        (void) inbox_write_id(inbox->ids_fd, slot, offset);
        inbox_ids_add(&inbox->ids, &file->id, file->sequence);
}

/* Messages -------------------------------------------------------------------------------------------- */

static int entry_add(Inbox *inbox, const InboxFile *file) {
        InboxEntry *entry;

        entry = malloc(sizeof(*entry));
        if (!entry)
                return -ENOMEM;

        *entry = (InboxEntry){
                .inbox = inbox,
                .is_named = file->is_named,
                .was_given = file->was_given,
                .sequence = file->sequence,
                .received_us = file->received_us,
                .expires_us = file->expires_us,
                .size = (uint32_t) inbox_file_size(file),
                .id = file->id,
        };
        inbox_add_stored(inbox, entry);
        return 0;
}

static void set_newer_aside(const Inbox *inbox, const char *name) {
        char where[160];

        aside_move_newer(inbox->directory_fd, name, where, sizeof(where));
        log_message(inbox->log, MSG_INBOX_LOST,
                    "'%s/%s' was written by a newer aziotd: nobody gets this message from the cloud; the "
                    "file is %s",
                    inbox->directory, name, where);
}

static int recover_message(Inbox *inbox, const char *name) {
        uint64_t sequence = strtoull(name + strlen(INBOX_PREFIX), NULL, 10);
        _cleanup_(freep) uint8_t *bytes = NULL;
        char expected[INBOX_NAME_MAX];
        InboxFile file;
        size_t n;
        int r;

        inbox_name_file(expected, sequence);
        if (strncmp(name, expected, strlen(expected)) == 0 &&
            strcmp(name + strlen(expected), FILE_NEW_SUFFIX) == 0)
                (void) unlinkat(inbox->directory_fd, name, 0); /* an interrupted write */
        if (strcmp(name, expected) != 0)
                return 0; /* not a name of ours */
        /* What cannot be a number of ours would use up those that follow. */
        if (sequence > INBOX_SEQUENCE_MAX) {
                inbox_set_aside(inbox, name);
                return 0;
        }

        r = inbox_read_file(inbox->directory_fd, name, &bytes, &n);
        if (r == -ENOMEM)
                return r;
        inbox->last_sequence = MAX(inbox->last_sequence, sequence);
        if (r < 0) {
                log_errno(inbox->log, MSG_STATE_UNREADABLE, r,
                          "Failed to read '%s/%s': %m, leaving it for the next start", inbox->directory,
                          name);
                return 0;
        }
        if (inbox_file_is_newer(az_span_create(bytes, (int32_t) n))) {
                set_newer_aside(inbox, name);
                return 0;
        }
        if (!inbox_file_parse(&file, az_span_create(bytes, (int32_t) n)) || file.sequence != sequence) {
                inbox_set_aside(inbox, name);
                return 0;
        }
        ids_catch_up(inbox, &file);
        return entry_add(inbox, &file);
}

static int name_is_message(const struct dirent *entry) {
        return strncmp(entry->d_name, INBOX_PREFIX, strlen(INBOX_PREFIX)) == 0;
}

int inbox_recover(Inbox *inbox) {
        struct dirent **names = NULL;
        int n, r;

        r = recover_directory(inbox);
        if (r < 0)
                return r;
        recover_ids(inbox);
        inbox->last_sequence = inbox->ids.sequence;

        /* The numbers have leading zeros, and versionsort() knows numbers anyway. */
        n = scandirat(inbox->directory_fd, ".", &names, name_is_message, versionsort);
        if (n < 0)
                return -errno;

        for (int i = 0; i < n; i++)
                (void) aside_note_name(&inbox->aside_used, names[i]->d_name);
        for (int i = 0; i < n; i++) {
                if (r >= 0)
                        r = recover_message(inbox, names[i]->d_name);
                free(names[i]);
        }
        free(names);
        return r;
}
