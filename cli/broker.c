/* SPDX-License-Identifier: MIT */

/* aziot broker: telemetry and commands over a broker of Azure IoT Operations. */

#include "cli/broker.h"

#include <azure/core/az_base64.h>
#include <azure/core/az_json.h>

#include "ipc/limits.h"
#include "ipc/value.h"

/* A body lies in the call, its parameters and the message. */
#define BODY_DEPTH_MAX (IPC_DEPTH_MAX - 3)

static const Verb verbs[] = {
        { "send", "TOPIC [BODY]", "send a message, or one for each input line", broker_send_main },
        { "watch", "TOPIC", "print messages as they come", broker_watch_main },
        { "invoke", "TOPIC [BODY]", "invoke a command and print its response", broker_invoke_main },
        { "serve", "TOPIC -- COMMAND", "answer commands by running a command", broker_serve_main,
          .has_no_json = true },
        {},
};

static const Help help = {
        .usage = "broker [OPTION]... VERB [ARGUMENT]...",
        .what = "Telemetry and commands over the MQTT broker of Azure IoT Operations, in the\n"
                "protocol of its SDKs.\n",
        .verbs = verbs,
};

static const struct option options[] = {
        CLI_OPTIONS,
        {},
};

int broker_main(Cli *cli, int argc, char **argv) {
        int option, code;

        while ((option = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
                code = cli_option(cli, option, &help);
                if (code >= 0)
                        return code;
        }
        if (optind == argc)
                return cli_usage("broker takes send, watch, invoke or serve");
        return cli_run_verb(cli, verbs, argc, argv);
}

/* Options --------------------------------------------------------------------------------------------- */

void broker_options_done(BrokerOptions *o) {
        properties_done(&o->tokens);
        properties_done(&o->properties);
}

/* Returns like cli_option(). */
static int add(Properties *properties, bool may_repeat, const char *what) {
        int r = -EINVAL;

        if (az_span_is_valid_utf8(az_span_create_from_str(optarg)))
                r = may_repeat ? properties_append(properties, optarg) : properties_add(properties, optarg);
        if (r == -EINVAL)
                return cli_usage("--%s takes NAME=VALUE in UTF-8, not '%s'", what, optarg);
        if (r == -EEXIST)
                return cli_usage("This %s is there twice: '%s'", what, optarg);
        return r < 0 ? cli_error("%s", strerror(-r)) : -1;
}

int broker_option(BrokerOptions *o, int option) {
        switch (option) {
        case BROKER_OPTION_TOKEN:
                return add(&o->tokens, false, "token");
        case BROKER_OPTION_PROPERTY:
                return add(&o->properties, true, "property");
        case BROKER_OPTION_CONTENT_TYPE:
                o->content_type = optarg;
                return -1;
        case BROKER_OPTION_TEXT:
                o->body_kind = AZIOT_BODY_TEXT;
                return -1;
        case BROKER_OPTION_DATA:
                o->body_kind = AZIOT_BODY_DATA;
                return -1;
        default:
                o->event[option - BROKER_OPTION_EVENT_SOURCE] = optarg;
                return -1;
        }
}

int broker_check_options(const BrokerOptions *o) {
        for (size_t i = 1; i < BROKER_N_EVENT_OPTIONS; i++)
                if (o->event[i] && !o->event[0])
                        return cli_usage("A cloud event needs --event-source");
        return -1;
}

/* Calls ----------------------------------------------------------------------------------------------- */

void broker_write_topic(IpcJson *json, const char *topic, const BrokerOptions *o) {
        ipc_json_cstring(json, "topic", topic);
        if (o->tokens.n_items == 0)
                return;
        ipc_json_begin(json, "tokens");
        for (size_t i = 0; i < o->tokens.n_items; i++)
                ipc_json_entry(json, az_span_create_from_str((char *) o->tokens.items[i].key),
                               az_span_create_from_str((char *) o->tokens.items[i].value));
        ipc_json_end(json);
}

static int write_body(IpcJson *json, AziotBody kind, az_span body) {
        if (kind == AZIOT_BODY_DATA)
                ipc_json_base64(json, "data", body);
        else if (!az_span_is_valid_utf8(body))
                return -EILSEQ;
        else if (kind == AZIOT_BODY_AUTO && value_kind(body, BODY_DEPTH_MAX) == VALUE_OBJECT)
                ipc_json_raw(json, "body", value_trim(body));
        else if (az_span_size(body) > 0)
                ipc_json_string(json, "text", body);
        return 0;
}

static void write_event(IpcJson *json, const BrokerOptions *o) {
        static const char *const names[BROKER_N_EVENT_OPTIONS] = { "source",  "type", "id",
                                                                   "subject", "time", "dataschema" };

        if (!o->event[0])
                return;
        ipc_json_begin(json, "cloudEvent");
        for (size_t i = 0; i < BROKER_N_EVENT_OPTIONS; i++)
                if (o->event[i])
                        ipc_json_cstring(json, names[i], o->event[i]);
        ipc_json_end(json);
}

int broker_write_message(IpcJson *json, const char *name, const BrokerOptions *o, az_span body) {
        int r;

        ipc_json_begin(json, name);
        r = write_body(json, o->body_kind, body);
        if (o->content_type)
                ipc_json_cstring(json, "contentType", o->content_type);
        if (o->properties.n_items > 0) {
                ipc_json_begin_array(json, "metadata");
                for (size_t i = 0; i < o->properties.n_items; i++) {
                        ipc_json_begin(json, NULL);
                        ipc_json_cstring(json, "key", o->properties.items[i].key);
                        ipc_json_cstring(json, "value", o->properties.items[i].value);
                        ipc_json_end(json);
                }
                ipc_json_end_array(json);
        }
        write_event(json, o);
        ipc_json_end(json);
        return r;
}

int broker_get_parameters(const IpcJson *json, char **ret) {
        az_span text;
        int r;

        r = ipc_json_get(json, &text);
        if (r < 0)
                return r;
        *ret = strndup((const char *) az_span_ptr(text), (size_t) az_span_size(text));
        return *ret ? 0 : -ENOMEM;
}

int broker_body_error(int error) {
        return cli_error("%s", error == -EILSEQ     ? "The body is not UTF-8 text; --data sends bytes"
                               : error == -EMSGSIZE ? "The body is larger than any message may be"
                                                    : strerror(-error));
}

/* Replies --------------------------------------------------------------------------------------------- */

static int undo_escapes(az_span text, char *to, int32_t to_size, int32_t *ret_size) {
        az_json_reader reader;

        return az_result_succeeded(az_json_reader_init(&reader, text, NULL)) &&
                               az_result_succeeded(az_json_reader_next_token(&reader)) &&
                               az_result_succeeded(
                                       az_json_token_get_string(&reader.token, to, to_size, ret_size))
                       ? 0
                       : -EBADMSG;
}

/* The member of 'json' that has the bytes, and its first letter; 0: there is none. */
static char find_body(const char *json, size_t size, az_span *ret) {
        static const char *const names[] = { "body", "text", "data" };
        const char *value;
        size_t n;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (aziot_json_find(json, size, names[i], &value, &n) == 0 && value[0] != 'n') {
                        *ret = az_span_create((uint8_t *) value, (int32_t) n);
                        return names[i][0];
                }
        *ret = AZ_SPAN_EMPTY;
        return 0;
}

int broker_get_body(const char *json, size_t size, char **ret, size_t *ret_size) {
        _cleanup_(freep) char *bytes = NULL;
        int32_t n = 0, room;
        az_span value;
        char kind;
        int r = 0;

        kind = find_body(json, size, &value);
        room = az_span_size(value) + 1; /* neither base64 nor escapes make it shorter */
        bytes = malloc((size_t) room);
        if (!bytes)
                return -ENOMEM;

        if (kind == 'b') {
                n = az_span_size(value);
                memcpy(bytes, az_span_ptr(value), (size_t) n);
        } else if (kind != 0) {
                r = undo_escapes(value, bytes, room, &n);
        }
        if (r == 0 && kind == 'd' && n > 0 &&
            az_result_failed(az_base64_decode(az_span_create((uint8_t *) bytes, room),
                                              az_span_create((uint8_t *) bytes, n), &n)))
                r = -EBADMSG;
        if (r < 0)
                return r;

        bytes[n] = 0;
        *ret = TAKE_PTR(bytes);
        *ret_size = (size_t) n;
        return 0;
}

int broker_print_body(const char *json, size_t size) {
        _cleanup_(freep) char *bytes = NULL;
        az_span value;
        size_t n;
        int r;

        r = broker_get_body(json, size, &bytes, &n);
        if (r < 0)
                return cli_error("%s", strerror(-r));
        (void) fwrite(bytes, 1, n, stdout);
        if (find_body(json, size, &value) != 'd' && n > 0 && bytes[n - 1] != '\n')
                (void) fputc('\n', stdout);
        return cli_flush();
}
