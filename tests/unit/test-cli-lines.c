/* SPDX-License-Identifier: MIT */
#include "cli/lines.h"
#include "tests/unit/unit.h"

static void put(int fd, const char *bytes) {
        ck_assert_int_eq(write(fd, bytes, strlen(bytes)), (ssize_t) strlen(bytes));
}

static void assert_line(Lines *lines, const char *expected) {
        az_span line;

        ck_assert_int_eq(lines_next(lines, false, &line), 0);
        ck_assert(az_span_is_content_equal(line, az_span_create_from_str((char *) expected)));
}

START_TEST(lines_come_as_they_are_written) {
        _cleanup_(lines_done) Lines lines = LINES_NULL;
        az_span line;
        int fds[2];

        ck_assert_int_eq(pipe(fds), 0);
        lines.fd = fds[0];
        lines.max = 100;

        ck_assert_int_eq(lines_next(&lines, false, &line), LINES_NOT_YET);
        put(fds[1], "one\n\ntwo\r\nthr");
        assert_line(&lines, "one");
        assert_line(&lines, "");
        assert_line(&lines, "two");
        ck_assert_int_eq(lines_next(&lines, false, &line), LINES_NOT_YET);
        put(fds[1], "ee\nlast");
        assert_line(&lines, "three");
        (void) close(fds[1]);
        assert_line(&lines, "last");
        ck_assert_uint_eq(lines.number, 5);
        ck_assert_int_eq(lines_next(&lines, true, &line), LINES_END);
        (void) close(fds[0]);
}
END_TEST

/* A file with 'n' times 'c' and 'end' behind it. */
static int file_with(size_t n, const char *end) {
        FILE *f = tmpfile();
        int fd;

        ck_assert_ptr_nonnull(f);
        for (size_t i = 0; i < n; i++)
                (void) fputc('c', f);
        (void) fputs(end, f);
        rewind(f);
        fd = dup(fileno(f));
        (void) fclose(f);
        return fd;
}

static const struct {
        size_t n;
        const char *end;
        int result;
} sizes[] = {
        { 10000, "\n", 0 },         { 10000, "\r\n", 0 },         { 10000, "", 0 },
        { 10001, "\n", -EMSGSIZE }, { 10001, "\r\n", -EMSGSIZE }, { 10001, "", -EMSGSIZE },
        { 50000, "\n", -EMSGSIZE }, { 50000, "", -EMSGSIZE },
};

START_TEST(a_line_has_a_limit) {
        _cleanup_(lines_done) Lines lines = { .fd = file_with(sizes[_i].n, sizes[_i].end), .max = 10000 };
        az_span line = AZ_SPAN_EMPTY;

        ck_assert_int_eq(lines_next(&lines, true, &line), sizes[_i].result);
        ck_assert_int_eq(az_span_size(line), sizes[_i].result == 0 ? 10000 : 0);
        ck_assert_uint_eq(lines.number, 1);
        (void) close(lines.fd);
}
END_TEST

START_TEST(the_rest_is_everything) {
        _cleanup_(lines_done) Lines lines = { .fd = file_with(5000, "\r\nx\n"), .max = 10000 };
        az_span rest;

        ck_assert_int_eq(lines_rest(&lines, &rest), 0);
        ck_assert_int_eq(az_span_size(rest), 5004);
        (void) close(lines.fd);
}
END_TEST

START_TEST(the_rest_has_a_limit_too) {
        _cleanup_(lines_done) Lines lines = { .fd = file_with(10001, ""), .max = 10000 };
        az_span rest;

        ck_assert_int_eq(lines_rest(&lines, &rest), -EMSGSIZE);
        (void) close(lines.fd);
}
END_TEST

static Suite *cli_lines_suite(void) {
        Suite *s = suite_create("cli-lines");
        TCase *t = tcase_create("lines_next");

        tcase_add_test(t, lines_come_as_they_are_written);
        tcase_add_loop_test(t, a_line_has_a_limit, 0, ELEMENTSOF(sizes));
        suite_add_tcase(s, t);

        t = tcase_create("lines_rest");
        tcase_add_test(t, the_rest_is_everything);
        tcase_add_test(t, the_rest_has_a_limit_too);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(cli_lines_suite)
