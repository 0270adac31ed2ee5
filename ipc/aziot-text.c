/* SPDX-License-Identifier: MIT */

/* Texts for programs and for people. */

#include "ipc/aziot-internal.h"

#include <azure/core/az_json.h>

#include "ipc/rfc3339.h"

static const char *condition_text(int result) {
        switch ((AziotResult) result) {
        case AZIOT_FULL:
                return "Too many calls wait for their replies";
        case AZIOT_GONE:
                return "It has ended already";
        case AZIOT_ABSENT:
                return "There is no such member";
        case AZIOT_REFUSED:
                break;
        }
        return "Success";
}

static void explain_failure(Aziot *a, int error) {
        const char *path = a->address.sun_path;
        char *to = a->explanation;
        size_t size = sizeof(a->explanation);

        switch (error) {
        case ENOENT:
                (void) snprintf(to, size,
                                "There is no socket at %s: aziotd is not running, or listens elsewhere",
                                path);
                break;
        case ECONNREFUSED:
                (void) snprintf(to, size, "Nobody listens at %s: aziotd is not running", path);
                break;
        case EACCES:
                (void) snprintf(to, size, "You may not connect to %s: only root and the group 'aziot' may",
                                path);
                break;
        case ECONNRESET:
                (void) snprintf(to, size, "aziotd at %s closed the connection; its log says why", path);
                break;
        case ETIME:
                (void) snprintf(to, size, "aziotd at %s did not answer in time", path);
                break;
        case EBADMSG:
                (void) snprintf(to, size, "What listens at %s is not aziotd", path);
                break;
        default:
                (void) snprintf(to, size, "%s", strerror(error));
        }
}

_public_ const char *aziot_explain(Aziot *a, int result) {
        if (result < 0)
                explain_failure(a, -result);
        else if (result == AZIOT_REFUSED)
                (void) snprintf(a->explanation, sizeof(a->explanation), "%s (%s %s)", a->error.text,
                                a->error.name, a->error.parameters);
        else
                (void) snprintf(a->explanation, sizeof(a->explanation), "%s", condition_text(result));
        return a->explanation;
}

/* JSON ------------------------------------------------------------------------------------------------ */

/* Finds a member of an object, whose value is *ret then. */
static int find_member(az_span object, az_span name, az_span *ret) {
        az_json_reader reader;
        az_result r;

        r = az_json_reader_init(&reader, object, NULL);
        if (az_result_succeeded(r))
                r = az_json_reader_next_token(&reader);
        if (az_result_failed(r) || reader.token.kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                return -EINVAL;

        for (;;) {
                az_json_token member;
                az_span value;

                r = az_json_reader_next_token(&reader);
                if (az_result_succeeded(r) && reader.token.kind == AZ_JSON_TOKEN_END_OBJECT)
                        return AZIOT_ABSENT;
                member = reader.token;
                if (az_result_succeeded(r))
                        r = az_json_reader_read_value_text(&reader, &value);
                if (az_result_failed(r))
                        return -EINVAL;
                if (az_json_token_is_text_equal(&member, name)) {
                        *ret = value;
                        return 0;
                }
        }
}

_public_ int aziot_json_find(const char *json, size_t size, const char *path, const char **ret_value,
                             size_t *ret_size) {
        az_span value, rest = az_span_create_from_str((char *) path);
        int r;

        if (size > INT32_MAX)
                return -EINVAL;
        value = az_span_create((uint8_t *) json, (int32_t) size);
        for (;;) {
                int32_t dot = az_span_find(rest, AZ_SPAN_FROM_STR("."));

                r = find_member(value, dot < 0 ? rest : az_span_slice(rest, 0, dot), &value);
                if (r != 0)
                        return r;
                if (dot < 0)
                        break;
                if (*az_span_ptr(value) != '{')
                        return AZIOT_ABSENT;
                rest = az_span_slice_to_end(rest, dot + 1);
        }

        *ret_value = (const char *) az_span_ptr(value);
        *ret_size = (size_t) az_span_size(value);
        return 0;
}

_public_ int aziot_json_get_text(const char *value, size_t size, char *buffer, size_t buffer_size) {
        az_json_reader reader;
        az_result r;

        if (size > INT32_MAX || buffer_size == 0)
                return -EINVAL;
        r = az_json_reader_init(&reader, az_span_create((uint8_t *) value, (int32_t) size), NULL);
        if (az_result_succeeded(r))
                r = az_json_reader_next_token(&reader);
        if (az_result_failed(r) || reader.token.kind != AZ_JSON_TOKEN_STRING)
                return -EINVAL;

        r = az_json_token_get_string(&reader.token, buffer, (int32_t) MIN(buffer_size, (size_t) INT32_MAX),
                                     NULL);
        return az_result_failed(r) ? -ENOSPC : 0;
}

/* Time ------------------------------------------------------------------------------------------------ */

_public_ int aziot_parse_time(const char *text, uint64_t *ret_realtime_us) {
        return rfc3339_parse(az_span_create_from_str((char *) text), ret_realtime_us);
}
