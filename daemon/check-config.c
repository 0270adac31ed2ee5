/* SPDX-License-Identifier: MIT */

#include "daemon/check-config.h"

#include <syslog.h>

#include <mqtt/tls-context.h>

#include "daemon/config-table.h"
#include "daemon/config-value.h"
#include "daemon/credential.h"
#include "daemon/enrollment.h"
#include "daemon/route.h"

/* The key whose value, a file, is in 'text'; of several the longest. NULL: there is none. */
static const ConfigKey *find_key_in_text(Config *c, const char *text) {
        const ConfigKey *found = NULL;
        size_t longest = 0;

        for (const ConfigKey *key = config_table; key->section; key++) {
                const char *value;

                if (key->type != CONFIG_PATH_NAME)
                        continue;
                value = *(char **) config_member(c, key);
                if (!value || strlen(value) <= longest || !strstr(text, value))
                        continue;
                found = key;
                longest = strlen(value);
        }
        return found;
}

/* What is wrong with a file is told with the key that names it, and where that is set. */
static void print(Config *c, const char *path, const ConfigMessage *message) {
        const char *what = message->level <= LOG_ERR ? "error" : "warning";
        const ConfigKey *key;
        ConfigPlace place;
        char text[1024];

        (void) config_message_format(message, text, sizeof(text));
        key = message->line == 0 ? find_key_in_text(c, text) : NULL;
        if (key && config_find(path, key->section, key->key, &place))
                (void) fprintf(stderr, "%s: %s:%u: %s=: %s\n", what, place.file, place.line, key->key, text);
        else
                (void) fprintf(stderr, "%s: %s\n", what, text);
}

/* The certificates that are trusted, and the device's with its key. */
static int check_tls_files(const Config *c, const Credential *credential, ConfigMessages *messages) {
        _cleanup_(mqtt_tls_cache_freep) MqttTlsCache *cache = NULL;
        const MqttTlsFiles files = {
                .ca = c->hub.trusted_ca_file,
                .certificate = credential->certificate_file,
                .private_key = credential->private_key_file,
                .password = credential->private_key_password_file,
        };
        MqttTlsContext context = {};
        char text[MQTT_TEXT_MAX];
        MqttProblem problem;
        int r;

        r = mqtt_tls_cache_new(&cache);
        if (r >= 0)
                r = mqtt_tls_cache_get(cache, &files, &context, &problem, text, sizeof(text));
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                r = config_messages_add(messages, LOG_ERR, "", 0, "%s", text);
                return r < 0 ? r : CONFIG_INVALID;
        }
        mqtt_tls_context_done(&context);
        return 0;
}

static int check_proxy(const Config *c, ConfigMessages *messages) {
        char *secret = NULL;
        int r;

        if (!c->network.proxy)
                return 0;
        r = route_read_proxy_credential(&secret, c, getenv("CREDENTIALS_DIRECTORY"), messages);
        if (secret)
                explicit_bzero(secret, strlen(secret));
        free(secret);
        return r;
}

static int load_identity(const Config *c, Credential *credential, Enrollment *enrollment,
                         ConfigMessages *messages) {
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        int r;

        if (enrollment_is_configured(c))
                r = enrollment_load(enrollment, credential, c, directory, messages);
        else
                r = credential_load(credential, c, directory, messages);
        if (r == 0)
                r = check_tls_files(c, credential, messages);
        return r == 0 ? check_proxy(c, messages) : r;
}

int check_config(const char *path, bool required) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(enrollment_done) Enrollment enrollment = ENROLLMENT_NULL;
        _cleanup_(credential_done) Credential credential = CREDENTIAL_NULL;
        _cleanup_(config_done) Config config = {};
        int r;

        r = config_load(&config, path, required, &messages);
        if (r == 0)
                r = load_identity(&config, &credential, &enrollment, &messages);

        for (size_t i = 0; i < messages.n; i++)
                print(&config, path, &messages.messages[i]);
        if (r < 0)
                (void) fprintf(stderr, "error: %s\n", strerror(-r));
        else if (r == 0 && enrollment.owner.registration_id)
                (void) printf("The configuration is valid: '%s' is to be provisioned by '%s'.\n",
                              enrollment.owner.registration_id, config.provisioning.endpoint);
        else if (r == 0)
                (void) printf("The configuration is valid: device '%s' at '%s'.\n", credential.device_id,
                              credential.host);
        return r;
}
