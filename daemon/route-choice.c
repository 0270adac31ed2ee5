/* SPDX-License-Identifier: MIT */

#include "daemon/route-choice.h"

static const char *const transport_names[] = {
        [ROUTE_MQTT] = "mqtt",
        [ROUTE_WEBSOCKET] = "websocket",
};

static const struct {
        unsigned n;
        RouteTransport transports[_ROUTE_TRANSPORT_MAX];
} orders[] = {
        [ROUTE_ORDER_MQTT_WEBSOCKET] = { 2, { ROUTE_MQTT, ROUTE_WEBSOCKET } },
        [ROUTE_ORDER_WEBSOCKET_MQTT] = { 2, { ROUTE_WEBSOCKET, ROUTE_MQTT } },
        [ROUTE_ORDER_MQTT] = { 1, { ROUTE_MQTT } },
        [ROUTE_ORDER_WEBSOCKET] = { 1, { ROUTE_WEBSOCKET } },
};

const char *route_transport_to_string(RouteTransport transport) {
        return transport_names[transport];
}

unsigned route_order_get(RouteOrder order, RouteTransport ret[static _ROUTE_TRANSPORT_MAX]) {
        memcpy(ret, orders[order].transports, sizeof(orders[order].transports));
        return orders[order].n;
}

static void take(RouteChoice *c, unsigned index) {
        c->current = index;
        c->n_failed = 0;
}

void route_choice_init(RouteChoice *c, RouteOrder order, RouteMemory memory) {
        *c = (RouteChoice){ .memory = ROUTE_MEMORY_NULL, .kept = ROUTE_MEMORY_NULL };
        c->n = route_order_get(order, c->order);

        for (unsigned i = 0; i < c->n; i++)
                if (c->order[i] == memory.worked) {
                        c->memory = memory;
                        c->kept = memory;
                        take(c, i);
                }
}

/* Whether the preferred transport, which did not work 'after_s' ago or earlier, is to be tried again. */
static void return_after(RouteChoice *c, int64_t unix_s, int64_t after_s) {
        int64_t failed_s = c->memory.preferred_failed_s;

        if (c->current != 0 && (unix_s < failed_s || unix_s - failed_s >= after_s))
                take(c, 0);
}

RouteTransport route_choice_next(RouteChoice *c, int64_t unix_s) {
        return_after(c, unix_s, ROUTE_RETURN_S);
        return c->order[c->current];
}

static bool worked(RouteChoice *c) {
        bool is_news;

        c->n_failed = 0;
        c->memory.worked = c->order[c->current];
        if (c->current == 0)
                c->memory.preferred_failed_s = 0;

        is_news = c->memory.worked != c->kept.worked ||
                  c->memory.preferred_failed_s != c->kept.preferred_failed_s;
        c->kept = c->memory;
        return is_news;
}

static void blocked(RouteChoice *c, int64_t unix_s) {
        bool is_proven = c->order[c->current] == c->memory.worked;

        if (c->current == 0)
                c->memory.preferred_failed_s = unix_s;
        if (++c->n_failed >= (is_proven ? ROUTE_TRIES : 1))
                take(c, (c->current + 1) % c->n);
}

bool route_choice_ended(RouteChoice *c, RouteEnd end, int64_t unix_s) {
        switch (end) {
        case ROUTE_WORKED:
                return worked(c);
        case ROUTE_BLOCKED:
                blocked(c, unix_s);
                break;
        case ROUTE_UNTRIED:
        case ROUTE_OTHER:
        case _ROUTE_END_MAX:
                break;
        }
        return false;
}

void route_choice_network_changed(RouteChoice *c, int64_t unix_s) {
        return_after(c, unix_s, ROUTE_RETURN_NETWORK_S);
}
