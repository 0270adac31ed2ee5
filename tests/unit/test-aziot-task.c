/* SPDX-License-Identifier: MIT */

/* What is watched, served or taken. */

#include "aziot-fixture.h"

#define TAKE_METHOD                                                                                    \
        "{\"method\":\"io.aziotd.methods.Take\",\"parameters\":{\"names\":[\"reboot\",\"pump*stop\"]," \
        "\"timeoutSeconds\":"                                                                          \
        "3600}}\n"
#define TAKE_MESSAGE "{\"method\":\"io.aziotd.messages.Take\",\"parameters\":{\"timeoutSeconds\":3600}}\n"
#define SETTLE(interface, parameters) \
        "{\"method\":\"io.aziotd." interface ".Settle\",\"parameters\":" parameters "}\n"
#define METHOD_CALL(id, more)                                         \
        REPLY("{\"call\":{\"id\":\"" id "\",\"name\":\"reboot\"" more \
              ",\"deadline\":\"2026-11-22T01:45:10Z\"}}")
#define MESSAGE(id, more)                            \
        REPLY("{\"message\":{\"id\":\"" id "\"" more \
              ",\"properties\":{},\"enqueued\":\"2026-11-22T01:45:10Z\",\"redelivered\":false}}")

static int serve(Aziot *a) {
        static const char *const names[] = { "reboot", "pump*stop" };

        return aziot_serve(a, names, ELEMENTSOF(names), (void *) "m");
}

/* Begins to serve and has been given call 5, by the handle 1. Returns the daemon's end. */
static int take_method(Fixture *f) {
        int fd;

        fixture_init(f);
        ck_assert_int_eq(serve(f->a), 0);
        fd = fixture_accept(f);
        assert_receives(fd, TAKE_METHOD);
        test_put(fd, METHOD_CALL("5", ""), 1);
        assert_events(f, "m: method ok 1 5 reboot - -\n");
        return fd;
}

/* The same with message a. */
static int take_message(Fixture *f) {
        int fd;

        fixture_init(f);
        ck_assert_int_eq(aziot_take_messages(f->a, (void *) "c"), 0);
        fd = fixture_accept(f);
        assert_receives(fd, TAKE_MESSAGE);
        test_put(fd, MESSAGE("a", ",\"text\":\"x\""), 1);
        assert_events(f, "c: message ok 1 a x\n");
        return fd;
}

START_TEST(method_is_taken_answered_and_settled) {
        static const struct {
                const char *members, *event, *payload, *settle;
        } rows[] = {
                { ",\"payload\":{\"n\":1.10}", "m: method ok 1 5 reboot - {\"n\":1.10}\n", " {\"x\": 1.10} ",
                  SETTLE("methods", "{\"id\":\"5\",\"status\":200,\"payload\":{\"x\": 1.10}}") },
                { ",\"component\":\"pump\",\"payloadText\":\"[1,2.50]\"",
                  "m: method ok 1 5 reboot pump [1,2.50]\n", "[]",
                  SETTLE("methods", "{\"id\":\"5\",\"status\":200,\"payloadText\":\"[]\"}") },
                { "", "m: method ok 1 5 reboot - -\n", NULL,
                  SETTLE("methods", "{\"id\":\"5\",\"status\":200}") },
                { ",\"payload\":null", "m: method ok 1 5 reboot - -\n", " ",
                  SETTLE("methods", "{\"id\":\"5\",\"status\":200}") },
        };
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;
        char reply[512];

        fixture_init(&f);
        ck_assert_int_eq(serve(f.a), 0);
        fd = fixture_accept(&f);
        assert_receives(fd, TAKE_METHOD);
        test_put(fd, REPLY("{\"call\":null}"), 1);
        assert_events(&f, "");
        assert_receives(fd, TAKE_METHOD);

        (void) snprintf(reply, sizeof(reply),
                        "{\"parameters\":{\"call\":{\"id\":\"5\",\"name\":\"reboot\"%s,\"deadline\":\"2026-"
                        "11-22T01:45:10Z\"}}}\n",
                        rows[_i].members);
        test_put(fd, reply, 1);
        assert_events(&f, rows[_i].event);
        assert_open(fd);

        ck_assert_int_eq(aziot_answer(f.a, 1, 200, "{} {}"), -EINVAL);
        ck_assert_int_eq(aziot_settle(f.a, 1), -EINVAL);
        ck_assert_int_eq(aziot_answer(f.a, 2, 200, NULL), AZIOT_GONE);
        ck_assert_int_eq(aziot_answer(f.a, 1, 200, rows[_i].payload), 0);
        ck_assert_int_eq(aziot_answer(f.a, 1, 200, NULL), AZIOT_GONE);
        assert_events(&f, "");
        assert_receives(fd, rows[_i].settle);

        test_put(fd, REPLY("{}"), 1);
        assert_events(&f, "m: settled ok 1\n");
        assert_receives(fd, TAKE_METHOD);
        test_put(fd, METHOD_CALL("6", ""), 1);
        assert_events(&f, "m: method ok 2 6 reboot - -\n");
}
END_TEST

START_TEST(deadline_of_a_method_is_on_the_clock_that_does_not_jump) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;
        const AziotEvent *event;
        char reply[256];
        struct tm tm;
        time_t then = time(NULL) + 100;

        fixture_init(&f);
        ck_assert_int_eq(serve(f.a), 0);
        fd = fixture_accept(&f);
        strftime(reply, sizeof(reply),
                 "{\"parameters\":{\"call\":{\"id\":\"5\",\"name\":\"x\",\"deadline\":\"%Y-%m-%dT%H:%M:%SZ\"}"
                 "}}\n",
                 gmtime_r(&then, &tm));
        test_put(fd, reply, 1);
        ck_assert_int_eq(aziot_dispatch(f.a, &event), 1);
        ck_assert_uint_le(event->as.method.deadline_us, boottime_us() + 100 * USEC_PER_SEC);
        ck_assert_uint_ge(event->as.method.deadline_us, boottime_us() + 90 * USEC_PER_SEC);
        ck_assert_ptr_nonnull(strstr(reply, event->as.method.deadline));
}
END_TEST

START_TEST(refused_answer_is_told) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fd = take_method(&f);
        ck_assert_int_eq(aziot_answer(f.a, 1, 200, NULL), 0);
        assert_events(&f, "");
        test_put(fd, ERROR("io.aziotd.methods.CallGone", "{\"id\":\"5\"}"), 1);
        assert_events(&f, "m: settled io.aziotd.methods.CallGone 1\n");
        assert_receives(fd, SETTLE("methods", "{\"id\":\"5\",\"status\":200}") TAKE_METHOD);
}
END_TEST

/* The daemon's ids begin anew when it does: the answer to call 5 of the old one must not reach call 5 of the
 * new. */
START_TEST(work_is_gone_with_its_connection) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fd = take_method(&f);
        fd = close_fd(fd);

        assert_events(&f, "m: settled ECONNRESET 1\nm: disconnected ECONNRESET\nm: connected ok\n");
        fd = peer_accept(&f.peer);
        assert_receives(fd, TAKE_METHOD);
        test_put(fd, METHOD_CALL("5", ""), 1);
        assert_events(&f, "m: method ok 2 5 reboot - -\n");
        ck_assert_int_eq(aziot_answer(f.a, 1, 200, NULL), AZIOT_GONE);
        ck_assert_int_eq(aziot_answer(f.a, 2, 200, NULL), 0);
        fd = close_fd(fd);
        assert_events(&f, "m: settled ECONNRESET 2\nm: disconnected ECONNRESET\nm: connected ok\n");
}
END_TEST

START_TEST(settling_has_an_end) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;
        const AziotEvent *event;

        fd = take_method(&f);
        aziot_set_timeout_us(f.a, 1000);
        ck_assert_int_eq(aziot_answer(f.a, 1, 200, NULL), 0);
        ck_assert_int_eq(aziot_wait(f.a, UINT64_MAX, &event), 1);
        ck_assert_int_eq(event->type, AZIOT_EVENT_SETTLED);
        ck_assert_int_eq(event->result, -ETIME);

        /* The late reply to Settle is not the one to Take. */
        assert_events(&f, "");
        test_put(fd, REPLY("{}") METHOD_CALL("6", ""), 1);
        assert_events(&f, "m: method ok 2 6 reboot - -\n");
}
END_TEST

START_TEST(message_is_taken_and_settled) {
        static const struct {
                const char *members, *event;
        } rows[] = {
                { ",\"body\":{\"n\":9007199254740993}", "c: message ok 1 a {\"n\":9007199254740993}\n" },
                { ",\"text\":\"x\\ny\"", "c: message ok 1 a x\ny\n" },
                { ",\"data\":\"eA==\"", "c: message ok 1 a x\n" },
                { ",\"data\":\"\"", "c: message ok 1 a \n" },
        };
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;
        char reply[512];

        fixture_init(&f);
        ck_assert_int_eq(aziot_take_messages(f.a, (void *) "c"), 0);
        fd = fixture_accept(&f);
        assert_receives(fd, TAKE_MESSAGE);
        (void) snprintf(reply, sizeof(reply),
                        "{\"parameters\":{\"message\":{\"id\":\"a\"%s,\"properties\":{},\"enqueued\":"
                        "\"2026\",\"redelivered\":false}}}\n",
                        rows[_i].members);
        test_put(fd, reply, 1);
        assert_events(&f, rows[_i].event);

        ck_assert_int_eq(aziot_answer(f.a, 1, 200, NULL), -EINVAL);
        ck_assert_int_eq(aziot_settle(f.a, 1), 0);
        assert_events(&f, "");
        assert_receives(fd, SETTLE("messages", "{\"id\":\"a\"}"));
        test_put(fd, REPLY("{}"), 1);
        assert_events(&f, "c: settled ok 1\n");
        assert_receives(fd, TAKE_MESSAGE);
}
END_TEST

#define FULL_MESSAGE                                                                            \
        "{\"id\":\"a\",\"text\":\"x\\u0000y\",\"contentType\":\"t\",\"contentEncoding\":\"e\"," \
        "\"messageId\":\"m\",\"correlationId\":\"o\",\"userId\":\"u\","                         \
        "\"properties\":{\"k\":\"v\",\"k2\":\"\"},"                                             \
        "\"enqueued\":\"2026\",\"expires\":\"2027\",\"redelivered\":true}"

START_TEST(message_comes_with_all_its_attributes) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;
        const AziotEvent *event;
        const AziotCloudMessage *m;

        fixture_init(&f);
        ck_assert_int_eq(aziot_take_messages(f.a, NULL), 0);
        fd = fixture_accept(&f);
        test_put(fd, REPLY("{\"message\":" FULL_MESSAGE "}"), 1);
        ck_assert_int_eq(aziot_dispatch(f.a, &event), 1);
        m = &event->as.message;
        ck_assert_str_eq(m->id, "a");
        ck_assert_uint_eq(m->body_size, 3);
        ck_assert_mem_eq(m->body, "x\0y", 4);
        ck_assert(!m->is_json_object);
        ck_assert_str_eq(m->content_type, "t");
        ck_assert_str_eq(m->content_encoding, "e");
        ck_assert_str_eq(m->message_id, "m");
        ck_assert_str_eq(m->correlation_id, "o");
        ck_assert_str_eq(m->user_id, "u");
        ck_assert_uint_eq(m->n_properties, 2);
        ck_assert_str_eq(m->properties[0].key, "k");
        ck_assert_str_eq(m->properties[0].value, "v");
        ck_assert_str_eq(m->properties[1].key, "k2");
        ck_assert_str_eq(m->properties[1].value, "");
        ck_assert_str_eq(m->enqueued, "2026");
        ck_assert_str_eq(m->expires, "2027");
        ck_assert(m->redelivered);
        ck_assert_str_eq(m->json, FULL_MESSAGE);
        ck_assert_uint_eq(m->json_size, strlen(FULL_MESSAGE));
}
END_TEST

START_TEST(released_message_is_given_back) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fd = take_message(&f);

        ck_assert_int_eq(aziot_release(f.a, 1, 0), 0);
        ck_assert_int_eq(aziot_release(f.a, 1, 0), AZIOT_GONE);
        ck_assert_int_eq(aziot_settle(f.a, 1), AZIOT_GONE);
        assert_closed(fd);
        close_fd(fd);
        fd = fixture_accept(&f);
        assert_receives(fd, TAKE_MESSAGE);

        test_put(fd, MESSAGE("a", ",\"text\":\"x\""), 1);
        assert_events(&f, "c: message ok 2 a x\n");
        ck_assert_int_eq(aziot_release(f.a, 2, 60 * USEC_PER_SEC), 0);
        ck_assert_int_eq(fixture_accept(&f), -1);
        ck_assert_uint_gt(aziot_get_deadline_us(f.a), boottime_us() + 50 * USEC_PER_SEC);
        ck_assert_uint_le(aziot_get_deadline_us(f.a), boottime_us() + 60 * USEC_PER_SEC);
}
END_TEST

#define TAKE_WORK                                                              \
        "{\"method\":\"io.aziotd.broker.Take\",\"parameters\":{\"topic\":\"a/" \
        "{b}\",\"timeoutSeconds\":3600}}\n"
#define WORK(id) REPLY("{\"request\":{ \"n\":1.10,\"id\":\"" id "\"}}")

/* Begins to take and has been given request 7, by the handle 1. */
static int take_work(Fixture *f) {
        int fd;

        fixture_init(f);
        ck_assert_int_eq(aziot_take(f->a, "io.aziotd.broker", "{\"topic\":\"a/{b}\",\"timeoutSeconds\":3600}",
                                    (void *) "w"),
                         0);
        fd = fixture_accept(f);
        assert_receives(fd, TAKE_WORK);
        test_put(fd, REPLY("{\"request\":null}"), 1);
        assert_events(f, "");
        assert_receives(fd, TAKE_WORK);
        test_put(fd, WORK("7"), 1);
        assert_events(f, "w: work ok 1 { \"n\":1.10,\"id\":\"7\"}\n");
        return fd;
}

START_TEST(work_of_any_interface_is_taken_and_settled) {
        static const struct {
                const char *parameters, *settle;
        } rows[] = {
                { NULL, "{\"id\":\"7\"}" },
                { " { } ", "{\"id\":\"7\"}" },
                { "{ \"response\":{\"text\":\"x\"} }", "{\"id\":\"7\",\"response\":{\"text\":\"x\"}}" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(fixture_done) Fixture f;
                _cleanup_(close_fdp) int fd = -1;
                char settle[256];

                fd = take_work(&f);
                ck_assert_int_eq(aziot_settle_work(f.a, 1, "[]"), -EINVAL);
                ck_assert_int_eq(aziot_settle(f.a, 1), -EINVAL);
                ck_assert_int_eq(aziot_settle_work(f.a, 2, NULL), AZIOT_GONE);
                ck_assert_int_eq(aziot_settle_work(f.a, 1, rows[i].parameters), 0);
                assert_events(&f, "");
                (void) snprintf(settle, sizeof(settle),
                                "{\"method\":\"io.aziotd.broker.Settle\",\"parameters\":%s}\n",
                                rows[i].settle);
                assert_receives(fd, settle);
                test_put(fd, REPLY("{}"), 1);
                assert_events(&f, "w: settled ok 1\n");
                assert_receives(fd, TAKE_WORK);
        }
}
END_TEST

/* What its interface refuses has ended; what was refused before it got there has not. */
START_TEST(work_that_is_not_settled_is_given_back) {
        static const struct {
                const char *error;
                bool is_given_back;
        } rows[] = {
                { "io.aziotd.broker.RequestGone", false },
                { "org.varlink.service.InvalidParameter", true },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(fixture_done) Fixture f;
                _cleanup_(close_fdp) int fd = -1;
                char text[256];

                fd = take_work(&f);
                ck_assert_int_eq(aziot_settle_work(f.a, 1, NULL), 0);
                assert_events(&f, "");
                assert_receives(fd, SETTLE("broker", "{\"id\":\"7\"}"));
                (void) snprintf(text, sizeof(text), "{\"error\":\"%s\",\"parameters\":{}}\n", rows[i].error);
                test_put(fd, text, 1);
                (void) snprintf(text, sizeof(text), "w: settled %s 1\n", rows[i].error);
                assert_events(&f, text);
                if (rows[i].is_given_back)
                        assert_closed(fd);
                else
                        assert_receives(fd, TAKE_WORK);
        }
}
END_TEST

START_TEST(offer_that_is_none_is_not_asked_for_at_once) {
        static const char *const offers[] = { "{}", "{\"request\":7}", "{\"request\":{\"id\":7}}" };

        for (size_t i = 0; i < ELEMENTSOF(offers); i++) {
                _cleanup_(fixture_done) Fixture f;
                _cleanup_(close_fdp) int fd = -1;
                char text[256];

                fixture_init(&f);
                ck_assert_int_eq(aziot_take(f.a, "io.aziotd.broker", NULL, NULL), 0);
                fd = fixture_accept(&f);
                (void) snprintf(text, sizeof(text), "{\"parameters\":%s}\n", offers[i]);
                test_put(fd, text, 1);
                assert_events(&f, "disconnected EBADMSG\n");
                ck_assert_uint_gt(aziot_get_deadline_us(f.a), boottime_us());
        }
}
END_TEST

/* It still belongs to the connection, whose end alone gives it back. */
START_TEST(message_that_cannot_be_settled_is_given_back) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fd = take_message(&f);
        ck_assert_int_eq(aziot_settle(f.a, 1), 0);
        assert_events(&f, "");
        test_put(fd, ERROR("io.aziotd.messages.StorageFailed", "{\"reason\":\"EIO\"}"), 1);
        assert_events(&f, "c: settled io.aziotd.messages.StorageFailed 1\n");
        assert_receives(fd, SETTLE("messages", "{\"id\":\"a\"}"));
        assert_closed(fd);
        ck_assert_uint_gt(aziot_get_deadline_us(f.a), boottime_us());
}
END_TEST

START_TEST(message_that_is_gone_is_no_reason_to_hang_up) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fd = take_message(&f);
        ck_assert_int_eq(aziot_settle(f.a, 1), 0);
        assert_events(&f, "");
        test_put(fd, ERROR("io.aziotd.messages.MessageGone", "{\"id\":\"a\"}"), 1);
        assert_events(&f, "c: settled io.aziotd.messages.MessageGone 1\n");
        assert_receives(fd, SETTLE("messages", "{\"id\":\"a\"}") TAKE_MESSAGE);
}
END_TEST

/* Watching -------------------------------------------------------------------------------------------- */

static int watch_twin(Aziot *a) {
        return aziot_watch_twin(a, NULL, (void *) "w");
}
static int watch_component(Aziot *a) {
        return aziot_watch_twin(a, "pump", (void *) "w");
}
static int watch_status(Aziot *a) {
        return aziot_watch_status(a, (void *) "w");
}
static int watch_any(Aziot *a) {
        return aziot_watch(a, "a.b.C", "{\"x\":1.10}", (void *) "w");
}

#define STATUS(state)                                                                                        \
        "{\"link\":{\"state\":\"" state                                                                      \
        "\",\"since\":\"2026\"},\"outbox\":{\"messages\":0,\"bytes\":0,\"capacityBytes\":0,"                 \
        "\"dropped\":{\"expired\":0,\"overflow\":0,\"damaged\":0,\"unsendable\":0,\"poison\":0}},\"inbox\":" \
        "{"                                                                                                  \
        "\"messages\":0,"                                                                                    \
        "\"bytes\":0,\"capacityMessages\":0,\"capacityBytes\":0,\"stalled\":false,\"expired\":0,"            \
        "\"damaged\":0,"                                                                                     \
        "\"repeated\":0}}"

static const struct {
        int (*start)(Aziot *a);
        const char *wire, *replies, *events;
} watches[] = {
        { watch_twin, "{\"method\":\"io.aziotd.twin.Watch\",\"parameters\":{},\"more\":true}\n",
          REPLY_CONTINUES("{\"desired\":{\"a\":1.10},\"version\":3,\"complete\":true,\"stale\":true}")
                  REPLY_CONTINUES("{\"desired\":{},\"version\":4,\"complete\":false,\"stale\":false}"),
          "w: twin ok {\"a\":1.10} 3 complete stale\nw: twin ok {} 4\n" },
        { watch_component,
          "{\"method\":\"io.aziotd.twin.Watch\",\"parameters\":{\"component\":\"pump\"},\"more\":true}\n",
          REPLY_CONTINUES("{\"desired\":{},\"version\":3,\"complete\":true}"), "w: twin ok {} 3 complete\n" },
        { watch_status, "{\"method\":\"io.aziotd.device.WatchStatus\",\"parameters\":{},\"more\":true}\n",
          REPLY_CONTINUES(STATUS("waiting")) REPLY_CONTINUES(STATUS("online"))
                  REPLY_CONTINUES(STATUS("renewing")),
          "w: status ok waiting\nw: status ok online (online)\nw: status ok renewing (online)\n" },
        { watch_any, "{\"method\":\"a.b.C\",\"parameters\":{\"x\":1.10},\"more\":true}\n",
          REPLY_CONTINUES("{\"y\":1}") REPLY_CONTINUES("{}"),
          "w: reply ok {\"y\":1} -1 -1 ...\nw: reply ok {} -1 -1 ...\n" },
};

START_TEST(watch_tells_each_change_and_begins_anew) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fixture_init(&f);
        ck_assert_int_eq(watches[_i].start(f.a), 0);
        for (int i = 0; i < 3; i++) {
                fd = i == 0 ? fixture_accept(&f) : peer_accept(&f.peer);
                assert_receives(fd, watches[_i].wire);
                test_put(fd, watches[_i].replies, 1);
                assert_events(&f, watches[_i].events);
                fd = close_fd(fd);
                assert_events(&f, "w: disconnected ECONNRESET\nw: connected ok\n");
        }
}
END_TEST

START_TEST(refused_task_has_ended) {
        static int (*const starts[])(Aziot * a) = { watch_twin, watch_status, watch_any, serve };
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;
        char buffer[4096];

        fixture_init(&f);
        ck_assert_int_eq(starts[_i](f.a), 0);
        fd = fixture_accept(&f);
        test_put(fd, ERROR("org.varlink.service.PermissionDenied", "{}"), 1);
        ck_assert_str_eq(events(&f, buffer) + 1, ": ended org.varlink.service.PermissionDenied\n");
        ck_assert_str_eq(aziot_get_error(f.a)->text,
                         "this program may not do that; [Access] in aziotd.conf(5) says who may");
        ck_assert_uint_eq(aziot_get_deadline_us(f.a), UINT64_MAX);
}
END_TEST

START_TEST(last_reply_ends_a_watch) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fixture_init(&f);
        ck_assert_int_eq(watch_any(f.a), 0);
        fd = fixture_accept(&f);
        test_put(fd, REPLY_CONTINUES("{\"y\":1}") REPLY("{}"), 1);
        assert_events(&f, "w: reply ok {\"y\":1} -1 -1 ...\nw: reply ok {} -1 -1\n");
        ck_assert_uint_eq(aziot_get_deadline_us(f.a), UINT64_MAX);
}
END_TEST

START_TEST(reply_that_is_none_is_not_asked_for_at_once) {
        static const struct {
                int (*start)(Aziot *a);
                const char *reply;
        } rows[] = {
                { watch_twin, REPLY_CONTINUES("{}") },
                { watch_twin, REPLY("{\"desired\":1}") },
                { watch_status, REPLY_CONTINUES("{\"link\":{}}") },
                { serve, REPLY("{\"call\":{}}") },
                { serve, REPLY("{\"call\":7}") },
                { serve, "garbage\n" },
        };
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;
        char buffer[4096];

        fixture_init(&f);
        ck_assert_int_eq(rows[_i].start(f.a), 0);
        fd = fixture_accept(&f);
        test_put(fd, rows[_i].reply, 1);
        if (strcmp(rows[_i].reply, "garbage\n") == 0) {
                ck_assert_str_eq(events(&f, buffer) + 1, ": disconnected EBADMSG\nm: connected ok\n");
                return;
        }
        ck_assert_str_eq(events(&f, buffer) + 1, ": disconnected EBADMSG\n");
        ck_assert_uint_gt(aziot_get_deadline_us(f.a), boottime_us() + USEC_PER_SEC / 2);
        ck_assert_uint_le(aziot_get_deadline_us(f.a), boottime_us() + USEC_PER_SEC);
}
END_TEST

START_TEST(bad_message_is_not_asked_for_at_once) {
        static const char *const replies[] = {
                MESSAGE("a", ""),
                MESSAGE("a", ",\"data\":\"!\""),
                REPLY("{\"message\":{\"id\":\"a\"}}"),
        };
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;

        fixture_init(&f);
        ck_assert_int_eq(aziot_take_messages(f.a, (void *) "c"), 0);
        fd = fixture_accept(&f);
        test_put(fd, replies[_i], 1);
        assert_events(&f, "c: disconnected EBADMSG\n");
        ck_assert_uint_gt(aziot_get_deadline_us(f.a), boottime_us());
}
END_TEST

START_TEST(outage_is_told_once_for_each_reason) {
        _cleanup_(fixture_done) Fixture f;
        _cleanup_(close_fdp) int fd = -1;
        const AziotEvent *event;

        fixture_init(&f);
        peer_stop(&f.peer);
        ck_assert_int_eq(watch_twin(f.a), 0);
        assert_events(&f, "w: disconnected ENOENT\n");
        ck_assert_uint_gt(aziot_get_deadline_us(f.a), boottime_us());
        ck_assert_int_eq(aziot_wait(f.a, 300 * USEC_PER_MSEC, &event), 0);

        peer_listen(&f.peer);
        ck_assert_int_eq(aziot_wait(f.a, UINT64_MAX, &event), 1);
        ck_assert_int_eq(event->type, AZIOT_EVENT_CONNECTED);
        fd = fixture_accept(&f);
        assert_receives(fd, watches[0].wire);

        test_put(fd, REPLY_CONTINUES("{\"desired\":{},\"version\":3,\"complete\":true}"), 1);
        assert_events(&f, "w: twin ok {} 3 complete\n");
        peer_stop(&f.peer);
        fd = close_fd(fd);
        assert_events(&f, "w: disconnected ECONNRESET\nw: disconnected ENOENT\n");
}
END_TEST

/* Each has a connection of its own, so that none waits for another. */
START_TEST(tasks_and_calls_go_side_by_side) {
        _cleanup_(fixture_done) Fixture f;
        int fds[4];

        fixture_init(&f);
        ck_assert_int_eq(serve(f.a), 0);
        ck_assert_int_eq(watch_twin(f.a), 0);
        ck_assert_int_eq(aziot_take_messages(f.a, (void *) "c"), 0);
        ck_assert_int_eq(aziot_call_start(f.a, "a.B", NULL, 0, (void *) "u"), 0);
        fds[0] = fixture_accept(&f);
        for (size_t i = 1; i < ELEMENTSOF(fds); i++)
                fds[i] = peer_accept(&f.peer);

        test_put(fds[3], "{}\n", 1);
        test_put(fds[2], MESSAGE("a", ",\"text\":\"x\""), 1);
        test_put(fds[1], REPLY_CONTINUES("{\"desired\":{},\"version\":3,\"complete\":true}"), 1);
        test_put(fds[0], METHOD_CALL("5", ""), 1);
        assert_events(&f, "m: method ok 1 5 reboot - -\nw: twin ok {} 3 complete\nc: message ok 2 a x\nu: "
                          "reply ok {} -1 -1\n");
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close_fd(fds[i]);
}
END_TEST

static Suite *task_suite(void) {
        Suite *suite = suite_create("aziot-task");
        TCase *work = tcase_create("work"), *watch = tcase_create("watch");

        tcase_add_loop_test(work, method_is_taken_answered_and_settled, 0, 4);
        tcase_add_test(work, deadline_of_a_method_is_on_the_clock_that_does_not_jump);
        tcase_add_test(work, refused_answer_is_told);
        tcase_add_test(work, work_is_gone_with_its_connection);
        tcase_add_test(work, settling_has_an_end);
        tcase_add_loop_test(work, message_is_taken_and_settled, 0, 4);
        tcase_add_test(work, message_comes_with_all_its_attributes);
        tcase_add_test(work, released_message_is_given_back);
        tcase_add_test(work, message_that_cannot_be_settled_is_given_back);
        tcase_add_test(work, message_that_is_gone_is_no_reason_to_hang_up);
        tcase_add_test(work, work_of_any_interface_is_taken_and_settled);
        tcase_add_test(work, work_that_is_not_settled_is_given_back);
        tcase_add_test(work, offer_that_is_none_is_not_asked_for_at_once);
        suite_add_tcase(suite, work);

        tcase_add_loop_test(watch, watch_tells_each_change_and_begins_anew, 0, ELEMENTSOF(watches));
        tcase_add_loop_test(watch, refused_task_has_ended, 0, 4);
        tcase_add_test(watch, last_reply_ends_a_watch);
        tcase_add_loop_test(watch, reply_that_is_none_is_not_asked_for_at_once, 0, 6);
        tcase_add_loop_test(watch, bad_message_is_not_asked_for_at_once, 0, 3);
        tcase_add_test(watch, outage_is_told_once_for_each_reason);
        tcase_add_test(watch, tasks_and_calls_go_side_by_side);
        suite_add_tcase(suite, watch);
        return suite;
}

UNIT_MAIN(task_suite)
