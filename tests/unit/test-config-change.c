/* SPDX-License-Identifier: MIT */

#include "daemon/config-change.h"

#include <syslog.h>

#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static void load(Config *c, const char *text) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        char directory[SCRATCH_SIZE], path[128];
        FILE *f;

        scratch_init(directory, "config-change");
        scratch_path(directory, "c", path, sizeof(path));
        f = fopen(path, "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(text, f), 0);
        fclose(f);
        ck_assert_int_eq(config_load(c, path, true, &messages), 0);
        scratch_done(directory);
}

/* Of two files the keys that differ, each followed by a space; "Access" stands for the rules. */
static const struct {
        const char *before, *after, *changes;
} cases[] = {
        { "", "", "" },
        { "", "# a comment\n[Log]\nLevel=info\n[Hub]\nPort=8883\n", "" },
        { "", "[Log]\nLevel=debug\n", "Level " },
        { "[Hub]\nHost=a\nDeviceId=d\n", "[Hub]\nHost=b\nDeviceId=d\n", "Host " },
        { "[Hub]\nHost=a\n", "", "Host " },
        { "", "[Hub]\nHost=a\n", "Host " },
        { "[Hub]\nKeepAliveSec=1min\n", "[Hub]\nKeepAliveSec=60\n", "" },
        { "", "[Outbox]\nDirectory=/o\nMaxBytes=8M\nWhenFull=drop-oldest\n", "Directory MaxBytes WhenFull " },
        { "", "[Access]\nUser=0\nGrants=read\n", "Access " },
        { "[Access]\nUser=0\nGrants=read\n", "[Access]\nUser=0\nGrants=read send\n", "Access " },
        { "[Access]\nUser=0\nGrants=read\n", "\n\n[Access]\nUser=0\nGrants=read\n", "" },
        { "[Access]\nUser=0\nGrants=read\n[Log]\nLevel=err\n", "[Log]\nLevel=debug\n", "Level Access " },
};

START_TEST(what_differs_is_found) {
        _cleanup_(config_done) Config before = {}, after = {};
        ConfigChanges changes;
        char names[256] = "";

        load(&before, cases[_i].before);
        load(&after, cases[_i].after);
        config_compare(&before, &after, &changes);
        for (size_t i = 0; i < changes.n_keys; i++)
                (void) snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s ",
                                changes.keys[i]->key);
        if (changes.access)
                strcat(names, "Access ");
        ck_assert_str_eq(names, cases[_i].changes);
}
END_TEST

/* Somebody may look at it: a run of the provisioning service at the name of that service, say. */
START_TEST(a_string_that_is_the_same_stays_where_it_is) {
        const char *text = "[Provisioning]\nIdScope=s\nEndpoint=dps.example\n";
        _cleanup_(config_done) Config c = {}, next = {};
        ConfigChanges changes;
        char *endpoint;

        load(&c, text);
        load(&next, text);
        endpoint = c.provisioning.endpoint;
        config_compare(&c, &next, &changes);
        config_take(&c, &next, &changes);
        ck_assert_ptr_eq(c.provisioning.endpoint, endpoint);
}
END_TEST

START_TEST(what_needs_a_restart_is_not_taken) {
        _cleanup_(config_done) Config c = {}, next = {};
        ConfigChanges changes;

        load(&c, "[Hub]\nHost=a\nDeviceId=d\n");
        load(&next, "\n\n[Hub]\nHost=b\nDeviceId=d\n[Outbox]\nDirectory=/o\nMaxBytes=8M\n[Log]\nLevel=err\n");
        config_compare(&c, &next, &changes);
        config_take(&c, &next, &changes);

        ck_assert_str_eq(c.hub.host, "b");
        ck_assert_str_eq(next.hub.host, "a");
        ck_assert_uint_eq(c.outbox.max_bytes, 8 << 20);
        ck_assert_int_eq(c.log.level, LOG_ERR);
        ck_assert_ptr_null(c.outbox.directory);
        ck_assert_str_eq(next.outbox.directory, "/o");

        config_compare(&c, &next, &changes);
        ck_assert(config_changes_have(&changes, CONFIG_APPLY_RESTART));
        ck_assert(config_changes_have_section(&changes, "Outbox"));
        ck_assert(!config_changes_have_section(&changes, "Network"));
}
END_TEST

/* What is the same may stand elsewhere. */
START_TEST(where_a_value_stands_is_what_the_file_says_now) {
        _cleanup_(config_done) Config c = {}, next = {};
        ConfigChanges changes;
        size_t i = 0;

        while (strcmp(config_table[i].key, "DeviceId") != 0)
                i++;
        load(&c, "[Hub]\nDeviceId=d\n");
        ck_assert_uint_eq(c.origins[i].line, 2);
        load(&next, "[Hub]\n\n\nDeviceId=d\n");
        config_compare(&c, &next, &changes);
        config_take(&c, &next, &changes);
        ck_assert_uint_eq(c.origins[i].line, 4);
}
END_TEST

static Suite *config_change_suite(void) {
        Suite *s = suite_create("config-change");
        TCase *t = tcase_create("change");

        tcase_add_loop_test(t, what_differs_is_found, 0, ELEMENTSOF(cases));
        tcase_add_test(t, what_needs_a_restart_is_not_taken);
        tcase_add_test(t, a_string_that_is_the_same_stays_where_it_is);
        tcase_add_test(t, where_a_value_stands_is_what_the_file_says_now);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(config_change_suite)
