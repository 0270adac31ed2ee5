/* SPDX-License-Identifier: MIT */
#pragma once

/* org.example.test (tests/data/): a service for the tests of ipc/, with methods that answer late, often or
 * never. */

#include "ipc/server.h"

#define EXAMPLE_HELD_MAX 256

typedef struct Example {
        struct {
                IpcCall *call;
                char name[32];
        } held[EXAMPLE_HELD_MAX];
        size_t n_held;
        unsigned n_begun; /* calls of Hold, Take and Watch */
        unsigned n_gone;  /* held calls that nobody waits for any more */
        unsigned n_counted, n_oneway;
} Example;

/* Its userdata is an Example. */
extern const IpcInterface example_interface;

/* Answers the call that is held under this name; false if none is. */
bool example_release(Example *example, const char *name);
