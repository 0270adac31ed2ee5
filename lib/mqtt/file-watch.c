/* SPDX-License-Identifier: MIT */

/*
 * A path is walked as the kernel does it. Each name on the way that is a symbolic link, is missing, or is the
 * last one becomes an entry: the directory in which it is looked up, and the name. Other events of that
 * directory are of no interest. When a name has changed, the walk may lead elsewhere, so all paths are walked
 * anew.
 */

#include <mqtt/file-watch.h>

#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>

/* As in the kernel. */
#define LINKS_MAX 40U

#define DIRECTORY_EVENTS                                                                                     \
        (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | \
         IN_MOVE_SELF | IN_ONLYDIR)

/* The name of an entry for everything in its directory, which is itself the path. */
#define ANY_NAME ""

typedef struct Entry {
        int wd;
        char *name;
} Entry;

struct FileWatch {
        int fd;
        char **paths;
        size_t n_paths;
        Entry *entries;
        size_t n_entries;
        uint64_t changed_us; /* the first change that was not told; UINT64_MAX: none */
        uint64_t settled_us; /* when it will be told */
};

int file_watch_new(FileWatch **ret) {
        _cleanup_(file_watch_freep) FileWatch *w = malloc(sizeof(*w));

        if (!w)
                return -ENOMEM;
        *w = (FileWatch){ .changed_us = UINT64_MAX, .settled_us = UINT64_MAX };
        w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (w->fd < 0)
                return -errno;
        *ret = TAKE_PTR(w);
        return 0;
}

static void free_entries(Entry *entries, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(entries[i].name);
        free(entries);
}

static void forget_paths(FileWatch *w) {
        for (size_t i = 0; i < w->n_paths; i++)
                free(w->paths[i]);
        free(w->paths);
        w->paths = NULL;
        w->n_paths = 0;
}

FileWatch *file_watch_free(FileWatch *w) {
        if (!w)
                return NULL;
        free_entries(w->entries, w->n_entries);
        forget_paths(w);
        (void) close_fd(w->fd);
        free(w);
        return NULL;
}

/* The walk -------------------------------------------------------------------------------------------- */

static int add_entry(FileWatch *w, const char *directory, const char *name) {
        Entry *entries;
        char *copy;
        int wd;

        /* One that may not be read, or has just gone, is not watched. */
        wd = inotify_add_watch(w->fd, directory[0] ? directory : "/", DIRECTORY_EVENTS);
        if (wd < 0)
                return 0;
        entries = reallocarray(w->entries, w->n_entries + 1, sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        w->entries = entries;
        copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        entries[w->n_entries++] = (Entry){ .wd = wd, .name = copy };
        return 0;
}

/* Cuts the first name off 'rest', which is moved behind it; NULL: there is none. */
static char *take_name(char **rest) {
        char *name;

        *rest += strspn(*rest, "/");
        name = *rest;
        *rest += strcspn(*rest, "/");
        if (**rest != '\0')
                *(*rest)++ = '\0';
        return name[0] != '\0' ? name : NULL;
}

static void leave_directory(char *directory) {
        char *slash = strrchr(directory, '/');

        if (slash)
                *slash = '\0';
}

/* Puts where the link leads to in front of 'rest'. False: it is too long, or gone. */
static bool follow(const char *link, char rest[static PATH_MAX], const char *behind) {
        char target[PATH_MAX], all[PATH_MAX];
        ssize_t n = readlink(link, target, sizeof(target) - 1);

        if (n < 0)
                return false;
        target[n] = '\0';
        if ((size_t) snprintf(all, sizeof(all), "%s/%s", target, behind) >= sizeof(all))
                return false;
        memcpy(rest, all, sizeof(all));
        return true;
}

static int walk(FileWatch *w, const char *path) {
        char directory[PATH_MAX] = "", file[2 * PATH_MAX], buffer[PATH_MAX];
        char *rest = buffer, *name;
        unsigned n_links = 0;
        struct stat st;
        int r;

        (void) snprintf(buffer, sizeof(buffer), "%s", path);
        while ((name = take_name(&rest))) {
                bool is_missing;

                if (strcmp(name, ".") == 0)
                        continue;
                if (strcmp(name, "..") == 0) {
                        leave_directory(directory);
                        continue;
                }
                (void) snprintf(file, sizeof(file), "%s/%s", directory, name);
                is_missing = strlen(file) >= PATH_MAX || lstat(file, &st) < 0;
                if (!is_missing && S_ISDIR(st.st_mode)) {
                        memcpy(directory, file, strlen(file) + 1);
                        continue;
                }
                r = add_entry(w, directory, name);
                if (r < 0)
                        return r;
                if (is_missing || !S_ISLNK(st.st_mode) || ++n_links > LINKS_MAX ||
                    !follow(file, buffer, rest))
                        return 0;
                rest = buffer;
                if (buffer[0] == '/')
                        directory[0] = '\0';
        }
        return add_entry(w, directory, ANY_NAME);
}

static bool is_watched(const FileWatch *w, int wd) {
        for (size_t i = 0; i < w->n_entries; i++)
                if (w->entries[i].wd == wd)
                        return true;
        return false;
}

/* The new entries are made first, so that what both have is watched all along. */
static int walk_all(FileWatch *w) {
        Entry *old = TAKE_PTR(w->entries);
        size_t n_old = w->n_entries;
        int r = 0;

        w->n_entries = 0;
        for (size_t i = 0; i < w->n_paths && r >= 0; i++)
                r = walk(w, w->paths[i]);
        for (size_t i = 0; i < n_old; i++)
                if (!is_watched(w, old[i].wd))
                        (void) inotify_rm_watch(w->fd, old[i].wd); /* a second time: -EINVAL */
        free_entries(old, n_old);
        return r;
}

int file_watch_set(FileWatch *w, const char *const *paths, size_t n_paths) {
        forget_paths(w);
        w->paths = calloc(n_paths + 1, sizeof(*w->paths));
        if (!w->paths)
                return -ENOMEM;
        for (size_t i = 0; i < n_paths; i++) {
                if (!paths[i])
                        continue;
                w->paths[w->n_paths] = strdup(paths[i]);
                if (!w->paths[w->n_paths])
                        return -ENOMEM;
                w->n_paths++;
        }
        return walk_all(w);
}

/* Events ---------------------------------------------------------------------------------------------- */

int file_watch_get_fd(const FileWatch *w) {
        return w->fd;
}

uint64_t file_watch_deadline_us(const FileWatch *w) {
        return w->settled_us;
}

static bool concerns(const FileWatch *w, const struct inotify_event *event) {
        if (event->mask & IN_Q_OVERFLOW)
                return true;
        for (size_t i = 0; i < w->n_entries; i++)
                if (w->entries[i].wd == event->wd &&
                    (event->len == 0 || strcmp(w->entries[i].name, ANY_NAME) == 0 ||
                     strcmp(w->entries[i].name, event->name) == 0))
                        return true;
        return false;
}

static bool read_events(FileWatch *w) {
        char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
        const struct inotify_event *event;
        bool is_concerned = false;
        ssize_t n;

        while ((n = read(w->fd, bytes, sizeof(bytes))) > 0)
                for (char *p = bytes; p < bytes + n; p += sizeof(*event) + event->len) {
                        event = (const struct inotify_event *) (void *) p;
                        is_concerned |= concerns(w, event);
                }
        return is_concerned;
}

bool file_watch_dispatch(FileWatch *w, uint64_t now_us) {
        if (read_events(w)) {
                if (w->changed_us == UINT64_MAX)
                        w->changed_us = now_us;
                w->settled_us = MIN(now_us + FILE_WATCH_SETTLE_US, w->changed_us + FILE_WATCH_SETTLE_MAX_US);
                (void) walk_all(w); /* without memory for it, what can be watched is */
        }
        if (now_us < w->settled_us)
                return false;
        w->changed_us = w->settled_us = UINT64_MAX;
        return true;
}
