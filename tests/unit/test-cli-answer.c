/* SPDX-License-Identifier: MIT */
#include "cli/answer.h"
#include "tests/unit/unit.h"

/* As waitpid() reports them on Linux. */
#define EXITED(code)   ((code) << 8)
#define KILLED(signal) (signal)

#define ANSWER(rest) "{\"id\":\"7\"," rest "}"
#define FAULT(text)  ANSWER("\"status\":500,\"payload\":{\"error\":\"" text "\"}")

static const struct {
        int wait_status;
        const char *output, *status;
        const char *answer;
} outcomes[] = {
        { EXITED(0), "", "", ANSWER("\"status\":200") },
        { EXITED(0), "\n", "", ANSWER("\"status\":200") },
        { EXITED(0), "{\"a\": 1.10}\n", "", ANSWER("\"status\":200,\"payload\":{\"a\": 1.10}") },
        { EXITED(0), "[1,2]\n", "", ANSWER("\"status\":200,\"payloadText\":\"[1,2]\"") },
        { EXITED(0), "\"x\"", "", ANSWER("\"status\":200,\"payloadText\":\"\\\"x\\\"\"") },
        { EXITED(0), "", "202\n", ANSWER("\"status\":202") },
        { EXITED(1), "", "", ANSWER("\"status\":500,\"payload\":{\"exitCode\":1}") },
        { EXITED(255), "", "", ANSWER("\"status\":500,\"payload\":{\"exitCode\":255}") },
        { KILLED(9), "", "", ANSWER("\"status\":500,\"payload\":{\"signal\":9}") },
        { EXITED(1), "{\"why\":\"x\"}", "", ANSWER("\"status\":500,\"payload\":{\"why\":\"x\"}") },
        { EXITED(1), "", "404", ANSWER("\"status\":404") },
        { EXITED(1), "{\"why\":\"x\"}", " 404\n", ANSWER("\"status\":404,\"payload\":{\"why\":\"x\"}") },
        { EXITED(0), "not JSON", "", FAULT("the output is not JSON") },
        { EXITED(0), "{} {}", "", FAULT("the output is not JSON") },
        { EXITED(0), "{\"a\":\"\xff\"}", "", FAULT("the output is not JSON") },
        { EXITED(0), "", "ok", FAULT("file descriptor 3 got something else than a status") },
        { EXITED(0), "", "99", FAULT("file descriptor 3 got something else than a status") },
        { EXITED(0), "", "1000", FAULT("file descriptor 3 got something else than a status") },
        { EXITED(0), "", "200\n404\n", FAULT("file descriptor 3 got something else than a status") },
};

static void assert_written(const IpcJson *json, const char *expected) {
        az_span written;

        ck_assert_int_eq(ipc_json_get(json, &written), 0);
        ck_assert(az_span_is_content_equal(written, az_span_create_from_str((char *) expected)));
}

START_TEST(an_outcome_has_its_answer) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Outcome outcome = {
                .wait_status = outcomes[_i].wait_status,
                .output = az_span_create_from_str((char *) outcomes[_i].output),
                .status = az_span_create_from_str((char *) outcomes[_i].status),
        };
        const char *fault = answer_write(&json, AZ_SPAN_FROM_STR("7"), &outcome);

        assert_written(&json, outcomes[_i].answer);
        ck_assert_int_eq(fault != NULL, strstr(outcomes[_i].answer, "\"error\"") != NULL);
}
END_TEST

START_TEST(an_output_that_was_cut_is_not_passed_on) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Outcome outcome = { .output = AZ_SPAN_FROM_STR("{}"), .output_too_big = true };

        ck_assert_ptr_nonnull(answer_write(&json, AZ_SPAN_FROM_STR("7"), &outcome));
        assert_written(&json, FAULT("the output is larger than 128 KiB"));
}
END_TEST

static Suite *cli_answer_suite(void) {
        Suite *s = suite_create("cli-answer");
        TCase *t = tcase_create("answer_write");

        tcase_add_loop_test(t, an_outcome_has_its_answer, 0, ELEMENTSOF(outcomes));
        tcase_add_test(t, an_output_that_was_cut_is_not_passed_on);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(cli_answer_suite)
