/* SPDX-License-Identifier: MIT */
#pragma once

/* Texts that live behind a struct, in one allocation with it. */

#include <azure/core/az_span.h>

#include "util/util.h"

/* Copies 'source' to *p, which moves behind it. */
_unused_ static inline az_span span_put(uint8_t **p, az_span source) {
        az_span copy = az_span_create(*p, az_span_size(source));

        (void) az_span_copy(copy, source);
        *p += az_span_size(source);
        return copy;
}
