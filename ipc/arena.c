/* SPDX-License-Identifier: MIT */
#include "ipc/arena.h"

#include <stdalign.h>

#include "util/util.h"

/* An ordinary call fits in the first block. */
#define BLOCK_SIZE ((size_t) 4096)

struct IpcArenaBlock {
        IpcArenaBlock *next; /* the one that was full before */
        size_t used, size;
        alignas(max_align_t) uint8_t data[];
};

static IpcArenaBlock *arena_add_block(IpcArena *arena, size_t at_least) {
        size_t size = MAX(at_least, BLOCK_SIZE);
        IpcArenaBlock *block;

        block = malloc(sizeof(*block) + size);
        if (!block)
                return NULL;
        *block = (IpcArenaBlock){ .next = arena->blocks, .size = size };

        arena->blocks = block;
        return block;
}

void *ipc_arena_alloc(IpcArena *arena, size_t n, size_t size) {
        IpcArenaBlock *block = arena->blocks;
        size_t n_bytes;
        void *p;

        if (__builtin_mul_overflow(n, size, &n_bytes) || n_bytes > SIZE_MAX / 2)
                return NULL;
        n_bytes = (n_bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);

        if (!block || block->size - block->used < n_bytes) {
                block = arena_add_block(arena, n_bytes);
                if (!block)
                        return NULL;
        }

        p = block->data + block->used;
        block->used += n_bytes;
        return memset(p, 0, n_bytes);
}

void ipc_arena_reset(IpcArena *arena) {
        IpcArenaBlock *kept = NULL;

        while (arena->blocks) {
                IpcArenaBlock *block = arena->blocks;

                arena->blocks = block->next;
                if (!kept && block->size == BLOCK_SIZE)
                        kept = block;
                else
                        free(block);
        }

        if (kept) {
                kept->next = NULL;
                kept->used = 0;
        }
        arena->blocks = kept;
}

void ipc_arena_done(IpcArena *arena) {
        ipc_arena_reset(arena);
        free(arena->blocks);
        arena->blocks = NULL;
}
