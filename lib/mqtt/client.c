/* SPDX-License-Identifier: MIT */

/*
 * libmosquitto 2.0.11, and what has to be known of it:
 *   - mosquitto_threaded_set(true): calls queue, only mosquitto_loop_write() writes; no callback runs inside
 * publish.
 *   - A callback must not call the library, nor leave EAGAIN in errno: the loop takes that for its own.
 *   - mosquitto_loop_read() handles as many packets as messages are in flight and then returns, with bytes
 * unread.
 *   - mosquitto_loop_misc() is only a second keep-alive: never called. mosquitto_reconnect() keeps stale
 * state: never called.
 *   - It acknowledges before it tells us: the gate holds these PUBACKs back.
 */

#include <mqtt/client-internal.h>

#include <assert.h>
#include <fcntl.h>
#include <mqtt_protocol.h>
#include <sys/ioctl.h>

#include <mqtt/local.h>

/* Copies that libmosquitto holds: QoS 1 without PUBACK, QoS 0 not written. Of each kind; one message always
 * fits. */
#define WINDOW_BYTES (1024U * 1024U)

int mqtt_error_from_mosquitto(int rc) {
        switch (rc) {
        case MOSQ_ERR_SUCCESS:
                return 0;
        case MOSQ_ERR_NOMEM:
                return -ENOMEM;
        case MOSQ_ERR_INVAL:
        case MOSQ_ERR_MALFORMED_UTF8:
        case MOSQ_ERR_PAYLOAD_SIZE:
                return -EINVAL;
        case MOSQ_ERR_OVERSIZE_PACKET:
                return -EMSGSIZE;
        case MOSQ_ERR_QOS_NOT_SUPPORTED:
                return -EOPNOTSUPP;
        case MOSQ_ERR_NO_CONN:
        case MOSQ_ERR_CONN_LOST:
                return -ENOTCONN;
        case MOSQ_ERR_ERRNO:
                return errno != 0 ? -errno : -EIO;
        default:
                return -EIO;
        }
}

static int client_connect_local(MqttClient *c, int keep_alive_s, int dir_fd, int *ret_local_fd) {
        _cleanup_(mqtt_local_done) MqttLocal local = MQTT_LOCAL_NULL;
        int r;

        r = mqtt_local_listen(&local, dir_fd);
        if (r < 0)
                return r;
        /* Port 0 makes the host a path; the connection is there when the call returns. */
        r = mqtt_error_from_mosquitto(mosquitto_connect_bind_v5(c->mosquitto, local.path, 0, keep_alive_s,
                                                                NULL, c->properties.list));
        if (r < 0)
                return r;
        if (fcntl(mosquitto_socket(c->mosquitto), F_SETFD, FD_CLOEXEC) < 0)
                return -errno;
        return mqtt_local_accept(&local, ret_local_fd);
}

int mqtt_client_new(MqttClient **ret, int *ret_local_fd, const MqttClientConfig *config,
                    const MqttConnect *connect, MqttGate *gate, MqttEventList *events) {
        _cleanup_(mqtt_client_freep) MqttClient *c = NULL;
        int r;

        assert(config->window > 0 && config->window <= MQTT_WINDOW_LIMIT);

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (MqttClient){
                .gate = gate,
                .events = events,
                .epoch = config->epoch,
                .window = config->window,
                .last_packet_id = config->last_packet_id,
                .is_v5 = connect->version == MQTT_VERSION_5,
                .keep_alive_s = connect->keep_alive_s,
        };

        r = mqtt_client_set_up(c, connect, config->receive_max);
        if (r < 0)
                return r;
        r = client_connect_local(c, connect->keep_alive_s, config->dir_fd, ret_local_fd);
        if (r < 0)
                return r;
        mqtt_properties_clear(&c->properties);
        *ret = TAKE_PTR(c);
        return 0;
}

MqttClient *mqtt_client_free(MqttClient *c) {
        if (!c)
                return NULL;
        if (c->mosquitto)
                mosquitto_destroy(c->mosquitto);
        mqtt_properties_done(&c->properties);
        free(c->topic);
        free(c);
        return NULL;
}

/* ---- Running ---- */

static int client_fail(const MqttClient *c, int rc, MqttFault *fault) {
        if (c->events->out_of_memory || rc == MOSQ_ERR_NOMEM)
                return mqtt_fault_set(fault, MQTT_LOST_INTERNAL, -ENOMEM, "out of memory");
        if (c->is_v5 && c->refused_code != 0)
                return mqtt_fault_set_reason(fault, MQTT_LOST_REFUSED, -ECONNREFUSED,
                                             "the server refused the connection", c->refused_code,
                                             AZ_SPAN_EMPTY);
        if (rc == MOSQ_ERR_CONN_REFUSED)
                return mqtt_fault_set(fault, MQTT_LOST_REFUSED, -ECONNREFUSED,
                                      "the server refused the connection");
        if (rc == MOSQ_ERR_PROTOCOL || rc == MOSQ_ERR_MALFORMED_PACKET || rc == MOSQ_ERR_MALFORMED_UTF8 ||
            rc == MOSQ_ERR_DUPLICATE_PROPERTY)
                return mqtt_fault_set(fault, MQTT_LOST_PROTOCOL, -EPROTO,
                                      "the server sent a packet that MQTT does not allow");
        return mqtt_fault_set(fault, MQTT_LOST_INTERNAL, -EIO, "libmosquitto failed: %s",
                              mosquitto_strerror(rc));
}

int mqtt_client_read(MqttClient *c, MqttFault *fault) {
        int n_unread;

        do {
                int rc;

                c->is_reading = true;
                rc = mosquitto_loop_read(c->mosquitto, 1);
                c->is_reading = false;
                if (rc != MOSQ_ERR_SUCCESS || c->events->out_of_memory || mosquitto_socket(c->mosquitto) < 0)
                        return client_fail(c, rc, fault);
                if (ioctl(mosquitto_socket(c->mosquitto), FIONREAD, &n_unread) < 0)
                        return mqtt_fault_set(fault, MQTT_LOST_INTERNAL, -errno, "FIONREAD failed: %s",
                                              strerror(errno));
        } while (n_unread > 0);
        return 0;
}

int mqtt_client_write(MqttClient *c, MqttFault *fault) {
        int rc;

        if (!mosquitto_want_write(c->mosquitto))
                return 0;
        rc = mosquitto_loop_write(c->mosquitto, 1);
        if (rc != MOSQ_ERR_SUCCESS)
                return client_fail(c, rc, fault);
        if (!mosquitto_want_write(c->mosquitto))
                c->n_queued_bytes = 0;
        return 1;
}

bool mqtt_client_is_connected(const MqttClient *c) {
        return c->is_connected;
}

uint16_t mqtt_client_keep_alive_s(const MqttClient *c) {
        return c->keep_alive_s;
}

int mqtt_client_check_size(const MqttClient *c, size_t n_bytes) {
        return c->server_max_packet_bytes > 0 && n_bytes > c->server_max_packet_bytes ? -EMSGSIZE : 0;
}

/* ---- Sizes: libmosquitto's own checks are short of some bytes of the header ---- */

/* How many bytes a number takes (MQTT 5.0, 1.5.5). */
static size_t number_size(size_t number) {
        return number < 0x80 ? 1 : number < 0x4000 ? 2 : number < 0x200000 ? 3 : 4;
}

static int client_check_body_size(const MqttClient *c, size_t n_body) {
        return mqtt_client_check_size(c, 1 + number_size(n_body) + n_body);
}

/* ---- SUBSCRIBE, UNSUBSCRIBE ---- */

/* The packet id and no properties. */
#define REQUEST_HEADER 3U

static void client_add_id(MqttClient *c, MqttPacketType type, int local, size_t n_filters) {
        const MqttId id = { .local = (uint16_t) local,
                            .network = mqtt_ids_choose(&c->gate->ids, *c->last_packet_id),
                            .type = type,
                            .n_filters = (uint8_t) n_filters };

        *c->last_packet_id = id.network;
        mqtt_ids_add(&c->gate->ids, &id);
}

/* The bits of MQTT 5.0, 3.8.3.1, which are libmosquitto's too. -EINVAL: MQTT 3.1.1 has none. */
static int filter_get_options(const MqttFilter *f, bool is_v5) {
        int options = (f->no_local ? MQTT_SUB_OPT_NO_LOCAL : 0) |
                      (f->retain_as_published ? MQTT_SUB_OPT_RETAIN_AS_PUBLISHED : 0) |
                      (int) f->retain_handling << 4;

        if (f->qos > 1 || f->retain_handling >= _MQTT_RETAIN_MAX || (options != 0 && !is_v5))
                return -EINVAL;
        return options;
}

static int client_subscribe_one(MqttClient *c, const MqttFilter *f, int *ret_id) {
        _cleanup_(freep) char *filter = NULL;
        int r, options;

        options = filter_get_options(f, c->is_v5);
        if (options < 0)
                return options;
        r = mqtt_string_from_span(&filter, f->filter);
        if (r < 0)
                return r;
        if (!filter)
                return -EINVAL;
        r = mqtt_error_from_mosquitto(
                mosquitto_subscribe_v5(c->mosquitto, ret_id, filter, f->qos, options, NULL));
        if (r == 0 && c->is_v5)
                client_add_id(c, MQTT_PACKET_SUBSCRIBE, *ret_id, 1);
        return r;
}

int mqtt_client_subscribe(MqttClient *c, const MqttFilter *filters, size_t n_filters) {
        if (!c->is_connected)
                return -ENOTCONN;
        /* Those of a call that failed half-way count as well. */
        if (c->n_subscribes_open > 0 || mqtt_ids_has_type(&c->gate->ids, MQTT_PACKET_SUBSCRIBE))
                return -EBUSY;
        if (n_filters == 0 || n_filters > MQTT_FILTERS_MAX)
                return -EINVAL;

        for (size_t i = 0; i < n_filters; i++)
                if (client_check_body_size(c, REQUEST_HEADER + 2 + (size_t) az_span_size(filters[i].filter) +
                                                      1) < 0)
                        return -EMSGSIZE;
        c->n_filters = 0;
        for (size_t i = 0; i < n_filters; i++) {
                int r = client_subscribe_one(c, &filters[i], &c->subscribe_ids[i]);

                if (r < 0)
                        return r;
        }
        c->n_filters = c->n_subscribes_open = n_filters;
        return 0;
}

/* What there is of a failed list is freed by the caller, too. */
static int strings_from_spans(char **ret, const az_span *spans, size_t n) {
        for (size_t i = 0; i < n; i++) {
                int r = mqtt_string_from_span(&ret[i], spans[i]);

                if (r < 0)
                        return r;
                if (!ret[i])
                        return -EINVAL;
        }
        return 0;
}

int mqtt_client_unsubscribe(MqttClient *c, const az_span *filters, size_t n_filters) {
        char *strings[MQTT_FILTERS_MAX] = {};
        size_t n_body = REQUEST_HEADER;
        int r, id;

        if (!c->is_connected)
                return -ENOTCONN;
        if (!c->is_v5)
                return -EOPNOTSUPP;
        if (mqtt_ids_has_type(&c->gate->ids, MQTT_PACKET_UNSUBSCRIBE))
                return -EBUSY;
        if (n_filters == 0 || n_filters > MQTT_FILTERS_MAX)
                return -EINVAL;

        for (size_t i = 0; i < n_filters; i++)
                n_body += 2 + (size_t) az_span_size(filters[i]);
        r = client_check_body_size(c, n_body);
        if (r < 0)
                return r;

        r = strings_from_spans(strings, filters, n_filters);
        if (r == 0)
                r = mqtt_error_from_mosquitto(
                        mosquitto_unsubscribe_multiple(c->mosquitto, &id, (int) n_filters, strings, NULL));
        if (r == 0)
                client_add_id(c, MQTT_PACKET_UNSUBSCRIBE, id, n_filters);
        for (size_t i = 0; i < n_filters; i++)
                free(strings[i]);
        return r;
}

/* ---- PUBLISH ---- */

static int client_set_topic(MqttClient *c, az_span topic) {
        size_t n = (size_t) az_span_size(topic);

        if (n == 0 || memchr(az_span_ptr(topic), '\0', n))
                return -EINVAL;
        if (c->topic_size <= n) {
                char *grown = realloc(c->topic, n + 1);

                if (!grown)
                        return -ENOMEM;
                c->topic = grown;
                c->topic_size = n + 1;
        }
        memcpy(c->topic, az_span_ptr(topic), n);
        c->topic[n] = '\0';
        return 0;
}

static bool client_is_full(const MqttClient *c, uint8_t qos, size_t n_bytes) {
        if (qos == 0)
                return c->n_queued_bytes > 0 && c->n_queued_bytes + n_bytes > WINDOW_BYTES;
        return c->sent_end - c->sent_first == c->window ||
               (c->n_sent_bytes > 0 && c->n_sent_bytes + n_bytes > WINDOW_BYTES);
}

/* What MQTT 3.1.1 cannot say. */
static bool message_needs_v5(const az_mqtt_message *m) {
        return m->has_message_expiry || m->has_payload_format || az_span_ptr(m->content_type) ||
               az_span_ptr(m->response_topic) || az_span_ptr(m->correlation_data) || m->n_user_properties > 0;
}

static int client_check_message(const MqttClient *c, const az_mqtt_message *m, bool is_resend,
                                uint16_t packet_id) {
        if (!c->is_connected)
                return -ENOTCONN;
        if (m->qos > 1)
                return -EINVAL;
        if (!c->is_v5 && (is_resend || packet_id != 0 || message_needs_v5(m)))
                return -EOPNOTSUPP;
        if (packet_id != 0 && mqtt_ids_has_network(&c->gate->ids, packet_id))
                return -EINVAL;
        return 0;
}

static int client_check_publish_size(const MqttClient *c, const az_mqtt_message *m) {
        size_t n_body = 2 + (size_t) az_span_size(m->topic) + (m->qos > 0 ? 2 : 0) +
                        number_size(c->properties.n_bytes) + c->properties.n_bytes +
                        (size_t) az_span_size(m->payload);

        return client_check_body_size(c, n_body);
}

/* Notes a QoS 1 message that libmosquitto is about to send. Returns its packet id on the network. */
static uint16_t client_add_sent(MqttClient *c, const MqttSent *sent, bool is_resend, uint16_t packet_id) {
        MqttId id = { .local = (uint16_t) sent->packet_id,
                      .network = packet_id,
                      .type = MQTT_PACKET_PUBLISH,
                      .is_resend = is_resend };

        c->sent[c->sent_end++ % c->window] = *sent;
        c->n_sent_bytes += sent->n_bytes;
        if (!c->is_v5)
                return id.local;
        if (packet_id == 0)
                id.network = *c->last_packet_id = mqtt_ids_choose(&c->gate->ids, *c->last_packet_id);
        mqtt_ids_add(&c->gate->ids, &id);
        return id.network;
}

int mqtt_client_publish(MqttClient *c, const az_mqtt_message *message, bool is_resend, uint16_t *packet_id,
                        uint64_t token) {
        MqttSent sent = { .token = token,
                          .n_bytes = (size_t) az_span_size(message->topic) +
                                     (size_t) az_span_size(message->payload) };
        uint16_t id = packet_id ? *packet_id : 0;
        int r;

        r = client_check_message(c, message, is_resend, id);
        if (r < 0)
                return r;
        if (client_is_full(c, message->qos, sent.n_bytes))
                return MQTT_WINDOW_FULL;
        r = client_set_topic(c, message->topic);
        if (r < 0)
                return r;
        if (c->is_v5) {
                mqtt_properties_clear(&c->properties);
                r = mqtt_properties_add_message(&c->properties, message);
                if (r >= 0)
                        r = client_check_publish_size(c, message);
                if (r < 0)
                        return r;
        }

        r = mqtt_error_from_mosquitto(mosquitto_publish_v5(
                c->mosquitto, &sent.packet_id, c->topic, az_span_size(message->payload),
                az_span_ptr(message->payload), message->qos, message->retain, c->properties.list));
        if (r < 0)
                return r;
        sent.n_bytes += c->properties.n_bytes;
        if (message->qos == 0) {
                c->n_queued_bytes += sent.n_bytes;
                return 0;
        }
        id = client_add_sent(c, &sent, is_resend, id);
        if (packet_id)
                *packet_id = id;
        return 0;
}

unsigned mqtt_client_window_free(const MqttClient *c) {
        if (!c->is_connected || c->n_sent_bytes >= WINDOW_BYTES)
                return 0;
        return c->window - (unsigned) (c->sent_end - c->sent_first);
}

int mqtt_client_disconnect(MqttClient *c, const MqttDisconnect *disconnect) {
        MqttProperties *p = &c->properties;
        int r;

        if (!disconnect || !c->is_v5)
                return mqtt_error_from_mosquitto(mosquitto_disconnect(c->mosquitto));
        mqtt_properties_clear(p);
        if (disconnect->has_session_expiry) {
                r = mqtt_properties_add_u32(p, MQTT_PROP_SESSION_EXPIRY_INTERVAL,
                                            disconnect->session_expiry_s);
                if (r < 0)
                        return r;
        }
        return mqtt_error_from_mosquitto(
                mosquitto_disconnect_v5(c->mosquitto, disconnect->reason_code, p->list));
}
