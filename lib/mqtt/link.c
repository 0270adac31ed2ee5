/* SPDX-License-Identifier: MIT */

/*
 * A link is idle, has an attempt in the transport, or has a connection. Two fds are in its epoll set:
 * 'wake_fd', an eventfd by which workers and this thread itself ask for a dispatch, and the connection's
 * socket.
 */

#include <mqtt/link.h>

#include <assert.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <mqtt/client.h>
#include <mqtt/connection.h>
#include <mqtt/event.h>
#include <mqtt/transport.h>

/* Below this no CONNACK with properties would fit. */
#define PACKET_BYTES_MIN 1024U

/* What MQTT can express. */
#define PACKET_BYTES_MAX (256U * 1024U * 1024U)

struct MqttLink {
        int dir_fd;
        int epoll_fd;
        int wake_fd;
        bool is_awake;        /* wake_fd was written to by this thread */
        bool is_library_used; /* mosquitto_lib_init() was called */
        uint32_t max_packet_bytes;
        unsigned window;
        unsigned receive_max;
        bool (*is_wanted)(void *userdata);
        void *userdata;
        MqttTransport *transport;
        bool is_opening;
        MqttConnection *connection;
        uint32_t wanted;         /* what epoll watches the connection for */
        uint64_t epoch;          /* counts connections, from 1 */
        uint16_t last_packet_id; /* of MQTT 5; over all connections */
        MqttTraffic traffic;     /* of those that are gone */
        MqttEventList events;
};

DEFINE_CLEANUP(MqttLink *, mqtt_link_free)

static int link_open_dir(MqttLink *l, const char *path) {
        struct stat st;

        l->dir_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (l->dir_fd < 0 || fstat(l->dir_fd, &st) < 0)
                return -errno;
        return st.st_uid == geteuid() && (st.st_mode & 077) == 0 ? 0 : -EPERM;
}

static int link_set_up(MqttLink *l, const char *runtime_dir) {
        struct epoll_event wake = { .events = EPOLLIN, .data.ptr = NULL };
        int r;

        r = link_open_dir(l, runtime_dir);
        if (r < 0)
                return r;
        l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (l->epoll_fd < 0)
                return -errno;
        l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (l->wake_fd < 0 || epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &wake) < 0)
                return -errno;
        r = mqtt_transport_new(&l->transport, l->wake_fd);
        if (r < 0)
                return r;

        l->is_library_used = mosquitto_lib_init() == MOSQ_ERR_SUCCESS;
        return l->is_library_used ? 0 : -ENOMEM;
}

int mqtt_link_new(MqttLink **ret, const MqttLinkConfig *config) {
        _cleanup_(mqtt_link_freep) MqttLink *l = NULL;
        int r;

        l = malloc(sizeof(*l));
        if (!l)
                return -ENOMEM;
        *l = (MqttLink){
                .dir_fd = -1,
                .epoll_fd = -1,
                .wake_fd = -1,
                .max_packet_bytes = config->max_packet_bytes ?: MQTT_PACKET_BYTES_DEFAULT,
                .window = config->window ?: MQTT_WINDOW_DEFAULT,
                .receive_max = config->receive_max ?: MQTT_RECEIVE_DEFAULT,
                .is_wanted = config->is_wanted,
                .userdata = config->userdata,
        };
        if (l->max_packet_bytes < PACKET_BYTES_MIN || l->max_packet_bytes > PACKET_BYTES_MAX ||
            l->window > MQTT_WINDOW_LIMIT || l->receive_max > UINT16_MAX)
                return -EINVAL;

        r = link_set_up(l, config->runtime_dir);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

MqttLink *mqtt_link_free(MqttLink *l) {
        if (!l)
                return NULL;
        if (l->transport)
                mqtt_link_close(l);
        mqtt_event_list_done(&l->events);
        (void) mqtt_transport_free(l->transport);
        if (l->is_library_used)
                (void) mosquitto_lib_cleanup();
        (void) close_fd(l->wake_fd);
        (void) close_fd(l->epoll_fd);
        (void) close_fd(l->dir_fd);
        free(l);
        return NULL;
}

int mqtt_link_get_fd(const MqttLink *l) {
        return l->epoll_fd;
}

uint64_t mqtt_link_deadline_us(const MqttLink *l) {
        if (l->connection)
                return mqtt_connection_deadline_us(l->connection);
        return mqtt_transport_deadline_us(l->transport);
}

/* Makes the link's fd readable: there is something to do that no fd of its own tells of. */
static void link_wake(MqttLink *l) {
        if (l->is_awake)
                return;
        l->is_awake = true;
        (void) eventfd_write(l->wake_fd, 1);
}

static int link_poll(MqttLink *l) {
        struct epoll_event ready[2];
        eventfd_t count;
        int n;

        n = epoll_wait(l->epoll_fd, ready, ELEMENTSOF(ready), 0);
        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        for (int i = 0; i < n; i++) {
                if (ready[i].data.ptr) {
                        mqtt_connection_ready(l->connection, ready[i].events);
                        continue;
                }
                (void) eventfd_read(l->wake_fd, &count);
                l->is_awake = false;
        }
        return 0;
}

static int link_watch(MqttLink *l, int operation) {
        struct epoll_event event = { .data.ptr = l->connection };

        event.events = l->wanted = mqtt_connection_wanted(l->connection);
        return epoll_ctl(l->epoll_fd, operation, mqtt_connection_get_fd(l->connection), &event) < 0 ? -errno
                                                                                                    : 0;
}

static void link_drop_connection(MqttLink *l) {
        if (!l->connection)
                return;
        /* What did not lead to a CONNACK may be why it did not: the next attempt begins anew. */
        if (mqtt_connection_was_accepted(l->connection))
                mqtt_transport_keep_session(l->transport, mqtt_connection_get_stream(l->connection));
        (void) epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, mqtt_connection_get_fd(l->connection), NULL);
        mqtt_stream_add_traffic(mqtt_connection_get_stream(l->connection), &l->traffic);
        l->connection = mqtt_connection_free(l->connection);
}

/* The attempt has succeeded: makes it a connection. */
static int link_adopt(MqttLink *l, MqttOpenResult *result, uint64_t now_us) {
        size_t n_signature = strlen(result->signature);
        uint8_t *bytes;
        MqttEvent *e;
        int r;

        r = mqtt_connection_new(&l->connection, &result->stream, l->max_packet_bytes, l->receive_max,
                                &l->events, now_us);
        if (r < 0)
                return r;
        r = link_watch(l, EPOLL_CTL_ADD);
        if (r < 0)
                return r;
        e = mqtt_event_list_add(&l->events, MQTT_EVENT_OPENED,
                                sizeof(result->report) + n_signature + result->n_secret, &bytes);
        if (!e)
                return -ENOMEM;
        e->opened.report = memcpy(bytes, &result->report, sizeof(result->report));
        bytes += sizeof(result->report);
        e->opened.signature = mqtt_event_copy_span(
                az_span_create((uint8_t *) result->signature, (int32_t) n_signature), &bytes);
        e->opened.secret =
                mqtt_event_copy_span(az_span_create(result->secret, (int32_t) result->n_secret), &bytes);
        l->epoch++;
        return 0;
}

static void link_take_attempt(MqttLink *l, uint64_t now_us) {
        MqttOpenResult result;
        int r;

        if (!mqtt_transport_take(l->transport, now_us, &result))
                return;
        l->is_opening = false;
        r = result.error;
        if (r >= 0) {
                r = link_adopt(l, &result, now_us);
                if (r < 0) {
                        link_drop_connection(l);
                        result.report.problem = MQTT_PROBLEM_LOCAL;
                        (void) snprintf(result.text, sizeof(result.text), "Cannot set up the connection: %s",
                                        strerror(-r));
                }
        }
        if (r < 0)
                mqtt_event_list_add_open_failed(&l->events, &result.report, r, result.text);
        mqtt_open_result_done(&result);
}

static int link_run_connection(MqttLink *l, uint64_t now_us) {
        MqttFault fault;
        int r;

        r = mqtt_connection_run(l->connection, l->is_wanted, l->userdata, now_us, &fault);
        if (r < 0) {
                link_drop_connection(l);
                mqtt_event_list_add_lost(&l->events, &fault);
                return 0;
        }
        if (r > 0)
                link_wake(l);
        return l->wanted == mqtt_connection_wanted(l->connection) ? 0 : link_watch(l, EPOLL_CTL_MOD);
}

int mqtt_link_dispatch(MqttLink *l, uint64_t now_us) {
        int r;

        r = link_poll(l);
        if (r < 0)
                return r;
        link_take_attempt(l, now_us);
        return l->connection ? link_run_connection(l, now_us) : 0;
}

bool mqtt_link_next_event(MqttLink *l, MqttEvent *ret) {
        bool was_full = mqtt_event_list_is_full(&l->events);
        MqttEvent *e = mqtt_event_list_pop(&l->events);

        /* Reading was paused for the sake of this list. */
        if (was_full && !mqtt_event_list_is_full(&l->events))
                link_wake(l);
        if (!e)
                return false;
        *ret = *e;
        return true;
}

int mqtt_link_open(MqttLink *l, const MqttEndpoint *endpoint, const MqttSignJob *sign, uint64_t now_us) {
        int r;

        r = l->is_opening || l->connection ? -EBUSY : mqtt_event_list_reserve(&l->events);
        if (r < 0) {
                if (sign && sign->destroy)
                        sign->destroy(sign->userdata);
                return r;
        }
        r = mqtt_transport_open(l->transport, endpoint, sign, now_us);
        if (r < 0)
                return r;
        l->is_opening = true;
        return 0;
}

int mqtt_link_connect(MqttLink *l, const MqttConnect *connect, uint64_t now_us) {
        const MqttClientConfig config = { .dir_fd = l->dir_fd,
                                          .window = l->window,
                                          .epoch = l->epoch,
                                          .receive_max = l->receive_max,
                                          .last_packet_id = &l->last_packet_id };
        int r;

        if (!l->connection)
                return -ENOTCONN;
        r = mqtt_connection_connect(l->connection, connect, &config, now_us);
        if (r < 0)
                return r;
        link_wake(l);
        return 0;
}

/* NULL: there is nobody to give it to. */
static MqttClient *link_client(const MqttLink *l) {
        return l->connection ? mqtt_connection_client(l->connection) : NULL;
}

int mqtt_link_subscribe(MqttLink *l, const MqttFilter *filters, size_t n_filters) {
        MqttClient *client = link_client(l);
        int r;

        if (!client)
                return -ENOTCONN;
        r = mqtt_client_subscribe(client, filters, n_filters);
        link_wake(l); /* what went before the filter that failed leaves, too */
        return r;
}

int mqtt_link_unsubscribe(MqttLink *l, const az_span *filters, size_t n_filters) {
        MqttClient *client = link_client(l);
        int r;

        if (!client)
                return -ENOTCONN;
        r = mqtt_client_unsubscribe(client, filters, n_filters);
        if (r == 0)
                link_wake(l);
        return r;
}

int mqtt_link_publish_message(MqttLink *l, const az_mqtt_message *message, bool is_resend,
                              uint16_t *packet_id, uint64_t token) {
        MqttClient *client = link_client(l);
        int r;

        if (!client)
                return -ENOTCONN;
        r = mqtt_client_publish(client, message, is_resend, packet_id, token);
        if (r == 0)
                link_wake(l);
        return r;
}

int mqtt_link_publish(MqttLink *l, az_span topic, az_span payload, uint8_t qos, uint64_t token) {
        const az_mqtt_message message = { .topic = topic, .payload = payload, .qos = qos };

        return mqtt_link_publish_message(l, &message, false, NULL, token);
}

unsigned mqtt_link_window_free(const MqttLink *l) {
        const MqttClient *client = link_client(l);

        return client ? mqtt_client_window_free(client) : 0;
}

void mqtt_link_ack_with_reason(MqttLink *l, MqttAck ack, uint8_t reason_code) {
        if (!l->connection || ack.epoch != l->epoch)
                return;
        mqtt_connection_release(l->connection, ack.sequence, reason_code);
        link_wake(l);
}

void mqtt_link_ack(MqttLink *l, MqttAck ack) {
        mqtt_link_ack_with_reason(l, ack, 0);
}

static int link_send_auth(MqttLink *l, uint8_t reason_code, az_span method, az_span data) {
        int r;

        if (!l->connection)
                return -ENOTCONN;
        r = mqtt_connection_send_auth(l->connection, reason_code, method, data);
        if (r == 0)
                link_wake(l);
        return r;
}

int mqtt_link_reauthenticate(MqttLink *l, az_span method, az_span data) {
        return link_send_auth(l, MQTT_AUTH_REAUTHENTICATE, method, data);
}

int mqtt_link_continue_authentication(MqttLink *l, az_span method, az_span data) {
        return link_send_auth(l, MQTT_AUTH_CONTINUE, method, data);
}

int mqtt_link_disconnect(MqttLink *l, const MqttDisconnect *disconnect, uint64_t now_us) {
        int r;

        if (!l->connection)
                return -ENOTCONN;
        r = mqtt_connection_disconnect(l->connection, disconnect, now_us);
        if (r < 0)
                return r;
        link_wake(l);
        return 0;
}

void mqtt_link_proven(MqttLink *l) {
        if (l->connection)
                mqtt_transport_set_proven(l->transport, mqtt_connection_get_stream(l->connection));
}

void mqtt_link_hint(MqttLink *l, uint64_t now_us) {
        if (!l->connection)
                return;
        mqtt_connection_hint(l->connection, now_us);
        link_wake(l);
}

void mqtt_link_get_traffic(const MqttLink *l, MqttTraffic *ret) {
        *ret = l->traffic;
        if (l->connection)
                mqtt_stream_add_traffic(mqtt_connection_get_stream(l->connection), ret);
}

int mqtt_link_get_local(const MqttLink *l, struct sockaddr_storage *ret) {
        socklen_t n = sizeof(*ret);

        if (!l->connection)
                return -ENOTCONN;
        return getsockname(mqtt_connection_get_fd(l->connection), (struct sockaddr *) ret, &n) < 0 ? -errno
                                                                                                   : 0;
}

void mqtt_link_close(MqttLink *l) {
        mqtt_transport_abandon(l->transport);
        l->is_opening = false;
        link_drop_connection(l);
        mqtt_event_list_clear(&l->events);
}
