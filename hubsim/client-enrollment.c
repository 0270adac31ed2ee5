/* SPDX-License-Identifier: MIT */

/* The commands "enrollment" and "registration". */

#include "hubsim/client-internal.h"

typedef struct EnrollmentReply {
        az_span enrollment, connection_string, status;
        IpcStrings registrations;
} EnrollmentReply;

static const IpcField enrollment_fields[] = {
        { "enrollment", IPC_FIELD_STRING, offsetof(EnrollmentReply, enrollment) },
        { "connectionString", IPC_FIELD_STRING, offsetof(EnrollmentReply, connection_string) },
        { "status", IPC_FIELD_STRING, offsetof(EnrollmentReply, status) },
        { "registrations", IPC_FIELD_STRINGS, offsetof(EnrollmentReply, registrations) },
};
static const IpcStruct enrollment_reply = IPC_STRUCT(EnrollmentReply, enrollment_fields);

typedef struct EnrollmentsReply {
        IpcStructs enrollments;
} EnrollmentsReply;

static const IpcField enrollments_fields[] = {
        { "enrollments", IPC_FIELD_STRUCTS, offsetof(EnrollmentsReply, enrollments),
          .type = &enrollment_reply },
};
static const IpcStruct enrollments_reply = IPC_STRUCT(EnrollmentsReply, enrollments_fields);

/* The reply has this alone. */
static const IpcField line_fields[] = {
        { "connectionString", IPC_FIELD_STRING, offsetof(EnrollmentReply, connection_string) },
};
static const IpcStruct line_reply = IPC_STRUCT(EnrollmentReply, line_fields);

static void add_text(IpcJson *json, const char *name, const char *text) {
        if (text)
                ipc_json_cstring(json, name, text);
}

static void add_number(IpcJson *json, const char *name, long number) {
        if (number >= 0)
                ipc_json_int(json, name, number);
}

static void add_settings(IpcJson *json, const ClientEnrollment *e) {
        ipc_json_cstring(json, "enrollment", e->name);
        add_text(json, "device", e->device);
        add_text(json, "hub", e->hub);
        add_text(json, "hubSocket", e->hub_socket);
        add_text(json, "payload", e->payload);
        add_text(json, "failureMessage", e->failure_message);
        add_text(json, "status", e->status);
        add_number(json, "failure", e->failure);
        add_number(json, "assigning", e->n_assigning);
        add_number(json, "retryAfterSeconds", e->retry_after_s);
        add_text(json, "reprovision", e->reprovision);
}

/* Calls, and prints the line that it is answered by. */
static int print_line(const ClientOptions *options, const char *method, const IpcJson *json) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        EnrollmentReply answer;

        if (client_call_and_decode(options, &client, method, json, &line_reply, &answer) < 0)
                return EXIT_FAILURE;
        client_print_span(answer.connection_string);
        printf("\n");
        return EXIT_SUCCESS;
}

/* Calls what is answered by nothing, or by what has to be printed as it is. */
static int call(const ClientOptions *options, const char *method, const IpcJson *json, bool print) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        az_span reply;

        if (client_call(options, &client, method, json, &reply) < 0)
                return EXIT_FAILURE;
        if (print) {
                client_print_span(reply);
                printf("\n");
        }
        return EXIT_SUCCESS;
}

int client_enrollment_add(const ClientOptions *options, const ClientEnrollment *enrollment) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        add_settings(&json, enrollment);
        ipc_json_bool(&json, "group", enrollment->is_group);
        client_add_authentication(&json, options);
        ipc_json_end(&json);
        return print_line(options, PREFIX "AddEnrollment", &json);
}

int client_enrollment_change(const ClientOptions *options, const ClientEnrollment *enrollment) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        add_settings(&json, enrollment);
        ipc_json_end(&json);
        return call(options, PREFIX "ChangeEnrollment", &json, false);
}

int client_enrollment_show(const ClientOptions *options, const char *enrollment, const char *registration) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "enrollment", enrollment);
        add_text(&json, "registration", registration);
        ipc_json_end(&json);
        return print_line(options, PREFIX "FormatEnrollment", &json);
}

int client_enrollment_remove(const ClientOptions *options, const char *enrollment) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "enrollment", enrollment);
        ipc_json_end(&json);
        return call(options, PREFIX "RemoveEnrollment", &json, false);
}

static void print_enrollment(const EnrollmentReply *e) {
        client_print_span(e->enrollment);
        printf(" ");
        client_print_span(e->status);
        printf(" %zu registered ", e->registrations.n_items);
        client_print_span(e->connection_string);
        printf("\n");
}

int client_enrollment_list(const ClientOptions *options) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        EnrollmentsReply answer;

        ipc_json_begin(&json, NULL);
        ipc_json_end(&json);
        if (options->json)
                return call(options, PREFIX "ListEnrollments", &json, true);
        if (client_call_and_decode(options, &client, PREFIX "ListEnrollments", &json, &enrollments_reply,
                                   &answer) < 0)
                return EXIT_FAILURE;

        for (size_t i = 0; i < answer.enrollments.n_items; i++)
                print_enrollment((const EnrollmentReply *) answer.enrollments.items + i);
        return EXIT_SUCCESS;
}

int client_registration(const ClientOptions *options, const char *registration) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "registration", registration);
        ipc_json_end(&json);
        return call(options, PREFIX "GetRegistration", &json, true);
}
