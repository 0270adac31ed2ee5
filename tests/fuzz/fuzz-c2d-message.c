/* SPDX-License-Identifier: MIT */

/* Arbitrary bytes as the property bag of a cloud-to-device message. */

#include <stdint.h>

#include "daemon/c2d-message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
        if (!holds)
                abort();
}

static bool lies_in(az_span span, az_span buffer) {
        return az_span_ptr(span) >= az_span_ptr(buffer) &&
               az_span_ptr(span) + az_span_size(span) <= az_span_ptr(buffer) + az_span_size(buffer);
}

/* It is absent, or lies in one of the two buffers. Returns its size. */
static size_t check_span(az_span span, az_span bag, az_span scratch) {
        check(ipc_is_absent(span) || lies_in(span, bag) || lies_in(span, scratch));
        return (size_t) az_span_size(span);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint8_t *memory = malloc(2 * size + 1);
        az_span bag, scratch;
        C2dProperties p;
        size_t n = 0;

        if (!memory)
                return 0;
        if (size > 0)
                memcpy(memory, data, size);
        bag = az_span_create(memory, (int32_t) size);
        scratch = az_span_create(memory + size, (int32_t) size);

        c2d_properties_parse(&p, bag, scratch);
        n += check_span(p.message_id, bag, scratch) + check_span(p.correlation_id, bag, scratch) +
             check_span(p.user_id, bag, scratch) + check_span(p.content_type, bag, scratch) +
             check_span(p.content_encoding, bag, scratch) + check_span(p.expires, bag, scratch);
        for (size_t i = 0; i < p.n_others; i++) {
                n += check_span(p.others[i].key, bag, scratch) + check_span(p.others[i].value, bag, scratch);
                for (size_t k = 0; k < i; k++)
                        check(!az_span_is_content_equal(p.others[i].key, p.others[k].key));
        }
        check(n <= size);
        check(p.n_left_out == 0 || p.n_others == IPC_MAP_MAX);
        free(memory);
        return 0;
}
