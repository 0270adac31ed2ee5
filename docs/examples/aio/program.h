/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the programs of this folder share: a session with the broker (MqttRunner), telemetry and commands on
 * it (aio_client), and a loop that carries between the two until the program is done, or SIGINT or SIGTERM
 * comes. The settings are in the environment: AIO_BROKER_HOSTNAME, AIO_MQTT_CLIENT_ID and the others of
 * <aio/settings.h>.
 */

#include <stdbool.h>
#include <stdint.h>

#include <aio/client.h>
#include <aio/settings.h>
#include <mqtt/runner.h>

/* So many messages may be under way each way. */
#define PROGRAM_IN_FLIGHT_MAX 256

typedef struct Program Program;
struct Program {
        /* To be set. */
        void (*on_event)(Program *p, const aio_event *event); /* the client's news */
        void *userdata;

        /* To be used. */
        aio_client client;
        az_span client_id;

        /* The loop's own. */
        MqttRunner *runner;
        aio_hlc_clock clock;
        char node[AIO_UUID_TEXT_SIZE];
        int signal_fd;
        bool is_ending, has_ended, has_failed;
        aio_task tasks[2 * PROGRAM_IN_FLIGHT_MAX + 1];
        aio_invocation invocations[PROGRAM_IN_FLIGHT_MAX];
        az_mqtt_user_property user_properties[64];
        aio_topic_token tokens[16];
        uint8_t scratch[4096];
        uint8_t blocks[1024 * 1024];
};

/* Ends the process with a line for a person if the settings are wrong. 'p' is all zeros but for what is to be
 * set. */
void program_init(Program *p);

/* Begins to connect; what is published from now on is sent as soon as that is done. program_run() does so,
 * too. */
void program_start(Program *p);

/* Runs until program_end() or a signal; then returns the exit code. */
int program_run(Program *p);

/* The session is ended, and with it what the broker has of us. */
void program_end(Program *p);

/* Carries out what aio_telemetry_sender_send() or aio_command_invoker_invoke() wants to be published. */
void program_publish(Program *p, const aio_event *publish);

/* The present time. */
aio_time program_time(void);

/* Says on standard error what went wrong with what, and that the program has failed. */
void program_complain(Program *p, const char *what, const aio_error *error);

/* Reads a number of the command line, from 1 to 'max'. Ends the process with a line for a person if it is
 * none. */
unsigned program_number(const char *text, unsigned max);
