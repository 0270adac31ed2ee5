/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Device twins: desired properties, which the back end writes, and reported ones, which the device writes,
 * each with a version of its own that begins with 1. Kept in one file for each device, replaced at each
 * change before anybody hears of it.
 *
 * Source: "Understand and use device twins in IoT Hub".
 */

#include "hubsim/answer.h"
#include "hubsim/registry.h"
#include "hubsim/twin-document.h"

typedef struct Hub Hub;

#define TWIN_RESPONSE_FILTER "$iothub/twin/res/#"
#define TWIN_DESIRED_FILTER  "$iothub/twin/PATCH/properties/desired/#"

typedef struct TwinSection {
        IpcBuffer document; /* a JSON object, as twin_document_merge() makes it */
        uint64_t version;
} TwinSection;

/* When a change of the desired properties is notified that is made just as the device asks for its twin. */
typedef enum TwinRace {
        TWIN_RACE_NONE,
        TWIN_RACE_BEFORE, /* before an answer that has it, too */
        TWIN_RACE_MIDDLE, /* before an answer that does not have it yet */
        TWIN_RACE_AFTER,  /* after an answer that does not have it */
        _TWIN_RACE_MAX,
} TwinRace;

/* Faults on demand; all zero is a twin without any. */
typedef struct TwinFaults {
        unsigned n_gets, n_patches; /* so many requests of each kind are answered with 'status' */
        unsigned status;
        unsigned n_dropped; /* so many requests are carried out and not answered */
        uint64_t delay_us;  /* answers come so much later */
        uint64_t step;      /* versions grow by this; 0 is 1 */
        bool omit_version;  /* the answer to a patch does not say the version */
        TwinRace race;      /* at the next GET, 'race_patch' is merged into desired */
        IpcBuffer race_patch;
} TwinFaults;

typedef struct Twin {
        TwinSection desired, reported;
        TwinFaults faults;
        DelayedAnswer *delayed;
} Twin;

Twin *twin_free(Twin *twin);

/* The device's twin, read when it is first needed. -EBADMSG and others: its file cannot be read, as has been
 * logged. */
int twin_get(Hub *hub, Device *device, Twin **ret);

/* The back end merges 'patch' into desired, or replaces all of it. 0, TWIN_REFUSED, or another error that has
 * been logged. */
int twin_update_desired(Hub *hub, Device *device, az_span patch, bool replace, TwinRefusal *ret_refusal);

/* Takes over faults and their 'race_patch'. */
void twin_set_faults(Twin *twin, TwinFaults *faults);

/* What the device asked for by a topic: its twin, or to merge 'payload' into reported. */
typedef struct TwinRequest {
        bool is_patch;
        az_span request_id, payload;
        bool has_api_version; /* its CONNECT had one; without, there is no twin */
} TwinRequest;

int twin_on_request(Hub *hub, Device *device, const TwinRequest *request);

/* The device's connection has gone: what was still to be answered is not. */
void twin_on_closed(Device *device);
