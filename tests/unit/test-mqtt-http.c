/* SPDX-License-Identifier: MIT */

#include <mqtt/http.h>

#include "unit.h"

/* Feeds at most 'n_chunk' bytes at a time; what was taken. */
static ssize_t feed(MqttHttpHead *h, const char *bytes, size_t n, size_t n_chunk) {
        size_t n_taken = 0;

        h->size = 0;
        h->is_complete = false;
        while (n_taken < n && !h->is_complete) {
                ssize_t r = mqtt_http_feed(h, (const uint8_t *) bytes + n_taken, MIN(n_chunk, n - n_taken));

                if (r < 0)
                        return r;
                n_taken += (size_t) r;
        }
        return (ssize_t) n_taken;
}

static const struct {
        const char *text;
        int status; /* 0: not complete; negative: the error */
        const char *status_line;
        const char *rest;
} heads[] = {
        { "HTTP/1.1 200 OK\r\n\r\n", 200, "HTTP/1.1 200 OK", "" },
        { "HTTP/1.0 200 Connection established\r\n\r\n", 200, "HTTP/1.0 200 Connection established", "" },
        { "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x82\x02hi", 101,
          "HTTP/1.1 101 Switching Protocols", "\x82\x02hi" },
        { "HTTP/1.1 407\r\n\r\n", 407, "HTTP/1.1 407", "" },
        { "HTTP/1.1 407 \r\n\r\n", 407, "HTTP/1.1 407", "" },
        { "HTTP/1.1 403 Forbidden\n\n<html>", 403, "HTTP/1.1 403 Forbidden", "<html>" },
        { "HTTP/1.1 403 caf\xc3\xa9\tclosed\r\n\r\n", 403, "HTTP/1.1 403 caf?? closed", "" },
        { "HTTP/1.1 200 OK\r\nX: \r\nY:\r\n\r\n", 200, "HTTP/1.1 200 OK", "" },
        { "HTTP/1.1 200 OK\r\nX: y\r\n", 0, NULL, NULL },
        { "HTTP/1.1 200 OK\r\n\r", 0, NULL, NULL },
        { "HTTP/1", 0, NULL, NULL },
        { "", 0, NULL, NULL },

        { "SSH-2.0-OpenSSH_9.2\r\n", -EPROTO, NULL, NULL },
        { "HTTP/2 200 OK\r\n\r\n", -EPROTO, NULL, NULL },
        { "HTTP/1.x 200 OK\r\n\r\n", -EPROTO, NULL, NULL },
        { "HTTP/1.1 20 OK\r\n\r\n", -EPROTO, NULL, NULL },
        { "HTTP/1.1 2000 OK\r\n\r\n", -EPROTO, NULL, NULL },
        { "HTTP/1.1 099 OK\r\n\r\n", -EPROTO, NULL, NULL },
        { "HTTP/1.1 600 OK\r\n\r\n", -EPROTO, NULL, NULL },
        { "HTTP/1.1  200 OK\r\n\r\n", -EPROTO, NULL, NULL },
        { "HTTP/1.1 200 OK\r\nno field\r\n\r\n", -EPROTO, NULL, NULL },
        { "HTTP/1.1 200 OK\r\n: y\r\n\r\n", -EPROTO, NULL, NULL },
        { "HTTP/1.1 200 OK\r\nX : y\r\n\r\n", -EPROTO, NULL, NULL },
        { "HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", -EPROTO, NULL, NULL },
        { "HTTP/1.1 200 OK\r\nX: y\r\n \r\n\r\n", -EPROTO, NULL, NULL },
        { "HTTP/1.1 200 OK\rX: y\r\n\r\n", -EPROTO, NULL, NULL },
        { "HTTP/1.1 200 \x1b[31mOK\r\n\r\n", -EPROTO, NULL, NULL },
        { "HTTP/1.1 200 O\x7fK\r\n\r\n", -EPROTO, NULL, NULL },
};

START_TEST(a_head_ends_with_an_empty_line_however_it_comes) {
        static const size_t chunks[] = { 1, 7, 8192 };
        const char *text = heads[_i].text;
        MqttHttpHead h;

        for (size_t i = 0; i < ELEMENTSOF(chunks); i++) {
                ssize_t r = feed(&h, text, strlen(text), chunks[i]);

                if (heads[_i].status < 0) {
                        ck_assert_int_eq(r, heads[_i].status);
                        continue;
                }
                ck_assert_int_eq(h.is_complete, heads[_i].status > 0);
                if (!h.is_complete)
                        continue;
                ck_assert_int_eq(h.status, heads[_i].status);
                ck_assert_str_eq(mqtt_http_status_line(&h), heads[_i].status_line);
                ck_assert_str_eq(text + r, heads[_i].rest);
        }
}
END_TEST

START_TEST(a_nul_is_no_http) {
        static const char text[] = "HTTP/1.1 200 O\0K\r\n\r\n";
        MqttHttpHead h;

        ck_assert_int_eq(feed(&h, text, sizeof(text) - 1, 100), -EPROTO);
}
END_TEST

static const struct {
        size_t size;
        bool is_taken;
} sizes[] = { { 8190, true }, { 8192, true }, { 8193, false }, { 100000, false } };

START_TEST(a_head_has_a_limit) {
        static const char begin[] = "HTTP/1.1 200 OK\nX: ";
        size_t size = sizes[_i].size;
        char *text = malloc(size);
        MqttHttpHead h;

        memset(text, 'x', size);
        memcpy(text, begin, sizeof(begin) - 1);
        memcpy(text + size - 2, "\n\n", 2);
        ck_assert_int_eq(feed(&h, text, size, 1000), sizes[_i].is_taken ? (ssize_t) size : -EMSGSIZE);
        free(text);
}
END_TEST

static const char fields[] = "HTTP/1.1 101 Switching Protocols\r\n"
                             "Upgrade: websocket\r\n"
                             "connection:keep-alive,\tUPGRADE \r\n"
                             "Connection: close\r\n"
                             "Empty:\r\n"
                             "Sec-WebSocket-Accept:  s3pPLMBiTxaQ9kYGzzhZRbK+xOo=  \r\n\r\n";

static const struct {
        const char *name;
        unsigned n;
        const char *value;
} finds[] = {
        { "upgrade", 1, "websocket" },
        { "Connection", 2, "keep-alive, UPGRADE" },
        { "SEC-WEBSOCKET-ACCEPT", 1, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" },
        { "Empty", 1, "" },
        { "Upgrad", 0, NULL },
        { "HTTP/1.1 101 Switching Protocols", 0, NULL },
};

START_TEST(a_field_is_found_by_its_name) {
        const char *value;
        MqttHttpHead h;

        (void) feed(&h, fields, sizeof(fields) - 1, 100);
        ck_assert_uint_eq(mqtt_http_find(&h, finds[_i].name, &value), finds[_i].n);
        if (finds[_i].value)
                ck_assert_str_eq(value, finds[_i].value);
        else
                ck_assert_ptr_null(value);
}
END_TEST

static const struct {
        const char *name, *token;
        bool is_there;
} tokens[] = {
        { "Connection", "upgrade", true }, { "Connection", "close", true },  { "Connection", "keep", false },
        { "Connection", "", false },       { "Upgrade", "WebSocket", true }, { "Empty", "x", false },
};

START_TEST(a_token_is_found_in_the_lists_of_all_fields) {
        MqttHttpHead h;

        (void) feed(&h, fields, sizeof(fields) - 1, 100);
        ck_assert(mqtt_http_has_token(&h, tokens[_i].name, tokens[_i].token) == tokens[_i].is_there);
}
END_TEST

static Suite *http_suite(void) {
        Suite *s = suite_create("mqtt-http");
        TCase *t = tcase_create("http");

        tcase_add_loop_test(t, a_head_ends_with_an_empty_line_however_it_comes, 0, ELEMENTSOF(heads));
        tcase_add_test(t, a_nul_is_no_http);
        tcase_add_loop_test(t, a_head_has_a_limit, 0, ELEMENTSOF(sizes));
        tcase_add_loop_test(t, a_field_is_found_by_its_name, 0, ELEMENTSOF(finds));
        tcase_add_loop_test(t, a_token_is_found_in_the_lists_of_all_fields, 0, ELEMENTSOF(tokens));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(http_suite)
