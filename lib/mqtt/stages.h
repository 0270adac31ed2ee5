/* SPDX-License-Identifier: MIT */
#pragma once

/* What the worker of an attempt does. */

#include <mqtt/attempt.h>

/* Runs one stage after another, up to the last one that the attempt has. Negative: 'a->result' says why. */
int mqtt_stages_run(MqttAttempt *a);
