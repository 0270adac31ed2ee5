/* SPDX-License-Identifier: MIT */

/*
 * Two machines that know nothing of each other meet here. The session asks by events (SIGN, CONNECT, ...);
 * the MqttLink reports by events (OPENED, CONNACK, ...); each event of one is an input of the other:
 *
 *      session SIGN       → mqtt_link_open() with a sign job    MQTT OPENED      → session signed
 *      session CONNECT    → mqtt_link_connect()                 MQTT CONNACK     → session connected, refused
 *      session SUBSCRIBE  → mqtt_link_subscribe()               MQTT SUBACK      → session suback
 *      session LOST       → mqtt_link_close()                   MQTT LOST, FAILED → session lost
 *      session DRAIN      → (no more is published)              MQTT PUBACK ...   → session drained
 *      session DISCONNECT → mqtt_link_disconnect()              MQTT LOST         → session closed
 *
 * A session has at most one event waiting, so it is run dry after each input. News of an attempt that was
 * closed cannot come: mqtt_link_close() drops them.
 */

#include "daemon/hub-link-internal.h"

#include <assert.h>
#include <inttypes.h>

#include "daemon/az-errno.h"
#include "daemon/diagnosis.h"

static void make_quota(const HubLink *link, const DiagnosisContext *context, Diagnosis *ret) {
        uint64_t minutes =
                close_watch_silence_us(&link->close_watch, context->boottime_us) / USEC_PER_SEC / 60;
        char text[32] = "";

        if (minutes > 0)
                (void) snprintf(text, sizeof(text), "%" PRIu64 " min", minutes);
        diagnosis_make(ret, context, PROBLEM_QUOTA, 0, text);
}

/* What the session asks for --------------------------------------------------------------------------- */

/* An attempt begins, and opens the transport; with a certificate there is no text to sign. */
static void open_transport(HubLink *link, az_span string_to_sign) {
        int r;

        if (link->state != LINK_RENEWING)
                hub_link_set_state(link, LINK_CONNECTING, UINT64_MAX);

        if (!hub_link_prepare_identity(link))
                return;
        r = hub_link_open(link, string_to_sign);
        if (r < 0)
                hub_link_session_failed(link, PROBLEM_LOCAL, r, strerror(-r));
}

static void send_connect(HubLink *link) {
        int r;

        r = hub_link_connect(link);
        if (r < 0)
                hub_link_session_failed(link, PROBLEM_LOCAL, r, strerror(-r));
}

static void do_connect(HubLink *link, const az_hub_event *event) {
        link->connect = (MqttConnect){
                .client_id = event->as.connect.client_id,
                .user_name = event->as.connect.user_name,
                .password = event->as.connect.password,
                .keep_alive_s = event->as.connect.keep_alive_s,
                .clean_session = event->as.connect.clean_session,
        };
        if (link->is_open)
                send_connect(link);
        else
                open_transport(link, AZ_SPAN_EMPTY);
}

static void do_subscribe(HubLink *link, const az_hub_event *event) {
        MqttFilter filters[AZ_HUB_SESSION_FILTERS_MAX];
        size_t n = event->as.subscribe.n_filters;
        int r;

        assert(n <= ELEMENTSOF(filters));
        for (size_t i = 0; i < n; i++)
                filters[i] = (MqttFilter){ event->as.subscribe.filters[i].topic_filter,
                                           event->as.subscribe.filters[i].qos };

        r = mqtt_link_subscribe(link->mqtt, filters, n);
        if (r < 0)
                hub_link_session_failed(link, PROBLEM_LOCAL, r, strerror(-r));
}

static void do_live(HubLink *link) {
        DiagnosisContext context = hub_link_context(link);
        bool was_planned = link->state == LINK_RENEWING;

        link_record_live(&link->record, &context);
        close_watch_begin(&link->close_watch, context.boottime_us);
        hub_link_rollover_live(link);
        hub_link_set_state(link, LINK_ONLINE, UINT64_MAX);
        if (was_planned) {
                link->counts.n_renewed++;
                log_message(link->log, MSG_LINK_RENEWED, "Renewed the connection to '%s'",
                            link->credential.host);
        } else {
                link->counts.n_connected++;
                (void) log_full(link->log, MSG_LINK_UP, 0, LOG_FACTS(.hub = link->credential.host),
                                "Connected to '%s' as '%s'", link->credential.host,
                                link->credential.device_id);
        }
        hub_link_tell_live(link, was_planned ? HISTORY_RENEWED : HISTORY_CONNECTED);
        hub_link_run_recovery(link, az_recovery_hub_live(&link->recovery, boottime_us()));
        if (link->ops->on_live)
                link->ops->on_live(link->userdata);
}

/* For want of a daily quota a hub may refuse connections, too. */
static void judge_refusal(HubLink *link, const DiagnosisContext *context) {
        uint8_t connack_code = link->cause.connack_code;

        if (link->cause.problem != PROBLEM_HUB_UNAVAILABLE && link->cause.problem != PROBLEM_CONNACK_CLOSED)
                return;
        if (close_watch_refused(&link->close_watch) != PROBLEM_NONE)
                make_quota(link, context, &link->cause);
        link->cause.connack_code = connack_code;
}

static void do_lost(HubLink *link, const az_hub_event *event) {
        DiagnosisContext context = hub_link_context(link);
        bool was_open = link->is_open;

        hub_link_forget_traffic(link);
        hub_link_close(link);
        (void) diagnosis_from_hub_loss(&link->cause, &context, event); /* else it is set already */
        judge_refusal(link, &context);
        hub_link_run_recovery(link, az_recovery_hub_lost(&link->recovery, event,
                                                         hub_link_clock_is_plausible(), boottime_us()));
        if (was_open && hub_link_roll_back(link, &link->cause))
                hub_link_reconnect(link);
}

/* The connection that was to end is gone: for good, or to make room for the next one. */
static void disconnected(HubLink *link) {
        hub_link_close(link);
        if (az_hub_session_get_status(&link->session).state != AZ_HUB_SESSION_CLOSING) {
                hub_link_set_state(link, LINK_STOPPED, UINT64_MAX);
                return;
        }
        hub_link_forget_traffic(link);
        if (hub_link_take_config(link))
                return;
        hub_link_grant_wish(link);
        if (!hub_link_is_provisioning(link))
                hub_link_run_session(link, az_hub_session_closed(&link->session, hub_link_time()));
}

static void do_disconnect(HubLink *link) {
        if (mqtt_link_disconnect(link->mqtt, NULL, boottime_us()) >= 0)
                return; /* MQTT_LOST_ASKED follows */
        disconnected(link);
}

/* Requests about the twin are refused in words, as telemetry over MQTT 3.1.1 cannot be. */
static bool says_quota(az_span payload, az_iot_status status) {
        return status == AZ_IOT_STATUS_FORBIDDEN &&
               (az_span_find(payload, AZ_SPAN_FROM_STR("403002")) >= 0 ||
                az_span_find(payload, AZ_SPAN_FROM_STR("IotHubQuotaExceeded")) >= 0);
}

static void session_event(HubLink *link, az_hub_event *event) {
        switch (event->type) {
        case AZ_HUB_EVENT_SIGN:
                if (event->as.sign.clock_is_unset)
                        log_message(link->log, MSG_CLOCK_UNSET,
                                    "The clock is still not set, connecting all the same");
                link->counts.token_expires_s = event->as.sign.expires_unix_s;
                open_transport(link, event->as.sign.string_to_sign);
                break;
        case AZ_HUB_EVENT_CONNECT:
                do_connect(link, event);
                break;
        case AZ_HUB_EVENT_SUBSCRIBE:
                do_subscribe(link, event);
                break;
        case AZ_HUB_EVENT_LIVE:
                do_live(link);
                break;
        case AZ_HUB_EVENT_METHOD:
                link->ops->on_method(link->userdata, event->as.method.request_id, event->as.method.name,
                                     event->as.method.payload);
                break;
        case AZ_HUB_EVENT_C2D:
                link->ops->on_c2d(link->userdata, &event->as.c2d.request, event->as.c2d.payload,
                                  link->message->message.publish.dup, link->message->message.ack);
                break;
        case AZ_HUB_EVENT_TWIN:
                if (says_quota(event->as.twin.payload, event->as.twin.response.status))
                        close_watch_told(&link->close_watch);
                link->ops->on_twin(link->userdata, &event->as.twin.response, event->as.twin.payload);
                break;
        case AZ_HUB_EVENT_WAIT:
                hub_link_set_state(link, LINK_WAITING, boottime_us() + event->as.wait.delay_us);
                break;
        case AZ_HUB_EVENT_DRAIN:
                hub_link_set_state(link, LINK_RENEWING, UINT64_MAX);
                break;
        case AZ_HUB_EVENT_LOST:
                do_lost(link, event);
                break;
        case AZ_HUB_EVENT_DISCONNECT:
                do_disconnect(link);
                break;
        case _AZ_HUB_EVENT_TYPE_MAX:
                assert(false);
        }
}

void hub_link_run_session(HubLink *link, az_result input) {
        az_hub_event event;

        if (az_result_failed(input))
                log_debug(link->log, "The session ignores what came: %s",
                          strerror(-az_result_to_errno(input)));
        while (az_hub_session_next_event(&link->session, &event))
                session_event(link, &event);
}

/* What the connection reports ------------------------------------------------------------------------- */

/*
 * A cloud-to-device message is acknowledged by who takes it; what nobody takes must not come again, but what
 * comes while the link ends must. (Topics of QoS 0 have nothing to acknowledge.)
 */
static void on_message(HubLink *link, const MqttEvent *event) {
        az_result result;

        result = az_hub_session_message(&link->session, event->message.publish.topic,
                                        event->message.publish.payload);
        if (result == AZ_ERROR_NOT_SUPPORTED) {
                log_debug(link->log, "A message while there is no link, ignoring");
                return;
        }
        if (az_result_failed(result)) {
                log_debug(link->log, "A message on a topic that is not ours, ignoring");
                mqtt_link_ack(link->mqtt, event->message.ack);
                return;
        }
        link->message = event;
        hub_link_run_session(link, result);
        link->message = NULL;
}

static LinkEnd end_of(const MqttEvent *event) {
        switch (event->lost.cause) {
        case MQTT_LOST_CLOSED:
                return event->lost.is_puback_owed ? LINK_END_CLOSED : LINK_END_BROKEN;
        case MQTT_LOST_NETWORK:
                return LINK_END_BROKEN;
        case MQTT_LOST_ASKED:
        case MQTT_LOST_REFUSED:
        case MQTT_LOST_CLIENT_CERTIFICATE:
        case MQTT_LOST_CONNACK_TIMEOUT:
        case MQTT_LOST_PING_TIMEOUT:
        case MQTT_LOST_PUBACK_TIMEOUT:
        case MQTT_LOST_PROTOCOL:
        case MQTT_LOST_TOO_LARGE:
        case MQTT_LOST_DISCONNECT:
        case MQTT_LOST_SECOND_CONNACK:
        case MQTT_LOST_INTERNAL:
        case _MQTT_LOST_MAX:
                break;
        }
        return LINK_END_OTHER;
}

static void diagnose_end(HubLink *link, const MqttEvent *event, Diagnosis *ret) {
        DiagnosisContext context = hub_link_context(link);
        Problem problem = PROBLEM_NONE;

        if (link->is_accepted)
                problem = close_watch_ended(&link->close_watch, link->end == LINK_END_CLOSED,
                                            context.boottime_us);
        if (problem == PROBLEM_NONE)
                diagnosis_from_lost(ret, &context, event->lost.cause, event->lost.error, event->lost.text);
        else if (problem == PROBLEM_QUOTA)
                make_quota(link, &context, ret);
        else
                diagnosis_make(ret, &context, problem, event->lost.error, event->lost.text);
}

static void on_lost(HubLink *link, const MqttEvent *event) {
        Diagnosis cause;

        if (event->lost.cause == MQTT_LOST_ASKED) {
                disconnected(link);
                return;
        }

        link->end = end_of(event);
        diagnose_end(link, event, &cause);
        hub_link_session_lost(link, &cause);
}

static void on_open_failed(HubLink *link, const MqttEvent *event) {
        DiagnosisContext context = hub_link_context(link);
        Diagnosis cause;

        diagnosis_from_open_failed(&cause, &context, event->open_failed.report, event->open_failed.error,
                                   event->open_failed.text);
        if (!hub_link_reopen(link, event->open_failed.report, &cause))
                hub_link_session_lost(link, &cause);
}

void hub_link_session_event(HubLink *link, const MqttEvent *event) {
        az_hub_session *s = &link->session;

        switch (event->type) {
        case MQTT_EVENT_OPENED:
                link->is_open = true;
                link->report = *event->opened.report;
                hub_link_rollover_opened(link, &link->report);
                if (az_hub_session_get_status(s).state == AZ_HUB_SESSION_CONNECTING)
                        send_connect(link);
                else
                        hub_link_run_session(
                                link, az_hub_session_signed(s, event->opened.signature, hub_link_time()));
                break;
        case MQTT_EVENT_OPEN_FAILED:
                on_open_failed(link, event);
                break;
        case MQTT_EVENT_CONNACK:
                link->is_accepted = event->connack.code == 0;
                if (link->is_accepted)
                        hub_link_run_session(link, az_hub_session_connected(s, event->connack.session_present,
                                                                            hub_link_time()));
                else
                        hub_link_run_session(link,
                                             az_hub_session_refused(s, event->connack.code, hub_link_time()));
                break;
        case MQTT_EVENT_SUBACK:
                hub_link_run_session(link, az_hub_session_suback(s, event->suback.codes,
                                                                 event->suback.n_codes, hub_link_time()));
                break;
        case MQTT_EVENT_PUBACK:
                link->n_in_flight -= link->n_in_flight > 0;
                close_watch_heard(&link->close_watch, event->puback.token, boottime_us());
                link->ops->on_puback(link->userdata, event->puback.token);
                break;
        case MQTT_EVENT_MESSAGE:
                on_message(link, event);
                break;
        case MQTT_EVENT_LOST:
                on_lost(link, event);
                break;
        case MQTT_EVENT_UNSUBACK: /* of MQTT 5, which we do not speak here */
        case MQTT_EVENT_REFUSED:
        case MQTT_EVENT_AUTH:
        case _MQTT_EVENT_MAX:
                assert(false);
        }
}
