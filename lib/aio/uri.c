/* SPDX-License-Identifier: MIT */
#include <aio/uri_internal.h>

#include <aio/aio_internal.h>

static bool is_alpha(uint8_t c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_one_of(uint8_t c, char const *characters) {
        return c != '\0' && strchr(characters, c) != NULL;
}

/* unreserved / sub-delims */
static bool is_plain(uint8_t c) {
        return is_alpha(c) || _aio_is_digit(c) || is_one_of(c, "-._~!$&'()*+,;=");
}

/* Tells whether a text has nothing but unreserved characters, sub-delims, pct-encoded and 'others'. */
static bool is_made_of(az_span text, char const *others) {
        for (int32_t i = 0; i < az_span_size(text); i++) {
                uint8_t c = az_span_ptr(text)[i];

                if (c == '%') {
                        if (az_span_size(text) - i < 3 || _az_hex_digit_value(az_span_ptr(text)[i + 1]) < 0 ||
                            _az_hex_digit_value(az_span_ptr(text)[i + 2]) < 0)
                                return false;
                        i += 2;
                } else if (!is_plain(c) && !is_one_of(c, others)) {
                        return false;
                }
        }
        return true;
}

static bool is_made_of_digits(az_span text) {
        for (int32_t i = 0; i < az_span_size(text); i++)
                if (!_aio_is_digit(az_span_ptr(text)[i]))
                        return false;
        return true;
}

/* Four dec-octets, without leading zeros. */
static bool is_ipv4(az_span text) {
        bool is_last = false;

        for (int i = 0; i < 4; i++) {
                az_span octet = _aio_split(&text, '.', &is_last);
                uint32_t number;

                if (is_last != (i == 3) || !is_made_of_digits(octet) || az_span_size(octet) > 3 ||
                    (az_span_size(octet) > 1 && az_span_ptr(octet)[0] == '0') ||
                    az_result_failed(az_span_atou32(octet, &number)) || number > 255)
                        return false;
        }
        return true;
}

/* One to four hexadecimal digits. */
static bool is_h16(az_span text) {
        for (int32_t i = 0; i < az_span_size(text); i++)
                if (_az_hex_digit_value(az_span_ptr(text)[i]) < 0)
                        return false;
        return az_span_size(text) >= 1 && az_span_size(text) <= 4;
}

/* Eight groups of 16 bits, the last two of which may be an IPv4 address; "::" once for one group or more. */
static bool is_ipv6(az_span text) {
        bool has_gap = false, is_last = false;
        int n_groups = 0;

        while (!is_last) {
                az_span group;

                if (!has_gap && az_span_find(text, AZ_SPAN_FROM_STR("::")) == 0) {
                        has_gap = true;
                        text = _az_span_from(text, 2);
                        if (az_span_size(text) == 0)
                                break;
                } else if (n_groups > 0 && !_aio_skip(&text, ':')) {
                        return false;
                }
                group = text;
                for (int32_t i = 0; i < az_span_size(text) && az_span_ptr(text)[i] != ':'; i++)
                        group = az_span_slice(text, 0, i + 1);
                text = _az_span_from(text, az_span_size(group));
                is_last = az_span_size(text) == 0;
                n_groups += is_last && is_ipv4(group) ? 2 : 1;
                if (!is_h16(group) && !(is_last && is_ipv4(group)))
                        return false;
        }
        return has_gap ? n_groups <= 7 : n_groups == 8;
}

/* "v", hexadecimal digits, "." and text. */
static bool is_ip_future(az_span text) {
        bool is_last;
        az_span version;

        if (!_aio_skip(&text, 'v') && !_aio_skip(&text, 'V'))
                return false;
        version = _aio_split(&text, '.', &is_last);
        for (int32_t i = 0; i < az_span_size(version); i++)
                if (_az_hex_digit_value(az_span_ptr(version)[i]) < 0)
                        return false;
        return az_span_size(version) > 0 && az_span_size(text) > 0 &&
               az_span_find(text, AZ_SPAN_FROM_STR("%")) < 0 && is_made_of(text, ":");
}

/* [ userinfo "@" ] host [ ":" port ] */
static bool is_authority(az_span authority) {
        az_span rest = authority, host;
        bool is_last;

        host = _aio_split(&rest, '@', &is_last);
        if (!is_last) {
                if (!is_made_of(host, ":"))
                        return false;
                authority = rest;
        }
        rest = authority;
        if (!_aio_skip(&rest, '[')) {
                host = _aio_split(&rest, ':', &is_last);
                return is_made_of(host, "") && is_made_of_digits(rest);
        }
        host = _aio_split(&rest, ']', &is_last);
        if (is_last || !(is_ipv6(host) || is_ip_future(host)))
                return false;
        return az_span_size(rest) == 0 || (_aio_skip(&rest, ':') && is_made_of_digits(rest));
}

/* Moves 'ref_text' behind a scheme and its ':', if there is one; false: there is no scheme before the ':'
 * that the first segment has. */
static bool skip_scheme(az_span *ref_text, bool *out_has_scheme) {
        az_span text = *ref_text;
        int32_t i = 0;

        *out_has_scheme = false;
        while (i < az_span_size(text) && !is_one_of(az_span_ptr(text)[i], ":/?#"))
                i++;
        if (i == az_span_size(text) || az_span_ptr(text)[i] != ':')
                return true;
        if (i == 0 || !is_alpha(az_span_ptr(text)[0]))
                return false;
        *ref_text = _az_span_from(text, i + 1);
        while (--i > 0)
                if (!is_alpha(az_span_ptr(text)[i]) && !_aio_is_digit(az_span_ptr(text)[i]) &&
                    !is_one_of(az_span_ptr(text)[i], "+-."))
                        return false;
        *out_has_scheme = true;
        return true;
}

static bool is_reference(az_span text, bool needs_scheme) {
        az_span fragment, query, path, authority;
        bool has_scheme, is_last;

        if (!skip_scheme(&text, &has_scheme) || (needs_scheme && !has_scheme))
                return false;

        fragment = text;
        text = _aio_split(&fragment, '#', &is_last);
        query = text;
        path = _aio_split(&query, '?', &is_last);
        if (!is_made_of(fragment, ":@/?") || !is_made_of(query, ":@/?"))
                return false;

        if (az_span_find(path, AZ_SPAN_FROM_STR("//")) == 0) {
                path = _az_span_from(path, 2);
                authority = _aio_split(&path, '/', &is_last);
                if (!is_authority(authority))
                        return false;
        }
        return is_made_of(path, ":@/");
}

bool _aio_is_uri_reference(az_span text) {
        return is_reference(text, false);
}

bool _aio_is_uri(az_span text) {
        return is_reference(text, true);
}
