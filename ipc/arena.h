/* SPDX-License-Identifier: MIT */
#pragma once

/* Memory for what is decoded from one message: handed out piece by piece, taken back all at once. */

#include <stddef.h>

typedef struct IpcArenaBlock IpcArenaBlock;

/* The blocks that the pieces are cut from, the newest first. */
typedef struct IpcArena {
        IpcArenaBlock *blocks;
} IpcArena;

#define IPC_ARENA_NULL ((IpcArena){ .blocks = NULL })

/* 'n' items of 'size' bytes, zeroed and aligned for any type; NULL if there is no memory. Not NULL if 'n' is
 * 0. */
void *ipc_arena_alloc(IpcArena *arena, size_t n, size_t size);

/* Takes everything back and keeps one ordinary block for the next message. */
void ipc_arena_reset(IpcArena *arena);

void ipc_arena_done(IpcArena *arena);
