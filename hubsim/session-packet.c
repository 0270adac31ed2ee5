/* SPDX-License-Identifier: MIT */

/* What each packet of a client does, and what IoT Hub closes a connection for. */

#include "hubsim/session-internal.h"

#include "hubsim/auth.h"
#include "hubsim/c2d.h"
#include "hubsim/device-ca.h"
#include "hubsim/dps-auth.h"
#include "hubsim/log.h"
#include "hubsim/percent.h"
#include "hubsim/topic.h"
#include "hubsim/twin.h"

/* "The maximum is 29.45 minutes (1767 seconds)", whatever keep-alive the client asked for. */
#define SILENCE_MAX_US (1767 * USEC_PER_SEC)

int session_refuse(Session *s, const MqttConnect *connect, MqttConnackCode code, unsigned error,
                   const char *reason) {
        char claimed[160]; /* longer than a device id */

        (void) snprintf(claimed, sizeof(claimed), "%.*s", az_span_size(connect->client_id),
                        (const char *) az_span_ptr(connect->client_id));
        log_event(claimed[0] == '\0' ? NULL : claimed, error, "CONNECT refused with code %u: %s",
                  (unsigned) code, reason);
        (void) mqtt_append_connack(&s->stream.out, false, code);
        return -ECONNREFUSED;
}

int session_refuse_on_demand(Session *s, const MqttConnect *connect, unsigned code) {
        if (code > 0)
                return session_refuse(s, connect, code, 400030, "as it was asked to");
        log_event(NULL, 400030, "CONNECT not answered, as it was asked to");
        return -ECONNABORTED;
}

uint64_t session_silence_max_us(uint16_t keep_alive_s) {
        return keep_alive_s == 0 ? SILENCE_MAX_US
                                 : MIN(keep_alive_s * (USEC_PER_SEC * 3 / 2), SILENCE_MAX_US);
}

static bool will_is_valid(const MqttConnect *connect, const Device *device) {
        Topic topic;

        return connect->will.qos < 2 &&
               topic_parse(connect->will.topic, az_span_create_from_str(device->id), &topic) >= 0 &&
               topic.kind == TOPIC_TELEMETRY && telemetry_properties_are_valid(topic.properties);
}

static int session_keep_will(Session *s, const MqttMessage *will) {
        int r;

        s->has_will = true;
        s->will_retain = will->retain;
        r = buffer_append_span(&s->will_topic, will->topic);
        if (r < 0)
                return r;
        return buffer_append_span(&s->will_payload, will->payload);
}

/* Sends what waited for the device to be there and to have subscribed. */
static int session_deliver(Session *s) {
        int r;

        r = method_on_subscribed(s->hub, s->device);
        if (r < 0)
                return r;
        return c2d_deliver(s->hub, s->device);
}

/* The client is who it says: its older connection goes, its stored session comes back, its clocks start. */
static int session_accept(Session *s, const MqttConnect *connect, const Verdict *verdict) {
        Faults *faults = &s->hub->faults;
        Device *device = verdict->device;
        bool session_present;
        int r;

        if (device->session) {
                log_event(device->id, 400027, "closed: another connection with its client id");
                session_close(device->session, SESSION_END_LOST, 400027);
        }
        session_present = device->has_stored_session && !connect->clean_session;
        if (!session_present) {
                device_forget_subscriptions(device);
                r = c2d_on_new_session(s->hub, device, connect->clean_session);
                if (r < 0)
                        return r;
        }
        device->was_connected = true;
        device->has_stored_session = !connect->clean_session;
        device->session = s;
        s->device = device;
        s->is_clean = connect->clean_session;
        s->has_api_version = verdict->has_api_version;
        s->silence_max_us = session_silence_max_us(connect->keep_alive_s);

        if (connect->has_will) {
                r = session_keep_will(s, &connect->will);
                if (r < 0)
                        return r;
        }
        r = state_save_session(s->hub->state, s->device);
        if (r < 0)
                return r;
        if (verdict->expiry_s > 0) {
                r = session_end_at(s, verdict->expiry_s + s->hub->expiry_grace_s);
                if (r < 0)
                        return r;
        }
        r = mqtt_append_connack(&s->stream.out, session_present, MQTT_CONNACK_ACCEPTED);
        if (r < 0)
                return r;

        log_event(device->id, 0, "connected%s", session_present ? ", session present" : "");
        if (faults->n_close > 0 && (!faults->close_device || faults->close_device == device)) {
                faults->n_close--;
                r = session_end_in(s, faults->close_after_us);
                if (r < 0)
                        return r;
        }
        return session_deliver(s);
}

/* What the client has brought of certificates, and whose are trusted now. */
static int session_get_peer(const Session *s, PeerCertificate *ret) {
        stream_get_peer(&s->stream, ret);
        return ret->leaf ? device_ca_load(s->hub->state_dir, &ret->authorities) : 0;
}

/* Returns the reason why nobody may connect now, NULL: there is none. */
static const char *session_find_limit(const Session *s, MqttConnackCode *ret_code, unsigned *ret_error) {
        Limits *limits = &s->hub->limits;

        if (limits_take(limits, LIMIT_CONNECTS, s->last_in_us, NULL) == LIMIT_EXCEEDED) {
                *ret_code = MQTT_CONNACK_UNAVAILABLE;
                *ret_error = 429001;
                return "too many connections";
        }
        if (limits->values[LIMIT_QUOTA_CONNACK] > 0 && limits_are_used_up(limits, hub_realtime_us(s->hub))) {
                *ret_code = (MqttConnackCode) limits->values[LIMIT_QUOTA_CONNACK];
                *ret_error = 403002;
                return "the messages of the day are used up";
        }
        return NULL;
}

static int session_on_connect(Session *s, const MqttConnect *connect) {
        _cleanup_(peer_certificate_done) PeerCertificate peer = PEER_CERTIFICATE_NULL;
        bool for_dps = dps_is_meant(connect, s->hub->hosts);
        Faults *faults = &s->hub->faults;
        MqttConnackCode code;
        const char *refusal;
        Verdict verdict;
        unsigned error;
        int r;

        if (s->device) {
                log_event(session_name(s), 400004, "closed: a second CONNECT");
                return -EBADMSG;
        }
        if (!for_dps && faults->n_refuse > 0) {
                faults->n_refuse--;
                return session_refuse_on_demand(s, connect, faults->refuse_code);
        }
        if (!for_dps) {
                refusal = session_find_limit(s, &code, &error);
                if (refusal)
                        return session_refuse(s, connect, code, error, refusal);
        }
        if (connect->protocol_level != 4)
                return session_refuse(s, connect, MQTT_CONNACK_BAD_PROTOCOL, 400004, "not MQTT 3.1.1");

        r = session_get_peer(s, &peer);
        if (r < 0)
                return session_refuse(s, connect, MQTT_CONNACK_UNAVAILABLE, 500001,
                                      "the CAs that are trusted for devices cannot be read");
        if (for_dps)
                return session_on_dps_connect(s, connect, &peer);
        verdict = auth_check(s->hub->registry, s->hub->hosts, connect, &peer,
                             hub_realtime_us(s->hub) / USEC_PER_SEC);
        if (verdict.code != MQTT_CONNACK_ACCEPTED)
                return session_refuse(s, connect, verdict.code, verdict.error, verdict.reason);
        r = session_refuse_by_fault(s, connect, verdict.device);
        if (r < 0)
                return r;
        if (connect->has_will && !will_is_valid(connect, verdict.device))
                return session_refuse(s, connect, MQTT_CONNACK_NOT_AUTHORIZED, 400004,
                                      "the will is not telemetry of this device");

        return session_accept(s, connect, &verdict);
}

static bool contains(az_span text, const char *what) {
        return memmem(az_span_ptr(text), (size_t) az_span_size(text), what, strlen(what));
}

/* Properties are compared as the application wrote them. */
static bool properties_contain(az_span properties, const char *what) {
        _cleanup_(freep) uint8_t *memory = NULL;
        az_span scratch, decoded;

        memory = malloc((size_t) az_span_size(properties) + 1);
        if (!memory)
                return false;
        scratch = az_span_create(memory, az_span_size(properties));
        return percent_decode(properties, &scratch, &decoded) && contains(decoded, what);
}

/* Is it a message that was asked to be poison? */
static bool faults_take_poison(Faults *faults, az_span payload, az_span properties) {
        if (faults->n_poison == 0 ||
            (!contains(payload, faults->poison) && !properties_contain(properties, faults->poison)))
                return false;

        faults->n_poison--;
        return true;
}

static int session_on_telemetry(Session *s, const MqttPublish *publish, az_span properties) {
        Faults *faults = &s->hub->faults;
        Limits *limits = &s->hub->limits;
        Telemetry telemetry = {
                .device = s->device->id,
                .properties = properties,
                .message = publish->message,
                .dup = publish->dup,
        };
        uint64_t wait_us;
        int r;

        r = session_check_fault(s);
        if (r < 0)
                return r;
        if (limits_are_used_up(limits, hub_realtime_us(s->hub))) {
                log_event(session_name(s), 403002, "closed: the messages of the day are used up");
                return -ECONNABORTED;
        }
        wait_us = limits_take(limits, LIMIT_D2C, s->last_in_us, NULL);
        if (wait_us == LIMIT_EXCEEDED) {
                log_event(session_name(s), 429002, "closed: the backlog of telemetry is full");
                return -ECONNABORTED;
        }
        if (faults_take_poison(faults, publish->message.payload, properties)) {
                log_event(session_name(s), 400029, "closed: a message that was asked to be poison");
                return -ECONNABORTED;
        }
        r = hub_take_telemetry(s->hub, &telemetry);
        if (r == -EBADMSG)
                log_event(session_name(s), 400004, "closed: malformed properties in the topic");
        else if (r == -EMSGSIZE)
                log_event(session_name(s), 413001, "closed: a message of more than 256 KiB");
        else if (r == -ENOSPC)
                log_event(session_name(s), 500001, "closed: more than %u sources to be counted",
                          COUNTS_SOURCES_MAX);
        if (r < 0)
                return r;
        (void) limits_take_message(limits, (size_t) r, hub_realtime_us(s->hub));
        r = session_take_fault_words(s, properties);
        if (r < 0)
                return r;

        if (publish->message.qos == 0)
                return 0;
        if (faults->n_drop_before_puback > 0) {
                faults->n_drop_before_puback--;
                log_event(session_name(s), 400029, "closed before PUBACK, as it was asked to");
                return -ECONNABORTED;
        }
        return session_puback(s, publish->packet_id, wait_us);
}

static int session_on_twin(Session *s, const Topic *topic, az_span payload) {
        TwinRequest request = {
                .is_patch = topic->kind == TOPIC_TWIN_PATCH,
                .request_id = topic->request_id,
                .payload = payload,
                .has_api_version = s->has_api_version,
        };

        return twin_on_request(s->hub, s->device, &request);
}

static int session_on_publish(Session *s, const MqttPublish *publish) {
        const MqttMessage *message = &publish->message;
        Topic topic;
        int r;

        if (message->qos == 2) {
                log_event(session_name(s), 400004, "closed: a message of QoS 2");
                return -ECONNABORTED;
        }
        if (topic_parse(message->topic, az_span_create_from_str(s->device->id), &topic) < 0) {
                log_event(session_name(s), 400004, "closed: not a topic to publish to: '%.*s'",
                          MIN(az_span_size(message->topic), 128), (const char *) az_span_ptr(message->topic));
                return -ECONNABORTED;
        }
        if (topic.kind == TOPIC_TELEMETRY)
                return session_on_telemetry(s, publish, topic.properties);

        if (topic.kind == TOPIC_METHOD_RESPONSE) {
                r = method_on_response(s->hub, s->device, topic.status, topic.request_id, message->payload);
                if (r == -EBADMSG)
                        log_event(session_name(s), 400012,
                                  "closed: the answer to a method is not JSON, or too long");
        } else
                r = session_on_twin(s, &topic, message->payload);
        if (r < 0 || message->qos == 0)
                return r;
        return session_puback(s, publish->packet_id, 0);
}

/* Returns the SUBACK code. */
static int session_subscribe_one(Session *s, az_span filter, unsigned qos) {
        const char *text = (const char *) az_span_ptr(filter);
        int r;

        if (!topic_filter_is_allowed(filter, az_span_create_from_str(s->device->id))) {
                log_event(session_name(s), 400004, "closed: not a topic to subscribe to: '%.*s'",
                          MIN(az_span_size(filter), 128), text);
                return -ECONNABORTED;
        }
        if (s->hub->faults.n_suback_failures > 0)
                return (int) MQTT_SUBACK_FAILURE;

        qos = MIN(qos, 1U); /* "IoT Hub doesn't support QoS 2 messages", and grants 1 */
        r = device_subscribe(s->device, text, (size_t) az_span_size(filter), qos);
        if (r == -ENOBUFS)
                log_event(session_name(s), 400004, "closed: more than %u subscriptions", SUBSCRIPTIONS_MAX);
        return r < 0 ? r : (int) qos;
}

static int session_on_subscribe(Session *s, MqttFilters *filters) {
        Faults *faults = &s->hub->faults;
        _cleanup_(ipc_buffer_done) IpcBuffer codes = {};
        az_span filter;
        unsigned qos;
        int r;

        while (mqtt_filter_next(filters, &filter, &qos)) {
                r = session_subscribe_one(s, filter, qos);
                if (r < 0)
                        return r;
                r = buffer_append(&codes, &(uint8_t){ (uint8_t) r }, 1);
                if (r < 0)
                        return r;
        }
        if (faults->n_suback_failures > 0)
                faults->n_suback_failures--;

        r = state_save_session(s->hub->state, s->device);
        if (r < 0)
                return r;
        if (faults->early_messages) {
                r = session_deliver(s);
                if (r < 0)
                        return r;
        }
        if (faults->n_suback_drops > 0) {
                faults->n_suback_drops--;
                return session_deliver(s);
        }
        r = mqtt_append_suback(&s->stream.out, filters->packet_id, az_span_ptr(buffer_span(&codes)),
                               ipc_buffer_size(&codes));
        if (r < 0)
                return r;
        return session_deliver(s);
}

static int session_on_unsubscribe(Session *s, MqttFilters *filters) {
        az_span filter;
        unsigned qos;
        int r;

        while (mqtt_filter_next(filters, &filter, &qos))
                device_unsubscribe(s->device, (const char *) az_span_ptr(filter),
                                   (size_t) az_span_size(filter));
        r = state_save_session(s->hub->state, s->device);
        if (r < 0)
                return r;
        return mqtt_append_unsuback(&s->stream.out, filters->packet_id);
}

int session_on_packet(Session *s, MqttPacket *packet) {
        if (!session_name(s) && packet->type != MQTT_CONNECT) {
                log_event(NULL, 400004, "closed: the first packet is not CONNECT");
                return -EBADMSG;
        }
        if (s->dps)
                return session_on_dps_packet(s, packet);

        switch (packet->type) {
        case MQTT_CONNECT:
                return session_on_connect(s, &packet->connect);
        case MQTT_PUBLISH:
                return session_on_publish(s, &packet->publish);
        case MQTT_SUBSCRIBE:
                return session_on_subscribe(s, &packet->filters);
        case MQTT_UNSUBSCRIBE:
                return session_on_unsubscribe(s, &packet->filters);
        case MQTT_PINGREQ:
                return mqtt_append_pingresp(&s->stream.out);
        case MQTT_DISCONNECT:
                s->has_will = false;
                log_event(session_name(s), 0, "disconnected");
                return SESSION_ENDED;
        case MQTT_PUBACK:
                return c2d_on_puback(s->hub, s->device, packet->packet_id);
        case MQTT_PUBREC: /* nothing is sent with QoS 2, so these answer nothing */
        case MQTT_PUBREL:
        case MQTT_PUBCOMP:
        case MQTT_CONNACK:
        case MQTT_SUBACK:
        case MQTT_UNSUBACK:
        case MQTT_PINGRESP:
        case _MQTT_TYPE_MAX:
        case _MQTT_TYPE_INVALID:
                break;
        }
        log_event(session_name(s), 400004, "closed: a packet of type %d", (int) packet->type);
        return -EBADMSG;
}
