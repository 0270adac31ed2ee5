/* SPDX-License-Identifier: MIT */

/*
 * At first the kernel is asked for what there is: interfaces, addresses, routes, one after the other, as a
 * socket has one such question at a time. What it says until then is known, but no news. When it has told
 * more than we took (ENOBUFS) nobody knows what is missing: the connection is checked, and everything asked
 * again.
 */

#include "daemon/network-watch.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/random.h>
#include <sys/socket.h>

/* What the kernel puts into one datagram at most for a buffer of this size. */
#define DATAGRAM_MAX 8192U

/* In one turn of the loop. */
#define DATAGRAMS_MAX 64U

/* What is asked for, in this order. */
static const uint16_t questions[] = { RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE };

struct NetworkWatch {
        const Log *log;
        const NetworkWatchOps *ops;
        void *userdata;
        int fd;
        size_t n_asked; /* of 'questions'; one more: all are answered */
        bool is_stale;  /* all of it is to be asked again, when the present question is answered */
        NetworkFacts facts;
        uint64_t due_us;  /* of on_up(); UINT64_MAX: there is no news */
        uint64_t last_us; /* when it was called last; 0: never */
};

/* When on_up() is due for news that come now. */
static uint64_t due_us_of(uint64_t now_us, uint64_t last_us, uint64_t random) {
        uint64_t due_us = now_us + NETWORK_SETTLE_US + random % NETWORK_SPLAY_US;

        return last_us == 0 ? due_us : MAX(due_us, last_us + NETWORK_EVERY_US);
}

static void ask_next(NetworkWatch *w) {
        struct {
                struct nlmsghdr header;
                struct rtgenmsg body;
        } request = {
                .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(request.body)),
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
                .body = { .rtgen_family = AF_UNSPEC },
        };

        for (; w->n_asked < ELEMENTSOF(questions); w->n_asked++) {
                request.header.nlmsg_type = questions[w->n_asked];
                if (send(w->fd, &request, sizeof(request), 0) >= 0)
                        break;
        }
        w->n_asked++;
}

static bool is_asking(const NetworkWatch *w) {
        return w->n_asked > 0 && w->n_asked <= ELEMENTSOF(questions);
}

static void ask_all(NetworkWatch *w) {
        w->facts = (NetworkFacts){};
        w->is_stale = false;
        w->n_asked = 0;
        ask_next(w);
}

/* While it answers a question, the kernel refuses the next one. */
static void ask_again(NetworkWatch *w) {
        if (is_asking(w))
                w->is_stale = true;
        else
                ask_all(w);
}

static void take_news(NetworkWatch *w, unsigned news, uint64_t now_us) {
        uint64_t random = 0;

        if (news & NETWORK_DONE && is_asking(w)) {
                if (w->is_stale)
                        ask_all(w);
                else
                        ask_next(w);
                return;
        }
        if (w->n_asked <= ELEMENTSOF(questions))
                return;
        if (news & NETWORK_GONE)
                w->ops->on_gone(w->userdata);
        if (news & NETWORK_UP && w->due_us == UINT64_MAX) {
                if (getrandom(&random, sizeof(random), 0) < 0)
                        random = now_us;
                w->due_us = due_us_of(now_us, w->last_us, random);
        }
}

void network_watch_dispatch(NetworkWatch *w, uint64_t now_us) {
        uint8_t buffer[DATAGRAM_MAX];
        NetworkAddress local;
        ssize_t n;

        for (unsigned i = 0; i < DATAGRAMS_MAX; i++) {
                struct sockaddr_nl from = {};
                socklen_t n_from = sizeof(from);

                n = recvfrom(w->fd, buffer, sizeof(buffer), 0, (struct sockaddr *) &from, &n_from);
                if (n < 0 && errno == ENOBUFS) {
                        take_news(w, NETWORK_GONE | NETWORK_UP, now_us);
                        ask_again(w);
                        continue;
                }
                if (n < 0)
                        return;
                if (from.nl_pid != 0) /* not the kernel */
                        continue;
                local = w->ops->get_local(w->userdata);
                take_news(w, network_facts_feed(&w->facts, az_span_create(buffer, (int32_t) n), &local),
                          now_us);
        }
}

void network_watch_run_due(NetworkWatch *w, uint64_t now_us) {
        if (now_us < w->due_us)
                return;
        w->due_us = UINT64_MAX;
        w->last_us = now_us;
        w->ops->on_up(w->userdata);
}

int network_watch_get_fd(const NetworkWatch *w) {
        return w->fd;
}

uint64_t network_watch_deadline_us(const NetworkWatch *w) {
        return w->due_us;
}

NetworkReach network_watch_get_reach(const NetworkWatch *w) {
        if (w->fd < 0 || w->n_asked <= ELEMENTSOF(questions) || w->facts.n == NETWORK_FACTS_MAX)
                return NETWORK_REACHES_OUT;
        return network_facts_get_reach(&w->facts);
}

static int listen_to_kernel(void) {
        static const struct sockaddr_nl address = {
                .nl_family = AF_NETLINK,
                .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
                             RTMGRP_IPV6_ROUTE,
        };
        _cleanup_(close_fdp) int fd = -1;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
        if (fd < 0)
                return -errno;
        if (bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int network_watch_new(NetworkWatch **ret, const Log *log, const NetworkWatchOps *ops, void *userdata) {
        _cleanup_(network_watch_freep) NetworkWatch *w = NULL;

        w = malloc(sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = (NetworkWatch){ .log = log, .ops = ops, .userdata = userdata, .due_us = UINT64_MAX };

        w->fd = listen_to_kernel();
        if (w->fd < 0) {
                (void) log_errno(log, MSG_NETWORK_UNWATCHED, w->fd,
                                 "Changes of the network will not be noticed at once (AF_NETLINK): %m");
                w->fd = -1;
        } else
                ask_all(w);

        *ret = TAKE_PTR(w);
        return 0;
}

NetworkWatch *network_watch_free(NetworkWatch *w) {
        if (!w)
                return NULL;

        w->fd = close_fd(w->fd);
        free(w);
        return NULL;
}
