/* SPDX-License-Identifier: MIT */

/*
 * One connection. Each turn, connection_run(), does what can be done in a fixed order: note what the socket
 * says, read once, serve complete messages, write once, then close or say what to wake up for. One read is
 * small, and what takes longer than IPC_TURN_US goes on in the next turn, so that a busy client does not keep
 * the others waiting. Users who take much of the time stand back behind the others, and pause between long
 * calls (ipc/user.h). Serving stops while
 *
 *   - a call is parked: nothing behind it begins before its last reply;
 *   - too many replies, or bytes of replies, wait.
 *
 * While it is stopped the socket is not read either, and the kernel makes the client wait. That the client
 * hangs up is always watched, but only once: EPOLLRDHUP would be reported for ever.
 */

#include <assert.h>
#include <sys/epoll.h>

#include "ipc/connection.h"

/* A socket holds some 200 KiB unless root says otherwise; who can send more than 1 MiB has not gone. */
#define UNHEARD_READS_MAX 64U

struct IpcConnectionData {
        IpcConnectionData *next;
        const void *key;
        void *data;
        void (*free_func)(void *data);
};

static bool connection_may_serve(const IpcConnection *c) {
        const IpcLimits *limits = &c->server->config.limits;

        if (c->state == IPC_CONNECTION_CLOSED || c->parked)
                return false;
        /* The replies of one that nobody hears are not kept. */
        if (c->state == IPC_CONNECTION_UNHEARD)
                return true;

        return c->n_calls < limits->n_replies_outstanding &&
               ipc_connection_get_unsent(c) < limits->output_pause;
}

static bool connection_may_read(const IpcConnection *c) {
        return connection_may_serve(c) && !c->backlog && c->state <= IPC_CONNECTION_HALF_OPEN;
}

void connection_wake(IpcConnection *c) {
        if (!c->running)
                (void) sd_event_source_set_enabled(c->defer, SD_EVENT_ONESHOT);
}

/* A connection only goes forward. */
static void connection_set_state(IpcConnection *c, IpcConnectionState state) {
        c->state = MAX(c->state, state);
}

void connection_fail(IpcConnection *c, IpcNotice notice, int error) {
        if (c->state == IPC_CONNECTION_CLOSED)
                return;

        server_notice(c->server, notice, &c->peer, error, NULL);
        connection_set_state(c, IPC_CONNECTION_CLOSED);
        connection_wake(c);
}

/* Reads no further and serves nothing that was read. */
static void connection_end_input(IpcConnection *c) {
        ipc_stream_discard(&c->stream);
        connection_set_state(c, c->state == IPC_CONNECTION_UNHEARD ? IPC_CONNECTION_CLOSED
                                                                   : IPC_CONNECTION_DRAINING);
}

void connection_refuse_input(IpcConnection *c) {
        server_notice(c->server, IPC_NOTICE_MALFORMED, &c->peer, 0, NULL);
        connection_end_input(c);
}

void connection_refuse_memory(IpcConnection *c) {
        IpcCall *call;
        int r;

        r = call_new(c, &(IpcWireCall){}, 0, &call);
        if (r == 0)
                r = call_refuse_memory(call);
        if (r < 0)
                connection_fail(c, IPC_NOTICE_FAILED, -ENOMEM);
        else
                connection_end_input(c);
}

static void connection_read(IpcConnection *c) {
        int r;

        r = ipc_stream_read(&c->stream);
        if (r == IPC_STREAM_END)
                connection_set_state(c, IPC_CONNECTION_DRAINING);
        else if (r == -ENOMEM)
                connection_refuse_memory(c);
        else if (r < 0)
                connection_fail(c, IPC_NOTICE_FAILED, r);
}

/* Begins no message after 'until_us', but one. */
static void connection_serve(IpcConnection *c, uint64_t until_us) {
        c->backlog = true;
        while (connection_may_serve(c)) {
                az_span message;
                int r;

                r = ipc_stream_next(&c->stream, &message);
                if (r == IPC_STREAM_NONE) {
                        c->backlog = false;
                        return;
                }
                if (r < 0) {
                        connection_refuse_input(c);
                        continue;
                }
                c->n_served++;
                r = connection_dispatch(c, message);
                if (r < 0)
                        connection_fail(c, IPC_NOTICE_FAILED, r);
                if (boottime_us() >= until_us || (c->is_busy && ipc_server_is_wanted(c->server)))
                        return;
        }
}

/* The client is gone, or will not read. What it has sent is served, then the connection is closed. */
static void connection_serve_unheard(IpcConnection *c, uint64_t until_us) {
        if (c->state < IPC_CONNECTION_DRAINING)
                c->n_unheard_reads = UNHEARD_READS_MAX;

        connection_set_state(c, IPC_CONNECTION_UNHEARD);
        connection_serve(c, until_us);
        while (c->n_unheard_reads > 0 && !c->backlog && ipc_stream_read(&c->stream) == 0) {
                c->n_unheard_reads--;
                connection_serve(c, until_us);
        }
        /* Else its time is over: the next turn goes on. */
        if (!c->backlog || !connection_may_serve(c))
                connection_set_state(c, IPC_CONNECTION_CLOSED);
}

static void connection_turn(IpcConnection *c, uint32_t revents) {
        const IpcLimits *limits = &c->server->config.limits;
        bool is_shared = c->server->users.n_connected > 1;
        uint64_t until_us = boottime_us() + (is_shared ? limits->shared_turn_us : limits->turn_us);
        uint64_t now_us;
        int r;

        if (revents & (EPOLLHUP | EPOLLERR) || c->state == IPC_CONNECTION_UNHEARD) {
                connection_serve_unheard(c, until_us);
                return;
        }
        if (revents & EPOLLRDHUP)
                connection_set_state(c, IPC_CONNECTION_HALF_OPEN);

        if (revents & EPOLLIN && connection_may_read(c))
                connection_read(c);
        connection_serve(c, until_us);
        if (c->parked && c->state >= IPC_CONNECTION_HALF_OPEN) {
                call_abandon(c->parked);
                connection_end_input(c);
                c->backlog = false;
        }
        if (c->state == IPC_CONNECTION_CLOSED)
                return;

        (void) sd_event_now(c->server->event, CLOCK_BOOTTIME, &now_us);
        r = ipc_stream_write(&c->stream, now_us);
        if (r < 0)
                connection_serve_unheard(c, until_us);
        else if (now_us >= ipc_stream_deadline_us(&c->stream, limits->output_timeout_us))
                connection_fail(c, IPC_NOTICE_SLOW, 0);
        else if (c->state == IPC_CONNECTION_DRAINING && !c->backlog && !c->first_call &&
                 ipc_stream_get_unsent(&c->stream) == 0)
                connection_set_state(c, IPC_CONNECTION_CLOSED);
}

static int connection_on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        connection_run(userdata, 0);
        return 0;
}

static int64_t connection_priority(const IpcConnection *c) {
        return c->is_busy ? IPC_PRIORITY_BUSY : SD_EVENT_PRIORITY_NORMAL;
}

static int connection_set_timer(IpcConnection *c, uint64_t deadline_us) {
        int r;

        if (deadline_us == UINT64_MAX)
                return c->timer ? sd_event_source_set_enabled(c->timer, SD_EVENT_OFF) : 0;
        if (!c->timer) {
                r = sd_event_add_time(c->server->event, &c->timer, CLOCK_BOOTTIME, deadline_us, 0,
                                      connection_on_timer, c);
                return r < 0 ? r : sd_event_source_set_priority(c->timer, connection_priority(c));
        }

        r = sd_event_source_set_time(c->timer, deadline_us);
        if (r < 0)
                return r;

        return sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

static int connection_arm_timer(IpcConnection *c) {
        uint64_t deadline_us = ipc_stream_deadline_us(&c->stream, c->server->config.limits.output_timeout_us);

        /* At once, but behind what is ready already. 'defer' would come before all others, again and again.
         */
        if (c->backlog && connection_may_serve(c))
                deadline_us = 0;
        return connection_set_timer(c, deadline_us);
}

static int connection_set_busy(IpcConnection *c, bool is_busy) {
        sd_event_source *sources[] = { c->io, c->defer, c->timer };

        if (is_busy == c->is_busy)
                return 0;

        c->is_busy = is_busy;
        for (size_t i = 0; i < ELEMENTSOF(sources); i++) {
                int r;

                r = sources[i] ? sd_event_source_set_priority(sources[i], connection_priority(c)) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int connection_set_expected(IpcConnection *c, int fd, bool is_expected) {
        struct epoll_event event = { .events = EPOLLIN };

        if (is_expected == c->is_expected)
                return 0;
        if (epoll_ctl(c->server->expected_fd, is_expected ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &event) < 0)
                return -errno;
        c->is_expected = is_expected;
        c->server->n_expected += is_expected ? 1 : -1U;
        return 0;
}

/* Looks and hears nothing before the pause is over; the kernel keeps it. */
static int connection_pause(IpcConnection *c, uint64_t until_us) {
        int r;

        r = connection_set_expected(c, c->stream.fd, false);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(c->io, SD_EVENT_OFF);
        if (r < 0)
                return r;
        return connection_set_timer(c, until_us);
}

/* What to wake up for. */
static int connection_arm(IpcConnection *c) {
        uint32_t events = 0;
        int r;

        r = sd_event_source_set_enabled(c->io, SD_EVENT_ON);
        if (r < 0)
                return r;
        if (c->state == IPC_CONNECTION_OPEN)
                events |= EPOLLRDHUP;
        if (connection_may_read(c))
                events |= EPOLLIN;
        if (ipc_stream_get_unsent(&c->stream) > 0)
                events |= EPOLLOUT;
        r = sd_event_source_set_io_events(c->io, events);
        if (r < 0)
                return r;
        r = connection_set_expected(c, c->stream.fd, (events & EPOLLIN) != 0 && !c->is_busy);
        if (r < 0)
                return r;

        return connection_arm_timer(c);
}

/* A turn, unless its user pauses; the time that it took is the user's. */
static void connection_take_turn(IpcConnection *c, uint32_t revents) {
        uint64_t began_us = thread_time_us();

        c->n_served = 0;
        connection_turn(c, revents);
        ipc_users_took(&c->server->users, c->user, thread_time_us() - began_us, c->n_served, boottime_us());
}

/* Says what to wake up for. */
static int connection_settle(IpcConnection *c) {
        const IpcUsers *users = &c->server->users;
        uint64_t now_us = boottime_us(), until_us = ipc_users_pause_until_us(users, c->user, now_us);
        int r;

        r = sd_event_source_set_enabled(c->defer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = connection_set_busy(c, ipc_user_is_busy(users, c->user, now_us));
        if (r < 0)
                return r;

        return until_us > 0 ? connection_pause(c, until_us) : connection_arm(c);
}

void connection_run(IpcConnection *c, uint32_t revents) {
        int r;

        assert(!c->running);

        c->running = true;
        if (c->state != IPC_CONNECTION_CLOSED &&
            ipc_users_pause_until_us(&c->server->users, c->user, boottime_us()) == 0)
                connection_take_turn(c, revents);
        if (c->state != IPC_CONNECTION_CLOSED) {
                r = connection_settle(c);
                if (r < 0)
                        connection_fail(c, IPC_NOTICE_FAILED, r);
        }
        c->running = false;

        if (c->state == IPC_CONNECTION_CLOSED)
                connection_free(c);
}

static int connection_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        connection_run(userdata, revents);
        return 0;
}

static int connection_on_defer(sd_event_source *source, void *userdata) {
        connection_run(userdata, 0);
        return 0;
}

int connection_new(IpcServer *server, int fd, IpcPeer *peer, IpcUser *user) {
        _cleanup_(connection_freep) IpcConnection *c = NULL;
        int r;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (IpcConnection){ .server = server, .peer = *peer, .user = user, .stream = IPC_STREAM_NULL };
        *peer = IPC_PEER_NULL;
        server_add(server, c);

        r = sd_event_add_io(server->event, &c->io, fd, EPOLLIN | EPOLLRDHUP, connection_on_io, c);
        if (r < 0)
                return r;
        r = sd_event_add_defer(server->event, &c->defer, connection_on_defer, c);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(c->defer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = connection_set_expected(c, fd, true);
        if (r < 0)
                return r;

        c->stream.fd = fd;
        c = NULL; /* the server has it */
        return 0;
}

IpcConnection *connection_free(IpcConnection *c) {
        if (!c)
                return NULL;

        /* Whatever the owners of calls and data do now, it comes too late for this connection. */
        c->state = IPC_CONNECTION_CLOSED;
        c->running = true;
        while (c->first_call)
                call_abandon(c->first_call);
        while (c->data) {
                IpcConnectionData *d = c->data;

                c->data = d->next;
                if (d->free_func)
                        d->free_func(d->data);
                free(d);
        }

        server_remove(c->server, c);
        (void) connection_set_expected(c, c->stream.fd, false);
        sd_event_source_disable_unref(c->io);
        sd_event_source_disable_unref(c->defer);
        sd_event_source_disable_unref(c->timer);
        ipc_stream_done(&c->stream);
        ipc_peer_done(&c->peer);
        free(c);
        return NULL;
}

size_t ipc_connection_get_unsent(const IpcConnection *c) {
        return ipc_stream_get_unsent(&c->stream) + c->n_reply_bytes;
}

void ipc_connection_flush(IpcConnection *c) {
        uint64_t now_us;

        (void) sd_event_now(c->server->event, CLOCK_BOOTTIME, &now_us);
        (void) ipc_stream_write(&c->stream, now_us);
}

const IpcPeer *ipc_connection_get_peer(const IpcConnection *c) {
        return &c->peer;
}

static IpcConnectionData *connection_find_data(const IpcConnection *c, const void *key) {
        IpcConnectionData *d = c->data;

        while (d && d->key != key)
                d = d->next;
        return d;
}

int ipc_connection_set_data(IpcConnection *c, const void *key, void *data, void (*free_func)(void *data)) {
        IpcConnectionData *d = connection_find_data(c, key), replaced;

        if (!d) {
                d = malloc(sizeof(*d));
                if (!d)
                        return -ENOMEM;
                *d = (IpcConnectionData){ .next = c->data, .key = key };
                c->data = d;
        }

        replaced = *d;
        d->data = data;
        d->free_func = free_func;
        if (replaced.free_func)
                replaced.free_func(replaced.data);
        return 0;
}

void *ipc_connection_get_data(const IpcConnection *c, const void *key) {
        const IpcConnectionData *d = connection_find_data(c, key);

        return d ? d->data : NULL;
}
