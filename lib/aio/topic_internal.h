/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_TOPIC_INTERNAL_H
#define _az_AIO_TOPIC_INTERNAL_H

/* What the files on topics share; not part of the public API. */

#include <stdbool.h>
#include <stdint.h>

#include <aio/topic.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/* Where one is in the levels of a pattern. */
typedef struct {
        aio_topic_pattern const *pattern;
        int32_t part; /* -1: before the first one */
        az_span rest; /* of the part */
} _aio_topic_levels;

AZ_NODISCARD AZ_INLINE _aio_topic_levels _aio_topic_levels_of(aio_topic_pattern const *pattern) {
        _aio_topic_levels levels = { pattern, -1, AZ_SPAN_LITERAL_EMPTY };

        return levels;
}

/* Returns the next label, or key of a token; false: there is none. */
AZ_NODISCARD bool _aio_topic_levels_next(_aio_topic_levels *levels, az_span *out_level, bool *out_is_token);

/* Tells whether one or more levels are such that they may stand in a topic: UTF-8 without control characters,
 * '+' and '#', and none of them empty. */
AZ_NODISCARD bool _aio_topic_has_levels(az_span levels);

_az_END_DECLS

#endif
