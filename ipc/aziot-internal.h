/* SPDX-License-Identifier: MIT */
#pragma once

/* What the files of libaziot share; nothing of it leaves the library. */

#include <sys/queue.h>

#include "ipc/aziot.h"
#include "ipc/channel.h"
#include "ipc/field.h"
#include "ipc/json.h"
#include "ipc/limits.h"

/* The functions of aziot.h are all that the shared library exports. */
#define _public_ __attribute__((visibility("default")))

/* What is wanted of a reply besides its text. */
typedef enum CallKind {
        CALL_OTHER,
        CALL_SEND,       /* sequence */
        CALL_SEND_BATCH, /* lastSequence */
        CALL_FLUSH,      /* accepted, refused */
        CALL_REPORT,     /* version */
        CALL_TWIN,
        CALL_STATUS,
        _CALL_KIND_MAX,
} CallKind;

/* One that is watched, served or taken, and all of them. */
typedef struct Task Task;
typedef TAILQ_HEAD(TaskList, Task) TaskList;

struct Aziot {
        struct sockaddr_un address;
        int epoll_fd;
        uint64_t timeout_us;
        Channel channel;     /* of the calls; each task has its own */
        ChannelCalls stored; /* calls that ended while another one was awaited */
        TaskList tasks;      /* the one that had the last event is the last */
        uint64_t last_handle;

        /* The last reply, of any channel. Everything handed out lies in its arena and in what follows. */
        IpcDocument document;
        bool is_out_of_memory; /* since a reply was begun to be read */
        AziotEvent event;
        AziotError error;
        AziotReply reply;
        uint64_t n_accepted, n_refused; /* the reply was that of a Flush */
        AziotTwin twin;
        AziotStatus status;
        char explanation[1024];
};

/* Calls (aziot.c) ------------------------------------------------------------------------------------- */

typedef struct Request {
        CallKind kind;
        const char *method;
        unsigned flags;       /* AziotFlags */
        bool changes_nothing; /* it may be sent again at any time */
        bool waits_for_stage; /* the daemon watches the time itself, and is given some more */
        void *userdata;
} Request;

/* Starts a call; its event comes from aziot_dispatch(). */
int aziot_request_start(Aziot *a, const Request *request, const IpcJson *parameters);

/* Makes a call and waits. 0: the reply is in 'a', as its kind says. AZIOT_REFUSED: the error is. */
int aziot_request(Aziot *a, const Request *request, const IpcJson *parameters);

/* The deadline of a call that is made now. */
uint64_t aziot_deadline_us(const Aziot *a);

/* Writes a caller's JSON object, NULL: an empty one, as the parameters of a call. -EINVAL: it is none. */
int aziot_write_parameters(IpcJson *json, const char *parameters);

/* The seconds that a call waits for a stage, as the daemon wants to be told. */
int64_t aziot_timeout_s(const Aziot *a);

/* Errors (aziot-text.c) ------------------------------------------------------------------------------- */

/* Room for a sentence with the names that an error has in its fields; what is longer is cut. */
#define AZIOT_ERROR_TEXT_SIZE 400U

/* Writes what an error of the daemon's says to a person. */
void aziot_format_error(az_span name, az_span parameters, char buffer[static AZIOT_ERROR_TEXT_SIZE]);

/* Replies (aziot-reply.c) ----------------------------------------------------------------------------- */

/* Fill in what is handed out. 0, AZIOT_REFUSED, -EBADMSG, -ENOMEM. */
int aziot_read_reply(Aziot *a, CallKind kind, const IpcWireReply *wire);
int aziot_read_error(Aziot *a, const IpcWireReply *wire);
int aziot_read_twin_update(Aziot *a, uint32_t token, AziotTwinUpdate *ret);
int aziot_read_status(Aziot *a, uint32_t token, AziotStatus *ret);
int aziot_read_method(Aziot *a, uint32_t token, AziotMethodCall *ret);
int aziot_read_message(Aziot *a, uint32_t token, AziotCloudMessage *ret);
int aziot_read_work(Aziot *a, uint32_t token, AziotWork *ret, const char **ret_id);

/* A condition of the last three: there is none yet. */
#define AZIOT_NOTHING 1

/* Tasks (aziot-task.c): what is watched, served or taken ---------------------------------------------- */

/* 1: a->event is what happened. 0: nothing has. */
int aziot_tasks_next(Aziot *a, uint64_t now_us);
uint64_t aziot_tasks_deadline_us(const Aziot *a);
void aziot_tasks_done(Aziot *a);
