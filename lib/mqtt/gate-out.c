/* SPDX-License-Identifier: MIT */

/* The way from libmosquitto to the network: see gate.c. */

#include <mqtt/gate-internal.h>

#include <mqtt/control.h>

/* No packet of libmosquitto's is under way: our own may leave. */
static bool gate_is_at_boundary(const MqttGate *g) {
        return g->out.n_body == 0 && !g->is_id_out;
}

static void gate_put_pubacks(MqttGate *g) {
        for (; g->held_first < g->held_end; g->held_first++) {
                const MqttHeld *held = mqtt_gate_held(g, g->held_first);
                bool has_reason = g->config.is_v5 && held->reason_code != 0;
                uint8_t packet[] = { MQTT_PACKET_PUBACK << 4, has_reason ? 3 : 2, 0, 0, held->reason_code };

                mqtt_put_u16(packet + 2, held->packet_id);
                if (held->packet_id == 0 || !held->is_released ||
                    !mqtt_flow_insert(&g->out, packet, has_reason ? 5 : 4))
                        break;
        }
        /* What was refused never gets its id from libmosquitto, nor is it told of. */
        g->held_next_id = MAX(g->held_next_id, g->held_first);
        g->held_next_told = MAX(g->held_next_told, g->held_first);
}

static void gate_put_pingreq(MqttGate *g) {
        static const uint8_t packet[] = { MQTT_PACKET_PINGREQ << 4, 0 };

        if (g->ping != MQTT_PING_WANTED || g->is_ping_queued ||
            !mqtt_flow_insert(&g->out, packet, sizeof(packet)))
                return;
        g->is_ping_queued = true;
        g->ping_end = g->out.n_passed + (g->out.ready - g->out.begin);
}

static void gate_drop_auth(MqttGate *g) {
        if (!g->auth)
                return;
        explicit_bzero(g->auth, g->n_auth);
        free(g->auth);
        g->auth = NULL;
}

static void gate_put_auth(MqttGate *g) {
        bool is_first = g->out.n_passed == 0 && g->out.ready == g->out.begin; /* CONNECT is */

        if (!g->auth || is_first || !mqtt_flow_insert(&g->out, g->auth, g->n_auth))
                return;
        g->is_secret_out = true;
        gate_drop_auth(g);
}

/* Nothing may follow DISCONNECT. */
void mqtt_gate_put_own(MqttGate *g) {
        if (!gate_is_at_boundary(g) || g->is_disconnect_out)
                return;
        gate_put_pubacks(g);
        gate_put_pingreq(g);
        gate_put_auth(g);
}

int mqtt_gate_send_auth(MqttGate *g, uint8_t reason_code, az_span method, az_span data) {
        int r;

        if (g->auth)
                return -EBUSY;
        r = mqtt_control_new_auth(reason_code, method, data, &g->auth, &g->n_auth);
        if (r < 0)
                return r;
        r = mqtt_flow_grow(&g->out, MQTT_GATE_RECORD_BYTES + MQTT_GATE_OWN_BYTES + g->n_auth);
        if (r < 0) {
                gate_drop_auth(g);
                return r;
        }
        mqtt_gate_put_own(g);
        return 0;
}

/* ---- libmosquitto's packets. 1: on with the next. 0: more bytes are needed. ---- */

static int lose_library(MqttFault *fault, const char *what) {
        return mqtt_fault_set(fault, MQTT_LOST_INTERNAL, -EPROTO, "libmosquitto sent %s", what);
}

/* Keeps the PUBACK at 'ready' back. */
static int gate_hold_puback(MqttGate *g, const MqttHeader *h, MqttFault *fault) {
        if (mqtt_flow_unread(&g->out) < h->n_header + h->n_body)
                return 0;
        while (g->held_next_id < g->held_end && mqtt_gate_held(g, g->held_next_id)->is_refused)
                g->held_next_id++;
        if (h->n_body != 2 || g->held_next_id == g->held_end)
                return lose_library(fault, "an odd PUBACK");
        mqtt_gate_held(g, g->held_next_id++)->packet_id = mqtt_u16(g->out.bytes + g->out.ready + h->n_header);
        mqtt_flow_cut(&g->out, h->n_header + h->n_body);
        return 1;
}

/* Lets the packet at 'ready' pass up to its packet id, which is 'n_before_id' bytes into the body. */
static void gate_pass_to_id(MqttGate *g, const MqttHeader *h, uint32_t n_before_id) {
        g->out.ready += h->n_header;
        g->out.n_body = n_before_id;
        g->is_id_out = true;
        g->n_after_id = h->n_body - n_before_id - 2;
}

/* PUBLISH of QoS 1, SUBSCRIBE or UNSUBSCRIBE of MQTT 5. */
static int gate_pass_with_id(MqttGate *g, const MqttHeader *h, MqttFault *fault) {
        const MqttId *id = mqtt_ids_next_out(&g->ids, (MqttPacketType) h->type);
        uint8_t *p = g->out.bytes + g->out.ready;
        uint32_t n_before_id = 0;

        if (h->type == MQTT_PACKET_PUBLISH) {
                if (mqtt_flow_unread(&g->out) < h->n_header + 2)
                        return 0;
                n_before_id = 2U + mqtt_u16(p + h->n_header);
        }
        if (!id || h->n_body < n_before_id + 2)
                return lose_library(fault, "a packet that nobody knows of");
        if (id->is_resend)
                p[0] |= MQTT_PUBLISH_DUP;
        gate_pass_to_id(g, h, n_before_id);
        return 1;
}

static int gate_pass_id(MqttGate *g, MqttFault *fault) {
        MqttFlow *f = &g->out;
        const MqttId *id = &g->ids.ids[g->ids.n_out];

        if (mqtt_flow_unread(f) < 2)
                return 0;
        if (mqtt_u16(f->bytes + f->ready) != id->local)
                return lose_library(fault, "an odd packet id");
        mqtt_put_u16(f->bytes + f->ready, id->network);
        mqtt_ids_passed(&g->ids);
        f->ready += 2;
        f->n_body = g->n_after_id;
        g->is_id_out = false;
        return 1;
}

static bool has_id(const MqttHeader *h) {
        return (h->type == MQTT_PACKET_PUBLISH && (h->flags & MQTT_PUBLISH_QOS) != 0) ||
               h->type == MQTT_PACKET_SUBSCRIBE || h->type == MQTT_PACKET_UNSUBSCRIBE;
}

static int gate_pass_outbound(MqttGate *g, MqttFault *fault) {
        MqttFlow *f = &g->out;
        MqttHeader h;
        int r;

        r = mqtt_flow_parse_header(f, &h);
        if (r < 0)
                return lose_library(fault, "no MQTT");
        if (r == 0)
                return 0;
        if (h.type == MQTT_PACKET_PUBACK)
                return gate_hold_puback(g, &h, fault);
        if (g->config.is_v5 && has_id(&h)) {
                r = gate_pass_with_id(g, &h, fault);
                if (r <= 0)
                        return r;
        } else {
                f->ready += h.n_header;
                f->n_body = h.n_body;
        }
        g->is_publish_out = h.type == MQTT_PACKET_PUBLISH && (h.flags & MQTT_PUBLISH_QOS) != 0;
        g->is_secret_out = g->is_secret_out || h.type == MQTT_PACKET_CONNECT;
        g->is_disconnect_out = h.type == MQTT_PACKET_DISCONNECT;
        return 1;
}

int mqtt_gate_local_fed(MqttGate *g, size_t n, uint64_t now_us, MqttFault *fault) {
        int r;

        g->out.end += n;
        do {
                mqtt_flow_pass_body(&g->out);
                if (g->out.n_body == 0 && g->is_id_out) {
                        r = gate_pass_id(g, fault);
                        continue;
                }
                /* A QoS 1 PUBLISH has passed as a whole: the server owes a PUBACK. */
                if (g->out.n_body == 0 && g->is_publish_out) {
                        g->is_publish_out = false;
                        mqtt_gate_on_published(g, now_us);
                }
                mqtt_gate_put_own(g);
                r = g->out.n_body > 0 ? 0 : gate_pass_outbound(g, fault);
        } while (r > 0);
        return r;
}

size_t mqtt_gate_local_space(MqttGate *g, uint8_t **ret) {
        return mqtt_flow_space(&g->out, MQTT_GATE_RECORD_BYTES, ret);
}

size_t mqtt_gate_network_pending(const MqttGate *g, const uint8_t **ret) {
        return mqtt_flow_pending(&g->out, ret);
}

void mqtt_gate_network_sent(MqttGate *g, size_t n, uint64_t now_us) {
        mqtt_flow_sent(&g->out, n);
        if (g->is_secret_out && g->out.end == 0 && g->out.n_body == 0) {
                explicit_bzero(g->out.bytes, g->out.size);
                g->is_secret_out = false;
        }
        mqtt_gate_on_sent(g, now_us);
        mqtt_gate_put_own(g);
}

void mqtt_gate_release(MqttGate *g, uint64_t sequence, uint8_t reason_code) {
        MqttHeld *held;

        if (sequence < g->held_first || sequence >= g->held_end)
                return;
        held = mqtt_gate_held(g, sequence);
        if (held->is_released)
                return;
        held->is_released = true;
        held->reason_code = reason_code;
        mqtt_gate_put_own(g);
}
