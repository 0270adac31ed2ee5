/* SPDX-License-Identifier: MIT */

/* What went wrong, with what, and what to do: the same words for every verb. */

#include <stdarg.h>

#include "cli/cli.h"
#include "cli/wrap.h"

/* Both labels are as long. */
#define PREFIX "aziot: "
#define TO_DO  "To do: "

/* What to do when the daemon cannot be asked. */
static const struct {
        int error;
        const char *advice;
} silences[] = {
        { -ENOENT, "systemctl start aziotd.socket; of a socket elsewhere: --socket PATH; whether the "
                   "configuration is right: aziotd --check-config" },
        { -ECONNREFUSED, "systemctl start aziotd; why it ended: journalctl -u aziotd -n 30; whether its "
                         "configuration is right: aziotd --check-config" },
        { -EACCES, "Run it as root, or join the group and log in again: usermod -aG aziot USER" },
        { -ECONNRESET, "It may just be starting again; what it says: journalctl -u aziotd -n 30" },
        { -ETIME,
          "Whether it can start, and what it says: systemctl status aziotd; whether its configuration "
          "is right: aziotd --check-config" },
        { -EBADMSG, "Is --socket, or $AZIOT_SOCKET, that of aziotd?" },
};

/* What to do when it has refused. */
static const struct {
        const char *name, *advice;
} refusals[] = {
        { "io.aziotd.telemetry.OutboxFull",
          "Why it does not empty: aziot why; how large it may be: [Outbox] in "
          "aziotd.conf(5)" },
        { "io.aziotd.telemetry.RateExceeded", "What may be sent, and who says so: aziot access" },
        { "io.aziotd.broker.OutboxFull", "Why it does not empty: aziot why; how large it may be: [Outbox] in "
                                         "aziotd.conf(5)" },
        { "io.aziotd.broker.RateExceeded", "What may be sent, and who says so: aziot access" },
        { "io.aziotd.broker.TopicDenied", "What may be used, and who says so: aziot access" },
        { "io.aziotd.broker.NoBroker", "[Broker] in aziotd.conf(5) names one" },
        { "io.aziotd.broker.StorageFailed", "aziot check looks at the disk" },
        { "io.aziotd.methods.NotYourMethod", "What may be served, and who says so: aziot access" },
        { "io.aziotd.twin.NotYourSection", "What may be written, and who says so: aziot access" },
        { "org.varlink.service.PermissionDenied", "What you may do, and who says so: aziot access" },
        { "io.aziotd.telemetry.StorageFailed", "aziot check looks at the disk" },
        { "io.aziotd.messages.StorageFailed", "aziot check looks at the disk" },
        { "io.aziotd.twin.StorageFailed", "aziot check looks at the disk" },
        { "io.aziotd.twin.TwinUnavailable", "aziot why says why the device is not online" },
        { "io.aziotd.device.CheckRunning", "Wait for its end: one is made at a time" },
        { "io.aziotd.device.TooManyConnections", "End programs of this user that are connected to aziotd" },
        { "io.aziotd.device.NotProvisioned", "[Provisioning] in aziotd.conf(5) names one" },
        { "org.varlink.service.MethodNotFound", "Compare the versions: aziot --version, aziotd --version" },
        { "org.varlink.service.InterfaceNotFound",
          "Compare the versions: aziot --version, aziotd --version" },
};

static const char *find_advice(const Aziot *a, int result) {
        for (size_t i = 0; i < ELEMENTSOF(silences); i++)
                if (silences[i].error == result)
                        return silences[i].advice;
        for (size_t i = 0; result == AZIOT_REFUSED && i < ELEMENTSOF(refusals); i++)
                if (strcmp(aziot_get_error(a)->name, refusals[i].name) == 0)
                        return refusals[i].advice;
        return NULL;
}

static void print(const char *label, const char *text) {
        (void) fputs(label, stderr);
        (void) wrap_text(stderr, wrap_width(stderr), strlen(PREFIX), text, WRAP_ALL);
}

int cli_complain(int code, const char *format, ...) {
        _cleanup_(freep) char *text = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        print(PREFIX, text ?: format);
        return code;
}

int cli_failure_of(Aziot *a, int result, const char *subject) {
        const char *advice = find_advice(a, result);

        (void) cli_error("%s%s", subject, aziot_explain(a, result));
        if (advice)
                print(TO_DO, advice);
        return CLI_ERROR;
}

int cli_failure(Aziot *a, int result) {
        return cli_failure_of(a, result, "");
}
