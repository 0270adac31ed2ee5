/* SPDX-License-Identifier: MIT */

/*
 * Arbitrary bytes as a segment of the outbox. The first byte chooses: its lowest bit whether the rest is
 * taken as it is (0) or gets right checksums, record by record, so that the fuzzer gets past them (1); the
 * next one the version, 1 (0) or 2 (1).
 */

#include <stdint.h>

#include "daemon/crc32c.h"
#include "daemon/segment.h"

#define SALT UINT64_C(0x0123456789abcdef)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put32(uint8_t *out, uint32_t value) {
        for (int i = 0; i < 4; i++)
                out[i] = (uint8_t) (value >> 8 * i);
}

/* Lays out what segment.h describes: where there is room for a record, makes one of it. */
static void mend(uint8_t *bytes, size_t n, unsigned version) {
        size_t first = segment_first_offset(version), n_record = segment_record_bytes(version);
        size_t offset = first;

        while (n - offset >= n_record) {
                uint8_t *record = bytes + offset;
                size_t n_content = record[8] + 256U * record[9] + record[12], record_size;

                record[10] = record[11] = record[13] = 0;
                record_size = segment_record_size(version, record[12], n_content - record[12]);
                if (record_size > n - offset)
                        return;
                put32(record + 4, crc32c((uint32_t) (SALT >> 32), record + n_record, n_content));
                put32(record, crc32c((uint32_t) SALT, record + 4, n_record - 4));
                offset = offset == first ? SEGMENT_HEADER_BYTES : offset + record_size;
        }
}

static void check(bool holds) {
        if (!holds)
                abort();
}

static void scan(const SegmentHeader *header, az_span bytes) {
        uint32_t end = segment_first_offset(header->version);
        uint64_t last = header->first_sequence - 1;
        SegmentScan s;

        segment_scan_init(&s, header, bytes);
        for (;;) {
                SegmentItem item = segment_scan_next(&s);
                const uint8_t *p = az_span_ptr(item.record.body);

                check(item.offset >= end);
                if (item.type == SEGMENT_ITEM_END)
                        break;
                end = item.offset + item.size;
                check(item.size >= SEGMENT_RECORD_ALIGN && end <= (uint32_t) az_span_size(bytes));
                if (item.type != SEGMENT_ITEM_RECORD)
                        continue;
                check(item.record.sequence > last);
                last = item.record.sequence;
                check(az_span_size(item.record.body) == 0 ||
                      (p >= az_span_ptr(bytes) + item.offset &&
                       p + az_span_size(item.record.body) <= az_span_ptr(bytes) + end));
        }
        check(segment_scan_next(&s).type == SEGMENT_ITEM_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        SegmentHeader header = { .salt = SALT, .first_sequence = 1 }, parsed;
        uint8_t *bytes;
        size_t first, n;

        if (size == 0)
                return 0;

        header.version = data[0] & 2 ? 2 : 1;
        first = segment_first_offset(header.version);
        n = first + size - 1;
        bytes = calloc(1, n);
        if (!bytes)
                return 0;
        memcpy(bytes + first, data + 1, size - 1);
        if (data[0] & 1)
                mend(bytes, n, header.version);
        scan(&header, az_span_create(bytes, (int32_t) n));

        /* The same bytes as a header. */
        memmove(bytes, data + 1, size - 1);
        (void) segment_header_parse(&parsed, az_span_create(bytes, (int32_t) n));
        free(bytes);
        return 0;
}
