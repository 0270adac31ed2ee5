/* SPDX-License-Identifier: MIT */
#pragma once

/* A server's socket that a test accepts from and answers on by hand, at a path of its own. */

#include <sys/socket.h>
#include <sys/un.h>

#include "ipc-service.h"

typedef struct Peer {
        char directory[32];
        struct sockaddr_un address;
        int listener;
} Peer;

static inline void peer_listen(Peer *p) {
        p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        ck_assert_int_eq(bind(p->listener, (struct sockaddr *) &p->address, sizeof(p->address)), 0);
        ck_assert_int_eq(listen(p->listener, 16), 0);
}

static inline void peer_init(Peer *p) {
        *p = (Peer){ .directory = "/tmp/test-aziot.XXXXXX", .address = { .sun_family = AF_UNIX } };
        ck_assert_ptr_nonnull(mkdtemp(p->directory));
        (void) snprintf(p->address.sun_path, sizeof(p->address.sun_path), "%s/socket", p->directory);
        peer_listen(p);
}

/* Who connects now is refused. */
static inline void peer_stop(Peer *p) {
        p->listener = close_fd(p->listener);
        ck_assert_int_eq(unlink(p->address.sun_path), 0);
}

static inline void peer_done(Peer *p) {
        if (p->listener >= 0)
                peer_stop(p);
        ck_assert_int_eq(rmdir(p->directory), 0);
}

/* The next connection; -1: there is none. */
static inline int peer_accept(const Peer *p) {
        return accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
}
