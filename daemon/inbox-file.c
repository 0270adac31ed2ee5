/* SPDX-License-Identifier: MIT */

#include "daemon/inbox-file.h"

#include <assert.h>
#include <endian.h>
#include <openssl/evp.h>

#include "daemon/aside.h"
#include "daemon/crc32c.h"

/* Files ---------------------------------------------------------------------------------------------- */

#define MAGIC "AZIOC2D1"

#define FLAG_NAMED 0x01U

typedef struct HeaderBytes {
        char magic[8];
        uint32_t crc; /* of everything behind it, but 'given' */
        uint32_t flags;
        uint32_t bag_size;
        uint32_t payload_size;
        uint64_t sequence;
        uint64_t received_us;
        uint64_t expires_us;
        uint8_t id[32];
        uint8_t reserved[7];
        uint8_t given;
} HeaderBytes;

static_assert(sizeof(HeaderBytes) == INBOX_FILE_HEADER_BYTES, "no padding: all of it is checked");
static_assert(offsetof(HeaderBytes, given) == INBOX_FILE_GIVEN_OFFSET, "the one byte that is not");

static uint32_t file_crc(const HeaderBytes *header, az_span bag, az_span payload) {
        size_t checked = offsetof(HeaderBytes, flags);
        uint32_t crc = crc32c(0, (const uint8_t *) header + checked, INBOX_FILE_GIVEN_OFFSET - checked);

        crc = crc32c(crc, az_span_ptr(bag), (size_t) az_span_size(bag));
        return crc32c(crc, az_span_ptr(payload), (size_t) az_span_size(payload));
}

size_t inbox_file_size(const InboxFile *file) {
        return INBOX_FILE_HEADER_BYTES + (size_t) az_span_size(file->bag) +
               (size_t) az_span_size(file->payload);
}

void inbox_file_format(const InboxFile *file, uint8_t out[static INBOX_FILE_HEADER_BYTES]) {
        HeaderBytes header = {
                .flags = htole32(file->is_named ? FLAG_NAMED : 0),
                .bag_size = htole32((uint32_t) az_span_size(file->bag)),
                .payload_size = htole32((uint32_t) az_span_size(file->payload)),
                .sequence = htole64(file->sequence),
                .received_us = htole64(file->received_us),
                .expires_us = htole64(file->expires_us),
                .given = file->was_given,
        };

        memcpy(header.magic, MAGIC, sizeof(header.magic));
        memcpy(header.id, file->id.bytes, sizeof(header.id));
        header.crc = htole32(file_crc(&header, file->bag, file->payload));
        memcpy(out, &header, sizeof(header));
}

bool inbox_file_is_newer(az_span bytes) {
        return aside_is_newer(bytes, MAGIC);
}

bool inbox_file_parse(InboxFile *ret, az_span bytes) {
        uint32_t bag_size, payload_size;
        az_span content, bag, payload;
        HeaderBytes header;

        if (az_span_size(bytes) < (int32_t) sizeof(header))
                return false;
        memcpy(&header, az_span_ptr(bytes), sizeof(header));
        content = az_span_slice_to_end(bytes, (int32_t) sizeof(header));
        bag_size = le32toh(header.bag_size);
        payload_size = le32toh(header.payload_size);
        if (memcmp(header.magic, MAGIC, sizeof(header.magic)) != 0 || bag_size > INBOX_BAG_MAX ||
            payload_size > INBOX_PAYLOAD_MAX || bag_size + payload_size != (uint32_t) az_span_size(content))
                return false;

        bag = az_span_slice(content, 0, (int32_t) bag_size);
        payload = az_span_slice_to_end(content, (int32_t) bag_size);
        if (le32toh(header.crc) != file_crc(&header, bag, payload))
                return false;

        *ret = (InboxFile){
                .sequence = le64toh(header.sequence),
                .received_us = le64toh(header.received_us),
                .expires_us = le64toh(header.expires_us),
                .is_named = (le32toh(header.flags) & FLAG_NAMED) != 0,
                .was_given = header.given != 0,
                .bag = bag,
                .payload = payload,
        };
        memcpy(ret->id.bytes, header.id, sizeof(ret->id.bytes));
        return true;
}

/* Ids ------------------------------------------------------------------------------------------------- */

typedef struct SlotBytes {
        uint32_t crc;     /* of everything behind it */
        uint32_t version; /* less one */
        uint64_t number;  /* counts the ids ever added, from 1 on; 0: an empty slot */
        uint64_t sequence;
        uint8_t id[32];
        uint8_t padding[8];
} SlotBytes;

static_assert(sizeof(SlotBytes) == INBOX_ID_SLOT_BYTES, "no padding: all of it is checked");

static bool digest_add(EVP_MD_CTX *context, az_span bytes) {
        return EVP_DigestUpdate(context, az_span_ptr(bytes), (size_t) az_span_size(bytes)) == 1;
}

static void evp_md_ctx_freep(EVP_MD_CTX **context) {
        EVP_MD_CTX_free(*context);
}

int inbox_id_make(InboxId *ret, az_span message_id, az_span bag, az_span payload) {
        bool is_named = az_span_size(message_id) > 0;
        az_span first = is_named ? message_id : bag;
        /* Before it, so that no two pairs of texts are the same bytes. */
        uint32_t prefix[] = { htole32(is_named ? 1 : 0), htole32((uint32_t) az_span_size(first)) };
        _cleanup_(evp_md_ctx_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
        InboxId id;

        if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 ||
            !digest_add(context, az_span_create((uint8_t *) prefix, sizeof(prefix))) ||
            !digest_add(context, first) || !digest_add(context, payload) ||
            EVP_DigestFinal_ex(context, id.bytes, NULL) != 1)
                return -ENOMEM;
        *ret = id;
        return 0;
}

bool inbox_id_is_equal(const InboxId *a, const InboxId *b) {
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool inbox_ids_has(const InboxIds *ids, const InboxId *id) {
        for (size_t i = 0; i < MIN(ids->n_added, (uint64_t) INBOX_IDS_MAX); i++)
                if (inbox_id_is_equal(&ids->ids[(ids->n_added - 1 - i) % INBOX_IDS_MAX], id))
                        return true;
        return false;
}

void inbox_ids_add(InboxIds *ids, const InboxId *id, uint64_t sequence) {
        ids->ids[ids->n_added++ % INBOX_IDS_MAX] = *id;
        ids->sequence = sequence;
}

static uint32_t slot_crc(const SlotBytes *slot) {
        size_t checked = offsetof(SlotBytes, version);

        return crc32c(0, (const uint8_t *) slot + checked, sizeof(*slot) - checked);
}

uint32_t inbox_ids_format_next(const InboxIds *ids, const InboxId *id, uint64_t sequence,
                               uint8_t out[static INBOX_ID_SLOT_BYTES]) {
        SlotBytes slot = { .number = htole64(ids->n_added + 1), .sequence = htole64(sequence) };

        memcpy(slot.id, id->bytes, sizeof(slot.id));
        slot.crc = htole32(slot_crc(&slot));
        memcpy(out, &slot, sizeof(slot));
        return (uint32_t) (ids->n_added % INBOX_IDS_MAX) * INBOX_ID_SLOT_BYTES;
}

int inbox_ids_parse(InboxIds *ret, az_span bytes) {
        static const SlotBytes empty;
        InboxIds ids = {};
        SlotBytes slot;

        for (size_t i = 0; i < INBOX_IDS_MAX && (i + 1) * sizeof(slot) <= (size_t) az_span_size(bytes); i++) {
                memcpy(&slot, az_span_ptr(bytes) + i * sizeof(slot), sizeof(slot));
                if (memcmp(&slot, &empty, sizeof(slot)) == 0)
                        continue;
                /* The n-th id stands in slot n - 1, modulo their number. */
                if (le32toh(slot.crc) != slot_crc(&slot) || (le64toh(slot.number) - 1) % INBOX_IDS_MAX != i)
                        return INBOX_IDS_DAMAGED;
                if (slot.version != 0)
                        return INBOX_IDS_NEWER;
                memcpy(ids.ids[i].bytes, slot.id, sizeof(slot.id));
                if (le64toh(slot.number) > ids.n_added) {
                        ids.n_added = le64toh(slot.number);
                        ids.sequence = le64toh(slot.sequence);
                }
        }
        *ret = ids;
        return 0;
}
