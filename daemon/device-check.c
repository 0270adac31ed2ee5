/* SPDX-License-Identifier: MIT */

/* Check: an active look at each layer, one reply for each step. */

#include "daemon/device-internal.h"

static void write_result(IpcJson *json, const CheckResult *r) {
        ipc_json_begin(json, NULL);
        ipc_json_cstring(json, "step", r->step);
        if (r->service)
                ipc_json_cstring(json, "service", r->service);
        if (r->transport)
                ipc_json_cstring(json, "transport", r->transport);
        ipc_json_cstring(json, "outcome", check_outcome_to_string(r->outcome));
        ipc_json_cstring(json, "text", r->text);
        if (r->advice)
                ipc_json_cstring(json, "advice", r->advice);
        ipc_json_int(json, "milliseconds", (int64_t) (r->duration_us / USEC_PER_MSEC));
        ipc_json_end(json);
}

/* A reply that fails closes the connection, and then check_gone() ends the check. */
static void on_result(void *userdata, const CheckResult *result) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Device *d = userdata;

        write_result(&json, result);
        if (result->is_last)
                (void) ipc_call_reply_json(TAKE_PTR(d->check_call), &json);
        else
                (void) ipc_call_reply_continues_json(d->check_call, &json);
}

static void check_gone(IpcCall *call, void *userdata) {
        Device *d = userdata;

        d->check_call = NULL;
        check_stop(d->check);
}

int device_check(IpcCall *call, const void *params, void *userdata) {
        Device *d = userdata;

        if (check_start(d->check, on_result, d) == CHECK_BUSY)
                return ipc_call_error(call, "io.aziotd.device.CheckRunning", AZ_SPAN_EMPTY);
        d->check_call = call;
        ipc_call_set_on_gone(call, check_gone, d);
        return IPC_DEFERRED;
}
