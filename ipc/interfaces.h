/* SPDX-License-Identifier: MIT */
#pragma once

/* The interface files of ipc/interfaces/, embedded by embed.py: '.' becomes '_'. */
extern const char io_aziotd_broker_varlink[];
extern const char io_aziotd_device_varlink[];
extern const char io_aziotd_messages_varlink[];
extern const char io_aziotd_methods_varlink[];
extern const char io_aziotd_telemetry_varlink[];
extern const char io_aziotd_twin_varlink[];
extern const char org_varlink_service_varlink[];
