/* SPDX-License-Identifier: MIT */

/* Calls: what they are on the wire, and what becomes of their replies. Tasks are in test-aziot-task.c. */

#include <poll.h>
#include <pthread.h>

#include "aziot-fixture.h"
#include "ipc/limits.h"

#define SEND(message)               CALL_OF("telemetry.Send", "{\"message\":" message ",\"stage\":\"accepted\"}")
#define CALL_OF(method, parameters) "{\"method\":\"io.aziotd." method "\",\"parameters\":" parameters "}\n"

/* Messages -------------------------------------------------------------------------------------------- */

static const AziotProperty properties[] = { { "a\"", "1" }, { "b", "" } };

static const struct {
        AziotMessage message;
        const char *wire; /* NULL: refused with ... */
        int error;
} messages[] = {
        { { .body = "{ \"n\": 9007199254740993, \"x\":1.10 }", .body_size = 35 },
          SEND("{\"body\":{ \"n\": 9007199254740993, \"x\":1.10 }}") },
        { { .body = " {} \n", .body_size = 5 }, SEND("{\"body\":{}}") },
        { { .body = "{} {}", .body_size = 5 }, SEND("{\"text\":\"{} {}\"}") },
        { { .body = "[1,2]", .body_size = 5 }, SEND("{\"text\":\"[1,2]\"}") },
        { { .body = "caf\xc3\xa9 \"x\"", .body_size = 9 }, SEND("{\"text\":\"caf\xc3\xa9 \\\"x\\\"\"}") },
        { { .body = "a\0b", .body_size = 3 }, SEND("{\"text\":\"a\\u0000b\"}") },
        { { .body = "\xff\x00", .body_size = 2 }, SEND("{\"data\":\"/wA=\"}") },
        { { .body_size = 0 }, SEND("{\"text\":\"\"}") },
        { { .body = "{}", .body_size = 2, .body_kind = AZIOT_BODY_TEXT }, SEND("{\"text\":\"{}\"}") },
        { { .body = "{}", .body_size = 2, .body_kind = AZIOT_BODY_DATA }, SEND("{\"data\":\"e30=\"}") },
        { { .body = "{}", .body_size = 2, .body_kind = AZIOT_BODY_JSON }, SEND("{\"body\":{}}") },
        { { .body = " 1.10", .body_size = 5, .body_kind = AZIOT_BODY_JSON },
          SEND("{\"text\":\"1.10\",\"contentType\":\"application/json\",\"contentEncoding\":\"utf-8\"}") },
        { { .body = "1",
            .body_size = 1,
            .body_kind = AZIOT_BODY_JSON,
            .content_type = "a/b",
            .content_encoding = "c" },
          SEND("{\"text\":\"1\",\"contentType\":\"a/b\",\"contentEncoding\":\"c\"}") },
        { { .body = "x",
            .body_size = 1,
            .content_type = "t",
            .content_encoding = "e",
            .component = "c",
            .message_id = "m",
            .correlation_id = "o",
            .properties = properties,
            .n_properties = 2,
            .ttl_s = 60 },
          SEND("{\"text\":\"x\",\"contentType\":\"t\",\"contentEncoding\":\"e\",\"component\":\"c\","
               "\"messageId\":\"m\","
               "\"correlationId\":\"o\",\"properties\":{\"a\\\"\":\"1\",\"b\":\"\"},\"ttlSeconds\":60}") },

        { { .body = "x", .body_size = 1, .body_kind = AZIOT_BODY_JSON }, NULL, -EINVAL },
        { { .body = "", .body_size = 0, .body_kind = AZIOT_BODY_JSON }, NULL, -EINVAL },
        { { .body = "\xff", .body_size = 1, .body_kind = AZIOT_BODY_TEXT }, NULL, -EILSEQ },
        { { .body = "\xff", .body_size = 1, .body_kind = AZIOT_BODY_JSON }, NULL, -EINVAL },
        { { .body = "x", .body_size = 1, .content_type = "\xff" }, NULL, -EILSEQ },
        { { .body = "x", .body_size = IPC_MESSAGE_MAX + 1 }, NULL, -EMSGSIZE },
};

START_TEST(message_is_sent_as_it_is) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fixture_init(&f);
        ck_assert_int_eq(aziot_send_start(f.a, &messages[_i].message, AZIOT_ACCEPTED, 0, NULL),
                         messages[_i].error);
        fd = fixture_accept(&f);
        if (messages[_i].wire)
                assert_receives(fd, messages[_i].wire);
        else
                ck_assert_int_eq(fd, -1);
}
END_TEST

/* A message holds 32 objects and arrays inside each other, three of which are not the body's. */
START_TEST(json_that_no_message_could_hold_is_text) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;
        char body[256] = "", received[1024];
        AziotMessage message;
        ssize_t n;

        fixture_init(&f);
        for (int i = 0; i < 28 + _i; i++)
                strcat(body, "{\"a\":");
        strcat(body, "1");
        for (int i = 0; i < 28 + _i; i++)
                strcat(body, "}");
        message = aziot_message(body);
        ck_assert_int_eq(aziot_send_start(f.a, &message, AZIOT_ACCEPTED, 0, NULL), 0);
        fd = fixture_accept(&f);
        n = recv(fd, received, sizeof(received), 0);
        ck_assert_int_gt(n, 0);
        ck_assert_ptr_nonnull(strstr(received, _i == 0 ? "{\"body\":{\"a\":{" : "{\"text\":\"{"));
}
END_TEST

/* Every call ------------------------------------------------------------------------------------------ */

static const AziotMessage two_messages[] = { { .body = "x", .body_size = 1 },
                                             { .body = "{}", .body_size = 2 } };

static const AziotAcknowledgement acknowledgements[] = {
        { "interval", " 1.10", 200, 4, NULL },
        { "mo\"de", "{\"x\":[]}", 400, 5, "no such \"mode\"" },
};

static int start_send(Aziot *a) {
        return aziot_send_start(a, two_messages, AZIOT_ACCEPTED, 0, (void *) "u");
}
static int start_durable(Aziot *a) {
        aziot_set_timeout_us(a, 1500 * USEC_PER_MSEC);
        return aziot_send_start(a, two_messages, AZIOT_DURABLE, 0, (void *) "u");
}
static int start_for_ever(Aziot *a) {
        aziot_set_timeout_us(a, UINT64_MAX);
        return aziot_send_start(a, two_messages, AZIOT_DELIVERED, 0, (void *) "u");
}
static int start_batch(Aziot *a) {
        return aziot_send_batch_start(a, two_messages, 2, AZIOT_ACCEPTED, 0, (void *) "u");
}
static int start_alarm(Aziot *a) {
        return aziot_send_start(a, two_messages, AZIOT_ACCEPTED, AZIOT_HIGH_PRIORITY, (void *) "u");
}
static int start_alarms(Aziot *a) {
        return aziot_send_batch_start(a, two_messages, 1, AZIOT_ACCEPTED, AZIOT_HIGH_PRIORITY, (void *) "u");
}
static int start_flush(Aziot *a) {
        return aziot_flush_start(a, AZIOT_DURABLE, (void *) "u");
}
static int start_report(Aziot *a) {
        return aziot_report_start(a, " {\"a\": 1.10} ", NULL, (void *) "u");
}
static int start_component(Aziot *a) {
        return aziot_report_start(a, "{}", "pump", (void *) "u");
}
static int start_acknowledge(Aziot *a) {
        return aziot_acknowledge_start(a, acknowledgements, 2, "pump", (void *) "u");
}
static int start_call(Aziot *a) {
        return aziot_call_start(a, "a.b.C", "{\"x\":1.10}", 0, (void *) "u");
}
static int start_bare_call(Aziot *a) {
        return aziot_call_start(a, "io.aziotd.a.B", NULL, 0, (void *) "u");
}

static const struct {
        int (*start)(Aziot *a);
        const char *wire, *reply, *event;
} calls[] = {
        { start_send, SEND("{\"text\":\"x\"}"), REPLY("{\"sequence\":7}"),
          "u: reply ok {\"sequence\":7} 7 -1\n" },
        { start_send, SEND("{\"text\":\"x\"}"),
          ERROR("io.aziotd.telemetry.OutboxFull", "{\"retryAfterMs\":9}"),
          "u: reply io.aziotd.telemetry.OutboxFull {} -1 -1\n" },
        { start_send, SEND("{\"text\":\"x\"}"), REPLY("{\"sequence\":\"7\"}"),
          "u: reply EBADMSG {} -1 -1\n" },
        { start_send, SEND("{\"text\":\"x\"}"), "{}\n", "u: reply EBADMSG {} -1 -1\n" },
        { start_durable,
          CALL_OF("telemetry.Send",
                  "{\"message\":{\"text\":\"x\"},\"stage\":\"durable\",\"timeoutSeconds\":2}"),
          REPLY("{\"sequence\":7}"), "u: reply ok {\"sequence\":7} 7 -1\n" },
        { start_for_ever,
          CALL_OF("telemetry.Send",
                  "{\"message\":{\"text\":\"x\"},\"stage\":\"delivered\",\"timeoutSeconds\":86400}"),
          REPLY("{\"sequence\":7}"), "u: reply ok {\"sequence\":7} 7 -1\n" },
        { start_batch,
          CALL_OF("telemetry.SendBatch",
                  "{\"messages\":[{\"text\":\"x\"},{\"body\":{}}],\"stage\":\"accepted\"}"),
          REPLY("{\"firstSequence\":7,\"lastSequence\":8}"),
          "u: reply ok {\"firstSequence\":7,\"lastSequence\":8} 8 -1\n" },
        { start_alarm,
          CALL_OF("telemetry.Send",
                  "{\"priority\":\"high\",\"message\":{\"text\":\"x\"},\"stage\":\"accepted\"}"),
          REPLY("{\"sequence\":7}"), "u: reply ok {\"sequence\":7} 7 -1\n" },
        { start_alarms,
          CALL_OF("telemetry.SendBatch",
                  "{\"priority\":\"high\",\"messages\":[{\"text\":\"x\"}],\"stage\":\"accepted\"}"),
          REPLY("{\"firstSequence\":7,\"lastSequence\":7}"),
          "u: reply ok {\"firstSequence\":7,\"lastSequence\":7} 7 -1\n" },
        { start_flush, CALL_OF("telemetry.Flush", "{\"stage\":\"durable\",\"timeoutSeconds\":60}"),
          REPLY("{\"accepted\":2,\"refused\":1}"), "u: reply ok {\"accepted\":2,\"refused\":1} -1 -1\n" },
        { start_report, CALL_OF("twin.Report", "{\"patch\":{\"a\": 1.10}}"), REPLY("{\"version\":5}"),
          "u: reply ok {\"version\":5} -1 5\n" },
        { start_report, CALL_OF("twin.Report", "{\"patch\":{\"a\": 1.10}}"), REPLY("{\"version\":null}"),
          "u: reply ok {\"version\":null} -1 -1\n" },
        { start_component, CALL_OF("twin.Report", "{\"patch\":{},\"component\":\"pump\"}"), REPLY("{}"),
          "u: reply ok {} -1 -1\n" },
        { start_acknowledge,
          CALL_OF("twin.Report",
                  "{\"patch\":{\"interval\":{\"value\":1.10,\"ac\":200,\"av\":4},\"mo\\\"de\":{\"value\":"
                  "{\"x\":[]},\"ac\":400,\"av\":5,\"ad\":\"no such \\\"mode\\\"\"}},\"component\":\"pump\"}"),
          REPLY("{\"version\":6}"), "u: reply ok {\"version\":6} -1 6\n" },
        { start_call, "{\"method\":\"a.b.C\",\"parameters\":{\"x\":1.10}}\n",
          REPLY("{\"sequence\":\"x\", \"n\":9007199254740993}"),
          "u: reply ok {\"sequence\":\"x\", \"n\":9007199254740993} -1 -1\n" },
        { start_bare_call, CALL_OF("a.B", "{}"), "{}\n", "u: reply ok {} -1 -1\n" },
        { start_bare_call, CALL_OF("a.B", "{}"), "garbage\n", "u: reply EBADMSG {} -1 -1\n" },
};

START_TEST(call_and_its_reply) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fixture_init(&f);
        ck_assert_int_eq(calls[_i].start(f.a), 0);
        fd = fixture_accept(&f);
        assert_receives(fd, calls[_i].wire);
        test_put(fd, calls[_i].reply, 1);
        assert_events(&f, calls[_i].event);
        assert_events(&f, "");
}
END_TEST

START_TEST(arguments_that_are_not_json_are_refused) {
        static const AziotAcknowledgement wrong = { "x", "", 200, 1, NULL };
        static const AziotMessage message = { .body = "x", .body_size = 1 };
        _cleanup_(fixture_done) Fixture f;
        const AziotReply *reply;

        fixture_init(&f);
        ck_assert_int_eq(aziot_call(f.a, "a.B", "[]", 0, &reply), -EINVAL);
        ck_assert_int_eq(aziot_call(f.a, "a.B", "{", 0, &reply), -EINVAL);
        ck_assert_int_eq(aziot_call_start(f.a, "a.B", "{}{}", 0, NULL), -EINVAL);
        ck_assert_int_eq(aziot_watch(f.a, "a.B", "1", NULL), -EINVAL);
        ck_assert_int_eq(aziot_report(f.a, "1", NULL, NULL), -EINVAL);
        ck_assert_int_eq(aziot_report_start(f.a, "", NULL, NULL), -EINVAL);
        ck_assert_int_eq(aziot_acknowledge(f.a, &wrong, 1, NULL, NULL), -EINVAL);
        ck_assert_int_eq(aziot_acknowledge_start(f.a, &wrong, 1, NULL, NULL), -EINVAL);
        ck_assert_int_eq(aziot_send(f.a, &message, (AziotStage) 3, 0, NULL), -EINVAL);
        ck_assert_uint_eq(aziot_get_deadline_us(f.a), UINT64_MAX);
}
END_TEST

/* Losses ---------------------------------------------------------------------------------------------- */

START_TEST(what_is_under_way_when_the_daemon_goes) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;
        AziotMessage message = aziot_message("{}");

        message.message_id = "m";
        fixture_init(&f);
        ck_assert_int_eq(aziot_send_start(f.a, &message, AZIOT_ACCEPTED, 0, (void *) "once"), 0);
        ck_assert_int_eq(aziot_send_start(f.a, &message, AZIOT_ACCEPTED, AZIOT_REPEAT, (void *) "repeat"), 0);
        ck_assert_int_eq(aziot_send_start(f.a, &message, AZIOT_ACCEPTED, AZIOT_ONEWAY, (void *) "oneway"), 0);
        ck_assert_int_eq(aziot_flush_start(f.a, AZIOT_ACCEPTED, (void *) "flush"), 0);
        ck_assert_int_eq(aziot_call_start(f.a, "a.B", NULL, 0, (void *) "call"), 0);
        ck_assert_int_eq(aziot_report_start(f.a, "{}", NULL, (void *) "report"), 0);
        close_fd(fixture_accept(&f));

        assert_events(&f, "once: reply ECONNRESET {} -1 -1\nflush: reply ECONNRESET {} -1 -1\n"
                          "call: reply ECONNRESET {} -1 -1\n");
        fd = peer_accept(&f.peer);
        assert_receives(fd,
                        SEND("{\"body\":{},\"messageId\":\"m\"}") CALL_OF("twin.Report", "{\"patch\":{}}"));
}
END_TEST

START_TEST(without_a_daemon_calls_fail_at_once) {
        _cleanup_(fixture_done) Fixture f;
        AziotMessage message = aziot_message("{}");
        const AziotStatus *status;

        fixture_init(&f);
        peer_stop(&f.peer);
        for (int i = 0; i < 3; i++) {
                ck_assert_int_eq(aziot_send(f.a, &message, AZIOT_ACCEPTED, 0, NULL), -ENOENT);
                ck_assert_int_eq(aziot_get_status(f.a, &status), -ENOENT);
        }
        ck_assert_int_eq(strncmp(aziot_explain(f.a, -ENOENT), "There is no socket at /tmp/", 27), 0);

        aziot_set_timeout_us(f.a, 1);
        ck_assert_int_eq(aziot_send(f.a, &message, AZIOT_ACCEPTED, AZIOT_REPEAT, NULL), -ENOENT);
}
END_TEST

START_TEST(message_that_may_be_repeated_has_a_name) {
        _cleanup_(fixture_done) Fixture f;
        AziotMessage message = aziot_message("x");
        char received[2][512];
        size_t n_id;

        fixture_init(&f);
        ck_assert_int_eq(aziot_send_start(f.a, &message, AZIOT_ACCEPTED, AZIOT_REPEAT, NULL), 0);
        for (int i = 0; i < 2; i++) {
                _cleanup_(close_fdp) int fd = fixture_accept(&f);

                ck_assert_int_gt(recv(fd, received[i], sizeof(received[i]), 0), 0);
        }
        ck_assert_str_eq(received[0], received[1]);
        ck_assert_ptr_nonnull(strstr(received[0], "\"messageId\":\""));
        n_id = strspn(strstr(received[0], "\"messageId\":\"") + 13, "0123456789abcdef");
        ck_assert_uint_eq(n_id, 32);
}
END_TEST

START_TEST(so_many_calls_may_wait) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;
        AziotMessage message = aziot_message("x");
        char buffer[300000];
        unsigned n = 0;
        const AziotEvent *event;

        fixture_init(&f);
        while (aziot_send_start(f.a, &message, AZIOT_ACCEPTED, 0, NULL) == 0)
                n++;
        ck_assert_uint_eq(n, IPC_REPLIES_OUTSTANDING);
        ck_assert_int_eq(aziot_send_start(f.a, &message, AZIOT_ACCEPTED, 0, NULL), AZIOT_FULL);
        ck_assert_str_eq(aziot_explain(f.a, AZIOT_FULL), "Too many calls wait for their replies");

        fd = fixture_accept(&f);
        ck_assert_int_gt(recv(fd, buffer, sizeof(buffer), 0), 1000);
        test_put(fd, "{\"parameters\":{\"sequence\":1}}\n", 1);
        ck_assert_int_eq(aziot_dispatch(f.a, &event), 1);
        ck_assert_int_eq(aziot_send_start(f.a, &message, AZIOT_ACCEPTED, 0, NULL), 0);
        ck_assert_int_eq(aziot_send_start(f.a, &message, AZIOT_ACCEPTED, 0, NULL), AZIOT_FULL);
}
END_TEST

START_TEST(so_many_bytes_may_wait) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(freep) char *body = malloc(100001);
        AziotMessage message;
        unsigned n = 0;

        fixture_init(&f);
        memset(body, 'x', 100000);
        body[100000] = 0;
        message = aziot_message(body);
        while (aziot_send_start(f.a, &message, AZIOT_ACCEPTED, 0, NULL) == 0)
                n++;
        ck_assert_uint_eq(n, 11); /* the last one is beyond 1 MiB */
}
END_TEST

/* Nothing answers them, so what bounds them is how fast the daemon reads. */
START_TEST(so_many_oneway_calls_may_wait) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(freep) char *body = malloc(100001);
        AziotMessage message;
        unsigned n = 0;

        fixture_init(&f);
        memset(body, 'x', 100000);
        body[100000] = 0;
        message = aziot_message(body);
        while (aziot_send_start(f.a, &message, AZIOT_ACCEPTED, AZIOT_ONEWAY, NULL) == 0) {
                assert_events(&f, "");
                n++;
                ck_assert_uint_lt(n, 1000);
        }
        ck_assert_uint_gt(n, 10);
}
END_TEST

START_TEST(oneway_calls_have_no_event) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fixture_init(&f);
        for (unsigned i = 0; i < 3; i++)
                ck_assert_int_eq(aziot_call_start(f.a, "io.aziotd.a.B", NULL, AZIOT_ONEWAY, NULL), 0);
        ck_assert_int_eq(aziot_flush_start(f.a, AZIOT_ACCEPTED, NULL), 0);
        fd = fixture_accept(&f);
#define ONEWAY "{\"method\":\"io.aziotd.a.B\",\"parameters\":{},\"oneway\":true}\n"
        assert_receives(fd, ONEWAY ONEWAY ONEWAY CALL_OF("telemetry.Flush", "{\"stage\":\"accepted\"}"));
        test_put(fd, REPLY("{\"accepted\":3,\"refused\":0}"), 1);
        assert_events(&f, "reply ok {\"accepted\":3,\"refused\":0} -1 -1\n");
}
END_TEST

/* Waiting --------------------------------------------------------------------------------------------- */

/* Answers every call of one connection by the next of these replies, the last one again and again. */
typedef struct Daemon {
        int listener;
        const char *replies[4];
} Daemon;

static void *daemon_run(void *userdata) {
        const Daemon *d = userdata;
        struct pollfd p = { .fd = d->listener, .events = POLLIN };
        _cleanup_(close_fdp) int fd = -1;
        size_t i = 0;
        char c;

        (void) poll(&p, 1, -1);
        fd = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC);
        while (recv(fd, &c, 1, 0) == 1)
                if (c == 0) {
                        (void) send(fd, d->replies[i], strlen(d->replies[i]) + 1, MSG_NOSIGNAL);
                        if (i + 1 < ELEMENTSOF(d->replies) && d->replies[i + 1])
                                i++;
                }
        return NULL;
}

#define OK_REPLY(parameters) "{\"parameters\":" parameters "}"
#define STATUS                                                                                              \
        "{\"deviceId\":\"demo\",\"moduleId\":null,\"modelId\":\"m\",\"link\":{\"state\":\"waiting\","       \
        "\"since\":\"2026\","                                                                               \
        "\"hub\":\"h\",\"lastError\":\"e\",\"nextAttempt\":\"2027\"},\"outbox\":{\"messages\":1,\"bytes\":" \
        "2,"                                                                                                \
        "\"capacityMessages\":21,\"capacityBytes\":3,\"oldest\":\"2025\",\"dropped\":{\"expired\":4,"       \
        "\"overflow\":5,\"damaged\":6,"                                                                     \
        "\"unsendable\":7,\"poison\":17,\"refused\":18},\"countedSince\":\"2024\",\"priorities\":["         \
        "{\"priority\":\"normal\",\"messages\":19},{\"priority\":\"high\",\"messages\":20,\"new\":1}]},"    \
        "\"inbox\":{\"messages\":8,\"bytes\":9,\"capacityMessages\":10,"                                    \
        "\"capacityBytes\":11,"                                                                             \
        "\"stalled\":true,\"reason\":\"r\",\"expired\":12,\"damaged\":13,\"repeated\":14},\"new\":[]}"
#define TWIN                                                                                                 \
        "{\"desired\":{\"a\":1.10},\"reported\":{},\"desiredVersion\":4,\"reportedVersion\":null,\"stale\":" \
        "true,"                                                                                              \
        "\"asOf\":\"2026\"}"

static void wait_send(Aziot *a) {
        AziotMessage message = aziot_message("{}");
        uint64_t sequence = 0;

        ck_assert_int_eq(aziot_send(a, &message, AZIOT_ACCEPTED, 0, &sequence), 0);
        ck_assert_uint_eq(sequence, 7);
        ck_assert_int_eq(aziot_send(a, &message, AZIOT_ACCEPTED, AZIOT_ONEWAY, NULL),
                         0); /* has a reply all the same */
}
static void wait_send_batch(Aziot *a) {
        uint64_t sequence = 0;

        ck_assert_int_eq(aziot_send_batch(a, two_messages, 2, AZIOT_ACCEPTED, 0, &sequence), 0);
        ck_assert_uint_eq(sequence, 8);
}
static void wait_flush(Aziot *a) {
        uint64_t n_accepted = 0, n_refused = 0;

        ck_assert_int_eq(aziot_flush(a, AZIOT_ACCEPTED, &n_accepted, &n_refused), 0);
        ck_assert_uint_eq(n_accepted, 2);
        ck_assert_uint_eq(n_refused, 1);
        ck_assert_int_eq(aziot_flush(a, AZIOT_ACCEPTED, NULL, NULL), 0);
}
static void wait_report(Aziot *a) {
        int64_t version = 0;

        ck_assert_int_eq(aziot_report(a, "{}", NULL, &version), 0);
        ck_assert_int_eq(version, 5);
        ck_assert_int_eq(aziot_acknowledge(a, acknowledgements, 2, NULL, &version), 0);
        ck_assert_int_eq(version, -1);
}
static void wait_status(Aziot *a) {
        const AziotStatus *s;

        ck_assert_int_eq(aziot_get_status(a, &s), 0);
        ck_assert_str_eq(s->device_id, "demo");
        ck_assert_ptr_null(s->module_id);
        ck_assert_str_eq(s->model_id, "m");
        ck_assert_str_eq(s->link.state, "waiting");
        ck_assert(!s->link.is_online);
        ck_assert_str_eq(s->link.since, "2026");
        ck_assert_str_eq(s->link.hub, "h");
        ck_assert_str_eq(s->link.last_error, "e");
        ck_assert_str_eq(s->link.next_attempt, "2027");
        ck_assert_int_eq(s->outbox.n_messages, 1);
        ck_assert_int_eq(s->outbox.n_bytes, 2);
        ck_assert_int_eq(s->outbox.capacity_messages, 21);
        ck_assert_int_eq(s->outbox.capacity_bytes, 3);
        ck_assert_str_eq(s->outbox.oldest, "2025");
        ck_assert_int_eq(s->outbox.n_expired, 4);
        ck_assert_int_eq(s->outbox.n_overflow, 5);
        ck_assert_int_eq(s->outbox.n_damaged, 6);
        ck_assert_int_eq(s->outbox.n_unsendable, 7);
        ck_assert_int_eq(s->outbox.n_poison, 17);
        ck_assert_int_eq(s->outbox.n_refused, 18);
        ck_assert_str_eq(s->outbox.counted_since, "2024");
        ck_assert_int_eq(s->outbox.n_high_messages, 20);
        ck_assert_int_eq(s->inbox.n_messages, 8);
        ck_assert_int_eq(s->inbox.n_bytes, 9);
        ck_assert_int_eq(s->inbox.capacity_messages, 10);
        ck_assert_int_eq(s->inbox.capacity_bytes, 11);
        ck_assert(s->inbox.stalled);
        ck_assert_str_eq(s->inbox.reason, "r");
        ck_assert_int_eq(s->inbox.n_expired, 12);
        ck_assert_int_eq(s->inbox.n_damaged, 13);
        ck_assert_int_eq(s->inbox.n_repeated, 14);
        ck_assert_str_eq(s->json, STATUS);
        ck_assert_uint_eq(s->json_size, strlen(STATUS));
}
static void wait_twin(Aziot *a) {
        const AziotTwin *t;

        ck_assert_int_eq(aziot_get_twin(a, &t), 0);
        ck_assert_str_eq(t->desired, "{\"a\":1.10}");
        ck_assert_uint_eq(t->desired_size, 10);
        ck_assert_str_eq(t->reported, "{}");
        ck_assert_uint_eq(t->reported_size, 2);
        ck_assert_int_eq(t->desired_version, 4);
        ck_assert_int_eq(t->reported_version, -1);
        ck_assert(t->stale);
        ck_assert_str_eq(t->as_of, "2026");
        ck_assert_str_eq(t->json, TWIN);
        ck_assert_uint_eq(t->json_size, strlen(TWIN));
}
static void wait_call(Aziot *a) {
        const AziotReply *reply;

        ck_assert_int_eq(aziot_call(a, "a.B", NULL, 0, &reply), 0);
        ck_assert_str_eq(reply->parameters, "{\"x\":1}");
        ck_assert_uint_eq(reply->parameters_size, 7);
        ck_assert_int_eq(aziot_reconnect(a), AZIOT_REFUSED);
        ck_assert_str_eq(aziot_get_error(a)->name, "org.varlink.service.PermissionDenied");
        ck_assert_str_eq(aziot_get_error(a)->parameters, "{\"grant\":\"admin\"}");
        ck_assert_uint_eq(aziot_get_error(a)->parameters_size, 17);
        ck_assert_str_eq(
                aziot_explain(a, AZIOT_REFUSED),
                "this program may not do that: it needs the grant 'admin'; [Access] in aziotd.conf(5) "
                "says who has it (org.varlink.service.PermissionDenied {\"grant\":\"admin\"})");
        ck_assert_int_eq(aziot_reconnect(a), AZIOT_REFUSED);
        ck_assert_str_eq(aziot_get_error(a)->text,
                         "this program may not do that: it needs the grant 'admin', which the rule at "
                         "aziotd.conf:3 does not give");
}
static void wait_for_room(Aziot *a) {
        AziotMessage message = aziot_message("{}");

        ck_assert_int_eq(aziot_send(a, &message, AZIOT_ACCEPTED, 0, NULL), AZIOT_REFUSED);
        ck_assert_str_eq(aziot_get_error(a)->text, "the outbox is full, nothing was stored");
        ck_assert_int_eq(aziot_send(a, &message, AZIOT_ACCEPTED, 0, NULL), AZIOT_REFUSED);
        ck_assert_str_eq(
                aziot_get_error(a)->text,
                "the messages of this user take all the room that they may have in the outbox, nothing "
                "was stored");
}
static void wait_garbage(Aziot *a) {
        const AziotStatus *status;
        const AziotTwin *twin;

        ck_assert_int_eq(aziot_get_status(a, &status), -EBADMSG);
        ck_assert_int_eq(aziot_get_twin(a, &twin), -EBADMSG);
        ck_assert_str_eq(aziot_explain(a, -EBADMSG) + strlen(aziot_explain(a, -EBADMSG)) - 10, "not aziotd");
}

static const struct {
        void (*wait)(Aziot *a);
        const char *replies[4];
} waits[] = {
        { wait_send, { OK_REPLY("{\"sequence\":7}") } },
        { wait_send_batch, { OK_REPLY("{\"firstSequence\":7,\"lastSequence\":8}") } },
        { wait_flush, { OK_REPLY("{\"accepted\":2,\"refused\":1}") } },
        { wait_report, { OK_REPLY("{\"version\":5}"), OK_REPLY("{}") } },
        { wait_status, { OK_REPLY(STATUS) } },
        { wait_twin, { OK_REPLY(TWIN) } },
        { wait_call,
          { OK_REPLY("{\"x\":1}"),
            "{\"error\":\"org.varlink.service.PermissionDenied\",\"parameters\":{\"grant\":\"admin\"}}",
            "{\"error\":\"org.varlink.service.PermissionDenied\",\"parameters\":{\"grant\":\"admin\","
            "\"rule\":\"aziotd.conf:3\"}}" } },
        { wait_for_room,
          { "{\"error\":\"io.aziotd.telemetry.OutboxFull\",\"parameters\":{\"limit\":\"outbox\"}}",
            "{\"error\":\"io.aziotd.telemetry.OutboxFull\",\"parameters\":{\"limit\":\"application\"}}" } },
        { wait_garbage, { OK_REPLY("{\"link\":1,\"desired\":{}}") } },
};

START_TEST(blocking_call_returns_with_its_reply) {
        _cleanup_(fixture_done) Fixture f;
        Daemon d = {};
        pthread_t thread;

        fixture_init(&f);
        d.listener = f.peer.listener;
        memcpy(d.replies, waits[_i].replies, sizeof(d.replies));
        ck_assert_int_eq(pthread_create(&thread, NULL, daemon_run, &d), 0);
        waits[_i].wait(f.a);
        f.a = aziot_free(f.a);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

/* Replies that come before the one that is waited for are not lost, and keep their order. */
START_TEST(blocking_call_waits_behind_started_ones) {
        _cleanup_(fixture_done) Fixture f;
        Daemon d = { .replies = { OK_REPLY("{\"sequence\":1}"), OK_REPLY("{\"sequence\":2}"),
                                  "{\"error\":\"a.B\"}", OK_REPLY("{\"x\":1}") } };
        AziotMessage message = aziot_message("{}");
        const AziotReply *reply;
        pthread_t thread;

        fixture_init(&f);
        d.listener = f.peer.listener;
        ck_assert_int_eq(pthread_create(&thread, NULL, daemon_run, &d), 0);
        for (char *name = (char *) "a\0b\0c\0"; name[0]; name += 2)
                ck_assert_int_eq(aziot_send_start(f.a, &message, AZIOT_ACCEPTED, 0, name), 0);
        ck_assert_int_eq(aziot_call(f.a, "a.B", NULL, 0, &reply), 0);
        ck_assert_str_eq(reply->parameters, "{\"x\":1}");
        ck_assert_uint_eq(aziot_get_deadline_us(f.a), 0);
        assert_events(&f, "a: reply ok {\"sequence\":1} 1 -1\nb: reply ok {\"sequence\":2} 2 -1\nc: reply "
                          "a.B {} -1 -1\n");
        ck_assert_uint_ne(aziot_get_deadline_us(f.a), 0);

        f.a = aziot_free(f.a);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

START_TEST(waiting_ends_in_time) {
        _cleanup_(fixture_done) Fixture f;
        const AziotEvent *event;

        fixture_init(&f);
        ck_assert_int_eq(aziot_wait(f.a, 0, &event), 0);
        ck_assert_int_eq(aziot_wait(f.a, 1000, &event), 0);

        aziot_set_timeout_us(f.a, 1000);
        ck_assert_int_eq(aziot_call(f.a, "a.B", NULL, 0, NULL), -ETIME);
        ck_assert_int_eq(aziot_call_start(f.a, "a.B", NULL, 0, (void *) "u"), 0);
        ck_assert_int_eq(aziot_wait(f.a, UINT64_MAX, &event), 1);
        ck_assert_int_eq(event->result, -ETIME);
}
END_TEST

START_TEST(descriptor_and_deadline_say_when_to_dispatch) {
        _cleanup_(fixture_done) Fixture f;
        struct pollfd p = { .events = 0 };
        int fd;

        fixture_init(&f);
        p = (struct pollfd){ .fd = aziot_get_fd(f.a), .events = aziot_get_events(f.a) };
        ck_assert_int_eq(p.events, POLLIN);
        ck_assert_uint_eq(aziot_get_deadline_us(f.a), UINT64_MAX);
        ck_assert_int_eq(poll(&p, 1, 0), 0);

        ck_assert_int_eq(aziot_call_start(f.a, "a.B", NULL, 0, (void *) "u"), 0);
        ck_assert_uint_eq(aziot_get_deadline_us(f.a), 0);
        fd = fixture_accept(&f);
        ck_assert_uint_gt(aziot_get_deadline_us(f.a), boottime_us() + 50 * USEC_PER_SEC);
        ck_assert_uint_le(aziot_get_deadline_us(f.a), boottime_us() + 60 * USEC_PER_SEC);
        ck_assert_int_eq(poll(&p, 1, 0), 0);

        test_put(fd, "{}\n", 1);
        ck_assert_int_eq(poll(&p, 1, 0), 1);
        assert_events(&f, "u: reply ok {} -1 -1\n");
        ck_assert_int_eq(poll(&p, 1, 0), 0);
        close_fd(fd);
        ck_assert_int_eq(poll(&p, 1, 0), 1);
        assert_events(&f, "");
        ck_assert_int_eq(poll(&p, 1, 0), 0);
        ck_assert_uint_eq(aziot_get_deadline_us(f.a), UINT64_MAX);
}
END_TEST

static Suite *aziot_suite(void) {
        Suite *suite = suite_create("aziot");
        TCase *t = tcase_create("calls");

        tcase_add_loop_test(t, message_is_sent_as_it_is, 0, ELEMENTSOF(messages));
        tcase_add_loop_test(t, json_that_no_message_could_hold_is_text, 0, 2);
        tcase_add_loop_test(t, call_and_its_reply, 0, ELEMENTSOF(calls));
        tcase_add_test(t, arguments_that_are_not_json_are_refused);
        tcase_add_test(t, what_is_under_way_when_the_daemon_goes);
        tcase_add_test(t, without_a_daemon_calls_fail_at_once);
        tcase_add_test(t, message_that_may_be_repeated_has_a_name);
        tcase_add_test(t, so_many_calls_may_wait);
        tcase_add_test(t, so_many_bytes_may_wait);
        tcase_add_test(t, so_many_oneway_calls_may_wait);
        tcase_add_test(t, oneway_calls_have_no_event);
        tcase_add_loop_test(t, blocking_call_returns_with_its_reply, 0, ELEMENTSOF(waits));
        tcase_add_test(t, blocking_call_waits_behind_started_ones);
        tcase_add_test(t, waiting_ends_in_time);
        tcase_add_test(t, descriptor_and_deadline_say_when_to_dispatch);
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(aziot_suite)
