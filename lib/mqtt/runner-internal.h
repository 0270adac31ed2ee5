/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files of the runner share; nobody else includes it.
 *
 *      runner.c          life cycle, deadlines, events
 *      runner-config.c   a copy of the configuration, checked
 *      runner-connect.c  the session and the connection meet
 *      runner-files.c    what the client proves itself with, and when it changes
 *      runner-traffic.c  what passes over the connection
 */

#include <mqtt/file-watch.h>
#include <mqtt/filter-set.h>
#include <mqtt/message-store.h>
#include <mqtt/runner.h>

#include "util/util.h"

/* What is done on a call or a turn and is to be told, beside the results of messages and requests. */
#define RUNNER_EVENTS_SPARE 32U

/* SHA-256 of what files hold. */
typedef struct RunnerDigest {
        uint8_t bytes[32];
} RunnerDigest;

/* An event that waits to be popped. */
typedef struct RunnerEvents {
        MqttRunnerEvent *ring;
        size_t n_ring;
        uint64_t first, end;
} RunnerEvents;

struct MqttRunner {
        MqttRunnerConfig config; /* its strings, will and user properties are ours */
        MqttWill will;
        az_mqtt_message will_message;
        uint8_t *will_bytes, *properties_bytes;

        int epoll_fd;
        MqttLink *link;
        FileWatch *token_watch, *file_watch; /* or NULL */
        char *made_dir;                      /* ours to remove, or NULL */

        az_broker_session session;
        az_broker_session_memory memory;
        MqttMessageStore *store; /* tokens of the session's messages are its numbers */
        MqttFilterSet filters;   /* those of its filters are of this */
        RunnerEvents events;
        const az_mqtt_message *popped; /* of the last event: to be removed from 'store'; or NULL */
        az_span popped_filter;         /* the same for 'filters' */
        uint64_t now_us;

        bool clean_start;    /* of the attempt that is under way */
        bool is_connected;   /* as far as the caller was told */
        bool has_link_error; /* 'text' says why the last attempt or connection ended */
        bool is_room_wanted;
        RunnerDigest token, files; /* what the last attempt was made with */
        bool has_report;
        MqttReport report; /* of the last attempt */
        MqttServer server; /* without its spans */
        uint64_t renew_us;
        uint64_t ack_epoch;
        size_t n_unacknowledged;
        char text[512];
};

/* runner-config.c */

/* Copies and checks. Returns what mqtt_runner_new() does; call runner_config_done() in any case. */
int runner_config_copy(MqttRunner *r, const MqttRunnerConfig *config);
void runner_config_done(MqttRunner *r);

/* runner-files.c */

/* Watches the files of the configuration. */
int runner_watch_files(MqttRunner *r);

/* Notes what the files hold that are not the token, as an attempt begins. */
void runner_note_files(MqttRunner *r);

/* Notes the token that an attempt is made with. */
void runner_note_token(MqttRunner *r, az_span token);

/* Looks what has changed, and tells the session. */
void runner_dispatch_files(MqttRunner *r);

/* Earliest deadline of the watches. */
uint64_t runner_files_deadline_us(const MqttRunner *r);

/* runner-connect.c */

/* Does what the session asks for, until it asks for nothing. False: it did from the start. */
bool runner_settle(MqttRunner *r);

/*
 * The same after an input of the session, which returned 'result': each has to be followed by one of the two.
 * One that the session does not take any more is late news.
 */
void runner_feed(MqttRunner *r, az_result result);

/* Takes an event of the link that is about the connection. */
void runner_on_link(MqttRunner *r, const MqttEvent *event);

/* Says why the connection is about to be lost. */
_printf_(2, 3) void runner_set_text(MqttRunner *r, const char *format, ...);

/* runner-traffic.c */

/* Sends what is to be sent, as far as there is room. */
void runner_pump(MqttRunner *r);

/* Takes an event of the link that is about what passes; a message goes to 'ret' at once: true. */
bool runner_on_traffic(MqttRunner *r, const MqttEvent *event, MqttRunnerEvent *ret);

/* Tells how a message or request came out. */
void runner_on_published(MqttRunner *r, const az_broker_event *event);
void runner_on_answered(MqttRunner *r, const az_broker_event *event);

/* Ends the drain when nothing is under way. */
void runner_check_drained(MqttRunner *r);

/* runner.c */

/* Queues an event. */
MqttRunnerEvent *runner_add_event(MqttRunner *r, MqttRunnerEventType type);
