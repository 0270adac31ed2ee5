/* SPDX-License-Identifier: MIT */
#pragma once

#include "util/util.h"

/*
 * Says on standard error what the hub did and why: "aziot-hubsim: demo: closed: 401003 the token has
 * expired". 'code' is IoT Hub's six-digit error code, 0 if it is not an error; 'device' is NULL before a
 * client has said who it is.
 */
void log_event(const char *device, unsigned code, const char *format, ...) _printf_(3, 4);
