/* SPDX-License-Identifier: MIT */

#include "daemon/route.h"

#include "daemon/route-file.h"
#include "daemon/state-json.h"
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
        f->config.network.websocket_timeout_s = 5;
        f->config.network.tcp_user_timeout_s = 6;
        f->config.network.websocket_port = 443;
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
        ck_assert_uint_eq(e.websocket_timeout_us, 5 * USEC_PER_SEC);
        ck_assert_ptr_null(e.proxy_host);
        ck_assert_uint_eq(route_open_timeout_s(&f.config), 1 + 2 + 3 + 4 + 5);
        fixture_done(&f);
}
END_TEST

static const struct {
        RouteTransport transport;
        CloudService service;
        bool has_certificate;
        uint16_t port;
        const char *path;
} endpoints[] = {
        { ROUTE_MQTT, CLOUD_HUB, false, 8883, NULL },
        { ROUTE_WEBSOCKET, CLOUD_HUB, false, 443, "/$iothub/websocket?iothub-no-client-cert=true" },
        { ROUTE_WEBSOCKET, CLOUD_HUB, true, 443, "/$iothub/websocket" },
        { ROUTE_WEBSOCKET, CLOUD_PROVISIONING, false, 443, "/$iothub/websocket" },
        { ROUTE_WEBSOCKET, CLOUD_PROVISIONING, true, 443, "/$iothub/websocket" },
};

START_TEST(a_transport_has_its_port_and_path) {
        MqttEndpoint e = {};
        Fixture f;

        fixture_make(&f);
        route_fill_endpoint(f.route, endpoints[_i].transport, endpoints[_i].service, 8883,
                            endpoints[_i].has_certificate, &e);
        ck_assert_uint_eq(e.port, endpoints[_i].port);
        ck_assert_pstr_eq(e.websocket_path, endpoints[_i].path);
        fixture_done(&f);
}
END_TEST

static const MqttReport report_of_timeout = { .stage = MQTT_STAGE_TCP, .problem = MQTT_PROBLEM_TIMEOUT };
static const MqttEvent blocked = { .type = MQTT_EVENT_OPEN_FAILED,
                                   .open_failed = { .report = &report_of_timeout } };
static const MqttEvent connack = { .type = MQTT_EVENT_CONNACK };
static const MqttEvent lost = { .type = MQTT_EVENT_LOST, .lost = { .cause = MQTT_LOST_NETWORK } };

/* MQTT is blocked, WebSocket works. */
static void fixture_make_fallen_back(Fixture *f) {
        fixture_make(f);
        ck_assert_int_eq(route_begin(f->route), ROUTE_MQTT);
        route_note(f->route, &blocked);
        ck_assert_int_eq(route_begin(f->route), ROUTE_WEBSOCKET);
        route_note(f->route, &connack);
        disk_drain(f->disk);
}

START_TEST(what_worked_is_where_it_begins_after_a_restart) {
        Fixture f;

        fixture_make_fallen_back(&f);
        fixture_close(&f);
        fixture_open(&f);
        ck_assert_int_eq(route_begin(f.route), ROUTE_WEBSOCKET);
        fixture_done(&f);
}
END_TEST

START_TEST(what_becomes_of_a_connection_later_does_not_count) {
        Fixture f;

        fixture_make_fallen_back(&f);
        for (unsigned i = 0; i < ROUTE_TRIES; i++)
                route_note(f.route, &lost);
        ck_assert_int_eq(route_begin(f.route), ROUTE_WEBSOCKET);
        ck_assert_int_eq(route_get_transport(f.route), ROUTE_WEBSOCKET);
        fixture_done(&f);
}
END_TEST

/* Nothing, a wrong checksum, and none. */
static const char *const files[] = {
        "",
        "aziotd transport 1 00000000\n{}",
        "{\"worked\":\"websocket\",\"preferredFailed\":0}",
};

START_TEST(a_damaged_file_is_set_aside_and_it_begins_as_configured) {
        Fixture f;

        fixture_make(&f);
        fixture_close(&f);
        write_file(&f, "transport", files[_i]);
        fixture_open(&f);
        ck_assert_int_eq(route_begin(f.route), ROUTE_MQTT);
        ck_assert_uint_eq(scratch_count_files(f.directory, "transport.damaged-1"), 1);
        fixture_done(&f);
}
END_TEST

static const struct {
        const char *text;
        int result;
} memories[] = {
        { "{\"worked\":\"websocket\",\"preferredFailed\":5}", 0 },
        { "{\"worked\":\"amqp\",\"preferredFailed\":5}", STATE_JSON_INVALID },
        { "{\"worked\":\"websocket\",\"preferredFailed\":-5}", STATE_JSON_INVALID },
        { "{\"worked\":\"websocket\"}", STATE_JSON_INVALID },
        { "[]", STATE_JSON_INVALID },
        { "", STATE_JSON_INVALID },
};

START_TEST(what_is_remembered_is_read_as_it_was_written) {
        az_span text = az_span_create_from_str((char *) memories[_i].text);
        _cleanup_(freep) char *again = NULL;
        RouteMemory memory;

        ck_assert_int_eq(route_memory_parse(&memory, text), memories[_i].result);
        if (memories[_i].result != 0)
                return;
        ck_assert_int_eq(route_memory_format(&memory, &again), 0);
        ck_assert_str_eq(again, memories[_i].text);
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
        tcase_add_loop_test(t, a_transport_has_its_port_and_path, 0, ELEMENTSOF(endpoints));
        tcase_add_test(t, what_worked_is_where_it_begins_after_a_restart);
        tcase_add_test(t, what_becomes_of_a_connection_later_does_not_count);
        tcase_add_loop_test(t, a_damaged_file_is_set_aside_and_it_begins_as_configured, 0, ELEMENTSOF(files));
        tcase_add_loop_test(t, what_is_remembered_is_read_as_it_was_written, 0, ELEMENTSOF(memories));
        tcase_add_loop_test(t, a_proxy_has_a_credential_from_a_file, 0, ELEMENTSOF(credentials));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(route_suite)
