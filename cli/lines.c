/* SPDX-License-Identifier: MIT */
#include "cli/lines.h"

#include <poll.h>

static int lines_make_room(Lines *l) {
        size_t wanted;
        uint8_t *grown;

        if (l->start > 0) {
                memmove(l->data, l->data + l->start, l->size - l->start);
                l->size -= l->start;
                l->start = 0;
        }
        if (l->size < l->allocated)
                return 0;
        if (l->size > l->max + 1) /* and one more for "\r" */
                return -EMSGSIZE;
        wanted = MAX(l->allocated * 2, (size_t) 4096);
        grown = realloc(l->data, wanted);
        if (!grown)
                return -ENOMEM;
        l->data = grown;
        l->allocated = wanted;
        return 0;
}

/* Reads once. */
static int lines_fill(Lines *l, bool wait) {
        struct pollfd p = { .fd = l->fd, .events = POLLIN };
        ssize_t n;
        int r;

        r = lines_make_room(l);
        if (r < 0)
                return r;
        if (!wait && poll(&p, 1, 0) == 0)
                return LINES_NOT_YET;
        do
                n = read(l->fd, l->data + l->size, l->allocated - l->size);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        l->size += (size_t) n;
        l->ended = n == 0;
        return 0;
}

static int lines_hand_out(Lines *l, size_t n, size_t n_with_end, az_span *ret) {
        az_span line = az_span_create(l->data + l->start, (int32_t) n);

        if (n > 0 && l->data[l->start + n - 1] == '\r')
                line = az_span_slice(line, 0, (int32_t) n - 1);
        if ((size_t) az_span_size(line) > l->max)
                return -EMSGSIZE;
        l->start += n_with_end;
        *ret = line;
        return 0;
}

int lines_next(Lines *l, bool wait, az_span *ret) {
        for (;;) {
                size_t n = l->size - l->start;
                const uint8_t *end = n > 0 ? memchr(l->data + l->start, '\n', n) : NULL;
                int r;

                if (end || (l->ended && n > 0)) {
                        l->number++;
                        if (end)
                                n = (size_t) (end - (l->data + l->start));
                        return lines_hand_out(l, n, end ? n + 1 : n, ret);
                }
                if (l->ended)
                        return LINES_END;
                r = lines_fill(l, wait);
                if (r != 0) {
                        if (r == -EMSGSIZE)
                                l->number++;
                        return r;
                }
        }
}

int lines_rest(Lines *l, az_span *ret) {
        while (!l->ended) {
                int r = lines_fill(l, true);

                if (r < 0)
                        return r;
        }
        if (l->size - l->start > l->max)
                return -EMSGSIZE;
        *ret = az_span_create(l->data + l->start, (int32_t) (l->size - l->start));
        return 0;
}

void lines_done(Lines *l) {
        free(l->data);
        *l = LINES_NULL;
}
