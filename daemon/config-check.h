/* SPDX-License-Identifier: MIT */
#pragma once

/* What can be wrong with a configuration of which each value is right by itself. */

#include "daemon/config.h"
#include "daemon/credential.h"
#include "daemon/enrollment.h"

/*
 * Adds a message for each key that contradicts another, or that does nothing without it. 'directory' is
 * $CREDENTIALS_DIRECTORY, or NULL. 0 or -ENOMEM.
 */
int config_check_keys(const Config *c, const char *directory, ConfigMessages *messages);

/* Who the device is, as far as that could be read. */
typedef struct ConfigIdentity {
        Credential credential;
        Enrollment enrollment; /* of a device that is provisioned */
} ConfigIdentity;

#define CONFIG_IDENTITY_NULL \
        ((ConfigIdentity){ .credential = CREDENTIAL_NULL, .enrollment = ENROLLMENT_NULL })

void config_identity_done(ConfigIdentity *identity);

/*
 * Reads the files that are named, as the link will, and adds a message with the key and its place for what is
 * wrong with them. 'ret' is NULL: no identity is looked for, since there need not be one yet. 0 or -ENOMEM.
 */
int config_check_files(const Config *c, const char *directory, ConfigIdentity *ret, ConfigMessages *messages);
