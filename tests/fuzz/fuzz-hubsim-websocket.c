/* SPDX-License-Identifier: MIT */

/* What a stranger may send to the simulator's WebSocket: the request and frames, whole and byte by byte. */

#include <assert.h>

#include "hubsim/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Result {
        WebSocket websocket;
        IpcBuffer in, data, out;
        int r;
} Result;

static void result_done(Result *result) {
        ipc_buffer_done(&result->in);
        ipc_buffer_done(&result->data);
        ipc_buffer_done(&result->out);
}

static void feed(Result *result, const uint8_t *data, size_t size, size_t step) {
        static const char *const hosts[] = { "localhost", NULL };

        *result = (Result){ .websocket = { .hosts = hosts } };
        for (size_t n = 0; n < size && result->r == 0; n += step) {
                assert(buffer_append(&result->in, data + n, MIN(step, size - n)) == 0);
                result->r = websocket_feed(&result->websocket, &result->in, &result->data, &result->out);
        }
        assert(result->r == 0 || result->websocket.state == WEBSOCKET_CLOSED);
        assert((result->r == -EBADMSG) == (result->websocket.reason != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(result_done) Result whole = {}, bytes = {};

        feed(&whole, data, size, MAX(size, 1U));
        feed(&bytes, data, size, 1);
        assert(whole.r == bytes.r);
        assert(az_span_is_content_equal(buffer_span(&whole.data), buffer_span(&bytes.data)));
        assert(az_span_is_content_equal(buffer_span(&whole.out), buffer_span(&bytes.out)));
        return 0;
}
