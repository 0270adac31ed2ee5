/* SPDX-License-Identifier: MIT */

/*
 * The first byte says how the rest, which is what a server sends, is split. In any split it is the same
 * payload and the same end; and what we answer is whole control frames, nothing behind the close frame.
 */

#include <mqtt/websocket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Output {
        uint8_t *bytes;
        size_t n;
        MqttWebSocketEnd end;
        char text[sizeof(((MqttWebSocket *) NULL)->text)];
} Output;

static void check(bool condition) {
        if (!condition)
                abort();
}

/* Takes the answers; true: the close frame was among them. */
static bool take_answers(MqttWebSocket *ws) {
        bool is_closed = false;

        for (;;) {
                const uint8_t *bytes;
                ssize_t n = mqtt_websocket_pending(ws, &bytes);

                check(n >= 0 && n <= (ssize_t) (2 + 4 + MQTT_WEBSOCKET_CONTROL_MAX));
                if (n == 0)
                        return is_closed;
                check(!is_closed && (bytes[0] == 0x8a || bytes[0] == 0x88));
                check(bytes[1] == (0x80 | (n - 6)));
                is_closed = bytes[0] == 0x88;
                mqtt_websocket_sent(ws, (size_t) n);
        }
}

static void run(const uint8_t *data, size_t size, size_t n_chunk, Output *o) {
        MqttWebSocket *ws;
        bool is_closed = false;

        check(mqtt_websocket_new(&ws) == 0);
        o->bytes = malloc(size);
        check(o->bytes != NULL);
        o->n = 0;
        while (size > 0) {
                size_t n = MIN(n_chunk, size);

                /* There is room: a payload is never longer than what it came from. */
                memcpy(o->bytes + o->n, data, n);
                o->n += mqtt_websocket_decode(ws, o->bytes + o->n, n);
                is_closed |= take_answers(ws);
                data += n;
                size -= n;
        }
        check(is_closed == (ws->end != MQTT_WEBSOCKET_OPEN));
        o->end = ws->end;
        memcpy(o->text, ws->text, sizeof(o->text));
        (void) mqtt_websocket_free(ws);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Output whole, split;

        if (size < 2)
                return 0;
        run(data + 1, size - 1, SIZE_MAX, &whole);
        run(data + 1, size - 1, 1U + data[0], &split);
        check(whole.n == split.n && memcmp(whole.bytes, split.bytes, whole.n) == 0);
        check(whole.end == split.end && strcmp(whole.text, split.text) == 0);
        for (const char *c = whole.text; *c; c++)
                check(*c >= ' ' && *c <= '~');
        free(whole.bytes);
        free(split.bytes);
        return 0;
}
