/* SPDX-License-Identifier: MIT */

/* aziot twin report, aziot twin acknowledge: what the device says of itself. */

#include <azure/core/az_span.h>
#include <inttypes.h>

#include "cli/lines.h"
#include "cli/twin.h"

/* More than any twin may have. */
#define PATCH_MAX (512U * 1024U)

static const Help report_help = {
        .usage = "twin report [OPTION]... JSON | -",
        .what = "Merges the JSON object, or with '-' all of standard input, into what this\n"
                "device says of itself: objects are merged, null removes a member, anything else\n"
                "replaces it. It returns when the hub has taken it. While the device is offline\n"
                "it returns when it is stored: the hub gets it later.\n",
        .options = "      --component NAME      the Plug and Play component that it is about\n"
                   "  -v, --verbose             print the new version of the section, or 'stored'\n",
        .more = "  aziot twin report '{\"rate\":5,\"pump\":{\"fault\":null}}'\n",
};

static const Help acknowledge_help = {
        .usage = "twin acknowledge [OPTION]... PROPERTY VALUE",
        .what = "Says what became of a writable property that the cloud has set, by the Plug and\n"
                "Play conventions: VALUE, which is JSON, holds now.\n",
        .options = "      --status NUMBER       as in HTTP: 200 (done, unless told), 202 in\n"
                   "                            progress, 400 not possible\n"
                   "      --version NUMBER      of the desired section that is acknowledged; unless\n"
                   "                            told, the present one\n"
                   "      --description TEXT    for a person\n"
                   "      --component NAME      the component that the property belongs to\n"
                   "  -v, --verbose             print the new version of the reported section, or\n"
                   "                            'stored'\n",
        .more = "  aziot twin acknowledge rate 5\n"
                "  aziot twin acknowledge mode '\"fast\"' --status 400 --description 'no such mode'\n",
};

enum {
        OPTION_COMPONENT = CLI_OPTION_VERB,
        OPTION_STATUS,
        OPTION_VERSION,
        OPTION_DESCRIPTION,
};

static const struct option report_options[] = {
        CLI_OPTIONS,
        { "component", required_argument, NULL, OPTION_COMPONENT },
        { "verbose", no_argument, NULL, 'v' },
        {},
};

static const struct option acknowledge_options[] = {
        CLI_OPTIONS,
        { "status", required_argument, NULL, OPTION_STATUS },
        { "version", required_argument, NULL, OPTION_VERSION },
        { "description", required_argument, NULL, OPTION_DESCRIPTION },
        { "component", required_argument, NULL, OPTION_COMPONENT },
        { "verbose", no_argument, NULL, 'v' },
        {},
};

typedef struct Report {
        const Cli *cli;
        const char *component;
        bool verbose;
        bool has_version;
        uint32_t status, version; /* of an acknowledgement */
        const char *description;
} Report;

/* Tells what the daemon replied. */
static int report_reply(const Report *report, int64_t version) {
        if (report->cli->json && version < 0)
                (void) puts("{\"version\":null}");
        else if (report->cli->json)
                (void) printf("{\"version\":%" PRId64 "}\n", version);
        else if (report->verbose && version < 0)
                (void) puts("stored");
        else if (report->verbose)
                (void) printf("version %" PRId64 "\n", version);
        return cli_flush();
}

static int report_patch(const Report *report, const char *patch) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        int64_t version;
        int r;

        if (cli_open_to_ask(report->cli, &a) < 0)
                return CLI_ERROR;
        r = aziot_report(a, patch, report->component, &version);
        if (r == -EINVAL)
                return cli_usage("What is reported is a JSON object, not: %s", patch);
        return r != 0 ? cli_failure(a, r) : report_reply(report, version);
}

static int report_input(const Report *report) {
        _cleanup_(lines_done) Lines input = { .fd = STDIN_FILENO, .max = PATCH_MAX };
        _cleanup_(freep) char *patch = NULL;
        az_span text;
        int r;

        r = lines_rest(&input, &text);
        if (r < 0)
                return cli_error("Cannot read standard input: %s", strerror(-r));
        if (memchr(az_span_ptr(text), 0, (size_t) az_span_size(text)))
                return cli_error("Standard input is not JSON: it has a NUL byte");
        patch = strndup((char *) az_span_ptr(text), (size_t) az_span_size(text));
        return patch ? report_patch(report, patch) : cli_error("%s", strerror(errno));
}

static int acknowledge(const Report *report, const char *property, const char *value) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        AziotAcknowledgement acknowledgement = {
                .property = property,
                .value = value,
                .status = (int) report->status,
                .version = report->version,
                .description = report->description,
        };
        const AziotTwin *twin;
        int64_t version;
        int r;

        if (cli_open_to_ask(report->cli, &a) < 0)
                return CLI_ERROR;
        if (!report->has_version) {
                r = aziot_get_twin(a, &twin);
                if (r != 0)
                        return cli_failure(a, r);
                acknowledgement.version = twin->desired_version;
        }
        r = aziot_acknowledge(a, &acknowledgement, 1, report->component, &version);
        if (r == -EINVAL)
                return cli_usage("The value is not JSON: %s (a text has quotes of its own: '\"fast\"')",
                                 value);
        return r != 0 ? cli_failure(a, r) : report_reply(report, version);
}

static int parse_option(Cli *cli, Report *report, int option, const Help *help) {
        switch (option) {
        case OPTION_COMPONENT:
                report->component = optarg;
                return -1;
        case OPTION_STATUS:
                return cli_parse_number("status", optarg, 0, INT32_MAX, &report->status) < 0 ? CLI_USAGE : -1;
        case OPTION_VERSION:
                report->has_version = true;
                return cli_parse_number("version", optarg, 0, UINT32_MAX, &report->version) < 0 ? CLI_USAGE
                                                                                                : -1;
        case OPTION_DESCRIPTION:
                report->description = optarg;
                return -1;
        case 'v':
                report->verbose = true;
                return -1;
        default:
                return cli_option(cli, option, help);
        }
}

int twin_report_main(Cli *cli, int argc, char **argv) {
        Report report = { .cli = cli };
        int option;

        while ((option = getopt_long(argc, argv, "v", report_options, NULL)) >= 0) {
                int code = parse_option(cli, &report, option, &report_help);

                if (code >= 0)
                        return code;
        }
        if (argc - optind != 1)
                return cli_usage(
                        "twin report takes one JSON object; quote it, or say '-' for standard input");
        return strcmp(argv[optind], "-") == 0 ? report_input(&report) : report_patch(&report, argv[optind]);
}

int twin_acknowledge_main(Cli *cli, int argc, char **argv) {
        Report report = { .cli = cli, .status = 200 };
        int option;

        while ((option = getopt_long(argc, argv, "v", acknowledge_options, NULL)) >= 0) {
                int code = parse_option(cli, &report, option, &acknowledge_help);

                if (code >= 0)
                        return code;
        }
        if (argc - optind != 2)
                return cli_usage("twin acknowledge takes the name of a property and its value as JSON");
        return acknowledge(&report, argv[optind], argv[optind + 1]);
}
