/* SPDX-License-Identifier: MIT */

#include "daemon/hub-link.h"

#include <sys/mman.h>

#include "tests/unit/hub-link-fixture.h"
#include "tests/unit/unit.h"

/* What a fresh connection reports besides, up to the call of a method. */
static const MqttEvent call = { .type = MQTT_EVENT_MESSAGE,
                                .message.publish.topic =
                                        AZ_SPAN_LITERAL_FROM_STR("$iothub/methods/POST/reboot/?$rid=1f"),
                                .message.publish.payload = AZ_SPAN_LITERAL_FROM_STR("{}") };
static const MqttEvent suback = { .type = MQTT_EVENT_SUBACK,
                                  .suback = { .codes = (const uint8_t[]){ 0, 1, 0, 0 }, .n_codes = 4 } };
static const MqttEvent twin = { .type = MQTT_EVENT_MESSAGE,
                                .message.publish.topic =
                                        AZ_SPAN_LITERAL_FROM_STR("$iothub/twin/res/200/?$rid=5"),
                                .message.publish.payload = AZ_SPAN_LITERAL_FROM_STR("{}") };
#define C2D(topic_)                                                        \
        {                                                                  \
                .type = MQTT_EVENT_MESSAGE, .message = {                   \
                        .publish.topic = AZ_SPAN_LITERAL_FROM_STR(topic_), \
                        .publish.payload = AZ_SPAN_LITERAL_FROM_STR("x"),  \
                        .publish.qos = 1,                                  \
                        .publish.dup = true,                               \
                        .ack = { .epoch = 1, .sequence = 7 },              \
                }                                                          \
        }
static const MqttEvent c2d = C2D("devices/d/messages/devicebound/%24.mid=m1");
static const MqttEvent c2d_of_another = C2D("devices/other/messages/devicebound/%24.mid=m1");
static const MqttEvent lost = { .type = MQTT_EVENT_LOST,
                                .lost = { .cause = MQTT_LOST_CLOSED, .text = "the server closed" } };

typedef struct Fixture {
        Config config;
        Log log;
        MqttLink mqtt;
        HubLink *link;
        char secret[32];
        unsigned n_calls, n_live, n_lost, n_c2d, n_twin;
        int answered;
        LinkEnd end;
        MqttAck ack; /* of the last cloud-to-device message */
} Fixture;

static void on_lost(void *userdata, LinkEnd end) {
        Fixture *f = userdata;

        f->n_lost++;
        f->end = end;
}

static void on_puback(void *userdata, uint64_t token) {
}

static void on_method(void *userdata, az_span request_id, az_span name, az_span payload) {
        Fixture *f = userdata;

        f->n_calls++;
        f->answered = hub_link_answer_method(f->link, request_id, 200, AZ_SPAN_EMPTY);
}

static void on_status(void *userdata) {
}

static void on_live(void *userdata) {
        ((Fixture *) userdata)->n_live++;
}

static void on_c2d(void *userdata, az_iot_hub_client_c2d_request *request, az_span payload, bool dup,
                   MqttAck ack) {
        Fixture *f = userdata;

        ck_assert(dup);
        f->n_c2d++;
        f->ack = ack;
}

static void on_twin(void *userdata, const az_iot_hub_client_twin_response *response, az_span payload) {
        ck_assert_int_eq(response->status, AZ_IOT_STATUS_OK);
        ((Fixture *) userdata)->n_twin++;
}

static const HubLinkOps ops = {
        .on_live = on_live,
        .on_lost = on_lost,
        .on_puback = on_puback,
        .on_method = on_method,
        .on_c2d = on_c2d,
        .on_twin = on_twin,
        .on_status = on_status,
};
static const HubLinkOps methods_alone = {
        .on_lost = on_lost,
        .on_puback = on_puback,
        .on_method = on_method,
        .on_status = on_status,
};

static void fixture_make_with(Fixture *f, const char *connection_string, const HubLinkOps *with) {
        const HubLinkEnvironment environment = {
                .config = &f->config,
                .log = &f->log,
                .state_dir = "/tmp",
                .runtime_dir = (const char *) &f->mqtt,
        };
        int fd;

        *f = (Fixture){ .secret = "/tmp/test-hub-link-XXXXXX", .answered = -EINVAL };
        fd = mkstemp(f->secret);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_ge(dprintf(fd, "%s", connection_string), 0);
        close_fd(fd);

        f->config.hub.connection_string_file = f->secret;
        f->config.hub.keep_alive_s = 60;
        f->config.hub.token_lifetime_s = 3600;
        f->config.network.resolve_timeout_s = 300;
        f->config.network.connect_timeout_s = 200;
        f->config.network.tls_timeout_s = 100;
        ck_assert_int_eq(hub_link_new(&f->link, &environment, with, f), 0);
        hub_link_start(f->link);
}

static void fixture_make(Fixture *f, const char *connection_string) {
        fixture_make_with(f, connection_string, &ops);
}

static void fixture_done(Fixture *f) {
        f->link = hub_link_free(f->link);
        ck_assert_int_eq(unlink(f->secret), 0);
}

static void report(Fixture *f, const MqttEvent *event) {
        f->mqtt.event = *event;
        f->mqtt.has_event = true;
        ck_assert_int_eq(hub_link_dispatch(f->link), 0);
}

static void go_online(Fixture *f) {
        report(f, &opened);
        report(f, &connack);
        report(f, &suback);
        ck_assert_int_eq(hub_link_get_state(f->link), LINK_ONLINE);
}

static const char identity[] = "HostName=hub;DeviceId=d;SharedAccessKey=c2VjcmV0";

/* The hub has accepted the connection, and SUBSCRIBE is on its way. */
static void fixture_make_connected(Fixture *f) {
        fixture_make(f, identity);
        report(f, &opened);
        report(f, &connack);
}

static void fixture_make_online(Fixture *f) {
        fixture_make(f, identity);
        go_online(f);
}

START_TEST(a_call_that_comes_before_the_suback_is_answered) {
        Fixture f;

        fixture_make_connected(&f);
        report(&f, &call);

        ck_assert_uint_eq(f.n_calls, 1);
        ck_assert_int_eq(f.answered, 0);
        ck_assert_str_eq(f.mqtt.topic, "$iothub/methods/res/200/?$rid=1f");
        fixture_done(&f);
}
END_TEST

START_TEST(what_nobody_listens_to_is_not_subscribed_to) {
        Fixture f;

        fixture_make_with(&f, identity, &methods_alone);
        report(&f, &opened);
        report(&f, &connack);
        ck_assert_uint_eq(f.mqtt.n_filters, 1);
        fixture_done(&f);
}
END_TEST

START_TEST(it_is_live_when_all_subscriptions_stand) {
        Fixture f;

        fixture_make_connected(&f);
        ck_assert_uint_eq(f.mqtt.n_filters, 4);
        ck_assert_uint_eq(f.n_live, 0);
        report(&f, &suback);
        ck_assert_uint_eq(f.n_live, 1);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_ONLINE);
        fixture_done(&f);
}
END_TEST

START_TEST(a_message_of_the_cloud_is_acknowledged_by_who_took_it) {
        Fixture f;

        fixture_make_connected(&f);
        report(&f, &c2d);
        ck_assert_uint_eq(f.n_c2d, 1);
        ck_assert_uint_eq(f.mqtt.acked, 0);

        hub_link_ack(f.link, f.ack);
        ck_assert_uint_eq(f.mqtt.acked, 7);
        fixture_done(&f);
}
END_TEST

START_TEST(a_message_that_nobody_takes_is_acknowledged) {
        Fixture f;

        fixture_make_connected(&f);
        report(&f, &c2d_of_another);
        ck_assert_uint_eq(f.n_c2d, 0);
        ck_assert_uint_eq(f.mqtt.acked, 7);
        fixture_done(&f);
}
END_TEST

START_TEST(a_message_that_comes_without_a_link_is_to_come_again) {
        Fixture f;

        fixture_make(&f, identity);
        report(&f, &opened);
        report(&f, &c2d);
        ck_assert_uint_eq(f.n_c2d, 0);
        ck_assert_uint_eq(f.mqtt.acked, 0);
        fixture_done(&f);
}
END_TEST

START_TEST(news_of_the_twin_is_passed_on) {
        Fixture f;

        fixture_make_connected(&f);
        report(&f, &twin);
        ck_assert_uint_eq(f.n_twin, 1);

        ck_assert_int_eq(
                hub_link_publish_twin(f.link, AZ_SPAN_FROM_STR("$iothub/twin/GET/?$rid=6"), AZ_SPAN_EMPTY),
                0);
        ck_assert_str_eq(f.mqtt.topic, "$iothub/twin/GET/?$rid=6");
        fixture_done(&f);
}
END_TEST

START_TEST(answers_that_find_no_room_leave_in_order_as_room_comes) {
        Fixture f;

        fixture_make_connected(&f);
        f.mqtt.is_full = true;
        for (unsigned i = 0; i < 3; i++)
                ck_assert_int_eq(hub_link_answer_method(f.link, AZ_SPAN_FROM_STR("a"), (uint16_t) (200 + i),
                                                        AZ_SPAN_FROM_STR("{}")),
                                 0);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert_uint_eq(f.mqtt.n_published, 0);

        f.mqtt.is_full = false;
        /* Behind the others, though there is room. */
        ck_assert_int_eq(hub_link_answer_method(f.link, AZ_SPAN_FROM_STR("a"), 203, AZ_SPAN_EMPTY), 0);
        ck_assert_uint_eq(f.mqtt.n_published, 0);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert_uint_eq(f.mqtt.n_published, 4);
        ck_assert_str_eq(f.mqtt.topic, "$iothub/methods/res/203/?$rid=a");
        fixture_done(&f);
}
END_TEST

START_TEST(answers_that_wait_are_bounded_and_end_with_their_link) {
        unsigned n = 0;
        Fixture f;

        fixture_make_connected(&f);
        f.mqtt.is_full = true;
        while (hub_link_answer_method(f.link, AZ_SPAN_FROM_STR("a"), 200, AZ_SPAN_EMPTY) == 0)
                n++;
        ck_assert_uint_eq(n, 64);
        report(&f, &lost);

        f.mqtt.is_full = false;
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert_uint_eq(f.mqtt.n_published, 0);
        fixture_done(&f);
}
END_TEST

START_TEST(a_loss_before_the_suback_is_a_loss_of_what_came) {
        Fixture f;

        fixture_make_connected(&f);
        report(&f, &call);
        report(&f, &lost);

        ck_assert_uint_eq(f.n_lost, 1);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_WAITING);
        fixture_done(&f);
}
END_TEST

static const struct {
        MqttLost cause;
        bool is_puback_owed;
        LinkEnd end;
} ends[] = {
        { MQTT_LOST_CLOSED, true, LINK_END_CLOSED },        { MQTT_LOST_CLOSED, false, LINK_END_BROKEN },
        { MQTT_LOST_NETWORK, true, LINK_END_BROKEN },       { MQTT_LOST_PING_TIMEOUT, true, LINK_END_OTHER },
        { MQTT_LOST_PUBACK_TIMEOUT, true, LINK_END_OTHER }, { MQTT_LOST_PROTOCOL, true, LINK_END_OTHER },
};

START_TEST(how_a_connection_ended_is_told) {
        MqttEvent event = {
                .type = MQTT_EVENT_LOST,
                .lost = { .cause = ends[_i].cause, .text = "", .is_puback_owed = ends[_i].is_puback_owed }
        };
        Fixture f;

        fixture_make_online(&f);
        report(&f, &event);
        ck_assert_int_eq(f.end, ends[_i].end);
        fixture_done(&f);
}
END_TEST

static const struct {
        MqttLost cause;
        int error;
        bool is_rival;
} short_ends[] = {
        { MQTT_LOST_CLOSED, 0, true },          { MQTT_LOST_NETWORK, -ECONNRESET, true },
        { MQTT_LOST_NETWORK, -EPIPE, true },    { MQTT_LOST_NETWORK, -EHOSTUNREACH, false },
        { MQTT_LOST_NETWORK, -EPROTO, false },  { MQTT_LOST_PROTOCOL, -EPROTO, false },
        { MQTT_LOST_INTERNAL, -ENOMEM, false },
};

START_TEST(three_links_that_the_hub_closes_or_resets_at_once_have_a_rival) {
        MqttEvent event = { .type = MQTT_EVENT_LOST,
                            .lost = { short_ends[_i].cause, short_ends[_i].error, .text = "" } };
        LinkStatus status;
        Fixture f;

        fixture_make(&f, identity);
        for (unsigned i = 1; i <= 3; i++) {
                go_online(&f);
                report(&f, &event);
                hub_link_get_status(f.link, &status);
                ck_assert_int_eq(strstr(status.last_error, "same device") != NULL,
                                 i == 3 && short_ends[_i].is_rival);
                hub_link_reconnect(f.link);
        }
        fixture_done(&f);
}
END_TEST

START_TEST(links_that_fail_for_want_of_memory_have_no_rival) {
        LinkStatus status;
        Fixture f;

        fixture_make(&f, identity);
        for (unsigned i = 1; i <= 3; i++) {
                go_online(&f);
                hub_link_fail(f.link, -ENOMEM);
                hub_link_get_status(f.link, &status);
                ck_assert_ptr_nonnull(strstr(status.last_error, strerror(ENOMEM)));
                hub_link_reconnect(f.link);
        }
        fixture_done(&f);
}
END_TEST

START_TEST(a_hub_that_closes_on_each_message_is_taken_to_throttle) {
        static const MqttEvent closed = {
                .type = MQTT_EVENT_LOST,
                .lost = { .cause = MQTT_LOST_CLOSED, .text = "", .is_puback_owed = true }
        };
        static const MqttEvent puback = { .type = MQTT_EVENT_PUBACK };
        static const bool is_throttling[] = { false, true, true, false };
        LinkStatus status;
        Fixture f;

        fixture_make(&f, identity);
        for (size_t i = 0; i < ELEMENTSOF(is_throttling); i++) {
                go_online(&f);
                if (i == 3)
                        report(&f, &puback);
                report(&f, &closed);
                hub_link_get_status(f.link, &status);
                ck_assert_int_eq(strstr(status.last_error, "throttles") != NULL, is_throttling[i]);
                hub_link_reconnect(f.link);
        }
        fixture_done(&f);
}
END_TEST

START_TEST(an_attempt_has_as_long_as_its_steps_may_take_together) {
        Fixture f;

        fixture_make(&f, identity);
        ck_assert_uint_gt(hub_link_deadline_us(f.link), boottime_us() + 600 * USEC_PER_SEC);
        fixture_done(&f);
}
END_TEST

START_TEST(without_an_identity_it_waits_and_says_what_is_missing) {
        LinkStatus status;
        Fixture f;

        fixture_make(&f, "HostName=hub;DeviceId=d");
        hub_link_get_status(f.link, &status);

        ck_assert_int_eq(status.state, LINK_WAITING);
        ck_assert_ptr_nonnull(strstr(status.last_error, "SharedAccessKey"));
        ck_assert_uint_le(hub_link_deadline_us(f.link), boottime_us() + 60 * USEC_PER_SEC);
        fixture_done(&f);
}
END_TEST

/* The clock ------------------------------------------------------------------------------------------- */

START_TEST(a_clock_that_was_never_set_is_waited_for) {
        LinkStatus status;
        Fixture f;

        now.unix_s = 72;
        fixture_make(&f, identity);
        hub_link_get_status(f.link, &status);
        ck_assert_int_eq(status.state, LINK_WAITING);
        ck_assert_ptr_nonnull(strstr(status.last_error, "The clock says 1970-01-01T00:01:12"));
        ck_assert_uint_lt(status.next_attempt_us, boottime_us() + 60 * USEC_PER_SEC);
        ck_assert_uint_eq(f.mqtt.n_opened, 0);

        now.unix_s = 1900000000;
        hub_link_clock_changed(f.link);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_CONNECTING);
        ck_assert_uint_eq(f.mqtt.n_opened, 1);
        fixture_done(&f);
}
END_TEST

START_TEST(a_clock_that_is_never_set_is_waited_for_five_minutes) {
        time_t begin_s = now.boot_s;
        Fixture f;

        now.unix_s = 72;
        fixture_make(&f, identity);
        while (f.mqtt.n_opened == 0) {
                now.boot_s = (time_t) (hub_link_deadline_us(f.link) / USEC_PER_SEC) + 1;
                ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        }
        ck_assert_int_ge(now.boot_s - begin_s, 290);
        ck_assert_int_le(now.boot_s - begin_s, 310);
        fixture_done(&f);
}
END_TEST

START_TEST(a_clock_that_is_waited_for_is_logged_once) {
        int before = dup(STDERR_FILENO), log = memfd_create("log", MFD_CLOEXEC);
        char text[4096] = "";
        const char *first;
        Fixture f;

        now.boot_s = 100; /* there is another wait before it */
        now.unix_s = 72;
        fixture_make(&f, identity);
        f.log.max_level = LOG_WARNING;
        ck_assert_int_ge(dup2(log, STDERR_FILENO), 0);
        while (f.mqtt.n_opened == 0) {
                now.boot_s = (time_t) (hub_link_deadline_us(f.link) / USEC_PER_SEC) + 1;
                ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        }
        ck_assert_int_ge(dup2(before, STDERR_FILENO), 0);
        ck_assert_int_gt(pread(log, text, sizeof(text) - 1, 0), 0);
        first = strstr(text, "The clock says");
        ck_assert_ptr_nonnull(first);
        ck_assert_ptr_null(strstr(first + 1, "The clock says"));
        close_fd(before);
        close_fd(log);
        fixture_done(&f);
}
END_TEST

START_TEST(a_token_that_a_step_of_the_clock_made_useless_is_replaced) {
        Fixture f;

        fixture_make_online(&f);
        now.boot_s += 120;
        now.unix_s += 2 * 3600;
        hub_link_clock_changed(f.link);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_RENEWING);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert_uint_eq(f.mqtt.n_opened, 2);
        ck_assert_uint_eq(f.n_lost, 1);
        go_online(&f);
        fixture_done(&f);
}
END_TEST

static const struct {
        time_t step_s;
        const char *text; /* NULL: it is not worth a notice */
} steps[] = {
        { 30, NULL },
        { -59, NULL },
        { 300, "The clock was set forward by 0 h 5 min: nothing had to be done" },
        { 7200, "The clock was set forward by 2 h 0 min: the connection is made anew" },
        { -7200, "The clock was set back by 2 h 0 min: the connection is made anew" },
};

START_TEST(a_step_of_the_clock_is_told_with_what_was_done_about_it) {
        const LinkRecord *record;
        Fixture f;

        fixture_make_online(&f);
        now.boot_s += 120;
        now.unix_s += 120 + steps[_i].step_s;
        hub_link_clock_changed(f.link);
        record = hub_link_get_record(f.link);
        if (steps[_i].text)
                ck_assert_msg(strstr(record->notices[0].text, steps[_i].text) != NULL, "%s",
                              record->notices[0].text);
        else
                ck_assert_int_eq(record->notices[0].problem, PROBLEM_NONE);
        fixture_done(&f);
}
END_TEST

static const struct {
        time_t uptime_s;
        LinkState state;
} boots[] = {
        { 100, LINK_WAITING },
        { 299, LINK_WAITING },
        { 300, LINK_CONNECTING },
};

START_TEST(a_machine_that_has_just_booted_does_not_connect_at_once) {
        Fixture f;

        now.boot_s = boots[_i].uptime_s;
        fixture_make(&f, identity);
        ck_assert_int_eq(hub_link_get_state(f.link), boots[_i].state);
        if (boots[_i].state == LINK_WAITING)
                ck_assert_uint_le(hub_link_deadline_us(f.link), boottime_us() + 5 * USEC_PER_SEC);
        fixture_done(&f);
}
END_TEST

/* Renewal --------------------------------------------------------------------------------------------- */

START_TEST(a_renewal_waits_for_pubacks) {
        static const MqttEvent puback = { .type = MQTT_EVENT_PUBACK };
        Fixture f;

        fixture_make_online(&f);
        ck_assert_int_eq(hub_link_publish(f.link, AZ_SPAN_EMPTY, AZ_SPAN_EMPTY, AZ_SPAN_FROM_STR("x"), 1), 0);
        hub_link_reconnect(f.link);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert_uint_eq(hub_link_window_free(f.link), 0);
        ck_assert_uint_eq(f.mqtt.n_opened, 1);

        report(&f, &puback);
        ck_assert_uint_eq(f.mqtt.n_opened, 2);
        fixture_done(&f);
}
END_TEST

START_TEST(a_renewal_waits_no_longer_than_five_seconds) {
        Fixture f;

        fixture_make_online(&f);
        ck_assert_int_eq(hub_link_publish(f.link, AZ_SPAN_EMPTY, AZ_SPAN_EMPTY, AZ_SPAN_FROM_STR("x"), 1), 0);
        hub_link_reconnect(f.link);
        now.boot_s += 4;
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert_uint_eq(f.mqtt.n_opened, 1);
        now.boot_s += 1;
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert_uint_eq(f.mqtt.n_opened, 2);
        fixture_done(&f);
}
END_TEST

START_TEST(a_token_is_renewed_before_it_expires) {
        time_t begin_s = now.boot_s;
        Fixture f;

        fixture_make_online(&f);
        now.boot_s = (time_t) (hub_link_deadline_us(f.link) / USEC_PER_SEC) + 1;
        ck_assert_int_ge(now.boot_s - begin_s, 3600 * 3 / 4);
        ck_assert_int_le(now.boot_s - begin_s, 3600 * 9 / 10);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_RENEWING);
        fixture_done(&f);
}
END_TEST

/* Whether the attempt that ended like this is made again at once when the network has changed. */
static const MqttReport report_of_timeout = { .stage = MQTT_STAGE_TCP, .problem = MQTT_PROBLEM_TIMEOUT };
static const MqttReport report_of_signing = { .stage = MQTT_STAGE_SIGN, .problem = MQTT_PROBLEM_SIGNING };
static const struct {
        MqttEvent event;
        LinkState state;
} network_changes[] = {
        { { .type = MQTT_EVENT_OPEN_FAILED,
            .open_failed = { MQTT_STAGE_TCP, -ETIMEDOUT, "no answer", &report_of_timeout } },
          LINK_CONNECTING },
        { { .type = MQTT_EVENT_OPEN_FAILED,
            .open_failed = { MQTT_STAGE_SIGN, -EIO, "no signature", &report_of_signing } },
          LINK_WAITING },
        { { .type = MQTT_EVENT_LOST, .lost = { .cause = MQTT_LOST_CONNACK_TIMEOUT, .text = "no answer" } },
          LINK_CONNECTING },
        { { .type = MQTT_EVENT_CONNACK, .connack.code = 5 }, LINK_WAITING },
        { { .type = MQTT_EVENT_CONNACK, .connack.code = 3 }, LINK_WAITING },
};

START_TEST(another_network_ends_the_wait_if_the_network_was_what_failed) {
        Fixture f;

        fixture_make(&f, identity);
        if (network_changes[_i].event.type != MQTT_EVENT_OPEN_FAILED)
                report(&f, &opened);
        report(&f, &network_changes[_i].event);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_WAITING);
        hub_link_network_up(f.link);
        ck_assert_int_eq(hub_link_get_state(f.link), network_changes[_i].state);
        fixture_done(&f);
}
END_TEST

START_TEST(another_network_leaves_a_link_alone) {
        Fixture f;

        fixture_make_online(&f);
        hub_link_network_up(f.link);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_ONLINE);
        fixture_done(&f);
}
END_TEST

START_TEST(a_network_that_is_gone_is_a_reason_to_ask_the_hub) {
        Fixture f;

        fixture_make_online(&f);
        hub_link_network_gone(f.link);
        ck_assert_uint_eq(f.mqtt.n_hints, 1);
        fixture_done(&f);
}
END_TEST

static Suite *hub_link_suite(void) {
        Suite *s = suite_create("hub-link");
        TCase *t = tcase_create("hub-link");

        tcase_add_test(t, a_call_that_comes_before_the_suback_is_answered);
        tcase_add_test(t, what_nobody_listens_to_is_not_subscribed_to);
        tcase_add_test(t, it_is_live_when_all_subscriptions_stand);
        tcase_add_test(t, a_message_of_the_cloud_is_acknowledged_by_who_took_it);
        tcase_add_test(t, a_message_that_nobody_takes_is_acknowledged);
        tcase_add_test(t, a_message_that_comes_without_a_link_is_to_come_again);
        tcase_add_test(t, news_of_the_twin_is_passed_on);
        tcase_add_test(t, answers_that_find_no_room_leave_in_order_as_room_comes);
        tcase_add_test(t, answers_that_wait_are_bounded_and_end_with_their_link);
        tcase_add_test(t, a_loss_before_the_suback_is_a_loss_of_what_came);
        tcase_add_loop_test(t, how_a_connection_ended_is_told, 0, ELEMENTSOF(ends));
        tcase_add_loop_test(t, three_links_that_the_hub_closes_or_resets_at_once_have_a_rival, 0,
                            ELEMENTSOF(short_ends));
        tcase_add_test(t, links_that_fail_for_want_of_memory_have_no_rival);
        tcase_add_test(t, a_hub_that_closes_on_each_message_is_taken_to_throttle);
        tcase_add_test(t, an_attempt_has_as_long_as_its_steps_may_take_together);
        tcase_add_test(t, without_an_identity_it_waits_and_says_what_is_missing);
        suite_add_tcase(s, t);

        t = tcase_create("clock");
        tcase_add_test(t, a_clock_that_was_never_set_is_waited_for);
        tcase_add_test(t, a_clock_that_is_never_set_is_waited_for_five_minutes);
        tcase_add_test(t, a_clock_that_is_waited_for_is_logged_once);
        tcase_add_test(t, a_token_that_a_step_of_the_clock_made_useless_is_replaced);
        tcase_add_loop_test(t, a_step_of_the_clock_is_told_with_what_was_done_about_it, 0, ELEMENTSOF(steps));
        tcase_add_loop_test(t, a_machine_that_has_just_booted_does_not_connect_at_once, 0, ELEMENTSOF(boots));
        suite_add_tcase(s, t);

        t = tcase_create("network");
        tcase_add_loop_test(t, another_network_ends_the_wait_if_the_network_was_what_failed, 0,
                            ELEMENTSOF(network_changes));
        tcase_add_test(t, another_network_leaves_a_link_alone);
        tcase_add_test(t, a_network_that_is_gone_is_a_reason_to_ask_the_hub);
        suite_add_tcase(s, t);

        t = tcase_create("renewal");
        tcase_add_test(t, a_renewal_waits_for_pubacks);
        tcase_add_test(t, a_renewal_waits_no_longer_than_five_seconds);
        tcase_add_test(t, a_token_is_renewed_before_it_expires);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hub_link_suite)
