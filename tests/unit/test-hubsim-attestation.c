/* SPDX-License-Identifier: MIT */

#include "hubsim/attestation.h"

#include "unit.h"

#define KEY       "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define OTHER_KEY "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
#define SHA1      "0123456789ABCDEF0123456789ABCDEF01234567"
#define SHA256    "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"

DEFINE_CLEANUP(cJSON *, cJSON_Delete)

static const struct {
        AttestationKind kind;
        const char *primary, *secondary;
        int result;
        const char *stored_primary; /* NULL: as it was told */
} rows[] = {
        { ATTESTATION_KEYS, KEY, OTHER_KEY, 0 },
        { ATTESTATION_KEYS, KEY, NULL, -EINVAL },
        { ATTESTATION_KEYS, NULL, KEY, -EINVAL },
        { ATTESTATION_KEYS, KEY, "c2hvcnQ=", -EINVAL },
        { ATTESTATION_KEYS, SHA1, SHA1 "=", -EINVAL },
        { ATTESTATION_THUMBPRINT, SHA1, SHA256, 0 },
        { ATTESTATION_THUMBPRINT, SHA256, NULL, 0 },
        { ATTESTATION_THUMBPRINT, "01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef:01:23:45:67", NULL, 0,
          SHA1 },
        { ATTESTATION_THUMBPRINT, NULL, NULL, -EINVAL },
        { ATTESTATION_THUMBPRINT, NULL, SHA1, -EINVAL },
        { ATTESTATION_THUMBPRINT, SHA1 "0", NULL, -EINVAL },
        { ATTESTATION_THUMBPRINT, SHA256 "0", NULL, -EINVAL },
        { ATTESTATION_THUMBPRINT, SHA256, "x", -EINVAL },
        { ATTESTATION_THUMBPRINT, "", NULL, -EINVAL },
        { ATTESTATION_CA, NULL, NULL, 0 },
        { ATTESTATION_CA, SHA256, NULL, 0 },
        { ATTESTATION_CA, NULL, SHA256, 0 },
        { ATTESTATION_CA, "CA", NULL, -EINVAL },
};

START_TEST(attestation_is_kept_in_a_file_or_refused) {
        _cleanup_(attestation_done) Attestation a = ATTESTATION_NULL, copy = ATTESTATION_NULL,
                                                loaded = ATTESTATION_NULL;
        _cleanup_(cJSON_Deletep) cJSON *object = cJSON_CreateObject();

        ck_assert_int_eq(attestation_init(&a, rows[_i].kind, rows[_i].primary, rows[_i].secondary),
                         rows[_i].result);
        if (rows[_i].result < 0) {
                ck_assert_ptr_null(a.primary);
                return;
        }
        ck_assert_int_eq(attestation_copy(&a, &copy), 0);
        ck_assert(attestation_store(&copy, object));
        ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "authentication")),
                         attestation_kind_names[rows[_i].kind]);
        ck_assert_int_eq(attestation_load(object, &loaded), 0);
        ck_assert_int_eq(loaded.kind, rows[_i].kind);
        ck_assert_pstr_eq(loaded.primary,
                          rows[_i].stored_primary ? rows[_i].stored_primary : rows[_i].primary);
        ck_assert_pstr_eq(loaded.secondary, rows[_i].secondary);
}
END_TEST

static const struct {
        const char *json;
        int result;
        AttestationKind kind;
} files[] = {
        { "{\"primaryKey\":\"" KEY "\",\"secondaryKey\":\"" KEY "\"}", 0, ATTESTATION_KEYS }, /* as of 0.1 */
        { "{\"authentication\":\"sas\",\"primaryKey\":\"" KEY "\",\"secondaryKey\":\"" KEY "\"}", 0,
          ATTESTATION_KEYS },
        { "{\"authentication\":\"certificateAuthority\"}", 0, ATTESTATION_CA },
        { "{\"authentication\":\"selfSigned\"}", -EBADMSG },
        { "{\"authentication\":\"selfSigned\",\"primaryThumbprint\":7}", -EBADMSG },
        { "{\"authentication\":\"tpm\"}", -EBADMSG },
        { "{\"authentication\":null,\"primaryKey\":\"" KEY "\",\"secondaryKey\":\"" KEY "\"}", -EBADMSG },
        { "{}", -EBADMSG },
};

START_TEST(file_is_read_or_refused) {
        _cleanup_(attestation_done) Attestation a = ATTESTATION_NULL;
        _cleanup_(cJSON_Deletep) cJSON *object = cJSON_Parse(files[_i].json);

        ck_assert_ptr_nonnull(object);
        ck_assert_int_eq(attestation_load(object, &a), files[_i].result);
        if (files[_i].result == 0)
                ck_assert_int_eq(a.kind, files[_i].kind);
}
END_TEST

START_TEST(either_key_signs_and_no_certificate_does) {
        const SasToken token = {
                .resource = AZ_SPAN_LITERAL_FROM_STR("hub-lab.azure-devices.net%2Fdevices%2Fpump-17"),
                .signature = AZ_SPAN_LITERAL_FROM_STR("skva+5dc1tXqjwbBB10W6Aon9alCD10WBtVPwNr3U1Q="),
                .expiry = AZ_SPAN_LITERAL_FROM_STR("1893456000"),
        };
        const struct {
                AttestationKind kind;
                const char *primary, *secondary;
                bool has_signed;
        } signers[] = {
                { ATTESTATION_KEYS, KEY, OTHER_KEY, true },
                { ATTESTATION_KEYS, OTHER_KEY, KEY, true },
                { ATTESTATION_KEYS, OTHER_KEY, OTHER_KEY, false },
                { ATTESTATION_THUMBPRINT, SHA1, NULL, false },
                { ATTESTATION_CA, NULL, NULL, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(signers); i++) {
                _cleanup_(attestation_done) Attestation a = ATTESTATION_NULL;

                ck_assert_int_eq(
                        attestation_init(&a, signers[i].kind, signers[i].primary, signers[i].secondary), 0);
                ck_assert_int_eq(attestation_has_signed(&a, &token), signers[i].has_signed);
        }
}
END_TEST

START_TEST(fresh_keys_are_kept_until_others_are_made) {
        _cleanup_(attestation_done) Attestation one = ATTESTATION_NULL, two = ATTESTATION_NULL;

        ck_assert_int_eq(attestation_init_keys(&one), 0);
        ck_assert_int_eq(attestation_init_keys(&two), 0);
        ck_assert_int_eq(one.kind, ATTESTATION_KEYS);
        ck_assert_str_ne(one.primary, one.secondary);
        ck_assert_str_ne(one.primary, two.primary);
}
END_TEST

START_TEST(both_keys_of_a_device_are_derived_from_those_of_its_group) {
        _cleanup_(attestation_done) Attestation group = ATTESTATION_NULL, device = ATTESTATION_NULL,
                                                ca = { .kind = ATTESTATION_CA };
        const char *key =
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";

        ck_assert_int_eq(attestation_init(&group, ATTESTATION_KEYS, OTHER_KEY, key), 0);
        ck_assert_int_eq(attestation_init_derived(&device, &group, AZ_SPAN_FROM_STR("pump-17")), 0);
        ck_assert_int_eq(device.kind, ATTESTATION_KEYS);
        ck_assert_str_eq(device.secondary, "1T8Wq+VJBVLICyTnGArAIAZDTt809JtrhWUivDLkkPc=");
        ck_assert_str_ne(device.primary, device.secondary);
        attestation_done(&device);
        ck_assert_int_eq(attestation_init_derived(&device, &ca, AZ_SPAN_FROM_STR("pump-17")), -EINVAL);
}
END_TEST

static Suite *hubsim_attestation_suite(void) {
        Suite *s = suite_create("hubsim-attestation");
        TCase *t = tcase_create("attestation_init");

        tcase_add_loop_test(t, attestation_is_kept_in_a_file_or_refused, 0, ELEMENTSOF(rows));
        tcase_add_test(t, fresh_keys_are_kept_until_others_are_made);
        tcase_add_test(t, both_keys_of_a_device_are_derived_from_those_of_its_group);
        suite_add_tcase(s, t);

        t = tcase_create("attestation_load");
        tcase_add_loop_test(t, file_is_read_or_refused, 0, ELEMENTSOF(files));
        suite_add_tcase(s, t);

        t = tcase_create("attestation_has_signed");
        tcase_add_test(t, either_key_signs_and_no_certificate_does);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_attestation_suite)
