/* SPDX-License-Identifier: MIT */
#pragma once

/* What is kept of the route over a restart, as the JSON of a state file (state-file.h). No I/O. */

#include <azure/core/az_span.h>

#include "daemon/route-choice.h"

#define ROUTE_FILE "transport"

/* {"worked":"websocket","preferredFailed":1790000000}. *ret is to be freed. -ENOMEM. */
int route_memory_format(const RouteMemory *memory, char **ret);

/* 0; STATE_JSON_INVALID: it is not what was formatted; -ENOMEM. */
int route_memory_parse(RouteMemory *ret, az_span text);
