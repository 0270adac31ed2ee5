/* SPDX-License-Identifier: MIT */

/* aziot twin watch: what the cloud wants of this device, a line for each change. */

#include "cli/loop.h"
#include "cli/twin.h"

static const Help help = {
        .usage = "twin watch [OPTION]...",
        .what = "Prints what the cloud wants of this device: all of it at once, as a line of\n"
                "JSON, then what changes, in which null stands for what is gone. It runs until\n"
                "it is stopped. When the daemon was away, all is printed again; with --json each\n"
                "line tells whether it is complete, and the version.\n",
        .options = "      --component NAME      only of this Plug and Play component\n"
                   "      --property PATH       print the value of this property alone, at once and\n"
                   "                            when it changes: a text without its quotes, unless\n"
                   "                            --json; null if there is none\n",
        .more = "  aziot twin watch --property rate | while read -r rate; do ./set \"$rate\"; done\n",
};

enum {
        OPTION_COMPONENT = CLI_OPTION_VERB,
        OPTION_PROPERTY,
};

static const struct option options[] = {
        CLI_OPTIONS,
        { "component", required_argument, NULL, OPTION_COMPONENT },
        { "property", required_argument, NULL, OPTION_PROPERTY },
        {},
};

typedef struct Watcher {
        Loop loop;
        const char *component;
        const char *property; /* NULL: all */
        char *path;           /* of the property, from the top of the section */
        char *value;          /* of the property, as printed last; NULL: nothing was */
} Watcher;

static void watcher_done(Watcher *w) {
        loop_done(&w->loop);
        free(w->path);
        free(w->value);
}

/* Prints a value unless it is the one that was printed last. */
static Step watcher_print(Watcher *w, const char *value, size_t size) {
        char *copy;

        if (w->value && strlen(w->value) == size && memcmp(w->value, value, size) == 0)
                return STEP_ON;
        copy = strndup(value, size);
        if (!copy) {
                (void) cli_error("%s", strerror(errno));
                return STEP_FAILED;
        }
        free(w->value);
        w->value = copy;
        return twin_print_value(w->loop.cli, copy, size) == CLI_OK ? STEP_ON : STEP_FAILED;
}

static Step watcher_find(Watcher *w, const char *desired, size_t size, const char *path) {
        const char *value;
        int r;

        r = aziot_json_find(desired, size, path, &value, &size);
        if (r < 0) {
                (void) cli_error("%s", strerror(-r));
                return STEP_FAILED;
        }
        return r == AZIOT_ABSENT ? watcher_print(w, "null", 4) : watcher_print(w, value, size);
}

/*
 * A patch may change the property, a part of it, or what it is a part of. So the whole is asked for, which is
 * at least as new. If that fails, the daemon is going away and will tell everything when it is back.
 */
static Step watcher_on_patch(Watcher *w) {
        const AziotTwin *twin;
        int r;

        r = aziot_get_twin(w->loop.a, &twin);
        if (r != 0) {
                (void) cli_failure(w->loop.a, r);
                return STEP_ON;
        }
        return watcher_find(w, twin->desired, twin->desired_size, w->path);
}

/* An empty patch says that nothing has changed since the device was online. */
static bool is_empty(const char *object) {
        object += strspn(object, "{ \t\r\n");
        return *object == '}';
}

static Step watcher_on_event(void *userdata, const AziotEvent *event) {
        Watcher *w = userdata;
        const AziotTwinUpdate *update = &event->as.twin;
        int code;

        if (event->type != AZIOT_EVENT_TWIN)
                return STEP_ON;
        if (w->property && update->complete)
                return watcher_find(w, update->desired, update->desired_size, w->property);
        if (!update->complete && is_empty(update->desired) && (w->property || !w->loop.cli->json))
                return STEP_ON;
        if (w->property)
                return watcher_on_patch(w);
        code = w->loop.cli->json ? cli_print_json(update->json, update->json_size)
                                 : cli_print_json(update->desired, update->desired_size);
        return code == CLI_OK ? STEP_ON : STEP_FAILED;
}

static int watcher_run(Watcher *w, Cli *cli) {
        int r;

        if (w->property && asprintf(&w->path, "%s%s%s", w->component ? w->component : "",
                                    w->component ? "." : "", w->property) < 0)
                return cli_error("%s", strerror(ENOMEM));
        if (loop_open(&w->loop, cli) < 0)
                return CLI_ERROR;
        w->loop.has_reader = true;
        w->loop.on_event = watcher_on_event;
        w->loop.userdata = w;
        r = aziot_watch_twin(w->loop.a, w->component, NULL);
        if (r < 0)
                return cli_failure(w->loop.a, r);
        return loop_run(&w->loop) == STEP_FAILED ? CLI_ERROR : CLI_OK;
}

int twin_watch_main(Cli *cli, int argc, char **argv) {
        _cleanup_(watcher_done) Watcher w = { .loop = LOOP_NULL };
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                int code = -1;

                if (option == OPTION_COMPONENT)
                        w.component = optarg;
                else if (option == OPTION_PROPERTY)
                        w.property = optarg;
                else
                        code = cli_option(cli, option, &help);
                if (code >= 0)
                        return code;
        }
        if (optind < argc)
                return cli_usage("twin watch takes no argument; --property names a property");
        return watcher_run(&w, cli);
}
