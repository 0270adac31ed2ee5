/* SPDX-License-Identifier: MIT */

#include "daemon/route.h"

#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* The state directory is the directory with systemd's credentials, too. */
typedef struct Fixture {
        char directory[SCRATCH_SIZE];
        Config config;
        Log log;
        Disk *disk;
        Route *route;
} Fixture;

static void fixture_open(Fixture *f) {
        ck_assert_int_eq(disk_new(&f->disk), 0);
        ck_assert_int_eq(route_new(&f->route, &f->config, f->directory, &f->log), 0);
        ck_assert_int_eq(route_remember(f->route, f->disk, f->directory), 0);
}

static void fixture_make(Fixture *f) {
        *f = (Fixture){ .log = { .max_level = -1 } };
        f->config.network.resolve_timeout_s = 1;
        f->config.network.connect_timeout_s = 2;
        f->config.network.proxy_timeout_s = 3;
        f->config.network.tls_timeout_s = 4;
        f->config.network.tcp_user_timeout_s = 6;
        scratch_init(f->directory, "test-route");
        fixture_open(f);
}

static void fixture_close(Fixture *f) {
        f->route = route_free(f->route);
        f->disk = disk_free(f->disk);
}

static void fixture_done(Fixture *f) {
        fixture_close(f);
        scratch_done(f->directory);
}

static void write_file(const Fixture *f, const char *name, const char *text) {
        _cleanup_(fclosep) FILE *file = NULL;
        char path[128];

        scratch_path(f->directory, name, path, sizeof(path));
        file = fopen(path, "we");
        ck_assert_ptr_nonnull(file);
        ck_assert_int_ge(fputs(text, file), 0);
}

/* How an attempt ends, and what that tells of its transport. */
static const struct {
        MqttEventType type;
        int what; /* MqttStage, MqttLost or the code of CONNACK */
        MqttProblem problem;
        RouteEnd end;
} ends[] = {
        { MQTT_EVENT_CONNACK, 0, 0, ROUTE_WORKED },
        { MQTT_EVENT_CONNACK, 5, 0, ROUTE_WORKED },
        { MQTT_EVENT_OPEN_FAILED, MQTT_STAGE_TCP, MQTT_PROBLEM_TIMEOUT, ROUTE_BLOCKED },
        { MQTT_EVENT_OPEN_FAILED, MQTT_STAGE_TCP, MQTT_PROBLEM_REFUSED, ROUTE_BLOCKED },
        { MQTT_EVENT_OPEN_FAILED, MQTT_STAGE_TCP, MQTT_PROBLEM_UNREACHABLE, ROUTE_BLOCKED },
        { MQTT_EVENT_OPEN_FAILED, MQTT_STAGE_PROXY, MQTT_PROBLEM_PROXY_REFUSED, ROUTE_BLOCKED },
        { MQTT_EVENT_OPEN_FAILED, MQTT_STAGE_TLS, MQTT_PROBLEM_NOT_TLS, ROUTE_BLOCKED },
        { MQTT_EVENT_OPEN_FAILED, MQTT_STAGE_TLS, MQTT_PROBLEM_RESET, ROUTE_BLOCKED },
        { MQTT_EVENT_OPEN_FAILED, MQTT_STAGE_WEBSOCKET, MQTT_PROBLEM_WEBSOCKET_REFUSED, ROUTE_BLOCKED },
        { MQTT_EVENT_LOST, MQTT_LOST_CONNACK_TIMEOUT, 0, ROUTE_BLOCKED },
        { MQTT_EVENT_LOST, MQTT_LOST_NETWORK, 0, ROUTE_BLOCKED },

        /* Not of the transport. */
        { MQTT_EVENT_OPEN_FAILED, MQTT_STAGE_IDENTITY, MQTT_PROBLEM_IDENTITY_FILE, ROUTE_OTHER },
        { MQTT_EVENT_OPEN_FAILED, MQTT_STAGE_SIGN, MQTT_PROBLEM_SIGNING, ROUTE_OTHER },
        { MQTT_EVENT_OPEN_FAILED, MQTT_STAGE_NAME, MQTT_PROBLEM_NAME_UNKNOWN, ROUTE_OTHER },
        { MQTT_EVENT_OPEN_FAILED, MQTT_STAGE_NAME, MQTT_PROBLEM_NAME_SERVER, ROUTE_OTHER },
        { MQTT_EVENT_OPEN_FAILED, MQTT_STAGE_TCP, MQTT_PROBLEM_LOCAL, ROUTE_OTHER },
        { MQTT_EVENT_OPEN_FAILED, MQTT_STAGE_PROXY, MQTT_PROBLEM_PROXY_AUTHENTICATION, ROUTE_OTHER },
        { MQTT_EVENT_OPEN_FAILED, MQTT_STAGE_TLS, MQTT_PROBLEM_CLIENT_CERTIFICATE, ROUTE_OTHER },
        { MQTT_EVENT_LOST, MQTT_LOST_CLIENT_CERTIFICATE, 0, ROUTE_OTHER },
        { MQTT_EVENT_LOST, MQTT_LOST_CLOSED, 0, ROUTE_OTHER },
        { MQTT_EVENT_LOST, MQTT_LOST_INTERNAL, 0, ROUTE_OTHER },
};

START_TEST(how_an_attempt_ends_tells_of_its_transport) {
        MqttReport report = { .stage = (MqttStage) ends[_i].what, .problem = ends[_i].problem };
        MqttEvent event = { .type = ends[_i].type };

        if (event.type == MQTT_EVENT_CONNACK)
                event.connack.code = (uint8_t) ends[_i].what;
        else if (event.type == MQTT_EVENT_OPEN_FAILED)
                event.open_failed.report = &report;
        else
                event.lost.cause = (MqttLost) ends[_i].what;
        ck_assert_int_eq(route_end_of(&event), ends[_i].end);
}
END_TEST

START_TEST(an_endpoint_has_the_limits_of_the_configuration) {
        MqttEndpoint e = { .sign_timeout_us = 7 };
        Fixture f;

        fixture_make(&f);
        route_fill_endpoint(f.route, ROUTE_MQTT, CLOUD_HUB, 8883, false, &e);
        ck_assert_uint_eq(e.port, 8883);
        ck_assert_uint_eq(e.name_timeout_us, 1 * USEC_PER_SEC);
        ck_assert_uint_eq(e.tcp_timeout_us, 2 * USEC_PER_SEC);
        ck_assert_uint_eq(e.proxy_timeout_us, 3 * USEC_PER_SEC);
        ck_assert_uint_eq(e.tls_timeout_us, 4 * USEC_PER_SEC);
        ck_assert_uint_eq(e.user_timeout_us, 6 * USEC_PER_SEC);
        ck_assert_uint_eq(e.sign_timeout_us, 7);
        ck_assert_ptr_null(e.proxy_host);
        ck_assert_uint_ge(route_open_timeout_s(&f.config), 1 + 2 + 3 + 4);
        fixture_done(&f);
}
END_TEST

/* What is in the file, and what a proxy is told. */
static const struct {
        const char *text, *user, *password;
} credentials[] = {
        { "user:password\n", "user", "password" },
        { "user:pass:word", "user", "pass:word" },
        { "user:", "user", "" },
        { ":password", "", "" },
        { "user", "", "" },
        { "", "", "" },
        { NULL, "", "" },
};

START_TEST(a_proxy_has_a_credential_from_a_file) {
        MqttEndpoint e = {};
        Fixture f;

        fixture_make(&f);
        fixture_close(&f);
        f.config.network.proxy = (char *) "http://proxy:8080";
        if (credentials[_i].text)
                write_file(&f, "aziotd.proxy", credentials[_i].text);
        fixture_open(&f);
        route_fill_endpoint(f.route, ROUTE_MQTT, CLOUD_HUB, 8883, false, &e);
        ck_assert_str_eq(e.proxy_host, "proxy");
        ck_assert_uint_eq(e.proxy_port, 8080);
        ck_assert_str_eq(route_get_proxy(f.route), "proxy:8080");
        ck_assert(az_span_is_content_equal(e.proxy_user,
                                           az_span_create_from_str((char *) credentials[_i].user)));
        ck_assert(az_span_is_content_equal(e.proxy_password,
                                           az_span_create_from_str((char *) credentials[_i].password)));
        route_forget_secret(f.route);
        fixture_done(&f);
}
END_TEST

static Suite *route_suite(void) {
        Suite *s = suite_create("route");
        TCase *t = tcase_create("route");

        tcase_add_loop_test(t, how_an_attempt_ends_tells_of_its_transport, 0, ELEMENTSOF(ends));
        tcase_add_test(t, an_endpoint_has_the_limits_of_the_configuration);
        tcase_add_loop_test(t, a_proxy_has_a_credential_from_a_file, 0, ELEMENTSOF(credentials));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(route_suite)
