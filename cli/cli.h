/* SPDX-License-Identifier: MIT */
#pragma once

/* What the verbs of the command line share: options, the daemon, words for what went wrong. */

#include <getopt.h>

#include "cli/color.h"
#include "ipc/aziot.h"
#include "util/util.h"

#define CLI_SOCKET_DEFAULT "/run/aziotd/socket"

/* Exit codes. A wrong command line is told apart, so that a script can tell its own mistakes. */
enum {
        CLI_OK = 0,
        CLI_ERROR = 1,
        CLI_USAGE = 2,
        CLI_NO = 3, /* all went well, and the answer is no: not online, no such property, too few messages */
};

typedef struct Verb Verb;

typedef struct Cli {
        const char *socket_path;
        const Verb *verb; /* the one that runs; NULL: none yet */
        char command[32]; /* how it is called: "aziot twin get" */
        bool json;
        ColorMode color;
} Cli;

/* Runs a verb: argv[0] is its name. Returns the exit code. */
typedef int (*VerbHandler)(Cli *cli, int argc, char **argv);

/* A row of what --help lists. */
struct Verb {
        const char *name;
        const char *arguments; /* behind the name, as "[BODY]"; NULL: none */
        const char *summary;   /* what it does, without a full stop */
        VerbHandler handler;
        bool has_no_json; /* --json is refused: it prints nothing, or what has a format of its own */
};

int status_main(Cli *cli, int argc, char **argv);
int watch_main(Cli *cli, int argc, char **argv);
int send_main(Cli *cli, int argc, char **argv);
int messages_main(Cli *cli, int argc, char **argv);
int twin_main(Cli *cli, int argc, char **argv);
int serve_main(Cli *cli, int argc, char **argv);
int access_main(Cli *cli, int argc, char **argv);
int check_main(Cli *cli, int argc, char **argv);
int history_main(Cli *cli, int argc, char **argv);
int why_main(Cli *cli, int argc, char **argv);
int provisioning_main(Cli *cli, int argc, char **argv);
int reprovision_main(Cli *cli, int argc, char **argv);
int metrics_main(Cli *cli, int argc, char **argv);
int bundle_main(Cli *cli, int argc, char **argv);
int config_main(Cli *cli, int argc, char **argv);
int reload_main(Cli *cli, int argc, char **argv);
int log_level_main(Cli *cli, int argc, char **argv);
int broker_main(Cli *cli, int argc, char **argv);
int call_main(Cli *cli, int argc, char **argv);

/* What --help says; lines have at most 80 columns, and each text ends with a newline. */
typedef struct Help {
        const char *usage;    /* "send [OPTION]... [BODY | -]", without a newline */
        const char *what;     /* it does */
        const Verb *verbs;    /* those behind it; ended by an empty one */
        const char *options;  /* its own; NULL: none */
        const char *yes, *no; /* what exit codes 0 and 3 say, without a newline; NULL: it never ends with 3 */
        const char *more;     /* examples and the like; NULL: none */
} Help;

/* Prints it, with the options and exit codes that all verbs have. */
void cli_print_help(const Cli *cli, const Help *help);

/* Runs the verb that argv[optind] names, and returns its exit code; complains if there is none. 'verbs' is
 * ended by an empty one. */
int cli_run_verb(Cli *cli, const Verb *verbs, int argc, char **argv);

/* Options that every verb takes; a verb numbers its own from CLI_OPTION_VERB on. */
enum {
        CLI_OPTION_SOCKET = 0x100,
        CLI_OPTION_JSON,
        CLI_OPTION_COLOR,
        CLI_OPTION_HELP,
        CLI_OPTION_VERB,
};

/* clang-format off */
#define CLI_OPTIONS                                               \
        { "socket", required_argument, NULL, CLI_OPTION_SOCKET }, \
        { "json", no_argument, NULL, CLI_OPTION_JSON },           \
        { "color", required_argument, NULL, CLI_OPTION_COLOR },   \
        { "help", no_argument, NULL, CLI_OPTION_HELP }
/* clang-format on */

/*
 * Deals with an option that is not the verb's own. Returns a negative number to go on, or the exit code to
 * end with: after --help, which prints 'help', or after an unknown option, about which getopt has
 * complained.
 */
int cli_option(Cli *cli, int option, const Help *help);

/* Parses the number of an option named 'name'; complains and returns -EINVAL unless it is in range. */
int cli_parse_number(const char *name, const char *text, uint32_t min, uint32_t max, uint32_t *ret);

/* Prints "aziot: ..." to standard error and returns 'code'. main() adds the hint at --help. */
int cli_complain(int code, const char *format, ...) _printf_(2, 3);
#define cli_error(...) cli_complain(CLI_ERROR, __VA_ARGS__)
#define cli_usage(...) cli_complain(CLI_USAGE, __VA_ARGS__)

/* Makes the object that the verb talks to the daemon through, or complains and returns a negative errno. */
int cli_open(const Cli *cli, Aziot **ret);

/* From here until cli_be_answered() the person at a terminal who gets no answer for long is told so. */
void cli_ask(void);
void cli_be_answered(void);

/* Both for a verb that asks one thing. */
int cli_open_to_ask(const Cli *cli, Aziot **ret);
DEFINE_CLEANUP(Aziot *, aziot_free)

/* Says what the result of a function of libaziot, or of an event, means, and what to do. Returns CLI_ERROR.
 */
int cli_failure(Aziot *a, int result);

/* The same of one of several: 'subject' is "line 7: ", or empty. */
int cli_failure_of(Aziot *a, int result, const char *subject);

/*
 * Parses the command line of a verb that has no options of its own and takes no argument. Returns a negative
 * number to go on, or the exit code to end with.
 */
int cli_parse_bare(Cli *cli, int argc, char **argv, const Help *help);

/* Flushes what was printed. CLI_OK; CLI_ERROR if it cannot be written, which it says unless nobody reads it.
 */
int cli_flush(void);

/* Prints JSON on one line, whatever line breaks stand between its tokens, and flushes it; returns likewise.
 */
int cli_print_json(const char *json, size_t size);
