/* SPDX-License-Identifier: MIT */

#include "hubsim/c2d-message.h"

#include "hubsim/percent.h"
#include "hubsim/timestamp.h"

/* "Cloud-to-device messages can be at most 64 KB." */
#define MESSAGE_MAX (64 * 1024)

/* Counted like telemetry: body, values of system properties, names and values of the others. */
static int64_t request_size(const C2dRequest *q) {
        int64_t size = az_span_size(q->body) + az_span_size(q->message_id) + az_span_size(q->correlation_id) +
                       az_span_size(q->user_id) + az_span_size(q->content_type) +
                       az_span_size(q->content_encoding);

        for (size_t i = 0; i < q->properties.n_items; i++)
                size += az_span_size(q->properties.items[i].key) + az_span_size(q->properties.items[i].value);
        return size;
}

/* Appends "&name=value"; 'name' is written as it is unless 'is_foreign'. */
static int append_property(IpcBuffer *out, az_span name, bool is_foreign, bool is_bare, az_span value) {
        int r;

        r = buffer_append(out, "&", 1);
        if (r < 0)
                return r;
        r = is_foreign ? percent_encode(name, out) : buffer_append_span(out, name);
        if (r < 0 || is_bare)
                return r;
        r = buffer_append(out, "=", 1);
        if (r < 0)
                return r;
        return percent_encode(value, out);
}

static int append_system(IpcBuffer *out, const char *name, az_span value) {
        if (az_span_size(value) == 0)
                return 0;
        return append_property(out, az_span_create_from_str((char *) name), false, false, value);
}

static int append_system_properties(const C2dRequest *q, uint64_t expires_us, IpcBuffer *out) {
        _cleanup_(ipc_buffer_done) IpcBuffer to = IPC_BUFFER_NULL;
        char expiry[TIMESTAMP_SIZE] = "";
        int r;

        r = buffer_printf(&to, "/devices/%s/messages/deviceBound", q->device);
        if (r < 0)
                return r;
        if (q->ttl_s > 0)
                timestamp_format(expires_us, 3, expiry);

        const struct {
                const char *name;
                az_span value;
        } rows[] = {
                { "%24.to", buffer_span(&to) },
                { "%24.mid", q->message_id },
                { "%24.cid", q->correlation_id },
                { "%24.uid", q->user_id },
                { "%24.ct", q->content_type },
                { "%24.ce", q->content_encoding },
                { "%24.exp", az_span_create_from_str(expiry) },
                { "iothub-ack",
                  q->ack < 0 ? AZ_SPAN_EMPTY : az_span_create_from_str((char *) c2d_ack_names[q->ack]) },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                r = append_system(out, rows[i].name, rows[i].value);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int format_topic(const C2dRequest *q, C2dForm form, uint64_t expires_us, IpcBuffer *out) {
        _cleanup_(ipc_buffer_done) IpcBuffer bag = IPC_BUFFER_NULL;
        int r;

        r = append_system_properties(q, expires_us, &bag);
        if (r < 0)
                return r;
        for (size_t i = 0; i < q->properties.n_items; i++) {
                const IpcMapEntry *p = &q->properties.items[i];

                r = append_property(&bag, p->key, true, form.bare_keys && az_span_size(p->value) == 0,
                                    p->value);
                if (r < 0)
                        return r;
        }
        ipc_buffer_consume(&bag, 1); /* the first '&' */

        r = buffer_printf(out, "devices/%s/messages/devicebound/%s", q->device,
                          form.question_mark ? "?" : "");
        if (r < 0)
                return r;
        return buffer_append_span(out, buffer_span(&bag));
}

int c2d_message_new(const C2dRequest *request, C2dForm form, uint64_t wall_us, C2dMessage **ret) {
        _cleanup_(c2d_message_freep) C2dMessage *m = NULL;
        uint64_t ttl_s = request->ttl_s > 0 ? request->ttl_s : C2D_TTL_DEFAULT_S;
        int r;

        if (request_size(request) > MESSAGE_MAX)
                return C2D_TOO_LARGE;

        m = malloc(sizeof(*m));
        if (!m)
                return -ENOMEM;
        *m = (C2dMessage){
                .message_id = strndup(az_span_size(request->message_id) > 0
                                              ? (const char *) az_span_ptr(request->message_id)
                                              : "",
                                      (size_t) az_span_size(request->message_id)),
                .ack = request->ack < 0 ? C2D_ACK_NONE : request->ack,
                .enqueued_us = wall_us,
                .expires_us = wall_us + ttl_s * USEC_PER_SEC,
        };
        if (!m->message_id)
                return -ENOMEM;
        r = format_topic(request, form, m->expires_us, &m->topic);
        if (r < 0)
                return r;
        if (ipc_buffer_size(&m->topic) > UINT16_MAX)
                return C2D_TOO_LARGE;
        r = buffer_append_span(&m->payload, request->body);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(m);
        return 0;
}
