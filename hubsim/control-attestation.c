/* SPDX-License-Identifier: MIT */

/* What a device or an enrollment proves itself with, in parameters and replies. */

#include "hubsim/control-internal.h"

static const char *const key_names[2] = { "primaryKey", "secondaryKey" };
static const char *const thumbprint_names[2] = { "primaryThumbprint", "secondaryThumbprint" };

/* Returns the name of the first of them that is given, NULL: none is. */
static const char *find_given(const az_span texts[static 2], const char *const names[static 2]) {
        for (size_t i = 0; i < 2; i++)
                if (!ipc_is_absent(texts[i]))
                        return names[i];
        return NULL;
}

/* Keys that were not said are fresh ones. */
static int make_keys(const az_span said[static 2], Attestation *ret, const char **ret_wrong) {
        char buffers[2][CONTROL_CREDENTIAL_MAX + 1];

        for (size_t i = 0; i < 2; i++) {
                int r;

                *ret_wrong = key_names[i];
                if (ipc_is_absent(said[i])) {
                        r = sas_key_make(buffers[i]);
                        if (r < 0)
                                return r;
                } else if (!control_get_text(said[i], buffers[i], sizeof(buffers[i])) ||
                           !sas_key_is_valid(buffers[i]))
                        return -EINVAL;
        }
        return attestation_init(ret, ATTESTATION_KEYS, buffers[0], buffers[1]);
}

int control_make_attestation(const AttestationParams *p, Attestation *ret, const char **ret_wrong) {
        bool has_keys = p->kind == ATTESTATION_KEYS;
        char buffers[2][CONTROL_CREDENTIAL_MAX + 1], ignored[THUMBPRINT_SIZE];
        const char *texts[2];

        *ret_wrong = has_keys ? find_given(p->thumbprints, thumbprint_names) : find_given(p->keys, key_names);
        if (*ret_wrong)
                return -EINVAL;
        if (has_keys)
                return make_keys(p->keys, ret, ret_wrong);

        for (size_t i = 0; i < 2; i++) {
                *ret_wrong = thumbprint_names[i];
                texts[i] = control_get_text(p->thumbprints[i], buffers[i], sizeof(buffers[i]));
                if (!ipc_is_absent(p->thumbprints[i]) &&
                    (!texts[i] || thumbprint_parse(texts[i], ignored) < 0))
                        return -EINVAL;
        }
        *ret_wrong = thumbprint_names[0];
        return attestation_init(ret, (AttestationKind) p->kind, texts[0], texts[1]);
}

void control_add_attestation(IpcJson *json, const Attestation *a) {
        const char *texts[2] = { a->primary, a->secondary };

        ipc_json_cstring(json, "authentication", attestation_kind_names[a->kind]);
        for (size_t i = 0; i < 2; i++)
                if (a->kind != ATTESTATION_KEYS && texts[i])
                        ipc_json_cstring(json, thumbprint_names[i], texts[i]);
}
