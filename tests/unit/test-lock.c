/* SPDX-License-Identifier: MIT */

#include "daemon/lock.h"

#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "scratch.h"
#include "unit.h"

static const char locks[] = "1: POSIX  ADVISORY  WRITE 7 fd:01:20 0 EOF\n"
                            "2: FLOCK  ADVISORY  READ 8 fd:01:20 0 EOF\n"
                            "3: FLOCK  ADVISORY  WRITE 9 fd:02:20 0 EOF\n"
                            "3: -> FLOCK  ADVISORY  WRITE 10 fd:01:20 0 EOF\n"
                            "4: FLOCK  ADVISORY  WRITE 11 fd:01:20 0 EOF\n"
                            "5: FLOCK  ADVISORY  WRITE 12 fd:1a:9223372036854775807 0 EOF";

static const struct {
        unsigned minor_number;
        uint64_t inode;
        pid_t pid;
} holders[] = {
        { 0x01, 20, 11 }, /* not of another kind of lock, and not who waits for one */
        { 0x02, 20, 9 },
        { 0x1a, INT64_MAX, 12 },
        { 0x01, 21, 0 },
};

START_TEST(holder_is_who_has_locked_this_file) {
        dev_t device = makedev(0xfd, holders[_i].minor_number);

        ck_assert_int_eq(lock_find_holder(locks, device, holders[_i].inode), holders[_i].pid);
        ck_assert_int_eq(lock_find_holder("", device, holders[_i].inode), 0);
}
END_TEST

/* Locks the directory in another process, which is killed. */
static pid_t lock_elsewhere(const char *directory) {
        int ready[2], fd;
        char byte;
        pid_t pid;

        ck_assert_int_eq(pipe(ready), 0);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                if (lock_take_directory(directory, &fd) < 0 || write(ready[1], "", 1) != 1)
                        _exit(1);
                for (;;)
                        (void) pause();
        }
        (void) close(ready[1]);
        ck_assert_int_eq(read(ready[0], &byte, 1), 1);
        (void) close(ready[0]);
        return pid;
}

START_TEST(directory_is_locked_until_its_holder_is_gone) {
        char directory[SCRATCH_SIZE], path[PATH_MAX], expected[32], holder[320];
        int fd = -1, second = -1;
        pid_t pid;

        scratch_init(directory, "lock");
        scratch_path(directory, LOCK_FILE, path, sizeof(path));
        lock_describe_holder(path, holder, sizeof(holder));
        ck_assert_str_eq(holder, "another process");

        pid = lock_elsewhere(directory);
        ck_assert_int_eq(lock_take_directory(directory, &fd), -EBUSY);
        ck_assert_int_eq(fd, -1);
        lock_describe_holder(path, holder, sizeof(holder));
        (void) snprintf(expected, sizeof(expected), "pid %d", pid);
        ck_assert_msg(strncmp(holder, expected, strlen(expected)) == 0, "%s", holder);

        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        ck_assert_int_eq(lock_take_directory(directory, &fd), 0);
        ck_assert_int_eq(lock_take_directory(directory, &second), -EBUSY);
        close_fd(fd);
        ck_assert_int_eq(lock_take_directory(directory, &second), 0);
        close_fd(second);
        scratch_done(directory);
}
END_TEST

START_TEST(directory_that_is_not_there_cannot_be_locked) {
        int fd = -1;

        ck_assert_int_eq(lock_take_directory("/nonexistent", &fd), -ENOENT);
        ck_assert_int_eq(fd, -1);
}
END_TEST

static Suite *lock_suite(void) {
        Suite *s = suite_create("lock");
        TCase *t = tcase_create("lock");

        tcase_add_loop_test(t, holder_is_who_has_locked_this_file, 0, ELEMENTSOF(holders));
        tcase_add_test(t, directory_is_locked_until_its_holder_is_gone);
        tcase_add_test(t, directory_that_is_not_there_cannot_be_locked);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(lock_suite)
