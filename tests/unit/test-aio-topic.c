/* SPDX-License-Identifier: MIT */
#include <aio/topic.h>

#include "aio-check.h"

#define PATTERN "requestTopicPattern"

static const aio_topic_token resident[] = {
        { AZ_SPAN_LITERAL_FROM_STR("modelId"), AZ_SPAN_LITERAL_FROM_STR("dtmi:press;1") },
        { AZ_SPAN_LITERAL_FROM_STR("hall"), AZ_SPAN_LITERAL_FROM_STR("north/3") },
        { AZ_SPAN_LITERAL_FROM_STR("modelId"), AZ_SPAN_LITERAL_FROM_STR("again") },
        { AZ_SPAN_LITERAL_FROM_STR("bad"), AZ_SPAN_LITERAL_FROM_STR("a#b") },
        { AZ_SPAN_LITERAL_FROM_STR("dollar"), AZ_SPAN_LITERAL_FROM_STR("$SYS") },
        { AZ_SPAN_LITERAL_FROM_STR("empty"), AZ_SPAN_LITERAL_FROM_STR("") },
};
static const aio_topic_tokens resident_tokens = { resident, ELEMENTSOF(resident) };

static const aio_topic_token transient[] = {
        { AZ_SPAN_LITERAL_FROM_STR("executorId"), AZ_SPAN_LITERAL_FROM_STR("exec") },
        { AZ_SPAN_LITERAL_FROM_STR("ex:line"), AZ_SPAN_LITERAL_FROM_STR("7/b") },
        { AZ_SPAN_LITERAL_FROM_STR("modelId"), AZ_SPAN_LITERAL_FROM_STR("transient") },
        { AZ_SPAN_LITERAL_FROM_STR("wild"), AZ_SPAN_LITERAL_FROM_STR("a+") },
        { AZ_SPAN_LITERAL_FROM_STR("share"), AZ_SPAN_LITERAL_FROM_STR("$share/g") },
        { AZ_SPAN_LITERAL_FROM_STR("slash"), AZ_SPAN_LITERAL_FROM_STR("a//b") },
};
static const aio_topic_tokens transient_tokens = { transient, ELEMENTSOF(transient) };

static void check_configuration(const aio_error *error, const char *name, const char *value) {
        ck_assert_int_eq(error->kind, AIO_ERROR_INVALID_CONFIGURATION);
        ck_assert(error->is_shallow && !error->is_remote);
        CHECK_SPAN(error->property_name, name);
        CHECK_SPAN(error->property_value, value);
        ck_assert_int_gt(az_span_size(error->message), 0);
}

static const struct {
        const char *topic_namespace, *pattern;
        const char *name, *value; /* what is at fault; NULL: nothing */
} patterns[] = {
        { NULL, "a", NULL, NULL },
        { NULL, "mock/test", NULL, NULL },
        { NULL, "mock/{executorId}/test", NULL, NULL },
        { NULL, "mock/{executorId}/{executorId}/test", NULL, NULL },
        { NULL, "{ex:foobar}", NULL, NULL },
        { NULL, "a/$b", NULL, NULL },
        { NULL, "!~-._;:@=,*'()%", NULL, NULL },
        { "ns", "a", NULL, NULL },
        { "ns/of/more", "{modelId}/{hall}", NULL, NULL },
        { "ns", "{dollar}", NULL, NULL },
        { NULL, NULL, PATTERN, "" },
        { NULL, "", PATTERN, "" },
        { NULL, "/a", PATTERN, "/a" },
        { NULL, "a/", PATTERN, "a/" },
        { NULL, "a//b", PATTERN, "a//b" },
        { NULL, "$SYS/a", PATTERN, "$SYS/a" },
        { NULL, "mock/{in/valid}/test", PATTERN, "mock/{in/valid}/test" },
        { NULL, "a/{}", PATTERN, "a/{}" },
        { NULL, "a/{", PATTERN, "a/{" },
        { NULL, "a/{b", PATTERN, "a/{b" },
        { NULL, "a/b}", PATTERN, "a/b}" },
        { NULL, "a{b}", PATTERN, "a{b}" },
        { NULL, "{a}{b}", PATTERN, "{a}{b}" },
        { NULL, "{{a}}", PATTERN, "{{a}}" },
        { NULL, "{a+}", PATTERN, "{a+}" },
        { NULL, "a/+", PATTERN, "a/+" },
        { NULL, "a/#", PATTERN, "a/#" },
        { NULL, "a b", PATTERN, "a b" },
        { NULL, "a\"b", PATTERN, "a\"b" },
        { NULL, "a\x7f", PATTERN, "a\x7f" },
        { NULL, "sch\xc3\xb6n", PATTERN, "sch\xc3\xb6n" },
        { "invalid/{modelId}", "a", "TopicNamespace", "invalid/{modelId}" },
        { "/ns", "a", "TopicNamespace", "/ns" },
        { "ns/", "a", "TopicNamespace", "ns/" },
        { "$ns", "a", "TopicNamespace", "$ns" },
        { "n s", "a", "TopicNamespace", "n s" },
        { NULL, "{bad}/a", "bad", "a#b" },
        { NULL, "a/{empty}", "empty", "" },
        { NULL, "{dollar}/a", "dollar", "$SYS" },
        { NULL, "a/{dollar}", NULL, NULL },
};

START_TEST(a_pattern_is_checked_with_its_namespace_and_its_resident_tokens) {
        aio_topic_pattern pattern;
        aio_error error;
        az_result r = aio_topic_pattern_init(&pattern, of(PATTERN), of(patterns[_i].pattern),
                                             of(patterns[_i].topic_namespace), resident_tokens, &error);

        if (!patterns[_i].name) {
                ck_assert_int_eq(r, AZ_OK);
        } else {
                ck_assert_int_eq(r, AZ_ERROR_ARG);
                check_configuration(&error, patterns[_i].name, patterns[_i].value);
        }
}
END_TEST

static const struct {
        const char *topic_namespace, *pattern;
        const char *topic;        /* NULL: it cannot be published to */
        const char *name, *value; /* what is at fault then */
        const char *filter;
} resolutions[] = {
        { NULL, "mock/test", "mock/test", NULL, NULL, "mock/test" },
        { "ns/1", "mock/test", "ns/1/mock/test", NULL, NULL, "ns/1/mock/test" },
        { NULL, "{modelId}/a", "dtmi:press;1/a", NULL, NULL, "dtmi:press;1/a" },
        { NULL, "a/{hall}/b", "a/north/3/b", NULL, NULL, "a/north/3/b" },
        { NULL, "{executorId}/{executorId}", "exec/exec", NULL, NULL, "+/+" },
        { "ns", "{ex:line}", "ns/7/b", NULL, NULL, "ns/+" },
        { NULL, "a/{nobody}", NULL, "nobody", "", "a/+" },
        { NULL, "a/{wild}", NULL, "wild", "a+", "a/+" },
        { NULL, "a/{slash}", NULL, "slash", "a//b", "a/+" },
        { NULL, "{share}/a", NULL, "share", "$share/g", "+/a" },
        { NULL, "a/{share}", "a/$share/g", NULL, NULL, "a/+" },
};

START_TEST(a_topic_has_values_and_a_filter_plus_signs) {
        char buffer[100];
        aio_topic_pattern pattern;
        aio_error error;
        az_span topic;
        az_result r;

        ck_assert_int_eq(aio_topic_pattern_init(&pattern, of(PATTERN), of(resolutions[_i].pattern),
                                                of(resolutions[_i].topic_namespace), resident_tokens, &error),
                         AZ_OK);
        r = aio_topic_pattern_resolve(&pattern, transient_tokens, AZ_SPAN_FROM_BUFFER(buffer), &topic,
                                      &error);
        if (resolutions[_i].topic) {
                ck_assert_int_eq(r, AZ_OK);
                CHECK_SPAN(topic, resolutions[_i].topic);
                ck_assert(aio_topic_is_valid(topic));
        } else {
                ck_assert_int_eq(r, AZ_ERROR_ARG);
                check_configuration(&error, resolutions[_i].name, resolutions[_i].value);
        }
        ck_assert_int_eq(aio_topic_pattern_filter(&pattern, AZ_SPAN_EMPTY, AZ_SPAN_FROM_BUFFER(buffer),
                                                  &topic, &error),
                         AZ_OK);
        CHECK_SPAN(topic, resolutions[_i].filter);
}
END_TEST

static const struct {
        const char *share_name, *filter; /* NULL: refused */
} shares[] = {
        { "group", "$share/group/mock/+" },
        { "$g", "$share/$g/mock/+" },
        { "a/b", NULL },
        { "a+", NULL },
        { "#", NULL },
        { "a b", NULL },
};

START_TEST(a_share_name_is_one_level) {
        char buffer[100];
        aio_topic_pattern pattern;
        aio_error error;
        az_span filter;
        az_result r;

        ck_assert_int_eq(aio_topic_pattern_init(&pattern, of(PATTERN), of("mock/{a}"), AZ_SPAN_EMPTY,
                                                (aio_topic_tokens){ 0 }, &error),
                         AZ_OK);
        r = aio_topic_pattern_filter(&pattern, of(shares[_i].share_name), AZ_SPAN_FROM_BUFFER(buffer),
                                     &filter, &error);
        ck_assert_int_eq(r, shares[_i].filter ? AZ_OK : AZ_ERROR_ARG);
        if (shares[_i].filter) {
                CHECK_SPAN(filter, shares[_i].filter);
                ck_assert(aio_topic_filter_is_valid(filter));
        } else {
                check_configuration(&error, "ShareName", shares[_i].share_name);
        }
}
END_TEST

START_TEST(what_does_not_fit_is_refused_and_what_just_fits_is_not) {
        static char value[AIO_TOPIC_SIZE_MAX + 2], buffer[AIO_TOPIC_SIZE_MAX + 2];
        aio_topic_token token = { AZ_SPAN_FROM_STR("v"), AZ_SPAN_EMPTY };
        aio_topic_tokens tokens = { &token, 1 };
        aio_topic_pattern pattern;
        aio_error error;
        az_span topic;

        memset(value, 'v', sizeof(value));
        ck_assert_int_eq(aio_topic_pattern_init(&pattern, of(PATTERN), of("{v}"), AZ_SPAN_EMPTY,
                                                (aio_topic_tokens){ 0 }, &error),
                         AZ_OK);
        token.value = az_span_create((uint8_t *) value, AIO_TOPIC_SIZE_MAX);
        ck_assert_int_eq(
                aio_topic_pattern_resolve(&pattern, tokens, AZ_SPAN_FROM_BUFFER(buffer), &topic, &error),
                AZ_OK);
        token.value = az_span_create((uint8_t *) value, AIO_TOPIC_SIZE_MAX + 1);
        ck_assert_int_eq(
                aio_topic_pattern_resolve(&pattern, tokens, AZ_SPAN_FROM_BUFFER(buffer), &topic, &error),
                AZ_ERROR_NOT_ENOUGH_SPACE);
        check_configuration(&error, PATTERN, "{v}");

        token.value = of("1234");
        ck_assert_int_eq(aio_topic_pattern_resolve(&pattern, tokens, az_span_create((uint8_t *) buffer, 4),
                                                   &topic, &error),
                         AZ_OK);
        ck_assert_int_eq(aio_topic_pattern_resolve(&pattern, tokens, az_span_create((uint8_t *) buffer, 3),
                                                   &topic, &error),
                         AZ_ERROR_NOT_ENOUGH_SPACE);
}
END_TEST

static const struct {
        const char *request, *response, *prefix, *suffix, *client_id, *topic_namespace;
        const char *filter;       /* NULL: refused */
        const char *name, *value; /* what is at fault then */
} responses[] = {
        { "mock/test", NULL, NULL, NULL, "Me", NULL, "clients/Me/mock/test", NULL, NULL },
        { "mock/{executorId}", NULL, NULL, NULL, "Me", "ns", "ns/clients/Me/mock/+", NULL, NULL },
        { "mock/test", NULL, "response", NULL, "Me", NULL, "response/mock/test", NULL, NULL },
        { "mock/test", NULL, NULL, "response", "Me", NULL, "mock/test/response", NULL, NULL },
        { "mock/{modelId}", NULL, "p/{hall}", "s/{x}", "Me", "n", "n/p/north/3/mock/dtmi:press;1/s/+", NULL,
          NULL },
        { "mock/test", "my/response/{ex:foo}", "p", "s", "#", NULL, "my/response/+", NULL, NULL },
        { "mock/test", NULL, NULL, NULL, "{me} /x\"", NULL, "clients/{me} /x\"/mock/test", NULL, NULL },
        { "mock/test", NULL, NULL, NULL, "a+", NULL, NULL, "clientId", "a+" },
        { "mock/test", NULL, NULL, NULL, "", NULL, NULL, "clientId", "" },
        { "mock/test", NULL, NULL, NULL, "a//b", NULL, NULL, "clientId", "a//b" },
        { "", NULL, NULL, NULL, "Me", NULL, NULL, "requestTopicPattern", "" },
        { "a//b", NULL, "p", NULL, "Me", NULL, NULL, "requestTopicPattern", "a//b" },
        { "a", "a/", NULL, NULL, "Me", NULL, NULL, "responseTopicPattern", "a/" },
        { "a", NULL, "prefix/{in/valid}", NULL, "Me", NULL, NULL, "responseTopicPrefix",
          "prefix/{in/valid}" },
        { "a", NULL, "$p", NULL, "Me", NULL, NULL, "responseTopicPrefix", "$p" },
        { "a", NULL, NULL, "suffix/{in/valid}", "Me", NULL, NULL, "responseTopicSuffix",
          "suffix/{in/valid}" },
        { "a", NULL, "p", NULL, "Me", "n/", NULL, "TopicNamespace", "n/" },
        { "a", NULL, "{bad}", NULL, "Me", NULL, NULL, "bad", "a#b" },
};

START_TEST(the_topic_of_responses_comes_from_the_one_of_requests) {
        aio_topic_response_options options = {
                .request_pattern = of(responses[_i].request),
                .client_id = of(responses[_i].client_id),
                .response_pattern = of(responses[_i].response),
                .prefix = of(responses[_i].prefix),
                .suffix = of(responses[_i].suffix),
                .topic_namespace = of(responses[_i].topic_namespace),
                .tokens = resident_tokens,
        };
        char buffer[100];
        aio_topic_pattern pattern;
        aio_error error;
        az_span filter;
        az_result r = aio_topic_pattern_init_response(&pattern, &options, &error);

        if (!responses[_i].filter) {
                ck_assert_int_eq(r, AZ_ERROR_ARG);
                check_configuration(&error, responses[_i].name, responses[_i].value);
                return;
        }
        ck_assert_int_eq(r, AZ_OK);
        ck_assert_int_eq(aio_topic_pattern_filter(&pattern, AZ_SPAN_EMPTY, AZ_SPAN_FROM_BUFFER(buffer),
                                                  &filter, &error),
                         AZ_OK);
        CHECK_SPAN(filter, responses[_i].filter);
        if (strchr(responses[_i].filter, '+') == NULL)
                ck_assert(aio_topic_pattern_matches(&pattern, of(responses[_i].filter)));
}
END_TEST

static const struct {
        const char *pattern, *topic;
        const char *tokens; /* "key=value" of those that the topic has; NULL: it does not match */
} matches[] = {
        { "mock/test", "mock/test", "" },
        { "mock/test", "mock/tests", NULL },
        { "mock/test", "mock/tes", NULL },
        { "mock/test", "mock", NULL },
        { "mock/test", "mock/", NULL },
        { "mock/test", "mock/test/", NULL },
        { "mock/test", "mock/test/more", NULL },
        { "mock/test", "a/mock/test", NULL },
        { "mock/test", "", NULL },
        { "mock/{a}", "mock/x", "a=x" },
        { "mock/{a}", "mock/", NULL },
        { "mock/{a}", "mock", NULL },
        { "mock/{a}", "mock/x/y", NULL },
        { "{a}/{b}", "x/y", "a=x b=y" },
        { "{a}/{b}", "x", NULL },
        { "{a}/mock", "sch\xc3\xb6n \"x\"/mock", "a=sch\xc3\xb6n \"x\"" },
        { "{a}/{a}", "x/x", "a=x" },
        { "{a}/b/{a}", "x/b/y", NULL },
        { "{a}/{b}/{a}/{b}", "x/y/x/y", "a=x b=y" },
        { "{a}/{b}/{a}/{b}", "x/y/y/x", NULL },
        { "{a}/b", "$SYS/b", NULL },
        { "a/{b}", "a/$SYS", "b=$SYS" },
        { "{hall}/{a}", "north/3/x", "a=x" },
        { "{hall}/{a}", "north/4/x", NULL },
        { "{hall}", "north/3", "" },
        { "{hall}", "north/30", NULL },
        { "{hall}", "north", NULL },
        { "{a}/{hall}", "x/north/3", "a=x" },
};

START_TEST(a_received_topic_has_the_values_of_tokens) {
        static const aio_topic_tokens tokens = { resident, 2 };
        aio_topic_pattern pattern;
        aio_topic_token found[8];
        aio_error error;
        int32_t n_found;
        char text[100] = "";
        az_result r;

        ck_assert_int_eq(aio_topic_pattern_init(&pattern, of(PATTERN), of(matches[_i].pattern), AZ_SPAN_EMPTY,
                                                tokens, &error),
                         AZ_OK);
        ck_assert_int_eq(aio_topic_pattern_matches(&pattern, of(matches[_i].topic)),
                         matches[_i].tokens != NULL);
        r = aio_topic_pattern_extract(&pattern, of(matches[_i].topic), found, ELEMENTSOF(found), &n_found);
        if (!matches[_i].tokens) {
                ck_assert_int_eq(r, AZ_ERROR_ITEM_NOT_FOUND);
                return;
        }
        ck_assert_int_eq(r, AZ_OK);
        CHECK_SPAN(found[0].value, "dtmi:press;1");
        CHECK_SPAN(found[1].value, "north/3");
        for (int32_t i = 2; i < n_found; i++) {
                size_t length = strlen(text);

                snprintf(text + length, sizeof(text) - length, "%s%.*s=%.*s", i > 2 ? " " : "",
                         (int) az_span_size(found[i].key), (char *) az_span_ptr(found[i].key),
                         (int) az_span_size(found[i].value), (char *) az_span_ptr(found[i].value));
        }
        ck_assert_str_eq(text, matches[_i].tokens);
}
END_TEST

START_TEST(tokens_need_room) {
        static const aio_topic_tokens tokens = { resident, 3 };
        aio_topic_pattern pattern;
        aio_topic_token found[4];
        aio_error error;
        int32_t n_found = -1;

        ck_assert_int_eq(
                aio_topic_pattern_init(&pattern, of(PATTERN), of("{a}/{a}"), AZ_SPAN_EMPTY, tokens, &error),
                AZ_OK);
        for (int32_t room = 0; room < 3; room++)
                ck_assert_int_eq(aio_topic_pattern_extract(&pattern, of("x/x"), found, room, &n_found),
                                 AZ_ERROR_NOT_ENOUGH_SPACE);
        ck_assert_int_eq(n_found, -1);
        ck_assert_int_eq(aio_topic_pattern_extract(&pattern, of("x/x"), found, 3, &n_found), AZ_OK);
        ck_assert_int_eq(n_found, 3);
}
END_TEST

static const struct {
        const char *topic;
        bool is_valid;
} topics[] = {
        { "a", true },
        { "response/mock/test", true },
        { "a b/\xc3\xb6", true },
        { "a/$b", true },
        { "", false },
        { "//invalid", false },
        { "a/", false },
        { "/a", false },
        { "a/+", false },
        { "a#", false },
        { "$SYS/a", false },
        { "a\nb", false },
        { "a\x7f", false },
        { "\xff", false },
};

START_TEST(a_topic_to_publish_to_has_levels_and_no_wildcards) {
        ck_assert_int_eq(aio_topic_is_valid(of(topics[_i].topic)), topics[_i].is_valid);
}
END_TEST

static const struct {
        const char *filter;
        bool is_valid;
} filters[] = {
        { "a", true },          { "/", true },          { "#", true },           { "+", true },
        { "a/+/b", true },      { "+/+", true },        { "a/#", true },         { "/a", true },
        { "a//b", true },       { "$SYS/#", true },     { "$share/g/a", true },  { "$share/g/#", true },
        { "$share/g//", true }, { "$share", true },     { "$shared/g", true },   { "", false },
        { "a#", false },        { "a/#/b", false },     { "a+", false },         { "#/", false },
        { "a/+b", false },      { "##", false },        { "$share/", false },    { "$share//a", false },
        { "$share/g", false },  { "$share/g/", false }, { "$share/+/a", false }, { "$share/#/a", false },
        { "a\x01", false },     { "\xc3", false },
};

START_TEST(a_filter_is_one_that_MQTT_allows) {
        ck_assert_int_eq(aio_topic_filter_is_valid(of(filters[_i].filter)), filters[_i].is_valid);
}
END_TEST

static const struct {
        const char *filter, *topic;
        bool matches;
} filter_matches[] = {
        { "a/b", "a/b", true },
        { "a/b", "a/c", false },
        { "a/b", "a", false },
        { "a", "a/b", false },
        { "a/+", "a/b", true },
        { "a/+", "a/", true },
        { "a/+", "a", false },
        { "a/+", "a/b/c", false },
        { "+/b", "a/b", true },
        { "a/#", "a", true },
        { "a/#", "a/b/c", true },
        { "a/#", "ab", false },
        { "#", "a/b", true },
        { "#", "/", true },
        { "+/+", "/a", true },
        { "#", "$SYS/a", false },
        { "+/a", "$SYS/a", false },
        { "$SYS/#", "$SYS/a", true },
        { "a/#", "a/$b", true },
        { "$share/g/a/+", "a/b", true },
        { "$share/g/#", "$SYS", false },
        { "a/+", "a/+", false },
        { "#", "#", false },
        { "a/b/#", "a", false },
};

START_TEST(a_filter_matches_as_MQTT_says) {
        ck_assert_int_eq(
                aio_topic_filter_matches(of(filter_matches[_i].filter), of(filter_matches[_i].topic)),
                filter_matches[_i].matches);
}
END_TEST

static const struct {
        const char *outer, *inner;
        bool covers;
} covers[] = {
        { "#", "#", true },
        { "#", "a/+", true },
        { "#", "+/#", true },
        { "+/#", "#", true },
        { "#", "$SYS/a", false },
        { "$SYS/#", "$SYS/+", true },
        { "a/#", "a/#", true },
        { "a/#", "a", true },
        { "a/#", "a/+/c", true },
        { "a/#", "#", false },
        { "a/#", "+/b", false },
        { "a/+", "a/b", true },
        { "a/+", "a/+", true },
        { "a/+", "a/#", false },
        { "a/b", "a/+", false },
        { "a/+/#", "a/#", false },
        { "a/+/#", "a/b/#", true },
        { "a/+/#", "a/b", true },
        { "+", "a/b", false },
        { "a/b", "a", false },
        { "$share/g/a/#", "$share/h/a/b", true },
        { "a/b", "$share/h/a/b", true },
        { "a/b", "$share/h/a/c", false },
};

START_TEST(a_filter_covers_what_matches_no_more) {
        ck_assert_int_eq(aio_topic_filter_covers(of(covers[_i].outer), of(covers[_i].inner)),
                         covers[_i].covers);
}
END_TEST

static Suite *aio_topic_suite(void) {
        Suite *s = suite_create("aio-topic");
        TCase *t = tcase_create("aio_topic_pattern");

        tcase_add_loop_test(t, a_pattern_is_checked_with_its_namespace_and_its_resident_tokens, 0,
                            ELEMENTSOF(patterns));
        tcase_add_loop_test(t, a_topic_has_values_and_a_filter_plus_signs, 0, ELEMENTSOF(resolutions));
        tcase_add_loop_test(t, a_share_name_is_one_level, 0, ELEMENTSOF(shares));
        tcase_add_test(t, what_does_not_fit_is_refused_and_what_just_fits_is_not);
        tcase_add_loop_test(t, the_topic_of_responses_comes_from_the_one_of_requests, 0,
                            ELEMENTSOF(responses));
        tcase_add_loop_test(t, a_received_topic_has_the_values_of_tokens, 0, ELEMENTSOF(matches));
        tcase_add_test(t, tokens_need_room);
        suite_add_tcase(s, t);

        t = tcase_create("aio_topic_filter");
        tcase_add_loop_test(t, a_topic_to_publish_to_has_levels_and_no_wildcards, 0, ELEMENTSOF(topics));
        tcase_add_loop_test(t, a_filter_is_one_that_MQTT_allows, 0, ELEMENTSOF(filters));
        tcase_add_loop_test(t, a_filter_matches_as_MQTT_says, 0, ELEMENTSOF(filter_matches));
        tcase_add_loop_test(t, a_filter_covers_what_matches_no_more, 0, ELEMENTSOF(covers));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(aio_topic_suite)
