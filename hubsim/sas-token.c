/* SPDX-License-Identifier: MIT */

#include "hubsim/sas-token.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "hubsim/percent.h"

/* Thirty thousand years; in microseconds it still fits 64 bits. */
#define EXPIRY_DIGITS_MAX 12

#define KEY_MIN 16
#define KEY_MAX 64

/* Those that the hub makes are 256 bits. */
#define KEY_SIZE 32

static bool parse_expiry(az_span text, uint64_t *ret) {
        uint64_t value = 0;

        if (az_span_size(text) == 0 || az_span_size(text) > EXPIRY_DIGITS_MAX)
                return false;

        for (int32_t i = 0; i < az_span_size(text); i++) {
                if (!isdigit(az_span_ptr(text)[i]))
                        return false;
                value = value * 10 + (uint64_t) (az_span_ptr(text)[i] - '0');
        }
        *ret = value;
        return true;
}

int sas_token_parse(az_span password, SasToken *ret) {
        az_span rest = password;
        SasToken t = {};
        const struct {
                const char *name;
                az_span *value;
        } fields[] = {
                { "sr", &t.resource },
                { "sig", &t.signature },
                { "se", &t.expiry },
                { "skn", &t.policy },
        };

        if (az_span_size(password) > SAS_TOKEN_MAX ||
            !span_skip_prefix(&rest, AZ_SPAN_FROM_STR("SharedAccessSignature ")))
                return -EBADMSG;

        while (az_span_size(rest) > 0) {
                az_span value = span_take_until(&rest, '&');
                az_span name = span_take_until(&value, '=');

                for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                        if (span_equals(name, fields[i].name)) {
                                if (az_span_size(*fields[i].value) > 0)
                                        return -EBADMSG; /* said twice */
                                *fields[i].value = value;
                        }
        }
        if (az_span_size(t.resource) == 0 || az_span_size(t.signature) == 0 ||
            !parse_expiry(t.expiry, &t.expiry_s))
                return -EBADMSG;

        *ret = t;
        return 0;
}

/* Returns the length of the decoded key, 0 if it is no base64 of a usable length. */
static size_t decode_key(const char *key, uint8_t ret[static KEY_MAX + 2]) {
        size_t n = strlen(key);
        int size;

        if (n == 0 || n % 4 != 0 || n > (KEY_MAX + 2) / 3 * 4)
                return 0;

        size = EVP_DecodeBlock(ret, (const uint8_t *) key, (int) n);
        if (size < 0)
                return 0;
        /* EVP_DecodeBlock() counts the padding as data. */
        n = (size_t) size - (key[n - 1] == '=') - (key[n - 2] == '=');
        return n >= KEY_MIN && n <= KEY_MAX ? n : 0;
}

/* base64(HMAC-SHA256(key, text)) and a NUL; returns its length, 0 if the key is none. */
static size_t sign(const char *key, az_span text, char ret[static SAS_KEY_TEXT_SIZE]) {
        uint8_t raw_key[KEY_MAX + 2], mac[EVP_MAX_MD_SIZE];
        size_t n_key = decode_key(key, raw_key);
        unsigned n_mac = 0;

        if (n_key > 0 && !HMAC(EVP_sha256(), raw_key, (int) n_key, az_span_ptr(text),
                               (size_t) az_span_size(text), mac, &n_mac))
                n_mac = 0;
        OPENSSL_cleanse(raw_key, sizeof(raw_key));
        return n_mac == 0 ? 0 : (size_t) EVP_EncodeBlock((uint8_t *) ret, mac, (int) n_mac);
}

bool sas_token_is_signed_with(const SasToken *token, const char *key) {
        uint8_t text[SAS_TOKEN_MAX + 1], received[SAS_TOKEN_MAX];
        az_span scratch = AZ_SPAN_FROM_BUFFER(received), rest = AZ_SPAN_FROM_BUFFER(text), signature;
        char expected[SAS_KEY_TEXT_SIZE];
        size_t n_expected;

        rest = az_span_copy(rest, token->resource);
        rest = az_span_copy_u8(rest, '\n');
        rest = az_span_copy(rest, token->expiry);
        n_expected = sign(key, az_span_create(text, (int32_t) sizeof(text) - az_span_size(rest)), expected);

        return n_expected > 0 && percent_decode(token->signature, &scratch, &signature) &&
               (size_t) az_span_size(signature) == n_expected &&
               CRYPTO_memcmp(az_span_ptr(signature), expected, n_expected) == 0;
}

bool sas_key_is_valid(const char *key) {
        uint8_t raw[KEY_MAX + 2];
        bool valid = decode_key(key, raw) > 0;

        OPENSSL_cleanse(raw, sizeof(raw));
        return valid;
}

int sas_key_make(char ret[static SAS_KEY_TEXT_SIZE]) {
        uint8_t raw[KEY_SIZE];

        if (RAND_bytes(raw, sizeof(raw)) != 1)
                return -EIO;

        (void) EVP_EncodeBlock((uint8_t *) ret, raw, sizeof(raw));
        OPENSSL_cleanse(raw, sizeof(raw));
        return 0;
}

int sas_key_derive(const char *group_key, az_span registration_id, char ret[static SAS_KEY_TEXT_SIZE]) {
        return sign(group_key, registration_id, ret) > 0 ? 0 : -EINVAL;
}
