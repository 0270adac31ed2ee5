/* SPDX-License-Identifier: MIT */

#include <mqtt/websocket.h>

#include "unit.h"

#define FRAME(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static MqttWebSocket *websocket_new(void) {
        MqttWebSocket *ws;

        ck_assert_int_eq(mqtt_websocket_new(&ws), 0);
        return ws;
}

/* ---- What a server sends ---- */

static const struct {
        const uint8_t *bytes;
        size_t n;
        const char *payload;
        MqttWebSocketEnd end;
        const char *text; /* why it is over */
        const char *pong; /* the payload of the pong that is due */
} frames[] = {
        { FRAME(0x82, 2, 'h', 'i'), "hi", MQTT_WEBSOCKET_OPEN, NULL, NULL },
        { FRAME(0x82, 0), "", MQTT_WEBSOCKET_OPEN, NULL, NULL },
        { FRAME(0x82, 2, 'h', 'i', 0x82, 3, 'y', 'o', 'u'), "hiyou", MQTT_WEBSOCKET_OPEN, NULL, NULL },
        { FRAME(0x82, 2, 'h'), "h", MQTT_WEBSOCKET_OPEN, NULL, NULL },
        { FRAME(0x82), "", MQTT_WEBSOCKET_OPEN, NULL, NULL },

        /* Fragments, with a ping in between. */
        { FRAME(0x02, 1, 'h', 0x00, 1, 'i', 0x80, 1, '!', 0x82, 1, '?'), "hi!?", MQTT_WEBSOCKET_OPEN, NULL,
          NULL },
        { FRAME(0x02, 1, 'h', 0x89, 1, 'p', 0x80, 1, 'i'), "hi", MQTT_WEBSOCKET_OPEN, NULL, "p" },
        { FRAME(0x02, 0, 0x80, 0), "", MQTT_WEBSOCKET_OPEN, NULL, NULL },
        { FRAME(0x80, 1, 'h'), "", MQTT_WEBSOCKET_BROKEN, "a continuation of nothing", NULL },
        { FRAME(0x82, 0, 0x80, 0), "", MQTT_WEBSOCKET_BROKEN, "a continuation of nothing", NULL },
        { FRAME(0x02, 1, 'h', 0x82, 1, 'i'), "h", MQTT_WEBSOCKET_BROKEN, "a new message inside of another",
          NULL },

        { FRAME(0x89, 0), "", MQTT_WEBSOCKET_OPEN, NULL, "" },
        { FRAME(0x89, 1, 'a', 0x89, 1, 'b'), "", MQTT_WEBSOCKET_OPEN, NULL, "b" },
        { FRAME(0x89, 1, 'a', 0x82, 1, 'x'), "x", MQTT_WEBSOCKET_OPEN, NULL, "a" },
        { FRAME(0x8a, 1, 'a'), "", MQTT_WEBSOCKET_OPEN, NULL, NULL },

        /* The end. What came before it is good, what comes behind it does not count. */
        { FRAME(0x88, 0), "", MQTT_WEBSOCKET_CLOSED, "the server closed the WebSocket", NULL },
        { FRAME(0x82, 1, 'x', 0x88, 2, 0x03, 0xe8, 0x82, 1, 'y'), "x", MQTT_WEBSOCKET_CLOSED,
          "the server closed the WebSocket (1000)", NULL },
        { FRAME(0x88, 6, 0x03, 0xe9, 'b', 'y', 'e', 0xff), "", MQTT_WEBSOCKET_CLOSED,
          "the server closed the WebSocket (1001: bye?)", NULL },
        { FRAME(0x89, 1, 'a', 0x88, 0), "", MQTT_WEBSOCKET_CLOSED, "the server closed the WebSocket", NULL },
        { FRAME(0x88, 1, 0x03), "", MQTT_WEBSOCKET_BROKEN, "half a status code", NULL },

        { FRAME(0x81, 2, 'h', 'i'), "", MQTT_WEBSOCKET_BROKEN, "a text frame", NULL },
        { FRAME(0x82, 0x82, 1, 2, 3, 4, 'h', 'i'), "", MQTT_WEBSOCKET_BROKEN, "a masked frame", NULL },
        { FRAME(0xc2, 1, 'x'), "", MQTT_WEBSOCKET_BROKEN, "an extension that was not asked for", NULL },
        { FRAME(0xa2, 1, 'x'), "", MQTT_WEBSOCKET_BROKEN, "an extension that was not asked for", NULL },
        { FRAME(0x92, 1, 'x'), "", MQTT_WEBSOCKET_BROKEN, "an extension that was not asked for", NULL },
        { FRAME(0x83, 1, 'x'), "", MQTT_WEBSOCKET_BROKEN, "a frame of an unknown kind", NULL },
        { FRAME(0x8b, 1, 'x'), "", MQTT_WEBSOCKET_BROKEN, "a frame of an unknown kind", NULL },
        { FRAME(0x09, 1, 'x'), "", MQTT_WEBSOCKET_BROKEN, "too long or fragmented", NULL },
        { FRAME(0x89, 126, 0, 126), "", MQTT_WEBSOCKET_BROKEN, "too long or fragmented", NULL },
        { FRAME(0x82, 126, 0, 125), "", MQTT_WEBSOCKET_BROKEN, "a length that is not well-formed", NULL },
        { FRAME(0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff), "", MQTT_WEBSOCKET_BROKEN,
          "a length that is not well-formed", NULL },
        { FRAME(0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0), "", MQTT_WEBSOCKET_BROKEN,
          "a length that is not well-formed", NULL },
        { FRAME(0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0, 'x'), "x", MQTT_WEBSOCKET_OPEN, NULL, NULL },
};

/* Decodes in pieces of at most 'n_chunk'. */
static size_t decode(MqttWebSocket *ws, const uint8_t *bytes, size_t n, size_t n_chunk, uint8_t *ret) {
        uint8_t buffer[256];
        size_t n_payload = 0;

        for (size_t i = 0; i < n; i += n_chunk) {
                size_t n_piece = MIN(n_chunk, n - i), n_new;

                memcpy(buffer, bytes + i, n_piece);
                n_new = mqtt_websocket_decode(ws, buffer, n_piece);
                memcpy(ret + n_payload, buffer, n_new);
                n_payload += n_new;
        }
        return n_payload;
}

/* Takes one whole frame of ours: its opcode and its payload without the mask. */
static uint8_t take_frame(MqttWebSocket *ws, uint8_t *payload, size_t *n_payload) {
        const uint8_t *bytes;
        ssize_t n = mqtt_websocket_pending(ws, &bytes);
        uint8_t opcode = bytes[0];
        size_t n_head = 2;

        ck_assert_int_gt(n, 5);
        ck_assert_uint_eq(bytes[1] & 0x80, 0x80);
        *n_payload = bytes[1] & 0x7f;
        if (*n_payload == 126) {
                *n_payload = (size_t) (bytes[2] << 8 | bytes[3]);
                ck_assert_uint_ge(*n_payload, 126);
                n_head = 4;
        }
        ck_assert_uint_eq((size_t) n, n_head + 4 + *n_payload);
        for (size_t i = 0; i < *n_payload; i++)
                payload[i] = bytes[n_head + 4 + i] ^ bytes[n_head + i % 4];
        mqtt_websocket_sent(ws, (size_t) n);
        return opcode;
}

START_TEST(frames_become_bytes_or_a_reason_in_any_split) {
        for (size_t n_chunk = 1; n_chunk <= frames[_i].n; n_chunk++) {
                MqttWebSocket *ws = websocket_new();
                uint8_t payload[256];
                size_t n = decode(ws, frames[_i].bytes, frames[_i].n, n_chunk, payload);
                const uint8_t *bytes;

                ck_assert_uint_eq(n, strlen(frames[_i].payload));
                ck_assert_mem_eq(payload, frames[_i].payload, n);
                ck_assert_int_eq(ws->end, frames[_i].end);
                if (frames[_i].text)
                        ck_assert_msg(strstr(ws->text, frames[_i].text), "%s", ws->text);
                if (frames[_i].pong) {
                        ck_assert_uint_eq(take_frame(ws, payload, &n), 0x8a);
                        ck_assert_uint_eq(n, strlen(frames[_i].pong));
                        ck_assert_mem_eq(payload, frames[_i].pong, n);
                }
                if (ws->end != MQTT_WEBSOCKET_OPEN) {
                        const uint8_t code = ws->end == MQTT_WEBSOCKET_CLOSED ? 0xe8 : 0xea;

                        ck_assert_uint_eq(take_frame(ws, payload, &n), 0x88);
                        ck_assert_uint_eq(n, 2);
                        ck_assert_uint_eq(payload[0], 3);
                        ck_assert_uint_eq(payload[1], code);
                }
                ck_assert_int_eq(mqtt_websocket_pending(ws, &bytes), 0);
                (void) mqtt_websocket_free(ws);
        }
}
END_TEST

START_TEST(a_frame_of_any_length_streams_through) {
        static const size_t lengths[] = { 125, 126, 65535, 65536, 300000 };
        size_t length = lengths[_i], n_payload = 0;
        uint8_t head[10] = { 0x82, 127 }, buffer[4096] = {};
        size_t n_head = length < 126 ? 2 : length < 65536 ? 4 : 10;
        MqttWebSocket *ws = websocket_new();

        if (n_head == 2)
                head[1] = (uint8_t) length;
        if (n_head == 4)
                head[1] = 126;
        for (size_t i = 2; i < n_head; i++)
                head[i] = (uint8_t) ((uint64_t) length >> 8 * (n_head - 1 - i));
        ck_assert_uint_eq(mqtt_websocket_decode(ws, head, n_head), 0);
        while (n_payload < length)
                n_payload += mqtt_websocket_decode(ws, buffer, MIN(sizeof(buffer), length - n_payload));
        ck_assert_uint_eq(n_payload, length);
        /* The next byte begins a frame. */
        head[0] = 0x83;
        head[1] = 0;
        (void) mqtt_websocket_decode(ws, head, 2);
        ck_assert_int_eq(ws->end, MQTT_WEBSOCKET_BROKEN);
        (void) mqtt_websocket_free(ws);
}
END_TEST

/* ---- What we send ---- */

START_TEST(what_is_put_goes_out_as_masked_binary_frames_of_one_record) {
        static const size_t lengths[] = { 0, 1, 125, 126, 16376, 16377, 100000 };
        size_t length = lengths[_i], n;
        uint8_t *bytes = malloc(length + 1), payload[MQTT_WEBSOCKET_FRAME_MAX];
        MqttWebSocket *ws = websocket_new();

        for (size_t i = 0; i < length; i++)
                bytes[i] = (uint8_t) (i * 7);
        ck_assert_int_eq(mqtt_websocket_put(ws, bytes, length), (ssize_t) MIN(length, 16376U));
        ck_assert_uint_eq(take_frame(ws, payload, &n), 0x82);
        ck_assert_uint_eq(n, MIN(length, 16376U));
        ck_assert_mem_eq(payload, bytes, n);
        free(bytes);
        (void) mqtt_websocket_free(ws);
}
END_TEST

START_TEST(each_frame_has_a_mask_of_its_own) {
        MqttWebSocket *ws = websocket_new();
        uint8_t masks[2][4];

        for (size_t i = 0; i < 2; i++) {
                const uint8_t *bytes;

                ck_assert_int_eq(mqtt_websocket_put(ws, (const uint8_t *) "x", 1), 1);
                ck_assert_int_eq(mqtt_websocket_pending(ws, &bytes), 7);
                memcpy(masks[i], bytes + 2, 4);
                mqtt_websocket_sent(ws, 7);
        }
        ck_assert_mem_ne(masks[0], masks[1], 4);
        (void) mqtt_websocket_free(ws);
}
END_TEST

START_TEST(a_pong_waits_for_the_frame_that_leaves) {
        uint8_t ping[] = { 0x89, 1, 'p' }, payload[MQTT_WEBSOCKET_FRAME_MAX];
        MqttWebSocket *ws = websocket_new();
        const uint8_t *bytes;
        size_t n;

        ck_assert_int_eq(mqtt_websocket_put(ws, (const uint8_t *) "xyz", 3), 3);
        mqtt_websocket_sent(ws, 4);
        (void) mqtt_websocket_decode(ws, ping, sizeof(ping));
        ck_assert_int_eq(mqtt_websocket_pending(ws, &bytes), 5);
        mqtt_websocket_sent(ws, 5);
        ck_assert_uint_eq(take_frame(ws, payload, &n), 0x8a);
        ck_assert_uint_eq(n, 1);
        ck_assert_uint_eq(payload[0], 'p');
        (void) mqtt_websocket_free(ws);
}
END_TEST

START_TEST(closing_says_so_once_and_still_hears_the_server) {
        uint8_t rest[] = { 0x82, 1, 'x', 0x88, 2, 0x03, 0xe8 }, payload[MQTT_WEBSOCKET_FRAME_MAX];
        MqttWebSocket *ws = websocket_new();
        const uint8_t *bytes;
        size_t n;

        mqtt_websocket_close(ws);
        ck_assert_uint_eq(take_frame(ws, payload, &n), 0x88);
        ck_assert_uint_eq(mqtt_websocket_decode(ws, rest, sizeof(rest)), 1);
        ck_assert_int_eq(ws->end, MQTT_WEBSOCKET_CLOSED);
        mqtt_websocket_close(ws);
        ck_assert_int_eq(mqtt_websocket_pending(ws, &bytes), 0);
        (void) mqtt_websocket_free(ws);
}
END_TEST

static Suite *websocket_suite(void) {
        Suite *s = suite_create("mqtt-websocket");
        TCase *in = tcase_create("in"), *out = tcase_create("out");

        tcase_add_loop_test(in, frames_become_bytes_or_a_reason_in_any_split, 0, ELEMENTSOF(frames));
        tcase_add_loop_test(in, a_frame_of_any_length_streams_through, 0, 5);
        suite_add_tcase(s, in);
        tcase_add_loop_test(out, what_is_put_goes_out_as_masked_binary_frames_of_one_record, 0, 7);
        tcase_add_test(out, each_frame_has_a_mask_of_its_own);
        tcase_add_test(out, a_pong_waits_for_the_frame_that_leaves);
        tcase_add_test(out, closing_says_so_once_and_still_hears_the_server);
        suite_add_tcase(s, out);
        return s;
}

UNIT_MAIN(websocket_suite)
