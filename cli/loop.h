/* SPDX-License-Identifier: MIT */
#pragma once

/* How a verb waits for what the cloud has to say: events of libaziot, signals, a deadline. */

#include "cli/progress.h"

/* How it goes on. */
typedef enum Step {
        STEP_ON,
        STEP_DONE,    /* the verb has done what it was asked for */
        STEP_STOPPED, /* a signal came, or nobody reads the output any more */
        STEP_EXPIRED, /* the deadline has passed */
        STEP_FAILED,  /* and it has been said why */
        _STEP_MAX,
} Step;

typedef struct Loop {
        const Cli *cli;
        Aziot *a;
        int signal_fd; /* readable when the program is to end */
        const char
                *waits_for;   /* of a person at a terminal, who is told for how long already; NULL: nothing */
        bool has_reader;      /* what is printed is the purpose: end when nobody reads it */
        uint64_t deadline_us; /* CLOCK_BOOTTIME; UINT64_MAX: none */
        bool is_disconnected; /* from the daemon, as far as is known */
        unsigned n_disconnects;
        Progress progress;
        uint64_t begin_us; /* when it began to wait, CLOCK_BOOTTIME */
        Step (*on_event)(void *userdata, const AziotEvent *event);
        void *userdata;
} Loop;

#define LOOP_NULL ((Loop){ .signal_fd = -1, .deadline_us = UINT64_MAX })

/*
 * Opens 'a' and 'signal_fd': from now on SIGTERM, SIGINT and SIGHUP end the loop instead of the program.
 * Complains and returns a negative errno.
 */
int loop_open(Loop *loop, const Cli *cli);

/* Closes both. */
void loop_done(Loop *loop);

/*
 * Hands events to the verb until it, or something else, ends the loop; returns what. Connections that come
 * and go are told to the user here and not handed on; trying again goes on for ever, unless this user may not
 * connect, or the daemon has refused what was asked.
 */
Step loop_run(Loop *loop);
