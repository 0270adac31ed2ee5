/* SPDX-License-Identifier: MIT */

/*
 * The first byte says how the rest, which is what a server sends, is split. In any split the same bytes must
 * reach libmosquitto and the same fault be found; and whatever libmosquitto answers, the buffers must hold.
 */

#include <mqtt/gate.h>

#define INPUT_MAX (64U * 1024U)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Output {
        uint8_t *bytes;
        size_t n;
        MqttFault fault;
        int result;
} Output;

static void check(bool condition) {
        if (!condition)
                abort();
}

/* As libmosquitto does: a PUBACK for each message that came, in order. */
static void acknowledge(MqttGate *g, uint64_t now_us) {
        static const uint8_t puback[] = { 0x40, 2, 1, 2 };
        uint8_t *space;
        MqttFault fault;

        while (g->held_next_id < g->held_end && mqtt_gate_local_space(g, &space) >= sizeof(puback)) {
                memcpy(space, puback, sizeof(puback));
                check(mqtt_gate_local_fed(g, sizeof(puback), now_us, &fault) == 0);
                mqtt_gate_release(g, g->held_next_id - 1, 0);
        }
}

static void drain(MqttGate *g, Output *o, uint64_t now_us) {
        const uint8_t *bytes;
        size_t n;

        n = mqtt_gate_local_pending(g, &bytes);
        memcpy(o->bytes + o->n, bytes, n);
        o->n += n;
        mqtt_gate_local_sent(g, n);

        acknowledge(g, now_us);
        n = mqtt_gate_network_pending(g, &bytes);
        check(n % 2 == 0); /* whole PUBACKs and PINGREQs */
        if (n > 0)
                mqtt_gate_network_sent(g, n, now_us);
}

static void run(const uint8_t *data, size_t size, size_t n_chunk, Output *o) {
        const MqttGateConfig config = { .max_packet_bytes = 4096,
                                        .receive_max = 3,
                                        .keep_alive_us = 100,
                                        .ping_timeout_us = 10 * INPUT_MAX };
        MqttGate g;
        uint64_t now_us = 0;

        *o = (Output){ .bytes = malloc(size) }; /* nothing is added */
        check(o->bytes && mqtt_gate_init(&g, &config, 0) == 0);

        while (size > 0 && o->result == 0) {
                uint8_t *space;
                size_t n = mqtt_gate_network_space(&g, &space);

                check(n > 0);
                n = MIN(MIN(n, n_chunk), size);
                memcpy(space, data, n);
                data += n;
                size -= n;
                now_us += 10;
                o->result = mqtt_gate_network_fed(&g, n, now_us, &o->fault);
                check(mqtt_gate_run_due(&g, now_us, &o->fault) == 0);
                /* Where the ring of three was full, acknowledging makes room. */
                for (uint64_t n_held = UINT64_MAX; n_held != g.held_end && o->result == 0;) {
                        n_held = g.held_end;
                        drain(&g, o, now_us);
                        o->result = mqtt_gate_resume(&g, &o->fault);
                }
        }
        drain(&g, o, now_us);
        mqtt_gate_done(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Output whole, split;

        if (size < 2 || size > INPUT_MAX)
                return 0;
        run(data + 1, size - 1, SIZE_MAX, &whole);
        run(data + 1, size - 1, 1U + data[0], &split);

        check(whole.result == split.result && whole.n == split.n);
        check(whole.result == 0 || whole.fault.cause == split.fault.cause);
        check(memcmp(whole.bytes, split.bytes, whole.n) == 0);
        free(whole.bytes);
        free(split.bytes);
        return 0;
}
