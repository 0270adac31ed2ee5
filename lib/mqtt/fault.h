/* SPDX-License-Identifier: MIT */
#pragma once

/* What all files here share: why a connection is lost, and time limits. */

#include <mqtt/link.h>

#include "util/util.h"

/* Fits a sentence with a host name of 253 characters. */
#define MQTT_TEXT_MAX 320U

/* Of a reason string, which may have 65535 bytes. */
#define MQTT_REASON_MAX 160U

/* Filled in by whoever notices, delivered once as MQTT_EVENT_LOST. */
typedef struct MqttFault {
        MqttLost cause;
        int error;
        char text[MQTT_TEXT_MAX];
        bool is_puback_owed; /* set by mqtt_connection_run() */
        /* The server's own words; 0 and "": it said nothing. */
        uint8_t reason_code;
        char reason_string[MQTT_REASON_MAX];
} MqttFault;

/* Fills 'f' in and returns 'error' (negative) for the caller to pass on. */
_printf_(4, 5) int mqtt_fault_set(MqttFault *f, MqttLost cause, int error, const char *format, ...);

/* The same with a reason code of MQTT 5 and its string, which may be empty: they come behind 'what'. */
int mqtt_fault_set_reason(MqttFault *f, MqttLost cause, int error, const char *what, uint8_t reason_code,
                          az_span reason_string);

/* A configured time limit, 0 meaning the default. */
_unused_ static inline uint64_t mqtt_timeout_or(uint64_t timeout_us, unsigned default_s) {
        return timeout_us != 0 ? timeout_us : default_s * USEC_PER_SEC;
}

/* For texts. */
_unused_ static inline double mqtt_seconds(uint64_t us) {
        return (double) us / (double) USEC_PER_SEC;
}
