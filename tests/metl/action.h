/* SPDX-License-Identifier: MIT */
#pragma once

/* The actions of a test case. */

#include "component.h"

/* Does what an action says; fails the case if it does not come out as it says. */
void action_run(World *w, const cJSON *action);

/* Invokes or sends, and gives the error that comes of it, or none. */
aio_error action_try(World *w, const cJSON *action);

/* The client id of the peer that a case calls by this number; it lives as long as the world. */
const char *action_source_id(World *w, const cJSON *index);
