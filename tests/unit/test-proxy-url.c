/* SPDX-License-Identifier: MIT */

#include "daemon/proxy-url.h"

#include "tests/unit/unit.h"

static const struct {
        const char *text, *host;
        uint16_t port;
} good[] = {
        { "http://proxy:8080", "proxy", 8080 },
        { "HTTP://Proxy.example.com:8080/", "Proxy.example.com", 8080 },
        { "http://proxy", "proxy", 3128 },
        { "http://192.0.2.1:1", "192.0.2.1", 1 },
        { "http://[2001:db8::1]:65535", "2001:db8::1", 65535 },
        { "http://[::1]", "::1", 3128 },
};

START_TEST(a_proxy_is_a_host_and_a_port) {
        ProxyUrl url;

        ck_assert_ptr_null(proxy_url_parse(&url, az_span_create_from_str((char *) good[_i].text)));
        ck_assert_str_eq(url.host, good[_i].host);
        ck_assert_uint_eq(url.port, good[_i].port);
}
END_TEST

static const struct {
        const char *text, *says;
} bad[] = {
        { "proxy:8080", "written http://host:port" },
        { "", "written http://host:port" },
        { "ftp://proxy", "written http://host:port" },
        { "https://proxy:8080", "over TLS is not supported" },
        { "socks5://proxy", "SOCKS" },
        { "http://user:password@proxy:8080", "ProxyCredentialFile=" },
        { "http://user@proxy", "ProxyCredentialFile=" },
        { "http://proxy:8080/path", "no path" },
        { "http://proxy?x", "no path" },
        { "http://", "not a host name" },
        { "http://:8080", "not a host name" },
        { "http://a proxy:8080", "not a host name" },
        { "http://prox\xc3\xbd:8080", "not a host name" },
        { "http://proxy:", "port" },
        { "http://proxy:0", "port" },
        { "http://proxy:65536", "port" },
        { "http://proxy:+80", "port" },
        { "http://proxy:80a", "port" },
        { "http://2001:db8::1:8080", "brackets" },
        { "http://[2001:db8::1", "in the brackets" },
        { "http://[proxy]:80", "in the brackets" },
        { "http://[::1]80", "port" },
        { "http://[::1%eth0]:80", "not a host name" },
};

START_TEST(anything_else_is_refused_in_words) {
        ProxyUrl url = { .port = 7 };
        const char *wrong = proxy_url_parse(&url, az_span_create_from_str((char *) bad[_i].text));

        ck_assert_ptr_nonnull(wrong);
        ck_assert_msg(strstr(wrong, bad[_i].says) != NULL, "'%s': %s", bad[_i].text, wrong);
        ck_assert_uint_eq(url.port, 7);
}
END_TEST

START_TEST(a_host_has_at_most_253_characters) {
        char text[300] = "http://";
        ProxyUrl url;

        memset(text + 7, 'a', 253);
        ck_assert_ptr_null(proxy_url_parse(&url, az_span_create_from_str(text)));
        ck_assert_uint_eq(strlen(url.host), 253);
        text[7 + 253] = 'a';
        ck_assert_ptr_nonnull(proxy_url_parse(&url, az_span_create_from_str(text)));
}
END_TEST

static Suite *proxy_url_suite(void) {
        Suite *s = suite_create("proxy-url");
        TCase *t = tcase_create("proxy_url_parse");

        tcase_add_loop_test(t, a_proxy_is_a_host_and_a_port, 0, ELEMENTSOF(good));
        tcase_add_loop_test(t, anything_else_is_refused_in_words, 0, ELEMENTSOF(bad));
        tcase_add_test(t, a_host_has_at_most_253_characters);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(proxy_url_suite)
