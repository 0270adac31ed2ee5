/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of the gate share: bytes in, bytes out. */

#include <mqtt/gate.h>

#include "unit.h"

#define T0         UINT64_C(1000000000)
#define KEEP_ALIVE (60 * USEC_PER_SEC)

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static MqttFault fault;

_unused_ static int feed_network(MqttGate *g, const uint8_t *bytes, size_t n, uint64_t now_us) {
        uint8_t *space;

        ck_assert_uint_ge(mqtt_gate_network_space(g, &space), n);
        memcpy(space, bytes, n);
        return mqtt_gate_network_fed(g, n, now_us, &fault);
}

_unused_ static void feed_local(MqttGate *g, const uint8_t *bytes, size_t n, uint64_t now_us) {
        uint8_t *space;

        ck_assert_uint_ge(mqtt_gate_local_space(g, &space), n);
        memcpy(space, bytes, n);
        ck_assert_int_eq(mqtt_gate_local_fed(g, n, now_us, &fault), 0);
}

/* What the gate lets pass goes behind what is in 'buffer'. */
_unused_ static size_t take_local(MqttGate *g, uint8_t *buffer) {
        const uint8_t *bytes;
        size_t n = mqtt_gate_local_pending(g, &bytes);

        memcpy(buffer, bytes, n);
        mqtt_gate_local_sent(g, n);
        return n;
}

_unused_ static size_t take_network(MqttGate *g, uint8_t *buffer, uint64_t now_us) {
        const uint8_t *bytes;
        size_t n = mqtt_gate_network_pending(g, &bytes);

        memcpy(buffer, bytes, n);
        if (n > 0)
                mqtt_gate_network_sent(g, n, now_us);
        return n;
}

_unused_ static void assert_network(MqttGate *g, const uint8_t *expected, size_t n_expected,
                                    uint64_t now_us) {
        uint8_t buffer[65536];

        ck_assert_uint_eq(take_network(g, buffer, now_us), n_expected);
        if (n_expected > 0)
                ck_assert_mem_eq(buffer, expected, n_expected);
}

_unused_ static void assert_local(MqttGate *g, const uint8_t *expected, size_t n_expected) {
        uint8_t buffer[65536];

        ck_assert_uint_eq(take_local(g, buffer), n_expected);
        if (n_expected > 0)
                ck_assert_mem_eq(buffer, expected, n_expected);
}
