/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Messages that were taken out of the outbox because the hub closes the connection whenever one is sent
 * (daemon/suspect.h), each in a file of its own for a person to look at:
 *
 *      dead-letters/message-SEQUENCE
 *      dead-letters/message-high-SEQUENCE      of high priority
 *
 * The file says when the message was accepted and set aside, and has its properties as they stood in the
 * topic and its body in base64. There are at most DEAD_LETTERS_MAX of each
 * priority; the oldest makes room.
 */

#include <azure/core/az_span.h>

#include "daemon/disk.h"
#include "daemon/priority.h"

/* A device that makes more of them needs a person for the program that sends them, not more evidence. */
#define DEAD_LETTERS_MAX 16U

typedef struct DeadLetter {
        Priority priority;
        uint64_t sequence;
        uint64_t accepted_us; /* CLOCK_REALTIME */
        az_span properties, body;
} DeadLetter;

typedef struct DeadLetters DeadLetters;

/* 'disk' must outlive it. The directory is made when it is needed. */
int dead_letters_new(DeadLetters **ret, Disk *disk, const char *state_dir);
/* Waits for the one that is being written. */
DeadLetters *dead_letters_free(DeadLetters *d);
DEFINE_CLEANUP(DeadLetters *, dead_letters_free)

/* 'path' is where it is, if 'error' is 0 and not a negative errno. */
typedef void (*DeadLetterDone)(void *userdata, const char *path, int error);

/* Writes 'letter', which is copied, to the disk; one at a time. */
int dead_letters_add(DeadLetters *d, const DeadLetter *letter, DeadLetterDone done, void *userdata);
