/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * JSON merge patches (RFC 7386), on text: numbers, strings and arrays are copied byte for byte, objects are
 * written without white space. A patch is an object; null in it removes a member, at any level.
 *
 * Two patches, one after the other, are not always one patch: {"a":1} and then {"a":{"b":2}} removes all
 * else that {"a":{...}} held, which no single patch can say. json_merge_can_combine() tells.
 *
 * Both texts are JSON objects of at most IPC_DEPTH_MAX levels without a member given twice. The time is
 * n log n of their size. Results are NUL-terminated and to be freed by the caller.
 */

#include <azure/core/az_span.h>

#include "util/util.h"

/* Condition of all of these: a text is not such an object. Each also returns 0 or -ENOMEM. */
#define JSON_MERGE_INVALID 1

/* The document after the patch. */
int json_merge_apply(az_span document, az_span patch, char **ret);

/* The object without members whose name begins with '$', at any level outside of arrays; nulls stay. */
int json_merge_strip(az_span object, char **ret);

/* Whether the two are one patch: nowhere is there an object in 'later' where 'earlier' has something else. */
int json_merge_can_combine(az_span earlier, az_span later, bool *ret);

/* The patch that does what both do, one after the other, if they can be combined. */
int json_merge_combine(az_span earlier, az_span later, char **ret);

/* The patch that makes 'to' of 'from'; documents hold no nulls. "{}": they are the same. */
int json_merge_diff(az_span from, az_span to, char **ret);

/*
 * What of 'earlier' is left to be done if 'later' is applied after it. Where 'later' has an object and
 * 'earlier' has something else, that stays: it has to be done before.
 */
int json_merge_subtract(az_span earlier, az_span later, char **ret);

/*
 * What of a document is in a set of sections (twin-section.h). The objects that the sections are in are
 * always there; a section that the document has not is not.
 */
int json_merge_select(az_span document, az_span sections, char **ret);

/* Conditions of json_merge_get_section(). */
#define JSON_MERGE_ABSENT 2 /* there is no such member */
#define JSON_MERGE_OTHER  3 /* it is null, or something else that is no object */

/* Finds the object that is the member 'name' of an object; *ret points into it. */
int json_merge_get_section(az_span object, az_span name, az_span *ret);
