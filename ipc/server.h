/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A Varlink server on sd-event. Interfaces are tables of methods; the server reads calls, checks each against
 * the tables, the peer's grants and the limits (limits.h), answers what is wrong by a named error, and runs
 * the method's handler for the rest. org.varlink.service is served by the server itself.
 *
 * Calls of a connection begin in order and their replies leave in order. A handler answers at once, or keeps
 * the call and answers later ("deferred"); the calls behind go on meanwhile and their replies wait their
 * turn. A call that parks (IPC_METHOD_PARK, or IPC_METHOD_MORE called with 'more') stops its connection:
 * nothing behind is read before its last reply.
 *
 * When a client half-closes, its complete calls are served, their replies flushed, then the connection is
 * closed; a parked call ends without a reply instead. When it is gone altogether, what it had already sent is
 * still served, but nothing is answered any more. A client that breaks the protocol is closed, after the
 * replies to what it had sent before. Nobody is ever waited for.
 *
 * Users who take much of the time stand back: their sockets, and the listening one, have the priority
 * IPC_PRIORITY_BUSY, those of the others the normal one. What else the loop does all the time should have the
 * former, so that neither starves, and ask ipc_server_is_wanted() between its steps.
 *
 * Everything runs in the event loop's thread. Handlers and callbacks may answer any call of any connection:
 * nothing is written, closed or freed, and no other handler runs, before they return.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include <azure/core/az_span.h>

#include "ipc/field.h"
#include "ipc/json.h"
#include "ipc/limits.h"
#include "ipc/peer.h"
#include "util/util.h"

typedef struct IpcServer IpcServer;
typedef struct IpcConnection IpcConnection;
typedef struct IpcCall IpcCall;

/* A priority of sd-event. */
#define IPC_PRIORITY_BUSY 1

/* A condition of IpcHandler: the call is kept and will be answered later. */
#define IPC_DEFERRED 1

typedef enum IpcMethodFlags {
        /* Called with 'more' it may reply several times; it parks then. */
        IPC_METHOD_MORE = 1 << 0,
        /* The same, and it must be. */
        IPC_METHOD_MORE_ONLY = 1 << 1,
        /*
         * It parks whenever it is deferred. A uid has at most IPC_PARKED_PER_UID such calls; the next one
         * gets the error "TooManyTakers (limit: int)", which its interface must have.
         */
        IPC_METHOD_PARK = 1 << 2,
} IpcMethodFlags;

/*
 * Runs a method. 'params' is the struct of the method's table, valid until the handler returns.
 *
 *   0             the call was answered
 *   IPC_DEFERRED  it was kept
 *   < 0           the daemon failed: the client is closed, the notice IPC_NOTICE_FAILED says why
 */
typedef int (*IpcHandler)(IpcCall *call, const void *params, void *userdata);

typedef struct IpcMethod {
        const char *name;        /* without its interface: "Send" */
        unsigned grants;         /* IpcGrant bits, all of which the peer must have; 0: anybody */
        unsigned flags;          /* IpcMethodFlags */
        const IpcStruct *params; /* NULL: it has none */
        IpcHandler handler;
} IpcMethod;

typedef struct IpcInterface {
        const char *name;
        const char *description; /* the interface file (interfaces.h) */
        const IpcMethod *methods;
        size_t n_methods;
} IpcInterface;

/* What the server did that its owner may want to log. */
typedef enum IpcNotice {
        IPC_NOTICE_TOO_MANY_CONNECTIONS, /* refused; 'detail' says whose limit it was */
        IPC_NOTICE_MALFORMED,            /* closed: not Varlink, or larger than a message may be */
        IPC_NOTICE_SLOW,                 /* closed: it does not read */
        IPC_NOTICE_DENIED,               /* PermissionDenied: 'detail' names the grant */
        IPC_NOTICE_TOO_MANY_TAKERS,      /* TooManyTakers: 'detail' names the method */
        IPC_NOTICE_OUT_OF_MEMORY,        /* a call was refused for it */
        IPC_NOTICE_FAILED,               /* closed: a handler, or we, failed with 'error' */
        IPC_NOTICE_ACCEPT_FAILED,        /* 'error' from accept(): tried again in a second; 'peer' is NULL */
        _IPC_NOTICE_MAX,
} IpcNotice;

const char *ipc_notice_to_string(IpcNotice notice);

/* All strings must outlive the server. Members that are zero have their defaults. */
typedef struct IpcServerConfig {
        /* What GetInfo tells. */
        const char *vendor, *product, *version, *url;

        /* IpcGrant bits of a peer, asked once per connection and in ipc_server_update_grants(); NULL:
         * ipc_peer_default_grants(peer, group). */
        unsigned (*policy)(const IpcPeer *peer, void *userdata);
        gid_t group;

        /*
         * Why no method of an interface can be called at present: the full name of an error without
         * parameters; NULL, or no function: they can. Asked for each call that its peer may make.
         */
        const char *(*unavailable)(const IpcInterface *interface, void *userdata);

        /*
         * Where it is written what a peer may do, for PermissionDenied: text in 'buffer'; NULL, or no
         * function: nowhere.
         */
        const char *(*policy_source)(const IpcPeer *peer, char *buffer, size_t size, void *userdata);

        /* May be NULL. 'detail' may be NULL; it is never text from a client. */
        void (*notice)(IpcNotice notice, const IpcPeer *peer, int error, const char *detail, void *userdata);
        void *userdata;

        /*
         * Errors that any client may get, by their full names: "(limit: int, of: (user, all))" of who is over
         * the limits, which is closed with it, and "()" of a call for which there is no memory. NULL: it is
         * closed without a word.
         */
        const char *error_too_many_connections, *error_out_of_memory;

        IpcLimits limits;
} IpcServerConfig;

/* Makes a server that has no interface but org.varlink.service yet. */
int ipc_server_new(IpcServer **ret, sd_event *event, const IpcServerConfig *config);

/*
 * Closes everything: what is already written is offered to the kernel once, unanswered calls are gone (see
 * ipc_call_set_on_gone()). Not from within a handler or callback of this server.
 */
IpcServer *ipc_server_free(IpcServer *server);
DEFINE_CLEANUP(IpcServer *, ipc_server_free)

/* Adds an interface, which must outlive the server. -EEXIST: there is one of this name. */
int ipc_server_add_interface(IpcServer *server, const IpcInterface *interface, void *userdata);

/* Accepts from a listening socket (also one from socket activation) and owns it from then on. */
int ipc_server_listen(IpcServer *server, int fd);

/* Serves a connected socket and owns it from then on. -EBUSY: over a limit, closed. */
int ipc_server_add_connection(IpcServer *server, int fd);

/*
 * Calls 'func' for each user that has connections, but for 'n_max' at most. Returns how many connections the
 * others have.
 */
unsigned ipc_server_for_each_user(const IpcServer *server, size_t n_max,
                                  void (*func)(void *userdata, uid_t uid, unsigned n_connections),
                                  void *userdata);

/*
 * Whether somebody who is not busy has sent something: who has much to do should leave the rest for the next
 * turn. It costs a system call at most.
 */
bool ipc_server_is_wanted(const IpcServer *server);

/* Closes the listening sockets; connections are served on. */
void ipc_server_stop_accepting(IpcServer *server);

/*
 * Asks the policy again what the peers of all connections may do. A parked call that its peer may not make
 * any more ends by PermissionDenied; what else is under way goes on. Then 'updated', which may be NULL, is
 * called for each connection; 'lost' are the grants that it had before.
 */
void ipc_server_update_grants(IpcServer *server,
                              void (*updated)(IpcConnection *connection, unsigned lost, void *userdata),
                              void *userdata);

/*
 * Answers a call. 'parameters' is a JSON object, copied; empty: {}. The call is gone afterwards, whatever is
 * returned (< 0: out of memory; the connection will be closed, and a handler just passes it on). A oneway
 * call must be "answered" as well; nothing is sent then.
 */
int ipc_call_reply(IpcCall *call, az_span parameters);
int ipc_call_reply_json(IpcCall *call, const IpcJson *parameters);

/* Answers by an error: its full name, as in "org.example.ftl.NotEnoughEnergy". */
int ipc_call_error(IpcCall *call, const char *name, az_span parameters);
int ipc_call_error_json(IpcCall *call, const char *name, const IpcJson *parameters);

/* Answers by an error with one parameter, 'field'. */
int ipc_call_error_string(IpcCall *call, const char *name, const char *field, az_span value);
int ipc_call_error_cstring(IpcCall *call, const char *name, const char *field, const char *value);
int ipc_call_error_int(IpcCall *call, const char *name, const char *field, int64_t value);

/* Answers by org.varlink.service.InvalidParameter, for what a table cannot say. */
int ipc_call_error_invalid_parameter(IpcCall *call, const char *parameter);

/* Answers by org.varlink.service.PermissionDenied, likewise; of several grants it names one. */
int ipc_call_error_denied(IpcCall *call, unsigned missing);

/* One of several replies to a call for which ipc_call_wants_more(); the call stays. */
int ipc_call_reply_continues(IpcCall *call, az_span parameters);
int ipc_call_reply_continues_json(IpcCall *call, const IpcJson *parameters);

/* Whether several replies may be given (the method has IPC_METHOD_MORE, the call 'more'), or none will be
 * sent. */
bool ipc_call_wants_more(const IpcCall *call);
bool ipc_call_is_oneway(const IpcCall *call);

/*
 * Tells the owner of a deferred call, exactly once, that nobody waits for its answer any more: the client is
 * gone, or half-closed while the call was parked. 'call' must not be used afterwards. Not called for a call
 * that was answered. NULL takes it back.
 */
void ipc_call_set_on_gone(IpcCall *call, void (*on_gone)(IpcCall *call, void *userdata), void *userdata);

/* The server of a call. */
IpcServer *ipc_call_get_server(const IpcCall *call);
/* The connection of a call, and who is at its other end. Both live at least as long as the call. */
IpcConnection *ipc_call_get_connection(const IpcCall *call);
const IpcPeer *ipc_connection_get_peer(const IpcConnection *connection);

/* How many bytes of replies the client has not been given yet: the kernel does not have them. */
size_t ipc_connection_get_unsent(const IpcConnection *connection);
/* Gives the kernel what it takes of them now, not at the end of the turn; an error is dealt with then. */
void ipc_connection_flush(IpcConnection *connection);

/*
 * One pointer per connection and key (any address of the caller's, say of its IpcInterface). 'free_func',
 * which may be NULL, is called when the connection ends, after on_gone of its calls, or when the pointer is
 * replaced. -ENOMEM: nothing was set. ipc_connection_get_data() returns NULL where nothing was.
 */
int ipc_connection_set_data(IpcConnection *connection, const void *key, void *data,
                            void (*free_func)(void *data));
void *ipc_connection_get_data(const IpcConnection *connection, const void *key);
