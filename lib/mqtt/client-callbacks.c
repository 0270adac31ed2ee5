/* SPDX-License-Identifier: MIT */

/*
 * What libmosquitto calls. It calls the ones for MQTT 5 with MQTT 3.1.1 as well, without properties. They
 * only queue events: a callback must not call the library back.
 */

#include <mqtt/client-internal.h>

#include <mqtt_protocol.h>

/* Says that the connection has to end: the event would be incomplete. */
static void client_fail_memory(MqttClient *c) {
        c->events->out_of_memory = true;
}

static az_span span_from_string(const char *s) {
        return az_span_create((uint8_t *) s, (int32_t) strlen(s));
}

/* What is longer than all that we look at is left out. */
static az_span client_read_text(MqttClient *c, const mosquitto_property *list, int identifier) {
        az_span text = AZ_SPAN_EMPTY;

        if (mqtt_properties_read_text(&c->properties, list, identifier, &text) == -ENOMEM)
                client_fail_memory(c);
        return text;
}

/* ---- CONNACK ---- */

static void client_read_server(MqttClient *c, const mosquitto_property *list, MqttServer *ret) {
        uint8_t retain_available = 1;
        uint16_t keep_alive_s = 0;

        *ret = (MqttServer){ .receive_max = UINT16_MAX, .keep_alive_s = c->keep_alive_s, .max_qos = 2 };
        (void) mosquitto_property_read_int16(list, MQTT_PROP_RECEIVE_MAXIMUM, &ret->receive_max, false);
        (void) mosquitto_property_read_int16(list, MQTT_PROP_SERVER_KEEP_ALIVE, &keep_alive_s, false);
        if (keep_alive_s > 0) /* 0: the server does not care, but we do */
                ret->keep_alive_s = keep_alive_s;
        (void) mosquitto_property_read_int32(list, MQTT_PROP_MAXIMUM_PACKET_SIZE, &ret->max_packet_bytes,
                                             false);
        (void) mosquitto_property_read_byte(list, MQTT_PROP_MAXIMUM_QOS, &ret->max_qos, false);
        (void) mosquitto_property_read_byte(list, MQTT_PROP_RETAIN_AVAILABLE, &retain_available, false);
        ret->has_no_retain = retain_available == 0;
        ret->has_session_expiry = mosquitto_property_read_int32(list, MQTT_PROP_SESSION_EXPIRY_INTERVAL,
                                                                &ret->session_expiry_s, false) != NULL;

        mqtt_properties_clear(&c->properties);
        ret->assigned_client_id = client_read_text(c, list, MQTT_PROP_ASSIGNED_CLIENT_IDENTIFIER);
        ret->reason_string = client_read_text(c, list, MQTT_PROP_REASON_STRING);
        ret->authentication_data = client_read_text(c, list, MQTT_PROP_AUTHENTICATION_DATA);
}

static void on_connect(struct mosquitto *m, void *userdata, int code, int flags,
                       const mosquitto_property *properties) {
        MqttClient *c = userdata;
        MqttServer server = {};
        uint8_t *bytes;
        MqttEvent *e;

        if (c->is_v5) {
                client_read_server(c, properties, &server);
                c->window = MIN(c->window, server.receive_max);
                c->keep_alive_s = server.keep_alive_s;
                c->server_max_packet_bytes = server.max_packet_bytes;
        }
        c->is_connected = code == 0;
        c->refused_code = (uint8_t) code;

        e = mqtt_event_list_add(c->events, MQTT_EVENT_CONNACK, c->properties.n_bytes, &bytes);
        if (!e)
                return;
        server.assigned_client_id = mqtt_event_copy_span(server.assigned_client_id, &bytes);
        server.reason_string = mqtt_event_copy_span(server.reason_string, &bytes);
        server.authentication_data = mqtt_event_copy_span(server.authentication_data, &bytes);
        e->connack.code = (uint8_t) code;
        e->connack.session_present = (flags & 1) != 0;
        e->connack.server = server;
}

/* ---- PUBACK, SUBACK ---- */

static MqttSent *client_find_sent(MqttClient *c, int packet_id) {
        /* PUBACKs come in order: the first one is nearly always it. */
        for (uint64_t i = c->sent_first; i < c->sent_end; i++) {
                MqttSent *s = &c->sent[i % c->window];

                if (s->packet_id == packet_id && !s->is_acknowledged)
                        return s;
        }
        return NULL;
}

/* While reading: a PUBACK came. While writing: a QoS 0 message was written; its id may be that of another
 * one. */
static void on_publish(struct mosquitto *m, void *userdata, int packet_id, int reason_code,
                       const mosquitto_property *properties) {
        MqttClient *c = userdata;
        az_span reason_string = AZ_SPAN_EMPTY;
        uint8_t *bytes;
        MqttEvent *e;
        MqttSent *s;

        s = c->is_reading ? client_find_sent(c, packet_id) : NULL;
        if (!s)
                return;
        s->is_acknowledged = true;
        c->n_sent_bytes -= s->n_bytes;
        while (c->sent_first < c->sent_end && c->sent[c->sent_first % c->window].is_acknowledged)
                c->sent_first++;

        if (properties) {
                mqtt_properties_clear(&c->properties);
                reason_string = client_read_text(c, properties, MQTT_PROP_REASON_STRING);
        }
        e = mqtt_event_list_add(c->events, MQTT_EVENT_PUBACK, (size_t) az_span_size(reason_string), &bytes);
        if (!e)
                return;
        e->puback.token = s->token;
        e->puback.reason_code = (uint8_t) reason_code;
        e->puback.reason_string = mqtt_event_copy_span(reason_string, &bytes);
}

static void client_report_suback(MqttClient *c) {
        uint8_t *codes;
        MqttEvent *e = mqtt_event_list_add(c->events, MQTT_EVENT_SUBACK, c->n_filters, &codes);

        if (!e)
                return;
        memcpy(codes, c->subscribe_codes, c->n_filters);
        e->suback.codes = codes;
        e->suback.n_codes = c->n_filters;
}

static void on_subscribe(struct mosquitto *m, void *userdata, int packet_id, int n_codes, const int *codes) {
        MqttClient *c = userdata;

        for (size_t i = 0; i < c->n_filters; i++) {
                if (c->subscribe_ids[i] != packet_id)
                        continue;
                c->subscribe_ids[i] = 0;
                c->subscribe_codes[i] = n_codes > 0 ? (uint8_t) codes[0] : 0x80;
                if (--c->n_subscribes_open == 0)
                        client_report_suback(c);
                return;
        }
}

/* ---- PUBLISH ---- */

static void on_message(struct mosquitto *m, void *userdata, const struct mosquitto_message *message,
                       const mosquitto_property *properties) {
        MqttClient *c = userdata;
        az_mqtt_message publish = { .topic = span_from_string(message->topic),
                                    .payload = az_span_create(message->payload ? message->payload
                                                                               : (uint8_t *) "",
                                                              message->payloadlen),
                                    .qos = (uint8_t) message->qos,
                                    .retain = message->retain };
        uint64_t sequence = 0;
        MqttEvent *e;

        if (message->qos > 0)
                sequence = mqtt_gate_tell(c->gate, &publish.dup);
        if (properties && mqtt_properties_read_message(&c->properties, properties, &publish) < 0) {
                client_fail_memory(c);
                return;
        }
        e = mqtt_event_list_add_message(c->events, &publish);
        if (e && message->qos > 0)
                e->message.ack = (MqttAck){ .epoch = c->epoch, .sequence = sequence };
}

void mqtt_client_set_callbacks(MqttClient *c) {
        mosquitto_connect_v5_callback_set(c->mosquitto, on_connect);
        mosquitto_publish_v5_callback_set(c->mosquitto, on_publish);
        mosquitto_message_v5_callback_set(c->mosquitto, on_message);
        mosquitto_subscribe_callback_set(c->mosquitto, on_subscribe);
}
