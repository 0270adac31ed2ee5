/* SPDX-License-Identifier: MIT */

/* A pattern, a newline and a name: what glob_matches() says is what its definition says. */

#include "daemon/glob.h"

/* The reference takes time that grows with the product of both. */
#define PART_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool begins_character(az_span s, int32_t i) {
        return i == az_span_size(s) || (az_span_ptr(s)[i] & 0xc0) != 0x80;
}

/* Whether the pattern from 'i' on matches the name from 'k' on, for all of both, from their ends backwards.
 */
static bool reference(az_span pattern, az_span name) {
        bool matches[PART_MAX + 1][PART_MAX + 1] = {};
        int32_t n = az_span_size(pattern), m = az_span_size(name);
        const uint8_t *p = az_span_ptr(pattern), *s = az_span_ptr(name);

        for (int32_t i = n; i >= 0; i--)
                for (int32_t k = m; k >= 0; k--) {
                        int32_t next = k + 1;

                        while (next < m && !begins_character(name, next))
                                next++;
                        if (i == n)
                                matches[i][k] = k == m;
                        else if (p[i] == '*')
                                matches[i][k] = matches[i + 1][k] || (k < m && matches[i][next]);
                        else if (k == m)
                                matches[i][k] = false;
                        else if (p[i] == '?')
                                matches[i][k] = matches[i + 1][next];
                        else if (p[i] == '\\')
                                matches[i][k] = p[i + 1] == s[k] && matches[i + 2][k + 1];
                        else
                                matches[i][k] = p[i] == s[k] && matches[i + 1][k + 1];
                }
        return matches[0][0];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
        az_span pattern, name;

        if (!end || size > PART_MAX)
                return 0;
        pattern = az_span_create((uint8_t *) data, (int32_t) (end - data));
        name = az_span_create((uint8_t *) end + 1, (int32_t) (data + size - end - 1));
        if (!glob_check(pattern) && az_span_is_valid_utf8(name) &&
            glob_matches(pattern, name) != reference(pattern, name))
                abort();
        return 0;
}
