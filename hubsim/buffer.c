/* SPDX-License-Identifier: MIT */

#include "hubsim/buffer.h"

#include <azure/core/az_base64.h>
#include <stdarg.h>

az_span buffer_span(const IpcBuffer *b) {
        return ipc_buffer_size(b) == 0 ? AZ_SPAN_EMPTY
                                       : az_span_create(b->data + b->begin, (int32_t) ipc_buffer_size(b));
}

int buffer_append(IpcBuffer *b, const void *data, size_t n) {
        uint8_t *p;

        if (n == 0)
                return 0;

        p = ipc_buffer_reserve(b, n);
        if (!p)
                return -ENOMEM;
        memcpy(p, data, n);
        ipc_buffer_commit(b, n);
        return 0;
}

int buffer_append_span(IpcBuffer *b, az_span data) {
        return buffer_append(b, az_span_ptr(data), (size_t) az_span_size(data));
}

int buffer_append_base64(IpcBuffer *b, az_span data) {
        int32_t size = az_base64_get_max_encoded_size(az_span_size(data)), n = 0;
        uint8_t *p;

        if (az_span_size(data) == 0)
                return 0;

        p = ipc_buffer_reserve(b, (size_t) size);
        if (!p || az_result_failed(az_base64_encode(az_span_create(p, size), data, &n)))
                return -ENOMEM;
        ipc_buffer_commit(b, (size_t) n);
        return 0;
}

int buffer_append_decoded(IpcBuffer *b, az_span base64) {
        int32_t size = az_base64_get_max_decoded_size(az_span_size(base64)), n = 0;
        uint8_t *p;

        if (az_span_size(base64) == 0)
                return 0;

        p = ipc_buffer_reserve(b, (size_t) size + 1); /* one character decodes to nothing */
        if (!p)
                return -ENOMEM;
        if (az_result_failed(az_base64_decode(az_span_create(p, size), base64, &n)))
                return -EBADMSG;
        ipc_buffer_commit(b, (size_t) n);
        return 0;
}

int buffer_printf(IpcBuffer *b, const char *format, ...) {
        char text[512];
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        if (n < 0 || (size_t) n >= sizeof(text))
                return -E2BIG;

        return buffer_append(b, text, (size_t) n);
}
