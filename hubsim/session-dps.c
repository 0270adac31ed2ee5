/* SPDX-License-Identifier: MIT */

/*
 * What each packet of a client of the provisioning service does. It knows one subscription and two topics to
 * publish to, keeps no session, and closes the connection of whoever asks for more.
 */

#include "hubsim/session-internal.h"

#include "hubsim/answer.h"
#include "hubsim/dps-auth.h"
#include "hubsim/dps.h"
#include "hubsim/log.h"

struct DpsClient {
        Session *session;
        DpsIdentity identity;
        bool is_subscribed;
        DelayedAnswer *delayed;
};

const char *dps_client_get_name(const DpsClient *client) {
        return client->identity.registration_id;
}

DpsClient *dps_client_free(DpsClient *client) {
        if (!client)
                return NULL;

        answers_clear(&client->delayed);
        free(client);
        return NULL;
}

/* "If the client id represents a client already connected, the server must disconnect the existing client."
 */
static void end_older_connection(Hub *hub, const char *id) {
        for (Session *s = hub->sessions; s; s = s->next)
                if (s->dps && strcmp(dps_client_get_name(s->dps), id) == 0) {
                        log_event(id, 400027, "closed: another connection with its client id");
                        session_close(s, SESSION_END_QUIET, 400027);
                        return;
                }
}

int session_on_dps_connect(Session *s, const MqttConnect *connect, const PeerCertificate *peer) {
        DpsFaults *faults = &s->hub->faults.dps;
        DpsVerdict verdict;
        DpsClient *client;
        int r;

        if (faults->n_refuse > 0) {
                faults->n_refuse--;
                return session_refuse_on_demand(s, connect, faults->refuse_code);
        }
        verdict = dps_auth_check(s->hub->enrollments, connect, peer, hub_realtime_us(s->hub) / USEC_PER_SEC);
        if (verdict.code != MQTT_CONNACK_ACCEPTED)
                return session_refuse(s, connect, verdict.code, verdict.error, verdict.reason);

        end_older_connection(s->hub, verdict.registration_id);
        client = malloc(sizeof(*client));
        if (!client)
                return -ENOMEM;
        *client = (DpsClient){ .session = s, .identity = { .certificate = peer->leaf } };
        memcpy(client->identity.registration_id, verdict.registration_id, REGISTRATION_ID_SIZE);
        memcpy(client->identity.enrollment, verdict.enrollment->id, REGISTRATION_ID_SIZE);
        s->dps = client;
        s->silence_max_us = session_silence_max_us(connect->keep_alive_s);
        if (verdict.expiry_s > 0) {
                r = session_end_at(s, verdict.expiry_s + s->hub->expiry_grace_s);
                if (r < 0)
                        return r;
        }

        /* CleanSession may be 0, as Azure's own SDK for Python has it; nothing is kept all the same. */
        log_event(session_name(s), 0, "connected to the provisioning service%s",
                  verdict.has_no_policy ? ", by a token without skn=registration" : "");
        return mqtt_append_connack(&s->stream.out, false, MQTT_CONNACK_ACCEPTED);
}

/* Answers --------------------------------------------------------------------------------------------- */

/* "If the device is not subscribed, it does not receive the response." */
static void answer_send(az_span topic, az_span payload, void *userdata) {
        DpsClient *client = userdata;

        if (!client->is_subscribed) {
                log_event(dps_client_get_name(client), 0, "an answer is lost: not subscribed to " DPS_FILTER);
                return;
        }
        if (session_publish(client->session, topic, payload) < 0)
                log_event(dps_client_get_name(client), 0, "an answer is lost: out of memory");
}

/* "$dps/registrations/res/{status}/?$rid={request id}[&retry-after={seconds}]" */
static int format_topic(const DpsTopic *request, const DpsAnswer *answer, IpcBuffer *out) {
        int r;

        r = buffer_printf(out, "$dps/registrations/res/%u/?$rid=", answer->status);
        if (r < 0)
                return r;
        r = buffer_append_span(out, request->request_id);
        if (r < 0 || !answer->has_retry_after)
                return r;
        return buffer_printf(out, "&retry-after=%llu", (unsigned long long) answer->retry_after_s);
}

/* An error that answers what nobody has asked: its request id only begins with that of the request. */
static int send_foreign_answer(DpsClient *client, const DpsTopic *request) {
        _cleanup_(dps_answer_done) DpsAnswer answer = { .time_us = hub_realtime_us(client->session->hub) };
        _cleanup_(ipc_buffer_done) IpcBuffer topic = {};
        az_span body;
        int r;

        r = dps_answer_error(&answer, &client->identity, 401002, "to a foreign request, as it was asked to");
        if (r < 0)
                return r;
        r = format_topic(request, &answer, &topic);
        if (r < 0)
                return r;
        r = buffer_append(&topic, "0", 1);
        if (r < 0)
                return r;
        r = ipc_json_get(&answer.body, &body);
        if (r < 0)
                return r;
        answer_send(buffer_span(&topic), body, client);
        return 0;
}

static int client_answer(DpsClient *client, const DpsTopic *request, const DpsAnswer *answer) {
        _cleanup_(ipc_buffer_done) IpcBuffer topic = {};
        Hub *hub = client->session->hub;
        DpsFaults *faults = &hub->faults.dps;
        az_span body;
        int r;

        r = format_topic(request, answer, &topic);
        if (r < 0)
                return r;
        r = ipc_json_get(&answer->body, &body);
        if (r < 0)
                return r;

        if (faults->n_dropped > 0) {
                faults->n_dropped--;
                log_event(dps_client_get_name(client), 0, "an answer is dropped, as it was asked to");
                return 0;
        }
        if (faults->n_foreign > 0) {
                faults->n_foreign--;
                r = send_foreign_answer(client, request);
                if (r < 0)
                        return r;
        }
        if (faults->delay_us > 0)
                return answer_delay(&client->delayed, hub->event, faults->delay_us, buffer_span(&topic), body,
                                    answer_send, client);
        answer_send(buffer_span(&topic), body, client);
        return 0;
}

/* Packets --------------------------------------------------------------------------------------------- */

/* Is the request answered as a fault asks for? */
static bool take_status(DpsFaults *faults, bool is_poll) {
        unsigned *n = is_poll ? &faults->n_polls : &faults->n_registers;

        if (*n == 0)
                return false;
        --*n;
        return true;
}

static int session_on_request(Session *s, const DpsTopic *request, az_span payload) {
        _cleanup_(dps_answer_done) DpsAnswer answer = { .time_us = hub_realtime_us(s->hub) };
        const DpsIdentity *who = &s->dps->identity;
        DpsFaults *faults = &s->hub->faults.dps;
        uint64_t wait_us;
        int r;

        if (!request->is_poll &&
            limits_take(&s->hub->limits, LIMIT_REGISTRATIONS, s->last_in_us, &wait_us) == LIMIT_EXCEEDED)
                r = dps_answer_throttled(&answer, who, wait_us, "more registrations than in a minute");
        else if (take_status(faults, request->is_poll)) {
                answer.has_retry_after = faults->has_retry_after;
                answer.retry_after_s = faults->retry_after_s;
                r = dps_answer_error(&answer, who,
                                     faults->error_code > 0 ? faults->error_code : faults->status * 1000 + 1,
                                     "as it was asked to");
        } else if (request->is_poll)
                r = dps_poll(s->hub, who, request->operation_id, s->last_in_us, &answer);
        else
                r = dps_register(s->hub, who, payload, s->last_in_us, &answer);
        return r < 0 ? r : client_answer(s->dps, request, &answer);
}

/* Why a message costs its connection, NULL if it does not. */
static const char *find_offence(const MqttMessage *message, DpsTopic *ret) {
        if (message->qos == 2)
                return "a message of QoS 2";
        if (message->retain)
                return "a message that is to be retained";
        if (dps_topic_parse(message->topic, ret) < 0)
                return "not a topic to publish to";
        return NULL;
}

static int session_on_publish(Session *s, const MqttPublish *publish) {
        const MqttMessage *message = &publish->message;
        DpsFaults *faults = &s->hub->faults.dps;
        DpsTopic request;
        const char *offence;
        int r;

        offence = find_offence(message, &request);
        if (offence) {
                log_event(session_name(s), 400004, "closed: %s: '%.*s'", offence,
                          MIN(az_span_size(message->topic), 128), (const char *) az_span_ptr(message->topic));
                return -ECONNABORTED;
        }
        if (az_span_size(message->payload) > (int32_t) DPS_BODY_MAX) {
                log_event(session_name(s), 413001, "closed: a message of more than 96 KiB");
                return -EMSGSIZE;
        }
        if (faults->n_closes > 0) {
                faults->n_closes--;
                log_event(session_name(s), 400029, "closed instead of an answer, as it was asked to");
                return -ECONNABORTED;
        }
        if (message->qos > 0) {
                r = session_puback(s, publish->packet_id, 0);
                if (r < 0)
                        return r;
        }
        return session_on_request(s, &request, message->payload);
}

static int session_on_subscribe(Session *s, MqttFilters *filters) {
        Faults *faults = &s->hub->faults;
        _cleanup_(ipc_buffer_done) IpcBuffer codes = {};
        bool fails = faults->n_suback_failures > 0;
        az_span filter;
        unsigned qos;
        uint8_t code;
        int r;

        while (mqtt_filter_next(filters, &filter, &qos)) {
                if (!az_span_is_content_equal(filter, AZ_SPAN_FROM_STR(DPS_FILTER))) {
                        log_event(session_name(s), 400004, "closed: not a topic to subscribe to: '%.*s'",
                                  MIN(az_span_size(filter), 128), (const char *) az_span_ptr(filter));
                        return -ECONNABORTED;
                }
                if (fails)
                        code = MQTT_SUBACK_FAILURE;
                else {
                        code = (uint8_t) MIN(qos, 1U); /* "QoS 2 subscriptions are granted as 1" */
                        s->dps->is_subscribed = true;
                }
                r = buffer_append(&codes, &code, sizeof(code));
                if (r < 0)
                        return r;
        }
        if (fails)
                faults->n_suback_failures--;
        if (faults->n_suback_drops > 0) {
                faults->n_suback_drops--;
                return 0;
        }
        return mqtt_append_suback(&s->stream.out, filters->packet_id, az_span_ptr(buffer_span(&codes)),
                                  ipc_buffer_size(&codes));
}

static int session_on_unsubscribe(Session *s, MqttFilters *filters) {
        az_span filter;
        unsigned qos;

        while (mqtt_filter_next(filters, &filter, &qos))
                if (az_span_is_content_equal(filter, AZ_SPAN_FROM_STR(DPS_FILTER)))
                        s->dps->is_subscribed = false;
        return mqtt_append_unsuback(&s->stream.out, filters->packet_id);
}

int session_on_dps_packet(Session *s, MqttPacket *packet) {
        switch (packet->type) {
        case MQTT_PUBLISH:
                return session_on_publish(s, &packet->publish);
        case MQTT_SUBSCRIBE:
                return session_on_subscribe(s, &packet->filters);
        case MQTT_UNSUBSCRIBE:
                return session_on_unsubscribe(s, &packet->filters);
        case MQTT_PINGREQ:
                return mqtt_append_pingresp(&s->stream.out);
        case MQTT_DISCONNECT:
                log_event(session_name(s), 0, "disconnected");
                return SESSION_ENDED;
        case MQTT_CONNECT:
        case MQTT_PUBACK: /* nothing is sent with a QoS, so these answer nothing */
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
        log_event(session_name(s), 400004, "closed: a packet of type %d", (int) packet->type);
        return -EBADMSG;
}
