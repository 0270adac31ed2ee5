/* SPDX-License-Identifier: MIT */
#include "ipc/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "ipc/json.h"
#include "ipc/limits.h"
#include "ipc/stream.h"
#include "ipc/wire.h"

#define TIMEOUT_DEFAULT_US (30 * USEC_PER_SEC)

/* Replies are kept while a call is being sent, up to this much: more would hide that nobody receives them. */
#define UNRECEIVED_MAX ((size_t) IPC_MESSAGE_MAX / 2)

struct IpcClient {
        IpcStream stream;
        IpcDocument document; /* of the last reply */
        uint32_t parameters;
        uint64_t timeout_us;
};

int ipc_client_new(IpcClient **ret, int fd) {
        IpcClient *client;

        client = malloc(sizeof(*client));
        if (!client) {
                close_fd(fd);
                return -ENOMEM;
        }
        *client = (IpcClient){
                .stream = IPC_STREAM_NULL,
                .document = IPC_DOCUMENT_NULL,
                .parameters = IPC_TOKEN_NONE,
                .timeout_us = TIMEOUT_DEFAULT_US,
        };
        client->stream.fd = fd;

        *ret = client;
        return 0;
}

int ipc_client_connect(IpcClient **ret, const char *path) {
        static const struct timeval timeout = { .tv_sec = TIMEOUT_DEFAULT_US / USEC_PER_SEC };
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(close_fdp) int fd = -1;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path));

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        /* connect() waits when the server does not accept. */
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return errno == EAGAIN ? -ETIME : -errno;

        return ipc_client_new(ret, TAKE_FD(fd));
}

IpcClient *ipc_client_free(IpcClient *client) {
        if (!client)
                return NULL;

        ipc_stream_done(&client->stream);
        ipc_document_done(&client->document);
        free(client);
        return NULL;
}

void ipc_client_set_timeout(IpcClient *client, uint64_t timeout_us) {
        client->timeout_us = timeout_us;
}

static uint64_t client_deadline_us(const IpcClient *client) {
        return client->timeout_us == UINT64_MAX ? UINT64_MAX : boottime_us() + client->timeout_us;
}

/* Waits for 'events' and returns those that came. */
static int client_wait(const IpcClient *client, short events, uint64_t deadline_us) {
        for (;;) {
                struct pollfd p = { .fd = client->stream.fd, .events = events };
                uint64_t now_us = boottime_us();
                int timeout_ms = -1, r;

                if (deadline_us != UINT64_MAX) {
                        if (now_us >= deadline_us)
                                return -ETIME;
                        timeout_ms =
                                (int) MIN((deadline_us - now_us) / USEC_PER_MSEC + 1, (uint64_t) INT32_MAX);
                }

                r = poll(&p, 1, timeout_ms);
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r > 0)
                        return p.revents;
        }
}

static int client_read(IpcClient *client) {
        int r;

        r = ipc_stream_read(&client->stream);
        if (r == IPC_STREAM_END)
                return -ECONNRESET;

        return r < 0 ? r : 0;
}

/* Sends all that is unsent; the server may be waiting for us to read meanwhile. */
static int client_flush(IpcClient *client) {
        uint64_t deadline_us = client_deadline_us(client);
        int r;

        for (;;) {
                bool may_read = ipc_buffer_size(&client->stream.in) < UNRECEIVED_MAX;

                r = ipc_stream_write(&client->stream, 0);
                if (r < 0)
                        return r == -EPIPE ? -ECONNRESET : r;
                if (ipc_stream_get_unsent(&client->stream) == 0)
                        return 0;

                r = client_wait(client, may_read ? POLLIN | POLLOUT : POLLOUT, deadline_us);
                if (r < 0)
                        return r;
                if (r & POLLIN) {
                        r = client_read(client);
                        if (r < 0)
                                return r;
                }
        }
}

static int client_put(IpcClient *client, az_span message) {
        size_t size = (size_t) az_span_size(message);
        uint8_t *to;

        to = ipc_stream_reserve(&client->stream, size + 1);
        if (!to)
                return -ENOMEM;

        memcpy(to, az_span_ptr(message), size);
        to[size] = 0;
        ipc_stream_commit(&client->stream, size + 1);
        return 0;
}

int ipc_client_send(IpcClient *client, const char *method, az_span parameters, unsigned flags) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        az_span message;
        int r;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "method", method);
        if (az_span_size(parameters) > 0)
                ipc_json_raw(&json, "parameters", parameters);
        if (flags & IPC_CALL_MORE)
                ipc_json_bool(&json, "more", true);
        if (flags & IPC_CALL_ONEWAY)
                ipc_json_bool(&json, "oneway", true);
        ipc_json_end(&json);
        r = ipc_json_get(&json, &message);
        if (r < 0)
                return r;
        r = client_put(client, message);
        if (r < 0)
                return r;

        return client_flush(client);
}

static int client_parse(IpcClient *client, az_span message, IpcReply *ret) {
        IpcWireReply wire;
        int r;

        r = ipc_wire_parse_reply(&client->document, message, &wire);
        if (r != 0)
                return r < 0 ? r : -EBADMSG;

        client->parameters = wire.parameters;
        *ret = (IpcReply){
                .error = wire.error,
                .parameters = wire.parameters == IPC_TOKEN_NONE
                                      ? AZ_SPAN_FROM_STR("{}")
                                      : ipc_document_get_text(&client->document, wire.parameters),
                .continues = wire.continues,
        };
        return 0;
}

int ipc_client_receive(IpcClient *client, IpcReply *ret) {
        uint64_t deadline_us = client_deadline_us(client);
        az_span message;
        int r;

        for (;;) {
                r = ipc_stream_next(&client->stream, &message);
                if (r < 0)
                        return -EBADMSG;
                if (r == 0)
                        return client_parse(client, message, ret);

                r = client_wait(client, POLLIN, deadline_us);
                if (r < 0)
                        return r;
                r = client_read(client);
                if (r < 0)
                        return r;
        }
}

int ipc_client_call(IpcClient *client, const char *method, az_span parameters, IpcReply *ret) {
        int r;

        r = ipc_client_send(client, method, parameters, 0);
        if (r < 0)
                return r;

        return ipc_client_receive(client, ret);
}

int ipc_client_get_fd(const IpcClient *client) {
        return client->stream.fd;
}

int ipc_client_decode(IpcClient *client, const IpcStruct *type, void *out) {
        IpcFieldPath path;
        int r;

        r = ipc_struct_decode(type, &client->document, client->parameters, IPC_UNKNOWN_IGNORE, out, &path);
        return r == IPC_FIELD_INVALID ? -EBADMSG : r;
}
