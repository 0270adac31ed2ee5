/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Messages that were taken out of an outbox because the hub closes the connection whenever one is sent
 * (daemon/suspect.h), or because the broker refused one, each in a file of its own for a person to look at:
 *
 *      DIRECTORY/message-SEQUENCE
 *      DIRECTORY/message-high-SEQUENCE      of high priority
 *
 * The file says when the message was accepted and set aside. A message to the hub has its properties as they
 * stood in the topic; one to the broker its topic and metadata, and why it was refused. The body is in
 * base64. There are at most DEAD_LETTERS_MAX of each priority; the oldest makes room.
 */

#include <azure/core/az_mqtt_message.h>
#include <azure/core/az_span.h>

#include "daemon/disk.h"
#include "daemon/priority.h"

/* A device that makes more of them needs a person for the program that sends them, not more evidence. */
#define DEAD_LETTERS_MAX 16U

typedef struct DeadLetter {
        Priority priority;
        uint64_t sequence;
        uint64_t accepted_us;           /* CLOCK_REALTIME; 0: not known */
        az_span properties, body;       /* to the hub */
        const az_mqtt_message *message; /* to the broker, in their place; NULL: it was to the hub */
        const char *reason;             /* why it was refused; NULL: it was not */
} DeadLetter;

typedef struct DeadLetters DeadLetters;

/*
 * 'disk' must outlive it. The directory, DIRECTORY of 'state_dir', is made when it is needed.
 */
int dead_letters_new(DeadLetters **ret, Disk *disk, const char *state_dir, const char *directory);
/* Waits for the one that is being written; of others that wait nothing is told any more. */
DeadLetters *dead_letters_free(DeadLetters *d);
DEFINE_CLEANUP(DeadLetters *, dead_letters_free)

/* 'path' is where it is, if 'error' is 0 and not a negative errno; -ENOBUFS: too many others came behind it.
 */
typedef void (*DeadLetterDone)(void *userdata, const char *path, int error);

/* Writes 'letter', which is copied, to the disk, behind those that were added before. */
int dead_letters_add(DeadLetters *d, const DeadLetter *letter, DeadLetterDone done, void *userdata);
