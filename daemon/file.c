/* SPDX-License-Identifier: MIT */

#include "daemon/file.h"

#include <fcntl.h>
#include <sys/stat.h>

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
