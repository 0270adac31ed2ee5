/* SPDX-License-Identifier: MIT */

/* What CONNECT says. */

#include <mqtt/client-internal.h>

#include <mqtt_protocol.h>

static void string_wipep(char **s) {
        if (*s)
                explicit_bzero(*s, strlen(*s));
        free(*s);
}

int mqtt_string_from_span(char **ret, az_span s) {
        size_t n = (size_t) az_span_size(s);

        if (n == 0)
                return 0;
        if (n > UINT16_MAX || memchr(az_span_ptr(s), '\0', n))
                return -EINVAL;
        *ret = strndup((const char *) az_span_ptr(s), n);
        return *ret ? 0 : -ENOMEM;
}

static int client_set_credentials(MqttClient *c, const MqttConnect *connect) {
        _cleanup_(freep) char *user_name = NULL;
        _cleanup_(string_wipep) char *password = NULL;
        int r;

        r = mqtt_string_from_span(&user_name, connect->user_name);
        if (r < 0)
                return r;
        r = mqtt_string_from_span(&password, connect->password);
        if (r < 0)
                return r;
        return mqtt_error_from_mosquitto(mosquitto_username_pw_set(c->mosquitto, user_name, password));
}

static int client_set_will(MqttClient *c, const MqttWill *will) {
        const az_mqtt_message *m = will->message;
        _cleanup_(freep) char *topic = NULL;
        int r;

        if (az_span_size(m->payload) > UINT16_MAX)
                return -EMSGSIZE;
        if (m->qos > 1)
                return -EINVAL;
        r = mqtt_string_from_span(&topic, m->topic);
        if (r < 0)
                return r;
        r = mqtt_properties_add_message(&c->properties, m);
        if (r >= 0 && will->delay_s > 0)
                r = mqtt_properties_add_u32(&c->properties, MQTT_PROP_WILL_DELAY_INTERVAL, will->delay_s);
        if (r < 0)
                return r;
        r = mqtt_error_from_mosquitto(mosquitto_will_set_v5(c->mosquitto, topic, az_span_size(m->payload),
                                                            az_span_ptr(m->payload), m->qos, m->retain,
                                                            c->properties.list));
        if (r < 0)
                return r;
        c->properties.list = NULL; /* libmosquitto has it now */
        return 0;
}

static int client_set_properties(MqttClient *c, const MqttConnect *connect, unsigned receive_max) {
        MqttProperties *p = &c->properties;
        int r;

        r = mqtt_properties_init(p);
        if (r < 0)
                return r;
        if (connect->will) {
                r = client_set_will(c, connect->will);
                if (r < 0)
                        return r;
        }
        mqtt_properties_clear(p);
        r = mqtt_properties_add_u16(p, MQTT_PROP_RECEIVE_MAXIMUM, (uint16_t) receive_max);
        if (r >= 0 && connect->session_expiry_s > 0)
                r = mqtt_properties_add_u32(p, MQTT_PROP_SESSION_EXPIRY_INTERVAL, connect->session_expiry_s);
        if (r >= 0)
                r = mqtt_properties_add_users(p, connect->user_properties, connect->n_user_properties);
        if (r < 0 || az_span_size(connect->authentication_method) == 0)
                return r;
        r = mqtt_properties_add_text(p, MQTT_PROP_AUTHENTICATION_METHOD, connect->authentication_method);
        return r < 0 ? r : mqtt_properties_add_secret(p, connect->authentication_data);
}

/* What MQTT 3.1.1 cannot say. */
static bool connect_needs_v5(const MqttConnect *connect) {
        return connect->session_expiry_s > 0 || az_span_size(connect->authentication_method) > 0 ||
               connect->n_user_properties > 0 || connect->will != NULL;
}

static int client_new_mosquitto(MqttClient *c, const MqttConnect *connect) {
        _cleanup_(freep) char *client_id = NULL;
        int r;

        r = mqtt_string_from_span(&client_id, connect->client_id);
        if (r < 0)
                return r;
        if (!client_id && !(c->is_v5 && connect->clean_session))
                return -EINVAL;
        c->mosquitto = mosquitto_new(client_id, connect->clean_session, c);
        if (!c->mosquitto)
                return errno == ENOMEM ? -ENOMEM : -EINVAL; /* for bad UTF-8 errno is not set */

        r = mosquitto_threaded_set(c->mosquitto, true);
        if (r == MOSQ_ERR_SUCCESS)
                r = mosquitto_int_option(c->mosquitto, MOSQ_OPT_PROTOCOL_VERSION,
                                         c->is_v5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
        if (r == MOSQ_ERR_SUCCESS)
                r = mosquitto_max_inflight_messages_set(c->mosquitto, c->window);
        return mqtt_error_from_mosquitto(r);
}

int mqtt_client_set_up(MqttClient *c, const MqttConnect *connect, unsigned receive_max) {
        int r;

        if (!c->is_v5 &&
            (connect_needs_v5(connect) || (connect->version != 0 && connect->version != MQTT_VERSION_3_1_1)))
                return -EINVAL;
        r = client_new_mosquitto(c, connect);
        if (r < 0)
                return r;
        mqtt_client_set_callbacks(c);
        if (c->is_v5) {
                r = client_set_properties(c, connect, receive_max);
                if (r < 0)
                        return r;
        }
        return client_set_credentials(c, connect);
}
