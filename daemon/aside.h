/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Where those files of a state directory go that cannot be used: damaged ones, for a person to look at, and
 * those that a newer aziotd wrote, which are whole there once they have their names again.
 */

#include <azure/core/az_span.h>

#include "util/util.h"

/* So many are kept in a directory, on top of its limits; what is damaged after that is deleted. */
#define ASIDE_MAX      4U
#define ASIDE_NAME_MAX 64U

/* Which of the suffixes ".damaged-1" … are taken, as bits from 1 on. */
typedef unsigned AsideUsed;

/* If 'name' is that of a file set aside, notes its suffix and returns true. */
bool aside_note_name(AsideUsed *used, const char *name);

/* Which suffixes of the file 'name' are taken, for a directory whose other files have their own. */
AsideUsed aside_find_used(int directory_fd, const char *name);

/*
 * Renames the file 'name', or deletes it when ASIDE_MAX are kept already; aside_copy() writes 'bytes' to a
 * new file instead. Fills 'ret_where' with what to tell: "kept as …", or why not.
 */
void aside_move(int directory_fd, AsideUsed *used, const char *name, char *ret_where, size_t n_where);
void aside_copy(int directory_fd, AsideUsed *used, const char *name, az_span bytes, char *ret_where,
                size_t n_where);

/* Renames a file that a newer aziotd wrote. It is never deleted. */
void aside_move_newer(int directory_fd, const char *name, char *ret_where, size_t n_where);

/* The last character of 'magic' is a digit, the version: whether 'bytes' begin with the same and a higher
 * one. */
bool aside_is_newer(az_span bytes, const char *magic);
