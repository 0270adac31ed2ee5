/* SPDX-License-Identifier: MIT */

#include <mqtt/flow.h>

#include <assert.h>

#define HEADER_MAX 5U

int mqtt_flow_init(MqttFlow *f, size_t size, uint64_t now_us) {
        *f = (MqttFlow){ .bytes = malloc(size), .size = size, .moved_us = now_us };
        return f->bytes ? 0 : -ENOMEM;
}

int mqtt_flow_grow(MqttFlow *f, size_t size) {
        uint8_t *bytes;

        if (size <= f->size)
                return 0;
        bytes = malloc(size);
        if (!bytes)
                return -ENOMEM;
        memcpy(bytes, f->bytes, f->end);
        explicit_bzero(f->bytes, f->size);
        free(f->bytes);
        f->bytes = bytes;
        f->size = size;
        return 0;
}

/* Moves the bytes to the front. */
static void flow_compact(MqttFlow *f) {
        if (f->begin == 0)
                return;
        memmove(f->bytes, f->bytes + f->begin, f->end - f->begin);
        f->ready -= f->begin;
        f->end -= f->begin;
        f->begin = 0;
}

size_t mqtt_flow_space(MqttFlow *f, size_t limit, uint8_t **ret) {
        size_t n_held = f->end - f->begin;

        if (n_held >= limit)
                return 0;
        if (f->size - f->end < limit - n_held)
                flow_compact(f);
        *ret = f->bytes + f->end;
        return limit - n_held;
}

size_t mqtt_flow_pending(const MqttFlow *f, const uint8_t **ret) {
        *ret = f->bytes + f->begin;
        return f->ready - f->begin;
}

void mqtt_flow_sent(MqttFlow *f, size_t n) {
        assert(n <= f->ready - f->begin);

        f->begin += n;
        f->n_passed += n;
        if (f->begin == f->ready)
                f->n_ready = 0;
        if (f->begin == f->end)
                f->begin = f->ready = f->end = 0;
}

void mqtt_flow_pass_body(MqttFlow *f) {
        uint32_t n = (uint32_t) MIN((size_t) f->n_body, mqtt_flow_unread(f));

        f->ready += n;
        f->n_body -= n;
}

void mqtt_flow_cut(MqttFlow *f, size_t n) {
        memmove(f->bytes + f->ready, f->bytes + f->ready + n, mqtt_flow_unread(f) - n);
        f->end -= n;
}

bool mqtt_flow_insert(MqttFlow *f, const uint8_t *packet, size_t n) {
        assert(f->n_body == 0);

        if (f->size - f->end < n)
                flow_compact(f);
        if (f->size - f->end < n)
                return false;
        memmove(f->bytes + f->ready + n, f->bytes + f->ready, mqtt_flow_unread(f));
        memcpy(f->bytes + f->ready, packet, n);
        f->ready += n;
        f->end += n;
        return true;
}

int mqtt_flow_parse_header(const MqttFlow *f, MqttHeader *ret) {
        const uint8_t *bytes = f->bytes + f->ready;
        size_t n = mqtt_flow_unread(f);
        uint32_t n_body = 0;

        for (uint32_t i = 1; i < HEADER_MAX; i++) {
                if (i >= n)
                        return 0;
                n_body |= (uint32_t) (bytes[i] & 0x7fU) << (7 * (i - 1));
                if ((bytes[i] & 0x80U) != 0)
                        continue;
                *ret = (MqttHeader){
                        .type = bytes[0] >> 4, .flags = bytes[0] & 0x0fU, .n_header = i + 1, .n_body = n_body
                };
                return 1;
        }
        return -EPROTO;
}
