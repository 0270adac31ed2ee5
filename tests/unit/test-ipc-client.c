/* SPDX-License-Identifier: MIT */

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "ipc-service.h"
#include "ipc/client.h"

/* A client and the server's end of its socket, where replies are put before they are asked for. */
static IpcClient *client_new(int *ret_server) {
        IpcClient *client;
        int fds[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        ck_assert_int_eq(ipc_client_new(&client, fds[0]), 0);
        *ret_server = fds[1];
        return client;
}

START_TEST(call_sends_and_receives) {
        _cleanup_(ipc_client_freep) IpcClient *client = NULL;
        _cleanup_(close_fdp) int server = -1;
        IpcReply reply;

        client = client_new(&server);
        test_put(server, REPLY("{\"n\":9007199254740993}") ERROR("a.b.E", "{\"why\":\"x\"}") "{}\n", 1);

        ck_assert_int_eq(ipc_client_call(client, "a.b.C", AZ_SPAN_FROM_STR("{\"x\":1.10}"), &reply), 0);
        ck_assert(!ipc_reply_is_error(&reply));
        ck_assert(!reply.continues);
        assert_span(reply.parameters, "{\"n\":9007199254740993}");
        assert_receives(server, "{\"method\":\"a.b.C\",\"parameters\":{\"x\":1.10}}\n");

        ck_assert_int_eq(ipc_client_call(client, "a.b.D", AZ_SPAN_EMPTY, &reply), 0);
        ck_assert(ipc_reply_is_error(&reply));
        assert_span(reply.error, "a.b.E");
        assert_span(reply.parameters, "{\"why\":\"x\"}");
        assert_receives(server, "{\"method\":\"a.b.D\"}\n");

        /* "an absent "parameters" member, null, and {} MUST be treated as equivalent by clients" */
        ck_assert_int_eq(ipc_client_call(client, "a\"b", AZ_SPAN_EMPTY, &reply), 0);
        assert_span(reply.parameters, "{}");
        assert_receives(server, "{\"method\":\"a\\\"b\"}\n");
}
END_TEST

START_TEST(calls_are_pipelined_and_streamed) {
        _cleanup_(ipc_client_freep) IpcClient *client = NULL;
        _cleanup_(close_fdp) int server = -1;
        IpcReply reply;

        client = client_new(&server);
        ck_assert_int_eq(ipc_client_send(client, "a.b.C", AZ_SPAN_EMPTY, IPC_CALL_ONEWAY), 0);
        ck_assert_int_eq(ipc_client_send(client, "a.b.D", AZ_SPAN_EMPTY, 0), 0);
        ck_assert_int_eq(ipc_client_send(client, "a.b.E", AZ_SPAN_EMPTY, IPC_CALL_MORE), 0);
        assert_receives(server, "{\"method\":\"a.b.C\",\"oneway\":true}\n{\"method\":\"a.b.D\"}\n"
                                "{\"method\":\"a.b.E\",\"more\":true}\n");

        test_put(server, REPLY("{\"d\":1}") REPLY_CONTINUES("{\"e\":1}") REPLY("{\"e\":2}"), 1);
        ck_assert_int_eq(ipc_client_receive(client, &reply), 0);
        assert_span(reply.parameters, "{\"d\":1}");
        ck_assert(!reply.continues);
        ck_assert_int_eq(ipc_client_receive(client, &reply), 0);
        assert_span(reply.parameters, "{\"e\":1}");
        ck_assert(reply.continues);
        ck_assert_int_eq(ipc_client_receive(client, &reply), 0);
        assert_span(reply.parameters, "{\"e\":2}");
        ck_assert(!reply.continues);
}
END_TEST

START_TEST(server_that_misbehaves_is_an_error) {
        static const struct {
                const char *bytes;
                bool closed;
                int error;
        } rows[] = {
                { "", false, -ETIME },
                { "{\"parameters\":{}", false, -ETIME },
                { "", true, -ECONNRESET },
                { "{\"parameters\":{}", true, -ECONNRESET },
                { "garbage\n", false, -EBADMSG },
                { "{\"parameters\":[]}\n", false, -EBADMSG },
                { "{\"method\":\"a.b.C\"}\n", false, -EBADMSG },
        };
        _cleanup_(ipc_client_freep) IpcClient *client = NULL;
        _cleanup_(close_fdp) int server = -1;
        IpcReply reply;

        client = client_new(&server);
        ipc_client_set_timeout(client, 1000);
        test_put(server, rows[_i].bytes, 1);
        if (rows[_i].closed)
                server = close_fd(server);
        ck_assert_int_eq(ipc_client_receive(client, &reply), rows[_i].error);
}
END_TEST

START_TEST(server_that_does_not_read_is_waited_for_so_long) {
        _cleanup_(ipc_client_freep) IpcClient *client = NULL;
        _cleanup_(close_fdp) int server = -1;
        char text[65536];
        int r;

        client = client_new(&server);
        ipc_client_set_timeout(client, 1000);
        memset(text, ' ', sizeof(text));
        text[0] = '{';
        text[sizeof(text) - 1] = '}';
        do
                r = ipc_client_send(client, "a.b.C", AZ_SPAN_FROM_BUFFER(text), 0);
        while (r == 0);
        ck_assert_int_eq(r, -ETIME);

        server = close_fd(server);
        ck_assert_int_eq(ipc_client_send(client, "a.b.C", AZ_SPAN_EMPTY, 0), -ECONNRESET);
}
END_TEST

typedef struct CountReply {
        int64_t calls, oneway;
} CountReply;

static const IpcField count_fields[] = {
        { "calls", IPC_FIELD_INT, offsetof(CountReply, calls) },
        { "oneway", IPC_FIELD_INT, offsetof(CountReply, oneway), IPC_FIELD_NULLABLE, .absent = -1 },
};
static const IpcStruct count_reply = IPC_STRUCT(CountReply, count_fields);

START_TEST(reply_is_decoded_and_new_fields_are_ignored) {
        _cleanup_(ipc_client_freep) IpcClient *client = NULL;
        _cleanup_(close_fdp) int server = -1;
        CountReply count;
        IpcReply reply;

        client = client_new(&server);
        test_put(server, REPLY("{\"calls\":3,\"new\":{\"x\":[]}}") REPLY("{\"oneway\":1}") "{}\n", 1);
        ck_assert_int_eq(ipc_client_receive(client, &reply), 0);
        ck_assert_int_eq(ipc_client_decode(client, &count_reply, &count), 0);
        ck_assert_int_eq(count.calls, 3);
        ck_assert_int_eq(count.oneway, -1);
        ck_assert_int_eq(ipc_client_receive(client, &reply), 0);
        ck_assert_int_eq(ipc_client_decode(client, &count_reply, &count), -EBADMSG);
        ck_assert_int_eq(ipc_client_receive(client, &reply), 0);
        ck_assert_int_eq(ipc_client_decode(client, &count_reply, &count), -EBADMSG);
}
END_TEST

/* A server of org.example.test in a process of its own, listening on 'fd'. */
static pid_t fork_server(int fd) {
        pid_t pid = fork();
        Test t;

        ck_assert_int_ge(pid, 0);
        if (pid > 0) {
                close_fd(fd);
                return pid;
        }

        test_init(&t, &(IpcServerConfig){});
        if (ipc_server_listen(t.server, fd) < 0)
                _exit(EXIT_FAILURE);
        _exit(sd_event_loop(t.event) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

START_TEST(thousands_of_calls_are_pipelined_to_a_real_server) {
        _cleanup_(ipc_client_freep) IpcClient *client = NULL;
        char directory[] = "/tmp/test-ipc-client.XXXXXX";
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        IpcReply reply;
        CountReply count;
        pid_t pid;
        int fd;

        ck_assert_ptr_nonnull(mkdtemp(directory));
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        ck_assert_int_eq(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        ck_assert_int_eq(listen(fd, 1), 0);
        pid = fork_server(fd);

        ck_assert_int_eq(ipc_client_connect(&client, address.sun_path), 0);
        ck_assert_int_ge(ipc_client_get_fd(client), 0);
        /* More replies than fit in the socket: they are kept while calls are still being sent. */
        for (int i = 0; i < 5000; i++)
                ck_assert_int_eq(ipc_client_send(client, "org.example.test.Count", AZ_SPAN_EMPTY, 0), 0);
        for (int i = 0; i < 5000; i++) {
                ck_assert_int_eq(ipc_client_receive(client, &reply), 0);
                ck_assert_int_eq(ipc_client_decode(client, &count_reply, &count), 0);
                ck_assert_int_eq(count.calls, i + 1);
        }

        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        ck_assert_int_eq(ipc_client_receive(client, &reply), -ECONNRESET);
        ck_assert_int_eq(unlink(address.sun_path), 0);
        ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

START_TEST(connecting_fails_with_the_reason) {
        static const struct {
                const char *path;
                int error;
        } rows[] = {
                { "/nonexistent/socket", -ENOENT },
                { "/dev/null", -ECONNREFUSED },
                { "/a/path/that/is/longer/than/the/one/hundred/and/seven/bytes/that/the/address/of/a/unix/"
                  "domain/socket/"
                  "has/room/for/in/linux",
                  -ENAMETOOLONG },
        };
        IpcClient *client = NULL;

        ck_assert_int_eq(ipc_client_connect(&client, rows[_i].path), rows[_i].error);
        ck_assert_ptr_null(client);
}
END_TEST

static Suite *client_suite(void) {
        Suite *suite = suite_create("ipc-client");
        TCase *t = tcase_create("ipc_client");

        tcase_add_test(t, call_sends_and_receives);
        tcase_add_test(t, calls_are_pipelined_and_streamed);
        tcase_add_loop_test(t, server_that_misbehaves_is_an_error, 0, 7);
        tcase_add_test(t, server_that_does_not_read_is_waited_for_so_long);
        tcase_add_test(t, reply_is_decoded_and_new_fields_are_ignored);
        tcase_add_test(t, thousands_of_calls_are_pipelined_to_a_real_server);
        tcase_add_loop_test(t, connecting_fails_with_the_reason, 0, 3);
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(client_suite)
