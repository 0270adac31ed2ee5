/* SPDX-License-Identifier: MIT */

#include <mqtt/certificate.h>

#include "unit.h"

static void add_name(X509 *c, const char *field, const char *value, int n) {
        ck_assert_int_eq(X509_NAME_add_entry_by_txt(X509_get_subject_name(c), field, MBSTRING_UTF8,
                                                    (const unsigned char *) value, n, -1, 0),
                         1);
}

static const struct {
        const char *organization, *common_name;
        const char *subject;
} names[] = {
        { NULL, "*.azure-devices.net", "CN=*.azure-devices.net" },
        { "Microsoft Corporation", "hub", "CN=hub,O=Microsoft Corporation" },
        { "Stra\xc3\x9f"
          "e, Inc.",
          "hub", "CN=hub,O=Stra\\C3\\9Fe\\, Inc." },
        { NULL, "a\nb\x1b[31m", "CN=a\\0Ab\\1B[31m" },
        { NULL, NULL, "" },
};

START_TEST(a_name_is_printable_whatever_is_in_it) {
        X509 *certificate = X509_new();
        MqttCertificate c;

        if (names[_i].organization)
                add_name(certificate, "O", names[_i].organization, -1);
        if (names[_i].common_name)
                add_name(certificate, "CN", names[_i].common_name, -1);
        mqtt_certificate_describe(certificate, &c);
        ck_assert_str_eq(c.subject, names[_i].subject);
        ck_assert_str_eq(c.issuer, "");
        X509_free(certificate);
}
END_TEST

START_TEST(a_long_name_is_cut) {
        X509 *certificate = X509_new();
        char unit[65];
        MqttCertificate c;

        (void) snprintf(unit, sizeof(unit), "%064d", 7);
        for (unsigned i = 0; i < 10; i++)
                add_name(certificate, "OU", unit, -1);
        mqtt_certificate_describe(certificate, &c);
        ck_assert_uint_eq(strlen(c.subject), sizeof(c.subject) - 1);
        X509_free(certificate);
}
END_TEST

static const struct {
        const char *text; /* of an ASN.1 GENERALIZEDTIME */
        int64_t unix_s;
} times[] = {
        { "19700101000001Z", 1 },
        { "20260731120000Z", INT64_C(1785499200) },
        { "20991231235959Z", INT64_C(4102444799) },
        { "99991231235959Z", INT64_C(253402300799) },
};

START_TEST(dates_are_seconds) {
        X509 *certificate = X509_new();
        MqttCertificate c;

        ck_assert_int_eq(ASN1_TIME_set_string(X509_getm_notBefore(certificate), times[_i].text), 1);
        ck_assert_int_eq(ASN1_TIME_set_string(X509_getm_notAfter(certificate), times[_i].text), 1);
        mqtt_certificate_describe(certificate, &c);
        ck_assert_int_eq(c.not_before_s, times[_i].unix_s);
        ck_assert_int_eq(c.not_after_s, times[_i].unix_s);
        X509_free(certificate);
}
END_TEST

START_TEST(no_certificate_is_empty) {
        MqttCertificate c = { .subject = "x", .not_after_s = 1 };

        mqtt_certificate_describe(NULL, &c);
        ck_assert_str_eq(c.subject, "");
        ck_assert_int_eq(c.not_after_s, 0);
}
END_TEST

static Suite *certificate_suite(void) {
        Suite *s = suite_create("mqtt-certificate");
        TCase *t = tcase_create("describe");

        tcase_add_loop_test(t, a_name_is_printable_whatever_is_in_it, 0, ELEMENTSOF(names));
        tcase_add_test(t, a_long_name_is_cut);
        tcase_add_loop_test(t, dates_are_seconds, 0, ELEMENTSOF(times));
        tcase_add_test(t, no_certificate_is_empty);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(certificate_suite)
