/* SPDX-License-Identifier: MIT */
#pragma once

/* Starts a real server on 127.0.0.1 for a test program. Fails the test program if it cannot. */

#include <stdint.h>
#include <sys/types.h>

#include "pki.h"

/* A port that is free now. The server takes it a moment later. */
uint16_t program_find_port(void);

/* Starts the program, with 'path' as its only argument behind 'option', and waits until the port answers. */
pid_t program_start(const char *program, const char *option, const char *path, uint16_t port);

/* Kills and waits. */
void program_stop(pid_t pid);
