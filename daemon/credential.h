/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who the device is at the hub, and the key that proves it: from a connection string, or from host, device
 * and key given apart. Secrets come from a file or from a systemd credential, never from the configuration
 * itself:
 *
 *      ConnectionStringFile=   or else the credential "aziotd.connection-string"
 *      KeyFile=                or else the credential "aziotd.device-key", with Host= and DeviceId=
 */

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
        az_span key; /* base64 */
} ConnectionString;

/*
 * Parses "HostName=…;DeviceId=…[;ModuleId=…];SharedAccessKey=…". The host may carry ":port". Each part is
 * there at most once, unknown ones are refused by name, and no message ever quotes a value. 'file' is for
 * messages.
 *
 * 0, or CONFIG_INVALID with the reason in 'messages'. Returns -ENOMEM.
 * Source: IoT Hub, "Symmetric key in a connection string".
 */
int connection_string_parse(ConnectionString *ret, az_span text, const char *file, ConfigMessages *messages);

typedef struct Credential {
        char *host;
        uint16_t port;
        char *device_id;
        char *module_id; /* NULL: the device itself */
        char *key; /* base64 as it was written, checked to be strict base64 of 1..64 bytes: sas_sign() takes
                      it so */
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

/* Whether both are the same device or module of the same hub, whatever their keys. */
bool credential_is_same_device(const Credential *a, const Credential *b);

/* Wipes the key and releases everything. */
void credential_done(Credential *c);
