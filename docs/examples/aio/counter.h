/* SPDX-License-Identifier: MIT */
#pragma once

/* The commands of the counter, as the samples of the Azure IoT Operations SDKs have them. */
#define COUNTER_TOPIC "rpc/command-samples/{executorId}/{commandName}"

/* {"IncrementValue":1} → {"CounterResponse":42}; of the others the request has no payload. */
#define COUNTER_INCREMENT "increment"
#define COUNTER_READ      "readCounter"
#define COUNTER_RESET     "reset"
