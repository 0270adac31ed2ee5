/* SPDX-License-Identifier: MIT */

/*
 * A line's members, behind number, time and device:
 *
 *      "qos":1,"dup":false,"system":{"message-id":"m1"},"properties":{"alert":"yes"},"body":{"t":21.5}}
 *
 * "body" is the message byte for byte when that is JSON on one line; it stands last, so that whoever needs
 * the exact bytes finds them between "body": and the last brace. Any other message is "data", in base64.
 */

#include "hubsim/telemetry.h"

#include <azure/core/az_base64.h>
#include <azure/core/az_json.h>

#include "hubsim/topic.h"

/* "Device-to-cloud messages can be at most 256 KB": body, values of system properties, names and values of
 * others. */
#define MESSAGE_MAX (256 * 1024)

/* Objects and arrays in a body; those around it when it is read over Varlink make it 32, a usual limit. */
#define BODY_DEPTH_MAX 28

/* A character as \u00XX, the widest that JSON makes of a byte. */
#define ESCAPED_MAX 6

/* The members' names and punctuation, and the two properties that the hub adds. */
#define MEMBERS_MAX 512

typedef struct Properties {
        Property *items;
        size_t n_items;
        uint8_t *scratch;
} Properties;

static void properties_done(Properties *p) {
        free(p->items);
        free(p->scratch);
}

/* Of two with the same name, the later one counts. */
static void properties_add(Properties *p, const Property *property) {
        for (size_t i = 0; i < p->n_items; i++)
                if (az_span_is_content_equal(p->items[i].name, property->name)) {
                        p->items[i] = *property;
                        return;
                }
        p->items[p->n_items++] = *property;
}

static int properties_init(Properties *p, az_span bag) {
        size_t size = (size_t) az_span_size(bag), n_pairs = 1;
        az_span scratch;
        Property property;
        int r;

        for (size_t i = 0; i < size; i++)
                n_pairs += az_span_ptr(bag)[i] == '&';

        *p = (Properties){ .items = calloc(n_pairs, sizeof(Property)), .scratch = malloc(size + 1) };
        if (!p->items || !p->scratch)
                return -ENOMEM;

        scratch = az_span_create(p->scratch, (int32_t) size);
        while ((r = topic_property_next(&bag, &scratch, &property)) > 0)
                properties_add(p, &property);
        return r;
}

bool telemetry_properties_are_valid(az_span bag) {
        _cleanup_(properties_done) Properties properties = {};

        return properties_init(&properties, bag) >= 0;
}

static int64_t message_size(const Telemetry *t, const Properties *properties) {
        int64_t size = az_span_size(t->message.payload);

        for (size_t i = 0; i < properties->n_items; i++) {
                const Property *p = &properties->items[i];

                size += az_span_size(p->value) + (p->system_name ? 0 : az_span_size(p->name));
        }
        return size;
}

static az_result write_text(az_json_writer *w, az_span name, az_span value) {
        az_result r;

        r = az_json_writer_append_property_name(w, name);
        if (az_result_failed(r))
                return r;
        return az_json_writer_append_string(w, value);
}

static az_result write_system(az_json_writer *w, const Properties *properties) {
        az_result r;

        r = az_json_writer_append_property_name(w, AZ_SPAN_FROM_STR("system"));
        if (az_result_failed(r))
                return r;
        r = az_json_writer_append_begin_object(w);
        for (size_t i = 0; i < properties->n_items && az_result_succeeded(r); i++) {
                const Property *p = &properties->items[i];

                if (p->system_name)
                        r = write_text(w, az_span_create_from_str((char *) p->system_name), p->value);
        }
        return az_result_failed(r) ? r : az_json_writer_append_end_object(w);
}

static az_result write_application(az_json_writer *w, const Telemetry *t, const Properties *properties) {
        az_result r;

        r = az_json_writer_append_property_name(w, AZ_SPAN_FROM_STR("properties"));
        if (az_result_failed(r))
                return r;
        r = az_json_writer_append_begin_object(w);
        for (size_t i = 0; i < properties->n_items && az_result_succeeded(r); i++) {
                const Property *p = &properties->items[i];

                if (!p->system_name)
                        r = write_text(w, p->name, p->value);
        }
        if (t->message.retain && az_result_succeeded(r))
                r = write_text(w, AZ_SPAN_FROM_STR("mqtt-retain"), AZ_SPAN_FROM_STR("true"));
        if (t->is_will && az_result_succeeded(r))
                r = write_text(w, AZ_SPAN_FROM_STR("iothub-MessageType"), AZ_SPAN_FROM_STR("Will"));
        return az_result_failed(r) ? r : az_json_writer_append_end_object(w);
}

static az_result write_data(az_json_writer *w, az_span payload) {
        _cleanup_(ipc_buffer_done) IpcBuffer text = IPC_BUFFER_NULL;

        if (buffer_append_base64(&text, payload) < 0)
                return AZ_ERROR_OUT_OF_MEMORY;
        return write_text(w, AZ_SPAN_FROM_STR("data"), buffer_span(&text));
}

/* Is it JSON that can stand in a line, and can be read there? */
static bool is_json_line(az_span payload) {
        size_t n = (size_t) az_span_size(payload);
        az_json_reader reader;
        az_result r;

        if (az_result_failed(az_json_reader_init(&reader, payload, NULL)))
                return false;
        do {
                r = az_json_reader_next_token(&reader);
                if (reader.current_depth > BODY_DEPTH_MAX)
                        return false;
        } while (az_result_succeeded(r));

        return r == AZ_ERROR_JSON_READER_DONE && !memchr(az_span_ptr(payload), '\n', n) &&
               !memchr(az_span_ptr(payload), '\r', n);
}

static az_result write_body(az_json_writer *w, az_span payload) {
        az_result r;

        if (!is_json_line(payload))
                return write_data(w, payload);

        r = az_json_writer_append_property_name(w, AZ_SPAN_FROM_STR("body"));
        if (az_result_failed(r))
                return r;
        return az_json_writer_append_json_text(w, payload);
}

static az_result write_members(az_json_writer *w, const Telemetry *t, const Properties *properties) {
        az_result r;

        r = az_json_writer_append_begin_object(w);
        if (az_result_succeeded(r))
                r = az_json_writer_append_property_name(w, AZ_SPAN_FROM_STR("qos"));
        if (az_result_succeeded(r))
                r = az_json_writer_append_int32(w, (int32_t) t->message.qos);
        if (az_result_succeeded(r))
                r = az_json_writer_append_property_name(w, AZ_SPAN_FROM_STR("dup"));
        if (az_result_succeeded(r))
                r = az_json_writer_append_bool(w, t->dup);
        if (az_result_succeeded(r))
                r = write_system(w, properties);
        if (az_result_succeeded(r))
                r = write_application(w, t, properties);
        if (az_result_succeeded(r))
                r = write_body(w, t->message.payload);
        return az_result_failed(r) ? r : az_json_writer_append_end_object(w);
}

/* Reads the properties, and returns how large the message is. */
static int measure(const Telemetry *t, Properties *ret) {
        int64_t size;
        int r;

        r = properties_init(ret, t->properties);
        if (r < 0)
                return r;
        size = message_size(t, ret);
        return size > MESSAGE_MAX ? -EMSGSIZE : (int) size;
}

int telemetry_store(Journal *journal, const Telemetry *t) {
        _cleanup_(properties_done) Properties properties = {};
        _cleanup_(freep) uint8_t *text = NULL;
        int n_bytes = measure(t, &properties), r;
        az_json_writer w;
        size_t size;

        if (n_bytes < 0)
                return n_bytes;

        size = MEMBERS_MAX + (size_t) az_span_size(t->properties) * ESCAPED_MAX +
               (size_t) az_base64_get_max_encoded_size(az_span_size(t->message.payload));
        /* Each pair has quotes, a colon and a comma around it, and a system property a longer name. */
        size += properties.n_items * 32;
        text = malloc(size);
        if (!text)
                return -ENOMEM;
        if (az_result_failed(az_json_writer_init(&w, az_span_create(text, (int32_t) size), NULL)) ||
            az_result_failed(write_members(&w, t, &properties)))
                return -EIO;

        r = journal_append(journal, realtime_us(), t->device,
                           az_json_writer_get_bytes_used_in_destination(&w));
        return r < 0 ? r : n_bytes;
}

/* Counting -------------------------------------------------------------------------------------------- */

typedef struct Position {
        char source[COUNTS_SOURCE_MAX + 1];
        uint64_t number;
        bool has_number;
} Position;

/* Takes the value that the reader stands in front of. */
static az_result read_member(az_json_reader *reader, const az_json_token *name, Position *ret) {
        az_result r;

        r = az_json_reader_next_token(reader);
        if (az_result_failed(r))
                return r;
        if (az_json_token_is_text_equal(name, AZ_SPAN_FROM_STR("source"))) {
                if (reader->token.kind != AZ_JSON_TOKEN_STRING ||
                    az_result_failed(
                            az_json_token_get_string(&reader->token, ret->source, sizeof(ret->source), NULL)))
                        ret->source[0] = '\0';
        } else if (az_json_token_is_text_equal(name, AZ_SPAN_FROM_STR("n")))
                ret->has_number =
                        reader->token.kind == AZ_JSON_TOKEN_NUMBER &&
                        az_result_succeeded(az_json_token_get_uint64(&reader->token, &ret->number)) &&
                        ret->number <= INT64_MAX;
        return az_json_reader_skip_children(reader);
}

/* False: it is no JSON object. */
static bool read_position(az_span payload, Position *ret) {
        az_json_reader reader;
        az_result r;

        *ret = (Position){};
        if (az_result_failed(az_json_reader_init(&reader, payload, NULL)) ||
            az_result_failed(az_json_reader_next_token(&reader)) ||
            reader.token.kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                return false;
        do {
                az_json_token name;

                r = az_json_reader_next_token(&reader);
                if (az_result_failed(r) || reader.token.kind == AZ_JSON_TOKEN_END_OBJECT)
                        break;
                name = reader.token;
                r = read_member(&reader, &name, ret);
        } while (az_result_succeeded(r));
        return az_result_succeeded(r) && az_json_reader_next_token(&reader) == AZ_ERROR_JSON_READER_DONE;
}

int telemetry_count(Counts *counts, const Telemetry *t) {
        _cleanup_(properties_done) Properties properties = {};
        int n_bytes = measure(t, &properties), r;
        Position position;

        if (n_bytes < 0)
                return n_bytes;
        if (!read_position(t->message.payload, &position))
                position = (Position){};
        r = counts_add(counts, t->device, position.source, position.has_number ? &position.number : NULL);
        return r < 0 ? r : n_bytes;
}
