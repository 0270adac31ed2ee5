/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Which transport an attempt to connect takes: MQTT over TLS, or MQTT over WebSocket where a network lets
 * nothing else through. They are tried in the configured order; the first is preferred.
 *
 *   worked   A transport that brought a CONNACK, whatever that said, is the one to begin with from then on,
 *            after a restart too. It has three attempts in a row before the other has one: a hub that is
 *            restarted, or a network that fails for a moment, does not change the transport.
 *   blocked  One that never worked has one attempt.
 *   other    An attempt that failed for a reason that has nothing to do with the transport changes nothing.
 *
 * Away from the preferred transport, it has one attempt at the next reconnect a day after it failed last, and
 * after the network changed, for that once a minute at most.
 *
 * It does no I/O and reads no clock. Times are those of the wall clock, since they outlive a restart; a clock
 * that was set back makes the preferred transport due, which costs one attempt.
 */

#include "util/util.h"

typedef enum RouteTransport {
        ROUTE_MQTT,      /* over TLS, port 8883 */
        ROUTE_WEBSOCKET, /* over TLS, port 443 */
        _ROUTE_TRANSPORT_MAX,
        _ROUTE_TRANSPORT_INVALID = -EINVAL,
} RouteTransport;

/* Gives "mqtt" or "websocket". */
const char *route_transport_to_string(RouteTransport transport);

/* What Transports= may be. */
typedef enum RouteOrder {
        ROUTE_ORDER_MQTT_WEBSOCKET,
        ROUTE_ORDER_WEBSOCKET_MQTT,
        ROUTE_ORDER_MQTT,
        ROUTE_ORDER_WEBSOCKET,
        _ROUTE_ORDER_MAX,
} RouteOrder;

/* The transports of an order; returns how many there are. */
unsigned route_order_get(RouteOrder order, RouteTransport ret[static _ROUTE_TRANSPORT_MAX]);

/* How an attempt ended, as far as that tells something of its transport. */
typedef enum RouteEnd {
        ROUTE_UNTRIED, /* there was no attempt */
        ROUTE_WORKED,
        ROUTE_BLOCKED,
        ROUTE_OTHER,
        _ROUTE_END_MAX,
} RouteEnd;

#define ROUTE_TRIES            3U
#define ROUTE_RETURN_S         INT64_C(86400)
#define ROUTE_RETURN_NETWORK_S INT64_C(60)

/* What is kept over a restart. */
typedef struct RouteMemory {
        RouteTransport worked;      /* _ROUTE_TRANSPORT_INVALID: none did */
        int64_t preferred_failed_s; /* 0 while it is the preferred one that worked */
} RouteMemory;

#define ROUTE_MEMORY_NULL                          \
        (RouteMemory) {                            \
                .worked = _ROUTE_TRANSPORT_INVALID \
        }

/* Its members belong to the functions below. */
typedef struct RouteChoice {
        RouteTransport order[_ROUTE_TRANSPORT_MAX];
        unsigned n;
        unsigned current;  /* in 'order' */
        unsigned n_failed; /* attempts in a row of the current one */
        RouteMemory memory;
        RouteMemory kept; /* 'memory' as the caller was told last that it changed */
} RouteChoice;

/* What is remembered of a transport that is not in the order is forgotten. */
void route_choice_init(RouteChoice *c, RouteOrder order, RouteMemory memory);

/* At the beginning of an attempt: which transport it takes. */
RouteTransport route_choice_next(RouteChoice *c, int64_t unix_s);

/* How the attempt went. True: there is something new to remember. */
bool route_choice_ended(RouteChoice *c, RouteEnd end, int64_t unix_s);

/* There is another network, perhaps one that lets more through. */
void route_choice_network_changed(RouteChoice *c, int64_t unix_s);
