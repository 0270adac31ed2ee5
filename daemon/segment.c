/* SPDX-License-Identifier: MIT */

#include "daemon/segment.h"

#include <assert.h>
#include <endian.h>

#include "daemon/aside.h"
#include "daemon/crc32c.h"

#define MAGIC        "AZIOSEG2"
#define RECORD_FLAGS (SEGMENT_MORE | SEGMENT_FILLER)

/* All of it but the version. */
#define MAGIC_PREFIX_BYTES 7U

/* The two headers as they lie in the file; every member is little-endian. */
typedef struct HeaderBytes {
        char magic[8];
        uint32_t crc;
        uint32_t outbox_id;
        uint64_t salt;
        uint64_t generation;
        uint64_t first_sequence;
        uint64_t n_bytes;
} HeaderBytes;

typedef struct RecordBytes {
        uint32_t header_crc;
        uint32_t content_crc;
        uint32_t n_body;
        uint16_t n_properties;
        uint8_t flags;
        uint8_t user_flags;
        uint64_t sequence;
        uint32_t boot;
        uint32_t distance;
        uint64_t boottime_us;
        uint64_t realtime_us;
        uint32_t ttl_s;
        uint32_t batch_index;
        /* Not in version 1. */
        uint32_t owner;
        uint32_t zero;
} RecordBytes;

static_assert(sizeof(HeaderBytes) == 48, "the layout that segment.h promises");
static_assert(sizeof(RecordBytes) == SEGMENT_RECORD_BYTES, "the layout that segment.h promises");

uint32_t segment_record_bytes(unsigned version) {
        return version == 1 ? (uint32_t) offsetof(RecordBytes, owner) : (uint32_t) sizeof(RecordBytes);
}

uint32_t segment_first_offset(unsigned version) {
        return SEGMENT_HEADER_BYTES - segment_record_bytes(version);
}

static uint32_t header_crc(const HeaderBytes *h, unsigned version) {
        size_t checked = offsetof(HeaderBytes, outbox_id);

        return crc32c(version == 1 ? 0 : version, (const uint8_t *) h + checked, sizeof(*h) - checked);
}

void segment_header_format(const SegmentHeader *h, uint8_t *out) {
        HeaderBytes bytes = {
                .outbox_id = htole32(h->outbox_id),
                .salt = htole64(h->salt),
                .generation = htole64(h->generation),
                .first_sequence = htole64(h->first_sequence),
                .n_bytes = htole64(h->n_bytes),
        };

        memcpy(bytes.magic, MAGIC, sizeof(bytes.magic));
        bytes.magic[MAGIC_PREFIX_BYTES] = (char) ('0' + h->version);
        bytes.crc = htole32(header_crc(&bytes, h->version));
        memset(out, 0, SEGMENT_HEADER_BYTES);
        memcpy(out, &bytes, sizeof(bytes));
}

bool segment_header_is_newer(az_span bytes) {
        return aside_is_newer(bytes, MAGIC);
}

bool segment_header_parse(SegmentHeader *ret, az_span bytes) {
        unsigned version;
        HeaderBytes h;

        if (az_span_size(bytes) < (int32_t) SEGMENT_HEADER_BYTES)
                return false;
        memcpy(&h, az_span_ptr(bytes), sizeof(h));
        version = (unsigned) h.magic[MAGIC_PREFIX_BYTES] - '0';
        if (memcmp(h.magic, MAGIC, MAGIC_PREFIX_BYTES) != 0 || version < 1 || version > SEGMENT_VERSION ||
            le32toh(h.crc) != header_crc(&h, version))
                return false;

        *ret = (SegmentHeader){
                .version = version,
                .outbox_id = le32toh(h.outbox_id),
                .salt = le64toh(h.salt),
                .generation = le64toh(h.generation),
                .first_sequence = le64toh(h.first_sequence),
                .n_bytes = le64toh(h.n_bytes),
        };
        return true;
}

size_t segment_record_size(unsigned version, size_t n_properties, size_t n_body) {
        return (segment_record_bytes(version) + n_properties + n_body + SEGMENT_RECORD_ALIGN - 1) &
               ~(size_t) (SEGMENT_RECORD_ALIGN - 1);
}

/* Two seeds from one salt: both checksums would have to be guessed to forge a record. */
static uint32_t record_crc(const RecordBytes *r, const SegmentHeader *h) {
        size_t checked = offsetof(RecordBytes, content_crc);

        return crc32c((uint32_t) h->salt, (const uint8_t *) r + checked,
                      segment_record_bytes(h->version) - checked);
}

static uint32_t content_crc(const uint8_t *content, size_t n, uint64_t salt) {
        return crc32c((uint32_t) (salt >> 32), content, n);
}

static uint32_t distance_format(const SegmentRecord *r) {
        uint64_t distance = r->sequence - r->previous;

        return r->previous == 0 || distance > UINT32_MAX ? 0 : (uint32_t) distance;
}

void segment_record_format(const SegmentRecord *r, const SegmentHeader *h, uint8_t *out) {
        size_t n_properties = (size_t) az_span_size(r->properties), n_body = (size_t) az_span_size(r->body);
        size_t n_content = n_properties + n_body, n_record = segment_record_bytes(h->version);
        uint8_t *content = out + n_record;
        RecordBytes bytes = {
                .n_body = htole32((uint32_t) n_body),
                .n_properties = htole16((uint16_t) n_properties),
                .flags = r->flags,
                .user_flags = r->user_flags,
                .sequence = htole64(r->sequence),
                .boot = htole32(r->boot),
                .distance = htole32(distance_format(r)),
                .boottime_us = htole64(r->boottime_us),
                .realtime_us = htole64(r->realtime_us),
                .ttl_s = htole32(r->ttl_s),
                .batch_index = htole32(r->batch_index),
                .owner = htole32(r->owner),
        };

        assert(n_properties <= UINT16_MAX);

        if (n_properties > 0)
                memcpy(content, az_span_ptr(r->properties), n_properties);
        if (n_body > 0)
                memcpy(content + n_properties, az_span_ptr(r->body), n_body);
        memset(content + n_content, 0,
               segment_record_size(h->version, n_properties, n_body) - n_record - n_content);

        bytes.content_crc = htole32(content_crc(content, n_content, h->salt));
        bytes.header_crc = htole32(record_crc(&bytes, h));
        memcpy(out, &bytes, n_record);
}

void segment_filler_format(uint64_t lost_sequence, uint32_t n, const SegmentHeader *h, uint8_t *out) {
        uint32_t n_record = segment_record_bytes(h->version);
        RecordBytes bytes = {
                .n_body = htole32(n - n_record),
                .flags = SEGMENT_FILLER,
                .sequence = htole64(lost_sequence),
        };

        assert(n >= n_record && n % SEGMENT_RECORD_ALIGN == 0);

        bytes.header_crc = htole32(record_crc(&bytes, h));
        memcpy(out, &bytes, n_record);
}

size_t segment_record_view(SegmentRecord *ret, const uint8_t *bytes, unsigned version) {
        uint8_t *content = (uint8_t *) bytes + segment_record_bytes(version);
        RecordBytes r = { .owner = htole32(SEGMENT_NO_OWNER) };
        size_t n_properties, n_body;

        memcpy(&r, bytes, segment_record_bytes(version));
        n_properties = le16toh(r.n_properties);
        n_body = le32toh(r.n_body);

        *ret = (SegmentRecord){
                .sequence = le64toh(r.sequence),
                .boot = le32toh(r.boot),
                .previous = r.distance == 0 ? 0 : le64toh(r.sequence) - le32toh(r.distance),
                .boottime_us = le64toh(r.boottime_us),
                .realtime_us = le64toh(r.realtime_us),
                .ttl_s = le32toh(r.ttl_s),
                .batch_index = le32toh(r.batch_index),
                .owner = le32toh(r.owner),
                .flags = r.flags,
                .user_flags = r.user_flags,
                .properties = az_span_create(content, (int32_t) n_properties),
                .body = az_span_create(content + n_properties, (int32_t) n_body),
        };
        return segment_record_size(version, n_properties, n_body);
}

SegmentRecordState segment_record_parse(SegmentRecord *ret, size_t *ret_size, az_span bytes,
                                        const SegmentHeader *h, uint64_t lowest_sequence) {
        size_t n = (size_t) az_span_size(bytes), n_record = segment_record_bytes(h->version), n_content, size;
        const uint8_t *p = az_span_ptr(bytes);
        bool is_filler;
        RecordBytes r;

        if (n < n_record) {
                *ret_size = n_record;
                return SEGMENT_RECORD_SHORT;
        }
        memcpy(&r, p, n_record);

        /* The cheap questions come first: most bytes of a reused segment are no record of this use. */
        is_filler = (r.flags & SEGMENT_FILLER) != 0;
        if ((!is_filler && (r.sequence == 0 || le64toh(r.sequence) < lowest_sequence)) ||
            le64toh(r.sequence) > SEGMENT_SEQUENCE_MAX || (r.flags & ~RECORD_FLAGS) != 0 ||
            le32toh(r.n_body) > SEGMENT_BYTES_MAX || le32toh(r.header_crc) != record_crc(&r, h))
                return SEGMENT_RECORD_NONE;

        n_content = (size_t) le16toh(r.n_properties) + le32toh(r.n_body);
        size = segment_record_size(h->version, le16toh(r.n_properties), le32toh(r.n_body));
        *ret_size = size;
        if (size > SEGMENT_BYTES_MAX - SEGMENT_HEADER_BYTES)
                return SEGMENT_RECORD_NONE;
        if (size > n)
                return SEGMENT_RECORD_SHORT;
        if (!is_filler && le32toh(r.content_crc) != content_crc(p + n_record, n_content, h->salt))
                return SEGMENT_RECORD_BAD_CONTENT;

        (void) segment_record_view(ret, p, h->version);
        return SEGMENT_RECORD_WHOLE;
}

static az_span scan_rest(const SegmentScan *s, uint32_t offset) {
        return az_span_slice_to_end(s->bytes, (int32_t) offset);
}

void segment_scan_init(SegmentScan *s, const SegmentHeader *h, az_span bytes) {
        uint32_t first = segment_first_offset(h->version);
        SegmentRecord record;
        size_t size;

        *s = (SegmentScan){
                .bytes = bytes,
                .header = *h,
                .lowest_sequence = h->first_sequence,
                .offset = SEGMENT_HEADER_BYTES,
                .batch_end = SEGMENT_HEADER_BYTES,
        };
        if (az_span_size(bytes) >= (int32_t) SEGMENT_HEADER_BYTES &&
            segment_record_parse(&record, &size, scan_rest(s, first), h, 0) == SEGMENT_RECORD_WHOLE &&
            (record.flags & SEGMENT_FILLER) != 0 && size == segment_record_bytes(h->version))
                s->offset = first;
}

/*
 * Looks for a whole batch, or a filler, at 'offset'. Returns its size. Otherwise 0, and *ret_step is how far
 * away the next one may begin.
 */
static uint32_t scan_batch(const SegmentScan *s, uint32_t offset, uint32_t *ret_step) {
        uint64_t sequence = s->lowest_sequence;
        uint32_t end = offset, step = SEGMENT_RECORD_ALIGN;

        for (uint32_t index = 0;; index++) {
                SegmentRecord record;
                SegmentRecordState state;
                size_t size;

                state = segment_record_parse(&record, &size, scan_rest(s, end), &s->header, sequence);
                if (index == 0 && (state == SEGMENT_RECORD_WHOLE || state == SEGMENT_RECORD_BAD_CONTENT))
                        step = (uint32_t) size;
                if (state != SEGMENT_RECORD_WHOLE || record.batch_index != index ||
                    (index > 0 && record.sequence != sequence)) {
                        *ret_step = step;
                        return 0;
                }

                end += (uint32_t) size;
                sequence = record.sequence + 1;
                if ((record.flags & SEGMENT_MORE) == 0)
                        return end - offset;
        }
}

/* Looks for the end of the damage that begins at s->offset. */
static SegmentItem scan_damage(SegmentScan *s, uint32_t step) {
        uint32_t begin = s->offset, n = (uint32_t) az_span_size(s->bytes);
        uint32_t last = n - segment_record_bytes(s->header.version);

        for (uint32_t offset = begin + step; offset <= last; offset += step) {
                uint32_t size = scan_batch(s, offset, &step);

                if (size > 0) {
                        s->offset = offset;
                        s->batch_end = offset + size;
                        return (SegmentItem){ .type = SEGMENT_ITEM_BAD,
                                              .offset = begin,
                                              .size = offset - begin };
                }
        }
        return (SegmentItem){ .type = SEGMENT_ITEM_END, .offset = begin };
}

SegmentItem segment_scan_next(SegmentScan *s) {
        SegmentItem item = { .type = SEGMENT_ITEM_RECORD, .offset = s->offset };

        if (s->offset == s->batch_end) {
                uint32_t step = SEGMENT_RECORD_ALIGN, n = (uint32_t) az_span_size(s->bytes);
                uint32_t n_record = segment_record_bytes(s->header.version);

                if (n < n_record || s->offset > n - n_record)
                        return (SegmentItem){ .type = SEGMENT_ITEM_END, .offset = s->offset };
                item.size = scan_batch(s, s->offset, &step);
                if (item.size == 0)
                        return scan_damage(s, step);
                s->batch_end = s->offset + item.size;
        }

        item.size = (uint32_t) segment_record_view(&item.record, az_span_ptr(s->bytes) + s->offset,
                                                   s->header.version);
        s->offset += item.size;
        if ((item.record.flags & SEGMENT_FILLER) != 0)
                item.type = SEGMENT_ITEM_FILLER;
        else
                s->lowest_sequence = item.record.sequence + 1;
        return item;
}
