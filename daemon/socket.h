/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The socket that local programs connect to: the one named "varlink" that systemd passed (aziotd.socket), or
 * else a new one at 'path', of mode 0660. A dead socket that stands there is replaced; a live one is not:
 * -EADDRINUSE. -ENOENT: systemd passed none and 'path' is NULL.
 */
int socket_get(const char *path, int *ret_fd);
