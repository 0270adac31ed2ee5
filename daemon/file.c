/* SPDX-License-Identifier: MIT */

#include "daemon/file.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/disk.h"

int file_read(const char *path, size_t max, char **ret, size_t *ret_n) {
        _cleanup_(close_fdp) int fd = -1;
        _cleanup_(freep) char *text = NULL;
        struct stat st;
        size_t n = 0;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (st.st_size > (off_t) max)
                return -EFBIG;

        text = malloc(max + 1);
        if (!text)
                return -ENOMEM;
        for (;;) {
                ssize_t l = read(fd, text + n, max + 1 - n);

                if (l < 0)
                        return -errno;
                if (l == 0)
                        break;
                n += (size_t) l;
                if (n > max)
                        return -EFBIG;
        }
        text[n] = '\0';
        *ret = TAKE_PTR(text);
        *ret_n = n;
        return 0;
}

int file_open_directory(const char *path, int *ret_fd) {
        _cleanup_(close_fdp) int fd = -1, parent_fd = -1;
        bool is_new;

        is_new = mkdir(path, 0700) >= 0;
        if (!is_new && errno != EEXIST)
                return -errno;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        if (is_new) {
                parent_fd = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (parent_fd < 0 || fsync(parent_fd) < 0)
                        return -errno;
        }
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int write_new(int directory_fd, const char *name, az_span begin, az_span rest) {
        size_t n = (size_t) az_span_size(begin);
        _cleanup_(close_fdp) int fd = -1;
        int r;

        fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;

        r = disk_write_at(fd, az_span_ptr(begin), n, 0);
        if (r >= 0)
                r = disk_write_at(fd, az_span_ptr(rest), (size_t) az_span_size(rest), n);
        if (r >= 0 && fdatasync(fd) < 0)
                r = -errno;
        return r;
}

int file_replace(int directory_fd, const char *name, az_span begin, az_span rest) {
        char name_new[FILE_NAME_MAX];
        int r;

        r = snprintf(name_new, sizeof(name_new), "%s" FILE_NEW_SUFFIX, name);
        assert(r < (int) sizeof(name_new));

        r = write_new(directory_fd, name_new, begin, rest);
        if (r >= 0 && renameat(directory_fd, name_new, directory_fd, name) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlinkat(directory_fd, name_new, 0);
                return r;
        }
        return fsync(directory_fd) < 0 ? -errno : 0;
}
