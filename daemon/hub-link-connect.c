/* SPDX-License-Identifier: MIT */

/*
 * The one connection that both sessions share: where to, with what. A token is signed while the transport is
 * opened, CONNECT follows when the session has it; with a certificate CONNECT is there first, and waits.
 */

#include "daemon/hub-link-internal.h"

#include <mqtt/sas.h>

int hub_link_open(HubLink *link, const char *host, uint16_t port, az_span string_to_sign) {
        const Config *c = link->config;
        MqttEndpoint endpoint = {
                .host = hub_link_span(host),
                .port = port,
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
