/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who is connecting to the provisioning service, and may they? Client id, user name and SAS token or
 * certificate of a CONNECT. No I/O; the time is an argument.
 *
 * Source: "Communicate with DPS using the MQTT protocol", "Symmetric key attestation" and "X.509 certificate
 * attestation".
 */

#include "hubsim/enrollment.h"
#include "hubsim/mqtt-codec.h"

/* "{idScope}/registrations/{registrationId}/api-version={version}[&...]", without the '?' of a hub's. */
typedef struct DpsUserName {
        az_span scope, registration_id, api_version;
} DpsUserName;

int dps_user_name_parse(az_span user_name, DpsUserName *ret);

/* Is it meant for the service, right or wrong, and not for a hub with these names (ended by NULL)? */
bool dps_is_meant(const MqttConnect *connect, const char *const *hosts);

typedef struct DpsVerdict {
        MqttConnackCode code;
        unsigned error;                             /* six digits for the log, 0 if accepted */
        const char *reason;                         /* for the log */
        char registration_id[REGISTRATION_ID_SIZE]; /* accepted: who it is ... */
        const Enrollment *enrollment;               /* ... by which enrollment ... */
        uint64_t expiry_s;                          /* ... and when the token ends; 0: it has a certificate */
        bool has_no_policy;                         /* accepted: its token has no skn */
} DpsVerdict;

DpsVerdict dps_auth_check(const Enrollments *enrollments, const MqttConnect *connect,
                          const PeerCertificate *peer, uint64_t now_s);
