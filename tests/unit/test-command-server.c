/* SPDX-License-Identifier: MIT */

#include "daemon/command-server.h"

#include <stdarg.h>

#include "tests/unit/unit.h"

#define EXPIRY_S  60
#define TAKERS    3U
#define WISHES    32U
#define ID_NEVER  999
#define START_US  (1000 * USEC_PER_SEC)
#define NAMESPACE AZ_SPAN_FROM_STR("ns")

/* Takers A and B of one uid, C of another, on a client whose session the test plays; and what came of it. */
typedef struct Scene {
        aio_client client;
        aio_hlc_clock clock;
        aio_task tasks[32];
        az_mqtt_user_property properties[32];
        aio_topic_token tokens[8];
        uint8_t scratch[4096], blocks[32768];

        CommandServer *server;
        CommandTaker *takers[TAKERS];
        uint64_t last_id[TAKERS]; /* of the request that the taker was given last */
        aio_time time;
        uint64_t published[WISHES], subscribed[WISHES], unsubscribed[WISHES]; /* tokens without an answer */
        size_t n_published, n_subscribed, n_unsubscribed;
        unsigned n_changes; /* in what is served */
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

/* Of a request: its correlation data are its number, again and again. */
static char number_of(const az_mqtt_message *message) {
        return (char) az_span_ptr(message->correlation_data)[0];
}

/* The userdata of a taker is its letter. */
static void on_give(void *userdata, void *taker_userdata, const CommandRequest *request) {
        const char *letter = taker_userdata;
        Scene *scene = userdata;

        scene->last_id[*letter - 'A'] = request ? request->id : ID_NEVER;
        if (request)
                trace(scene, "%c<%c%s ", *letter, number_of(&request->received.message),
                      request->redelivered ? "+" : "");
        else
                trace(scene, "%c<- ", *letter);
}

static void on_refuse(void *userdata, void *taker_userdata, const aio_error *error) {
        trace(userdata, "%c<x%02x ", *(const char *) taker_userdata, error->mqtt_reason);
}

static void on_changed(void *userdata) {
        Scene *scene = userdata;

        scene->n_changes++;
}

static const CommandServerOps ops = { .give = on_give, .refuse = on_refuse, .changed = on_changed };

static void fill(void *context, uint8_t *bytes, size_t n) {
        memset(bytes, 7, n);
}

static void on_publish(Scene *scene, const aio_event *event) {
        const az_mqtt_message *message = &event->as.publish.message;
        az_span status;

        ck_assert(az_result_succeeded(aio_metadata_find(message, AZ_SPAN_FROM_STR("__stat"), &status)));
        trace(scene, "%c=%.*s%.*s ", number_of(message), az_span_size(status), (char *) az_span_ptr(status),
              az_span_size(message->payload), (char *) az_span_ptr(message->payload));
        scene->published[scene->n_published++] = event->as.publish.token;
}

static void on_event(Scene *scene, const aio_event *event) {
        az_span filter = event->as.subscribe.filter;

        if (event->type == AIO_EVENT_SUBSCRIBE) {
                trace(scene, "+%.*s ", az_span_size(filter), (char *) az_span_ptr(filter));
                scene->subscribed[scene->n_subscribed++] = event->as.subscribe.token;
        } else if (event->type == AIO_EVENT_UNSUBSCRIBE) {
                trace(scene, "-%.*s ", az_span_size(filter), (char *) az_span_ptr(filter));
                scene->unsubscribed[scene->n_unsubscribed++] = event->as.unsubscribe.token;
        } else if (event->type == AIO_EVENT_PUBLISH) {
                on_publish(scene, event);
        } else if (event->type == AIO_EVENT_ACK) {
                trace(scene, "ack%c ", (char) event->as.ack.ack.sequence);
        } else {
                command_server_on_event(scene->server, event);
        }
}

static void pump(Scene *scene) {
        aio_event event;

        while (aio_client_next_event(&scene->client, &event))
                on_event(scene, &event);
}

static void scene_init(Scene *scene) {
        static const char *const letters[] = { "A", "B", "C" };
        aio_client_options options = {
                .client_id = AZ_SPAN_FROM_STR("d"),
                .clock = &scene->clock,
                .random = fill,
        };
        aio_client_memory memory = {
                .tasks = scene->tasks,
                .n_tasks = ELEMENTSOF(scene->tasks),
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
        ck_assert_int_eq(command_server_new(&scene->server, &scene->client, NAMESPACE, &ops, scene), 0);
        for (size_t i = 0; i < TAKERS; i++)
                ck_assert_int_eq(command_taker_new(&scene->takers[i], scene->server, i < 2 ? 1000 : 1001,
                                                   (void *) letters[i]),
                                 0);
}

static void scene_done(Scene *scene) {
        for (size_t i = 0; i < TAKERS; i++)
                scene->takers[i] = command_taker_free(scene->takers[i], scene->time);
        scene->server = command_server_free(scene->server);
}

/* x and y are topics, t has a token, T one that is told; X is x with a share name, p the same filter as t. */
static CommandOffer offer_of(char letter) {
        static const aio_topic_token one = { AZ_SPAN_LITERAL_FROM_STR("line"),
                                             AZ_SPAN_LITERAL_FROM_STR("1") };

        switch (letter) {
        case 't':
                return (CommandOffer){ .topic = AZ_SPAN_FROM_STR("c/{line}/t") };
        case 'T':
                return (CommandOffer){ .topic = AZ_SPAN_FROM_STR("c/{line}/t"), .tokens = { &one, 1 } };
        case 'p':
                return (CommandOffer){ .topic = AZ_SPAN_FROM_STR("c/{press}/t") };
        case 'X':
                return (CommandOffer){ .topic = AZ_SPAN_FROM_STR("c/x"),
                                       .share_name = AZ_SPAN_FROM_STR("g") };
        case '#':
                return (CommandOffer){ .topic = AZ_SPAN_FROM_STR("c/#") };
        default:
                return (CommandOffer){ .topic = letter == 'x' ? AZ_SPAN_FROM_STR("c/x")
                                                              : AZ_SPAN_FROM_STR("c/y") };
        }
}

static void take(Scene *scene, size_t taker, char letter, uint64_t until_us) {
        static const char *const conditions[] = { "", "invalid ", "claimed ", "many ", "services ", "" };
        CommandOffer offer = offer_of(letter);
        aio_error error;
        int r;

        r = command_taker_wait(scene->takers[taker], &offer, until_us, scene->time, &error);
        ck_assert_int_ge(r, 0);
        trace(scene, "%s", conditions[r]);
}

static void settle(Scene *scene, size_t taker, char how) {
        aio_response response = { .payload = AZ_SPAN_FROM_STR("r") };
        aio_error error;
        int r;

        if (how == '%') /* an error of the application without a code */
                response.application_error_code = AZ_SPAN_FROM_STR("");
        r = command_taker_settle(scene->takers[taker], scene->last_id[taker], how == '!' ? NULL : &response,
                                 AZ_SPAN_FROM_STR("broken"), scene->time, &error);
        if (r == COMMAND_GONE)
                trace(scene, "gone ");
        if (r == COMMAND_INVALID)
                trace(scene, "invalid ");
}

static void request(Scene *scene, char number, char letter, bool dup) {
        char topic[16], correlation[16];
        az_mqtt_message message = {
                .qos = 1,
                .dup = dup,
                .response_topic = AZ_SPAN_FROM_STR("response"),
                .has_message_expiry = true,
                .message_expiry_s = EXPIRY_S,
                .correlation_data = AZ_SPAN_FROM_BUFFER(correlation),
        };

        memset(correlation, number, sizeof(correlation));
        (void) snprintf(topic, sizeof(topic), letter == 't' ? "ns/c/1/%c" : "ns/c/%c", letter);
        message.topic = az_span_create_from_str(topic);
        ck_assert(az_result_succeeded(aio_client_received(
                &scene->client, &message, (aio_ack){ 0, (uint64_t) (unsigned char) number }, scene->time)));
        pump(scene);
}

static void answer_all(Scene *scene, uint8_t reason) {
        for (size_t i = 0; i < scene->n_subscribed; i++) {
                aio_client_subscribed(&scene->client, scene->subscribed[i], AZ_OK, reason);
                pump(scene);
        }
        for (size_t i = 0; i < scene->n_unsubscribed; i++) {
                aio_client_unsubscribed(&scene->client, scene->unsubscribed[i], AZ_OK, 0);
                pump(scene);
        }
        for (size_t i = 0; i < scene->n_published; i++) {
                ck_assert(az_result_succeeded(
                        aio_client_published(&scene->client, scene->published[i], AZ_OK, 0, scene->time)));
                pump(scene);
        }
        scene->n_subscribed = scene->n_unsubscribed = scene->n_published = 0;
}

static void pass(Scene *scene, uint64_t seconds) {
        scene->time.now_us += seconds * USEC_PER_SEC;
        scene->time.wall_ms += seconds * 1000;
        aio_client_timeout(&scene->client, scene->time);
        pump(scene);
        command_server_run_due(scene->server, scene->time);
}

/*
 * One step of a script:
 *      Ax    A takes requests on x, for ever    Ax?   the same, for 100 s
 *      1:x   request 1 comes on x               1*x   it comes again
 *      A.    A settles what it was given last   A!    it says that the command has failed
 *      A%    its answer cannot be sent          A~    A stops waiting       A-    A is gone
 *      ok    the broker acknowledges all        no    it refuses all        @40   40 seconds pass
 */
static void step(Scene *scene, const char *s) {
        size_t taker = (size_t) (*s - 'A');

        if (*s == '@')
                pass(scene, strtoull(s + 1, NULL, 10));
        else if (strcmp(s, "ok") == 0)
                answer_all(scene, 0);
        else if (strcmp(s, "no") == 0)
                answer_all(scene, 0x87);
        else if (s[1] == ':' || s[1] == '*')
                request(scene, *s, s[2], s[1] == '*');
        else if (s[1] == '~')
                command_taker_cancel(scene->takers[taker]);
        else if (s[1] == '-')
                scene->takers[taker] = command_taker_free(scene->takers[taker], scene->time);
        else if (strchr(".!%", s[1]))
                settle(scene, taker, s[1]);
        else
                take(scene, taker, s[1], s[2] ? scene->time.now_us + 100 * USEC_PER_SEC : UINT64_MAX);
        pump(scene);
}

static const struct {
        const char *script, *trace;
} rows[] = {
        /* Serving begins with the first who takes, below the namespace. */
        { "Ax Bx", "+ns/c/x " },
        { "AX", "+$share/g/ns/c/x " },
        { "At", "+ns/c/+/t " },
        { "AT", "+ns/c/1/t " },
        { "A# Ax", "invalid +ns/c/x " },

        /* It is acknowledged when its response is. */
        { "Ax ok 1:x A. ok", "+ns/c/x A<1 1=200r ack1 " },
        { "Ax ok 1:x A! ok", "+ns/c/x A<1 1=500 ack1 " },
        { "Ax ok 1:x A% ok", "+ns/c/x A<1 invalid 1=500 ack1 " },
        { "At ok 1:t A. ok", "+ns/c/+/t A<1 1=200r ack1 " },

        /* Who has waited longest gets the next one. */
        { "Ax Bx ok 1:x 2:x A. Ax 3:x", "+ns/c/x A<1 B<2 1=200r A<3 " },
        { "Ax ok A~ Ay ok 1:x 2:y", "+ns/c/x +ns/c/y A<2 " },
        { "Ax ok A~ 1:x Bx", "+ns/c/x B<1 " },
        { "Ax ok 1:x 2:x 3:x A. Ax A. Ax", "+ns/c/x A<1 1=200r A<2 2=200r A<3 " },

        /* Of one who vanishes the next one gets it. */
        { "Ax ok 1:x A- Bx B. ok", "+ns/c/x A<1 B<1+ 1=200r ack1 " },
        { "Ax Bx ok 1:x A- B. ok", "+ns/c/x A<1 B<1+ 1=200r ack1 " },
        { "Ax ok 1:x A- @20 Bx B.", "+ns/c/x A<1 B<1+ 1=200r " },

        /* The same request again waits for the first one, and is answered by us when that is done. */
        { "Ax ok 1:x 1*x A. ok", "+ns/c/x A<1 1=200r ack1 ack1 " },
        { "Ax ok 1:x A. ok 1*x ok Ax", "+ns/c/x A<1 1=200r ack1 1=200r ack1 " },
        { "Ax ok 1*x", "+ns/c/x A<1+ " },

        /* Nobody waits for it any more. */
        { "Ax ok 1:x @60 A.", "+ns/c/x A<1 ack1 gone " },
        { "Ax ok A~ 1:x @60 Ax", "+ns/c/x ack1 " },
        { "Ax ok 1:x A. A.", "+ns/c/x A<1 1=200r gone " },
        { "Ax Bx ok 1:x B.", "+ns/c/x A<1 gone " },

        /* A wait has an end. */
        { "Ax? @99 @1 1:x Ax", "+ns/c/x A<- A<1 " },

        /* A topic has one who serves it. */
        { "Ax Cx Cy", "+ns/c/x claimed +ns/c/y " },
        { "Ax BX", "+ns/c/x claimed " },
        { "At Bp BT", "+ns/c/+/t claimed +ns/c/1/t " },
        { "AT Ct Cx", "+ns/c/1/t claimed +ns/c/x " },
        { "At CT", "+ns/c/+/t claimed " },
        { "Ax ok A- Cx @10 ok Cx", "+ns/c/x claimed -ns/c/x +ns/c/x " },

        /* It ends some time after the last has gone, unless requests wait. */
        { "Ax ok A- @9 @1 ok", "+ns/c/x -ns/c/x " },
        { "Ax ok A- @9 Bx @100", "+ns/c/x " },
        { "Ax ok A~ Ay ok @10", "+ns/c/x +ns/c/y -ns/c/x " },
        { "Ax ok 1:x A- @59 @1 ok", "+ns/c/x A<1 ack1 -ns/c/x " },
        { "Ax ok A- @10 Bx ok 1:x", "+ns/c/x -ns/c/x +ns/c/x B<1 " },

        /* The broker does not want it; it is asked again when a program does. */
        { "Ax Bx no Ax ok 1:x", "+ns/c/x A<x87 B<x87 +ns/c/x A<1 " },
        { "Ax A~ no Bx", "+ns/c/x +ns/c/x " },
};

START_TEST(requests_find_their_takers) {
        _cleanup_(scene_done) Scene scene;
        char script[128], *save, *word;

        scene_init(&scene);
        (void) snprintf(script, sizeof(script), "%s", rows[_i].script);
        for (word = strtok_r(script, " ", &save); word; word = strtok_r(NULL, " ", &save))
                step(&scene, word);
        ck_assert_str_eq(scene.trace, rows[_i].trace);
}
END_TEST

/* What was served is told, and served again by the server of the next daemon. */
START_TEST(what_was_served_is_served_again) {
        _cleanup_(scene_done) Scene scene;
        CommandOffer offer, other;
        uid_t uid;

        scene_init(&scene);
        step(&scene, "AT");
        step(&scene, "ok");
        ck_assert_uint_eq(scene.n_changes, 1);
        ck_assert(command_server_get_service(scene.server, 0, &offer, &uid));
        ck_assert(!command_server_get_service(scene.server, 1, &other, &uid));
        ck_assert_uint_eq(uid, 1000);

        scene_done(&scene);
        scene_init(&scene);
        offer = offer_of('T');
        ck_assert_int_eq(command_server_restore(scene.server, &offer, 1000, scene.time), 0);
        pump(&scene);
        step(&scene, "1*t");
        step(&scene, "CT");
        step(&scene, "@59");
        step(&scene, "AT");
        ck_assert_str_eq(scene.trace, "+ns/c/1/t claimed A<1+ ");
}
END_TEST

START_TEST(what_nobody_serves_again_ends) {
        _cleanup_(scene_done) Scene scene;
        CommandOffer offer = offer_of('x');

        scene_init(&scene);
        ck_assert_int_eq(command_server_restore(scene.server, &offer, 1000, scene.time), 0);
        pump(&scene);
        step(&scene, "ok");
        step(&scene, "@59");
        step(&scene, "@1");
        ck_assert_str_eq(scene.trace, "+ns/c/x -ns/c/x ");
        ck_assert_uint_eq(scene.n_changes, 2);
        ck_assert(!command_server_get_service(scene.server, 0, &offer, &(uid_t){ 0 }));
}
END_TEST

START_TEST(a_taker_has_few_that_it_has_not_settled) {
        _cleanup_(scene_done) Scene scene;

        scene_init(&scene);
        for (char number = 'a'; number < (char) ('a' + COMMAND_REQUESTS_PER_TAKER_MAX); number++) {
                take(&scene, 0, 'x', UINT64_MAX);
                pump(&scene);
                request(&scene, number, 'x', false);
        }
        scene.trace[0] = 0;
        take(&scene, 0, 'x', UINT64_MAX);
        ck_assert_str_eq(scene.trace, "many ");
        ck_assert_uint_eq(command_server_count_requests(scene.server), COMMAND_REQUESTS_PER_TAKER_MAX);
}
END_TEST

/* Each on a topic of its own: those of one user, and then of others, until there are no more. */
START_TEST(executors_are_limited) {
        CommandTaker *takers[COMMAND_SERVICES_PER_USER_MAX + 1] = {};
        _cleanup_(scene_done) Scene scene;
        aio_error error;

        scene_init(&scene);
        for (unsigned i = 0; i <= COMMAND_SERVICES_PER_USER_MAX; i++) {
                CommandOffer offer;
                char topic[16];

                (void) snprintf(topic, sizeof(topic), "c/%u", i);
                offer = (CommandOffer){ .topic = az_span_create_from_str(topic) };
                ck_assert_int_eq(command_taker_new(&takers[i], scene.server, 7, (void *) "A"), 0);
                ck_assert_int_eq(command_taker_wait(takers[i], &offer, UINT64_MAX, scene.time, &error),
                                 i < COMMAND_SERVICES_PER_USER_MAX ? 0 : COMMAND_TOO_MANY_SERVICES);
        }
        ck_assert_uint_eq(command_server_count_services(scene.server), COMMAND_SERVICES_PER_USER_MAX);
        take(&scene, 0, 'x', UINT64_MAX);
        ck_assert_uint_eq(command_server_count_services(scene.server), COMMAND_SERVICES_PER_USER_MAX + 1);
        for (unsigned i = 0; i <= COMMAND_SERVICES_PER_USER_MAX; i++)
                command_taker_free(takers[i], scene.time);
}
END_TEST

START_TEST(the_deadline_is_that_of_what_ends_first) {
        _cleanup_(scene_done) Scene scene;

        scene_init(&scene);
        ck_assert_uint_eq(command_server_deadline_us(scene.server), UINT64_MAX);
        step(&scene, "Ax?");
        step(&scene, "Bx");
        ck_assert_uint_eq(command_server_deadline_us(scene.server), START_US + 100 * USEC_PER_SEC);
        step(&scene, "A-");
        ck_assert_uint_eq(command_server_deadline_us(scene.server), UINT64_MAX);
        step(&scene, "B-");
        ck_assert_uint_eq(command_server_deadline_us(scene.server), START_US + COMMAND_LINGER_US);
}
END_TEST

static Suite *command_server_suite(void) {
        Suite *suite = suite_create("command-server");
        TCase *t;

        t = tcase_create("command_server");
        tcase_add_loop_test(t, requests_find_their_takers, 0, ELEMENTSOF(rows));
        tcase_add_test(t, what_was_served_is_served_again);
        tcase_add_test(t, what_nobody_serves_again_ends);
        tcase_add_test(t, the_deadline_is_that_of_what_ends_first);
        suite_add_tcase(suite, t);

        t = tcase_create("limits");
        tcase_add_test(t, a_taker_has_few_that_it_has_not_settled);
        tcase_add_test(t, executors_are_limited);
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(command_server_suite)
