/* SPDX-License-Identifier: MIT */

#include "hubsim/client-internal.h"

#include <azure/core/az_json.h>

/* How long the hub may take where nothing has to be waited for. */
#define REPLY_TIMEOUT_S 10

void client_print_span(az_span text) {
        (void) fwrite(az_span_ptr(text), 1, (size_t) az_span_size(text), stdout);
}

int client_fail(int error, const char *what) {
        fprintf(stderr, "aziot-hubsim: %s: %s\n", what, strerror(-error));
        return EXIT_FAILURE;
}

typedef struct ServiceError {
        int64_t code;
        az_span reason, message;
} ServiceError;

static const IpcField service_error_fields[] = {
        { "code", IPC_FIELD_INT, offsetof(ServiceError, code) },
        { "reason", IPC_FIELD_STRING, offsetof(ServiceError, reason) },
        { "message", IPC_FIELD_STRING, offsetof(ServiceError, message), IPC_FIELD_NULLABLE },
};
static const IpcStruct service_error = IPC_STRUCT(ServiceError, service_error_fields);

void client_done(Client *client) {
        client->aziot = aziot_free(client->aziot);
        ipc_document_done(&client->document);
}

int client_decode(Client *client, az_span text, const IpcStruct *type, void *answer) {
        IpcFieldPath path;
        int r;

        r = ipc_document_parse(&client->document, text);
        if (r == 0)
                r = ipc_struct_decode(type, &client->document, 0, IPC_UNKNOWN_IGNORE, answer, &path);
        return r > 0 ? -EBADMSG : r;
}

/* Says on standard error what the hub's error was. */
static void report_error(Client *client) {
        const AziotError *error = aziot_get_error(client->aziot);
        ServiceError service = {};

        if (strcmp(error->name, PREFIX "ServiceError") == 0 &&
            client_decode(client, az_span_create_from_str((char *) error->parameters), &service_error,
                          &service) >= 0)
                fprintf(stderr, "aziot-hubsim: %lld %.*s%s%.*s\n", (long long) service.code,
                        az_span_size(service.reason), (const char *) az_span_ptr(service.reason),
                        ipc_is_absent(service.message) ? "" : ": ", az_span_size(service.message),
                        (const char *) az_span_ptr(service.message));
        else
                fprintf(stderr, "aziot-hubsim: %s %s\n", error->name, error->parameters);
}

/* Says what the result of a call is that has failed. */
static void report(const ClientOptions *options, Client *client, int result) {
        switch (result) {
        case AZIOT_REFUSED:
                report_error(client);
                break;
        case -ENOENT:
        case -ECONNREFUSED:
                fprintf(stderr, "aziot-hubsim: nothing listens on %s: is 'aziot-hubsim run' running?\n",
                        options->socket);
                break;
        default:
                (void) client_fail(result, "the hub did not answer");
        }
}

/* Makes the object unless it is there, and the text of the parameters. */
static int prepare(const ClientOptions *options, Client *client, const IpcJson *parameters, char **ret_text) {
        az_span text;
        int r;

        r = ipc_json_get(parameters, &text);
        if (r >= 0 && !client->aziot)
                r = aziot_new(&client->aziot, options->socket);
        if (r < 0)
                return r;
        aziot_set_timeout_us(client->aziot,
                             (options->timeout_s + options->connect_timeout_s + REPLY_TIMEOUT_S) *
                                     USEC_PER_SEC);
        *ret_text = strndup((char *) az_span_ptr(text), (size_t) az_span_size(text));
        return *ret_text ? 0 : -ENOMEM;
}

int client_call(const ClientOptions *options, Client *client, const char *method, const IpcJson *parameters,
                az_span *ret_reply) {
        _cleanup_(freep) char *text = NULL;
        const AziotReply *reply;
        int r;

        r = prepare(options, client, parameters, &text);
        if (r == 0)
                r = aziot_call(client->aziot, method, text, 0, &reply);
        if (r != 0) {
                report(options, client, r);
                return -EREMOTEIO;
        }
        *ret_reply = az_span_create_from_str((char *) reply->parameters);
        return 0;
}

int client_call_and_decode(const ClientOptions *options, Client *client, const char *method,
                           const IpcJson *parameters, const IpcStruct *type, void *answer) {
        az_span reply;
        int r;

        r = client_call(options, client, method, parameters, &reply);
        if (r < 0)
                return r;
        r = client_decode(client, reply, type, answer);
        if (r < 0)
                (void) client_fail(r, "cannot read what the hub answered");
        return r;
}

/* Messages -------------------------------------------------------------------------------------------- */

typedef struct MessageMembers {
        az_span number, time, device, properties, system, body, data;
} MessageMembers;

/* The members of a journal's line, as JSON text. */
static az_result read_members(az_span line, MessageMembers *ret) {
        const struct {
                const char *name;
                az_span *text;
        } members[] = {
                { "number", &ret->number }, { "time", &ret->time },
                { "device", &ret->device }, { "properties", &ret->properties },
                { "system", &ret->system }, { "body", &ret->body },
                { "data", &ret->data },
        };
        az_json_reader reader;
        az_result r;

        *ret = (MessageMembers){};
        r = az_json_reader_init(&reader, line, NULL);
        if (az_result_succeeded(r))
                r = az_json_reader_next_token(&reader);
        while (az_result_succeeded(r)) {
                az_json_token name;
                az_span text;

                r = az_json_reader_next_token(&reader);
                if (az_result_failed(r) || reader.token.kind != AZ_JSON_TOKEN_PROPERTY_NAME)
                        break;
                name = reader.token;
                r = az_json_reader_read_value_text(&reader, &text);
                for (size_t i = 0; i < ELEMENTSOF(members) && az_result_succeeded(r); i++)
                        if (az_json_token_is_text_equal(&name,
                                                        az_span_create_from_str((char *) members[i].name)))
                                *members[i].text = text;
        }
        return r;
}

static void print_unquoted(az_span text) {
        if (az_span_size(text) >= 2)
                client_print_span(az_span_slice(text, 1, az_span_size(text) - 1));
}

static void print_members(const char *name, az_span text) {
        if (az_span_size(text) > 2) {
                printf(" %s=", name);
                client_print_span(text);
        }
}

/* "2026-03-01T12:00:00.000000Z #7 demo {"t":21.5} properties={"alert":"yes"}" */
static int print_message(az_span line, bool json) {
        MessageMembers m;

        if (json)
                client_print_span(line);
        else {
                if (az_result_failed(read_members(line, &m)))
                        return -EBADMSG;
                print_unquoted(m.time);
                printf(" #");
                client_print_span(m.number);
                printf(" ");
                print_unquoted(m.device);
                printf(" ");
                client_print_span(az_span_size(m.body) > 0 ? m.body : m.data);
                print_members("properties", m.properties);
                print_members("system", m.system);
        }
        printf("\n");
        return 0;
}

/* Prints the messages of a reply to Log or Monitor, and returns how many they were. */
static int print_page(az_span parameters, bool json, uint64_t *ret_next) {
        az_json_reader reader;
        az_span line;
        int n = 0;

        if (az_result_failed(az_json_reader_init(&reader, parameters, NULL)))
                return -EBADMSG;
        while (az_result_succeeded(az_json_reader_next_token(&reader))) {
                if (reader.token.kind != AZ_JSON_TOKEN_PROPERTY_NAME)
                        continue;
                if (az_json_token_is_text_equal(&reader.token, AZ_SPAN_FROM_STR("next"))) {
                        if (az_result_failed(az_json_reader_next_token(&reader)) ||
                            az_result_failed(az_json_token_get_uint64(&reader.token, ret_next)))
                                return -EBADMSG;
                        continue;
                }
                if (az_result_failed(az_json_reader_next_token(&reader)))
                        return -EBADMSG;
                while (az_result_succeeded(az_json_reader_next_token(&reader)) &&
                       reader.token.kind == AZ_JSON_TOKEN_BEGIN_OBJECT) {
                        if (az_result_failed(az_json_reader_read_value_text(&reader, &line)) ||
                            print_message(line, json) < 0)
                                return -EBADMSG;
                        n++;
                }
        }
        return fflush(stdout) < 0 ? -errno : n;
}

int client_log(const ClientOptions *options) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        uint64_t next = options->since;
        int n;

        do {
                _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
                az_span reply;

                ipc_json_begin(&json, NULL);
                if (options->device)
                        ipc_json_cstring(&json, "device", options->device);
                ipc_json_int(&json, "since", (int64_t) next);
                ipc_json_end(&json);
                if (client_call(options, &client, PREFIX "Log", &json, &reply) < 0)
                        return EXIT_FAILURE;
                n = print_page(reply, options->json, &next);
                if (n < 0)
                        return client_fail(n, "cannot print what the hub answered");
        } while (n > 0);
        return EXIT_SUCCESS;
}

int client_counts(const ClientOptions *options) {
        return client_call_and_print(options, PREFIX "Counts", options->device);
}

int client_monitor(const ClientOptions *options) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        _cleanup_(freep) char *text = NULL;
        uint64_t next;
        int r;

        ipc_json_begin(&json, NULL);
        if (options->device)
                ipc_json_cstring(&json, "device", options->device);
        ipc_json_end(&json);
        r = prepare(options, &client, &json, &text);
        if (r == 0)
                r = aziot_watch(client.aziot, PREFIX "Monitor", text, NULL);
        while (r == 0) {
                const AziotEvent *event;

                if (aziot_wait(client.aziot, UINT64_MAX, &event) != 1)
                        continue;
                if (event->type == AZIOT_EVENT_REPLY)
                        r = MIN(print_page(az_span_create_from_str((char *) event->as.reply.parameters),
                                           options->json, &next),
                                0);
                else
                        r = event->result;
        }
        report(options, &client, r);
        return EXIT_FAILURE;
}

/* Prints the objects of the array that is the reply's only member, each as a line. */
static int print_objects(az_span parameters) {
        az_json_reader reader;
        az_span line;

        if (az_result_failed(az_json_reader_init(&reader, parameters, NULL)))
                return -EBADMSG;
        do {
                if (az_result_failed(az_json_reader_next_token(&reader)))
                        return -EBADMSG;
        } while (reader.token.kind != AZ_JSON_TOKEN_BEGIN_ARRAY);
        while (az_result_succeeded(az_json_reader_next_token(&reader)) &&
               reader.token.kind == AZ_JSON_TOKEN_BEGIN_OBJECT) {
                if (az_result_failed(az_json_reader_read_value_text(&reader, &line)))
                        return -EBADMSG;
                client_print_span(line);
                printf("\n");
        }
        return 0;
}

int client_call_and_print(const ClientOptions *options, const char *method, const char *device) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        az_span reply;
        int r;

        ipc_json_begin(&json, NULL);
        if (device)
                ipc_json_cstring(&json, "device", device);
        ipc_json_end(&json);
        if (client_call(options, &client, method, &json, &reply) < 0)
                return EXIT_FAILURE;
        r = print_objects(reply);
        return r < 0 ? client_fail(r, "cannot read what the hub answered") : EXIT_SUCCESS;
}

/* The other commands ---------------------------------------------------------------------------------- */

typedef struct InvokeReply {
        int64_t status;
        az_span payload;
} InvokeReply;

static const IpcField invoke_reply_fields[] = {
        { "status", IPC_FIELD_INT, offsetof(InvokeReply, status) },
        { "payload", IPC_FIELD_STRING, offsetof(InvokeReply, payload), IPC_FIELD_NULLABLE },
};
static const IpcStruct invoke_reply = IPC_STRUCT(InvokeReply, invoke_reply_fields);

int client_invoke(const ClientOptions *options, const char *device, const char *method, const char *payload) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        InvokeReply answer;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "device", device);
        ipc_json_cstring(&json, "method", method);
        ipc_json_cstring(&json, "payload", payload);
        ipc_json_int(&json, "timeoutSeconds", (int64_t) options->timeout_s);
        ipc_json_int(&json, "connectTimeoutSeconds", (int64_t) options->connect_timeout_s);
        ipc_json_end(&json);
        if (client_call_and_decode(options, &client, PREFIX "Invoke", &json, &invoke_reply, &answer) < 0)
                return EXIT_FAILURE;

        printf("{\"status\":%lld,\"payload\":", (long long) answer.status);
        client_print_span(ipc_is_absent(answer.payload) ? AZ_SPAN_FROM_STR("null") : answer.payload);
        printf("}\n");
        return answer.status < 400 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int client_cut(const ClientOptions *options, uint64_t seconds) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        az_span reply;

        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "seconds", (int64_t) seconds);
        ipc_json_end(&json);
        return client_call(options, &client, PREFIX "Cut", &json, &reply) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
