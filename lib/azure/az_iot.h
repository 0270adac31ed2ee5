/* SPDX-License-Identifier: MIT */
#ifndef AZ_IOT_H
#define AZ_IOT_H

/* All of azure/iot. */

#include <azure/iot/az_iot_common.h>
#include <azure/iot/az_iot_hub_client.h>

#endif
