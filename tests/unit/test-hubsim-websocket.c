/* SPDX-License-Identifier: MIT */

#include "hubsim/websocket.h"

#include "unit.h"

static const char *const hosts[] = { "localhost", NULL };

#define REQUEST                                                                                    \
        "GET /$iothub/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: " \
        "Upgrade\r\n"                                                                              \
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define MQTT "Sec-WebSocket-Protocol: mqtt\r\n"

/* Frames of a client; their mask, 0, changes nothing. */
#define NO_MASK "\0\0\0\0"

static az_span span(const char *text, size_t size) {
        return az_span_create((uint8_t *) text, (int32_t) size);
}

static const struct {
        const char *name;
        const char *in;
        size_t n_in;
        int result;
        const char *data, *out; /* behind the upgrade */
        size_t n_data, n_out;
} frames[] = {
#define ROW(name, in, result, data, out) \
        { name, in, sizeof(in) - 1, result, data, out, sizeof(data) - 1, sizeof(out) - 1 }
        ROW("nothing", "", 0, "", ""),
        ROW("a message", "\x82\x82" NO_MASK "ab", 0, "ab", ""),
        ROW("a message that is masked", "\x82\x83\1\2\3\4\x60\x60\x60", 0, "abc", ""),
        ROW("a mask goes round", "\x82\x85\1\2\3\4\x60\x60\x60\x60\x64", 0, "abcde", ""),
        ROW("an empty message", "\x82\x80" NO_MASK, 0, "", ""),
        ROW("two messages", "\x82\x81" NO_MASK "a\x82\x81" NO_MASK "b", 0, "ab", ""),
        ROW("a message in pieces", "\x02\x81" NO_MASK "a\x00\x81" NO_MASK "b\x80\x80" NO_MASK, 0, "ab", ""),
        ROW("a ping between pieces", "\x02\x81" NO_MASK "a\x89\x81" NO_MASK "x\x80\x81" NO_MASK "b", 0, "ab",
            "\x8a\1x"),
        ROW("a message that is not complete", "\x82\x83" NO_MASK "ab", 0, "ab", ""),
        ROW("half a header", "\x82\x83\0\0", 0, "", ""),
        ROW("a ping of nothing", "\x89\x80" NO_MASK, 0, "", "\x8a\0"),
        ROW("a pong nobody asked for", "\x8a\x81" NO_MASK "x", 0, "", ""),
        ROW("a close", "\x88\x82" NO_MASK "\x03\xe8", -ESHUTDOWN, "", "\x88\2\x03\xe8"),
        ROW("a close with a reason", "\x88\x84" NO_MASK "\x03\xe9ok", -ESHUTDOWN, "", "\x88\2\x03\xe9"),
        ROW("a close without a code", "\x88\x80" NO_MASK, -ESHUTDOWN, "", "\x88\0"),
        ROW("a close with half a code", "\x88\x81" NO_MASK "\x03", -EBADMSG, "", "\x88\2\x03\xea"),
        ROW("a close with a code that is never sent", "\x88\x82" NO_MASK "\x03\xed", -EBADMSG, "",
            "\x88\2\x03\xea"),
        ROW("a close whose reason is not UTF-8", "\x88\x83" NO_MASK "\x03\xe8\xff", -EBADMSG, "",
            "\x88\2\x03\xef"),
        ROW("what comes before a close", "\x82\x81" NO_MASK "a\x88\x80" NO_MASK, -ESHUTDOWN, "a", "\x88\0"),
        ROW("a frame without a mask", "\x82\1a", -EBADMSG, "", "\x88\2\x03\xea"),
        ROW("a reserved bit", "\xc2\x81" NO_MASK "a", -EBADMSG, "", "\x88\2\x03\xea"),
        ROW("a reserved opcode", "\x83\x81" NO_MASK "a", -EBADMSG, "", "\x88\2\x03\xea"),
        ROW("a reserved opcode of control", "\x8b\x80" NO_MASK, -EBADMSG, "", "\x88\2\x03\xea"),
        ROW("a text", "\x81\x81" NO_MASK "a", -EBADMSG, "", "\x88\2\x03\xeb"),
        ROW("a continuation of nothing", "\x80\x81" NO_MASK "a", -EBADMSG, "", "\x88\2\x03\xea"),
        ROW("a message in a message", "\x02\x81" NO_MASK "a\x82\x81" NO_MASK "b", -EBADMSG, "a",
            "\x88\2\x03\xea"),
        ROW("a ping in pieces", "\x09\x81" NO_MASK "a", -EBADMSG, "", "\x88\2\x03\xea"),
        ROW("a ping that is too long", "\x89\xfe\0\x7e" NO_MASK, -EBADMSG, "", "\x88\2\x03\xea"),
        ROW("a length of two bytes that fits one", "\x82\xfe\0\x7d" NO_MASK, -EBADMSG, "", "\x88\2\x03\xea"),
        ROW("a length of eight bytes that fits two", "\x82\xff\0\0\0\0\0\0\xff\xff" NO_MASK, -EBADMSG, "",
            "\x88\2\x03\xea"),
        ROW("a length beyond what there is", "\x82\xff\x80\0\0\0\0\0\0\0" NO_MASK, -EBADMSG, "",
            "\x88\2\x03\xea"),
        ROW("a long message that has begun", "\x82\xff\0\0\0\1\0\0\0\0" NO_MASK "ab", 0, "ab", ""),
#undef ROW
};

/* Feeds it in pieces of 'step' bytes. */
static void check_row(int i, size_t step) {
        _cleanup_(ipc_buffer_done) IpcBuffer in = {}, data = {}, out = {};
        WebSocket w = { .hosts = hosts };
        size_t n = 0;
        int r;

        ck_assert_int_eq(buffer_append(&in, REQUEST MQTT "\r\n", strlen(REQUEST MQTT "\r\n")), 0);
        ck_assert_int_eq(websocket_feed(&w, &in, &data, &out), 0);
        ck_assert_int_eq(w.state, WEBSOCKET_OPEN);
        ipc_buffer_done(&out);

        for (r = 0; r == 0 && n < frames[i].n_in; n += step) {
                ck_assert_int_eq(buffer_append(&in, frames[i].in + n, MIN(step, frames[i].n_in - n)), 0);
                r = websocket_feed(&w, &in, &data, &out);
        }
        ck_assert_msg(r == frames[i].result, "%s: %d %s", frames[i].name, r, w.reason ? w.reason : "");
        ck_assert_msg(az_span_is_content_equal(buffer_span(&data), span(frames[i].data, frames[i].n_data)),
                      "%s", frames[i].name);
        ck_assert_msg(az_span_is_content_equal(buffer_span(&out), span(frames[i].out, frames[i].n_out)), "%s",
                      frames[i].name);
        ck_assert_msg(!w.reason == (r != -EBADMSG), "%s", frames[i].name);
        ck_assert_int_eq(w.state, r == 0 ? WEBSOCKET_OPEN : WEBSOCKET_CLOSED);
}

START_TEST(frames_are_read_however_they_come) {
        for (size_t step = 1; step <= 32; step *= 2)
                check_row(_i, step);
}
END_TEST

static const struct {
        const char *name, *in;
        unsigned refuse_status;
        const char *answer; /* how it begins */
} refusals[] = {
        { "without a protocol", REQUEST "\r\n", 0, "HTTP/1.1 400 " },
        { "of another protocol", "\x10\x10", 0, "HTTP/1.1 400 " },
        { "that is refused on demand", REQUEST MQTT "\r\n", 503, "HTTP/1.1 503 " },
        { "that is refused for itself, and on demand", REQUEST "\r\n", 503, "HTTP/1.1 400 " },
};

START_TEST(request_is_refused) {
        _cleanup_(ipc_buffer_done) IpcBuffer in = {}, data = {}, out = {};
        WebSocket w = { .hosts = hosts, .refuse_status = refusals[_i].refuse_status };
        az_span answer;

        ck_assert_int_eq(buffer_append(&in, refusals[_i].in, strlen(refusals[_i].in)), 0);
        ck_assert_int_eq(websocket_feed(&w, &in, &data, &out), -EBADMSG);
        ck_assert_ptr_nonnull(w.reason);
        answer = buffer_span(&out);
        ck_assert_msg(az_span_size(answer) > 13 && memcmp(az_span_ptr(answer), refusals[_i].answer, 13) == 0,
                      "%s", refusals[_i].name);
        ipc_buffer_done(&out);
        ck_assert_int_eq(websocket_close(&w, &out), 0);
        ck_assert_uint_eq(ipc_buffer_size(&out), 0);
}
END_TEST

START_TEST(request_that_does_not_end_is_refused_when_it_is_too_long) {
        _cleanup_(ipc_buffer_done) IpcBuffer in = {}, data = {}, out = {};
        WebSocket w = { .hosts = hosts };

        ck_assert_int_eq(buffer_append(&in, "GET ", 4), 0);
        while (ipc_buffer_size(&in) < 8191)
                ck_assert_int_eq(buffer_append(&in, "a", 1), 0);
        ck_assert_int_eq(websocket_feed(&w, &in, &data, &out), 0);
        ck_assert_int_eq(buffer_append(&in, "a", 1), 0);
        ck_assert_int_eq(websocket_feed(&w, &in, &data, &out), -EBADMSG);
        ck_assert_int_eq(memcmp(az_span_ptr(buffer_span(&out)), "HTTP/1.1 431 ", 13), 0);
}
END_TEST

static const struct {
        size_t n_data;
        uint32_t fragment_size;
        const char *header;
        size_t n_header, n_out;
} messages[] = {
        { 2, 0, "\x82\2aa", 4, 4 },
        { 125, 0, "\x82\x7d", 2, 127 },
        { 126, 0, "\x82\x7e\0\x7e", 4, 130 },
        { 65535, 0, "\x82\x7e\xff\xff", 4, 65539 },
        { 65536, 0, "\x82\x7f\0\0\0\0\0\1\0\0", 10, 65546 },
        { 3, 2, "\2\2aa\x89\1?\x80\1a", 10, 10 },
        { 4, 2, "\2\2aa\x89\1?\x80\2aa", 11, 11 },
        { 5, 2, "\2\2aa\x89\1?\0\2aa\x89\1?\x80\1a", 17, 17 },
};

START_TEST(messages_are_framed) {
        static uint8_t data[65536];
        _cleanup_(ipc_buffer_done) IpcBuffer out = {};
        const WebSocket w = { .state = WEBSOCKET_OPEN, .fragment_size = messages[_i].fragment_size };

        memset(data, 'a', sizeof(data));
        ck_assert_int_eq(
                websocket_append_message(&w, az_span_create(data, (int32_t) messages[_i].n_data), &out), 0);
        ck_assert_uint_eq(ipc_buffer_size(&out), messages[_i].n_out);
        ck_assert_int_eq(memcmp(az_span_ptr(buffer_span(&out)), messages[_i].header, messages[_i].n_header),
                         0);
}
END_TEST

static Suite *hubsim_websocket_suite(void) {
        Suite *s = suite_create("hubsim-websocket");
        TCase *t = tcase_create("websocket_feed");

        tcase_add_loop_test(t, frames_are_read_however_they_come, 0, ELEMENTSOF(frames));
        tcase_add_loop_test(t, request_is_refused, 0, ELEMENTSOF(refusals));
        tcase_add_test(t, request_that_does_not_end_is_refused_when_it_is_too_long);
        suite_add_tcase(s, t);

        t = tcase_create("websocket_append_message");
        tcase_add_loop_test(t, messages_are_framed, 0, ELEMENTSOF(messages));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_websocket_suite)
