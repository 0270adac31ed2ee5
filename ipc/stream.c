/* SPDX-License-Identifier: MIT */
#include "ipc/stream.h"

#include <assert.h>
#include <sys/socket.h>

#include "ipc/limits.h"
#include "util/util.h"

/* What one read takes at most: dozens of ordinary messages, and more when a long one is under way. */
#define READ_SIZE ((size_t) 16 * 1024)
#define READ_MAX  ((size_t) 64 * 1024)

/* The longest message and its NUL. */
#define INPUT_MAX ((size_t) IPC_MESSAGE_MAX + 1)

int ipc_stream_read(IpcStream *stream) {
        size_t size = ipc_buffer_size(&stream->in),
               room = MIN(MIN(MAX(size, READ_SIZE), READ_MAX), INPUT_MAX - size);
        uint8_t *to;
        ssize_t n;

        assert(room > 0);

        to = ipc_buffer_reserve(&stream->in, room);
        if (!to)
                return -ENOMEM;

        n = recv(stream->fd, to, room, MSG_DONTWAIT);
        if (n < 0) {
                /* The peer closed without reading all we sent; what it sent has been read by then. */
                if (errno == ECONNRESET)
                        return IPC_STREAM_END;
                return errno == EAGAIN || errno == EINTR ? IPC_STREAM_AGAIN : -errno;
        }
        if (n == 0)
                return IPC_STREAM_END;

        ipc_buffer_commit(&stream->in, (size_t) n);
        return 0;
}

int ipc_stream_next(IpcStream *stream, az_span *ret) {
        size_t size = ipc_buffer_size(&stream->in);
        uint8_t *begin, *end;

        if (size == 0) {
                ipc_buffer_done(&stream->in);
                return IPC_STREAM_NONE;
        }

        begin = stream->in.data + stream->in.begin;
        end = memchr(begin + stream->n_searched, 0, size - stream->n_searched);
        if (!end) {
                stream->n_searched = size;
                return size < INPUT_MAX ? IPC_STREAM_NONE : -EMSGSIZE;
        }

        *ret = az_span_create(begin, (int32_t) (end - begin));
        stream->n_searched = 0;
        stream->in.begin += (size_t) (end - begin) + 1; /* the buffer is kept until the next call */
        return 0;
}

void ipc_stream_discard(IpcStream *stream) {
        ipc_buffer_done(&stream->in);
        stream->n_searched = 0;
}

uint8_t *ipc_stream_reserve(IpcStream *stream, size_t n) {
        return ipc_buffer_reserve(&stream->out, n);
}

void ipc_stream_commit(IpcStream *stream, size_t n) {
        ipc_buffer_commit(&stream->out, n);
}

int ipc_stream_write(IpcStream *stream, uint64_t now_us) {
        size_t unsent = ipc_stream_get_unsent(stream);
        ssize_t n;

        if (unsent == 0)
                return 0;

        n = send(stream->fd, stream->out.data + stream->out.begin, unsent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
                return -errno;

        n = MAX(n, 0);
        ipc_buffer_consume(&stream->out, (size_t) n);
        stream->n_marked -= MIN(stream->n_marked, (size_t) n);
        if (stream->n_marked == 0) {
                stream->n_marked = ipc_stream_get_unsent(stream);
                stream->marked_us = now_us;
        }
        return 0;
}

uint64_t ipc_stream_deadline_us(const IpcStream *stream, uint64_t timeout_us) {
        return stream->n_marked > 0 ? stream->marked_us + timeout_us : UINT64_MAX;
}

void ipc_stream_done(IpcStream *stream) {
        ipc_buffer_done(&stream->in);
        ipc_buffer_done(&stream->out);
        stream->fd = close_fd(stream->fd);
}
