/* SPDX-License-Identifier: MIT */
#include "cli/answer.h"
#include "tests/unit/unit.h"

/* As waitpid() reports them on Linux. */
#define EXITED(code)   ((code) << 8)
#define KILLED(signal) (signal)

#define FAULT(text) 500, "{\"error\":\"" text "\"}"

static const struct {
        int wait_status;
        const char *output, *status;
        int answer_status;
        const char *payload;
} outcomes[] = {
        { EXITED(0), "", "", 200, "" },
        { EXITED(0), "\n", "", 200, "\n" },
        { EXITED(0), "{\"a\": 1.10}\n", "", 200, "{\"a\": 1.10}\n" },
        { EXITED(0), "[1,2]\n", "", 200, "[1,2]\n" },
        { EXITED(0), "", "202\n", 202, "" },
        { EXITED(1), "", "", 500, "{\"exitCode\":1}" },
        { EXITED(255), "\n", "", 500, "{\"exitCode\":255}" },
        { KILLED(9), "", "", 500, "{\"signal\":9}" },
        { EXITED(1), "{\"why\":\"x\"}", "", 500, "{\"why\":\"x\"}" },
        { EXITED(1), "", "404", 404, "" },
        { EXITED(1), "{\"why\":\"x\"}", " 404\n", 404, "{\"why\":\"x\"}" },
        { EXITED(0), "", "ok", FAULT("file descriptor 3 got something else than a status") },
        { EXITED(0), "", "99", FAULT("file descriptor 3 got something else than a status") },
        { EXITED(0), "", "099", FAULT("file descriptor 3 got something else than a status") },
        { EXITED(0), "", "1000", FAULT("file descriptor 3 got something else than a status") },
        { EXITED(0), "", "+20", FAULT("file descriptor 3 got something else than a status") },
        { EXITED(0), "", "200\n404\n", FAULT("file descriptor 3 got something else than a status") },
};

START_TEST(an_outcome_has_its_answer) {
        Outcome outcome = {
                .wait_status = outcomes[_i].wait_status,
                .output = outcomes[_i].output,
                .output_size = strlen(outcomes[_i].output),
                .status = outcomes[_i].status,
                .status_size = strlen(outcomes[_i].status),
        };
        Answer answer;
        const char *fault = answer_make(&answer, &outcome);

        ck_assert_int_eq(answer.status, outcomes[_i].answer_status);
        ck_assert_str_eq(answer.payload, outcomes[_i].payload);
        ck_assert_int_eq(fault != NULL, strstr(outcomes[_i].payload, "\"error\"") != NULL);
}
END_TEST

START_TEST(an_output_that_cannot_be_passed_on_is_a_fault) {
        static const struct {
                Outcome outcome;
                const char *fault;
        } rows[] = {
                { { .output = "{}", .output_size = 2, .output_too_big = true, .status = "" },
                  "the output is larger than 128 KiB" },
                { { .output = "{}\0", .output_size = 3, .status = "" }, "the output is not JSON" },
                { { .output = "", .status = "200\0", .status_size = 4 },
                  "file descriptor 3 got something else than a status" },
        };
        Answer answer;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ck_assert_str_eq(answer_make(&answer, &rows[i].outcome), rows[i].fault);
                ck_assert_int_eq(answer.status, 500);
        }
}
END_TEST

static Suite *cli_answer_suite(void) {
        Suite *s = suite_create("cli-answer");
        TCase *t = tcase_create("answer_make");

        tcase_add_loop_test(t, an_outcome_has_its_answer, 0, ELEMENTSOF(outcomes));
        tcase_add_test(t, an_output_that_cannot_be_passed_on_is_a_fault);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(cli_answer_suite)
