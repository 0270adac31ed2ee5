/* SPDX-License-Identifier: MIT */

/*
 * What is watched, served or taken: each on a connection of its own, with one call under way at most.
 *
 *      RESTING → Watch → ASKING → change, change, …
 *
 *      RESTING → Take → ASKING → work → TAKEN → Settle → SETTLING → reply → RESTING
 *
 * Watch and Take are sent again when the connection breaks (CHANNEL_CALL_AGAIN), for ever. Work belongs to
 * the connection that it came on: it is over when that breaks.
 */

#include "ipc/aziot-internal.h"
#include "ipc/value.h"

/* The longest that Take knows: waiting costs nothing, and the daemon's end is noticed anyway. */
#define TAKE_TIMEOUT_S 3600

/* After something that should not happen: no memory, a reply that is none, a disk that fails. */
#define REST_US (1 * USEC_PER_SEC)

/* In a Settle, a payload lies in the call and in its parameters. */
#define PAYLOAD_DEPTH_MAX (IPC_DEPTH_MAX - 2)

typedef enum TaskKind {
        TASK_WATCH,
        TASK_WATCH_TWIN,
        TASK_WATCH_STATUS,
        TASK_METHODS,
        TASK_MESSAGES,
        TASK_WORK,
        _TASK_KIND_MAX,
} TaskKind;

typedef enum TaskState {
        TASK_RESTING,
        TASK_ASKING,
        TASK_TAKEN,
        TASK_SETTLING,
        TASK_OVER, /* freed once its last event is told */
        _TASK_STATE_MAX,
} TaskState;

struct Task {
        TAILQ_ENTRY(Task) tasks;
        TaskKind kind;
        TaskState state;
        Channel channel;
        void *userdata;
        char *method, *parameters; /* what is asked, again and again */
        uint64_t due_us;           /* when, if RESTING */
        uint64_t handle;           /* what is TAKEN or SETTLING ... */
        char *id;                  /* ... and the daemon's name for it */
        int loss;                  /* of the connection, untold; 0: none */
};

/* Life ------------------------------------------------------------------------------------------------ */

static Task *task_free(Task *t) {
        if (!t)
                return NULL;

        channel_done(&t->channel);
        free(t->method);
        free(t->parameters);
        free(t->id);
        free(t);
        return NULL;
}
DEFINE_CLEANUP(Task *, task_free)

static int task_add(Aziot *a, TaskKind kind, const char *method, const IpcJson *parameters, void *userdata) {
        _cleanup_(task_freep) Task *t = NULL;
        az_span text;
        int r;

        r = ipc_json_get(parameters, &text);
        if (r < 0)
                return r;
        if (az_span_size(text) > (int32_t) IPC_MESSAGE_MAX)
                return -EMSGSIZE;

        t = malloc(sizeof(*t));
        if (!t)
                return -ENOMEM;
        *t = (Task){
                .kind = kind,
                .userdata = userdata,
                .method = strdup(method),
                .parameters = strndup((char *) az_span_ptr(text), (size_t) az_span_size(text)),
        };
        channel_init(&t->channel, &a->address, a->epoll_fd, &a->document);
        if (!t->method || !t->parameters)
                return -ENOMEM;

        TAILQ_INSERT_TAIL(&a->tasks, t, tasks);
        TAKE_PTR(t);
        return 0;
}

static void task_remove(Aziot *a, Task *t) {
        TAILQ_REMOVE(&a->tasks, t, tasks);
        task_free(t);
}

void aziot_tasks_done(Aziot *a) {
        while (!TAILQ_EMPTY(&a->tasks))
                task_remove(a, TAILQ_FIRST(&a->tasks));
}

/* Asking ---------------------------------------------------------------------------------------------- */

static bool task_takes(const Task *t) {
        return t->kind == TASK_METHODS || t->kind == TASK_MESSAGES || t->kind == TASK_WORK;
}

static void task_rest(Task *t, uint64_t due_us) {
        t->state = TASK_RESTING;
        t->due_us = due_us;
        t->handle = 0;
}

static void task_ask(Task *t, uint64_t now_us) {
        unsigned flags = CHANNEL_CALL_AGAIN | CHANNEL_CALL_PATIENT | (task_takes(t) ? 0 : CHANNEL_CALL_MORE);
        ChannelCall *call;

        if (channel_call_new(&call, t->method, az_span_create_from_str(t->parameters), flags) < 0) {
                task_rest(t, now_us + REST_US);
                return;
        }
        channel_start(&t->channel, call, UINT64_MAX);
        t->state = TASK_ASKING;
}

/* Events ---------------------------------------------------------------------------------------------- */

static int task_tell(Aziot *a, const Task *t, AziotEventType type, int result) {
        a->event.type = type;
        a->event.userdata = t->userdata;
        a->event.result = result;
        a->event.error = result == AZIOT_REFUSED ? &a->error : NULL;
        return 1;
}

static int task_tell_settled(Aziot *a, Task *t, int result, uint64_t due_us) {
        a->event.as.settled = t->handle;
        task_rest(t, due_us);
        return task_tell(a, t, AZIOT_EVENT_SETTLED, result);
}

/* Remembers what was taken. */
static int task_take(Aziot *a, Task *t, const char *id, AziotEventType type) {
        char *copy = strdup(id);

        if (!copy)
                return -ENOMEM;
        free(t->id);
        t->id = copy;
        t->handle = ++a->last_handle;
        t->state = TASK_TAKEN;
        return task_tell(a, t, type, 0);
}

static int task_on_method(Aziot *a, Task *t, uint32_t token) {
        AziotMethodCall method;
        int r;

        r = aziot_read_method(a, token, &method);
        if (r != 0)
                return r == AZIOT_NOTHING ? 0 : r;
        r = task_take(a, t, method.id, AZIOT_EVENT_METHOD);
        method.handle = t->handle;
        a->event.as.method = method;
        return r;
}

static int task_on_message(Aziot *a, Task *t, uint32_t token) {
        AziotCloudMessage message;
        int r;

        r = aziot_read_message(a, token, &message);
        if (r != 0)
                return r == AZIOT_NOTHING ? 0 : r;
        r = task_take(a, t, message.id, AZIOT_EVENT_MESSAGE);
        message.handle = t->handle;
        a->event.as.message = message;
        return r;
}

static int task_on_work(Aziot *a, Task *t, uint32_t token) {
        const char *id;
        AziotWork work;
        int r;

        r = aziot_read_work(a, token, &work, &id);
        if (r != 0)
                return r == AZIOT_NOTHING ? 0 : r;
        r = task_take(a, t, id, AZIOT_EVENT_WORK);
        work.handle = t->handle;
        a->event.as.work = work;
        return r;
}

/* 1: the reply to a Watch or a Take is an event. 0: it says nothing. */
static int task_read(Aziot *a, Task *t, const IpcWireReply *wire) {
        int r;

        switch (t->kind) {
        case TASK_WATCH:
                r = aziot_read_reply(a, CALL_OTHER, wire);
                a->event.as.reply = a->reply;
                return r < 0 ? r : task_tell(a, t, AZIOT_EVENT_REPLY, 0);
        case TASK_WATCH_TWIN:
                r = aziot_read_twin_update(a, wire->parameters, &a->event.as.twin);
                return r < 0 ? r : task_tell(a, t, AZIOT_EVENT_TWIN, 0);
        case TASK_WATCH_STATUS:
                r = aziot_read_status(a, wire->parameters, &a->event.as.status);
                return r < 0 ? r : task_tell(a, t, AZIOT_EVENT_STATUS, 0);
        case TASK_METHODS:
                return task_on_method(a, t, wire->parameters);
        case TASK_MESSAGES:
                return task_on_message(a, t, wire->parameters);
        case TASK_WORK:
                return task_on_work(a, t, wire->parameters);
        case _TASK_KIND_MAX:
                break;
        }
        return -EINVAL;
}

/* News ------------------------------------------------------------------------------------------------ */

/* How long the name of the interface is, and the dot behind it. */
static int interface_size(const Task *t) {
        return (int) (strrchr(t->method, '.') + 1 - t->method);
}

/*
 * A message that could not be settled is still this connection's, and only its end gives it back. So is other
 * work, if it was not its interface that refused.
 */
static bool is_to_be_given_back(const Aziot *a, const Task *t, int result) {
        if (result != AZIOT_REFUSED)
                return false;
        if (t->kind == TASK_WORK)
                return strncmp(a->error.name, t->method, (size_t) interface_size(t)) != 0;
        return t->kind == TASK_MESSAGES && strcmp(a->error.name, "io.aziotd.messages.MessageGone") != 0;
}

static int task_on_settled(Aziot *a, Task *t, const IpcWireReply *wire, uint64_t now_us) {
        int r = ipc_is_absent(wire->error) ? 0 : aziot_read_error(a, wire);

        if (!is_to_be_given_back(a, t, r))
                return task_tell_settled(a, t, r, now_us);
        channel_close(&t->channel, now_us + REST_US);
        return task_tell_settled(a, t, r, now_us);
}

/* What cannot be read is not asked for again at once; the call goes on if the reply was not its last. */
static int task_on_garbage(Task *t, const IpcWireReply *wire, int error, uint64_t now_us) {
        channel_lose(&t->channel, error, now_us + REST_US);
        if (!wire->continues)
                task_rest(t, now_us);
        return 0;
}

static int task_on_reply(Aziot *a, Task *t, const IpcWireReply *wire, uint64_t now_us) {
        int r;

        if (t->state == TASK_SETTLING)
                return task_on_settled(a, t, wire, now_us);
        if (!ipc_is_absent(wire->error)) {
                t->state = TASK_OVER;
                return task_tell(a, t, AZIOT_EVENT_ENDED, aziot_read_error(a, wire));
        }

        r = task_read(a, t, wire);
        if (r < 0)
                return task_on_garbage(t, wire, r, now_us);
        if (t->state == TASK_TAKEN || wire->continues)
                return r;

        if (t->kind == TASK_WATCH)
                t->state = TASK_OVER;
        else
                task_rest(t, task_takes(t) ? now_us : now_us + REST_US);
        return r;
}

static int task_on_lost(Aziot *a, Task *t, int error, uint64_t now_us) {
        if (t->state != TASK_TAKEN)
                return task_tell(a, t, AZIOT_EVENT_DISCONNECTED, error);

        t->loss = error;
        return task_tell_settled(a, t, -ECONNRESET, now_us);
}

static int task_on_news(Aziot *a, Task *t, const ChannelNews *news, uint64_t now_us) {
        switch (news->type) {
        case CHANNEL_REPLY:
                return task_on_reply(a, t, &news->reply, now_us);
        case CHANNEL_FAILED:
                return task_tell_settled(a, t, news->result, now_us); /* nothing else can fail */
        case CHANNEL_LOST:
                return task_on_lost(a, t, news->result, now_us);
        case CHANNEL_BACK:
                return task_tell(a, t, AZIOT_EVENT_CONNECTED, 0);
        case _CHANNEL_NEWS_TYPE_MAX:
                break;
        }
        return 0;
}

static int task_next(Aziot *a, Task *t, uint64_t now_us) {
        for (;;) {
                ChannelNews news;
                int r;

                if (t->loss < 0) {
                        r = task_tell(a, t, AZIOT_EVENT_DISCONNECTED, t->loss);
                        t->loss = 0;
                        return r;
                }
                if (t->state == TASK_RESTING && now_us >= t->due_us)
                        task_ask(t, now_us);
                if (channel_next(&t->channel, now_us, &news) == 0)
                        return 0;
                r = task_on_news(a, t, &news, now_us);
                if (news.call && !(news.type == CHANNEL_REPLY && news.reply.continues))
                        channel_call_free(news.call);
                if (r > 0)
                        return r;
        }
}

int aziot_tasks_next(Aziot *a, uint64_t now_us) {
        for (Task *t = TAILQ_FIRST(&a->tasks); t; t = TAILQ_NEXT(t, tasks)) {
                if (task_next(a, t, now_us) == 0)
                        continue;
                if (t->state == TASK_OVER) {
                        task_remove(a, t);
                } else {
                        TAILQ_REMOVE(&a->tasks, t, tasks);
                        TAILQ_INSERT_TAIL(&a->tasks, t, tasks);
                }
                return 1;
        }
        return 0;
}

uint64_t aziot_tasks_deadline_us(const Aziot *a) {
        uint64_t deadline_us = UINT64_MAX;

        for (const Task *t = TAILQ_FIRST(&a->tasks); t; t = TAILQ_NEXT(t, tasks)) {
                if (t->loss < 0)
                        return 0;
                if (t->state == TASK_RESTING)
                        deadline_us = MIN(deadline_us, t->due_us);
                deadline_us = MIN(deadline_us, channel_deadline_us(&t->channel));
        }
        return deadline_us;
}

/* What programs call ---------------------------------------------------------------------------------- */

_public_ int aziot_watch(Aziot *a, const char *method, const char *parameters, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        int r;

        r = aziot_write_parameters(&json, parameters);
        return r < 0 ? r : task_add(a, TASK_WATCH, method, &json, userdata);
}

_public_ int aziot_watch_twin(Aziot *a, const char *component, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        if (component)
                ipc_json_cstring(&json, "component", component);
        ipc_json_end(&json);
        return task_add(a, TASK_WATCH_TWIN, "io.aziotd.twin.Watch", &json, userdata);
}

_public_ int aziot_watch_status(Aziot *a, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_end(&json);
        return task_add(a, TASK_WATCH_STATUS, "io.aziotd.device.WatchStatus", &json, userdata);
}

_public_ int aziot_serve(Aziot *a, const char *const *names, size_t n_names, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_begin_array(&json, "names");
        for (size_t i = 0; i < n_names; i++)
                ipc_json_cstring(&json, NULL, names[i]);
        ipc_json_end_array(&json);
        ipc_json_int(&json, "timeoutSeconds", TAKE_TIMEOUT_S);
        ipc_json_end(&json);
        return task_add(a, TASK_METHODS, "io.aziotd.methods.Take", &json, userdata);
}

_public_ int aziot_take_messages(Aziot *a, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "timeoutSeconds", TAKE_TIMEOUT_S);
        ipc_json_end(&json);
        return task_add(a, TASK_MESSAGES, "io.aziotd.messages.Take", &json, userdata);
}

_public_ int aziot_take(Aziot *a, const char *interface, const char *parameters, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        _cleanup_(freep) char *method = NULL;
        int r;

        r = aziot_write_parameters(&json, parameters);
        if (r < 0)
                return r;
        if (asprintf(&method, "%s.Take", interface) < 0)
                return -ENOMEM;
        return task_add(a, TASK_WORK, method, &json, userdata);
}

static Task *find_taken(Aziot *a, uint64_t handle) {
        for (Task *t = TAILQ_FIRST(&a->tasks); t; t = TAILQ_NEXT(t, tasks))
                if (t->state == TASK_TAKEN && t->handle == handle)
                        return t;
        return NULL;
}

static int task_settle(Task *t, const IpcJson *parameters, uint64_t deadline_us) {
        _cleanup_(freep) char *method = NULL;
        ChannelCall *call;
        az_span text;
        int r;

        r = ipc_json_get(parameters, &text);
        if (r < 0)
                return r;
        if (asprintf(&method, "%.*sSettle", interface_size(t), t->method) < 0)
                return -ENOMEM;
        r = channel_call_new(&call, method, text, CHANNEL_CALL_BOUND);
        if (r < 0)
                return r;

        channel_start(&t->channel, call, deadline_us);
        t->state = TASK_SETTLING;
        return 0;
}

_public_ int aziot_answer(Aziot *a, uint64_t handle, int status, const char *payload) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        az_span text = payload ? az_span_create_from_str((char *) payload) : AZ_SPAN_EMPTY;
        ValueKind kind = value_kind(text, PAYLOAD_DEPTH_MAX);
        Task *t = find_taken(a, handle);

        if (!t)
                return AZIOT_GONE;
        if (kind == VALUE_NOT_JSON || t->kind != TASK_METHODS)
                return -EINVAL;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "id", t->id);
        ipc_json_int(&json, "status", status);
        if (kind == VALUE_OBJECT)
                ipc_json_raw(&json, "payload", value_trim(text));
        else if (kind == VALUE_OTHER)
                ipc_json_string(&json, "payloadText", value_trim(text));
        ipc_json_end(&json);
        return task_settle(t, &json, aziot_deadline_us(a));
}

_public_ int aziot_settle(Aziot *a, uint64_t handle) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Task *t = find_taken(a, handle);

        if (!t)
                return AZIOT_GONE;
        if (t->kind != TASK_MESSAGES)
                return -EINVAL;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "id", t->id);
        ipc_json_end(&json);
        return task_settle(t, &json, aziot_deadline_us(a));
}

_public_ int aziot_settle_work(Aziot *a, uint64_t handle, const char *parameters) {
        az_span object = value_trim(az_span_create_from_str((char *) (parameters ?: "{}"))), members;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Task *t = find_taken(a, handle);

        if (!t)
                return AZIOT_GONE;
        if (t->kind != TASK_WORK || value_kind(object, IPC_DEPTH_MAX - 1) != VALUE_OBJECT)
                return -EINVAL;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "id", t->id);
        members = value_trim(az_span_slice(object, 1, az_span_size(object) - 1));
        if (az_span_size(members) > 0)
                ipc_json_raw(&json, NULL, members);
        ipc_json_end(&json);
        return task_settle(t, &json, aziot_deadline_us(a));
}

_public_ int aziot_release(Aziot *a, uint64_t handle, uint64_t delay_us) {
        Task *t = find_taken(a, handle);
        uint64_t now_us = boottime_us();

        if (!t)
                return AZIOT_GONE;
        channel_close(&t->channel, now_us);
        task_rest(t, delay_us <= UINT64_MAX - now_us ? now_us + delay_us : UINT64_MAX);
        return 0;
}
