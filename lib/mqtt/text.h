/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Text that others have written. MQTT wants no control characters and non-characters in it, but does not
 * forbid them (MQTT 5.0, 1.5.4); libmosquitto breaks the connection over them, and the same message comes
 * again.
 */

#include <mqtt/link.h>

#include "util/util.h"

/* True if there is such a character. */
bool mqtt_text_has_unwanted(az_span text);

/*
 * Puts spaces over such characters in the texts of a PUBLISH's properties, which are as on the wire. What is
 * malformed stays as it is.
 */
void mqtt_text_clean_properties(az_span properties);

/* Copies text for a person: what is not printable becomes '?', what does not fit is left out. */
void mqtt_text_copy(az_span text, char *ret, size_t size);
