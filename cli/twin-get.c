/* SPDX-License-Identifier: MIT */

/* aziot twin get: the twin as the daemon knows it. */

#include <inttypes.h>

#include "cli/line.h"
#include "cli/twin.h"
#include "cli/wrap.h"

static const Help help = {
        .usage = "twin get [OPTION]...",
        .what = "Shows the device twin with the versions of its sections. While the device is\n"
                "offline it is the last one that was seen, and shown with its age.\n",
        .options = "      --desired             print only the section that the cloud writes, as\n"
                   "                            JSON\n"
                   "      --reported            print only the section that the device writes, as\n"
                   "                            JSON\n"
                   "      --property PATH       print only this property of the section (desired,\n"
                   "                            unless told); a text without its quotes, unless\n"
                   "                            --json\n",
        .yes = "it is shown",
        .no = "there is no such property",
        .more = "  aziot twin get --reported --property pump.speed\n",
};

enum {
        OPTION_DESIRED = CLI_OPTION_VERB,
        OPTION_REPORTED,
        OPTION_PROPERTY,
};

static const struct option options[] = {
        CLI_OPTIONS,
        { "desired", no_argument, NULL, OPTION_DESIRED },
        { "reported", no_argument, NULL, OPTION_REPORTED },
        { "property", required_argument, NULL, OPTION_PROPERTY },
        {},
};

/* What is asked for. */
typedef struct Question {
        int section; /* an option; 0: not told */
        const char *property;
} Question;

static void print_section(const char *name, const char *json, size_t size, int64_t version) {
        (void) printf("%-10s", name);
        if (version >= 0)
                (void) printf("version %" PRId64 ": ", version);
        (void) cli_print_json(json, size);
}

static void print_stale(const Cli *cli, const char *as_of) {
        Line line = {};

        line_add(&line, "the device is offline; this is of ");
        line_add_age(&line, as_of ?: "?");
        (void) fputs(color_switch(cli->color, COLOR_WARNING), stdout);
        (void) wrap_print(stdout, wrap_width(stdout), "stale", line.text, WRAP_ALL);
        (void) fputs(color_switch(cli->color, COLOR_NONE), stdout);
}

static int print_twin(const Cli *cli, const AziotTwin *t) {
        if (cli->json)
                return cli_print_json(t->json, t->json_size);

        print_section("desired", t->desired, t->desired_size, t->desired_version);
        print_section("reported", t->reported, t->reported_size, t->reported_version);
        if (t->stale)
                print_stale(cli, t->as_of);
        return cli_flush();
}

static int print_property(const Cli *cli, const char *section, size_t size, const char *path) {
        const char *value;
        int r;

        r = aziot_json_find(section, size, path, &value, &size);
        if (r < 0)
                return cli_error("%s", strerror(-r));
        return r == AZIOT_ABSENT ? CLI_NO : twin_print_value(cli, value, size);
}

static int answer(const Cli *cli, const Question *q, const AziotTwin *t) {
        bool is_reported = q->section == OPTION_REPORTED;
        const char *section = is_reported ? t->reported : t->desired;
        size_t size = is_reported ? t->reported_size : t->desired_size;

        if (q->property)
                return print_property(cli, section, size, q->property);
        return q->section ? cli_print_json(section, size) : print_twin(cli, t);
}

static int parse_option(Cli *cli, Question *q, int option) {
        switch (option) {
        case OPTION_DESIRED:
        case OPTION_REPORTED:
                if (q->section && q->section != option)
                        return cli_usage(
                                "There is no use for both --desired and --reported: neither shows both");
                q->section = option;
                return -1;
        case OPTION_PROPERTY:
                q->property = optarg;
                return -1;
        default:
                return cli_option(cli, option, &help);
        }
}

int twin_get_main(Cli *cli, int argc, char **argv) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        const AziotTwin *twin;
        Question question = {};
        int option, code, r;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                code = parse_option(cli, &question, option);
                if (code >= 0)
                        return code;
        }
        if (optind < argc)
                return cli_usage("twin get takes no argument; --property names a property");

        if (cli_open_to_ask(cli, &a) < 0)
                return CLI_ERROR;
        r = aziot_get_twin(a, &twin);
        return r != 0 ? cli_failure(a, r) : answer(cli, &question, twin);
}
