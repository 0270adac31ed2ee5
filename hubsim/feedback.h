/* SPDX-License-Identifier: MIT */
#pragma once

/* What became of cloud-to-device messages, kept until the back end asks for it. */

#include "hubsim/c2d-queue.h"
#include "hubsim/registry.h"

/* With nobody asking, the oldest are forgotten. */
#define FEEDBACK_MAX 1000U

typedef struct FeedbackRecord {
        struct FeedbackRecord *next;
        const Device *device;
        char *message_id;
        C2dStatus status;
        uint64_t time_us; /* CLOCK_REALTIME */
} FeedbackRecord;

typedef struct Feedback {
        FeedbackRecord *first; /* oldest first */
        size_t n_records;
} Feedback;

/* Adds a copy. */
int feedback_add(Feedback *feedback, const FeedbackRecord *record);

/* Forgets the records of one device; NULL: all. */
void feedback_clear(Feedback *feedback, const Device *device);
