/* SPDX-License-Identifier: MIT */

#include "daemon/check-config.h"

#include <grp.h>
#include <pwd.h>
#include <syslog.h>

#include "daemon/config-check.h"

/* Where systemd puts what it gives to the service, for as long as that runs; only its user and root may look.
 */
#define SERVICE_CREDENTIALS "/run/credentials/aziotd.service"

/* As whom systemd starts it. */
#define SERVICE_USER "aziotd"

/*
 * Root can read what the service cannot, and would call it valid. True: this is the service's user from now
 * on; false: it stays who it is, since it is not root or there is no such user; a negative errno.
 */
static int become_service_user(void) {
        const struct passwd *user = geteuid() == 0 ? getpwnam(SERVICE_USER) : NULL;

        if (!user)
                return false;
        if (initgroups(user->pw_name, user->pw_gid) < 0 ||
            setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
            setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
                return -errno;
        return true;
}

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

        if (!registration_id && !identity->credential.device_id)
                (void) printf("The configuration is valid: the device has a broker, and no hub.\n");
        else if (registration_id)
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
        _cleanup_(config_done) Config config = {};
        const char *directory;
        int r, is_service_user;

        is_service_user = required ? false : become_service_user();
        if (is_service_user < 0) {
                (void) fprintf(stderr, "error: Cannot become user '" SERVICE_USER "': %s\n",
                               strerror(-is_service_user));
                return is_service_user;
        }

        directory = find_credentials(required);
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
                if (is_service_user)
                        (void) fprintf(stderr, "note: this was read as user '" SERVICE_USER
                                               "', as the service does\n");
                if (!directory)
                        (void) fprintf(stderr,
                                       "note: systemd's credentials were not looked at: only root can, while "
                                       "aziotd.service runs\n");
                r = CONFIG_INVALID;
        } else
                print_identity(&config, &identity);
        return r;
}
