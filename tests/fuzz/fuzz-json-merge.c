/* SPDX-License-Identifier: MIT */

/*
 * Three texts, one a line: a document and two patches. Whatever they are, nothing crashes; if they are what
 * they should be, merging obeys its laws:
 *
 *      apply(apply(d, a), a)       = apply(d, a)
 *      apply(d, diff(d, e))        = e                       for documents without nulls
 *      apply(d, combine(a, b))     = apply(apply(d, a), b)   if they can be combined
 *      apply(apply(d, rest), b)    = apply(apply(d, a), b)   with rest = subtract(a, b)
 */

#include "daemon/json-merge.h"
#include "tests/fuzz/fuzz-script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static az_span text(const char *json) {
        return json ? az_span_create_from_str((char *) json) : AZ_SPAN_EMPTY;
}

/* NULL: it is refused. */
static char *merged(int (*merge)(az_span a, az_span b, char **ret), az_span a, az_span b) {
        char *result = NULL;
        int r;

        r = merge(a, b, &result);
        if (r < 0 || (r == 0) != (result != NULL))
                abort();
        return result;
}

/* Whatever the order of their members. */
static void check_equal(const char *a, const char *b) {
        _cleanup_(freep) char *there = merged(json_merge_diff, text(a), text(b));
        _cleanup_(freep) char *back = merged(json_merge_diff, text(b), text(a));

        if (!there || !back || strcmp(there, "{}") != 0 || strcmp(back, "{}") != 0)
                abort();
}

static void check_difference(const char *from, const char *to) {
        _cleanup_(freep) char *difference = merged(json_merge_diff, text(from), text(to));
        _cleanup_(freep) char *result = merged(json_merge_apply, text(from), text(difference));

        check_equal(result, to);
}

/* 'expected' is d with a and b applied to it. */
static void check_two_patches(const char *d, az_span a, az_span b, const char *expected) {
        _cleanup_(freep) char *rest = merged(json_merge_subtract, a, b);
        _cleanup_(freep) char *by_rest = merged(json_merge_apply, text(d), text(rest));
        _cleanup_(freep) char *both = merged(json_merge_apply, text(by_rest), b);
        bool can = false;

        check_equal(both, expected);

        if (json_merge_can_combine(a, b, &can) != 0)
                abort();
        if (can) {
                _cleanup_(freep) char *one = merged(json_merge_combine, a, b);
                _cleanup_(freep) char *at_once = merged(json_merge_apply, text(d), text(one));

                check_equal(at_once, expected);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_span rest = az_span_create((uint8_t *) data, (int32_t) size);
        az_span document = script_next(&rest, '\n'), a = script_next(&rest, '\n'),
                b = script_next(&rest, '\n');
        _cleanup_(freep) char *d = merged(json_merge_apply, AZ_SPAN_FROM_STR("{}"), document);
        _cleanup_(freep) char *da = merged(json_merge_apply, text(d), a);
        _cleanup_(freep) char *daa = merged(json_merge_apply, text(da), a);
        _cleanup_(freep) char *dab = merged(json_merge_apply, text(da), b);
        az_span section;
        char *stripped = NULL;

        (void) json_merge_strip(document, &stripped);
        free(stripped);
        (void) json_merge_get_section(document, AZ_SPAN_FROM_STR("a"), &section);

        if (!da)
                return 0;
        check_equal(da, daa);
        check_difference(d, da);
        check_difference(da, d);
        if (dab)
                check_two_patches(d, a, b, dab);
        return 0;
}
