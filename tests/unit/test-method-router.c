/* SPDX-License-Identifier: MIT */

#include "daemon/method-router.h"

#include <stdarg.h>

#include "tests/unit/unit.h"

#define LIMIT_US 30
#define ID_NEVER 999

/* Takers A and B of one uid, C of another, and what the router did, one word per deed. */
typedef struct Scene {
        MethodRouter *router;
        MethodTaker *takers[3];
        uint64_t last_id[3]; /* of the call that the taker was given last */
        uint64_t now_us;
        char trace[512];
} Scene;

static void _printf_(2, 3) trace(Scene *scene, const char *format, ...) {
        size_t n = strlen(scene->trace);
        va_list ap;

        va_start(ap, format);
        /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start() stands one line above */
        (void) vsnprintf(scene->trace + n, sizeof(scene->trace) - n, format, ap);
        va_end(ap);
}

static void on_answer(void *userdata, az_span request_id, uint16_t status, az_span payload,
                      uint64_t since_us) {
        trace(userdata, "%.*s=%u ", az_span_size(request_id), (char *) az_span_ptr(request_id), status);
}

/* The userdata of a taker is its letter. */
static void on_give(void *userdata, void *taker_userdata, const MethodCall *call) {
        const char *letter = taker_userdata;
        Scene *scene = userdata;

        scene->last_id[*letter - 'A'] = call ? call->id : ID_NEVER;
        if (call)
                trace(scene, "%c<%.*s ", *letter, az_span_size(call->name), (char *) az_span_ptr(call->name));
        else
                trace(scene, "%c<- ", *letter);
}

static void on_timed_out(void *userdata, const MethodCall *call) {
        trace(userdata, "late ");
}

static void on_refused(void *userdata, az_span name, unsigned limit) {
        trace(userdata, "over%u ", limit);
}

static const MethodRouterOps ops = {
        .answer = on_answer,
        .give = on_give,
        .timed_out = on_timed_out,
        .refused = on_refused,
};

static void scene_init(Scene *scene) {
        static const char *const letters[] = { "A", "B", "C" };

        *scene = (Scene){};
        ck_assert_int_eq(method_router_new(&scene->router, &ops, scene, LIMIT_US), 0);
        for (size_t i = 0; i < ELEMENTSOF(letters); i++)
                ck_assert_int_eq(method_taker_new(&scene->takers[i], scene->router, i < 2 ? 1000 : 1001,
                                                  (void *) letters[i]),
                                 0);
}

static void scene_done(Scene *scene) {
        for (size_t i = 0; i < ELEMENTSOF(scene->takers); i++)
                scene->takers[i] = method_taker_free(scene->takers[i]);
        scene->router = method_router_free(scene->router);
}

static void take(Scene *scene, size_t taker, az_span name, uint64_t until_us) {
        az_span claimed;
        int r;

        r = method_taker_wait(scene->takers[taker], &name, 1, until_us, &claimed);
        if (r == METHOD_NAME_CLAIMED)
                trace(scene, "claimed ");
        if (r == METHOD_TOO_MANY)
                trace(scene, "many ");
}

static void settle(Scene *scene, size_t taker, size_t whose) {
        int r;

        r = method_taker_settle(scene->takers[taker], scene->last_id[whose], 200, AZ_SPAN_FROM_STR("{}"));
        if (r == METHOD_CALL_GONE)
                trace(scene, "gone ");
}

/*
 * One step of a script:
 *      Ax    A takes name x, for ever         Ax!   the same, until time 100
 *      1:x   the cloud calls x with id 1      A.    A settles what it was given last; AB. what B was given
 *      A~    A stops waiting                  A-    A is gone           A/x   A gives up name x
 *      @40   it is time 40                    ?     the link is lost         !     the daemon stops
 */
static void step(Scene *scene, const char *s) {
        az_span name = az_span_create((uint8_t *) s + 1, 1);
        size_t taker = (size_t) (*s - 'A');

        if (*s == '@') {
                scene->now_us = strtoul(s + 1, NULL, 10);
                method_router_run_due(scene->router, scene->now_us);
        } else if (*s == '?')
                method_router_forget_calls(scene->router);
        else if (*s == '!')
                method_router_stop(scene->router);
        else if (s[1] == ':')
                ck_assert_int_eq(method_router_call(scene->router, az_span_create((uint8_t *) s, 1),
                                                    az_span_create((uint8_t *) s + 2, 1), AZ_SPAN_EMPTY,
                                                    scene->now_us),
                                 0);
        else if (s[1] == '.')
                settle(scene, taker, taker);
        else if (s[1] == '~')
                method_taker_cancel(scene->takers[taker]);
        else if (s[1] == '/')
                method_taker_give_up(scene->takers[taker], az_span_create((uint8_t *) s + 2, 1));
        else if (s[1] == '-')
                scene->takers[taker] = method_taker_free(scene->takers[taker]);
        else if (s[1] >= 'A' && s[1] <= 'C')
                settle(scene, taker, (size_t) (s[1] - 'A'));
        else
                take(scene, taker, name, s[2] == '!' ? 100 : UINT64_MAX);
}

static const struct {
        const char *what, *script, *trace;
} scripts[] = {
        { "a name that nobody claims is answered 501", "1:x", "1=501 " },
        { "a waiting taker gets the call, and its answer goes to the cloud once", "Ax 1:x A. A.",
          "A<x 1=200 gone " },
        { "a taker gets only what it asked for", "Ay 1:x", "1=501 " },
        { "a call waits for a busy taker", "Ax 1:x 2:x A. Ax", "A<x 1=200 A<x " },
        { "takers of one uid serve a name in turn", "Ax Bx 1:x Ax 2:x 3:x", "A<x B<x A<x " },
        { "another uid cannot take a claimed name", "Ax Cx", "claimed " },
        { "a busy taker still claims its name", "Ax 1:x Cx", "A<x claimed " },
        { "a name is free again when its taker is gone", "Ax A- Cx 1:x", "C<x " },
        { "a taker that asks for other names gives the first up", "Ax A~ Ay 1:x", "1=501 " },
        { "what a vanished taker had is answered 503", "Ax 1:x A-", "A<x 1=503 " },
        { "so is what waited for it", "Ax 1:x 2:x A-", "A<x 1=503 2=503 " },
        { "but not what another one serves", "Ax Bx B~ 1:x 2:x A- Bx", "A<x 1=503 B<x " },
        { "a name that is given up is free", "Ax A~ A/x Cx 1:x", "C<x " },
        { "what waited for it is answered 503", "Ax 1:x 2:x A/x A.", "A<x 2=503 1=200 " },
        { "but not what another one serves", "Ax Bx B~ 1:x 2:x A/x Bx A.", "A<x B<x 1=200 " },
        { "another name stays", "Ax A~ A/y 1:x Ax", "A<x " },
        { "a call without an answer is answered 504 at its limit", "Ax @5 1:x @34 @35 A.",
          "A<x late 1=504 gone " },
        { "so is one that nobody took", "Ax A~ 1:x @30 Ax", "late 1=504 " },
        { "a wait ends with nothing at its time", "Ax! @99 @100 1:x", "A<- " },
        { "a lost link takes its calls along", "Ax 1:x 2:x ? A. Ax", "A<x gone " },
        { "a stop answers what was taken and what waits 503", "Ax 1:x 2:x ! A. Ax", "A<x 1=503 2=503 gone " },
        { "nobody settles what another took", "Ax 1:x BA. A.", "A<x gone 1=200 " },
};

START_TEST(a_script_leaves_this_trace) {
        char *script = strdup(scripts[_i].script), *rest = NULL;
        Scene scene;

        scene_init(&scene);
        for (const char *s = strtok_r(script, " ", &rest); s; s = strtok_r(NULL, " ", &rest))
                step(&scene, s);
        ck_assert_msg(strcmp(scene.trace, scripts[_i].trace) == 0, "%s: \"%s\"", scripts[_i].what,
                      scene.trace);

        method_router_forget_calls(scene.router);
        scene_done(&scene);
        free(script);
}
END_TEST

START_TEST(the_deadline_is_that_of_the_first_call_or_wait) {
        Scene scene;

        scene_init(&scene);
        ck_assert_uint_eq(method_router_deadline_us(scene.router), UINT64_MAX);
        step(&scene, "Ax!");
        ck_assert_uint_eq(method_router_deadline_us(scene.router), 100);
        step(&scene, "@7");
        step(&scene, "1:x");
        ck_assert_uint_eq(method_router_deadline_us(scene.router), 7 + LIMIT_US);
        step(&scene, "A.");
        ck_assert_uint_eq(method_router_deadline_us(scene.router), UINT64_MAX);
        scene_done(&scene);
}
END_TEST

static void call(Scene *scene, unsigned n, const char *which) {
        while (n-- > 0)
                step(scene, which);
}

static void check_trace(Scene *scene, const char *expected) {
        ck_assert_str_eq(scene->trace, expected);
        scene->trace[0] = '\0';
}

/* C's user has 'y', A's has the rest. */
START_TEST(calls_beyond_a_bound_are_answered_429) {
        az_span claimed, names[] = { AZ_SPAN_FROM_STR("w"), AZ_SPAN_FROM_STR("x"), AZ_SPAN_FROM_STR("z") };
        Scene scene;

        scene_init(&scene);
        step(&scene, "Cy");
        step(&scene, "C~");
        ck_assert_int_eq(method_taker_wait(scene.takers[0], names, ELEMENTSOF(names), UINT64_MAX, &claimed),
                         0);
        step(&scene, "A~");
        call(&scene, METHOD_CALLS_PER_NAME_MAX, "1:x");
        check_trace(&scene, "");
        call(&scene, 2, "2:x");
        check_trace(&scene, "2=429 over16 2=429 ");

        /* Its user's other methods are served on, as long as there are not too many of all. */
        call(&scene, METHOD_CALLS_PER_USER_MAX - METHOD_CALLS_PER_NAME_MAX, "3:w");
        check_trace(&scene, "");
        step(&scene, "4:z");
        check_trace(&scene, "4=429 ");
        call(&scene, METHOD_CALLS_PER_NAME_MAX, "5:y");
        check_trace(&scene, "");

        /* Told again once nothing has waited. */
        method_router_forget_calls(scene.router);
        call(&scene, METHOD_CALLS_PER_NAME_MAX + 1, "6:x");
        check_trace(&scene, "6=429 over16 ");
        method_router_forget_calls(scene.router);
        scene_done(&scene);
}
END_TEST

START_TEST(calls_of_all_users_are_bounded) {
        static const char names[] = "pqrst";
        MethodTaker *takers[sizeof(names) - 1];
        Scene scene;

        scene_init(&scene);
        for (unsigned i = 0; i < ELEMENTSOF(takers); i++) {
                az_span claimed, name = az_span_create((uint8_t *) names + i, 1);

                ck_assert_int_eq(method_taker_new(&takers[i], scene.router, 2000 + i, NULL), 0);
                ck_assert_int_eq(method_taker_wait(takers[i], &name, 1, UINT64_MAX, &claimed), 0);
                method_taker_cancel(takers[i]);
        }
        call(&scene, METHOD_CALLS_MAX / 4, "1:p");
        call(&scene, METHOD_CALLS_MAX / 4, "1:q");
        call(&scene, METHOD_CALLS_MAX / 4, "1:r");
        call(&scene, METHOD_CALLS_MAX / 4, "1:s");
        check_trace(&scene, "");
        step(&scene, "2:t");
        check_trace(&scene, "2=429 over64 ");

        method_router_forget_calls(scene.router);
        for (unsigned i = 0; i < ELEMENTSOF(takers); i++)
                (void) method_taker_free(takers[i]);
        scene_done(&scene);
}
END_TEST

START_TEST(a_taker_settles_before_it_takes_ever_more) {
        Scene scene;

        scene_init(&scene);
        step(&scene, "Ax");
        call(&scene, METHOD_CALLS_PER_TAKER_MAX + 1, "1:x");
        for (unsigned i = 1; i < METHOD_CALLS_PER_TAKER_MAX; i++)
                step(&scene, "Ax");
        scene.trace[0] = '\0';
        step(&scene, "Ax");
        check_trace(&scene, "many ");
        step(&scene, "Bx");
        check_trace(&scene, "B<x ");
        step(&scene, "A.");
        step(&scene, "Ax");
        check_trace(&scene, "1=200 ");
        method_router_forget_calls(scene.router);
        scene_done(&scene);
}
END_TEST

START_TEST(each_claimed_name_is_listed_once) {
        az_span claimed, names[] = { AZ_SPAN_FROM_STR("x"), AZ_SPAN_FROM_STR("y"), AZ_SPAN_FROM_STR("x") };
        Scene scene;

        scene_init(&scene);
        ck_assert_int_eq(method_taker_wait(scene.takers[0], names, ELEMENTSOF(names), UINT64_MAX, &claimed),
                         0);
        step(&scene, "Bx");
        ck_assert(az_span_is_content_equal(method_router_name(scene.router, 0), names[0]));
        ck_assert(az_span_is_content_equal(method_router_name(scene.router, 1), names[1]));
        ck_assert_int_eq(az_span_size(method_router_name(scene.router, 2)), 0);
        scene_done(&scene);
}
END_TEST

static Suite *method_router_suite(void) {
        Suite *s = suite_create("method-router");
        TCase *t = tcase_create("route");

        tcase_add_loop_test(t, a_script_leaves_this_trace, 0, ELEMENTSOF(scripts));
        tcase_add_test(t, the_deadline_is_that_of_the_first_call_or_wait);
        tcase_add_test(t, calls_beyond_a_bound_are_answered_429);
        tcase_add_test(t, calls_of_all_users_are_bounded);
        tcase_add_test(t, a_taker_settles_before_it_takes_ever_more);
        tcase_add_test(t, each_claimed_name_is_listed_once);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(method_router_suite)
