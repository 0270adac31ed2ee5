/* SPDX-License-Identifier: MIT */

/*
 * How it works. A run goes round four steps, each of which moves a few packets, or a record of TLS:
 *
 *      TLS → gate (pull_network), gate → libmosquitto → events (push_local)
 *      libmosquitto → gate (pull_local), gate → TLS (push_network)
 *
 * and ends when a round has moved nothing, or between two steps when the caller has something else to do; the
 * next run goes on with the next step. The two ends of the private socket are in one thread, so they are not
 * polled: what one end has written the other reads in the same run. Only the network's fd is in the epoll
 * set.
 *
 * Reading from the network stops while events wait to be popped or messages to be acknowledged; then nothing
 * of it is polled for either. TCP tells the server.
 */

#include <mqtt/connection.h>

#include <sys/epoll.h>
#include <sys/socket.h>

#include <mqtt/control.h>
#include <mqtt/gate.h>

/* With at most 16 KiB each way: a run stays below a few milliseconds. */
#define ROUNDS_MAX 16U

/* In a step: many a server sends each PUBACK in a record of its own. */
#define READS_MAX 8U

/* A server that lives answers within a round trip, also over a satellite. */
#define HINT_US (5U * USEC_PER_SEC)

/* A server that has read our DISCONNECT closes; one that does not is not waited for. */
#define DISCONNECT_US (2U * USEC_PER_SEC)

typedef enum ConnectionState {
        CONNECTION_OPEN,     /* TLS is up, CONNECT not sent */
        CONNECTION_ACTIVE,   /* from CONNECT on */
        CONNECTION_FLUSHING, /* DISCONNECT is on its way out */
        CONNECTION_DRAINING, /* waiting for the server's end of file */
} ConnectionState;

struct MqttConnection {
        ConnectionState state;
        MqttStream stream;
        MqttGate gate;
        MqttClient *client;
        unsigned step; /* the next one, of an active connection */
        int local_fd;  /* the gate's end of the private socket */
        bool is_local_readable;
        bool is_broken; /* the fd reported an error or hang-up */
        int end_error;  /* reading has failed; 'end_fault' says why */
        MqttFault end_fault;
        MqttEventList *events;
        uint64_t connack_timeout_us;
        uint64_t due_us; /* of CONNACK or of the end after DISCONNECT; UINT64_MAX: none */
};

int mqtt_connection_new(MqttConnection **ret, MqttStream *stream, uint32_t max_packet_bytes,
                        unsigned receive_max, MqttEventList *events, uint64_t now_us) {
        _cleanup_(mqtt_connection_freep) MqttConnection *c = NULL;
        const MqttGateConfig config = { .max_packet_bytes = max_packet_bytes,
                                        .receive_max = receive_max,
                                        .events = events };
        int r;

        c = malloc(sizeof(*c));
        if (!c) {
                mqtt_stream_done(stream);
                return -ENOMEM;
        }
        *c = (MqttConnection){
                .stream = *stream,
                .local_fd = -1,
                .events = events,
                .due_us = UINT64_MAX,
        };
        *stream = MQTT_STREAM_NULL;
        /* The handshake may have read ahead. */
        c->stream.is_readable = c->stream.is_writable = true;

        r = mqtt_gate_init(&c->gate, &config, now_us);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

MqttConnection *mqtt_connection_free(MqttConnection *c) {
        if (!c)
                return NULL;
        (void) mqtt_client_free(c->client);
        (void) close_fd(c->local_fd);
        mqtt_gate_done(&c->gate);
        mqtt_stream_done(&c->stream);
        free(c);
        return NULL;
}

int mqtt_connection_connect(MqttConnection *c, const MqttConnect *connect, const MqttClientConfig *config,
                            uint64_t now_us) {
        int r;

        if (c->state != CONNECTION_OPEN)
                return -ENOTCONN;
        if (connect->keep_alive_s < 5)
                return -EINVAL;
        r = mqtt_client_new(&c->client, &c->local_fd, config, connect, &c->gate, c->events);
        if (r < 0)
                return r;

        mqtt_gate_set_keep_alive(&c->gate, connect->keep_alive_s * USEC_PER_SEC);
        c->gate.config.is_v5 = connect->version == MQTT_VERSION_5;
        c->gate.config.has_authentication = az_span_size(connect->authentication_method) > 0;
        c->gate.config.ping_timeout_us = mqtt_timeout_or(connect->ping_timeout_us, 15);
        c->gate.config.puback_timeout_us = mqtt_timeout_or(connect->puback_timeout_us, 60);
        c->connack_timeout_us = mqtt_timeout_or(connect->connack_timeout_us, 30);
        c->due_us = now_us + c->connack_timeout_us;
        c->state = CONNECTION_ACTIVE;
        return 0;
}

MqttClient *mqtt_connection_client(const MqttConnection *c) {
        return c->state == CONNECTION_ACTIVE ? c->client : NULL;
}

bool mqtt_connection_was_accepted(const MqttConnection *c) {
        return c->client && mqtt_client_is_connected(c->client);
}

static void connection_drain(MqttConnection *c) {
        mqtt_stream_shutdown(&c->stream);
        c->state = CONNECTION_DRAINING;
}

int mqtt_connection_send_auth(MqttConnection *c, uint8_t reason_code, az_span method, az_span data) {
        bool is_before_connack = c->state == CONNECTION_ACTIVE && reason_code == MQTT_AUTH_CONTINUE;
        int r;

        if (!is_before_connack && !(c->state == CONNECTION_ACTIVE && mqtt_client_is_connected(c->client)))
                return -ENOTCONN;
        if (!c->gate.config.has_authentication)
                return -EOPNOTSUPP;
        if (az_span_size(method) == 0 || !az_span_is_valid_utf8(method))
                return -EINVAL;
        if ((size_t) az_span_size(method) > UINT16_MAX || (size_t) az_span_size(data) > MQTT_SECRET_MAX)
                return -EMSGSIZE;
        r = mqtt_client_check_size(c->client, MQTT_AUTH_HEADER_MAX + (size_t) az_span_size(method) +
                                                      (size_t) az_span_size(data));
        return r < 0 ? r : mqtt_gate_send_auth(&c->gate, reason_code, method, data);
}

int mqtt_connection_disconnect(MqttConnection *c, const MqttDisconnect *disconnect, uint64_t now_us) {
        int r;

        switch (c->state) {
        case CONNECTION_OPEN:
                connection_drain(c);
                break;
        case CONNECTION_ACTIVE:
                r = mqtt_client_disconnect(c->client, disconnect);
                if (r < 0)
                        return r;
                c->state = CONNECTION_FLUSHING;
                break;
        case CONNECTION_FLUSHING:
        case CONNECTION_DRAINING:
                return 0;
        }
        c->due_us = now_us + DISCONNECT_US;
        return 0;
}

void mqtt_connection_hint(MqttConnection *c, uint64_t now_us) {
        if (c->state == CONNECTION_ACTIVE)
                mqtt_gate_ping(&c->gate, MIN(HINT_US, c->gate.config.ping_timeout_us), now_us);
}

void mqtt_connection_release(MqttConnection *c, uint64_t sequence, uint8_t reason_code) {
        mqtt_gate_release(&c->gate, sequence, reason_code);
}

int mqtt_connection_get_fd(const MqttConnection *c) {
        return c->stream.fd;
}

const MqttStream *mqtt_connection_get_stream(const MqttConnection *c) {
        return &c->stream;
}

static bool connection_is_paused(const MqttConnection *c) {
        switch (c->state) {
        case CONNECTION_OPEN:
        case CONNECTION_DRAINING:
                return false;
        case CONNECTION_ACTIVE:
                return mqtt_event_list_is_full(c->events) || mqtt_gate_is_full(&c->gate);
        case CONNECTION_FLUSHING:
                return true;
        }
        return false;
}

uint32_t mqtt_connection_wanted(const MqttConnection *c) {
        uint32_t wanted = 0;

        if (!connection_is_paused(c))
                wanted |= EPOLLIN;
        if (c->stream.wants_write)
                wanted |= EPOLLOUT;
        return wanted;
}

uint64_t mqtt_connection_deadline_us(const MqttConnection *c) {
        if (c->state != CONNECTION_ACTIVE)
                return c->due_us;
        return MIN(c->due_us, mqtt_gate_deadline_us(&c->gate));
}

void mqtt_connection_ready(MqttConnection *c, uint32_t epoll_events) {
        c->stream.is_readable = c->stream.is_writable = true;
        c->stream.wants_write = false;
        c->is_broken = (epoll_events & (EPOLLERR | EPOLLHUP)) != 0;
}

/* ---- Moving bytes. 1: something moved. 0: nothing. Negative: the connection is over. ---- */

static int lose_local(int error, MqttFault *fault) {
        return mqtt_fault_set(fault, MQTT_LOST_INTERNAL, error, "the private socket failed: %s",
                              strerror(-error));
}

static int read_network(MqttConnection *c, uint64_t now_us, MqttFault *fault) {
        uint8_t *space;
        size_t size;
        ssize_t n;
        int r;

        size = mqtt_gate_network_space(&c->gate, &space);
        n = mqtt_stream_read(&c->stream, space, size, fault);
        if (n <= 0)
                return (int) n;
        if (c->state == CONNECTION_OPEN)
                return mqtt_fault_set(fault, MQTT_LOST_PROTOCOL, -EPROTO, "the server spoke before CONNECT");

        r = mqtt_gate_network_fed(&c->gate, (size_t) n, now_us, fault);
        return r < 0 ? r : 1;
}

static int pull_network(MqttConnection *c, uint64_t now_us, MqttFault *fault) {
        int r, moved = 0;

        for (unsigned n = 0; n < READS_MAX; n++) {
                if (c->end_error < 0 || !c->stream.is_readable || connection_is_paused(c))
                        break;
                r = read_network(c, now_us, &c->end_fault);
                if (r < 0)
                        c->end_error = r;
                if (r > 0)
                        moved = 1;
        }
        return moved;
}

static int push_local(MqttConnection *c, uint64_t now_us, MqttFault *fault) {
        const uint8_t *bytes;
        size_t size;
        ssize_t n;
        int r;

        r = mqtt_gate_resume(&c->gate, fault);
        if (r < 0)
                return r;
        size = mqtt_gate_local_pending(&c->gate, &bytes);
        if (size == 0 || mqtt_event_list_is_full(c->events))
                return 0;
        n = send(c->local_fd, bytes, size, MSG_NOSIGNAL);
        if (n < 0)
                return lose_local(-errno, fault);
        mqtt_gate_local_sent(&c->gate, (size_t) n);
        r = mqtt_client_read(c->client, fault);
        if (r < 0)
                return r;
        /* A bad packet behind these is a better reason than the end of file that may follow. */
        r = mqtt_gate_resume(&c->gate, fault);
        return r < 0 ? r : 1;
}

static int pull_local(MqttConnection *c, uint64_t now_us, MqttFault *fault) {
        uint8_t *space;
        size_t size;
        ssize_t n;
        int r;

        size = mqtt_gate_local_space(&c->gate, &space);
        if (size == 0)
                return 0;
        r = mqtt_client_write(c->client, fault);
        if (r < 0)
                return r;
        if (r > 0)
                c->is_local_readable = true;
        if (!c->is_local_readable)
                return 0;

        n = recv(c->local_fd, space, size, 0);
        if (n < 0 && errno != EAGAIN)
                return lose_local(-errno, fault);
        /* Less than asked for: nothing is left. End of file comes behind DISCONNECT. */
        if (n < (ssize_t) size)
                c->is_local_readable = false;
        if (n <= 0)
                return 0;
        r = mqtt_gate_local_fed(&c->gate, (size_t) n, now_us, fault);
        return r < 0 ? r : 1;
}

static int push_network(MqttConnection *c, uint64_t now_us, MqttFault *fault) {
        const uint8_t *bytes;
        size_t size;
        ssize_t n;

        size = mqtt_gate_network_pending(&c->gate, &bytes);
        if (size == 0 || !c->stream.is_writable)
                return 0;
        n = mqtt_stream_write(&c->stream, bytes, size, fault);
        if (n <= 0)
                return (int) n;
        mqtt_gate_network_sent(&c->gate, (size_t) n, now_us);
        return 1;
}

static int move_out(MqttConnection *c, uint64_t now_us, MqttFault *fault) {
        int r, moved;

        r = pull_local(c, now_us, fault);
        if (r < 0)
                return r;
        moved = r;
        r = push_network(c, now_us, fault);
        return r < 0 ? r : moved | r;
}

static int (*const steps[])(MqttConnection *c, uint64_t now_us, MqttFault *fault) = {
        pull_network,
        push_local,
        pull_local,
        push_network,
};

static int move_step(MqttConnection *c, uint64_t now_us, MqttFault *fault) {
        unsigned step = c->step;

        c->step = (step + 1) % ELEMENTSOF(steps);
        return steps[step](c, now_us, fault);
}

static int move_flush(MqttConnection *c, uint64_t now_us, MqttFault *fault) {
        const uint8_t *bytes;
        int r;

        r = move_out(c, now_us, fault);
        if (r != 0 || mqtt_gate_network_pending(&c->gate, &bytes) > 0)
                return r;
        connection_drain(c);
        return 1;
}

static int move_drain(MqttConnection *c, MqttFault *fault) {
        uint8_t scratch[4096];
        ssize_t n;

        if (!c->stream.is_readable)
                return 0;
        n = mqtt_stream_read(&c->stream, scratch, sizeof(scratch), fault);
        return n > 0 ? 1 : (int) n;
}

static int connection_move(MqttConnection *c, uint64_t now_us, MqttFault *fault) {
        switch (c->state) {
        case CONNECTION_OPEN:
                return pull_network(c, now_us, fault);
        case CONNECTION_ACTIVE:
                return move_step(c, now_us, fault);
        case CONNECTION_FLUSHING:
                return move_flush(c, now_us, fault);
        case CONNECTION_DRAINING:
                return move_drain(c, fault);
        }
        return 0;
}

/* An error on the fd is normally found by reading; this is for when reading is paused. */
static int connection_check_broken(MqttConnection *c, MqttFault *fault) {
        int error = 0;
        socklen_t size = sizeof(error);

        if (!c->is_broken || !mqtt_gate_is_full(&c->gate))
                return 0;
        (void) getsockopt(c->stream.fd, SOL_SOCKET, SO_ERROR, &error, &size);
        return mqtt_fault_set(fault, MQTT_LOST_NETWORK, error != 0 ? -error : -ECONNRESET,
                              "the connection failed: %s", strerror(error != 0 ? error : ECONNRESET));
}

static int connection_run_active(MqttConnection *c, uint64_t now_us, MqttFault *fault) {
        int r;

        if (mqtt_client_is_connected(c->client) && c->due_us != UINT64_MAX) {
                c->due_us = UINT64_MAX;
                mqtt_gate_set_keep_alive(&c->gate, mqtt_client_keep_alive_s(c->client) * USEC_PER_SEC);
        }
        if (now_us >= c->due_us)
                return mqtt_fault_set(fault, MQTT_LOST_CONNACK_TIMEOUT, -ETIMEDOUT,
                                      "the server has not answered CONNECT within %g s",
                                      mqtt_seconds(c->connack_timeout_us));
        r = mqtt_gate_run_due(&c->gate, now_us, fault);
        if (r < 0)
                return r;
        r = push_network(c, now_us, fault);
        if (r < 0)
                return r;
        return connection_check_broken(c, fault);
}

/* What was read before the end of the connection has gone on. */
static int connection_tell_end(const MqttConnection *c, MqttFault *fault) {
        if (c->end_error == 0 || connection_is_paused(c))
                return 0;
        if (c->end_fault.cause == MQTT_LOST_CLOSED && mqtt_gate_is_mid_packet(&c->gate))
                return mqtt_fault_set(fault, MQTT_LOST_CLOSED, c->end_error,
                                      "the server closed the connection in the middle of a packet");
        *fault = c->end_fault;
        return c->end_error;
}

/* 1: more can be moved. */
static int connection_move_all(MqttConnection *c, bool (*is_wanted)(void *userdata), void *userdata,
                               uint64_t now_us, MqttFault *fault) {
        unsigned n_idle = 0;

        for (unsigned n = 0; n < ROUNDS_MAX * ELEMENTSOF(steps); n++) {
                int r = connection_move(c, now_us, fault);

                if (r < 0)
                        return r;
                n_idle = r > 0 ? 0 : n_idle + 1;
                if (n_idle == ELEMENTSOF(steps))
                        break;
                if (r > 0 && is_wanted && is_wanted(userdata))
                        return 1;
        }
        if (n_idle < ELEMENTSOF(steps))
                return 1;
        /* What has come is read before something is written that may fail. */
        c->step = 0;
        return connection_tell_end(c, fault);
}

static int connection_run(MqttConnection *c, bool (*is_wanted)(void *userdata), void *userdata,
                          uint64_t now_us, MqttFault *fault) {
        int r;

        r = connection_move_all(c, is_wanted, userdata, now_us, fault);
        if (r < 0)
                return r;
        /* Whoever has sent something that is not read yet is not late, but a goodbye comes to its end. */
        if (c->state != CONNECTION_ACTIVE)
                return now_us >= c->due_us ? -ETIMEDOUT : r;
        return r > 0 ? r : connection_run_active(c, now_us, fault);
}

int mqtt_connection_run(MqttConnection *c, bool (*is_wanted)(void *userdata), void *userdata, uint64_t now_us,
                        MqttFault *fault) {
        int r = connection_run(c, is_wanted, userdata, now_us, fault);

        if (r < 0)
                fault->is_puback_owed = mqtt_gate_is_puback_owed(&c->gate);
        if (r < 0 && (c->state == CONNECTION_FLUSHING || c->state == CONNECTION_DRAINING))
                (void) mqtt_fault_set(fault, MQTT_LOST_ASKED, 0, "disconnected");
        return r;
}
