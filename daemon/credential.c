/* SPDX-License-Identifier: MIT */

#include "daemon/credential.h"

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
                                             "GatewayHostName", "x509" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (az_span_is_content_equal(name, az_span_create_from_str((char *) names[i])))
                        return invalid(source, "part '", name, "' of the connection string is not supported");
        return invalid_text(source,
                            "a part of the connection string is not known: there are HostName, DeviceId, "
                            "ModuleId and SharedAccessKey");
}

int connection_string_parse(ConnectionString *ret, az_span text, const char *file, ConfigMessages *messages) {
        ConnectionString s = {};
        const struct {
                az_span name;
                az_span *value;
                bool is_required;
        } parts[] = {
                { AZ_SPAN_FROM_STR("HostName"), &s.host, true },
                { AZ_SPAN_FROM_STR("DeviceId"), &s.device_id, true },
                { AZ_SPAN_FROM_STR("ModuleId"), &s.module_id, false },
                { AZ_SPAN_FROM_STR("SharedAccessKey"), &s.key, true },
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

        *ret = s;
        return 0;
}

/* Checks ---------------------------------------------------------------------------------------------- */

static bool host_is_valid(az_span host) {
        for (int32_t i = 0; i < az_span_size(host); i++) {
                char c = (char) az_span_ptr(host)[i];

                if (c == '\0' ||
                    !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._", c))
                        return false;
        }
        return az_span_size(host) > 0 && az_span_size(host) <= (int32_t) CREDENTIAL_HOST_MAX;
}

/* IoT Hub, "Device identity properties", less what MQTT topics cannot hold: '#', '+' and '/'. */
static bool id_is_valid(az_span id) {
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

static int check(const ConnectionString *s, const Source *source) {
        if (!host_is_valid(s->host))
                return invalid_text(source, "the host of the hub is not a host name");
        if (!id_is_valid(s->device_id))
                return invalid_text(
                        source,
                        "the device id has a character that cannot be used, or more than 128 of them");
        if (az_span_size(s->module_id) > 0 && !id_is_valid(s->module_id))
                return invalid_text(
                        source,
                        "the module id has a character that cannot be used, or more than 128 of them");
        if (!key_is_valid(s->key))
                return invalid_text(source, "the key is not base64 of at most 64 bytes");
        if (id_is_risky(s->device_id) || id_is_risky(s->module_id))
                return config_messages_add(
                        source->messages, LOG_WARNING, source->file, 0,
                        "hubs are known to treat some of %%$?='()* in an id differently from place "
                        "to place; avoid them");
        return 0;
}

/* Loading --------------------------------------------------------------------------------------------- */

static void wipe_freep(char **secret) {
        if (*secret)
                explicit_bzero(*secret, strlen(*secret));
        free(*secret);
}

void credential_done(Credential *c) {
        free(c->host);
        free(c->device_id);
        free(c->module_id);
        wipe_freep(&c->key);
        *c = CREDENTIAL_NULL;
}

bool credential_is_same_device(const Credential *a, const Credential *b) {
        return a->port == b->port && strcmp(a->host, b->host) == 0 &&
               strcmp(a->device_id, b->device_id) == 0 && strcmp(a->module_id ?: "", b->module_id ?: "") == 0;
}

static char *span_strdup(az_span s) {
        return strndup((const char *) az_span_ptr(s), (size_t) az_span_size(s));
}

static int credential_from(Credential *ret, const ConnectionString *s, const Source *source) {
        _cleanup_(credential_done) Credential c = CREDENTIAL_NULL;
        int r;

        r = check(s, source);
        if (r != 0)
                return r;

        c.port = s->port;
        c.host = span_strdup(s->host);
        c.device_id = span_strdup(s->device_id);
        c.key = span_strdup(s->key);
        if (az_span_size(s->module_id) > 0)
                c.module_id = span_strdup(s->module_id);
        if (!c.host || !c.device_id || !c.key || (az_span_size(s->module_id) > 0 && !c.module_id))
                return -ENOMEM;

        *ret = c;
        c = CREDENTIAL_NULL;
        return 0;
}

/* Reads a file that holds a secret, without the white space at its end. */
static int read_secret(const Source *source, char **ret) {
        struct stat st;
        size_t n;
        int r;

        r = file_read(source->file, CREDENTIAL_FILE_MAX, ret, &n);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return invalid(source, "cannot be read: ", az_span_create_from_str(strerror(-r)), "");

        while (n > 0 && strchr(" \t\r\n", (*ret)[n - 1]))
                (*ret)[--n] = '\0';
        if (stat(source->file, &st) >= 0 && (st.st_mode & (S_IROTH | S_IWOTH)))
                return config_messages_add(source->messages, LOG_WARNING, source->file, 0,
                                           "others than its owner can read this secret: chmod o-rw");
        return 0;
}

static int load_connection_string(Credential *ret, const Source *source) {
        _cleanup_(wipe_freep) char *text = NULL;
        ConnectionString s;
        int r;

        r = read_secret(source, &text);
        if (r != 0)
                return r;
        r = connection_string_parse(&s, az_span_create_from_str(text), source->file, source->messages);
        if (r != 0)
                return r;
        return credential_from(ret, &s, source);
}

static int load_parts(Credential *ret, const Config *c, const Source *source) {
        _cleanup_(wipe_freep) char *key = NULL;
        ConnectionString s = {
                .host = az_span_create_from_str(c->hub.host),
                .device_id = az_span_create_from_str(c->hub.device_id),
        };
        int r;

        r = read_secret(source, &key);
        if (r != 0)
                return r;
        s.key = az_span_create_from_str(key);
        if (c->hub.module_id)
                s.module_id = az_span_create_from_str(c->hub.module_id);
        return credential_from(ret, &s, source);
}

/* The file that was configured, else the systemd credential 'name' if there is one, else NULL. */
static const char *find_secret(const char *configured, const char *directory, const char *name,
                               char buffer[static PATH_MAX]) {
        if (configured)
                return configured;
        if (!directory || (size_t) snprintf(buffer, PATH_MAX, "%s/%s", directory, name) >= PATH_MAX)
                return NULL;
        return access(buffer, F_OK) >= 0 ? buffer : NULL;
}

int credential_load(Credential *ret, const Config *c, const char *credentials_directory,
                    ConfigMessages *messages) {
        Source source = { .messages = messages };
        char buffer[PATH_MAX];

        source.file = find_secret(c->hub.connection_string_file, credentials_directory,
                                  "aziotd.connection-string", buffer);
        if (source.file)
                return load_connection_string(ret, &source);

        source.file = find_secret(c->hub.key_file, credentials_directory, "aziotd.device-key", buffer);
        if (source.file && c->hub.host && c->hub.device_id)
                return load_parts(ret, c, &source);

        source.file = "";
        return invalid_text(
                &source,
                "no identity is configured: set ConnectionStringFile= in section [Hub], or store the "
                "systemd credential aziotd.connection-string (see aziotd(8))");
}
