/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files of the check share; nobody else includes it.
 *
 *      check.c        the order of the steps, and the ways to the cloud
 *      check-local.c  this machine
 *      check-broker.c  the broker
 */

#include <mqtt/probe.h>

#include "daemon/check.h"
#include "daemon/credential.h"
#include "daemon/diagnosis.h"

/* A sentence, with a host name and both names of a certificate in it. */
#define CHECK_TEXT_MAX 1024U

/* A way to the cloud. */
typedef struct CheckTarget {
        CloudService service;
        char host[256];
        uint16_t port;
        RouteTransport transport;
} CheckTarget;

/* For each transport, to the hub and to the provisioning service. */
#define CHECK_TARGETS_MAX (_ROUTE_TRANSPORT_MAX * _CLOUD_MAX)

typedef enum CheckState {
        CHECK_IDLE,
        CHECK_LOCAL,   /* to be looked at with the next dispatch */
        CHECK_DISK,    /* with the disk thread */
        CHECK_NETWORK, /* target after target, then the link */
        _CHECK_STATE_MAX,
} CheckState;

/* The part of the disk thread. */
typedef struct CheckDisk {
        DiskJob job; /* first: the job is it */
        Check *check;
        bool is_busy;
        uint64_t begun_us;
        int error; /* negative errno of writing */
        uint64_t n_free_bytes;
} CheckDisk;

struct Check {
        CheckConfig c;
        char *state_dir;
        CheckFunc func;
        void *userdata;
        CheckState state;
        Credential credential;
        BrokerSettings broker; /* without one nothing of it is set */
        CheckDisk disk;

        MqttProbe *probe;
        CheckTarget targets[CHECK_TARGETS_MAX];
        size_t n_targets, target; /* the one that is looked at */
        bool is_probing;
};

/* Tells of a step that began at 'begun_us'. 'advice' may be NULL. */
void check_tell(const Check *check, uint64_t begun_us, const char *step, CheckOutcome outcome,
                const char *text, const char *advice);

/* The same of something that is wrong. */
void check_tell_diagnosis(const Check *check, uint64_t begun_us, const char *step, CheckOutcome outcome,
                          const Diagnosis *diagnosis);

/* Whether the configuration has a hub. */
bool check_has_hub(const Check *check);

/* Reads the settings of the broker, and tells of it. */
void check_broker_settings(Check *check);
/* What of an endpoint is the broker's, but the host. */
void check_broker_fill_endpoint(const Check *check, MqttEndpoint *ret);

/* Clock, identity, permissions, certificate, outbox. */
void check_local(Check *check);

/* Has the disk thread look at the state directory; check_disk_done() follows, check_disk_tell() is for it. */
void check_disk_begin(Check *check);
void check_disk_tell(const Check *check);
void check_disk_done(Check *check);
