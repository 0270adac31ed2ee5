/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_CLIENT_ARENA_H
#define _az_AIO_CLIENT_ARENA_H

/* Blocks of any size in memory of the caller; not part of the public API. */

#include <stdint.h>

#include <azure/core/az_result.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/* Where the blocks lie, and those that are free. */
typedef struct {
        uint8_t *base; /* NULL: there is no memory */
        uint32_t size;
        uint32_t first_free;
        uint32_t n_used_bytes;
} _aio_arena;

/* What may lie in the blocks is aligned to this. */
#define _aio_ARENA_ALIGNMENT 16U

/* Starts with one block that is free; less memory than one block needs is none. */
void _aio_arena_init(_aio_arena *out_arena, az_span memory);

/* Returns room for 'size' bytes; NULL: no free block is as large. */
AZ_NODISCARD void *_aio_arena_take(_aio_arena *ref_arena, uint32_t size);

/* Gives back what _aio_arena_take() returned; NULL does nothing. */
void _aio_arena_give(_aio_arena *ref_arena, void *block);

_az_END_DECLS

#endif
