/* SPDX-License-Identifier: MIT */
#pragma once

/* Connects to the first of several addresses that answers. */

#include <netdb.h>

typedef struct MqttTcpJob {
        const struct addrinfo *addresses;
        int cancel_fd;
        unsigned user_timeout_ms; /* TCP_USER_TIMEOUT */
        void (*on_address)(void *userdata, const struct sockaddr *address, socklen_t size); /* one is tried */
        void *userdata;
} MqttTcpJob;

/*
 * Tries the addresses in their order, but families in turn (RFC 8305, "Happy Eyeballs"): the next one starts
 * when the one before has failed or after 250 ms, and the first to connect wins. Blocks; the time limit is
 * the caller's, who ends the wait by making 'cancel_fd' readable. Gives a non-blocking socket with
 * TCP_NODELAY; 'on_address' heard of its address last. -ECANCELED; otherwise the error of the last address
 * that failed.
 */
int mqtt_tcp_connect(const MqttTcpJob *job, int *ret_fd);
