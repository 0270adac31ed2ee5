/* SPDX-License-Identifier: MIT */

#include "daemon/check-config.h"

#include <syslog.h>

#include "daemon/config-check.h"

/* Where systemd puts what it gives to the service, for as long as that runs; root may read it. */
#define SERVICE_CREDENTIALS "/run/credentials/aziotd.service"

static void print_messages(const ConfigMessages *messages) {
        char text[1024];

        for (size_t i = 0; i < messages->n; i++)
                (void) fprintf(stderr, "%s: %s\n",
                               messages->messages[i].level <= LOG_ERR ? "error" : "warning",
                               config_message_format(&messages->messages[i], text, sizeof(text)));
        if (messages->n_left_out > 0)
                (void) fprintf(stderr, "error: and %zu more\n", messages->n_left_out);
}

static void print_identity(const Config *c, const ConfigIdentity *identity) {
        const char *registration_id = identity->enrollment.owner.registration_id;

        if (registration_id)
                (void) printf("The configuration is valid: '%s' is to be provisioned by '%s'.\n",
                              registration_id, c->provisioning.endpoint);
        else
                (void) printf("The configuration is valid: device '%s' at '%s'.\n",
                              identity->credential.device_id, identity->credential.host);
}

/* Of the service, when this is started by hand to look at the service's own configuration. */
static const char *find_credentials(bool is_other) {
        const char *directory = getenv("CREDENTIALS_DIRECTORY");

        if (!directory && !is_other && access(SERVICE_CREDENTIALS, R_OK | X_OK) == 0)
                return SERVICE_CREDENTIALS;
        return directory;
}

int check_config(const char *path, bool required) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_identity_done) ConfigIdentity identity = CONFIG_IDENTITY_NULL;
        const char *directory = find_credentials(required);
        _cleanup_(config_done) Config config = {};
        int r;

        r = config_load(&config, path, required, &messages);
        if (r >= 0)
                r = config_check_keys(&config, directory, &messages);
        if (r >= 0)
                r = config_check_files(&config, directory, messages.n_errors == 0 ? &identity : NULL,
                                       &messages);

        print_messages(&messages);
        if (r < 0)
                (void) fprintf(stderr, "error: %s\n", strerror(-r));
        else if (messages.n_errors > 0) {
                if (!directory)
                        (void) fprintf(stderr,
                                       "note: systemd's credentials were not looked at: only root can, while "
                                       "aziotd.service runs\n");
                r = CONFIG_INVALID;
        } else
                print_identity(&config, &identity);
        return r;
}
