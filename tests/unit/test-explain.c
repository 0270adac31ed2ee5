/* SPDX-License-Identifier: MIT */

/* What is told in each state of the link, as a whole. */

#include "daemon/explain.h"
#include "tests/unit/unit.h"

#define UPTIME_S 100U

static const MqttReport report = { .address = "192.0.2.7:8883",
                                   .tls_version = "TLSv1.3",
                                   .tls_cipher = "CIPHER" };

static DiagnosisContext context_at(unsigned uptime_s) {
        return (DiagnosisContext){
                .host = "hub.example",
                .port = 8883,
                .transport = "mqtt",
                .report = &report,
                .is_open = true,
                .boottime_us = uptime_s * USEC_PER_SEC,
        };
}

static void note(LinkRecord *r, Problem problem, const char *detail) {
        DiagnosisContext context = context_at(60);
        Diagnosis d;

        diagnosis_make(&d, &context, problem, 0, detail);
        link_record_notice(r, &d);
}

static void lose(LinkRecord *r, unsigned uptime_s, Problem problem) {
        DiagnosisContext context = context_at(uptime_s);
        Diagnosis d;

        diagnosis_make(&d, &context, problem, 0, NULL);
        link_record_failed(r, &d);
}

static void come_up(LinkRecord *r, unsigned uptime_s) {
        DiagnosisContext context = context_at(uptime_s);

        link_record_live(r, &context);
}

/* The clock says 100 s after 1970-01-01T01:00:00Z, when the device is up for 100 s. */
static char *explain_at(unsigned uptime_s, LinkState state, const LinkRecord *r) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const LinkStatus status = {
                .state = state,
                .since_us = 90 * USEC_PER_SEC,
                .device_id = "demo",
                .host = "hub.example",
                .next_attempt_us = state == LINK_WAITING ? 130 * USEC_PER_SEC : UINT64_MAX,
        };
        const Explanation e = {
                .status = &status,
                .record = r,
                .provisioning = "dps.example",
                .boottime_us = uptime_s * USEC_PER_SEC,
                .realtime_us = (3600 + uptime_s) * USEC_PER_SEC,
        };
        az_span text;

        ipc_json_begin(&json, NULL);
        explain_write(&json, &e);
        ipc_json_end(&json);
        ck_assert_int_eq(ipc_json_get(&json, &text), 0);
        return strndup((const char *) az_span_ptr(text), (size_t) az_span_size(text));
}

static char *explain(LinkState state, const LinkRecord *r) {
        return explain_at(UPTIME_S, state, r);
}

static void check_has(const char *text, const char *part) {
        ck_assert_msg(strstr(text, part) != NULL, "%s\nis not in\n%s", part, text);
}

static void check_has_not(const char *text, const char *part) {
        ck_assert_msg(strstr(text, part) == NULL, "%s\nis in\n%s", part, text);
}

START_TEST(an_attempt_that_failed) {
        _cleanup_(freep) char *text = NULL;
        LinkRecord r = {};

        lose(&r, 70, PROBLEM_TCP_TIMEOUT);
        lose(&r, 95, PROBLEM_TCP_REFUSED);
        text = explain(LINK_WAITING, &r);
        check_has(text, "{\"state\":\"waiting\",\"since\":\"1970-01-01T01:01:30.000Z\",\"online\":false,"
                        "\"summary\":\"The hub 'hub.example' cannot be reached: connection refused by "
                        "192.0.2.7:8883\",\"advice\":\"Check the host and the port 8883");
        check_has(text, "\"deviceId\":\"demo\",\"hub\":\"hub.example\",\"provisioning\":\"dps.example\"");
        check_has(text, "\"tried\":[{\"transport\":\"mqtt\",\"time\":\"1970-01-01T01:01:35.000Z\","
                        "\"address\":\"192.0.2.7:8883\",\"problem\":\"tcp-refused\",\"layer\":\"tcp\"}]");
        check_has(text,
                  "\"lastFailure\":{\"problem\":\"tcp-refused\",\"layer\":\"tcp\",\"class\":\"network\","
                  "\"time\":\"1970-01-01T01:01:35.000Z\",\"service\":\"hub\"");
        check_has(text, "\"failedAttempts\":2,\"failingSince\":\"1970-01-01T01:01:10.000Z\","
                        "\"nextAttempt\":\"1970-01-01T01:02:10.000Z\"");
        check_has_not(text, "\"connection\"");
}
END_TEST

START_TEST(a_link_that_is_up_tells_what_failed_last) {
        _cleanup_(freep) char *text = NULL;
        LinkRecord r = {};

        lose(&r, 70, PROBLEM_TCP_REFUSED);
        come_up(&r, 80);
        come_up(&r, 90); /* renewed */
        text = explain(LINK_ONLINE, &r);
        check_has(text, "{\"state\":\"online\",\"since\":\"1970-01-01T01:01:20.000Z\",\"online\":true,"
                        "\"summary\":\"Connected to the hub 'hub.example' as 'demo'\","
                        "\"advice\":\"Nothing has to be done.\"");
        check_has(text, "\"connection\":{\"since\":\"1970-01-01T01:01:30.000Z\",\"transport\":\"mqtt\","
                        "\"address\":\"192.0.2.7:8883\",\"tlsVersion\":\"TLSv1.3\",\"tlsCipher\":\"CIPHER\","
                        "\"resumed\":false}");
        check_has(text, "\"lastFailure\":{\"problem\":\"tcp-refused\"");
        check_has_not(text, "failedAttempts");
        check_has_not(text, "nextAttempt");
}
END_TEST

static const struct {
        LinkState state;
        bool has_failed, is_online;
        const char *summary, *advice;
} summaries[] = {
        { LINK_WAITING, false, false, "Waiting a moment before the first attempt", "Nothing has to be done" },
        { LINK_WAITING, true, false, "connection refused", "firewall" },
        { LINK_CONNECTING, false, false, "Connecting to the hub 'hub.example'", "Nothing has to be done" },
        { LINK_CONNECTING, true, false, "connection refused", "firewall" },
        { LINK_PROVISIONING, false, false, "Asking the provisioning service 'dps.example'",
          "Nothing has to be done" },
        { LINK_ONLINE, false, true, "Connected to the hub", "Nothing has to be done" },
        { LINK_RENEWING, false, true, "as planned", "Nothing has to be done" },
        { LINK_STOPPED, true, false, "stopped", "systemctl start" },
};

START_TEST(each_state_has_a_summary) {
        _cleanup_(freep) char *text = NULL;
        LinkRecord r = {};

        if (summaries[_i].has_failed)
                lose(&r, 95, PROBLEM_TCP_REFUSED);
        if (summaries[_i].is_online)
                come_up(&r, 98);
        text = explain(summaries[_i].state, &r);
        check_has(text, summaries[_i].summary);
        check_has(text, summaries[_i].advice);
        check_has(text, summaries[_i].is_online ? "\"online\":true" : "\"online\":false");
}
END_TEST

START_TEST(notices_are_told) {
        _cleanup_(freep) char *text = NULL;
        LinkRecord r = {};

        come_up(&r, 80);
        note(&r, PROBLEM_POISON_MESSAGE, "17");
        text = explain(LINK_ONLINE, &r);
        check_has(text,
                  "\"notices\":[{\"problem\":\"poison-message\",\"time\":\"1970-01-01T01:01:00.000Z\","
                  "\"text\":\"The hub 'hub.example' closed the connection whenever message 17 was sent");
}
END_TEST

START_TEST(what_happened_is_told_for_a_day_and_what_is_so_for_as_long_as_it_is) {
        static const struct {
                Problem problem;
                unsigned uptime_s;
                bool is_told;
        } notes[] = {
                { PROBLEM_CLOCK_STEPPED, 60 + 86399, true },
                { PROBLEM_CLOCK_STEPPED, 60 + 86400, false },
                { PROBLEM_POISON_MESSAGE, 60 + 86399, true },
                { PROBLEM_POISON_MESSAGE, 60 + 86400, false },
                { PROBLEM_OWN_CERTIFICATE_EXPIRES, 604800, true },
                { PROBLEM_CREDENTIALS_ROLLED_BACK, 604800, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(notes); i++) {
                _cleanup_(freep) char *text = NULL;
                LinkRecord r = {};

                note(&r, notes[i].problem, "");
                text = explain_at(notes[i].uptime_s, LINK_ONLINE, &r);
                if (notes[i].is_told)
                        check_has(text, problem_to_string(notes[i].problem));
                else
                        check_has(text, "\"notices\":[]");
        }
}
END_TEST

START_TEST(a_link_that_is_up_has_the_advice_of_what_may_end_it) {
        static const struct {
                Problem problem;
                const char *advice;
        } notes[] = {
                { PROBLEM_CREDENTIALS_ROLLED_BACK, "\"advice\":\"Correct the new files" },
                { PROBLEM_OWN_CERTIFICATE_EXPIRES, "\"advice\":\"Put a new certificate" },
                { PROBLEM_CLOCK_STEPPED, "\"advice\":\"Nothing has to be done.\"" },
                { PROBLEM_POISON_MESSAGE, "\"advice\":\"Nothing has to be done.\"" },
        };

        for (size_t i = 0; i < ELEMENTSOF(notes); i++) {
                _cleanup_(freep) char *text = NULL;
                LinkRecord r = {};

                come_up(&r, 50);
                note(&r, notes[i].problem, "");
                text = explain(LINK_ONLINE, &r);
                *strstr(text, "\"tried\"") = '\0'; /* each notice has its advice, too */
                check_has(text, notes[i].advice);
        }
}
END_TEST

START_TEST(certificates_are_told_in_full) {
        DiagnosisContext context = context_at(95);
        const MqttReport seen = {
                .problem = MQTT_PROBLEM_CERTIFICATE_EXPIRED,
                .stage = MQTT_STAGE_TLS,
                .server = { "CN=a", "CN=b", 1, 2 },
                .own = { .subject = "CN=c" },
        };
        _cleanup_(freep) char *text = NULL;
        LinkRecord r = {};
        Diagnosis d;

        diagnosis_from_open_failed(&d, &context, &seen, -EKEYREJECTED, "words");
        link_record_failed(&r, &d);
        text = explain(LINK_WAITING, &r);
        check_has(text, "\"serverCertificate\":{\"subject\":\"CN=a\",\"issuer\":\"CN=b\",\"notBefore\":"
                        "\"1970-01-01T00:00:01.000Z\",\"notAfter\":\"1970-01-01T00:00:02.000Z\"}");
        check_has(text, "\"deviceCertificate\":{\"subject\":\"CN=c\",\"issuer\":\"\"}");
        check_has(text, "\"detail\":\"words\"");
}
END_TEST

static Suite *explain_suite(void) {
        Suite *s = suite_create("explain");
        TCase *t = tcase_create("explain");

        tcase_add_test(t, an_attempt_that_failed);
        tcase_add_test(t, a_link_that_is_up_tells_what_failed_last);
        tcase_add_loop_test(t, each_state_has_a_summary, 0, ELEMENTSOF(summaries));
        tcase_add_test(t, notices_are_told);
        tcase_add_test(t, what_happened_is_told_for_a_day_and_what_is_so_for_as_long_as_it_is);
        tcase_add_test(t, a_link_that_is_up_has_the_advice_of_what_may_end_it);
        tcase_add_test(t, certificates_are_told_in_full);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(explain_suite)
