/* SPDX-License-Identifier: MIT */

#include <mqtt/local.h>

#include <inttypes.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "util/util.h"

int mqtt_local_listen(MqttLocal *l, int dir_fd) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(close_fdp) int fd = -1;
        uint64_t name;

        if (getrandom(&name, sizeof(name), 0) != sizeof(name))
                return -errno;
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%016" PRIx64, dir_fd,
                        name);

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;

        l->listen_fd = TAKE_FD(fd);
        memcpy(l->path, address.sun_path, sizeof(l->path));
        return listen(l->listen_fd, 1) < 0 ? -errno : 0;
}

int mqtt_local_accept(const MqttLocal *l, int *ret_fd) {
        _cleanup_(close_fdp) int fd = -1;
        struct ucred peer;
        socklen_t size = sizeof(peer);

        fd = accept4(l->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;
        if (peer.pid != getpid())
                return -EPERM;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

void mqtt_local_done(MqttLocal *l) {
        if (l->listen_fd < 0)
                return;
        (void) unlink(l->path);
        l->listen_fd = close_fd(l->listen_fd);
}
