/* SPDX-License-Identifier: MIT */

/*
 * The kernel does not tell everything: when an interface goes down, or an address goes, its IPv4 routes
 * vanish without a word. So they are forgotten here at the same time; else their return would be no news.
 */

#include "daemon/network-facts.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Takes a struct off the front; false: there are not so many bytes. Netlink pads everything to 4 bytes. */
static bool take(az_span *span, void *ret, size_t n) {
        if (az_span_size(*span) < (int32_t) n)
                return false;
        memcpy(ret, az_span_ptr(*span), n);
        *span = az_span_slice_to_end(*span, MIN((int32_t) NLMSG_ALIGN(n), az_span_size(*span)));
        return true;
}

/* Takes an attribute off the front. */
static bool take_attribute(az_span *span, uint16_t *ret_type, az_span *ret_value) {
        struct rtattr attribute;
        int32_t n;

        if (!take(span, &attribute, sizeof(attribute)) || attribute.rta_len < sizeof(attribute))
                return false;
        n = (int32_t) (attribute.rta_len - sizeof(attribute));
        if (n > az_span_size(*span))
                return false;

        *ret_type = attribute.rta_type & (uint16_t) ~(NLA_F_NESTED | NLA_F_NET_BYTEORDER);
        *ret_value = az_span_slice(*span, 0, n);
        *span = az_span_slice_to_end(*span, MIN((int32_t) RTA_ALIGN((unsigned) n), az_span_size(*span)));
        return true;
}

static void get_u32(az_span value, uint32_t *ret) {
        if (az_span_size(value) == (int32_t) sizeof(*ret))
                memcpy(ret, az_span_ptr(value), sizeof(*ret));
}

static void get_address(az_span value, uint8_t family, NetworkAddress *ret) {
        int32_t n = family == AF_INET ? 4 : 16;

        if (az_span_size(value) != n)
                return;
        *ret = (NetworkAddress){ .family = family };
        memcpy(ret->bytes, az_span_ptr(value), (size_t) n);
}

NetworkAddress network_address_from(const struct sockaddr_storage *address) {
        NetworkAddress found = { .family = AF_UNSPEC };
        struct sockaddr_in6 v6;
        struct sockaddr_in v4;

        if (address->ss_family == AF_INET) {
                memcpy(&v4, address, sizeof(v4));
                found.family = AF_INET;
                memcpy(found.bytes, &v4.sin_addr, sizeof(v4.sin_addr));
        } else if (address->ss_family == AF_INET6) {
                memcpy(&v6, address, sizeof(v6));
                found.family = AF_INET6;
                memcpy(found.bytes, &v6.sin6_addr, sizeof(v6.sin6_addr));
        }
        return found;
}

/* The facts ------------------------------------------------------------------------------------------ */

static bool address_equals(const NetworkAddress *a, const NetworkAddress *b) {
        return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static unsigned find(const NetworkFacts *f, const NetworkFact *fact) {
        unsigned i = 0;

        while (i < f->n && !(f->facts[i].kind == fact->kind && f->facts[i].interface == fact->interface &&
                             address_equals(&f->facts[i].address, &fact->address)))
                i++;
        return i;
}

static bool has(const NetworkFacts *f, NetworkFactKind kind, uint32_t interface) {
        for (unsigned i = 0; i < f->n; i++)
                if (f->facts[i].kind == kind && f->facts[i].interface == interface)
                        return true;
        return false;
}

static bool has_route(const NetworkFacts *f) {
        for (unsigned i = 0; i < f->n; i++)
                if (f->facts[i].kind == NETWORK_ROUTE)
                        return true;
        return false;
}

/* AF_UNSPEC: of all families. */
static void forget(NetworkFacts *f, NetworkFactKind kind, uint32_t interface, uint8_t family) {
        for (unsigned i = 0; i < f->n;)
                if (f->facts[i].kind == kind && f->facts[i].interface == interface &&
                    (family == AF_UNSPEC || f->facts[i].address.family == family))
                        f->facts[i] = f->facts[--f->n];
                else
                        i++;
}

/* Whether the interface leads out: it runs, has an address, and the default route, if there is one at all. */
static bool leads_out(const NetworkFacts *f, uint32_t interface) {
        if (!has(f, NETWORK_LINK, interface) || !has(f, NETWORK_ADDRESS, interface))
                return false;
        return has(f, NETWORK_ROUTE, interface) || has(f, NETWORK_ROUTE, 0) || !has_route(f);
}

static unsigned add(NetworkFacts *f, const NetworkFact *fact) {
        if (find(f, fact) < f->n || f->n == NETWORK_FACTS_MAX)
                return 0;
        f->facts[f->n++] = *fact;
        /* A route over several interfaces names none. */
        return fact->interface == 0 || leads_out(f, fact->interface) ? NETWORK_UP : 0;
}

static unsigned drop(NetworkFacts *f, const NetworkFact *fact, const NetworkAddress *local) {
        NetworkFact own = { NETWORK_ADDRESS, fact->interface, *local };
        bool is_of_local = find(f, &own) < f->n;
        unsigned i = find(f, fact);

        if (i == f->n)
                return 0;
        f->facts[i] = f->facts[--f->n];
        if (fact->kind == NETWORK_ADDRESS) {
                forget(f, NETWORK_ROUTE, fact->interface, fact->address.family);
                return address_equals(&fact->address, local) ? NETWORK_GONE : 0;
        }
        return is_of_local && (fact->kind == NETWORK_LINK || fact->address.family == local->family)
                       ? NETWORK_GONE
                       : 0;
}

/* The messages --------------------------------------------------------------------------------------- */

static unsigned feed_link(NetworkFacts *f, bool is_new, az_span body, const NetworkAddress *local) {
        NetworkFact fact = { .kind = NETWORK_LINK };
        struct ifinfomsg info;
        unsigned news;

        if (!take(&body, &info, sizeof(info)) || (info.ifi_flags & IFF_LOOPBACK))
                return 0;
        fact.interface = (uint32_t) info.ifi_index;
        if (is_new && (info.ifi_flags & IFF_UP) && (info.ifi_flags & IFF_RUNNING))
                return add(f, &fact);

        news = drop(f, &fact, local);
        if (!is_new || !(info.ifi_flags & IFF_UP))
                forget(f, NETWORK_ROUTE, fact.interface, AF_UNSPEC);
        if (!is_new)
                forget(f, NETWORK_ADDRESS, fact.interface, AF_UNSPEC);
        return news;
}

static unsigned feed_address(NetworkFacts *f, bool is_new, az_span body, const NetworkAddress *local) {
        NetworkFact fact = { .kind = NETWORK_ADDRESS };
        NetworkAddress peer = { .family = AF_UNSPEC };
        struct ifaddrmsg info;
        uint32_t flags;
        uint16_t type;
        az_span value;

        if (!take(&body, &info, sizeof(info)) ||
            (info.ifa_family != AF_INET && info.ifa_family != AF_INET6) || info.ifa_scope >= RT_SCOPE_LINK)
                return 0;
        fact.interface = info.ifa_index;
        flags = info.ifa_flags;
        while (take_attribute(&body, &type, &value))
                if (type == IFA_LOCAL)
                        get_address(value, info.ifa_family, &fact.address);
                else if (type == IFA_ADDRESS) /* the own one, unless there is an IFA_LOCAL */
                        get_address(value, info.ifa_family, &peer);
                else if (type == IFA_FLAGS)
                        get_u32(value, &flags);
        if (fact.address.family == AF_UNSPEC)
                fact.address = peer;
        if (fact.address.family == AF_UNSPEC)
                return 0;

        if (!is_new)
                return drop(f, &fact, local);
        return flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) ? 0 : add(f, &fact);
}

static unsigned feed_route(NetworkFacts *f, bool is_new, az_span body, const NetworkAddress *local) {
        NetworkFact fact = { .kind = NETWORK_ROUTE };
        struct rtmsg info;
        uint32_t table;
        uint16_t type;
        az_span value;

        if (!take(&body, &info, sizeof(info)) ||
            (info.rtm_family != AF_INET && info.rtm_family != AF_INET6) || info.rtm_dst_len != 0 ||
            info.rtm_type != RTN_UNICAST)
                return 0;
        fact.address.family = info.rtm_family;
        table = info.rtm_table;
        while (take_attribute(&body, &type, &value))
                if (type == RTA_GATEWAY)
                        get_address(value, info.rtm_family, &fact.address);
                else if (type == RTA_OIF)
                        get_u32(value, &fact.interface);
                else if (type == RTA_TABLE)
                        get_u32(value, &table);
        if (table != RT_TABLE_MAIN)
                return 0;
        return is_new ? add(f, &fact) : drop(f, &fact, local);
}

static unsigned feed_message(NetworkFacts *f, uint16_t type, az_span body, const NetworkAddress *local) {
        switch (type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
                return feed_link(f, type == RTM_NEWLINK, body, local);
        case RTM_NEWADDR:
        case RTM_DELADDR:
                return feed_address(f, type == RTM_NEWADDR, body, local);
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
                return feed_route(f, type == RTM_NEWROUTE, body, local);
        case NLMSG_DONE:
        case NLMSG_ERROR: /* of what was asked for: it will not come */
                return NETWORK_DONE;
        default:
                return 0;
        }
}

unsigned network_facts_feed(NetworkFacts *f, az_span datagram, const NetworkAddress *local) {
        struct nlmsghdr header;
        unsigned news = 0;
        int32_t n;

        while (take(&datagram, &header, sizeof(header)) && header.nlmsg_len >= sizeof(header)) {
                if (header.nlmsg_len - sizeof(header) > (size_t) az_span_size(datagram))
                        break;
                n = (int32_t) (header.nlmsg_len - sizeof(header));
                news |= feed_message(f, header.nlmsg_type, az_span_slice(datagram, 0, n), local);
                datagram = az_span_slice_to_end(
                        datagram, MIN((int32_t) NLMSG_ALIGN((unsigned) n), az_span_size(datagram)));
        }
        return news;
}

NetworkReach network_facts_get_reach(const NetworkFacts *f) {
        for (unsigned i = 0; i < f->n; i++)
                if (f->facts[i].kind == NETWORK_LINK && has(f, NETWORK_ADDRESS, f->facts[i].interface))
                        return has_route(f) ? NETWORK_REACHES_OUT : NETWORK_REACHES_LINKS;
        return NETWORK_REACHES_NOTHING;
}
