/* SPDX-License-Identifier: MIT */

/* What is said of each failure: the word, the layer, the values in the text, what to do. */

#include "daemon/diagnosis.h"

#include <session/recovery.h>

#include "tests/unit/unit.h"

/* 2026-11-22T18:48:00Z: five hours and twelve minutes before the next day. */
#define NOW_S INT64_C(1795373280)

static const MqttCertificate server = {
        .subject = "CN=portal.example",
        .issuer = "CN=Portal CA",
        .not_before_s = 1767225600, /* 2026-01-01 */
        .not_after_s = 1793491200,  /* 2026-11-01 */
};

static DiagnosisContext context_of(CloudService service) {
        return (DiagnosisContext){
                .service = service,
                .host = service == CLOUD_HUB ? "hub.example" : "dps.example",
                .port = 8883,
                .transport = "mqtt",
                .reach = NETWORK_REACHES_OUT,
                .boottime_us = 7 * USEC_PER_SEC,
                .realtime_us = (uint64_t) NOW_S * USEC_PER_SEC,
        };
}

/* What a row expects; of 'not', if there is one, nothing may be said. */
static void check(const Diagnosis *d, const char *word, Layer layer, const char *text, const char *advice,
                  const char * not ) {
        ck_assert_str_eq(problem_to_string(d->problem), word);
        ck_assert_str_eq(layer_to_string(problem_get_info(d->problem)->layer), layer_to_string(layer));
        ck_assert_msg(strstr(d->text, text) != NULL, "%s", d->text);
        ck_assert_msg(strstr(d->advice, advice) != NULL, "%s", d->advice);
        ck_assert_msg(strstr(d->text, "(unknown)") == NULL, "%s", d->text);
        ck_assert_msg(strstr(d->advice, "(unknown)") == NULL, "%s", d->advice);
        if (not )
                ck_assert_msg(strstr(d->text, not ) == NULL && strstr(d->advice, not ) == NULL, "%s / %s",
                              d->text, d->advice);
}

/* The table ------------------------------------------------------------------------------------------- */

START_TEST(each_problem_has_a_word_a_sentence_and_advice) {
        for (Problem p = PROBLEM_NONE + 1; p < _PROBLEM_MAX; p++) {
                const ProblemInfo *info = problem_get_info(p);

                ck_assert_ptr_nonnull(info->word);
                ck_assert_msg(strspn(info->word, "abcdefghijklmnopqrstuvwxyz-") == strlen(info->word), "%s",
                              info->word);
                ck_assert_msg(info->sentence && info->sentence[strlen(info->sentence) - 1] != '.', "%s",
                              info->word);
                ck_assert_msg(info->advice && strchr(info->advice, '.'), "%s", info->word);
                /* A notice is neither. */
                ck_assert_msg((info->error_class == AZ_ERROR_CLASS_NONE) == (info->loss == AZ_HUB_LOSS_NONE),
                              "%s", info->word);
                ck_assert_msg((info->loss == AZ_HUB_LOSS_NONE) == (p >= PROBLEM_CREDENTIALS_ROLLED_BACK),
                              "%s", info->word);
        }
}
END_TEST

START_TEST(words_are_told_apart) {
        CHECK_NAMES(problem_to_string, _PROBLEM_MAX);
        CHECK_NAMES(layer_to_string, _LAYER_MAX);
        CHECK_NAMES(cloud_service_to_string, _CLOUD_MAX);
}
END_TEST

/* With everything known, no placeholder is left, none is misspelt, and nothing is cut off. */
START_TEST(all_values_of_a_text_are_known) {
        DiagnosisContext context = context_of(CLOUD_HUB);
        Diagnosis d;

        for (Problem p = PROBLEM_NONE + 1; p < _PROBLEM_MAX; p++) {
                context.proxy = "proxy.example:3128";
                diagnosis_make(&d, &context, p, -ECONNRESET, "DETAIL");
                d.server = d.own = server;
                d.http_status = 503;
                d.connack_code = 5;
                d.dps_code = 401002;
                (void) snprintf(d.message, sizeof(d.message), "MESSAGE");
                (void) snprintf(d.tracking_id, sizeof(d.tracking_id), "TRACKING");
                (void) snprintf(d.timestamp, sizeof(d.timestamp), "TIMESTAMP");
                diagnosis_write_texts(&d);
                ck_assert_msg(strpbrk(d.text, "{}<>") == NULL, "%s", d.text);
                ck_assert_msg(strpbrk(d.advice, "{}<>") == NULL, "%s", d.advice);
                ck_assert_msg(strstr(d.text, "(unknown)") == NULL, "%s", d.text);
                ck_assert_msg(strstr(d.advice, "(unknown)") == NULL, "%s", d.advice);
                ck_assert_msg(strlen(d.text) < sizeof(d.text) - 1, "%s", d.text);
                ck_assert_msg(strlen(d.advice) < sizeof(d.advice) - 1, "%s", d.advice);
        }
}
END_TEST

/* What the network does, a captive portal among it, says nothing of the identity. */
START_TEST(nothing_below_mqtt_is_a_refusal_of_the_identity) {
        for (Problem p = PROBLEM_NONE + 1; p < _PROBLEM_MAX; p++) {
                const ProblemInfo *info = problem_get_info(p);

                if (info->layer < LAYER_NAME || info->layer > LAYER_WEBSOCKET || p == PROBLEM_TRUST_FILE ||
                    p == PROBLEM_OWN_CERTIFICATE_REFUSED || p == PROBLEM_OWN_CERTIFICATE_EXPIRED)
                        continue;
                ck_assert_msg(info->error_class == AZ_ERROR_CLASS_NETWORK, "%s", info->word);
                ck_assert_int_eq(az_error_class_of_hub_loss(info->loss, 0), AZ_ERROR_CLASS_NETWORK);
        }
}
END_TEST

/* Attempts -------------------------------------------------------------------------------------------- */

static const struct {
        MqttProblem problem;
        MqttStage stage;
        int error;
        const char *word;
        Layer layer;
        const char *text, *advice;
        bool is_proxied;
        int http_status;
} attempts[] = {
        { MQTT_PROBLEM_LOCAL, MQTT_STAGE_TCP, -EMFILE, "local", LAYER_DEVICE, "words of the link",
          "systemctl" },
        { MQTT_PROBLEM_IDENTITY_FILE, MQTT_STAGE_IDENTITY, -EKEYREJECTED, "identity-file", LAYER_IDENTITY,
          "words of the link", "Correct that file" },
        { MQTT_PROBLEM_SECRET_FILE, MQTT_STAGE_IDENTITY, -ENODATA, "identity-file", LAYER_IDENTITY,
          "words of the link", "Correct that file" },
        { MQTT_PROBLEM_TRUST_FILE, MQTT_STAGE_IDENTITY, -ENOENT, "trust-file", LAYER_TLS, "words of the link",
          "TrustedCAFile=" },
        { MQTT_PROBLEM_SIGNING, MQTT_STAGE_SIGN, -EIO, "signing", LAYER_IDENTITY, "words of the link",
          "key" },
        { MQTT_PROBLEM_TIMEOUT, MQTT_STAGE_SIGN, -ETIMEDOUT, "signing", LAYER_IDENTITY, "did not sign",
          "key" },
        { MQTT_PROBLEM_NAME_UNKNOWN, MQTT_STAGE_NAME, -ENOENT, "name-unknown", LAYER_NAME, "'hub.example'",
          "moved or deleted" },
        { MQTT_PROBLEM_NAME_SERVER, MQTT_STAGE_NAME, -EAGAIN, "name-server", LAYER_NAME, "'hub.example'",
          "/etc/resolv.conf" },
        { MQTT_PROBLEM_UNREACHABLE, MQTT_STAGE_TCP, -ENETUNREACH, "no-route", LAYER_ROUTE,
          "192.0.2.7:8883: Network is unreachable", "ip route" },
        { MQTT_PROBLEM_REFUSED, MQTT_STAGE_TCP, -ECONNREFUSED, "tcp-refused", LAYER_TCP,
          "connection refused by 192.0.2.7:8883", "8883" },
        { MQTT_PROBLEM_RESET, MQTT_STAGE_TCP, -ECONNRESET, "tcp-reset", LAYER_TCP, "hub 'hub.example'",
          "websocket" },
        { MQTT_PROBLEM_TIMEOUT, MQTT_STAGE_TCP, -ETIMEDOUT, "tcp-timeout", LAYER_TCP, "192.0.2.7:8883",
          "firewall" },
        { MQTT_PROBLEM_RESET, MQTT_STAGE_TLS, -ECONNRESET, "tls-reset", LAYER_TLS, "TLS handshake",
          "firewall" },
        { MQTT_PROBLEM_TIMEOUT, MQTT_STAGE_TLS, -ETIMEDOUT, "tls-timeout", LAYER_TLS, "TLS handshake in time",
          "TLSTimeoutSec=" },
        { MQTT_PROBLEM_NOT_TLS, MQTT_STAGE_TLS, -EPROTO, "not-tls", LAYER_TLS, "does not speak TLS",
          "login page" },
        { MQTT_PROBLEM_NOT_TLS_BUT_HTTP, MQTT_STAGE_TLS, -EPROTO, "captive-portal", LAYER_TLS, "a web server",
          "Log in to the network" },
        { MQTT_PROBLEM_TLS_PROTOCOL, MQTT_STAGE_TLS, -EPROTO, "tls-protocol", LAYER_TLS, "words of the link",
          "TLS 1.2" },
        { MQTT_PROBLEM_CERTIFICATE_UNTRUSTED, MQTT_STAGE_TLS, -EKEYREJECTED, "certificate-untrusted",
          LAYER_TLS, "subject CN=portal.example, issuer CN=Portal CA", "not to blame" },
        { MQTT_PROBLEM_CERTIFICATE_SELF_SIGNED, MQTT_STAGE_TLS, -EKEYREJECTED, "certificate-self-signed",
          LAYER_TLS, "subject CN=portal.example, issuer CN=Portal CA", "not to blame" },
        { MQTT_PROBLEM_CERTIFICATE_NAME, MQTT_STAGE_TLS, -EKEYREJECTED, "certificate-name", LAYER_TLS,
          "subject CN=portal.example", "not to blame" },
        { MQTT_PROBLEM_CERTIFICATE_EXPIRED, MQTT_STAGE_TLS, -EKEYREJECTED, "certificate-expired", LAYER_TLS,
          "valid until 2026-11-01T00:00:00Z, and the clock of this device says 2026-11-22T18:48:00Z",
          "clock first" },
        { MQTT_PROBLEM_CERTIFICATE_NOT_YET_VALID, MQTT_STAGE_TLS, -EKEYREJECTED, "certificate-not-yet-valid",
          LAYER_TLS, "valid from 2026-01-01T00:00:00Z, and the clock of this device says", "Set the clock" },
        { MQTT_PROBLEM_CLIENT_CERTIFICATE, MQTT_STAGE_TLS, -EKEYREJECTED, "own-certificate-refused",
          LAYER_TLS, "refused the certificate of this device", "intermediate" },
        { MQTT_PROBLEM_WEBSOCKET_REFUSED, MQTT_STAGE_WEBSOCKET, -EPROTO, "websocket-refused", LAYER_WEBSOCKET,
          "HTTP status 403", "Transports=mqtt", .http_status = 403 },
        { MQTT_PROBLEM_WEBSOCKET_ANSWER, MQTT_STAGE_WEBSOCKET, -EPROTO, "websocket-answer", LAYER_WEBSOCKET,
          "does not speak WebSocket", "in between" },
        { MQTT_PROBLEM_TIMEOUT, MQTT_STAGE_WEBSOCKET, -ETIMEDOUT, "websocket-timeout", LAYER_WEBSOCKET,
          "in time", "firewall" },
        { MQTT_PROBLEM_RESET, MQTT_STAGE_WEBSOCKET, -ECONNRESET, "websocket-reset", LAYER_WEBSOCKET, "broken",
          "firewall" },
        { MQTT_PROBLEM_NAME_UNKNOWN, MQTT_STAGE_NAME, -ENOENT, "proxy-name", LAYER_PROXY,
          "proxy 'proxy.example:3128'", "Proxy=", .is_proxied = true },
        { MQTT_PROBLEM_REFUSED, MQTT_STAGE_TCP, -ECONNREFUSED, "proxy-unreachable", LAYER_PROXY,
          "proxy 'proxy.example:3128' cannot be reached: Connection refused", "Proxy=", .is_proxied = true },
        { MQTT_PROBLEM_TIMEOUT, MQTT_STAGE_TCP, -ETIMEDOUT, "proxy-timeout", LAYER_PROXY,
          "proxy 'proxy.example:3128'", "Proxy=", .is_proxied = true },
        { MQTT_PROBLEM_TIMEOUT, MQTT_STAGE_PROXY, -ETIMEDOUT, "proxy-timeout", LAYER_PROXY,
          "proxy 'proxy.example:3128'", "Proxy=", .is_proxied = true },
        { MQTT_PROBLEM_PROXY_AUTHENTICATION, MQTT_STAGE_PROXY, -EACCES, "proxy-authentication", LAYER_PROXY,
          "407", "ProxyCredentialFile=", .is_proxied = true, .http_status = 407 },
        { MQTT_PROBLEM_PROXY_REFUSED, MQTT_STAGE_PROXY, -EACCES, "proxy-refused", LAYER_PROXY,
          "'hub.example' port 8883 (HTTP status 403)", "allow CONNECT", .is_proxied = true,
          .http_status = 403 },
        { MQTT_PROBLEM_PROXY_ANSWER, MQTT_STAGE_PROXY, -EPROTO, "proxy-answer", LAYER_PROXY, "no HTTP proxy",
          "Proxy=", .is_proxied = true },
        { MQTT_PROBLEM_CERTIFICATE_UNTRUSTED, MQTT_STAGE_TLS, -EKEYREJECTED, "certificate-untrusted",
          LAYER_TLS, "CN=portal.example", "not to blame", .is_proxied = true },
};

START_TEST(an_attempt_that_failed_is_named) {
        DiagnosisContext context = context_of(CLOUD_HUB);
        MqttReport report = {
                .problem = attempts[_i].problem,
                .stage = attempts[_i].stage,
                .address = "192.0.2.7:8883",
                .server = server,
                .http_status = attempts[_i].http_status,
        };
        Diagnosis d;

        context.proxy = attempts[_i].is_proxied ? "proxy.example:3128" : NULL;
        diagnosis_from_open_failed(&d, &context, &report, attempts[_i].error, "words of the link");
        check(&d, attempts[_i].word, attempts[_i].layer, attempts[_i].text, attempts[_i].advice, NULL);
        ck_assert_str_eq(d.host, "hub.example");
        ck_assert_str_eq(d.transport, "mqtt");
        ck_assert_uint_eq(d.realtime_us, (uint64_t) NOW_S * USEC_PER_SEC);
}
END_TEST

/* Of what there is without a network, this is the reason; who answers is on this machine, or in between. */
static const struct {
        MqttProblem problem;
        MqttStage stage;
        const char *nothing, *links, *out;
} reaches[] = {
        { MQTT_PROBLEM_NAME_SERVER, MQTT_STAGE_NAME, "no-network", "no-route", "name-server" },
        { MQTT_PROBLEM_NAME_UNKNOWN, MQTT_STAGE_NAME, "no-network", "name-unknown", "name-unknown" },
        { MQTT_PROBLEM_UNREACHABLE, MQTT_STAGE_TCP, "no-network", "no-route", "no-route" },
        { MQTT_PROBLEM_TIMEOUT, MQTT_STAGE_TCP, "no-network", "no-route", "tcp-timeout" },
        { MQTT_PROBLEM_REFUSED, MQTT_STAGE_TCP, "tcp-refused", "tcp-refused", "tcp-refused" },
        { MQTT_PROBLEM_NOT_TLS, MQTT_STAGE_TLS, "not-tls", "not-tls", "not-tls" },
};

START_TEST(without_a_network_there_is_no_name_and_no_way) {
        const char *const words[_NETWORK_REACH_MAX] = {
                [NETWORK_REACHES_NOTHING] = reaches[_i].nothing,
                [NETWORK_REACHES_LINKS] = reaches[_i].links,
                [NETWORK_REACHES_OUT] = reaches[_i].out,
        };
        DiagnosisContext context = context_of(CLOUD_HUB);
        MqttReport report = { .problem = reaches[_i].problem, .stage = reaches[_i].stage };
        Diagnosis d;

        for (NetworkReach reach = 0; reach < _NETWORK_REACH_MAX; reach++) {
                context.reach = reach;
                diagnosis_from_open_failed(&d, &context, &report, 0, "");
                ck_assert_str_eq(problem_to_string(d.problem), words[reach]);
        }
}
END_TEST

START_TEST(each_problem_of_an_attempt_has_a_row) {
        for (int problem = MQTT_PROBLEM_NONE + 1; problem < _MQTT_PROBLEM_MAX; problem++) {
                bool is_found = problem == MQTT_PROBLEM_TIMEOUT;

                for (size_t i = 0; i < ELEMENTSOF(attempts); i++)
                        is_found = is_found || (int) attempts[i].problem == problem;
                ck_assert_msg(is_found, "%s", mqtt_problem_to_string((MqttProblem) problem));
        }
}
END_TEST

START_TEST(a_certificate_of_ours_that_has_expired_is_to_blame_for_its_refusal) {
        DiagnosisContext context = context_of(CLOUD_HUB);
        az_hub_event refused = { .type = AZ_HUB_EVENT_LOST,
                                 .as.lost = { .loss = AZ_HUB_LOSS_REFUSED, .connack_code = 5 } };
        MqttReport report = { .problem = MQTT_PROBLEM_CLIENT_CERTIFICATE,
                              .stage = MQTT_STAGE_TLS,
                              .own = server };
        Diagnosis d;

        diagnosis_from_open_failed(&d, &context, &report, -EKEYREJECTED, "");
        check(&d, "own-certificate-expired", LAYER_TLS, "until 2026-11-01T00:00:00Z",
              "CertificateFile=", NULL);

        context.report = &report;
        context.is_open = true;
        ck_assert(diagnosis_from_hub_loss(&d, &context, &refused));
        check(&d, "own-certificate-expired", LAYER_TLS, "CN=portal.example", "CertificateFile=", NULL);

        report.own.not_after_s = NOW_S + 1;
        ck_assert(diagnosis_from_hub_loss(&d, &context, &refused));
        check(&d, "not-authorized", LAYER_CONNACK, "CONNACK 5", "certificate", NULL);
}
END_TEST

/* Connections ----------------------------------------------------------------------------------------- */

static const struct {
        MqttLost cause;
        int error;
        bool is_accepted;
        const char *word;
        Layer layer;
        const char *text, *advice;
} ends[] = {
        { MQTT_LOST_CLOSED, 0, true, "closed", LAYER_LINK, "closed the connection", "by itself" },
        { MQTT_LOST_CLOSED, 0, false, "connack-closed", LAYER_CONNACK, "instead of an answer", "overloaded" },
        { MQTT_LOST_NETWORK, -ECONNRESET, true, "closed", LAYER_LINK, "closed the connection", "by itself" },
        { MQTT_LOST_NETWORK, -ECONNRESET, false, "connack-closed", LAYER_CONNACK, "closed", "by itself" },
        { MQTT_LOST_NETWORK, -EHOSTUNREACH, true, "broken", LAYER_LINK, "No route to host", "network" },
        { MQTT_LOST_NETWORK, -ETIMEDOUT, true, "half-open", LAYER_LINK, "words of the link",
          "KeepAliveSec=" },
        { MQTT_LOST_CLIENT_CERTIFICATE, 0, false, "own-certificate-refused", LAYER_TLS, "words of the link",
          "registered" },
        { MQTT_LOST_CONNACK_TIMEOUT, -ETIMEDOUT, false, "connack-timeout", LAYER_CONNACK, "in time",
          "in between" },
        { MQTT_LOST_PING_TIMEOUT, -ETIMEDOUT, true, "half-open", LAYER_LINK, "without a word",
          "KeepAliveSec=" },
        { MQTT_LOST_PUBACK_TIMEOUT, -ETIMEDOUT, true, "puback-timeout", LAYER_LINK, "throttles",
          "more units" },
        { MQTT_LOST_PROTOCOL, -EPROTO, true, "protocol", LAYER_LINK, "words of the link", "something else" },
        { MQTT_LOST_TOO_LARGE, -EMSGSIZE, true, "too-large", LAYER_LINK, "words of the link",
          "something else" },
        { MQTT_LOST_INTERNAL, -ENOMEM, true, "local", LAYER_DEVICE, "words of the link", "memory" },
};

START_TEST(an_earlier_connection_is_of_no_interest_but_for_our_certificate) {
        const MqttReport report = { .address = "192.0.2.7:8883", .server = server, .own = server };
        DiagnosisContext context = context_of(CLOUD_HUB);
        Diagnosis d;

        context.report = &report;
        diagnosis_make(&d, &context, PROBLEM_OWN_CERTIFICATE_EXPIRES, 0, NULL);
        ck_assert_str_eq(d.address, "");
        ck_assert_str_eq(d.server.subject, "");
        ck_assert_ptr_nonnull(strstr(d.text, "expires at 2026-11-01T00:00:00Z"));

        context.is_open = true;
        diagnosis_make(&d, &context, PROBLEM_CLOSED, 0, NULL);
        ck_assert_str_eq(d.address, "192.0.2.7:8883");
}
END_TEST

START_TEST(a_connection_that_was_lost_is_named) {
        DiagnosisContext context = context_of(CLOUD_HUB);
        Diagnosis d;

        context.is_accepted = ends[_i].is_accepted;
        diagnosis_from_lost(&d, &context, ends[_i].cause, ends[_i].error, "words of the link");
        check(&d, ends[_i].word, ends[_i].layer, ends[_i].text, ends[_i].advice, NULL);
}
END_TEST

static const struct {
        az_hub_loss loss;
        uint8_t code;
        az_hub_session_state from;
        const char *word; /* NULL: somebody else knows */
        Layer layer;
        const char *text, *advice;
} losses[] = {
        { AZ_HUB_LOSS_REFUSED, 1, AZ_HUB_SESSION_CONNECTING, "mqtt-version", LAYER_CONNACK, "CONNACK 1",
          "no IoT Hub" },
        { AZ_HUB_LOSS_REFUSED, 2, AZ_HUB_SESSION_CONNECTING, "device-unknown", LAYER_CONNACK, "CONNACK 2",
          "moved to another hub" },
        { AZ_HUB_LOSS_REFUSED, 3, AZ_HUB_SESSION_CONNECTING, "hub-unavailable", LAYER_CONNACK,
          "not available", "00:00 UTC" },
        { AZ_HUB_LOSS_REFUSED, 4, AZ_HUB_SESSION_CONNECTING, "key-refused", LAYER_CONNACK, "CONNACK 4",
          "2026-11-22T18:48:00Z" },
        { AZ_HUB_LOSS_REFUSED, 5, AZ_HUB_SESSION_CONNECTING, "not-authorized", LAYER_CONNACK, "CONNACK 5",
          "enabled" },
        { AZ_HUB_LOSS_REFUSED, 77, AZ_HUB_SESSION_CONNECTING, "protocol", LAYER_LINK, "hub.example",
          "answer" },
        { AZ_HUB_LOSS_SUBSCRIBE, 0, AZ_HUB_SESSION_SUBSCRIBING, "subscription-refused", LAYER_SUBSCRIPTION,
          "subscription", "basic tier" },
        { AZ_HUB_LOSS_TIMEOUT, 0, AZ_HUB_SESSION_SUBSCRIBING, "subscription-timeout", LAYER_SUBSCRIPTION,
          "in time", "by itself" },
        { AZ_HUB_LOSS_TIMEOUT, 0, AZ_HUB_SESSION_CONNECTING, "connack-timeout", LAYER_CONNACK, "in time",
          "by itself" },
        { AZ_HUB_LOSS_TIMEOUT, 0, AZ_HUB_SESSION_SIGNING, "local", LAYER_DEVICE, "this machine",
          "systemctl" },
        { AZ_HUB_LOSS_DUPLICATE, 0, AZ_HUB_SESSION_LIVE, "duplicate-identity", LAYER_LINK,
          "connects as the same device", "identity of its own" },
        { AZ_HUB_LOSS_CLOCK, 0, AZ_HUB_SESSION_SIGNING, "clock-before-build", LAYER_CLOCK,
          "The clock says 2026-11-22T18:48:00Z", "timedatectl" },
        { AZ_HUB_LOSS_TCP, 0, AZ_HUB_SESSION_CONNECTING, NULL, LAYER_TCP, "", "" },
        { AZ_HUB_LOSS_CLOSED, 0, AZ_HUB_SESSION_LIVE, NULL, LAYER_LINK, "", "" },
};

START_TEST(what_the_hub_session_finds_is_named) {
        DiagnosisContext context = context_of(CLOUD_HUB);
        az_hub_event lost = {
                .type = AZ_HUB_EVENT_LOST,
                .as.lost = { .loss = losses[_i].loss,
                             .connack_code = losses[_i].code,
                             .from = losses[_i].from },
        };
        Diagnosis d;

        ck_assert_int_eq(diagnosis_from_hub_loss(&d, &context, &lost), losses[_i].word != NULL);
        if (losses[_i].word)
                check(&d, losses[_i].word, losses[_i].layer, losses[_i].text, losses[_i].advice, NULL);
}
END_TEST

static const struct {
        Problem problem;
        const char *detail, *text, *advice;
} made[] = {
        { PROBLEM_IDENTITY_MISSING, "Host= is not set", "Host= is not set", "aziotd.conf" },
        { PROBLEM_CLOSED_ON_PUBLISH, "", "when it was sent a message", "set aside" },
        { PROBLEM_HUB_THROTTLES, "", "perhaps it throttles", "in 5 h 12 min" },
        { PROBLEM_QUOTA, "20 minutes",
          "for 20 minutes now; its daily quota is probably used up, until 00:00 UTC, in 5 h 12 min",
          "more units" },
        { PROBLEM_NO_NETWORK, "eth0 is down", "eth0 is down", "cable" },
};

START_TEST(what_is_found_here_is_named) {
        DiagnosisContext context = context_of(CLOUD_HUB);
        Diagnosis d;

        diagnosis_make(&d, &context, made[_i].problem, 0, made[_i].detail);
        check(&d, problem_to_string(made[_i].problem), problem_get_info(made[_i].problem)->layer,
              made[_i].text, made[_i].advice, NULL);
}
END_TEST

/* Provisioning ---------------------------------------------------------------------------------------- */

static const struct {
        az_dps_loss loss;
        az_error_class error_class;
        uint32_t code;
        az_dps_session_state from;
        const char *word; /* NULL: somebody else knows */
        Layer layer;
        const char *text, *advice;
        uint8_t connack_code;
} registrations[] = {
        { AZ_DPS_LOSS_REFUSED, AZ_ERROR_CLASS_CREDENTIAL, 0, AZ_DPS_SESSION_CONNECTING,
          "provisioning-refused", LAYER_CONNACK,
          "provisioning service 'dps.example' refused the connection (CONNACK 5)", "IdScope=", 5 },
        { AZ_DPS_LOSS_REFUSED, AZ_ERROR_CLASS_SERVICE, 0, AZ_DPS_SESSION_CONNECTING,
          "provisioning-unavailable", LAYER_CONNACK, "CONNACK 3", "by itself", 3 },
        { AZ_DPS_LOSS_ANSWER, AZ_ERROR_CLASS_CREDENTIAL, 401002, AZ_DPS_SESSION_REGISTERING,
          "provisioning-unauthorized", LAYER_PROVISIONING,
          "says no (code 401002), tracking id 1234-ABCD, 2026-11-22T18:47:59Z", "clock" },
        { AZ_DPS_LOSS_ANSWER, AZ_ERROR_CLASS_IDENTITY, 404201, AZ_DPS_SESSION_REGISTERING,
          "provisioning-unknown", LAYER_PROVISIONING, "(code 404201), tracking id 1234-ABCD",
          "add an enrollment" },
        { AZ_DPS_LOSS_ANSWER, AZ_ERROR_CLASS_THROTTLED, 429001, AZ_DPS_SESSION_REGISTERING,
          "provisioning-throttled", LAYER_PROVISIONING, "asked too often", "by itself" },
        { AZ_DPS_LOSS_ANSWER, AZ_ERROR_CLASS_CALLER, 400012, AZ_DPS_SESSION_REGISTERING,
          "provisioning-request", LAYER_PROVISIONING, "(code 400012)", "PayloadFile=" },
        { AZ_DPS_LOSS_ANSWER, AZ_ERROR_CLASS_SERVICE, 500001, AZ_DPS_SESSION_POLLING, "provisioning-error",
          LAYER_PROVISIONING, "tracking id 1234-ABCD", "Microsoft's support" },
        { AZ_DPS_LOSS_ASSIGNMENT, AZ_ERROR_CLASS_SERVICE, 400207, AZ_DPS_SESSION_POLLING,
          "provisioning-webhook", LAYER_PROVISIONING, "custom allocation", "function" },
        { AZ_DPS_LOSS_ASSIGNMENT, AZ_ERROR_CLASS_IDENTITY, 400208, AZ_DPS_SESSION_POLLING,
          "provisioning-no-hub", LAYER_PROVISIONING, "no hub", "Link a hub" },
        { AZ_DPS_LOSS_ASSIGNMENT, AZ_ERROR_CLASS_IDENTITY, 400209, AZ_DPS_SESSION_POLLING,
          "provisioning-hub-not-linked", LAYER_PROVISIONING, "may not register", "anew" },
        { AZ_DPS_LOSS_DISABLED, AZ_ERROR_CLASS_FORBIDDEN, 0, AZ_DPS_SESSION_POLLING, "provisioning-disabled",
          LAYER_PROVISIONING, "is disabled", "Enable it" },
        { AZ_DPS_LOSS_DEADLINE, AZ_ERROR_CLASS_TIMEOUT, 0, AZ_DPS_SESSION_POLLING, "provisioning-timeout",
          LAYER_PROVISIONING, "in time", "custom allocation" },
        { AZ_DPS_LOSS_TIMEOUT, AZ_ERROR_CLASS_TIMEOUT, 0, AZ_DPS_SESSION_REGISTERING, "provisioning-timeout",
          LAYER_PROVISIONING, "in time", "by itself" },
        { AZ_DPS_LOSS_TIMEOUT, AZ_ERROR_CLASS_NETWORK, 0, AZ_DPS_SESSION_CONNECTING, "connack-timeout",
          LAYER_CONNACK, "provisioning service 'dps.example'", "by itself" },
        { AZ_DPS_LOSS_TIMEOUT, AZ_ERROR_CLASS_TIMEOUT, 0, AZ_DPS_SESSION_SUBSCRIBING, "subscription-timeout",
          LAYER_SUBSCRIPTION, "in time", "by itself" },
        { AZ_DPS_LOSS_TIMEOUT, AZ_ERROR_CLASS_LOCAL, 0, AZ_DPS_SESSION_SIGNING, "local", LAYER_DEVICE,
          "this machine", "systemctl" },
        { AZ_DPS_LOSS_SUBSCRIBE, AZ_ERROR_CLASS_FORBIDDEN, 0, AZ_DPS_SESSION_SUBSCRIBING,
          "subscription-refused", LAYER_SUBSCRIPTION, "refused a subscription", "" },
        { AZ_DPS_LOSS_CLOCK, AZ_ERROR_CLASS_LOCAL, 0, AZ_DPS_SESSION_SIGNING, "clock-before-build",
          LAYER_CLOCK, "The clock says", "timedatectl" },
        { AZ_DPS_LOSS_TLS, AZ_ERROR_CLASS_NETWORK, 0, AZ_DPS_SESSION_CONNECTING, NULL, LAYER_TLS, "", "" },
        { AZ_DPS_LOSS_PROTOCOL, AZ_ERROR_CLASS_PROTOCOL, 0, AZ_DPS_SESSION_CONNECTING, NULL, LAYER_LINK, "",
          "" },
};

START_TEST(what_provisioning_finds_is_named) {
        DiagnosisContext context = context_of(CLOUD_PROVISIONING);
        az_dps_error error = {
                .loss = registrations[_i].loss,
                .error_class = registrations[_i].error_class,
                .connack_code = registrations[_i].connack_code,
                .code = registrations[_i].code,
                .message = AZ_SPAN_FROM_STR("DPS says no"),
                .tracking_id = AZ_SPAN_FROM_STR("1234-ABCD"),
                .timestamp = AZ_SPAN_FROM_STR("2026-11-22T18:47:59Z"),
        };
        Diagnosis d;

        ck_assert_int_eq(diagnosis_from_dps_error(&d, &context, &error, registrations[_i].from),
                         registrations[_i].word != NULL);
        if (registrations[_i].word)
                check(&d, registrations[_i].word, registrations[_i].layer, registrations[_i].text,
                      registrations[_i].advice, "DeviceId=");
}
END_TEST

START_TEST(what_the_service_says_can_be_shown_on_a_terminal) {
        DiagnosisContext context = context_of(CLOUD_PROVISIONING);
        az_dps_error error = { .loss = AZ_DPS_LOSS_ANSWER,
                               .error_class = AZ_ERROR_CLASS_SERVICE,
                               .message = AZ_SPAN_FROM_STR("\x1b[2J\xff") };
        Diagnosis d;

        ck_assert(diagnosis_from_dps_error(&d, &context, &error, AZ_DPS_SESSION_POLLING));
        ck_assert_str_eq(d.message, "?[2J?");
}
END_TEST

START_TEST(a_run_of_provisioning_is_told_of_each_problem) {
        for (Problem p = PROBLEM_NONE + 1; p < PROBLEM_CREDENTIALS_ROLLED_BACK; p++) {
                az_dps_loss loss = problem_to_dps_loss(p);

                ck_assert_msg(loss == AZ_DPS_LOSS_SIGNING || loss == AZ_DPS_LOSS_NAME ||
                                      loss == AZ_DPS_LOSS_TCP || loss == AZ_DPS_LOSS_TLS ||
                                      loss == AZ_DPS_LOSS_TIMEOUT || loss == AZ_DPS_LOSS_CLOSED ||
                                      loss == AZ_DPS_LOSS_KEEP_ALIVE || loss == AZ_DPS_LOSS_PROTOCOL,
                              "%s", problem_to_string(p));
        }
}
END_TEST

static Suite *diagnosis_suite(void) {
        Suite *s = suite_create("diagnosis");
        TCase *t = tcase_create("table");

        tcase_add_test(t, each_problem_has_a_word_a_sentence_and_advice);
        tcase_add_test(t, words_are_told_apart);
        tcase_add_test(t, all_values_of_a_text_are_known);
        tcase_add_test(t, nothing_below_mqtt_is_a_refusal_of_the_identity);
        suite_add_tcase(s, t);

        t = tcase_create("makers");
        tcase_add_loop_test(t, an_attempt_that_failed_is_named, 0, ELEMENTSOF(attempts));
        tcase_add_loop_test(t, without_a_network_there_is_no_name_and_no_way, 0, ELEMENTSOF(reaches));
        tcase_add_test(t, each_problem_of_an_attempt_has_a_row);
        tcase_add_test(t, a_certificate_of_ours_that_has_expired_is_to_blame_for_its_refusal);
        tcase_add_test(t, an_earlier_connection_is_of_no_interest_but_for_our_certificate);
        tcase_add_loop_test(t, a_connection_that_was_lost_is_named, 0, ELEMENTSOF(ends));
        tcase_add_loop_test(t, what_the_hub_session_finds_is_named, 0, ELEMENTSOF(losses));
        tcase_add_loop_test(t, what_is_found_here_is_named, 0, ELEMENTSOF(made));
        tcase_add_loop_test(t, what_provisioning_finds_is_named, 0, ELEMENTSOF(registrations));
        tcase_add_test(t, what_the_service_says_can_be_shown_on_a_terminal);
        tcase_add_test(t, a_run_of_provisioning_is_told_of_each_problem);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(diagnosis_suite)
