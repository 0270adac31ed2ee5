/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The attributes of a cloud-to-device message: from the property bag, as it stands percent-encoded in the
 * topic, to what io.aziotd.messages says. Source: IoT Hub, "Send cloud-to-device messages".
 */

#include <azure/iot/az_iot_hub_client.h>

#include "ipc/field.h"
#include "ipc/limits.h"
#include "util/util.h"

/* A span is absent (pointer NULL) where the bag has no such property. */
typedef struct C2dProperties {
        az_span message_id;
        az_span correlation_id;
        az_span user_id;
        az_span content_type;
        az_span content_encoding;
        az_span expires;
        /* All others but "$.to", as many as a reader of the interface takes; no name twice. */
        IpcMapEntry others[IPC_MAP_MAX];
        size_t n_others;
        size_t n_left_out; /* beyond those */
} C2dProperties;

/* The bag as it was received, a part of the topic. */
az_span c2d_request_get_bag(const az_iot_hub_client_c2d_request *request);

/*
 * Decodes a bag. Of a name that stands twice the first counts; a bare name has the empty value. What is not
 * percent-encoded UTF-8 stays as it is.
 *
 *   scratch  at least as large as the bag
 *
 * Spans of *ret point into 'bag' and 'scratch'.
 */
void c2d_properties_parse(C2dProperties *ret, az_span bag, az_span scratch);
