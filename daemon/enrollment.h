/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who this device is to the Device Provisioning Service, and what proves it: section [Provisioning]. The same
 * key or certificate proves it to the hub that the service assigns.
 *
 *      KeyFile=         or else the systemd credential "aziotd.provisioning-key": of the device alone
 *      GroupKeyFile=    or else "aziotd.provisioning-group-key": the device's key is made of it
 *      CertificateFile= and what belongs to it in section [Hub]
 */

#include "daemon/assignment.h"
#include "daemon/credential.h"

/* The service takes requests of at most 96 KiB. */
#define ENROLLMENT_PAYLOAD_MAX (64U * 1024U)

typedef struct Enrollment {
        AssignmentOwner owner;
        char *payload; /* the text of a JSON value that is sent along; NULL: none */
} Enrollment;

#define ENROLLMENT_NULL \
        (Enrollment) {  \
        }

/* Whether the device is to be provisioned; if not, its hub and its name are configured. */
bool enrollment_is_configured(const Config *c);

/*
 * Loads what 'c' names. 'credentials_directory' is $CREDENTIALS_DIRECTORY, or NULL. Blocks for as long as
 * reading small files takes.
 *
 * 0: *ret is to be released with enrollment_done(), and *ret_credential, which names neither hub nor device,
 * with credential_done(). CONFIG_INVALID: 'messages' says what is missing or wrong. Returns -ENOMEM.
 */
int enrollment_load(Enrollment *ret, Credential *ret_credential, const Config *c,
                    const char *credentials_directory, ConfigMessages *messages);

void enrollment_done(Enrollment *e);
