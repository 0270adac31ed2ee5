/* SPDX-License-Identifier: MIT */

/*
 * Stands for the device's secure element. On a device this is the one file to be replaced: the key lies in a
 * chip, an enclave or a kernel keyring, which signs and does not give it away. Here it lies in a file.
 */

#include "secure-element.h"

#include <azure/core/az_base64.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

/* Reads the key, and returns its size or -1. */
static int read_key(const char *file, az_span key) {
        FILE *f = fopen(file, "r");
        char line[128] = "";
        int32_t size = -1;

        if (!f)
                return -1;
        if (fgets(line, sizeof(line), f)) {
                line[strcspn(line, "\r\n")] = '\0';
                if (az_result_failed(az_base64_decode(key, az_span_create_from_str(line), &size)))
                        size = -1;
        }
        fclose(f);
        OPENSSL_cleanse(line, sizeof(line));
        return size;
}

bool secure_element_sign(const char *key_file, az_span text, az_span signature) {
        uint8_t key[96], hmac[32];
        unsigned hmac_size = sizeof(hmac);
        bool is_signed = false;
        int32_t written;
        int key_size;

        key_size = read_key(key_file, AZ_SPAN_FROM_BUFFER(key));
        if (key_size > 0 && HMAC(EVP_sha256(), key, key_size, az_span_ptr(text), (size_t) az_span_size(text),
                                 hmac, &hmac_size))
                is_signed =
                        az_result_succeeded(az_base64_encode(signature, AZ_SPAN_FROM_BUFFER(hmac), &written));
        OPENSSL_cleanse(key, sizeof(key));
        return is_signed;
}
