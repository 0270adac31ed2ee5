/* SPDX-License-Identifier: MIT */
#pragma once

/* What a test case says: a document that tests/metl/case.py has judged, so that types are right. */

#include <azure/core/az_span.h>
#include <cjson/cJSON.h>

#include "util/util.h"

/* Finds a member; NULL: there is none. A member that is null is one. */
_unused_ static const cJSON *json_find(const cJSON *object, const char *key) {
        return object ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}

_unused_ static const char *json_text(const cJSON *object, const char *key) {
        return cJSON_GetStringValue(json_find(object, key));
}

/* The first member of an object or array; the others follow it by 'next'. */
_unused_ static const cJSON *json_first(const cJSON *parent) {
        return parent ? parent->child : NULL;
}

_unused_ static az_span span_of(const char *text) {
        return text ? az_span_create_from_str((char *) text) : AZ_SPAN_EMPTY;
}

/* The text of a member; without a pointer if it is absent or null. */
_unused_ static az_span json_span(const cJSON *object, const char *key) {
        return span_of(json_text(object, key));
}

/* Is it there, and not null? */
_unused_ static bool json_has(const cJSON *object, const char *key) {
        const cJSON *member = json_find(object, key);

        return member && !cJSON_IsNull(member);
}

_unused_ static bool json_is_true(const cJSON *object, const char *key) {
        return cJSON_IsTrue(json_find(object, key));
}

/* A number that is not negative; 0 if it is absent or null. */
_unused_ static uint64_t json_number(const cJSON *object, const char *key) {
        const cJSON *member = json_find(object, key);

        return cJSON_IsNumber(member) ? (uint64_t) member->valuedouble : 0;
}
