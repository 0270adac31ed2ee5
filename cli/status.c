/* SPDX-License-Identifier: MIT */

/* aziot status: who this device is, whether it is online, and if not, why. */

#include <inttypes.h>

#include "cli/cli.h"
#include "cli/duration.h"
#include "cli/line.h"
#include "cli/reply.h"
#include "cli/wrap.h"

static const Help help = {
        .usage = "status [OPTION]...",
        .what = "Shows the device, its link to the cloud, and what waits in both directions.\n",
        .yes = "online",
        .no = "not online",
};

/* What messages were lost of, and how many. */
typedef struct Cause {
        const char *name;
        int64_t n;
} Cause;

static void print_text(const char *label, const char *text) {
        if (text)
                (void) wrap_print(stdout, wrap_width(stdout), label, text, WRAP_ALL);
}

/* Trouble has a colour. */
static void print_reason(const Cli *cli, const char *label, const char *text) {
        if (!text)
                return;
        (void) fputs(color_switch(cli->color, COLOR_WARNING), stdout);
        print_text(label, text);
        (void) fputs(color_switch(cli->color, COLOR_NONE), stdout);
}

static void print_link(const Cli *cli, const AziotLink *link) {
        char buffer[DURATION_TEXT_MAX];
        Line line = {};

        print_text("hub", link->hub);
        line_add(&line, "%s since ", link->state);
        line_add_age(&line, link->since);
        (void) fputs(color_switch(cli->color, link->is_online ? COLOR_GOOD : COLOR_BAD), stdout);
        print_text("link", line.text);
        (void) fputs(color_switch(cli->color, COLOR_NONE), stdout);

        print_text(link->is_online ? "earlier" : "reason", link->last_error);
        if (link->next_attempt) {
                line = (Line){};
                line_add(&line, "in %s", duration_from_now(buffer, link->next_attempt));
                print_text("next try", line.text);
        }
}

static void print_causes(const Cli *cli, const char *label, const Cause *causes, size_t n_causes,
                         const char *since) {
        Line line = {};

        for (size_t i = 0; i < n_causes; i++)
                if (causes[i].n > 0)
                        line_add(&line, "%s%" PRId64 " %s", line.len > 0 ? ", " : "", causes[i].n,
                                 causes[i].name);
        if (line.len == 0)
                return;
        if (since) {
                line_add(&line, " since ");
                line_add_time(&line, since);
        } else
                line_add(&line, " since aziotd started");
        print_reason(cli, label, line.text);
}

/* "3 of 1000 messages, 12 KiB of 64 MiB" */
static void line_add_use(Line *line, int64_t n_messages, int64_t capacity_messages, int64_t n_bytes,
                         int64_t capacity_bytes) {
        line_add(line, "%" PRId64, n_messages);
        if (capacity_messages > 0)
                line_add(line, " of %" PRId64, capacity_messages);
        line_add(line, " message%s, ", n_messages == 1 && capacity_messages == 0 ? "" : "s");
        line_add_size(line, n_bytes);
        line_add(line, " of ");
        line_add_size(line, capacity_bytes);
}

static void print_outbox(const Cli *cli, const AziotOutbox *o) {
        const Cause causes[] = {
                { "expired", o->n_expired },
                { "to make room", o->n_overflow },
                { "damaged", o->n_damaged },
                { "unsendable", o->n_unsendable },
                { "set aside in dead-letters/", o->n_poison },
                { "refused for want of room", o->n_refused },
        };
        Line line = {};

        line_add_use(&line, o->n_messages, o->capacity_messages, o->n_bytes, o->capacity_bytes);
        if (o->n_high_messages > 0)
                line_add(&line, ", %" PRId64 " of high priority", o->n_high_messages);
        if (o->oldest) {
                line_add(&line, ", oldest from ");
                line_add_age(&line, o->oldest);
        }
        print_text("outbox", line.text);
        print_reason(cli, "stalled", o->reason);
        print_causes(cli, "dropped", causes, ELEMENTSOF(causes), o->counted_since);
}

static void print_inbox(const Cli *cli, const AziotInbox *i) {
        const Cause causes[] = {
                { "expired", i->n_expired },
                { "damaged", i->n_damaged },
        };
        Line line = {};

        line_add_use(&line, i->n_messages, i->capacity_messages, i->n_bytes, i->capacity_bytes);
        print_text("inbox", line.text);
        print_reason(cli, "stalled", i->reason);
        print_causes(cli, "lost", causes, ELEMENTSOF(causes), NULL);
}

static bool is_state_of_online(const char *state) {
        return strcmp(state, "online") == 0 || strcmp(state, "renewing") == 0;
}

static void print_broker_drops(const Cli *cli, const char *json, size_t size) {
        const char *const paths[][2] = {
                { "expired", "broker.outbox.dropped.expired" },
                { "to make room", "broker.outbox.dropped.overflow" },
                { "damaged", "broker.outbox.dropped.damaged" },
                { "unsendable", "broker.outbox.dropped.unsendable" },
                { "refused by the broker, kept in dead-letters-broker/", "broker.outbox.dropped.rejected" },
                { "refused for want of room", "broker.outbox.dropped.refused" },
        };
        _cleanup_(freep) char *since = reply_get_text(json, size, "broker.outbox.countedSince");
        Cause causes[ELEMENTSOF(paths)];

        for (size_t i = 0; i < ELEMENTSOF(paths); i++)
                causes[i] = (Cause){ paths[i][0], reply_get_number(json, size, paths[i][1], 0) };
        print_causes(cli, "dropped", causes, ELEMENTSOF(causes), since);
}

/* The link to the broker, if there is one, as far as it differs from that to the hub. */
static void print_broker(const Cli *cli, const char *json, size_t size) {
        _cleanup_(freep) char *state = reply_get_text(json, size, "broker.link.state"),
                              *since = reply_get_text(json, size, "broker.link.since"),
                              *client = reply_get_text(json, size, "broker.clientId"),
                              *host = reply_get_text(json, size, "broker.link.host"),
                              *reason = reply_get_text(json, size, "broker.link.lastError"),
                              *next = reply_get_text(json, size, "broker.link.nextAttempt"),
                              *stalled = reply_get_text(json, size, "broker.outbox.reason");
        bool is_online = state && is_state_of_online(state);
        char buffer[DURATION_TEXT_MAX];
        Line line = {};

        if (!state)
                return;
        line_add(&line, "%s%s%s", host ?: "(unknown)", client ? " as " : "", client ?: "");
        print_text("broker", line.text);
        line = (Line){};
        line_add(&line, "%s since ", state);
        line_add_age(&line, since ?: "");
        (void) fputs(color_switch(cli->color, is_online ? COLOR_GOOD : COLOR_BAD), stdout);
        print_text("link", line.text);
        (void) fputs(color_switch(cli->color, COLOR_NONE), stdout);
        print_text(is_online ? "earlier" : "reason", reason);
        if (next) {
                line = (Line){};
                line_add(&line, "in %s", duration_from_now(buffer, next));
                print_text("next try", line.text);
        }
        line = (Line){};
        line_add_use(&line, reply_get_number(json, size, "broker.outbox.messages", 0),
                     reply_get_number(json, size, "broker.outbox.capacityMessages", 0),
                     reply_get_number(json, size, "broker.outbox.bytes", 0),
                     reply_get_number(json, size, "broker.outbox.capacityBytes", 0));
        print_text("outbox", line.text);
        print_reason(cli, "stalled", stalled);
        print_broker_drops(cli, json, size);
}

static void print_hub(const Cli *cli, const AziotStatus *s) {
        print_text("device", s->device_id);
        print_text("module", s->module_id);
        print_text("model", s->model_id);
        print_link(cli, &s->link);
        print_outbox(cli, &s->outbox);
        print_inbox(cli, &s->inbox);
}

static bool is_online(const AziotStatus *s) {
        _cleanup_(freep) char *broker = reply_get_text(s->json, s->json_size, "broker.link.state");

        return (s->link.is_online || reply_is_true(s->json, s->json_size, "noHub")) &&
               (!broker || is_state_of_online(broker));
}

int status_main(Cli *cli, int argc, char **argv) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        const AziotStatus *status;
        int code, r;

        code = cli_parse_bare(cli, argc, argv, &help);
        if (code >= 0)
                return code;

        if (cli_open_to_ask(cli, &a) < 0)
                return CLI_ERROR;
        r = aziot_get_status(a, &status);
        if (r != 0)
                return cli_failure(a, r);
        if (cli->json)
                code = cli_print_json(status->json, status->json_size);
        else {
                if (!reply_is_true(status->json, status->json_size, "noHub"))
                        print_hub(cli, status);
                print_broker(cli, status->json, status->json_size);
                code = cli_flush();
        }
        return code != CLI_OK ? code : is_online(status) ? CLI_OK : CLI_NO;
}
