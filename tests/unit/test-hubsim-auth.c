/* SPDX-License-Identifier: MIT */

#include "hubsim/auth.h"

#include "hubsim/pki.h"
#include "unit.h"

#define KEY       "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define OTHER_KEY "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
#define SAS       "SharedAccessSignature "
#define SR        "sr=hub-lab.azure-devices.net%2Fdevices%2Fpump-17"
#define SIG       "sig=skva%2B5dc1tXqjwbBB10W6Aon9alCD10WBtVPwNr3U1Q%3D"
#define SE        "se=1893456000"
#define USER      "hub-lab.azure-devices.net/pump-17/?api-version=2020-09-30"

/* 2030-01-01, when the tokens here end. */
#define EXPIRY_S UINT64_C(1893456000)

static const char *const hosts[] = { "hub-lab.azure-devices.net", "localhost", NULL };

static az_span str(const char *text) {
        return az_span_create_from_str((char *) text);
}

static const struct {
        const char *resource;
        bool covers;
} resources[] = {
        { "hub-lab.azure-devices.net%2Fdevices%2Fpump-17", true },
        { "hub-lab.azure-devices.net%2fdevices%2fpump-17", true },
        { "hub-lab.azure-devices.net/devices/pump-17", true },
        { "HUB-LAB.azure-devices.NET%2Fdevices%2Fpump-17", true },
        { "hub-lab.azure-devices.net%3A8883%2Fdevices%2Fpump-17", true },
        { "localhost:38883%2Fdevices%2Fpump-17", true },
        { "hub-lab.azure-devices.net%2Fdevices", true },
        { "hub-lab.azure-devices.net", true },
        { "hub-lab.azure-devices.net%2Fdevices%2Fpump-17%2F%3Fapi-version%3D2020-09-30", true },
        { "hub-lab.azure-devices.net%2Fdevices%2Fpump-1", false },
        { "hub-lab.azure-devices.net%2Fdevices%2Fpump-177", false },
        { "hub-lab.azure-devices.net%2Fdevices%2FPUMP-17", false },
        { "hub-lab.azure-devices.net%2Fdevices%2Fpump-17%2Fmodules%2Flogger", false },
        { "hub-lab.azure-devices.net%2Fregistrations%2Fpump-17", false },
        { "hub-lab.azure-devices.net.evil%2Fdevices%2Fpump-17", false },
        { "hub-lab.azure-devices.net%3A%2Fdevices%2Fpump-17", false },
        { "other.azure-devices.net%2Fdevices%2Fpump-17", false },
        { "%2Fdevices%2Fpump-17", false },
        { "hub-lab.azure-devices.net%2Fdevices%2Fpump-17%2", false },
};

START_TEST(resource_covers_the_device_or_not) {
        SasToken token = { .resource = str(resources[_i].resource) };

        ck_assert_msg(sas_token_covers(&token, hosts, str("pump-17")) == resources[_i].covers, "%s",
                      resources[_i].resource);
}
END_TEST

static const struct {
        const char *user_name;
        int result;
        const char *host, *device, *module, *api_version;
} user_names[] = {
        { "h/d/?api-version=2020-09-30", 0, "h", "d", "", "2020-09-30" },
        { "h:8883/d/?api-version=2021-04-12&DeviceClientType=x%2F1", 0, "h:8883", "d", "", "2021-04-12" },
        { "h/d/m/?api-version=2020-09-30", 0, "h", "d", "m", "2020-09-30" },
        { "h/d/?DeviceClientType=x&api-version=2020-09-30", 0, "h", "d", "", "" },
        { "h/d", 0, "h", "d", "", "" },
        { "h/d/", 0, "h", "d", "", "" },
        { "h/d/m/n/?api-version=2020-09-30", -EBADMSG, "", "", "", "" },
        { "h//?api-version=2020-09-30", -EBADMSG, "", "", "", "" },
        { "/d/?api-version=2020-09-30", -EBADMSG, "", "", "", "" },
        { "h", -EBADMSG, "", "", "", "" },
        { "", -EBADMSG, "", "", "", "" },
};

START_TEST(user_name_is_taken_apart_or_refused) {
        UserName u;

        ck_assert_int_eq(user_name_parse(str(user_names[_i].user_name), &u), user_names[_i].result);
        if (user_names[_i].result < 0)
                return;
        ck_assert(az_span_is_content_equal(u.host, str(user_names[_i].host)));
        ck_assert(az_span_is_content_equal(u.device, str(user_names[_i].device)));
        ck_assert(az_span_is_content_equal(u.module, str(user_names[_i].module)));
        ck_assert(az_span_is_content_equal(u.api_version, str(user_names[_i].api_version)));
}
END_TEST

/* Whole CONNECTs against a registry with one device. */
static const struct {
        const char *name, *client_id, *user_name, *password;
        const char *primary_key, *secondary_key;
        uint64_t now_s;
        MqttConnackCode code;
} connects[] = {
        { "as it should be", "pump-17", USER, SAS SR "&" SIG "&" SE, KEY, OTHER_KEY, EXPIRY_S - 1, 0 },
        { "with the secondary key", "pump-17", USER, SAS SR "&" SIG "&" SE, OTHER_KEY, KEY, EXPIRY_S - 1, 0 },
        { "another host name, with a port", "pump-17", "LocalHost:8883/pump-17/?api-version=2021-04-12",
          SAS SR "&" SIG "&" SE, KEY, OTHER_KEY, EXPIRY_S - 1, 0 },
        { "without an api-version", "pump-17", "localhost/pump-17", SAS SR "&" SIG "&" SE, KEY, OTHER_KEY,
          EXPIRY_S - 1, 0 },
        { "with neither key", "pump-17", USER, SAS SR "&" SIG "&" SE, OTHER_KEY, OTHER_KEY, EXPIRY_S - 1, 5 },
        { "expired in this second", "pump-17", USER, SAS SR "&" SIG "&" SE, KEY, OTHER_KEY, EXPIRY_S, 5 },
        { "with the policy's key", "pump-17", USER, SAS SR "&" SIG "&" SE "&skn=device", OTHER_KEY, OTHER_KEY,
          EXPIRY_S - 1, 0 },
        { "another policy's token", "pump-17", USER, SAS SR "&" SIG "&" SE "&skn=iothubowner", KEY, OTHER_KEY,
          EXPIRY_S - 1, 5 },
        { "no client id", "", USER, SAS SR "&" SIG "&" SE, KEY, OTHER_KEY, EXPIRY_S - 1, 2 },
        { "another client id", "pump-18", USER, SAS SR "&" SIG "&" SE, KEY, OTHER_KEY, EXPIRY_S - 1, 2 },
        { "a client id of other case", "Pump-17", USER, SAS SR "&" SIG "&" SE, KEY, OTHER_KEY, EXPIRY_S - 1,
          2 },
        { "an unknown device", "pump-18", "localhost/pump-18/?api-version=2020-09-30", SAS SR "&" SIG "&" SE,
          KEY, OTHER_KEY, EXPIRY_S - 1, 5 },
        { "a module", "pump-17/m", "localhost/pump-17/m/?api-version=2020-09-30", SAS SR "&" SIG "&" SE, KEY,
          OTHER_KEY, EXPIRY_S - 1, 5 },
        { "another hub", "pump-17", "other/pump-17/?api-version=2020-09-30", SAS SR "&" SIG "&" SE, KEY,
          OTHER_KEY, EXPIRY_S - 1, 5 },
        { "an unknown api-version", "pump-17", "localhost/pump-17/?api-version=1999-01-01",
          SAS SR "&" SIG "&" SE, KEY, OTHER_KEY, EXPIRY_S - 1, 5 },
        { "a user name of another kind", "pump-17", "admin", SAS SR "&" SIG "&" SE, KEY, OTHER_KEY,
          EXPIRY_S - 1, 4 },
        { "no user name", "pump-17", NULL, NULL, KEY, OTHER_KEY, EXPIRY_S - 1, 4 },
        { "no password", "pump-17", USER, NULL, KEY, OTHER_KEY, EXPIRY_S - 1, 5 },
        { "a password of another kind", "pump-17", USER, "secret", KEY, OTHER_KEY, EXPIRY_S - 1, 5 },
};

static void open_registry(const char *primary, const char *secondary, const char *enabled, Registry **ret) {
        char path[] = "/tmp/test-hubsim-auth-XXXXXX";
        int fd = mkstemp(path);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_gt(dprintf(fd,
                                 "{\"devices\":[{\"deviceId\":\"pump-17\",\"primaryKey\":\"%s\","
                                 "\"secondaryKey\":\"%s\",\"enabled\":%s}],\"policy\":{\"name\":\"device\","
                                 "\"primaryKey\":\"%s\",\"secondaryKey\":\"%s\"}}",
                                 primary, secondary, enabled, OTHER_KEY, KEY),
                         0);
        close_fd(fd);
        ck_assert_int_eq(registry_open(path, ret), 0);
        (void) unlink(path);
}

static MqttConnect make_connect(const char *client_id, const char *user_name, const char *password) {
        return (MqttConnect){
                .protocol_level = 4,
                .client_id = str(client_id),
                .has_user_name = user_name,
                .user_name = user_name ? str(user_name) : AZ_SPAN_EMPTY,
                .has_password = password,
                .password = password ? str(password) : AZ_SPAN_EMPTY,
        };
}

START_TEST(connect_is_judged_as_the_hub_does) {
        _cleanup_(registry_freep) Registry *registry = NULL;
        MqttConnect connect =
                make_connect(connects[_i].client_id, connects[_i].user_name, connects[_i].password);
        Verdict verdict;

        open_registry(connects[_i].primary_key, connects[_i].secondary_key, "true", &registry);
        verdict = auth_check(registry, hosts, &connect, &PEER_CERTIFICATE_NULL, connects[_i].now_s);
        ck_assert_msg(verdict.code == connects[_i].code, "%s: %d, %s", connects[_i].name, verdict.code,
                      verdict.reason);
        if (verdict.code != MQTT_CONNACK_ACCEPTED) {
                ck_assert_uint_ge(verdict.error, 400000);
                ck_assert_ptr_nonnull(verdict.reason);
                return;
        }
        ck_assert_ptr_eq(verdict.device, registry_first(registry));
        ck_assert_uint_eq(verdict.expiry_s, EXPIRY_S);
}
END_TEST

START_TEST(disabled_device_is_refused) {
        MqttConnect connect = make_connect("pump-17", USER, SAS SR "&" SIG "&" SE);
        _cleanup_(registry_freep) Registry *registry = NULL;
        Verdict verdict;

        open_registry(KEY, KEY, "false", &registry);
        verdict = auth_check(registry, hosts, &connect, &PEER_CERTIFICATE_NULL, EXPIRY_S - 1);
        ck_assert_int_eq(verdict.code, MQTT_CONNACK_NOT_AUTHORIZED);
        ck_assert_uint_eq(verdict.error, 403012);
}
END_TEST

/* The one device with its certificate, with another's, or with none. */
static const struct {
        const char *name;
        bool has_thumbprint; /* else it has keys */
        bool has_certificate, is_another;
        const char *password;
        const char *reason; /* NULL: it may connect */
} certificates[] = {
        { "with its certificate", true, true, false, NULL, NULL },
        { "with an empty password, too", true, true, false, "", NULL },
        { "without", true, false, false, NULL, "there is no client certificate" },
        { "with another", true, true, true, NULL, "the certificate has another thumbprint" },
        { "with a token instead", true, false, false, SAS SR "&" SIG "&" SE,
          "a password of a device that has a certificate" },
        { "with a token, too", true, true, false, SAS SR "&" SIG "&" SE,
          "both a password and a client certificate" },
        { "with the policy's token", true, false, false, SAS SR "&" SIG "&" SE "&skn=device",
          "a password of a device that has a certificate" },
        { "that has keys", false, true, false, NULL, "a client certificate of a device that has keys" },
        { "that has keys and a good token", false, true, false, SAS SR "&" SIG "&" SE,
          "a client certificate of a device that has keys" },
};

START_TEST(certificate_is_judged_as_the_hub_does) {
        static const IdentityTemplate template = {
                .name = "any", .use = IDENTITY_CLIENT, .first_day = -1, .last_day = 1
        };
        _cleanup_(identity_done) Identity own = IDENTITY_NULL, other = IDENTITY_NULL;
        _cleanup_(registry_freep) Registry *registry = NULL;
        const MqttConnect connect = make_connect("pump-17", USER, certificates[_i].password);
        PeerCertificate peer = PEER_CERTIFICATE_NULL;
        Verdict verdict;

        ck_assert_int_eq(identity_make(&template, &own), 0);
        ck_assert_int_eq(identity_make(&template, &other), 0);
        open_registry(KEY, KEY, "true", &registry);
        if (certificates[_i].has_thumbprint) {
                Attestation *a = &registry_first(registry)->attestation;

                attestation_done(a);
                ck_assert_int_eq(attestation_init_certificate(a, own.certificate), 0);
        }
        if (certificates[_i].has_certificate)
                peer.leaf = certificates[_i].is_another ? other.certificate : own.certificate;

        verdict = auth_check(registry, hosts, &connect, &peer, realtime_us() / USEC_PER_SEC);
        ck_assert_pstr_eq(verdict.reason, certificates[_i].reason);
        ck_assert_int_eq(verdict.code,
                         certificates[_i].reason ? MQTT_CONNACK_NOT_AUTHORIZED : MQTT_CONNACK_ACCEPTED);
        ck_assert_uint_eq(verdict.error, certificates[_i].reason ? 401003 : 0);
        ck_assert_uint_eq(verdict.expiry_s, 0);
}
END_TEST

static Suite *hubsim_auth_suite(void) {
        Suite *s = suite_create("hubsim-auth");
        TCase *t = tcase_create("sas_token_covers");

        tcase_add_loop_test(t, resource_covers_the_device_or_not, 0, ELEMENTSOF(resources));
        suite_add_tcase(s, t);

        t = tcase_create("user_name_parse");
        tcase_add_loop_test(t, user_name_is_taken_apart_or_refused, 0, ELEMENTSOF(user_names));
        suite_add_tcase(s, t);

        t = tcase_create("auth_check");
        tcase_add_loop_test(t, connect_is_judged_as_the_hub_does, 0, ELEMENTSOF(connects));
        tcase_add_test(t, disabled_device_is_refused);
        tcase_add_loop_test(t, certificate_is_judged_as_the_hub_does, 0, ELEMENTSOF(certificates));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_auth_suite)
