/* SPDX-License-Identifier: MIT */
#pragma once

/* state.c writes the file, state-load.c reads it. */

#include "hubsim/state.h"

/* Carries out the lines of 'text', which end with a newline each. */
int state_load(Hub *hub, const char *path, const char *text, size_t size);
