/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * In place of lib/mqtt: a connection that reports what the test wrote down. It is the test's own struct,
 * which travels to mqtt_link_new() as the name of the runtime directory.
 */

#include <mqtt/link.h>
#include <mqtt/probe.h>
#include <time.h>

struct MqttLink {
        MqttEvent event;
        bool has_event;
        bool is_connected, is_full;
        unsigned n_opened, n_published, n_hints;
        char topic[128];       /* of the last publish */
        char host[64];         /* of the last attempt */
        char signed_text[128]; /* by the last attempt */
        uint16_t port;
        uint16_t keep_alive_s; /* of the last CONNECT */
        size_t n_filters;
        uint64_t acked; /* the sequence of the last; 0: none */
        int fd;

        /* The probe reports this when it has it, if it was not stopped before. */
        MqttProbeEvent verdict;
        bool is_probing, has_verdict;
        unsigned n_probed;
};

/* What a connection reports that comes about. */
extern const MqttEvent opened, connack;

/* In place of the clocks, in seconds: it is some day in 2030, and the machine is up for an hour. */
typedef struct FixtureClock {
        time_t boot_s, unix_s;
} FixtureClock;

extern FixtureClock now;
