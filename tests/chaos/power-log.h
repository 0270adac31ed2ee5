/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The log of power-recorder.c: what a process did to the files of a directory, and what it told whom, in the
 * order in which it happened. An entry is a header, its name with a NUL, its data, and zeros up to a multiple
 * of 8.
 */

#include <stdint.h>

typedef enum PowerType {
        POWER_START,      /* a process begins */
        POWER_OPEN,       /* name, inode; a: flags of open() */
        POWER_WRITE,      /* inode; a: offset, b: size; without data it is zeros */
        POWER_TRUNCATE,   /* inode; a: size */
        POWER_ALLOCATE,   /* inode; a: the size it has at least */
        POWER_SYNC_BEGIN, /* inode; a: number of the sync */
        POWER_SYNC_END,   /* inode; a: number of the sync, which has worked */
        POWER_MAKE,       /* name: a directory */
        POWER_RENAME,     /* name; data: the new name */
        POWER_REMOVE,     /* name */
        POWER_REPLY,      /* name: of the client; data: bytes that it is told */
        POWER_SENT,       /* a: connection; data: bytes for the hub */
        POWER_RECEIVED,   /* a: connection; data: bytes of the hub */
        POWER_CLOSED,     /* a: connection */
        POWER_CUT,        /* a: seed of the image that is left: the power fails */
        _POWER_TYPE_MAX,
} PowerType;

typedef struct PowerEntry {
        uint32_t n_bytes; /* of all of it */
        uint16_t type;
        uint16_t n_name; /* with its NUL */
        uint32_t n_data;
        uint32_t reserved;
        uint64_t time_us; /* CLOCK_BOOTTIME */
        uint64_t inode;
        uint64_t a, b;
} PowerEntry;
