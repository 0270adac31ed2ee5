/* SPDX-License-Identifier: MIT */

/*
 * A runner is made, publishes and subscribes, with each of its allocations failing in turn: it must say so
 * and give everything back. That nothing leaks is for the sanitizer to see.
 */

#include <mqtt/runner.h>

#include "failing-memory.h"

#define ALLOCATIONS_MAX 1000

static int use(MqttRunner *r) {
        const az_mqtt_user_property property = { AZ_SPAN_FROM_STR("k"), AZ_SPAN_FROM_STR("v") };
        const az_mqtt_message message = {
                .topic = AZ_SPAN_FROM_STR("t"),
                .qos = 1,
                .user_properties = &property,
                .n_user_properties = 1,
        };
        const MqttFilter filter = { .filter = AZ_SPAN_FROM_STR("in"), .qos = 1 };
        int e;

        e = mqtt_runner_start(r, boottime_us());
        if (e == 0)
                e = mqtt_runner_publish(r, &message, 1, boottime_us());
        return e == 0 ? mqtt_runner_subscribe(r, &filter, 2) : e;
}

/* True if everything went well. */
static bool run_all(void) {
        const az_mqtt_user_property property = { AZ_SPAN_FROM_STR("k"), AZ_SPAN_FROM_STR("v") };
        const az_mqtt_message message = { .topic = AZ_SPAN_FROM_STR("gone"),
                                          .payload = AZ_SPAN_FROM_STR("x") };
        const MqttWill will = { .message = &message };
        MqttRunnerConfig config = mqtt_runner_config_default();
        MqttRunner *r;
        int e;

        config.host = "localhost";
        config.port = 1;
        config.client_id = "dev";
        config.token_file = "/nowhere/token";
        config.ca_file = "/nowhere/ca";
        config.will = &will;
        config.user_properties = &property;
        config.n_user_properties = 1;
        e = mqtt_runner_new(&r, &config);
        if (e == 0) {
                e = use(r);
                (void) mqtt_runner_free(r);
        }
        must(e == 0 || e == -ENOMEM, "it is called something else");
        return e == 0;
}

int main(void) {
        unsigned n_fds = count_fds();

        must(run_all(), "although none does");
        for (fails_at = 1; fails_at < ALLOCATIONS_MAX; fails_at++) {
                bool is_well;

                n_allocations = 0;
                is_well = run_all();
                if (n_allocations < fails_at) {
                        must(is_well, "and it did not happen");
                        break;
                }
        }
        must(fails_at > 20, "too soon for the end");
        must(count_fds() <= n_fds, "fds are left");
        printf("ok 1 - each of %d allocations fails once\n1..1\n", fails_at - 1);
        return EXIT_SUCCESS;
}
