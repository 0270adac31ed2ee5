/* SPDX-License-Identifier: MIT */
#pragma once

/* The verbs behind `aziot broker`, and what they share: topics, messages, and how those are printed. */

#include <azure/core/az_span.h>

#include "cli/cli.h"
#include "cli/properties.h"
#include "ipc/json.h"

#define BROKER_INTERFACE "io.aziotd.broker"

/* More than any message may have. */
#define BROKER_BODY_MAX (512U * 1024U)

int broker_send_main(Cli *cli, int argc, char **argv);
int broker_watch_main(Cli *cli, int argc, char **argv);
int broker_invoke_main(Cli *cli, int argc, char **argv);
int broker_serve_main(Cli *cli, int argc, char **argv);

/* Options that several of them have; each takes those that stand in its table. */
enum {
        BROKER_OPTION_TOKEN = CLI_OPTION_VERB,
        BROKER_OPTION_PROPERTY,
        BROKER_OPTION_CONTENT_TYPE,
        BROKER_OPTION_TEXT,
        BROKER_OPTION_DATA,
        BROKER_OPTION_EVENT_SOURCE,
        BROKER_OPTION_EVENT_TYPE,
        BROKER_OPTION_EVENT_ID,
        BROKER_OPTION_EVENT_SUBJECT,
        BROKER_OPTION_EVENT_TIME,
        BROKER_OPTION_EVENT_SCHEMA,
        BROKER_OPTION_VERB, /* a verb numbers its own from here on */
};

#define BROKER_N_EVENT_OPTIONS (BROKER_OPTION_VERB - BROKER_OPTION_EVENT_SOURCE)

/* clang-format off */
#define BROKER_TOPIC_OPTIONS \
        { "token", required_argument, NULL, BROKER_OPTION_TOKEN }
#define BROKER_MESSAGE_OPTIONS                                                     \
        { "property", required_argument, NULL, BROKER_OPTION_PROPERTY },           \
        { "content-type", required_argument, NULL, BROKER_OPTION_CONTENT_TYPE },   \
        { "text", no_argument, NULL, BROKER_OPTION_TEXT },                         \
        { "data", no_argument, NULL, BROKER_OPTION_DATA },                         \
        { "event-source", required_argument, NULL, BROKER_OPTION_EVENT_SOURCE },   \
        { "event-type", required_argument, NULL, BROKER_OPTION_EVENT_TYPE },       \
        { "event-id", required_argument, NULL, BROKER_OPTION_EVENT_ID },           \
        { "event-subject", required_argument, NULL, BROKER_OPTION_EVENT_SUBJECT }, \
        { "event-time", required_argument, NULL, BROKER_OPTION_EVENT_TIME },       \
        { "event-schema", required_argument, NULL, BROKER_OPTION_EVENT_SCHEMA }
/* clang-format on */

/* What --help says of them. */
#define BROKER_TOPIC_HELP "      --token NAME=VALUE    what stands in the topic for {NAME}; may be repeated\n"
#define BROKER_MESSAGE_HELP                                                                 \
        "      --property KEY=VALUE  a user property; may be repeated, also the same key\n" \
        "      --content-type TYPE   MIME type of the body\n"                               \
        "      --text                send a JSON object as text, too\n"                     \
        "      --data                send bytes that need not be text\n"                    \
        "      --event-source URI    the message is a cloud event from there\n"             \
        "      --event-type TYPE     of the event; unless told, the protocol's own\n"       \
        "      --event-id ID         of the event; unless told, a new one\n"                \
        "      --event-subject TEXT  of the event; unless told, the topic\n"                \
        "      --event-time TIME     of the event (RFC 3339); unless told, now\n"           \
        "      --event-schema URI    schema of the body\n"

typedef struct BrokerOptions {
        Properties tokens;
        Properties properties;
        const char *content_type;
        AziotBody body_kind;
        const char *event[BROKER_N_EVENT_OPTIONS]; /* by option, from BROKER_OPTION_EVENT_SOURCE on */
} BrokerOptions;

void broker_options_done(BrokerOptions *options);

/* Takes an option of the tables above. Returns like cli_option(). */
int broker_option(BrokerOptions *options, int option);

/* Complains of an attribute of an event without its source. Returns like cli_option(). */
int broker_check_options(const BrokerOptions *options);

/* Writes the members 'topic' and 'tokens'. */
void broker_write_topic(IpcJson *json, const char *topic, const BrokerOptions *options);

/* Writes a message as the member 'name'. -EILSEQ: 'body' is not UTF-8, and --data was not given. */
int broker_write_message(IpcJson *json, const char *name, const BrokerOptions *options, az_span body);

/* Copies what was written, with a NUL behind it, to be freed. -ENOMEM */
int broker_get_parameters(const IpcJson *json, char **ret);

/* Says what is wrong with a body that could not be read or written. Returns CLI_ERROR. */
int broker_body_error(int error);

/*
 * Copies the bytes of a message in the JSON of a reply; a NUL follows them, and none at all are empty.
 * -EBADMSG: they are not what the daemon writes; -ENOMEM. *ret is to be freed.
 */
int broker_get_body(const char *json, size_t size, char **ret, size_t *ret_size);

/* Prints them, a text on a line of its own. Returns like cli_flush(). */
int broker_print_body(const char *json, size_t size);
