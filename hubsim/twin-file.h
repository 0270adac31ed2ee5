/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The file of a device's twin, "twin-DEVICE.json" in the state directory:
 *
 *      {"desiredVersion":2,"desired":{"rate":5},"reportedVersion":1,"reported":{}}
 */

#include "hubsim/twin.h"

/* Fills in both sections, which are empty. -ENOENT: there is none yet; -EBADMSG: no such file. */
int twin_file_read(const char *state_dir, const char *device, TwinSection *desired, TwinSection *reported);

int twin_file_write(const char *state_dir, const char *device, const TwinSection *desired,
                    const TwinSection *reported);

/* Does nothing if there is none. */
int twin_file_remove(const char *state_dir, const char *device);
