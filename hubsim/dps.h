/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The provisioning service: a device registers, asks what has become of that, and is told which hub it is
 * assigned to; assigned to this one, it is in the registry then, with the same keys or with its certificate.
 *
 * Source: "Device - Register Device" and "Device - Operation Status Lookup" of the service's REST reference.
 */

#include "hubsim/enrollment.h"
#include "hubsim/hub.h"
#include "ipc/json.h"

/* Who is connected. */
typedef struct DpsIdentity {
        char registration_id[REGISTRATION_ID_SIZE];
        char enrollment[REGISTRATION_ID_SIZE]; /* which may have gone meanwhile */
        const X509 *certificate;               /* NULL: it has keys */
} DpsIdentity;

typedef struct DpsAnswer {
        uint64_t time_us; /* when it is given, by the hub's clock */
        unsigned status;
        bool has_retry_after;
        uint64_t retry_after_s;
        IpcJson body;
} DpsAnswer;

void dps_answer_done(DpsAnswer *answer);

/* What an error is answered by; it is logged, too. */
int dps_answer_error(DpsAnswer *answer, const DpsIdentity *who, unsigned code, const char *message);

/* The same for one that comes too often, and how long it has to wait. */
int dps_answer_throttled(DpsAnswer *answer, const DpsIdentity *who, uint64_t wait_us, const char *message);

/* Begins an operation, in place of the one that there was; 'text' is the body that the device sent. */
int dps_register(Hub *hub, const DpsIdentity *who, az_span text, uint64_t now_us, DpsAnswer *answer);

/* Says how far the operation is, and ends it when it has been asked for often enough. */
int dps_poll(Hub *hub, const DpsIdentity *who, az_span operation_id, uint64_t now_us, DpsAnswer *answer);

/* Appends the state of a registration as the service writes it, with the certificate if it is there (NULL).
 */
void dps_format_state(const Enrollment *enrollment, const Registration *registration, const X509 *certificate,
                      const char *name, IpcJson *json);

/* "Endpoint=...;IdScope=...;RegistrationId=...;SharedAccessKey=...": what a device of the enrollment needs,
 * or "x509=true" for one with a certificate; for a group without a device (NULL) "EnrollmentGroup=..." and
 * the key of the group. To be freed; NULL: out of memory. */
char *dps_format_connection_string(const Hub *hub, const Enrollment *enrollment, const char *registration_id);
