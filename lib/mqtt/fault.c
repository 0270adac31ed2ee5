/* SPDX-License-Identifier: MIT */

#include <mqtt/fault.h>

#include <stdarg.h>

int mqtt_fault_set(MqttFault *f, MqttLost cause, int error, const char *format, ...) {
        va_list arguments;

        f->cause = cause;
        f->error = error;
        va_start(arguments, format);
        (void) vsnprintf(f->text, sizeof(f->text), format, arguments);
        va_end(arguments);
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
                [MQTT_LOST_INTERNAL] = "internal",
        };

        return (unsigned) lost < _MQTT_LOST_MAX ? names[lost] : NULL;
}
