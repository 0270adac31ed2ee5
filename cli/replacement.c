/* SPDX-License-Identifier: MIT */
#include "cli/replacement.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/util.h"

int replacement_begin(Replacement *r, const char *path) {
        struct stat st;

        if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
                return -EEXIST;
        r->path = path;
        if (asprintf(&r->temporary, "%s.XXXXXX", path) < 0) {
                r->temporary = NULL;
                return -ENOMEM;
        }
        r->fd = mkostemp(r->temporary, O_CLOEXEC);
        if (r->fd < 0) {
                int error = -errno;

                free(r->temporary);
                r->temporary = NULL;
                return error;
        }
        return 0;
}

int replacement_finish(Replacement *r, mode_t mode) {
        if (fchmod(r->fd, mode) < 0 || rename(r->temporary, r->path) < 0)
                return -errno;
        free(r->temporary);
        r->temporary = NULL;
        return 0;
}

void replacement_done(Replacement *r) {
        if (r->fd >= 0)
                (void) close(r->fd);
        if (r->temporary)
                (void) unlink(r->temporary);
        free(r->temporary);
        *r = REPLACEMENT_NULL;
}
