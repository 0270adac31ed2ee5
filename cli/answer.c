/* SPDX-License-Identifier: MIT */
#include "cli/answer.h"

#include <sys/wait.h>

#include "ipc/limits.h"
#include "ipc/value.h"
#include "util/util.h"

static bool has_succeeded(const Outcome *o) {
        return WIFEXITED(o->wait_status) && WEXITSTATUS(o->wait_status) == 0;
}

static bool status_parse(az_span text, int32_t *ret) {
        return az_result_succeeded(az_span_atoi32(value_trim(text), ret)) && *ret >= 100 && *ret <= 999;
}

/* What is wrong with the command's side of the deal; NULL: nothing, and the status is known. */
static const char *find_fault(const Outcome *o, int32_t *ret_status) {
        int32_t status = has_succeeded(o) ? 200 : 500;

        if (az_span_size(o->status) > 0 && !status_parse(o->status, &status))
                return "file descriptor 3 got something else than a status";
        if (o->output_too_big)
                return "the output is larger than 128 KiB";
        if (value_kind(o->output, IPC_DEPTH_MAX - 2) == VALUE_NOT_JSON)
                return "the output is not JSON";
        *ret_status = status;
        return NULL;
}

static void write_head(IpcJson *json, az_span id, int32_t status) {
        ipc_json_begin(json, NULL);
        ipc_json_string(json, "id", id);
        ipc_json_int(json, "status", status);
}

void answer_write_fault(IpcJson *json, az_span id, const char *fault) {
        write_head(json, id, 500);
        ipc_json_begin(json, "payload");
        ipc_json_cstring(json, "error", fault);
        ipc_json_end(json);
        ipc_json_end(json);
}

static void write_exit(IpcJson *json, int wait_status) {
        ipc_json_begin(json, "payload");
        if (WIFSIGNALED(wait_status))
                ipc_json_int(json, "signal", WTERMSIG(wait_status));
        else
                ipc_json_int(json, "exitCode", WEXITSTATUS(wait_status));
        ipc_json_end(json);
}

const char *answer_write(IpcJson *json, az_span id, const Outcome *o) {
        ValueKind kind = value_kind(o->output, IPC_DEPTH_MAX - 2);
        const char *fault;
        int32_t status;

        fault = find_fault(o, &status);
        if (fault) {
                answer_write_fault(json, id, fault);
                return fault;
        }
        write_head(json, id, status);
        if (kind == VALUE_OBJECT)
                ipc_json_raw(json, "payload", value_trim(o->output));
        else if (kind == VALUE_OTHER)
                ipc_json_string(json, "payloadText", value_trim(o->output));
        else if (!has_succeeded(o) && az_span_size(o->status) == 0)
                write_exit(json, o->wait_status);
        ipc_json_end(json);
        return NULL;
}
