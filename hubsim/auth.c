/* SPDX-License-Identifier: MIT */

#include "hubsim/auth.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <strings.h>

#include "hubsim/percent.h"

/* Two ids of 128 bytes, each escaped, and a host name; a longer token is none. */
#define SAS_TOKEN_MAX 2048
/* Thirty thousand years; in microseconds it still fits 64 bits. */
#define EXPIRY_DIGITS_MAX 12

/* A key is 16 to 64 bytes. */
#define KEY_MAX 64

/* Those that the service's documentation and the device SDKs name. */
static const char *const api_versions[] = {
        "2016-11-14", "2017-06-30",         "2018-06-30", "2019-03-30", "2019-10-01",
        "2020-03-13", "2020-05-31-preview", "2020-09-30", "2021-04-12", "2025-08-01-preview",
};

static bool is_digits(az_span text) {
        for (int32_t i = 0; i < az_span_size(text); i++)
                if (!isdigit(az_span_ptr(text)[i]))
                        return false;
        return az_span_size(text) > 0;
}

int user_name_parse(az_span user_name, UserName *ret) {
        az_span rest = user_name, query;
        UserName u = {};

        u.host = span_take_until(&rest, '/');
        u.device = span_take_until(&rest, '/');
        if (az_span_size(rest) > 0 && az_span_ptr(rest)[0] != '?')
                u.module = span_take_until(&rest, '/');
        if (az_span_size(u.host) == 0 || az_span_size(u.device) == 0)
                return -EBADMSG;

        query = rest;
        if (az_span_size(query) > 0 && !span_skip_prefix(&query, AZ_SPAN_FROM_STR("?")))
                return -EBADMSG;
        if (span_skip_prefix(&query, AZ_SPAN_FROM_STR("api-version=")))
                u.api_version = span_take_until(&query, '&');

        *ret = u;
        return 0;
}

static bool api_version_is_known(az_span version) {
        for (size_t i = 0; i < ELEMENTSOF(api_versions); i++)
                if (span_equals(version, api_versions[i]))
                        return true;
        return false;
}

/* Is it one of our names, in whatever case, with or without a port? 'hosts' ends with NULL. */
static bool host_is_ours(az_span host, const char *const *hosts) {
        for (; *hosts; hosts++) {
                size_t n = strlen(*hosts);
                az_span port;

                if ((size_t) az_span_size(host) < n ||
                    strncasecmp((const char *) az_span_ptr(host), *hosts, n) != 0)
                        continue;
                port = az_span_slice_to_end(host, (int32_t) n);
                if (az_span_size(port) == 0)
                        return true;
                if (span_skip_prefix(&port, AZ_SPAN_FROM_STR(":")) && is_digits(port))
                        return true;
        }
        return false;
}

static bool parse_expiry(az_span text, uint64_t *ret) {
        uint64_t value = 0;

        if (!is_digits(text) || az_span_size(text) > EXPIRY_DIGITS_MAX)
                return false;

        for (int32_t i = 0; i < az_span_size(text); i++)
                value = value * 10 + (uint64_t) (az_span_ptr(text)[i] - '0');
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
        return (size_t) size - (key[n - 1] == '=') - (key[n - 2] == '=');
}

/* base64(HMAC-SHA256(key, resource LF expiry)); returns its length, 0 if the key is none. */
static size_t sign(const SasToken *token, const char *key, char ret[static EVP_MAX_MD_SIZE * 2]) {
        uint8_t raw_key[KEY_MAX + 2], text[SAS_TOKEN_MAX + 1], mac[EVP_MAX_MD_SIZE];
        size_t n_key = decode_key(key, raw_key);
        az_span to_sign = AZ_SPAN_FROM_BUFFER(text);
        unsigned n_mac = 0;

        if (n_key == 0)
                return 0;

        to_sign = az_span_copy(to_sign, token->resource);
        to_sign = az_span_copy_u8(to_sign, '\n');
        to_sign = az_span_copy(to_sign, token->expiry);
        if (!HMAC(EVP_sha256(), raw_key, (int) n_key, text, sizeof(text) - (size_t) az_span_size(to_sign),
                  mac, &n_mac))
                n_mac = 0;
        OPENSSL_cleanse(raw_key, sizeof(raw_key));
        return n_mac == 0 ? 0 : (size_t) EVP_EncodeBlock((uint8_t *) ret, mac, (int) n_mac);
}

bool sas_token_is_signed_with(const SasToken *token, const char *key) {
        char expected[EVP_MAX_MD_SIZE * 2];
        uint8_t received[SAS_TOKEN_MAX];
        az_span scratch = AZ_SPAN_FROM_BUFFER(received), signature;
        size_t n_expected = sign(token, key, expected);

        return n_expected > 0 && percent_decode(token->signature, &scratch, &signature) &&
               (size_t) az_span_size(signature) == n_expected &&
               CRYPTO_memcmp(az_span_ptr(signature), expected, n_expected) == 0;
}

bool sas_token_covers(const SasToken *token, const char *const *hosts, az_span device) {
        uint8_t buffer[SAS_TOKEN_MAX];
        az_span scratch = AZ_SPAN_FROM_BUFFER(buffer), uri, segment;

        if (!percent_decode(token->resource, &scratch, &uri) ||
            !host_is_ours(span_take_until(&uri, '/'), hosts))
                return false;
        if (az_span_size(uri) == 0)
                return true;
        if (!span_equals(span_take_until(&uri, '/'), "devices"))
                return false;
        if (az_span_size(uri) == 0)
                return true;

        segment = span_take_until(&uri, '/');
        if (!az_span_is_content_equal(segment, device))
                return false;
        /* Some tools sign ".../{device}/?api-version=...", and the hub lets them. */
        return az_span_size(uri) == 0 || az_span_ptr(uri)[0] == '?';
}

static Verdict refuse(MqttConnackCode code, unsigned error, const char *reason) {
        return (Verdict){ .code = code, .error = error, .reason = reason };
}

/* With skn a policy's keys have signed it, else the device's own. */
static bool token_is_genuine(const SasToken *token, const Registry *registry, const Device *device) {
        const Keys *policy = registry_get_policy_keys(registry);
        bool by_policy = az_span_size(token->policy) > 0;

        return sas_token_is_signed_with(token, by_policy ? policy->primary : device->primary_key) ||
               sas_token_is_signed_with(token, by_policy ? policy->secondary : device->secondary_key);
}

static Verdict check_token(const SasToken *token, const Registry *registry, const char *const *hosts,
                           Device *device, uint64_t now_s) {
        az_span id = az_span_create_from_str(device->id);

        if (az_span_size(token->policy) > 0 && !span_equals(token->policy, POLICY_NAME))
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401003,
                              "no shared access policy of that name may connect");
        if (!sas_token_covers(token, hosts, id))
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401003, "the token is for another resource");
        if (!token_is_genuine(token, registry, device))
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401003, "the token's signature is wrong");
        if (token->expiry_s <= now_s)
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401003, "the token has expired");

        return (Verdict){ .code = MQTT_CONNACK_ACCEPTED, .device = device, .expiry_s = token->expiry_s };
}

Verdict auth_check(const Registry *registry, const char *const *hosts, const MqttConnect *connect,
                   uint64_t now_s) {
        SasToken token;
        Verdict verdict;
        UserName user;
        Device *device;

        if (az_span_size(connect->client_id) == 0)
                return refuse(MQTT_CONNACK_BAD_CLIENT_ID, 400004, "the client id is empty");
        if (!connect->has_user_name || user_name_parse(connect->user_name, &user) < 0)
                return refuse(MQTT_CONNACK_BAD_CREDENTIALS, 401003, "the user name is not of IoT Hub's form");
        if (!host_is_ours(user.host, hosts))
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401001, "the user name is for another hub");
        if (az_span_size(user.api_version) > 0 && !api_version_is_known(user.api_version))
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 400004, "the api-version is unknown");
        if (az_span_size(user.module) > 0)
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 404010, "this hub has no module identities");
        if (!az_span_is_content_equal(user.device, connect->client_id))
                return refuse(MQTT_CONNACK_BAD_CLIENT_ID, 401003, "client id and user name name two devices");

        device = registry_find(registry, (const char *) az_span_ptr(user.device),
                               (size_t) az_span_size(user.device));
        if (!device)
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 404001, "there is no such device");
        if (!device->enabled)
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 403012, "the device is disabled");
        if (!connect->has_password || sas_token_parse(connect->password, &token) < 0)
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401003, "the password is not a SAS token");

        verdict = check_token(&token, registry, hosts, device, now_s);
        verdict.has_api_version = az_span_size(user.api_version) > 0;
        return verdict;
}
