/* SPDX-License-Identifier: MIT */

/* The broker's settings, and the way to it, which has neither a proxy nor WebSocket. */

#include "daemon/check-internal.h"

#include <syslog.h>

void check_broker_settings(Check *c) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        CheckResult result = { .step = "identity", .service = "broker" };
        uint64_t begun_us = boottime_us();
        char text[CHECK_TEXT_MAX];
        int r;

        r = broker_settings_load(&c->broker, c->c.config, getenv("CREDENTIALS_DIRECTORY"), &messages);
        if (r == 0)
                (void) snprintf(text, sizeof(text), "Client '%s' at '%s'",
                                c->broker.strings[AIO_SETTING_CLIENT_ID],
                                c->broker.strings[AIO_SETTING_HOST]);
        else if (messages.n > 0)
                (void) config_message_format(&messages.messages[0], text, sizeof(text));
        else
                (void) snprintf(text, sizeof(text), "The settings cannot be loaded: %s", strerror(-r));
        result.outcome = r == 0 ? CHECK_OK : CHECK_FAILED;
        result.text = text;
        if (r != 0)
                result.advice =
                        "Correct [Broker] in the configuration, or what it names; 'aziotd --check-config' "
                        "checks them all.";
        result.duration_us = boottime_us() - begun_us;
        c->func(c->userdata, &result);
}

void check_broker_fill_endpoint(const Check *c, MqttEndpoint *ret) {
        char *const *strings = c->broker.strings;

        ret->port = c->broker.settings.port;
        ret->no_tls = !c->broker.settings.tls;
        ret->ca_file = strings[AIO_SETTING_CA_FILE];
        ret->ca_only = ret->ca_file != NULL;
        ret->certificate_file = strings[AIO_SETTING_CERTIFICATE_FILE];
        ret->private_key_file = strings[AIO_SETTING_KEY_FILE];
        ret->private_key_password_file = strings[AIO_SETTING_KEY_PASSWORD_FILE];
}
