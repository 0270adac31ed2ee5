/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a section of a twin, desired or reported, may hold, how a patch is merged into it, and how large it
 * counts. Pure functions over bytes: a value is kept as it was written, numbers above all.
 *
 * Source: "Understand and use device twins in IoT Hub", section "Tags and properties format"; RFC 7386.
 */

#include <azure/core/az_span.h>

#include "hubsim/buffer.h"
#include "util/util.h"

/* "IoT Hub enforces a 32 KB size limit" on each section, by twin_document_size(). */
#define TWIN_SECTION_MAX (32U * 1024U)

/* A condition: the patch breaks a rule of the hub, and a TwinRefusal says which. */
#define TWIN_REFUSED 1

typedef struct TwinRefusal {
        unsigned code;     /* IoT Hub's six digits; the first three are the status */
        char message[160]; /* for a person; may quote what the client sent, perhaps cut within a character */
} TwinRefusal;

/*
 * Merges 'patch', anything that somebody sent, into 'document', which this function has made before, or "{}".
 * Appends the result, a JSON object without white space between its members, to the empty 'out'. 0,
 * TWIN_REFUSED or -ENOMEM.
 */
int twin_document_merge(az_span document, az_span patch, IpcBuffer *out, TwinRefusal *ret_refusal);

/*
 * Names and strings as UTF-8 without control characters, 8 for a number, 4 for a boolean. -EBADMSG: no JSON
 * object; -ENOMEM.
 */
int twin_document_size(az_span document, size_t *ret);

/* Appends 'object', JSON, with a last member "$version". */
int twin_document_append_version(IpcBuffer *out, az_span object, uint64_t version);
