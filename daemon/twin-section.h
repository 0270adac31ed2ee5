/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Sections of the twin: members of a desired or reported section at any depth, each with all that is in it,
 * named by a JSON pointer (RFC 6901) as in "/pump/speed". A set of them is written as a JSON object that has
 * null where a section begins: {"pump":{"speed":null}}. json_merge_select() cuts them out of a document.
 */

#include <azure/core/az_span.h>

#include "util/util.h"

/* What is wrong with the pointer of a section; NULL: nothing. */
const char *twin_section_check(az_span pointer);

/* Whether one of two pointers names the other's member, or something in it. */
bool twin_section_overlaps(az_span a, az_span b);

/* The set of one section, by a pointer that passed twin_section_check(). *ret is to be freed. 0; -ENOMEM. */
int twin_section_format(az_span pointer, char **ret);

/* Condition of the functions below: *ret_path, to be freed, is the pointer to the member of the patch. */
#define TWIN_SECTION_FOUND 1

/*
 * Finds what a patch, which passed twin_check_patch(), writes outside of all sections of a set. 0: nothing.
 * -ENOMEM.
 */
int twin_section_find_outside(az_span sections, az_span patch, char **ret_path);

/* Finds what a patch writes into a section of the set, or in place of what the section is in. The same. */
int twin_section_find_inside(az_span sections, az_span patch, char **ret_path);
