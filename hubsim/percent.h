/* SPDX-License-Identifier: MIT */
#pragma once

/* Percent-encoding, and the two ways in which topics and tokens are taken apart. */

#include <azure/core/az_span.h>

#include "hubsim/buffer.h"
#include "util/util.h"

/*
 * Decodes 'text' to the front of 'scratch', which must have room for all of it, and moves 'scratch' past what
 * was written. False: a '%' without two hex digits.
 */
bool percent_decode(az_span text, az_span *scratch, az_span *ret);

/* Appends 'text' with all but letters, digits and "-_.~" encoded. */
int percent_encode(az_span text, IpcBuffer *out);

/* Pops what stands before the next 'separator', or all of 'in' if there is none; the separator goes too. */
az_span span_take_until(az_span *in, uint8_t separator);

/* Moves 'span' past 'prefix'; false and untouched if it does not begin with it. */
bool span_skip_prefix(az_span *span, az_span prefix);

bool span_equals(az_span span, const char *text);
