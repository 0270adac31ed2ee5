/* SPDX-License-Identifier: MIT */

/* aziot provisioning, aziot reprovision: where the provisioning service has sent this device. */

#include "cli/line.h"
#include "cli/loop.h"
#include "cli/reply.h"
#include "cli/wrap.h"

#define GET         "io.aziotd.device.GetProvisioning"
#define REPROVISION "io.aziotd.device.Reprovision"

/* The column behind the labels. */
#define TEXT_COLUMN 14U

static const Help provisioning_help = {
        .usage = "provisioning [OPTION]...",
        .what = "Shows who this device is to the provisioning service, and which hub that has\n"
                "assigned to it.\n",
        .options = "      --payload             print only what the service gave the device with it,\n"
                   "                            a JSON value as it came\n",
        .yes = "a hub is assigned",
        .no = "none is, or there is no payload",
};

static const Help reprovision_help = {
        .usage = "reprovision [OPTION]...",
        .what = "Has the provisioning service asked again which hub this device belongs to.\n"
                "Nothing is lost by it.\n",
        .options = "      --wait                tell how it goes and wait for its end\n",
        .yes = "it is asked, or has assigned a hub",
        .no = "it has assigned none",
};

enum {
        OPTION_PAYLOAD = CLI_OPTION_VERB,
        OPTION_WAIT,
};

static const struct option provisioning_options[] = {
        CLI_OPTIONS,
        { "payload", no_argument, NULL, OPTION_PAYLOAD },
        {},
};

static const struct option reprovision_options[] = {
        CLI_OPTIONS,
        { "wait", no_argument, NULL, OPTION_WAIT },
        {},
};

/* What there is ----------------------------------------------------------------------------------------- */

static bool is_assigned(const AziotReply *reply) {
        const char *value;
        size_t n;

        return aziot_json_find(reply->parameters, reply->parameters_size, "assignment.hub", &value, &n) == 0;
}

/* An object is there as it came, anything else as text: to be freed. NULL: there is none. */
static char *get_payload(const AziotReply *reply) {
        char *text = reply_get_text(reply->parameters, reply->parameters_size, "assignment.payloadText");
        const char *value;
        size_t n;

        if (!text &&
            aziot_json_find(reply->parameters, reply->parameters_size, "assignment.payload", &value, &n) == 0)
                text = strndup(value, n);
        return text;
}

static char *get(const AziotReply *reply, const char *path) {
        return reply_get_text(reply->parameters, reply->parameters_size, path);
}

static void print_line(const char *label, const char *text) {
        if (!text)
                return;
        (void) printf("%-*s", (int) TEXT_COLUMN, label);
        (void) wrap_text(stdout, wrap_width(stdout), TEXT_COLUMN, text, WRAP_ALL);
}

static void print_time(const char *label, const char *time, const char *more) {
        Line line = {};

        if (!time)
                return;
        line_add_age(&line, time);
        line_add(&line, "%s%s", more ? ", " : "", more ?: "");
        print_line(label, line.text);
}

static void print_assignment(const AziotReply *reply) {
        _cleanup_(freep) char *hub = get(reply, "assignment.hub");
        _cleanup_(freep) char *device = get(reply, "assignment.deviceId");
        _cleanup_(freep) char *assigned = get(reply, "assignment.assigned");
        _cleanup_(freep) char *substatus = get(reply, "assignment.substatus");
        _cleanup_(freep) char *payload = get_payload(reply);

        if (!hub || !device || !assigned)
                return;
        print_line("hub", hub);
        print_line("device", device);
        print_time("assigned", assigned, substatus);
        if (payload) {
                (void) printf("%-*s", (int) TEXT_COLUMN, "payload");
                (void) cli_print_json(payload, strlen(payload));
        }
}

static void print_provisioning(const AziotReply *reply) {
        _cleanup_(freep) char *endpoint = get(reply, "endpoint");
        _cleanup_(freep) char *id_scope = get(reply, "idScope");
        _cleanup_(freep) char *registration = get(reply, "registrationId");
        _cleanup_(freep) char *error = get(reply, "lastError");
        _cleanup_(freep) char *next = get(reply, "nextRun");

        print_line("service", endpoint);
        print_line("id scope", id_scope);
        print_line("registration", registration);
        print_assignment(reply);
        if (reply_is_true(reply->parameters, reply->parameters_size, "isRunning"))
                print_line("now", "the service is asked for the hub");
        print_line("last failure", error);
        print_time("next run", next, NULL);
}

static int show(Cli *cli, bool payload_only) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        _cleanup_(freep) char *payload = NULL;
        const AziotReply *reply;
        int r;

        if (cli_open_to_ask(cli, &a) < 0)
                return CLI_ERROR;
        r = aziot_call(a, GET, NULL, 0, &reply);
        if (r != 0)
                return cli_failure(a, r);
        if (payload_only) {
                payload = get_payload(reply);
                if (!payload)
                        return CLI_NO;
                (void) puts(payload);
                return cli_flush();
        }

        if (cli->json)
                (void) cli_print_json(reply->parameters, reply->parameters_size);
        else
                print_provisioning(reply);
        r = cli_flush();
        return r != CLI_OK || is_assigned(reply) ? r : CLI_NO;
}

int provisioning_main(Cli *cli, int argc, char **argv) {
        bool payload_only = false;
        int option, code;

        while ((option = getopt_long(argc, argv, "", provisioning_options, NULL)) >= 0) {
                if (option == OPTION_PAYLOAD) {
                        payload_only = true;
                        continue;
                }
                code = cli_option(cli, option, &provisioning_help);
                if (code >= 0)
                        return code;
        }
        if (optind < argc)
                return cli_usage("provisioning takes no argument");
        return show(cli, payload_only);
}

/* Again ------------------------------------------------------------------------------------------------- */

typedef struct Waiter {
        Loop loop;
        int64_t n_runs;         /* before; -1: not known yet */
        unsigned n_disconnects; /* before; a daemon that was restarted knows nothing of the wish */
        bool was_running;
        int code; /* how it went */
} Waiter;

static void waiter_done(Waiter *w) {
        loop_done(&w->loop);
}

/* The run has ended. */
static Step tell_result(Waiter *w, const AziotReply *reply) {
        _cleanup_(freep) char *error = get(reply, "lastError");
        _cleanup_(freep) char *hub = get(reply, "assignment.hub");
        _cleanup_(freep) char *device = get(reply, "assignment.deviceId");

        w->code = error || !hub ? CLI_NO : CLI_OK;
        if (w->loop.cli->json)
                (void) cli_print_json(reply->parameters, reply->parameters_size);
        else if (error)
                (void) cli_error("%s", error);
        else if (hub)
                (void) printf("assigned: '%s' at '%s'\n", device ? device : "?", hub);
        return cli_flush() == CLI_OK ? STEP_DONE : STEP_FAILED;
}

static Step waiter_on_event(void *userdata, const AziotEvent *event) {
        const AziotReply *reply = &event->as.reply;
        Waiter *w = userdata;
        bool is_running;
        int64_t n_runs;

        if (event->type != AZIOT_EVENT_REPLY)
                return STEP_ON;
        if (event->result != 0) {
                (void) cli_failure(w->loop.a, event->result);
                return STEP_FAILED;
        }
        if (!reply->continues) /* that of Reprovision */
                return STEP_ON;

        n_runs = reply_get_number(reply->parameters, reply->parameters_size, "runs", 0);
        if (w->n_runs < 0 || w->n_disconnects != w->loop.n_disconnects) {
                w->n_runs = n_runs;
                w->n_disconnects = w->loop.n_disconnects;
                return aziot_call_start(w->loop.a, REPROVISION, NULL, 0, NULL) < 0 ? STEP_FAILED : STEP_ON;
        }
        if (n_runs != w->n_runs)
                return tell_result(w, reply);
        is_running = reply_is_true(reply->parameters, reply->parameters_size, "isRunning");
        if (is_running && !w->was_running && !w->loop.cli->json)
                (void) printf("asking the provisioning service\n");
        w->was_running = is_running;
        return cli_flush() == CLI_OK ? STEP_ON : STEP_FAILED;
}

static int reprovision_and_wait(Cli *cli) {
        _cleanup_(waiter_done) Waiter w = { .loop = LOOP_NULL, .n_runs = -1, .code = CLI_ERROR };
        int r;

        if (loop_open(&w.loop, cli) < 0)
                return CLI_ERROR;
        w.loop.waits_for = "waiting for the provisioning service";
        w.loop.on_event = waiter_on_event;
        w.loop.userdata = &w;
        r = aziot_watch(w.loop.a, GET, NULL, NULL);
        if (r < 0)
                return cli_failure(w.loop.a, r);
        (void) loop_run(&w.loop);
        return w.code;
}

static int reprovision(Cli *cli) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        const AziotReply *reply;
        int r;

        if (cli_open_to_ask(cli, &a) < 0)
                return CLI_ERROR;
        r = aziot_call(a, REPROVISION, NULL, 0, &reply);
        return r == 0 ? CLI_OK : cli_failure(a, r);
}

int reprovision_main(Cli *cli, int argc, char **argv) {
        bool wait = false;
        int option, code;

        while ((option = getopt_long(argc, argv, "", reprovision_options, NULL)) >= 0) {
                if (option == OPTION_WAIT) {
                        wait = true;
                        continue;
                }
                code = cli_option(cli, option, &reprovision_help);
                if (code >= 0)
                        return code;
        }
        if (optind < argc)
                return cli_usage("reprovision takes no argument");
        return wait ? reprovision_and_wait(cli) : reprovision(cli);
}
