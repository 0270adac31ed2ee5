/* SPDX-License-Identifier: MIT */

/* An outbox on a disk that is full, or can only be read: a file system of its own, gone with the test. */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "daemon/outbox.h"

#include "outbox-fixture.h"

static Fixture fixture;
static Fixture *const f = &fixture;

/* Mounts of this process are nobody else's from now on. Returns whether it may mount at all. */
static bool mounts_unshare(void) {
        return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static void mount_small(const char *options) {
        ck_assert_int_eq(mount("tmpfs", f->directory, "tmpfs", 0, options), 0);
}

START_TEST(a_full_disk_costs_new_messages_until_there_is_space) {
        static const uint8_t ballast[64 * 1024];
        uint64_t sequence;
        char path[128];
        int fd;

        fixture_init(f);
        mount_small("size=128k");
        scratch_path(f->directory, "ballast", path, sizeof(path));
        fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        for (int i = 0; i < 2; i++)
                (void) !write(fd, ballast, sizeof(ballast));
        ck_assert_int_eq(close(fd), 0);

        fixture_open(f);
        fixture_settle(f);
        ck_assert_int_eq(fixture_append(f, "x", &sequence), OUTBOX_STORAGE_FAILED);
        ck_assert_int_eq(outbox_storage_errno(f->outbox), ENOSPC);
        ck_assert_ptr_nonnull(strstr(f->log, "ENOSPC"));

        ck_assert_int_eq(unlink(path), 0);
        f->now.boottime_us = outbox_deadline_us(f->outbox);
        outbox_run_due(f->outbox, f->now.boottime_us);
        fixture_settle(f);
        ck_assert_ptr_nonnull(strstr(f->log, "space; "));
        fixture_send(f, "y");
        fixture_stop(f);
        ck_assert_int_eq(umount(f->directory), 0);
        fixture_done(f);
}
END_TEST

START_TEST(a_read_only_disk_still_sends_what_it_has) {
        uint64_t sequence;
        char all[64];

        fixture_init(f);
        mount_small("size=1m");
        fixture_open(f);
        fixture_send(f, "a");
        fixture_send(f, "b");
        fixture_crash(f);
        ck_assert_int_eq(mount(NULL, f->directory, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);

        fixture_open(f);
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "a b ");
        ck_assert_int_eq(fixture_append(f, "x", &sequence), OUTBOX_STORAGE_FAILED);
        ck_assert_int_eq(outbox_storage_errno(f->outbox), EROFS);
        fixture_crash(f);
        ck_assert_int_eq(umount(f->directory), 0);
        fixture_done(f);
}
END_TEST

static Suite *outbox_mount_suite(void) {
        Suite *s = suite_create("outbox-mount");
        TCase *t = tcase_create("disk");

        tcase_add_test(t, a_full_disk_costs_new_messages_until_there_is_space);
        tcase_add_test(t, a_read_only_disk_still_sends_what_it_has);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        return mounts_unshare() ? unit_run(outbox_mount_suite()) : unit_skip("there is no right to mount");
}
