/* SPDX-License-Identifier: MIT */

#include "daemon/lock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <systemd/sd-login.h>

/* A line is some 60 bytes long, and few programs of a device lock anything. */
#define LOCKS_MAX (64U * 1024U)

int lock_take(int fd) {
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;
        return 0;
}

int lock_take_directory(const char *directory, int *ret_fd) {
        _cleanup_(close_fdp) int directory_fd = -1, fd = -1;
        int r;

        directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory_fd < 0)
                return -errno;
        fd = openat(directory_fd, LOCK_FILE, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (fd < 0)
                return -errno;
        r = lock_take(fd);
        if (r < 0)
                return r;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* A line: "1: FLOCK  ADVISORY  WRITE 812 fd:01:786434 0 EOF". */
pid_t lock_find_holder(const char *locks, dev_t device, ino_t inode) {
        for (const char *line = locks; *line;) {
                unsigned major_number, minor_number;
                uint64_t number;
                int pid;

                /* NOLINTNEXTLINE(cert-err34-c): the kernel wrote these numbers */
                if (sscanf(line, "%*u: FLOCK ADVISORY WRITE %d %x:%x:%" SCNu64, &pid, &major_number,
                           &minor_number, &number) == 4 &&
                    makedev(major_number, minor_number) == device && number == inode)
                        return pid;
                line += strcspn(line, "\n");
                line += *line == '\n';
        }
        return 0;
}

void lock_describe_holder(const char *path, char *ret, size_t n) {
        _cleanup_(freep) char *locks = NULL, *unit = NULL;
        _cleanup_(fclosep) FILE *f = NULL;
        struct stat st;
        pid_t pid = 0;

        f = fopen("/proc/locks", "re");
        locks = calloc(1, LOCKS_MAX + 1);
        if (f && locks && stat(path, &st) >= 0 && fread(locks, 1, LOCKS_MAX, f) > 0)
                pid = lock_find_holder(locks, st.st_dev, st.st_ino);
        if (pid <= 0) {
                (void) snprintf(ret, n, "another process");
                return;
        }
        if (sd_pid_get_unit(pid, &unit) < 0)
                (void) snprintf(ret, n, "pid %d", pid);
        else
                (void) snprintf(ret, n, "pid %d, unit %s", pid, unit);
}
