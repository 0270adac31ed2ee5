/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A blocking Varlink client, for command lines and tests.
 *
 *      _cleanup_(ipc_client_freep) IpcClient *client = NULL;
 *      IpcReply reply;
 *
 *      r = ipc_client_connect(&client, "/run/aziotd/socket");
 *      ...
 *      r = ipc_client_call(client, "org.varlink.service.GetInfo", AZ_SPAN_EMPTY, &reply);
 *
 * Calls may be pipelined: several ipc_client_send(), then as many ipc_client_receive(). A call sent with
 * IPC_CALL_MORE is received until a reply does not continue.
 *
 * Every function returns -ETIME when the time is up, -ECONNRESET when the server closed the connection, and
 * -EBADMSG when it does not speak Varlink; after any failure the connection is only good to be freed.
 */

#include <stdbool.h>
#include <stdint.h>

#include <azure/core/az_span.h>

#include "ipc/field.h"
#include "util/util.h"

typedef struct IpcClient IpcClient;

/* How a call is sent. */
typedef enum IpcCallFlags {
        IPC_CALL_MORE = 1 << 0,   /* there may be several replies */
        IPC_CALL_ONEWAY = 1 << 1, /* there will be none */
} IpcCallFlags;

/* Spans are valid until the next call on the client. */
typedef struct IpcReply {
        az_span error;      /* full name of the error; size 0: success */
        az_span parameters; /* JSON object as it came; "{}" if none came */
        bool continues;     /* there will be another reply to the same call */
} IpcReply;

/* Connects to the socket at 'path', or owns 'fd' from then on. */
int ipc_client_connect(IpcClient **ret, const char *path);
int ipc_client_new(IpcClient **ret, int fd);
IpcClient *ipc_client_free(IpcClient *client);
DEFINE_CLEANUP(IpcClient *, ipc_client_free)

/* How long one function of this client may take; 30 s unless told, UINT64_MAX: for ever. */
void ipc_client_set_timeout(IpcClient *client, uint64_t timeout_us);

/* Sends a call and receives its reply. 'parameters' is a JSON object; empty: none. */
int ipc_client_call(IpcClient *client, const char *method, az_span parameters, IpcReply *ret);

/* Sends a call. When the server does not read, replies that arrive meanwhile are kept. */
int ipc_client_send(IpcClient *client, const char *method, az_span parameters, unsigned flags);

/* Receives the next reply. */
int ipc_client_receive(IpcClient *client, IpcReply *ret);

/* The socket, for a poll() of the caller's. */
int ipc_client_get_fd(const IpcClient *client);

/*
 * Decodes the parameters of the last reply into the struct of a table; fields that the table does not have
 * are ignored. -EBADMSG: they are not what the table says. Valid until the next call on the client.
 */
int ipc_client_decode(IpcClient *client, const IpcStruct *type, void *out);

/* Tells an error from success. */
static inline bool ipc_reply_is_error(const IpcReply *reply) {
        return az_span_size(reply->error) > 0;
}
