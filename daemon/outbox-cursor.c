/* SPDX-License-Identifier: MIT */

#include "daemon/outbox-cursor.h"

#include <assert.h>
#include <endian.h>

#include "daemon/aside.h"
#include "daemon/crc32c.h"

#define MAGIC   "AZIOCUR2"
#define MAGIC_1 "AZIOCUR1" /* ends before what is counted */

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
        uint64_t n_dropped[CURSOR_COUNTS];
        uint64_t counted_since_us;
} SlotBytes;

#define SLOT_1_BYTES offsetof(SlotBytes, n_dropped)

static_assert(SLOT_1_BYTES == 88 && sizeof(SlotBytes) == 160, "no padding: all of it is checked");

static uint32_t slot_crc(const SlotBytes *slot, size_t n) {
        size_t checked = offsetof(SlotBytes, outbox_id);

        return crc32c(0, (const uint8_t *) slot + checked, n - checked);
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
                .outbox_id = htole32(c->outbox_id),
                .generation = htole64(c->generation),
                .boot = htole64(c->boot),
                .lowest = htole64(c->lowest),
                .last_sequence = htole64(c->last_sequence),
                .next_sequence = htole64(c->next_sequence),
                .counted_since_us = htole64(c->counted_since_us),
        };

        memcpy(slot.magic, MAGIC, sizeof(slot.magic));
        memcpy(slot.acked, c->acked, sizeof(slot.acked));
        for (size_t i = 0; i < CURSOR_COUNTS; i++)
                slot.n_dropped[i] = htole64(c->n_dropped[i]);
        slot.crc = htole32(slot_crc(&slot, sizeof(slot)));
        memset(out, 0, CURSOR_SLOT_BYTES);
        memcpy(out, &slot, sizeof(slot));
}

uint32_t cursor_offset(const Cursor *c) {
        return (uint32_t) (c->generation & 1) * CURSOR_SLOT_BYTES;
}

static bool slot_parse(Cursor *ret, az_span bytes) {
        size_t n = sizeof(SlotBytes);
        SlotBytes slot = {};

        if (az_span_size(bytes) < (int32_t) n)
                return false;
        if (memcmp(az_span_ptr(bytes), MAGIC_1, sizeof(slot.magic)) == 0)
                n = SLOT_1_BYTES;
        else if (memcmp(az_span_ptr(bytes), MAGIC, sizeof(slot.magic)) != 0)
                return false;
        memcpy(&slot, az_span_ptr(bytes), n);
        if (le32toh(slot.crc) != slot_crc(&slot, n))
                return false;

        *ret = (Cursor){
                .outbox_id = le32toh(slot.outbox_id),
                .generation = le64toh(slot.generation),
                .boot = le64toh(slot.boot),
                .lowest = le64toh(slot.lowest),
                .last_sequence = le64toh(slot.last_sequence),
                .next_sequence = le64toh(slot.next_sequence),
                .counted_since_us = le64toh(slot.counted_since_us),
        };
        memcpy(ret->acked, slot.acked, sizeof(ret->acked));
        for (size_t i = 0; i < CURSOR_COUNTS; i++)
                ret->n_dropped[i] = le64toh(slot.n_dropped[i]);
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

bool cursor_is_newer(az_span bytes) {
        return aside_is_newer(bytes, MAGIC) ||
               (az_span_size(bytes) > (int32_t) CURSOR_SLOT_BYTES &&
                aside_is_newer(az_span_slice_to_end(bytes, (int32_t) CURSOR_SLOT_BYTES), MAGIC));
}
