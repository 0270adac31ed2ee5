/* SPDX-License-Identifier: MIT */

#include "hubsim/upgrade.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <strings.h>

#include "hubsim/auth.h"
#include "hubsim/percent.h"

#define PATH "/$iothub/websocket"

#define KEY_SIZE 16U

/* "The server would append the string ... to form the string." */
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* What is needed of the header fields. */
typedef struct Fields {
        az_span host, key, version;
        unsigned n_hosts, n_keys, n_versions;
        bool has_upgrade, has_connection, has_protocol;
} Fields;

int upgrade_find_end(az_span text) {
        static const char method[] = "GET ";
        const char *bytes = (const char *) az_span_ptr(text), *end;
        size_t n = (size_t) az_span_size(text);

        if (n == 0)
                return 0;
        if (memcmp(bytes, method, MIN(n, sizeof(method) - 1)) != 0)
                return -EBADMSG;
        end = memmem(bytes, n, "\r\n\r\n", 4);
        return end && end - bytes + 4 <= (int) UPGRADE_MAX ? (int) (end - bytes + 4) : 0;
}

static bool span_equals_in_any_case(az_span span, const char *text) {
        return (size_t) az_span_size(span) == strlen(text) &&
               strncasecmp((const char *) az_span_ptr(span), text, strlen(text)) == 0;
}

static az_span trim(az_span text) {
        while (az_span_size(text) > 0 && (az_span_ptr(text)[0] == ' ' || az_span_ptr(text)[0] == '\t'))
                text = az_span_slice_to_end(text, 1);
        while (az_span_size(text) > 0 && (az_span_ptr(text)[az_span_size(text) - 1] == ' ' ||
                                          az_span_ptr(text)[az_span_size(text) - 1] == '\t'))
                text = az_span_slice(text, 0, az_span_size(text) - 1);
        return text;
}

/* Does the list, "a, b", have it? */
static bool list_has(az_span list, const char *what) {
        while (az_span_size(list) > 0)
                if (span_equals_in_any_case(trim(span_take_until(&list, ',')), what))
                        return true;
        return false;
}

/* Pops a line without its end. */
static az_span take_line(az_span *in) {
        const char *bytes = (const char *) az_span_ptr(*in);
        const char *end = memmem(bytes, (size_t) az_span_size(*in), "\r\n", 2);
        az_span line;

        if (!end)
                return AZ_SPAN_EMPTY;
        line = az_span_slice(*in, 0, (int32_t) (end - bytes));
        *in = az_span_slice_to_end(*in, (int32_t) (end - bytes) + 2);
        return line;
}

static bool is_plain(az_span text) {
        for (int32_t i = 0; i < az_span_size(text); i++)
                if (iscntrl(az_span_ptr(text)[i]) && az_span_ptr(text)[i] != '\t')
                        return false;
        return true;
}

/* "A recipient that receives whitespace between a field name and colon must reject it"; and a line that goes
 * on is obsolete. */
static bool parse_field(az_span line, Fields *fields) {
        az_span value = line, name = span_take_until(&value, ':');

        if (az_span_size(name) == 0 || az_span_size(name) == az_span_size(line) || !is_plain(line) ||
            az_span_size(trim(name)) != az_span_size(name))
                return false;
        value = trim(value);
        if (span_equals_in_any_case(name, "Host")) {
                fields->host = value;
                fields->n_hosts++;
        } else if (span_equals_in_any_case(name, "Sec-WebSocket-Key")) {
                fields->key = value;
                fields->n_keys++;
        } else if (span_equals_in_any_case(name, "Sec-WebSocket-Version")) {
                fields->version = value;
                fields->n_versions++;
        } else if (span_equals_in_any_case(name, "Upgrade"))
                fields->has_upgrade |= list_has(value, "websocket");
        else if (span_equals_in_any_case(name, "Connection"))
                fields->has_connection |= list_has(value, "upgrade");
        else if (span_equals_in_any_case(name, "Sec-WebSocket-Protocol"))
                fields->has_protocol |= list_has(value, "mqtt");
        return true;
}

static bool parse_fields(az_span lines, Fields *fields) {
        az_span line;

        while (az_span_size(line = take_line(&lines)) > 0)
                if (!parse_field(line, fields))
                        return false;
        return true;
}

static bool key_is_valid(az_span key) {
        _cleanup_(ipc_buffer_done) IpcBuffer raw = {};

        return buffer_append_decoded(&raw, key) >= 0 && ipc_buffer_size(&raw) == KEY_SIZE;
}

static bool path_is_ours(az_span path) {
        uint8_t buffer[3 * sizeof(PATH)];
        az_span scratch = AZ_SPAN_FROM_BUFFER(buffer), decoded;

        return az_span_size(path) <= (int32_t) sizeof(buffer) && percent_decode(path, &scratch, &decoded) &&
               span_equals(decoded, PATH);
}

static bool query_has_no_certificate(az_span query) {
        while (az_span_size(query) > 0)
                if (span_equals(span_take_until(&query, '&'), "iothub-no-client-cert=true"))
                        return true;
        return false;
}

static Upgrade refuse(unsigned status, const char *reason) {
        return (Upgrade){ .status = status, .reason = reason };
}

Upgrade upgrade_parse(az_span request, const char *const *hosts) {
        az_span line = take_line(&request), method = span_take_until(&line, ' '),
                target = span_take_until(&line, ' '), path = span_take_until(&target, '?');
        Fields fields = {};

        if (!span_equals(method, "GET") || !span_equals(line, "HTTP/1.1"))
                return refuse(400, "not a GET of HTTP/1.1");
        if (!parse_fields(request, &fields))
                return refuse(400, "malformed header fields");
        if (fields.n_hosts != 1 || fields.n_keys > 1 || fields.n_versions > 1)
                return refuse(400, "a header field is missing or there twice");
        if (!host_is_ours(fields.host, hosts))
                return refuse(404, "the request is for another host");
        if (!path_is_ours(path))
                return refuse(404, "not the path " PATH);
        if (!fields.has_upgrade || !fields.has_connection)
                return refuse(400, "no upgrade to WebSocket is asked for");
        if (!span_equals(fields.version, "13"))
                return refuse(426, "not version 13 of WebSocket");
        if (!key_is_valid(fields.key))
                return refuse(400, "Sec-WebSocket-Key is not base64 of 16 bytes");
        if (!fields.has_protocol)
                return refuse(400, "the sub-protocol mqtt is not asked for");

        return (Upgrade){ .status = 101,
                          .key = fields.key,
                          .ignores_certificate = query_has_no_certificate(target) };
}

static int append_accept(az_span key, IpcBuffer *out) {
        _cleanup_(ipc_buffer_done) IpcBuffer text = {};
        uint8_t digest[EVP_MAX_MD_SIZE];
        unsigned n;
        int r;

        r = buffer_append_span(&text, key);
        if (r >= 0)
                r = buffer_append(&text, GUID, strlen(GUID));
        if (r < 0)
                return r;
        if (EVP_Digest(az_span_ptr(buffer_span(&text)), ipc_buffer_size(&text), digest, &n, EVP_sha1(),
                       NULL) != 1)
                return -ENOMEM;
        return buffer_append_base64(out, az_span_create(digest, (int32_t) n));
}

int upgrade_append_answer(const Upgrade *upgrade, IpcBuffer *out) {
        int r;

        if (upgrade->status != 101)
                return buffer_printf(
                        out, "HTTP/1.1 %u Refused\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n",
                        upgrade->status, upgrade->status == 426 ? "Sec-WebSocket-Version: 13\r\n" : "");

        r = buffer_printf(out,
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: ");
        if (r < 0)
                return r;
        r = append_accept(upgrade->key, out);
        if (r < 0)
                return r;
        return buffer_append(out, "\r\n\r\n", 4);
}
