/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Moves messages over a stream socket: bytes in until a NUL, bytes out as the peer takes them. Knows nothing
 * of what they mean, never blocks, and is told the time.
 */

#include <stddef.h>
#include <stdint.h>

#include <azure/core/az_span.h>

#include "ipc/buffer.h"

/* Conditions of ipc_stream_read(). */
#define IPC_STREAM_AGAIN 1 /* nothing there now */
#define IPC_STREAM_END   2 /* the peer will send no more */

/* A condition of ipc_stream_next(): no complete message is there. */
#define IPC_STREAM_NONE 1

typedef struct IpcStream {
        int fd;
        IpcBuffer in, out;
        size_t n_searched; /* bytes of 'in' in which there is no NUL */

        /* What was unsent at 'marked_us' and still is. */
        size_t n_marked;
        uint64_t marked_us;
} IpcStream;

#define IPC_STREAM_NULL ((IpcStream){ .fd = -1 })

/* Reads once. 0: something came. Room for the longest message is made only as it comes in. */
int ipc_stream_read(IpcStream *stream);

/*
 * The next complete message, without its NUL. 'ret' is valid until the next call of this or of
 * ipc_stream_read(). -EMSGSIZE: it is longer than IPC_MESSAGE_MAX.
 */
int ipc_stream_next(IpcStream *stream, az_span *ret);

/* Drops what has come in. */
void ipc_stream_discard(IpcStream *stream);

/* Makes room for 'n' bytes to be sent, and says that they are there. NULL if there is no memory. */
uint8_t *ipc_stream_reserve(IpcStream *stream, size_t n);
void ipc_stream_commit(IpcStream *stream, size_t n);

/* How many bytes the peer has not taken yet. */
static inline size_t ipc_stream_get_unsent(const IpcStream *stream) {
        return ipc_buffer_size(&stream->out);
}

/* Sends what the peer takes now. */
int ipc_stream_write(IpcStream *stream, uint64_t now_us);

/* When what was unsent at some time has been so for 'timeout_us'; UINT64_MAX: nothing is unsent. */
uint64_t ipc_stream_deadline_us(const IpcStream *stream, uint64_t timeout_us);

/* Closes the socket. */
void ipc_stream_done(IpcStream *stream);
