/* SPDX-License-Identifier: MIT */

#include "hubsim/sas-token.h"

#include "unit.h"

#define KEY       "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define OTHER_KEY "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
#define SAS       "SharedAccessSignature "
#define SR        "sr=hub-lab.azure-devices.net%2Fdevices%2Fpump-17"
#define SIG       "sig=skva%2B5dc1tXqjwbBB10W6Aon9alCD10WBtVPwNr3U1Q%3D"
#define SE        "se=1893456000"

static az_span str(const char *text) {
        return az_span_create_from_str((char *) text);
}

/* Signatures made with another implementation of HMAC: key bytes 0x01 to 0x20, expiry 1893456000. */
static const struct {
        const char *resource, *signature;
} vectors[] = {
        { "hub-lab.azure-devices.net%2Fdevices%2Fpump-17", "skva+5dc1tXqjwbBB10W6Aon9alCD10WBtVPwNr3U1Q=" },
        { "hub-lab.azure-devices.net%2Fdevices%2Fpump-17%2Fmodules%2Flogger",
          "QLOVP12AkPQTkYwQjDJM+NUUQc/rNKNZLcWjOKQRpVM=" },
        { "hub-lab.azure-devices.net%2Fdevices%2Fpump%2317%40site",
          "sdeFZfkPFachYWeMHFUHbjEJTGOs/LalyngUohX9ToY=" },
        { "0ne00ABCDEF%2Fregistrations%2Fpump-17", "VzcfTtQK8Mz7RFuWvE6c8l9VOF5EB85g6MSo1+yD5BI=" },
        { "0ne00ABCDEF%2fregistrations%2fpump-17", "JkxOusYpleBJvCL9hzL1mVsyTpRJp3YYgPA19nB+i6s=" },
};

START_TEST(signature_is_known_with_its_key_alone) {
        SasToken token = {
                .resource = str(vectors[_i].resource),
                .signature = str(vectors[_i].signature),
                .expiry = str("1893456000"),
        };

        ck_assert(sas_token_is_signed_with(&token, KEY));
        ck_assert(!sas_token_is_signed_with(&token, OTHER_KEY));
        ck_assert(!sas_token_is_signed_with(&token, ""));
        ck_assert(!sas_token_is_signed_with(&token, "not base64"));
        token.expiry = str("1893456001");
        ck_assert(!sas_token_is_signed_with(&token, KEY));
}
END_TEST

static const struct {
        const char *password;
        int result;
} tokens[] = {
        { SAS SR "&" SIG "&" SE, 0 },
        { SAS SE "&" SIG "&" SR, 0 },
        { SAS SIG "&" SE "&skn=device&" SR, 0 },
        { SAS SR "&" SIG, -EBADMSG },
        { SAS SR "&" SE, -EBADMSG },
        { SAS SIG "&" SE, -EBADMSG },
        { SAS SR "&" SIG "&se=", -EBADMSG },
        { SAS SR "&" SIG "&se=soon", -EBADMSG },
        { SAS SR "&" SIG "&se=-1", -EBADMSG },
        { SAS SR "&" SIG "&se=1000000000000", -EBADMSG },
        { SAS SR "&" SIG "&se=18446744073709551616", -EBADMSG },
        { SAS SR "&" SR "&" SIG "&" SE, -EBADMSG },
        { "sharedaccesssignature " SR "&" SIG "&" SE, -EBADMSG },
        { SR "&" SIG "&" SE, -EBADMSG },
        { "", -EBADMSG },
};

START_TEST(token_is_taken_apart_in_any_order) {
        SasToken token;

        ck_assert_int_eq(sas_token_parse(str(tokens[_i].password), &token), tokens[_i].result);
        if (tokens[_i].result < 0)
                return;
        ck_assert(az_span_is_content_equal(token.resource, str(SR + 3)));
        ck_assert_uint_eq(token.expiry_s, 1893456000);
        ck_assert(sas_token_is_signed_with(&token, KEY));
}
END_TEST

static const struct {
        const char *key;
        bool is_valid;
} keys[] = {
        { KEY, true },
        { "AAECAwQFBgcICQoLDA0ODw==", true }, /* 16 bytes */
        { "AAECAwQFBgcICQoLDA0O", false },
        { "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==", true },
        { "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A=", false },
        { "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA", false },
        { "not base64, not base64, not base64 at all...", false },
        { "", false },
};

START_TEST(key_is_base64_of_16_to_64_bytes) {
        ck_assert_msg(sas_key_is_valid(keys[_i].key) == keys[_i].is_valid, "%s", keys[_i].key);
}
END_TEST

START_TEST(made_keys_are_valid_and_differ) {
        char one[SAS_KEY_TEXT_SIZE], two[SAS_KEY_TEXT_SIZE];

        ck_assert_int_eq(sas_key_make(one), 0);
        ck_assert_int_eq(sas_key_make(two), 0);
        ck_assert_uint_eq(strlen(one), 44);
        ck_assert(sas_key_is_valid(one));
        ck_assert_str_ne(one, two);
}
END_TEST

/* The first is the example of "Symmetric key attestation"; the others were made with another implementation.
 */
static const struct {
        const char *group_key, *registration_id, *key;
} derivations[] = {
        { "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==",
          "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6", "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=" },
        { "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==",
          "pump-17", "1T8Wq+VJBVLICyTnGArAIAZDTt809JtrhWUivDLkkPc=" },
};

START_TEST(key_of_a_device_is_derived_from_that_of_its_group) {
        char key[SAS_KEY_TEXT_SIZE];

        ck_assert_int_eq(sas_key_derive(derivations[_i].group_key, str(derivations[_i].registration_id), key),
                         0);
        ck_assert_str_eq(key, derivations[_i].key);
}
END_TEST

START_TEST(nothing_is_derived_from_what_is_no_key) {
        char key[SAS_KEY_TEXT_SIZE];

        ck_assert_int_eq(sas_key_derive("short", str("pump-17"), key), -EINVAL);
}
END_TEST

static Suite *hubsim_sas_token_suite(void) {
        Suite *s = suite_create("hubsim-sas-token");
        TCase *t = tcase_create("sas_token");

        tcase_add_loop_test(t, signature_is_known_with_its_key_alone, 0, ELEMENTSOF(vectors));
        tcase_add_loop_test(t, token_is_taken_apart_in_any_order, 0, ELEMENTSOF(tokens));
        suite_add_tcase(s, t);

        t = tcase_create("sas_key");
        tcase_add_loop_test(t, key_is_base64_of_16_to_64_bytes, 0, ELEMENTSOF(keys));
        tcase_add_test(t, made_keys_are_valid_and_differ);
        tcase_add_loop_test(t, key_of_a_device_is_derived_from_that_of_its_group, 0, ELEMENTSOF(derivations));
        tcase_add_test(t, nothing_is_derived_from_what_is_no_key);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_sas_token_suite)
