/* SPDX-License-Identifier: MIT */

#include "daemon/c2d-message.h"

#include "tests/unit/unit.h"

#define ABSENT "(absent)"

/* Bags, as they stand in a topic, and what they say. Others are written as "name=value;". */
static const struct {
        const char *bag;
        const char *message_id, *correlation_id, *user_id, *content_type, *content_encoding, *expires;
        const char *others;
} bags[] = {
        { "", ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, "" },
        { "%24.to=%2Fdevices%2Fpump-17%2Fmessages%2FdeviceBound&%24.mid=c2d-0041&%24.ct=application%2Fjson&"
          "%24.ce=utf-8&%24.exp=2026-03-09T08%3A15%3A30.000Z&iothub-ack=full&line=3",
          "c2d-0041", ABSENT, ABSENT, "application/json", "utf-8", "2026-03-09T08:15:30.000Z",
          "iothub-ack=full;line=3;" },
        { "$.mid=plain&%24%2Euid=me&%24.cid=%20", "plain", " ", "me", ABSENT, ABSENT, ABSENT, "" },
        /* null, empty and given; the first of a name counts */
        { "a&b=&c=d&c=e&%63=f", ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, "a=;b=;c=d;" },
        { "%24.mid=&%24.mid=second", "", ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, "" },
        { "a=b=c&&=x", ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, "a=b=c;=x;" },
        { "ma%C3%9Fe=%E2%82%AC&plus=1+1", ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT,
          "ma\xc3\x9f"
          "e=\xe2\x82\xac;plus=1+1;" },
        /* not percent-encoding, not UTF-8: as it stands */
        { "a=50%&b=%G1&c=%FF&%24.mid=%2", "%2", ABSENT, ABSENT, ABSENT, ABSENT, ABSENT,
          "a=50%;b=%G1;c=%FF;" },
        { "%24.new=1&$.to=x", ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, "$.new=1;" },
};

static const char *text(char *buffer, size_t n, az_span span) {
        if (ipc_is_absent(span))
                return ABSENT;
        (void) snprintf(buffer, n, "%.*s", az_span_size(span), (const char *) az_span_ptr(span));
        return buffer;
}

#define CHECK_TEXT(span, expected) ck_assert_str_eq(text(buffer, sizeof(buffer), span), expected)

START_TEST(properties_are_decoded) {
        az_span bag = az_span_create_from_str((char *) bags[_i].bag);
        uint8_t scratch[512];
        char buffer[512], others[512] = "";
        C2dProperties p;

        /* No byte more than the bag has: what is decoded is never longer. */
        c2d_properties_parse(&p, bag, az_span_create(scratch, az_span_size(bag)));
        CHECK_TEXT(p.message_id, bags[_i].message_id);
        CHECK_TEXT(p.correlation_id, bags[_i].correlation_id);
        CHECK_TEXT(p.user_id, bags[_i].user_id);
        CHECK_TEXT(p.content_type, bags[_i].content_type);
        CHECK_TEXT(p.content_encoding, bags[_i].content_encoding);
        CHECK_TEXT(p.expires, bags[_i].expires);
        for (size_t i = 0; i < p.n_others; i++) {
                (void) strcat(strcat(others, text(buffer, sizeof(buffer), p.others[i].key)), "=");
                (void) strcat(strcat(others, text(buffer, sizeof(buffer), p.others[i].value)), ";");
        }
        ck_assert_str_eq(others, bags[_i].others);
        ck_assert_uint_eq(p.n_left_out, 0);
}
END_TEST

START_TEST(so_many_properties_are_passed_on) {
        char bag[IPC_MAP_MAX * 8] = "";
        uint8_t scratch[sizeof(bag)];
        C2dProperties p;

        for (unsigned i = 0; i < IPC_MAP_MAX + 2; i++)
                (void) snprintf(bag + strlen(bag), sizeof(bag) - strlen(bag), "&p%u=", i);
        c2d_properties_parse(&p, az_span_create_from_str(bag), AZ_SPAN_FROM_BUFFER(scratch));
        ck_assert_uint_eq(p.n_others, IPC_MAP_MAX);
        ck_assert_uint_eq(p.n_left_out, 2);
}
END_TEST

static const struct {
        const char *topic, *bag;
} topics[] = {
        { "devices/d/messages/devicebound/", "" },
        { "devices/d/messages/devicebound/a=1&b", "a=1&b" },
        { "devices/d/messages/devicebound/a=1&b=", "a=1&b=" },
        { "devices/d/messages/devicebound/?a=1&b=%20", "a=1&b=%20" },
};

START_TEST(the_bag_is_what_the_topic_has) {
        az_iot_hub_client_c2d_request request;
        az_iot_hub_client client;
        char buffer[64] = "";
        az_span bag;

        ck_assert(az_result_succeeded(
                az_iot_hub_client_init(&client, AZ_SPAN_FROM_STR("h"), AZ_SPAN_FROM_STR("d"), NULL)));
        ck_assert(az_result_succeeded(az_iot_hub_client_c2d_parse_received_topic(
                &client, az_span_create_from_str((char *) topics[_i].topic), &request)));
        bag = c2d_request_get_bag(&request);
        (void) snprintf(buffer, sizeof(buffer), "%.*s", az_span_size(bag), (const char *) az_span_ptr(bag));
        ck_assert_str_eq(buffer, topics[_i].bag);
}
END_TEST

static Suite *c2d_message_suite(void) {
        Suite *s = suite_create("c2d-message");
        TCase *t = tcase_create("c2d_properties_parse");

        tcase_add_loop_test(t, properties_are_decoded, 0, ELEMENTSOF(bags));
        tcase_add_test(t, so_many_properties_are_passed_on);
        suite_add_tcase(s, t);

        t = tcase_create("c2d_request_get_bag");
        tcase_add_loop_test(t, the_bag_is_what_the_topic_has, 0, ELEMENTSOF(topics));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(c2d_message_suite)
