/* SPDX-License-Identifier: MIT */

#include "daemon/broker-settings.h"

#include <limits.h>
#include <syslog.h>

#include "daemon/config-table.h"
#include "daemon/credential.h"
#include "daemon/file.h"

/* Of a connection string, and of the document of a mount. */
#define TEXT_MAX (64U * 1024U)

/* The settings that are text, and the credential that may stand in for the key of section [Broker]. */
static const struct {
        aio_setting setting;
        size_t offset; /* into aio_settings */
        size_t member; /* into Config */
        const char *credential;
} texts[] = {
#define TEXT(setting, span, member, credential) \
        { AIO_SETTING_##setting, offsetof(aio_settings, span), offsetof(Config, broker.member), credential }
        TEXT(HOST, host, host, NULL),
        TEXT(CA_FILE, ca_file, trusted_ca_file, "aziotd.broker-trusted-ca"),
        TEXT(CLIENT_ID, client_id, client_id, NULL),
        TEXT(TOKEN_FILE, token_file, token_file, "aziotd.broker-token"),
        TEXT(USER_NAME, user_name, user_name, NULL),
        TEXT(PASSWORD_FILE, password_file, password_file, "aziotd.broker-password"),
        TEXT(CERTIFICATE_FILE, certificate_file, certificate_file, "aziotd.broker-certificate"),
        TEXT(KEY_FILE, key_file, private_key_file, "aziotd.broker-private-key"),
        TEXT(KEY_PASSWORD_FILE, key_password_file, private_key_password_file,
             "aziotd.broker-private-key-password"),
};

static az_span *find_text(aio_settings *s, size_t i) {
        return (az_span *) (void *) ((uint8_t *) s + texts[i].offset);
}

static az_span span(const char *s) {
        return s ? az_span_create_from_str((char *) s) : AZ_SPAN_EMPTY;
}

void broker_settings_done(BrokerSettings *s) {
        for (size_t i = 0; i < ELEMENTSOF(s->strings); i++)
                free(s->strings[i]);
        free(s->topic_namespace);
        *s = BROKER_SETTINGS_NULL;
}

/* What is told of an error. The value of a setting is only in it if it is no text, and so no secret. */
static int add_error(ConfigMessages *messages, aio_settings_source source, const aio_error *error) {
        static const char *const places[_AIO_SETTINGS_SOURCE_MAX] = {
                [AIO_SETTINGS_ENVIRONMENT] = "",
                [AIO_SETTINGS_CONNECTION_STRING] = "[Broker] ConnectionStringFile=: ",
                [AIO_SETTINGS_MOUNT] = "[Broker] SettingsFrom=mount: ",
                [AIO_SETTINGS_CONFIGURATION_FILE] = "[Broker] ",
        };

        return config_messages_add(
                messages, LOG_ERR, "", 0, "%s%.*s: %.*s", places[source],
                (int) az_span_size(error->property_name), (const char *) az_span_ptr(error->property_name),
                (int) az_span_size(error->message), (const char *) az_span_ptr(error->message));
}

/* The texts get a place of their own. */
static int keep_texts(BrokerSettings *s) {
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                az_span *text = find_text(&s->settings, i);
                char **string = &s->strings[texts[i].setting];

                if (az_span_size(*text) == 0)
                        continue;
                *string = strndup((const char *) az_span_ptr(*text), (size_t) az_span_size(*text));
                if (!*string)
                        return -ENOMEM;
                *text = span(*string);
        }
        return 0;
}

/* Where they come from ------------------------------------------------------------------------------- */

static az_span get_variable(void *userdata, const char *name) {
        return span(getenv(name));
}

/* Section [Broker]: its keys were looked at one by one when they were read. */
static void read_config(aio_settings *s, const Config *c, const char *directory,
                        char paths[static ELEMENTSOF(texts)][PATH_MAX]) {
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                const char *value = *(char *const *) ((const uint8_t *) c + texts[i].member);

                *find_text(s, i) = span(value ?: credential_find(directory, texts[i].credential, paths[i]));
        }
        s->port = (uint16_t) c->broker.port;
        s->tls = c->broker.tls;
        s->clean_start = c->broker.clean_start;
        s->session_expiry_s = (uint32_t) c->broker.session_expiry_s;
        s->keep_alive_s = (uint16_t) c->broker.keep_alive_s;
}

/* What is wrong with the source as such. */
static int add_source_error(ConfigMessages *messages, const char *what, const char *why) {
        int r;

        r = config_messages_add(messages, LOG_ERR, "", 0, "[Broker] SettingsFrom=mount: %s: %s", what, why);
        return r < 0 ? r : CONFIG_INVALID;
}

static int read_mounted_file(char **ret, ConfigMessages *messages) {
        const char *directory = getenv(AIO_MOUNT_DIRECTORY_VARIABLE);
        char path[PATH_MAX];
        size_t n;
        int r;

        if (!directory || directory[0] != '/')
                return add_source_error(messages, AIO_MOUNT_DIRECTORY_VARIABLE,
                                        "this environment variable has to name a directory");
        if ((size_t) snprintf(path, sizeof(path), "%s/" AIO_PROPERTY_MOUNTED_CONNECTION, directory) >=
            sizeof(path))
                return add_source_error(messages, directory, strerror(ENAMETOOLONG));
        r = file_read(path, TEXT_MAX, ret, &n);
        return r >= 0 || r == -ENOMEM ? r : add_source_error(messages, path, strerror(-r));
}

/* Reads what has to be read first: 0, with *ret NULL if there is no such thing; CONFIG_INVALID. */
static int read_text(char **ret, aio_settings_source source, const Config *c, const char *directory,
                     ConfigMessages *messages) {
        if (source == AIO_SETTINGS_CONNECTION_STRING)
                return credential_read_secret(ret, c->broker.connection_string_file, directory,
                                              "aziotd.broker-connection-string", messages);
        if (source == AIO_SETTINGS_MOUNT)
                return read_mounted_file(ret, messages);
        return 0;
}

static aio_settings_source find_source(const Config *c, const char *directory) {
        char path[PATH_MAX];

        if (c->broker.settings_from == BROKER_SETTINGS_ENVIRONMENT)
                return AIO_SETTINGS_ENVIRONMENT;
        if (c->broker.settings_from == BROKER_SETTINGS_MOUNT)
                return AIO_SETTINGS_MOUNT;
        return c->broker.connection_string_file ||
                               (!c->broker.host &&
                                credential_find(directory, "aziotd.broker-connection-string", path))
                       ? AIO_SETTINGS_CONNECTION_STRING
                       : AIO_SETTINGS_CONFIGURATION_FILE;
}

static az_result read_settings(aio_settings *s, aio_settings_source source, char *text,
                               aio_error *ret_error) {
        az_result r = AZ_OK;

        if (source == AIO_SETTINGS_ENVIRONMENT)
                r = aio_settings_read_environment(s, get_variable, NULL, ret_error);
        else if (source == AIO_SETTINGS_CONNECTION_STRING)
                r = aio_settings_read_connection_string(s, span(text), ret_error);
        else if (source == AIO_SETTINGS_MOUNT)
                r = aio_settings_read_mount(s, span(text), get_variable, NULL, ret_error);
        return az_result_failed(r) ? r : aio_settings_check(s, source, ret_error);
}

int broker_settings_load(BrokerSettings *ret, const Config *c, const char *directory,
                         ConfigMessages *messages) {
        _cleanup_(broker_settings_done) BrokerSettings s = BROKER_SETTINGS_NULL;
        aio_settings_source source = find_source(c, directory);
        _cleanup_(freep) char *text = NULL;
        char paths[ELEMENTSOF(texts)][PATH_MAX];
        aio_error error = {};
        int r;

        r = read_text(&text, source, c, directory, messages);
        if (r != 0)
                return r;
        aio_settings_init(&s.settings);
        s.settings.receive_maximum = (uint16_t) c->broker.receive_maximum;
        if (source == AIO_SETTINGS_CONFIGURATION_FILE)
                read_config(&s.settings, c, directory, paths);
        if (az_result_failed(read_settings(&s.settings, source, text, &error)))
                return add_error(messages, source, &error) < 0 ? -ENOMEM : CONFIG_INVALID;

        s.settings.receive_maximum = MIN(s.settings.receive_maximum, BROKER_RECEIVE_MAX);
        r = keep_texts(&s);
        if (r == 0 && c->broker.topic_namespace) {
                s.topic_namespace = strdup(c->broker.topic_namespace);
                r = s.topic_namespace ? 0 : -ENOMEM;
        }
        if (r < 0)
                return r;

        *ret = s;
        s = BROKER_SETTINGS_NULL;
        return 0;
}

static bool strings_are_equal(const char *a, const char *b) {
        return strcmp(a ?: "", b ?: "") == 0;
}

bool broker_settings_are_equal(const BrokerSettings *a, const BrokerSettings *b) {
        const aio_settings *x = &a->settings, *y = &b->settings;

        for (size_t i = 0; i < ELEMENTSOF(a->strings); i++)
                if (!strings_are_equal(a->strings[i], b->strings[i]))
                        return false;
        return strings_are_equal(a->topic_namespace, b->topic_namespace) && x->port == y->port &&
               x->tls == y->tls && x->session_expiry_s == y->session_expiry_s &&
               x->keep_alive_s == y->keep_alive_s && x->receive_maximum == y->receive_maximum;
}
