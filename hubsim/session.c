/* SPDX-License-Identifier: MIT */

/*
 * A turn of a connection: read records, carry out the packets in them, write the journal, send the answers.
 * The journal is written before the answers are, so that a PUBACK is never on the wire before its message is
 * in the log; and both once for all the packets that came together.
 *
 * Whatever finds the connection at fault logs why and returns a negative error, and the turn ends by closing.
 * Only session_run() closes from within; session_close() is for everybody else.
 */

#include "hubsim/session.h"

#include <systemd/sd-event.h>

#include "hubsim/auth.h"
#include "hubsim/log.h"
#include "hubsim/stream.h"
#include "hubsim/telemetry.h"
#include "hubsim/topic.h"

/* From accept() to a complete CONNECT. */
#define CONNECT_TIMEOUT_US (30 * USEC_PER_SEC)

/* "The maximum is 29.45 minutes (1767 seconds)", whatever keep-alive the client asked for. */
#define SILENCE_MAX_US (1767 * USEC_PER_SEC)

/* TLS records read in one turn, so that a flood on one connection does not starve the others. */
#define RECORDS_PER_TURN 16U

/* A device that does not read while this much waits for it is gone. */
#define OUTPUT_MAX (1024U * 1024U)

/* No more packet identifiers than that can be under way. */
#define HELD_PUBACKS_MAX 65535U

/* How a turn ends without anything being wrong: the client said DISCONNECT. */
#define END_OF_SESSION (-ESHUTDOWN)

typedef struct HeldPuback {
        uint64_t due_us;
        uint64_t packet_id;
} HeldPuback;

struct Session {
        Session *next;
        Hub *hub;
        Stream stream;
        Device *device; /* NULL before CONNECT */
        bool is_clean;
        uint64_t silence_max_us; /* closed after this long without a byte */
        uint64_t last_in_us;
        sd_event_source *timer, *expiry;
        IpcBuffer held_pubacks; /* HeldPuback, oldest first */
        bool has_will;
        bool will_retain;
        IpcBuffer will_topic, will_payload;
};

Session *session_get_next(const Session *s) {
        return s->next;
}

static const char *session_name(const Session *s) {
        return s->device ? s->device->id : NULL;
}

static void session_free(Session *s) {
        for (Session **p = &s->hub->sessions; *p; p = &(*p)->next)
                if (*p == s) {
                        *p = s->next;
                        break;
                }
        sd_event_source_disable_unref(s->timer);
        sd_event_source_disable_unref(s->expiry);
        stream_done(&s->stream);
        ipc_buffer_done(&s->held_pubacks);
        ipc_buffer_done(&s->will_topic);
        ipc_buffer_done(&s->will_payload);
        free(s);
}

/* "The hub publishes the will when the connection ends without DISCONNECT." It was checked at CONNECT. */
static void session_publish_will(Session *s) {
        Telemetry telemetry = {
                .device = s->device->id,
                .message = { .payload = buffer_span(&s->will_payload), .qos = 1, .retain = s->will_retain },
                .is_will = true,
        };
        Topic topic;
        int r;

        r = topic_parse(buffer_span(&s->will_topic), az_span_create_from_str(s->device->id), &topic);
        if (r >= 0) {
                telemetry.properties = topic.properties;
                r = telemetry_store(s->hub->journal, &telemetry);
        }
        if (r >= 0)
                r = hub_flush_journal(s->hub);
        if (r < 0)
                log_event(s->device->id, 0, "cannot log its will: %s", strerror(-r));
}

void session_close(Session *s, SessionEnd end, unsigned code) {
        Device *device = s->device;
        Hub *hub = s->hub;

        if (device) {
                if (s->has_will && end == SESSION_END_LOST)
                        session_publish_will(s);
                if (s->is_clean)
                        device_forget_subscriptions(device);
                device->session = NULL;
        }
        session_free(s);
        if (device)
                method_on_closed(hub, device, code);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

/* One timer for both: the client's silence, and the oldest PUBACK that is delayed. */
static int session_arm_timer(Session *s) {
        uint64_t due_us = s->last_in_us + s->silence_max_us;
        HeldPuback held;
        int r;

        if (ipc_buffer_size(&s->held_pubacks) > 0 && !s->hub->faults.hold_pubacks) {
                memcpy(&held, az_span_ptr(buffer_span(&s->held_pubacks)), sizeof(held));
                due_us = MIN(due_us, held.due_us);
        }

        if (!s->timer)
                return sd_event_add_time(s->hub->event, &s->timer, CLOCK_BOOTTIME, due_us, 1, on_timer, s);
        r = sd_event_source_set_time(s->timer, due_us);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

/* Sends the held PUBACKs whose time has come. */
static int session_send_due_pubacks(Session *s, uint64_t now_us) {
        while (ipc_buffer_size(&s->held_pubacks) > 0 && !s->hub->faults.hold_pubacks) {
                HeldPuback held;
                int r;

                memcpy(&held, az_span_ptr(buffer_span(&s->held_pubacks)), sizeof(held));
                if (held.due_us > now_us)
                        break;
                r = mqtt_append_puback(&s->stream.out, (uint16_t) held.packet_id);
                if (r < 0)
                        return r;
                ipc_buffer_consume(&s->held_pubacks, sizeof(held));
        }
        return 0;
}

static int session_puback(Session *s, uint16_t packet_id) {
        const Faults *faults = &s->hub->faults;
        HeldPuback held = { .due_us = s->last_in_us + faults->puback_delay_us, .packet_id = packet_id };

        if (!faults->hold_pubacks && faults->puback_delay_us == 0 && ipc_buffer_size(&s->held_pubacks) == 0)
                return mqtt_append_puback(&s->stream.out, packet_id);

        if (ipc_buffer_size(&s->held_pubacks) >= HELD_PUBACKS_MAX * sizeof(held)) {
                log_event(session_name(s), 429002, "closed: it sends on without waiting for PUBACK");
                return -ECONNABORTED;
        }
        return buffer_append(&s->held_pubacks, &held, sizeof(held));
}

int session_release_pubacks(Session *s) {
        int r;

        r = session_send_due_pubacks(s, boottime_us());
        if (r < 0)
                return r;
        r = session_arm_timer(s);
        if (r < 0)
                return r;
        return stream_arm(&s->stream);
}

int session_publish(Session *s, az_span topic, az_span payload) {
        int r;

        if (ipc_buffer_size(&s->stream.out) > OUTPUT_MAX)
                return -ENOBUFS;

        r = mqtt_append_publish_qos0(&s->stream.out, topic, payload);
        if (r < 0)
                return r;
        return stream_arm(&s->stream);
}

static int session_refuse(Session *s, MqttConnackCode code, unsigned error, const char *reason) {
        log_event(NULL, error, "CONNECT refused with code %u: %s", (unsigned) code, reason);
        (void) mqtt_append_connack(&s->stream.out, false, code);
        return -ECONNREFUSED;
}

static int on_expiry(sd_event_source *source, uint64_t usec, void *userdata) {
        Session *s = userdata;

        log_event(session_name(s), 401003, "closed: the token has expired");
        session_close(s, SESSION_END_LOST, 404104);
        return 0;
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

/* The client is who it says: its older connection goes, its stored session comes back, its clocks start. */
static int session_accept(Session *s, const MqttConnect *connect, const Verdict *verdict) {
        Device *device = verdict->device;
        uint64_t end_s = verdict->expiry_s + s->hub->expiry_grace_s;
        bool session_present;
        int r;

        if (device->session) {
                log_event(device->id, 400027, "closed: another connection with its client id");
                session_close(device->session, SESSION_END_LOST, 400027);
        }
        session_present = device->has_stored_session && !connect->clean_session;
        if (!session_present)
                device_forget_subscriptions(device);
        device->has_stored_session = !connect->clean_session;
        device->session = s;
        s->device = device;
        s->is_clean = connect->clean_session;
        s->silence_max_us = connect->keep_alive_s == 0
                                    ? SILENCE_MAX_US
                                    : MIN(connect->keep_alive_s * (USEC_PER_SEC * 3 / 2), SILENCE_MAX_US);

        if (connect->has_will) {
                r = session_keep_will(s, &connect->will);
                if (r < 0)
                        return r;
        }
        r = sd_event_add_time(s->hub->event, &s->expiry, CLOCK_REALTIME, end_s * USEC_PER_SEC, 1, on_expiry,
                              s);
        if (r < 0)
                return r;
        r = mqtt_append_connack(&s->stream.out, session_present, MQTT_CONNACK_ACCEPTED);
        if (r < 0)
                return r;

        log_event(device->id, 0, "connected%s", session_present ? ", session present" : "");
        return method_on_subscribed(s->hub, device);
}

static int session_on_connect(Session *s, const MqttConnect *connect) {
        Faults *faults = &s->hub->faults;
        Verdict verdict;

        if (s->device) {
                log_event(session_name(s), 0, "closed: a second CONNECT");
                return -EBADMSG;
        }
        if (faults->n_refuse > 0) {
                faults->n_refuse--;
                if (faults->refuse_code > 0)
                        return session_refuse(s, faults->refuse_code, 0, "as it was asked to");
                log_event(NULL, 0, "CONNECT not answered, as it was asked to");
                return -ECONNABORTED;
        }
        if (connect->protocol_level != 4)
                return session_refuse(s, MQTT_CONNACK_BAD_PROTOCOL, 0, "not MQTT 3.1.1");
        if (stream_has_peer_certificate(&s->stream))
                return session_refuse(s, MQTT_CONNACK_NOT_AUTHORIZED, 401003,
                                      "no device of this hub has a certificate");

        verdict = auth_check(s->hub->registry, s->hub->hosts, connect, realtime_us() / USEC_PER_SEC);
        if (verdict.code != MQTT_CONNACK_ACCEPTED)
                return session_refuse(s, verdict.code, verdict.error, verdict.reason);
        if (connect->has_will && !will_is_valid(connect, verdict.device))
                return session_refuse(s, MQTT_CONNACK_NOT_AUTHORIZED, 400004,
                                      "the will is not telemetry of this device");

        return session_accept(s, connect, &verdict);
}

static int session_on_telemetry(Session *s, const MqttPublish *publish, az_span properties) {
        Faults *faults = &s->hub->faults;
        Telemetry telemetry = {
                .device = s->device->id,
                .properties = properties,
                .message = publish->message,
                .dup = publish->dup,
        };
        int r;

        r = telemetry_store(s->hub->journal, &telemetry);
        if (r == -EBADMSG)
                log_event(session_name(s), 400004, "closed: malformed properties in the topic");
        else if (r == -EMSGSIZE)
                log_event(session_name(s), 413001, "closed: a message of more than 256 KiB");
        if (r < 0)
                return r;

        if (publish->message.qos == 0)
                return 0;
        if (faults->n_drop_before_puback > 0) {
                faults->n_drop_before_puback--;
                log_event(session_name(s), 0, "closed before PUBACK, as it was asked to");
                return -ECONNABORTED;
        }
        return session_puback(s, publish->packet_id);
}

/* Twins are not offered, and the device is told so, as by a hub of the basic tier. */
static int session_on_twin(Session *s, az_span request_id) {
        static const char filter[] = "$iothub/twin/res/#";
        _cleanup_(ipc_buffer_done) IpcBuffer topic = {};
        int r;

        if (!device_is_subscribed(s->device, filter))
                return 0;

        r = buffer_append(&topic, "$iothub/twin/res/403/?$rid=", strlen("$iothub/twin/res/403/?$rid="));
        if (r < 0)
                return r;
        r = buffer_append_span(&topic, request_id);
        if (r < 0)
                return r;
        return session_publish(s, buffer_span(&topic), AZ_SPAN_FROM_STR("{\"errorCode\":403010}"));
}

static int session_on_publish(Session *s, const MqttPublish *publish) {
        const MqttMessage *message = &publish->message;
        Topic topic;
        int r;

        if (message->qos == 2) {
                log_event(session_name(s), 0, "closed: a message of QoS 2");
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
                r = session_on_twin(s, topic.request_id);
        if (r < 0 || message->qos == 0)
                return r;
        return session_puback(s, publish->packet_id);
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

        r = device_subscribe(s->device, text, (size_t) az_span_size(filter));
        if (r == -ENOBUFS)
                log_event(session_name(s), 400004, "closed: more than %u subscriptions", SUBSCRIPTIONS_MAX);
        return r < 0 ? r : (int) MIN(qos, 1U);
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

        r = mqtt_append_suback(&s->stream.out, filters->packet_id, az_span_ptr(buffer_span(&codes)),
                               ipc_buffer_size(&codes));
        if (r < 0)
                return r;
        return method_on_subscribed(s->hub, s->device);
}

static int session_on_unsubscribe(Session *s, MqttFilters *filters) {
        az_span filter;
        unsigned qos;

        while (mqtt_filter_next(filters, &filter, &qos))
                device_unsubscribe(s->device, (const char *) az_span_ptr(filter),
                                   (size_t) az_span_size(filter));
        return mqtt_append_unsuback(&s->stream.out, filters->packet_id);
}

static int session_on_packet(Session *s, MqttPacket *packet) {
        if (!s->device && packet->type != MQTT_CONNECT) {
                log_event(NULL, 0, "closed: the first packet is not CONNECT");
                return -EBADMSG;
        }

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
                return END_OF_SESSION;
        case MQTT_PUBACK: /* everything is sent with QoS 0, so these answer nothing */
        case MQTT_PUBREC:
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
        log_event(session_name(s), 0, "closed: a packet of type %d", (int) packet->type);
        return -EBADMSG;
}

/* Carries out the packets that are complete. */
static int session_process(Session *s) {
        MqttPacket packet;
        int n, r;

        while ((n = mqtt_parse(buffer_span(&s->stream.in), &packet)) > 0) {
                r = session_on_packet(s, &packet);
                if (r < 0)
                        return r;
                ipc_buffer_consume(&s->stream.in, (size_t) n);
        }
        if (n < 0)
                log_event(session_name(s), 0, "closed: %s",
                          n == -EMSGSIZE ? "a packet of more than 256 KiB" : "malformed MQTT");
        return n;
}

static int session_read(Session *s) {
        int r;

        for (unsigned i = 0; i < RECORDS_PER_TURN; i++) {
                r = stream_read(&s->stream);
                if (r == -EPROTO)
                        log_event(session_name(s), 0, "closed: TLS failed: %s", stream_describe_error());
                else if (r == -ECONNRESET)
                        log_event(session_name(s), 0, "connection lost");
                if (r <= 0)
                        return r;
                s->last_in_us = boottime_us();
                r = session_process(s);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int session_run(Session *s) {
        int r, q;

        r = session_read(s);
        q = hub_flush_journal(s->hub);
        if (q < 0) {
                log_event(session_name(s), 0, "closed: cannot write the log: %s", strerror(-q));
                return q; /* what is to be sent are PUBACKs for what was not written */
        }
        q = stream_flush(&s->stream);
        if (r < 0)
                return r;
        if (q < 0)
                return q;
        return session_arm_timer(s);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Session *s = userdata;

        if (session_run(s) < 0)
                session_close(s, SESSION_END_LOST, 404104);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Session *s = userdata;

        if (boottime_us() >= s->last_in_us + s->silence_max_us) {
                log_event(session_name(s), 0,
                          s->device ? "closed: silent for 1.5 x its keep-alive" : "closed: no CONNECT");
                session_close(s, SESSION_END_LOST, 404104);
        } else if (session_release_pubacks(s) < 0)
                session_close(s, SESSION_END_LOST, 404104);
        return 0;
}

int session_new(Hub *hub, int fd) {
        Session *s;
        int r;

        s = malloc(sizeof(*s));
        if (!s) {
                close_fd(fd);
                return -ENOMEM;
        }
        *s = (Session){
                .next = hub->sessions,
                .hub = hub,
                .stream = STREAM_NULL,
                .silence_max_us = CONNECT_TIMEOUT_US,
                .last_in_us = boottime_us(),
        };
        hub->sessions = s;

        r = stream_init(&s->stream, hub->event, hub->tls, fd, on_io, s);
        if (r >= 0)
                r = session_arm_timer(s);
        if (r < 0)
                session_free(s);
        return r;
}
