/* SPDX-License-Identifier: MIT */

#include "daemon/network-facts.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "tests/unit/unit.h"

/* What the kernel says of one thing. */
typedef struct Message {
        struct nlmsghdr header;
        union {
                struct ifinfomsg link;
                struct ifaddrmsg address;
                struct rtmsg route;
                uint8_t bytes[256];
        };
} Message;

static void put(Message *m, uint16_t type, const void *value, size_t n) {
        struct rtattr attribute = { .rta_len = (uint16_t) RTA_LENGTH(n), .rta_type = type };
        uint8_t *end = (uint8_t *) m + NLMSG_ALIGN(m->header.nlmsg_len);

        memcpy(end, &attribute, sizeof(attribute));
        memcpy(end + RTA_LENGTH(0), value, n);
        m->header.nlmsg_len = (uint32_t) (NLMSG_ALIGN(m->header.nlmsg_len) + RTA_LENGTH(n));
}

static void put_address(Message *m, uint16_t type, int family, const char *text) {
        uint8_t bytes[16];

        ck_assert_int_eq(inet_pton(family, text, bytes), 1);
        put(m, type, bytes, family == AF_INET ? 4 : 16);
}

static Message link_message(uint16_t type, int interface, unsigned flags) {
        return (Message){
                .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)), .nlmsg_type = type },
                .link = { .ifi_index = interface, .ifi_flags = flags },
        };
}

static Message address_message(uint16_t type, unsigned interface, const char *text, uint32_t flags,
                               uint8_t scope) {
        int family = strchr(text, ':') ? AF_INET6 : AF_INET;
        Message m = {
                .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)), .nlmsg_type = type },
                .address = { .ifa_family = (uint8_t) family, .ifa_index = interface, .ifa_scope = scope },
        };

        put_address(&m, IFA_ADDRESS, family, text);
        put(&m, IFA_LABEL, "eth0", 5);
        put(&m, IFA_FLAGS, &flags, sizeof(flags));
        return m;
}

static Message route_message(uint16_t type, unsigned interface, const char *gateway, uint32_t table,
                             uint8_t dst_len) {
        int family = strchr(gateway, ':') ? AF_INET6 : AF_INET;
        Message m = {
                .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)), .nlmsg_type = type },
                .route = { .rtm_family = (uint8_t) family, .rtm_dst_len = dst_len, .rtm_type = RTN_UNICAST },
        };

        put(&m, RTA_TABLE, &table, sizeof(table));
        put_address(&m, RTA_GATEWAY, family, gateway);
        if (interface != 0)
                put(&m, RTA_OIF, &interface, sizeof(interface));
        return m;
}

/*
 * What the kernel tells, each as a word; the digit is the interface. "l2" is up and runs, "c2" has no
 * carrier, "d2" is down, "x2" is removed; "a2" has the address 192.0.2.2, "A2" no longer; "s2" has fd00::2,
 * "t2" while it is checked for duplicates, "S2" no longer; "k2" has a link-local address; "r2" is the way of
 * the default route, "R2" no longer; "v2" of that for IPv6, "V2" no longer; "p2" of another route, "o2" of a
 * default route in another table. "r0" is a default route over several.
 */
static Message message(char word, unsigned interface) {
        char v4[] = "192.0.2.0", v6[] = "fd00::0";
        const char *v4_gateway = "192.0.2.254", *v6_gateway = "fe80::1";

        v4[sizeof(v4) - 2] = v6[sizeof(v6) - 2] = (char) ('0' + interface);
        switch (word) {
        case 'l':
                return link_message(RTM_NEWLINK, (int) interface, IFF_UP | IFF_RUNNING);
        case 'c':
                return link_message(RTM_NEWLINK, (int) interface, IFF_UP);
        case 'd':
                return link_message(RTM_NEWLINK, (int) interface, 0);
        case 'x':
                return link_message(RTM_DELLINK, (int) interface, 0);
        case 'a':
                return address_message(RTM_NEWADDR, interface, v4, 0, RT_SCOPE_UNIVERSE);
        case 'A':
                return address_message(RTM_DELADDR, interface, v4, 0, RT_SCOPE_UNIVERSE);
        case 's':
                return address_message(RTM_NEWADDR, interface, v6, IFA_F_PERMANENT, RT_SCOPE_UNIVERSE);
        case 't':
                return address_message(RTM_NEWADDR, interface, v6, IFA_F_TENTATIVE, RT_SCOPE_UNIVERSE);
        case 'S':
                return address_message(RTM_DELADDR, interface, v6, IFA_F_PERMANENT, RT_SCOPE_UNIVERSE);
        case 'k':
                return address_message(RTM_NEWADDR, interface, "fe80::2", 0, RT_SCOPE_LINK);
        case 'r':
                return route_message(RTM_NEWROUTE, interface, v4_gateway, RT_TABLE_MAIN, 0);
        case 'R':
                return route_message(RTM_DELROUTE, interface, v4_gateway, RT_TABLE_MAIN, 0);
        case 'v':
                return route_message(RTM_NEWROUTE, interface, v6_gateway, RT_TABLE_MAIN, 0);
        case 'V':
                return route_message(RTM_DELROUTE, interface, v6_gateway, RT_TABLE_MAIN, 0);
        case 'p':
                return route_message(RTM_NEWROUTE, interface, v4_gateway, RT_TABLE_MAIN, 24);
        case 'o':
                return route_message(RTM_NEWROUTE, interface, v4_gateway, 100, 0);
        default:
                ck_abort_msg("'%c' is no word", word);
        }
}

/* The connection has the address 192.0.2.2. '+': that was NETWORK_UP; '-': it was NETWORK_GONE. */
static const char *const stories[] = {
        /* A machine starts. */
        "l2 a2+ r2+",
        "a2 l2+ r2+",
        "l2 k2 t2 s2+ v2+",
        "r2 a2 l2+",

        /* What is known is no news. */
        "l2 a2+ r2+ l2 a2 r2 a2",
        "l2 s2+ v2+ s2 v2 s2",

        /* The cable. */
        "l2 a2+ r2+ c2- c2 l2+",
        "l2 a2+ r2+ d2- l2+ r2+",
        "l2 a2+ r2+ x2- l2 a2+",
        "l2 s2+ c2 l2+",

        /* The address, and with it the routes. */
        "l2 a2+ r2+ A2- A2 a2+ r2+",
        "l2 a2+ s2+ r2+ v2+ S2 s2+ v2+ r2",

        /* The default route. */
        "l2 a2+ r2+ R2- r2+",
        "l2 a2+ s2+ r2+ v2+ V2 v2+",
        "l2 a2+ p2 o2 r2+",
        "l2 a2+ r0+ A2- a2+",

        /* Another interface: a container comes and goes, a modem has a route of its own. */
        "l2 a2+ r2+ l3 a3 c3 l3 A3 x3",
        "l2 a2+ r2+ l3 a3 r3+ R3 d3",
        "l2 a2+ l3 a3+ A3 c3",
        "l2 a2+ r2+ d2- l3 a3+ r3+ l2",
};

START_TEST(a_story_is_news_where_it_says_so) {
        NetworkAddress local = { .family = AF_INET, .bytes = { 192, 0, 2, 2 } };
        NetworkFacts f = {};

        for (const char *p = stories[_i]; *p; p += *p == ' ') {
                Message m = message(p[0], (unsigned) (p[1] - '0'));
                const char *word = p;
                unsigned expected = 0;

                for (p += 2; *p && *p != ' '; p++)
                        expected |= *p == '+' ? NETWORK_UP : NETWORK_GONE;
                ck_assert_msg(network_facts_feed(&f,
                                                 az_span_create((uint8_t *) &m, (int32_t) m.header.nlmsg_len),
                                                 &local) == expected,
                              "in '%s' at '%s'", stories[_i], word);
        }
}
END_TEST

static const struct {
        const char *story;
        NetworkReach reach;
} ways[] = {
        { "", NETWORK_REACHES_NOTHING },
        { "l2", NETWORK_REACHES_NOTHING },
        { "a2", NETWORK_REACHES_NOTHING },
        { "l2 a3", NETWORK_REACHES_NOTHING },
        { "l2 k2", NETWORK_REACHES_NOTHING },
        { "l2 a2", NETWORK_REACHES_LINKS },
        { "l2 a2 r2", NETWORK_REACHES_OUT },
        { "l2 s2 v2", NETWORK_REACHES_OUT },
        { "l2 a2 r0", NETWORK_REACHES_OUT },
        { "l2 a2 r2 R2", NETWORK_REACHES_LINKS },
        { "l2 a2 r2 c2", NETWORK_REACHES_NOTHING },
        { "l2 a2 r2 A2", NETWORK_REACHES_NOTHING },
        { "l2 a2 l3 a3 r3 d2", NETWORK_REACHES_OUT },
};

START_TEST(how_far_the_network_goes) {
        NetworkAddress local = { .family = AF_UNSPEC };
        NetworkFacts f = {};

        for (const char *p = ways[_i].story; *p; p += 2 + (p[2] == ' ')) {
                Message m = message(p[0], (unsigned) (p[1] - '0'));

                (void) network_facts_feed(&f, az_span_create((uint8_t *) &m, (int32_t) m.header.nlmsg_len),
                                          &local);
        }
        ck_assert_int_eq(network_facts_get_reach(&f), ways[_i].reach);
}
END_TEST

START_TEST(a_datagram_has_many_messages) {
        NetworkAddress local = { .family = AF_INET, .bytes = { 192, 0, 2, 2 } };
        const char words[] = "la";
        struct nlmsghdr done = { .nlmsg_len = sizeof(done), .nlmsg_type = NLMSG_DONE };
        uint8_t bytes[1024];
        NetworkFacts f = {};
        size_t n = 0;

        for (const char *p = words; *p; p++) {
                Message m = message(*p, 2);

                memcpy(bytes + n, &m, NLMSG_ALIGN(m.header.nlmsg_len));
                n += NLMSG_ALIGN(m.header.nlmsg_len);
        }
        memcpy(bytes + n, &done, sizeof(done));
        n += sizeof(done);
        ck_assert_uint_eq(network_facts_feed(&f, az_span_create(bytes, (int32_t) n), &local),
                          NETWORK_UP | NETWORK_DONE);
        ck_assert_uint_eq(f.n, 2);
}
END_TEST

START_TEST(a_message_that_is_cut_anywhere_does_no_harm) {
        NetworkAddress local = { .family = AF_UNSPEC };

        for (const char *word = "lar"; *word; word++) {
                Message m = message(*word, 2);

                for (uint32_t n = 0; n < m.header.nlmsg_len; n++) {
                        Message cut = m;
                        NetworkFacts f = {};

                        (void) network_facts_feed(&f, az_span_create((uint8_t *) &cut, (int32_t) n), &local);
                        ck_assert_uint_eq(f.n, 0);
                        /* The same with a length that tells of no more. */
                        cut.header.nlmsg_len = n;
                        (void) network_facts_feed(&f, az_span_create((uint8_t *) &cut, (int32_t) n), &local);
                        ck_assert_uint_le(f.n, 1);
                }
        }
}
END_TEST

START_TEST(more_than_fits_is_no_news) {
        NetworkAddress local = { .family = AF_INET, .bytes = { 192, 0, 2, 2 } };
        NetworkFacts f = {};

        for (int i = 10; i < 1000; i++) {
                Message m = link_message(RTM_NEWLINK, i, IFF_UP | IFF_RUNNING);

                ck_assert_uint_eq(
                        network_facts_feed(&f, az_span_create((uint8_t *) &m, (int32_t) m.header.nlmsg_len),
                                           &local),
                        0);
        }
        ck_assert_uint_eq(f.n, NETWORK_FACTS_MAX);
}
END_TEST

static Suite *network_facts_suite(void) {
        Suite *s = suite_create("network-facts");
        TCase *t = tcase_create("network_facts_feed");

        tcase_add_loop_test(t, a_story_is_news_where_it_says_so, 0, ELEMENTSOF(stories));
        tcase_add_loop_test(t, how_far_the_network_goes, 0, ELEMENTSOF(ways));
        tcase_add_test(t, a_datagram_has_many_messages);
        tcase_add_test(t, a_message_that_is_cut_anywhere_does_no_harm);
        tcase_add_test(t, more_than_fits_is_no_news);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(network_facts_suite)
