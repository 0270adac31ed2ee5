/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The inside of the server, shared by server.c (connections of all, limits), connection.c (one connection:
 * its socket and its life), call.c (calls, their order and their replies), dispatch.c (what a message means)
 * and service.c (org.varlink.service).
 *
 * How re-entrancy is kept out: handlers and callbacks only change queues. Sockets are read and written and
 * connections are freed by connection_run() alone, which the event loop calls and which never runs inside
 * itself; whoever gives a connection something to do arms its 'defer' source instead.
 */

#include "ipc/server.h"
#include "ipc/stream.h"
#include "ipc/user.h"
#include "ipc/wire.h"

typedef enum IpcConnectionState {
        IPC_CONNECTION_OPEN,      /* the client sends */
        IPC_CONNECTION_HALF_OPEN, /* it will send no more; not all of it is read */
        IPC_CONNECTION_DRAINING,  /* all is read; calls are served and replies sent, then it is closed */
        IPC_CONNECTION_UNHEARD,   /* nobody reads replies any more; what was sent is served, then it is closed
                                   */
        IPC_CONNECTION_CLOSED,    /* to be freed by its connection_run() */
        _IPC_CONNECTION_STATE_MAX,
} IpcConnectionState;

typedef enum IpcCallState {
        IPC_CALL_WAITING,  /* for its handler or its owner */
        IPC_CALL_ANSWERED, /* for the replies of the calls before it */
        _IPC_CALL_STATE_MAX,
} IpcCallState;

struct IpcCall {
        IpcCall *next; /* of the connection, or of the server's unused ones */
        IpcConnection *connection;
        IpcCallState state;
        bool more; /* it may have several replies */
        bool oneway;
        bool takes;        /* IPC_METHOD_PARK */
        unsigned grants;   /* that its method needs */
        IpcBuffer replies; /* those that wait for the calls before */
        void (*on_gone)(IpcCall *call, void *userdata);
        void *userdata;
};

/* What ipc_connection_set_data() keeps. */
typedef struct IpcConnectionData IpcConnectionData;

struct IpcConnection {
        IpcServer *server;
        IpcConnection *previous, *next; /* of the server */
        IpcConnectionState state;
        bool running;
        bool backlog;             /* complete messages may be left in the stream */
        unsigned n_unheard_reads; /* so often it may still be read when UNHEARD */
        IpcPeer peer;
        IpcUser *user;
        bool is_busy;      /* its user is */
        bool is_expected;  /* what it sends makes the server wanted */
        unsigned n_served; /* in this turn */
        IpcStream stream;
        sd_event_source *io, *defer, *timer;

        /* Oldest first; all but the oldest may be answered already. */
        IpcCall *first_call, *last_call;
        unsigned n_calls;
        size_t n_reply_bytes; /* in the calls' 'replies' */
        IpcCall *current;     /* its handler runs */
        IpcCall *parked;      /* nothing is served before its last reply */

        IpcConnectionData *data;
};

/* An interface that was added, and what its handlers are given. */
typedef struct IpcServerInterface {
        const IpcInterface *interface;
        void *userdata;
} IpcServerInterface;

struct IpcServer {
        sd_event *event;
        IpcServerConfig config;

        IpcServerInterface *interfaces;
        size_t n_interfaces;

        sd_event_source **listeners;
        size_t n_listeners;
        sd_event_source *accept_timer;

        IpcConnection *connections;
        unsigned n_connections;
        int expected_fd; /* an epoll of those whose user is not busy, while they may be read from */
        unsigned n_expected;
        IpcUsers users;

        IpcDocument document; /* of the message that is being served */
        IpcCall *unused_calls;
        unsigned n_unused_calls;
};

/* server.c */
void server_notice(IpcServer *server, IpcNotice notice, const IpcPeer *peer, int error, const char *detail);
void server_add(IpcServer *server, IpcConnection *connection);
void server_remove(IpcServer *server, IpcConnection *connection);
const IpcServerInterface *server_find_interface(const IpcServer *server, az_span name);
unsigned server_count_parked(const IpcServer *server, uid_t uid);

/* connection.c; connection_new() takes the peer at once, the fd only when it succeeds */
int connection_new(IpcServer *server, int fd, IpcPeer *peer, IpcUser *user);
IpcConnection *connection_free(IpcConnection *connection);
DEFINE_CLEANUP(IpcConnection *, connection_free)
void connection_run(IpcConnection *connection, uint32_t revents);
/* Something can be done: if it is not just running, connection_run() will be called soon. */
void connection_wake(IpcConnection *connection);
/* Gives up; connection_run() will free it. */
void connection_fail(IpcConnection *connection, IpcNotice notice, int error);
/* The client broke the protocol: no more is read from it. */
void connection_refuse_input(IpcConnection *connection);
/* There is no memory to take what it sent: it is told so, and no more is read from it. */
void connection_refuse_memory(IpcConnection *connection);

/* call.c; 'flags' are the method's */
int call_new(IpcConnection *connection, const IpcWireCall *wire, unsigned flags, IpcCall **ret);
/* Nobody waits for it any more. */
void call_abandon(IpcCall *call);
/* Answers it that there is no memory for it; < 0: not even for that, or the server has no such error. */
int call_refuse_memory(IpcCall *call);
/* Its peer may not make it any more. */
int call_revoke(IpcCall *call, unsigned missing);
void server_free_calls(IpcServer *server);

/* dispatch.c */
int connection_dispatch(IpcConnection *connection, az_span message);

/* service.c */
extern const IpcInterface ipc_service_interface;
