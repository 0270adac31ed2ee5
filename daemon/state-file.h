/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A small file of the state directory that is replaced as a whole: whoever reads it finds the old text or the
 * new one, also after a power cut. It is one line, "aziotd NAME 1 CRC" with the CRC-32C of the rest in
 * hexadecimal, and then JSON, so that a person can read it.
 */

#include <azure/core/az_span.h>

#include "daemon/disk.h"

/* Far above what is kept this way: two sections of a twin, or patches of them. */
#define STATE_FILE_MAX (1024U * 1024U)

typedef struct StateFile StateFile;

/* 'disk' must outlive it. The directory need not be there yet. */
int state_file_new(StateFile **ret, Disk *disk, const char *directory, const char *name);
/* Lets the disk finish what it has begun, without its done(). */
StateFile *state_file_free(StateFile *file);
DEFINE_CLEANUP(StateFile *, state_file_free)

/* Conditions of state_file_read(). */
#define STATE_FILE_NONE    1 /* there is no such file */
#define STATE_FILE_DAMAGED 2 /* it is not what was written; state_file_set_aside() it */

/* Reads the JSON text, NUL-terminated, to be freed by the caller; it may still hold anything. */
int state_file_read(const StateFile *file, char **ret);

/* Renames the file, or deletes it, and tells in 'ret_where' what became of it: see aside.h. */
void state_file_set_aside(const StateFile *file, char *ret_where, size_t n_where);

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

/* The JSON text in the bytes of a file that is called 'name'; false: they are damaged. */
bool state_file_parse(az_span bytes, const char *name, az_span *ret);
