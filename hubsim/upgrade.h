/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The HTTP request with which a client asks for a WebSocket, and what it is answered. No I/O.
 *
 * Source: RFC 6455, "The WebSocket Protocol", 4.2; MQTT 3.1.1, 6; "Communicate with an IoT hub using the MQTT
 * protocol".
 */

#include <azure/core/az_span.h>

#include "hubsim/buffer.h"

/* Longer requests are refused. */
#define UPGRADE_MAX 8192U

typedef struct Upgrade {
        unsigned status;          /* of the answer: 101, or why not */
        const char *reason;       /* for the log, NULL: it is granted */
        az_span key;              /* Sec-WebSocket-Key, granted; lives as long as the request */
        bool ignores_certificate; /* "?iothub-no-client-cert=true" */
} Upgrade;

/* Returns how long the request is with its empty line; 0: it is not complete; -EBADMSG: it is no GET. A
 * longer one than UPGRADE_MAX is never complete. */
int upgrade_find_end(az_span text);

/* Judges a whole request; 'hosts', our names, ends with NULL. */
Upgrade upgrade_parse(az_span request, const char *const *hosts);

int upgrade_append_answer(const Upgrade *upgrade, IpcBuffer *out);
