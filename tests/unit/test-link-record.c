/* SPDX-License-Identifier: MIT */

#include "daemon/link-record.h"
#include "tests/unit/unit.h"

static const MqttReport report = {
        .address = "192.0.2.7:443",
        .tls_version = "TLSv1.3",
        .tls_cipher = "TLS_AES_256_GCM_SHA384",
        .is_resumed = true,
};

static DiagnosisContext context_at(unsigned second, const char *transport) {
        return (DiagnosisContext){
                .host = "hub.example",
                .port = 8883,
                .transport = transport,
                .report = &report,
                .is_open = true,
                .boottime_us = second * USEC_PER_SEC,
        };
}

static void end_at(LinkRecord *r, unsigned second, const char *transport, Problem problem) {
        DiagnosisContext context = context_at(second, transport);
        Diagnosis d;

        diagnosis_make(&d, &context, problem, 0, NULL);
        link_record_failed(r, &d);
}

static void live_at(LinkRecord *r, unsigned second, const char *transport) {
        DiagnosisContext context = context_at(second, transport);

        link_record_live(r, &context);
}

START_TEST(attempts_are_counted_from_the_first_that_failed) {
        LinkRecord r = {};

        end_at(&r, 5, "mqtt", PROBLEM_TCP_REFUSED);
        end_at(&r, 7, "mqtt", PROBLEM_TCP_TIMEOUT);
        ck_assert(r.is_failing);
        ck_assert_uint_eq(r.failing_since_us, 5 * USEC_PER_SEC);
        ck_assert_uint_eq(r.n_failed, 2);
        ck_assert_int_eq(r.last.problem, PROBLEM_TCP_TIMEOUT);
}
END_TEST

START_TEST(a_link_that_was_lost_is_no_failed_attempt) {
        LinkRecord r = {};

        end_at(&r, 5, "mqtt", PROBLEM_TCP_REFUSED);
        live_at(&r, 10, "mqtt");
        ck_assert(!r.is_failing);
        ck_assert_int_eq(r.last.problem, PROBLEM_TCP_REFUSED); /* of the past */
        ck_assert_uint_eq(r.online_since_us, 10 * USEC_PER_SEC);

        end_at(&r, 20, "mqtt", PROBLEM_CLOSED);
        ck_assert(r.is_failing);
        ck_assert_uint_eq(r.failing_since_us, 20 * USEC_PER_SEC);
        ck_assert_uint_eq(r.n_failed, 0);
        ck_assert_uint_eq(r.online_since_us, 0);

        end_at(&r, 25, "mqtt", PROBLEM_TCP_REFUSED);
        ck_assert_uint_eq(r.failing_since_us, 20 * USEC_PER_SEC);
        ck_assert_uint_eq(r.n_failed, 1);
}
END_TEST

START_TEST(a_renewal_does_not_begin_anew) {
        LinkRecord r = {};

        live_at(&r, 10, "mqtt");
        live_at(&r, 3000, "mqtt");
        ck_assert_uint_eq(r.online_since_us, 10 * USEC_PER_SEC);
        ck_assert_uint_eq(r.connection.boottime_us, 3000 * USEC_PER_SEC);
}
END_TEST

START_TEST(the_connection_is_described) {
        LinkRecord r = {};

        live_at(&r, 10, "websocket");
        ck_assert_str_eq(r.connection.transport, "websocket");
        ck_assert_str_eq(r.connection.address, "192.0.2.7:443");
        ck_assert_str_eq(r.connection.tls_version, "TLSv1.3");
        ck_assert_str_eq(r.connection.proxy, "");
        ck_assert(r.connection.is_resumed);
}
END_TEST

START_TEST(each_transport_has_its_last_result) {
        LinkRecord r = {};

        end_at(&r, 1, "mqtt", PROBLEM_TCP_TIMEOUT);
        end_at(&r, 2, "websocket", PROBLEM_CAPTIVE_PORTAL);
        ck_assert_str_eq(r.tried[0].transport, "websocket");
        ck_assert_int_eq(r.tried[0].problem, PROBLEM_CAPTIVE_PORTAL);
        ck_assert_str_eq(r.tried[1].transport, "mqtt");
        ck_assert_int_eq(r.tried[1].problem, PROBLEM_TCP_TIMEOUT);
        ck_assert_uint_eq(r.tried[1].boottime_us, USEC_PER_SEC);

        end_at(&r, 3, "mqtt", PROBLEM_TCP_REFUSED);
        live_at(&r, 4, "websocket");
        ck_assert_str_eq(r.tried[0].transport, "websocket");
        ck_assert_int_eq(r.tried[0].problem, PROBLEM_NONE);
        ck_assert_str_eq(r.tried[0].address, "192.0.2.7:443");
        ck_assert_str_eq(r.tried[1].transport, "mqtt");
        ck_assert_int_eq(r.tried[1].problem, PROBLEM_TCP_REFUSED);
}
END_TEST

/* A link that breaks after hours, a clock, an identity: none of them is the transport's fault. */
START_TEST(what_is_no_fault_of_a_transport_is_not_held_against_it) {
        static const Problem problems[] = { PROBLEM_BROKEN, PROBLEM_CLOCK_BEFORE_BUILD,
                                            PROBLEM_IDENTITY_MISSING, PROBLEM_PROVISIONING_THROTTLED,
                                            PROBLEM_LOCAL };
        LinkRecord r = {};

        end_at(&r, 1, "mqtt", problems[_i]);
        ck_assert_str_eq(r.tried[0].transport, "");
}
END_TEST

START_TEST(a_notice_replaces_the_last_of_its_kind) {
        DiagnosisContext context = context_at(1, "mqtt");
        LinkRecord r = {};
        Diagnosis d;

        diagnosis_make(&d, &context, PROBLEM_POISON_MESSAGE, 0, "17");
        link_record_notice(&r, &d);
        diagnosis_make(&d, &context, PROBLEM_CLOCK_STEPPED, 0, "back by 1 h");
        link_record_notice(&r, &d);
        diagnosis_make(&d, &context, PROBLEM_POISON_MESSAGE, 0, "18");
        link_record_notice(&r, &d);

        ck_assert_ptr_nonnull(strstr(r.notices[0].text, "message 18"));
        ck_assert_ptr_nonnull(strstr(r.notices[1].text, "back by 1 h"));
        ck_assert_int_eq(r.notices[2].problem, PROBLEM_NONE);

        ck_assert(link_record_forget_notice(&r, PROBLEM_POISON_MESSAGE));
        ck_assert(!link_record_forget_notice(&r, PROBLEM_POISON_MESSAGE));
        ck_assert_int_eq(r.notices[0].problem, PROBLEM_NONE);
}
END_TEST

START_TEST(there_is_room_for_each_kind_of_notice) {
        DiagnosisContext context = context_at(1, "mqtt");
        LinkRecord r = {};
        Diagnosis d;

        for (Problem p = PROBLEM_CREDENTIALS_ROLLED_BACK; p < _PROBLEM_MAX; p++) {
                diagnosis_make(&d, &context, p, 0, "detail");
                link_record_notice(&r, &d);
        }
        for (size_t i = 0; i < LINK_NOTICES_MAX; i++)
                ck_assert_int_ne(r.notices[i].problem, PROBLEM_NONE);
}
END_TEST

static Suite *link_record_suite(void) {
        Suite *s = suite_create("link-record");
        TCase *t = tcase_create("link-record");

        tcase_add_test(t, attempts_are_counted_from_the_first_that_failed);
        tcase_add_test(t, a_link_that_was_lost_is_no_failed_attempt);
        tcase_add_test(t, a_renewal_does_not_begin_anew);
        tcase_add_test(t, the_connection_is_described);
        tcase_add_test(t, each_transport_has_its_last_result);
        tcase_add_loop_test(t, what_is_no_fault_of_a_transport_is_not_held_against_it, 0, 5);
        tcase_add_test(t, a_notice_replaces_the_last_of_its_kind);
        tcase_add_test(t, there_is_room_for_each_kind_of_notice);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(link_record_suite)
