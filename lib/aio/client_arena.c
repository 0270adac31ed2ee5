/* SPDX-License-Identifier: MIT */

/*
 * Blocks lie one behind the other, each with a header that has its own size and that of the block before it,
 * so that a block which is given back finds both neighbours and grows together with those that are free. The
 * free ones are a list, last given first; of it the first that is large enough is cut. So a block is given
 * back in constant time, and taken in the time of the free ones that are too small, of which there are few,
 * as neighbours are never both free.
 */

#include <aio/client_arena.h>

#include <stdbool.h>

/* No block: the end of a list. */
#define NONE UINT32_MAX

/* Before the bytes of each block; sizes count it. */
typedef struct {
        uint32_t size;
        uint32_t size_before; /* 0: the first one */
        uint32_t is_free;
        uint32_t unused;
} header;

/* In the bytes of a free block. */
typedef struct {
        uint32_t next;
        uint32_t previous;
} link;

/* A block that has less room than this is not worth being free. */
#define BLOCK_MIN ((uint32_t) sizeof(header) + _aio_ARENA_ALIGNMENT)

static header *header_at(_aio_arena const *arena, uint32_t at) {
        return (header *) (void *) (arena->base + at);
}

static link *link_at(_aio_arena const *arena, uint32_t at) {
        return (link *) (void *) (arena->base + at + sizeof(header));
}

static void list_add(_aio_arena *arena, uint32_t at) {
        *link_at(arena, at) = (link){ .next = arena->first_free, .previous = NONE };
        if (arena->first_free != NONE)
                link_at(arena, arena->first_free)->previous = at;
        arena->first_free = at;
        header_at(arena, at)->is_free = true;
}

static void list_remove(_aio_arena *arena, uint32_t at) {
        link const l = *link_at(arena, at);

        if (l.previous == NONE)
                arena->first_free = l.next;
        else
                link_at(arena, l.previous)->next = l.next;
        if (l.next != NONE)
                link_at(arena, l.next)->previous = l.previous;
        header_at(arena, at)->is_free = false;
}

static void set_size(_aio_arena *arena, uint32_t at, uint32_t size) {
        header_at(arena, at)->size = size;
        if (at + size < arena->size)
                header_at(arena, at + size)->size_before = size;
}

void _aio_arena_init(_aio_arena *out_arena, az_span memory) {
        uintptr_t const begin = (uintptr_t) az_span_ptr(memory);
        uint32_t const skipped = (uint32_t) (-begin & (_aio_ARENA_ALIGNMENT - 1));
        uint32_t size = (uint32_t) az_span_size(memory);

        *out_arena = (_aio_arena){ .first_free = NONE };
        size = size > skipped ? (size - skipped) & ~(_aio_ARENA_ALIGNMENT - 1) : 0;
        if (size < BLOCK_MIN)
                return;
        out_arena->base = az_span_ptr(memory) + skipped;
        out_arena->size = size;
        *header_at(out_arena, 0) = (header){ .size = size };
        list_add(out_arena, 0);
}

void *_aio_arena_take(_aio_arena *ref_arena, uint32_t size) {
        uint32_t at = ref_arena->first_free, wanted, rest;

        if (size > ref_arena->size)
                return NULL;
        wanted =
                ((size + _aio_ARENA_ALIGNMENT - 1) & ~(_aio_ARENA_ALIGNMENT - 1)) + (uint32_t) sizeof(header);
        if (wanted < BLOCK_MIN)
                wanted = BLOCK_MIN;
        while (at != NONE && header_at(ref_arena, at)->size < wanted)
                at = link_at(ref_arena, at)->next;
        if (at == NONE)
                return NULL;

        list_remove(ref_arena, at);
        rest = header_at(ref_arena, at)->size - wanted;
        if (rest >= BLOCK_MIN) {
                *header_at(ref_arena, at + wanted) = (header){ .size_before = wanted };
                set_size(ref_arena, at + wanted, rest);
                set_size(ref_arena, at, wanted);
                list_add(ref_arena, at + wanted);
        }
        ref_arena->n_used_bytes += header_at(ref_arena, at)->size;
        return ref_arena->base + at + sizeof(header);
}

void _aio_arena_give(_aio_arena *ref_arena, void *block) {
        uint32_t at, size, next;

        if (!block)
                return;
        at = (uint32_t) ((uint8_t *) block - ref_arena->base) - (uint32_t) sizeof(header);
        size = header_at(ref_arena, at)->size;
        ref_arena->n_used_bytes -= size;

        next = at + size;
        if (next < ref_arena->size && header_at(ref_arena, next)->is_free) {
                list_remove(ref_arena, next);
                size += header_at(ref_arena, next)->size;
        }
        if (at > 0 && header_at(ref_arena, at - header_at(ref_arena, at)->size_before)->is_free) {
                at -= header_at(ref_arena, at)->size_before;
                list_remove(ref_arena, at);
                size += header_at(ref_arena, at)->size;
        }
        set_size(ref_arena, at, size);
        list_add(ref_arena, at);
}
