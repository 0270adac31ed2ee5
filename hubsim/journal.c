/* SPDX-License-Identifier: MIT */

#include "hubsim/journal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "hubsim/files.h"
#include "hubsim/timestamp.h"

#define LINE_START "{\"number\":"

struct Journal {
        int fd;
        size_t size;           /* of the file: always whole lines */
        uint64_t next;         /* number of the next line */
        uint64_t next_on_disk; /* the same without the lines in 'pending' */
        IpcBuffer pending;
};

/* The file as bytes, for as long as one function runs. */
typedef struct View {
        const char *text;
        size_t size;
} View;

static void view_done(View *view) {
        if (view->size > 0)
                (void) munmap((void *) view->text, view->size);
}

static int view_init(View *view, int fd, size_t size) {
        void *p;

        *view = (View){};
        if (size == 0)
                return 0;

        p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return -errno;

        *view = (View){ .text = p, .size = size };
        return 0;
}

/* Where the line begins that the byte before 'end' belongs to. */
static size_t line_start(const View *view, size_t end) {
        const char *newline = end > 1 ? memrchr(view->text, '\n', end - 1) : NULL;

        return newline ? (size_t) (newline - view->text) + 1 : 0;
}

static size_t line_end(const View *view, size_t start) {
        const char *newline = memchr(view->text + start, '\n', view->size - start);

        return newline ? (size_t) (newline - view->text) + 1 : view->size;
}

static bool line_parse_number(const View *view, size_t start, uint64_t *ret) {
        const char *p = view->text + start, *end = view->text + view->size;
        uint64_t number = 0;

        if ((size_t) (end - p) <= strlen(LINE_START) || memcmp(p, LINE_START, strlen(LINE_START)) != 0)
                return false;
        for (p += strlen(LINE_START); p < end && *p >= '0' && *p <= '9'; p++)
                number = number * 10 + (uint64_t) (*p - '0');

        *ret = number;
        return number > 0;
}

/* Sets 'next' from the last line, after cutting off one that has no end. */
static int journal_recover(Journal *journal) {
        _cleanup_(view_done) View view = {};
        struct stat st;
        size_t end;
        int r;

        if (fstat(journal->fd, &st) < 0)
                return -errno;
        r = view_init(&view, journal->fd, (size_t) st.st_size);
        if (r < 0)
                return r;

        end = view.size;
        if (end > 0 && view.text[end - 1] != '\n') {
                end = line_start(&view, end);
                if (ftruncate(journal->fd, (off_t) end) < 0)
                        return -errno;
        }
        journal->size = end;
        if (end > 0 && !line_parse_number(&view, line_start(&view, end), &journal->next))
                return -EBADMSG;
        journal->next++;
        journal->next_on_disk = journal->next;
        return 0;
}

Journal *journal_free(Journal *journal) {
        if (!journal)
                return NULL;

        close_fd(journal->fd);
        ipc_buffer_done(&journal->pending);
        free(journal);
        return NULL;
}

int journal_open(const char *path, Journal **ret) {
        _cleanup_(journal_freep) Journal *journal = NULL;
        int r;

        journal = malloc(sizeof(*journal));
        if (!journal)
                return -ENOMEM;
        *journal = (Journal){ .fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644) };
        if (journal->fd < 0)
                return -errno;
        if (flock(journal->fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;

        r = journal_recover(journal);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(journal);
        return 0;
}

uint64_t journal_get_next(const Journal *journal) {
        return journal->next_on_disk;
}

static int append_start(IpcBuffer *out, uint64_t number, uint64_t realtime_us, const char *device) {
        char time[TIMESTAMP_SIZE];

        timestamp_format(realtime_us, 6, time);
        return buffer_printf(out, LINE_START "%" PRIu64 ",\"time\":\"%s\",\"device\":\"%s\",", number, time,
                             device);
}

int journal_append(Journal *journal, uint64_t realtime_us, const char *device, az_span members) {
        int r;

        r = append_start(&journal->pending, journal->next, realtime_us, device);
        if (r < 0)
                return r;
        r = buffer_append_span(&journal->pending, az_span_slice_to_end(members, 1));
        if (r < 0)
                return r;
        r = buffer_append(&journal->pending, "\n", 1);
        if (r < 0)
                return r;

        journal->next++;
        return 0;
}

int journal_flush(Journal *journal) {
        size_t n = ipc_buffer_size(&journal->pending);
        int r;

        if (n == 0)
                return 0;

        r = file_write_all(journal->fd, az_span_ptr(buffer_span(&journal->pending)), n);
        ipc_buffer_consume(&journal->pending, n);
        if (r < 0) {
                if (ftruncate(journal->fd, (off_t) journal->size) < 0)
                        r = -errno;
                journal->next = journal->next_on_disk;
                return r;
        }

        journal->size += n;
        journal->next_on_disk = journal->next;
        return 0;
}

/* Lines are in the order of their numbers: finds where the first one with 'number' or above begins. */
static size_t find_line(const View *view, uint64_t number) {
        size_t low = 0, high = view->size;

        while (low < high) {
                size_t start = line_start(view, low + (high - low) / 2 + 1);
                uint64_t found;

                if (line_parse_number(view, start, &found) && found < number)
                        low = line_end(view, start);
                else
                        high = start;
        }
        return low;
}

static bool line_is_of(const char *line, size_t n, const char *device) {
        char member[256];
        int k = snprintf(member, sizeof(member), ",\"device\":\"%s\",", device);

        /* The members in front of it are ours and short. */
        return memmem(line, MIN(n, sizeof(member)), member, (size_t) k) != NULL;
}

int journal_read(Journal *journal, uint64_t since, const char *device, size_t max, IpcBuffer *out,
                 uint64_t *ret_next) {
        _cleanup_(view_done) View view = {};
        uint64_t next = journal->next_on_disk;
        size_t start;
        int r;

        r = view_init(&view, journal->fd, journal->size);
        if (r < 0)
                return r;

        start = find_line(&view, since);
        while (start < view.size) {
                size_t n = line_end(&view, start) - start - 1;

                if (!device || line_is_of(view.text + start, n, device)) {
                        if (ipc_buffer_size(out) > 0 && ipc_buffer_size(out) + n > max) {
                                (void) line_parse_number(&view, start, &next);
                                break;
                        }
                        if (ipc_buffer_size(out) > 0) {
                                r = buffer_append(out, ",", 1);
                                if (r < 0)
                                        return r;
                        }
                        r = buffer_append(out, view.text + start, n);
                        if (r < 0)
                                return r;
                }
                start += n + 1;
        }

        *ret_next = next;
        return 0;
}
