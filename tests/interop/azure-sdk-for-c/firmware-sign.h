/* SPDX-License-Identifier: MIT */
#ifndef TESTS_INTEROP_AZURE_SDK_FOR_C_FIRMWARE_SIGN_H
#define TESTS_INTEROP_AZURE_SDK_FOR_C_FIRMWARE_SIGN_H

/* Signing, which such firmware leaves to its TLS library. */

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "firmware.h"

#define EXPIRY 1893456000

static inline az_span hmac_base64(az_span base64_key, az_span text, az_span out) {
        uint8_t key[64];
        uint8_t hmac[EVP_MAX_MD_SIZE];
        unsigned hmac_length = 0;
        int32_t written = 0;

        if (az_result_failed(az_base64_decode(AZ_SPAN_FROM_BUFFER(key), base64_key, &written)))
                return AZ_SPAN_EMPTY;
        HMAC(EVP_sha256(), key, written, az_span_ptr(text), (size_t) az_span_size(text), hmac, &hmac_length);
        if (az_result_failed(az_base64_encode(out, az_span_create(hmac, (int32_t) hmac_length), &written)))
                return AZ_SPAN_EMPTY;
        return az_span_slice(out, 0, written);
}

#endif
