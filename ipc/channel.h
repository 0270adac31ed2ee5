/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A client's connection to a Varlink server: pipelines calls, matches replies, and connects again when the
 * connection breaks. Knows nothing of what calls mean, never blocks, and is told the time (CLOCK_BOOTTIME).
 *
 * It connects while calls want it to, and then keeps the connection until it breaks. What happened is popped
 * by channel_next(), one piece of news at a time; what is not popped is not read, so a server that talks
 * faster than its client listens is held back by the socket.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "ipc/stream.h"
#include "ipc/wire.h"
#include "util/util.h"

/* What is done with a call besides sending it. */
typedef enum ChannelCallFlags {
        CHANNEL_CALL_MORE = 1 << 0,    /* there may be several replies */
        CHANNEL_CALL_ONEWAY = 1 << 1,  /* there will be none: it is over when it is written */
        CHANNEL_CALL_AGAIN = 1 << 2,   /* send it again when the connection breaks before its last reply */
        CHANNEL_CALL_PATIENT = 1 << 3, /* keep it while nothing can be connected to */
        CHANNEL_CALL_BOUND = 1 << 4,   /* it makes sense on the present connection alone, even if unsent */
} ChannelCallFlags;

/* A call from channel_start() to its last reply. */
typedef struct ChannelCall ChannelCall;
struct ChannelCall {
        ChannelCall *next;
        uint64_t deadline_us;
        unsigned flags;
        unsigned n_skip; /* replies before its own that nobody waits for any more */

        /* The owner's. */
        unsigned kind;
        void *userdata;
        int result;
        char *reply;
        size_t reply_size;

        size_t size; /* of the message with its NUL */
        uint8_t message[];
};

/* Makes a call; 'parameters' is a JSON object, empty: none. -EMSGSIZE: larger than IPC_MESSAGE_MAX. */
int channel_call_new(ChannelCall **ret, const char *method, az_span parameters, unsigned flags);
ChannelCall *channel_call_free(ChannelCall *call);
DEFINE_CLEANUP(ChannelCall *, channel_call_free)

/* Calls in the order in which they were made. */
typedef struct ChannelCalls {
        ChannelCall *first, *last;
} ChannelCalls;

/* Appends a call; removes the first one, NULL: there is none. */
void channel_calls_put(ChannelCalls *calls, ChannelCall *call);
ChannelCall *channel_calls_take(ChannelCalls *calls);

typedef enum ChannelState {
        CHANNEL_IDLE,      /* there is no connection, and none is wanted */
        CHANNEL_CONNECTED, /* there is one */
        CHANNEL_WAITING,   /* there will be another attempt at 'retry_us' */
        _CHANNEL_STATE_MAX,
} ChannelState;

typedef struct Channel {
        const struct sockaddr_un *address;
        int epoll_fd; /* where its socket is waited for, with itself as the datum */
        ChannelState state;
        IpcStream stream;
        IpcDocument *document; /* where replies are parsed; may be shared */
        ChannelCalls unsent;   /* still to go into the stream */
        ChannelCalls sent;     /* the server may know of them, and they wait for their replies */
        ChannelCalls failed;   /* they have ended, untold */
        unsigned n_skip;       /* replies behind those of 'sent' that nobody waits for any more */
        unsigned n_calls;      /* unsent and sent */
        size_t n_bytes;        /* of their messages */
        uint64_t deadline_us;  /* none of them has an earlier one */
        uint64_t retry_us;     /* when to connect, if WAITING */
        uint64_t back_off_us;  /* from the next loss to the attempt after it */
        int error;             /* why there is no connection, if there is none */
        int told_error;        /* the last one that was told in this outage; 0: none */
        bool is_loss_untold, is_return_untold;
        bool is_ready;  /* something may be done at once */
        bool wants_out; /* as the epoll instance knows it */
} Channel;

/* 'address', 'epoll_fd' and 'document' must outlive it. */
void channel_init(Channel *channel, const struct sockaddr_un *address, int epoll_fd, IpcDocument *document);
void channel_done(Channel *channel);

/* Takes a call over, to be sent by channel_next(). Without a deadline: UINT64_MAX. */
void channel_start(Channel *channel, ChannelCall *call, uint64_t deadline_us);

typedef enum ChannelNewsType {
        CHANNEL_REPLY,  /* 'call' has a reply */
        CHANNEL_FAILED, /* 'call' has ended without a reply: 'result' */
        CHANNEL_LOST,   /* the connection broke, or none was to be had: 'result'; told again if it changes */
        CHANNEL_BACK,   /* there is one again */
        _CHANNEL_NEWS_TYPE_MAX,
} ChannelNewsType;

/* What happened. */
typedef struct ChannelNews {
        ChannelNewsType type;
        ChannelCall *call;  /* has left the channel unless 'reply' continues: to be freed by the caller */
        int result;         /* negative */
        IpcWireReply reply; /* valid until the channel's next function */
        az_span message;    /* the same as text */
} ChannelNews;

/* Does what can be done without waiting, up to the next piece of news. 1: *ret is one. 0: nothing is left. */
int channel_next(Channel *channel, uint64_t now_us, ChannelNews *ret);

/* When something has to be done that no descriptor tells; 0: now, UINT64_MAX: never. */
uint64_t channel_deadline_us(const Channel *channel);

/* Breaks the connection because of what came on it. The same as below, but it is news. */
void channel_lose(Channel *channel, int error, uint64_t retry_us);

/* Closes the connection, which is no news, and connects again not before 'retry_us', if a call wants to. */
void channel_close(Channel *channel, uint64_t retry_us);
