/* SPDX-License-Identifier: MIT */

#include "hubsim/attestation.h"

#include <openssl/crypto.h>

const char *const attestation_kind_names[] = {
        [ATTESTATION_KEYS] = "sas",
        [ATTESTATION_THUMBPRINT] = "selfSigned",
        [ATTESTATION_CA] = "certificateAuthority",
        [_ATTESTATION_MAX] = NULL,
};

static const struct {
        const char *primary, *secondary; /* members in a file */
        bool needs_primary, needs_secondary;
} kinds[] = {
        [ATTESTATION_KEYS] = { "primaryKey", "secondaryKey", true, true },
        [ATTESTATION_THUMBPRINT] = { "primaryThumbprint", "secondaryThumbprint", true, false },
        [ATTESTATION_CA] = { "primaryThumbprint", "secondaryThumbprint", false, false },
};

static char *wipe_and_free(char *text) {
        if (text)
                OPENSSL_cleanse(text, strlen(text));
        free(text);
        return NULL;
}

void attestation_done(Attestation *a) {
        a->primary = wipe_and_free(a->primary);
        a->secondary = wipe_and_free(a->secondary);
}

/* Writes it as it is to be stored; -EINVAL: it is not what this kind has. */
static int normalize(AttestationKind kind, const char *text, char ret[static SAS_KEY_TEXT_SIZE]) {
        _Static_assert(SAS_KEY_TEXT_SIZE >= THUMBPRINT_SIZE, "it holds either");

        if (kind != ATTESTATION_KEYS)
                return thumbprint_parse(text, ret);
        if (!sas_key_is_valid(text))
                return -EINVAL;
        (void) snprintf(ret, SAS_KEY_TEXT_SIZE, "%s", text);
        return 0;
}

static int set_one(AttestationKind kind, bool is_needed, const char *text, char **ret) {
        char normal[SAS_KEY_TEXT_SIZE];
        int r;

        if (!text)
                return is_needed ? -EINVAL : 0;
        r = normalize(kind, text, normal);
        if (r < 0)
                return r;
        *ret = strdup(normal);
        OPENSSL_cleanse(normal, sizeof(normal));
        return *ret ? 0 : -ENOMEM;
}

int attestation_init(Attestation *ret, AttestationKind kind, const char *primary, const char *secondary) {
        _cleanup_(attestation_done) Attestation a = { .kind = kind };
        int r;

        r = set_one(kind, kinds[kind].needs_primary, primary, &a.primary);
        if (r < 0)
                return r;
        r = set_one(kind, kinds[kind].needs_secondary, secondary, &a.secondary);
        if (r < 0)
                return r;

        *ret = a;
        a = ATTESTATION_NULL;
        return 0;
}

int attestation_copy(const Attestation *attestation, Attestation *ret) {
        return attestation_init(ret, attestation->kind, attestation->primary, attestation->secondary);
}

int attestation_init_keys(Attestation *ret) {
        char primary[SAS_KEY_TEXT_SIZE], secondary[SAS_KEY_TEXT_SIZE];
        int r;

        r = sas_key_make(primary);
        if (r >= 0)
                r = sas_key_make(secondary);
        if (r >= 0)
                r = attestation_init(ret, ATTESTATION_KEYS, primary, secondary);
        OPENSSL_cleanse(primary, sizeof(primary));
        OPENSSL_cleanse(secondary, sizeof(secondary));
        return r;
}

int attestation_init_derived(Attestation *ret, const Attestation *group, az_span registration_id) {
        char primary[SAS_KEY_TEXT_SIZE], secondary[SAS_KEY_TEXT_SIZE];
        int r;

        if (group->kind != ATTESTATION_KEYS)
                return -EINVAL;
        r = sas_key_derive(group->primary, registration_id, primary);
        if (r >= 0)
                r = sas_key_derive(group->secondary, registration_id, secondary);
        if (r >= 0)
                r = attestation_init(ret, ATTESTATION_KEYS, primary, secondary);
        OPENSSL_cleanse(primary, sizeof(primary));
        OPENSSL_cleanse(secondary, sizeof(secondary));
        return r;
}

int attestation_init_certificate(Attestation *ret, const X509 *certificate) {
        char thumbprint[THUMBPRINT_SIZE];

        certificate_get_thumbprint(certificate, EVP_sha256(), thumbprint);
        return attestation_init(ret, ATTESTATION_THUMBPRINT, thumbprint, NULL);
}

int attestation_load(const cJSON *object, Attestation *ret) {
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(object, "authentication");
        AttestationKind kind = ATTESTATION_KEYS;
        int r;

        if (name)
                for (kind = 0; kind < _ATTESTATION_MAX; kind++)
                        if (cJSON_IsString(name) &&
                            strcmp(name->valuestring, attestation_kind_names[kind]) == 0)
                                break;
        if (kind == _ATTESTATION_MAX)
                return -EBADMSG;

        r = attestation_init(
                ret, kind,
                cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, kinds[kind].primary)),
                cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, kinds[kind].secondary)));
        return r == -EINVAL ? -EBADMSG : r;
}

bool attestation_store(const Attestation *a, cJSON *object) {
        return cJSON_AddStringToObject(object, "authentication", attestation_kind_names[a->kind]) &&
               (!a->primary || cJSON_AddStringToObject(object, kinds[a->kind].primary, a->primary)) &&
               (!a->secondary || cJSON_AddStringToObject(object, kinds[a->kind].secondary, a->secondary));
}

bool attestation_has_signed(const Attestation *a, const SasToken *token) {
        return a->kind == ATTESTATION_KEYS &&
               (sas_token_is_signed_with(token, a->primary) || sas_token_is_signed_with(token, a->secondary));
}

const char *attestation_check_certificate(const Attestation *a, const PeerCertificate *peer, az_span name,
                                          uint64_t now_s) {
        uint8_t buffer[COMMON_NAME_MAX];
        const char *reason;

        if (a->kind == ATTESTATION_KEYS)
                return "it has keys and no certificate";
        if (!peer->leaf)
                return "there is no client certificate";
        reason = certificate_check_time(peer->leaf, now_s);
        if (reason)
                return reason;

        if (a->kind == ATTESTATION_THUMBPRINT) {
                if (!certificate_has_thumbprint(peer->leaf, a->primary) &&
                    !certificate_has_thumbprint(peer->leaf, a->secondary))
                        return "the certificate has another thumbprint";
                return NULL;
        }
        if (!az_span_is_content_equal(certificate_get_common_name(peer->leaf, buffer), name))
                return "the certificate's common name is another one";
        return certificate_check_chain(peer, a->primary, a->secondary, now_s);
}
