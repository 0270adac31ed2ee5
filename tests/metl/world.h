/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The world of one test case: an aio_client on an MqttRunner, whose broker is the scripted peer, all real but
 * for the time.
 *
 * Time stands still while anything has something to do, and goes on to the next deadline when all wait for
 * it. So a case takes milliseconds, and what it waits for happens or never will. There are two clocks: the
 * one of the connection, and the one of the protocol, which a case may freeze.
 */

#include <aio/client.h>
#include <mqtt/runner.h>

#include "json.h"
#include "peer/peer.h"

typedef struct Component Component;
typedef struct Execution Execution;
typedef struct Call Call;
typedef struct Telemetry Telemetry;

/* What a name or a number of the test case stands for: how often an event has yet to be counted down or a
 * payload has come, a packet identifier, a message's correlation data. */
typedef struct Entry {
        struct Entry *next;
        const char *name;
        uint64_t number;
        uint64_t value;
        az_span bytes;
} Entry;

typedef struct World {
        const cJSON *prologue, *epilogue;
        Peer *peer;
        MqttRunner *runner;
        aio_client client;
        aio_hlc_clock clock;
        az_span client_id;
        uint64_t link_us, protocol_us;
        unsigned n_frozen;
        bool is_stopped;
        uint64_t random;

        Component *components;
        size_t n_components;
        Execution *executions;                   /* in the order in which they came */
        Call *calls, *last_call;                 /* invocations and sends, in their order */
        Telemetry *telemetries, *last_telemetry; /* that came */
        Entry *events, *packets, *correlations;
        size_t n_publishes, n_acks, n_sends; /* that were waited for */
        struct Kept *kept;
} World;

World *world_new(const cJSON *test);
World *world_free(World *w);
DEFINE_CLEANUP(World *, world_free)

/* Says why the case fails, and ends the program. */
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);

/* Memory that is zero and lives as long as the world; a copy of such bytes, and of all that an error points
 * to. */
void *world_keep(World *w, size_t n_bytes);
az_span world_keep_span(World *w, az_span span);
aio_error world_keep_error(World *w, const aio_error *error);

/* Finds what a number stands for, or makes it. */
Entry *world_find(World *w, Entry **list, uint64_t number);

aio_time world_time(const World *w);
void world_random(World *w, uint8_t *bytes, size_t n);

/* Lets things happen for which no time has to pass. */
void world_settle(World *w);

/* Lets things happen until it is so; fails the case if it never will be. */
typedef bool (*Condition)(World *w, const void *userdata);
void world_await(World *w, Condition is_met, const void *userdata, const char *what);

/* Lets so much time pass, in which things happen. The protocol's clock goes on even if it is frozen. */
void world_sleep(World *w, uint64_t duration_us);

/* Carries out a wish of the client. */
void world_carry(World *w, const aio_event *wish);
