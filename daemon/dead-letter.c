/* SPDX-License-Identifier: MIT */

#include "daemon/dead-letter.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/queue.h>
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

/* One that waits to be written. */
typedef struct Waiting {
        STAILQ_ENTRY(Waiting) entry;
        Priority priority;
        char name[NAME_MAX_BYTES];
        char *text;
        DeadLetterDone done;
        void *userdata;
} Waiting;

struct DeadLetters {
        Disk *disk;
        char *directory;
        STAILQ_HEAD(WaitingLetters, Waiting) waiting; /* the first one is being written, if 'file' is busy */
        unsigned n_waiting;
        StateFile *file; /* the last that was written */
        char path[PATH_MAX];
};

int dead_letters_new(DeadLetters **ret, Disk *disk, const char *state_dir, const char *directory) {
        _cleanup_(dead_letters_freep) DeadLetters *d = NULL;

        d = malloc(sizeof(*d));
        if (!d)
                return -ENOMEM;
        *d = (DeadLetters){ .disk = disk };
        STAILQ_INIT(&d->waiting);

        if (asprintf(&d->directory, "%s/%s", state_dir, directory) < 0) {
                d->directory = NULL;
                return -ENOMEM;
        }
        *ret = TAKE_PTR(d);
        return 0;
}

static Waiting *waiting_take(DeadLetters *d) {
        Waiting *w = STAILQ_FIRST(&d->waiting);

        STAILQ_REMOVE_HEAD(&d->waiting, entry);
        d->n_waiting--;
        return w;
}

static Waiting *waiting_free(Waiting *w) {
        if (!w)
                return NULL;

        free(w->text);
        free(w);
        return NULL;
}
DEFINE_CLEANUP(Waiting *, waiting_free)

DeadLetters *dead_letters_free(DeadLetters *d) {
        if (!d)
                return NULL;

        d->file = state_file_free(d->file);
        while (!STAILQ_EMPTY(&d->waiting))
                waiting_free(waiting_take(d));
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

static void write_text(IpcJson *json, const char *name, az_span text) {
        if (az_span_ptr(text))
                ipc_json_string(json, name, text);
}

static void write_message(IpcJson *json, const az_mqtt_message *message) {
        ipc_json_string(json, "topic", message->topic);
        write_text(json, "contentType", message->content_type);
        ipc_json_bool(json, "retain", message->retain);
        ipc_json_begin_array(json, "metadata");
        for (int32_t i = 0; i < message->n_user_properties; i++) {
                ipc_json_begin(json, NULL);
                ipc_json_string(json, "key", message->user_properties[i].key);
                ipc_json_string(json, "value", message->user_properties[i].value);
                ipc_json_end(json);
        }
        ipc_json_end_array(json);
        ipc_json_base64(json, "data", message->payload);
}

static int compose(const DeadLetter *letter, char **ret) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        char time[RFC3339_SIZE];
        az_span text;
        int r;

        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "sequence", (int64_t) letter->sequence);
        ipc_json_cstring(&json, "priority", priority_names[letter->priority]);
        if (letter->accepted_us > 0)
                ipc_json_cstring(&json, "accepted", rfc3339_format(time, letter->accepted_us));
        ipc_json_cstring(&json, "setAside", rfc3339_format(time, realtime_us()));
        if (letter->reason)
                ipc_json_cstring(&json, "reason", letter->reason);
        if (letter->message)
                write_message(&json, letter->message);
        else {
                ipc_json_string(&json, "properties", letter->properties);
                ipc_json_base64(&json, "data", letter->body);
        }
        ipc_json_end(&json);

        r = ipc_json_get(&json, &text);
        if (r < 0)
                return r;
        *ret = strndup((const char *) az_span_ptr(text), (size_t) az_span_size(text));
        return *ret ? 0 : -ENOMEM;
}

static void write_next(DeadLetters *d);

static void on_written(void *userdata, int error) {
        _cleanup_(waiting_freep) Waiting *w = NULL;
        DeadLetters *d = userdata;

        w = waiting_take(d);
        w->done(w->userdata, d->path, error);
        write_next(d);
}

static int begin_write(DeadLetters *d, Waiting *w) {
        int r;

        r = make_room(d, prefixes[w->priority]);
        if (r < 0)
                return r;
        (void) snprintf(d->path, sizeof(d->path), "%s/%s", d->directory, w->name);
        d->file = state_file_free(d->file);
        r = state_file_new(&d->file, d->disk, d->directory, w->name);
        if (r < 0)
                return r;
        state_file_write(d->file, TAKE_PTR(w->text), on_written, d);
        return 0;
}

static void write_next(DeadLetters *d) {
        while (!STAILQ_EMPTY(&d->waiting)) {
                _cleanup_(waiting_freep) Waiting *failed = NULL;
                int r;

                r = begin_write(d, STAILQ_FIRST(&d->waiting));
                if (r >= 0)
                        return;
                failed = waiting_take(d);
                failed->done(failed->userdata, NULL, r);
        }
}

/* The one behind the first, which is being written: there will be no room for its file either. */
static void drop_oldest(DeadLetters *d) {
        _cleanup_(waiting_freep) Waiting *w = STAILQ_NEXT(STAILQ_FIRST(&d->waiting), entry);

        STAILQ_REMOVE(&d->waiting, w, Waiting, entry);
        d->n_waiting--;
        w->done(w->userdata, NULL, -ENOBUFS);
}

int dead_letters_add(DeadLetters *d, const DeadLetter *letter, DeadLetterDone done, void *userdata) {
        _cleanup_(waiting_freep) Waiting *w = NULL;
        int r;

        w = malloc(sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = (Waiting){ .priority = letter->priority, .done = done, .userdata = userdata };
        (void) snprintf(w->name, sizeof(w->name), "%s%" PRIu64, prefixes[letter->priority], letter->sequence);
        r = compose(letter, &w->text);
        if (r < 0)
                return r;

        if (d->n_waiting == 0) {
                r = begin_write(d, w);
                if (r < 0)
                        return r;
        } else if (d->n_waiting > DEAD_LETTERS_MAX)
                drop_oldest(d);
        STAILQ_INSERT_TAIL(&d->waiting, w, entry);
        d->n_waiting++;
        TAKE_PTR(w);
        return 0;
}
