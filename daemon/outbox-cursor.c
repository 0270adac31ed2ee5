/* SPDX-License-Identifier: MIT */

#include "daemon/outbox-cursor.h"

#include <assert.h>
#include <endian.h>

#include "daemon/crc32c.h"

#define MAGIC "AZIOCUR1"

/* A slot as it lies in the file; every number is little-endian. */
typedef struct SlotBytes {
        char magic[8];
        uint32_t crc; /* of everything behind it */
        uint32_t outbox_id;
        uint64_t generation;
        uint64_t boot;
        uint64_t lowest;
        uint64_t last_sequence;
        uint64_t next_sequence;
        uint8_t acked[CURSOR_BITS / 8];
} SlotBytes;

static_assert(sizeof(SlotBytes) == 88, "no padding: all of it is checked");

static uint32_t slot_crc(const SlotBytes *slot) {
        size_t checked = offsetof(SlotBytes, outbox_id);

        return crc32c(0, (const uint8_t *) slot + checked, sizeof(*slot) - checked);
}

bool cursor_is_acked(const Cursor *c, uint64_t sequence) {
        uint64_t bit = sequence - c->lowest - 1;

        if (sequence <= c->lowest)
                return sequence < c->lowest;
        return bit < CURSOR_BITS && (c->acked[bit / 8] & 1U << bit % 8) != 0;
}

void cursor_set_acked(Cursor *c, uint64_t sequence) {
        uint64_t bit = sequence - c->lowest - 1;

        if (sequence > c->lowest && bit < CURSOR_BITS)
                c->acked[bit / 8] |= (uint8_t) (1U << bit % 8);
}

void cursor_format(const Cursor *c, uint8_t *out) {
        SlotBytes slot = {
                .magic = { 'A', 'Z', 'I', 'O', 'C', 'U', 'R', '1' },
                .outbox_id = htole32(c->outbox_id),
                .generation = htole64(c->generation),
                .boot = htole64(c->boot),
                .lowest = htole64(c->lowest),
                .last_sequence = htole64(c->last_sequence),
                .next_sequence = htole64(c->next_sequence),
        };

        memcpy(slot.acked, c->acked, sizeof(slot.acked));
        slot.crc = htole32(slot_crc(&slot));
        memset(out, 0, CURSOR_SLOT_BYTES);
        memcpy(out, &slot, sizeof(slot));
}

uint32_t cursor_offset(const Cursor *c) {
        return (uint32_t) (c->generation & 1) * CURSOR_SLOT_BYTES;
}

static bool slot_parse(Cursor *ret, az_span bytes) {
        SlotBytes slot;

        if (az_span_size(bytes) < (int32_t) sizeof(slot))
                return false;
        memcpy(&slot, az_span_ptr(bytes), sizeof(slot));
        if (memcmp(slot.magic, MAGIC, sizeof(slot.magic)) != 0 || le32toh(slot.crc) != slot_crc(&slot))
                return false;

        *ret = (Cursor){
                .outbox_id = le32toh(slot.outbox_id),
                .generation = le64toh(slot.generation),
                .boot = le64toh(slot.boot),
                .lowest = le64toh(slot.lowest),
                .last_sequence = le64toh(slot.last_sequence),
                .next_sequence = le64toh(slot.next_sequence),
        };
        memcpy(ret->acked, slot.acked, sizeof(ret->acked));
        return true;
}

bool cursor_parse(Cursor *ret, az_span bytes) {
        bool found = false;

        for (int32_t offset = 0; offset < az_span_size(bytes); offset += (int32_t) CURSOR_SLOT_BYTES) {
                Cursor slot;

                if (!slot_parse(&slot, az_span_slice_to_end(bytes, offset)))
                        continue;
                if (!found || slot.generation > ret->generation)
                        *ret = slot;
                found = true;
        }
        return found;
}
