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

#include <mqtt/client.h>

#include <assert.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <sys/ioctl.h>

#include <mqtt/local.h>

/* Copies that libmosquitto holds: QoS 1 without PUBACK, QoS 0 not written. Of each kind; one message always
 * fits. */
#define WINDOW_BYTES (1024U * 1024U)

/* A QoS 1 message under way. */
typedef struct Sent {
        uint64_t token;
        size_t n_bytes;
        int packet_id;
        bool is_acknowledged;
} Sent;

struct MqttClient {
        struct mosquitto *mosquitto;
        const MqttGate *gate;
        MqttEventList *events;
        uint64_t epoch;
        bool is_connected;
        bool is_reading;

        Sent sent[MQTT_WINDOW_LIMIT]; /* ring, by number */
        uint64_t sent_first;          /* the oldest without PUBACK */
        uint64_t sent_end;
        unsigned window;
        size_t n_sent_bytes;   /* of those without PUBACK */
        size_t n_queued_bytes; /* QoS 0, since the queue was last empty */

        int subscribe_ids[MQTT_FILTERS_MAX]; /* 0: answered */
        uint8_t subscribe_codes[MQTT_FILTERS_MAX];
        size_t n_filters, n_subscribes_open;

        uint64_t n_received; /* QoS 1 messages: the gate counts the same */
        char *topic;         /* NUL-terminated copy, reused */
        size_t topic_size;
};

static int error_from_mosquitto(int rc) {
        switch (rc) {
        case MOSQ_ERR_SUCCESS:
                return 0;
        case MOSQ_ERR_NOMEM:
                return -ENOMEM;
        case MOSQ_ERR_INVAL:
        case MOSQ_ERR_MALFORMED_UTF8:
        case MOSQ_ERR_PAYLOAD_SIZE:
                return -EINVAL;
        case MOSQ_ERR_NO_CONN:
        case MOSQ_ERR_CONN_LOST:
                return -ENOTCONN;
        case MOSQ_ERR_ERRNO:
                return errno != 0 ? -errno : -EIO;
        default:
                return -EIO;
        }
}

/* ---- Callbacks ---- */

static void on_connect(struct mosquitto *m, void *userdata, int code, int flags) {
        MqttClient *c = userdata;
        MqttEvent *e = mqtt_event_list_add(c->events, MQTT_EVENT_CONNACK, 0, NULL);

        c->is_connected = code == 0;
        if (!e)
                return;
        e->connack.code = (uint8_t) code;
        e->connack.session_present = (flags & 1) != 0;
}

static Sent *client_find_sent(MqttClient *c, int packet_id) {
        /* PUBACKs come in order: the first one is nearly always it. */
        for (uint64_t i = c->sent_first; i < c->sent_end; i++) {
                Sent *s = &c->sent[i % c->window];

                if (s->packet_id == packet_id && !s->is_acknowledged)
                        return s;
        }
        return NULL;
}

/* While reading: a PUBACK came. While writing: a QoS 0 message was written; its id may be that of another
 * one. */
static void on_publish(struct mosquitto *m, void *userdata, int packet_id) {
        MqttClient *c = userdata;
        MqttEvent *e;
        Sent *s;

        s = c->is_reading ? client_find_sent(c, packet_id) : NULL;
        if (!s)
                return;
        s->is_acknowledged = true;
        c->n_sent_bytes -= s->n_bytes;
        while (c->sent_first < c->sent_end && c->sent[c->sent_first % c->window].is_acknowledged)
                c->sent_first++;

        e = mqtt_event_list_add(c->events, MQTT_EVENT_PUBACK, 0, NULL);
        if (e)
                e->puback.token = s->token;
}

static void on_message(struct mosquitto *m, void *userdata, const struct mosquitto_message *message) {
        MqttClient *c = userdata;
        size_t n_topic = strlen(message->topic), n_payload = (size_t) message->payloadlen;
        uint64_t sequence = message->qos > 0 ? c->n_received++ : 0;
        uint8_t *bytes;
        MqttEvent *e;

        e = mqtt_event_list_add(c->events, MQTT_EVENT_MESSAGE, n_topic + n_payload, &bytes);
        if (!e)
                return;
        memcpy(bytes, message->topic, n_topic);
        if (n_payload > 0)
                memcpy(bytes + n_topic, message->payload, n_payload);
        e->message.topic = az_span_create(bytes, (int32_t) n_topic);
        e->message.payload = az_span_create(bytes + n_topic, (int32_t) n_payload);
        e->message.qos = (uint8_t) message->qos;
        if (message->qos == 0)
                return;
        e->message.dup = mqtt_gate_is_dup(c->gate, sequence);
        e->message.ack = (MqttAck){ .epoch = c->epoch, .sequence = sequence };
}

static void client_report_suback(MqttClient *c) {
        uint8_t *codes;
        MqttEvent *e = mqtt_event_list_add(c->events, MQTT_EVENT_SUBACK, c->n_filters, &codes);

        if (!e)
                return;
        memcpy(codes, c->subscribe_codes, c->n_filters);
        e->suback.codes = codes;
        e->suback.n_codes = c->n_filters;
}

static void on_subscribe(struct mosquitto *m, void *userdata, int packet_id, int n_codes, const int *codes) {
        MqttClient *c = userdata;

        for (size_t i = 0; i < c->n_filters; i++) {
                if (c->subscribe_ids[i] != packet_id)
                        continue;
                c->subscribe_ids[i] = 0;
                c->subscribe_codes[i] = (uint8_t) codes[0];
                if (--c->n_subscribes_open == 0)
                        client_report_suback(c);
                return;
        }
}

/* ---- Making ---- */

static void string_wipep(char **s) {
        if (*s)
                explicit_bzero(*s, strlen(*s));
        free(*s);
}

/* NULL stays behind for an empty span. */
static int string_from_span(char **ret, az_span s) {
        size_t n = (size_t) az_span_size(s);

        if (n == 0)
                return 0;
        if (memchr(az_span_ptr(s), '\0', n))
                return -EINVAL;
        *ret = strndup((const char *) az_span_ptr(s), n);
        return *ret ? 0 : -ENOMEM;
}

static int client_set_credentials(MqttClient *c, const MqttConnect *connect) {
        _cleanup_(freep) char *user_name = NULL;
        _cleanup_(string_wipep) char *password = NULL;
        int r;

        r = string_from_span(&user_name, connect->user_name);
        if (r < 0)
                return r;
        r = string_from_span(&password, connect->password);
        if (r < 0)
                return r;
        return error_from_mosquitto(mosquitto_username_pw_set(c->mosquitto, user_name, password));
}

static int client_set_up(MqttClient *c, const MqttConnect *connect) {
        _cleanup_(freep) char *client_id = NULL;
        int r;

        r = string_from_span(&client_id, connect->client_id);
        if (r < 0)
                return r;
        if (!client_id)
                return -EINVAL;
        c->mosquitto = mosquitto_new(client_id, connect->clean_session, c);
        if (!c->mosquitto)
                return errno == ENOMEM ? -ENOMEM : -EINVAL; /* for bad UTF-8 errno is not set */

        r = mosquitto_threaded_set(c->mosquitto, true);
        if (r == MOSQ_ERR_SUCCESS)
                r = mosquitto_int_option(c->mosquitto, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V311);
        if (r == MOSQ_ERR_SUCCESS)
                r = mosquitto_max_inflight_messages_set(c->mosquitto, c->window);
        if (r != MOSQ_ERR_SUCCESS)
                return error_from_mosquitto(r);

        mosquitto_connect_with_flags_callback_set(c->mosquitto, on_connect);
        mosquitto_publish_callback_set(c->mosquitto, on_publish);
        mosquitto_message_callback_set(c->mosquitto, on_message);
        mosquitto_subscribe_callback_set(c->mosquitto, on_subscribe);
        return client_set_credentials(c, connect);
}

static int client_connect_local(MqttClient *c, int keep_alive_s, int dir_fd, int *ret_local_fd) {
        _cleanup_(mqtt_local_done) MqttLocal local = MQTT_LOCAL_NULL;
        int r;

        r = mqtt_local_listen(&local, dir_fd);
        if (r < 0)
                return r;
        /* Port 0 makes the host a path; the connection is there when the call returns. */
        r = error_from_mosquitto(
                mosquitto_connect_bind_v5(c->mosquitto, local.path, 0, keep_alive_s, NULL, NULL));
        if (r < 0)
                return r;
        if (fcntl(mosquitto_socket(c->mosquitto), F_SETFD, FD_CLOEXEC) < 0)
                return -errno;
        return mqtt_local_accept(&local, ret_local_fd);
}

int mqtt_client_new(MqttClient **ret, int *ret_local_fd, const MqttClientConfig *config,
                    const MqttConnect *connect, const MqttGate *gate, MqttEventList *events) {
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
        };

        r = client_set_up(c, connect);
        if (r < 0)
                return r;
        r = client_connect_local(c, connect->keep_alive_s, config->dir_fd, ret_local_fd);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

MqttClient *mqtt_client_free(MqttClient *c) {
        if (!c)
                return NULL;
        if (c->mosquitto)
                mosquitto_destroy(c->mosquitto);
        free(c->topic);
        free(c);
        return NULL;
}

/* ---- Running ---- */

static int client_fail(const MqttClient *c, int rc, MqttFault *fault) {
        if (c->events->out_of_memory || rc == MOSQ_ERR_NOMEM)
                return mqtt_fault_set(fault, MQTT_LOST_INTERNAL, -ENOMEM, "out of memory");
        if (rc == MOSQ_ERR_CONN_REFUSED)
                return mqtt_fault_set(fault, MQTT_LOST_REFUSED, -ECONNREFUSED,
                                      "the server refused the connection");
        if (rc == MOSQ_ERR_PROTOCOL)
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

static int client_subscribe_one(MqttClient *c, const MqttFilter *f, int *ret_id) {
        _cleanup_(freep) char *filter = NULL;
        int r;

        if (f->qos > 1)
                return -EINVAL;
        r = string_from_span(&filter, f->filter);
        if (r < 0)
                return r;
        if (!filter)
                return -EINVAL;
        return error_from_mosquitto(mosquitto_subscribe(c->mosquitto, ret_id, filter, f->qos));
}

int mqtt_client_subscribe(MqttClient *c, const MqttFilter *filters, size_t n_filters) {
        if (!c->is_connected)
                return -ENOTCONN;
        if (c->n_subscribes_open > 0)
                return -EBUSY;
        if (n_filters == 0 || n_filters > MQTT_FILTERS_MAX)
                return -EINVAL;

        c->n_filters = 0;
        for (size_t i = 0; i < n_filters; i++) {
                int r = client_subscribe_one(c, &filters[i], &c->subscribe_ids[i]);

                if (r < 0)
                        return r;
        }
        c->n_filters = c->n_subscribes_open = n_filters;
        return 0;
}

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

int mqtt_client_publish(MqttClient *c, az_span topic, az_span payload, uint8_t qos, uint64_t token) {
        size_t n_bytes = (size_t) az_span_size(topic) + (size_t) az_span_size(payload);
        int packet_id = 0, r;

        if (!c->is_connected)
                return -ENOTCONN;
        if (qos > 1)
                return -EINVAL;
        if (client_is_full(c, qos, n_bytes))
                return MQTT_WINDOW_FULL;
        r = client_set_topic(c, topic);
        if (r < 0)
                return r;

        r = mosquitto_publish(c->mosquitto, &packet_id, c->topic, az_span_size(payload), az_span_ptr(payload),
                              qos, false);
        if (r != MOSQ_ERR_SUCCESS)
                return error_from_mosquitto(r);
        if (qos == 0) {
                c->n_queued_bytes += n_bytes;
                return 0;
        }
        c->sent[c->sent_end++ % c->window] =
                (Sent){ .token = token, .n_bytes = n_bytes, .packet_id = packet_id };
        c->n_sent_bytes += n_bytes;
        return 0;
}

unsigned mqtt_client_window_free(const MqttClient *c) {
        if (!c->is_connected || c->n_sent_bytes >= WINDOW_BYTES)
                return 0;
        return c->window - (unsigned) (c->sent_end - c->sent_first);
}

int mqtt_client_disconnect(MqttClient *c) {
        return error_from_mosquitto(mosquitto_disconnect(c->mosquitto));
}
