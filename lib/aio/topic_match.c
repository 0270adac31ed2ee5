/* SPDX-License-Identifier: MIT */
#include <aio/topic.h>

#include <aio/aio_internal.h>
#include <aio/topic_internal.h>
#include <azure/core/az_precondition_internal.h>

/* A pattern and a received topic, read side by side. */
typedef struct {
        _aio_topic_levels levels;
        az_span topic; /* what is left of it */
        bool is_first; /* nothing was read yet */
        bool is_over;  /* no level of the topic is left, not even an empty one */
} match_reader;

static match_reader match_begin(aio_topic_pattern const *pattern, az_span topic) {
        match_reader reader = { _aio_topic_levels_of(pattern), topic, true, false };

        return reader;
}

/* What the next level of a pattern was found to be. */
typedef enum {
        MATCH_TEXT,
        MATCH_TOKEN,
        MATCH_END,
        MATCH_NONE
} match_step;

/* Takes a text off the topic, of one level or more. */
static match_step match_text(match_reader *reader, az_span text) {
        int32_t size = az_span_size(text);

        if (az_span_size(reader->topic) < size ||
            memcmp(az_span_ptr(reader->topic), az_span_ptr(text), (size_t) size) != 0)
                return MATCH_NONE;

        reader->topic = _az_span_from(reader->topic, size);
        reader->is_over = az_span_size(reader->topic) == 0;
        return reader->is_over || _aio_skip(&reader->topic, '/') ? MATCH_TEXT : MATCH_NONE;
}

/* Takes the next level; 'out_token' is written if it is a token without a resident value. */
static match_step match_next(match_reader *reader, aio_topic_token *out_token) {
        bool is_token, is_first = reader->is_first;
        az_span level, value;

        reader->is_first = false;
        if (!_aio_topic_levels_next(&reader->levels, &level, &is_token))
                return reader->is_over ? MATCH_END : MATCH_NONE;
        if (reader->is_over)
                return MATCH_NONE;
        if (!is_token)
                return match_text(reader, level);
        if (aio_topic_tokens_find(reader->levels.pattern->_internal.tokens, level, &value) == AZ_OK)
                return match_text(reader, value);

        out_token->key = level;
        out_token->value = _aio_split(&reader->topic, '/', &reader->is_over);
        if (az_span_size(out_token->value) == 0 || (is_first && az_span_ptr(out_token->value)[0] == '$'))
                return MATCH_NONE;
        return MATCH_TOKEN;
}

/* Tells whether the first token of that key in the topic has the same value. */
static bool is_as_before(aio_topic_pattern const *pattern, az_span topic, aio_topic_token token) {
        match_reader reader = match_begin(pattern, topic);
        aio_topic_token first;

        /* The token itself is in the topic, so this comes to an end. */
        while (match_next(&reader, &first) != MATCH_TOKEN || !az_span_is_content_equal(first.key, token.key))
                ;
        return az_span_is_content_equal(first.value, token.value);
}

bool aio_topic_pattern_matches(aio_topic_pattern const *pattern, az_span topic) {
        match_reader reader = match_begin(pattern, topic);
        aio_topic_token token;

        _az_PRECONDITION_NOT_NULL(pattern);
        _az_PRECONDITION_VALID_SPAN(topic, 0);

        for (;;) {
                match_step step = match_next(&reader, &token);

                if (step == MATCH_END)
                        return true;
                if (step == MATCH_NONE || (step == MATCH_TOKEN && !is_as_before(pattern, topic, token)))
                        return false;
        }
}

/* Appends a token, unless its key is there. */
static az_result add_token(aio_topic_token token, aio_topic_token *tokens, int32_t max_tokens,
                           int32_t *ref_n_tokens) {
        aio_topic_tokens found = { tokens, *ref_n_tokens };
        az_span value;

        if (aio_topic_tokens_find(found, token.key, &value) == AZ_OK)
                return AZ_OK;
        if (*ref_n_tokens == max_tokens)
                return AZ_ERROR_NOT_ENOUGH_SPACE;

        tokens[(*ref_n_tokens)++] = token;
        return AZ_OK;
}

az_result aio_topic_pattern_extract(aio_topic_pattern const *pattern, az_span topic, aio_topic_token *tokens,
                                    int32_t max_tokens, int32_t *out_n_tokens) {
        match_reader reader = match_begin(pattern, topic);
        aio_topic_token token;
        int32_t n_tokens = 0;
        match_step step;

        _az_PRECONDITION_NOT_NULL(pattern);
        _az_PRECONDITION_VALID_SPAN(topic, 0);
        _az_PRECONDITION(max_tokens == 0 || tokens != NULL);
        _az_PRECONDITION_NOT_NULL(out_n_tokens);

        if (!aio_topic_pattern_matches(pattern, topic))
                return AZ_ERROR_ITEM_NOT_FOUND;
        for (int32_t i = 0; i < pattern->_internal.tokens.n_tokens; i++)
                if (az_result_failed(
                            add_token(pattern->_internal.tokens.tokens[i], tokens, max_tokens, &n_tokens)))
                        return AZ_ERROR_NOT_ENOUGH_SPACE;
        while ((step = match_next(&reader, &token)) != MATCH_END)
                if (step == MATCH_TOKEN && az_result_failed(add_token(token, tokens, max_tokens, &n_tokens)))
                        return AZ_ERROR_NOT_ENOUGH_SPACE;

        *out_n_tokens = n_tokens;
        return AZ_OK;
}
