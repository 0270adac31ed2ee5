/* SPDX-License-Identifier: MIT */

#include "hubsim/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>

/* More ports than that are not taken by chance. */
#define ATTEMPTS 16U

int endpoint_parse(const char *text, Endpoint *ret) {
        const char *colon = strrchr(text, ':');
        Endpoint e = ENDPOINT_NULL;
        struct sockaddr_in *in = (struct sockaddr_in *) &e.address;
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) &e.address;
        char host[INET6_ADDRSTRLEN + 2];
        unsigned long port;
        char *end;
        size_t n;

        if (!colon || (size_t) (colon - text) >= sizeof(host) || colon[1] < '0' || colon[1] > '9')
                return -EINVAL;
        port = strtoul(colon + 1, &end, 10);
        if (*end != '\0' || port > UINT16_MAX)
                return -EINVAL;
        n = (size_t) (colon - text);
        memcpy(host, text, n);
        host[n] = '\0';

        if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
                in->sin_family = AF_INET;
                e.address_size = sizeof(*in);
        } else {
                if (n < 2 || host[0] != '[' || host[n - 1] != ']')
                        return -EINVAL;
                host[n - 1] = '\0';
                if (inet_pton(AF_INET6, host + 1, &in6->sin6_addr) != 1)
                        return -EINVAL;
                in6->sin6_family = AF_INET6;
                e.address_size = sizeof(*in6);
        }
        endpoint_set_port(&e, (uint16_t) port);
        *ret = e;
        return 0;
}

static in_port_t *address_port(struct sockaddr_storage *address) {
        return address->ss_family == AF_INET6 ? &((struct sockaddr_in6 *) address)->sin6_port
                                              : &((struct sockaddr_in *) address)->sin_port;
}

unsigned endpoint_get_port(const Endpoint *e) {
        return ntohs(*address_port((struct sockaddr_storage *) &e->address));
}

void endpoint_set_port(Endpoint *e, uint16_t port) {
        *address_port(&e->address) = htons(port);
}

/* Binds; writes back the port, if any would do. */
static int open_socket(struct sockaddr_storage *address, socklen_t size, int *ret_fd) {
        _cleanup_(close_fdp) int fd =
                socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int on = 1;

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
            bind(fd, (struct sockaddr *) address, size) < 0 ||
            getsockname(fd, (struct sockaddr *) address, &size) < 0)
                return -errno;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

/*
 * Our first name is localhost, and there are devices that try the first of its addresses only: Azure's SDK on
 * the node.js of Debian 12 takes ::1. So 127.0.0.1 implies ::1, where there is IPv6.
 */
static int open_twin(Endpoint *e) {
        const struct sockaddr_in *address = (const struct sockaddr_in *) &e->address;
        struct sockaddr_storage twin = {};
        int r;

        if (address->sin_family != AF_INET || address->sin_addr.s_addr != htonl(INADDR_LOOPBACK))
                return 0;

        *(struct sockaddr_in6 *) &twin = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                                                                .sin6_port = address->sin_port,
                                                                .sin6_addr = IN6ADDR_LOOPBACK_INIT };
        r = open_socket(&twin, sizeof(struct sockaddr_in6), &e->sockets[1].fd);
        return r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL ? 0 : r;
}

/* What is free for the one need not be for the other, where any would do. */
static int open_both(Endpoint *e) {
        uint16_t port = (uint16_t) endpoint_get_port(e);
        int r;

        for (unsigned i = 0; i < ATTEMPTS; i++) {
                r = open_socket(&e->address, e->address_size, &e->sockets[0].fd);
                if (r >= 0)
                        r = open_twin(e);
                if (r != -EADDRINUSE || port != 0)
                        break;
                endpoint_close(e);
                endpoint_set_port(e, 0);
        }
        return r;
}

int endpoint_bind(Endpoint *e) {
        int r;

        endpoint_close(e);
        r = open_both(e);
        if (r < 0)
                endpoint_close(e);
        return r;
}

int endpoint_listen(Endpoint *e, sd_event *event, sd_event_io_handler_t handler, void *userdata) {
        for (size_t i = 0; i < ELEMENTSOF(e->sockets); i++) {
                int r;

                if (e->sockets[i].fd < 0)
                        continue;
                if (listen(e->sockets[i].fd, SOMAXCONN) < 0)
                        return -errno;
                r = sd_event_add_io(event, &e->sockets[i].source, e->sockets[i].fd, EPOLLIN, handler,
                                    userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

int endpoint_open(Endpoint *e, sd_event *event, sd_event_io_handler_t handler, void *userdata) {
        int r;

        r = endpoint_bind(e);
        if (r < 0)
                return r;
        r = endpoint_listen(e, event, handler, userdata);
        if (r < 0)
                endpoint_close(e);
        return r;
}

void endpoint_close(Endpoint *e) {
        for (size_t i = 0; i < ELEMENTSOF(e->sockets); i++) {
                e->sockets[i].source = sd_event_source_disable_unref(e->sockets[i].source);
                e->sockets[i].fd = close_fd(e->sockets[i].fd);
        }
}
