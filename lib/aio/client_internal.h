/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_CLIENT_INTERNAL_H
#define _az_AIO_CLIENT_INTERNAL_H

/* What the files of the client share; not part of the public API. */

#include <stdbool.h>
#include <stdint.h>

#include <aio/client.h>
#include <aio/cloud_event.h>
#include <aio/command_executor.h>
#include <aio/command_invoker.h>
#include <aio/serializer.h>
#include <aio/telemetry.h>

_az_BEGIN_DECLS

/* ---- client.c: errors, and tokens ---- */

/* What the token of a PUBLISH is about; the rest of it is a number of 61 bits. */
typedef enum {
        _AIO_TOKEN_SENT,       /* the program's */
        _AIO_TOKEN_INVOCATION, /* an id */
        _AIO_TOKEN_RESPONSE,   /* an id of a task */
        _AIO_TOKEN_NOBODY
} _aio_token_kind;

/* Ids are a generation of 29 bits, never 0, and the index of an entry. */
#define _aio_TOKEN_VALUE_MAX ((UINT64_C(1) << 61) - 1)

AZ_NODISCARD AZ_INLINE uint64_t _aio_token(_aio_token_kind kind, uint64_t value) {
        return AIO_TOKEN_BIT | ((uint64_t) kind << 61) | value;
}

AZ_NODISCARD AZ_INLINE uint64_t _aio_id(uint32_t generation, uint32_t index) {
        return ((uint64_t) generation << 32) | index;
}

AZ_NODISCARD AZ_INLINE uint32_t _aio_next_generation(uint32_t generation) {
        return generation % ((UINT32_C(1) << 29) - 1) + 1;
}

/* Returns a span of a text that lives for ever. */
AZ_NODISCARD az_span _aio_span_of(char const *text);

/* Returns an error that is shallow, for a call that did nothing. */
AZ_NODISCARD aio_error _aio_shallow(aio_error_kind kind, az_result cause, az_span property_name,
                                    az_span message);

/* Returns the error of what the memory of the client is too small for. */
AZ_NODISCARD aio_error _aio_capacity_error(void);

/* Returns "mqtt error". */
AZ_NODISCARD aio_error _aio_mqtt_error(az_result cause, uint8_t reason_code);

/* Returns the text of a duration, which lies in the client until the next one. */
AZ_NODISCARD az_span _aio_duration(aio_client *client, uint64_t duration_us);

/* Returns "timeout", with the text of its value in the client. */
AZ_NODISCARD aio_error _aio_timeout_error(aio_client *client, az_span name, uint64_t timeout_us);

/* Tells whether a PUBLISH, SUBSCRIBE or UNSUBSCRIBE came out well (MQTT 5.0, 2.4). */
AZ_NODISCARD AZ_INLINE bool _aio_is_accepted(az_result result, uint8_t reason_code) {
        return az_result_succeeded(result) && reason_code < 0x80;
}

/* ---- client_endpoint.c: who is subscribed to what ---- */

/*
 * Subscribes an endpoint whose 'kind', 'context' and pattern are set.
 *
 *   filter  instead of the pattern's; empty: the pattern's
 */
AZ_NODISCARD az_result _aio_endpoint_start(aio_endpoint *ref_endpoint, aio_client *client, az_span filter,
                                           az_span share_name, aio_error *out_error);

/* Unsubscribes it. False: it was stopped or stopping. */
bool _aio_endpoint_stop(aio_endpoint *ref_endpoint);

/* It may have had the last thing that kept it from being STOPPED. */
void _aio_endpoint_settle(aio_endpoint *ref_endpoint);

/* Pops a wish, or news, of an endpoint. */
AZ_NODISCARD bool _aio_endpoint_next_event(aio_client *client, aio_event *out_event);

/* Finds those that a topic is for, linked by 'next_match'. */
AZ_NODISCARD aio_endpoint *_aio_endpoints_find(aio_client *client, az_span topic);

/* ---- client_message.c: messages that are written, read and kept ---- */

/* What there is to be written, in the same form for telemetry, requests and responses. */
typedef struct {
        aio_serializer const *serializer; /* NULL: there is no payload */
        az_span payload;
        az_span content_type;
        bool has_payload_format;
        uint8_t payload_format;
        az_mqtt_user_property const *user_properties;
        int32_t n_user_properties;
        aio_cloud_event const *cloud_event;
        char const *cloud_event_type;
        az_span scratch; /* what the topics have left of it */
        uint64_t wall_ms;
        az_result (*write_reserved)(void const *what, aio_metadata_writer *writer, az_span source_id,
                                    aio_hlc const *timestamp);
        void const *what; /* for write_reserved() */
} _aio_draft;

/* Completes a message, whose topic is set, in the memory of the client. */
AZ_NODISCARD az_result _aio_message_write(aio_client *client, _aio_draft const *draft,
                                          az_mqtt_message *ref_message, aio_error *out_error);

/* Sets the expiry of a message that is good for 'timeout_us', or by default for 10 s. */
AZ_NODISCARD az_result _aio_message_set_expiry(aio_client *client, az_mqtt_message *ref_message,
                                               bool has_timeout, uint64_t timeout_us,
                                               char const *property_name, aio_error *out_error);

/*
 * Copies a message, with everything that it points to, and the tokens of its topic.
 *
 * Returns a block of the arena; NULL: there is none as large.
 */
AZ_NODISCARD az_mqtt_message *_aio_message_copy(aio_client *client, az_mqtt_message const *message,
                                                aio_topic_token const *tokens, int32_t n_tokens,
                                                aio_topic_token **out_tokens);

/* Writes spaces over what a server need not take in a text (MQTT 5.0, 1.5.4): it would close the connection.
 */
void _aio_text_clean(az_span text);

/*
 * Takes the message that is being dealt with apart, in the memory of the client, for an endpoint.
 *
 * NOT_ENOUGH_SPACE: the arrays of the client are too small. AZ_ERROR_NOT_SUPPORTED: it is of another version
 * of the protocol.
 */
AZ_NODISCARD az_result _aio_message_read(aio_client *client, aio_endpoint const *endpoint,
                                         aio_received *out_received, aio_error *out_error);

/*
 * Reads its timestamp, past which the clock is moved, and checks its payload.
 *
 *   serializer  NULL: whatever the payload is
 */
AZ_NODISCARD az_result _aio_message_check(aio_client *client, aio_serializer const *serializer,
                                          aio_received *ref_received, aio_error *out_error);

/* Makes the event IGNORED of the message that is being dealt with. */
void _aio_message_ignore(aio_endpoint *endpoint, aio_error const *error, aio_event *out_event);

/* ---- client_task.c: what the client remembers of messages that came ---- */

enum {
        _AIO_TASK_FREE,
        _AIO_TASK_UNACKED,   /* telemetry, until the program acknowledges it */
        _AIO_TASK_QUEUED,    /* a request that waits to be executed */
        _AIO_TASK_OFFERED,   /* REQUEST is to be popped */
        _AIO_TASK_EXECUTING, /* until it is responded to */
        _AIO_TASK_GONE,      /* REQUEST_GONE is to be popped */
        _AIO_TASK_ANSWERED,  /* PUBLISH is to be popped */
        _AIO_TASK_SENT,      /* until the response is acknowledged */
        _AIO_TASK_DONE,      /* kept for repeats */
        _AIO_TASK_REPEAT     /* waits for another one, which it repeats */
};

AZ_INLINE void _aio_list_append(_aio_task_list *list, aio_task *task) {
        task->next = NULL;
        task->previous = list->last;
        if (list->last)
                list->last->next = task;
        else
                list->first = task;
        list->last = task;
}

AZ_INLINE void _aio_list_remove(_aio_task_list *list, aio_task *task) {
        if (task->previous)
                task->previous->next = task->next;
        else
                list->first = task->next;
        if (task->next)
                task->next->previous = task->previous;
        else
                list->last = task->previous;
        task->next = task->previous = NULL;
}

/* Puts all tasks on the list of those that are free. */
void _aio_tasks_init(aio_client *client);

/* Takes a task for an endpoint and the message that is being dealt with. NULL: all are in use. */
AZ_NODISCARD aio_task *_aio_task_take(aio_client *client, aio_endpoint *endpoint);

/* Returns the id of a task, and the task of an id; NULL: there is none. */
AZ_NODISCARD uint64_t _aio_task_id(aio_client const *client, aio_task const *task);
AZ_NODISCARD aio_task *_aio_task_find(aio_client const *client, uint64_t id);

/* The task is done with its message, which is acknowledged if all others are, too. */
void _aio_task_leave(aio_client *client, aio_task *task);

/* Gives back a task that is on no list, and all it has. */
void _aio_task_free(aio_client *client, aio_task *task);

/* Forgets the response that has been kept for longest. False: none is kept. */
bool _aio_task_evict(aio_client *client);

/* Finds the request of an executor with this correlation data and response topic; NULL: there is none. */
AZ_NODISCARD aio_task *_aio_task_find_request(aio_client const *client, aio_endpoint const *endpoint,
                                              az_mqtt_message const *request);

/* Lets it be found, or not any more. */
void _aio_task_hash(aio_client *client, aio_task *task);
void _aio_task_unhash(aio_client *client, aio_task *task);

/* Takes a block, if need be in place of the oldest responses. NULL: none is as large. */
AZ_NODISCARD void *_aio_block_take(aio_client *client, uint32_t size);

/* ---- What each kind of endpoint does ---- */

/* Deals with the message that is for this endpoint. True: 'out_event' is what comes of it; otherwise nothing
 * does, or other events. */
AZ_NODISCARD bool _aio_telemetry_receiver_take(aio_telemetry_receiver *receiver, aio_event *out_event);
AZ_NODISCARD bool _aio_command_invoker_take(aio_command_invoker *invoker, aio_event *out_event);
AZ_NODISCARD bool _aio_command_executor_take(aio_command_executor *executor, aio_event *out_event);

/* The endpoint is stopped: forgets what there is of it. */
void _aio_telemetry_receiver_stopped(aio_telemetry_receiver *receiver);
void _aio_command_executor_stopped(aio_command_executor *executor);

/* Ends all invocations of an invoker, or of all (NULL). */
void _aio_invocations_end(aio_client *client, aio_command_invoker const *invoker, aio_error_kind kind,
                          az_result result, uint8_t reason_code);

/* The request of an invocation was not published. */
void _aio_invocation_unpublished(aio_client *client, uint64_t id, az_result result, uint8_t reason_code);

/* The deadline of an invocation, or a task, has passed. */
void _aio_invocation_on_timer(aio_client *client, _aio_timer *timer);
void _aio_task_on_timer(aio_client *client, _aio_timer *timer, aio_time time);

/* Pops the RESPONSE of an invocation that ended without one. */
AZ_NODISCARD bool _aio_invocation_next_event(aio_client *client, aio_event *out_event);

/* Puts all invocations on the list of those that are free. */
void _aio_invocations_init(aio_client *client);

/* Pops REQUEST, REQUEST_GONE, or PUBLISH of a response. */
AZ_NODISCARD bool _aio_task_next_event(aio_client *client, aio_event *out_event);

/* There was no room for the response of a request: it is published later. */
void _aio_task_postpone(aio_client *client, uint64_t id);

/* The response of a request is acknowledged, or was not published. */
void _aio_task_published(aio_client *client, uint64_t id, uint64_t now_us);

_az_END_DECLS

#endif
