/* SPDX-License-Identifier: MIT */

/* aziot access: what a program may do, by which rule, and what to think of that rule. */

#include <inttypes.h>
#include <pwd.h>

#include <azure/core/az_json.h>

#include "cli/cli.h"
#include "cli/line.h"
#include "cli/reply.h"
#include "cli/wrap.h"

#define METHOD "io.aziotd.device.GetAccess"

/* As of a name that systemd takes. */
#define UNIT_MAX 255U

/* A byte of it takes at most six in JSON, and the rest is ours. */
#define PARAMETERS_SIZE (6 * UNIT_MAX + 64)

static const Help help = {
        .usage = "access [OPTION]...",
        .what = "Shows what you may do, or what a program of another user or unit may: its\n"
                "grants, methods, topics, sections of the twin and limits, each with the rule of\n"
                "section [Access] that says so. To ask about others needs the grant admin.\n",
        .options = "      --user USER           a program of this user, by name or number\n"
                   "      --unit UNIT           a program in this unit, as in press.service\n",
};

enum {
        OPTION_USER = CLI_OPTION_VERB,
        OPTION_UNIT,
};

static const struct option options[] = {
        CLI_OPTIONS,
        { "user", required_argument, NULL, OPTION_USER },
        { "unit", required_argument, NULL, OPTION_UNIT },
        {},
};

typedef struct Question {
        int64_t uid;      /* -1: not told */
        const char *unit; /* NULL: not told */
} Question;

static int find_user(const char *text, int64_t *ret) {
        const struct passwd *user = getpwnam(text);
        uint32_t uid;

        if (user)
                uid = user->pw_uid;
        else if (az_result_failed(az_span_atou32(az_span_create_from_str((char *) text), &uid)) ||
                 uid == UINT32_MAX) {
                (void) cli_error("There is no user '%s'", text);
                return -ENOENT;
        }
        *ret = uid;
        return 0;
}

/* Writes the parameters of the call. False: the unit is no name of one. */
static bool write_parameters(char buffer[static PARAMETERS_SIZE], const Question *q) {
        az_span unit = q->unit ? az_span_create_from_str((char *) q->unit) : AZ_SPAN_EMPTY;
        az_json_writer w;
        bool is_good;

        if (az_span_size(unit) > (int32_t) UNIT_MAX || !az_span_is_valid_utf8(unit))
                return false;
        is_good = az_result_succeeded(az_json_writer_init(
                          &w, az_span_create((uint8_t *) buffer, PARAMETERS_SIZE - 1), NULL)) &&
                  az_result_succeeded(az_json_writer_append_begin_object(&w));
        if (is_good && q->uid >= 0)
                is_good = az_result_succeeded(
                                  az_json_writer_append_property_name(&w, AZ_SPAN_FROM_STR("uid"))) &&
                          az_result_succeeded(az_json_writer_append_double(&w, (double) q->uid, 0));
        if (is_good && q->unit)
                is_good = az_result_succeeded(
                                  az_json_writer_append_property_name(&w, AZ_SPAN_FROM_STR("unit"))) &&
                          az_result_succeeded(az_json_writer_append_string(&w, unit));
        if (!is_good || az_result_failed(az_json_writer_append_end_object(&w)))
                return false;
        buffer[w.total_bytes_written] = '\0';
        return true;
}

/* Printing -------------------------------------------------------------------------------------------- */

typedef struct Answer {
        const char *json;
        size_t size;
        unsigned width;
        const char *label; /* of the next line of a list */
        Line line;
} Answer;

static void print(const Answer *a, const char *label, const char *text) {
        (void) wrap_print(stdout, a->width, label, text, WRAP_ALL);
}

static void line_add_rule(Line *line, const Answer *a, const char *member) {
        _cleanup_(freep) char *rule = reply_get_text(a->json, a->size, member);

        line_add(line, " (%s)", rule ?: "by default");
}

static void print_who(const Answer *a) {
        int64_t uid = reply_get_number(a->json, a->size, "uid", -1);
        _cleanup_(freep) char *unit = reply_get_text(a->json, a->size, "unit");
        const struct passwd *user = uid >= 0 ? getpwuid((uid_t) uid) : NULL;
        Line line = {};

        if (uid < 0)
                line_add(&line, "of a user whom no rule names");
        else
                line_add(&line, "uid %" PRId64, uid);
        if (user)
                line_add(&line, " (%s)", user->pw_name);
        if (unit)
                line_add(&line, ", unit %s", unit);
        else
                line_add(&line, ", in no unit");
        print(a, "who", line.text);
}

static void print_grants(const Answer *a, const char *grants) {
        Line line = {};

        line_add(&line, "%s", grants[0] ? grants : "none");
        line_add_rule(&line, a, "grantsRule");
        print(a, "grants", line.text);
}

static void print_methods(const Answer *a, const char *grants) {
        _cleanup_(freep) char *methods = reply_join_texts(a->json, a->size, "methods", " ");
        Line line = {};

        if (!strstr(grants, "serve"))
                return;
        line_add(&line, "%s", methods ?: "any that no other user serves");
        line_add_rule(&line, a, "methodsRule");
        print(a, "methods", line.text);
}

static int print_topics(void *userdata, const char *element, size_t size) {
        _cleanup_(freep) char *use = reply_get_text(element, size, "use"),
                              *filters = reply_join_texts(element, size, "filters", " "),
                              *rule = reply_get_text(element, size, "rule");
        const Answer *a = userdata;
        Line line = {};

        line_add(&line, "%s %s (%s)", use ?: "?", filters ?: "?", rule ?: "?");
        print(a, "broker", line.text);
        return 0;
}

static int add_section(void *userdata, const char *element, size_t size) {
        _cleanup_(freep) char *section = reply_get_text(element, size, "section"),
                              *rule = reply_get_text(element, size, "rule");
        Line *line = userdata;

        line_add(line, "%s%s (%s)", line->len > 0 ? ", " : "", section ?: "?", rule ?: "?");
        return 0;
}

static void print_twin(const Answer *a, const char *grants) {
        Line line = {};

        if (!strstr(grants, "read") && !strstr(grants, "send"))
                return;
        (void) reply_for_each(a->json, a->size, "sections", add_section, &line);
        if (line.len == 0)
                line_add(&line, strstr(grants, "admin") ? "all of it (by default)"
                                                        : "all of it, but what is in sections of others is "
                                                          "theirs to write (by default)");
        print(a, "twin", line.text);
}

static void print_rate(const Answer *a) {
        int64_t per_s = reply_get_number(a->json, a->size, "sendPerSecond", -1);
        Line line = {};

        if (per_s < 0)
                line_add(&line, "no limit");
        else
                line_add(&line, "%" PRId64 " messages a second, %" PRId64 " at once, for all of its user",
                         per_s, reply_get_number(a->json, a->size, "sendBurst", per_s));
        line_add_rule(&line, a, "sendRule");
        print(a, "rate", line.text);
}

static void print_outbox(const Answer *a) {
        int64_t n_bytes = reply_get_number(a->json, a->size, "outboxMaxBytes", -1),
                n_messages = reply_get_number(a->json, a->size, "outboxMaxMessages", -1);
        Line line = {};

        if (n_bytes < 0)
                line_add(&line, "any size");
        else
                line_add_size(&line, n_bytes);
        line_add_rule(&line, a, "outboxBytesRule");
        if (n_messages < 0)
                line_add(&line, ", any number");
        else
                line_add(&line, ", %" PRId64 " messages", n_messages);
        line_add_rule(&line, a, "outboxMessagesRule");
        print(a, "outbox", line.text);
}

static int print_rule(void *userdata, const char *element, size_t size) {
        _cleanup_(freep) char *rule = reply_get_text(element, size, "rule"),
                              *whom = reply_get_text(element, size, "whom");
        Answer *a = userdata;
        Line line = {};

        line_add(&line, "%s: %s", rule ?: "?", whom ?: "?");
        print(a, a->label, line.text);
        a->label = "";
        return 0;
}

static int note_unit(void *userdata, const char *element, size_t size) {
        bool *has_unit = userdata;

        *has_unit |= reply_is_true(element, size, "hasUnit");
        return 0;
}

static void print_notes(const Answer *a) {
        bool has_unit = false;

        (void) reply_for_each(a->json, a->size, "rules", note_unit, &has_unit);
        if (reply_is_true(a->json, a->size, "isUnitUnknown"))
                print(a, "note",
                      "The process had ended when its unit was looked up. Nobody knows whether a rule for a "
                      "unit is for it, so that it is granted nothing.");
        if (has_unit)
                print(a, "note",
                      "A rule with Unit= is weaker than one with User= alone. The kernel notes the user when "
                      "a "
                      "program connects; the unit is looked up afterwards, by the number of its process, "
                      "which may be another process by then, and all that runs in the unit counts, whoever "
                      "started it there. Where it matters, give the service a user of its own and set both.");
}

static void print_answer(const char *json, size_t size) {
        Answer a = { .json = json, .size = size, .width = wrap_width(stdout), .label = "rules" };
        _cleanup_(freep) char *joined = reply_join_texts(json, size, "grants", " ");
        const char *grants = joined ?: "";

        print_who(&a);
        print_grants(&a, grants);
        print_methods(&a, grants);
        (void) reply_for_each(a.json, a.size, "topics", print_topics, &a);
        print_twin(&a, grants);
        if (strstr(grants, "send")) {
                print_rate(&a);
                print_outbox(&a);
        }
        (void) reply_for_each(json, size, "rules", print_rule, &a);
        print_notes(&a);
}

int access_main(Cli *cli, int argc, char **argv) {
        _cleanup_(aziot_freep) Aziot *a = NULL;
        char parameters[PARAMETERS_SIZE];
        Question question = { .uid = -1 };
        const AziotReply *reply;
        int option, code, r;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (option == OPTION_UNIT)
                        question.unit = optarg;
                else if (option == OPTION_USER) {
                        if (find_user(optarg, &question.uid) < 0)
                                return CLI_ERROR;
                } else {
                        code = cli_option(cli, option, &help);
                        if (code >= 0)
                                return code;
                }
        }
        if (optind < argc)
                return cli_usage("access takes no argument; other users: --user, units: --unit");
        if (!write_parameters(parameters, &question))
                return cli_usage("'%s' is no unit", question.unit);

        if (cli_open_to_ask(cli, &a) < 0)
                return CLI_ERROR;
        r = aziot_call(a, METHOD, parameters, 0, &reply);
        if (r != 0)
                return cli_failure(a, r);
        if (cli->json)
                return cli_print_json(reply->parameters, reply->parameters_size);
        print_answer(reply->parameters, reply->parameters_size);
        return cli_flush();
}
