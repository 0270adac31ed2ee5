/* SPDX-License-Identifier: MIT */
#include <aio/cbor.h>

#include "aio-check.h"

/* Of RFC 8949, appendix A, and beside it what is malformed (appendix F) or cut. */
static const struct {
        const char *hex;
        az_result result;
} items[] = {
        { "00", AZ_OK },
        { "17", AZ_OK },
        { "1818", AZ_OK },
        { "1903e8", AZ_OK },
        { "1a000f4240", AZ_OK },
        { "1bffffffffffffffff", AZ_OK },
        { "20", AZ_OK },
        { "3bffffffffffffffff", AZ_OK },
        { "f90000", AZ_OK },
        { "fa47c35000", AZ_OK },
        { "fb3ff199999999999a", AZ_OK },
        { "f97e00", AZ_OK },
        { "f4", AZ_OK },
        { "f6", AZ_OK },
        { "f7", AZ_OK },
        { "f0", AZ_OK },
        { "f8ff", AZ_OK },
        { "c074323031332d30332d32315432303a30343a30305a", AZ_OK },
        { "c249010000000000000000", AZ_OK },
        { "d82076687474703a2f2f7777772e6578616d706c652e636f6d", AZ_OK },
        { "40", AZ_OK },
        { "4401020304", AZ_OK },
        { "60", AZ_OK },
        { "6449455446", AZ_OK },
        { "62c3bc", AZ_OK },
        { "80", AZ_OK },
        { "83010203", AZ_OK },
        { "8301820203820405", AZ_OK },
        { "a0", AZ_OK },
        { "a26161016162820203", AZ_OK },
        { "5f42010243030405ff", AZ_OK },
        { "7f657374726561646d696e67ff", AZ_OK },
        { "5fff", AZ_OK },
        { "9fff", AZ_OK },
        { "bfff", AZ_OK },
        { "9f018202039f0405ffff", AZ_OK },
        { "bf61610161629f0203ffff", AZ_OK },
        { "826161bf61626163ff", AZ_OK },
        /* cut */
        { "", AZ_ERROR_UNEXPECTED_END },
        { "18", AZ_ERROR_UNEXPECTED_END },
        { "1903", AZ_ERROR_UNEXPECTED_END },
        { "1b00000000000000", AZ_ERROR_UNEXPECTED_END },
        { "f8", AZ_ERROR_UNEXPECTED_END },
        { "f900", AZ_ERROR_UNEXPECTED_END },
        { "41", AZ_ERROR_UNEXPECTED_END },
        { "6261", AZ_ERROR_UNEXPECTED_END },
        { "81", AZ_ERROR_UNEXPECTED_END },
        { "a1", AZ_ERROR_UNEXPECTED_END },
        { "a100", AZ_ERROR_UNEXPECTED_END },
        { "9f", AZ_ERROR_UNEXPECTED_END },
        { "bf00", AZ_ERROR_UNEXPECTED_END },
        { "5f4100", AZ_ERROR_UNEXPECTED_END },
        { "c0", AZ_ERROR_UNEXPECTED_END },
        /* claims that nothing stands behind */
        { "9bffffffffffffffff", AZ_ERROR_UNEXPECTED_END },
        { "bbffffffffffffffff00", AZ_ERROR_UNEXPECTED_END },
        { "bb800000000000000100", AZ_ERROR_UNEXPECTED_END },
        { "5bffffffffffffffff", AZ_ERROR_UNEXPECTED_END },
        { "7b000000010000000061", AZ_ERROR_UNEXPECTED_END },
        { "8400818000", AZ_ERROR_UNEXPECTED_END },
        /* malformed */
        { "1c", AZ_ERROR_UNEXPECTED_CHAR },
        { "1e", AZ_ERROR_UNEXPECTED_CHAR },
        { "1f", AZ_ERROR_UNEXPECTED_CHAR },
        { "3f", AZ_ERROR_UNEXPECTED_CHAR },
        { "df00", AZ_ERROR_UNEXPECTED_CHAR },
        { "fc", AZ_ERROR_UNEXPECTED_CHAR },
        { "f800", AZ_ERROR_UNEXPECTED_CHAR },
        { "f81f", AZ_ERROR_UNEXPECTED_CHAR },
        { "ff", AZ_ERROR_UNEXPECTED_CHAR },
        { "81ff", AZ_ERROR_UNEXPECTED_CHAR },
        { "a1ff00", AZ_ERROR_UNEXPECTED_CHAR },
        { "bf00ff", AZ_ERROR_UNEXPECTED_CHAR },
        { "c0ff", AZ_ERROR_UNEXPECTED_CHAR },
        { "9f81ff", AZ_ERROR_UNEXPECTED_CHAR },
        { "5f00ff", AZ_ERROR_UNEXPECTED_CHAR },
        { "5f6100ff", AZ_ERROR_UNEXPECTED_CHAR },
        { "7f4100ff", AZ_ERROR_UNEXPECTED_CHAR },
        { "5f5f4100ffff", AZ_ERROR_UNEXPECTED_CHAR },
        { "5fc04100ff", AZ_ERROR_UNEXPECTED_CHAR },
        { "7f8161ff", AZ_ERROR_UNEXPECTED_CHAR },
        /* text that is none; a character may not be cut between chunks */
        { "61ff", AZ_ERROR_UNEXPECTED_CHAR },
        { "62c328", AZ_ERROR_UNEXPECTED_CHAR },
        { "7f61c361bcff", AZ_ERROR_UNEXPECTED_CHAR },
        /* more than one item */
        { "0000", AZ_ERROR_UNEXPECTED_CHAR },
        { "8000", AZ_ERROR_UNEXPECTED_CHAR },
        { "9fff00", AZ_ERROR_UNEXPECTED_CHAR },
};

static az_span unhex(const char *hex, uint8_t *buffer) {
        int32_t n = 0;

        for (; hex[0] && hex[1]; hex += 2)
                buffer[n++] = (uint8_t) strtoul((char[]){ hex[0], hex[1], '\0' }, NULL, 16);
        return az_span_create(buffer, n);
}

START_TEST(an_item_is_well_formed) {
        uint8_t buffer[64];

        ck_assert_int_eq(aio_cbor_validate(unhex(items[_i].hex, buffer)), items[_i].result);
}
END_TEST

static const struct {
        const char *open, *close;
} containers[] = {
        { "81", "" }, { "9f", "ff" }, { "a100", "" }, { "bf00", "ff" }, { "c0", "" },
};

START_TEST(items_lie_in_each_other_so_deep_and_no_deeper) {
        for (int depth = AIO_CBOR_NESTING_MAX; depth <= AIO_CBOR_NESTING_MAX + 1; depth++) {
                uint8_t buffer[256];
                char hex[512] = "";

                for (int i = 0; i < depth; i++)
                        strcat(hex, containers[_i].open);
                strcat(hex, "00");
                for (int i = 0; i < depth; i++)
                        strcat(hex, containers[_i].close);
                ck_assert_int_eq(aio_cbor_validate(unhex(hex, buffer)),
                                 depth == AIO_CBOR_NESTING_MAX ? AZ_OK : AZ_ERROR_NOT_SUPPORTED);
        }
}
END_TEST

static Suite *aio_cbor_validate_suite(void) {
        Suite *s = suite_create("aio-cbor-validate");
        TCase *t = tcase_create("aio_cbor_validate");

        tcase_add_loop_test(t, an_item_is_well_formed, 0, ELEMENTSOF(items));
        tcase_add_loop_test(t, items_lie_in_each_other_so_deep_and_no_deeper, 0, ELEMENTSOF(containers));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(aio_cbor_validate_suite)
