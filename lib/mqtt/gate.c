/* SPDX-License-Identifier: MIT */

/*
 * How it works. Bytes are parsed where they lie: a flow's 'ready' runs ahead over all that may pass, and
 * stops at a header that is not complete, at a PUBACK that is not complete (outbound), or at a message for
 * which the ring of held PUBACKs has no room (inbound). Swallowed packets are cut out, our own are put in at
 * 'ready' when no body is under way there, which is the packet boundary.
 *
 * Held PUBACKs. An inbound QoS 1 PUBLISH takes the next place in the ring. libmosquitto answers each in the
 * order in which it read them, so its n-th PUBACK belongs to the n-th place. The PUBACK leaves when its place
 * was released and all places before it have left.
 *
 * Liveness. PINGREQ is due at min(last byte in, last byte out) + keep-alive: the server must hear from us in
 * that time, and we from it. The timer is not moved when bytes come and go; when it fires it looks whether it
 * is time and otherwise arms itself anew. So the traffic of a busy link costs no timers and an idle one wakes
 * once per PINGREQ. The time for the answer runs from the moment when PINGREQ has left; until then each byte
 * that leaves renews it, so that a large message on a slow link is not taken for a dead server.
 */

#include <mqtt/gate.h>

#include <assert.h>

/* So many packets go to libmosquitto at a time, which handles them all in one call. */
#define READY_MAX 8U

/* The largest TLS record. */
#define RECORD_BYTES 16384U

/* Room in which our own packets fit when libmosquitto has filled the record. */
#define OWN_BYTES 1024U

#define PUBLISH_DUP  0x08U
#define PUBLISH_QOS  0x06U
#define PUBLISH_QOS1 0x02U
#define HEADER_MAX   5U

typedef enum PacketType {
        PACKET_CONNECT = 1,
        PACKET_CONNACK = 2,
        PACKET_PUBLISH = 3,
        PACKET_PUBACK = 4,
        PACKET_SUBACK = 9,
        PACKET_UNSUBACK = 11,
        PACKET_PINGREQ = 12,
        PACKET_PINGRESP = 13,
        PACKET_DISCONNECT = 14,
        _PACKET_MAX = 16,
} PacketType;

/* What a server may send. QoS 2 is never asked for. */
static const struct {
        bool is_allowed;
        uint8_t min_body;
} inbound[_PACKET_MAX] = {
        [PACKET_CONNACK] = { true, 2 }, /* flags, code */
        [PACKET_PUBLISH] = { true, 3 }, /* length of topic, topic */
        [PACKET_PUBACK] = { true, 2 },  /* packet id */
        [PACKET_SUBACK] = { true, 3 },  /* packet id, code */
        [PACKET_UNSUBACK] = { true, 2 }, [PACKET_PINGRESP] = { true, 0 },
};

typedef struct Header {
        unsigned type, flags;
        uint32_t n_header, n_body;
} Header;

/* Positive: complete. 0: more bytes are needed. */
static int header_parse(const uint8_t *bytes, size_t n, Header *ret) {
        uint32_t n_body = 0;

        for (uint32_t i = 1; i < HEADER_MAX; i++) {
                if (i >= n)
                        return 0;
                n_body |= (uint32_t) (bytes[i] & 0x7fU) << (7 * (i - 1));
                if ((bytes[i] & 0x80U) != 0)
                        continue;
                *ret = (Header){
                        .type = bytes[0] >> 4, .flags = bytes[0] & 0x0fU, .n_header = i + 1, .n_body = n_body
                };
                return 1;
        }
        return -EPROTO;
}

static int flow_init(MqttFlow *f, size_t size, uint64_t now_us) {
        *f = (MqttFlow){ .bytes = malloc(size), .size = size, .moved_us = now_us };
        return f->bytes ? 0 : -ENOMEM;
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

/* Gives the room for up to 'limit' bytes in the buffer. */
static size_t flow_space(MqttFlow *f, size_t limit, uint8_t **ret) {
        size_t n_held = f->end - f->begin;

        if (n_held >= limit)
                return 0;
        if (f->size - f->end < limit - n_held)
                flow_compact(f);
        *ret = f->bytes + f->end;
        return limit - n_held;
}

static size_t flow_pending(const MqttFlow *f, const uint8_t **ret) {
        *ret = f->bytes + f->begin;
        return f->ready - f->begin;
}

static void flow_sent(MqttFlow *f, size_t n) {
        assert(n <= f->ready - f->begin);

        f->begin += n;
        f->n_passed += n;
        if (f->begin == f->ready)
                f->n_ready = 0;
        if (f->begin == f->end)
                f->begin = f->ready = f->end = 0;
}

/* Lets as much of the current body pass as is there. */
static void flow_pass_body(MqttFlow *f) {
        uint32_t n = (uint32_t) MIN((size_t) f->n_body, f->end - f->ready);

        f->ready += n;
        f->n_body -= n;
}

static void flow_cut(MqttFlow *f, size_t n) {
        memmove(f->bytes + f->ready, f->bytes + f->ready + n, f->end - f->ready - n);
        f->end -= n;
}

static bool flow_insert(MqttFlow *f, const uint8_t *packet, size_t n) {
        assert(f->n_body == 0);

        if (f->size - f->end < n)
                flow_compact(f);
        if (f->size - f->end < n)
                return false;
        memmove(f->bytes + f->ready + n, f->bytes + f->ready, f->end - f->ready);
        memcpy(f->bytes + f->ready, packet, n);
        f->ready += n;
        f->end += n;
        return true;
}

int mqtt_gate_init(MqttGate *g, const MqttGateConfig *config, uint64_t now_us) {
        int r;

        *g = (MqttGate){ .config = *config, .ping_due_us = UINT64_MAX, .puback_due_us = UINT64_MAX };

        r = flow_init(&g->in, RECORD_BYTES, now_us);
        if (r < 0)
                return r;
        r = flow_init(&g->out, RECORD_BYTES + OWN_BYTES, now_us);
        if (r < 0)
                return r;
        g->held = calloc(config->receive_max, sizeof(*g->held));
        return g->held ? 0 : -ENOMEM;
}

void mqtt_gate_done(MqttGate *g) {
        if (g->out.bytes && g->is_connect_out)
                explicit_bzero(g->out.bytes, g->out.size);
        free(g->in.bytes);
        free(g->out.bytes);
        free(g->held);
        *g = MQTT_GATE_NULL;
}

static MqttHeld *gate_held(const MqttGate *g, uint64_t sequence) {
        return &g->held[sequence % g->config.receive_max];
}

/* ---- From the network ---- */

static uint64_t gate_ping_time_us(const MqttGate *g) {
        return MIN(g->in.moved_us, g->out.moved_us) + g->config.keep_alive_us;
}

static void gate_on_connack(MqttGate *g) {
        if (g->ping != MQTT_PING_OFF)
                return;
        g->ping = MQTT_PING_IDLE;
        g->ping_due_us = gate_ping_time_us(g);
}

static void gate_on_puback(MqttGate *g) {
        if (g->n_unacked > 0)
                g->n_unacked--;
        if (g->n_owed > 0)
                g->n_owed--;
        g->puback_us = g->in.moved_us;
}

typedef enum Verdict {
        VERDICT_PASS,
        VERDICT_SWALLOW,
        VERDICT_WAIT,
} Verdict;

static int gate_check_inbound(const MqttGate *g, const Header *h, MqttFault *fault) {
        bool is_publish = h->type == PACKET_PUBLISH;

        if (!inbound[h->type].is_allowed)
                return mqtt_fault_set(fault, MQTT_LOST_PROTOCOL, -EPROTO,
                                      "the server sent a packet of the unexpected type %u", h->type);
        if (is_publish && (h->flags & PUBLISH_QOS) > PUBLISH_QOS1)
                return mqtt_fault_set(fault, MQTT_LOST_PROTOCOL, -EPROTO,
                                      "the server sent a message with QoS 2 or 3");
        if (!is_publish && h->flags != 0)
                return mqtt_fault_set(fault, MQTT_LOST_PROTOCOL, -EPROTO,
                                      "the server sent a packet of type %u with flags 0x%x", h->type,
                                      h->flags);
        if (h->n_body < inbound[h->type].min_body || (h->type == PACKET_PINGRESP && h->n_body > 0))
                return mqtt_fault_set(fault, MQTT_LOST_PROTOCOL, -EPROTO,
                                      "the server sent a packet of type %u with a length of %u", h->type,
                                      h->n_body);
        if (h->n_body > g->config.max_packet_bytes - h->n_header)
                return mqtt_fault_set(fault, MQTT_LOST_TOO_LARGE, -EMSGSIZE,
                                      "the server sent a packet of %u bytes; the limit is %u",
                                      h->n_body + h->n_header, g->config.max_packet_bytes);
        return 0;
}

static Verdict gate_on_inbound(MqttGate *g, const Header *h) {
        switch (h->type) {
        case PACKET_CONNACK:
                gate_on_connack(g);
                return VERDICT_PASS;
        case PACKET_PUBACK:
                gate_on_puback(g);
                return VERDICT_PASS;
        case PACKET_PINGRESP:
                return VERDICT_SWALLOW;
        case PACKET_PUBLISH:
                if ((h->flags & PUBLISH_QOS) == 0)
                        return VERDICT_PASS;
                if (g->held_end - g->held_first == g->config.receive_max)
                        return VERDICT_WAIT;
                *gate_held(g, g->held_end++) = (MqttHeld){ .is_dup = (h->flags & PUBLISH_DUP) != 0 };
                return VERDICT_PASS;
        default:
                return VERDICT_PASS;
        }
}

/* Understands the packet at 'ready'. 0: it has to wait, or is not complete. */
static int gate_pass_inbound(MqttGate *g, MqttFault *fault) {
        MqttFlow *f = &g->in;
        Header h;
        int r;

        flow_pass_body(f);
        if (f->n_ready == READY_MAX)
                return 0;
        r = header_parse(f->bytes + f->ready, f->end - f->ready, &h);
        if (r < 0)
                return mqtt_fault_set(fault, MQTT_LOST_PROTOCOL, r,
                                      "the server sent a malformed remaining length");
        if (r == 0)
                return 0;
        r = gate_check_inbound(g, &h, fault);
        if (r < 0)
                return r;
        switch (gate_on_inbound(g, &h)) {
        case VERDICT_PASS:
                f->ready += h.n_header;
                f->n_ready++;
                f->n_body = h.n_body;
                return 1;
        case VERDICT_SWALLOW:
                flow_cut(f, h.n_header);
                return 1;
        case VERDICT_WAIT:
                return 0;
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
        return flow_space(&g->in, RECORD_BYTES, ret);
}

int mqtt_gate_network_fed(MqttGate *g, size_t n, uint64_t now_us, MqttFault *fault) {
        g->in.end += n;
        g->in.moved_us = now_us;
        if (g->ping == MQTT_PING_SENT) {
                g->ping = MQTT_PING_IDLE;
                g->ping_due_us = gate_ping_time_us(g);
        }
        return mqtt_gate_resume(g, fault);
}

size_t mqtt_gate_local_pending(const MqttGate *g, const uint8_t **ret) {
        return flow_pending(&g->in, ret);
}

void mqtt_gate_local_sent(MqttGate *g, size_t n) {
        flow_sent(&g->in, n);
}

bool mqtt_gate_is_full(const MqttGate *g) {
        return g->in.end - g->in.begin >= RECORD_BYTES;
}

bool mqtt_gate_is_mid_packet(const MqttGate *g) {
        return g->in.n_body > 0 || g->in.ready < g->in.end;
}

bool mqtt_gate_is_puback_owed(const MqttGate *g) {
        return g->n_owed > 0;
}

/* ---- To the network ---- */

static void gate_put_pubacks(MqttGate *g) {
        while (g->held_first < g->held_next_id) {
                const MqttHeld *held = gate_held(g, g->held_first);
                const uint8_t packet[] = { PACKET_PUBACK << 4, 2, (uint8_t) (held->packet_id >> 8),
                                           (uint8_t) held->packet_id };

                if (!held->is_released || !flow_insert(&g->out, packet, sizeof(packet)))
                        return;
                g->held_first++;
        }
}

static void gate_put_pingreq(MqttGate *g) {
        static const uint8_t packet[] = { PACKET_PINGREQ << 4, 0 };

        if (g->ping != MQTT_PING_WANTED || g->is_ping_queued || !flow_insert(&g->out, packet, sizeof(packet)))
                return;
        g->is_ping_queued = true;
        g->ping_end = g->out.n_passed + (g->out.ready - g->out.begin);
}

/* Our own packets, if the outbound flow is at a packet boundary. Nothing may follow DISCONNECT. */
static void gate_put_own(MqttGate *g) {
        if (g->out.n_body > 0 || g->is_disconnect_out)
                return;
        gate_put_pubacks(g);
        gate_put_pingreq(g);
}

/* A QoS 1 PUBLISH has passed as a whole: the server owes a PUBACK. */
static void gate_on_publish_out(MqttGate *g, uint64_t now_us) {
        g->is_publish_out = false;
        if (g->n_unacked++ > 0)
                return;
        g->puback_us = now_us;
        if (g->puback_due_us == UINT64_MAX)
                g->puback_due_us = now_us + g->config.puback_timeout_us;
}

/* Keeps the PUBACK at 'ready' back. 0: it is not complete yet. */
static int gate_hold_puback(MqttGate *g, const Header *h, MqttFault *fault) {
        const uint8_t *p = g->out.bytes + g->out.ready;

        if (g->out.end - g->out.ready < h->n_header + h->n_body)
                return 0;
        if (h->n_body != 2 || g->held_next_id == g->held_end)
                return mqtt_fault_set(fault, MQTT_LOST_INTERNAL, -EPROTO, "libmosquitto sent an odd PUBACK");
        gate_held(g, g->held_next_id++)->packet_id = (uint16_t) (p[h->n_header] << 8 | p[h->n_header + 1]);
        flow_cut(&g->out, h->n_header + h->n_body);
        return 1;
}

size_t mqtt_gate_local_space(MqttGate *g, uint8_t **ret) {
        return flow_space(&g->out, RECORD_BYTES, ret);
}

int mqtt_gate_local_fed(MqttGate *g, size_t n, uint64_t now_us, MqttFault *fault) {
        MqttFlow *f = &g->out;

        f->end += n;
        for (;;) {
                Header h;
                int r;

                flow_pass_body(f);
                if (f->n_body == 0 && g->is_publish_out)
                        gate_on_publish_out(g, now_us);
                gate_put_own(g);

                r = header_parse(f->bytes + f->ready, f->end - f->ready, &h);
                if (r == 0)
                        return 0;
                if (r < 0)
                        return mqtt_fault_set(fault, MQTT_LOST_INTERNAL, r, "libmosquitto sent no MQTT");
                if (h.type == PACKET_PUBACK) {
                        r = gate_hold_puback(g, &h, fault);
                        if (r <= 0)
                                return r;
                        continue;
                }
                f->ready += h.n_header;
                f->n_body = h.n_body;
                g->is_publish_out = h.type == PACKET_PUBLISH && (h.flags & PUBLISH_QOS) != 0;
                g->is_connect_out = g->is_connect_out || h.type == PACKET_CONNECT;
                g->is_disconnect_out = h.type == PACKET_DISCONNECT;
        }
}

size_t mqtt_gate_network_pending(const MqttGate *g, const uint8_t **ret) {
        return flow_pending(&g->out, ret);
}

void mqtt_gate_network_sent(MqttGate *g, size_t n, uint64_t now_us) {
        flow_sent(&g->out, n);
        g->out.moved_us = now_us;
        if (g->out.end == 0)
                g->n_owed = g->n_unacked;
        if (g->is_connect_out && g->out.end == 0 && g->out.n_body == 0) {
                explicit_bzero(g->out.bytes, g->out.size);
                g->is_connect_out = false;
        }

        if (g->is_ping_queued && g->out.n_passed >= g->ping_end) {
                g->is_ping_queued = false;
                g->ping = MQTT_PING_SENT;
                g->ping_due_us = now_us + g->ping_timeout_us;
        }
        gate_put_own(g);
}

bool mqtt_gate_is_dup(const MqttGate *g, uint64_t sequence) {
        assert(sequence >= g->held_first && sequence < g->held_end);

        return gate_held(g, sequence)->is_dup;
}

void mqtt_gate_release(MqttGate *g, uint64_t sequence) {
        if (sequence < g->held_first || sequence >= g->held_end)
                return;
        gate_held(g, sequence)->is_released = true;
        gate_put_own(g);
}

/* ---- Time ---- */

uint64_t mqtt_gate_deadline_us(const MqttGate *g) {
        return MIN(g->ping_due_us, g->puback_due_us);
}

/* An answer may be there, and cannot be read. */
static bool gate_is_held_up(const MqttGate *g) {
        return mqtt_gate_is_full(g) && g->held_end - g->held_first == g->config.receive_max;
}

static void gate_want_ping(MqttGate *g, uint64_t timeout_us, uint64_t now_us) {
        g->ping = MQTT_PING_WANTED;
        g->ping_timeout_us = timeout_us;
        g->ping_due_us = now_us + timeout_us;
        gate_put_own(g);
}

void mqtt_gate_ping(MqttGate *g, uint64_t timeout_us, uint64_t now_us) {
        switch (g->ping) {
        case MQTT_PING_OFF:
                break;
        case MQTT_PING_IDLE:
                gate_want_ping(g, timeout_us, now_us);
                break;
        case MQTT_PING_WANTED:
        case MQTT_PING_SENT:
                g->ping_timeout_us = MIN(g->ping_timeout_us, timeout_us);
                g->ping_due_us = MIN(g->ping_due_us, now_us + timeout_us);
                break;
        }
}

static int gate_run_ping(MqttGate *g, uint64_t now_us, MqttFault *fault) {
        uint64_t due_us = UINT64_MAX;

        switch (g->ping) {
        case MQTT_PING_OFF:
                break;
        case MQTT_PING_IDLE:
                due_us = gate_ping_time_us(g);
                if (now_us < due_us)
                        break;
                gate_want_ping(g, g->config.ping_timeout_us, now_us);
                return 0;
        case MQTT_PING_WANTED:
                due_us = MAX(g->in.moved_us, g->out.moved_us) + g->ping_timeout_us;
                if (now_us >= due_us)
                        return mqtt_fault_set(fault, MQTT_LOST_PING_TIMEOUT, -ETIMEDOUT,
                                              "the server has taken no byte for %g s",
                                              mqtt_seconds(g->ping_timeout_us));
                break;
        case MQTT_PING_SENT:
                if (gate_is_held_up(g))
                        return mqtt_fault_set(
                                fault, MQTT_LOST_PING_TIMEOUT, -ETIMEDOUT,
                                "%u messages were received and not acknowledged; until then nothing "
                                "more is read",
                                g->config.receive_max);
                return mqtt_fault_set(fault, MQTT_LOST_PING_TIMEOUT, -ETIMEDOUT,
                                      "the server has not answered a ping within %g s",
                                      mqtt_seconds(g->ping_timeout_us));
        }
        g->ping_due_us = due_us;
        return 0;
}

static int gate_run_puback(MqttGate *g, uint64_t now_us, MqttFault *fault) {
        uint64_t due_us = g->puback_us + g->config.puback_timeout_us;

        if (g->n_unacked > 0 && now_us >= due_us && g->in.moved_us <= g->puback_us) {
                /* Not a byte since: perhaps nobody is there any more, and that is another fault. */
                mqtt_gate_ping(g, g->config.ping_timeout_us, now_us);
                g->puback_due_us = now_us + g->config.ping_timeout_us;
                return 0;
        }
        if (g->n_unacked > 0 && now_us >= due_us)
                return mqtt_fault_set(fault, MQTT_LOST_PUBACK_TIMEOUT, -ETIMEDOUT,
                                      "the server has acknowledged no message for %g s",
                                      mqtt_seconds(g->config.puback_timeout_us));
        g->puback_due_us = g->n_unacked > 0 ? due_us : UINT64_MAX;
        return 0;
}

int mqtt_gate_run_due(MqttGate *g, uint64_t now_us, MqttFault *fault) {
        int r;

        if (now_us >= g->ping_due_us) {
                r = gate_run_ping(g, now_us, fault);
                if (r < 0)
                        return r;
        }
        return now_us >= g->puback_due_us ? gate_run_puback(g, now_us, fault) : 0;
}
