/* SPDX-License-Identifier: MIT */

#include "daemon/config-check.h"

#include <limits.h>
#include <stdarg.h>
#include <syslog.h>
#include <unistd.h>

#include <mqtt/tls-context.h>

#include "daemon/broker-settings.h"
#include "daemon/config-format.h"
#include "daemon/config-table.h"
#include "daemon/config-value.h"
#include "daemon/credential.h"
#include "daemon/route.h"

/* Keys ------------------------------------------------------------------------------------------------ */

typedef struct Name {
        const char *section, *key;
} Name;

typedef enum Relation {
        EXCLUDES,
        NEEDS,
        AT_MOST, /* quantities, where 0 is no limit */
        _RELATION_MAX,
} Relation;

#define TOLD_BY_SERVICE "the provisioning service tells who the device is"
#define TOLD_BY_STRING  "the connection string says it"
#define ONE_PROOF       "a device has one of them"
#define TOLD_ELSEWHERE  "it says where all settings of the connection are"

/* It stands in one place with all others. */
#define BROKER_SETTING(key)                                                                                \
        { { "Broker", key }, EXCLUDES, { "Broker", "SettingsFrom" }, LOG_ERR, TOLD_ELSEWHERE }, {          \
                { "Broker", key }, EXCLUDES, { "Broker", "ConnectionStringFile" }, LOG_ERR, TOLD_BY_STRING \
        }

/* Of a key the first row that does not hold is told. */
static const struct {
        Name name;
        Relation relation;
        Name other;
        int level;
        const char *why;
} relations[] = {
        { { "Hub", "ConnectionStringFile" },
          EXCLUDES,
          { "Provisioning", "IdScope" },
          LOG_ERR,
          TOLD_BY_SERVICE },
        { { "Hub", "Host" }, EXCLUDES, { "Provisioning", "IdScope" }, LOG_ERR, TOLD_BY_SERVICE },
        { { "Hub", "Host" }, EXCLUDES, { "Hub", "ConnectionStringFile" }, LOG_WARNING, TOLD_BY_STRING },
        { { "Hub", "Host" }, NEEDS, { "Hub", "DeviceId" }, LOG_ERR, NULL },
        { { "Hub", "DeviceId" }, EXCLUDES, { "Provisioning", "IdScope" }, LOG_ERR, TOLD_BY_SERVICE },
        { { "Hub", "DeviceId" }, EXCLUDES, { "Hub", "ConnectionStringFile" }, LOG_WARNING, TOLD_BY_STRING },
        { { "Hub", "DeviceId" }, NEEDS, { "Hub", "Host" }, LOG_ERR, NULL },
        { { "Hub", "ModuleId" }, EXCLUDES, { "Provisioning", "IdScope" }, LOG_ERR, TOLD_BY_SERVICE },
        { { "Hub", "ModuleId" }, EXCLUDES, { "Hub", "ConnectionStringFile" }, LOG_WARNING, TOLD_BY_STRING },
        { { "Hub", "ModuleId" }, NEEDS, { "Hub", "DeviceId" }, LOG_ERR, NULL },
        { { "Hub", "KeyFile" },
          EXCLUDES,
          { "Provisioning", "IdScope" },
          LOG_ERR,
          "the key of an enrollment is set in section [Provisioning]" },
        { { "Hub", "KeyFile" }, EXCLUDES, { "Hub", "ConnectionStringFile" }, LOG_WARNING, TOLD_BY_STRING },
        { { "Hub", "KeyFile" }, EXCLUDES, { "Hub", "CertificateFile" }, LOG_ERR, ONE_PROOF },
        { { "Hub", "PrivateKeyFile" }, NEEDS, { "Hub", "CertificateFile" }, LOG_ERR, NULL },
        { { "Hub", "PrivateKeyPasswordFile" }, NEEDS, { "Hub", "CertificateFile" }, LOG_ERR, NULL },
        { { "Provisioning", "RegistrationId" }, NEEDS, { "Provisioning", "IdScope" }, LOG_ERR, NULL },
        { { "Provisioning", "KeyFile" }, NEEDS, { "Provisioning", "IdScope" }, LOG_ERR, NULL },
        { { "Provisioning", "KeyFile" }, EXCLUDES, { "Provisioning", "GroupKeyFile" }, LOG_ERR, ONE_PROOF },
        { { "Provisioning", "KeyFile" }, EXCLUDES, { "Hub", "CertificateFile" }, LOG_ERR, ONE_PROOF },
        { { "Provisioning", "GroupKeyFile" }, NEEDS, { "Provisioning", "IdScope" }, LOG_ERR, NULL },
        { { "Provisioning", "GroupKeyFile" }, EXCLUDES, { "Hub", "CertificateFile" }, LOG_ERR, ONE_PROOF },
        { { "Provisioning", "PayloadFile" }, NEEDS, { "Provisioning", "IdScope" }, LOG_ERR, NULL },
        { { "Broker", "SettingsFrom" },
          EXCLUDES,
          { "Broker", "ConnectionStringFile" },
          LOG_ERR,
          TOLD_ELSEWHERE },
        BROKER_SETTING("Host"),
        BROKER_SETTING("Port"),
        BROKER_SETTING("TLS"),
        BROKER_SETTING("TrustedCAFile"),
        BROKER_SETTING("ClientId"),
        BROKER_SETTING("TokenFile"),
        BROKER_SETTING("UserName"),
        BROKER_SETTING("PasswordFile"),
        BROKER_SETTING("CertificateFile"),
        BROKER_SETTING("PrivateKeyFile"),
        BROKER_SETTING("PrivateKeyPasswordFile"),
        BROKER_SETTING("CleanStart"),
        BROKER_SETTING("SessionExpirySec"),
        BROKER_SETTING("KeepAliveSec"),
        { { "Broker", "Host" }, NEEDS, { "Broker", "ClientId" }, LOG_ERR, NULL },
        { { "Broker", "ClientId" }, NEEDS, { "Broker", "Host" }, LOG_ERR, NULL },
        { { "Broker", "TokenFile" }, EXCLUDES, { "Broker", "PasswordFile" }, LOG_ERR, ONE_PROOF },
        { { "Broker", "PasswordFile" }, NEEDS, { "Broker", "UserName" }, LOG_ERR, NULL },
        { { "Broker", "CertificateFile" }, NEEDS, { "Broker", "PrivateKeyFile" }, LOG_ERR, NULL },
        { { "Broker", "PrivateKeyFile" }, NEEDS, { "Broker", "CertificateFile" }, LOG_ERR, NULL },
        { { "Broker", "PrivateKeyPasswordFile" }, NEEDS, { "Broker", "PrivateKeyFile" }, LOG_ERR, NULL },
        { { "Network", "ProxyCredentialFile" }, NEEDS, { "Network", "Proxy" }, LOG_WARNING, NULL },
        { { "Outbox", "MaxBytesPerApplication" }, AT_MOST, { "Outbox", "MaxBytes" }, LOG_WARNING, NULL },
        { { "Outbox", "MaxMessagesPerApplication" },
          AT_MOST,
          { "Outbox", "MaxMessages" },
          LOG_WARNING,
          NULL },
        { { "Outbox", "DrainBurst" }, NEEDS, { "Outbox", "DrainPerSec" }, LOG_WARNING, NULL },
};

static const ConfigKey *find_row(const Name *name) {
        const ConfigKey *key = config_table;

        while (strcmp(key->section, name->section) != 0 || strcmp(key->key, name->key) != 0)
                key++; /* a test looks whether each is there */
        return key;
}

static const ConfigOrigin *get_origin(const Config *c, const ConfigKey *key) {
        return &c->origins[key - config_table];
}

static uint64_t get_quantity(const Config *c, const ConfigKey *key) {
        return *(const uint64_t *) ((const uint8_t *) c + key->offset);
}

/* The first word of an enum that excludes others is for what holds without the key. */
static bool is_as_without(const Config *c, const ConfigKey *key) {
        return key->type == CONFIG_ENUM &&
               *(const int *) (const void *) ((const uint8_t *) c + key->offset) == (int) key->min;
}

static bool holds(const Config *c, Relation relation, const ConfigKey *key, const ConfigKey *other,
                  const char *directory) {
        char path[PATH_MAX];

        switch (relation) {
        case EXCLUDES:
                return !get_origin(c, other)->file || is_as_without(c, other);
        case NEEDS:
                return get_origin(c, other)->file || credential_find(directory, other->credential, path);
        case AT_MOST:
                return get_quantity(c, other) == 0 || get_quantity(c, key) <= get_quantity(c, other);
        case _RELATION_MAX:
                break;
        }
        return true;
}

static int tell(const Config *c, size_t i, const ConfigKey *key, const ConfigKey *other,
                ConfigMessages *messages) {
        const ConfigOrigin *origin = get_origin(c, key), *of_other = get_origin(c, other);
        _cleanup_(freep) char *value = NULL, *other_value = NULL;
        int r = 0;

        switch (relations[i].relation) {
        case EXCLUDES:
                return config_messages_add(messages, relations[i].level, origin->file, origin->line,
                                           "[%s] %s=: [%s] %s= is set, too (%s:%u): %s", key->section,
                                           key->key, other->section, other->key, of_other->file,
                                           of_other->line, relations[i].why);
        case NEEDS:
                return config_messages_add(messages, relations[i].level, origin->file, origin->line,
                                           "[%s] %s=: this is of no use without [%s] %s=", key->section,
                                           key->key, other->section, other->key);
        case AT_MOST:
                r = config_value_format(c, key, &value);
                if (r >= 0)
                        r = config_value_format(c, other, &other_value);
                if (r >= 0)
                        r = config_messages_add(messages, relations[i].level, origin->file, origin->line,
                                                "[%s] %s=%s: this limits nothing, since %s= is %s",
                                                key->section, key->key, value, other->key, other_value);
                break;
        case _RELATION_MAX:
                break;
        }
        return r;
}

int config_check_keys(const Config *c, const char *directory, ConfigMessages *messages) {
        const ConfigKey *told = NULL;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(relations); i++) {
                const ConfigKey *key = find_row(&relations[i].name), *other = find_row(&relations[i].other);

                if (key == told || !get_origin(c, key)->file ||
                    holds(c, relations[i].relation, key, other, directory))
                        continue;
                told = key;
                r = tell(c, i, key, other, messages);
                if (r < 0)
                        return r;
        }
        return access_check_limits(&c->access, c->outbox.max_bytes, c->outbox.max_messages, messages);
}

/* Files ----------------------------------------------------------------------------------------------- */

void config_identity_done(ConfigIdentity *identity) {
        credential_done(&identity->credential);
        enrollment_done(&identity->enrollment);
}

/* What is said of a file that cannot be opened is the same for each. The outbox makes its directory. */
static int check_access(const Config *c, ConfigMessages *messages) {
        for (const ConfigKey *key = config_table; key->section; key++) {
                const ConfigOrigin *origin = get_origin(c, key);
                const char *path;
                int r;

                if (key->type != CONFIG_PATH_NAME || strcmp(key->section, "Outbox") == 0 || !origin->file)
                        continue;
                path = *(char *const *) ((const uint8_t *) c + key->offset);
                if (access(path, R_OK) == 0)
                        continue;
                r = config_messages_add(messages, LOG_ERR, origin->file, origin->line, "[%s] %s=: %s: %m",
                                        key->section, key->key, path);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The certificates that are trusted, and the device's with its key. */
static int check_tls_files(const MqttTlsFiles *files, ConfigMessages *messages) {
        _cleanup_(mqtt_tls_cache_freep) MqttTlsCache *cache = NULL;
        MqttTlsContext context = {};
        char text[MQTT_TEXT_MAX];
        MqttProblem problem;
        int r;

        r = mqtt_tls_cache_new(&cache);
        if (r >= 0)
                r = mqtt_tls_cache_get(cache, files, &context, &problem, text, sizeof(text));
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return config_messages_add(messages, LOG_ERR, "", 0, "%s", text);
        mqtt_tls_context_done(&context);
        return 0;
}

static int check_hub_files(const Config *c, const Credential *credential, ConfigMessages *messages) {
        const MqttTlsFiles files = {
                .ca = c->hub.trusted_ca_file,
                .certificate = credential->certificate_file,
                .private_key = credential->private_key_file,
                .password = credential->private_key_password_file,
        };

        return check_tls_files(&files, messages);
}

/* The settings of the broker as the link will read them, and the files that they name. */
static int check_broker(const Config *c, const char *directory, ConfigMessages *messages) {
        _cleanup_(broker_settings_done) BrokerSettings s = BROKER_SETTINGS_NULL;
        MqttTlsFiles files = {};
        int r;

        if (!config_has_broker(c, directory))
                return 0;
        r = broker_settings_load(&s, c, directory, messages);
        if (r != 0)
                return MIN(r, 0);
        files.ca = s.strings[AIO_SETTING_CA_FILE];
        files.certificate = s.strings[AIO_SETTING_CERTIFICATE_FILE];
        files.private_key = s.strings[AIO_SETTING_KEY_FILE];
        files.password = s.strings[AIO_SETTING_KEY_PASSWORD_FILE];
        return s.settings.tls ? check_tls_files(&files, messages) : 0;
}

static int check_proxy(const Config *c, const char *directory, ConfigMessages *messages) {
        char *secret = NULL;
        int r;

        if (!c->network.proxy)
                return 0;
        r = route_read_proxy_credential(&secret, c, directory, messages);
        if (secret)
                explicit_bzero(secret, strlen(secret));
        free(secret);
        return MIN(r, 0);
}

static int load_identity(const Config *c, const char *directory, ConfigIdentity *identity,
                         ConfigMessages *messages) {
        int r;

        if (enrollment_is_configured(c))
                r = enrollment_load(&identity->enrollment, &identity->credential, c, directory, messages);
        else
                r = credential_load(&identity->credential, c, directory, messages);
        return MIN(r, 0);
}

/* The key whose value, a file, is in 'text'; of several the longest. NULL: there is none. */
static const ConfigKey *find_key_in_text(const Config *c, const char *text) {
        const ConfigKey *found = NULL;
        size_t longest = 0;

        for (const ConfigKey *key = config_table; key->section; key++) {
                const char *value;

                if (key->type != CONFIG_PATH_NAME)
                        continue;
                value = *(char *const *) ((const uint8_t *) c + key->offset);
                if (!value || strlen(value) <= longest || !strstr(text, value))
                        continue;
                found = key;
                longest = strlen(value);
        }
        return found;
}

/* What is wrong with a file is told with the key that names it, and where that is set. */
static int add_place(const Config *c, ConfigMessage *message) {
        char text[MQTT_TEXT_MAX + PATH_MAX], *placed, *file;
        const ConfigKey *key = NULL;

        (void) config_message_format(message, text, sizeof(text));
        if (message->line == 0)
                key = find_key_in_text(c, text);
        if (!key || !get_origin(c, key)->file)
                return 0;
        if (asprintf(&placed, "[%s] %s=: %s", key->section, key->key, text) < 0)
                return -ENOMEM;
        file = strdup(get_origin(c, key)->file);
        if (!file) {
                free(placed);
                return -ENOMEM;
        }
        free(message->file);
        free(message->text);
        message->file = file;
        message->line = get_origin(c, key)->line;
        message->text = placed;
        return 0;
}

int config_check_files(const Config *c, const char *directory, ConfigIdentity *ret,
                       ConfigMessages *messages) {
        ConfigIdentity identity = CONFIG_IDENTITY_NULL;
        size_t first = messages->n, n_errors = messages->n_errors;
        int r;

        r = check_access(c, messages);
        if (r < 0 || messages->n_errors > n_errors)
                return r;
        if (ret && config_has_hub(c, directory))
                r = load_identity(c, directory, &identity, messages);
        if (r >= 0)
                r = check_hub_files(c, &identity.credential, messages);
        if (r >= 0)
                r = check_broker(c, directory, messages);
        if (r >= 0)
                r = check_proxy(c, directory, messages);
        for (size_t i = first; i < messages->n && r >= 0; i++)
                r = add_place(c, &messages->messages[i]);
        if (r < 0 || !ret)
                config_identity_done(&identity);
        else
                *ret = identity;
        return r;
}
