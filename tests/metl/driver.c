/* SPDX-License-Identifier: MIT */

/*
 * Runs one test case, a document of tests/metl/case.py: driver FILE. Says nothing and succeeds, or says in
 * one line why the case fails.
 */

#include "action.h"
#include "check.h"

/* In real time; a case takes some milliseconds of it. */
#define LIMIT_S 60

static ComponentKind kind_of(const cJSON *test) {
        static const char *const kinds[] = {
                [COMPONENT_EXECUTOR] = "executor",
                [COMPONENT_INVOKER] = "invoker",
                [COMPONENT_RECEIVER] = "receiver",
                [COMPONENT_SENDER] = "sender",
        };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (strcmp(json_text(test, "kind"), kinds[i]) == 0)
                        return (ComponentKind) i;
        fail("the case is of no kind");
}

static bool is_connected(World *w, const void *userdata) {
        return peer_is_connected(w->peer);
}

static bool is_stopped(World *w, const void *userdata) {
        return w->is_stopped;
}

/* Makes the components; false: they could not be made, as the case expects. What shows only when they are
 * used for the first time is as good. */
static bool run_prologue(World *w, const cJSON *test, ComponentKind kind) {
        const cJSON *catch = json_find(w->prologue, "catch"), *first_use = json_find(test, "first-use");
        aio_error error;

        world_await(w, is_connected, NULL, "the connection");
        components_start(w, kind);
        error = components_error(w);
        if (cJSON_IsObject(first_use) && error.kind == AIO_ERROR_NONE)
                error = action_try(w, first_use);
        check_error("prologue", catch, &error);
        return error.kind == AIO_ERROR_NONE;
}

static void run(const cJSON *test) {
        _cleanup_(world_freep) World *w = world_new(test);
        ComponentKind kind = kind_of(test);
        const cJSON *action;
        aio_error error;

        if (run_prologue(w, test, kind))
                for (action = json_first(json_find(test, "actions")); action; action = action->next)
                        action_run(w, action);
        world_settle(w);
        check_epilogue(w, kind);
        error = components_stop(w);
        check_error("epilogue", json_find(w->epilogue, "catch"), &error);
        if (mqtt_runner_stop(w->runner, true, w->link_us) < 0)
                fail("the runner does not stop");
        world_await(w, is_stopped, NULL, "the end of the session");
}

int main(int argc, char **argv) {
        _cleanup_(fclosep) FILE *file = argc == 2 ? fopen(argv[1], "re") : NULL;
        _cleanup_(freep) char *text = NULL;
        size_t n_allocated = 0;
        cJSON *test;

        if (!file || getdelim(&text, &n_allocated, '\0', file) < 0)
                fail("there is no test case to run");
        test = cJSON_Parse(text);
        if (!test)
                fail("the test case is no JSON");
        (void) alarm(LIMIT_S);
        run(test);
        cJSON_Delete(test);
        return EXIT_SUCCESS;
}
