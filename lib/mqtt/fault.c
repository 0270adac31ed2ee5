/* SPDX-License-Identifier: MIT */

#include <mqtt/fault.h>

#include <stdarg.h>

#include <mqtt/text.h>

int mqtt_fault_set(MqttFault *f, MqttLost cause, int error, const char *format, ...) {
        va_list arguments;

        f->cause = cause;
        f->error = error;
        f->reason_code = 0;
        f->reason_string[0] = '\0';
        va_start(arguments, format);
        (void) vsnprintf(f->text, sizeof(f->text), format, arguments);
        va_end(arguments);
        return error;
}

int mqtt_fault_set_reason(MqttFault *f, MqttLost cause, int error, const char *what, uint8_t reason_code,
                          az_span reason_string) {
        char words[MQTT_REASON_MAX];

        mqtt_text_copy(reason_string, words, sizeof(words));
        (void) mqtt_fault_set(f, cause, error, "%s: %s (0x%02x)%s%s", what,
                              mqtt_reason_to_string(reason_code), reason_code, words[0] != '\0' ? ": " : "",
                              words);
        f->reason_code = reason_code;
        memcpy(f->reason_string, words, sizeof(words));
        return error;
}

const char *mqtt_lost_to_string(MqttLost lost) {
        static const char *const names[_MQTT_LOST_MAX] = {
                [MQTT_LOST_ASKED] = "asked",
                [MQTT_LOST_CLOSED] = "closed",
                [MQTT_LOST_NETWORK] = "network",
                [MQTT_LOST_REFUSED] = "refused",
                [MQTT_LOST_CLIENT_CERTIFICATE] = "client-certificate",
                [MQTT_LOST_CONNACK_TIMEOUT] = "connack-timeout",
                [MQTT_LOST_PING_TIMEOUT] = "ping-timeout",
                [MQTT_LOST_PUBACK_TIMEOUT] = "puback-timeout",
                [MQTT_LOST_PROTOCOL] = "protocol",
                [MQTT_LOST_TOO_LARGE] = "too-large",
                [MQTT_LOST_DISCONNECT] = "disconnect",
                [MQTT_LOST_SECOND_CONNACK] = "second-connack",
                [MQTT_LOST_INTERNAL] = "internal",
        };

        return (unsigned) lost < _MQTT_LOST_MAX ? names[lost] : NULL;
}
