/* SPDX-License-Identifier: MIT */
#pragma once

/* The rules of IoT Hub that this program enforces, for "aziot-hubsim rules". Each one has a test that names
 * it. */

#include <stdio.h>

/* Prints number, rule, six-digit codes and source of each. */
void rules_print(FILE *out);
