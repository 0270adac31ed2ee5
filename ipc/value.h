/* SPDX-License-Identifier: MIT */
#pragma once

/* What a piece of text is to the daemon's interfaces: a JSON object travels as it is, other JSON as text. */

#include <azure/core/az_span.h>

typedef enum ValueKind {
        VALUE_EMPTY, /* nothing but white space */
        VALUE_OBJECT,
        VALUE_OTHER, /* JSON, but no object */
        VALUE_NOT_JSON,
        _VALUE_KIND_MAX,
} ValueKind;

/*
 * Tells what 'text' is. Exactly one value counts as JSON: with more behind it, it is VALUE_NOT_JSON. So is
 * one with more than 'max_depth' objects and arrays inside each other: no message could hold it
 * (IPC_DEPTH_MAX).
 */
ValueKind value_kind(az_span text, int32_t max_depth);

/* Returns 'text' without JSON's white space at both ends. */
az_span value_trim(az_span text);
