/* SPDX-License-Identifier: MIT */
#include "ipc/json.h"

#include <assert.h>
#include <inttypes.h>

#include <azure/core/az_base64.h>

#include "util/util.h"

static uint8_t *json_data(IpcJson *json) {
        return json->data ?: json->small;
}

/* Makes room for 'n' bytes more. */
static bool json_reserve(IpcJson *json, size_t n) {
        size_t allocated = json->data ? json->allocated : sizeof(json->small), wanted;
        uint8_t *data;

        if (json->error < 0)
                return false;
        if (allocated - json->size >= n)
                return true;

        wanted = MAX(2 * allocated, json->size + n);
        data = wanted <= INT32_MAX ? realloc(json->data, wanted) : NULL;
        if (!data) {
                json->error = -ENOMEM;
                return false;
        }

        if (!json->data)
                memcpy(data, json->small, json->size);
        json->data = data;
        json->allocated = wanted;
        return true;
}

static void json_put(IpcJson *json, const void *bytes, size_t n) {
        if (!json_reserve(json, n))
                return;

        memcpy(json_data(json) + json->size, bytes, n);
        json->size += n;
}

static void json_put_text(IpcJson *json, const char *text) {
        json_put(json, text, strlen(text));
}

/* The comma and the name before a value. */
static void json_put_name(IpcJson *json, const char *name) {
        if (json->separate)
                json_put(json, ",", 1);
        json->separate = true;

        if (name) {
                json_put(json, "\"", 1);
                json_put_text(json, name);
                json_put(json, "\":", 2);
        }
}

static void json_open(IpcJson *json, const char *name, const char *bracket) {
        json_put_name(json, name);
        json_put(json, bracket, 1);
        json->separate = false;
}

static void json_close(IpcJson *json, const char *bracket) {
        json_put(json, bracket, 1);
        json->separate = true;
}

void ipc_json_begin(IpcJson *json, const char *name) {
        json_open(json, name, "{");
}

void ipc_json_end(IpcJson *json) {
        json_close(json, "}");
}

void ipc_json_begin_array(IpcJson *json, const char *name) {
        json_open(json, name, "[");
}

void ipc_json_end_array(IpcJson *json) {
        json_close(json, "]");
}

/* Size of the UTF-8 sequence at the start of 'text', 0 if there is none that is well-formed. */
static int32_t utf8_size(az_span text) {
        static const struct {
                uint8_t mask, lead;
        } leads[] = { { 0x80, 0x00 }, { 0xe0, 0xc0 }, { 0xf0, 0xe0 }, { 0xf8, 0xf0 } };

        for (int32_t n = 1; n <= (int32_t) ELEMENTSOF(leads); n++)
                if ((*az_span_ptr(text) & leads[n - 1].mask) == leads[n - 1].lead)
                        return n <= az_span_size(text) && az_span_is_valid_utf8(az_span_slice(text, 0, n))
                                       ? n
                                       : 0;
        return 0;
}

/* Size of the run at the start of 'text' that stands for itself. */
static int32_t plain_size(az_span text) {
        int32_t n = 0;

        while (n < az_span_size(text)) {
                uint8_t c = az_span_ptr(text)[n];

                if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
                        break;
                n++;
        }
        return n;
}

/* Writes the first character of 'text', which is not plain, and returns its size. */
static int32_t json_put_character(IpcJson *json, az_span text) {
        uint8_t c = *az_span_ptr(text);
        int32_t n = utf8_size(text);
        char escaped[8];

        if (n == 0) {
                json_put_text(json, "\xef\xbf\xbd"); /* U+FFFD */
                return 1;
        }

        if (c == '"' || c == '\\')
                (void) snprintf(escaped, sizeof(escaped), "\\%c", c);
        else
                (void) snprintf(escaped, sizeof(escaped), "\\u%04x", c);

        if (n == 1)
                json_put_text(json, escaped);
        else
                json_put(json, az_span_ptr(text), (size_t) n);
        return n;
}

static void json_put_string(IpcJson *json, az_span text) {
        json_put(json, "\"", 1);
        while (az_span_size(text) > 0) {
                int32_t n = plain_size(text);

                if (n > 0)
                        json_put(json, az_span_ptr(text), (size_t) n);
                else
                        n = json_put_character(json, text);
                text = az_span_slice_to_end(text, n);
        }
        json_put(json, "\"", 1);
}

void ipc_json_string(IpcJson *json, const char *name, az_span text) {
        if (!az_span_ptr(text)) {
                ipc_json_null(json, name);
                return;
        }

        json_put_name(json, name);
        json_put_string(json, text);
}

void ipc_json_begin_entry(IpcJson *json, az_span name) {
        json_put_name(json, NULL);
        json_put_string(json, name);
        json_put(json, ":{", 2);
        json->separate = false;
}

void ipc_json_entry(IpcJson *json, az_span name, az_span text) {
        json_put_name(json, NULL);
        json_put_string(json, name);
        json_put(json, ":", 1);
        json_put_string(json, text);
}

void ipc_json_cstring(IpcJson *json, const char *name, const char *text) {
        ipc_json_string(json, name, text ? az_span_create_from_str((char *) text) : AZ_SPAN_EMPTY);
}

void ipc_json_int(IpcJson *json, const char *name, int64_t value) {
        char digits[24];

        (void) snprintf(digits, sizeof(digits), "%" PRIi64, value);
        json_put_name(json, name);
        json_put_text(json, digits);
}

void ipc_json_bool(IpcJson *json, const char *name, bool value) {
        json_put_name(json, name);
        json_put_text(json, value ? "true" : "false");
}

void ipc_json_null(IpcJson *json, const char *name) {
        json_put_name(json, name);
        json_put_text(json, "null");
}

void ipc_json_base64(IpcJson *json, const char *name, az_span bytes) {
        int32_t size = az_base64_get_max_encoded_size(az_span_size(bytes)), n = 0;
        az_result result;

        json_put_name(json, name);
        json_put(json, "\"", 1);
        if (!json_reserve(json, (size_t) size))
                return;
        result = az_base64_encode(az_span_create(json_data(json) + json->size, size), bytes, &n);
        assert(az_result_succeeded(result)); /* there is room */
        json->size += (size_t) n;
        json_put(json, "\"", 1);
}

void ipc_json_raw(IpcJson *json, const char *name, az_span text) {
        if (!az_span_ptr(text)) {
                ipc_json_null(json, name);
                return;
        }

        json_put_name(json, name);
        json_put(json, az_span_ptr(text), (size_t) az_span_size(text));
}

int ipc_json_get(const IpcJson *json, az_span *ret) {
        const uint8_t *data = json->data ?: json->small;

        if (json->error < 0)
                return json->error;

        *ret = az_span_create((uint8_t *) data, (int32_t) json->size);
        return 0;
}

void ipc_json_done(IpcJson *json) {
        free(json->data);
        *json = IPC_JSON_NULL;
}
