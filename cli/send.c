/* SPDX-License-Identifier: MIT */

/*
 * aziot send: one message from the command line, or one for each line of standard input.
 *
 * Lines that are at hand are sent as one batch, of which the daemon takes all or nothing; so whatever is sent
 * again, for want of room or to find the one that is refused, the order stays. Nothing is outstanding while
 * the input is silent.
 */

#include <azure/core/az_span.h>
#include <inttypes.h>
#include <poll.h>

#include "cli/cli.h"
#include "cli/lines.h"
#include "cli/progress.h"
#include "cli/properties.h"

/* Lines of a batch, and the size that ends one. */
#define BATCH_MAX   64U
#define BATCH_BYTES (64U * 1024U)

/* More than any message may have. */
#define BODY_MAX (512U * 1024U)

/* Unless told. */
#define TIMEOUT_S 60U

/* How often it is told how far it is. */
#define TICK_US (200 * USEC_PER_MSEC)

static const Help help = {
        .usage = "send [OPTION]... [BODY | -]",
        .what = "Sends BODY as a message; with '-', all of standard input; with neither, each\n"
                "line of it that is not empty. A JSON object is sent byte for byte as JSON,\n"
                "everything else as text.\n",
        .options = "      --property KEY=VALUE  an application property; may be repeated\n"
                   "      --content-type TYPE   MIME type of the body\n"
                   "      --message-id ID       names the message for its receiver\n"
                   "      --component NAME      the Plug and Play component it belongs to\n"
                   "      --ttl SECONDS         drop the message if it is not delivered by then\n"
                   "      --text                send a JSON object as text, too\n"
                   "      --data                send bytes that need not be text\n"
                   "      --priority PRIORITY   normal (the default), or high: an alarm, which\n"
                   "                            overtakes all normal messages that wait\n"
                   "      --stage STAGE         wait until the message is accepted (the default: it\n"
                   "                            survives the daemon being killed), durable (a power\n"
                   "                            cut), or delivered (the hub has it)\n"
                   "      --timeout SECONDS     how long to wait for that, for room if the outbox\n"
                   "                            is full, and for its turn if it may send no more\n"
                   "                            in a second (60)\n"
                   "  -v, --verbose             print the sequence number of each message\n",
        .more = "  aziot send '{\"temperature\":21.5}' --property alert=no\n"
                "  vmstat -n 60 | aziot send --component load\n",
};

enum {
        OPTION_PROPERTY = CLI_OPTION_VERB,
        OPTION_CONTENT_TYPE,
        OPTION_MESSAGE_ID,
        OPTION_COMPONENT,
        OPTION_TTL,
        OPTION_TEXT,
        OPTION_DATA,
        OPTION_PRIORITY,
        OPTION_STAGE,
        OPTION_TIMEOUT,
};

static const struct option options[] = {
        CLI_OPTIONS,
        { "property", required_argument, NULL, OPTION_PROPERTY },
        { "content-type", required_argument, NULL, OPTION_CONTENT_TYPE },
        { "message-id", required_argument, NULL, OPTION_MESSAGE_ID },
        { "component", required_argument, NULL, OPTION_COMPONENT },
        { "ttl", required_argument, NULL, OPTION_TTL },
        { "text", no_argument, NULL, OPTION_TEXT },
        { "data", no_argument, NULL, OPTION_DATA },
        { "priority", required_argument, NULL, OPTION_PRIORITY },
        { "stage", required_argument, NULL, OPTION_STAGE },
        { "timeout", required_argument, NULL, OPTION_TIMEOUT },
        { "verbose", no_argument, NULL, 'v' },
        {},
};

typedef struct Batch {
        AziotMessage messages[BATCH_MAX];
        uint64_t lines[BATCH_MAX];
        size_t n, n_bytes;
        uint8_t *bytes; /* BATCH_BYTES and the last line */
} Batch;

typedef struct Sender {
        const Cli *cli;
        Aziot *a;
        AziotMessage message; /* all but its body */
        Properties properties;
        AziotStage stage;
        unsigned flags;
        uint32_t timeout_s;
        bool verbose;
        Lines input;
        Batch batch;
        Progress progress;
        uint64_t n_sent;
} Sender;

static void sender_done(Sender *s) {
        progress_clear(&s->progress);
        s->a = aziot_free(s->a);
        properties_done(&s->properties);
        lines_done(&s->input);
        free(s->batch.bytes);
}

static const char *const stages[] = {
        [AZIOT_ACCEPTED] = "accepted",
        [AZIOT_DURABLE] = "durable",
        [AZIOT_DELIVERED] = "delivered",
};

static int set_property(Sender *s, char *property) {
        int r = -EINVAL;

        if (az_span_is_valid_utf8(az_span_create_from_str(property)))
                r = properties_add(&s->properties, property);
        if (r == -EINVAL)
                (void) cli_usage("A property is KEY=VALUE in UTF-8, not '%s'", property);
        else if (r == -EEXIST)
                (void) cli_usage("This property is there twice: '%s'", property);
        else if (r < 0)
                (void) cli_error("%s", strerror(-r));
        return r;
}

static int set_stage(Sender *s, const char *stage) {
        for (size_t i = 0; i < ELEMENTSOF(stages); i++)
                if (strcmp(stage, stages[i]) == 0) {
                        s->stage = (AziotStage) i;
                        return 0;
                }
        (void) cli_usage("A stage is accepted, durable or delivered, not '%s'", stage);
        return -EINVAL;
}

static int set_priority(Sender *s, const char *priority) {
        bool is_high = strcmp(priority, "high") == 0;

        if (!is_high && strcmp(priority, "normal") != 0) {
                (void) cli_usage("A priority is normal or high, not '%s'", priority);
                return -EINVAL;
        }
        s->flags = is_high ? AZIOT_HIGH_PRIORITY : 0;
        return 0;
}

/* Returns like cli_option(). */
static int sender_option(Sender *s, int option) {
        int r = 0;

        switch (option) {
        case OPTION_PROPERTY:
                r = set_property(s, optarg);
                break;
        case OPTION_CONTENT_TYPE:
                s->message.content_type = optarg;
                break;
        case OPTION_MESSAGE_ID:
                s->message.message_id = optarg;
                break;
        case OPTION_COMPONENT:
                s->message.component = optarg;
                break;
        case OPTION_TTL:
                r = cli_parse_number("ttl", optarg, 1, UINT32_MAX, &s->message.ttl_s);
                break;
        case OPTION_TEXT:
                s->message.body_kind = AZIOT_BODY_TEXT;
                break;
        case OPTION_DATA:
                s->message.body_kind = AZIOT_BODY_DATA;
                break;
        case OPTION_PRIORITY:
                r = set_priority(s, optarg);
                break;
        case OPTION_STAGE:
                r = set_stage(s, optarg);
                break;
        case OPTION_TIMEOUT:
                r = cli_parse_number("timeout", optarg, 1, 86400, &s->timeout_s);
                break;
        case 'v':
                s->verbose = true;
                break;
        default:
                return CLI_USAGE;
        }
        return r < 0 ? CLI_USAGE : -1;
}

/* "line 7: ", or nothing if there is only one message. */
static const char *subject_format(char buffer[32], uint64_t line) {
        buffer[0] = 0;
        if (line > 0)
                (void) snprintf(buffer, 32, "line %" PRIu64 ": ", line);
        return buffer;
}

static int input_error(Sender *s, uint64_t line, int r) {
        const char *text = r == -EILSEQ     ? "it is not UTF-8 text; --data sends bytes"
                           : r == -EMSGSIZE ? "it is larger than any message may be"
                                            : strerror(-r);
        char buffer[32];

        progress_clear(&s->progress);
        return cli_error("%s%s", subject_format(buffer, line), text);
}

static AziotMessage make_message(const Sender *s, az_span body) {
        AziotMessage message = s->message;

        message.body = az_span_ptr(body);
        message.body_size = (size_t) az_span_size(body);
        message.properties = s->properties.items;
        message.n_properties = s->properties.n_items;
        return message;
}

static bool is_sendable(const Sender *s, az_span body) {
        return s->message.body_kind == AZIOT_BODY_DATA || az_span_is_valid_utf8(body);
}

/* After how long to try again, as the daemon says; 0: it does not. */
static int get_retry_ms(const Sender *s) {
        const AziotError *error = aziot_get_error(s->a);
        const char *value;
        size_t size;

        if (aziot_json_find(error->parameters, error->parameters_size, "retryAfterMs", &value, &size) != 0)
                return 0;
        return (int) MIN(strtoul(value, NULL, 10), 1000UL);
}

/* Sends all of them or none, and waits for the stage. Returns like aziot_send(). */
static int send_once(Sender *s, const AziotMessage *messages, size_t n, uint64_t *ret_last) {
        const AziotEvent *event;
        int r;

        if (s->stage != AZIOT_DELIVERED) /* which lasts as long as the device is offline */
                cli_ask();
        if (n == 1)
                r = aziot_send_start(s->a, messages, s->stage, s->flags, NULL);
        else
                r = aziot_send_batch_start(s->a, messages, n, s->stage, s->flags, NULL);
        while (r == 0) {
                r = aziot_wait(s->a, TICK_US, &event);
                if (r == 0)
                        progress_show(&s->progress, "%" PRIu64 " messages %s, waiting for %zu more",
                                      s->n_sent, stages[s->stage], n);
                if (r > 0 && event->type == AZIOT_EVENT_REPLY) {
                        cli_be_answered();
                        *ret_last = (uint64_t) event->as.reply.sequence;
                        return event->result;
                }
                r = r == -EINTR ? 0 : MIN(r, 0); /* the notice was given */
        }
        return r;
}

/* Sends all of them or none, again and again while there is no room for them. Returns like aziot_send(). */
static int send_patiently(Sender *s, const AziotMessage *messages, size_t n, uint64_t *ret_last) {
        uint64_t end_us = boottime_us() + s->timeout_s * USEC_PER_SEC;
        int r, retry_ms;

        for (;;) {
                r = send_once(s, messages, n, ret_last);
                retry_ms = r == AZIOT_REFUSED ? get_retry_ms(s) : 0;
                if (retry_ms == 0 || boottime_us() >= end_us)
                        return r;
                progress_show(&s->progress, "%" PRIu64 " messages %s, waiting for room for %zu more",
                              s->n_sent, stages[s->stage], n);
                (void) poll(NULL, 0, retry_ms);
        }
}

static void print_sequences(const Sender *s, uint64_t last, size_t n) {
        for (uint64_t sequence = last - n + 1; sequence <= last; sequence++) {
                if (s->cli->json)
                        (void) printf("{\"sequence\":%" PRIu64 "}\n", sequence);
                if (s->verbose)
                        (void) printf("%" PRIu64 "\n", sequence);
        }
        (void) fflush(stdout);
}

/* What became of the messages of the lines first to last; 0: of the only one. */
static int sender_finish(Sender *s, int r, uint64_t first, uint64_t last, size_t n) {
        char subject[64] = "";

        progress_clear(&s->progress);
        if (first > 0 && first == last)
                (void) snprintf(subject, sizeof(subject), "line %" PRIu64 ": ", first);
        else if (first > 0)
                (void) snprintf(subject, sizeof(subject), "lines %" PRIu64 " to %" PRIu64 ": ", first, last);
        if (r == -EILSEQ || r == -EMSGSIZE)
                return input_error(s, first, r);
        (void) cli_failure_of(s->a, r, r > 0 ? subject : "");
        if (r == -ECONNRESET || r == -ETIME)
                (void) cli_error(
                        "The last %zu messages were not answered: each may have been accepted or not", n);
        else if (first > 0)
                (void) cli_error("%" PRIu64 " messages were sent before; stopped", s->n_sent);
        return CLI_ERROR;
}

/* Sends 'n' of the batch, from the i'th on, as one. */
static int send_part(Sender *s, size_t i, size_t n) {
        const Batch *b = &s->batch;
        uint64_t last = 0;
        int r;

        r = send_patiently(s, &b->messages[i], n, &last);
        if (r != 0)
                return r;
        s->n_sent += n;
        if (s->verbose || s->cli->json) {
                progress_clear(&s->progress);
                print_sequences(s, last, n);
        }
        progress_show(&s->progress, "%" PRIu64 " messages %s", s->n_sent, stages[s->stage]);
        return 0;
}

/* Whether nothing of the batch was stored, because of one message in it, or because it is too large as a
 * whole. */
static bool is_worth_splitting(const Sender *s, int r) {
        const char *name = r == AZIOT_REFUSED ? aziot_get_error(s->a)->name : "";

        return r == -EMSGSIZE || strcmp(name, "io.aziotd.telemetry.MessageTooLarge") == 0 ||
               strcmp(name, "io.aziotd.telemetry.InvalidMessage") == 0;
}

static int send_batch(Sender *s) {
        const Batch *b = &s->batch;
        int r;

        r = send_part(s, 0, b->n);
        if (r == 0)
                return CLI_OK;
        if (b->n == 1 || !is_worth_splitting(s, r))
                return sender_finish(s, r, b->lines[0], b->lines[b->n - 1], b->n);
        for (size_t i = 0; i < b->n; i++) {
                r = send_part(s, i, 1);
                if (r != 0)
                        return sender_finish(s, r, b->lines[i], b->lines[i], 1);
        }
        return CLI_OK;
}

/* Waits for a line, and takes as many as are at hand. Returns like lines_next(). */
static int gather(Sender *s) {
        Batch *b = &s->batch;
        az_span line;
        int r;

        b->n = b->n_bytes = 0;
        while (b->n < BATCH_MAX && b->n_bytes < BATCH_BYTES) {
                r = lines_next(&s->input, b->n == 0, &line);
                if (r != 0)
                        return r;
                if (az_span_size(line) == 0)
                        continue;
                if (!is_sendable(s, line))
                        return -EILSEQ;
                memcpy(b->bytes + b->n_bytes, az_span_ptr(line), (size_t) az_span_size(line));
                b->messages[b->n] =
                        make_message(s, az_span_create(b->bytes + b->n_bytes, az_span_size(line)));
                b->lines[b->n++] = s->input.number;
                b->n_bytes += (size_t) az_span_size(line);
        }
        return 0;
}

static int send_lines(Sender *s) {
        int code = CLI_OK, r = 0;

        s->batch.bytes = malloc(BATCH_BYTES + BODY_MAX);
        if (!s->batch.bytes)
                return input_error(s, 0, -ENOMEM);
        while (code == CLI_OK && r != LINES_END) {
                r = gather(s);
                if (s->batch.n > 0)
                        code = send_batch(s);
                if (code == CLI_OK && r < 0)
                        return input_error(s, s->input.number, r);
        }
        return code;
}

static int send_one(Sender *s, az_span body) {
        if (!is_sendable(s, body))
                return input_error(s, 0, -EILSEQ);
        s->batch.messages[0] = make_message(s, body);
        s->batch.n = 1;
        return send_batch(s);
}

static int send_rest(Sender *s) {
        az_span body;
        int r;

        r = lines_rest(&s->input, &body);
        return r < 0 ? input_error(s, 0, r) : send_one(s, body);
}

static int sender_run(Sender *s, char *body) {
        if (cli_open(s->cli, &s->a) < 0)
                return CLI_ERROR;
        aziot_set_timeout_us(s->a, s->timeout_s * USEC_PER_SEC);
        progress_begin(&s->progress, s->cli);

        if (!body)
                return send_lines(s);
        return strcmp(body, "-") == 0 ? send_rest(s) : send_one(s, az_span_create_from_str(body));
}

int send_main(Cli *cli, int argc, char **argv) {
        _cleanup_(sender_done) Sender s = {
                .cli = cli,
                .timeout_s = TIMEOUT_S,
                .input = { .fd = STDIN_FILENO, .max = BODY_MAX },
        };
        int option;

        while ((option = getopt_long(argc, argv, "v", options, NULL)) >= 0) {
                int code = option >= CLI_OPTION_VERB || option == 'v' ? sender_option(&s, option)
                                                                      : cli_option(cli, option, &help);

                if (code >= 0)
                        return code;
        }
        if (argc - optind > 1)
                return cli_usage("send takes one body; quote it if it has spaces");
        return sender_run(&s, argv[optind]);
}
