/* SPDX-License-Identifier: MIT */
#pragma once

/* What unit tests share that read and write JSON. */

#include <string.h>

#include <azure/core/az_json.h>

#include "unit-span.h"

/* Starts reading 'text' in chunks of 'chunk_size', which are written to 'chunks'. */
_unused_ static void start_reader(az_json_reader *reader, const char *text, int32_t chunk_size,
                                  az_span *chunks) {
        az_span rest = str(text);
        int32_t n = 0;

        while (az_span_size(rest) > chunk_size) {
                chunks[n++] = az_span_slice(rest, 0, chunk_size);
                rest = az_span_slice_to_end(rest, chunk_size);
        }
        chunks[n++] = rest;
        ck_assert_int_eq(az_json_reader_chunked_init(reader, chunks, n, NULL), AZ_OK);
}

/*
 * Has document 'i' written into a buffer of each size from none to more than enough: it is as expected or
 * does not fit. The buffer ends with its block, so that the sanitizer sees a write past it.
 */
_unused_ static void check_document(az_result (*write)(az_json_writer *writer, size_t i), size_t i,
                                    const char *expected) {
        int32_t needed = (int32_t) strlen(expected);

        for (int32_t size = 0; size <= needed + 1; size++) {
                _cleanup_(freep) uint8_t *block = malloc((size_t) size + 1);
                az_json_writer writer;

                ck_assert_int_eq(az_json_writer_init(&writer, az_span_create(block + 1, size), NULL), AZ_OK);
                ck_assert_int_eq(write(&writer, i), size < needed ? AZ_ERROR_NOT_ENOUGH_SPACE : AZ_OK);
                if (size >= needed)
                        ck_assert_span_eq(az_json_writer_get_bytes_used_in_destination(&writer), expected);
        }
}
