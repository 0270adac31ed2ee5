/* SPDX-License-Identifier: MIT */

#include "daemon/credential.h"

#include <assert.h>
#include <limits.h>
#include <sys/stat.h>
#include <syslog.h>

#include <azure/core/az_base64.h>

#include "daemon/file.h"

/* Keys of a hub have 16 to 64 bytes. */
#define KEY_MAX 64

/* Where an identity comes from, for messages. */
typedef struct Source {
        const char *file;
        ConfigMessages *messages;
} Source;

/* Adds an error, "<before><name><after>", and returns CONFIG_INVALID or -ENOMEM. 'name' is never a value. */
static int invalid(const Source *source, const char *before, az_span name, const char *after) {
        int r;

        r = config_messages_add(source->messages, LOG_ERR, source->file, 0, "%s%.*s%s", before,
                                az_span_size(name), (const char *) az_span_ptr(name), after);
        return r < 0 ? r : CONFIG_INVALID;
}

static int invalid_text(const Source *source, const char *text) {
        return invalid(source, text, AZ_SPAN_FROM_STR(""), "");
}

/* Connection strings ---------------------------------------------------------------------------------- */

static bool take_part(az_span *rest, az_span *ret_name, az_span *ret_value) {
        int32_t end = az_span_find(*rest, AZ_SPAN_FROM_STR(";")), equals;
        az_span part = end < 0 ? *rest : az_span_slice(*rest, 0, end);

        *rest = end < 0 ? AZ_SPAN_EMPTY : az_span_slice_to_end(*rest, end + 1);

        /* Base64 ends with '=' as well: only the first one separates. */
        equals = az_span_find(part, AZ_SPAN_FROM_STR("="));
        *ret_name = equals < 0 ? part : az_span_slice(part, 0, equals);
        *ret_value = equals < 0 ? AZ_SPAN_EMPTY : az_span_slice_to_end(part, equals + 1);
        return equals >= 0;
}

static bool split_port(ConnectionString *s) {
        int32_t colon = az_span_find(s->host, AZ_SPAN_FROM_STR(":"));
        uint32_t port;

        if (colon < 0)
                return true;
        if (az_result_failed(az_span_atou32(az_span_slice_to_end(s->host, colon + 1), &port)) || port == 0 ||
            port > UINT16_MAX)
                return false;
        s->port = (uint16_t) port;
        s->host = az_span_slice(s->host, 0, colon);
        return true;
}

/* Says which part it is only if Azure knows the name: otherwise it may well be a key in the wrong place. */
static int unknown_part(const Source *source, az_span name) {
        static const char *const names[] = { "SharedAccessKeyName", "SharedAccessSignature",
                                             "GatewayHostName" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (az_span_is_content_equal(name, az_span_create_from_str((char *) names[i])))
                        return invalid(source, "part '", name, "' of the connection string is not supported");
        return invalid_text(source,
                            "a part of the connection string is not known: there are HostName, DeviceId, "
                            "ModuleId, SharedAccessKey and x509");
}

int connection_string_parse(ConnectionString *ret, az_span text, const char *file, ConfigMessages *messages) {
        az_span x509 = AZ_SPAN_EMPTY;
        ConnectionString s = {};
        const struct {
                az_span name;
                az_span *value;
                bool is_required;
        } parts[] = {
                { AZ_SPAN_FROM_STR("HostName"), &s.host, true },
                { AZ_SPAN_FROM_STR("DeviceId"), &s.device_id, true },
                { AZ_SPAN_FROM_STR("ModuleId"), &s.module_id, false },
                { AZ_SPAN_FROM_STR("SharedAccessKey"), &s.key, false },
                { AZ_SPAN_FROM_STR("x509"), &x509, false },
        };
        Source source = { file, messages };
        az_span name, value;
        size_t i;

        while (az_span_size(text) > 0) {
                if (!take_part(&text, &name, &value))
                        return invalid_text(&source, "this is not a connection string: a part has no '='");
                for (i = 0; i < ELEMENTSOF(parts); i++)
                        if (az_span_is_content_equal(name, parts[i].name))
                                break;
                if (i == ELEMENTSOF(parts))
                        return unknown_part(&source, name);
                if (az_span_size(*parts[i].value) > 0)
                        return invalid(&source, "part '", name, "' of the connection string is there twice");
                if (az_span_size(value) == 0)
                        return invalid(&source, "part '", name, "' of the connection string is empty");
                *parts[i].value = value;
        }

        for (i = 0; i < ELEMENTSOF(parts); i++)
                if (parts[i].is_required && az_span_size(*parts[i].value) == 0)
                        return invalid(&source, "the connection string has no '", parts[i].name, "'");
        if (!split_port(&s))
                return invalid_text(&source, "the port in 'HostName' is not a number from 1 to 65535");
        s.is_x509 = az_span_is_content_equal(x509, AZ_SPAN_FROM_STR("true"));
        if (az_span_size(x509) > 0 && !s.is_x509)
                return invalid_text(&source, "part 'x509' of the connection string is not 'true'");
        if (s.is_x509 == (az_span_size(s.key) > 0))
                return invalid_text(&source, s.is_x509 ? "the connection string has a 'SharedAccessKey', and "
                                                         "says 'x509=true': it may have one of them"
                                                       : "the connection string has no 'SharedAccessKey'");

        *ret = s;
        return 0;
}

/* Checks ---------------------------------------------------------------------------------------------- */

bool credential_host_is_valid(az_span host) {
        for (int32_t i = 0; i < az_span_size(host); i++) {
                char c = (char) az_span_ptr(host)[i];

                if (c == '\0' ||
                    !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._", c))
                        return false;
        }
        return az_span_size(host) > 0 && az_span_size(host) <= (int32_t) CREDENTIAL_HOST_MAX;
}

/* IoT Hub, "Device identity properties", less what MQTT topics cannot hold: '#', '+' and '/'. */
bool credential_id_is_valid(az_span id) {
        for (int32_t i = 0; i < az_span_size(id); i++) {
                char c = (char) az_span_ptr(id)[i];

                if (c == '\0' ||
                    !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.%_*?!(),:=@$'",
                            c))
                        return false;
        }
        return az_span_size(id) > 0 && az_span_size(id) <= (int32_t) CREDENTIAL_ID_MAX;
}

static bool id_is_risky(az_span id) {
        for (int32_t i = 0; i < az_span_size(id); i++)
                if (strchr("%$?='()*", (char) az_span_ptr(id)[i]))
                        return true;
        return false;
}

static bool key_is_valid(az_span key) {
        uint8_t bytes[KEY_MAX];
        int32_t n;
        bool ok;

        ok = az_span_size(key) > 0 &&
             az_result_succeeded(az_base64_decode(AZ_SPAN_FROM_BUFFER(bytes), key, &n)) && n > 0;
        explicit_bzero(bytes, sizeof(bytes));
        return ok;
}

static int check_names(const ConnectionString *s, const Source *source) {
        if (!credential_host_is_valid(s->host))
                return invalid_text(source, "the host of the hub is not a host name");
        if (!credential_id_is_valid(s->device_id))
                return invalid_text(
                        source,
                        "the device id has a character that cannot be used, or more than 128 of them");
        if (az_span_size(s->module_id) > 0 && !credential_id_is_valid(s->module_id))
                return invalid_text(
                        source,
                        "the module id has a character that cannot be used, or more than 128 of them");
        if (id_is_risky(s->device_id) || id_is_risky(s->module_id))
                return config_messages_add(
                        source->messages, LOG_WARNING, source->file, 0,
                        "hubs are known to treat some of %%$?='()* in an id differently from place "
                        "to place; avoid them");
        return 0;
}

/* What a credential is made of ------------------------------------------------------------------------ */

static void wipe_freep(char **secret) {
        if (*secret)
                explicit_bzero(*secret, strlen(*secret));
        free(*secret);
}

void credential_done(Credential *c) {
        free(c->host);
        free(c->device_id);
        free(c->module_id);
        free(c->secret_file);
        wipe_freep(&c->key);
        free(c->certificate_file);
        free(c->private_key_file);
        free(c->private_key_password_file);
        *c = CREDENTIAL_NULL;
}

bool credential_is_same_device(const Credential *a, const Credential *b) {
        return a->port == b->port && strcmp(a->host, b->host) == 0 &&
               strcmp(a->device_id, b->device_id) == 0 && strcmp(a->module_id ?: "", b->module_id ?: "") == 0;
}

static void swap(char **a, char **b) {
        char *c = *a;

        *a = *b;
        *b = c;
}

void credential_swap_proof(Credential *a, Credential *b) {
        az_credential kind = a->kind;

        a->kind = b->kind;
        b->kind = kind;
        swap(&a->secret_file, &b->secret_file);
        swap(&a->key, &b->key);
        swap(&a->certificate_file, &b->certificate_file);
        swap(&a->private_key_file, &b->private_key_file);
        swap(&a->private_key_password_file, &b->private_key_password_file);
}

static az_span span_from(const char *s) {
        return s ? az_span_create_from_str((char *) s) : AZ_SPAN_EMPTY;
}

/* What is empty stays NULL. */
static int set_span(char **member, az_span s) {
        if (az_span_size(s) == 0)
                return 0;
        *member = strndup((const char *) az_span_ptr(s), (size_t) az_span_size(s));
        return *member ? 0 : -ENOMEM;
}

static int set_names(Credential *c, const ConnectionString *s, const Source *source) {
        int r;

        r = check_names(s, source);
        if (r != 0)
                return r;
        c->port = s->port;
        r = set_span(&c->host, s->host);
        if (r >= 0)
                r = set_span(&c->device_id, s->device_id);
        if (r >= 0)
                r = set_span(&c->module_id, s->module_id);
        return r;
}

static int set_key(Credential *c, az_span key, const Source *source) {
        if (!key_is_valid(key))
                return invalid_text(source, "the key is not base64 of at most 64 bytes");
        c->kind = AZ_CREDENTIAL_SAS;
        return set_span(&c->key, key);
}

/* Files ----------------------------------------------------------------------------------------------- */

static int warn_if_readable(const Source *source) {
        struct stat st;

        if (stat(source->file, &st) < 0 || (st.st_mode & (S_IROTH | S_IWOTH)) == 0)
                return 0;
        return config_messages_add(source->messages, LOG_WARNING, source->file, 0,
                                   "others than its owner can read this secret: chmod o-rw");
}

/* Reads a file that holds a secret, without the white space at its end. */
static int read_secret(const Source *source, char **ret) {
        size_t n;
        int r;

        r = file_read(source->file, CREDENTIAL_FILE_MAX, ret, &n);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return invalid(source, "cannot be read: ", az_span_create_from_str(strerror(-r)), "");

        while (n > 0 && strchr(" \t\r\n", (*ret)[n - 1]))
                (*ret)[--n] = '\0';
        return warn_if_readable(source);
}

/* To systemd 252 a credential of one name is plain or encrypted, so there are two. */
const char *credential_find(const char *directory, const char *name, char buffer[static PATH_MAX]) {
        static const char *const suffixes[] = { ".encrypted", "" };

        for (size_t i = 0; directory && name && i < ELEMENTSOF(suffixes); i++)
                if ((size_t) snprintf(buffer, PATH_MAX, "%s/%s%s", directory, name, suffixes[i]) < PATH_MAX &&
                    access(buffer, F_OK) >= 0)
                        return buffer;
        return NULL;
}

/* The file that was configured, else the systemd credential 'name' if there is one, else NULL. */
static const char *find_file(const char *configured, const char *directory, const char *name,
                             char buffer[static PATH_MAX]) {
        return configured ?: credential_find(directory, name, buffer);
}

int credential_read_secret(char **ret, const char *configured, const char *credentials_directory,
                           const char *name, ConfigMessages *messages) {
        _cleanup_(wipe_freep) char *secret = NULL;
        Source source = { .messages = messages };
        char buffer[PATH_MAX];
        int r;

        source.file = find_file(configured, credentials_directory, name, buffer);
        if (!source.file)
                return CREDENTIAL_NONE;
        r = read_secret(&source, &secret);
        if (r == 0)
                *ret = TAKE_PTR(secret);
        return r;
}

int credential_read_key(Credential *c, const char *configured, const char *credentials_directory,
                        const char *name, ConfigMessages *messages) {
        _cleanup_(wipe_freep) char *key = NULL;
        Source source = { .messages = messages };
        char buffer[PATH_MAX];
        int r;

        r = credential_read_secret(&key, configured, credentials_directory, name, messages);
        if (r != 0)
                return r;
        source.file = find_file(configured, credentials_directory, name, buffer) ?: name;
        r = set_key(c, span_from(key), &source);
        return r == 0 ? set_span(&c->secret_file, span_from(source.file)) : r;
}

int credential_find_certificate(Credential *c, const Config *config, const char *credentials_directory,
                                ConfigMessages *messages) {
        const struct {
                const char *configured, *name;
                char **member;
        } files[] = {
                { config->hub.certificate_file, "aziotd.certificate", &c->certificate_file },
                { config->hub.private_key_file, "aziotd.private-key", &c->private_key_file },
                { config->hub.private_key_password_file, "aziotd.private-key-password",
                  &c->private_key_password_file },
        };
        Source key = { .messages = messages };
        char buffer[PATH_MAX];
        int r;

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                const char *file =
                        find_file(files[i].configured, credentials_directory, files[i].name, buffer);

                if (i == 0 && !file)
                        return CREDENTIAL_NONE;
                r = set_span(files[i].member, span_from(file));
                if (r < 0)
                        return r;
        }
        c->kind = AZ_CREDENTIAL_X509;
        key.file = c->private_key_file ?: c->certificate_file;
        assert(key.file);
        return warn_if_readable(&key);
}

/* Loading --------------------------------------------------------------------------------------------- */

static int load_connection_string(Credential *c, const Config *config, const char *credentials_directory,
                                  const Source *source) {
        _cleanup_(wipe_freep) char *text = NULL;
        ConnectionString s;
        int r;

        r = read_secret(source, &text);
        if (r != 0)
                return r;
        r = connection_string_parse(&s, span_from(text), source->file, source->messages);
        if (r == 0)
                r = set_names(c, &s, source);
        if (r == 0)
                r = set_span(&c->secret_file, span_from(source->file));
        if (r != 0)
                return r;
        if (!s.is_x509)
                return set_key(c, s.key, source);

        r = credential_find_certificate(c, config, credentials_directory, source->messages);
        if (r == CREDENTIAL_NONE)
                return invalid_text(source,
                                    "the connection string says 'x509=true': set CertificateFile= in section "
                                    "[Hub], or store the systemd credential 'aziotd.certificate'");
        return r;
}

static int load_parts(Credential *c, const Config *config, const char *credentials_directory,
                      ConfigMessages *messages) {
        const Source source = { .file = "", .messages = messages };
        const ConnectionString names = {
                .host = span_from(config->hub.host),
                .device_id = span_from(config->hub.device_id),
                .module_id = span_from(config->hub.module_id),
        };
        int r = CREDENTIAL_NONE;

        if (config->hub.key_file && config->hub.certificate_file)
                return invalid_text(&source, "KeyFile= and CertificateFile= are both set in section [Hub]: a "
                                             "device has one of them");
        if (!config->hub.certificate_file)
                r = credential_read_key(c, config->hub.key_file, credentials_directory, "aziotd.device-key",
                                        messages);
        if (r == CREDENTIAL_NONE)
                r = credential_find_certificate(c, config, credentials_directory, messages);
        return r == 0 ? set_names(c, &names, &source) : r;
}

int credential_load(Credential *ret, const Config *c, const char *credentials_directory,
                    ConfigMessages *messages) {
        _cleanup_(credential_done) Credential loaded = CREDENTIAL_NULL;
        Source source = { .messages = messages };
        char buffer[PATH_MAX];
        int r = CREDENTIAL_NONE;

        source.file = find_file(c->hub.connection_string_file, credentials_directory,
                                "aziotd.connection-string", buffer);
        if (source.file)
                r = load_connection_string(&loaded, c, credentials_directory, &source);
        else if (c->hub.host && c->hub.device_id)
                r = load_parts(&loaded, c, credentials_directory, messages);

        if (r == CREDENTIAL_NONE) {
                source.file = "";
                return invalid_text(
                        &source, "no identity is configured: set ConnectionStringFile= in section [Hub] or "
                                 "IdScope= in section [Provisioning], or store the systemd credential "
                                 "aziotd.connection-string (see aziotd(8))");
        }
        if (r != 0)
                return r;
        *ret = loaded;
        loaded = CREDENTIAL_NULL;
        return 0;
}
