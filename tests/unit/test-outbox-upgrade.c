/* SPDX-License-Identifier: MIT */

/* A directory that an aziotd of version 1 of the formats has left, byte for byte. */

#include <azure/core/az_span.h>

#include "daemon/segment.h"

#include "outbox-fixture.h"

#define SEGMENT_BYTES 8192U

/* What is not zero. The messages are 1, which is acknowledged, 2 and the batch 3 and 4. */
static const struct {
        const char *file;
        uint32_t offset;
        const char *hex;
} left[] = {
        { "segment-0000", 0x0,
          "415a494f53454731382834f16c6ebedcf17edb40983bc32e0100000000000000"
          "01000000000000000020000000000000" },
        { "segment-0000", 0x1000,
          "e9255a20f82c0b0d040000000700000101000000000000000100000000000000"
          "40420f000000000000401e18240a06000000000000000000242e6d69643d3173"
          "656e740000000000" },
        { "segment-0000", 0x1048,
          "f19ab8d7916b9338050000000300000102000000000000000100000001000000"
          "40420f000000000000401e18240a06003c00000000000000613d31616c6f6e65" },
        { "segment-0000", 0x1088,
          "e59ac8bb4f93dab4070000000000010003000000000000000100000001000000"
          "40420f000000000000401e18240a0600000000000000000062617463682d3100" },
        { "segment-0000", 0x10c8,
          "b15338d1bb608aa7070000000000000004000000000000000100000001000000"
          "40420f000000000000401e18240a0600000000000100000062617463682d3200" },
        { "segment-0001", 0x0,
          "415a494f53454731a1dfc91b6c6ebedc7b55fa4ff15ecd430200000000000000"
          "01000000000000000020000000000000" },
        { "cursor", 0x0,
          "415a494f4355523184b524266c6ebedc02000000000000000100000000000000"
          "020000000000000004000000000000000500000000000000" },
        { "cursor", 0x1000,
          "415a494f4355523168c9f3c26c6ebedc01000000000000000100000000000000"
          "010000000000000000000000000000000100000000000000" },
};

static Fixture fixture;
static Fixture *const f = &fixture;

static FILE *open_file(const char *name, const char *mode) {
        char path[128];
        FILE *file;

        scratch_path(f->directory, name, path, sizeof(path));
        file = fopen(path, mode);
        ck_assert_ptr_nonnull(file);
        return file;
}

static void write_hex(FILE *file, const char *hex) {
        for (; *hex; hex += 2) {
                char digits[] = { hex[0], hex[1], '\0' };
                int byte = (int) strtol(digits, NULL, 16);

                ck_assert_int_eq(fputc(byte, file), byte);
        }
}

static void setup(void) {
        static const char *const names[] = { "segment-0000", "segment-0001", "cursor" };

        fixture_init(f);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(fclosep) FILE *file = open_file(names[i], "we");

                ck_assert_int_eq(ftruncate(fileno(file), SEGMENT_BYTES), 0);
        }
        for (size_t i = 0; i < ELEMENTSOF(left); i++) {
                _cleanup_(fclosep) FILE *file = open_file(left[i].file, "r+e");

                ck_assert_int_eq(fseek(file, (long) left[i].offset, SEEK_SET), 0);
                write_hex(file, left[i].hex);
        }
}

static void teardown(void) {
        fixture_done(f);
}

static void open_and_settle(void) {
        f->log[0] = '\0';
        fixture_open(f);
        fixture_settle(f);
}

/* Returns the version of a segment. */
static unsigned read_segment(const char *name, uint8_t ret[static SEGMENT_BYTES]) {
        _cleanup_(fclosep) FILE *file = open_file(name, "re");
        SegmentHeader header;

        ck_assert_uint_eq(fread(ret, 1, SEGMENT_BYTES, file), SEGMENT_BYTES);
        ck_assert(segment_header_parse(&header, az_span_create(ret, SEGMENT_BYTES)));
        return header.version;
}

START_TEST(all_that_was_not_acknowledged_comes_out_as_it_went_in) {
        OutboxRecord record;
        char all[64];

        open_and_settle();
        ck_assert_str_eq(f->log, "");
        ck_assert_str_eq(outbox_get_id(f->outbox), "dcbe6e6c");
        ck_assert_uint_eq(fixture_stats(f).messages, 3);

        ck_assert(fixture_next(f, &record));
        ck_assert_uint_eq(record.sequence, 2);
        ck_assert_uint_eq(record.flags, 1);
        ck_assert_uint_eq(record.realtime_us, UINT64_C(1700000000) * USEC_PER_SEC);
        ck_assert(az_span_is_content_equal(record.properties, AZ_SPAN_FROM_STR("a=1")));
        ck_assert(az_span_is_content_equal(record.body, AZ_SPAN_FROM_STR("alone")));
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "batch-1 batch-2 ");
}
END_TEST

START_TEST(its_times_to_live_still_count) {
        OutboxRecord record;

        f->now.boottime_us += 60 * USEC_PER_SEC;
        open_and_settle();
        ck_assert(fixture_next(f, &record));
        ck_assert_uint_eq(record.sequence, 3);
        fixture_settle(f);
        ck_assert_str_eq(f->log, "dropped 2..2 expired; ");
}
END_TEST

START_TEST(what_is_new_goes_behind_it_into_a_segment_of_the_present_version) {
        uint8_t before[SEGMENT_BYTES], after[SEGMENT_BYTES];
        char all[64];

        ck_assert_uint_eq(read_segment("segment-0000", before), 1);
        open_and_settle();
        ck_assert_uint_eq(fixture_send(f, "new"), 5);
        ck_assert_uint_eq(read_segment("segment-0000", after), 1);
        ck_assert_mem_eq(before, after, SEGMENT_BYTES);
        ck_assert_uint_eq(read_segment("segment-0001", after), SEGMENT_VERSION);

        fixture_crash(f);
        open_and_settle();
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "alone batch-1 batch-2 new ");
        ck_assert_str_eq(f->log, "");
}
END_TEST

START_TEST(its_segments_are_used_again_once_they_are_empty) {
        uint8_t bytes[SEGMENT_BYTES];
        int r;

        open_and_settle();
        for (int i = 0; i < 3; i++) {
                (void) fixture_fill(f, 100, &r);
                (void) fixture_drain(f);
                fixture_settle(f);
        }
        ck_assert_uint_eq(read_segment("segment-0000", bytes), SEGMENT_VERSION);
        ck_assert_uint_eq(read_segment("segment-0001", bytes), SEGMENT_VERSION);
}
END_TEST

START_TEST(damage_is_mended_and_told_once) {
        char all[64];

        {
                _cleanup_(fclosep) FILE *file = open_file("segment-0000", "r+e");

                ck_assert_int_eq(fseek(file, 0x1048, SEEK_SET), 0);
                ck_assert_int_eq(fputc('x', file), 'x');
        }
        open_and_settle();
        ck_assert_ptr_nonnull(strstr(f->log, "dropped 2..2 damaged; "));
        fixture_crash(f);
        open_and_settle();
        ck_assert_str_eq(f->log, "");
        ck_assert_str_eq(fixture_read_all(f, all, sizeof(all)), "batch-1 batch-2 ");
}
END_TEST

static Suite *outbox_upgrade_suite(void) {
        Suite *s = suite_create("outbox-upgrade");
        TCase *t = tcase_create("version 1");

        tcase_add_checked_fixture(t, setup, teardown);
        tcase_add_test(t, all_that_was_not_acknowledged_comes_out_as_it_went_in);
        tcase_add_test(t, its_times_to_live_still_count);
        tcase_add_test(t, what_is_new_goes_behind_it_into_a_segment_of_the_present_version);
        tcase_add_test(t, its_segments_are_used_again_once_they_are_empty);
        tcase_add_test(t, damage_is_mended_and_told_once);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(outbox_upgrade_suite)
