/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The configuration of aziotd: /etc/aziotd/aziotd.conf and its drop-ins, decoded into a struct. The one table
 * behind it says of each key its section, type, unit, range, default, whether a reload applies it, and its
 * help text; the commented conf/aziotd.conf and the manual page come from it too (daemon/config-doc.c).
 */

#include "daemon/access.h"
#include "daemon/config-file.h"
#include "daemon/outboxes.h"
#include "daemon/route-choice.h"

#define CONFIG_PATH "/etc/aziotd/aziotd.conf"

/* Where the settings of the broker are. */
typedef enum BrokerSettingsFrom {
        BROKER_SETTINGS_CONFIG,
        BROKER_SETTINGS_ENVIRONMENT, /* AIO_… */
        BROKER_SETTINGS_MOUNT,       /* the files of a connector */
        _BROKER_SETTINGS_FROM_MAX,
} BrokerSettingsFrom;

/* Where a key was set; without a file it was not. */
typedef struct ConfigOrigin {
        char *file;
        unsigned line;
} ConfigOrigin;

/* Strings are NULL and lengths of time 0 where the file has nothing and the table has no default. */
typedef struct Config {
        struct {
                char *connection_string_file;
                char *host;
                char *device_id;
                char *module_id;
                char *key_file;
                char *certificate_file;
                char *private_key_file;
                char *private_key_password_file;
                char *model_id;
                char *trusted_ca_file;
                uint64_t port;
                uint64_t keep_alive_s;
                uint64_t token_lifetime_s;
                uint64_t method_timeout_s;
                uint64_t inbox_max_messages;
                uint64_t inbox_max_bytes;
        } hub;
        struct {
                char *id_scope;
                char *registration_id;
                char *key_file;
                char *group_key_file;
                char *payload_file;
                char *endpoint;
                uint64_t port;
        } provisioning;
        struct {
                int settings_from; /* BrokerSettingsFrom; of no meaning with a connection string */
                char *connection_string_file;
                char *host;
                uint64_t port;
                int tls; /* 1: yes */
                char *trusted_ca_file;
                char *client_id;
                char *token_file;
                char *user_name;
                char *password_file;
                char *certificate_file;
                char *private_key_file;
                char *private_key_password_file;
                int clean_start; /* 1: yes */
                uint64_t session_expiry_s;
                uint64_t keep_alive_s;
                uint64_t receive_maximum;
                char *topic_namespace;
        } broker;
        struct {
                uint64_t resolve_timeout_s;
                uint64_t connect_timeout_s;
                uint64_t tls_timeout_s;
                uint64_t proxy_timeout_s;
                uint64_t websocket_timeout_s;
                uint64_t connack_timeout_s;
                uint64_t tcp_user_timeout_s;
                int transports; /* RouteOrder */
                uint64_t websocket_port;
                char *proxy; /* proxy_url_parse() takes it; NULL: none */
                char *proxy_credential_file;
        } network;
        struct {
                char *directory; /* NULL: "outbox" in the state directory */
                uint64_t max_bytes;
                uint64_t max_messages;
                uint64_t max_bytes_per_application, max_messages_per_application; /* 0: no limit */
                uint64_t message_ttl_s;
                uint64_t sync_interval_s;
                int when_full; /* OutboxPolicy */
                uint64_t drain_per_s;
                uint64_t drain_burst;
                int report_drops; /* 1: yes */
        } outbox;
        Access access;
        struct {
                int level; /* LOG_ERR … LOG_DEBUG */
        } log;
        ConfigOrigin *origins; /* of each row of the table; NULL: nothing was loaded */
} Config;

/* A condition: errors were found and added to the messages. */
enum {
        CONFIG_INVALID = 1,
};

/*
 * Reads 'path', then the files of 'path'.d that end in ".conf", in the order of their names; what is read
 * later wins, but each section [Access] is a rule of its own. A missing 'path' is like an empty one unless
 * 'required'. Without TrustedCAFile= that is the systemd credential "aziotd.trusted-ca", if there is one.
 * Sections and keys that are not known are mistakes like any other: a rule of [Access] must not get lost by a
 * slip of the pen.
 *
 * 0: *ret is to be released with config_done(). CONFIG_INVALID: the same, but what was wrong in it has its
 * default, or is missing, and is not to be used; 'messages' names every mistake. Returns -ENOMEM.
 */
int config_load(Config *ret, const char *path, bool required, ConfigMessages *messages);

void config_done(Config *c);

/*
 * Whether the device has a hub, and a broker. 'directory' is $CREDENTIALS_DIRECTORY, or NULL. One that names
 * neither has a hub, whose identity it waits for.
 */
bool config_has_hub(const Config *c, const char *directory);
bool config_has_broker(const Config *c, const char *directory);
