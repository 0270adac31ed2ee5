/* SPDX-License-Identifier: MIT */

/* Spans, numbers, base64, JSON and the log. */

#include <math.h>

#include "firmware.h"

static struct {
        az_span name;
        int32_t value;
} const table[] = { { AZ_SPAN_LITERAL_FROM_STR("one"), 1 }, { AZ_SPAN_LITERAL_EMPTY, 0 } };

static void spans(void) {
        char word[] = "Pump-17";
        char text[5];
        uint8_t buffer[8];
        az_span const span = az_span_create_from_str(word);
        az_span const destination = AZ_SPAN_FROM_BUFFER(buffer);

        say("span.table", table[0].name);
        say_int("span.table-empty", az_span_size(table[1].name));
        say_int("span.size", az_span_size(span));
        say_int("span.ptr", az_span_ptr(span) == (uint8_t *) word);
        say("span.slice", az_span_slice(span, 1, 4));
        say("span.slice-empty", az_span_slice(span, 7, 7));
        say("span.slice-to-end", az_span_slice_to_end(span, 5));
        say_int("span.find", az_span_find(span, AZ_SPAN_FROM_STR("mp")));
        say_int("span.find-none", az_span_find(span, AZ_SPAN_FROM_STR("mq")));
        say_int("span.find-empty", az_span_find(span, AZ_SPAN_EMPTY));
        say_int("span.find-in-empty", az_span_find(AZ_SPAN_EMPTY, AZ_SPAN_FROM_STR("a")));
        say_int("span.equal", az_span_is_content_equal(span, AZ_SPAN_FROM_STR("Pump-17")));
        say_int("span.equal-case", az_span_is_content_equal(span, AZ_SPAN_FROM_STR("pump-17")));
        say_int("span.equal-ignoring",
                az_span_is_content_equal_ignoring_case(span, AZ_SPAN_FROM_STR("pUMP-17")));
        say_int("span.equal-empty", az_span_is_content_equal(AZ_SPAN_EMPTY, AZ_SPAN_EMPTY));
        az_span_to_str(text, sizeof text, az_span_slice(span, 0, 4));
        say_str("span.to-str", text);
        az_span_fill(destination, '.');
        say_int("span.copy-rest", az_span_size(az_span_copy(destination, AZ_SPAN_FROM_STR("abc"))));
        say("span.copy", destination);
        say_int("span.copy-u8-rest", az_span_size(az_span_copy_u8(destination, 'Z')));
        say("span.copy-u8", destination);
        say_int("span.struct", span._internal.size == 7 && span._internal.ptr == (uint8_t *) word);
}

static void text_to_number(void) {
        uint64_t u64 = 0;
        int64_t i64 = 0;
        uint32_t u32 = 0;
        int32_t i32 = 0;
        double number = 0;
        az_result rc;

        say_rc("number.u64.rc", az_span_atou64(AZ_SPAN_FROM_STR("18446744073709551615"), &u64));
        printf("number.u64: %llu\n", (unsigned long long) u64);
        say_rc("number.u64-over", az_span_atou64(AZ_SPAN_FROM_STR("18446744073709551616"), &u64));
        say_rc("number.u64-minus", az_span_atou64(AZ_SPAN_FROM_STR("-1"), &u64));
        say_rc("number.i64.rc", az_span_atoi64(AZ_SPAN_FROM_STR("-9223372036854775808"), &i64));
        say_int("number.i64", (long long) i64);
        say_rc("number.i64-over", az_span_atoi64(AZ_SPAN_FROM_STR("9223372036854775808"), &i64));
        say_rc("number.u32.rc", az_span_atou32(AZ_SPAN_FROM_STR("4294967295"), &u32));
        say_int("number.u32", (long long) u32);
        say_rc("number.u32-over", az_span_atou32(AZ_SPAN_FROM_STR("4294967296"), &u32));
        say_rc("number.i32.rc", az_span_atoi32(AZ_SPAN_FROM_STR("-2147483648"), &i32));
        say_int("number.i32", i32);
        say_rc("number.i32-plus.rc", az_span_atoi32(AZ_SPAN_FROM_STR("+42"), &i32));
        say_int("number.i32-plus", i32);
        say_rc("number.i32-letter", az_span_atoi32(AZ_SPAN_FROM_STR("12a"), &i32));
        say_rc("number.i32-over", az_span_atoi32(AZ_SPAN_FROM_STR("2147483648"), &i32));
        rc = az_span_atod(AZ_SPAN_FROM_STR("-1.5e3"), &number);
        printf("number.atod: %s %.17g\n", result_name(rc), number);
        rc = az_span_atod(AZ_SPAN_FROM_STR("0.1"), &number);
        printf("number.atod-tenth: %s %.17g\n", result_name(rc), number);
        say_rc("number.atod-letter", az_span_atod(AZ_SPAN_FROM_STR("abc"), &number));
        say_rc("number.atod-tail", az_span_atod(AZ_SPAN_FROM_STR("1.5x"), &number));
        say_rc("number.atod-nan", az_span_atod(AZ_SPAN_FROM_STR("nan"), &number));
}

#define TOA(name, call)                                                                                   \
        do {                                                                                              \
                az_result toa_rc = call;                                                                  \
                if (az_result_failed(toa_rc))                                                             \
                        say_rc(name, toa_rc);                                                             \
                else                                                                                      \
                        say(name, az_span_slice(destination, 0, (int32_t) (az_span_ptr(rest) - buffer))); \
        } while (0)

static void number_to_text(void) {
        uint8_t buffer[32];
        az_span const destination = AZ_SPAN_FROM_BUFFER(buffer);
        az_span rest;

        TOA("number.i32toa", az_span_i32toa(destination, INT32_MIN, &rest));
        TOA("number.u32toa", az_span_u32toa(destination, UINT32_MAX, &rest));
        TOA("number.i64toa", az_span_i64toa(destination, INT64_MIN, &rest));
        TOA("number.u64toa", az_span_u64toa(destination, UINT64_MAX, &rest));
        TOA("number.zero", az_span_i32toa(destination, 0, &rest));
        TOA("number.small", az_span_i32toa(az_span_slice(destination, 0, 2), 123, &rest));
        TOA("number.dtoa", az_span_dtoa(destination, 12.345, 2, &rest));
        TOA("number.dtoa-trim", az_span_dtoa(destination, 1.5, 6, &rest));
        TOA("number.dtoa-whole", az_span_dtoa(destination, 42.0, 3, &rest));
        TOA("number.dtoa-minus", az_span_dtoa(destination, -0.0625, 15, &rest));
        TOA("number.dtoa-zero", az_span_dtoa(destination, 0.0, 2, &rest));
        TOA("number.dtoa-digits-0", az_span_dtoa(destination, 3.9, 0, &rest));
        TOA("number.dtoa-big", az_span_dtoa(destination, 9007199254740991.0, 2, &rest));
        TOA("number.dtoa-too-big", az_span_dtoa(destination, 1e17, 2, &rest));
        TOA("number.dtoa-nan", az_span_dtoa(destination, (double) NAN, 2, &rest));
        TOA("number.dtoa-inf", az_span_dtoa(destination, (double) INFINITY, 2, &rest));
        TOA("number.dtoa-small", az_span_dtoa(az_span_slice(destination, 0, 3), 12.25, 2, &rest));
        TOA("number.dtoa-with", az_span_dtoa_with_fractional(destination, 12.25, 2, &rest));
}

static void base64(void) {
        uint8_t bytes[] = { 0xfb, 0xff, 0xbf, 0x01 };
        uint8_t buffer[16];
        int32_t written = 0;
        az_span const destination = AZ_SPAN_FROM_BUFFER(buffer);

        say_int("base64.max-encoded", az_base64_get_max_encoded_size(4));
        say_int("base64.max-decoded", az_base64_get_max_decoded_size(8));
        say_int("base64.url-max-decoded", az_base64_url_get_max_decoded_size(10));
        say_rc("base64.encode.rc", az_base64_encode(destination, AZ_SPAN_FROM_BUFFER(bytes), &written));
        say("base64.encode", az_span_slice(destination, 0, written));
        say_rc("base64.encode-small",
               az_base64_encode(az_span_slice(destination, 0, 7), AZ_SPAN_FROM_BUFFER(bytes), &written));
        say_rc("base64.decode.rc", az_base64_decode(destination, AZ_SPAN_FROM_STR("cHVtcC0xNw=="), &written));
        say("base64.decode", az_span_slice(destination, 0, written));
        say_rc("base64.decode-small", az_base64_decode(az_span_slice(destination, 0, 6),
                                                       AZ_SPAN_FROM_STR("cHVtcC0xNw=="), &written));
        say_rc("base64.decode-char", az_base64_decode(destination, AZ_SPAN_FROM_STR("cHV*"), &written));
        say_rc("base64.decode-url-char", az_base64_decode(destination, AZ_SPAN_FROM_STR("-_-_"), &written));
        say_rc("base64.decode-length", az_base64_decode(destination, AZ_SPAN_FROM_STR("cHVtc"), &written));
        say_rc("base64.url.rc", az_base64_url_decode(destination, AZ_SPAN_FROM_STR("cHVtcC0xNw"), &written));
        say("base64.url", az_span_slice(destination, 0, written));
        say_rc("base64.url-padded.rc",
               az_base64_url_decode(destination, AZ_SPAN_FROM_STR("cHVtcC0xNw=="), &written));
        say_rc("base64.url-chars.rc", az_base64_url_decode(destination, AZ_SPAN_FROM_STR("-_-_"), &written));
        printf("base64.url-chars: %d %02x%02x%02x\n", (int) written, buffer[0], buffer[1], buffer[2]);
        say_rc("base64.url-plus", az_base64_url_decode(destination, AZ_SPAN_FROM_STR("+/+/"), &written));
}

static void tokens(char const *name, az_json_reader *jr) {
        az_result rc;
        while (az_result_succeeded(rc = az_json_reader_next_token(jr))) {
                char text[64];
                int32_t size = jr->token.size;
                text[0] = '\0';
                if (size < (int32_t) sizeof text) {
                        az_span const out = AZ_SPAN_FROM_BUFFER(text);
                        az_span const rest = az_json_token_copy_into_span(&jr->token, out);
                        text[az_span_size(out) - az_span_size(rest)] = '\0';
                }
                printf("%s: kind %d size %d depth %d [%s]\n", name, (int) jr->token.kind, (int) size,
                       (int) jr->current_depth, text);
        }
        say_rc(name, rc);
}

static void read_all(char const *name, az_span json) {
        az_json_reader jr;
        az_result rc = az_json_reader_init(&jr, json, NULL);
        if (az_result_failed(rc)) {
                say_rc(name, rc);
                return;
        }
        tokens(name, &jr);
}

static void read_end(char const *name, az_span json) {
        az_json_reader jr;
        az_result rc = az_json_reader_init(&jr, json, NULL);
        while (az_result_succeeded(rc)) {
                rc = az_json_reader_next_token(&jr);
        }
        say_rc(name, rc);
}

static void read_token(char const *name, az_span json) {
        az_json_reader jr;
        char line[64];
        char text[16] = "";
        bool flag = false;
        uint64_t u64 = 0;
        uint32_t u32 = 0;
        int64_t i64 = 0;
        int32_t i32 = 0;
        int32_t length = 0;
        double number = 0;
        az_json_reader_options const options = az_json_reader_options_default();

        if (az_result_failed(az_json_reader_init(&jr, json, &options)) ||
            az_result_failed(az_json_reader_next_token(&jr))) {
                say_str(name, "failed");
                return;
        }
        az_json_token const token = jr.token;
#define GET(suffix, call)                                   \
        snprintf(line, sizeof line, "%s.%s", name, suffix); \
        say_rc(line, call)
        GET("boolean", az_json_token_get_boolean(&token, &flag));
        GET("u64", az_json_token_get_uint64(&token, &u64));
        GET("u32", az_json_token_get_uint32(&token, &u32));
        GET("i64", az_json_token_get_int64(&token, &i64));
        GET("i32", az_json_token_get_int32(&token, &i32));
        GET("double", az_json_token_get_double(&token, &number));
        GET("string", az_json_token_get_string(&token, text, sizeof text, &length));
        printf("%s: %d %llu %u %lld %d %g [%s] %d\n", name, flag, (unsigned long long) u64, (unsigned) u32,
               (long long) i64, (int) i32, number, text, (int) length);
}

static void json_reader(void) {
        read_all("json.all",
                 AZ_SPAN_FROM_STR(" {\"a\" : [1, -2.5e3, true,false,null, \"x\\\"y\"],\"b\":{}} "));
        read_end("json.done", AZ_SPAN_FROM_STR("{\"a\":1}"));
        read_end("json.scalar", AZ_SPAN_FROM_STR("true"));
        read_end("json.cut", AZ_SPAN_FROM_STR("{\"a\":"));
        read_end("json.cut-string", AZ_SPAN_FROM_STR("\"abc"));
        read_end("json.comma", AZ_SPAN_FROM_STR("{\"a\":1,}"));
        read_end("json.no-comma", AZ_SPAN_FROM_STR("[1 2]"));
        read_end("json.zero", AZ_SPAN_FROM_STR("[01]"));
        read_end("json.bracket", AZ_SPAN_FROM_STR("[1}"));
        read_end("json.word", AZ_SPAN_FROM_STR("[trux]"));
        read_end("json.two", AZ_SPAN_FROM_STR("{}{}"));
        read_end("json.control", AZ_SPAN_FROM_STR("\"a\nb\""));
        read_end("json.escape", AZ_SPAN_FROM_STR("\"a\\qb\""));
        {
                uint8_t deep[65];
                az_span_fill(AZ_SPAN_FROM_BUFFER(deep), '[');
                read_end("json.deep-64", az_span_create(deep, 64));
                read_end("json.deep-65", az_span_create(deep, 65));
        }
        read_token("token.number", AZ_SPAN_FROM_STR("42"));
        read_token("token.minus", AZ_SPAN_FROM_STR("-42"));
        read_token("token.fraction", AZ_SPAN_FROM_STR("2.5"));
        read_token("token.large", AZ_SPAN_FROM_STR("3000000000"));
        read_token("token.true", AZ_SPAN_FROM_STR("true"));
        read_token("token.string", AZ_SPAN_FROM_STR("\"a\\\\b\\/c\\\"d\""));
        read_token("token.long-string", AZ_SPAN_FROM_STR("\"0123456789abcdef\""));
}

static void json_skip(void) {
        az_json_reader jr;
        if (az_result_succeeded(az_json_reader_init(
                    &jr, AZ_SPAN_FROM_STR("{\"skip\":{\"a\":[1,{\"b\":2}]},\"next\":7}"), NULL)) &&
            az_result_succeeded(az_json_reader_next_token(&jr)) &&
            az_result_succeeded(az_json_reader_next_token(&jr))) {
                say_int("json.is-text", az_json_token_is_text_equal(&jr.token, AZ_SPAN_FROM_STR("skip")));
                say_int("json.is-not-text", az_json_token_is_text_equal(&jr.token, AZ_SPAN_FROM_STR("ski")));
                say_rc("json.skip", az_json_reader_skip_children(&jr));
                say_int("json.skip-kind", jr.token.kind);
                say_rc("json.skip-next", az_json_reader_next_token(&jr));
                say("json.skip-name", jr.token.slice);
        }
}

static void json_chunks(void) {
        uint8_t buffer[32];
        az_json_reader jr;
        az_span chunks[] = { AZ_SPAN_LITERAL_FROM_STR("{\"na"), AZ_SPAN_LITERAL_FROM_STR("me\":\"pu"),
                             AZ_SPAN_LITERAL_FROM_STR("mp\\\\17\",\"v\":-1"),
                             AZ_SPAN_LITERAL_FROM_STR("2.5}") };

        if (az_result_succeeded(
                    az_json_reader_chunked_init(&jr, chunks, sizeof(chunks) / sizeof(chunks[0]), NULL)))
                tokens("json.chunked", &jr);
        if (az_result_succeeded(
                    az_json_reader_chunked_init(&jr, chunks, sizeof(chunks) / sizeof(chunks[0]), NULL)) &&
            az_result_succeeded(az_json_reader_next_token(&jr)) &&
            az_result_succeeded(az_json_reader_next_token(&jr))) {
                char text[16];
                int32_t length = 0;
                double number = 0;

                say_int("json.chunked.is-text",
                        az_json_token_is_text_equal(&jr.token, AZ_SPAN_FROM_STR("name")));
                if (az_result_succeeded(az_json_reader_next_token(&jr))) {
                        say_rc("json.chunked.string.rc",
                               az_json_token_get_string(&jr.token, text, sizeof text, &length));
                        say_str("json.chunked.string", text);
                        say_int("json.chunked.string-length", length);
                }
                if (az_result_succeeded(az_json_reader_next_token(&jr)) &&
                    az_result_succeeded(az_json_reader_skip_children(&jr))) {
                        say_rc("json.chunked.double.rc", az_json_token_get_double(&jr.token, &number));
                        printf("json.chunked.double: %g\n", number);
                }
        }
        say("json.unescape",
            az_json_string_unescape(AZ_SPAN_FROM_STR("a\\\"b\\\\c\\/d"), AZ_SPAN_FROM_BUFFER(buffer)));
}

static struct {
        uint8_t text[1024];
        int32_t used;
        int32_t calls;
} sink;

static az_result more(az_span_allocator_context *context, az_span *out_next_destination) {
        int32_t size = context->minimum_required_size > 64 ? context->minimum_required_size : 64;
        if (context->user_context != &sink) {
                return AZ_ERROR_ARG;
        }
        sink.used += context->bytes_used;
        sink.calls++;
        if (sink.used + size > (int32_t) sizeof sink.text) {
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        }
        *out_next_destination = az_span_create(sink.text + sink.used, size);
        return AZ_OK;
}

static az_result document(az_json_writer *jw) {
        az_result rc = AZ_OK;
        if (az_result_failed(rc = az_json_writer_append_begin_object(jw)) ||
            az_result_failed(rc = az_json_writer_append_property_name(jw, AZ_SPAN_FROM_STR("te\"xt"))) ||
            az_result_failed(rc = az_json_writer_append_string(
                                     jw, AZ_SPAN_FROM_STR("a\"b\\c/d\b\f\n\r\te\x01\x1f\x7f\xc3\xa9"))) ||
            az_result_failed(rc = az_json_writer_append_property_name(jw, AZ_SPAN_FROM_STR("list"))) ||
            az_result_failed(rc = az_json_writer_append_begin_array(jw)) ||
            az_result_failed(rc = az_json_writer_append_bool(jw, true)) ||
            az_result_failed(rc = az_json_writer_append_bool(jw, false)) ||
            az_result_failed(rc = az_json_writer_append_null(jw)) ||
            az_result_failed(rc = az_json_writer_append_int32(jw, -7)) ||
            az_result_failed(rc = az_json_writer_append_double(jw, 21.5, 2)) ||
            az_result_failed(rc = az_json_writer_append_double(jw, 3.0, 2)) ||
            az_result_failed(rc = az_json_writer_append_string(jw, AZ_SPAN_EMPTY)) ||
            az_result_failed(rc = az_json_writer_append_end_array(jw)) ||
            az_result_failed(rc = az_json_writer_append_property_name(jw, AZ_SPAN_FROM_STR("raw"))) ||
            az_result_failed(rc = az_json_writer_append_json_text(jw, AZ_SPAN_FROM_STR("{\"x\": [1, 2]}"))) ||
            az_result_failed(rc = az_json_writer_append_property_name(jw, AZ_SPAN_FROM_STR("long"))) ||
            az_result_failed(
                    rc = az_json_writer_append_string(
                            jw,
                            AZ_SPAN_FROM_STR(
                                    "0123456789012345678901234567890123456789012345678901234567890123456789"
                                    "0123456789012345678901234567890123456789"))) ||
            az_result_failed(rc = az_json_writer_append_end_object(jw))) {
                return rc;
        }
        return AZ_OK;
}

static void json_writer(void) {
        uint8_t buffer[512];
        az_json_writer jw;
        az_json_writer_options const options = az_json_writer_options_default();

        if (az_result_succeeded(az_json_writer_init(&jw, AZ_SPAN_FROM_BUFFER(buffer), &options))) {
                say_rc("writer.rc", document(&jw));
                say("writer", az_json_writer_get_bytes_used_in_destination(&jw));
                say_int("writer.total", jw.total_bytes_written);
        }
        if (az_result_succeeded(az_json_writer_init(&jw, az_span_create(buffer, 40), NULL))) {
                say_rc("writer.small", document(&jw));
        }
        az_result rc = az_json_writer_chunked_init(&jw, az_span_create(sink.text, 64), more, &sink, NULL);
        if (az_result_succeeded(rc)) {
                say_rc("writer.chunked.rc", document(&jw));
                say("writer.chunked",
                    az_span_create(sink.text,
                                   sink.used +
                                           az_span_size(az_json_writer_get_bytes_used_in_destination(&jw))));
                say_int("writer.chunked-total", jw.total_bytes_written);
                say_int("writer.chunked-more", sink.calls > 0);
        }
        if (az_result_succeeded(az_json_writer_init(&jw, AZ_SPAN_FROM_BUFFER(buffer), NULL))) {
                say_rc("writer.bad-json", az_json_writer_append_json_text(&jw, AZ_SPAN_FROM_STR("{\"a\":}")));
        }
        if (az_result_succeeded(az_json_writer_init(&jw, AZ_SPAN_FROM_BUFFER(buffer), NULL))) {
                say_rc("writer.nan", az_json_writer_append_double(&jw, (double) NAN, 2));
        }
        if (az_result_succeeded(az_json_writer_init(&jw, AZ_SPAN_FROM_BUFFER(buffer), NULL))) {
                rc = AZ_OK;
                for (int i = 0; i < 65 && az_result_succeeded(rc); i++) {
                        rc = az_json_writer_append_begin_array(&jw);
                }
                say_rc("writer.deep", rc);
        }
}

static void on_log(az_log_classification classification, az_span message) {
        printf("log: 0x%08x ", (unsigned) classification);
        for (int32_t i = 0; i < az_span_size(message); i++) {
                putchar(az_span_ptr(message)[i] == '\n' ? '|' : az_span_ptr(message)[i]);
        }
        putchar('\n');
}

static bool only_tokens(az_log_classification classification) {
        return classification == AZ_LOG_IOT_SAS_TOKEN;
}

static void logged(void) {
        az_iot_hub_client client;
        az_iot_provisioning_client dps;
        az_iot_hub_client_twin_response twin;
        az_iot_hub_client_properties_message properties;
        az_iot_hub_client_command_request command;
        az_iot_hub_client_c2d_request c2d;
        az_iot_provisioning_client_register_response response;
        uint8_t buffer[128];
        az_span out;

        if (az_result_failed(az_iot_hub_client_init(&client, AZ_SPAN_FROM_STR("h.net"), AZ_SPAN_FROM_STR("d"),
                                                    NULL)) ||
            az_result_failed(az_iot_provisioning_client_init(
                    &dps, AZ_SPAN_FROM_STR("g.net"), AZ_SPAN_FROM_STR("0ne"), AZ_SPAN_FROM_STR("r"), NULL))) {
                return;
        }
        say_str("log.section", "no callback");
        say_int("log.silent", az_iot_calculate_retry_delay(0, 1, 1000, 100000, 0));
        az_log_set_message_callback(on_log);
        say_str("log.section", "no filter");
        say_rc("log.twin", az_iot_hub_client_twin_parse_received_topic(
                                   &client, AZ_SPAN_FROM_STR("$iothub/twin/res/200/?$rid=1"), &twin));
        say_rc("log.properties",
               az_iot_hub_client_properties_parse_received_topic(
                       &client, AZ_SPAN_FROM_STR("$iothub/twin/res/200/?$rid=2"), &properties));
        say_rc("log.command",
               az_iot_hub_client_commands_parse_received_topic(
                       &client, AZ_SPAN_FROM_STR("$iothub/methods/POST/a*b/?$rid=3"), &command));
        say_rc("log.c2d", az_iot_hub_client_c2d_parse_received_topic(
                                  &client, AZ_SPAN_FROM_STR("devices/d/messages/devicebound/a=1"), &c2d));
        say_rc("log.other", az_iot_hub_client_c2d_parse_received_topic(
                                    &client, AZ_SPAN_FROM_STR("$iothub/twin/res/200/?$rid=4"), &c2d));
        say_rc("log.dps",
               az_iot_provisioning_client_parse_received_topic_and_payload(
                       &dps, AZ_SPAN_FROM_STR("$dps/registrations/res/202/?$rid=1&retry-after=3"),
                       AZ_SPAN_FROM_STR("{\"operationId\":\"5\",\"status\":\"assigning\"}"), &response));
        say_rc("log.signature",
               az_iot_hub_client_sas_get_signature(&client, 5, AZ_SPAN_FROM_BUFFER(buffer), &out));
        say_rc("log.dps-signature",
               az_iot_provisioning_client_sas_get_signature(&dps, 5, AZ_SPAN_FROM_BUFFER(buffer), &out));
        say_int("log.retry", az_iot_calculate_retry_delay(0, 1, 1000, 100000, 0));
        az_log_set_classification_filter_callback(only_tokens);
        say_str("log.section", "filter");
        say_rc("log.twin", az_iot_hub_client_twin_parse_received_topic(
                                   &client, AZ_SPAN_FROM_STR("$iothub/twin/res/200/?$rid=1"), &twin));
        say_rc("log.signature",
               az_iot_hub_client_sas_get_signature(&client, 5, AZ_SPAN_FROM_BUFFER(buffer), &out));
        az_log_set_classification_filter_callback(NULL);
        az_log_set_message_callback(NULL);
}

#ifndef AZ_NO_PRECONDITION_CHECKING

/* The firmware's own mistakes. */
static void broken(void) {
        static uint8_t buffer[64];
        static az_json_writer jw;
        static az_json_reader jr;
        static az_span span;
        static az_span out;
        static int32_t number;
        static az_span const none = AZ_SPAN_LITERAL_EMPTY;
        static az_span const one = AZ_SPAN_LITERAL_FROM_STR("1");

        span = AZ_SPAN_FROM_BUFFER(buffer);
        SAY_BROKEN("create", (out = az_span_create(NULL, 5), AZ_OK));
        SAY_BROKEN("create-minus", (out = az_span_create(buffer, -1), AZ_OK));
        SAY_BROKEN("create-empty", (out = az_span_create(NULL, 0), AZ_OK));
        SAY_BROKEN("slice", (out = az_span_slice(span, 3, 2), AZ_OK));
        SAY_BROKEN("slice-far", (out = az_span_slice(span, 0, 65), AZ_OK));
        SAY_BROKEN("slice-to-end", (out = az_span_slice_to_end(span, 65), AZ_OK));
        SAY_BROKEN("copy", (out = az_span_copy(none, one), AZ_OK));
        SAY_BROKEN("to-str", (az_span_to_str((char *) buffer, 1, one), AZ_OK));
        SAY_BROKEN("atoi", az_span_atoi32(none, &number));
        SAY_BROKEN("atoi-null", az_span_atoi32(one, NULL));
        SAY_BROKEN("dtoa", az_span_dtoa(span, 1.0, 16, &out));
        SAY_BROKEN("reader", az_json_reader_init(&jr, none, NULL));
        SAY_BROKEN("writer-null", az_json_writer_init(NULL, span, NULL));
        SAY_BROKEN("writer-begin", az_json_writer_init(&jw, span, NULL));
        SAY_BROKEN("writer-object", az_json_writer_append_begin_object(&jw));
        SAY_BROKEN("writer-value", az_json_writer_append_int32(&jw, 1));
        SAY_BROKEN("writer-end", az_json_writer_append_end_array(&jw));
}

#endif

int main(void) {
        printf("version: %s %d %d %d %s\n", AZ_SDK_VERSION_STRING, AZ_SDK_VERSION_MAJOR, AZ_SDK_VERSION_MINOR,
               AZ_SDK_VERSION_PATCH, AZ_SDK_VERSION_PRERELEASE);
#ifndef AZ_NO_PRECONDITION_CHECKING
        az_precondition_failed_set_callback(on_precondition_failed);
        broken();
#endif
        spans();
        text_to_number();
        number_to_text();
        base64();
        json_reader();
        json_skip();
        json_chunks();
        json_writer();
        logged();
        return 0;
}
