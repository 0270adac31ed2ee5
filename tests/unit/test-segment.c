/* SPDX-License-Identifier: MIT */

#include "daemon/segment.h"

#include <inttypes.h>

#include "tests/unit/unit.h"

#define SALT    UINT64_C(0x1122334455667788)
#define N_BYTES (SEGMENT_HEADER_BYTES + 1024U)

static SegmentHeader header;
static uint32_t n_record;    /* of a record before its content */
static uint32_t record_size; /* of one that builder_add() adds */

static void setup(unsigned version) {
        header = (SegmentHeader){
                .version = version,
                .outbox_id = 0xdecade,
                .salt = SALT,
                .generation = 7,
                .first_sequence = 10,
                .n_bytes = N_BYTES,
        };
        n_record = segment_record_bytes(version);
        record_size = (uint32_t) segment_record_size(version, 3, 4);
}

static void setup_1(void) {
        setup(1);
}

static void setup_2(void) {
        setup(2);
}

static az_span str(const char *text) {
        return az_span_create_from_str((char *) text);
}

/* A segment that is put together record by record. */
typedef struct Builder {
        uint8_t bytes[N_BYTES];
        uint32_t end;
} Builder;

static void builder_init(Builder *b) {
        *b = (Builder){ .end = SEGMENT_HEADER_BYTES };
        segment_header_format(&header, b->bytes);
}

static void builder_add(Builder *b, uint64_t sequence, uint32_t batch_index, uint8_t flags) {
        SegmentRecord record = {
                .sequence = sequence,
                .batch_index = batch_index,
                .flags = flags,
                .properties = str("p=1"),
                .body = str("body"),
        };

        segment_record_format(&record, &header, b->bytes + b->end);
        b->end += record_size;
}

/* What a scan finds, as text: the sequence of each record, "~" and what a filler says, "!" for damage, "$"
 * for the end. */
static void scan(uint8_t *bytes, char *ret, size_t n_ret) {
        SegmentScan s;
        size_t n = 0;

        segment_scan_init(&s, &header, az_span_create(bytes, (int32_t) N_BYTES));
        for (;;) {
                SegmentItem item = segment_scan_next(&s);

                switch (item.type) {
                case SEGMENT_ITEM_RECORD:
                        n += (size_t) snprintf(ret + n, n_ret - n, "%" PRIu64 " ", item.record.sequence);
                        break;

                case SEGMENT_ITEM_FILLER:
                        n += (size_t) snprintf(ret + n, n_ret - n, "~%u ", (unsigned) item.record.sequence);
                        break;

                case SEGMENT_ITEM_BAD:
                        n += (size_t) snprintf(ret + n, n_ret - n, "! ");
                        break;

                case SEGMENT_ITEM_END:
                        (void) snprintf(ret + n, n_ret - n, "$");
                        return;
                }
        }
}

#define ck_assert_scan(bytes, expected)            \
        do {                                       \
                char found[256];                   \
                                                   \
                scan(bytes, found, sizeof(found)); \
                ck_assert_str_eq(found, expected); \
        } while (0)

START_TEST(a_header_comes_back) {
        uint8_t bytes[SEGMENT_HEADER_BYTES];
        SegmentHeader h;

        segment_header_format(&header, bytes);
        ck_assert(segment_header_parse(&h, AZ_SPAN_FROM_BUFFER(bytes)));
        ck_assert_uint_eq(h.version, header.version);
        ck_assert_uint_eq(h.outbox_id, header.outbox_id);
        ck_assert_uint_eq(h.salt, header.salt);
        ck_assert_uint_eq(h.generation, header.generation);
        ck_assert_uint_eq(h.first_sequence, header.first_sequence);
        ck_assert_uint_eq(h.n_bytes, header.n_bytes);
}
END_TEST

START_TEST(a_header_with_any_bit_changed_is_none) {
        uint8_t bytes[SEGMENT_HEADER_BYTES];
        SegmentHeader h;

        segment_header_format(&header, bytes);
        for (size_t bit = 0; bit < 8 * 48; bit++) {
                bytes[bit / 8] ^= (uint8_t) (1U << bit % 8);
                ck_assert(!segment_header_parse(&h, AZ_SPAN_FROM_BUFFER(bytes)));
                bytes[bit / 8] ^= (uint8_t) (1U << bit % 8);
        }
        bytes[7] = (uint8_t) ('0' + 3 - header.version);
        ck_assert(!segment_header_parse(&h, AZ_SPAN_FROM_BUFFER(bytes)));
        ck_assert(!segment_header_parse(&h, az_span_create(bytes, SEGMENT_HEADER_BYTES - 1)));
        ck_assert(!segment_header_parse(&h, AZ_SPAN_EMPTY));
}
END_TEST

START_TEST(the_header_of_a_version_that_comes_later_is_none) {
        uint8_t bytes[SEGMENT_HEADER_BYTES];
        SegmentHeader h;

        header.version = SEGMENT_VERSION + 1;
        segment_header_format(&header, bytes);
        ck_assert(!segment_header_parse(&h, AZ_SPAN_FROM_BUFFER(bytes)));
        ck_assert(segment_header_is_newer(AZ_SPAN_FROM_BUFFER(bytes)));
}
END_TEST

/* Sizes of version 1; a record of version 2 is 8 bytes longer. */
static const struct {
        const char *properties, *body;
        size_t size;
} contents[] = {
        { "", "", 56 },          { "", "1", 64 },         { "a=b", "12345", 64 },
        { "a=b", "123456", 72 }, { "$.mid=x-1", "", 72 },
};

START_TEST(a_record_comes_back_with_its_content) {
        SegmentRecord in = {
                .sequence = 12,
                .boot = 0xb007b007,
                .previous = 7,
                .boottime_us = 34,
                .realtime_us = UINT64_C(1700000000000000),
                .ttl_s = 56,
                .batch_index = 3,
                .owner = 1000,
                .flags = SEGMENT_MORE,
                .user_flags = 0x81,
                .properties = str(contents[_i].properties),
                .body = str(contents[_i].body),
        };
        size_t expected = contents[_i].size + (header.version - 1) * 8, size;
        uint8_t bytes[80];
        SegmentRecord out;

        ck_assert_uint_eq(segment_record_size(header.version, strlen(contents[_i].properties),
                                              strlen(contents[_i].body)),
                          expected);
        segment_record_format(&in, &header, bytes);
        ck_assert_int_eq(segment_record_parse(&out, &size, AZ_SPAN_FROM_BUFFER(bytes), &header, 12),
                         SEGMENT_RECORD_WHOLE);
        ck_assert_uint_eq(size, expected);
        ck_assert_uint_eq(segment_record_view(&out, bytes, header.version), size);
        ck_assert_uint_eq(out.sequence, in.sequence);
        ck_assert_uint_eq(out.boot, in.boot);
        ck_assert_uint_eq(out.previous, in.previous);
        ck_assert_uint_eq(out.boottime_us, in.boottime_us);
        ck_assert_uint_eq(out.realtime_us, in.realtime_us);
        ck_assert_uint_eq(out.ttl_s, in.ttl_s);
        ck_assert_uint_eq(out.batch_index, in.batch_index);
        ck_assert_uint_eq(out.owner, header.version == 1 ? SEGMENT_NO_OWNER : in.owner);
        ck_assert_uint_eq(out.flags, in.flags);
        ck_assert_uint_eq(out.user_flags, in.user_flags);
        ck_assert(az_span_is_content_equal(out.properties, in.properties));
        ck_assert(az_span_is_content_equal(out.body, in.body));
}
END_TEST

static const struct {
        uint64_t sequence, previous, found;
} distances[] = {
        { 2, 1, 1 }, { 1, 0, 0 }, { 0x100000005, 6, 6 }, { 0x100000005, 5, 0 }, /* too far for the 32 bits */
};

START_TEST(the_sequence_before_comes_back_if_it_is_near) {
        SegmentRecord in = { .sequence = distances[_i].sequence, .previous = distances[_i].previous }, out;
        uint8_t bytes[SEGMENT_RECORD_BYTES];

        segment_record_format(&in, &header, bytes);
        (void) segment_record_view(&out, bytes, header.version);
        ck_assert_uint_eq(out.previous, distances[_i].found);
}
END_TEST

/* Which records are none although each of their bytes is as it was written. */
static const struct {
        uint64_t salt, lowest_sequence;
        SegmentRecordState state;
        const char *why;
} strangers[] = {
        { SALT, 11, SEGMENT_RECORD_WHOLE, "the record itself" },
        { SALT, 12, SEGMENT_RECORD_NONE, "its sequence is of an earlier use" },
        { SALT ^ 1, 11, SEGMENT_RECORD_NONE, "its header was written with another salt" },
        { SALT ^ 1ULL << 63, 11, SEGMENT_RECORD_BAD_CONTENT, "its content was" },
};

START_TEST(a_record_of_an_earlier_use_is_none) {
        SegmentHeader reader = header;
        Builder b;
        SegmentRecord out;
        size_t size;

        builder_init(&b);
        builder_add(&b, 11, 0, 0);
        reader.salt = strangers[_i].salt;
        ck_assert_msg(
                segment_record_parse(&out, &size,
                                     az_span_create(b.bytes + SEGMENT_HEADER_BYTES, (int32_t) record_size),
                                     &reader, strangers[_i].lowest_sequence) == strangers[_i].state,
                "%s", strangers[_i].why);
}
END_TEST

START_TEST(a_record_that_is_cut_says_how_much_it_needs) {
        Builder b;
        SegmentRecord out;

        builder_init(&b);
        builder_add(&b, 11, 0, 0);
        for (uint32_t n = 0; n < record_size; n++) {
                size_t size = 0;

                ck_assert_int_eq(
                        segment_record_parse(&out, &size,
                                             az_span_create(b.bytes + SEGMENT_HEADER_BYTES, (int32_t) n),
                                             &header, 1),
                        SEGMENT_RECORD_SHORT);
                ck_assert_uint_eq(size, n < n_record ? n_record : record_size);
        }
}
END_TEST

START_TEST(a_record_with_any_bit_changed_is_not_whole) {
        Builder b;
        SegmentRecord out;
        size_t size;
        uint8_t *record = b.bytes + SEGMENT_HEADER_BYTES;

        builder_init(&b);
        builder_add(&b, 11, 0, 0);
        for (size_t bit = 0; bit < 8 * (n_record + 7); bit++) {
                record[bit / 8] ^= (uint8_t) (1U << bit % 8);
                ck_assert_int_ne(segment_record_parse(&out, &size,
                                                      az_span_create(record, (int32_t) record_size), &header,
                                                      1),
                                 SEGMENT_RECORD_WHOLE);
                record[bit / 8] ^= (uint8_t) (1U << bit % 8);
        }
}
END_TEST

/* A record is "sequence:index", "+" says MORE; "x" is one whose content is damaged, "X" one whose header is.
 */
static const struct {
        const char *records, *found, *why;
} scans[] = {
        { "", "$", "nothing" },
        { "10 11 12", "10 11 12 $", "single messages" },
        { "10 15 40", "10 15 40 $", "gaps" },
        { "10:0+ 11:1+ 12:2 13", "10 11 12 13 $", "a batch" },
        { "10 x11", "10 $", "a torn tail" },
        { "10 X11 12", "10 ! 12 $", "a damaged header" },
        { "10 x11 12", "10 ! 12 $", "damaged content" },
        { "x10 X11 x12 13", "! 13 $", "damage at the start, counted once" },
        { "10 11:0+ 12:1+", "10 $", "a batch without its end" },
        { "10 11:0+ x12:1 13", "10 ! 13 $", "a batch without its last record" },
        { "10 11:0+ X12:1+ 13:2 14", "10 ! 14 $", "a batch with a hole" },
        { "10 x11:0+ 12:1 13", "10 ! 13 $", "a batch without its first record" },
        { "10 11:0+ 13:1 14", "10 ! 14 $", "the end of another batch" },
        { "10 11:0+ 12:0 13", "10 ! 12 13 $", "a batch cut by a whole message" },
        { "10 12 11 13", "10 12 ! 13 $", "a sequence that falls" },
        { "10 10 11", "10 ! 11 $", "a sequence that is repeated" },
        { "9 10", "! 10 $", "a sequence below the segment's first" },
        { "10:1", "$", "only the end of a batch" },
        { "10 9223372036854775807", "10 9223372036854775807 $", "the highest sequence" },
        { "10 9223372036854775808 11", "10 ! 11 $", "one that is too high" },
};

START_TEST(a_scan_finds_whole_batches_only) {
        const char *p = scans[_i].records;
        Builder b;

        builder_init(&b);
        while (*p) {
                bool bad_content = *p == 'x', bad_header = *p == 'X';
                uint32_t begin = b.end, index = 0;
                uint64_t sequence;
                uint8_t flags = 0;
                char *end;

                sequence = strtoull(p + (bad_content || bad_header), &end, 10);
                if (*end == ':')
                        index = (uint32_t) strtoul(end + 1, &end, 10);
                if (*end == '+') {
                        flags = SEGMENT_MORE;
                        end++;
                }
                builder_add(&b, sequence, index, flags);
                if (bad_header)
                        b.bytes[begin + 20] ^= 1;
                if (bad_content)
                        b.bytes[begin + n_record + 1] ^= 1;
                p = end + (*end == ' ');
        }
        ck_assert_scan(b.bytes, scans[_i].found);
}
END_TEST

START_TEST(a_filler_takes_the_place_of_damage) {
        Builder b;
        uint32_t begin, end;

        builder_init(&b);
        builder_add(&b, 10, 0, 0);
        begin = b.end;
        builder_add(&b, 11, 0, SEGMENT_MORE);
        builder_add(&b, 12, 1, 0);
        end = b.end;
        builder_add(&b, 13, 0, 0);
        b.bytes[begin] ^= 1;
        ck_assert_scan(b.bytes, "10 ! 13 $");

        segment_filler_format(12, end - begin, &header, b.bytes + begin);
        ck_assert_scan(b.bytes, "10 ~12 13 $");
}
END_TEST

START_TEST(a_filler_before_the_first_record_stands_for_an_earlier_segment) {
        uint32_t first = segment_first_offset(header.version);
        Builder b;

        builder_init(&b);
        builder_add(&b, 10, 0, 0);
        segment_filler_format(9, n_record, &header, b.bytes + first);
        ck_assert_scan(b.bytes, "~9 10 $");
        b.bytes[first] ^= 1;
        ck_assert_scan(b.bytes, "10 $");
        segment_filler_format(9, n_record + 8, &header, b.bytes + first);
        ck_assert_scan(b.bytes, "10 $"); /* it would reach into the records */
}
END_TEST

START_TEST(what_a_message_contains_is_not_taken_for_a_record) {
        uint8_t inner[SEGMENT_RECORD_BYTES + 8];
        Builder b;
        SegmentRecord forged = { .sequence = 12, .body = str("forged") };
        SegmentRecord outer = { .sequence = 11, .body = AZ_SPAN_FROM_BUFFER(inner) };
        SegmentHeader other = header;

        builder_init(&b);
        builder_add(&b, 10, 0, 0);
        other.salt ^= 0x100000001;
        segment_record_format(&forged, &other, inner);
        segment_record_format(&outer, &header, b.bytes + b.end);
        b.bytes[b.end] ^= 1;
        ck_assert_scan(b.bytes, "10 $");
}
END_TEST

START_TEST(a_scan_of_any_shorter_segment_stays_in_its_bounds) {
        for (int32_t n = 0; n <= (int32_t) N_BYTES; n += 1 + (n < (int32_t) SEGMENT_HEADER_BYTES) * 63) {
                uint8_t *exact = malloc((size_t) n + 1);
                SegmentScan s;
                Builder b;

                builder_init(&b);
                for (uint64_t sequence = 10; b.end + record_size <= N_BYTES; sequence++)
                        builder_add(&b, sequence, 0, 0);
                memcpy(exact + 1, b.bytes, (size_t) n);
                segment_scan_init(&s, &header, az_span_create(exact + 1, n));
                while (segment_scan_next(&s).type != SEGMENT_ITEM_END)
                        ;
                ck_assert_uint_eq((s.offset - SEGMENT_HEADER_BYTES) / record_size,
                                  (MAX((uint32_t) n, SEGMENT_HEADER_BYTES) - SEGMENT_HEADER_BYTES) /
                                          record_size);
                free(exact);
        }
}
END_TEST

static void add_cases(Suite *s, const char *name, void (*set_up)(void)) {
        TCase *t = tcase_create(name);

        tcase_add_checked_fixture(t, set_up, NULL);
        tcase_add_test(t, a_header_comes_back);
        tcase_add_test(t, a_header_with_any_bit_changed_is_none);
        tcase_add_test(t, the_header_of_a_version_that_comes_later_is_none);

        tcase_add_loop_test(t, a_record_comes_back_with_its_content, 0, ELEMENTSOF(contents));
        tcase_add_loop_test(t, the_sequence_before_comes_back_if_it_is_near, 0, ELEMENTSOF(distances));
        tcase_add_loop_test(t, a_record_of_an_earlier_use_is_none, 0, ELEMENTSOF(strangers));
        tcase_add_test(t, a_record_that_is_cut_says_how_much_it_needs);
        tcase_add_test(t, a_record_with_any_bit_changed_is_not_whole);

        tcase_add_loop_test(t, a_scan_finds_whole_batches_only, 0, ELEMENTSOF(scans));
        tcase_add_test(t, a_filler_takes_the_place_of_damage);
        tcase_add_test(t, a_filler_before_the_first_record_stands_for_an_earlier_segment);
        tcase_add_test(t, what_a_message_contains_is_not_taken_for_a_record);
        tcase_add_test(t, a_scan_of_any_shorter_segment_stays_in_its_bounds);
        suite_add_tcase(s, t);
}

static Suite *segment_suite(void) {
        Suite *s = suite_create("segment");

        add_cases(s, "version 1", setup_1);
        add_cases(s, "version 2", setup_2);
        return s;
}

UNIT_MAIN(segment_suite)
