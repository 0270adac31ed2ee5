/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_SETTINGS_H
#define _az_AIO_SETTINGS_H

/*
 * The settings of a connection to the broker of Azure IoT Operations, and the places they come from: the
 * environment, a connection string, the files that are mounted into a connector's pod, or the keys of a
 * configuration file. They mean the same wherever they stand:
 *
 *      setting            environment                connection string  mount
 *      host               AIO_BROKER_HOSTNAME        HostName           host
 *      port               AIO_BROKER_TCP_PORT        TcpPort            host
 *      tls                AIO_MQTT_USE_TLS           UseTls             tls.mode
 *      ca_file            AIO_TLS_CA_FILE            CaFile             (a variable)
 *      client_id          AIO_MQTT_CLIENT_ID         ClientId           (a variable)
 *      clean_start        AIO_MQTT_CLEAN_START       CleanStart
 *      session_expiry_s   AIO_MQTT_SESSION_EXPIRY    SessionExpiry      sessionExpirySeconds
 *      keep_alive_s       AIO_MQTT_KEEP_ALIVE        KeepAlive          keepAliveSeconds
 *      receive_maximum                                                  maxInflightMessages
 *      token_file         AIO_SAT_FILE               SatAuthFile        (a variable)
 *      user_name          AIO_MQTT_USERNAME          Username
 *      password_file      AIO_MQTT_PASSWORD_FILE     PasswordFile
 *      certificate_file   AIO_TLS_CERT_FILE          CertFile
 *      key_file           AIO_TLS_KEY_FILE           KeyFile
 *      key_password_file  AIO_TLS_KEY_PASSWORD_FILE  KeyPasswordFile
 *
 * Call aio_settings_init(), then one or more of aio_settings_read_…() or aio_settings_set(), and then
 * aio_settings_check(). No source goes before another: a setting that two of them give is refused. An empty
 * value counts as none. The files that are named are not read here, but by whoever connects, each time anew.
 *
 * What is wrong is told by AZ_ERROR_ARG and an aio_error, "invalid configuration", shallow. Its property is
 * the setting at fault, as its source calls it, with its value if that is no text and so no secret.
 *
 * Preconditions of all functions: pointers are not NULL, spans well formed.
 *
 * Source: Azure IoT Operations SDKs, connection settings and file mounts of connectors. Where they differ,
 * all that one of them takes is taken: a boolean is true or false in any case, 1 or 0.
 */

#include <stdbool.h>
#include <stdint.h>

#include <aio/error.h>
#include <azure/core/az_result.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/* The settings. */
typedef enum {
        AIO_SETTING_HOST,
        AIO_SETTING_PORT,
        AIO_SETTING_TLS,
        AIO_SETTING_CA_FILE,
        AIO_SETTING_CLIENT_ID,
        AIO_SETTING_CLEAN_START,
        AIO_SETTING_SESSION_EXPIRY,
        AIO_SETTING_KEEP_ALIVE,
        AIO_SETTING_RECEIVE_MAXIMUM,
        AIO_SETTING_TOKEN_FILE,
        AIO_SETTING_USER_NAME,
        AIO_SETTING_PASSWORD_FILE,
        AIO_SETTING_CERTIFICATE_FILE,
        AIO_SETTING_KEY_FILE,
        AIO_SETTING_KEY_PASSWORD_FILE,
        _AIO_SETTING_MAX
} aio_setting;

/* Where they come from. */
typedef enum {
        AIO_SETTINGS_ENVIRONMENT,
        AIO_SETTINGS_CONNECTION_STRING,
        AIO_SETTINGS_MOUNT,
        AIO_SETTINGS_CONFIGURATION_FILE, /* keys as the daemon's section [Broker] has them */
        _AIO_SETTINGS_SOURCE_MAX
} aio_settings_source;

/* Returns what a source calls a setting: "AIO_BROKER_HOSTNAME"; NULL: it does not have it. */
AZ_NODISCARD char const *aio_setting_name(aio_setting setting, aio_settings_source source);

/*
 * The settings, which may also be filled in member by member. Texts are spans into what they were read from,
 * which must outlive them; absent ones are AZ_SPAN_EMPTY. They have no control characters, and no more than
 * 65535 bytes.
 */
typedef struct {
        az_span host;    /* an IPv6 address without brackets */
        uint16_t port;   /* 8883 */
        bool tls;        /* true */
        az_span ca_file; /* PEM: what alone is trusted; of a mount a directory, whose files all count */
        az_span client_id;
        bool clean_start;          /* false; on the first connection only */
        uint32_t session_expiry_s; /* 3600; at least 1 */
        uint16_t keep_alive_s;     /* 60; at least 1 */
        uint16_t receive_maximum;  /* 65535; at least 1 */
        az_span token_file; /* a Kubernetes service account token, to be sent as its bytes are: K8S-SAT */
        az_span user_name;
        az_span password_file;
        az_span certificate_file; /* PEM, ours, followed by the intermediate ones */
        az_span key_file;         /* PEM, of our certificate */
        az_span key_password_file;
        /* Who has given each setting: an aio_settings_source and 1; 0: nobody. */
        uint8_t _given[_AIO_SETTING_MAX];
} aio_settings;

/* Sets the defaults. */
void aio_settings_init(aio_settings *out_settings);

/*
 * Sets one setting to what a text says; an empty one changes nothing.
 *
 *   source  whose names an error uses; precondition: it has this setting
 *
 * ARG: it is no number, out of range, no boolean, or has control characters; or it was given already.
 */
AZ_NODISCARD az_result aio_settings_set(aio_settings *ref_settings, aio_setting setting,
                                        aio_settings_source source, az_span value, aio_error *out_error);

/* Returns the value of an environment variable; AZ_SPAN_EMPTY: it is not set. */
typedef az_span (*aio_settings_get_variable)(void *userdata, char const *name);

/* Reads what the environment says. ARG as above. */
AZ_NODISCARD az_result aio_settings_read_environment(aio_settings *ref_settings,
                                                     aio_settings_get_variable get, void *userdata,
                                                     aio_error *out_error);

/*
 * Reads a connection string: "HostName=broker;TcpPort=1883;UseTls=false". Keys count in any case, unknown
 * ones do not. A value ends before the next ';' that has a key and '=' behind it, so that it may have both
 * characters. White space around the text and around keys does not count. ARG: as above, a key comes twice,
 * or it does not begin with a key; then the property is AIO_PROPERTY_CONNECTION_STRING. A ';' at the end of a
 * value does not count.
 *
 * KeyPasswordFile= is a file here as in the environment; the SDK for .NET takes it for the password itself.
 */
AZ_NODISCARD az_result aio_settings_read_connection_string(aio_settings *ref_settings, az_span text,
                                                           aio_error *out_error);

/* What an error calls a connection string as such, and the file of a mount. */
#define AIO_PROPERTY_CONNECTION_STRING  "connectionString"
#define AIO_PROPERTY_MOUNTED_CONNECTION "MQTT_CONNECTION_CONFIGURATION"

/* The variable that names the directory of that file. */
#define AIO_MOUNT_DIRECTORY_VARIABLE "CONNECTOR_CONFIGURATION_MOUNT_PATH"

/*
 * Reads what the operator for connectors has mounted: the file MQTT_CONNECTION_CONFIGURATION in the directory
 * that CONNECTOR_CONFIGURATION_MOUNT_PATH names, and the variables CONNECTOR_ID (client id),
 * BROKER_SAT_MOUNT_PATH (token) and, with TLS, BROKER_TLS_TRUST_BUNDLE_CACERT_MOUNT_PATH (CA).
 *
 *   text  what is in the file, JSON, to be written to: escapes are undone in place. The host is a span into
 * it
 *
 * ARG: as above; the text is not such a document; another 'protocol' than "mqtt"; another
 * 'authentication.method' than "serviceAccountToken", or that without BROKER_SAT_MOUNT_PATH. Unknown members
 * do not count, nor do those that are null.
 */
AZ_NODISCARD az_result aio_settings_read_mount(aio_settings *ref_settings, az_span text,
                                               aio_settings_get_variable get, void *userdata,
                                               aio_error *out_error);

/*
 * Checks that the settings make a connection.
 *
 *   source  whose names an error uses for what nobody has given
 *
 * ARG, and the property is one that is there and does not go with another one, which the message names:
 * host or client id are missing; a token and a password, which exclude each other; a certificate without its
 * key, a key without its certificate, or a key's password without the key; files of TLS without TLS; a number
 * that is out of range.
 */
AZ_NODISCARD az_result aio_settings_check(aio_settings const *settings, aio_settings_source source,
                                          aio_error *out_error);

_az_END_DECLS

#endif
