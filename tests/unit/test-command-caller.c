/* SPDX-License-Identifier: MIT */

#include "daemon/command-caller.h"

#include <stdarg.h>

#include "tests/unit/unit.h"

#define START_US  (1000 * USEC_PER_SEC)
#define TIMEOUT_S 5

/* The last wishes of a client, whose session the test plays, and what came of it. */
typedef struct Scene {
        aio_client client;
        aio_hlc_clock clock;
        aio_invocation invocations[COMMAND_INVOCATIONS_MAX];
        az_mqtt_user_property properties[32];
        aio_topic_token tokens[8];
        uint8_t scratch[4096], blocks[65536];
        uint64_t random; /* never twice the same */

        CommandCaller *caller;
        CommandInvocation *invocation;
        aio_time time;
        uint64_t subscribed, published, unsubscribed;
        uint8_t correlation[16];
        char response_topic[128];
        bool refuses; /* SUBSCRIBE, at once */
        char trace[1024];
} Scene;

static void _printf_(2, 3) trace(Scene *scene, const char *format, ...) {
        size_t n = strlen(scene->trace);
        va_list ap;

        va_start(ap, format);
        /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start() stands one line above */
        (void) vsnprintf(scene->trace + n, sizeof(scene->trace) - n, format, ap);
        va_end(ap);
}

static void on_carry(void *userdata, const aio_event *wish) {
        const az_mqtt_message *message = &wish->as.publish.message;
        Scene *scene = userdata;

        ck_assert_int_eq(wish->type, AIO_EVENT_PUBLISH);
        scene->published = wish->as.publish.token;
        memcpy(scene->correlation, az_span_ptr(message->correlation_data), sizeof(scene->correlation));
        (void) snprintf(scene->response_topic, sizeof(scene->response_topic), "%.*s",
                        az_span_size(message->response_topic), (char *) az_span_ptr(message->response_topic));
        trace(scene, "%.*s>%.*s ", az_span_size(message->topic), (char *) az_span_ptr(message->topic),
              az_span_size(message->payload), (char *) az_span_ptr(message->payload));
}

static void on_event(Scene *scene, const aio_event *event) {
        az_span filter = event->as.subscribe.filter;

        if (event->type == AIO_EVENT_SUBSCRIBE) {
                trace(scene, "+%.*s ", az_span_size(filter), (char *) az_span_ptr(filter));
                scene->subscribed = event->as.subscribe.token;
                if (scene->refuses)
                        aio_client_subscribed(&scene->client, scene->subscribed, AZ_OK, 0x97);
        } else if (event->type == AIO_EVENT_UNSUBSCRIBE) {
                trace(scene, "-%.*s ", az_span_size(filter), (char *) az_span_ptr(filter));
                scene->unsubscribed = event->as.unsubscribe.token;
        } else if (event->type > AIO_EVENT_WISHES_LAST && event->type != AIO_EVENT_IGNORED) {
                command_caller_on_event(scene->caller, event, scene->time);
        }
}

static void pump(Scene *scene) {
        aio_event event;

        while (aio_client_next_event(&scene->client, &event))
                on_event(scene, &event);
}

static void on_pump(void *userdata) {
        pump(userdata);
}

static void on_done(void *userdata, void *invocation_userdata, const aio_error *error,
                    const aio_received *received) {
        if (error->kind == AIO_ERROR_NONE)
                trace(userdata, "%s=%.*s ", (char *) invocation_userdata,
                      az_span_size(received->message.payload),
                      (char *) az_span_ptr(received->message.payload));
        else
                trace(userdata, "%s:%s ", (char *) invocation_userdata,
                      aio_error_kind_to_string(error->kind));
}

static const CommandCallerOps ops = { .pump = on_pump, .carry = on_carry, .done = on_done };

static void fill(void *context, uint8_t *bytes, size_t n) {
        Scene *scene = context;

        scene->random++;
        memset(bytes, 0, n);
        memcpy(bytes, &scene->random, MIN(n, sizeof(scene->random)));
}

static void scene_init(Scene *scene) {
        aio_client_options options = {
                .client_id = AZ_SPAN_FROM_STR("d"),
                .clock = &scene->clock,
                .random = fill,
                .random_context = scene,
        };
        aio_client_memory memory = {
                .invocations = scene->invocations,
                .n_invocations = ELEMENTSOF(scene->invocations),
                .user_properties = scene->properties,
                .n_user_properties = ELEMENTSOF(scene->properties),
                .tokens = scene->tokens,
                .n_tokens = ELEMENTSOF(scene->tokens),
                .scratch = AZ_SPAN_FROM_BUFFER(scene->scratch),
                .blocks = AZ_SPAN_FROM_BUFFER(scene->blocks),
        };

        *scene = (Scene){ .time = { START_US, 1700000000000 } };
        ck_assert(az_result_succeeded(aio_hlc_clock_init(&scene->clock, AZ_SPAN_FROM_STR("node"), 60000)));
        ck_assert(az_result_succeeded(aio_client_init(&scene->client, &options, &memory)));
        ck_assert_int_eq(
                command_caller_new(&scene->caller, &scene->client, AZ_SPAN_FROM_STR("ns"), &ops, scene), 0);
}

static void scene_done(Scene *scene) {
        scene->caller = command_caller_free(scene->caller);
}

static int invoke_as(Scene *scene, const char *topic, uid_t uid) {
        aio_request request = {
                .payload = AZ_SPAN_FROM_STR("p"),
                .has_timeout = true,
                .timeout_us = TIMEOUT_S * USEC_PER_SEC,
        };
        aio_error error;

        return command_caller_invoke(scene->caller, az_span_create_from_str((char *) topic), AZ_SPAN_EMPTY,
                                     &request, uid, (void *) "i", scene->time, &scene->invocation, &error);
}

/* The response to the last request. */
static void respond(Scene *scene, const char *status) {
        az_mqtt_user_property property = { AZ_SPAN_FROM_STR("__stat"),
                                           az_span_create_from_str((char *) status) };
        az_mqtt_message message = {
                .qos = 1,
                .topic = az_span_create_from_str(scene->response_topic),
                .payload = AZ_SPAN_FROM_STR("r"),
                .correlation_data = AZ_SPAN_FROM_BUFFER(scene->correlation),
                .user_properties = &property,
                .n_user_properties = 1,
        };

        ck_assert(az_result_succeeded(
                aio_client_received(&scene->client, &message, (aio_ack){ .sequence = 1 }, scene->time)));
        pump(scene);
}

static void pass(Scene *scene, uint64_t seconds) {
        scene->time.now_us += seconds * USEC_PER_SEC;
        scene->time.wall_ms += seconds * 1000;
        aio_client_timeout(&scene->client, scene->time);
        pump(scene);
        command_caller_run_due(scene->caller, scene->time);
        pump(scene);
}

/*
 * One step of a script:
 *      x     a command on x is invoked          ok    its SUBSCRIBE is acknowledged    no    it is refused
 *      200   the response, of that status       bad   its PUBLISH is refused           stop  nobody wants it
 *      lost  the broker has lost the session    @5    5 seconds pass                   un    UNSUBACK
 */
static void step(Scene *scene, const char *s) {
        if (*s == '@')
                pass(scene, strtoull(s + 1, NULL, 10));
        else if (*s >= '0' && *s <= '9')
                respond(scene, s);
        else if (strcmp(s, "ok") == 0)
                aio_client_subscribed(&scene->client, scene->subscribed, AZ_OK, 0);
        else if (strcmp(s, "no") == 0)
                aio_client_subscribed(&scene->client, scene->subscribed, AZ_OK, 0x87);
        else if (strcmp(s, "un") == 0)
                aio_client_unsubscribed(&scene->client, scene->unsubscribed, AZ_OK, 0);
        else if (strcmp(s, "bad") == 0)
                ck_assert(az_result_succeeded(
                        aio_client_published(&scene->client, scene->published, AZ_OK, 0x87, scene->time)));
        else if (strcmp(s, "stop") == 0)
                command_invocation_cancel(scene->invocation);
        else if (strcmp(s, "lost") == 0)
                aio_client_session_lost(&scene->client);
        else if (invoke_as(scene, s, 1000) == COMMAND_CALL_INVALID)
                trace(scene, "invalid ");
        pump(scene);
}

static const struct {
        const char *script, *trace;
} rows[] = {
        /* The subscription goes before the request, once for a pattern. */
        { "x ok 200", "+ns/clients/d/x ns/x>p i=r " },
        { "x ok 200 x 200", "+ns/clients/d/x ns/x>p i=r ns/x>p i=r " },
        { "x x y 200 @5", "+ns/clients/d/x ns/x>p ns/x>p +ns/clients/d/y ns/y>p i=r i:timeout i:timeout " },
        { "x 200", "+ns/clients/d/x ns/x>p i=r " },

        /* How it ends. */
        { "x ok 500", "+ns/clients/d/x ns/x>p i:unknown error " },
        { "x ok @5 200", "+ns/clients/d/x ns/x>p i:timeout " },
        { "x ok bad", "+ns/clients/d/x ns/x>p i:mqtt error " },
        { "x ok lost", "+ns/clients/d/x ns/x>p i:mqtt error " },
        { "x ok stop 200 x 200", "+ns/clients/d/x ns/x>p ns/x>p i=r " },
        { "x no x ok 200", "+ns/clients/d/x ns/x>p i:mqtt error +ns/clients/d/x ns/x>p i=r " },

        /* What cannot be invoked. */
        { "a#b", "invalid " },
        { "{t}", "+ns/clients/d/+ invalid " },

        /* A subscription that nobody has used for long ends. */
        { "x ok 200 @299 @1 un x 200",
          "+ns/clients/d/x ns/x>p i=r -ns/clients/d/x +ns/clients/d/x ns/x>p i=r " },
        { "x ok 200 @200 x 200 @200", "+ns/clients/d/x ns/x>p i=r ns/x>p i=r " },
};

START_TEST(invocations_come_to_an_end) {
        _cleanup_(scene_done) Scene scene;
        char script[128], *save, *word;

        scene_init(&scene);
        (void) snprintf(script, sizeof(script), "%s", rows[_i].script);
        for (word = strtok_r(script, " ", &save); word; word = strtok_r(NULL, " ", &save))
                step(&scene, word);
        ck_assert_str_eq(scene.trace, rows[_i].trace);
        ck_assert_uint_eq(command_caller_count(scene.caller), 0);
}
END_TEST

START_TEST(a_subscription_that_is_refused_at_once_is_no_invocation) {
        _cleanup_(scene_done) Scene scene;

        scene_init(&scene);
        scene.refuses = true;
        ck_assert_int_eq(invoke_as(&scene, "x", 1), COMMAND_CALL_TOO_MANY);
        ck_assert_str_eq(scene.trace, "+ns/clients/d/x ");
        ck_assert_uint_eq(command_caller_count(scene.caller), 0);
}
END_TEST

START_TEST(one_user_leaves_room_for_others) {
        _cleanup_(scene_done) Scene scene;

        scene_init(&scene);
        for (unsigned i = 0; i < IPC_ERRANDS_PER_UID; i++) {
                scene.trace[0] = 0;
                ck_assert_int_eq(invoke_as(&scene, "x", 1), 0);
        }
        ck_assert_int_eq(invoke_as(&scene, "x", 1), COMMAND_CALL_TOO_MANY);
        ck_assert_int_eq(invoke_as(&scene, "x", 2), 0);
        ck_assert_uint_eq(command_caller_count(scene.caller), IPC_ERRANDS_PER_UID + 1);
}
END_TEST

START_TEST(the_pattern_that_was_not_used_for_longest_makes_room) {
        _cleanup_(scene_done) Scene scene;
        char topic[16];

        scene_init(&scene);
        for (unsigned i = 0; i < COMMAND_INVOKERS_MAX; i++) {
                (void) snprintf(topic, sizeof(topic), "x%u", i);
                scene.trace[0] = 0;
                step(&scene, topic);
                step(&scene, "ok");
                step(&scene, i == 1 ? "ok" : "200"); /* the second is still under way */
                pass(&scene, i == 0);
        }
        scene.trace[0] = 0;
        step(&scene, "y");
        ck_assert_ptr_nonnull(strstr(scene.trace, "-ns/clients/d/x0 "));
        ck_assert_ptr_nonnull(strstr(scene.trace, "ns/y>p "));
}
END_TEST

static Suite *command_caller_suite(void) {
        Suite *suite = suite_create("command-caller");
        TCase *t;

        t = tcase_create("command_caller");
        tcase_add_loop_test(t, invocations_come_to_an_end, 0, ELEMENTSOF(rows));
        tcase_add_test(t, a_subscription_that_is_refused_at_once_is_no_invocation);
        suite_add_tcase(suite, t);

        t = tcase_create("limits");
        tcase_add_test(t, one_user_leaves_room_for_others);
        tcase_add_test(t, the_pattern_that_was_not_used_for_longest_makes_room);
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(command_caller_suite)
