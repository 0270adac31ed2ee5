/* SPDX-License-Identifier: MIT */

#include "daemon/enrollment.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* Of Microsoft's documentation, "Symmetric key attestation": a group's key, a registration id, and its key.
 */
#define GROUP_KEY "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw=="
#define ID        "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6"
#define KEY       "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc="

static void write_file(const char *directory, const char *name, const char *text) {
        char path[PATH_MAX];
        int fd;

        scratch_path(directory, name, path, sizeof(path));
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_ge(dprintf(fd, "%s", text), 0);
        close_fd(fd);
}

#define SCOPE .provisioning.id_scope = (char *) "0ne1"

static const struct {
        const char *file, *text; /* a systemd credential */
        Config config;
        int result;
        const char *key;      /* afterwards */
        const char *mentions; /* by the message */
} loads[] = {
        { "aziotd.provisioning-key",
          KEY "\n",
          { SCOPE, .provisioning.registration_id = (char *) ID },
          0,
          KEY,
          NULL },
        { "aziotd.provisioning-group-key",
          GROUP_KEY,
          { SCOPE, .provisioning.registration_id = (char *) ID },
          0,
          KEY,
          NULL },
        { "aziotd.provisioning-group-key",
          GROUP_KEY,
          { SCOPE, .provisioning.registration_id = (char *) "SN-007-888-abc-MAC-a1-b2-c3-d4-e5-f6" },
          0,
          KEY,
          NULL },
        { "aziotd.provisioning-key",
          KEY,
          { .provisioning.registration_id = (char *) ID },
          CONFIG_INVALID,
          NULL,
          "IdScope" },
        { "aziotd.provisioning-key", KEY, { SCOPE }, CONFIG_INVALID, NULL, "RegistrationId" },
        { "aziotd.provisioning-key",
          KEY,
          { SCOPE, .provisioning.registration_id = (char *) "a/b" },
          CONFIG_INVALID,
          NULL,
          "registration id" },
        { "aziotd.provisioning-key",
          KEY,
          { SCOPE, .provisioning.registration_id = (char *) "pump." },
          CONFIG_INVALID,
          NULL,
          "registration id" },
        { "aziotd.provisioning-key",
          "no key",
          { SCOPE, .provisioning.registration_id = (char *) ID },
          CONFIG_INVALID,
          NULL,
          "base64" },
        { "another",
          KEY,
          { SCOPE, .provisioning.registration_id = (char *) ID },
          CONFIG_INVALID,
          NULL,
          "KeyFile" },
        { "aziotd.provisioning-key",
          KEY,
          { SCOPE, .provisioning.registration_id = (char *) ID, .hub.host = (char *) "hub" },
          CONFIG_INVALID,
          NULL,
          "Host" },
        { "aziotd.provisioning-key",
          KEY,
          { .provisioning = { .id_scope = (char *) "0ne1",
                              .registration_id = (char *) ID,
                              .key_file = (char *) "/k",
                              .group_key_file = (char *) "/g" } },
          CONFIG_INVALID,
          NULL,
          "more than one" },
        { "aziotd.certificate", "not PEM", { SCOPE }, CONFIG_INVALID, NULL, "aziotd.certificate" },
};

START_TEST(what_is_configured_is_found_and_checked) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(credential_done) Credential credential = CREDENTIAL_NULL;
        _cleanup_(enrollment_done) Enrollment e = ENROLLMENT_NULL;
        char dir[SCRATCH_SIZE];

        scratch_init(dir, "enrollment");
        write_file(dir, loads[_i].file, loads[_i].text);
        ck_assert_int_eq(enrollment_load(&e, &credential, &loads[_i].config, dir, &messages),
                         loads[_i].result);
        scratch_done(dir);

        ck_assert_int_eq(messages.n > 0, loads[_i].mentions != NULL);
        if (loads[_i].mentions) {
                const ConfigMessage *m = &messages.messages[messages.n - 1];

                ck_assert_msg(strstr(m->text, loads[_i].mentions) || strstr(m->file, loads[_i].mentions),
                              "%s: %s", m->file, m->text);
                return;
        }
        ck_assert_str_eq(credential.key, loads[_i].key);
        ck_assert_ptr_null(credential.host);
        ck_assert_str_eq(e.owner.id_scope, "0ne1");
        ck_assert_str_eq(e.owner.registration_id, ID);
}
END_TEST

static const struct {
        const char *text;
        int result;
} payloads[] = {
        { "{\"modelId\":\"dtmi:com:example:Pump;1\"}\n", 0 },
        { "7", 0 },
        { "", CONFIG_INVALID },
        { "{", CONFIG_INVALID },
        { "1 2", CONFIG_INVALID },
};

START_TEST(payload_is_one_json_value) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(credential_done) Credential credential = CREDENTIAL_NULL;
        _cleanup_(enrollment_done) Enrollment e = ENROLLMENT_NULL;
        Config config = { SCOPE, .provisioning.registration_id = (char *) ID };
        char dir[SCRATCH_SIZE], path[PATH_MAX];

        scratch_init(dir, "enrollment");
        write_file(dir, "aziotd.provisioning-key", KEY);
        write_file(dir, "payload", payloads[_i].text);
        scratch_path(dir, "payload", path, sizeof(path));
        config.provisioning.payload_file = path;
        ck_assert_int_eq(enrollment_load(&e, &credential, &config, dir, &messages), payloads[_i].result);
        scratch_done(dir);

        if (payloads[_i].result == 0)
                ck_assert_str_eq(e.payload, payloads[_i].text);
        else
                ck_assert_str_eq(messages.messages[0].file, path);
}
END_TEST

/* The fingerprint of a key is in a file that people read. */
START_TEST(fingerprint_tells_keys_apart_and_is_none) {
        static const char *const keys[] = { KEY, GROUP_KEY };
        char fingerprints[2][64];

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
                _cleanup_(credential_done) Credential credential = CREDENTIAL_NULL;
                _cleanup_(enrollment_done) Enrollment e = ENROLLMENT_NULL;
                const Config config = { SCOPE, .provisioning.registration_id = (char *) ID };
                char dir[SCRATCH_SIZE];

                scratch_init(dir, "enrollment");
                write_file(dir, "aziotd.provisioning-key", keys[i]);
                ck_assert_int_eq(enrollment_load(&e, &credential, &config, dir, &messages), 0);
                scratch_done(dir);
                (void) snprintf(fingerprints[i], sizeof(fingerprints[i]), "%s", e.owner.fingerprint);
                ck_assert_str_ne(fingerprints[i], keys[i]);
        }
        ck_assert_str_ne(fingerprints[0], fingerprints[1]);
}
END_TEST

static Suite *enrollment_suite(void) {
        Suite *s = suite_create("enrollment");
        TCase *t = tcase_create("enrollment");

        tcase_add_loop_test(t, what_is_configured_is_found_and_checked, 0, ELEMENTSOF(loads));
        tcase_add_loop_test(t, payload_is_one_json_value, 0, ELEMENTSOF(payloads));
        tcase_add_test(t, fingerprint_tells_keys_apart_and_is_none);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(enrollment_suite)
