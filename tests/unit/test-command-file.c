/* SPDX-License-Identifier: MIT */

#include "daemon/command-file.h"

#include "daemon/state-json.h"
#include "tests/unit/unit-span.h"

static void ignore(void *userdata) {
}

static void fill(void *context, uint8_t *bytes, size_t n) {
        memset(bytes, 7, n);
}

static const CommandServerOps ops = { .changed = ignore };

typedef struct Scene {
        aio_client client;
        aio_hlc_clock clock;
        uint8_t scratch[4096], blocks[4096];
        CommandServer *server;
} Scene;

static void scene_init(Scene *scene) {
        aio_client_options options = { .client_id = str("d"), .clock = &scene->clock, .random = fill };
        aio_client_memory memory = {
                .scratch = AZ_SPAN_FROM_BUFFER(scene->scratch),
                .blocks = AZ_SPAN_FROM_BUFFER(scene->blocks),
        };

        *scene = (Scene){};
        ck_assert(az_result_succeeded(aio_hlc_clock_init(&scene->clock, str("node"), 60000)));
        ck_assert(az_result_succeeded(aio_client_init(&scene->client, &options, &memory)));
        ck_assert_int_eq(command_server_new(&scene->server, &scene->client, AZ_SPAN_EMPTY, &ops, NULL), 0);
}

static void scene_done(Scene *scene) {
        scene->server = command_server_free(scene->server);
}

START_TEST(what_cannot_be_served_is_not_kept) {
        static const aio_topic_token token = { AZ_SPAN_LITERAL_FROM_STR("line"),
                                               AZ_SPAN_LITERAL_FROM_STR("3") };
        const CommandOffer offers[] = {
                { .topic = str("c/{line}/\"x\""), .tokens = { &token, 1 }, .share_name = str("g") },
                { .topic = str("c/y") },
        };
        _cleanup_(ipc_document_done) IpcDocument document = IPC_DOCUMENT_NULL;
        _cleanup_(freep) CommandRecord *records = NULL;
        _cleanup_(freep) char *text = NULL;
        _cleanup_(scene_done) Scene scene;
        size_t n;

        scene_init(&scene);
        for (size_t i = 0; i < ELEMENTSOF(offers); i++)
                (void) command_server_restore(scene.server, &offers[i], 1000 + (uid_t) i, (aio_time){});
        ck_assert_int_eq(command_file_format(scene.server, &text), 0);
        ck_assert_int_eq(command_file_parse(&document, str(text), &records, &n), 0);
        ck_assert_uint_eq(n, 1); /* a topic has no quotes */
        ck_assert_uint_eq(records[0].uid, 1001);
        ck_assert_span_eq(records[0].offer.topic, "c/y");
}
END_TEST

START_TEST(all_of_an_offer_is_kept) {
        static const aio_topic_token tokens[] = {
                { AZ_SPAN_LITERAL_FROM_STR("line"), AZ_SPAN_LITERAL_FROM_STR("3") },
                { AZ_SPAN_LITERAL_FROM_STR("ex:other"), AZ_SPAN_LITERAL_FROM_STR("a/b") },
        };
        const CommandOffer offer = { str("c/{line}"), { tokens, 2 }, str("g") };
        _cleanup_(ipc_document_done) IpcDocument document = IPC_DOCUMENT_NULL;
        _cleanup_(freep) CommandRecord *records = NULL;
        _cleanup_(freep) char *text = NULL;
        _cleanup_(scene_done) Scene scene;
        size_t n;

        scene_init(&scene);
        ck_assert_int_eq(command_server_restore(scene.server, &offer, UINT32_MAX - 1, (aio_time){}), 0);
        ck_assert_int_eq(command_file_format(scene.server, &text), 0);
        ck_assert_str_eq(
                text,
                "{\"commands\":[{\"user\":4294967294,\"topic\":\"c/{line}\",\"shareName\":\"g\",\"tokens\":"
                "[{\"key\":\"line\",\"value\":\"3\"},{\"key\":\"ex:other\",\"value\":\"a/b\"}]}]}");
        ck_assert_int_eq(command_file_parse(&document, str(text), &records, &n), 0);
        ck_assert_uint_eq(n, 1);
        ck_assert_uint_eq(records[0].uid, UINT32_MAX - 1);
        ck_assert_span_eq(records[0].offer.topic, "c/{line}");
        ck_assert_span_eq(records[0].offer.share_name, "g");
        ck_assert_int_eq(records[0].offer.tokens.n_tokens, 2);
        ck_assert_span_eq(records[0].offer.tokens.tokens[1].key, "ex:other");
        ck_assert_span_eq(records[0].offer.tokens.tokens[1].value, "a/b");
}
END_TEST

START_TEST(anything_else_is_refused) {
        static const char *const texts[] = {
                "",
                "[]",
                "{}",
                "{\"commands\":null}",
                "{\"commands\":[{}]}",
                "{\"commands\":[{\"user\":-1,\"topic\":\"a\",\"tokens\":[]}]}",
                "{\"commands\":[{\"user\":1,\"topic\":\"\",\"tokens\":[]}]}",
                "{\"commands\":[{\"user\":1,\"topic\":\"a\",\"tokens\":[{\"key\":\"a\"}]}]}",
                "{\"commands\":[],\"more\":1}",
        };
        _cleanup_(ipc_document_done) IpcDocument document = IPC_DOCUMENT_NULL;
        _cleanup_(freep) CommandRecord *records = NULL;
        size_t n;

        ck_assert_int_eq(command_file_parse(&document, str(texts[_i]), &records, &n), STATE_JSON_INVALID);
        ck_assert_ptr_null(records);
}
END_TEST

static Suite *command_file_suite(void) {
        Suite *suite = suite_create("command-file");
        TCase *t = tcase_create("command_file");

        tcase_add_test(t, what_cannot_be_served_is_not_kept);
        tcase_add_test(t, all_of_an_offer_is_kept);
        tcase_add_loop_test(t, anything_else_is_refused, 0, 9);
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(command_file_suite)
