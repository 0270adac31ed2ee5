/* SPDX-License-Identifier: MIT */
#include <aio/topic.h>

#include <aio/aio_internal.h>
#include <aio/topic_internal.h>
#include <azure/core/az_precondition_internal.h>

/* Tells whether 'c' may stand in the value of a token; '/' does not count. */
static bool is_value_char(uint8_t c) {
        return c > ' ' && c <= '~' && c != '+' && c != '#' && c != '{' && c != '}';
}

static bool is_label(az_span level) {
        for (int32_t i = 0; i < az_span_size(level); i++) {
                uint8_t c = az_span_ptr(level)[i];

                if (!is_value_char(c) || c == '"' || c == '/')
                        return false;
        }
        return az_span_size(level) > 0;
}

/* '{' and '}' around a key; of a level that was checked, the first character tells. */
static bool is_token(az_span level) {
        int32_t size = az_span_size(level);

        return size > 2 && az_span_ptr(level)[0] == '{' && az_span_ptr(level)[size - 1] == '}' &&
               is_label(az_span_slice(level, 1, size - 1));
}

static bool is_pattern(az_span pattern) {
        bool is_last = false;

        while (!is_last) {
                az_span level = _aio_split(&pattern, '/', &is_last);

                if (!is_label(level) && !is_token(level))
                        return false;
        }
        return true;
}

/* Tells whether 'value' may stand for a token, at the beginning of a topic or within. */
static bool is_value(az_span value, bool is_first) {
        bool is_last = false;

        if (is_first && az_span_size(value) > 0 && az_span_ptr(value)[0] == '$')
                return false;
        while (!is_last) {
                az_span level = _aio_split(&value, '/', &is_last);

                for (int32_t i = 0; i < az_span_size(level); i++)
                        if (!is_value_char(az_span_ptr(level)[i]))
                                return false;
                if (az_span_size(level) == 0)
                        return false;
        }
        return true;
}

az_result aio_topic_tokens_find(aio_topic_tokens tokens, az_span key, az_span *out_value) {
        _az_PRECONDITION_VALID_SPAN(key, 0);
        _az_PRECONDITION_NOT_NULL(out_value);

        for (int32_t i = 0; i < tokens.n_tokens; i++)
                if (az_span_is_content_equal(tokens.tokens[i].key, key)) {
                        *out_value = tokens.tokens[i].value;
                        return AZ_OK;
                }
        return AZ_ERROR_ITEM_NOT_FOUND;
}

bool _aio_topic_levels_next(_aio_topic_levels *levels, az_span *out_level, bool *out_is_token) {
        az_span level;
        bool is_last;

        if (az_span_size(levels->rest) == 0) {
                if (levels->part + 1 >= levels->pattern->_internal.n_parts)
                        return false;
                levels->rest = levels->pattern->_internal.parts[++levels->part];
        }
        level = _aio_split(&levels->rest, '/', &is_last);
        *out_is_token = !levels->pattern->_internal.is_literal[levels->part] && az_span_ptr(level)[0] == '{';
        *out_level = *out_is_token ? az_span_slice(level, 1, az_span_size(level) - 1) : level;
        return true;
}

static az_result refuse_value(aio_error *out_error, az_span key, az_span value) {
        return _aio_refuse(out_error, key, value,
                           AZ_SPAN_FROM_STR("the token has a value that a topic cannot have"));
}

/* Checks the resident values of the tokens that the pattern has. */
static az_result check_resident(aio_topic_pattern const *pattern, aio_error *out_error) {
        _aio_topic_levels levels = _aio_topic_levels_of(pattern);
        bool is_first = true, is_token_level;
        az_span level, value;

        for (; _aio_topic_levels_next(&levels, &level, &is_token_level); is_first = false)
                if (is_token_level &&
                    aio_topic_tokens_find(pattern->_internal.tokens, level, &value) == AZ_OK &&
                    !is_value(value, is_first))
                        return refuse_value(out_error, level, value);
        return AZ_OK;
}

static void append_part(aio_topic_pattern *pattern, az_span part, bool is_literal) {
        int32_t i = pattern->_internal.n_parts++;

        pattern->_internal.parts[i] = part;
        pattern->_internal.is_literal[i] = is_literal;
}

/* Checks and appends a part that may have tokens. */
static az_result append_pattern(aio_topic_pattern *pattern, az_span property_name, az_span text,
                                aio_error *out_error) {
        if (!is_pattern(text) || az_span_ptr(text)[0] == '$')
                return _aio_refuse(out_error, property_name, _aio_present(text),
                                   AZ_SPAN_FROM_STR("it is not a topic pattern"));

        append_part(pattern, text, false);
        return AZ_OK;
}

/* Starts a pattern with its namespace. */
static az_result begin_pattern(aio_topic_pattern *pattern, az_span property_name, az_span text,
                               az_span topic_namespace, aio_topic_tokens tokens, aio_error *out_error) {
        *pattern = (aio_topic_pattern){ { .tokens = tokens, .property_name = property_name, .text = text } };
        if (az_span_size(topic_namespace) == 0)
                return AZ_OK;
        if (!is_value(topic_namespace, true))
                return _aio_refuse(out_error, AZ_SPAN_FROM_STR(AIO_PROPERTY_TOPIC_NAMESPACE), topic_namespace,
                                   AZ_SPAN_FROM_STR("it is not a topic namespace"));

        append_part(pattern, topic_namespace, true);
        return AZ_OK;
}

az_result aio_topic_pattern_init(aio_topic_pattern *out_pattern, az_span property_name, az_span pattern,
                                 az_span topic_namespace, aio_topic_tokens tokens, aio_error *out_error) {
        aio_topic_pattern made;
        az_result r;

        _az_PRECONDITION_NOT_NULL(out_pattern);
        _az_PRECONDITION_VALID_SPAN(property_name, 1);
        _az_PRECONDITION_VALID_SPAN(pattern, 0);
        _az_PRECONDITION_VALID_SPAN(topic_namespace, 0);
        _az_PRECONDITION_NOT_NULL(out_error);

        r = begin_pattern(&made, property_name, pattern, topic_namespace, tokens, out_error);
        if (az_result_succeeded(r))
                r = append_pattern(&made, property_name, pattern, out_error);
        if (az_result_succeeded(r))
                r = check_resident(&made, out_error);
        if (az_result_failed(r))
                return r;

        *out_pattern = made;
        return AZ_OK;
}

/* Appends what is in front of the request's pattern. */
static az_result append_prefix(aio_topic_pattern *pattern, aio_topic_response_options const *options,
                               aio_error *out_error) {
        if (az_span_size(options->prefix) > 0)
                return append_pattern(pattern, AZ_SPAN_FROM_STR(AIO_PROPERTY_RESPONSE_TOPIC_PREFIX),
                                      options->prefix, out_error);
        if (az_span_size(options->suffix) > 0)
                return AZ_OK;
        if (!_aio_topic_has_levels(options->client_id))
                return _aio_refuse(out_error, AZ_SPAN_FROM_STR(AIO_PROPERTY_CLIENT_ID), options->client_id,
                                   AZ_SPAN_FROM_STR("it cannot be part of a topic"));

        append_part(pattern, AZ_SPAN_FROM_STR("clients"), true);
        append_part(pattern, options->client_id, true);
        return AZ_OK;
}

static az_result append_response(aio_topic_pattern *pattern, aio_topic_response_options const *options,
                                 aio_error *out_error) {
        az_result r;

        if (az_span_size(options->response_pattern) > 0)
                return append_pattern(pattern, AZ_SPAN_FROM_STR(AIO_PROPERTY_RESPONSE_TOPIC_PATTERN),
                                      options->response_pattern, out_error);

        r = append_prefix(pattern, options, out_error);
        if (az_result_succeeded(r))
                r = append_pattern(pattern, AZ_SPAN_FROM_STR(AIO_PROPERTY_REQUEST_TOPIC_PATTERN),
                                   options->request_pattern, out_error);
        if (az_result_succeeded(r) && az_span_size(options->suffix) > 0)
                r = append_pattern(pattern, AZ_SPAN_FROM_STR(AIO_PROPERTY_RESPONSE_TOPIC_SUFFIX),
                                   options->suffix, out_error);
        return r;
}

az_result aio_topic_pattern_init_response(aio_topic_pattern *out_pattern,
                                          aio_topic_response_options const *options, aio_error *out_error) {
        aio_topic_pattern made;
        az_span text;
        az_result r;

        _az_PRECONDITION_NOT_NULL(out_pattern);
        _az_PRECONDITION_NOT_NULL(options);
        _az_PRECONDITION_NOT_NULL(out_error);

        text = az_span_size(options->response_pattern) > 0 ? options->response_pattern
                                                           : options->request_pattern;
        r = begin_pattern(&made, AZ_SPAN_FROM_STR(AIO_PROPERTY_RESPONSE_TOPIC_PATTERN), text,
                          options->topic_namespace, options->tokens, out_error);
        if (az_result_succeeded(r))
                r = append_response(&made, options, out_error);
        if (az_result_succeeded(r))
                r = check_resident(&made, out_error);
        if (az_result_failed(r))
                return r;

        *out_pattern = made;
        return AZ_OK;
}

/* Ends a topic or filter that was written. */
static az_result end_topic(aio_topic_pattern const *pattern, _aio_text const *text, az_span *out_topic,
                           aio_error *out_error) {
        az_span topic;

        if (az_result_failed(_aio_text_end(text, &topic)) || az_span_size(topic) > AIO_TOPIC_SIZE_MAX) {
                *out_error =
                        _aio_error_configuration(pattern->_internal.property_name, pattern->_internal.text,
                                                 AZ_SPAN_FROM_STR("the topic is too long"));
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        }

        *out_topic = topic;
        return AZ_OK;
}

az_result aio_topic_pattern_resolve(aio_topic_pattern const *pattern, aio_topic_tokens tokens,
                                    az_span destination, az_span *out_topic, aio_error *out_error) {
        _aio_text text = _aio_text_begin(destination);
        bool is_first = true, is_token_level;
        _aio_topic_levels levels;
        az_span level, value;

        _az_PRECONDITION_NOT_NULL(pattern);
        _az_PRECONDITION_VALID_SPAN(destination, 0);
        _az_PRECONDITION_NOT_NULL(out_topic);
        _az_PRECONDITION_NOT_NULL(out_error);

        for (levels = _aio_topic_levels_of(pattern); _aio_topic_levels_next(&levels, &level, &is_token_level);
             is_first = false) {
                value = level;
                if (is_token_level &&
                    aio_topic_tokens_find(pattern->_internal.tokens, level, &value) != AZ_OK) {
                        if (aio_topic_tokens_find(tokens, level, &value) != AZ_OK)
                                return _aio_refuse(out_error, level, _aio_PRESENT_EMPTY,
                                                   AZ_SPAN_FROM_STR("the token has no value"));
                        if (!is_value(value, is_first))
                                return refuse_value(out_error, level, value);
                }
                if (!is_first)
                        _aio_text_append(&text, AZ_SPAN_FROM_STR("/"));
                _aio_text_append(&text, value);
        }
        return end_topic(pattern, &text, out_topic, out_error);
}

az_result aio_topic_pattern_filter(aio_topic_pattern const *pattern, az_span share_name, az_span destination,
                                   az_span *out_filter, aio_error *out_error) {
        _aio_text text = _aio_text_begin(destination);
        bool is_first = true, is_token_level;
        _aio_topic_levels levels;
        az_span level, value;

        _az_PRECONDITION_NOT_NULL(pattern);
        _az_PRECONDITION_VALID_SPAN(share_name, 0);
        _az_PRECONDITION_VALID_SPAN(destination, 0);
        _az_PRECONDITION_NOT_NULL(out_filter);
        _az_PRECONDITION_NOT_NULL(out_error);

        if (az_span_size(share_name) > 0) {
                if (!is_label(share_name))
                        return _aio_refuse(out_error, AZ_SPAN_FROM_STR(AIO_PROPERTY_SHARE_NAME), share_name,
                                           AZ_SPAN_FROM_STR("it is not the name of a group"));
                _aio_text_append(&text, AZ_SPAN_FROM_STR("$share/"));
                _aio_text_append(&text, share_name);
                _aio_text_append(&text, AZ_SPAN_FROM_STR("/"));
        }
        for (levels = _aio_topic_levels_of(pattern); _aio_topic_levels_next(&levels, &level, &is_token_level);
             is_first = false) {
                value = level;
                if (is_token_level &&
                    aio_topic_tokens_find(pattern->_internal.tokens, level, &value) != AZ_OK)
                        value = AZ_SPAN_FROM_STR("+");
                if (!is_first)
                        _aio_text_append(&text, AZ_SPAN_FROM_STR("/"));
                _aio_text_append(&text, value);
        }
        return end_topic(pattern, &text, out_filter, out_error);
}
