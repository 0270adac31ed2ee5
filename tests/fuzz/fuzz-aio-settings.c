/* SPDX-License-Identifier: MIT */

/*
 * Settings from bytes that somebody else wrote: 's' and a connection string, 'm' and the file of a mount, or
 * 'e' and the value that each variable of the environment has. What is taken is in range and lies in the
 * input; what is not has a name.
 */

#include <aio/settings.h>

#include "util/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
        if (!condition)
                abort();
}

static az_span get_variable(void *userdata, char const *name) {
        (void) name;
        return *(az_span *) userdata;
}

static void check_text(az_span text, az_span input) {
        check(az_span_size(text) == 0 ||
              (az_span_ptr(text) >= az_span_ptr(input) &&
               az_span_ptr(text) + az_span_size(text) <= az_span_ptr(input) + az_span_size(input)));
        for (int32_t i = 0; i < az_span_size(text); i++)
                check(az_span_ptr(text)[i] >= ' ' && az_span_ptr(text)[i] != 0x7F);
}

static void check_settings(const aio_settings *s, az_span input) {
        check(s->port > 0 && s->session_expiry_s > 0 && s->keep_alive_s > 0 && s->receive_maximum > 0);
        check_text(s->host, input);
        check_text(s->ca_file, input);
        check_text(s->client_id, input);
        check_text(s->token_file, input);
        check_text(s->user_name, input);
        check_text(s->password_file, input);
        check_text(s->certificate_file, input);
        check_text(s->key_file, input);
        check_text(s->key_password_file, input);
}

static void check_error(const aio_error *error) {
        check(error->kind == AIO_ERROR_INVALID_CONFIGURATION && error->is_shallow);
        check(az_span_size(error->property_name) > 0 && az_span_size(error->message) > 0);
}

static az_result read_settings(aio_settings *s, uint8_t source, az_span input, aio_error *error) {
        az_span none = AZ_SPAN_EMPTY;

        switch (source) {
        case 's':
                return aio_settings_read_connection_string(s, input, error);
        case 'm':
                return aio_settings_read_mount(s, input, get_variable, &none, error);
        case 'e':
                return aio_settings_read_environment(s, get_variable, &input, error);
        default:
                return AZ_OK;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) uint8_t *copy = NULL;
        aio_settings settings;
        aio_error error = { 0 };
        az_span input;

        if (size < 2)
                return 0;
        copy = malloc(size - 1); /* of its exact size, so that reading behind it is seen */
        if (!copy)
                return 0;
        memcpy(copy, data + 1, size - 1);
        input = az_span_create(copy, (int32_t) (size - 1));

        aio_settings_init(&settings);
        if (az_result_failed(read_settings(&settings, data[0], input, &error)))
                check_error(&error);
        check_settings(&settings, input);
        error = (aio_error){ 0 };
        if (az_result_failed(aio_settings_check(&settings, AIO_SETTINGS_CONNECTION_STRING, &error)))
                check_error(&error);
        return 0;
}
