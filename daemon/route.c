/* SPDX-License-Identifier: MIT */

#include "daemon/route.h"

#include <assert.h>

#include "daemon/credential.h"
#include "daemon/proxy-url.h"
#include "daemon/route-file.h"
#include "daemon/state-file.h"

/* IoT Hub, "Communicate with an IoT hub using MQTT". With the query it does not ask for a certificate. */
#define WEBSOCKET_PATH                "/$iothub/websocket"
#define WEBSOCKET_PATH_NO_CERTIFICATE WEBSOCKET_PATH "?iothub-no-client-cert=true"

struct Route {
        const Config *config;
        const Log *log;
        ProxyUrl proxy;       /* if config has one */
        char proxy_text[272]; /* "host:port", or "" */
        char *credentials_directory;

        RouteOrder order; /* of the choice */
        RouteChoice choice;
        RouteTransport transport;
        bool is_attempt;        /* of 'transport', and its CONNACK has not come */
        char *proxy_credential; /* of the endpoint that was filled in last; NULL: none */
        bool has_complained;    /* about it */

        StateFile *file; /* NULL: nothing is remembered */
        bool is_dirty;
        int file_error;
};

static int64_t unix_s(void) {
        return (int64_t) (realtime_us() / USEC_PER_SEC);
}

/* The file ------------------------------------------------------------------------------------------- */

static void on_written(void *userdata, int error);

static void write_file(Route *route) {
        char *text;
        int error;

        if (!route->file || !route->is_dirty || state_file_is_busy(route->file))
                return;
        route->is_dirty = false;
        error = route_memory_format(&route->choice.kept, &text);
        if (error < 0)
                on_written(route, error);
        else
                state_file_write(route->file, text, on_written, route);
}

/* What cannot be kept costs an attempt after the next start; the next change is written again. */
static void on_written(void *userdata, int error) {
        Route *route = userdata;

        if (error < 0 && error != route->file_error)
                log_errno(route->log, MSG_STATE_UNWRITTEN, error,
                          "Failed to write '" ROUTE_FILE "': %m, ignoring");
        route->file_error = error;
        write_file(route);
}

int route_remember(Route *route, Disk *disk, const char *state_dir) {
        RouteMemory memory = ROUTE_MEMORY_NULL;
        _cleanup_(freep) char *text = NULL;
        int result;

        result = state_file_new(&route->file, disk, state_dir, ROUTE_FILE);
        if (result < 0)
                return result;
        result = state_file_read(route->file, &text);
        if (result == STATE_FILE_NONE)
                return 0;
        if (result == 0 && (result = route_memory_parse(&memory, az_span_create_from_str(text))) > 0)
                result = STATE_FILE_DAMAGED;
        if (result < 0) {
                log_errno(route->log, MSG_STATE_UNREADABLE, result,
                          "Failed to read '" ROUTE_FILE "' in the state directory: %m, ignoring");
                return 0;
        }
        if (result > 0) {
                state_file_set_aside(route->file, route->log, result, NULL);
                return 0;
        }
        route_choice_init(&route->choice, route->order, memory);
        return 0;
}

/* An attempt ----------------------------------------------------------------------------------------- */

RouteTransport route_begin(Route *route) {
        RouteTransport transport = route_choice_next(&route->choice, unix_s());

        if (transport != route->transport)
                log_message(
                        route->log, MSG_TRANSPORT_CHANGED, "Connecting over %s now, and no longer over %s",
                        route_transport_to_string(transport), route_transport_to_string(route->transport));
        route->transport = transport;
        route->is_attempt = true;
        return transport;
}

int route_read_proxy_credential(char **ret, const Config *c, const char *credentials_directory,
                                ConfigMessages *messages) {
        const char *file = c->network.proxy_credential_file;
        int r;

        r = credential_read_secret(ret, file, credentials_directory, "aziotd.proxy", messages);
        if (r == CREDENTIAL_NONE)
                return 0;
        if (r != 0)
                return r;
        if (strchr(*ret, ':') > *ret)
                return 0;
        r = config_messages_add(messages, LOG_ERR, file ?: "aziotd.proxy", 0,
                                "the credential of the proxy is written user:password");
        return r < 0 ? r : CONFIG_INVALID;
}

static void fill_proxy_credential(Route *route, MqttEndpoint *endpoint) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        char text[512];
        az_span credential;
        int32_t colon;
        int r;

        route_forget_secret(route);
        r = route_read_proxy_credential(&route->proxy_credential, route->config, route->credentials_directory,
                                        &messages);
        for (size_t i = 0; i < messages.n && !route->has_complained; i++)
                log_message(route->log, MSG_PROXY_REMARK, "%s",
                            config_message_format(&messages.messages[i], text, sizeof(text)));
        route->has_complained = messages.n > 0;
        if (r != 0 || !route->proxy_credential)
                return;

        credential = az_span_create_from_str(route->proxy_credential);
        colon = az_span_find(credential, AZ_SPAN_FROM_STR(":"));
        endpoint->proxy_user = az_span_slice(credential, 0, colon);
        endpoint->proxy_password = az_span_slice_to_end(credential, colon + 1);
}

void route_forget_secret(Route *route) {
        if (route->proxy_credential)
                explicit_bzero(route->proxy_credential, strlen(route->proxy_credential));
        free(route->proxy_credential);
        route->proxy_credential = NULL;
}

uint16_t route_get_port(const Route *route, RouteTransport transport, uint16_t mqtt_port) {
        return transport == ROUTE_WEBSOCKET ? (uint16_t) route->config->network.websocket_port : mqtt_port;
}

void route_fill_endpoint(Route *route, RouteTransport transport, CloudService service, uint16_t mqtt_port,
                         bool has_certificate, MqttEndpoint *endpoint) {
        const Config *c = route->config;

        endpoint->name_timeout_us = c->network.resolve_timeout_s * USEC_PER_SEC;
        endpoint->tcp_timeout_us = c->network.connect_timeout_s * USEC_PER_SEC;
        endpoint->tls_timeout_us = c->network.tls_timeout_s * USEC_PER_SEC;
        endpoint->proxy_timeout_us = c->network.proxy_timeout_s * USEC_PER_SEC;
        endpoint->websocket_timeout_us = c->network.websocket_timeout_s * USEC_PER_SEC;
        endpoint->user_timeout_us = c->network.tcp_user_timeout_s * USEC_PER_SEC;

        endpoint->port = route_get_port(route, transport, mqtt_port);
        if (transport == ROUTE_WEBSOCKET)
                endpoint->websocket_path = service == CLOUD_HUB && !has_certificate
                                                   ? WEBSOCKET_PATH_NO_CERTIFICATE
                                                   : WEBSOCKET_PATH;

        if (!c->network.proxy)
                return;
        endpoint->proxy_host = route->proxy.host;
        endpoint->proxy_port = route->proxy.port;
        fill_proxy_credential(route, endpoint);
}

uint64_t route_open_timeout_s(const Config *c) {
        return c->network.resolve_timeout_s + c->network.connect_timeout_s + c->network.proxy_timeout_s +
               c->network.tls_timeout_s + c->network.websocket_timeout_s;
}

/* How it went ---------------------------------------------------------------------------------------- */

/* Whether the other transport may fare better: another port, or what looks like HTTPS. */
static RouteEnd end_of_opening(const MqttReport *report) {
        switch (report->stage) {
        case MQTT_STAGE_TCP:
        case MQTT_STAGE_TLS:
        case MQTT_STAGE_PROXY:
        case MQTT_STAGE_WEBSOCKET:
                break;
        case MQTT_STAGE_IDENTITY:
        case MQTT_STAGE_SIGN:
        case MQTT_STAGE_NAME:
        case _MQTT_STAGE_MAX:
                return ROUTE_OTHER;
        }
        return report->problem == MQTT_PROBLEM_LOCAL || report->problem == MQTT_PROBLEM_CLIENT_CERTIFICATE ||
                               report->problem == MQTT_PROBLEM_PROXY_AUTHENTICATION
                       ? ROUTE_OTHER
                       : ROUTE_BLOCKED;
}

/* Before CONNACK. A hub that closes may have its reasons; a network that is silent or resets does not let us
 * through. */
static RouteEnd end_of_waiting(MqttLost cause) {
        switch (cause) {
        case MQTT_LOST_CONNACK_TIMEOUT:
        case MQTT_LOST_NETWORK:
        case MQTT_LOST_PROTOCOL:
                return ROUTE_BLOCKED;
        case MQTT_LOST_ASKED:
        case MQTT_LOST_CLOSED:
        case MQTT_LOST_REFUSED:
        case MQTT_LOST_CLIENT_CERTIFICATE:
        case MQTT_LOST_PING_TIMEOUT:
        case MQTT_LOST_PUBACK_TIMEOUT:
        case MQTT_LOST_TOO_LARGE:
        case MQTT_LOST_DISCONNECT:
        case MQTT_LOST_SECOND_CONNACK:
        case MQTT_LOST_INTERNAL:
        case _MQTT_LOST_MAX:
                break;
        }
        return ROUTE_OTHER;
}

RouteEnd route_end_of(const MqttEvent *event) {
        switch (event->type) {
        case MQTT_EVENT_OPEN_FAILED:
                return end_of_opening(event->open_failed.report);
        case MQTT_EVENT_CONNACK:
                return ROUTE_WORKED;
        case MQTT_EVENT_LOST:
                return end_of_waiting(event->lost.cause);
        case MQTT_EVENT_OPENED:
        case MQTT_EVENT_SUBACK:
        case MQTT_EVENT_PUBACK:
        case MQTT_EVENT_MESSAGE:
        case MQTT_EVENT_UNSUBACK: /* of MQTT 5, which we do not speak here */
        case MQTT_EVENT_REFUSED:
        case MQTT_EVENT_AUTH:
        case _MQTT_EVENT_MAX:
                break;
        }
        return ROUTE_UNTRIED;
}

void route_note(Route *route, const MqttEvent *event) {
        RouteEnd end = route_end_of(event);

        if (!route->is_attempt || end == ROUTE_UNTRIED)
                return;
        route->is_attempt = false;
        if (route_choice_ended(&route->choice, end, unix_s())) {
                route->is_dirty = true;
                write_file(route);
        }
}

void route_network_changed(Route *route) {
        route_choice_network_changed(&route->choice, unix_s());
}

RouteTransport route_get_transport(const Route *route) {
        return route->transport;
}

const char *route_get_proxy(const Route *route) {
        return route->proxy_text[0] ? route->proxy_text : NULL;
}

/* Life ------------------------------------------------------------------------------------------------ */

static void set_proxy(Route *route) {
        const char *url = route->config->network.proxy;

        route->proxy_text[0] = '\0';
        if (!url)
                return;
        if (proxy_url_parse(&route->proxy, az_span_create_from_str((char *) url)) != NULL)
                assert(false); /* config_load() refuses what cannot be parsed */
        (void) snprintf(route->proxy_text, sizeof(route->proxy_text),
                        strchr(route->proxy.host, ':') ? "[%s]:%u" : "%s:%u", route->proxy.host,
                        route->proxy.port);
}

static void set_order(Route *route, RouteMemory memory) {
        route->order = (RouteOrder) route->config->network.transports;
        route_choice_init(&route->choice, route->order, memory);
}

void route_configure(Route *route) {
        set_proxy(route);
        if (route->order == (RouteOrder) route->config->network.transports)
                return;
        set_order(route, route->choice.memory);
        route->is_attempt = false; /* how it ends says nothing of the new order */
}

int route_new(Route **ret, const Config *config, const char *credentials_directory, const Log *log) {
        _cleanup_(route_freep) Route *route = NULL;

        route = malloc(sizeof(*route));
        if (!route)
                return -ENOMEM;
        *route = (Route){ .config = config, .log = log };
        if (credentials_directory) {
                route->credentials_directory = strdup(credentials_directory);
                if (!route->credentials_directory)
                        return -ENOMEM;
        }
        set_proxy(route);
        set_order(route, ROUTE_MEMORY_NULL);
        route->transport = route->choice.order[0];

        *ret = TAKE_PTR(route);
        return 0;
}

Route *route_free(Route *route) {
        if (!route)
                return NULL;

        route->file = state_file_free(route->file);
        route_forget_secret(route);
        free(route->credentials_directory);
        free(route);
        return NULL;
}
