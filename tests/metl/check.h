/* SPDX-License-Identifier: MIT */
#pragma once

/* What a test case expects. Each fails it if things are otherwise. */

#include "component.h"

/* An error, or none, against what is to be caught; 'catch' is NULL where none may be. */
void check_error(const char *where, const cJSON *catch, const aio_error *error);

/* Values of a call's or telemetry's metadata: null means that there is none. */
void check_metadata(const char *where, const cJSON *expected, const az_mqtt_user_property *actual, int32_t n);

/* A text, if one is expected: null means that there must be none. */
void check_text(const char *where, const cJSON *expected, const char *key, az_span actual);

/* The same of a payload, where empty is as good as absent. */
void check_payload(const char *where, const cJSON *expected, const char *key, az_span actual);

/* All that the epilogue says, but for its 'catch'. */
void check_epilogue(World *w, ComponentKind kind);
