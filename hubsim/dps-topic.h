/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a device may say to the provisioning service: the topics that it knows, and the body of a
 * registration. Pure functions over spans.
 *
 * Source: "Communicate with DPS using the MQTT protocol" and "Device - Register Device" of its REST
 * reference.
 */

#include <azure/core/az_span.h>

#include "util/util.h"

/* The only filter that may be subscribed to. */
#define DPS_FILTER "$dps/registrations/res/#"

/* "A case-insensitive string (up to 128 characters long)", and NUL. */
#define REGISTRATION_ID_SIZE 129U

/* "The maximum message size is 96 KB." */
#define DPS_BODY_MAX (96U * 1024U)

/* A topic that a device published to; the parts point into it. */
typedef struct DpsTopic {
        bool is_poll;         /* asks for the status of an operation; otherwise it registers */
        az_span request_id;   /* as it came, never empty */
        az_span operation_id; /* of a poll: as it came, never empty */
} DpsTopic;

/* -EBADMSG: not a topic of the service; close the connection. */
int dps_topic_parse(az_span topic, DpsTopic *ret);

/* The body of a registration. */
typedef struct DpsBody {
        char registration_id[REGISTRATION_ID_SIZE]; /* in lower case */
        az_span payload;                            /* any JSON, byte for byte; empty if there is none */
        bool has_csr;                               /* it asks for a certificate */
} DpsBody;

/* -EBADMSG: not a JSON object with a registration id that can be one. */
int dps_body_parse(az_span text, DpsBody *ret);

/*
 * Copies a registration id in lower case, in which ids are compared. False: it is none. "Valid characters:
 * alphanumeric, '-', '.', '_', ':'. The last character must be alphanumeric or '-'."
 */
bool registration_id_parse(az_span text, char ret[static REGISTRATION_ID_SIZE]);
