/* SPDX-License-Identifier: MIT */

#include "program.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "must.h"
#include "util/util.h"

uint16_t program_find_port(void) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        _cleanup_(close_fdp) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        must(bind(fd, (struct sockaddr *) &address, size) == 0, "bind");
        must(getsockname(fd, (struct sockaddr *) &address, &size) == 0, "getsockname");
        return ntohs(address.sin_port);
}

static bool port_answers(uint16_t port) {
        const struct sockaddr_in address = { .sin_family = AF_INET,
                                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                             .sin_port = htons(port) };
        _cleanup_(close_fdp) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        return connect(fd, (const struct sockaddr *) &address, sizeof(address)) == 0;
}

pid_t program_start(const char *program, const char *option, const char *path, uint16_t port) {
        char *argv[] = { (char *) program, (char *) option, (char *) path, NULL };
        pid_t pid;

        must(posix_spawn(&pid, program, NULL, NULL, argv, environ) == 0, program);
        for (unsigned i = 0; i < 100 && !port_answers(port); i++)
                (void) poll(NULL, 0, 50);
        return pid;
}

void program_stop(pid_t pid) {
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);
}
