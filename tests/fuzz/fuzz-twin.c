/* SPDX-License-Identifier: MIT */

/*
 * Arbitrary bytes where the twin takes some: as a patch that a program reports, and as its state files. A
 * patch that passes the check is one that can be merged; what is read from a file is written as the same
 * again.
 */

#include <stdint.h>

#include "daemon/json-merge.h"
#include "daemon/state-file.h"
#include "daemon/twin-check.h"
#include "daemon/twin-state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
        if (!holds)
                abort();
}

static void on_answer(void *userdata, void *author, const TwinReportResult *result) {
        check(false); /* nobody waits */
}

static const TwinPendingOps ops = { .answer = on_answer };

static void read_patch(az_span bytes) {
        TwinProblem problem = {};
        char *merged;

        if (twin_check_patch(bytes, &problem) == 0) {
                check(json_merge_apply(AZ_SPAN_FROM_STR("{\"a\":{\"b\":1}}"), bytes, &merged) == 0);
                free(merged);
        } else
                check(problem.reason && problem.n_path <= sizeof(problem.path));
}

static void read_copy(az_span bytes) {
        TwinCopy copy = TWIN_COPY_NULL, again = TWIN_COPY_NULL;
        char *text;

        if (twin_copy_parse(&copy, bytes, "d") != 0)
                return;
        check(twin_copy_format(&copy, "d", &text) == 0);
        check(twin_copy_parse(&again, az_span_create_from_str(text), "d") == 0);
        check(strcmp(copy.desired, again.desired) == 0 && copy.as_of_us == again.as_of_us);
        free(text);
        twin_copy_done(&copy);
        twin_copy_done(&again);
}

/* What the hub has when all of them have been sent. */
static char *send_all(TwinPending *pending) {
        char *document = strdup("{}"), *merged;
        az_span patch;

        while (twin_pending_begin(pending, &patch) == 0) {
                check(json_merge_apply(az_span_create_from_str(document), patch, &merged) == 0);
                free(document);
                document = merged;
                twin_pending_end(pending, &(TwinReportResult){ .outcome = TWIN_REPORT_ACCEPTED });
        }
        return document;
}

static void check_same(TwinPending *a, TwinPending *b) {
        _cleanup_(freep) char *one = send_all(a), *other = send_all(b), *difference = NULL;

        check(json_merge_diff(az_span_create_from_str(one), az_span_create_from_str(other), &difference) ==
              0);
        check(strcmp(difference, "{}") == 0);
}

static void read_reports(az_span bytes) {
        _cleanup_(twin_pending_freep) TwinPending *pending = NULL, *again = NULL;
        _cleanup_(freep) char *text = NULL;

        check(twin_pending_new(&pending, &ops, NULL) == 0 && twin_pending_new(&again, &ops, NULL) == 0);
        if (twin_reports_parse(pending, bytes, "d") != 0)
                return;
        check(twin_reports_format(pending, "d", &text) == 0);
        check(twin_reports_parse(again, az_span_create_from_str(text), "d") == 0);
        check_same(pending, again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_span bytes = az_span_create((uint8_t *) data, (int32_t) size), text;

        if (state_file_parse(bytes, TWIN_FILE, &text) == 0)
                check(az_span_size(text) < az_span_size(bytes));
        read_patch(bytes);
        read_copy(bytes);
        read_reports(bytes);
        return 0;
}
