/* SPDX-License-Identifier: MIT */

#include "daemon/crc32c.h"

#include "tests/unit/unit.h"

/* RFC 3720, appendix B.4, and the check value of the catalogue of CRC algorithms. */
static const struct {
        const char *bytes;
        size_t n;
        int first, step; /* when 'bytes' is NULL: n bytes that begin with 'first' */
        uint32_t crc;
} vectors[] = {
        { "123456789", 9, 0, 0, 0xe3069283 }, { "", 0, 0, 0, 0x00000000 },
        { NULL, 32, 0x00, 0, 0x8a9136aa },    { NULL, 32, 0xff, 0, 0x62a8ab43 },
        { NULL, 32, 0x00, 1, 0x46dd794e },    { NULL, 32, 0x1f, -1, 0x113fdb5c },
};

static size_t vector_bytes(int row, uint8_t *out) {
        for (size_t i = 0; i < vectors[row].n; i++)
                out[i] = vectors[row].bytes ? (uint8_t) vectors[row].bytes[i]
                                            : (uint8_t) (vectors[row].first + (int) i * vectors[row].step);
        return vectors[row].n;
}

START_TEST(published_vectors_come_out) {
        uint8_t bytes[32];
        size_t n = vector_bytes(_i, bytes);

        ck_assert_uint_eq(crc32c(0, bytes, n), vectors[_i].crc);
}
END_TEST

/* The definition: one bit at a time. */
static uint32_t crc32c_slow(uint32_t crc, const uint8_t *data, size_t n) {
        crc = ~crc;
        for (size_t i = 0; i < n; i++) {
                crc ^= data[i];
                for (int bit = 0; bit < 8; bit++)
                        crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
        }
        return ~crc;
}

START_TEST(every_length_seed_and_alignment_agrees_with_the_definition) {
        uint8_t bytes[80];

        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (uint8_t) (i * 151 + 7);
        for (size_t offset = 0; offset < 8; offset++)
                for (size_t n = 0; n <= sizeof(bytes) - 8; n++)
                        ck_assert_uint_eq(crc32c((uint32_t) _i * 0x9e3779b9, bytes + offset, n),
                                          crc32c_slow((uint32_t) _i * 0x9e3779b9, bytes + offset, n));
}
END_TEST

START_TEST(a_checksum_can_be_continued) {
        const char text[] = "the records of a batch never cross a segment";

        for (size_t n = 0; n < sizeof(text); n++)
                ck_assert_uint_eq(crc32c(crc32c(5, text, n), text + n, sizeof(text) - n),
                                  crc32c(5, text, sizeof(text)));
}
END_TEST

static Suite *crc32c_suite(void) {
        Suite *s = suite_create("crc32c");
        TCase *t = tcase_create("crc32c");

        tcase_add_loop_test(t, published_vectors_come_out, 0, ELEMENTSOF(vectors));
        tcase_add_loop_test(t, every_length_seed_and_alignment_agrees_with_the_definition, 0, 3);
        tcase_add_test(t, a_checksum_can_be_continued);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(crc32c_suite)
