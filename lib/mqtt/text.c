/* SPDX-License-Identifier: MIT */

#include <mqtt/text.h>

#include <mqtt/flow.h>

/* The length of the unwanted character at 'p'; 0: it is none. It is left to libmosquitto whether it is UTF-8.
 */
static size_t unwanted_at(const uint8_t *p, size_t n) {
        if ((p[0] > 0 && p[0] < ' ') || p[0] == 0x7f)
                return 1;
        if (p[0] < 0x80)
                return 0;
        /* U+0080 to U+009F */
        if (n >= 2 && p[0] == 0xc2 && p[1] < 0xa0)
                return 2;
        /* U+FDD0 to U+FDEF, U+FFFE and U+FFFF, and then the last two of each plane */
        if (n >= 3 && p[0] == 0xef &&
            ((p[1] == 0xb7 && p[2] >= 0x90 && p[2] <= 0xaf) || (p[1] == 0xbf && p[2] >= 0xbe)))
                return 3;
        if (n >= 4 && p[0] >= 0xf0 && (p[1] & 0x0fU) == 0x0fU && p[2] == 0xbf && p[3] >= 0xbe)
                return 4;
        return 0;
}

/* How many bytes from 'p' on are printable ASCII, as nearly all are; eight at a time, and perhaps less than
 * there are. */
static size_t count_plain(const uint8_t *p, size_t n) {
        const uint64_t ones = UINT64_MAX / 0xff, tops = 0x80 * ones;
        uint64_t eight;
        size_t i;

        for (i = 0; n - i >= sizeof(eight); i += sizeof(eight)) {
                memcpy(&eight, p + i, sizeof(eight));
                /* The top bit of a byte: it is not ASCII, below ' ' or, as the last one, DEL. */
                if (((eight | (eight - ' ' * ones) | (eight + ones)) & tops) != 0)
                        break;
        }
        return i;
}

/* Where the next unwanted character is, and in 'ret_length' its length; 'n': there is none. */
static size_t find_unwanted(const uint8_t *p, size_t n, size_t *ret_length) {
        for (size_t i = count_plain(p, n); i < n; i++) {
                *ret_length = unwanted_at(p + i, n - i);
                if (*ret_length > 0)
                        return i;
        }
        return n;
}

bool mqtt_text_has_unwanted(az_span text) {
        size_t n = (size_t) az_span_size(text), length;

        return find_unwanted(az_span_ptr(text), n, &length) < n;
}

static void clean(uint8_t *p, size_t n) {
        size_t i, length;

        while ((i = find_unwanted(p, n, &length)) < n) {
                memset(p + i, ' ', length);
                p += i + length;
                n -= i + length;
        }
}

/* Cleans the text with its length in front that 'bytes' begins with. Returns how long it is; 0: malformed. */
static size_t clean_text(uint8_t *bytes, size_t n) {
        size_t l = n < 2 ? n : mqtt_u16(bytes);

        if (n < 2 + l)
                return 0;
        clean(bytes + 2, l);
        return 2 + l;
}

/* The same for what is behind the identifier of a property. */
static size_t clean_property(unsigned identifier, uint8_t *bytes, size_t n) {
        size_t l;

        switch (identifier) {
        case 0x01: /* Payload Format Indicator */
                return 1;
        case 0x23: /* Topic Alias */
                return 2;
        case 0x02: /* Message Expiry Interval */
                return 4;
        case 0x0b: /* Subscription Identifier */
                for (l = 0; l < n && l < 3 && (bytes[l] & 0x80U) != 0;)
                        l++;
                return l + 1;
        case 0x09: /* Correlation Data */
                return n < 2 ? 0 : 2U + mqtt_u16(bytes);
        case 0x03: /* Content Type */
        case 0x08: /* Response Topic */
                return clean_text(bytes, n);
        case 0x26: /* User Property */
                l = clean_text(bytes, n);
                return l == 0 ? 0 : l + clean_text(bytes + l, n - l);
        default:
                return 0;
        }
}

void mqtt_text_clean_properties(az_span properties) {
        uint8_t *p = az_span_ptr(properties);
        size_t n = (size_t) az_span_size(properties);

        while (n > 1) {
                size_t l = clean_property(p[0], p + 1, n - 1);

                if (l == 0 || l > n - 1)
                        return;
                p += 1 + l;
                n -= 1 + l;
        }
}

void mqtt_text_copy(az_span text, char *ret, size_t size) {
        size_t n = MIN((size_t) az_span_size(text), size - 1);

        for (size_t i = 0; i < n; i++) {
                uint8_t c = az_span_ptr(text)[i];

                ret[i] = c >= ' ' && c <= '~' ? (char) c : '?';
        }
        ret[n] = '\0';
}
