/* SPDX-License-Identifier: MIT */

#include "hubsim/buffer.h"

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
