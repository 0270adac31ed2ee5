/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who is connecting, and may they? Client id, user name, and SAS token or certificate of a CONNECT, judged as
 * IoT Hub does. No I/O; the time is an argument.
 *
 * Source: "Communicate with an IoT hub using the MQTT protocol", "Control access to IoT Hub by using shared
 * access signatures" and "Authenticate identities with X.509 certificates".
 */

#include "hubsim/mqtt-codec.h"
#include "hubsim/registry.h"
#include "hubsim/sas-token.h"
#include "util/util.h"

/* "{host}/{device}[/{module}]/?api-version={version}&…" */
typedef struct UserName {
        az_span host, device, module;
        az_span api_version; /* empty if there is none */
} UserName;

int user_name_parse(az_span user_name, UserName *ret);

/* Is it one of our names, in whatever case, with or without a port? 'hosts' ends with NULL. */
bool host_is_ours(az_span host, const char *const *hosts);

/* Does the resource name this device of this hub, or a whole-segment prefix of it? 'hosts', its names, ends
 * with NULL. */
bool sas_token_covers(const SasToken *token, const char *const *hosts, az_span device);

typedef struct Verdict {
        MqttConnackCode code;
        unsigned error;       /* IoT Hub's six digits for the log, 0 if accepted */
        const char *reason;   /* for the log */
        Device *device;       /* accepted: who it is */
        uint64_t expiry_s;    /* accepted: when the token ends; 0: there is none */
        bool has_api_version; /* accepted: its user name has one; without, there is no twin */
} Verdict;

Verdict auth_check(const Registry *registry, const char *const *hosts, const MqttConnect *connect,
                   const PeerCertificate *peer, uint64_t now_s);
