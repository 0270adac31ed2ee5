/* SPDX-License-Identifier: MIT */

#include <mqtt/control.h>

#include <assert.h>

#include <mqtt/flow.h>

/* MQTT 5.0, 2.2.2.2. */
#define PROPERTY_AUTHENTICATION_METHOD 0x15U
#define PROPERTY_AUTHENTICATION_DATA   0x16U
#define PROPERTY_REASON_STRING         0x1fU

typedef enum Kind {
        KIND_NONE, /* not allowed here */
        KIND_FOUR, /* bytes */
        KIND_TEXT, /* and binary data: two bytes of length */
        KIND_PAIR,
} Kind;

static const Kind kinds[] = {
        [0x11] = KIND_FOUR, /* Session Expiry Interval */
        [PROPERTY_AUTHENTICATION_METHOD] = KIND_TEXT,
        [PROPERTY_AUTHENTICATION_DATA] = KIND_TEXT,
        [0x1c] = KIND_TEXT, /* Server Reference */
        [PROPERTY_REASON_STRING] = KIND_TEXT,
        [0x26] = KIND_PAIR, /* User Property */
};

int mqtt_control_parse_number(az_span bytes, uint32_t *ret) {
        const uint8_t *p = az_span_ptr(bytes);
        uint32_t value = 0;

        for (int i = 0; i < 4; i++) {
                if (i >= az_span_size(bytes))
                        return 0;
                value |= (uint32_t) (p[i] & 0x7fU) << (7 * i);
                if ((p[i] & 0x80U) == 0) {
                        *ret = value;
                        return i + 1;
                }
        }
        return -EPROTO;
}

/* Takes 'n' bytes off the front of 's'. */
static int take(az_span *s, int32_t n, az_span *ret) {
        if (az_span_size(*s) < n)
                return -EPROTO;
        *ret = az_span_slice(*s, 0, n);
        *s = az_span_slice_to_end(*s, n);
        return 0;
}

static int take_text(az_span *s, az_span *ret) {
        az_span length;
        int r;

        r = take(s, 2, &length);
        if (r < 0)
                return r;
        return take(s, mqtt_u16(az_span_ptr(length)), ret);
}

/* Takes the length of the properties, and then them. */
static int take_properties(az_span *s, az_span *ret) {
        uint32_t n;
        int r;

        r = mqtt_control_parse_number(*s, &n);
        if (r <= 0)
                return -EPROTO;
        *s = az_span_slice_to_end(*s, r);
        return take(s, (int32_t) n, ret);
}

static int take_property(az_span *s, MqttControl *c) {
        az_span id, value, second;
        unsigned number;
        int r;

        r = take(s, 1, &id);
        if (r < 0)
                return r;
        number = *az_span_ptr(id);
        switch (number < ELEMENTSOF(kinds) ? kinds[number] : KIND_NONE) {
        case KIND_NONE:
                return -EPROTO;
        case KIND_FOUR:
                return take(s, 4, &value);
        case KIND_TEXT:
                r = take_text(s, &value);
                break;
        case KIND_PAIR:
                r = take_text(s, &value);
                return r < 0 ? r : take_text(s, &second);
        }
        if (r < 0)
                return r;
        if (number == PROPERTY_AUTHENTICATION_METHOD)
                c->method = value;
        else if (number == PROPERTY_AUTHENTICATION_DATA)
                c->data = value;
        else if (number == PROPERTY_REASON_STRING)
                c->reason_string = value;
        return 0;
}

static int parse_properties(az_span *body, MqttControl *c) {
        az_span properties;
        int r;

        r = take_properties(body, &properties);
        if (r < 0)
                return r;
        while (az_span_size(properties) > 0) {
                r = take_property(&properties, c);
                if (r < 0)
                        return r;
        }
        return 0;
}

int mqtt_control_parse(az_span body, MqttControl *ret) {
        MqttControl c = {};
        int r;

        /* "The Reason Code and Property Length can be omitted if the Reason Code is 0x00 and there are no
         * Properties." */
        if (az_span_size(body) > 0) {
                c.reason_code = *az_span_ptr(body);
                body = az_span_slice_to_end(body, 1);
        }
        if (az_span_size(body) > 0) {
                r = parse_properties(&body, &c);
                if (r < 0)
                        return r;
        }
        if (az_span_size(body) > 0)
                return -EPROTO;
        *ret = c;
        return 0;
}

int mqtt_control_parse_unsuback(az_span body, MqttControl *ret) {
        MqttControl c = {};
        int r;

        r = parse_properties(&body, &c);
        if (r < 0)
                return r;
        c.codes = body;
        *ret = c;
        return 0;
}

/* ---- AUTH ---- */

/* An identifier and two bytes of length. */
#define TEXT_HEADER 3U

static uint8_t *put_number(uint8_t *p, size_t value) {
        do {
                *p++ = (uint8_t) ((value & 0x7fU) | (value > 0x7fU ? 0x80U : 0U));
                value >>= 7;
        } while (value > 0);
        return p;
}

static uint8_t *put_text(uint8_t *p, unsigned property, az_span text) {
        size_t n = (size_t) az_span_size(text);

        *p = (uint8_t) property;
        mqtt_put_u16(p + 1, (uint16_t) n);
        if (n > 0)
                memcpy(p + TEXT_HEADER, az_span_ptr(text), n);
        return p + TEXT_HEADER + n;
}

int mqtt_control_new_auth(uint8_t reason_code, az_span method, az_span data, uint8_t **ret,
                          size_t *ret_size) {
        size_t n_properties = 2 * TEXT_HEADER + (size_t) az_span_size(method) + (size_t) az_span_size(data);
        uint8_t number[4], *packet, *p;
        size_t n_number = (size_t) (put_number(number, n_properties) - number);

        assert(az_span_size(method) <= UINT16_MAX && az_span_size(data) <= UINT16_MAX);

        packet = malloc(1 + 4 + 1 + n_number + n_properties);
        if (!packet)
                return -ENOMEM;
        packet[0] = MQTT_PACKET_AUTH << 4;
        p = put_number(packet + 1, 1 + n_number + n_properties);
        *p++ = reason_code;
        p = put_number(p, n_properties);
        p = put_text(p, PROPERTY_AUTHENTICATION_METHOD, method);
        p = put_text(p, PROPERTY_AUTHENTICATION_DATA, data);
        *ret = packet;
        *ret_size = (size_t) (p - packet);
        return 0;
}

/* ---- For persons ---- */

const char *mqtt_reason_to_string(uint8_t reason_code) {
        static const char *const names[] = {
                [0x00] = "Success",
                [0x04] = "Disconnect with Will Message",
                [0x10] = "No matching subscribers",
                [0x11] = "No subscription existed",
                [0x18] = "Continue authentication",
                [0x19] = "Re-authenticate",
                [0x80] = "Unspecified error",
                [0x81] = "Malformed Packet",
                [0x82] = "Protocol Error",
                [0x83] = "Implementation specific error",
                [0x84] = "Unsupported Protocol Version",
                [0x85] = "Client Identifier not valid",
                [0x86] = "Bad User Name or Password",
                [0x87] = "Not authorized",
                [0x88] = "Server unavailable",
                [0x89] = "Server busy",
                [0x8a] = "Banned",
                [0x8b] = "Server shutting down",
                [0x8c] = "Bad authentication method",
                [0x8d] = "Keep Alive timeout",
                [0x8e] = "Session taken over",
                [0x8f] = "Topic Filter invalid",
                [0x90] = "Topic Name invalid",
                [0x91] = "Packet Identifier in use",
                [0x92] = "Packet Identifier not found",
                [0x93] = "Receive Maximum exceeded",
                [0x94] = "Topic Alias invalid",
                [0x95] = "Packet too large",
                [0x96] = "Message rate too high",
                [0x97] = "Quota exceeded",
                [0x98] = "Administrative action",
                [0x99] = "Payload format invalid",
                [0x9a] = "Retain not supported",
                [0x9b] = "QoS not supported",
                [0x9c] = "Use another server",
                [0x9d] = "Server moved",
                [0x9e] = "Shared Subscriptions not supported",
                [0x9f] = "Connection rate exceeded",
                [0xa0] = "Maximum connect time",
                [0xa1] = "Subscription Identifiers not supported",
                [0xa2] = "Wildcard Subscriptions not supported",
        };

        return reason_code < ELEMENTSOF(names) && names[reason_code] ? names[reason_code] : "unknown";
}
