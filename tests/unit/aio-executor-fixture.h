/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of executors share: one of JSON at plant/{id}/test, and requests for it. */

#include "aio-client-fixture.h"

#define TOPIC       "plant/7/test"
#define RESPONSE    "response/plant/7/test"
#define CORRELATION "0123456789abcdef"

_unused_ static az_span span_of(const char *text) {
        return text ? str(text) : AZ_SPAN_EMPTY;
}

_unused_ static void start_with(Fixture *f, aio_command_executor *executor, const char *pattern,
                                uint32_t concurrency, uint64_t timeout_us) {
        aio_serializer const json = aio_serializer_json();
        aio_command_executor_options const options = {
                .command_name = AZ_SPAN_FROM_STR("test"),
                .request_topic_pattern = str(pattern),
                .serializer = &json,
                .concurrency = concurrency,
                .has_execution_timeout = timeout_us > 0,
                .execution_timeout_us = timeout_us,
        };

        fixture_start_executor(f, executor, &options);
}

_unused_ static void start(Fixture *f, aio_command_executor *executor) {
        start_with(f, executor, "plant/{id}/test", 0, 0);
}

/* A request for start(), of which there are defaults. */
_unused_ static Message request(Message m) {
        m.topic = m.topic ? m.topic : TOPIC;
        m.payload = m.payload ? m.payload : "{}";
        m.response_topic = m.response_topic ? m.response_topic : RESPONSE;
        m.correlation = m.correlation ? m.correlation : CORRELATION;
        return m;
}

_unused_ static const char *receive(Fixture *f, Message m) {
        m = request(m);
        return fixture_receive(f, &m);
}

_unused_ static az_result respond(Fixture *f, uint64_t id, const char *payload) {
        aio_response const response = { .payload = span_of(payload) };

        return aio_command_executor_respond(&f->client, id, &response, f->time, &f->error);
}

_unused_ static Message numbered(char *correlation, int number) {
        memcpy(correlation, CORRELATION, 17);
        correlation[0] = (char) ('A' + number);
        return (Message){ .correlation = correlation };
}

/* From REQUEST to the PUBACK of the response. */
_unused_ static void execute(Fixture *f, Message m, const char *payload) {
        ck_assert_str_eq(receive(f, m), "request {}");
        ck_assert_int_eq(respond(f, f->request_id, payload), AZ_OK);
        fixture_pump(f);
        ck_assert_ptr_nonnull(strstr(fixture_puback(f, 0), "ack"));
}
