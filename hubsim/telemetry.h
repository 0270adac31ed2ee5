/* SPDX-License-Identifier: MIT */
#pragma once

/* Turns a message to a telemetry topic into its line of the journal, or counts it. */

#include "hubsim/counts.h"
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

/*
 * The same, but counts it. Its body says who counts there and how far: {"source":"pump","n":17}, at the top
 * of an object, among anything else. Without a source that is "", and a source that is no text of at most
 * COUNTS_SOURCE_MAX bytes is none; n is a whole number of at most 63 bits. -ENOSPC: see counts_add().
 */
int telemetry_count(Counts *counts, const Telemetry *telemetry);

/* Would telemetry_store() take these properties? */
bool telemetry_properties_are_valid(az_span properties);
