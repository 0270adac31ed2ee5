/* SPDX-License-Identifier: MIT */
#pragma once

/* Where the sensors of the example send to. */
#define TELEMETRY_TOPIC "sensors/{sensorId}/temperature"
