/* SPDX-License-Identifier: MIT */

#include "hubsim/faults.h"

#include <inttypes.h>
#include <stdarg.h>

const char *const never_connected_names[] = { "queue", "drop", "refuse", NULL };

static void add(IpcJson *json, const char *format, ...) _printf_(2, 3);

static void add(IpcJson *json, const char *format, ...) {
        char text[1024];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        ipc_json_cstring(json, NULL, text);
}

/* By ServerCertificate. */
static const char *const server_certificate_words[] = {
        "off", "wrong-name", "expired", "not-yet-valid", "untrusted",
};

void faults_list(const Faults *f, IpcJson *json) {
        if (f->n_server_certificate == FAULT_FOR_GOOD)
                add(json, "server-certificate %s", server_certificate_words[f->server_certificate]);
        else if (f->n_server_certificate > 0)
                add(json, "server-certificate %s %u", server_certificate_words[f->server_certificate],
                    f->n_server_certificate);
        if (f->n_refuse_websocket > 0)
                add(json, "refuse-websocket %u %u", f->refuse_websocket_status, f->n_refuse_websocket);
        if (f->websocket_fragment_size > 0)
                add(json, "fragment-websocket %" PRIu32, f->websocket_fragment_size);
        if (f->clock_offset_s != 0)
                add(json, "clock-offset %" PRId64, f->clock_offset_s);
        if (f->n_refuse > 0)
                add(json, "refuse-connect %u %u", f->refuse_code, f->n_refuse);
        if (f->n_close > 0)
                add(json, "close-after-connect %" PRIu64 " %u%s%s", f->close_after_us / USEC_PER_MSEC,
                    f->n_close, f->close_device ? " " : "", f->close_device ? f->close_device->id : "");
        if (f->n_poison > 0)
                add(json, "poison %s %u", f->poison, f->n_poison);
        if (f->puback_delay_us > 0)
                add(json, "delay-puback %" PRIu64, f->puback_delay_us / USEC_PER_MSEC);
        if (f->hold_pubacks)
                add(json, "hold-pubacks on");
        if (f->n_drop_before_puback > 0)
                add(json, "drop-before-puback %u", f->n_drop_before_puback);
        if (f->n_suback_failures > 0)
                add(json, "suback-failure %u", f->n_suback_failures);
        if (f->n_suback_drops > 0)
                add(json, "drop-suback %u", f->n_suback_drops);
        if (f->early_messages)
                add(json, "early-messages on");
        if (f->lock_us > 0)
                add(json, "message-lock %" PRIu64, f->lock_us / USEC_PER_MSEC);
        if (f->form.bare_keys || f->form.question_mark)
                add(json, "message-form %s %s", f->form.bare_keys ? "on" : "off",
                    f->form.question_mark ? "on" : "off");
        if (f->never_connected != NEVER_CONNECTED_QUEUE)
                add(json, "never-connected %s", never_connected_names[f->never_connected]);
}

void faults_done(Faults *faults) {
        SSL_CTX_free(faults->server_tls);
        free(faults->poison);
        *faults = (Faults){};
}
