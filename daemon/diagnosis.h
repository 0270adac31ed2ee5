/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What went wrong with the link, told so that a person knows what happened, to what, and what to do.
 *
 * Each thing that can go wrong is a Problem, which has one row in daemon/diagnosis-table.c: a word that never
 * changes, the layer where it happened, what kind of error it is, and the texts. A Diagnosis is a problem
 * that occurred: when, with whom, and all that was seen of it.
 */

#include <mqtt/link.h>
#include <session/broker_session.h>
#include <session/dps_session.h>
#include <session/error_class.h>
#include <session/hub_session.h>

#include "daemon/network-facts.h"

/* What has to be right for a link, from here to there: each layer needs those before it. */
typedef enum Layer {
        LAYER_DEVICE, /* this machine: memory, descriptors */
        LAYER_IDENTITY,
        LAYER_CLOCK,
        LAYER_NAME,
        LAYER_ROUTE,
        LAYER_PROXY,
        LAYER_TCP,
        LAYER_TLS,
        LAYER_WEBSOCKET,
        LAYER_CONNACK,
        LAYER_SUBSCRIPTION,
        LAYER_LINK, /* the link was up */
        LAYER_PROVISIONING,
        _LAYER_MAX,
} Layer;

/* "identity", "tcp", ...; NULL: no such layer. */
const char *layer_to_string(Layer layer);

typedef enum Problem {
        PROBLEM_NONE,
        PROBLEM_LOCAL,
        PROBLEM_IDENTITY_MISSING,
        PROBLEM_IDENTITY_FILE,
        PROBLEM_IDENTITY_NAMES,
        PROBLEM_SIGNING,
        PROBLEM_CLOCK_BEFORE_BUILD,
        PROBLEM_NAME_UNKNOWN,
        PROBLEM_NAME_SERVER,
        PROBLEM_NO_NETWORK,
        PROBLEM_NO_ROUTE,
        PROBLEM_PROXY_NAME,
        PROBLEM_PROXY_UNREACHABLE,
        PROBLEM_PROXY_TIMEOUT,
        PROBLEM_PROXY_AUTHENTICATION,
        PROBLEM_PROXY_REFUSED,
        PROBLEM_PROXY_ANSWER,
        PROBLEM_TCP_REFUSED,
        PROBLEM_TCP_RESET,
        PROBLEM_TCP_TIMEOUT,
        PROBLEM_TRUST_FILE,
        PROBLEM_NOT_TLS,
        PROBLEM_CAPTIVE_PORTAL,
        PROBLEM_TLS_PROTOCOL,
        PROBLEM_TLS_RESET,
        PROBLEM_TLS_TIMEOUT,
        PROBLEM_CERTIFICATE_UNTRUSTED,
        PROBLEM_CERTIFICATE_SELF_SIGNED,
        PROBLEM_CERTIFICATE_NAME,
        PROBLEM_CERTIFICATE_EXPIRED,
        PROBLEM_CERTIFICATE_NOT_YET_VALID,
        PROBLEM_OWN_CERTIFICATE_EXPIRED,
        PROBLEM_OWN_CERTIFICATE_REFUSED,
        PROBLEM_WEBSOCKET_REFUSED,
        PROBLEM_WEBSOCKET_ANSWER,
        PROBLEM_WEBSOCKET_RESET,
        PROBLEM_WEBSOCKET_TIMEOUT,
        PROBLEM_CONNACK_TIMEOUT,
        PROBLEM_CONNACK_CLOSED,
        PROBLEM_MQTT_VERSION,
        PROBLEM_DEVICE_UNKNOWN,
        PROBLEM_HUB_UNAVAILABLE,
        PROBLEM_KEY_REFUSED,
        PROBLEM_NOT_AUTHORIZED,
        PROBLEM_SUBSCRIPTION_REFUSED,
        PROBLEM_SUBSCRIPTION_TIMEOUT,
        PROBLEM_CLOSED,
        PROBLEM_CLOSED_ON_PUBLISH,
        PROBLEM_BROKEN,
        PROBLEM_HALF_OPEN,
        PROBLEM_PUBACK_TIMEOUT,
        PROBLEM_HUB_THROTTLES,
        PROBLEM_QUOTA,
        PROBLEM_DUPLICATE_IDENTITY,
        PROBLEM_PROTOCOL,
        PROBLEM_TOO_LARGE,
        PROBLEM_PROVISIONING_REFUSED,
        PROBLEM_PROVISIONING_UNAVAILABLE,
        PROBLEM_PROVISIONING_UNAUTHORIZED,
        PROBLEM_PROVISIONING_UNKNOWN,
        PROBLEM_PROVISIONING_DISABLED,
        PROBLEM_PROVISIONING_WEBHOOK,
        PROBLEM_PROVISIONING_NO_HUB,
        PROBLEM_PROVISIONING_HUB_NOT_LINKED,
        PROBLEM_PROVISIONING_REQUEST,
        PROBLEM_PROVISIONING_THROTTLED,
        PROBLEM_PROVISIONING_ERROR,
        PROBLEM_PROVISIONING_TIMEOUT,
        PROBLEM_PROVISIONING_PROTOCOL,
        PROBLEM_BROKER_SETTINGS,
        PROBLEM_BROKER_CREDENTIAL_FILE,
        PROBLEM_BROKER_UNAUTHORIZED,
        PROBLEM_BROKER_CLIENT_ID,
        PROBLEM_BROKER_UNAVAILABLE,
        PROBLEM_BROKER_REFUSED,
        PROBLEM_BROKER_DISCONNECTED,
        PROBLEM_BROKER_TAKEN_OVER,
        PROBLEM_BROKER_TOKEN_REFUSED,
        PROBLEM_BROKER_UNACKNOWLEDGED,

        /* Notices: what is good to know, although it does not keep the device offline. Their class is NONE.
         */
        PROBLEM_CREDENTIALS_ROLLED_BACK,
        PROBLEM_OWN_CERTIFICATE_EXPIRES,
        PROBLEM_CLOCK_STEPPED,
        PROBLEM_POISON_MESSAGE,
        PROBLEM_STORAGE,
        PROBLEM_BROKER_SESSION_LOST,
        _PROBLEM_MAX,
} Problem;

/*
 * A row. In the texts, '{word}' stands for a value of the Diagnosis (the words: diagnosis-text.c), and what
 * is between '<' and '>' is left out when a value in it is not known.
 */
typedef struct ProblemInfo {
        const char *word; /* as in "certificate-expired": it never changes */
        Layer layer;
        az_error_class error_class;
        az_hub_loss loss;     /* for the session that is told of it */
        const char *sentence; /* what happened, to what; without a full stop */
        const char *advice;   /* what to do; whole sentences */
} ProblemInfo;

/* NULL: no such problem. */
const ProblemInfo *problem_get_info(Problem problem);
/* The word of its row. */
const char *problem_to_string(Problem problem);
/* What az_dps_session_lost() is told of it. */
az_dps_loss problem_to_dps_loss(Problem problem);

typedef enum CloudService {
        CLOUD_HUB,
        CLOUD_PROVISIONING,
        CLOUD_BROKER,
        _CLOUD_MAX,
} CloudService;

/* "hub", "provisioning", "broker"; NULL: no such service. */
const char *cloud_service_to_string(CloudService service);

/* With whom an attempt is, or a connection was, and what time it is. Strings may be NULL: not known, or none.
 */
typedef struct DiagnosisContext {
        CloudService service;
        const char *host;
        uint16_t port;
        const char *transport;    /* "mqtt", "websocket" */
        const char *proxy;        /* "host:port" */
        const MqttReport *report; /* of the last connection that was opened */
        bool is_open;             /* it still is; else only the device's certificate is of interest */
        bool is_accepted;         /* a CONNACK said yes */
        NetworkReach reach;       /* of this machine's network */
        uint64_t boottime_us, realtime_us;
} DiagnosisContext;

/* Strings are empty and numbers 0 where nothing is known. */
typedef struct Diagnosis {
        Problem problem;
        uint64_t boottime_us, realtime_us; /* when */
        CloudService service;
        char host[256];
        uint16_t port;
        char address[64];
        char transport[16];
        char proxy[272];
        int error; /* negative errno */
        int http_status;
        MqttCertificate server, own;
        uint8_t connack_code;
        uint32_t dps_status, dps_code;
        char message[256], tracking_id[64], timestamp[40]; /* in the words of the provisioning service */
        char detail[320];                                  /* in the words of whoever noticed */
        char text[768];                                    /* what happened */
        char advice[768];                                  /* what to do */
} Diagnosis;

/* Of an MQTT_EVENT_OPEN_FAILED. */
void diagnosis_from_open_failed(Diagnosis *ret, const DiagnosisContext *context, const MqttReport *report,
                                int error, const char *text);

/* Of an MQTT_EVENT_LOST. */
void diagnosis_from_lost(Diagnosis *ret, const DiagnosisContext *context, MqttLost cause, int error,
                         const char *text);

/*
 * Of an AZ_HUB_EVENT_LOST that the session found itself: a refusal, a time limit of its own, a rival, the
 * clock. Returns false, and leaves *ret as it is, for one that it was told of.
 */
bool diagnosis_from_hub_loss(Diagnosis *ret, const DiagnosisContext *context, const az_hub_event *lost);

/* The same of what DPS, or the registration with it, found wrong. */
bool diagnosis_from_dps_error(Diagnosis *ret, const DiagnosisContext *context, const az_dps_error *error,
                              az_dps_session_state from);

/*
 * Of a link to the broker that was lost, or could not be made.
 *
 *   reason_code  of MQTT 5, with REFUSED and DISCONNECTED
 *   report       of an attempt that failed before it came to MQTT; otherwise NULL
 *   text         what there is to be said of it
 */
void diagnosis_from_broker_loss(Diagnosis *ret, const DiagnosisContext *context, az_broker_loss loss,
                                uint8_t reason_code, const MqttReport *report, const char *text);

/* Of anything else. 'error' is a negative errno or 0, 'detail' NULL or what there is to be said of it. */
void diagnosis_make(Diagnosis *ret, const DiagnosisContext *context, Problem problem, int error,
                    const char *detail);

/* Writes the texts of the row with the values of 'd'; what is above does that. */
void diagnosis_write_texts(Diagnosis *d);
