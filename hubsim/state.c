/* SPDX-License-Identifier: MIT */

#include "hubsim/state-internal.h"

#include <fcntl.h>

#include "hubsim/c2d.h"
#include "hubsim/files.h"
#include "hubsim/hub.h"
#include "hubsim/log.h"
#include "ipc/json.h"

/* Some hundred full queues of the largest messages. */
#define FILE_MAX (UINT64_C(1) << 30)

/* The file is written anew when it is four times as long as that made it, but not while it is short. */
#define GROWTH_MAX 4U
#define SHORT_SIZE (1024U * 1024U)

struct State {
        Hub *hub;
        char *path;
        int fd;
        uint64_t size, rewritten_size;
};

/* Lines ----------------------------------------------------------------------------------------------- */

static void format_session(IpcJson *json, const Device *d) {
        ipc_json_begin(json, NULL);
        ipc_json_cstring(json, "session", d->id);
        ipc_json_bool(json, "known", d->was_connected);
        ipc_json_bool(json, "stored", d->has_stored_session);
        if (d->has_stored_session) {
                ipc_json_begin_array(json, "filters");
                for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++)
                        if (d->subscriptions[i])
                                ipc_json_cstring(json, NULL, d->subscriptions[i]);
                ipc_json_end_array(json);
                ipc_json_begin_array(json, "qos");
                for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++)
                        if (d->subscriptions[i])
                                ipc_json_int(json, NULL, d->granted_qos[i]);
                ipc_json_end_array(json);
        }
        ipc_json_end(json);
}

static void begin_message(IpcJson *json, const char *kind, const Device *device, const C2dMessage *m) {
        ipc_json_begin(json, NULL);
        ipc_json_cstring(json, kind, device->id);
        ipc_json_int(json, "number", (int64_t) m->number);
}

static void format_message(IpcJson *json, const Device *device, const C2dMessage *m) {
        begin_message(json, "message", device, m);
        ipc_json_cstring(json, "messageId", m->message_id);
        ipc_json_cstring(json, "ack", c2d_ack_names[m->ack]);
        ipc_json_int(json, "enqueued", (int64_t) m->enqueued_us);
        ipc_json_int(json, "expires", (int64_t) m->expires_us);
        ipc_json_bool(json, "delivered", m->was_delivered);
        ipc_json_int(json, "deliveryCount", m->n_deliveries);
        ipc_json_string(json, "topic", buffer_span(&m->topic));
        ipc_json_base64(json, "data", buffer_span(&m->payload));
        ipc_json_end(json);
}

static void add_record(IpcJson *json, const FeedbackRecord *record) {
        ipc_json_cstring(json, "messageId", record->message_id);
        ipc_json_cstring(json, "status", c2d_status_to_string(record->status));
        ipc_json_int(json, "time", (int64_t) record->time_us);
}

static int append_line(IpcBuffer *out, const IpcJson *json) {
        az_span text;
        int r;

        r = ipc_json_get(json, &text);
        if (r < 0)
                return r;
        r = buffer_append_span(out, text);
        if (r < 0)
                return r;
        return buffer_append(out, "\n", 1);
}

/* The whole file ---------------------------------------------------------------------------------------- */

static int append_device(IpcBuffer *out, const Device *device) {
        _cleanup_(ipc_json_done) IpcJson session = IPC_JSON_NULL;
        int r;

        format_session(&session, device);
        r = append_line(out, &session);
        if (r < 0 || !device->c2d)
                return r;
        for (const C2dMessage *m = device->c2d->queue.first; m; m = m->next) {
                _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

                format_message(&json, device, m);
                r = append_line(out, &json);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int append_feedback(IpcBuffer *out, const Feedback *feedback) {
        for (const FeedbackRecord *record = feedback->first; record; record = record->next) {
                _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
                int r;

                ipc_json_begin(&json, NULL);
                ipc_json_cstring(&json, "gone", record->device->id);
                ipc_json_int(&json, "number", 0); /* the message has gone already */
                add_record(&json, record);
                ipc_json_end(&json);
                r = append_line(out, &json);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int state_rewrite(State *s) {
        _cleanup_(ipc_buffer_done) IpcBuffer text = IPC_BUFFER_NULL;
        int r;

        for (const Device *d = registry_first(s->hub->registry); d; d = d->next) {
                r = append_device(&text, d);
                if (r < 0)
                        return r;
        }
        r = append_feedback(&text, &s->hub->feedback);
        if (r < 0)
                return r;
        r = file_replace(s->path, 0600, az_span_ptr(buffer_span(&text)), ipc_buffer_size(&text));
        if (r < 0)
                return r;

        s->fd = close_fd(s->fd);
        s->fd = open(s->path, O_WRONLY | O_APPEND | O_CLOEXEC);
        if (s->fd < 0)
                return -errno;
        s->rewritten_size = s->size = ipc_buffer_size(&text);
        return 0;
}

/* Changes ----------------------------------------------------------------------------------------------- */

static int state_append(State *s, const IpcJson *json) {
        _cleanup_(ipc_buffer_done) IpcBuffer line = IPC_BUFFER_NULL;
        int r;

        r = append_line(&line, json);
        if (r < 0)
                return r;
        r = file_write_all(s->fd, az_span_ptr(buffer_span(&line)), ipc_buffer_size(&line));
        if (r < 0) {
                if (ftruncate(s->fd, (off_t) s->size) < 0)
                        r = -errno;
                log_event(NULL, 500001, "cannot write %s: %s", s->path, strerror(-r));
                return r;
        }
        s->size += ipc_buffer_size(&line);
        return 0;
}

/* Before a change, so that the file has all of what it is to say anew. */
static int state_make_room(State *s) {
        int r;

        if (s->size <= MAX(SHORT_SIZE, s->rewritten_size * GROWTH_MAX))
                return 0;
        r = state_rewrite(s);
        if (r < 0)
                log_event(NULL, 500001, "cannot write %s anew: %s", s->path, strerror(-r));
        return r;
}

int state_save_session(State *s, const Device *device) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        int r;

        if (!s)
                return 0;
        r = state_make_room(s);
        if (r < 0)
                return r;
        format_session(&json, device);
        return state_append(s, &json);
}

int state_add_message(State *s, const Device *device, const C2dMessage *message) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        int r;

        if (!s)
                return 0;
        r = state_make_room(s);
        if (r < 0)
                return r;
        format_message(&json, device, message);
        return state_append(s, &json);
}

int state_change_message(State *s, const Device *device, const C2dMessage *message) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        if (!s)
                return 0;
        begin_message(&json, "change", device, message);
        ipc_json_bool(&json, "delivered", message->was_delivered);
        ipc_json_int(&json, "deliveryCount", message->n_deliveries);
        ipc_json_end(&json);
        return state_append(s, &json);
}

int state_remove_message(State *s, const Device *device, const C2dMessage *message,
                         const FeedbackRecord *record) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        if (!s)
                return 0;
        begin_message(&json, "gone", device, message);
        if (record)
                add_record(&json, record);
        ipc_json_end(&json);
        return state_append(s, &json);
}

int state_clear_feedback(State *s, const Device *device) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        if (!s)
                return 0;
        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "heard", device ? device->id : NULL);
        ipc_json_end(&json);
        return state_append(s, &json);
}

State *state_free(State *s) {
        if (!s)
                return NULL;

        close_fd(s->fd);
        free(s->path);
        free(s);
        return NULL;
}

DEFINE_CLEANUP(State *, state_free)

int state_open(Hub *hub, const char *path, State **ret) {
        _cleanup_(state_freep) State *s = NULL;
        _cleanup_(freep) char *text = NULL;
        int r;

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (State){ .hub = hub, .path = strdup(path), .fd = -1 };
        if (!s->path)
                return -ENOMEM;

        r = file_read(path, FILE_MAX, &text);
        if (r >= 0)
                r = state_load(hub, path, text, strlen(text));
        if (r < 0 && r != -ENOENT)
                return r;
        r = state_rewrite(s);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(s);
        return 0;
}
