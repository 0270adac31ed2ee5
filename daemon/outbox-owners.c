/* SPDX-License-Identifier: MIT */

#include "daemon/outbox-owners.h"

#include <assert.h>

void owner_uses_done(OwnerUses *u) {
        free(u->items);
        *u = (OwnerUses){};
}

void owner_uses_clear(OwnerUses *u) {
        u->n = 0;
}

static OwnerUse *find(const OwnerUses *u, uint32_t owner) {
        for (size_t i = 0; i < u->n; i++)
                if (u->items[i].owner == owner)
                        return &u->items[i];
        return NULL;
}

int owner_uses_reserve(OwnerUses *u, uint32_t owner) {
        if (find(u, owner))
                return 0;

        if (u->n == u->n_allocated) {
                size_t n = MAX(2 * u->n_allocated, (size_t) 4);
                OwnerUse *items = reallocarray(u->items, n, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                u->items = items;
                u->n_allocated = n;
        }
        u->items[u->n++] = (OwnerUse){ .owner = owner };
        return 0;
}

void owner_uses_add(OwnerUses *u, uint32_t owner, uint64_t n_bytes) {
        OwnerUse *use = find(u, owner);

        assert(use);

        use->n_messages++;
        use->n_bytes += n_bytes;
}

void owner_uses_remove(OwnerUses *u, uint32_t owner, uint64_t n_bytes) {
        OwnerUse *use = find(u, owner);

        if (!use)
                return;
        use->n_messages -= MIN(use->n_messages, UINT64_C(1));
        use->n_bytes -= MIN(use->n_bytes, n_bytes);
        if (use->n_messages == 0)
                *use = u->items[--u->n];
}

OwnerUse owner_uses_get(const OwnerUses *u, uint32_t owner) {
        const OwnerUse *use = find(u, owner);

        return use ? *use : (OwnerUse){ .owner = owner };
}
