/* SPDX-License-Identifier: MIT */

#include <mqtt/sas.h>

#include "unit-span.h"

#define KEY    "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=" /* the bytes 1 to 32 */
#define EXPIRY "\n1893456000"

/* The strings to sign of IoT Hub and of the Device Provisioning Service, signed by an implementation not
 * ours. */
static const struct {
        const char *string_to_sign, *signature;
} vectors[] = {
        { "hub-lab.azure-devices.net%2Fdevices%2Fpump-17" EXPIRY,
          "skva+5dc1tXqjwbBB10W6Aon9alCD10WBtVPwNr3U1Q=" },
        { "hub-lab.azure-devices.net%2Fdevices%2Fpump-17%2Fmodules%2Flogger" EXPIRY,
          "QLOVP12AkPQTkYwQjDJM+NUUQc/rNKNZLcWjOKQRpVM=" },
        { "hub-lab.azure-devices.net%2Fdevices%2Fpump%2317%40site" EXPIRY,
          "sdeFZfkPFachYWeMHFUHbjEJTGOs/LalyngUohX9ToY=" },
        { "0ne00ABCDEF%2Fregistrations%2Fpump-17" EXPIRY, "VzcfTtQK8Mz7RFuWvE6c8l9VOF5EB85g6MSo1+yD5BI=" },
        { "0ne00ABCDEF%2fregistrations%2fpump-17" EXPIRY, "JkxOusYpleBJvCL9hzL1mVsyTpRJp3YYgPA19nB+i6s=" },
};

START_TEST(signatures_are_the_services_own) {
        char signature[SAS_SIGNATURE_SIZE];

        ck_assert_int_eq(sas_sign(str(vectors[_i].string_to_sign), str(KEY), signature, sizeof(signature)),
                         0);
        ck_assert_str_eq(signature, vectors[_i].signature);
}
END_TEST

static const char *const bad_keys[] = {
        "",
        "AQI",
        "AQID\n",
        "AQ=D",
        "AQI*",
        " AQID",
        "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA",
        "AQID-_==",
        "SGVsbG9=",
        "AQIDBA==AQIDBA==",
};

START_TEST(a_key_that_is_not_strict_base64_is_refused) {
        char signature[SAS_SIGNATURE_SIZE];

        ck_assert_int_eq(sas_sign(str("x"), str(bad_keys[_i]), signature, sizeof(signature)), -EINVAL);
}
END_TEST

/* So many characters of base64, with so much padding. */
static const struct {
        size_t n_text;
        const char *padding;
        int result;
} sizes[] = {
        { 4, "==", 0 },        { 344, "==", 0 }, /* 256 bytes */
        { 344, "=", -EINVAL }, { 348, "", -EINVAL }, { 4000, "", -EINVAL },
};

START_TEST(keys_have_a_largest_size) {
        char key[4001], signature[SAS_SIGNATURE_SIZE];
        size_t n_padding = strlen(sizes[_i].padding);

        memset(key, 'A', sizes[_i].n_text);
        memcpy(key + sizes[_i].n_text - n_padding, sizes[_i].padding, n_padding + 1);
        ck_assert_int_eq(sas_sign(str("x"), str(key), signature, sizeof(signature)), sizes[_i].result);
}
END_TEST

START_TEST(a_buffer_that_is_too_small_is_refused) {
        char signature[SAS_SIGNATURE_SIZE];

        ck_assert_int_eq(sas_sign(str("x"), str(KEY), signature, sizeof(signature) - 1), -ENOBUFS);
}
END_TEST

START_TEST(a_job_signs_with_its_own_copy_of_the_key) {
        char key[] = KEY, signature[MQTT_SIGNATURE_MAX];
        MqttSignJob job;

        ck_assert_int_eq(sas_sign_job_new(&job, str(vectors[0].string_to_sign), str(key)), 0);
        memset(key, 'x', sizeof(key) - 1);
        ck_assert_int_eq(job.sign(job.userdata, job.input, signature, sizeof(signature)), 0);
        ck_assert_str_eq(signature, vectors[0].signature);
        job.destroy(job.userdata);

        ck_assert_int_eq(sas_sign_job_new(&job, str("x"), AZ_SPAN_EMPTY), 0);
        ck_assert_int_eq(job.sign(job.userdata, job.input, signature, sizeof(signature)), -EINVAL);
        job.destroy(job.userdata);
}
END_TEST

static Suite *sas_suite(void) {
        Suite *s = suite_create("mqtt-sas");
        TCase *t = tcase_create("sas");

        tcase_add_loop_test(t, signatures_are_the_services_own, 0, ELEMENTSOF(vectors));
        tcase_add_loop_test(t, a_key_that_is_not_strict_base64_is_refused, 0, ELEMENTSOF(bad_keys));
        tcase_add_loop_test(t, keys_have_a_largest_size, 0, ELEMENTSOF(sizes));
        tcase_add_test(t, a_buffer_that_is_too_small_is_refused);
        tcase_add_test(t, a_job_signs_with_its_own_copy_of_the_key);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(sas_suite)
