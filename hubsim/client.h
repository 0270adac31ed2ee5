/* SPDX-License-Identifier: MIT */
#pragma once

/* The commands that talk to a running aziot-hubsim; each returns the exit code. */

#include "util/util.h"

typedef struct ClientOptions {
        const char *socket;
        const char *device;                    /* log, monitor: only this one; NULL: all */
        uint64_t since;                        /* log */
        uint64_t timeout_s, connect_timeout_s; /* invoke */
        bool json;
} ClientOptions;

int client_monitor(const ClientOptions *options);
int client_log(const ClientOptions *options);
int client_invoke(const ClientOptions *options, const char *device, const char *method, const char *payload);
int client_cut(const ClientOptions *options, uint64_t seconds);
int client_device_add(const ClientOptions *options, const char *device);
int client_device_list(const ClientOptions *options);
int client_twin_get(const ClientOptions *options, const char *device);
int client_twin_change(const ClientOptions *options, const char *device, bool replace, const char *object);
