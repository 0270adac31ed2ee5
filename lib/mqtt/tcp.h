/* SPDX-License-Identifier: MIT */
#pragma once

/* Connects to the first of several addresses that answers. */

#include <netdb.h>

typedef struct MqttTcpJob {
        const struct addrinfo *addresses;
        int cancel_fd;
        void (*on_address)(void *userdata, const struct sockaddr *address, socklen_t size); /* one is tried */
        void *userdata;
} MqttTcpJob;

/*
 * Tries the addresses in their order: the next one starts when the one before has failed or after 250 ms, and
 * the first to connect wins. Blocks; the time limit is the caller's, who ends the wait by making 'cancel_fd'
 * readable. Gives a non-blocking socket with TCP_NODELAY and TCP_USER_TIMEOUT; 'on_address' heard of its
 * address last. -ECANCELED; otherwise the error of the last address that failed.
 */
int mqtt_tcp_connect(const MqttTcpJob *job, int *ret_fd);
