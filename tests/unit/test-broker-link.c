/* SPDX-License-Identifier: MIT */

#include "daemon/broker-link-internal.h"

#include <sys/stat.h>

#include "tests/unit/unit.h"

/* A link to a port at which nobody listens, with the settings of section [Broker]. */
typedef struct Fixture {
        char directory[40];
        Log log;
        Config config;
        BrokerLink *link;
} Fixture;

static const BrokerLinkOps no_ops = {};

static void fixture_init(Fixture *f, const char *client_id) {
        BrokerLinkEnvironment environment = { .config = &f->config,
                                              .log = &f->log,
                                              .runtime_dir = f->directory };

        *f = (Fixture){ .directory = "/tmp/test-broker-link-XXXXXX", .log.max_level = -1 };
        ck_assert_ptr_nonnull(mkdtemp(f->directory));
        f->config.broker.host = strdup("127.0.0.1");
        f->config.broker.port = 1;
        f->config.broker.client_id = client_id ? strdup(client_id) : NULL;
        f->config.broker.session_expiry_s = 3600;
        f->config.broker.keep_alive_s = 60;
        f->config.broker.receive_maximum = 16;
        ck_assert_int_eq(broker_link_new(&f->link, &environment, &no_ops, NULL), 0);
        broker_link_start(f->link);
        broker_link_dispatch(f->link);
}

static void fixture_done(Fixture *f) {
        f->link = broker_link_free(f->link);
        free(f->config.broker.host);
        free(f->config.broker.client_id);
        ck_assert_int_eq(rmdir(f->directory), 0);
}

START_TEST(without_settings_it_waits_and_says_why) {
        LinkStatus status;
        Fixture f;

        fixture_init(&f, NULL);
        broker_link_get_status(f.link, &status);
        ck_assert_int_eq(status.state, LINK_WAITING);
        ck_assert_ptr_nonnull(strstr(status.last_error, "[Broker] ClientId"));
        ck_assert_ptr_null(broker_link_get_client(f.link));
        ck_assert_uint_eq(broker_link_window_free(f.link), 0);
        ck_assert_uint_gt(broker_link_deadline_us(f.link), boottime_us() + 50 * USEC_PER_SEC);

        f.config.broker.client_id = strdup("c");
        broker_link_configure(f.link);
        broker_link_dispatch(f.link);
        ck_assert_ptr_nonnull(broker_link_get_client(f.link));
        fixture_done(&f);
}
END_TEST

START_TEST(it_stops_while_it_connects) {
        Fixture f;

        fixture_init(&f, "c");
        ck_assert_int_ne(broker_link_get_state(f.link), LINK_STOPPED);
        ck_assert_uint_eq(broker_link_window_free(f.link), 0);
        broker_link_stop(f.link);
        broker_link_dispatch(f.link);
        ck_assert_int_eq(broker_link_get_state(f.link), LINK_STOPPED);
        ck_assert_uint_eq(broker_link_deadline_us(f.link), UINT64_MAX);
        fixture_done(&f);
}
END_TEST

static const struct {
        int64_t back_s;
        bool is_new;
} steps[] = { { 0, false }, { 10, false }, { 61, true }, { 86400, true }, { -86400, false } };

START_TEST(a_wall_clock_that_is_put_back_far_makes_a_new_clock_of_another_node) {
        uint8_t node[AIO_UUID_TEXT_SIZE];
        Fixture f;

        fixture_init(&f, "c");
        memcpy(node, f.link->node, sizeof(node));
        f.link->clock_offset_us += steps[_i].back_s * (int64_t) USEC_PER_SEC;
        broker_link_clock_changed(f.link);
        ck_assert_int_eq(memcmp(node, f.link->node, sizeof(node)) != 0, steps[_i].is_new);
        fixture_done(&f);
}
END_TEST

/* There is no way back to where it was before it was put forward. */
START_TEST(a_wall_clock_that_is_put_forward_and_back_makes_a_new_clock) {
        uint8_t node[AIO_UUID_TEXT_SIZE];
        Fixture f;

        fixture_init(&f, "c");
        memcpy(node, f.link->node, sizeof(node));
        f.link->clock_offset_us -= 3600 * (int64_t) USEC_PER_SEC;
        broker_link_clock_changed(f.link);
        ck_assert_int_eq(memcmp(node, f.link->node, sizeof(node)), 0);
        f.link->clock_offset_us += 3600 * (int64_t) USEC_PER_SEC;
        broker_link_clock_changed(f.link);
        ck_assert_int_ne(memcmp(node, f.link->node, sizeof(node)), 0);
        fixture_done(&f);
}
END_TEST

START_TEST(the_client_has_a_task_for_each_message_twice) {
        Fixture f;

        fixture_init(&f, "c");
        ck_assert_uint_gt(f.link->memory.n_tasks, 2 * BROKER_RECEIVE_MAX);
        fixture_done(&f);
}
END_TEST

static Suite *broker_link_suite(void) {
        Suite *s = suite_create("broker-link");
        TCase *t = tcase_create("broker-link");

        tcase_add_test(t, without_settings_it_waits_and_says_why);
        tcase_add_test(t, it_stops_while_it_connects);
        tcase_add_test(t, the_client_has_a_task_for_each_message_twice);
        tcase_add_loop_test(t, a_wall_clock_that_is_put_back_far_makes_a_new_clock_of_another_node, 0,
                            ELEMENTSOF(steps));
        tcase_add_test(t, a_wall_clock_that_is_put_forward_and_back_makes_a_new_clock);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(broker_link_suite)
