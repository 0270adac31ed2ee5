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
        const Config *c = link->config;

        return (uint16_t) (SIGN_TIMEOUT_S + c->network.resolve_timeout_s + c->network.connect_timeout_s +
                           c->network.tls_timeout_s + ATTEMPT_SLACK_S);
}

int hub_link_open(HubLink *link, az_span string_to_sign) {
        const Config *c = link->config;
        MqttEndpoint endpoint = {
                .host = hub_link_span(hub_link_get_host(link)),
                .port = hub_link_get_port(link),
                .ca_file = c->hub.trusted_ca_file,
                .certificate_file = link->credential.certificate_file,
                .private_key_file = link->credential.private_key_file,
                .private_key_password_file = link->credential.private_key_password_file,
                .sign_timeout_us = SIGN_TIMEOUT_S * USEC_PER_SEC,
                .name_timeout_us = c->network.resolve_timeout_s * USEC_PER_SEC,
                .tcp_timeout_us = c->network.connect_timeout_s * USEC_PER_SEC,
                .tls_timeout_us = c->network.tls_timeout_s * USEC_PER_SEC,
        };
        MqttSignJob job = {};
        int r;

        if (az_span_size(string_to_sign) == 0)
                return mqtt_link_open(link->mqtt, &endpoint, NULL, boottime_us());
        r = sas_sign_job_new(&job, string_to_sign, hub_link_span(link->credential.key));
        if (r < 0)
                return r;
        return mqtt_link_open(link->mqtt, &endpoint, &job, boottime_us());
}

int hub_link_connect(HubLink *link) {
        return mqtt_link_connect(link->mqtt, &link->connect, boottime_us());
}

void hub_link_close(HubLink *link) {
        link->is_open = link->is_accepted = false;
        mqtt_link_close(link->mqtt);
}
