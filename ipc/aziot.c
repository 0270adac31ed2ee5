/* SPDX-License-Identifier: MIT */

/*
 * The object: calls on their channel, events from it and from the tasks.
 *
 * Whoever waits for the reply to one call may first see those to calls that were started before it. They are
 * stored, and dispatched later. Only one reply at a time is decoded: what is handed out lives until the next
 * one.
 */

#include "ipc/aziot-internal.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "ipc/value.h"

#define SOCKET_DEFAULT "/run/aziotd/socket"

#define TIMEOUT_DEFAULT_US (60 * USEC_PER_SEC)

/* What a reply may take longer than the stage that the daemon waits for. */
#define STAGE_SLACK_US (30 * USEC_PER_SEC)

/* The longest wait for a stage that the daemon takes. */
#define STAGE_TIMEOUT_MAX_S (24 * 3600)

/* Calls that wait for replies: so many the daemon has under way, too. */
#define N_CALLS_MAX IPC_REPLIES_OUTSTANDING
#define N_BYTES_MAX ((size_t) 1024 * 1024)

_public_ int aziot_new(Aziot **ret, const char *socket_path) {
        Aziot *a;

        if (!socket_path)
                socket_path = secure_getenv("AZIOT_SOCKET");
        if (!socket_path)
                socket_path = SOCKET_DEFAULT;
        if (strlen(socket_path) >= sizeof(a->address.sun_path))
                return -ENAMETOOLONG;

        a = malloc(sizeof(*a));
        if (!a)
                return -ENOMEM;
        *a = (Aziot){
                .address = { .sun_family = AF_UNIX },
                .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
                .timeout_us = TIMEOUT_DEFAULT_US,
                .document = IPC_DOCUMENT_NULL,
        };
        if (a->epoll_fd < 0) {
                int r = -errno;

                free(a);
                return r;
        }
        memcpy(a->address.sun_path, socket_path, strlen(socket_path));
        channel_init(&a->channel, &a->address, a->epoll_fd, &a->document);
        TAILQ_INIT(&a->tasks);

        *ret = a;
        return 0;
}

_public_ Aziot *aziot_free(Aziot *a) {
        ChannelCall *call;

        if (!a)
                return NULL;

        aziot_tasks_done(a);
        channel_done(&a->channel);
        while ((call = channel_calls_take(&a->stored)))
                channel_call_free(call);
        ipc_document_done(&a->document);
        close_fd(a->epoll_fd);
        free(a);
        return NULL;
}

_public_ void aziot_set_timeout_us(Aziot *a, uint64_t timeout_us) {
        a->timeout_us = timeout_us;
}

_public_ const AziotError *aziot_get_error(const Aziot *a) {
        return &a->error;
}

_public_ int aziot_get_fd(const Aziot *a) {
        return a->epoll_fd;
}

_public_ short aziot_get_events(const Aziot *a) {
        return POLLIN;
}

_public_ uint64_t aziot_get_deadline_us(const Aziot *a) {
        return a->stored.first ? 0 : MIN(channel_deadline_us(&a->channel), aziot_tasks_deadline_us(a));
}

/* Calls ----------------------------------------------------------------------------------------------- */

int64_t aziot_timeout_s(const Aziot *a) {
        uint64_t timeout_s = a->timeout_us / USEC_PER_SEC + (a->timeout_us % USEC_PER_SEC > 0);

        return (int64_t) MAX(MIN(timeout_s, (uint64_t) STAGE_TIMEOUT_MAX_S), UINT64_C(1));
}

/* For ever stays for ever. */
static uint64_t later_us(uint64_t time_us, uint64_t duration_us) {
        return duration_us <= UINT64_MAX - time_us ? time_us + duration_us : UINT64_MAX;
}

uint64_t aziot_deadline_us(const Aziot *a) {
        return later_us(boottime_us(), a->timeout_us);
}

int aziot_write_parameters(IpcJson *json, const char *parameters) {
        az_span text = parameters ? az_span_create_from_str((char *) parameters) : AZ_SPAN_FROM_STR("{}");

        if (value_kind(text, IPC_DEPTH_MAX - 1) != VALUE_OBJECT)
                return -EINVAL;
        ipc_json_raw(json, NULL, value_trim(text));
        return 0;
}

static int request_send(Aziot *a, const Request *request, const IpcJson *parameters, ChannelCall **ret) {
        ChannelCall *call;
        unsigned flags = 0;
        az_span text;
        int r;

        if (request->flags & AZIOT_ONEWAY)
                flags |= CHANNEL_CALL_ONEWAY;
        if (request->flags & AZIOT_REPEAT)
                flags |= CHANNEL_CALL_AGAIN | CHANNEL_CALL_PATIENT;
        if (request->changes_nothing)
                flags |= CHANNEL_CALL_AGAIN;

        r = ipc_json_get(parameters, &text);
        if (r >= 0)
                r = channel_call_new(&call, request->method, text, flags);
        if (r < 0)
                return r;

        call->kind = request->kind;
        call->userdata = request->userdata;
        channel_start(&a->channel, call,
                      later_us(aziot_deadline_us(a), request->waits_for_stage ? STAGE_SLACK_US : 0));
        *ret = call;
        return 0;
}

int aziot_request_start(Aziot *a, const Request *request, const IpcJson *parameters) {
        ChannelCall *call;

        if (a->channel.n_calls >= N_CALLS_MAX || a->channel.n_bytes >= N_BYTES_MAX)
                return AZIOT_FULL;
        return request_send(a, request, parameters, &call);
}

/* Waits for the channel alone: events of the others stay where they are. */
static void channel_poll(Channel *c) {
        struct pollfd p = { .fd = c->stream.fd, .events = c->wants_out ? POLLIN | POLLOUT : POLLIN };

        if (poll(&p, 1, poll_timeout_ms(channel_deadline_us(c))) > 0)
                c->is_ready = true;
}

/* Keeps what became of a call for aziot_dispatch(). */
static void store(Aziot *a, const ChannelNews *news) {
        ChannelCall *call = news->call;

        if (news->type == CHANNEL_REPLY) {
                call->reply_size = (size_t) az_span_size(news->message);
                call->reply = malloc(MAX(call->reply_size, (size_t) 1));
                if (call->reply)
                        memcpy(call->reply, az_span_ptr(news->message), call->reply_size);
                else
                        call->result = -ENOMEM;
        }
        channel_calls_put(&a->stored, call);
}

int aziot_request(Aziot *a, const Request *request, const IpcJson *parameters) {
        ChannelCall *awaited;
        ChannelNews news;
        int r;

        r = request_send(a, request, parameters, &awaited);
        if (r < 0)
                return r;

        for (;;) {
                if (channel_next(&a->channel, boottime_us(), &news) == 0)
                        channel_poll(&a->channel);
                else if (news.call == awaited)
                        break;
                else if (news.call)
                        store(a, &news);
        }
        r = news.type == CHANNEL_REPLY ? aziot_read_reply(a, awaited->kind, &news.reply) : news.result;
        channel_call_free(awaited);
        return r;
}

_public_ int aziot_call(Aziot *a, const char *method, const char *parameters, unsigned flags,
                        const AziotReply **ret) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        int r;

        r = aziot_write_parameters(&json, parameters);
        if (r < 0)
                return r;
        r = aziot_request(a, &(Request){ .method = method, .flags = flags & AZIOT_REPEAT }, &json);
        if (r == 0 && ret)
                *ret = &a->reply;
        return r;
}

_public_ int aziot_call_start(Aziot *a, const char *method, const char *parameters, unsigned flags,
                              void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        int r;

        r = aziot_write_parameters(&json, parameters);
        if (r < 0)
                return r;
        return aziot_request_start(a, &(Request){ .method = method, .flags = flags, .userdata = userdata },
                                   &json);
}

/* Events ---------------------------------------------------------------------------------------------- */

/* The event of a call that has ended, which is freed. */
static void reply_event(Aziot *a, ChannelCall *call, int result) {
        a->event = (AziotEvent){ .type = AZIOT_EVENT_REPLY, .userdata = call->userdata, .result = result };
        a->event.error = result == AZIOT_REFUSED ? &a->error : NULL;
        a->event.as.reply = result == 0 ? a->reply : (AziotReply){ "{}", 2, false, -1, -1 };
        channel_call_free(call);
}

static int stored_next(Aziot *a) {
        ChannelCall *call = channel_calls_take(&a->stored);
        IpcWireReply wire;
        int r;

        if (!call)
                return 0;
        r = call->result;
        if (call->reply) {
                r = ipc_wire_parse_reply(&a->document,
                                         az_span_create((uint8_t *) call->reply, (int32_t) call->reply_size),
                                         &wire);
                if (r == 0)
                        r = aziot_read_reply(a, call->kind, &wire);
        }
        reply_event(a, call, r);
        return 1;
}

static int calls_next(Aziot *a, uint64_t now_us) {
        ChannelNews news;

        while (channel_next(&a->channel, now_us, &news) > 0)
                if (news.call) {
                        reply_event(a, news.call,
                                    news.type == CHANNEL_REPLY
                                            ? aziot_read_reply(a, news.call->kind, &news.reply)
                                            : news.result);
                        return 1;
                }
        return 0;
}

/* Waits until a channel has something to do and marks it. Returns how many there are. */
static int aziot_poll(Aziot *a, int wait_ms) {
        struct epoll_event events[16];
        int n;

        n = epoll_wait(a->epoll_fd, events, ELEMENTSOF(events), wait_ms);
        for (int i = 0; i < n; i++)
                ((Channel *) events[i].data.ptr)->is_ready = true;
        return n < 0 ? -errno : n;
}

_public_ int aziot_dispatch(Aziot *a, const AziotEvent **ret) {
        do {
                uint64_t now_us = boottime_us();

                if (stored_next(a) > 0 || aziot_tasks_next(a, now_us) > 0 || calls_next(a, now_us) > 0) {
                        *ret = &a->event;
                        return 1;
                }
        } while (aziot_poll(a, 0) > 0);
        return 0;
}

_public_ int aziot_wait(Aziot *a, uint64_t timeout_us, const AziotEvent **ret) {
        uint64_t until_us = later_us(boottime_us(), timeout_us);

        for (;;) {
                int r;

                r = aziot_dispatch(a, ret);
                if (r != 0)
                        return r;
                if (boottime_us() >= until_us)
                        return 0;
                r = aziot_poll(a, poll_timeout_ms(MIN(until_us, aziot_get_deadline_us(a))));
                if (r < 0)
                        return r;
        }
}
