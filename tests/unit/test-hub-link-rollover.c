/* SPDX-License-Identifier: MIT */

#include "daemon/hub-link.h"

#include <fcntl.h>
#include <limits.h>

#include "tests/unit/hub-link-fixture.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static const MqttEvent suback = { .type = MQTT_EVENT_SUBACK,
                                  .suback = { .codes = (const uint8_t[]){ 0 }, .n_codes = 1 } };
static const MqttEvent lost = { .type = MQTT_EVENT_LOST,
                                .lost = { .cause = MQTT_LOST_CLOSED, .text = "the server closed" } };

/* What the probe found of the files: the server is not trusted, by them. */
static const MqttReport report_of_untrusted = { .problem = MQTT_PROBLEM_CERTIFICATE_UNTRUSTED,
                                                .stage = MQTT_STAGE_TLS };
static const MqttProbeEvent refusal = {
        .stage = MQTT_STAGE_TLS, .error = -EACCES, .is_last = true, .text = "", .report = &report_of_untrusted
};

typedef struct Fixture {
        Config config;
        Log log;
        MqttLink mqtt;
        HubLink *link;
        char directory[SCRATCH_SIZE], identity[PATH_MAX];
} Fixture;

static void on_lost(void *userdata, LinkEnd end) {
}

static void on_method(void *userdata, az_span request_id, az_span name, az_span payload) {
}

static void on_status(void *userdata) {
}

static const HubLinkOps ops = { .on_lost = on_lost, .on_method = on_method, .on_status = on_status };

static void write_identity(const Fixture *f, const char *device_id, const char *key) {
        int fd = open(f->identity, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_ge(dprintf(fd, "HostName=hub;DeviceId=%s;SharedAccessKey=%s", device_id, key), 0);
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

static void fixture_make_online(Fixture *f) {
        const HubLinkEnvironment environment = {
                .config = &f->config,
                .log = &f->log,
                .state_dir = f->directory,
                .runtime_dir = (const char *) &f->mqtt,
        };

        *f = (Fixture){ .config.hub = { .keep_alive_s = 60, .token_lifetime_s = 3600 },
                        .config.network = { .connect_timeout_s = 10 } };
        scratch_init(f->directory, "hub-link");
        scratch_path(f->directory, "identity", f->identity, sizeof(f->identity));
        write_identity(f, "d", "c2VjcmV0");
        f->config.hub.connection_string_file = f->identity;
        ck_assert_int_eq(hub_link_new(&f->link, &environment, &ops, f), 0);
        hub_link_start(f->link);
        go_online(f);
}

static void fixture_done(Fixture *f) {
        f->link = hub_link_free(f->link);
        scratch_done(f->directory);
}

/* Nothing happens to the file for a second. */
static void settle(Fixture *f) {
        now.boot_s++;
        ck_assert_int_eq(hub_link_dispatch(f->link), 0);
}

static void change_key(Fixture *f, const char *key) {
        write_identity(f, "d", key);
        ck_assert_int_eq(hub_link_dispatch(f->link), 0);
        settle(f);
}

static void refuse(Fixture *f) {
        f->mqtt.verdict = refusal;
        f->mqtt.has_verdict = true;
}

static bool is_rolled_back(const Fixture *f) {
        const LinkRecord *record = hub_link_get_record(f->link);

        for (size_t i = 0; i < LINK_NOTICES_MAX; i++)
                if (record->notices[i].problem == PROBLEM_CREDENTIALS_ROLLED_BACK)
                        return true;
        return false;
}

START_TEST(what_a_probe_refuses_is_not_used) {
        Fixture f;

        fixture_make_online(&f);
        change_key(&f, "bmV3");
        ck_assert_uint_eq(f.mqtt.n_probed, 1);
        refuse(&f);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_ONLINE);
        ck_assert(is_rolled_back(&f));
        fixture_done(&f);
}
END_TEST

START_TEST(probe_of_what_was_there_before_says_nothing_of_what_is) {
        Fixture f;

        fixture_make_online(&f);
        change_key(&f, "bmV3");
        write_identity(&f, "d", "bmV3ZXI=");
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        refuse(&f);
        settle(&f);
        ck_assert_uint_eq(f.mqtt.n_probed, 2);
        ck_assert(!is_rolled_back(&f));
        fixture_done(&f);
}
END_TEST

START_TEST(link_that_is_lost_meanwhile_tries_it_itself) {
        unsigned n_opened;
        Fixture f;

        fixture_make_online(&f);
        change_key(&f, "bmV3");
        report(&f, &lost);
        ck_assert_int_eq(hub_link_get_state(f.link), LINK_WAITING);
        n_opened = f.mqtt.n_opened;
        refuse(&f);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert(!is_rolled_back(&f));
        ck_assert_uint_eq(f.mqtt.n_opened, n_opened + 1);
        fixture_done(&f);
}
END_TEST

START_TEST(probe_for_one_device_says_nothing_of_another) {
        Fixture f;

        fixture_make_online(&f);
        change_key(&f, "bmV3");
        report(&f, &lost);
        write_identity(&f, "other", "c2VjcmV0");
        hub_link_reconnect(f.link); /* finds it */
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        go_online(&f);
        refuse(&f);
        ck_assert_int_eq(hub_link_dispatch(f.link), 0);
        ck_assert(!is_rolled_back(&f));
        fixture_done(&f);
}
END_TEST

START_TEST(identity_that_is_lost_is_a_failure_each_time) {
        const LinkRecord *record;
        Fixture f;

        fixture_make_online(&f);
        record = hub_link_get_record(f.link);
        for (unsigned i = 0; i < 2; i++) {
                write_identity(&f, "other", "c2VjcmV0");
                hub_link_reconnect(f.link);
                ck_assert_int_eq(hub_link_dispatch(f.link), 0);
                ck_assert_int_eq(unlink(f.identity), 0);
                ck_assert_int_eq(hub_link_dispatch(f.link), 0);
                ck_assert_int_eq(hub_link_get_state(f.link), LINK_WAITING);
                ck_assert_int_eq(record->last.problem, PROBLEM_IDENTITY_FILE);
                ck_assert(record->is_failing);

                write_identity(&f, "d", "c2VjcmV0");
                hub_link_reconnect(f.link);
                go_online(&f);
        }
        fixture_done(&f);
}
END_TEST

START_TEST(what_was_proven_signs_the_same_text) {
        static const MqttEvent untrusted = { .type = MQTT_EVENT_OPEN_FAILED,
                                             .open_failed = { MQTT_STAGE_TLS, -EACCES, "untrusted",
                                                              &report_of_untrusted } };
        char text[sizeof(((MqttLink *) NULL)->signed_text)];
        Fixture f;

        fixture_make_online(&f);
        report(&f, &lost);
        write_identity(&f, "d", "bmV3");
        hub_link_reconnect(f.link);
        strcpy(text, f.mqtt.signed_text);
        ck_assert_ptr_nonnull(strstr(text, "hub%2Fdevices%2Fd"));
        ck_assert_uint_eq(f.mqtt.n_opened, 2);
        report(&f, &untrusted);
        ck_assert_uint_eq(f.mqtt.n_opened, 3);
        ck_assert_str_eq(f.mqtt.signed_text, text);
        fixture_done(&f);
}
END_TEST

static Suite *hub_link_rollover_suite(void) {
        Suite *s = suite_create("hub-link-rollover");
        TCase *t = tcase_create("rollover");

        tcase_add_test(t, what_a_probe_refuses_is_not_used);
        tcase_add_test(t, probe_of_what_was_there_before_says_nothing_of_what_is);
        tcase_add_test(t, link_that_is_lost_meanwhile_tries_it_itself);
        tcase_add_test(t, probe_for_one_device_says_nothing_of_another);
        tcase_add_test(t, what_was_proven_signs_the_same_text);
        tcase_add_test(t, identity_that_is_lost_is_a_failure_each_time);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hub_link_rollover_suite)
