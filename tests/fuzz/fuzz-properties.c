/* SPDX-License-Identifier: MIT */

/*
 * The input is the payload of a message with properties, or not. However it is cut into chunks, it must give
 * the same properties; and when each is reported with its value, as the response to a writable property, what
 * was written must be read as the same properties again. However the caller moves on, the reading must end.
 */

#include <stdlib.h>
#include <string.h>

#include <azure/az_iot.h>

#define TEXT_MAX       2048
#define PROPERTIES_MAX 64

#define GET_RESPONSE     AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_GET_RESPONSE
#define WRITABLE_UPDATED AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_WRITABLE_UPDATED
#define REPORTED         AZ_IOT_HUB_CLIENT_PROPERTY_REPORTED_FROM_DEVICE
#define WRITABLE         AZ_IOT_HUB_CLIENT_PROPERTY_WRITABLE

typedef az_iot_hub_client_properties_message_type MessageType;
typedef az_iot_hub_client_property_type PropertyType;

/* The properties of a payload; a name lies in 'names', without escapes. */
typedef struct {
        struct {
                az_span component, name, value;
        } properties[PROPERTIES_MAX];
        int32_t n_properties;
        uint8_t names[TEXT_MAX + PROPERTIES_MAX];
        int32_t names_size;
} Properties;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

static void check_result(az_result r) {
        check(r == AZ_OK || r == AZ_ERROR_IOT_END_OF_PROPERTIES || r == AZ_ERROR_UNEXPECTED_CHAR ||
              r == AZ_ERROR_UNEXPECTED_END || r == AZ_ERROR_JSON_NESTING_OVERFLOW ||
              r == AZ_ERROR_JSON_INVALID_STATE || r == AZ_ERROR_JSON_READER_DONE);
}

static az_iot_hub_client make_client(void) {
        static az_span names[] = { AZ_SPAN_LITERAL_FROM_STR("a"), AZ_SPAN_LITERAL_FROM_STR("thermo\"2") };
        az_iot_hub_client_options options = az_iot_hub_client_options_default();
        az_iot_hub_client client;

        options.component_names = names;
        options.component_names_length = 2;
        check(az_iot_hub_client_init(&client, AZ_SPAN_FROM_STR("h"), AZ_SPAN_FROM_STR("d"), &options) ==
              AZ_OK);
        return client;
}

/* Reads the text in one piece, value by value. Returns how the reading ended; AZ_OK: there are too many. */
static az_result read_properties(const az_iot_hub_client *client, az_span text, MessageType message_type,
                                 PropertyType property_type, Properties *ret) {
        az_json_reader reader;
        az_span component;
        az_result r;

        check(az_json_reader_init(&reader, text, NULL) == AZ_OK);
        for (ret->n_properties = ret->names_size = 0; ret->n_properties < PROPERTIES_MAX;
             ret->n_properties++) {
                az_span rest = az_span_slice_to_end(AZ_SPAN_FROM_BUFFER(ret->names), ret->names_size);
                int32_t size;

                r = az_iot_hub_client_properties_get_next_component_property(client, &reader, message_type,
                                                                             property_type, &component);
                check_result(r);
                if (r != AZ_OK)
                        return r;
                check(reader.token.kind == AZ_JSON_TOKEN_PROPERTY_NAME);
                check(az_json_token_get_string(&reader.token, (char *) az_span_ptr(rest), az_span_size(rest),
                                               &size) == AZ_OK);
                ret->properties[ret->n_properties].component = component;
                ret->properties[ret->n_properties].name = az_span_slice(rest, 0, size);
                ret->names_size += size + 1;

                r = az_json_reader_read_value_text(&reader, &ret->properties[ret->n_properties].value);
                if (r != AZ_OK)
                        return r;
        }
        return AZ_OK;
}

/* Reads the text in chunks of 'n' bytes and compares. */
static void check_chunks(const az_iot_hub_client *client, az_span text, int32_t n, MessageType message_type,
                         PropertyType property_type, const Properties *expected, az_result result) {
        az_span chunks[TEXT_MAX], component;
        az_json_reader reader;
        int32_t n_chunks = 0;
        az_result r = AZ_OK;

        for (int32_t i = 0; i < az_span_size(text); i += n)
                chunks[n_chunks++] =
                        az_span_slice(text, i, az_span_size(text) - i < n ? az_span_size(text) : i + n);
        check(az_json_reader_chunked_init(&reader, chunks, n_chunks, NULL) == AZ_OK);

        for (int32_t i = 0; i < expected->n_properties; i++) {
                check(az_iot_hub_client_properties_get_next_component_property(
                              client, &reader, message_type, property_type, &component) == AZ_OK);
                check(az_span_is_content_equal(component, expected->properties[i].component));
                check(az_json_token_is_text_equal(&reader.token, expected->properties[i].name));
                r = az_json_reader_skip_children(&reader);
                check(r == AZ_OK);
                r = az_json_reader_next_token(&reader);
                if (r != AZ_OK)
                        break;
        }
        if (result == AZ_OK)
                return;
        if (r == AZ_OK)
                r = az_iot_hub_client_properties_get_next_component_property(client, &reader, message_type,
                                                                             property_type, &component);
        if (r == AZ_OK)
                r = az_json_reader_skip_children(&reader);
        check(r == result);
}

/* Moves on by other steps than the header says, at least one at a time. */
static void check_end(const az_iot_hub_client *client, az_span text, MessageType message_type,
                      PropertyType property_type) {
        az_json_reader reader;
        az_span component;
        az_result r = AZ_OK;

        check(az_json_reader_init(&reader, text, NULL) == AZ_OK);
        for (int32_t i = 0; r == AZ_OK; i++) {
                check(i <= az_span_size(text));
                r = az_iot_hub_client_properties_get_next_component_property(client, &reader, message_type,
                                                                             property_type, &component);
                check_result(r);
                for (int32_t n = az_span_ptr(text)[i / 2] % 4; n >= 0 && r == AZ_OK; n--)
                        r = az_json_reader_next_token(&reader);
        }
}

static az_result write_responses(const az_iot_hub_client *client, az_json_writer *writer,
                                 const Properties *properties) {
        az_span component = AZ_SPAN_EMPTY;
        az_result r = az_json_writer_append_begin_object(writer);

        for (int32_t i = 0; i < properties->n_properties && r == AZ_OK; i++) {
                az_span name = properties->properties[i].name;

                if (!az_span_is_content_equal(component, properties->properties[i].component)) {
                        if (az_span_size(component) > 0)
                                r = az_iot_hub_client_properties_writer_end_component(client, writer);
                        component = properties->properties[i].component;
                        if (r == AZ_OK && az_span_size(component) > 0)
                                r = az_iot_hub_client_properties_writer_begin_component(client, writer,
                                                                                        component);
                }
                if (az_span_size(name) == 0) /* has to have one */
                        name = AZ_SPAN_FROM_STR("-");
                if (r == AZ_OK)
                        r = az_iot_hub_client_properties_writer_begin_response_status(
                                client, writer, name, 200, i, i % 2 == 0 ? AZ_SPAN_EMPTY : name);
                if (r == AZ_OK)
                        r = az_json_writer_append_json_text(writer, properties->properties[i].value);
                if (r == AZ_OK)
                        r = az_iot_hub_client_properties_writer_end_response_status(client, writer);
        }
        if (r == AZ_OK && az_span_size(component) > 0)
                r = az_iot_hub_client_properties_writer_end_component(client, writer);
        return r == AZ_OK ? az_json_writer_append_end_object(writer) : r;
}

static void expect_name(az_json_reader *reader, const char *name) {
        check(az_json_reader_next_token(reader) == AZ_OK);
        check(reader->token.kind == AZ_JSON_TOKEN_PROPERTY_NAME);
        check(az_json_token_is_text_equal(&reader->token, az_span_create_from_str((char *) name)));
        check(az_json_reader_next_token(reader) == AZ_OK);
}

static void expect_number(az_json_reader *reader, const char *name, int32_t expected) {
        int32_t number;

        expect_name(reader, name);
        check(az_json_token_get_int32(&reader->token, &number) == AZ_OK && number == expected);
}

/* Reads the response to property 'i', whose name the reader stands on, to its end. */
static void expect_response(az_json_reader *reader, const Properties *properties, int32_t i) {
        az_span name = properties->properties[i].name, value;

        if (az_span_size(name) == 0)
                name = AZ_SPAN_FROM_STR("-");
        check(az_json_token_is_text_equal(&reader->token, name));
        check(az_json_reader_next_token(reader) == AZ_OK);
        check(reader->token.kind == AZ_JSON_TOKEN_BEGIN_OBJECT);
        expect_number(reader, "ac", 200);
        expect_number(reader, "av", i);
        if (i % 2 == 1) {
                expect_name(reader, "ad");
                check(az_json_token_is_text_equal(&reader->token, name));
        }
        expect_name(reader, "value");
        check(az_json_reader_read_value_text(reader, &value) == AZ_OK);
        check(az_span_is_content_equal(value, properties->properties[i].value));
        check(az_json_reader_next_token(reader) == AZ_OK);
        check(reader->token.kind == AZ_JSON_TOKEN_END_OBJECT);
}

static void check_round_trip(const az_iot_hub_client *client, const Properties *properties) {
        uint8_t buffer[16 * TEXT_MAX];
        az_json_reader reader;
        az_json_writer writer;
        az_span component, written;
        az_result r;

        check(az_json_writer_init(&writer, AZ_SPAN_FROM_BUFFER(buffer), NULL) == AZ_OK);
        r = write_responses(client, &writer, properties);
        if (r == AZ_ERROR_JSON_NESTING_OVERFLOW) /* a response is one level more */
                return;
        check(r == AZ_OK);
        written = az_json_writer_get_bytes_used_in_destination(&writer);

        check(az_json_reader_init(&reader, written, NULL) == AZ_OK);
        for (int32_t i = 0; i < properties->n_properties; i++) {
                check(az_iot_hub_client_properties_get_next_component_property(
                              client, &reader, WRITABLE_UPDATED, WRITABLE, &component) == AZ_OK);
                check(az_span_is_content_equal(component, properties->properties[i].component));
                expect_response(&reader, properties, i);
        }
        check(az_iot_hub_client_properties_get_next_component_property(client, &reader, WRITABLE_UPDATED,
                                                                       WRITABLE, &component) ==
              AZ_ERROR_IOT_END_OF_PROPERTIES);
        check(az_json_reader_next_token(&reader) == AZ_ERROR_JSON_READER_DONE);
}

static void check_payload(az_span text, MessageType message_type, PropertyType property_type) {
        static const int32_t chunk_sizes[] = { 1, 2, 7 };
        az_iot_hub_client client = make_client();
        Properties properties;
        az_json_reader reader;
        int32_t version;
        az_result r;

        r = read_properties(&client, text, message_type, property_type, &properties);
        for (size_t i = 0; i < sizeof(chunk_sizes) / sizeof(chunk_sizes[0]); i++)
                check_chunks(&client, text, chunk_sizes[i], message_type, property_type, &properties, r);
        check_end(&client, text, message_type, property_type);
        check_round_trip(&client, &properties);

        check(az_json_reader_init(&reader, text, NULL) == AZ_OK);
        r = az_iot_hub_client_properties_get_properties_version(&client, &reader, message_type, &version);
        check(r == AZ_ERROR_ITEM_NOT_FOUND || (check_result(r), r != AZ_ERROR_IOT_END_OF_PROPERTIES));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        az_span text;

        if (size == 0 || size > TEXT_MAX)
                return 0;
        text = az_span_create((uint8_t *) data, (int32_t) size);
        check_payload(text, GET_RESPONSE, WRITABLE);
        check_payload(text, GET_RESPONSE, REPORTED);
        check_payload(text, WRITABLE_UPDATED, WRITABLE);
        return 0;
}
