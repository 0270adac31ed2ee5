/* SPDX-License-Identifier: MIT */

#include "hubsim/files.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

int file_read(const char *path, size_t max, char **ret) {
        _cleanup_(close_fdp) int fd = -1;
        _cleanup_(freep) char *text = NULL;
        struct stat st;
        size_t n = 0;

        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if ((uint64_t) st.st_size > max)
                return -EFBIG;

        text = malloc((size_t) st.st_size + 1);
        if (!text)
                return -ENOMEM;
        while (n < (size_t) st.st_size) {
                ssize_t k = read(fd, text + n, (size_t) st.st_size - n);

                if (k < 0 && errno != EINTR)
                        return -errno;
                if (k == 0)
                        break;
                if (k > 0)
                        n += (size_t) k;
        }
        text[n] = '\0';

        *ret = TAKE_PTR(text);
        return 0;
}

int file_write_all(int fd, const void *data, size_t n) {
        const char *p = data;

        while (n > 0) {
                ssize_t k = write(fd, p, n);

                if (k < 0 && errno != EINTR)
                        return -errno;
                if (k > 0) {
                        p += k;
                        n -= (size_t) k;
                }
        }
        return 0;
}

int file_replace(const char *path, mode_t mode, const void *data, size_t n) {
        _cleanup_(close_fdp) int fd = -1;
        char temporary[PATH_MAX];
        int r;

        if ((size_t) snprintf(temporary, sizeof(temporary), "%s.new", path) >= sizeof(temporary))
                return -ENAMETOOLONG;

        fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;
        r = file_write_all(fd, data, n);
        if (r < 0)
                return r;

        return rename(temporary, path) < 0 ? -errno : 0;
}

int directory_make(const char *path) {
        char parent[PATH_MAX];

        if (strlen(path) >= sizeof(parent))
                return -ENAMETOOLONG;
        for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
                memcpy(parent, path, (size_t) (p - path));
                parent[p - path] = '\0';
                if (mkdir(parent, 0755) < 0 && errno != EEXIST)
                        return -errno;
        }
        return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}
