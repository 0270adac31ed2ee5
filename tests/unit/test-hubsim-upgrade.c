/* SPDX-License-Identifier: MIT */

#include "hubsim/upgrade.h"

#include "unit.h"

#define KEY    "dGhlIHNhbXBsZSBub25jZQ==" /* that of RFC 6455, 1.3, and what it is answered by: */
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#define HEAD(target)    "GET " target " HTTP/1.1\r\nHost: localhost\r\n"
#define VERSION_AND_KEY "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\n"
#define ASKED           "Upgrade: websocket\r\nConnection: Upgrade\r\n" VERSION_AND_KEY
#define MQTT            "Sec-WebSocket-Protocol: mqtt\r\n"
#define TARGET          "/$iothub/websocket"

static const char *const hosts[] = { "localhost", "hub.example", NULL };

static az_span span(const char *text) {
        return az_span_create_from_str((char *) text);
}

static const struct {
        const char *name, *request;
        unsigned status;
        bool ignores_certificate;
} requests[] = {
        { "as it should be", HEAD(TARGET) ASKED MQTT "\r\n", 101, false },
        { "of who has no certificate", HEAD(TARGET "?iothub-no-client-cert=true") ASKED MQTT "\r\n", 101,
          true },
        { "with another parameter before", HEAD(TARGET "?a=b&iothub-no-client-cert=true") ASKED MQTT "\r\n",
          101, true },
        { "of who says that it has one", HEAD(TARGET "?iothub-no-client-cert=false") ASKED MQTT "\r\n", 101,
          false },
        { "with an escaped dollar", HEAD("/%24iothub/websocket") ASKED MQTT "\r\n", 101, false },
        { "with names in another case and lists",
          "GET " TARGET " HTTP/1.1\r\nhost:HUB.example:443\r\nupgrade: h2c, WebSocket \r\n"
          "CONNECTION: keep-alive, Upgrade\r\nsec-websocket-version:13\r\nsec-websocket-key:\t" KEY "\r\n"
          "sec-websocket-protocol: AMQPWSB10, MQTT\r\nOrigin: x\r\n\r\n",
          101, false },
        { "with the protocols in two fields",
          HEAD(TARGET) ASKED "Sec-WebSocket-Protocol: amqp\r\n" MQTT "\r\n", 101, false },
        { "to another path", HEAD("/mqtt") ASKED MQTT "\r\n", 404, false },
        { "to a path below", HEAD(TARGET "/") ASKED MQTT "\r\n", 404, false },
        { "to a path with a broken escape", HEAD("/%2iothub/websocket") ASKED MQTT "\r\n", 404, false },
        { "to a path that is long", HEAD(TARGET TARGET TARGET TARGET TARGET) ASKED MQTT "\r\n", 404, false },
        { "for another host", "GET " TARGET " HTTP/1.1\r\nHost: other\r\n" ASKED MQTT "\r\n", 404, false },
        { "without a host", "GET " TARGET " HTTP/1.1\r\n" ASKED MQTT "\r\n", 400, false },
        { "with two hosts", HEAD(TARGET) "Host: localhost\r\n" ASKED MQTT "\r\n", 400, false },
        { "with two keys", HEAD(TARGET) ASKED "Sec-WebSocket-Key: " KEY "\r\n" MQTT "\r\n", 400, false },
        { "of another version of HTTP", "GET " TARGET " HTTP/1.0\r\nHost: localhost\r\n" ASKED MQTT "\r\n",
          400, false },
        { "without a version of HTTP", "GET " TARGET "\r\nHost: localhost\r\n" ASKED MQTT "\r\n", 400,
          false },
        { "with two versions", HEAD(TARGET) ASKED "Sec-WebSocket-Version: 13\r\n" MQTT "\r\n", 400, false },
        { "for a page", HEAD(TARGET) "\r\n", 400, false },
        { "without Upgrade", HEAD(TARGET) "Connection: Upgrade\r\n" VERSION_AND_KEY MQTT "\r\n", 400, false },
        { "without Connection", HEAD(TARGET) "Upgrade: websocket\r\n" VERSION_AND_KEY MQTT "\r\n", 400,
          false },
        { "for another upgrade",
          HEAD(TARGET) "Upgrade: h2c\r\nConnection: Upgrade\r\n" VERSION_AND_KEY MQTT "\r\n", 400, false },
        { "of a connection that is kept",
          HEAD(TARGET) "Upgrade: websocket\r\nConnection: keep-alive\r\n" VERSION_AND_KEY MQTT "\r\n", 400,
          false },
        { "of another version",
          HEAD(TARGET) "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
                       "Sec-WebSocket-Key: " KEY "\r\n" MQTT "\r\n",
          426, false },
        { "with a short key",
          HEAD(TARGET) "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: AAAA\r\n" MQTT "\r\n",
          400, false },
        { "without a key",
          HEAD(TARGET) "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" MQTT
                       "\r\n",
          400, false },
        { "without a protocol", HEAD(TARGET) ASKED "\r\n", 400, false },
        { "with another protocol", HEAD(TARGET) ASKED "Sec-WebSocket-Protocol: mqttv3.1\r\n\r\n", 400,
          false },
        { "with a space before a colon", HEAD(TARGET) ASKED MQTT "Origin : x\r\n\r\n", 400, false },
        { "with a line that goes on", HEAD(TARGET) ASKED MQTT "Origin: x\r\n y: z\r\n\r\n", 400, false },
        { "with a line without a colon", HEAD(TARGET) ASKED MQTT "Origin\r\n\r\n", 400, false },
        { "with a line without a name", HEAD(TARGET) ASKED MQTT ": x\r\n\r\n", 400, false },
        { "with a bare newline", HEAD(TARGET) ASKED MQTT "Origin: x\nHost: y\r\n\r\n", 400, false },
};

START_TEST(request_is_judged) {
        Upgrade u = upgrade_parse(span(requests[_i].request), hosts);

        ck_assert_msg(u.status == requests[_i].status, "%s: %u %s", requests[_i].name, u.status,
                      u.reason ? u.reason : "");
        ck_assert_msg(!u.reason == (u.status == 101), "%s", requests[_i].name);
        ck_assert_msg(u.ignores_certificate == requests[_i].ignores_certificate, "%s", requests[_i].name);
}
END_TEST

START_TEST(answer_has_the_key_of_the_specification) {
        _cleanup_(ipc_buffer_done) IpcBuffer out = {};
        Upgrade u = upgrade_parse(span(requests[0].request), hosts);

        ck_assert_int_eq(upgrade_append_answer(&u, &out), 0);
        ck_assert(az_span_is_content_equal(
                buffer_span(&out),
                AZ_SPAN_FROM_STR(
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n")));
}
END_TEST

START_TEST(refusal_says_which_version_there_is) {
        _cleanup_(ipc_buffer_done) IpcBuffer out = {};
        const Upgrade u = { .status = 426 };

        ck_assert_int_eq(upgrade_append_answer(&u, &out), 0);
        ck_assert(az_span_is_content_equal(
                buffer_span(&out), AZ_SPAN_FROM_STR("HTTP/1.1 426 Refused\r\nSec-WebSocket-Version: 13\r\n"
                                                    "Content-Length: 0\r\nConnection: close\r\n\r\n")));
}
END_TEST

static const struct {
        const char *text;
        int result;
} beginnings[] = {
        { "", 0 },
        { "G", 0 },
        { "GET ", 0 },
        { "GET / HTTP/1.1\r\n\r", 0 },
        { "GET / HTTP/1.1\r\n\r\n", 18 },
        { "GET / HTTP/1.1\r\n\r\nmore", 18 },
        { "GEX", -EBADMSG },
        { "PUT / HTTP/1.1\r\n\r\n", -EBADMSG },
        { "\x10\x20", -EBADMSG },
};

START_TEST(end_of_a_request_is_found) {
        ck_assert_int_eq(upgrade_find_end(span(beginnings[_i].text)), beginnings[_i].result);
}
END_TEST

START_TEST(long_request_is_never_complete) {
        static char text[UPGRADE_MAX + 1];

        memset(text, 'a', sizeof(text));
        memcpy(text, "GET ", 4);
        memcpy(text + sizeof(text) - 4, "\r\n\r\n", 4);
        ck_assert_int_eq(upgrade_find_end(az_span_create((uint8_t *) text, sizeof(text))), 0);
        memcpy(text + sizeof(text) - 5, "\r\n\r\n", 4);
        ck_assert_int_eq(upgrade_find_end(az_span_create((uint8_t *) text, sizeof(text))), UPGRADE_MAX);
}
END_TEST

static Suite *hubsim_upgrade_suite(void) {
        Suite *s = suite_create("hubsim-upgrade");
        TCase *t = tcase_create("upgrade_parse");

        tcase_add_loop_test(t, request_is_judged, 0, ELEMENTSOF(requests));
        tcase_add_test(t, answer_has_the_key_of_the_specification);
        tcase_add_test(t, refusal_says_which_version_there_is);
        suite_add_tcase(s, t);

        t = tcase_create("upgrade_find_end");
        tcase_add_loop_test(t, end_of_a_request_is_found, 0, ELEMENTSOF(beginnings));
        tcase_add_test(t, long_request_is_never_complete);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_upgrade_suite)
