/* SPDX-License-Identifier: MIT */

/*
 * A turn of a connection: read records, carry out the packets in them (session-packet.c, session-dps.c),
 * write the journal, send the answers. The journal is written before the answers are sent, so that a PUBACK
 * is never on the wire before its message is in the log; and both once for all the packets that came
 * together.
 *
 * Whatever finds the connection at fault logs why and returns a negative error, and the turn ends by closing.
 * Only session_run() closes from within; session_close() is for everybody else.
 */

#include "hubsim/session-internal.h"

#include "hubsim/c2d.h"
#include "hubsim/log.h"
#include "hubsim/topic.h"
#include "hubsim/twin.h"

/* From accept() to a complete CONNECT. */
#define CONNECT_TIMEOUT_US (30 * USEC_PER_SEC)

/* TLS records read in one turn, so that a flood on one connection does not starve the others. */
#define RECORDS_PER_TURN 16U

/* A device that does not read while this much waits for it is gone. It has to be more than a full queue of
 * cloud-to-device messages, which are sent all at once. */
#define OUTPUT_MAX (8U * 1024U * 1024U)

/* No more packet identifiers than that can be under way. */
#define HELD_PUBACKS_MAX 65535U

typedef struct HeldPuback {
        uint64_t due_us;
        uint64_t packet_id;
} HeldPuback;

const char *session_name(const Session *s) {
        if (s->dps)
                return dps_client_get_name(s->dps);
        return s->device ? s->device->id : NULL;
}

Session *session_get_next(const Session *s) {
        return s->next;
}

static void session_free(Session *s) {
        for (Session **p = &s->hub->sessions; *p; p = &(*p)->next)
                if (*p == s) {
                        *p = s->next;
                        break;
                }
        sd_event_source_disable_unref(s->timer);
        sd_event_source_disable_unref(s->expiry);
        sd_event_source_disable_unref(s->end);
        sd_event_source_disable_unref(s->fault);
        dps_client_free(s->dps);
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
                r = hub_take_telemetry(s->hub, &telemetry);
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
        if (device) {
                method_on_closed(hub, device, code);
                c2d_on_closed(hub, device);
                twin_on_closed(device);
        }
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

/* One timer for both: the client's silence, and the oldest PUBACK that is delayed. */
static int session_arm_timer(Session *s) {
        uint64_t due_us = s->last_packet_us + s->silence_max_us;
        HeldPuback held;
        int r;

        if (s->is_frozen)
                return 0;
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

int session_puback(Session *s, uint16_t packet_id, uint64_t delay_us) {
        const Faults *faults = &s->hub->faults;
        HeldPuback held = { .due_us = s->last_in_us + faults->puback_delay_us + delay_us,
                            .packet_id = packet_id };

        if (!faults->hold_pubacks && held.due_us == s->last_in_us && ipc_buffer_size(&s->held_pubacks) == 0)
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

int session_publish_packet(Session *s, const MqttPublish *publish) {
        int r;

        r = mqtt_append_publish(&s->stream.out, publish);
        if (r < 0)
                return r;
        return stream_arm(&s->stream);
}

int session_publish(Session *s, az_span topic, az_span payload) {
        MqttPublish publish = { .message = { .topic = topic, .payload = payload } };

        return session_publish_packet(s, &publish);
}

static int on_expiry(sd_event_source *source, uint64_t usec, void *userdata) {
        Session *s = userdata;

        log_event(session_name(s), s->dps ? 401002 : 401003, "closed: the token has expired");
        session_close(s, SESSION_END_LOST, 404104);
        return 0;
}

int session_arm_expiry(Session *s) {
        uint64_t offset_us = (uint64_t) s->hub->faults.clock_offset_s * USEC_PER_SEC, due_us;

        if (s->expires_s == 0 || s->is_frozen)
                return 0;
        due_us = s->expires_s * USEC_PER_SEC - offset_us;
        if ((int64_t) due_us < 0)
                due_us = 0;
        s->expiry = sd_event_source_disable_unref(s->expiry);
        return sd_event_add_time(s->hub->event, &s->expiry, CLOCK_REALTIME, due_us, 1, on_expiry, s);
}

int session_end_at(Session *s, uint64_t expires_s) {
        s->expires_s = expires_s;
        return session_arm_expiry(s);
}

static int on_end(sd_event_source *source, uint64_t usec, void *userdata) {
        Session *s = userdata;

        log_event(session_name(s), 400029, "closed after CONNACK, as it was asked to");
        session_close(s, SESSION_END_LOST, 404104);
        return 0;
}

int session_end_in(Session *s, uint64_t delay_us) {
        return sd_event_add_time_relative(s->hub->event, &s->end, CLOCK_BOOTTIME, delay_us, 1, on_end, s);
}

void session_drop(Session *s, StreamEnd end) {
        log_event(session_name(s), 400029, "closed without a word, as it was asked to");
        stream_set_end(&s->stream, end);
        session_close(s, SESSION_END_LOST, 404104);
}

int session_freeze(Session *s) {
        log_event(session_name(s), 0, "half-open, as it was asked to");
        s->is_frozen = true;
        s->timer = sd_event_source_disable_unref(s->timer);
        s->expiry = sd_event_source_disable_unref(s->expiry);
        s->end = sd_event_source_disable_unref(s->end);
        s->fault = sd_event_source_disable_unref(s->fault);
        return sd_event_source_set_enabled(s->stream.io, SD_EVENT_OFF);
}

bool session_is_frozen(const Session *s) {
        return s->is_frozen;
}

/* Carries out the packets that are complete; may return SESSION_ENDED. */
static int session_process(Session *s) {
        MqttPacket packet;
        int n, r;

        while ((n = mqtt_parse(buffer_span(&s->stream.in), &packet)) > 0) {
                s->last_packet_us = s->last_in_us;
                r = session_on_packet(s, &packet);
                if (r != 0)
                        return r;
                ipc_buffer_consume(&s->stream.in, (size_t) n);
        }
        if (n < 0)
                log_event(session_name(s), n == -EMSGSIZE ? 413001 : 400004, "closed: %s",
                          n == -EMSGSIZE ? "a packet of more than 256 KiB" : "malformed MQTT");
        return n;
}

/* Why the connection is over. What came before its end is carried out: a DISCONNECT may be in it. */
static int session_end_read(Session *s, int error) {
        int r = 0;

        if (error == -EBADMSG || error == -ESHUTDOWN)
                r = session_process(s);
        if (r != 0)
                return r;

        if (error == -EPROTO)
                log_event(session_name(s), 404104, "closed: TLS failed: %s", stream_describe_error());
        else if (error == -EBADMSG)
                log_event(session_name(s), 400004, "closed: WebSocket: %s", s->stream.websocket->reason);
        else if (error == -ESHUTDOWN)
                log_event(session_name(s), 404104, "connection lost: WebSocket closed with code %u",
                          s->stream.websocket->close_code);
        else if (error == -ECONNRESET)
                log_event(session_name(s), 404104, "connection lost");
        return error;
}

static int session_read(Session *s) {
        int r;

        for (unsigned i = 0; i < RECORDS_PER_TURN; i++) {
                r = stream_read(&s->stream);
                if (r < 0)
                        return session_end_read(s, r);
                if (r == 0)
                        return 0;
                s->last_in_us = boottime_us();
                r = session_process(s);
                if (r != 0)
                        return r;
        }
        return 0;
}

/* Returns 0 to go on; with anything else the connection is over. */
static int session_run(Session *s) {
        int r, q;

        r = session_read(s);
        q = hub_flush_journal(s->hub);
        if (q < 0) {
                log_event(session_name(s), 500001, "closed: cannot write the log: %s", strerror(-q));
                return q; /* what is to be sent are PUBACKs for what was not written */
        }
        q = stream_flush(&s->stream);
        if (r != 0)
                return r;
        if (q < 0) {
                log_event(session_name(s), 404104, "connection lost");
                return q;
        }
        if (stream_get_backlog(&s->stream) > OUTPUT_MAX) {
                log_event(session_name(s), 404104, "closed: it does not read what is sent to it");
                return -ENOBUFS;
        }
        return session_arm_timer(s);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Session *s = userdata;

        if (session_run(s) != 0)
                session_close(s, SESSION_END_LOST, 404104);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Session *s = userdata;

        if (boottime_us() >= s->last_packet_us + s->silence_max_us) {
                log_event(session_name(s), 404104,
                          session_name(s) ? "closed: silent for 1.5 x its keep-alive" : "closed: no CONNECT");
                session_close(s, SESSION_END_LOST, 404104);
        } else if (session_release_pubacks(s) < 0)
                session_close(s, SESSION_END_LOST, 404104);
        return 0;
}

/* What it is to be, with the faults that are asked for. */
static int session_add_websocket(Session *s) {
        Faults *faults = &s->hub->faults;
        WebSocket websocket = { .hosts = s->hub->hosts, .fragment_size = faults->websocket_fragment_size };

        if (faults->n_refuse_websocket > 0) {
                faults->n_refuse_websocket--;
                websocket.refuse_status = faults->refuse_websocket_status;
        }
        return stream_add_websocket(&s->stream, &websocket);
}

int session_new(Hub *hub, int fd, bool has_websocket) {
        uint64_t now_us = boottime_us();
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
                .last_in_us = now_us,
                .last_packet_us = now_us,
        };
        hub->sessions = s;

        r = stream_init(&s->stream, hub->event, hub_take_tls(hub), fd, on_io, s);
        if (r >= 0 && has_websocket)
                r = session_add_websocket(s);
        if (r >= 0)
                r = session_arm_timer(s);
        if (r < 0)
                session_free(s);
        return r;
}
