/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Bytes that are appended at the end and consumed at the front. An empty buffer holds no memory, so that an
 * idle connection costs none.
 */

#include <stddef.h>
#include <stdint.h>

/* The bytes are data[begin..end). */
typedef struct IpcBuffer {
        uint8_t *data;
        size_t begin, end, allocated;
} IpcBuffer;

#define IPC_BUFFER_NULL ((IpcBuffer){ .data = NULL })

/* How many bytes it holds. */
static inline size_t ipc_buffer_size(const IpcBuffer *buffer) {
        return buffer->end - buffer->begin;
}

/* Makes room for 'n' bytes behind the end and returns where, NULL if there is no memory. */
uint8_t *ipc_buffer_reserve(IpcBuffer *buffer, size_t n);

/* Takes 'n' bytes of that room into the buffer, or 'n' bytes out at its front. */
void ipc_buffer_commit(IpcBuffer *buffer, size_t n);
void ipc_buffer_consume(IpcBuffer *buffer, size_t n);

void ipc_buffer_done(IpcBuffer *buffer);
