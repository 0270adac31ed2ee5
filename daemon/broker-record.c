/* SPDX-License-Identifier: MIT */

#include "daemon/broker-record.h"

#define VERSION     1U
#define FLAG_RETAIN 0x01U

/* MQTT 5.0, table 2-4. */
enum {
        PROPERTY_PAYLOAD_FORMAT = 0x01,
        PROPERTY_MESSAGE_EXPIRY = 0x02,
        PROPERTY_CONTENT_TYPE = 0x03,
        PROPERTY_USER = 0x26,
};

/* Writing --------------------------------------------------------------------------------------------- */

static bool put_number(az_span *rest, uint32_t number, int32_t n_bytes) {
        if (az_span_size(*rest) < n_bytes)
                return false;
        for (int32_t i = 0; i < n_bytes; i++)
                az_span_ptr(*rest)[i] = (uint8_t) (number >> 8 * (n_bytes - 1 - i));
        *rest = az_span_slice_to_end(*rest, n_bytes);
        return true;
}

static bool put_text(az_span *rest, az_span text) {
        if (az_span_size(text) > UINT16_MAX || az_span_size(*rest) < az_span_size(text) + 2)
                return false;
        (void) put_number(rest, (uint32_t) az_span_size(text), 2);
        *rest = az_span_copy(*rest, text);
        return true;
}

bool broker_record_format(const az_mqtt_message *m, az_span destination, az_span *ret) {
        az_span rest = destination;
        bool is_good;

        is_good = put_number(&rest, VERSION, 1) && put_number(&rest, m->retain ? FLAG_RETAIN : 0, 1) &&
                  put_text(&rest, m->topic);
        if (is_good && m->has_payload_format)
                is_good = put_number(&rest, PROPERTY_PAYLOAD_FORMAT, 1) &&
                          put_number(&rest, m->payload_format, 1);
        if (is_good && m->has_message_expiry)
                is_good = put_number(&rest, PROPERTY_MESSAGE_EXPIRY, 1) &&
                          put_number(&rest, m->message_expiry_s, 4);
        if (is_good && az_span_ptr(m->content_type))
                is_good = put_number(&rest, PROPERTY_CONTENT_TYPE, 1) && put_text(&rest, m->content_type);
        for (int32_t i = 0; i < m->n_user_properties && is_good; i++)
                is_good = put_number(&rest, PROPERTY_USER, 1) && put_text(&rest, m->user_properties[i].key) &&
                          put_text(&rest, m->user_properties[i].value);
        if (is_good)
                *ret = az_span_slice(destination, 0, az_span_size(destination) - az_span_size(rest));
        return is_good && m->n_user_properties <= (int32_t) BROKER_RECORD_PROPERTIES_MAX;
}

/* Reading --------------------------------------------------------------------------------------------- */

static bool take_number(az_span *rest, uint32_t *ret, int32_t n_bytes) {
        uint32_t number = 0;

        if (az_span_size(*rest) < n_bytes)
                return false;
        for (int32_t i = 0; i < n_bytes; i++)
                number = number << 8 | az_span_ptr(*rest)[i];
        *rest = az_span_slice_to_end(*rest, n_bytes);
        *ret = number;
        return true;
}

static bool take_text(az_span *rest, az_span *ret) {
        uint32_t size;

        if (!take_number(rest, &size, 2) || az_span_size(*rest) < (int32_t) size)
                return false;
        *ret = az_span_slice(*rest, 0, (int32_t) size);
        *rest = az_span_slice_to_end(*rest, (int32_t) size);
        return true;
}

static bool take_user_property(az_span *rest, az_mqtt_message *m, az_mqtt_user_property *properties) {
        az_mqtt_user_property *p = &properties[m->n_user_properties];

        if (m->n_user_properties == (int32_t) BROKER_RECORD_PROPERTIES_MAX || !take_text(rest, &p->key) ||
            !take_text(rest, &p->value))
                return false;
        m->n_user_properties++;
        return true;
}

static bool take_property(az_span *rest, az_mqtt_message *m, az_mqtt_user_property *properties) {
        uint32_t id, number;

        if (!take_number(rest, &id, 1))
                return false;
        switch (id) {
        case PROPERTY_PAYLOAD_FORMAT:
                m->has_payload_format = take_number(rest, &number, 1);
                m->payload_format = m->has_payload_format ? (uint8_t) number : 0;
                return m->has_payload_format;
        case PROPERTY_MESSAGE_EXPIRY:
                m->has_message_expiry = take_number(rest, &m->message_expiry_s, 4);
                return m->has_message_expiry;
        case PROPERTY_CONTENT_TYPE:
                return take_text(rest, &m->content_type);
        case PROPERTY_USER:
                return take_user_property(rest, m, properties);
        default:
                return false;
        }
}

bool broker_record_parse(az_span record, az_mqtt_message *ret, az_mqtt_user_property *properties) {
        az_mqtt_message m = { .qos = 1, .user_properties = properties };
        uint32_t version, flags;

        if (!take_number(&record, &version, 1) || version != VERSION || !take_number(&record, &flags, 1) ||
            !take_text(&record, &m.topic))
                return false;
        m.retain = flags & FLAG_RETAIN;
        while (az_span_size(record) > 0)
                if (!take_property(&record, &m, properties))
                        return false;
        *ret = m;
        return true;
}

void broker_record_age(az_mqtt_message *message, uint64_t age_us) {
        uint64_t age_s = age_us / USEC_PER_SEC;

        if (message->has_message_expiry)
                message->message_expiry_s =
                        age_s < message->message_expiry_s ? message->message_expiry_s - (uint32_t) age_s : 1;
}
