/* SPDX-License-Identifier: MIT */
#include "cli/message.h"

#include <azure/core/az_base64.h>

#include "ipc/limits.h"
#include "ipc/value.h"
#include "util/util.h"

int message_options_add_property(MessageOptions *options, const char *property) {
        const char *equals = strchr(property, '=');
        const char **grown;
        size_t n_key;

        if (!equals || equals == property ||
            !az_span_is_valid_utf8(az_span_create_from_str((char *) property)))
                return -EINVAL;

        n_key = (size_t) (equals - property) + 1;
        for (size_t i = 0; i < options->n_properties; i++)
                if (strncmp(options->properties[i], property, n_key) == 0)
                        return -EEXIST;

        grown = reallocarray(options->properties, options->n_properties + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        options->properties = grown;
        options->properties[options->n_properties++] = property;
        return 0;
}

void message_options_done(MessageOptions *options) {
        free(options->properties);
        *options = MESSAGE_OPTIONS_NULL;
}

static int write_data(IpcJson *json, az_span bytes) {
        int32_t size = az_base64_get_max_encoded_size(az_span_size(bytes)), n_written = 0;
        _cleanup_(freep) uint8_t *text = NULL;

        text = malloc((size_t) size + 1);
        if (!text)
                return -ENOMEM;
        if (az_result_failed(az_base64_encode(az_span_create(text, size), bytes, &n_written)))
                return -EINVAL;
        ipc_json_string(json, "data", az_span_create(text, n_written));
        return 0;
}

static int write_body(IpcJson *json, BodyKind kind, az_span body) {
        if (kind == BODY_DATA)
                return write_data(json, body);
        if (!az_span_is_valid_utf8(body))
                return -EILSEQ;
        if (kind == BODY_GUESS && value_kind(body, IPC_DEPTH_MAX - 3) == VALUE_OBJECT)
                ipc_json_raw(json, "body", value_trim(body));
        else
                ipc_json_string(json, "text", body);
        return 0;
}

static void write_properties(IpcJson *json, const MessageOptions *options) {
        if (options->n_properties == 0)
                return;
        ipc_json_begin(json, "properties");
        for (size_t i = 0; i < options->n_properties; i++) {
                az_span property = az_span_create_from_str((char *) options->properties[i]);
                int32_t equals = az_span_find(property, AZ_SPAN_FROM_STR("="));

                ipc_json_entry(json, az_span_slice(property, 0, equals),
                               az_span_slice_to_end(property, equals + 1));
        }
        ipc_json_end(json);
}

static void write_option(IpcJson *json, const char *name, const char *value) {
        if (value)
                ipc_json_cstring(json, name, value);
}

int message_write(IpcJson *json, const MessageOptions *options, az_span body) {
        int r;

        ipc_json_begin(json, NULL);
        ipc_json_begin(json, "message");
        r = write_body(json, options->kind, body);
        if (r < 0)
                return r;
        write_option(json, "contentType", options->content_type);
        write_option(json, "messageId", options->message_id);
        write_option(json, "component", options->component);
        write_properties(json, options);
        if (options->ttl_s >= 0)
                ipc_json_int(json, "ttlSeconds", options->ttl_s);
        ipc_json_end(json);
        write_option(json, "stage", options->stage);
        if (options->timeout_s >= 0)
                ipc_json_int(json, "timeoutSeconds", options->timeout_s);
        ipc_json_end(json);
        return 0;
}
