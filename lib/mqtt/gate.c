/* SPDX-License-Identifier: MIT */

/*
 * How it works. Bytes are parsed where they lie: a flow's 'ready' runs ahead over all that may pass, and
 * stops at a header that is not complete, at a PUBACK that is not complete (outbound), or at a message for
 * which the ring of held PUBACKs has no room (inbound). Swallowed packets are cut out, our own are put in at
 * 'ready' when no body is under way there, which is the packet boundary.
 *
 * Held PUBACKs. An inbound QoS 1 PUBLISH takes the next place in the ring. libmosquitto answers each in the
 * order in which it read them, so its n-th PUBACK belongs to the n-th place, but for the places of refused
 * messages, which it does not see. The PUBACK leaves when its place was released and all places before it
 * have left.
 *
 * What the gate tells itself (MQTT 5) waits at 'ready' until all before it was taken by libmosquitto, which
 * has queued its events by then.
 */

#include <mqtt/gate-internal.h>

#include <assert.h>

/* So many packets go to libmosquitto at a time, which handles them all in one call. */
#define READY_MAX 8U

/* What a server may send. QoS 2 is never asked for. */
static const struct {
        bool is_allowed;
        bool is_v5;       /* in MQTT 5 only */
        bool is_whole;    /* in MQTT 5 looked at when it is complete */
        uint8_t n_looked; /* in MQTT 5 looked at when so much of its body is there */
        uint8_t min_body, min_body_v5;
} inbound[_MQTT_PACKET_MAX] = {
        [MQTT_PACKET_CONNACK] = { .is_allowed = true, .n_looked = 2, .min_body = 2, .min_body_v5 = 2 },
        [MQTT_PACKET_PUBLISH] = { .is_allowed = true, .n_looked = 2, .min_body = 3, .min_body_v5 = 4 },
        [MQTT_PACKET_PUBACK] = { .is_allowed = true, .n_looked = 2, .min_body = 2, .min_body_v5 = 2 },
        [MQTT_PACKET_SUBACK] = { .is_allowed = true, .n_looked = 2, .min_body = 3, .min_body_v5 = 4 },
        [MQTT_PACKET_UNSUBACK] = { .is_allowed = true, .is_whole = true, .min_body = 2, .min_body_v5 = 4 },
        [MQTT_PACKET_PINGRESP] = { .is_allowed = true },
        [MQTT_PACKET_DISCONNECT] = { .is_allowed = true, .is_v5 = true, .is_whole = true },
        [MQTT_PACKET_AUTH] = { .is_allowed = true, .is_v5 = true, .is_whole = true },
};

int mqtt_gate_init(MqttGate *g, const MqttGateConfig *config, uint64_t now_us) {
        int r;

        *g = (MqttGate){ .config = *config, .ping_due_us = UINT64_MAX, .puback_due_us = UINT64_MAX };

        r = mqtt_flow_init(&g->in, MQTT_GATE_RECORD_BYTES, now_us);
        if (r < 0)
                return r;
        r = mqtt_flow_init(&g->out, MQTT_GATE_RECORD_BYTES + MQTT_GATE_OWN_BYTES, now_us);
        if (r < 0)
                return r;
        g->held = calloc(config->receive_max, sizeof(*g->held));
        return g->held ? 0 : -ENOMEM;
}

void mqtt_gate_done(MqttGate *g) {
        if (g->out.bytes && g->is_secret_out)
                explicit_bzero(g->out.bytes, g->out.size);
        if (g->auth)
                explicit_bzero(g->auth, g->n_auth);
        free(g->auth);
        free(g->in.bytes);
        free(g->out.bytes);
        free(g->held);
        *g = MQTT_GATE_NULL;
}

/* ---- Is it allowed? ---- */

bool mqtt_gate_is_too_large(const MqttGate *g, const MqttHeader *h) {
        return h->n_body > g->config.max_packet_bytes - h->n_header;
}

static int gate_check_size(const MqttGate *g, const MqttHeader *h, MqttFault *fault) {
        bool is_v5 = g->config.is_v5;
        uint32_t min_body = is_v5 ? inbound[h->type].min_body_v5 : inbound[h->type].min_body;

        if (h->n_body < min_body || (h->type == MQTT_PACKET_PINGRESP && h->n_body > 0))
                return mqtt_fault_set(fault, MQTT_LOST_PROTOCOL, -EPROTO,
                                      "the server sent a packet of type %u with a length of %u", h->type,
                                      h->n_body);
        if ((mqtt_gate_is_too_large(g, h) && !(is_v5 && h->type == MQTT_PACKET_PUBLISH)) ||
            (is_v5 && inbound[h->type].is_whole && h->n_body > MQTT_GATE_RECORD_BYTES - h->n_header))
                return mqtt_fault_set(fault, MQTT_LOST_TOO_LARGE, -EMSGSIZE,
                                      "the server sent a packet of %u bytes; the limit is %u",
                                      h->n_body + h->n_header, g->config.max_packet_bytes);
        return 0;
}

static int gate_check_inbound(const MqttGate *g, const MqttHeader *h, MqttFault *fault) {
        bool is_publish = h->type == MQTT_PACKET_PUBLISH;

        if (!inbound[h->type].is_allowed || (inbound[h->type].is_v5 && !g->config.is_v5) ||
            (h->type == MQTT_PACKET_AUTH && !g->config.has_authentication))
                return mqtt_fault_set(fault, MQTT_LOST_PROTOCOL, -EPROTO,
                                      "the server sent a packet of the unexpected type %u", h->type);
        if (is_publish && (h->flags & MQTT_PUBLISH_QOS) > MQTT_PUBLISH_QOS1)
                return mqtt_fault_set(fault, MQTT_LOST_PROTOCOL, -EPROTO,
                                      "the server sent a message with QoS 2 or 3");
        if (!is_publish && h->flags != 0)
                return mqtt_fault_set(fault, MQTT_LOST_PROTOCOL, -EPROTO,
                                      "the server sent a packet of type %u with flags 0x%x", h->type,
                                      h->flags);
        return gate_check_size(g, h, fault);
}

/* ---- What becomes of it ---- */

MqttVerdict mqtt_gate_add_held(MqttGate *g, const MqttHeader *h) {
        if ((h->flags & MQTT_PUBLISH_QOS) == 0)
                return MQTT_VERDICT_PASS;
        if (g->held_end - g->held_first == g->config.receive_max)
                return MQTT_VERDICT_WAIT;
        *mqtt_gate_held(g, g->held_end++) = (MqttHeld){ .is_dup = (h->flags & MQTT_PUBLISH_DUP) != 0 };
        return MQTT_VERDICT_PASS;
}

static MqttVerdict gate_judge(MqttGate *g, const MqttHeader *h) {
        switch (h->type) {
        case MQTT_PACKET_CONNACK:
                mqtt_gate_on_connack(g);
                return MQTT_VERDICT_PASS;
        case MQTT_PACKET_PUBACK:
                mqtt_gate_on_puback(g);
                return MQTT_VERDICT_PASS;
        case MQTT_PACKET_PINGRESP:
                return MQTT_VERDICT_DROP;
        case MQTT_PACKET_PUBLISH:
                return mqtt_gate_add_held(g, h);
        default:
                return MQTT_VERDICT_PASS;
        }
}

static MqttVerdict gate_judge_v5(MqttGate *g, const MqttHeader *h, MqttFault *fault) {
        uint32_t n_looked = inbound[h->type].is_whole ? h->n_body : inbound[h->type].n_looked;

        if (mqtt_flow_unread(&g->in) < h->n_header + n_looked)
                return MQTT_VERDICT_WAIT;
        return mqtt_gate_judge_v5(g, h, fault);
}

/* Cuts what is there of a packet that is dropped. True: all of it. */
static bool gate_drop(MqttGate *g) {
        MqttDropping *d = &g->dropping;
        MqttFlow *f = &g->in;
        uint32_t n = (uint32_t) MIN((size_t) d->n_before_id, mqtt_flow_unread(f));

        if (d->n_before_id == 0 && !d->has_id)
                return true;
        mqtt_flow_cut(f, n);
        d->n_before_id -= n;
        if (d->n_before_id > 0)
                return false;
        if (!d->has_id)
                return true;
        if (mqtt_flow_unread(f) < 2)
                return false;
        mqtt_gate_held(g, g->held_end - 1)->packet_id = mqtt_u16(f->bytes + f->ready);
        mqtt_flow_cut(f, 2);
        *d = (MqttDropping){ .n_before_id = d->n_after_id };
        mqtt_gate_put_own(g);
        return gate_drop(g);
}

/* Understands the packet at 'ready'. 0: it has to wait, or is not complete. */
static int gate_pass_inbound(MqttGate *g, MqttFault *fault) {
        MqttFlow *f = &g->in;
        MqttHeader h;
        int r;

        mqtt_flow_pass_body(f);
        if (!gate_drop(g) || f->n_ready == READY_MAX)
                return 0;
        r = mqtt_flow_parse_header(f, &h);
        if (r < 0)
                return mqtt_fault_set(fault, MQTT_LOST_PROTOCOL, r,
                                      "the server sent a malformed remaining length");
        if (r == 0)
                return 0;
        r = gate_check_inbound(g, &h, fault);
        if (r < 0)
                return r;
        switch (g->config.is_v5 ? gate_judge_v5(g, &h, fault) : gate_judge(g, &h)) {
        case MQTT_VERDICT_PASS:
                f->ready += h.n_header;
                f->n_ready++;
                f->n_body = h.n_body;
                return 1;
        case MQTT_VERDICT_DROP:
                mqtt_flow_cut(f, h.n_header);
                if (!g->dropping.has_id)
                        g->dropping.n_before_id = h.n_body;
                return 1;
        case MQTT_VERDICT_WAIT:
                return 0;
        case MQTT_VERDICT_LOST:
                return fault->error;
        }
        return 0;
}

int mqtt_gate_resume(MqttGate *g, MqttFault *fault) {
        int r;

        do
                r = gate_pass_inbound(g, fault);
        while (r > 0);
        /* What came before a bad packet is good: it goes on first. */
        return r < 0 && g->in.ready > g->in.begin ? 0 : r;
}

size_t mqtt_gate_network_space(MqttGate *g, uint8_t **ret) {
        return mqtt_flow_space(&g->in, MQTT_GATE_RECORD_BYTES, ret);
}

int mqtt_gate_network_fed(MqttGate *g, size_t n, uint64_t now_us, MqttFault *fault) {
        g->in.end += n;
        mqtt_gate_on_received(g, now_us);
        return mqtt_gate_resume(g, fault);
}

size_t mqtt_gate_local_pending(const MqttGate *g, const uint8_t **ret) {
        return mqtt_flow_pending(&g->in, ret);
}

void mqtt_gate_local_sent(MqttGate *g, size_t n) {
        mqtt_flow_sent(&g->in, n);
}

bool mqtt_gate_is_full(const MqttGate *g) {
        return g->in.end - g->in.begin >= MQTT_GATE_RECORD_BYTES;
}

bool mqtt_gate_is_mid_packet(const MqttGate *g) {
        return g->in.n_body > 0 || g->in.ready < g->in.end || g->dropping.n_before_id > 0 ||
               g->dropping.has_id;
}

uint64_t mqtt_gate_tell(MqttGate *g, bool *ret_is_dup) {
        uint64_t sequence;

        while (mqtt_gate_held(g, g->held_next_told)->is_refused)
                g->held_next_told++;
        sequence = g->held_next_told++;
        assert(sequence < g->held_end);
        *ret_is_dup = mqtt_gate_held(g, sequence)->is_dup;
        return sequence;
}
