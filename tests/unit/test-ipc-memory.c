/* SPDX-License-Identifier: MIT */

/* Every allocation fails once: whatever that costs, it is at most the connection, and nothing is left over.
 */

#include <limits.h>
#include <sys/socket.h>

#include "ipc-service.h"
#include "ipc/client.h"

/* How many allocations succeed before one fails; the linker sends those of ipc/ here (--wrap). */
static unsigned n_until_failure = UINT_MAX;

void *__real_malloc(size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

/* libcheck's own assertions allocate. */
static void require(bool condition) {
        if (!condition)
                abort();
}

static bool fails_now(void) {
        return n_until_failure != UINT_MAX && n_until_failure-- == 0;
}

void *__wrap_malloc(size_t size) {
        return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *p, size_t size) {
        return fails_now() ? NULL : __real_realloc(p, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size) {
        return fails_now() ? NULL : __real_reallocarray(p, n, size);
}

#define LONG_TEXT \
        "................................................................................................"

/* Each line in a piece of its own, so that buffers grow, tokens too, and replies wait for one another. */
static const char *const pieces[] = {
        CALL("Hold", NAMED("h")),
        CALL("Echo", "{\"value\":{\"text\":\"" LONG_TEXT LONG_TEXT LONG_TEXT LONG_TEXT "\"}}"),
        CALL("Kinds", "{\"one\":{\"name\":\"\\u0041\"},\"map\":{\"a\":\"\\n\"},\"strings\":[\"x\"],\"many\":["
                      "{\"name\":\"b\"}]}"),
        CALL("Echo",
             "{\"value\":{\"array\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"),
        ",1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}}}"
        "\n",
        CALL("Nothing", "{}") CALL("Echo", "{}") CALL("Administer", "{}"),
        CALL_WITH("more", "Watch", NAMED("w")) CALL("Count", "{}"),
};

static void send_piece(int fd, const char *text) {
        char piece[1024];
        size_t size = strlen(text);

        require(size <= sizeof(piece));
        for (size_t i = 0; i < size; i++)
                piece[i] = text[i] == '\n' ? 0 : text[i];
        (void) send(fd, piece, size, MSG_NOSIGNAL);
}

static void run(sd_event *event) {
        int r;

        do
                r = sd_event_run(event, 0);
        while (r > 0);
        require(r == 0);
}

/* The service as the other tests know it, but every step may fail. */
static void serve_everything(void) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(ipc_server_freep) IpcServer *server = NULL;
        _cleanup_(close_fdp) int client = -1;
        Example example = {};
        int fds[2];

        require(sd_event_new(&event) == 0);
        if (ipc_server_new(&server, event, &(IpcServerConfig){}) < 0 ||
            ipc_server_add_interface(server, &example_interface, &example) < 0)
                return;

        require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
        client = fds[1];
        if (ipc_server_add_connection(server, fds[0]) < 0)
                return;

        for (size_t i = 0; i < ELEMENTSOF(pieces); i++) {
                send_piece(client, pieces[i]);
                run(event);
        }
        (void) example_release(&example, "h");
        (void) example_release(&example, "w");
        run(event);
        server = ipc_server_free(server);
        require(example.n_held == 0);
}

static const IpcField name_fields[] = { { "name", IPC_FIELD_STRING, 0 } };
static const IpcStruct name_type = { .fields = name_fields, .n_fields = 1, .size = sizeof(az_span) };

static void call_and_decode(void) {
        _cleanup_(ipc_client_freep) IpcClient *client = NULL;
        _cleanup_(close_fdp) int server = -1;
        char large[1024];
        az_span name;
        IpcReply reply;
        int fds[2];

        require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        server = fds[1];
        send_piece(server, REPLY("{\"name\":\"\\u0041\"}"));
        memset(large, ' ', sizeof(large));
        large[0] = '{';
        large[sizeof(large) - 1] = '}';

        if (ipc_client_new(&client, fds[0]) < 0 ||
            ipc_client_call(client, "a.b.C", AZ_SPAN_FROM_BUFFER(large), &reply) < 0 ||
            ipc_client_decode(client, &name_type, &name) < 0)
                return;
        require(az_span_is_content_equal(name, AZ_SPAN_FROM_STR("A")));
}

START_TEST(each_allocation_may_fail) {
        static void (*const scenarios[])(void) = { serve_everything, call_and_decode };
        unsigned n;

        for (n = 0;; n++) {
                n_until_failure = n;
                scenarios[_i]();
                if (n_until_failure != UINT_MAX)
                        break;
        }
        n_until_failure = UINT_MAX;
        ck_assert_uint_gt(n, 5); /* so many there are at least */
}
END_TEST

static Suite *memory_suite(void) {
        Suite *suite = suite_create("ipc-memory");
        TCase *t = tcase_create("memory");

        tcase_add_loop_test(t, each_allocation_may_fail, 0, 2);
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(memory_suite)
