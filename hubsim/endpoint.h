/* SPDX-License-Identifier: MIT */
#pragma once

/* Where connections are accepted: an address and a port. */

#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "util/util.h"

typedef struct Endpoint {
        struct sockaddr_storage address; /* with the port that is really used */
        socklen_t address_size;          /* 0: there is none */
        struct {
                int fd;
                sd_event_source *source;
        } sockets[2];
} Endpoint;

#define ENDPOINT_NULL ((Endpoint){ .sockets = { { .fd = -1 }, { .fd = -1 } } })

/* "127.0.0.1:8883" or "[::1]:0"; port 0: any that is free. -EINVAL: another form. */
int endpoint_parse(const char *text, Endpoint *ret);

unsigned endpoint_get_port(const Endpoint *e);
void endpoint_set_port(Endpoint *e, uint16_t port);

/*
 * Takes the address, so that nobody else gets it, and refuses connections. With port 0, writes back which it
 * is. One that listens does so no more.
 */
int endpoint_bind(Endpoint *e);
/* Calls 'handler' for each connection. */
int endpoint_listen(Endpoint *e, sd_event *event, sd_event_io_handler_t handler, void *userdata);
/* Both; it is closed when that fails. */
int endpoint_open(Endpoint *e, sd_event *event, sd_event_io_handler_t handler, void *userdata);
void endpoint_close(Endpoint *e);
