/* SPDX-License-Identifier: MIT */

/*
 * The one connection that both sessions share: where to, with what. A token is signed while the transport is
 * opened, CONNECT follows when the session has it; with a certificate CONNECT is there first, and waits.
 */

#include "daemon/hub-link-internal.h"

#include <mqtt/sas.h>

/* Of an attempt: for what passes between its steps. */
#define ATTEMPT_SLACK_S 10U

bool hub_link_is_provisioning(const HubLink *link) {
        az_recovery_state state = az_recovery_get_status(&link->recovery).state;

        return state == AZ_RECOVERY_PROVISIONING || state == AZ_RECOVERY_REPROVISIONING;
}

const char *hub_link_get_host(const HubLink *link) {
        return hub_link_is_provisioning(link) ? link->config->provisioning.endpoint : link->credential.host;
}

uint16_t hub_link_get_port(const HubLink *link) {
        return hub_link_is_provisioning(link) ? (uint16_t) link->config->provisioning.port : link->port;
}

/* Each step has its own limit and says what failed; that of the session is for all of them. */
uint16_t hub_link_open_timeout_s(const HubLink *link) {
        return (uint16_t) (SIGN_TIMEOUT_S + route_open_timeout_s(link->config) + ATTEMPT_SLACK_S);
}

uint16_t hub_link_connect_timeout_s(const HubLink *link) {
        uint64_t timeout_s = link->config->network.connack_timeout_s + ATTEMPT_SLACK_S;

        if (link->credential.kind == AZ_CREDENTIAL_X509)
                timeout_s += hub_link_open_timeout_s(link);
        return (uint16_t) timeout_s;
}

void hub_link_fill_endpoint(const HubLink *link, RouteTransport transport, MqttEndpoint *ret) {
        *ret = (MqttEndpoint){
                .host = hub_link_span(hub_link_get_host(link)),
                .ca_file = link->config->hub.trusted_ca_file,
                .certificate_file = link->credential.certificate_file,
                .private_key_file = link->credential.private_key_file,
                .private_key_password_file = link->credential.private_key_password_file,
                .use_proven = link->rollover.choice.use == ROLLOVER_PROVEN,
                .sign_timeout_us = SIGN_TIMEOUT_S * USEC_PER_SEC,
        };
        route_fill_endpoint(link->route, transport,
                            hub_link_is_provisioning(link) ? CLOUD_PROVISIONING : CLOUD_HUB,
                            hub_link_get_port(link), link->credential.certificate_file != NULL, ret);
}

static int keep_string_to_sign(HubLink *link, az_span text) {
        char *copy = NULL;

        if (az_span_size(text) > 0) {
                copy = strndup((const char *) az_span_ptr(text), (size_t) az_span_size(text));
                if (!copy)
                        return -ENOMEM;
        }
        free(link->string_to_sign);
        link->string_to_sign = copy;
        return 0;
}

int hub_link_open(HubLink *link, az_span string_to_sign) {
        bool has_job = az_span_size(string_to_sign) > 0;
        MqttEndpoint endpoint;
        MqttSignJob job = {};
        int r;

        r = keep_string_to_sign(link, string_to_sign);
        if (r < 0)
                return r;
        if (has_job) {
                r = sas_sign_job_new(&job, hub_link_span(link->string_to_sign),
                                     hub_link_span(hub_link_get_key(link)));
                if (r < 0)
                        return r;
        }
        hub_link_fill_endpoint(link, route_begin(link->route), &endpoint);
        r = mqtt_link_open(link->mqtt, &endpoint, has_job ? &job : NULL, boottime_us());
        route_forget_secret(link->route);
        return r;
}

int hub_link_connect(HubLink *link) {
        link->connect.connack_timeout_us = link->config->network.connack_timeout_s * USEC_PER_SEC;
        return mqtt_link_connect(link->mqtt, &link->connect, boottime_us());
}

void hub_link_close(HubLink *link) {
        link->is_open = link->is_accepted = false;
        mqtt_link_close(link->mqtt);
}

/* The network of this machine ------------------------------------------------------------------------------
 */

void hub_link_network_gone(HubLink *link) {
        mqtt_link_hint(link->mqtt, boottime_us());
}

/* Whether another network may be all that was missing. */
static bool is_of_network(Problem problem) {
        Layer layer = problem_get_info(problem)->layer;

        return (layer >= LAYER_NAME && layer <= LAYER_WEBSOCKET) || problem == PROBLEM_CONNACK_TIMEOUT ||
               problem == PROBLEM_BROKEN || problem == PROBLEM_HALF_OPEN;
}

void hub_link_network_up(HubLink *link) {
        route_network_changed(link->route);
        if (!hub_link_is_waiting(link) || !is_of_network(link->record.last.problem))
                return;
        log_message(link->log, MSG_RECONNECTING, "The network has changed, connecting now");
        hub_link_reconnect(link);
}

NetworkAddress hub_link_get_local(const HubLink *link) {
        struct sockaddr_storage address = { .ss_family = AF_UNSPEC };

        (void) mqtt_link_get_local(link->mqtt, &address);
        return network_address_from(&address);
}
