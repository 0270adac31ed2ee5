/* SPDX-License-Identifier: MIT */

/* A datagram from the kernel's rtnetlink, twice. The connection has the address 192.0.2.2. */

#include "daemon/network-facts.h"

#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        NetworkAddress local = { .family = AF_INET, .bytes = { 192, 0, 2, 2 } };
        az_span datagram = az_span_create((uint8_t *) data, (int32_t) size);
        NetworkFacts facts = {};
        unsigned news;

        for (int i = 0; i < 2; i++) {
                news = network_facts_feed(&facts, datagram, &local);
                if (facts.n > NETWORK_FACTS_MAX ||
                    news & ~(unsigned) (NETWORK_UP | NETWORK_GONE | NETWORK_DONE))
                        abort();
        }
        for (unsigned i = 0; i < facts.n; i++)
                for (unsigned j = 0; j < i; j++)
                        if (facts.facts[i].kind == facts.facts[j].kind &&
                            facts.facts[i].interface == facts.facts[j].interface &&
                            memcmp(&facts.facts[i].address, &facts.facts[j].address,
                                   sizeof(facts.facts[i].address)) == 0)
                                abort();
        return 0;
}
