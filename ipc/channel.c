/* SPDX-License-Identifier: MIT */

/*
 * A call is kept as the text of its message until its last reply. It is copied to the stream when there is a
 * connection; from then on the server may know of it. When the connection breaks, the calls that may be sent
 * twice, or were not sent at all, stay in the queue, in their order, and the others fail.
 *
 * Attempts follow a loss at once if the server has answered on the connection that was lost, otherwise after
 * a pause that doubles: a server that hangs up on everybody is not called in a loop.
 *
 * Before a call goes out on a connection that was silent, what has come in is read: the end of a server that
 * was restarted meanwhile is noticed in time, and the call goes to the new one.
 */

#include "ipc/channel.h"

#include <assert.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "ipc/field.h"
#include "ipc/json.h"
#include "ipc/limits.h"

/* Between attempts to connect. */
#define BACK_OFF_MIN_US (250 * USEC_PER_MSEC)
#define BACK_OFF_MAX_US (5 * USEC_PER_SEC)

/* While the server's queue of connections is full. */
#define BUSY_RETRY_US (50 * USEC_PER_MSEC)

/* What lies in the stream besides what the kernel has taken: so many bytes, and the rest of a call. */
#define STREAM_MAX ((size_t) 256 * 1024)

int channel_call_new(ChannelCall **ret, const char *method, az_span parameters, unsigned flags) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        ChannelCall *call;
        az_span message;
        size_t size;
        int r;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "method", method);
        if (az_span_size(parameters) > 0)
                ipc_json_raw(&json, "parameters", parameters);
        if (flags & CHANNEL_CALL_MORE)
                ipc_json_bool(&json, "more", true);
        if (flags & CHANNEL_CALL_ONEWAY)
                ipc_json_bool(&json, "oneway", true);
        ipc_json_end(&json);
        r = ipc_json_get(&json, &message);
        if (r < 0)
                return r;
        size = (size_t) az_span_size(message);
        if (size > IPC_MESSAGE_MAX)
                return -EMSGSIZE;

        call = malloc(sizeof(*call) + size + 1);
        if (!call)
                return -ENOMEM;
        *call = (ChannelCall){ .flags = flags, .size = size + 1 };
        memcpy(call->message, az_span_ptr(message), size);
        call->message[size] = 0;
        *ret = call;
        return 0;
}

ChannelCall *channel_call_free(ChannelCall *call) {
        if (!call)
                return NULL;

        free(call->reply);
        free(call);
        return NULL;
}

void channel_calls_put(ChannelCalls *calls, ChannelCall *call) {
        call->next = NULL;
        if (calls->last)
                calls->last->next = call;
        else
                calls->first = call;
        calls->last = call;
}

ChannelCall *channel_calls_take(ChannelCalls *calls) {
        ChannelCall *call = calls->first;

        if (!call)
                return NULL;
        calls->first = call->next;
        if (!calls->first)
                calls->last = NULL;
        call->next = NULL;
        return call;
}

void channel_init(Channel *c, const struct sockaddr_un *address, int epoll_fd, IpcDocument *document) {
        *c = (Channel){
                .address = address,
                .epoll_fd = epoll_fd,
                .stream = IPC_STREAM_NULL,
                .document = document,
                .deadline_us = UINT64_MAX,
        };
}

static void calls_free(ChannelCalls *calls) {
        for (;;) {
                ChannelCall *call = channel_calls_take(calls);

                if (!call)
                        return;
                channel_call_free(call);
        }
}

void channel_done(Channel *c) {
        ipc_stream_done(&c->stream);
        calls_free(&c->unsent);
        calls_free(&c->sent);
        calls_free(&c->failed);
}

void channel_start(Channel *c, ChannelCall *call, uint64_t deadline_us) {
        call->deadline_us = deadline_us;
        channel_calls_put(&c->unsent, call);
        c->n_calls++;
        c->n_bytes += call->size;
        c->deadline_us = MIN(c->deadline_us, deadline_us);
        if (!(call->flags & CHANNEL_CALL_PATIENT))
                c->retry_us = 0; /* it would rather know now */
        c->is_ready = true;
}

/* Ending calls ---------------------------------------------------------------------------------------- */

/* A call has left its list. */
static void channel_forget(Channel *c, const ChannelCall *call) {
        c->n_calls--;
        c->n_bytes -= call->size;
        if (c->n_calls == 0)
                c->deadline_us = UINT64_MAX;
}

static void channel_fail(Channel *c, ChannelCall *call, int error) {
        channel_forget(c, call);
        if (call->flags & CHANNEL_CALL_ONEWAY) {
                channel_call_free(call);
                return;
        }
        call->result = error;
        channel_calls_put(&c->failed, call);
        c->is_ready = true;
}

/* Fails the calls of a list, save those that have 'flags' of 'mask'. */
static void channel_fail_all(Channel *c, ChannelCalls *calls, int error, unsigned mask, unsigned flags) {
        ChannelCalls all = *calls;

        *calls = (ChannelCalls){};
        for (;;) {
                ChannelCall *call = channel_calls_take(&all);

                if (!call)
                        return;
                if ((call->flags & mask) == flags)
                        channel_calls_put(calls, call);
                else
                        channel_fail(c, call, error);
        }
}

/* Fails the calls of a list whose time is up; a reply that may still come is skipped. */
static void channel_expire_list(Channel *c, ChannelCalls *calls, int error, uint64_t now_us) {
        ChannelCalls all = *calls;
        unsigned n_skip = 0;

        *calls = (ChannelCalls){};
        for (;;) {
                ChannelCall *call = channel_calls_take(&all);

                if (!call)
                        break;
                call->n_skip += n_skip;
                if (call->deadline_us > now_us) {
                        n_skip = 0;
                        c->deadline_us = MIN(c->deadline_us, call->deadline_us);
                        channel_calls_put(calls, call);
                } else {
                        n_skip = call->n_skip + 1;
                        channel_fail(c, call, error);
                }
        }
        if (calls == &c->sent)
                c->n_skip += n_skip;
}

static void channel_expire(Channel *c, uint64_t now_us) {
        if (now_us < c->deadline_us)
                return;
        c->deadline_us = UINT64_MAX;
        channel_expire_list(c, &c->sent, -ETIME, now_us);
        channel_expire_list(c, &c->unsent, c->state == CHANNEL_CONNECTED || c->error == 0 ? -ETIME : c->error,
                            now_us);
}

/* Connecting and losing ------------------------------------------------------------------------------- */

static void channel_wait(Channel *c, int error, uint64_t retry_us) {
        c->state = CHANNEL_WAITING;
        c->retry_us = retry_us;
        c->error = error;
        c->is_loss_untold = error != c->told_error;
        c->is_return_untold = false;
        c->is_ready = true;
}

void channel_lose(Channel *c, int error, uint64_t retry_us) {
        ipc_stream_done(&c->stream);
        c->stream = IPC_STREAM_NULL;
        c->wants_out = false;
        c->n_skip = 0;

        channel_fail_all(c, &c->sent, error, CHANNEL_CALL_AGAIN, CHANNEL_CALL_AGAIN);
        channel_fail_all(c, &c->unsent, error, CHANNEL_CALL_BOUND, 0);
        for (ChannelCall *call = c->sent.first; call; call = call->next)
                call->n_skip = 0;
        if (c->sent.first) {
                c->sent.last->next = c->unsent.first;
                c->unsent = (ChannelCalls){ c->sent.first, c->unsent.last ?: c->sent.last };
                c->sent = (ChannelCalls){};
        }
        channel_wait(c, error, retry_us);
}

void channel_close(Channel *c, uint64_t retry_us) {
        channel_lose(c, -ECONNRESET, retry_us);
        c->is_loss_untold = false;
}

static uint64_t channel_back_off(Channel *c) {
        uint64_t back_off_us = c->back_off_us;

        c->back_off_us = MIN(MAX(2 * back_off_us, BACK_OFF_MIN_US), BACK_OFF_MAX_US);
        return back_off_us;
}

/* The connection broke. What does not speak Varlink is not asked again, except by those that never give up.
 */
static void channel_break(Channel *c, int error, uint64_t now_us) {
        if (error == -EBADMSG || error == -EMSGSIZE) {
                channel_fail_all(c, &c->sent, error, CHANNEL_CALL_PATIENT, CHANNEL_CALL_PATIENT);
                channel_fail_all(c, &c->unsent, error, CHANNEL_CALL_PATIENT, CHANNEL_CALL_PATIENT);
        }
        channel_lose(c, error, now_us + channel_back_off(c));
}

static int channel_open(Channel *c) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
        _cleanup_(close_fdp) int fd = -1;

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *) c->address, sizeof(*c->address)) < 0 ||
            epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
                return -errno;

        c->stream.fd = TAKE_FD(fd);
        return 0;
}

static void channel_connect(Channel *c, uint64_t now_us) {
        int r;

        r = channel_open(c);
        if (r == -EAGAIN) {
                c->state = CHANNEL_WAITING;
                c->retry_us = now_us + BUSY_RETRY_US;
                return;
        }
        if (r < 0) {
                channel_fail_all(c, &c->unsent, r, CHANNEL_CALL_PATIENT, CHANNEL_CALL_PATIENT);
                (void) channel_back_off(c); /* the first pause is none, for a loss */
                channel_wait(c, r, now_us + c->back_off_us);
                return;
        }
        c->state = CHANNEL_CONNECTED;
        c->error = 0;
        c->is_return_untold = c->told_error != 0;
        c->told_error = 0;
}

/* Bytes ----------------------------------------------------------------------------------------------- */

/* Copies calls to the stream, not much more than the socket takes: what is there has left the books. */
static int channel_transmit(Channel *c) {
        while (c->unsent.first && ipc_stream_get_unsent(&c->stream) < STREAM_MAX) {
                ChannelCall *call = c->unsent.first;
                uint8_t *to;

                to = ipc_stream_reserve(&c->stream, call->size);
                if (!to)
                        return -ENOMEM;
                memcpy(to, call->message, call->size);
                ipc_stream_commit(&c->stream, call->size);

                call = channel_calls_take(&c->unsent);
                if (call->flags & CHANNEL_CALL_ONEWAY) {
                        channel_forget(c, call);
                        channel_call_free(call);
                        continue;
                }
                call->n_skip = c->n_skip;
                c->n_skip = 0;
                channel_calls_put(&c->sent, call);
        }
        return 0;
}

static int channel_write(Channel *c, uint64_t now_us) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
        bool wants_out;
        int r;

        do {
                r = channel_transmit(c);
                if (r < 0)
                        return r;
                r = ipc_stream_write(&c->stream, now_us);
                if (r < 0)
                        return r == -EPIPE ? -ECONNRESET : r;
        } while (c->unsent.first && ipc_stream_get_unsent(&c->stream) == 0);

        wants_out = ipc_stream_get_unsent(&c->stream) > 0;
        if (wants_out == c->wants_out)
                return 0;
        if (wants_out)
                event.events |= EPOLLOUT;
        if (epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, c->stream.fd, &event) < 0)
                return -errno;
        c->wants_out = wants_out;
        return 0;
}

/* Who is not let in hears so before it has asked: that answers its first call, unless that can wait. */
static int channel_match_refusal(Channel *c, ChannelCall **ret_call) {
        const ChannelCall *call = c->unsent.first;

        if (!call || call->flags & CHANNEL_CALL_PATIENT)
                return -ECONNRESET;
        *ret_call = channel_calls_take(&c->unsent);
        channel_forget(c, *ret_call);
        return 1;
}

/* Whose reply it is: 1, and *ret_call has it, or 0: nobody's any more. */
static int channel_match(Channel *c, const IpcWireReply *reply, ChannelCall **ret_call) {
        ChannelCall *call = c->sent.first;
        unsigned *n_skip = call ? &call->n_skip : &c->n_skip;

        if (*n_skip > 0) {
                (*n_skip)--;
                return 0;
        }
        if (!call && !ipc_is_absent(reply->error))
                return channel_match_refusal(c, ret_call);
        if (!call || (reply->continues && !(call->flags & CHANNEL_CALL_MORE)))
                return -EBADMSG;
        if (!reply->continues) {
                channel_calls_take(&c->sent);
                channel_forget(c, call);
        }
        c->back_off_us = 0;
        *ret_call = call;
        return 1;
}

/* 1: *ret is a reply. 0: none has come. */
static int channel_read(Channel *c, ChannelNews *ret) {
        for (;;) {
                ChannelNews news = { .type = CHANNEL_REPLY };
                int r;

                r = ipc_stream_next(&c->stream, &news.message);
                if (r == IPC_STREAM_NONE)
                        r = ipc_stream_read(&c->stream);
                else if (r == 0) {
                        r = ipc_wire_parse_reply(c->document, news.message, &news.reply);
                        if (r > 0)
                                r = -EBADMSG;
                        if (r == 0)
                                r = channel_match(c, &news.reply, &news.call);
                        if (r > 0)
                                *ret = news;
                        if (r != 0)
                                return r;
                }
                if (r == IPC_STREAM_AGAIN)
                        return 0;
                if (r != 0)
                        return r == IPC_STREAM_END ? -ECONNRESET : r;
        }
}

/* News ------------------------------------------------------------------------------------------------ */

/* What is known already. */
static bool channel_tell(Channel *c, ChannelNews *ret) {
        ChannelCall *call = channel_calls_take(&c->failed);

        if (call)
                *ret = (ChannelNews){ .type = CHANNEL_FAILED, .call = call, .result = call->result };
        else if (c->is_loss_untold)
                *ret = (ChannelNews){ .type = CHANNEL_LOST, .result = c->error };
        else if (c->is_return_untold)
                *ret = (ChannelNews){ .type = CHANNEL_BACK };
        else
                return false;

        if (ret->type == CHANNEL_LOST) {
                c->told_error = c->error;
                c->is_loss_untold = false;
        }
        if (ret->type == CHANNEL_BACK)
                c->is_return_untold = false;
        return true;
}

/* Reads, then writes. 1: *ret is a reply. */
static int channel_talk(Channel *c, uint64_t now_us, ChannelNews *ret) {
        int r;

        r = channel_read(c, ret);
        if (r == 0)
                r = channel_write(c, now_us);
        if (r < 0)
                channel_break(c, r, now_us);
        return r;
}

int channel_next(Channel *c, uint64_t now_us, ChannelNews *ret) {
        channel_expire(c, now_us);
        for (;;) {
                bool is_due = c->unsent.first && (c->state == CHANNEL_IDLE || now_us >= c->retry_us);
                int r;

                if (channel_tell(c, ret))
                        return 1;
                if (c->state == CHANNEL_CONNECTED) {
                        r = c->is_ready ? channel_talk(c, now_us, ret) : 0;
                        if (r > 0)
                                return 1;
                        if (r < 0)
                                continue;
                } else if (is_due) {
                        channel_connect(c, now_us);
                        if (c->state == CHANNEL_CONNECTED)
                                c->is_ready = true;
                        continue;
                }
                c->is_ready = false;
                return 0;
        }
}

uint64_t channel_deadline_us(const Channel *c) {
        uint64_t deadline_us = c->deadline_us;

        if (c->is_ready)
                return 0;
        if (c->state == CHANNEL_WAITING && c->unsent.first)
                deadline_us = MIN(deadline_us, c->retry_us);
        return deadline_us;
}
