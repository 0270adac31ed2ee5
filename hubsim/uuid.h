/* SPDX-License-Identifier: MIT */
#pragma once

/* Random UUIDs, as the service and its SDKs make them. */

#include "util/util.h"

#define UUID_SIZE sizeof("8c0d2c1e-77a1-4d6f-a0f1-4b7d9a3e5c10")

/* -EIO: there is no randomness. */
int uuid_make(char ret[static UUID_SIZE]);
