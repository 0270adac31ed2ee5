/* SPDX-License-Identifier: MIT */
#pragma once

/* MQTT_STAGE_PROXY: an HTTP proxy is asked to connect to the host (CONNECT, RFC 9110). */

#include <mqtt/attempt.h>

/* Makes the value of Proxy-Authorization for Basic authentication, RFC 7617. Wipe it. NULL: out of memory. */
char *mqtt_proxy_basic_new(az_span user, az_span password);

/* Asks the proxy at the other end of the attempt's socket; from then on that is the host's. */
int mqtt_proxy_ask(MqttAttempt *a);
