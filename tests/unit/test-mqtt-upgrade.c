/* SPDX-License-Identifier: MIT */

#include <mqtt/upgrade.h>

#include "unit.h"

/* RFC 6455, section 1.3. */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

#define UPGRADE  "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: mqtt\r\n"

static const struct {
        const char *fields;
        const char *fault; /* NULL: it is right */
} answers[] = {
        { UPGRADE ACCEPT PROTOCOL, NULL },
        { "upgrade: WebSocket\r\nCONNECTION: keep-alive, upgrade\r\n" ACCEPT PROTOCOL "Server: x\r\n", NULL },
        { "Connection: Upgrade\r\n" ACCEPT PROTOCOL, "does not upgrade to websocket" },
        { "Upgrade: h2c\r\nConnection: Upgrade\r\n" ACCEPT PROTOCOL, "does not upgrade to websocket" },
        { "Upgrade: websocket\r\nConnection: close\r\n" ACCEPT PROTOCOL, "does not upgrade the connection" },
        { UPGRADE PROTOCOL, "Sec-WebSocket-Accept" },
        { UPGRADE "Sec-WebSocket-Accept: s3pplMBiTxaQ9kYGzzhZRbK+xOo=\r\n" PROTOCOL, "Sec-WebSocket-Accept" },
        { UPGRADE ACCEPT ACCEPT PROTOCOL, "Sec-WebSocket-Accept" },
        { UPGRADE ACCEPT, "subprotocol" },
        { UPGRADE ACCEPT "Sec-WebSocket-Protocol: amqp\r\n", "subprotocol" },
        { UPGRADE ACCEPT PROTOCOL "Sec-WebSocket-Extensions: permessage-deflate\r\n", "extension" },
};

START_TEST(an_answer_is_checked_as_rfc_6455_says) {
        char text[1024];
        MqttHttpHead head = {};
        const char *fault;
        int n = snprintf(text, sizeof(text), "HTTP/1.1 101 Switching Protocols\r\n%s\r\n",
                         answers[_i].fields);

        ck_assert_int_eq(mqtt_http_feed(&head, (const uint8_t *) text, (size_t) n), n);
        fault = mqtt_upgrade_find_fault(&head, KEY);
        if (answers[_i].fault)
                ck_assert_msg(fault && strstr(fault, answers[_i].fault), "%s", fault);
        else
                ck_assert_ptr_null(fault);
}
END_TEST

static const struct {
        const char *path;
        bool is_path;
} paths[] = {
        { "/$iothub/websocket", true },
        { "/$iothub/websocket?iothub-no-client-cert=true", true },
        { "/", true },
        { "", false },
        { "mqtt", false },
        { "/a b", false },
        { "/a\r\nX: y", false },
        { "/caf\xc3\xa9", false },
        { "/a#b", false },
};

START_TEST(a_path_is_one_that_a_request_can_have) {
        ck_assert(mqtt_upgrade_is_path(paths[_i].path) == paths[_i].is_path);
}
END_TEST

static Suite *upgrade_suite(void) {
        Suite *s = suite_create("mqtt-upgrade");
        TCase *t = tcase_create("upgrade");

        tcase_add_loop_test(t, an_answer_is_checked_as_rfc_6455_says, 0, ELEMENTSOF(answers));
        tcase_add_loop_test(t, a_path_is_one_that_a_request_can_have, 0, ELEMENTSOF(paths));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(upgrade_suite)
