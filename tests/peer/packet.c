/* SPDX-License-Identifier: MIT */

#include "packet.h"

#include "interop/must.h"

typedef enum Kind {
        KIND_NONE, /* no such property */
        KIND_BYTE,
        KIND_U16,
        KIND_U32,
        KIND_VARIABLE,
        KIND_BYTES,
        KIND_PAIR,
} Kind;

static const Kind kinds[] = {
        [PEER_PAYLOAD_FORMAT] = KIND_BYTE,
        [PEER_MESSAGE_EXPIRY] = KIND_U32,
        [PEER_CONTENT_TYPE] = KIND_BYTES,
        [PEER_RESPONSE_TOPIC] = KIND_BYTES,
        [PEER_CORRELATION_DATA] = KIND_BYTES,
        [PEER_SUBSCRIPTION_ID] = KIND_VARIABLE,
        [PEER_SESSION_EXPIRY] = KIND_U32,
        [PEER_ASSIGNED_CLIENT_ID] = KIND_BYTES,
        [PEER_SERVER_KEEP_ALIVE] = KIND_U16,
        [PEER_AUTHENTICATION_METHOD] = KIND_BYTES,
        [PEER_AUTHENTICATION_DATA] = KIND_BYTES,
        [PEER_REQUEST_PROBLEM_INFORMATION] = KIND_BYTE,
        [PEER_WILL_DELAY] = KIND_U32,
        [PEER_REQUEST_RESPONSE_INFORMATION] = KIND_BYTE,
        [PEER_RESPONSE_INFORMATION] = KIND_BYTES,
        [PEER_SERVER_REFERENCE] = KIND_BYTES,
        [PEER_REASON_STRING] = KIND_BYTES,
        [PEER_RECEIVE_MAXIMUM] = KIND_U16,
        [PEER_TOPIC_ALIAS_MAXIMUM] = KIND_U16,
        [PEER_TOPIC_ALIAS] = KIND_U16,
        [PEER_MAXIMUM_QOS] = KIND_BYTE,
        [PEER_RETAIN_AVAILABLE] = KIND_BYTE,
        [PEER_USER_PROPERTY] = KIND_PAIR,
        [PEER_MAXIMUM_PACKET_SIZE] = KIND_U32,
        [PEER_WILDCARD_AVAILABLE] = KIND_BYTE,
        [PEER_SUBSCRIPTION_ID_AVAILABLE] = KIND_BYTE,
        [PEER_SHARED_AVAILABLE] = KIND_BYTE,
};

static Kind kind_of(uint32_t id) {
        return id < ELEMENTSOF(kinds) ? kinds[id] : KIND_NONE;
}

void *peer_grow(void *items, size_t n_items, size_t size) {
        void *grown = realloc(items, n_items * size);

        must(grown != NULL, "out of memory");
        return grown;
}

void peer_bytes_append(PeerBytes *b, const void *bytes, size_t n) {
        if (b->n + n > b->n_allocated) {
                b->n_allocated = 2 * (b->n + n);
                b->bytes = peer_grow(b->bytes, b->n_allocated, 1);
        }
        if (n > 0)
                memcpy(b->bytes + b->n, bytes, n);
        b->n += n;
}

void peer_bytes_done(PeerBytes *b) {
        free(b->bytes);
        *b = (PeerBytes){};
}

/* Reading */

typedef struct Reader {
        uint8_t *bytes;
        size_t n;
} Reader;

static az_span read_span(Reader *r, size_t n) {
        az_span span;

        must(n <= r->n, "the client sent a malformed packet: it is too short");
        span = az_span_create(r->bytes, (int32_t) n);
        r->bytes += n;
        r->n -= n;
        return span;
}

static uint32_t read_number(Reader *r, size_t n_bytes) {
        const uint8_t *bytes = az_span_ptr(read_span(r, n_bytes));
        uint32_t number = 0;

        for (size_t i = 0; i < n_bytes; i++)
                number = number << 8 | bytes[i];
        return number;
}

static az_span read_bytes(Reader *r) {
        return read_span(r, read_number(r, 2));
}

static uint32_t read_variable(Reader *r) {
        uint32_t number = 0;

        for (unsigned shift = 0; shift < 28; shift += 7) {
                uint32_t byte = read_number(r, 1);

                number |= (byte & 0x7fU) << shift;
                if ((byte & 0x80U) == 0)
                        return number;
        }
        must(false, "the client sent a malformed packet: a variable byte integer");
        return 0;
}

static PeerProperty read_property(Reader *r) {
        PeerProperty p = { .id = read_variable(r) };

        switch (kind_of(p.id)) {
        case KIND_NONE:
                must(false, "the client sent a malformed packet: a property that does not exist");
                break;
        case KIND_BYTE:
                p.number = read_number(r, 1);
                break;
        case KIND_U16:
                p.number = read_number(r, 2);
                break;
        case KIND_U32:
                p.number = read_number(r, 4);
                break;
        case KIND_VARIABLE:
                p.number = read_variable(r);
                break;
        case KIND_BYTES:
                p.value = read_bytes(r);
                break;
        case KIND_PAIR:
                p.key = read_bytes(r);
                p.value = read_bytes(r);
                break;
        }
        return p;
}

static void read_properties(Reader *r, PeerProperty **ret, size_t *ret_n) {
        uint32_t n_bytes = read_variable(r);
        Reader inner = { .bytes = az_span_ptr(read_span(r, n_bytes)), .n = n_bytes };
        PeerProperty *properties = NULL;
        size_t n = 0;

        while (inner.n > 0) {
                PeerProperty p = read_property(&inner);

                for (size_t i = 0; i < n && p.id != PEER_USER_PROPERTY; i++)
                        must(properties[i].id != p.id, "the client sent a property twice");
                properties = peer_grow(properties, n + 1, sizeof(*properties));
                properties[n++] = p;
        }
        *ret = properties;
        *ret_n = n;
}

static void set_message_property(az_mqtt_message *m, const PeerProperty *p, az_mqtt_user_property *users) {
        if (p->id == PEER_PAYLOAD_FORMAT) {
                m->has_payload_format = true;
                m->payload_format = (uint8_t) p->number;
        } else if (p->id == PEER_MESSAGE_EXPIRY) {
                m->has_message_expiry = true;
                m->message_expiry_s = p->number;
        } else if (p->id == PEER_CONTENT_TYPE)
                m->content_type = p->value;
        else if (p->id == PEER_RESPONSE_TOPIC)
                m->response_topic = p->value;
        else if (p->id == PEER_CORRELATION_DATA)
                m->correlation_data = p->value;
        else if (p->id == PEER_USER_PROPERTY)
                users[m->n_user_properties++] = (az_mqtt_user_property){ p->key, p->value };
}

/* The message owns its array of User Properties. */
static void set_message_properties(az_mqtt_message *m, const PeerProperty *p, size_t n) {
        az_mqtt_user_property *users = calloc(n + 1, sizeof(*users));

        must(users != NULL, "out of memory");
        m->user_properties = users;
        for (size_t i = 0; i < n; i++)
                set_message_property(m, &p[i], users);
}

static void read_will(PeerPacket *packet, Reader *r, uint8_t connect_flags) {
        az_mqtt_message *will = &packet->message;

        read_properties(r, &packet->will_properties, &packet->n_will_properties);
        will->topic = read_bytes(r);
        will->payload = read_bytes(r);
        will->qos = connect_flags >> 3 & 3;
        will->retain = (connect_flags & 0x20U) != 0;
        set_message_properties(will, packet->will_properties, packet->n_will_properties);
}

static void read_connect(PeerPacket *packet, Reader *r) {
        uint8_t flags;

        must(packet->flags == 0, "the client sent CONNECT with flags");
        must(az_span_is_content_equal(read_bytes(r), AZ_SPAN_FROM_STR("MQTT")), "CONNECT is not MQTT");
        must(read_number(r, 1) == 5, "CONNECT is not of MQTT 5");
        flags = (uint8_t) read_number(r, 1);
        must((flags & 1U) == 0, "the reserved flag of CONNECT is set");
        packet->clean_start = (flags & 2U) != 0;
        packet->keep_alive_s = (uint16_t) read_number(r, 2);
        read_properties(r, &packet->properties, &packet->n_properties);
        packet->client_id = read_bytes(r);
        if ((flags & 4U) != 0)
                read_will(packet, r, flags);
        if ((flags & 0x80U) != 0)
                packet->user_name = read_bytes(r);
        if ((flags & 0x40U) != 0)
                packet->password = read_bytes(r);
        must(r->n == 0, "there is something behind CONNECT");
}

static void read_publish(PeerPacket *packet, Reader *r) {
        az_mqtt_message *m = &packet->message;

        m->dup = (packet->flags & 8U) != 0;
        m->qos = packet->flags >> 1 & 3;
        m->retain = (packet->flags & 1U) != 0;
        must(m->qos < 2, "the client sent a PUBLISH of QoS 2");
        m->topic = read_bytes(r);
        for (int32_t i = 0; i < az_span_size(m->topic); i++)
                must(!strchr("+#", az_span_ptr(m->topic)[i]), "the client sent a PUBLISH to a wildcard");
        if (m->qos > 0) {
                packet->id = (uint16_t) read_number(r, 2);
                must(packet->id != 0, "the client sent a PUBLISH with packet identifier 0");
        }
        must(m->qos > 0 || !m->dup, "the client sent DUP with QoS 0");
        read_properties(r, &packet->properties, &packet->n_properties);
        set_message_properties(m, packet->properties, packet->n_properties);
        must(az_span_size(m->topic) > 0 || peer_packet_find(packet, PEER_TOPIC_ALIAS) != NULL,
             "the client sent a PUBLISH without a topic");
        m->payload = read_span(r, r->n);
}

/* PUBACK, DISCONNECT, AUTH: reason code and properties may be missing. */
static void read_reason(PeerPacket *packet, Reader *r) {
        must(packet->flags == 0, "the client sent a packet with flags that it does not have");
        if (packet->type == PEER_PUBACK)
                packet->id = (uint16_t) read_number(r, 2);
        if (r->n > 0)
                packet->reason = (uint8_t) read_number(r, 1);
        if (r->n > 0)
                read_properties(r, &packet->properties, &packet->n_properties);
        must(r->n == 0, "there is something behind PUBACK, DISCONNECT or AUTH");
}

static void read_filters(PeerPacket *packet, Reader *r) {
        must(packet->flags == 2, "the client sent SUBSCRIBE or UNSUBSCRIBE without its flags");
        packet->id = (uint16_t) read_number(r, 2);
        must(packet->id != 0, "the client sent SUBSCRIBE or UNSUBSCRIBE with packet identifier 0");
        read_properties(r, &packet->properties, &packet->n_properties);
        while (r->n > 0) {
                PeerFilter f = { .filter = read_bytes(r) };
                bool is_shared =
                        az_span_size(f.filter) > 7 && memcmp(az_span_ptr(f.filter), "$share/", 7) == 0;

                must(az_span_size(f.filter) > 0, "the client sent an empty filter");
                if (packet->type == PEER_SUBSCRIBE)
                        f.options = (uint8_t) read_number(r, 1);
                must((f.options & 0xc0U) == 0 && (f.options & 3U) < 3, "options of a subscription are wrong");
                must(!is_shared || (f.options & 4U) == 0, "a shared subscription has No Local");
                packet->filters = peer_grow(packet->filters, packet->n_filters + 1, sizeof(f));
                packet->filters[packet->n_filters++] = f;
        }
        must(packet->n_filters > 0, "the client sent SUBSCRIBE or UNSUBSCRIBE without a filter");
}

static void read_body(PeerPacket *packet) {
        Reader r = { .bytes = packet->bytes, .n = packet->n_bytes };

        if (packet->type == PEER_CONNECT)
                read_connect(packet, &r);
        else if (packet->type == PEER_PUBLISH)
                read_publish(packet, &r);
        else if (packet->type == PEER_SUBSCRIBE || packet->type == PEER_UNSUBSCRIBE)
                read_filters(packet, &r);
        else if (packet->type == PEER_PUBACK || packet->type == PEER_DISCONNECT || packet->type == PEER_AUTH)
                read_reason(packet, &r);
        else
                must(packet->type == PEER_PINGREQ && packet->flags == 0 && r.n == 0,
                     "the client sent a packet that is not for a client to send");
}

size_t peer_packet_read(const uint8_t *bytes, size_t n, PeerPacket **ret) {
        PeerPacket *packet;
        size_t n_body = 0, n_header = 1;
        unsigned shift = 0;

        do {
                if (n_header >= n)
                        return 0;
                must(shift < 28, "the client sent a packet whose length is malformed");
                n_body |= (size_t) (bytes[n_header] & 0x7fU) << shift;
                shift += 7;
        } while ((bytes[n_header++] & 0x80U) != 0);
        if (n - n_header < n_body)
                return 0;

        packet = malloc(sizeof(*packet));
        must(packet != NULL, "out of memory");
        *packet = (PeerPacket){
                .type = bytes[0] >> 4,
                .flags = bytes[0] & 0xfU,
                .bytes = malloc(n_body + 1),
                .n_bytes = n_body,
        };
        must(packet->bytes != NULL, "out of memory");
        memcpy(packet->bytes, bytes + n_header, n_body);
        read_body(packet);
        *ret = packet;
        return n_header + n_body;
}

PeerPacket *peer_packet_free(PeerPacket *packet) {
        if (!packet)
                return NULL;
        free((void *) packet->message.user_properties);
        free(packet->filters);
        free(packet->properties);
        free(packet->will_properties);
        free(packet->bytes);
        free(packet);
        return NULL;
}

const PeerProperty *peer_packet_find(const PeerPacket *packet, PeerPropertyId id) {
        for (size_t i = 0; i < packet->n_properties; i++)
                if (packet->properties[i].id == id)
                        return &packet->properties[i];
        return NULL;
}

az_span peer_message_find(const az_mqtt_message *m, const char *key) {
        az_span wanted = az_span_create_from_str((char *) key);

        for (int32_t i = 0; i < m->n_user_properties; i++)
                if (az_span_is_content_equal(m->user_properties[i].key, wanted))
                        return m->user_properties[i].value;
        return AZ_SPAN_EMPTY;
}

/* Writing */

static void write_number(PeerBytes *b, uint32_t number, size_t n_bytes) {
        for (size_t i = n_bytes; i > 0; i--) {
                uint8_t byte = (uint8_t) (number >> (8 * (i - 1)));

                peer_bytes_append(b, &byte, 1);
        }
}

static void write_variable(PeerBytes *b, size_t number) {
        do {
                uint8_t byte = number & 0x7fU;

                number >>= 7;
                if (number > 0)
                        byte |= 0x80U;
                peer_bytes_append(b, &byte, 1);
        } while (number > 0);
}

static void write_bytes(PeerBytes *b, az_span span) {
        must(az_span_size(span) <= UINT16_MAX, "a string of the test is too long for MQTT");
        write_number(b, (uint32_t) az_span_size(span), 2);
        peer_bytes_append(b, az_span_ptr(span), (size_t) az_span_size(span));
}

static void write_property(PeerBytes *b, const PeerProperty *p) {
        write_variable(b, p->id);
        switch (kind_of(p->id)) {
        case KIND_NONE:
                must(false, "the test sends a property that does not exist");
                break;
        case KIND_BYTE:
                write_number(b, p->number, 1);
                break;
        case KIND_U16:
                write_number(b, p->number, 2);
                break;
        case KIND_U32:
                write_number(b, p->number, 4);
                break;
        case KIND_VARIABLE:
                write_variable(b, p->number);
                break;
        case KIND_BYTES:
                write_bytes(b, p->value);
                break;
        case KIND_PAIR:
                write_bytes(b, p->key);
                write_bytes(b, p->value);
                break;
        }
}

/* Appends the length and what is in 'inner', which is freed. */
static void write_inner(PeerBytes *b, PeerBytes *inner) {
        write_variable(b, inner->n);
        peer_bytes_append(b, inner->bytes, inner->n);
        peer_bytes_done(inner);
}

static void write_properties(PeerBytes *b, const PeerProperty *p, size_t n) {
        PeerBytes inner = {};

        for (size_t i = 0; i < n; i++)
                write_property(&inner, &p[i]);
        write_inner(b, &inner);
}

static void write_packet(PeerBytes *b, PeerPacketType type, uint8_t flags, PeerBytes *body) {
        write_number(b, (uint32_t) type << 4 | flags, 1);
        write_inner(b, body);
}

void peer_write_connack(PeerBytes *b, bool session_present, uint8_t reason, const PeerProperty *p, size_t n) {
        PeerBytes body = {};

        write_number(&body, session_present, 1);
        write_number(&body, reason, 1);
        write_properties(&body, p, n);
        write_packet(b, PEER_CONNACK, 0, &body);
}

static void write_message_properties(PeerBytes *b, const az_mqtt_message *m) {
        if (m->has_payload_format)
                write_property(b, &(PeerProperty){ PEER_PAYLOAD_FORMAT, .number = m->payload_format });
        if (m->has_message_expiry)
                write_property(b, &(PeerProperty){ PEER_MESSAGE_EXPIRY, .number = m->message_expiry_s });
        if (az_span_ptr(m->content_type))
                write_property(b, &(PeerProperty){ PEER_CONTENT_TYPE, .value = m->content_type });
        if (az_span_ptr(m->response_topic))
                write_property(b, &(PeerProperty){ PEER_RESPONSE_TOPIC, .value = m->response_topic });
        if (az_span_ptr(m->correlation_data))
                write_property(b, &(PeerProperty){ PEER_CORRELATION_DATA, .value = m->correlation_data });
        for (int32_t i = 0; i < m->n_user_properties; i++)
                write_property(b, &(PeerProperty){ PEER_USER_PROPERTY, .key = m->user_properties[i].key,
                                                   .value = m->user_properties[i].value });
}

void peer_write_publish(PeerBytes *b, const az_mqtt_message *m, uint16_t id, const PeerProperty *p,
                        size_t n) {
        PeerBytes body = {}, properties = {};

        write_bytes(&body, m->topic);
        if (m->qos > 0)
                write_number(&body, id, 2);
        write_message_properties(&properties, m);
        for (size_t i = 0; i < n; i++)
                write_property(&properties, &p[i]);
        write_inner(&body, &properties);
        peer_bytes_append(&body, az_span_ptr(m->payload), (size_t) az_span_size(m->payload));
        write_packet(b, PEER_PUBLISH, (uint8_t) (m->dup << 3 | m->qos << 1 | m->retain), &body);
}

void peer_write_puback(PeerBytes *b, uint16_t id, uint8_t reason, const PeerProperty *p, size_t n) {
        PeerBytes body = {};

        write_number(&body, id, 2);
        if (reason > 0 || n > 0)
                write_number(&body, reason, 1);
        if (n > 0)
                write_properties(&body, p, n);
        write_packet(b, PEER_PUBACK, 0, &body);
}

void peer_write_suback(PeerBytes *b, PeerPacketType type, uint16_t id, uint8_t reason, size_t n_filters,
                       const PeerProperty *p, size_t n) {
        PeerBytes body = {};

        write_number(&body, id, 2);
        write_properties(&body, p, n);
        for (size_t i = 0; i < n_filters; i++)
                write_number(&body, reason, 1);
        write_packet(b, type, 0, &body);
}

void peer_write_pingresp(PeerBytes *b) {
        write_packet(b, PEER_PINGRESP, 0, &(PeerBytes){});
}

void peer_write_reason(PeerBytes *b, PeerPacketType type, uint8_t reason, const PeerProperty *p, size_t n) {
        PeerBytes body = {};

        write_number(&body, reason, 1);
        write_properties(&body, p, n);
        write_packet(b, type, 0, &body);
}
