/* SPDX-License-Identifier: MIT */

/*
 * A pairing heap (Fredman, Sedgewick, Sleator, Tarjan: "The Pairing Heap", 1986): setting costs constant
 * time, unsetting logarithmic time amortized, and the timers need no memory but their own.
 */

#include <aio/client_timer.h>

#include <stddef.h>

static void attach(_aio_timer **source, _aio_timer *timer) {
        *source = timer;
        if (timer)
                timer->source = source;
}

/* Makes the later of two heaps, which stand alone, a child of the other. */
static _aio_timer *meld(_aio_timer *a, _aio_timer *b) {
        _aio_timer *first = a, *later = b;

        if (!a || !b)
                return a ? a : b;
        if (b->due_us < a->due_us) {
                first = b;
                later = a;
        }
        attach(&later->next, first->child);
        attach(&first->child, later);
        first->next = NULL;
        return first;
}

/* Makes one heap of all the children: melds them in pairs, then what came of it from the last to the first.
 */
static _aio_timer *meld_children(_aio_timer *child) {
        _aio_timer *pairs = NULL, *all = NULL;

        while (child) {
                _aio_timer *a = child, *b = child->next;

                child = b ? b->next : NULL;
                a->next = NULL;
                if (b)
                        b->next = NULL;
                a = meld(a, b);
                a->next = pairs;
                pairs = a;
        }
        while (pairs) {
                _aio_timer *pair = pairs;

                pairs = pair->next;
                pair->next = NULL;
                all = meld(all, pair);
        }
        return all;
}

void _aio_timer_unset(_aio_timers *ref_timers, _aio_timer *ref_timer) {
        _aio_timer *children;

        if (!ref_timer->source)
                return;
        attach(ref_timer->source, ref_timer->next);
        children = meld_children(ref_timer->child);
        attach(&ref_timers->first, meld(ref_timers->first, children));
        *ref_timer = (_aio_timer){ .due_us = UINT64_MAX };
}

void _aio_timer_set(_aio_timers *ref_timers, _aio_timer *ref_timer, uint64_t due_us) {
        _aio_timer_unset(ref_timers, ref_timer);
        if (due_us == UINT64_MAX)
                return;
        *ref_timer = (_aio_timer){ .due_us = due_us };
        attach(&ref_timers->first, meld(ref_timers->first, ref_timer));
}

uint64_t _aio_timers_due_us(_aio_timers const *timers) {
        return timers->first ? timers->first->due_us : UINT64_MAX;
}
