/* SPDX-License-Identifier: MIT */
#pragma once

/* What unit tests share that read message properties. */

#include <stdio.h>
#include <string.h>

#include <azure/iot/az_iot_common.h>

#include "unit-span.h"

/* Reads all that are left, each as "name>value;" or, without '=', "name;". Returns how the reading ended. */
_unused_ static az_result read_properties(az_iot_message_properties *properties, char *text, size_t size) {
        az_span name, value;
        size_t n = 0;
        az_result r;

        text[0] = '\0';
        while ((r = az_iot_message_properties_next(properties, &name, &value)) == AZ_OK) {
                n += (size_t) snprintf(text + n, size - n, "%.*s%s%.*s;", az_span_size(name),
                                       (char *) az_span_ptr(name), az_span_ptr(value) ? ">" : "",
                                       az_span_size(value),
                                       az_span_ptr(value) ? (char *) az_span_ptr(value) : "");
                ck_assert_uint_lt(n, size);
        }
        return r;
}
