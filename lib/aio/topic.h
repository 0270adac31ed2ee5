/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_TOPIC_H
#define _az_AIO_TOPIC_H

/*
 * Topics of Azure IoT Operations: patterns with tokens in braces, "sensors/{sensorId}/temperature", which
 * become topics to publish to, filters to subscribe to, and what received topics are matched with. Beside it,
 * what MQTT says of filters.
 *
 * A pattern has one or more levels with '/' between them. A level is a token, '{' key '}', or a label; label
 * and key are one or more printable ASCII characters other than space and " + # { } /. No pattern begins with
 * '$'. Tokens have no meaning of their own here: "{executorId}" is as good as "{ex:line}".
 *
 * The value of a token is one or more printable ASCII characters other than space and + # { }. It may have
 * several levels ("hall/line3"), none of them empty, and at the beginning of a topic no '$'. A value is given
 * with the pattern (resident) or with each message (transient); if with both, the resident one holds. The
 * values of tokens that are not in the pattern do not matter.
 *
 * An error that functions report through 'out_error' is "invalid configuration", shallow, and names the
 * option or the key of the token that is at fault; with it they return AZ_ERROR_ARG. What does not fit into a
 * buffer is reported in the same way, named after the pattern, with NOT_ENOUGH_SPACE.
 *
 * Preconditions of all functions: pointers are not NULL, unless for an empty array; spans well formed.
 *
 * Source: Azure IoT Operations SDKs, "Topic structure"; MQTT 5.0, 4.7 and 4.8.
 */

#include <stdbool.h>
#include <stdint.h>

#include <aio/error.h>
#include <azure/core/az_result.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/* No topic is longer (MQTT 5.0, 1.5.4). */
#define AIO_TOPIC_SIZE_MAX 65535

/* The key of a token, without braces, and its value. */
typedef struct {
        az_span key;
        az_span value;
} aio_topic_token;

/* Values of tokens; {0}: none. If a key comes twice, the first one holds. */
typedef struct {
        aio_topic_token const *tokens;
        int32_t n_tokens;
} aio_topic_tokens;

/* Finds the value of a token. ITEM_NOT_FOUND: there is none. */
AZ_NODISCARD az_result aio_topic_tokens_find(aio_topic_tokens tokens, az_span key, az_span *out_value);

/* At most so many parts make up a pattern: namespace, "clients", client id, request pattern. */
#define _az_AIO_TOPIC_PARTS_MAX 4

/*
 * A pattern that has been checked, with its namespace and its resident tokens; private. What it was made of
 * must outlive it: the texts, the array of tokens and their texts.
 */
typedef struct {
        struct {
                az_span parts[_az_AIO_TOPIC_PARTS_MAX];
                bool is_literal[_az_AIO_TOPIC_PARTS_MAX]; /* braces mean nothing there */
                int32_t n_parts;
                aio_topic_tokens tokens;
                az_span property_name;
                az_span text; /* what errors quote */
        } _internal;
} aio_topic_pattern;

/*
 * Checks a pattern for telemetry or for the requests of a command.
 *
 *   property_name    what errors call it: AIO_PROPERTY_TOPIC_PATTERN, AIO_PROPERTY_REQUEST_TOPIC_PATTERN
 *   topic_namespace  stands in front, with a '/' between: what the value of a token may be; empty: none
 *   tokens           the resident ones: not all have to have a value yet
 *
 * AZ_ERROR_ARG: the pattern ('property_name' and the pattern), the namespace (AIO_PROPERTY_TOPIC_NAMESPACE
 * and the namespace), or the value of a token in the pattern (its key and value) is not as it should be.
 */
AZ_NODISCARD az_result aio_topic_pattern_init(aio_topic_pattern *out_pattern, az_span property_name,
                                              az_span pattern, az_span topic_namespace,
                                              aio_topic_tokens tokens, aio_error *out_error);

/* Where an invoker wants its responses; what is left empty is not there. */
typedef struct {
        az_span request_pattern;
        az_span client_id;        /* of the invoker */
        az_span response_pattern; /* taken as it is, if given */
        az_span prefix;           /* otherwise in front of the request's pattern, and */
        az_span suffix;           /* behind it, both with '/' between; patterns, too */
        az_span topic_namespace;
        aio_topic_tokens tokens;
} aio_topic_response_options;

/*
 * Makes the pattern for the responses of a command: the namespace, and behind it the given pattern; or
 * prefix, request pattern and suffix; or, if there is neither prefix nor suffix, "clients/", the client id
 * and the request pattern.
 *
 * AZ_ERROR_ARG: as of aio_topic_pattern_init(), with AIO_PROPERTY_RESPONSE_TOPIC_PATTERN, …_PREFIX, …_SUFFIX
 * or AIO_PROPERTY_CLIENT_ID (it has what a topic may not have) for names.
 */
AZ_NODISCARD az_result aio_topic_pattern_init_response(aio_topic_pattern *out_pattern,
                                                       aio_topic_response_options const *options,
                                                       aio_error *out_error);

/*
 * Writes the topic to publish to: every token has to have a value.
 *
 *   tokens     the transient ones
 *   out_topic  the topic, at the start of 'destination'
 *
 * AZ_ERROR_ARG: a token has no value (its key, and an empty value), or one that it must not have.
 * NOT_ENOUGH_SPACE: 'destination' is too small, or AIO_TOPIC_SIZE_MAX exceeded.
 */
AZ_NODISCARD az_result aio_topic_pattern_resolve(aio_topic_pattern const *pattern, aio_topic_tokens tokens,
                                                 az_span destination, az_span *out_topic,
                                                 aio_error *out_error);

/*
 * Writes the filter to subscribe to: resident tokens have their values, others are '+'.
 *
 *   share_name  of the group that shares the subscription ("$share/" goes in front); empty: none
 *   out_filter  the filter, at the start of 'destination'
 *
 * AZ_ERROR_ARG: the share name is more than one level (AIO_PROPERTY_SHARE_NAME and the name).
 * NOT_ENOUGH_SPACE: as of aio_topic_pattern_resolve().
 */
AZ_NODISCARD az_result aio_topic_pattern_filter(aio_topic_pattern const *pattern, az_span share_name,
                                                az_span destination, az_span *out_filter,
                                                aio_error *out_error);

/* Tells whether a received topic is one of the pattern's: of each token without a resident value one level,
 * not empty, at the beginning without '$', and the same wherever the token comes again. */
AZ_NODISCARD bool aio_topic_pattern_matches(aio_topic_pattern const *pattern, az_span topic);

/*
 * Finds the values of the tokens in a received topic: first all resident ones, then those of the topic in the
 * order in which they stand, each once.
 *
 *   tokens      receives them; the values of the topic's lie in 'topic', keys and others in the pattern
 *   max_tokens  the size of that array
 *
 * AZ_ERROR_ITEM_NOT_FOUND: the topic is none of the pattern's. NOT_ENOUGH_SPACE: there are more tokens.
 */
AZ_NODISCARD az_result aio_topic_pattern_extract(aio_topic_pattern const *pattern, az_span topic,
                                                 aio_topic_token *tokens, int32_t max_tokens,
                                                 int32_t *out_n_tokens);

/*
 * Tells whether a message may be published to 'topic': UTF-8 without control characters, 1 to
 * AIO_TOPIC_SIZE_MAX bytes, no empty level, no '+' or '#', no '$' at the beginning. To be asked of the
 * Response Topic of a request.
 */
AZ_NODISCARD bool aio_topic_is_valid(az_span topic);

/* Tells whether 'filter' is one that MQTT allows, "$share/GROUP/" in front included. */
AZ_NODISCARD bool aio_topic_filter_is_valid(az_span filter);

/*
 * Tells whether a topic is among those of a filter (MQTT 5.0, 4.7): '+' is one level, which may be empty, '#'
 * any number of them, and neither is a first level that begins with '$'. A "$share/GROUP/" does not count.
 *
 *   filter  precondition of a right answer: aio_topic_filter_is_valid()
 */
AZ_NODISCARD bool aio_topic_filter_matches(az_span filter, az_span topic);

/*
 * Tells whether every topic that 'inner' matches is also matched by 'outer', so that who may have 'outer' may
 * have 'inner'. "$share/GROUP/" does not count; a topic is a filter, too.
 */
AZ_NODISCARD bool aio_topic_filter_covers(az_span outer, az_span inner);

_az_END_DECLS

#endif
