/* SPDX-License-Identifier: MIT */

/* Everything public in azure/core. */

#ifndef _az_CORE_H
#define _az_CORE_H

#include <azure/core/az_base64.h>
#include <azure/core/az_config.h>
#include <azure/core/az_json.h>
#include <azure/core/az_log.h>
#include <azure/core/az_mqtt_message.h>
#include <azure/core/az_platform.h>
#include <azure/core/az_precondition.h>
#include <azure/core/az_result.h>
#include <azure/core/az_span.h>
#include <azure/core/az_version.h>

#endif /* _az_CORE_H */
