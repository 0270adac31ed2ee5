/* SPDX-License-Identifier: MIT */

#include "hubsim/enrollment.h"

#include <sys/stat.h>

#include "unit.h"

#define KEY                "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define SETTINGS           "\"enabled\":true,\"failure\":0,\"assigning\":0,\"retryAfter\":3,\"reprovision\":\"never\","
#define KEYS               "\"primaryKey\":\"" KEY "\",\"secondaryKey\":\"" KEY "\","
#define FILE_WITH(members) "{\"idScope\":\"0ne00ABCDEF\",\"enrollments\":[{" members "}]}"
#define REGISTERED(members) \
        FILE_WITH("\"id\":\"p\",\"group\":false," SETTINGS KEYS "\"registrations\":[{" members "}]")

#define OPERATION(status, id)                                   \
        "\"operation\":{\"id\":\"" id "\",\"status\":\"" status \
        "\",\"assigning\":0,\"failure\":400207,\"failed\":1}"

typedef struct Directory {
        char path[sizeof("/tmp/test-hubsim-enrollment-XXXXXX")];
        char file[128];
} Directory;

static void directory_done(Directory *d) {
        (void) unlink(d->file);
        (void) rmdir(d->path);
}

static void directory_init(Directory *d) {
        (void) snprintf(d->path, sizeof(d->path), "/tmp/test-hubsim-enrollment-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(d->path));
        (void) snprintf(d->file, sizeof(d->file), "%s/enrollments.json", d->path);
}

static az_span str(const char *text) {
        return az_span_create_from_str((char *) text);
}

static const struct {
        const char *name, *text;
        int result;
} files[] = {
        { "nothing but a scope", "{\"idScope\":\"0ne00ABCDEF\",\"enrollments\":[]}", 0 },
        { "an enrollment", FILE_WITH("\"id\":\"p\",\"group\":true," SETTINGS KEYS "\"registrations\":[]"),
          0 },
        { "a registration",
          REGISTERED("\"id\":\"p\",\"hub\":\"h\",\"deviceId\":\"d\",\"substatus\":\"deviceDataReset\","
                     "\"created\":1793318400000000,\"updated\":2,\"etag\":\"e\""),
          0 },
        { "a registration with an operation alone", REGISTERED("\"id\":\"p\"," OPERATION("failed", "5.0")),
          0 },
        { "a registration with nothing", REGISTERED("\"id\":\"p\""), -EBADMSG },
        { "an operation in no known state", REGISTERED("\"id\":\"p\"," OPERATION("lost", "5.0")), -EBADMSG },
        { "an operation with a long id",
          REGISTERED("\"id\":\"p\"," OPERATION("failed",
                                               "56789012345678901234567890123456789012345678901234567890")),
          -EBADMSG },
        { "an operation that has assigned nothing", REGISTERED("\"id\":\"p\"," OPERATION("assigned", "5.0")),
          -EBADMSG },
        { "an operation with nothing", REGISTERED("\"id\":\"p\",\"operation\":{}"), -EBADMSG },
        { "no JSON", "{\"idScope\":\"0ne00ABCDEF\",\"enrollments\":[]}x", -EBADMSG },
        { "nothing", "", -EBADMSG },
        { "no scope", "{\"enrollments\":[]}", -EBADMSG },
        { "a short scope", "{\"idScope\":\"0ne\",\"enrollments\":[]}", -EBADMSG },
        { "no list", "{\"idScope\":\"0ne00ABCDEF\"}", -EBADMSG },
        { "an id that is none",
          FILE_WITH("\"id\":\"p.\",\"group\":true," SETTINGS KEYS "\"registrations\":[]"), -EBADMSG },
        { "an id in upper case",
          FILE_WITH("\"id\":\"P\",\"group\":true," SETTINGS KEYS "\"registrations\":[]"), -EBADMSG },
        { "no keys", FILE_WITH("\"id\":\"p\",\"group\":true," SETTINGS "\"registrations\":[]"), -EBADMSG },
        { "no settings", FILE_WITH("\"id\":\"p\",\"group\":true," KEYS "\"registrations\":[]"), -EBADMSG },
        { "no registrations", FILE_WITH("\"id\":\"p\",\"group\":true," SETTINGS KEYS "\"x\":0"), -EBADMSG },
        { "a payload that is no JSON",
          FILE_WITH("\"id\":\"p\",\"group\":true," SETTINGS KEYS "\"payload\":\"{\",\"registrations\":[]"),
          -EBADMSG },
        { "the same twice",
          FILE_WITH("\"id\":\"p\",\"group\":true," SETTINGS KEYS
                    "\"registrations\":[]},{\"id\":\"p\",\"group\":true," SETTINGS KEYS
                    "\"registrations\":[]"),
          -EBADMSG },
        { "a substatus of another service",
          REGISTERED("\"id\":\"p\",\"hub\":\"h\",\"deviceId\":\"d\",\"substatus\":\"x\",\"created\":1,"
                     "\"updated\":2,"
                     "\"etag\":\"e\""),
          -EBADMSG },
        { "a time before 1970",
          REGISTERED("\"id\":\"p\",\"hub\":\"h\",\"deviceId\":\"d\",\"substatus\":\"deviceDataReset\","
                     "\"created\":-1,"
                     "\"updated\":2,\"etag\":\"e\""),
          -EBADMSG },
        { "an etag that is too long",
          REGISTERED("\"id\":\"p\",\"hub\":\"h\",\"deviceId\":\"d\",\"substatus\":\"deviceDataReset\","
                     "\"created\":1,"
                     "\"updated\":2,\"etag\":"
                     "\"0123456789012345678901234567890123456789012345678901234567890123\""),
          -EBADMSG },
};

START_TEST(file_is_read_or_refused) {
        _cleanup_(enrollments_freep) Enrollments *enrollments = NULL;
        _cleanup_(directory_done) Directory d = {};
        FILE *f;

        directory_init(&d);
        f = fopen(d.file, "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(files[_i].text, f), 0);
        (void) fclose(f);
        ck_assert_msg(enrollments_open(d.file, &enrollments) == files[_i].result, "%s", files[_i].name);
}
END_TEST

START_TEST(everything_outlives_the_program) {
        _cleanup_(enrollments_freep) Enrollments *before = NULL, *after = NULL;
        _cleanup_(attestation_done) Attestation keys = ATTESTATION_NULL;
        _cleanup_(directory_done) Directory d = {};
        EnrollmentSettings settings = {
                .device_id = (char *) "d-1",
                .hub = (char *) "localhost:1",
                .payload = (char *) "{\"n\":9007199254740993}",
                .failure = 400207,
                .n_assigning = 2,
                .retry_after_s = 7,
                .policy = REPROVISION_NEVER,
        };
        const Enrollment *found;
        Registration *registration;
        Enrollment *enrollment;

        directory_init(&d);
        ck_assert_int_eq(attestation_init(&keys, ATTESTATION_KEYS, KEY, KEY), 0);
        ck_assert_int_eq(enrollments_open(d.file, &before), 0);
        ck_assert_int_eq(enrollments_add(before, str("Pump-17"), false, &keys, &settings, &enrollment), 0);
        ck_assert_int_eq(enrollments_add(before, str("PUMP-17"), true, &keys, &settings, &enrollment),
                         -EEXIST);
        ck_assert_int_eq(enrollments_add(before, str("a b"), true, &keys, &settings, &enrollment), -EINVAL);
        ck_assert_int_eq(enrollment_get_registration(enrollment, "pump-17", &registration), 0);
        ck_assert_int_eq(
                enrollments_assign(before, registration, "h", "d", SUBSTATUS_MIGRATED, 1793318400000001), 0);

        ck_assert_int_eq(enrollments_open(d.file, &after), 0);
        ck_assert_str_eq(enrollments_get_scope(after), enrollments_get_scope(before));
        registration = enrollments_find_registration(after, str("PUMP-17"), &found);
        ck_assert_ptr_nonnull(registration);
        ck_assert_str_eq(found->id, "pump-17");
        ck_assert(!found->is_group && !found->settings.is_enabled);
        ck_assert_str_eq(found->attestation.primary, KEY);
        ck_assert_str_eq(found->settings.device_id, settings.device_id);
        ck_assert_str_eq(found->settings.hub, settings.hub);
        ck_assert_str_eq(found->settings.payload, settings.payload);
        ck_assert_uint_eq(found->settings.failure, settings.failure);
        ck_assert_uint_eq(found->settings.n_assigning, settings.n_assigning);
        ck_assert_uint_eq(found->settings.retry_after_s, settings.retry_after_s);
        ck_assert_int_eq(found->settings.policy, settings.policy);
        ck_assert_str_eq(registration->hub, "h");
        ck_assert_str_eq(registration->device_id, "d");
        ck_assert_int_eq(registration->substatus, SUBSTATUS_MIGRATED);
        ck_assert_uint_eq(registration->created_us, 1793318400000001);
}
END_TEST

START_TEST(what_cannot_be_written_is_not_done) {
        _cleanup_(enrollments_freep) Enrollments *enrollments = NULL;
        _cleanup_(attestation_done) Attestation keys = ATTESTATION_NULL;
        _cleanup_(directory_done) Directory d = {};
        EnrollmentSettings settings = ENROLLMENT_SETTINGS_DEFAULT, other = {};
        Enrollment *first, *second;
        char temporary[160];

        directory_init(&d);
        ck_assert_int_eq(attestation_init(&keys, ATTESTATION_KEYS, KEY, KEY), 0);
        ck_assert_int_eq(enrollments_open(d.file, &enrollments), 0);
        ck_assert_int_eq(enrollments_add(enrollments, str("first"), false, &keys, &settings, &first), 0);

        (void) snprintf(temporary, sizeof(temporary), "%s.new", d.file);
        ck_assert_int_eq(mkdir(temporary, 0700), 0); /* in the way of the file that replaces ours */
        ck_assert_int_lt(enrollments_add(enrollments, str("second"), false, &keys, &settings, &second), 0);
        ck_assert_ptr_null(enrollments_find(enrollments, str("second")));
        ck_assert_int_lt(enrollments_change(enrollments, first, &other), 0);
        ck_assert(first->settings.is_enabled);
        ck_assert_int_lt(enrollments_remove(enrollments, first), 0);
        ck_assert_ptr_eq(enrollments_first(enrollments), first);
        ck_assert_ptr_null(first->next);

        ck_assert_int_eq(rmdir(temporary), 0);
        ck_assert_int_eq(enrollments_add(enrollments, str("second"), false, &keys, &settings, &second), 0);
        ck_assert_int_eq(enrollments_remove(enrollments, first), 0);
        ck_assert_ptr_eq(enrollments_first(enrollments), second);
}
END_TEST

/* Computed apart: key bytes 0x00 to 0x3f, registration id "pump-17". */
START_TEST(device_of_a_group_has_a_key_of_its_own) {
        _cleanup_(attestation_done) Attestation device = ATTESTATION_NULL;
        static const char *const key =
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4"
                "OTo7PD0+Pw==";
        Enrollment enrollment = {
                .is_group = true,
                .attestation = { .kind = ATTESTATION_KEYS,
                                 .primary = (char *) key,
                                 .secondary = (char *) key },
        };

        ck_assert_int_eq(enrollment_get_attestation(&enrollment, "pump-17", &device), 0);
        ck_assert_str_eq(device.primary, "1T8Wq+VJBVLICyTnGArAIAZDTt809JtrhWUivDLkkPc=");
        attestation_done(&device);
        enrollment.is_group = false;
        ck_assert_int_eq(enrollment_get_attestation(&enrollment, "pump-17", &device), 0);
        ck_assert_str_eq(device.primary, key);
}
END_TEST

START_TEST(assignment_that_cannot_be_stored_has_not_happened) {
        _cleanup_(enrollments_freep) Enrollments *enrollments = NULL;
        _cleanup_(directory_done) Directory d = {};
        const Attestation keys = { ATTESTATION_KEYS, (char *) KEY, (char *) KEY };
        Registration *registration;
        Enrollment *enrollment;

        directory_init(&d);
        ck_assert_int_eq(enrollments_open(d.file, &enrollments), 0);
        ck_assert_int_eq(enrollments_add(enrollments, str("p"), false, &keys, &ENROLLMENT_SETTINGS_DEFAULT,
                                         &enrollment),
                         0);
        ck_assert_int_eq(enrollment_get_registration(enrollment, "p", &registration), 0);
        directory_done(&d);
        ck_assert_int_eq(enrollments_assign(enrollments, registration, "h", "d", SUBSTATUS_INITIAL, 1),
                         -ENOENT);
        ck_assert_ptr_null(registration->hub);
        ck_assert_ptr_null(registration->device_id);
        ck_assert_uint_eq(registration->created_us, 0);
}
END_TEST

static Suite *hubsim_enrollment_suite(void) {
        Suite *s = suite_create("hubsim-enrollment");
        TCase *t = tcase_create("enrollments_open");

        tcase_add_loop_test(t, file_is_read_or_refused, 0, ELEMENTSOF(files));
        suite_add_tcase(s, t);

        t = tcase_create("enrollments");
        tcase_add_test(t, everything_outlives_the_program);
        tcase_add_test(t, what_cannot_be_written_is_not_done);
        tcase_add_test(t, assignment_that_cannot_be_stored_has_not_happened);
        tcase_add_test(t, device_of_a_group_has_a_key_of_its_own);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_enrollment_suite)
