/* SPDX-License-Identifier: MIT */

#include "daemon/dead-letter.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/stat.h>

#include "daemon/state-file.h"
#include "ipc/json.h"
#include "ipc/rfc3339.h"

/* Behind them stands the sequence. */
static const char *const prefixes[_PRIORITY_MAX] = {
        [PRIORITY_NORMAL] = "message-",
        [PRIORITY_HIGH] = "message-high-",
};

/* The longest of them, 20 digits and the end. */
#define NAME_MAX_BYTES 40U

struct DeadLetters {
        Disk *disk;
        char *directory;
        StateFile *file; /* the last that was written */
        char path[PATH_MAX];
        DeadLetterDone done;
        void *userdata;
};

int dead_letters_new(DeadLetters **ret, Disk *disk, const char *state_dir) {
        _cleanup_(dead_letters_freep) DeadLetters *d = NULL;

        d = malloc(sizeof(*d));
        if (!d)
                return -ENOMEM;
        *d = (DeadLetters){ .disk = disk };

        if (asprintf(&d->directory, "%s/dead-letters", state_dir) < 0) {
                d->directory = NULL;
                return -ENOMEM;
        }
        *ret = TAKE_PTR(d);
        return 0;
}

DeadLetters *dead_letters_free(DeadLetters *d) {
        if (!d)
                return NULL;

        d->file = state_file_free(d->file);
        free(d->directory);
        free(d);
        return NULL;
}

/* Counts the letters of one priority, and finds the oldest. */
static unsigned count(DIR *directory, const char *prefix, uint64_t *ret_oldest) {
        int32_t n_prefix = (int32_t) strlen(prefix);
        unsigned n = 0;

        *ret_oldest = UINT64_MAX;
        rewinddir(directory);
        for (struct dirent *e; (e = readdir(directory));) {
                az_span name = az_span_create_from_str(e->d_name);
                uint64_t sequence;

                if (strncmp(e->d_name, prefix, (size_t) n_prefix) != 0 ||
                    az_result_failed(az_span_atou64(az_span_slice_to_end(name, n_prefix), &sequence)))
                        continue;
                *ret_oldest = MIN(*ret_oldest, sequence);
                n++;
        }
        return n;
}

static int make_room(const DeadLetters *d, const char *prefix) {
        char name[NAME_MAX_BYTES];
        uint64_t oldest;
        DIR *directory;

        if (mkdir(d->directory, 0700) < 0 && errno != EEXIST)
                return -errno;
        directory = opendir(d->directory);
        if (!directory)
                return -errno;

        while (count(directory, prefix, &oldest) >= DEAD_LETTERS_MAX) {
                (void) snprintf(name, sizeof(name), "%s%" PRIu64, prefix, oldest);
                if (unlinkat(dirfd(directory), name, 0) < 0)
                        break; /* one too many is better than one lost */
        }
        (void) closedir(directory);
        return 0;
}

static int compose(const DeadLetter *letter, char **ret) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        char time[RFC3339_SIZE];
        az_span text;
        int r;

        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "sequence", (int64_t) letter->sequence);
        ipc_json_cstring(&json, "priority", priority_names[letter->priority]);
        ipc_json_cstring(&json, "accepted", rfc3339_format(time, letter->accepted_us));
        ipc_json_cstring(&json, "setAside", rfc3339_format(time, realtime_us()));
        ipc_json_string(&json, "properties", letter->properties);
        ipc_json_base64(&json, "data", letter->body);
        ipc_json_end(&json);

        r = ipc_json_get(&json, &text);
        if (r < 0)
                return r;
        *ret = strndup((const char *) az_span_ptr(text), (size_t) az_span_size(text));
        return *ret ? 0 : -ENOMEM;
}

static void on_written(void *userdata, int error) {
        DeadLetters *d = userdata;

        d->done(d->userdata, d->path, error);
}

int dead_letters_add(DeadLetters *d, const DeadLetter *letter, DeadLetterDone done, void *userdata) {
        const char *prefix = prefixes[letter->priority];
        _cleanup_(freep) char *text = NULL;
        char name[NAME_MAX_BYTES];
        int r;

        assert(!d->file || !state_file_is_busy(d->file));

        r = compose(letter, &text);
        if (r >= 0)
                r = make_room(d, prefix);
        if (r < 0)
                return r;

        (void) snprintf(name, sizeof(name), "%s%" PRIu64, prefix, letter->sequence);
        (void) snprintf(d->path, sizeof(d->path), "%s/%s", d->directory, name);
        d->file = state_file_free(d->file);
        r = state_file_new(&d->file, d->disk, d->directory, name);
        if (r < 0)
                return r;

        d->done = done;
        d->userdata = userdata;
        state_file_write(d->file, TAKE_PTR(text), on_written, d);
        return 0;
}
