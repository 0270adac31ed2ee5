/* SPDX-License-Identifier: MIT */

/*
 * Arbitrary bytes as what the inbox keeps on disk. The first byte chooses: 0 takes the rest as the file of a
 * message, 1 puts right sizes and checksum into it first, so that the fuzzer gets past them; 2 takes it as
 * the file of ids.
 */

#include <stdint.h>

#include "daemon/inbox-file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
        if (!holds)
                abort();
}

/* What is read back is what would be written. */
static void check_file(az_span bytes) {
        uint8_t header[INBOX_FILE_HEADER_BYTES];
        InboxFile file, again;

        if (!inbox_file_parse(&file, bytes))
                return;
        check(inbox_file_size(&file) == (size_t) az_span_size(bytes));
        check(az_span_size(file.bag) <= (int32_t) INBOX_BAG_MAX);
        check(az_span_ptr(file.payload) + az_span_size(file.payload) ==
              az_span_ptr(bytes) + az_span_size(bytes));

        inbox_file_format(&file, header);
        memcpy(az_span_ptr(bytes), header, sizeof(header));
        check(inbox_file_parse(&again, bytes));
        check(again.sequence == file.sequence && again.received_us == file.received_us &&
              again.expires_us == file.expires_us && again.is_named == file.is_named &&
              again.was_given == file.was_given && inbox_id_is_equal(&again.id, &file.id));
}

/* The bag ends at the first NUL behind the header. */
static void mend(az_span bytes) {
        az_span content, bag;
        InboxFile file;
        int32_t end;

        if (az_span_size(bytes) < (int32_t) INBOX_FILE_HEADER_BYTES)
                return;
        content = az_span_slice_to_end(bytes, (int32_t) INBOX_FILE_HEADER_BYTES);
        end = az_span_find(content, AZ_SPAN_FROM_STR("\0"));
        bag = az_span_slice(content, 0, end < 0 ? az_span_size(content) : end);
        file = (InboxFile){
                .sequence = az_span_ptr(bytes)[0],
                .expires_us = az_span_ptr(bytes)[1],
                .is_named = (az_span_ptr(bytes)[2] & 1) != 0,
                .bag = bag,
                .payload = az_span_slice_to_end(content, az_span_size(bag)),
        };
        inbox_file_format(&file, az_span_ptr(bytes));
}

static void check_ids(az_span bytes) {
        uint8_t slot[INBOX_ID_SLOT_BYTES];
        InboxId id = { .bytes = { 1 } };
        InboxIds ids;

        if (inbox_ids_parse(&ids, bytes) != 0)
                return;
        check(inbox_ids_format_next(&ids, &id, 7, slot) % INBOX_ID_SLOT_BYTES == 0);
        inbox_ids_add(&ids, &id, 7);
        check(inbox_ids_has(&ids, &id) || ids.n_added == 0); /* the count came to its end */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_span bytes;
        uint8_t *copy;

        if (size == 0)
                return 0;
        copy = malloc(size);
        if (!copy)
                return 0;
        memcpy(copy, data + 1, size - 1);
        bytes = az_span_create(copy, (int32_t) size - 1);

        if (data[0] == 1)
                mend(bytes);
        if (data[0] == 2)
                check_ids(bytes);
        else
                check_file(bytes);
        free(copy);
        return 0;
}
