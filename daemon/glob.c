/* SPDX-License-Identifier: MIT */

#include "daemon/glob.h"

const char *glob_check(az_span pattern) {
        const uint8_t *p = az_span_ptr(pattern);
        int32_t n = az_span_size(pattern);

        if (!az_span_is_valid_utf8(pattern))
                return "a pattern is UTF-8 text";
        for (int32_t i = 0; i < n; i++)
                if (p[i] == '[')
                        return "of a pattern only * and ? have a meaning, and [ is written \\[";
                else if (p[i] == '\\' && ++i == n)
                        return "a pattern cannot end with a backslash";
        return NULL;
}

/* Where the character behind the one at 'i' begins. */
static int32_t next_character(az_span s, int32_t i) {
        do
                i++;
        while (i < az_span_size(s) && (az_span_ptr(s)[i] & 0xc0) == 0x80);
        return i;
}

/* Takes what stands for one byte or character off both; false: they do not match here. */
static bool match_one(az_span pattern, int32_t *p, az_span name, int32_t *k) {
        int32_t i = *p;

        if (i == az_span_size(pattern))
                return false;
        if (az_span_ptr(pattern)[i] == '?') {
                *p = i + 1;
                *k = next_character(name, *k);
                return true;
        }
        i += az_span_ptr(pattern)[i] == '\\';
        if (az_span_ptr(pattern)[i] != az_span_ptr(name)[*k])
                return false;
        *p = i + 1;
        ++*k;
        return true;
}

static bool is_star(az_span pattern, int32_t i) {
        return i < az_span_size(pattern) && az_span_ptr(pattern)[i] == '*';
}

bool glob_matches(az_span pattern, az_span name) {
        int32_t i = 0, k = 0, star = -1,
                tried = 0; /* behind the last star; where what follows it was tried */

        while (k < az_span_size(name)) {
                if (is_star(pattern, i)) {
                        star = ++i;
                        tried = k;
                } else if (!match_one(pattern, &i, name, &k)) {
                        if (star < 0)
                                return false;
                        i = star;
                        k = tried = next_character(name, tried); /* no star before has to take more */
                }
        }
        while (is_star(pattern, i))
                i++;
        return i == az_span_size(pattern);
}
