/* SPDX-License-Identifier: MIT */
#pragma once

/* Turns a message to a telemetry topic into its line of the journal. */

#include "hubsim/journal.h"
#include "hubsim/mqtt-codec.h"

typedef struct Telemetry {
        const char *device;
        az_span properties; /* the bag of the topic */
        MqttMessage message;
        bool dup, is_will;
} Telemetry;

/*
 * Adds it to the journal and returns how large it is, as the hub reckons. -EBADMSG: its properties would cost
 * the device its connection; -EMSGSIZE: body and properties have more than 256 KiB together.
 */
int telemetry_store(Journal *journal, const Telemetry *telemetry);

/* Would telemetry_store() take these properties? */
bool telemetry_properties_are_valid(az_span properties);
