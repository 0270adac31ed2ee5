/* SPDX-License-Identifier: MIT */

#include <mqtt/sas.h>

#include <azure/core/az_base64.h>
#include <openssl/evp.h>

#include "util/util.h"

#define HMAC_SHA256_SIZE 32

/* The longest base64 text of SAS_KEY_MAX bytes. */
#define KEY_TEXT_MAX ((SAS_KEY_MAX + 2U) / 3U * 4U)

int sas_sign(az_span string_to_sign, az_span key_base64, char *ret_signature, size_t size) {
        uint8_t key[SAS_KEY_MAX];
        uint8_t mac[HMAC_SHA256_SIZE];
        size_t n_mac = 0;
        int32_t n_key = 0, n_text = 0;
        bool is_signed;

        if (size < SAS_SIGNATURE_SIZE)
                return -ENOBUFS;
        if (az_span_size(key_base64) <= 0 || (size_t) az_span_size(key_base64) > KEY_TEXT_MAX)
                return -EINVAL;
        if (az_result_failed(az_base64_decode(AZ_SPAN_FROM_BUFFER(key), key_base64, &n_key)) || n_key <= 0) {
                explicit_bzero(key, sizeof(key));
                return -EINVAL;
        }

        is_signed = EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, (size_t) n_key,
                              az_span_ptr(string_to_sign), (size_t) az_span_size(string_to_sign), mac,
                              sizeof(mac), &n_mac) != NULL;
        explicit_bzero(key, sizeof(key));
        if (!is_signed || n_mac != sizeof(mac))
                return -EIO;

        if (az_result_failed(az_base64_encode(az_span_create((uint8_t *) ret_signature, (int32_t) size - 1),
                                              AZ_SPAN_FROM_BUFFER(mac), &n_text)))
                return -EIO;
        ret_signature[n_text] = '\0';
        return 0;
}

typedef struct SasKey {
        size_t n_text;
        uint8_t text[];
} SasKey;

static void sas_key_destroy(void *userdata) {
        SasKey *k = userdata;

        explicit_bzero(k->text, k->n_text);
        free(k);
}

static int sas_key_sign(void *userdata, az_span input, char *ret_signature, size_t size) {
        SasKey *k = userdata;

        return sas_sign(input, az_span_create(k->text, (int32_t) k->n_text), ret_signature, size);
}

int sas_sign_job_new(MqttSignJob *ret, az_span input, az_span key_base64) {
        size_t n_text = (size_t) az_span_size(key_base64);
        SasKey *k = malloc(sizeof(*k) + n_text);

        if (!k)
                return -ENOMEM;
        k->n_text = n_text;
        if (n_text > 0)
                memcpy(k->text, az_span_ptr(key_base64), n_text);

        *ret = (MqttSignJob){
                .sign = sas_key_sign,
                .destroy = sas_key_destroy,
                .userdata = k,
                .input = input,
        };
        return 0;
}
