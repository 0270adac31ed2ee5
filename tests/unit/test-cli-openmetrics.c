/* SPDX-License-Identifier: MIT */

#include "cli/openmetrics.h"

#include "tests/unit/unit.h"

#define METRIC(name, kind, more, help, samples)                                                     \
        "{\"metrics\":[{\"name\":\"" name "\",\"kind\":\"" kind "\"," more "\"help\":\"" help "\"," \
        "\"samples\":[" samples "]}]}"
#define SAMPLE(suffix, labels, value) \
        "{\"suffix\":\"" suffix "\",\"labels\":{" labels "},\"value\":" value "}"

/* clang-format off */
static const struct {
        const char *reply, *openmetrics, *prometheus;
} rows[] = {
        { METRIC("aziotd_a", "counter", "", "A.", SAMPLE("_total", "", "7")),
          "# TYPE aziotd_a counter\n# HELP aziotd_a A.\naziotd_a_total 7\n# EOF\n",
          "# TYPE aziotd_a_total counter\n# HELP aziotd_a_total A.\naziotd_a_total 7\n" },
        { METRIC("aziotd_b", "gauge", "\"unit\":\"b\",", "B.", SAMPLE("", "\"c\":\"d\",\"e\":\"f\"", "1.5")),
          "# TYPE aziotd_b gauge\n# UNIT aziotd_b b\n# HELP aziotd_b B.\naziotd_b{c=\"d\",e=\"f\"} 1.5\n# EOF\n",
          "# TYPE aziotd_b gauge\n# HELP aziotd_b B.\naziotd_b{c=\"d\",e=\"f\"} 1.5\n" },
        { METRIC("aziotd_i", "info", "", "I.", SAMPLE("_info", "\"v\":\"\\\"\\\\\\n\\u00e9\"", "1")),
          "# TYPE aziotd_i info\n# HELP aziotd_i I.\naziotd_i_info{v=\"\\\"\\\\\\n\303\251\"} 1\n# EOF\n",
          "# TYPE aziotd_i_info gauge\n# HELP aziotd_i_info I.\naziotd_i_info{v=\"\\\"\\\\\\n\303\251\"} 1\n" },
        { METRIC("aziotd_s", "stateset", "", "S.", SAMPLE("", "\"aziotd_s\":\"on\"", "1")),
          "# TYPE aziotd_s stateset\n# HELP aziotd_s S.\naziotd_s{aziotd_s=\"on\"} 1\n# EOF\n",
          "# TYPE aziotd_s gauge\n# HELP aziotd_s S.\naziotd_s{aziotd_s=\"on\"} 1\n" },
        { METRIC("aziotd_h", "histogram", "", "H.", SAMPLE("_bucket", "\"le\":\"+Inf\"", "2") "," SAMPLE("_count", "", "2")),
          "# TYPE aziotd_h histogram\n# HELP aziotd_h H.\naziotd_h_bucket{le=\"+Inf\"} 2\naziotd_h_count 2\n# EOF\n",
          "# TYPE aziotd_h histogram\n# HELP aziotd_h H.\naziotd_h_bucket{le=\"+Inf\"} 2\naziotd_h_count 2\n" },
        { METRIC("process_p", "gauge", "", "P.", SAMPLE("", "", "1")),
          "# TYPE process_p gauge\n# HELP process_p P.\nprocess_p 1\n# EOF\n",
          "# TYPE aziotd_process_p gauge\n# HELP aziotd_process_p P.\naziotd_process_p 1\n" },
        { METRIC("aziotd_q", "gauge", "", "\\\"Q\\\" \\\\.", ""),
          "# TYPE aziotd_q gauge\n# HELP aziotd_q \\\"Q\\\" \\\\.\n# EOF\n",
          "# TYPE aziotd_q gauge\n# HELP aziotd_q \"Q\" \\\\.\n" },
};
/* clang-format on */

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
        METRIC("aziotd_a", "novelty", "", "A.", ""),
        METRIC("aziotd_a", "gauge", "", "A.", "{\"suffix\":\"\",\"value\":1}"),
        METRIC("aziotd_a", "gauge", "", "A.", "{\"suffix\":\"\",\"labels\":{}}"),
        METRIC("aziotd_a", "gauge", "", "A.", "{\"suffix\":\"\",\"labels\":[],\"value\":1}"),
        METRIC("aziotd_a", "gauge", "", "A.", "{\"suffix\":\"\",\"labels\":{\"x\":1},\"value\":1}"),
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
