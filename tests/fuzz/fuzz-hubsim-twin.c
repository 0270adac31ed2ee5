/* SPDX-License-Identifier: MIT */

/* Twin patches of a stranger: what is taken leaves a document that the next one can be merged into. */

#include <assert.h>
#include <azure/core/az_json.h>

#include "hubsim/twin-document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Patches are separated by NUL, which is in no JSON. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(ipc_buffer_done) IpcBuffer document = {};
        az_span input = az_span_create((uint8_t *) data, (int32_t) size);

        assert(buffer_append(&document, "{\"a\":{\"b\":[1]},\"c\":2}", 21) == 0);
        while (az_span_size(input) > 0) {
                _cleanup_(ipc_buffer_done) IpcBuffer merged = {}, again = {}, notified = {};
                const uint8_t *nul = memchr(az_span_ptr(input), 0, (size_t) az_span_size(input));
                int32_t n = nul ? (int32_t) (nul - az_span_ptr(input)) : az_span_size(input);
                az_span patch = az_span_slice(input, 0, n);
                TwinRefusal refusal;
                size_t counted;

                input = az_span_slice_to_end(input, MIN(n + 1, az_span_size(input)));
                if (twin_document_merge(buffer_span(&document), patch, &merged, &refusal) != 0)
                        continue;

                assert(twin_document_size(buffer_span(&merged), &counted) == 0 &&
                       counted <= TWIN_SECTION_MAX);
                assert(twin_document_append_version(&notified, patch, 7) == 0);
                assert(az_result_succeeded(az_json_validate(buffer_span(&notified))));

                /* "Merge patches are idempotent." */
                assert(twin_document_merge(buffer_span(&merged), patch, &again, &refusal) == 0);
                assert(az_span_is_content_equal(buffer_span(&merged), buffer_span(&again)));

                ipc_buffer_done(&document);
                document = merged;
                merged = IPC_BUFFER_NULL;
        }
        return 0;
}
