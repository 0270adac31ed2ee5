/* SPDX-License-Identifier: MIT */
#pragma once

/* The commands that talk to a running aziot-hubsim; each returns the exit code. */

#include "util/util.h"

typedef struct ClientOptions {
        const char *socket;
        const char *device;                    /* log, monitor, counts: only this one; NULL: all */
        uint64_t since;                        /* log */
        uint64_t timeout_s, connect_timeout_s; /* invoke */
        const char *keys, *thumbprints;        /* device, enrollment: "ONE" or "ONE,OTHER"; NULL: none */
        bool has_ca;                           /* the same */
        bool json;
} ClientOptions;

/* A cloud-to-device message; what is NULL or 0 is not said. */
typedef struct ClientMessage {
        const char *device, *body;
        const char *message_id, *correlation_id, *user_id, *content_type, *content_encoding, *ack;
        const char *const *properties; /* "name=value"; ends with NULL */
        unsigned long ttl_s;
} ClientMessage;

/* An enrollment of the provisioning service; what is NULL, or -1, is not said. */
typedef struct ClientEnrollment {
        const char *name, *device, *hub, *hub_socket, *payload, *status, *failure_message, *reprovision;
        bool is_group;
        long failure, n_assigning, retry_after_s;
} ClientEnrollment;

int client_monitor(const ClientOptions *options);
int client_log(const ClientOptions *options);
int client_counts(const ClientOptions *options);
int client_invoke(const ClientOptions *options, const char *device, const char *method, const char *payload);
int client_cut(const ClientOptions *options, uint64_t seconds);
int client_device_add(const ClientOptions *options, const char *device);
int client_device_change(const ClientOptions *options, const char *device);
int client_device_enable(const ClientOptions *options, const char *device);
int client_device_disable(const ClientOptions *options, const char *device);
int client_device_remove(const ClientOptions *options, const char *device);
int client_device_list(const ClientOptions *options);
int client_messages_send(const ClientOptions *options, const ClientMessage *message);
int client_messages_list(const ClientOptions *options, const char *device);
int client_messages_purge(const ClientOptions *options, const char *device);
int client_messages_feedback(const ClientOptions *options, const char *device);
int client_enrollment_add(const ClientOptions *options, const ClientEnrollment *enrollment);
int client_enrollment_change(const ClientOptions *options, const ClientEnrollment *enrollment);
int client_enrollment_show(const ClientOptions *options, const char *enrollment, const char *registration);
int client_enrollment_list(const ClientOptions *options);
int client_enrollment_remove(const ClientOptions *options, const char *enrollment);
int client_registration(const ClientOptions *options, const char *registration);

/* Prints the limits, sets one, begins the day anew. */
int client_limit_list(const ClientOptions *options);
int client_limit_set(const ClientOptions *options, const char *name, unsigned long value);
int client_limit_reset(const ClientOptions *options);

/* 'words' are those behind "fault", ended by NULL: without any, lists the active ones. */
int client_fault(const ClientOptions *options, const char *const *words);
int client_twin_get(const ClientOptions *options, const char *device);
int client_twin_change(const ClientOptions *options, const char *device, bool replace, const char *object);
