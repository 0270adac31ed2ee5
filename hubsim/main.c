/* SPDX-License-Identifier: MIT */

#include <getopt.h>
#include <limits.h>

#include "hubsim/certificate-command.h"
#include "hubsim/client.h"
#include "hubsim/help.h"
#include "hubsim/method.h"
#include "hubsim/rules.h"
#include "hubsim/run.h"

#define NAMES_MAX 31U

/* A day. */
#define SECONDS_MAX 86400

/* A century. */
#define DAYS_MAX 36525

enum {
        OPTION_STATE_DIR = 'd',
        OPTION_SOCKET = 's',
        OPTION_LISTEN = 'l',
        OPTION_LISTEN_WEBSOCKET = 'w',
        OPTION_HOST = 'n',
        OPTION_DEVICE = 'D',
        OPTION_EXPIRY_GRACE = 'g',
        OPTION_TIMEOUT = 't',
        OPTION_CONNECT_TIMEOUT = 'c',
        OPTION_SINCE = 'S',
        OPTION_JSON = 'j',
        OPTION_BASIC = 'b',
        OPTION_COUNT = 'N',
        OPTION_MESSAGE_ID = 'M',
        OPTION_CORRELATION_ID = 'C',
        OPTION_USER_ID = 'U',
        OPTION_CONTENT_TYPE = 'T',
        OPTION_CONTENT_ENCODING = 'E',
        OPTION_PROPERTY = 'p',
        OPTION_TTL = 'L',
        OPTION_ACK = 'a',
        OPTION_THUMBPRINT = 'u',
        OPTION_CA = 'z',
        OPTION_SELF_SIGNED = 'Z',
        OPTION_INTERMEDIATE = 'i',
        OPTION_DAYS = 'y',
        OPTION_FROM = 'Y',
        OPTION_GROUP = 'G',
        OPTION_KEY = 'k',
        OPTION_HUB = 'H',
        OPTION_HUB_SOCKET = 'q',
        OPTION_PAYLOAD = 'P',
        OPTION_STATUS = 'x',
        OPTION_FAILURE = 'f',
        OPTION_FAILURE_MESSAGE = 'm',
        OPTION_ASSIGNING = 'A',
        OPTION_RETRY_AFTER = 'r',
        OPTION_REPROVISION = 'R',
        OPTION_HELP = 'h',
        OPTION_VERSION = 'v',
};

static const struct option options[] = {
        { "state-dir", required_argument, NULL, OPTION_STATE_DIR },
        { "socket", required_argument, NULL, OPTION_SOCKET },
        { "listen", required_argument, NULL, OPTION_LISTEN },
        { "listen-websocket", required_argument, NULL, OPTION_LISTEN_WEBSOCKET },
        { "host", required_argument, NULL, OPTION_HOST },
        { "device", required_argument, NULL, OPTION_DEVICE },
        { "expiry-grace", required_argument, NULL, OPTION_EXPIRY_GRACE },
        { "timeout", required_argument, NULL, OPTION_TIMEOUT },
        { "connect-timeout", required_argument, NULL, OPTION_CONNECT_TIMEOUT },
        { "since", required_argument, NULL, OPTION_SINCE },
        { "json", no_argument, NULL, OPTION_JSON },
        { "basic", no_argument, NULL, OPTION_BASIC },
        { "count", no_argument, NULL, OPTION_COUNT },
        { "message-id", required_argument, NULL, OPTION_MESSAGE_ID },
        { "correlation-id", required_argument, NULL, OPTION_CORRELATION_ID },
        { "user-id", required_argument, NULL, OPTION_USER_ID },
        { "content-type", required_argument, NULL, OPTION_CONTENT_TYPE },
        { "content-encoding", required_argument, NULL, OPTION_CONTENT_ENCODING },
        { "property", required_argument, NULL, OPTION_PROPERTY },
        { "ttl", required_argument, NULL, OPTION_TTL },
        { "ack", required_argument, NULL, OPTION_ACK },
        { "thumbprint", required_argument, NULL, OPTION_THUMBPRINT },
        { "ca", no_argument, NULL, OPTION_CA },
        { "self-signed", no_argument, NULL, OPTION_SELF_SIGNED },
        { "intermediate", required_argument, NULL, OPTION_INTERMEDIATE },
        { "days", required_argument, NULL, OPTION_DAYS },
        { "from", required_argument, NULL, OPTION_FROM },
        { "group", no_argument, NULL, OPTION_GROUP },
        { "key", required_argument, NULL, OPTION_KEY },
        { "hub", required_argument, NULL, OPTION_HUB },
        { "hub-socket", required_argument, NULL, OPTION_HUB_SOCKET },
        { "payload", required_argument, NULL, OPTION_PAYLOAD },
        { "status", required_argument, NULL, OPTION_STATUS },
        { "failure", required_argument, NULL, OPTION_FAILURE },
        { "failure-message", required_argument, NULL, OPTION_FAILURE_MESSAGE },
        { "assigning", required_argument, NULL, OPTION_ASSIGNING },
        { "retry-after", required_argument, NULL, OPTION_RETRY_AFTER },
        { "reprovision", required_argument, NULL, OPTION_REPROVISION },
        { "help", no_argument, NULL, OPTION_HELP },
        { "version", no_argument, NULL, OPTION_VERSION },
        {},
};

/* The command line. */
typedef struct Arguments {
        char state_dir[PATH_MAX], socket[PATH_MAX];
        const char *listen, *listen_websocket;
        const char *hosts[NAMES_MAX + 1], *devices[NAMES_MAX + 1]; /* end with NULL */
        unsigned long expiry_grace_s, timeout_s, connect_timeout_s, since;
        bool json, is_basic;
        const char *keys, *thumbprints;
        CertificateOptions certificate;
        ClientMessage message;
        ClientEnrollment enrollment;
        const char *properties[NAMES_MAX + 1]; /* of a message; end with NULL */
        bool given[128];                       /* by the letter of the option */
        const char *operands[6];               /* behind the command; end with NULL */
} Arguments;

static int usage_error(const char *message, const char *what) {
        fprintf(stderr, "aziot-hubsim: %s%s\nTry 'aziot-hubsim --help'.\n", message, what);
        return 2;
}

/* Returns an exit code above 0 if it is none. */
static int parse_number(const char *text, unsigned long max, unsigned long *ret) {
        unsigned long value;
        char *end;

        errno = 0;
        value = strtoul(text, &end, 10);
        if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || value > max)
                return usage_error("not a number, or too large: ", text);
        *ret = value;
        return 0;
}

/* The same for a number of days, which may be in the past. */
static int parse_days(const char *text, long *ret) {
        bool is_past = *text == '-';
        unsigned long days;
        int r;

        r = parse_number(text + is_past, DAYS_MAX, &days);
        if (r == 0)
                *ret = is_past ? -(long) days : (long) days;
        return r;
}

static ClientOptions client_options(const Arguments *a) {
        return (ClientOptions){
                .socket = a->socket,
                .device = a->devices[0],
                .since = a->since,
                .timeout_s = a->timeout_s,
                .connect_timeout_s = a->connect_timeout_s,
                .json = a->json,
                .keys = a->keys,
                .thumbprints = a->thumbprints,
                .has_ca = a->given[OPTION_CA],
        };
}

static int command_run(const Arguments *a) {
        RunOptions o = {
                .state_dir = a->state_dir,
                .socket = a->socket,
                .listen = a->listen,
                .listen_websocket = a->listen_websocket,
                .hosts = a->hosts,
                .devices = a->devices,
                .expiry_grace_s = a->expiry_grace_s,
                .counts = a->given[OPTION_COUNT],
                .is_basic = a->is_basic,
        };

        return run(&o);
}

static int command_monitor(const Arguments *a) {
        ClientOptions o = client_options(a);

        return client_monitor(&o);
}

static int command_log(const Arguments *a) {
        ClientOptions o = client_options(a);

        return client_log(&o);
}

static int command_counts(const Arguments *a) {
        ClientOptions o = client_options(a);

        return client_counts(&o);
}

static int command_invoke(const Arguments *a) {
        ClientOptions o = client_options(a);

        return client_invoke(&o, a->operands[0], a->operands[1], a->operands[2] ? a->operands[2] : "null");
}

static int command_cut(const Arguments *a) {
        ClientOptions o = client_options(a);
        unsigned long seconds;
        int r;

        r = parse_number(a->operands[0], SECONDS_MAX, &seconds);
        return r > 0 ? r : client_cut(&o, seconds);
}

static int command_device(const Arguments *a) {
        static const struct {
                const char *verb;
                bool has_credential;
                int (*function)(const ClientOptions *options, const char *device);
        } verbs[] = {
                { "add", true, client_device_add },        { "change", true, client_device_change },
                { "enable", false, client_device_enable }, { "disable", false, client_device_disable },
                { "remove", false, client_device_remove },
        };
        ClientOptions o = client_options(a);
        bool has_credential = o.keys || o.thumbprints || o.has_ca;

        if (strcmp(a->operands[0], "list") == 0 && !a->operands[1] && !has_credential)
                return client_device_list(&o);
        for (size_t i = 0; a->operands[1] && i < ELEMENTSOF(verbs); i++)
                if (strcmp(a->operands[0], verbs[i].verb) == 0 &&
                    (verbs[i].has_credential || !has_credential))
                        return verbs[i].function(&o, a->operands[1]);
        return usage_error("device: what to do? add, change, enable, disable or remove DEVICE, or list", "");
}

static int command_certificate(const Arguments *a) {
        const char *verb = a->operands[0], *first = a->operands[1], *second = a->operands[2];
        CertificateOptions o = a->certificate;

        o.state_dir = a->state_dir;
        o.names_state_dir = a->given[OPTION_STATE_DIR];
        o.is_self_signed = a->given[OPTION_SELF_SIGNED];
        if (o.is_self_signed && o.intermediate)
                return usage_error("certificate: --self-signed or --intermediate?", "");
        if (!a->given[OPTION_FROM])
                o.first_day = MIN(CERTIFICATE_FIRST_DAY, o.last_day - 1);
        if (o.first_day >= o.last_day)
                return usage_error("certificate: it would end before it begins", "");
        if (strcmp(verb, "create") == 0 && second)
                return certificate_create(&o, first, second);
        if (strcmp(verb, "ca") == 0 && !first)
                return certificate_print_ca(&o);
        if (strcmp(verb, "trust") == 0 && first && !second)
                return certificate_trust(&o, first);
        if (strcmp(verb, "untrust") == 0 && first && !second)
                return certificate_untrust(&o, first);
        if (strcmp(verb, "list") == 0 && !first)
                return certificate_list(&o);
        return usage_error(
                "certificate: what to do? create DEVICE DIR, ca, trust FILE, untrust THUMBPRINT, or list",
                "");
}

static int command_enrollment(const Arguments *a) {
        const char *verb = a->operands[0], *name = a->operands[1], *id = a->operands[2];
        ClientEnrollment enrollment = a->enrollment;
        ClientOptions o = client_options(a);

        enrollment.name = name;
        enrollment.device = a->devices[0];
        if (strcmp(verb, "add") == 0 && enrollment.is_group && o.thumbprints && !o.has_ca)
                return usage_error("enrollment: a group shares a CA and no certificate: --ca --thumbprint ",
                                   o.thumbprints);
        if (strcmp(verb, "add") == 0 && name && !id)
                return client_enrollment_add(&o, &enrollment);
        if (strcmp(verb, "change") == 0 && name && !id && !enrollment.is_group && !o.keys && !o.thumbprints &&
            !o.has_ca)
                return client_enrollment_change(&o, &enrollment);
        if (strcmp(verb, "show") == 0 && name)
                return client_enrollment_show(&o, name, id);
        if (strcmp(verb, "list") == 0 && !name)
                return client_enrollment_list(&o);
        if (strcmp(verb, "remove") == 0 && name && !id)
                return client_enrollment_remove(&o, name);
        return usage_error("enrollment: what to do? add, change, show or remove NAME, or list", "");
}

static int command_registration(const Arguments *a) {
        ClientOptions o = client_options(a);

        return client_registration(&o, a->operands[0]);
}

static int command_twin(const Arguments *a) {
        ClientOptions o = client_options(a);
        const char *verb = a->operands[1], *object = a->operands[2];

        if (!verb)
                return client_twin_get(&o, a->operands[0]);
        if (object && strcmp(verb, "update") == 0)
                return client_twin_change(&o, a->operands[0], false, object);
        if (object && strcmp(verb, "replace") == 0)
                return client_twin_change(&o, a->operands[0], true, object);
        return usage_error("twin: what to do? update JSON, or replace JSON", "");
}

static int command_messages(const Arguments *a) {
        const char *device = a->operands[0], *verb = a->operands[1] ? a->operands[1] : "list",
                   *body = a->operands[2];
        ClientOptions o = client_options(a);
        ClientMessage message = a->message;

        if (strcmp(verb, "send") == 0) {
                message.device = device;
                message.body = body ? body : "";
                message.properties = a->properties;
                return client_messages_send(&o, &message);
        }
        if (strcmp(verb, "list") == 0 && !body)
                return client_messages_list(&o, device);
        if (strcmp(verb, "purge") == 0 && !body)
                return client_messages_purge(&o, device);
        if (strcmp(verb, "feedback") == 0 && !body)
                return client_messages_feedback(&o, device);
        return usage_error("messages: what to do? send [BODY], list, purge, or feedback", "");
}

static int command_fault(const Arguments *a) {
        ClientOptions o = client_options(a);

        return client_fault(&o, a->operands);
}

static int command_limit(const Arguments *a) {
        const char *name = a->operands[0], *text = a->operands[1];
        ClientOptions o = client_options(a);
        unsigned long value;
        int r;

        if (!name)
                return client_limit_list(&o);
        if (strcmp(name, "reset") == 0 && !text)
                return client_limit_reset(&o);
        if (!text)
                return usage_error("limit: what to do? NAME VALUE, reset, or nothing", "");
        r = parse_number(text, INT_MAX, &value);
        return r > 0 ? r : client_limit_set(&o, name, value);
}

static int command_rules(const Arguments *a) {
        rules_print(stdout);
        return EXIT_SUCCESS;
}

static const struct {
        const char *name;
        const char *options; /* those it takes besides the common ones */
        int n_operands_min, n_operands_max;
        int (*function)(const Arguments *a);
} commands[] = {
        { "run", "lwnDgbN", 0, 0, command_run },
        { "monitor", "Dj", 0, 0, command_monitor },
        { "log", "DSj", 0, 0, command_log },
        { "counts", "D", 0, 0, command_counts },
        { "invoke", "tc", 2, 3, command_invoke },
        { "cut", "", 1, 1, command_cut },
        { "device", "jkuz", 1, 2, command_device },
        { "certificate", "ZiyY", 1, 3, command_certificate },
        { "twin", "", 1, 3, command_twin },
        { "messages", "MCUTEpLa", 1, 3, command_messages },
        { "fault", "", 0, 5, command_fault },
        { "limit", "", 0, 2, command_limit },
        { "rules", "", 0, 0, command_rules },
        { "enrollment", "DGkuzHqPxfmArRj", 1, 3, command_enrollment },
        { "registration", "", 1, 1, command_registration },
};

static int add_name(const char *names[static NAMES_MAX + 1], const char *name) {
        for (size_t i = 0; i < NAMES_MAX; i++)
                if (!names[i]) {
                        names[i] = name;
                        return 0;
                }
        return usage_error("too many names: ", name);
}

static int set_path(char path[static PATH_MAX], const char *text) {
        if ((size_t) snprintf(path, PATH_MAX, "%s", text) >= PATH_MAX)
                return usage_error("too long: ", text);
        return 0;
}

/* Those whose argument is kept as it is, and those of a message. Returns an exit code above 0 if it is wrong.
 */
static int parse_text_option(Arguments *a, int option) {
        const struct {
                int option;
                const char **text;
        } rows[] = {
                { OPTION_LISTEN, &a->listen },
                { OPTION_LISTEN_WEBSOCKET, &a->listen_websocket },
                { OPTION_KEY, &a->keys },
                { OPTION_THUMBPRINT, &a->thumbprints },
                { OPTION_INTERMEDIATE, &a->certificate.intermediate },
                { OPTION_HUB, &a->enrollment.hub },
                { OPTION_HUB_SOCKET, &a->enrollment.hub_socket },
                { OPTION_FAILURE_MESSAGE, &a->enrollment.failure_message },
                { OPTION_PAYLOAD, &a->enrollment.payload },
                { OPTION_STATUS, &a->enrollment.status },
                { OPTION_REPROVISION, &a->enrollment.reprovision },
                { OPTION_MESSAGE_ID, &a->message.message_id },
                { OPTION_CORRELATION_ID, &a->message.correlation_id },
                { OPTION_USER_ID, &a->message.user_id },
                { OPTION_CONTENT_TYPE, &a->message.content_type },
                { OPTION_CONTENT_ENCODING, &a->message.content_encoding },
                { OPTION_ACK, &a->message.ack },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].option == option) {
                        *rows[i].text = optarg;
                        return 0;
                }
        if (option == OPTION_PROPERTY)
                return add_name(a->properties, optarg);
        if (option == OPTION_TTL)
                return parse_number(optarg, LONG_MAX, &a->message.ttl_s);
        fprintf(stderr, "Try 'aziot-hubsim --help'.\n"); /* getopt_long() has said what is wrong */
        return 2;
}

/* Those of a certificate, and those that have no argument. Returns an exit code above 0 if it is wrong. */
static int parse_certificate_option(Arguments *a, int option) {
        switch (option) {
        case OPTION_DAYS:
                return parse_days(optarg, &a->certificate.last_day);
        case OPTION_FROM:
                return parse_days(optarg, &a->certificate.first_day);
        case OPTION_CA:
        case OPTION_SELF_SIGNED:
        case OPTION_COUNT:
                return 0; /* it is enough that it is given */
        default:
                return parse_text_option(a, option);
        }
}

static int parse_count(const char *text, unsigned long max, long *ret) {
        unsigned long value;
        int r;

        r = parse_number(text, max, &value);
        if (r == 0)
                *ret = (long) value;
        return r;
}

/* Those of an enrollment. Returns an exit code above 0 if it is wrong. */
static int parse_enrollment_option(Arguments *a, int option) {
        ClientEnrollment *e = &a->enrollment;

        switch (option) {
        case OPTION_GROUP:
                e->is_group = true;
                return 0;
        case OPTION_FAILURE:
                return parse_count(optarg, 999999, &e->failure);
        case OPTION_ASSIGNING:
                return parse_count(optarg, LONG_MAX, &e->n_assigning);
        case OPTION_RETRY_AFTER:
                return parse_count(optarg, SECONDS_MAX, &e->retry_after_s);
        default:
                return parse_certificate_option(a, option);
        }
}

/* Returns an exit code above 0 if it is wrong. */
static int parse_option(Arguments *a, int option) {
        switch (option) {
        case OPTION_STATE_DIR:
                return set_path(a->state_dir, optarg);
        case OPTION_SOCKET:
                return set_path(a->socket, optarg);
        case OPTION_HOST:
                return add_name(a->hosts, optarg);
        case OPTION_DEVICE:
                return add_name(a->devices, optarg);
        case OPTION_EXPIRY_GRACE:
                return parse_number(optarg, SECONDS_MAX, &a->expiry_grace_s);
        case OPTION_TIMEOUT:
                return parse_number(optarg, METHOD_TIMEOUT_MAX_S, &a->timeout_s);
        case OPTION_CONNECT_TIMEOUT:
                return parse_number(optarg, METHOD_TIMEOUT_MAX_S, &a->connect_timeout_s);
        case OPTION_SINCE:
                return parse_number(optarg, LONG_MAX, &a->since);
        case OPTION_JSON:
                a->json = true;
                return 0;
        case OPTION_BASIC:
                a->is_basic = true;
                return 0;
        default:
                return parse_enrollment_option(a, option);
        }
}

static int set_default_paths(Arguments *a) {
        const char *directory = getenv("STATE_DIRECTORY"), *base = getenv("XDG_STATE_HOME"),
                   *home = getenv("HOME");
        int n = 0;

        if (a->state_dir[0] == '\0') {
                if (directory)
                        n = snprintf(a->state_dir, PATH_MAX, "%s", directory);
                else if (base)
                        n = snprintf(a->state_dir, PATH_MAX, "%s/aziot-hubsim", base);
                else
                        n = snprintf(a->state_dir, PATH_MAX, "%s/.local/state/aziot-hubsim",
                                     home ? home : "");
                if (n >= PATH_MAX)
                        return usage_error("too long: ", "the state directory");
        }
        if (a->socket[0] == '\0') {
                n = snprintf(a->socket, PATH_MAX, "%s/socket", a->state_dir);
                if (n >= PATH_MAX)
                        return usage_error("too long: ", "the state directory");
        }
        return 0;
}

/* Checks what stands behind the command's name, and runs it. */
static int run_command(size_t command, Arguments *a, int n_operands, char **operands) {
        const char *name = commands[command].name;

        if (n_operands < commands[command].n_operands_min || n_operands > commands[command].n_operands_max)
                return usage_error("too few or too many arguments for ", name);
        for (const struct option *o = options; o->name; o++)
                if (a->given[o->val] && o->val != OPTION_STATE_DIR && o->val != OPTION_SOCKET &&
                    !strchr(commands[command].options, o->val)) {
                        fprintf(stderr, "aziot-hubsim: %s does not take --%s\n", name, o->name);
                        return 2;
                }

        for (int i = 0; i < n_operands; i++)
                a->operands[i] = operands[i];
        return commands[command].function(a);
}

int main(int argc, char *argv[]) {
        Arguments a = {
                .listen = "127.0.0.1:8883",
                .timeout_s = METHOD_TIMEOUT_DEFAULT_S,
                .since = 1,
                .certificate = { .last_day = CERTIFICATE_LAST_DAY },
                .enrollment = { .failure = -1, .n_assigning = -1, .retry_after_s = -1 },
        };
        int option, r;

        while ((option = getopt_long(argc, argv, "hv", options, NULL)) >= 0) {
                if (option == OPTION_VERSION) {
                        printf("aziot-hubsim %s\n", AZIOT_VERSION);
                        return EXIT_SUCCESS;
                }
                r = option == OPTION_HELP ? 0 : parse_option(&a, option);
                if (r > 0)
                        return r;
                a.given[option] = true;
        }
        if (a.given[OPTION_HELP])
                return help_print(stdout, argv[optind]) ? EXIT_SUCCESS
                                                        : usage_error("unknown command: ", argv[optind]);
        r = set_default_paths(&a);
        if (r > 0)
                return r;
        if (optind == argc)
                return usage_error("which command?", "");

        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                if (strcmp(argv[optind], commands[i].name) == 0)
                        return run_command(i, &a, argc - optind - 1, argv + optind + 1);
        return usage_error("unknown command: ", argv[optind]);
}
