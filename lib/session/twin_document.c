/* SPDX-License-Identifier: MIT */
#include <session/twin_document_internal.h>

#include <azure/core/az_json.h>

static az_result begin_object(az_json_reader *reader, az_span json) {
        az_result r;

        r = az_json_reader_init(reader, json, NULL);
        if (az_result_failed(r))
                return r;
        r = az_json_reader_next_token(reader);
        if (az_result_failed(r))
                return r;
        return reader->token.kind == AZ_JSON_TOKEN_BEGIN_OBJECT ? AZ_OK : AZ_ERROR_UNEXPECTED_CHAR;
}

/* Moves to the next name of the outermost object. AZ_ERROR_JSON_READER_DONE: there is none, nor more text. */
static az_result next_name(az_json_reader *reader) {
        az_result r;

        r = az_json_reader_next_token(reader);
        if (az_result_failed(r) || reader->token.kind == AZ_JSON_TOKEN_PROPERTY_NAME)
                return r;
        /* The end of the object; behind it there is no token, so that success is none. */
        r = az_json_reader_next_token(reader);
        return az_result_failed(r) ? r : AZ_ERROR_UNEXPECTED_CHAR;
}

az_result _az_twin_read_version(az_span json, int64_t *out_version) {
        az_json_reader reader;
        int64_t version = AZ_TWIN_NO_VERSION;
        az_result r;

        r = begin_object(&reader, json);
        if (az_result_failed(r))
                return r;

        while (az_result_succeeded(r = next_name(&reader))) {
                bool is_version = az_json_token_is_text_equal(&reader.token, AZ_SPAN_FROM_STR("$version"));

                r = az_json_reader_skip_children(&reader);
                if (az_result_failed(r))
                        return r;
                if (!is_version)
                        continue;
                r = az_json_token_get_int64(&reader.token, &version);
                if (az_result_failed(r))
                        return r;
                if (version < 0)
                        return AZ_ERROR_UNEXPECTED_CHAR;
        }
        if (r != AZ_ERROR_JSON_READER_DONE)
                return r;
        if (version < 0)
                return AZ_ERROR_ITEM_NOT_FOUND;

        *out_version = version;
        return AZ_OK;
}

az_result _az_twin_read_document(az_span json, az_twin_document *out_document) {
        az_twin_document document = { .reported_version = AZ_TWIN_NO_VERSION };
        az_json_reader reader;
        az_span ignored;
        az_result r;

        r = begin_object(&reader, json);
        if (az_result_failed(r))
                return r;

        while (az_result_succeeded(r = next_name(&reader))) {
                az_span *section = &ignored;

                if (az_json_token_is_text_equal(&reader.token, AZ_SPAN_FROM_STR("desired")))
                        section = &document.desired;
                else if (az_json_token_is_text_equal(&reader.token, AZ_SPAN_FROM_STR("reported")))
                        section = &document.reported;
                r = az_json_reader_read_value_text(&reader, section);
                if (az_result_failed(r))
                        return r;
        }
        if (r != AZ_ERROR_JSON_READER_DONE)
                return r;

        if (az_span_size(document.desired) == 0)
                return AZ_ERROR_ITEM_NOT_FOUND;
        r = _az_twin_read_version(document.desired, &document.desired_version);
        if (az_result_failed(r))
                return r;
        if (az_span_size(document.reported) > 0) {
                r = _az_twin_read_version(document.reported, &document.reported_version);
                if (az_result_failed(r) && r != AZ_ERROR_ITEM_NOT_FOUND)
                        return r;
        }

        *out_document = document;
        return AZ_OK;
}
