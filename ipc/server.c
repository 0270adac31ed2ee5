/* SPDX-License-Identifier: MIT */
#include "ipc/server.h"

#include <assert.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "ipc/connection.h"

static const char *const notice_names[_IPC_NOTICE_MAX] = {
        [IPC_NOTICE_TOO_MANY_CONNECTIONS] = "too many connections",
        [IPC_NOTICE_MALFORMED] = "malformed message",
        [IPC_NOTICE_SLOW] = "does not read",
        [IPC_NOTICE_DENIED] = "permission denied",
        [IPC_NOTICE_TOO_MANY_TAKERS] = "too many waiting calls",
        [IPC_NOTICE_OUT_OF_MEMORY] = "no memory for a call",
        [IPC_NOTICE_FAILED] = "failed",
        [IPC_NOTICE_ACCEPT_FAILED] = "cannot accept",
};

const char *ipc_notice_to_string(IpcNotice notice) {
        return notice_names[notice];
}

void server_notice(IpcServer *server, IpcNotice notice, const IpcPeer *peer, int error, const char *detail) {
        if (server->config.notice)
                server->config.notice(notice, peer, error, detail, server->config.userdata);
}

static IpcLimits limits_complete(const IpcLimits *limits) {
        return (IpcLimits){
                .output_pause = limits->output_pause ?: IPC_OUTPUT_PAUSE,
                .output_max = limits->output_max ?: IPC_OUTPUT_MAX,
                .output_timeout_us = limits->output_timeout_us ?: IPC_OUTPUT_TIMEOUT_US,
                .turn_us = limits->turn_us ?: IPC_TURN_US,
                .shared_turn_us = limits->shared_turn_us ?: IPC_SHARED_TURN_US,
                .n_connections = limits->n_connections ?: IPC_CONNECTIONS_MAX,
                .n_connections_per_uid = limits->n_connections_per_uid ?: IPC_CONNECTIONS_PER_UID,
                .n_parked_per_uid = limits->n_parked_per_uid ?: IPC_PARKED_PER_UID,
                .n_replies_outstanding = limits->n_replies_outstanding ?: IPC_REPLIES_OUTSTANDING,
                .accept_retry_us = limits->accept_retry_us ?: IPC_ACCEPT_RETRY_US,
        };
}

static int server_enable_listeners(IpcServer *server, int enabled) {
        for (size_t i = 0; i < server->n_listeners; i++) {
                int r;

                r = sd_event_source_set_enabled(server->listeners[i], enabled);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int server_on_accept_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        return server_enable_listeners(userdata, SD_EVENT_ON);
}

int ipc_server_new(IpcServer **ret, sd_event *event, const IpcServerConfig *config) {
        _cleanup_(ipc_server_freep) IpcServer *server = NULL;
        int r;

        server = malloc(sizeof(*server));
        if (!server)
                return -ENOMEM;
        *server = (IpcServer){
                .event = sd_event_ref(event),
                .config = *config,
                .expected_fd = -1,
                .document = IPC_DOCUMENT_NULL,
        };
        server->config.limits = limits_complete(&config->limits);

        server->expected_fd = epoll_create1(EPOLL_CLOEXEC);
        if (server->expected_fd < 0)
                return -errno;
        r = ipc_server_add_interface(server, &ipc_service_interface, server);
        if (r < 0)
                return r;
        /* Made now, because it takes an fd, and is wanted when there are none. */
        r = sd_event_add_time(event, &server->accept_timer, CLOCK_BOOTTIME, UINT64_MAX, 0,
                              server_on_accept_timer, server);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(server);
        return 0;
}

IpcServer *ipc_server_free(IpcServer *server) {
        if (!server)
                return NULL;

        ipc_server_stop_accepting(server);
        while (server->connections) {
                IpcConnection *c = server->connections;

                assert(!c->running);
                (void) ipc_stream_write(&c->stream, 0);
                connection_free(c);
        }

        sd_event_source_disable_unref(server->accept_timer);
        server_free_calls(server);
        ipc_users_done(&server->users);
        ipc_document_done(&server->document);
        close_fd(server->expected_fd);
        free(server->interfaces);
        sd_event_unref(server->event);
        free(server);
        return NULL;
}

int ipc_server_add_interface(IpcServer *server, const IpcInterface *interface, void *userdata) {
        IpcServerInterface *interfaces;

        if (server_find_interface(server, az_span_create_from_str((char *) interface->name)))
                return -EEXIST;

        interfaces = reallocarray(server->interfaces, server->n_interfaces + 1, sizeof(*interfaces));
        if (!interfaces)
                return -ENOMEM;

        server->interfaces = interfaces;
        interfaces[server->n_interfaces++] =
                (IpcServerInterface){ .interface = interface, .userdata = userdata };
        return 0;
}

const IpcServerInterface *server_find_interface(const IpcServer *server, az_span name) {
        for (size_t i = 0; i < server->n_interfaces; i++)
                if (az_span_is_content_equal(
                            name, az_span_create_from_str((char *) server->interfaces[i].interface->name)))
                        return server->interfaces + i;
        return NULL;
}

void server_add(IpcServer *server, IpcConnection *c) {
        c->next = server->connections;
        if (c->next)
                c->next->previous = c;
        server->connections = c;
        server->n_connections++;
        ipc_users_connected(&server->users, c->user);
}

void server_remove(IpcServer *server, IpcConnection *c) {
        if (c->next)
                c->next->previous = c->previous;
        if (c->previous)
                c->previous->next = c->next;
        else
                server->connections = c->next;
        server->n_connections--;
        ipc_users_disconnected(&server->users, c->user);
}

unsigned server_count_parked(const IpcServer *server, uid_t uid) {
        unsigned n = 0;

        for (const IpcConnection *c = server->connections; c; c = c->next)
                if (c->parked && c->parked->takes && c->peer.uid == uid)
                        n++;
        return n;
}

/* Tells who is not let in which limit is reached: it reads that as the reply to its first call. */
static int server_refuse(IpcServer *server, int fd, const IpcPeer *peer, unsigned limit, bool is_of_user) {
        const char *error = server->config.error_too_many_connections;
        char parameters[64], reply[256];
        size_t n;

        server_notice(server, IPC_NOTICE_TOO_MANY_CONNECTIONS, peer, 0,
                      is_of_user ? "of one user" : "of all users");
        if (!error)
                return -EBUSY;

        (void) snprintf(parameters, sizeof(parameters), "{\"limit\":%u,\"of\":\"%s\"}", limit,
                        is_of_user ? "user" : "all");
        n = ipc_wire_format_reply(NULL, error, false, az_span_create_from_str(parameters));
        if (n > sizeof(reply))
                return -EBUSY;
        (void) ipc_wire_format_reply((uint8_t *) reply, error, false, az_span_create_from_str(parameters));
        (void) send(fd, reply, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        return -EBUSY;
}

static unsigned server_get_grants(const IpcServer *server, const IpcPeer *peer) {
        return server->config.policy ? server->config.policy(peer, server->config.userdata)
                                     : ipc_peer_default_grants(peer, server->config.group);
}

static int server_admit(IpcServer *server, int fd, IpcPeer *peer, IpcUser *user) {
        const IpcLimits *limits = &server->config.limits;

        if (user->n_connections >= limits->n_connections_per_uid)
                return server_refuse(server, fd, peer, limits->n_connections_per_uid, true);
        if (server->n_connections >= limits->n_connections)
                return server_refuse(server, fd, peer, limits->n_connections, false);

        peer->grants = server_get_grants(server, peer);
        return connection_new(server, fd, peer, user);
}

int ipc_server_add_connection(IpcServer *server, int fd) {
        _cleanup_(ipc_peer_done) IpcPeer peer = IPC_PEER_NULL;
        _cleanup_(close_fdp) int owned = fd;
        uint64_t began_us = thread_time_us();
        IpcUser *user;
        int r;

        r = ipc_peer_init(&peer, owned);
        if (r < 0)
                return r;
        user = ipc_users_get(&server->users, peer.uid, boottime_us());
        if (!user)
                return -ENOMEM;

        r = server_admit(server, owned, &peer, user);
        ipc_users_took(&server->users, user, thread_time_us() - began_us, 0, boottime_us());
        if (r < 0)
                return r;

        TAKE_FD(owned);
        return 0;
}

void ipc_server_update_grants(IpcServer *server,
                              void (*updated)(IpcConnection *connection, unsigned lost, void *userdata),
                              void *userdata) {
        for (IpcConnection *c = server->connections; c; c = c->next) {
                unsigned grants = server_get_grants(server, &c->peer), lost = c->peer.grants & ~grants;

                c->peer.grants = grants;
                if (c->parked && c->parked->grants & lost)
                        (void) call_revoke(c->parked, c->parked->grants & lost); /* else it is closed */
                if (updated)
                        updated(c, lost, userdata);
        }
}

/* The listening socket stays readable when there is no fd to accept with: without a pause the loop would
 * spin. */
static int server_pause_accepting(IpcServer *server, int error) {
        int r;

        server_notice(server, IPC_NOTICE_ACCEPT_FAILED, NULL, error, NULL);
        r = server_enable_listeners(server, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_source_set_time_relative(server->accept_timer, server->config.limits.accept_retry_us);
        if (r < 0)
                return r;

        return sd_event_source_set_enabled(server->accept_timer, SD_EVENT_ONESHOT);
}

bool ipc_server_is_wanted(const IpcServer *server) {
        struct epoll_event event;

        return server->n_expected > 0 && epoll_wait(server->expected_fd, &event, 1, 0) > 0;
}

static int server_on_listener(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        IpcServer *server = userdata;
        int connected, r;

        connected = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (connected < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
                return 0;
        if (connected < 0)
                return server_pause_accepting(server, -errno);

        r = ipc_server_add_connection(server, connected);
        if (r < 0 && r != -EBUSY)
                server_notice(server, IPC_NOTICE_ACCEPT_FAILED, NULL, r, NULL);
        return 0;
}

int ipc_server_listen(IpcServer *server, int fd) {
        _cleanup_(close_fdp) int owned = fd;
        _cleanup_(sd_event_source_unrefp) sd_event_source *source = NULL;
        sd_event_source **listeners;
        int r;

        listeners = reallocarray(server->listeners, server->n_listeners + 1, sizeof(*listeners));
        if (!listeners)
                return -ENOMEM;
        server->listeners = listeners;

        r = sd_event_add_io(server->event, &source, owned, EPOLLIN, server_on_listener, server);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(source, IPC_PRIORITY_BUSY);
        if (r < 0)
                return r;
        r = sd_event_source_set_io_fd_own(source, true);
        if (r < 0)
                return r;

        TAKE_FD(owned);
        listeners[server->n_listeners++] = TAKE_PTR(source);
        return 0;
}

unsigned ipc_server_for_each_user(const IpcServer *server, size_t n_max,
                                  void (*func)(void *userdata, uid_t uid, unsigned n_connections),
                                  void *userdata) {
        unsigned n_others = 0;
        size_t n = 0;

        for (const IpcUser *user = server->users.first; user; user = user->next) {
                if (user->n_connections == 0)
                        continue;
                if (n++ < n_max)
                        func(userdata, user->uid, user->n_connections);
                else
                        n_others += user->n_connections;
        }
        return n_others;
}

void ipc_server_stop_accepting(IpcServer *server) {
        (void) sd_event_source_set_enabled(server->accept_timer, SD_EVENT_OFF);
        for (size_t i = 0; i < server->n_listeners; i++)
                sd_event_source_disable_unref(server->listeners[i]);
        free(server->listeners);
        server->listeners = NULL;
        server->n_listeners = 0;
}
