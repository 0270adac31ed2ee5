/* SPDX-License-Identifier: MIT */
#pragma once

/* The private AF_UNIX socket at which libmosquitto is made to connect. */

#include <sys/un.h>

typedef struct MqttLocal {
        int listen_fd;
        char path[sizeof(
                ((struct sockaddr_un *) NULL)->sun_path)]; /* "/proc/self/fd/N/…": of any length there */
} MqttLocal;

#define MQTT_LOCAL_NULL ((MqttLocal){ .listen_fd = -1 })

/* Listens in the directory 'dir_fd' under a name that nobody can guess. */
int mqtt_local_listen(MqttLocal *l, int dir_fd);

/* Accepts the connection that is there already. -EPERM: it is not from this process. -EAGAIN: there is none.
 */
int mqtt_local_accept(const MqttLocal *l, int *ret_fd);

/* Closes and removes the name. Safe on MQTT_LOCAL_NULL. */
void mqtt_local_done(MqttLocal *l);
