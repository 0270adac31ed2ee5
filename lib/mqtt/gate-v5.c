/* SPDX-License-Identifier: MIT */

/* What the gate does with what comes from an MQTT 5 server: see gate.c. */

#include <mqtt/gate-internal.h>

#include <mqtt/control.h>
#include <mqtt/text.h>

/* Of PUBACK (MQTT 5.0, 3.4.2.1). */
#define REASON_TOPIC_NAME_INVALID 0x90U
#define REASON_QUOTA_EXCEEDED     0x97U

/* Whether the server has told this behind all that came before, and there is room to tell it. */
static bool gate_may_tell(const MqttGate *g) {
        return g->in.ready == g->in.begin && !mqtt_event_list_is_full(g->config.events);
}

/* Gives libmosquitto's packet id to an answer; an answer that nobody waits for is dropped. */
static MqttVerdict gate_translate_answer(MqttGate *g, const MqttHeader *h, MqttPacketType type) {
        uint8_t *p = g->in.bytes + g->in.ready + h->n_header;
        MqttId id;

        if (!mqtt_ids_take(&g->ids, type, mqtt_u16(p), &id))
                return MQTT_VERDICT_DROP;
        mqtt_put_u16(p, id.local);
        if (type == MQTT_PACKET_PUBLISH)
                mqtt_gate_on_puback(g);
        return MQTT_VERDICT_PASS;
}

static MqttVerdict lose_malformed(const MqttHeader *h, MqttFault *fault) {
        (void) mqtt_fault_set(fault, MQTT_LOST_PROTOCOL, -EPROTO,
                              "the server sent a malformed packet of type %u", h->type);
        return MQTT_VERDICT_LOST;
}

static MqttVerdict lose_memory(MqttFault *fault) {
        (void) mqtt_fault_set(fault, MQTT_LOST_INTERNAL, -ENOMEM, "out of memory");
        return MQTT_VERDICT_LOST;
}

/* Drops a message, and answers it when its turn comes. */
static MqttVerdict gate_refuse(MqttGate *g, const MqttHeader *h, uint32_t n_topic, uint8_t reason_code,
                               MqttFault *fault) {
        MqttEvent *e;

        if (!gate_may_tell(g) || mqtt_gate_add_held(g, h) == MQTT_VERDICT_WAIT)
                return MQTT_VERDICT_WAIT;
        e = mqtt_event_list_add(g->config.events, MQTT_EVENT_REFUSED, 0, NULL);
        if (!e)
                return lose_memory(fault);
        e->refused.reason_code = reason_code;
        e->refused.n_bytes = h->n_header + h->n_body;
        if ((h->flags & MQTT_PUBLISH_QOS) == 0)
                return MQTT_VERDICT_DROP;
        *mqtt_gate_held(g, g->held_end - 1) =
                (MqttHeld){ .reason_code = reason_code, .is_released = true, .is_refused = true };
        g->dropping = (MqttDropping){ .n_before_id = n_topic,
                                      .has_id = true,
                                      .n_after_id = h->n_body - n_topic - 2 };
        return MQTT_VERDICT_DROP;
}

/* Are topic and properties what libmosquitto handles, and in a reasonable time? */
static MqttVerdict gate_judge_publish(MqttGate *g, const MqttHeader *h, MqttFault *fault) {
        uint8_t *p = g->in.bytes + g->in.ready + h->n_header;
        uint32_t n_there = (uint32_t) MIN((size_t) h->n_body, mqtt_flow_unread(&g->in) - h->n_header);
        uint32_t n_topic = 2U + mqtt_u16(p), n_before, n_properties;
        int r;

        n_before = n_topic + ((h->flags & MQTT_PUBLISH_QOS) != 0 ? 2 : 0);
        if (h->n_body <= n_before)
                return lose_malformed(h, fault);
        if (mqtt_gate_is_too_large(g, h) || n_topic > 2U + MQTT_TOPIC_BYTES_MAX)
                return gate_refuse(g, h, n_topic, REASON_QUOTA_EXCEEDED, fault);
        if (n_there <= n_before)
                return MQTT_VERDICT_WAIT;
        r = mqtt_control_parse_number(az_span_create(p + n_before, (int32_t) (n_there - n_before)),
                                      &n_properties);
        if (r == 0 && n_there < h->n_body)
                return MQTT_VERDICT_WAIT;
        if (r <= 0 || n_properties > h->n_body - n_before - (uint32_t) r)
                return lose_malformed(h, fault);
        if (n_properties > MQTT_PROPERTIES_BYTES_MAX)
                return gate_refuse(g, h, n_topic, REASON_QUOTA_EXCEEDED, fault);
        n_before += (uint32_t) r;
        if (n_there < n_before + n_properties)
                return MQTT_VERDICT_WAIT;
        if (mqtt_text_has_unwanted(az_span_create(p + 2, (int32_t) n_topic - 2)))
                return gate_refuse(g, h, n_topic, REASON_TOPIC_NAME_INVALID, fault);
        mqtt_text_clean_properties(az_span_create(p + n_before, (int32_t) n_properties));
        return mqtt_gate_add_held(g, h);
}

static MqttVerdict gate_on_unsuback(MqttGate *g, const MqttHeader *h, az_span body, MqttFault *fault) {
        MqttControl control;
        uint8_t *codes;
        MqttEvent *e;
        MqttId id;
        size_t n;

        if (mqtt_control_parse_unsuback(az_span_slice_to_end(body, 2), &control) < 0)
                return lose_malformed(h, fault);
        n = (size_t) az_span_size(control.codes);
        if (!mqtt_ids_take(&g->ids, MQTT_PACKET_UNSUBSCRIBE, mqtt_u16(az_span_ptr(body)), &id))
                return MQTT_VERDICT_DROP;
        if (n != id.n_filters)
                return lose_malformed(h, fault);
        e = mqtt_event_list_add(g->config.events, MQTT_EVENT_UNSUBACK, n, &codes);
        if (!e)
                return lose_memory(fault);
        e->unsuback.codes = memcpy(codes, az_span_ptr(control.codes), n);
        e->unsuback.n_codes = n;
        return MQTT_VERDICT_DROP;
}

static MqttVerdict gate_on_auth(MqttGate *g, const MqttHeader *h, az_span body, MqttFault *fault) {
        MqttControl control;
        uint8_t *bytes;
        MqttEvent *e;

        if (mqtt_control_parse(body, &control) < 0)
                return lose_malformed(h, fault);
        e = mqtt_event_list_add(g->config.events, MQTT_EVENT_AUTH, (size_t) az_span_size(body), &bytes);
        if (!e)
                return lose_memory(fault);
        e->auth.reason_code = control.reason_code;
        e->auth.method = mqtt_event_copy_span(control.method, &bytes);
        e->auth.data = mqtt_event_copy_span(control.data, &bytes);
        e->auth.reason_string = mqtt_event_copy_span(control.reason_string, &bytes);
        return MQTT_VERDICT_DROP;
}

static MqttVerdict gate_on_disconnect(const MqttHeader *h, az_span body, MqttFault *fault) {
        MqttControl control;

        if (mqtt_control_parse(body, &control) < 0)
                return lose_malformed(h, fault);
        (void) mqtt_fault_set_reason(fault, MQTT_LOST_DISCONNECT, -ECONNRESET, "the server disconnected",
                                     control.reason_code, control.reason_string);
        return MQTT_VERDICT_LOST;
}

static MqttVerdict gate_on_second_connack(az_span body, MqttFault *fault) {
        (void) mqtt_fault_set_reason(fault, MQTT_LOST_SECOND_CONNACK, -ECONNREFUSED,
                                     "the server has answered with a second CONNACK", az_span_ptr(body)[1],
                                     AZ_SPAN_EMPTY);
        return MQTT_VERDICT_LOST;
}

static MqttVerdict gate_tell(MqttGate *g, const MqttHeader *h, MqttFault *fault) {
        az_span body = az_span_create(g->in.bytes + g->in.ready + h->n_header, (int32_t) h->n_body);

        if (!gate_may_tell(g))
                return MQTT_VERDICT_WAIT;
        switch (h->type) {
        case MQTT_PACKET_UNSUBACK:
                return gate_on_unsuback(g, h, body, fault);
        case MQTT_PACKET_AUTH:
                return gate_on_auth(g, h, body, fault);
        case MQTT_PACKET_CONNACK:
                return gate_on_second_connack(body, fault);
        default:
                return gate_on_disconnect(h, body, fault);
        }
}

MqttVerdict mqtt_gate_judge_v5(MqttGate *g, const MqttHeader *h, MqttFault *fault) {
        switch (h->type) {
        case MQTT_PACKET_PUBLISH:
                return gate_judge_publish(g, h, fault);
        case MQTT_PACKET_PUBACK:
                return gate_translate_answer(g, h, MQTT_PACKET_PUBLISH);
        case MQTT_PACKET_SUBACK:
                return gate_translate_answer(g, h, MQTT_PACKET_SUBSCRIBE);
        case MQTT_PACKET_PINGRESP:
                return MQTT_VERDICT_DROP;
        case MQTT_PACKET_CONNACK:
                if (g->ping != MQTT_PING_OFF)
                        return gate_tell(g, h, fault);
                mqtt_gate_on_connack(g);
                return MQTT_VERDICT_PASS;
        default:
                return gate_tell(g, h, fault);
        }
}
