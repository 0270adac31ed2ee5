/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who the device is at the hub, and what proves it, a key or a certificate: from a connection string, or from
 * host, device and the rest given apart. Secrets come from a file or from a systemd credential, never from
 * the configuration itself:
 *
 *      ConnectionStringFile=     or else the credential "aziotd.connection-string"
 *      KeyFile=                  or else "aziotd.device-key", with Host= and DeviceId=
 *      CertificateFile=          or else "aziotd.certificate", with Host= and DeviceId=, or with a connection
 *                                string that says x509=true
 *      PrivateKeyFile=           or else "aziotd.private-key"; or the key is in CertificateFile=
 *      PrivateKeyPasswordFile=   or else "aziotd.private-key-password"; or the key is not encrypted
 *
 * A credential that is stored encrypted has ".encrypted" behind its name, and counts before a plain one.
 *
 * A certificate and its key are only named here: a connect worker reads them (mqtt/identity.h).
 */

#include <limits.h>
#include <session/credential.h>

#include "daemon/config.h"

/* Host names have at most 253 characters; ids 128 each (IoT Hub, "Identity registry"). */
#define CREDENTIAL_HOST_MAX 253U
#define CREDENTIAL_ID_MAX   128U

/* A connection string with the longest host, ids and key is below 1 KiB; a bigger file is another file. */
#define CREDENTIAL_FILE_MAX 4096U

/* The parts of a connection string; spans into it. Those that it has not are empty. */
typedef struct ConnectionString {
        az_span host;
        uint16_t port; /* 0: not given */
        az_span device_id;
        az_span module_id;
        az_span key;  /* base64 */
        bool is_x509; /* the device has a certificate instead of a key */
} ConnectionString;

/*
 * Parses "HostName=…;DeviceId=…[;ModuleId=…];SharedAccessKey=…", or with "x509=true" in place of the key. The
 * host may carry ":port". Each part is there at most once, unknown ones are refused by name, and no message
 * ever quotes a value. 'file' is for messages.
 *
 * 0, or CONFIG_INVALID with the reason in 'messages'. Returns -ENOMEM.
 * Source: IoT Hub, "Symmetric key in a connection string".
 */
int connection_string_parse(ConnectionString *ret, az_span text, const char *file, ConfigMessages *messages);

typedef struct Credential {
        az_credential kind;
        char *host;
        uint16_t port;
        char *device_id;
        char *module_id; /* NULL: the device itself */

        char *secret_file; /* what was read for this: the connection string or the key; NULL: nothing */

        /* AZ_CREDENTIAL_SAS. Base64 as it was written, checked to be strict base64 of 1..64 bytes:
         * sas_sign() takes it so. */
        char *key;

        /* AZ_CREDENTIAL_X509. Files in PEM, as MqttEndpoint has them. */
        char *certificate_file;
        char *private_key_file;          /* NULL: the key is in the file of the certificate */
        char *private_key_password_file; /* NULL: the key is not encrypted */
} Credential;

#define CREDENTIAL_NULL \
        (Credential) {  \
        }

/*
 * Loads what 'c' names. 'credentials_directory' is $CREDENTIALS_DIRECTORY, or NULL. Blocks for as long as
 * reading a small file takes.
 *
 * 0: *ret is to be released with credential_done(). CONFIG_INVALID: 'messages' says what is missing or wrong.
 * Returns -ENOMEM.
 */
int credential_load(Credential *ret, const Config *c, const char *credentials_directory,
                    ConfigMessages *messages);

/*
 * Where the systemd credential 'name' is in 'directory', which is $CREDENTIALS_DIRECTORY or NULL. NULL: it is
 * not there; a 'name' of NULL is nowhere.
 */
const char *credential_find(const char *directory, const char *name, char buffer[static PATH_MAX]);

/* Condition of the functions below: nothing of the kind is configured. */
#define CREDENTIAL_NONE 2

/*
 * Finds out where the device's certificate and its key are, and makes 'c' an AZ_CREDENTIAL_X509 of them.
 * 0; CREDENTIAL_NONE: no certificate is configured, and 'c' is as it was. Returns -ENOMEM.
 */
int credential_find_certificate(Credential *c, const Config *config, const char *credentials_directory,
                                ConfigMessages *messages);

/*
 * Reads a secret, without the white space at its end, from the file 'configured', or else from the systemd
 * credential 'name'. 0: *ret is to be wiped and freed; CONFIG_INVALID: 'messages' says what is wrong;
 * CREDENTIAL_NONE. Returns -ENOMEM.
 */
int credential_read_secret(char **ret, const char *configured, const char *credentials_directory,
                           const char *name, ConfigMessages *messages);

/*
 * Reads the key in the file 'configured', or else in the systemd credential 'name', and makes 'c' an
 * AZ_CREDENTIAL_SAS with it. 0; CONFIG_INVALID: 'messages' says what is wrong; CREDENTIAL_NONE. Returns
 * -ENOMEM.
 */
int credential_read_key(Credential *c, const char *configured, const char *credentials_directory,
                        const char *name, ConfigMessages *messages);

/* Whether a hub can have this name, and a device or module this id. */
bool credential_host_is_valid(az_span host);
bool credential_id_is_valid(az_span id);

/* Whether both are the same device or module of the same hub, whatever proves it. */
bool credential_is_same_device(const Credential *a, const Credential *b);

/* Exchanges what proves the device; the names stay, and so do spans into them. */
void credential_swap_proof(Credential *a, Credential *b);

/* Wipes the key and releases everything. */
void credential_done(Credential *c);
