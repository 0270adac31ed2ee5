/* SPDX-License-Identifier: MIT */
#pragma once

/* MQTT_STAGE_WEBSOCKET: the server is asked to speak WebSocket (RFC 6455, section 4) inside of TLS. */

#include <mqtt/attempt.h>
#include <mqtt/http.h>

/* Base64 of 16 bytes, and a NUL. */
#define MQTT_UPGRADE_KEY_SIZE 25U

/* True if it can be in a request as it is: "/$iothub/websocket". */
bool mqtt_upgrade_is_path(const char *path);

/* NULL, or what is wrong with the answer to a request with this key, in words. */
const char *mqtt_upgrade_find_fault(const MqttHttpHead *head, const char *key);

/* Asks the server at the other end of the attempt's TLS stream; from then on that carries frames. */
int mqtt_upgrade_ask(MqttAttempt *a);
