/* SPDX-License-Identifier: MIT */

/* Any text as the file of what programs serve. What is parsed can be read to its last byte. */

#include <assert.h>

#include "daemon/command-file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(az_span text) {
        assert(az_span_is_valid_utf8(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(ipc_document_done) IpcDocument document = IPC_DOCUMENT_NULL;
        _cleanup_(freep) CommandRecord *records = NULL;
        size_t n = 0;

        if (command_file_parse(&document, az_span_create((uint8_t *) data, (int32_t) size), &records, &n) !=
            0)
                return 0;
        assert(n <= COMMAND_SERVICES_MAX);
        for (size_t i = 0; i < n; i++) {
                const CommandOffer *offer = &records[i].offer;

                check_text(offer->topic);
                check_text(offer->share_name);
                for (int32_t k = 0; k < offer->tokens.n_tokens; k++) {
                        check_text(offer->tokens.tokens[k].key);
                        check_text(offer->tokens.tokens[k].value);
                }
        }
        return 0;
}
