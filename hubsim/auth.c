/* SPDX-License-Identifier: MIT */

#include "hubsim/auth.h"

#include <ctype.h>
#include <strings.h>

#include "hubsim/percent.h"

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

bool host_is_ours(az_span host, const char *const *hosts) {
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
        return attestation_has_signed(az_span_size(token->policy) > 0 ? registry_get_policy(registry)
                                                                      : &device->attestation,
                                      token);
}

/* The verdict on a device that has keys. */
static Verdict check_token(const Registry *registry, const char *const *hosts, const MqttConnect *connect,
                           const PeerCertificate *peer, Device *device, uint64_t now_s) {
        az_span id = az_span_create_from_str(device->id);
        SasToken token;

        if (peer->leaf)
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401003,
                              "a client certificate of a device that has keys");
        if (!connect->has_password || sas_token_parse(connect->password, &token) < 0)
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401003, "the password is not a SAS token");
        if (az_span_size(token.policy) > 0 && !span_equals(token.policy, POLICY_NAME))
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401003,
                              "no shared access policy of that name may connect");
        if (!sas_token_covers(&token, hosts, id))
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401003, "the token is for another resource");
        if (!token_is_genuine(&token, registry, device))
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401003, "the token's signature is wrong");
        if (token.expiry_s <= now_s)
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401003, "the token has expired");

        return (Verdict){ .code = MQTT_CONNACK_ACCEPTED, .device = device, .expiry_s = token.expiry_s };
}

/* The verdict on a device that has a certificate. Some clients send an empty password with it. */
static Verdict check_certificate(const MqttConnect *connect, const PeerCertificate *peer, Device *device,
                                 uint64_t now_s) {
        const char *reason;

        if (connect->has_password && az_span_size(connect->password) > 0)
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401003,
                              peer->leaf ? "both a password and a client certificate"
                                         : "a password of a device that has a certificate");
        reason = attestation_check_certificate(&device->attestation, peer,
                                               az_span_create_from_str(device->id), now_s);
        if (reason)
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401003, reason);

        return (Verdict){ .code = MQTT_CONNACK_ACCEPTED, .device = device };
}

Verdict auth_check(const Registry *registry, const char *const *hosts, const MqttConnect *connect,
                   const PeerCertificate *peer, uint64_t now_s) {
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

        if (device->attestation.kind == ATTESTATION_KEYS)
                verdict = check_token(registry, hosts, connect, peer, device, now_s);
        else
                verdict = check_certificate(connect, peer, device, now_s);
        verdict.has_api_version = az_span_size(user.api_version) > 0;
        return verdict;
}
