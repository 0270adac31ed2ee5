/* SPDX-License-Identifier: MIT */
#pragma once

/* aziotd --check-config: says what is wrong with the configuration, and with the files that it names. */

#include "daemon/config.h"

/*
 * Prints an error or a warning a line to standard error, each with file, line and key where there is one, or
 * that all is well to standard output. 0; CONFIG_INVALID; a negative errno, which is printed, too.
 */
int check_config(const char *path, bool required);
