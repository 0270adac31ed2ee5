/* SPDX-License-Identifier: MIT */

#include "daemon/method-router.h"

#include "tests/unit/unit.h"

#define LIMIT_US   (30 * USEC_PER_SEC)
#define FOREVER_US UINT64_MAX

/* What the router did, as one line per deed: "501 7" (status, request id) or "A<reboot" (taker, call). */
typedef struct Trace {
        char text[512];
        uint64_t last_id;
} Trace;

static void on_answer(void *userdata, az_span request_id, uint16_t status, az_span payload) {
        Trace *trace = userdata;
        size_t n = strlen(trace->text);

        (void) snprintf(trace->text + n, sizeof(trace->text) - n, "%u %.*s;", status,
                        az_span_size(request_id), (char *) az_span_ptr(request_id));
}

static void on_give(void *userdata, void *taker_userdata, const MethodCall *call) {
        Trace *trace = userdata;
        size_t n = strlen(trace->text);
        az_span name = call ? call->name : AZ_SPAN_FROM_STR("-");

        trace->last_id = call ? call->id : 0;
        (void) snprintf(trace->text + n, sizeof(trace->text) - n, "%s<%.*s;", (char *) taker_userdata,
                        az_span_size(name), (char *) az_span_ptr(name));
}

static void on_timed_out(void *userdata, const MethodCall *call) {
}

static const MethodRouterOps ops = { .answer = on_answer, .give = on_give, .timed_out = on_timed_out };

static az_span span(const char *s) {
        return az_span_create_from_str((char *) s);
}

static int take(MethodTaker *taker, const char *name, uint64_t until_us) {
        az_span claimed;
        az_span names[] = { span(name) };

        return method_taker_wait(taker, names, ELEMENTSOF(names), until_us, &claimed);
}

static void call(MethodRouter *router, const char *rid, const char *name, uint64_t now_us) {
        ck_assert_int_eq(method_router_call(router, span(rid), span(name), span("{}"), now_us), 0);
}

static MethodTaker *taker_new(MethodRouter *router, uid_t uid, const char *label) {
        MethodTaker *taker = NULL;

        ck_assert_int_eq(method_taker_new(&taker, router, uid, (void *) label), 0);
        return taker;
}

static MethodRouter *router_new(Trace *trace) {
        MethodRouter *router = NULL;

        *trace = (Trace){};
        ck_assert_int_eq(method_router_new(&router, &ops, trace, LIMIT_US), 0);
        return router;
}

START_TEST(a_name_that_nobody_claims_is_answered_501) {
        Trace trace;
        MethodRouter *router = router_new(&trace);

        call(router, "1", "reboot", 0);
        ck_assert_str_eq(trace.text, "501 1;");
        router = method_router_free(router);
}
END_TEST

START_TEST(a_waiting_taker_gets_the_call_and_its_answer_goes_to_the_cloud_once) {
        Trace trace;
        MethodRouter *router = router_new(&trace);
        MethodTaker *a = taker_new(router, 1000, "A");

        ck_assert_int_eq(take(a, "reboot", FOREVER_US), 0);
        call(router, "1", "reboot", 0);
        ck_assert_str_eq(trace.text, "A<reboot;");

        ck_assert_int_eq(method_taker_settle(a, trace.last_id, 200, span("{}")), 0);
        ck_assert_int_eq(method_taker_settle(a, trace.last_id, 200, span("{}")), METHOD_CALL_GONE);
        ck_assert_str_eq(trace.text, "A<reboot;200 1;");

        a = method_taker_free(a);
        router = method_router_free(router);
}
END_TEST

START_TEST(a_call_waits_for_a_busy_taker) {
        Trace trace;
        MethodRouter *router = router_new(&trace);
        MethodTaker *a = taker_new(router, 1000, "A");

        ck_assert_int_eq(take(a, "reboot", FOREVER_US), 0);
        call(router, "1", "reboot", 0);
        call(router, "2", "reboot", 0);
        ck_assert_str_eq(trace.text, "A<reboot;");
        ck_assert_int_eq(take(a, "reboot", FOREVER_US), 0);
        ck_assert_str_eq(trace.text, "A<reboot;A<reboot;");

        a = method_taker_free(a);
        router = method_router_free(router);
}
END_TEST

START_TEST(takers_of_one_uid_serve_a_name_in_turn) {
        Trace trace;
        MethodRouter *router = router_new(&trace);
        MethodTaker *a = taker_new(router, 1000, "A"), *b = taker_new(router, 1000, "B");

        ck_assert_int_eq(take(a, "x", FOREVER_US), 0);
        ck_assert_int_eq(take(b, "x", FOREVER_US), 0);
        call(router, "1", "x", 0);
        ck_assert_int_eq(take(a, "x", FOREVER_US), 0);
        call(router, "2", "x", 0);
        call(router, "3", "x", 0);
        ck_assert_str_eq(trace.text, "A<x;B<x;A<x;");

        a = method_taker_free(a);
        b = method_taker_free(b);
        router = method_router_free(router);
}
END_TEST

START_TEST(another_uid_cannot_take_a_claimed_name) {
        Trace trace;
        MethodRouter *router = router_new(&trace);
        MethodTaker *a = taker_new(router, 1000, "A"), *b = taker_new(router, 1001, "B");

        ck_assert_int_eq(take(a, "x", FOREVER_US), 0);
        ck_assert_int_eq(take(b, "x", FOREVER_US), METHOD_NAME_CLAIMED);
        a = method_taker_free(a);
        ck_assert_int_eq(take(b, "x", FOREVER_US), 0);

        b = method_taker_free(b);
        router = method_router_free(router);
}
END_TEST

START_TEST(a_taker_that_vanishes_is_answered_503) {
        Trace trace;
        MethodRouter *router = router_new(&trace);
        MethodTaker *a = taker_new(router, 1000, "A");

        ck_assert_int_eq(take(a, "x", FOREVER_US), 0);
        call(router, "1", "x", 0);
        call(router, "2", "x", 0);
        a = method_taker_free(a);
        ck_assert_str_eq(trace.text, "A<x;503 1;503 2;");
        router = method_router_free(router);
}
END_TEST

START_TEST(a_queued_call_stays_while_another_taker_claims_its_name) {
        Trace trace;
        MethodRouter *router = router_new(&trace);
        MethodTaker *a = taker_new(router, 1000, "A"), *b = taker_new(router, 1000, "B");

        ck_assert_int_eq(take(a, "x", FOREVER_US), 0);
        ck_assert_int_eq(take(b, "x", FOREVER_US), 0);
        method_taker_cancel(b);
        call(router, "1", "x", 0);
        call(router, "2", "x", 0);
        a = method_taker_free(a);
        ck_assert_str_eq(trace.text, "A<x;503 1;");
        ck_assert_int_eq(take(b, "x", FOREVER_US), 0);
        ck_assert_str_eq(trace.text, "A<x;503 1;B<x;");

        b = method_taker_free(b);
        router = method_router_free(router);
}
END_TEST

START_TEST(a_call_without_an_answer_is_answered_504_at_its_limit) {
        Trace trace;
        MethodRouter *router = router_new(&trace);
        MethodTaker *a = taker_new(router, 1000, "A");

        ck_assert_int_eq(take(a, "x", FOREVER_US), 0);
        call(router, "1", "x", 5);
        ck_assert_uint_eq(method_router_deadline_us(router), 5 + LIMIT_US);
        method_router_run_due(router, 4 + LIMIT_US);
        ck_assert_str_eq(trace.text, "A<x;");
        method_router_run_due(router, 5 + LIMIT_US);
        ck_assert_str_eq(trace.text, "A<x;504 1;");
        ck_assert_int_eq(method_taker_settle(a, trace.last_id, 200, span("{}")), METHOD_CALL_GONE);
        ck_assert_uint_eq(method_router_deadline_us(router), UINT64_MAX);

        a = method_taker_free(a);
        router = method_router_free(router);
}
END_TEST

START_TEST(a_wait_ends_with_nothing_at_its_time) {
        Trace trace;
        MethodRouter *router = router_new(&trace);
        MethodTaker *a = taker_new(router, 1000, "A");

        ck_assert_int_eq(take(a, "x", 100), 0);
        ck_assert_uint_eq(method_router_deadline_us(router), 100);
        method_router_run_due(router, 100);
        ck_assert_str_eq(trace.text, "A<-;");
        call(router, "1", "x", 101);
        ck_assert_str_eq(trace.text, "A<-;");

        a = method_taker_free(a);
        router = method_router_free(router);
}
END_TEST

START_TEST(calls_of_a_lost_link_are_gone_and_never_answered) {
        Trace trace;
        MethodRouter *router = router_new(&trace);
        MethodTaker *a = taker_new(router, 1000, "A");

        ck_assert_int_eq(take(a, "x", FOREVER_US), 0);
        call(router, "1", "x", 0);
        call(router, "2", "x", 0);
        method_router_forget_calls(router);
        ck_assert_int_eq(method_taker_settle(a, trace.last_id, 200, span("{}")), METHOD_CALL_GONE);
        ck_assert_str_eq(trace.text, "A<x;");

        a = method_taker_free(a);
        router = method_router_free(router);
}
END_TEST

START_TEST(one_taker_cannot_settle_what_another_took) {
        Trace trace;
        MethodRouter *router = router_new(&trace);
        MethodTaker *a = taker_new(router, 1000, "A"), *b = taker_new(router, 1000, "B");

        ck_assert_int_eq(take(a, "x", FOREVER_US), 0);
        call(router, "1", "x", 0);
        ck_assert_int_eq(method_taker_settle(b, trace.last_id, 200, span("{}")), METHOD_CALL_GONE);

        a = method_taker_free(a);
        b = method_taker_free(b);
        router = method_router_free(router);
}
END_TEST

START_TEST(calls_beyond_the_bound_are_answered_503) {
        Trace trace;
        MethodRouter *router = router_new(&trace);
        MethodTaker *a = taker_new(router, 1000, "A");

        ck_assert_int_eq(take(a, "x", FOREVER_US), 0);
        for (unsigned i = 0; i < METHOD_CALLS_MAX; i++)
                call(router, "1", "x", 0);
        call(router, "last", "x", 0);
        ck_assert_str_eq(trace.text, "A<x;503 last;");

        method_router_forget_calls(router);
        a = method_taker_free(a);
        router = method_router_free(router);
}
END_TEST

START_TEST(each_claimed_name_is_listed_once) {
        Trace trace;
        MethodRouter *router = router_new(&trace);
        MethodTaker *a = taker_new(router, 1000, "A"), *b = taker_new(router, 1000, "B");
        az_span claimed, names[] = { span("x"), span("y"), span("x") };

        ck_assert_int_eq(method_taker_wait(a, names, ELEMENTSOF(names), FOREVER_US, &claimed), 0);
        ck_assert_int_eq(take(b, "x", FOREVER_US), 0);
        ck_assert(az_span_is_content_equal(method_router_name(router, 0), span("x")));
        ck_assert(az_span_is_content_equal(method_router_name(router, 1), span("y")));
        ck_assert_int_eq(az_span_size(method_router_name(router, 2)), 0);

        a = method_taker_free(a);
        b = method_taker_free(b);
        router = method_router_free(router);
}
END_TEST

static Suite *method_router_suite(void) {
        Suite *s = suite_create("method-router");
        TCase *t = tcase_create("route");

        tcase_add_test(t, a_name_that_nobody_claims_is_answered_501);
        tcase_add_test(t, a_waiting_taker_gets_the_call_and_its_answer_goes_to_the_cloud_once);
        tcase_add_test(t, a_call_waits_for_a_busy_taker);
        tcase_add_test(t, takers_of_one_uid_serve_a_name_in_turn);
        tcase_add_test(t, another_uid_cannot_take_a_claimed_name);
        tcase_add_test(t, a_taker_that_vanishes_is_answered_503);
        tcase_add_test(t, a_queued_call_stays_while_another_taker_claims_its_name);
        tcase_add_test(t, a_call_without_an_answer_is_answered_504_at_its_limit);
        tcase_add_test(t, a_wait_ends_with_nothing_at_its_time);
        tcase_add_test(t, calls_of_a_lost_link_are_gone_and_never_answered);
        tcase_add_test(t, one_taker_cannot_settle_what_another_took);
        tcase_add_test(t, calls_beyond_the_bound_are_answered_503);
        tcase_add_test(t, each_claimed_name_is_listed_once);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(method_router_suite)
