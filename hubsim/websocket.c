/* SPDX-License-Identifier: MIT */

#include "hubsim/websocket.h"

#include "hubsim/upgrade.h"

enum {
        OPCODE_CONTINUATION = 0,
        OPCODE_TEXT = 1,
        OPCODE_BINARY = 2,
        OPCODE_CLOSE = 8,
        OPCODE_PING = 9,
        OPCODE_PONG = 10,
};

enum {
        CLOSE_NORMAL = 1000,
        CLOSE_PROTOCOL_ERROR = 1002,
        CLOSE_UNSUPPORTED_DATA = 1003,
        CLOSE_NO_CODE = 1005,
        CLOSE_INVALID_DATA = 1007,
};

#define FIN      0x80U
#define RESERVED 0x70U
#define MASKED   0x80U

/* Frames to the client ---------------------------------------------------------------------------------- */

static int append_frame(IpcBuffer *out, unsigned first, az_span payload) {
        uint64_t n = (uint64_t) az_span_size(payload);
        unsigned n_length = n < 126 ? 0 : n <= UINT16_MAX ? 2 : 8;
        uint8_t header[10] = { (uint8_t) first, (uint8_t) (n_length == 0 ? n : n_length == 2 ? 126 : 127) };
        int r;

        for (unsigned i = 0; i < n_length; i++)
                header[2 + i] = (uint8_t) (n >> (8 * (n_length - 1 - i)));
        r = buffer_append(out, header, 2 + n_length);
        return r < 0 ? r : buffer_append_span(out, payload);
}

int websocket_append_message(const WebSocket *w, az_span data, IpcBuffer *out) {
        int32_t size = w->fragment_size > 0 ? (int32_t) w->fragment_size : az_span_size(data);
        unsigned opcode = OPCODE_BINARY;
        int r;

        for (; az_span_size(data) > size; opcode = OPCODE_CONTINUATION) {
                r = append_frame(out, opcode, az_span_slice(data, 0, size));
                if (r < 0)
                        return r;
                /* "Control frames may be injected in the middle of a fragmented message." */
                r = append_frame(out, FIN | OPCODE_PING, AZ_SPAN_FROM_STR("?"));
                if (r < 0)
                        return r;
                data = az_span_slice_to_end(data, size);
        }
        return append_frame(out, FIN | opcode, data);
}

static int append_close(IpcBuffer *out, unsigned code) {
        uint8_t payload[2] = { (uint8_t) (code >> 8), (uint8_t) code };

        return append_frame(out, FIN | OPCODE_CLOSE,
                            code == CLOSE_NO_CODE ? AZ_SPAN_EMPTY : AZ_SPAN_FROM_BUFFER(payload));
}

int websocket_close(WebSocket *w, IpcBuffer *out) {
        if (w->state != WEBSOCKET_OPEN)
                return 0;
        w->state = WEBSOCKET_CLOSED;
        return append_close(out, CLOSE_NORMAL);
}

/* The upgrade ------------------------------------------------------------------------------------------- */

/* Returns how many bytes were taken, 0: more are needed. */
static int feed_request(WebSocket *w, az_span in, IpcBuffer *out) {
        Upgrade upgrade;
        int n = upgrade_find_end(in), r;

        if (n == 0 && az_span_size(in) < (int32_t) UPGRADE_MAX)
                return 0;
        if (n < 0)
                upgrade = (Upgrade){ .status = 400, .reason = "not a GET of HTTP/1.1" };
        else if (n == 0)
                upgrade = (Upgrade){ .status = 431, .reason = "a request of more than 8 KiB" };
        else
                upgrade = upgrade_parse(az_span_slice(in, 0, n), w->hosts);
        if (upgrade.status == 101 && w->refuse_status > 0)
                upgrade = (Upgrade){ .status = w->refuse_status,
                                     .reason = "the upgrade is refused, as it was asked to" };

        r = upgrade_append_answer(&upgrade, out);
        if (r < 0)
                return r;
        w->reason = upgrade.reason;
        w->ignores_certificate = upgrade.ignores_certificate;
        w->state = upgrade.status == 101 ? WEBSOCKET_OPEN : WEBSOCKET_CLOSED;
        return upgrade.status == 101 ? n : -EBADMSG;
}

/* Frames from the client -------------------------------------------------------------------------------- */

static int violate(WebSocket *w, unsigned code, const char *reason, IpcBuffer *out) {
        int r;

        w->state = WEBSOCKET_CLOSED;
        w->reason = reason;
        r = append_close(out, code);
        return r < 0 ? r : -EBADMSG;
}

/* Why the first two bytes of a header are wrong, NULL: they are not. */
static const char *find_offence(const WebSocket *w, unsigned first, unsigned second) {
        unsigned opcode = first & 0xf, length = second & 0x7f;

        if (first & RESERVED)
                return "a reserved bit is set";
        if (!(second & MASKED))
                return "a frame is not masked";
        if (opcode > OPCODE_PONG || (opcode > OPCODE_BINARY && opcode < OPCODE_CLOSE))
                return "a reserved opcode";
        if (opcode >= OPCODE_CLOSE && (!(first & FIN) || length > WEBSOCKET_CONTROL_MAX))
                return "a control frame is fragmented or too long";
        if (opcode == OPCODE_CONTINUATION && !w->is_in_message)
                return "nothing is to be continued";
        if ((opcode == OPCODE_BINARY || opcode == OPCODE_TEXT) && w->is_in_message)
                return "a message begins in another one";
        return NULL;
}

static int feed_header(WebSocket *w, az_span in, IpcBuffer *out) {
        const uint8_t *p = az_span_ptr(in);
        unsigned n_length, i;
        const char *offence;
        uint64_t length;

        if (az_span_size(in) < 2)
                return 0;
        offence = find_offence(w, p[0], p[1]);
        if (offence)
                return violate(w, CLOSE_PROTOCOL_ERROR, offence, out);
        if ((p[0] & 0xf) == OPCODE_TEXT)
                return violate(w, CLOSE_UNSUPPORTED_DATA, "a text frame", out);

        length = p[1] & 0x7f;
        n_length = length < 126 ? 0 : length == 126 ? 2 : 8;
        if ((uint32_t) az_span_size(in) < 2 + n_length + sizeof(w->mask))
                return 0;
        if (n_length > 0)
                for (length = 0, i = 0; i < n_length; i++)
                        length = length << 8 | p[2 + i];
        if ((n_length == 2 && length < 126) || (n_length == 8 && (length <= UINT16_MAX || length >> 63)))
                return violate(w, CLOSE_PROTOCOL_ERROR, "a length is not in its shortest form", out);

        w->opcode = p[0] & 0xf;
        w->n_left = length;
        w->n_unmasked = 0;
        w->is_in_frame = true;
        memcpy(w->mask, p + 2 + n_length, sizeof(w->mask));
        if (w->opcode < OPCODE_CLOSE)
                w->is_in_message = !(p[0] & FIN);
        return (int) (2 + n_length + sizeof(w->mask));
}

static bool close_code_is_valid(unsigned code) {
        return (code >= 1000 && code <= 1014 && code != 1004 && code != CLOSE_NO_CODE && code != 1006) ||
               (code >= 3000 && code <= 4999);
}

static int on_close(WebSocket *w, az_span payload, IpcBuffer *out) {
        const uint8_t *p = az_span_ptr(payload);
        int r;

        w->close_code = az_span_size(payload) < 2 ? CLOSE_NO_CODE : (unsigned) (p[0] << 8 | p[1]);
        if (az_span_size(payload) == 1 || (az_span_size(payload) > 1 && !close_code_is_valid(w->close_code)))
                return violate(w, CLOSE_PROTOCOL_ERROR, "not a code to close with", out);
        if (az_span_size(payload) > 2 && !az_span_is_valid_utf8(az_span_slice_to_end(payload, 2)))
                return violate(w, CLOSE_INVALID_DATA, "the reason to close is not UTF-8", out);

        w->state = WEBSOCKET_CLOSED;
        r = append_close(out, w->close_code);
        return r < 0 ? r : -ESHUTDOWN;
}

static int feed_payload(WebSocket *w, az_span in, IpcBuffer *data) {
        size_t n = (size_t) MIN((uint64_t) az_span_size(in), w->n_left);
        bool is_control = w->opcode >= OPCODE_CLOSE;
        uint8_t *p = is_control ? w->control + w->n_unmasked : ipc_buffer_reserve(data, n);

        if (!p)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                p[i] = az_span_ptr(in)[i] ^ w->mask[(w->n_unmasked + i) % sizeof(w->mask)];
        if (!is_control)
                ipc_buffer_commit(data, n);
        w->n_unmasked += n;
        w->n_left -= n;
        return (int) n;
}

static int end_frame(WebSocket *w, IpcBuffer *out) {
        az_span control = az_span_create(w->control, (int32_t) MIN(w->n_unmasked, WEBSOCKET_CONTROL_MAX));

        w->is_in_frame = false;
        if (w->opcode == OPCODE_CLOSE)
                return on_close(w, control, out);
        return w->opcode == OPCODE_PING ? append_frame(out, FIN | OPCODE_PONG, control) : 0;
}

int websocket_feed(WebSocket *w, IpcBuffer *in, IpcBuffer *data, IpcBuffer *out) {
        while (ipc_buffer_size(in) > 0) {
                int n, r;

                if (w->state == WEBSOCKET_REQUEST)
                        n = feed_request(w, buffer_span(in), out);
                else if (!w->is_in_frame)
                        n = feed_header(w, buffer_span(in), out);
                else
                        n = feed_payload(w, buffer_span(in), data);
                if (n <= 0)
                        return n;
                ipc_buffer_consume(in, (size_t) n);
                if (w->is_in_frame && w->n_left == 0) {
                        r = end_frame(w, out);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}
