/* SPDX-License-Identifier: MIT */

/*
 * The input has five lines: a pattern, its namespace, the value of every token, a topic, a filter. A topic
 * that a pattern makes is one that it matches, and both agree with its filter; filters that cover each other
 * agree about topics.
 */

#include <stdlib.h>

#include <aio/topic.h>

#include "fuzz-script.h"

#define INPUT_MAX  4096
#define TOKENS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

/* Collects the tokens of a pattern, each with this value. */
static aio_topic_tokens tokens_of(az_span pattern, az_span value, aio_topic_token *tokens) {
        aio_topic_tokens found = { tokens, 0 };

        while (az_span_size(pattern) > 0 && found.n_tokens < TOKENS_MAX) {
                az_span level = script_next(&pattern, '/');

                if (az_span_size(level) > 2 && az_span_ptr(level)[0] == '{')
                        tokens[found.n_tokens++] =
                                (aio_topic_token){ az_span_slice(level, 1, az_span_size(level) - 1), value };
        }
        return found;
}

static void check_pattern(const aio_topic_pattern *pattern, aio_topic_tokens tokens, az_span received) {
        static char topic_buffer[AIO_TOPIC_SIZE_MAX], filter_buffer[AIO_TOPIC_SIZE_MAX];
        aio_topic_token extracted[TOKENS_MAX];
        aio_error error = { 0 };
        int32_t n_extracted;
        az_span topic, filter, value;
        az_result r;

        r = aio_topic_pattern_filter(pattern, AZ_SPAN_EMPTY, AZ_SPAN_FROM_BUFFER(filter_buffer), &filter,
                                     &error);
        if (r == AZ_ERROR_NOT_ENOUGH_SPACE)
                return; /* long values, many times */
        check(r == AZ_OK);
        check(aio_topic_filter_is_valid(filter));
        if (aio_topic_pattern_matches(pattern, received) && aio_topic_is_valid(received))
                check(aio_topic_filter_covers(filter, received));
        r = aio_topic_pattern_extract(pattern, received, extracted, TOKENS_MAX, &n_extracted);
        check((r != AZ_ERROR_ITEM_NOT_FOUND) == aio_topic_pattern_matches(pattern, received));

        r = aio_topic_pattern_resolve(pattern, tokens, AZ_SPAN_FROM_BUFFER(topic_buffer), &topic, &error);
        if (r != AZ_OK) {
                check(error.kind == AIO_ERROR_INVALID_CONFIGURATION && error.is_shallow);
                return;
        }
        check(aio_topic_is_valid(topic));
        if (tokens.n_tokens > 0 && az_span_find(tokens.tokens[0].value, AZ_SPAN_FROM_STR("/")) >= 0)
                return; /* of several levels: whoever receives it cannot know */
        check(aio_topic_pattern_matches(pattern, topic));
        check(aio_topic_filter_matches(filter, topic));
        if (aio_topic_pattern_extract(pattern, topic, extracted, TOKENS_MAX, &n_extracted) != AZ_OK)
                return;
        for (int32_t i = 0; i < tokens.n_tokens; i++) {
                check(aio_topic_tokens_find((aio_topic_tokens){ extracted, n_extracted },
                                            tokens.tokens[i].key, &value) == AZ_OK);
                check(az_span_is_content_equal(value, tokens.tokens[i].value));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_span rest = az_span_create((uint8_t *) data, size < INPUT_MAX ? (int32_t) size : INPUT_MAX);
        az_span text = script_next(&rest, '\n'), topic_namespace = script_next(&rest, '\n');
        az_span value = script_next(&rest, '\n'), topic = script_next(&rest, '\n');
        az_span filter = script_next(&rest, '\n');
        aio_topic_token tokens[TOKENS_MAX];
        aio_topic_tokens all = tokens_of(text, value, tokens), none = { 0 };
        aio_topic_pattern pattern;
        aio_error error;

        for (int resident = 0; resident < 2; resident++)
                if (aio_topic_pattern_init(&pattern, AZ_SPAN_FROM_STR(AIO_PROPERTY_TOPIC_PATTERN), text,
                                           topic_namespace, resident ? all : none, &error) == AZ_OK)
                        check_pattern(&pattern, resident ? none : all, topic);

        if (aio_topic_filter_is_valid(filter)) {
                check(aio_topic_filter_covers(filter, filter));
                if (aio_topic_is_valid(topic)) {
                        check(aio_topic_filter_is_valid(topic));
                        check(aio_topic_filter_matches(filter, topic) ==
                              aio_topic_filter_covers(filter, topic));
                }
                /* What covers the filter matches whatever that matches. */
                if (aio_topic_filter_is_valid(value) && aio_topic_filter_covers(value, filter) &&
                    aio_topic_filter_matches(filter, topic))
                        check(aio_topic_filter_matches(value, topic));
        }
        return 0;
}
