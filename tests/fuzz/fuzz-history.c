/* SPDX-License-Identifier: MIT */

/*
 * Arbitrary bytes as a history file. The first byte chooses: 0 takes the rest as it is, anything else puts
 * right checksums into it, so that the fuzzer gets past them. What can be read must read the same when it
 * was written again.
 */

#include <stdint.h>

#include "daemon/crc32c.h"
#include "daemon/history-file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
        if (!holds)
                abort();
}

static void put32(uint8_t *out, uint32_t value) {
        for (int i = 0; i < 4; i++)
                out[i] = (uint8_t) (value >> 8 * i);
}

static void check_record(az_span bytes, uint32_t salt) {
        uint8_t again[HISTORY_RECORD_BYTES];
        HistoryRecord a, b;

        if (!history_record_parse(bytes, salt, &a))
                return;
        check(a.sequence >= a.first_sequence && a.count > 0);
        history_record_format(&a, salt, again);
        check(history_record_parse(az_span_create(again, sizeof(again)), salt, &b));
        check(a.sequence == b.sequence && a.first_sequence == b.first_sequence && a.count == b.count &&
              a.boot == b.boot && a.boottime_us == b.boottime_us && a.realtime_us == b.realtime_us &&
              a.first_realtime_us == b.first_realtime_us && a.is_resumed == b.is_resumed);
        for (size_t i = 0; i < _HISTORY_TEXT_MAX; i++)
                check(strlen(b.texts[i]) <= strlen(a.texts[i]));
        check(b.texts[HISTORY_TEXT_EVENT][0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint8_t *bytes;
        uint32_t salt = 0;
        size_t n;

        if (size == 0)
                return 0;
        n = size - 1;
        bytes = malloc(n + 1);
        if (!bytes)
                return 0;
        memcpy(bytes, data + 1, n);

        if (data[0] != 0 && n >= HISTORY_HEADER_BYTES)
                put32(bytes + 8, crc32c(0, bytes + 12, HISTORY_HEADER_BYTES - 12));
        (void) history_header_parse(az_span_create(bytes, (int32_t) n), &salt);

        for (size_t i = 0; i < n; i += HISTORY_RECORD_BYTES) {
                if (data[0] != 0 && n - i >= HISTORY_RECORD_BYTES)
                        put32(bytes + i, crc32c(salt, bytes + i + 4, HISTORY_RECORD_BYTES - 4));
                check_record(az_span_create(bytes + i, (int32_t) (n - i)), salt);
        }
        free(bytes);
        return 0;
}
