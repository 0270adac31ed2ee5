/* SPDX-License-Identifier: MIT */

/*
 * Liveness. PINGREQ is due at min(last byte in, last byte out) + keep-alive: the server must hear from us in
 * that time, and we from it. The timer is not moved when bytes come and go; when it fires it looks whether it
 * is time and otherwise arms itself anew. So the traffic of a busy link costs no timers and an idle one wakes
 * once per PINGREQ. The time for the answer runs from the moment when PINGREQ has left; until then each byte
 * that leaves renews it, so that a large message on a slow link is not taken for a dead server.
 */

#include <mqtt/gate-internal.h>

static uint64_t gate_ping_time_us(const MqttGate *g) {
        return MIN(g->in.moved_us, g->out.moved_us) + g->config.keep_alive_us;
}

void mqtt_gate_on_connack(MqttGate *g) {
        if (g->ping != MQTT_PING_OFF)
                return;
        g->ping = MQTT_PING_IDLE;
        g->ping_due_us = gate_ping_time_us(g);
}

void mqtt_gate_set_keep_alive(MqttGate *g, uint64_t keep_alive_us) {
        g->config.keep_alive_us = keep_alive_us;
        if (g->ping == MQTT_PING_IDLE)
                g->ping_due_us = gate_ping_time_us(g);
}

void mqtt_gate_on_puback(MqttGate *g) {
        if (g->n_unacked > 0)
                g->n_unacked--;
        if (g->n_owed > 0)
                g->n_owed--;
        g->puback_us = g->in.moved_us;
}

void mqtt_gate_on_received(MqttGate *g, uint64_t now_us) {
        g->in.moved_us = now_us;
        if (g->ping != MQTT_PING_SENT)
                return;
        g->ping = MQTT_PING_IDLE;
        g->ping_due_us = gate_ping_time_us(g);
}

void mqtt_gate_on_published(MqttGate *g, uint64_t now_us) {
        if (g->n_unacked++ > 0)
                return;
        g->puback_us = now_us;
        if (g->puback_due_us == UINT64_MAX)
                g->puback_due_us = now_us + g->config.puback_timeout_us;
}

void mqtt_gate_on_sent(MqttGate *g, uint64_t now_us) {
        g->out.moved_us = now_us;
        if (g->out.end == 0)
                g->n_owed = g->n_unacked;
        if (!g->is_ping_queued || g->out.n_passed < g->ping_end)
                return;
        g->is_ping_queued = false;
        g->ping = MQTT_PING_SENT;
        g->ping_due_us = now_us + g->ping_timeout_us;
}

bool mqtt_gate_is_puback_owed(const MqttGate *g) {
        return g->n_owed > 0;
}

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
        mqtt_gate_put_own(g);
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
