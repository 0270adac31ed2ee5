/* SPDX-License-Identifier: MIT */

#include "hubsim/dps-auth.h"

#include "hubsim/auth.h"
#include "hubsim/percent.h"

/* The policy that a device's token names. Documentation wants it; Azure's SDK for Python leaves it out. */
#define POLICY "registration"

/* Those that the service's documentation and the device SDKs name. */
static const char *const api_versions[] = {
        "2019-03-31",         "2021-06-01",         "2021-10-01",
        "2021-11-01-preview", "2025-07-01-preview", "2026-11-02-preview",
};

static bool api_version_is_known(az_span version) {
        for (size_t i = 0; i < ELEMENTSOF(api_versions); i++)
                if (span_equals(version, api_versions[i]))
                        return true;
        return false;
}

int dps_user_name_parse(az_span user_name, DpsUserName *ret) {
        az_span rest = user_name;
        DpsUserName u = {};

        u.scope = span_take_until(&rest, '/');
        if (!span_skip_prefix(&rest, AZ_SPAN_FROM_STR("registrations/")))
                return -EBADMSG;
        u.registration_id = span_take_until(&rest, '/');
        if (!span_skip_prefix(&rest, AZ_SPAN_FROM_STR("api-version=")))
                return -EBADMSG;
        u.api_version = span_take_until(&rest, '&');
        if (az_span_size(u.scope) == 0 || az_span_size(u.registration_id) == 0)
                return -EBADMSG;

        *ret = u;
        return 0;
}

bool dps_is_meant(const MqttConnect *connect, const char *const *hosts) {
        az_span rest = connect->user_name, first = span_take_until(&rest, '/');

        return connect->has_user_name && !host_is_ours(first, hosts) &&
               span_equals(span_take_until(&rest, '/'), "registrations");
}

static DpsVerdict refuse(MqttConnackCode code, unsigned error, const char *reason) {
        return (DpsVerdict){ .code = code, .error = error, .reason = reason };
}

static bool ids_are_equal(az_span a, const char *lower) {
        char copy[REGISTRATION_ID_SIZE];

        return registration_id_parse(a, copy) && strcmp(copy, lower) == 0;
}

/* "The resource is {idScope}/registrations/{registrationId}." */
static bool token_covers(const SasToken *token, const char *scope, const char *registration_id) {
        uint8_t buffer[SAS_TOKEN_MAX];
        az_span scratch = AZ_SPAN_FROM_BUFFER(buffer), uri;

        return percent_decode(token->resource, &scratch, &uri) &&
               span_equals(span_take_until(&uri, '/'), scope) &&
               span_equals(span_take_until(&uri, '/'), "registrations") &&
               ids_are_equal(uri, registration_id);
}

/* Returns NULL if the device may register by this enrollment, else why not. */
static const char *check_signature(const Enrollment *enrollment, const char *id, const SasToken *token) {
        Attestation attestation = ATTESTATION_NULL;
        const char *reason;

        if (enrollment->attestation.kind != ATTESTATION_KEYS)
                return "a token, where a certificate is needed";
        if (enrollment_get_attestation(enrollment, id, &attestation) < 0)
                return "out of memory";
        if (attestation_has_signed(&attestation, token))
                reason = NULL;
        else if (!enrollment->is_group)
                reason = "the token's signature is wrong";
        else if (attestation_has_signed(&enrollment->attestation, token))
                reason = "the token is signed with the key of its group, not with one made of that";
        else
                reason = "there is no enrollment for it, nor a group that has made its key";
        attestation_done(&attestation);
        return reason;
}

/* "The common name must be the registration id", and "the registration ID is a case-insensitive string". */
static const char *check_certificate(const Enrollment *enrollment, az_span id, const PeerCertificate *peer,
                                     uint64_t now_s) {
        uint8_t buffer[COMMON_NAME_MAX];
        az_span name = certificate_get_common_name(peer->leaf, buffer);

        if (enrollment->attestation.kind == ATTESTATION_KEYS)
                return "a certificate, where a token is needed";
        if (!az_span_is_content_equal_ignoring_case(name, id))
                return "the certificate's common name is not the registration id";
        return attestation_check_certificate(&enrollment->attestation, peer, name, now_s);
}

/* An enrollment of the device's own decides alone; without one, each group is tried. 'token' is NULL for a
 * device with a certificate. */
static DpsVerdict find_enrollment(const Enrollments *enrollments, const DpsUserName *user,
                                  const SasToken *token, const PeerCertificate *peer, uint64_t now_s) {
        const char *reason = "there is no enrollment for it";
        const Enrollment *own = enrollments_find(enrollments, user->registration_id);
        DpsVerdict verdict = {
                .code = MQTT_CONNACK_ACCEPTED,
                .expiry_s = token ? token->expiry_s : 0,
                .has_no_policy = token && az_span_size(token->policy) == 0,
        };

        (void) registration_id_parse(user->registration_id, verdict.registration_id);
        for (const Enrollment *e = enrollments_first(enrollments); e; e = e->next) {
                if (own && !own->is_group ? e != own : !e->is_group)
                        continue;
                reason = token ? check_signature(e, verdict.registration_id, token)
                               : check_certificate(e, user->registration_id, peer, now_s);
                if (!reason) {
                        verdict.enrollment = e;
                        return verdict;
                }
        }
        return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401002, reason);
}

DpsVerdict dps_auth_check(const Enrollments *enrollments, const MqttConnect *connect,
                          const PeerCertificate *peer, uint64_t now_s) {
        const char *scope = enrollments_get_scope(enrollments);
        char id[REGISTRATION_ID_SIZE];
        DpsUserName user;
        SasToken token;

        if (dps_user_name_parse(connect->user_name, &user) < 0)
                return refuse(MQTT_CONNACK_BAD_CREDENTIALS, 401002,
                              "the user name is not of the provisioning service's form");
        if (!registration_id_parse(user.registration_id, id))
                return refuse(MQTT_CONNACK_BAD_CLIENT_ID, 400004, "that is no registration id");
        if (!ids_are_equal(connect->client_id, id))
                return refuse(MQTT_CONNACK_BAD_CLIENT_ID, 401002, "client id and user name name two devices");
        if (!span_equals(user.scope, scope))
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401002, "no service here has this id scope");
        if (!api_version_is_known(user.api_version))
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 400004, "the api-version is unknown");
        if (connect->has_will)
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 400004, "the service takes no will");

        if (peer->leaf) {
                if (connect->has_password && az_span_size(connect->password) > 0)
                        return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401002,
                                      "a certificate and a password, too");
                return find_enrollment(enrollments, &user, NULL, peer, now_s);
        }
        if (!connect->has_password || sas_token_parse(connect->password, &token) < 0)
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401002, "the password is not a SAS token");
        if (az_span_size(token.policy) > 0 && !span_equals(token.policy, POLICY))
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401002, "the token's skn is not " POLICY);
        if (!token_covers(&token, scope, id))
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401002, "the token is for another resource");
        if (token.expiry_s <= now_s)
                return refuse(MQTT_CONNACK_NOT_AUTHORIZED, 401002, "the token has expired");
        return find_enrollment(enrollments, &user, &token, peer, now_s);
}
