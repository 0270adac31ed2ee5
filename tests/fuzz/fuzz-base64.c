/* SPDX-License-Identifier: MIT */

/*
 * The input is bytes, whose text must give them again, and it is a text, which stands for other bytes or for
 * none. A text that is taken is the only one for its bytes.
 */

#include <stdlib.h>
#include <string.h>

#include <azure/core/az_base64.h>

#define INPUT_MAX 1024
#define TEXT_MAX  (4 * INPUT_MAX / 3 + 4)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

/* Encodes into exactly the size that is said to be enough. */
static az_span encode(az_span bytes, uint8_t *buffer) {
        az_span text = az_span_create(buffer, az_base64_get_max_encoded_size(az_span_size(bytes)));
        int32_t n = -1;

        check(az_base64_encode(text, bytes, &n) == AZ_OK && n == az_span_size(text));
        return text;
}

/* Turns base64 into base64url without padding. */
static az_span make_url_text(az_span text) {
        for (int32_t i = 0; i < az_span_size(text); i++) {
                uint8_t *c = &az_span_ptr(text)[i];

                if (*c == '=')
                        return az_span_slice(text, 0, i);
                *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
        }
        return text;
}

static void check_bytes(az_span bytes) {
        uint8_t text_buffer[TEXT_MAX], buffer[TEXT_MAX];
        az_span text = encode(bytes, text_buffer), room;
        int32_t n = -1;

        room = az_span_create(buffer, az_base64_get_max_decoded_size(az_span_size(text)));
        check(az_base64_decode(room, text, &n) == AZ_OK);
        check(az_span_is_content_equal(az_span_create(buffer, n), bytes));

        text = make_url_text(text);
        check(az_base64_url_get_max_decoded_size(az_span_size(text)) == az_span_size(bytes));
        check(az_base64_url_decode(az_span_create(buffer, az_span_size(bytes)), text, &n) == AZ_OK);
        check(az_span_is_content_equal(az_span_create(buffer, n), bytes));
}

static void check_text(az_span text) {
        uint8_t text_buffer[TEXT_MAX], buffer[TEXT_MAX];
        int32_t n = -1;

        if (az_base64_decode(AZ_SPAN_FROM_BUFFER(buffer), text, &n) == AZ_OK)
                check(az_span_is_content_equal(encode(az_span_create(buffer, n), text_buffer), text));
        else
                check(n == -1);

        n = -1;
        if (az_base64_url_decode(AZ_SPAN_FROM_BUFFER(buffer), text, &n) == AZ_OK) {
                int32_t size = az_span_size(text);

                while (size > 0 && az_span_ptr(text)[size - 1] == '=')
                        size--;
                check(az_span_is_content_equal(make_url_text(encode(az_span_create(buffer, n), text_buffer)),
                                               az_span_slice(text, 0, size)));
        } else {
                check(n == -1);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_span input;

        if (size > INPUT_MAX)
                return 0;
        input = az_span_create(size > 0 ? (uint8_t *) data : NULL, (int32_t) size);
        check_bytes(input);
        check_text(input);
        return 0;
}
