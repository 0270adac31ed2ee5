/* SPDX-License-Identifier: MIT */

/*
 * Any bytes as what a client sends, in small pieces. The server lives, each message that it sends is a reply,
 * and nothing is held when the client has gone.
 */

#include <assert.h>
#include <sys/socket.h>

#include "../unit/ipc-example.h"
#include "ipc/stream.h"
#include "ipc/wire.h"
#include "util/util.h"

/* Small, and no divisor of anything: messages are cut everywhere. */
#define PIECE 143U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(sd_event *event) {
        int r;

        do
                r = sd_event_run(event, 0);
        while (r > 0);
        assert(r == 0);
}

static void take_replies(IpcStream *client) {
        _cleanup_(ipc_document_done) IpcDocument document = IPC_DOCUMENT_NULL;
        IpcWireReply reply;
        az_span message;
        int r;

        while (ipc_stream_read(client) == 0)
                while (ipc_stream_next(client, &message) == 0) {
                        r = ipc_wire_parse_reply(&document, message, &reply);
                        assert(r == 0);
                }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(ipc_stream_done) IpcStream client = IPC_STREAM_NULL;
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(ipc_server_freep) IpcServer *server = NULL;
        Example example = {};
        int fds[2], r;

        r = sd_event_new(&event);
        assert(r >= 0);
        r = ipc_server_new(&server, event, &(IpcServerConfig){});
        assert(r >= 0);
        r = ipc_server_add_interface(server, &example_interface, &example);
        assert(r >= 0);
        r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds);
        assert(r >= 0);
        r = ipc_server_add_connection(server, fds[0]);
        assert(r >= 0);
        client.fd = fds[1];

        for (size_t sent = 0; sent < size; sent += MIN(size - sent, PIECE)) {
                if (send(fds[1], data + sent, MIN(size - sent, PIECE), MSG_NOSIGNAL) < 0)
                        break;
                run(event);
                take_replies(&client);
        }
        (void) shutdown(fds[1], SHUT_WR);
        run(event);
        take_replies(&client);
        ipc_stream_done(&client);
        run(event);
        assert(example.n_held == 0);
        return 0;
}
