/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A client whose events are written down, each as a word and what matters of it, with "; " between:
 *
 *      subscribe FILTER           unsubscribe FILTER          ack NUMBER
 *      publish TOPIC [STATUS] [PAYLOAD]
 *      started [ERROR]            stopped [ERROR]             sent TOKEN [ERROR]
 *      telemetry TOPIC PAYLOAD    request PAYLOAD             gone WHY
 *      response PAYLOAD | ERROR   ignored ERROR
 *
 * where ERROR is the kind, "remote" if it is, and name and value of the property in parentheses.
 */

#include <aio/client.h>
#include <aio/command_executor.h>
#include <aio/command_invoker.h>
#include <aio/telemetry.h>

#include "unit-span.h"

#define N_USER_PROPERTIES 40
#define N_TOKENS          8

#define CLIENT_ID "me"
#define WALL_MS   UINT64_C(1790000000000)

typedef struct {
        aio_client client;
        aio_hlc_clock clock;
        aio_time time;
        uint32_t random;
        aio_task tasks[8];
        aio_invocation invocations[4];
        az_mqtt_user_property user_properties[N_USER_PROPERTIES];
        aio_topic_token tokens[N_TOKENS];
        uint8_t scratch[512];
        _Alignas(16) uint8_t blocks[8192];

        char log[2048];
        uint64_t n_received;
        uint64_t tokens_out[64]; /* of PUBLISH, in their order */
        size_t n_published;
        uint64_t subscribe_token; /* of the last SUBSCRIBE or UNSUBSCRIBE */
        uint64_t request_id;      /* of the last REQUEST */
        aio_received request;
        uint64_t ack_id;           /* of the last TELEMETRY */
        aio_error error;           /* of the last event that had one, and of the last call */
        void *context;             /* of the last RESPONSE */
        az_mqtt_message published; /* the last one, with the copies below */
        az_mqtt_user_property properties[N_USER_PROPERTIES];
        char texts[2048];
} Fixture;

/* What the rest of a fixture does not need to know of a message. */
typedef struct {
        const char *topic, *payload, *content_type, *response_topic;
        const char *correlation; /* 16 characters */
        int expiry_s;            /* 0: 10; negative: none */
        const char *keys[6], *values[6];
        bool is_qos_0, is_bytes;
} Message;

/* Starts with 'n_tasks' of the tasks and 'n_bytes' of the blocks. */
void fixture_init_with(Fixture *f, uint32_t n_tasks, size_t n_bytes);
void fixture_init(Fixture *f);

/* Pops all events, and returns what was written down of them. */
const char *fixture_pump(Fixture *f);

/* Writes down a PUBLISH that a call returned, as if it had been popped. */
void fixture_carry(Fixture *f, const aio_event *publish);

/* Gives the client a message, whose acknowledgement is the number of messages before it, and pops all events.
 */
const char *fixture_receive(Fixture *f, const Message *message);

/* Answers the last SUBSCRIBE, UNSUBSCRIBE or PUBLISH, and pops all events. */
const char *fixture_suback(Fixture *f, uint8_t reason_code);
const char *fixture_unsuback(Fixture *f, uint8_t reason_code);
const char *fixture_puback(Fixture *f, uint8_t reason_code);

/* Lets time pass, and pops all events. */
const char *fixture_wait(Fixture *f, uint64_t ms);

/* Returns the value of a property of the last PUBLISH; NULL: it is not there. */
const char *fixture_property(Fixture *f, const char *key);

/* Starts, with a SUBACK that grants it. */
void fixture_start_receiver(Fixture *f, aio_telemetry_receiver *receiver,
                            const aio_telemetry_receiver_options *options);
void fixture_start_invoker(Fixture *f, aio_command_invoker *invoker,
                           const aio_command_invoker_options *options);
void fixture_start_executor(Fixture *f, aio_command_executor *executor,
                            const aio_command_executor_options *options);
