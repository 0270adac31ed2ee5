/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the cloud takes as a patch of the reported section, so that a program hears of a mistake at once and
 * in words. Source: IoT Hub, "Understand and use device twins", section "Device twin format".
 */

#include <azure/core/az_span.h>

#include "util/util.h"

/* By the size formula: the bytes of names and strings, 8 for a number, 4 for a boolean. */
#define TWIN_SECTION_MAX (32U * 1024U)
/* Nulls and white space count nothing, but every later patch is compared with them: a bound of our own. */
#define TWIN_TEXT_MAX    (120U * 1024U)
#define TWIN_STRING_MAX  4096U
#define TWIN_NAME_MAX    1024U
#define TWIN_DEPTH_MAX   10U
#define TWIN_INTEGER_MIN (-(INT64_C(1) << 52))
#define TWIN_INTEGER_MAX ((INT64_C(1) << 52) - 1)

/* Where and what. */
typedef struct TwinProblem {
        char path[256]; /* as in "pump.speeds[2]", cut if it is longer; empty: the patch as a whole */
        size_t n_path;
        const char *reason;
} TwinProblem;

/* Condition of twin_check_patch(): *ret_problem says what is wrong. */
#define TWIN_INVALID 1

/* 0; TWIN_INVALID; -ENOMEM. A patch that passes is a JSON object that json-merge.h takes. */
int twin_check_patch(az_span patch, TwinProblem *ret_problem);

/* What is wrong with a member's name; NULL: nothing. */
const char *twin_check_name(az_span name);
