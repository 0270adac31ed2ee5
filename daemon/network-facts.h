/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the kernel tells of the network, rtnetlink(7), as far as it matters to a link that is up or waits:
 * which interfaces run, which global addresses they have, and which default routes there are. Facts are kept,
 * since the kernel repeats itself: a router that announces itself every few seconds is no news.
 *
 * It does no I/O.
 */

#include <azure/core/az_span.h>

#include "util/util.h"

typedef enum NetworkFactKind {
        NETWORK_LINK,    /* the interface is up and has a carrier */
        NETWORK_ADDRESS, /* of an interface */
        NETWORK_ROUTE,   /* a default route */
} NetworkFactKind;

typedef struct NetworkAddress {
        uint8_t family; /* AF_INET, AF_INET6; AF_UNSPEC: none */
        uint8_t bytes[16];
} NetworkAddress;

typedef struct NetworkFact {
        NetworkFactKind kind;
        uint32_t interface;
        NetworkAddress address; /* of a route: its gateway */
} NetworkFact;

/* A machine with more of them has a link that does not hang on one; what does not fit is no news. */
#define NETWORK_FACTS_MAX 256U

/* All zeros: nothing is known. */
typedef struct NetworkFacts {
        NetworkFact facts[NETWORK_FACTS_MAX];
        unsigned n;
} NetworkFacts;

struct sockaddr_storage;

/* The address in a socket's one. */
NetworkAddress network_address_from(const struct sockaddr_storage *address);

/* What a datagram brought; several are possible. */
typedef enum NetworkNews {
        NETWORK_UP = 1 << 0, /* there is a way out of this machine that there was not */
        NETWORK_GONE =
                1 << 1, /* what 'local' needs has disappeared: its interface, itself, its default route */
        NETWORK_DONE = 1 << 2, /* the end of what was asked for */
} NetworkNews;

/*
 * Takes one datagram of a netlink socket, which may hold anything, and returns NetworkNews. 'local' is the
 * address that a connection has on this machine.
 */
unsigned network_facts_feed(NetworkFacts *f, az_span datagram, const NetworkAddress *local);

/* How far it goes from here. */
typedef enum NetworkReach {
        NETWORK_REACHES_OUT,
        NETWORK_REACHES_LINKS,   /* there is no default route: what is directly connected */
        NETWORK_REACHES_NOTHING, /* no interface runs and has an address, but within this machine */
        _NETWORK_REACH_MAX,
} NetworkReach;

NetworkReach network_facts_get_reach(const NetworkFacts *f);
