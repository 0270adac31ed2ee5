/* SPDX-License-Identifier: MIT */

/*
 * The first byte says how the rest, which is what a server sends, is split, and in its highest bit whether it
 * is MQTT 5. In any split the same bytes must reach libmosquitto, the same events be told and the same fault
 * be found; and whatever libmosquitto answers, the buffers must hold.
 */

#include <mqtt/gate.h>

#define INPUT_MAX (64U * 1024U)

/* Highest bit of the first byte. */
#define IS_V5 0x80U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Output {
        uint8_t *bytes;
        size_t n;
        uint64_t events; /* a sum over what was told */
        MqttFault fault;
        int result;
} Output;

static void check(bool condition) {
        if (!condition)
                abort();
}

static void sum(Output *o, const void *bytes, size_t n) {
        for (size_t i = 0; i < n; i++)
                o->events = o->events * 31 + ((const uint8_t *) bytes)[i];
}

static void sum_span(Output *o, az_span s) {
        sum(o, az_span_ptr(s), (size_t) az_span_size(s));
}

static void take_events(MqttEventList *events, Output *o) {
        const MqttEvent *e;

        while ((e = mqtt_event_list_pop(events))) {
                sum(o, &e->type, sizeof(e->type));
                if (e->type == MQTT_EVENT_UNSUBACK)
                        sum(o, e->unsuback.codes, e->unsuback.n_codes);
                if (e->type == MQTT_EVENT_REFUSED)
                        sum(o, &e->refused.n_bytes, sizeof(e->refused.n_bytes));
                if (e->type == MQTT_EVENT_AUTH) {
                        sum(o, &e->auth.reason_code, 1);
                        sum_span(o, e->auth.method);
                        sum_span(o, e->auth.data);
                        sum_span(o, e->auth.reason_string);
                }
        }
}

/* What the server may answer: packets 1 to 3 of each kind. */
static void expect_answers(MqttGate *g) {
        static const uint8_t types[] = { MQTT_PACKET_PUBLISH, MQTT_PACKET_SUBSCRIBE,
                                         MQTT_PACKET_UNSUBSCRIBE };

        for (uint16_t i = 0; i < 9; i++) {
                const MqttId id = { .local = (uint16_t) (0x100 + i),
                                    .network = (uint16_t) (i / 3 + 1),
                                    .type = types[i % 3],
                                    .n_filters = 1 };

                mqtt_ids_add(&g->ids, &id);
                mqtt_ids_passed(&g->ids);
        }
}

static bool has_unacknowledged(const MqttGate *g) {
        for (uint64_t i = g->held_next_told; i < g->held_end; i++)
                if (!g->held[i % g->config.receive_max].is_refused)
                        return true;
        return false;
}

/* As libmosquitto does: a PUBACK for each message that came, in order. */
static void acknowledge(MqttGate *g, uint64_t now_us) {
        static const uint8_t puback[] = { 0x40, 2, 1, 2 };
        uint8_t *space;
        MqttFault fault;
        bool is_dup;

        while (has_unacknowledged(g) && mqtt_gate_local_space(g, &space) >= sizeof(puback)) {
                uint64_t sequence = mqtt_gate_tell(g, &is_dup);

                memcpy(space, puback, sizeof(puback));
                check(mqtt_gate_local_fed(g, sizeof(puback), now_us, &fault) == 0);
                mqtt_gate_release(g, sequence, sequence % 2 == 0 ? 0 : 0x80);
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
        check(g->config.is_v5 || n % 2 == 0); /* whole PUBACKs and PINGREQs */
        if (n > 0)
                mqtt_gate_network_sent(g, n, now_us);
}

static void run(const uint8_t *data, size_t size, bool is_v5, size_t n_chunk, Output *o) {
        MqttEventList events = {};
        const MqttGateConfig config = { .max_packet_bytes = 4096,
                                        .receive_max = 3,
                                        .keep_alive_us = 100,
                                        .ping_timeout_us = 10 * INPUT_MAX,
                                        .is_v5 = is_v5,
                                        .has_authentication = true,
                                        .events = &events };
        MqttGate g;
        uint64_t now_us = 0;

        *o = (Output){ .bytes = malloc(size) }; /* nothing is added */
        check(o->bytes && mqtt_gate_init(&g, &config, 0) == 0);
        expect_answers(&g);

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
                for (size_t n_left = SIZE_MAX; n_left != g.in.end - g.in.begin && o->result == 0;) {
                        n_left = g.in.end - g.in.begin;
                        drain(&g, o, now_us);
                        take_events(&events, o);
                        o->result = mqtt_gate_resume(&g, &o->fault);
                }
        }
        drain(&g, o, now_us);
        take_events(&events, o);
        mqtt_event_list_done(&events);
        mqtt_gate_done(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Output whole, split;

        if (size < 2 || size > INPUT_MAX)
                return 0;
        run(data + 1, size - 1, (data[0] & IS_V5) != 0, SIZE_MAX, &whole);
        run(data + 1, size - 1, (data[0] & IS_V5) != 0, 1U + (data[0] & ~IS_V5), &split);

        check(whole.result == split.result && whole.n == split.n && whole.events == split.events);
        check(whole.result == 0 || whole.fault.cause == split.fault.cause);
        check(memcmp(whole.bytes, split.bytes, whole.n) == 0);
        free(whole.bytes);
        free(split.bytes);
        return 0;
}
