/* SPDX-License-Identifier: MIT */
#include <aio/metadata.h>

#include "aio-check.h"

#define TEXT(text) AZ_SPAN_LITERAL_FROM_STR(text)

static const aio_hlc timestamp = { 1696374425000, 1, TEXT("node") };
static const aio_hlc fencing_token = { 7, 2, TEXT("StateStore") };

#define N_PROPERTIES_MAX 16

/* Room for a message, of any size, and what was written to it as one text. */
typedef struct {
        az_mqtt_user_property properties[N_PROPERTIES_MAX];
        char scratch[AIO_METADATA_SCRATCH_SIZE(10)];
        aio_metadata_writer writer;
        char text[400];
} Room;

static void room_init(Room *room, int32_t max_properties, int32_t scratch_size) {
        aio_metadata_writer_init(&room->writer, room->properties, max_properties,
                                 az_span_create((uint8_t *) room->scratch, scratch_size));
}

static const char *room_text(Room *room) {
        az_mqtt_message message = { 0 };
        size_t length = 0;

        aio_metadata_writer_finish(&room->writer, &message);
        room->text[0] = '\0';
        for (int32_t i = 0; i < message.n_user_properties; i++)
                length += (size_t) snprintf(room->text + length, sizeof(room->text) - length, "%s%.*s=%.*s",
                                            i > 0 ? "|" : "",
                                            (int) az_span_size(message.user_properties[i].key),
                                            (char *) az_span_ptr(message.user_properties[i].key),
                                            (int) az_span_size(message.user_properties[i].value),
                                            (char *) az_span_ptr(message.user_properties[i].value));
        return room->text;
}

#define COMMON "__ts=001696374425000:00001:node|__srcId=me|__protVer=1.0"

static const struct {
        enum {
                TELEMETRY,
                PERSISTENT,
                REQUEST,
                FENCED,
                RESPONSE
        } kind;
        aio_status status; /* of a response */
        int32_t n_properties;
        const char *text;
} messages[] = {
        { TELEMETRY, { 0 }, 3, COMMON },
        { PERSISTENT, { 0 }, AIO_METADATA_TELEMETRY_MAX, COMMON "|aio-persistence=true" },
        { REQUEST, { 0 }, 5, COMMON "|$partition=me|$high_priority=" },
        { FENCED,
          { 0 },
          AIO_METADATA_REQUEST_MAX,
          COMMON "|$partition=me|$high_priority=|__ft=000000000000007:00002:StateStore" },
        { RESPONSE, { .code = 200, .message = TEXT("fine") }, 5, COMMON "|__stat=200|$high_priority=" },
        { RESPONSE, { .code = 204 }, 5, COMMON "|__stat=204|$high_priority=" },
        { RESPONSE,
          { .code = 500, .is_application_error = true, .message = TEXT("why") },
          7,
          COMMON "|__stat=500|__stMsg=why|__apErr=true|$high_priority=" },
        { RESPONSE, { .code = 400 }, 7, COMMON "|__stat=400|__stMsg=|__apErr=false|$high_priority=" },
        { RESPONSE,
          { 400, false, TEXT("why"), TEXT("__ts"), TEXT("") },
          9,
          COMMON "|__stat=400|__stMsg=why|__apErr=false|__propName=__ts|__propVal=|$high_priority=" },
        { RESPONSE,
          { INT32_MIN, false, TEXT("a"), TEXT("b"), TEXT("c"), TEXT("123456.0"), TEXT("1") },
          AIO_METADATA_RESPONSE_MAX,
          COMMON
          "|__stat=-2147483648|__stMsg=a|__apErr=false|__propName=b|__propVal=c|__requestProtVer=123456.0"
          "|__supProtMajVer=1|$high_priority=" },
};

static az_result write_message(Room *room, int i) {
        switch (messages[i].kind) {
        case TELEMETRY:
        case PERSISTENT:
                return aio_metadata_write_telemetry(&room->writer, of("me"), &timestamp,
                                                    messages[i].kind == PERSISTENT);
        case REQUEST:
        case FENCED:
                return aio_metadata_write_request(&room->writer, of("me"), &timestamp,
                                                  messages[i].kind == FENCED ? &fencing_token : NULL);
        case RESPONSE:
                break;
        }
        return aio_metadata_write_response(&room->writer, of("me"), &timestamp, &messages[i].status);
}

START_TEST(a_message_has_what_its_kind_has) {
        Room room;

        room_init(&room, messages[_i].n_properties, sizeof(room.scratch));
        ck_assert_int_eq(write_message(&room, _i), AZ_OK);
        ck_assert_str_eq(room_text(&room), messages[_i].text);
}
END_TEST

START_TEST(what_does_not_fit_leaves_nothing_behind) {
        Room room;

        for (int32_t n = 0; n < messages[_i].n_properties; n++) {
                room_init(&room, n, sizeof(room.scratch));
                ck_assert_int_eq(write_message(&room, _i), AZ_ERROR_NOT_ENOUGH_SPACE);
                ck_assert_str_eq(room_text(&room), "");
        }
        for (int32_t size = 0; size < 26; size++) {
                room_init(&room, N_PROPERTIES_MAX, size);
                ck_assert_int_eq(write_message(&room, _i), AZ_ERROR_NOT_ENOUGH_SPACE);
                ck_assert_str_eq(room_text(&room), "");
        }
}
END_TEST

static char too_long[65536];

static const struct {
        az_mqtt_user_property properties[2];
        const char *text; /* NULL: refused */
        const char *key;  /* that is named then; NULL: there is no room */
} programs[] = {
        { { { TEXT("b"), TEXT("1") }, { TEXT("a"), TEXT("2") } }, "b=1|a=2", NULL },
        { { { TEXT("a"), TEXT("1") }, { TEXT("a"), TEXT("") } }, "a=1|a=", NULL },
        { { { TEXT("_a"), TEXT("1") }, { TEXT("$a"), TEXT("\xc3\xb6") } }, "_a=1|$a=\xc3\xb6", NULL },
        { { { TEXT("a"), AZ_SPAN_LITERAL_EMPTY }, { TEXT("aio-persistence"), TEXT("x") } },
          "a=|aio-persistence=x",
          NULL },
        { { { TEXT("a"), TEXT("1") }, { TEXT("__ts"), TEXT("1") } }, NULL, "__ts" },
        { { { TEXT("a"), TEXT("1") }, { TEXT("__"), TEXT("1") } }, NULL, "__" },
        { { { TEXT("a"), TEXT("1") }, { TEXT("$partition"), TEXT("1") } }, NULL, "$partition" },
        { { { TEXT("a"), TEXT("1") }, { TEXT("$high_priority"), TEXT("") } }, NULL, "$high_priority" },
        { { { TEXT("a"), TEXT("1") }, { TEXT(""), TEXT("1") } }, NULL, "" },
        { { { TEXT("a"), TEXT("1") }, { TEXT("\xff"), TEXT("1") } }, NULL, "\xff" },
        { { { TEXT("a"), TEXT("1") }, { TEXT("b"), TEXT("\xff") } }, NULL, "b" },
        { { { TEXT("a"), TEXT("1") }, { TEXT("b"), TEXT("x\0y") } }, NULL, "b" },
        { { { TEXT("a"), TEXT("1") }, { TEXT("b"), { { (uint8_t *) too_long, 65536 } } } }, NULL, "b" },
};

START_TEST(a_program_cannot_write_what_is_reserved) {
        aio_error error;
        Room room;
        az_result r;

        memset(too_long, 'x', sizeof(too_long));
        room_init(&room, 2, 0);
        r = aio_metadata_write_user(&room.writer, programs[_i].properties, 2, &error);
        ck_assert_int_eq(r, programs[_i].text ? AZ_OK : AZ_ERROR_ARG);
        ck_assert_str_eq(room_text(&room), programs[_i].text ? programs[_i].text : "");
        if (!programs[_i].text) {
                ck_assert_int_eq(error.kind, AIO_ERROR_INVALID_CONFIGURATION);
                ck_assert(error.is_shallow);
                CHECK_SPAN(error.property_name, "Metadata");
                CHECK_SPAN(error.property_value, programs[_i].key);
        }
}
END_TEST

START_TEST(a_program_needs_room) {
        aio_error error;
        Room room;

        room_init(&room, 1, 0);
        ck_assert_int_eq(aio_metadata_write_user(&room.writer, programs[0].properties, 2, &error),
                         AZ_ERROR_NOT_ENOUGH_SPACE);
        ck_assert_int_eq(error.kind, AIO_ERROR_INTERNAL_LOGIC);
        ck_assert_str_eq(room_text(&room), "");
        ck_assert_int_eq(aio_metadata_write_user(&room.writer, NULL, 0, &error), AZ_OK);
}
END_TEST

START_TEST(what_is_written_is_read_again) {
        aio_metadata metadata;
        az_mqtt_message message = { 0 };
        aio_error error;
        aio_hlc read;
        Room room;

        room_init(&room, N_PROPERTIES_MAX, sizeof(room.scratch));
        ck_assert_int_eq(aio_metadata_write_user(&room.writer, programs[0].properties, 2, &error), AZ_OK);
        ck_assert_int_eq(write_message(&room, _i), AZ_OK);
        aio_metadata_writer_finish(&room.writer, &message);

        aio_metadata_read(&message, &metadata);
        ck_assert_int_eq(aio_metadata_check_version(&metadata, &error), AZ_OK);
        ck_assert_int_eq(aio_metadata_get_timestamp(&metadata, &read, &error), AZ_OK);
        ck_assert_int_eq(aio_hlc_compare(&read, &timestamp), 0);
        CHECK_SPAN(metadata.source_id, "me");
        CHECK_SPAN(metadata.partition,
                   messages[_i].kind == REQUEST || messages[_i].kind == FENCED ? "me" : NULL);
        CHECK_SPAN(metadata.high_priority, messages[_i].kind >= REQUEST ? "" : NULL);
        CHECK_SPAN(metadata.fencing_token,
                   messages[_i].kind == FENCED ? "000000000000007:00002:StateStore" : NULL);

        /* What remains is the program's; the broker's flag is one of them. */
        ck_assert_int_eq(aio_metadata_strip(&message, room.properties),
                         messages[_i].kind == PERSISTENT ? 3 : 2);
        CHECK_SPAN(room.properties[0].key, "b");
        CHECK_SPAN(room.properties[1].key, "a");
}
END_TEST

static const struct {
        const char *version;
        bool is_supported;
} versions[] = {
        { NULL, true },
        { "1.0", true },
        { "1.65535", true },
        { "01.00", true },
        { "0.1", false },
        { "2.0", false },
        { "123456.0", false },
        { "1", false },
        { "1.", false },
        { ".0", false },
        { "1.0.0", false },
        { "1.0 ", false },
        { "1.x", false },
        { "+1.0", false },
        { "1.65536", false },
        { "", false },
        { "this is not a valid protocol version", false },
};

START_TEST(only_the_major_number_of_a_version_counts) {
        aio_metadata metadata = { .protocol_version = of(versions[_i].version) };
        aio_error error;
        az_result r = aio_metadata_check_version(&metadata, &error);

        ck_assert_int_eq(r, versions[_i].is_supported ? AZ_OK : AZ_ERROR_NOT_SUPPORTED);
        if (!versions[_i].is_supported) {
                ck_assert_int_eq(error.kind, AIO_ERROR_UNSUPPORTED_VERSION);
                ck_assert(!error.is_shallow && !error.is_remote);
                CHECK_SPAN(error.protocol_version, versions[_i].version);
                CHECK_SPAN(error.supported_majors, "1");
        }
}
END_TEST

static const struct {
        const char *status;
        az_result result;
        int32_t code;
} statuses[] = {
        { "200", AZ_OK, 200 },
        { "0", AZ_OK, 0 },
        { "2147483647", AZ_OK, INT32_MAX },
        { "2147483648", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "", AZ_ERROR_UNEXPECTED_END, 0 },
        { "not a number", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "200 OK", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "-1", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "+200", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { "2e2", AZ_ERROR_UNEXPECTED_CHAR, 0 },
        { NULL, AZ_ERROR_ITEM_NOT_FOUND, 0 },
};

START_TEST(a_status_is_a_number) {
        aio_metadata metadata = { .status = of(statuses[_i].status) };
        aio_status status = { 0 };
        aio_error error;

        ck_assert_int_eq(aio_metadata_get_status(&metadata, &status, &error), statuses[_i].result);
        ck_assert_int_eq(status.code, statuses[_i].code);
        if (statuses[_i].result != AZ_OK) {
                ck_assert_int_eq(error.kind,
                                 statuses[_i].status ? AIO_ERROR_INVALID_HEADER : AIO_ERROR_MISSING_HEADER);
                CHECK_SPAN(error.property_name, "__stat");
                CHECK_SPAN(error.property_value, statuses[_i].status);
        }
}
END_TEST

static const struct {
        const char *text;
        bool is_application_error;
} truths[] = {
        { NULL, false },    { "", false },    { "false", false }, { "False", false },
        { "FALSE", false }, { "true", true }, { "True", true },   { "1", true },
        { "0", true },      { "no", true },   { "false ", true },
};

START_TEST(an_application_error_is_what_is_not_false) {
        aio_metadata metadata = { .status = of("500"),
                                  .is_application_error = of(truths[_i].text),
                                  .status_message = of("why"),
                                  .property_name = of("name"),
                                  .property_value = of("value"),
                                  .request_protocol_version = of("9.9"),
                                  .supported_majors = of("2 3 4") };
        aio_status status;
        aio_error error;

        ck_assert_int_eq(aio_metadata_get_status(&metadata, &status, &error), AZ_OK);
        ck_assert_int_eq(status.is_application_error, truths[_i].is_application_error);
        CHECK_SPAN(status.message, "why");
        CHECK_SPAN(status.property_name, "name");
        CHECK_SPAN(status.property_value, "value");
        CHECK_SPAN(status.request_protocol_version, "9.9");
        CHECK_SPAN(status.supported_majors, "2 3 4");
}
END_TEST

START_TEST(a_timestamp_may_be_absent_but_not_malformed) {
        aio_metadata metadata = { 0 };
        aio_error error = { 0 };
        aio_hlc hlc;

        ck_assert_int_eq(aio_metadata_get_timestamp(&metadata, &hlc, &error), AZ_ERROR_ITEM_NOT_FOUND);
        ck_assert_int_eq(error.kind, AIO_ERROR_NONE);
        metadata.timestamp = of("NotValid");
        ck_assert_int_eq(aio_metadata_get_timestamp(&metadata, &hlc, &error), AZ_ERROR_UNEXPECTED_CHAR);
        ck_assert_int_eq(error.kind, AIO_ERROR_INVALID_HEADER);
        CHECK_SPAN(error.property_name, "__ts");
        CHECK_SPAN(error.property_value, "NotValid");
}
END_TEST

START_TEST(the_first_of_a_key_counts_be_it_empty) {
        static const az_mqtt_user_property properties[] = {
                { TEXT("a"), TEXT("1") },
                { TEXT("__srcId"), AZ_SPAN_LITERAL_EMPTY },
                { TEXT("__srcId"), TEXT("second") },
                { TEXT("__unexpected"), TEXT("surprise") },
                { TEXT("a"), TEXT("2") },
        };
        az_mqtt_message message = { .user_properties = properties,
                                    .n_user_properties = ELEMENTSOF(properties) };
        az_mqtt_user_property stripped[ELEMENTSOF(properties)];
        aio_metadata metadata;
        az_span value;

        aio_metadata_read(&message, &metadata);
        CHECK_SPAN(metadata.source_id, "");
        ck_assert_int_eq(aio_metadata_find(&message, of("a"), &value), AZ_OK);
        CHECK_SPAN(value, "1");
        ck_assert_int_eq(aio_metadata_find(&message, of("b"), &value), AZ_ERROR_ITEM_NOT_FOUND);
        ck_assert_int_eq(aio_metadata_strip(&message, stripped), 2);
        CHECK_SPAN(stripped[1].value, "2");
}
END_TEST

static Suite *aio_metadata_suite(void) {
        Suite *s = suite_create("aio-metadata");
        TCase *t = tcase_create("aio_metadata_write");

        tcase_add_loop_test(t, a_message_has_what_its_kind_has, 0, ELEMENTSOF(messages));
        tcase_add_loop_test(t, what_does_not_fit_leaves_nothing_behind, 0, ELEMENTSOF(messages));
        tcase_add_loop_test(t, a_program_cannot_write_what_is_reserved, 0, ELEMENTSOF(programs));
        tcase_add_test(t, a_program_needs_room);
        suite_add_tcase(s, t);

        t = tcase_create("aio_metadata_read");
        tcase_add_loop_test(t, what_is_written_is_read_again, 0, ELEMENTSOF(messages));
        tcase_add_loop_test(t, only_the_major_number_of_a_version_counts, 0, ELEMENTSOF(versions));
        tcase_add_loop_test(t, a_status_is_a_number, 0, ELEMENTSOF(statuses));
        tcase_add_loop_test(t, an_application_error_is_what_is_not_false, 0, ELEMENTSOF(truths));
        tcase_add_test(t, a_timestamp_may_be_absent_but_not_malformed);
        tcase_add_test(t, the_first_of_a_key_counts_be_it_empty);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(aio_metadata_suite)
