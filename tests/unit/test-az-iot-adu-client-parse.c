/* SPDX-License-Identifier: MIT */
#include <stdarg.h>

#include <azure/az_iot.h>

#include "unit-json.h"

/* What was parsed is compared as a line of text; this is it. */
typedef struct {
        char text[256];
        size_t size;
} Line;

__attribute__((format(printf, 2, 3))) static void line_add(Line *line, const char *format, ...) {
        va_list args;

        va_start(args, format);
        line->size +=
                (size_t) vsnprintf(line->text + line->size, sizeof(line->text) - line->size, format, args);
        va_end(args);
        ck_assert_uint_lt(line->size, sizeof(line->text));
}

static void line_add_span(Line *line, az_span span, const char *end) {
        line_add(line, "%.*s%s", az_span_size(span), (char *) az_span_ptr(span), end);
}

/* "action id retry|manifest|signature|id=url,". */
static Line show_request(const az_iot_adu_client_update_request *request) {
        Line line = { .size = 0 };

        line_add(&line, "%d ", (int) request->workflow.action);
        line_add_span(&line, request->workflow.id, " ");
        line_add_span(&line, request->workflow.retry_timestamp, "|");
        line_add_span(&line, request->update_manifest, "|");
        line_add_span(&line, request->update_manifest_signature, "|");
        for (uint32_t i = 0; i < request->file_urls_count; i++) {
                line_add_span(&line, request->file_urls[i].id, "=");
                line_add_span(&line, request->file_urls[i].url, ",");
        }
        return line;
}

/* "version|provider name version|handler[file,]criteria;|id name size(type=value,);|date". */
static Line show_manifest(const az_iot_adu_client_update_manifest *manifest) {
        Line line = { .size = 0 };

        line_add_span(&line, manifest->manifest_version, "|");
        line_add_span(&line, manifest->update_id.provider, " ");
        line_add_span(&line, manifest->update_id.name, " ");
        line_add_span(&line, manifest->update_id.version, "|");
        for (uint32_t i = 0; i < manifest->instructions.steps_count; i++) {
                const az_iot_adu_client_update_manifest_instructions_step *step =
                        &manifest->instructions.steps[i];

                line_add_span(&line, step->handler, "[");
                for (uint32_t k = 0; k < step->files_count; k++)
                        line_add_span(&line, step->files[k], ",");
                line_add(&line, "]");
                line_add_span(&line, step->handler_properties.installed_criteria, ";");
        }
        line_add(&line, "|");
        for (uint32_t i = 0; i < manifest->files_count; i++) {
                const az_iot_adu_client_update_manifest_file *file = &manifest->files[i];

                line_add_span(&line, file->id, " ");
                line_add_span(&line, file->file_name, " ");
                line_add(&line, "%lld(", (long long) file->size_in_bytes);
                for (uint32_t k = 0; k < file->hashes_count; k++) {
                        line_add_span(&line, file->hashes[k].hash_type, "=");
                        line_add_span(&line, file->hashes[k].hash_value, ",");
                }
                line_add(&line, ");");
        }
        line_add(&line, "|");
        line_add_span(&line, manifest->create_date_time, "");
        return line;
}

/* The line of what was not written. */
#define KEPT "kept"

static az_result parse_request(az_json_reader *reader, Line *ret_line) {
        az_iot_adu_client_update_request request = { .update_manifest = str(KEPT) };
        az_iot_adu_client client;
        az_result r;

        ck_assert_int_eq(az_iot_adu_client_init(&client, NULL), AZ_OK);
        r = az_iot_adu_client_parse_service_properties(&client, reader, &request);
        *ret_line = show_request(&request);
        if (r != AZ_OK)
                ck_assert_str_eq(ret_line->text, "0  |" KEPT "||");
        return r;
}

static az_result parse_manifest(az_json_reader *reader, Line *ret_line) {
        az_iot_adu_client_update_manifest manifest = { .manifest_version = str(KEPT) };
        az_iot_adu_client client;
        az_result r;

        ck_assert_int_eq(az_iot_adu_client_init(&client, NULL), AZ_OK);
        r = az_iot_adu_client_parse_update_manifest(&client, reader, &manifest);
        *ret_line = show_manifest(&manifest);
        if (r != AZ_OK)
                ck_assert_str_eq(ret_line->text, KEPT "|  |||");
        return r;
}

#define NO_SPACE AZ_ERROR_NOT_ENOUGH_SPACE
#define BAD      AZ_ERROR_UNEXPECTED_CHAR

/* The value of "service". */
static const struct {
        const char *text;
        const char *line;
        az_result result;
} requests[] = {
        { "{\"workflow\":{\"action\":3,\"id\":\"51552a54\",\"retryTimestamp\":\"2026-03-09\"},"
          "\"updateManifest\":\"{\\\"manifestVersion\\\":\\\"5\\\"}\",\"updateManifestSignature\":\"eyJ.x."
          "y\","
          "\"fileUrls\":{\"f1\":\"http://a/1\",\"f2\":\"http://a/2\"}}",
          "3 51552a54 2026-03-09|{\\\"manifestVersion\\\":\\\"5\\\"}|eyJ.x.y|f1=http://a/1,f2=http://a/2," },
        { "{\"workflow\":{\"action\":255,\"id\":\"5\"}}", "255 5 |||" },
        { "{\"fileUrls\":{\"f1\":\"u\"},\"new\":[{\"workflow\":{}}],\"workflow\":{\"id\":\"5\",\"x\":{},"
          "\"action\":0}}",
          "0 5 |||f1=u," },
        /* A file that is not wanted any more, and others: null is what the twin removes with. */
        { "{\"fileUrls\":{\"f0\":null,\"f1\":\"u\",\"f2\":null,\"f3\":\"v\"}}", "0  |||f1=u,f3=v," },
        { "{\"workflow\":{\"action\":null,\"id\":null,\"retryTimestamp\":null},\"updateManifest\":null,"
          "\"updateManifestSignature\":null,\"fileUrls\":null}",
          "0  |||" },
        { "{\"workflow\":null}", "0  |||" },
        { "{}", "0  |||" },
        { "{\"fileUrls\":{}}", "0  |||" },
        { "{\"fileUrls\":{\"\":\"\"}}", "0  |||=," },
        { "{\"\\u0066ileUrls\":{\"\\u0066\":\"\\/\"}}", "0  |||\\u0066=\\/," },

        { "{\"fileUrls\":{\"f1\":\"u\",\"f2\":\"v\",\"f3\":\"w\"}}", NULL, NO_SPACE },
        { "{\"fileUrls\":{\"f1\":\"u\",\"f2\":\"v\"},\"fileUrls\":{\"f3\":\"w\"}}", NULL, NO_SPACE },
        { "[]", NULL, BAD },
        { "3", NULL, BAD },
        { "{\"workflow\":3}", NULL, BAD },
        { "{\"workflow\":{\"action\":\"3\"}}", NULL, BAD },
        { "{\"workflow\":{\"action\":3.5}}", NULL, BAD },
        { "{\"workflow\":{\"action\":-1}}", NULL, BAD },
        { "{\"workflow\":{\"action\":256}}", NULL, BAD },
        { "{\"workflow\":{\"action\":259}}", NULL, BAD }, /* 3 in a byte */
        { "{\"workflow\":{\"action\":4294967299}}", NULL, BAD },
        { "{\"workflow\":{\"id\":5}}", NULL, BAD },
        { "{\"updateManifest\":{\"manifestVersion\":\"5\"}}", NULL, BAD },
        { "{\"updateManifestSignature\":true}", NULL, BAD },
        { "{\"fileUrls\":[]}", NULL, BAD },
        { "{\"fileUrls\":{\"f1\":{}}}", NULL, BAD },
        { "{\"x\":01}", NULL, BAD },
};

/*
 * The text gives the line, or else the error, in one chunk. In several the same, unless one of them ends in a
 * text that is wanted.
 */
static void check_parser(az_result (*parse)(az_json_reader *, Line *), const char *text, const char *line,
                         az_result result) {
        int32_t size = (int32_t) strlen(text);

        for (int32_t chunk_size = 1; chunk_size <= size; chunk_size++) {
                az_span chunks[512];
                az_json_reader reader;
                Line parsed;
                az_result r;

                start_reader(&reader, text, chunk_size, chunks);
                if (chunk_size % 2 == 0 && text[0] == '{')
                        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
                r = parse(&reader, &parsed);
                if (r == AZ_ERROR_NOT_SUPPORTED && chunk_size < size)
                        continue;
                ck_assert_int_eq(r, result);
                if (r != AZ_OK)
                        continue;
                ck_assert_str_eq(parsed.text, line);
                ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_ERROR_JSON_READER_DONE);
        }
}

START_TEST(request_is_parsed_from_its_component) {
        char text[512];

        (void) snprintf(text, sizeof(text), "{\"__t\":\"c\",\"service\":%s}", requests[_i].text);
        check_parser(parse_request, text, requests[_i].line, requests[_i].result ?: AZ_OK);
}
END_TEST

static const char *const without_request[] = {
        "{}",
        "{\"__t\":\"c\"}",
        "{\"service\":null}",
        "{\"agent\":{\"service\":{}}}",
};

START_TEST(there_may_be_no_request) {
        check_parser(parse_request, without_request[_i], NULL, AZ_ERROR_ITEM_NOT_FOUND);
}
END_TEST

/* The loop of an agent. What comes before the request and behind it is found. */
START_TEST(request_is_parsed_while_properties_are_read) {
        static az_span names[] = { AZ_SPAN_LITERAL_FROM_STR("deviceUpdate") };
        az_iot_hub_client_options options = az_iot_hub_client_options_default();
        az_iot_hub_client hub_client;
        az_iot_adu_client client;
        az_json_reader reader;
        az_span component;
        char text[512];
        Line seen = { .size = 0 };
        az_result r;

        (void) snprintf(
                text, sizeof(text),
                "{\"a\":1,\"deviceUpdate\":{\"__t\":\"c\",\"agent\":{\"x\":1},\"service\":%s,\"z\":2},"
                "\"b\":3,\"$version\":4}",
                requests[_i].text);
        options.component_names = names;
        options.component_names_length = ELEMENTSOF(names);
        ck_assert_int_eq(az_iot_hub_client_init(&hub_client, str("h"), str("d"), &options), AZ_OK);
        ck_assert_int_eq(az_iot_adu_client_init(&client, NULL), AZ_OK);
        ck_assert_int_eq(az_json_reader_init(&reader, str(text), NULL), AZ_OK);

        while ((r = az_iot_hub_client_properties_get_next_component_property(
                        &hub_client, &reader, AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_WRITABLE_UPDATED,
                        AZ_IOT_HUB_CLIENT_PROPERTY_WRITABLE, &component)) == AZ_OK) {
                Line request;

                line_add_span(&seen, reader.token.slice, ";");
                r = AZ_ERROR_ITEM_NOT_FOUND;
                if (az_iot_adu_client_is_component_device_update(&client, component))
                        r = parse_request(&reader, &request);
                if (r == AZ_OK)
                        ck_assert_str_eq(request.text, requests[_i].line);
                else if (r == AZ_ERROR_ITEM_NOT_FOUND)
                        r = az_json_reader_skip_children(&reader);
                if (r != AZ_OK)
                        break;
        }
        ck_assert_int_eq(r, requests[_i].result ?: AZ_ERROR_IOT_END_OF_PROPERTIES);
        ck_assert_str_eq(seen.text, requests[_i].result ? "a;agent;service;" : "a;agent;service;z;b;");
}
END_TEST

#define FILE_OF(id, members) "\"" id "\":{" members "}"
#define FILES(files)         "{\"files\":{" files "}}"
#define STEPS(steps)         "{\"instructions\":{\"steps\":[" steps "]}}"

static const struct {
        const char *text;
        const char *line;
        az_result result;
} manifests[] = {
        { "{\"manifestVersion\":\"5\",\"updateId\":{\"provider\":\"contoso\",\"name\":\"pump\",\"version\":"
          "\"1.2.0\"},"
          "\"compatibility\":[{\"manufacturer\":\"contoso\",\"model\":\"pump\"}],"
          "\"instructions\":{\"steps\":[{\"handler\":\"microsoft/swupdate:1\",\"files\":[\"f1\",\"f2\"],"
          "\"handlerProperties\":{\"installedCriteria\":\"1.2.0\"}}]},"
          "\"files\":{\"f1\":{\"fileName\":\"a.bin\",\"sizeInBytes\":844976,\"hashes\":{\"sha256\":\"xK=\"}}}"
          ","
          "\"createdDateTime\":\"2026-03-09T07:15:30Z\"}",
          "5|contoso pump 1.2.0|microsoft/swupdate:1[f1,f2,]1.2.0;|f1 a.bin 844976(sha256=xK=,);|"
          "2026-03-09T07:15:30Z" },
        { STEPS("{\"handler\":\"a\",\"type\":\"inline\"},{\"description\":\"x\",\"handler\":\"b\",\"files\":["
                "]}"),
          "|  |a[];b[];||" },
        { STEPS("{},{\"files\":null,\"handlerProperties\":{\"x\":{},\"installedCriteria\":null}}"),
          "|  |[];[];||" },
        { FILES(FILE_OF("a", "\"hashes\":{\"sha256\":\"s\",\"md5\":\"m\"}") "," FILE_OF(
                  "b", "\"sizeInBytes\":9223372036854775807")),
          "|  ||a  0(sha256=s,md5=m,);b  9223372036854775807();|" },
        { FILES("\"a\":null,\"b\":{},\"c\":null,\"d\":{\"hashes\":null,\"sizeInBytes\":null,\"fileName\":"
                "null}"),
          "|  ||b  0();d  0();|" },
        { "{\"instructions\":{\"steps\":[]},\"files\":{},\"updateId\":{}}", "|  |||" },
        { "{\"instructions\":null,\"files\":null,\"updateId\":null,\"createdDateTime\":null,"
          "\"manifestVersion\":null}",
          "|  |||" },
        { "{\"instructions\":{\"steps\":null,\"x\":[]}}", "|  |||" },
        { "{}", "|  |||" },

        { STEPS("{},{},{}"), NULL, NO_SPACE },
        { STEPS("{\"files\":[\"a\",\"b\",\"c\"]}"), NULL, NO_SPACE },
        { STEPS("{\"files\":[\"a\",\"b\"],\"files\":[\"c\"]}"), NULL, NO_SPACE },
        { FILES("\"a\":{},\"b\":{},\"c\":{}"), NULL, NO_SPACE },
        { FILES(FILE_OF("a", "\"hashes\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}")), NULL, NO_SPACE },
        { "[]", NULL, BAD },
        { "\"escaped\"", NULL, BAD },
        { "{\"manifestVersion\":5}", NULL, BAD },
        { "{\"updateId\":\"x\"}", NULL, BAD },
        { "{\"updateId\":{\"name\":[]}}", NULL, BAD },
        { "{\"instructions\":[]}", NULL, BAD },
        { "{\"instructions\":{\"steps\":{}}}", NULL, BAD },
        { STEPS("null"), NULL, BAD },
        { STEPS("[]"), NULL, BAD },
        { STEPS("{\"handler\":1}"), NULL, BAD },
        { STEPS("{\"files\":\"a\"}"), NULL, BAD },
        { STEPS("{\"files\":[null]}"), NULL, BAD },
        { STEPS("{\"handlerProperties\":[]}"), NULL, BAD },
        { "{\"files\":[]}", NULL, BAD },
        { FILES("\"a\":\"b\""), NULL, BAD },
        { FILES(FILE_OF("a", "\"fileName\":1")), NULL, BAD },
        { FILES(FILE_OF("a", "\"sizeInBytes\":\"1\"")), NULL, BAD },
        { FILES(FILE_OF("a", "\"sizeInBytes\":-1")), NULL, BAD },
        { FILES(FILE_OF("a", "\"sizeInBytes\":1.5")), NULL, BAD },
        { FILES(FILE_OF("a", "\"sizeInBytes\":9223372036854775808")), NULL, BAD },
        { FILES(FILE_OF("a", "\"hashes\":[]")), NULL, BAD },
        { FILES(FILE_OF("a", "\"hashes\":{\"sha256\":1}")), NULL, BAD },
        { "{\"createdDateTime\":{}}", NULL, BAD },
        { "{\"compatibility\":[01]}", NULL, BAD },
};

START_TEST(manifest_is_parsed) {
        check_parser(parse_manifest, manifests[_i].text, manifests[_i].line, manifests[_i].result ?: AZ_OK);
}
END_TEST

START_TEST(there_may_be_no_json) {
        check_parser(parse_request, " \n", NULL, AZ_ERROR_UNEXPECTED_END);
        check_parser(parse_manifest, " \n", NULL, AZ_ERROR_UNEXPECTED_END);
        check_parser(parse_request, ",", NULL, AZ_ERROR_UNEXPECTED_CHAR);
        check_parser(parse_manifest, ",", NULL, AZ_ERROR_UNEXPECTED_CHAR);
}
END_TEST

/* Each beginning of a document that is right, without its last byte at the most. */
static void check_cut_short(az_result (*parse)(az_json_reader *, Line *), const char *text) {
        for (int32_t size = 1; size < (int32_t) strlen(text); size++) {
                _cleanup_(freep) uint8_t *copy = malloc((size_t) size);
                az_json_reader reader;
                Line line;

                memcpy(copy, text, (size_t) size);
                ck_assert_int_eq(az_json_reader_init(&reader, az_span_create(copy, size), NULL), AZ_OK);
                ck_assert_int_eq(parse(&reader, &line), AZ_ERROR_UNEXPECTED_END);
        }
}

START_TEST(what_is_cut_short_is_refused) {
        char text[512];

        (void) snprintf(text, sizeof(text), "{\"service\":%s}", requests[0].text);
        check_cut_short(parse_request, text);
        check_cut_short(parse_manifest, manifests[0].text);
}
END_TEST

START_TEST(a_reader_that_stands_elsewhere_is_refused) {
        az_json_reader reader;
        Line line;

        ck_assert_int_eq(az_json_reader_init(&reader, str("[{\"service\":{}}]"), NULL), AZ_OK);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_int_eq(parse_request(&reader, &line), AZ_ERROR_JSON_INVALID_STATE);
        ck_assert_int_eq(parse_manifest(&reader, &line), AZ_ERROR_JSON_INVALID_STATE);

        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        ck_assert_int_eq(parse_manifest(&reader, &line), AZ_ERROR_JSON_INVALID_STATE);
        ck_assert_int_eq(parse_request(&reader, &line), AZ_OK);
        ck_assert_int_eq(reader.token.kind, AZ_JSON_TOKEN_END_OBJECT);
        ck_assert_int_eq(parse_request(&reader, &line), AZ_ERROR_JSON_INVALID_STATE);
}
END_TEST

static Suite *adu_client_parse_suite(void) {
        Suite *s = suite_create("az-iot-adu-client-parse");
        TCase *t;

        t = tcase_create("az_iot_adu_client_parse_service_properties");
        tcase_add_loop_test(t, request_is_parsed_from_its_component, 0, ELEMENTSOF(requests));
        tcase_add_loop_test(t, there_may_be_no_request, 0, ELEMENTSOF(without_request));
        tcase_add_loop_test(t, request_is_parsed_while_properties_are_read, 0, ELEMENTSOF(requests));
        suite_add_tcase(s, t);

        t = tcase_create("az_iot_adu_client_parse_update_manifest");
        tcase_add_loop_test(t, manifest_is_parsed, 0, ELEMENTSOF(manifests));
        suite_add_tcase(s, t);

        t = tcase_create("both");
        tcase_add_test(t, there_may_be_no_json);
        tcase_add_test(t, what_is_cut_short_is_refused);
        tcase_add_test(t, a_reader_that_stands_elsewhere_is_refused);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(adu_client_parse_suite)
