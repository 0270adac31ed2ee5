/* SPDX-License-Identifier: MIT */

#include "cli/reply.h"

#include <azure/core/az_json.h>

#include "ipc/aziot.h"
#include "util/util.h"

char *reply_get_text(const char *json, size_t size, const char *path) {
        _cleanup_(freep) char *text = NULL;
        const char *value;
        size_t n;

        if (aziot_json_find(json, size, path, &value, &n) != 0)
                return NULL;
        text = malloc(n + 1);
        if (!text || aziot_json_get_text(value, n, text, n + 1) < 0)
                return NULL;
        return TAKE_PTR(text);
}

int64_t reply_get_number(const char *json, size_t size, const char *path, int64_t absent) {
        const char *value;
        int64_t number;
        size_t n;

        if (aziot_json_find(json, size, path, &value, &n) != 0 ||
            az_result_failed(az_span_atoi64(az_span_create((uint8_t *) value, (int32_t) n), &number)))
                return absent;
        return number;
}

bool reply_is_true(const char *json, size_t size, const char *path) {
        const char *value;
        size_t n;

        return aziot_json_find(json, size, path, &value, &n) == 0 && n == 4 && memcmp(value, "true", 4) == 0;
}

/* Begins to read what is the member 'path', if it is an array, or an object. */
static bool member_open(az_json_reader *reader, const char *json, size_t size, const char *path,
                        az_json_token_kind kind) {
        const char *value;
        size_t n;

        return aziot_json_find(json, size, path, &value, &n) == 0 &&
               az_result_succeeded(
                       az_json_reader_init(reader, az_span_create((uint8_t *) value, (int32_t) n), NULL)) &&
               az_result_succeeded(az_json_reader_next_token(reader)) && reader->token.kind == kind;
}

static bool array_open(az_json_reader *reader, const char *json, size_t size, const char *path) {
        return member_open(reader, json, size, path, AZ_JSON_TOKEN_BEGIN_ARRAY);
}

/* The text of a name or string; NULL: there is no memory. */
static char *token_get_text(const az_json_token *token) {
        int32_t room = az_span_size(token->slice) + 1;
        char *text = malloc((size_t) room);

        if (text && az_result_failed(az_json_token_get_string(token, text, room, NULL)))
                text[0] = 0;
        return text;
}

int reply_for_each_text(const char *json, size_t size, const char *path,
                        int (*func)(void *userdata, const char *name, const char *text), void *userdata) {
        az_json_reader reader;
        int r = 0;

        if (!member_open(&reader, json, size, path, AZ_JSON_TOKEN_BEGIN_OBJECT))
                return 0;

        while (r == 0 && az_result_succeeded(az_json_reader_next_token(&reader)) &&
               reader.token.kind == AZ_JSON_TOKEN_PROPERTY_NAME) {
                _cleanup_(freep) char *name = token_get_text(&reader.token), *text = NULL;

                if (az_result_failed(az_json_reader_next_token(&reader)))
                        break;
                if (reader.token.kind != AZ_JSON_TOKEN_STRING) {
                        if (az_result_failed(az_json_reader_skip_children(&reader)))
                                break;
                        continue;
                }
                text = token_get_text(&reader.token);
                r = name && text ? func(userdata, name, text) : -ENOMEM;
        }
        return r;
}

char *reply_join_texts(const char *json, size_t size, const char *path, const char *separator) {
        _cleanup_(freep) char *joined = NULL;
        size_t n_separator = strlen(separator), n = 0;
        az_json_reader reader;
        bool is_first = true;

        if (!array_open(&reader, json, size, path))
                return NULL;
        /* A text is shorter than its JSON, and there are fewer texts than bytes. */
        joined = calloc(1, size * (1 + n_separator) + 1);
        while (joined && az_result_succeeded(az_json_reader_next_token(&reader)) &&
               reader.token.kind == AZ_JSON_TOKEN_STRING) {
                int32_t n_text;

                if (!is_first) {
                        memcpy(joined + n, separator, n_separator);
                        n += n_separator;
                }
                is_first = false;
                if (az_result_failed(
                            az_json_token_get_string(&reader.token, joined + n, (int32_t) size, &n_text)))
                        return NULL;
                n += (size_t) n_text;
        }
        return TAKE_PTR(joined);
}

int reply_for_each(const char *json, size_t size, const char *path,
                   int (*func)(void *userdata, const char *element, size_t element_size), void *userdata) {
        az_json_reader reader;
        int r = 0;

        if (!array_open(&reader, json, size, path))
                return 0;

        while (r == 0 && az_result_succeeded(az_json_reader_next_token(&reader)) &&
               reader.token.kind == AZ_JSON_TOKEN_BEGIN_OBJECT) {
                const char *begin = (const char *) az_span_ptr(reader.token.slice), *end;

                if (az_result_failed(az_json_reader_skip_children(&reader)))
                        break;
                end = (const char *) az_span_ptr(reader.token.slice) + az_span_size(reader.token.slice);
                r = func(userdata, begin, (size_t) (end - begin));
        }
        return r;
}
