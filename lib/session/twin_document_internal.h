/* SPDX-License-Identifier: MIT */
#ifndef _az_TWIN_DOCUMENT_INTERNAL_H
#define _az_TWIN_DOCUMENT_INTERNAL_H

/* What of a twin's JSON has to be understood to follow it; the rest passes through as it is. */

#include <stdint.h>

#include <session/twin_sync.h>

_az_BEGIN_DECLS

/*
 * Reads the "$version" of an object; of several the last.
 *
 * ITEM_NOT_FOUND: it has none. UNEXPECTED_CHAR, UNEXPECTED_END, JSON_INVALID_STATE, JSON_NESTING_OVERFLOW:
 * 'json' is not one JSON object, or the version is no integer from 0 to INT64_MAX.
 */
AZ_NODISCARD az_result _az_twin_read_version(az_span json, int64_t *out_version);

/*
 * Reads the twin that answers a GET: spans into 'json'. 'out_document' is written only on success.
 *
 * ITEM_NOT_FOUND: it has no desired properties, or these no version. Others: as _az_twin_read_version().
 */
AZ_NODISCARD az_result _az_twin_read_document(az_span json, az_twin_document *out_document);

_az_END_DECLS

#endif
