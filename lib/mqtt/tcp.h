/* SPDX-License-Identifier: MIT */
#pragma once

/* Connects to the first of several addresses that answers. */

#include <netdb.h>

/*
 * Tries the addresses in their order: the next one starts when the one before has failed or after 250 ms, and
 * the first to connect wins. Blocks; the time limit is the caller's, who ends the wait by making 'cancel_fd'
 * readable. Gives a non-blocking socket with TCP_NODELAY and TCP_USER_TIMEOUT. -ECANCELED; otherwise the
 * error of the last address that failed.
 */
int mqtt_tcp_connect(const struct addrinfo *addresses, int cancel_fd, int *ret_fd);
