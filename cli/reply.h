/* SPDX-License-Identifier: MIT */
#pragma once

/* What is in the JSON of a reply that libaziot has no struct for. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies the text of a member; NULL: there is none, it is no text, or there is no memory. To be freed. */
char *reply_get_text(const char *json, size_t size, const char *path);

/* The number of a member; 'absent' if there is none. */
int64_t reply_get_number(const char *json, size_t size, const char *path, int64_t absent);

/* Whether a member is true. */
bool reply_is_true(const char *json, size_t size, const char *path);

/* Joins the texts in the array that is the member 'path'. NULL and to be freed as above. */
char *reply_join_texts(const char *json, size_t size, const char *path, const char *separator);

/*
 * Calls 'func' for each text that is a member of the object that is the member 'path', in their order. It
 * ends, and returns the same, when 'func' returns anything but 0. -ENOMEM
 */
int reply_for_each_text(const char *json, size_t size, const char *path,
                        int (*func)(void *userdata, const char *name, const char *text), void *userdata);

/*
 * Calls 'func' for each object in the array that is the member 'path', in their order. It ends, and returns
 * the same, when 'func' returns anything but 0.
 */
int reply_for_each(const char *json, size_t size, const char *path,
                   int (*func)(void *userdata, const char *element, size_t element_size), void *userdata);
