/* SPDX-License-Identifier: MIT */

#include "daemon/history-file.h"

#include <assert.h>
#include <endian.h>

#include "daemon/aside.h"
#include "daemon/crc32c.h"

#define MAGIC "AZIOHIS1"

/* What fits into the integers of the IPC. */
#define SEQUENCE_MAX ((uint64_t) INT64_MAX)

/* The year 9999, behind which RFC 3339 has no dates. */
#define REALTIME_MAX_US (UINT64_C(253402300799) * USEC_PER_SEC)

typedef struct HeaderBytes {
        char magic[8];
        uint32_t crc;
        uint32_t record_bytes;
        uint32_t salt;
        uint8_t zeros[HISTORY_HEADER_BYTES - 20];
} HeaderBytes;

typedef struct RecordBytes {
        uint32_t crc;
        uint32_t count;
        uint64_t sequence;
        uint64_t first_sequence;
        uint64_t boot;
        uint64_t boottime_us;
        uint64_t realtime_us;
        uint64_t first_realtime_us;
        uint8_t flags;
        char text[HISTORY_TEXT_BYTES];
} RecordBytes;

#define FLAG_RESUMED 0x01U

static_assert(sizeof(HeaderBytes) == HISTORY_HEADER_BYTES, "no padding: all of it is checked");
static_assert(sizeof(RecordBytes) == 512 && HISTORY_RECORD_BYTES == 512, "no padding: all of it is checked");

/* How much of a text is kept, without its NUL. The last one has what is left. */
static const size_t text_max[_HISTORY_TEXT_MAX] = {
        [HISTORY_TEXT_EVENT] = 32,
        [HISTORY_TEXT_PROBLEM] = 48,
        [HISTORY_TEXT_LAYER] = 16,
        [HISTORY_TEXT_TRANSPORT] = 16,
        [HISTORY_TEXT_HOST] = 144,
        [HISTORY_TEXT_ADDRESS] = 63,
        [HISTORY_TEXT_REASON] = HISTORY_TEXT_BYTES,
};

static uint32_t header_crc(const HeaderBytes *header) {
        size_t checked = offsetof(HeaderBytes, record_bytes);

        return crc32c(0, (const uint8_t *) header + checked, sizeof(*header) - checked);
}

void history_header_format(uint8_t *out, uint32_t salt) {
        HeaderBytes header = {
                .magic = { 'A', 'Z', 'I', 'O', 'H', 'I', 'S', '1' },
                .record_bytes = htole32(HISTORY_RECORD_BYTES),
                .salt = htole32(salt),
        };

        header.crc = htole32(header_crc(&header));
        memcpy(out, &header, sizeof(header));
}

bool history_header_parse(az_span bytes, uint32_t *ret_salt) {
        HeaderBytes header;

        if (az_span_size(bytes) < (int32_t) sizeof(header))
                return false;
        memcpy(&header, az_span_ptr(bytes), sizeof(header));
        if (memcmp(header.magic, MAGIC, sizeof(header.magic)) != 0 ||
            le32toh(header.crc) != header_crc(&header) ||
            le32toh(header.record_bytes) != HISTORY_RECORD_BYTES)
                return false;
        *ret_salt = le32toh(header.salt);
        return true;
}

bool history_header_is_newer(az_span bytes) {
        return aside_is_newer(bytes, MAGIC);
}

static uint32_t record_crc(const RecordBytes *record, uint32_t salt) {
        size_t checked = offsetof(RecordBytes, count);

        return crc32c(salt, (const uint8_t *) record + checked, sizeof(*record) - checked);
}

/* Bytes of 'text' that are kept of 'max': no part of a character of UTF-8 at the end. */
static size_t text_cut(const char *text, size_t max) {
        size_t n = strnlen(text, max + 1);

        if (n <= max)
                return n;
        for (n = max; n > 0 && max - n < 4; n--)
                if (((uint8_t) text[n] & 0xc0U) != 0x80U)
                        return n;
        return max;
}

static void texts_format(const HistoryRecord *record, char *out) {
        size_t left = HISTORY_TEXT_BYTES - _HISTORY_TEXT_MAX;

        for (size_t i = 0; i < _HISTORY_TEXT_MAX; i++) {
                const char *text = record->texts[i] ?: "";
                size_t n = text_cut(text, MIN(text_max[i], left));

                for (size_t j = 0; j < n; j++)
                        *out++ = (uint8_t) text[j] < 0x20 || text[j] == 0x7f ? ' ' : text[j];
                out++;
                left -= n;
        }
}

void history_record_format(const HistoryRecord *record, uint32_t salt, uint8_t *out) {
        RecordBytes bytes = {
                .count = htole32(record->count),
                .sequence = htole64(record->sequence),
                .first_sequence = htole64(record->first_sequence),
                .boot = htole64(record->boot),
                .boottime_us = htole64(record->boottime_us),
                .realtime_us = htole64(record->realtime_us),
                .first_realtime_us = htole64(record->first_realtime_us),
                .flags = record->is_resumed ? FLAG_RESUMED : 0,
        };

        texts_format(record, bytes.text);
        bytes.crc = htole32(record_crc(&bytes, salt));
        memcpy(out, &bytes, sizeof(bytes));
}

static bool texts_parse(const char *p, HistoryRecord *ret) {
        const char *end = p + HISTORY_TEXT_BYTES;

        for (size_t i = 0; i < _HISTORY_TEXT_MAX; i++) {
                ret->texts[i] = p;
                p = memchr(p, '\0', (size_t) (end - p));
                if (!p)
                        return false;
                p++;
        }
        return ret->texts[HISTORY_TEXT_EVENT][0] != '\0';
}

bool history_record_parse(az_span bytes, uint32_t salt, HistoryRecord *ret) {
        HistoryRecord record;
        RecordBytes raw;

        if (az_span_size(bytes) < (int32_t) sizeof(raw))
                return false;
        memcpy(&raw, az_span_ptr(bytes), sizeof(raw));
        if (le32toh(raw.crc) != record_crc(&raw, salt))
                return false;

        record = (HistoryRecord){
                .sequence = le64toh(raw.sequence),
                .first_sequence = le64toh(raw.first_sequence),
                .count = le32toh(raw.count),
                .boot = le64toh(raw.boot),
                .boottime_us = le64toh(raw.boottime_us),
                .realtime_us = le64toh(raw.realtime_us),
                .first_realtime_us = le64toh(raw.first_realtime_us),
                .is_resumed = (raw.flags & FLAG_RESUMED) != 0,
        };
        if (record.sequence == 0 || record.sequence > SEQUENCE_MAX || record.first_sequence == 0 ||
            record.first_sequence > record.sequence || record.count == 0 ||
            record.realtime_us > REALTIME_MAX_US || record.first_realtime_us > REALTIME_MAX_US)
                return false;
        if (!texts_parse((const char *) az_span_ptr(bytes) + offsetof(RecordBytes, text), &record))
                return false;
        *ret = record;
        return true;
}
