/* SPDX-License-Identifier: MIT */

/* The link takes another configuration: hub_link_configure(). */

#include "daemon/hub-link.h"

#include <fcntl.h>
#include <limits.h>

#include "tests/unit/hub-link-fixture.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static const MqttEvent suback = { .type = MQTT_EVENT_SUBACK,
                                  .suback = { .codes = (const uint8_t[]){ 0 }, .n_codes = 1 } };
static const MqttEvent puback = { .type = MQTT_EVENT_PUBACK };
static const MqttEvent lost = { .type = MQTT_EVENT_LOST,
                                .lost = { .cause = MQTT_LOST_CLOSED, .text = "the server closed" } };

typedef struct Fixture {
        Config config;
        Log log;
        MqttLink mqtt;
        HubLink *link;
        char directory[SCRATCH_SIZE], identity[PATH_MAX], key[PATH_MAX];
        char states[128]; /* that the link was in, each followed by a space */
        LinkState state;
} Fixture;

static void on_lost(void *userdata, LinkEnd end) {
}

static void on_puback(void *userdata, uint64_t token) {
}

static void on_method(void *userdata, az_span request_id, az_span name, az_span payload) {
}

static void on_status(void *userdata) {
        Fixture *f = userdata;
        LinkState state;

        if (!f->link) /* it is being made */
                return;
        state = hub_link_get_state(f->link);
        if (state == f->state)
                return;
        f->state = state;
        (void) snprintf(f->states + strlen(f->states), sizeof(f->states) - strlen(f->states), "%s ",
                        link_state_to_string(state));
}

static void on_event(void *userdata, HistoryEvent event, const HistoryFacts *facts) {
}

static const HubLinkOps ops = { .on_lost = on_lost,
                                .on_puback = on_puback,
                                .on_method = on_method,
                                .on_status = on_status,
                                .on_event = on_event };

static void write_file(const char *path, const char *text) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_ge(dprintf(fd, "%s", text), 0);
        close_fd(fd);
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

static void fixture_make(Fixture *f, const char *connection_string) {
        const HubLinkEnvironment environment = {
                .config = &f->config,
                .log = &f->log,
                .state_dir = f->directory,
                .runtime_dir = (const char *) &f->mqtt,
        };

        *f = (Fixture){ .config.hub = { .port = 8883, .keep_alive_s = 60, .token_lifetime_s = 3600 },
                        .config.network = { .connect_timeout_s = 10 } };
        scratch_init(f->directory, "hub-link-config");
        scratch_path(f->directory, "identity", f->identity, sizeof(f->identity));
        scratch_path(f->directory, "key", f->key, sizeof(f->key));
        write_file(f->identity, connection_string);
        write_file(f->key, "c2VjcmV0");
        f->config.hub.connection_string_file = f->identity;
        ck_assert_int_eq(hub_link_new(&f->link, &environment, &ops, f), 0);
        hub_link_start(f->link);
}

static const char identity[] = "HostName=hub;DeviceId=d;SharedAccessKey=c2VjcmV0";

static void fixture_make_online(Fixture *f) {
        fixture_make(f, identity);
        go_online(f);
        ck_assert_uint_eq(f->mqtt.keep_alive_s, 60);
        ck_assert_uint_eq(f->mqtt.n_opened, 1);
        f->states[0] = '\0';
}

static void fixture_done(Fixture *f) {
        f->link = hub_link_free(f->link);
        scratch_done(f->directory);
}

/* What is another afterwards: of the same device. */
static void configure(Fixture *f) {
        f->config.hub.keep_alive_s = 20;
        f->config.hub.port = 443;
        hub_link_configure(f->link);
}

static void check_configured(Fixture *f) {
        go_online(f);
        ck_assert_uint_eq(f->mqtt.keep_alive_s, 20);
        ck_assert_uint_eq(f->mqtt.port, 443);
}

START_TEST(a_link_that_is_up_is_renewed) {
        Fixture f;

        fixture_make_online(&f);
        configure(&f);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert_uint_eq(f.mqtt.n_opened, 2);
        check_configured(&f);
        ck_assert_str_eq(f.states, "renewing online ");
        fixture_done(&f);
}
END_TEST

START_TEST(what_is_in_flight_is_finished_first) {
        Fixture f;

        fixture_make_online(&f);
        ck_assert_int_eq(hub_link_publish(f.link, AZ_SPAN_EMPTY, AZ_SPAN_EMPTY, AZ_SPAN_FROM_STR("x"), 1), 0);
        configure(&f);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert_uint_eq(f.mqtt.n_opened, 1);
        report(&f, &puback);
        ck_assert_uint_eq(f.mqtt.n_opened, 2);
        check_configured(&f);
        fixture_done(&f);
}
END_TEST

START_TEST(a_change_during_a_renewal_is_taken_with_it) {
        Fixture f;

        fixture_make_online(&f);
        ck_assert_int_eq(hub_link_publish(f.link, AZ_SPAN_EMPTY, AZ_SPAN_EMPTY, AZ_SPAN_FROM_STR("x"), 1), 0);
        hub_link_reconnect(f.link);
        configure(&f);
        report(&f, &puback);
        ck_assert_uint_eq(f.mqtt.n_opened, 2);
        check_configured(&f);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_ONLINE);
        fixture_done(&f);
}
END_TEST

START_TEST(a_link_that_is_lost_meanwhile_comes_back_with_it) {
        Fixture f;

        fixture_make_online(&f);
        ck_assert_int_eq(hub_link_publish(f.link, AZ_SPAN_EMPTY, AZ_SPAN_EMPTY, AZ_SPAN_FROM_STR("x"), 1), 0);
        configure(&f);
        report(&f, &lost);
        ck_assert_uint_eq(f.mqtt.n_opened, 2);
        check_configured(&f);
        fixture_done(&f);
}
END_TEST

START_TEST(an_attempt_begins_anew) {
        static const MqttEvent *const events[] = { &opened, &connack };

        for (size_t n = 0; n <= ELEMENTSOF(events); n++) {
                Fixture f;

                fixture_make(&f, identity);
                for (size_t i = 0; i < n; i++)
                        report(&f, events[i]);
                configure(&f);
                ck_assert_uint_eq(f.mqtt.n_opened, 2);
                check_configured(&f);
                fixture_done(&f);
        }
}
END_TEST

START_TEST(a_wait_for_the_next_attempt_ends) {
        Fixture f;

        fixture_make_online(&f);
        report(&f, &lost);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_WAITING);
        configure(&f);
        check_configured(&f);
        fixture_done(&f);
}
END_TEST

START_TEST(an_identity_that_was_missing_is_looked_for) {
        Fixture f;

        fixture_make(&f, "rubbish");
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_WAITING);
        ck_assert(!hub_link_has_identity(f.link));
        write_file(f.identity, identity);
        configure(&f);
        ck_assert(hub_link_has_identity(f.link));
        check_configured(&f);
        fixture_done(&f);
}
END_TEST

START_TEST(a_link_that_is_stopped_stays_stopped) {
        Fixture f;

        fixture_make_online(&f);
        hub_link_stop(f.link);
        configure(&f);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_STOPPED);
        ck_assert_uint_eq(f.mqtt.n_opened, 1);
        fixture_done(&f);
}
END_TEST

/* By another connection string, or by keys. */
START_TEST(it_may_be_another_device) {
        LinkStatus status;
        Fixture f;

        fixture_make_online(&f);
        if (_i == 0)
                write_file(f.identity, "HostName=other;DeviceId=e;SharedAccessKey=c2VjcmV0");
        else
                f.config.hub.connection_string_file = NULL;
        f.config.hub.host = (char *) "other";
        f.config.hub.device_id = (char *) "e";
        f.config.hub.key_file = f.key;
        hub_link_configure(f.link);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert_str_eq(f.mqtt.host, "other");
        go_online(&f);
        hub_link_get_status(f.link, &status);
        ck_assert_str_eq(status.device_id, "e");
        fixture_done(&f);
}
END_TEST

START_TEST(it_may_be_provisioned_from_now_on_and_not_any_more) {
        HubLinkProvisioning provisioning;
        Fixture f;

        fixture_make_online(&f);
        ck_assert_int_eq(hub_link_get_provisioning(f.link, &provisioning), HUB_LINK_NOT_ENROLLED);
        f.config.hub.connection_string_file = NULL;
        f.config.provisioning.id_scope = (char *) "0ne1";
        f.config.provisioning.registration_id = (char *) "r";
        f.config.provisioning.key_file = f.key;
        f.config.provisioning.endpoint = (char *) "dps";
        f.config.provisioning.port = 8883;
        hub_link_configure(f.link);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_PROVISIONING);
        ck_assert_str_eq(f.mqtt.host, "dps");
        ck_assert_int_eq(hub_link_get_provisioning(f.link, &provisioning), 0);
        ck_assert_str_eq(provisioning.registration_id, "r");

        f.config.provisioning.id_scope = f.config.provisioning.registration_id = NULL;
        f.config.hub.connection_string_file = f.identity;
        hub_link_configure(f.link);
        ck_assert_str_eq(f.mqtt.host, "hub");
        ck_assert_int_eq(hub_link_reprovision(f.link), HUB_LINK_NOT_ENROLLED);
        go_online(&f);
        fixture_done(&f);
}
END_TEST

/* Nobody configures what cannot be read; but files change after they were looked at. */
START_TEST(an_identity_that_is_gone_is_waited_for) {
        Fixture f;

        fixture_make_online(&f);
        ck_assert_int_eq(unlink(f.identity), 0);
        configure(&f);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_WAITING);
        write_file(f.identity, identity);
        now.boot_s += 61;
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        check_configured(&f);
        fixture_done(&f);
}
END_TEST

static Suite *hub_link_config_suite(void) {
        Suite *s = suite_create("hub-link-config");
        TCase *t = tcase_create("config");

        tcase_add_test(t, a_link_that_is_up_is_renewed);
        tcase_add_test(t, what_is_in_flight_is_finished_first);
        tcase_add_test(t, a_change_during_a_renewal_is_taken_with_it);
        tcase_add_test(t, a_link_that_is_lost_meanwhile_comes_back_with_it);
        tcase_add_test(t, an_attempt_begins_anew);
        tcase_add_test(t, a_wait_for_the_next_attempt_ends);
        tcase_add_test(t, an_identity_that_was_missing_is_looked_for);
        tcase_add_test(t, a_link_that_is_stopped_stays_stopped);
        tcase_add_loop_test(t, it_may_be_another_device, 0, 2);
        tcase_add_test(t, it_may_be_provisioned_from_now_on_and_not_any_more);
        tcase_add_test(t, an_identity_that_is_gone_is_waited_for);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hub_link_config_suite)
