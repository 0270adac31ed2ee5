/* SPDX-License-Identifier: MIT */

/*
 * The first byte says how the rest, which is what a proxy or a server sends, is split. In any split it is the
 * same head, or the same error; and what is found in it is printable.
 */

#include <mqtt/http.h>

#include "util/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

static ssize_t run(const uint8_t *data, size_t size, size_t n_chunk, MqttHttpHead *h) {
        size_t n_taken = 0;

        h->size = 0;
        h->is_complete = false;
        while (n_taken < size && !h->is_complete) {
                size_t n = MIN(n_chunk, size - n_taken);
                ssize_t r = mqtt_http_feed(h, data + n_taken, n);

                if (r < 0)
                        return r;
                check((size_t) r == n || (h->is_complete && (size_t) r < n));
                n_taken += (size_t) r;
        }
        return (ssize_t) n_taken;
}

static void check_head(const MqttHttpHead *h) {
        const char *value;

        check(h->status >= 100 && h->status < 600);
        for (const char *c = mqtt_http_status_line(h); *c; c++)
                check(*c >= ' ' && *c <= '~');
        if (mqtt_http_find(h, "Sec-WebSocket-Accept", &value) > 0)
                for (const char *c = value; *c; c++)
                        check(*c >= ' ' && *c <= '~');
        if (mqtt_http_has_token(h, "Connection", "upgrade"))
                check(mqtt_http_find(h, "connection", &value) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        MqttHttpHead whole, split;
        ssize_t r;

        if (size < 2)
                return 0;
        r = run(data + 1, size - 1, SIZE_MAX, &whole);
        check(r == run(data + 1, size - 1, 1U + data[0], &split));
        if (r < 0)
                return 0;
        check(whole.is_complete == split.is_complete && whole.size == split.size);
        check(memcmp(whole.text, split.text, whole.size) == 0);
        if (whole.is_complete)
                check_head(&whole);
        return 0;
}
