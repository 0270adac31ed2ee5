/* SPDX-License-Identifier: MIT */

/* aziot status: who this device is, whether it is online, and if not, why. */

#include <inttypes.h>

#include "cli/cli.h"
#include "cli/duration.h"
#include "ipc/rfc3339.h"
#include "util/util.h"

static const char usage[] = "Usage: aziot status [OPTION]...\n"
                            "\n"
                            "Shows the device, its link to the cloud, and what waits in both directions.\n"
                            "Exit code: 0 online, 3 not online, 1 error.\n" CLI_OPTIONS_HELP;

static const struct option options[] = {
        CLI_OPTIONS,
        {},
};

typedef struct Link {
        az_span state, since, hub, last_error, next_attempt;
} Link;

typedef struct Dropped {
        int64_t expired, overflow, damaged, unsendable;
} Dropped;

typedef struct Outbox {
        int64_t messages, bytes, capacity_bytes;
        az_span oldest;
        Dropped dropped;
} Outbox;

typedef struct Inbox {
        int64_t messages, bytes, capacity_bytes, expired, damaged;
        az_span reason;
} Inbox;

typedef struct Status {
        az_span device_id, module_id, model_id;
        Link link;
        Outbox outbox;
        Inbox inbox;
} Status;

static const IpcField link_fields[] = {
        { "state", IPC_FIELD_STRING, offsetof(Link, state) },
        { "since", IPC_FIELD_STRING, offsetof(Link, since) },
        { "hub", IPC_FIELD_STRING, offsetof(Link, hub), IPC_FIELD_NULLABLE },
        { "lastError", IPC_FIELD_STRING, offsetof(Link, last_error), IPC_FIELD_NULLABLE },
        { "nextAttempt", IPC_FIELD_STRING, offsetof(Link, next_attempt), IPC_FIELD_NULLABLE },
};
static const IpcStruct link_type = IPC_STRUCT(Link, link_fields);

static const IpcField dropped_fields[] = {
        { "expired", IPC_FIELD_INT, offsetof(Dropped, expired) },
        { "overflow", IPC_FIELD_INT, offsetof(Dropped, overflow) },
        { "damaged", IPC_FIELD_INT, offsetof(Dropped, damaged) },
        { "unsendable", IPC_FIELD_INT, offsetof(Dropped, unsendable) },
};
static const IpcStruct dropped_type = IPC_STRUCT(Dropped, dropped_fields);

static const IpcField outbox_fields[] = {
        { "messages", IPC_FIELD_INT, offsetof(Outbox, messages) },
        { "bytes", IPC_FIELD_INT, offsetof(Outbox, bytes) },
        { "capacityBytes", IPC_FIELD_INT, offsetof(Outbox, capacity_bytes) },
        { "oldest", IPC_FIELD_STRING, offsetof(Outbox, oldest), IPC_FIELD_NULLABLE },
        { "dropped", IPC_FIELD_STRUCT, offsetof(Outbox, dropped), .type = &dropped_type },
};
static const IpcStruct outbox_type = IPC_STRUCT(Outbox, outbox_fields);

static const IpcField inbox_fields[] = {
        { "messages", IPC_FIELD_INT, offsetof(Inbox, messages) },
        { "bytes", IPC_FIELD_INT, offsetof(Inbox, bytes) },
        { "capacityBytes", IPC_FIELD_INT, offsetof(Inbox, capacity_bytes) },
        { "reason", IPC_FIELD_STRING, offsetof(Inbox, reason), IPC_FIELD_NULLABLE },
        { "expired", IPC_FIELD_INT, offsetof(Inbox, expired) },
        { "damaged", IPC_FIELD_INT, offsetof(Inbox, damaged) },
};
static const IpcStruct inbox_type = IPC_STRUCT(Inbox, inbox_fields);

static const IpcField status_fields[] = {
        { "deviceId", IPC_FIELD_STRING, offsetof(Status, device_id), IPC_FIELD_NULLABLE },
        { "moduleId", IPC_FIELD_STRING, offsetof(Status, module_id), IPC_FIELD_NULLABLE },
        { "modelId", IPC_FIELD_STRING, offsetof(Status, model_id), IPC_FIELD_NULLABLE },
        { "link", IPC_FIELD_STRUCT, offsetof(Status, link), .type = &link_type },
        { "outbox", IPC_FIELD_STRUCT, offsetof(Status, outbox), .type = &outbox_type },
        { "inbox", IPC_FIELD_STRUCT, offsetof(Status, inbox), .type = &inbox_type },
};
static const IpcStruct status_type = IPC_STRUCT(Status, status_fields);

/* A renewal is over in a moment, and planned. */
static bool is_online(const Status *s) {
        return az_span_is_content_equal(s->link.state, AZ_SPAN_FROM_STR("online")) ||
               az_span_is_content_equal(s->link.state, AZ_SPAN_FROM_STR("renewing"));
}

static void print_text(const char *label, az_span text) {
        if (!ipc_is_absent(text))
                (void) printf("%-10s" SPAN_FORMAT "\n", label, SPAN_ARG(text));
}

/* The distance of a time from now, on either side; empty if the time is not understood. */
static const char *distance(char buffer[DURATION_TEXT_MAX], az_span time) {
        uint64_t then_us, now_us = realtime_us();

        if (rfc3339_parse(time, &then_us) < 0)
                return "?";
        return duration_format(buffer, then_us > now_us ? then_us - now_us : now_us - then_us);
}

static void print_link(const Link *link, bool online) {
        char buffer[DURATION_TEXT_MAX];

        (void) printf("%-10s" SPAN_FORMAT " since " SPAN_FORMAT " (%s)\n", "link", SPAN_ARG(link->state),
                      SPAN_ARG(link->since), distance(buffer, link->since));
        print_text(online ? "last loss" : "reason", link->last_error);
        if (!ipc_is_absent(link->next_attempt))
                (void) printf("%-10sin %s\n", "next try", distance(buffer, link->next_attempt));
}

/* What messages were lost of, and how many. */
typedef struct Cause {
        const char *name;
        int64_t n;
} Cause;

static void print_causes(const char *label, const Cause *causes, size_t n_causes) {
        bool is_first = true;

        for (size_t i = 0; i < n_causes; i++) {
                if (causes[i].n == 0)
                        continue;
                (void) printf("%-*s%" PRId64 " %s", is_first ? 10 : 0, is_first ? label : ", ", causes[i].n,
                              causes[i].name);
                is_first = false;
        }
        if (!is_first)
                (void) printf(" since aziotd started\n");
}

static void print_dropped(const Dropped *d) {
        const Cause causes[] = {
                { "expired", d->expired },
                { "to make room", d->overflow },
                { "damaged", d->damaged },
                { "unsendable", d->unsendable },
        };

        print_causes("dropped", causes, ELEMENTSOF(causes));
}

static void print_inbox(const Inbox *i) {
        const Cause causes[] = {
                { "expired", i->expired },
                { "damaged", i->damaged },
        };

        (void) printf("%-10s%" PRId64 " messages, %" PRId64 " of %" PRId64 " KiB\n", "inbox", i->messages,
                      (i->bytes + 1023) / 1024, i->capacity_bytes / 1024);
        print_text("stalled", i->reason);
        print_causes("lost", causes, ELEMENTSOF(causes));
}

static void print_outbox(const Outbox *o) {
        char buffer[DURATION_TEXT_MAX];

        (void) printf("%-10s%" PRId64 " messages, %" PRId64 " of %" PRId64 " KiB", "outbox", o->messages,
                      (o->bytes + 1023) / 1024, o->capacity_bytes / 1024);
        if (!ipc_is_absent(o->oldest))
                (void) printf(", oldest from " SPAN_FORMAT " (%s)", SPAN_ARG(o->oldest),
                              distance(buffer, o->oldest));
        (void) fputc('\n', stdout);
        print_dropped(&o->dropped);
}

static void print_status(const Status *s) {
        print_text("device", s->device_id);
        print_text("module", s->module_id);
        print_text("model", s->model_id);
        print_text("hub", s->link.hub);
        print_link(&s->link, is_online(s));
        print_outbox(&s->outbox);
        print_inbox(&s->inbox);
}

int status_main(Cli *cli, int argc, char **argv) {
        _cleanup_(ipc_client_freep) IpcClient *client = NULL;
        Status status = {};
        IpcReply reply;
        int option, code, r;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                code = cli_option(cli, option, usage);
                if (code >= 0)
                        return code;
        }
        if (optind < argc)
                return cli_usage("status takes no argument");

        if (cli_connect(cli, &client) < 0)
                return CLI_ERROR;
        code = cli_call(cli, client, "io.aziotd.device.GetStatus", AZ_SPAN_EMPTY, &reply);
        if (code != CLI_OK)
                return code;
        if (cli->json)
                cli_print_json(reply.parameters);
        r = ipc_client_decode(client, &status_type, &status);
        if (r < 0)
                return cli_connection_error(cli, r);
        if (!cli->json)
                print_status(&status);
        return is_online(&status) ? CLI_OK : CLI_NOT_ONLINE;
}
