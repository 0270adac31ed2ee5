/* SPDX-License-Identifier: MIT */
#include "cli/answer.h"

#include <sys/wait.h>

#include "util/util.h"

#define SPACE " \t\r\n"

static bool has_succeeded(const Outcome *o) {
        return WIFEXITED(o->wait_status) && WEXITSTATUS(o->wait_status) == 0;
}

/* "404" with white space around it. */
static bool status_parse(const Outcome *o, int *ret) {
        const char *text = o->status + strspn(o->status, SPACE);
        size_t n = strspn(text, "0123456789");

        if (n != 3 || text + n + strspn(text + n, SPACE) != o->status + o->status_size)
                return false;
        *ret = (int) strtol(text, NULL, 10);
        return *ret >= 100;
}

/* What is wrong with the command's side of the deal; NULL: nothing, and the status is known. */
static const char *find_fault(const Outcome *o, int *ret_status) {
        int status = has_succeeded(o) ? 200 : 500;

        if (o->status_size > 0 && !status_parse(o, &status))
                return "file descriptor 3 got something else than a status";
        if (o->output_too_big)
                return "the output is larger than 128 KiB";
        if (memchr(o->output, 0, o->output_size))
                return "the output is not JSON";
        *ret_status = status;
        return NULL;
}

void answer_make_fault(Answer *answer, const char *fault) {
        answer->status = 500;
        answer->payload = answer->text;
        (void) snprintf(answer->text, sizeof(answer->text), "{\"error\":\"%s\"}", fault);
}

static void answer_make_exit(Answer *answer, int wait_status) {
        bool killed = WIFSIGNALED(wait_status);

        answer->payload = answer->text;
        (void) snprintf(answer->text, sizeof(answer->text), "{\"%s\":%d}", killed ? "signal" : "exitCode",
                        killed ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
}

const char *answer_make(Answer *answer, const Outcome *o) {
        const char *fault;

        fault = find_fault(o, &answer->status);
        if (fault) {
                answer_make_fault(answer, fault);
                return fault;
        }
        answer->payload = o->output;
        if (strspn(o->output, SPACE) == o->output_size && !has_succeeded(o) && o->status_size == 0)
                answer_make_exit(answer, o->wait_status);
        return NULL;
}
