/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The way to the cloud: which transport an attempt takes (route-choice.h), through which proxy, and how long
 * each step may last. One for the hub and the provisioning service, since it is one network that they are
 * reached through.
 *
 *      transport = route_begin(route)          an attempt begins
 *      route_fill_endpoint(route, transport, …, &endpoint)
 *      mqtt_link_open(…); route_forget_secret(route)
 *      route_note(route, event)                each event of the MqttLink, so that the next attempt knows
 */

#include <mqtt/link.h>

#include "daemon/config.h"
#include "daemon/diagnosis.h"
#include "daemon/disk.h"
#include "daemon/log.h"
#include "daemon/route-choice.h"

typedef struct Route Route;

/* 'config' and 'log' must outlive it. 'credentials_directory' is $CREDENTIALS_DIRECTORY, or NULL. */
int route_new(Route **ret, const Config *config, const char *credentials_directory, const Log *log);
Route *route_free(Route *route);
DEFINE_CLEANUP(Route *, route_free)

/*
 * Begins with what worked last, and keeps that up to date in a file of the state directory; 'disk' must
 * outlive the route. -ENOMEM.
 */
int route_remember(Route *route, Disk *disk, const char *state_dir);

/* The configuration has changed: the next attempt goes by it. What is remembered of transports stays. */
void route_configure(Route *route);

/* Which transport the attempt that begins now takes. */
RouteTransport route_begin(Route *route);

/*
 * Fills in what of an endpoint is the network's: port, path of the WebSocket, proxy, time limits. The rest
 * stays as it is. Strings live as long as the route, the proxy's user and password until
 * route_forget_secret().
 *
 *   mqtt_port        for ROUTE_MQTT
 *   has_certificate  the device shows one of its own
 *
 * A credential of the proxy that cannot be read is told in the log, and the proxy will ask for one.
 */
void route_fill_endpoint(Route *route, RouteTransport transport, CloudService service, uint16_t mqtt_port,
                         bool has_certificate, MqttEndpoint *endpoint);
void route_forget_secret(Route *route);

/*
 * Reads "user:password" from the file that is configured, or else from a systemd credential. 0: *ret is to be
 * wiped and freed, or as it was if there is none; CONFIG_INVALID: the same, and 'messages' says what is
 * wrong. -ENOMEM.
 */
int route_read_proxy_credential(char **ret, const Config *c, const char *credentials_directory,
                                ConfigMessages *messages);

/* How long an attempt may last from the first stage to an open connection, without the signature. */
uint64_t route_open_timeout_s(const Config *config);

/* What an event of the link tells of the transport of an attempt; UNTRIED: nothing. */
RouteEnd route_end_of(const MqttEvent *event);

/* Takes to heart what an event of the link tells of the transport; most tell nothing. */
void route_note(Route *route, const MqttEvent *event);

/* There is another network, perhaps one that lets more through. */
void route_network_changed(Route *route);

/* The port for this transport, if 'mqtt_port' is that for ROUTE_MQTT. */
uint16_t route_get_port(const Route *route, RouteTransport transport, uint16_t mqtt_port);

/* Of the proxy, "host:port"; NULL: there is none. */
const char *route_get_proxy(const Route *route);

/* Of the present attempt or connection, or else of the last one. */
RouteTransport route_get_transport(const Route *route);
