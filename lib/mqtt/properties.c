/* SPDX-License-Identifier: MIT */

#include <mqtt/properties.h>

#include <mqtt_protocol.h>

/* An identifier, and one or two lengths. */
#define TEXT_HEADER 3U
#define PAIR_HEADER 5U

/* Two NUL-terminated copies of what fits into a list. */
#define TEXT_SIZE (MQTT_PROPERTIES_BYTES_MAX + 2U)

int mqtt_properties_init(MqttProperties *p) {
        *p = (MqttProperties){ .text = malloc(TEXT_SIZE) };
        return p->text ? 0 : -ENOMEM;
}

void mqtt_properties_clear(MqttProperties *p) {
        mosquitto_property_free_all(&p->list);
        p->n_bytes = 0;
}

void mqtt_properties_done(MqttProperties *p) {
        mqtt_properties_clear(p);
        free(p->text);
        free(p->users);
        *p = MQTT_PROPERTIES_NULL;
}

/* ---- Making a list ---- */

static int error_from_adding(int rc) {
        if (rc == MOSQ_ERR_SUCCESS)
                return 0;
        return rc == MOSQ_ERR_NOMEM ? -ENOMEM : -EINVAL;
}

/* Counts what is about to be added. */
static int properties_count(MqttProperties *p, size_t n_bytes) {
        if (n_bytes > MQTT_PROPERTIES_BYTES_MAX - p->n_bytes)
                return -EMSGSIZE;
        p->n_bytes += n_bytes;
        return 0;
}

/* Of a text that is known to fit: makes a string of it, and moves on behind it. */
static int put_string(az_span text, char **next, const char **ret) {
        size_t n = (size_t) az_span_size(text);

        if (mosquitto_validate_utf8((const char *) az_span_ptr(text), (int) n) != MOSQ_ERR_SUCCESS)
                return -EINVAL;
        memcpy(*next, az_span_ptr(text), n);
        (*next)[n] = '\0';
        *ret = *next;
        *next += n + 1;
        return 0;
}

int mqtt_properties_add_text(MqttProperties *p, int identifier, az_span text) {
        char *next = (char *) p->text;
        const char *string;
        int r;

        if (az_span_size(text) == 0)
                return 0;
        r = properties_count(p, TEXT_HEADER + (size_t) az_span_size(text));
        if (r < 0)
                return r;
        r = put_string(text, &next, &string);
        if (r < 0)
                return r;
        return error_from_adding(mosquitto_property_add_string(&p->list, identifier, string));
}

static int properties_add_user(MqttProperties *p, const az_mqtt_user_property *u) {
        az_span key = az_span_ptr(u->key) ? u->key : AZ_SPAN_FROM_STR("");
        az_span value = az_span_ptr(u->value) ? u->value : AZ_SPAN_FROM_STR("");
        size_t n_key = (size_t) az_span_size(key), n_value = (size_t) az_span_size(value);
        char *next = (char *) p->text;
        const char *key_string, *value_string;
        int r;

        r = properties_count(p, PAIR_HEADER + n_key + n_value);
        if (r < 0)
                return r;
        r = put_string(key, &next, &key_string);
        if (r < 0)
                return r;
        r = put_string(value, &next, &value_string);
        if (r < 0)
                return r;
        return error_from_adding(mosquitto_property_add_string_pair(&p->list, MQTT_PROP_USER_PROPERTY,
                                                                    key_string, value_string));
}

int mqtt_properties_add_users(MqttProperties *p, const az_mqtt_user_property *users, int32_t n) {
        int r;

        if (n < 0 || n > (int32_t) MQTT_USER_PROPERTIES_MAX)
                return -EMSGSIZE;
        for (int32_t i = 0; i < n; i++) {
                r = properties_add_user(p, &users[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int properties_add_data(MqttProperties *p, int identifier, az_span data) {
        if (!az_span_ptr(data))
                return 0;
        return error_from_adding(mosquitto_property_add_binary(&p->list, identifier, az_span_ptr(data),
                                                               (uint16_t) az_span_size(data)));
}

int mqtt_properties_add_secret(MqttProperties *p, az_span data) {
        if ((size_t) az_span_size(data) > MQTT_SECRET_MAX)
                return -EMSGSIZE;
        return properties_add_data(p, MQTT_PROP_AUTHENTICATION_DATA, data);
}

int mqtt_properties_add_u16(MqttProperties *p, int identifier, uint16_t value) {
        int r = properties_count(p, 1 + sizeof(value));

        return r < 0 ? r : error_from_adding(mosquitto_property_add_int16(&p->list, identifier, value));
}

int mqtt_properties_add_u32(MqttProperties *p, int identifier, uint32_t value) {
        int r = properties_count(p, 1 + sizeof(value));

        return r < 0 ? r : error_from_adding(mosquitto_property_add_int32(&p->list, identifier, value));
}

static int properties_add_payload_format(MqttProperties *p, uint8_t format) {
        int r = format > 1 ? -EINVAL : properties_count(p, 1 + sizeof(format));

        if (r < 0)
                return r;
        return error_from_adding(
                mosquitto_property_add_byte(&p->list, MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, format));
}

int mqtt_properties_add_message(MqttProperties *p, const az_mqtt_message *message) {
        int r = 0;

        if (message->has_payload_format)
                r = properties_add_payload_format(p, message->payload_format);
        if (r >= 0 && message->has_message_expiry)
                r = mqtt_properties_add_u32(p, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, message->message_expiry_s);
        if (r >= 0)
                r = mqtt_properties_add_text(p, MQTT_PROP_CONTENT_TYPE, message->content_type);
        if (r >= 0)
                r = mqtt_properties_add_text(p, MQTT_PROP_RESPONSE_TOPIC, message->response_topic);
        if (r >= 0 && az_span_ptr(message->correlation_data))
                r = properties_count(p, TEXT_HEADER + (size_t) az_span_size(message->correlation_data));
        if (r >= 0)
                r = properties_add_data(p, MQTT_PROP_CORRELATION_DATA, message->correlation_data);
        if (r >= 0)
                r = mqtt_properties_add_users(p, message->user_properties, message->n_user_properties);
        return r;
}

/* ---- Reading one ---- */

/* Moves what libmosquitto has copied into 'p', and frees that. */
static int properties_keep(MqttProperties *p, void *copy, size_t n, az_span *ret) {
        int r = 0;

        if (!copy)
                return -ENOMEM;
        if (n > TEXT_SIZE - p->n_bytes)
                r = -EMSGSIZE;
        else {
                memcpy(p->text + p->n_bytes, copy, n);
                *ret = az_span_create(p->text + p->n_bytes, (int32_t) n);
                p->n_bytes += n;
        }
        free(copy);
        return r;
}

static int properties_read_string(MqttProperties *p, const mosquitto_property *property, az_span *ret) {
        char *copy = NULL;

        (void) mosquitto_property_read_string(property, mosquitto_property_identifier(property), &copy,
                                              false);
        return properties_keep(p, copy, copy ? strlen(copy) : 0, ret);
}

static int properties_read_data(MqttProperties *p, const mosquitto_property *property, az_span *ret) {
        void *copy = NULL;
        uint16_t n = 0;

        (void) mosquitto_property_read_binary(property, mosquitto_property_identifier(property), &copy, &n,
                                              false);
        return properties_keep(p, copy, n, ret);
}

static int properties_read_user(MqttProperties *p, const mosquitto_property *property,
                                az_mqtt_user_property *ret) {
        char *key = NULL, *value = NULL;
        int r;

        (void) mosquitto_property_read_string_pair(property, MQTT_PROP_USER_PROPERTY, &key, &value, false);
        r = properties_keep(p, key, key ? strlen(key) : 0, &ret->key);
        if (r < 0) {
                free(value);
                return r;
        }
        return properties_keep(p, value, value ? strlen(value) : 0, &ret->value);
}

static int properties_make_room_for_users(MqttProperties *p, const mosquitto_property *list) {
        az_mqtt_user_property *grown;
        size_t n = 0;

        for (const mosquitto_property *i = list; i; i = mosquitto_property_next(i))
                n += mosquitto_property_identifier(i) == MQTT_PROP_USER_PROPERTY;
        if (n <= p->users_size)
                return 0;
        grown = reallocarray(p->users, n, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        p->users = grown;
        p->users_size = n;
        return 0;
}

static int properties_read_one(MqttProperties *p, const mosquitto_property *property, az_mqtt_message *m) {
        switch (mosquitto_property_identifier(property)) {
        case MQTT_PROP_PAYLOAD_FORMAT_INDICATOR:
                m->has_payload_format = true;
                (void) mosquitto_property_read_byte(property, MQTT_PROP_PAYLOAD_FORMAT_INDICATOR,
                                                    &m->payload_format, false);
                return 0;
        case MQTT_PROP_MESSAGE_EXPIRY_INTERVAL:
                m->has_message_expiry = true;
                (void) mosquitto_property_read_int32(property, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL,
                                                     &m->message_expiry_s, false);
                return 0;
        case MQTT_PROP_CONTENT_TYPE:
                return properties_read_string(p, property, &m->content_type);
        case MQTT_PROP_RESPONSE_TOPIC:
                return properties_read_string(p, property, &m->response_topic);
        case MQTT_PROP_CORRELATION_DATA:
                return properties_read_data(p, property, &m->correlation_data);
        case MQTT_PROP_USER_PROPERTY:
                return properties_read_user(p, property, &p->users[m->n_user_properties++]);
        default:
                return 0; /* a subscription identifier: we never ask for one */
        }
}

int mqtt_properties_read_message(MqttProperties *p, const mosquitto_property *list,
                                 az_mqtt_message *message) {
        int r;

        mqtt_properties_clear(p);
        r = properties_make_room_for_users(p, list);
        if (r < 0)
                return r;
        message->user_properties = p->users;
        message->n_user_properties = 0;
        for (const mosquitto_property *i = list; i; i = mosquitto_property_next(i)) {
                r = properties_read_one(p, i, message);
                if (r < 0)
                        return r;
        }
        return 0;
}

int mqtt_properties_read_text(MqttProperties *p, const mosquitto_property *list, int identifier,
                              az_span *ret) {
        const mosquitto_property *i = list;

        *ret = AZ_SPAN_EMPTY;
        while (i && mosquitto_property_identifier(i) != identifier)
                i = mosquitto_property_next(i);
        if (!i)
                return 0;
        if (identifier == MQTT_PROP_AUTHENTICATION_DATA)
                return properties_read_data(p, i, ret);
        return properties_read_string(p, i, ret);
}
