/* SPDX-License-Identifier: MIT */

#include "cli/openmetrics.h"

#include "tests/unit/unit.h"

#define METRIC(name, kind, more, samples)                                                                \
        "{\"metrics\":[{\"name\":\"" name "\",\"kind\":\"" kind "\"," more "\"help\":\"Of \\\"x\\\".\"," \
        "\"samples\":[" samples "]}]}"
#define SAMPLE(suffix, labels, value) \
        "{\"suffix\":\"" suffix "\",\"labels\":{" labels "},\"value\":" value "}"

static const struct {
        const char *reply, *openmetrics, *prometheus;
} rows[] = {
        { METRIC("aziotd_a", "counter", "", SAMPLE("_total", "", "7")),
          "# TYPE aziotd_a counter\n# HELP aziotd_a Of \\\"x\\\".\naziotd_a_total 7\n# EOF\n",
          "# TYPE aziotd_a_total counter\n# HELP aziotd_a_total Of \\\"x\\\".\naziotd_a_total 7\n" },
        { METRIC("aziotd_a_bytes", "gauge", "\"unit\":\"bytes\",",
                 SAMPLE("", "\"b\":\"c\",\"d\":\"e\"", "1.5")),
          "# TYPE aziotd_a_bytes gauge\n# UNIT aziotd_a_bytes bytes\n# HELP aziotd_a_bytes Of \\\"x\\\".\n"
          "aziotd_a_bytes{b=\"c\",d=\"e\"} 1.5\n# EOF\n",
          "# TYPE aziotd_a_bytes gauge\n# HELP aziotd_a_bytes Of \\\"x\\\".\naziotd_a_bytes{b=\"c\",d=\"e\"} "
          "1.5\n" },
        { METRIC("aziotd_a", "info", "", SAMPLE("_info", "\"v\":\"\\\"\\\\\\n\\u00e9\"", "1")),
          "# TYPE aziotd_a info\n# HELP aziotd_a Of \\\"x\\\".\naziotd_a_info{v=\"\\\"\\\\\\n\303\251\"} "
          "1\n# EOF\n",
          "# TYPE aziotd_a_info gauge\n# HELP aziotd_a_info Of "
          "\\\"x\\\".\naziotd_a_info{v=\"\\\"\\\\\\n\303\251\"} 1\n" },
        { METRIC("aziotd_a", "stateset", "", SAMPLE("", "\"a\":\"on\"", "1")),
          "# TYPE aziotd_a stateset\n# HELP aziotd_a Of \\\"x\\\".\naziotd_a{a=\"on\"} 1\n# EOF\n",
          "# TYPE aziotd_a gauge\n# HELP aziotd_a Of \\\"x\\\".\naziotd_a{a=\"on\"} 1\n" },
        { METRIC("aziotd_a", "histogram", "",
                 SAMPLE("_bucket", "\"le\":\"+Inf\"", "2") "," SAMPLE("_count", "", "2")),
          "# TYPE aziotd_a histogram\n# HELP aziotd_a Of \\\"x\\\".\naziotd_a_bucket{le=\"+Inf\"} "
          "2\naziotd_a_count 2\n# EOF\n",
          "# TYPE aziotd_a histogram\n# HELP aziotd_a Of \\\"x\\\".\naziotd_a_bucket{le=\"+Inf\"} "
          "2\naziotd_a_count 2\n" },
        { METRIC("process_a", "gauge", "", SAMPLE("", "", "1")),
          "# TYPE process_a gauge\n# HELP process_a Of \\\"x\\\".\nprocess_a 1\n# EOF\n",
          "# TYPE aziotd_process_a gauge\n# HELP aziotd_process_a Of \\\"x\\\".\naziotd_process_a 1\n" },
        { METRIC("aziotd_a", "gauge", "", ""),
          "# TYPE aziotd_a gauge\n# HELP aziotd_a Of \\\"x\\\".\n# EOF\n",
          "# TYPE aziotd_a gauge\n# HELP aziotd_a Of \\\"x\\\".\n" },
};

static char *print(MetricsFormat format, const char *reply, int *ret_result) {
        char *text = NULL;
        size_t n = 0;
        FILE *to = open_memstream(&text, &n);

        ck_assert_ptr_nonnull(to);
        *ret_result = openmetrics_print(to, format, reply, strlen(reply));
        ck_assert_int_eq(fclose(to), 0);
        return text;
}

START_TEST(each_reply_is_printed_in_both_formats) {
        _cleanup_(freep) char *openmetrics = NULL, *prometheus = NULL;
        int r;

        openmetrics = print(METRICS_OPENMETRICS, rows[_i].reply, &r);
        ck_assert_int_eq(r, 0);
        ck_assert_str_eq(openmetrics, rows[_i].openmetrics);
        prometheus = print(METRICS_PROMETHEUS, rows[_i].reply, &r);
        ck_assert_int_eq(r, 0);
        ck_assert_str_eq(prometheus, rows[_i].prometheus);
}
END_TEST

static const char *const bad[] = {
        "{\"metrics\":[{}]}",
        METRIC("aziotd_a", "novelty", "", ""),
        METRIC("aziotd_a", "gauge", "", "{\"suffix\":\"\",\"value\":1}"),
        METRIC("aziotd_a", "gauge", "", "{\"suffix\":\"\",\"labels\":{}}"),
        METRIC("aziotd_a", "gauge", "", "{\"suffix\":\"\",\"labels\":[],\"value\":1}"),
        METRIC("aziotd_a", "gauge", "", "{\"suffix\":\"\",\"labels\":{\"x\":1},\"value\":1}"),
};

START_TEST(what_is_no_such_reply_is_told) {
        _cleanup_(freep) char *text = NULL;
        int r;

        text = print(METRICS_OPENMETRICS, bad[_i], &r);
        ck_assert_int_eq(r, -EBADMSG);
}
END_TEST

static Suite *openmetrics_suite(void) {
        Suite *s = suite_create("cli-openmetrics");
        TCase *t = tcase_create("print");

        tcase_add_loop_test(t, each_reply_is_printed_in_both_formats, 0, ELEMENTSOF(rows));
        tcase_add_loop_test(t, what_is_no_such_reply_is_told, 0, ELEMENTSOF(bad));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(openmetrics_suite)
