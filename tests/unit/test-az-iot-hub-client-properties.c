/* SPDX-License-Identifier: MIT */
#include <azure/az_iot.h>

#include "unit-json.h"

#define GET_RESPONSE     AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_GET_RESPONSE
#define WRITABLE_UPDATED AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_WRITABLE_UPDATED
#define REPORTED         AZ_IOT_HUB_CLIENT_PROPERTY_REPORTED_FROM_DEVICE
#define WRITABLE         AZ_IOT_HUB_CLIENT_PROPERTY_WRITABLE

typedef az_iot_hub_client_properties_message_type MessageType;

static az_span component_names[] = {
        AZ_SPAN_LITERAL_FROM_STR("thermo"),
        AZ_SPAN_LITERAL_FROM_STR("pump\"2"),
};

/* A device whose model has the components above. */
static az_iot_hub_client make_client(void) {
        az_iot_hub_client_options options = az_iot_hub_client_options_default();
        az_iot_hub_client client;

        options.component_names = component_names;
        options.component_names_length = ELEMENTSOF(component_names);
        ck_assert_int_eq(az_iot_hub_client_init(&client, str("h"), str("d"), &options), AZ_OK);
        return client;
}

#define RES  "$iothub/twin/res/"
#define WISH "$iothub/twin/PATCH/properties/desired/"

#define TYPE(type) AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_##type

static const struct {
        const char *topic;
        az_result result;
        MessageType type;
        int status;
        const char *request_id;
} topics[] = {
        { RES "200/?$rid=1f", AZ_OK, TYPE(GET_RESPONSE), 200, "1f" },
        { RES "202/?$rid=1", AZ_OK, TYPE(GET_RESPONSE), 202, "1" },
        { RES "204/?$rid=1&$version=12", AZ_OK, TYPE(ACKNOWLEDGEMENT), 204, "1" },
        { RES "204/?$rid=1", AZ_OK, TYPE(ACKNOWLEDGEMENT), 204, "1" },
        { RES "400/?$rid=1", AZ_OK, TYPE(ERROR), 400, "1" },
        { RES "503/?$rid=1", AZ_OK, TYPE(ERROR), 503, "1" },
        { WISH "?$version=43", AZ_OK, TYPE(WRITABLE_UPDATED), 200, "" },

        { RES "200/?", AZ_ERROR_ITEM_NOT_FOUND },
        { RES "20", AZ_ERROR_UNEXPECTED_END },
        { RES "2x0/?$rid=1", AZ_ERROR_UNEXPECTED_CHAR },
        { "$iothub/methods/POST/reboot/?$rid=1", AZ_ERROR_IOT_TOPIC_NO_MATCH },
        { "x/" RES "200/?$rid=1", AZ_ERROR_IOT_TOPIC_NO_MATCH },
};

START_TEST(topic_is_parsed) {
        az_iot_hub_client client = make_client();
        az_iot_hub_client_properties_message message = { .request_id = str("kept") };

        ck_assert_int_eq(
                az_iot_hub_client_properties_parse_received_topic(&client, str(topics[_i].topic), &message),
                topics[_i].result);
        ck_assert_int_eq(message.message_type, topics[_i].type);
        ck_assert_int_eq((int) message.status, topics[_i].status);
        ck_assert_span_eq(message.request_id, topics[_i].request_id ?: "kept");
}
END_TEST

typedef az_result (*TopicWriter)(az_iot_hub_client const *, az_span, char *, size_t, size_t *);

static const struct {
        TopicWriter write;
        const char *expected;
} publish_topics[] = {
        { az_iot_hub_client_properties_document_get_publish_topic, "$iothub/twin/GET/?$rid=g1" },
        { az_iot_hub_client_properties_get_reported_publish_topic,
          "$iothub/twin/PATCH/properties/reported/?$rid=g1" },
};

/* The block is as large as the size says, so that the sanitizer sees a write past it. */
START_TEST(topic_is_written_whole_or_not_at_all) {
        az_iot_hub_client client = make_client();
        size_t needed = strlen(publish_topics[_i].expected) + 1;

        for (size_t size = 0; size <= needed + 1; size++) {
                _cleanup_(freep) char *buffer = malloc(size + 1);
                size_t length = 12345;
                az_result r = publish_topics[_i].write(&client, str("g1"), buffer + 1, size, &length);

                ck_assert_int_eq(r, size < needed ? AZ_ERROR_NOT_ENOUGH_SPACE : AZ_OK);
                ck_assert_uint_eq(length, size < needed ? 12345 : needed - 1);
                if (r == AZ_OK)
                        ck_assert_str_eq(buffer + 1, publish_topics[_i].expected);
        }
}
END_TEST

/* One call of a writer function; a document is a list of them. */
typedef enum {
        BEGIN = 1,
        END,
        NUMBER,
        COMPONENT,
        END_COMPONENT,
        RESPONSE,
        END_RESPONSE,
} Call;

typedef struct {
        Call call;
        const char *name; /* of a NUMBER: may be left out */
        int32_t number;   /* or the code of a response */
        int32_t version;
        const char *description;
} Step;

static az_result write_number(az_json_writer *writer, const Step *step) {
        az_result r = AZ_OK;

        if (step->name)
                r = az_json_writer_append_property_name(writer, str(step->name));
        return r != AZ_OK ? r : az_json_writer_append_int32(writer, step->number);
}

static az_result write_step(az_json_writer *writer, const Step *step) {
        az_iot_hub_client client = make_client();

        switch (step->call) {
        case BEGIN:
                return az_json_writer_append_begin_object(writer);
        case END:
                return az_json_writer_append_end_object(writer);
        case NUMBER:
                return write_number(writer, step);
        case COMPONENT:
                return az_iot_hub_client_properties_writer_begin_component(&client, writer, str(step->name));
        case END_COMPONENT:
                return az_iot_hub_client_properties_writer_end_component(&client, writer);
        case RESPONSE:
                return az_iot_hub_client_properties_writer_begin_response_status(
                        &client, writer, str(step->name), step->number, step->version,
                        step->description ? str(step->description) : AZ_SPAN_EMPTY);
        case END_RESPONSE:
                return az_iot_hub_client_properties_writer_end_response_status(&client, writer);
        }
        return AZ_ERROR_NOT_IMPLEMENTED;
}

/* Up to the first step that fails. */
static az_result write_steps(az_json_writer *writer, const Step *steps) {
        az_result r = AZ_OK;

        for (; steps->call != 0 && r == AZ_OK; steps++)
                r = write_step(writer, steps);
        return r;
}

static const struct {
        const char *expected; /* NULL: the last step cannot stand there */
        Step steps[10];
} documents[] = {
        { "{\"thermo\":{\"__t\":\"c\",\"temperature\":23}}",
          { { BEGIN }, { COMPONENT, "thermo" }, { NUMBER, "temperature", 23 }, { END_COMPONENT }, { END } } },
        { "{\"serial\":7,\"any \\\"name\\\"\":{\"__t\":\"c\"},\"b\":{\"__t\":\"c\"}}",
          { { BEGIN },
            { NUMBER, "serial", 7 },
            { COMPONENT, "any \"name\"" },
            { END_COMPONENT },
            { COMPONENT, "b" },
            { END_COMPONENT },
            { END } } },
        { "{\"target\":{\"ac\":200,\"av\":29,\"ad\":\"it \\\"is\\\"\",\"value\":21}}",
          { { BEGIN },
            { RESPONSE, "target", 200, 29, "it \"is\"" },
            { NUMBER, NULL, 21 },
            { END_RESPONSE },
            { END } } },
        { "{\"thermo\":{\"__t\":\"c\",\"target\":{\"ac\":203,\"av\":0,\"value\":-1},"
          "\"limit\":{\"ac\":-2147483648,\"av\":2147483647,\"value\":{\"max\":5}}}}",
          { { BEGIN },
            { COMPONENT, "thermo" },
            { RESPONSE, "target", 203, 0 },
            { NUMBER, NULL, -1 },
            { END_RESPONSE },
            { RESPONSE, "limit", INT32_MIN, INT32_MAX },
            { BEGIN },
            { NUMBER, "max", 5 },
            { END } /* and three more, below */ } },

        { NULL, { { COMPONENT, "thermo" } } },
        { NULL, { { RESPONSE, "target", 200, 1 } } },
        { NULL, { { BEGIN }, { RESPONSE, "target", 200, 1 }, { END_RESPONSE } } },
        { NULL, { { BEGIN }, { COMPONENT, "thermo" }, { END_COMPONENT }, { END }, { END_COMPONENT } } },
        { NULL, { { END_RESPONSE } } },
};

static const Step three_ends[] = { { END_RESPONSE }, { END_COMPONENT }, { END }, { 0 } };

/* A table has no room for all steps of the longest document. */
static az_result write_document(az_json_writer *writer, size_t i) {
        az_result r = write_steps(writer, documents[i].steps);

        return r == AZ_OK && documents[i].steps[8].call != 0 ? write_steps(writer, three_ends) : r;
}

START_TEST(document_is_written_or_does_not_fit) {
        if (documents[_i].expected)
                check_document(write_document, (size_t) _i, documents[_i].expected);
}
END_TEST

START_TEST(what_cannot_stand_there_is_refused) {
        uint8_t buffer[256];
        az_json_writer writer;

        ck_assert_int_eq(az_json_writer_init(&writer, AZ_SPAN_FROM_BUFFER(buffer), NULL), AZ_OK);
        if (!documents[_i].expected)
                ck_assert_int_eq(write_document(&writer, (size_t) _i), AZ_ERROR_JSON_INVALID_STATE);
}
END_TEST

START_TEST(names_and_descriptions_are_utf8) {
        const Step steps[][3] = {
                { { BEGIN }, { COMPONENT, "\xff" } },
                { { BEGIN }, { RESPONSE, "\xff", 200, 1 } },
                { { BEGIN }, { RESPONSE, "target", 200, 1, "\xff" } },
        };

        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                uint8_t buffer[64];
                az_json_writer writer;

                ck_assert_int_eq(az_json_writer_init(&writer, AZ_SPAN_FROM_BUFFER(buffer), NULL), AZ_OK);
                ck_assert_int_eq(write_steps(&writer, steps[i]), AZ_ERROR_UNEXPECTED_CHAR);
        }
}
END_TEST

static const struct {
        const char *text;
        az_result of_response, of_update; /* what the text is, read as either */
        int32_t version;
} versions[] = {
        { "{\"desired\":{\"a\":{\"$version\":3},\"$version\":7},\"reported\":{\"$version\":9}}", AZ_OK,
          AZ_ERROR_ITEM_NOT_FOUND, 7 },
        { "{\"reported\":{\"$version\":9},\"desired\":{\"$version\":7}}", AZ_OK, AZ_ERROR_ITEM_NOT_FOUND, 7 },
        { "{\"desired\":{\"$version\":-2147483648}}", AZ_OK, AZ_ERROR_ITEM_NOT_FOUND, INT32_MIN },
        { "{\"\\u0064esired\":{\"\\u0024version\":1}}", AZ_OK, AZ_ERROR_ITEM_NOT_FOUND, 1 },
        { "{\"$version\":2147483647,\"a\":[{\"$version\":3}]}", AZ_ERROR_ITEM_NOT_FOUND, AZ_OK, INT32_MAX },
        { "{\"a\":{\"desired\":{\"$version\":3}},\"$version\":5}", AZ_ERROR_ITEM_NOT_FOUND, AZ_OK, 5 },
        { "{\"desired\":null,\"$version\":5}", AZ_ERROR_UNEXPECTED_CHAR, AZ_OK, 5 },

        { "{\"desired\":[],\"$version\":2147483648}", AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR },
        { "{\"desired\":{\"$version\":\"7\"},\"$version\":7.5}", AZ_ERROR_UNEXPECTED_CHAR,
          AZ_ERROR_UNEXPECTED_CHAR },
        { "{\"desired\":{\"$version\":{}},\"$version\":null}", AZ_ERROR_UNEXPECTED_CHAR,
          AZ_ERROR_UNEXPECTED_CHAR },
        { "{\"desired\":{}}", AZ_ERROR_ITEM_NOT_FOUND, AZ_ERROR_ITEM_NOT_FOUND },
        { "{}", AZ_ERROR_ITEM_NOT_FOUND, AZ_ERROR_ITEM_NOT_FOUND },
        { "[{\"$version\":7}]", AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR },
        { "7", AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR },
        { " ", AZ_ERROR_UNEXPECTED_END, AZ_ERROR_UNEXPECTED_END },
        { "{\"desired\":{\"$version\":", AZ_ERROR_UNEXPECTED_END, AZ_ERROR_UNEXPECTED_END },
        { "{\"desired\"", AZ_ERROR_UNEXPECTED_END, AZ_ERROR_UNEXPECTED_END },
        { "{", AZ_ERROR_UNEXPECTED_END, AZ_ERROR_UNEXPECTED_END },
        { "{\"a\":tru", AZ_ERROR_UNEXPECTED_END, AZ_ERROR_UNEXPECTED_END },
        { "{\"a\":01,\"$version\":7}", AZ_ERROR_UNEXPECTED_CHAR, AZ_ERROR_UNEXPECTED_CHAR },
};

START_TEST(version_is_read) {
        az_iot_hub_client client = make_client();
        const char *text = versions[_i].text;

        for (int32_t chunk_size = 1; chunk_size <= (int32_t) strlen(text); chunk_size++) {
                az_span chunks[128];
                az_json_reader reader;
                int32_t version;

                version = 12345;
                start_reader(&reader, text, chunk_size, chunks);
                ck_assert_int_eq(az_iot_hub_client_properties_get_properties_version(&client, &reader,
                                                                                     GET_RESPONSE, &version),
                                 versions[_i].of_response);
                ck_assert_int_eq(version, versions[_i].of_response == AZ_OK ? versions[_i].version : 12345);

                version = 12345;
                start_reader(&reader, text, chunk_size, chunks);
                ck_assert_int_eq(az_iot_hub_client_properties_get_properties_version(
                                         &client, &reader, WRITABLE_UPDATED, &version),
                                 versions[_i].of_update);
                ck_assert_int_eq(version, versions[_i].of_update == AZ_OK ? versions[_i].version : 12345);
        }
}
END_TEST

START_TEST(version_is_read_from_the_start_only) {
        az_iot_hub_client client = make_client();
        az_json_reader reader;
        int32_t version;

        ck_assert_int_eq(az_json_reader_init(&reader, str("{\"$version\":7}"), NULL), AZ_OK);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_int_eq(az_iot_hub_client_properties_get_properties_version(&client, &reader,
                                                                             WRITABLE_UPDATED, &version),
                         AZ_OK);
        ck_assert_int_eq(version, 7);
        ck_assert_int_eq(az_iot_hub_client_properties_get_properties_version(&client, &reader,
                                                                             WRITABLE_UPDATED, &version),
                         AZ_ERROR_JSON_INVALID_STATE);
}
END_TEST

/* How a caller moves on from a name; all of these are right. */
typedef enum {
        BEHIND_THE_VALUE,
        BEHIND_THE_VALUE_AFTER_LOOKING_AT_ITS_KIND,
        TO_THE_LAST_TOKEN,
        _WAY_MAX,
} Way;

static az_result move_on(az_json_reader *reader, Way way) {
        az_result r = AZ_OK;

        if (way == BEHIND_THE_VALUE_AFTER_LOOKING_AT_ITS_KIND)
                r = az_json_reader_next_token(reader);
        if (r == AZ_OK)
                r = az_json_reader_skip_children(reader);
        if (r == AZ_OK && way != TO_THE_LAST_TOKEN)
                r = az_json_reader_next_token(reader);
        return r;
}

/* Reads all properties, each as "component.name;". Returns how the reading ended. */
static az_result read_all(az_json_reader *reader, MessageType message_type,
                          az_iot_hub_client_property_type property_type, Way way, char *text, size_t size) {
        az_iot_hub_client client = make_client();
        az_span component;
        size_t n = 0;
        az_result r;

        text[0] = '\0';
        for (;;) {
                char name[32];

                r = az_iot_hub_client_properties_get_next_component_property(&client, reader, message_type,
                                                                             property_type, &component);
                if (r != AZ_OK)
                        return r;
                ck_assert_int_eq(reader->token.kind, AZ_JSON_TOKEN_PROPERTY_NAME);
                ck_assert_int_eq(az_json_token_get_string(&reader->token, name, sizeof(name), NULL), AZ_OK);
                n += (size_t) snprintf(text + n, size - n, "%.*s.%s;", az_span_size(component),
                                       (char *) az_span_ptr(component), name);
                ck_assert_uint_lt(n, size);

                r = move_on(reader, way);
                if (r != AZ_OK)
                        return r;
        }
}

#define END_OF_PROPERTIES AZ_ERROR_IOT_END_OF_PROPERTIES

static const struct {
        const char *text;
        MessageType message_type;
        az_iot_hub_client_property_type property_type;
        const char *properties;
        az_result result;
} payloads[] = {
        { "{\"desired\":{\"thermo\":{\"__t\":\"c\",\"target\":23.5},\"interval\":30,\"led\":{\"r\":1},"
          "\"$version\":7},\"reported\":{\"thermo\":{\"__t\":\"c\",\"target\":{\"value\":23.5,\"ac\":200}},"
          "\"maker\":\"Contoso\",\"$version\":12}}",
          GET_RESPONSE, WRITABLE, "thermo.target;.interval;.led;", END_OF_PROPERTIES },
        { "{\"desired\":{\"thermo\":{\"__t\":\"c\",\"target\":23.5},\"interval\":30,\"led\":{\"r\":1},"
          "\"$version\":7},\"reported\":{\"thermo\":{\"__t\":\"c\",\"target\":{\"value\":23.5,\"ac\":200}},"
          "\"maker\":\"Contoso\",\"$version\":12}}",
          GET_RESPONSE, REPORTED, "thermo.target;.maker;", END_OF_PROPERTIES },
        { " {\"reported\":{\"a\":1},\"x\":[{\"desired\":{\"b\":2}}],\"desired\":{\"c\":3}} ", GET_RESPONSE,
          WRITABLE, ".c;", END_OF_PROPERTIES },
        { "{\"thermo\":{\"__t\":\"c\",\"target\":21},\"$version\":43}", WRITABLE_UPDATED, WRITABLE,
          "thermo.target;", END_OF_PROPERTIES },
        /* The cloud may leave the marker out, and put it anywhere. */
        { "{\"$version\":43,\"thermo\":{\"a\":1,\"b\":{\"__t\":\"c\",\"c\":3},\"d\":[1,{\"e\":2}],"
          "\"__t\":\"c\"},\"f\":null}",
          WRITABLE_UPDATED, WRITABLE, "thermo.a;thermo.b;thermo.d;.f;", END_OF_PROPERTIES },
        { "{\"a\":1,\"pump\\\"2\":{\"b\":2},\"c\":3,\"th\\u0065rmo\":{\"d\":4},\"e\":[],\"f\":{}}",
          WRITABLE_UPDATED, WRITABLE, ".a;pump\"2.b;.c;thermo.d;.e;.f;", END_OF_PROPERTIES },
        /* What the model does not know as a component is a property. */
        { "{\"fan\":{\"__t\":\"c\",\"thermo\":{\"a\":1}},\"Thermo\":{\"a\":1},\"therm\":1,\"__t\":1}",
          WRITABLE_UPDATED, WRITABLE, ".fan;.Thermo;.therm;.__t;", END_OF_PROPERTIES },
        { "{\"thermo\":{\"thermo\":{\"a\":1},\"$version\":{\"a\":1}}}", WRITABLE_UPDATED, WRITABLE,
          "thermo.thermo;thermo.$version;", END_OF_PROPERTIES },
        /* A component that was removed, or is none. */
        { "{\"thermo\":null,\"a\":1,\"pump\\\"2\":[{\"b\":2}],\"thermo\":7,\"c\":3}", WRITABLE_UPDATED,
          WRITABLE, ".a;.c;", END_OF_PROPERTIES },
        { "{\"thermo\":{},\"pump\\\"2\":{\"__t\":\"c\"},\"thermo\":{\"a\":1},\"thermo\":{\"b\":2}}",
          WRITABLE_UPDATED, WRITABLE, "thermo.a;thermo.b;", END_OF_PROPERTIES },
        { "{\"\":1,\"thermo\":{\"\":2}}", WRITABLE_UPDATED, WRITABLE, ".;thermo.;", END_OF_PROPERTIES },
        { "{\"a\":{\"b\":{\"c\":{}}},\"d\":[[[]]]}", WRITABLE_UPDATED, WRITABLE, ".a;.d;",
          END_OF_PROPERTIES },
        { "{\"$version\":{\"a\":1},\"b\":2}", WRITABLE_UPDATED, WRITABLE, ".b;", END_OF_PROPERTIES },
        { "{\"desired\":{\"a\":1},\"desired\":{\"b\":2}}", GET_RESPONSE, WRITABLE, ".a;", END_OF_PROPERTIES },
        { "{\"desired\":{}}", GET_RESPONSE, WRITABLE, "", END_OF_PROPERTIES },
        { "{\"desired\":{\"a\":1}}", GET_RESPONSE, REPORTED, "", END_OF_PROPERTIES },
        { "{}", GET_RESPONSE, WRITABLE, "", END_OF_PROPERTIES },
        { "{}", WRITABLE_UPDATED, WRITABLE, "", END_OF_PROPERTIES },

        { "{\"desired\":null}", GET_RESPONSE, WRITABLE, "", AZ_ERROR_UNEXPECTED_CHAR },
        { "{\"desired\":[1]}", GET_RESPONSE, WRITABLE, "", AZ_ERROR_UNEXPECTED_CHAR },
        { "[{\"a\":1}]", WRITABLE_UPDATED, WRITABLE, "", AZ_ERROR_UNEXPECTED_CHAR },
        { "[{\"desired\":1}]", GET_RESPONSE, WRITABLE, "", AZ_ERROR_UNEXPECTED_CHAR },
        { "\"a\"", WRITABLE_UPDATED, WRITABLE, "", AZ_ERROR_UNEXPECTED_CHAR },
        { "{\"a\":1,\"b\":2", WRITABLE_UPDATED, WRITABLE, ".a;.b;", AZ_ERROR_UNEXPECTED_END },
        { "{\"a\":1,\"thermo\"", WRITABLE_UPDATED, WRITABLE, ".a;", AZ_ERROR_UNEXPECTED_END },
        { "{\"a\":1,\"$version\":", WRITABLE_UPDATED, WRITABLE, ".a;", AZ_ERROR_UNEXPECTED_END },
        { "{\"a\":1,\"thermo\":{\"__t\":", WRITABLE_UPDATED, WRITABLE, ".a;", AZ_ERROR_UNEXPECTED_END },
        { "{\"a\":1,\"thermo\":[", WRITABLE_UPDATED, WRITABLE, ".a;", AZ_ERROR_UNEXPECTED_END },
        { "{\"a\":01}", WRITABLE_UPDATED, WRITABLE, ".a;", AZ_ERROR_UNEXPECTED_CHAR },
        { "{\"desired\"}", GET_RESPONSE, WRITABLE, "", AZ_ERROR_UNEXPECTED_CHAR },
        { "{\"reported\":{]", GET_RESPONSE, WRITABLE, "", AZ_ERROR_UNEXPECTED_CHAR },
        { " ", GET_RESPONSE, WRITABLE, "", AZ_ERROR_UNEXPECTED_END },
};

START_TEST(properties_are_read_with_their_components) {
        int32_t size = (int32_t) strlen(payloads[_i].text);

        for (int32_t chunk_size = 1; chunk_size <= size; chunk_size++) {
                for (Way way = 0; way < _WAY_MAX; way++) {
                        az_span chunks[256];
                        az_json_reader reader;
                        char read[128];

                        start_reader(&reader, payloads[_i].text, chunk_size, chunks);
                        ck_assert_int_eq(read_all(&reader, payloads[_i].message_type,
                                                  payloads[_i].property_type, way, read, sizeof(read)),
                                         payloads[_i].result);
                        ck_assert_str_eq(read, payloads[_i].properties);
                }
        }
}
END_TEST

START_TEST(the_end_stays_the_end) {
        az_json_reader reader;
        char read[128];

        if (payloads[_i].result != END_OF_PROPERTIES)
                return;
        ck_assert_int_eq(az_json_reader_init(&reader, str(payloads[_i].text), NULL), AZ_OK);
        for (size_t i = 0; i < 3; i++) {
                ck_assert_int_eq(read_all(&reader, payloads[_i].message_type, payloads[_i].property_type,
                                          BEHIND_THE_VALUE, read, sizeof(read)),
                                 END_OF_PROPERTIES);
                ck_assert_str_eq(read, i == 0 ? payloads[_i].properties : "");
        }
}
END_TEST

static az_result next_of_update(az_json_reader *reader, az_span *component) {
        az_iot_hub_client client = make_client();

        return az_iot_hub_client_properties_get_next_component_property(&client, reader, WRITABLE_UPDATED,
                                                                        WRITABLE, component);
}

START_TEST(a_component_is_told_by_the_name_of_the_client) {
        char payload[] = "{\"thermo\":{\"a\":1}}";
        az_span component;
        az_json_reader reader;

        ck_assert_int_eq(az_json_reader_init(&reader, str(payload), NULL), AZ_OK);
        ck_assert_int_eq(next_of_update(&reader, &component), AZ_OK);
        ck_assert_ptr_eq(az_span_ptr(component), az_span_ptr(component_names[0]));
}
END_TEST

START_TEST(a_reader_that_has_read_the_first_token_is_at_the_start) {
        az_json_reader reader;
        char read[32];

        ck_assert_int_eq(az_json_reader_init(&reader, str("{\"a\":1}"), NULL), AZ_OK);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_int_eq(read_all(&reader, WRITABLE_UPDATED, WRITABLE, BEHIND_THE_VALUE, read, sizeof(read)),
                         END_OF_PROPERTIES);
        ck_assert_str_eq(read, ".a;");
}
END_TEST

START_TEST(a_property_is_told_again_to_who_does_not_move) {
        az_span component;
        az_json_reader reader;

        ck_assert_int_eq(az_json_reader_init(&reader, str("{\"thermo\":{\"a\":1}}"), NULL), AZ_OK);
        for (size_t i = 0; i < 2; i++) {
                ck_assert_int_eq(next_of_update(&reader, &component), AZ_OK);
                ck_assert_span_eq(component, "thermo");
                ck_assert_span_eq(reader.token.slice, "a");
        }
}
END_TEST

/* How many tokens the caller goes on from the first property's name, into the value instead of behind it. */
static const struct {
        const char *text;
        int n_tokens;
        az_result result;
} moves[] = {
        { "{\"a\":{\"b\":{\"c\":1}},\"d\":2}", 1, AZ_ERROR_JSON_INVALID_STATE },
        { "{\"a\":{\"b\":{\"c\":1}},\"d\":2}", 2, AZ_ERROR_JSON_INVALID_STATE },
        { "{\"a\":{\"b\":{\"c\":1}},\"d\":2}", 3, AZ_ERROR_JSON_INVALID_STATE },
        { "{\"a\":{\"b\":{\"c\":1}},\"d\":2}", 4, AZ_ERROR_JSON_INVALID_STATE },
        { "{\"a\":{\"b\":{\"c\":1}},\"d\":2}", 5, AZ_OK },
        { "{\"thermo\":{\"a\":{\"b\":1}},\"d\":2}", 1, AZ_ERROR_JSON_INVALID_STATE },
        { "{\"thermo\":{\"a\":{\"b\":1}},\"d\":2}", 2, AZ_ERROR_JSON_INVALID_STATE },
        { "{\"thermo\":{\"a\":{\"b\":1}},\"d\":2}", 3, AZ_OK },
        { "{\"a\":[{\"b\":1}],\"d\":2}", 1, AZ_ERROR_JSON_INVALID_STATE },
        { "{\"a\":[{\"b\":1}],\"d\":2}", 2, AZ_ERROR_JSON_INVALID_STATE },
        { "{\"a\":[1,[2]],\"d\":2}", 2, AZ_ERROR_JSON_INVALID_STATE },
        { "{\"a\":[1,2],\"d\":2}", 2, AZ_OK },
        { "{\"a\":true,\"d\":2}", 1, AZ_OK },
        { "{\"a\":false,\"d\":2}", 1, AZ_OK },
        { "{\"a\":\"\",\"d\":2}", 1, AZ_OK },
};

START_TEST(a_reader_within_a_value_is_refused) {
        az_span component;
        az_json_reader reader;

        ck_assert_int_eq(az_json_reader_init(&reader, str(moves[_i].text), NULL), AZ_OK);
        ck_assert_int_eq(next_of_update(&reader, &component), AZ_OK);
        for (int i = 0; i < moves[_i].n_tokens; i++)
                ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_int_eq(next_of_update(&reader, &component), moves[_i].result);
        if (moves[_i].result != AZ_OK)
                return;
        ck_assert_span_eq(reader.token.slice, "d");
        ck_assert_int_eq(az_span_size(component), 0);
}
END_TEST

static Suite *properties_suite(void) {
        Suite *s = suite_create("az-iot-hub-client-properties");
        TCase *t;

        t = tcase_create("topics");
        tcase_add_loop_test(t, topic_is_parsed, 0, ELEMENTSOF(topics));
        tcase_add_loop_test(t, topic_is_written_whole_or_not_at_all, 0, ELEMENTSOF(publish_topics));
        suite_add_tcase(s, t);

        t = tcase_create("az_iot_hub_client_properties_writer");
        tcase_add_loop_test(t, document_is_written_or_does_not_fit, 0, ELEMENTSOF(documents));
        tcase_add_loop_test(t, what_cannot_stand_there_is_refused, 0, ELEMENTSOF(documents));
        tcase_add_test(t, names_and_descriptions_are_utf8);
        suite_add_tcase(s, t);

        t = tcase_create("az_iot_hub_client_properties_get_properties_version");
        tcase_add_loop_test(t, version_is_read, 0, ELEMENTSOF(versions));
        tcase_add_test(t, version_is_read_from_the_start_only);
        suite_add_tcase(s, t);

        t = tcase_create("az_iot_hub_client_properties_get_next_component_property");
        tcase_add_loop_test(t, properties_are_read_with_their_components, 0, ELEMENTSOF(payloads));
        tcase_add_loop_test(t, the_end_stays_the_end, 0, ELEMENTSOF(payloads));
        tcase_add_test(t, a_component_is_told_by_the_name_of_the_client);
        tcase_add_test(t, a_reader_that_has_read_the_first_token_is_at_the_start);
        tcase_add_test(t, a_property_is_told_again_to_who_does_not_move);
        tcase_add_loop_test(t, a_reader_within_a_value_is_refused, 0, ELEMENTSOF(moves));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(properties_suite)
