/* SPDX-License-Identifier: MIT */

#include "daemon/state-file.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>

#include "daemon/aside.h"
#include "daemon/crc32c.h"
#include "daemon/file.h"

/* "aziotd NAME 4294967295 01234567\n" */
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

static size_t header_format(char header[static HEADER_MAX], const char *name, unsigned version,
                            az_span text) {
        uint32_t crc = crc32c(version - 1, az_span_ptr(text), (size_t) az_span_size(text));

        return (size_t) snprintf(header, HEADER_MAX, "aziotd %s %u %08x\n", name, version, crc);
}

/* The version that the bytes claim to have; 0: none. */
static unsigned find_version(az_span bytes, const char *name) {
        char prefix[HEADER_MAX];
        size_t n = (size_t) snprintf(prefix, sizeof(prefix), "aziotd %s ", name);
        uint32_t version;
        int32_t end;

        if ((size_t) az_span_size(bytes) <= n || memcmp(az_span_ptr(bytes), prefix, n) != 0)
                return 0;
        bytes = az_span_slice_to_end(bytes, (int32_t) n);
        end = az_span_find(bytes, AZ_SPAN_FROM_STR(" "));
        if (end < 0 || az_result_failed(az_span_atou32(az_span_slice(bytes, 0, end), &version)))
                return 0;
        return version;
}

int state_file_parse(az_span bytes, const char *name, az_span *ret) {
        const uint8_t *newline = NULL;
        char header[HEADER_MAX];
        unsigned version;
        az_span text;
        size_t n;

        if (az_span_size(bytes) > 0)
                newline = memchr(az_span_ptr(bytes), '\n', (size_t) az_span_size(bytes));
        version = newline ? find_version(bytes, name) : 0;
        if (version == 0)
                return STATE_FILE_DAMAGED;

        text = az_span_slice_to_end(bytes, (int32_t) (newline - az_span_ptr(bytes)) + 1);
        n = header_format(header, name, version, text);
        if (az_span_size(bytes) - az_span_size(text) != (int32_t) n ||
            memcmp(header, az_span_ptr(bytes), n) != 0)
                return STATE_FILE_DAMAGED;
        if (version > STATE_FILE_VERSION)
                return STATE_FILE_NEWER;

        *ret = text;
        return 0;
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
        n = header_format(header, f->name, STATE_FILE_VERSION, text);
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
        r = state_file_parse(az_span_create((uint8_t *) bytes, (int32_t) n), f->name, &text);
        if (r != 0)
                return r;

        memmove(bytes, az_span_ptr(text), (size_t) az_span_size(text) + 1);
        *ret = TAKE_PTR(bytes);
        return 0;
}

static void set_aside(const StateFile *f, bool is_newer, char *ret_where, size_t n_where) {
        _cleanup_(close_fdp) int directory_fd = -1;
        AsideUsed used;

        directory_fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (is_newer) {
                aside_move_newer(directory_fd, f->name, ret_where, n_where);
                return;
        }
        used = aside_find_used(directory_fd, f->name);
        aside_move(directory_fd, &used, f->name, ret_where, n_where);
}

void state_file_set_aside(const StateFile *f, const Log *log, int condition, const char *consequence) {
        static const char *const reasons[] = {
                [STATE_FILE_DAMAGED] = "is damaged",
                [STATE_FILE_NEWER] = "was written by a newer aziotd",
                [STATE_FILE_FOREIGN] = "is of another device",
        };
        char where[160];

        assert(condition >= STATE_FILE_DAMAGED && condition <= STATE_FILE_FOREIGN);
        set_aside(f, condition == STATE_FILE_NEWER, where, sizeof(where));
        log_message(log, MSG_STATE_DAMAGED, "'%s/%s' %s%s%s; %s", f->directory, f->name, reasons[condition],
                    consequence ? ": " : "", consequence ?: "", where);
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
