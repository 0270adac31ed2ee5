/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Where the provisioning service has sent this device, as the JSON of a state file (state-file.h): with it
 * the device goes straight to its hub when it starts. It says who had asked; whoever is somebody else now
 * does not use it. No I/O.
 */

#include "daemon/state-json.h"
#include "util/util.h"

#define ASSIGNMENT_FILE "assignment"

/* Who asks. */
typedef struct AssignmentOwner {
        char *id_scope;
        char *registration_id; /* in lower case */
        char *fingerprint;     /* of the key or the certificate */
} AssignmentOwner;

/* What is NULL was not said. */
typedef struct Assignment {
        AssignmentOwner owner;
        char *hub;
        uint16_t port; /* 0: not said */
        char *device_id;
        char *substatus;
        char *payload;        /* the text of a JSON value, as it came */
        uint64_t assigned_us; /* CLOCK_REALTIME */
} Assignment;

#define ASSIGNMENT_NULL \
        (Assignment) {  \
        }

void assignment_owner_done(AssignmentOwner *owner);
void assignment_done(Assignment *a);

/* An answer of the service. */
typedef struct AssignmentAnswer {
        az_span hub; /* "HOST", or "HOST:PORT" as only aziot-hubsim has it */
        az_span device_id;
        az_span substatus, payload; /* may be empty */
} AssignmentAnswer;

/* Condition: the answer names no hub or no device, or none that there can be. */
#define ASSIGNMENT_UNUSABLE 1

/* *ret is to be released by assignment_done(). 0; ASSIGNMENT_UNUSABLE; -ENOMEM. */
int assignment_make(Assignment *ret, const AssignmentOwner *owner, const AssignmentAnswer *answer,
                    uint64_t realtime_us);

/* *ret is to be freed. -ENOMEM. */
int assignment_format(const Assignment *a, char **ret);

/* *ret is to be released by assignment_done(). 0; STATE_JSON_INVALID; -ENOMEM. */
int assignment_parse(Assignment *ret, az_span text);

bool assignment_is_of(const Assignment *a, const AssignmentOwner *owner);
/* Whether both are the same device of the same hub. */
bool assignment_is_same(const Assignment *a, const Assignment *b);
