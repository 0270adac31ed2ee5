/* SPDX-License-Identifier: MIT */

#include "daemon/config-file.h"

#include "tests/unit/unit.h"

/* What a text is read as: "[section]@line;" for where a section begins, "[section]key=value@line;" for each
 * assignment, "!line;" for each line that is neither. */
static const struct {
        const char *text, *items;
} files[] = {
        { "", "" },
        { "\n\n", "" },
        { "# comment\n; comment\n  # comment\n", "" },
        { "[A]\nkey=value\n", "[A]@1;[A]key=value@2;" },
        { "[A]\nkey=value", "[A]@1;[A]key=value@2;" },
        { "[A]\r\nkey=value\r\n", "[A]@1;[A]key=value@2;" },
        { "  [A]  \n  key  =  a value  \n", "[A]@1;[A]key=a value@2;" },
        { "[A]\nkey=\n", "[A]@1;[A]key=@2;" },
        { "[A]\nkey=a=b==\n", "[A]@1;[A]key=a=b==@2;" },
        { "[A]\nkey=a # no comment\n", "[A]@1;[A]key=a # no comment@2;" },
        { "[A]\nx=1\n[B]\nx=2\n[A]\nx=3\n", "[A]@1;[A]x=1@2;[B]@3;[B]x=2@4;[A]@5;[A]x=3@6;" },
        { "[A]\n[B]\n", "[A]@1;[B]@2;" },
        { "[A]\nkey=a\\\nb\nx=1\n", "[A]@1;[A]key=a b@2;[A]x=1@4;" },
        { "[A]\nkey=a\\\n# in between\n; and again\nb\n", "[A]@1;[A]key=a b@2;" },
        { "[A]\nkey=a\\\n", "[A]@1;[A]key=a@2;" },
        { "[A]\nkey=a\\", "[A]@1;[A]key=a@2;" },
        { "[A]\nkey=a\\\n\nx=1\n", "[A]@1;[A]key=a@2;[A]x=1@4;" },
        { "[A]\n# comment\\\nx=1\n", "[A]@1;[A]x=1@3;" },
        { "[A]\nrubbish\nx=1\n", "[A]@1;!2;[A]x=1@3;" },
        { "[A]\n=1\n", "[A]@1;!2;" },
        { "x=1\n[A]\nx=2\n", "!1;[A]@2;[A]x=2@3;" },
        { "[A\nx=1\n", "!1;" },
        { "[A\\\n]\nx=1\\\n2\n", "!1;" },
        { "[]\nx=1\n[B]\ny=1\n", "!1;[B]@3;[B]y=1@4;" },
        { "[A]\n[B\nx=1\nrubbish\n[A]\nx=2\n", "[A]@1;!2;!4;[A]@5;[A]x=2@6;" },
        { "[A]\nx=\xFF\ny=1\n", "[A]@1;!2;[A]y=1@3;" },
};

START_TEST(a_text_is_read_as_these_assignments) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_file_done) ConfigFile f = {};
        char items[512] = "";
        size_t n = 0, n_messages = 0;
        ConfigItem item;
        int r;

        config_file_init(&f, "file", az_span_create_from_str((char *) files[_i].text));
        do {
                r = config_file_next(&f, &messages, &item);
                ck_assert_int_ge(r, 0);
                for (; n_messages < messages.n; n_messages++)
                        n += (size_t) snprintf(items + n, sizeof(items) - n, "!%u;",
                                               messages.messages[n_messages].line);
                if (r > 0)
                        n += (size_t) snprintf(items + n, sizeof(items) - n, "[%.*s]%.*s%s%.*s@%u;",
                                               az_span_size(item.section), (char *) az_span_ptr(item.section),
                                               az_span_size(item.key), (char *) az_span_ptr(item.key),
                                               az_span_size(item.key) > 0 ? "=" : "",
                                               az_span_size(item.value), (char *) az_span_ptr(item.value),
                                               item.line);
        } while (r > 0);

        ck_assert_str_eq(items, files[_i].items);
}
END_TEST

START_TEST(a_value_may_be_longer_than_any_line) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_file_done) ConfigFile f = {};
        size_t n_value = 100000;
        _cleanup_(freep) char *text = malloc(n_value + 16);
        ConfigItem item;
        int n;

        n = snprintf(text, 16, "[A]\nx=");
        memset(text + n, 'v', n_value);
        config_file_init(&f, "file", az_span_create((uint8_t *) text, (int32_t) (n_value + (size_t) n)));
        ck_assert_int_eq(config_file_next(&f, &messages, &item), 1);
        ck_assert_int_eq(config_file_next(&f, &messages, &item), 1);
        ck_assert_int_eq(az_span_size(item.value), (int32_t) n_value);
}
END_TEST

START_TEST(mistakes_beyond_what_a_person_reads_are_counted) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_file_done) ConfigFile f = {};
        char text[2 * (CONFIG_MESSAGES_MAX + 5) + 1];
        ConfigItem item;

        for (size_t i = 0; i + 1 < sizeof(text); i += 2)
                memcpy(text + i, "?\n", 3);
        config_file_init(&f, "file", az_span_create_from_str(text));
        ck_assert_int_eq(config_file_next(&f, &messages, &item), 0);
        ck_assert_uint_eq(messages.n, CONFIG_MESSAGES_MAX);
        ck_assert_uint_eq(messages.n_left_out, 5);
        ck_assert_uint_eq(messages.n_errors, CONFIG_MESSAGES_MAX + 5);
}
END_TEST

static Suite *config_file_suite(void) {
        Suite *s = suite_create("config-file");
        TCase *t = tcase_create("parse");

        tcase_add_loop_test(t, a_text_is_read_as_these_assignments, 0, ELEMENTSOF(files));
        tcase_add_test(t, mistakes_beyond_what_a_person_reads_are_counted);
        tcase_add_test(t, a_value_may_be_longer_than_any_line);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(config_file_suite)
