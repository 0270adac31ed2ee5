/* SPDX-License-Identifier: MIT */

#include "daemon/diagnosis.h"

/* The beginning that all makers share. */
static void diagnosis_begin(Diagnosis *d, const DiagnosisContext *c) {
        *d = (Diagnosis){
                .service = c->service,
                .port = c->port,
                .boottime_us = c->boottime_us,
                .realtime_us = c->realtime_us,
        };
        (void) snprintf(d->host, sizeof(d->host), "%s", c->host ?: "");
        (void) snprintf(d->transport, sizeof(d->transport), "%s", c->transport ?: "");
        (void) snprintf(d->proxy, sizeof(d->proxy), "%s", c->proxy ?: "");
}

static void diagnosis_take_report(Diagnosis *d, const MqttReport *report) {
        (void) snprintf(d->address, sizeof(d->address), "%s", report->address);
        d->http_status = report->http_status;
        d->server = report->server;
        d->own = report->own;
}

static void diagnosis_take_connection(Diagnosis *d, const DiagnosisContext *c) {
        if (c->report && c->is_open)
                diagnosis_take_report(d, c->report);
        else if (c->report)
                d->own = c->report->own;
}

static bool own_certificate_has_expired(const Diagnosis *d) {
        return d->own.not_after_s > 0 && (uint64_t) d->own.not_after_s < d->realtime_us / USEC_PER_SEC;
}

static void diagnosis_end(Diagnosis *d, Problem problem, int error, const char *detail) {
        bool is_refused = problem == PROBLEM_NOT_AUTHORIZED || problem == PROBLEM_OWN_CERTIFICATE_REFUSED ||
                          problem == PROBLEM_PROVISIONING_REFUSED ||
                          problem == PROBLEM_PROVISIONING_UNAUTHORIZED;

        d->problem = is_refused && own_certificate_has_expired(d) ? PROBLEM_OWN_CERTIFICATE_EXPIRED : problem;
        d->error = error;
        (void) snprintf(d->detail, sizeof(d->detail), "%s", detail ?: "");
        diagnosis_write_texts(d);
}

void diagnosis_make(Diagnosis *ret, const DiagnosisContext *context, Problem problem, int error,
                    const char *detail) {
        diagnosis_begin(ret, context);
        diagnosis_take_connection(ret, context);
        diagnosis_end(ret, problem, error, detail);
}

/* An attempt ------------------------------------------------------------------------------------------ */

#define ANY_STAGE _MQTT_STAGE_MAX

/* The first row that fits is taken; 'proxied', if there is one, is for an attempt by way of a proxy. */
static const struct {
        MqttProblem problem;
        MqttStage stage;
        Problem direct, proxied;
} open_failures[] = {
        { MQTT_PROBLEM_LOCAL, ANY_STAGE, PROBLEM_LOCAL, PROBLEM_NONE },
        { MQTT_PROBLEM_SIGNING, ANY_STAGE, PROBLEM_SIGNING, PROBLEM_NONE },
        { MQTT_PROBLEM_IDENTITY_FILE, ANY_STAGE, PROBLEM_IDENTITY_FILE, PROBLEM_NONE },
        { MQTT_PROBLEM_SECRET_FILE, ANY_STAGE, PROBLEM_IDENTITY_FILE, PROBLEM_NONE },
        { MQTT_PROBLEM_TRUST_FILE, ANY_STAGE, PROBLEM_TRUST_FILE, PROBLEM_NONE },
        { MQTT_PROBLEM_NAME_UNKNOWN, ANY_STAGE, PROBLEM_NAME_UNKNOWN, PROBLEM_PROXY_NAME },
        { MQTT_PROBLEM_NAME_SERVER, ANY_STAGE, PROBLEM_NAME_SERVER, PROBLEM_PROXY_NAME },
        { MQTT_PROBLEM_UNREACHABLE, ANY_STAGE, PROBLEM_NO_ROUTE, PROBLEM_PROXY_UNREACHABLE },
        { MQTT_PROBLEM_REFUSED, ANY_STAGE, PROBLEM_TCP_REFUSED, PROBLEM_PROXY_UNREACHABLE },
        { MQTT_PROBLEM_RESET, MQTT_STAGE_TLS, PROBLEM_TLS_RESET, PROBLEM_NONE },
        { MQTT_PROBLEM_RESET, MQTT_STAGE_WEBSOCKET, PROBLEM_WEBSOCKET_RESET, PROBLEM_NONE },
        { MQTT_PROBLEM_RESET, ANY_STAGE, PROBLEM_TCP_RESET, PROBLEM_PROXY_UNREACHABLE },
        { MQTT_PROBLEM_TIMEOUT, MQTT_STAGE_SIGN, PROBLEM_SIGNING, PROBLEM_NONE },
        { MQTT_PROBLEM_TIMEOUT, MQTT_STAGE_NAME, PROBLEM_NAME_SERVER, PROBLEM_PROXY_NAME },
        { MQTT_PROBLEM_TIMEOUT, MQTT_STAGE_TCP, PROBLEM_TCP_TIMEOUT, PROBLEM_PROXY_TIMEOUT },
        { MQTT_PROBLEM_TIMEOUT, MQTT_STAGE_PROXY, PROBLEM_PROXY_TIMEOUT, PROBLEM_NONE },
        { MQTT_PROBLEM_TIMEOUT, MQTT_STAGE_TLS, PROBLEM_TLS_TIMEOUT, PROBLEM_NONE },
        { MQTT_PROBLEM_TIMEOUT, MQTT_STAGE_WEBSOCKET, PROBLEM_WEBSOCKET_TIMEOUT, PROBLEM_NONE },
        { MQTT_PROBLEM_TIMEOUT, ANY_STAGE, PROBLEM_LOCAL, PROBLEM_NONE },
        { MQTT_PROBLEM_PROXY_AUTHENTICATION, ANY_STAGE, PROBLEM_PROXY_AUTHENTICATION, PROBLEM_NONE },
        { MQTT_PROBLEM_PROXY_REFUSED, ANY_STAGE, PROBLEM_PROXY_REFUSED, PROBLEM_NONE },
        { MQTT_PROBLEM_PROXY_ANSWER, ANY_STAGE, PROBLEM_PROXY_ANSWER, PROBLEM_NONE },
        { MQTT_PROBLEM_NOT_TLS, ANY_STAGE, PROBLEM_NOT_TLS, PROBLEM_NONE },
        { MQTT_PROBLEM_NOT_TLS_BUT_HTTP, ANY_STAGE, PROBLEM_CAPTIVE_PORTAL, PROBLEM_NONE },
        { MQTT_PROBLEM_TLS_PROTOCOL, ANY_STAGE, PROBLEM_TLS_PROTOCOL, PROBLEM_NONE },
        { MQTT_PROBLEM_CERTIFICATE_UNTRUSTED, ANY_STAGE, PROBLEM_CERTIFICATE_UNTRUSTED, PROBLEM_NONE },
        { MQTT_PROBLEM_CERTIFICATE_SELF_SIGNED, ANY_STAGE, PROBLEM_CERTIFICATE_SELF_SIGNED, PROBLEM_NONE },
        { MQTT_PROBLEM_CERTIFICATE_NAME, ANY_STAGE, PROBLEM_CERTIFICATE_NAME, PROBLEM_NONE },
        { MQTT_PROBLEM_CERTIFICATE_EXPIRED, ANY_STAGE, PROBLEM_CERTIFICATE_EXPIRED, PROBLEM_NONE },
        { MQTT_PROBLEM_CERTIFICATE_NOT_YET_VALID, ANY_STAGE, PROBLEM_CERTIFICATE_NOT_YET_VALID,
          PROBLEM_NONE },
        { MQTT_PROBLEM_CLIENT_CERTIFICATE, ANY_STAGE, PROBLEM_OWN_CERTIFICATE_REFUSED, PROBLEM_NONE },
        { MQTT_PROBLEM_WEBSOCKET_REFUSED, ANY_STAGE, PROBLEM_WEBSOCKET_REFUSED, PROBLEM_NONE },
        { MQTT_PROBLEM_WEBSOCKET_ANSWER, ANY_STAGE, PROBLEM_WEBSOCKET_ANSWER, PROBLEM_NONE },
};

static Problem problem_of_attempt(const MqttReport *report, bool is_proxied) {
        for (size_t i = 0; i < ELEMENTSOF(open_failures); i++) {
                if (open_failures[i].problem != report->problem ||
                    (open_failures[i].stage != ANY_STAGE && open_failures[i].stage != report->stage))
                        continue;
                if (is_proxied && open_failures[i].proxied != PROBLEM_NONE)
                        return open_failures[i].proxied;
                return open_failures[i].direct;
        }
        return PROBLEM_LOCAL;
}

/* For want of a network there is no way, and nobody who tells addresses. */
static Problem judge_network(Problem problem, NetworkReach reach) {
        bool is_of_way = problem == PROBLEM_NAME_SERVER || problem == PROBLEM_NO_ROUTE ||
                         problem == PROBLEM_PROXY_NAME || problem == PROBLEM_PROXY_UNREACHABLE ||
                         problem == PROBLEM_TCP_TIMEOUT;

        switch (reach) {
        case NETWORK_REACHES_NOTHING:
                return is_of_way || problem == PROBLEM_NAME_UNKNOWN ? PROBLEM_NO_NETWORK : problem;
        case NETWORK_REACHES_LINKS:
                return is_of_way ? PROBLEM_NO_ROUTE : problem;
        case NETWORK_REACHES_OUT:
        case _NETWORK_REACH_MAX:
                break;
        }
        return problem;
}

void diagnosis_from_open_failed(Diagnosis *ret, const DiagnosisContext *context, const MqttReport *report,
                                int error, const char *text) {
        diagnosis_begin(ret, context);
        diagnosis_take_report(ret, report);
        diagnosis_end(ret, judge_network(problem_of_attempt(report, context->proxy), context->reach), error,
                      text);
}

/* A connection ---------------------------------------------------------------------------------------- */

static Problem problem_of_end(const DiagnosisContext *c, MqttLost cause, int error) {
        static const Problem problems[_MQTT_LOST_MAX] = {
                [MQTT_LOST_ASKED] = PROBLEM_CLOSED,
                [MQTT_LOST_CLOSED] = PROBLEM_CLOSED,
                [MQTT_LOST_NETWORK] = PROBLEM_BROKEN,
                [MQTT_LOST_REFUSED] = PROBLEM_NOT_AUTHORIZED,
                [MQTT_LOST_CLIENT_CERTIFICATE] = PROBLEM_OWN_CERTIFICATE_REFUSED,
                [MQTT_LOST_CONNACK_TIMEOUT] = PROBLEM_CONNACK_TIMEOUT,
                [MQTT_LOST_PING_TIMEOUT] = PROBLEM_HALF_OPEN,
                [MQTT_LOST_PUBACK_TIMEOUT] = PROBLEM_PUBACK_TIMEOUT,
                [MQTT_LOST_PROTOCOL] = PROBLEM_PROTOCOL,
                [MQTT_LOST_TOO_LARGE] = PROBLEM_TOO_LARGE,
                [MQTT_LOST_DISCONNECT] = PROBLEM_CLOSED,
                [MQTT_LOST_SECOND_CONNACK] = PROBLEM_NOT_AUTHORIZED,
                [MQTT_LOST_INTERNAL] = PROBLEM_LOCAL,
        };
        Problem problem = problems[cause];

        /* A hub that closes before it has read all that was sent resets the connection by that. */
        if (cause == MQTT_LOST_NETWORK && (error == -ECONNRESET || error == -EPIPE))
                problem = PROBLEM_CLOSED;
        /* tcp(7), TCP_USER_TIMEOUT: what was sent has not been acknowledged for so long. */
        if (cause == MQTT_LOST_NETWORK && error == -ETIMEDOUT)
                problem = PROBLEM_HALF_OPEN;
        return problem == PROBLEM_CLOSED && !c->is_accepted ? PROBLEM_CONNACK_CLOSED : problem;
}

void diagnosis_from_lost(Diagnosis *ret, const DiagnosisContext *context, MqttLost cause, int error,
                         const char *text) {
        diagnosis_make(ret, context, problem_of_end(context, cause, error), error, text);
}

/* What the sessions find ------------------------------------------------------------------------------ */

/* MQTT 3.1.1, table 3.1. */
static Problem problem_of_connack(CloudService service, uint8_t code) {
        static const Problem hub[] = {
                [1] = PROBLEM_MQTT_VERSION, [2] = PROBLEM_DEVICE_UNKNOWN, [3] = PROBLEM_HUB_UNAVAILABLE,
                [4] = PROBLEM_KEY_REFUSED,  [5] = PROBLEM_NOT_AUTHORIZED,
        };

        if (code == 0 || code >= ELEMENTSOF(hub))
                return PROBLEM_PROTOCOL;
        if (service == CLOUD_HUB || code == 1)
                return hub[code];
        return code == 3 ? PROBLEM_PROVISIONING_UNAVAILABLE : PROBLEM_PROVISIONING_REFUSED;
}

static Problem problem_of_timeout(az_hub_session_state from) {
        if (from == AZ_HUB_SESSION_SIGNING)
                return PROBLEM_LOCAL;
        return from == AZ_HUB_SESSION_SUBSCRIBING ? PROBLEM_SUBSCRIPTION_TIMEOUT : PROBLEM_CONNACK_TIMEOUT;
}

bool diagnosis_from_hub_loss(Diagnosis *ret, const DiagnosisContext *context, const az_hub_event *lost) {
        Problem problem;

        if (lost->as.lost.loss == AZ_HUB_LOSS_REFUSED)
                problem = problem_of_connack(context->service, lost->as.lost.connack_code);
        else if (lost->as.lost.loss == AZ_HUB_LOSS_SUBSCRIBE)
                problem = PROBLEM_SUBSCRIPTION_REFUSED;
        else if (lost->as.lost.loss == AZ_HUB_LOSS_DUPLICATE)
                problem = PROBLEM_DUPLICATE_IDENTITY;
        else if (lost->as.lost.loss == AZ_HUB_LOSS_CLOCK)
                problem = PROBLEM_CLOCK_BEFORE_BUILD;
        else if (lost->as.lost.loss == AZ_HUB_LOSS_TIMEOUT)
                problem = problem_of_timeout(lost->as.lost.from);
        else
                return false;

        diagnosis_begin(ret, context);
        diagnosis_take_connection(ret, context);
        if (lost->as.lost.loss == AZ_HUB_LOSS_REFUSED)
                ret->connack_code = lost->as.lost.connack_code;
        diagnosis_end(ret, problem, 0, NULL);
        return true;
}

/* Codes that say more than their first three digits (DPS, "Error codes"). */
static const struct {
        uint32_t code;
        Problem problem;
} dps_codes[] = {
        { 400207, PROBLEM_PROVISIONING_WEBHOOK },
        { 400208, PROBLEM_PROVISIONING_NO_HUB },
        { 400209, PROBLEM_PROVISIONING_HUB_NOT_LINKED },
};

static Problem problem_of_answer(const az_dps_error *error) {
        static const Problem problems[_AZ_ERROR_CLASS_MAX] = {
                [AZ_ERROR_CLASS_NONE] = PROBLEM_PROVISIONING_ERROR,
                [AZ_ERROR_CLASS_LOCAL] = PROBLEM_LOCAL,
                [AZ_ERROR_CLASS_NETWORK] = PROBLEM_PROVISIONING_ERROR,
                [AZ_ERROR_CLASS_TIMEOUT] = PROBLEM_PROVISIONING_TIMEOUT,
                [AZ_ERROR_CLASS_SERVICE] = PROBLEM_PROVISIONING_ERROR,
                [AZ_ERROR_CLASS_THROTTLED] = PROBLEM_PROVISIONING_THROTTLED,
                [AZ_ERROR_CLASS_CONFLICT] = PROBLEM_PROVISIONING_ERROR,
                [AZ_ERROR_CLASS_CREDENTIAL] = PROBLEM_PROVISIONING_UNAUTHORIZED,
                [AZ_ERROR_CLASS_IDENTITY] = PROBLEM_PROVISIONING_UNKNOWN,
                [AZ_ERROR_CLASS_FORBIDDEN] = PROBLEM_PROVISIONING_DISABLED,
                [AZ_ERROR_CLASS_CALLER] = PROBLEM_PROVISIONING_REQUEST,
                [AZ_ERROR_CLASS_TOO_LARGE] = PROBLEM_PROVISIONING_REQUEST,
                [AZ_ERROR_CLASS_PROTOCOL] = PROBLEM_PROVISIONING_PROTOCOL,
        };

        for (size_t i = 0; i < ELEMENTSOF(dps_codes); i++)
                if (dps_codes[i].code == error->code)
                        return dps_codes[i].problem;
        return problems[error->error_class];
}

static Problem problem_of_dps_timeout(az_dps_session_state from) {
        if (from == AZ_DPS_SESSION_SIGNING)
                return PROBLEM_LOCAL;
        if (from == AZ_DPS_SESSION_CONNECTING)
                return PROBLEM_CONNACK_TIMEOUT;
        return from == AZ_DPS_SESSION_SUBSCRIBING ? PROBLEM_SUBSCRIPTION_TIMEOUT
                                                  : PROBLEM_PROVISIONING_TIMEOUT;
}

/* NONE: the session was told of it, by whoever knows more. */
static Problem problem_of_dps_error(const az_dps_error *error, az_dps_session_state from) {
        switch (error->loss) {
        case AZ_DPS_LOSS_TIMEOUT:
                return problem_of_dps_timeout(from);
        case AZ_DPS_LOSS_REFUSED:
                return problem_of_connack(CLOUD_PROVISIONING, error->connack_code);
        case AZ_DPS_LOSS_SUBSCRIBE:
                return PROBLEM_SUBSCRIPTION_REFUSED;
        case AZ_DPS_LOSS_ANSWER:
        case AZ_DPS_LOSS_ASSIGNMENT:
                return problem_of_answer(error);
        case AZ_DPS_LOSS_DISABLED:
                return PROBLEM_PROVISIONING_DISABLED;
        case AZ_DPS_LOSS_DEADLINE:
                return PROBLEM_PROVISIONING_TIMEOUT;
        case AZ_DPS_LOSS_CLOCK:
                return PROBLEM_CLOCK_BEFORE_BUILD;
        case AZ_DPS_LOSS_NONE:
        case AZ_DPS_LOSS_SIGNING:
        case AZ_DPS_LOSS_NAME:
        case AZ_DPS_LOSS_TCP:
        case AZ_DPS_LOSS_TLS:
        case AZ_DPS_LOSS_CLOSED:
        case AZ_DPS_LOSS_KEEP_ALIVE:
        case AZ_DPS_LOSS_PROTOCOL:
        case _AZ_DPS_LOSS_MAX:
                break;
        }
        return PROBLEM_NONE;
}

/* What comes from outside may end up on a terminal. */
static void take_span(char *to, size_t size, az_span from) {
        size_t n = MIN((size_t) az_span_size(from), size - 1);

        for (size_t i = 0; i < n; i++) {
                uint8_t byte = az_span_ptr(from)[i];

                to[i] = byte >= ' ' && byte <= '~' ? (char) byte : '?';
        }
        to[n] = '\0';
}

bool diagnosis_from_dps_error(Diagnosis *ret, const DiagnosisContext *context, const az_dps_error *error,
                              az_dps_session_state from) {
        Problem problem = problem_of_dps_error(error, from);

        if (problem == PROBLEM_NONE)
                return false;

        diagnosis_begin(ret, context);
        diagnosis_take_connection(ret, context);
        ret->connack_code = error->connack_code;
        ret->dps_status = (uint32_t) error->status;
        ret->dps_code = error->code;
        take_span(ret->message, sizeof(ret->message), error->message);
        take_span(ret->tracking_id, sizeof(ret->tracking_id), error->tracking_id);
        take_span(ret->timestamp, sizeof(ret->timestamp), error->timestamp);
        diagnosis_end(ret, problem, 0, NULL);
        return true;
}

/* The broker ------------------------------------------------------------------------------------------ */

/* MQTT 5.0, 3.2.2.2. */
static Problem problem_of_broker_connack(uint8_t reason_code) {
        switch (reason_code) {
        case 0x85:
                return PROBLEM_BROKER_CLIENT_ID;
        case 0x86: /* Bad User Name or Password */
        case 0x87: /* Not authorized */
        case 0x8a: /* Banned */
        case 0x8c: /* Bad authentication method */
                return PROBLEM_BROKER_UNAUTHORIZED;
        case 0x80: /* Unspecified error */
        case 0x88: /* Server unavailable */
        case 0x89: /* Server busy */
        case 0x97: /* Quota exceeded */
        case 0x9f: /* Connection rate exceeded */
                return PROBLEM_BROKER_UNAVAILABLE;
        default:
                return PROBLEM_BROKER_REFUSED;
        }
}

static Problem problem_of_broker_loss(const DiagnosisContext *c, az_broker_loss loss, uint8_t reason_code) {
        static const Problem problems[_AZ_BROKER_LOSS_MAX] = {
                [AZ_BROKER_LOSS_NONE] = PROBLEM_LOCAL,
                [AZ_BROKER_LOSS_FILE] = PROBLEM_BROKER_CREDENTIAL_FILE,
                [AZ_BROKER_LOSS_NAME] = PROBLEM_NAME_SERVER,
                [AZ_BROKER_LOSS_TCP] = PROBLEM_BROKEN,
                [AZ_BROKER_LOSS_TLS] = PROBLEM_TLS_PROTOCOL,
                [AZ_BROKER_LOSS_TIMEOUT] = PROBLEM_CONNACK_TIMEOUT,
                [AZ_BROKER_LOSS_DISCONNECTED] = PROBLEM_BROKER_DISCONNECTED,
                [AZ_BROKER_LOSS_CLOSED] = PROBLEM_CLOSED,
                [AZ_BROKER_LOSS_KEEP_ALIVE] = PROBLEM_HALF_OPEN,
                [AZ_BROKER_LOSS_PUBACK] = PROBLEM_BROKER_UNACKNOWLEDGED,
                [AZ_BROKER_LOSS_PROTOCOL] = PROBLEM_PROTOCOL,
                [AZ_BROKER_LOSS_REAUTHENTICATION] = PROBLEM_BROKER_TOKEN_REFUSED,
                [AZ_BROKER_LOSS_RIVAL] = PROBLEM_BROKER_TAKEN_OVER,
                [AZ_BROKER_LOSS_SESSION] = PROBLEM_BROKER_DISCONNECTED,
                [AZ_BROKER_LOSS_LOCAL] = PROBLEM_LOCAL,
        };

        if (loss == AZ_BROKER_LOSS_REFUSED)
                return problem_of_broker_connack(reason_code);
        if (loss == AZ_BROKER_LOSS_DISCONNECTED && reason_code == 0x8e) /* Session taken over */
                return PROBLEM_BROKER_TAKEN_OVER;
        if (loss == AZ_BROKER_LOSS_CLOSED && !c->is_accepted)
                return PROBLEM_CONNACK_CLOSED;
        return problems[loss];
}

/* The sentences say that the broker refused or ended the connection: what it gave as its reason is behind
 * that. */
static const char *reason_in(az_broker_loss loss, const char *text) {
        const char *colon = text ? strstr(text, ": ") : NULL;

        return colon && (loss == AZ_BROKER_LOSS_REFUSED || loss == AZ_BROKER_LOSS_DISCONNECTED) ? colon + 2
                                                                                                : text;
}

void diagnosis_from_broker_loss(Diagnosis *ret, const DiagnosisContext *context, az_broker_loss loss,
                                uint8_t reason_code, const MqttReport *report, const char *text) {
        bool is_of_way =
                loss == AZ_BROKER_LOSS_NAME || loss == AZ_BROKER_LOSS_TCP || loss == AZ_BROKER_LOSS_TLS ||
                loss == AZ_BROKER_LOSS_TIMEOUT ||
                (loss == AZ_BROKER_LOSS_FILE && report && report->problem == MQTT_PROBLEM_TRUST_FILE);

        if (report && is_of_way && report->problem != MQTT_PROBLEM_NONE) {
                diagnosis_from_open_failed(ret, context, report, 0, text);
                return;
        }
        diagnosis_make(ret, context, problem_of_broker_loss(context, loss, reason_code), 0,
                       reason_in(loss, text));
        ret->connack_code = reason_code;
}
