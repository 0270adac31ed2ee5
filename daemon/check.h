/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Looks at everything that a link needs, step by step, on request: first this machine (check-local.c), then
 * each way to the cloud, by an MqttProbe, which disturbs no live link, then the link itself.
 *
 * Part of the loop thread; what may wait for the disk or the network runs in the disk thread or in a connect
 * worker. It has one fd and one deadline.
 */

#include "daemon/broker.h"
#include "daemon/disk.h"
#include "daemon/hub-link.h"
#include "daemon/outboxes.h"

typedef struct Check Check;

typedef enum CheckOutcome {
        CHECK_OK,
        CHECK_WARNING, /* it works, and something should be seen to */
        CHECK_FAILED,
        CHECK_SKIPPED, /* there is nothing to look at, or a step before it failed */
        _CHECK_OUTCOME_MAX,
} CheckOutcome;

/* Gives "ok", "warning", "failed" or "skipped". */
const char *check_outcome_to_string(CheckOutcome outcome);

/* What a step found. Strings live until the callback returns. */
typedef struct CheckResult {
        const char *step;      /* "clock", "identity", …, "tls", "link" */
        const char *service;   /* "hub", "provisioning", "broker": whom it is on the way to; or NULL */
        const char *transport; /* "mqtt", "websocket"; or NULL */
        CheckOutcome outcome;
        const char *text;   /* what was found, for a person */
        const char *advice; /* what to do about it; or NULL */
        uint64_t duration_us;
        bool is_last;
} CheckResult;

typedef void (*CheckFunc)(void *userdata, const CheckResult *result);

/* What is looked at, and how; all of it must outlive the Check. */
typedef struct CheckConfig {
        const Config *config;
        const char *state_dir; /* copied */
        HubLink *link;
        Broker *broker;
        const Outboxes *outboxes;
        Disk *disk;
} CheckConfig;

int check_new(Check **ret, const CheckConfig *config);
/* What is under way ends without a word. */
Check *check_free(Check *check);
DEFINE_CLEANUP(Check *, check_free)

/* Condition of check_start(). */
#define CHECK_BUSY 1

/* Begins, and tells each result until one of them is the last. CHECK_BUSY: one is under way. */
int check_start(Check *check, CheckFunc func, void *userdata);
/* Ends what is under way; nothing is told any more. */
void check_stop(Check *check);

int check_get_fd(const Check *check);
uint64_t check_deadline_us(const Check *check);
/* Call when the fd is readable or the deadline has passed, and once after check_start(). */
void check_dispatch(Check *check);
