/* SPDX-License-Identifier: MIT */

#include "hubsim/percent.h"

#include <ctype.h>

static int hex_digit(uint8_t c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return -1;
}

bool percent_decode(az_span text, az_span *scratch, az_span *ret) {
        const uint8_t *p = az_span_ptr(text);
        int32_t n = 0, size = az_span_size(text);

        for (int32_t i = 0; i < size; i++) {
                uint8_t c = p[i];

                if (c == '%') {
                        int high = i + 2 < size ? hex_digit(p[i + 1]) : -1;
                        int low = i + 2 < size ? hex_digit(p[i + 2]) : -1;

                        if (high < 0 || low < 0)
                                return false;
                        c = (uint8_t) (high << 4 | low);
                        i += 2;
                }
                az_span_ptr(*scratch)[n++] = c;
        }

        *ret = az_span_slice(*scratch, 0, n);
        *scratch = az_span_slice_to_end(*scratch, n);
        return true;
}

int percent_encode(az_span text, IpcBuffer *out) {
        for (int32_t i = 0; i < az_span_size(text); i++) {
                uint8_t c = az_span_ptr(text)[i];
                int r;

                if (isalnum(c) || memchr("-_.~", c, 4))
                        r = buffer_append(out, &c, 1);
                else
                        r = buffer_printf(out, "%%%02X", c);
                if (r < 0)
                        return r;
        }
        return 0;
}

az_span span_take_until(az_span *in, uint8_t separator) {
        int32_t n = 0, size = az_span_size(*in);
        az_span taken;

        while (n < size && az_span_ptr(*in)[n] != separator)
                n++;
        taken = az_span_slice(*in, 0, n);
        *in = az_span_slice_to_end(*in, MIN(n + 1, size));
        return taken;
}

bool span_skip_prefix(az_span *span, az_span prefix) {
        if (az_span_size(*span) < az_span_size(prefix) ||
            !az_span_is_content_equal(az_span_slice(*span, 0, az_span_size(prefix)), prefix))
                return false;

        *span = az_span_slice_to_end(*span, az_span_size(prefix));
        return true;
}

bool span_equals(az_span span, const char *text) {
        size_t n = strlen(text);

        return (size_t) az_span_size(span) == n && (n == 0 || memcmp(az_span_ptr(span), text, n) == 0);
}
