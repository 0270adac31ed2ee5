/* SPDX-License-Identifier: MIT */

#include "daemon/aside.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/disk.h"

#define SUFFIX       ".damaged-"
#define SUFFIX_NEWER ".newer-"

/* More than an outbox has segments, a few times over. */
#define NEWER_MAX 9999U

bool aside_note_name(AsideUsed *used, const char *name) {
        const char *suffix = strstr(name, SUFFIX);
        unsigned long n;

        if (!suffix)
                return false;
        n = strtoul(suffix + strlen(SUFFIX), NULL, 10);
        if (n >= 1 && n <= ASIDE_MAX)
                *used |= 1U << n;
        return true;
}

AsideUsed aside_find_used(int directory_fd, const char *name) {
        AsideUsed used = 0;

        for (unsigned i = 1; i <= ASIDE_MAX; i++) {
                char taken[ASIDE_NAME_MAX];

                (void) snprintf(taken, sizeof(taken), "%s" SUFFIX "%u", name, i);
                if (faccessat(directory_fd, taken, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                        used |= 1U << i;
        }
        return used;
}

/* Finds a free name; false: so many are kept already. */
static bool aside_name(AsideUsed *used, const char *name, char *ret, size_t n_ret) {
        for (unsigned i = 1; i <= ASIDE_MAX; i++)
                if ((*used & 1U << i) == 0) {
                        *used |= 1U << i;
                        (void) snprintf(ret, n_ret, "%s" SUFFIX "%u", name, i);
                        return true;
                }
        return false;
}

void aside_move(int directory_fd, AsideUsed *used, const char *name, char *ret_where, size_t n_where) {
        char target[ASIDE_NAME_MAX];

        if (!aside_name(used, name, target, sizeof(target))) {
                (void) unlinkat(directory_fd, name, 0);
                (void) snprintf(ret_where, n_where, "deleted, as %u damaged files are kept already",
                                ASIDE_MAX);
        } else if (renameat(directory_fd, name, directory_fd, target) < 0)
                (void) snprintf(ret_where, n_where, "left in place: %s", strerror(errno));
        else
                (void) snprintf(ret_where, n_where, "kept as %s", target);
}

void aside_copy(int directory_fd, AsideUsed *used, const char *name, az_span bytes, char *ret_where,
                size_t n_where) {
        _cleanup_(close_fdp) int fd = -1;
        char target[ASIDE_NAME_MAX];
        int r;

        if (!aside_name(used, name, target, sizeof(target))) {
                (void) snprintf(ret_where, n_where, "not copied, as %u damaged files are kept already",
                                ASIDE_MAX);
                return;
        }

        fd = openat(directory_fd, target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        r = fd < 0 ? -errno : disk_write_at(fd, az_span_ptr(bytes), (size_t) az_span_size(bytes), 0);
        if (r < 0) {
                if (fd >= 0)
                        (void) unlinkat(directory_fd, target, 0);
                (void) snprintf(ret_where, n_where, "not copied: %s", strerror(-r));
                return;
        }
        (void) snprintf(ret_where, n_where, "a copy is %s", target);
}

void aside_move_newer(int directory_fd, const char *name, char *ret_where, size_t n_where) {
        char target[ASIDE_NAME_MAX];

        for (unsigned i = 1; i <= NEWER_MAX; i++) {
                (void) snprintf(target, sizeof(target), "%s" SUFFIX_NEWER "%u", name, i);
                if (faccessat(directory_fd, target, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
                        errno = EEXIST;
                        continue;
                }
                if (renameat(directory_fd, name, directory_fd, target) < 0)
                        break;
                (void) snprintf(ret_where, n_where, "kept as %s", target);
                return;
        }
        (void) snprintf(ret_where, n_where, "left in place: %s", strerror(errno));
}

bool aside_is_newer(az_span bytes, const char *magic) {
        size_t n = strlen(magic) - 1;
        const uint8_t *p = az_span_ptr(bytes);

        return (size_t) az_span_size(bytes) > n && memcmp(p, magic, n) == 0 && p[n] > (uint8_t) magic[n] &&
               p[n] <= '9';
}
