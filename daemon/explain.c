/* SPDX-License-Identifier: MIT */

#include "daemon/explain.h"

#include "ipc/rfc3339.h"

/* What happened is worth a note for so long; what is so, for as long as it is. */
#define NOTE_OF_EVENT_US (24 * 3600 * USEC_PER_SEC)

/* Fits what a diagnosis has to say. */
#define SUMMARY_SIZE 800U

static void write_realtime(IpcJson *json, const char *name, uint64_t realtime) {
        char text[RFC3339_SIZE];

        ipc_json_cstring(json, name, rfc3339_format(text, realtime));
}

/* Reckoned from now, because the wall clock may have been set since then. */
static void write_boottime(IpcJson *json, const char *name, const Explanation *e, uint64_t boottime) {
        write_realtime(json, name, e->realtime_us + boottime - e->boottime_us);
}

/* What is not known is not there. */
static void write_text(IpcJson *json, const char *name, const char *text) {
        if (text && text[0])
                ipc_json_cstring(json, name, text);
}

static void write_number(IpcJson *json, const char *name, uint32_t number) {
        if (number > 0)
                ipc_json_int(json, name, number);
}

/* What it comes to ------------------------------------------------------------------------------------ */

static bool is_online(const Explanation *e) {
        return link_state_is_up(e->status->state);
}

static const char *format_undisturbed(char buffer[static SUMMARY_SIZE], const Explanation *e) {
        const char *host = e->status->host ?: "(unknown)", *device = e->status->device_id ?: "(unknown)";
        const char *service = cloud_service_to_string(e->service);

        switch (e->status->state) {
        case LINK_ONLINE:
                (void) snprintf(buffer, SUMMARY_SIZE, "Connected to the %s '%s' as '%s'", service, host,
                                device);
                break;
        case LINK_RENEWING:
                (void) snprintf(
                        buffer, SUMMARY_SIZE,
                        "Connected to the %s '%s' as '%s'; the connection is being made anew, as planned",
                        service, host, device);
                break;
        case LINK_CONNECTING:
                (void) snprintf(buffer, SUMMARY_SIZE, "Connecting to the %s '%s'", service, host);
                break;
        case LINK_PROVISIONING:
                (void) snprintf(buffer, SUMMARY_SIZE,
                                "Asking the provisioning service '%s' which hub this device belongs to",
                                e->provisioning ?: "(unknown)");
                break;
        case LINK_WAITING:
                (void) snprintf(buffer, SUMMARY_SIZE,
                                "Waiting a moment before the first attempt, so that devices which got power "
                                "together do not connect together");
                break;
        case LINK_STOPPED:
        case _LINK_STATE_MAX:
                (void) snprintf(buffer, SUMMARY_SIZE, "%s",
                                e->is_none ? "No hub is configured"
                                           : "The link is stopped, because aziotd is stopping");
        }
        return buffer;
}

static const char *get_summary(char buffer[static SUMMARY_SIZE], const Explanation *e) {
        if (is_online(e) || e->status->state == LINK_STOPPED || !e->record->is_failing)
                return format_undisturbed(buffer, e);
        return e->record->last.text;
}

/* Told for a day, and nothing is asked of anybody for it; the others stand until they are no longer so. */
static bool is_event(const LinkNotice *n) {
        return n->problem == PROBLEM_POISON_MESSAGE || n->problem == PROBLEM_CLOCK_STEPPED ||
               n->problem == PROBLEM_BROKER_SESSION_LOST;
}

static bool is_over(const Explanation *e, const LinkNotice *n) {
        return is_event(n) && e->boottime_us - n->boottime_us >= NOTE_OF_EVENT_US;
}

/* A link that is up may go down by it one day: a new key that is refused, a certificate that ends. */
static const char *get_advice_while_up(const Explanation *e) {
        for (size_t i = 0; i < LINK_NOTICES_MAX; i++) {
                const LinkNotice *n = &e->record->notices[i];

                if (n->problem != PROBLEM_NONE && !is_event(n))
                        return n->advice;
        }
        return "Nothing has to be done.";
}

static const char *get_advice(const Explanation *e) {
        if (e->is_none)
                return "Nothing has to be done.";
        if (e->status->state == LINK_STOPPED)
                return "Start it again: 'systemctl start aziotd'.";
        if (is_online(e) || !e->record->is_failing)
                return get_advice_while_up(e);
        return e->record->last.advice;
}

/* Its parts ------------------------------------------------------------------------------------------- */

static void write_unix_time(IpcJson *json, const char *name, int64_t unix_s) {
        if (unix_s > 0)
                write_realtime(json, name, (uint64_t) unix_s * USEC_PER_SEC);
}

static void write_certificate(IpcJson *json, const char *name, const MqttCertificate *c) {
        if (!c->subject[0] && !c->issuer[0])
                return;
        ipc_json_begin(json, name);
        ipc_json_cstring(json, "subject", c->subject);
        ipc_json_cstring(json, "issuer", c->issuer);
        write_unix_time(json, "notBefore", c->not_before_s);
        write_unix_time(json, "notAfter", c->not_after_s);
        ipc_json_end(json);
}

static void write_failure(IpcJson *json, const Explanation *e) {
        const Diagnosis *d = &e->record->last;
        const ProblemInfo *info = problem_get_info(d->problem);

        if (d->problem == PROBLEM_NONE)
                return;
        ipc_json_begin(json, "lastFailure");
        ipc_json_cstring(json, "problem", info->word);
        ipc_json_cstring(json, "layer", layer_to_string(info->layer));
        ipc_json_cstring(json, "class", az_error_class_to_string(info->error_class));
        write_boottime(json, "time", e, d->boottime_us);
        ipc_json_cstring(json, "service", cloud_service_to_string(d->service));
        ipc_json_cstring(json, "text", d->text);
        ipc_json_cstring(json, "advice", d->advice);
        write_text(json, "host", d->host);
        write_text(json, "transport", d->transport);
        write_text(json, "address", d->address);
        write_text(json, "proxy", d->proxy);
        write_text(json, "detail", d->detail);
        write_text(json, "error", d->error != 0 ? strerror(-d->error) : NULL);
        write_number(json, "httpStatus", (uint32_t) d->http_status);
        write_number(json, "connackCode", d->connack_code);
        write_number(json, "status", d->dps_status);
        write_number(json, "code", d->dps_code);
        write_text(json, "message", d->message);
        write_text(json, "trackingId", d->tracking_id);
        write_text(json, "timestamp", d->timestamp);
        write_certificate(json, "serverCertificate", &d->server);
        write_certificate(json, "deviceCertificate", &d->own);
        ipc_json_end(json);
}

static void write_connection(IpcJson *json, const Explanation *e) {
        const LinkConnection *c = &e->record->connection;

        if (!is_online(e))
                return;
        ipc_json_begin(json, "connection");
        write_boottime(json, "since", e, c->boottime_us);
        ipc_json_cstring(json, "transport", c->transport);
        write_text(json, "address", c->address);
        write_text(json, "proxy", c->proxy);
        write_text(json, "tlsVersion", c->tls_version);
        write_text(json, "tlsCipher", c->tls_cipher);
        ipc_json_bool(json, "resumed", c->is_resumed);
        ipc_json_end(json);
}

static void write_tried(IpcJson *json, const Explanation *e) {
        ipc_json_begin_array(json, "tried");
        for (size_t i = 0; i < LINK_TRIED_MAX && e->record->tried[i].transport[0]; i++) {
                const LinkTried *t = &e->record->tried[i];

                ipc_json_begin(json, NULL);
                ipc_json_cstring(json, "transport", t->transport);
                write_boottime(json, "time", e, t->boottime_us);
                write_text(json, "address", t->address);
                if (t->problem != PROBLEM_NONE) {
                        ipc_json_cstring(json, "problem", problem_to_string(t->problem));
                        ipc_json_cstring(json, "layer", layer_to_string(problem_get_info(t->problem)->layer));
                }
                ipc_json_end(json);
        }
        ipc_json_end_array(json);
}

static void write_notices(IpcJson *json, const Explanation *e) {
        ipc_json_begin_array(json, "notices");
        for (size_t i = 0; i < LINK_NOTICES_MAX; i++) {
                const LinkNotice *n = &e->record->notices[i];

                if (n->problem == PROBLEM_NONE || is_over(e, n))
                        continue;
                ipc_json_begin(json, NULL);
                ipc_json_cstring(json, "problem", problem_to_string(n->problem));
                write_boottime(json, "time", e, n->boottime_us);
                ipc_json_cstring(json, "text", n->text);
                ipc_json_cstring(json, "advice", n->advice);
                ipc_json_end(json);
        }
        ipc_json_end_array(json);
}

void explain_write(IpcJson *json, const Explanation *e) {
        const LinkStatus *status = e->status;
        bool is_hub = e->service == CLOUD_HUB;
        char buffer[SUMMARY_SIZE];

        ipc_json_cstring(json, "state", link_state_to_string(status->state));
        write_boottime(json, "since", e,
                       is_online(e) && e->record->online_since_us > 0 ? e->record->online_since_us
                                                                      : status->since_us);
        ipc_json_bool(json, "online", is_online(e));
        ipc_json_cstring(json, "summary", get_summary(buffer, e));
        ipc_json_cstring(json, "advice", get_advice(e));
        write_text(json, is_hub ? "deviceId" : "clientId", status->device_id);
        write_text(json, "moduleId", status->module_id);
        write_text(json, is_hub ? "hub" : "host", status->host);
        write_text(json, "provisioning", e->provisioning);
        write_connection(json, e);
        write_tried(json, e);
        write_failure(json, e);
        if (e->record->is_failing && !is_online(e)) {
                ipc_json_int(json, "failedAttempts", e->record->n_failed);
                write_boottime(json, "failingSince", e, e->record->failing_since_us);
        }
        if (status->next_attempt_us != UINT64_MAX)
                write_boottime(json, "nextAttempt", e, MAX(status->next_attempt_us, e->boottime_us));
        write_notices(json, e);
}
