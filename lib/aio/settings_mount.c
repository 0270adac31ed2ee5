/* SPDX-License-Identifier: MIT */

/* Settings from what is mounted into a connector's pod. */

#include <string.h>

#include <aio/settings_internal.h>
#include <azure/core/az_json.h>
#include <azure/core/az_precondition_internal.h>
#include <azure/core/az_span_internal.h>

typedef struct {
        aio_settings *settings;
        aio_error *error;
        bool wants_token; /* the method of authentication is a token */
} mount;

typedef struct member_row member_row;

struct member_row {
        char const *parent, *name; /* parent NULL: of the document */
        char const *path;          /* what an error calls it */
        az_json_token_kind kind;
        az_result (*take)(mount *m, member_row const *row, az_span value);
        aio_setting setting;
};

static az_result refuse(mount *m, member_row const *row, az_span value, char const *message) {
        return _aio_settings_refuse(m->error, row->path, value, message);
}

static az_result set(mount *m, aio_setting setting, az_span value) {
        return aio_settings_set(m->settings, setting, AIO_SETTINGS_MOUNT, value, m->error);
}

static az_result take_setting(mount *m, member_row const *row, az_span value) {
        return set(m, row->setting, value);
}

/* "name", "name:port", "[address]:port", or an IPv6 address as it is. */
static az_result take_host(mount *m, member_row const *row, az_span value) {
        az_span host = value, port = AZ_SPAN_EMPTY;
        int32_t end;
        az_result r;

        if (az_span_size(value) > 0 && az_span_ptr(value)[0] == '[') {
                end = az_span_find(value, AZ_SPAN_FROM_STR("]"));
                if (end < 0)
                        return refuse(m, row, value, "it has no ']'");
                host = az_span_slice(value, 1, end);
                port = _az_span_from(value, end + 1);
                if (az_span_size(port) > 0 && az_span_ptr(port)[0] != ':')
                        return refuse(m, row, value, "behind ']' there is something else than a port");
                port = _az_span_from(port, az_span_size(port) > 0);
        } else {
                end = az_span_find(value, AZ_SPAN_FROM_STR(":"));
                if (end >= 0 && az_span_find(_az_span_from(value, end + 1), AZ_SPAN_FROM_STR(":")) < 0) {
                        host = az_span_slice(value, 0, end);
                        port = _az_span_from(value, end + 1);
                }
        }

        r = set(m, AIO_SETTING_HOST, host);
        return az_result_failed(r) ? r : set(m, AIO_SETTING_PORT, port);
}

static az_result take_protocol(mount *m, member_row const *row, az_span value) {
        if (!az_span_is_content_equal_ignoring_case(value, AZ_SPAN_FROM_STR("mqtt")))
                return refuse(m, row, value, "only \"mqtt\" is known");
        return AZ_OK;
}

static az_result take_tls_mode(mount *m, member_row const *row, az_span value) {
        if (az_span_is_content_equal_ignoring_case(value, AZ_SPAN_FROM_STR("enabled")))
                return set(m, AIO_SETTING_TLS, AZ_SPAN_FROM_STR("true"));
        if (az_span_is_content_equal_ignoring_case(value, AZ_SPAN_FROM_STR("disabled")))
                return set(m, AIO_SETTING_TLS, AZ_SPAN_FROM_STR("false"));
        return refuse(m, row, value, "it is neither \"Enabled\" nor \"Disabled\"");
}

static az_result take_method(mount *m, member_row const *row, az_span value) {
        if (!az_span_is_content_equal_ignoring_case(value, AZ_SPAN_FROM_STR("serviceAccountToken")))
                return refuse(m, row, value, "only \"serviceAccountToken\" is known");
        m->wants_token = true;
        return AZ_OK;
}

static const member_row members[] = {
        { NULL, "host", "host", AZ_JSON_TOKEN_STRING, take_host },
        { NULL, "protocol", "protocol", AZ_JSON_TOKEN_STRING, take_protocol },
        { NULL, "keepAliveSeconds", "keepAliveSeconds", AZ_JSON_TOKEN_NUMBER, take_setting,
          AIO_SETTING_KEEP_ALIVE },
        { NULL, "sessionExpirySeconds", "sessionExpirySeconds", AZ_JSON_TOKEN_NUMBER, take_setting,
          AIO_SETTING_SESSION_EXPIRY },
        { NULL, "maxInflightMessages", "maxInflightMessages", AZ_JSON_TOKEN_NUMBER, take_setting,
          AIO_SETTING_RECEIVE_MAXIMUM },
        { NULL, "tls", "tls", AZ_JSON_TOKEN_BEGIN_OBJECT, NULL },
        { "tls", "mode", "tls.mode", AZ_JSON_TOKEN_STRING, take_tls_mode },
        { NULL, "authentication", "authentication", AZ_JSON_TOKEN_BEGIN_OBJECT, NULL },
        { "authentication", "method", "authentication.method", AZ_JSON_TOKEN_STRING, take_method },
};

static bool is_same(char const *a, char const *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

/* NULL: unknown. */
static member_row const *find_member(char const *parent, az_json_token const *name) {
        for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
                if (is_same(members[i].parent, parent) &&
                    az_json_token_is_text_equal(name, _aio_settings_text(members[i].name)))
                        return members + i;
        return NULL;
}

/* Takes the value that comes next. 'ref_parent' is the object that it opens, if it is one that counts. */
static az_result read_value(mount *m, az_json_reader *reader, member_row const *row,
                            char const **ref_parent) {
        az_json_token const *token = &reader->token;
        az_result r;

        r = az_json_reader_next_token(reader);
        if (az_result_failed(r))
                return r;
        if (!row || token->kind == AZ_JSON_TOKEN_NULL)
                return az_json_reader_skip_children(reader);
        if (token->kind != row->kind)
                return refuse(m, row, AZ_SPAN_EMPTY, "it is of another type");
        if (row->take)
                return row->take(m, row,
                                 token->kind == AZ_JSON_TOKEN_STRING
                                         ? az_json_string_unescape(token->slice, token->slice)
                                         : token->slice);
        *ref_parent = row->name;
        return AZ_OK;
}

/* What az_json_reader says, or ARG when it is told already. */
static az_result read_document(mount *m, az_span text) {
        char const *parent = NULL;
        az_json_reader reader;
        az_result r;

        r = az_json_reader_init(&reader, text, NULL);
        if (az_result_succeeded(r))
                r = az_json_reader_next_token(&reader);
        if (az_result_succeeded(r) && reader.token.kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                return AZ_ERROR_UNEXPECTED_CHAR;

        while (az_result_succeeded(r)) {
                r = az_json_reader_next_token(&reader);
                if (az_result_failed(r))
                        break;
                if (reader.token.kind == AZ_JSON_TOKEN_END_OBJECT)
                        parent = NULL;
                else
                        r = read_value(m, &reader, find_member(parent, &reader.token), &parent);
        }
        return r == AZ_ERROR_JSON_READER_DONE ? AZ_OK : r;
}

static az_result read_variable(mount *m, aio_setting setting, aio_settings_get_variable get, void *userdata) {
        return set(m, setting, get(userdata, aio_setting_name(setting, AIO_SETTINGS_MOUNT)));
}

az_result aio_settings_read_mount(aio_settings *ref_settings, az_span text, aio_settings_get_variable get,
                                  void *userdata, aio_error *out_error) {
        mount m = { ref_settings, out_error, false };
        az_result r;

        _az_PRECONDITION_NOT_NULL(ref_settings);
        _az_PRECONDITION_VALID_SPAN(text, 0);
        _az_PRECONDITION_NOT_NULL(get);
        _az_PRECONDITION_NOT_NULL(out_error);

        r = read_document(&m, text);
        if (az_result_failed(r))
                return r == AZ_ERROR_ARG ? r
                                         : _aio_settings_refuse(out_error, AIO_PROPERTY_MOUNTED_CONNECTION,
                                                                AZ_SPAN_EMPTY, "it is no JSON object");

        r = read_variable(&m, AIO_SETTING_CLIENT_ID, get, userdata);
        if (az_result_succeeded(r))
                r = read_variable(&m, AIO_SETTING_TOKEN_FILE, get, userdata);
        if (az_result_succeeded(r) && ref_settings->tls)
                r = read_variable(&m, AIO_SETTING_CA_FILE, get, userdata);
        if (az_result_succeeded(r) && m.wants_token && az_span_size(ref_settings->token_file) == 0)
                r = _aio_settings_refuse(out_error,
                                         aio_setting_name(AIO_SETTING_TOKEN_FILE, AIO_SETTINGS_MOUNT),
                                         AZ_SPAN_EMPTY, "it has to name the file of the token");
        return r;
}
