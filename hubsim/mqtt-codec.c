/* SPDX-License-Identifier: MIT */

#include "hubsim/mqtt-codec.h"

/* The highest value that four bytes of seven bits can write. */
#define REMAINING_LENGTH_MAX 268435455U

enum {
        CONNECT_CLEAN_SESSION = 1 << 1,
        CONNECT_WILL = 1 << 2,
        CONNECT_WILL_RETAIN = 1 << 5,
        CONNECT_PASSWORD = 1 << 6,
        CONNECT_USER_NAME = 1 << 7,
};

static bool take_u8(az_span *in, unsigned *ret) {
        if (az_span_size(*in) < 1)
                return false;

        *ret = az_span_ptr(*in)[0];
        *in = az_span_slice_to_end(*in, 1);
        return true;
}

static bool take_u16(az_span *in, uint16_t *ret) {
        if (az_span_size(*in) < 2)
                return false;

        *ret = (uint16_t) (az_span_ptr(*in)[0] << 8 | az_span_ptr(*in)[1]);
        *in = az_span_slice_to_end(*in, 2);
        return true;
}

static bool take_binary(az_span *in, az_span *ret) {
        uint16_t n;

        if (!take_u16(in, &n) || az_span_size(*in) < n)
                return false;

        *ret = az_span_slice(*in, 0, n);
        *in = az_span_slice_to_end(*in, n);
        return true;
}

/* "A UTF-8 encoded string MUST NOT include an encoding of the null character U+0000" (§1.5.3). */
static bool take_string(az_span *in, az_span *ret) {
        return take_binary(in, ret) && az_span_is_valid_utf8(*ret) &&
               !memchr(az_span_ptr(*ret), 0, (size_t) az_span_size(*ret));
}

/* "A Control Packet that contains a Packet Identifier MUST contain a non-zero 16-bit" one (§2.3.1). */
static bool take_packet_id(az_span *in, uint16_t *ret) {
        return take_u16(in, ret) && *ret != 0;
}

static bool topic_name_is_valid(az_span topic) {
        if (az_span_size(topic) == 0)
                return false;

        for (int32_t i = 0; i < az_span_size(topic); i++)
                if (az_span_ptr(topic)[i] == '+' || az_span_ptr(topic)[i] == '#')
                        return false;
        return true;
}

/* '+' fills a level alone; '#' does too and is the last one (§4.7.1). */
static bool topic_filter_is_valid(az_span filter) {
        const uint8_t *p = az_span_ptr(filter);
        int32_t n = az_span_size(filter);

        if (n == 0)
                return false;

        for (int32_t i = 0; i < n; i++) {
                bool alone = (i == 0 || p[i - 1] == '/') && (i == n - 1 || p[i + 1] == '/');

                if ((p[i] == '+' && !alone) || (p[i] == '#' && (!alone || i != n - 1)))
                        return false;
        }
        return true;
}

/* Returns the length of the fixed header, 0 if more bytes are needed. */
static int parse_fixed_header(az_span in, uint32_t *ret_remaining) {
        uint32_t value = 0;

        for (int32_t i = 1; i < 5; i++) {
                uint8_t byte;

                if (i >= az_span_size(in))
                        return 0;
                byte = az_span_ptr(in)[i];
                value |= (uint32_t) (byte & 0x7f) << (7 * (i - 1));
                if ((byte & 0x80) == 0) {
                        *ret_remaining = value;
                        return i + 1;
                }
        }
        return -EBADMSG;
}

static bool parse_will(az_span *in, unsigned flags, MqttMessage *ret) {
        ret->qos = (flags >> 3) & 3;
        ret->retain = flags & CONNECT_WILL_RETAIN;
        return ret->qos < 3 && take_string(in, &ret->topic) && take_binary(in, &ret->payload) &&
               topic_name_is_valid(ret->topic);
}

static int parse_connect(az_span in, MqttConnect *ret) {
        az_span protocol;
        unsigned flags;

        if (!take_string(&in, &protocol) || !take_u8(&in, &ret->protocol_level))
                return -EBADMSG;
        /* MQTT 3.1 called itself "MQIsdp"; it too is told which version is spoken here. */
        if (!az_span_is_content_equal(protocol, AZ_SPAN_FROM_STR("MQTT")) &&
            !az_span_is_content_equal(protocol, AZ_SPAN_FROM_STR("MQIsdp")))
                return -EBADMSG;
        if (ret->protocol_level != 4)
                return 0;
        if (az_span_size(protocol) != 4)
                return -EBADMSG;

        if (!take_u8(&in, &flags) || !take_u16(&in, &ret->keep_alive_s) || !take_string(&in, &ret->client_id))
                return -EBADMSG;
        if ((flags & 1) != 0 || ((flags & CONNECT_WILL) == 0 && (flags & 0x38) != 0) ||
            ((flags & CONNECT_PASSWORD) != 0 && (flags & CONNECT_USER_NAME) == 0))
                return -EBADMSG;

        ret->clean_session = flags & CONNECT_CLEAN_SESSION;
        ret->has_will = flags & CONNECT_WILL;
        ret->has_user_name = flags & CONNECT_USER_NAME;
        ret->has_password = flags & CONNECT_PASSWORD;
        if (ret->has_will && !parse_will(&in, flags, &ret->will))
                return -EBADMSG;
        if (ret->has_user_name && !take_string(&in, &ret->user_name))
                return -EBADMSG;
        if (ret->has_password && !take_binary(&in, &ret->password))
                return -EBADMSG;
        return az_span_size(in) == 0 ? 0 : -EBADMSG;
}

static int parse_publish(az_span in, unsigned flags, MqttPublish *ret) {
        ret->message.qos = (flags >> 1) & 3;
        ret->message.retain = flags & 1;
        ret->dup = flags & 8;

        /* "The DUP flag MUST be set to 0 for all QoS 0 messages" (§3.3.1.1). */
        if (ret->message.qos == 3 || (ret->message.qos == 0 && ret->dup))
                return -EBADMSG;
        if (!take_string(&in, &ret->message.topic) || !topic_name_is_valid(ret->message.topic))
                return -EBADMSG;
        if (ret->message.qos > 0 && !take_packet_id(&in, &ret->packet_id))
                return -EBADMSG;

        ret->message.payload = in;
        return 0;
}

static bool take_filter(az_span *in, bool with_qos, az_span *ret_filter, unsigned *ret_qos) {
        *ret_qos = 0;
        return take_string(in, ret_filter) && topic_filter_is_valid(*ret_filter) &&
               (!with_qos || (take_u8(in, ret_qos) && *ret_qos < 3));
}

static int parse_filters(az_span in, bool with_qos, MqttFilters *ret) {
        ret->with_qos = with_qos;
        if (!take_packet_id(&in, &ret->packet_id) || az_span_size(in) == 0)
                return -EBADMSG;

        ret->filters = in;
        while (az_span_size(in) > 0) {
                az_span filter;
                unsigned qos;

                if (!take_filter(&in, with_qos, &filter, &qos))
                        return -EBADMSG;
        }
        return 0;
}

static int parse_packet_id_only(az_span in, uint16_t *ret) {
        return take_packet_id(&in, ret) && az_span_size(in) == 0 ? 0 : -EBADMSG;
}

/* "Where a flag bit is marked as Reserved it MUST be set to the value listed" (§2.2.2). */
static bool flags_are_valid(MqttType type, unsigned flags) {
        switch (type) {
        case MQTT_PUBLISH:
                return true; /* they mean something: parse_publish() */
        case MQTT_SUBSCRIBE:
        case MQTT_UNSUBSCRIBE:
        case MQTT_PUBREL:
                return flags == 2;
        case MQTT_CONNECT:
        case MQTT_PUBACK:
        case MQTT_PUBREC:
        case MQTT_PUBCOMP:
        case MQTT_PINGREQ:
        case MQTT_DISCONNECT:
                return flags == 0;
        case MQTT_CONNACK: /* a server sends these, it never gets them */
        case MQTT_SUBACK:
        case MQTT_UNSUBACK:
        case MQTT_PINGRESP:
        case _MQTT_TYPE_MAX:
        case _MQTT_TYPE_INVALID:
                return false;
        }
        return false;
}

static int parse_body(az_span body, unsigned flags, MqttPacket *ret) {
        switch (ret->type) {
        case MQTT_CONNECT:
                return parse_connect(body, &ret->connect);
        case MQTT_PUBLISH:
                return parse_publish(body, flags, &ret->publish);
        case MQTT_SUBSCRIBE:
        case MQTT_UNSUBSCRIBE:
                return parse_filters(body, ret->type == MQTT_SUBSCRIBE, &ret->filters);
        case MQTT_PUBACK:
        case MQTT_PUBREC:
        case MQTT_PUBREL:
        case MQTT_PUBCOMP:
                return parse_packet_id_only(body, &ret->packet_id);
        case MQTT_PINGREQ:
        case MQTT_DISCONNECT:
        case MQTT_CONNACK:
        case MQTT_SUBACK:
        case MQTT_UNSUBACK:
        case MQTT_PINGRESP:
        case _MQTT_TYPE_MAX:
        case _MQTT_TYPE_INVALID:
                break;
        }
        return az_span_size(body) == 0 ? 0 : -EBADMSG;
}

int mqtt_parse(az_span input, MqttPacket *ret) {
        MqttPacket packet = {};
        uint32_t remaining = 0;
        unsigned flags;
        int header, r;

        if (az_span_size(input) == 0)
                return 0;
        packet.type = (MqttType) (az_span_ptr(input)[0] >> 4);
        flags = az_span_ptr(input)[0] & 0x0f;
        if (!flags_are_valid(packet.type, flags))
                return -EBADMSG; /* at once: who speaks something else would be waited for otherwise */
        header = parse_fixed_header(input, &remaining);
        if (header <= 0)
                return header;
        if (remaining > MQTT_PACKET_MAX)
                return -EMSGSIZE;
        if (az_span_size(input) - header < (int32_t) remaining)
                return 0;

        r = parse_body(az_span_slice(input, header, header + (int32_t) remaining), flags, &packet);
        if (r < 0)
                return r;

        *ret = packet;
        return header + (int) remaining;
}

bool mqtt_filter_next(MqttFilters *filters, az_span *ret_filter, unsigned *ret_qos) {
        return az_span_size(filters->filters) > 0 &&
               take_filter(&filters->filters, filters->with_qos, ret_filter, ret_qos);
}

static int append_header(IpcBuffer *out, MqttType type, unsigned flags, size_t remaining) {
        uint8_t header[5] = { (uint8_t) ((unsigned) type << 4 | flags) };
        size_t n = 1;

        if (remaining > REMAINING_LENGTH_MAX)
                return -E2BIG;

        do {
                header[n] = (uint8_t) (remaining & 0x7f);
                remaining >>= 7;
                if (remaining > 0)
                        header[n] |= 0x80;
                n++;
        } while (remaining > 0);
        return buffer_append(out, header, n);
}

static int append_u16(IpcBuffer *out, uint16_t value) {
        return buffer_append(out, (uint8_t[]){ (uint8_t) (value >> 8), (uint8_t) value }, 2);
}

int mqtt_append_connack(IpcBuffer *out, bool session_present, MqttConnackCode code) {
        return buffer_append(out, (uint8_t[]){ MQTT_CONNACK << 4, 2, session_present, (uint8_t) code }, 4);
}

int mqtt_append_publish(IpcBuffer *out, const MqttPublish *publish) {
        const MqttMessage *m = &publish->message;
        size_t n =
                (m->qos > 0 ? 4U : 2U) + (size_t) az_span_size(m->topic) + (size_t) az_span_size(m->payload);
        int r;

        if (az_span_size(m->topic) > UINT16_MAX)
                return -E2BIG;

        r = append_header(out, MQTT_PUBLISH, (publish->dup ? 8U : 0U) | m->qos << 1 | (m->retain ? 1U : 0U),
                          n);
        if (r < 0)
                return r;
        r = append_u16(out, (uint16_t) az_span_size(m->topic));
        if (r < 0)
                return r;
        r = buffer_append_span(out, m->topic);
        if (r >= 0 && m->qos > 0)
                r = append_u16(out, publish->packet_id);
        if (r < 0)
                return r;
        return buffer_append_span(out, m->payload);
}

static int append_packet_id_only(IpcBuffer *out, MqttType type, uint16_t packet_id) {
        uint8_t packet[] = { (uint8_t) (type << 4), 2, (uint8_t) (packet_id >> 8), (uint8_t) packet_id };

        return buffer_append(out, packet, sizeof(packet));
}

int mqtt_append_puback(IpcBuffer *out, uint16_t packet_id) {
        return append_packet_id_only(out, MQTT_PUBACK, packet_id);
}

int mqtt_append_suback(IpcBuffer *out, uint16_t packet_id, const uint8_t *codes, size_t n_codes) {
        int r;

        r = append_header(out, MQTT_SUBACK, 0, 2 + n_codes);
        if (r < 0)
                return r;
        r = append_u16(out, packet_id);
        if (r < 0)
                return r;
        return buffer_append(out, codes, n_codes);
}

int mqtt_append_unsuback(IpcBuffer *out, uint16_t packet_id) {
        return append_packet_id_only(out, MQTT_UNSUBACK, packet_id);
}

int mqtt_append_pingresp(IpcBuffer *out) {
        return buffer_append(out, (uint8_t[]){ MQTT_PINGRESP << 4, 0 }, 2);
}
