/* SPDX-License-Identifier: MIT */

#include <mqtt/report.h>

#include <stddef.h>

const char *mqtt_stage_to_string(MqttStage stage) {
        static const char *const names[_MQTT_STAGE_MAX] = {
                [MQTT_STAGE_IDENTITY] = "identity",   [MQTT_STAGE_SIGN] = "sign",
                [MQTT_STAGE_NAME] = "name",           [MQTT_STAGE_TCP] = "tcp",
                [MQTT_STAGE_PROXY] = "proxy",         [MQTT_STAGE_TLS] = "tls",
                [MQTT_STAGE_WEBSOCKET] = "websocket",
        };

        return (unsigned) stage < _MQTT_STAGE_MAX ? names[stage] : NULL;
}

const char *mqtt_problem_to_string(MqttProblem problem) {
        static const char *const names[_MQTT_PROBLEM_MAX] = {
                [MQTT_PROBLEM_NONE] = "none",
                [MQTT_PROBLEM_LOCAL] = "local",
                [MQTT_PROBLEM_SIGNING] = "signing",
                [MQTT_PROBLEM_IDENTITY_FILE] = "identity-file",
                [MQTT_PROBLEM_SECRET_FILE] = "secret-file",
                [MQTT_PROBLEM_TRUST_FILE] = "trust-file",
                [MQTT_PROBLEM_NAME_UNKNOWN] = "name-unknown",
                [MQTT_PROBLEM_NAME_SERVER] = "name-server",
                [MQTT_PROBLEM_UNREACHABLE] = "unreachable",
                [MQTT_PROBLEM_REFUSED] = "refused",
                [MQTT_PROBLEM_RESET] = "reset",
                [MQTT_PROBLEM_TIMEOUT] = "timeout",
                [MQTT_PROBLEM_PROXY_AUTHENTICATION] = "proxy-authentication",
                [MQTT_PROBLEM_PROXY_REFUSED] = "proxy-refused",
                [MQTT_PROBLEM_PROXY_ANSWER] = "proxy-answer",
                [MQTT_PROBLEM_NOT_TLS] = "not-tls",
                [MQTT_PROBLEM_NOT_TLS_BUT_HTTP] = "not-tls-but-http",
                [MQTT_PROBLEM_TLS_PROTOCOL] = "tls-protocol",
                [MQTT_PROBLEM_CERTIFICATE_UNTRUSTED] = "certificate-untrusted",
                [MQTT_PROBLEM_CERTIFICATE_SELF_SIGNED] = "certificate-self-signed",
                [MQTT_PROBLEM_CERTIFICATE_NAME] = "certificate-name",
                [MQTT_PROBLEM_CERTIFICATE_EXPIRED] = "certificate-expired",
                [MQTT_PROBLEM_CERTIFICATE_NOT_YET_VALID] = "certificate-not-yet-valid",
                [MQTT_PROBLEM_CLIENT_CERTIFICATE] = "client-certificate",
                [MQTT_PROBLEM_WEBSOCKET_REFUSED] = "websocket-refused",
                [MQTT_PROBLEM_WEBSOCKET_ANSWER] = "websocket-answer",
        };

        return (unsigned) problem < _MQTT_PROBLEM_MAX ? names[problem] : NULL;
}
