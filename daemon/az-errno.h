/* SPDX-License-Identifier: MIT */
#pragma once

#include <azure/core/az_result.h>

/*
 * The border between the two dialects: the negative errno that says what an az_result of lib/ says, or 0 for
 * a success.
 */
int az_result_to_errno(az_result result);
