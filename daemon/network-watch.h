/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Notices that the network of this machine changes, so that a dead link is found out at once and not at the
 * next keep-alive, and a wait for the next attempt ends when there is a network again. Where the kernel does
 * not let us listen it says so once in the log, and never reports anything.
 *
 * A part of the loop thread with one fd and one deadline. 'now_us' is CLOCK_BOOTTIME.
 */

#include "daemon/log.h"
#include "daemon/network-facts.h"

typedef struct NetworkWatch NetworkWatch;

typedef struct NetworkWatchOps {
        /* Which address the connection has on this machine; AF_UNSPEC: there is none. */
        NetworkAddress (*get_local)(void *userdata);
        /* What that needs has disappeared. */
        void (*on_gone)(void *userdata);
        /* There is a way out again: after a moment, in which an address follows its interface, and not
         * oftener than every 10 s. */
        void (*on_up)(void *userdata);
} NetworkWatchOps;

/* What is between the kernel's word and on_up(): one second, and at most another one, drawn for each time. */
#define NETWORK_SETTLE_US (1 * USEC_PER_SEC)
#define NETWORK_SPLAY_US  (1 * USEC_PER_SEC)
#define NETWORK_EVERY_US  (10 * USEC_PER_SEC)

/* 'log' and 'ops' must outlive it. -ENOMEM. */
int network_watch_new(NetworkWatch **ret, const Log *log, const NetworkWatchOps *ops, void *userdata);
NetworkWatch *network_watch_free(NetworkWatch *w);
DEFINE_CLEANUP(NetworkWatch *, network_watch_free)

/* -1: the kernel does not let us listen. */
int network_watch_get_fd(const NetworkWatch *w);
uint64_t network_watch_deadline_us(const NetworkWatch *w);
/* Call when the fd is readable, and when the deadline has passed. */
void network_watch_dispatch(NetworkWatch *w, uint64_t now_us);
void network_watch_run_due(NetworkWatch *w, uint64_t now_us);

/* What is not known reaches out. */
NetworkReach network_watch_get_reach(const NetworkWatch *w);
