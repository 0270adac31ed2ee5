/* SPDX-License-Identifier: MIT */

/*
 * A stranger's program on libaziot-mqtt, in the words that C99 and C++17 have in common. Nobody listens at
 * the port that it tries; test_mqtt_library.py compiles it as both and knows what it prints.
 */

#include <aio/topic.h>
#include <mqtt/runner.h>
#include <stdio.h>

int main(void) {
        MqttRunnerConfig config = mqtt_runner_config_default();
        MqttRunnerStatus status;
        MqttRunner *runner;

        config.host = "127.0.0.1";
        config.port = 1;
        config.no_tls = true;
        config.client_id = "consumer";
        config.random_seed = 1;
        if (mqtt_runner_new(&runner, &config) < 0 || mqtt_runner_start(runner, 1000) < 0)
                return 1;
        mqtt_runner_get_status(runner, &status);
        puts(az_broker_session_state_to_string(status.session.state));
        puts(mqtt_runner_event_type_to_string(MQTT_RUNNER_SESSION_LOST));
        mqtt_runner_free(runner);
        return 0;
}
