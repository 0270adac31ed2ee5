/* SPDX-License-Identifier: MIT */

#include "ipc-test.h"
#include "ipc/wire.h"

#define MALFORMED IPC_WIRE_MALFORMED

static void assert_parameters(const IpcDocument *document, uint32_t token, const char *expected) {
        if (!expected)
                ck_assert_uint_eq(token, IPC_TOKEN_NONE);
        else
                assert_span(ipc_document_get_text(document, token), expected);
}

static const struct {
        const char *message;
        int result;
        const char *method, *parameters;
        bool more, oneway, upgrade;
} calls[] = {
        { "{\"method\":\"a.b.C\"}", 0, "a.b.C", NULL },
        { "{\"method\":\"a.b.C\",\"parameters\":{}}", 0, "a.b.C", "{}" },
        { "{\"parameters\":{\"x\":[1,{}]},\"method\":\"a.b.C\"}", 0, "a.b.C", "{\"x\":[1,{}]}" },
        { " {\n\"method\" : \"a.b.C\" , \"parameters\" : { \"x\" : 1.10 } }\r\n", 0, "a.b.C",
          "{ \"x\" : 1.10 }" },
        { "{\"method\":\"a.b.C\",\"more\":true}", 0, "a.b.C", NULL, .more = true },
        { "{\"method\":\"a.b.C\",\"oneway\":true}", 0, "a.b.C", NULL, .oneway = true },
        { "{\"method\":\"a.b.C\",\"upgrade\":true}", 0, "a.b.C", NULL, .upgrade = true },
        { "{\"method\":\"a.b.C\",\"more\":true,\"oneway\":false}", 0, "a.b.C", NULL, .more = true },

        /* null is the same as absent, but only where absent is allowed. */
        { "{\"method\":\"a.b.C\",\"parameters\":null,\"more\":null}", 0, "a.b.C", NULL },
        { "{\"method\":null}", MALFORMED },

        /* An extension is an object below a name with a '.'; we have none. */
        { "{\"method\":\"a.b.C\",\"org.example\":{\"x\":1}}", 0, "a.b.C", NULL },
        { "{\"method\":\"a.b.C\",\"org\\u002eexample\":{}}", 0, "a.b.C", NULL },
        { "{\"method\":\"a.b.C\",\"example\":{}}", MALFORMED },
        { "{\"method\":\"a.b.C\",\"error\":\"a.b.E\"}", MALFORMED },

        /* A name is its text, however it is written. */
        { "{\"m\\u0065thod\":\"a\\u002eb.C\"}", 0, "a.b.C", NULL },
        { "{\"method\":\"a.b.C\",\"m\\u0065thod\":\"a.b.D\"}", MALFORMED },
        { "{\"Method\":\"a.b.C\"}", MALFORMED },

        { "{\"method\":\"a.b.C\",\"method\":\"a.b.C\"}", MALFORMED },
        { "{\"method\":\"a.b.C\",\"more\":false,\"more\":true}", MALFORMED },
        { "{\"method\":\"a.b.C\",\"parameters\":null,\"parameters\":{}}", MALFORMED },
        { "{\"method\":\"a.b.C\",\"more\":true,\"oneway\":true}", MALFORMED },
        { "{\"method\":\"a.b.C\",\"upgrade\":true,\"more\":true}", MALFORMED },
        { "{\"method\":\"a.b.C\",\"more\":1}", MALFORMED },
        { "{\"method\":\"a.b.C\",\"oneway\":\"true\"}", MALFORMED },
        { "{\"method\":\"a.b.C\",\"parameters\":[]}", MALFORMED },
        { "{\"method\":\"\"}", MALFORMED },
        { "{\"method\":1}", MALFORMED },
        { "{}", MALFORMED },
        { "[]", MALFORMED },
        { "\"a.b.C\"", MALFORMED },
        { "null", MALFORMED },
        { "", MALFORMED },
        { " ", MALFORMED },
        { "garbage", MALFORMED },
        { "{\"method\":\"a.b.C\"} {}", MALFORMED },
        { "{\"method\":\"a.b.C\"},", MALFORMED },
        { "{\"method\":\"a.b.C\"", MALFORMED },
        { "{\"method\":\"a.b.C\",}", MALFORMED },
        { "{'method':'a.b.C'}", MALFORMED },
        { "\xef\xbb\xbf{\"method\":\"a.b.C\"}", MALFORMED },

        /* What is wrong far inside is wrong, too. */
        { "{\"method\":\"a.b.C\",\"parameters\":{\"x\":\"\xff\"}}", MALFORMED },
        { "{\"method\":\"a.b.C\",\"parameters\":{\"x\":\"\xc0\xaf\"}}", MALFORMED },
        { "{\"method\":\"a.b.C\",\"parameters\":{\"x\":\"\\ud800\"}}", MALFORMED },
        { "{\"method\":\"a.b.C\",\"parameters\":{\"x\":\"\n\"}}", MALFORMED },
        { "{\"method\":\"a.b.C\",\"parameters\":{\"x\":01}}", MALFORMED },
        { "{\"method\":\"a.b.C\",\"parameters\":{\"x\":NaN}}", MALFORMED },
        { "{\"method\":\"a.b.C\",\"parameters\":{\"x\":[1,]}}", MALFORMED },
};

START_TEST(call_is_parsed_or_refused_as_a_whole) {
        IpcDocument document = IPC_DOCUMENT_NULL;
        IpcWireCall call;

        ck_assert_int_eq(ipc_wire_parse_call(&document, span(calls[_i].message), &call), calls[_i].result);
        if (calls[_i].result == 0) {
                assert_span(call.method, calls[_i].method);
                assert_parameters(&document, call.parameters, calls[_i].parameters);
                ck_assert(call.more == calls[_i].more);
                ck_assert(call.oneway == calls[_i].oneway);
                ck_assert(call.upgrade == calls[_i].upgrade);
        }
        ipc_document_done(&document);
}
END_TEST

/* A message has 'depth' levels: itself, its parameters, and arrays. */
START_TEST(message_is_at_most_32_levels_deep) {
        static const struct {
                int depth, result;
        } rows[] = { { 3, 0 }, { 32, 0 }, { 33, MALFORMED }, { 1000, MALFORMED } };
        IpcDocument document = IPC_DOCUMENT_NULL;
        char message[4096] = "{\"method\":\"a.b.C\",\"parameters\":{\"x\":";
        IpcWireCall call;

        for (int i = 2; i < rows[_i].depth; i++)
                strcat(message, "[");
        for (int i = 2; i < rows[_i].depth; i++)
                strcat(message, "]");
        strcat(message, "}}");

        ck_assert_int_eq(ipc_wire_parse_call(&document, span(message), &call), rows[_i].result);
        ipc_document_done(&document);
}
END_TEST

static const struct {
        const char *message;
        int result;
        const char *error, *parameters;
        bool continues;
} replies[] = {
        { "{}", 0, NULL, NULL },
        { "{\"parameters\":{\"a\":1}}", 0, NULL, "{\"a\":1}" },
        { "{\"parameters\":{\"a\":1},\"continues\":true}", 0, NULL, "{\"a\":1}", true },
        { "{\"error\":\"a.b.E\"}", 0, "a.b.E", NULL },
        { "{\"error\":\"a.b.E\",\"parameters\":{\"a\":1}}", 0, "a.b.E", "{\"a\":1}" },
        { "{\"error\":null,\"continues\":null}", 0, NULL, NULL },
        { "{\"error\":\"a.b.E\",\"continues\":true}", MALFORMED },
        { "{\"error\":\"\"}", MALFORMED },
        { "{\"method\":\"a.b.C\"}", MALFORMED },
        { "{\"continues\":1}", MALFORMED },
        { "[]", MALFORMED },
};

START_TEST(reply_is_parsed_or_refused_as_a_whole) {
        IpcDocument document = IPC_DOCUMENT_NULL;
        IpcWireReply reply;

        ck_assert_int_eq(ipc_wire_parse_reply(&document, span(replies[_i].message), &reply),
                         replies[_i].result);
        if (replies[_i].result == 0) {
                assert_span(reply.error, replies[_i].error ?: "");
                assert_parameters(&document, reply.parameters, replies[_i].parameters);
                ck_assert(reply.continues == replies[_i].continues);
        }
        ipc_document_done(&document);
}
END_TEST

static const struct {
        const char *error;
        bool continues;
        const char *parameters, *message;
} formats[] = {
        { NULL, false, "", "{\"parameters\":{}}" },
        { NULL, false, "{\"n\":9007199254740993,\"x\":1.10}",
          "{\"parameters\":{\"n\":9007199254740993,\"x\":1.10}}" },
        { NULL, true, "{\"a\":1}", "{\"continues\":true,\"parameters\":{\"a\":1}}" },
        { "a.b.E", false, "{\"a\":1}", "{\"error\":\"a.b.E\",\"parameters\":{\"a\":1}}" },
        { "a.b.E", false, "", "{\"error\":\"a.b.E\",\"parameters\":{}}" },
};

START_TEST(reply_is_formatted_with_its_nul) {
        size_t size = strlen(formats[_i].message) + 1;
        uint8_t buffer[256];

        ck_assert_uint_eq(ipc_wire_format_reply(NULL, formats[_i].error, formats[_i].continues,
                                                span(formats[_i].parameters)),
                          size);
        ck_assert_uint_eq(ipc_wire_format_reply(buffer, formats[_i].error, formats[_i].continues,
                                                span(formats[_i].parameters)),
                          size);
        ck_assert_mem_eq(buffer, formats[_i].message, size);
}
END_TEST

START_TEST(one_document_serves_messages_of_any_size) {
        IpcDocument document = IPC_DOCUMENT_NULL;
        char message[8192] = "{\"method\":\"a.b.C\",\"parameters\":{\"x\":[1";
        IpcWireCall call;

        for (int i = 1; i < 2000; i++)
                strcat(message, ",1");
        strcat(message, "]}}");

        for (int i = 0; i < 3; i++) {
                ck_assert_int_eq(ipc_wire_parse_call(&document, span(message), &call), 0);
                ck_assert_uint_eq(document.n_tokens, 2000 + 7);
                ipc_document_reset(&document);
                ck_assert_int_eq(ipc_wire_parse_call(&document, span("{\"method\":\"a.b.D\"}"), &call), 0);
                assert_span(call.method, "a.b.D");
        }
        ipc_document_done(&document);
}
END_TEST

static Suite *wire_suite(void) {
        Suite *suite = suite_create("ipc-wire");
        TCase *t;

        t = tcase_create("ipc_wire_parse_call");
        tcase_add_loop_test(t, call_is_parsed_or_refused_as_a_whole, 0, ELEMENTSOF(calls));
        tcase_add_loop_test(t, message_is_at_most_32_levels_deep, 0, 4);
        tcase_add_test(t, one_document_serves_messages_of_any_size);
        suite_add_tcase(suite, t);

        t = tcase_create("ipc_wire_parse_reply");
        tcase_add_loop_test(t, reply_is_parsed_or_refused_as_a_whole, 0, ELEMENTSOF(replies));
        suite_add_tcase(suite, t);

        t = tcase_create("ipc_wire_format_reply");
        tcase_add_loop_test(t, reply_is_formatted_with_its_nul, 0, ELEMENTSOF(formats));
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(wire_suite)
