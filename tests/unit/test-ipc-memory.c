/* SPDX-License-Identifier: MIT */

/* Every allocation fails once: whatever that costs, it is at most the connection, and nothing is left over.
 */

#include <limits.h>
#include <sys/socket.h>

#include "ipc-peer.h"
#include "ipc/aziot.h"

DEFINE_CLEANUP(Aziot *, aziot_free)

/* How many allocations succeed before one fails; the linker sends those of ipc/ here (--wrap). */
static unsigned n_until_failure = UINT_MAX;

void *__real_malloc(size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
char *__wrap_strndup(const char *text, size_t size);

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

char *__wrap_strdup(const char *text) {
        return fails_now() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size) {
        return fails_now() ? NULL : __real_strndup(text, size);
}

#define LONG_TEXT \
        "................................................................................................"

/* Each line in a piece of its own, so that buffers grow, tokens too, and replies wait for one another. */
static const char *const pieces[] = {
        CALL("Hold", NAMED("h")),
        CALL("Echo", "{\"value\":{\"text\":\"" LONG_TEXT LONG_TEXT LONG_TEXT LONG_TEXT "\"}}"),
        CALL("Kinds", "{\"one\":{\"name\":\"\\u0041\"},\"other\":{\"name\":\"b\"},\"map\":{\"a\":\"\\n\"},"
                      "\"strings\":[\"x\"],\"many\":["
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

/* How often a client was told that there is no memory. */
static unsigned count_refusals(int fd) {
        static const char name[] = "\"a.b.OutOfMemory\"";
        char bytes[65536];
        ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        unsigned count = 0;

        for (const char *p = bytes; n > 0 && (p = memmem(p, (size_t) (bytes + n - p), name, strlen(name)));
             p++)
                count++;
        return count;
}

/* The service as the other tests know it, but every step may fail. Returns how often that was told. */
static unsigned serve_everything(void) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(ipc_server_freep) IpcServer *server = NULL;
        _cleanup_(close_fdp) int client = -1;
        Example example = {};
        unsigned n_refused;
        int fds[2];

        require(sd_event_new(&event) == 0);
        if (ipc_server_new(&server, event, &(IpcServerConfig){ .error_out_of_memory = "a.b.OutOfMemory" }) <
                    0 ||
            ipc_server_add_interface(server, &example_interface, &example) < 0)
                return 0;

        require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
        client = fds[1];
        if (ipc_server_add_connection(server, fds[0]) < 0)
                return 0;

        for (size_t i = 0; i < ELEMENTSOF(pieces); i++) {
                send_piece(client, pieces[i]);
                run(event);
        }
        (void) example_release(&example, "h");
        (void) example_release(&example, "w");
        run(event);
        n_refused = count_refusals(client);
        server = ipc_server_free(server);
        require(example.n_held == 0);
        return n_refused;
}

START_TEST(each_allocation_of_the_server_may_fail) {
        unsigned n, n_refused = 0;

        for (n = 0;; n++) {
                n_until_failure = n;
                n_refused += serve_everything();
                if (n_until_failure != UINT_MAX)
                        break;
        }
        n_until_failure = UINT_MAX;
        ck_assert_uint_gt(n, 5); /* so many there are at least */
        ck_assert_uint_gt(n_refused, 2);
}
END_TEST

#define TWIN_UPDATE "{\"desired\":{},\"version\":1,\"complete\":true,\"stale\":false}"
#define METHOD_CALL \
        "{\"call\":{\"id\":\"1\",\"name\":\"n\",\"payload\":{},\"deadline\":\"2026-11-22T01:45:10Z\"}}"
#define MESSAGE                                                                                         \
        "{\"message\":{\"id\":\"1\",\"data\":\"AA==\",\"messageId\":\"\\u0041\",\"properties\":{\"a\":" \
        "\"b\"},"                                                                                       \
        "\"enqueued\":\"2026\",\"redelivered\":false}}"

/* What is said to each connection, in the order in which they come. */
static const char *const replies[] = {
        REPLY_CONTINUES(TWIN_UPDATE),
        REPLY(METHOD_CALL) REPLY("{}"),
        REPLY(MESSAGE) ERROR("io.aziotd.messages.StorageFailed", "{}"),
        REPLY("{\"sequence\":1}") ERROR("io.aziotd.twin.PatchRefused", "{}")
                REPLY("{\"x\":\"" LONG_TEXT "\"}"),
};

static int start_everything(Aziot *a) {
        static const char *const names[] = { "n" };
        static const char bytes[300] = { 1 };
        const AziotMessage message = { .body = bytes, .body_size = sizeof(bytes) };
        int r;

        r = aziot_watch_twin(a, "c", NULL);
        if (r == 0)
                r = aziot_serve(a, names, 1, NULL);
        if (r == 0)
                r = aziot_take_messages(a, NULL);
        if (r == 0)
                r = aziot_send_start(a, &message, AZIOT_ACCEPTED, 0, NULL);
        if (r == 0)
                r = aziot_report_start(a, "{\"a\":1}", NULL, NULL);
        return r == 0 ? aziot_call_start(a, "a.B", NULL, 0, NULL) : r;
}

/* Everything that the client has to say is answered, unless it cannot even ask; then it goes on later. */
static void use_client(const Peer *peer) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        const AziotEvent *event;
        int fds[ELEMENTSOF(replies)];

        if (aziot_new(&a, peer->address.sun_path) < 0 || start_everything(a) < 0)
                return;
        for (size_t i = 0; i < ELEMENTSOF(replies); i++)
                fds[i] = -1;
        for (size_t i = 0; i < ELEMENTSOF(replies); i++) {
                while (aziot_dispatch(a, &event) > 0) {
                        if (event->type == AZIOT_EVENT_METHOD)
                                (void) aziot_answer(a, event->as.method.handle, 200, "[]");
                        if (event->type == AZIOT_EVENT_MESSAGE)
                                (void) aziot_settle(a, event->as.message.handle);
                }
                fds[i] = peer_accept(peer);
                if (fds[i] >= 0)
                        send_piece(fds[i], replies[i]);
        }
        while (aziot_dispatch(a, &event) > 0)
                ;
        for (size_t i = 0; i < ELEMENTSOF(replies); i++)
                close_fd(fds[i]);
        while (aziot_dispatch(a, &event) > 0)
                ;
        for (int fd = peer_accept(peer); fd >= 0; fd = peer_accept(peer))
                close_fd(fd);
}

START_TEST(each_allocation_of_the_client_may_fail) {
        _cleanup_(peer_done) Peer peer;
        unsigned n;

        peer_init(&peer);
        for (n = 0;; n++) {
                n_until_failure = n;
                use_client(&peer);
                if (n_until_failure != UINT_MAX)
                        break;
        }
        n_until_failure = UINT_MAX;
        ck_assert_uint_gt(n, 20);
}
END_TEST

static Suite *memory_suite(void) {
        Suite *suite = suite_create("ipc-memory");
        TCase *t = tcase_create("memory");

        tcase_add_test(t, each_allocation_of_the_server_may_fail);
        tcase_add_test(t, each_allocation_of_the_client_may_fail);
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(memory_suite)
