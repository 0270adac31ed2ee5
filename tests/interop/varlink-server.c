/* SPDX-License-Identifier: MIT */

/*
 * usage: varlink-server PATH
 *
 * Serves org.example.test (tests/data/) on a Unix socket until it is told to stop by SIGTERM.
 */

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../unit/ipc-example.h"

static int listen_at(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(close_fdp) int fd = -1;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path));

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 || listen(fd, 16) < 0)
                return -errno;

        return TAKE_FD(fd);
}

static int serve(const char *path) {
        static const IpcServerConfig config = {
                .vendor = "Example",
                .product = "varlink-server",
                .version = AZIOT_VERSION,
                .url = "https://example.org",
        };
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(ipc_server_freep) IpcServer *server = NULL;
        Example example = {};
        sigset_t mask;
        int fd, r;

        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &mask, NULL);

        r = sd_event_new(&event);
        if (r < 0)
                return r;
        r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
        if (r < 0)
                return r;
        r = ipc_server_new(&server, event, &config);
        if (r < 0)
                return r;
        r = ipc_server_add_interface(server, &example_interface, &example);
        if (r < 0)
                return r;
        fd = listen_at(path);
        if (fd < 0)
                return fd;
        r = ipc_server_listen(server, fd);
        if (r < 0)
                return r;

        r = sd_event_loop(event);
        server = ipc_server_free(server); /* before what its calls are held in */
        return r;
}

int main(int argc, char *argv[]) {
        int r;

        if (argc != 2) {
                fprintf(stderr, "usage: varlink-server PATH\n");
                return EXIT_FAILURE;
        }

        r = serve(argv[1]);
        if (r < 0) {
                fprintf(stderr, "Failed to serve %s: %s\n", argv[1], strerror(-r));
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
