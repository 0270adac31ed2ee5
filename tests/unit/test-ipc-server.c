/* SPDX-License-Identifier: MIT */

#include <sys/socket.h>

#include "ipc-service.h"

static const IpcServerConfig defaults = { .vendor = "V", .product = "P", .version = "1", .url = "http://u" };

/* What is said to a call ---- */

static const struct {
        const char *call, *reply;
} answers[] = {
        { CALL("Echo", "{\"value\":{\"n\":9007199254740993,\"x\":1.10}}"),
          REPLY("{\"value\":{\"n\":9007199254740993,\"x\":1.10}}") },
        { CALL("Count", "{}"), REPLY("{\"calls\":1,\"oneway\":0}") },
        { CALL("Count", "null"), REPLY("{\"calls\":1,\"oneway\":0}") },
        { "{\"method\":\"org.example.test.Count\"}\n", REPLY("{\"calls\":1,\"oneway\":0}") },
        { CALL("Kinds", "{\"one\":{\"name\":\"a\"},\"text\":\"\\u0000\xc3\xa9\"}"),
          REPLY("{\"text\":\"\\u0000\xc3\xa9\"}") },

        { CALL("Echo", "{}"), ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"value\"}") },
        { CALL("Echo", "{\"value\":1}"),
          ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"value\"}") },
        { CALL("Echo", "{\"value\":{},\"a\\\"b\":1}"),
          ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"a\\\"b\"}") },
        { CALL("Count", "{\"x\":1}"),
          ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"x\"}") },
        { CALL("Kinds", "{\"one\":{\"name\":\"a\"},\"many\":[{\"name\":1}]}"),
          ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"many[0].name\"}") },
        { CALL("Kinds", "{\"one\":{\"name\":\"a\"},\"n\":101}"),
          ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"n\"}") },

        { CALL("Nothing", "{}"),
          ERROR("org.varlink.service.MethodNotFound", "{\"method\":\"org.example.test.Nothing\"}") },
        { CALL("count", "{}"),
          ERROR("org.varlink.service.MethodNotFound", "{\"method\":\"org.example.test.count\"}") },
        { "{\"method\":\"org.example.other.Count\"}\n",
          ERROR("org.varlink.service.InterfaceNotFound", "{\"interface\":\"org.example.other\"}") },
        { "{\"method\":\"Count\"}\n",
          ERROR("org.varlink.service.InterfaceNotFound", "{\"interface\":\"\"}") },
        { CALL("Watch", NAMED("a")), ERROR("org.varlink.service.ExpectedMore", "{}") },
        { CALL_WITH("upgrade", "Count", "{}"),
          ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"upgrade\"}") },
        /* "If the server does not support 'more' for the method, it replies with a single reply" */
        { CALL_WITH("more", "Count", "{}"), REPLY("{\"calls\":1,\"oneway\":0}") },

        { CALL("CountTo", "{\"n\":3}"), REPLY("{\"n\":3}") },
        { CALL_WITH("more", "CountTo", "{\"n\":3}"),
          REPLY_CONTINUES("{\"n\":1}") REPLY_CONTINUES("{\"n\":2}") REPLY("{\"n\":3}") },
        { CALL_WITH("more", "CountTo", "{\"n\":0}"),
          ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"n\"}") },

        { CALL_WITH("oneway", "Count", "{}"), "" },
        { CALL_WITH("oneway", "Nothing", "{}"), "" },
        { CALL_WITH("oneway", "Echo", "{}"), "" },

        { "{\"method\":\"org.varlink.service.GetInfo\"}\n",
          REPLY("{\"vendor\":\"V\",\"product\":\"P\",\"version\":\"1\",\"url\":\"http://u\","
                "\"interfaces\":[\"org.varlink.service\",\"org.example.test\"]}") },
        { "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":{\"interface\":\"a.b\"}"
          "}\n",
          ERROR("org.varlink.service.InterfaceNotFound", "{\"interface\":\"a.b\"}") },
};

START_TEST(call_gets_the_answer_that_the_protocol_names) {
        _cleanup_(test_done) Test t;
        int fd;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        test_send(&t, fd, answers[_i].call);
        assert_receives(fd, answers[_i].reply);

        /* Whatever it was, the connection is good for the next one. */
        test_send(&t, fd, CALL("Echo", "{\"value\":{}}"));
        assert_receives(fd, REPLY("{\"value\":{}}"));
}
END_TEST

START_TEST(description_is_the_interface_file) {
        _cleanup_(test_done) Test t;
        char reply[4096];
        int fd;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        test_send(&t, fd,
                  "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                  "\"parameters\":{\"interface\":\"org.example.test\"}}\n");
        ck_assert_int_gt(recv(fd, reply, sizeof(reply), 0), 0);
        ck_assert_ptr_nonnull(
                strstr(reply, "\\u000a# Replies with the value that it was given.\\u000amethod Echo("));
}
END_TEST

static const char *const malformed[] = {
        "garbage\n",
        "\n",
        "[]\n",
        "{}\n",
        "{\"method\":\"org.example.test.Count\"}}\n",
        "{\"method\":\"org.example.test.Count\",\"method\":\"org.example.test.Count\"}\n",
        "{\"method\":\"org.example.test.Count\",\"unknown\":1}\n",
        CALL("Echo", "{\"value\":{\"x\":\"\xff\"}}"),
        CALL("Echo", "[]"),
        "{\"method\":\"org.example.test.Count\",\"more\":true,\"oneway\":true}\n",
};

START_TEST(malformed_message_closes_after_the_replies_before_it) {
        _cleanup_(test_done) Test t;
        char messages[512];
        int fd, other;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        other = test_connect(&t);
        (void) snprintf(messages, sizeof(messages), CALL("Count", "{}") "%s" CALL("Count", "{}"),
                        malformed[_i]);
        test_send(&t, fd, messages);
        assert_receives(fd, REPLY("{\"calls\":1,\"oneway\":0}"));
        assert_closed(fd);
        ck_assert_uint_eq(t.notices[IPC_NOTICE_MALFORMED], 1);

        test_send(&t, other, CALL("Count", "{}"));
        assert_receives(other, REPLY("{\"calls\":2,\"oneway\":0}"));
}
END_TEST

START_TEST(oversized_message_closes) {
        _cleanup_(test_done) Test t;
        _cleanup_(freep) char *bytes = malloc(65537);
        int fd;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        memset(bytes, ' ', 65536);
        bytes[65536] = 0;
        for (int i = 0; i < 8; i++)
                test_send(&t, fd, bytes);
        assert_open(fd);
        test_send(&t, fd, " ");
        assert_closed(fd);
        ck_assert_uint_eq(t.notices[IPC_NOTICE_MALFORMED], 1);
}
END_TEST

START_TEST(message_may_come_byte_by_byte) {
        static const char message[] = CALL("Echo", "{\"value\":{\"text\":\"\xc3\xa9\"}}");
        _cleanup_(test_done) Test t;
        int fd;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        for (size_t i = 0; i < sizeof(message) - 1; i++) {
                assert_receives(fd, "");
                test_send(&t, fd, (char[]){ message[i], 0 });
        }
        assert_receives(fd, REPLY("{\"value\":{\"text\":\"\xc3\xa9\"}}"));
}
END_TEST

START_TEST(failing_handler_closes_its_client_alone) {
        _cleanup_(test_done) Test t;
        int fd, other;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        other = test_connect(&t);
        test_send(&t, fd, CALL("Fail", "{}"));
        assert_closed(fd);
        ck_assert_uint_eq(t.notices[IPC_NOTICE_FAILED], 1);
        test_send(&t, other, CALL("Count", "{}"));
        assert_receives(other, REPLY("{\"calls\":1,\"oneway\":0}"));
}
END_TEST

/* Order ---- */

START_TEST(deferred_replies_keep_the_order_of_the_calls) {
        _cleanup_(test_done) Test t;
        int fd, other;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        other = test_connect(&t);
        test_send(&t, fd,
                  CALL("Hold", NAMED("a")) CALL("Count", "{}") CALL("Hold", NAMED("b")) CALL("Count", "{}"));
        /* All have begun, none is answered. */
        ck_assert_uint_eq(t.example.n_begun, 2);
        ck_assert_uint_eq(t.example.n_counted, 2);
        assert_receives(fd, "");

        test_send(&t, other, CALL("Release", NAMED("b")));
        assert_receives(other, REPLY("{}"));
        assert_receives(fd, "");
        test_send(&t, other, CALL("Release", NAMED("a")));
        assert_receives(fd, REPLY(NAMED("a")) REPLY("{\"calls\":1,\"oneway\":0}") REPLY(NAMED("b"))
                                    REPLY("{\"calls\":2,\"oneway\":0}"));

        /* A call may answer one before it on its own connection. */
        test_send(&t, fd, CALL("Hold", NAMED("c")) CALL("Release", NAMED("c")) CALL("Release", NAMED("c")));
        assert_receives(fd, REPLY(NAMED("c")) REPLY("{}") ERROR("org.example.test.NotHeld", NAMED("c")));
}
END_TEST

START_TEST(oneway_call_may_be_deferred_and_is_never_answered) {
        _cleanup_(test_done) Test t;
        int fd;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        test_send(&t, fd, CALL_WITH("oneway", "Hold", NAMED("a")) CALL("Release", NAMED("a")));
        assert_receives(fd, REPLY("{}"));
}
END_TEST

START_TEST(parked_call_stops_its_connection) {
        _cleanup_(test_done) Test t;
        int fd, other;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        other = test_connect(&t);
        test_send(&t, fd, CALL("Hold", NAMED("h")) CALL("Take", NAMED("a")) CALL("Count", "{}"));
        test_send(&t, fd, CALL("Count", "{}"));
        ck_assert_uint_eq(t.example.n_counted, 0);

        test_send(&t, other, CALL("Release", NAMED("a")));
        ck_assert_uint_eq(t.example.n_counted, 2);
        assert_receives(fd, "");
        test_send(&t, other, CALL("Release", NAMED("h")));
        assert_receives(fd, REPLY(NAMED("h")) REPLY(NAMED("a")) REPLY("{\"calls\":1,\"oneway\":0}")
                                    REPLY("{\"calls\":2,\"oneway\":0}"));
}
END_TEST

START_TEST(more_call_streams_and_then_lets_the_next_begin) {
        _cleanup_(test_done) Test t;
        int fd, other;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        other = test_connect(&t);
        test_send(&t, fd,
                  CALL("Hold", NAMED("h")) CALL_WITH("more", "Watch", NAMED("w")) CALL("Count", "{}"));
        test_send(&t, other, CALL("Tick", "{\"name\":\"w\",\"n\":1}"));
        assert_receives(fd, "");

        /* What waited behind an earlier reply leaves with it, the rest at once. */
        test_send(&t, other, CALL("Release", NAMED("h")));
        assert_receives(fd, REPLY(NAMED("h")) REPLY_CONTINUES("{\"name\":\"w\",\"n\":1}"));
        test_send(&t, other,
                  CALL("Tick", "{\"name\":\"w\",\"n\":2}") CALL("Tick", "{\"name\":\"w\",\"n\":3}"));
        assert_receives(fd, REPLY_CONTINUES("{\"name\":\"w\",\"n\":2}")
                                    REPLY_CONTINUES("{\"name\":\"w\",\"n\":3}"));
        ck_assert_uint_eq(t.example.n_counted, 0);
        test_send(&t, other, CALL("Release", NAMED("w")));
        assert_receives(fd, REPLY(NAMED("w")) REPLY("{\"calls\":1,\"oneway\":0}"));
}
END_TEST

START_TEST(busy_client_does_not_hold_up_the_others) {
        _cleanup_(test_done) Test t;
        int busy, other;

        test_init(&t, &defaults);
        busy = test_connect(&t);
        other = test_connect(&t);
        test_put(busy, CALL_WITH("oneway", "Count", "{}"), 1500);
        test_put(other, CALL("Echo", "{\"value\":{}}"), 1);
        for (int i = 0; i < 4; i++)
                ck_assert_int_gt(sd_event_run(t.event, 0), 0);
        assert_receives(other, REPLY("{\"value\":{}}"));
        ck_assert_uint_lt(t.example.n_oneway, 1500);
        test_run(&t);
        ck_assert_uint_eq(t.example.n_oneway, 1500);
}
END_TEST

/* The client goes away ---- */

START_TEST(half_closed_client_gets_its_replies) {
        _cleanup_(test_done) Test t;
        int fd, other;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        other = test_connect(&t);
        test_put(fd, CALL("Count", "{}") "cut", 1);
        test_half_close(&t, fd);
        assert_receives(fd, REPLY("{\"calls\":1,\"oneway\":0}"));
        assert_closed(fd);

        /* The same with a reply that takes its time. */
        fd = test_connect(&t);
        test_send(&t, fd, CALL("Hold", NAMED("a")) CALL("Count", "{}"));
        test_half_close(&t, fd);
        assert_open(fd);
        ck_assert_uint_eq(t.example.n_gone, 0);
        test_send(&t, other, CALL("Release", NAMED("a")));
        assert_receives(fd, REPLY(NAMED("a")) REPLY("{\"calls\":2,\"oneway\":0}"));
        assert_closed(fd);
        ck_assert_uint_eq(t.notices[IPC_NOTICE_MALFORMED], 0);
}
END_TEST

START_TEST(half_close_ends_a_parked_call) {
        static const char *const calls[] = { CALL("Take", NAMED("a")),
                                             CALL_WITH("more", "Watch", NAMED("a")) };
        _cleanup_(test_done) Test t;
        int fd;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        test_send(&t, fd, CALL("Count", "{}"));
        assert_receives(fd, REPLY("{\"calls\":1,\"oneway\":0}"));
        test_send(&t, fd, calls[_i]);
        test_send(&t, fd, CALL("Count", "{}"));
        test_half_close(&t, fd);
        ck_assert_uint_eq(t.example.n_gone, 1);
        ck_assert_uint_eq(t.example.n_held, 0);
        ck_assert_uint_eq(t.example.n_counted, 1);
        assert_closed(fd);

        /* printf … | socat: the call and the end come at once. */
        fd = test_connect(&t);
        test_put(fd, calls[_i], 1);
        test_half_close(&t, fd);
        assert_closed(fd);
}
END_TEST

START_TEST(half_close_behind_a_parked_call_waits_for_the_replies_before_it) {
        _cleanup_(test_done) Test t;
        int fd, other;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        other = test_connect(&t);
        test_send(&t, fd, CALL("Hold", NAMED("h")) CALL("Take", NAMED("a")));
        test_half_close(&t, fd);
        ck_assert_uint_eq(t.example.n_gone, 1);
        assert_open(fd);
        test_send(&t, other, CALL("Release", NAMED("h")));
        assert_receives(fd, REPLY(NAMED("h")));
        assert_closed(fd);
}
END_TEST

START_TEST(end_is_noticed_while_reading_is_paused) {
        _cleanup_(test_done) Test t;
        int fd;

        test_init(&t, &(IpcServerConfig){ .limits = { .n_replies_outstanding = 2 } });
        fd = test_connect(&t);
        test_send(&t, fd, CALL("Hold", NAMED("a")) CALL("Hold", NAMED("b")) CALL("Count", "{}"));
        test_send(&t, fd, CALL("Count", "{}"));
        ck_assert_uint_eq(t.example.n_counted, 0);
        test_half_close(&t, fd);

        /* What it had sent is served all the same, as soon as there is room for the replies. */
        ck_assert(example_release(&t.example, "b"));
        test_run(&t);
        ck_assert_uint_eq(t.example.n_counted, 0);
        ck_assert(example_release(&t.example, "a"));
        test_run(&t);
        assert_receives(fd, REPLY(NAMED("a")) REPLY(NAMED("b")) REPLY("{\"calls\":1,\"oneway\":0}")
                                    REPLY("{\"calls\":2,\"oneway\":0}"));
        assert_closed(fd);

        fd = test_connect(&t);
        test_send(&t, fd, CALL("Hold", NAMED("a")) CALL("Hold", NAMED("b")) CALL("Count", "{}"));
        test_close(&t, fd);
        ck_assert_uint_eq(t.example.n_gone, 2);
        ck_assert_uint_eq(t.example.n_counted, 3);
}
END_TEST

START_TEST(what_a_client_sent_before_it_closed_is_served) {
        _cleanup_(test_done) Test t;
        int fd;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        test_put(fd, CALL_WITH("oneway", "Count", "{}"), 1000);
        test_close(&t, fd);
        ck_assert_uint_eq(t.example.n_oneway, 1000);

        /* Unless it had broken the protocol. */
        fd = test_connect(&t);
        test_put(fd, CALL("Count", "{}") "{}\n" CALL("Count", "{}"), 1);
        test_close(&t, fd);
        ck_assert_uint_eq(t.example.n_counted, 1001);

        fd = test_connect(&t);
        test_send(&t, fd, CALL("Hold", NAMED("a")) "{}\n");
        test_send(&t, fd, CALL("Count", "{}"));
        test_close(&t, fd);
        ck_assert_uint_eq(t.example.n_counted, 1001);
}
END_TEST

START_TEST(client_that_will_not_read_is_served_and_closed) {
        _cleanup_(test_done) Test t;
        int fd;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        ck_assert_int_eq(shutdown(fd, SHUT_RD), 0);
        test_send(&t, fd, CALL("Hold", NAMED("a")) CALL("Count", "{}"));
        ck_assert_uint_eq(t.example.n_gone, 0); /* nobody has tried to write yet */
        ck_assert(example_release(&t.example, "a"));
        test_run(&t);
        ck_assert_int_eq(send(fd, "", 1, MSG_NOSIGNAL), -1);
        ck_assert_uint_eq(t.example.n_counted, 1);
}
END_TEST

START_TEST(deferred_call_is_gone_with_its_client) {
        _cleanup_(test_done) Test t;
        int fd;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        test_send(&t, fd, CALL("Hold", NAMED("a")) CALL("Hold", NAMED("b")) CALL("Take", NAMED("c")));
        /* One is answered already, but its reply waits for the first. */
        ck_assert(example_release(&t.example, "b"));
        test_close(&t, fd);
        ck_assert_uint_eq(t.example.n_gone, 2);
        ck_assert_uint_eq(t.example.n_held, 0);
}
END_TEST

START_TEST(freeing_the_server_sends_what_is_answered_and_gives_up_the_rest) {
        _cleanup_(test_done) Test t;
        int fd;

        test_init(&t, &defaults);
        fd = test_connect(&t);
        test_send(&t, fd, CALL("Hold", NAMED("a")) CALL("Hold", NAMED("b")));
        ck_assert(example_release(&t.example, "a"));
        t.server = ipc_server_free(t.server);
        ck_assert_uint_eq(t.example.n_gone, 1);
        assert_receives(fd, REPLY(NAMED("a")));
        assert_closed(fd);
}
END_TEST

/* What was told last, and how often something was. */
typedef struct Told {
        uid_t uid;
        unsigned n_connections, n_times;
} Told;

static void tell_user(void *userdata, uid_t uid, unsigned n_connections) {
        Told *told = userdata;

        *told = (Told){ uid, n_connections, told->n_times + 1 };
}

START_TEST(users_are_told_with_their_connections_or_counted_together) {
        _cleanup_(test_done) Test t;
        Told told = {};
        int a, b;

        test_init(&t, &defaults);
        ck_assert_uint_eq(ipc_server_for_each_user(t.server, 64, tell_user, &told), 0);
        ck_assert_uint_eq(told.n_times, 0);

        a = test_connect(&t);
        b = test_connect(&t);
        ck_assert_uint_eq(ipc_server_for_each_user(t.server, 64, tell_user, &told), 0);
        ck_assert_uint_eq(told.n_times, 1);
        ck_assert_uint_eq(told.uid, getuid());
        ck_assert_uint_eq(told.n_connections, 2);
        ck_assert_uint_eq(ipc_server_for_each_user(t.server, 0, tell_user, &told), 2);
        ck_assert_uint_eq(told.n_times, 1);

        test_close(&t, a);
        test_close(&t, b);
        ck_assert_uint_eq(ipc_server_for_each_user(t.server, 64, tell_user, &told), 0);
        ck_assert_uint_eq(told.n_times, 1);
}
END_TEST

static Suite *server_suite(void) {
        Suite *suite = suite_create("ipc-server");
        TCase *t;

        t = tcase_create("answers");
        tcase_add_loop_test(t, call_gets_the_answer_that_the_protocol_names, 0, ELEMENTSOF(answers));
        tcase_add_test(t, description_is_the_interface_file);
        tcase_add_loop_test(t, malformed_message_closes_after_the_replies_before_it, 0,
                            ELEMENTSOF(malformed));
        tcase_add_test(t, oversized_message_closes);
        tcase_add_test(t, message_may_come_byte_by_byte);
        tcase_add_test(t, failing_handler_closes_its_client_alone);
        suite_add_tcase(suite, t);

        t = tcase_create("order");
        tcase_add_test(t, deferred_replies_keep_the_order_of_the_calls);
        tcase_add_test(t, oneway_call_may_be_deferred_and_is_never_answered);
        tcase_add_test(t, parked_call_stops_its_connection);
        tcase_add_test(t, more_call_streams_and_then_lets_the_next_begin);
        tcase_add_test(t, busy_client_does_not_hold_up_the_others);
        suite_add_tcase(suite, t);

        t = tcase_create("ends");
        tcase_add_test(t, half_closed_client_gets_its_replies);
        tcase_add_loop_test(t, half_close_ends_a_parked_call, 0, 2);
        tcase_add_test(t, half_close_behind_a_parked_call_waits_for_the_replies_before_it);
        tcase_add_test(t, end_is_noticed_while_reading_is_paused);
        tcase_add_test(t, what_a_client_sent_before_it_closed_is_served);
        tcase_add_test(t, client_that_will_not_read_is_served_and_closed);
        tcase_add_test(t, deferred_call_is_gone_with_its_client);
        tcase_add_test(t, freeing_the_server_sends_what_is_answered_and_gives_up_the_rest);
        tcase_add_test(t, users_are_told_with_their_connections_or_counted_together);
        suite_add_tcase(suite, t);

        return suite;
}

UNIT_MAIN(server_suite)
