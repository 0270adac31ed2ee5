/* SPDX-License-Identifier: MIT */

#include "daemon/state-file.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>

#include "daemon/aside.h"
#include "daemon/crc32c.h"
#include "daemon/file.h"

/* "aziotd NAME 1 01234567\n" */
#define HEADER_MAX 64U

struct StateFile {
        DiskJob job; /* first: the job is the file */
        Disk *disk;
        char *directory;
        char name[ASIDE_NAME_MAX - sizeof(".damaged-1")];
        bool is_busy;

        /* Of the write that is under way. */
        char *text;
        int error;
        StateFileDone done;
        void *userdata;
};

static size_t header_format(char header[static HEADER_MAX], const char *name, az_span text) {
        uint32_t crc = crc32c(0, az_span_ptr(text), (size_t) az_span_size(text));

        return (size_t) snprintf(header, HEADER_MAX, "aziotd %s 1 %08x\n", name, crc);
}

bool state_file_parse(az_span bytes, const char *name, az_span *ret) {
        const uint8_t *newline = NULL;
        char header[HEADER_MAX];
        az_span text;
        size_t n;

        if (az_span_size(bytes) > 0)
                newline = memchr(az_span_ptr(bytes), '\n', (size_t) az_span_size(bytes));
        if (!newline)
                return false;

        text = az_span_slice_to_end(bytes, (int32_t) (newline - az_span_ptr(bytes)) + 1);
        n = header_format(header, name, text);
        if (az_span_size(bytes) - az_span_size(text) != (int32_t) n ||
            memcmp(header, az_span_ptr(bytes), n) != 0)
                return false;

        *ret = text;
        return true;
}

/* ---- Writing ---- */

static int replace(const StateFile *f) {
        _cleanup_(close_fdp) int directory_fd = -1;
        char header[HEADER_MAX];
        az_span text;
        size_t n;

        directory_fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory_fd < 0)
                return -errno;
        if (!f->text) {
                if (unlinkat(directory_fd, f->name, 0) < 0 && errno != ENOENT)
                        return -errno;
                return fsync(directory_fd) < 0 ? -errno : 0;
        }

        text = az_span_create_from_str(f->text);
        n = header_format(header, f->name, text);
        return file_replace(directory_fd, f->name, az_span_create((uint8_t *) header, (int32_t) n), text);
}

static void write_run(DiskJob *job) {
        StateFile *f = (StateFile *) job;

        f->error = replace(f);
}

static void write_finish(StateFile *f) {
        free(f->text);
        f->text = NULL;
        f->is_busy = false;
}

static void write_done(DiskJob *job) {
        StateFile *f = (StateFile *) job;

        write_finish(f);
        if (f->done)
                f->done(f->userdata, f->error);
}

void state_file_write(StateFile *f, char *text, StateFileDone done, void *userdata) {
        assert(!f->is_busy);
        f->job = (DiskJob){ .run = write_run, .done = write_done };
        f->is_busy = true;
        f->text = text;
        f->done = done;
        f->userdata = userdata;
        disk_submit(f->disk, &f->job);
}

bool state_file_is_busy(const StateFile *f) {
        return f->is_busy;
}

int state_file_write_now(StateFile *f, char *text) {
        assert(!f->is_busy);
        f->text = text;
        f->error = replace(f);
        write_finish(f);
        return f->error;
}

/* ---- Reading ---- */

int state_file_read(const StateFile *f, char **ret) {
        _cleanup_(freep) char *bytes = NULL;
        char path[PATH_MAX];
        az_span text;
        size_t n;
        int r;

        (void) snprintf(path, sizeof(path), "%s/%s", f->directory, f->name);
        r = file_read(path, STATE_FILE_MAX + HEADER_MAX, &bytes, &n);
        if (r == -ENOENT)
                return STATE_FILE_NONE;
        if (r == -EFBIG || r == -EINVAL)
                return STATE_FILE_DAMAGED;
        if (r < 0)
                return r;
        if (!state_file_parse(az_span_create((uint8_t *) bytes, (int32_t) n), f->name, &text))
                return STATE_FILE_DAMAGED;

        memmove(bytes, az_span_ptr(text), (size_t) az_span_size(text) + 1);
        *ret = TAKE_PTR(bytes);
        return 0;
}

void state_file_set_aside(const StateFile *f, char *ret_where, size_t n_where) {
        _cleanup_(close_fdp) int directory_fd = -1;
        AsideUsed used = 0;

        directory_fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (unsigned i = 1; i <= ASIDE_MAX; i++) {
                char name[ASIDE_NAME_MAX];

                (void) snprintf(name, sizeof(name), "%s.damaged-%u", f->name, i);
                if (faccessat(directory_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                        (void) aside_note_name(&used, name);
        }
        aside_move(directory_fd, &used, f->name, ret_where, n_where);
}

/* ---- Life ---- */

int state_file_new(StateFile **ret, Disk *disk, const char *directory, const char *name) {
        _cleanup_(state_file_freep) StateFile *f = NULL;

        f = malloc(sizeof(*f));
        if (!f)
                return -ENOMEM;
        *f = (StateFile){ .disk = disk, .directory = strdup(directory) };
        if (!f->directory)
                return -ENOMEM;
        assert(strlen(name) < sizeof(f->name));
        (void) snprintf(f->name, sizeof(f->name), "%s", name);

        *ret = TAKE_PTR(f);
        return 0;
}

StateFile *state_file_free(StateFile *f) {
        if (!f)
                return NULL;

        if (f->is_busy) {
                f->done = NULL;
                disk_drain(f->disk);
        }
        free(f->text);
        free(f->directory);
        free(f);
        return NULL;
}
