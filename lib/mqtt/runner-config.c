/* SPDX-License-Identifier: MIT */

#include <mqtt/runner-internal.h>

/* The strings of the configuration; those that are paths have to be absolute. */
static const struct {
        size_t offset;
        bool is_path;
} strings[] = {
        { offsetof(MqttRunnerConfig, host), false },
        { offsetof(MqttRunnerConfig, client_id), false },
        { offsetof(MqttRunnerConfig, ca_file), true },
        { offsetof(MqttRunnerConfig, certificate_file), true },
        { offsetof(MqttRunnerConfig, private_key_file), true },
        { offsetof(MqttRunnerConfig, private_key_password_file), true },
        { offsetof(MqttRunnerConfig, token_file), true },
        { offsetof(MqttRunnerConfig, token_method), false },
        { offsetof(MqttRunnerConfig, user_name), false },
        { offsetof(MqttRunnerConfig, password_file), true },
        { offsetof(MqttRunnerConfig, runtime_dir), true },
};

static const char **string_of(MqttRunnerConfig *config, size_t offset) {
        return (const char **) (void *) ((char *) config + offset);
}

MqttRunnerConfig mqtt_runner_config_default(void) {
        return (MqttRunnerConfig){
                .port = 8883,
                .session_expiry_s = 3600,
                .keep_alive_s = 60,
                .receive_max = 1024,
                .connect_timeout_s = 30,
                .max_packet_bytes = MQTT_PACKET_BYTES_DEFAULT,
                .token_method = MQTT_RUNNER_TOKEN_METHOD,
                .n_waiting = 1024,
                .window = MQTT_WINDOW_DEFAULT,
                .when_full = AZ_BROKER_WHEN_FULL_REJECT,
                .token_retries = 5,
                .rival_links = 5,
        };
}

static bool has_required(const MqttRunnerConfig *c) {
        return c->host && c->host[0] != '\0' && c->client_id && c->client_id[0] != '\0' &&
               !(c->token_file && (!c->token_method || c->token_method[0] == '\0'));
}

static bool is_consistent(const MqttRunnerConfig *c) {
        return !(c->token_file && c->password_file) && !(c->private_key_file && !c->certificate_file) &&
               !(c->private_key_password_file && !c->certificate_file);
}

static bool is_within_limits(const MqttRunnerConfig *c) {
        return c->port > 0 && c->keep_alive_s > 0 && c->receive_max > 0 && c->connect_timeout_s > 0 &&
               c->n_waiting > 0 && c->window > 0 && c->window <= MQTT_WINDOW_LIMIT &&
               (unsigned) c->when_full < _AZ_BROKER_WHEN_FULL_MAX;
}

static int copy_strings(MqttRunnerConfig *to, const MqttRunnerConfig *from) {
        for (size_t i = 0; i < ELEMENTSOF(strings); i++)
                *string_of(to, strings[i].offset) = NULL;
        for (size_t i = 0; i < ELEMENTSOF(strings); i++) {
                const char *s =
                        *(const char *const *) (const void *) ((const char *) from + strings[i].offset);
                const char **copy = string_of(to, strings[i].offset);

                if (!s)
                        continue;
                if (strings[i].is_path && s[0] != '/')
                        return -EINVAL;
                *copy = strdup(s);
                if (!*copy)
                        return -ENOMEM;
        }
        return 0;
}

/* One message without anything else carries the user properties through mqtt_message_copy(). */
static int copy_properties(MqttRunner *r, const MqttRunnerConfig *config) {
        az_mqtt_message from = {
                .user_properties = config->user_properties,
                .n_user_properties = config->n_user_properties,
        };
        az_mqtt_message copy;

        r->properties_bytes = malloc(mqtt_message_size(&from) + 1);
        if (!r->properties_bytes)
                return -ENOMEM;
        mqtt_message_copy(&copy, &from, r->properties_bytes);
        r->config.user_properties = copy.user_properties;
        return 0;
}

static int copy_will(MqttRunner *r, const MqttWill *will) {
        if (!will)
                return 0;
        r->will_bytes = malloc(mqtt_message_size(will->message) + 1);
        if (!r->will_bytes)
                return -ENOMEM;
        mqtt_message_copy(&r->will_message, will->message, r->will_bytes);
        r->will = (MqttWill){ .message = &r->will_message, .delay_s = will->delay_s };
        r->config.will = &r->will;
        return 0;
}

static bool is_too_large(const az_mqtt_user_property *properties, int32_t n) {
        size_t n_bytes = 0;

        for (int32_t i = 0; i < n; i++)
                n_bytes +=
                        (size_t) az_span_size(properties[i].key) + (size_t) az_span_size(properties[i].value);
        return n > (int32_t) MQTT_USER_PROPERTIES_MAX || n_bytes > MQTT_PROPERTIES_BYTES_MAX;
}

int runner_config_copy(MqttRunner *r, const MqttRunnerConfig *config) {
        int e;

        if (!has_required(config) || !is_consistent(config) || !is_within_limits(config))
                return -EINVAL;
        if (is_too_large(config->user_properties, config->n_user_properties) ||
            (config->will &&
             is_too_large(config->will->message->user_properties, config->will->message->n_user_properties)))
                return -EMSGSIZE;

        r->config = *config;
        r->config.will = NULL;
        r->config.user_properties = NULL;
        e = copy_strings(&r->config, config);
        if (e < 0)
                return e;
        e = copy_properties(r, config);
        if (e < 0)
                return e;
        return copy_will(r, config->will);
}

void runner_config_done(MqttRunner *r) {
        for (size_t i = 0; i < ELEMENTSOF(strings); i++) {
                const char **s = string_of(&r->config, strings[i].offset);

                free((void *) *s);
                *s = NULL;
        }
        free(r->will_bytes);
        free(r->properties_bytes);
}
