/* SPDX-License-Identifier: MIT */
#include "ipc/buffer.h"

#include <assert.h>

#include "util/util.h"

#define BUFFER_MIN ((size_t) 256)

uint8_t *ipc_buffer_reserve(IpcBuffer *buffer, size_t n) {
        size_t size = ipc_buffer_size(buffer), wanted;
        uint8_t *data;

        if (buffer->allocated - buffer->end >= n)
                return buffer->data + buffer->end;

        /* Moving costs 'size', so it has to gain as much: appending stays linear in what is appended. */
        if (buffer->begin >= size && buffer->allocated - size >= n) {
                memmove(buffer->data, buffer->data + buffer->begin, size);
                buffer->begin = 0;
                buffer->end = size;
                return buffer->data + size;
        }

        wanted = MAX(MAX(buffer->end + n, 2 * buffer->allocated), BUFFER_MIN);
        data = realloc(buffer->data, wanted);
        if (!data)
                return NULL;

        buffer->data = data;
        buffer->allocated = wanted;
        return data + buffer->end;
}

void ipc_buffer_commit(IpcBuffer *buffer, size_t n) {
        assert(buffer->allocated - buffer->end >= n);

        buffer->end += n;
}

void ipc_buffer_consume(IpcBuffer *buffer, size_t n) {
        assert(ipc_buffer_size(buffer) >= n);

        buffer->begin += n;
        if (buffer->begin == buffer->end)
                ipc_buffer_done(buffer);
}

void ipc_buffer_done(IpcBuffer *buffer) {
        free(buffer->data);
        *buffer = IPC_BUFFER_NULL;
}
