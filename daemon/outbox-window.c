/* SPDX-License-Identifier: MIT */

#include "daemon/outbox-window.h"

/* The index of the first entry at or above 'sequence'. */
static size_t window_index(const OutboxWindow *w, uint64_t sequence) {
        size_t low = 0, high = w->n;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (w->entries[middle].sequence < sequence)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

WindowEntry *window_find(OutboxWindow *w, uint64_t sequence) {
        size_t i = window_index(w, sequence);

        return i < w->n && w->entries[i].sequence == sequence ? &w->entries[i] : NULL;
}

WindowEntry *window_insert(OutboxWindow *w, const WindowEntry *entry) {
        size_t i = window_index(w, entry->sequence);

        if (w->n == WINDOW_MAX)
                return NULL;
        memmove(w->entries + i + 1, w->entries + i, (w->n - i) * sizeof(*w->entries));
        w->entries[i] = *entry;
        w->n++;
        return &w->entries[i];
}

static void window_remove_first(OutboxWindow *w, size_t n) {
        if (n == 0)
                return;
        w->n -= n;
        memmove(w->entries, w->entries + n, w->n * sizeof(*w->entries));
}

void window_remove_through(OutboxWindow *w, uint64_t last) {
        window_remove_first(w, window_index(w, last + 1));
}

void window_remove_acked(OutboxWindow *w, uint64_t last) {
        size_t n = 0;

        while (n < w->n && w->entries[n].is_acked && w->entries[n].sequence <= last)
                n++;
        window_remove_first(w, n);
}

void window_ack_range(OutboxWindow *w, uint64_t first, uint64_t last) {
        for (size_t i = window_index(w, first); i < w->n && w->entries[i].sequence <= last; i++)
                w->entries[i].is_acked = true;
}

size_t window_count_unacked(const OutboxWindow *w) {
        size_t n = 0;

        for (size_t i = 0; i < w->n; i++)
                n += !w->entries[i].is_acked;
        return n;
}
