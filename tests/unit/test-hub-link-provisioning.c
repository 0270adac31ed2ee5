/* SPDX-License-Identifier: MIT */

#include "daemon/hub-link.h"

#include <fcntl.h>
#include <limits.h>

#include "tests/unit/hub-link-fixture.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit-span.h"

static const MqttReport report_of_refusal = { .problem = MQTT_PROBLEM_REFUSED, .stage = MQTT_STAGE_TCP };
static const MqttEvent unreachable = {
        .type = MQTT_EVENT_OPEN_FAILED,
        .open_failed = { .report = &report_of_refusal, .error = -ECONNREFUSED, .text = "refused" },
};
static const MqttEvent refusal = { .type = MQTT_EVENT_CONNACK, .connack.code = 5 };
static const MqttEvent suback_of_service = {
        .type = MQTT_EVENT_SUBACK,
        .suback = { .codes = (const uint8_t[]){ 1 }, .n_codes = 1 },
};
static const MqttEvent suback_of_hub = {
        .type = MQTT_EVENT_SUBACK,
        .suback = { .codes = (const uint8_t[]){ 0, 0, 0 }, .n_codes = 3 },
};

typedef struct Fixture {
        Config config;
        Log log;
        Disk *disk;
        MqttLink mqtt;
        HubLink *link;
        char directory[SCRATCH_SIZE], key_file[PATH_MAX];
        unsigned n_lost;
} Fixture;

static void on_lost(void *userdata, LinkEnd end) {
        ((Fixture *) userdata)->n_lost++;
}

static void on_method(void *userdata, az_span request_id, az_span name, az_span payload) {
}

static void on_twin(void *userdata, const az_iot_hub_client_twin_response *response, az_span payload) {
}

static void on_status(void *userdata) {
}

static const HubLinkOps ops = {
        .on_lost = on_lost,
        .on_method = on_method,
        .on_twin = on_twin,
        .on_status = on_status,
};

static void fixture_start(Fixture *f) {
        const HubLinkEnvironment environment = {
                .config = &f->config,
                .log = &f->log,
                .disk = f->disk,
                .state_dir = f->directory,
                .runtime_dir = (const char *) &f->mqtt,
        };

        f->mqtt = (MqttLink){};
        ck_assert_int_eq(hub_link_new(&f->link, &environment, &ops, f), 0);
        hub_link_start(f->link);
}

static void write_key(const Fixture *f) {
        int fd = open(f->key_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_ge(dprintf(fd, "c2VjcmV0"), 0);
        close_fd(fd);
}

static void fixture_make(Fixture *f) {
        now.boot_s = 3600;
        now.unix_s = 1900000000;
        *f = (Fixture){ .config = {
                                .hub = { .port = 8883, .keep_alive_s = 60, .token_lifetime_s = 3600 },
                                .provisioning = { .id_scope = (char *) "0ne1",
                                                  .registration_id = (char *) "pump-17",
                                                  .endpoint = (char *) "service",
                                                  .port = 8883 },
                                .network = { .resolve_timeout_s = 10,
                                             .connect_timeout_s = 10,
                                             .tls_timeout_s = 10,
                                             .connack_timeout_s = 30 },
                        } };
        scratch_init(f->directory, "hub-link");
        scratch_path(f->directory, "key", f->key_file, sizeof(f->key_file));
        write_key(f);
        f->config.provisioning.key_file = f->key_file;
        ck_assert_int_eq(disk_new(&f->disk), 0);
        fixture_start(f);
}

static void fixture_done(Fixture *f) {
        f->link = hub_link_free(f->link);
        f->disk = disk_free(f->disk);
        scratch_done(f->directory);
}

static void fixture_restart(Fixture *f) {
        f->link = hub_link_free(f->link);
        fixture_start(f);
}

static void report(Fixture *f, const MqttEvent *event) {
        f->mqtt.event = *event;
        f->mqtt.has_event = true;
        ck_assert_int_eq(hub_link_dispatch(f->link), 0);
}

/* Goes to the deadline, and beyond by less than a second. */
static void wait(Fixture *f) {
        uint64_t now_us = (uint64_t) now.boot_s * USEC_PER_SEC, due_us = hub_link_deadline_us(f->link);
        time_t step_s;

        ck_assert_uint_ne(due_us, UINT64_MAX);
        step_s = due_us > now_us ? (time_t) ((due_us - now_us + USEC_PER_SEC - 1) / USEC_PER_SEC) : 0;
        now.boot_s += step_s;
        now.unix_s += step_s;
        ck_assert_int_eq(hub_link_dispatch(f->link), 0);
}

/* The service answers the last request. */
static void answer(Fixture *f, const char *status, const char *payload) {
        const char *request_id = strstr(f->mqtt.topic, "$rid=");
        MqttEvent event = { .type = MQTT_EVENT_MESSAGE, .message.publish.payload = str(payload) };
        char topic[128];

        ck_assert_ptr_nonnull(request_id);
        (void) snprintf(topic, sizeof(topic), "$dps/registrations/res/%s/?%.*s", status,
                        (int) strcspn(request_id, "&"), request_id);
        event.message.publish.topic = str(topic);
        report(f, &event);
}

static void assert_is(const Fixture *f, LinkState state, const char *host) {
        ck_assert_str_eq(link_state_to_string(hub_link_get_state(f->link)), link_state_to_string(state));
        ck_assert_str_eq(f->mqtt.host, host);
}

/* A connection to the service, up to the registration. */
static void reach_service(Fixture *f) {
        report(f, &opened);
        report(f, &connack);
        report(f, &suback_of_service);
}

static void assign(Fixture *f, const char *hub) {
        char text[256];

        reach_service(f);
        (void) snprintf(
                text, sizeof(text),
                "{\"operationId\":\"o\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":"
                "\"%s\",\"deviceId\":\"hall\",\"status\":\"assigned\",\"payload\":[1.10]}}",
                hub);
        answer(f, "200", text);
}

static void go_online(Fixture *f) {
        report(f, &opened);
        report(f, &connack);
        report(f, &suback_of_hub);
        ck_assert_int_eq(hub_link_get_state(f->link), LINK_ONLINE);
}

/* It has an assignment, and no run was made since it was started. */
static void fixture_make_assigned(Fixture *f) {
        fixture_make(f);
        assign(f, "one");
        fixture_restart(f);
        assert_is(f, LINK_CONNECTING, "one");
}

static void fixture_make_refused(Fixture *f, unsigned n_times) {
        fixture_make_assigned(f);
        for (unsigned i = 0; i < n_times; i++) {
                if (i > 0)
                        wait(f);
                report(f, &opened);
                report(f, &refusal);
        }
}

START_TEST(first_start_asks_the_service_and_then_goes_to_its_hub) {
        HubLinkProvisioning p;
        Fixture f;

        fixture_make(&f);
        assert_is(&f, LINK_PROVISIONING, "service");
        assign(&f, "one");
        assert_is(&f, LINK_CONNECTING, "one");
        go_online(&f);

        ck_assert_int_eq(hub_link_get_provisioning(f.link, &p), 0);
        ck_assert_uint_eq(p.n_runs, 1);
        ck_assert(!p.is_running && !p.last_error);
        ck_assert_str_eq(p.assignment->device_id, "hall");
        ck_assert_str_eq(p.assignment->payload, "[1.10]");
        fixture_done(&f);
}
END_TEST

START_TEST(what_the_service_said_is_used_without_asking_again) {
        Fixture f;

        fixture_make_assigned(&f);
        go_online(&f);
        fixture_done(&f);
}
END_TEST

START_TEST(another_registration_id_is_somebody_else) {
        Fixture f;

        fixture_make_assigned(&f);
        f.config.provisioning.registration_id = (char *) "pump-18";
        fixture_restart(&f);
        assert_is(&f, LINK_PROVISIONING, "service");
        fixture_done(&f);
}
END_TEST

START_TEST(first_run_is_tried_for_as_long_as_it_takes) {
        Fixture f;

        fixture_make(&f);
        for (int i = 0; i < 20; i++) {
                report(&f, &unreachable);
                wait(&f);
                assert_is(&f, LINK_PROVISIONING, "service");
        }
        assign(&f, "one");
        assert_is(&f, LINK_CONNECTING, "one");
        fixture_done(&f);
}
END_TEST

START_TEST(what_is_corrected_between_two_attempts_is_tried_at_once) {
        unsigned n_opened;
        Fixture f;

        fixture_make(&f);
        for (int i = 0; i < 5; i++) {
                if (i > 0)
                        wait(&f);
                report(&f, &unreachable);
        }
        n_opened = f.mqtt.n_opened;
        ck_assert_uint_ge(hub_link_deadline_us(f.link), ((uint64_t) now.boot_s + 2) * USEC_PER_SEC);
        write_key(&f);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        now.boot_s++;
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert_uint_eq(f.mqtt.n_opened, n_opened + 1);
        fixture_done(&f);
}
END_TEST

START_TEST(hub_that_refuses_three_times_leads_to_the_service) {
        Fixture f;

        fixture_make_refused(&f, 2);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_WAITING);
        wait(&f);
        report(&f, &opened);
        report(&f, &refusal);
        assert_is(&f, LINK_PROVISIONING, "service");
        assign(&f, "two");
        assert_is(&f, LINK_CONNECTING, "two");
        go_online(&f);
        fixture_done(&f);
}
END_TEST

static void assert_waits_at_least(const Fixture *f, unsigned s) {
        LinkStatus status;

        hub_link_get_status(f->link, &status);
        ck_assert_int_eq(status.state, LINK_WAITING);
        ck_assert_uint_ge(status.next_attempt_us, ((uint64_t) now.boot_s + s) * USEC_PER_SEC);
}

START_TEST(same_hub_again_is_tried_once_because_the_device_may_be_new_there) {
        Fixture f;

        fixture_make_refused(&f, 3);
        assign(&f, "one");
        assert_is(&f, LINK_CONNECTING, "one");
        report(&f, &opened);
        report(&f, &refusal);
        assert_waits_at_least(&f, 59); /* as after the fourth refusal in a row */
        fixture_done(&f);
}
END_TEST

START_TEST(same_hub_again_that_is_not_reached_is_waited_for_as_long_as_before) {
        Fixture f;

        fixture_make_assigned(&f);
        for (int i = 0; hub_link_get_state(f.link) != LINK_PROVISIONING; i++) {
                ck_assert_int_lt(i, 100);
                if (hub_link_get_state(f.link) == LINK_WAITING)
                        wait(&f);
                report(&f, &unreachable);
        }
        assign(&f, "one");
        assert_waits_at_least(&f, 40);
        fixture_done(&f);
}
END_TEST

START_TEST(service_that_is_not_reached_leaves_the_hub_its_turn) {
        HubLinkProvisioning p;
        Fixture f;

        fixture_make_refused(&f, 3);
        report(&f, &unreachable);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_PROVISIONING);
        wait(&f);
        report(&f, &unreachable);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_WAITING);
        ck_assert_int_eq(hub_link_get_provisioning(f.link, &p), 0);
        ck_assert_ptr_nonnull(p.last_error);
        wait(&f);
        assert_is(&f, LINK_CONNECTING, "one");
        fixture_done(&f);
}
END_TEST

START_TEST(by_itself_it_asks_once_in_ten_minutes) {
        Fixture f;

        fixture_make_refused(&f, 3);
        assign(&f, "one");
        report(&f, &opened);
        report(&f, &refusal);
        for (time_t end_s = now.boot_s + 599; now.boot_s < end_s;) {
                wait(&f);
                if (now.boot_s >= end_s)
                        break;
                assert_is(&f, LINK_CONNECTING, "one");
                report(&f, &opened);
                report(&f, &refusal);
        }
        ck_assert_int_eq(hub_link_reprovision(f.link), 0); /* but an operator may at any time */
        assert_is(&f, LINK_PROVISIONING, "service");
        fixture_done(&f);
}
END_TEST

START_TEST(wish_ends_the_link_and_comes_back_to_it) {
        Fixture f;

        fixture_make_assigned(&f);
        go_online(&f);
        ck_assert_int_eq(hub_link_reprovision(f.link), 0);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_RENEWING);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0); /* nothing is in flight */
        assert_is(&f, LINK_PROVISIONING, "service");
        ck_assert_uint_gt(f.n_lost, 0);
        assign(&f, "one");
        assert_is(&f, LINK_CONNECTING, "one");
        fixture_done(&f);
}
END_TEST

START_TEST(wish_that_fails_comes_back_to_the_hub) {
        Fixture f;

        fixture_make_assigned(&f);
        go_online(&f);
        ck_assert_int_eq(hub_link_reprovision(f.link), 0);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        reach_service(&f);
        answer(&f, "401", "{\"errorCode\":401002}");
        assert_is(&f, LINK_CONNECTING, "one");
        fixture_done(&f);
}
END_TEST

START_TEST(wish_while_the_hub_is_waited_for_tries_it_at_once_afterwards) {
        Fixture f;

        fixture_make_refused(&f, 2);
        ck_assert_int_eq(hub_link_reprovision(f.link), 0);
        assign(&f, "one");
        assert_is(&f, LINK_CONNECTING, "one");
        fixture_done(&f);
}
END_TEST

START_TEST(clock_that_was_set_ends_the_wait_after_a_refusal) {
        Fixture f;

        fixture_make(&f);
        report(&f, &opened);
        report(&f, &refusal);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_WAITING);
        now.unix_s += 30;
        hub_link_clock_changed(f.link);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_WAITING);
        now.unix_s += 60;
        hub_link_clock_changed(f.link);
        assert_is(&f, LINK_PROVISIONING, "service");
        fixture_done(&f);
}
END_TEST

START_TEST(answer_of_no_use_is_no_assignment) {
        static const char *const answers[] = { "one:0", "one:70000", ":8883" };
        Fixture f;

        fixture_make(&f);
        assign(&f, answers[_i]);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_WAITING);
        fixture_done(&f);
}
END_TEST

static void to_run(Fixture *f) {
        fixture_make(f);
        reach_service(f);
}

static void to_wait(Fixture *f) {
        fixture_make(f);
        report(f, &opened);
        report(f, &refusal);
}

static void to_rerun(Fixture *f) {
        fixture_make_refused(f, 3);
}

START_TEST(it_stops_wherever_it_is) {
        static void (*const ways[])(Fixture *) = { to_run, to_wait, to_rerun, fixture_make_assigned };
        Fixture f;

        ways[_i](&f);
        hub_link_stop(f.link);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_STOPPED);
        ck_assert_uint_eq(hub_link_deadline_us(f.link), UINT64_MAX);
        fixture_done(&f);
}
END_TEST

START_TEST(wish_does_not_start_what_was_stopped) {
        Fixture f;

        fixture_make(&f);
        f.link = hub_link_free(f.link);
        f.config.provisioning.key_file = (char *) "/nonexistent";
        fixture_start(&f);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_WAITING);
        hub_link_stop(f.link);
        f.config.provisioning.key_file = f.key_file;
        ck_assert_int_eq(hub_link_reprovision(f.link), 0);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_STOPPED);
        ck_assert_uint_eq(f.mqtt.n_opened, 0);
        fixture_done(&f);
}
END_TEST

static Suite *hub_link_provisioning_suite(void) {
        Suite *s = suite_create("hub-link-provisioning");
        TCase *t = tcase_create("provisioning");

        tcase_add_test(t, first_start_asks_the_service_and_then_goes_to_its_hub);
        tcase_add_test(t, what_the_service_said_is_used_without_asking_again);
        tcase_add_test(t, another_registration_id_is_somebody_else);
        tcase_add_test(t, first_run_is_tried_for_as_long_as_it_takes);
        tcase_add_test(t, what_is_corrected_between_two_attempts_is_tried_at_once);
        tcase_add_test(t, hub_that_refuses_three_times_leads_to_the_service);
        tcase_add_test(t, same_hub_again_is_tried_once_because_the_device_may_be_new_there);
        tcase_add_test(t, same_hub_again_that_is_not_reached_is_waited_for_as_long_as_before);
        tcase_add_test(t, service_that_is_not_reached_leaves_the_hub_its_turn);
        tcase_add_test(t, by_itself_it_asks_once_in_ten_minutes);
        tcase_add_test(t, wish_ends_the_link_and_comes_back_to_it);
        tcase_add_test(t, wish_that_fails_comes_back_to_the_hub);
        tcase_add_test(t, wish_while_the_hub_is_waited_for_tries_it_at_once_afterwards);
        tcase_add_test(t, clock_that_was_set_ends_the_wait_after_a_refusal);
        tcase_add_loop_test(t, answer_of_no_use_is_no_assignment, 0, 3);
        tcase_add_loop_test(t, it_stops_wherever_it_is, 0, 4);
        tcase_add_test(t, wish_does_not_start_what_was_stopped);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hub_link_provisioning_suite)
