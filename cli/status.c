/* SPDX-License-Identifier: MIT */

/* aziot status: who this device is, whether it is online, and if not, why. */

#include <inttypes.h>

#include "cli/cli.h"
#include "cli/duration.h"
#include "util/util.h"

static const Help help = {
        .usage = "status [OPTION]...",
        .what = "Shows the device, its link to the cloud, and what waits in both directions.\n",
        .yes = "online",
        .no = "not online",
};

static void print_text(const char *label, const char *text) {
        if (text)
                (void) printf("%-10s%s\n", label, text);
}

static void print_link(const AziotLink *link) {
        char buffer[DURATION_TEXT_MAX];

        print_text("hub", link->hub);
        (void) printf("%-10s%s since %s (%s)\n", "link", link->state, link->since,
                      duration_from_now(buffer, link->since));
        print_text(link->is_online ? "last loss" : "reason", link->last_error);
        if (link->next_attempt)
                (void) printf("%-10sin %s\n", "next try", duration_from_now(buffer, link->next_attempt));
}

/* What messages were lost of, and how many. */
typedef struct Cause {
        const char *name;
        int64_t n;
} Cause;

static void print_causes(const char *label, const Cause *causes, size_t n_causes, const char *since) {
        bool is_first = true;

        for (size_t i = 0; i < n_causes; i++) {
                if (causes[i].n == 0)
                        continue;
                (void) printf("%-*s%" PRId64 " %s", is_first ? 10 : 0, is_first ? label : ", ", causes[i].n,
                              causes[i].name);
                is_first = false;
        }
        if (!is_first)
                (void) printf(" since %s\n", since);
}

static void print_dropped(const AziotOutbox *o) {
        const Cause causes[] = {
                { "expired", o->n_expired },
                { "to make room", o->n_overflow },
                { "damaged", o->n_damaged },
                { "unsendable", o->n_unsendable },
                { "set aside in dead-letters/", o->n_poison },
                { "refused for want of room", o->n_refused },
        };

        print_causes("dropped", causes, ELEMENTSOF(causes), o->counted_since ?: "aziotd started");
}

static void print_inbox(const AziotInbox *i) {
        const Cause causes[] = {
                { "expired", i->n_expired },
                { "damaged", i->n_damaged },
        };

        (void) printf("%-10s%" PRId64 " messages, %" PRId64 " of %" PRId64 " KiB\n", "inbox", i->n_messages,
                      (i->n_bytes + 1023) / 1024, i->capacity_bytes / 1024);
        print_text("stalled", i->reason);
        print_causes("lost", causes, ELEMENTSOF(causes), "aziotd started");
}

static void print_outbox(const AziotOutbox *o) {
        char buffer[DURATION_TEXT_MAX];

        (void) printf("%-10s%" PRId64 " messages, %" PRId64 " of %" PRId64 " KiB", "outbox", o->n_messages,
                      (o->n_bytes + 1023) / 1024, o->capacity_bytes / 1024);
        if (o->n_high_messages > 0)
                (void) printf(", %" PRId64 " of high priority", o->n_high_messages);
        if (o->oldest)
                (void) printf(", oldest from %s (%s)", o->oldest, duration_from_now(buffer, o->oldest));
        (void) fputc('\n', stdout);
        print_text("stalled", o->reason);
        print_dropped(o);
}

static void print_status(const AziotStatus *s) {
        print_text("device", s->device_id);
        print_text("module", s->module_id);
        print_text("model", s->model_id);
        print_link(&s->link);
        print_outbox(&s->outbox);
        print_inbox(&s->inbox);
}

int status_main(Cli *cli, int argc, char **argv) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        const AziotStatus *status;
        int code, r;

        code = cli_parse_bare(cli, argc, argv, &help);
        if (code >= 0)
                return code;

        if (cli_open(cli, &a) < 0)
                return CLI_ERROR;
        r = aziot_get_status(a, &status);
        if (r != 0)
                return cli_failure(a, r);
        if (cli->json)
                (void) puts(status->json);
        else
                print_status(status);
        return status->link.is_online ? CLI_OK : CLI_NO;
}
