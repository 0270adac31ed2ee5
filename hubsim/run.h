/* SPDX-License-Identifier: MIT */
#pragma once

/* The command "run": the hub itself, until SIGTERM or SIGINT. */

#include "util/util.h"

typedef struct RunOptions {
        const char *state_dir;
        const char *socket;
        const char *listen;           /* "127.0.0.1:8883", "[::1]:0" */
        const char *listen_websocket; /* the same, or "off"; NULL: at the address of the other, any port */
        const char *const *hosts;     /* more names, the first one for connection strings; ends with NULL */
        const char *const *devices;   /* to be made if they are not there; ends with NULL */
        uint64_t expiry_grace_s;
        bool counts; /* telemetry is counted, not kept */
        bool is_basic;
} RunOptions;

/* Returns the exit code. */
int run(const RunOptions *options);
