/* SPDX-License-Identifier: MIT */

#include "hubsim/dps-auth.h"

#include "unit.h"

#define SCOPE "0ne00ABCDEF"
#define USER  SCOPE "/registrations/pump-17/api-version=2019-03-31"

/* Bytes 0x01 to 0x20, and signatures made with them by another implementation of HMAC; expiry 1893456000. */
#define KEY       "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define OTHER_KEY "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
#define UPPER                                                                     \
        "SharedAccessSignature sr=" SCOPE                                         \
        "%2Fregistrations%2Fpump-17&sig=VzcfTtQK8Mz7RFuWvE6c8l9VOF5EB85g6MSo1%2B" \
        "yD5BI%3D&se=1893456000"
#define LOWER                                                                    \
        "SharedAccessSignature sr=" SCOPE                                        \
        "%2fregistrations%2fpump-17&sig=JkxOusYpleBJvCL9hzL1mVsyTpRJp3YYgPA19nB" \
        "%2bi6s%3d&se=1893456000"
#define SKN      "&skn=registration"
#define EXPIRY_S UINT64_C(1893456000)

static az_span str(const char *text) {
        return az_span_create_from_str((char *) text);
}

static const struct {
        const char *user_name;
        int result;
        const char *scope, *registration_id, *api_version;
} user_names[] = {
        { "0ne/registrations/p/api-version=2019-03-31", 0, "0ne", "p", "2019-03-31" },
        { "0ne/registrations/p/api-version=2021-06-01&ClientVersion=a%2Fb", 0, "0ne", "p", "2021-06-01" },
        { "0ne/registrations/p/api-version=", 0, "0ne", "p", "" },
        { "0ne/registrations/p/?api-version=2019-03-31", -EBADMSG, NULL, NULL, NULL },
        { "0ne/registrations/p/ClientVersion=a&api-version=2019-03-31", -EBADMSG, NULL, NULL, NULL },
        { "0ne/registrations/p", -EBADMSG, NULL, NULL, NULL },
        { "0ne/registrations//api-version=2019-03-31", -EBADMSG, NULL, NULL, NULL },
        { "/registrations/p/api-version=2019-03-31", -EBADMSG, NULL, NULL, NULL },
        { "0ne/devices/p/api-version=2019-03-31", -EBADMSG, NULL, NULL, NULL },
        { "", -EBADMSG, NULL, NULL, NULL },
};

START_TEST(user_name_is_taken_apart_or_refused) {
        DpsUserName u;

        ck_assert_int_eq(dps_user_name_parse(str(user_names[_i].user_name), &u), user_names[_i].result);
        if (user_names[_i].result < 0)
                return;
        ck_assert(az_span_is_content_equal(u.scope, str(user_names[_i].scope)));
        ck_assert(az_span_is_content_equal(u.registration_id, str(user_names[_i].registration_id)));
        ck_assert(az_span_is_content_equal(u.api_version, str(user_names[_i].api_version)));
}
END_TEST

static const struct {
        const char *user_name;
        bool is_meant;
} meant[] = {
        { USER, true },
        { SCOPE "/registrations/pump-17/?api-version=2019-03-31", true },
        { SCOPE "/registrations", true },
        { "/registrations/", true },
        { "localhost/pump-17/?api-version=2021-04-12", false },
        { "localhost/registrations/?api-version=2021-04-12", false }, /* a device of that name */
        { "LOCALHOST:8883/registrations/module/?api-version=2021-04-12", false },
        { "admin", false },
        { NULL, false },
};

START_TEST(service_and_hub_are_told_apart) {
        static const char *const hosts[] = { "localhost", NULL };
        const char *user_name = meant[_i].user_name;
        MqttConnect connect = { .has_user_name = user_name,
                                .user_name = user_name ? str(user_name) : AZ_SPAN_EMPTY };

        ck_assert(dps_is_meant(&connect, hosts) == meant[_i].is_meant);
}
END_TEST

/* Against a service with an enrollment of "pump-17" or a group, by these keys. */
static const struct {
        const char *name, *enrollment, *primary_key, *secondary_key;
        const char *client_id, *user_name, *password;
        uint64_t now_s;
        MqttConnackCode code;
        bool has_no_policy;
} connects[] = {
        { "as it should be", "pump-17", KEY, OTHER_KEY, "pump-17", USER, UPPER SKN, EXPIRY_S - 1, 0 },
        { "with separators in lower case", "pump-17", KEY, OTHER_KEY, "pump-17", USER, LOWER SKN,
          EXPIRY_S - 1, 0 },
        { "with the secondary key", "pump-17", OTHER_KEY, KEY, "pump-17", USER, UPPER SKN, EXPIRY_S - 1, 0 },
        { "with ids in upper case", "pump-17", KEY, OTHER_KEY, "PUMP-17",
          SCOPE "/registrations/PUMP-17/api-version=2021-06-01", UPPER SKN, EXPIRY_S - 1, 0 },
        { "without skn", "pump-17", KEY, OTHER_KEY, "pump-17", USER, UPPER, EXPIRY_S - 1, 0, true },
        { "with another skn", "pump-17", KEY, OTHER_KEY, "pump-17", USER, UPPER "&skn=device", EXPIRY_S - 1,
          5 },
        { "expired in this second", "pump-17", KEY, OTHER_KEY, "pump-17", USER, UPPER SKN, EXPIRY_S, 5 },
        { "with neither key", "pump-17", OTHER_KEY, OTHER_KEY, "pump-17", USER, UPPER SKN, EXPIRY_S - 1, 5 },
        { "with the key of a group", NULL, KEY, OTHER_KEY, "pump-17", USER, UPPER SKN, EXPIRY_S - 1, 5 },
        { "with another's token", "pump-18", KEY, OTHER_KEY, "pump-18",
          SCOPE "/registrations/pump-18/api-version=2019-03-31", UPPER SKN, EXPIRY_S - 1, 5 },
        { "without a password", "pump-17", KEY, OTHER_KEY, "pump-17", USER, NULL, EXPIRY_S - 1, 5 },
        { "another client id", "pump-17", KEY, OTHER_KEY, "pump-18", USER, UPPER SKN, EXPIRY_S - 1, 2 },
        { "another scope", "pump-17", KEY, OTHER_KEY, "pump-17",
          "0ne00abcdef/registrations/pump-17/api-version=2019-03-31", UPPER SKN, EXPIRY_S - 1, 5 },
        { "a question mark", "pump-17", KEY, OTHER_KEY, "pump-17",
          SCOPE "/registrations/pump-17/?api-version=2019-03-31", UPPER SKN, EXPIRY_S - 1, 4 },
};

static void open_enrollments(const char *id, const char *primary, const char *secondary, Enrollments **ret) {
        char path[] = "/tmp/test-hubsim-dps-auth-XXXXXX";
        int fd = mkstemp(path);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_gt(dprintf(fd,
                                 "{\"idScope\":\"" SCOPE "\",\"enrollments\":[{\"id\":\"%s\",\"group\":%s,"
                                 "\"enabled\":true,\"failure\":0,\"assigning\":0,\"retryAfter\":3,"
                                 "\"reprovision\":\"migrate\",\"primaryKey\":\"%s\",\"secondaryKey\":\"%s\","
                                 "\"registrations\":[]}]}",
                                 id ? id : "pumps", id ? "false" : "true", primary, secondary),
                         0);
        close_fd(fd);
        ck_assert_int_eq(enrollments_open(path, ret), 0);
        (void) unlink(path);
}

START_TEST(connect_is_judged_as_the_service_does) {
        _cleanup_(enrollments_freep) Enrollments *enrollments = NULL;
        const char *password = connects[_i].password;
        MqttConnect connect = {
                .protocol_level = 4,
                .client_id = str(connects[_i].client_id),
                .has_user_name = true,
                .user_name = str(connects[_i].user_name),
                .has_password = password,
                .password = password ? str(password) : AZ_SPAN_EMPTY,
        };
        DpsVerdict verdict;

        open_enrollments(connects[_i].enrollment, connects[_i].primary_key, connects[_i].secondary_key,
                         &enrollments);
        verdict = dps_auth_check(enrollments, &connect, &PEER_CERTIFICATE_NULL, connects[_i].now_s);
        ck_assert_msg(verdict.code == connects[_i].code, "%s: %d, %s", connects[_i].name, verdict.code,
                      verdict.reason);
        if (verdict.code != MQTT_CONNACK_ACCEPTED) {
                ck_assert_uint_ge(verdict.error, 400000);
                ck_assert_ptr_nonnull(verdict.reason);
                return;
        }
        ck_assert_ptr_eq(verdict.enrollment, enrollments_first(enrollments));
        ck_assert_str_eq(verdict.registration_id, "pump-17");
        ck_assert_uint_eq(verdict.expiry_s, EXPIRY_S);
        ck_assert(verdict.has_no_policy == connects[_i].has_no_policy);
}
END_TEST

static Suite *hubsim_dps_auth_suite(void) {
        Suite *s = suite_create("hubsim-dps-auth");
        TCase *t = tcase_create("dps_user_name_parse");

        tcase_add_loop_test(t, user_name_is_taken_apart_or_refused, 0, ELEMENTSOF(user_names));
        suite_add_tcase(s, t);

        t = tcase_create("dps_is_meant");
        tcase_add_loop_test(t, service_and_hub_are_told_apart, 0, ELEMENTSOF(meant));
        suite_add_tcase(s, t);

        t = tcase_create("dps_auth_check");
        tcase_add_loop_test(t, connect_is_judged_as_the_service_does, 0, ELEMENTSOF(connects));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_dps_auth_suite)
