/* SPDX-License-Identifier: MIT */
#pragma once

/* What the messages of each application occupy. There is no I/O. */

#include "util/util.h"

typedef struct OwnerUse {
        uint32_t owner; /* OutboxMessage.owner */
        uint64_t n_messages;
        uint64_t n_bytes;
} OwnerUse;

/* Zeros: nobody has anything. As long as those who have something at the same time are many. */
typedef struct OwnerUses {
        OwnerUse *items;
        size_t n, n_allocated;
} OwnerUses;

void owner_uses_done(OwnerUses *u);

/* Forgets everybody. */
void owner_uses_clear(OwnerUses *u);

/* Makes sure that owner_uses_add() has a place for 'owner'. -ENOMEM. */
int owner_uses_reserve(OwnerUses *u, uint32_t owner);

/* One message more, for which a place is reserved, or one less; of one that is not known there is none. */
void owner_uses_add(OwnerUses *u, uint32_t owner, uint64_t n_bytes);
void owner_uses_remove(OwnerUses *u, uint32_t owner, uint64_t n_bytes);

OwnerUse owner_uses_get(const OwnerUses *u, uint32_t owner);
