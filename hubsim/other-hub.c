/* SPDX-License-Identifier: MIT */

#include "hubsim/other-hub.h"

#include "hubsim/log.h"
#include "ipc/aziot.h"
#include "ipc/json.h"

/* It is on this machine. */
#define TIMEOUT_US (3 * USEC_PER_SEC)

#define PREFIX "io.aziotd.hubsim."

static int format_parameters(const char *device, const Attestation *a, char **ret) {
        bool has_keys = a->kind == ATTESTATION_KEYS;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        az_span text;
        int r;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "device", device);
        ipc_json_cstring(&json, "authentication", attestation_kind_names[a->kind]);
        if (a->primary)
                ipc_json_cstring(&json, has_keys ? "primaryKey" : "primaryThumbprint", a->primary);
        if (a->secondary)
                ipc_json_cstring(&json, has_keys ? "secondaryKey" : "secondaryThumbprint", a->secondary);
        ipc_json_end(&json);
        r = ipc_json_get(&json, &text);
        if (r < 0)
                return r;
        *ret = strndup((const char *) az_span_ptr(text), (size_t) az_span_size(text));
        return *ret ? 0 : -ENOMEM;
}

int other_hub_put_device(const char *socket, const char *device, const Attestation *attestation) {
        _cleanup_(freep) char *text = NULL;
        Aziot *aziot = NULL;
        int r;

        r = format_parameters(device, attestation, &text);
        if (r >= 0)
                r = aziot_new(&aziot, socket);
        if (r < 0)
                return r;
        aziot_set_timeout_us(aziot, TIMEOUT_US);
        r = aziot_call(aziot, PREFIX "ChangeDevice", text, 0, NULL);
        if (r > 0) /* there is none yet */
                r = aziot_call(aziot, PREFIX "AddDevice", text, 0, NULL);
        if (r != 0)
                log_event(device, 0, "cannot be registered at %s: %s", socket, aziot_explain(aziot, r));
        aziot_free(aziot);
        return r == 0 ? 0 : -EREMOTEIO;
}
