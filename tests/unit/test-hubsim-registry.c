/* SPDX-License-Identifier: MIT */

#include "hubsim/registry.h"

#include <fcntl.h>

#include "hubsim/files.h"
#include "unit.h"

#define KEY        "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define OTHER_KEY  "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
#define THUMBPRINT "0123456789ABCDEF0123456789ABCDEF01234567"
#define PUMP       "{\"deviceId\":\"pump-17\",\"primaryKey\":\"" KEY "\",\"secondaryKey\":\"" OTHER_KEY "\","
#define POLICY \
        "\"policy\":{\"name\":\"device\",\"primaryKey\":\"" OTHER_KEY "\",\"secondaryKey\":\"" KEY "\"}"

static char directory[64], path[96];

static void make_directory(void) {
        (void) snprintf(directory, sizeof(directory), "/tmp/test-hubsim-registry-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
        (void) snprintf(path, sizeof(path), "%s/devices.json", directory);
}

static void remove_directory(void) {
        (void) unlink(path);
        (void) rmdir(directory);
}

static const struct {
        const char *name, *text;
        int result;
} files[] = {
        { "of before there was a policy", "{\"devices\":[" PUMP "\"enabled\":true}]}", 0 },
        { "of before there were certificates", "{\"devices\":[" PUMP "\"enabled\":true}]," POLICY "}", 0 },
        { "with a device twice",
          "{\"devices\":[" PUMP "\"enabled\":true}," PUMP "\"enabled\":true}]," POLICY "}", -EBADMSG },
        { "with a device that has nothing",
          "{\"devices\":[{\"deviceId\":\"pump-17\",\"enabled\":true}]," POLICY "}", -EBADMSG },
        { "with a policy that has nothing", "{\"devices\":[" PUMP "\"enabled\":true}],\"policy\":{}}",
          -EBADMSG },
        { "without devices", "{" POLICY "}", -EBADMSG },
        { "that is cut", "{\"devices\":[" PUMP, -EBADMSG },
};

START_TEST(file_of_an_earlier_version_is_read_and_a_damaged_one_refused) {
        _cleanup_(registry_freep) Registry *registry = NULL;
        const Device *device;

        ck_assert_int_eq(file_replace(path, 0600, files[_i].text, strlen(files[_i].text)), 0);
        ck_assert_msg(registry_open(path, &registry) == files[_i].result, "%s", files[_i].name);
        if (files[_i].result < 0)
                return;
        device = registry_first(registry);
        ck_assert_int_eq(device->attestation.kind, ATTESTATION_KEYS);
        ck_assert_str_eq(device->attestation.primary, KEY);
        ck_assert_str_eq(device->attestation.secondary, OTHER_KEY);
        ck_assert_int_eq(registry_get_policy(registry)->kind, ATTESTATION_KEYS);
}
END_TEST

static const struct {
        AttestationKind kind;
        const char *primary, *secondary;
} rows[] = {
        { ATTESTATION_KEYS, KEY, OTHER_KEY },
        { ATTESTATION_THUMBPRINT, THUMBPRINT, NULL },
        { ATTESTATION_CA, NULL, NULL },
};

START_TEST(devices_are_there_again_with_what_they_were_given_last) {
        _cleanup_(registry_freep) Registry *registry = NULL;
        Device *device;

        ck_assert_int_eq(registry_open(path, &registry), 0);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const Attestation a = { rows[i].kind, (char *) rows[i].primary, (char *) rows[i].secondary };
                char id[] = { 'a', (char) ('0' + i), '\0' };

                ck_assert_int_eq(registry_add_device(registry, id, &a, &device), 0);
                ck_assert_int_eq(registry_add_device(registry, id, &a, &device), -EEXIST);
                id[0] = 'b';
                ck_assert_int_eq(registry_add(registry, id, &device), 0);
                ck_assert_int_eq(device->attestation.kind, ATTESTATION_KEYS);
                ck_assert_int_eq(registry_set_attestation(registry, device, &a), 0);
        }
        ck_assert_int_eq(registry_add(registry, "no/id", &device), -EINVAL);
        registry = registry_free(registry);

        ck_assert_int_eq(registry_open(path, &registry), 0);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (size_t k = 0; k < 2; k++) {
                        char id[] = { "ab"[k], (char) ('0' + i), '\0' };

                        device = registry_find(registry, id, 2);
                        ck_assert_ptr_nonnull(device);
                        ck_assert_int_eq(device->attestation.kind, rows[i].kind);
                        ck_assert_pstr_eq(device->attestation.primary, rows[i].primary);
                        ck_assert_pstr_eq(device->attestation.secondary, rows[i].secondary);
                }
}
END_TEST

START_TEST(what_cannot_be_saved_has_not_happened) {
        static const Attestation ca = { .kind = ATTESTATION_CA };
        _cleanup_(registry_freep) Registry *registry = NULL;
        Device *device, *other;

        ck_assert_int_eq(registry_open(path, &registry), 0);
        ck_assert_int_eq(registry_add(registry, "pump-17", &device), 0);
        remove_directory();
        ck_assert_int_eq(registry_set_attestation(registry, device, &ca), -ENOENT);
        ck_assert_int_eq(device->attestation.kind, ATTESTATION_KEYS);
        ck_assert_int_eq(registry_add_device(registry, "pump-18", &ca, &other), -ENOENT);
        ck_assert_ptr_eq(registry_first(registry), device);
        ck_assert_ptr_null(device->next);
}
END_TEST

static Suite *hubsim_registry_suite(void) {
        Suite *s = suite_create("hubsim-registry");
        TCase *t = tcase_create("registry");

        tcase_add_checked_fixture(t, make_directory, remove_directory);
        tcase_add_loop_test(t, file_of_an_earlier_version_is_read_and_a_damaged_one_refused, 0,
                            ELEMENTSOF(files));
        tcase_add_test(t, devices_are_there_again_with_what_they_were_given_last);
        tcase_add_test(t, what_cannot_be_saved_has_not_happened);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_registry_suite)
