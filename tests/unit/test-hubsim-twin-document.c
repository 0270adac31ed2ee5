/* SPDX-License-Identifier: MIT */

#include "hubsim/twin-document.h"

#include "unit.h"

static az_span str(const char *text) {
        return az_span_create_from_str((char *) text);
}

static const struct {
        const char *document, *patch, *result;
} merges[] = {
        { "{}", "{}", "{}" },
        { "{}", " { \"a\" : 1 } ", "{\"a\":1}" },
        { "{\"a\":1}", "{}", "{\"a\":1}" },
        { "{\"a\":1}", "{\"b\":2}", "{\"a\":1,\"b\":2}" },
        { "{\"a\":1,\"b\":2,\"c\":3}", "{\"b\":true}", "{\"a\":1,\"b\":true,\"c\":3}" },

        /* The examples of RFC 7386 that are objects. */
        { "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
        { "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
        { "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
        { "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
        { "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
        { "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}" },
        { "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
        { "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },

        { "{\"a\":{\"x\":1}}", "{\"a\":5}", "{\"a\":5}" },
        { "{\"a\":5}", "{\"a\":{\"x\":1,\"y\":null}}", "{\"a\":{\"x\":1}}" },
        { "{\"a\":5}", "{\"a\":{}}", "{\"a\":{}}" },
        { "{\"a\":{\"x\":1}}", "{\"a\":{}}", "{\"a\":{\"x\":1}}" },
        { "{\"a\":1}", "{\"b\":null}", "{\"a\":1}" },

        /* Values are what was written; names are compared without their escapes. */
        { "{}", "{\"a\":1.10,\"b\":1E+2,\"c\":-0,\"d\":4503599627370495}",
          "{\"a\":1.10,\"b\":1E+2,\"c\":-0,\"d\":4503599627370495}" },
        { "{}", "{\"a\":\"\\u00e9\\/\\u0000\",\"b\":[1, {\"c\" : 2.50}]}",
          "{\"a\":\"\\u00e9\\/\\u0000\",\"b\":[1, {\"c\" : 2.50}]}" },
        { "{\"a\":1}", "{\"\\u0061\":2}", "{\"a\":2}" },
        { "{\"A\":1}", "{\"a\":2}", "{\"A\":1,\"a\":2}" },
        { "{\"q\\\"\\\\\":1}", "{\"q\\\"\\\\\":2,\"\\u00fc/\":3}", "{\"q\\\"\\\\\":2,\"\xC3\xBC/\":3}" },
        { "{\"aa\":1,\"a\":2}", "{\"a\":3,\"aaa\":4}", "{\"aa\":1,\"a\":3,\"aaa\":4}" },
};

START_TEST(patch_is_merged) {
        _cleanup_(ipc_buffer_done) IpcBuffer out = {};
        TwinRefusal refusal;

        ck_assert_int_eq(twin_document_merge(str(merges[_i].document), str(merges[_i].patch), &out, &refusal),
                         0);
        ck_assert_msg(az_span_is_content_equal(buffer_span(&out), str(merges[_i].result)), "%.*s",
                      (int) ipc_buffer_size(&out), (char *) az_span_ptr(buffer_span(&out)));
}
END_TEST

/* What follows is a value at level 10. */
#define TEN_OPEN  "{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":{\"8\":{\"9\":{\"10\":"
#define TEN_CLOSE "}}}}}}}}}}"

static const struct {
        const char *patch;
        unsigned code; /* 0: taken */
} rules[] = {
        { "", 400012 },
        { "nonsense", 400012 },
        { "{\"a\":1", 400012 },
        { "{\"a\":1}{}", 400012 },
        { "{\"a\":\"\xFF\"}", 400012 },
        { "{\"a\":1,\"a\":2}", 400012 },
        { "{\"a\":{\"b\":1,\"\\u0062\":2}}", 400012 },
        { "[]", 400004 },
        { "1", 400004 },
        { "null", 400004 },

        { "{\"\":1}", 400004 },
        { "{\"a.b\":1}", 400004 },
        { "{\"a b\":1}", 400004 },
        { "{\"$version\":1}", 400004 },
        { "{\"$metadata\":{}}", 400004 },
        { "{\"a\":{\"$x\":null}}", 400004 },
        { "{\"a\":[{\"x.y\":1}]}", 400004 },
        { "{\"a\\tb\":1}", 400004 },
        { "{\"a\x7F\":1}", 400004 },
        { "{\"a\xC2\x85\":1}", 400004 },
        { "{\"\xC2\xA0\xC3\x85\":1}", 0 },
        { "{\"__t\":\"c\",\"-_~!*\":1}", 0 },

        { "{\"a\":4503599627370495,\"b\":-4503599627370496}", 0 },
        { "{\"a\":4503599627370496}", 400004 },
        { "{\"a\":-4503599627370497}", 400004 },
        { "{\"a\":99999999999999999999999}", 400004 },
        { "{\"a\":1e400}", 400004 },
        { "{\"a\":1e300,\"b\":0.1,\"c\":9007199254740993.0}", 0 },

        { "{\"a\":[]}", 0 },
        { "{\"a\":[1,\"b\",true,[2],{\"c\":3}]}", 0 },
        { "{\"a\":[null]}", 400004 },
        { "{\"a\":[4503599627370496]}", 400004 },

        { TEN_OPEN "{}" TEN_CLOSE, 0 },
        { TEN_OPEN "{\"11\":1}" TEN_CLOSE, 0 },
        { TEN_OPEN "{\"11\":{}}" TEN_CLOSE, 400004 },
        { TEN_OPEN "[[]]" TEN_CLOSE, 400004 },
        { TEN_OPEN "{\"11\":null}" TEN_CLOSE, 0 },
};

START_TEST(patch_is_taken_or_refused) {
        _cleanup_(ipc_buffer_done) IpcBuffer out = {};
        TwinRefusal refusal = {};
        int r;

        r = twin_document_merge(str("{\"kept\":1}"), str(rules[_i].patch), &out, &refusal);
        ck_assert_int_eq(r, rules[_i].code == 0 ? 0 : TWIN_REFUSED);
        ck_assert_uint_eq(refusal.code, rules[_i].code);
        ck_assert_int_eq(refusal.message[0] != '\0', rules[_i].code != 0);
}
END_TEST

/* Merges {"{name}":"{value}"} into 'document', both of so many times the letter x; the refusal's code. */
static unsigned merge_sizes(IpcBuffer *document, size_t name, int first, size_t value) {
        _cleanup_(ipc_buffer_done) IpcBuffer patch = {}, out = {};
        TwinRefusal refusal = {};
        char x[5000];
        int r;

        memset(x, 'x', sizeof(x));
        ck_assert_int_eq(buffer_printf(&patch, "{\"%c", first), 0);
        ck_assert_int_eq(buffer_append(&patch, x, name - 1), 0);
        ck_assert_int_eq(buffer_append(&patch, "\":\"", 3), 0);
        ck_assert_int_eq(buffer_append(&patch, x, value), 0);
        ck_assert_int_eq(buffer_append(&patch, "\"}", 2), 0);
        r = twin_document_merge(ipc_buffer_size(document) > 0 ? buffer_span(document) : str("{}"),
                                buffer_span(&patch), &out, &refusal);
        ck_assert_int_eq(r, refusal.code == 0 ? 0 : TWIN_REFUSED);
        if (r == 0) {
                ipc_buffer_done(document);
                *document = out;
                out = IPC_BUFFER_NULL;
        }
        return refusal.code;
}

START_TEST(name_has_at_most_1024_bytes_and_string_4096) {
        _cleanup_(ipc_buffer_done) IpcBuffer document = {};

        ck_assert_uint_eq(merge_sizes(&document, 1024, 'a', 4096), 0);
        ck_assert_uint_eq(merge_sizes(&document, 1025, 'a', 1), 400004);
        ck_assert_uint_eq(merge_sizes(&document, 1, 'a', 4097), 400004);
}
END_TEST

START_TEST(section_has_at_most_32768_bytes_after_the_merge) {
        _cleanup_(ipc_buffer_done) IpcBuffer document = {};

        for (int c = 'a'; c < 'i'; c++)
                ck_assert_uint_eq(merge_sizes(&document, 1, c, 4095), 0);
        ck_assert_uint_eq(merge_sizes(&document, 1, 'i', 0), 413001);
        ck_assert_uint_eq(merge_sizes(&document, 1, 'a', 4096), 413001);
        ck_assert_uint_eq(merge_sizes(&document, 1, 'a', 4000), 0);
        ck_assert_uint_eq(merge_sizes(&document, 1, 'i', 94), 0);
}
END_TEST

START_TEST(text_that_does_not_count_is_bounded_all_the_same) {
        _cleanup_(ipc_buffer_done) IpcBuffer out = {}, again = {};
        TwinRefusal refusal = {};
        char patch[130 * 1024] = "{\"a\":[1"; /* and so many empty arrays, which have no size */

        for (size_t n = strlen(patch); n < 90000; n += 3)
                memcpy(patch + n, ",[]", 4);
        strcat(patch, "]}");
        ck_assert_int_eq(twin_document_merge(str("{}"), str(patch), &out, &refusal), 0);
        patch[2] = 'b';
        ck_assert_int_eq(twin_document_merge(buffer_span(&out), str(patch), &again, &refusal), TWIN_REFUSED);
        ck_assert_uint_eq(refusal.code, 413001);

        for (size_t n = strlen(patch); n < sizeof(patch) - 1; n++)
                patch[n] = ' ';
        patch[sizeof(patch) - 1] = '\0';
        ipc_buffer_done(&again);
        ck_assert_int_eq(twin_document_merge(str("{}"), str(patch), &again, &refusal), TWIN_REFUSED);
        ck_assert_uint_eq(refusal.code, 413001);
}
END_TEST

static const struct {
        const char *document;
        size_t size;
} sizes[] = {
        { "{}", 0 },
        { "{\"ab\":1}", 10 },
        { "{\"ab\":-1.5e10}", 10 },
        { "{\"a\":true,\"b\":false}", 10 },
        { "{\"a\":\"xyz\"}", 4 },
        { "{\"a\":{\"b\":{\"c\":1}}}", 11 },
        { "{\"a\":[1,true,\"x\",{\"b\":\"\"}]}", 15 },
        { "{\"\xC3\xBC\":\"\\u00e9\"}", 4 },
        { "{\"a\":\"x\\t\\u0000\\u0085\x7Fy\"}", 3 }, /* "UNICODE control characters are not counted" */
};

START_TEST(size_counts_names_and_values) {
        size_t size = 0;

        ck_assert_int_eq(twin_document_size(str(sizes[_i].document), &size), 0);
        ck_assert_uint_eq(size, sizes[_i].size);
}
END_TEST

static const struct {
        const char *object, *result;
} versions[] = {
        { "{}", "{\"$version\":7}" },
        { " { } \n", " { \"$version\":7}" },
        { "{\"a\":1}", "{\"a\":1,\"$version\":7}" },
        { "{\"a\":{} }", "{\"a\":{} ,\"$version\":7}" },
        { "{\"a\":null, \"b\" : \"}\" } ", "{\"a\":null, \"b\" : \"}\" ,\"$version\":7}" },
};

START_TEST(version_is_the_last_member) {
        _cleanup_(ipc_buffer_done) IpcBuffer out = {};

        ck_assert_int_eq(twin_document_append_version(&out, str(versions[_i].object), 7), 0);
        ck_assert_msg(az_span_is_content_equal(buffer_span(&out), str(versions[_i].result)), "%.*s",
                      (int) ipc_buffer_size(&out), (char *) az_span_ptr(buffer_span(&out)));
}
END_TEST

static Suite *hubsim_twin_document_suite(void) {
        Suite *s = suite_create("hubsim-twin-document");
        TCase *t = tcase_create("twin_document_merge");

        tcase_add_loop_test(t, patch_is_merged, 0, ELEMENTSOF(merges));
        tcase_add_loop_test(t, patch_is_taken_or_refused, 0, ELEMENTSOF(rules));
        tcase_add_test(t, name_has_at_most_1024_bytes_and_string_4096);
        tcase_add_test(t, section_has_at_most_32768_bytes_after_the_merge);
        tcase_add_test(t, text_that_does_not_count_is_bounded_all_the_same);
        suite_add_tcase(s, t);

        t = tcase_create("twin_document_size");
        tcase_add_loop_test(t, size_counts_names_and_values, 0, ELEMENTSOF(sizes));
        suite_add_tcase(s, t);

        t = tcase_create("twin_document_append_version");
        tcase_add_loop_test(t, version_is_the_last_member, 0, ELEMENTSOF(versions));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_twin_document_suite)
