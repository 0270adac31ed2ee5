/* SPDX-License-Identifier: MIT */
#pragma once

/* Another aziot-hubsim, at which the provisioning service registers devices as it does at a hub that is
 * linked to it: by its control socket. */

#include "hubsim/attestation.h"

/* Registers a device, or gives it what it is to prove itself with. Waits for a few seconds at most. < 0: it
 * could not; why has been logged. */
int other_hub_put_device(const char *socket, const char *device, const Attestation *attestation);
