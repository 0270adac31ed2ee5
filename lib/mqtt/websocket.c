/* SPDX-License-Identifier: MIT */

#include <mqtt/websocket.h>

#include <assert.h>
#include <openssl/rand.h>
#include <stdarg.h>

/* RFC 6455, section 5.2. */
enum {
        BIT_FIN = 0x80,
        BITS_RESERVED = 0x70,
        BITS_OPCODE = 0x0f,
        BIT_CONTROL = 0x08,
        BIT_MASK = 0x80,
        BITS_LENGTH = 0x7f,
        LENGTH_16 = 126, /* the length is in the next 2 bytes */
        LENGTH_64 = 127, /* or 8 */
};

enum {
        OPCODE_CONTINUATION = 0x0,
        OPCODE_TEXT = 0x1,
        OPCODE_BINARY = 0x2,
        OPCODE_CLOSE = 0x8,
        OPCODE_PING = 0x9,
        OPCODE_PONG = 0xa,
};

/* Section 7.4.1. */
enum {
        CLOSE_NORMAL = 1000,
        CLOSE_PROTOCOL_ERROR = 1002,
};

int mqtt_websocket_new(MqttWebSocket **ret) {
        MqttWebSocket *ws = malloc(sizeof(*ws));

        if (!ws)
                return -ENOMEM;
        *ws = (MqttWebSocket){};
        *ret = ws;
        return 0;
}

MqttWebSocket *mqtt_websocket_free(MqttWebSocket *ws) {
        if (ws)
                explicit_bzero(ws->out, sizeof(ws->out));
        free(ws);
        return NULL;
}

/* ---- Inbound ---- */

_printf_(4, 5) static void websocket_end(MqttWebSocket *ws, MqttWebSocketEnd end, uint16_t close_code,
                                         const char *format, ...) {
        va_list arguments;

        ws->end = end;
        ws->close_code = close_code;
        ws->is_pong_due = false;
        va_start(arguments, format);
        (void) vsnprintf(ws->text, sizeof(ws->text), format, arguments);
        va_end(arguments);
}

static void websocket_break(MqttWebSocket *ws, const char *what) {
        websocket_end(ws, MQTT_WEBSOCKET_BROKEN, CLOSE_PROTOCOL_ERROR,
                      "the server broke the WebSocket protocol: it sent %s", what);
}

/* NULL, or what is wrong with the first two bytes of a frame. */
static const char *find_violation(const MqttWebSocket *ws) {
        uint8_t opcode = ws->head[0] & BITS_OPCODE, length = ws->head[1] & BITS_LENGTH;
        bool is_last = (ws->head[0] & BIT_FIN) != 0;

        if ((ws->head[0] & BITS_RESERVED) != 0)
                return "a frame of an extension that was not asked for";
        if ((ws->head[1] & BIT_MASK) != 0)
                return "a masked frame";
        if ((opcode & BIT_CONTROL) != 0 && (!is_last || length > MQTT_WEBSOCKET_CONTROL_MAX))
                return "a control frame that is too long or fragmented";
        switch (opcode) {
        case OPCODE_CONTINUATION:
                return ws->is_in_message ? NULL : "a continuation of nothing";
        case OPCODE_BINARY:
                return ws->is_in_message ? "a new message inside of another" : NULL;
        case OPCODE_TEXT:
                return "a text frame, and MQTT is binary";
        case OPCODE_CLOSE:
        case OPCODE_PING:
        case OPCODE_PONG:
                return NULL;
        default:
                return "a frame of an unknown kind";
        }
}

/* How long the head is, as far as the bytes that are there say. */
static size_t head_size(const MqttWebSocket *ws) {
        uint8_t length = ws->head[1] & BITS_LENGTH;

        if (ws->n_head < 2 || length < LENGTH_16)
                return 2;
        return length == LENGTH_16 ? 4 : 10;
}

static bool head_is_complete(const MqttWebSocket *ws) {
        return ws->n_head == head_size(ws);
}

static void websocket_begin_frame(MqttWebSocket *ws) {
        uint64_t length = ws->head[1] & BITS_LENGTH;
        size_t size = head_size(ws);

        if (size > 2) {
                length = 0;
                for (size_t i = 2; i < size; i++)
                        length = length << 8 | ws->head[i];
                /* "the minimal number of bytes MUST be used", "the most significant bit MUST be 0" */
                if (length < (size == 4 ? LENGTH_16 : 0x10000U) || length > INT64_MAX) {
                        websocket_break(ws, "a length that is not well-formed");
                        return;
                }
        }
        ws->opcode = ws->head[0] & BITS_OPCODE;
        ws->is_last = (ws->head[0] & BIT_FIN) != 0;
        ws->n_left = length;
        ws->n_control = 0;
        if ((ws->opcode & BIT_CONTROL) == 0)
                ws->is_in_message = !ws->is_last;
}

static void websocket_take_head(MqttWebSocket *ws, uint8_t byte) {
        const char *what;

        ws->head[ws->n_head++] = byte;
        what = ws->n_head == 2 ? find_violation(ws) : NULL;
        if (what)
                websocket_break(ws, what);
        else if (head_is_complete(ws))
                websocket_begin_frame(ws);
}

static void websocket_on_close(MqttWebSocket *ws) {
        char reason[MQTT_WEBSOCKET_CONTROL_MAX] = "";

        if (ws->n_control == 0) {
                websocket_end(ws, MQTT_WEBSOCKET_CLOSED, CLOSE_NORMAL, "the server closed the WebSocket");
                return;
        }
        if (ws->n_control == 1) {
                websocket_break(ws, "half a status code");
                return;
        }
        /* It is for people; what is not ASCII may be anything. */
        for (size_t i = 2; i < ws->n_control; i++)
                reason[i - 2] = ws->control[i] >= ' ' && ws->control[i] <= '~' ? (char) ws->control[i] : '?';
        websocket_end(ws, MQTT_WEBSOCKET_CLOSED, CLOSE_NORMAL, "the server closed the WebSocket (%u%s%s)",
                      (unsigned) (ws->control[0] << 8 | ws->control[1]), reason[0] ? ": " : "", reason);
}

static void websocket_end_frame(MqttWebSocket *ws) {
        ws->n_head = 0;
        if (ws->opcode == OPCODE_CLOSE)
                websocket_on_close(ws);
        if (ws->opcode != OPCODE_PING)
                return;
        /* An answer to the last of several is enough. */
        memcpy(ws->pong, ws->control, ws->n_control);
        ws->n_pong = ws->n_control;
        ws->is_pong_due = true;
}

/* Takes bytes of a payload; returns how many. Those of a message go to 'ret', which may overlap. */
static size_t websocket_take_payload(MqttWebSocket *ws, const uint8_t *bytes, size_t n, uint8_t *ret,
                                     size_t *n_payload) {
        n = (size_t) MIN((uint64_t) n, ws->n_left);
        if ((ws->opcode & BIT_CONTROL) != 0) {
                memcpy(ws->control + ws->n_control, bytes, n);
                ws->n_control += n;
        } else {
                memmove(ret + *n_payload, bytes, n);
                *n_payload += n;
        }
        ws->n_left -= n;
        return n;
}

size_t mqtt_websocket_decode(MqttWebSocket *ws, uint8_t *bytes, size_t n) {
        size_t n_payload = 0, i = 0;

        while (i < n && ws->end == MQTT_WEBSOCKET_OPEN) {
                if (head_is_complete(ws))
                        i += websocket_take_payload(ws, bytes + i, n - i, bytes, &n_payload);
                else
                        websocket_take_head(ws, bytes[i++]);
                if (ws->end == MQTT_WEBSOCKET_OPEN && head_is_complete(ws) && ws->n_left == 0)
                        websocket_end_frame(ws);
        }
        return n_payload;
}

/* ---- Outbound ---- */

/* "a masking key is a 32-bit value chosen at random", anew for each frame. */
static int websocket_frame(MqttWebSocket *ws, uint8_t opcode, const uint8_t *payload, size_t n) {
        uint8_t *out = ws->out, mask[4];
        size_t n_head = 0;

        assert(ws->out_begin == ws->out_end && n + MQTT_WEBSOCKET_HEAD_MAX <= sizeof(ws->out));

        if (RAND_bytes(mask, sizeof(mask)) != 1)
                return -EIO;
        out[n_head++] = BIT_FIN | opcode;
        if (n < LENGTH_16) {
                out[n_head++] = (uint8_t) (BIT_MASK | n);
        } else {
                out[n_head++] = BIT_MASK | LENGTH_16;
                out[n_head++] = (uint8_t) (n >> 8);
                out[n_head++] = (uint8_t) n;
        }
        memcpy(out + n_head, mask, sizeof(mask));
        n_head += sizeof(mask);
        for (size_t i = 0; i < n; i++)
                out[n_head + i] = payload[i] ^ mask[i % sizeof(mask)];
        ws->out_begin = 0;
        ws->out_end = n_head + n;
        return 0;
}

ssize_t mqtt_websocket_put(MqttWebSocket *ws, const uint8_t *bytes, size_t n) {
        int r;

        n = MIN(n, sizeof(ws->out) - MQTT_WEBSOCKET_HEAD_MAX);
        r = websocket_frame(ws, OPCODE_BINARY, bytes, n);
        return r < 0 ? r : (ssize_t) n;
}

void mqtt_websocket_close(MqttWebSocket *ws) {
        if (ws->close_code == 0)
                ws->close_code = CLOSE_NORMAL;
}

static int websocket_frame_control(MqttWebSocket *ws) {
        const uint8_t code[] = { (uint8_t) (ws->close_code >> 8), (uint8_t) ws->close_code };

        if (ws->close_code != 0 && !ws->is_close_sent) {
                ws->is_close_sent = true;
                return websocket_frame(ws, OPCODE_CLOSE, code, sizeof(code));
        }
        if (!ws->is_pong_due)
                return 0;
        ws->is_pong_due = false;
        return websocket_frame(ws, OPCODE_PONG, ws->pong, ws->n_pong);
}

ssize_t mqtt_websocket_pending(MqttWebSocket *ws, const uint8_t **ret) {
        int r;

        if (ws->out_begin == ws->out_end) {
                r = websocket_frame_control(ws);
                if (r < 0)
                        return r;
        }
        *ret = ws->out + ws->out_begin;
        return (ssize_t) (ws->out_end - ws->out_begin);
}

void mqtt_websocket_sent(MqttWebSocket *ws, size_t n) {
        assert(n <= ws->out_end - ws->out_begin);

        ws->out_begin += n;
        if (ws->out_begin < ws->out_end)
                return;
        /* CONNECT has a password. */
        explicit_bzero(ws->out, ws->out_end);
        ws->out_begin = ws->out_end = 0;
}
