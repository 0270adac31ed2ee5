/* SPDX-License-Identifier: MIT */

#include "daemon/enrollment.h"

#include <syslog.h>

#include <mqtt/identity.h>
#include <mqtt/sas.h>
#include <session/dps_session.h>

#include "daemon/file.h"

/* What a key is known by in the state directory; it says nothing of the key. */
#define FINGERPRINT_TEXT "aziotd assignment"

/* Adds an error and returns CONFIG_INVALID or -ENOMEM. */
static int invalid(ConfigMessages *messages, const char *file, const char *text) {
        int r;

        r = config_messages_add(messages, LOG_ERR, file, 0, "%s", text);
        return r < 0 ? r : CONFIG_INVALID;
}

bool enrollment_is_configured(const Config *c) {
        return c->provisioning.id_scope || c->provisioning.registration_id;
}

void enrollment_done(Enrollment *e) {
        assignment_owner_done(&e->owner);
        free(e->payload);
        *e = ENROLLMENT_NULL;
}

/* What contradicts itself is not guessed at. */
static int check(const Config *c, ConfigMessages *messages) {
        const char *const others[] = { c->hub.connection_string_file, c->hub.host, c->hub.device_id,
                                       c->hub.module_id, c->hub.key_file };

        if (!c->provisioning.id_scope)
                return invalid(messages, "", "IdScope= is missing in section [Provisioning]");
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (others[i])
                        return invalid(messages, "",
                                       "IdScope= in section [Provisioning] and who the device is in section "
                                       "[Hub] (ConnectionStringFile=, Host=, DeviceId=, ModuleId= or "
                                       "KeyFile=) are both set: the provisioning service tells that");
        if (!!c->provisioning.key_file + !!c->provisioning.group_key_file + !!c->hub.certificate_file > 1)
                return invalid(messages, "",
                               "more than one of KeyFile= and GroupKeyFile= in section [Provisioning] and "
                               "CertificateFile= in section [Hub] is set: a device has one of them");
        return 0;
}

/* What proves it ---------------------------------------------------------------------------------------- */

/* Puts the key of the device in the place of the group's, which is wiped. */
static int derive_key(Credential *c, const char *registration_id) {
        char key[SAS_SIGNATURE_SIZE], *copy;
        int r;

        /* DPS, "Symmetric key attestation": HMAC-SHA256(group key, registration id), in base64. */
        r = sas_sign(az_span_create_from_str((char *) registration_id), az_span_create_from_str(c->key), key,
                     sizeof(key));
        if (r < 0)
                return r;
        copy = strdup(key);
        explicit_bzero(key, sizeof(key));
        if (!copy)
                return -ENOMEM;
        explicit_bzero(c->key, strlen(c->key));
        free(c->key);
        c->key = copy;
        return 0;
}

static int fingerprint_key(const Credential *c, char **ret) {
        char text[SAS_SIGNATURE_SIZE];
        int r;

        r = sas_sign(AZ_SPAN_FROM_STR(FINGERPRINT_TEXT), az_span_create_from_str(c->key), text, sizeof(text));
        if (r < 0)
                return r;
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

static int fingerprint_certificate(const MqttIdentity *identity, char **ret) {
        size_t n = sizeof(identity->fingerprint);
        char *text;

        text = malloc(2 * n + 1);
        if (!text)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                (void) snprintf(text + 2 * i, 3, "%02x", identity->fingerprint[i]);
        *ret = text;
        return 0;
}

/* Who it is --------------------------------------------------------------------------------------------- */

/* DPS compares ids in lower case, and a group's keys are made of that, too. */
static int lower_case(char **ret, const char *text) {
        *ret = strdup(text);
        if (!*ret)
                return -ENOMEM;
        for (char *c = *ret; *c; c++)
                if (*c >= 'A' && *c <= 'Z')
                        *c = (char) (*c + ('a' - 'A'));
        return 0;
}

static bool registration_id_is_valid(const char *id) {
        size_t n = strlen(id);

        return n >= 1 && n <= AZ_DPS_SESSION_REGISTRATION_ID_MAX &&
               strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-._:") == n && !strchr("._:", id[n - 1]);
}

static int load_payload(Enrollment *e, const char *file, ConfigMessages *messages) {
        _cleanup_(ipc_document_done) IpcDocument document = IPC_DOCUMENT_NULL;
        size_t n;
        int r;

        if (!file)
                return 0;
        r = file_read(file, ENROLLMENT_PAYLOAD_MAX, &e->payload, &n);
        if (r == -EFBIG)
                return invalid(messages, file, "this is more than 64 KiB");
        if (r < 0 && r != -ENOMEM)
                return invalid(messages, file, strerror(-r));
        if (r >= 0)
                r = ipc_document_parse(&document, az_span_create((uint8_t *) e->payload, (int32_t) n));
        if (r > 0)
                return invalid(messages, file, "this is not one JSON value");
        return r;
}

static int load_names(Enrollment *e, const Config *c, const char *registration_id, ConfigMessages *messages) {
        int r;

        e->owner.id_scope = strdup(c->provisioning.id_scope);
        if (!e->owner.id_scope)
                return -ENOMEM;
        r = lower_case(&e->owner.registration_id, registration_id);
        if (r < 0)
                return r;
        if (!registration_id_is_valid(e->owner.registration_id))
                return invalid(messages, "",
                               "the registration id is not 1 to 128 letters, digits, '-', '.', '_' and ':', "
                               "of which the last is a letter, a digit or '-'");
        return load_payload(e, c->provisioning.payload_file, messages);
}

static int load_with_key(Enrollment *e, Credential *credential, const Config *c,
                         const char *credentials_directory, ConfigMessages *messages) {
        bool is_group = false;
        int r = CREDENTIAL_NONE;

        if (!c->provisioning.group_key_file)
                r = credential_read_key(credential, c->provisioning.key_file, credentials_directory,
                                        "aziotd.provisioning-key", messages);
        if (r == CREDENTIAL_NONE) {
                is_group = true;
                r = credential_read_key(credential, c->provisioning.group_key_file, credentials_directory,
                                        "aziotd.provisioning-group-key", messages);
        }
        if (r != 0)
                return r;

        if (!c->provisioning.registration_id)
                return invalid(messages, "", "RegistrationId= is missing in section [Provisioning]");
        r = load_names(e, c, c->provisioning.registration_id, messages);
        if (r == 0 && is_group)
                r = derive_key(credential, e->owner.registration_id);
        return r == 0 ? fingerprint_key(credential, &e->owner.fingerprint) : r;
}

static int load_with_certificate(Enrollment *e, Credential *credential, const Config *c,
                                 const char *credentials_directory, ConfigMessages *messages) {
        const char *registration_id = c->provisioning.registration_id;
        MqttIdentity identity;
        char text[512];
        int r;

        r = credential_find_certificate(credential, c, credentials_directory, messages);
        if (r != 0)
                return r;
        r = mqtt_identity_describe(&identity, credential->certificate_file, text, sizeof(text));
        if (r < 0)
                return r == -ENOMEM ? r : invalid(messages, "", text);

        if (!registration_id && identity.common_name[0] == '\0')
                return invalid(messages, credential->certificate_file,
                               "the certificate has no common name, which is the registration id: set "
                               "RegistrationId= in section [Provisioning]");
        r = load_names(e, c, registration_id ?: identity.common_name, messages);
        return r == 0 ? fingerprint_certificate(&identity, &e->owner.fingerprint) : r;
}

int enrollment_load(Enrollment *ret, Credential *ret_credential, const Config *c,
                    const char *credentials_directory, ConfigMessages *messages) {
        _cleanup_(credential_done) Credential credential = CREDENTIAL_NULL;
        _cleanup_(enrollment_done) Enrollment e = ENROLLMENT_NULL;
        int r;

        r = check(c, messages);
        if (r != 0)
                return r;
        r = CREDENTIAL_NONE;
        if (!c->hub.certificate_file)
                r = load_with_key(&e, &credential, c, credentials_directory, messages);
        if (r == CREDENTIAL_NONE)
                r = load_with_certificate(&e, &credential, c, credentials_directory, messages);
        if (r == CREDENTIAL_NONE)
                return invalid(messages, "",
                               "nothing proves who the device is: set KeyFile= or GroupKeyFile= in section "
                               "[Provisioning], or CertificateFile= in section [Hub] (see aziotd.conf(5))");
        if (r != 0)
                return r;

        *ret = e;
        e = ENROLLMENT_NULL;
        *ret_credential = credential;
        credential = CREDENTIAL_NULL;
        return 0;
}
