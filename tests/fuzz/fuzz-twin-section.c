/* SPDX-License-Identifier: MIT */

/*
 * Four texts, one a line: two sections, a document and a patch. Whatever they are, nothing crashes; if they
 * are what they should be, and the sections apart:
 *
 *      what is selected is selected again as the same, and a patch of it is not outside
 *      a patch that is outside of no section of a set changes nothing of another section
 *      a patch that is inside of no section of a set changes nothing of these
 */

#include "daemon/json-merge.h"
#include "daemon/twin-check.h"
#include "daemon/twin-section.h"
#include "tests/fuzz/fuzz-script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
        if (!holds)
                abort();
}

static az_span text(const char *json) {
        return az_span_create_from_str((char *) json);
}

static char *run(int (*merge)(az_span a, az_span b, char **ret), const char *a, const char *b) {
        char *result = NULL;

        check(merge(text(a), text(b), &result) == 0);
        return result;
}

/* Whether a set's part of both documents is the same. */
static void check_untouched(const char *set, const char *before, const char *after) {
        _cleanup_(freep) char *old = run(json_merge_select, before, set);
        _cleanup_(freep) char *new = run(json_merge_select, after, set);
        _cleanup_(freep) char *difference = run(json_merge_diff, old, new);

        check(strcmp(difference, "{}") == 0);
}

static void check_select(const char *set, const char *document) {
        _cleanup_(freep) char *selected = run(json_merge_select, document, set);
        _cleanup_(freep) char *again = run(json_merge_select, selected, set), *path = NULL;
        TwinProblem problem;

        check(strcmp(selected, again) == 0);
        if (twin_check_patch(text(selected), &problem) == 0)
                check(twin_section_find_outside(text(set), text(selected), &path) == 0);
}

/* 'one' and 'other' are apart. */
static void check_patch(const char *one, const char *other, const char *document, az_span patch) {
        _cleanup_(freep) char *after = NULL, *path = NULL;

        check(json_merge_apply(text(document), patch, &after) == 0);
        if (twin_section_find_outside(text(one), patch, &path) == 0)
                check_untouched(other, document, after);
        else
                check(!twin_section_check(text(path)));
        free(path);
        path = NULL;
        if (twin_section_find_inside(text(one), patch, &path) == 0)
                check_untouched(one, document, after);
        else
                check(!twin_section_check(text(path)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_span rest = az_span_create((uint8_t *) data, (int32_t) size);
        az_span a = script_next(&rest, '\n'), b = script_next(&rest, '\n'), d = script_next(&rest, '\n');
        _cleanup_(freep) char *one = NULL, *other = NULL, *both = NULL, *document = NULL;
        az_span patch = script_next(&rest, '\n');
        TwinProblem problem;

        if (twin_section_check(a) || twin_section_check(b) || twin_section_overlaps(a, b) ||
            json_merge_apply(AZ_SPAN_FROM_STR("{}"), d, &document) != 0)
                return 0;
        check(twin_section_format(a, &one) == 0 && twin_section_format(b, &other) == 0);
        both = run(json_merge_combine, one, other);
        check_select(one, document);
        check_select(both, document);

        if (twin_check_patch(patch, &problem) != 0)
                return 0;
        check_patch(one, other, document, patch);
        check_patch(other, one, document, patch);
        return 0;
}
