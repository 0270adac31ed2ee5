/* SPDX-License-Identifier: MIT */

#include "daemon/socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "util/util.h"

/* As in aziotd.socket: as many as are served at a time. */
#define SOCKET_BACKLOG 1024

static void strvp(char ***strings) {
        for (char **s = *strings; s && *s; s++)
                free(*s);
        free(*strings);
}

/* The fd that systemd passed under the name "varlink"; -ENOENT. Others are closed. */
static int socket_from_systemd(void) {
        _cleanup_(strvp) char **names = NULL;
        int n, fd = -ENOENT;

        n = sd_listen_fds_with_names(true, &names);
        for (int i = 0; i < n; i++) {
                if (fd < 0 && strcmp(names[i], "varlink") == 0)
                        fd = SD_LISTEN_FDS_START + i;
                else
                        (void) close(SD_LISTEN_FDS_START + i);
        }
        return n < 0 ? n : fd;
}

static bool socket_is_live(const struct sockaddr_un *address) {
        _cleanup_(close_fdp) int fd = -1;

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        return fd >= 0 &&
               (connect(fd, (const struct sockaddr *) address, sizeof(*address)) >= 0 || errno == EAGAIN);
}

static int socket_listen(const char *path, int *ret_fd) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(close_fdp) int fd = -1;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path));

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;

        if (socket_is_live(&address))
                return -EADDRINUSE;
        (void) unlink(path);
        if (bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0 || chmod(path, 0660) < 0 ||
            listen(fd, SOCKET_BACKLOG) < 0)
                return -errno;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

int socket_get(const char *path, int *ret_fd) {
        int fd;

        fd = socket_from_systemd();
        if (fd == -ENOENT && path)
                return socket_listen(path, ret_fd);
        if (fd < 0)
                return fd;

        *ret_fd = fd;
        return 0;
}
