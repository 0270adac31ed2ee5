/* SPDX-License-Identifier: MIT */

/* A stranger's certificate, in DER: what it is judged by, and how it is described. */

#include <assert.h>
#include <azure/core/az_json.h>

#include "hubsim/attestation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const Attestation ca = { .kind = ATTESTATION_CA };
        _cleanup_(attestation_done) Attestation thumbprint = ATTESTATION_NULL;
        _cleanup_(peer_certificate_done) PeerCertificate peer = PEER_CERTIFICATE_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const unsigned char *der = data;
        uint8_t buffer[COMMON_NAME_MAX];
        az_span name, text;

        peer.leaf = d2i_X509(NULL, &der, (long) size);
        if (!peer.leaf)
                return 0;
        peer.authorities = X509_STORE_new();
        assert(peer.authorities);

        name = certificate_get_common_name(peer.leaf, buffer);
        assert(az_span_size(name) <= COMMON_NAME_MAX);
        assert(attestation_init_certificate(&thumbprint, peer.leaf) == 0);
        assert(attestation_check_certificate(&thumbprint, &peer, AZ_SPAN_EMPTY, 0) ==
               certificate_check_time(peer.leaf, 0));
        assert(attestation_check_certificate(&ca, &peer, name, 0)); /* nobody is trusted */

        certificate_format(peer.leaf, NULL, &json);
        assert(ipc_json_get(&json, &text) == 0);
        assert(az_result_succeeded(az_json_validate(text)));
        X509_free(peer.leaf);
        return 0;
}
