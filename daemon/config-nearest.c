/* SPDX-License-Identifier: MIT */

#include "daemon/config-nearest.h"

#include <limits.h>

static uint8_t to_lower(uint8_t c) {
        return c >= 'A' && c <= 'Z' ? (uint8_t) (c + ('a' - 'A')) : c;
}

static uint8_t letter(az_span s, size_t i) {
        return to_lower(az_span_ptr(s)[i]);
}

/* The restricted edit distance, row by row; a swap looks back two of them. */
unsigned config_name_distance(az_span a, az_span b) {
        size_t n_a = (size_t) az_span_size(a), n_b = (size_t) az_span_size(b);
        unsigned rows[3][CONFIG_NAME_MAX + 1];

        if (n_a > CONFIG_NAME_MAX || n_b > CONFIG_NAME_MAX)
                return UINT_MAX;
        for (unsigned k = 0; k <= n_b; k++)
                rows[0][k] = k;

        for (size_t i = 1; i <= n_a; i++) {
                unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];

                row[0] = (unsigned) i;
                for (size_t k = 1; k <= n_b; k++) {
                        bool is_same = letter(a, i - 1) == letter(b, k - 1);

                        row[k] = MIN(above[k - 1] + !is_same, MIN(above[k], row[k - 1]) + 1);
                        if (i > 1 && k > 1 && letter(a, i - 1) == letter(b, k - 2) &&
                            letter(a, i - 2) == letter(b, k - 1))
                                row[k] = MIN(row[k], two_above[k - 2] + 1);
                }
        }
        return rows[n_a % 3][n_b];
}

void config_nearest_init(ConfigNearest *nearest, az_span written) {
        *nearest = (ConfigNearest){ .written = written, .distance = UINT_MAX };
}

void config_nearest_try(ConfigNearest *nearest, const char *name) {
        az_span span = az_span_create_from_str((char *) name);
        unsigned distance = config_name_distance(nearest->written, span);
        unsigned longer = (unsigned) MAX(az_span_size(nearest->written), az_span_size(span));

        if (distance < nearest->distance && distance <= longer / 2) {
                nearest->distance = distance;
                nearest->name = name;
        }
}
