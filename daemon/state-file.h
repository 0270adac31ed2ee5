/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A small file of the state directory that is replaced as a whole: whoever reads it finds the old text or the
 * new one, also after a power cut. It is one line, "aziotd NAME VERSION CRC" with the CRC-32C of the rest in
 * hexadecimal, and then JSON, so that a person can read it. The checksum is seeded with the version less one,
 * so that a version which is damaged is none.
 */

#include <azure/core/az_span.h>

#include "daemon/disk.h"
#include "daemon/log.h"

/* What this program writes, of every such file. */
#define STATE_FILE_VERSION 1U

/* Far above what is kept this way: two sections of a twin, or patches of them. */
#define STATE_FILE_MAX (1024U * 1024U)

typedef struct StateFile StateFile;

/* 'disk' must outlive it. The directory need not be there yet. */
int state_file_new(StateFile **ret, Disk *disk, const char *directory, const char *name);
/* Lets the disk finish what it has begun, without its done(). */
StateFile *state_file_free(StateFile *file);
DEFINE_CLEANUP(StateFile *, state_file_free)

/* Conditions of state_file_read(). With each but the first, state_file_set_aside() it. */
#define STATE_FILE_NONE    1 /* there is no such file */
#define STATE_FILE_DAMAGED 2 /* it is not what was written */
#define STATE_FILE_NEWER   3 /* a newer program wrote it */

/* A condition that only its reader can tell: it is whole, and of another device. */
#define STATE_FILE_FOREIGN 4

/* Reads the JSON text, NUL-terminated, to be freed by the caller; it may still hold anything. */
int state_file_read(const StateFile *file, char **ret);

/*
 * Sets the file aside, as aside.h does, and logs it: for which of the conditions, what became of it, and what
 * follows, as in "asking again" (NULL: nothing).
 */
void state_file_set_aside(const StateFile *file, const Log *log, int condition, const char *consequence);

/* 'error' is a negative errno, or 0: the text is on disk, or the file is gone, for good. */
typedef void (*StateFileDone)(void *userdata, int error);

/*
 * Replaces the text on the disk thread, and owns it from then on; NULL deletes the file. Not while it is
 * busy, which it is until 'done' has been called.
 */
void state_file_write(StateFile *file, char *text, StateFileDone done, void *userdata);
bool state_file_is_busy(const StateFile *file);

/* The same on this thread, for a clean stop. 0, or a negative errno. */
int state_file_write_now(StateFile *file, char *text);

/* Finds the JSON text in the bytes of a file that is called 'name'. 0, DAMAGED or NEWER. */
int state_file_parse(az_span bytes, const char *name, az_span *ret);
