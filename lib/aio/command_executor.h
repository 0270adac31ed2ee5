/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_COMMAND_EXECUTOR_H
#define _az_AIO_COMMAND_EXECUTOR_H

/*
 * Offers a command that invokers elsewhere call (aio/command_invoker.h): each REQUEST has to be responded to.
 *
 *      aio_command_executor executor;
 *      aio_serializer json = aio_serializer_json();
 *      aio_command_executor_options options = {
 *              .command_name = AZ_SPAN_FROM_STR("increment"),
 *              .request_topic_pattern = AZ_SPAN_FROM_STR("counter/{id}/increment"),
 *              .tokens = { &id, 1 },
 *              .serializer = &json,
 *      };
 *
 *      r = aio_command_executor_start(&executor, client, &options, &error);
 *      pump(runner, client);                        (see aio/client.h; STARTED follows, then REQUEST)
 *      ...
 *      case AIO_EVENT_REQUEST:
 *              aio_response response = { .payload = AZ_SPAN_FROM_STR("{\"value\":8}") };
 *
 *              r = aio_command_executor_respond(client, event->as.request.id, &response, time, &error);
 *
 * In the loop of pump() that is enough; at any later time it is followed by pump().
 *
 * What the executor does by itself:
 *
 * - A request that is not as it should be is answered: without correlation data or expiry, or with such that
 *   are not allowed, a timestamp that cannot be read (400) or is too far ahead (503), another version of the
 *   protocol (505), another Content Type (415), a payload of another format (400). It is IGNORED, for a
 *   log. Without a topic to respond to it is only acknowledged.
 * - A request that comes again, from the same invoker with the same correlation data, is not executed again:
 *   while the first is executed it waits for that; later it is answered with the same response, until the
 *   request expires. An error is a response, too.
 * - A request whose execution takes longer than 'execution_timeout_us' is answered 408; one that expires
 *   is not answered. REQUEST_GONE tells of both, and the place is free for the next.
 * - A request is acknowledged once its response is, whatever that says.
 *
 * Preconditions of all functions: pointers are not NULL, unless for an empty array; spans well formed.
 *
 * Source: Azure IoT Operations SDKs, "Remote procedure calls".
 */

#include <aio/client.h>
#include <aio/cloud_event.h>
#include <aio/serializer.h>

_az_BEGIN_DECLS

/* What to offer. What it points to must outlive the executor. */
typedef struct {
        az_span command_name; /* for errors; has to be given */
        az_span request_topic_pattern;
        az_span topic_namespace;          /* empty: none */
        aio_topic_tokens tokens;          /* resident; others match any level */
        az_span share_name;               /* of a group that shares the work; empty: none */
        aio_serializer const *serializer; /* of requests; NULL: bytes of any kind (aio_serializer_any()) */
        aio_serializer const *response_serializer; /* NULL: the same as of requests */
        bool has_execution_timeout;                /* otherwise it is AIO_TIMEOUT_DEFAULT_US */
        uint64_t execution_timeout_us;             /* not 0 */
        uint32_t concurrency; /* so many requests at once; others wait in their order. 0: all */
        void *context;        /* the caller's: 'context' of the endpoint */
} aio_command_executor_options;

/* Executes one command, any number of times at once. */
struct aio_command_executor {
        aio_endpoint endpoint;
        struct {
                az_span command_name;
                aio_serializer serializer, response_serializer;
                uint64_t execution_timeout_us;
                uint32_t concurrency;
                uint32_t n_executing;
                uint32_t n_tasks;      /* that have not come to their end */
                _aio_task_list queued; /* wait to be executed */
        } _internal;
};

/*
 * Starts (SUBSCRIBE; then STARTED when that is answered).
 *
 * AZ_ERROR_ARG: 'out_error' says which option is at fault ("invalid configuration"): an execution time-out of
 * 0 is AIO_PROPERTY_EXECUTION_TIMEOUT. NOT_ENOUGH_SPACE: the memory of the client is too small for the
 * filter. Nothing was started.
 */
AZ_NODISCARD az_result aio_command_executor_start(aio_command_executor *out_executor, aio_client *client,
                                                  aio_command_executor_options const *options,
                                                  aio_error *out_error);

/* What a command returns; {0} is success without a payload (204), whatever the serializer says of that. */
typedef struct {
        az_span payload; /* of a value: aio_serialize() makes one */
        az_mqtt_user_property const *user_properties;
        int32_t n_user_properties;
        aio_cloud_event const *cloud_event; /* NULL: none */
        az_span content_type;               /* instead of the serializer's; absent: that one */
        bool has_payload_format;            /* instead of the serializer's */
        uint8_t payload_format;

        /* The command failed in a way that its program knows: its own code, and what else it says of it. To
         * the protocol that is success. Absent: none. */
        az_span application_error_code;
        az_span application_error_payload;
} aio_response;

/*
 * Responds to a request (PUBLISH, then ACK). The response is copied; it may lie in the request.
 *
 *   id  of REQUEST
 *
 * In these cases the request still waits for its response, and 'out_error' says why, shallow:
 *
 * AZ_ERROR_ARG: "invalid configuration": the metadata, the cloud event, or an application error
 * without a code.
 * UNEXPECTED_CHAR: "invalid payload": it is not of the serializer's format. AZ_ERROR_CLOCK: "invalid state":
 * the clock of the program is ahead of the wall clock. NOT_ENOUGH_SPACE: the memory of the client is too
 * small.
 *
 * ITEM_NOT_FOUND: "invalid state": the request is gone, or was responded to before.
 */
AZ_NODISCARD az_result aio_command_executor_respond(aio_client *client, uint64_t id,
                                                    aio_response const *response, aio_time time,
                                                    aio_error *out_error);

/*
 * Responds that the command failed (500, "execution error").
 *
 *   message  for people, of which control characters become spaces; empty: "The request was dropped by the
 * application", to decline it
 *
 * As aio_command_executor_respond().
 */
AZ_NODISCARD az_result aio_command_executor_fail(aio_client *client, uint64_t id, az_span message,
                                                 aio_time time, aio_error *out_error);

/*
 * Stops (UNSUBSCRIBE, then STOPPED, maybe with "mqtt error"). Requests that are executed, or wait for it, are
 * declined (REQUEST_GONE); STOPPED comes when their responses are acknowledged. Responses are not kept. Does
 * nothing if it is stopped or stopping.
 */
void aio_command_executor_stop(aio_command_executor *executor, aio_time time);

_az_END_DECLS

#endif
